//! Arguments of plugins.
//!
//! Upstream: `DecodeNestedObjects` of `k8s.io/kube-scheduler/config/v1/types.go`, and
//! `pkg/scheduler/apis/config/validation/validation_pluginargs.go`.

use super::super::document::{self, Document, int, list, set, text, texts};
use super::super::errors::FieldErrors;
use super::super::options::Options;
use crate::kubernetes::arguments::names::key_errors;
use crate::kubernetes::codec::Scheme;
use crate::kubernetes::codec::tree::{Node, Value};
use crate::kubernetes::tables;

/// Since which minor the strategy of scores is a field of its own in errors, and its type checked.
const STRATEGIES: u32 = 25;
/// Since which minor all of it is checked.
const WHOLE: u32 = 36;
/// Since which minor errors about points are worded without the name of the field.
const SHORT: u32 = 34;
/// Since which minor capacities of storage are scored by this gate.
const STORAGE: u32 = 33;

/// Why arguments are not decoded.
pub(super) enum Error {
    /// The scheduler refuses them.
    Refused(String),
    /// It cannot be known.
    Unknown,
}

/// Decodes the arguments of all plugins, and gives the errors of a strict decoder.
pub(super) fn decode(
    options: &Options,
    scheme: Scheme<'_>,
    document: &Document,
) -> Result<Vec<String>, Error> {
    let mut strict = Vec::new();
    for (index, profile) in list(&document.root, "profiles").iter().enumerate() {
        for (position, plugin) in list(profile, "pluginConfig").iter().enumerate() {
            let name = text(plugin, "name");
            let kind = format!("{name}Args");
            // Plugins that are not the scheduler's own read their arguments themselves.
            if tables::schema(options.minor(), &document.api_version, &kind).is_none() {
                continue;
            }
            let Some(args) = set(plugin, "args") else {
                continue;
            };
            let at = format!("decoding .profiles[{index}].pluginConfig[{position}]");
            let around = format!("decoding args for plugin {name}");
            let content = whole(args, &document.api_version, &kind);
            let decoded = match document::decode(options, &content, scheme, false) {
                None => return Err(Error::Unknown),
                Some(Err(refusal)) => {
                    return Err(Error::Refused(format!(
                        "{at}: {around}: {}",
                        refusal.message
                    )));
                }
                Some(Ok(decoded)) => decoded,
            };
            if decoded.kind != kind {
                let group = "kubescheduler.config.k8s.io";
                return Err(Error::Refused(format!(
                    "{at}: args for plugin {name} were not of type {kind}.{group}, got {}.{group}",
                    decoded.kind
                )));
            }
            if !decoded.ignored.is_empty() {
                strict.push(format!(
                    "{at}: strict decoding error: {around}: strict decoding error: {}",
                    decoded.ignored.join(", ")
                ));
            }
        }
    }
    Ok(strict)
}

/// The arguments as a file of their own.
fn whole(args: &Node, api_version: &str, kind: &str) -> Vec<u8> {
    let mut args = args.clone();
    for (name, default) in [("apiVersion", api_version), ("kind", kind)] {
        if text(&args, name).is_empty() {
            args.set(name, Node::default(Value::Text(default.to_owned())));
        }
    }
    args.to_json().to_string().into_bytes()
}

/// The checks of the arguments of a plugin; without any it has defaults, which are good.
pub(super) fn validate(
    options: &Options,
    path: &str,
    plugin: &str,
    args: Option<&Node>,
    errors: &mut FieldErrors,
) {
    let Some(args) = args else {
        return;
    };
    match plugin {
        "DefaultPreemption" => preemption(path, args, errors),
        "InterPodAffinity" => {
            let weight = int(args, "hardPodAffinityWeight").unwrap_or(1);
            let path = format!("{path}.hardPodAffinityWeight");
            in_range(&path, weight, 0, 100, errors);
        }
        "NodeResourcesBalancedAllocation" => balance(path, args, errors),
        "PodTopologySpread" => spread(options, path, args, errors),
        "VolumeBinding" => volumes(options, path, args, errors),
        _ => {}
    }
}

