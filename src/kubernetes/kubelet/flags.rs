//! The kubelet's flags: what they set, and what is wrong with them.
//!
//! Upstream: `cmd/kubelet/app/options/options.go` (`ValidateKubeletFlags`), `cmd/kubelet/app/server.go`
//! (`kubeletConfigFlagPrecedence`), `k8s.io/kubelet/pkg/apis/well_known_labels.go`; 1.24 to 1.37.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use crate::go;
use crate::kubernetes::arguments::names::{key_errors, value_errors};
use crate::kubernetes::arguments::{self, Parsed, Taint, Value, gate_positions, requested_gates};
use crate::kubernetes::codec::duration;
use crate::kubernetes::feature_gates::{Gates, Refusal};
use crate::kubernetes::tables::ValueKind;
use crate::kubernetes::{Cause, Failure, Minor, Program};

/// Since which minor keys and values of `--node-labels` have to be valid.
const LABELS_CHECKED: Minor = Minor(25);
/// Minors that require a container runtime endpoint with the flags: later ones have it in the configuration.
const ENDPOINT_REQUIRED: Minor = Minor(26);
/// Since which minor there is no `--container-runtime`, and no gate for `--seccomp-default`.
const NO_RUNTIME_FLAG: Minor = Minor(27);

/// Since which minor pflag exits with status 0 where help is requested of a parser that has no such flag.
const HELP_EXITS_WELL: Minor = Minor(35);

/// The keys and namespaces that a kubelet may label its node with, in the order in which it prints them.
const KUBELET_LABELS: [&str; 11] = [
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];
const KUBELET_NAMESPACES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/// A command line of the kubelet that it takes, as far as flags alone decide.
#[derive(Debug, Clone, PartialEq)]
pub struct KubeletFlags {
    minor: Minor,
    parsed: Vec<Parsed>,
    gates: Gates,
}

impl KubeletFlags {
    /// Reads a command line without the program's name. The error is what the kubelet exits with before it
    /// reads a file.
    pub fn parse(minor: Minor, arguments: &[String]) -> Result<Self, Failure> {
        let parsed = arguments::parse(Program::Kubelet, minor, arguments)?;
        let mut flags = Self {
            minor,
            parsed,
            gates: Gates::default(Program::Kubelet, minor),
        };
        let requested = flags.requested_gates();
        if let Err(refusal) = flags.gates.set(&requested) {
            return Err(flags.gate_failure(&refusal, None));
        }
        flags.validate()?;
        flags.check_second_parse(arguments)?;
        Ok(flags)
    }

    /// The flags in their order.
    pub fn parsed(&self) -> &[Parsed] {
        &self.parsed
    }

    /// The minor release that the flags were read for.
    pub const fn minor(&self) -> Minor {
        self.minor
    }

    /// The feature gates of the flags.
    pub const fn gates(&self) -> &Gates {
        &self.gates
    }

    /// The gates that flags set, which go before those of files.
    pub fn requested_gates(&self) -> BTreeMap<String, bool> {
        requested_gates(&self.parsed)
    }

    /// The text of a flag, the last where it is given several times: `config`, `kubeconfig`. `None` where it is
    /// not given; it may be empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        match &self.last(name)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether a flag is set to true.
    pub fn is_set(&self, name: &str) -> bool {
        self.last(name)
            .is_some_and(|parsed| parsed.value == Value::Bool(true))
    }

