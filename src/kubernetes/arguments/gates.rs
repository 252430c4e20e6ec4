//! The feature gates that arguments set, and how the components of the control plane take them.
//!
//! Upstream: `k8s.io/component-base/compatibility/registry.go`; in 1.31 and 1.32 its forerunners.

use std::collections::BTreeMap;

use super::network::trim;
use super::value::feature_gates as switches;
use super::{Parsed, Value};
use crate::kubernetes::feature_gates::Gates;
use crate::kubernetes::{Cause, Failure, Minor, Program};

/// The gates that arguments set: the last of a name counts.
pub fn requested_gates(parsed: &[Parsed]) -> BTreeMap<String, bool> {
    let mut gates = BTreeMap::new();
    for parsed in parsed
        .iter()
        .filter(|parsed| parsed.name == "feature-gates")
    {
        if let Value::Switches(switches) = &parsed.value {
            gates.extend(switches.iter().cloned());
        }
    }
    gates
}

/// The positions of the arguments that name one of these gates.
pub fn gate_positions(parsed: &[Parsed], gates: &[String]) -> Vec<usize> {
    let names_one = |value: &Value| match value {
        Value::Switches(switches) => switches.iter().any(|(name, _)| gates.contains(name)),
        Value::Map(pairs) => pairs.iter().any(|(_, switch)| {
            let name = switch
                .split_once('=')
                .map_or(switch.as_str(), |(name, _)| name);
            gates.iter().any(|gate| gate == trim(name))
        }),
        _ => false,
    };
    parsed
        .iter()
        .filter(|parsed| parsed.name == "feature-gates" && names_one(&parsed.value))
        .map(|parsed| parsed.position)
        .collect()
}

/// The gates of `--feature-gates` of a component of the control plane, and the error that it exits with.
///
/// Where `--emulated-version` or `--min-compatibility-version` is set, no gate is refused: the stages of other
/// minors are not known.
pub fn component_gates(
    program: Program,
    minor: Minor,
    parsed: &[Parsed],
) -> Result<Gates, Failure> {
    let mut gates = Gates::default(program, minor);
    let emulates = parsed.iter().any(|parsed| {
        matches!(
            parsed.name.as_str(),
            "emulated-version" | "min-compatibility-version"
        )
    });
    if emulates {
        return Ok(gates);
    }
    let failure = |message: String, positions: Vec<usize>, rests_on_names| Failure {
        message,
        cause: Cause::Arguments(positions),
        rests_on_names,
    };
    let all: Vec<usize> = parsed
        .iter()
        .filter(|parsed| parsed.name == "feature-gates")
        .map(|parsed| parsed.position)
        .collect();
    let switches = by_component(parsed).map_err(|message| failure(message, all.clone(), false))?;
    let mut requested = requested_gates(parsed);
    requested.extend(switches);
    gates.set(&requested).map_err(|refusal| {
        let positions = gate_positions(parsed, &refusal.gates);
        let message = match program {
            Program::Proxy => format!("failed complete: {}", refusal.message()),
            _ => refusal.message(),
        };
        failure(message, positions, refusal.rests_on_names)
    })?;
    Ok(gates)
}

/// The switches of `component:Gate=true`. Each of the programs here has the component `kube` alone.
fn by_component(parsed: &[Parsed]) -> Result<Vec<(String, bool)>, String> {
    let mut by_component: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for parsed in parsed
        .iter()
        .filter(|parsed| parsed.name == "feature-gates")
    {
        if let Value::Map(pairs) = &parsed.value {
            for (component, switch) in pairs {
                by_component.entry(component).or_default().push(switch);
            }
        }
    }
    if by_component.contains_key("") && by_component.contains_key("kube") {
        return Err(
            "set kube feature gates with default empty prefix or kube: prefix consistently, do not mix use"
                .to_owned(),
        );
    }
    let mut found = Vec::new();
    for (component, values) in by_component {
        if !matches!(component, "" | "kube") {
            return Err(format!("component not registered: {component}"));
        }
        found.extend(switches(&values.join(","))?);
    }
    Ok(found)
}
