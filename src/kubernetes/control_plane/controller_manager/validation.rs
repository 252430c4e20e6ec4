//! Options are checked together: all errors are reported.
//!
//! Upstream: `cmd/kube-controller-manager/app/options`, and `k8s.io/controller-manager/options/generic.go`.

use super::super::errors::{Errors, quote};
use super::super::network::Cidr;
use super::super::options::Options;
use super::super::state::Files;
use super::super::{delegation, metrics, serving, versions};
use super::controllers;

/// Since which minor leases alone are locks.
const LEASES: u32 = 27;
/// Since which minor no cloud provider is built in.
const EXTERNAL: u32 = 32;
/// Up to which minor there are filters of hosts of volumes.
const VOLUME_HOSTS: u32 = 27;

/// A flag that holds a number, and the bounds that it is checked for.
struct Bound {
    flag: &'static str,
    since: u32,
    least: i64,
    most: i64,
    /// What is wrong with a number that is too low. `{}` is the number.
    low: &'static str,
}

impl Bound {
    const fn at_least_one(flag: &'static str, since: u32) -> Self {
        Self {
            flag,
            since,
            least: 1,
            most: i64::MAX,
            low: "must be greater than 0, but got {}",
        }
    }

    const fn between(flag: &'static str, least: i64, most: i64) -> Self {
        Self {
            flag,
            since: 24,
            least,
            most,
            low: "",
        }
    }

    const fn worded(flag: &'static str, since: u32, low: &'static str) -> Self {
        Self {
            flag,
            since,
            least: 1,
            most: i64::MAX,
            low,
        }
    }
}

/// Those before the checks of addresses, in their order.
const BOUNDS: &[Bound] = &[
    Bound::at_least_one("concurrent-daemonset-syncs", 32),
    Bound::worded(
        "concurrent-device-taint-eviction-syncs",
        35,
        "must be greater than zero, got {}",
    ),
    Bound::worded(
        "concurrent-resourceclaim-syncs",
        36,
        "must be larger than 0, got {}",
    ),
    Bound::at_least_one("concurrent-statefulset-syncs", 24),
    Bound::between("concurrent-service-endpoint-syncs", 1, 50),
    Bound::between("max-endpoints-per-slice", 1, 1000),
    Bound::between("mirroring-concurrent-service-endpoint-syncs", 1, 50),
    Bound::between("mirroring-max-endpoints-per-subset", 1, 1000),
    Bound::at_least_one("concurrent-ephemeralvolume-syncs", 24),
    Bound::at_least_one("concurrent-horizontal-pod-autoscaler-syncs", 26),
    Bound::at_least_one("concurrent-job-syncs", 28),
    Bound::at_least_one("concurrent-cron-job-syncs", 28),
];

/// The signers of certificates: the name in flags and in errors.
const SIGNERS: [(&str, &str); 4] = [
    ("kubelet-serving", "kubelet-serving"),
    ("kubelet-client", "kube-apiserver-client"),
    ("kube-apiserver-client", "kube-apiserver"),
    ("legacy-unknown", "legacy-unknown"),
];

/// `Validate`.
pub(super) fn validate(options: &Options, files: &Files<'_>, errors: &mut Errors) {
    versions::validate(options, errors);
    let lock = "leader-elect-resource-lock";
    if options.since(LEASES)
        && options.bool("leader-elect", true)
        && options.text(lock, "leases") != "leases"
    {
        errors.push("resourceLock value must be \"leases\"", options.at(&[lock]));
    }
    controllers::validate(options, errors);
    reconciliation(options, errors);
    signing(options, errors);
    for bound in BOUNDS {
        bound.validate(options, errors);
    }
    services(options, errors);
    volume_hosts(options, errors);
    serving::validate(options, super::PORT, errors);
    delegation::validate_headers(options, errors);
    metrics::validate(options, files, errors);
    cloud(options, errors);
}

