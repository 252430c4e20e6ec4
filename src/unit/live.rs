//! What systemd says of a unit, and how that compares with the unit's files.

use std::collections::{BTreeMap, BTreeSet};

use super::directive::{Cause, Extent, Influence};
use super::environment::{Variable, VariableOrigin, Variables};
use super::{
    AuxiliaryCommand, Command, Enablement, EnvironmentFile, Knowledge, Load, UnitDefinition,
    UnitProblem, Word, environment,
};
use crate::facts::Source;

/// The answer of systemd for one unit, as it gives it over D-Bus.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveUnit {
    /// `Id`: the unit's name, whatever name it was asked for by.
    pub id: String,
    /// `Names`: every name it goes by.
    pub names: Vec<String>,
    /// `LoadState`.
    pub load_state: String,
    /// `ActiveState`.
    pub active_state: String,
    /// `SubState`.
    pub sub_state: String,
    /// `UnitFileState`.
    pub unit_file_state: String,
    /// `FragmentPath`; empty if there is none.
    pub fragment_path: String,
    /// `DropInPaths`.
    pub drop_in_paths: Vec<String>,
    /// `NeedDaemonReload`: the files have changed since systemd read them.
    pub need_daemon_reload: bool,
    /// `Job`: number of the job that is queued or running, 0 if there is none.
    pub job: u32,
    /// `ExecStart` and what `ExecStartEx` adds to it.
    pub exec_start: Vec<LiveCommand>,
    /// The commands that run before the service does, or beside it while it starts, each with its
    /// directive.
    pub auxiliary: Vec<(&'static str, LiveCommand)>,
    /// `ExecSearchPath`.
    pub search_path: Vec<String>,
    /// `WorkingDirectory`.
    pub working_directory: String,
    /// Directives set to other than their default whose effect is not followed, and what they reach.
    pub influences: Vec<(&'static str, Extent)>,
    /// Directives whose effect is not followed, and of which this release tells nothing.
    pub unreported: Vec<&'static str>,
    /// `Environment`.
    pub environment: Vec<String>,
    /// `EnvironmentFiles`: path, and whether it may be missing.
    pub environment_files: Vec<(String, bool)>,
    /// `UnsetEnvironment`.
    pub unset_environment: Vec<String>,
    /// `PassEnvironment`.
    pub pass_environment: Vec<String>,
    /// `MainPID`; 0 if nothing runs.
    pub main_pid: u32,
    /// `NRestarts`.
    pub restarts: u32,
    /// When it last became active, in microseconds of the monotonic clock; 0 if it has not since
    /// systemd loaded it.
    pub entered_active: u64,
    /// `Result`.
    pub result: String,
    /// `Environment` of the manager, which services inherit.
    pub manager_environment: Vec<String>,
    /// `Version` of systemd.
    pub systemd_version: String,
}

/// A command as systemd tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveCommand {
    /// The program.
    pub path: String,
    /// Its words, own name first, variables not expanded.
    pub argv: Vec<String>,
    /// Prefix `-`.
    pub ignore_failure: bool,
    /// Prefix `:`.
    pub no_env_expand: bool,
    /// Prefix `|`.
    pub via_shell: bool,
}

impl LiveUnit {
    /// systemd's version: 252 of `252.39-1~deb12u2`.
    pub fn systemd_major(&self) -> Option<u32> {
        let text = self
            .systemd_version
            .trim_start_matches(['v', 's', 'y', 't', 'e', 'm', 'd', ' ']);
        let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    }

