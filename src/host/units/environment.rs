//! The sources of a unit's variables: systemd's own configuration, and environment files.

use std::collections::BTreeMap;

use super::{add_conf_files, read_all};
use crate::facts::Source;
use crate::glob;
use crate::host::HostRoot;
use crate::unit::envfile::{self, Comments};
use crate::unit::environment::{Variable, VariableOrigin, assignment};
use crate::unit::load::{self, UnitFile};
use crate::unit::{
    EnvironmentContent, EnvironmentFault, UnitDefinition, UnitProblem, UnitProblemKind,
};

/// The directories of systemd's own configuration, highest precedence first.
const MANAGER_DIRECTORIES: [&str; 4] = [
    "/etc/systemd",
    "/run/systemd",
    "/usr/local/lib/systemd",
    "/usr/lib/systemd",
];

/// The most files that one `EnvironmentFile=` with wildcards may match.
const MAX_MATCHES: usize = 1024;

/// The variables that services inherit from systemd, according to its files and the kernel command line.
pub(super) fn manager_environment(
    root: &HostRoot,
    problems: &mut Vec<UnitProblem>,
) -> Vec<Variable> {
    let mut files = Vec::new();
    let mut found = BTreeMap::new();
    for directory in MANAGER_DIRECTORIES {
        if files.is_empty() {
            let path = format!("{directory}/system.conf");
            if let Ok(content) = root.read(&path) {
                let content = Ok(content);
                files.push(UnitFile { path, content });
            }
        }
        add_conf_files(root, &format!("{directory}/system.conf.d"), &mut found);
    }
    files.append(&mut read_all(root, found));
    let mut variables = load::default_environment(&files, problems);
    let path = "/proc/cmdline";
    for word in root
        .read(path)
        .unwrap_or_default()
        .split(u8::is_ascii_whitespace)
    {
        if let Some(setting) = word.strip_prefix(b"systemd.setenv=")
            && let Ok((name, value)) = assignment(setting)
        {
            variables.set(Variable {
                name,
                value,
                source: Some(Source::line(path, 1)),
                origin: VariableOrigin::Manager,
            });
        }
    }
    variables.into_vec()
}

/// Reads the environment files of a unit, and adds their problems to it.
pub(super) fn read_files(root: &HostRoot, unit: &mut UnitDefinition, comments: Comments) {
    for file in &mut unit.environment_files {
        file.files = matching(root, &file.pattern)
            .into_iter()
            .map(|path| EnvironmentContent {
                variables: match root.read(&path) {
                    Ok(content) => envfile::parse(&path, &content, comments, &mut unit.problems),
                    Err(error) => Err(EnvironmentFault::Unreadable(error)),
                },
                path,
            })
            .collect();
        unit.problems.append(&mut file.problems());
    }
    if unit.is_too_long() {
        unit.problems.push(UnitProblem {
            source: unit
                .exec_start
                .first()
                .and_then(|first| first.source.clone()),
            kind: UnitProblemKind::TooLong,
        });
    }
}

/// The paths that match a pattern, sorted; a path without wildcards is returned whether it exists or not.
fn matching(root: &HostRoot, pattern: &str) -> Vec<String> {
    if !glob::is_pattern(pattern.as_bytes()) {
        return vec![pattern.to_owned()];
    }
    let mut paths = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for path in paths {
            if !glob::is_pattern(part.as_bytes()) {
                next.push(format!("{path}/{part}"));
                continue;
            }
            let directory = if path.is_empty() { "/" } else { &path };
            for name in root.list(directory).unwrap_or_default() {
                if next.len() < MAX_MATCHES
                    && let Some(name) = name.to_str()
                    && glob::matches(part.as_bytes(), name.as_bytes())
                {
                    next.push(format!("{path}/{name}"));
                }
            }
        }
        paths = next;
    }
    paths.retain(|path| root.lstat(path).is_ok());
    paths.sort_unstable();
    paths
}
