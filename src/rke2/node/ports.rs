//! The ports on which RKE2 and its components listen, and who else listens there.
//!
//! Source: rancher/rke2 `pkg/executor/staticpod`, `pkg/rke2`; k3s-io/k3s `pkg/server/https.go`, `pkg/etcd/etcd.go`,
//! `pkg/cluster/bootstrap.go`, `pkg/agent/run.go`, `pkg/util/apiproxy.go`; kubernetes `cmd/kubelet/app/server.go`;
//! containerd `internal/cri/server/service.go`. How addresses conflict was measured with Go's `net.Listen`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::facts::node::{Holder, HolderKind, Listener, Rke2Processes};
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Component, Remedy, Stage};
use crate::kubernetes::Program;
use crate::rke2::components;
use crate::rke2::config::SettingValue;
use crate::rke2::version::Version;

use super::addresses::addresses_of;
use super::{Node, NodeProblem, Start};

const TCP: &str = "/proc/net/tcp";
const IN_USE: &str = "bind: address already in use";

/// Which port.
enum Port {
    /// Always this one.
    Is(u16),
    /// The kubelet's own.
    Kubelet,
    /// That of the load balancer of agents.
    LoadBalancer,
    /// The one below that, at which the API server is reached.
    ApiServerProxy,
}

/// On which addresses.
enum Bind {
    /// All of both families, unless `bind-address` is set.
    All,
    /// 127.0.0.1.
    Loopback,
    /// 127.0.0.1 and the address of the node.
    LoopbackAndNode,
}

/// Who listens, where RKE2 runs it.
enum User {
    /// RKE2 as a server.
    Supervisor,
    /// RKE2 where it reaches the API server over others.
    Agent,
    /// A component of Kubernetes.
    Program(Program),
    /// etcd.
    Etcd,
    /// The etcd that RKE2 itself runs for a moment, to read what an earlier start left.
    TemporaryEtcd,
    /// RKE2's own containerd.
    Containerd,
    /// A pod of the network plugin with this name.
    Cni(&'static [&'static str]),
}

/// A port that RKE2 or a component listens on.
struct Row {
    port: Port,
    bind: Bind,
    user: User,
    /// Whether the socket has `SO_REUSEPORT`, so that it does not conflict with another one of the same user that has.
    shares: bool,
    /// Whether a container that an earlier start left may hold it.
    left_over: bool,
    component: Component,
    stage: Stage,
    /// Whether something ends or waits for ever for it; else it is advice.
    certain: bool,
    /// Who needs it, in a sentence.
    who: &'static str,
    /// The line with which a component ends, by minor release; `{}` is the error.
    lines: &'static [(u32, u32, &'static str)],
}

/// Of every minor release.
const ANY: u32 = u32::MAX;

