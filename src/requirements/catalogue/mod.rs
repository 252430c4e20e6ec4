//! Each check, described for people: what `explain` prints, and the manual lists.
//!
//! Texts name releases as `{since CHANGE}`, after the rows of [`changes`], and the releases that the rules were
//! read from as `{releases}` and `{kubernetes}`, so that they cannot differ from the rules.

mod host;

use std::fmt;

use crate::finding::{CheckId, Component};
use crate::kubernetes::tables::{self, Certainty, Subject};
use crate::kubernetes::{Minor, NEWEST, OLDEST, Program};
use crate::rke2::kernel::{KERNEL_PARAMETERS, KernelParameter};
use crate::rke2::{changes, releases};

/// One check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Its id.
    pub id: CheckId,
    /// What is true of a host that passes, in a few words.
    pub title: &'static str,
    /// The components that require it.
    pub required_by: &'static [Component],
    /// The nodes and releases that it applies to.
    pub applies: Text,
    /// Why it exists, and what is often misunderstood.
    pub about: Text,
    /// How to fix a violation.
    pub fix: Text,
    /// Where the rule comes from.
    pub source: Text,
}

/// A text of the catalogue. It is shown with the releases in place of `{since CHANGE}` and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(&'static str);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            f.write_str(before)?;
            placeholder(name, f)?;
            rest = after;
        }
        f.write_str(rest)
    }
}

fn placeholder(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (oldest, newest) = (releases::oldest(), releases::newest());
    let change = name.strip_prefix("since ").and_then(changes::by_name);
    match (name, change) {
        (_, Some(since)) => write!(f, "{since}"),
        ("releases", _) => {
            let read = releases::newest_read();
            write!(
                f,
                "v1.{}.{} to v1.{}.{}",
                oldest.minor, oldest.patch, read.minor, read.patch
            )?;
            if read != newest {
                write!(f, " (extrapolated to v1.{}.{})", newest.minor, newest.patch)?;
            }
            Ok(())
        }
        ("flags", _) => f.write_str(&minors(Subject::Flags)),
        ("gates", _) => f.write_str(&minors(Subject::Gates)),
        ("kubernetes", _) => write!(f, "1.{} to 1.{}", oldest.minor, newest.minor),
        // A test holds that there is none.
        _ => write!(f, "{{{name}}}"),
    }
}

/// The minors of which the tables were read from the components: `1.24 to 1.30, 1.33`.
fn minors(subject: Subject) -> String {
    let is_read = |minor: u32| {
        let certainty = tables::certainty(Program::Kubelet, subject, Minor(minor));
        certainty == Some(Certainty::Read)
    };
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for minor in (OLDEST.0..=NEWEST.0).filter(|minor| is_read(*minor)) {
        match runs.last_mut() {
            Some((_, last)) if last.saturating_add(1) == minor => *last = minor,
            _ => runs.push((minor, minor)),
        }
    }
    let shown: Vec<String> = runs
        .into_iter()
        .map(|(first, last)| {
            if first == last {
                format!("1.{first}")
            } else {
                format!("1.{first} to 1.{last}")
            }
        })
        .collect();
    shown.join(", ")
}

use Component::{Kubelet, Rke2};

const PROFILE_LINUX: Text =
    Text("rancher/rke2 pkg/cli/cmds/profile_linux.go, root.go in older releases; {releases}");
const CONTAINER_MANAGER: Text =
    Text("kubernetes pkg/kubelet/cm/container_manager_linux.go, Kubernetes {kubernetes}");
const PARSER: Text = Text("k3s-io/k3s pkg/configfilearg/parser.go, as RKE2 {releases} pin it");
const KUBELET: Text = Text(
    "kubernetes cmd/kubelet/app, pkg/kubelet/apis/config, and the recorded answers of real kubelets \
     (tests/cases/kubernetes)",
);
const CONTROL_PLANE: Text = Text(
    "kubernetes cmd/kube-apiserver, pkg/controlplane and the like, and the recorded answers of the real \
     programs (tests/cases/kubernetes)",
);
/// The components that RKE2 runs as static pods, and that are given arguments.
const STATIC_PODS: &[Component] = &[
    Component::KubeApiserver,
    Component::KubeControllerManager,
    Component::KubeScheduler,
    Component::KubeProxy,
    Component::CloudControllerManager,
];
const ALWAYS: Text = Text("always");
const CIS_NODES: Text = Text("nodes with a CIS profile");
const OWN: Text = Text("preflight-rke2");