impl Bound {
    fn validate(&self, options: &Options, errors: &mut Errors) {
        let Self {
            flag, least, most, ..
        } = *self;
        let number = options.int(flag, least);
        if !options.since(self.since) || (least..=most).contains(&number) {
            return;
        }
        let words = if number > most {
            format!("must not be more than {most}, but got {number}")
        } else if self.low.is_empty() {
            format!("must not be less than {least}, but got {number}")
        } else {
            self.low.replace("{}", &number.to_string())
        };
        errors.push(format!("{flag} {words}"), options.at(&[flag]));
    }
}

/// Since 1.26.
fn reconciliation(options: &Options, errors: &mut Errors) {
    let flag = "attach-detach-reconcile-sync-period";
    let second = 1_000_000_000;
    if options.since(26) && options.duration(flag, second) < second {
        errors.push(
            "duration time must be greater than one second as set via command line option reconcile-sync-loop-period",
            options.at(&[flag]),
        );
    }
}

/// `CSRSigningControllerOptions.Validate`.
fn signing(options: &Options, errors: &mut Errors) {
    let is_set = |flag: &str| !options.text(flag, "").is_empty();
    let all = ["cluster-signing-cert-file", "cluster-signing-key-file"];
    let mut specific = Vec::new();
    for (name, shown) in SIGNERS {
        let certificate = format!("cluster-signing-{name}-cert-file");
        let key = format!("cluster-signing-{name}-key-file");
        let words = match (is_set(&certificate), is_set(&key)) {
            (false, false) => continue,
            (true, true) => None,
            (false, true) => Some("cannot specify key without cert"),
            (true, false) => Some("cannot specify cert without key"),
        };
        let at = options.at(&[&certificate, &key]);
        if let Some(words) = words {
            errors.push(format!("\"cluster-signing-{shown}\": {words}"), at.clone());
        }
        specific.extend(at);
    }
    if all.iter().any(|flag| is_set(flag)) && !specific.is_empty() {
        let mut at = options.at(&all);
        at.extend(specific);
        errors.push(
            "cannot specify --cluster-signing-{cert,key}-file and other --cluster-signing-*-file flags at the same time",
            at,
        );
    }
}

/// `NodeIPAMControllerOptions.Validate`.
fn services(options: &Options, errors: &mut Errors) {
    let flag = "service-cluster-ip-range";
    if options.text(flag, "").split(',').count() > 2 {
        errors.push(
            format!("--{flag} can not contain more than two entries"),
            options.at(&[flag]),
        );
    }
}

/// `PersistentVolumeBinderControllerOptions.Validate`.
fn volume_hosts(options: &Options, errors: &mut Errors) {
    let flag = "volume-host-cidr-denylist";
    let ranges = options.list(flag).unwrap_or_default();
    let wrong = ranges.iter().find(|range| Cidr::parse(range).is_none());
    if let Some(range) = wrong
        && !options.since(VOLUME_HOSTS.saturating_add(1))
    {
        errors.push(
            format!(
                "bad --volume-host-ip-denylist/--volume-host-allow-local-loopback failed to parse cidr value:{} with error:invalid CIDR address: {range}",
                quote(range)
            ),
            options.at(&[flag]),
        );
    }
}

fn cloud(options: &Options, errors: &mut Errors) {
    if !options.since(EXTERNAL) {
        return;
    }
    let flag = "cloud-provider";
    let provider = options.text(flag, "");
    if !matches!(provider, "" | "external") {
        errors.push(
            format!(
                "cloud provider {} was specified, but built-in cloud providers are disabled. Please set --cloud-provider=external and migrate to an external cloud provider",
                quote(provider)
            ),
            options.at(&[flag]),
        );
    }
    let flag = "cidr-allocator-type";
    let kind = options.text(flag, "");
    if !matches!(kind, "" | "RangeAllocator") {
        errors.push(
            format!("built-in cloud providers are disabled. The ipam {kind} is not available"),
            options.at(&[flag]),
        );
    }
}
