//! The arguments that RKE2 gives to the components of Kubernetes: its own, and those of the `*-arg` settings.
//!
//! Source: k3s-io/k3s `pkg/util/args.go` (the merge), `pkg/daemons/agent/agent_linux.go` and
//! `pkg/daemons/control/server.go` (its own arguments); rancher/rke2 `pkg/executor/staticpod/staticpod.go`
//! (what RKE2 adds). Of its own, those are listed that a component checks together with an argument of the
//! user; one that the component's minor does not have is left out.

use std::collections::BTreeMap;

use super::config::{ParserRules, SettingOrigin, Settings};
use super::layout;
use super::role::Role;
use crate::kubernetes::{Minor, Program, control_plane, tables};

/// An argument as the component gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    /// `--max-pods=110`.
    pub(crate) text: String,
    /// What set it; `None` for RKE2 itself.
    pub(crate) origin: Option<SettingOrigin>,
    /// The setting of RKE2's own that holds it, where it is no entry of the component's `*-arg`.
    pub(crate) setting: Option<&'static str>,
}

/// The setting that holds the arguments of a component.
pub(crate) const fn setting(program: Program) -> &'static str {
    match program {
        Program::Kubelet => "kubelet-arg",
        Program::ApiServer => "kube-apiserver-arg",
        Program::ControllerManager => "kube-controller-manager-arg",
        Program::Scheduler => "kube-scheduler-arg",
        Program::Proxy => "kube-proxy-arg",
        Program::CloudControllerManager => "kube-cloud-controller-manager-arg",
    }
}

/// Whether RKE2 starts the component.
pub(crate) fn runs(program: Program, settings: &Settings) -> bool {
    let is_on = |name: &str| settings.is_on(name);
    let is_server = settings.role == Role::Server;
    match program {
        Program::Kubelet => !is_on("disable-agent"),
        Program::Proxy => !is_on("disable-agent") && !is_on("disable-kube-proxy"),
        Program::ApiServer => is_server && !is_on("disable-apiserver"),
        Program::ControllerManager => is_server && !is_on("disable-controller-manager"),
        Program::Scheduler => is_server && !is_on("disable-scheduler"),
        Program::CloudControllerManager => is_server && !is_on("disable-cloud-controller"),
    }
}

/// Whether RKE2 runs etcd.
pub(crate) fn runs_etcd(settings: &Settings) -> bool {
    settings.role == Role::Server
        && !settings.is_on("disable-etcd")
        && settings.text("datastore-endpoint").is_empty()
}

/// The entries of the component's `*-arg` setting.
pub(crate) fn entries(program: Program, settings: &Settings) -> Vec<(String, SettingOrigin)> {
    settings.list(setting(program))
}

/// The arguments of a static pod of a release, in their order.
pub(crate) fn arguments(program: Program, settings: &Settings, minor: Minor) -> Vec<Given> {
    let entries = entries(program, settings);
    let has_flag = |name: &str| tables::flag(program, minor, name).is_some();
    let own = own(program, settings, minor, &entries);
    let first = first(program).iter();
    let mut all: Vec<Given> = first.map(|text| Given::own((*text).to_owned())).collect();
    all.extend(merged(own, &entries, has_flag));
    all
}

/// The arguments of the kubelet, in their order. `entries` are those of `kubelet-arg` that reach it.
pub(crate) fn kubelet_arguments(
    settings: &Settings,
    rules: &ParserRules,
    entries: &[(String, SettingOrigin)],
    protects: bool,
    has_flag: impl Fn(&str) -> bool,
) -> Vec<Given> {
    let mut own: BTreeMap<String, Given> = BTreeMap::new();
    for (name, value) in super::kubelet_defaults::arguments(settings.data_dir(), rules, protects) {
        own.insert(name.to_owned(), Given::of(name, &value, None));
    }
    // Not all releases pass it to a kubelet with addresses of both families, and not all kubelets take both.
    let has_two = |entry: &str| names(entry, "node-ip") && entry.contains(',');
    if entries.iter().any(|(entry, _)| has_two(entry)) {
        own.remove("cloud-provider");
    }
    own.extend(of_lists(settings, rules));
    let first = first(Program::Kubelet).iter();
    let mut all: Vec<Given> = first.map(|text| Given::own((*text).to_owned())).collect();
    all.extend(merged(own, entries, has_flag));
    all
}

