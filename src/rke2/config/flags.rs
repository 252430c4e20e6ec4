//! The flags of `rke2 server` and `rke2 agent`: names, aliases, variables, kinds.
//!
//! In which releases a flag is defined, and RKE2's own with which type and variables, is generated from the
//! releases themselves ([`crate::rke2::table`]). Types, aliases and defaults of K3s' flags stand here.

use crate::rke2::Role;
use crate::rke2::flag_history::{self, FlagKind, Form, Run};
use crate::rke2::layout::DATA_DIR;
use crate::rke2::releases;
use crate::rke2::table;

use super::elsewhere::Elsewhere;
use super::rules::ParserRules;

/// One flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flag {
    /// The long name, which is the key in `config.yaml`.
    pub(super) name: &'static str,
    /// The one-letter name, or empty.
    pub(super) alias: &'static str,
    /// The environment variables that stand in for it, the first that is set counting.
    pub(super) variables: &'static [&'static str],
    pub(super) kind: FlagKind,
    /// What it is unless set.
    pub(super) default: &'static str,
    /// Through the releases, for a server and for an agent.
    runs: [&'static [Run]; 2],
}

impl Flag {
    const fn new(name: &'static str, kind: FlagKind) -> Self {
        Self {
            name,
            alias: "",
            variables: &[],
            kind,
            default: "",
            runs: [
                flag_history::runs(table::SERVER, name),
                flag_history::runs(table::AGENT, name),
            ],
        }
    }

    /// The flag as one release defines it for `role`, if it does.
    fn at(&self, role: Role, rules: &ParserRules) -> Option<Self> {
        let [server, agent] = self.runs;
        let runs = match role {
            Role::Server => server,
            Role::Agent => agent,
        };
        let holds = |run: &&Run| (run.first..=run.last).contains(&rules.release);
        match runs.iter().find(holds)?.form {
            Form::Dropped => None,
            Form::Passed => Some(*self),
            Form::Own(kind, variables) => Some(Self {
                variables,
                kind,
                ..*self
            }),
        }
    }

    /// The variables that stand in for it in any release where it is RKE2's own.
    fn own_variables(&self) -> impl Iterator<Item = &'static &'static str> {
        let runs = self.runs.into_iter().flatten();
        runs.flat_map(|run| match run.form {
            Form::Own(_, variables) => variables,
            Form::Passed | Form::Dropped => &[],
        })
    }

    const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = alias;
        self
    }

    const fn var(mut self, variables: &'static [&'static str]) -> Self {
        self.variables = variables;
        self
    }

    const fn or(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    /// Whether `name` is the flag's, long or short.
    pub(super) fn is_named(&self, name: &[u8]) -> bool {
        !name.is_empty() && (name == self.name.as_bytes() || name == self.alias.as_bytes())
    }

    /// The variables that count under `rules`.
    pub(super) fn variables(&self, rules: &ParserRules) -> &'static [&'static str] {
        if self.name == "data-dir" && !rules.data_dir_variable {
            return &[];
        }
        self.variables
    }
}

/// The flags that a release defines for `role`.
pub(super) fn of(role: Role, rules: &ParserRules) -> impl Iterator<Item = Flag> {
    FLAGS.iter().filter_map(move |flag| flag.at(role, rules))
}

/// The flag of that name, long or short, that a release defines for `role`.
pub(super) fn find(role: Role, name: &[u8], rules: &ParserRules) -> Option<Flag> {
    let mut named = FLAGS.iter().filter(|flag| flag.is_named(name));
    named.find_map(|flag| flag.at(role, rules))
}

