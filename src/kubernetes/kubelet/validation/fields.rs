//! Fields that are checked each for itself, or nearly so.

use crate::go;
use crate::kubernetes::codec::tree::Value;
use crate::yaml::scalar::show_float;

use super::rules::{NUMBERS, is_label_value, is_qualified_name};
use super::{Check, as_integer};

const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1000 * MILLISECOND;

impl Check<'_> {
    pub(super) fn lease(&mut self) {
        if self.integer("nodeLeaseDurationSeconds") <= 0 {
            self.invalid(
                "nodeLeaseDurationSeconds",
                "nodeLeaseDurationSeconds must be greater than 0",
            );
        }
    }

    pub(super) fn cgroups(&mut self) {
        let enforces = !self.list("enforceNodeAllocatable").is_empty();
        if !self.since(31) && enforces && !self.is_true("cgroupsPerQOS") {
            self.invalid(
                "cgroupsPerQOS",
                "enforceNodeAllocatable (--enforce-node-allocatable) is not supported unless cgroupsPerQOS \
                 (--cgroups-per-qos) is set to true",
            );
        }
        if !self.text("systemCgroups").is_empty() && self.text("cgroupRoot").is_empty() {
            self.invalid(
                "systemCgroups",
                "systemCgroups (--system-cgroups) was specified and cgroupRoot (--cgroup-root) was not specified",
            );
        }
    }

    pub(super) fn image_thresholds(&mut self) {
        let low = self.integer("imageGCLowThresholdPercent");
        let high = self.integer("imageGCHighThresholdPercent");
        if low >= high {
            let field = if self.is_set("imageGCHighThresholdPercent") {
                "imageGCHighThresholdPercent"
            } else {
                "imageGCLowThresholdPercent"
            };
            self.invalid(
                field,
                &format!(
                    "imageGCLowThresholdPercent (--image-gc-low-threshold) {low} must be less than \
                     imageGCHighThresholdPercent (--image-gc-high-threshold) {high}"
                ),
            );
        }
    }

    /// Whether a field is no default.
    fn is_set(&self, field: &str) -> bool {
        self.get(field).is_some_and(|node| node.place.is_some())
            || !(self.inputs.positions)(field).is_empty()
    }

    /// The numbers of one group, in order.
    pub(super) fn bounds(&mut self, group: u32) {
        for bound in NUMBERS.iter().filter(|bound| bound.group == group) {
            if bound.since > self.minor.0 {
                continue;
            }
            let node = self.configuration.at(bound.field);
            let Some(value) = node.and_then(as_integer) else {
                continue;
            };
            let is_allowed =
                (bound.least..=bound.most).contains(&value) || (value == 0 && bound.or_zero);
            if !is_allowed {
                let words = format!("{} {value} {}", bound.name, bound.words);
                self.invalid(bound.field, &words);
            }
        }
    }

    pub(super) fn quota_period(&mut self) {
        const FIELD: &str = "cpuCFSQuotaPeriod";
        let period = self.duration(FIELD);
        let shown = self.shown_duration(FIELD);
        let name = format!("cpuCFSQuotaPeriod (--cpu-cfs-quota-period) {shown}");
        if !self.is_enabled("CustomCPUCFSQuotaPeriod") {
            if period != 100 * MILLISECOND {
                self.invalid(
                    FIELD,
                    &format!("{name} requires feature gate CustomCPUCFSQuotaPeriod"),
                );
            }
            return;
        }
        let (least, words) = if self.since(26) {
            (MILLISECOND, "1ms")
        } else {
            (MILLISECOND / 1000, "1usec")
        };
        if !(least..=SECOND).contains(&period) {
            self.invalid(
                FIELD,
                &format!("{name} must be between {words} and 1sec, inclusive"),
            );
        }
    }

    pub(super) fn parallel_pulls(&mut self) {
        if self.since(27) {
            let parallel = self.optional_integer("maxParallelImagePulls");
            if let Some(pulls) = parallel.filter(|pulls| *pulls < 1) {
                let words = format!("maxParallelImagePulls {pulls} must be a positive number");
                self.invalid("maxParallelImagePulls", &words);
            }
            if self.is_true("serializeImagePulls") && parallel.is_some_and(|pulls| pulls > 1) {
                self.invalid(
                    "maxParallelImagePulls",
                    "maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls \
                     (--serialize-image-pulls) is set to false",
                );
            }
        }
    }

    pub(super) fn bootstrap(&mut self) {
        if self.is_true("serverTLSBootstrap") && !self.is_enabled("RotateKubeletServerCertificate")
        {
            self.invalid(
                "serverTLSBootstrap",
                "serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate",
            );
        }
    }

    pub(super) fn run_once(&mut self) {
        if self.since(32) && self.is_true("runOnce") {
            self.invalid(
                "runOnce",
                "runOnce (--runOnce) true, Runonce mode has been deprecated and should not be set",
            );
        }
    }

    /// Taints of the node. In 1.24 to 1.26 the gate of the topology manager comes before.
    pub(super) fn node(&mut self) {
        let policy = self.text("topologyManagerPolicy").to_owned();
        if !self.since(27) && policy != "none" && !self.is_enabled("TopologyManager") {
            let words =
                format!("topologyManagerPolicy {policy} requires feature gate TopologyManager");
            self.invalid("topologyManagerPolicy", &words);
        }
        let taints: Vec<[String; 3]> = self
            .list("registerWithTaints")
            .iter()
            .map(|taint| {
                ["key", "value", "effect"].map(|name| match taint.get(name).map(|n| &n.value) {
                    Some(Value::Text(text)) => text.clone(),
                    _ => String::new(),
                })
            })
            .collect();
        let dated: Vec<bool> = self
            .list("registerWithTaints")
            .iter()
            .map(|taint| taint.get("timeAdded").is_some())
            .collect();
        for ([key, value, effect], dated) in taints.iter().zip(dated) {
            let is_effect = matches!(
                effect.as_str(),
                "" | "NoSchedule" | "PreferNoSchedule" | "NoExecute"
            );
            if !is_qualified_name(key) || !is_label_value(value) || !is_effect {
                let words = format!("invalid taint: {{{key} {value} {effect} <nil>}}");
                self.error("registerWithTaints", words);
            }
            if dated {
                self.invalid("registerWithTaints", "taint.TimeAdded is not nil");
            }
        }
    }

    pub(super) fn topology(&mut self) {
        let policy = self.text("topologyManagerPolicy").to_owned();
        let scope = self.text("topologyManagerScope").to_owned();
        if !matches!(
            policy.as_str(),
            "none" | "best-effort" | "restricted" | "single-numa-node"
        ) {
            let words = format!(
                "topologyManagerPolicy (--topology-manager-policy) {} must be one of: \
                 [\"none\" \"best-effort\" \"restricted\" \"single-numa-node\"]",
                quoted(&policy)
            );
            self.invalid("topologyManagerPolicy", &words);
        }
        if !self.since(27) && scope != "container" && !self.is_enabled("TopologyManager") {
            let words =
                format!("topologyManagerScope {scope} requires feature gate TopologyManager");
            self.invalid("topologyManagerScope", &words);
        }
        if !matches!(scope.as_str(), "container" | "pod") {
            let words = format!(
                "topologyManagerScope (--topology-manager-scope) {} must be one of: \"container\", or \"pod\"",
                quoted(&scope)
            );
            self.invalid("topologyManagerScope", &words);
        }
    }

    pub(super) fn shutdown(&mut self) {
        const PERIOD: &str = "shutdownGracePeriod";
        const CRITICAL: &str = "shutdownGracePeriodCriticalPods";
        const BY_PRIORITY: &str = "shutdownGracePeriodByPodPriority";
        let (period, critical) = (self.duration(PERIOD), self.duration(CRITICAL));
        let shown = (self.shown_duration(PERIOD), self.shown_duration(CRITICAL));
        let is_set = period > 0 || critical > 0;
        if self.is_enabled("GracefulNodeShutdown") {
            if critical > period {
                let words = format!(
                    "shutdownGracePeriodCriticalPods {} must be <= shutdownGracePeriod {}",
                    shown.1, shown.0
                );
                self.invalid(CRITICAL, &words);
            }
            for (field, value, shown) in [(PERIOD, period, shown.0), (CRITICAL, critical, shown.1)]
            {
                if value < 0 || (value > 0 && value < SECOND) {
                    let words =
                        format!("{field} {shown} must be either zero or otherwise >= 1 sec");
                    self.invalid(field, &words);
                }
            }
        } else if is_set {
            self.invalid(
                PERIOD,
                "specifying shutdownGracePeriod or shutdownGracePeriodCriticalPods requires feature gate \
                 GracefulNodeShutdown",
            );
        }
        if self.list(BY_PRIORITY).is_empty() {
            return;
        }
        if !self.is_enabled("GracefulNodeShutdownBasedOnPodPriority") {
            self.invalid(
                BY_PRIORITY,
                "Specifying shutdownGracePeriodByPodPriority requires feature gate \
                 GracefulNodeShutdownBasedOnPodPriority",
            );
        } else if is_set {
            self.invalid(
                BY_PRIORITY,
                "Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same time",
            );
        }
    }

    pub(super) fn swap(&mut self) {
        const FIELD: &str = "memorySwap.swapBehavior";
        let behavior = self.text(FIELD).to_owned();
        if !self.is_enabled("NodeSwap") {
            if !behavior.is_empty() {
                self.invalid(
                    FIELD,
                    "memorySwap.swapBehavior cannot be set when NodeSwap feature flag is disabled",
                );
            }
            return;
        }
        let (other, words) = if self.since(30) {
            ("NoSwap", "\"LimitedSwap\" or \"NoSwap\"")
        } else {
            ("UnlimitedSwap", "\"LimitedSwap\", or \"UnlimitedSwap\"")
        };
        if behavior.is_empty() || behavior == "LimitedSwap" || behavior == other {
            return;
        }
        let words = format!(
            "memorySwap.swapBehavior {} must be one of: \"\", {words}",
            quoted(&behavior)
        );
        self.invalid(FIELD, &words);
    }

    pub(super) fn back_off(&mut self) {
        const FIELD: &str = "crashLoopBackOff.maxContainerRestartPeriod";
        if !self.since(32) {
            return;
        }
        let period = self.optional_duration(FIELD);
        if !self.is_enabled("KubeletCrashLoopBackOffMax") {
            if period.is_some() {
                self.invalid(
                    FIELD,
                    "FeatureGate KubeletCrashLoopBackOffMax not enabled, \
                     CrashLoopBackOff.MaxContainerRestartPeriod must not be set",
                );
            }
            return;
        }
        let Some(period) = period else {
            self.invalid(
                FIELD,
                "FeatureGate KubeletCrashLoopBackOffMax is enabled, \
                 CrashLoopBackOff.MaxContainerRestartPeriod must be set",
            );
            return;
        };
        if !(1000..=300_000).contains(&(period / MILLISECOND)) {
            let words = format!(
                "CrashLoopBackOff.MaxContainerRestartPeriod (got: {} seconds) must be set between 1s and 300s",
                show_float(seconds(period))
            );
            self.invalid(FIELD, &words);
        }
    }

    pub(super) fn hairpin(&mut self) {
        let mode = self.text("hairpinMode").to_owned();
        if !matches!(
            mode.as_str(),
            "none" | "hairpin-veth" | "promiscuous-bridge"
        ) {
            let words = format!(
                "option {} specified for hairpinMode (--hairpin-mode). Valid options are \"none\", \
                 \"hairpin-veth\" or \"promiscuous-bridge\"",
                quoted(&mode)
            );
            self.invalid("hairpinMode", &words);
        }
    }

    pub(super) fn operating_system(&mut self) {
        let has_cgroup_v1 = || (self.host.has_cgroup_v1)() == Some(true);
        if self.since(31) && self.is_true("failCgroupV1") && has_cgroup_v1() {
            let end = if self.since(35) {
                "unsupported and will be removed in a future release"
            } else {
                "in maintenance mode"
            };
            let words = format!(
                "kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is {end}"
            );
            self.error("failCgroupV1", words);
            return;
        }
        let kills_one = self
            .get("singleProcessOOMKill")
            .is_some_and(|node| node.value == Value::Bool(false));
        if self.since(32) && kills_one && has_cgroup_v1() {
            self.invalid(
                "singleProcessOOMKill",
                "singleProcessOOMKill must not be explicitly set to false when using cgroup v1",
            );
            return;
        }
        if self.since(33) {
            self.user_namespaces();
        }
    }

    fn user_namespaces(&mut self) {
        const FIELD: &str = "userNamespaces.idsPerPod";
        const UNIT: i64 = 65536;
        let Some(ids) = self.optional_integer(FIELD) else {
            return;
        };
        let words = if ids < UNIT {
            "must not be less than 65536"
        } else if ids.checked_rem(UNIT) != Some(0) {
            "must be a multiple of 65536"
        } else if ids > i64::from(u32::MAX) {
            "must not be more than 4294967295"
        } else {
            return;
        };
        self.invalid(FIELD, &format!("userNamespaces.idsPerPod {words}"));
    }

    pub(super) fn metrics(&mut self) {
        const FIELD: &str = "showHiddenMetricsForVersion";
        let before = format!("1.{}", self.minor.0.saturating_sub(1));
        let version = self.text(FIELD);
        if !version.is_empty() && version != before {
            let words = if self.since(36) {
                format!(
                    "invalid showHiddenMetricsForVersion: showHiddenMetricsForVersion: Invalid value: {}: must be \
                     omitted or have the value '{before}'; only the previous minor version is allowed",
                    quoted(version)
                )
            } else {
                format!(
                    "--show-hidden-metrics-for-version must be omitted or have the value '{before}'. Only the \
                     previous minor version is allowed"
                )
            };
            self.error(FIELD, words);
        }
    }

    /// Since 1.25 the kubelet has ended before if something is wrong here.
    pub(super) fn logging(&mut self) {
        for (_, words) in self.host.logging {
            self.error("logging", words.clone());
        }
    }

    pub(super) fn tracing(&mut self) {
        if !self.since(25) || self.get("tracing").is_none() {
            return;
        }
        if !self.since(34) && !self.is_enabled("KubeletTracing") {
            self.invalid(
                "tracing",
                "tracing should not be configured if KubeletTracing feature flag is disabled.",
            );
            return;
        }
        if let Some(rate) = self.optional_integer("tracing.samplingRatePerMillion") {
            let words = if rate < 0 {
                Some("sampling rate must be positive")
            } else if rate > 1_000_000 {
                Some("sampling rate per million must be less than or equal to one million")
            } else {
                None
            };
            if let Some(words) = words {
                let words =
                    format!("tracing.samplingRatePerMillion: Invalid value: {rate}: {words}");
                self.error("tracing.samplingRatePerMillion", words);
            }
        }
        let endpoint = self.text("tracing.endpoint").to_owned();
        let Some((scheme, _)) = endpoint.split_once("://") else {
            return;
        };
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        let scheme = scheme.to_ascii_lowercase();
        if is_scheme && !matches!(scheme.as_str(), "dns" | "unix" | "unix-abstract") {
            let words = format!(
                "tracing.endpoint: Invalid value: {}: unsupported scheme: {scheme}.  Options are none, dns, unix, or \
                 unix-abstract.  See https://github.com/grpc/grpc/blob/master/doc/naming.md",
                quoted(&endpoint)
            );
            self.error("tracing.endpoint", words);
        }
    }

    pub(super) fn memory_quality(&mut self) {
        const FACTOR: &str = "memoryThrottlingFactor";
        let factor = self.float(FACTOR);
        let has_gate = self.is_enabled("MemoryQoS");
        if self.since(37) {
            // The former default is let pass.
            let differs = factor.is_some_and(|factor| (factor - 0.9).abs() > f64::EPSILON);
            if !has_gate && differs {
                self.invalid(
                    FACTOR,
                    "memoryThrottlingFactor must not be set when MemoryQoS feature gate is disabled",
                );
            }
        } else if has_gate && factor.is_none() {
            self.invalid(
                FACTOR,
                "memoryThrottlingFactor is required when MemoryQoS feature flag is enabled",
            );
        }
        if let Some(factor) = factor.filter(|factor| *factor <= 0.0 || *factor > 1.0) {
            let words = format!(
                "memoryThrottlingFactor {} must be greater than 0 and less than or equal to 1.0",
                show_float(factor)
            );
            self.invalid(FACTOR, &words);
        }
        if self.since(36) {
            self.memory_reservation(has_gate);
        }
    }

    fn memory_reservation(&mut self, has_gate: bool) {
        const FIELD: &str = "memoryReservationPolicy";
        let policy = self.text(FIELD).to_owned();
        if policy == "TieredReservation" && !has_gate {
            self.invalid(
                FIELD,
                "memoryReservationPolicy \"TieredReservation\" requires MemoryQoS feature gate to be enabled",
            );
        }
        if !matches!(policy.as_str(), "None" | "TieredReservation") {
            let words = format!(
                "option {} specified for memoryReservationPolicy. Valid options are \"None\" or \
                 \"TieredReservation\"",
                quoted(&policy)
            );
            self.invalid(FIELD, &words);
        }
    }

    pub(super) fn endpoint(&mut self) {
        if !self.since(27) {
            return;
        }
        if self.text("containerRuntimeEndpoint").is_empty() {
            self.invalid(
                "containerRuntimeEndpoint",
                "the containerRuntimeEndpoint was not specified or empty",
            );
        }
        if !self.is_true("enableSystemLogQuery") {
            return;
        }
        if !self.is_enabled("NodeLogQuery") {
            let option = if self.since(35) {
                "enableSystemLogQuery"
            } else {
                "enableSystemLogHandler"
            };
            self.invalid(
                "enableSystemLogQuery",
                &format!("NodeLogQuery feature gate is required for {option}"),
            );
        }
        if !self.is_true("enableSystemLogHandler") {
            self.invalid(
                "enableSystemLogQuery",
                "enableSystemLogHandler is required for enableSystemLogQuery",
            );
        }
    }

    pub(super) fn logs(&mut self) {
        if !self.since(30) {
            return;
        }
        if self.integer("containerLogMaxWorkers") < 1 {
            self.invalid(
                "containerLogMaxWorkers",
                "containerLogMaxWorkers must be greater than or equal to 1",
            );
        }
        if self.duration("containerLogMonitorInterval") < 3 * SECOND {
            self.invalid(
                "containerLogMonitorInterval",
                "containerLogMonitorInterval must be a positive time duration greater than or equal to 3s",
            );
        }
        if self.since(33) && self.integer("containerLogMaxFiles") <= 1 {
            self.invalid(
                "containerLogMaxFiles",
                "containerLogMaxFiles must be greater than 1",
            );
        }
        let directory = self.text("podLogsDir").to_owned();
        let shown = quoted(&directory);
        if directory.is_empty() {
            self.invalid("podLogsDir", "podLogsDir was not specified");
        }
        if !directory.starts_with('/') {
            let words = format!("pod logs path {shown} must be absolute path");
            self.invalid("podLogsDir", &words);
        }
        if !is_clean(&directory) {
            let words = format!("pod logs path {shown} must be normalized");
            self.invalid("podLogsDir", &words);
        }
        if !directory.is_ascii() {
            let words = format!("pod logs path {shown} mut contains ASCII characters only");
            self.invalid("podLogsDir", &words);
        }
    }
}

pub(super) fn quoted(text: &str) -> String {
    go::quote(text.as_bytes())
}

/// `Duration.Seconds`.
#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "as Go does"
)]
fn seconds(nanoseconds: i64) -> f64 {
    let (whole, rest) = (nanoseconds / SECOND, nanoseconds % SECOND);
    whole as f64 + rest as f64 / 1e9
}

/// Whether `filepath.Clean` leaves a path as it is.
fn is_clean(path: &str) -> bool {
    if path == "/" || path == "." {
        return true;
    }
    let (is_absolute, relative) = match path.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (false, path),
    };
    let mut may_climb = !is_absolute;
    relative.split('/').all(|part| match part {
        "" | "." => false,
        // Only at the beginning of a relative path nothing is left to go back from.
        ".." => may_climb,
        _ => {
            may_climb = false;
            true
        }
    })
}
