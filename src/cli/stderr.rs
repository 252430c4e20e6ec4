//! Standard error.

use std::io::Write as _;

use crate::text::{output, printable};

/// Prints one line after the program's name. A line feed in the message, such as in a file name, is escaped.
pub(super) fn line(message: &str) {
    text(&format!("preflight-rke2: {}\n", printable(message)));
}

/// Prints lines of this program. What they quote is printable already.
pub(super) fn text(lines: &str) {
    // If standard error is closed, the text is lost.
    let _ = std::io::stderr().lock().write_all(output(lines).as_bytes());
}
