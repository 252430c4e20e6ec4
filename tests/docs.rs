//! The documents show what the program prints: captures come from checked outputs, ids and fields
//! from the code. `PREFLIGHT_BLESS=1` regenerates the captures.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test reads the repository, asks cargo, and fails by panicking"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::audit::{ControlOutcome, controls};
use preflight_rke2::testing::finding::{CheckId, Effect};
use preflight_rke2::testing::journal::id;
use preflight_rke2::testing::requirements::catalogue;
use preflight_rke2::testing::rke2::releases;
use preflight_rke2::testing::rke2::version::Version;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap()
}

fn documents() -> Vec<PathBuf> {
    let mut all = vec![repository().join("README.md")];
    for entry in std::fs::read_dir(repository().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "md") {
            all.push(path);
        }
    }
    all
}

/// The output in a snapshot, without its header.
fn captured(path: &str) -> String {
    let text = read(path);
    match text.strip_prefix("---\n") {
        Some(rest) => rest.split_once("\n---\n").unwrap().1.to_owned(),
        None => text,
    }
}

/// `<!-- capture: FILE -->`, then a fenced block that holds what FILE does.
#[test]
fn captures_are_true() {
    const MARK: &str = "<!-- capture: ";
    let bless = std::env::var_os("PREFLIGHT_BLESS").is_some();
    let mut found = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once(MARK) {
            found += 1;
            let (source, after) = after.split_once(" -->\n").unwrap();
            let (fence, after) = after.split_once('\n').unwrap();
            assert_eq!(fence, "```text", "{}: {source}", document.display());
            let (shown, after) = after.split_once("```\n").unwrap();
            let expected = format!("{}\n", captured(source).trim_end());
            if !bless {
                assert_eq!(shown, expected, "{}: {source}", document.display());
            }
            out += before;
            out.extend([MARK, source, " -->\n```text\n", &expected, "```\n"]);
            rest = after;
        }
        out += rest;
        if bless {
            std::fs::write(&document, out).unwrap();
        }
    }
    assert!(found >= 3, "{found} captures");
}

#[test]
fn message_ids_and_fields_are_in_catalog_and_reference() {
    let catalog = read("systemd/preflight-rke2.catalog");
    let reference = read("docs/reference.md");
    for id in id::ALL {
        assert!(catalog.contains(&format!("\n-- {id}\n")), "{id}");
        assert!(reference.contains(id), "{id}");
    }
    let sender = read("src/host/journal.rs");
    for placeholder in catalog.split('@').filter(|w| w.starts_with("PREFLIGHT_")) {
        let field = format!("{} = ", placeholder.to_lowercase());
        assert!(sender.contains(&field), "{placeholder} is never sent");
        assert!(reference.contains(placeholder), "{placeholder}");
    }
}

#[test]
fn the_packaged_configuration_says_what_the_reference_does() {
    let packaged = read("packaging/config.toml");
    let reference = read("docs/reference.md");
    let keys = packaged
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once(" = "))
        .filter(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
    let mut count = 0;
    for (key, value) in keys {
        count += 1;
        assert!(
            reference.contains(&format!("{key}` | `{value}` |")),
            "{key} = {value}"
        );
    }
    assert_eq!(count, 7);
}

