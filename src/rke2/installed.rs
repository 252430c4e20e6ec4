//! Which RKE2 is installed, how that is known, and what stood in the way of knowing better.

use std::fmt;

use crate::facts::{ReadError, Source};
use crate::rke2::releases::{self, Coverage};
use crate::rke2::version::Version;

/// How the version is known, most certain first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionSource {
    /// The option `--rke2-version`.
    Option,
    /// Build information in the program that the unit starts.
    Binary,
    /// That program's answer to `--version`.
    Command,
    /// The package it was installed by.
    Package,
    /// What RKE2 last unpacked into its data directory. After an upgrade that is not what starts next.
    DataDir,
    /// Nothing: the newest known release is assumed.
    Assumed,
}

impl VersionSource {
    /// Its value in JSON (`rke2_version_source`).
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
    /// The file that names the version, where one does.
    pub evidence: Option<Source>,
    /// The Go it was built with, where that was seen: `go1.24.6 X:boringcrypto`.
    pub go: Option<String>,
}

impl InstalledVersion {
    /// The releases whose rules may apply.
    pub(crate) fn coverage(&self) -> Coverage {
        match self.source {
            VersionSource::Assumed | VersionSource::DataDir => Coverage::Any,
            _ => releases::coverage(&self.version),
        }
    }
}

/// What was found out about the installed version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detection {
    /// The version, if it could be determined.
    pub installed: Option<InstalledVersion>,
    /// Why a better source does not name it: for advice, never a reason to refuse a start.
    pub notes: Vec<Note>,
}

/// Why a source does not name RKE2's version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// The unit names no program, and none is where RKE2's installers put it.
    #[error("no rke2 program found in {}", .places.join(", "))]
    NoProgram {
        /// Where it was searched.
        places: &'static [&'static str],
    },
    /// A file or link could not be read.
    #[error("{0}")]
    Unreadable(#[from] ReadError),
    /// The program's path is not an absolute one.
    #[error("{path}: not an absolute path, so the program is not known")]
    NotAbsolute {
        /// The path as it was named.
        path: String,
    },
    /// The program is a script or similar. It is not run, because it may start RKE2 whatever its arguments.
    #[error(
        "{path}: not an ELF program but perhaps a script around RKE2, and not run for its version; pass the version with --rke2-version"
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
    #[error("{path}: has \"{}\", which is not an RKE2 version; pass it as v1.34.1+rke2r1 with --rke2-version", .text.escape_debug())]
    NotAVersion {
        /// The file that names it.
        path: String,
        /// What it names.
        text: String,
    },
    /// The program was not run, because another user could have written it.
    #[error("{path}: not run for its version: {reason}")]
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

/// Why running a program with `--version` failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandFailure {
    /// It could not be started or listened to.
    #[error("{0}")]
    System(String),
    /// It was still running at the deadline, and was killed.
    #[error("no answer within {0} ms")]
    Deadline(u128),
    /// It printed far too much.
    #[error("it printed more than {0} bytes")]
    TooLong(usize),
    /// It failed.
    #[error("{0}")]
    Status(String),
    /// Its output names no version.
    #[error("its output names no version")]
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
            text.starts_with("/usr/bin/rke2: has \"v1\\n\\u{1b}[31m\""),
            "{text}"
        );
        assert!(text.contains("--rke2-version"));
    }
}
