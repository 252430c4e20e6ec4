//! Command lines of the API server, the controller manager, the scheduler and kube-proxy.

use std::cmp::Ordering;
use std::net::{IpAddr, SocketAddr};

use super::{admission, is_hardened, not_in_release};
use crate::audit::benchmark::Benchmark;
use crate::audit::ciphers::{self, Suite};
use crate::audit::control::{KubeComponent, Rule};
use crate::audit::cure::{Cure, Wanted};
use crate::audit::facts::NodeFacts;
use crate::audit::flags::{self, ComponentArg, ComponentCommand, Given, When};
use crate::audit::given::{
    ByRke2, by_rke2, has_flag, has_plugin, is_about_audit, next_start_meets,
};
use crate::audit::result::{ControlResult, Holds, Seen};
use crate::facts::Source;
use crate::go;
use crate::rke2::changes::AUDIT_BY_FILE;
use crate::rke2::config::{duration_sign, integer};

/// How one rule and one command line go together.
pub(in crate::audit) struct Match {
    pub(in crate::audit) holds: bool,
    /// What was found: `--profiling=true`, or that nothing was.
    pub(in crate::audit) actual: String,
    /// The words concerned; none where the flag is missing.
    pub(in crate::audit) sources: Vec<Source>,
}

pub(super) fn result(
    facts: &NodeFacts,
    component: KubeComponent,
    rule: Rule,
    benchmark: Benchmark,
) -> ControlResult {
    let expected = expected(rule, benchmark);
    let none = Vec::new();
    let known = facts.components.get(&component).unwrap_or(&none);
    let no_entries = Vec::new();
    let entries = facts.entries.get(&component).unwrap_or(&no_entries);
    let mut lines = known.clone();
    // What RKE2's own configuration brings counts from its next start on.
    let base = known.iter().max_by_key(|line| line.when);
    let is_told = match base {
        Some(_) => touches(rule, entries),
        None => brought(rule, entries, benchmark).is_some(),
    };
    if let Some(entry) = entries.first().filter(|_| is_told) {
        lines.push(ComponentCommand {
            when: When::Configured,
            source: entry.source.clone(),
            words: flags::overridden(base.map_or(&[], |line| &line.words), entries),
        });
    }
    let program = component.program();
    if lines.is_empty() {
        return not_started(facts, component, expected);
    }
    let judged: Vec<(&ComponentCommand, Match)> = lines
        .iter()
        .map(|line| (line, judge(rule, &flags::given(&line.words), benchmark)))
        .collect();
    let seen = |when: When| {
        let mut of = judged.iter().filter(|(line, _)| line.when == when);
        of.next().map(|(_, found)| Seen {
            value: found.actual.clone(),
            met: found.holds,
        })
    };
    let running = seen(When::Running);
    let configured = seen(When::Configured);
    let meets = next_start_meets(component, rule, facts, entries);
    // Without an entry, RKE2 gives its own value again, whatever the static pod has now.
    let next_start = configured.clone().or_else(|| {
        let now = seen(When::Manifest).or_else(|| running.clone())?;
        Some(match (now.met, meets) {
            (false, true) => Seen {
                value: "what RKE2 gives itself".to_owned(),
                met: true,
            },
            _ => now,
        })
    });
    let of_worst = judged.iter().position(|(_, found)| !found.holds);
    let Some((line, found)) = judged.into_iter().nth(of_worst.unwrap_or(0)) else {
        return ControlResult::new(Holds::Nothing, expected, "nothing is known of it");
    };
    if let Some(problem) = facts.problems.get(&component).filter(|_| found.holds) {
        let summary = format!("cannot determine what {program} runs with: {problem}");
        return ControlResult::new(Holds::Unknown, expected, summary)
            .needs("run as root; check what is named");
    }
    let when = match line.when {
        When::Running => format!("{program} runs with"),
        When::Manifest => format!("the static pod of {program} has"),
        When::Configured => format!("at RKE2's next start {program} has"),
    };
    let sources = if found.sources.is_empty() {
        vec![line.source.clone()]
    } else {
        found.sources
    };
    let summary = if found.holds {
        format!("{when} {}", found.actual)
    } else {
        format!("{when} {}; must be: {expected}", found.actual)
    };
    let mut result = ControlResult::new(
        if found.holds { Holds::Yes } else { Holds::No },
        expected,
        summary,
    )
    .found(found.actual)
    .at(sources);
    result.running = running;
    result.next_start = next_start;
    if result.holds == Holds::No {
        let is_told_wrong = configured.as_ref().is_some_and(|seen| !seen.met);
        let is_right = match configured {
            Some(seen) => seen.met,
            None => meets,
        };
        result.cure = Some(if is_right {
            Cure::restart()
        } else {
            cure(facts, component, rule, entries, is_told_wrong)
        });
    }
    result
}

