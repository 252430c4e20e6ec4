//! The kubelet's settings: flags over configuration files, as the kubelet itself has it.

use std::cmp::Ordering;

use super::{flags as rules, is_hardened, not_in_release};
use crate::audit::benchmark::Benchmark;
use crate::audit::ciphers::{self, Suite};
use crate::audit::control::{KubeletRule, KubeletSetting};
use crate::audit::controls::{EVENT_QPS, PROTECT_KERNEL_DEFAULTS, SECCOMP_DEFAULT};
use crate::audit::cure::{Cure, Wanted, sed};
use crate::audit::facts::{ConfigDocument, NodeFacts};
use crate::audit::flags::{self, ComponentCommand, Given, When};
use crate::audit::result::{ControlResult, Holds, Seen};
use crate::facts::Source;
use crate::go;
use crate::rke2::changes::SECCOMP_BY_DEFAULT;
use crate::rke2::config::document::Node;
use crate::rke2::config::{duration_sign, entry_flag, integer};
use crate::rke2::layout::KUBELET_DEFAULTS;

/// The first minor version whose kubelet takes `eventRecordQPS: 0` as no limit: kubernetes #117119.
const EVENTS_UNLIMITED: u32 = 37;
/// The suites that the kubelet offers.
const SUITES: KubeletSetting = KubeletSetting {
    flag: "tls-cipher-suites",
    field: "tlsCipherSuites",
};

/// What a setting ends up as.
struct Effective {
    /// Its value, lists joined by commas.
    text: String,
    source: Source,
}

/// The last file that says something of a field decides, as in a JSON merge patch: `null` unsets it,
/// there or anywhere above it.
fn from_files<'a>(files: &'a [ConfigDocument], field: &str) -> Option<Node<'a>> {
    let mut decided = None;
    for file in files {
        let ConfigDocument::Read(document) = file else {
            continue;
        };
        let mut keys = field.split('.');
        let mut node = keys.next().and_then(|key| document.get(key));
        for key in keys {
            match node {
                Some(inner) if inner.is_null() => break,
                Some(inner) => node = inner.get(key),
                None => break,
            }
        }
        match node {
            Some(node) if node.is_null() => decided = None,
            Some(node) => decided = Some(node),
            None => {}
        }
    }
    decided
}

/// Where the last of these files unsets a field, there or above it.
fn unset_at(files: &[ConfigDocument], field: &str) -> Option<Source> {
    let mut found = None;
    for file in files {
        let ConfigDocument::Read(document) = file else {
            continue;
        };
        let mut keys = field.split('.');
        let mut node = keys.next().and_then(|key| document.get(key));
        for key in keys {
            match node {
                Some(inner) if inner.is_null() => break,
                Some(inner) => node = inner.get(key),
                None => break,
            }
        }
        if let Some(node) = node {
            found = node.is_null().then(|| node.source());
        }
    }
    found
}

