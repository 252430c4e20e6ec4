//! `SELinux` and `AppArmor`, where they keep containers from being made.
//!
//! Source: rancher/rke2 `pkg/staticpod`, rancher/rke2#3381, #5093, #1459 and #1773.

use crate::facts::node::File;
use crate::facts::{Evidence, Part, Source};
use crate::finding::edit::Change;
use crate::finding::{CheckId, Component, Remedy, Stage};

use super::{Node, NodeProblem, Start};

const ENFORCE: &str = "/sys/fs/selinux/enforce";
const CONFIG: &str = "/etc/selinux/config";
/// Where the modules of a policy are, below the policy's name.
const STORES: [&str; 2] = ["/var/lib/selinux", "/etc/selinux"];
/// The module of the package rke2-selinux, and a type that it defines.
const MODULE: &str = "rke2";
const TYPE: &str = "rke2_service_db_t";
const APPARMOR: &str = "/sys/module/apparmor/parameters/enabled";
const SECURITY: &str = "/sys/kernel/security/apparmor";
/// The minor whose containerd asks the kernel alone whether `AppArmor` is on. Which release of the next minors was the
/// first to look for the program too is not known.
const ASKS_KERNEL: u32 = 21;
const PARSER: [&str; 6] = [
    "/usr/local/sbin/apparmor_parser",
    "/usr/local/bin/apparmor_parser",
    "/usr/sbin/apparmor_parser",
    "/usr/bin/apparmor_parser",
    "/sbin/apparmor_parser",
    "/bin/apparmor_parser",
];

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    if start.settings.is_on("disable-agent") {
        return Vec::new();
    }
    let mut all = Vec::new();
    all.extend(selinux(start, node));
    all.extend(apparmor(start, node));
    all
}

/// Whether the policy of the host defines RKE2's types.
fn knows_types(node: &dyn Node) -> Option<bool> {
    let name = match node.file(CONFIG)? {
        File::Content(content) => policy_name(&String::from_utf8_lossy(&content)),
        File::Missing | File::Unreadable(_) => None,
    }
    .unwrap_or_else(|| "targeted".to_owned());
    let mut is_listed = false;
    for store in STORES {
        let modules = format!("{store}/{name}/active/modules");
        let Some(priorities) = node.names(&modules) else {
            continue;
        };
        is_listed = true;
        for priority in priorities {
            if node.exists(&format!("{modules}/{priority}/{MODULE}")) != Some(false) {
                return Some(true);
            }
        }
    }
    // A policy can be built in another way. The kernel shows the one that it has.
    if node.is_running() {
        return node.policy_names(TYPE);
    }
    is_listed.then_some(false)
}

/// `SELINUXTYPE=targeted`.
fn policy_name(config: &str) -> Option<String> {
    let mut values = config
        .lines()
        .filter_map(|line| line.trim().strip_prefix("SELINUXTYPE="));
    let name = values.next_back()?.trim();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!name.is_empty() && name.chars().all(is_plain)).then(|| name.to_owned())
}

fn selinux(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    let settings = start.settings;
    // An agent has no static pod with a type of RKE2's.
    if !settings.is_on("selinux") || !start.is_server() || node.exists(ENFORCE) != Some(true) {
        return None;
    }
    if knows_types(node)? {
        return None;
    }
    let origin = settings.get("selinux")?.sources.last()?;
    let mut remedies = vec![Remedy::Manual {
        summary: "install the package rke2-selinux, which brings the policy; its repository is that of RKE2's packages"
            .to_owned(),
        commands: vec!["dnf install rke2-selinux".to_owned()],
    }];
    remedies.extend(origin.remedies("selinux", None, &Change::Set("false".to_owned())));
    Some(NodeProblem {
        evidence: origin
            .source()
            .into_iter()
            .map(|source| Evidence::place(source, Part::Sets))
            .collect(),
        notes: vec![
            "no container of the control plane starts, even if SELinux is permissive: write /proc/self/attr/keycreate: \
             invalid argument"
                .to_owned(),
        ],
        remedies,
        ..NodeProblem::new(
            CheckId::HostSelinux,
            "selinux",
            Component::Containerd,
            Stage::Containerd,
            format!(
                "selinux is set, and SELinux's policy on this host has no types of RKE2 ({TYPE}): rke2-selinux is not \
                 installed"
            ),
        )
    })
}

