//! What an upgrade itself brings, beside what the release that comes requires of the host: findings that decide nothing.

use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Finding, Outcome, Remedy};
use crate::rke2::changes;
use crate::rke2::version::Version;

/// An upgrade of one node.
#[derive(Debug, Clone)]
pub(crate) struct Step<'a> {
    /// The release that is installed, where it is known.
    pub(crate) from: Option<&'a Version>,
    /// The one that comes.
    pub(crate) to: &'a Version,
    /// Whether the node has etcd's data.
    pub(crate) has_etcd_data: bool,
    /// A template of containerd's configuration that was written for containerd 1, without one for containerd 2.
    pub(crate) template: Option<&'a str>,
}

/// What is to be said of it.
pub(crate) fn findings(step: &Step<'_>) -> Vec<Finding> {
    [skipped(step), downgrade(step), template(step)]
        .into_iter()
        .flatten()
        .collect()
}

fn advice(check: CheckId, subject: &str, summary: String, remedy: &str) -> Finding {
    let outcome = Outcome::Violated;
    Finding::new(check, subject, Vec::new(), outcome, outcome)
        .with_summary(summary)
        .with_remedies([Remedy::manual(remedy)])
}

fn skipped(step: &Step<'_>) -> Option<Finding> {
    let (from, to) = (step.from?, step.to);
    let first = from.minor.saturating_add(1);
    if to.minor <= first {
        return None;
    }
    let between: Vec<String> = (first..to.minor)
        .map(|minor| format!("1.{minor}"))
        .collect();
    let summary = format!(
        "the upgrade from {from} to {to} skips {}: Kubernetes supports one minor version at a time, and RKE2 does not \
         stop you",
        between.join(", ")
    );
    let remedy = format!("upgrade the whole cluster to 1.{first} first");
    Some(advice(
        CheckId::UpgradeSkippedMinor,
        "minor versions",
        summary,
        &remedy,
    ))
}

/// The minor version of etcd 3 that a release of RKE2 has.
const fn etcd(release: &Version) -> u32 {
    match release.minor {
        ..=33 => 5,
        34..=36 => 6,
        _ => 7,
    }
}

fn downgrade(step: &Step<'_>) -> Option<Finding> {
    let (from, to) = (step.from?, step.to);
    let (old, new) = (etcd(from), etcd(to));
    if new >= old || !step.has_etcd_data {
        return None;
    }
    let summary = format!(
        "{to} has etcd 3.{new}, which does not start on the data of etcd 3.{old} that {from} runs"
    );
    let remedy = "restore a snapshot that was taken before the upgrade, with the older release";
    let finding = advice(CheckId::UpgradeEtcdDowngrade, "etcd", summary, remedy);
    Some(finding.with_notes([format!(
        "etcd exits with \"invalid downgrade: cluster has data from version 3.{old}.x, cannot downgrade to 3.{new}.x\""
    )]))
}

fn template(step: &Step<'_>) -> Option<Finding> {
    let path = step.template?;
    if !changes::CONTAINERD_2.includes(step.to) {
        return None;
    }
    let summary = format!(
        "{path} was made for containerd 1; {} has containerd 2, whose template is config-v3.toml.tmpl",
        step.to
    );
    let remedy = "write config-v3.toml.tmpl beside it, after the configuration of version 3, and remove the old one \
                  once no node needs it";
    let finding = advice(
        CheckId::UpgradeContainerdTemplate,
        "containerd",
        summary,
        remedy,
    );
    Some(finding.with_evidence([Evidence::place(Source::file(path), Part::Read)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(
        from: Option<(u32, u32)>,
        to: (u32, u32),
        etcd: bool,
        template: bool,
    ) -> Vec<&'static str> {
        let from = from.map(|(minor, patch)| Version::new(minor, patch, 1));
        let step = Step {
            from: from.as_ref(),
            to: &Version::new(to.0, to.1, 1),
            has_etcd_data: etcd,
            template: template.then_some("/x/config.toml.tmpl"),
        };
        let found = findings(&step).into_iter();
        found.map(|finding| finding.id().as_str()).collect()
    }

    #[test]
    fn a_minor_is_skipped_or_not() {
        assert_eq!(ids(Some((32, 1)), (33, 1), true, false), [""; 0]);
        assert_eq!(
            ids(Some((32, 1)), (34, 1), true, false),
            ["upgrade.skipped-minor"]
        );
        assert_eq!(ids(None, (34, 1), true, false), [""; 0]);
        assert_eq!(ids(Some((u32::MAX, 1)), (34, 1), false, false), [""; 0]);
    }

    #[test]
    fn etcd_does_not_go_back() {
        let back = ["upgrade.etcd-downgrade"];
        assert_eq!(ids(Some((34, 1)), (33, 1), true, false), back);
        assert_eq!(ids(Some((37, 1)), (36, 1), true, false), back);
        assert_eq!(ids(Some((34, 1)), (33, 1), false, false), [""; 0]);
        assert_eq!(ids(Some((36, 1)), (35, 1), true, false), [""; 0]);
    }

    #[test]
    fn a_template_is_of_one_containerd() {
        let old = ["upgrade.containerd-template"];
        assert_eq!(ids(Some((31, 5)), (31, 6), false, true), old);
        assert_eq!(ids(None, (33, 1), false, true), old);
        assert_eq!(ids(Some((30, 1)), (31, 5), false, true), [""; 0]);
        assert_eq!(ids(Some((31, 5)), (31, 6), false, false), [""; 0]);
    }
}
