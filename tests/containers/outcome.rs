//! What the script that ran on a host recorded there: texts, exit statuses and the journal.

use std::fs;

use serde_json::Value;

/// What the script on a host recorded.
pub(crate) struct Outcome {
    pub(crate) work: tempfile::TempDir,
    console: String,
}

impl Outcome {
    /// The files in out/ below `work`, and the console's output.
    pub(crate) fn new(work: tempfile::TempDir, console: String) -> Self {
        Self { work, console }
    }

    fn read(&self, name: &str) -> Option<String> {
        let bytes = fs::read(self.work.path().join("out").join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What a recorded command printed.
    pub(crate) fn text(&self, name: &str) -> String {
        self.read(name).unwrap_or_else(|| {
            panic!(
                "no {name} was recorded; the script said:\n{}\n{}",
                self.read("log").unwrap_or_default(),
                self.console
            )
        })
    }

    /// The same as its one line.
    pub(crate) fn line(&self, name: &str) -> String {
        self.text(name).trim().to_owned()
    }

    /// The exit status of a recorded command.
    pub(crate) fn status(&self, name: &str) -> i32 {
        self.text(&format!("{name}.status"))
            .trim()
            .parse()
            .expect("an exit status")
    }

    /// Fails unless each of `parts` stands in what was recorded.
    pub(crate) fn has(&self, name: &str, parts: &[&str]) {
        let text = self.text(name);
        for part in parts {
            assert!(text.contains(part), "{name} lacks `{part}`:\n{text}");
        }
    }

    /// Fails if any of `parts` stands in what was recorded.
    pub(crate) fn lacks(&self, name: &str, parts: &[&str]) {
        let text = self.text(name);
        for part in parts {
            assert!(!text.contains(part), "{name} has `{part}`:\n{text}");
        }
    }

    /// All of the journal.
    pub(crate) fn journal(&self) -> Vec<Value> {
        let text = self.text("journal");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a journal entry"))
            .collect()
    }

    /// The journal entries about a unit from our own processes.
    pub(crate) fn ours(&self, unit: &str) -> Vec<Value> {
        let mut entries = self.journal();
        entries.retain(|entry| {
            field(entry, "OBJECT_SYSTEMD_UNIT") == unit
                && field(entry, "SYSLOG_IDENTIFIER") == "preflight-rke2"
        });
        entries
    }
}

/// A field of a journal entry; empty where it is missing.
pub(crate) fn field<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry.get(name).and_then(Value::as_str).unwrap_or_default()
}
