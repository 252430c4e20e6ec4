//! Metrics for Prometheus, by way of `node_exporter`'s textfile collector.
//!
//! One text in two formats: what the collector reads (the Prometheus text format 0.0.4) and strict
//! `OpenMetrics` 1.0. They differ in counters: `OpenMetrics` has the suffix `_total` on the sample and not
//! on the family, the older format on both, so that no `# TYPE` line fits both. Counters have none: they are
//! untyped in the one format and unknown in the other, and `rate()` and `increase()` ignore the type.
//! `# EOF`, which `OpenMetrics` requires at the end, is a comment in the other.
//!
//! Labels hold ids and versions, and of a host's values only the profile and the names of RKE2's certificates: the number
//! of series of a node does not depend on its findings.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::facts::Measurements;
use crate::monitor::UnitStatus;
use crate::text::printable;
use crate::verdict::Verdict;

/// The status of this node.
#[derive(Debug, Clone)]
pub struct Snapshot<'a> {
    /// The version of preflight-rke2.
    pub version: &'a str,
    /// The newest RKE2 release whose rules are known.
    pub rules: String,
    /// When the last evaluation ended, in microseconds since 1970.
    pub evaluated: u64,
    /// The installed RKE2 units. Of two with the same name and role the last one counts.
    pub units: &'a [UnitStatus],
}

/// A metric, all of whose samples have the same labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Its name, and its samples'.
    pub name: &'static str,
    /// Whether it counts up. What does not is a gauge.
    pub counter: bool,
    /// The text of its `# HELP` line.
    pub help: &'static str,
    /// The labels of each sample.
    pub labels: &'static [&'static str],
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family {
        name,
        counter: false,
        help,
        labels,
    }
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family {
        counter: true,
        ..gauge(name, labels, help)
    }
}

/// The labels of a unit's metrics.
const UNIT: &[&str] = &["unit", "role"];

/// Whether the gate blocks a unit.
pub(crate) const BLOCKED: Family = gauge(
    "preflight_rke2_unit_blocked",
    UNIT,
    "Whether the gate keeps the RKE2 unit from starting.",
);
/// Since when; no sample while it is not blocked.
pub(crate) const BLOCKED_SINCE: Family = gauge(
    "preflight_rke2_unit_blocked_since_timestamp_seconds",
    UNIT,
    "Since when the gate keeps the RKE2 unit from starting; absent while it does not.",
);
/// Whether systemd has a unit active.
pub(crate) const ACTIVE: Family = gauge(
    "preflight_rke2_unit_active",
    UNIT,
    "Whether the RKE2 unit is active.",
);
/// Whether a unit runs that would not start again.
pub(crate) const DRIFTED: Family = gauge(
    "preflight_rke2_unit_drifted",
    UNIT,
    "Whether the RKE2 unit runs, and would not start again now or after a reboot.",
);
/// The verdicts of a unit, as a set of states: of each `when` exactly one is 1.
pub(crate) const VERDICT: Family = gauge(
    "preflight_rke2_unit_verdict",
    &["unit", "role", "when", "verdict"],
    "Whether the RKE2 unit would start: 1 for the verdict that holds, 0 for the others.",
);
/// How many findings of a check are violated or indeterminate; no sample where there is none.
pub(crate) const FINDING: Family = gauge(
    "preflight_rke2_finding",
    &["unit", "role", "check", "effect", "outcome"],
    "Problems found, by check; absent where there is none.",
);
/// When the node was last evaluated.
pub(crate) const EVALUATED: Family = gauge(
    "preflight_rke2_evaluation_timestamp_seconds",
    &[],
    "When the node was last evaluated.",
);
/// The version of preflight-rke2.
pub(crate) const INFO: Family = gauge(
    "preflight_rke2_info",
    &["version", "rules"],
    "Version of preflight-rke2, and the newest RKE2 release whose rules it knows.",
);
/// What a unit would run.
pub(crate) const UNIT_INFO: Family = gauge(
    "preflight_rke2_unit_info",
    &["unit", "role", "rke2_version", "version_source", "profile"],
    "RKE2 release that the unit would run, how that is known, and its profile.",
);
/// Starts after a block.
pub(crate) const RESUMES: Family = counter(
    "preflight_rke2_resumes_total",
    UNIT,
    "Starts of the RKE2 unit by the monitor after a block was fixed.",
);
/// Drifts and their ends.
pub(crate) const DRIFT_TRANSITIONS: Family = counter(
    "preflight_rke2_drift_transitions_total",
    UNIT,
    "Changes between a unit that would start again and one that would not, while it ran.",
);

