//! Programs that need a port which another program holds, or an address that is not there: recorded of the real
//! kubelets, API servers, controller managers, schedulers, etcd and containerd, and replayed to the rules.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests, which lay out hosts and read recordings"
)]

pub(crate) mod record;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use preflight_rke2::testing::examine::{Target, assess};
use preflight_rke2::testing::finding::{CheckId, Effect, Finding};
use preflight_rke2::testing::host::HostRoot;
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::version::Version;
use serde::{Deserialize, Serialize};

use crate::recordings;

/// The recording.
const FILE: &str = "ports.json";

/// The address of the node in every case.
const NODE: &str = "192.0.2.10";

/// One that the node does not have.
const FOREIGN: &str = "192.0.2.99";

/// A program, what it listens on, and who else does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Case {
    program: String,
    /// Where it listens; for etcd, the address of the node besides 127.0.0.1.
    listen: String,
    port: u16,
    /// Further arguments of the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    args: Vec<String>,
    /// What differs of the node: [`NONLOCAL`], [`NO_LOOPBACK`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    node: String,
    /// The other program, as `hold` takes it, without the port; nothing where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    holder: Vec<String>,
    /// The rows of `/proc/net/tcp` before the program starts, without what differs at each time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tcp: Vec<String>,
    /// Those of `/proc/net/tcp6`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tcp6: Vec<String>,
    /// What the program does, by its release: the minor of Kubernetes, or the version of etcd or containerd.
    expect: BTreeMap<String, Answer>,
}

/// What a program does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    /// Whether it ends.
    ends: bool,
    /// What it says then, or of the port where it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<String>,
}

/// `net.ipv4.ip_nonlocal_bind` is 1.
const NONLOCAL: &str = "nonlocal";
/// The loopback interface lacks 127.0.0.1.
const NO_LOOPBACK: &str = "no loopback";

const HOLDERS: &[&[&str]] = &[
    &[],
    &["127.0.0.1"],
    &["127.0.0.2"],
    &[NODE],
    &["0.0.0.0"],
    &["::"],
    &["v6only", "::"],
    &["v6only", "::1"],
    &["::ffff:127.0.0.1"],
    &["reuseport", "0.0.0.0"],
    &["reuseport", "uid=33", "127.0.0.1"],
    &["bound", "127.0.0.1"],
];

impl Case {
    fn of(program: &str, listen: &str, port: u16, holder: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            listen: listen.to_owned(),
            port,
            args: Vec::new(),
            node: String::new(),
            holder: holder.iter().map(|&word| word.to_owned()).collect(),
            tcp: Vec::new(),
            tcp6: Vec::new(),
            expect: BTreeMap::new(),
        }
    }

    fn with(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    fn on(mut self, node: &str) -> Self {
        node.clone_into(&mut self.node);
        self
    }

    /// Whether it is the same question.
    fn is_like(&self, other: &Self) -> bool {
        let question = |case: &Self| Self {
            tcp: Vec::new(),
            tcp6: Vec::new(),
            expect: BTreeMap::new(),
            ..case.clone()
        };
        question(self) == question(other)
    }

    fn has(&self, word: &str) -> bool {
        self.holder.iter().any(|other| other == word)
    }

    fn holder_address(&self) -> Option<&str> {
        self.holder.last().map(String::as_str)
    }

    /// The configuration of an RKE2 that runs the program so.
    fn config(&self) -> String {
        let mut lines = vec![format!(
            "node-ip: {}",
            if self.program == "etcd" {
                &self.listen
            } else {
                NODE
            }
        )];
        let (setting, flag) = match self.program.as_str() {
            "kubelet" => ("kubelet-arg", "address"),
            "kube-apiserver" => ("kube-apiserver-arg", "bind-address"),
            "kube-controller-manager" => ("kube-controller-manager-arg", "bind-address"),
            "kube-scheduler" => ("kube-scheduler-arg", "bind-address"),
            "etcd" => ("etcd-arg", ""),
            _ => ("", ""),
        };
        let mut args = self.args.clone();
        let is_default = match self.program.as_str() {
            "kubelet" | "kube-apiserver" => self.listen == "0.0.0.0",
            _ => true,
        };
        // The address at which the kubelet is asked for its health is another one.
        if !is_default && self.port != 10248 {
            args.push(format!("{flag}={}", self.listen));
        }
        if !args.is_empty() {
            let args = args.iter().map(|arg| format!("\"{arg}\""));
            lines.push(format!(
                "{setting}: [{}]",
                args.collect::<Vec<_>>().join(", ")
            ));
        }
        lines.join("\n") + "\n"
    }
}

