//! The directives of a unit's files that may change what RKE2 sees.

use std::collections::BTreeMap;
use std::path::Path;

use super::entry::{Coverage, Handling, ValueForm};
use super::influence::{Cause, Extent, Influence};
use super::{TABLE, find};
use crate::facts::Source;

/// Collects the directives of a unit's files that may change what RKE2 sees.
#[derive(Debug, Default)]
pub(in crate::unit) struct Collector {
    /// By directive; several for a list.
    set: BTreeMap<&'static str, Vec<Influence>>,
    unknown: Vec<Influence>,
}

impl Collector {
    /// Records an assignment.
    pub(in crate::unit) fn assign(
        &mut self,
        section: &str,
        key: &str,
        value: &str,
        source: impl Fn() -> Source,
    ) {
        // systemd ignores both; they are for other programs.
        if section.starts_with("X-") || key.starts_with("X-") {
            return;
        }
        let Some((_, directives)) = TABLE.iter().find(|(name, _)| *name == section) else {
            let cause = Cause::UnknownSection(section.to_owned());
            if self.unknown.iter().all(|known| known.cause != cause) {
                self.unknown.push(Influence::all(cause, Some(source())));
            }
            return;
        };
        let Some(directive) = find(directives, key) else {
            // Every systemd ignores a directive that is in the wrong section.
            let misplaced = TABLE.iter().any(|(_, all)| find(all, key).is_some());
            let cause = Cause::UnknownDirective(key.to_owned());
            if !misplaced && self.unknown.iter().all(|known| known.cause != cause) {
                self.unknown.push(Influence::all(cause, Some(source())));
            }
            return;
        };
        let Handling::Untracked(coverage, form) = directive.handling else {
            return;
        };
        let name = directive.name();
        let (inert, adds) = match form {
            ValueForm::Flag(unset) => (unset.is(value), false),
            ValueForm::Text(unset) => (value.is_empty() || unset.is(value), false),
            ValueForm::List => (value.is_empty(), true),
        };
        if inert {
            self.set.remove(name);
            return;
        }
        let influence = Influence {
            cause: Cause::Directive(name),
            extent: extent(coverage, || named_paths(name, value)),
            source: Some(source()),
        };
        let entry = self.set.entry(name).or_default();
        if !adds {
            entry.clear();
        }
        entry.push(influence);
    }

    /// The recorded directives, sorted by name.
    pub(in crate::unit) fn into_vec(self) -> Vec<Influence> {
        self.set
            .into_values()
            .flatten()
            .chain(self.unknown)
            .collect()
    }
}

/// The extent of a directive with this coverage. `paths` are those in its value, `None` if they are
/// unknown.
pub(crate) fn extent(coverage: Coverage, paths: impl FnOnce() -> Option<Vec<String>>) -> Extent {
    match coverage {
        Coverage::All => Extent::All,
        Coverage::Kernel => Extent::Kernel,
        Coverage::Below(group) => {
            let directories = group.directories().iter();
            Extent::Paths(directories.map(|&path| path.to_owned()).collect())
        }
        Coverage::Named => paths().map_or(Extent::All, Extent::Paths),
        Coverage::Writes => match paths() {
            Some(paths) if !paths.iter().any(|path| holds_parameters(path)) => {
                Extent::Paths(Vec::new())
            }
            _ => Extent::Kernel,
        },
    }
}

/// Whether kernel parameters are below `path`.
fn holds_parameters(path: &str) -> bool {
    let (path, parameters) = (Path::new(path), Path::new("/proc/sys"));
    path.starts_with(parameters) || parameters.starts_with(path)
}