/// When a certificate ends.
pub(crate) const CERTIFICATE: Family = gauge(
    "preflight_rke2_certificate_expiry_timestamp_seconds",
    &["unit", "role", "kind", "file"],
    "When a certificate of RKE2 ends.",
);
/// The labels of a file system's metrics.
const FILE_SYSTEM: &[&str] = &["unit", "role", "directory"];
/// The size of a file system.
pub(crate) const FILE_SYSTEM_SIZE: Family = gauge(
    "preflight_rke2_filesystem_size_bytes",
    FILE_SYSTEM,
    "Size of the file system that holds the directory.",
);
/// What is free of it.
pub(crate) const FILE_SYSTEM_AVAILABLE: Family = gauge(
    "preflight_rke2_filesystem_avail_bytes",
    FILE_SYSTEM,
    "Space in the file system that users other than root can still write.",
);
/// Its inodes.
pub(crate) const FILE_SYSTEM_FILES: Family = gauge(
    "preflight_rke2_filesystem_files",
    FILE_SYSTEM,
    "Inodes of the file system; absent where their number is not limited.",
);
/// Those that are free.
pub(crate) const FILE_SYSTEM_FILES_FREE: Family = gauge(
    "preflight_rke2_filesystem_files_free",
    FILE_SYSTEM,
    "Free inodes of the file system; absent where their number is not limited.",
);
/// The size of etcd's database.
pub(crate) const ETCD_SIZE: Family = gauge(
    "preflight_rke2_etcd_database_size_bytes",
    UNIT,
    "Size of the file of etcd's database; absent where the node has none.",
);
/// Its quota.
pub(crate) const ETCD_QUOTA: Family = gauge(
    "preflight_rke2_etcd_database_quota_bytes",
    UNIT,
    "Size beyond which etcd takes no writes; absent where there is none or it is not known.",
);
/// Whether something sets the clock.
pub(crate) const TIME_SYNC: Family = gauge(
    "preflight_rke2_time_sync_enabled",
    UNIT,
    "Whether a unit that sets the clock is enabled; absent in a container.",
);

/// Every metric there is, in the order in which they are written.
pub const FAMILIES: [Family; 19] = [
    INFO,
    EVALUATED,
    UNIT_INFO,
    ACTIVE,
    BLOCKED,
    BLOCKED_SINCE,
    DRIFTED,
    VERDICT,
    FINDING,
    RESUMES,
    DRIFT_TRANSITIONS,
    CERTIFICATE,
    FILE_SYSTEM_SIZE,
    FILE_SYSTEM_AVAILABLE,
    FILE_SYSTEM_FILES,
    FILE_SYSTEM_FILES_FREE,
    ETCD_SIZE,
    ETCD_QUOTA,
    TIME_SYNC,
];

/// The text, `# EOF` and a line feed at its end. The same snapshot gives the same text.
pub fn render(snapshot: &Snapshot<'_>) -> String {
    let mut samples = Samples::default();
    samples.set(INFO, &[snapshot.version, &snapshot.rules], &1);
    samples.set(EVALUATED, &[], &seconds(snapshot.evaluated));
    for status in snapshot.units {
        unit(&mut samples, status);
    }
    let mut out = String::new();
    for family in FAMILIES {
        let Some(values) = samples.0.get(family.name) else {
            continue;
        };
        // These texts have nothing that either format escapes; a test checks that.
        let _ = writeln!(out, "# HELP {} {}", family.name, family.help);
        if !family.counter {
            let _ = writeln!(out, "# TYPE {} gauge", family.name);
        }
        for (labels, value) in values {
            let _ = writeln!(out, "{}{labels} {value}", family.name);
        }
    }
    out.push_str("# EOF\n");
    out
}

fn unit(samples: &mut Samples, status: &UnitStatus) {
    let report = &status.report;
    let (name, role) = (status.unit.as_str(), report.role.as_str());
    let of = [name, role];
    let version = report.rke2_version.as_str();
    let source = report.rke2_version_source.as_str();
    samples.set(
        UNIT_INFO,
        &[name, role, version, source, &status.profile],
        &1,
    );
    samples.set(ACTIVE, &of, &u8::from(status.is_running()));
    samples.set(BLOCKED, &of, &u8::from(status.is_blocked()));
    if let Some(since) = status.blocked_since {
        samples.set(BLOCKED_SINCE, &of, &seconds(since));
    }
    let drifted = status.is_running() && status.is_drifted();
    samples.set(DRIFTED, &of, &u8::from(drifted));
    for (when, holds) in [
        ("now", report.verdict),
        ("next-boot", report.next_boot_verdict),
    ] {
        for verdict in Verdict::ALL {
            let value = u8::from(verdict == holds);
            samples.set(VERDICT, &[name, role, when, verdict.as_str()], &value);
        }
    }
    let mut problems: BTreeMap<[&str; 3], u32> = BTreeMap::new();
    for finding in &report.findings {
        let which = [
            finding.id.as_str(),
            finding.effect.as_str(),
            finding.outcome.as_str(),
        ];
        let count = problems.entry(which).or_default();
        *count = count.saturating_add(1);
    }
    for ([check, effect, outcome], count) in problems {
        samples.set(FINDING, &[name, role, check, effect, outcome], &count);
    }
    samples.set(RESUMES, &of, &status.resumes);
    samples.set(DRIFT_TRANSITIONS, &of, &status.drift_transitions);
    measurements(samples, &of, &status.measured);
}

