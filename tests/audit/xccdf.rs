//! XCCDF 1.2, compared with what its schema (`xccdf_1.2.xsd`) requires of the elements that are used: their order, their
//! attributes, the words and ids that these take, and what refers to what.

use std::collections::HashSet;

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::rke2::role::Role;
use roxmltree::Node as Element;
use serde_json::Value as Json;

use crate::command::run;
use crate::node::{Care, DATA, Node};

const NAMESPACE: &str = "http://checklists.nist.gov/xccdf/1.2";

/// An element: its name, required attributes, and its children in the order of the schema with how many there may be at
/// least and at most.
type Rule = (
    &'static str,
    &'static [&'static str],
    &'static [(&'static str, usize, usize)],
);

const MANY: usize = usize::MAX;

const RULES: &[Rule] = &[
    (
        "Benchmark",
        &["id"],
        &[
            ("status", 1, MANY),
            ("title", 0, MANY),
            ("version", 1, 1),
            ("Group", 0, MANY),
            ("TestResult", 0, MANY),
        ],
    ),
    ("Group", &["id"], &[("title", 0, MANY), ("Rule", 0, MANY)]),
    ("Rule", &["id"], &[("title", 0, MANY), ("ident", 0, MANY)]),
    ("ident", &["system"], &[]),
    (
        "TestResult",
        &["id", "end-time"],
        &[
            ("benchmark", 0, 1),
            ("title", 0, MANY),
            ("target", 1, MANY),
            ("target-facts", 0, 1),
            ("rule-result", 1, MANY),
            ("score", 1, MANY),
        ],
    ),
    ("benchmark", &["href"], &[]),
    ("target-facts", &[], &[("fact", 0, MANY)]),
    ("fact", &["name", "type"], &[]),
    (
        "rule-result",
        &["idref"],
        &[
            ("result", 1, 1),
            ("override", 0, MANY),
            ("ident", 0, MANY),
            ("message", 0, MANY),
            ("fix", 0, MANY),
        ],
    ),
    (
        "override",
        &["time", "authority"],
        &[("old-result", 1, 1), ("new-result", 1, 1), ("remark", 1, 1)],
    ),
    ("message", &["severity"], &[]),
    ("score", &[], &[]),
];

const RESULTS: [&str; 9] = [
    "pass",
    "fail",
    "error",
    "unknown",
    "notapplicable",
    "notchecked",
    "notselected",
    "informational",
    "fixed",
];

fn is_time(text: &str) -> bool {
    let shape = "0000-00-00T00:00:00Z";
    text.len() == shape.len()
        && text.chars().zip(shape.chars()).all(|(c, of)| {
            if of == '0' {
                c.is_ascii_digit()
            } else {
                c == of
            }
        })
}

fn valid(element: Element<'_, '_>) {
    let name = element.tag_name().name();
    assert_eq!(element.tag_name().namespace(), Some(NAMESPACE), "{name}");
    let (attributes, children) = RULES
        .iter()
        .find(|rule| rule.0 == name)
        .map_or((&[][..], &[][..]), |(_, attributes, children)| {
            (*attributes, *children)
        });
    for attribute in attributes {
        assert!(
            element.attribute(*attribute).is_some(),
            "{name} has no {attribute}"
        );
    }
    for attribute in element.attributes() {
        let value = attribute.value();
        let fits = match attribute.name() {
            "id" if name != "benchmark" => {
                let kind = name.to_lowercase();
                let before = format!("xccdf_org.rke2.preflight_{kind}_");
                let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                value.len() > before.len()
                    && value.starts_with(&before)
                    && value.chars().all(is_name)
            }
            "role" => ["full", "unscored", "unchecked"].contains(&value),
            "severity" if name == "message" => ["error", "warning", "info"].contains(&value),
            "severity" => ["unknown", "info", "low", "medium", "high"].contains(&value),
            "time" | "start-time" | "end-time" => is_time(value),
            "selected" => ["true", "false"].contains(&value),
            _ => true,
        };
        assert!(fits, "{name} {}=\"{value}\"", attribute.name());
    }
    if ["result", "old-result", "new-result"].contains(&name) {
        assert!(RESULTS.contains(&element.text().unwrap()), "{element:?}");
    }
    let inner: Vec<Element<'_, '_>> = element.children().filter(Element::is_element).collect();
    let order = |child: &Element<'_, '_>| {
        let place = children
            .iter()
            .position(|(known, ..)| *known == child.tag_name().name());
        place.unwrap_or_else(|| panic!("{} in {name}", child.tag_name().name()))
    };
    assert!(inner.iter().map(order).is_sorted(), "the order in {name}");
    for (child, least, most) in children {
        let count = inner
            .iter()
            .filter(|one| one.tag_name().name() == *child)
            .count();
        assert!(
            (*least..=*most).contains(&count),
            "{count} {child} in {name}"
        );
    }
    for child in inner {
        valid(child);
    }
}

