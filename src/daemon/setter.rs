//! Who made something so, as far as the host itself tells: the kernel keeps no record of who wrote a
//! parameter, but a file that sets the very value is a strong hint, and files have times.

use std::time::{Duration, UNIX_EPOCH};

use crate::examine;
use crate::facts::Part;
use crate::finding::{CheckId, Finding, Outcome};
use crate::host::HostRoot;

use crate::sysctl_d::{Assignment, NextBoot, Via};

/// How a change came to be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noticed {
    /// The kernel told of it as it was made.
    Told,
    /// It was found by looking.
    Looked,
}

/// Who made `finding` what it is, in half a sentence; `None` where nothing tells.
pub(super) fn of(root: &HostRoot, finding: &Finding, noticed: Noticed) -> Option<String> {
    if finding.id().sysctl_key().is_some() && finding.now() == Outcome::Violated {
        return parameter(root, finding, noticed);
    }
    let of = |parts: &[Part]| {
        let mut places = finding.evidence().iter();
        let place = places.find(|evidence| parts.contains(&evidence.part))?;
        Some(place.source.path.as_str())
    };
    // What decides over the next boot is a file that sets or hides something; what was refused
    // now, the file that was read.
    let path = match finding.id() {
        CheckId::AccountEtcdUser => Some("/etc/passwd"),
        CheckId::AccountEtcdGroup => Some("/etc/group"),
        id if id.sysctl_key().is_some() => of(&[Part::Sets, Part::Masks]),
        _ => of(&[Part::Read, Part::Demands]),
    }?;
    let (seconds, _) = root.stat(path).ok()?.modified;
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))?;
    let since = at.duration_since(UNIX_EPOCH).ok()?.as_micros();
    let at = crate::report::status::time(u64::try_from(since).ok()?);
    Some(format!("{path} was last changed at {at}"))
}

fn parameter(root: &HostRoot, finding: &Finding, noticed: Noticed) -> Option<String> {
    let actual = finding.actual()?;
    let parameters = examine::parameters(root);
    let next = parameters
        .resolution
        .keys
        .iter()
        .find(|next| next.key == finding.subject())?;
    Some(match (words(next, actual), noticed) {
        (Some(place), _) => format!("as {place}"),
        // The kernel tells of writes through the host's own mount of /proc.
        (None, Noticed::Looked) => format!(
            "no file sets {actual}: written by hand or by a program, maybe through another mount \
             of /proc, as in a container"
        ),
        (None, Noticed::Told) => {
            format!("no file sets {actual}: written by hand or by a program of this host")
        }
    })
}

/// The place that sets this very value, the one that wins first.
fn words(next: &NextBoot, actual: &str) -> Option<String> {
    let overridden = next.overrides.iter().map(|word| &word.assignment);
    let number: Option<i32> = actual.parse().ok();
    let same = |word: &&Assignment| match word.outcome.value() {
        Some(value) => Some(value) == number,
        None => word.value == actual,
    };
    let word = next.set.iter().chain(overridden).find(same)?;
    let by = match word.via {
        Via::Tuned => " (TuneD's profile)",
        Via::Reapplied => " (applied by TuneD)",
        _ => "",
    };
    Some(format!("{} sets it{by}", word.line.source))
}
