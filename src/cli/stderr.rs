//! Standard error.

use super::terminal::write_error;
use crate::text::printable;

/// Prints one line after the program's name. A line feed in the message, such as in a file name, is escaped.
pub(super) fn line(message: &str) {
    write_error(&format!("preflight-rke2: {}\n", printable(message)));
}

/// Prints lines of this program. What they quote is printable already.
pub(super) fn text(lines: &str) {
    write_error(lines);
}
