//! The file that `--config` names, with defaults, and its checks.
//!
//! Upstream: `cmd/kube-scheduler/app/options/{options,configfile}.go`,
//! `pkg/scheduler/apis/config/validation/validation.go` and `k8s.io/component-base/config/validation`.

use super::super::document::{self, Document, bool, int, list, nanoseconds, set, text};
use super::super::election::{self, Times};
use super::super::errors::FieldErrors;
use super::super::options::Options;
use super::{arguments, extenders, profiles};
use crate::kubernetes::Failure;
use crate::kubernetes::codec::Scheme;
use crate::kubernetes::codec::tree::{Node, Value};

/// Since which minor leases alone are locks.
const LEASES: u32 = 27;
/// Since which minor times of the election must differ.
const DIFFERENT: u32 = 26;
/// Since which minor required fields are called so.
const REQUIRED: u32 = 34;

const VERSIONS: [&str; 3] = [
    "kubescheduler.config.k8s.io/v1",
    "kubescheduler.config.k8s.io/v1beta3",
    "kubescheduler.config.k8s.io/v1beta2",
];

/// The kind of the file, and those of arguments of plugins.
const NAMES: [&str; 9] = [
    "KubeSchedulerConfiguration",
    "DefaultPreemptionArgs",
    "DynamicResourcesArgs",
    "InterPodAffinityArgs",
    "NodeAffinityArgs",
    "NodeResourcesBalancedAllocationArgs",
    "NodeResourcesFitArgs",
    "PodTopologySpreadArgs",
    "VolumeBindingArgs",
];

/// The fields that are checked, with defaults.
#[derive(Debug)]
pub(super) struct Configuration {
    pub(super) kubeconfig: String,
    pub(super) rate: f64,
    pub(super) burst: i64,
    pub(super) elects: bool,
    pub(super) times: Times,
    pub(super) lock: String,
    lock_name: String,
    lock_namespace: String,
    /// The file.
    root: Node,
    api_version: String,
}

impl Configuration {
    pub(super) fn of_flags(options: &Options) -> Self {
        Self {
            kubeconfig: options.text("kubeconfig", "").to_owned(),
            rate: options.float("kube-api-qps", 50.0),
            burst: options.int("kube-api-burst", 100),
            root: Node::default(Value::Map(Vec::new())),
            api_version: String::new(),
            elects: true,
            times: election::DEFAULT,
            lock: "leases".to_owned(),
            lock_name: "kube-scheduler".to_owned(),
            lock_namespace: "kube-system".to_owned(),
        }
        .elected(options)
    }

    /// Decodes a file. `None`: what becomes of it is not known.
    pub(super) fn of_file(
        options: &Options,
        path: &str,
        content: &[u8],
    ) -> Option<Result<Self, Failure>> {
        let kinds = kinds();
        let scheme = Scheme {
            name: document::scheme_name(options),
            kinds: &kinds,
        };
        let document = match document::decode(options, content, scheme, false)? {
            Ok(document) => document,
            Err(refusal) => return Some(Err(refusal.failure(path, str::to_owned))),
        };
        let mut strict = document.ignored.clone();
        if document.kind == NAMES[0] {
            match arguments::decode(options, scheme, &document) {
                Err(arguments::Error::Unknown) => return None,
                Err(arguments::Error::Refused(message)) => {
                    return Some(Err(document::unknown_name(path, message)));
                }
                Ok(ignored) => strict.extend(ignored),
            }
        }
        if !strict.is_empty() {
            let message = format!("strict decoding error: {}", strict.join(", "));
            return Some(Err(document::unknown_name(path, message)));
        }
        if document.kind != NAMES[0] {
            let message = format!(
                "couldn't decode as KubeSchedulerConfiguration, got {}, Kind={}: ",
                document.api_version, document.kind
            );
            return Some(Err(document::invalid(path, message)));
        }
        Some(Ok(Self::new(document).elected(options)))
    }

