//! Generated hosts on which RKE2 starts, with what real nodes have beside it: none is accused of anything that would keep
//! RKE2 down.

use std::fmt::Write as _;

use preflight_rke2::testing::examine::{self, Target};
use preflight_rke2::testing::finding::{Effect, Finding, Outcome};
use preflight_rke2::testing::host::HostRoot;
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::version::Version;
use proptest::prelude::*;
use serde_json::Value as Json;

use super::host::Host;

const DATA: &str = "/var/lib/rancher/rke2";
const CERTIFICATE: &str = include_str!("../cases/certificates/2020-2090.pem");
const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n";
const REGISTRIES: [&str; 5] = [
    "",
    "mirrors:\n  docker.io:\n    endpoint: [https://mirror.example.org]\n",
    "mirrors:\n  \"*\":\nconfigs:\n  a.example.org:\n    auth: {username: u, password: p}\n    tls: {insecure_skip_verify: true}\n",
    "configs: {}\nunknown: [1, 2]\n",
    "# nothing\n",
];
const CONFIGS: [&str; 9] = [
    "",
    "token: K10ab::server:secret\n",
    "node-name: Node-1.example.org\n",
    "node-ip: 192.0.2.10\n",
    "cni: cilium\nsnapshotter: native\n",
    "tls-san: [a.example.org]\nkubelet-arg: [max-pods=250]\n",
    "node-ip: [192.0.2.10, \"2001:db8::10\"]\n",
    "node-ip: 192.0.2.10,2001:db8::10\nnode-external-ip: 203.0.113.7\n",
    "cloud-provider-name: aws\nnode-name-from-cloud-provider-metadata: true\nwith-node-id: true\n",
];

