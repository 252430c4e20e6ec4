//! What of the node, beside kernel parameters, accounts and arguments, keeps RKE2 or its components from running: its
//! name, routes and addresses, ports, file systems, and the files of earlier starts.
//!
//! Each module has the rules of one subject. They are pure: [`Node`] gives the facts, and reads each only when a rule
//! asks for it, so that a start reads only what can decide it. A fact that is not known gives no problem.

mod addresses;
mod advice;
mod etcd_address;
#[cfg(test)]
mod fake;
mod name;
mod ports;

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Evidence;
use crate::facts::node::{
    EnabledUnit, EtcdMember, FileText, Holder, Inotify, Listener, Network, ProxyVariable,
    Resources, Rke2Processes, Umask,
};
use crate::finding::{CheckId, Component, Remedy, Stage};

use super::config::Settings;
use super::role::Role;
use super::version::Version;

/// The facts about a node, each `None` where it is not known: it was not read, or this is an image of a host.
pub(crate) trait Node {
    /// Whether advice is wanted too. The gate asks only for what keeps RKE2 from running.
    fn advises(&self) -> bool {
        false
    }

    /// The host name that the kernel has, `uname -n`.
    fn hostname(&self) -> Option<String> {
        None
    }

    /// Routes and addresses.
    fn network(&self) -> Option<&Network> {
        None
    }

    /// Whether a program can listen on an address of IPv4 that the host does not have.
    fn nonlocal_bind(&self) -> Option<bool> {
        None
    }

    /// The TCP sockets that listen.
    fn listeners(&self) -> Option<&[Listener]> {
        None
    }

    /// The processes that hold these sockets, by inode, as far as they can be seen.
    fn holders(&self, _inodes: &BTreeSet<u64>) -> BTreeMap<u64, Holder> {
        BTreeMap::new()
    }

    /// Which processes of RKE2 there are.
    fn rke2_processes(&self) -> Option<Rke2Processes> {
        None
    }

    /// The member that etcd was when it last ran; `None` also where it never did.
    fn etcd_member(&self, _data_dir: &str) -> Option<EtcdMember> {
        None
    }

    /// Whether etcd's data has this text. `None` where there is too much of it to search.
    fn etcd_data_has(&self, _data_dir: &str, _text: &str) -> Option<bool> {
        None
    }

    /// Whether the configuration of containerd is made from a template of the administrator's.
    fn has_containerd_template(&self, _data_dir: &str) -> bool {
        false
    }

    /// Whether this is the running host: what is missing there is missing.
    fn is_running(&self) -> bool {
        false
    }

    /// A file that is read for advice, links followed.
    fn file(&self, _path: &str) -> FileText {
        FileText::Unknown
    }

    /// The names in a directory that is read for advice; none where it cannot be read.
    fn names(&self, _directory: &str) -> Vec<String> {
        Vec::new()
    }

    /// Those of `units` that the next boot starts, as systemd's files say.
    fn enabled(&self, _units: &[&'static str]) -> Vec<EnabledUnit> {
        Vec::new()
    }

    /// `UMask=` of RKE2's unit. `None`: it is not set.
    fn umask(&self) -> Option<Umask> {
        None
    }

    /// The variables of RKE2's process that name a proxy, or hosts without one.
    fn proxy_variables(&self) -> Vec<ProxyVariable> {
        Vec::new()
    }

    /// The inotify instances of root. Only of the running host.
    fn inotify(&self) -> Option<Inotify> {
        None
    }

    /// Processors, memory, and the file systems below `directories`. Only of the running host, and only for `check`.
    fn resources(&self, _directories: &[String]) -> Option<Resources> {
        None
    }
}

/// What RKE2 is started with.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    /// Its settings, all of them known.
    pub(crate) settings: &'a Settings,
    /// The release.
    pub(crate) version: &'a Version,
}

impl Start<'_> {
    fn is_server(&self) -> bool {
        self.settings.role == Role::Server
    }
}

/// Something of the node on which RKE2 or a component of it ends, or waits for ever; or advice, where its check is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeProblem {
    /// The check, such as `host.route`.
    pub check: CheckId,
    /// What it is about: `default route`, `port 10250`.
    pub subject: String,
    /// The component that ends or waits. `None` for advice.
    pub component: Option<Component>,
    /// When, in the course of a start.
    pub stage: Stage,
    /// The line with which it ends, where it prints one and it is known.
    pub predicted: Option<String>,
    /// Whether it can pass without a person: the gate does not block it, because RKE2 tries again by itself.
    pub is_transient: bool,
    /// One sentence: what is wrong.
    pub summary: String,
    /// What is required.
    pub required: Option<String>,
    /// What the host has.
    pub actual: Option<String>,
    /// Further sentences.
    pub notes: Vec<String>,
    /// The places concerned.
    pub evidence: Vec<Evidence>,
    /// The ways to fix it, each sufficient.
    pub remedies: Vec<Remedy>,
}

impl NodeProblem {
    /// Something that an administrator should know, of a node that starts.
    fn advice(check: CheckId, subject: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            component: None,
            ..Self::new(
                check,
                subject,
                Component::Rke2,
                Stage::Configuration,
                summary,
            )
        }
    }
}

impl NodeProblem {
    /// A problem that lasts, on which `component` ends at `stage`.
    fn new(
        check: CheckId,
        subject: impl Into<String>,
        component: Component,
        stage: Stage,
        summary: impl Into<String>,
    ) -> Self {
        Self {
            check,
            subject: subject.into(),
            component: Some(component),
            stage,
            predicted: None,
            is_transient: false,
            summary: summary.into(),
            required: None,
            actual: None,
            notes: Vec::new(),
            evidence: Vec::new(),
            remedies: Vec::new(),
        }
    }
}

/// Every problem of the node, in the order of a start.
pub(crate) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let mut all = Vec::new();
    all.extend(name::problem(start, node));
    all.extend(addresses::problems(start, node));
    all.extend(etcd_address::problems(start, node));
    all.extend(ports::problems(start, node));
    if node.advises() {
        all.extend(advice::problems(start, node));
    }
    all
}