const ROWS: &[Row] = &[
    Row {
        port: Port::Is(9345),
        bind: Bind::All,
        user: User::Supervisor,
        shares: true,
        left_over: false,
        component: Component::Rke2,
        stage: Stage::Supervisor,
        certain: true,
        who: "RKE2 needs for nodes that join",
        // Between them it is not known which.
        lines: &[
            (0, 28, "init cluster datastore and https: {}"),
            (34, ANY, "failed to start supervisor listener: {}"),
        ],
    },
    Row {
        port: Port::Is(2399),
        bind: Bind::Loopback,
        user: User::TemporaryEtcd,
        shares: false,
        left_over: false,
        component: Component::Rke2,
        stage: Stage::Datastore,
        certain: true,
        who: "RKE2 needs to read etcd's data before it starts",
        lines: &[],
    },
    Row {
        port: Port::Is(2400),
        bind: Bind::Loopback,
        user: User::TemporaryEtcd,
        shares: false,
        left_over: false,
        component: Component::Rke2,
        stage: Stage::Datastore,
        certain: true,
        who: "RKE2 needs to read etcd's data before it starts",
        lines: &[],
    },
    Row {
        port: Port::LoadBalancer,
        bind: Bind::Loopback,
        user: User::Agent,
        shares: true,
        left_over: false,
        component: Component::Rke2,
        stage: Stage::LoadBalancer,
        certain: true,
        who: "RKE2 needs to reach the servers",
        lines: &[(0, ANY, "Error starting load balancer: {}")],
    },
    Row {
        port: Port::ApiServerProxy,
        bind: Bind::Loopback,
        user: User::Agent,
        shares: true,
        left_over: true,
        component: Component::Rke2,
        stage: Stage::AgentConfiguration,
        certain: true,
        who: "RKE2 needs to reach the API servers",
        lines: &[(0, ANY, "failed to set apiserver port to {port}: {}")],
    },
    Row {
        port: Port::Is(10010),
        bind: Bind::Loopback,
        user: User::Containerd,
        shares: false,
        left_over: false,
        component: Component::Containerd,
        stage: Stage::Containerd,
        certain: true,
        who: "containerd needs",
        lines: &[(0, ANY, "stream server error: {}")],
    },
    Row {
        port: Port::Kubelet,
        bind: Bind::All,
        user: User::Program(Program::Kubelet),
        shares: false,
        left_over: false,
        component: Component::Kubelet,
        stage: Stage::KubeletServing,
        certain: true,
        who: "the kubelet needs",
        lines: &[(0, ANY, "\"Failed to listen and serve\" err=\"{}\"")],
    },
    etcd(2379, Bind::LoopbackAndNode),
    etcd(2380, Bind::LoopbackAndNode),
    etcd(2381, Bind::Loopback),
    Row {
        port: Port::Is(6443),
        bind: Bind::All,
        user: User::Program(Program::ApiServer),
        shares: false,
        left_over: true,
        component: Component::KubeApiserver,
        stage: Stage::ApiServer,
        certain: true,
        who: "kube-apiserver needs",
        lines: &[(
            0,
            ANY,
            "failed to create listener: failed to listen on {at}: {}",
        )],
    },
    likely(
        10257,
        User::Program(Program::ControllerManager),
        "kube-controller-manager needs",
        true,
    ),
    likely(
        10259,
        User::Program(Program::Scheduler),
        "kube-scheduler needs",
        true,
    ),
    likely(
        10258,
        User::Program(Program::CloudControllerManager),
        "cloud-controller-manager needs",
        true,
    ),
    likely(
        10256,
        User::Program(Program::Proxy),
        "the probe of kube-proxy asks",
        true,
    ),
    likely(
        10249,
        User::Program(Program::Proxy),
        "kube-proxy needs for metrics",
        true,
    ),
    likely(
        10248,
        User::Program(Program::Kubelet),
        "the kubelet needs to say that it is healthy",
        false,
    ),
    likely(9099, User::Cni(&["canal", "calico"]), "Calico needs", true),
    likely(179, User::Cni(&["calico"]), "Calico needs for BGP", true),
    likely(5473, User::Cni(&["calico"]), "Calico's Typha needs", true),
    likely(4240, User::Cni(&["cilium"]), "Cilium needs", true),
];

const fn etcd(port: u16, bind: Bind) -> Row {
    Row {
        port: Port::Is(port),
        bind,
        user: User::Etcd,
        shares: false,
        left_over: true,
        component: Component::Etcd,
        stage: Stage::Etcd,
        certain: true,
        who: "etcd needs",
        lines: &[(0, ANY, "\"msg\":\"discovery failed\",\"error\":\"{}\"")],
    }
}

/// A port whose user tries again, or whose node comes up without it.
const fn likely(port: u16, user: User, who: &'static str, left_over: bool) -> Row {
    Row {
        port: Port::Is(port),
        bind: Bind::Loopback,
        user,
        shares: false,
        left_over,
        component: Component::Rke2,
        stage: Stage::Configuration,
        certain: false,
        who,
        lines: &[],
    }
}

/// How a socket that listens conflicts with one that is to listen on the same port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Conflict {
    /// Not at all.
    No,
    /// If it takes connections of IPv4 too, which the kernel does not list.
    IfDualStack,
    /// Certainly.
    Yes,
}

/// Whether a Go program cannot listen on `wanted` because another one listens on `held`, the same port. `None` is every
/// address: one socket for both families, with which any other one on the port conflicts. That the holder's socket has
/// `SO_REUSEADDR` changes nothing.
fn conflict(wanted: Option<IpAddr>, held: IpAddr) -> Conflict {
    let every_ipv4 = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let every_ipv6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let Some(wanted) = wanted else {
        return Conflict::Yes;
    };
    // ::ffff:0.0.0.0 and the like are addresses of IPv4.
    let held = held.to_canonical();
    match wanted {
        _ if held == wanted => Conflict::Yes,
        IpAddr::V4(_) if held == every_ipv4 => Conflict::Yes,
        IpAddr::V4(_) if held == every_ipv6 => Conflict::IfDualStack,
        IpAddr::V6(_) if held == every_ipv6 => Conflict::Yes,
        _ => Conflict::No,
    }
}

