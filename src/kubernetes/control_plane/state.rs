//! What is known of a file that a component reads.

use super::options::Options;
use crate::kubernetes::{Cause, Failure};

/// A file that a component reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// It has this content.
    Content(Vec<u8>),
    /// There is no such file.
    Missing,
    /// It is there, or not: its content is not known.
    Unknown,
}

/// The files that a component reads, by the path that it is given.
pub(super) type Files<'a> = dyn Fn(&str) -> FileState + 'a;

/// The failure that a missing file is: `open PATH: no such file or directory` in the words of `message`.
pub(super) fn missing(path: &str, message: impl FnOnce(&str) -> String) -> Failure {
    Failure {
        message: message(&format!("open {path}: no such file or directory")),
        cause: Cause::File {
            path: path.to_owned(),
            line: None,
        },
        rests_on_names: false,
    }
}

/// A file that a flag names and that is not there.
pub(super) fn absent(
    options: &Options,
    files: &Files<'_>,
    flag: &str,
    words: impl FnOnce(&str) -> String,
) -> Option<Failure> {
    let path = options.text(flag, "");
    (!path.is_empty() && files(path) == FileState::Missing).then(|| missing(path, words))
}

/// The same where the program asks for the file before it opens it.
pub(super) fn absent_for_stat(
    options: &Options,
    files: &Files<'_>,
    flag: &str,
    words: impl FnOnce(&str) -> String,
) -> Option<Failure> {
    absent(options, files, flag, |error| {
        words(&error.replacen("open ", "stat ", 1))
    })
}
