//! YAML to JSON as `sigs.k8s.io/yaml` does it (1.2.0 to 1.6.0, which agree).

use crate::yaml::scalar::Scalar;
use crate::yaml::{self, Any, AnyValue};

use super::Error;
use super::tree::{Node, Place, Value};

/// A YAML document as JSON.
pub(super) struct Converted {
    /// The document. Names of objects are sorted, and each is there once: JSON is written from Go's maps.
    pub(super) root: Node,
    /// What `YAMLToJSONStrict` refuses: names that are written twice.
    pub(super) duplicates: Option<(String, Option<Place>)>,
}

/// Converts the first document of a file.
pub(super) fn read(content: &[u8], file: usize) -> Result<Converted, Error> {
    let document = yaml::decode_any(content).map_err(|error| problem(error, file))?;
    let root = match &document.root {
        Some(root) => convert(root, file)?,
        None => Node::default(Value::Null),
    };
    let duplicates = document.duplicates.map(|error| {
        let place = error.line.map(|line| Place { file, line });
        (error.message, place)
    });
    Ok(Converted { root, duplicates })
}

fn problem(error: yaml::Error, file: usize) -> Error {
    if error.is_limit {
        return Error::Unknown(error.message);
    }
    let place = error.line.map(|line| Place { file, line });
    Error::refused(error.message, place)
}

fn convert(any: &Any, file: usize) -> Result<Node, Error> {
    let place = Place {
        file,
        line: any.line,
    };
    let value = match &any.value {
        AnyValue::Scalar(scalar) => value(scalar).ok_or_else(|| unsupported(scalar, place))?,
        AnyValue::List(items) => {
            let items: Result<Vec<Node>, Error> =
                items.iter().map(|item| convert(item, file)).collect();
            Value::List(items?)
        }
        AnyValue::Map(entries) => {
            let mut map: Vec<(String, Node)> = Vec::with_capacity(entries.len());
            for entry in entries {
                let place = Place {
                    file,
                    line: entry.line,
                };
                let name = name(&entry.key).ok_or_else(|| {
                    let words = format!(
                        "unsupported map key of type: {}, key: {}, value: {}",
                        type_of(&entry.key),
                        yaml::scalar_syntax(&entry.key),
                        yaml::syntax(&entry.value.value)
                    );
                    Error::refused(words, Some(place))
                })?;
                let value = convert(&entry.value, file)?.value;
                map.push((
                    name,
                    Node {
                        value,
                        place: Some(place),
                    },
                ));
            }
            // Stable: of two keys that become the same name, such as `1` and "1", the later one counts. In Go
            // that is left to chance.
            map.sort_by(|(one, _), (other, _)| one.cmp(other));
            map.reverse();
            map.dedup_by(|(one, _), (other, _)| one == other);
            map.reverse();
            Value::Map(map)
        }
    };
    Ok(Node {
        value,
        place: Some(place),
    })
}

/// The value of a scalar; `None` for a number that JSON does not have.
fn value(scalar: &Scalar) -> Option<Value> {
    Some(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Bool(*value),
        Scalar::Int(value) => Value::Number(value.to_string()),
        Scalar::Uint(value) => Value::Number(value.to_string()),
        Scalar::Float(value) => Value::Number(number(*value)?),
        Scalar::Text(text) | Scalar::Time(text) => Value::Text(text.clone()),
    })
}

fn unsupported(scalar: &Scalar, place: Place) -> Error {
    let shown = yaml::scalar_syntax(scalar);
    Error::refused(format!("json: unsupported value: {shown}"), Some(place))
}

/// A float as `encoding/json` writes it: without an exponent from 1e-6 up to 1e21.
fn number(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    if value == 0.0 || (1e-6..1e21).contains(&value.abs()) {
        return Some(value.to_string());
    }
    let text = format!("{value:e}");
    Some(match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    })
}

/// The name that a key becomes.
fn name(key: &Scalar) -> Option<String> {
    Some(match key {
        Scalar::Text(text) | Scalar::Time(text) => text.clone(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Bool(value) => value.to_string(),
        Scalar::Float(value) if value.is_nan() => ".nan".to_owned(),
        Scalar::Float(value) if value.is_infinite() && *value > 0.0 => ".inf".to_owned(),
        Scalar::Float(value) if value.is_infinite() => "-.inf".to_owned(),
        Scalar::Float(value) => yaml::scalar_syntax(&Scalar::Float(*value)),
        Scalar::Null | Scalar::Uint(_) => return None,
    })
}

const fn type_of(key: &Scalar) -> &'static str {
    match key {
        Scalar::Uint(_) => "uint64",
        _ => "%!s(<nil>)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match read(text.as_bytes(), 0) {
            Ok(converted) => converted.root.to_json().to_string(),
            Err(error) => error.words().to_owned(),
        }
    }

    #[test]
    fn yaml_becomes_json_as_kubernetes_has_it() {
        for (text, json) in [
            ("", "null"),
            ("b: yes\na: 0x10", r#"{"a":16,"b":true}"#),
            (
                "on: 1.0\n7: 1e3\n1.5: 2001-01-02",
                r#"{"1.5":"2001-01-02","7":1000,"true":1}"#,
            ),
            ("1: a\n'1': b", r#"{"1":"b"}"#),
            ("a: .inf", "json: unsupported value: +Inf"),
            (
                "~: 1",
                "unsupported map key of type: %!s(<nil>), key: <nil>, value: 1",
            ),
            ("a: 18446744073709551615", r#"{"a":18446744073709551615}"#),
            ("a: 1e30", r#"{"a":1e+30}"#),
        ] {
            assert_eq!(shown(text), json, "{text}");
        }
    }
}