/// The texts of those of [`kubelet_arguments`] that a user set, in their order. `None` where an entry adds to RKE2's own
/// value.
pub(crate) fn users_kubelet_arguments(
    settings: &Settings,
    rules: &ParserRules,
    entries: &[(String, SettingOrigin)],
) -> Option<Vec<String>> {
    let mut all: Vec<(&str, String)> = Vec::with_capacity(entries.len());
    for (entry, _) in entries {
        let body = entry.strip_prefix("--").unwrap_or(entry);
        let (name, value) = body.split_once('=').unwrap_or((body, "true"));
        if name.ends_with(['+', '-']) {
            return None;
        }
        let flag = name.strip_prefix("--").unwrap_or(name);
        all.push((name, argument(flag, value)));
    }
    for &(flag, name) in lists(rules) {
        let items: Vec<&str> = settings.items(name).map(|(item, _)| item).collect();
        if !items.is_empty() && !all.iter().any(|(name, _)| *name == flag) {
            all.push((flag, argument(flag, &items.join(","))));
        }
    }
    all.sort_by_key(|(name, _)| *name);
    Some(all.into_iter().map(|(_, text)| text).collect())
}

fn argument(flag: &str, value: &str) -> String {
    ["--", flag, "=", value].concat()
}

/// The arguments that settings of RKE2's own give.
fn of_lists(settings: &Settings, rules: &ParserRules) -> BTreeMap<String, Given> {
    let mut all = BTreeMap::new();
    for &(flag, name) in lists(rules) {
        let items = settings.list(name);
        let value: Vec<&str> = items.iter().map(|(item, _)| item.as_str()).collect();
        if let Some((_, origin)) = items.first() {
            let mut given = Given::of(flag, &value.join(","), Some(origin.clone()));
            given.setting = Some(name);
            all.insert(flag.to_owned(), given);
        }
    }
    all
}

/// Whether a user configured an argument of the kubelet.
pub(crate) fn is_kubelet_configured(
    settings: &Settings,
    rules: &ParserRules,
    entries: &[(String, SettingOrigin)],
) -> bool {
    let is_set = |(_, name): &(&str, &str)| settings.items(name).len() > 0;
    !entries.is_empty() || lists(rules).iter().any(is_set)
}

/// The kubelet's flags that hold lists of RKE2's own, each with the setting. Since it reads drop-ins, taints are a
/// field of RKE2's file.
const fn lists(rules: &ParserRules) -> &'static [(&'static str, &'static str)] {
    if rules.kubelet_conf_d {
        &[("node-labels", "node-label")]
    } else {
        &[
            ("node-labels", "node-label"),
            ("register-with-taints", "node-taint"),
        ]
    }
}

/// What RKE2 puts before all others.
const fn first(program: Program) -> &'static [&'static str] {
    match program {
        Program::Kubelet => &[
            "--volume-plugin-dir=/var/lib/kubelet/volumeplugins",
            "--file-check-frequency=5s",
            "--sync-frequency=30s",
        ],
        Program::ControllerManager => &[
            "--permit-port-sharing=true",
            "--flex-volume-plugin-dir=/var/lib/kubelet/volumeplugins",
            "--terminated-pod-gc-threshold=1000",
        ],
        Program::Scheduler => &["--permit-port-sharing=true"],
        Program::ApiServer | Program::Proxy | Program::CloudControllerManager => &[],
    }
}

