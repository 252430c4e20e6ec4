//! The command of RKE2's own unit that fails where `nm-cloud-setup.service` is enabled.
//!
//! Source: rancher/rke2 `bundle/lib/systemd/system`, 1.21.2 to 1.34.2; rancher/rke2#6306. Of other commands that a unit
//! runs, nothing is known.

use crate::facts::{Evidence, Part};
use crate::finding::{CheckId, Component, Remedy, Stage};

use super::{Node, NodeProblem};

const UNIT: &str = "nm-cloud-setup.service";

pub(super) fn problem(node: &dyn Node) -> Option<NodeProblem> {
    let place = node.asks_for_nm_cloud_setup()?;
    let state = node.enablement(UNIT)?;
    // The states with which `systemctl is-enabled` succeeds.
    let is_enabled = matches!(
        state.as_str(),
        "enabled" | "enabled-runtime" | "static" | "alias" | "indirect" | "generated"
    );
    if !is_enabled {
        return None;
    }
    Some(NodeProblem {
        evidence: vec![Evidence::place(place, Part::Requires)],
        actual: Some(state.clone()),
        required: Some("disabled".to_owned()),
        notes: vec![
            "it adds routes that lead the packets of pods astray; RKE2's journal has nothing but `+ exit 1` or status=1"
                .to_owned(),
        ],
        remedies: vec![Remedy::Manual {
            summary: "disable it and its timer, and reboot to remove the routes that it has made".to_owned(),
            commands: vec![format!(
                "systemctl disable --now {UNIT} nm-cloud-setup.timer"
            )],
        }],
        ..NodeProblem::new(
            CheckId::HostNmCloudSetup,
            UNIT,
            Component::Rke2,
            Stage::Configuration,
            format!("{UNIT} is {state}, for which RKE2's unit does not start RKE2"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Source;

    struct Unit {
        asks: bool,
        state: &'static str,
    }

    impl Node for Unit {
        fn asks_for_nm_cloud_setup(&self) -> Option<Source> {
            self.asks.then(|| Source::line("/u.service", 9))
        }
        fn enablement(&self, unit: &str) -> Option<String> {
            (unit == UNIT).then(|| self.state.to_owned())
        }
    }

    #[test]
    fn only_a_unit_that_asks_is_refused() {
        for (state, is_refused) in [
            ("enabled", true),
            ("enabled-runtime", true),
            ("static", true),
            ("disabled", false),
            ("masked", false),
            ("not-found", false),
            ("linked", false),
        ] {
            let found = |asks: bool| problem(&Unit { asks, state }).is_some();
            assert_eq!(found(true), is_refused, "{state}");
            assert!(!found(false), "{state}");
        }
    }
}
