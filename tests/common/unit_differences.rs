//! Compares a unit read from its files with the same unit as systemd has loaded it.

use std::collections::{BTreeMap, BTreeSet};

use preflight_rke2::testing::unit::directive::Cause;
use preflight_rke2::testing::unit::{
    Command, EnvironmentFile, Load, UnitDefinition, Variable, Word,
};

/// Lists where the unit's files and systemd differ, one line each.
pub(crate) fn differences(offline: &UnitDefinition, live: &UnitDefinition) -> Vec<String> {
    let mut out = Vec::new();
    let mut texts = |what: &str, files: &str, systemd: &str| {
        if files != systemd {
            out.push(format!(
                "{what}: the files say \"{files}\", systemd says \"{systemd}\""
            ));
        }
    };
    let path = |unit: &UnitDefinition| {
        let fragment = unit.fragment.as_ref();
        fragment.map_or(String::new(), |at| merged(&at.path).to_owned())
    };
    let drop_ins = |unit: &UnitDefinition| {
        let paths: Vec<&str> = unit.drop_ins.iter().map(|path| merged(path)).collect();
        paths.join(" ")
    };
    texts("name", &offline.name, &live.name);
    texts("load state", offline.load.as_str(), live.load.as_str());
    texts("unit file", &path(offline), &path(live));
    // A masked unit starts nothing; newer systemd does not even read its drop-ins.
    if offline.load == Load::Masked && live.load == Load::Masked {
        return out;
    }
    texts("drop-ins", &drop_ins(offline), &drop_ins(live));
    texts(
        "enablement",
        offline.enabled.as_str(),
        live.enabled.as_str(),
    );
    let files = |unit: &UnitDefinition| {
        let mark = |file: &EnvironmentFile| if file.optional { "-" } else { "" };
        let files = unit.environment_files.iter();
        files
            .map(|file| format!("{}{}", mark(file), file.pattern))
            .collect::<Vec<_>>()
            .join(" ")
    };
    texts("EnvironmentFile=", &files(offline), &files(live));
    texts(
        "PassEnvironment=",
        &offline.pass_environment.join(" "),
        &live.pass_environment.join(" "),
    );
    if offline.unset_environment != live.unset_environment {
        out.push("UnsetEnvironment= differs between the files and systemd".to_owned());
    }
    commands_differ("ExecStart", &offline.exec_start, &live.exec_start, &mut out);
    for key in ["ExecCondition", "ExecStartPre", "ExecStartPost"] {
        let beside = |unit: &UnitDefinition| -> Vec<Command> {
            let of_key = unit.auxiliary.iter().filter(|other| other.key == key);
            of_key.map(|other| other.command.clone()).collect()
        };
        commands_differ(key, &beside(offline), &beside(live), &mut out);
    }
    directives_differ(offline, live, &mut out);
    variables_differ(
        "Environment=",
        &offline.environment,
        &live.environment,
        &mut out,
    );
    // systemd adds to its own environment; what the files set must be there.
    let set: BTreeSet<&str> = offline
        .manager_environment
        .iter()
        .map(|variable| variable.name.as_str())
        .collect();
    let inherited: Vec<Variable> = live
        .manager_environment
        .iter()
        .filter(|variable| set.contains(variable.name.as_str()))
        .cloned()
        .collect();
    variables_differ(
        "DefaultEnvironment=",
        &offline.manager_environment,
        &inherited,
        &mut out,
    );
    out
}

/// The path without `/usr`, because some releases of systemd name `/usr/lib/systemd` by `/lib/systemd`.
fn merged(path: &str) -> &str {
    match path.strip_prefix("/usr") {
        Some(rest) if rest.starts_with("/lib/systemd/") => rest,
        _ => path,
    }
}

fn directives_differ(offline: &UnitDefinition, live: &UnitDefinition, out: &mut Vec<String>) {
    let directories = |unit: &UnitDefinition| unit.search_path.join(":");
    for (key, files, systemd) in [
        ("ExecSearchPath", directories(offline), directories(live)),
        (
            "WorkingDirectory",
            offline.working_directory.clone(),
            live.working_directory.clone(),
        ),
    ] {
        if files != systemd {
            out.push(format!(
                "{key}=: the files say \"{files}\", systemd says \"{systemd}\""
            ));
        }
    }
    let set = |unit: &UnitDefinition| -> BTreeSet<&'static str> {
        let causes = unit.influences.iter();
        causes
            .filter_map(|influence| match influence.cause {
                Cause::Directive(key) => Some(key),
                _ => None,
            })
            .collect()
    };
    let (files, systemd) = (set(offline), set(live));
    for key in files.symmetric_difference(&systemd) {
        let by = if files.contains(key) {
            "the files"
        } else {
            "systemd"
        };
        out.push(format!("{key}= is set in {by} only"));
    }
}

fn commands_differ(key: &str, files: &[Command], systemd: &[Command], out: &mut Vec<String>) {
    if files.len() != systemd.len() {
        out.push(format!(
            "{key}=: {} in the files, {} in systemd",
            files.len(),
            systemd.len()
        ));
    }
    for (written, live) in files.iter().zip(systemd) {
        let at = written
            .source
            .as_ref()
            .map_or_else(String::new, |source| format!("{source}: "));
        let same = |a: &&Word, b: &&Word| a.text == b.text;
        let pairs = written.argv.iter().zip(&live.argv);
        let common = pairs.take_while(|(a, b)| same(a, b)).count();
        if written.path != live.path {
            out.push(format!("{at}{key}= runs another program in systemd"));
        } else if common < written.argv.len().max(live.argv.len()) {
            out.push(format!(
                "{at}{key}= differs from word {common} on in systemd"
            ));
        }
        if (written.ignore_failure, written.expand, written.via_shell)
            != (live.ignore_failure, live.expand, live.via_shell)
        {
            out.push(format!("{at}{key}= has other prefixes in systemd"));
        }
    }
}

fn variables_differ(what: &str, files: &[Variable], systemd: &[Variable], out: &mut Vec<String>) {
    fn by_name(list: &[Variable]) -> BTreeMap<&str, &str> {
        list.iter()
            .map(|variable| (variable.name.as_str(), variable.value.as_str()))
            .collect()
    }
    let (written, live) = (by_name(files), by_name(systemd));
    let names: BTreeSet<&str> = written.keys().chain(live.keys()).copied().collect();
    for name in names {
        match (written.get(name), live.get(name)) {
            (Some(_), None) => out.push(format!("{what}{name} is in the files only")),
            (None, Some(_)) => out.push(format!("{what}{name} is in systemd only")),
            (a, b) if a != b => out.push(format!("{what}{name} has another value in systemd")),
            _ => {}
        }
    }
}
