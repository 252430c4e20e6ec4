//! JUnit's XML, read back.

use serde_json::{Value as Json, json};

/// An element as an object: attributes, children by name, text.
fn element(node: roxmltree::Node<'_, '_>) -> Json {
    let mut object = serde_json::Map::new();
    for attribute in node.attributes() {
        object.insert(format!("@{}", attribute.name()), attribute.value().into());
    }
    for child in node.children() {
        if child.is_element() {
            let list = object
                .entry(child.tag_name().name())
                .or_insert_with(|| json!([]));
            list.as_array_mut().unwrap().push(element(child));
        } else if let Some(text) = child.text().filter(|text| !text.trim().is_empty()) {
            object.insert("#text".to_owned(), text.into());
        }
    }
    object.into()
}

/// The document as an object. Fails unless it is XML whose suites have the numbers of their cases.
pub(crate) fn read(text: &str) -> Json {
    let document =
        roxmltree::Document::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let root = document.root_element();
    for suite in root
        .children()
        .filter(|child| child.has_tag_name("testsuite"))
    {
        let cases: Vec<_> = suite
            .children()
            .filter(|child| child.has_tag_name("testcase"))
            .collect();
        let with = |name: &str| {
            let has = |case: &&roxmltree::Node<'_, '_>| {
                case.children().any(|child| child.has_tag_name(name))
            };
            cases.iter().filter(has).count().to_string()
        };
        assert_eq!(
            suite.attribute("tests"),
            Some(cases.len().to_string().as_str())
        );
        for (attribute, name) in [
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ] {
            assert_eq!(
                suite.attribute(attribute),
                Some(with(name).as_str()),
                "{attribute}"
            );
        }
    }
    json!({ root.tag_name().name(): [element(root)] })
}