/// What one host has.
#[derive(Debug, Clone)]
struct Node {
    role: Role,
    version: Version,
    hostname: String,
    config: &'static str,
    /// Whether the default route is one of IPv6 alone.
    ipv6_only: bool,
    /// The interface of the default route.
    interface: &'static str,
    /// Further file systems, with type and options.
    mounts: Vec<(&'static str, &'static str, &'static str)>,
    /// Whether mounts below `/var` are hidden by one on it that came later.
    hides: bool,
    /// Ports that other programs listen on.
    ports: Vec<u16>,
    /// Whether containers of an earlier start live on, and its state is there.
    has_run: bool,
    registries: &'static str,
    checkpoint: Option<&'static str>,
}

fn nodes() -> impl Strategy<Value = Node> {
    let versions = prop::sample::select(vec![
        Version::new(24, 9, 1),
        Version::new(28, 11, 1),
        Version::new(31, 6, 1),
        Version::new(33, 2, 1),
        Version::new(34, 1, 1),
        Version::new(36, 3, 1),
    ]);
    let mounts = prop::sample::subsequence(
        vec![
            ("/tmp", "tmpfs", "rw,nosuid,nodev,noexec"),
            ("/home", "xfs", "ro,noexec"),
            ("/var", "ext4", "rw,relatime"),
            ("/var/tmp", "ext4", "rw,noexec"),
            ("/var/log", "btrfs", "rw,noexec"),
            ("/var/lib/rancher", "xfs", "rw,attr2"),
            ("/var/lib/kubelet", "ext4", "rw,relatime"),
            ("/mnt/share", "nfs4", "ro,vers=4.2"),
            ("/boot", "vfat", "ro,noexec"),
            ("/var/lib/rancherx", "overlay", "ro,noexec"),
        ],
        0..=10,
    );
    // None that RKE2 or a network plugin needs.
    let port = prop::sample::select(vec![
        22_u16, 25, 53, 111, 2049, 3306, 5432, 8080, 9100, 19345,
    ]);
    let host = (
        "[a-zA-Z0-9]([-a-z0-9]{0,20}[a-z0-9])?(\\.[a-z0-9]{1,8}){0,3}",
        prop::sample::select(CONFIGS.to_vec()),
        prop::bool::weighted(0.1),
        prop::sample::select(vec!["eth0", "ens3", "bond0.12", "dummy0"]),
        any::<bool>(),
    );
    let more = (
        mounts,
        prop::collection::vec(port, 0..6),
        any::<bool>(),
        prop::sample::select(REGISTRIES.to_vec()),
        prop::option::of(prop::sample::select(vec![
            "{\"policyName\":\"none\",\"defaultCpuSet\":\"\",\"checksum\":1353318690}",
            "{\"policyName\":\"none\",\"defaultCpuSet\":\"0-3\",\"entries\":{},\"checksum\":1}",
        ])),
    );
    let role = prop::sample::select(vec![Role::Server, Role::Agent]);
    (role, versions, host, more).prop_map(
        |(role, version, (hostname, config, ipv6_only, interface, hides), more)| {
            let (mounts, ports, has_run, registries, checkpoint) = more;
            Node {
                role,
                version,
                hostname,
                config,
                ipv6_only,
                interface,
                mounts,
                hides,
                ports,
                has_run,
                registries,
                checkpoint,
            }
        },
    )
}

/// The files of a recorded host on which RKE2 starts.
fn lay(host: &Host, name: &str) {
    let cases: Vec<Json> = serde_json::from_str(include_str!("../cases/host.json")).unwrap();
    let case = cases.iter().find(|case| case["name"] == name).unwrap();
    for (path, content) in case["files"].as_object().unwrap() {
        let at = host.clear(path);
        match content {
            Json::String(text) => std::fs::write(at, text).unwrap(),
            link => std::os::unix::fs::symlink(link["symlink"].as_str().unwrap(), at).unwrap(),
        }
    }
}

impl Node {
    fn build(&self) -> Host {
        let host = Host::like("plain-server");
        let join = match self.role {
            Role::Server => "",
            Role::Agent => "server: https://192.0.2.1:9345\ntoken: K10ab::server:secret\n",
        };
        let own = self.config;
        let has_token = own.contains("token:") && self.role == Role::Agent;
        let own = if has_token { "" } else { own };
        host.file("/etc/rancher/rke2/config.yaml", format!("{join}{own}"));
        if self.has_run && self.role == Role::Server {
            lay(&host, "own-containers-hold-ports");
            // Older releases do not renew all of them.
            if self.version >= Version::new(33, 2, 1) {
                lay(&host, "leaf-certificates-expired-new");
            }
            let tls = format!("{DATA}/server/tls");
            for name in [
                "server-ca.crt",
                "request-header-ca.crt",
                "etcd/server-ca.crt",
                "etcd/peer-ca.crt",
            ] {
                let path = format!("{tls}/{name}");
                if !host.at(&path).exists() {
                    host.file(&path, CERTIFICATE);
                }
            }
            for name in [
                "serving-kube-apiserver",
                "client-auth-proxy",
                "etcd/client",
                "etcd/server-client",
            ] {
                host.file(&format!("{tls}/{name}.crt"), CERTIFICATE);
                host.file(&format!("{tls}/{name}.key"), KEY);
            }
            // RKE2 makes both of a pair again where one is missing.
            host.file(&format!("{tls}/etcd/peer-server-client.crt"), "");
            host.file(
                &format!("{DATA}/server/manifests/rke2-canal.yaml"),
                "kind: HelmChart\n",
            );
            host.file(&format!("{DATA}/server/token"), "K10ab::server:secret\n");
            host.file(
                &format!("{DATA}/server/cred/passwd"),
                "secret,server,server,rke2:server\nsecret,node,node,rke2:agent\n",
            );
        }
        host.file("/proc/sys/kernel/hostname", format!("{}\n", self.hostname));
        host.file("/etc/hostname", format!("{}\n", self.hostname));
        self.network(&host);
        self.listeners(&host);
        let mut rows = "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                        21 20 0:2 / /proc rw,noexec - proc proc rw\n"
            .to_owned();
        if self.hides {
            rows.push_str(
                "22 20 8:2 / /var/lib/rancher ro,noexec - nfs4 192.0.2.5:/a ro\n\
                 23 20 8:3 / /var/lib/kubelet ro - ext4 /dev/sda3 ro\n\
                 24 20 8:4 / /var rw - xfs /dev/sda4 rw\n",
            );
        }
        for (at, (point, kind, options)) in self.mounts.iter().enumerate() {
            writeln!(
                rows,
                "{} 20 8:{at} / {point} {options} - {kind} /dev/x{at} rw",
                30 + at
            )
            .unwrap();
        }
        host.file("/proc/self/mountinfo", rows);
        if !self.registries.is_empty() {
            host.file("/etc/rancher/rke2/registries.yaml", self.registries);
        }
        if let Some(checkpoint) = self.checkpoint {
            host.file("/var/lib/kubelet/cpu_manager_state", checkpoint);
        }
        host
    }

