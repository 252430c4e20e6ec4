//! A finding: one requirement held against the host, with evidence and remedy.

use serde::Serialize;

use crate::facts::Evidence;

/// Who demands something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// RKE2's own checks.
    Rke2,
    /// The kubelet that RKE2 runs.
    Kubelet,
}

impl Component {
    /// As it is called in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rke2 => "RKE2",
            Self::Kubelet => "the kubelet",
        }
    }
}

/// What became of a requirement on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The host is as demanded.
    Satisfied,
    /// It is not.
    Violated,
    /// This node is not held to it.
    NotApplicable,
    /// It could not be found out.
    Indeterminate,
}

impl Outcome {
    /// The word for it, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Satisfied => "satisfied",
            Self::Violated => "violated",
            Self::NotApplicable => "not-applicable",
            Self::Indeterminate => "indeterminate",
        }
    }
}

/// What a violation brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The unit would not start now.
    BlocksStart,
    /// It starts now, and would not after a reboot.
    BlocksNextBoot,
    /// A control of the CIS benchmark fails; the unit starts.
    FailsControl,
    /// Nothing fails; somebody should know.
    Advice,
}

/// When, in the course of a start, something is asked. A component that finds a reason at one stage
/// ends there; what later stages would say, it never says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// RKE2 reads its configuration and flags.
    Configuration,
    /// RKE2 looks at the profile's name.
    ProfileName,
    /// RKE2's first look at the host.
    KernelParameters,
    /// The second.
    ProtectKernelDefaults,
    /// The third.
    EtcdAccount,
    /// RKE2 refuses a deprecated profile after all.
    ProfileRefused,
    /// The kubelet validates its flags and configuration.
    KubeletConfiguration,
    /// The kubelet's container manager looks at the kernel parameters.
    KubeletTunables,
}

impl Stage {
    /// Who asks.
    pub const fn component(self) -> Component {
        match self {
            Self::KubeletConfiguration | Self::KubeletTunables => Component::Kubelet,
            _ => Component::Rke2,
        }
    }
}

/// A line that a component would end with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// When it would.
    pub stage: Stage,
    /// The line, as that version words it.
    pub line: String,
    /// Whether it ends there and then, hiding what else the stage would have collected.
    pub hides_others: bool,
}

/// A way to cure a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What it does.
    pub summary: String,
    /// What to type, as root, in this order; empty where only a person can say.
    pub commands: Vec<String>,
}

/// One requirement held against the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check: stable, lower case, dotted.
    pub id: String,
    /// What became of it, now or, where only that is bad, after the next boot.
    pub outcome: Outcome,
    /// What it brings about, or would if it were violated.
    pub effect: Effect,
    /// Who demands it.
    pub required_by: Vec<Component>,
    /// What it is about: a sysctl key, an account, a setting.
    pub subject: String,
    /// What is demanded.
    pub required: Option<String>,
    /// What is.
    pub actual: Option<String>,
    /// What will be after the next boot, where that is known and can differ.
    pub next_boot: Option<String>,
    /// One sentence for a person.
    pub summary: String,
    /// Further sentences: why it applies, what stands in the way.
    pub notes: Vec<String>,
    /// The places concerned.
    pub evidence: Vec<Evidence>,
    /// How to cure it.
    pub remedies: Vec<Remedy>,
    /// Whether it holds now.
    pub now: Outcome,
    /// Whether it will after the next boot, as things stand.
    pub then: Outcome,
    /// The lines components would end with because of it, now.
    pub predictions: Vec<Prediction>,
}

#[cfg(test)]
impl Finding {
    /// One that says no more than what became of it.
    pub(crate) fn bare(id: &str, effect: Effect, now: Outcome, then: Outcome) -> Self {
        Self {
            id: id.to_owned(),
            outcome: if now == Outcome::Satisfied { then } else { now },
            effect,
            required_by: Vec::new(),
            subject: String::new(),
            required: None,
            actual: None,
            next_boot: None,
            summary: String::new(),
            notes: Vec::new(),
            evidence: Vec::new(),
            remedies: Vec::new(),
            now,
            then,
            predictions: Vec::new(),
        }
    }
}
