//! Every finding kind in each place that its cause can stand, its remedies carried out as their data says: the finding is
//! gone, nothing else is worse, and the units would start.
//!
//! Settings with a wrong value are in `origins`, which has all places of a setting.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, chown};

use preflight_rke2::testing::finding::CheckId;
use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;
use serde_json::Value;

use super::change::{apply, edits};
use super::host::Host;
use super::origins::MISTAKES;

/// Checks whose remedy is no change that a program could make, with the reason.
const UNDECIDED: &[(&str, &str)] = &[
    (
        "config.component-file",
        "what the file was to say is not known",
    ),
    (
        "config.kubelet-file",
        "what the file was to say is not known",
    ),
    (
        "config.parse",
        "what a text that is no YAML was to say is not known",
    ),
    (
        "config.unreadable",
        "the content is not known, nor whether RKE2 can read it",
    ),
    (
        "kubelet.exited",
        "it tells what happened; its cause has a finding of its own, where it is known",
    ),
    (
        "pod.exited",
        "it tells what happened; its cause has a finding of its own, where it is known",
    ),
    (
        "version.newer",
        "a newer preflight-rke2 is needed, and nothing of the host is wrong",
    ),
    (
        "version.unknown",
        "the release is to be named to preflight-rke2",
    ),
];

/// Checks of the machine and of RKE2's own state: what is wrong is not an entry of a file that has one right value.
const OF_THE_NODE: &[(&str, &[&str])] = &[
    (
        "another program, unit or package is to be stopped, installed or set up",
        &[
            "host.apparmor",
            "host.cni",
            "host.conflict",
            "host.fapolicyd",
            "host.firewall",
            "host.iptables",
            "host.module",
            "host.network-manager",
            "host.nm-cloud-setup",
            "host.port",
            "host.port-likely",
            "host.selinux",
            "host.time-sync",
        ],
    ),
    (
        "the machine, its kernel, its network or its file systems are to be changed",
        &[
            "host.cgroup.controllers",
            "host.clock",
            "host.etcd-quota",
            "host.inotify",
            "host.mount.exec",
            "host.mount.read-only",
            "host.mount.snapshotter",
            "host.network-overlap",
            "host.node-ip",
            "host.resources",
            "host.route",
            "host.space",
            "host.space-low",
        ],
    ),
    (
        "the right content is known to the administrator or to the cluster alone",
        &[
            "host.certificate",
            "host.containerd-template",
            "host.etcd-address",
            "host.hosts-file",
            "host.proxy",
            "host.registries",
            "host.resolver",
            "host.state.checkpoint",
            "host.state.key-pair",
            "host.state.manifest",
            "host.state.passwd",
            "host.state.reset",
            "host.token",
            "host.umask",
        ],
    ),
    (
        "the next release is not installed yet",
        &[
            "upgrade.containerd-template",
            "upgrade.etcd-downgrade",
            "upgrade.skipped-minor",
        ],
    ),
];

const CONFIG: &str = "/etc/rancher/rke2/config.yaml";
const DROP_IN: &str = "/etc/rancher/rke2/config.yaml.d/10-site.yaml";
const RANCHER: &str = "/etc/rancher/rke2/config.yaml.d/50-rancher.yaml";
const NEW: &str = "v1.34.1+rke2r1";
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";
const SERVER: &str = "[Service]\nType=notify\nEnvironmentFile=-/etc/sysconfig/%N\nExecStart=/usr/bin/rke2 server\n\
                      [Install]\nWantedBy=multi-user.target\n";
const AGENT: &str = "[Service]\nType=notify\nEnvironmentFile=-/etc/sysconfig/%N\nExecStart=/usr/bin/rke2 agent\n\
                     [Install]\nWantedBy=multi-user.target\n";

/// A host with a finding.
struct Case {
    id: &'static str,
    place: &'static str,
    over: &'static str,
    version: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// What else is changed.
    and: fn(&Host),
}

