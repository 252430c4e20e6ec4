//! Every row of the table names a test, and every test names its rows.

use std::path::Path;

use crate::rows;

/// Tests that take their expectation from the table.
const DRIVEN: [&str; 9] = [
    "tests/faults/gate.rs",
    "tests/faults/cut.rs",
    "tests/faults/fix.rs",
    "tests/faults/hang.rs",
    "tests/faults/state.rs",
    "tests/containers/faults.rs",
    "tests/containers/killed.rs",
    "tests/containers/late.rs",
    "tests/vm/faults.rs",
];

const OUTCOMES: [&str; 6] = [
    "evaluated",
    "evaluated, or starts unchecked",
    "starts unchecked",
    "not touched",
    "blocked",
    "resumed once",
];

fn source(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_row_has_its_test() {
    let rows = rows::all();
    assert!(rows.len() > 20);
    for row in &rows {
        assert!(
            OUTCOMES.contains(&row.outcome),
            "{}: {}",
            row.fault,
            row.outcome
        );
        let (file, function) = row.test.split_once("::").unwrap();
        let text = source(file);
        assert!(text.contains(&format!("fn {function}(")), "{}", row.test);
        if DRIVEN.contains(&file) {
            let named = format!("\"{}\"", row.fault);
            assert!(text.contains(&named), "{} does not try {named}", row.test);
        }
    }
}

#[test]
fn every_test_has_its_row() {
    let rows = rows::all();
    for file in DRIVEN {
        let text = source(file);
        let mine = |row: &&rows::Row| row.test.starts_with(&format!("{file}::"));
        let known = rows.iter().filter(mine).count();
        let tests = text.matches("#[test]").count() + text.matches("\non!(").count();
        assert!(known >= tests, "{file}: {tests} tests, {known} rows");
    }
}