/// `ValidateVolumeBindingArgs`.
fn volumes(options: &Options, path: &str, args: &Node, errors: &mut FieldErrors) {
    let seconds = int(args, "bindTimeoutSeconds").unwrap_or(600);
    if seconds < 0 {
        errors.invalid(
            &format!("{path}.bindTimeoutSeconds"),
            &seconds.to_string(),
            "invalid BindTimeoutSeconds, should not be a negative value",
        );
    }
    let gate = if options.since(STORAGE) {
        "StorageCapacityScoring"
    } else {
        "VolumeCapacityPriority"
    };
    // Without points there are defaults.
    let points = list(args, "shape");
    let path = format!("{path}.shape");
    if points.is_empty() {
        return;
    }
    if options.gate(gate) {
        validate_shape(options, &path, points, errors);
    } else {
        let detail =
            format!("unexpected field `shape`, remove it or turn on the feature gate {gate}");
        errors.invalid(&path, "…", &detail);
    }
}

fn in_range(path: &str, value: i64, least: i64, most: i64, errors: &mut FieldErrors) {
    if !(least..=most).contains(&value) {
        let detail = format!("not in valid range [{least}, {most}]");
        errors.invalid(path, &value.to_string(), &detail);
    }
}

/// `ValidateDefaultPreemptionArgs`.
fn preemption(path: &str, args: &Node, errors: &mut FieldErrors) {
    let (relative, absolute) = ("minCandidateNodesPercentage", "minCandidateNodesAbsolute");
    let share = int(args, relative).unwrap_or(10);
    let count = int(args, absolute).unwrap_or(100);
    let at = |field: &str| format!("{path}.{field}");
    in_range(&at(relative), share, 0, 100, errors);
    if count < 0 {
        let detail = "not in valid range [0, inf)";
        errors.invalid(&at(absolute), &count.to_string(), detail);
    }
    if share == 0 && count == 0 {
        for (field, other) in [(relative, absolute), (absolute, relative)] {
            let detail = format!("cannot be zero at the same time as {other}");
            errors.invalid(&at(field), "0", &detail);
        }
    }
}

/// `ValidateNodeResourcesBalancedAllocationArgs`.
fn balance(path: &str, args: &Node, errors: &mut FieldErrors) {
    let mut seen: Vec<&str> = Vec::new();
    for (index, resource) in list(args, "resources").iter().enumerate() {
        let path = format!("{path}.resources[{index}]");
        let name = text(resource, "name");
        if seen.contains(&name) {
            errors.duplicate(&format!("{path}.name"), name);
        }
        seen.push(name);
        let weight = weight(resource);
        if weight != 1 {
            errors.invalid(&format!("{path}.weight"), &weight.to_string(), "must be 1");
        }
    }
}

/// Of a resource: where none is set it is 1.
fn weight(resource: &Node) -> i64 {
    match int(resource, "weight") {
        None | Some(0) => 1,
        Some(weight) => weight,
    }
}

/// `ValidatePodTopologySpreadArgs`.
fn spread(options: &Options, path: &str, args: &Node, errors: &mut FieldErrors) {
    let constraints = list(args, "defaultConstraints");
    let field = format!("{path}.defaultingType");
    match text(args, "defaultingType") {
        "" | "System" if constraints.is_empty() => {}
        "" | "System" => {
            let detail = "when .defaultConstraints are not empty";
            errors.invalid_text(&field, "System", detail);
        }
        "List" => {}
        kind => errors.not_supported(&field, kind, &["System", "List"]),
    }
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (index, constraint) in constraints.iter().enumerate() {
        let path = format!("{path}.defaultConstraints[{index}]");
        let skew = int(constraint, "maxSkew").unwrap_or(0);
        if skew <= 0 {
            let detail = "not in valid range (0, inf)";
            errors.invalid(&format!("{path}.maxSkew"), &skew.to_string(), detail);
        }
        let key = text(constraint, "topologyKey");
        let field = format!("{path}.topologyKey");
        if key.is_empty() {
            errors.required(&field, "can not be empty");
        } else {
            label_name(options, &field, key, errors);
        }
        let action = text(constraint, "whenUnsatisfiable");
        let field = format!("{path}.whenUnsatisfiable");
        let known = ["DoNotSchedule", "ScheduleAnyway"];
        if action.is_empty() {
            errors.required(&field, "can not be empty");
        } else if !known.contains(&action) {
            errors.not_supported(&field, action, &known);
        }
        if set(constraint, "labelSelector").is_some() {
            let detail = "constraint must not define a selector, as they deduced for each pod";
            errors.forbidden(&format!("{path}.labelSelector"), detail);
        }
        if seen.contains(&(key, action)) {
            errors.duplicate(&path, &format!("{{{key}, {action}}}"));
        }
        seen.push((key, action));
    }
}

