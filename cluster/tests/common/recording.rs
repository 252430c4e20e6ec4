//! What the API server of a minor answered, and the outcomes of an audit of it: `cluster/tests/record` writes it, the test
//! `recorded` replays it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

/// The minors that are recorded, and the benchmarks in which each is judged: that of the release, and those that have no
/// minor of their own here or that a source names for the minor.
pub(crate) const MINORS: &[(&str, &[&str])] = &[
    ("1.24", &["1.6", "1.23", "1.24"]),
    ("1.28", &["1.7", "1.8", "1.9", "1.10"]),
    ("1.30", &["1.11"]),
    ("1.33", &["1.12"]),
    ("1.35", &["1.12", "2.0"]),
    ("1.36", &["1.12", "2.0"]),
    ("1.37", &["2.0"]),
];

/// Objects by kind, namespace and name: `Pod web/api`.
pub(crate) type Objects = BTreeMap<String, Value>;

/// The outcomes of controls by their keys.
pub(crate) type Outcomes = BTreeMap<String, String>;

/// What a server answered in several states of its cluster.
#[derive(Debug, Deserialize)]
pub(crate) struct Recording {
    /// `gitVersion` of `/version`.
    pub(crate) version: String,
    /// The lists that the server has: version and kind of their objects.
    pub(crate) lists: Vec<(String, String)>,
    /// The first is the hardened cluster, with everything. Others are what differs from it.
    pub(crate) states: Vec<State>,
}

/// A state of a cluster.
#[derive(Debug, Deserialize)]
pub(crate) struct State {
    /// The key of the control that is broken, and what breaks it in brackets where that is not the only way.
    pub(crate) name: String,
    /// By benchmark: all outcomes, or those that differ from the first state's.
    pub(crate) outcomes: BTreeMap<String, Outcomes>,
    /// Objects of the first state that are not there.
    pub(crate) gone: Vec<String>,
    /// Objects that are there, or are otherwise.
    pub(crate) put: Vec<Value>,
}

impl State {
    /// The key of the control that is broken.
    pub(crate) fn control(&self) -> &str {
        let (key, _) = self.name.split_once(" (").unwrap_or((&self.name, ""));
        key
    }
}

/// The outcomes of a report of `audit --format json`.
pub(crate) fn outcomes(report: &Value) -> Outcomes {
    let controls = report["controls"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    controls
        .map(|control| (text(&control["key"]), text(&control["outcome"])))
        .collect()
}

/// The kind, namespace and name of an object.
pub(crate) fn id(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let (kind, name) = (text(&object["kind"]), text(&metadata["name"]));
    match text(&metadata["namespace"]).as_str() {
        "" => format!("{kind} {name}"),
        namespace => format!("{kind} {namespace}/{name}"),
    }
}

impl Recording {
    /// Where that of a minor is.
    pub(crate) fn path(minor: &str) -> PathBuf {
        let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
        all.join(format!("{minor}.json"))
    }

    /// Everything that is there in a state.
    pub(crate) fn objects(&self, state: &State) -> Objects {
        let mut objects: Objects = self.states[0]
            .put
            .iter()
            .map(|object| (id(object), object.clone()))
            .collect();
        objects.retain(|id, _| !state.gone.contains(id));
        for object in &state.put {
            objects.insert(id(object), object.clone());
        }
        objects
    }

    /// The outcomes of a state in a benchmark.
    pub(crate) fn outcomes(&self, state: &State, benchmark: &str) -> Outcomes {
        let mut outcomes = self.states[0].outcomes[benchmark].clone();
        outcomes.extend(state.outcomes[benchmark].clone());
        outcomes
    }

    /// Writes a state as the API's own lists, one file each, for `--from`.
    pub(crate) fn dump(&self, state: &State, directory: &Path) {
        let version = json!({ "gitVersion": self.version });
        std::fs::write(directory.join("version.json"), version.to_string()).unwrap();
        let objects = self.objects(state);
        for (api_version, kind) in &self.lists {
            let items: Vec<&Value> = objects
                .values()
                .filter(|object| object["kind"] == *kind)
                .collect();
            let list = json!({
                "kind": format!("{kind}List"), "apiVersion": api_version, "metadata": {}, "items": items,
            });
            std::fs::write(directory.join(format!("{kind}.json")), list.to_string()).unwrap();
        }
    }

    /// Adds a state: in full where it is the first.
    pub(crate) fn add(
        &mut self,
        name: &str,
        objects: &Objects,
        outcomes: &BTreeMap<String, Outcomes>,
    ) {
        let (before, known) = match self.states.first() {
            Some(first) => (self.objects(first), first.outcomes.clone()),
            None => (Objects::new(), BTreeMap::new()),
        };
        let names: BTreeSet<&String> = objects.keys().collect();
        let differs = |(benchmark, all): (&String, &Outcomes)| {
            let known = known.get(benchmark);
            let mut differing = all.clone();
            differing.retain(|key, outcome| known.is_none_or(|known| known[key] != *outcome));
            (benchmark.clone(), differing)
        };
        let state = State {
            name: name.to_owned(),
            outcomes: outcomes.iter().map(differs).collect(),
            gone: before
                .keys()
                .filter(|id| !names.contains(id))
                .cloned()
                .collect(),
            put: objects
                .iter()
                .filter(|(id, object)| before.get(*id) != Some(object))
                .map(|(_, object)| object.clone())
                .collect(),
        };
        self.states.push(state);
    }

    /// One object to a line, so that a difference is read as one.
    pub(crate) fn text(&self) -> String {
        let mut out = format!(
            "{{\"version\": {}, \"lists\": {},\n\"states\": [",
            json!(self.version),
            json!(self.lists)
        );
        for (at, state) in self.states.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let _ = write!(
                out,
                "{comma}\n{{\"name\": {},\n\"outcomes\": {},\n\"gone\": {}, \"put\": [",
                json!(state.name),
                json!(state.outcomes),
                json!(state.gone)
            );
            for (at, object) in state.put.iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                let _ = write!(out, "{comma}\n{object}");
            }
            out.push_str("]}");
        }
        out.push_str("\n]}\n");
        out
    }
}