/// The result where nothing is known of how a component is started.
fn not_started(facts: &NodeFacts, component: KubeComponent, expected: String) -> ControlResult {
    let program = component.program();
    match facts.problems.get(&component) {
        Some(problem) => ControlResult::new(
            Holds::Unknown,
            expected,
            format!("cannot determine how {program} is started: {problem}"),
        )
        .needs("run as root; fix the file named"),
        None => ControlResult::new(
            Holds::Nothing,
            expected,
            format!("{program} was not started here yet: no process, no static pod"),
        ),
    }
}

/// How a flag gets the required value at RKE2's next start: without the entry that sets another one, by a profile, or by
/// an entry.
fn cure(
    facts: &NodeFacts,
    component: KubeComponent,
    rule: Rule,
    entries: &[ComponentArg],
    is_told_wrong: bool,
) -> Cure {
    let setting = component.setting();
    let given = by_rke2(rule, facts, entries);
    if given == ByRke2::WithProfile && !is_hardened(facts) && !is_told_wrong {
        let cure = Cure::profile();
        return if is_about_audit(rule) && AUDIT_BY_FILE.includes(&facts.version) {
            cure.note(
                "for the flags of the audit log alone, name a policy of your own as `audit-policy-file`",
            )
        } else {
            cure
        };
    }
    let flag = names(rule).first().copied().unwrap_or_default();
    if !has_flag(facts, component, flag) {
        let without = Wanted::Value(None);
        if is_told_wrong {
            return Cure::setting(setting, flag, without);
        }
        return not_in_release(facts, &format!("{} has no --{flag}", component.program()));
    }
    // The API server refuses the flags beside such a file.
    if let Some((path, what)) = by_file_of_user(rule, entries) {
        return Cure::file(path, format!("{what} in {path}"));
    }
    let meets = next_start_meets(component, rule, facts, &[]);
    match rule {
        Rule::Has(_, item) if has_plugin_of(facts, rule, item) => {
            let mut cure = Cure::setting(setting, flag, Wanted::Item(item));
            if flag == "enable-admission-plugins" {
                // The API server refuses a plugin that is in both lists.
                let disabled = ("disable-admission-plugins", Wanted::NoItem(item));
                cure.wanted.push(disabled);
            }
            if item == "EventRateLimit" {
                admission::with_limits(cure, facts)
            } else {
                cure
            }
        }
        Rule::Has(_, item) => not_in_release(facts, &format!("it has no plugin {item}")),
        Rule::HasOneOf(_, items) => match items.iter().find(|item| has_plugin(facts, item)) {
            Some(item) => Cure::setting(setting, flag, Wanted::Item(item)),
            None => not_in_release(
                facts,
                &format!("it has no plugin {}", items.join(" and no plugin ")),
            ),
        },
        Rule::Lacks(_, item) => Cure::setting(setting, flag, Wanted::NoItem(item)),
        Rule::GateNotOff(gate) => Cure::setting(setting, flag, Wanted::NoItem(gate)),
        Rule::Set(all) if is_told_wrong => {
            let mut cure = Cure::setting(setting, flag, Wanted::Value(None));
            cure.wanted = all
                .iter()
                .map(|name| (*name, Wanted::Value(None)))
                .collect();
            cure
        }
        Rule::Set(["encryption-provider-config"]) => Cure::other(
            "secrets-encryption",
            "remove `secrets-encryption: false` from RKE2's configuration",
        )
        .then_restart(),
        _ => {
            let entry = suggestion(rule).filter(|_| !meets);
            Cure::setting(setting, flag, Wanted::Value(entry))
        }
    }
}

