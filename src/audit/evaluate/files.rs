//! Modes and owners of files.

use super::not_there;
use crate::audit::control::Who;
use crate::audit::cure::Cure;
use crate::audit::facts::{EtcdAccount, InspectedFile, NodeFacts, Survey};
use crate::audit::result::{ControlResult, Holds};
use crate::facts::Source;
use crate::rke2::changes::{
    ETCD_PROFILE, MANIFESTS_CLOSED, MANIFESTS_CLOSED_ETCD, MANIFESTS_REMOVED,
};
use crate::rke2::profile::Scope;
use crate::text::shell_word;

/// Whether a mode sets only bits of the limit; set-id and sticky bits count.
pub(crate) const fn is_closed(mode: u32, limit: u32) -> bool {
    let allowed = limit | !0o7777;
    mode | allowed == allowed
}

/// Whether a file has the required owner. `data_dir` is RKE2's data directory.
pub(crate) fn belongs(
    seen: &InspectedFile,
    who: Who,
    account: EtcdAccount,
    data_dir: &str,
) -> bool {
    let root = (seen.uid, seen.gid) == (0, 0);
    let etcd = (Some(seen.uid), Some(seen.gid)) == (account.uid, account.gid);
    match who {
        Who::Root => root,
        Who::Etcd => etcd,
        Who::RootOrEtcdBelow(directory) => {
            let path = seen.path.strip_prefix(data_dir);
            let inner = path.and_then(|path| path.trim_start_matches('/').strip_prefix(directory));
            let below = inner.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            root || (below && etcd)
        }
    }
}

pub(super) fn mode(facts: &NodeFacts, key: &str, limit: u32) -> ControlResult {
    let expected = format!("mode {limit:o} or stricter");
    let found = |seen: &InspectedFile| format!("{:o}", seen.mode);
    let mut result = surveyed(
        facts,
        key,
        &expected,
        |seen| {
            format!(
                "{} has mode {:o}, must be {limit:o} or stricter",
                seen.path, seen.mode
            )
        },
        found,
    );
    if result.holds == Holds::No {
        let survey = facts.surveys.get(key);
        let wrong = survey.iter().flat_map(|survey| &survey.examples);
        let commands: Vec<String> = wrong
            .map(|seen| format!("chmod {:o} {}", seen.mode & limit, shell_word(&seen.path)))
            .collect();
        result.cure = Some(closed(facts, key, survey, &commands));
    }
    result
}

/// What gives files the mode that a control requires, and lasts where that is possible.
fn closed(facts: &NodeFacts, key: &str, survey: Option<&Survey>, commands: &[String]) -> Cure {
    let version = &facts.version;
    let modes = || Cure::other("modes", "restrict the permissions").with(commands.to_vec());
    let rest = survey.and_then(unlisted);
    let cure = match key.strip_prefix("podmanifest.") {
        Some(pod) => {
            let pod = pod.trim_end_matches(".mode");
            // RKE2 writes the others again only where their content changes, and keeps the mode of those it does not.
            let is_renewed = MANIFESTS_REMOVED.includes(version)
                && ["kube-apiserver", "kube-proxy"].contains(&pod);
            let closes = match facts.profile {
                Some(Scope::Cis) => MANIFESTS_CLOSED.includes(version),
                Some(Scope::Etcd) => MANIFESTS_CLOSED_ETCD.includes(version),
                None => false,
            };
            let once = commands.iter().filter(|_| !is_renewed).cloned();
            if closes && is_renewed {
                Cure::restart()
            } else if closes {
                Cure::restart().with(once).in_force()
            } else if MANIFESTS_CLOSED.includes(version) {
                let cure = Cure::profile().with(once);
                if MANIFESTS_CLOSED_ETCD.includes(version) {
                    cure.note("for the modes of static pods alone, `profile: etcd` is enough")
                } else {
                    cure
                }
            } else {
                let until = if is_renewed {
                    "RKE2 writes the file anew at each start"
                } else {
                    "RKE2 writes the file anew when its content changes"
                };
                Cure::other("static-pods", "restrict the permissions of static pods")
                    .with(commands.to_vec())
                    .until(&format!(
                        "{until}, with mode 644: {MANIFESTS_CLOSED} and newer close it with `profile: cis`"
                    ))
            }
        }
        None if key == "cni.mode" => Cure::other(
            "network-plugins",
            "restrict the permissions of network plugins' files",
        )
        .with(commands.to_vec())
        .until("until the network plugin's pod writes them again, at its next start"),
        None => modes(),
    };
    match rest {
        Some(rest) => cure.note(rest),
        None => cure,
    }
}