fn effective(
    setting: KubeletSetting,
    given: &[Given<'_>],
    files: &[ConfigDocument],
) -> Option<Effective> {
    let flag = flags::of(given, setting.flag);
    if let (Some(last), Some(text)) = (flag.last(), flag.text()) {
        let is_list = setting.flag == "tls-cipher-suites";
        let items: Vec<&str> = flag.items().map(|(item, _)| item).collect();
        return Some(Effective {
            text: if is_list {
                items.join(",")
            } else {
                text.to_owned()
            },
            source: last.source.clone(),
        });
    }
    let node = from_files(files, setting.field)?;
    let items: Vec<String> = node.items().filter_map(Node::text).collect();
    let text = node.text().unwrap_or_else(|| items.join(","));
    Some(Effective {
        text,
        source: node.source(),
    })
}

/// How a rule and the kubelet go together.
struct Match {
    holds: bool,
    actual: String,
    sources: Vec<Source>,
}

pub(super) fn result(facts: &NodeFacts, rule: KubeletRule, benchmark: Benchmark) -> ControlResult {
    let expected = expected(rule, benchmark);
    let kubelet = &facts.kubelet;
    let broken = kubelet.files.iter().find_map(|file| match file {
        ConfigDocument::Broken(place, why) => Some((place, why)),
        ConfigDocument::Absent { .. } | ConfigDocument::Read(_) => None,
    });
    if kubelet.lines.is_empty() && kubelet.files.is_empty() {
        let why = "the kubelet was not started here yet";
        return ControlResult::new(Holds::Nothing, expected, why);
    }
    let judged: Vec<(&ComponentCommand, Match)> = kubelet
        .lines
        .iter()
        .map(|line| {
            let given = flags::given(&line.words);
            (
                line,
                judge(rule, &given, files_of(facts, line.when), benchmark),
            )
        })
        .collect();
    let seen = |when: When| {
        let mut of = judged.iter().filter(|(line, _)| line.when == when);
        of.next().map(|(_, found)| Seen {
            value: found.actual.clone(),
            met: found.holds,
        })
    };
    let (running, next_start) = (seen(When::Running), seen(When::Configured));
    let next_sources = judged
        .iter()
        .find(|(line, _)| line.when == When::Configured)
        .map(|(_, found)| found.sources.clone())
        .unwrap_or_default();
    let of_worst = judged.iter().position(|(_, found)| !found.holds);
    let Some((line, mut found)) = judged.into_iter().nth(of_worst.unwrap_or(0)) else {
        return ControlResult::new(
            Holds::Nothing,
            expected,
            "nothing is known of the kubelet's flags",
        );
    };
    // What a file says that cannot be read may be what counts, unless a flag beats it.
    let by_flag = found
        .sources
        .iter()
        .any(|source| line.words.iter().any(|word| word.source == *source));
    if let Some((place, why)) = broken.filter(|_| !by_flag) {
        let summary = format!("cannot determine the kubelet's settings: {place}: {why}");
        return ControlResult::new(Holds::Unknown, expected, summary)
            .at([place.clone()])
            .needs(format!("run as root; fix {}", place.path));
    }
    if let Some(problem) = kubelet.problem.as_ref().filter(|_| found.holds) {
        let summary = format!("cannot determine what the kubelet runs with: {problem}");
        return ControlResult::new(Holds::Unknown, expected, summary)
            .needs("run as root; check the processes named");
    }
    if rule == KubeletRule::NotNegative(EVENT_QPS) && found.actual.ends_with(": 0") {
        found
            .actual
            .push_str(if facts.version.minor >= EVENTS_UNLIMITED {
                ", which sets no limit"
            } else {
                ", which sets no limit from Kubernetes 1.37 on"
            });
    }
    let when = match line.when {
        When::Running => "the kubelet runs with",
        When::Manifest | When::Configured => "at RKE2's next start the kubelet has",
    };
    let summary = if found.holds {
        format!("{when} {}", found.actual)
    } else {
        format!("{when} {}; must be: {expected}", found.actual)
    };
    let sources = if found.sources.is_empty() {
        vec![line.source.clone()]
    } else {
        found.sources
    };
    let mut result = ControlResult::new(
        if found.holds { Holds::Yes } else { Holds::No },
        expected,
        summary,
    )
    .found(found.actual)
    .at(sources);
    if result.holds == Holds::No {
        let is_right = next_start.as_ref().is_some_and(|seen| seen.met);
        result.cure = Some(if is_right {
            Cure::restart()
        } else {
            cure(facts, rule, &next_sources, benchmark)
        });
    }
    result.running = running;
    result.next_start = next_start;
    result
}

/// The files that the kubelet merges with a command line.
fn files_of(facts: &NodeFacts, when: When) -> &[ConfigDocument] {
    match when {
        When::Running => &facts.kubelet.files,
        When::Manifest | When::Configured => &facts.kubelet.next_files,
    }
}

/// How the kubelet gets the required value at RKE2's next start: where another one is written, by a profile, or by an
/// entry.
fn cure(
    facts: &NodeFacts,
    rule: KubeletRule,
    next_sources: &[Source],
    benchmark: Benchmark,
) -> Cure {
    let flags_of_rule = flags_of(rule);
    let flag = flags_of_rule.first().copied().unwrap_or_default();
    let is_told = facts.settings.kubelet_args().iter().any(|(text, _)| {
        let name = entry_flag(text).0.replace('_', "-");
        flags_of_rule.contains(&name.as_str())
    });
    let defaults = flags::given(&facts.kubelet.defaults);
    let without = judge(rule, &defaults, &facts.kubelet.next_files, benchmark);
    let value = suggestion(rule);
    if is_told {
        if let KubeletRule::GateNotOff(gate) = rule {
            return Cure::setting("kubelet-arg", flag, Wanted::NoItem(gate));
        }
        let entry = value.filter(|_| !without.holds);
        let mut cure = Cure::setting("kubelet-arg", flag, Wanted::Value(entry));
        let others = flags_of_rule.into_iter().skip(1);
        cure.wanted
            .extend(others.map(|flag| (flag, Wanted::Value(None))));
        return cure;
    }
    // A file that an administrator wrote is to be corrected.
    let written = next_sources.iter().find(|place| {
        place.line.is_some()
            && !place.path.starts_with("/proc/")
            && !place.path.ends_with(KUBELET_DEFAULTS)
    });
    let unset = match rule {
        KubeletRule::Set(settings) => settings
            .iter()
            .find_map(|setting| unset_at(&facts.kubelet.next_files, setting.field)),
        _ => None,
    };
    if let Some(place) = written.or(unset.as_ref()) {
        return in_file(facts, rule, place, value.as_deref());
    }
    if rule == KubeletRule::On(PROTECT_KERNEL_DEFAULTS) && !is_hardened(facts) {
        return Cure::profile();
    }
    if rule == KubeletRule::On(SECCOMP_DEFAULT) && !SECCOMP_BY_DEFAULT.includes(&facts.version) {
        return not_in_release(
            facts,
            "its kubelet takes --seccomp-default with a feature gate only",
        );
    }
    Cure::setting("kubelet-arg", flag, Wanted::Value(value))
}

/// A correction of a line of a file.
fn in_file(facts: &NodeFacts, rule: KubeletRule, place: &Source, entry: Option<&str>) -> Cure {
    let files = &facts.kubelet.next_files;
    let field = match rule {
        // The one that has no value.
        KubeletRule::Set(settings) => {
            let is_here = |setting: &&KubeletSetting| {
                let written = from_files(files, setting.field).map(Node::source);
                written.or_else(|| unset_at(files, setting.field)).as_ref() == Some(place)
            };
            let here = settings.iter().find(is_here);
            here.map_or(setting(rule).field, |setting| setting.field)
        }
        _ => setting(rule).field,
    };
    let key = match rule {
        KubeletRule::GateNotOff(gate) => gate,
        _ => field.rsplit('.').next().unwrap_or_default(),
    };
    let value = match rule {
        KubeletRule::GateNotOff(_) => Some("true".to_owned()),
        KubeletRule::Ciphers(_) => Some(format!("[{}]", ciphers::SUGGESTED)),
        // What RKE2's own file has.
        KubeletRule::Set(_) => files
            .first()
            .and_then(|own| from_files(std::slice::from_ref(own), field))
            .and_then(Node::text),
        _ => entry
            .and_then(|entry| entry.split_once('='))
            .map(|(_, value)| value.to_owned()),
    };
    let Some(value) = value else {
        return Cure::file(&place.path, format!("correct {key} at {place}"));
    };
    let number = place.line.unwrap_or(1);
    // Where the line has something else before the key, or a list follows it, nothing is changed.
    let old = match rule {
        KubeletRule::Ciphers(_) => " *[^ ].*",
        _ => ".*",
    };
    // The value of a key that has none stands, for YAML, where the next token does.
    let (lines, at) = match rule {
        KubeletRule::Set(_) => {
            let before = number.saturating_sub(1).max(1);
            (format!("{before},{number}"), place.path.clone())
        }
        _ => (number.to_string(), place.to_string()),
    };
    let edit = format!("{lines}s|^\\( *{key}:\\){old}|\\1 {value}|");
    Cure::file(&place.path, format!("write `{key}: {value}` at {at}"))
        .with([sed(&edit, &place.path)])
}

/// The setting that a rule is about first.
fn setting(rule: KubeletRule) -> KubeletSetting {
    match rule {
        KubeletRule::Off(setting)
        | KubeletRule::On(setting)
        | KubeletRule::OnOrUnset(setting)
        | KubeletRule::IsNot(setting, _)
        | KubeletRule::Zero { setting, .. }
        | KubeletRule::NotZero(setting)
        | KubeletRule::NotNegative(setting)
        | KubeletRule::Positive(setting) => setting,
        KubeletRule::Set(settings) => settings.first().copied().unwrap_or(SUITES),
        KubeletRule::GateNotOff(_) => KubeletSetting {
            flag: "feature-gates",
            field: "featureGates",
        },
        KubeletRule::Ciphers(_) => SUITES,
    }
}

/// The flags that a rule is about.
fn flags_of(rule: KubeletRule) -> Vec<&'static str> {
    match rule {
        KubeletRule::Set(settings) => settings.iter().map(|setting| setting.flag).collect(),
        _ => vec![setting(rule).flag],
    }
}

