//! The cluster's own certificate authorities, and the certificate of the supervisor.
//!
//! Source: k3s-io/k3s `pkg/clientaccess/token.go` (a server checks at its start that it trusts itself), rancher/rke2#1702
//! and #8318. RKE2 renews what its authorities sign, within 120 days of the end (90 before May 2025), but not these.

use std::time::{Duration, UNIX_EPOCH};

use crate::facts::node::File;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Component, Remedy, Stage};
use crate::rke2::changes::DYNAMIC_CERTIFICATE_RENEWED;
use crate::yaml::scalar::base64;

use super::x509::{Validity, validities};
use super::{Node, NodeProblem, Start};

pub(super) const AUTHORITIES: [&str; 3] =
    ["server-ca.crt", "client-ca.crt", "request-header-ca.crt"];
pub(super) const OF_ETCD: [&str; 2] = ["etcd/server-ca.crt", "etcd/peer-ca.crt"];
/// Where a server keeps the certificate of its port 9345: a secret in JSON.
const DYNAMIC: &str = "dynamic-cert.json";
const NOTE: &str = "the server runs, trusts nothing that it has signed, and never becomes ready: x509: certificate has \
                    expired or is not yet valid";

/// A file whose certificates are all outside their time.
struct Outside {
    path: String,
    validity: Validity,
}

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    if !start.is_server() {
        return Vec::new();
    }
    let Some(now) = node.now() else {
        return Vec::new();
    };
    let tls = format!("{}/server/tls", start.data_dir());
    let of_etcd: &[&str] = if start.has_etcd() { &OF_ETCD } else { &[] };
    let mut expired = Vec::new();
    let mut early = Vec::new();
    for name in AUTHORITIES.iter().chain(of_etcd) {
        let path = format!("{tls}/{name}");
        let Some(File::Content(content)) = node.file(&path) else {
            continue;
        };
        let Some(all) = validities(&content) else {
            continue;
        };
        // A file can have the authority that signs, and others that are trusted besides.
        let last = all.iter().max_by_key(|validity| validity.not_after);
        let first = all.iter().min_by_key(|validity| validity.not_before);
        match (first, last) {
            (_, Some(last)) if last.not_after < now => expired.push(Outside {
                path,
                validity: *last,
            }),
            (Some(first), _) if first.not_before > now => early.push(Outside {
                path,
                validity: *first,
            }),
            _ => {}
        }
    }
    let mut all = Vec::new();
    all.extend(clock(node, now, &early));
    all.extend(authorities(start, &expired));
    all.extend(supervisor(start, node, now, &format!("{tls}/{DYNAMIC}")));
    all
}

/// `2022-01-01 00:00:00 UTC`.
fn date(seconds: u64) -> String {
    let Some(time) = UNIX_EPOCH.checked_add(Duration::from_secs(seconds)) else {
        return format!("{seconds} s after 1970");
    };
    // Years of more than four digits cannot be shown, and no certificate has them.
    if seconds >= 253_402_300_800 {
        return "the year 10000".to_owned();
    }
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.replace('T', " ").replace('Z', " UTC")
}

fn places(outside: &[Outside]) -> Vec<Evidence> {
    let files = outside.iter().map(|outside| Source::file(&outside.path));
    files
        .map(|file| Evidence::place(file, Part::Read))
        .collect()
}

fn authorities(start: &Start<'_>, expired: &[Outside]) -> Option<NodeProblem> {
    let first = expired.first()?;
    let others = expired.iter().skip(1);
    let mut notes = vec![NOTE.to_owned()];
    notes.extend(others.map(|other| {
        format!(
            "{} expired too, on {}",
            other.path,
            date(other.validity.not_after)
        )
    }));
    // Such a server may get new authorities from the cluster that it joins.
    let joins = !start.settings.text("server").is_empty();
    if joins {
        notes.push(
            "the server that it joins may have new ones, which RKE2 writes over these at its start"
                .to_owned(),
        );
    }
    let earlier = first.validity.not_after.saturating_sub(86_400);
    Some(NodeProblem {
        is_transient: joins,
        evidence: places(expired),
        notes,
        actual: Some(format!("expired on {}", date(first.validity.not_after))),
        remedies: vec![
            Remedy::manual(format!(
                "renew the certificate authorities with `rke2 certificate rotate-ca`; it needs a server that runs, so \
                 stop time synchronization and set the clock to before {} until that is done on all servers",
                date(earlier)
            )),
            Remedy::manual("if the clock is wrong, set it"),
        ],
        ..NodeProblem::new(
            CheckId::HostCertificate,
            "certificate authorities",
            Component::Rke2,
            Stage::Certificates,
            format!(
                "the cluster's certificate authority {} expired on {}, and RKE2 does not renew it",
                first.path,
                date(first.validity.not_after)
            ),
        )
    })
}

