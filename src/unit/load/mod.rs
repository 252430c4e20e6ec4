//! Reads a unit file and its drop-ins in systemd's order.

use super::directive::Collector;
use super::environment::{self, Variable, VariableOrigin, Variables};
use super::exec::{self, LineResult};
use super::specifier::Specifiers;
use super::syntax::{self, DirectiveLine, Flow, Value};
use super::verify::Service;
use super::words::{Rules, Words};
use super::{
    AuxiliaryCommand, Command, EnvironmentFile, Knowledge, Load, UnitDefinition, UnitProblem,
    UnitProblemKind,
};
use crate::facts::{ReadError, Source};

/// A unit file or drop-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFile {
    /// The absolute path on the host.
    pub path: String,
    /// The content, or why it cannot be read.
    pub content: Result<Vec<u8>, ReadError>,
}

/// The `[Install]` section.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Install {
    /// `Alias=`: other names of the unit when it is enabled.
    pub aliases: Vec<String>,
    /// Whether enabling it creates any link.
    pub has_rules: bool,
    /// `Also=`: whether another unit is enabled with it.
    pub also: bool,
    /// Whether a file cannot be read to its end; systemd then reports no enablement.
    pub broken: bool,
}

/// Reads a unit's files. [`crate::host`] finds them and their order.
///
/// It neither reads environment files nor determines the enablement.
pub fn load(
    name: &str,
    specifiers: &Specifiers,
    fragment: &UnitFile,
    drop_ins: &[UnitFile],
) -> (UnitDefinition, Install) {
    let mut loader = Loader {
        specifiers,
        commands: Vec::new(),
        auxiliary: Vec::new(),
        search_path: Vec::new(),
        working_directory: String::new(),
        directives: Collector::default(),
        environment: Variables::default(),
        files: Vec::new(),
        unset: Vec::new(),
        pass: Vec::new(),
        service: Service::default(),
        install: Install::default(),
        problems: Vec::new(),
    };
    let mut load = loader.file(fragment);
    // systemd does not read drop-ins if the unit file has failed.
    let drop_ins = if load == Load::Loaded { drop_ins } else { &[] };
    for drop_in in drop_ins {
        // An error in a drop-in ends the drop-in, not the unit.
        loader.file(drop_in);
    }
    if load == Load::Loaded {
        load = loader.verify(&fragment.path);
    }
    let mut unit = UnitDefinition::not_found(name, Knowledge::Files);
    unit.load = load;
    unit.fragment = Some(Source::file(&fragment.path));
    unit.drop_ins = drop_ins.iter().map(|file| file.path.clone()).collect();
    unit.exec_start = loader.commands;
    unit.auxiliary = loader.auxiliary;
    let waits = !loader.service.starts_at_once(unit.exec_start.len());
    unit.auxiliary
        .retain(|other| !(waits && other.key == AFTER_START));
    unit.search_path = loader.search_path;
    unit.working_directory = loader.working_directory;
    unit.influences = loader.directives.into_vec();
    unit.environment = loader.environment.into_vec();
    unit.environment_files = loader.files;
    unit.unset_environment = loader.unset;
    unit.pass_environment = loader.pass;
    unit.problems = loader.problems;
    (unit, loader.install)
}

/// `DefaultEnvironment=` of systemd's own configuration files, in the order of reading.
pub fn default_environment(files: &[UnitFile], problems: &mut Vec<UnitProblem>) -> Variables {
    let specifiers = Specifiers::default();
    let mut variables = Variables::default();
    for file in files {
        let Ok(content) = &file.content else {
            continue;
        };
        syntax::parse(content, |_, item| {
            if let Ok(DirectiveLine {
                section: "Manager",
                key: key @ "DefaultEnvironment",
                value,
            }) = item
            {
                let list = AssignmentList {
                    key,
                    path: &file.path,
                    origin: VariableOrigin::Manager,
                };
                set_all(list, &value, &specifiers, &mut variables, problems);
            }
            Flow::Continue
        });
    }
    variables
}

