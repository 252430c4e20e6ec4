//! The kernel modules that kube-proxy and the network plugin need.
//!
//! Source: k3s-io/k3s `pkg/agent/syssetup` and rancher/rke2's units load them and ignore a failure; then kube-proxy and
//! the network plugin exit again and again (rancher/rke2#8498, flannel-io/flannel#1502). modprobe.d(5): an `install`
//! line replaces the loading of a module; a `blacklist` line does not, where it is asked for by its name.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Node, NodeProblem, Start};
use super::is_kind;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Remedy};
use crate::text::printable;

/// Where modprobe reads its configuration; of two files of one name, the earlier directory's is read.
const MODPROBE_D: [&str; 5] = [
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
];

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let mut all = Vec::new();
    if let Some(kernel) = Kernel::of(node) {
        let lacking = lacking(start, &kernel);
        if !lacking.is_empty() {
            all.push(missing(node, &kernel, &lacking));
        }
        all.extend(blocked(start, node, &kernel));
    }
    all
}

/// The modules of the kernel that runs or would be booted. Names have `_`, as in `/proc/modules`.
struct Kernel {
    /// `uname -r`.
    release: String,
    /// The directory of its modules.
    directory: String,
    /// Loaded, or part of the kernel.
    there: BTreeSet<String>,
    /// On disk.
    on_disk: BTreeSet<String>,
    /// Whether no module can be loaded any more: `kernel.modules_disabled`.
    is_closed: bool,
}

impl Kernel {
    /// `None` where it is not known which modules there are.
    fn of(node: &dyn Node) -> Option<Self> {
        let release = node.advice_file("/proc/sys/kernel/osrelease").text();
        let release = match release {
            Some(text) => text.trim().to_owned(),
            None => only(node.advice_names("/lib/modules"))?,
        };
        let directory = format!("/lib/modules/{release}");
        let on_disk = node
            .advice_file(&format!("{directory}/modules.dep"))
            .text()?;
        let built_in = node
            .advice_file(&format!("{directory}/modules.builtin"))
            .text()?;
        let mut there: BTreeSet<String> = built_in.lines().filter_map(module).collect();
        let loaded = node.advice_file("/proc/modules").text().unwrap_or_default();
        let loaded = loaded
            .lines()
            .filter_map(|line| line.split(' ').next().map(str::to_owned));
        there.extend(loaded);
        for (path, name) in [
            (
                "/proc/sys/net/bridge/bridge-nf-call-iptables",
                "br_netfilter",
            ),
            ("/proc/sys/net/netfilter/nf_conntrack_max", "nf_conntrack"),
        ] {
            if node.advice_file(path).text().is_some() {
                there.insert(name.to_owned());
            }
        }
        let file_systems = node
            .advice_file("/proc/filesystems")
            .text()
            .unwrap_or_default();
        if file_systems
            .lines()
            .any(|line| line.trim() == "nodev\toverlay")
        {
            there.insert("overlay".to_owned());
        }
        let is_closed = node
            .advice_file("/proc/sys/kernel/modules_disabled")
            .text()
            .is_some_and(|text| text.trim() == "1");
        Some(Self {
            release,
            directory,
            there,
            on_disk: on_disk.lines().filter_map(module).collect(),
            is_closed,
        })
    }

    fn has(&self, name: &str) -> bool {
        self.there.contains(name) || !self.is_closed && self.on_disk.contains(name)
    }
}

/// The only name of a list.
fn only(mut names: Vec<String>) -> Option<String> {
    let name = names.pop()?;
    names.is_empty().then_some(name)
}

/// The module of a line that begins with its file: `kernel/net/bridge/br_netfilter.ko.xz: ...`.
fn module(line: &str) -> Option<String> {
    let path = line.split(':').next()?;
    let name = path.rsplit('/').next()?;
    let (name, _) = name.split_once(".ko")?;
    Some(name.replace('-', "_"))
}

/// What needs a module.
const NEEDED_BY_PROXY: &str = "kube-proxy";
const NEEDED_BY_CONTAINERD: &str = "containerd";
const NEEDED_BY_PLUGIN: &str = "the network plugin";

