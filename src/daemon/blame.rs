//! The likely cause of a change, as far as the host shows it. The kernel does not record which process
//! wrote a parameter, but a file that sets the same value is a strong hint, and files have modification
//! times.

use std::time::{Duration, UNIX_EPOCH};

use crate::examine;
use crate::facts::Part;
use crate::finding::{CheckId, Finding, Outcome};
use crate::host::HostRoot;

use crate::sysctl_d::{Assignment, KeyResolution, Via};

/// How a change was detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DetectedBy {
    /// The kernel reported the write.
    Notification,
    /// An evaluation found another value.
    Evaluation,
}

/// The likely cause of `finding`, in half a sentence; `None` where the host shows none.
pub(super) fn of(root: &HostRoot, finding: &Finding, detected_by: DetectedBy) -> Option<String> {
    if finding.id().sysctl_key().is_some() && finding.now() == Outcome::Violated {
        return parameter(root, finding, detected_by);
    }
    let of = |parts: &[Part]| {
        let mut places = finding.evidence().iter();
        let place = places.find(|evidence| parts.contains(&evidence.part))?;
        Some(place.source.path.as_str())
    };
    // A file that sets or hides a value decides the next boot; the file that was read decides now.
    let path = match finding.id() {
        CheckId::AccountEtcdUser => Some("/etc/passwd"),
        CheckId::AccountEtcdGroup => Some("/etc/group"),
        id if id.sysctl_key().is_some() => of(&[Part::Sets, Part::Masks]),
        _ => of(&[Part::Read, Part::Requires]),
    }?;
    let (seconds, _) = root.stat(path).ok()?.modified;
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))?;
    let since = at.duration_since(UNIX_EPOCH).ok()?.as_micros();
    let at = crate::text::time(u64::try_from(since).ok()?);
    Some(format!("{path} was last changed at {at}"))
}

fn parameter(root: &HostRoot, finding: &Finding, detected_by: DetectedBy) -> Option<String> {
    let actual = finding.actual()?;
    let parameters = examine::parameters(root, None, &[]);
    let next = parameters
        .resolution
        .keys
        .iter()
        .find(|next| next.key == finding.subject())?;
    Some(match (source_of(next, actual), detected_by) {
        (Some(place), _) => format!("as {place}"),
        // The kernel reports writes through the host's own mount of /proc only.
        (None, DetectedBy::Evaluation) => format!(
            "no file sets {actual}: written manually or by a program, possibly through another mount \
             of /proc, such as a container's"
        ),
        (None, DetectedBy::Notification) => {
            format!("no file sets {actual}: written manually or by a program on this host")
        }
    })
}

/// The file that sets this value: the one that wins, or else an overridden one.
fn source_of(next: &KeyResolution, actual: &str) -> Option<String> {
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
