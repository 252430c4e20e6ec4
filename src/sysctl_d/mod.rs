//! The values of a few watched kernel parameters after the next boot.
//!
//! Pure: a [`Tree`] of files in, a [`Resolution`] out. The steps:
//!
//! ```text
//! tree      the files, from the host          (tree)
//! syntax    one file to statements            (syntax; what differs by version: dialect)
//! resolve   all files to one assignment       (table, resolve; crate::glob)
//! kernel    the effect of the assignment      (kernel)
//! others    kernel command line, TuneD, `sysctl --system` (cmdline, tuned, procps)
//! versions  the same for each version of systemd, if the host's is unknown
//! ```
//!
//! [`winning_name`] answers the reverse question: which file name makes a set of lines win?

pub(crate) mod cmdline;
pub(crate) mod dialect;
pub(crate) mod kernel;
mod placement;
mod procps;
mod resolution;
mod resolve;
pub(crate) mod syntax;
mod table;
mod tree;
pub(crate) mod tuned;
pub(crate) mod versions;

pub use dialect::Dialect;
pub(crate) use placement::Prevented;
pub use placement::winning_name;
pub(crate) use resolution::{Assignment, KeyResolution, SourceLine, Via};
pub use resolution::{OverrideReason, Resolution, SysctlProblemKind};
pub use resolve::resolve;
pub use tree::{Content, Directory, File, SearchDirectory, Tree, Tuned};

#[cfg(test)]
mod tests;
