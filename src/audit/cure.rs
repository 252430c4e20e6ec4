//! What cures controls that are not met: controls with one cause are cured together, by one remedy.
//!
//! An evaluation says of each control what has to be done ([`Cure`]). [`groups`] joins what belongs together,
//! and writes it as remedies for the files of this node.

use super::control::KubeComponent;
use super::facts::NodeFacts;
use super::flags;
use super::{Audited, ControlOutcome};
use crate::finding::Remedy;
use crate::finding::edit::{Change, Edit};
use crate::rke2::changes::{APPEND, KUBELET_REPEATS};
use crate::rke2::config::{SettingOrigin, entry_flag};
use crate::rke2::profile::ProfileRules;
use crate::text::shell_word;

/// The cause of controls that are not met. Controls with an equal one are a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// RKE2's configuration is right and not in force yet.
    NotRestarted,
    /// No profile is set.
    NoProfile,
    /// Entries of this `*-arg` setting are wrong, or missing.
    Setting(&'static str),
    /// This file says something else.
    File(String),
    /// Another one: its name, and what to do about it.
    Other(&'static str, String),
}

/// What becomes of a flag in a `*-arg` setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Its entries are removed, and this one is added where RKE2's own value does not do.
    Value(Option<String>),
    /// Its list gets this item.
    Item(&'static str),
    /// Its list loses this item, or the item that gives this name a value.
    NoItem(&'static str),
}

/// What cures a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cure {
    /// Why it is not met.
    pub cause: Cause,
    /// Flags of a setting, and what becomes of each.
    pub wanted: Vec<(&'static str, Wanted)>,
    /// Commands before the restart.
    pub commands: Vec<String>,
    /// What else there is to say, as half a sentence each.
    pub notes: Vec<String>,
    /// Whether RKE2 has to be restarted.
    pub restarts: bool,
    /// Whether it lasts; if not, a note says until when.
    pub lasts: bool,
}

impl Cure {
    /// A cure of that cause, which lasts.
    fn of(cause: Cause, restarts: bool) -> Self {
        Self {
            cause,
            wanted: Vec::new(),
            commands: Vec::new(),
            notes: Vec::new(),
            restarts,
            lasts: true,
        }
    }

    /// A restart of RKE2.
    pub(super) fn restart() -> Self {
        Self::of(Cause::NotRestarted, true)
    }

    /// A profile, and a restart.
    pub(super) fn profile() -> Self {
        Self::of(Cause::NoProfile, true)
    }

    /// A change of entries of a setting, and a restart.
    pub(super) fn setting(setting: &'static str, flag: &'static str, wanted: Wanted) -> Self {
        let mut cure = Self::of(Cause::Setting(setting), true);
        cure.wanted.push((flag, wanted));
        cure
    }

    /// A correction of a file, and a restart.
    pub(super) fn file(path: &str, what: String) -> Self {
        let mut cure = Self::of(Cause::File(path.to_owned()), true);
        cure.notes.push(what);
        cure
    }

    /// What `what` says, without a restart.
    pub(super) fn other(name: &'static str, what: impl Into<String>) -> Self {
        Self::of(Cause::Other(name, what.into()), false)
    }

    /// The same, with commands before what else is done.
    #[must_use]
    pub(super) fn with(mut self, commands: impl IntoIterator<Item = String>) -> Self {
        self.commands.extend(commands);
        self
    }

    /// The same, with a note.
    #[must_use]
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The same, with a restart at its end.
    #[must_use]
    pub(super) const fn then_restart(mut self) -> Self {
        self.restarts = true;
        self
    }

    /// The same without a restart, where nothing else needs one.
    #[must_use]
    pub(super) const fn in_force(mut self) -> Self {
        self.restarts = false;
        self
    }

    /// The same, which lasts only until what `until` says.
    #[must_use]
    pub(super) fn until(mut self, until: &str) -> Self {
        self.lasts = false;
        self.note(until)
    }

    /// Both in one, where they have the same cause.
    fn join(&mut self, other: &Self) {
        fn add<T: Clone + PartialEq>(to: &mut Vec<T>, more: &[T]) {
            for one in more {
                if !to.contains(one) {
                    to.push(one.clone());
                }
            }
        }
        add(&mut self.wanted, &other.wanted);
        add(&mut self.commands, &other.commands);
        add(&mut self.notes, &other.notes);
        self.restarts |= other.restarts;
        self.lasts &= other.lasts;
    }
}

/// Controls that are cured together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name: stable where the cause is the same. `restart`, `profile`, the name of a setting, `file:PATH`.
    pub name: String,
    /// What to do, as half a sentence.
    pub summary: String,
    /// Whether it lasts.
    pub lasts: bool,
    /// How to do it, in this order.
    pub remedies: Vec<Remedy>,
    /// The keys of the controls that it cures, in the order of the benchmark.
    pub controls: Vec<&'static str>,
}

/// The groups of controls that are not met or could not be evaluated and that no waiver accepts. Those that cure
/// failures come first, then those that cure most.
pub fn groups(controls: &mut [Audited], facts: &NodeFacts) -> Vec<Group> {
    let mut joined: Vec<(Cure, Vec<&'static str>, usize)> = Vec::new();
    for audited in controls.iter_mut() {
        let Some(cure) = audited.result.cure.clone() else {
            continue;
        };
        audited.result.remedies = remedies(&cure, facts);
        let is_open = matches!(
            audited.outcome,
            ControlOutcome::Fail | ControlOutcome::Warn | ControlOutcome::Error
        );
        if !is_open || audited.is_waived() {
            continue;
        }
        let fails = usize::from(audited.fails());
        let known = joined
            .iter_mut()
            .find(|(known, ..)| known.cause == cure.cause);
        match known {
            Some((known, members, failed)) => {
                known.join(&cure);
                members.push(audited.control.key);
                *failed = failed.saturating_add(fails);
            }
            None => joined.push((cure, vec![audited.control.key], fails)),
        }
    }
    joined.sort_by_key(|(_, members, failed)| {
        std::cmp::Reverse((*failed > 0, *failed, members.len()))
    });
    for (cure, members, _) in &joined {
        for audited in controls.iter_mut() {
            if members.contains(&audited.control.key) {
                audited.group = Some(name(cure));
            }
        }
    }
    joined
        .into_iter()
        .map(|(cure, controls, _)| Group {
            name: name(&cure),
            summary: summary(&cure, facts),
            lasts: cure.lasts,
            remedies: remedies(&cure, facts),
            controls,
        })
        .collect()
}

/// The name of a group.
fn name(cure: &Cure) -> String {
    match &cure.cause {
        Cause::NotRestarted if cure.restarts => "restart".to_owned(),
        Cause::NotRestarted => "static-pods".to_owned(),
        Cause::NoProfile => "profile".to_owned(),
        Cause::Setting(setting) => (*setting).to_owned(),
        Cause::File(path) => format!("file:{path}"),
        Cause::Other(name, _) => (*name).to_owned(),
    }
}

fn summary(cure: &Cure, facts: &NodeFacts) -> String {
    let what = match &cure.cause {
        Cause::NotRestarted if !cure.restarts => {
            "restrict the permissions of static pods from before the profile, which RKE2 does not write anew"
                .to_owned()
        }
        Cause::NotRestarted => {
            "restart RKE2: its configuration is right, and not in force yet".to_owned()
        }
        Cause::NoProfile => format!(
            "set `profile: {}`, then restart RKE2",
            profile(facts).unwrap_or("cis")
        ),
        Cause::Setting(setting) => {
            let (edits, _) = entries(setting, &cure.wanted, facts);
            let what = if edits.is_empty() { "add to" } else { "correct" };
            format!("{what} {setting} of RKE2's configuration, then restart RKE2")
        }
        Cause::File(path) => format!("correct {path}, then restart RKE2"),
        Cause::Other(_, what) => {
            let then = if cure.restarts {
                ", then restart RKE2"
            } else {
                ""
            };
            format!("{what}{then}")
        }
    };
    // Of a file, the notes are the corrections.
    if cure.notes.is_empty() || matches!(cure.cause, Cause::File(_)) {
        what
    } else {
        format!("{what} ({})", cure.notes.join("; "))
    }
}

/// The profile to set: the one that this release starts with.
fn profile(facts: &NodeFacts) -> Option<&'static str> {
    let rules = ProfileRules::of(&facts.version);
    rules.accepted().find(|name| name.starts_with("cis"))
}

/// The command that makes RKE2 read its configuration again.
/// What was changed may ask more of the host: it is not restarted before that is met.
pub(super) fn restart(facts: &NodeFacts) -> String {
    format!(
        "preflight-rke2 check && systemctl restart {}",
        facts.settings.role.unit()
    )
}

/// How a cure is carried out on this node, in this order.
fn remedies(cure: &Cure, facts: &NodeFacts) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    let mut commands = cure.commands.clone();
    let mut by_hand = Vec::new();
    match &cure.cause {
        Cause::NoProfile => {
            let value = profile(facts).unwrap_or("cis");
            let origin = facts.settings.profile_source();
            if *origin == SettingOrigin::Default {
                let entry = format!("profile: {value}");
                commands.extend(write(facts, "profile", &[entry]));
            } else {
                remedies.extend(origin.remedies("profile", None, &Change::Set(value.to_owned())));
                // Of several ways one is enough.
                remedies.truncate(1);
            }
        }
        Cause::Setting(setting) => {
            let (edits, entries) = entries(setting, &cure.wanted, facts);
            if !edits.is_empty() {
                remedies.push(Remedy::Edits {
                    when: String::new(),
                    edits,
                    then: String::new(),
                });
            }
            if !entries.is_empty() {
                match add(facts, setting, &entries) {
                    Ok(more) => commands.extend(more),
                    Err(how) => by_hand.push(how),
                }
            }
        }
        Cause::File(_) => by_hand.extend(cure.notes.iter().cloned()),
        Cause::NotRestarted | Cause::Other(..) => {}
    }
    if cure.restarts {
        commands.push(restart(facts));
    }
    let mut once: Vec<String> = Vec::with_capacity(commands.len());
    for command in commands {
        if !once.contains(&command) {
            once.push(command);
        }
    }
    let commands = once;
    let mut summary = summary(cure, facts);
    if !by_hand.is_empty() {
        summary = format!("{}, then restart RKE2", by_hand.join(", and "));
    }
    remedies.push(Remedy::Manual { summary, commands });
    remedies
}