/// Every case, without its answers.
fn all() -> Vec<Case> {
    let mut all = Vec::new();
    let few = [0, 1, 3, 4, 5, 6];
    for (program, port) in [("kubelet", 10250), ("kube-apiserver", 6443)] {
        for holder in HOLDERS {
            all.push(Case::of(program, "0.0.0.0", port, holder));
        }
        for listen in ["::", NODE, "127.0.0.1"] {
            all.extend(few.map(|at| Case::of(program, listen, port, HOLDERS[at])));
        }
        let of_ipv6 = [
            &[][..],
            &["127.0.0.1"],
            &["0.0.0.0"],
            &["::"],
            &["v6only", "::"],
            &["::1"],
        ];
        all.extend(of_ipv6.map(|holder| Case::of(program, "::1", port, holder)));
    }
    for holder in few.map(|at| HOLDERS[at]) {
        all.push(Case::of("kubelet", "127.0.0.1", 10248, holder));
        for (program, port) in [
            ("kube-controller-manager", 10257),
            ("kube-scheduler", 10259),
        ] {
            all.push(Case::of(program, "127.0.0.1", port, holder));
        }
    }
    for port in [2379, 2380, 2381] {
        for holder in HOLDERS {
            all.push(Case::of("etcd", NODE, port, holder));
        }
    }
    for holder in HOLDERS {
        all.push(Case::of("containerd", "127.0.0.1", 10010, holder));
    }
    for holder in [HOLDERS[4], HOLDERS[9], HOLDERS[10]] {
        for (program, listen, port, arg) in [
            (
                "kube-apiserver",
                "0.0.0.0",
                6443,
                "permit-port-sharing=true",
            ),
            (
                "kube-controller-manager",
                "127.0.0.1",
                10257,
                "permit-port-sharing=true",
            ),
            (
                "kube-scheduler",
                "127.0.0.1",
                10259,
                "permit-port-sharing=true",
            ),
            ("etcd", NODE, 2379, "socket-reuse-port=true"),
        ] {
            all.push(Case::of(program, listen, port, holder).with(arg));
        }
    }
    all.push(Case::of("etcd", FOREIGN, 2380, &[]));
    all.push(Case::of("etcd", FOREIGN, 2380, &[]).on(NONLOCAL));
    for (program, listen, port) in [
        ("etcd", NODE, 2379),
        ("containerd", "127.0.0.1", 10010),
        ("kubelet", "0.0.0.0", 10250),
        ("kube-apiserver", "0.0.0.0", 6443),
    ] {
        all.push(Case::of(program, listen, port, &[]).on(NO_LOOPBACK));
    }
    all
}

/// What the rules say of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Nothing,
    /// Advice: the node runs, or it is not certain.
    Likely,
    /// RKE2 or a component ends.
    Certain,
}

impl Case {
    /// What the rules should say, where the program does this.
    fn verdict(&self, answer: &Answer) -> Verdict {
        let is_ipv4 = self.listen.contains('.') && self.listen != "0.0.0.0";
        // The kernel lists neither a socket that does not listen, nor the options of one that does. For the address of
        // the loopback interface each start would read all addresses.
        if self.has("bound") || self.node == NO_LOOPBACK {
            return Verdict::Nothing;
        }
        let is_of_both_or_one = self.holder_address() == Some("::") && is_ipv4;
        let may_be_shared = !self.args.is_empty() && !self.has("uid=33");
        if is_of_both_or_one || may_be_shared {
            return Verdict::Likely;
        }
        let is_needed = matches!(self.port, 10250 | 6443 | 2379..=2381 | 10010);
        match answer {
            Answer { ends: true, .. } if is_needed => Verdict::Certain,
            Answer {
                ends: false,
                line: None,
            } => Verdict::Nothing,
            Answer { .. } => Verdict::Likely,
        }
    }

