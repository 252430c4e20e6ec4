//! Options of admission, and the plugins of each release.
//!
//! Upstream: `pkg/kubeapiserver/options/{admission,plugins}.go` and
//! `k8s.io/apiserver/pkg/server/options/admission.go`.

use super::super::errors::{Errors, quote};
use super::super::options::Options;
use crate::kubernetes::Minor;

/// The plugins in the order in which they are set up: name, minors, and `+` where a plugin is on by default.
const PLUGINS: &str = "\
AlwaysAdmit 24-
NamespaceAutoProvision 24-
NamespaceLifecycle 24- +
NamespaceExists 24-
SecurityContextDeny 24-29
LimitPodHardAntiAffinityTopology 24-
LimitRanger 24- +
ServiceAccount 24- +
NodeRestriction 24-
TaintNodesByCondition 24- +
AlwaysPullImages 24-
ImagePolicyWebhook 24-
PodSecurity 24- +
PodSecurityPolicy 24-24
PodNodeSelector 24-
Priority 24- +
DefaultTolerationSeconds 24- +
PodTolerationRestriction 24-
EventRateLimit 24-
ExtendedResourceToleration 24-
PersistentVolumeLabel 24-30
DefaultStorageClass 24- +
StorageObjectInUseProtection 24- +
PodGroupProtection 36- +
OwnerReferencesPermissionEnforcement 24-
PersistentVolumeClaimResize 24- +
RuntimeClass 24- +
CertificateApproval 24- +
CertificateSigning 24- +
ClusterTrustBundleAttest 27- +
CertificateSubjectRestriction 24- +
DefaultIngressClass 24- +
DenyServiceExternalIPs 24-
PodTopologyLabels 33- +
NodeDeclaredFeatureValidator 35- +
PodGroupWorkloadExists 36-36 +
JobValidation 36-36 +
PodResizeValidator 36- +
MutatingAdmissionPolicy 32- +
MutatingAdmissionWebhook 24- +
ValidatingAdmissionPolicy 26- +
ValidatingAdmissionWebhook 24- +
ResourceQuota 24- +
AlwaysDeny 24-
";

/// The plugins of a release, and whether each is on by default.
fn plugins(minor: Minor) -> impl Iterator<Item = (&'static str, bool)> {
    PLUGINS.lines().filter_map(move |row| {
        let mut columns = row.split(' ');
        let (name, minors) = (columns.next()?, columns.next()?);
        let (first, last) = minors.split_once('-')?;
        let is_in =
            minor.0 >= first.parse().ok()? && (last.is_empty() || minor.0 <= last.parse().ok()?);
        is_in.then_some((name, columns.next().is_some()))
    })
}

/// Whether a release has a plugin of that name.
pub(crate) fn is_plugin(minor: Minor, name: &str) -> bool {
    plugins(minor).any(|(known, _)| known == name)
}

/// The plugins that are set up, in order.
pub(super) fn enabled(options: &Options) -> Vec<&'static str> {
    let only = options.list("admission-control");
    let on = options.list("enable-admission-plugins").unwrap_or_default();
    let off = options
        .list("disable-admission-plugins")
        .unwrap_or_default();
    plugins(options.minor())
        .filter(|(name, default)| match &only {
            Some(only) => only.contains(name),
            None => on.contains(name) || (*default && !off.contains(name)),
        })
        .map(|(name, _)| name)
        .collect()
}

/// `AdmissionOptions.Validate`.
pub(super) fn validate(options: &Options, errors: &mut Errors) {
    let minor = options.minor();
    let only = options.list("admission-control");
    let on = options.list("enable-admission-plugins");
    let off = options.list("disable-admission-plugins");
    let flags = [
        "admission-control",
        "enable-admission-plugins",
        "disable-admission-plugins",
    ];
    if only.is_some() && (on.is_some() || off.is_some()) {
        errors.push(
            "admission-control and enable-admission-plugins/disable-admission-plugins flags are mutually exclusive",
            options.at(&flags),
        );
    }
    let (on, off) = (on.unwrap_or_default(), off.unwrap_or_default());
    for (flag, names) in flags
        .into_iter()
        .zip([&only.unwrap_or_default(), &on, &off])
    {
        for name in names.iter().filter(|name| !is_plugin(minor, name)) {
            errors.push_unknown(
                format!("{flag} plugin {} is unknown", quote(name)),
                options.at(&[flag]),
            );
        }
    }
    let mut both: Vec<&str> = on
        .iter()
        .copied()
        .filter(|name| off.contains(name))
        .collect();
    both.sort_unstable();
    both.dedup();
    if !both.is_empty() {
        errors.push(
            format!(
                "[{}] in enable-admission-plugins and disable-admission-plugins overlapped",
                both.join(" ")
            ),
            options.at(&["enable-admission-plugins", "disable-admission-plugins"]),
        );
    }
}
