use HolderKind::{Container, OtherRuntime, Rke2, Stranger};

use super::*;
use crate::rke2::node::fake::Fake;
use crate::rke2::role::Role::{self, Agent, Server};

const NEW: &str = "v1.36.1+rke2r1";

/// The findings as `certain 9345`, `likely 10257`.
fn found(fake: &Fake, role: Role, version: &str, config: &str) -> String {
    let problems = fake.problems(role, version, config);
    let words = problems.iter().map(|problem| {
        let kind = match problem.check {
            CheckId::HostPort => "certain",
            CheckId::HostPortLikely => "likely",
            other => other.as_str(),
        };
        assert_eq!(problem.is_transient, kind == "certain");
        format!("{kind} {}", problem.subject.trim_start_matches("port "))
    });
    words.collect::<Vec<_>>().join(", ")
}

fn socket(address: &str, port: u16) -> Fake {
    let mut fake = Fake::with_sockets(&[(address, port, 1000, Some(Stranger))]);
    fake.advises = true;
    fake
}

#[test]
fn sockets_conflict_as_they_do_for_go() {
    use Conflict::{IfDualStack, No, Yes};
    for (wanted, held, expected) in [
        ("", "127.0.0.2", Yes),
        ("", "::1", Yes),
        ("", "0.0.0.0", Yes),
        ("127.0.0.1", "127.0.0.1", Yes),
        ("127.0.0.1", "0.0.0.0", Yes),
        ("127.0.0.1", "::ffff:127.0.0.1", Yes),
        ("127.0.0.1", "::ffff:0.0.0.0", Yes),
        ("127.0.0.1", "::", IfDualStack),
        ("127.0.0.1", "127.0.0.2", No),
        ("127.0.0.1", "::1", No),
        ("127.0.0.1", "192.0.2.1", No),
        ("::1", "::", Yes),
        ("::1", "::1", Yes),
        ("::1", "0.0.0.0", No),
    ] {
        let wanted_address = (!wanted.is_empty()).then(|| wanted.parse().unwrap());
        let found = conflict(wanted_address, held.parse().unwrap());
        assert_eq!(found, expected, "{wanted} against {held}");
    }
}