/// A port that this start needs.
struct Wanted {
    row: &'static Row,
    port: u16,
    /// Where it is needed; empty for all addresses.
    addresses: Vec<IpAddr>,
}

impl Wanted {
    /// The sockets in its way, each with the address that they are in the way of.
    fn conflicts<'a>(
        &self,
        listeners: &'a [Listener],
    ) -> Vec<(&'a Listener, Option<IpAddr>, Conflict)> {
        let mut all = Vec::new();
        for listener in listeners
            .iter()
            .filter(|listener| listener.port == self.port)
        {
            if self.addresses.is_empty() {
                all.push((listener, None, conflict(None, listener.address)));
                continue;
            }
            let found = self.addresses.iter().map(|address| {
                let kind = conflict(Some(*address), listener.address);
                (listener, Some(*address), kind)
            });
            let found = found.filter(|(_, _, kind)| *kind != Conflict::No);
            // The first of the most certain.
            all.extend(found.rev().max_by_key(|(_, _, kind)| *kind));
        }
        all
    }
}

/// The releases whose RKE2 runs an etcd of its own for a moment: from 2022 to the autumn of 2025. When exactly is not
/// known, so that the first and last of them are left out.
fn has_temporary_etcd(version: &Version) -> bool {
    match (version.minor, version.patch) {
        (23..=31, _) => true,
        (32, patch) => patch <= 9,
        (33, patch) => patch <= 5,
        (34, patch) => patch <= 1,
        _ => false,
    }
}

/// Whether the user of a row runs in this start.
fn runs(row: &Row, start: &Start<'_>) -> bool {
    let settings = start.settings;
    let runs_agent = !settings.is_on("disable-agent");
    match row.user {
        User::Supervisor => start.is_server(),
        User::Agent => runs_agent && (!start.is_server() || settings.is_on("disable-apiserver")),
        User::Program(program) => components::runs(program, settings),
        User::Etcd => start.has_etcd(),
        User::TemporaryEtcd => {
            start.has_etcd()
                && settings.text("server").is_empty()
                && has_temporary_etcd(start.version)
        }
        User::Containerd => runs_agent && settings.text("container-runtime-endpoint").is_empty(),
        User::Cni(plugins) => start.is_server() && start.may_use(plugins),
    }
}

