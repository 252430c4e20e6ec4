//! The token with which a server opens its bootstrap data.
//!
//! Source: k3s-io/k3s `pkg/cluster/storage.go`, rancher/rke2#6250. The data is in etcd, in a key whose name is made of
//! the token. A server whose token has another name than every such key ends.
//!
//! Searching etcd's files takes time, so that it is done only where the configuration has another token than the file
//! that the server wrote at its last start. That is no proof by itself: the token may have been changed on another
//! server. Pages of etcd's file that are free keep old keys, so that a key that is found proves nothing either; only one
//! that is found nowhere does.

use crate::facts::node::File;
use crate::facts::{Evidence, Part, Source};
use crate::finding::edit::Change;
use crate::finding::{CheckId, Component, Remedy, Stage};
use crate::rke2::config::SettingOrigin;

use super::{Node, NodeProblem, Start};

/// How a token in full begins.
const FULL: &str = "K10";
const WORDS: &str = "bootstrap data already found and encrypted with different token";

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    let settings = start.settings;
    let starts_alone = start.has_etcd()
        && settings.text("server").is_empty()
        && settings.text("cluster-reset-restore-path").is_empty()
        && !settings.is_on("cluster-reset");
    let etcd_args = settings.list("etcd-arg");
    let is_moved = etcd_args
        .iter()
        .any(|(entry, _)| entry.contains("data-dir") || entry.contains("wal-dir"));
    if !starts_alone || is_moved {
        return None;
    }
    let data_dir = start.data_dir();
    let own = format!("{data_dir}/server/token");
    let written = text(node, &own)?;
    let (name, token) = configured(start, node)?;
    if token.is_empty() || written.is_empty() || password(&token) == password(&written) {
        return None;
    }
    let keys = [password(&token), token.as_str()].map(bootstrap_key);
    let found = node.bootstrap_keys(&data_dir, &keys)?;
    if found.has_one_of {
        return None;
    }
    let origin = settings
        .get(name)
        .and_then(|setting| setting.sources.last())
        .unwrap_or(&SettingOrigin::Default);
    let mut evidence: Vec<Evidence> = origin
        .source()
        .into_iter()
        .map(|source| Evidence::place(source, Part::Sets))
        .collect();
    evidence.push(Evidence::place(Source::file(&own), Part::Read));
    let mut remedies = vec![Remedy::manual(format!(
        "set `token` to the one that opens the data: that in {own}, unless the token was changed on another server since"
    ))];
    if name == "token" {
        remedies.extend(origin.remedies(name, None, &Change::Remove));
    }
    Some(NodeProblem {
        // Without any key, an older release may save its data anew.
        is_transient: !found.has_any,
        predicted: found.has_any.then(|| WORDS.to_owned()),
        evidence,
        remedies,
        notes: vec![format!(
            "the server wrote another token to {own} at its last start, and etcd has no bootstrap data of the one that \
             is configured. `rke2 token rotate` changes the cluster's token, not the configuration of its servers"
        )],
        ..NodeProblem::new(
            CheckId::HostToken,
            name,
            Component::Rke2,
            Stage::Datastore,
            format!(
                "the {name} of {origin} is not the token of this server's data in {data_dir}/server/db/etcd"
            ),
        )
    })
}

/// What a file holds, without the space around it.
fn text(node: &dyn Node, path: &str) -> Option<String> {
    match node.file(path)? {
        File::Content(content) => Some(String::from_utf8(content).ok()?.trim().to_owned()),
        File::Missing | File::Unreadable(_) => None,
    }
}

/// The setting that gives the token, and the token.
fn configured(start: &Start<'_>, node: &dyn Node) -> Option<(&'static str, String)> {
    let token = start.settings.text("token").trim();
    if !token.is_empty() {
        return Some(("token", token.to_owned()));
    }
    let path = start.settings.text("token-file");
    if !path.starts_with('/') {
        return None;
    }
    Some(("token-file", text(node, path)?))
}

/// The part of a token that is secret: `p` of `p`, of `K10HASH::server:p` and of `K10HASH::p`.
fn password(token: &str) -> &str {
    let Some((_, rest)) = token
        .strip_prefix(FULL)
        .and_then(|rest| rest.split_once("::"))
    else {
        return token;
    };
    rest.split_once(':').map_or(rest, |(_, password)| password)
}

