//! The command line and the environment with which systemd starts a service.

use super::directive::{Cause, Influence};
use super::environment::{self, Variables};
use super::{
    EnvironmentContent, EnvironmentFault, EnvironmentFile, Knowledge, UnitDefinition, UnitProblem,
    UnitProblemKind, Variable, VariableOrigin, Word,
};

/// A command with variables expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The program.
    pub program: Word,
    /// The arguments after `argv[0]`.
    pub args: Vec<Word>,
    /// Every variable whose value is known.
    pub environment: Vec<Variable>,
}

impl UnitDefinition {
    /// The first command, variables expanded. `None` if the unit has no command, or one that the kernel
    /// would not run.
    pub fn command(&self) -> Option<Start> {
        let command = self.exec_start.first()?;
        let variables = self.variables();
        let argv = if command.expand {
            environment::expand(&command.argv, &variables).ok()?
        } else {
            command.argv.clone()
        };
        Some(Start {
            program: Word {
                text: command.path.clone(),
                source: command.source.clone(),
            },
            args: argv.into_iter().skip(1).collect(),
            environment: variables.into_vec(),
        })
    }

    /// Whether variables make the first command longer than the kernel accepts.
    pub fn is_too_long(&self) -> bool {
        self.exec_start.first().is_some_and(|command| {
            command.expand && environment::expand(&command.argv, &self.variables()).is_err()
        })
    }

    /// Everything that may make the service start otherwise than [`command`](Self::command) returns, or
    /// see another host: directives whose effect is not computed, and unknown parts of the unit.
    /// [Auxiliary commands](Self::auxiliary) are not included.
    pub fn influences(&self) -> Vec<Influence> {
        let mut out = self.influences.clone();
        let mut add = |cause, source: &Option<crate::facts::Source>| {
            out.push(Influence::all(cause, source.clone()));
        };
        for problem in &self.problems {
            if let Some(cause) = self.unknown(&problem.kind) {
                add(cause, &problem.source);
            }
        }
        let Some(first) = self.exec_start.first() else {
            return out;
        };
        if self.exec_start.len() > 1 {
            add(Cause::SeveralCommands, &first.source);
        }
        if first.via_shell {
            add(Cause::Shell, &first.source);
        }
        if first.expand {
            for (name, source) in self.own_variables() {
                add(Cause::OwnVariable(name), &source);
            }
        }
        for file in &self.environment_files {
            for content in &file.files {
                if let Err(EnvironmentFault::Unreadable(error)) = &content.variables
                    && error.is_ours()
                {
                    add(Cause::Unreadable(error.to_string()), &file.source);
                }
            }
        }
        out
    }

    /// What is unknown because of a problem.
    fn unknown(&self, kind: &UnitProblemKind) -> Option<Cause> {
        match kind {
            UnitProblemKind::AfterComment => Some(Cause::AfterComment),
            // systemd has read the files, and has expanded every specifier.
            _ if self.knowledge == Knowledge::Bus => None,
            UnitProblemKind::Specifier { key, specifier } => Some(Cause::Specifier {
                key,
                letter: *specifier,
            }),
            UnitProblemKind::NotUtf8 => Some(Cause::NotUtf8),
            UnitProblemKind::UnreadableFile(error) => Some(Cause::Unreadable(error.to_string())),
            _ => None,
        }
    }

    /// Whether the unit, or one of its environment files, sets a variable.
    pub fn sets(&self, name: &str) -> bool {
        let set = self.variables().get(name).map(|variable| variable.origin);
        matches!(set, Some(VariableOrigin::Unit | VariableOrigin::File))
    }

    /// The variables in the command line that systemd sets itself.
    fn own_variables(&self) -> Vec<(String, Option<crate::facts::Source>)> {
        let own = |name: &str| {
            environment::is_set_by_systemd(name)
                || self.pass_environment.iter().any(|passed| passed == name)
        };
        let words = self.exec_start.first().map_or(&[][..], |first| &first.argv);
        let mut out = Vec::new();
        for word in words {
            for name in environment::references(&word.text) {
                if own(name) && !self.sets(name) {
                    out.push((name.to_owned(), word.source.clone()));
                }
            }
        }
        out
    }

    /// The variables of the service: inherited ones, then `Environment=`, then environment files. A later
    /// one wins, and `UnsetEnvironment=` is applied last.
    fn variables(&self) -> Variables {
        let mut variables = Variables::default();
        let files = self
            .environment_files
            .iter()
            .flat_map(|file| &file.files)
            .filter_map(|file| file.variables.as_ref().ok())
            .flatten();
        for variable in self
            .manager_environment
            .iter()
            .chain(&self.environment)
            .chain(files)
        {
            variables.set(variable.clone());
        }
        variables.without(&self.unset_environment)
    }
}

impl EnvironmentFile {
    /// The problems with the files.
    pub fn problems(&self) -> Vec<UnitProblem> {
        let mut out = Vec::new();
        let mut add = |kind| {
            let source = self.source.clone();
            out.push(UnitProblem { source, kind });
        };
        if self.files.is_empty() && !self.optional {
            add(UnitProblemKind::RequiredFile {
                path: self.pattern.clone(),
                why: "no such file".to_owned(),
            });
        }
        for EnvironmentContent { path, variables } in &self.files {
            let Err(fault) = variables else { continue };
            if !self.optional {
                add(UnitProblemKind::RequiredFile {
                    path: path.clone(),
                    why: fault.to_string(),
                });
            } else if !fault.is_absent() {
                add(UnitProblemKind::OptionalFile(fault.clone()));
            }
        }
        out
    }
}

impl super::EnvironmentFault {
    /// Whether the file does not exist.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Unreadable(error) if error.is_absent())
    }
}
