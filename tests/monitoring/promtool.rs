//! Validates with Prometheus' own tool and with its Python client. Both come from Debian's packages
//! `prometheus` and `python3-prometheus-client`; no server runs.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Stdio};

use preflight_rke2::testing::report::metrics::render;

use super::dashboard;
use super::host::Host;
use super::metrics::{HOSTS, reports, snapshot, statuses};
use super::rules::{RULES, TESTS};

/// Runs a program of Debian's in the repository, and returns its output; it must succeed.
fn run(program: &str, args: &[impl AsRef<OsStr>], input: &str) -> String {
    let mut child = Command::new(program)
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} (see tests/run): {error}"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{program}: {said}\n{input}");
    said
}

/// A text that holds everything that a metrics file can.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = HOSTS
        .iter()
        .map(|name| render(&snapshot(&statuses(&reports(&Host::like(name))))))
        .collect();
    let hostile = Host::like("healthy-server");
    for value in [
        "\"\\\\\\n",
        "# EOF",
        "\\u202e\\0\\r",
        "{a=\\\"b\\\"} 1",
        "é\u{1f980}",
    ] {
        hostile.file(
            "/etc/rancher/rke2/config.yaml",
            format!("profile: \"{}{value}\"\n", "x".repeat(30)),
        );
        texts.push(render(&snapshot(&statuses(&reports(&hostile)))));
    }
    texts.push(render(&snapshot(&[])));
    texts
}

#[test]
fn metrics_are_metrics() {
    for text in texts() {
        // Not a word: no lint either.
        assert_eq!(run("promtool", &["check", "metrics"], &text), "", "{text}");
    }
}

#[test]
fn metrics_are_openmetrics() {
    const READ: &str = "\
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        print(sample.name, family.type, sample.labels.get('profile', ''))
";
    for text in texts() {
        let read = run("/usr/bin/python3", &["-c", READ], &text);
        let samples = super::openmetrics::parse(&text).unwrap();
        assert_eq!(read.lines().count(), samples.len(), "{text}");
        for (line, sample) in read.lines().zip(&samples) {
            let kind = if sample.name.ends_with("_total") {
                "unknown"
            } else {
                "gauge"
            };
            let profile = sample.label("profile").unwrap_or("");
            assert_eq!(line, format!("{} {kind} {profile}", sample.name));
        }
    }
}

#[test]
fn rules_are_rules_and_do_as_tested() {
    run(
        "promtool",
        &["check", "rules", "--lint=all", "--lint-fatal", RULES],
        "",
    );
    run("promtool", &["test", "rules", TESTS], "");
}

/// Each query of the dashboard as a recording rule.
#[test]
fn queries_are_queries() {
    let expressions = dashboard::expressions();
    let rules: Vec<serde_json::Value> = expressions
        .iter()
        .enumerate()
        .map(|(index, (_, expression))| {
            let expression = dashboard::filled_in(expression);
            serde_json::json!({"record": format!("query:{index}"), "expr": expression})
        })
        .collect();
    let document = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]});
    let mut file = tempfile::NamedTempFile::new().unwrap();
    // JSON is YAML.
    write!(file, "{document}").unwrap();
    let said = run(
        "promtool",
        &[
            OsStr::new("check"),
            OsStr::new("rules"),
            file.path().as_os_str(),
        ],
        "",
    );
    assert!(
        said.contains(&format!("{} rules found", rules.len())),
        "{said}"
    );
}