/// The check of a kernel parameter.
const fn sysctl(parameter: &KernelParameter) -> Check {
    let by_rke2 = !parameter.rke2.is_never();
    Check {
        id: parameter.check,
        title: parameter.title,
        required_by: if by_rke2 {
            &[Rke2, Kubelet]
        } else {
            &[Kubelet]
        },
        applies: if by_rke2 {
            Text(
                "RKE2 with a CIS profile, on servers and agents; the kubelet where \
                 protect-kernel-defaults is true, which a CIS profile sets, and otherwise where it cannot \
                 read the value, or cannot set it: /proc/sys is mounted read-only, or the host is in a user \
                 name space without the feature gate KubeletInUserNamespace",
            )
        } else {
            Text(
                "the kubelet where protect-kernel-defaults is true, which a CIS profile sets, and otherwise \
                 where it cannot read the value, or cannot set it: /proc/sys is mounted read-only, or the \
                 host is in a user name space without the feature gate KubeletInUserNamespace",
            )
        },
        about: Text(parameter.about),
        fix: Text(
            "set the value in a file of /etc/sysctl.d that sorts last for this key (RKE2 ships one: copy \
             rke2-cis-sysctl.conf to /etc/sysctl.d/60-rke2-cis.conf), and set the live value with \
             `sysctl -w`. Do not run `sysctl --system` or restart systemd-sysctl on a node where RKE2 runs: \
             that resets values that network plugins have set",
        ),
        source: if by_rke2 {
            PROFILE_LINUX
        } else {
            CONTAINER_MANAGER
        },
    }
}

/// Every check, in the order of the ids. An id without a description does not compile.
pub const CHECKS: &[Check] = &described();

/// How many checks there are.
const COUNT: usize = CheckId::ALL.len();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated at compile time, where a mistake does not compile"
)]
const fn described() -> [Check; COUNT] {
    assert!(
        COUNT == OTHERS.len() + host::CHECKS.len() + KERNEL_PARAMETERS.len(),
        "each description and each kernel parameter needs a CheckId of its own"
    );
    let mut all = [OTHERS[0]; COUNT];
    let mut at = 0;
    while at < COUNT {
        all[at] = description(CheckId::ALL[at]);
        at += 1;
    }
    all
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "evaluated at compile time, where a mistake does not compile"
)]
const fn description(id: CheckId) -> Check {
    let mut at = 0;
    while at < OTHERS.len() {
        if OTHERS[at].id.is(id) {
            return OTHERS[at];
        }
        at += 1;
    }
    at = 0;
    while at < host::CHECKS.len() {
        if host::CHECKS[at].id.is(id) {
            return host::CHECKS[at];
        }
        at += 1;
    }
    at = 0;
    while at < KERNEL_PARAMETERS.len() {
        if KERNEL_PARAMETERS[at].check.is(id) {
            return sysctl(&KERNEL_PARAMETERS[at]);
        }
        at += 1;
    }
    panic!("a CheckId has neither a description here nor a row in KERNEL_PARAMETERS")
}