/// The file of the administrator's that decides instead of a flag, and what it must have.
fn by_file_of_user(rule: Rule, entries: &[ComponentArg]) -> Option<(&str, &'static str)> {
    let (file, what) = match rule {
        Rule::Has("authorization-mode", _) | Rule::Lacks("authorization-mode", _) => (
            "authorization-config",
            "have the authorizers Node and RBAC, and not AlwaysAllow,",
        ),
        Rule::Off("anonymous-auth") => (
            "authentication-config",
            "write `anonymous: {enabled: false}`",
        ),
        _ => return None,
    };
    let mut given = entries
        .iter()
        .map(|entry| crate::rke2::config::entry_flag(&entry.text));
    let (_, path) = given.find(|(flag, _)| *flag == file)?;
    Some((path?, what))
}

/// Whether an item of a list can be given: of admission plugins, those that the release has.
fn has_plugin_of(facts: &NodeFacts, rule: Rule, item: &str) -> bool {
    !names(rule).contains(&"enable-admission-plugins") || has_plugin(facts, item)
}

/// Whether entries of a `*-arg` setting say anything of the flags that a rule is about.
fn touches(rule: Rule, entries: &[flags::ComponentArg]) -> bool {
    let words = flags::overridden(&[], entries);
    let given = flags::given(&words);
    given
        .iter()
        .any(|given| names(rule).contains(&given.name.as_str()))
}

/// What entries of a `*-arg` setting make of a rule, whatever else the component is given; `None`
/// where they say nothing of it, or add to a list that is not known.
pub(in crate::audit) fn brought(
    rule: Rule,
    entries: &[flags::ComponentArg],
    benchmark: Benchmark,
) -> Option<Match> {
    touches(rule, entries).then_some(())?;
    let adds = |entry: &flags::ComponentArg| {
        let body = entry.text.trim_start_matches("--");
        body.split('=')
            .next()
            .is_some_and(|name| name.ends_with(['+', '-']))
    };
    let wants = matches!(rule, Rule::Has(..) | Rule::HasOneOf(..) | Rule::Set(_));
    if wants && (entries.iter().any(adds) || matches!(rule, Rule::Set(names) if names.len() > 1)) {
        return None;
    }
    let words = flags::overridden(&[], entries);
    Some(judge(rule, &flags::given(&words), benchmark))
}

/// The flags that a rule is about.
pub(in crate::audit) fn names(rule: Rule) -> Vec<&'static str> {
    match rule {
        Rule::Off(name)
        | Rule::On(name)
        | Rule::OnOrUnset(name)
        | Rule::Unset(name)
        | Rule::Has(name, _)
        | Rule::HasOneOf(name, _)
        | Rule::Lacks(name, _)
        | Rule::AtLeast(name, _)
        | Rule::Zero(name)
        | Rule::PositiveOrUnset(name)
        | Rule::DurationOrUnset(name)
        | Rule::Loopback(name)
        | Rule::LoopbackOrUnset(name) => vec![name],
        Rule::Set(names) => names.to_vec(),
        Rule::GateNotOff(_) => vec!["feature-gates"],
        Rule::Ciphers(_) => vec!["tls-cipher-suites"],
    }
}

