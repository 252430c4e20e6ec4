//! Feature gates, as the components set them.
//!
//! Upstream: `k8s.io/component-base/featuregate/feature_gate.go`. Up to 1.30 the first bad gate is the error,
//! by the order of a Go map; from 1.31 on all gates that are locked are, up to one that is not known; from
//! 1.35 on gates depend on gates.

use std::collections::{BTreeMap, BTreeSet};

use super::tables::{self, Certainty, Gate, Stage, Subject};
use super::{Minor, Program};

/// Since which minor several gates that are locked are named together.
const COLLECTED: Minor = Minor(31);

/// Since which minor gates depend on gates.
const DEPENDENT: Minor = Minor(35);

/// Which gates are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gates {
    program: Program,
    minor: Minor,
    requested: BTreeMap<String, bool>,
}

/// Why gates are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The errors. Up to 1.30, and where a gate is not known, the component reports some of them, by the order
    /// of a Go map; else all of them, in such an order.
    pub errors: Vec<String>,
    /// The gates that the errors are about.
    pub gates: Vec<String>,
    /// Whether one of them is that a gate is not known.
    pub rests_on_names: bool,
    /// Whether all errors are reported.
    is_collected: bool,
}

impl Refusal {
    /// The error's text: the first in the order of names where the component's order is random.
    pub fn message(&self) -> String {
        if self.is_collected && self.errors.len() > 1 {
            return format!("[{}]", self.errors.join(", "));
        }
        self.errors.first().cloned().unwrap_or_default()
    }
}

impl Gates {
    /// No gate is set: each has its default.
    pub const fn default(program: Program, minor: Minor) -> Self {
        Self {
            program,
            minor,
            requested: BTreeMap::new(),
        }
    }

    /// `SetFromMap`: gates on top of those that are set.
    pub fn set(&mut self, requested: &BTreeMap<String, bool>) -> Result<(), Refusal> {
        let mut all = self.requested.clone();
        all.extend(requested.iter().map(|(name, &on)| (name.clone(), on)));
        let next = Self {
            requested: all,
            ..*self
        };
        next.check_each()?;
        next.check_dependencies()?;
        *self = next;
        Ok(())
    }

    /// Whether these gates are set already.
    pub fn has_all(&self, requested: &BTreeMap<String, bool>) -> bool {
        let mut requested = requested.iter();
        requested.all(|(name, on)| self.requested.get(name) == Some(on))
    }

    /// Whether a gate is on. A gate that is not known is off.
    pub fn is_enabled(&self, name: &str) -> bool {
        tables::gate(self.program, self.minor, name).is_some_and(|gate| self.is_on(&gate))
    }

    /// Whether the component has a gate.
    pub fn has(&self, name: &str) -> bool {
        tables::gate(self.program, self.minor, name).is_some()
    }

    fn is_on(&self, gate: &Gate) -> bool {
        if let Some(&on) = self.requested.get(gate.name) {
            return on;
        }
        let all = match gate.stage {
            Stage::Alpha => self.requested.get("AllAlpha"),
            Stage::Beta => self.requested.get("AllBeta"),
            Stage::Ga | Stage::Deprecated => None,
        };
        all.copied().unwrap_or(gate.default)
    }

    fn check_each(&self) -> Result<(), Refusal> {
        let mut locked = Vec::new();
        let mut unknown = Vec::new();
        for (name, &on) in &self.requested {
            match tables::gate(self.program, self.minor, name) {
                None if self.is_certain() => {
                    unknown.push((name, format!("unrecognized feature gate: {name}")));
                }
                Some(gate)
                    if gate.locked && gate.default != on && gate.certainty == Certainty::Read =>
                {
                    locked.push((
                        name,
                        format!(
                            "cannot set feature gate {name} to {on}, feature is locked to {}",
                            gate.default
                        ),
                    ));
                }
                _ => {}
            }
        }
        if locked.is_empty() && unknown.is_empty() {
            return Ok(());
        }
        let rests_on_names = !unknown.is_empty();
        // A gate that is not known comes first: the component reports it in any order of the map.
        let found = unknown.into_iter().chain(locked);
        let (gates, errors) = found.map(|(name, error)| (name.clone(), error)).unzip();
        Err(Refusal {
            errors,
            gates,
            rests_on_names,
            is_collected: self.minor >= COLLECTED && !rests_on_names,
        })
    }

