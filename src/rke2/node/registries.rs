//! `registries.yaml`, as its loader decodes it.
//!
//! Source: rancher/wharfie 0.7.1 `pkg/registries/registries.go`, read with `gopkg.in/yaml.v2`, which ignores names that
//! the types do not have. A missing file counts as an empty one.

use crate::facts::node::File;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Component, Remedy, Stage};
use crate::yaml::scalar::Scalar;
use crate::yaml::{self, Any, AnyValue};

use super::{Node, NodeProblem, Start};

/// A type of Go, as far as decoding can fail.
enum Type {
    Text,
    Bool,
    List(&'static Type),
    Map(&'static Type),
    Struct(&'static [(&'static str, Type)]),
}

use Type::{Bool, List, Map, Struct, Text};

const MIRROR: Type = Struct(&[("endpoint", List(&Text)), ("rewrite", Map(&Text))]);
const AUTH: Type = Struct(&[
    ("username", Text),
    ("password", Text),
    ("auth", Text),
    ("identity_token", Text),
]);
const TLS: Type = Struct(&[
    ("ca_file", Text),
    ("cert_file", Text),
    ("key_file", Text),
    ("insecure_skip_verify", Bool),
]);
const CONFIG: Type = Struct(&[("auth", AUTH), ("tls", TLS)]);
const REGISTRY: Type = Struct(&[("mirrors", Map(&MIRROR)), ("configs", Map(&CONFIG))]);

impl Type {
    const fn words(&self) -> &'static str {
        match self {
            Text => "a text",
            Bool => "true or false",
            List(_) => "a list",
            Map(_) | Struct(_) => "a mapping of names to values",
        }
    }

    /// The first value that does not fit: its line, the names that lead to it, and the type that it must have.
    fn mismatch(&self, any: &Any, path: &str) -> Option<(u32, String, &'static str)> {
        let below = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        let wrong = || Some((any.line, path.to_owned(), self.words()));
        match (self, &any.value) {
            (_, AnyValue::Scalar(Scalar::Null))
            | (Text, AnyValue::Scalar(_))
            | (Bool, AnyValue::Scalar(Scalar::Bool(_))) => None,
            (List(item), AnyValue::List(items)) => {
                items.iter().find_map(|any| item.mismatch(any, path))
            }
            (Map(item), AnyValue::Map(entries)) => entries
                .iter()
                .find_map(|entry| item.mismatch(&entry.value, &below(&name(&entry.key)))),
            (Struct(fields), AnyValue::Map(entries)) => entries.iter().find_map(|entry| {
                let name = name(&entry.key);
                let (_, field) = fields.iter().find(|(known, _)| *known == name)?;
                field.mismatch(&entry.value, &below(&name))
            }),
            _ => wrong(),
        }
    }
}

fn name(key: &Scalar) -> String {
    match key {
        Scalar::Text(text) | Scalar::Time(text) => text.clone(),
        _ => String::new(),
    }
}

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    let settings = start.settings;
    // With another container runtime the file configures nothing.
    if settings.is_on("disable-agent") || !settings.text("container-runtime-endpoint").is_empty() {
        return None;
    }
    let path = settings.text("private-registry");
    if !path.starts_with('/') {
        return None;
    }
    let (line, what) = match node.file(path)? {
        File::Missing => return None,
        File::Unreadable(why) => (None, why),
        File::Content(content) => refused(&content)?,
    };
    let place = line.map_or_else(|| Source::file(path), |line| Source::line(path, line));
    Some(NodeProblem {
        evidence: vec![Evidence::place(place.clone(), Part::Read)],
        notes: vec![
            "RKE2 reads the file at each start, and waits or ends without its containerd. A missing file is fine"
                .to_owned(),
        ],
        remedies: vec![Remedy::manual(format!(
            "correct {place}, or move the file away until it is correct"
        ))],
        ..NodeProblem::new(
            CheckId::HostRegistries,
            path,
            Component::Rke2,
            Stage::AgentConfiguration,
            format!("RKE2 cannot read the configuration of registries in {place}: {what}"),
        )
    })
}

