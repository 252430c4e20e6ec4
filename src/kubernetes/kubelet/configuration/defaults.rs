//! What the kubelet sets where its files do not.
//!
//! Upstream: `SetDefaults_KubeletConfiguration` of `pkg/kubelet/apis/config/v1beta1/defaults.go` in 1.24.17 to
//! 1.37.2, and `applyLegacyDefaults` of `cmd/kubelet/app/options/options.go`.

use crate::kubernetes::Minor;
use crate::kubernetes::codec::duration;
use crate::kubernetes::codec::tree::{Node, Value};
use crate::kubernetes::kubelet::parts::{Paths, overlap};

/// When a field has its default.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Where it is absent: a pointer, list or map.
    Absent,
    /// Where it is zero, too.
    Zero,
}
use When::{Absent, Zero};

/// A field, its default as JSON, and the minors in which that is so.
type Row = (&'static str, &'static str, When, u32, u32);

const ALWAYS: u32 = u32::MAX;

/// Sorted by the field.
const DEFAULTS: &[Row] = &[
    ("address", "\"0.0.0.0\"", Zero, 0, ALWAYS),
    (
        "authentication.anonymous.enabled",
        "false",
        Absent,
        0,
        ALWAYS,
    ),
    (
        "authentication.webhook.cacheTTL",
        "\"2m0s\"",
        Zero,
        0,
        ALWAYS,
    ),
    ("authentication.webhook.enabled", "true", Absent, 0, ALWAYS),
    ("authorization.mode", "\"Webhook\"", Zero, 0, ALWAYS),
    (
        "authorization.webhook.cacheAuthorizedTTL",
        "\"5m0s\"",
        Zero,
        0,
        ALWAYS,
    ),
    (
        "authorization.webhook.cacheUnauthorizedTTL",
        "\"30s\"",
        Zero,
        0,
        ALWAYS,
    ),
    ("cgroupDriver", "\"cgroupfs\"", Zero, 0, ALWAYS),
    ("cgroupsPerQOS", "true", Absent, 0, ALWAYS),
    (
        "configMapAndSecretChangeDetectionStrategy",
        "\"Watch\"",
        Zero,
        0,
        ALWAYS,
    ),
    ("containerLogMaxFiles", "5", Absent, 0, ALWAYS),
    ("containerLogMaxSize", "\"10Mi\"", Zero, 0, ALWAYS),
    ("containerLogMaxWorkers", "1", Absent, 30, ALWAYS),
    ("containerLogMonitorInterval", "\"10s\"", Absent, 30, ALWAYS),
    (
        "containerRuntimeEndpoint",
        "\"unix:///run/containerd/containerd.sock\"",
        Zero,
        27,
        ALWAYS,
    ),
    (
        "contentType",
        "\"application/vnd.kubernetes.protobuf\"",
        Zero,
        0,
        ALWAYS,
    ),
    ("cpuCFSQuota", "true", Absent, 0, ALWAYS),
    ("cpuCFSQuotaPeriod", "\"100ms\"", Absent, 0, ALWAYS),
    ("cpuManagerPolicy", "\"none\"", Zero, 0, ALWAYS),
    ("cpuManagerReconcilePeriod", "\"10s\"", Zero, 0, ALWAYS),
    ("enableControllerAttachDetach", "true", Absent, 0, ALWAYS),
    ("enableDebuggingHandlers", "true", Absent, 0, ALWAYS),
    ("enableServer", "true", Absent, 0, ALWAYS),
    ("enableSystemLogHandler", "true", Absent, 0, ALWAYS),
    ("enforceNodeAllocatable", "[\"pods\"]", Absent, 0, ALWAYS),
    ("eventBurst", "10", Zero, 0, 26),
    ("eventBurst", "100", Zero, 27, ALWAYS),
    ("eventRecordQPS", "5", Absent, 0, 26),
    ("eventRecordQPS", "50", Absent, 27, ALWAYS),
    (
        "evictionPressureTransitionPeriod",
        "\"5m0s\"",
        Zero,
        0,
        ALWAYS,
    ),
    ("failCgroupV1", "false", Absent, 31, 34),
    ("failCgroupV1", "true", Absent, 35, ALWAYS),
    ("failSwapOn", "true", Absent, 0, ALWAYS),
    ("fileCheckFrequency", "\"20s\"", Zero, 0, ALWAYS),
    ("hairpinMode", "\"promiscuous-bridge\"", Zero, 0, ALWAYS),
    ("healthzBindAddress", "\"127.0.0.1\"", Zero, 0, ALWAYS),
    ("healthzPort", "10248", Absent, 0, ALWAYS),
    ("httpCheckFrequency", "\"20s\"", Zero, 0, ALWAYS),
    ("imageGCHighThresholdPercent", "85", Absent, 0, ALWAYS),
    ("imageGCLowThresholdPercent", "80", Absent, 0, ALWAYS),
    ("imageMinimumGCAge", "\"2m0s\"", Zero, 0, ALWAYS),
    ("iptablesDropBit", "15", Absent, 0, ALWAYS),
    ("iptablesMasqueradeBit", "14", Absent, 0, ALWAYS),
    ("kubeAPIBurst", "10", Zero, 0, 26),
    ("kubeAPIBurst", "100", Zero, 27, ALWAYS),
    ("kubeAPIQPS", "5", Absent, 0, 26),
    ("kubeAPIQPS", "50", Absent, 27, ALWAYS),
    ("localStorageCapacityIsolation", "true", Absent, 25, ALWAYS),
    ("logging.format", "\"text\"", Zero, 0, ALWAYS),
    ("makeIPTablesUtilChains", "true", Absent, 0, ALWAYS),
    ("maxOpenFiles", "1000000", Zero, 0, ALWAYS),
    ("maxPods", "110", Zero, 0, ALWAYS),
    ("memoryManagerPolicy", "\"None\"", Zero, 0, ALWAYS),
    ("memoryReservationPolicy", "\"None\"", Zero, 36, ALWAYS),
    ("memoryThrottlingFactor", "0.8", Absent, 0, 26),
    ("memoryThrottlingFactor", "0.9", Absent, 27, 36),
    ("mergeDefaultEvictionSettings", "false", Absent, 33, ALWAYS),
    ("nodeLeaseDurationSeconds", "40", Zero, 0, ALWAYS),
    ("nodeStatusMaxImages", "50", Absent, 0, ALWAYS),
    ("nodeStatusReportFrequency", "\"5m0s\"", Zero, 0, ALWAYS),
    ("nodeStatusUpdateFrequency", "\"10s\"", Zero, 0, ALWAYS),
    ("oomScoreAdj", "-999", Absent, 0, ALWAYS),
    ("podLogsDir", "\"/var/log/pods\"", Zero, 30, ALWAYS),
    ("podPidsLimit", "-1", Absent, 0, ALWAYS),
    ("port", "10250", Zero, 0, ALWAYS),
    ("registerNode", "true", Absent, 0, ALWAYS),
    ("registryBurst", "10", Zero, 0, ALWAYS),
    ("registryPullQPS", "5", Absent, 0, ALWAYS),
    ("resolvConf", "\"/etc/resolv.conf\"", Absent, 0, ALWAYS),
    ("runtimeRequestTimeout", "\"2m0s\"", Zero, 0, ALWAYS),
    ("seccompDefault", "false", Absent, 25, ALWAYS),
    ("serializeImagePulls", "true", Absent, 0, ALWAYS),
    (
        "streamingConnectionIdleTimeout",
        "\"4h0m0s\"",
        Zero,
        0,
        ALWAYS,
    ),
    ("syncFrequency", "\"1m0s\"", Zero, 0, ALWAYS),
    ("topologyManagerPolicy", "\"none\"", Zero, 0, ALWAYS),
    ("topologyManagerScope", "\"container\"", Zero, 0, ALWAYS),
    ("volumeStatsAggPeriod", "\"1m0s\"", Zero, 0, ALWAYS),
];

