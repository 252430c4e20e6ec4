//! `--runtime-config`.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/options/api_enablement.go` and `.../resourceconfig/helpers.go`;
//! the groups are those that `pkg/controlplane/import_known_versions.go` installs.

use std::collections::BTreeMap;

use super::super::errors::Errors;
use super::super::options::Options;
use crate::go;
use crate::kubernetes::{Failure, Minor};

const FLAG: &str = "runtime-config";
/// Since which minor versions are named together with their groups.
const WITH_VERSIONS: u32 = 36;

/// Groups and versions that a release registers, served or not, with their minors.
const VERSIONS: &str = "\
/v1 24-
admission.k8s.io/v1 24-
admission.k8s.io/v1beta1 24-
admissionregistration.k8s.io/v1 24-
admissionregistration.k8s.io/v1alpha1 26-
admissionregistration.k8s.io/v1beta1 24-
apiextensions.k8s.io/v1 24-
apiextensions.k8s.io/v1beta1 24-
apiregistration.k8s.io/v1 24-
apiregistration.k8s.io/v1beta1 24-
apps/v1 24-
apps/v1beta1 24-
apps/v1beta2 24-
authentication.k8s.io/v1 24-
authentication.k8s.io/v1alpha1 26-
authentication.k8s.io/v1beta1 24-
authorization.k8s.io/v1 24-
authorization.k8s.io/v1beta1 24-
autoscaling/v1 24-
autoscaling/v2 24-
autoscaling/v2beta1 24-35
autoscaling/v2beta2 24-35
batch/v1 24-
batch/v1beta1 24-
certificates.k8s.io/v1 24-
certificates.k8s.io/v1alpha1 27-
certificates.k8s.io/v1beta1 24-
coordination.k8s.io/v1 24-
coordination.k8s.io/v1alpha1 31-31
coordination.k8s.io/v1alpha2 32-
coordination.k8s.io/v1beta1 24-
discovery.k8s.io/v1 24-
discovery.k8s.io/v1beta1 24-
events.k8s.io/v1 24-
events.k8s.io/v1beta1 24-
extensions/v1beta1 24-
flowcontrol.apiserver.k8s.io/v1 29-
flowcontrol.apiserver.k8s.io/v1alpha1 24-28
flowcontrol.apiserver.k8s.io/v1beta1 24-
flowcontrol.apiserver.k8s.io/v1beta2 24-
flowcontrol.apiserver.k8s.io/v1beta3 26-
imagepolicy.k8s.io/v1alpha1 24-
internal.apiserver.k8s.io/v1alpha1 24-
lifecycle.k8s.io/v1alpha1 37-
networking.k8s.io/v1 24-
networking.k8s.io/v1alpha1 25-33
networking.k8s.io/v1beta1 24-
node.k8s.io/v1 24-
node.k8s.io/v1alpha1 24-
node.k8s.io/v1beta1 24-
policy/v1 24-
policy/v1beta1 24-
rbac.authorization.k8s.io/v1 24-
rbac.authorization.k8s.io/v1alpha1 24-
rbac.authorization.k8s.io/v1beta1 24-
resource.k8s.io/v1 34-
resource.k8s.io/v1alpha1 26-26
resource.k8s.io/v1alpha2 27-30
resource.k8s.io/v1alpha3 31-
resource.k8s.io/v1beta1 32-
resource.k8s.io/v1beta2 33-
scheduling.k8s.io/v1 24-
scheduling.k8s.io/v1alpha1 24-35
scheduling.k8s.io/v1alpha2 36-36
scheduling.k8s.io/v1alpha3 37-
scheduling.k8s.io/v1beta1 24-
storage.k8s.io/v1 24-
storage.k8s.io/v1alpha1 24-
storage.k8s.io/v1beta1 24-
storagemigration.k8s.io/v1 37-
storagemigration.k8s.io/v1alpha1 30-34
storagemigration.k8s.io/v1beta1 35-
";

/// Keys that stand for several versions.
const MATCHERS: &[&str] = &["api/all", "api/ga", "api/beta", "api/alpha"];

fn versions(minor: Minor) -> impl Iterator<Item = &'static str> {
    VERSIONS.lines().filter_map(move |row| {
        let (name, minors) = row.split_once(' ')?;
        let (first, last) = minors.split_once('-')?;
        let is_in =
            minor.0 >= first.parse().ok()? && (last.is_empty() || minor.0 <= last.parse().ok()?);
        is_in.then_some(name)
    })
}

/// Whether a group has any version. That of lists and the like is not in the table.
fn is_group(minor: Minor, group: &str) -> bool {
    group == "meta.k8s.io"
        || versions(minor).any(|version| {
            version
                .rsplit_once('/')
                .is_some_and(|(known, _)| known == group)
        })
}

/// The configuration with the old names of the core group replaced, as `Complete` does.
fn configuration(options: &Options) -> BTreeMap<String, String> {
    let mut configuration = BTreeMap::new();
    for (key, value) in options.map(FLAG) {
        let is_core =
            key == "v1" || key.starts_with("v1/") || key == "api/v1" || key.starts_with("api/v1/");
        let key = if is_core { "/v1" } else { key };
        if key != "api/legacy" {
            configuration.insert(key.to_owned(), value.to_owned());
        }
    }
    configuration
}

