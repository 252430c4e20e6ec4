//! `profiles`.

use super::super::document::{int, list, set, text};
use super::super::errors::FieldErrors;
use super::super::options::Options;
use super::arguments::{self, Fit};
use crate::kubernetes::codec::tree::{Node, Value};

/// A version whose plugins have defaults at each extension point, which are merged with those of the file.
const MERGED: &str = "kubescheduler.config.k8s.io/v1beta2";

/// Extension points whose plugins are looked up among those that are gone.
const POINTS: [&str; 13] = [
    "preEnqueue",
    "queueSort",
    "preFilter",
    "filter",
    "postFilter",
    "preScore",
    "score",
    "reserve",
    "permit",
    "preBind",
    "bind",
    "postBind",
    "podGroupPostFilter",
];

/// Plugins that are gone in version `v1` of the configuration, up to 1.29 and since 1.31, with what older and newer
/// releases call the version.
const GONE: &[(&str, u32, u32, &str)] = &[
    ("SelectorSpread", 25, 29, "kubescheduler.config.k8s.io/v1"),
    ("AzureDiskLimits", 31, u32::MAX, "v1"),
    ("CinderLimits", 31, u32::MAX, "v1"),
    ("EBSLimits", 31, u32::MAX, "v1"),
    ("GCEPDLimits", 31, u32::MAX, "v1"),
];

/// The name of a profile; a single one has a default.
fn name(profile: &Node, is_single: bool) -> &str {
    match set(profile, "schedulerName") {
        None if is_single => "default-scheduler",
        _ => text(profile, "schedulerName"),
    }
}

pub(super) fn validate(
    options: &Options,
    root: &Node,
    api_version: &str,
    errors: &mut FieldErrors,
) {
    let profiles = list(root, "profiles");
    let mut names: Vec<&str> = Vec::new();
    for (index, profile) in profiles.iter().enumerate() {
        let path = format!("profiles[{index}]");
        let name = name(profile, profiles.len() == 1);
        if name.is_empty() {
            errors.required(&format!("{path}.schedulerName"), "");
        }
        percentage(&format!("{path}.percentageOfNodesToScore"), profile, errors);
        plugins(options, &path, profile, api_version, errors);
        plugin_configurations(options, &path, profile, api_version, errors);
        if names.contains(&name) {
            // The value is a path, which is not printed so that it can be read.
            errors
                .messages
                .push(format!("{path}.schedulerName: Duplicate value: …"));
        }
        names.push(name);
    }
    if api_version != MERGED {
        queue_sort(options, profiles, errors);
    }
}

/// The error of a plugin that is gone, for a field whose path is given.
fn gone(
    options: &Options,
    path: &str,
    name: &str,
    api_version: &str,
    errors: &mut FieldErrors,
) -> bool {
    let minor = options.minor().0;
    let row = GONE
        .iter()
        .find(|(plugin, since, last, _)| *plugin == name && (*since..=*last).contains(&minor));
    let Some((_, _, _, version)) = row else {
        return false;
    };
    // Older versions of the configuration come first, and lack none.
    if minor <= 29 && api_version != *version {
        return false;
    }
    let detail = format!(
        "was invalid in version \"{version}\" (KubeSchedulerConfiguration is version \"{api_version}\")"
    );
    errors.invalid_text(path, name, &detail);
    true
}

fn plugins(
    options: &Options,
    path: &str,
    profile: &Node,
    api_version: &str,
    errors: &mut FieldErrors,
) {
    let Some(plugins) = set(profile, "plugins") else {
        return;
    };
    if api_version == MERGED {
        return;
    }
    for point in POINTS {
        let Some(set) = set(plugins, point) else {
            continue;
        };
        for (index, plugin) in list(set, "enabled").iter().enumerate() {
            let path = format!("{path}.plugins.{point}.enabled[{index}]");
            gone(options, &path, text(plugin, "name"), api_version, errors);
        }
    }
}

