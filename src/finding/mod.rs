//! A finding: what one check found on this host, with evidence and remedies.
//!
//! A finding is made from its check and from two states, now and after the next boot. Its outcome and its
//! effect follow from these in one place, [`derive()`]: no caller can state them in contradiction.

pub(crate) mod account;
mod check;
pub(crate) mod edit;
pub(crate) mod remedy;

use serde::{Deserialize, Serialize};

pub use check::CheckId;
pub(crate) use remedy::Remedy;

use crate::facts::Evidence;
use crate::kubernetes::Program;

/// A program that checks the host as it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// RKE2's own checks.
    Rke2,
    /// The kubelet that RKE2 runs.
    Kubelet,
    /// `kube-apiserver`, a static pod.
    KubeApiserver,
    /// `kube-controller-manager`, a static pod.
    KubeControllerManager,
    /// `kube-scheduler`, a static pod.
    KubeScheduler,
    /// `kube-proxy`, a static pod.
    KubeProxy,
    /// `cloud-controller-manager`, a static pod.
    CloudControllerManager,
    /// `etcd`, a static pod.
    Etcd,
    /// The containerd that RKE2 runs.
    Containerd,
}

impl Component {
    /// Its name in JSON and on D-Bus.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rke2 => "rke2",
            Self::Kubelet => "kubelet",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::KubeProxy => "kube-proxy",
            Self::CloudControllerManager => "cloud-controller-manager",
            Self::Etcd => "etcd",
            Self::Containerd => "containerd",
        }
    }

    /// Its name in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rke2 => "RKE2",
            Self::Kubelet => "the kubelet",
            other => other.as_str(),
        }
    }
}

impl From<Program> for Component {
    fn from(program: Program) -> Self {
        match program {
            Program::Kubelet => Self::Kubelet,
            Program::ApiServer => Self::KubeApiserver,
            Program::ControllerManager => Self::KubeControllerManager,
            Program::Scheduler => Self::KubeScheduler,
            Program::Proxy => Self::KubeProxy,
            Program::CloudControllerManager => Self::CloudControllerManager,
        }
    }
}

/// Whether a requirement is met.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is met.
    Satisfied,
    /// It is not met.
    Violated,
    /// It does not apply to this node.
    NotApplicable,
    /// It could not be determined.
    #[default]
    #[serde(other)]
    Indeterminate,
}

impl Outcome {
    /// Its name in JSON, on D-Bus and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Satisfied => "satisfied",
            Self::Violated => "violated",
            Self::NotApplicable => "not-applicable",
            Self::Indeterminate => "indeterminate",
        }
    }
}

/// What a violation causes.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The unit would not start now.
    BlocksStart,
    /// The unit would not start now, for a reason that can pass without a person. RKE2 tries again every five seconds.
    Transient,
    /// The unit starts now, and would not start after a reboot.
    BlocksNextBoot,
    /// RKE2 and its kubelet run. A static pod of the control plane, or kube-proxy, exits again and again, so
    /// that the node does not become ready.
    BlocksControlPlane,
    /// A control of the CIS benchmark fails. The unit starts.
    FailsControl,
    /// The unit starts. An administrator should know.
    #[default]
    #[serde(other)]
    Advice,
}

impl Effect {
    /// Its name in JSON, on D-Bus and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BlocksStart => "blocks-start",
            Self::Transient => "transient",
            Self::BlocksNextBoot => "blocks-next-boot",
            Self::BlocksControlPlane => "blocks-control-plane",
            Self::FailsControl => "fails-control",
            Self::Advice => "advice",
        }
    }

    /// Whether it keeps the unit from starting, now or after the next boot.
    pub const fn blocks(self) -> bool {
        matches!(
            self,
            Self::BlocksStart | Self::Transient | Self::BlocksNextBoot
        )
    }
}

/// When, in the course of a start, something is checked. A component that finds a reason at one stage
/// exits there, and later stages print nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// RKE2 reads its configuration and flags.
    Configuration,
    /// RKE2 checks the name of the profile.
    ProfileName,
    /// RKE2 checks the kernel parameters; older releases check the account `etcd` with them.
    KernelParameters,
    /// RKE2 checks its flag `protect-kernel-defaults`.
    ProtectKernelDefaults,
    /// RKE2 checks the account `etcd`.
    EtcdAccount,
    /// RKE2 checks which network plugins and ingress controllers it is to deploy.
    Selection,
    /// RKE2 refuses a deprecated profile.
    ProfileRefused,
    /// RKE2 prepares what it gives the kubelet.
    KubeletPreparation,
    /// An agent checks that it has a token and the address of a server.
    Joining,
    /// RKE2 prepares its data directory.
    DataDirectory,
    /// RKE2 works out the name and the addresses of the node.
    NodeAddresses,
    /// A server opens its datastore with its token.
    Datastore,
    /// A server makes and checks its certificates.
    Certificates,
    /// A server listens for nodes that join, on port 9345.
    Supervisor,
    /// RKE2 waits for the control groups that it requires.
    ControlGroups,
    /// An agent listens for its own components, on port 6444.
    LoadBalancer,
    /// RKE2 works out what it gives containerd and the kubelet. It tries again for ever.
    AgentConfiguration,
    /// containerd starts.
    Containerd,
    /// The kubelet validates its flags and configuration.
    KubeletConfiguration,
    /// The kubelet sets itself up.
    KubeletCreation,
    /// The kubelet's container manager checks the kernel parameters.
    KubeletTunables,
    /// The kubelet listens for the API server, and registers the node.
    KubeletServing,
    /// etcd starts, a static pod.
    Etcd,
    /// The API server starts, a static pod.
    ApiServer,
}

