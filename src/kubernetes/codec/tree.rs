//! A document as JSON, with the place of each value.

use serde_json::{Map, Number};

/// Where a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which file, by the number that the caller gave it.
    pub file: usize,
    /// The line, from 1.
    pub line: u32,
}

/// A value and where it is written: for one of an object, where its name is.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// `None` for a default.
    pub place: Option<Place>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object: names, which can be there twice as long as it is not decoded, and values.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// A value that no file has.
    pub const fn default(value: Value) -> Self {
        Self { value, place: None }
    }

    /// What JSON calls its type.
    pub(super) const fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::Text(_) => "string",
            Value::List(_) => "array",
            Value::Map(_) => "object",
        }
    }

    /// A value of an object, the last of that name. `None` too where this is no object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => {
                let found = entries.iter().rev().find(|(key, _)| key == name);
                found.map(|(_, node)| node)
            }
            _ => None,
        }
    }

    /// A value by the names that lead to it, separated by dots: `authentication.anonymous.enabled`.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, name| node.get(name))
    }

    /// Sets a value of an object; nothing where this is none.
    pub fn set(&mut self, name: &str, node: Self) {
        let Value::Map(entries) = &mut self.value else {
            return;
        };
        match entries.iter_mut().find(|(key, _)| key == name) {
            Some((_, slot)) => *slot = node,
            None => entries.push((name.to_owned(), node)),
        }
    }

    /// Changes an object of an object, which is made where there is none; nothing where this is no object.
    pub fn change(&mut self, name: &str, change: impl FnOnce(&mut Self)) {
        let empty = || Self::default(Value::Map(Vec::new()));
        let Value::Map(entries) = &mut self.value else {
            return;
        };
        if let Some((_, inner)) = entries.iter_mut().find(|(key, _)| key == name) {
            if !matches!(inner.value, Value::Map(_)) {
                *inner = empty();
            }
            change(inner);
        } else {
            let mut inner = empty();
            change(&mut inner);
            entries.push((name.to_owned(), inner));
        }
    }

    /// Removes a value of an object.
    pub fn remove(&mut self, name: &str) {
        if let Value::Map(entries) = &mut self.value {
            entries.retain(|(key, _)| key != name);
        }
    }

    /// Without places. A number that is not finite is left out.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(text) => number(text).map_or(Json::Null, Json::Number),
            Value::Text(text) => Json::String(text.clone()),
            Value::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Map(entries) => {
                let mut map = Map::new();
                for (name, node) in entries {
                    map.insert(name.clone(), node.to_json());
                }
                Json::Object(map)
            }
        }
    }

    /// The tree of a JSON value. What `before` has too keeps its place.
    pub fn of_json(json: &serde_json::Value, before: Option<&Self>) -> Self {
        use serde_json::Value as Json;
        if let Some(before) = before
            && before.to_json() == *json
        {
            return before.clone();
        }
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => Value::Number(number.to_string()),
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => {
                Value::List(items.iter().map(|item| Self::of_json(item, None)).collect())
            }
            Json::Object(map) => Value::Map(
                map.iter()
                    .map(|(name, json)| {
                        let before = before.and_then(|before| before.get(name));
                        (name.clone(), Self::of_json(json, before))
                    })
                    .collect(),
            ),
        };
        Self::default(value)
    }
}

fn number(text: &str) -> Option<Number> {
    if let Ok(value) = text.parse::<i64>() {
        return Some(value.into());
    }
    if let Ok(value) = text.parse::<u64>() {
        return Some(value.into());
    }
    Number::from_f64(text.parse().ok()?)
}