/// The file that entries are written to, which RKE2 reads after those that hold `key`: it adds to their lists. `None` where
/// this release reads one file alone.
fn drop_in(facts: &NodeFacts, key: &str) -> Option<String> {
    APPEND.includes(&facts.version).then_some(())?;
    let directory = format!("{}.d", facts.settings.config_file());
    let sources = facts.settings.get(key).map(|setting| &setting.sources);
    let last = sources
        .into_iter()
        .flatten()
        .filter_map(|origin| match origin {
            SettingOrigin::File { path, .. } => path.strip_prefix(&directory),
            _ => None,
        })
        .max()
        .unwrap_or_default();
    let names = (90..100).map(|number| format!("/{number}-cis.yaml"));
    let mut names = names.chain(["/zz-cis.yaml".to_owned()]);
    names
        .find(|name| name.as_str() > last)
        .map(|name| format!("{directory}{name}"))
}

/// Commands that write lines for `key` into RKE2's configuration.
pub(super) fn write(facts: &NodeFacts, key: &str, lines: &[String]) -> Vec<String> {
    let words: Vec<String> = lines.iter().map(|line| shell_word(line)).collect();
    // The last line of a file may have no line feed: an empty line comes first.
    let append = |path: &str| {
        format!(
            "printf '%s\\n' '' {} >> {}",
            words.join(" "),
            shell_word(path)
        )
    };
    match drop_in(facts, key) {
        Some(path) => {
            let directory = path
                .rsplit_once('/')
                .map_or("/", |(directory, _)| directory);
            vec![format!("mkdir -p {}", shell_word(directory)), append(&path)]
        }
        None => vec![append(facts.settings.config_file())],
    }
}

