//! What is printed, and how it looks: the same for the programs of this source tree.

use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;

use crate::report::text::Style;
use crate::text::output;

/// When to colour the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How text looks on standard output.
pub fn style(color: Color, verbose: bool) -> Style {
    Style {
        color: colored(color),
        width: width(),
        verbose,
    }
}

/// Whether to colour standard output.
fn colored(when: Color) -> bool {
    match when {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
        }
    }
}

/// The columns of the terminal by `COLUMNS`, within reasonable bounds; else 100.
fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok();
    columns
        .and_then(|columns| columns.parse::<usize>().ok())
        .unwrap_or(100)
        .clamp(40, 200)
}

/// Prints to standard output. A closed pipe is no failure.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out
        .write_all(output(text).as_bytes())
        .and_then(|()| out.flush());
}

/// Prints lines to standard error. What they quote is printable already. If standard error is closed, they are lost.
pub fn write_error(lines: &str) {
    let _ = std::io::stderr().lock().write_all(output(lines).as_bytes());
}
