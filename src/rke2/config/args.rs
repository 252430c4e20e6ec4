//! The command line as RKE2's library (urfave/cli over Go's `flag`) reads it.

use std::collections::BTreeSet;

use crate::finding::edit::Change;
use crate::go;
use crate::rke2::Role;
use crate::rke2::flag_history::FlagKind;

use super::flags::{self, Flag};
use super::number::{is_duration, number};
use super::rules::ParserRules;
use super::settings::{Lost, REDACTED, Refusal, Setting, SettingOrigin, SettingValue};
use super::{Argument, Variable};

/// One word after the role, from the files or from the command line.
pub(super) struct ArgWord {
    pub(super) text: Vec<u8>,
    pub(super) origin: SettingOrigin,
}

impl ArgWord {
    pub(super) fn of(argument: &Argument) -> Self {
        Self {
            origin: SettingOrigin::Argument {
                text: shown(&argument.text),
                source: argument.source.clone(),
            },
            text: argument.text.clone(),
        }
    }
}

/// A word without the value, where that is or may be a secret.
fn shown(word: &[u8]) -> String {
    let text = String::from_utf8_lossy(word);
    // Without dashes it is, for all we know, the value of a flag before it.
    if !text.starts_with('-') {
        return REDACTED.to_owned();
    }
    let Some((name, _)) = text.split_once('=') else {
        return text.into_owned();
    };
    // A name that is no flag's may be meant to be a secret's.
    match name.trim_start_matches('-') {
        flag if flag.is_empty() || flags::is_shown(flag) => text.into_owned(),
        _ => format!("{name}={REDACTED}"),
    }
}

/// A flag that occurs, as named there, with its value.
struct Occurrence {
    flag: Flag,
    name: Vec<u8>,
    value: Vec<u8>,
    origin: SettingOrigin,
}

/// The settings that come of the words and the environment, every flag of the role among them.
pub(super) fn settings(
    words: Vec<ArgWord>,
    variables: &[Variable],
    role: Role,
    rules: &ParserRules,
) -> Result<Vec<Setting>, Refusal> {
    let mut settings = Vec::with_capacity(128);
    for flag in flags::of(role, rules) {
        settings.push(
            from_environment(&flag, variables, rules).map_err(|fatal| prefixed(fatal, rules))?,
        );
    }
    let mut state = State {
        settings,
        rules,
        listed: BTreeSet::new(),
    };
    state
        .parse(words, role)
        .map_err(|fatal| prefixed(fatal, rules))?;
    Ok(state.settings)
}

/// The settings where nothing is set.
pub(super) fn defaults(role: Role, rules: &ParserRules) -> Vec<Setting> {
    flags::of(role, rules).map(|flag| default(&flag)).collect()
}

pub(super) fn prefixed(mut fatal: Refusal, rules: &ParserRules) -> Refusal {
    if rules.error_prefix {
        fatal.message.insert_str(0, "Error: ");
    }
    fatal
}

fn default(flag: &Flag) -> Setting {
    let value = match flag.kind {
        FlagKind::Bool => SettingValue::Bool(flag.default == "true"),
        FlagKind::Number => SettingValue::Number(flag.default.parse().unwrap_or_default()),
        FlagKind::List => SettingValue::List(Vec::new()),
        FlagKind::Text | FlagKind::Duration => SettingValue::Text(flag.default.to_owned()),
    };
    Setting {
        name: flag.name,
        value,
        set: false,
        sources: Vec::new(),
        overridden: Vec::new(),
    }
}

