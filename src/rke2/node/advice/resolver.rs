//! The name servers that pods are given.
//!
//! Source: k3s-io/k3s `pkg/agent/config/config.go`: of `/etc/resolv.conf` and that of systemd-resolved, RKE2 takes the
//! first with a name server whose name servers are all global unicast addresses; else it writes one with 8.8.8.8.

use std::net::IpAddr;

use super::super::addresses::is_global;
use super::super::{Node, NodeProblem, Start};
use crate::facts::node::FileText;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Remedy};
use crate::text::printable;

const FILES: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
/// The stub of systemd-resolved: another file, of the running host, has the real name servers.
const STUBS: [&str; 2] = ["127.0.0.53", "127.0.0.54"];

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    // A file that is configured is not examined.
    if !start.settings.text("resolv-conf").is_empty() || start.sets_kubelet_arg("resolv-conf") {
        return None;
    }
    let mut reasons = Vec::new();
    let mut evidence = Vec::new();
    for path in FILES {
        match node.advice_file(path) {
            FileText::Text(text) => {
                let refused = refused(&text)?;
                if !node.is_running() && refused.iter().any(|name| STUBS.contains(&name.as_str())) {
                    return None;
                }
                reasons.push(if refused.is_empty() {
                    format!("{path} names no name server")
                } else {
                    let names: Vec<String> = refused.iter().map(|name| printable(name)).collect();
                    format!("{path} names {}", names.join(" and "))
                });
                evidence.push(Evidence::place(Source::file(path), Part::Read));
            }
            FileText::Missing if path == "/etc/resolv.conf" && node.is_running() => {
                reasons.push(format!("{path} is missing"));
            }
            FileText::Missing => {}
            FileText::Unknown => return None,
        }
    }
    if reasons.is_empty() {
        return None;
    }
    let mut problem = NodeProblem::advice(
        CheckId::HostResolver,
        "resolv.conf",
        format!(
            "pods will ask 8.8.8.8 for names outside the cluster, because {}",
            reasons.join(", and ")
        ),
    );
    problem.required =
        Some("at least one name server, and none on a loopback or link-local address".to_owned());
    problem.notes = vec![
        "a pod cannot reach a name server on the host's loopback address, so RKE2 does not use such a file".to_owned(),
    ];
    problem.evidence = evidence;
    problem.remedies = vec![Remedy::manual(
        "write a file with the site's name servers, and name it with `resolv-conf: FILE` in RKE2's configuration",
    )];
    Some(problem)
}

/// The name servers for which RKE2 does not use a file, none if it has none at all. `None`: RKE2 uses it.
fn refused(text: &str) -> Option<Vec<String>> {
    let servers: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("nameserver"))
        .filter(|rest| rest.starts_with([' ', '\t']))
        .map(|rest| rest.split_ascii_whitespace().next().unwrap_or_default())
        .collect();
    let is_refused = |server: &&&str| {
        !server
            .parse::<IpAddr>()
            .is_ok_and(|address| is_global(&address))
    };
    let refused: Vec<String> = servers
        .iter()
        .filter(is_refused)
        .map(|server| (*server).to_owned())
        .collect();
    (servers.is_empty() || !refused.is_empty()).then_some(refused)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, found, settings, summaries};
    use super::*;
    use crate::rke2::role::Role;

    #[test]
    fn a_file_is_used_if_each_name_server_can_be_reached_from_a_pod() {
        for text in [
            "nameserver 192.0.2.1\n",
            "nameserver\t10.0.0.1 # x\nsearch a\nnameserver 2001:db8::1\n",
        ] {
            assert_eq!(refused(text), None, "{text}");
        }
        for (text, names) in [
            ("", &[][..]),
            ("#nameserver 192.0.2.1\n nameserver 192.0.2.1\n", &[]),
            (
                "nameserver 127.0.0.1\nnameserver 192.0.2.1\n",
                &["127.0.0.1"],
            ),
            ("nameserver fe80::1%eth0\n", &["fe80::1%eth0"]),
            ("nameserver ::1\nnameserver \n", &["::1", ""]),
        ] {
            assert_eq!(refused(text).unwrap(), names, "{text}");
        }
    }

    #[test]
    fn the_second_file_saves_the_first() {
        const STUB: &str = "nameserver 127.0.0.53\n";
        const GOOD: &str = "nameserver 192.0.2.1\n";
        for (files, is_found) in [
            (&[(FILES[0], GOOD)][..], false),
            (&[(FILES[0], STUB), (FILES[1], GOOD)], false),
            (&[(FILES[1], GOOD)], false),
            (&[(FILES[0], STUB)], true),
            (&[(FILES[0], STUB), (FILES[1], "")], true),
            (&[], true),
        ] {
            let found = summaries(problem, &Facts::with(files));
            assert_eq!(!found.is_empty(), is_found, "{found:?}");
        }
        let image = |text| Facts {
            is_image: true,
            ..Facts::with(&[(FILES[0], text)])
        };
        assert!(summaries(problem, &image(STUB)).is_empty());
        assert_eq!(summaries(problem, &image("nameserver ::1\n")).len(), 1);
    }

    #[test]
    fn a_file_that_is_configured_is_not_judged() {
        for set in [
            ("resolv-conf", "/etc/x"),
            ("kubelet-arg", "--resolv-conf=/etc/x,"),
        ] {
            let settings = settings(Role::Agent, &[set]);
            assert!(found(problem, &settings, &Facts::default()).is_empty());
        }
    }
}
