//! Properties of evaluations, tested through the library on random hosts.

use std::os::unix::fs::PermissionsExt;

use preflight_rke2::testing::examine::{self, Target};
use preflight_rke2::testing::facts::{HostFacts, NextBoot, Reading, RemedyFacts};
use preflight_rke2::testing::finding::{Effect, Finding, Outcome};
use preflight_rke2::testing::host::HostRoot;
use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::version::Version;
use preflight_rke2::testing::verdict::Verdict;
use proptest::prelude::*;

use super::host::Host;
use super::node;

/// A host, by what makes it.
#[derive(Debug, Clone)]
struct Node {
    role: Role,
    version: Version,
    profile: &'static str,
    protect: Option<bool>,
    /// What each kernel parameter holds; `None`: its file is not there.
    live: Vec<Option<&'static str>>,
    /// Files below `/etc/sysctl.d`.
    files: Vec<(&'static str, Vec<(usize, &'static str)>)>,
    user: bool,
    group: bool,
    cgroup_v2: bool,
}

fn nodes() -> impl Strategy<Value = Node> {
    let values =
        || prop::sample::select(vec!["0", "1", "10", "60", "1000000", "25000000", "x", "-1"]);
    let line = (0..KERNEL_PARAMETERS.len(), values());
    let names = prop::sample::select(vec!["10-a.conf", "60-rke2-cis.conf", "99-z.conf", "x.conf"]);
    let versions = prop::sample::select(vec![
        Version::new(24, 9, 1),
        Version::new(30, 5, 1),
        Version::new(34, 1, 1),
        Version::new(36, 3, 1),
    ]);
    let settings = (
        prop::sample::select(vec![Role::Server, Role::Agent]),
        versions,
        prop::sample::select(vec!["", "cis", "etcd", "cis-1.6", "cis-1.23", "x"]),
        prop::option::of(any::<bool>()),
    );
    let host = (
        prop::collection::vec(
            prop::option::weighted(0.9, values()),
            KERNEL_PARAMETERS.len(),
        ),
        prop::collection::vec((names, prop::collection::vec(line, 0..4)), 0..4),
        any::<(bool, bool, bool)>(),
    );
    (settings, host).prop_map(
        |((role, version, profile, protect), (live, files, has))| Node {
            role,
            version,
            profile,
            protect,
            live,
            files,
            user: has.0,
            group: has.1,
            cgroup_v2: has.2,
        },
    )
}

impl Node {
    fn build(&self) -> Host {
        let host = Host::new();
        let config = node::configuration(self.profile, self.protect);
        host.file("/etc/rancher/rke2/config.yaml", config);
        std::fs::create_dir_all(host.at("/proc/sys")).unwrap();
        for (parameter, value) in KERNEL_PARAMETERS.iter().zip(&self.live) {
            if let Some(value) = value {
                host.file(&parameter.path(), format!("{value}\n"));
            }
        }
        for (name, lines) in &self.files {
            let line = |(index, value): &(usize, &str)| {
                format!("{} = {value}\n", KERNEL_PARAMETERS[*index].key)
            };
            let text: String = lines.iter().map(line).collect();
            host.file(&format!("/etc/sysctl.d/{name}"), text);
        }
        node::accounts(&host, self.user, self.group);
        node::cgroup(&host, self.cgroup_v2);
        host
    }

    fn examine(&self, host: &Host) -> (Verdict, Verdict, Vec<Finding>) {
        let root = HostRoot::open(host.path()).unwrap();
        let target = Target {
            version: Some(self.version.clone()),
            ..Target::of(self.role)
        };
        let report = examine::assess(&root, &target).report;
        (
            report.verdict.now,
            report.verdict.next_boot,
            report.findings,
        )
    }
}

const fn badness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::WouldStart => 0,
        Verdict::Undetermined => 1,
        Verdict::WouldRefuse => 2,
    }
}

