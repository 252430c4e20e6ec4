//! The etcd account that servers need.

use super::start;
use crate::facts::{AccountFact, Evidence, HostFacts, Lookup, Part, RejectReason, Source, Table};
use crate::finding::{Component, Effect, Finding, Outcome, Prediction, Remedy, Stage};
use crate::requirements::Requirement;

/// The account's name.
pub(super) const NAME: &str = "etcd";

pub(super) fn findings(
    requirement: &Requirement,
    table: Table,
    stage: Stage,
    separator: &str,
    facts: &HostFacts,
) -> Vec<Finding> {
    let subject = format!("{} {NAME}", table.as_str());
    let mut finding = start(requirement, &subject, vec![Component::Rke2]);
    finding.required = Some("exists".to_owned());
    let fact = match table {
        Table::Passwd => &facts.user,
        Table::Group => &facts.group,
    };
    let (true, Some(fact)) = (requirement.applies, fact) else {
        if requirement.applies {
            finding.now = Outcome::Indeterminate;
            finding.then = Outcome::Indeterminate;
            finding.outcome = Outcome::Indeterminate;
        }
        finding.summary = format!("the {subject} is not demanded");
        return vec![finding];
    };
    let word = table.as_str();
    let reason = match fact {
        Ok(Lookup::Found { line, id, .. }) => {
            finding.actual = Some(id.to_string());
            finding.summary = format!("the {subject} exists");
            finding.evidence.push(read(table, Some(*line)));
            None
        }
        Ok(Lookup::Unknown { rejected }) => {
            finding.actual = Some("missing".to_owned());
            finding.summary = format!("the {subject} does not exist in {}", table.path());
            for row in rejected {
                finding.evidence.push(read(table, Some(row.line)));
                finding.notes.push(format!(
                    "{}:{} has a row for it that RKE2 skips: {}",
                    table.path(),
                    row.line,
                    why(&row.why)
                ));
            }
            Some(format!("{word}: unknown {word} {NAME}"))
        }
        Ok(Lookup::TooLong { line }) => {
            finding.summary = format!(
                "{}:{line} is longer than this release of RKE2 reads",
                table.path()
            );
            finding.evidence.push(read(table, Some(*line)));
            Some("bufio.Scanner: token too long".to_owned())
        }
        Err(error) => {
            finding.summary = format!("{} cannot be read: {error}", table.path());
            finding.evidence.push(read(table, None));
            // Only what RKE2 would meet too is a reason; a FIFO it would wait on is not, nor a failing disk.
            if error.is_ours() {
                for outcome in [&mut finding.now, &mut finding.then, &mut finding.outcome] {
                    *outcome = Outcome::Indeterminate;
                }
                return vec![finding];
            }
            Some(error.to_string())
        }
    };
    let Some(reason) = reason else {
        let mut all = vec![finding];
        all.extend(
            (table == Table::Passwd)
                .then(|| primary_group(facts))
                .flatten(),
        );
        return all;
    };
    for outcome in [&mut finding.now, &mut finding.then, &mut finding.outcome] {
        *outcome = Outcome::Violated;
    }
    finding.predictions.push(Prediction {
        stage,
        line: format!("missing required{separator}{reason}"),
        hides_others: false,
    });
    finding.notes.insert(
        0,
        format!("demanded by RKE2: {}", requirement.because.words),
    );
    let elsewhere = facts.account_elsewhere.iter();
    for (_, place) in elsewhere.filter(|(of, _)| *of == table) {
        finding.notes.push(format!(
            "{place} has it, but RKE2 reads {} alone",
            table.path()
        ));
    }
    finding.remedies = vec![remedy(table, fact, facts)];
    vec![finding]
}

fn read(table: Table, line: Option<u32>) -> Evidence {
    let path = table.path().to_owned();
    Evidence::place(Source { path, line }, Part::Read)
}

fn why(why: &RejectReason) -> String {
    match why {
        RejectReason::Fields { found, needed } => {
            format!("{found} fields where {needed} are needed")
        }
        RejectReason::Number { text } => format!("{text} is not a number"),
        RejectReason::ByteOrderMark => "a byte order mark stands before the name".to_owned(),
    }
}

fn remedy(table: Table, fact: &AccountFact, facts: &HostFacts) -> Remedy {
    let commands = |commands: &[&str]| commands.iter().map(|&c| c.to_owned()).collect();
    if let Err(error) = fact {
        return Remedy {
            summary: format!("restore {}", error.path()),
            commands: Vec::new(),
        };
    }
    let skipped = matches!(fact, Ok(Lookup::Unknown { rejected }) if !rejected.is_empty());
    let too_long = matches!(fact, Ok(Lookup::TooLong { .. }));
    if skipped || too_long {
        return Remedy {
            summary: format!("mend or remove the line named in {}", table.path()),
            commands: Vec::new(),
        };
    }
    if facts.account_elsewhere.iter().any(|(of, _)| *of == table) {
        return Remedy {
            summary: format!("copy its line into {}", table.path()),
            commands: vec![match table {
                Table::Passwd => "grep '^etcd:' /usr/lib/passwd >> /etc/passwd".to_owned(),
                Table::Group => "grep '^etcd:' /usr/lib/group >> /etc/group".to_owned(),
            }],
        };
    }
    let group_exists = matches!(facts.group, Some(Ok(Lookup::Found { .. })));
    let user_exists = matches!(facts.user, Some(Ok(Lookup::Found { .. })));
    match (table, group_exists, user_exists) {
        (Table::Passwd, true, _) => Remedy {
            summary: "make the user, in the group that is there".to_owned(),
            commands: commands(&["useradd -r -M -s /sbin/nologin -c 'etcd user' -g etcd etcd"]),
        },
        (Table::Group, _, true) => Remedy {
            summary: "make the group; it is not the user's own then".to_owned(),
            commands: commands(&["groupadd -r etcd", "usermod -g etcd etcd"]),
        },
        (Table::Group, _, false) if facts.user.is_some() => Remedy {
            summary: "the command that makes the user makes it too".to_owned(),
            commands: Vec::new(),
        },
        _ => Remedy {
            summary: "make user and group".to_owned(),
            commands: commands(&["useradd -r -M -s /sbin/nologin -c 'etcd user' -U etcd"]),
        },
    }
}

/// RKE2 runs etcd as the user's primary group, whatever the group `etcd` is.
fn primary_group(facts: &HostFacts) -> Option<Finding> {
    let (
        Some(Ok(Lookup::Found { line, gid, .. })),
        Some(Ok(Lookup::Found {
            id: group,
            line: group_line,
            ..
        })),
    ) = (&facts.user, &facts.group)
    else {
        return None;
    };
    if gid == group {
        return None;
    }
    Some(Finding {
        id: "account.etcd.primary-group".to_owned(),
        outcome: Outcome::Violated,
        effect: Effect::FailsControl,
        required_by: Vec::new(),
        subject: "user etcd".to_owned(),
        required: Some(group.to_string()),
        actual: Some(gid.to_string()),
        next_boot: None,
        summary: format!("the user etcd has primary group {gid}, not the group etcd ({group})"),
        notes: vec![
            "RKE2 starts, and gives etcd's data to that group: CIS control 1.1.12 fails".to_owned(),
        ],
        evidence: vec![
            read(Table::Passwd, Some(*line)),
            read(Table::Group, Some(*group_line)),
        ],
        remedies: vec![Remedy {
            summary: "give the user its own group".to_owned(),
            commands: vec!["usermod -g etcd etcd".to_owned()],
        }],
        now: Outcome::Violated,
        then: Outcome::Violated,
        predictions: Vec::new(),
    })
}
