//! No finding blocks a start if one of its inputs is unknown: hosts that RKE2 would refuse, with random
//! units, drop-ins and files. For each line it is known whether it hides an input.

use std::collections::BTreeMap;

use nix::sys::stat::Mode;
use preflight_rke2::testing::examine;
use preflight_rke2::testing::finding::{Effect, Finding, Outcome};
use preflight_rke2::testing::host::HostRoot;
use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;
use preflight_rke2::testing::rke2::version::Version;
use preflight_rke2::testing::verdict::Verdict;
use proptest::prelude::*;

use super::host::Host;

/// What is unknown because of a line or file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hides {
    Nothing,
    /// What the kubelet reads.
    Kubelet,
    /// The kernel parameters.
    Kernel,
    All,
}

use Hides::{All, Kernel, Kubelet, Nothing};

/// Lines of `[Service]`: the line, what it hides, and whether it takes back what lines of the same key
/// before it hide (a list adds to it instead).
const LINES: &[(&str, Hides, bool)] = &[
    ("LimitNOFILE=5", Nothing, false),
    ("Slice=x.slice", Nothing, false),
    ("ProtectSystem=strict", Nothing, false),
    ("StateDirectory=x", Nothing, false),
    ("PrivateTmp=yes", Nothing, false),
    ("ProtectHome=yes", Nothing, false),
    ("Environment=A=b", Nothing, false),
    ("X-Site=1", Nothing, false),
    ("PassEnvironment=HTTP_PROXY", Nothing, false),
    ("PassEnvironment=RKE2_CIS_PROFILE", All, false),
    ("PassEnvironment=", Nothing, true),
    ("ExecStopPost=/srv/x", Nothing, false),
    ("ExecStartPost=/srv/x", Nothing, false),
    ("ExecStartPre=-/sbin/modprobe overlay", Nothing, false),
    ("ExecStartPre=/srv/prep", All, false),
    ("ExecStartPre=+/sbin/sysctl -w kernel.panic=10", All, false),
    ("ExecStartPre=", Nothing, true),
    ("ExecCondition=/srv/prep", All, false),
    ("ExecCondition=", Nothing, true),
    ("RootDirectory=/srv", All, true),
    ("RootDirectory=/", Nothing, true),
    ("RootDirectory=", Nothing, true),
    ("User=rke2", All, true),
    ("User=0", Nothing, true),
    ("PAMName=login", All, true),
    ("PAMName=", Nothing, true),
    ("DynamicUser=yes", All, true),
    ("DynamicUser=off", Nothing, true),
    // An empty truth value ends the file for some releases of systemd.
    ("DynamicUser=", All, true),
    ("BindPaths=/srv:/mnt", Nothing, false),
    ("BindPaths=/srv:/etc", All, false),
    ("BindPaths=/srv:/proc/sys/kernel/panic", Kernel, false),
    ("BindPaths=", Nothing, true),
    ("InaccessiblePaths=-/etc/rancher", All, false),
    ("InaccessiblePaths=/home", Nothing, false),
    ("TemporaryFileSystem=/var/lib/rancher:ro", All, false),
    ("LoadCredential=x:/etc/x", Nothing, false),
    ("ProcSubset=pid", Kernel, true),
    ("ProcSubset=all", Nothing, true),
    ("ProtectProc=invisible", Kernel, true),
    ("ProtectProc=default", Nothing, true),
    ("ViewOfTheHost=partial", All, false),
    ("EnvironmentFile=-/run/credentials/x/env", All, false),
    ("EnvironmentFile=-/etc/x", Nothing, false),
    ("EnvironmentFile=-/fifo", All, false),
    ("EnvironmentFile=", Nothing, true),
];

/// What the unit starts.
const COMMANDS: &[(&str, Hides)] = &[
    ("/usr/bin/rke2 server", Nothing),
    ("/usr/bin/rke2 server $NOBODY_SETS_THIS", Nothing),
    ("@/usr/bin/rke2 any-name server --node-name=a", Nothing),
    ("rke2 server", Nothing),
    (
        "/usr/bin/rke2 server --config etc/rancher/rke2/config.yaml",
        Nothing,
    ),
    ("/usr/bin/rke2-wrapper server", All),
    ("/usr/local/bin/rke2 server", All),
    ("/bin/sh -c 'exec /usr/bin/rke2 server'", All),
    (
        "/usr/bin/rke2 server --config ${STATE_DIRECTORY}/x.yaml",
        All,
    ),
    ("/usr/bin/rke2 server --config=/proc/self/fd/3", All),
    ("/usr/bin/rke2", All),
];

/// Files beside the unit.
const FILES: &[(&str, Hides)] = &[
    ("/etc/rancher/rke2/config.yaml.d/90-x.yaml", All),
    (
        "/var/lib/rancher/rke2/agent/etc/kubelet.conf.d/90-x.conf",
        Kubelet,
    ),
    ("/etc/systemd/system/rke2-server.service.d/90-x.conf", All),
    ("/usr/lib/systemd/system/rke2-server.service", All),
    ("/etc/rancher/rke2/other.yaml", Nothing),
];

#[derive(Debug, Clone)]
struct Node {
    command: usize,
    /// The lines of the unit and of two drop-ins.
    lines: [Vec<usize>; 3],
    /// FIFOs, which RKE2 or systemd would wait on.
    fifos: Vec<usize>,
    account: bool,
}

