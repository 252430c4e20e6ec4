//! The arguments of a component, by flag.

use crate::kubernetes::Minor;
use crate::kubernetes::arguments::{Parsed, Value, gate_positions};
use crate::kubernetes::feature_gates::Gates;

/// The flags that are set, over the defaults that a rule gives. A value that could not be read for certain
/// counts as the default.
#[derive(Debug)]
pub(super) struct Options {
    minor: Minor,
    parsed: Vec<Parsed>,
    gates: Gates,
}

impl Options {
    pub(super) const fn new(minor: Minor, parsed: Vec<Parsed>, gates: Gates) -> Self {
        Self {
            minor,
            parsed,
            gates,
        }
    }

    /// The same with gates.
    pub(super) fn with_gates(self, gates: Gates) -> Self {
        Self { gates, ..self }
    }

    /// Whether the release has a gate.
    pub(super) fn has_gate(&self, name: &str) -> bool {
        self.gates.has(name)
    }

    pub(super) const fn minor(&self) -> Minor {
        self.minor
    }

    /// Whether the release is 1.`minor` or newer.
    pub(super) fn since(&self, minor: u32) -> bool {
        self.minor >= Minor(minor)
    }

    pub(super) fn gate(&self, name: &str) -> bool {
        self.gates.is_enabled(name)
    }

    /// Where gates of these names are set.
    pub(super) fn gates_at(&self, names: &[&str]) -> Vec<usize> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        gate_positions(&self.parsed, &names)
    }

    fn all<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl DoubleEndedIterator<Item = &'a Parsed> + use<'a, 'n> {
        self.parsed.iter().filter(move |parsed| parsed.name == name)
    }

    fn last(&self, name: &str) -> Option<&Value> {
        self.all(name).next_back().map(|parsed| &parsed.value)
    }

    /// Whether a flag is set, to whatever value.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.last(name).is_some()
    }

    pub(super) fn is_any_set(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.is_set(name))
    }

    /// Where flags are set.
    pub(super) fn at(&self, names: &[&str]) -> Vec<usize> {
        self.parsed
            .iter()
            .filter(|parsed| names.contains(&parsed.name.as_str()))
            .map(|parsed| parsed.position)
            .collect()
    }

    pub(super) fn bool(&self, name: &str, default: bool) -> bool {
        match self.last(name) {
            Some(Value::Bool(value)) => *value,
            _ => default,
        }
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        match self.last(name) {
            Some(Value::Int(value)) => *value,
            _ => default,
        }
    }

    pub(super) fn float(&self, name: &str, default: f64) -> f64 {
        match self.last(name) {
            Some(Value::Float(value)) => *value,
            _ => default,
        }
    }

    /// Nanoseconds.
    pub(super) fn duration(&self, name: &str, default: i64) -> i64 {
        match self.last(name) {
            Some(Value::Duration(value)) => *value,
            _ => default,
        }
    }

    pub(super) fn text<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        match self.last(name) {
            Some(Value::Text(value)) => value,
            _ => default,
        }
    }

    /// The elements of all its occurrences; `None` if it is not set.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&str>> {
        let mut elements = Vec::new();
        let mut is_set = false;
        for parsed in self.all(name) {
            is_set = true;
            if let Value::List(list) = &parsed.value {
                elements.extend(list.iter().map(String::as_str));
            }
        }
        is_set.then_some(elements)
    }

    pub(super) fn ints(&self, name: &str) -> Vec<i64> {
        self.all(name)
            .filter_map(|parsed| match &parsed.value {
                Value::Ints(list) => Some(list.as_slice()),
                _ => None,
            })
            .flatten()
            .copied()
            .collect()
    }

    /// The pairs of all its occurrences, sorted by key; the last of a key counts.
    pub(super) fn map(&self, name: &str) -> std::collections::BTreeMap<&str, &str> {
        let mut pairs = std::collections::BTreeMap::new();
        for parsed in self.all(name) {
            if let Value::Map(map) = &parsed.value {
                pairs.extend(
                    map.iter()
                        .map(|(key, value)| (key.as_str(), value.as_str())),
                );
            }
        }
        pairs
    }

    /// Patterns of `--vmodule`.
    pub(super) fn verbosities(&self, name: &str) -> Vec<(&str, u64)> {
        match self.last(name) {
            Some(Value::Verbosities(list)) => list
                .iter()
                .map(|(pattern, level)| (pattern.as_str(), *level))
                .collect(),
            _ => Vec::new(),
        }
    }
}
