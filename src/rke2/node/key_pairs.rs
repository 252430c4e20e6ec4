//! Certificates that a power loss emptied. RKE2 makes those anew that are missing, and renews those that it can
//! read; these are neither.
//!
//! Source: k3s-io/k3s `pkg/daemons/control/deps/deps.go` (`expired`, `createClientCertKey`). What the API server of 1.24 and
//! 1.37 and etcd 3.6 do with such files was asked of them: both end, but for a certificate of the kubelet's client.

use crate::facts::node::File;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Component, Remedy, Stage};
use crate::text::shell_word;

use super::{Node, NodeProblem, Start};

/// A certificate and its key, by their name below `server/tls` without `.crt` and `.key`.
struct Pair {
    name: &'static str,
    /// The authority that signed it. Where that is missing, RKE2 makes both anew.
    authority: &'static str,
    /// What ends without it.
    component: Component,
    /// The setting with its arguments.
    setting: &'static str,
    /// The flag that names the certificate: who sets it uses another.
    flag: &'static str,
    /// What the API server calls an empty pair. `None` where its words are those for a file without PEM.
    called: Option<&'static str>,
}

const PAIRS: [Pair; 5] = [
    Pair {
        name: "serving-kube-apiserver",
        authority: "server-ca.crt",
        component: Component::KubeApiserver,
        setting: "kube-apiserver-arg",
        flag: "tls-cert-file",
        called: Some("serving-cert"),
    },
    Pair {
        name: "client-auth-proxy",
        authority: "request-header-ca.crt",
        component: Component::KubeApiserver,
        setting: "kube-apiserver-arg",
        flag: "proxy-client-cert-file",
        called: Some("aggregator-proxy-cert"),
    },
    Pair {
        name: "etcd/client",
        authority: "etcd/server-ca.crt",
        component: Component::KubeApiserver,
        setting: "kube-apiserver-arg",
        flag: "etcd-certfile",
        called: None,
    },
    Pair {
        name: "etcd/server-client",
        authority: "etcd/server-ca.crt",
        component: Component::Etcd,
        setting: "etcd-arg",
        flag: "cert-file",
        called: None,
    },
    Pair {
        name: "etcd/peer-server-client",
        authority: "etcd/peer-ca.crt",
        component: Component::Etcd,
        setting: "etcd-arg",
        flag: "peer-cert-file",
        called: None,
    },
];

/// Authorities that a server makes at its first start, and cannot sign with if they are empty.
const AUTHORITIES: [&str; 3] = ["server-ca.crt", "client-ca.crt", "request-header-ca.crt"];

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let mut all = Vec::new();
    if !start.is_server() {
        return all;
    }
    let tls = format!("{}/server/tls", start.data_dir());
    // Before the first start there is nothing.
    if node.exists(&tls) != Some(true) {
        return all;
    }
    all.extend(authority(start, node, &tls));
    for pair in &PAIRS {
        let has_component =
            pair.component == Component::Etcd || !start.settings.is_on("disable-apiserver");
        let has_server = start.has_etcd() || !pair.name.starts_with("etcd/");
        let is_own = start.entries(pair.setting, pair.flag).next().is_none();
        if has_component && has_server && is_own {
            all.extend(broken(node, &tls, pair));
        }
    }
    all
}

/// Whether a file is there and was emptied: `Some(true)` where it has no byte, `Some(false)` where it has only NUL, as some
/// file systems leave it.
fn emptied(node: &dyn Node, path: &str) -> Option<bool> {
    let File::Content(content) = node.file(path)? else {
        return None;
    };
    let is_emptied = content.iter().all(|byte| *byte == 0);
    is_emptied.then_some(content.is_empty())
}

