//! What the kubelet checks of its configuration.
//!
//! Upstream: `ValidateKubeletConfiguration` of `pkg/kubelet/apis/config/validation` in 1.24.17, 1.25.16, 1.26.15,
//! 1.27.16, 1.28.15, 1.29.6, 1.30.14, 1.31.14, 1.32.13, 1.33.13, 1.34.4, 1.35.4, 1.36.3 and 1.37.2, on Linux. The
//! checks are in its order.

mod enforcement;
mod fields;
mod images;
mod resources;
mod rules;

use std::collections::BTreeMap;
use std::collections::HashSet;

use crate::kubernetes::codec::duration;
use crate::kubernetes::codec::tree::{Node, Value};
use crate::kubernetes::{Failure, Minor};

use super::configuration::defaults::as_integer;
use super::configuration::{Inputs, Loaded};
use super::parts::{self, Part, Paths, checking, note};

/// What validation needs to know of the machine, and what others found.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// Whether it has control groups of version 1. `None`: not known, and what rests on it is not checked.
    pub has_cgroup_v1: &'a dyn Fn() -> Option<bool>,
    /// What is wrong with the logging configuration, fields and words. Validation reports it in 1.24; since 1.25 the
    /// kubelet ends before.
    pub logging: &'a [(String, String)],
}

/// Checks a configuration. `Err` is what the kubelet exits with. At its end stands what Go prints of the configuration:
/// its kind and version, which 1.29 to 1.31 take over from drop-in files.
pub fn validate(
    minor: Minor,
    loaded: &Loaded,
    inputs: &Inputs<'_>,
    host: Host<'_>,
) -> Result<(), Failure> {
    let gates = loaded.feature_gates();
    let mut check = Check {
        minor,
        configuration: &loaded.value,
        inputs,
        gates: &gates,
        host,
        errors: Vec::new(),
    };
    check.all();
    let Some((field, _)) = check.errors.first() else {
        return Ok(());
    };
    let cause = loaded.cause(field, inputs);
    let is_taken_over = inputs.config_dir.is_some() && (29..=31).contains(&minor.0);
    let printed = |name| if is_taken_over { check.text(name) } else { "" };
    Err(Failure {
        message: format!(
            "failed to validate kubelet configuration, error: {}, path: &TypeMeta{{Kind:{},APIVersion:{},}}",
            aggregate(check.errors.iter().map(|(_, words)| words.as_str())),
            printed("kind"),
            printed("apiVersion")
        ),
        cause,
        rests_on_names: false,
    })
}

/// `utilerrors.NewAggregate`: one error stands alone, more in brackets, each once.
fn aggregate<'a>(errors: impl Iterator<Item = &'a str>) -> String {
    let mut seen = HashSet::new();
    let errors: Vec<&str> = errors.filter(|words| seen.insert(*words)).collect();
    match errors.as_slice() {
        [error] => (*error).to_owned(),
        errors => format!("[{}]", errors.join(", ")),
    }
}