/// The paths in the unit's view that the value of a directive covers; `None` if it contains quotes, escapes
/// or specifiers.
fn named_paths(key: &str, value: &str) -> Option<Vec<String>> {
    if value.contains(['"', '\'', '\\', '%']) {
        return None;
    }
    let binds = key.starts_with("Bind");
    value
        .split_ascii_whitespace()
        .map(|path| {
            let mut parts = path.trim_start_matches(['-', '+']).split(':');
            let first = parts.next()?;
            let path = if binds {
                parts.next().unwrap_or(first)
            } else {
                first
            };
            path.starts_with('/')
                .then(|| crate::unit::exec::simplify(path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(lines: &[(&str, &str, &str)]) -> Vec<Influence> {
        let mut collector = Collector::default();
        for (at, (section, key, value)) in lines.iter().enumerate() {
            let line = u32::try_from(at).unwrap() + 1;
            collector.assign(section, key, value, || Source::line("/u", line));
        }
        collector.into_vec()
    }

    fn shown(lines: &[(&str, &str, &str)]) -> Vec<String> {
        let found = collected(lines);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn defaults_are_ignored_and_the_last_value_counts() {
        let s = "Service";
        for (lines, expected) in [
            (&[(s, "PrivateUsers", "no")][..], 0),
            (&[(s, "PrivateUsers", "Off")], 0),
            (&[(s, "PrivateUsers", "yes")], 1),
            (&[(s, "PrivateUsers", "yes"), (s, "PrivateUsers", "0")], 0),
            (&[(s, "PrivateUsers", "yes"), (s, "PrivateUsers", "")], 1),
            (&[(s, "PrivateUsers", "")], 1),
            (&[(s, "User", "root")], 0),
            (&[(s, "User", "rke2")], 1),
            (&[(s, "User", "rke2"), (s, "User", "")], 0),
            (&[(s, "RootDirectory", "/")], 0),
            (
                &[
                    (s, "RootDirectory", "/srv/root"),
                    (s, "RootDirectory", "/b"),
                ],
                1,
            ),
            (&[(s, "ProtectHome", "read-only")], 0),
            (&[(s, "ProtectHome", "tmpfs")], 1),
            (
                &[(s, "ProcSubset", "all"), (s, "ProtectProc", "default")],
                0,
            ),
            (&[(s, "BindPaths", "/a"), (s, "BindPaths", "/b")], 2),
            (&[(s, "BindPaths", "/a"), (s, "BindPaths", "")], 0),
            (
                &[(s, "LimitNOFILE", "1"), ("Unit", "After", "x.service")],
                0,
            ),
            (&[("Unit", "ConditionPathExists", "/x")], 0),
            (&[(s, "ReadWritePaths", "/srv")], 1),
        ] {
            assert_eq!(collected(lines).len(), expected, "{lines:?}");
        }
    }

    #[test]
    fn directives_and_sections_outside_the_table_are_unknown() {
        let found = shown(&[
            ("Service", "FutureView", "yes"),
            ("Service", "FutureView", "no"),
            ("Service", "X-Ours", "1"),
            ("X-Ours", "Key", "1"),
            // A common mistake, which every systemd ignores.
            ("Service", "StartLimitIntervalSec", "0"),
            ("Unit", "PrivateTmp", "yes"),
            ("Namespace", "A", "1"),
            ("Namespace", "B", "1"),
        ]);
        let [directive, section] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert!(
            directive.starts_with("/u:1: FutureView= is not a directive"),
            "{directive}"
        );
        assert!(
            section.starts_with("/u:7: [Namespace] is not a section"),
            "{section}"
        );
    }

    #[test]
    fn what_can_be_written_counts_for_kernel_parameters() {
        for (value, is_kernel) in [
            ("/srv -/var", false),
            ("/proc/sysvipc", false),
            ("/", true),
            ("-/proc", true),
            ("/srv /proc/sys/kernel", true),
            ("%t", true),
        ] {
            let found = collected(&[("Service", "ReadOnlyPaths", value)]);
            let expected = if is_kernel {
                Extent::Kernel
            } else {
                Extent::Paths(Vec::new())
            };
            assert_eq!(found[0].extent, expected, "{value}");
        }
    }

    #[test]
    fn paths_are_those_of_the_units_view() {
        for (key, value, paths) in [
            ("BindPaths", "/a", Some(&["/a"][..])),
            (
                "BindReadOnlyPaths",
                "-/a:/b:norbind /c//d/",
                Some(&["/b", "/c/d"]),
            ),
            ("InaccessiblePaths", "-+/a -/b", Some(&["/a", "/b"])),
            ("TemporaryFileSystem", "/var:ro,mode=755", Some(&["/var"])),
            ("BindPaths", "/a:%t/b", None),
            ("BindPaths", "\"/a b\"", None),
            ("BindPaths", "relative", None),
        ] {
            let expected = paths.map_or(Extent::All, |paths| {
                Extent::Paths(paths.iter().map(|&path| path.to_owned()).collect())
            });
            let found = collected(&[("Service", key, value)]);
            assert_eq!(found[0].extent, expected, "{key}={value}");
        }
    }
}
