//! What an administrator should know of a node that starts: nothing here keeps RKE2 from running for certain. The gate
//! asks for none of it.

mod clock;
mod cni;
mod conflict;
mod containerd_template;
mod fapolicyd;
mod firewall;
mod hosts_file;
mod inotify;
mod iptables;
mod modules;
mod network_manager;
mod proxy;
mod resolver;
mod resources;
mod umask;

use super::{Node, NodeProblem, Start};

pub(super) use clock::has_time_sync;

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let mut all = Vec::new();
    all.extend(resources::problems(start, node));
    all.extend(clock::problem(node));
    all.extend(modules::problems(start, node));
    all.extend(iptables::problem(start, node));
    all.extend(resolver::problem(start, node));
    all.extend(hosts_file::problem(start, node));
    all.extend(proxy::problem(start, node));
    all.extend(network_manager::problem(start, node));
    all.extend(firewall::problems(start, node));
    all.extend(conflict::problems(node));
    all.extend(cni::problem(start, node));
    all.extend(containerd_template::problem(start, node));
    all.extend(fapolicyd::problem(start, node));
    all.extend(umask::problem(start, node));
    all.extend(inotify::problem(node));
    all
}

/// Whether the name of a file ends with `suffix`, `.conf`.
fn is_kind(name: &str, suffix: &str) -> bool {
    name.as_bytes().ends_with(suffix.as_bytes())
}

/// A node for the tests of these rules.
#[cfg(test)]
mod fake {
    use std::collections::BTreeMap;

    use super::super::{Node, NodeProblem, Start};
    use crate::facts::Source;
    use crate::facts::node::{
        EnabledUnit, FileText, Inotify, Network, ProxyVariable, Resources, Umask,
    };
    use crate::rke2::config::{Setting, SettingOrigin, SettingValue, Settings};
    use crate::rke2::role::Role;
    use crate::rke2::version::Version;

    /// Facts of a running host: files that are not listed are missing.
    #[derive(Default)]
    pub(super) struct Facts {
        pub(super) files: BTreeMap<&'static str, &'static str>,
        pub(super) units: Vec<&'static str>,
        pub(super) umask: Option<u32>,
        pub(super) variables: Vec<(&'static str, &'static str)>,
        pub(super) inotify: Option<Inotify>,
        pub(super) resources: Option<Resources>,
        pub(super) network: Option<Network>,
        pub(super) is_image: bool,
    }

    impl Facts {
        pub(super) fn with(files: &[(&'static str, &'static str)]) -> Self {
            Self {
                files: files.iter().copied().collect(),
                ..Self::default()
            }
        }
    }

    impl Node for Facts {
        fn advises(&self) -> bool {
            true
        }

        fn is_running(&self) -> bool {
            !self.is_image
        }

        fn network(&self) -> Option<&Network> {
            self.network.as_ref()
        }

        fn advice_file(&self, path: &str) -> FileText {
            match self.files.get(path) {
                Some(text) => FileText::Text((*text).to_owned()),
                None => FileText::Missing,
            }
        }

        fn advice_names(&self, directory: &str) -> Vec<String> {
            let all = self.files.keys().filter_map(|path| path.rsplit_once('/'));
            all.filter(|(parent, _)| *parent == directory)
                .map(|(_, name)| name.to_owned())
                .collect()
        }

        fn enabled(&self, units: &[&'static str]) -> Vec<EnabledUnit> {
            let all = units.iter().filter(|unit| self.units.contains(unit));
            all.map(|name| EnabledUnit {
                name,
                file: Source::file(format!("/usr/lib/systemd/system/{name}")),
            })
            .collect()
        }

        fn umask(&self) -> Option<Umask> {
            self.umask.map(|mask| Umask {
                mask,
                source: Source::line("/etc/systemd/system/rke2-server.service.d/a.conf", 2),
            })
        }

        fn proxy_variables(&self) -> Vec<ProxyVariable> {
            let all = self.variables.iter();
            all.map(|(name, value)| ProxyVariable {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
                source: Some(Source::line("/etc/default/rke2-server", 1)),
            })
            .collect()
        }

        fn inotify(&self) -> Option<Inotify> {
            self.inotify
        }

        fn resources(&self, _directories: &[String]) -> Option<Resources> {
            self.resources.clone()
        }
    }

    /// Settings of a role, each a flag and its text; a text with a comma at its end is a list.
    pub(super) fn settings(role: Role, set: &[(&'static str, &str)]) -> Settings {
        let values = set
            .iter()
            .map(|(name, text)| Setting {
                name,
                value: match text.strip_suffix(',') {
                    Some(item) => SettingValue::List(vec![item.to_owned()]),
                    None if *text == "true" => SettingValue::Bool(true),
                    None => SettingValue::Text((*text).to_owned()),
                },
                set: true,
                sources: vec![SettingOrigin::Default],
                overridden: Vec::new(),
            })
            .collect();
        Settings {
            role,
            values,
            fatal: None,
            ignored: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// What `rule` finds on a node of release 1.34.
    pub(super) fn found<I: IntoIterator<Item = NodeProblem>>(
        rule: impl Fn(&Start<'_>, &dyn Node) -> I,
        settings: &Settings,
        node: &Facts,
    ) -> Vec<NodeProblem> {
        let version = Version::new(34, 1, 1);
        let start = Start {
            settings,
            version: &version,
        };
        rule(&start, node).into_iter().collect()
    }

    /// The summaries of what `rule` finds on a server without configuration.
    pub(super) fn summaries<I: IntoIterator<Item = NodeProblem>>(
        rule: impl Fn(&Start<'_>, &dyn Node) -> I,
        node: &Facts,
    ) -> Vec<String> {
        let found = found(rule, &settings(Role::Server, &[]), node);
        found.into_iter().map(|problem| problem.summary).collect()
    }
}