/// RKE2's own arguments of a static pod.
fn own(
    program: Program,
    settings: &Settings,
    minor: Minor,
    entries: &[(String, SettingOrigin)],
) -> BTreeMap<String, Given> {
    let list = |name: &str, otherwise: &str| {
        let items = settings.list(name);
        let items: Vec<&str> = items.iter().map(|(item, _)| item.as_str()).collect();
        if items.is_empty() {
            otherwise.to_owned()
        } else {
            items.join(",")
        }
    };
    let data = settings.data_dir();
    let mut all: Vec<(&str, String)> = Vec::new();
    match program {
        Program::Kubelet => {}
        Program::ApiServer => {
            all.extend(api_server(data, settings.text("cluster-domain")));
            all.push((
                "service-cluster-ip-range",
                list("service-cidr", "10.43.0.0/16"),
            ));
            // RKE2 leaves these to the file that the user gives. Older releases were not all read.
            let gives = |name: &str| entries.iter().any(|(entry, _)| names(entry, name));
            if !gives("authorization-config") {
                all.push(("authorization-mode", "Node,RBAC".to_owned()));
            }
            if !gives("authentication-config") {
                all.push(("anonymous-auth", "false".to_owned()));
            }
            all.extend(api_server_files(settings));
        }
        Program::ControllerManager => {
            all.extend(controller_manager(data, minor));
            all.push(("cluster-cidr", list("cluster-cidr", "10.42.0.0/16")));
            all.push((
                "service-cluster-ip-range",
                list("service-cidr", "10.43.0.0/16"),
            ));
        }
        Program::Scheduler => {
            let kubeconfig = format!("{data}/server/cred/scheduler.kubeconfig");
            all.extend(serving(data, "scheduler", &kubeconfig));
            all.extend([
                ("kubeconfig", kubeconfig),
                ("bind-address", "127.0.0.1".to_owned()),
                ("secure-port", "10259".to_owned()),
                ("profiling", "false".to_owned()),
            ]);
        }
        Program::Proxy => all.extend([
            ("proxy-mode", "iptables".to_owned()),
            ("healthz-bind-address", "127.0.0.1".to_owned()),
            ("kubeconfig", format!("{data}/agent/kubeproxy.kubeconfig")),
            ("cluster-cidr", list("cluster-cidr", "10.42.0.0/16")),
            ("conntrack-max-per-core", "0".to_owned()),
            ("conntrack-tcp-timeout-established", "0s".to_owned()),
            ("conntrack-tcp-timeout-close-wait", "0s".to_owned()),
        ]),
        Program::CloudControllerManager => all.extend([
            ("profiling", "false".to_owned()),
            ("allocate-node-cidrs", "true".to_owned()),
            ("cloud-provider", "rke2".to_owned()),
            (
                "cloud-config",
                format!("{data}/server/etc/cloud-config.yaml"),
            ),
            ("cluster-cidr", list("cluster-cidr", "10.42.0.0/16")),
            ("configure-cloud-routes", "false".to_owned()),
            (
                "kubeconfig",
                format!("{data}/server/cred/cloud-controller.kubeconfig"),
            ),
            ("bind-address", "127.0.0.1".to_owned()),
        ]),
    }
    all.into_iter()
        .map(|(name, value)| (name.to_owned(), Given::of(name, &value, None)))
        .collect()
}

/// The files that settings of RKE2's own, or a CIS profile, give to the API server, each with its flag. The file of
/// pod security that RKE2 writes itself is not among them.
pub(crate) fn api_server_files(settings: &Settings) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    let policy = settings.text("audit-policy-file");
    if !policy.is_empty() {
        all.push(("audit-policy-file", policy.to_owned()));
    } else if settings.profile().starts_with("cis") {
        all.push(("audit-policy-file", layout::AUDIT_POLICY.to_owned()));
    }
    let admission = settings.text("pod-security-admission-config-file");
    if !admission.is_empty() {
        all.push(("admission-control-config-file", admission.to_owned()));
    }
    all
}