#[test]
fn xccdf_is_as_its_schema_has_it() {
    let mut words = HashSet::new();
    for benchmark in Benchmark::ALL {
        for role in Role::ALL {
            for care in [Care::Guide, Care::Permissive] {
                let mut node = Node::new(benchmark, role, care);
                node.files.insert(
                    "/etc/preflight-rke2/config.toml".to_owned(),
                    "[[audit.waiver]]\ncontrol = \"etcd.datadir.owner\"\nreason = \"a < b & \\\"c\\\"\"\nexpires = \"9999-12-31\"\n"
                        .to_owned(),
                );
                if care == Care::Permissive {
                    let odd = "/etc/cni/net.d/a b<&\">'\u{1b}[31m\u{e9}.conf";
                    node.files.insert(odd.to_owned(), "x".to_owned());
                    node.modes.insert(odd.to_owned(), 0o666);
                    node.files
                        .insert(format!("{DATA}/server/db/etcd/config"), "a: [\n".to_owned());
                }
                let built = node.build();
                let text = run(&built, &node, &["--format", "xccdf"]).out;
                let json: Json =
                    serde_json::from_str(&run(&built, &node, &["--format", "json"]).out).unwrap();
                words.extend(agrees(&text, &json));
            }
        }
    }
    for word in [
        "pass",
        "fail",
        "error",
        "notapplicable",
        "notchecked",
        "informational",
    ] {
        assert!(words.contains(word), "{word}: {words:?}");
    }
    let node = Node::new(Benchmark::V1_12, Role::Server, Care::Full);
    let empty = run(
        &node.build(),
        &node,
        &["--format", "xccdf", "--show", "fail"],
    )
    .out;
    valid(roxmltree::Document::parse(&empty).unwrap().root_element());
}

/// The document is valid and says what the JSON does; its words for results.
fn agrees(text: &str, json: &Json) -> HashSet<String> {
    let document =
        roxmltree::Document::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "Benchmark");
    valid(root);
    let of = |name: &str| {
        let name = name.to_owned();
        root.descendants()
            .filter(move |element| element.has_tag_name((NAMESPACE, name.as_str())))
    };
    let ids: Vec<&str> = of("Rule")
        .map(|rule| rule.attribute("id").unwrap())
        .collect();
    let unique: HashSet<&&str> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    let controls = json["controls"].as_array().unwrap();
    assert_eq!(ids.len(), controls.len());
    let mut words = HashSet::new();
    for (result, control) in of("rule-result").zip(controls) {
        let idref = result.attribute("idref").unwrap();
        assert!(ids.contains(&idref), "{idref}");
        assert!(idref.ends_with(&format!("_rule_{}", control["key"].as_str().unwrap())));
        let word = result
            .children()
            .find(|child| child.has_tag_name((NAMESPACE, "result")));
        let word = word.unwrap().text().unwrap();
        let is_waived = control["waiver"]["expired"] == false;
        let expected = match control["outcome"].as_str().unwrap() {
            "fail" | "warn" if is_waived => "informational",
            "pass" => "pass",
            "fail" | "warn" => "fail",
            "error" => "error",
            "manual" => "notchecked",
            _ => "notapplicable",
        };
        assert_eq!(word, expected, "{idref}");
        words.insert(word.to_owned());
    }
    let score = of("score").next().unwrap();
    let number = |text: Option<&str>| text.unwrap().parse::<u32>().unwrap();
    assert!(number(score.text()) <= number(score.attribute("maximum")));
    words
}
