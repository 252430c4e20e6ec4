//! Modes and owners of files.

use super::not_there;
use crate::audit::control::Who;
use crate::audit::facts::{EtcdAccount, InspectedFile, NodeFacts, Survey};
use crate::audit::result::{ControlResult, Holds};
use crate::facts::Source;
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
        let commands = survey.iter().flat_map(|survey| &survey.examples);
        let commands = commands
            .map(|seen| format!("chmod {:o} {}", seen.mode & limit, shell_word(&seen.path)))
            .collect();
        // RKE2 writes static pods, and the mode with them.
        let what = if key.starts_with("podmanifest.") && !facts.is_hardened {
            "write `profile: cis` in RKE2's configuration, and restart RKE2: without a profile it writes static pods \
             with mode 644, and a mode that is set manually does not last"
        } else {
            "restrict the permissions"
        };
        result = result.remedy(more(what, survey), commands);
    }
    result
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
    if who == Who::Etcd && (account.uid.is_none() || account.gid.is_none()) {
        return result.remedy(
            "there is no account etcd; with `profile: cis` RKE2 gives its data to it: \
             `preflight-rke2 fix` creates it",
            Vec::new(),
        );
    }
    let recursive = if who == Who::Etcd { "-R " } else { "" };
    let examples = survey.iter().flat_map(|survey| &survey.examples);
    // RKE2 gives the data to the user's primary group at each start.
    let mut commands: Vec<String> = (who == Who::Etcd && account.primary != account.gid)
        .then(|| "usermod -g etcd etcd".to_owned())
        .into_iter()
        .collect();
    commands.extend(
        examples.map(|seen| format!("chown {recursive}{wanted} {}", shell_word(&seen.path))),
    );
    result = result.remedy(more(&format!("give it to {wanted}"), survey), commands);
    result
}

/// `what`, and that there are more of them than are listed.
fn more(what: &str, survey: Option<&Survey>) -> String {
    match survey.map(|survey| (survey.wrong, survey.examples.len())) {
        Some((wrong, listed)) if wrong > u64::try_from(listed).unwrap_or(u64::MAX) => {
            format!("{what}; these are the first {listed} of {wrong}")
        }
        _ => what.to_owned(),
    }
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
        .remedy("run as root; fix the cause of the error", Vec::new());
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
