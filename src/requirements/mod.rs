//! What RKE2 and its kubelet require of a host: requirements, made from the settings and the rules of
//! the release, with the stage of the start at which each is checked.
//!
//! Pure. [`catalogue`] describes each check for people.

pub(crate) mod advice;
pub(crate) mod catalogue;

use crate::facts::{Source, Table};
use crate::finding::{CheckId, Remedy, Stage};
use crate::rke2::changes::{FAIL_CGROUP_V1, FAIL_CGROUP_V1_DEFAULT, USER_NAMESPACES};
use crate::rke2::kernel::{KERNEL_PARAMETERS, KernelParameter};
use crate::rke2::node::NodeProblem;
use crate::rke2::profile::{DEPRECATED_FATAL, INVALID, Order, ProfileRules, ProfileStatus, Scope};
use crate::rke2::role::Role;
use crate::rke2::start::{Advice, Provenance, Sourced, StartFailure, StartSettings, Unknown};

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The check's id.
    pub id: CheckId,
    /// Whether it applies to this node.
    pub applies: bool,
    /// Which setting makes it so.
    pub because: Because,
    /// What is required.
    pub kind: RequirementKind,
}

/// The setting that makes a requirement apply, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because {
    /// In words, with the place: `profile cis (/etc/rancher/rke2/config.yaml:1)`.
    pub words: String,
    /// Where it is set.
    pub source: Option<Source>,
}

/// What the kubelet checks of a kernel parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KubeletCheck {
    /// Nothing: there is no kubelet.
    Nothing,
    /// The value (`protect-kernel-defaults`).
    Value,
    /// That it can be read; another value than the required one it overwrites, and exits if it cannot.
    Overwrites {
        /// Whether it may ignore, in a user name space, that it cannot: the feature gate
        /// `KubeletInUserNamespace`.
        in_user_namespace: bool,
    },
}

/// What is required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequirementKind {
    /// A kernel parameter.
    Kernel {
        /// By position in [`KERNEL_PARAMETERS`].
        index: usize,
        /// Which one.
        parameter: KernelParameter,
        /// When RKE2 checks it, if it does.
        rke2: Option<Stage>,
        /// What the kubelet checks.
        kubelet: KubeletCheck,
    },
    /// The user or group `etcd`.
    Account {
        /// In which file.
        table: Table,
        /// When RKE2 checks it.
        stage: Stage,
        /// The text between `missing required` and the reason.
        separator: &'static str,
    },
    /// A profile that this release accepts.
    ProfileName {
        /// The value.
        value: String,
        /// What the release makes of it.
        status: ProfileStatus,
        /// What it accepts, joined for a sentence.
        accepted: String,
        /// What sets it.
        origin: Provenance,
    },
    /// `protect-kernel-defaults` not set to false beside a profile.
    ProtectKernelDefaults {
        /// The profile.
        profile: String,
        /// What the flag says.
        flag: Option<Sourced<bool>>,
        /// When RKE2 checks it.
        stage: Stage,
    },
    /// The unified cgroup hierarchy.
    CgroupV2 {
        /// The kubelet's words where it is not.
        words: &'static str,
        /// The ways to have the kubelet run without it.
        otherwise: Vec<Remedy>,
    },
    /// Subordinate ids of a user `kubelet`, where there is one, that the kubelet can use.
    SubordinateIds,
    /// A configuration that RKE2 or the kubelet refuses.
    Configuration(StartFailure),
    /// A node on which RKE2 or a component of it ends.
    Node(NodeProblem),
    /// Something that decides and could not be read.
    Unknown(Unknown),
    /// A configuration that is not what its author meant.
    Advice(Advice),
}

const CGROUP_V1_MAINTENANCE: &str = "failed to validate kubelet configuration, error: kubelet is \
     configured to not run on a host using cgroup v1. cgroup v1 support is in maintenance mode";
const CGROUP_V1_UNSUPPORTED: &str = "failed to validate kubelet configuration, error: kubelet is \
     configured to not run on a host using cgroup v1. cgroup v1 support is unsupported and will be \
     removed in a future release";

/// How many requirements a node has where nothing is wrong.
const USUAL: usize = 16;