    fn network(&self, host: &Host) {
        let interface = self.interface;
        let mut routes =
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
                .to_owned();
        if !self.ipv6_only {
            writeln!(
                routes,
                "{interface}\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0"
            )
            .unwrap();
        }
        writeln!(
            routes,
            "{interface}\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0"
        )
        .unwrap();
        host.file("/proc/net/route", routes);
        let zero = "0".repeat(32);
        let gateway = "fe800000000000000000000000000001";
        host.file(
            "/proc/net/ipv6_route",
            format!(
                "{zero} 00 {zero} 00 {gateway} 00000400 00000001 00000000 00000003 {interface}\n"
            ),
        );
        host.file(
            "/proc/net/if_inet6",
            format!("20010db8000000000000000000000010 02 40 00 80 {interface}\n00000000000000000000000000000001 01 80 10 80 lo\n"),
        );
        host.file(
            "/proc/net/fib_trie",
            "Local:\n  +-- 0.0.0.0/0 3 0 5\n        |-- 192.0.2.10\n           /32 host LOCAL\n        |-- 127.0.0.1\n           /32 host LOCAL\n",
        );
    }

    fn listeners(&self, host: &Host) {
        let path = "/proc/net/tcp";
        let header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
        let before = std::fs::read_to_string(host.at(path)).unwrap_or_else(|_| header.to_owned());
        let mut rows = before;
        for (at, port) in self.ports.iter().enumerate() {
            writeln!(
                rows,
                "  {at}: 00000000:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 {} 1 0 100 0 0 10 0",
                90000 + at
            )
            .unwrap();
        }
        host.file(path, rows);
    }
}

/// What is found on a host that would keep RKE2 down.
fn accused(host: &Host, role: Role, version: &Version) -> Vec<String> {
    let root = HostRoot::open(host.path()).unwrap();
    let target = Target {
        version: Some(version.clone()),
        ..Target::of(role)
    };
    let report = examine::assess(&root, &target).report;
    let keeps_down = |effect| {
        matches!(
            effect,
            Effect::BlocksStart | Effect::Transient | Effect::BlocksNextBoot
        )
    };
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings
        .retain(|finding| finding.outcome() == Outcome::Violated && keeps_down(finding.effect()));
    findings
        .into_iter()
        .map(|finding| format!("{}: {}", finding.id(), finding.summary()))
        .collect()
}

/// A host that is unusual and right: what it is, RKE2's configuration, its files and links (`-> target`).
type Odd = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const ROUTES: &str =
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
const DUAL: &str =
    "cluster-cidr: 10.42.0.0/16,2001:db8:42::/56\nservice-cidr: 10.43.0.0/16,2001:db8:43::/112\n";
const SIX: &str = "cluster-cidr: 2001:db8:42::/56\nservice-cidr: 2001:db8:43::/112\n";

const ODD: &[Odd] = &[
    (
        "the data directory is a link to a subvolume of btrfs, and /var is noexec",
        "",
        &[
            ("/var/lib/rancher/rke2", "-> /data/rke2"),
            ("/data/rke2/a", ""),
            (
                "/proc/self/mountinfo",
                "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                 30 20 0:40 /@data /data rw - btrfs /dev/sdb rw,subvol=/@data\n\
                 31 20 8:9 / /var rw,noexec - ext4 /dev/sdc rw\n",
            ),
        ],
    ),
    (
        "an image of ostree: / is read-only",
        "",
        &[(
            "/proc/self/mountinfo",
            "20 1 8:1 /ostree/deploy/x/deploy/y.0 / ro - xfs /dev/mapper/rl-root rw\n\
             21 20 0:2 / /proc rw,noexec - proc proc rw\n\
             31 20 8:1 /ostree/deploy/x/var /var rw - xfs /dev/mapper/rl-root rw\n\
             32 20 8:1 /ostree/deploy/x/deploy/y.0/etc /etc rw - xfs /dev/mapper/rl-root rw\n",
        )],
    ),
    (
        "a live system: / is an overlay, the data directory is on ZFS, mounted by autofs",
        "",
        &[(
            "/proc/self/mountinfo",
            "20 1 0:50 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/u\n\
             30 20 0:41 / /var/lib/rancher rw - autofs systemd-1 rw,fd=30\n\
             31 30 0:42 / /var/lib/rancher rw - zfs pool/a\\040b rw,xattr\n",
        )],
    ),
    (
        "NFS below the data directory's own file system, and volumes of pods that are read-only",
        "",
        &[(
            "/proc/self/mountinfo",
            "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
             30 20 0:9 / /var/lib/rancher rw - nfs4 192.0.2.5:/x rw\n\
             31 30 253:1 /rke2 /var/lib/rancher/rke2 rw - xfs /dev/mapper/vg0-data rw\n\
             32 20 0:60 / /var/lib/kubelet/pods/1/volumes/x ro,noexec - tmpfs tmpfs ro\n",
        )],
    ),
    (
        "IPv6 only, and node-ip names it",
        "node-ip: 2001:db8::10\n",
        &[("/proc/net/route", ROUTES)],
    ),
    (
        "two families",
        "node-ip: [192.0.2.10, \"2001:db8::10\"]\n",
        &[],
    ),
    (
        "default routes of a VRF, a bond and a point-to-point link",
        "",
        &[(
            "/proc/net/route",
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
             ppp0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n\
             mgmt\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
             bond0.12\t00000000\t010200C0\t0003\t0\t0\t200\t00000000\t0\t0\t0\n",
        )],
    ),
    (
        "an address of a virtual router, which the host may bind before it has it",
        "node-ip: 192.0.2.99\n",
        &[("/proc/sys/net/ipv4/ip_nonlocal_bind", "1\n")],
    ),
    (
        "a name that the kubelet does not use",
        "kubelet-arg: [hostname-override=node-1]\n",
        &[("/proc/sys/kernel/hostname", "node_1\n")],
    ),
    (
        "a name that the cloud gives",
        "cloud-provider-name: aws\nnode-name-from-cloud-provider-metadata: true\n",
        &[("/proc/sys/kernel/hostname", "node_1\n")],
    ),
    (
        "containers of a stopped RKE2, in control groups that systemd did not make",
        "",
        &[
            (
                "/proc/net/tcp",
                "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                 0: 0100007F:094B 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 101 1 0 100 0 0 10 0\n\
                 1: 00000000:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 102 1 0 100 0 0 10 0\n",
            ),
            ("/proc/301/fd/7", "-> socket:[101]"),
            ("/proc/301/fd/8", "-> socket:[102]"),
            ("/proc/301/comm", "etcd\n"),
            (
                "/proc/301/stat",
                "301 (etcd) S 300 301 301 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4000 0 0\n",
            ),
            (
                "/proc/301/cgroup",
                "0::/kubepods/burstable/pod1-2/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
            ),
            ("/proc/300/comm", "containerd-shim\n"),
            (
                "/proc/300/stat",
                "300 (containerd-shim) S 1 300 300 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4000 0 0\n",
            ),
            (
                "/proc/300/cmdline",
                "/var/lib/rancher/rke2/data/v1/bin/containerd-shim-runc-v2\0-namespace\0k8s.io\0-address\0/run/k3s/containerd/containerd.sock\0",
            ),
            ("/proc/300/cgroup", "0::/system.slice/rke2-server.service\n"),
        ],
    ),
    (
        "other programs on the same ports, at another address",
        "",
        &[(
            "/proc/net/tcp",
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0A0200C0:271A 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 101 1 0 100 0 0 10 0\n\
             1: 0200007F:094D 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 102 1 0 100 0 0 10 0\n",
        )],
    ),
    (
        "registries in JSON, with values that are not set",
        "",
        &[(
            "/etc/rancher/rke2/registries.yaml",
            "{\"mirrors\": {\"docker.io\": {\"endpoint\": null, \"rewrite\": {\"^a\": \"b\"}}}, \"configs\": null}",
        )],
    ),
    ("SELinux is asked for, and off", "selinux: true\n", &[]),
];

#[test]
fn an_unusual_node_that_starts_is_not_accused() {
    let base = Node {
        role: Role::Server,
        version: Version::new(34, 1, 1),
        hostname: "node-1".to_owned(),
        config: "",
        ipv6_only: false,
        interface: "eth0",
        mounts: Vec::new(),
        hides: false,
        ports: Vec::new(),
        has_run: false,
        registries: "",
        checkpoint: None,
    };
    for (what, config, files) in ODD {
        for (role, version) in [
            (Role::Server, Version::new(34, 1, 1)),
            (Role::Server, Version::new(31, 6, 1)),
            (Role::Agent, Version::new(34, 1, 1)),
        ] {
            let networks = match role {
                Role::Server if config.contains("[192") => DUAL,
                Role::Server if config.contains("2001:") => SIX,
                Role::Server | Role::Agent => "",
            };
            let node = Node {
                role,
                version: version.clone(),
                ..base.clone()
            };
            let host = node.build();
            let path = "/etc/rancher/rke2/config.yaml";
            let before = std::fs::read_to_string(host.at(path)).unwrap();
            host.file(path, format!("{before}{config}{networks}"));
            for (path, content) in *files {
                match content.strip_prefix("-> ") {
                    Some(target) => host.link(path, target),
                    None => host.file(path, content),
                }
            }
            assert_eq!(accused(&host, role, &version), [""; 0], "{what}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_node_that_starts_is_not_accused(node in nodes()) {
        let host = node.build();
        let accused = accused(&host, node.role, &node.version);
        prop_assert!(accused.is_empty(), "{accused:?}");
    }
}