/// The checks that are neither about a kernel parameter nor about the host as a whole.
const OTHERS: &[Check] = &[
    Check {
        id: CheckId::AccountEtcdGroup,
        title: "the group etcd exists in /etc/group",
        required_by: &[Rke2],
        applies: Text("servers with a CIS profile or profile etcd, since {since GROUP_CHECK}"),
        about: Text(
            "RKE2 reads /etc/group itself: a group that only LDAP, SSSD, userdb or /usr/lib/group \
             have does not exist for it. Every server needs it, even one without etcd",
        ),
        fix: Text(
            "`useradd -r -M -s /sbin/nologin -c 'etcd user' -U etcd` creates user and group, \
             `groupadd -r etcd` only the group",
        ),
        source: PROFILE_LINUX,
    },
    Check {
        id: CheckId::AccountEtcdPrimaryGroup,
        title: "the user etcd has the group etcd as its primary group",
        required_by: &[],
        applies: Text("where user and group exist"),
        about: Text(
            "RKE2 gives etcd's data to the user's primary group, even if that is not the group etcd. \
             RKE2 starts, but CIS control 1.1.12 fails, which requires etcd:etcd",
        ),
        fix: Text("`usermod -g etcd etcd`, then restart RKE2"),
        source: Text("rancher/rke2 pkg/executor/staticpod; CIS benchmark for RKE2, control 1.1.12"),
    },
    Check {
        id: CheckId::AccountEtcdUser,
        title: "the user etcd exists in /etc/passwd",
        required_by: &[Rke2],
        applies: Text(
            "servers with a CIS profile or profile etcd; agents only in {since AGENT_REGRESSION}",
        ),
        about: Text(
            "RKE2 reads /etc/passwd itself: a user that only LDAP, SSSD, userdb or /usr/lib/passwd \
             have does not exist for it. Every server needs it, even one without etcd",
        ),
        fix: Text("`useradd -r -M -s /sbin/nologin -c 'etcd user' -U etcd`"),
        source: PROFILE_LINUX,
    },
    Check {
        id: CheckId::CgroupV1,
        title: "the host uses the unified cgroup hierarchy",
        required_by: &[Kubelet],
        applies: Text(
            "RKE2 {since FAIL_CGROUP_V1_DEFAULT} and newer, unless fail-cgroupv1 is false; since \
             {since FAIL_CGROUP_V1} where fail-cgroupv1 is true",
        ),
        about: Text(
            "since Kubernetes {since FAIL_CGROUP_V1_DEFAULT} the kubelet fails on cgroup v1 by \
             default. RKE2 itself keeps running and starts the kubelet again every five seconds",
        ),
        fix: Text(
            "boot with systemd.unified_cgroup_hierarchy=1 on the kernel command line, or set \
             `kubelet-arg: fail-cgroupv1=false` while that is still allowed",
        ),
        source: Text("kubernetes pkg/kubelet/apis/config/validation, KEP-5573"),
    },
    Check {
        id: CheckId::ConfigCloudProvider,
        title: "the settings of a cloud provider go together",
        required_by: &[Rke2],
        applies: Text(
            "where cloud-provider-name or cloud-provider-config is set; with node-external-ip since {since \
             EXTERNAL_IP_REFUSED}",
        ),
        about: Text(
            "RKE2 fails where node-external-ip is set together with a cloud provider, which gives nodes their \
             addresses, and where cloud-provider-config is set without cloud-provider-name",
        ),
        fix: Text("remove node-external-ip, or the settings of the cloud provider"),
        source: Text("rancher/rke2 pkg/cli/cmds/root.go, pkg/rke2/rke2_linux.go; {releases}"),
    },
    Check {
        id: CheckId::ConfigCni,
        title: "RKE2 knows the network plugins that it is to deploy",
        required_by: &[Rke2],
        applies: Text("servers, since {since CNI_FLAG}"),
        about: Text(
            "`cni` is none, canal, cilium, calico (since {since CNI_LIST}) or flannel (since {since \
             CNI_FLANNEL}). multus comes first of two: `cni: [multus, canal]`; RKE2 refuses it alone, or \
             in second place. It checks this after the host, so that reasons of the host come first",
        ),
        fix: Text("correct the value of `cni`"),
        source: Text("rancher/rke2 pkg/cli/cmds/server.go, validateCNI; {releases}"),
    },
    Check {
        id: CheckId::ConfigComponentArg,
        title: "static pods accept their arguments",
        required_by: STATIC_PODS,
        applies: Text("Kubernetes {flags}; kube-proxy on every node, the others on servers"),
        about: Text(
            "RKE2 passes kube-apiserver-arg and its like on unchanged to static pods. A component exits \
             for an argument that its release does not know or accept, and kube-apiserver, \
             kube-controller-manager, kube-scheduler and kube-proxy for arguments that do not go together; \
             of cloud-controller-manager each argument is checked by itself. RKE2 itself runs, and logs \
             that it waits. What a component decides once it has asked the cluster or the kernel is not \
             checked. The gate blocks this only with block-on = [\"start\", \"control-plane\"]",
        ),
        fix: Text("correct or remove the entry"),
        source: CONTROL_PLANE,
    },
    Check {
        id: CheckId::ConfigComponentFile,
        title: "static pods accept the files that they are given",
        required_by: STATIC_PODS,
        applies: Text(
            "Kubernetes {gates}; kube-proxy on every node, kube-apiserver, kube-controller-manager and \
             kube-scheduler on servers",
        ),
        about: Text(
            "a component exits if a file that its arguments name is missing, or if it cannot decode, or \
             refuses, what is in it: the API server's audit policy, admission configuration and the like, \
             and the file of config= of kube-scheduler and kube-proxy. RKE2 itself runs, and logs that it \
             waits. Certificates, keys, kubeconfigs, CEL expressions and which plugins a scheduler has are \
             not looked at",
        ),
        fix: Text("correct the file"),
        source: CONTROL_PLANE,
    },
    Check {
        id: CheckId::ConfigDeprecated,
        title: "a later release accepts the settings too",
        required_by: &[],
        applies: Text("servers, since {since INGRESS_VARIABLE}"),
        about: Text(
            "RKE2 accepts the setting, and a later minor release is announced to refuse it or to change it: the \
             variable RKE_INGRESS_CONTROLLER, and `ingress-controller: ingress-nginx` alone",
        ),
        fix: Text("rename the variable to RKE2_INGRESS_CONTROLLER; migrate to traefik"),
        source: Text("rancher/rke2 pkg/cli/cmds/server.go; #11007, #11156"),
    },
    Check {
        id: CheckId::ConfigDropped,
        title: "RKE2 reads its configuration at all",
        required_by: &[],
        applies: ALWAYS,
        about: Text(
            "a file that is missing while RKE2 reads its configuration, such as the target of a \
             dangling link in config.yaml.d, makes RKE2 silently ignore the whole configuration",
        ),
        fix: Text("remove the link, or restore its target"),
        source: PARSER,
    },
    Check {
        id: CheckId::ConfigEtcdDataDir,
        title: "etcd's data is where RKE2 looks for it",
        required_by: &[],
        applies: Text("servers with etcd"),
        about: Text(
            "`etcd-arg: data-dir=…` moves etcd's data. RKE2 does not follow: with a profile it gives only \
             server/db/etcd below its own data directory to the user etcd, and snapshots, resets and restores \
             use that directory",
        ),
        fix: Text(
            "remove the entry, and move the data: set `data-dir` of RKE2, or mount a disk at server/db/etcd",
        ),
        source: Text("rancher/rke2 #6466; pkg/executor/staticpod"),
    },
    Check {
        id: CheckId::ConfigFlag,
        title: "every flag has a value of its type",
        required_by: &[Rke2],
        applies: ALWAYS,
        about: Text(
            "flags, their environment variables and keys of the configuration are parsed alike: RKE2 \
             fails on `protect-kernel-defaults: \"yes\"` with quotes, and accepts it without quotes",
        ),
        fix: Text(
            "set a value of the flag's type; for a boolean flag, true or false without quotes",
        ),
        source: Text("urfave/cli, as RKE2 {releases} pin it"),
    },
    Check {
        id: CheckId::ConfigIgnored,
        title: "every key of the configuration is a flag of RKE2",
        required_by: &[],
        applies: Text("since {since SKIP_UNKNOWN}; in older releases RKE2 fails on an unknown key"),
        about: Text(
            "RKE2 skips unknown keys with a warning. `Profile: cis` is such a key: the node starts, \
             and is not hardened. A key can be one of the other role, or of other releases: the finding says \
             so, for each of the releases {releases}",
        ),
        fix: Text("correct the spelling of the key, or remove it"),
        source: PARSER,
    },
    Check {
        id: CheckId::ConfigIngressController,
        title: "RKE2 knows the ingress controllers that it is to deploy",
        required_by: &[Rke2],
        applies: Text("servers, since {since CHECKED_LISTS} and before {since INGRESS_UNCHECKED}"),
        about: Text(
            "`ingress-controller` is none, ingress-nginx or traefik (since {since INGRESS_TRAEFIK}), or a list \
             of these; nginx is no name of one",
        ),
        fix: Text("correct the value of `ingress-controller`"),
        source: Text("rancher/rke2 pkg/cli/cmds/server.go, validateIngress; {releases}"),
    },
    Check {
        id: CheckId::ConfigJoin,
        title: "an agent knows its server and its token",
        required_by: &[Rke2],
        applies: Text("installed agents, unless only the unit of the server is enabled"),
        about: Text(
            "an agent exits without `server`, and without `token` or `token-file` unless it has joined before \
             and has its kubelet's certificate. Often the configuration is there, in a file that RKE2 does not \
             read (config.unread)",
        ),
        fix: Text("set `server` and `token`"),
        source: Text("k3s-io/k3s pkg/cli/agent/agent.go"),
    },
    Check {
        id: CheckId::ConfigKubeletArg,
        title: "the kubelet accepts its arguments",
        required_by: &[Rke2, Kubelet],
        applies: Text(
            "Kubernetes {flags}; feature gates of {gates}; on other releases, values of two boolean flags",
        ),
        about: Text(
            "RKE2 passes kubelet-arg on unchanged. The kubelet exits if its release has no such flag, if \
             the value is not of the flag's type, if a feature gate was removed or is locked to its \
             default, or if it refuses a combination of flags; if a file that a flag names is missing; \
             if more processors or memory are reserved or kept free than the machine has, if reserved \
             processors or NUMA nodes do not exist, if options of its managers are unknown or \
             their gates are off, or if swap is on and fail-swap-on is true; RKE2 starts it again every \
             five seconds. {since KUBELET_CONF_D} and newer RKE2 itself exits if node-taint is malformed, or if what \
             kubelet-arg names as config or config-dir is missing. The content of certificates and \
             kubeconfigs, addresses, control groups, and the size of file systems are not checked. \
             An entry `- max-pods: 110` is a map, not an argument: write `max-pods=110` in quotes",
        ),
        fix: Text("correct or remove the entry of kubelet-arg"),
        source: KUBELET,
    },
    Check {
        id: CheckId::ConfigKubeletFile,
        title: "the kubelet accepts its configuration files",
        required_by: &[Kubelet],
        applies: Text("Kubernetes {gates}"),
        about: Text(
            "the kubelet merges the files of <data-dir>/agent/etc/kubelet.conf.d in the order of their \
             names ({since KUBELET_CONF_D} and newer), or reads the file that kubelet-arg names as config. It exits if \
             one has no apiVersion and kind, cannot be decoded, or if a value of the merged \
             configuration is out of range, names a file that is missing, or does not fit the machine \
             (see config.kubelet-arg)",
        ),
        fix: Text("correct the file at the field named, or remove it"),
        source: KUBELET,
    },
    Check {
        id: CheckId::ConfigOverridden,
        title: "what is configured counts",
        required_by: &[],
        applies: ALWAYS,
        about: Text(
            "a key in a file of config.yaml.d replaces the same key of config.yaml, lists included; a key with \
             `+` at its end adds to the list instead. Reported are a profile, or protect-kernel-defaults, that \
             something read later turns off, entries of a list that are lost so, and a key that stands twice in \
             one file, of which RKE2 takes the last. `preflight-rke2 config` shows every value that lost",
        ),
        fix: Text("remove one of the two lines; for a list, write the key with `+` at its end"),
        source: PARSER,
    },
    Check {
        id: CheckId::ConfigParse,
        title: "RKE2's configuration can be parsed",
        required_by: &[Rke2],
        applies: ALWAYS,
        about: Text(
            "config.yaml and each file of config.yaml.d must be YAML with keys at the top level",
        ),
        fix: Text("fix the file at the line named"),
        source: PARSER,
    },
    Check {
        id: CheckId::ConfigPodSecurity,
        title: "RKE2's own configuration of pod security is not edited",
        required_by: &[],
        applies: Text(
            "servers of {since POD_SECURITY} and newer, without pod-security-admission-config-file",
        ),
        about: Text(
            "RKE2 writes /etc/rancher/rke2/rke2-pss.yaml anew at each start: what was edited in it, such as a \
             further exempt namespace, is lost",
        ),
        fix: Text(
            "copy the file, and name the copy as `pod-security-admission-config-file`: RKE2 does not write that",
        ),
        source: Text("rancher/rke2 pkg/rke2/psa.go"),
    },
    Check {
        id: CheckId::ConfigUnread,
        title: "every configuration file stands where RKE2 reads it",
        required_by: &[],
        applies: ALWAYS,
        about: Text(
            "RKE2 reads /etc/rancher/rke2/config.yaml, unless --config or RKE2_CONFIG_FILE names another file, and, \
             in {since DROP_INS} and newer, the files of config.yaml.d whose names end in .yaml or .yml. It does not \
             read config.yml or conf.yaml, and says nothing of them",
        ),
        fix: Text("rename the file, or remove it"),
        source: PARSER,
    },
    Check {
        id: CheckId::ConfigUnreadable,
        title: "everything that decides about the start can be read",
        required_by: &[],
        applies: ALWAYS,
        about: Text(
            "the verdict is unknown where a file that RKE2 or its kubelet reads cannot be read or \
             parsed, or where the unit runs another program, runs commands before RKE2 that may \
             change the host, or gives RKE2 another view of the host. The gate lets RKE2 start then, \
             unless on-error = \"block\"",
        ),
        fix: Text(
            "run as root; fix the file named; move commands that prepare the host into a unit that is \
             ordered before RKE2",
        ),
        source: OWN,
    },
    Check {
        id: CheckId::ControlArgument,
        title: "no argument of RKE2 overrides what the profile sets",
        required_by: &[],
        applies: CIS_NODES,
        about: Text(
            "kube-apiserver-arg and similar settings replace what RKE2 passes to a component. RKE2 \
             starts, and a scored control of the CIS benchmark fails",
        ),
        fix: Text("correct the entry, then restart RKE2. `preflight-rke2 audit` shows the control"),
        source: Text("k3s-io/k3s pkg/util/args.go; CIS benchmark for RKE2, section 1"),
    },
    Check {
        id: CheckId::ControlAuditPolicy,
        title: "the API server can read its audit policy",
        required_by: &[Component::KubeApiserver],
        applies: Text("servers with a CIS profile, or with audit-policy-file set"),
        about: Text(
            "the API server exits if its release cannot decode the policy (audit.k8s.io/v1beta1 is gone since \
             Kubernetes {since AUDIT_V1}), or if the policy has no rules or an invalid one; RKE2 itself runs, and \
             logs that it waits",
        ),
        fix: Text("fix the policy"),
        source: Text("kubernetes staging/src/k8s.io/apiserver/pkg/audit/policy/reader.go"),
    },
    Check {
        id: CheckId::ControlEtcdData,
        title: "etcd's data belongs to the user that etcd will run as",
        required_by: &[],
        applies: Text("servers with a CIS profile or profile etcd, where etcd's data exists"),
        about: Text(
            "with a profile etcd runs as the user etcd. On a server that ran without a profile \
             before, etcd has been seen to fail because its data still belonged to root",
        ),
        fix: Text(
            "while RKE2 is stopped, give the data directory to etcd's user and primary group, \
             recursively",
        ),
        source: Text("rancher/rke2 #7815; pkg/executor/staticpod"),
    },
    Check {
        id: CheckId::ControlKubelet,
        title: "nothing overrides the kubelet's protectKernelDefaults",
        required_by: &[],
        applies: CIS_NODES,
        about: Text(
            "a drop-in or kubelet-arg that sets it to false takes precedence over the profile. RKE2 \
             still checks its kernel parameters; the kubelet overwrites wrong values instead of \
             failing. No scanner has checked it since benchmark 1.7",
        ),
        fix: Text("remove the line, then restart RKE2"),
        source: Text("kubernetes cmd/kubelet/app; k3s-io/k3s pkg/daemons/agent"),
    },
    Check {
        id: CheckId::ControlManifestMode,
        title: "static pods have the mode that the profile sets",
        required_by: &[],
        applies: Text("nodes with a CIS profile, since {since MANIFESTS_CLOSED}"),
        about: Text(
            "with a CIS profile RKE2 writes static pods with mode 600. It does not rewrite a file \
             whose content is unchanged, so a file from before the profile keeps mode 644. Those of the API \
             server and of kube-proxy are removed and written anew at each start, since {since MANIFESTS_REMOVED}",
        ),
        fix: Text("`chmod 600` the files named"),
        source: Text("rancher/rke2 pkg/staticpod, #4831"),
    },
    Check {
        id: CheckId::DataDirOtherRole,
        title: "the data directory is not one of the other role",
        required_by: &[],
        applies: Text("where RKE2 has run before"),
        about: Text(
            "the tarball of RKE2 installs both units, and install.sh takes a node for a server unless told \
             otherwise. A server started over an agent's data makes a cluster of its own; an agent started over a \
             server's data leaves an etcd member behind that its cluster still counts",
        ),
        fix: Text(
            "enable the unit of the other role; or, to change the role, remove the node from its cluster and run \
             rke2-uninstall.sh first",
        ),
        source: Text("rancher/rke2 bundle/bin, pkg/rke2; k3s-io/k3s pkg/etcd"),
    },
    Check {
        id: CheckId::KubeletExited,
        title: "the kubelet has not exited in the last start of RKE2",
        required_by: &[],
        applies: Text("nodes on which RKE2 was started since the last boot; images"),
        about: Text(
            "RKE2's journal has only `Kubelet exited: exit status 1`, and RKE2 starts the kubelet again \
             every five seconds. The reason is in the kubelet's log, agent/logs/kubelet.log below the data \
             directory unless `kubelet-arg: log-file` moves it. It is shown unless a later line shows that \
             the kubelet runs, or, while RKE2 is down, the configuration was changed since. It is what \
             happened, not what is predicted, and never blocks",
        ),
        fix: Text("fix what the kubelet names; RKE2 starts the kubelet again by itself"),
        source: Text(
            "rancher/rke2 pkg/executor/staticpod, pkg/logging, #3063; kubernetes pkg/kubelet/kubelet.go, \
             component-base/cli/run.go",
        ),
    },
    Check {
        id: CheckId::KubeletOverwritesSysctl,
        title: "the values of /etc/sysctl.d stay when the kubelet starts",
        required_by: &[],
        applies: Text("the kubelet where protect-kernel-defaults is not true"),
        about: Text(
            "a kubelet that does not protect kernel defaults sets six kernel parameters whenever it starts. \
             What a file sets to another value holds only from the boot to that moment",
        ),
        fix: Text("remove the line, or set the kubelet's value in it"),
        source: CONTAINER_MANAGER,
    },
    Check {
        id: CheckId::PodExited,
        title: "no static pod exits again and again",
        required_by: &[],
        applies: Text("nodes on which RKE2 runs; images"),
        about: Text(
            "RKE2 runs the control plane as static pods. One that exits is restarted by the kubelet, after \
             five minutes at the latest, and RKE2's journal does not have its reason. That is in its log \
             below /var/log/pods. It is shown where two attempts of this start have exited and the last \
             exit is not older than ten minutes. It never blocks",
        ),
        fix: Text("fix what the component names"),
        source: Text("kubernetes pkg/kubelet/kuberuntime"),
    },
    Check {
        id: CheckId::KubeletSubordinateIds,
        title: "a user kubelet has subordinate ids that the kubelet can use",
        required_by: &[Kubelet],
        applies: Text(
            "hosts with a user kubelet in /etc/passwd and RKE2 {since USER_NAMESPACES} or newer, unless the \
             feature gate UserNamespacesSupport is set",
        ),
        about: Text(
            "a kubelet with user name spaces runs getsubids for the user kubelet, where there is one, and exits \
             where the program is missing, or lists other than one range that is the same for users and groups. \
             Where /etc/nsswitch.conf names another source of these ids, nothing is reported",
        ),
        fix: Text(
            "remove the user; or install getsubids (package uidmap or shadow-utils-subid), and give the user one \
             range, the same in /etc/subuid and /etc/subgid",
        ),
        source: Text("kubernetes pkg/kubelet/kubelet_pods.go, Kubernetes {kubernetes}"),
    },
    Check {
        id: CheckId::ProfileDeprecated,
        title: "newer releases accept the name of the profile",
        required_by: &[],
        applies: Text("profiles cis-1.23, cis-1.6 and cis-1.5 where they are accepted"),
        about: Text(
            "RKE2 {since ONLY_CIS_1_23} and newer refuse cis-1.5 and cis-1.6; {since \
             CIS_1_23_REFUSED} and newer refuse cis-1.23",
        ),
        fix: Text(
            "set `profile: cis` before an upgrade, or together with it if this release does not \
             accept cis",
        ),
        source: PROFILE_LINUX,
    },
    Check {
        id: CheckId::ProfileProtectKernelDefaults,
        title: "protect-kernel-defaults is not false with a CIS profile",
        required_by: &[Rke2],
        applies: Text("servers and agents with a CIS profile"),
        about: Text("a CIS profile sets it to true; RKE2 fails where it is explicitly false"),
        fix: Text("remove `protect-kernel-defaults: false`"),
        source: PROFILE_LINUX,
    },
    Check {
        id: CheckId::ProfileValue,
        title: "the installed release accepts the profile",
        required_by: &[Rke2],
        applies: Text("where `profile` is set"),
        about: Text(
            "RKE2 compares byte by byte: CIS and \"cis \" are not cis. Releases accept different names: \
             cis-1.5 and cis-1.6 before {since ONLY_CIS_1_23}, cis-1.23 since {since ONLY_CIS_1_23} \
             and before {since CIS_1_23_REFUSED}, cis since {since GENERIC_CIS}, etcd since {since \
             ETCD_PROFILE}",
        ),
        fix: Text("set `profile: cis`"),
        source: PROFILE_LINUX,
    },
    Check {
        id: CheckId::UnitBothEnabled,
        title: "only one of the two RKE2 units is enabled",
        required_by: &[],
        applies: Text("hosts with both units, as the tarball of RKE2 installs them"),
        about: Text(
            "a node is a server or an agent. In older releases each unit stops the other; since \
             {since UNIT_SKIPPED} a unit does not start while the other one runs",
        ),
        fix: Text("run `systemctl disable` with the unit that this node does not use"),
        source: Text("rancher/rke2 bundle/lib/systemd/system"),
    },
    Check {
        id: CheckId::UnitProblem,
        title: "systemd reads the unit's files as they are written",
        required_by: &[],
        applies: Text("installed units"),
        about: Text(
            "systemd ignores or refuses a line of the unit, of a drop-in or of an environment file",
        ),
        fix: Text("fix the line, then run `systemctl daemon-reload`"),
        source: Text("systemd.unit(5), systemd.service(5), systemd.exec(5)"),
    },
    Check {
        id: CheckId::UpgradeContainerdTemplate,
        title: "containerd's template is for the containerd of the release that comes",
        required_by: &[],
        applies: Text("`check --upgrade-to`"),
        about: Text(
            "A template config.toml.tmpl below agent/etc/containerd was written for containerd 1. From \
             {since CONTAINERD_2} on RKE2 has containerd 2: its template is config-v3.toml.tmpl, and the old one is \
             used where there is no other, which may lack what RKE2 sets",
        ),
        fix: Text("write config-v3.toml.tmpl"),
        source: Text("k3s-io/k3s pkg/agent/containerd/config.go; docs.rke2.io, advanced options"),
    },
    Check {
        id: CheckId::UpgradeEtcdDowngrade,
        title: "the etcd of the release that comes is not older than that of its data",
        required_by: &[],
        applies: Text("`check --upgrade-to`; servers with etcd's data"),
        about: Text(
            "RKE2's releases have etcd 3.5, 3.6 or 3.7. One of an older minor version exits on the data of a newer one",
        ),
        fix: Text("restore a snapshot of the older release"),
        source: Text("etcd server/etcdserver/version; rancher/rke2#9318"),
    },
    Check {
        id: CheckId::UpgradeSkippedMinor,
        title: "the upgrade skips no minor version",
        required_by: &[],
        applies: Text("`check --upgrade-to`, where the installed release is known"),
        about: Text(
            "Kubernetes supports upgrades from one minor version to the next. Nothing in RKE2 stops another one",
        ),
        fix: Text("upgrade to each minor version between"),
        source: Text("kubernetes.io, version skew policy; docs.rke2.io, upgrades"),
    },
    Check {
        id: CheckId::VersionNewer,
        title: "the rules of the installed release are known",
        required_by: &[],
        applies: Text("releases newer than the rules of this preflight-rke2"),
        about: Text(
            "on a later patch of a known minor release, only violations of what every known release \
             of that minor requires block; a profile or a flag that none of them knows leaves the \
             verdict unknown. On a later minor release nothing blocks. What the newest known release \
             would refuse is reported in both cases",
        ),
        fix: Text("install a newer preflight-rke2"),
        source: OWN,
    },
    Check {
        id: CheckId::VersionUnknown,
        title: "the installed release is known",
        required_by: &[],
        applies: Text("where the program that the unit starts does not name its version"),
        about: Text(
            "rules differ between releases. Without a version the rules of the newest known release \
             are used, or of the one that was unpacked last, and only violations that every release \
             would refuse block",
        ),
        fix: Text(
            "set `ExecStart=` to RKE2's own program, owned by root; for a `check`, pass the release \
             with --rke2-version",
        ),
        source: OWN,
    },
];

/// The check with this id.
pub(crate) fn check(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.id.as_str() == id)
}

/// Every id.
pub fn ids() -> Vec<&'static str> {
    CHECKS.iter().map(|check| check.id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_unique_lower_case_and_dotted() {
        let ids = ids();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(ids, sorted);
        for id in ids {
            assert!(
                id.contains('.')
                    && id
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || ".-_0123456789".contains(c)),
                "{id}"
            );
        }
    }

    #[test]
    fn texts_name_releases_by_their_change() {
        for check in CHECKS {
            for text in [check.applies, check.about, check.fix, check.source] {
                assert!(!text.to_string().contains('{'), "{}: {text}", check.id);
                // Not `1.29` or `v1.36.3`: those come from the tables.
                for (at, _) in text.0.match_indices("1.") {
                    let digits = text.0[at + 2..].chars().take_while(char::is_ascii_digit);
                    let is_other = text.0[..at].ends_with(['-', '.']);
                    assert!(digits.count() < 2 || is_other, "{}: {}", check.id, text.0);
                }
            }
        }
        let check = check("profile.deprecated").unwrap();
        assert!(
            check
                .about
                .to_string()
                .starts_with("RKE2 1.25 and newer refuse cis-1.5")
        );
    }
}