/// What is required, as it would be written.
pub(in crate::audit) fn expected(rule: Rule, benchmark: Benchmark) -> String {
    match rule {
        Rule::Off(name) => format!("--{name}=false"),
        Rule::On(name) => format!("--{name}=true"),
        Rule::OnOrUnset(name) => format!("--{name}=true, or not set"),
        Rule::Set(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("--{name}")).collect();
            format!("{} with a value", names.join(" and "))
        }
        Rule::Unset(name) => format!("--{name} not set"),
        Rule::Has(name, item) => format!("{item} in --{name}"),
        Rule::HasOneOf(name, items) => format!("{} in --{name}", items.join(" or ")),
        Rule::Lacks(name, item) => format!("{item} not in --{name}"),
        Rule::AtLeast(name, number) => format!("--{name} of {number} or more"),
        Rule::Zero(name) => format!("--{name}=0"),
        Rule::PositiveOrUnset(name) => format!("--{name} above 0, or not set"),
        Rule::DurationOrUnset(name) => format!("--{name} a time above 0, or not set"),
        Rule::Loopback(name) => format!("--{name}=127.0.0.1, or not set"),
        Rule::LoopbackOrUnset(name) => format!("--{name} on 127.0.0.1, or not set"),
        Rule::GateNotOff(gate) => format!("{gate}=false not in --feature-gates"),
        Rule::Ciphers(suites) => {
            let count = ciphers::listed(suites, benchmark).count();
            format!("--tls-cipher-suites of the {count} suites of CIS {benchmark}")
        }
    }
}

/// An entry of a `*-arg` setting that would do.
fn suggestion(rule: Rule) -> Option<String> {
    match rule {
        Rule::Off(name) => Some(format!("{name}=false")),
        Rule::On(name) | Rule::OnOrUnset(name) => Some(format!("{name}=true")),
        Rule::AtLeast(name, number) => Some(format!("{name}={number}")),
        Rule::Zero(name) => Some(format!("{name}=0")),
        Rule::Loopback(name) => Some(format!("{name}=127.0.0.1")),
        Rule::Ciphers(_) => Some(format!("tls-cipher-suites={}", ciphers::SUGGESTED)),
        _ => None,
    }
}

fn shown(given: &Given<'_>) -> String {
    match given.value {
        Some(value) => format!("--{}={value}", given.name),
        None => format!("--{}", given.name),
    }
}

