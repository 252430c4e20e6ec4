//! SARIF 2.1.0: what is not met, with file and line, for tools that show findings beside code.
//!
//! Controls that are met or do not apply are left out, because common viewers show every result as a finding.

use serde_json::{Value, json};

use super::{profile, remedy, waived};
use crate::audit::{Audit, Audited, ControlOutcome};
use crate::facts::Source;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// `/etc/a b` as a reference relative to the host's root: `etc/a%20b`.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.trim_start_matches('/')
        .bytes()
        .map(|byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

fn location(source: &Source) -> Value {
    let mut physical = json!({
        "artifactLocation": { "uri": uri(&source.path), "uriBaseId": "HOST" }
    });
    if let (Some(line), Some(object)) = (source.line, physical.as_object_mut()) {
        object.insert("region".to_owned(), json!({ "startLine": line }));
    }
    json!({ "physicalLocation": physical })
}

fn result(audited: &Audited, index: usize) -> Option<Value> {
    let (kind, level) = match audited.outcome {
        ControlOutcome::Fail => ("fail", "error"),
        ControlOutcome::Warn => ("fail", "warning"),
        ControlOutcome::Manual => ("review", "none"),
        ControlOutcome::Error | ControlOutcome::Pass | ControlOutcome::NotApplicable => {
            return None;
        }
    };
    let result = &audited.result;
    let help = remedy(audited);
    let text = if help.is_empty() {
        result.summary.clone()
    } else {
        format!("{}. Fix: {help}", result.summary)
    };
    let mut result = json!({
        "ruleId": audited.control.key,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": { "text": text },
        "locations": result.sources.iter().map(location).collect::<Vec<_>>(),
        "partialFingerprints": { "control/v1": audited.control.key },
    });
    if let (Some(why), Some(object)) = (waived(audited), result.as_object_mut()) {
        object.insert(
            "suppressions".to_owned(),
            json!([{ "kind": "external", "status": "accepted", "justification": why }]),
        );
    }
    Some(result)
}

/// The document, one line feed at its end.
pub fn render(audit: &Audit, shown: &[&Audited]) -> String {
    let rules: Vec<Value> = shown
        .iter()
        .map(|audited| {
            json!({
                "id": audited.control.key,
                "name": audited.edition.id,
                "shortDescription": { "text": audited.control.title },
                "properties": { "cis": audited.edition.id, "kind": audited.edition.scoring },
            })
        })
        .collect();
    let results: Vec<Value> = shown
        .iter()
        .enumerate()
        .filter_map(|(index, audited)| result(audited, index))
        .collect();
    let errors: Vec<&&Audited> = shown
        .iter()
        .filter(|audited| audited.outcome == ControlOutcome::Error)
        .collect();
    let notifications: Vec<Value> = errors
        .iter()
        .map(|audited| {
            json!({
                "level": "error",
                "message": { "text": audited.result.summary },
                "associatedRule": { "id": audited.control.key },
            })
        })
        .collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "preflight-rke2",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "automationDetails": { "id": format!("{}/{}", audit.unit, profile(audit.benchmark())) },
            "originalUriBaseIds": { "HOST": { "uri": "file:///" } },
            "invocations": [{
                "executionSuccessful": errors.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    });
    crate::text::json(&document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("/etc/a b/é:x"), "etc/a%20b/%C3%A9%3Ax");
    }
}
