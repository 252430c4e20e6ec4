//! What systemd would hand to the program: its words and its environment.

use super::environment::{self, Variables};
use super::{
    EnvironmentContent, EnvironmentFile, Problem, ProblemKind, UnitDefinition, Variable, Word,
};

/// A command ready to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The program.
    pub program: Word,
    /// The words after the program's own name.
    pub args: Vec<Word>,
    /// Every variable that is known to be set.
    pub environment: Vec<Variable>,
}

impl UnitDefinition {
    /// What would be started: the first command, variables expanded. `None` if the unit has no
    /// command, or one that the kernel would not run.
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

    /// Whether variables make the first command longer than the kernel runs.
    pub fn is_too_long(&self) -> bool {
        self.exec_start.first().is_some_and(|command| {
            command.expand && environment::expand(&command.argv, &self.variables()).is_err()
        })
    }

    /// The variables of the service: what it inherits, then `Environment=`, then the environment
    /// files; the later wins, and what `UnsetEnvironment=` lists goes last of all.
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
    /// What is wrong with the files behind it.
    pub fn problems(&self) -> Vec<Problem> {
        let mut out = Vec::new();
        let mut add = |kind| {
            let source = self.source.clone();
            out.push(Problem { source, kind });
        };
        if self.files.is_empty() && !self.optional {
            add(ProblemKind::RequiredFile {
                path: self.pattern.clone(),
                why: "no such file".to_owned(),
            });
        }
        for EnvironmentContent { path, variables } in &self.files {
            let Err(fault) = variables else { continue };
            if !self.optional {
                add(ProblemKind::RequiredFile {
                    path: path.clone(),
                    why: fault.to_string(),
                });
            } else if !fault.is_absent() {
                add(ProblemKind::OptionalFile(fault.clone()));
            }
        }
        out
    }
}

impl super::EnvironmentFault {
    /// Whether the file is simply not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Unreadable(error) if error.is_absent())
    }
}