/// Where a flag exists that a release does not define for `role`: for the other role, in later or earlier releases.
pub(super) fn elsewhere(role: Role, name: &[u8], rules: &ParserRules) -> Option<Elsewhere> {
    let flag = FLAGS.iter().find(|flag| flag.is_named(name))?;
    let other = match role {
        Role::Server => Role::Agent,
        Role::Agent => Role::Server,
    };
    if flag.at(other, rules).is_some() {
        return Some(Elsewhere::Role(other));
    }
    let [server, agent] = flag.runs;
    let runs = match role {
        Role::Server => server,
        Role::Agent => agent,
    };
    let defined = || runs.iter().filter(|run| run.form != Form::Dropped);
    let release = |position: u16| releases::release(usize::from(position));
    let later = defined().filter(|run| run.first > rules.release);
    if let Some(first) = later.map(|run| run.first).min() {
        return release(first).map(Elsewhere::Since);
    }
    let earlier = defined().filter(|run| run.last < rules.release);
    let last = earlier.map(|run| run.last).max()?;
    release(last).map(Elsewhere::Until)
}

/// How a release has the flags that one of these names may be about: names of flags, their short forms, variables.
pub(super) fn forms<'a>(
    named: &'a impl Fn(&[u8]) -> bool,
    role: Role,
    rules: &'a ParserRules,
) -> impl Iterator<Item = Option<Flag>> + 'a {
    let concerned = move |flag: &&'static Flag| {
        let variables = flag.variables.iter();
        let mut variables = variables.chain(flag.own_variables());
        named(flag.name.as_bytes())
            || (!flag.alias.is_empty() && named(flag.alias.as_bytes()))
            || variables.any(|name| named(name.as_bytes()))
    };
    let flags = FLAGS.iter().filter(concerned);
    flags.map(move |flag| flag.at(role, rules))
}

/// Whether a variable of that name can stand in for a flag.
pub(super) fn is_variable(name: &[u8]) -> bool {
    let mut all = FLAGS.iter().flat_map(|flag| flag.variables);
    all.any(|variable| variable.as_bytes() == name)
}

/// Whether the value of this flag must not be shown: it is, or can hold, a credential.
pub(crate) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

/// Whether this is a flag, of any release, whose value may be shown.
pub(super) fn is_shown(name: &str) -> bool {
    !is_secret(name) && FLAGS.iter().any(|flag| flag.is_named(name.as_bytes()))
}

const SECRETS: &[&str] = &[
    "token",
    "t",
    "agent-token",
    "cluster-secret",
    "datastore-endpoint",
    "etcd-s3-access-key",
    "etcd-s3-secret-key",
    "etcd-s3-session-token",
    // A proxy's address can hold a password.
    "etcd-s3-proxy",
    "vpn-auth",
    // Environments for static pods: credentials of proxies, clouds and key services.
    "kube-apiserver-extra-env",
    "kube-scheduler-extra-env",
    "kube-controller-manager-extra-env",
    "kube-proxy-extra-env",
    "etcd-extra-env",
    "cloud-controller-manager-extra-env",
];

const fn text(name: &'static str) -> Flag {
    Flag::new(name, FlagKind::Text)
}
const fn boolean(name: &'static str) -> Flag {
    Flag::new(name, FlagKind::Bool)
}
const fn list(name: &'static str) -> Flag {
    Flag::new(name, FlagKind::List)
}

