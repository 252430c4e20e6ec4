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
//! ```
//!
//! [`winning_name`] turns the question round: where would lines have to stand to win?

pub mod cmdline;
pub mod dialect;
pub mod glob;
pub mod kernel;
mod next_boot;
mod placement;
mod procps;
mod resolve;
pub mod syntax;
mod table;
mod tree;
pub mod tuned;

pub use dialect::Dialect;
pub use next_boot::{
    Assignment, Deaf, Disagreement, Line, NextBoot, Overridden, Problem, Resolution, Trouble,
    Unheard, Via, Why,
};
pub use placement::{Placement, Prevented, winning_name};
pub use resolve::resolve;
pub use tree::{Content, Directory, File, Place, Tree};

#[cfg(test)]
mod tests;