/// The modules that a node with these settings needs, each with what needs it.
fn needed(start: &Start<'_>) -> Vec<(&'static str, &'static str)> {
    let has_proxy = !start.settings.is_on("disable-kube-proxy");
    let has_bridge = start.may_use(&["canal", "calico", "flannel"]);
    let mut all = Vec::new();
    let snapshotter = start.settings.text("snapshotter");
    if snapshotter.is_empty() || snapshotter == "overlayfs" {
        all.push(("overlay", NEEDED_BY_CONTAINERD));
    }
    if has_bridge {
        all.push(("br_netfilter", NEEDED_BY_PLUGIN));
        all.push(("vxlan", NEEDED_BY_PLUGIN));
    }
    if has_proxy {
        for name in ["nf_conntrack", "xt_addrtype", "xt_comment", "xt_conntrack"] {
            all.push((name, NEEDED_BY_PROXY));
        }
    }
    all
}

/// What is neither loaded, nor built in, nor on disk, each with what needs it.
fn lacking(start: &Start<'_>, kernel: &Kernel) -> Vec<(&'static str, &'static str)> {
    let mut all = needed(start);
    all.retain(|(name, _)| !kernel.has(name));
    let has_proxy = !start.settings.is_on("disable-kube-proxy");
    let has_tables = kernel.has("ip_tables") || kernel.has("iptable_nat");
    let has_nft = kernel.has("nf_tables") && kernel.has("nft_compat");
    if has_proxy && !has_tables && !has_nft {
        all.push(("nft_compat", NEEDED_BY_PROXY));
    }
    all
}

