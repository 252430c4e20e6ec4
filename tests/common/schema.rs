//! JSON Schema, as far as ours go.

use serde_json::{Map, Value as Json};

/// As much of JSON Schema (draft 2020-12) as the schemas use; a keyword it does not know is an
/// error. Stricter in one thing: a property that the schema does not describe is one too.
pub(crate) fn validate(schema: &Json, value: &Json, at: &str, wrong: &mut Vec<String>) {
    let mut say = |what: String| wrong.push(format!("{at}: {what}: {value}"));
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "type" => {
                let allowed = |name: &Json| is_a(value, name.as_str().unwrap());
                let fits = match rule.as_array() {
                    Some(names) => names.iter().any(allowed),
                    None => allowed(rule),
                };
                if !fits {
                    say(format!("not {rule}"));
                }
            }
            "const" if value != rule => say(format!("not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => say(format!("not in {rule}")),
            "minimum" if value.as_i64().is_some_and(|n| n < rule.as_i64().unwrap()) => {
                say(format!("under {rule}"));
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    let name = name.as_str().unwrap();
                    if value.as_object().is_some_and(|v| !v.contains_key(name)) {
                        say(format!("no {name}"));
                    }
                }
            }
            // Says nothing of the value, is followed below, or holds.
            "$schema"
            | "$id"
            | "title"
            | "description"
            | "properties"
            | "additionalProperties"
            | "items"
            | "const"
            | "enum"
            | "minimum" => {}
            "pattern" => assert!(PATTERNS.contains(&rule.as_str().unwrap()), "{rule}"),
            other => panic!("{at}: {other} is not known to this test"),
        }
    }
    let none = Map::new();
    let described = schema["properties"].as_object().unwrap_or(&none);
    for (name, inner) in value.as_object().unwrap_or(&none) {
        let rule = described.get(name).or(schema.get("additionalProperties"));
        match rule {
            Some(rule) => validate(rule, inner, &format!("{at}.{name}"), wrong),
            None => wrong.push(format!("{at}.{name} is not described")),
        }
    }
    for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
        match schema.get("items") {
            Some(rule) => validate(rule, inner, &format!("{at}[{index}]"), wrong),
            None => wrong.push(format!("{at}[{index}] is not described")),
        }
    }
    let pattern = schema.get("pattern").and_then(Json::as_str);
    if let (Some(pattern), Some(text)) = (pattern, value.as_str())
        && !matches(pattern, text)
    {
        wrong.push(format!("{at}: {text} does not match {pattern}"));
    }
}

fn is_a(value: &Json, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    }
}

const UNIT: &str = r"^rke2-(server|agent)\.service$";
const RELEASE: &str = r"^v[0-9]+\.[0-9]+\.[0-9]+\+rke2r[0-9]+$";
const ID: &str = r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*$";
const COUNT: &str = "^[0-9]+$";
const PATTERNS: [&str; 4] = [UNIT, RELEASE, ID, COUNT];

/// The patterns that the schemas use, in Rust.
fn matches(pattern: &str, text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    match pattern {
        COUNT => number(text),
        UNIT => ["rke2-server.service", "rke2-agent.service"].contains(&text),
        RELEASE => {
            let parts = text.strip_prefix('v').and_then(|t| t.split_once("+rke2r"));
            parts.is_some_and(|(version, revision)| {
                let numbers: Vec<&str> = version.split('.').collect();
                numbers.len() == 3 && numbers.into_iter().chain([revision]).all(number)
            })
        }
        _ => text.split('.').all(|part| {
            let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_-".contains(&c);
            !part.is_empty() && part.bytes().all(plain)
        }),
    }
}