/// A pair whose certificate is empty.
fn broken(node: &dyn Node, tls: &str, pair: &Pair) -> Option<NodeProblem> {
    let certificate = format!("{tls}/{}.crt", pair.name);
    let key = format!("{tls}/{}.key", pair.name);
    // Of an empty key with a certificate that can be read, RKE2 may make both anew, as the certificate's time, names and
    // authority decide.
    let is_empty = emptied(node, &certificate)?;
    // Of a pair of which one file is missing, RKE2 makes both.
    let are_there = node.exists(&certificate) == Some(true) && node.exists(&key) == Some(true);
    let authority = format!("{tls}/{}", pair.authority);
    if !are_there || node.exists(&authority) != Some(true) {
        return None;
    }
    let no_pem = "tls: failed to find any PEM data in certificate input";
    let (stage, program) = if pair.component == Component::Etcd {
        (Stage::Etcd, "etcd")
    } else {
        (Stage::ApiServer, "the API server")
    };
    let predicted = match pair.called {
        Some(called) if is_empty => Some(format!(
            "missing content for serving cert \"{called}::{certificate}::{key}\""
        )),
        Some(_) => Some(no_pem.to_owned()),
        None => None,
    };
    let mut notes = Vec::new();
    if predicted.is_none() {
        notes.push(format!("{program} ends: {no_pem}"));
    }
    notes.push(
        "RKE2 makes a missing pair anew at its start, and does not touch this one".to_owned(),
    );
    Some(NodeProblem {
        predicted,
        notes,
        evidence: vec![Evidence::place(Source::file(&certificate), Part::Read)],
        remedies: vec![Remedy::Manual {
            summary: "remove both files of the pair, which RKE2 writes again".to_owned(),
            commands: vec![format!(
                "rm {} {}",
                shell_word(&certificate),
                shell_word(&key)
            )],
        }],
        ..NodeProblem::new(
            CheckId::HostStateKeyPair,
            &certificate,
            pair.component,
            stage,
            format!(
                "{program} cannot start with its certificate {certificate}, which {}",
                what(is_empty)
            ),
        )
    })
}

fn what(is_empty: bool) -> &'static str {
    if is_empty {
        "is empty"
    } else {
        "has only NUL characters"
    }
}

