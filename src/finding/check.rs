//! The ids of all checks, and what a violation of each brings about.
//!
//! [`crate::requirements::catalogue`] describes each of them: an id without a description does not compile.

use serde::{Serialize, Serializer};

use super::Effect;
use crate::facts::Table;

/// Declares the ids in the order of the catalogue.
macro_rules! check_ids {
    ($($name:ident, $id:literal, $effect:ident;)*) => {
        /// A check: stable, lower case, dotted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CheckId {
            $(#[doc = concat!("`", $id, "`")] $name,)*
        }

        impl CheckId {
            /// All of them, sorted.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The id as users see it: `sysctl.kernel.panic`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)*
                }
            }

            /// The most severe effect of a violation: of a check that blocks the start, whether it blocks
            /// this start or the one after the next boot depends on the host.
            pub const fn effect(self) -> Effect {
                match self {
                    $(Self::$name => Effect::$effect,)*
                }
            }

            /// Whether both are the same; `==` is not `const`.
            pub(crate) const fn is(self, other: Self) -> bool {
                match self {
                    $(Self::$name => matches!(other, Self::$name),)*
                }
            }
        }
    };
}

check_ids! {
    AccountEtcdGroup, "account.etcd.group", BlocksStart;
    AccountEtcdPrimaryGroup, "account.etcd.primary-group", FailsControl;
    AccountEtcdUser, "account.etcd.user", BlocksStart;
    CgroupV1, "cgroup.v1", BlocksStart;
    ConfigCloudProvider, "config.cloud-provider", BlocksStart;
    ConfigCni, "config.cni", BlocksStart;
    ConfigComponentArg, "config.component-arg", BlocksControlPlane;
    ConfigComponentFile, "config.component-file", BlocksControlPlane;
    ConfigDeprecated, "config.deprecated", Advice;
    ConfigDropped, "config.dropped", Advice;
    ConfigEtcdDataDir, "config.etcd-data-dir", Advice;
    ConfigFlag, "config.flag", BlocksStart;
    ConfigIgnored, "config.ignored", Advice;
    ConfigIngressController, "config.ingress-controller", BlocksStart;
    ConfigJoin, "config.join", BlocksStart;
    ConfigKubeletArg, "config.kubelet-arg", BlocksStart;
    ConfigKubeletFile, "config.kubelet-file", BlocksStart;
    ConfigOverridden, "config.overridden", Advice;
    ConfigParse, "config.parse", BlocksStart;
    ConfigPodSecurity, "config.pod-security", Advice;
    ConfigUnread, "config.unread", Advice;
    ConfigUnreadable, "config.unreadable", BlocksStart;
    ControlArgument, "control.argument", FailsControl;
    ControlAuditPolicy, "control.audit-policy", BlocksControlPlane;
    ControlEtcdData, "control.etcd-data", Advice;
    ControlKubelet, "control.kubelet", Advice;
    ControlManifestMode, "control.manifest-mode", FailsControl;
    DataDirOtherRole, "data-dir.other-role", Advice;
    HostApparmor, "host.apparmor", BlocksStart;
    HostCertificate, "host.certificate", BlocksStart;
    HostCgroupControllers, "host.cgroup.controllers", BlocksStart;
    HostClock, "host.clock", BlocksStart;
    HostCni, "host.cni", Advice;
    HostConflict, "host.conflict", Advice;
    HostContainerdTemplate, "host.containerd-template", Advice;
    HostEtcdAddress, "host.etcd-address", BlocksStart;
    HostEtcdQuota, "host.etcd-quota", Advice;
    HostFapolicyd, "host.fapolicyd", Advice;
    HostFirewall, "host.firewall", Advice;
    HostHostsFile, "host.hosts-file", Advice;
    HostInotify, "host.inotify", Advice;
    HostIptables, "host.iptables", Advice;
    HostModule, "host.module", Advice;
    HostMountExec, "host.mount.exec", BlocksStart;
    HostMountReadOnly, "host.mount.read-only", BlocksStart;
    HostMountSnapshotter, "host.mount.snapshotter", BlocksStart;
    HostNetworkManager, "host.network-manager", Advice;
    HostNetworkOverlap, "host.network-overlap", Advice;
    HostNmCloudSetup, "host.nm-cloud-setup", BlocksStart;
    HostNodeIp, "host.node-ip", BlocksStart;
    HostNodeName, "host.node-name", BlocksStart;
    HostPort, "host.port", BlocksStart;
    HostPortLikely, "host.port-likely", Advice;
    HostProxy, "host.proxy", Advice;
    HostRegistries, "host.registries", BlocksStart;
    HostResolver, "host.resolver", Advice;
    HostResources, "host.resources", Advice;
    HostRoute, "host.route", BlocksStart;
    HostSelinux, "host.selinux", BlocksStart;
    HostSpace, "host.space", BlocksStart;
    HostSpaceLow, "host.space-low", Advice;
    HostStateCheckpoint, "host.state.checkpoint", BlocksStart;
    HostStateKeyPair, "host.state.key-pair", BlocksStart;
    HostStateManifest, "host.state.manifest", BlocksStart;
    HostStatePasswd, "host.state.passwd", BlocksStart;
    HostStateReset, "host.state.reset", BlocksStart;
    HostTimeSync, "host.time-sync", Advice;
    HostToken, "host.token", BlocksStart;
    HostUmask, "host.umask", Advice;
    KubeletExited, "kubelet.exited", Advice;
    KubeletOverwritesSysctl, "kubelet.overwrites-sysctl", Advice;
    KubeletSubordinateIds, "kubelet.subordinate-ids", BlocksStart;
    PodExited, "pod.exited", Advice;
    ProfileDeprecated, "profile.deprecated", Advice;
    ProfileProtectKernelDefaults, "profile.protect-kernel-defaults", BlocksStart;
    ProfileValue, "profile.value", BlocksStart;
    SysctlRootMaxbytes, "sysctl.kernel.keys.root_maxbytes", BlocksStart;
    SysctlRootMaxkeys, "sysctl.kernel.keys.root_maxkeys", BlocksStart;
    SysctlPanic, "sysctl.kernel.panic", BlocksStart;
    SysctlPanicOnOops, "sysctl.kernel.panic_on_oops", BlocksStart;
    SysctlOvercommitMemory, "sysctl.vm.overcommit_memory", BlocksStart;
    SysctlPanicOnOom, "sysctl.vm.panic_on_oom", BlocksStart;
    UnitBothEnabled, "unit.both-enabled", Advice;
    UnitProblem, "unit.problem", Advice;
    UpgradeContainerdTemplate, "upgrade.containerd-template", Advice;
    UpgradeEtcdDowngrade, "upgrade.etcd-downgrade", Advice;
    UpgradeSkippedMinor, "upgrade.skipped-minor", Advice;
    VersionNewer, "version.newer", Advice;
    VersionUnknown, "version.unknown", Advice;
}

impl CheckId {
    /// The check with this id.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|check| check.as_str() == id)
    }

    /// The check of the account `etcd` in `table`.
    pub(crate) const fn of_account(table: Table) -> Self {
        match table {
            Table::Passwd => Self::AccountEtcdUser,
            Table::Group => Self::AccountEtcdGroup,
        }
    }

    /// The kernel parameter that it checks: `kernel.panic`.
    pub fn sysctl_key(self) -> Option<&'static str> {
        self.as_str().strip_prefix("sysctl.")
    }
}

impl std::fmt::Display for CheckId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for CheckId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