#[test]
fn the_audit_is_described_as_it_is() {
    let text = read("docs/audit.md");
    for control in controls::all().filter(|control| control.is_beyond()) {
        let (start, _) = control.key.rsplit_once('.').unwrap();
        assert!(
            text.contains(&format!("`{start}.")) || text.contains(&format!("`{}`", control.key)),
            "{}",
            control.key
        );
    }
    for outcome in ControlOutcome::ALL {
        assert!(
            text.contains(&format!("\n| `{}` |", outcome.as_str())),
            "{outcome:?}"
        );
    }
    for minor in releases::oldest().minor..=releases::newest().minor {
        let choice = Benchmark::of(&Version::new(minor, 1, 1));
        let row = match minor {
            ..=22 => "to 1.22".to_owned(),
            29..=31 => "1.29 to 1.31".to_owned(),
            33..=34 => "1.33 and 1.34".to_owned(),
            35..=36 => "1.35 and 1.36".to_owned(),
            37.. => "1.37 and newer".to_owned(),
            minor => format!("1.{minor}"),
        };
        let row = format!("\n| {row} | {} | ", choice.benchmark);
        assert!(text.contains(&row), "{row}");
        // Sources that disagree are named.
        let is_plain = text.split_once(&row).unwrap().1.starts_with('|');
        assert!(minor <= 22 || is_plain == choice.note.is_none(), "{row}");
    }
}

/// Counts and ranges in documents: the document, the text before, the value that the tables give, the text
/// after. `PREFLIGHT_BLESS=1` writes the values.
fn figures() -> Vec<(&'static str, &'static str, String, &'static str)> {
    let (oldest, newest) = (releases::oldest(), releases::newest());
    let plain = |version: &Version| format!("1.{}.{}", version.minor, version.patch);
    let count = releases::count().to_string();
    let controls = controls::all().filter(|control| !control.is_beyond());
    let next_patch = format!("1.{}.{}", newest.minor, newest.patch + 1);
    vec![
        (
            "README.md",
            "rules of all ",
            count.clone(),
            " stable RKE2 releases",
        ),
        (
            "README.md",
            " stable RKE2 releases from ",
            format!("{} to {}", plain(&oldest), plain(&newest)),
            ": accepted profiles",
        ),
        (
            "docs/stability.md",
            "every stable RKE2 release since ",
            plain(&oldest),
            ", so its version",
        ),
        (
            "docs/design.md",
            "as tables: ",
            count.clone(),
            " releases of profile rules",
        ),
        (
            "docs/design.md",
            "| one of the ",
            (releases::count() - releases::count_extrapolated()).to_string(),
            " that the rules were read from",
        ),
        (
            "docs/design.md",
            " that the rules were read from | what that release refuses |\n| one of the ",
            releases::count_extrapolated().to_string(),
            " whose rules are extrapolated",
        ),
        (
            "README.md",
            "Those of ",
            releases::count_extrapolated().to_string(),
            " were\n  not read",
        ),
        (
            "docs/design.md",
            "is taken to be one of the ",
            count.clone(),
            ".",
        ),
        (
            "docs/design.md",
            "older than all of them | what all ",
            count,
            " refuse",
        ),
        ("docs/design.md", "known minor version (", next_patch, ") |"),
        ("docs/fleet.md", "rules=\"", newest.to_string(), "\"} 1"),
        (
            "docs/audit.md",
            "guide is written for: ",
            controls.count().to_string(),
            " controls of ",
        ),
        (
            "docs/audit.md",
            " controls of ",
            word(Benchmark::ALL.len()).to_owned(),
            " benchmarks. ",
        ),
        (
            "docs/audit.md",
            "scan RKE2 1.27 to ",
            format!("1.{}", newest.minor),
            " with the benchmark",
        ),
    ]
}

fn word(number: usize) -> &'static str {
    match number {
        9 => "nine",
        10 => "ten",
        11 => "eleven",
        12 => "twelve",
        other => panic!("{other}: add the word for it"),
    }
}

#[test]
fn counts_and_ranges_come_from_the_tables() {
    let bless = std::env::var_os("PREFLIGHT_BLESS").is_some();
    for (path, before, value, after) in figures() {
        let text = read(path);
        let (start, rest) = text
            .split_once(before)
            .unwrap_or_else(|| panic!("{path} has no \"{before}\""));
        let (shown, end) = rest
            .split_once(after)
            .unwrap_or_else(|| panic!("{path} has no \"{after}\" after \"{before}\""));
        if bless {
            let new = [start, before, &value, after, end].concat();
            std::fs::write(repository().join(path), new).unwrap();
        } else {
            assert_eq!(
                shown, value,
                "{path} after \"{before}\": PREFLIGHT_BLESS=1 writes it"
            );
        }
    }
}