fn plugin_configurations(
    options: &Options,
    path: &str,
    profile: &Node,
    api_version: &str,
    errors: &mut FieldErrors,
) {
    let mut seen: Vec<&str> = Vec::new();
    for (index, plugin) in list(profile, "pluginConfig").iter().enumerate() {
        let path = format!("{path}.pluginConfig[{index}]");
        let name = text(plugin, "name");
        if seen.contains(&name) {
            errors.duplicate(&path, name);
        } else {
            seen.push(name);
        }
        if !gone(options, &path, name, api_version, errors) {
            let args = set(plugin, "args");
            arguments::validate(options, &format!("{path}.args"), name, args, errors);
        }
    }
}

/// `validatePercentageOfNodesToScore`.
pub(super) fn percentage(path: &str, node: &Node, errors: &mut FieldErrors) {
    let share = int(node, "percentageOfNodesToScore").unwrap_or(0);
    if !(0..=100).contains(&share) {
        errors.invalid(path, &share.to_string(), "not in valid range [0-100]");
    }
}

/// `validateCommonQueueSort`.
fn queue_sort(options: &Options, profiles: &[Node], errors: &mut FieldErrors) {
    let of = |profile: &Node| -> [Vec<(String, i64)>; 2] {
        let set = profile.at("plugins.queueSort");
        ["enabled", "disabled"].map(|name| {
            let plugins = set.map(|set| list(set, name)).unwrap_or_default();
            let plugins = plugins.iter().map(|plugin| {
                let weight = match name {
                    "enabled" => int(plugin, "weight").unwrap_or(0),
                    _ => 0,
                };
                (text(plugin, "name").to_owned(), weight)
            });
            plugins.collect()
        })
    };
    let Some((first, others)) = profiles.split_first() else {
        return;
    };
    let canon = of(first);
    let count = canon[0].len();
    if count > 1 {
        errors.invalid(
            "profiles[0].plugins.queueSort.Enabled",
            &count.to_string(),
            "only one queue sort plugin can be enabled",
        );
    }
    let detail = match options.minor().0 {
        ..=29 => "has to match for all profiles",
        30..=33 => "queueSort must be the same for all profiles",
        34.. => "must be the same for all profiles",
    };
    for (index, profile) in (1_usize..).zip(others) {
        if of(profile) != canon {
            errors.invalid(&format!("profiles[{index}].plugins.queueSort"), "…", detail);
        }
    }
}

/// The error of a plugin that is set up: of arguments that are not checked before.
pub(super) fn plugin_error(options: &Options, root: &Node, api_version: &str) -> Option<String> {
    if api_version == MERGED {
        return None;
    }
    let profiles = list(root, "profiles");
    profiles.iter().find_map(|profile| {
        let plugin = "NodeResourcesFit";
        if is_disabled(profile, plugin) {
            return None;
        }
        let configurations = list(profile, "pluginConfig");
        let args = configurations
            .iter()
            .find(|configuration| text(configuration, "name") == plugin)
            .and_then(|configuration| set(configuration, "args"))?;
        let mut errors = FieldErrors::default();
        arguments::validate_fit(options, args, &mut errors);
        let error = match errors.message() {
            Some(error) => error,
            None => match arguments::fit_end(options, args)? {
                Fit::Error(error) => error,
                Fit::Panic => {
                    let words = "invalid memory address or nil pointer dereference";
                    return Some(format!("panic: runtime error: {words}"));
                }
            },
        };
        let name = name(profile, profiles.len() == 1);
        Some(format!(
            "initializing profiles: creating profile for scheduler name {name}: initializing plugin \"{plugin}\": {error}"
        ))
    })
}

/// Whether a profile may do without a plugin.
fn is_disabled(profile: &Node, plugin: &str) -> bool {
    let Some(Value::Map(points)) = set(profile, "plugins").map(|node| &node.value) else {
        return false;
    };
    points.iter().any(|(_, set)| {
        let disabled = list(set, "disabled").iter();
        disabled
            .map(|disabled| text(disabled, "name"))
            .any(|name| name == "*" || name == plugin)
    })
}