/// Every requirement for a unit with these settings; those that do not apply are marked.
pub fn of(settings: &StartSettings) -> Vec<Requirement> {
    let rules = ProfileRules::of(&settings.version);
    let status = rules.status(&settings.profile.value);
    // Of the kernel, the account and the configuration: none is moved when the list grows.
    let mut all: Vec<Requirement> = Vec::with_capacity(USUAL);
    all.extend(settings.fatal.iter().map(configuration));
    all.extend(settings.static_pods.iter().map(configuration));
    all.extend(settings.unknown.iter().map(unknown));
    let profile = profile_because(settings);
    all.push(profile_name(settings, &profile, &rules, status));
    all.extend(kernel(settings, &profile, &rules, status));
    all.push(protect_kernel_defaults(settings, &profile, &rules, status));
    all.extend(accounts(settings, &profile, &rules, status));
    all.extend(cgroup(settings));
    all.extend(subordinate_ids(settings));
    all.extend(settings.node.iter().map(node));
    all.extend(settings.advice.iter().map(advice));
    all
}

/// Whether a kubelet runs that sets each kernel parameter to its required value, whatever files set.
pub(crate) fn kubelet_sets(requirements: &[Requirement]) -> bool {
    requirements.iter().any(|requirement| {
        matches!(
            requirement.kind,
            RequirementKind::Kernel {
                kubelet: KubeletCheck::Overwrites { .. },
                ..
            }
        )
    })
}

fn profile_because(settings: &StartSettings) -> Because {
    if settings.profile.value.is_empty() {
        return Because {
            words: "no profile".to_owned(),
            source: settings.profile.origin.source.clone(),
        };
    }
    because(
        &format!("profile {}", settings.profile.value.escape_debug()),
        &settings.profile.origin,
    )
}

fn because(words: &str, origin: &Provenance) -> Because {
    Because {
        words: format!("{words} ({origin})"),
        source: origin.source.clone(),
    }
}

fn configuration(fatal: &StartFailure) -> Requirement {
    Requirement {
        id: fatal.check,
        applies: true,
        because: Because {
            words: fatal.subject.clone(),
            source: fatal.source.clone(),
        },
        kind: RequirementKind::Configuration(fatal.clone()),
    }
}

fn node(problem: &NodeProblem) -> Requirement {
    Requirement {
        id: problem.check,
        applies: true,
        because: Because {
            words: problem.subject.clone(),
            source: None,
        },
        kind: RequirementKind::Node(problem.clone()),
    }
}

fn unknown(unknown: &Unknown) -> Requirement {
    Requirement {
        id: CheckId::ConfigUnreadable,
        applies: true,
        because: Because {
            words: "the configuration".to_owned(),
            source: unknown.source.clone(),
        },
        kind: RequirementKind::Unknown(unknown.clone()),
    }
}

fn advice(advice: &Advice) -> Requirement {
    Requirement {
        id: advice.check,
        applies: true,
        because: Because {
            words: advice.subject.clone(),
            source: advice.source.clone(),
        },
        kind: RequirementKind::Advice(advice.clone()),
    }
}

fn profile_name(
    settings: &StartSettings,
    profile: &Because,
    rules: &ProfileRules,
    status: ProfileStatus,
) -> Requirement {
    Requirement {
        id: CheckId::ProfileValue,
        applies: status != ProfileStatus::Off,
        because: profile.clone(),
        kind: RequirementKind::ProfileName {
            value: settings.profile.value.clone(),
            status,
            accepted: rules.accepted().collect::<Vec<_>>().join(" or "),
            origin: settings.profile.origin.clone(),
        },
    }
}

/// When RKE2 checks the kernel parameters, the flag and the account.
const fn stages(order: Order) -> (Stage, Stage, Stage) {
    match order {
        Order::Together => (
            Stage::KernelParameters,
            Stage::ProtectKernelDefaults,
            Stage::KernelParameters,
        ),
        Order::Split => (
            Stage::KernelParameters,
            Stage::ProtectKernelDefaults,
            Stage::EtcdAccount,
        ),
    }
}

