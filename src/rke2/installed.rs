//! Which RKE2 is installed, how that is known, and what stood in the way of knowing better.

use std::fmt;

use crate::facts::{ReadError, Source};
use crate::rke2::version::Version;

/// How the version is known, most certain first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionSource {
    /// The operator said so (`--rke2-version`).
    Option,
    /// Build information in the program that the unit starts.
    Binary,
    /// That program's answer to `--version`.
    Command,
    /// The package it was installed by.
    Package,
    /// What RKE2 last unpacked into its data folder. After an upgrade that is not what starts next.
    DataDir,
    /// Nothing told: taken to be the newest release known.
    Assumed,
}

impl VersionSource {
    /// The word for it in JSON (`rke2_version_source`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Option => "option",
            Self::Binary => "binary",
            Self::Command => "command",
            Self::Package => "package",
            Self::DataDir => "data-dir",
            Self::Assumed => "assumed",
        }
    }
}

impl fmt::Display for VersionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The RKE2 that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledVersion {
    /// Its version.
    pub version: Version,
    /// How that is known.
    pub source: VersionSource,
    /// The file that told, where one did.
    pub evidence: Option<Source>,
    /// The Go it was built with, where that was seen: `go1.24.6 X:boringcrypto`.
    pub go: Option<String>,
}

/// What was found out about the installed version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detection {
    /// The version, if anything told it.
    pub installed: Option<InstalledVersion>,
    /// Why a better source did not tell: matter for advice, never for refusing a start.
    pub notes: Vec<Note>,
}

/// Why a source did not tell RKE2's version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// No program was named, and none stands where RKE2's installers put it.
    #[error("no rke2 program found in {}", .places.join(", "))]
    NoProgram {
        /// Where it was looked for.
        places: &'static [&'static str],
    },
    /// A file or link could not be read.
    #[error("{0}")]
    Unreadable(#[from] ReadError),
    /// The program's path is not an absolute one.
    #[error("{path}: not an absolute path, so it is not known which program that is")]
    NotAbsolute {
        /// The path as it was named.
        path: String,
    },
    /// The program is a script or the like. It is not asked, for it may start RKE2 whatever it is asked.
    #[error(
        "{path}: not an ELF program but perhaps a script around RKE2, and not run to ask for its version; name it with --rke2-version"
    )]
    NotElf {
        /// The file.
        path: String,
    },
    /// The program holds no build information that names RKE2's version.
    #[error("{path}: holds no build information that names RKE2's version")]
    NoVersion {
        /// The file.
        path: String,
    },
    /// A source names something that is not a release of RKE2.
    #[error("{path}: says \"{}\", which is not an RKE2 version; write it like v1.34.1+rke2r1 with --rke2-version", .text.escape_debug())]
    NotAVersion {
        /// The file that says so.
        path: String,
        /// What it says.
        text: String,
    },
    /// The program was not run, because it could be another's.
    #[error("{path}: not run to ask for its version: {reason}")]
    NotTrusted {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The program was run and did not answer.
    #[error("{path} --version: {failure}")]
    CommandFailed {
        /// The file.
        path: String,
        /// What happened instead.
        failure: CommandFailure,
    },
}

/// Why a program's answer to `--version` was not had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandFailure {
    /// It could not be started or listened to.
    #[error("{0}")]
    System(String),
    /// It was still running at the deadline, and was killed.
    #[error("no answer within {0} ms")]
    Deadline(u128),
    /// It said far too much.
    #[error("more than {0} bytes of answer")]
    TooLong(usize),
    /// It failed.
    #[error("{0}")]
    Status(String),
    /// What it said names no version.
    #[error("the answer names no version")]
    NoVersion,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_json_contract() {
        for (source, word) in [
            (VersionSource::Option, "option"),
            (VersionSource::Binary, "binary"),
            (VersionSource::Command, "command"),
            (VersionSource::Package, "package"),
            (VersionSource::DataDir, "data-dir"),
            (VersionSource::Assumed, "assumed"),
        ] {
            assert_eq!(source.to_string(), word);
        }
    }

    #[test]
    fn notes_name_the_file_and_keep_to_a_line() {
        let note = Note::NotAVersion {
            path: "/usr/bin/rke2".into(),
            text: "v1\n\u{1b}[31m".into(),
        };
        let text = note.to_string();
        assert!(
            text.starts_with("/usr/bin/rke2: says \"v1\\n\\u{1b}[31m\""),
            "{text}"
        );
        assert!(text.contains("--rke2-version"));
    }
}
