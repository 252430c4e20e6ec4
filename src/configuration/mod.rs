//! The configuration of preflight-rke2: `config.toml` and `config.toml.d/*.toml`, vendor's and administrator's.
//!
//! Pure: text in, settings out. An unknown key is an error that names file, line and the nearest known key, because
//! a misspelt `mode` must not pass for the default.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::audit::controls;
use crate::audit::waiver::{Waiver, WaiverTable};
use crate::facts::Source;
use crate::finding::CheckId;
use crate::text::suggestion;

/// What the gate does with a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A unit that would be refused is not started.
    Enforce,
    /// It is started, and the reasons are logged.
    Report,
}

/// What may block a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockOn {
    /// RKE2 or its kubelet would refuse now.
    Start,
    /// They would fail now, for a reason that can pass without a person.
    Transient,
    /// They would refuse after the next boot.
    NextBoot,
    /// A component of the control plane, or kube-proxy, would refuse.
    ControlPlane,
    /// A CIS control fails.
    Control,
}

/// What the gate does where it cannot determine the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// RKE2 starts.
    Allow,
    /// RKE2 does not start.
    Block,
}

/// The settings in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// `[gate] mode`.
    pub mode: Mode,
    /// `[gate] block-on`.
    pub block_on: Vec<BlockOn>,
    /// `[gate] on-error`.
    pub on_error: OnError,
    /// `[gate] skip`: ids of checks that never block.
    pub skip: Vec<String>,
    /// `[monitor] resume`: whether a blocked unit is started once the host is fixed.
    pub resume: bool,
    /// `[monitor] resync`: how often the host is evaluated without an event.
    pub resync: Duration,
    /// `[metrics] textfile`: the directory for a file of metrics; `None` for none.
    pub textfile: Option<PathBuf>,
    /// `[[audit.waiver]]`: those of all files.
    pub waivers: Vec<Waiver>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            block_on: vec![BlockOn::Start],
            on_error: OnError::Allow,
            skip: Vec::new(),
            resume: true,
            resync: Duration::from_mins(5),
            textfile: None,
            waivers: Vec::new(),
        }
    }
}