    /// The definition that systemd goes by. Where its words and variables are written is taken
    /// from `offline`, the same unit read from its files. The contents of environment files are
    /// not in systemd's answer: they are yet to be read.
    pub fn definition(&self, offline: &UnitDefinition) -> UnitDefinition {
        let fragment = (!self.fragment_path.is_empty()).then(|| Source::file(&self.fragment_path));
        let mut unit = UnitDefinition::not_found(&self.id, Knowledge::Bus);
        unit.load = Load::from_systemd(&self.load_state);
        unit.systemd = self.systemd_major();
        unit.drop_ins.clone_from(&self.drop_in_paths);
        unit.exec_start = commands(&self.exec_start, &offline.exec_start, fragment.as_ref());
        let beside = self.auxiliary.iter();
        unit.auxiliary = beside
            .map(|(key, command)| AuxiliaryCommand {
                key,
                command: beside_command(key, command, offline, fragment.as_ref()),
            })
            .collect();
        unit.search_path.clone_from(&self.search_path);
        unit.working_directory.clone_from(&self.working_directory);
        unit.influences = self.influences(offline, fragment.as_ref());
        unit.manager_environment = variables(
            &self.manager_environment,
            &offline.manager_environment,
            VariableOrigin::Manager,
            None,
        );
        unit.environment = variables(
            &self.environment,
            &offline.environment,
            VariableOrigin::Unit,
            fragment.as_ref(),
        );
        unit.environment_files = self
            .environment_files
            .iter()
            .map(|(pattern, optional)| EnvironmentFile {
                pattern: pattern.clone(),
                optional: *optional,
                source: offline
                    .environment_files
                    .iter()
                    .find(|file| file.pattern == *pattern)
                    .map_or_else(|| fragment.clone(), |file| file.source.clone()),
                files: Vec::new(),
            })
            .collect();
        unit.unset_environment.clone_from(&self.unset_environment);
        unit.pass_environment.clone_from(&self.pass_environment);
        unit.enabled = Enablement::from_systemd(&self.unit_file_state);
        if unit.enabled == Enablement::Other(String::new()) && unit.load == Load::NotFound {
            unit.enabled = Enablement::NotFound;
        }
        unit.fragment = fragment;
        if !self.need_daemon_reload {
            unit.problems = problems_of_unit_files(offline);
        }
        unit
    }
}

impl LiveUnit {
    /// The directives that systemd tells, with their places in the files, and those of the files that it
    /// tells nothing of or that only another release of systemd may know.
    fn influences(&self, offline: &UnitDefinition, fragment: Option<&Source>) -> Vec<Influence> {
        let mut left = offline.influences.clone();
        let mut out = Vec::with_capacity(self.influences.len());
        for (key, extent) in &self.influences {
            let cause = Cause::Directive(key);
            let written = left.iter().find(|written| written.cause == cause);
            out.push(Influence {
                source: written.map_or_else(|| fragment.cloned(), |at| at.source.clone()),
                cause: cause.clone(),
                extent: extent.clone(),
            });
            left.retain(|written| written.cause != cause);
        }
        out.extend(left.into_iter().filter(|written| match &written.cause {
            Cause::UnknownDirective(_) | Cause::UnknownSection(_) => true,
            Cause::Directive(key) => self.unreported.contains(key),
            _ => false,
        }));
        out
    }
}

/// A command as systemd tells it, with the place of the same command in the files.
fn beside_command(
    key: &str,
    live: &LiveCommand,
    offline: &UnitDefinition,
    fragment: Option<&Source>,
) -> Command {
    let written = offline.auxiliary.iter().find(|other| {
        let words = other.command.argv.iter().map(|word| &word.text);
        other.key == key && other.command.path == live.path && words.eq(&live.argv)
    });
    let files = written.map(|other| std::slice::from_ref(&other.command));
    commands(
        std::slice::from_ref(live),
        files.unwrap_or_default(),
        fragment,
    )
    .pop()
    .unwrap_or_else(|| Command {
        path: live.path.clone(),
        argv: Vec::new(),
        source: fragment.cloned(),
        ignore_failure: live.ignore_failure,
        expand: !live.no_env_expand,
        via_shell: live.via_shell,
    })
}