fn nodes() -> impl Strategy<Value = Node> {
    let lines = || prop::collection::vec(0..LINES.len(), 0..4);
    (
        prop_oneof![3 => 0..5usize, 2 => 0..COMMANDS.len()],
        [lines(), lines(), lines()],
        prop_oneof![
            3 => Just(Vec::new()),
            1 => prop::collection::vec(0..FILES.len(), 1..2)
        ],
        any::<bool>(),
    )
        .prop_map(|(command, lines, fifos, account)| Node {
            command,
            lines,
            fifos,
            account,
        })
}

impl Node {
    fn build(&self) -> Host {
        let host = Host::new();
        let section = |lines: &[usize]| {
            let lines = lines.iter().map(|at| format!("{}\n", LINES[*at].0));
            format!("[Service]\n{}", lines.collect::<String>())
        };
        let [unit, first, second] = &self.lines;
        let unit = format!(
            "{}Type=notify\nExecStart={}\n",
            section(unit),
            COMMANDS[self.command].0
        );
        host.file("/usr/lib/systemd/system/rke2-server.service", unit);
        let drop_in = "system/rke2-server.service.d";
        host.file(&format!("/run/systemd/{drop_in}/10-a.conf"), section(first));
        host.file(
            &format!("/etc/systemd/{drop_in}/20-b.conf"),
            section(second),
        );
        host.file("/etc/rancher/rke2/config.yaml", "profile: cis\n");
        host.file("/usr/local/bin/rke2", "#!/bin/sh\n");
        for parameter in KERNEL_PARAMETERS {
            let wrong = parameter.required.wrapping_add(1);
            host.file(&parameter.path(), format!("{wrong}\n"));
        }
        let account = if self.account { "etcd:x:5:6::/:\n" } else { "" };
        host.file("/etc/passwd", account);
        host.file("/etc/group", account);
        host.file("/sys/fs/cgroup/cgroup.controllers", "cpu\n");
        let fifos = self.fifos.iter().map(|at| FILES[*at].0);
        for path in fifos.chain(["/fifo"]) {
            let mode = Mode::from_bits_truncate(0o644);
            nix::unistd::mkfifo(&host.clear(path), mode).unwrap();
        }
        host
    }

    /// What is unknown: lines in their order, the later ones taking back what the earlier ones hide.
    fn hides(&self) -> Vec<Hides> {
        let mut by_key: BTreeMap<&str, Vec<Hides>> = BTreeMap::new();
        for at in self.lines.iter().flatten() {
            let (line, hides, takes_back) = LINES[*at];
            let key = line.split_once('=').unwrap().0;
            let entry = by_key.entry(key).or_default();
            if takes_back {
                entry.clear();
            }
            entry.push(hides);
        }
        let mut all: Vec<Hides> = by_key.into_values().flatten().collect();
        all.push(COMMANDS[self.command].1);
        all.extend(self.fifos.iter().map(|at| FILES[*at].1));
        all
    }
}

/// The checks that block.
fn blocking(findings: &[Finding]) -> Vec<&str> {
    let blocks = |f: &&Finding| f.now() == Outcome::Violated && f.effect() == Effect::BlocksStart;
    let ids = findings.iter().filter(blocks).map(|f| f.id().as_str());
    ids.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_finding_blocks_that_rests_on_something_unknown(node in nodes()) {
        let host = node.build();
        let root = HostRoot::open(host.path()).unwrap();
        let mut target = examine::targets(&root).remove(0);
        target.version = Some(Version::new(34, 1, 1));
        let report = examine::assess(&root, &target).report;
        let blocks = blocking(&report.findings);
        let hides = node.hides();
        let hides = |what| hides.contains(&what);
        let shown = format!("{:?}\n{:#?}", node.hides(), report.findings);
        let has = |prefix: &str| blocks.iter().any(|id| id.starts_with(prefix));
        if hides(All) {
            prop_assert!(blocks.is_empty(), "{shown}");
            prop_assert_eq!(report.verdict.now, Verdict::Undetermined, "{}", shown);
            prop_assert!(report.findings.iter().any(|f| f.id().as_str() == "config.unreadable"), "{shown}");
            return Ok(());
        }
        // What does not rest on it blocks all the same.
        prop_assert_eq!(has("account."), !node.account, "{}", shown);
        prop_assert_eq!(has("sysctl.vm."), !hides(Kernel), "{}", shown);
        let keys = !hides(Kernel) && !hides(Kubelet);
        prop_assert_eq!(has("sysctl.kernel.keys."), keys, "{}", shown);
        let open = hides(Kernel) || hides(Kubelet);
        let verdict = match (blocks.is_empty(), open) {
            (false, _) => Verdict::WouldRefuse,
            (true, true) => Verdict::Undetermined,
            (true, false) => Verdict::WouldStart,
        };
        prop_assert_eq!(report.verdict.now, verdict, "{}", shown);
    }
}

#[test]
fn each_line_command_and_file_alone_hides_what_it_is_said_to() {
    let plain = Node {
        command: 0,
        lines: Default::default(),
        fifos: Vec::new(),
        account: false,
    };
    let mut nodes = vec![plain.clone()];
    nodes.extend((0..LINES.len()).map(|at| {
        let mut node = plain.clone();
        node.lines[2].push(at);
        node
    }));
    nodes.extend((0..COMMANDS.len()).map(|command| Node {
        command,
        ..plain.clone()
    }));
    nodes.extend((0..FILES.len()).map(|at| Node {
        fifos: vec![at],
        ..plain.clone()
    }));
    for node in nodes {
        let host = node.build();
        let root = HostRoot::open(host.path()).unwrap();
        let mut target = examine::targets(&root).remove(0);
        target.version = Some(Version::new(34, 1, 1));
        let report = examine::assess(&root, &target).report;
        let all = node.hides().contains(&All);
        assert_eq!(blocking(&report.findings).is_empty(), all, "{node:?}");
    }
}
