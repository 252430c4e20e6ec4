//! The value of one flag, as the `Set` of its type reads it.
//!
//! Upstream: `github.com/spf13/pflag` 1.0.5 to 1.0.10; `k8s.io/component-base/cli/flag`, `.../logs/api/v1`
//! and `.../version/verflag`; `k8s.io/kubernetes/pkg/util/{flag,taints}`; Go's `flag`; `k8s.io/klog/v2`.

use super::csv;
use super::names::{key_errors, value_errors};
use super::network::{
    check_port_range, is_port, parse_ip, parse_ip_sloppily, split_host_port, trim,
};
use crate::go;
use crate::kubernetes::Minor;
use crate::kubernetes::codec::{duration, number, quantity};
use crate::kubernetes::tables::{Flag, ValueKind};

/// The value of a flag.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `true`; a flag without a value, too.
    Bool(bool),
    /// An integer with a sign.
    Int(i64),
    /// An integer without a sign.
    Uint(u64),
    /// A number with a point.
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    /// Text, and whatever is kept as text: an address, a quantity, a range of ports.
    Text(String),
    /// A list: each occurrence of its flag adds to it, unless it is the first.
    List(Vec<String>),
    /// A list of integers.
    Ints(Vec<i64>),
    /// Pairs in their order. A later pair of the same key counts.
    Map(Vec<(String, String)>),
    /// Pairs with switches in their order: feature gates.
    Switches(Vec<(String, bool)>),
    /// Taints of `--register-with-taints`.
    Taints(Vec<Taint>),
    /// Memory of `--reserved-memory`: NUMA node, and quantities by resource.
    Memory(Vec<(i64, Vec<(String, String)>)>),
    /// Verbosities by file of `--vmodule`.
    Verbosities(Vec<(String, u64)>),
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value; empty where none is given.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`.
    pub effect: String,
}

/// Since which minor pflag ignores an address that is empty (1.0.6).
const EMPTY_ADDRESS: Minor = Minor(34);
/// Since which minor the words of `--reserved-memory` are spelled as they are now.
const MEMORY_WORDS: Minor = Minor(35);
/// Since which minor `--version=v1.2.3` sets the version that is reported.
const SET_VERSION: Minor = Minor(28);

/// Reads `text`. The error is that of the flag's `Set`, without the name of the flag.
pub(super) fn parse(flag: &Flag, minor: Minor, text: &str) -> Result<Value, String> {
    let (kind, name) = (flag.kind, flag.name);
    Ok(match kind {
        ValueKind::Bool => Value::Bool(number::parse_bool(text)?),
        ValueKind::Int | ValueKind::Int64 => Value::Int(number::parse_int(text, 0, 64)?),
        ValueKind::Int32 => Value::Int(number::parse_int(text, 0, 32)?),
        ValueKind::Uint => Value::Uint(number::parse_uint(text, 0, 64)?),
        ValueKind::Float32 => Value::Float(number::parse_float(text, 32)?),
        ValueKind::Float64 => Value::Float(number::parse_float(text, 64)?),
        ValueKind::Duration => Value::Duration(duration::parse(text)?),
        ValueKind::Verbosity => Value::Uint(number::parse_uint(text, 10, 31)?),
        ValueKind::GoBool => go_flag(number::parse_bool(text)).map(Value::Bool)?,
        ValueKind::GoInt | ValueKind::GoInt64 => {
            go_flag(number::parse_int(text, 0, 64)).map(Value::Int)?
        }
        ValueKind::GoUint64 => go_flag(number::parse_uint(text, 0, 64)).map(Value::Uint)?,
        ValueKind::KlogLevel => Value::Int(number::parse_int(text, 10, 32)?),
        ValueKind::KlogModules => klog_modules(text)?,
        ValueKind::KlogSeverity => severity(text)?,
        ValueKind::KlogTrace => trace_location(text)?,
        ValueKind::GoDuration => {
            Value::Duration(duration::parse(text).map_err(|_| "parse error".to_owned())?)
        }
        ValueKind::StringSlice if text.is_empty() => Value::List(Vec::new()),
        ValueKind::StringSlice => Value::List(csv::first_record(text)?),
        ValueKind::StringArray => Value::List(vec![text.to_owned()]),
        ValueKind::Int32Slice => Value::Ints(
            text.split(',')
                .map(|item| number::parse_int(item, 0, 32))
                .collect::<Result<_, _>>()?,
        ),
        ValueKind::StringToString => string_to_string(text)?,
        ValueKind::Ip => ip(minor, text)?,
        ValueKind::IpVar => ip_var(text)?,
        ValueKind::IpPort => ip_port_var(text)?,
        ValueKind::PortRange => check_port_range(text).map(|()| Value::Text(text.to_owned()))?,
        ValueKind::PortRangeVar => check_port_range(text)
            .map(|()| Value::Text(text.to_owned()))
            .map_err(|error| format!("{} is not a valid port range: {error}", quote(text)))?,
        ValueKind::Quantity => quantity::parse(text).map(|_| Value::Text(text.to_owned()))?,
        ValueKind::MapStringString => pairs(text, '=', "string=string")?,
        ValueKind::MapStringStringWhole => Value::Map(vec![pair(text, '=', "string=string")?]),
        ValueKind::LangleSeparatedMap => pairs(text, '<', "string<string")?,
        ValueKind::ConfigurationMap => configuration_map(text),
        ValueKind::ColonSeparatedMultimap if name == "feature-gates" => by_component(text),
        ValueKind::ColonSeparatedMultimap => pairs(text, ':', "string:string")?,
        ValueKind::MapStringBool => map_string_bool(text)?,
        ValueKind::FeatureGate => Value::Switches(feature_gates(text)?),
        ValueKind::NamedCertKeys => named_cert_key(text)?,
        ValueKind::Version => version(minor, text)?,
        ValueKind::VModule => vmodule(text)?,
        ValueKind::Taints => taints(minor, text)?,
        ValueKind::ReservedMemory => reserved_memory(minor, text)?,
        // `ProxyMode` and `LocalMode` take any text; the program checks it later.
        ValueKind::String
        | ValueKind::ProxyMode
        | ValueKind::LocalMode
        | ValueKind::GceCidrs
        | ValueKind::Other => Value::Text(text.to_owned()),
    })
}

fn quote(text: &str) -> String {
    go::quote(text.as_bytes())
}

/// The errors of Go's own package `flag`, which drops those of `strconv`.
fn go_flag<T>(result: Result<T, String>) -> Result<T, String> {
    result.map_err(|error| {
        let words = if error.ends_with("value out of range") {
            "value out of range"
        } else {
            "parse error"
        };
        words.to_owned()
    })
}

/// klog's `severityValue`.
fn severity(text: &str) -> Result<Value, String> {
    let names = ["INFO", "WARNING", "ERROR", "FATAL"];
    if let Some(level) = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))
    {
        return Ok(Value::Text(level.to_string()));
    }
    number::parse_int(text, 10, 32).map(|level| Value::Text(level.to_string()))
}

/// klog's `moduleSpec`.
fn klog_modules(text: &str) -> Result<Value, String> {
    let mut verbosities = Vec::new();
    for item in items(text) {
        let syntax = || "syntax error: expect comma-separated list of filename=N".to_owned();
        let (pattern, level) = item.split_once('=').ok_or_else(syntax)?;
        if pattern.is_empty() || level.contains('=') {
            return Err(syntax());
        }
        let level = number::parse_int(level, 10, 32).map_err(|_| syntax())?;
        let level =
            u64::try_from(level).map_err(|_| "negative value for vmodule level".to_owned())?;
        verbosities.push((pattern.to_owned(), level));
    }
    Ok(Value::Verbosities(verbosities))
}

/// klog's `traceLocation`.
fn trace_location(text: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Ok(Value::Text(String::new()));
    }
    let syntax = || "syntax error: expect file.go:234".to_owned();
    let (file, line) = text.split_once(':').ok_or_else(syntax)?;
    if !file.contains('.') {
        return Err(syntax());
    }
    let line = number::atoi(line).map_err(|_| syntax())?;
    if line <= 0 {
        return Err("negative or zero value for level".to_owned());
    }
    Ok(Value::Text(text.to_owned()))
}

/// pflag's `stringToStringValue`.
fn string_to_string(text: &str) -> Result<Value, String> {
    let items = match text.matches('=').count() {
        0 => return Err(format!("{text} must be formatted as key=value")),
        1 => vec![text.trim_matches('"').to_owned()],
        _ => csv::first_record(text)?,
    };
    items
        .into_iter()
        .map(|item| match item.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(format!("{item} must be formatted as key=value")),
        })
        .collect::<Result<_, _>>()
        .map(Value::Map)
}

/// pflag's `ipValue`.
fn ip(minor: Minor, text: &str) -> Result<Value, String> {
    if text.is_empty() && minor >= EMPTY_ADDRESS || parse_ip(trim(text)).is_some() {
        return Ok(Value::Text(text.to_owned()));
    }
    Err(format!("failed to parse IP: {}", quote(text)))
}

/// `IPVar` of `pkg/util/flag`: an empty one leaves the default.
fn ip_var(text: &str) -> Result<Value, String> {
    if text.is_empty() || parse_ip_sloppily(text).is_some() {
        return Ok(Value::Text(text.to_owned()));
    }
    Err(format!("{} is not a valid IP address", quote(text)))
}

/// `IPPortVar` of `pkg/util/flag`.
fn ip_port_var(text: &str) -> Result<Value, String> {
    if text.is_empty() || parse_ip_sloppily(text).is_some() {
        return Ok(Value::Text(text.to_owned()));
    }
    let (host, port) = split_host_port(text).map_err(|error| {
        format!(
            "{} is not in a valid format (ip or ip:port): {error}",
            quote(text)
        )
    })?;
    if parse_ip_sloppily(host).is_none() {
        return Err(format!("{} is not a valid IP address", quote(host)));
    }
    if !is_port(port) {
        return Err(format!("{} is not a valid number", quote(port)));
    }
    Ok(Value::Text(text.to_owned()))
}

/// One pair of `component-base/cli/flag`, without white space around its halves.
fn pair(text: &str, separator: char, form: &str) -> Result<(String, String), String> {
    match text.split_once(separator) {
        Some((key, value)) => Ok((trim(key).to_owned(), trim(value).to_owned())),
        None => Err(format!("malformed pair, expect {form}")),
    }
}

/// Items between commas that are not empty.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|item| !item.is_empty())
}

/// `MapStringString`, `LangleSeparatedMapStringString`, `ColonSeparatedMultimapStringString`.
fn pairs(text: &str, separator: char, form: &str) -> Result<Value, String> {
    items(text)
        .map(|item| pair(item, separator, form))
        .collect::<Result<_, _>>()
        .map(Value::Map)
}

/// `ConfigurationMap`: a key may lack a value.
fn configuration_map(text: &str) -> Value {
    let halves = |item: &str| {
        let (key, value) = item.split_once('=').unwrap_or((item, ""));
        (trim(key).to_owned(), trim(value).to_owned())
    };
    Value::Map(items(text).map(halves).collect())
}

/// `ColonSeparatedMultimapStringString` that allows the empty key: feature gates by component.
fn by_component(text: &str) -> Value {
    let halves = |item: &str| match item.split_once(':') {
        Some((key, value)) => (trim(key).to_owned(), trim(value).to_owned()),
        None => (String::new(), trim(item).to_owned()),
    };
    Value::Map(items(text).map(halves).collect())
}

/// `MapStringBool`.
fn map_string_bool(text: &str) -> Result<Value, String> {
    let mut switches = Vec::new();
    for item in items(text) {
        let (key, value) = pair(item, '=', "string=bool")?;
        let on = number::parse_bool(&value)
            .map_err(|error| format!("invalid value of {key}: {value}, err: {error}"))?;
        switches.push((key, on));
    }
    Ok(Value::Switches(switches))
}

/// `featureGate.Set` up to the names.
pub(crate) fn feature_gates(text: &str) -> Result<Vec<(String, bool)>, String> {
    let mut switches = Vec::new();
    for item in items(text) {
        let Some((key, value)) = item.split_once('=') else {
            return Err(format!("missing bool value for {}", trim(item)));
        };
        let (key, value) = (trim(key), trim(value));
        let on = number::parse_bool(value)
            .map_err(|error| format!("invalid value of {key}={value}, err: {error}"))?;
        switches.push((key.to_owned(), on));
    }
    Ok(switches)
}

/// `NamedCertKeyArray`: `certificate,key` or `certificate,key:name,name`.
fn named_cert_key(text: &str) -> Result<Value, String> {
    let files = match text.split_once(':') {
        Some((_, names)) if trim(names).is_empty() => {
            return Err("empty names list is not allowed".to_owned());
        }
        Some((files, _)) => trim(files),
        None => trim(text),
    };
    if files.split(',').count() != 2 {
        return Err("expected comma separated certificate and key file paths".to_owned());
    }
    Ok(Value::List(vec![text.to_owned()]))
}

/// `versionValue`. A version to report instead of its own cannot be judged without the patch release.
fn version(minor: Minor, text: &str) -> Result<Value, String> {
    if text == "raw" || (text.starts_with('v') && minor >= SET_VERSION) {
        return Ok(Value::Text(text.to_owned()));
    }
    number::parse_bool(text).map(Value::Bool)
}

/// `VModuleConfigurationPflag`.
fn vmodule(text: &str) -> Result<Value, String> {
    let mut verbosities = Vec::new();
    for item in items(text) {
        let halves = match item.split('=').collect::<Vec<_>>()[..] {
            [pattern, level] if !pattern.is_empty() && !level.is_empty() => Some((pattern, level)),
            _ => None,
        };
        let (pattern, level) =
            halves.ok_or_else(|| format!("{} does not have the pattern=N format", quote(item)))?;
        let level = number::parse_uint(level, 10, 31)
            .map_err(|error| format!("parsing verbosity in {}: {error}", quote(item)))?;
        verbosities.push((pattern.to_owned(), level));
    }
    Ok(Value::Verbosities(verbosities))
}

/// What is wrong with taints, separated by commas.
pub(crate) fn taints_error(minor: Minor, text: &str) -> Option<String> {
    taints(minor, text).err()
}

/// `RegisterWithTaintsVar`, with `ParseTaints` of `pkg/util/taints`.
fn taints(minor: Minor, text: &str) -> Result<Value, String> {
    let mut found: Vec<Taint> = Vec::new();
    if text.is_empty() {
        return Ok(Value::Taints(found));
    }
    for item in text.split(',') {
        if let Some(item) = item.strip_suffix('-') {
            taint(minor, item)?;
            continue;
        }
        let taint = taint(minor, item)?;
        if taint.effect.is_empty() {
            return Err(format!("invalid taint spec: {item}"));
        }
        if found
            .iter()
            .any(|other| other.effect == taint.effect && other.key == taint.key)
        {
            // Go prints the structure, with the time that a taint has no value of here.
            return Err(format!(
                "duplicated taints with the same key and effect: {{{} {} {} <nil>}}",
                taint.key, taint.value, taint.effect
            ));
        }
        found.push(taint);
    }
    Ok(Value::Taints(found))
}

/// `taints.parseTaint`: `key=value:effect`, `key:effect` or `key`.
fn taint(minor: Minor, text: &str) -> Result<Taint, String> {
    let invalid = || format!("invalid taint spec: {text}");
    let (key, value, effect) = match text.split(':').collect::<Vec<_>>()[..] {
        [key] => (key, "", ""),
        [pair, effect] => {
            if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
                return Err(format!(
                    "invalid taint effect: {effect}, unsupported taint effect"
                ));
            }
            match pair.split('=').collect::<Vec<_>>()[..] {
                [key] => (key, "", effect),
                [key, value] => (key, value, effect),
                _ => return Err(invalid()),
            }
        }
        _ => return Err(invalid()),
    };
    let mut errors = value_errors(minor, value);
    if errors.is_empty() {
        errors = key_errors(minor, key);
    }
    if !errors.is_empty() {
        return Err(format!("{}, {}", invalid(), errors.join("; ")));
    }
    Ok(Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect: effect.to_owned(),
    })
}

/// `ReservedMemoryVar`: `0:memory=1Gi,hugepages-1Gi=2Gi;1:memory=1Gi`.
fn reserved_memory(minor: Minor, text: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Ok(Value::Memory(Vec::new()));
    }
    let is_old = minor < MEMORY_WORDS;
    let mut reservations = Vec::new();
    for item in text.split(';') {
        let [node, types] = item.split(':').collect::<Vec<_>>()[..] else {
            return Err(format!(
                "the reserved memory has incorrect format, expected \
                 numaNodeID:type=quantity[,type=quantity...], got {item}"
            ));
        };
        let node = number::atoi(node).map_err(|_| {
            let expected = if is_old { "exptected" } else { "expected" };
            format!("failed to convert the NUMA node ID, {expected} integer, got {node}")
        })?;
        let mut limits = Vec::new();
        for limit in types.split(',') {
            let [resource, amount] = limit.split('=').collect::<Vec<_>>()[..] else {
                let quantity = if is_old { "quantatity" } else { "quantity" };
                return Err(format!(
                    "the reserved limit has incorrect value, expected type={quantity}, got {limit}"
                ));
            };
            if resource != "memory" && !resource.starts_with("hugepages-") {
                return Err(format!(
                    "memory type conversion error, unknown type: {}",
                    quote(resource)
                ));
            }
            quantity::parse(amount).map_err(|_| {
                if is_old {
                    format!("failed to parse the quantatity, expected quantatity, got {amount}")
                } else {
                    format!("failed to parse the quantity: {amount}")
                }
            })?;
            limits.push((resource.to_owned(), amount.to_owned()));
        }
        reservations.push((node, limits));
    }
    Ok(Value::Memory(reservations))
}
