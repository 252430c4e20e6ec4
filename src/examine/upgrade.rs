//! What an upgrade itself brings to a node, for `check --upgrade-to`.

use crate::assessment::{Examination, UnitReport};
use crate::evaluate::upgrade::{Step, findings};
use crate::host::HostRoot;
use crate::rke2::components;
use crate::rke2::installed::VersionSource;
use crate::rke2::layout;

/// Adds it to the report on the release that comes.
pub(crate) fn add(root: &HostRoot, today: &UnitReport, after: &mut Examination) {
    let settings = &after.settings;
    // RKE2 may have another data directory.
    if !settings.gaps.is_empty() {
        return;
    }
    let data_dir = layout::data_dir(settings.data_dir());
    let has = |path: &str| root.stat(format!("{data_dir}/{path}")).is_ok();
    let template = "agent/etc/containerd/config.toml.tmpl";
    let is_old = has(template) && !has("agent/etc/containerd/config-v3.toml.tmpl");
    let template = format!("{data_dir}/{template}");
    let is_known = today.version_source != VersionSource::Assumed;
    let step = Step {
        from: is_known.then_some(&today.version),
        to: &after.report.version,
        has_etcd_data: components::runs_etcd(settings) && has("server/db/etcd/member/wal"),
        template: is_old.then_some(template.as_str()),
    };
    let found = findings(&step);
    after.report.findings.extend(found);
}
