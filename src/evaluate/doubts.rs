//! Each reason why it is not known whether RKE2 refuses something, with what is known and the remedy.

use super::Doubt;
use crate::requirements::advice::version_remedy;
use crate::rke2::config::Gap;
use crate::rke2::installed::Detection;
use crate::rke2::releases;
use crate::rke2::version::Version;

/// A setting that decides the start cannot be determined.
pub(crate) fn unknown_setting(gap: &Gap) -> Doubt {
    Doubt {
        because: gap.to_string(),
        notes: Vec::new(),
        remedy: None,
    }
}

/// The release is newer than the newest one whose rules are known.
pub(crate) fn newer_release(version: &Version) -> Doubt {
    let known = releases::newest_of(version.minor);
    Doubt {
        because: format!("{version} is newer than the rules of this preflight-rke2"),
        notes: vec![format!("evaluated by the rules of {known}")],
        remedy: Some(format!(
            "install a preflight-rke2 that supports {version}, or check the release notes of {version}"
        )),
    }
}

/// The rules of the release are those of an older one, whose profiles and flags it has at least.
pub(crate) fn extrapolated_release(version: &Version) -> Doubt {
    let read = releases::extrapolated_from(version).unwrap_or_else(releases::newest_read);
    Doubt {
        because: format!("{version} may know a profile or flag that {read} does not"),
        notes: vec![format!(
            "evaluated by the rules of {read}: those of {version} were not read from its sources"
        )],
        remedy: Some(format!("check the release notes of {version}")),
    }
}

/// Files that the kubelet merges could not be read.
pub(crate) fn unread_kubelet_files(gaps: &[Gap]) -> Doubt {
    Doubt {
        because: "not all files that the kubelet merges could be read".to_owned(),
        notes: gaps.iter().map(ToString::to_string).collect(),
        remedy: None,
    }
}

/// The release is not known, and the configuration at `path` is too large to be resolved for each.
pub(crate) fn too_large(path: &str, detection: &Detection) -> Doubt {
    Doubt {
        because: format!(
            "the RKE2 release is not known, and its configuration is too large to be evaluated for each \
             release: {path}"
        ),
        notes: notes(detection),
        remedy: Some(version_remedy(detection)),
    }
}

/// Any release may start, and `witness`, or a release newer than it, would not refuse this.
pub(crate) fn unknown_release(
    used: &Version,
    witness: &Version,
    or_newer: bool,
    detection: &Detection,
) -> Doubt {
    let mut notes = notes(detection);
    notes.push(accepted_by(used, witness, or_newer));
    Doubt {
        because: "the release that would start is not known".to_owned(),
        notes,
        remedy: Some(version_remedy(detection)),
    }
}

/// The rules of the release are between those of two known ones, and `witness`, or a release newer than it, would not
/// refuse this.
pub(crate) fn unlisted_release(used: &Version, witness: &Version, or_newer: bool) -> Doubt {
    Doubt {
        because: format!("{used} is none of the releases whose rules are known"),
        notes: vec![accepted_by(used, witness, or_newer)],
        remedy: None,
    }
}

fn accepted_by(used: &Version, witness: &Version, or_newer: bool) -> String {
    if or_newer {
        let witness = releases::extrapolated_from(witness).unwrap_or_else(|| witness.clone());
        format!("evaluated by the rules of {used}; a release newer than {witness} may accept this")
    } else {
        format!("evaluated by the rules of {used}; {witness} would not refuse this")
    }
}

fn notes(detection: &Detection) -> Vec<String> {
    detection.notes.iter().map(ToString::to_string).collect()
}
