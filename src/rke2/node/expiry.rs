//! How long RKE2's certificates are valid. A start does not depend on it until one has expired.
//!
//! Source: docs.rke2.io/security/certificates: RKE2 renews what its authorities have signed, when it starts and less than
//! 120 days (90 in older releases) are left. It does not renew the authorities.

use super::certificates::{AUTHORITIES, OF_ETCD};
use super::x509::validities;
use super::{Node, Start};
use crate::facts::{Certificate, CertificateKind};
use crate::rke2::changes::LONGER_RENEWAL;
use crate::rke2::version::Version;

/// Where a server keeps certificates, below the data directory.
const OF_SERVER: [&str; 3] = [
    "server/tls",
    "server/tls/kube-controller-manager",
    "server/tls/kube-scheduler",
];
/// Those of etcd.
const ETCD: &str = "server/tls/etcd";
/// Where every node keeps its own, and copies of the authorities.
const AGENT: &str = "agent";
/// What an agent has of the authorities.
const COPIES: [&str; 2] = ["client-ca.crt", "server-ca.crt"];
/// More than any RKE2 has in one directory.
const MOST: usize = 64;

/// Within how many days of its end a release renews a certificate when it starts.
fn renewal(version: &Version) -> u64 {
    if LONGER_RENEWAL.includes(version) {
        120
    } else {
        90
    }
}

/// The certificates below the data directory, as far as they are understood.
pub(super) fn certificates(start: &Start<'_>, node: &dyn Node) -> Vec<Certificate> {
    let mut found = Found {
        data_dir: start.data_dir(),
        renewal: renewal(start.version),
        node,
        all: Vec::new(),
    };
    if start.is_server() {
        found.authorities("server/tls", &AUTHORITIES);
        for directory in OF_SERVER {
            found.leaves(directory);
        }
        if start.has_etcd() {
            found.authorities("server/tls", &OF_ETCD);
            found.leaves(ETCD);
        }
    } else {
        found.authorities(AGENT, &COPIES);
    }
    if !start.settings.is_on("disable-agent") {
        found.leaves(AGENT);
    }
    found.all
}

struct Found<'a> {
    data_dir: String,
    renewal: u64,
    node: &'a dyn Node,
    all: Vec<Certificate>,
}

impl Found<'_> {
    fn authorities(&mut self, directory: &str, names: &[&str]) {
        for name in names {
            self.add(format!("{directory}/{name}"), CertificateKind::Authority);
        }
    }

    fn leaves(&mut self, directory: &str) {
        let names = self
            .node
            .advice_names(&format!("{}/{directory}", self.data_dir));
        let leaves = names
            .iter()
            .filter(|name| name.as_bytes().ends_with(b".crt") && !name.contains("-ca."));
        for name in leaves.take(MOST) {
            self.add(format!("{directory}/{name}"), CertificateKind::Leaf);
        }
    }

    fn add(&mut self, file: String, kind: CertificateKind) {
        let path = format!("{}/{file}", self.data_dir);
        let Some(text) = self.node.advice_file(&path).text() else {
            return;
        };
        let all = validities(text.as_bytes()).unwrap_or_default();
        let renewal = match kind {
            CertificateKind::Authority => None,
            CertificateKind::Leaf => Some(self.renewal),
        };
        // The first is used, or signs; its authorities follow.
        if let Some(not_after) = all.first().map(|first| first.not_after) {
            self.all.push(Certificate {
                path,
                file,
                kind,
                not_after,
                renewal,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::node::FileText;
    use crate::rke2::node::tests::of;
    use crate::rke2::role::Role;

    const D: &str = "/var/lib/rancher/rke2";
    const YEAR: &str = include_str!("../../../tests/cases/certificates/2021.pem");
    const LONG: &str = include_str!("../../../tests/cases/certificates/2020-2090.pem");
    const END_OF_2021: u64 = 1_640_995_200;
    const IN_2090: u64 = 3_786_912_000;

    struct Files(Vec<(String, String)>);

    impl Node for Files {
        fn advice_file(&self, path: &str) -> FileText {
            match self.0.iter().find(|(known, _)| known == path) {
                Some((_, text)) => FileText::Text(text.clone()),
                None => FileText::Missing,
            }
        }

        fn advice_names(&self, directory: &str) -> Vec<String> {
            let all = self.0.iter().filter_map(|(path, _)| path.rsplit_once('/'));
            all.filter(|(parent, _)| *parent == directory)
                .map(|(_, name)| name.to_owned())
                .collect()
        }
    }

    fn files(all: &[(&str, &str)]) -> Files {
        let all = all.iter();
        Files(
            all.map(|(file, text)| (format!("{D}/{file}"), (*text).to_owned()))
                .collect(),
        )
    }

    fn found(role: Role, config: &str, files: &Files) -> Vec<(String, CertificateKind, u64)> {
        let all = of(role, &Version::new(34, 1, 1), config, |start| {
            certificates(start, files)
        });
        all.into_iter()
            .map(|certificate| {
                assert_eq!(certificate.path, format!("{D}/{}", certificate.file));
                (certificate.file, certificate.kind, certificate.not_after)
            })
            .collect()
    }

    #[test]
    fn each_role_has_its_own() {
        use CertificateKind::{Authority, Leaf};
        let both = format!("{YEAR}{LONG}");
        let all = files(&[
            ("server/tls/server-ca.crt", &both),
            ("server/tls/client-admin.crt", &both),
            ("server/tls/client-admin.key", YEAR),
            ("server/tls/client-ca.nochain.crt", YEAR),
            ("server/tls/broken.crt", "-----BEGIN CERTIFICATE-----\n"),
            ("server/tls/empty.crt", ""),
            ("server/tls/etcd/peer-ca.crt", YEAR),
            ("server/tls/etcd/client.crt", YEAR),
            ("agent/client-ca.crt", LONG),
            ("agent/client-kubelet.crt", YEAR),
        ]);
        let is = |file: &str, kind, end| (file.to_owned(), kind, end);
        let of_servers = [
            is("server/tls/server-ca.crt", Authority, END_OF_2021),
            is("server/tls/client-admin.crt", Leaf, END_OF_2021),
        ];
        let of_etcd = [
            is("server/tls/etcd/peer-ca.crt", Authority, END_OF_2021),
            is("server/tls/etcd/client.crt", Leaf, END_OF_2021),
        ];
        let of_nodes = is("agent/client-kubelet.crt", Leaf, END_OF_2021);
        let mut expected = of_servers.to_vec();
        expected.extend(of_etcd);
        expected.push(of_nodes.clone());
        assert_eq!(found(Role::Server, "", &all), expected);
        let config = "disable-etcd: true\ndisable-agent: true\n";
        assert_eq!(found(Role::Server, config, &all), of_servers);
        let copy = is("agent/client-ca.crt", Authority, IN_2090);
        let joins = "server: https://192.0.2.1:9345\ntoken: x";
        assert_eq!(found(Role::Agent, joins, &all), [copy, of_nodes]);
        assert_eq!(found(Role::Server, "", &files(&[])), []);
    }

    #[test]
    fn newer_releases_renew_earlier() {
        for (minor, patch, days) in [
            (24, 17, 90),
            (30, 12, 90),
            (30, 13, 120),
            (33, 0, 90),
            (33, 1, 120),
            (37, 1, 120),
        ] {
            assert_eq!(renewal(&Version::new(minor, patch, 1)), days);
        }
    }
}