    /// Lays the node where the program runs.
    fn lay(&self, root: &Path) {
        let put = |path: &str, text: String| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("etc/rancher/rke2/config.yaml", self.config());
        let header = "  sl  local_address rem_address   st\n";
        for (name, rows) in [("tcp", &self.tcp), ("tcp6", &self.tcp6)] {
            let rows = rows.iter().map(|row| format!("  {row} 1 0 100 0 0 10 0\n"));
            let text = [header.to_owned()].into_iter().chain(rows);
            put(&format!("proc/net/{name}"), text.collect());
        }
        let loopback = match self.node.as_str() {
            NO_LOOPBACK => "",
            _ => "        |-- 127.0.0.1\n           /32 host LOCAL\n",
        };
        put(
            "proc/net/fib_trie",
            format!(
                "Local:\n  +-- 0.0.0.0/0 3 0 5\n        |-- {NODE}\n           /32 host LOCAL\n{loopback}"
            ),
        );
        let nonlocal = u8::from(self.node == NONLOCAL);
        put(
            "proc/sys/net/ipv4/ip_nonlocal_bind",
            format!("{nonlocal}\n"),
        );
    }
}

/// The release of RKE2 that runs the program.
fn version(release: &str) -> Version {
    let minor = release
        .strip_prefix("1.")
        .filter(|rest| !rest.contains('.'));
    // etcd and containerd.
    let minor = minor.unwrap_or("36");
    Version::new(minor.parse().unwrap(), 1, 1)
}

fn is_about(finding: &Finding, case: &Case) -> bool {
    match finding.id() {
        CheckId::HostPort | CheckId::HostPortLikely => {
            finding.subject() == format!("port {}", case.port)
        }
        CheckId::HostNodeIp => true,
        _ => false,
    }
}

#[test]
fn programs_end_for_ports_and_addresses_as_is_foreseen() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    let right = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hosts/plain-server/root");
    let copied = Command::new("cp").arg("-r").arg(right).arg(&root).status();
    assert!(copied.unwrap().success());
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<(String, Verdict), usize> = BTreeMap::new();
    for case in recordings::read::<Case>(FILE) {
        case.lay(&root);
        for (release, answer) in &case.expect {
            let target = Target {
                version: Some(version(release)),
                ..Target::of(Role::Server)
            };
            let report = assess(&HostRoot::open(&root).unwrap(), &target).report;
            let findings = report.findings.iter();
            let found: Vec<&Finding> = findings
                .filter(|finding| is_about(finding, &case))
                .collect();
            let ours = found.iter().map(|finding| match finding.effect() {
                Effect::Transient => Verdict::Certain,
                _ => Verdict::Likely,
            });
            let ours = ours.max().unwrap_or(Verdict::Nothing);
            let theirs = case.verdict(answer);
            let line = answer.line.as_deref().unwrap_or_default();
            let predictions = found.iter().flat_map(|finding| finding.predictions());
            let words: Vec<&str> = predictions
                .map(|prediction| prediction.line.as_str())
                .collect();
            let has_words = words.iter().all(|words| line.contains(words));
            let is_silent = ours == Verdict::Certain && words.is_empty();
            *counts.entry((case.program.clone(), ours)).or_default() += 1;
            if ours != theirs || !has_words || is_silent {
                let question = format!(
                    "{} {} {:?} {:?} {:?}",
                    case.program, case.listen, case.args, case.node, case.holder
                );
                wrong.push(format!("{question} {release}\n  ours:   {ours:?} {words:?}\n  theirs: {theirs:?} {line}"));
            }
        }
    }
    for ((program, verdict), count) in &counts {
        println!("{program}: {count} times {verdict:?}");
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let of = |wanted| {
        let all = counts.iter().filter(|((_, verdict), _)| *verdict == wanted);
        all.map(|(_, count)| count).sum::<usize>()
    };
    assert!(of(Verdict::Certain) >= 300 && of(Verdict::Nothing) >= 150);
}

#[test]
fn recorded_cases_are_those_of_the_list() {
    let recorded: Vec<Case> = recordings::read(FILE);
    let all = all();
    assert_eq!(recorded.len(), all.len());
    for (recorded, case) in recorded.iter().zip(&all) {
        assert!(recorded.is_like(case), "record again: {case:?}");
        assert!(!recorded.expect.is_empty());
    }
}