/// Where the program of a row listens, where it is known.
fn wanted(row: &'static Row, start: &Start<'_>, node: &dyn Node) -> Option<Wanted> {
    let settings = start.settings;
    let load_balancer = || match settings.get("lb-server-port").map(|setting| &setting.value) {
        Some(SettingValue::Number(port)) => u16::try_from(*port).ok().filter(|port| *port > 0),
        _ => None,
    };
    let mut port = match row.port {
        Port::Is(port) => port,
        Port::Kubelet => 10250,
        Port::LoadBalancer => load_balancer()?,
        Port::ApiServerProxy => load_balancer()?.checked_sub(1).filter(|port| *port > 0)?,
    };
    let mut addresses = Vec::new();
    match row.bind {
        Bind::All => {
            // With it set, some listen there and some everywhere: that address is needed in any case.
            let set = settings.text("bind-address");
            if !set.is_empty() {
                addresses.push(set.parse().ok()?);
            }
        }
        // A node of IPv6 alone uses [::1].
        Bind::Loopback | Bind::LoopbackAndNode => addresses.push(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    }
    if let (Bind::LoopbackAndNode, Some(address)) =
        (&row.bind, super::addresses::chosen(start, node))
    {
        addresses.push(address);
    }
    // What else the user says about it.
    if let User::Program(program) = row.user {
        let (of_port, of_address) = match program {
            Program::Kubelet if row.certain => ("port", "address"),
            Program::Proxy if port == 10249 => ("metrics-port", "metrics-bind-address"),
            Program::Kubelet | Program::Proxy => ("healthz-port", "healthz-bind-address"),
            _ => ("secure-port", "bind-address"),
        };
        // A file can say it too.
        let names_file = |name| start.arguments(program, name).next().is_some();
        if names_file("config") || names_file("config-dir") {
            return None;
        }
        if let Some(set) = start.arguments(program, of_port).next_back() {
            port = set.parse().ok().filter(|port| *port > 0)?;
        }
        if let Some(set) = start.arguments(program, of_address).next_back() {
            let address: IpAddr = set.parse().ok()?;
            addresses = if address.is_unspecified() {
                Vec::new()
            } else {
                vec![address]
            };
        }
    }
    // What the addresses are is in etcd's own arguments then.
    if matches!(row.user, User::Etcd) {
        let says = |(entry, _): &(String, _)| entry.contains("listen-");
        if settings.list("etcd-arg").iter().any(says) {
            return None;
        }
    }
    addresses.retain(|address: &IpAddr| !address.is_unspecified());
    Some(Wanted {
        row,
        port,
        addresses,
    })
}

/// Whether the loopback address of RKE2's programs is certainly that of IPv4.
fn uses_ipv4(start: &Start<'_>, node: &dyn Node) -> bool {
    let is_ipv6 = |flag| {
        let first = addresses_of(start, flag).into_iter().next();
        first.is_some_and(|first| first.contains(':'))
    };
    if ["node-ip", "service-cidr", "cluster-cidr"]
        .into_iter()
        .any(is_ipv6)
    {
        return false;
    }
    let has_default = || {
        let network = node.network();
        network.is_none_or(|network| network.routes.is_none() || network.has_ipv4_default())
    };
    !addresses_of(start, "node-ip").is_empty() || has_default()
}

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let advises = node.advises();
    let rows = ROWS
        .iter()
        .filter(|row| (row.certain || advises) && runs(row, start));
    let Some(listeners) = node.listeners() else {
        return Vec::new();
    };
    let mut taken: Vec<Wanted> = Vec::new();
    for row in rows {
        // On most hosts nothing listens there, and nothing more is asked.
        let may_conflict = |port: u16| listeners.iter().any(|listener| listener.port == port);
        if matches!(row.port, Port::Is(port) if !may_conflict(port))
            && !matches!(row.user, User::Program(_))
        {
            continue;
        }
        let is_loopback = !matches!(row.bind, Bind::All);
        if is_loopback && !uses_ipv4(start, node) {
            continue;
        }
        let wanted = wanted(row, start, node);
        taken.extend(wanted.filter(|wanted| !wanted.conflicts(listeners).is_empty()));
    }
    if taken.is_empty() {
        return Vec::new();
    }
    let conflicts = taken.iter().flat_map(|wanted| wanted.conflicts(listeners));
    let inodes: BTreeSet<u64> = conflicts.map(|(listener, ..)| listener.inode).collect();
    let judge = Judge {
        start,
        node,
        listeners,
        holders: node.holders(&inodes),
        processes: node.rke2_processes(),
    };
    taken
        .iter()
        .filter_map(|wanted| judge.problem(wanted))
        .collect()
}

/// What decides whether a port that is taken is a problem.
struct Judge<'a> {
    start: &'a Start<'a>,
    node: &'a dyn Node,
    listeners: &'a [Listener],
    holders: BTreeMap<u64, Holder>,
    processes: Option<Rke2Processes>,
}