/// The table of faults of a node: its checks and tests exist, every check that can keep a node down is in it, and a row
/// without a test has a reason.
#[test]
fn every_fault_of_a_node_has_a_test_or_a_reason() {
    let document = read("docs/faults.md");
    let (_, table) = document.split_once("\n| condition | ").unwrap();
    let rows = table
        .lines()
        .skip(2)
        .map_while(|row| row.strip_prefix("| "));
    let mut named = Vec::new();
    let mut count = 0;
    for row in rows {
        let row = row.strip_suffix(" |").unwrap();
        let [condition, id, gate, test] = row.split('|').map(str::trim).collect::<Vec<_>>()[..]
        else {
            panic!("{row}");
        };
        count += 1;
        assert!(!condition.is_empty());
        let id = id.trim_matches('`');
        let check = catalogue::CHECKS
            .iter()
            .find(|check| check.id.as_str() == id);
        assert_eq!(check.is_some(), !id.is_empty(), "{row}");
        let Some((file, function)) = test
            .strip_prefix('`')
            .and_then(|test| test.split_once("::"))
        else {
            // A reason.
            assert!(gate.is_empty() && test.len() > 20, "{row}");
            continue;
        };
        assert!(["blocked", "reported"].contains(&gate), "{row}");
        let function = function.trim_end_matches('`');
        assert!(read(file).contains(&format!("fn {function}(")), "{row}");
        named.push(id);
    }
    assert!(count >= 50, "{count} rows");
    for check in CheckId::ALL {
        let id = check.as_str();
        let keeps_down = id.starts_with("host.") && check.effect() == Effect::BlocksStart;
        assert!(!keeps_down || named.contains(&id), "no row has {id}");
    }
}

/// The rows of a file of comma-separated values, the first one included.
fn csv(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let row = rows.last_mut().unwrap();
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                row.last_mut().unwrap().push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(String::new()),
            '\n' if !is_quoted => rows.push(vec![String::new()]),
            c => row.last_mut().unwrap().push(c),
        }
    }
    rows.retain(|row| row.len() > 1);
    rows
}