const OLD: &str = "v1.33.2+rke2r1";
/// A socket's address and port, the start, and what is found.
type Need = (
    &'static str,
    u16,
    Role,
    &'static str,
    &'static str,
    &'static str,
);
const NEEDS: &[Need] = &[
    ("127.0.0.2", 9345, Server, NEW, "", "certain 9345"),
    (
        "127.0.0.2",
        9345,
        Server,
        NEW,
        "bind-address: 192.0.2.7",
        "",
    ),
    (
        "192.0.2.7",
        9345,
        Server,
        NEW,
        "bind-address: 192.0.2.7",
        "certain 9345",
    ),
    ("0.0.0.0", 9345, Agent, NEW, "", ""),
    ("::1", 6443, Server, NEW, "", "certain 6443"),
    (
        "0.0.0.0",
        6443,
        Server,
        NEW,
        "disable-apiserver: true",
        "certain 6443",
    ),
    ("::1", 6443, Server, NEW, "disable-apiserver: true", ""),
    (
        "0.0.0.0",
        6443,
        Server,
        NEW,
        "kube-apiserver-arg: secure-port=7443",
        "",
    ),
    (
        "0.0.0.0",
        7443,
        Server,
        NEW,
        "kube-apiserver-arg: secure-port=7443",
        "certain 7443",
    ),
    ("127.0.0.1", 6443, Agent, NEW, "", "certain 6443"),
    ("::1", 6443, Agent, NEW, "", ""),
    ("::", 6443, Agent, NEW, "", "likely 6443"),
    ("127.0.0.1", 6444, Agent, NEW, "", "certain 6444"),
    ("127.0.0.1", 6444, Server, NEW, "", ""),
    ("127.0.0.1", 6444, Agent, NEW, "lb-server-port: 7000", ""),
    (
        "127.0.0.1",
        6999,
        Agent,
        NEW,
        "lb-server-port: 7000",
        "certain 6999",
    ),
    ("127.0.0.1", 6444, Agent, NEW, "node-ip: 2001:db8::1", ""),
    ("192.0.2.7", 2379, Server, NEW, "", "certain 2379"),
    ("192.0.2.7", 2381, Server, NEW, "", ""),
    ("127.0.0.1", 2381, Server, NEW, "", "certain 2381"),
    ("127.0.0.1", 2380, Server, NEW, "disable-etcd: true", ""),
    (
        "127.0.0.1",
        2380,
        Server,
        NEW,
        "datastore-endpoint: mysql://a",
        "",
    ),
    (
        "127.0.0.1",
        2380,
        Server,
        NEW,
        "etcd-arg: listen-peer-urls=https://192.0.2.7:2380",
        "",
    ),
    ("127.0.0.1", 2380, Agent, NEW, "", ""),
    ("127.0.0.1", 2399, Server, NEW, "", ""),
    // Where etcd has no data, it is not needed.
    ("127.0.0.1", 2399, Server, OLD, "", "likely 2399"),
    ("127.0.0.1", 2399, Server, OLD, "server: https://a:9345", ""),
    ("127.0.0.1", 10010, Agent, NEW, "", "certain 10010"),
    (
        "127.0.0.1",
        10010,
        Agent,
        NEW,
        "container-runtime-endpoint: /run/c.sock",
        "",
    ),
    ("127.0.0.2", 10250, Agent, NEW, "", "certain 10250"),
    ("127.0.0.2", 10250, Server, NEW, "disable-agent: true", ""),
    (
        "127.0.0.2",
        10250,
        Agent,
        NEW,
        "kubelet-arg: port=10260",
        "",
    ),
    (
        "127.0.0.2",
        10260,
        Agent,
        NEW,
        "kubelet-arg: port=10260",
        "certain 10260",
    ),
    (
        "127.0.0.2",
        10250,
        Agent,
        NEW,
        "kubelet-arg: address=192.0.2.7",
        "",
    ),
    (
        "127.0.0.2",
        10250,
        Agent,
        NEW,
        "kubelet-arg: config=/etc/kubelet.yaml",
        "",
    ),
    ("127.0.0.1", 10248, Agent, NEW, "", "likely 10248"),
    ("127.0.0.1", 10257, Server, NEW, "", "likely 10257"),
    ("127.0.0.1", 10257, Agent, NEW, "", ""),
    (
        "127.0.0.1",
        10257,
        Server,
        NEW,
        "disable-controller-manager: true",
        "",
    ),
    (
        "127.0.0.1",
        10249,
        Server,
        NEW,
        "disable-kube-proxy: true",
        "",
    ),
    ("0.0.0.0", 9099, Server, NEW, "", "likely 9099"),
    ("0.0.0.0", 9099, Server, NEW, "cni: cilium", ""),
    ("0.0.0.0", 22, Server, NEW, "", ""),
];

#[test]
fn role_settings_and_release_decide_what_is_needed() {
    for &(address, port, role, version, config, expected) in NEEDS {
        let found = found(&socket(address, port), role, version, config);
        assert_eq!(
            found, expected,
            "{address}:{port}, {role:?} {version} {config}"
        );
    }
}

