//! `enforceNodeAllocatable`, with the control groups that it needs.

use std::collections::HashSet;

use super::Check;
use super::fields::quoted;

const FIELD: &str = "enforceNodeAllocatable";
const NAME: &str = "enforceNodeAllocatable (--enforce-node-allocatable)";

/// What is enforced with a control group: its two names, the field of the group, and its flag.
const GROUPS: [[&str; 4]; 2] = [
    [
        "system-reserved",
        "system-reserved-compressible",
        "systemReservedCgroup",
        "--system-reserved-cgroup",
    ],
    [
        "kube-reserved",
        "kube-reserved-compressible",
        "kubeReservedCgroup",
        "--kube-reserved-cgroup",
    ],
];

/// Whether the check of one value goes on to the control groups of all.
enum Next {
    Value,
    Groups,
}

impl Check<'_> {
    pub(super) fn enforcement(&mut self) {
        let values: Vec<String> = self.texts(FIELD).into_iter().map(str::to_owned).collect();
        if self.since(32) {
            for [whole, compressible, ..] in GROUPS {
                let has = |name: &str| values.iter().any(|value| value == name);
                if has(whole) && has(compressible) {
                    let words = format!(
                        "both \"{whole}\" and \"{compressible}\" cannot be specified together in {NAME}"
                    );
                    self.invalid(FIELD, &words);
                }
            }
        }
        let mut seen = HashSet::new();
        for value in &values {
            if self.since(31) && !seen.insert(value) {
                let words = format!("duplicated enforcements {} in {NAME}", quoted(value));
                self.invalid(FIELD, &words);
                continue;
            }
            let next = self.enforced(value, values.len());
            if self.since(31) && matches!(next, Next::Groups) && !self.is_true("cgroupsPerQOS") {
                let words = format!(
                    "cgroupsPerQOS (--cgroups-per-qos) must be set to true when {} contained in {NAME}",
                    quoted(value)
                );
                self.invalid("cgroupsPerQOS", &words);
            }
        }
    }

    fn enforced(&mut self, value: &str, count: usize) -> Next {
        if value == "pods" {
            return Next::Groups;
        }
        if value == "none" {
            if count > 1 {
                let words = format!(
                    "{NAME} may not contain additional enforcements when \"none\" is specified"
                );
                self.invalid(FIELD, &words);
            }
            return Next::Value;
        }
        let compressible = self.since(32);
        for [whole, part, group, flag] in GROUPS {
            if value != whole && !(compressible && value == part) {
                continue;
            }
            if self.text(group).is_empty() {
                let words = if compressible {
                    format!(
                        "{group} ({flag}) must be specified when \"{whole}\" or \"{part}\" included in {NAME}"
                    )
                } else {
                    format!(
                        "{group} ({flag}) must be specified when \"{whole}\" contained in {NAME}"
                    )
                };
                self.invalid(FIELD, &words);
            }
            return Next::Groups;
        }
        let options = if compressible {
            "\"pods\", \"system-reserved\", \"system-reserved-compressible\", \"kube-reserved\", \
             \"kube-reserved-compressible\" or \"none\""
        } else {
            "\"pods\", \"system-reserved\", \"kube-reserved\", or \"none\""
        };
        let words = format!(
            "option {} specified for {NAME}. Valid options are {options}",
            quoted(value)
        );
        self.invalid(FIELD, &words);
        Next::Value
    }
}