impl Stage {
    /// The component that checks.
    pub const fn component(self) -> Component {
        match self {
            Self::KubeletConfiguration
            | Self::KubeletCreation
            | Self::KubeletTunables
            | Self::KubeletServing => Component::Kubelet,
            Self::Containerd => Component::Containerd,
            Self::Etcd => Component::Etcd,
            Self::ApiServer => Component::KubeApiserver,
            _ => Component::Rke2,
        }
    }
}

/// A line with which a component would exit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// When it would print it.
    pub stage: Stage,
    /// The line, in the words of that version.
    pub line: String,
    /// Whether the component exits at once, so that the other lines of the stage are not printed.
    pub hides_others: bool,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    id: CheckId,
    subject: String,
    required_by: Vec<Component>,
    now: Outcome,
    next_boot_outcome: Outcome,
    is_image: bool,
    is_transient: bool,
    required: Option<String>,
    actual: Option<String>,
    next_boot: Option<String>,
    summary: String,
    notes: Vec<String>,
    evidence: Vec<Evidence>,
    remedies: Vec<Remedy>,
    predictions: Vec<Prediction>,
}

/// The outcome and the effect of a finding, from its states and from what a violation of its check
/// causes at most. An image has no present: there, what is not known now does not count.
const fn derive(
    check: Effect,
    now: Outcome,
    next_boot: Outcome,
    is_image: bool,
    is_transient: bool,
) -> (Outcome, Effect) {
    use Outcome::{Indeterminate, NotApplicable, Satisfied, Violated};
    let (outcome, is_later) = match (now, next_boot) {
        (Violated, _) => (Violated, false),
        (Satisfied | Indeterminate, Violated) => (Violated, true),
        (NotApplicable, _) | (_, NotApplicable) => (NotApplicable, false),
        (Satisfied, Satisfied) => (Satisfied, false),
        (Satisfied, Indeterminate) => (Indeterminate, true),
        (Indeterminate, Satisfied) if is_image => (Satisfied, false),
        (Indeterminate, Satisfied) => (Indeterminate, false),
        (Indeterminate, Indeterminate) => (Indeterminate, is_image),
    };
    match check {
        Effect::BlocksStart if is_transient => (outcome, Effect::Transient),
        Effect::BlocksStart if is_later => (outcome, Effect::BlocksNextBoot),
        effect => (outcome, effect),
    }
}

impl Finding {
    /// A finding about `subject`, with the states of its requirement now and after the next boot.
    pub fn new(
        id: CheckId,
        subject: impl Into<String>,
        required_by: Vec<Component>,
        now: Outcome,
        next_boot: Outcome,
    ) -> Self {
        Self {
            id,
            subject: subject.into(),
            required_by,
            now,
            next_boot_outcome: next_boot,
            is_image: false,
            is_transient: false,
            required: None,
            actual: None,
            next_boot: None,
            summary: String::new(),
            notes: Vec::new(),
            evidence: Vec::new(),
            remedies: Vec::new(),
            predictions: Vec::new(),
        }
    }

    /// The same, of an image, whose state now is not known and does not count.
    #[must_use]
    pub(crate) const fn of_image(mut self, is_image: bool) -> Self {
        self.is_image = is_image;
        self
    }

    /// The same, for a reason that can pass without a person.
    #[must_use]
    pub(crate) const fn transient(mut self, is_transient: bool) -> Self {
        self.is_transient = is_transient;
        self
    }

    /// With the required value.
    #[must_use]
    pub(crate) fn with_required(mut self, required: impl Into<String>) -> Self {
        self.required = Some(required.into());
        self
    }

    /// With the value that the host has.
    #[must_use]
    pub(crate) fn with_actual(mut self, actual: Option<String>) -> Self {
        self.actual = actual;
        self
    }

    /// With the value after the next boot.
    #[must_use]
    pub(crate) fn with_next_boot(mut self, value: Option<String>) -> Self {
        self.next_boot = value;
        self
    }

