//! Cases with what each minor does, as a file.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::recordings;

/// A command line and what the component does with it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// The program.
    pub(super) program: String,
    /// Its arguments, behind those that every case of the program has.
    pub(super) args: Vec<String>,
    /// Whether the order of a Go map decides which of several errors is reported.
    pub(super) is_random: bool,
    /// By minor: the error that it exits with, or nothing if it gets as far as it can.
    pub(super) expect: BTreeMap<String, Option<String>>,
}

/// The arguments of the kubelet in each case: what RKE2 passes, with a runtime that does not answer.
const KUBELET: [&str; 6] = [
    "--config=/case/kubelet.conf",
    "--kubeconfig=/case/kubeconfig",
    "--root-dir=/case/root",
    "--cert-dir=/case/pki",
    "--container-runtime-endpoint=unix:///nowhere.sock",
    "--hostname-override=node",
];

impl Case {
    pub(super) fn of(program: &str, args: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            args: args.iter().map(|&argument| argument.to_owned()).collect(),
            is_random: false,
            expect: BTreeMap::new(),
        }
    }

    /// The whole command line.
    pub(super) fn command_line(&self) -> Vec<String> {
        let base: &[&str] = if self.program == "kubelet" {
            &KUBELET
        } else {
            &["--kubeconfig=/case/kubeconfig"]
        };
        let base = base.iter().map(|&argument| argument.to_owned());
        base.chain(self.args.iter().cloned()).collect()
    }

    /// What makes it this case.
    pub(super) fn identity(&self) -> Value {
        json!([self.program, self.args, self.is_random])
    }

    fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("program".to_owned(), json!(self.program));
        object.insert("args".to_owned(), json!(self.args));
        if self.is_random {
            object.insert("random".to_owned(), json!(true));
        }
        object.insert("expect".to_owned(), json!(self.expect));
        Value::Object(object)
    }

    fn from_value(value: &Value) -> Self {
        Self {
            program: value["program"].as_str().unwrap().to_owned(),
            args: serde_json::from_value(value["args"].clone()).unwrap(),
            is_random: value["random"].as_bool().unwrap_or(false),
            expect: serde_json::from_value(value["expect"].clone()).unwrap(),
        }
    }
}

/// A file of cases.
pub(super) struct Recording {
    file: &'static str,
}

impl Recording {
    pub(super) const fn kubelet() -> Self {
        Self {
            file: "kubelet-arguments.json",
        }
    }

    pub(super) const fn components() -> Self {
        Self {
            file: "component-arguments.json",
        }
    }

    pub(super) fn read(&self) -> Vec<Case> {
        let values: Vec<Value> = recordings::read(self.file);
        values.iter().map(Case::from_value).collect()
    }

    /// Writes generated cases, with what is known of them.
    pub(super) fn write(&self, cases: &[Case]) {
        recordings::write(self.file, cases.iter().map(Case::to_value));
    }
}