pub(super) fn judge(rule: Rule, given: &[Given<'_>], benchmark: Benchmark) -> Match {
    let one = |name: &str, if_unset: bool, test: &dyn Fn(&str) -> bool| {
        let flag = flags::of(given, name);
        match (flag.last(), flag.text()) {
            (Some(last), Some(text)) => Match {
                holds: test(text),
                actual: shown(last),
                sources: vec![last.source.clone()],
            },
            _ => unset(name, if_unset),
        }
    };
    let is = |wanted: bool| move |text: &str| go::parse_bool(text.as_bytes()) == Some(wanted);
    let number = |test: fn(i64, i64) -> bool, than: i64| {
        move |text: &str| integer(text).is_some_and(|number| test(number, than))
    };
    match rule {
        Rule::Off(name) => one(name, false, &is(false)),
        Rule::On(name) => one(name, false, &is(true)),
        Rule::OnOrUnset(name) => one(name, true, &is(true)),
        Rule::Unset(name) => one(name, true, &|_| false),
        Rule::Set(names) => all_set(names, given),
        Rule::Has(name, item) => list(name, given, &[item], true),
        Rule::HasOneOf(name, items) => list(name, given, items, true),
        Rule::Lacks(name, item) => list(name, given, &[item], false),
        Rule::AtLeast(name, least) => one(name, false, &number(|a, b| a >= b, least)),
        Rule::Zero(name) => one(name, false, &number(|a, b| a == b, 0)),
        Rule::PositiveOrUnset(name) => one(name, true, &number(|a, b| a > b, 0)),
        Rule::DurationOrUnset(name) => one(name, true, &|text| {
            duration_sign(text) == Some(Ordering::Greater)
        }),
        Rule::Loopback(name) => one(name, true, &|text| {
            text.parse().is_ok_and(|ip: IpAddr| is_loopback(ip))
        }),
        Rule::LoopbackOrUnset(name) => one(name, true, &is_on_loopback),
        Rule::GateNotOff(gate) => {
            let flag = flags::of(given, "feature-gates");
            match flag.entry(gate) {
                Some((value, given)) => Match {
                    holds: go::parse_bool(value.as_bytes()) == Some(true),
                    actual: format!("{gate}={value} in --feature-gates"),
                    sources: vec![given.source.clone()],
                },
                None => Match {
                    holds: true,
                    actual: format!("nothing of {gate} in --feature-gates"),
                    sources: Vec::new(),
                },
            }
        }
        Rule::Ciphers(suites) => cipher_suites(suites, given, benchmark),
    }
}

fn unset(name: &str, holds: bool) -> Match {
    Match {
        holds,
        actual: format!("no --{name}"),
        sources: Vec::new(),
    }
}

fn all_set(names: &[&str], given: &[Given<'_>]) -> Match {
    let mut found = Vec::new();
    let mut sources = Vec::new();
    for name in names {
        let flag = flags::of(given, name);
        match flag
            .last()
            .filter(|last| last.value.is_some_and(|v| !v.is_empty()))
        {
            Some(last) => {
                found.push(shown(last));
                sources.push(last.source.clone());
            }
            None => return unset(name, false),
        }
    }
    Match {
        holds: true,
        actual: found.join(" "),
        sources,
    }
}

/// Whether a list has one of `items`, as it should or should not.
fn list(name: &str, given: &[Given<'_>], items: &[&str], wanted: bool) -> Match {
    let flag = flags::of(given, name);
    let found = flag.items().find(|(item, _)| items.contains(item));
    let all: Vec<&str> = flag.items().map(|(item, _)| item).collect();
    let Some(last) = flag.last() else {
        return unset(name, !wanted);
    };
    Match {
        holds: found.is_some() == wanted,
        actual: format!("--{name}={}", all.join(",")),
        sources: vec![found.map_or(last, |(_, given)| given).source.clone()],
    }
}

fn cipher_suites(suites: &'static [Suite], given: &[Given<'_>], benchmark: Benchmark) -> Match {
    let flag = flags::of(given, "tls-cipher-suites");
    let Some(last) = flag.last() else {
        return unset("tls-cipher-suites", false);
    };
    let all: Vec<&str> = flag.items().map(|(item, _)| item).collect();
    let weak = weak(&all, suites, benchmark);
    Match {
        holds: weak.is_empty() && !all.is_empty(),
        actual: suites_found(&all, &weak),
        sources: vec![last.source.clone()],
    }
}

/// Those of `all` that the benchmark does not list.
pub(super) fn weak<'a>(
    all: &[&'a str],
    suites: &'static [Suite],
    benchmark: Benchmark,
) -> Vec<&'a str> {
    let is_listed = |name: &str| ciphers::listed(suites, benchmark).any(|suite| suite == name);
    all.iter()
        .copied()
        .filter(|name| !is_listed(name))
        .collect()
}

/// What there is to say of the suites found.
pub(super) fn suites_found(all: &[&str], weak: &[&str]) -> String {
    match (all.len(), weak) {
        (0, _) => "an empty list of cipher suites".to_owned(),
        (count, []) => format!("{count} cipher suites, all of them listed"),
        (_, weak) => format!(
            "the cipher suites {}, which are not listed",
            weak.join(", ")
        ),
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// `127.0.0.1:10249`, `[::1]:10249`, or an address alone.
fn is_on_loopback(text: &str) -> bool {
    text.parse::<SocketAddr>()
        .map(|address| address.ip())
        .or_else(|_| text.trim_matches(['[', ']']).parse::<IpAddr>())
        .is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests;