/// A variable that is present counts as set, also when it is empty.
fn from_environment(
    flag: &Flag,
    variables: &[Variable],
    rules: &ParserRules,
) -> Result<Setting, Refusal> {
    let mut setting = default(flag);
    let found = flag.variables(rules).iter().find_map(|name| {
        let mut of_name = variables.iter().rev();
        of_name.find(|variable| variable.name == name.as_bytes())
    });
    let Some(variable) = found else {
        return Ok(setting);
    };
    let origin = SettingOrigin::Env {
        name: String::from_utf8_lossy(&variable.name).into_owned(),
        source: variable.source.clone(),
        set_by: variable.set_by,
    };
    let bytes = variable.value.as_slice();
    let refused = |kind: &str, function: &str, reason: &str| {
        let value = if rules.cli_v2 {
            format!(
                "{} as {kind} value from environment variable {}",
                go::quote(bytes),
                go::quote(&variable.name)
            )
        } else {
            format!("{} as {kind} value", String::from_utf8_lossy(bytes))
        };
        Refusal::by(
            format!(
                "could not parse {value} for flag {}: {function}{}: {reason}",
                flag.name,
                go::quote(bytes)
            ),
            &origin,
        )
        .fixed_by(flag.name, meant(flag.kind, bytes))
    };
    let value = match flag.kind {
        FlagKind::Text => SettingValue::Text(lossy(bytes)),
        FlagKind::Bool if bytes.is_empty() => SettingValue::Bool(false),
        FlagKind::Bool => SettingValue::Bool(
            go::parse_bool(bytes)
                .ok_or_else(|| refused("bool", "strconv.ParseBool: parsing ", "invalid syntax"))?,
        ),
        FlagKind::Number | FlagKind::Duration if bytes.is_empty() && rules.cli_v2 => {
            setting.value.clone()
        }
        FlagKind::Number => SettingValue::Number(
            number(bytes)
                .map_err(|reason| refused("int", "strconv.ParseInt: parsing ", reason.long()))?,
        ),
        FlagKind::Duration if is_duration(bytes) => SettingValue::Text(lossy(bytes)),
        FlagKind::Duration => {
            return Err(refused(
                "duration",
                "time: invalid duration ",
                "invalid syntax",
            ));
        }
        FlagKind::List => {
            let items: Vec<String> = if rules.cli_v2 {
                vec![lossy(go::trim_space(bytes))]
            } else {
                let parts = bytes.split(|byte| *byte == b',');
                parts.map(|part| lossy(go::trim_space(part))).collect()
            };
            setting.sources = items.iter().map(|_| origin.clone()).collect();
            SettingValue::List(items)
        }
    };
    setting.value = value;
    setting.set = true;
    if flag.kind != FlagKind::List {
        setting.sources = vec![origin];
    }
    Ok(setting)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

struct State<'a> {
    settings: Vec<Setting>,
    rules: &'a ParserRules,
    /// Lists that a word has added to.
    listed: BTreeSet<&'static str>,
}