/// The checks that read something of what was set.
pub(super) struct Selected(Vec<&'static Part<Run>>);

/// Selects them, and adds the fields that they read to `fields`. Numbers are checked each for itself.
pub(super) fn select(set: &Paths<'_>, fields: &mut Paths<'static>) -> Selected {
    let mut selected = Vec::new();
    for part in PARTS {
        if part.reads == [NUMBERS] {
            selected.push(part);
        } else if part.reads_one_of(set) {
            selected.push(part);
            fields.add_fields(part.reads);
        }
    }
    for bound in rules::NUMBERS {
        if set.has(bound.field) {
            fields.add(bound.field);
        }
    }
    Selected(selected)
}

/// Whether the selected checks pass. `loaded` has the fields that [`select`] names.
pub(super) fn passes(
    minor: Minor,
    loaded: &Loaded,
    inputs: &Inputs<'_>,
    gates: &BTreeMap<String, bool>,
    host: Host<'_>,
    selected: &Selected,
) -> bool {
    let mut check = Check {
        minor,
        configuration: &loaded.value,
        inputs,
        gates,
        host,
        errors: Vec::new(),
    };
    for part in &selected.0 {
        checking(part.reads, || (part.run)(&mut check));
    }
    check.errors.is_empty()
}

/// Stands for the fields of [`rules::NUMBERS`], of which one that is not set is not checked.
const NUMBERS: &str = "";

type Run = fn(&mut Check<'_>);

/// The checks in the kubelet's order.
const PARTS: &[Part<Run>] = &[
    Part {
        run: |check| check.lease(),
        reads: &["nodeLeaseDurationSeconds"],
    },
    Part {
        run: |check| check.cgroups(),
        reads: &[
            "enforceNodeAllocatable",
            "cgroupsPerQOS",
            "systemCgroups",
            "cgroupRoot",
        ],
    },
    Part {
        run: |check| check.bounds(0),
        reads: &[NUMBERS],
    },
    Part {
        run: |check| check.quota_period(),
        reads: &["cpuCFSQuotaPeriod", "featureGates.CustomCPUCFSQuotaPeriod"],
    },
    Part {
        run: |check| check.bounds(1),
        reads: &[NUMBERS],
    },
    Part {
        run: |check| check.image_thresholds(),
        reads: &["imageGCLowThresholdPercent", "imageGCHighThresholdPercent"],
    },
    Part {
        run: |check| check.image_ages(),
        reads: &[
            "imageMinimumGCAge",
            "imageMaximumGCAge",
            "featureGates.ImageMaximumGCAge",
            "defaultPodSysctls",
            "featureGates.DefaultPodSysctls",
        ],
    },
    Part {
        run: |check| check.bounds(2),
        reads: &[NUMBERS],
    },
    Part {
        run: |check| check.parallel_pulls(),
        reads: &["maxParallelImagePulls", "serializeImagePulls"],
    },
    Part {
        run: |check| check.bootstrap(),
        reads: &[
            "serverTLSBootstrap",
            "featureGates.RotateKubeletServerCertificate",
        ],
    },
    Part {
        run: |check| check.run_once(),
        reads: &["runOnce"],
    },
    Part {
        run: |check| check.node(),
        reads: &[
            "topologyManagerPolicy",
            "featureGates.TopologyManager",
            "registerWithTaints",
        ],
    },
    Part {
        run: |check| check.topology(),
        reads: &[
            "topologyManagerPolicy",
            "topologyManagerScope",
            "featureGates.TopologyManager",
        ],
    },
    Part {
        run: |check| check.shutdown(),
        reads: &[
            "shutdownGracePeriod",
            "shutdownGracePeriodCriticalPods",
            "shutdownGracePeriodByPodPriority",
            "featureGates.GracefulNodeShutdown",
            "featureGates.GracefulNodeShutdownBasedOnPodPriority",
        ],
    },
    Part {
        run: |check| check.swap(),
        reads: &["memorySwap.swapBehavior", "featureGates.NodeSwap"],
    },
    Part {
        run: |check| check.back_off(),
        reads: &[
            "crashLoopBackOff.maxContainerRestartPeriod",
            "featureGates.KubeletCrashLoopBackOffMax",
        ],
    },
    Part {
        run: |check| check.enforcement(),
        reads: &[
            "enforceNodeAllocatable",
            "cgroupsPerQOS",
            "systemReservedCgroup",
            "kubeReservedCgroup",
        ],
    },
    Part {
        run: |check| check.hairpin(),
        reads: &["hairpinMode"],
    },
    Part {
        run: |check| check.image_verification(),
        reads: &[
            "imagePullCredentialsVerificationPolicy",
            "preloadedImagesVerificationAllowlist",
            "featureGates.KubeletEnsureSecretPulledImages",
        ],
    },
    Part {
        run: |check| check.reserved_cpus(),
        reads: &[
            "reservedSystemCPUs",
            "systemReservedCgroup",
            "kubeReservedCgroup",
        ],
    },
    Part {
        run: |check| check.reserved_memory(),
        reads: &["reservedMemory"],
    },
    Part {
        run: |check| check.operating_system(),
        reads: &[
            "failCgroupV1",
            "singleProcessOOMKill",
            "userNamespaces.idsPerPod",
        ],
    },
    Part {
        run: |check| check.metrics(),
        reads: &["showHiddenMetricsForVersion"],
    },
    Part {
        run: |check| check.logging(),
        reads: &["logging"],
    },
    Part {
        run: |check| check.tracing(),
        reads: &["tracing", "featureGates.KubeletTracing"],
    },
    Part {
        run: |check| check.memory_quality(),
        reads: &[
            "memoryThrottlingFactor",
            "memoryReservationPolicy",
            "featureGates.MemoryQoS",
        ],
    },
    Part {
        run: |check| check.endpoint(),
        reads: &[
            "containerRuntimeEndpoint",
            "enableSystemLogQuery",
            "enableSystemLogHandler",
            "featureGates.NodeLogQuery",
        ],
    },
    Part {
        run: |check| check.logs(),
        reads: &[
            "containerLogMaxWorkers",
            "containerLogMonitorInterval",
            "containerLogMaxFiles",
            "podLogsDir",
        ],
    },
];

/// A run of the checks: what is checked, and what was found.
struct Check<'a> {
    minor: Minor,
    configuration: &'a Node,
    inputs: &'a Inputs<'a>,
    gates: &'a BTreeMap<String, bool>,
    host: Host<'a>,
    /// Fields and words.
    errors: Vec<(&'static str, String)>,
}

impl Check<'_> {
    fn all(&mut self) {
        for part in PARTS {
            checking(part.reads, || (part.run)(self));
        }
    }

    fn since(&self, minor: u32) -> bool {
        self.minor.0 >= minor
    }

    fn is_enabled(&self, gate: &str) -> bool {
        note(&parts::gate(gate));
        self.inputs.gates.is_enabled(self.gates, gate)
    }

    /// Notes an error: most begin with the same words.
    fn invalid(&mut self, field: &'static str, words: &str) {
        self.error(field, format!("invalid configuration: {words}"));
    }

    fn error(&mut self, field: &'static str, words: String) {
        self.errors.push((field, words));
    }

    fn get(&self, field: &str) -> Option<&Node> {
        note(field);
        self.configuration.at(field)
    }

    /// An integer; 0 where there is none.
    fn integer(&self, field: &str) -> i64 {
        self.optional_integer(field).unwrap_or(0)
    }

    fn optional_integer(&self, field: &str) -> Option<i64> {
        as_integer(self.get(field)?)
    }

    fn float(&self, field: &str) -> Option<f64> {
        match &self.get(field)?.value {
            Value::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn is_true(&self, field: &str) -> bool {
        self.get(field)
            .is_some_and(|node| node.value == Value::Bool(true))
    }

    /// A text; empty where there is none.
    fn text(&self, field: &str) -> &str {
        match self.get(field).map(|node| &node.value) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// A duration in nanoseconds; 0 where there is none.
    fn duration(&self, field: &str) -> i64 {
        self.optional_duration(field).unwrap_or(0)
    }

    fn optional_duration(&self, field: &str) -> Option<i64> {
        match &self.get(field)?.value {
            Value::Text(text) => duration::parse(text).ok(),
            _ => None,
        }
    }

    /// A `metav1.Duration` as Go prints it: a struct of one field.
    fn shown_duration(&self, field: &str) -> String {
        format!("{{{}}}", duration::format(self.duration(field)))
    }

    /// The texts of a list.
    fn texts(&self, field: &str) -> Vec<&str> {
        self.list(field)
            .iter()
            .map(|node| match &node.value {
                Value::Text(text) => text.as_str(),
                _ => "",
            })
            .collect()
    }

    fn list(&self, field: &str) -> &[Node] {
        match self.get(field).map(|node| &node.value) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }
}
