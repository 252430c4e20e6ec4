//! Certificates that end soon. Each is logged once for each number of days that is reached, also if the monitor is
//! started again.

use super::input::StepInput;
use super::persisted::{LoggedExpiry, PersistedState};
use super::phase::Phase;
use crate::facts::{Certificate, CertificateKind};

/// The days that are left when a certificate is logged, fewest first.
const LEAF: [u64; 3] = [1, 7, 30];
const AUTHORITY: [u64; 2] = [90, 365];
/// Seconds.
const DAY: u64 = 86_400;
/// Certificates that are remembered.
const MOST: usize = 256;

/// A certificate that ends within a number of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expiring {
    /// The certificate.
    pub(crate) certificate: Certificate,
    /// The number of days that is reached.
    pub(crate) within: u64,
    /// Whether RKE2 renews it when it starts.
    pub(crate) is_renewed: bool,
}

/// Returns the certificates to log, and records them.
pub(super) fn detect(persisted: &mut PersistedState, input: &StepInput<'_>) -> Vec<Expiring> {
    let now = input.now / 1_000_000;
    let mut expiring = Vec::new();
    let measured = input.measured.iter();
    for certificate in measured.flat_map(|measured| &measured.certificates) {
        let before = persisted.certificates.get(&certificate.path);
        let is_new = before.is_none_or(|before| before.not_after != certificate.not_after);
        let within = reached(certificate, now);
        let Some(within) = within else {
            // It was renewed.
            persisted.certificates.remove(&certificate.path);
            continue;
        };
        let is_logged = before.is_some_and(|before| before.within <= within);
        if (!is_new && is_logged) || (is_new && persisted.certificates.len() >= MOST) {
            continue;
        }
        let Some(is_renewed) = is_renewed(certificate, persisted, input) else {
            continue;
        };
        let logged = LoggedExpiry {
            not_after: certificate.not_after,
            within,
        };
        persisted
            .certificates
            .insert(certificate.path.clone(), logged);
        expiring.push(Expiring {
            certificate: certificate.clone(),
            within,
            is_renewed,
        });
    }
    expiring
}

/// The fewest days that are logged and reached.
fn reached(certificate: &Certificate, now: u64) -> Option<u64> {
    let days: &[u64] = match certificate.kind {
        CertificateKind::Leaf => &LEAF,
        CertificateKind::Authority => &AUTHORITY,
    };
    let left = certificate.not_after.saturating_sub(now);
    days.iter().copied().find(|days| left <= days * DAY)
}

/// Whether RKE2 renews a certificate when it starts. `None` where it is not to be logged: the next start renews it
/// before it is used, or RKE2 runs without it.
fn is_renewed(
    certificate: &Certificate,
    persisted: &PersistedState,
    input: &StepInput<'_>,
) -> Option<bool> {
    let Some(renewal) = certificate.renewal else {
        return Some(false);
    };
    let runs = match input.phase {
        Phase::Running => true,
        Phase::Unknown => persisted.running == Some(true),
        _ => false,
    };
    if !runs {
        return None;
    }
    let started = input.started / 1_000_000;
    if started == 0 {
        return Some(true);
    }
    // What had expired when RKE2 started is of no use to it.
    if certificate.not_after < started {
        return None;
    }
    let left = certificate.not_after.saturating_sub(started);
    // That start would have renewed it.
    Some(left > renewal.saturating_mul(DAY))
}