/// The table of the peers' checks: which are checks of this program, or why not. `PREFLIGHT_BLESS=1` writes it.
#[test]
fn every_check_of_the_peers_has_a_counterpart_or_a_reason() {
    const PEERS: [&str; 5] = ["kubeadm", "k3s", "k0s", "kURL", "Kubespray"];
    const MARKS: [&str; 2] = ["<!-- peers -->\n", "<!-- end -->"];
    let rows = csv(&read("tests/cases/host-peers.csv"));
    let (head, rows) = rows.split_first().unwrap();
    assert_eq!(head[4..9].len(), PEERS.len());
    assert_eq!(rows.len(), 113);
    let mut table = "\n| about | what is checked | by | here |\n|---|---|---|---|\n".to_owned();
    let mut count = 0;
    for row in rows {
        assert_eq!(row.len(), head.len(), "{row:?}");
        let [_, topic, what, rule, .., ours, why] = row.as_slice() else {
            panic!("{row:?}");
        };
        assert!(!ours.is_empty() || !why.is_empty(), "{row:?}");
        let ids: Vec<String> = ours
            .split(' ')
            .filter(|id| !id.is_empty())
            .map(|id| {
                let mut known = catalogue::CHECKS.iter();
                assert!(
                    known.any(|check| check.id.as_str() == id),
                    "no check has the id {id}"
                );
                format!("`{id}`")
            })
            .collect();
        count += usize::from(!ids.is_empty());
        let by: Vec<&str> = PEERS
            .into_iter()
            .zip(&row[4..9])
            .filter(|(_, does)| !["", "-", "dropped", "n/a"].contains(&does.as_str()))
            .map(|(peer, _)| peer)
            .collect();
        let by = if by.is_empty() {
            "none".to_owned()
        } else {
            by.join(", ")
        };
        let here = match (ids.is_empty(), why.is_empty()) {
            (true, _) => format!("no: {why}"),
            (false, true) => ids.join(", "),
            (false, false) => format!("{}; {why}", ids.join(", ")),
        };
        let cells = [topic.clone(), format!("{what}: {rule}"), by, here];
        // A bar ends a cell.
        let cells = cells.map(|cell| {
            cell.replace('|', "\\|")
                .replace('<', "&lt;")
                .replace('*', "\\*")
        });
        let _ = writeln!(table, "| {} |", cells.join(" | "));
    }
    let _ = write!(
        table,
        "\n{count} of {} have a counterpart here.",
        rows.len()
    );
    let is_own = |id: &&&str| id.starts_with("host.") && !table.contains(&format!("`{id}`"));
    let own: Vec<String> = catalogue::ids()
        .iter()
        .filter(is_own)
        .map(|id| format!("`{id}`"))
        .collect();
    let _ = write!(
        table,
        " Checks of the host here that none of them has: {}.\n\n",
        own.join(", ")
    );
    let page = read("docs/comparison.md");
    let (before, rest) = page.split_once(MARKS[0]).unwrap();
    let (shown, after) = rest.split_once(MARKS[1]).unwrap();
    if std::env::var_os("PREFLIGHT_BLESS").is_some() {
        let new = [before, MARKS[0], &table, MARKS[1], after].concat();
        std::fs::write(repository().join("docs/comparison.md"), new).unwrap();
    } else {
        assert_eq!(shown, table, "PREFLIGHT_BLESS=1 writes the table");
    }
}

#[test]
fn every_check_has_a_source_and_a_fix() {
    for check in catalogue::CHECKS {
        for text in [
            check.title.to_owned(),
            check.applies.to_string(),
            check.about.to_string(),
            check.fix.to_string(),
            check.source.to_string(),
        ] {
            assert!(!text.trim().is_empty(), "{}", check.id);
            assert!(!text.contains("  "), "{}: {text}", check.id);
        }
    }
}

#[test]
fn every_figure_of_the_page_on_performance_is_written_there_by_a_measurement() {
    let page = read("docs/performance.md");
    let script = read("benches/run");
    let mut mark = None;
    let mut marks = Vec::new();
    for (number, line) in (1..).zip(page.lines()) {
        if let Some(name) = line
            .strip_prefix("<!-- figures: ")
            .and_then(|rest| rest.strip_suffix(" -->"))
        {
            assert_eq!(mark, None, "line {number}: a mark within another");
            mark = Some(name);
            marks.push((name, 0));
        } else if line == "<!-- end -->" {
            assert!(mark.take().is_some(), "line {number}: an end of nothing");
        } else if mark.is_some() {
            let (_, lines) = marks.last_mut().expect("the mark it is in");
            *lines += usize::from(!line.is_empty());
        } else {
            assert!(
                !line.starts_with('|'),
                "line {number}: a table outside of marks is one that nothing measures"
            );
        }
    }
    assert_eq!(mark, None, "a mark without an end");
    assert!(!marks.is_empty());
    for (name, lines) in marks {
        assert!(
            script.contains(&format!(" put {name}")),
            "{name}: nothing measures it"
        );
        assert!(lines > 0, "{name}: never measured");
    }
}

#[test]
fn dependencies_are_counted() {
    let listed = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--target", "x86_64-unknown-linux-gnu", "--format", "{p}"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let names = |line: &str| line.split(" (").next().unwrap().to_owned();
    let crates: std::collections::BTreeSet<String> = listed.lines().map(names).collect();
    let sentence = format!(" {} crates are linked", crates.len() - 1);
    assert!(
        read("docs/dependencies.md").contains(&sentence),
        "{sentence}"
    );
}
