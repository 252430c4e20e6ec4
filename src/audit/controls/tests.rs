//! The table against the recorded one.

use std::collections::HashSet;

use super::*;
use crate::audit::control::{Criterion, Scoring};

/// The recorded table: one row for each control, `id result` for each benchmark.
const RECORDED: &str = include_str!("../../../tests/cases/cis-node-controls.csv");

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

#[test]
fn every_cell_is_as_recorded() {
    let mut rows = RECORDED.lines();
    let header = fields(rows.next().unwrap());
    let names: Vec<&str> = Benchmark::ALL.map(Benchmark::name).to_vec();
    assert_eq!(header[4..], names);
    let mut count = 0;
    for row in rows {
        let row = fields(row);
        let control = all().find(|control| control.key == row[0]).unwrap();
        count += 1;
        let role = match row[1].as_str() {
            "master(etcd)" => "master",
            role => role,
        };
        assert_eq!(control.node.as_str(), role, "{}", row[0]);
        for (benchmark, cell) in Benchmark::ALL.into_iter().zip(&row[4..]) {
            let what = format!("{} in {benchmark}", row[0]);
            let Some((id, result)) = cell.split_once(' ') else {
                assert_eq!(cell, "-", "{what}");
                assert_eq!(control.edition(benchmark), None, "{what}");
                continue;
            };
            // What the guide takes for not applicable is; 1.6 has no profile of a scanner, so that
            // "manual" there says that it is not scored.
            let by_hand = matches!(
                control.criterion,
                Criterion::ByHand(_) | Criterion::AuditPolicy
            );
            let scoring = match result {
                _ if result.contains('ᵐ') || by_hand => Scoring::Manual,
                _ if result.contains('ˢ') || result == "NA" => Scoring::NotApplicable,
                _ if result.contains('°') => Scoring::Unscored,
                "M" if benchmark == Benchmark::V1_6 => Scoring::Unscored,
                _ => Scoring::Scored,
            };
            assert_eq!(
                control.edition(benchmark),
                Some(Edition {
                    id: leak(id),
                    scoring
                }),
                "{what}"
            );
        }
    }
    assert_eq!(count, 106);
    assert_eq!(all().filter(|control| !control.is_beyond()).count(), 106);
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

#[test]
fn keys_and_numbers_are_unique_and_in_order() {
    let keys = keys();
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    for benchmark in Benchmark::ALL {
        let ids: Vec<&str> = of(benchmark).iter().map(|(_, e)| e.id).collect();
        assert_eq!(
            ids.iter().collect::<HashSet<_>>().len(),
            ids.len(),
            "{benchmark}"
        );
        assert!(all().all(|control| control.ids.split(' ').count() == 10));
    }
    assert!(is_known("1.1.12") && is_known("etcd.datadir.owner"));
    assert!(!is_known("9.9.9") && !is_known("-") && !is_known("guide"));
}

#[test]
fn limits_are_those_of_each_benchmark() {
    for benchmark in Benchmark::ALL {
        let old = matches!(benchmark, Benchmark::V1_6 | Benchmark::V1_23);
        assert_eq!(CLOSED.of(benchmark), if old { 0o644 } else { 0o600 });
        let closed = !old && benchmark < Benchmark::V1_11;
        assert_eq!(
            CERTIFICATES.of(benchmark),
            if closed { 0o600 } else { 0o644 }
        );
        assert_eq!(KEYS.of(benchmark), 0o600);
        assert_eq!(DIRECTORY.of(benchmark), 0o700);
    }
}