    /// The last value of a flag as text, whatever its type.
    pub(super) fn value_text(&self, name: &str) -> Option<String> {
        match &self.last(name)?.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(on) => Some(on.to_string()),
            Value::Int(number) => Some(number.to_string()),
            Value::Uint(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn last(&self, name: &str) -> Option<&Parsed> {
        self.parsed.iter().rfind(|parsed| parsed.name == name)
    }

    /// The positions of a flag's arguments.
    pub fn positions(&self, name: &str) -> Vec<usize> {
        let named = self.parsed.iter().filter(|parsed| parsed.name == name);
        named.map(|parsed| parsed.position).collect()
    }

    /// The positions of the arguments that set a field of the configuration: `evictionHard`,
    /// `authentication.x509.clientCAFile`. Empty where no flag does.
    pub fn positions_of_field(&self, field: &str) -> Vec<usize> {
        let sets = |parsed: &&Parsed| {
            let field_of_flag = parsed.flag.and_then(|flag| flag.field);
            field_of_flag.is_some_and(|fields| fields.split(' ').any(|other| other == field))
        };
        let setters = self.parsed.iter().filter(sets);
        setters.map(|parsed| parsed.position).collect()
    }

    /// The error of gates that flags, or flags and files, set. `file` is the cause where no flag names them.
    pub fn gate_failure(&self, refusal: &Refusal, file: Option<Cause>) -> Failure {
        let positions = gate_positions(&self.parsed, &refusal.gates);
        let cause = match file {
            Some(file) if positions.is_empty() => file,
            _ => Cause::Arguments(positions),
        };
        Failure {
            message: format!(
                "failed to set feature gates from initial flags-based config: {}",
                refusal.message()
            ),
            cause,
            rests_on_names: refusal.rests_on_names,
        }
    }

    /// Sets the fields that flags set, in a `KubeletConfiguration` of `kubelet.config.k8s.io/v1beta1`, as the
    /// kubelet does once it has read its files. A flag replaces a list or map of a file; feature gates of both
    /// are merged.
    pub fn apply_to(&self, configuration: &mut Json) {
        self.apply_some(configuration, |_| true);
    }

    /// Sets the fields for which `is_wanted`, as [`Self::apply_to`] sets all.
    pub(super) fn apply_some(&self, configuration: &mut Json, is_wanted: impl Fn(&str) -> bool) {
        let mut fields: BTreeMap<&str, Json> = BTreeMap::new();
        for parsed in &self.parsed {
            let field = parsed.flag.and_then(|flag| flag.field);
            let Some(field) = field.filter(|field| is_wanted(field)) else {
                continue;
            };
            // An empty address leaves the default.
            let is_address = matches!(field, "address" | "healthzBindAddress");
            if is_address && parsed.value == Value::Text(String::new()) {
                continue;
            }
            // `NewColonSeparatedMultimapStringString`: lists by key.
            let is_multimap = field == "staticPodURLHeader";
            let next = to_json(&parsed.value, is_multimap);
            match (fields.get_mut(field), next) {
                (Some(Json::Object(earlier)), Json::Object(later)) => merge(earlier, later),
                (Some(Json::Array(earlier)), Json::Array(later))
                    if !matches!(parsed.value, Value::Taints(_)) =>
                {
                    earlier.extend(later);
                }
                (_, next) => {
                    fields.insert(field, next);
                }
            }
        }
        for (field, value) in fields {
            let Some(slot) = slot(configuration, field) else {
                continue;
            };
            match (&mut *slot, value) {
                (Json::Object(file), Json::Object(flags)) if field == "featureGates" => {
                    file.extend(flags);
                }
                // `--vmodule` adds to what the file has.
                (Json::Array(file), Json::Array(flags)) if field == "logging.vmodule" => {
                    file.extend(flags);
                }
                (slot, value) => *slot = value,
            }
        }
    }

    /// Whether a flag gives this field its whole value.
    pub(super) fn sets(&self, path: &str) -> bool {
        let adds = matches!(
            path,
            "featureGates" | "logging.vmodule" | "address" | "healthzBindAddress"
        );
        let field = |parsed: &Parsed| parsed.flag.and_then(|flag| flag.field);
        !adds && self.parsed.iter().any(|parsed| field(parsed) == Some(path))
    }

    /// Where there are files, the kubelet parses its flags again, with a parser that has no `--help`: pflag then
    /// exits, with status 0 since 1.0.9. For that parser, flags of libraries require a value.
    fn check_second_parse(&self, arguments: &[String]) -> Result<(), Failure> {
        let has_files = ["config", "config-dir"]
            .iter()
            .any(|name| self.text(name).is_some_and(|path| !path.is_empty()));
        if !has_files {
            return Ok(());
        }
        for parsed in &self.parsed {
            let is_last = parsed.position.saturating_add(1) == arguments.len();
            let has_value = arguments
                .get(parsed.position)
                .is_some_and(|text| text.contains('='));
            let is_of_library = parsed
                .flag
                .is_some_and(|flag| flag.kind == ValueKind::GoBool);
            let message = if parsed.name == "help" {
                let silent = "it prints its help and exits";
                let words = if self.minor < HELP_EXITS_WELL {
                    "pflag: help requested"
                } else {
                    silent
                };
                words.to_owned()
            } else if is_of_library && is_last && !has_value {
                format!("flag needs an argument: --{}", parsed.name)
            } else {
                continue;
            };
            return Err(Failure {
                message,
                cause: Cause::Arguments(vec![parsed.position]),
                rests_on_names: false,
            });
        }
        Ok(())
    }

    /// `ValidateKubeletFlags`.
    fn validate(&self) -> Result<(), Failure> {
        let error = |message: String, flag: &str| {
            Err(Failure {
                message: format!("failed to validate kubelet flags: {message}"),
                cause: Cause::Arguments(self.positions(flag)),
                rests_on_names: false,
            })
        };
        if let Some(message) = self.label_error() {
            return error(message, "node-labels");
        }
        if self.minor >= NO_RUNTIME_FLAG {
            return Ok(());
        }
        if self.is_set("seccomp-default") && !self.gates.is_enabled("SeccompDefault") {
            let message = "the SeccompDefault feature gate must be enabled in order to use the --seccomp-default flag";
            return error(message.to_owned(), "seccomp-default");
        }
        if let Some(runtime) = self
            .text("container-runtime")
            .filter(|&name| name != "remote")
        {
            let runtime = go::quote(runtime.as_bytes());
            let message = format!(
                "unsupported CRI runtime: {runtime}, only \"remote\" is currently supported"
            );
            return error(message, "container-runtime");
        }
        let has_endpoint = self
            .text("container-runtime-endpoint")
            .is_some_and(|endpoint| !endpoint.is_empty());
        if self.minor == ENDPOINT_REQUIRED && !has_endpoint {
            let message = "the container runtime endpoint address was not specified or empty, use \
                --container-runtime-endpoint to set";
            return error(message.to_owned(), "container-runtime-endpoint");
        }
        Ok(())
    }

    fn label_error(&self) -> Option<String> {
        let mut labels = BTreeMap::new();
        for parsed in self
            .parsed
            .iter()
            .filter(|parsed| parsed.name == "node-labels")
        {
            if let Value::Map(pairs) = &parsed.value {
                labels.extend(
                    pairs
                        .iter()
                        .map(|(key, value)| (key.as_str(), value.as_str())),
                );
            }
        }
        let unknown: Vec<_> = labels
            .keys()
            .copied()
            .filter(|key| is_kubernetes_label(key) && !is_kubelet_label(key))
            .collect();
        if !unknown.is_empty() {
            return Some(format!(
                "unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [{}]\n\
                 --node-labels in the 'kubernetes.io' namespace must begin with an allowed prefix ({}) or be \
                 in the specifically allowed set ({})",
                unknown.join(" "),
                KUBELET_NAMESPACES.join(", "),
                KUBELET_LABELS.join(", ")
            ));
        }
        if self.minor < LABELS_CHECKED {
            return None;
        }
        // The errors of a value are kept under the value.
        let mut errors: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (key, value) in labels {
            for (name, found) in [
                (key, key_errors(self.minor, key)),
                (value, value_errors(self.minor, value)),
            ] {
                if !found.is_empty() {
                    errors.entry(name).or_default().extend(found);
                }
            }
        }
        if errors.is_empty() {
            return None;
        }
        let errors: BTreeSet<_> = errors
            .iter()
            .map(|(name, errors)| format!("'{name}' - {}", errors.join(", ")))
            .collect();
        let errors: Vec<_> = errors.into_iter().collect();
        Some(format!("invalid node labels: {}", errors.join("; ")))
    }
}

/// The part of a label's key before the first slash.
fn namespace(key: &str) -> &str {
    key.split_once('/').map_or("", |(namespace, _)| namespace)
}

fn is_in(namespace: &str, parent: &str) -> bool {
    namespace
        .strip_suffix(parent)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn is_kubernetes_label(key: &str) -> bool {
    let namespace = namespace(key);
    is_in(namespace, "kubernetes.io") || is_in(namespace, "k8s.io")
}

/// `kubeletapis.IsKubeletLabel`.
fn is_kubelet_label(key: &str) -> bool {
    KUBELET_LABELS.contains(&key)
        || KUBELET_NAMESPACES
            .iter()
            .any(|parent| is_in(namespace(key), parent))
}

/// The place of a field by its path. `None` where something on the way is no object.
fn slot<'a>(configuration: &'a mut Json, path: &str) -> Option<&'a mut Json> {
    let mut at = configuration;
    for name in path.split('.') {
        if at.is_null() {
            *at = Json::Object(Map::new());
        }
        at = at.as_object_mut()?.entry(name).or_insert(Json::Null);
    }
    Some(at)
}

/// Adds a later occurrence of a flag: lists by key grow, other values are replaced.
fn merge(earlier: &mut Map<String, Json>, later: Map<String, Json>) {
    for (key, value) in later {
        match (earlier.get_mut(&key), value) {
            (Some(Json::Array(list)), Json::Array(more)) => list.extend(more),
            (_, value) => {
                earlier.insert(key, value);
            }
        }
    }
}

/// A value as the configuration file has it.
fn to_json(value: &Value, is_multimap: bool) -> Json {
    match value {
        Value::Bool(on) => json!(on),
        Value::Int(number) => json!(number),
        Value::Uint(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Duration(nanoseconds) => json!(duration::format(*nanoseconds)),
        Value::Text(text) => json!(text),
        Value::List(items) => json!(items),
        Value::Ints(items) => json!(items),
        Value::Map(pairs) if is_multimap => {
            let mut lists = Map::new();
            for (key, value) in pairs {
                let list = lists.entry(key.clone()).or_insert_with(|| json!([]));
                if let Json::Array(list) = list {
                    list.push(json!(value));
                }
            }
            Json::Object(lists)
        }
        Value::Map(pairs) => object(pairs),
        Value::Switches(switches) => object(switches),
        Value::Taints(taints) => taints.iter().map(taint).collect(),
        Value::Memory(reservations) => reservations
            .iter()
            .map(|(node, limits)| json!({"numaNode": node, "limits": object(limits)}))
            .collect(),
        Value::Verbosities(items) => items
            .iter()
            .map(|(pattern, level)| json!({"filePattern": pattern, "verbosity": level}))
            .collect(),
    }
}

fn object<T: Clone + Into<Json>>(pairs: &[(String, T)]) -> Json {
    let pairs = pairs
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().into()));
    Json::Object(pairs.collect())
}