    fn check_dependencies(&self) -> Result<(), Refusal> {
        // Defaults agree with each other: only a gate that is set can break a dependency.
        if self.requested.is_empty() || self.minor < DEPENDENT {
            return Ok(());
        }
        let mut errors = Vec::new();
        let mut names = BTreeSet::new();
        for gate in tables::gates(self.program, self.minor) {
            if gate.certainty != Certainty::Read || !self.is_on(&gate) {
                continue;
            }
            let off: Vec<_> = gate.needs().filter(|name| !self.is_enabled(name)).collect();
            if off.is_empty() {
                continue;
            }
            errors.push(format!(
                "{} is enabled, but depends on features that are disabled: [{}]",
                gate.name,
                off.join(" ")
            ));
            names.insert(gate.name);
            names.extend(off);
        }
        if errors.is_empty() {
            return Ok(());
        }
        let sets_all = |name: &&String| matches!(name.as_str(), "AllAlpha" | "AllBeta");
        let gates = names.iter().map(|&name| name.to_owned());
        let gates = gates.chain(self.requested.keys().filter(sets_all).cloned());
        Err(Refusal {
            errors,
            gates: gates
                .filter(|name| self.requested.contains_key(name))
                .collect(),
            rests_on_names: false,
            is_collected: true,
        })
    }

    /// Whether the tables were read from this minor.
    fn is_certain(&self) -> bool {
        tables::certainty(self.program, Subject::Gates, self.minor) == Some(Certainty::Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(switches: &[(&str, bool)]) -> Result<Gates, Refusal> {
        let mut gates = Gates::default(Program::Kubelet, Minor(37));
        let requested = switches.iter().map(|&(name, on)| (name.to_owned(), on));
        gates.set(&requested.collect()).map(|()| gates)
    }

    #[test]
    fn unknown_and_locked_gates_are_refused() {
        let refusal = set(&[("NoSuchGate", true)]).unwrap_err();
        assert_eq!(refusal.message(), "unrecognized feature gate: NoSuchGate");
        assert!(refusal.rests_on_names);
        let refusal = set(&[("CPUManagerPolicyOptions", false)]).unwrap_err();
        assert_eq!(
            refusal.message(),
            "cannot set feature gate CPUManagerPolicyOptions to false, feature is locked to true"
        );
        assert!(!refusal.rests_on_names);
        assert!(set(&[("CPUManagerPolicyOptions", true)]).is_ok());
        let both = [
            ("CPUManagerPolicyOptions", false),
            ("CRDValidationRatcheting", false),
        ];
        let refusal = set(&both).unwrap_err();
        assert!(
            refusal
                .message()
                .starts_with("[cannot set feature gate CPUManagerPolicyOptions")
        );
        assert_eq!(refusal.gates.len(), 2);
    }

    #[test]
    fn gates_depend_on_gates() {
        assert_eq!(
            set(&[("CompositePodGroup", true)]).unwrap_err().message(),
            "CompositePodGroup is enabled, but depends on features that are disabled: [GenericWorkload TopologyAwareWorkloadScheduling]"
        );
        // AllAlpha turns on what depends on a beta gate that is off.
        let refusal = set(&[("AllAlpha", true)]).unwrap_err();
        assert_eq!(refusal.errors.len(), 4);
        assert_eq!(refusal.gates, ["AllAlpha"]);
        assert!(set(&[("AllAlpha", true), ("GenericWorkload", true)]).is_ok());
    }

    #[test]
    fn a_gate_goes_before_its_stage() {
        let gates = set(&[("AllBeta", false), ("LoggingBetaOptions", true)]);
        assert!(gates.is_ok_and(|gates| gates.is_enabled("LoggingBetaOptions")));
    }
}
