//! The monitor's records of what changes by time: conditions that come and go, and certificates that end.

use std::time::{Duration, UNIX_EPOCH};

use super::journal::{dash, record};
use super::monitor::summary;
use crate::facts::CertificateKind;
use crate::finding::{CheckId, Effect, Finding};
use crate::journal::{FindingFields, Priority, Record, SummaryFields, id};
use crate::monitor::Expiring;
use crate::text::{count, printable};

/// Something is wrong that can pass.
pub(crate) fn appeared(unit: &str, finding: &Finding) -> Record {
    record(unit, finding, id::CONDITION, Priority::Warning)
}

/// It is over.
pub(crate) fn over(unit: &str, what: &str) -> Record {
    let what = printable(what);
    let message = format!("this no longer holds: {what}");
    let mut record = summary(id::CONDITION_OVER, Priority::Notice, unit, message);
    record.summary = Some(fields(what, String::new()));
    record
}

/// Whether a unit that sets the clock is enabled has changed.
pub(crate) fn time_sync(unit: &str, is_enabled: bool) -> Record {
    const NONE: &str = "no unit that sets the clock is enabled";
    if is_enabled {
        return over(unit, NONE);
    }
    let remedy = "enable chrony or systemd-timesyncd, unless the hypervisor sets the clock";
    let none = || "-".to_owned();
    Record {
        message_id: id::CONDITION,
        priority: Priority::Warning,
        message: format!("{NONE} any more; fix: {remedy}"),
        unit: unit.to_owned(),
        finding: Some(FindingFields {
            check: CheckId::HostTimeSync,
            effect: Effect::Advice,
            subject: "clock".to_owned(),
            required: none(),
            required_by: none(),
            actual: none(),
            next_boot: none(),
            file: none(),
            line: none(),
            predicted: none(),
            remedy: remedy.to_owned(),
        }),
        summary: None,
    }
}

/// Certificates end soon: a record for each kind and number of days.
pub(crate) fn expiring(unit: &str, now: u64, all: &[Expiring]) -> Vec<Record> {
    let mut rest: Vec<&Expiring> = all.iter().collect();
    let mut records = Vec::new();
    while let Some(first) = rest.first().copied() {
        let is_alike = |other: &&Expiring| {
            (first.certificate.kind, first.within, first.is_renewed)
                == (other.certificate.kind, other.within, other.is_renewed)
        };
        let (alike, others) = rest.into_iter().partition(is_alike);
        rest = others;
        records.extend(of_kind(unit, now, alike));
    }
    records
}

fn of_kind(unit: &str, now: u64, mut alike: Vec<&Expiring>) -> Option<Record> {
    alike.sort_by_key(|expiring| expiring.certificate.not_after);
    let first = *alike.first()?;
    let what = match first.certificate.kind {
        CertificateKind::Authority => "certificate authority",
        CertificateKind::Leaf => "certificate",
    };
    let remedy = match (first.certificate.kind, first.is_renewed) {
        (CertificateKind::Authority, _) => {
            "renew the certificate authorities with `rke2 certificate rotate-ca` while the servers run".to_owned()
        }
        (CertificateKind::Leaf, true) => format!("systemctl restart {unit}"),
        (CertificateKind::Leaf, false) => {
            "if it is in use, renew it, for RKE2's own with `rke2 certificate rotate` while RKE2 is stopped".to_owned()
        }
    };
    let why = match (first.certificate.kind, first.is_renewed) {
        (CertificateKind::Authority, _) => "RKE2 does not renew it",
        (CertificateKind::Leaf, true) => "RKE2 renews it only when it starts",
        (CertificateKind::Leaf, false) => "RKE2 did not renew it when it last started",
    };
    let path = printable(&first.certificate.path);
    let end = end(first.certificate.not_after, now);
    let others = match alike.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" ({more} more within {} days)", first.within),
    };
    let message = format!("the {what} {path} {end}{others}, and {why}; fix: {remedy}");
    let lines = alike.iter().map(|expiring| {
        let certificate = &expiring.certificate;
        let path = printable(&certificate.path);
        format!("{path} {}", self::end(certificate.not_after, now))
    });
    let reasons: Vec<String> = lines.collect();
    let mut record = summary(id::EXPIRING, Priority::Warning, unit, message);
    record.summary = Some(fields(reasons.join("\n"), remedy));
    Some(record)
}

