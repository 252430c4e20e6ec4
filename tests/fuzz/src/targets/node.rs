//! The rest of a node: what the kernel lists of its network, the state that RKE2 and the kubelet keep, and the files that
//! advice is about. Each is written below a directory, and the whole host is assessed.

use std::fs;
use std::path::{Path, PathBuf};

use preflight_rke2::testing::examine::{Target, assess};
use preflight_rke2::testing::facts::Machine;
use preflight_rke2::testing::finding::{Effect, Finding, Outcome};
use preflight_rke2::testing::host::HostRoot;
use preflight_rke2::testing::report::text;
use preflight_rke2::testing::rke2::Role;

use super::host::{SECRET, keeps_secret, version};
use super::whole::is_plain;

/// The letter of a part, and the file that it is.
pub(crate) type Files = &'static [(u8, &'static str)];

pub(crate) const NETWORK: Files = &[
    (b't', "proc/net/tcp"),
    (b'T', "proc/net/tcp6"),
    (b'r', "proc/net/route"),
    (b'R', "proc/net/ipv6_route"),
    (b'i', "proc/net/if_inet6"),
    (b'f', "proc/net/fib_trie"),
    (b'm', "proc/self/mountinfo"),
    (b'c', "proc/7/cmdline"),
    (b'g', "proc/7/cgroup"),
    (b's', "proc/7/stat"),
    (b'n', "proc/sys/net/ipv4/ip_nonlocal_bind"),
    (b'h', "proc/sys/kernel/hostname"),
    (b'e', "var/lib/rancher/rke2/server/db/etcd/config"),
];

pub(crate) const STATE: Files = &[
    (b'r', "etc/rancher/rke2/registries.yaml"),
    (b's', "var/lib/rancher/rke2/server/tls/server-ca.crt"),
    (b'p', "var/lib/rancher/rke2/server/tls/etcd/peer-ca.crt"),
    (b'd', "var/lib/rancher/rke2/server/tls/dynamic-cert.json"),
    (b'w', "var/lib/rancher/rke2/server/cred/passwd"),
    (b'e', "var/lib/rancher/rke2/agent/pod-manifests/etcd.yaml"),
    (b'l', "var/lib/rancher/rke2/server/db/etcd/member/wal/0.wal"),
    (b'b', "var/lib/rancher/rke2/server/db/etcd/member/snap/db"),
    (b'c', "var/lib/kubelet/cpu_manager_state"),
    (b'm', "var/lib/kubelet/memory_manager_state"),
    (b'k', "var/lib/kubelet/dra_manager_state"),
    (b'a', "var/lib/kubelet/allocated_pods_state"),
    (b'x', "etc/selinux/config"),
    (b'o', "proc/cgroups"),
    (b'u', "sys/fs/cgroup/cgroup.controllers"),
];

pub(crate) const ADVICE: Files = &[
    (b'n', "etc/NetworkManager/NetworkManager.conf"),
    (b'N', "etc/NetworkManager/conf.d/50-site.conf"),
    (b'f', "etc/firewalld/firewalld.conf"),
    (b'z', "etc/firewalld/zones/trusted.xml"),
    (b'u', "etc/ufw/ufw.conf"),
    (b't', "etc/nftables.conf"),
    (b'b', "etc/modprobe.d/site.conf"),
    (b'd', "lib/modules/6.1.0/modules.dep"),
    (b'i', "lib/modules/6.1.0/modules.builtin"),
    (b'l', "proc/modules"),
    (b'y', "proc/filesystems"),
    (b'k', "proc/sys/kernel/osrelease"),
    (b'o', "etc/os-release"),
    (b'h', "etc/hosts"),
    (b'r', "etc/resolv.conf"),
    (b'p', "etc/fapolicyd/fapolicyd.conf"),
    (b'P', "etc/fapolicyd/rules.d/90-site.rules"),
    (b'c', "etc/cni/net.d/00-site.conflist"),
    (b'e', "etc/default/rke2-server"),
];

/// Units that a boot starts, about which there is advice.
const UNITS: [&str; 5] = [
    "NetworkManager",
    "firewalld",
    "ufw",
    "nftables",
    "fapolicyd",
];

/// A directory that is removed with its owner.
struct Root(PathBuf);

impl Root {
    fn new() -> Self {
        let thread = std::thread::current().id();
        let name = format!("preflight-fuzz-{}-{thread:?}", std::process::id());
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).expect("a directory of the host");
        Self(root)
    }

    fn put(&self, path: &str, content: &[u8]) {
        let path = self.0.join(path);
        // The input can have the same file twice, or one in the place of another's directory.
        if path
            .parent()
            .is_some_and(|parent| fs::create_dir_all(parent).is_ok())
        {
            fs::write(path, content).expect("a file of the host");
        }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// In any content, this stands for the secret.
const MARK: &[u8] = b"PASSWORD";

fn with_secret(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) {
        let (before, after) = rest.split_at(at);
        out.extend(before);
        out.extend(SECRET.as_bytes());
        rest = after.get(MARK.len()..).unwrap_or_default();
    }
    out.extend(rest);
    out
}

fn findings(root: &Path, target: &Target) -> Vec<Finding> {
    let root = HostRoot::open(root).expect("a root directory");
    let report = assess(&root, target).report;
    let style = text::Style {
        color: false,
        width: 100,
        verbose: true,
    };
    is_plain(
        &text::render(std::slice::from_ref(&report), style, Machine::default),
        true,
    );
    report.findings
}

fn run(data: &[u8], files: Files, units: &[&str]) {
    let root = Root::new();
    let mut config = format!("token: K10ab::server:{SECRET}\n").into_bytes();
    for (letter, part) in super::lettered(data) {
        if letter == b'C' {
            config.extend(part);
        }
        if let Some((_, path)) = files.iter().find(|(known, _)| *known == letter) {
            root.put(path, &with_secret(part));
        }
    }
    root.put("etc/rancher/rke2/config.yaml", &config);
    root.put("var/lib/rancher/rke2/server/token", SECRET.as_bytes());
    for unit in units {
        let unit = format!("{unit}.service");
        let text = b"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
        root.put(&format!("usr/lib/systemd/system/{unit}"), text);
        root.put(
            &format!("etc/systemd/system/multi-user.target.wants/{unit}"),
            text,
        );
    }
    let target = Target {
        version: Some(version(super::switch(data, 0))),
        ..Target::of(match super::switch(data, 1) % 2 {
            0 => Role::Server,
            _ => Role::Agent,
        })
    };
    let first = findings(&root.0, &target);
    for finding in &first {
        assert!(!finding.summary().is_empty(), "{finding:?}");
        if finding.effect() == Effect::Advice {
            assert!(finding.predictions().is_empty(), "{finding:?}");
        }
        if finding.outcome() == Outcome::Violated {
            assert!(!finding.remedies().is_empty(), "{finding:?}");
        }
        keeps_secret(&format!("{finding:?}"));
    }
    assert_eq!(first, findings(&root.0, &target));
}

/// Tables of the kernel: sockets, routes, addresses, mounts, processes.
pub(super) fn network(data: &[u8]) {
    run(data, NETWORK, &[]);
}

/// What RKE2, etcd and the kubelet left, certificates, and `registries.yaml`.
pub(super) fn state(data: &[u8]) {
    run(data, STATE, &[]);
}

/// Configuration of other programs, and the kernel's modules.
pub(super) fn advice(data: &[u8]) {
    run(data, ADVICE, &UNITS);
}
