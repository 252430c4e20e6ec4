//! Standard error.

use std::io::Write as _;

use crate::text::{output, printable};

/// One line, after the program's name. A line feed in the message (one of a file's name) begins none.
pub(super) fn line(message: &str) {
    text(&format!("preflight-rke2: {}\n", printable(message)));
}

/// Lines of this program's own. What they quote has been made printable.
pub(super) fn text(lines: &str) {
    // If standard error is closed there is nobody to tell.
    let _ = std::io::stderr().lock().write_all(output(lines).as_bytes());
}