/// `validateAPIPriorityAndFairness`.
pub(super) fn validate_fairness(options: &Options, errors: &mut Errors) {
    let by_gate = !options.since(29);
    if !options.bool("enable-priority-and-fairness", true)
        || by_gate && !options.gate("APIPriorityAndFairness")
    {
        return;
    }
    let group = "flowcontrol.apiserver.k8s.io";
    let tested: Vec<String> = match options.minor().0 {
        ..=25 => vec![
            format!("{group}/v1beta2"),
            format!("{group}/v1beta1"),
            "api/beta".to_owned(),
        ],
        26..=28 => vec![format!("{group}/v1beta3"), "api/beta".to_owned()],
        29.. => vec![format!("{group}/v1"), "api/ga".to_owned()],
    };
    let pairs: Vec<String> = configuration(options)
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let text = pairs.join(",");
    for key in tested.into_iter().chain(["api/all".to_owned()]) {
        if text.contains(&format!("{key}=false")) {
            let suffix = if by_gate {
                " and --feature-gates=APIPriorityAndFairness=true"
            } else {
                ""
            };
            errors.push(
                format!(
                    "--{FLAG}={key}=false conflicts with --enable-priority-and-fairness=true{suffix}"
                ),
                options.at(&[FLAG, "enable-priority-and-fairness"]),
            );
            return;
        }
        if text.contains(&format!("{key}=true")) {
            return;
        }
    }
}

/// `APIEnablementOptions.Validate`.
pub(super) fn validate(options: &Options, errors: &mut Errors) {
    let configuration = configuration(options);
    let at = || options.at(&[FLAG]);
    let new = options.since(WITH_VERSIONS);
    if configuration.len() == 1
        && configuration
            .get("api/all")
            .is_some_and(|all| all == "false")
    {
        let word = if new { FLAG } else { "key" };
        errors.push(format!("invalid {word} with only api/all=false"), at());
        return;
    }
    let mut unknown: Vec<String> = Vec::new();
    for key in configuration
        .keys()
        .filter(|key| !MATCHERS.contains(&key.as_str()))
    {
        let parts: Vec<&str> = key.split('/').collect();
        let (Some(group), Some(version), 2 | 3) = (parts.first(), parts.get(1), parts.len()) else {
            errors.push(format!("{FLAG} invalid key {key}"), at());
            return;
        };
        if !is_group(options.minor(), group) {
            unknown.push(match (new, group.is_empty()) {
                (true, true) => (*version).to_owned(),
                (true, false) => format!("{group}/{version}"),
                (false, _) => (*group).to_owned(),
            });
        }
    }
    if unknown.is_empty() {
        return;
    }
    unknown.sort();
    if new {
        unknown.dedup();
    }
    errors.push_unknown(format!("unknown api groups {}", unknown.join(",")), at());
}

/// Whether the group of the aggregator is served.
pub(super) fn serves_aggregation(options: &Options) -> bool {
    let configuration = configuration(options);
    let setting = |key: &str| configuration.get(key).map(String::as_str);
    match setting("apiregistration.k8s.io/v1") {
        Some(value) => value.is_empty() || go::parse_bool(value.as_bytes()) == Some(true),
        // `api/all` is applied first, then the more special one.
        None => match setting("api/ga").or_else(|| setting("api/all")) {
            Some(value) => value != "false",
            None => true,
        },
    }
}

/// `MergeAPIResourceConfigs`.
pub(super) fn failure(options: &Options) -> Option<Failure> {
    let configuration = configuration(options);
    let failed = |message: String, is_unknown: bool| {
        let mut errors = Errors::default();
        if is_unknown {
            errors.push_unknown(message, options.at(&[FLAG]));
        } else {
            errors.push(message, options.at(&[FLAG]));
        }
        errors.into_failure()
    };
    for key in MATCHERS {
        if let Some(value) = configuration.get(*key)
            && !matches!(value.as_str(), "true" | "false")
        {
            return failed(format!("invalid value {key}={value}"), false);
        }
    }
    for (key, value) in configuration
        .iter()
        .filter(|(key, _)| !MATCHERS.contains(&key.as_str()))
    {
        let parts: Vec<&str> = key.split('/').collect();
        let (Some(group), Some(version)) = (parts.first(), parts.get(1)) else {
            continue;
        };
        if *group == "meta.k8s.io" {
            continue;
        }
        let name = format!("{group}/{version}");
        if !versions(options.minor()).any(|known| known == name) {
            let shown = if group.is_empty() {
                version
            } else {
                name.as_str()
            };
            return failed(
                format!("group version {shown} that has not been registered"),
                true,
            );
        }
        if !value.is_empty() && go::parse_bool(value.as_bytes()).is_none() {
            return failed(
                format!(
                    "invalid value of {key}: {value}, err: strconv.ParseBool: parsing {}: invalid syntax",
                    go::quote(value.as_bytes())
                ),
                false,
            );
        }
        if let Some(resource) = parts.get(2)
            && resource.to_lowercase() != **resource
        {
            return failed(
                format!(
                    "invalid key {key}: group/version/resource and resource is always lowercase plural, not {}",
                    go::quote(resource.as_bytes())
                ),
                false,
            );
        }
    }
    None
}