struct Loader<'a> {
    specifiers: &'a Specifiers,
    commands: Vec<Command>,
    auxiliary: Vec<AuxiliaryCommand>,
    search_path: Vec<String>,
    working_directory: String,
    directives: Collector,
    environment: Variables,
    files: Vec<EnvironmentFile>,
    unset: Vec<String>,
    pass: Vec<String>,
    service: Service,
    install: Install,
    problems: Vec<UnitProblem>,
}

impl Loader<'_> {
    fn file(&mut self, file: &UnitFile) -> Load {
        let content = match &file.content {
            Ok(content) => content,
            Err(error) => {
                self.install.broken = true;
                // systemd ignores a drop-in that is a dangling link.
                if !error.is_absent() {
                    self.problems.push(UnitProblem {
                        source: Some(Source::file(&file.path)),
                        kind: UnitProblemKind::UnreadableFile(error.clone()),
                    });
                }
                return Load::Error;
            }
        };
        let mut load = Load::Loaded;
        let mut broken = false;
        syntax::parse(content, |line, item| match item {
            Ok(assignment) => match self.assignment(&file.path, &assignment) {
                LineResult::Done => Flow::Continue,
                LineResult::Refused => {
                    load = Load::BadSetting;
                    Flow::Stop
                }
            },
            Err(fault) => {
                if fault.ends_file() {
                    load = Load::Error;
                    broken = true;
                }
                self.problems.push(UnitProblem {
                    source: Some(Source::line(&file.path, line)),
                    kind: UnitProblemKind::Line(fault),
                });
                Flow::Continue
            }
        });
        self.install.broken |= broken;
        load
    }

    fn assignment(&mut self, path: &str, assignment: &DirectiveLine<'_>) -> LineResult {
        let value = &assignment.value;
        match (assignment.section, assignment.key) {
            ("Service", "ExecStart") if value.text.is_empty() => self.commands.clear(),
            ("Service", "ExecStart") => {
                let problems = &mut self.problems;
                return exec::parse(
                    "ExecStart",
                    value,
                    path,
                    self.specifiers,
                    &mut self.commands,
                    problems,
                );
            }
            ("Service", key) if let Some(key) = other_commands(key) => {
                return self.others(path, key, value);
            }
            ("Service", key @ "Environment") => {
                let origin = VariableOrigin::Unit;
                let list = AssignmentList { key, path, origin };
                let problems = &mut self.problems;
                set_all(
                    list,
                    value,
                    self.specifiers,
                    &mut self.environment,
                    problems,
                );
            }
            ("Service", "EnvironmentFile") => self.environment_file(path, value),
            ("Service", "UnsetEnvironment") => {
                let valid = |text: &str| {
                    environment::is_name(text) || environment::assignment(text.as_bytes()).is_ok()
                };
                let words = self.list(path, "UnsetEnvironment", value, Rules::Strict, valid);
                extend_or_clear(&mut self.unset, words);
            }
            ("Service", "PassEnvironment") => {
                let rules = Rules::Literal;
                let words = self.list(path, "PassEnvironment", value, rules, environment::is_name);
                if let Some(names) = &words {
                    for name in names {
                        self.problems.push(UnitProblem {
                            source: Some(Source::line(path, value.line())),
                            kind: UnitProblemKind::Passed { name: name.clone() },
                        });
                    }
                }
                extend_or_clear(&mut self.pass, words);
            }
            ("Service", "ExecSearchPath") => self.search_path(path, value),
            ("Service", "WorkingDirectory") => return self.working_directory(path, value),
            ("Install", "Alias") => {
                let mut names = value.text.split_ascii_whitespace().peekable();
                self.install.has_rules |= names.peek().is_some();
                self.install.aliases.extend(names.map(str::to_owned));
            }
            ("Install", "WantedBy" | "RequiredBy" | "UpheldBy") => {
                self.install.has_rules |= !value.text.is_empty();
            }
            ("Install", "Also") => self.install.also |= !value.text.is_empty(),
            (section, key) => {
                self.service.assign(section, key, value.text);
                let source = || Source::line(path, value.line());
                self.directives.assign(section, key, value.text, source);
            }
        }
        LineResult::Done
    }

    /// The directories in which a program without a path is searched.
    fn search_path(&mut self, path: &str, value: &Value<'_>) {
        let key = "ExecSearchPath";
        if value.text.is_empty() {
            self.search_path.clear();
            return;
        }
        let text = self.expanded(path, key, value);
        let absolute = |part: &&str| part.starts_with('/');
        let paths = text.split(':').filter(absolute).map(exec::simplify);
        self.search_path.extend(paths);
    }

    fn working_directory(&mut self, path: &str, value: &Value<'_>) -> LineResult {
        let text = self.expanded(path, "WorkingDirectory", value);
        let (mark, directory) = match text.strip_prefix('-') {
            Some(directory) => ("!", directory),
            None => ("", text.as_str()),
        };
        if text.is_empty() {
            self.working_directory.clear();
        } else if directory == "~" || directory.starts_with('/') {
            self.working_directory = format!("{mark}{}", exec::simplify(directory));
        } else {
            self.problems.push(UnitProblem {
                source: Some(Source::line(path, value.line())),
                kind: UnitProblemKind::NotADirectory {
                    path: directory.to_owned(),
                },
            });
            // systemd ignores a path that may be missing, and reads no further after any other.
            if mark.is_empty() {
                return LineResult::Refused;
            }
        }
        LineResult::Done
    }

    /// A value with its specifiers expanded. Invalid specifiers become problems of the unit.
    fn expanded(&mut self, path: &str, key: &'static str, value: &Value<'_>) -> String {
        let mut unknown = Vec::new();
        let text = self
            .specifiers
            .expand(value.text.as_bytes(), |letter| unknown.push(letter));
        let kinds = match &text {
            Ok(_) => unknown
                .into_iter()
                .map(|specifier| UnitProblemKind::Specifier { key, specifier })
                .collect(),
            Err(error) => vec![UnitProblemKind::NotASpecifier { key, error: *error }],
        };
        self.problems
            .extend(kinds.into_iter().map(|kind| UnitProblem {
                source: Some(Source::line(path, value.line())),
                kind,
            }));
        String::from_utf8_lossy(&text.unwrap_or_default()).into_owned()
    }

    /// Parses commands of directives other than `ExecStart=`: systemd refuses the file for these too.
    fn others(&mut self, path: &str, key: &'static str, value: &Value<'_>) -> LineResult {
        let mut commands = Vec::new();
        let mut problems = Vec::new();
        let outcome = exec::parse(
            key,
            value,
            path,
            self.specifiers,
            &mut commands,
            &mut problems,
        );
        let faults =
            |problem: &UnitProblem| matches!(problem.kind, UnitProblemKind::Command { .. });
        self.problems.extend(problems.into_iter().filter(faults));
        if AUXILIARY.contains(&key) {
            if value.text.is_empty() {
                self.auxiliary.retain(|other| other.key != key);
            }
            let commands = commands.into_iter();
            self.auxiliary
                .extend(commands.map(|command| AuxiliaryCommand { key, command }));
        } else if key == "ExecStop" {
            self.service.stops =
                (self.service.stops && !value.text.is_empty()) || !commands.is_empty();
        }
        outcome
    }

    fn environment_file(&mut self, path: &str, value: &Value<'_>) {
        if value.text.is_empty() {
            self.files.clear();
            return;
        }
        let source = Source::line(path, value.line());
        let mut unknown = Vec::new();
        let key = "EnvironmentFile";
        let text = match self
            .specifiers
            .expand(value.text.as_bytes(), |letter| unknown.push(letter))
        {
            Ok(text) => text,
            Err(error) => {
                return self.problems.push(UnitProblem {
                    source: Some(source),
                    kind: UnitProblemKind::NotASpecifier { key, error },
                });
            }
        };
        for specifier in unknown {
            self.problems.push(UnitProblem {
                source: Some(source.clone()),
                kind: UnitProblemKind::Specifier { key, specifier },
            });
        }
        // Specifiers are UTF-8.
        let text = String::from_utf8_lossy(&text);
        let (optional, pattern) = match text.strip_prefix('-') {
            Some(pattern) => (true, pattern),
            None => (false, text.as_ref()),
        };
        if pattern.starts_with('/') {
            self.files.push(EnvironmentFile {
                pattern: exec::simplify(pattern),
                optional,
                source: Some(source),
                files: Vec::new(),
            });
        } else {
            self.problems.push(UnitProblem {
                source: Some(source),
                kind: UnitProblemKind::NotAbsolute {
                    path: pattern.to_owned(),
                },
            });
        }
    }

    /// The valid words of a list; `None` if it is empty, which resets the list.
    fn list(
        &mut self,
        path: &str,
        key: &'static str,
        value: &Value<'_>,
        rules: Rules,
        valid: impl Fn(&str) -> bool,
    ) -> Option<Vec<String>> {
        if value.text.is_empty() {
            return None;
        }
        let mut out = Vec::new();
        let mut words = Words::new(value.text.as_bytes());
        loop {
            let at = words.position();
            match words.next(rules) {
                Ok(None) => return Some(out),
                Ok(Some(word)) => {
                    let text = self.specifiers.expand(&word.text, |_| {});
                    let text = text.ok().and_then(|text| String::from_utf8(text).ok());
                    out.extend(text.filter(|text| valid(text)));
                }
                Err(_) => {
                    self.problems.push(UnitProblem {
                        source: Some(Source::line(path, value.line_at(at))),
                        kind: UnitProblemKind::Unreadable { key },
                    });
                    return Some(out);
                }
            }
        }
    }

    /// Checks the settings of the whole unit, as systemd does after reading it.
    fn verify(&mut self, fragment: &str) -> Load {
        let Some(kind) = self.service.refused(self.commands.len()) else {
            return Load::Loaded;
        };
        let second = self
            .commands
            .get(1)
            .and_then(|second| second.source.clone());
        let source = match kind {
            UnitProblemKind::ManyCommands => second,
            _ => Some(Source::file(fragment)),
        };
        self.problems.push(UnitProblem { source, kind });
        Load::BadSetting
    }
}

