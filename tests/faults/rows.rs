//! The table of `docs/faults.md`, from which every test of a fault takes its expectation.

/// The document.
const TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/faults.md"));

/// A fault.
pub(crate) struct Row {
    /// What goes wrong.
    pub(crate) fault: &'static str,
    /// What happens to RKE2, in one of the outcomes that the document defines.
    pub(crate) outcome: &'static str,
    /// The test that shows it: `file::function`.
    pub(crate) test: &'static str,
}

/// Cells of the tables whose header begins with `first`.
fn table(first: &str) -> Vec<Vec<&'static str>> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in TEXT.lines() {
        let Some(line) = line.strip_prefix("| ") else {
            inside &= line.starts_with("|-");
            continue;
        };
        let cells: Vec<_> = line
            .trim_end_matches('|')
            .split(" | ")
            .map(str::trim)
            .collect();
        if inside {
            rows.push(cells);
        } else {
            inside = cells.first() == Some(&first);
        }
    }
    rows
}

/// All faults.
pub(crate) fn all() -> Vec<Row> {
    table("fault")
        .into_iter()
        .map(|cells| {
            assert_eq!(cells.len(), 5, "{cells:?}");
            Row {
                fault: cells[0],
                outcome: cells[2],
                test: cells[4].trim_matches('`'),
            }
        })
        .collect()
}

/// The outcome for RKE2 in the table.
pub(crate) fn outcome(fault: &str) -> &'static str {
    let rows: Vec<_> = all().into_iter().filter(|row| row.fault == fault).collect();
    assert_eq!(rows.len(), 1, "{fault} has one row");
    rows[0].outcome
}

/// What may become of a start all the same where `fault` meets this path.
pub(crate) fn excused(fault: &str, path: &str) -> Option<&'static str> {
    let rows = table("path");
    let cells = rows.iter().find(|cells| {
        let named = cells[0].trim_matches('`');
        let fits = named
            .strip_suffix('*')
            .map_or(path == named, |start| path.starts_with(start));
        fits && cells[1].split(", ").any(|one| one == fault)
    })?;
    Some(cells[2])
}
