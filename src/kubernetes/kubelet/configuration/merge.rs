//! Drop-in files over a configuration.
//!
//! Upstream: `mergeKubeletConfigurations` of `cmd/kubelet/app/server.go`. 1.29 to 1.31 merge into the JSON of a Go
//! type whose fields have no JSON names, so that names in files meet those in it only when that is decoded, by
//! `encoding/json` and without regard to case; 1.32 on merge into the file format's own JSON.

use crate::kubernetes::codec::tree::{Node, Value};
use crate::kubernetes::tables::{Form, Schema};

use super::defaults;

/// `jsonpatch.MergePatch`: what is `null` in the patch goes, objects merge, all else is replaced.
pub(super) fn patch(target: &mut Node, patch: &Node) {
    let Value::Map(entries) = &patch.value else {
        return;
    };
    for (name, value) in entries {
        if value.value == Value::Null {
            target.remove(name);
            continue;
        }
        let merged = match target.get(name) {
            Some(before) if both_maps(before, value) => {
                let mut merged = before.clone();
                self::patch(&mut merged, value);
                merged.place = value.place;
                merged
            }
            Some(before) if matches!(before.value, Value::Map(_)) => pruned(value),
            Some(_) | None => pruned(value),
        };
        target.set(name, merged);
    }
}

const fn both_maps(one: &Node, other: &Node) -> bool {
    matches!((&one.value, &other.value), (Value::Map(_), Value::Map(_)))
}

/// Without what is `null` in objects.
fn pruned(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(entries) => Value::Map(
            entries
                .iter()
                .filter(|(_, node)| node.value != Value::Null)
                .map(|(name, node)| (name.clone(), pruned(node)))
                .collect(),
        ),
        Value::List(items) => Value::List(items.iter().map(pruned).collect()),
        other => other.clone(),
    };
    Node {
        value,
        place: node.place,
    }
}

/// A configuration as it is written to JSON: without what is zero, unless its type is a pointer.
pub(super) fn written(configuration: &Node, schema: Schema) -> Node {
    let Value::Map(entries) = &configuration.value else {
        return configuration.clone();
    };
    let mut out = Vec::with_capacity(entries.len());
    for (name, node) in entries {
        let form = schema.field(name).map(|field| field.value.form());
        let kept = match form {
            Some(Form::Pointer(_)) => node.value != Value::Null,
            Some(Form::Struct(_)) => true,
            _ => !defaults::is_zero(node),
        };
        if !kept {
            continue;
        }
        let node = match form {
            Some(Form::Struct(inner)) => written(node, inner),
            _ => node.clone(),
        };
        out.push((name.clone(), node));
    }
    Node {
        value: Value::Map(out),
        place: configuration.place,
    }
}

/// The patch as the Go type of 1.29 to 1.31 sees it: `resolvConf` is not the name of its field.
pub(super) fn internal(patch: &Node) -> Node {
    let mut patch = patch.clone();
    if let Value::Map(entries) = &mut patch.value {
        entries.retain(|(name, _)| !name.eq_ignore_ascii_case("resolvConf"));
        for (name, _) in entries.iter_mut() {
            if name.eq_ignore_ascii_case("resolverConfig") {
                "resolvConf".clone_into(name);
            }
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    patch
}
