//! Text in documents of XML and HTML.

use std::fmt::Write as _;

use crate::text::is_unprintable;

/// Text for XML 1.0 and HTML, in attributes as well: what may not stand there at all is shown as `\u{…}`.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c if is_unprintable(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_attribute() {
        assert_eq!(
            escape("a<b>\"c'&\n\u{1b}[0m\u{0}\u{7f}\u{9b}\u{202e}\u{fffe}"),
            "a&lt;b&gt;&quot;c&#39;&amp;&#10;\\u{1b}[0m\\u{0}\\u{7f}\\u{9b}\\u{202e}\\u{fffe}"
        );
    }
}