    /// With its one sentence.
    #[must_use]
    pub fn with_summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = summary.into();
        self
    }

    /// With further sentences.
    #[must_use]
    pub(crate) fn with_notes(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }

    /// With further places.
    #[must_use]
    pub(crate) fn with_evidence(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// With further remedies.
    #[must_use]
    pub(crate) fn with_remedies(mut self, remedies: impl IntoIterator<Item = Remedy>) -> Self {
        self.remedies.extend(remedies);
        self
    }

    /// With further lines that components would print.
    #[must_use]
    pub(crate) fn with_predictions(
        mut self,
        predictions: impl IntoIterator<Item = Prediction>,
    ) -> Self {
        self.predictions.extend(predictions);
        self
    }

    /// Makes each violated state indeterminate, because something is not known that decides whether RKE2
    /// refuses it. `remedy`, which makes that known, comes first.
    pub(crate) fn weaken(&mut self, because: &str, notes: &[String], remedy: Option<Remedy>) {
        for state in [&mut self.now, &mut self.next_boot_outcome] {
            if *state == Outcome::Violated {
                *state = Outcome::Indeterminate;
            }
        }
        self.predictions.clear();
        self.summary = format!(
            "{}; cannot determine whether RKE2 refuses that: {because}",
            self.summary
        );
        self.notes.extend_from_slice(notes);
        self.remedies.splice(0..0, remedy);
    }

    /// The check.
    pub const fn id(&self) -> CheckId {
        self.id
    }

    /// The outcome now or, where only that is violated or not known, after the next boot.
    pub const fn outcome(&self) -> Outcome {
        self.derived().0
    }

    /// What the violation causes, or would cause.
    pub const fn effect(&self) -> Effect {
        self.derived().1
    }

    const fn derived(&self) -> (Outcome, Effect) {
        derive(
            self.id.effect(),
            self.now,
            self.next_boot_outcome,
            self.is_image,
            self.is_transient,
        )
    }

    /// Whether the unit would not start because of it, now or after the next boot.
    pub fn blocks(&self) -> bool {
        let violated = [self.now, self.next_boot_outcome].contains(&Outcome::Violated);
        self.effect().blocks() && violated
    }

    /// The components that require it.
    pub fn required_by(&self) -> &[Component] {
        &self.required_by
    }

    /// What it is about: a sysctl key, an account, a setting.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The required value.
    pub fn required(&self) -> Option<&str> {
        self.required.as_deref()
    }

    /// The value that the host has.
    pub fn actual(&self) -> Option<&str> {
        self.actual.as_deref()
    }

    /// The value after the next boot, where it is known and can differ.
    pub fn next_boot(&self) -> Option<&str> {
        self.next_boot.as_deref()
    }

    /// One sentence: what is wrong.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// Further sentences: why it applies, what prevents a fix.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The places concerned.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// How to fix it.
    pub fn remedies(&self) -> &[Remedy] {
        &self.remedies
    }

    /// Whether the requirement is met now.
    pub const fn now(&self) -> Outcome {
        self.now
    }

    /// Whether it will be met after the next boot, if nothing changes.
    pub const fn next_boot_outcome(&self) -> Outcome {
        self.next_boot_outcome
    }

    /// The lines with which components would exit because of it, now.
    pub fn predictions(&self) -> &[Prediction] {
        &self.predictions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcome_and_effect_follow_from_the_states() {
        use Effect::{BlocksNextBoot, BlocksStart};
        use Outcome::{Indeterminate, NotApplicable, Satisfied, Violated};
        for (now, next_boot, image, expected) in [
            (Satisfied, Satisfied, false, (Satisfied, BlocksStart)),
            (Violated, Satisfied, false, (Violated, BlocksStart)),
            (Violated, Violated, false, (Violated, BlocksStart)),
            (Satisfied, Violated, false, (Violated, BlocksNextBoot)),
            (
                Satisfied,
                Indeterminate,
                false,
                (Indeterminate, BlocksNextBoot),
            ),
            (Indeterminate, Violated, false, (Violated, BlocksNextBoot)),
            (
                Indeterminate,
                Satisfied,
                false,
                (Indeterminate, BlocksStart),
            ),
            (
                Indeterminate,
                Indeterminate,
                false,
                (Indeterminate, BlocksStart),
            ),
            (
                NotApplicable,
                NotApplicable,
                false,
                (NotApplicable, BlocksStart),
            ),
            (Indeterminate, Satisfied, true, (Satisfied, BlocksStart)),
            (Indeterminate, Violated, true, (Violated, BlocksNextBoot)),
            (
                Indeterminate,
                Indeterminate,
                true,
                (Indeterminate, BlocksNextBoot),
            ),
            (
                Indeterminate,
                NotApplicable,
                true,
                (NotApplicable, BlocksStart),
            ),
        ] {
            assert_eq!(derive(BlocksStart, now, next_boot, image, false), expected);
            for other in [Effect::FailsControl, Effect::Advice] {
                assert_eq!(
                    derive(other, now, next_boot, image, false),
                    (expected.0, other)
                );
            }
        }
    }

    #[test]
    fn names_are_those_of_json() {
        for effect in [
            Effect::BlocksStart,
            Effect::BlocksNextBoot,
            Effect::FailsControl,
            Effect::Advice,
        ] {
            assert_eq!(serde_json::to_value(effect).unwrap(), effect.as_str());
        }
        for check in CheckId::ALL {
            assert_eq!(CheckId::parse(check.as_str()), Some(*check));
            assert_eq!(serde_json::to_value(check).unwrap(), check.as_str());
        }
        assert_eq!(CheckId::parse("sysctl"), None);
    }
}