fn measurements(samples: &mut Samples, of: &[&str; 2], measured: &Measurements) {
    let [name, role] = *of;
    for certificate in &measured.certificates {
        let kind = certificate.kind.as_str();
        let labels = [name, role, kind, certificate.file.as_str()];
        samples.set(CERTIFICATE, &labels, &certificate.not_after);
    }
    for room in &measured.file_systems {
        let labels = [name, role, room.directory];
        samples.set(FILE_SYSTEM_SIZE, &labels, &room.bytes);
        samples.set(FILE_SYSTEM_AVAILABLE, &labels, &room.available);
        if room.inodes > 0 {
            samples.set(FILE_SYSTEM_FILES, &labels, &room.inodes);
            samples.set(FILE_SYSTEM_FILES_FREE, &labels, &room.free_inodes);
        }
    }
    if let Some(etcd) = &measured.etcd {
        samples.set(ETCD_SIZE, of, &etcd.bytes);
        if let Some(quota) = etcd.quota {
            samples.set(ETCD_QUOTA, of, &quota);
        }
    }
    if let Some(has) = measured.has_time_sync {
        samples.set(TIME_SYNC, of, &u8::from(has));
    }
}

/// Values by labels, as they are written, by the name of the family.
#[derive(Default)]
struct Samples(BTreeMap<&'static str, BTreeMap<String, String>>);

impl Samples {
    fn set(&mut self, family: Family, values: &[&str], value: &dyn std::fmt::Display) {
        let mut labels = String::new();
        for (index, (name, value)) in family.labels.iter().zip(values).enumerate() {
            let _ = write!(labels, "{}{name}=\"", if index == 0 { '{' } else { ',' });
            labels.push_str(&escaped(value));
            labels.push('"');
        }
        if !labels.is_empty() {
            labels.push('}');
        }
        let of_family = self.0.entry(family.name).or_default();
        of_family.insert(labels, value.to_string());
    }
}

/// The longest label value in characters: a database keeps each value.
const LONGEST: usize = 64;

/// A label value: unprintable characters made visible, cut if it is long, and escaped as both formats
/// require.
fn escaped(value: &str) -> String {
    let shown = printable(value);
    let cut = shown.chars().count() > LONGEST;
    let mut out = String::with_capacity(shown.len());
    for c in shown.chars().take(LONGEST) {
        // The third character to escape, the line feed, is made visible already.
        if matches!(c, '\\' | '"') {
            out.push('\\');
        }
        out.push(c);
    }
    if cut {
        out.push('…');
    }
    out
}

/// Microseconds as seconds, Prometheus' unit of time.
fn seconds(microseconds: u64) -> String {
    format!(
        "{}.{:06}",
        microseconds / 1_000_000,
        microseconds % 1_000_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_are_seconds() {
        for (microseconds, shown) in [
            (0, "0.000000"),
            (1, "0.000001"),
            (1_764_000_000_050_000, "1764000000.050000"),
            (u64::MAX, "18446744073709.551615"),
        ] {
            assert_eq!(seconds(microseconds), shown);
        }
    }

    #[test]
    fn a_label_stays_within_its_quotes() {
        for (value, shown) in [
            ("cis", "cis"),
            ("", ""),
            ("a\"b", "a\\\"b"),
            ("a\\", "a\\\\"),
            ("a\nb", "a\\\\nb"),
            ("a\u{202e}b\u{0}", "a\\\\u{202e}b\\\\u{0}"),
            ("é…", "é…"),
        ] {
            assert_eq!(escaped(value), shown, "{value:?}");
        }
        let long = escaped(&"\"".repeat(1_000_000));
        assert_eq!(long, format!("{}…", "\\\"".repeat(LONGEST)));
    }

    #[test]
    fn families_are_well_named() {
        for family in FAMILIES {
            assert_eq!(family.counter, family.name.ends_with("_total"));
            assert!(family.name.starts_with("preflight_rke2_"));
            assert!(family.help.ends_with('.'), "{}", family.name);
            assert!(!family.help.contains(['\\', '\n', '"']), "{}", family.name);
        }
    }
}
