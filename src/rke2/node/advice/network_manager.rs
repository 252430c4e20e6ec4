//! `NetworkManager`, where it manages the interfaces of the network plugin.
//!
//! Source: docs of RKE2, known issues; rancher/rke2#786, harvester/os2#224; NetworkManager.conf(5): the order of the
//! files, `+=` and `-=`, `unmanaged-devices`, and sections `device` with `managed`.

use std::collections::BTreeMap;

use super::super::{Node, NodeProblem, Start};
use super::is_kind;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Remedy};
use crate::glob;

const UNIT: &str = "NetworkManager.service";
const MAIN: &str = "/etc/NetworkManager/NetworkManager.conf";
/// The directories of further files: of two files of one name, the later directory's is read. The first two are read
/// before [`MAIN`], the last after it.
const DIRECTORIES: [&str; 3] = [
    "/usr/lib/NetworkManager/conf.d",
    "/run/NetworkManager/conf.d",
    "/etc/NetworkManager/conf.d",
];
/// The file that RKE2's documentation names.
const FILE: &str = "/etc/NetworkManager/conf.d/rke2-canal.conf";
/// What belongs there, for each interface below.
const PATTERNS: [(&str, &str, &[&str]); 5] = [
    ("flannel.1", "flannel*", &["canal", "flannel"]),
    ("cali0123456789a", "cali*", &["canal", "calico"]),
    ("tunl0", "tunl*", &["calico"]),
    ("vxlan.calico", "vxlan.calico", &["calico"]),
    ("wireguard.cali", "wireguard.cali", &["calico"]),
];

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    if !start.may_use(&["canal", "calico", "flannel"]) {
        return None;
    }
    let unit = node.enabled(&[UNIT]).pop()?;
    let merged = Merged::of(node);
    if merged.is_open {
        return None;
    }
    // An agent does not know the plugin of its cluster: then the default's interfaces count.
    let is_used = |plugins: &[&str]| match start.plugins() {
        Some(_) => start.may_use(plugins),
        None => plugins.contains(&super::super::DEFAULT_PLUGIN),
    };
    let used = || PATTERNS.iter().filter(|(_, _, plugins)| is_used(plugins));
    let managed: Vec<&str> = used()
        .filter(|(interface, _, _)| !merged.leaves_alone(interface))
        .map(|(_, pattern, _)| *pattern)
        .collect();
    if managed.is_empty() {
        return None;
    }
    let all: Vec<String> = used()
        .map(|(_, pattern, _)| format!("interface-name:{pattern}"))
        .collect();
    let line = format!("unmanaged-devices={}", all.join(";"));
    let mut problem = NodeProblem::advice(
        CheckId::HostNetworkManager,
        "NetworkManager",
        format!(
            "NetworkManager is enabled and manages the pods' interfaces ({}), so that it can cut pods off",
            managed.join(", ")
        ),
    );
    problem.required = Some(format!("[keyfile] {line}"));
    problem.evidence = vec![Evidence::place(unit.file, Part::Read)];
    problem.evidence.extend(
        merged
            .last
            .into_iter()
            .map(|source| Evidence::place(source, Part::Sets)),
    );
    problem.remedies = vec![Remedy::Manual {
        summary: format!("write {FILE}; if RKE2 ran before, reboot afterwards"),
        commands: vec![
            format!("printf '%s\\n' '[keyfile]' '{line}' > {FILE}"),
            "systemctl reload NetworkManager".to_owned(),
        ],
    }];
    Some(problem)
}

/// The merged configuration, as far as it says which devices are left alone.
#[derive(Default)]
struct Merged {
    /// The items of `unmanaged-devices`.
    unmanaged: Vec<String>,
    /// Where it was last set.
    last: Option<Source>,
    /// Sections `device`: what they match, and whether they manage it.
    devices: BTreeMap<String, (Vec<String>, Option<bool>)>,
    /// Whether something in it is not followed here.
    is_open: bool,
}

impl Merged {
    fn of(node: &dyn Node) -> Self {
        let mut before: BTreeMap<String, &str> = BTreeMap::new();
        let mut after = Vec::new();
        for directory in DIRECTORIES {
            let mut names = node.advice_names(directory);
            names.retain(|name| is_kind(name, ".conf"));
            names.sort();
            for name in names {
                if directory.starts_with("/etc/") {
                    before.remove(&name);
                    after.push(format!("{directory}/{name}"));
                } else {
                    before.insert(name, directory);
                }
            }
        }
        let mut merged = Self::default();
        for (name, directory) in before {
            merged.read(node, &format!("{directory}/{name}"));
        }
        merged.read(node, MAIN);
        for path in after {
            merged.read(node, &path);
        }
        let items = merged
            .unmanaged
            .iter()
            .chain(merged.devices.values().flat_map(|(matches, _)| matches));
        merged.is_open |= items
            .clone()
            .any(|item| item.starts_with("except:") || item.starts_with("type:"))
            || items.clone().any(|item| item.starts_with("driver:"));
        merged
    }