fn expected(rule: KubeletRule, benchmark: Benchmark) -> String {
    match rule {
        KubeletRule::Off(setting) => format!("{}: false", setting.field),
        KubeletRule::On(setting) => format!("{}: true", setting.field),
        KubeletRule::OnOrUnset(setting) => format!("{}: true, or not set", setting.field),
        KubeletRule::IsNot(setting, value) => format!("{} set, and not {value}", setting.field),
        KubeletRule::Set(settings) => {
            let fields: Vec<&str> = settings.iter().map(|setting| setting.field).collect();
            format!("{} with a value", fields.join(" and "))
        }
        KubeletRule::Zero {
            setting,
            unset_since,
        } => match unset_since {
            Some(since) if benchmark >= since => format!("{}: 0, or not set", setting.field),
            _ => format!("{}: 0", setting.field),
        },
        KubeletRule::NotZero(setting) => format!("{} above 0, or not set", setting.field),
        KubeletRule::NotNegative(setting) => format!("{} of 0 or more, or not set", setting.field),
        KubeletRule::Positive(setting) => format!("{} above 0", setting.field),
        KubeletRule::GateNotOff(gate) => format!("featureGates.{gate} not false"),
        KubeletRule::Ciphers(suites) => {
            let count = ciphers::listed(suites, benchmark).count();
            format!("tlsCipherSuites of the {count} suites of CIS {benchmark}")
        }
    }
}

