//! The validity of X.509 certificates: the only part of them that a start depends on here.
//!
//! The outer structure is walked with the crate `der`; names, keys and extensions are not decoded (RFC 5280, section
//! 4.1). PEM is split as Go's `encoding/pem` does: text around the blocks does not matter.

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode as _, SliceReader, Tag, Tagged as _};

use crate::yaml::scalar::base64;

/// From when to when a certificate is valid, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// It is not valid before.
    pub not_before: u64,
    /// It is not valid after.
    pub not_after: u64,
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The validity of each certificate of a PEM file. `None` where one of them is not understood.
pub fn validities(pem: &[u8]) -> Option<Vec<Validity>> {
    let mut rest = std::str::from_utf8(pem).ok()?;
    let mut all = Vec::new();
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (body, after) = after.split_once(END)?;
        let body: String = body.split_ascii_whitespace().collect();
        all.push(validity(&base64(&body)?)?);
        rest = after;
    }
    Some(all)
}

/// The validity of one certificate in DER.
fn validity(certificate: &[u8]) -> Option<Validity> {
    let certificate = AnyRef::from_der(certificate).ok()?;
    let mut fields = SliceReader::new(certificate.value()).ok()?;
    let to_be_signed = AnyRef::decode(&mut fields).ok()?;
    let mut fields = SliceReader::new(to_be_signed.value()).ok()?;
    let mut next = || AnyRef::decode(&mut fields).ok();
    // The version has a tag of its own, and is left out in certificates of version 1.
    if next()?.tag().is_context_specific() {
        let _serial_number = next()?;
    }
    let _algorithm = next()?;
    let _issuer = next()?;
    let validity = next()?;
    let mut times = SliceReader::new(validity.value()).ok()?;
    let mut time = || seconds(AnyRef::decode(&mut times).ok()?);
    Some(Validity {
        not_before: time()?,
        not_after: time()?,
    })
}

fn seconds(time: AnyRef<'_>) -> Option<u64> {
    let since_1970 = match time.tag() {
        Tag::UtcTime => time.decode_as::<UtcTime>().ok()?.to_unix_duration(),
        Tag::GeneralizedTime => time.decode_as::<GeneralizedTime>().ok()?.to_unix_duration(),
        _ => return None,
    };
    Some(since_1970.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `openssl x509 -dates` says of it: 2021-01-01 and 2022-01-01.
    const EXPIRED: &str = "-----BEGIN CERTIFICATE-----\n\
        MIIBbTCCAROgAwIBAgIUIybLmbmAn85ZwBsocLSiF2tl9MEwCgYIKoZIzj0EAwIw\n\
        JDEiMCAGA1UEAwwZcmtlMi1zZXJ2ZXItY2FAMTY2OTg1MjgwMDAeFw0yMTAxMDEw\n\
        MDAwMDBaFw0yMjAxMDEwMDAwMDBaMCQxIjAgBgNVBAMMGXJrZTItc2VydmVyLWNh\n\
        QDE2Njk4NTI4MDAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATSWNhAdL/qjYgK\n\
        8ogIDBjr4AleaMEfxkIrKNV3Ekah6cELcKSDDnBHMgcIGs5tLeTl+JmULbbm/C5E\n\
        68p6Oj++oyMwITAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwICpDAKBggq\n\
        hkjOPQQDAgNIADBFAiEA9ZdhFuEN4XNfZG6/4Ni9Zw74wm1BbuFd+iOpHAJ2iRYC\n\
        IGSXqyiT5WdILDM+md+/ygmL1YMwxid73U/qmhm4ZIPa\n\
        -----END CERTIFICATE-----\n";
    /// 2020-01-01 and, as a `GeneralizedTime`, 2090-01-01.
    const LONG: &str = "-----BEGIN CERTIFICATE-----\n\
        MIIBbzCCARWgAwIBAgIUCvh2f4OBICPo17qI1Z6yUEhSqlkwCgYIKoZIzj0EAwIw\n\
        JDEiMCAGA1UEAwwZcmtlMi1zZXJ2ZXItY2FAMTY2OTg1MjgwMDAgFw0yMDAxMDEw\n\
        MDAwMDBaGA8yMDkwMDEwMTAwMDAwMFowJDEiMCAGA1UEAwwZcmtlMi1zZXJ2ZXIt\n\
        Y2FAMTY2OTg1MjgwMDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIlXdZFlNpkx\n\
        h2HkIt5G+LItZmnnKvd/JkqBAUrqikGMNDd5gGmUjYOwavm9cKC22ZFqfwzryVZo\n\
        /fpQHHFDoUSjIzAhMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgKkMAoG\n\
        CCqGSM49BAMCA0gAMEUCIQDwLs5MUbxEtnCQn+eqDFbI4sH8pX8/Th2Z3WFBTs9k\n\
        uwIgaDuVxslzIPTdjjALRVQ7Tt3z9u/6XHj0Q9Z82z/U2eI=\n\
        -----END CERTIFICATE-----\n";

    #[test]
    fn both_forms_of_times_are_read() {
        let first = Validity {
            not_before: 1_609_459_200,
            not_after: 1_640_995_200,
        };
        let second = Validity {
            not_before: 1_577_836_800,
            not_after: 3_786_912_000,
        };
        assert_eq!(validities(EXPIRED.as_bytes()), Some(vec![first]));
        let both = format!("subject=x\n{EXPIRED}text\n{LONG}");
        assert_eq!(validities(both.as_bytes()), Some(vec![first, second]));
        let dense = LONG.replace('\n', "\r\n");
        assert_eq!(validities(dense.as_bytes()), Some(vec![second]));
        for nothing in ["", "x", "-----BEGIN EC PRIVATE KEY-----\n"] {
            assert_eq!(validities(nothing.as_bytes()), Some(Vec::new()));
        }
    }

    #[test]
    fn what_is_broken_is_not_understood() {
        for pem in [
            BEGIN.to_owned(),
            format!("{BEGIN}{END}"),
            format!("{BEGIN}MA{END}"),
            format!("{BEGIN}MAAA{END}"),
            format!("{BEGIN}\nProc-Type: x\n\nMAAA\n{END}"),
        ] {
            assert_eq!(validities(pem.as_bytes()), None, "{pem}");
        }
        let body: String = EXPIRED
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        let der = base64(&body).unwrap();
        for end in 0..der.len() {
            assert_eq!(validity(&der[..end]), None, "{end}");
        }
        // Whatever one byte is, nothing fails.
        for at in 0..der.len() {
            for byte in [0, 0x30, 0x7f, 0x80, 0xff] {
                let mut changed = der.clone();
                changed[at] = byte;
                let _ = validity(&changed);
            }
        }
        assert!(validities(&[0xff, 0xfe]).is_none());
    }
}