    fn new(document: Document) -> Self {
        let Document {
            root, api_version, ..
        } = document;
        let empty = Node::default(Value::Map(Vec::new()));
        let part = |name: &str| set(&root, name).unwrap_or(&empty);
        let or = |node: &Node, name: &str, default: &str| match text(node, name) {
            "" => default.to_owned(),
            text => text.to_owned(),
        };
        let (client, election) = (part("clientConnection"), part("leaderElection"));
        let time = |name: &str, default: i64| match nanoseconds(election, name) {
            None | Some(0) => default,
            Some(time) => time,
        };
        let default = election::DEFAULT;
        Self {
            kubeconfig: text(client, "kubeconfig").to_owned(),
            rate: document::float(client, "qps")
                .filter(|rate| *rate != 0.0)
                .unwrap_or(50.0),
            burst: int(client, "burst")
                .filter(|burst| *burst != 0)
                .unwrap_or(100),
            elects: set(election, "leaderElect").is_none() || bool(election, "leaderElect"),
            times: Times {
                lease: time("leaseDuration", default.lease),
                deadline: time("renewDeadline", default.deadline),
                period: time("retryPeriod", default.period),
            },
            lock: or(election, "resourceLock", "leases"),
            lock_name: or(election, "resourceName", "kube-scheduler"),
            lock_namespace: or(election, "resourceNamespace", "kube-system"),
            root,
            api_version,
        }
    }

    /// With the flags of the election, which go before the file.
    fn elected(self, options: &Options) -> Self {
        let over = |flag: &str, value: &str| options.text(flag, value).to_owned();
        Self {
            elects: options.bool("leader-elect", self.elects),
            times: Times::of_flags(options, self.times),
            lock: over("leader-elect-resource-lock", &self.lock),
            lock_name: over("leader-elect-resource-name", &self.lock_name),
            lock_namespace: over("leader-elect-resource-namespace", &self.lock_namespace),
            ..self
        }
    }

    /// `ValidateKubeSchedulerConfiguration`.
    pub(super) fn validate(&self, options: &Options, errors: &mut FieldErrors) {
        let root = &self.root;
        if self.burst < 0 {
            let burst = self.burst.to_string();
            errors.invalid("clientConnection.burst", &burst, "must be non-negative");
        }
        if self.elects {
            self.validate_election(options, errors);
        }
        let parallelism = int(root, "parallelism").unwrap_or(16);
        if parallelism <= 0 {
            let detail = "should be an integer value greater than zero";
            errors.invalid("parallelism", &parallelism.to_string(), detail);
        }
        profiles::validate(options, root, &self.api_version, errors);
        profiles::percentage("percentageOfNodesToScore", root, errors);
        let first = int(root, "podInitialBackoffSeconds").unwrap_or(1);
        if first <= 0 {
            let path = "podInitialBackoffSeconds";
            errors.invalid(path, &first.to_string(), "must be greater than 0");
        }
        let most = int(root, "podMaxBackoffSeconds").unwrap_or(10);
        if most < first {
            let detail = "must be greater than or equal to PodInitialBackoffSeconds";
            errors.invalid("podMaxBackoffSeconds", &most.to_string(), detail);
        }
        extenders::validate(options, list(root, "extenders"), errors);
    }

    /// `ValidateLeaderElectionConfiguration`.
    fn validate_election(&self, options: &Options, errors: &mut FieldErrors) {
        let Times {
            lease,
            deadline,
            period,
        } = self.times;
        for (field, time) in [
            ("leaseDuration", lease),
            ("renewDeadline", deadline),
            ("retryPeriod", period),
        ] {
            if time <= 0 {
                let path = format!("leaderElection.{field}");
                errors.invalid_time(options, &path, time, "must be greater than zero");
            }
        }
        let is_new = options.since(REQUIRED);
        if lease < deadline || lease == deadline && options.since(DIFFERENT) {
            let detail = if is_new {
                "must be greater than `RenewDeadline`"
            } else {
                "LeaseDuration must be greater than RenewDeadline"
            };
            let path = "leaderElection.leaseDuration";
            errors.invalid_time(options, path, deadline, detail);
        }
        for (field, value) in [
            ("resourceLock", &self.lock),
            ("resourceNamespace", &self.lock_namespace),
            ("resourceName", &self.lock_name),
        ] {
            let path = format!("leaderElection.{field}");
            if value.is_empty() && is_new {
                errors.required(&path, "");
            } else if value.is_empty() {
                errors.invalid_text(&path, "", &format!("{field} is required"));
            }
        }
        if options.since(LEASES) && self.lock != "leases" {
            let detail = "resourceLock value must be \"leases\"";
            errors.invalid_text("leaderElection.resourceLock", &self.lock, detail);
        }
    }

    /// The error of a plugin that is set up.
    pub(super) fn plugin_error(&self, options: &Options) -> Option<String> {
        profiles::plugin_error(options, &self.root, &self.api_version)
    }
}

/// All kinds of all versions.
fn kinds() -> Vec<(&'static str, &'static str)> {
    let pairs = VERSIONS
        .into_iter()
        .flat_map(|version| NAMES.into_iter().map(move |name| (version, name)));
    pairs.collect()
}