/// What blocks, now.
fn reasons(findings: &[Finding]) -> Vec<&str> {
    let blocks = |f: &&Finding| f.now() == Outcome::Violated && f.effect() == Effect::BlocksStart;
    findings
        .iter()
        .filter(blocks)
        .map(|f| f.id().as_str())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn putting_one_thing_right_makes_nothing_worse(node in nodes(), at: prop::sample::Index, which in 0..10usize) {
        let host = node.build();
        let (now, then, before) = node.examine(&host);
        let index = at.index(KERNEL_PARAMETERS.len());
        let parameter = KERNEL_PARAMETERS[index];
        match which {
            0 => host.file("/etc/passwd", "etcd:x:5:6::/:\n"),
            1 => host.file("/etc/group", "etcd:x:6:\n"),
            2 => host.file("/sys/fs/cgroup/cgroup.controllers", "cpu\n"),
            3..6 => host.file(
                "/etc/sysctl.d/zz.conf",
                format!("{} = {}\n", parameter.key, parameter.required),
            ),
            _ => host.file(&parameter.path(), format!("{}\n", parameter.required)),
        }
        let (now_after, then_after, after) = node.examine(&host);
        prop_assert!(badness(now_after) <= badness(now), "{:?} {:?}", now, now_after);
        prop_assert!(badness(then_after) <= badness(then), "{:?} {:?}", then, then_after);
        for reason in reasons(&after) {
            prop_assert!(reasons(&before).contains(&reason), "{}", reason);
        }
    }

    #[test]
    fn a_verdict_is_what_its_findings_say(node in nodes()) {
        let (now, then, findings) = node.examine(&node.build());
        prop_assert_eq!(now == Verdict::WouldRefuse, !reasons(&findings).is_empty());
        let blocks = |f: &Finding| f.effect().blocks();
        let reported = |outcome| findings.iter().any(|f| blocks(f) && f.next_boot_outcome() == outcome);
        prop_assert_eq!(then == Verdict::WouldRefuse, reported(Outcome::Violated));
        prop_assert_eq!(then == Verdict::WouldStart, !reported(Outcome::Violated) && !reported(Outcome::Indeterminate));
        // What is not known is reported, so that the reason for a missing verdict is shown.
        let shown = |f: &&Finding| matches!(f.outcome(), Outcome::Violated | Outcome::Indeterminate);
        let unknown = now == Verdict::Undetermined || then == Verdict::Undetermined;
        prop_assert!(!unknown || findings.iter().any(|f| shown(&f)), "{:?} {:?}", now, then);
        for finding in findings.iter().filter(|f| f.outcome() == Outcome::Violated) {
            prop_assert!(!finding.summary().is_empty() && !finding.remedies().is_empty(), "{:?}", finding);
        }
    }

    /// Directories list names in the order files were made, or any other.
    #[test]
    fn the_order_in_which_files_were_made_does_not_matter(node in nodes()) {
        let mut other = node.clone();
        // Of two files of one name the later one made is there.
        let mut seen = std::collections::BTreeMap::new();
        for (name, lines) in &node.files {
            seen.insert(*name, lines.clone());
        }
        other.files = seen.into_iter().rev().collect();
        // Commands name the host's directory, which is another one each time.
        let examined = |node: &Node| {
            let host = node.build();
            let text = format!("{:?}", node.examine(&host));
            text.replace(host.path().to_str().unwrap(), "")
        };
        prop_assert_eq!(examined(&node), examined(&other));
    }

    /// A file that cannot be read never counts as right.
    #[test]
    fn what_is_unreadable_is_not_satisfied(node in nodes(), which in 0..9usize) {
        let host = node.build();
        let (path, id) = match which {
            0 => ("/etc/passwd".to_owned(), "account.etcd.user".to_owned()),
            1 => ("/etc/group".to_owned(), "account.etcd.group".to_owned()),
            2 => ("/proc/sys".to_owned(), "sysctl.kernel.panic".to_owned()),
            index => {
                let parameter = KERNEL_PARAMETERS[index - 3];
                (parameter.path(), format!("sysctl.{}", parameter.key))
            }
        };
        // No user, not even root, can read through a link to itself.
        host.link(&path, path.rsplit('/').next().unwrap());
        let (_, _, findings) = node.examine(&host);
        for finding in findings.iter().filter(|finding| finding.id().as_str() == id) {
            prop_assert!(finding.now() != Outcome::Satisfied, "{:?}", finding);
        }
        // The same, where reading is forbidden instead: by a mode, which root ignores.
        if !nix::unistd::geteuid().is_root() {
            let host = node.build();
            let at = host.at(&path);
            if at.exists() {
                std::fs::set_permissions(&at, PermissionsExt::from_mode(0o000)).unwrap();
                let (_, _, findings) = node.examine(&host);
                std::fs::set_permissions(&at, PermissionsExt::from_mode(0o755)).unwrap();
                for finding in findings.iter().filter(|finding| finding.id().as_str() == id) {
                    prop_assert!(finding.now() != Outcome::Satisfied, "{:?}", finding);
                }
            }
        }
    }
}

/// An unknown fact is never satisfied, regardless of the other facts: all facts start unknown and become
/// right one after the other.
#[test]
fn nothing_known_is_nothing_satisfied() {
    use preflight_rke2::testing::evaluate::evaluate;
    use preflight_rke2::testing::requirements;
    use preflight_rke2::testing::rke2::start::{Sourced, StartSettings};

    for profile in ["cis", "etcd"] {
        let mut settings = StartSettings::unconfigured(Version::new(36, 3, 1), Role::Server);
        settings.profile = Sourced::default_value(profile.to_owned());
        let unknown = || "not read".to_owned();
        let facts = HostFacts {
            image: false,
            subordinate_ids: None,
            systemd: None,
            kernel: KERNEL_PARAMETERS
                .iter()
                .map(|_| preflight_rke2::testing::facts::KernelFact {
                    live: Reading::Unknown { why: unknown() },
                    write: preflight_rke2::testing::facts::WriteAccess::Allowed,
                    next_boot: Reading::<NextBoot>::Unknown { why: unknown() },
                })
                .collect(),
            user: None,
            group: None,
            account_elsewhere: Vec::new(),
            remedy: RemedyFacts::default(),
            cgroup: Reading::Unknown { why: unknown() },
        };
        let findings = evaluate(&requirements::of(&settings), &facts);
        let about_host = |f: &&Finding| !f.id().as_str().starts_with("profile.");
        for finding in findings.iter().filter(about_host) {
            assert_ne!(finding.now(), Outcome::Satisfied, "{finding:?}");
            assert_ne!(
                finding.next_boot_outcome(),
                Outcome::Satisfied,
                "{finding:?}"
            );
        }
    }
}
