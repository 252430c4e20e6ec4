//! The etcd account that servers need.

use super::account_remedy::{RequestedIds, account_remedies};
use super::start;
use crate::facts::{
    AccountFact, Evidence, HostFacts, Lookup, Part, RejectReason, Rejected, Source, Table,
};
use crate::finding::edit::{Change, Edit, Syntax};
use crate::finding::{CheckId, Component, Finding, Outcome, Prediction, Remedy, Stage};
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
    let of = |outcome| {
        let by = vec![Component::Rke2];
        start(requirement, &subject, by, outcome, outcome).with_required("exists")
    };
    let fact = match table {
        Table::Passwd => &facts.user,
        Table::Group => &facts.group,
    };
    let Some(fact) = fact.as_ref().filter(|_| requirement.applies) else {
        let finding = if requirement.applies {
            of(Outcome::Indeterminate).with_summary(format!("the {subject} was not looked up"))
        } else {
            of(Outcome::NotApplicable).with_summary(format!("the {subject} is not required"))
        };
        return vec![finding];
    };
    let (finding, reason) = match fact {
        Ok(Lookup::Found { line, id, .. }) => {
            let found = of(Outcome::Satisfied)
                .with_actual(Some(id.to_string()))
                .with_summary(format!("the {subject} exists"))
                .with_evidence([read(table, Some(*line))]);
            let primary = (table == Table::Passwd).then(|| primary_group(facts));
            return std::iter::once(found).chain(primary.flatten()).collect();
        }
        // Only an error that RKE2 would get too is a reason; a FIFO or a failing disk is not.
        Err(error) if error.is_ours() => {
            return vec![
                of(Outcome::Indeterminate)
                    .with_summary(format!("{} cannot be read: {error}", table.path()))
                    .with_evidence([read(table, None)]),
            ];
        }
        Ok(Lookup::Unknown { rejected }) => (
            of(Outcome::Violated)
                .with_actual(Some("missing".to_owned()))
                .with_summary(format!("the {subject} does not exist in {}", table.path()))
                .with_evidence(rejected.iter().map(|row| read(table, Some(row.line)))),
            format!("{0}: unknown {0} {NAME}", table.as_str()),
        ),
        Ok(Lookup::TooLong { line }) => (
            of(Outcome::Violated)
                .with_summary(format!(
                    "{}:{line} is longer than this release of RKE2 can read",
                    table.path()
                ))
                .with_evidence([read(table, Some(*line))]),
            "bufio.Scanner: token too long".to_owned(),
        ),
        Err(error) => (
            of(Outcome::Violated)
                .with_summary(format!("{} cannot be read: {error}", table.path()))
                .with_evidence([read(table, None)]),
            error.to_string(),
        ),
    };
    vec![
        finding
            .with_predictions([Prediction {
                stage,
                line: format!("missing required{separator}{reason}"),
                hides_others: false,
            }])
            .with_notes([format!("required by RKE2: {}", requirement.because.words)])
            .with_notes(skipped(table, fact))
            .with_notes(elsewhere(table, facts))
            .with_remedies([remedy(table, fact, facts)]),
    ]
}

/// Rows of the account that RKE2 skips, with the reason.
fn skipped(table: Table, fact: &AccountFact) -> Vec<String> {
    let Ok(Lookup::Unknown { rejected }) = fact else {
        return Vec::new();
    };
    let note = |row: &Rejected| {
        format!(
            "{}:{} has a row for it that RKE2 skips: {}",
            table.path(),
            row.line,
            why(&row.why)
        )
    };
    rejected.iter().map(note).collect()
}

/// Files that have the account and that RKE2 does not read.
fn elsewhere(table: Table, facts: &HostFacts) -> impl Iterator<Item = String> {
    let places = facts.account_elsewhere.iter();
    places
        .filter(move |row| row.table == table)
        .map(move |row| {
            format!(
                "{} has it, but RKE2 reads only {}",
                row.source,
                table.path()
            )
        })
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
        RejectReason::ByteOrderMark => "a byte order mark precedes the name".to_owned(),
    }
}

fn remedy(table: Table, fact: &AccountFact, facts: &HostFacts) -> Remedy {
    match fact {
        Err(error) => return Remedy::manual(format!("restore {}", error.path())),
        Ok(Lookup::Unknown { rejected }) if rejected.is_empty() => {}
        Ok(_) => return Remedy::manual(format!("fix or remove that line of {}", table.path())),
    }
    let remedies = match account_remedies(facts, RequestedIds::default()) {
        Ok(remedies) => remedies,
        Err(conflict) => return Remedy::manual(conflict.to_string()),
    };
    let of_table = remedies.into_iter().find(|(of, _)| *of == table);
    of_table.map_or_else(
        || {
            let other = match table {
                Table::Passwd => Table::Group,
                Table::Group => Table::Passwd,
            };
            Remedy::manual(format!(
                "fix {} first, then run `preflight-rke2 fix` for the rest",
                other.path()
            ))
        },
        |(_, remedy)| remedy,
    )
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
    let outcome = Outcome::Violated;
    let check = CheckId::AccountEtcdPrimaryGroup;
    Some(
        Finding::new(check, "user etcd", Vec::new(), outcome, outcome)
            .with_required(group.to_string())
            .with_actual(Some(gid.to_string()))
            .with_summary(format!(
                "the user etcd has primary group {gid}, not the group etcd ({group})"
            ))
            .with_notes([
                "RKE2 starts and assigns etcd's data to that group, so CIS control 1.1.12 fails"
                    .to_owned(),
            ])
            .with_evidence([
                read(Table::Passwd, Some(*line)),
                read(Table::Group, Some(*group_line)),
            ])
            .with_remedies([Remedy::Edit(Edit {
                old: Some(gid.to_string()),
                ..Edit::entry(
                    Source::line(Table::Passwd.path(), *line),
                    Syntax::Account,
                    NAME,
                    Change::Set(group.to_string()),
                )
            })]),
    )
}