/// One file, as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    gate: Gate,
    #[serde(default)]
    monitor: Monitor,
    #[serde(default)]
    metrics: Metrics,
    #[serde(default)]
    audit: AuditSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AuditSection {
    #[serde(default)]
    waiver: Vec<toml::Spanned<WaiverTable>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Gate {
    mode: Option<Mode>,
    block_on: Option<Vec<BlockOn>>,
    on_error: Option<OnError>,
    skip: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Monitor {
    resume: Option<bool>,
    #[serde(default, deserialize_with = "duration")]
    resync: Option<Duration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Metrics {
    #[serde(default, deserialize_with = "directory")]
    textfile: Option<PathBuf>,
}

/// All keys, for suggestions.
const KEYS: &[&str] = &[
    "gate", "mode", "block-on", "on-error", "skip", "monitor", "resume", "resync", "metrics",
    "textfile", "audit", "waiver", "control", "reason", "expires",
];

/// The shortest and the longest `resync`: a shorter one keeps a processor busy, a longer one is as good as none.
const RESYNC: [Duration; 2] = [Duration::from_secs(1), Duration::from_hours(24)];

/// `5min`, `30s`, `1h 30min`: the units of systemd.time(7).
fn duration<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(text)?;
    let [least, most] = RESYNC;
    match humantime::parse_duration(&text) {
        Ok(duration) if (least..=most).contains(&duration) => Ok(Some(duration)),
        Ok(_) => Err(serde::de::Error::custom(format!(
            "\"{}\" must be between 1s and 24h",
            text.escape_debug()
        ))),
        Err(_) => Err(serde::de::Error::custom(format!(
            "\"{}\" is not a time span such as \"5min\" or \"30s\"",
            text.escape_debug()
        ))),
    }
}

/// An absolute path, or an empty string for none.
fn directory<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(text)?;
    if text.is_empty() || text.starts_with('/') {
        return Ok(Some(text.into()));
    }
    Err(serde::de::Error::custom(format!(
        "\"{}\" must be the absolute path of a directory",
        text.escape_debug()
    )))
}

/// A configuration file that cannot be read or parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConfigurationError {
    /// File and line.
    pub place: Source,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Configuration {
    /// Whether `check` never blocks.
    pub(crate) fn skips(&self, check: CheckId) -> bool {
        self.skip.iter().any(|id| id == check.as_str())
    }

    /// Merges files into the settings, a later one over an earlier one. `known_check` is whether a check has the
    /// id, for the ids in `skip`.
    pub fn merge<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        known_check: impl Fn(&str) -> bool,
        checks: &[&str],
    ) -> Result<Self, ConfigurationError> {
        let mut merged = Self::default();
        for (path, content) in files {
            let text = std::str::from_utf8(content).map_err(|error| {
                let valid = content.get(..error.valid_up_to()).unwrap_or_default();
                ConfigurationError {
                    place: Source::line(path, line_of(valid)),
                    message: "not UTF-8 text".to_owned(),
                }
            })?;
            let file: File = toml::from_str(text).map_err(|error| located(path, text, &error))?;
            if let Some(unknown) = file.gate.skip.iter().flatten().find(|id| !known_check(id)) {
                let at = text.find(unknown.as_str()).unwrap_or(0);
                return Err(ConfigurationError {
                    place: Source::line(path, line_of(text.as_bytes().get(..at).unwrap_or(&[]))),
                    message: format!(
                        "no check has the id \"{}\"{}",
                        unknown.escape_debug(),
                        suggestion(unknown, checks)
                    ),
                });
            }
            merged.mode = file.gate.mode.unwrap_or(merged.mode);
            merged.block_on = file.gate.block_on.unwrap_or(merged.block_on);
            merged.on_error = file.gate.on_error.unwrap_or(merged.on_error);
            merged.skip = file.gate.skip.unwrap_or(merged.skip);
            merged.resume = file.monitor.resume.unwrap_or(merged.resume);
            merged.resync = file.monitor.resync.unwrap_or(merged.resync);
            if let Some(textfile) = file.metrics.textfile {
                merged.textfile = Some(textfile).filter(|path| !path.as_os_str().is_empty());
            }
            for table in file.audit.waiver {
                let at = text.as_bytes().get(..table.span().start).unwrap_or(&[]);
                let waiver = table.into_inner().checked(unknown_control);
                let waiver = waiver.map_err(|message| ConfigurationError {
                    place: Source::line(path, line_of(at)),
                    message,
                })?;
                merged.waivers.push(waiver);
            }
        }
        Ok(merged)
    }
}

/// Why no control has a name; `None` of one that is known.
fn unknown_control(name: &str) -> Option<String> {
    if controls::is_known(name) {
        return None;
    }
    let near = suggestion(name, &controls::keys());
    let shown = name.escape_debug();
    Some(format!("no benchmark has a control \"{shown}\"{near}"))
}

fn line_of(before: &[u8]) -> u32 {
    let feeds = before.iter().filter(|b| **b == b'\n').count();
    u32::try_from(feeds).unwrap_or(u32::MAX).saturating_add(1)
}