fn apparmor(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    if start.version.minor != ASKS_KERNEL {
        return None;
    }
    let File::Content(enabled) = node.file(APPARMOR)? else {
        return None;
    };
    if enabled.first() != Some(&b'Y') || node.exists(SECURITY) != Some(true) {
        return None;
    }
    if PARSER.iter().any(|path| node.exists(path) != Some(false)) {
        return None;
    }
    Some(NodeProblem {
        evidence: vec![Evidence::place(Source::file(APPARMOR), Part::Read)],
        notes: vec![
            "containerd of this release makes no container without it: get apparmor_parser version: exec: \
             \"apparmor_parser\": executable file not found in $PATH"
                .to_owned(),
        ],
        remedies: vec![Remedy::manual(
            "install the package that has apparmor_parser: apparmor on Debian and Ubuntu, apparmor-parser on SUSE",
        )],
        ..NodeProblem::new(
            CheckId::HostApparmor,
            "AppArmor",
            Component::Containerd,
            Stage::Containerd,
            "AppArmor is on in the kernel, and apparmor_parser is not installed",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::node::tests::{Files, of};
    use crate::rke2::role::Role;
    use crate::rke2::version::Version;

    struct Host {
        files: Files,
        loaded: Option<bool>,
        is_live: bool,
    }

    impl Node for Host {
        fn file(&self, path: &str) -> Option<File> {
            self.files.file(path)
        }
        fn exists(&self, path: &str) -> Option<bool> {
            self.files.exists(path)
        }
        fn names(&self, path: &str) -> Option<Vec<String>> {
            self.files.names(path)
        }
        fn is_running(&self) -> bool {
            self.is_live
        }
        fn policy_names(&self, _name: &str) -> Option<bool> {
            self.loaded
        }
    }

    fn host(files: &[(&str, &str)]) -> Host {
        let files = files.iter().map(|(path, text)| {
            let content = File::Content(text.as_bytes().to_vec());
            ((*path).to_owned(), content)
        });
        Host {
            files: files.collect(),
            loaded: None,
            is_live: false,
        }
    }

    fn found(host: &Host, minor: u32, config: &str) -> Vec<CheckId> {
        let version = Version::new(minor, 4, 1);
        let problems = of(Role::Server, &version, config, |start| {
            problems(start, host)
        });
        problems.into_iter().map(|problem| problem.check).collect()
    }

    const CONTAINER: (&str, &str) = (
        "/var/lib/selinux/targeted/active/modules/200/container/cil",
        "",
    );

    #[test]
    fn the_policy_must_know_rke2() {
        let selinux = [CheckId::HostSelinux];
        let on = "selinux: true";
        let mut lacks = host(&[(ENFORCE, "0"), CONTAINER]);
        assert_eq!(found(&lacks, 24, on), selinux);
        assert_eq!(found(&lacks, 24, ""), []);
        let rke2 = "/var/lib/selinux/targeted/active/modules/200/rke2/cil";
        assert_eq!(
            found(&host(&[(ENFORCE, "1"), CONTAINER, (rke2, "")]), 34, on),
            []
        );
        assert_eq!(found(&host(&[CONTAINER]), 34, on), []);
        // No store of modules.
        assert_eq!(found(&host(&[(ENFORCE, "1")]), 34, on), []);
        let other = (CONFIG, "SELINUXTYPE=mls\n");
        assert_eq!(
            found(&host(&[(ENFORCE, "1"), CONTAINER, other]), 34, on),
            []
        );
        // The policy that is loaded decides.
        lacks.is_live = true;
        for (loaded, expected) in [(None, &[][..]), (Some(true), &[]), (Some(false), &selinux)] {
            lacks.loaded = loaded;
            assert_eq!(found(&lacks, 34, on), expected, "{loaded:?}");
        }
    }

    #[test]
    fn old_releases_need_the_parser() {
        let on = [
            (APPARMOR, "Y\n"),
            ("/sys/kernel/security/apparmor/features", ""),
        ];
        let apparmor = [CheckId::HostApparmor];
        assert_eq!(found(&host(&on), 21, ""), apparmor);
        assert_eq!(found(&host(&on), 22, ""), []);
        assert_eq!(found(&host(&on), 34, ""), []);
        let off = [(APPARMOR, "N\n"), on[1]];
        assert_eq!(found(&host(&off), 21, ""), []);
        for path in PARSER {
            assert_eq!(
                found(&host(&[on[0], on[1], (path, "")]), 21, ""),
                [],
                "{path}"
            );
        }
    }

    #[test]
    fn the_name_of_the_policy_is_the_last_one() {
        for (config, name) in [
            ("SELINUX=x\nSELINUXTYPE=mls\n", Some("mls")),
            (
                "#SELINUXTYPE=a\nSELINUXTYPE=b\nSELINUXTYPE= c \n",
                Some("c"),
            ),
            ("SELINUXTYPE=../x\n", None),
            ("", None),
        ] {
            assert_eq!(policy_name(config).as_deref(), name, "{config}");
        }
    }
}
