//! `config`: RKE2's effective settings, and where each is set. Secrets are never shown.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Format;
use crate::assessment::Examination;
use crate::rke2::config::{IgnoredReason, Setting, SettingOrigin, SettingValue};
use crate::rke2::profile::{ProfileRules, Scope};
use crate::text::printable;

/// Settings that decide the start; shown whether set or not.
const MATTER: &[&str] = &[
    "profile",
    "protect-kernel-defaults",
    "kubelet-arg",
    "data-dir",
];

/// The settings to show: those that matter or are set, or all.
fn chosen(examination: &Examination, all: bool) -> impl Iterator<Item = &Setting> {
    let matters = |setting: &&Setting| MATTER.contains(&setting.name);
    let values = &examination.settings.values;
    let first = values.iter().filter(matters);
    let rest = values
        .iter()
        .filter(move |setting| !matters(setting) && (all || setting.set));
    first.chain(rest)
}

/// The setting as RKE2 has it in the end: a CIS profile turns `protect-kernel-defaults` on.
fn effective<'a>(setting: &'a Setting, examination: &'a Examination) -> Cow<'a, Setting> {
    let settings = &examination.settings;
    let rules = ProfileRules::of(&examination.report.version);
    let is_cis = rules.status(settings.profile()).scope() == Some(Scope::Cis);
    if setting.name != "protect-kernel-defaults" || setting.set || !is_cis {
        return Cow::Borrowed(setting);
    }
    Cow::Owned(Setting {
        value: SettingValue::Bool(true),
        sources: vec![settings.profile_source().clone()],
        ..setting.clone()
    })
}

#[derive(Serialize)]
struct Place<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    path: Option<String>,
    line: Option<u32>,
}

impl<'a> From<&'a SettingOrigin> for Place<'a> {
    fn from(origin: &'a SettingOrigin) -> Self {
        let name = match origin {
            SettingOrigin::Env { name, .. } => Some(name.as_str()),
            SettingOrigin::Argument { text, .. } => Some(text.as_str()),
            SettingOrigin::File { .. } | SettingOrigin::Default => None,
        };
        let source = origin.source();
        Self {
            kind: origin.kind(),
            name,
            line: source.as_ref().and_then(|s| s.line),
            path: source.map(|s| s.path),
        }
    }
}

fn value(value: &SettingValue) -> Value {
    match value {
        SettingValue::Text(text) => json!(text),
        SettingValue::Bool(value) => json!(value),
        SettingValue::Number(value) => json!(value),
        SettingValue::List(items) => json!(items),
    }
}

/// What `config` prints.
pub(crate) fn render(format: Format, examination: &Examination, all: bool) -> String {
    match format {
        Format::Text => text(examination, all),
        Format::Json => json(examination, all),
    }
}

/// The values that the setting had before something else set it.
fn overridden(setting: &Setting) -> Vec<Value> {
    let lost = setting.overridden.iter();
    lost.map(|lost| {
        json!({
            "value": value(&setting.display(&lost.value)),
            "source": Place::from(&lost.origin),
        })
    })
    .collect()
}

/// The document, one line feed at its end.
pub fn json(examination: &Examination, all: bool) -> String {
    let report = &examination.report;
    let settings: Map<String, Value> = chosen(examination, all)
        .map(|setting| {
            let default = SettingOrigin::Default;
            let mut places: Vec<Place<'_>> = setting.sources.iter().map(Place::from).collect();
            if places.is_empty() {
                places.push(Place::from(&default));
            }
            let entry = json!({
                "value": value(&setting.display_value()),
                "set": setting.set,
                "sources": places,
                "overridden": overridden(setting),
                "effective": value(&effective(setting, examination).display_value()),
            });
            (setting.name.to_owned(), entry)
        })
        .collect();
    let ignored: Vec<Value> = examination
        .settings
        .ignored
        .iter()
        .map(|ignored| {
            json!({
                "key": ignored.key,
                "source": ignored.source,
                "did_you_mean": ignored.did_you_mean,
                "reason": reason(ignored.reason),
            })
        })
        .collect();
    let unknown: Vec<String> = examination
        .settings
        .gaps
        .iter()
        .map(ToString::to_string)
        .collect();
    let document = json!({
        "schema": "org.rke2.preflight.config/1",
        "unit": report.unit,
        "role": report.role.as_str(),
        "rke2_version": report.version.to_string(),
        "rke2_version_source": report.version_source.as_str(),
        "fatal": examination.settings.fatal.as_ref().map(|fatal| json!({
            "message": fatal.message,
            "source": fatal.source,
        })),
        "settings": settings,
        "ignored": ignored,
        "unknown": unknown,
    });
    crate::text::json(&document)
}