impl Judge<'_> {
    /// Whether a socket is not RKE2's own: neither of a process of its units, nor of a container that lives on.
    fn is_strangers(&self, wanted: &Wanted, listener: &Listener) -> bool {
        if let Some(holder) = self.holders.get(&listener.inode) {
            return match holder.kind {
                HolderKind::Rke2 | HolderKind::Container => false,
                // Whose containers run in the runtime that the administrator gives, is not known.
                HolderKind::OtherRuntime => self
                    .start
                    .settings
                    .text("container-runtime-endpoint")
                    .is_empty(),
                HolderKind::Stranger => true,
            };
        }
        // Its holder cannot be seen. Which processes there are can.
        self.processes.is_some_and(|processes| {
            let may_be_left_over = wanted.row.left_over && processes.containers;
            !processes.lives && !may_be_left_over
        })
    }

    fn problem(&self, wanted: &Wanted) -> Option<NodeProblem> {
        let conflicts = wanted.conflicts(self.listeners);
        let mut strangers: Vec<_> = conflicts
            .into_iter()
            .filter(|(listener, ..)| self.is_strangers(wanted, listener))
            .collect();
        // Whether a socket of root has SO_REUSEPORT is not listed.
        let is_certain = |(listener, _, kind): &(&Listener, Option<IpAddr>, Conflict)| {
            *kind == Conflict::Yes && !(wanted.row.shares && listener.uid == 0)
        };
        strangers.sort_by_key(|conflict| !is_certain(conflict));
        let first = strangers.first()?;
        let (listener, address, _) = *first;
        let certain = wanted.row.certain && is_certain(first) && !self.is_set_aside(wanted);
        if !certain && !self.node.advises() {
            return None;
        }
        let row = wanted.row;
        let port = wanted.port;
        let holder = self.holders.get(&listener.inode);
        let subject = format!("port {port}");
        let by = match holder {
            Some(holder) => named(holder),
            None => format!("a program of the user with id {}", listener.uid),
        };
        let mut problem = if certain {
            let summary = format!("port {port}, which {}, is held by {by}", row.who);
            let check = CheckId::HostPort;
            NodeProblem::new(check, subject, row.component, row.stage, summary)
        } else {
            let summary = format!("port {port}, which {}, is held by {by}", row.who);
            NodeProblem::advice(CheckId::HostPortLikely, subject, summary)
        };
        problem.is_transient = certain;
        if certain {
            problem.predicted = self.line(wanted, address);
        } else if row.certain {
            problem.notes = vec![doubt(listener)];
        }
        let where_ = std::net::SocketAddr::new(listener.address, port);
        problem.actual = Some(match holder {
            Some(holder) => format!("{where_}, process {}", holder.pid),
            None => where_.to_string(),
        });
        problem.evidence = vec![Evidence::place(Source::file(table(listener)), Part::Read)];
        problem.remedies = vec![remedy(holder, port)];
        Some(problem)
    }

    /// Whether files that are read only now may say that the port is not needed.
    fn is_set_aside(&self, wanted: &Wanted) -> bool {
        let data_dir = self.start.data_dir();
        match wanted.row.user {
            User::TemporaryEtcd => self.node.etcd_member(&data_dir).is_none(),
            // A template can set another port.
            User::Containerd => self.node.has_containerd_template(&data_dir),
            _ => false,
        }
    }

    fn line(&self, wanted: &Wanted, address: Option<IpAddr>) -> Option<String> {
        let minor = self.start.version.minor;
        let mut lines = wanted.row.lines.iter();
        let (_, _, line) = lines.find(|(first, last, _)| (*first..=*last).contains(&minor))?;
        let port = wanted.port;
        let at = match (address, &wanted.row.user) {
            // The words with that setting were not read.
            (Some(_), _) if matches!(wanted.row.bind, Bind::All) => return None,
            (None, User::Supervisor) => format!(":{port}"),
            (None, _) => format!("0.0.0.0:{port}"),
            (Some(address), _) => std::net::SocketAddr::new(address, port).to_string(),
        };
        let error = format!("listen tcp {at}: {IN_USE}");
        let line = line.replace("{port}", &port.to_string());
        Some(line.replace("{at}", &at).replace("{}", &error))
    }
}

/// A process, as a sentence names it.
fn named(holder: &Holder) -> String {
    let program = holder.program.escape_debug();
    match &holder.unit {
        Some(unit) => format!(
            "{program} (process {}, {})",
            holder.pid,
            unit.escape_debug()
        ),
        None => format!("{program} (process {})", holder.pid),
    }
}

/// Why it is not certain that RKE2 or its component cannot listen.
fn doubt(listener: &Listener) -> String {
    if listener.address == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        "it is in the way if the socket takes connections of IPv4 too".to_owned()
    } else {
        "it is in the way unless both sockets have SO_REUSEPORT".to_owned()
    }
}

const fn table(listener: &Listener) -> &'static str {
    match listener.address {
        IpAddr::V4(_) => TCP,
        IpAddr::V6(_) => "/proc/net/tcp6",
    }
}

fn remedy(holder: Option<&Holder>, port: u16) -> Remedy {
    let show = format!("ss -ltnp 'sport = :{port}'");
    let (summary, commands) = match holder {
        None => (
            "stop the program that listens there, or have it listen on another port".to_owned(),
            vec![show],
        ),
        Some(Holder { pid: 1, .. }) => (
            "disable the socket unit that listens there".to_owned(),
            vec!["systemctl list-sockets".to_owned()],
        ),
        Some(holder) => {
            let unit = holder.unit.as_deref();
            let unit = unit.filter(|unit| unit.ends_with(".service"));
            let commands = unit
                .map(|unit| format!("systemctl disable --now {}", crate::text::shell_word(unit)));
            (
                format!(
                    "stop process {}, or have it listen on another port",
                    holder.pid
                ),
                commands.into_iter().collect(),
            )
        }
    };
    Remedy::Manual { summary, commands }
}

#[cfg(test)]
mod tests {
    use HolderKind::{Container, OtherRuntime, Rke2, Stranger};

    use super::super::fake::Fake;
    use super::*;
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
        assert!(
            problem
                .summary
                .ends_with("is held by a program of the user with id 0")
        );
        assert_eq!(
            problem.remedies[0].commands(),
            ["ss -ltnp 'sport = :10250'"]
        );
    }
}