/// An entry of `kubelet-arg` that would do.
fn suggestion(rule: KubeletRule) -> Option<String> {
    match rule {
        KubeletRule::Off(setting) => Some(format!("{}=false", setting.flag)),
        KubeletRule::On(setting) | KubeletRule::OnOrUnset(setting) => {
            Some(format!("{}=true", setting.flag))
        }
        KubeletRule::IsNot(setting, _) => Some(format!("{}=Webhook", setting.flag)),
        KubeletRule::Zero { setting, .. } => Some(format!("{}=0", setting.flag)),
        KubeletRule::NotZero(setting) => Some(format!("{}=5m", setting.flag)),
        // The kubelet's own default.
        KubeletRule::NotNegative(setting) => Some(format!("{}=50", setting.flag)),
        KubeletRule::Positive(setting) => Some(format!("{}=4096", setting.flag)),
        KubeletRule::Ciphers(_) => Some(format!("tls-cipher-suites={}", ciphers::SUGGESTED)),
        _ => None,
    }
}

fn judge(
    rule: KubeletRule,
    given: &[Given<'_>],
    files: &[ConfigDocument],
    benchmark: Benchmark,
) -> Match {
    let one = |setting: KubeletSetting, if_unset: bool, test: &dyn Fn(&str) -> bool| match effective(
        setting, given, files,
    ) {
        Some(value) => Match {
            holds: test(&value.text),
            actual: format!("{}: {}", setting.field, value.text),
            sources: vec![value.source],
        },
        None => Match {
            holds: if_unset,
            actual: format!("no {}", setting.field),
            sources: Vec::new(),
        },
    };
    let is = |wanted: bool| move |text: &str| go::parse_bool(text.as_bytes()) == Some(wanted);
    match rule {
        KubeletRule::Off(setting) => one(setting, false, &is(false)),
        KubeletRule::On(setting) => one(setting, false, &is(true)),
        KubeletRule::OnOrUnset(setting) => one(setting, true, &is(true)),
        KubeletRule::IsNot(setting, value) => {
            one(setting, false, &|text| !text.is_empty() && text != value)
        }
        KubeletRule::Zero {
            setting,
            unset_since,
        } => {
            let if_unset = unset_since.is_some_and(|since| benchmark >= since);
            one(setting, if_unset, &|text| integer(text) == Some(0))
        }
        KubeletRule::NotZero(setting) => one(setting, true, &|text| {
            duration_sign(text) == Some(Ordering::Greater)
        }),
        KubeletRule::NotNegative(setting) => {
            one(setting, true, &|text| integer(text).is_some_and(|n| n >= 0))
        }
        KubeletRule::Positive(setting) => {
            one(setting, false, &|text| integer(text).is_some_and(|n| n > 0))
        }
        KubeletRule::Set(settings) => {
            let mut matched = Vec::new();
            for setting in settings {
                let found = one(*setting, false, &|text| !text.is_empty());
                if !found.holds {
                    return found;
                }
                matched.push(found);
            }
            let texts: Vec<&str> = matched.iter().map(|found| found.actual.as_str()).collect();
            Match {
                holds: true,
                actual: texts.join(", "),
                sources: matched
                    .iter()
                    .flat_map(|found| found.sources.clone())
                    .collect(),
            }
        }
        KubeletRule::GateNotOff(gate) => gate_not_off(gate, given, files),
        KubeletRule::Ciphers(suites) => cipher_suites(suites, given, files, benchmark),
    }
}

fn gate_not_off(gate: &str, given: &[Given<'_>], files: &[ConfigDocument]) -> Match {
    let flag = flags::of(given, "feature-gates");
    let value = match flag.entry(gate) {
        Some((value, given)) => Some((value.to_owned(), given.source.clone())),
        None => from_files(files, &format!("featureGates.{gate}"))
            .and_then(|node| Some((node.text()?, node.source()))),
    };
    match value {
        Some((text, source)) => Match {
            holds: go::parse_bool(text.as_bytes()) == Some(true),
            actual: format!("featureGates.{gate}: {text}"),
            sources: vec![source],
        },
        None => Match {
            holds: true,
            actual: format!("no featureGates.{gate}"),
            sources: Vec::new(),
        },
    }
}

fn cipher_suites(
    suites: &'static [Suite],
    given: &[Given<'_>],
    files: &[ConfigDocument],
    benchmark: Benchmark,
) -> Match {
    let Some(value) = effective(SUITES, given, files) else {
        return Match {
            holds: false,
            actual: "no tlsCipherSuites".to_owned(),
            sources: Vec::new(),
        };
    };
    let all: Vec<&str> = value
        .text
        .split(',')
        .filter(|name| !name.is_empty())
        .collect();
    let weak = rules::weak(&all, suites, benchmark);
    Match {
        holds: weak.is_empty() && !all.is_empty(),
        actual: rules::suites_found(&all, &weak),
        sources: vec![value.source],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[&str]) -> Vec<ConfigDocument> {
        texts
            .iter()
            .map(|text| ConfigDocument::new("/f", Ok(text.as_bytes().to_vec())))
            .collect()
    }

    fn found(texts: &[&str], field: &str) -> Option<String> {
        from_files(&files(texts), field).and_then(Node::text)
    }

    #[test]
    fn later_files_win_and_null_unsets() {
        let field = "authentication.anonymous.enabled";
        let off = "authentication:\n  anonymous:\n    enabled: false\n";
        let on = "authentication:\n  anonymous:\n    enabled: true\n";
        assert_eq!(found(&[off], field).as_deref(), Some("false"));
        assert_eq!(found(&[off, on], field).as_deref(), Some("true"));
        assert_eq!(
            found(&[off, "authentication:\n  webhook: {}\n"], field).as_deref(),
            Some("false")
        );
        assert_eq!(found(&[off, "authentication: null\n"], field), None);
        assert_eq!(
            found(&[on, "authentication:\n  anonymous: null\n", off], field).as_deref(),
            Some("false")
        );
        assert_eq!(found(&["x: 1\n"], field), None);
    }
}