/// An authority of a server that never got as far as its datastore, from which RKE2 would restore it.
fn authority(start: &Start<'_>, node: &dyn Node, tls: &str) -> Option<NodeProblem> {
    let data_dir = start.data_dir();
    let settings = start.settings;
    let restores = !settings.text("server").is_empty()
        || !settings.text("datastore-endpoint").is_empty()
        || !start.has_etcd()
        || node.exists(&format!("{data_dir}/server/db/etcd/member/wal")) != Some(false);
    if restores {
        return None;
    }
    let mut paths = AUTHORITIES.iter().map(|name| format!("{tls}/{name}"));
    let (path, is_empty) =
        paths.find_map(|path| emptied(node, &path).map(|is_empty| (path, is_empty)))?;
    Some(NodeProblem {
        evidence: vec![Evidence::place(Source::file(&path), Part::Read)],
        notes: vec![
            "the server has no datastore yet, from which RKE2 would restore the file".to_owned(),
        ],
        remedies: vec![Remedy::manual(format!(
            "restore {path} from where it comes; if RKE2 itself made it, remove the directory {tls}, which RKE2 writes again"
        ))],
        ..NodeProblem::new(
            CheckId::HostStateKeyPair,
            &path,
            Component::Rke2,
            Stage::Certificates,
            format!(
                "RKE2 cannot sign with its certificate authority {path}, which {}",
                what(is_empty)
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::node::tests::{Files, with};

    const TLS: &str = "/var/lib/rancher/rke2/server/tls";
    const PEM: &str = "text\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

    const WAL: &str = "/var/lib/rancher/rke2/server/db/etcd/member/wal/0";

    /// The files of a server that ran, where one of them has this content; `None` removes it.
    fn files(name: &str, content: Option<&str>) -> Files {
        let mut names: Vec<String> = AUTHORITIES.map(str::to_owned).to_vec();
        names.extend(["etcd/server-ca.crt", "etcd/peer-ca.crt"].map(str::to_owned));
        for pair in &PAIRS {
            names.extend(["crt", "key"].map(|kind| format!("{}.{kind}", pair.name)));
        }
        let file = |text: &str| File::Content(text.as_bytes().to_vec());
        let mut files: Files = names
            .iter()
            .map(|name| (format!("{TLS}/{name}"), file(PEM)))
            .collect();
        files.insert(WAL.to_owned(), file(""));
        let path = format!("{TLS}/{name}");
        match content {
            Some(text) => files.insert(path, file(text)),
            None => files.remove(&path),
        };
        files
    }

    fn subjects(config: &str, files: &Files) -> Vec<String> {
        let all = with(config, |start| problems(start, files));
        all.into_iter().map(|problem| problem.subject).collect()
    }

    #[test]
    fn what_a_power_loss_emptied_is_found() {
        assert_eq!(subjects("", &files("x", None)), [""; 0]);
        for pair in &PAIRS {
            for (kind, is_found) in [("crt", true), ("key", false)] {
                let name = format!("{}.{kind}", pair.name);
                let path = is_found.then(|| format!("{TLS}/{name}"));
                for content in ["", "\0\0\0"] {
                    let found = subjects("", &files(&name, Some(content)));
                    assert_eq!(found, Vec::from_iter(path.clone()), "{content:?}");
                }
                assert_eq!(subjects("", &files(&name, Some("x"))), [""; 0], "{name}");
                // RKE2 makes a pair anew of which a file is missing.
                assert_eq!(subjects("", &files(&name, None)), [""; 0], "{name}");
            }
            // The administrator's own is used instead.
            let own = format!("{}: {}=/etc/own.crt\n", pair.setting, pair.flag);
            let empty = files(&format!("{}.crt", pair.name), Some(""));
            assert_eq!(subjects(&own, &empty), [""; 0], "{own}");
            // Without its authority, RKE2 makes all that it signed anew.
            let mut empty = empty;
            empty.remove(&format!("{TLS}/{}", pair.authority));
            assert_eq!(subjects("", &empty), [""; 0], "{}", pair.name);
        }
        // Of the kubelet's client, the API server takes even an empty one.
        assert_eq!(
            subjects("", &files("client-kube-apiserver.crt", Some(""))),
            [""; 0]
        );
        let empty = files("etcd/client.crt", Some(""));
        let external = "datastore-endpoint: postgres://x\n";
        assert_eq!(subjects(external, &empty), [""; 0]);
        let empty = files("serving-kube-apiserver.crt", Some(""));
        assert_eq!(subjects("disable-apiserver: true\n", &empty), [""; 0]);
    }

    #[test]
    fn the_words_are_those_of_the_api_server() {
        let predicted = |name: &str, content: &str| {
            let files = files(name, Some(content));
            with("", |start| problems(start, &files))
                .remove(0)
                .predicted
        };
        let pair = format!("{TLS}/serving-kube-apiserver.crt::{TLS}/serving-kube-apiserver.key");
        let missing = format!("missing content for serving cert \"serving-cert::{pair}\"");
        assert_eq!(predicted("serving-kube-apiserver.crt", ""), Some(missing));
        let no_pem = "tls: failed to find any PEM data in certificate input".to_owned();
        assert_eq!(predicted("client-auth-proxy.crt", "\0"), Some(no_pem));
        assert_eq!(predicted("etcd/server-client.crt", ""), None);
    }

    #[test]
    fn an_authority_is_restored_from_the_datastore() {
        let mut empty = files("client-ca.crt", Some(""));
        assert_eq!(subjects("", &empty), [""; 0]);
        empty.remove(WAL);
        assert_eq!(subjects("", &empty), [format!("{TLS}/client-ca.crt")]);
        assert_eq!(
            subjects("server: https://x:9345\ntoken: x\n", &empty),
            [""; 0]
        );
    }
}
