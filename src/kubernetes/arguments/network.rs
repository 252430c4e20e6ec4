//! Addresses and ports, as Go's `net` and Kubernetes' copy of its older parser read them.
//!
//! Upstream: Go `net/ip.go`, `net/ipsock.go` (`SplitHostPort`); `k8s.io/utils/net` (`ParseIPSloppy`,
//! `ParsePort`); `k8s.io/apimachinery/pkg/util/net/port_range.go`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::go;
use crate::kubernetes::codec::number;

/// `net.ParseIP`: no leading zeros in IPv4, no zone.
pub(crate) fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// `netutils.ParseIPSloppy`: leading zeros in IPv4 are ignored.
pub(crate) fn parse_ip_sloppily(text: &str) -> Option<IpAddr> {
    if let Some(address) = parse_ip(text) {
        return Some(address);
    }
    let (before, last) = match text.rsplit_once(':') {
        Some((before, last)) => (Some(before), last),
        None => (None, text),
    };
    let address = ipv4_with_zeros(last)?;
    match before {
        None => Some(IpAddr::V4(address)),
        Some(before) => {
            let address: Ipv6Addr = format!("{before}:{address}").parse().ok()?;
            Some(IpAddr::V6(address))
        }
    }
}

fn ipv4_with_zeros(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut fields = text.split('.');
    for octet in &mut octets {
        let field = fields.next()?;
        if field.is_empty() || !field.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *octet = field.parse().ok()?;
    }
    fields.next().is_none().then(|| Ipv4Addr::from(octets))
}

/// `net.SplitHostPort`, with the error's text.
pub(crate) fn split_host_port(text: &str) -> Result<(&str, &str), String> {
    let error = |why: &str| Err(format!("address {text}: {why}"));
    let Some(last) = text.rfind(':') else {
        return error("missing port in address");
    };
    let (host, port) = text.split_at_checked(last).unwrap_or((text, ""));
    let port = port.get(1..).unwrap_or_default();
    let host = if let Some(inner) = text.strip_prefix('[') {
        let Some((inside, after)) = inner.split_once(']') else {
            return error("missing ']' in address");
        };
        match after.strip_prefix(':') {
            _ if after.is_empty() => return error("missing port in address"),
            Some(rest) if rest.contains(':') => return error("too many colons in address"),
            Some(_) => {}
            None => {
                return error(if after.contains(':') && !after.starts_with(':') {
                    "missing port in address"
                } else {
                    "too many colons in address"
                });
            }
        }
        if inside.contains('[') {
            return error("unexpected '[' in address");
        }
        inside
    } else {
        if host.contains(':') {
            return error("too many colons in address");
        }
        if text.contains('[') {
            return error("unexpected '[' in address");
        }
        if text.contains(']') {
            return error("unexpected ']' in address");
        }
        host
    };
    if port.contains(']') {
        return error("unexpected ']' in address");
    }
    Ok((host, port))
}

/// `netutils.ParsePort` with zero allowed: an unsigned decimal number of 16 bits.
pub(crate) fn is_port(text: &str) -> bool {
    number::parse_uint(text, 10, 16).is_ok()
}

/// `utilnet.PortRange.Set`: `30000-32767`, `30000+100`, `30000`, or nothing.
pub(crate) fn check_port_range(text: &str) -> Result<(), String> {
    let text = trim(text);
    if text.is_empty() {
        return Ok(());
    }
    let (low, high) = match (text.split_once('-'), text.split_once('+')) {
        (None, None) => {
            let port = number::atoi(text)?;
            (port, port)
        }
        (Some((low, high)), None) => (number::atoi(low)?, number::atoi(high)?),
        (None, Some((low, offset))) => {
            let low = number::atoi(low)?;
            (low, low.wrapping_add(number::atoi(offset)?))
        }
        _ => return Err(format!("unable to parse port range: {text}")),
    };
    if low > 65535 || high > 65535 {
        return Err(format!(
            "the port range cannot be greater than 65535: {text}"
        ));
    }
    if high < low {
        return Err(format!("end port cannot be less than start port: {text}"));
    }
    Ok(())
}

/// `strings.TrimSpace`.
pub(crate) fn trim(text: &str) -> &str {
    std::str::from_utf8(go::trim_space(text.as_bytes())).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_have_zeros_only_where_kubernetes_allows_them() {
        for text in ["10.0.0.1", "::", "fe80::1", "::ffff:1.2.3.4", "2001:DB8::1"] {
            assert!(parse_ip(text).is_some(), "{text}");
            assert!(parse_ip_sloppily(text).is_some(), "{text}");
        }
        for text in ["010.0.0.1", "10.0.0.0001", "::ffff:01.2.3.4"] {
            assert!(parse_ip(text).is_none(), "{text}");
            assert!(parse_ip_sloppily(text).is_some(), "{text}");
        }
        for text in [
            "",
            "10.0.0",
            "10.0.0.256",
            "10.0.0.1.",
            " 10.0.0.1",
            "10.0.0.1/8",
            "localhost",
            "fe80::1%eth0",
            "[::1]",
            "1.2.3.4.5",
            "1..2.3",
            "+1.2.3.4",
            ":1.2.3.4",
        ] {
            assert!(parse_ip_sloppily(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_port_follows_the_last_colon() {
        for (text, parts) in [
            ("1.2.3.4:80", ("1.2.3.4", "80")),
            (":80", ("", "80")),
            ("[::1]:80", ("::1", "80")),
            ("h:", ("h", "")),
        ] {
            assert_eq!(split_host_port(text), Ok(parts));
        }
        for (text, message) in [
            ("h", "address h: missing port in address"),
            ("", "address : missing port in address"),
            ("a:b:c", "address a:b:c: too many colons in address"),
            ("[::1]", "address [::1]: missing port in address"),
            ("[::1:80", "address [::1:80: missing ']' in address"),
            ("a]:1", "address a]:1: unexpected ']' in address"),
        ] {
            assert_eq!(split_host_port(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn port_ranges_have_three_notations() {
        for text in ["", "80", "30000-32767", "30000+10", " 1-2 ", "-1"] {
            let expected = text != "-1";
            assert_eq!(check_port_range(text).is_ok(), expected, "{text}");
        }
        for (text, message) in [
            ("a", "strconv.Atoi: parsing \"a\": invalid syntax"),
            ("2-1", "end port cannot be less than start port: 2-1"),
            (
                "1-65536",
                "the port range cannot be greater than 65535: 1-65536",
            ),
            ("1-2+3", "unable to parse port range: 1-2+3"),
            ("1-2-3", "strconv.Atoi: parsing \"2-3\": invalid syntax"),
        ] {
            assert_eq!(check_port_range(text), Err(message.to_owned()));
        }
    }
}
