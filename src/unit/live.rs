//! A unit as systemd has loaded it, with the positions of the same settings in its files.

use std::collections::{BTreeMap, BTreeSet};

use super::directive::{Cause, Extent, Influence};
use super::environment::{Variable, VariableOrigin, Variables};
use super::{
    AuxiliaryCommand, Command, Enablement, EnvironmentFile, Knowledge, Load, UnitDefinition,
    UnitProblem, Word, environment,
};
use crate::facts::Source;

/// The properties of one unit, as systemd returns them over D-Bus.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveUnit {
    /// `Id`: the unit's main name, which may differ from the requested one.
    pub id: String,
    /// `Names`: all names of the unit.
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
    /// `Job`: number of the queued or running job, 0 if there is none.
    pub job: u32,
    /// `ExecStart`, with the flags of `ExecStartEx`.
    pub exec_start: Vec<LiveCommand>,
    /// Commands that run before the service or while it starts, each with its directive.
    pub auxiliary: Vec<(&'static str, LiveCommand)>,
    /// `ExecSearchPath`.
    pub search_path: Vec<String>,
    /// `WorkingDirectory`.
    pub working_directory: String,
    /// Directives that are not at their default and whose effect is not computed, with what they cover.
    pub influences: Vec<(&'static str, Extent)>,
    /// Directives whose effect is not computed and that this release of systemd does not report.
    pub unreported: Vec<&'static str>,
    /// `Environment`.
    pub environment: Vec<String>,
    /// `EnvironmentFiles`: path, and whether the file is optional.
    pub environment_files: Vec<(String, bool)>,
    /// `UnsetEnvironment`.
    pub unset_environment: Vec<String>,
    /// `PassEnvironment`.
    pub pass_environment: Vec<String>,
    /// `MainPID`; 0 if no process runs.
    pub main_pid: u32,
    /// `NRestarts`.
    pub restarts: u32,
    /// `ActiveEnterTimestampMonotonic` in microseconds; 0 if the unit was never active since systemd
    /// loaded it.
    pub entered_active: u64,
    /// `ExecMainStartTimestamp` in microseconds since 1970: when its program was last started; 0 if that has
    /// not happened since systemd loaded it.
    pub main_started_at: u64,
    /// `Result`.
    pub result: String,
    /// `Environment` of the manager, which services inherit.
    pub manager_environment: Vec<String>,
    /// `Version` of systemd.
    pub systemd_version: String,
}

/// A command as systemd reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveCommand {
    /// The path of the program.
    pub path: String,
    /// The arguments, `argv[0]` first, variables not expanded.
    pub argv: Vec<String>,
    /// Prefix `-`: failures are ignored.
    pub ignore_failure: bool,
    /// Prefix `:`: variables are not expanded.
    pub no_env_expand: bool,
    /// Prefix `|`: a shell runs it.
    pub via_shell: bool,
}

impl LiveUnit {
    /// systemd's major version: 252 for `252.39-1~deb12u2`.
    pub fn systemd_major(&self) -> Option<u32> {
        let text = self
            .systemd_version
            .trim_start_matches(['v', 's', 'y', 't', 'e', 'm', 'd', ' ']);
        let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    }

    /// The definition that systemd uses. The positions of words and variables come from `offline`, the
    /// same unit read from its files. systemd does not return the contents of environment files: they are
    /// read later.
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
    /// The directives that systemd reports, with their positions in the files, and those in the files that
    /// it does not report or that only another release may know.
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

/// A command as systemd reports it, with the position of the same command in the files.
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

/// The problems of the unit's files, without those of its environment files.
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

/// systemd's commands, with the positions of equal words in the files.
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

/// systemd's variables, with the positions of equal ones in the files.
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
