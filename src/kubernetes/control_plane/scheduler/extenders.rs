//! `extenders`.

use super::super::document::{int, list, text};
use super::super::errors::{AS_JSON, FieldErrors};
use super::super::options::Options;
use crate::kubernetes::arguments::names::key_errors;
use crate::kubernetes::codec::tree::Node;

/// `validateExtenders`.
pub(super) fn validate(options: &Options, extenders: &[Node], errors: &mut FieldErrors) {
    let mut binders: usize = 0;
    let mut managed: Vec<&str> = Vec::new();
    for (index, extender) in extenders.iter().enumerate() {
        let weight = int(extender, "weight").unwrap_or(0);
        if !text(extender, "prioritizeVerb").is_empty() && weight <= 0 {
            let path = format!("extenders[{index}].weight");
            let detail = "must have a positive weight applied to it";
            errors.invalid(&path, &weight.to_string(), detail);
        }
        if !text(extender, "bindVerb").is_empty() {
            binders = binders.saturating_add(1);
        }
        for (position, resource) in list(extender, "managedResources").iter().enumerate() {
            let path = format!("extenders[{index}].managedResources[{position}].name");
            let name = text(resource, "name");
            resource_name(options, &path, name, errors);
            if managed.contains(&name) {
                errors.invalid_text(&path, name, "duplicate extender managed resource name");
            }
            managed.push(name);
        }
    }
    if binders > 1 {
        let found = format!("found {binders} extenders implementing bind");
        errors.invalid_text("extenders", &found, "only one extender can implement bind");
    }
}

/// `validateExtendedResourceName`.
fn resource_name(options: &Options, path: &str, name: &str, errors: &mut FieldErrors) {
    let found = key_errors(options.minor(), name);
    for error in &found {
        // Older releases print a name of a type of its own as it is.
        if options.since(AS_JSON) {
            errors.invalid_text(path, name, error);
        } else {
            errors.invalid(path, name, error);
        }
    }
    if !found.is_empty() {
        return;
    }
    let is_native = !name.contains('/') || name.contains("kubernetes.io/");
    let quota = format!("requests.{name}");
    if is_native || name.starts_with("requests.") || !key_errors(options.minor(), &quota).is_empty()
    {
        errors.invalid_text(path, name, "is an invalid extended resource name");
    }
}
