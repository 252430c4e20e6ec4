//! What changed in RKE2 and its kubelet, and since which releases: each change once.
//!
//! A change that reached the maintained minors together has a first release in each. The tests of
//! [`super::profile`] and [`super::config`] compare the rules that follow with what was recorded of every
//! release; a test below holds that each release named here exists. Texts of the catalogue name a change as
//! `{since NAME}`.

use super::version::{Since, Version};

/// Declares the changes, and the list of all of them by name.
macro_rules! changes {
    ($($(#[doc = $doc:literal])+ $name:ident: $($release:tt),+;)+) => {
        $($(#[doc = $doc])+ pub(crate) const $name: Since = Since(&[$($release),+]);)+

        /// Every change, by the name that texts of the catalogue use.
        const ALL: &[(&str, Since)] = &[$((stringify!($name), $name)),+];

        /// What each change is, in the order of [`ALL`].
        const ABOUT: &[&str] = &[$(concat!($($doc),+)),+];
    };
}

changes! {
    // Profiles: rancher/rke2 pkg/cli/cmds/profile_linux.go, root.go.

    /// The profile `etcd`, and each check with a message of its own: #8349 and its backports.
    ETCD_PROFILE: (30, 14, 1), (31, 10, 1), (32, 6, 1), (33, 2, 1), (34, 1, 1);
    /// The generic profile `cis`: #4708 and its backports.
    GENERIC_CIS: (25, 15, 1), (26, 10, 1), (27, 7, 1), (28, 2, 1), (29, 0, 1);
    /// With `cis-1.23`, RKE2 exits after the host checks: #5781.
    CIS_1_23_REFUSED: (30, 0, 1);
    /// `cis-1.23` is the only profile: #3282.
    ONLY_CIS_1_23: (25, 0, 1);
    /// `cis-1.6` is accepted too: #763.
    CIS_1_6: (20, 5, 1);
    /// The group etcd is required too, and the message has a colon: #2290.
    GROUP_CHECK: (20, 14, 1), (21, 8, 1), (22, 5, 1), (23, 1, 1);
    /// Agents must have the etcd account (a regression): #924.
    AGENT_REGRESSION: (20, 7, 1);
    /// Agents need no etcd account again: #1066.
    AGENT_FIXED: (20, 8, 1), (21, 2, 1);
    /// Built with Go 1.17 or newer, which reads account lines of any length (golang/go#43636).
    UNLIMITED_LINES: (23, 1, 1);

    // The configuration: k3s-io/k3s pkg/configfilearg, urfave/cli.

    /// Drop-ins below `config.yaml.d`; before, one file, which could be a URL.
    DROP_INS: (20, 6, 1);
    /// A key that ends in `+` appends.
    APPEND: (20, 7, 1);
    /// Unknown keys are skipped with a warning; before, they are fatal.
    SKIP_UNKNOWN: (20, 13, 1), (21, 7, 1), (22, 4, 1);
    /// A configuration file that was named and is missing is ignored; before, that is fatal. The same
    /// releases take the default of `data-dir` from `RKE2_DATA_DIR`.
    MISSING_IGNORED: (27, 16, 2), (28, 13, 1), (29, 8, 1), (30, 4, 1);
    /// The command-line library is urfave/cli v2.
    CLI_V2: (31, 8, 1), (32, 4, 1);
    /// Errors of the command-line library have the prefix `Error: `.
    ERROR_PREFIX: (31, 12, 1), (32, 8, 1), (33, 4, 1), (34, 1, 1);
    /// `rke2 --debug server` is refused.
    NO_GLOBAL_DEBUG: (24, 12, 1), (25, 8, 1), (26, 3, 1);

    // Selections: rancher/rke2 pkg/cli/cmds/server.go, root.go, pkg/rke2/rke2_linux.go.

    /// The flag `cni`, with one name.
    CNI_FLAG: (20, 7, 1);
    /// `cni` takes two names where the first is multus, and calico.
    CNI_LIST: (21, 2, 1);
    /// The network plugin flannel.
    CNI_FLANNEL: (26, 14, 1), (27, 11, 1), (28, 7, 1), (29, 2, 1), (30, 0, 1);
    /// The names of `cni` and `ingress-controller` are checked alike, in words that name those that are valid.
    CHECKED_LISTS: (27, 16, 1), (28, 12, 1), (29, 7, 1), (30, 3, 1);
    /// The ingress controller traefik.
    INGRESS_TRAEFIK: (30, 3, 1);
    /// The variable `RKE2_INGRESS_CONTROLLER` beside `RKE_INGRESS_CONTROLLER`.
    INGRESS_VARIABLE: (32, 13, 2), (33, 10, 1), (34, 6, 1), (35, 3, 1);
    /// The names of `ingress-controller` are not checked again.
    INGRESS_UNCHECKED: (36, 0, 1);
    /// An external address together with a cloud provider is refused.
    EXTERNAL_IP_REFUSED: (18, 12, 1);
    /// The same before the profile is checked.
    CLOUD_PROVIDER_FIRST: (36, 0, 1);

    // The kubelet: k3s-io/k3s pkg/daemons/agent, kubernetes cmd/kubelet/app.

    /// Entries of `kubelet-arg` may begin with `--`.
    KUBELET_DASHES: (20, 9, 2), (21, 3, 2);
    /// `kubelet-arg` takes `k+=v` and `k-=v`, and repeats a repeated `k`.
    KUBELET_REPEATS: (20, 13, 1), (21, 7, 1), (22, 4, 1);
    /// The kubelet is configured by files below `agent/etc/kubelet.conf.d`: k3s #10433.
    KUBELET_CONF_D: (32, 0, 1);
    /// The kubelet has `--fail-cgroupv1`: kubernetes #126031.
    FAIL_CGROUP_V1: (31, 0, 1);
    /// `--fail-cgroupv1` is true by default: kubernetes #134298.
    FAIL_CGROUP_V1_DEFAULT: (35, 0, 1);
    /// The kubelet takes the ids of pods in user name spaces from a user `kubelet`, by default: the feature gate
    /// `UserNamespacesSupport`, KEP-127. 1.38, which has no rules here yet, is less strict (kubernetes #141345).
    USER_NAMESPACES: (33, 0, 1);

    /// The kubelet reads a checkpoint of dynamic resources, `dra_manager_state`, at its start. Seen with 1.35 to 1.37 and
    /// not with 1.33; 1.34 was not tried.
    DRA_CHECKPOINT: (35, 0, 1);
    /// The kubelet reads two checkpoints of the resources of pods at its start, `allocated_pods_state` and
    /// `actuated_pods_state`: kubernetes `pkg/features/kube_features.go`, `InPlacePodVerticalScaling`.
    POD_CHECKPOINTS: (33, 0, 1);
    /// The feature gate of these is locked.
    POD_CHECKPOINTS_LOCKED: (35, 0, 1);

    // Files and units.

    /// containerd 2, whose configuration's template is `config-v3.toml.tmpl`: docs of RKE2, advanced options.
    CONTAINERD_2: (31, 6, 1), (32, 2, 1), (33, 0, 1);
    /// A server renews an expired certificate of its port 9345: rancher/rke2#8318, rancher/dynamiclistener.
    DYNAMIC_CERTIFICATE_RENEWED: (30, 14, 1), (31, 10, 1), (32, 6, 1), (33, 2, 1);
    /// A start renews certificates that end within 120 days, in place of 90: docs.rke2.io/security/certificates.
    LONGER_RENEWAL: (30, 13, 1), (31, 9, 1), (32, 5, 1), (33, 1, 1);
    /// With a CIS profile the API server has an audit policy: rancher/rke2 pkg/rke2/rke2.go, c5354973e.
    AUDIT_POLICY: (18, 12, 1);

    /// With a CIS profile static pods are written with mode 0600: rancher/rke2 #4831.
    MANIFESTS_CLOSED: (25, 15, 1), (26, 10, 1), (27, 7, 1), (28, 3, 1);
    /// With the profile `etcd` all static pods are written with mode 0600: rancher/rke2 pkg/executor/staticpod.
    MANIFESTS_CLOSED_ETCD: (31, 12, 1), (32, 8, 1), (33, 4, 1), (34, 1, 1);
    /// `audit-policy-file` alone turns the audit log on; before, it takes a profile: rancher/rke2 3e817f17b.
    AUDIT_BY_FILE: (21, 10, 1), (22, 3, 1);
    /// With a CIS profile tokens of service accounts are not extended: rancher/rke2 #9011.
    TOKENS_NOT_EXTENDED: (31, 14, 1), (32, 10, 1), (33, 6, 1), (34, 2, 1), (35, 0, 1);
    /// The static pods of the API server and of kube-proxy are removed and written anew at each start:
    /// rancher/rke2 aba315833.
    MANIFESTS_REMOVED: (24, 17, 1), (25, 13, 1), (26, 8, 1), (27, 5, 1);
    /// A unit does not start while the other one runs; before, each stops the other:
    /// rancher/rke2 bundle/lib/systemd/system.
    UNIT_SKIPPED: (32, 13, 1), (33, 9, 1), (34, 5, 1), (35, 2, 1);
    /// The kubelet takes `--seccomp-default` without a feature gate of the user's: KEP-2413, beta.
    SECCOMP_BY_DEFAULT: (25, 0, 1);
    /// The API server reads audit policies of `audit.k8s.io/v1` only: kubernetes #108092.
    AUDIT_V1: (24, 1, 1);
    /// Pod security leaves out kube-system and cis-operator-system: rancher/rke2 pkg/rke2/psa.go.
    POD_SECURITY: (25, 0, 1);
    /// Pod security leaves out tigera-operator.
    TIGERA_EXEMPT: (25, 2, 1);
    /// Pod security leaves out compliance-operator-system.
    COMPLIANCE_EXEMPT: (32, 13, 2), (33, 10, 1), (34, 6, 1), (35, 3, 1), (36, 0, 1);
    /// Pod security no longer leaves out cis-operator-system.
    CIS_OPERATOR_NOT_EXEMPT: (33, 10, 1), (34, 6, 1), (35, 3, 1), (36, 0, 1);
}

/// The changes that one of two releases has and the other has not: the name, and what it is.
pub fn between(a: &Version, b: &Version) -> Vec<(&'static str, &'static str)> {
    ALL.iter()
        .zip(ABOUT)
        .filter(|((_, since), _)| since.includes(a) != since.includes(b))
        .map(|((name, _), about)| (*name, about.trim()))
        .collect()
}

/// The change of that name.
pub(crate) fn by_name(name: &str) -> Option<Since> {
    ALL.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, since)| *since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::releases::{self, Coverage};

    #[test]
    fn every_release_that_is_named_exists() {
        for (name, since) in ALL {
            assert!(since.0.is_sorted(), "{name}");
            for (minor, patch, revision) in since.0 {
                let version = Version::new(*minor, *patch, *revision);
                assert_eq!(
                    releases::coverage(&version),
                    Coverage::Exact,
                    "{name}: {version}"
                );
            }
        }
    }
}