#[test]
fn who_holds_a_port_decides() {
    for (port, uid, kind, config, expected) in [
        (10250, 0, Some(Stranger), "", "certain 10250"),
        (10250, 0, Some(Rke2), "", ""),
        (6443, 0, Some(Container), "", ""),
        (6443, 0, Some(OtherRuntime), "", "certain 6443"),
        (
            6443,
            0,
            Some(OtherRuntime),
            "container-runtime-endpoint: /run/c.sock",
            "",
        ),
        // It may be SO_REUSEPORT on both sides.
        (9345, 0, Some(Stranger), "", ""),
        (9345, 33, Some(Stranger), "", "certain 9345"),
        // It cannot be seen.
        (10250, 0, None, "", "certain 10250"),
        (2380, 0, None, "", "certain 2380"),
    ] {
        let mut fake = Fake::with_sockets(&[("0.0.0.0", port, uid, kind)]);
        assert_eq!(
            found(&fake, Server, NEW, config),
            expected,
            "{port} {uid} {kind:?} {config}"
        );
        fake.advises = true;
        let advised = if port == 9345 && uid == 0 {
            "likely 9345"
        } else {
            expected
        };
        assert_eq!(found(&fake, Server, NEW, config), advised);
    }
}

#[test]
fn what_may_be_rke2s_own_is_not_accused() {
    let unseen = |port| Fake::with_sockets(&[("0.0.0.0", port, 0, None)]);
    let with = |port, lives, containers| {
        let mut fake = unseen(port);
        fake.processes = Some(Rke2Processes { lives, containers });
        fake.advises = true;
        found(&fake, Server, NEW, "")
    };
    for port in [2379, 2380, 2381, 6443] {
        assert_eq!(
            with(port, false, true),
            "",
            "a container of an earlier start: {port}"
        );
    }
    // No container ever listens there.
    for port in [10250, 10010] {
        assert_eq!(with(port, false, true), format!("certain {port}"));
        assert_eq!(with(port, true, true), "", "RKE2 lives: {port}");
    }
    let mut fake = unseen(10250);
    fake.processes = None;
    assert_eq!(
        found(&fake, Server, NEW, ""),
        "",
        "not all processes can be seen"
    );
    fake.listeners = None;
    assert_eq!(found(&fake, Server, NEW, ""), "");
    // Two sockets, of which one is a stranger's.
    let fake = Fake::with_sockets(&[
        ("127.0.0.1", 2379, 0, Some(Container)),
        ("192.0.2.7", 2379, 0, Some(Stranger)),
    ]);
    assert_eq!(found(&fake, Server, NEW, ""), "certain 2379");
}

#[test]
fn files_that_set_a_port_aside_are_asked_for() {
    let mut fake = socket("127.0.0.1", 2400);
    fake.member = Some(crate::facts::node::EtcdMember::default());
    assert_eq!(found(&fake, Server, "v1.33.2", ""), "certain 2400");
    for (version, needed) in [
        ("v1.22.17", false),
        ("v1.23.1", true),
        ("v1.31.14", true),
        ("v1.34.1", true),
        ("v1.34.2", false),
        ("v1.35.0", false),
    ] {
        assert_eq!(
            found(&fake, Server, version, "") == "certain 2400",
            needed,
            "{version}"
        );
    }
    let mut fake = socket("127.0.0.1", 10010);
    fake.has_template = true;
    assert_eq!(found(&fake, Server, NEW, ""), "likely 10010");
    for (names, expected) in [
        (
            &["00-rke2-defaults.conf", "a.conf.rpmsave"][..],
            "certain 10250",
        ),
        (&["00-rke2-defaults.conf", "50-port.conf"], "likely 10250"),
    ] {
        let mut fake = socket("0.0.0.0", 10250);
        fake.kubelet_conf_d = names;
        assert_eq!(found(&fake, Server, NEW, ""), expected, "{names:?}");
    }
}

