//! Each check, described for people: what `explain` tells, and the manual lists.

use crate::finding::{CheckId, Component};

/// One check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Its id.
    pub id: CheckId,
    /// In a few words.
    pub title: &'static str,
    /// Who demands it.
    pub required_by: &'static [Component],
    /// When a node is held to it.
    pub applies: &'static str,
    /// Why it is there, and what is often misunderstood.
    pub about: &'static str,
    /// How to put it right.
    pub fix: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
}

use Component::{Kubelet, Rke2};

const PROFILE_LINUX: &str =
    "rancher/rke2 pkg/cli/cmds/profile_linux.go (root.go before 1.23.15), v1.18.9 to v1.36.3";
const CONTAINER_MANAGER: &str =
    "kubernetes pkg/kubelet/cm/container_manager_linux.go, Kubernetes 1.18 to 1.36";
const PARSER: &str = "k3s-io/k3s pkg/configfilearg/parser.go, as RKE2 v1.18.9 to v1.36.3 pin it";

const BOTH_SYSCTL: &str = "RKE2 with a CIS profile on servers and agents; the kubelet wherever \
     protect-kernel-defaults is true, which a CIS profile makes it";
const KUBELET_SYSCTL: &str =
    "the kubelet wherever protect-kernel-defaults is true, which a CIS profile makes it";
const SYSCTL_FIX: &str = "set the value in a file of /etc/sysctl.d that sorts last for this key \
     (RKE2 ships one: copy rke2-cis-sysctl.conf to /etc/sysctl.d/60-rke2-cis.conf), and set it now \
     with `sysctl -w`. Do not run `sysctl --system` or restart systemd-sysctl on a node where RKE2 \
     runs: network plugins keep values of their own";

macro_rules! sysctl {
    ($id:expr, $title:literal, $by:expr, $applies:expr, $source:expr, $about:literal) => {
        Check {
            id: $id,
            title: $title,
            required_by: $by,
            applies: $applies,
            about: $about,
            fix: SYSCTL_FIX,
            source: $source,
        }
    };
}

