//! Waivers of a file: `[[audit.waiver]]`, as preflight-rke2 has them in its configuration.

use std::path::Path;

use preflight_rke2::shared::{Waiver, WaiverTable};
use serde::Deserialize;

use crate::control;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    audit: Audit,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Audit {
    #[serde(default)]
    waiver: Vec<WaiverTable>,
}

/// Reads a file. The error is one line that names the file.
#[expect(
    clippy::disallowed_methods,
    reason = "the user names the file: it is no file of the host that is judged"
)]
pub(super) fn read(path: &Path) -> Result<Vec<Waiver>, String> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    parse(&text).map_err(|message| format!("{shown}: {message}"))
}

fn parse(text: &str) -> Result<Vec<Waiver>, String> {
    let file: File = toml::from_str(text).map_err(|error| match error.span() {
        Some(span) => {
            let before = text.get(..span.start).unwrap_or("");
            let line = before.matches('\n').count().saturating_add(1);
            format!("line {line}: {}", error.message())
        }
        None => error.message().to_owned(),
    })?;
    let tables = file.audit.waiver.into_iter();
    tables.map(|table| table.checked(unknown_control)).collect()
}

/// Why section 5 has no control of a name; `None` of one that it has.
fn unknown_control(name: &str) -> Option<String> {
    if control::is_known(name) {
        return None;
    }
    let near = control::suggestion(name);
    let shown = name.escape_debug();
    Some(format!("section 5 has no control \"{shown}\"{near}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waivers_are_checked() {
        let one = |control: &str, reason: &str, expires: &str| {
            parse(&format!(
                "[[audit.waiver]]\ncontrol = \"{control}\"\nreason = \"{reason}\"\nexpires = \"{expires}\"\n"
            ))
        };
        let good = one("5.1.1", "two administrators", "2027-01-31").unwrap();
        assert_eq!(good[0].expires.to_string(), "2027-01-31");
        for (result, message) in [
            (
                one("rbac.secret", "x", "2027-01-31"),
                "section 5 has no control \"rbac.secret\"; did you mean \"rbac.secrets\"?",
            ),
            (
                one("5.1.1", " ", "2027-01-31"),
                "the waiver of 5.1.1 needs a reason",
            ),
            (
                one("5.1.1", "x", "2027-02-30"),
                "\"2027-02-30\" is not a date; write the expiry of the waiver of 5.1.1 like \"2027-01-31\"",
            ),
        ] {
            assert_eq!(result.unwrap_err(), message);
        }
        let unknown = parse("\n[audit]\nwaivers = []\n").unwrap_err();
        assert!(unknown.starts_with("line 3: "), "{unknown}");
    }
}
