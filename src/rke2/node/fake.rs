//! A node for unit tests.

use std::collections::{BTreeMap, BTreeSet};

use super::tests::of;
use super::{Node, NodeProblem};
use crate::facts::node::{EtcdMember, Holder, HolderKind, Listener, Network, Rke2Processes, Route};
use crate::rke2::role::Role;
use crate::rke2::version::Version;

/// What is known of it; nothing unless it is set.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) advises: bool,
    pub(super) network: Option<Network>,
    pub(super) nonlocal_bind: Option<bool>,
    pub(super) listeners: Option<Vec<Listener>>,
    pub(super) holders: BTreeMap<u64, Holder>,
    pub(super) processes: Option<Rke2Processes>,
    pub(super) member: Option<EtcdMember>,
    pub(super) data: Option<&'static str>,
    pub(super) has_template: bool,
    /// The names in the directory with the kubelet's configuration.
    pub(super) kubelet_conf_d: &'static [&'static str],
}

impl Node for Fake {
    fn advises(&self) -> bool {
        self.advises
    }

    fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }

    fn nonlocal_bind(&self) -> Option<bool> {
        self.nonlocal_bind
    }

    fn listeners(&self) -> Option<&[Listener]> {
        self.listeners.as_deref()
    }

    fn holders(&self, inodes: &BTreeSet<u64>) -> BTreeMap<u64, Holder> {
        let wanted = self
            .holders
            .iter()
            .filter(|(inode, _)| inodes.contains(inode));
        wanted
            .map(|(inode, holder)| (*inode, holder.clone()))
            .collect()
    }

    fn rke2_processes(&self) -> Option<Rke2Processes> {
        self.processes
    }

    fn etcd_member(&self, _: &str) -> Option<EtcdMember> {
        self.member.clone()
    }

    fn etcd_data_has(&self, _: &str, text: &str) -> Option<bool> {
        self.data.map(|data| data.contains(text))
    }

    fn names(&self, path: &str) -> Option<Vec<String>> {
        let is_asked = path.ends_with("/kubelet.conf.d");
        is_asked.then(|| {
            self.kubelet_conf_d
                .iter()
                .map(|&name| name.to_owned())
                .collect()
        })
    }

    fn has_containerd_template(&self, _: &str) -> bool {
        self.has_template
    }
}

impl Fake {
    /// A host with a default route over `eth0` and these addresses.
    pub(super) fn with_addresses(addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|text| text.parse().unwrap());
        Self {
            network: Some(Network {
                routes: Some(vec![route("eth0", "0.0.0.0", "192.0.2.1", 0)]),
                ipv6_routes: None,
                addresses: Some(addresses.collect()),
            }),
            ..Self::default()
        }
    }

    /// The same host, where these sockets listen: address, port, uid, and who holds it, where that can be seen.
    pub(super) fn with_sockets(sockets: &[(&str, u16, u32, Option<HolderKind>)]) -> Self {
        let mut fake = Self::with_addresses(&["127.0.0.1", "192.0.2.7"]);
        let mut listeners = Vec::new();
        for (inode, (address, port, uid, kind)) in (1..).zip(sockets) {
            listeners.push(Listener {
                address: address.parse().unwrap(),
                port: *port,
                uid: *uid,
                inode,
            });
            fake.holders.extend(kind.map(|kind| {
                let holder = Holder {
                    pid: 42,
                    program: "python3".to_owned(),
                    unit: Some("files.service".to_owned()),
                    kind,
                };
                (inode, holder)
            }));
        }
        fake.listeners = Some(listeners);
        fake.processes = Some(Rke2Processes {
            lives: false,
            containers: false,
        });
        fake
    }

    /// What keeps RKE2 from running on it.
    pub(super) fn problems(&self, role: Role, version: &str, config: &str) -> Vec<NodeProblem> {
        let version: Version = version.parse().unwrap();
        of(role, &version, config, |start| super::problems(start, self))
    }
}

pub(super) fn route(interface: &str, destination: &str, gateway: &str, length: u32) -> Route {
    Route {
        interface: interface.to_owned(),
        destination: destination.parse().unwrap(),
        gateway: gateway.parse().unwrap(),
        mask: u32::MAX.checked_shl(32 - length).unwrap_or(0).into(),
    }
}