const fn case(
    id: &'static str,
    place: &'static str,
    over: &'static str,
    files: &'static [(&'static str, &'static str)],
) -> Case {
    Case {
        id,
        place,
        over,
        version: NEW,
        files,
        and: |_| {},
    }
}

const CASES: &[Case] = &[
    case(
        "host.node-name",
        "configuration",
        "plain-server",
        &[(CONFIG, "node-name: dev0_server\n")],
    ),
    // Accounts.
    case(
        "account.etcd.user",
        "no row",
        "healthy-server",
        &[("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")],
    ),
    case(
        "account.etcd.user",
        "no last line feed",
        "healthy-server",
        &[("/etc/passwd", "root:x:0:0:root:/root:/bin/bash")],
    ),
    case(
        "account.etcd.user",
        "row in /usr/lib",
        "bootc-usr-lib-passwd",
        &[("/etc/group", "root:x:0:\netcd:x:992:\n")],
    ),
    case(
        "account.etcd.group",
        "no row",
        "healthy-server",
        &[("/etc/group", "root:x:0:\n")],
    ),
    case(
        "account.etcd.user",
        "neither row",
        "healthy-server",
        &[
            ("/etc/group", "root:x:0:\n"),
            ("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
        ],
    ),
    case(
        "account.etcd.primary-group",
        "row",
        "healthy-server",
        &[
            ("/etc/group", "root:x:0:\nusers:x:100:\netcd:x:52034:\n"),
            (
                "/etc/passwd",
                "root:x:0:0:root:/root:/bin/bash\netcd:x:52034:100::/:/sbin/nologin\n",
            ),
        ],
    ),
    case(
        "kubelet.subordinate-ids",
        "row",
        "healthy-server",
        &[
            (
                "/etc/passwd",
                "root:x:0:0::/:/bin/sh\nkubelet:x:900:900::/:/bin/false\netcd:x:52034:52034::/:/bin/false\n",
            ),
            ("/etc/group", "root:x:0:\netcd:x:52034:\n"),
        ],
    ),
    // Control groups.
    Case {
        version: "v1.36.3+rke2r1",
        ..case("cgroup.v1", "nothing set", "cgroup-v1-on-1.36", &[])
    },
    Case {
        version: "v1.33.1+rke2r1",
        ..case(
            "cgroup.v1",
            "config.yaml",
            "cgroup-v1-on-1.36",
            &[(
                CONFIG,
                "server: https://x:9345\ntoken: t\nkubelet-arg:\n- fail-cgroupv1=true\n",
            )],
        )
    },
    Case {
        version: "v1.33.1+rke2r1",
        ..case(
            "cgroup.v1",
            "Rancher's file",
            "cgroup-v1-on-1.36",
            &[(
                RANCHER,
                "{\"kubelet-arg\": [\"max-pods=99\", \"fail-cgroupv1=true\"]}",
            )],
        )
    },
    Case {
        version: "v1.33.1+rke2r1",
        ..case(
            "cgroup.v1",
            "ExecStart=",
            "cgroup-v1-on-1.36",
            &[(
                "/usr/lib/systemd/system/rke2-agent.service",
                "[Service]\nExecStart=/usr/bin/rke2 agent --kubelet-arg=fail-cgroupv1=true\n",
            )],
        )
    },
    Case {
        version: "v1.33.1+rke2r1",
        ..case(
            "cgroup.v1",
            "kubelet's file",
            "cgroup-v1-on-1.36",
            &[
                (
                    DROP_IN,
                    "kubelet-arg:\n- config=/etc/rancher/rke2/kubelet.yaml\n",
                ),
                (
                    "/etc/rancher/rke2/kubelet.yaml",
                    "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: true\n",
                ),
            ],
        )
    },
    // An agent that does not know where it belongs.
    case(
        "config.join",
        "no token",
        "healthy-agent",
        &[(CONFIG, "server: https://x:9345\n")],
    ),
    case(
        "config.join",
        "no server",
        "healthy-agent",
        &[(CONFIG, "token: t")],
    ),
    case(
        "config.join",
        "empty key",
        "healthy-agent",
        &[(CONFIG, "token: t\nserver: \"\"\n")],
    ),
    case(
        "config.join",
        "empty key of a drop-in",
        "healthy-agent",
        &[(DROP_IN, "token: \"\"\n")],
    ),
    case(
        "config.join",
        "empty key of Rancher's file",
        "healthy-agent",
        &[(RANCHER, "{\"server\": \"\"}")],
    ),
    case(
        "config.join",
        "empty variable",
        "healthy-agent",
        &[
            (CONFIG, "token: t\n"),
            ("/etc/sysconfig/rke2-agent", "HOME=/root\nRKE2_URL=\n"),
        ],
    ),
    case(
        "config.join",
        "empty argument",
        "healthy-agent",
        &[(
            "/usr/lib/systemd/system/rke2-agent.service",
            "[Service]\nExecStart=/usr/bin/rke2 agent --server=\n",
        )],
    ),
    case(
        "config.join",
        "another configuration",
        "healthy-agent",
        &[
            (
                "/usr/lib/systemd/system/rke2-agent.service",
                "[Service]\nExecStart=/usr/bin/rke2 agent --config=/srv/rke2.yaml\n",
            ),
            ("/srv/rke2.yaml", "server: https://x:9345\n"),
        ],
    ),
    // What RKE2 does not read.
    Case {
        and: |host| host.link(DROP_IN, "/srv/nothing.yaml"),
        ..case("config.dropped", "drop-in", "healthy-server", &[])
    },
    Case {
        and: |host| {
            std::fs::rename(host.at(CONFIG), host.at("/etc/rancher/rke2/conf.yaml")).unwrap();
        },
        ..case("config.unread", "conf.yaml alone", "healthy-server", &[])
    },
    case(
        "config.unread",
        "beside config.yaml",
        "healthy-server",
        &[("/etc/rancher/rke2/config.yml", "profile: cis\n")],
    ),
    case(
        "config.unread",
        "drop-in without ending",
        "healthy-server",
        &[("/etc/rancher/rke2/config.yaml.d/10-site", "selinux: true\n")],
    ),
    Case {
        version: "v1.18.20+rke2r1",
        ..case(
            "config.unread",
            "drop-in of an old release",
            "healthy-server",
            &[(CONFIG, "token: t\n"), (DROP_IN, "selinux: true\n")],
        )
    },
    case(
        "config.unread",
        "beside another configuration",
        "healthy-server",
        &[
            (
                "/usr/lib/systemd/system/rke2-server.service",
                "[Service]\nExecStart=/usr/bin/rke2 server --config=/srv/rke2.yaml\n",
            ),
            ("/srv/rke2.yaml", "token: t\n"),
        ],
    ),
    // Settings that lose.
    case(
        "config.overridden",
        "profile in a drop-in",
        "healthy-server",
        &[(DROP_IN, "profile: \"\"\n")],
    ),
    case(
        "config.overridden",
        "profile in Rancher's file",
        "healthy-server",
        &[(RANCHER, "{\"profile\": \"\"}")],
    ),
    case(
        "config.overridden",
        "profile in ExecStart=",
        "healthy-server",
        &[(
            "/usr/lib/systemd/system/rke2-server.service",
            "[Service]\nExecStart=/usr/bin/rke2 server --profile=etcd\n",
        )],
    ),
    case(
        "config.overridden",
        "list in a drop-in",
        "healthy-server",
        &[(DROP_IN, "tls-san:\n- other.example.org\n")],
    ),
    case(
        "config.overridden",
        "list in Rancher's file",
        "healthy-server",
        &[(RANCHER, "{\"tls-san\": [\"other.example.org\"]}")],
    ),
    Case {
        version: "v1.19.7+rke2r1",
        ..case(
            "config.overridden",
            "repeated key",
            "healthy-server",
            &[(CONFIG, "node-name: a\ntoken: t\nnode-name: b\n")],
        )
    },
    // What a later release refuses.
    Case {
        version: "v1.36.3+rke2r1",
        ..case(
            "config.deprecated",
            "environment file",
            "healthy-server",
            &[(
                "/etc/sysconfig/rke2-server",
                "HOME=/root\nRKE_INGRESS_CONTROLLER=traefik\n",
            )],
        )
    },
    Case {
        version: "v1.36.3+rke2r1",
        ..case(
            "config.deprecated",
            "unit drop-in",
            "healthy-server",
            &[(
                "/etc/systemd/system/rke2-server.service.d/a.conf",
                "[Service]\nEnvironment=RKE_INGRESS_CONTROLLER=traefik\n",
            )],
        )
    },
    Case {
        version: "v1.36.3+rke2r1",
        ..case(
            "config.deprecated",
            "service manager",
            "healthy-server",
            &[(
                "/etc/systemd/system.conf",
                "[Manager]\nDefaultEnvironment=RKE_INGRESS_CONTROLLER=traefik\n",
            )],
        )
    },
    case(
        "config.pod-security",
        "RKE2's file",
        "healthy-server",
        &[(
            "/etc/rancher/rke2/rke2-pss.yaml",
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n\
            - name: PodSecurity\n  configuration:\n    apiVersion: pod-security.admission.config.k8s.io/v1\n    \
            kind: PodSecurityConfiguration\n    defaults:\n      enforce: baseline\n",
        )],
    ),
    case(
        "config.kubelet-arg",
        "taint in config.yaml",
        "healthy-server",
        &[(CONFIG, "profile: cis\ntoken: t\nnode-taint:\n- a=b:Never\n")],
    ),
    // Controls.
    case(
        "control.argument",
        "config.yaml",
        "healthy-server",
        &[(
            CONFIG,
            "profile: cis\ntoken: t\nkube-apiserver-arg:\n- audit-log-maxage=5\n- profiling=true\n",
        )],
    ),
    case(
        "control.argument",
        "alone in a drop-in",
        "healthy-server",
        &[(DROP_IN, "kube-apiserver-arg:\n- profiling=true\n")],
    ),
    case(
        "control.argument",
        "Rancher's file",
        "healthy-server",
        &[(
            RANCHER,
            "{\"kube-apiserver-arg\": [\"profiling=true\", \"v=2\"]}",
        )],
    ),
    case(
        "control.argument",
        "ExecStart=",
        "healthy-server",
        &[(
            "/usr/lib/systemd/system/rke2-server.service",
            "[Service]\nExecStart=/usr/bin/rke2 server --kube-apiserver-arg=profiling=true\n",
        )],
    ),
    case(
        "control.argument",
        "twice",
        "healthy-server",
        &[(
            DROP_IN,
            "kube-apiserver-arg:\n- profiling=true\n- v=2\n- profiling=true\n",
        )],
    ),
    case(
        "control.audit-policy",
        "RKE2's file",
        "healthy-server",
        &[(
            "/etc/rancher/rke2/audit-policy.yaml",
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n",
        )],
    ),
    case(
        "control.audit-policy",
        "another file",
        "healthy-server",
        &[
            (
                CONFIG,
                "profile: cis\ntoken: t\naudit-policy-file: /srv/policy.yaml\n",
            ),
            (
                "/srv/policy.yaml",
                "apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules:\n- level: None\n",
            ),
        ],
    ),
    Case {
        version: "v1.22.17+rke2r1",
        ..case(
            "control.audit-policy",
            "an old release",
            "healthy-server",
            &[
                (CONFIG, "profile: cis-1.6\ntoken: t\n"),
                (
                    "/etc/rancher/rke2/audit-policy.yaml",
                    "apiVersion: audit.k8s.io/v1\nkind: Policy\n",
                ),
            ],
        )
    },
    case(
        "control.kubelet",
        "config.yaml",
        "healthy-server",
        &[(
            CONFIG,
            "profile: cis\ntoken: t\nkubelet-arg:\n- protect-kernel-defaults=false\n",
        )],
    ),
    case(
        "control.kubelet",
        "Rancher's file",
        "healthy-agent",
        &[(
            RANCHER,
            "{\"kubelet-arg\": [\"protect-kernel-defaults=false\"]}",
        )],
    ),
    case(
        "control.kubelet",
        "ExecStart=",
        "healthy-agent",
        &[(
            "/usr/lib/systemd/system/rke2-agent.service",
            "[Service]\nExecStart=/usr/bin/rke2 agent --kubelet-arg=protect-kernel-defaults=false\n",
        )],
    ),
    case(
        "control.kubelet",
        "kubelet's file",
        "healthy-agent",
        &[
            (DROP_IN, "kubelet-arg:\n- config=/srv/kubelet.yaml\n"),
            (
                "/srv/kubelet.yaml",
                "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nprotectKernelDefaults: false\n",
            ),
        ],
    ),
    Case {
        and: |host| {
            for pod in ["kube-scheduler", "kube-controller-manager"] {
                let path = format!("/var/lib/rancher/rke2/agent/pod-manifests/{pod}.yaml");
                host.file(&path, "kind: Pod\n");
                let mode = PermissionsExt::from_mode(0o644);
                std::fs::set_permissions(host.at(&path), mode).unwrap();
            }
        },
        ..case("control.manifest-mode", "two pods", "healthy-server", &[])
    },
    Case {
        and: |host| {
            host.file("/var/lib/rancher/rke2/server/db/etcd/member/wal/0.wal", "");
            let at = host.at("/var/lib/rancher/rke2/server/db/etcd");
            chown(at, Some(0), Some(0)).unwrap();
        },
        ..case("control.etcd-data", "data of root's", "healthy-server", &[])
    },
    // Units.
    Case {
        and: |host| {
            host.link(
                &format!("{WANTS}/rke2-agent.service"),
                "/usr/lib/systemd/system/rke2-agent.service",
            );
        },
        ..case(
            "unit.both-enabled",
            "links",
            "healthy-server",
            &[
                (CONFIG, "profile: cis\ntoken: t\nserver: https://x:9345\n"),
                ("/usr/lib/systemd/system/rke2-server.service", SERVER),
                ("/usr/lib/systemd/system/rke2-agent.service", AGENT),
            ],
        )
    },
    case(
        "data-dir.other-role",
        "an agent's",
        "healthy-server",
        &[
            (CONFIG, "profile: cis\ntoken: t\nserver: https://x:9345\n"),
            ("/usr/lib/systemd/system/rke2-agent.service", AGENT),
            ("/var/lib/rancher/rke2/agent/client-kubelet.crt", "x"),
        ],
    ),
    case(
        "data-dir.other-role",
        "a server's",
        "healthy-agent",
        &[
            ("/usr/lib/systemd/system/rke2-server.service", SERVER),
            (
                "/etc/passwd",
                "root:x:0:0:root:/root:/bin/bash\netcd:x:52:52::/:/sbin/nologin\n",
            ),
            ("/etc/group", "root:x:0:\netcd:x:52:\n"),
            (
                "/var/lib/rancher/rke2/agent/pod-manifests/etcd.yaml",
                "kind: Pod\n",
            ),
        ],
    ),
    case(
        "unit.problem",
        "unit",
        "healthy-server",
        &[(
            "/usr/lib/systemd/system/rke2-server.service",
            "[Service]\nnonsense\nExecStart=/usr/bin/rke2 server\n",
        )],
    ),
    case(
        "unit.problem",
        "drop-in",
        "healthy-server",
        &[(
            "/etc/systemd/system/rke2-server.service.d/a.conf",
            "Restart=no\n[Service]\nRestartSec=5s\n",
        )],
    ),
    case(
        "unit.problem",
        "relative path",
        "healthy-server",
        &[(
            "/etc/systemd/system/rke2-server.service.d/a.conf",
            "[Service]\nEnvironmentFile=default/rke2\n",
        )],
    ),
    case(
        "unit.problem",
        "environment file",
        "healthy-server",
        &[("/etc/sysconfig/rke2-server", "HOME=/root\n1RKE2=x\n")],
    ),
    // Kernel parameters that a kubelet sets by itself.
    case(
        "kubelet.overwrites-sysctl",
        "file",
        "overwritten-by-kubelet",
        &[],
    ),
];

/// Gives a host a wrong value of a kernel parameter: its file below `/proc/sys`, its key, the value.
type Spoil = fn(&Host, &str, &str, &str);

/// Where a kernel parameter gets a wrong value from, for now and for the next boot.
const KERNEL: &[(&str, Spoil)] = &[
    ("running kernel", |host, path, _, bad| {
        host.file(path, format!("{bad}\n"));
    }),
    ("file of ours", |host, _, key, bad| {
        set(host, "/etc/sysctl.d/60-rke2-cis.conf", key, bad);
    }),
    ("file read later", |host, _, key, bad| {
        set(host, "/etc/sysctl.d/99-zz.conf", key, bad);
    }),
    ("sysctl.conf", |host, _, key, bad| {
        set(host, "/etc/sysctl.conf", key, bad);
        host.link("/etc/sysctl.d/99-sysctl.conf", "../sysctl.conf");
    }),
    ("vendor's file", |host, _, key, bad| {
        set(host, "/usr/lib/sysctl.d/99-vendor.conf", key, bad);
    }),
    ("pattern", |host, path, key, bad| {
        // systemd before 246 knows no patterns.
        host.file("/usr/lib/systemd/libsystemd-shared-255.so", "");
        host.file(path, format!("{bad}\n"));
        let (directory, name) = key.rsplit_once('.').unwrap();
        let pattern = format!(
            "{}/{}*",
            directory.replace('.', "/"),
            &name[..name.len() - 1]
        );
        set(host, "/etc/sysctl.d/99-zz.conf", &pattern, bad);
    }),
    ("kernel command line", |host, path, key, bad| {
        host.file(path, format!("{bad}\n"));
        std::fs::remove_file(host.at("/etc/sysctl.d/60-rke2-cis.conf")).unwrap();
        let other = KERNEL_PARAMETERS.iter().filter(|other| other.key != key);
        for other in other {
            set(
                host,
                "/etc/sysctl.d/50-site.conf",
                other.key,
                &other.required.to_string(),
            );
        }
        host.file(
            "/proc/cmdline",
            format!("root=/dev/sda1 sysctl.{key}={bad} ro\n"),
        );
    }),
];

fn set(host: &Host, path: &str, key: &str, value: &str) {
    let written = std::fs::read_to_string(host.at(path)).unwrap_or_default();
    host.file(path, format!("{written}{key} = {value}\n"));
}

/// The findings of all units, and whether each would start, now and after the next boot.
fn report(host: &Host, version: &str) -> (Vec<Value>, bool) {
    let (document, _) = host.json(&["check", "--rke2-version", version]);
    let units = document["units"].as_array().unwrap();
    assert!(!units.is_empty(), "{document}");
    let findings = units
        .iter()
        .flat_map(|unit| unit["findings"].as_array().unwrap().clone());
    let starts = units
        .iter()
        .all(|unit| unit["verdict"] == "would-start" && unit["next_boot_verdict"] == "would-start");
    (findings.collect(), starts)
}

/// The ways to cure a finding: each a list of changes. Of a kernel parameter, the running kernel and the next boot need a
/// change each.
fn ways(finding: &Value) -> Vec<Vec<Value>> {
    let remedies = finding["remedies"].as_array().unwrap().iter().map(edits);
    let ways: Vec<Vec<Value>> = remedies.filter(|way| !way.is_empty()).collect();
    if finding["id"].as_str().unwrap().starts_with("sysctl.") {
        return vec![ways.concat()];
    }
    ways
}

/// What a finding is about.
fn subject(finding: &Value) -> (&str, &str) {
    let field = |name: &str| finding[name].as_str().unwrap();
    (field("id"), field("subject"))
}

/// Cures the host of each of its findings of this kind in each way, and says what is wrong with that; the number of ways.
fn cure(id: &str, version: &str, make: &dyn Fn() -> Host) -> Result<usize, String> {
    let (before, _) = report(&make(), version);
    let known: BTreeSet<(&str, &str)> = before.iter().map(subject).collect();
    let mut count = 0;
    for finding in before.iter().filter(|finding| finding["id"] == id) {
        let ways = ways(finding);
        if ways.is_empty() {
            return Err(format!("no remedy is a change: {finding}"));
        }
        for way in &ways {
            let host = make();
            for edit in way {
                apply(&host, edit);
            }
            let (after, starts) = report(&host, version);
            let is_left = |left: &&Value| {
                subject(left) == subject(finding) || !known.contains(&subject(left))
            };
            let left: Vec<&Value> = after.iter().filter(is_left).collect();
            if !left.is_empty() || !starts {
                return Err(format!("{way:?}: starts: {starts}, left: {left:?}"));
            }
        }
        count += ways.len();
    }
    if count == 0 {
        return Err(format!("not found: {before:?}"));
    }
    Ok(count)
}

#[test]
fn each_remedy_cures_what_it_is_for() {
    let is_root = nix::unistd::geteuid().is_root();
    let (mut cured, mut wrong) = (0, Vec::new());
    let mut note = |what: String, result: Result<usize, String>| match result {
        Ok(ways) => cured += ways,
        Err(why) => wrong.push(format!("{what}: {why}")),
    };
    for case in CASES {
        // Only root can give files to another user.
        if case.id == "control.etcd-data" && !is_root {
            continue;
        }
        let make = || {
            let host = Host::like(case.over);
            for (path, content) in case.files {
                host.file(path, content);
            }
            (case.and)(&host);
            host
        };
        note(
            format!("{} {}", case.id, case.place),
            cure(case.id, case.version, &make),
        );
    }
    for parameter in KERNEL_PARAMETERS {
        let bad = if parameter.required == 0 { "1" } else { "2" };
        for (place, spoil) in KERNEL {
            let make = || {
                let host = Host::like("healthy-server");
                spoil(&host, &parameter.path(), parameter.key, bad);
                host
            };
            let id = format!("sysctl.{}", parameter.key);
            note(format!("{id} {place}"), cure(&id, NEW, &make));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    assert!(cured >= 100, "{cured}");
}

/// A check that is added needs a case here or in `origins`, or a reason.
#[test]
fn each_check_has_a_case_or_a_reason() {
    let kernel = KERNEL_PARAMETERS.map(|parameter| parameter.check);
    for check in CheckId::ALL {
        let id = check.as_str();
        let has_case = MISTAKES.iter().any(|mistake| mistake.id == id)
            || CASES.iter().any(|case| case.id == id)
            || kernel.contains(check);
        let has_reason = UNDECIDED.iter().any(|(undecided, _)| *undecided == id)
            || OF_THE_NODE.iter().any(|(_, ids)| ids.contains(&id));
        assert!(
            has_case != has_reason,
            "{id}: case {has_case}, reason {has_reason}"
        );
    }
    assert!(UNDECIDED.iter().all(|(id, _)| CheckId::parse(id).is_some()));
    assert!(UNDECIDED.len() <= 8);
}