fn api_server(data: &str, domain: &str) -> Vec<(&'static str, String)> {
    let domain = if domain.is_empty() {
        "cluster.local"
    } else {
        domain
    };
    let tls = |file: &str| format!("{data}/server/tls/{file}");
    let issuer = format!("https://kubernetes.default.svc.{domain}");
    vec![
        ("advertise-address", "192.0.2.1".to_owned()),
        ("allow-privileged", "true".to_owned()),
        ("api-audiences", format!("{issuer},rke2")),
        ("bind-address", "0.0.0.0".to_owned()),
        ("cert-dir", tls("temporary-certs")),
        ("client-ca-file", tls("client-ca.crt")),
        ("enable-admission-plugins", "NodeRestriction".to_owned()),
        ("enable-bootstrap-token-auth", "true".to_owned()),
        ("etcd-cafile", tls("etcd/server-ca.crt")),
        ("etcd-certfile", tls("etcd/client.crt")),
        ("etcd-keyfile", tls("etcd/client.key")),
        ("etcd-servers", "https://127.0.0.1:2379".to_owned()),
        ("kubelet-certificate-authority", tls("server-ca.crt")),
        (
            "kubelet-client-certificate",
            tls("client-kube-apiserver.crt"),
        ),
        ("kubelet-client-key", tls("client-kube-apiserver.key")),
        (
            "kubelet-preferred-address-types",
            "InternalIP,ExternalIP,Hostname".to_owned(),
        ),
        ("profiling", "false".to_owned()),
        ("proxy-client-cert-file", tls("client-auth-proxy.crt")),
        ("proxy-client-key-file", tls("client-auth-proxy.key")),
        (
            "requestheader-allowed-names",
            "system:auth-proxy".to_owned(),
        ),
        ("requestheader-client-ca-file", tls("request-header-ca.crt")),
        (
            "requestheader-extra-headers-prefix",
            "X-Remote-Extra-".to_owned(),
        ),
        ("requestheader-group-headers", "X-Remote-Group".to_owned()),
        ("requestheader-username-headers", "X-Remote-User".to_owned()),
        ("secure-port", "6443".to_owned()),
        ("service-account-issuer", issuer),
        ("service-account-key-file", tls("service.key")),
        (
            "service-account-signing-key-file",
            tls("service.current.key"),
        ),
        ("service-node-port-range", "30000-32767".to_owned()),
        ("storage-backend", "etcd3".to_owned()),
        ("tls-cert-file", tls("serving-kube-apiserver.crt")),
        ("tls-private-key-file", tls("serving-kube-apiserver.key")),
    ]
}

fn controller_manager(data: &str, minor: Minor) -> Vec<(&'static str, String)> {
    let kubeconfig = format!("{data}/server/cred/controller.kubeconfig");
    let tls = |file: &str| format!("{data}/server/tls/{file}");
    // What the release does not have cannot be turned off.
    let controllers: Vec<&str> = [
        "*",
        "tokencleaner",
        "-service",
        "-route",
        "-cloud-node-lifecycle",
    ]
    .into_iter()
    .filter(|name| {
        let name = name.strip_prefix('-').unwrap_or(name);
        name == "*" || control_plane::is_controller(minor, name)
    })
    .collect();
    let mut all = serving(data, "controller-manager", &kubeconfig);
    all.extend([
        ("allocate-node-cidrs", "true".to_owned()),
        ("bind-address", "127.0.0.1".to_owned()),
        (
            "cluster-signing-kube-apiserver-client-cert-file",
            tls("client-ca.nochain.crt"),
        ),
        (
            "cluster-signing-kube-apiserver-client-key-file",
            tls("client-ca.key"),
        ),
        (
            "cluster-signing-kubelet-client-cert-file",
            tls("client-ca.nochain.crt"),
        ),
        (
            "cluster-signing-kubelet-client-key-file",
            tls("client-ca.key"),
        ),
        (
            "cluster-signing-kubelet-serving-cert-file",
            tls("server-ca.nochain.crt"),
        ),
        (
            "cluster-signing-kubelet-serving-key-file",
            tls("server-ca.key"),
        ),
        (
            "cluster-signing-legacy-unknown-cert-file",
            tls("server-ca.nochain.crt"),
        ),
        (
            "cluster-signing-legacy-unknown-key-file",
            tls("server-ca.key"),
        ),
        ("configure-cloud-routes", "false".to_owned()),
        ("controllers", controllers.join(",")),
        ("kubeconfig", kubeconfig),
        ("profiling", "false".to_owned()),
        ("root-ca-file", tls("server-ca.crt")),
        ("secure-port", "10257".to_owned()),
        (
            "service-account-private-key-file",
            tls("service.current.key"),
        ),
        ("use-service-account-credentials", "true".to_owned()),
    ]);
    all
}

/// How a component serves and knows who asks. Older releases have no certificate of RKE2's, and make one themselves:
/// with one that is listed here, a certificate of the user lacks no key.
fn serving(data: &str, name: &str, kubeconfig: &str) -> Vec<(&'static str, String)> {
    let tls = |end: &str| format!("{data}/server/tls/kube-{name}/kube-{name}.{end}");
    vec![
        ("authentication-kubeconfig", kubeconfig.to_owned()),
        ("authorization-kubeconfig", kubeconfig.to_owned()),
        ("tls-cert-file", tls("crt")),
        ("tls-private-key-file", tls("key")),
    ]
}