/// Directives whose commands run before the service or while it starts.
const AUXILIARY: [&str; 3] = ["ExecCondition", "ExecStartPre", AFTER_START];
/// Its commands run when the service counts as started.
const AFTER_START: &str = "ExecStartPost";

/// The directives other than `ExecStart=` that contain commands.
fn other_commands(key: &str) -> Option<&'static str> {
    const KEYS: [&str; 6] = [
        "ExecCondition",
        "ExecStartPre",
        "ExecStartPost",
        "ExecReload",
        "ExecStop",
        "ExecStopPost",
    ];
    KEYS.into_iter().find(|known| *known == key)
}

fn extend_or_clear(list: &mut Vec<String>, words: Option<Vec<String>>) {
    match words {
        Some(words) => list.extend(words),
        None => list.clear(),
    }
}

/// The list of assignments that is read.
#[derive(Clone, Copy)]
struct AssignmentList<'a> {
    key: &'a str,
    path: &'a str,
    origin: VariableOrigin,
}

fn set_all(
    list: AssignmentList<'_>,
    value: &Value<'_>,
    specifiers: &Specifiers,
    variables: &mut Variables,
    problems: &mut Vec<UnitProblem>,
) {
    if value.text.is_empty() {
        variables.clear();
        return;
    }
    let key = if list.key == "Environment" {
        "Environment"
    } else {
        "DefaultEnvironment"
    };
    let source = |position| Source::line(list.path, value.line_at(position));
    environment::assignments(
        value.text,
        specifiers,
        |position, (name, value)| {
            variables.set(Variable {
                name,
                value,
                source: Some(source(position)),
                origin: list.origin,
            });
        },
        |position, fault| {
            problems.push(UnitProblem {
                source: Some(source(position)),
                kind: match fault {
                    environment::AssignmentFault::NotAnAssignment(name) => {
                        UnitProblemKind::NotAnAssignment { name }
                    }
                    environment::AssignmentFault::Specifier(specifier) => {
                        UnitProblemKind::Specifier { key, specifier }
                    }
                    environment::AssignmentFault::NotASpecifier(error) => {
                        UnitProblemKind::NotASpecifier { key, error }
                    }
                    environment::AssignmentFault::Unreadable => UnitProblemKind::Unreadable { key },
                },
            });
        },
    );
}

#[cfg(test)]
mod tests;
