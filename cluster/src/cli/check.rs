//! `check`: whether an audit would get its answers.

use std::fmt::Write as _;

use preflight_rke2::shared::{Day, Version, count, printable};

use super::arguments::Common;
use super::{Status, complain, live, print};
use crate::client::{self, Right, User};
use crate::kind::Kind;

/// What the cluster says.
struct Found {
    url: String,
    version: Version,
    user: Option<User>,
    certificate_ends: Option<u64>,
    rights: Vec<Right>,
}

pub(super) fn run(common: &Common) -> Status {
    let found = live::with(common, async |cluster| {
        let version = cluster.version().await?;
        let mut rights = Vec::new();
        for kind in Kind::all(&version) {
            rights.push(cluster.right(kind).await?);
        }
        Ok(Found {
            user: cluster.user().await?,
            certificate_ends: cluster.certificate_ends,
            url: cluster.url,
            version,
            rights,
        })
    });
    match found {
        Ok(found) => {
            print(&text(&found, client::now()));
            if found.rights.iter().all(|right| right.is_given) {
                Status::Good
            } else {
                Status::Refused
            }
        }
        Err(message) => {
            complain(&message);
            Status::Failed
        }
    }
}

fn text(found: &Found, now: u64) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "cluster      {}, {}",
        printable(&found.url),
        found.version
    );
    let user = match &found.user {
        Some(user) => {
            let groups: Vec<&str> = user
                .groups
                .iter()
                .map(String::as_str)
                .filter(|group| *group != "system:authenticated")
                .collect();
            match groups.as_slice() {
                [] => user.username.clone(),
                groups => format!("{}, of {}", user.username, groups.join(", ")),
            }
        }
        None => "not known: the API server tells since 1.28".to_owned(),
    };
    let _ = writeln!(out, "you are      {}", printable(&user));
    if let Some(end) = found.certificate_ends {
        let days = end.saturating_sub(now) / 86_400;
        let days = usize::try_from(days).unwrap_or(usize::MAX);
        let _ = writeln!(
            out,
            "certificate  until {}, {} from now",
            Day::of_epoch(end),
            count(days, "day")
        );
    }
    let missing: Vec<String> = found
        .rights
        .iter()
        .filter(|right| !right.is_given)
        .map(|right| right.kind.resource())
        .collect();
    if missing.is_empty() {
        out.push_str("rights       all that an audit needs\n");
    } else {
        let _ = writeln!(
            out,
            "rights       may not list {}: preflight-rke2-cluster rbac prints what is needed",
            missing.join(", ")
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let mut found = Found {
            url: "https://127.0.0.1:6443".to_owned(),
            version: Version::new(37, 1, 1),
            user: Some(User {
                username: "jane".to_owned(),
                groups: vec!["dev".to_owned(), "system:authenticated".to_owned()],
            }),
            certificate_ends: Some(1_798_761_600),
            rights: vec![
                Right {
                    kind: Kind::Role,
                    is_given: false,
                },
                Right {
                    kind: Kind::Pod,
                    is_given: true,
                },
            ],
        };
        assert_eq!(
            text(&found, 1_798_761_600 - 2 * 86_400),
            "cluster      https://127.0.0.1:6443, v1.37.1+rke2r1\n\
             you are      jane, of dev\n\
             certificate  until 2027-01-01, 2 days from now\n\
             rights       may not list roles.rbac.authorization.k8s.io: preflight-rke2-cluster rbac prints what is needed\n"
        );
        found.rights.retain(|right| right.is_given);
        found.user = None;
        found.certificate_ends = None;
        assert_eq!(
            text(&found, 0),
            "cluster      https://127.0.0.1:6443, v1.37.1+rke2r1\n\
             you are      not known: the API server tells since 1.28\n\
             rights       all that an audit needs\n"
        );
    }
}
