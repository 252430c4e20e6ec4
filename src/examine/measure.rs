//! What changes by time alone, for the monitor.

use super::node::HostNode;
use crate::assessment::Examination;
use crate::facts::Measurements;
use crate::host::HostRoot;
use crate::rke2::node;

/// Measures the node of a unit on the running host. `None` where the unit is not the one that this node runs, or its
/// settings are not known.
pub(crate) fn measure(root: &HostRoot, examination: &Examination) -> Option<Measurements> {
    let Examination {
        settings, report, ..
    } = examination;
    let is_known = settings.fatal.is_none() && settings.gaps.is_empty();
    if !is_known || report.idle || report.image {
        return None;
    }
    let start = node::Start {
        settings,
        version: &report.version,
    };
    Some(node::measure(&start, &HostNode::new(root, true, false)))
}