const fn reason(reason: IgnoredReason) -> &'static str {
    match reason {
        IgnoredReason::UnknownFlag => "unknown-flag",
        IgnoredReason::MissingFile => "missing-file",
    }
}

/// A table: name, value, where it is set.
pub fn text(examination: &Examination, all: bool) -> String {
    let report = &examination.report;
    let mut out = format!("{}: RKE2 {} {}\n", report.unit, report.version, report.role);
    if let Some(fatal) = &examination.settings.fatal {
        let place = fatal.source.as_ref().map(|s| format!("{s}: "));
        let _ = writeln!(
            out,
            "\nRKE2 exits before it starts: {}{}",
            printable(&place.unwrap_or_default()),
            printable(&fatal.message)
        );
    }
    for gap in &examination.settings.gaps {
        let _ = writeln!(
            out,
            "\nCannot be determined: {}",
            printable(&gap.to_string())
        );
    }
    let mut rows: Vec<(String, String, String)> = Vec::new();
    for setting in chosen(examination, all) {
        let setting = effective(setting, examination);
        let origin = |at: usize| {
            setting
                .sources
                .get(at)
                .map_or_else(|| "default".to_owned(), |o| printable(&o.to_string()))
        };
        match setting.display_value() {
            SettingValue::List(items) if !items.is_empty() => {
                for (at, item) in items.iter().enumerate() {
                    let name = if at == 0 { setting.name } else { "" };
                    rows.push((name.to_owned(), printable(item), origin(at)));
                }
            }
            other => {
                let shown = printable(&other.to_string());
                let shown = if shown.is_empty() {
                    "-".to_owned()
                } else {
                    shown
                };
                rows.push((setting.name.to_owned(), shown, origin(0)));
            }
        }
        for lost in &setting.overridden {
            let value = printable(&setting.display(&lost.value).to_string());
            let place = printable(&lost.origin.to_string());
            let value = if value.is_empty() {
                "-".to_owned()
            } else {
                value
            };
            rows.push((String::new(), value, format!("overridden: {place}")));
        }
    }
    let width = |column: fn(&(String, String, String)) -> &String| {
        rows.iter()
            .map(|row| column(row).chars().count())
            .max()
            .unwrap_or(0)
            .min(48)
    };
    let (names, values) = (width(|row| &row.0), width(|row| &row.1));
    out.push('\n');
    for (name, value, origin) in &rows {
        let _ = writeln!(out, "{name:names$}  {value:values$}  {origin}");
    }
    for (at, ignored) in examination.settings.ignored.iter().enumerate() {
        if at == 0 {
            out.push_str("\nIgnored by RKE2:\n");
        }
        let place = ignored.source.as_ref().map(ToString::to_string);
        let place = printable(place.as_deref().unwrap_or("-"));
        let key = printable(&ignored.key);
        let why = match (ignored.reason, &ignored.did_you_mean) {
            (IgnoredReason::MissingFile, _) => {
                format!("{place} is missing, and RKE2 then ignores its whole configuration")
            }
            (IgnoredReason::UnknownFlag, Some(near)) => {
                format!("{place}: this release and role have no such flag; did you mean `{near}`?")
            }
            (IgnoredReason::UnknownFlag, None) => {
                format!("{place}: this release and role have no such flag")
            }
        };
        let _ = writeln!(out, "  {key}: {why}");
    }
    out
}
