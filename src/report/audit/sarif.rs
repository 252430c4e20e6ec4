//! SARIF 2.1.0: what is not met, with file and line or with the objects of a cluster, for tools that show findings beside code.
//!
//! Controls that are met or do not apply are left out, because common viewers show every result as a finding.

use serde_json::{Value, json};

use super::profile;
use super::row::{Row, Subject, rows};
use crate::audit::benchmark::Benchmark;
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

/// Files of the host, and objects of a cluster, which have no file.
fn locations(row: &Row) -> Vec<Value> {
    let files = row.sources.iter().map(location);
    let objects = row
        .objects
        .iter()
        .map(|object| json!({ "logicalLocations": [{ "fullyQualifiedName": object }] }));
    files.chain(objects).collect()
}

fn result(row: &Row, index: usize) -> Option<Value> {
    let (kind, level) = match row.outcome {
        ControlOutcome::Fail => ("fail", "error"),
        ControlOutcome::Warn => ("fail", "warning"),
        ControlOutcome::Manual => ("review", "none"),
        ControlOutcome::Error | ControlOutcome::Pass | ControlOutcome::NotApplicable => {
            return None;
        }
    };
    let text = if row.remedy.is_empty() {
        row.summary.clone()
    } else {
        format!("{}. Fix: {}", row.summary, row.remedy)
    };
    let mut result = json!({
        "ruleId": row.key,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": { "text": text },
        "locations": locations(row),
        "partialFingerprints": { "control/v1": row.key },
    });
    if let (Some(why), Some(object)) = (&row.waived, result.as_object_mut()) {
        object.insert(
            "suppressions".to_owned(),
            json!([{ "kind": "external", "status": "accepted", "justification": why }]),
        );
    }
    Some(result)
}

/// The document of a node.
pub fn render(audit: &Audit, shown: &[&Audited]) -> String {
    let subject = Subject::Unit(audit.unit);
    document(subject, audit.benchmark(), &rows(shown))
}

/// The document, one line feed at its end.
pub fn document(subject: Subject<'_>, benchmark: Benchmark, shown: &[Row]) -> String {
    let rules: Vec<Value> = shown
        .iter()
        .map(|row| {
            json!({
                "id": row.key,
                "name": row.id,
                "shortDescription": { "text": row.title },
                "properties": { "cis": row.id, "kind": row.scoring },
            })
        })
        .collect();
    let results: Vec<Value> = shown
        .iter()
        .enumerate()
        .filter_map(|(index, row)| result(row, index))
        .collect();
    let notifications: Vec<Value> = shown
        .iter()
        .filter(|row| row.outcome == ControlOutcome::Error)
        .map(|row| {
            json!({
                "level": "error",
                "message": { "text": row.summary },
                "associatedRule": { "id": row.key },
            })
        })
        .collect();
    let bases = match subject {
        Subject::Unit(_) => json!({ "HOST": { "uri": "file:///" } }),
        Subject::Cluster(_) => json!({}),
    };
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": subject.program(),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "automationDetails": { "id": format!("{}/{}", subject.name(), profile(benchmark)) },
            "originalUriBaseIds": bases,
            "invocations": [{
                "executionSuccessful": notifications.is_empty(),
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