fn kernel(
    settings: &StartSettings,
    profile: &Because,
    rules: &ProfileRules,
    status: ProfileStatus,
) -> impl Iterator<Item = Requirement> {
    let (stage, _, _) = stages(rules.order);
    let by_rke2 = status.scope() == Some(Scope::Cis);
    let flag = settings
        .protect_kernel_defaults
        .as_ref()
        .filter(|f| f.value);
    // RKE2 turns the kubelet's flag on with the profile; the kubelet's own arguments come last.
    let (protects, why) = match (&settings.kubelet_protect, by_rke2, flag) {
        // What RKE2 passes on because of the profile has the profile's place.
        (Some(last), true, _) if last.value && last.origin == settings.profile.origin => {
            (true, profile.clone())
        }
        (Some(last), _, _) => (last.value, because("protect-kernel-defaults", &last.origin)),
        (None, true, _) => (true, profile.clone()),
        (None, false, Some(flag)) => (true, because("protect-kernel-defaults", &flag.origin)),
        (None, false, None) => (false, profile.clone()),
    };
    let profile = profile.clone();
    let kubelet = match (settings.kubelet_runs, protects) {
        (false, _) => KubeletCheck::Nothing,
        (true, true) => KubeletCheck::Value,
        (true, false) => KubeletCheck::Overwrites {
            in_user_namespace: settings.kubelet_in_user_namespace,
        },
    };
    let version = settings.version.clone();
    KERNEL_PARAMETERS
        .into_iter()
        .enumerate()
        .map(move |(index, parameter)| {
            let rke2 = (by_rke2 && parameter.rke2.includes(&version)).then_some(stage);
            let kubelet = if parameter.kubelet.includes(&version) {
                kubelet
            } else {
                KubeletCheck::Nothing
            };
            Requirement {
                id: parameter.check,
                applies: rke2.is_some() || kubelet == KubeletCheck::Value,
                because: if rke2.is_some() {
                    profile.clone()
                } else {
                    why.clone()
                },
                kind: RequirementKind::Kernel {
                    index,
                    parameter,
                    rke2,
                    kubelet,
                },
            }
        })
}

fn protect_kernel_defaults(
    settings: &StartSettings,
    profile: &Because,
    rules: &ProfileRules,
    status: ProfileStatus,
) -> Requirement {
    let (_, stage, _) = stages(rules.order);
    Requirement {
        id: CheckId::ProfileProtectKernelDefaults,
        applies: status.scope() == Some(Scope::Cis),
        because: profile.clone(),
        kind: RequirementKind::ProtectKernelDefaults {
            profile: settings.profile.value.clone(),
            flag: settings.protect_kernel_defaults.clone(),
            stage,
        },
    }
}

fn accounts(
    settings: &StartSettings,
    profile: &Because,
    rules: &ProfileRules,
    status: ProfileStatus,
) -> impl Iterator<Item = Requirement> {
    let (_, _, stage) = stages(rules.order);
    let held = settings.role == Role::Server || rules.agent_as_server;
    let because = if held {
        profile.clone()
    } else {
        Because {
            words: "agents need no etcd account".to_owned(),
            source: None,
        }
    };
    let (group, separator) = (rules.group_required, rules.missing_separator);
    [Table::Passwd, Table::Group]
        .into_iter()
        .map(move |table| Requirement {
            id: CheckId::of_account(table),
            applies: held && status.scope().is_some() && (table == Table::Passwd || group),
            because: because.clone(),
            kind: RequirementKind::Account {
                table,
                stage,
                separator,
            },
        })
}

fn cgroup(settings: &StartSettings) -> Option<Requirement> {
    let by_default = FAIL_CGROUP_V1_DEFAULT.includes(&settings.version);
    let (refuses, because) = match &settings.kubelet_fail_cgroup_v1 {
        Some(set) => (set.value, because("fail-cgroupv1", &set.origin)),
        None => (
            by_default,
            Because {
                words: format!("the kubelet of {}", settings.version),
                source: None,
            },
        ),
    };
    if !FAIL_CGROUP_V1.includes(&settings.version) {
        return None;
    }
    Some(Requirement {
        id: CheckId::CgroupV1,
        applies: refuses && settings.kubelet_runs,
        because,
        kind: RequirementKind::CgroupV2 {
            words: if by_default {
                CGROUP_V1_UNSUPPORTED
            } else {
                CGROUP_V1_MAINTENANCE
            },
            otherwise: settings.kubelet_allow_cgroup_v1.clone(),
        },
    })
}

fn subordinate_ids(settings: &StartSettings) -> Option<Requirement> {
    USER_NAMESPACES
        .includes(&settings.version)
        .then(|| Requirement {
            id: CheckId::KubeletSubordinateIds,
            applies: settings.kubelet_runs && !settings.kubelet_may_lack_user_namespaces,
            because: Because {
                words: format!("the kubelet of {}", settings.version),
                source: None,
            },
            kind: RequirementKind::SubordinateIds,
        })
}

impl RequirementKind {
    /// The line RKE2 ends with because of the profile's name alone, and when.
    pub const fn profile_refusal(status: ProfileStatus) -> Option<(Stage, &'static str)> {
        match status {
            ProfileStatus::Invalid => Some((Stage::ProfileName, INVALID)),
            ProfileStatus::Refused(_) => Some((Stage::ProfileRefused, DEPRECATED_FATAL)),
            ProfileStatus::Off | ProfileStatus::Accepted(_) | ProfileStatus::Deprecated(_) => None,
        }
    }
}