/// The most important ones come first.
static FLAGS: &[Flag] = &[
    text("profile").var(&["RKE2_CIS_PROFILE"]),
    boolean("protect-kernel-defaults"),
    list("kubelet-arg"),
    text("data-dir")
        .alias("d")
        .var(&["RKE2_DATA_DIR"])
        .or(DATA_DIR),
    text("config")
        .alias("c")
        .var(&["RKE2_CONFIG_FILE"])
        .or(super::DEFAULT_CONFIG),
    boolean("debug").var(&["RKE2_DEBUG"]),
    Flag::new("v", FlagKind::Number).or("0"),
    text("vmodule"),
    text("log").alias("l"),
    boolean("alsologtostderr"),
    // Cluster
    text("server").alias("s").var(&["RKE2_URL"]),
    text("token").alias("t").var(&["RKE2_TOKEN"]),
    text("token-file").var(&["RKE2_TOKEN_FILE"]),
    text("agent-token").var(&["RKE2_AGENT_TOKEN"]),
    text("agent-token-file").var(&["RKE2_AGENT_TOKEN_FILE"]),
    boolean("cluster-init"),
    boolean("cluster-reset").var(&["RKE2_CLUSTER_RESET"]),
    text("cluster-reset-restore-path"),
    // Listener
    text("bind-address"),
    text("advertise-address"),
    list("tls-san"),
    boolean("tls-san-security").or("true"),
    // Networking
    list("cluster-cidr"),
    list("service-cidr"),
    text("service-node-port-range").or("30000-32767"),
    list("cluster-dns"),
    text("cluster-domain").or("cluster.local"),
    text("egress-selector-mode").or("agent"),
    text("servicelb-namespace").or("kube-system"),
    list("cni").var(&["RKE2_CNI"]),
    list("ingress-controller").var(&["RKE2_INGRESS_CONTROLLER", "RKE_INGRESS_CONTROLLER"]),
    boolean("enable-servicelb").var(&["RKE2_ENABLE_SERVICELB"]),
    boolean("multi-cluster-cidr"),
    boolean("prime").var(&["RKE2_PRIME"]),
    // Client
    text("write-kubeconfig")
        .alias("o")
        .var(&["RKE2_KUBECONFIG_OUTPUT"]),
    text("write-kubeconfig-mode").var(&["RKE2_KUBECONFIG_MODE"]),
    text("write-kubeconfig-group").var(&["RKE2_KUBECONFIG_GROUP"]),
    text("write-kubeconfig-name"),
    text("helm-job-image"),
    // Components' own flags
    list("kube-apiserver-arg"),
    list("etcd-arg"),
    list("kube-controller-manager-arg"),
    list("kube-scheduler-arg"),
    list("kube-cloud-controller-manager-arg"),
    list("helm-controller-arg"),
    list("kube-proxy-arg"),
    // Database
    text("datastore-endpoint").var(&["RKE2_DATASTORE_ENDPOINT"]),
    text("datastore-cafile").var(&["RKE2_DATASTORE_CAFILE"]),
    text("datastore-certfile").var(&["RKE2_DATASTORE_CERTFILE"]),
    text("datastore-keyfile").var(&["RKE2_DATASTORE_KEYFILE"]),
    boolean("etcd-expose-metrics"),
    boolean("etcd-disable-snapshots"),
    text("etcd-snapshot-name").or("etcd-snapshot"),
    text("etcd-snapshot-schedule-cron").or("0 */12 * * *"),
    Flag::new("etcd-snapshot-reconcile-interval", FlagKind::Duration).or("10m0s"),
    Flag::new("etcd-snapshot-retention", FlagKind::Number).or("5"),
    text("etcd-snapshot-dir"),
    boolean("etcd-snapshot-compress"),
    boolean("etcd-s3"),
    text("etcd-s3-endpoint").or("s3.amazonaws.com"),
    text("etcd-s3-endpoint-ca"),
    boolean("etcd-s3-skip-ssl-verify"),
    text("etcd-s3-access-key").var(&["AWS_ACCESS_KEY_ID"]),
    text("etcd-s3-secret-key").var(&["AWS_SECRET_ACCESS_KEY"]),
    text("etcd-s3-session-token").var(&["AWS_SESSION_TOKEN"]),
    text("etcd-s3-bucket"),
    text("etcd-s3-bucket-lookup-type").or("auto"),
    text("etcd-s3-region").or("us-east-1"),
    text("etcd-s3-folder"),
    text("etcd-s3-proxy"),
    text("etcd-s3-config-secret"),
    boolean("etcd-s3-insecure"),
    Flag::new("etcd-s3-retention", FlagKind::Number).or("5"),
    Flag::new("etcd-s3-timeout", FlagKind::Duration).or("5m0s"),
    // Components
    list("disable"),
    boolean("disable-scheduler"),
    boolean("disable-cloud-controller"),
    boolean("disable-kube-proxy"),
    boolean("disable-apiserver"),
    boolean("disable-api-server"),
    boolean("disable-controller-manager"),
    boolean("disable-etcd"),
    boolean("disable-agent"),
    boolean("embedded-registry"),
    boolean("supervisor-metrics"),
    boolean("secrets-encryption"),
    text("secrets-encryption-provider").or("aescbc"),
    list("control-plane-resource-requests").var(&["RKE2_CONTROL_PLANE_RESOURCE_REQUESTS"]),
    list("control-plane-resource-limits").var(&["RKE2_CONTROL_PLANE_RESOURCE_LIMITS"]),
    list("control-plane-probe-configuration").var(&["RKE2_CONTROL_PLANE_PROBE_CONFIGURATION"]),
    list("kube-apiserver-extra-mount").var(&["RKE2_KUBE_APISERVER_EXTRA_MOUNT"]),
    list("kube-scheduler-extra-mount").var(&["RKE2_KUBE_SCHEDULER_EXTRA_MOUNT"]),
    list("kube-controller-manager-extra-mount").var(&["RKE2_KUBE_CONTROLLER_MANAGER_EXTRA_MOUNT"]),
    list("kube-proxy-extra-mount").var(&["RKE2_KUBE_PROXY_EXTRA_MOUNT"]),
    list("etcd-extra-mount").var(&["RKE2_ETCD_EXTRA_MOUNT"]),
    list("cloud-controller-manager-extra-mount")
        .var(&["RKE2_CLOUD_CONTROLLER_MANAGER_EXTRA_MOUNT"]),
    list("kube-apiserver-extra-env").var(&["RKE2_KUBE_APISERVER_EXTRA_ENV"]),
    list("kube-scheduler-extra-env").var(&["RKE2_KUBE_SCHEDULER_EXTRA_ENV"]),
    list("kube-controller-manager-extra-env").var(&["RKE2_KUBE_CONTROLLER_MANAGER_EXTRA_ENV"]),
    list("kube-proxy-extra-env").var(&["RKE2_KUBE_PROXY_EXTRA_ENV"]),
    list("etcd-extra-env").var(&["RKE2_ETCD_EXTRA_ENV"]),
    list("cloud-controller-manager-extra-env").var(&["RKE2_CLOUD_CONTROLLER_MANAGER_EXTRA_ENV"]),
    // Node
    text("node-name").var(&["RKE2_NODE_NAME"]),
    boolean("with-node-id"),
    list("node-label"),
    list("node-taint"),
    list("node-ip").alias("i"),
    list("node-external-ip"),
    list("node-internal-dns"),
    list("node-external-dns"),
    text("resolv-conf").var(&["RKE2_RESOLV_CONF"]),
    boolean("selinux").var(&["RKE2_SELINUX"]),
    Flag::new("lb-server-port", FlagKind::Number)
        .var(&["RKE2_LB_SERVER_PORT"])
        .or("6444"),
    text("image-credential-provider-bin-dir").or("/var/lib/rancher/credentialprovider/bin"),
    text("image-credential-provider-config").or("/var/lib/rancher/credentialprovider/config.yaml"),
    text("container-runtime-endpoint"),
    text("default-runtime"),
    boolean("disable-default-registry-endpoint"),
    boolean("nonroot-devices"),
    text("snapshotter").or("overlayfs"),
    text("private-registry").or("/etc/rancher/rke2/registries.yaml"),
    text("system-default-registry").var(&["RKE2_SYSTEM_DEFAULT_REGISTRY"]),
    list("airgap-extra-registry"),
    boolean("enable-pprof"),
    text("kubelet-path").var(&["RKE2_KUBELET_PATH"]),
    // Images
    text("kube-apiserver-image").var(&["RKE2_KUBE_APISERVER_IMAGE"]),
    text("kube-controller-manager-image").var(&["RKE2_KUBE_CONTROLLER_MANAGER_IMAGE"]),
    text("cloud-controller-manager-image").var(&["RKE2_CLOUD_CONTROLLER_MANAGER_IMAGE"]),
    text("kube-proxy-image").var(&["RKE2_KUBE_PROXY_IMAGE"]),
    text("kube-scheduler-image").var(&["RKE2_KUBE_SCHEDULER_IMAGE"]),
    text("pause-image").var(&["RKE2_PAUSE_IMAGE"]),
    text("runtime-image").var(&["RKE2_RUNTIME_IMAGE"]),
    text("etcd-image").var(&["RKE2_ETCD_IMAGE"]),
    text("etc-image").var(&["RKE2_ETCD_IMAGE"]),
    // Cloud provider and security
    text("cloud-provider-name").var(&["RKE2_CLOUD_PROVIDER_NAME"]),
    text("cloud-provider-config").var(&["RKE2_CLOUD_PROVIDER_CONFIG"]),
    boolean("node-name-from-cloud-provider-metadata")
        .var(&["RKE2_NODE_NAME_FROM_CLOUD_PROVIDER_METADATA"]),
    text("audit-policy-file").var(&["RKE2_AUDIT_POLICY_FILE"]),
    text("pod-security-admission-config-file").var(&["RKE2_POD_SECURITY_ADMISSION_CONFIG_FILE"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_found_by_name() {
        for rows in [table::SERVER, table::AGENT] {
            assert!(rows.windows(2).all(|pair| pair[0].name < pair[1].name));
            for row in rows {
                assert_eq!(flag_history::runs(rows, row.name), row.runs);
            }
            for name in ["", "a", "profil", "profile-", "zz"] {
                assert_eq!(flag_history::runs(rows, name), &[], "{name}");
            }
        }
    }

    use crate::rke2::version::Version;
    use std::collections::HashSet;

    #[test]
    fn every_flag_of_the_table_stands_here() {
        for rows in [table::SERVER, table::AGENT] {
            for row in rows {
                let defined = row.runs.iter().any(|run| run.form != Form::Dropped);
                let known = FLAGS.iter().any(|flag| flag.name == row.name);
                assert_eq!(defined, known, "{}", row.name);
            }
        }
        for flag in FLAGS {
            assert!(
                flag.runs.iter().any(|runs| !runs.is_empty()),
                "{}",
                flag.name
            );
        }
    }

    #[test]
    fn no_name_stands_twice() {
        let mut seen = HashSet::new();
        for flag in FLAGS {
            assert!(seen.insert(flag.name), "{}", flag.name);
            assert!(
                flag.alias.is_empty() || seen.insert(flag.alias),
                "{}",
                flag.alias
            );
        }
    }

    #[test]
    fn roles_differ() {
        let newest = ParserRules::of(&Version::new(36, 3, 1));
        assert!(find(Role::Server, b"disable-etcd", &newest).is_some());
        assert!(find(Role::Agent, b"disable-etcd", &newest).is_none());
        assert_eq!(
            find(Role::Agent, b"d", &newest).map(|flag| flag.name),
            Some("data-dir")
        );
        for dropped in [
            "flannel-backend",
            "docker",
            "rootless",
            "cluster-init",
            "",
            "Profile",
        ] {
            assert!(
                find(Role::Server, dropped.as_bytes(), &newest).is_none(),
                "{dropped}"
            );
        }
    }

    #[test]
    fn secrets_are_flags() {
        for name in SECRETS {
            let known = FLAGS.iter().any(|f| f.is_named(name.as_bytes()));
            // Dropped by RKE2, yet found in configurations.
            assert!(
                known || ["cluster-secret", "vpn-auth"].contains(name),
                "{name}"
            );
        }
    }
}