/// What is wrong with the unit but for its environment files.
fn problems_of_unit_files(unit: &UnitDefinition) -> Vec<UnitProblem> {
    let files: BTreeSet<&str> = unit
        .environment_files
        .iter()
        .flat_map(|file| &file.files)
        .map(|file| file.path.as_str())
        .collect();
    unit.problems
        .iter()
        .filter(|problem| {
            let path = problem.source.as_ref().map(|source| source.path.as_str());
            !problem.kind.is_of_environment_file() && !path.is_some_and(|p| files.contains(p))
        })
        .cloned()
        .collect()
}

/// systemd's commands with the origins that equal words have in the files.
fn commands(live: &[LiveCommand], files: &[Command], fragment: Option<&Source>) -> Vec<Command> {
    live.iter()
        .enumerate()
        .map(|(index, command)| {
            let written = files.get(index).map_or(&[][..], |command| &command.argv);
            let mut places: BTreeMap<&str, Vec<&Word>> = BTreeMap::new();
            for word in written.iter().rev() {
                places.entry(&word.text).or_default().push(word);
            }
            let argv: Vec<Word> = command
                .argv
                .iter()
                .map(|text| Word {
                    text: text.clone(),
                    source: places
                        .get_mut(text.as_str())
                        .and_then(Vec::pop)
                        .map_or_else(|| fragment.cloned(), |word| word.source.clone()),
                })
                .collect();
            let source = files
                .get(index)
                .filter(|written| written.path == command.path)
                .map_or_else(|| fragment.cloned(), |written| written.source.clone());
            Command {
                path: command.path.clone(),
                argv,
                source,
                ignore_failure: command.ignore_failure,
                expand: !command.no_env_expand,
                via_shell: command.via_shell,
            }
        })
        .collect()
}

/// systemd's variables with the origins that equal ones have in the files.
fn variables(
    live: &[String],
    files: &[Variable],
    origin: VariableOrigin,
    fragment: Option<&Source>,
) -> Vec<Variable> {
    let places: BTreeMap<(&str, &str), &Variable> = files
        .iter()
        .map(|variable| ((variable.name.as_str(), variable.value.as_str()), variable))
        .collect();
    let mut out = Variables::default();
    for text in live {
        let Ok((name, value)) = environment::assignment(text.as_bytes()) else {
            continue;
        };
        let source = places
            .get(&(name.as_str(), value.as_str()))
            .map_or_else(|| fragment.cloned(), |variable| variable.source.clone());
        out.set(Variable {
            name,
            value,
            source,
            origin,
        });
    }
    out.into_vec()
}

/// Where the unit's files and systemd do not agree, one line each. Values are not repeated: they
/// may be secrets.
pub fn differences(offline: &UnitDefinition, live: &UnitDefinition) -> Vec<String> {
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

/// `/usr/lib/systemd` by the shorter name that some systemds use for it.
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
    for (written, told) in files.iter().zip(systemd) {
        let at = written
            .source
            .as_ref()
            .map_or_else(String::new, |source| format!("{source}: "));
        let same = |a: &&Word, b: &&Word| a.text == b.text;
        let pairs = written.argv.iter().zip(&told.argv);
        let common = pairs.take_while(|(a, b)| same(a, b)).count();
        if written.path != told.path {
            out.push(format!("{at}{key}= runs another program in systemd"));
        } else if common < written.argv.len().max(told.argv.len()) {
            out.push(format!(
                "{at}{key}= differs from word {common} on in systemd"
            ));
        }
        if (written.ignore_failure, written.expand, written.via_shell)
            != (told.ignore_failure, told.expand, told.via_shell)
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
    let (written, told) = (by_name(files), by_name(systemd));
    let names: BTreeSet<&str> = written.keys().chain(told.keys()).copied().collect();
    for name in names {
        match (written.get(name), told.get(name)) {
            (Some(_), None) => out.push(format!("{what}{name} is in the files only")),
            (None, Some(_)) => out.push(format!("{what}{name} is in systemd only")),
            (a, b) if a != b => out.push(format!("{what}{name} has another value in systemd")),
            _ => {}
        }
    }
}
