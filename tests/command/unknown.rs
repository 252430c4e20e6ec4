//! The rule for every block: nothing blocks unless it would block with every value of the unknown.
//!
//! A host is made with something in it that cannot be known: its release, a file that cannot be read, a flag or a
//! profile that a newer release may have. If the host is blocked, it must be blocked with every value that the
//! unknown may have. The values are put into the host and evaluated as known, so the code
//! under test does not decide what an unknown does to a finding.

use preflight_rke2::testing::examine;
use preflight_rke2::testing::finding::{Effect, Outcome};
use preflight_rke2::testing::host::HostRoot;
use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;
use preflight_rke2::testing::rke2::releases;
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::version::Version;
use preflight_rke2::testing::verdict::Verdict;
use proptest::prelude::*;

use super::host::Host;
use super::node;

const CONFIG: &str = "/etc/rancher/rke2/config.yaml";
const DROP_IN: &str = "/etc/rancher/rke2/config.yaml.d/50-more.yaml";
const KUBELET: &str = "/var/lib/rancher/rke2/agent/etc/kubelet.conf.d/30-more.conf";

/// What may stand in the drop-in of the configuration.
const SETTINGS: &[&str] = &[
    "",
    "profile: ''\n",
    "profile: cis\n",
    "profile: etcd\n",
    "protect-kernel-defaults: false\n",
    "kubelet-arg: [protect-kernel-defaults=false, fail-cgroupv1=false]\n",
    "profile: ''\nprotect-kernel-defaults: false\n",
    "data-dir: /srv/rke2\n",
    "disable-agent: true\n",
];

/// What may stand in a file that the kubelet merges.
const SWITCHES: &[&str] = &[
    "",
    "protectKernelDefaults: false\nfailCgroupV1: false\n",
    "protectKernelDefaults: true\n",
    "failCgroupV1: false\n",
];

/// Words behind `rke2 server`, some of which only some releases take.
const WORDS: &[&str] = &[
    "",
    "--prime",
    "--multi-cluster-cidr",
    "--etcd-arg=x=y",
    "--kube-apiserver-extra-env=A=b",
    "--supervisor-metrics",
    "--no-such-flag",
    WRONG_VALUE,
];
const WRONG_VALUE: &str = "--protect-kernel-defaults=x";

/// What is not known of a host.
#[derive(Debug, Clone)]
enum Unknown {
    /// The release: no source has it.
    Release,
    /// The release: the one that was last unpacked may not be the one that starts.
    Unpacked(usize),
    /// The rules of this release, which came later.
    Rules(Version),
    /// This file, which cannot be read.
    File(&'static str, &'static [&'static str]),
    /// The kernel parameter of this position.
    Parameter(usize),
}

#[derive(Debug, Clone)]
struct Node {
    role: Role,
    at: usize,
    profile: &'static str,
    protect: Option<bool>,
    word: &'static str,
    wrong: Vec<usize>,
    user: bool,
    group: bool,
    cgroup_v2: bool,
    drop_in: Option<&'static str>,
    switch: Option<&'static str>,
}

fn nodes() -> impl Strategy<Value = Node> {
    let settings = (
        prop::sample::select(vec![Role::Server, Role::Agent]),
        0..releases::count(),
        prop::sample::select(vec![
            "", "cis", "cis", "cis", "etcd", "cis-1.5", "cis-1.6", "cis-1.23", "cis-2.0",
        ]),
        prop::option::weighted(0.3, any::<bool>()),
        prop_oneof![3 => Just(""), 2 => prop::sample::select(WORDS)],
    );
    let host = (
        prop::collection::vec(0..KERNEL_PARAMETERS.len(), 0..2),
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.7),
        prop::option::weighted(0.2, prop::sample::select(SETTINGS)),
        prop::option::weighted(0.2, prop::sample::select(SWITCHES)),
    );
    (settings, host).prop_map(
        |((role, at, profile, protect, word), (wrong, user, group, cgroup_v2, drop_in, switch))| {
            Node {
                role,
                at,
                profile,
                protect,
                word,
                wrong,
                user,
                group,
                cgroup_v2,
                drop_in,
                switch,
            }
        },
    )
}

fn unknowns() -> impl Strategy<Value = Unknown> {
    let later = prop::sample::select(vec![
        Version::new(40, 0, 1),
        Version::new(37, 2, 1),
        Version::new(37, 1, 1),
        Version::new(36, 4, 1),
        Version::new(34, 99, 1),
        Version::new(30, 15, 1),
        Version::new(24, 18, 1),
    ]);
    prop_oneof![
        3 => Just(Unknown::Release),
        1 => (0..releases::count()).prop_map(Unknown::Unpacked),
        2 => later.prop_map(Unknown::Rules),
        1 => Just(Unknown::File(DROP_IN, SETTINGS)),
        1 => Just(Unknown::File(KUBELET, SWITCHES)),
        1 => Just(Unknown::File("/etc/passwd", &["", "etcd:x:5:6::/:\n"])),
        1 => Just(Unknown::File("/etc/group", &["", "etcd:x:6:\n"])),
        1 => (0..KERNEL_PARAMETERS.len()).prop_map(Unknown::Parameter),
    ]
}

impl Node {
    fn release(&self) -> Version {
        releases::release(self.at).unwrap()
    }

