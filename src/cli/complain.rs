//! Standard error.

use std::io::Write as _;

/// One line, after the program's name.
pub(super) fn line(message: &str) {
    text(&format!("preflight-rke2: {message}\n"));
}

/// Text as it is.
pub(super) fn text(message: &str) {
    // If standard error is closed there is nobody to tell.
    let _ = std::io::stderr().lock().write_all(message.as_bytes());
}