impl State<'_> {
    fn parse(&mut self, words: Vec<ArgWord>, role: Role) -> Result<(), Refusal> {
        // The old library moves flags before stray words, unless the command has subcommands.
        let words = if !self.rules.cli_v2 && role == Role::Server {
            reordered(words, role, self.rules)
        } else {
            words
        };
        let mut forms: Vec<(Flag, Vec<u8>, SettingOrigin)> = Vec::new();
        let mut words = words.into_iter();
        while let Some(occurrence) = next(&mut words, role, self.rules)? {
            let seen = forms.iter().any(|(flag, name, _)| {
                flag.name == occurrence.flag.name && *name == occurrence.name
            });
            if !occurrence.flag.alias.is_empty() && !seen {
                let form = (
                    occurrence.flag,
                    occurrence.name.clone(),
                    occurrence.origin.clone(),
                );
                forms.push(form);
            }
            self.apply(occurrence)?;
        }
        let two = forms.iter().enumerate().find_map(|(at, (flag, ..))| {
            let mut rest = forms.iter().skip(at.saturating_add(1));
            rest.find(|(other, ..)| other.name == flag.name)
        });
        match two {
            Some((flag, _, origin)) => Err(Refusal::by(
                format!(
                    "Cannot use two forms of the same flag: {} {}",
                    flag.alias, flag.name
                ),
                origin,
            )),
            None => Ok(()),
        }
    }

    fn apply(&mut self, occurrence: Occurrence) -> Result<(), Refusal> {
        let Occurrence {
            flag,
            name,
            value,
            origin,
        } = occurrence;
        let refused = |reason: &str| {
            let value = if flags::is_secret(flag.name) {
                REDACTED.to_owned()
            } else {
                go::quote(&value)
            };
            let name = lossy(&name);
            let message = format!("invalid value {value} for flag -{name}: {reason}");
            Refusal::by(message, &origin).fixed_by(flag.name, Change::Correct)
        };
        let parsed = match flag.kind {
            FlagKind::Text => SettingValue::Text(lossy(&value)),
            FlagKind::Bool => SettingValue::Bool(switched_on(&name, Some(&value), &origin)?),
            FlagKind::Number => {
                SettingValue::Number(number(&value).map_err(|reason| refused(reason.short()))?)
            }
            FlagKind::Duration if is_duration(&value) => SettingValue::Text(lossy(&value)),
            FlagKind::Duration => return Err(refused("parse error")),
            FlagKind::List => {
                let item = if self.rules.cli_v2 {
                    lossy(go::trim_space(&value))
                } else {
                    lossy(&value)
                };
                SettingValue::List(vec![item])
            }
        };
        let first = flag.kind == FlagKind::List && self.listed.insert(flag.name);
        // A list from the environment gives way to the first word that adds to it.
        let replaces = flag.kind != FlagKind::List || first;
        let Some(setting) = self.settings.iter_mut().find(|s| s.name == flag.name) else {
            return Ok(());
        };
        if replaces && setting.set {
            let origin = setting.sources.first().cloned();
            let value = setting.value.clone();
            let lost = origin.map(|origin| Lost { origin, value });
            setting.overridden.extend(lost);
        }
        match (&mut setting.value, parsed) {
            (SettingValue::List(items), SettingValue::List(more)) if !replaces => {
                items.extend(more);
                setting.sources.push(origin);
            }
            (held, parsed) => {
                *held = parsed;
                setting.sources = vec![origin];
            }
        }
        setting.set = true;
        Ok(())
    }
}

/// The next flag; `None` at a stray word, `--` or the end.
fn next(
    words: &mut impl Iterator<Item = ArgWord>,
    role: Role,
    rules: &ParserRules,
) -> Result<Option<Occurrence>, Refusal> {
    let (word, flag) = loop {
        let Some(word) = words.next() else {
            return Ok(None);
        };
        let Some((name, value)) = split(&word)? else {
            return Ok(None);
        };
        if let Some(flag) = flags::find(role, name, rules) {
            break (word, flag);
        }
        let is_help = matches!(name, b"help" | b"h");
        if is_help && !switched_on(name, value, &word.origin)? {
            continue;
        }
        return Err(if is_help {
            Refusal::by("rke2 prints its help and ends", &word.origin)
        } else {
            undefined(name, &word.origin)
        });
    };
    let Some((name, value)) = split(&word)? else {
        return Ok(None);
    };
    let name = name.to_vec();
    let value = match value {
        Some(value) => value.to_vec(),
        None if flag.kind == FlagKind::Bool => b"true".to_vec(),
        None => {
            let needs = || format!("flag needs an argument: -{}", lossy(&name));
            let value = words.next();
            value
                .ok_or_else(|| Refusal::by(needs(), &word.origin))?
                .text
        }
    };
    let origin = match word.origin {
        SettingOrigin::Argument { text, source } if !flags::is_secret(flag.name) => {
            let inline = text.contains('=') || flag.kind == FlagKind::Bool;
            SettingOrigin::Argument {
                text: if inline {
                    text
                } else {
                    format!("{text} {}", lossy(&value))
                },
                source,
            }
        }
        origin => origin,
    };
    Ok(Some(Occurrence {
        flag,
        name,
        value,
        origin,
    }))
}

fn undefined(name: &[u8], origin: &SettingOrigin) -> Refusal {
    let name = lossy(name);
    let message = format!("flag provided but not defined: -{name}");
    Refusal::undefined(message, origin).fixed_by(&name, Change::Remove)
}