/// Every check there is, by id.
pub const CHECKS: &[Check] = &[
    Check {
        id: CheckId::AccountEtcdGroup,
        title: "the group etcd exists in /etc/group",
        required_by: &[Rke2],
        applies: "servers with a CIS profile or profile etcd, from 1.20.14, 1.21.8, 1.22.5 and 1.23.1",
        about: "RKE2 reads /etc/group itself: a group that only LDAP, SSSD, userdb or \
                /usr/lib/group know does not exist for it. Every server needs it, also one without \
                etcd",
        fix: "`useradd -r -M -s /sbin/nologin -c 'etcd user' -U etcd` makes user and group; \
              `groupadd -r etcd` the group alone",
        source: PROFILE_LINUX,
    },
    Check {
        id: CheckId::AccountEtcdPrimaryGroup,
        title: "the user etcd has the group etcd as its primary group",
        required_by: &[],
        applies: "where user and group exist",
        about: "RKE2 gives etcd's data to the user's primary group, whatever the group etcd is. It \
                starts, and fails CIS control 1.1.12, which wants etcd:etcd",
        fix: "`usermod -g etcd etcd`, then restart RKE2",
        source: "rancher/rke2 pkg/executor/staticpod; CIS benchmark for RKE2, control 1.1.12",
    },
    Check {
        id: CheckId::AccountEtcdUser,
        title: "the user etcd exists in /etc/passwd",
        required_by: &[Rke2],
        applies: "servers with a CIS profile or profile etcd; agents never (but for 1.20.7)",
        about: "RKE2 reads /etc/passwd itself: a user that only LDAP, SSSD, userdb or \
                /usr/lib/passwd know does not exist for it. Every server needs it, also one without \
                etcd",
        fix: "`useradd -r -M -s /sbin/nologin -c 'etcd user' -U etcd`",
        source: PROFILE_LINUX,
    },
    Check {
        id: CheckId::CgroupV1,
        title: "the host uses the unified cgroup hierarchy",
        required_by: &[Kubelet],
        applies: "RKE2 1.35 and newer, unless fail-cgroupv1 is false; 1.31 to 1.34 where it is true",
        about: "from Kubernetes 1.35 the kubelet ends on cgroup v1 unless told not to. RKE2 itself \
                runs on and starts it again every five seconds",
        fix: "boot with systemd.unified_cgroup_hierarchy=1 on the kernel command line, or set \
              `kubelet-arg: fail-cgroupv1=false` while that is still allowed",
        source: "kubernetes pkg/kubelet/apis/config/validation, KEP-5573",
    },
    Check {
        id: CheckId::ConfigDropped,
        title: "RKE2 reads its configuration at all",
        required_by: &[],
        applies: "always",
        about: "a file that cannot be found while RKE2 reads its configuration, such as a dangling \
                link in config.yaml.d, makes it ignore the whole configuration without a word",
        fix: "remove the link, or restore what it points to",
        source: PARSER,
    },
    Check {
        id: CheckId::ConfigFlag,
        title: "every flag has a value of its kind",
        required_by: &[Rke2],
        applies: "always",
        about: "flags, their environment variables and keys of the configuration are parsed alike: \
                `protect-kernel-defaults: \"yes\"` in quotes ends RKE2, without quotes it does not",
        fix: "write a value of the flag's kind; for a switch, true or false without quotes",
        source: "urfave/cli, as RKE2 v1.18.9 to v1.36.3 pin it",
    },
    Check {
        id: CheckId::ConfigIgnored,
        title: "every key of the configuration is a flag of RKE2's",
        required_by: &[],
        applies: "from 1.20.13, 1.21.7, 1.22.4 and 1.23.1; before, an unknown key ends RKE2",
        about: "RKE2 skips keys that it does not know with a warning. `Profile: cis` is such a key: \
                the node starts, and is not hardened",
        fix: "correct the key's spelling, or remove it",
        source: PARSER,
    },
    Check {
        id: CheckId::ConfigKubeletArg,
        title: "the kubelet's arguments have values of their kind",
        required_by: &[Kubelet],
        applies: "always",
        about: "RKE2 passes kubelet-arg on as it is; the kubelet ends on a value it cannot parse, and \
                RKE2 starts it again every five seconds",
        fix: "correct the entry of kubelet-arg",
        source: "kubernetes cmd/kubelet/app",
    },
    Check {
        id: CheckId::ConfigParse,
        title: "RKE2's configuration can be read",
        required_by: &[Rke2],
        applies: "always",
        about: "config.yaml and each file of config.yaml.d must be YAML with keys at the top",
        fix: "mend the file at the line named",
        source: PARSER,
    },
    Check {
        id: CheckId::ConfigUnreadable,
        title: "what decides about the start can be read",
        required_by: &[],
        applies: "always",
        about: "where a file that RKE2 or its kubelet reads cannot be read or understood here, or the \
                unit runs another program, runs commands before RKE2 that may change the host, or gives \
                RKE2 another view of it, the verdict is open. The gate lets RKE2 start then, unless \
                on-error = \"block\"",
        fix: "run as root; mend the file named; move what prepares the host into a unit that RKE2's is \
              ordered after",
        source: "preflight-rke2",
    },
    Check {
        id: CheckId::ControlArgument,
        title: "no argument of RKE2's undoes what the profile asks for",
        required_by: &[],
        applies: "nodes with a CIS profile",
        about: "kube-apiserver-arg and its like replace what RKE2 passes to a component. RKE2 starts, and \
                a scored control of the CIS benchmark fails",
        fix: "correct the entry, then restart RKE2. `preflight-rke2 audit` tells the control",
        source: "k3s-io/k3s pkg/util/args.go; CIS benchmark for RKE2, section 1",
    },
    Check {
        id: CheckId::ControlAuditPolicy,
        title: "the API server can read its audit policy",
        required_by: &[],
        applies: "servers with a CIS profile, or with audit-policy-file set",
        about: "the API server ends on a policy that is no YAML or has no rules, and its static pod is \
                started again and again",
        fix: "mend the policy",
        source: "kubernetes staging/src/k8s.io/apiserver/pkg/audit/policy/reader.go",
    },
    Check {
        id: CheckId::ControlEtcdData,
        title: "etcd's data belongs to the user that etcd will run as",
        required_by: &[],
        applies: "servers with a CIS profile or profile etcd, where etcd's data is there",
        about: "with a profile etcd runs as the user etcd. Switched on for a server that ran without, it \
                has been seen to find its data still root's and to end on it",
        fix: "with RKE2 stopped, give the data folder to etcd's user and primary group, recursively",
        source: "rancher/rke2 #7815; pkg/executor/staticpod",
    },
    Check {
        id: CheckId::ControlKubelet,
        title: "nothing undoes the kubelet's protectKernelDefaults",
        required_by: &[],
        applies: "nodes with a CIS profile",
        about: "a drop-in or kubelet-arg that sets it to false beats the profile. RKE2 still checks its \
                four kernel parameters; the kubelet overwrites them instead of insisting. Since \
                benchmark 1.7 no scanner asks for it",
        fix: "take the line out, then restart RKE2",
        source: "kubernetes cmd/kubelet/app; k3s-io/k3s pkg/daemons/agent",
    },
    Check {
        id: CheckId::ControlManifestMode,
        title: "static pods have the mode that the profile gives them",
        required_by: &[],
        applies: "nodes with a CIS profile, from 1.25.15, 1.26.10, 1.27.7 and 1.28.3",
        about: "with a CIS profile RKE2 writes static pods with mode 600. It does not write one anew whose \
                content is the same, so that one from before the profile keeps 644",
        fix: "`chmod 600` the files named",
        source: "rancher/rke2 pkg/staticpod, #4831",
    },
    Check {
        id: CheckId::ProfileDeprecated,
        title: "the profile's name is accepted by newer releases too",
        required_by: &[],
        applies: "profiles cis-1.23, cis-1.6 and cis-1.5 where they are accepted",
        about: "RKE2 1.25 and newer refuse cis-1.5 and cis-1.6; 1.30 and newer refuse cis-1.23",
        fix: "write `profile: cis` before an upgrade, or with it where this release does not know it",
        source: PROFILE_LINUX,
    },
    Check {
        id: CheckId::ProfileProtectKernelDefaults,
        title: "protect-kernel-defaults is not false beside a CIS profile",
        required_by: &[Rke2],
        applies: "servers and agents with a CIS profile",
        about: "a CIS profile turns it on; turning it off explicitly ends RKE2",
        fix: "remove `protect-kernel-defaults: false`",
        source: PROFILE_LINUX,
    },
    Check {
        id: CheckId::ProfileValue,
        title: "the profile is one that the installed release accepts",
        required_by: &[Rke2],
        applies: "where `profile` is set",
        about: "compared byte by byte: CIS and \"cis \" are not cis. Which names are accepted changed \
                with the releases: cis-1.5 and cis-1.6 to 1.24, cis-1.23 from 1.25 to 1.29, cis from \
                1.25.15, 1.26.10, 1.27.7 and 1.28.2, etcd from 1.30.14, 1.31.10, 1.32.6 and 1.33.2",
        fix: "write `profile: cis`",
        source: PROFILE_LINUX,
    },
    sysctl!(
        CheckId::SysctlRootMaxbytes,
        "kernel.keys.root_maxbytes is 25000000",
        &[Kubelet],
        KUBELET_SYSCTL,
        CONTAINER_MANAGER,
        "the kernel's own default. RKE2's check leaves it out, so a node with another value passes \
         RKE2 and loses its kubelet"
    ),
    sysctl!(
        CheckId::SysctlRootMaxkeys,
        "kernel.keys.root_maxkeys is 1000000",
        &[Kubelet],
        KUBELET_SYSCTL,
        CONTAINER_MANAGER,
        "the kernel's own default. RKE2's check leaves it out, so a node with another value passes \
         RKE2 and loses its kubelet"
    ),
    sysctl!(
        CheckId::SysctlPanic,
        "kernel.panic is 10",
        &[Rke2, Kubelet],
        BOTH_SYSCTL,
        PROFILE_LINUX,
        "seconds until a reboot after a panic. Exactly 10: a longer wait is refused as well. panic= \
         on the kernel command line sets it too, and any line in sysctl.d beats that"
    ),
    sysctl!(
        CheckId::SysctlPanicOnOops,
        "kernel.panic_on_oops is 1",
        &[Rke2, Kubelet],
        BOTH_SYSCTL,
        PROFILE_LINUX,
        "whether an oops is a panic. Some distributions' kernels are built with 1, most with 0"
    ),
    sysctl!(
        CheckId::SysctlOvercommitMemory,
        "vm.overcommit_memory is 1",
        &[Rke2, Kubelet],
        BOTH_SYSCTL,
        PROFILE_LINUX,
        "the kernel's own default is 0. A kubelet without protect-kernel-defaults writes 1 without \
         a word, so a node that ran without a profile looks right until it is booted again"
    ),
    sysctl!(
        CheckId::SysctlPanicOnOom,
        "vm.panic_on_oom is 0",
        &[Rke2, Kubelet],
        BOTH_SYSCTL,
        PROFILE_LINUX,
        "the kernel's own default. Tuning for databases and clusters sometimes sets it to 1"
    ),
    Check {
        id: CheckId::UnitBothEnabled,
        title: "one of the two RKE2 units is enabled, not both",
        required_by: &[],
        applies: "hosts with both units, as RKE2's tarball installs them",
        about: "a node is a server or an agent. Up to 1.32.12, 1.33.8, 1.34.4 and 1.35.1 each unit \
                stops the other; later ones skip a start while the other runs",
        fix: "`systemctl disable` the one that this node is not",
        source: "rancher/rke2 bundle/lib/systemd/system",
    },
    Check {
        id: CheckId::UnitProblem,
        title: "systemd takes the unit's files as they are meant",
        required_by: &[],
        applies: "installed units",
        about: "a line of the unit, of a drop-in or of an environment file that systemd ignores or \
                refuses",
        fix: "mend the line, then run `systemctl daemon-reload`",
        source: "systemd.unit(5), systemd.service(5), systemd.exec(5)",
    },
    Check {
        id: CheckId::VersionNewer,
        title: "the rules of the installed release are known",
        required_by: &[],
        applies: "releases newer than this preflight-rke2's rules",
        about: "a later patch of a known minor is held to what every release so far has demanded; a profile \
                or a flag that none of it knew is open. Of a later minor nothing blocks. What the newest known \
                release would refuse is told all the same",
        fix: "install a newer preflight-rke2",
        source: "preflight-rke2",
    },
    Check {
        id: CheckId::VersionUnknown,
        title: "the installed release is known",
        required_by: &[],
        applies: "where the program that the unit starts does not tell its version",
        about: "rules differ by release. Without a version the host is judged by the newest one known, or by \
                the one that was last unpacked, and nothing blocks that not every release would refuse",
        fix: "let `ExecStart=` name RKE2's own program, which is root's own; for a `check`, name the release \
              with --rke2-version",
        source: "preflight-rke2",
    },
];

/// The check with this id.
pub(crate) fn check(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.id.as_str() == id)
}

/// Each id has its description, in the order of the ids.
const _: () = assert!(
    is_complete(CHECKS, CheckId::ALL),
    "a check is not described, or not in order"
);

const fn is_complete(mut checks: &[Check], mut ids: &[CheckId]) -> bool {
    loop {
        match (checks.split_first(), ids.split_first()) {
            (None, None) => return true,
            (Some((check, more_checks)), Some((id, more_ids))) if check.id.is(*id) => {
                checks = more_checks;
                ids = more_ids;
            }
            _ => return false,
        }
    }
}

/// Every id.
pub fn ids() -> Vec<&'static str> {
    CHECKS.iter().map(|check| check.id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::kernel::KERNEL_PARAMETERS;

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
    fn every_sysctl_has_its_value() {
        for parameter in KERNEL_PARAMETERS {
            let check = check(parameter.check.as_str()).unwrap();
            let value = format!(" is {}", parameter.required);
            assert!(check.title.ends_with(&value), "{}", check.id);
            assert_eq!(parameter.check.sysctl_key(), Some(parameter.key));
        }
    }
}