/// A scalar of YAML that is read as this text: a text of JSON is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The command that carries out an edit of sed in a file. A link stays one.
pub(super) fn sed(edit: &str, path: &str) -> String {
    format!(
        "sed -i --follow-symlinks {} {}",
        shell_word(edit),
        shell_word(path)
    )
}

/// A text as the replacement of sed's `s|…|…|` means it.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for letter in text.chars() {
        if ['\\', '&', '|'].contains(&letter) {
            literal.push('\\');
        }
        literal.push(letter);
    }
    literal
}

/// Commands that add entries to a setting; where its entries do not stand in a file that a command can add to, how. Of a
/// list that is not in block style, the command changes nothing.
fn add(facts: &NodeFacts, setting: &str, entries: &[String]) -> Result<Vec<String>, String> {
    let appends = APPEND.includes(&facts.version);
    let written = facts.settings.list(setting);
    if let (false, Some((_, last))) = (appends, written.last()) {
        if let SettingOrigin::File { path, line } = last {
            // Each line is put before the last item, as far from the margin.
            let lines = entries.iter().map(|entry| {
                let edit = format!(
                    "{line}s|^\\( *- *\\)[^ ]|\\1{}\\n&|",
                    literal(&quoted(entry))
                );
                sed(&edit, path)
            });
            return Ok(lines.rev().collect());
        }
        let entries: Vec<String> = entries.iter().map(|entry| format!("`{entry}`")).collect();
        return Err(format!("add {} to {setting} at {last}", entries.join(", ")));
    }
    let mut lines = vec![format!("{setting}{}:", if appends { "+" } else { "" })];
    lines.extend(entries.iter().map(|entry| format!("- {}", quoted(entry))));
    Ok(write(facts, setting, &lines))
}