pub(super) fn owner(facts: &NodeFacts, key: &str, who: Who) -> ControlResult {
    let account = facts.account;
    let name = |seen: &InspectedFile| {
        let of = |id: u32, etcd: Option<u32>| match id {
            0 => "root".to_owned(),
            id if Some(id) == etcd => "etcd".to_owned(),
            id => id.to_string(),
        };
        format!(
            "{}:{}",
            of(seen.uid, account.uid),
            of(seen.gid, account.gid)
        )
    };
    let (expected, wanted) = match who {
        Who::Etcd => ("etcd:etcd".to_owned(), "etcd:etcd"),
        Who::Root => ("root:root".to_owned(), "root:root"),
        Who::RootOrEtcdBelow(directory) => (
            format!("root:root, below {directory} etcd:etcd as well"),
            "root:root",
        ),
    };
    let mut result = surveyed(
        facts,
        key,
        &expected,
        |seen| {
            format!(
                "{} belongs to {}, must belong to {wanted}",
                seen.path,
                name(seen)
            )
        },
        name,
    );
    if result.holds != Holds::No {
        return result;
    }
    let survey = facts.surveys.get(key);
    let is_etcd = who == Who::Etcd;
    let recursive = if is_etcd { "-R " } else { "" };
    let examples = survey.iter().flat_map(|survey| &survey.examples);
    let commands =
        examples.map(|seen| format!("chown {recursive}{wanted} {}", shell_word(&seen.path)));
    // RKE2 gives the data to the user's primary group at each start.
    let other_group = account.uid.is_some() && account.primary != account.gid;
    let group = other_group.then(|| "usermod -g etcd etcd".to_owned());
    let cure = if is_etcd && facts.profile.is_none() {
        let cure = Cure::profile().note(
            "with a profile RKE2 gives etcd's data to the account etcd, which `preflight-rke2 fix` creates",
        );
        if ETCD_PROFILE.includes(&facts.version) {
            cure.note("for etcd's data alone, `profile: etcd` is enough")
        } else {
            cure
        }
    } else if is_etcd && !facts.etcd_data_is_moved {
        Cure::restart().with(group)
    } else if is_etcd {
        // RKE2 leaves data that was moved to whom it belongs.
        Cure::other("owners", "give the files to their owners")
            .with(group)
            .with(commands)
    } else {
        Cure::other("owners", "give the files to their owners").with(commands)
    };
    result.cure = Some(match survey.and_then(unlisted) {
        Some(rest) => cure.note(rest),
        None => cure,
    });
    result
}

/// That there are more files than are listed.
fn unlisted(survey: &Survey) -> Option<String> {
    let listed = survey.examples.len();
    let is_more = survey.wrong > u64::try_from(listed).unwrap_or(u64::MAX);
    is_more.then(|| {
        let places = survey.places.join(" and ");
        format!(
            "the commands name the first {listed} of {} in {places}",
            survey.wrong
        )
    })
}

fn surveyed(
    facts: &NodeFacts,
    key: &str,
    expected: &str,
    wrong: impl Fn(&InspectedFile) -> String,
    found: impl Fn(&InspectedFile) -> String,
) -> ControlResult {
    let Some(survey) = facts.surveys.get(key) else {
        return ControlResult::new(Holds::Unknown, expected, "it was not checked");
    };
    let incomplete = survey.errors.first();
    if let Some(first) = survey.examples.first() {
        let others = survey.wrong.saturating_sub(1);
        let mut summary = wrong(first);
        if others > 0 {
            summary = format!("{summary}; and {others} more of {}", survey.looked_at);
        }
        let sources = survey.examples.iter();
        return ControlResult::new(Holds::No, expected, summary)
            .found(found(first))
            .at(sources.map(|seen| Source::file(seen.path.clone())));
    }
    if let Some(error) = incomplete {
        return ControlResult::new(
            Holds::Unknown,
            expected,
            format!("not everything could be checked: {error}"),
        )
        .at(survey.places.iter().cloned().map(Source::file))
        .needs("run as root; fix the cause of the error");
    }
    if survey.looked_at == 0 {
        let mut result = not_there(&survey.places.join(" or "));
        result.expected = expected.to_owned();
        return result;
    }
    let what = survey.places.join(" and ");
    let summary = match (&survey.sample, survey.looked_at) {
        (Some(seen), 1) => format!("{} is {}", seen.path, found(seen)),
        (_, count) => format!("{count} checked in {what}, none is wrong"),
    };
    let mut result = ControlResult::new(Holds::Yes, expected, summary).at(survey
        .places
        .iter()
        .cloned()
        .map(Source::file));
    result.actual = survey
        .sample
        .as_ref()
        .filter(|_| survey.looked_at == 1)
        .map(found);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(path: &str, uid: u32, gid: u32) -> InspectedFile {
        InspectedFile {
            path: path.to_owned(),
            mode: 0,
            uid,
            gid,
        }
    }

    #[test]
    fn a_mode_is_a_set_of_bits() {
        for (mode, limit, closed) in [
            (0o600, 0o600, true),
            (0o400, 0o600, true),
            (0, 0o600, true),
            (0o644, 0o600, false),
            (0o644, 0o644, true),
            (0o4600, 0o600, false),
            (0o1700, 0o700, false),
            (0o500, 0o600, false),
            (0o611, 0o644, false),
        ] {
            assert_eq!(is_closed(mode, limit), closed, "{mode:o} {limit:o}");
        }
    }

    #[test]
    fn etcds_own_directory_may_be_etcds() {
        let account = EtcdAccount {
            uid: Some(998),
            gid: Some(997),
            primary: Some(997),
        };
        let who = Who::RootOrEtcdBelow("server/tls/etcd");
        let of = |path, uid, gid| belongs(&seen(path, uid, gid), who, account, "/d");
        assert!(of("/d/server/tls/x.crt", 0, 0));
        assert!(of("/d/server/tls/etcd", 998, 997));
        assert!(of("/d/server/tls/etcd/a.key", 998, 997));
        assert!(!of("/d/server/tls/etcd/a.key", 998, 0));
        assert!(!of("/d/server/tls/etcd2/a.key", 998, 997));
        assert!(!of("/d/server/tls/a.key", 998, 997));
        let no_account = EtcdAccount::default();
        assert!(!belongs(&seen("/d", 0, 0), Who::Etcd, no_account, "/d"));
    }
}