/// `ends on 2027-01-01T00:00:00Z, in 29 days`.
fn end(not_after: u64, now: u64) -> String {
    let date = UNIX_EPOCH
        .checked_add(Duration::from_secs(not_after))
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .and_then(|since| u64::try_from(since.as_micros()).ok())
        .map_or_else(|| "a day far away".to_owned(), crate::text::time);
    let days = |seconds: u64| {
        let days = usize::try_from(seconds / 86_400).unwrap_or(usize::MAX);
        count(days, "day")
    };
    match not_after.checked_sub(now) {
        None => format!("ended on {date}"),
        Some(left) if left < 86_400 => format!("ends on {date}, in less than a day"),
        Some(left) => format!("ends on {date}, in {}", days(left)),
    }
}

fn fields(reasons: String, remedy: String) -> SummaryFields {
    SummaryFields {
        reasons: dash(reasons),
        remedy: dash(remedy),
        changed_by: "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Certificate;

    const UNIT: &str = "rke2-server.service";
    const DAY: u64 = 86_400;
    const NOW: u64 = 1_795_903_200;

    fn expiring_in(file: &str, kind: CertificateKind, days: u64, is_renewed: bool) -> Expiring {
        Expiring {
            certificate: Certificate {
                path: format!("/d/{file}"),
                file: file.to_owned(),
                kind,
                not_after: NOW + days * DAY + 1,
                renewal: None,
            },
            within: 30,
            is_renewed,
        }
    }

    #[test]
    fn certificates_that_are_alike_share_a_record() {
        let leaf = CertificateKind::Leaf;
        let records = expiring(
            UNIT,
            NOW,
            &[
                expiring_in("b.crt", leaf, 29, true),
                expiring_in("ca.crt", CertificateKind::Authority, 29, false),
                expiring_in("a.crt", leaf, 0, true),
                expiring_in("c.crt", leaf, 1, false),
            ],
        );
        let messages: Vec<&str> = records.iter().map(|r| r.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "the certificate /d/a.crt ends on 2026-11-28T22:00:01Z, in less than a day (1 more within 30 \
                 days), and RKE2 renews it only when it starts; fix: systemctl restart rke2-server.service",
                "the certificate authority /d/ca.crt ends on 2026-12-27T22:00:01Z, in 29 days, and RKE2 does not renew \
                 it; fix: renew the certificate authorities with `rke2 certificate rotate-ca` while the servers run",
                "the certificate /d/c.crt ends on 2026-11-29T22:00:01Z, in 1 day, and RKE2 did not renew it when it last \
                 started; fix: if it is in use, renew it, for RKE2's own with `rke2 certificate rotate` while RKE2 is \
                 stopped",
            ]
        );
        let reasons = records[0].summary.as_ref().unwrap().reasons.as_str();
        assert_eq!(
            reasons,
            "/d/a.crt ends on 2026-11-28T22:00:01Z, in less than a day\n/d/b.crt ends on 2026-12-27T22:00:01Z, in 29 days"
        );
        assert_eq!(expiring(UNIT, NOW, &[]), []);
        assert_eq!(end(5, 6), "ended on 1970-01-01T00:00:05Z");
        assert!(end(u64::MAX, 6).starts_with("ends on "));
    }

    #[test]
    fn a_change_of_what_sets_the_clock_has_all_fields() {
        let gone = time_sync(UNIT, false);
        assert_eq!(gone.message_id, id::CONDITION);
        assert!(gone.finding.is_some() && gone.summary.is_none());
        let back = time_sync(UNIT, true);
        assert_eq!(back.message_id, id::CONDITION_OVER);
        assert_eq!(
            back.message,
            "this no longer holds: no unit that sets the clock is enabled"
        );
    }
}