/// The clock is before the time of the cluster's certificates.
fn clock(node: &dyn Node, now: u64, early: &[Outside]) -> Option<NodeProblem> {
    let first = early.first()?;
    // An image has no clock.
    if !node.is_running() {
        return None;
    }
    Some(NodeProblem {
        is_transient: true,
        evidence: places(early),
        notes: vec![NOTE.to_owned()],
        actual: Some(date(now)),
        required: Some(format!("after {}", date(first.validity.not_before))),
        remedies: vec![Remedy::Manual {
            summary: "wait until the time is synchronized, or set the clock".to_owned(),
            commands: vec!["timedatectl".to_owned()],
        }],
        ..NodeProblem::new(
            CheckId::HostClock,
            "clock",
            Component::Rke2,
            Stage::Certificates,
            format!(
                "the clock says {}, and the certificate authority {} is not valid before {}",
                date(now),
                first.path,
                date(first.validity.not_before)
            ),
        )
    })
}

/// The certificate of the supervisor, which older releases do not renew once it has expired.
fn supervisor(start: &Start<'_>, node: &dyn Node, now: u64, path: &str) -> Option<NodeProblem> {
    if DYNAMIC_CERTIFICATE_RENEWED.includes(start.version) {
        return None;
    }
    let File::Content(content) = node.file(path)? else {
        return None;
    };
    let secret: serde_json::Value = serde_json::from_slice(&content).ok()?;
    let pem = base64(secret.get("data")?.get("tls.crt")?.as_str()?)?;
    // The first one is the server's own; its authority follows.
    let validity = *validities(&pem)?.first()?;
    if validity.not_after >= now {
        return None;
    }
    Some(NodeProblem {
        evidence: vec![Evidence::place(Source::file(path), Part::Read)],
        notes: vec![format!(
            "{NOTE}. RKE2 {DYNAMIC_CERTIFICATE_RENEWED} and later renew it at their start"
        )],
        actual: Some(format!("expired on {}", date(validity.not_after))),
        remedies: vec![Remedy::Manual {
            summary: format!(
                "remove {path}, which RKE2 writes again; if it comes back, also delete the secret rke2-serving in the \
                 namespace kube-system"
            ),
            commands: vec![format!("rm {}", crate::text::shell_word(path))],
        }],
        ..NodeProblem::new(
            CheckId::HostCertificate,
            "supervisor",
            Component::Rke2,
            Stage::Certificates,
            format!(
                "the certificate of port 9345 in {path} expired on {}, and this release does not renew it",
                date(validity.not_after)
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::node::tests::{Files, of, with};
    use crate::rke2::role::Role;
    use crate::rke2::version::Version;

    const TLS: &str = "/var/lib/rancher/rke2/server/tls";
    /// Valid from 2021-01-01 to 2022-01-01, and from 2020-01-01 to 2090-01-01.
    const YEAR: &str = include_str!("../../../tests/cases/certificates/2021.pem");
    const LONG: &str = include_str!("../../../tests/cases/certificates/2020-2090.pem");
    const IN_2020: u64 = 1_590_000_000;
    const IN_2021: u64 = 1_620_000_000;
    const IN_2026: u64 = 1_790_000_000;

    struct Server {
        files: Files,
        now: Option<u64>,
        is_live: bool,
    }

    impl Node for Server {
        fn file(&self, path: &str) -> Option<File> {
            self.files.file(path)
        }
        fn now(&self) -> Option<u64> {
            self.now
        }
        fn is_running(&self) -> bool {
            self.is_live
        }
    }

    fn server(files: &[(&str, &str)], now: u64) -> Server {
        let files = files.iter().map(|(name, content)| {
            let content = content.as_bytes().to_vec();
            (format!("{TLS}/{name}"), File::Content(content))
        });
        Server {
            files: files.collect(),
            now: Some(now),
            is_live: true,
        }
    }

    fn found(server: &Server, config: &str) -> Vec<(CheckId, bool)> {
        let problems = with(config, |start| problems(start, server));
        let found = problems.into_iter();
        found
            .map(|problem| (problem.check, problem.is_transient))
            .collect()
    }

    #[test]
    fn an_authority_must_be_valid_now() {
        let (expired, early) = (CheckId::HostCertificate, CheckId::HostClock);
        for name in AUTHORITIES.iter().chain(&OF_ETCD) {
            let of = |content: &str, now: u64| found(&server(&[(name, content)], now), "");
            assert_eq!(of(YEAR, IN_2026), [(expired, false)], "{name}");
            assert_eq!(of(YEAR, IN_2021), [], "{name}");
            assert_eq!(of(YEAR, IN_2020), [(early, true)], "{name}");
            assert_eq!(of(LONG, IN_2026), [], "{name}");
            // The other one is enough.
            assert_eq!(of(&format!("{YEAR}{LONG}"), IN_2026), [], "{name}");
            for unknown in ["", "x", "-----BEGIN CERTIFICATE-----\n"] {
                assert_eq!(of(unknown, IN_2026), [], "{name}");
            }
        }
        let leaf = server(
            &[
                ("serving-kube-apiserver.crt", YEAR),
                ("etcd/client.crt", YEAR),
            ],
            IN_2026,
        );
        assert_eq!(found(&leaf, ""), []);
    }

    #[test]
    fn it_is_asked_of_servers_that_use_it() {
        let all = server(&[("server-ca.crt", YEAR)], IN_2026);
        let joins = "server: https://192.0.2.1:9345\ntoken: x";
        assert_eq!(found(&all, joins), [(CheckId::HostCertificate, true)]);
        let version = Version::new(34, 1, 1);
        let config = "server: https://192.0.2.1:9345\ntoken: x";
        let agent = of(Role::Agent, &version, config, |start| problems(start, &all));
        assert_eq!(agent, []);
        let etcd = server(&[("etcd/peer-ca.crt", YEAR)], IN_2026);
        assert_eq!(found(&etcd, "disable-etcd: true"), []);
        let mut unknown = server(&[("server-ca.crt", YEAR)], IN_2026);
        unknown.now = None;
        assert_eq!(found(&unknown, ""), []);
        let mut image = server(&[("server-ca.crt", YEAR)], IN_2020);
        image.is_live = false;
        assert_eq!(found(&image, ""), []);
    }

    #[test]
    fn the_certificate_of_the_supervisor_is_renewed_by_newer_releases() {
        let secret = format!(
            "{{\"kind\":\"Secret\",\"data\":{{\"tls.crt\":\"{}\",\"tls.key\":\"x\"}}}}",
            include_str!("../../../tests/cases/certificates/2021.pem.base64").trim()
        );
        let expired = server(&[(DYNAMIC, &secret)], IN_2026);
        let valid = server(&[(DYNAMIC, &secret)], IN_2021);
        for (minor, patch, is_found) in [
            (30, 13, true),
            (30, 14, false),
            (33, 1, true),
            (33, 2, false),
            (36, 0, false),
        ] {
            let version = Version::new(minor, patch, 1);
            let count = |server: &Server| {
                of(Role::Server, &version, "", |start| {
                    problems(start, server).len()
                })
            };
            assert_eq!(count(&expired), usize::from(is_found), "{version}");
            assert_eq!(count(&valid), 0, "{version}");
        }
        for broken in [
            "",
            "{}",
            "{\"data\":{\"tls.crt\":1}}",
            "{\"data\":{\"tls.crt\":\"!\"}}",
        ] {
            let broken = server(&[(DYNAMIC, broken)], IN_2026);
            let version = Version::new(33, 1, 1);
            let none = of(Role::Server, &version, "", |start| problems(start, &broken));
            assert_eq!(none, []);
        }
    }

    #[test]
    fn dates_are_shown_in_full() {
        assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(u64::MAX), format!("{} s after 1970", u64::MAX));
        assert_eq!(date(253_402_300_800), "the year 10000");
    }
}
