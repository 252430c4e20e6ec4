//! The ports on which RKE2 and its components listen, and who else listens there.
//!
//! Source: rancher/rke2 `pkg/executor/staticpod`, `pkg/rke2`; k3s-io/k3s `pkg/server/https.go`, `pkg/etcd/etcd.go`,
//! `pkg/cluster/bootstrap.go`, `pkg/agent/run.go`, `pkg/util/apiproxy.go`; kubernetes `cmd/kubelet/app/server.go`;
//! containerd `internal/cri/server/service.go`. How addresses conflict, and the words, are recorded of the real kubelets,
//! API servers, etcd and containerd in `tests/cases/kubernetes/ports.json`.

mod rows;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::facts::node::{Holder, HolderKind, Listener, Rke2Processes};
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Remedy};
use crate::kubernetes::Program;
use crate::rke2::components;
use crate::rke2::config::SettingValue;
use crate::rke2::version::Version;

use super::addresses::{addresses_of, chosen};
use super::{Node, NodeProblem, Start};
use rows::{Bind, Port, ROWS, Row, User};

const TCP: &str = "/proc/net/tcp";
const IN_USE: &str = "bind: address already in use";

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
    /// Whether all addresses are set as `::`, and not as 0.0.0.0.
    all_as_ipv6: bool,
    /// Whether its socket has `SO_REUSEPORT`, so that it does not conflict with another one of the same user that has.
    shares: bool,
}

/// A socket in the way of one.
struct InTheWay<'a> {
    listener: &'a Listener,
    /// The address that it is in the way of; `None` for all.
    address: Option<IpAddr>,
    conflict: Conflict,
}

impl Wanted {
    /// The sockets in its way.
    fn in_the_way<'a>(&self, listeners: &'a [Listener]) -> Vec<InTheWay<'a>> {
        let mut all = Vec::new();
        let on_port = listeners
            .iter()
            .filter(|listener| listener.port == self.port);
        for listener in on_port {
            let of = |address: Option<IpAddr>| InTheWay {
                listener,
                address,
                conflict: conflict(address, listener.address),
            };
            if self.addresses.is_empty() {
                all.push(of(None));
                continue;
            }
            let found = self.addresses.iter().map(|address| of(Some(*address)));
            let found = found.filter(|socket| socket.conflict != Conflict::No);
            // The first of the most certain.
            all.extend(found.rev().max_by_key(|socket| socket.conflict));
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
    if let (Bind::LoopbackAndNode, Some(address)) = (&row.bind, chosen(start, node)) {
        addresses.push(address);
    }
    let mut all_as_ipv6 = false;
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
            all_as_ipv6 = address == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
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
        all_as_ipv6,
        shares: row.shares || is_told_to_share(row, start),
    })
}