    fn read(&mut self, node: &dyn Node, path: &str) {
        let text = node.advice_file(path).text().unwrap_or_default();
        let mut section = "";
        for (line, number) in text.lines().zip(1_u32..) {
            let line = line.trim();
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
                // Such a file applies to some versions or environments only.
                self.is_open |= section == ".config";
                continue;
            }
            let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
                continue;
            };
            let (key, value) = (key.trim(), value.trim());
            if section == "keyfile" {
                let (key, change) = match key.strip_suffix(['+', '-']) {
                    Some(plain) => (plain.trim_end(), key.chars().last()),
                    None => (key, None),
                };
                if key != "unmanaged-devices" {
                    continue;
                }
                let items = items(value);
                match change {
                    Some('-') => self.unmanaged.retain(|item| !items.contains(item)),
                    Some(_) => self.unmanaged.extend(items),
                    None => self.unmanaged = items,
                }
                self.last = Some(Source::line(path, number));
            } else if section.starts_with("device") {
                let device = self.devices.entry(section.to_owned()).or_default();
                match key {
                    "match-device" => device.0 = items(value),
                    "managed" => {
                        device.1 = Some(!matches!(value, "0" | "no" | "false" | "off"));
                    }
                    _ => {}
                }
            }
        }
    }

    fn leaves_alone(&self, interface: &str) -> bool {
        let by_device = self.devices.values().any(|(matches, managed)| {
            *managed == Some(false) && (matches.is_empty() || is_matched(matches, interface))
        });
        by_device || is_matched(&self.unmanaged, interface)
    }
}

/// The items of a list of devices.
fn items(value: &str) -> Vec<String> {
    value
        .split([';', ','])
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether an item of a list of devices names the interface.
fn is_matched(items: &[String], interface: &str) -> bool {
    items.iter().any(|item| {
        let name = item.strip_prefix("interface-name:").unwrap_or(item);
        if let Some(exact) = name.strip_prefix('=') {
            return exact == interface;
        }
        let pattern = name.strip_prefix('~').unwrap_or(name);
        glob::matches(pattern.as_bytes(), interface.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, found, settings, summaries};
    use super::*;
    use crate::rke2::role::Role;

    const UNMANAGED: &str =
        "[keyfile]\nunmanaged-devices=interface-name:flannel*;interface-name:cali*\n";

    fn host(files: &[(&'static str, &'static str)]) -> Facts {
        Facts {
            units: vec![UNIT],
            ..Facts::with(files)
        }
    }

    #[test]
    fn it_is_told_by_the_merged_configuration() {
        for (files, is_found) in [
            (&[][..], true),
            (&[(MAIN, "[main]\nplugins=keyfile\n")], true),
            (&[(FILE, UNMANAGED)], false),
            (&[(MAIN, UNMANAGED)], false),
            (
                &[("/usr/lib/NetworkManager/conf.d/a.conf", UNMANAGED)],
                false,
            ),
            // Half of it, a comment, another section, another suffix.
            (
                &[(FILE, "[keyfile]\nunmanaged-devices=interface-name:cali*\n")],
                true,
            ),
            (
                &[(FILE, "[keyfile]\n#unmanaged-devices=interface-name:*\n")],
                true,
            ),
            (
                &[(FILE, "[main]\nunmanaged-devices=interface-name:*\n")],
                true,
            ),
            (&[("/etc/NetworkManager/conf.d/a.bak", UNMANAGED)], true),
            // A later file replaces, or adds.
            (
                &[
                    (FILE, UNMANAGED),
                    (
                        "/etc/NetworkManager/conf.d/z.conf",
                        "[keyfile]\nunmanaged-devices=mac:00\n",
                    ),
                ],
                true,
            ),
            (
                &[
                    (FILE, UNMANAGED),
                    (
                        "/etc/NetworkManager/conf.d/z.conf",
                        "[keyfile]\nunmanaged-devices+=mac:00\n",
                    ),
                ],
                false,
            ),
            (
                &[
                    (FILE, UNMANAGED),
                    (
                        "/etc/NetworkManager/conf.d/z.conf",
                        "[keyfile]\nunmanaged-devices-=interface-name:cali*\n",
                    ),
                ],
                true,
            ),
            // A file of the same name hides that of the package.
            (
                &[
                    ("/usr/lib/NetworkManager/conf.d/a.conf", UNMANAGED),
                    ("/etc/NetworkManager/conf.d/a.conf", ""),
                ],
                true,
            ),
            (
                &[(
                    FILE,
                    "[device-pods]\nmatch-device=interface-name:cali*,interface-name:~flannel.*\nmanaged=0\n",
                )],
                false,
            ),
            (
                &[(
                    FILE,
                    "[device-pods]\nmatch-device=interface-name:=cali,interface-name:flannel*\nmanaged=0\n",
                )],
                true,
            ),
            (&[(FILE, "[keyfile]\nunmanaged-devices=*\n")], false),
            // What is not followed here gives nothing.
            (
                &[(
                    FILE,
                    "[keyfile]\nunmanaged-devices=*,except:interface-name:eth0\n",
                )],
                false,
            ),
            (
                &[(FILE, "[keyfile]\nunmanaged-devices=type:vxlan\n")],
                false,
            ),
        ] {
            let found = summaries(problem, &host(files));
            assert_eq!(!found.is_empty(), is_found, "{files:?}: {found:?}");
        }
    }

    #[test]
    fn it_matters_where_it_is_enabled_and_the_plugin_has_such_interfaces() {
        assert_eq!(summaries(problem, &Facts::default()), [""; 0]);
        let of = |role, set: &[(&'static str, &str)]| {
            let found = found(problem, &settings(role, set), &host(&[(FILE, UNMANAGED)]));
            found.first().map(|problem| problem.summary.clone())
        };
        assert_eq!(of(Role::Agent, &[]), None);
        assert_eq!(of(Role::Server, &[("cni", "cilium,")]), None);
        let calico = of(Role::Server, &[("cni", "multus,calico,")]).unwrap();
        assert!(
            calico.contains("(tunl*, vxlan.calico, wireguard.cali)"),
            "{calico}"
        );
    }
}
