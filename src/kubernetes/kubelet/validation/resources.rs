//! Processors and memory that are reserved.

use std::collections::HashSet;

use crate::go;
use crate::kubernetes::codec::quantity;
use crate::kubernetes::codec::tree::Value;

use super::Check;
use super::fields::quoted;

impl Check<'_> {
    pub(super) fn reserved_cpus(&mut self) {
        const FIELD: &str = "reservedSystemCPUs";
        let cpus = self.text(FIELD).to_owned();
        if cpus.is_empty() {
            return;
        }
        let has_group = !self.text("systemReservedCgroup").is_empty()
            || !self.text("kubeReservedCgroup").is_empty();
        if has_group {
            self.invalid(
                FIELD,
                "can't use reservedSystemCPUs (--reserved-cpus) with systemReservedCgroup \
                 (--system-reserved-cgroup) or kubeReservedCgroup (--kube-reserved-cgroup)",
            );
        }
        let sign = if self.since(27) { ">" } else { ">=" };
        if let Some(error) = cpu_set_error(&cpus, sign) {
            let words = format!(
                "unable to parse reservedSystemCPUs (--reserved-cpus) {cpus}, error: {error}"
            );
            self.invalid(FIELD, &words);
        }
    }

    pub(super) fn reserved_memory(&mut self) {
        const FIELD: &str = "reservedMemory";
        let mut found = Vec::new();
        for reserved in self.list(FIELD) {
            let node = match reserved.get("numaNode").map(|node| &node.value) {
                Some(Value::Number(text)) => text.parse::<i64>().unwrap_or(0),
                _ => 0,
            };
            let Some(Value::Map(limits)) = reserved.get("limits").map(|node| &node.value) else {
                continue;
            };
            for (name, amount) in limits {
                let text = match &amount.value {
                    Value::Number(text) | Value::Text(text) => text.trim(),
                    _ => "0",
                };
                let is_zero = quantity::parse(text).is_ok_and(|amount| amount.is_zero);
                found.push((node, name.clone(), is_zero));
            }
        }
        let mut seen = HashSet::new();
        for (node, name, is_zero) in found {
            let shown = quoted(&name);
            if name != "memory" && !name.starts_with("hugepages-") {
                let words = format!(
                    "the limit type {shown} for NUMA node {node} is not supported, only \
                     [memory hugepages-<HugePageSize>] is accepted"
                );
                self.invalid(FIELD, &words);
            }
            if is_zero {
                let words = format!(
                    "reserved memory may not be zero for NUMA node {node} and resource {shown}"
                );
                self.invalid(FIELD, &words);
            }
            if !seen.insert((node, name)) {
                let words = format!(
                    "the reserved memory has a duplicate value for NUMA node {node} and resource {shown}"
                );
                self.invalid(FIELD, &words);
            }
        }
    }
}

/// Why `cpuset.Parse` refuses a text.
fn cpu_set_error(text: &str, sign: &str) -> Option<String> {
    text.split(',').find_map(|range| {
        let number = |text: &str| {
            go::atoi(text.as_bytes()).map_err(|error| go::atoi_message(text.as_bytes(), error))
        };
        let Some((first, last)) = range.split_once('-') else {
            return number(range).err();
        };
        let (first, last) = match (number(first), number(last)) {
            (Ok(first), Ok(last)) => (first, last),
            (Err(error), _) | (_, Err(error)) => return Some(error),
        };
        (first > last).then(|| format!("invalid range {} ({first} {sign} {last})", quoted(range)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_processors_are_ranges() {
        for (text, error) in [
            ("0-3,7,9-9", None),
            ("3-1", Some("invalid range \"3-1\" (3 > 1)")),
            ("x", Some("strconv.Atoi: parsing \"x\": invalid syntax")),
            ("1,", Some("strconv.Atoi: parsing \"\": invalid syntax")),
            ("1-x", Some("strconv.Atoi: parsing \"x\": invalid syntax")),
        ] {
            assert_eq!(cpu_set_error(text, ">").as_deref(), error, "{text}");
        }
    }
}
