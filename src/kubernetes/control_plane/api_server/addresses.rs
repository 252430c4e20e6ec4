//! `--service-cluster-ip-range`, `--service-node-port-range`, `--advertise-address`.
//!
//! Upstream: `cmd/kube-apiserver/app/options/{completion,validation}.go`.

use std::net::IpAddr;

use super::super::errors::{Errors, quote};
use super::super::network::Cidr;
use super::super::options::Options;
use crate::kubernetes::arguments::network::parse_ip_sloppily;

/// The flag.
pub(super) const RANGE: &str = "service-cluster-ip-range";
/// The bits of addresses that the allocator of older releases keeps in one object.
const MOST_BITS: u32 = 20;

/// The ranges of services.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ranges {
    pub(super) primary: Cidr,
    secondary: Option<Cidr>,
    count: usize,
}

/// `getServiceIPAndRanges`.
pub(super) fn ranges(options: &Options) -> Result<Ranges, String> {
    let text = options.text(RANGE, "");
    let mut items = text.split(',');
    let first = items
        .next()
        .filter(|first| !text.is_empty() || !first.is_empty());
    let Some(first) = first else {
        let primary = Cidr {
            address: IpAddr::V4([10, 0, 0, 0].into()),
            prefix: 24,
        };
        return Ok(Ranges {
            primary,
            secondary: None,
            count: 1,
        });
    };
    let primary = Cidr::parse(first).ok_or("service-cluster-ip-range[0] is not a valid cidr")?;
    if primary.host_bits() < 3 {
        return Err(
            "error determining service IP ranges for primary service cidr: the service cluster IP range must be at least 8 IP addresses"
                .to_owned(),
        );
    }
    let secondary = match items.next() {
        Some(second) => {
            Some(Cidr::parse(second).ok_or("service-cluster-ip-range[1] is not an ip net")?)
        }
        None => None,
    };
    Ok(Ranges {
        primary,
        secondary,
        count: text.split(',').count(),
    })
}

/// `validateClusterIPFlags`.
pub(super) fn validate_ranges(options: &Options, ranges: &Ranges, errors: &mut Errors) {
    let at = || options.at(&[RANGE]);
    if ranges.count > 2 {
        errors.push(
            "--service-cluster-ip-range must not contain more than two entries",
            at(),
        );
    }
    let most = most_bits(options);
    validate_size(
        ranges.primary,
        most,
        "--service-cluster-ip-range",
        options,
        errors,
    );
    let Some(secondary) = ranges.secondary else {
        return;
    };
    if ranges.primary.is_v4() == secondary.is_v4() {
        errors.push(
            "--service-cluster-ip-range[0] and --service-cluster-ip-range[1] must be of different IP family",
            at(),
        );
    }
    validate_size(
        secondary,
        most,
        "--service-cluster-ip-range[1]",
        options,
        errors,
    );
}

/// How many bits of addresses a range may have.
fn most_bits(options: &Options) -> u32 {
    let gate = options.gate("MultiCIDRServiceAllocator");
    match options.minor().0 {
        ..=26 => MOST_BITS,
        27 | 28 => {
            if gate {
                64
            } else {
                MOST_BITS
            }
        }
        29 | 30 => {
            if gate {
                u32::MAX
            } else {
                MOST_BITS
            }
        }
        31.. => {
            if gate && options.gate("DisableAllocatorDualWrite") {
                u32::MAX
            } else {
                MOST_BITS
            }
        }
    }
}

fn validate_size(range: Cidr, most: u32, name: &str, options: &Options, errors: &mut Errors) {
    if range.host_bits() <= most {
        return;
    }
    let bits = range.bits();
    errors.push(
        format!(
            "specified {name} is too large; for {bits}-bit addresses, the mask must be >= {}",
            i64::from(bits).saturating_sub(i64::from(most))
        ),
        options.at(&[RANGE]),
    );
}

/// `validateServiceNodePort`.
pub(super) fn validate_node_port(options: &Options, errors: &mut Errors) {
    let flags = ["kubernetes-service-node-port", "service-node-port-range"];
    let port = options.int("kubernetes-service-node-port", 0);
    if !(0..=65_535).contains(&port) {
        errors.push(
            format!(
                "--kubernetes-service-node-port {port} must be between 0 and 65535, inclusive. If 0, the Kubernetes master service will be of type ClusterIP"
            ),
            options.at(&flags),
        );
    }
    let Some((low, high)) = port_range(options.text("service-node-port-range", "30000-32767"))
    else {
        return;
    };
    if port > 0 && !(low..=high).contains(&port) {
        errors.push(
            format!("kubernetes service node port range {low}-{high} doesn't contain {port}"),
            options.at(&flags),
        );
    }
}

/// `ParsePortRange` of a range that the flag took.
fn port_range(text: &str) -> Option<(i64, i64)> {
    let text = text.trim();
    if let Some((base, more)) = text.split_once('+') {
        let base: i64 = base.parse().ok()?;
        let last = base.saturating_add(more.parse().ok()?);
        return Some((base, last.min(65_535)));
    }
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    Some((low.parse().ok()?, high.parse().ok()?))
}

/// `validatePublicIPServiceClusterIPRangeIPFamilies`. Where no address is given, it is one of the machine.
pub(super) fn validate_family(options: &Options, ranges: &Ranges, errors: &mut Errors) {
    if options.text("endpoint-reconciler-type", "lease") == "none" {
        return;
    }
    let Some(address) = parse_ip_sloppily(options.text("advertise-address", "").trim()) else {
        return;
    };
    if address.is_unspecified() || address.is_ipv4() == ranges.primary.is_v4() {
        return;
    }
    errors.push(
        format!(
            "service IP family {} must match public address family {}",
            quote(&ranges.primary.to_string()),
            quote(&address.to_string())
        ),
        options.at(&[RANGE, "advertise-address"]),
    );
}

#[cfg(test)]
mod tests {
    use super::Cidr;

    #[test]
    fn networks() {
        assert_eq!(
            Cidr::parse("010.43.1.2/16").unwrap().to_string(),
            "10.43.0.0/16"
        );
        assert_eq!(
            Cidr::parse("2001:db8::1/64").unwrap().to_string(),
            "2001:db8::/64"
        );
        assert_eq!(Cidr::parse("::/0").unwrap().to_string(), "::/0");
        for wrong in [
            "10.43.0.0",
            "10.43.0.0/33",
            "10.43.0.0/+1",
            "a/8",
            "10.43.0.0/",
        ] {
            assert_eq!(Cidr::parse(wrong), None, "{wrong}");
        }
    }
}