fn label_name(options: &Options, path: &str, name: &str, errors: &mut FieldErrors) {
    for error in key_errors(options.minor(), name) {
        errors.invalid_text(path, name, &error);
    }
}

/// `ValidateNodeResourcesFitArgs`, which the plugin calls itself.
pub(super) fn validate_fit(options: &Options, args: &Node, errors: &mut FieldErrors) {
    for (index, name) in texts(args, "ignoredResources").into_iter().enumerate() {
        label_name(options, &format!("ignoredResources[{index}]"), name, errors);
    }
    for (index, group) in texts(args, "ignoredResourceGroups").into_iter().enumerate() {
        let path = format!("ignoredResourceGroups[{index}]");
        if group.contains('/') {
            errors.invalid_text(&path, group, "resource group name can't contain '/'");
        }
        label_name(options, &path, group, errors);
    }
    let Some(strategy) = set(args, "scoringStrategy") else {
        return;
    };
    let (resources, shape) = match options.minor().0 {
        ..STRATEGIES => ("resources", "shape"),
        STRATEGIES..WHOLE => ("scoringStrategy.resources", "scoringStrategy.shape"),
        WHOLE.. => (
            "scoringStrategy.resources",
            "scoringStrategy.requestedToCapacityRatio.shape",
        ),
    };
    let kind = text(strategy, "type");
    let ratio = "RequestedToCapacityRatio";
    let known = ["LeastAllocated", "MostAllocated", ratio];
    if options.since(STRATEGIES) && !known.contains(&kind) {
        errors.not_supported("scoringStrategy.type", kind, &known);
    }
    for (index, resource) in list(strategy, "resources").iter().enumerate() {
        let weight = weight(resource);
        if !(1..=100).contains(&weight) {
            let name = text(resource, "name");
            let detail = format!("resource weight of {name} not in valid range (0, 100]");
            let path = format!("{resources}[{index}].weight");
            errors.invalid(&path, &weight.to_string(), &detail);
        }
    }
    let field = "scoringStrategy.requestedToCapacityRatio";
    let is_whole = options.since(WHOLE);
    match set(strategy, "requestedToCapacityRatio") {
        Some(_) if is_whole && kind != ratio => {
            errors.forbidden(
                field,
                "must be nil when type is not RequestedToCapacityRatio",
            );
        }
        Some(curve) => validate_shape(options, shape, list(curve, "shape"), errors),
        None if is_whole && kind == ratio => {
            let detail = "must be specified when type is RequestedToCapacityRatio";
            errors.required(field, detail);
        }
        None => {}
    }
}

/// What a plugin with arguments that are valid does with a strategy that it cannot follow.
pub(super) fn fit_end(options: &Options, args: &Node) -> Option<Fit> {
    let strategy = set(args, "scoringStrategy")?;
    let kind = text(strategy, "type");
    let ratio = "RequestedToCapacityRatio";
    if !options.since(STRATEGIES) && !["LeastAllocated", "MostAllocated", ratio].contains(&kind) {
        return Some(Fit::Error(format!(
            "scoring strategy {kind} is not supported"
        )));
    }
    let lacks_curve = kind == ratio && set(strategy, "requestedToCapacityRatio").is_none();
    (lacks_curve && options.since(STRATEGIES)).then_some(Fit::Panic)
}

/// See [`fit_end`].
pub(super) enum Fit {
    /// It reports an error.
    Error(String),
    /// It follows a pointer to nothing.
    Panic,
}

/// `validateFunctionShape`.
fn validate_shape(options: &Options, path: &str, points: &[Node], errors: &mut FieldErrors) {
    if points.is_empty() {
        errors.required(path, "at least one point must be specified");
        return;
    }
    let utilization = |point: &Node| int(point, "utilization").unwrap_or(0);
    let pairs = (1_usize..).zip(points.iter().zip(points.iter().skip(1)));
    for (index, (before, point)) in pairs {
        if utilization(before) >= utilization(point) {
            let path = format!("{path}[{index}].utilization");
            let value = utilization(point).to_string();
            let detail = if options.since(SHORT) {
                "values must be sorted in increasing order"
            } else {
                "utilization values must be sorted in increasing order"
            };
            errors.invalid(&path, &value, detail);
            break;
        }
    }
    for (index, point) in points.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let used = utilization(point);
        in_range(&format!("{path}.utilization"), used, 0, 100, errors);
        let score = int(point, "score").unwrap_or(0);
        in_range(&format!("{path}.score"), score, 0, 10, errors);
    }
}
