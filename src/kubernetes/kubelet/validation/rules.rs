//! Rules as data, and the forms of names.

/// The bounds of a number.
pub(super) struct Bound {
    pub(super) field: &'static str,
    /// How errors name it.
    pub(super) name: &'static str,
    pub(super) least: i64,
    pub(super) most: i64,
    /// Whether 0 is allowed too.
    pub(super) or_zero: bool,
    pub(super) words: &'static str,
    /// Numbers of one group are checked one after the other.
    pub(super) group: u32,
    pub(super) since: u32,
}

const fn not_negative(field: &'static str, name: &'static str, group: u32) -> Bound {
    Bound {
        field,
        name,
        least: 0,
        most: i64::MAX,
        or_zero: false,
        words: "must not be a negative number",
        group,
        since: 0,
    }
}

const fn between(
    field: &'static str,
    name: &'static str,
    least: i64,
    most: i64,
    words: &'static str,
    group: u32,
) -> Bound {
    Bound {
        field,
        name,
        least,
        most,
        or_zero: false,
        words,
        group,
        since: 0,
    }
}

const fn port(
    field: &'static str,
    name: &'static str,
    words: &'static str,
    or_zero: bool,
    group: u32,
) -> Bound {
    Bound {
        or_zero,
        ..between(field, name, 1, 65535, words, group)
    }
}

/// The numbers, in the order of the checks.
pub(super) const NUMBERS: &[Bound] = &[
    not_negative("eventBurst", "eventBurst (--event-burst)", 0),
    not_negative("eventRecordQPS", "eventRecordQPS (--event-qps)", 0),
    port(
        "healthzPort",
        "healthzPort (--healthz-port)",
        "must be between 1 and 65535, inclusive",
        true,
        0,
    ),
    between(
        "imageGCHighThresholdPercent",
        "imageGCHighThresholdPercent (--image-gc-high-threshold)",
        0,
        100,
        "must be between 0 and 100, inclusive",
        1,
    ),
    between(
        "imageGCLowThresholdPercent",
        "imageGCLowThresholdPercent (--image-gc-low-threshold)",
        0,
        100,
        "must be between 0 and 100, inclusive",
        1,
    ),
    between(
        "iptablesDropBit",
        "iptablesDropBit (--iptables-drop-bit)",
        0,
        31,
        "must be between 0 and 31, inclusive",
        2,
    ),
    between(
        "iptablesMasqueradeBit",
        "iptablesMasqueradeBit (--iptables-masquerade-bit)",
        0,
        31,
        "must be between 0 and 31, inclusive",
        2,
    ),
    not_negative("kubeAPIBurst", "kubeAPIBurst (--kube-api-burst)", 2),
    not_negative("kubeAPIQPS", "kubeAPIQPS (--kube-api-qps)", 2),
    between(
        "nodeStatusMaxImages",
        "nodeStatusMaxImages (--node-status-max-images)",
        -1,
        i64::MAX,
        "must be -1 or greater",
        2,
    ),
    not_negative("maxOpenFiles", "maxOpenFiles (--max-open-files)", 2),
    not_negative("maxPods", "maxPods (--max-pods)", 2),
    between(
        "oomScoreAdj",
        "oomScoreAdj (--oom-score-adj)",
        -1000,
        1000,
        "must be between -1000 and 1000, inclusive",
        2,
    ),
    not_negative("podsPerCore", "podsPerCore (--pods-per-core)", 2),
    port(
        "port",
        "port (--port)",
        "must be between 1 and 65535, inclusive",
        false,
        2,
    ),
    port(
        "readOnlyPort",
        "readOnlyPort (--read-only-port)",
        "must be between 0 and 65535, inclusive",
        true,
        2,
    ),
    not_negative("registryBurst", "registryBurst (--registry-burst)", 2),
    not_negative("registryPullQPS", "registryPullQPS (--registry-qps)", 2),
];

/// `validation.IsQualifiedName`, of `key` or `prefix/key`.
pub(super) fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    prefix.is_none_or(is_subdomain) && !name.is_empty() && is_label_value(name)
}

/// `validation.IsValidLabelValue`.
pub(super) fn is_label_value(text: &str) -> bool {
    let at_end = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && at_end(text.chars().next())
        && at_end(text.chars().next_back())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn is_subdomain(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = |label: &str| {
        label.starts_with(is_end)
            && label.ends_with(is_end)
            && label.chars().all(|c| is_end(c) || c == '-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}