/// Whether an entry of a `*-arg` setting is about that flag.
fn names(entry: &str, flag: &str) -> bool {
    let body = entry.strip_prefix("--").unwrap_or(entry);
    body.split('=').next() == Some(flag)
}

impl Given {
    fn own(text: String) -> Self {
        Self {
            text,
            origin: None,
            setting: None,
        }
    }

    fn of(name: &str, value: &str, origin: Option<SettingOrigin>) -> Self {
        Self {
            text: argument(name, value),
            origin,
            setting: None,
        }
    }
}

/// Puts the entries of a `*-arg` setting over RKE2's own arguments: sorted by name as written; an entry takes
/// the place of RKE2's own value, `name+=` follows it, `name-=` precedes it.
fn merged(
    mut own: BTreeMap<String, Given>,
    entries: &[(String, SettingOrigin)],
    has_flag: impl Fn(&str) -> bool,
) -> Vec<Given> {
    own.retain(|name, _| has_flag(name));
    let mut all: BTreeMap<String, Vec<Given>> = BTreeMap::new();
    for (entry, origin) in entries {
        let body = entry.strip_prefix("--").unwrap_or(entry);
        let (written, value) = body.split_once('=').unwrap_or((body, "true"));
        let name = written.trim_end_matches(['-', '+']);
        let given = Given::of(
            name.strip_prefix("--").unwrap_or(name),
            value,
            Some(origin.clone()),
        );
        let own = own.remove(name);
        let values = all.entry(name.to_owned()).or_default();
        match written.bytes().last() {
            Some(b'+') => {
                if let Some(own) = own {
                    values.insert(0, own);
                }
                values.push(given);
            }
            Some(b'-') => {
                if let Some(own) = own {
                    values.insert(0, own);
                }
                values.insert(0, given);
            }
            _ => values.push(given),
        }
    }
    for (name, given) in own {
        all.insert(name, vec![given]);
    }
    all.into_values().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> (String, SettingOrigin) {
        let origin = SettingOrigin::File {
            path: "/c".to_owned(),
            line: 1,
        };
        (text.to_owned(), origin)
    }

    /// As k3s' own test of the function has it.
    #[test]
    fn entries_replace_precede_or_follow() {
        let merged = |entries: &[&str]| -> Vec<String> {
            let own = [("a", "1"), ("m", "1")]
                .map(|(name, value)| (name.to_owned(), Given::of(name, value, None)));
            let entries: Vec<_> = entries.iter().map(|text| entry(text)).collect();
            let all = merged(own.into_iter().collect(), &entries, |_| true);
            all.into_iter().map(|given| given.text).collect()
        };
        assert_eq!(merged(&[]), ["--a=1", "--m=1"]);
        assert_eq!(merged(&["m=2"]), ["--a=1", "--m=2"]);
        assert_eq!(
            merged(&["m+=2", "m+=3"]),
            ["--a=1", "--m=1", "--m=2", "--m=3"]
        );
        assert_eq!(
            merged(&["m-=2", "m-=3"]),
            ["--a=1", "--m=3", "--m=2", "--m=1"]
        );
        assert_eq!(
            merged(&["m=2", "m=3", "b"]),
            ["--a=1", "--b=true", "--m=2", "--m=3"]
        );
        assert_eq!(merged(&["--m=2=3", "z="]), ["--a=1", "--m=2=3", "--z="]);
        assert_eq!(
            merged(&["[{max-pods 110}]"]),
            ["--[{max-pods 110}]=true", "--a=1", "--m=1"]
        );
        // Once an entry has taken its place, RKE2's own value is gone.
        assert_eq!(merged(&["m=2", "m+=3"]), ["--a=1", "--m=2", "--m=3"]);
    }

    #[test]
    fn what_the_component_does_not_have_is_left_out() {
        let own = [("a", "1"), ("m", "1")]
            .map(|(name, value)| (name.to_owned(), Given::of(name, value, None)));
        let all = merged(own.into_iter().collect(), &[], |name| name == "m");
        assert_eq!(all, [Given::of("m", "1", None)]);
    }
}