fn taint(taint: &Taint) -> Json {
    let mut object = Map::new();
    object.insert("key".to_owned(), json!(taint.key));
    if !taint.value.is_empty() {
        object.insert("value".to_owned(), json!(taint.value));
    }
    object.insert("effect".to_owned(), json!(taint.effect));
    Json::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<KubeletFlags, Failure> {
        let arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
        KubeletFlags::parse(Minor(37), &arguments)
    }

    #[test]
    fn flags_go_before_files() {
        let mut configuration = json!({
            "maxPods": 50,
            "evictionHard": {"memory.available": "1Gi"},
            "featureGates": {"A": true, "LoggingBetaOptions": true},
            "logging": {"format": "json"},
        });
        let flags = read(&[
            "--max-pods=110",
            "--eviction-hard=nodefs.available<5%",
            "--eviction-hard=imagefs.available<1Gi",
            "--feature-gates=LoggingBetaOptions=false",
            "--anonymous-auth=false",
            "--sync-frequency=90s",
            "--cluster-dns=10.0.0.1,10.0.0.2",
            "--cluster-dns=10.0.0.3",
            "--register-with-taints=a=b:NoSchedule",
            "--reserved-memory=0:memory=1Gi",
            "--vmodule=a=2",
            "--v=3",
            "--address=",
        ])
        .unwrap();
        flags.apply_to(&mut configuration);
        assert_eq!(
            configuration,
            json!({
                "maxPods": 110,
                "evictionHard": {"nodefs.available": "5%", "imagefs.available": "1Gi"},
                "featureGates": {"A": true, "LoggingBetaOptions": false},
                "logging": {"format": "json", "vmodule": [{"filePattern": "a", "verbosity": 2}], "verbosity": 3},
                "authentication": {"anonymous": {"enabled": false}},
                "syncFrequency": "1m30s",
                "clusterDNS": ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
                "registerWithTaints": [{"key": "a", "value": "b", "effect": "NoSchedule"}],
                "reservedMemory": [{"numaNode": 0, "limits": {"memory": "1Gi"}}],
            })
        );
        assert_eq!(flags.positions_of_field("evictionHard"), [1, 2]);
    }

    #[test]
    fn labels_of_kubernetes_are_few() {
        for label in [
            "a=b",
            "node.kubernetes.io/x=1",
            "a.node.kubernetes.io/x=1",
            "kubernetes.io/os=linux",
            "beta.kubernetes.io/arch",
            "",
        ] {
            assert!(
                read(&[&format!("--node-labels={label}")]).is_ok(),
                "{label}"
            );
        }
        let failure = read(&[
            "--v=1",
            "--node-labels=node-role.kubernetes.io/worker=true,k8s.io/a=b",
        ])
        .unwrap_err();
        assert!(failure.message.starts_with(
            "failed to validate kubelet flags: unknown 'kubernetes.io' or 'k8s.io' labels specified with \
             --node-labels: [k8s.io/a node-role.kubernetes.io/worker]\n"
        ));
        assert_eq!(failure.cause, Cause::Arguments(vec![1]));
        let failure = read(&["--node-labels=a b=c d"]).unwrap_err();
        assert!(failure.message.starts_with(
            "failed to validate kubelet flags: invalid node labels: 'a b' - name part must consist of"
        ));
    }

    #[test]
    fn gates_of_flags_are_set_first() {
        assert_eq!(
            read(&[
                "--feature-gates=NoSuchGate=true",
                "--node-labels=k8s.io/a=b"
            ])
            .unwrap_err()
            .message,
            "failed to set feature gates from initial flags-based config: unrecognized feature gate: NoSuchGate"
        );
    }
}