/// What was probably meant by a value that is not of the flag's type.
fn meant(kind: FlagKind, value: &[u8]) -> Change {
    if kind != FlagKind::Bool {
        return Change::Correct;
    }
    let word = lossy(go::trim_space(value)).to_lowercase();
    match word.as_str() {
        "y" | "yes" | "on" | "true" | "enable" | "enabled" => Change::Set("true".to_owned()),
        "n" | "no" | "off" | "false" | "disable" | "disabled" => Change::Set("false".to_owned()),
        _ => Change::Correct,
    }
}

type Split<'a> = Option<(&'a [u8], Option<&'a [u8]>)>;

/// Name and value of `-name`, `--name` or `--name=value`; `None` where the word is no flag.
fn split(word: &ArgWord) -> Result<Split<'_>, Refusal> {
    let body = match word.text.as_slice() {
        b"-" | b"--" => return Ok(None),
        [b'-', b'-', body @ ..] | [b'-', body @ ..] => body,
        _ => return Ok(None),
    };
    if matches!(body.first(), None | Some(b'-' | b'=')) {
        let message = format!("bad flag syntax: {}", shown(&word.text));
        return Err(Refusal::by(message, &word.origin));
    }
    Ok(Some(match body.iter().position(|byte| *byte == b'=') {
        Some(at) => {
            let (name, value) = body.split_at(at);
            (name, value.split_first().map(|(_, value)| value))
        }
        None => (body, None),
    }))
}

/// Flags this role knows, and what may be their values, before all else.
fn reordered(words: Vec<ArgWord>, role: Role, rules: &ParserRules) -> Vec<ArgWord> {
    let mut flags_first = Vec::with_capacity(words.len());
    let mut rest = Vec::new();
    let mut expects_value = false;
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let known = is_known_flag(&word.text, role, rules);
        if expects_value && !known {
            expects_value = false;
            flags_first.push(word);
        } else if word.text == b"--" {
            rest.insert(0, word);
            rest.extend(words.by_ref());
        } else if known {
            expects_value = !word.text.contains(&b'=');
            flags_first.push(word);
        } else {
            rest.push(word);
        }
    }
    flags_first.append(&mut rest);
    flags_first
}

fn is_known_flag(word: &[u8], role: Role, rules: &ParserRules) -> bool {
    let Some(body) = word.strip_prefix(b"--").or_else(|| word.strip_prefix(b"-")) else {
        return false;
    };
    let body = body.strip_prefix(b"-").unwrap_or(body);
    let name = body.split(|byte| *byte == b'=').next().unwrap_or_default();
    matches!(name, b"help" | b"h") || flags::find(role, name, rules).is_some()
}

/// The value of a boolean flag. None of them is a secret, so an invalid value may be shown.
fn switched_on(name: &[u8], value: Option<&[u8]>, origin: &SettingOrigin) -> Result<bool, Refusal> {
    let Some(value) = value else {
        return Ok(true);
    };
    go::parse_bool(value).ok_or_else(|| {
        let change = meant(FlagKind::Bool, value);
        let (name, value) = (lossy(name), go::quote(value));
        let message = format!("invalid boolean value {value} for -{name}: parse error");
        Refusal::by(message, origin).fixed_by(&name, change)
    })
}

/// The words before the role: `rke2 --debug server`.
pub(super) fn check_global(arguments: &[Argument], rules: &ParserRules) -> Result<(), Refusal> {
    for argument in arguments {
        let word = ArgWord::of(argument);
        let Some((name, value)) = split(&word).map_err(|fatal| prefixed(fatal, rules))? else {
            return Ok(());
        };
        let on = || switched_on(name, value, &word.origin).map_err(|fatal| prefixed(fatal, rules));
        match name {
            b"help" | b"h" | b"version" | b"v" => {
                if on()? {
                    return Err(Refusal::by(
                        "rke2 prints its help or version and ends",
                        &word.origin,
                    ));
                }
            }
            b"debug" if rules.global_debug => {
                on()?;
            }
            _ => {
                return Err(prefixed(undefined(name, &word.origin), rules));
            }
        }
    }
    Ok(())
}
