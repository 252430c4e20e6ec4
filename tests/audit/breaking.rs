//! Breaks one control of a node, derived from what the control requires.

use std::fmt::Write as _;

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::audit::control::{
    Control, Criterion, EtcdRule, FileSet, KubeletRule, KubeletSetting, Rule, Who,
};

use crate::node::{ETCD, Node};

/// Where the value to break is.
fn path(node: &Node, place: FileSet) -> String {
    let data = &node.data;
    match place {
        FileSet::File(path) | FileSet::Directory(path) => format!("{data}/{path}"),
        FileSet::Suffix("server/tls", ".crt") => format!("{data}/server/tls/client-ca.crt"),
        FileSet::Suffix("server/tls", ".key") | FileSet::Tree("server/tls") => {
            format!("{data}/server/tls/server-ca.key")
        }
        FileSet::Suffix(..) | FileSet::Tree(_) => {
            format!("{data}/agent/etc/kubelet.conf.d/00-rke2-defaults.conf")
        }
        FileSet::Cni => "/etc/cni/net.d/10-canal.conflist".to_owned(),
    }
}

/// Breaks the control; false where there is nothing to break.
pub(crate) fn one(node: &mut Node, control: &Control, benchmark: Benchmark) -> bool {
    match control.criterion {
        Criterion::Mode(place, limit) => {
            let at = path(node, place);
            if at.contains("kubelet.conf.d") && node.conf_d.is_empty() {
                return false;
            }
            // The least right that is too much.
            let limit = limit.of(benchmark);
            let bit = (0..12)
                .map(|n| 1 << n)
                .find(|bit| limit & bit == 0)
                .unwrap();
            node.modes.insert(at, limit | bit);
        }
        Criterion::Owner(place, who) => {
            let at = path(node, place);
            if at.contains("kubelet.conf.d") && node.conf_d.is_empty() {
                return false;
            }
            let wrong = if who == Who::Etcd {
                (ETCD, 0)
            } else {
                (0, ETCD)
            };
            node.owners.insert(at, wrong);
        }
        Criterion::Flag(component, rule) => flag(node.args(component.program()), rule),
        Criterion::Etcd(rule) => etcd(node, rule),
        Criterion::EtcdPodUser => {
            let path = format!("{}/agent/pod-manifests/etcd.yaml", node.data);
            replace(
                node,
                &path,
                &format!("runAsGroup: {ETCD}"),
                "runAsGroup: 100",
            );
        }
        Criterion::Kubelet(rule) => kubelet(node, rule),
        Criterion::Encryption => {
            let path = format!("{}/server/cred/encryption-config.json", node.data);
            replace(
                node,
                &path,
                "\"providers\":[",
                "\"providers\":[{\"identity\":{}},",
            );
        }
        Criterion::AuditPolicy => {
            replace(
                node,
                "/etc/rancher/rke2/audit-policy.yaml",
                "level: Metadata",
                "level: None",
            );
        }
        Criterion::PodSecurity => {
            replace(
                node,
                "/etc/rancher/rke2/rke2-pss.yaml",
                "restricted",
                "baseline",
            );
        }
        Criterion::PodSecurityExemptions => {
            replace(
                node,
                "/etc/rancher/rke2/rke2-pss.yaml",
                "[kube-system,",
                "[kube-system, default,",
            );
        }
        Criterion::ByHand(_) | Criterion::Absent(_) => return false,
    }
    true
}

fn replace(node: &mut Node, path: &str, from: &str, to: &str) {
    let text = node.files.get_mut(path).unwrap();
    assert!(text.contains(from), "{path}: {from}\n{text}");
    *text = text.replacen(from, to, 1);
}

fn remove(args: &mut Vec<String>, name: &str) {
    args.retain(|arg| !arg.starts_with(&format!("--{name}=")) && *arg != format!("--{name}"));
}

fn set(args: &mut Vec<String>, name: &str, value: &str) {
    // Last, so that it wins; what stood there stays.
    args.push(format!("--{name}={value}"));
}

/// Edits the items of a list in place.
fn list(args: &mut Vec<String>, name: &str, edit: impl Fn(&mut Vec<String>)) {
    let before = format!("--{name}=");
    let old = args.iter().find_map(|arg| arg.strip_prefix(&before));
    let mut items: Vec<String> = old
        .into_iter()
        .flat_map(|list| list.split(','))
        .map(str::to_owned)
        .collect();
    edit(&mut items);
    remove(args, name);
    args.push(format!("{before}{}", items.join(",")));
}