/// The thresholds of `eviction.DefaultEvictionHard`: those of a `--config` file that sets none (since 1.26; before
/// that of every configuration).
const EVICTION_HARD: [(&str, &str); 4] = [
    ("imagefs.available", "15%"),
    ("memory.available", "100Mi"),
    ("nodefs.available", "10%"),
    ("nodefs.inodesFree", "5%"),
];

/// A gate with which a field has a default, the field, the default, and since which minor.
type GatedRow = (&'static str, &'static str, &'static str, u32);

const GATED: [GatedRow; 2] = [
    (
        "KubeletCrashLoopBackOffMax",
        "crashLoopBackOff.maxContainerRestartPeriod",
        "\"5m0s\"",
        32,
    ),
    (
        "KubeletEnsureSecretPulledImages",
        "imagePullCredentialsVerificationPolicy",
        "\"NeverVerifyPreloadedImages\"",
        33,
    ),
];

/// Sets the defaults in a configuration of `kubelet.config.k8s.io/v1beta1`.
pub(super) fn set(configuration: &mut Node, minor: Minor, is_enabled: &dyn Fn(&str) -> bool) {
    dependent(configuration, minor);
    for row in DEFAULTS {
        set_row(configuration, minor, row);
    }
    if minor < Minor(26) {
        eviction_hard(configuration);
    }
    for row in &GATED {
        set_gated(configuration, minor, row, is_enabled);
    }
}

/// Sets the defaults of these fields, each with all that is below it, where `is_left` says that nothing else sets them.
pub(super) fn set_some(
    configuration: &mut Node,
    minor: Minor,
    fields: &Paths<'_>,
    is_left: &dyn Fn(&str) -> bool,
    is_enabled: &dyn Fn(&str) -> bool,
) {
    for field in fields.all() {
        let first = DEFAULTS.partition_point(|(path, ..)| *path < field);
        let rows = DEFAULTS.get(first..).unwrap_or_default();
        let below = rows.iter().take_while(|(path, ..)| path.starts_with(field));
        for row in below.filter(|(path, ..)| overlap(path, field) && is_left(path)) {
            set_row(configuration, minor, row);
        }
        if minor < Minor(26) && field == "evictionHard" && is_left(field) {
            eviction_hard(configuration);
        }
        for row in GATED
            .iter()
            .filter(|(_, path, ..)| *path == field && is_left(field))
        {
            set_gated(configuration, minor, row, is_enabled);
        }
    }
}

fn set_row(configuration: &mut Node, minor: Minor, &(path, json, when, first, last): &Row) {
    if (first..=last).contains(&minor.0) {
        set_one(configuration, path, json, when);
    }
}

fn set_gated(
    configuration: &mut Node,
    minor: Minor,
    &(gate, path, json, first): &GatedRow,
    is_enabled: &dyn Fn(&str) -> bool,
) {
    if minor.0 >= first && is_enabled(gate) {
        set_one(configuration, path, json, Zero);
    }
}

/// Defaults that rest on other fields.
fn dependent(configuration: &mut Node, minor: Minor) {
    let integer = |path: &str| configuration.at(path).and_then(as_integer);
    let parallel = integer("maxParallelImagePulls").is_some_and(|pulls| pulls >= 2);
    let negative = integer("podPidsLimit").is_some_and(|limit| limit < 0);
    let update = configuration.get("nodeStatusUpdateFrequency").cloned();
    if parallel && minor >= Minor(27) {
        set_one(configuration, "serializeImagePulls", "false", Absent);
    }
    if negative {
        configuration.remove("podPidsLimit");
    }
    if let Some(update) = update
        && !is_zero_duration(&update)
        && configuration
            .get("nodeStatusReportFrequency")
            .is_none_or(is_zero_duration)
    {
        configuration.set("nodeStatusReportFrequency", Node::default(update.value));
    }
}

/// Sets all default thresholds where there are none, and with `mergeDefaultEvictionSettings` those that are missing.
pub(super) fn eviction_hard(configuration: &mut Node) {
    let merges = configuration
        .get("mergeDefaultEvictionSettings")
        .is_some_and(|node| node.value == Value::Bool(true));
    if configuration.get("evictionHard").is_some() && !merges {
        return;
    }
    for (signal, threshold) in EVICTION_HARD {
        let json = format!("\"{threshold}\"");
        let mut map = configuration
            .get("evictionHard")
            .cloned()
            .unwrap_or(Node::default(Value::Map(Vec::new())));
        if map.get(signal).is_none() {
            map.set(signal, literal(&json));
        }
        configuration.set("evictionHard", map);
    }
}

/// What the flags of the kubelet have for defaults.
const LEGACY: [(&str, &str); 4] = [
    ("authentication.anonymous.enabled", "true"),
    ("authentication.webhook.enabled", "false"),
    ("authorization.mode", "\"AlwaysAllow\""),
    ("readOnlyPort", "10255"),
];

/// Sets what the flags have for defaults, of the fields that `is_wanted` names.
pub(super) fn set_legacy(configuration: &mut Node, is_wanted: &dyn Fn(&str) -> bool) {
    for (path, json) in LEGACY {
        if is_wanted(path) {
            put(configuration, path, literal(json));
        }
    }
}

fn set_one(configuration: &mut Node, path: &str, json: &str, when: When) {
    let default = literal(json);
    // A duration of zero is one by its type, which is that of the default.
    let is_unset = if is_duration(&default) {
        is_zero_duration
    } else {
        is_zero
    };
    let is_set = configuration
        .at(path)
        .is_some_and(|node| when == Absent || !is_unset(node));
    if !is_set {
        put(configuration, path, default);
    }
}

fn is_duration(node: &Node) -> bool {
    matches!(&node.value, Value::Text(text) if duration::parse(text).is_ok())
}

/// Sets a field by the names that lead to it.
pub(super) fn put(configuration: &mut Node, path: &str, node: Node) {
    match path.split_once('.') {
        Some((name, rest)) => configuration.change(name, |inner| put(inner, rest, node)),
        None => configuration.set(path, node),
    }
}

/// A JSON literal of the tables above.
fn literal(json: &str) -> Node {
    serde_json::from_str(json).map_or(Node::default(Value::Null), |json| {
        Node::of_json(&json, None)
    })
}

pub(in super::super) fn as_integer(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Number(text) => text.parse().ok(),
        _ => None,
    }
}

/// Whether a duration is zero.
fn is_zero_duration(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => text.is_empty() || duration::parse(text) == Ok(0),
        _ => is_zero(node),
    }
}

/// Whether a value is Go's zero value of its type, where that is no duration.
pub(super) fn is_zero(node: &Node) -> bool {
    match &node.value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(text) => text.parse::<f64>().is_ok_and(|value| value == 0.0),
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sorted() {
        assert!(DEFAULTS.is_sorted_by_key(|(path, ..)| *path));
    }
}