/// What is wrong with the file, and where. Nothing of its values, which can be secret.
fn refused(content: &[u8]) -> Option<(Option<u32>, String)> {
    if let Err(error) = yaml::check_syntax(content) {
        if error.is_limit {
            return None;
        }
        // Some of the words quote the file.
        let is_plain = !error.message.contains(['\'', '"', '`']);
        let message = if is_plain {
            error.message
        } else {
            "it is not YAML".to_owned()
        };
        return Some((error.line, message));
    }
    // What the loader makes of other errors is not known: they can be in a part that it skips.
    let root = yaml::decode_any(content).ok()?.root?;
    let (line, path, wanted) = REGISTRY.mismatch(&root, "")?;
    let what = if path.is_empty() {
        "the file"
    } else {
        path.as_str()
    };
    // A name can be an address.
    let what = crate::text::without_userinfo(what);
    Some((Some(line), format!("{what} must be {wanted}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::node::tests::{Files, with};

    #[test]
    fn the_shape_is_that_of_the_loader() {
        for (text, line) in [
            ("", None),
            ("# nothing\n", None),
            ("mirrors:\nconfigs: ~\n", None),
            (
                "mirrors: {docker.io: {endpoint: [https://a, 1, true, ~]}}",
                None,
            ),
            (
                "mirrors: {docker.io: {rewrite: {'^a': b}, unknown: [x]}}",
                None,
            ),
            ("unknown: {a: [1]}\nMirrors: 1\n", None),
            ("configs: {a: {auth: {username: 1, password: on}}}", None),
            ("configs: {a: {tls: {insecure_skip_verify: yes}}}", None),
            ("configs: {a: ~}\n---\n- x\n", None),
            ("mirrors:\n  docker.io\n    endpoint:\n      - a\n", Some(3)),
            ("mirrors:\n\tdocker.io: x\n", Some(2)),
            ("mirrors\n", Some(1)),
            ("- mirrors\n", Some(1)),
            ("mirrors:\n- docker.io\n", Some(2)),
            ("mirrors:\n  docker.io:\n    endpoint: https://a\n", Some(3)),
            ("mirrors:\n  docker.io:\n  - endpoint\n", Some(3)),
            ("mirrors:\n  a:\n    endpoint:\n    - x: y\n", Some(4)),
            (
                "configs:\n  a:\n    tls:\n      insecure_skip_verify: \"true\"\n",
                Some(4),
            ),
            ("configs:\n  a:\n    auth: secret\n", Some(3)),
        ] {
            let found = refused(text.as_bytes());
            assert_eq!(found.is_some(), line.is_some(), "{text}: {found:?}");
            let found = found.and_then(|(line, _)| line);
            assert_eq!(found, line, "{text}");
        }
    }

    #[test]
    fn no_value_is_shown() {
        for text in [
            "configs: {a: {auth: {password: [S3CRET]}}}",
            "configs: {a: {auth: S3CRET}}",
            "configs: {'https://a:S3CRET@b': 1}",
            "password: *S3CRET",
            "password: \"S3CRET",
            "password: \"\\S3CRET\"",
            "password: !<S3CRET",
            "password: {S3CRET",
            "%S3CRET x\n---\n",
        ] {
            let (_, words) = refused(text.as_bytes()).unwrap();
            assert!(!words.contains("S3CRET"), "{words}");
        }
    }

    #[test]
    fn the_file_that_is_configured_counts() {
        let broken = File::Content(b"mirrors: 1".to_vec());
        let default = "/etc/rancher/rke2/registries.yaml";
        let of = |path: &str, file: &File, config: &str| {
            let node = Files::from([(path.to_owned(), file.clone())]);
            with(config, |start| problem(start, &node)).is_some()
        };
        assert!(of(default, &broken, ""));
        assert!(of("/x.yaml", &broken, "private-registry: /x.yaml"));
        assert!(of(
            default,
            &File::Unreadable("read: is a directory".to_owned()),
            ""
        ));
        assert!(!of(default, &File::Missing, ""));
        assert!(!of(default, &broken, "private-registry: /x.yaml"));
        assert!(!of(
            default,
            &broken,
            "container-runtime-endpoint: /run/x.sock"
        ));
        assert!(!of(default, &broken, "disable-agent: true"));
    }
}