fn flag(args: &mut Vec<String>, rule: Rule) {
    match rule {
        Rule::Off(name) => set(args, name, "true"),
        Rule::On(name) | Rule::OnOrUnset(name) => set(args, name, "false"),
        Rule::Set(names) => remove(args, names.last().unwrap()),
        Rule::Unset(name) => set(args, name, "/x"),
        Rule::Has(name, item) => list(args, name, |items| items.retain(|other| other != item)),
        // The one stands for the other in another control: leave that as it is.
        Rule::HasOneOf(name, wanted) => {
            list(args, name, |items| {
                items.retain(|other| !wanted.contains(&other.as_str()));
            });
        }
        Rule::Lacks(name, item) => list(args, name, |items| items.push(item.to_owned())),
        Rule::AtLeast(name, number) => set(args, name, &(number - 1).to_string()),
        Rule::Zero(name) => set(args, name, "8080"),
        Rule::PositiveOrUnset(name) => set(args, name, "0"),
        Rule::DurationOrUnset(name) => set(args, name, "0s"),
        Rule::Loopback(name) => set(args, name, "0.0.0.0"),
        Rule::LoopbackOrUnset(name) => set(args, name, "0.0.0.0:10249"),
        Rule::GateNotOff(gate) => set(args, "feature-gates", &format!("{gate}=false")),
        Rule::Ciphers(_) => list(args, "tls-cipher-suites", |items| {
            items.push("TLS_RSA_WITH_RC4_128_SHA".to_owned());
        }),
    }
}

fn etcd(node: &mut Node, rule: EtcdRule) {
    let path = format!("{}/server/db/etcd/config", node.data);
    let text = node.files.get_mut(&path).unwrap();
    let (section, from, to) = match rule {
        EtcdRule::Files(section, keys) => {
            let (key, file) = keys.last().unwrap();
            let line = format!("  {key}: {}/{file}\n", node.data);
            (section, line, format!("  {key}: /etc/etcd/other\n"))
        }
        EtcdRule::On(section, key) => (
            section,
            format!("  {key}: true\n"),
            format!("  {key}: false\n"),
        ),
        EtcdRule::OffOrUnset(section, key) => (section, String::new(), format!("  {key}: true\n")),
    };
    let (before, after) = text.split_once(&format!("{section}:\n")).unwrap();
    let after = if from.is_empty() {
        format!("{to}{after}")
    } else {
        assert!(after.contains(&from), "{from}\n{after}");
        after.replacen(&from, &to, 1)
    };
    *text = format!("{before}{section}:\n{after}");
}

/// By a drop-in where this release has them, by a flag where not; where a flag is given, by one.
fn kubelet(node: &mut Node, rule: KubeletRule) {
    let no_files = node.conf_d.is_empty();
    let mut set = |setting: KubeletSetting, value: &str| {
        let given = node
            .kubelet
            .iter()
            .any(|arg| arg.starts_with(&format!("--{}=", setting.flag)));
        if given || node.conf_d.is_empty() {
            node.kubelet.push(format!("--{}={value}", setting.flag));
            // RKE2's own entry comes after it at the next start.
            let entry = format!("  - {}=", setting.flag);
            let lines = node.config.lines().filter(|line| !line.starts_with(&entry));
            node.config = lines.flat_map(|line| [line, "\n"]).collect();
            return;
        }
        let keys: Vec<&str> = setting.field.split('.').collect();
        let mut text = String::new();
        for (depth, key) in keys.iter().enumerate() {
            let _ = write!(text, "{}{key}:", "  ".repeat(depth));
            text += if depth + 1 == keys.len() { " " } else { "\n" };
        }
        let _ = writeln!(
            text,
            "{value}\nkind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1"
        );
        node.conf_d.insert("50-site.conf".to_owned(), text);
    };
    match rule {
        KubeletRule::Off(setting) => set(setting, "true"),
        KubeletRule::On(setting) | KubeletRule::OnOrUnset(setting) => set(setting, "false"),
        KubeletRule::IsNot(setting, value) => set(setting, value),
        KubeletRule::Set(settings) => set(*settings.last().unwrap(), ""),
        KubeletRule::Zero { setting, .. } => set(setting, "10255"),
        KubeletRule::NotZero(setting) => set(setting, "0s"),
        KubeletRule::NotNegative(setting) | KubeletRule::Positive(setting) => set(setting, "-1"),
        KubeletRule::GateNotOff(gate) => {
            let field = format!("featureGates.{gate}");
            let setting = KubeletSetting {
                flag: "feature-gates",
                field: Box::leak(field.into_boxed_str()),
            };
            if no_files {
                set(setting, &format!("{gate}=false"));
            } else {
                set(setting, "false");
            }
        }
        KubeletRule::Ciphers(_) => {
            let weak = "TLS_RSA_WITH_RC4_128_SHA";
            set(
                KubeletSetting {
                    flag: "tls-cipher-suites",
                    field: "tlsCipherSuites",
                },
                weak,
            );
        }
    }
}