/// Whether an argument gives the socket of a component `SO_REUSEPORT`.
fn is_told_to_share(row: &Row, start: &Start<'_>) -> bool {
    let (setting, wanted) = match row.user {
        User::Program(program) => (components::setting(program), "permit-port-sharing"),
        User::Etcd => ("etcd-arg", "socket-reuse-port"),
        _ => return false,
    };
    let value = start.entries(setting, wanted).next_back();
    value.is_some_and(|value| !matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False"))
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
    let has_ipv4 = OnceCell::new();
    let mut taken: Vec<(Wanted, Vec<InTheWay<'_>>)> = Vec::new();
    for row in rows {
        // On most hosts nothing listens there, and nothing more is asked.
        let may_conflict = |port: u16| listeners.iter().any(|listener| listener.port == port);
        if matches!(row.port, Port::Is(port) if !may_conflict(port))
            && !matches!(row.user, User::Program(_))
        {
            continue;
        }
        let is_loopback = !matches!(row.bind, Bind::All);
        if is_loopback && !has_ipv4.get_or_init(|| uses_ipv4(start, node)) {
            continue;
        }
        let Some(wanted) = wanted(row, start, node) else {
            continue;
        };
        let sockets = wanted.in_the_way(listeners);
        if !sockets.is_empty() {
            taken.push((wanted, sockets));
        }
    }
    if taken.is_empty() {
        return Vec::new();
    }
    let sockets = taken.iter().flat_map(|(_, sockets)| sockets);
    let inodes: BTreeSet<u64> = sockets.map(|socket| socket.listener.inode).collect();
    let judge = Judge {
        start,
        node,
        holders: node.holders(&inodes),
        processes: node.rke2_processes(),
    };
    taken
        .into_iter()
        .filter_map(|(wanted, sockets)| judge.problem(&wanted, sockets))
        .collect()
}

/// What decides whether a port that is taken is a problem.
struct Judge<'a> {
    start: &'a Start<'a>,
    node: &'a dyn Node,
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

    fn problem(&self, wanted: &Wanted, sockets: Vec<InTheWay<'_>>) -> Option<NodeProblem> {
        let mut strangers = sockets;
        strangers.retain(|socket| self.is_strangers(wanted, socket.listener));
        // Whether a socket of root has SO_REUSEPORT is not listed.
        let is_certain = |socket: &InTheWay<'_>| {
            socket.conflict == Conflict::Yes && !(wanted.shares && socket.listener.uid == 0)
        };
        strangers.sort_by_key(|socket| !is_certain(socket));
        let first = strangers.first()?;
        let (listener, address) = (first.listener, first.address);
        let row = wanted.row;
        let doubt = if !row.certain {
            None
        } else if is_certain(first) {
            self.set_aside(wanted)
        } else {
            Some(doubt(listener))
        };
        let certain = row.certain && doubt.is_none();
        if !certain && !self.node.advises() {
            return None;
        }
        let port = wanted.port;
        let holder = self.holders.get(&listener.inode);
        let subject = format!("port {port}");
        let by = match holder {
            Some(holder) => named(holder),
            None if listener.uid == 0 => "a program of root".to_owned(),
            None => format!("a program of the user with id {}", listener.uid),
        };
        let summary = format!("port {port}, which {}, is held by {by}", row.who);
        let mut problem = if certain {
            let check = CheckId::HostPort;
            NodeProblem::new(check, subject, row.component, row.stage, summary)
        } else {
            NodeProblem::advice(CheckId::HostPortLikely, subject, summary)
        };
        problem.is_transient = certain;
        if certain {
            problem.predicted = self.line(wanted, address);
        }
        problem.notes = doubt.into_iter().map(str::to_owned).collect();
        let where_ = SocketAddr::new(listener.address, port);
        problem.actual = Some(match holder {
            Some(holder) => format!("{where_}, process {}", holder.pid),
            None => where_.to_string(),
        });
        problem.evidence = vec![Evidence::place(Source::file(table(listener)), Part::Read)];
        problem.remedies = vec![remedy(holder, port)];
        Some(problem)
    }

    /// Why the port may not be needed, as files say that are read only now.
    fn set_aside(&self, wanted: &Wanted) -> Option<&'static str> {
        let data_dir = self.start.data_dir();
        match wanted.row.user {
            User::TemporaryEtcd if self.node.etcd_member(&data_dir).is_none() => {
                Some("it is needed once etcd has data")
            }
            User::Containerd if self.node.has_containerd_template(&data_dir) => {
                Some("the template of containerd's configuration can set another port")
            }
            User::Program(Program::Kubelet) if self.start.has_kubelet_files(self.node) => Some(
                "a file in the kubelet's configuration directory can set another port or address",
            ),
            _ => None,
        }
    }

    fn line(&self, wanted: &Wanted, address: Option<IpAddr>) -> Option<String> {
        let is_set = !self.start.settings.text("bind-address").is_empty();
        if is_set && matches!(wanted.row.bind, Bind::All) {
            // The words with that setting were not read.
            return None;
        }
        let minor = self.start.version.minor;
        let mut lines = wanted.row.lines.iter();
        let (_, _, line) = lines.find(|(first, last, _)| (*first..=*last).contains(&minor))?;
        let port = wanted.port;
        let at = match (address, &wanted.row.user) {
            (None, User::Supervisor) => format!(":{port}"),
            // Go calls all addresses of both families so, too.
            (None, _) => format!("0.0.0.0:{port}"),
            (Some(address), _) => SocketAddr::new(address, port).to_string(),
        };
        let set = if wanted.all_as_ipv6 {
            format!("[::]:{port}")
        } else {
            at.clone()
        };
        let error = format!("listen tcp {at}: {IN_USE}");
        let line = line.replace("{port}", &port.to_string());
        Some(line.replace("{at}", &set).replace("{}", &error))
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
const fn doubt(listener: &Listener) -> &'static str {
    if listener.address.is_unspecified() && listener.address.is_ipv6() {
        "it is in the way if the socket takes connections of IPv4 too"
    } else {
        "it is in the way unless both sockets have SO_REUSEPORT"
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