/// The name, and the `+` or `-` behind it, of an entry: `("enable-admission-plugins", "+")`.
fn operator(entry: &str) -> &str {
    let name = entry.split('=').next().unwrap_or_default();
    if name.ends_with('+') {
        "+"
    } else if name.ends_with('-') {
        "-"
    } else {
        ""
    }
}

/// The changes of the entries of a setting that are there, from the end, so that the lines of the others stay; and the
/// entries that are added.
fn entries(
    setting: &str,
    wanted: &[(&'static str, Wanted)],
    facts: &NodeFacts,
) -> (Vec<Edit>, Vec<String>) {
    let mut added = Vec::new();
    let mut flags: Vec<&str> = Vec::new();
    for (flag, _) in wanted {
        if !flags.contains(flag) {
            flags.push(flag);
        }
    }
    let list = facts.settings.list(setting);
    let mut changes: Vec<Option<Change>> = vec![None; list.len()];
    for flag in flags {
        let of_flag = || {
            let wanted = wanted.iter().filter(move |(name, _)| *name == flag);
            wanted.map(|(_, wanted)| wanted)
        };
        let touching: Vec<usize> = (0..list.len())
            .filter(|at| {
                list.get(*at)
                    .is_some_and(|(text, _)| entry_flag(text).0.replace('_', "-") == flag)
            })
            .collect();
        let mut items: Vec<&str> = Vec::new();
        for wanted in of_flag() {
            match wanted {
                Wanted::Value(entry) => {
                    for at in &touching {
                        if let Some(change) = changes.get_mut(*at) {
                            *change = Some(Change::Remove);
                        }
                    }
                    // The last one is written anew where there is one.
                    let newest = touching.last().and_then(|at| changes.get_mut(*at));
                    match (entry, newest) {
                        (Some(entry), Some(change)) => *change = Some(Change::Set(entry.clone())),
                        (entry, _) => added.extend(entry.clone()),
                    }
                }
                Wanted::Item(item) => items.push(item),
                Wanted::NoItem(_) => {}
            }
        }
        let is_unwanted = |item: &str| {
            of_flag().any(|wanted| match wanted {
                Wanted::NoItem(name) => item.split('=').next().map(str::trim) == Some(*name),
                _ => false,
            })
        };
        for at in touching.into_iter().rev() {
            let Some(((text, _), change)) = list.get(at).zip(changes.get_mut(at)) else {
                continue;
            };
            let (name, value) = entry_flag(text);
            let before: Vec<&str> = value.unwrap_or_default().split(',').collect();
            let mut after: Vec<&str> = before.iter().copied().filter(|i| !is_unwanted(i)).collect();
            if operator(text).is_empty() {
                after.extend(items.drain(..).filter(|item| !before.contains(item)));
            }
            if change.is_some() || after == before {
                continue;
            }
            *change = Some(if after.is_empty() {
                Change::Remove
            } else {
                Change::Set(format!("{name}{}={}", operator(text), after.join(",")))
            });
        }
        if !items.is_empty() {
            added.push(with_items(setting, flag, &items, facts));
        }
    }
    // Where nothing can be added elsewhere, it takes the place of what is removed: lines keep their numbers.
    if !APPEND.includes(&facts.version) {
        for change in changes
            .iter_mut()
            .filter(|change| **change == Some(Change::Remove))
        {
            if let Some(entry) = added.pop() {
                *change = Some(Change::Set(entry));
            }
        }
    }
    let mut edits = Vec::new();
    for ((text, origin), change) in list.iter().zip(changes).rev() {
        if let Some(change) = change {
            let ways = origin.remedies(setting, Some(text), &change);
            edits.extend(ways.iter().flat_map(Remedy::edits));
        }
    }
    (edits, added)
}

/// The entry by which a list of RKE2's own gets more items.
fn with_items(setting: &str, flag: &str, items: &[&str], facts: &NodeFacts) -> String {
    if KUBELET_REPEATS.includes(&facts.version) {
        return format!("{flag}+={}", items.join(","));
    }
    // The entry takes the place of RKE2's own value, which it has to hold.
    let mut all: Vec<&str> = Vec::new();
    let component = KubeComponent::ALL
        .into_iter()
        .find(|component| component.setting() == setting);
    let lines = component.and_then(|component| facts.components.get(&component));
    let newest = lines.and_then(|lines| lines.iter().max_by_key(|line| line.when));
    let given = newest
        .map(|line| flags::given(&line.words))
        .unwrap_or_default();
    for (item, _) in flags::of(&given, flag).items() {
        all.push(item);
    }
    if all.is_empty() && flag == "enable-admission-plugins" {
        all.push("NodeRestriction");
    }
    all.extend(items);
    format!("{flag}={}", all.join(","))
}
