//! The namespace `default`.

use preflight_rke2::shared::count;

use crate::answer::{Answer, Found};
use crate::facts::Facts;
use crate::kind::Kind;

/// 5.6.4: the API server's own service is all that belongs there.
pub(super) fn default(facts: &Facts) -> Answer {
    let workloads = facts
        .workloads
        .keys()
        .filter(|owner| owner.namespace == "default");
    // A controller whose pods were found is named by them.
    let named: Vec<(&str, &str)> = workloads
        .clone()
        .map(|owner| (owner.kind.as_str(), owner.name.as_str()))
        .collect();
    let others = facts
        .in_default
        .iter()
        .filter(|(kind, name)| !(*kind == Kind::Service && name == "kubernetes"))
        .filter(|(kind, name)| !named.contains(&(kind.name(), name.as_str())))
        .map(|(kind, name)| format!("{} {name}", kind.name()));
    let found: Found = workloads
        .map(|owner| format!("{} {}", owner.kind, owner.name))
        .chain(others)
        .collect();
    Answer::unless(found, |number| {
        format!("{} in the namespace default", count(number, "object"))
    })
    .remedy("move them to a namespace of their own", Vec::new())
}
