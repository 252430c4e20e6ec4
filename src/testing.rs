//! What tests, benchmarks and fuzz targets use of this crate, under the path that it has inside.
//!
//! Not an interface: it changes without notice. Everything else is private to the crate, so that the
//! compiler reports what nothing uses.

pub mod assessment {
    pub use crate::assessment::{Examination, LastRun, Parameters, UnitReport};
}
pub mod audit {
    pub use crate::audit::{Audit, Audited, ControlOutcome, counts};
    pub mod benchmark {
        pub use crate::audit::benchmark::Benchmark;
    }
    pub mod control {
        pub use crate::audit::control::{
            Control, Criterion, EtcdRule, FileSet, KubeComponent, KubeletRule, KubeletSetting,
            NodeType, Rule, Scoring, Who,
        };
    }
    pub mod controls {
        pub use crate::audit::controls::{all, keys, of};
    }
    pub mod cure {
        pub use crate::audit::cure::{Group, groups};
    }
    pub mod evaluate {
        pub use crate::audit::evaluate::audit;
    }
    pub mod facts {
        pub use crate::audit::facts::{
            ConfigDocument, EtcdAccount, InspectedFile, KubeletFacts, NodeFacts, Parts, Survey,
        };
    }
    pub mod flags {
        pub use crate::audit::flags::{ComponentArg, ComponentCommand, When};
    }
    pub mod waiver {
        pub use crate::audit::waiver::Waiver;
    }
}
pub mod cli {
    pub use crate::cli::command;
    pub mod completions {
        pub use crate::cli::completions::script;
    }
}
pub mod configuration {
    pub use crate::configuration::{BlockOn, Configuration};
}
pub mod daemon {
    pub mod service {
        pub use crate::daemon::service::{
            MANAGER, PATH, Request, Shared, UNIT, publish, serve, unit_path,
        };
    }
}
pub mod document {
    pub use crate::document::UnitDocument;
}
pub mod evaluate {
    pub use crate::evaluate::evaluate;
    pub mod next_boot {
        pub use crate::evaluate::next_boot::facts;
    }
}
pub mod examine {
    pub use crate::examine::{OtherUnit, Target, assess, installed, targets};
    pub mod audit {
        pub use crate::examine::audit::node;
    }
}
pub mod facts {
    pub use crate::facts::{
        AccountRow, Certificate, CertificateKind, Cgroup, EtcdDatabase, HostFacts, KernelFact,
        Lookup, Machine, Measurements, NextBoot, Operation, ReadError, Reading, RemedyFacts, Room,
        Source, Table, WriteAccess,
    };
}
pub mod finding {
    pub use crate::finding::{CheckId, Component, Effect, Finding, Outcome};
}
pub mod gate {
    pub mod block {
        pub use crate::gate::block::{Block, Reason, SCHEMA};
    }
    pub mod plan {
        pub use crate::gate::plan::{Override, decide, kernel_override};
    }
}
pub mod glob {
    pub use crate::glob::matches;
}
pub mod go {
    pub use crate::go::trim_space;
}
pub mod host {
    pub use crate::host::HostRoot;
    pub mod facts {
        pub use crate::host::facts::collect;
    }
    pub mod rke2_binary {
        pub use crate::host::rke2_binary::{VersionCommand, detect, read_program};
    }
    pub mod rke2_config {
        pub use crate::host::rke2_config::{read, read_kubelet};
    }
    pub mod state {
        pub use crate::host::state::State;
    }
    pub mod sysctl_d {
        pub use crate::host::sysctl_d::collect;
    }
    pub mod systemd_bus {
        pub use crate::host::systemd_bus::ask;
    }
    pub mod units {
        pub use crate::host::units::{complete, find};
    }
}
pub mod journal {
    pub use crate::journal::id;
}
pub mod monitor {
    pub use crate::monitor::{Hold, MonitorStatus, NodeStatus, Phase, UnitStatus};
    pub mod status {
        pub use crate::monitor::status::SCHEMA;
    }
}
pub mod report {
    pub mod audit {
        pub mod html {
            pub use crate::report::audit::html::{NotAReport, Report, read, render};
        }
        pub mod json {
            pub use crate::report::audit::json::render;
        }
        pub mod xccdf {
            pub use crate::report::audit::xccdf::render;
        }
        pub mod junit {
            pub use crate::report::audit::junit::render;
        }
        pub mod kube_bench {
            pub use crate::report::audit::kube_bench::render;
        }
        pub mod metrics {
            pub use crate::report::audit::metrics::render;
        }
        pub mod sarif {
            pub use crate::report::audit::sarif::render;
        }
        pub mod text {
            pub use crate::report::audit::text::render;
        }
    }
    pub mod journal {
        pub use crate::report::journal::records;
    }
    pub mod json {
        pub use crate::report::json::render;
    }
    pub mod metrics {
        pub use crate::report::metrics::{FAMILIES, Family, Snapshot, render};
    }
    pub mod settings {
        pub use crate::report::settings::{json, text};
    }
    pub mod sysctl {
        pub use crate::report::sysctl::{json, text};
    }
    pub mod text {
        pub use crate::report::text::{Style, render};
    }
}
pub mod requirements {
    pub use crate::requirements::{KubeletCheck, RequirementKind, of};
    pub mod catalogue {
        pub use crate::requirements::catalogue::{CHECKS, Check, ids};
    }
}
pub mod kubernetes {
    pub use crate::kubernetes::{Cause, Failure, Minor, Program};
    pub mod arguments {
        pub use crate::kubernetes::arguments::{
            Parsed, Taint, Value, component_gates, gate_positions, parse, requested_gates,
        };
    }
    pub mod codec {
        pub use crate::kubernetes::codec::tree::{Node, Place, Value};
        pub use crate::kubernetes::codec::{
            Decoded, Error, Scheme, Strictness, Untyped, decode, decode_untyped,
        };
    }
    pub mod control_plane {
        pub use crate::kubernetes::control_plane::{FileState, judge};
    }
    pub mod feature_gates {
        pub use crate::kubernetes::feature_gates::{Gates, Refusal};
    }
    pub mod kubelet {
        pub use crate::kubernetes::kubelet::machine::{Machine, Numbers, Presence};
        pub use crate::kubernetes::kubelet::outcome::{Outcome, outcome, takes};
        pub mod configuration {
            pub use crate::kubernetes::kubelet::configuration::{
                Directory, Error, File, GateRefusal, Gates, Inputs, Loaded, load,
            };
        }
        pub mod flags {
            pub use crate::kubernetes::kubelet::flags::KubeletFlags;
        }
        pub mod start {
            pub use crate::kubernetes::kubelet::context::Start;
            pub use crate::kubernetes::kubelet::start::{
                after_runtime, before_runtime, flush, gates, logging, logging_errors,
            };
        }
        pub mod validation {
            pub use crate::kubernetes::kubelet::validation::{Host, validate};
        }
    }
    pub mod log {
        pub use crate::kubernetes::log::{ExitLine, LogEnd, LogTime, read, read_container};
    }
    pub mod tables {
        pub use crate::kubernetes::tables::{
            Certainty, Field, Flag, Flags, Form, Gate, Schema, Stage, Subject, Type, ValueKind,
            certainty, flag, flags, gate, gates, kinds, knows, schema,
        };
    }
}
pub mod rke2 {
    pub use crate::rke2::Role;
    pub mod accounts {
        pub use crate::rke2::accounts::lookup;
    }
    pub mod build_info {
        pub use crate::rke2::build_info::{
            BinaryKind, Bytes, from_data_dir, from_version_output, read,
        };
    }
    pub mod changes {
        pub use crate::rke2::changes::between;
    }
    pub mod config {
        pub use crate::rke2::config::{
            Argument, ConfFile, ConfigFiles, DropIn, Effective, IgnoredReason, Invocation,
            KubeletFiles, ParserRules, Setting, SettingOrigin, SettingValue, Settings, Variable,
            config_path, kubelet, kubelet_paths, resolve,
        };
    }
    pub mod installed {
        pub use crate::rke2::installed::{Detection, VersionSource};
    }
    pub mod kernel {
        pub use crate::rke2::kernel::{KERNEL_PARAMETERS, KernelParameter};
    }
    pub mod profile {
        pub use crate::rke2::profile::ProfileRules;
    }
    pub mod releases {
        pub use crate::rke2::releases::{
            count, count_extrapolated, newest, newest_of, newest_read, oldest, release,
        };
    }
    pub mod role {
        pub use crate::rke2::role::Role;
    }
    pub mod start {
        pub use crate::rke2::start::{ComponentFailures, Sourced, StartFailure, StartSettings};
    }
    pub mod version {
        pub use crate::rke2::version::Version;
    }
}
pub mod sysctl_d {
    pub use crate::sysctl_d::{
        Content, Dialect, Directory, File, OverrideReason, Resolution, SearchDirectory,
        SysctlProblemKind, Tree, Tuned, resolve, winning_name,
    };
    pub mod cmdline {
        pub use crate::sysctl_d::cmdline::CommandLine;
    }
    pub mod kernel {
        pub use crate::sysctl_d::kernel::write;
    }
}
pub mod text {
    pub use crate::text::is_unprintable;
}
pub mod unit {
    pub use crate::unit::{
        Command, Enablement, EnvironmentContent, EnvironmentFile, Knowledge, LiveUnit, Load,
        UnitDefinition, Variable, VariableOrigin, Word,
    };
    pub mod directive {
        pub use crate::unit::directive::{Cause, Extent, TABLE, handling, untracked};
    }
    pub mod envfile {
        pub use crate::unit::envfile::{Comments, parse};
    }
    pub mod environment {
        pub use crate::unit::environment::is_set_by_systemd;
    }
    pub mod live {
        pub use crate::unit::live::LiveCommand;
    }
    pub mod load {
        pub use crate::unit::load::{UnitFile, default_environment, load};
    }
    pub mod specifier {
        pub use crate::unit::specifier::Specifiers;
    }
    pub mod words {
        pub use crate::unit::words::{Rules, Words};
    }
}
pub mod verdict {
    pub use crate::verdict::{UnitVerdict, Verdict, fold};
}
