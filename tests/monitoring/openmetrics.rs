//! A strict reader of what both formats have in common: any text it takes is valid `OpenMetrics` 1.0 and
//! Prometheus 0.0.4. What both allow and we do not write (timestamps, exemplars, comments) it refuses.

use std::collections::{BTreeMap, BTreeSet};

/// A sample.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    /// Its name.
    pub(crate) name: String,
    /// Its labels, in order.
    pub(crate) labels: Vec<(String, String)>,
    /// Its value.
    pub(crate) value: f64,
}

impl Sample {
    /// The value of a label.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        let of_name = |(label, _): &&(String, String)| label == name;
        self.labels
            .iter()
            .find(of_name)
            .map(|(_, value)| value.as_str())
    }
}

/// A family: its type, where one is declared.
#[derive(Debug, Default)]
struct Family {
    help: bool,
    kind: Option<String>,
    samples: usize,
}

/// All samples, or the first line that is wrong and why.
pub(crate) fn parse(text: &str) -> Result<Vec<Sample>, String> {
    let body = text
        .strip_suffix("# EOF\n")
        .ok_or("no # EOF at the very end")?;
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut open = String::new();
    let mut samples = Vec::new();
    let mut series = BTreeSet::new();
    for line in body.split_terminator('\n') {
        let wrong = |why: &str| Err(format!("{why}: {line}"));
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (Some(keyword), Some(name), Some(said)) =
                (words.next(), words.next(), words.next())
            else {
                return wrong("neither HELP nor TYPE");
            };
            if !is_name(name) || name.contains(':') {
                return wrong("no name of ours");
            }
            if open != name && families.contains_key(name) {
                return wrong("a family in two places");
            }
            open = name.to_owned();
            let family = families.entry(open.clone()).or_default();
            if family.samples > 0 {
                return wrong("behind a sample");
            }
            match keyword {
                "HELP" if !family.help && !said.is_empty() && !said.contains(['\\', '"']) => {
                    family.help = true;
                }
                // The one type that both formats know under one name, and whose samples have the family's.
                "TYPE" if family.kind.is_none() && said == "gauge" && !name.ends_with("_total") => {
                    family.kind = Some(said.to_owned());
                }
                _ => return wrong("not expected here"),
            }
        } else {
            let sample = sample(line).map_err(|why| format!("{why}: {line}"))?;
            // Without a type, and with a gauge's, a sample has its family's name.
            if sample.name != open {
                return wrong("a sample outside its family");
            }
            let family = families.entry(open.clone()).or_default();
            family.samples += 1;
            if family.kind.is_none() && !(sample.value >= 0.0 && open.ends_with("_total")) {
                return wrong("neither gauge nor counter");
            }
            if !series.insert((sample.name.clone(), sample.labels.clone())) {
                return wrong("twice");
            }
            samples.push(sample);
        }
    }
    match families.iter().find(|(_, f)| f.samples == 0 || !f.help) {
        Some((name, _)) => Err(format!("{name} has no sample or no help")),
        None => Ok(samples),
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    chars.next().is_some_and(first) && chars.all(|c| first(c) || c.is_ascii_digit())
}

fn sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    if !is_name(name) {
        return Err("no name".to_owned());
    }
    let mut labels: Vec<(String, String)> = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or("no label")?;
            if !is_name(label) || label.starts_with("__") || labels.iter().any(|(l, _)| l == label)
            {
                return Err(format!("no label of ours: {label}"));
            }
            let (value, after) = quoted(after)?;
            labels.push((label.to_owned(), value));
            rest = match after.strip_prefix(',') {
                Some(more) => more,
                None => break rest = after.strip_prefix('}').ok_or("no }")?,
            };
        }
    }
    let value = rest.strip_prefix(' ').ok_or("no value")?;
    let plain = |c: char| c.is_ascii_digit() || c == '.';
    if !value.chars().all(plain) {
        return Err("a value we do not write".to_owned());
    }
    Ok(Sample {
        name: name.to_owned(),
        labels,
        value: value.parse().map_err(|error| format!("{error}"))?,
    })
}

/// A value up to its closing quote, unescaped, and what follows.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                Some((_, 'n')) => value.push('\n'),
                _ => return Err("an unknown escape".to_owned()),
            },
            c if c.is_control() => return Err("a control character".to_owned()),
            c => value.push(c),
        }
    }
    Err("no closing quote".to_owned())
}

#[test]
fn it_is_strict() {
    const GOOD: &str =
        "# HELP a A.\n# TYPE a gauge\na{l=\"x\\\\\"} 1\na 2\n# HELP b_total B.\nb_total 3\n# EOF\n";
    let good = parse(GOOD).unwrap();
    assert_eq!(good.len(), 3);
    assert_eq!(good[0].label("l"), Some("x\\"));
    for (old, new) in [
        ("# EOF\n", ""),
        ("# EOF\n", "# EOF"),
        ("# EOF\n", "# EOF\n\n"),
        ("a 2", ""),
        ("a 2", "a 2 3"),
        ("a 2", "a  2"),
        ("a 2", "a NaN"),
        ("a 2", "a 2\na 2"),
        ("a 2", "c 2"),
        ("a 2", "a{} 2"),
        ("a 2", "a{l=\"\"\"} 2"),
        ("a 2", "a{l=\"\\x\"} 2"),
        ("a 2", "a{l=\"\r\"} 2"),
        ("a 2", "a{l=\"x\n\"} 2"),
        ("a 2", "a{l=\"x\",} 2"),
        ("a 2", "a{l=\"x\",l=\"y\"} 2"),
        ("a 2", "a{-=\"x\"} 2"),
        ("a 2", "a 2\n# TYPE a gauge"),
        ("# TYPE a gauge\n", ""),
        ("# TYPE a gauge", "# TYPE a counter"),
        (
            "# HELP b_total B.",
            "# HELP b_total B.\n# TYPE b_total gauge",
        ),
        ("# HELP a A.\n", ""),
        ("b_total 3\n", ""),
        ("b_total 3\n", "b_total 3\na{l=\"z\"} 1\n"),
    ] {
        let bad = GOOD.replacen(old, new, 1);
        assert_ne!(bad, GOOD);
        assert!(parse(&bad).is_err(), "{bad}");
    }
}
