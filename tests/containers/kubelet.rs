//! The gate and the real kubelet on the same hosts: what the gate decides is what the kubelet does.
//!
//! The kubelet of 1.37 runs as a release of RKE2 would run it whose rules are known: its check of kernel
//! parameters has not changed since 1.7. `tests/kubernetes/build 1.37 kubelet` builds it, and
//! `tests/kubernetes/containerd` unpacks the container runtime that it needs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use serde_json::Value;

use crate::lab::{Lab, roots};

/// A host, as it differs from one that is right and has no profile.
#[derive(Clone, Copy)]
struct Host {
    name: &'static str,
    /// RKE2's configuration.
    config: &'static str,
    /// Contents of parameters, as printf takes them.
    values: &'static [(&'static str, &'static str)],
    /// A file of the administrator's in `kubelet.conf.d`.
    drop_in: &'static str,
    /// What /etc/kubelet.yaml adds to its first two lines.
    file: &'static str,
    /// A parameter that is mounted read-only.
    read_only: &'static str,
    /// Whether the kubelet ends.
    ends: bool,
}

const RIGHT: Host = Host {
    name: "right",
    config: "",
    values: &[],
    drop_in: "",
    file: "",
    read_only: "",
    ends: false,
};
const CIS: &str = "profile: cis\n";
const PROTECT: &str = "kubelet-arg:\n- protect-kernel-defaults=true\n";
const STOCK: &[(&str, &str)] = &[
    ("vm.overcommit_memory", "0\\n"),
    ("kernel.panic", "0\\n"),
    ("kernel.panic_on_oops", "0\\n"),
    ("kernel.keys.root_maxkeys", "200\\n"),
    ("kernel.keys.root_maxbytes", "20000\\n"),
];

const HOSTS: [Host; 22] = [
    RIGHT,
    Host {
        name: "stock",
        values: STOCK,
        ..RIGHT
    },
    Host {
        name: "profile",
        config: CIS,
        ..RIGHT
    },
    Host {
        name: "profile-stock",
        config: CIS,
        values: STOCK,
        ends: true,
        ..RIGHT
    },
    Host {
        name: "profile-keys",
        config: CIS,
        values: &[("kernel.keys.root_maxkeys", "200\\n")],
        ends: true,
        ..RIGHT
    },
    Host {
        name: "flag",
        config: PROTECT,
        ..RIGHT
    },
    Host {
        name: "flag-stock",
        config: PROTECT,
        values: STOCK,
        ends: true,
        ..RIGHT
    },
    Host {
        name: "flag-one-wrong",
        config: PROTECT,
        values: &[("vm.panic_on_oom", "1\\n")],
        ends: true,
        ..RIGHT
    },
    Host {
        name: "flag-spaces",
        config: PROTECT,
        values: &[("kernel.panic", "  10 \\n\\n")],
        ..RIGHT
    },
    Host {
        name: "flag-plus",
        config: PROTECT,
        values: &[("kernel.panic", "+010")],
        ..RIGHT
    },
    Host {
        name: "flag-tab",
        config: PROTECT,
        values: &[("kernel.panic", "10\\t\\n")],
        ends: true,
        ..RIGHT
    },
    Host {
        name: "no-number",
        values: &[("kernel.panic", "ten\\n")],
        ends: true,
        ..RIGHT
    },
    Host {
        name: "empty",
        values: &[("vm.overcommit_memory", "")],
        ends: true,
        ..RIGHT
    },
    Host {
        name: "too-large",
        values: &[("kernel.panic", "9223372036854775808\\n")],
        ends: true,
        ..RIGHT
    },
    Host {
        name: "large",
        values: &[("kernel.panic", "9223372036854775807\\n")],
        ..RIGHT
    },
    Host {
        name: "read-only",
        values: STOCK,
        read_only: "kernel.panic",
        ends: true,
        ..RIGHT
    },
    Host {
        name: "read-only-right",
        values: &[("vm.overcommit_memory", "0\\n")],
        read_only: "kernel.panic",
        ..RIGHT
    },
    Host {
        name: "read-only-flag",
        config: PROTECT,
        values: &[("kernel.panic", "60\\n")],
        read_only: "kernel.panic",
        ends: true,
        ..RIGHT
    },
    Host {
        name: "drop-in",
        drop_in: "protectKernelDefaults: true",
        values: &[("kernel.panic", "60\\n")],
        ends: true,
        ..RIGHT
    },
    Host {
        name: "drop-in-reverts-profile",
        config: CIS,
        drop_in: "protectKernelDefaults: false",
        values: &[("kernel.keys.root_maxkeys", "200\\n")],
        ..RIGHT
    },
    Host {
        name: "file",
        config: "kubelet-arg:\n- config=/etc/kubelet.yaml\n",
        file: "protectKernelDefaults: true",
        values: &[("kernel.panic", "60\\n"), ("vm.panic_on_oom", "x\\n")],
        ends: true,
        ..RIGHT
    },
    Host {
        name: "flag-over-file",
        config: "kubelet-arg:\n- config=/etc/kubelet.yaml\n- protect-kernel-defaults=false\n",
        file: "protectKernelDefaults: true",
        values: &[("kernel.panic", "60\\n")],
        ..RIGHT
    },
];

