//! YAML files of the repository, as JSON. Plain scalars stay text but for `true` and `false`.

use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value as Json};

/// A file of the repository.
pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Every document of a YAML file of the repository.
pub(crate) fn documents(path: &str) -> Vec<Json> {
    let text = text(path);
    let events: Vec<Event<'_>> = Parser::new_from_str(&text)
        .map(|event| event.unwrap_or_else(|error| panic!("{path}: {error}")).0)
        .collect();
    let mut events = events.into_iter();
    let mut documents = Vec::new();
    while let Some(event) = events.next() {
        if let Event::DocumentStart(_) = event {
            let first = events.next().unwrap();
            documents.push(node(first, &mut events, path));
        }
    }
    documents
}

fn node<'a>(event: Event<'a>, events: &mut impl Iterator<Item = Event<'a>>, path: &str) -> Json {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) if text == "true" || text == "false" => {
            Json::Bool(text == "true")
        }
        Event::Scalar(text, ..) => Json::String(text.into_owned()),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match events.next().unwrap() {
                    Event::SequenceEnd => return Json::Array(items),
                    event => items.push(node(event, events, path)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut map = Map::new();
            loop {
                let key = match events.next().unwrap() {
                    Event::MappingEnd => return Json::Object(map),
                    Event::Scalar(key, ..) => key.into_owned(),
                    other => panic!("{path}: {other:?} as a key"),
                };
                let event = events.next().unwrap();
                let value = node(event, events, path);
                assert!(
                    map.insert(key.clone(), value).is_none(),
                    "{path}: {key} twice"
                );
            }
        }
        other => panic!("{path}: {other:?}"),
    }
}