#[test]
fn a_socket_that_may_be_shared_is_not_certain() {
    for (port, config, expected) in [
        (
            6443,
            "kube-apiserver-arg: permit-port-sharing=true",
            "likely 6443",
        ),
        (
            6443,
            "kube-apiserver-arg: --permit-port-sharing",
            "likely 6443",
        ),
        (
            6443,
            "kube-apiserver-arg: permit-port-sharing=false",
            "certain 6443",
        ),
        (2379, "etcd-arg: socket-reuse-port=true", "likely 2379"),
        (
            2379,
            "etcd-arg: [socket-reuse-port=true, socket-reuse-port=F]",
            "certain 2379",
        ),
    ] {
        let mut fake = Fake::with_sockets(&[("0.0.0.0", port, 0, Some(Stranger))]);
        fake.advises = true;
        assert_eq!(found(&fake, Server, NEW, config), expected, "{config}");
        // Sockets of different users are not shared.
        let fake = socket("0.0.0.0", port);
        assert_eq!(found(&fake, Server, NEW, config), format!("certain {port}"));
    }
}

#[test]
fn the_components_words_are_predicted() {
    for (port, role, version, config, expected) in [
        (
            9345,
            Server,
            "v1.27.1",
            "",
            "init cluster datastore and https: listen tcp :9345: bind: address already in use",
        ),
        (9345, Server, "v1.31.1", "", ""),
        (
            9345,
            Server,
            NEW,
            "",
            "failed to start supervisor listener: listen tcp :9345: bind: address already in use",
        ),
        (9345, Server, NEW, "bind-address: 192.0.2.7", ""),
        (
            6443,
            Server,
            NEW,
            "",
            "failed to create listener: failed to listen on 0.0.0.0:6443: listen tcp 0.0.0.0:6443: bind: address already in use",
        ),
        (
            6443,
            Server,
            NEW,
            "kube-apiserver-arg: 'bind-address=::'",
            "failed to create listener: failed to listen on [::]:6443: listen tcp 0.0.0.0:6443: bind: address already in use",
        ),
        (
            6443,
            Server,
            NEW,
            "kube-apiserver-arg: bind-address=192.0.2.7",
            "failed to create listener: failed to listen on 192.0.2.7:6443: listen tcp 192.0.2.7:6443: bind: address already in use",
        ),
        (6443, Server, NEW, "bind-address: '::'", ""),
        (
            2379,
            Server,
            NEW,
            "",
            "\"msg\":\"discovery failed\",\"error\":\"listen tcp 127.0.0.1:2379: bind: address already in use\"",
        ),
        (
            10250,
            Agent,
            NEW,
            "",
            "\"Failed to listen and serve\" err=\"listen tcp 0.0.0.0:10250: bind: address already in use\"",
        ),
        (
            6443,
            Agent,
            NEW,
            "",
            "failed to set apiserver port to 6443: listen tcp 127.0.0.1:6443: bind: address already in use",
        ),
    ] {
        let fake = Fake::with_sockets(&[("0.0.0.0", port, 33, Some(Stranger))]);
        let problems = fake.problems(role, version, config);
        let predicted = problems[0].predicted.clone().unwrap_or_default();
        assert_eq!(predicted, expected, "{port} {version}");
    }
}

#[test]
fn the_holder_is_named() {
    let mut fake = Fake::with_sockets(&[("0.0.0.0", 10250, 0, Some(Stranger))]);
    let first = |fake: &Fake| fake.problems(Agent, NEW, "").remove(0);
    let problem = first(&fake);
    assert_eq!(
        problem.summary,
        "port 10250, which the kubelet needs, is held by python3 (process 42, files.service)"
    );
    assert_eq!(problem.actual.as_deref(), Some("0.0.0.0:10250, process 42"));
    assert_eq!(
        problem.remedies[0].commands(),
        ["systemctl disable --now files.service"]
    );
    for holder in fake.holders.values_mut() {
        holder.pid = 1;
    }
    assert_eq!(
        first(&fake).remedies[0].commands(),
        ["systemctl list-sockets"]
    );
    fake.holders.clear();
    let problem = first(&fake);
    assert!(problem.summary.ends_with("is held by a program of root"));
    assert_eq!(
        problem.remedies[0].commands(),
        ["ss -ltnp 'sport = :10250'"]
    );
}