    fn build(&self) -> Host {
        let host = Host::new();
        let config = node::configuration(self.profile, self.protect);
        host.file(CONFIG, config);
        if let Some(text) = self.drop_in {
            host.file(DROP_IN, text);
        }
        if let Some(text) = self.switch {
            host.file(KUBELET, text);
        }
        let unit = self.role.unit();
        let start = format!(
            "[Service]\nExecStart=/usr/bin/rke2 {} {}\n",
            self.role, self.word
        );
        host.file(&format!("/usr/lib/systemd/system/{unit}"), start);
        for (index, parameter) in KERNEL_PARAMETERS.iter().enumerate() {
            let value = if self.wrong.contains(&index) {
                7
            } else {
                parameter.required
            };
            host.file(&parameter.path(), format!("{value}\n"));
            let line = format!("{} = {}\n", parameter.key, parameter.required);
            host.file(&format!("/etc/sysctl.d/{}.conf", parameter.key), line);
        }
        node::accounts(&host, self.user, self.group);
        node::cgroup(&host, self.cgroup_v2);
        host
    }
}

/// Whether the unit is blocked. It is blocked if and only if a finding blocks.
fn is_blocked(host: &Host, version: Option<&Version>) -> bool {
    let root = HostRoot::open(host.path()).unwrap();
    let mut targets = examine::targets(&root);
    let mut target = targets.pop().unwrap();
    target.version = version.cloned();
    let report = examine::assess(&root, &target).report;
    let blocks = |f: &&preflight_rke2::testing::finding::Finding| {
        f.effect() == Effect::BlocksStart && f.now() == Outcome::Violated
    };
    let blocked = report.verdict.now == Verdict::WouldRefuse;
    assert_eq!(blocked, report.findings.iter().any(|f| blocks(&f)));
    if report.verdict.now == Verdict::Undetermined {
        let unknown = report
            .findings
            .iter()
            .filter(|f| f.effect() == Effect::BlocksStart && f.outcome() == Outcome::Indeterminate);
        assert!(unknown.clone().count() > 0);
        for finding in unknown {
            assert!(!finding.summary().is_empty(), "{finding:?}");
        }
    }
    blocked
}

/// Makes a file that no user can read, not even root.
fn unreadable(host: &Host, path: &str) {
    let at = host.clear(path);
    nix::unistd::mkfifo(&at, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
}

fn holds(node: &Node, unknown: &Unknown) -> Result<(), TestCaseError> {
    let host = node.build();
    let release = node.release();
    match unknown {
        Unknown::Release | Unknown::Unpacked(_) => {
            if let Unknown::Unpacked(at) = unknown {
                let tag = releases::release(*at).unwrap().to_string();
                let target = format!(
                    "/var/lib/rancher/rke2/data/{}-0123456789ab/bin",
                    tag.replace('+', "-")
                );
                host.link("/var/lib/rancher/rke2/bin", &target);
            }
            if is_blocked(&host, None) {
                for at in 0..releases::count() {
                    let release = releases::release(at).unwrap();
                    prop_assert!(is_blocked(&host, Some(&release)), "{} would start", release);
                }
            }
        }
        Unknown::Rules(later) => {
            if is_blocked(&host, Some(later)) {
                prop_assert!(
                    later.minor <= releases::newest().minor,
                    "a minor that is not known"
                );
                // A newer release may take any flag, and any profile without asking anything for it.
                let known = releases::newest_of(later.minor);
                let mut taken = node.clone();
                // Every release has had this one, and refuses its value.
                if node.word != WRONG_VALUE {
                    taken.word = "";
                }
                let names = |node: &Node| is_blocked(&node.build(), Some(&known));
                prop_assert!(names(&taken), "with the flag known");
                // One whose rules are extrapolated accepts no profile again that was removed.
                let is_removed = *later <= known && node.profile.starts_with("cis-1.");
                let accepted = is_removed
                    || ["", "cis", "etcd"].contains(&node.profile)
                    || node.profile == "cis-1.6" && known.minor == 24
                    || node.profile == "cis-1.5" && known.minor == 24;
                if !accepted {
                    taken.profile = "";
                    prop_assert!(names(&taken), "with the profile known");
                }
            }
        }
        Unknown::File(path, values) => {
            unreadable(&host, path);
            if is_blocked(&host, Some(&release)) {
                for value in *values {
                    host.file(path, value);
                    prop_assert!(is_blocked(&host, Some(&release)), "{}: {:?}", path, value);
                }
            }
        }
        Unknown::Parameter(index) => {
            let parameter = KERNEL_PARAMETERS[*index];
            unreadable(&host, &parameter.path());
            if is_blocked(&host, Some(&release)) {
                host.file(&parameter.path(), format!("{}\n", parameter.required));
                prop_assert!(is_blocked(&host, Some(&release)), "{}", parameter.key);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_blocks_blocks_whatever_is_not_known(node in nodes(), unknown in unknowns()) {
        holds(&node, &unknown)?;
    }
}

/// The rule does not hold merely because nothing blocks: each unknown has a host that is blocked.
#[test]
fn what_every_release_refuses_blocks_an_unknown_one() {
    let node = Node {
        role: Role::Server,
        at: releases::count() - 1,
        profile: "cis",
        protect: None,
        word: "",
        wrong: vec![2],
        user: false,
        group: false,
        cgroup_v2: true,
        drop_in: None,
        switch: None,
    };
    let newest = node.release();
    assert!(is_blocked(&node.build(), None));
    assert!(is_blocked(&node.build(), Some(&Version::new(37, 1, 1))));
    assert!(is_blocked(&node.build(), Some(&Version::new(37, 2, 1))));
    assert!(!is_blocked(&node.build(), Some(&Version::new(38, 0, 1))));
    let host = node.build();
    unreadable(&host, KUBELET);
    assert!(is_blocked(&host, Some(&newest)));
    let host = node.build();
    unreadable(&host, "/etc/group");
    assert!(is_blocked(&host, Some(&newest)));
    for unknown in [
        Unknown::Release,
        Unknown::Unpacked(0),
        Unknown::Rules(Version::new(37, 1, 1)),
        Unknown::Rules(Version::new(37, 2, 1)),
        Unknown::File(KUBELET, SWITCHES),
    ] {
        holds(&node, &unknown).unwrap();
    }
    // And what only some refuse does not.
    let old = Node {
        profile: "cis-1.6",
        wrong: Vec::new(),
        user: true,
        group: true,
        ..node.clone()
    };
    assert!(!is_blocked(&old.build(), None));
    assert!(is_blocked(&old.build(), Some(&newest)));
}