/// Waits for states, never for a time: it runs on slow machines too.
const SCRIPT: &str = r#"
systemctl mask --now preflight-rke2
[ -e /dev/kmsg ] || ln -s /dev/null /dev/kmsg
conf_d=/var/lib/rancher/rke2/agent/etc/kubelet.conf.d
log=/var/lib/rancher/rke2/agent/logs/kubelet.log
mkdir -p $conf_d /lab/cri
PATH=$PATH:/opt/containerd/usr/bin:/opt/containerd/usr/sbin containerd --config /lab/cri.toml >/out/containerd 2>&1 &
runtime=$!
until [ -S /lab/cri.sock ]; do sleep 0.1; done
configuration() { printf 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n%s\n' "$1"; }
value() { printf "$2" >"/lab/$1"; }
decided() { grep -aqE '"(Failed to start ContainerManager|command failed|Starting Kubelet Plugin Manager)"' $log; }
# NAME DROP-IN FILE READ-ONLY
host() {
    rm -f /run/rke2-stand-in-runs /run/kubelet.pid $log $conf_d/50-site.conf /etc/kubelet.yaml
    [ -z "$2" ] || configuration "$2" >$conf_d/50-site.conf
    [ -z "$3" ] || configuration "$3" >/etc/kubelet.yaml
    [ -z "$4" ] || mount -o remount,bind,ro "/proc/sys/${4//.//}"
    rec "$1-check" preflight-rke2 check --unit rke2-agent.service --format json
    systemctl start --no-block rke2-agent
    until [ -e /run/rke2-stand-in-runs ] || ! systemctl list-jobs | grep -q 'rke2-agent.service'; do sleep 0.1; done
    by_hand=
    if [ -e /run/rke2-stand-in-runs ]; then
        echo started >"/out/$1-gate"
    else
        echo blocked >"/out/$1-gate"
        /usr/local/bin/rke2 agent >/dev/null 2>&1 &
        by_hand=$!
    fi
    until decided; do sleep 0.1; done
    cp $log /out/$1-log
    [ -z "$by_hand" ] || kill $by_hand
    systemctl stop rke2-agent
    kill "$(cat /run/kubelet.pid)" 2>/dev/null
    while kill -0 "$(cat /run/kubelet.pid)" 2>/dev/null; do sleep 0.1; done
    [ -z "$4" ] || mount -o remount,bind,rw "/proc/sys/${4//.//}"
}
"#;

fn script() -> String {
    let mut script = SCRIPT.to_owned();
    for host in HOSTS {
        let right = [
            ("vm.overcommit_memory", "1\\n"),
            ("vm.panic_on_oom", "0\\n"),
            ("kernel.panic", "10\\n"),
            ("kernel.panic_on_oops", "1\\n"),
            ("kernel.keys.root_maxkeys", "1000000\\n"),
            ("kernel.keys.root_maxbytes", "25000000\\n"),
        ];
        for (key, value) in right.iter().chain(host.values) {
            let _ = writeln!(script, "value {key} '{value}'");
        }
        let _ = writeln!(
            script,
            "printf '%s' 'server: https://10.0.0.1:9345\ntoken: secret\n{}' >/etc/rancher/rke2/config.yaml\n\
             host {} '{}' '{}' '{}'",
            host.config, host.name, host.drop_in, host.file, host.read_only
        );
    }
    script + "kill $runtime\n"
}

const RUNTIME: &str = "version = 2\nroot = \"/lab/cri/root\"\nstate = \"/lab/cri/state\"\n\
     disabled_plugins = [\"io.containerd.internal.v1.opt\"]\n[grpc]\naddress = \"/lab/cri.sock\"\n";

/// A cluster that is not there.
const KUBECONFIG: &str = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": {}}]}
"#;

#[test]
fn what_the_gate_decides_is_what_the_kubelet_does() {
    for (script, arguments) in [("build", &["1.37", "kubelet"][..]), ("containerd", &[])] {
        let done = Command::new(format!(
            "{}/tests/kubernetes/{script}",
            env!("CARGO_MANIFEST_DIR")
        ))
        .args(arguments)
        .status()
        .expect("run a script");
        assert!(done.success(), "tests/kubernetes/{script}");
    }
    let kubelet = roots().join("kubernetes/1.37/bin/kubelet");
    let outcome = Lab::new("bookworm")
        .file(
            "/usr/local/lib/rke2-stand-in",
            include_str!("../lab/stand-in/rke2-kubelet.sh"),
        )
        .file("/lab/kubelet", "")
        .file("/lab/kubeconfig", KUBECONFIG)
        .file("/lab/cri.toml", RUNTIME)
        .bind(&kubelet, "/lab/kubelet")
        .bind(&roots().join("containerd"), "/opt/containerd")
        .longer(600)
        .script(&script())
        .boot();
    let mut started = 0;
    for host in HOSTS {
        let name = host.name;
        let log = outcome.text(&format!("{name}-log"));
        let message = log
            .lines()
            .find_map(|line| line.split_once("\"Failed to start ContainerManager\" err=\""))
            .map(|(_, rest)| {
                rest.trim_end_matches('"')
                    .replace("\\\"", "\"")
                    .replace("\\\\", "\\")
            });
        assert_eq!(message.is_some(), host.ends, "{name}: {message:?}\n{log}");
        let gate = outcome.line(&format!("{name}-gate"));
        let expected = if host.ends { "blocked" } else { "started" };
        assert_eq!(gate, expected, "{name}: {message:?}");
        started += usize::from(!host.ends);

        let text = outcome.text(&format!("{name}-check"));
        let report: Value = serde_json::from_str(&text).expect("a report");
        let unit = &report["units"][0];
        let Some(message) = message.filter(|_| unit["refused_by"] == "kubelet") else {
            assert_eq!(
                unit["verdict"] == "would-refuse",
                host.ends,
                "{name}: {unit}"
            );
            continue;
        };
        let lines = unit["predicted"].as_array().expect("a list");
        let lines: BTreeSet<&str> = lines.iter().filter_map(Value::as_str).collect();
        let length: usize = lines.iter().map(|line| line.len()).sum();
        // Several stand in brackets, in no order.
        let around = if lines.len() > 1 { 2 * lines.len() } else { 0 };
        assert_eq!(
            message.len(),
            length + around,
            "{name}: {message}: {lines:?}"
        );
        for line in lines {
            assert!(message.contains(line), "{name}: {message}: {line}");
        }
    }
    println!("{} hosts, {started} of them start", HOSTS.len());
}
