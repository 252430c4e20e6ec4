//! What of the node, beside kernel parameters, accounts and arguments, keeps RKE2 or its components from running: its
//! name, routes and addresses, ports, file systems, and the files of earlier starts.
//!
//! Each module has the rules of one subject. They are pure: [`Node`] gives the facts, and reads each only when a rule
//! asks for it, so that a start reads only what can decide it. A fact that is not known gives no problem.

mod addresses;
mod mounts;
mod name;

use crate::facts::Evidence;
use crate::facts::node::{File, Network, Place, Space};
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
    fn network(&self) -> Option<Network> {
        None
    }

    /// The nearest part of an absolute path that exists, and what is mounted there.
    fn place(&self, _path: &str) -> Option<Place> {
        None
    }

    /// The room of the file system that holds a path, which exists.
    fn space(&self, _path: &str) -> Option<Space> {
        None
    }

    /// A small file.
    fn file(&self, _path: &str) -> Option<File> {
        None
    }

    /// Whether a path exists, links followed.
    fn exists(&self, _path: &str) -> Option<bool> {
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
    all.extend(mounts::problems(start, node));
    all.extend(addresses::problems(start, node));
    all
}

/// Whether an entry of `kubelet-arg` sets the kubelet's flag of that name.
fn sets_kubelet_arg(start: &Start<'_>, name: &str) -> bool {
    let entries = start.settings.kubelet_args();
    entries.iter().any(|(entry, _)| {
        let key = entry.split_once('=').map_or(entry.as_str(), |(key, _)| key);
        key.trim_start_matches('-') == name
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::config::{self, ConfigFiles, Invocation, ParserRules};

    /// Calls `then` with what a server of 1.34.1 is started with.
    pub(super) fn with<T>(config: &str, then: impl FnOnce(&Start<'_>) -> T) -> T {
        of(Role::Server, &Version::new(34, 1, 1), config, then)
    }

    /// The same, of any role and release.
    pub(super) fn of<T>(
        role: Role,
        version: &Version,
        config: &str,
        then: impl FnOnce(&Start<'_>) -> T,
    ) -> T {
        let mut files = ConfigFiles::none("/c.yaml");
        files.main = Ok(config.as_bytes().to_vec());
        let rules = ParserRules::of(version);
        let settings = config::resolve(&Invocation::of(role), &files, role, &rules);
        assert_eq!(settings.fatal, None, "{config}");
        then(&Start {
            settings: &settings,
            version,
        })
    }
}