/// The key of the bootstrap data of a token: `/bootstrap/` and the first six bytes of the SHA-256 sum in hexadecimal.
fn bootstrap_key(token: &str) -> String {
    use std::fmt::Write as _;
    let mut key = "/bootstrap/".to_owned();
    for byte in hmac_sha256::Hash::hash(token.as_bytes()).iter().take(6) {
        let _ = write!(key, "{byte:02x}");
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::node::BootstrapKeys;
    use crate::rke2::node::tests::{Files, of, with};
    use crate::rke2::role::Role;
    use crate::rke2::version::Version;

    struct Server {
        files: Files,
        keys: Option<BootstrapKeys>,
    }

    impl Node for Server {
        fn file(&self, path: &str) -> Option<File> {
            self.files.file(path)
        }
        fn bootstrap_keys(&self, _data_dir: &str, keys: &[String]) -> Option<BootstrapKeys> {
            // Of `old`, by sha256sum.
            assert_eq!(
                keys.first().map(String::as_str),
                Some("/bootstrap/cba06b5736fa")
            );
            self.keys
        }
    }

    fn server(written: &str, keys: Option<BootstrapKeys>) -> Server {
        let content = |text: &str| File::Content(text.as_bytes().to_vec());
        Server {
            files: Files::from([
                (
                    "/var/lib/rancher/rke2/server/token".to_owned(),
                    content(written),
                ),
                ("/secret".to_owned(), content("old\n")),
            ]),
            keys,
        }
    }

    const LACKS: Option<BootstrapKeys> = Some(BootstrapKeys {
        has_one_of: false,
        has_any: true,
    });

    #[test]
    fn the_secret_part_of_a_token_is_its_end() {
        for (token, secret) in [
            ("a", "a"),
            ("a:b", "a:b"),
            ("a::b", "a::b"),
            ("K10aa::server:b:c", "b:c"),
            ("K10aa::b", "b"),
            ("K10aa", "K10aa"),
            ("", ""),
        ] {
            assert_eq!(password(token), secret, "{token}");
        }
    }

    #[test]
    fn a_key_is_made_of_the_sum() {
        // `printf abc | sha256sum` begins with ba7816bf8f01.
        assert_eq!(bootstrap_key("abc"), "/bootstrap/ba7816bf8f01");
        assert_eq!(bootstrap_key(""), "/bootstrap/e3b0c44298fc");
    }

    #[test]
    fn a_token_that_opens_nothing_is_refused() {
        let written = "K10aa::server:new\n";
        let of = |config: &str, server: &Server| {
            with(config, |start| problem(start, server)).map(|problem| problem.is_transient)
        };
        let lacks = server(written, LACKS);
        assert_eq!(of("token: old", &lacks), Some(false));
        assert_eq!(of("token: K10aa::server:old", &lacks), Some(false));
        assert_eq!(of("token-file: /secret", &lacks), Some(false));
        let empty = BootstrapKeys {
            has_one_of: false,
            has_any: false,
        };
        assert_eq!(of("token: old", &server(written, Some(empty))), Some(true));
        let has = BootstrapKeys {
            has_one_of: true,
            has_any: true,
        };
        assert_eq!(of("token: old", &server(written, Some(has))), None);
        assert_eq!(of("token: old", &server(written, None)), None);
        assert_eq!(of("token: old", &server("", LACKS)), None);
        for config in [
            "",
            "token: new",
            "token: K10bb::server:new",
            "token-file: /none",
            "token: old\nserver: https://192.0.2.1:9345",
            "token: old\ndisable-etcd: true",
            "token: old\ndatastore-endpoint: https://192.0.2.1:2379",
            "token: old\ncluster-reset: true",
            "token: old\ncluster-reset-restore-path: /x",
            "token: old\netcd-arg: [data-dir=/x]",
        ] {
            assert_eq!(of(config, &lacks), None, "{config}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let lacks = server("K10aa::server:WRITTEN", LACKS);
        let version = Version::new(27, 10, 1);
        let problem = of(
            Role::Server,
            &version,
            "token: K10CONFIGURED::server:old",
            |start| problem(start, &lacks),
        );
        let shown = format!("{problem:?}");
        assert!(shown.contains("HostToken"), "{shown}");
        for secret in ["WRITTEN", "CONFIGURED", "/bootstrap/"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