fn missing(node: &dyn Node, kernel: &Kernel, lacking: &[(&str, &'static str)]) -> NodeProblem {
    let names: Vec<&str> = lacking.iter().map(|(name, _)| *name).collect();
    let mut users: Vec<&str> = lacking.iter().map(|(_, user)| *user).collect();
    users.sort_unstable();
    users.dedup();
    let release = printable(&kernel.release);
    let why = if kernel.is_closed {
        format!("not loaded, and kernel.modules_disabled = 1 lets the kernel {release} load none")
    } else {
        format!("not there for the kernel {release}")
    };
    let is_one = names.len() == 1;
    let mut problem = NodeProblem::advice(
        CheckId::HostModule,
        "kernel modules",
        format!(
            "the kernel {} {} {} {why}; {} cannot work",
            if is_one { "module" } else { "modules" },
            names.join(", "),
            if is_one { "is" } else { "are" },
            users.join(" and "),
        ),
    );
    problem.notes = vec![
        "RKE2 starts nevertheless: it only logs \"Failed to load kernel module\", and pods then have no network"
            .to_owned(),
    ];
    problem.evidence = vec![
        Evidence::place(
            Source::file(format!("{}/modules.dep", kernel.directory)),
            Part::Read,
        ),
        Evidence::place(
            Source::file(format!("{}/modules.builtin", kernel.directory)),
            Part::Read,
        ),
    ];
    problem.remedies = vec![if kernel.is_closed {
        Remedy::manual(
            "load the modules at boot before kernel.modules_disabled is set: name them in /etc/modules-load.d",
        )
    } else {
        install(node, kernel)
    }];
    problem
}

/// How the modules come to a host of this distribution.
fn install(node: &dyn Node, kernel: &Kernel) -> Remedy {
    let os = node
        .advice_file("/etc/os-release")
        .text()
        .unwrap_or_default();
    let is_like = |name: &str| {
        os.lines()
            .filter_map(|line| {
                line.strip_prefix("ID=")
                    .or_else(|| line.strip_prefix("ID_LIKE="))
            })
            .flat_map(|value| value.trim_matches(['"', '\'']).split(' '))
            .any(|id| id == name)
    };
    // A name that is no plain word belongs in no command.
    let release = &kernel.release;
    let is_plain = release
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "._+-~".contains(c));
    let (package, program) = if is_like("fedora") || is_like("rhel") {
        ("kernel-modules-extra", "dnf")
    } else if is_like("ubuntu") {
        ("linux-modules-extra", "apt-get")
    } else {
        return Remedy::manual(
            "install the distribution's kernel with all modules (not one that was cut down for clouds or \
             containers), and boot it",
        );
    };
    let commands = if is_plain {
        vec![format!("{program} install {package}-{release}")]
    } else {
        Vec::new()
    };
    Remedy::Manual {
        summary: format!("install the package {package} of this kernel"),
        commands,
    }
}

/// Modules that modprobe.d forbids to load, and that are not there yet.
fn blocked(start: &Start<'_>, node: &dyn Node, kernel: &Kernel) -> Vec<NodeProblem> {
    let mut names = needed(start);
    names.retain(|(name, _)| !kernel.there.contains(*name) && kernel.on_disk.contains(*name));
    if names.is_empty() || kernel.is_closed {
        return Vec::new();
    }
    let forbidden = forbidden(node);
    names
        .into_iter()
        .filter_map(|(name, user)| {
            let source = forbidden.get(name)?;
            let mut problem = NodeProblem::advice(
                CheckId::HostModule,
                name,
                format!("{source} does not let the kernel module {name} be loaded, and {user} cannot work without it"),
            );
            problem.evidence = vec![Evidence::place(source.clone(), Part::Sets)];
            problem.remedies = vec![Remedy::Manual {
                summary: format!("remove the line `install {name} ...` from {}", source.path),
                commands: vec![format!("modprobe {name}")],
            }];
            Some(problem)
        })
        .collect()
}

/// The modules whose `install` line loads nothing, each with the line.
fn forbidden(node: &dyn Node) -> BTreeMap<String, Source> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for directory in MODPROBE_D {
        for name in node.advice_names(directory) {
            if is_kind(&name, ".conf") {
                let path = format!("{directory}/{name}");
                files.entry(name).or_insert(path);
            }
        }
    }
    let mut all = BTreeMap::new();
    for path in files.into_values() {
        let text = node.advice_file(&path).text().unwrap_or_default();
        for (line, number) in text.lines().zip(1_u32..) {
            let mut words = line.split_ascii_whitespace();
            if words.next() != Some("install") {
                continue;
            }
            let (Some(name), Some(command)) = (words.next(), words.next()) else {
                continue;
            };
            let program = command.rsplit('/').next().unwrap_or_default();
            if matches!(program, "true" | "false") && words.next().is_none() {
                all.insert(name.replace('-', "_"), Source::line(path.clone(), number));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, found, settings, summaries};
    use super::*;
    use crate::rke2::role::Role;

    const DEP: &str = "/lib/modules/6.1/modules.dep";
    const BUILT_IN: &str = "/lib/modules/6.1/modules.builtin";
    const ALL: &str = "kernel/a/overlay.ko.xz:\nkernel/br_netfilter.ko: kernel/bridge.ko\nk/vxlan.ko.zst:\n\
                       k/nf_conntrack.ko:\nk/xt_addrtype.ko:\nk/xt_comment.ko:\nk/xt_conntrack.ko:\n\
                       k/nf_tables.ko:\nk/nft_compat.ko:\n";

    fn host(files: &[(&'static str, &'static str)]) -> Facts {
        let mut node = Facts::with(&[
            ("/proc/sys/kernel/osrelease", "6.1\n"),
            ("/proc/modules", ""),
            (DEP, ALL),
            (BUILT_IN, ""),
        ]);
        node.files.extend(files.iter().copied());
        node
    }

    fn remedy(node: &Facts) -> String {
        let found = found(problems, &settings(Role::Server, &[]), node);
        let remedies: Vec<String> = found
            .iter()
            .flat_map(|problem| &problem.remedies)
            .map(|remedy| format!("{}: {:?}", remedy.summary(), remedy.commands()))
            .collect();
        remedies.join("\n")
    }

    #[test]
    fn modules_may_be_on_disk_built_in_or_loaded() {
        assert_eq!(summaries(problems, &host(&[])), [""; 0]);
        assert_eq!(
            summaries(problems, &host(&[(DEP, ""), (BUILT_IN, ALL)])),
            [""; 0]
        );
        let loaded = "overlay 1 0 - Live 0\nbr_netfilter 1\nvxlan 1\nxt_addrtype 1\nxt_comment 1\n\
                      xt_conntrack 1\nip_tables 1\n";
        let node = host(&[
            (DEP, ""),
            ("/proc/modules", loaded),
            ("/proc/sys/net/netfilter/nf_conntrack_max", "1"),
        ]);
        assert_eq!(summaries(problems, &node), [""; 0]);
    }

    #[test]
    fn what_is_nowhere_is_named_with_its_package() {
        let without = |os| host(&[(DEP, "k/overlay.ko:\n"), ("/etc/os-release", os)]);
        let found = summaries(problems, &without(""));
        assert_eq!(found.len(), 1);
        for name in [
            "br_netfilter",
            "vxlan",
            "nf_conntrack",
            "xt_comment",
            "nft_compat",
        ] {
            assert!(found[0].contains(name), "{found:?}");
        }
        assert!(!found[0].contains("overlay"), "{found:?}");
        let rocky = remedy(&without("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"));
        assert!(
            rocky.contains("dnf install kernel-modules-extra-6.1"),
            "{rocky}"
        );
        let ubuntu = remedy(&without("ID=ubuntu\n"));
        assert!(ubuntu.contains("linux-modules-extra"), "{ubuntu}");
        assert!(!remedy(&without("ID=debian\n")).contains("extra"));
    }

    #[test]
    fn the_network_plugin_decides_what_is_needed() {
        let node = host(&[(DEP, "k/overlay.ko:\n")]);
        for (role, set, is_found) in [
            (
                Role::Server,
                &[("cni", "cilium,"), ("disable-kube-proxy", "true")][..],
                false,
            ),
            (Role::Server, &[("cni", "cilium,")], true),
            (Role::Agent, &[], true),
        ] {
            let found = found(problems, &settings(role, set), &node);
            assert_eq!(!found.is_empty(), is_found, "{set:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_a_kernel_whose_modules_are_not_known() {
        for path in [DEP, BUILT_IN] {
            let mut node = host(&[(DEP, "")]);
            node.files.remove(path);
            assert_eq!(summaries(problems, &node), [""; 0]);
        }
    }

    #[test]
    fn modprobe_d_can_forbid_a_module() {
        let line = "# x\ninstall br-netfilter /bin/false\nblacklist vxlan\ninstall overlay /sbin/modprobe -i overlay\n";
        let node = host(&[("/etc/modprobe.d/cis.conf", line)]);
        let found = summaries(problems, &node);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("/etc/modprobe.d/cis.conf:2 "),
            "{found:?}"
        );
        // A file of the same name in a directory before it, a module that is there already.
        let hidden = host(&[
            ("/usr/lib/modprobe.d/cis.conf", line),
            ("/etc/modprobe.d/cis.conf", ""),
        ]);
        assert_eq!(summaries(problems, &hidden), [""; 0]);
        let loaded = host(&[
            ("/etc/modprobe.d/cis.conf", line),
            ("/proc/modules", "br_netfilter 1\n"),
        ]);
        assert_eq!(summaries(problems, &loaded), [""; 0]);
    }

    #[test]
    fn a_kernel_that_loads_no_more_modules_has_those_that_are_loaded() {
        let node = host(&[("/proc/sys/kernel/modules_disabled", "1\n")]);
        let found = summaries(problems, &node);
        assert!(found[0].contains("kernel.modules_disabled"), "{found:?}");
        assert!(remedy(&node).contains("modules-load.d"));
    }

    #[test]
    fn odd_lines_are_skipped() {
        for line in ["", ":", "/", ".ko", "a/b", "kernel/x.ko.gz", "\u{0}"] {
            let name = module(line);
            assert!(
                name.as_deref()
                    .is_none_or(|name| name.is_empty() || name == "x"),
                "{line}"
            );
        }
    }
}
