//! What `systemd-sysctl` leaves in the kernel at the next boot, for a few watched keys.
//!
//! Pure: a [`Tree`] of files in, a [`Resolution`] out. In steps:
//!
//! ```text
//! tree      the files, from the host          (tree)
//! syntax    one file to statements            (syntax; what differs by version: dialect)
//! resolve   all files to one word for a key   (table, resolve, glob)
//! kernel    what the kernel makes of the word (kernel)
//! others    the kernel command line, TuneD, `sysctl --system` (cmdline, tuned, procps)
//! versions  the same by each version of systemd, where the host's is not known
//! ```
//!
//! [`winning_name`] turns the question round: where would lines have to stand to win?

pub(crate) mod cmdline;
pub(crate) mod dialect;
pub(crate) mod glob;
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