fn located(path: &str, text: &str, error: &toml::de::Error) -> ConfigurationError {
    let span = error.span().unwrap_or(0..0);
    let word = text.get(span.clone()).unwrap_or_default().trim_matches('"');
    let mut message = error.message().to_owned();
    if message.starts_with("unknown") {
        message.push_str(&suggestion(word, KEYS));
    }
    ConfigurationError {
        place: Source::line(
            path,
            line_of(text.as_bytes().get(..span.start).unwrap_or(&[])),
        ),
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(files: &[(&str, &str)]) -> Result<Configuration, String> {
        Configuration::merge(
            files.iter().map(|(path, text)| (*path, text.as_bytes())),
            |id| id.starts_with("sysctl."),
            &["sysctl.kernel.panic", "cgroup.v1"],
        )
        .map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_the_default_and_later_files_win() {
        assert_eq!(merge(&[]), Ok(Configuration::default()));
        assert_eq!(merge(&[("/a", "")]), Ok(Configuration::default()));
        let merged = merge(&[
            ("/a", "[gate]\nmode = \"report\"\non-error = \"block\"\n"),
            (
                "/b",
                "[gate]\nmode = \"enforce\"\nskip = [\"sysctl.kernel.panic\"]\n",
            ),
        ])
        .unwrap();
        assert_eq!(merged.mode, Mode::Enforce);
        assert_eq!(merged.on_error, OnError::Block);
        assert_eq!(merged.skip, ["sysctl.kernel.panic"]);
        let merged = merge(&[
            ("/a", "[monitor]\nresume = false\nresync = \"1h 30min\"\n"),
            ("/b", "[metrics]\ntextfile = \"/var/lib/node_exporter\"\n"),
        ])
        .unwrap();
        assert!(!merged.resume);
        assert_eq!(merged.resync, Duration::from_mins(90));
        assert_eq!(merged.textfile, Some("/var/lib/node_exporter".into()));
        let off = ("/c", "[metrics]\ntextfile = \"\"\n");
        let merged = merge(&[("/b", "[metrics]\ntextfile = \"/var\"\n"), off]).unwrap();
        assert_eq!(merged.textfile, None);
    }

    #[test]
    fn waivers_of_all_files_count() {
        let one = |control: &str, expires: &str| {
            format!(
                "[[audit.waiver]]\ncontrol = \"{control}\"\nreason = \"x\"\nexpires = \"{expires}\"\n"
            )
        };
        let (a, b) = (one("1.1.9", "2027-01-31"), one("cni.mode", "2020-02-29"));
        let merged = merge(&[("/a", &a), ("/b", &b)]).unwrap();
        assert_eq!(merged.waivers.len(), 2);
        assert_eq!(merged.waivers[1].expires.to_string(), "2020-02-29");
        for (text, message) in [
            (
                format!("\n{}", one("cni.mod", "2027-01-31")),
                "/c:2: no benchmark has a control \"cni.mod\"; did you mean \"cni.mode\"?",
            ),
            (
                one("cni.mode", "2027-02-29"),
                "/c:1: \"2027-02-29\" is not a date; write the expiry of the waiver of cni.mode like \"2027-01-31\"",
            ),
            (
                one("cni.mode", "2027-02-28").replace("\"x\"", "\" \""),
                "/c:1: the waiver of cni.mode needs a reason",
            ),
            (
                one("cni.mode", "2027-02-28").replace("reason", "reasons"),
                "/c:3: unknown field `reasons`, expected one of `control`, `reason`, `expires`; did you mean \"reason\"?",
            ),
        ] {
            assert_eq!(merge(&[("/c", &text)]).unwrap_err(), message);
        }
    }

    #[test]
    fn errors_name_file_line_and_nearest_key() {
        for (text, message) in [
            (
                "[gate]\n\nmodee = \"report\"\n",
                "/c:3: unknown field `modee`, expected one of `mode`, `block-on`, `on-error`, `skip`; did you mean \"mode\"?",
            ),
            (
                "[gates]\n",
                "/c:1: unknown field `gates`, expected one of `gate`, `monitor`, `metrics`, `audit`; did you mean \"gate\"?",
            ),
            (
                "[monitor]\nresync = \"5 moons\"\n",
                "/c:2: \"5 moons\" is not a time span such as \"5min\" or \"30s\"",
            ),
            (
                "[monitor]\nresync = \"10ms\"\n",
                "/c:2: \"10ms\" must be between 1s and 24h",
            ),
            (
                "[metrics]\ntextfile = \"metrics\"\n",
                "/c:2: \"metrics\" must be the absolute path of a directory",
            ),
            (
                "[gate]\nmode = \"off\"\n",
                "/c:2: unknown variant `off`, expected `enforce` or `report`",
            ),
            (
                "[gate]\nskip = [\n \"sysctl.kernel.panic\",\n \"sysctl_kernel_panic\"]\n",
                "/c:4: no check has the id \"sysctl_kernel_panic\"; did you mean \"sysctl.kernel.panic\"?",
            ),
        ] {
            assert_eq!(merge(&[("/c", text)]).unwrap_err(), message);
        }
        assert!(
            Configuration::merge([("/c", &b"a\n\xff"[..])], |_| true, &[])
                .unwrap_err()
                .to_string()
                .starts_with("/c:2: not UTF-8")
        );
        assert!(
            merge(&[("/c", "[gate\n")])
                .unwrap_err()
                .starts_with("/c:1:")
        );
    }
}
