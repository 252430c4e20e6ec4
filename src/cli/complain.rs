//! Standard error.

use std::io::Write as _;

use crate::text::printable;

/// One line, after the program's name.
pub(super) fn line(message: &str) {
    text(&format!("preflight-rke2: {message}\n"));
}

/// Lines of text. What was typed, or read from the host, can hold more than text.
pub(super) fn text(message: &str) {
    let lines: Vec<String> = message.split('\n').map(printable).collect();
    // If standard error is closed there is nobody to tell.
    let _ = std::io::stderr()
        .lock()
        .write_all(lines.join("\n").as_bytes());
}
