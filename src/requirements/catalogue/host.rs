//! The checks of the host as a whole: `host.*`.

use super::{ALWAYS, Check, Text};
use crate::finding::CheckId;
use crate::finding::Component::{Containerd, Etcd, KubeApiserver, Kubelet, Rke2};

/// They, by id.
pub(super) const CHECKS: &[Check] = &[
    Check {
        id: CheckId::HostApparmor,
        title: "apparmor_parser is there where AppArmor is on",
        required_by: &[Containerd],
        applies: Text("nodes with the oldest releases"),
        about: Text(
            "The containerd of the oldest releases asks only the kernel whether AppArmor is on, and then makes no container without the \
             program apparmor_parser. Newer ones take AppArmor for off",
        ),
        fix: Text("install apparmor_parser"),
        source: Text("rancher/rke2#1459, rancher/rke2#1773"),
    },
    Check {
        id: CheckId::HostCertificate,
        title: "no certificate of the cluster that RKE2 does not renew has expired",
        required_by: &[Rke2],
        applies: Text("servers"),
        about: Text(
            "RKE2 renews what its certificate authorities sign, not the authorities, which are valid for ten years. \
             {since DYNAMIC_CERTIFICATE_RENEWED} and later also renew an expired certificate of port 9345. A server \
             with an expired one runs and never becomes ready. A server that joins another may get new authorities from \
             it: then the gate lets it start",
        ),
        fix: Text(
            "renew the authorities with rke2 certificate rotate-ca, or remove dynamic-cert.json",
        ),
        source: Text("k3s-io/k3s pkg/clientaccess/token.go, rancher/rke2#1702, rancher/rke2#8318"),
    },
    Check {
        id: CheckId::HostCgroupControllers,
        title: "the kernel has the cgroup controllers that RKE2 requires",
        required_by: &[Rke2],
        applies: ALWAYS,
        about: Text(
            "RKE2 requires cpu, cpuset, memory and pids in the root group of cgroup v2, memory and pids of v1. A group \
             below it with fewer controllers does not matter",
        ),
        fix: Text("enable the controller on the kernel command line, and reboot"),
        source: Text("k3s-io/k3s pkg/cgroups/cgroups_linux.go; k3s-io/k3s#10755"),
    },
    Check {
        id: CheckId::HostClock,
        title: "the clock is not before the certificates of the cluster",
        required_by: &[Rke2],
        applies: Text("servers"),
        about: Text(
            "A clock that is not set yet is before the time from which the certificate authorities are valid. It can \
             still be set: the gate lets RKE2 start, which tries again every five seconds, unless block-on has \
             \"transient\"",
        ),
        fix: Text("set the clock, or wait for time synchronization"),
        source: Text("k3s-io/k3s pkg/clientaccess/token.go"),
    },
    Check {
        id: CheckId::HostCni,
        title: "no file of another network plugin comes before RKE2's",
        required_by: &[],
        applies: Text("servers with Canal, Calico or Flannel"),
        about: Text(
            "containerd uses the first file of /etc/cni/net.d by its name. A file that another plugin or program left \
             there, such as 05-cilium.conflist, then decides the pods' network",
        ),
        fix: Text("remove the other file"),
        source: Text("containerd go-cni; rancher/rancher#40412"),
    },
    Check {
        id: CheckId::HostConflict,
        title: "no other Kubernetes, and no docker, is enabled",
        required_by: &[],
        applies: Text("hosts"),
        about: Text(
            "k3s, k0s, MicroK8s and a kubelet of kubeadm use RKE2's ports and directories, so that only one of them \
             can run. docker sets the policy of the chain FORWARD to DROP, which can cut pods off. Only units that \
             the next boot starts count",
        ),
        fix: Text("disable the other one, or choose another host"),
        source: Text("rancher/rke2#4471, #3480"),
    },
    Check {
        id: CheckId::HostContainerdTemplate,
        title: "the administrator's template of containerd's configuration is TOML",
        required_by: &[],
        applies: Text("nodes with RKE2's containerd"),
        about: Text(
            "RKE2 makes containerd's configuration from agent/etc/containerd/config.toml.tmpl, and {since CONTAINERD_2} and \
             later from config-v3.toml.tmpl where it is there. containerd ends over one that it cannot read, and RKE2 with it. \
             Its parser takes some mistakes, and what a template with actions becomes is not known, so this blocks nothing",
        ),
        fix: Text("correct the template, or remove it"),
        source: Text("k3s-io/k3s pkg/agent/containerd/config.go; answers of containerd"),
    },
    Check {
        id: CheckId::HostEtcdAddress,
        title: "the node has the address with which it became a member of etcd",
        required_by: &[Etcd],
        applies: Text("servers with etcd that have run before"),
        about: Text(
            "A member of etcd is known to the others by its address. With another one RKE2 runs, and waits for ever. \
             Where node-ip does not set the address, the old one can come back: the gate lets RKE2 start then, unless \
             block-on has \"transient\"",
        ),
        fix: Text(
            "give the node its address again; or, on a cluster of one server, run `rke2 server --cluster-reset`; or \
             remove the node from its cluster and join it anew",
        ),
        source: Text("k3s-io/k3s pkg/etcd/etcd.go (Test); rancher/rke2#3176"),
    },
    Check {
        id: CheckId::HostEtcdQuota,
        title: "etcd's database is smaller than 90 % of its quota",
        required_by: &[],
        applies: Text("servers with an etcd of their own that has run"),
        about: Text(
            "The quota is 2 GiB unless etcd-arg sets quota-backend-bytes. At the quota etcd raises the alarm NOSPACE and \
             takes no more writes, and RKE2, which writes at its start, ends again and again. The file does not shrink \
             by itself, even if keys are removed",
        ),
        fix: Text("compact and defragment etcd, or raise the quota on all servers"),
        source: Text("etcd server/storage/quota.go; rancher/rke2#11087"),
    },
    Check {
        id: CheckId::HostFapolicyd,
        title: "fapolicyd, where it is enabled, allows RKE2's programs",
        required_by: &[],
        applies: Text("hosts with fapolicyd"),
        about: Text(
            "fapolicyd lets only programs of packages run. RKE2 unpacks containerd and the kubelet below its data \
             directory, and containers have their own programs. RKE2's installer writes rules for /var/lib/rancher \
             only where fapolicyd is active at that time; another data directory needs its own",
        ),
        fix: Text("write /etc/fapolicyd/rules.d/80-rke2.rules"),
        source: Text("rancher/rke2 install.sh; rancher/rke2#3454, #2848, k3s-io/k3s#9008"),
    },
    Check {
        id: CheckId::HostFirewall,
        title: "no firewall of the host cuts nodes and pods off",
        required_by: &[],
        applies: Text("hosts"),
        about: Text(
            "RKE2's documentation asks to disable firewalld: it drops the packets of pods and removes the rules of \
             the network plugin with each reload. ufw drops what it does not allow. A firewall whose zone trusted has \
             sources or interfaces was set up for pods and is not reported; which ports the others let through is not \
             examined",
        ),
        fix: Text(
            "disable the firewall, or allow the ports of RKE2 and the networks of pods and services",
        ),
        source: Text("docs.rke2.io, known issues; rancher/rke2#774, #4777"),
    },
    Check {
        id: CheckId::HostHostsFile,
        title: "/etc/hosts has the line 127.0.0.1 localhost",
        required_by: &[],
        applies: Text("servers"),
        about: Text(
            "The kubelet probes RKE2's static pods at the name localhost, and etcd's metrics are on 127.0.0.1 only. \
             Where the name leads elsewhere or nowhere, the kubelet ends etcd again and again",
        ),
        fix: Text("add the line"),
        source: Text("rancher/rke2 pkg/staticpod; rancher/rke2#2957"),
    },
    Check {
        id: CheckId::HostInotify,
        title: "inotify instances of root are left",
        required_by: &[],
        applies: Text("the running host"),
        about: Text(
            "The kubelet and containerd need a few inotify instances, and pods more. Without one the kubelet exits: \
             `Failed to start cAdvisor` or `too many open files`. Reported where three quarters are in use",
        ),
        fix: Text("raise fs.inotify.max_user_instances"),
        source: Text("kubernetes pkg/kubelet/cadvisor; rancher/rke2#2382"),
    },
    Check {
        id: CheckId::HostIptables,
        title: "the host has a program iptables",
        required_by: &[],
        applies: Text("nodes with Canal or Calico"),
        about: Text(
            "The network plugin's port mapping runs the host's iptables for pods with a hostPort, as the ingress \
             controller's are. Minimal installations of Debian and RHEL 10 lack it",
        ),
        fix: Text("install iptables"),
        source: Text("docs.rke2.io, requirements; rancher/rke2#3361, #356"),
    },
    Check {
        id: CheckId::HostModule,
        title: "the kernel has the modules that kube-proxy and the network plugin need",
        required_by: &[],
        applies: Text("nodes whose kernel's modules can be read"),
        about: Text(
            "A module counts as there if it is loaded, part of the kernel (modules.builtin), or on disk (modules.dep) \
             and no `install` line of modprobe.d forbids it. RKE2 only logs `Failed to load kernel module`, and \
             kube-proxy and the network plugin exit again and again. RHEL 10 has them in the package \
             kernel-modules-extra. A `blacklist` line does not matter, because RKE2 asks for the modules by name",
        ),
        fix: Text("install the package with the modules, or remove the line of modprobe.d"),
        source: Text("k3s-io/k3s pkg/agent/syssetup; rancher/rke2#8498, flannel-io/flannel#1502"),
    },
    Check {
        id: CheckId::HostMountExec,
        title: "programs below the data directory can be executed",
        required_by: &[Rke2],
        applies: Text("nodes with an agent, unless the distribution has containerd and kubelet"),
        about: Text(
            "RKE2 unpacks containerd and the kubelet below DATA-DIR/data and executes them there. Hardening guides mount \
             /var noexec, where the data directory is by default. /tmp and /var/tmp may be noexec",
        ),
        fix: Text("mount the file system of the data directory without noexec"),
        source: Text("rancher/rke2#6491, k3s-io/k3s#7372"),
    },
    Check {
        id: CheckId::HostMountReadOnly,
        title: "RKE2 and the kubelet can write where they keep their files",
        required_by: &[Rke2, Kubelet],
        applies: ALWAYS,
        about: Text(
            "RKE2 writes to its data directory at each start, the kubelet to /var/lib/kubelet and /var/log/containers. A \
             read-only file system, or a file in the place of a directory, ends them",
        ),
        fix: Text("mount the file system with rw, or move away the file"),
        source: Text(
            "rancher/rke2 pkg/rke2/rke2_linux.go, k3s-io/k3s pkg/daemons/control/deps; recorded with \
             kubelets",
        ),
    },
    Check {
        id: CheckId::HostMountSnapshotter,
        title: "containerd's snapshotter works on the file system of the data directory",
        required_by: &[Rke2],
        applies: Text("nodes with RKE2's containerd and the snapshotter overlayfs, the default"),
        about: Text(
            "The kernel mounts no overlay whose upper directory is on NFS, CIFS, 9p, FUSE, eCryptfs or another overlay, and \
             containerd none on an XFS that was made with ftype=0. RKE2 tries it at its start and waits for ever",
        ),
        fix: Text("put the data directory on a local file system, or set snapshotter: native"),
        source: Text(
            "k3s-io/k3s pkg/agent/containerd/config.go, containerd plugins/snapshots/overlay/overlayutils; \
             k3s-io/k3s#3266",
        ),
    },
    Check {
        id: CheckId::HostNetworkManager,
        title: "NetworkManager, where it is enabled, leaves the pods' interfaces alone",
        required_by: &[],
        applies: Text("nodes with Canal, Calico or Flannel"),
        about: Text(
            "NetworkManager may take over the interfaces and routes of pods. Its files are merged as it merges them, \
             and `unmanaged-devices` and sections `device` count",
        ),
        fix: Text("write /etc/NetworkManager/conf.d/rke2-canal.conf"),
        source: Text("docs.rke2.io, known issues; rancher/rke2#786"),
    },
    Check {
        id: CheckId::HostNetworkOverlap,
        title: "the host uses no address of the networks of pods and services",
        required_by: &[],
        applies: Text("servers"),
        about: Text(
            "Hosts in cluster-cidr or service-cidr cannot be reached from pods, nor pods from them. Both are fixed with \
             the first start of the first server",
        ),
        fix: Text(
            "set cluster-cidr and service-cidr to networks that no host uses, before the first start",
        ),
        source: Text("k3s-io/k3s#588"),
    },
    Check {
        id: CheckId::HostNmCloudSetup,
        title: "nm-cloud-setup.service is not enabled where RKE2's unit asks for it",
        required_by: &[Rke2],
        applies: Text("units that have the command"),
        about: Text(
            "RKE2's unit runs systemctl is-enabled for nm-cloud-setup.service, which adds routes that break the network \
             of pods, and does not start RKE2 where it is enabled",
        ),
        fix: Text("disable nm-cloud-setup.service and its timer, and reboot"),
        source: Text("rancher/rke2 bundle/lib/systemd/system; rancher/rke2#6306"),
    },
    Check {
        id: CheckId::HostNodeIp,
        title: "the node has the addresses that RKE2's configuration requires of it",
        required_by: &[Rke2],
        applies: Text("servers"),
        about: Text(
            "etcd exits if the host does not have the address that node-ip sets, unless net.ipv4.ip_nonlocal_bind is \
             set. That the gate, which has a network of its own, cannot see: it leaves this to `check`. Without \
             node-ip, a server whose pods or services have an IPv6 network exits if the node has no IPv6 address. \
             Loopback and link-local addresses do not count. An address can still come: the gate lets RKE2 start, which tries again \
             every five seconds, unless block-on has \"transient\"",
        ),
        fix: Text(
            "give the node an address of each family, or correct node-ip, cluster-cidr and service-cidr",
        ),
        source: Text("k3s-io/k3s pkg/agent/run.go, pkg/util/net.go"),
    },
    Check {
        id: CheckId::HostNodeName,
        title: "the name of the node is one that Kubernetes accepts",
        required_by: &[Kubelet],
        applies: ALWAYS,
        about: Text(
            "The name is node-name, or the host name, in lower case. With another character than letters, digits, - \
             and . the kubelet refuses the static pods and the API server refuses the node, and RKE2 prints nothing of \
             it",
        ),
        fix: Text("set another host name, or node-name"),
        source: Text(
            "kubernetes staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go (IsDNS1123Subdomain), \
             k3s-io/k3s pkg/util/net.go; rancher/rke2#7978",
        ),
    },
    Check {
        id: CheckId::HostPort,
        title: "no other program holds a port that RKE2 or its components cannot do without",
        required_by: &[Rke2, Kubelet, Containerd, Etcd, KubeApiserver],
        applies: ALWAYS,
        about: Text(
            "Servers need TCP 9345, 6443 and, with etcd, 2379 to 2381; releases from 2022 to 2025 need 2399 and 2400 \
             where etcd has data. Agents need lb-server-port (6444) and the one below it. All need 10250 and 10010. What \
             RKE2 itself holds, and its containers, which live on when it stops, is not meant: it is known by its unit, \
             by the shim that it is below, or by its control group. A program can end: the gate lets RKE2 start, which \
             tries again every five seconds, unless block-on has \"transient\"",
        ),
        fix: Text("stop the program that is named, or have it listen on another port"),
        source: Text(
            "k3s-io/k3s pkg/server/https.go, pkg/etcd/etcd.go, pkg/agent/run.go, pkg/util/apiproxy.go; kubernetes \
             cmd/kubelet/app/server.go; containerd internal/cri/server/service.go; rancher/rke2#3480",
        ),
    },
    Check {
        id: CheckId::HostPortLikely,
        title: "no other program holds a port that RKE2's components use",
        required_by: &[],
        applies: ALWAYS,
        about: Text(
            "TCP 10248, 10249 and 10256 to 10259 on 127.0.0.1, and those of the network plugin: its component exits or \
             tries again, or a probe asks another program. Also a port of host.port where it is not certain that both \
             sockets conflict: whether a socket takes connections of both families or has SO_REUSEPORT is not listed",
        ),
        fix: Text("stop the program that is named, or have it listen on another port"),
        source: Text("kubernetes cmd, k3s-io/k3s pkg/daemons; docs.rke2.io/install/requirements"),
    },
    Check {
        id: CheckId::HostProxy,
        title: "RKE2 does not reach its own nodes through a proxy",
        required_by: &[],
        applies: Text("nodes with HTTPS_PROXY in the unit's environment"),
        about: Text(
            "RKE2 excepts the networks of pods and services by itself, not the nodes. Without the nodes' network in \
             NO_PROXY, joining and etcd's connections go through the proxy. Reported for the host of `server`, and \
             for a server whose own addresses are all missing",
        ),
        fix: Text("add the nodes' network to NO_PROXY"),
        source: Text("docs.rke2.io, proxy; k3s-io/k3s#2388"),
    },
    Check {
        id: CheckId::HostRegistries,
        title: "registries.yaml is as RKE2 reads it",
        required_by: &[Rke2],
        applies: Text("nodes with RKE2's containerd"),
        about: Text(
            "The file has mirrors and configs, both mappings. Names that RKE2 does not know are ignored, and a missing \
             file is fine; one that cannot be parsed keeps containerd from being started",
        ),
        fix: Text("correct the file, or move it away"),
        source: Text(
            "rancher/wharfie pkg/registries/registries.go, gopkg.in/yaml.v2; rancher/rke2#4744",
        ),
    },
    Check {
        id: CheckId::HostResolver,
        title: "a resolv.conf has name servers that pods can reach",
        required_by: &[],
        applies: Text("nodes without resolv-conf"),
        about: Text(
            "Of /etc/resolv.conf and /run/systemd/resolve/resolv.conf, RKE2 takes the first whose name servers are \
             all global unicast addresses. If there is none, it gives pods 8.8.8.8, which many sites cannot reach. \
             The stub 127.0.0.53 of systemd-resolved is fine, because the other file has the real servers",
        ),
        fix: Text("name a file with reachable servers by resolv-conf"),
        source: Text("k3s-io/k3s pkg/agent/config/config.go"),
    },
    Check {
        id: CheckId::HostResources,
        title: "the machine has enough processors, memory and disk space",
        required_by: &[],
        applies: Text("the running host, in `check` before RKE2 is installed"),
        about: Text(
            "A server's static pods request 1100 m CPU and 2176 MiB of memory by default; a kubelet that has less \
             cannot run them all. RKE2 requires 2 CPUs and 4 GB. The kubelet evicts pods where less than 5 % of a \
             file system is free; reported is less than 15 % or 10 GiB. Programs of many images need a CPU of the \
             level x86-64-v2",
        ),
        fix: Text("give the machine more, or lower control-plane-resource-requests"),
        source: Text("rancher/rke2 pkg/podtemplate; docs.rke2.io, requirements"),
    },
    Check {
        id: CheckId::HostRoute,
        title: "the host has a default route, or node-ip is set",
        required_by: &[Rke2],
        applies: Text("nodes without node-ip"),
        about: Text(
            "RKE2 takes the node's address from the interface of the default route. A default route over a dummy \
             interface suffices; of IPv6 it must have a gateway. A route can still come: the gate lets RKE2 start, \
             which tries again every five seconds, unless block-on has \"transient\"",
        ),
        fix: Text("add a default route, or set node-ip"),
        source: Text(
            "kubernetes staging/src/k8s.io/apimachinery/pkg/util/net/interface.go (ChooseHostInterface); rancher/rke2#1242",
        ),
    },
    Check {
        id: CheckId::HostSelinux,
        title: "SELinux's policy has RKE2's types where selinux is set",
        required_by: &[Containerd],
        applies: Text("servers with selinux: true on a kernel with SELinux"),
        about: Text(
            "RKE2 labels the static pods with types of the package rke2-selinux. Without them no container of the \
             control plane is made, even if SELinux is permissive",
        ),
        fix: Text("install rke2-selinux, or remove selinux: true"),
        source: Text("rancher/rke2 pkg/staticpod; rancher/rke2#3381, rancher/rke2#5093"),
    },
    Check {
        id: CheckId::HostSpace,
        title: "the file system of the data directory has a free block and a free inode",
        required_by: &[Rke2],
        applies: ALWAYS,
        about: Text(
            "RKE2 writes certificates and configuration at each start, and ends if it cannot. The blocks reserved for \
             root count as free",
        ),
        fix: Text("free space, or enlarge the file system"),
        source: Text("rancher/rke2 pkg/rke2, k3s-io/k3s pkg/daemons/control/deps"),
    },
    Check {
        id: CheckId::HostSpaceLow,
        title: "the file systems of the data directory and of the kubelet have room to work",
        required_by: &[],
        applies: ALWAYS,
        about: Text(
            "Below 5 % the kubelet evicts pods and removes images; below 128 MiB etcd may not be able to write its log",
        ),
        fix: Text("free space, or enlarge the file system"),
        source: Text("kubernetes pkg/kubelet/eviction/defaults_linux.go, etcd server/storage/wal"),
    },
    Check {
        id: CheckId::HostStateCheckpoint,
        title: "the kubelet's checkpoints are JSON, and of the configured policy",
        required_by: &[Kubelet],
        applies: ALWAYS,
        about: Text(
            "A power loss can empty /var/lib/kubelet/cpu_manager_state and memory_manager_state, {since \
             POD_CHECKPOINTS} and later allocated_pods_state and actuated_pods_state, and {since DRA_CHECKPOINT} and \
             later dra_manager_state. The kubelet exits then, and also if cpu-manager-policy was changed",
        ),
        fix: Text("drain the node, and remove the checkpoint"),
        source: Text(
            "kubernetes pkg/kubelet/cm/cpumanager/state, memorymanager/state, dra/state, pkg/kubelet/allocation/state",
        ),
    },
    Check {
        id: CheckId::HostStateKeyPair,
        title: "no certificate of a server was emptied by a power loss",
        required_by: &[Rke2, KubeApiserver, Etcd],
        applies: Text("servers that have run"),
        about: Text(
            "A server makes those certificates and keys anew that are missing, and renews certificates that expire. A \
             certificate that is empty, or has only NUL characters, it leaves as it is: the API server or etcd ends. Of an \
             empty key, RKE2 may make both anew. An empty certificate authority is restored from the datastore; a server \
             that has none yet ends",
        ),
        fix: Text("remove both files of the pair, which RKE2 writes again"),
        source: Text(
            "k3s-io/k3s pkg/daemons/control/deps/deps.go; answers of the API server and of etcd",
        ),
    },
    Check {
        id: CheckId::HostStateManifest,
        title: "the manifest of etcd is YAML",
        required_by: &[Rke2],
        applies: Text("servers whose etcd has data"),
        about: Text(
            "A server reads agent/pod-manifests/etcd.yaml before it writes the file again, to keep the arguments with \
             which etcd was first started. An empty file passes",
        ),
        fix: Text("remove the file, which RKE2 writes again"),
        source: Text("rancher/rke2 pkg/rke2/rke2_linux.go (CurrentETCDOptions)"),
    },
    Check {
        id: CheckId::HostStatePasswd,
        title: "the rows of server/cred/passwd have two columns",
        required_by: &[Rke2],
        applies: Text("servers"),
        about: Text(
            "The file has a password, a name, a uid and groups in each row. RKE2 ends if a row has only one column",
        ),
        fix: Text("restore the file, or move it away"),
        source: Text("k3s-io/k3s pkg/passwd/passwd.go"),
    },
    Check {
        id: CheckId::HostStateReset,
        title: "cluster-reset is not set once the reset is done",
        required_by: &[Rke2],
        applies: Text("servers with etcd"),
        about: Text(
            "RKE2 leaves server/db/reset-flag after a reset, and ends as long as cluster-reset is still set. The file \
             alone does nothing",
        ),
        fix: Text("remove cluster-reset from the configuration or the command line"),
        source: Text("k3s-io/k3s pkg/etcd/etcd.go"),
    },
    Check {
        id: CheckId::HostTimeSync,
        title: "a unit that sets the clock is enabled",
        required_by: &[],
        applies: Text("the running host, in `check` before RKE2 is installed; not containers"),
        about: Text(
            "RKE2 makes certificates by the host's clock. With a wrong one they are not valid yet, or nodes do not \
             accept each other's",
        ),
        fix: Text("enable chrony or systemd-timesyncd"),
        source: Text("rancher/rke2#1702, #4372"),
    },
    Check {
        id: CheckId::HostToken,
        title: "the token opens the server's bootstrap data",
        required_by: &[Rke2],
        applies: Text("servers with etcd that join no other"),
        about: Text(
            "The certificates of a cluster are in etcd, in a key that is named after the token. If the configured token \
             differs from server/token, etcd's files are searched for that key; a server without it ends. rke2 token \
             rotate does not change the configuration",
        ),
        fix: Text("set token to the one in server/token, or remove it"),
        source: Text("k3s-io/k3s pkg/cluster/storage.go; rancher/rke2#6250"),
    },
    Check {
        id: CheckId::HostUmask,
        title: "the unit's UMask lets the user etcd reach its data",
        required_by: &[],
        applies: Text("servers with a profile"),
        about: Text(
            "With a profile etcd runs as the user etcd. RKE2 gives it etcd's own directory, but makes the directories \
             above with the unit's umask: where that takes the right to enter from others, etcd may not start. Most \
             units set none, and systemd's default, 0022, is right",
        ),
        fix: Text("set UMask=0022 in a drop-in of the unit"),
        source: Text("rancher/rke2#4313, rancher/rke2-docs#80"),
    },
];
