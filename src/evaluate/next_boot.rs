//! From what the files of `sysctl.d` say of a key to a fact about the next boot.

use crate::fact::{Cure, NextBoot, Reading, Target};
use crate::finding::{Evidence, Excerpt, Part};
use crate::rke2::kernel::KernelParameter;
use crate::sysctl_d::kernel::Outcome;
use crate::sysctl_d::{
    self, Assignment, Dialect, Line, Place, Prevented, Resolution, Tree, Via, Why, winning_name,
};

/// What `resolution` says of each of `parameters`, which were asked for in this order.
///
/// `own` tells what the kernel of this host was built to start a key with, as far as it is known.
pub fn facts(
    resolution: &Resolution,
    parameters: &[KernelParameter],
    own: impl Fn(&str) -> Option<i64>,
) -> Vec<Reading<NextBoot>> {
    resolution
        .keys
        .iter()
        .zip(parameters)
        .map(|(key, parameter)| {
            if resolution.complete {
                let own = own(parameter.key).or(parameter.kernel_default);
                Reading::Known(fact(key, own))
            } else {
                let why = resolution
                    .problems
                    .iter()
                    .find(|p| p.trouble == sysctl_d::Trouble::Unreadable)
                    .map_or_else(|| "a file cannot be read".to_owned(), |p| p.summary.clone());
                Reading::Unknown { why }
            }
        })
        .collect()
}

/// Whether a parameter will not surely have its value after the next boot, as far as files decide.
pub fn is_wrong(fact: &Reading<NextBoot>, parameter: &KernelParameter) -> bool {
    matches!(fact, Reading::Known(next) if next.number != Some(parameter.required))
}

/// Says of each wrong and demanded parameter how to put it right. `demanded` is asked by position.
pub fn cure(
    facts: &mut [Reading<NextBoot>],
    parameters: &[KernelParameter],
    demanded: impl Fn(usize) -> bool,
    tree: &Tree,
    dialect: Dialect,
) {
    let wrong: Vec<(usize, KernelParameter)> = parameters
        .iter()
        .zip(facts.iter())
        .enumerate()
        .filter(|(index, (parameter, fact))| demanded(*index) && is_wrong(fact, parameter))
        .map(|(index, (parameter, _))| (index, *parameter))
        .collect();
    let wanted: Vec<KernelParameter> = wrong.iter().map(|(_, parameter)| *parameter).collect();
    let mut cures = cures(tree, &wanted, dialect).into_iter();
    for (index, _) in wrong {
        if let (Some(Reading::Known(fact)), Some(cure)) = (facts.get_mut(index), cures.next()) {
            fact.cure = Some(cure);
        }
    }
}

/// The cure of each of `wanted`: one file for all that a file can cure.
pub fn cures(tree: &Tree, wanted: &[KernelParameter], dialect: Dialect) -> Vec<Cure> {
    let mut prevented: Vec<(&str, String)> = Vec::new();
    let target = loop {
        let lines: Vec<(&str, i32)> = wanted
            .iter()
            .filter(|parameter| prevented.iter().all(|(key, _)| *key != parameter.key))
            .filter_map(|parameter| Some((parameter.key, i32::try_from(parameter.required).ok()?)))
            .collect();
        if lines.is_empty() {
            break None;
        }
        let why = match winning_name(tree, &lines, dialect) {
            Ok(placement) if placement.name.bytes().all(|byte| byte.is_ascii_graphic()) => {
                break Some(target(tree, &placement.name, placement.exists));
            }
            Ok(_) => Prevented::NoName(String::new()),
            Err(why) => why,
        };
        let key = match &why {
            Prevented::Credential(_, key)
            | Prevented::Tuned(_, key)
            | Prevented::Reapplied(_, key)
            | Prevented::NoName(key) => key.clone(),
        };
        let before = prevented.len();
        prevented.extend(
            lines
                .iter()
                .filter(|(line, _)| key.is_empty() || *line == key)
                .map(|(line, _)| (*line, why.to_string())),
        );
        if prevented.len() == before {
            break None;
        }
    };
    wanted
        .iter()
        .map(|parameter| {
            let why = prevented.iter().find(|(key, _)| *key == parameter.key);
            match (why, &target) {
                (None, Some(target)) => Cure::File(target.clone()),
                (Some((_, why)), _) => Cure::Person { why: why.clone() },
                (None, None) => Cure::Person {
                    why: Prevented::NoName(parameter.key.to_owned()).to_string(),
                },
            }
        })
        .collect()
}

fn target(tree: &Tree, name: &str, exists: bool) -> Target {
    let etc = tree.directories.iter().find(|d| d.place == Place::Etc);
    let file = etc.and_then(|etc| etc.files.iter().find(|f| f.name == name.as_bytes()));
    Target {
        path: format!("{}/{name}", Place::Etc.path()),
        exists,
        unended: file.is_some_and(|file| !matches!(file.bytes().last(), None | Some(b'\n'))),
        no_directory: etc.is_none(),
    }
}

fn fact(key: &sysctl_d::NextBoot, own: Option<i64>) -> NextBoot {
    let mut fact = NextBoot {
        text: None,
        number: key.expected().map(i64::from),
        evidence: Vec::new(),
        notes: Vec::new(),
        cure: None,
    };
    match &key.set {
        Some(set) => {
            fact.text = Some(set.value.clone());
            if set.is_volatile() {
                fact.notes.push(format!(
                    "{} is gone with the next boot, unless something writes it again",
                    set.line.source.path
                ));
            }
            fact.evidence
                .push(excerpt(&set.line, Part::Sets, &winner(set)));
            let other = |assignment: &Assignment| assignment.value != set.value;
            for lost in key.overrides.iter().filter(|o| other(&o.assignment)) {
                let label = loser(&lost.why);
                fact.evidence
                    .push(excerpt(&lost.assignment.line, Part::Overridden, &label));
            }
        }
        None => unset(&mut fact, key, own),
    }
    for unheard in &key.unheard {
        fact.evidence.push(excerpt(
            &unheard.line,
            Part::Masks,
            &unheard.why.to_string(),
        ));
    }
    if let Some(other) = &key.sysctl_system {
        fact.notes.push(match &other.set {
            Some(set) => format!(
                "`sysctl --system` would leave {} ({}), the boot does not",
                set.value, set.line.source
            ),
            None => "`sysctl --system` would not set it, the boot does".to_owned(),
        });
    }
    fact
}

/// No file sets it: the command line of the kernel does, or it keeps its default.
fn unset(fact: &mut NextBoot, key: &sysctl_d::NextBoot, own: Option<i64>) {
    for lost in &key.overrides {
        let label = loser(&lost.why);
        fact.evidence
            .push(excerpt(&lost.assignment.line, Part::Overridden, &label));
    }
    if let Some(word) = &key.command_line {
        fact.notes.push(format!(
            "no file sets it; the kernel command line does: {}",
            word.word
        ));
        return;
    }
    fact.number = fact.number.or(own);
}

fn winner(set: &Assignment) -> String {
    let how = match set.via {
        Via::Explicit => "sets it at the next boot",
        Via::Pattern => "sets it at the next boot, by a pattern",
        Via::Credential => "sets it at the next boot, as a credential",
        Via::Tuned => "sets it after systemd-sysctl: TuneD's profile",
        Via::Reapplied => "sets it once more: TuneD applies sysctl.d after its profile",
    };
    match &set.outcome {
        Outcome::Refused(refusal) => format!("the kernel refuses this: {refusal}"),
        Outcome::Value(number) if number.to_string() != set.value => {
            format!("{how}, as {number}")
        }
        _ => how.to_owned(),
    }
}

fn loser(why: &Why) -> String {
    match why {
        Why::Later => "overridden: that line is read later".to_owned(),
        Why::Repeated => "said again later".to_owned(),
        Why::Explicit => "overridden: a line that names the key beats a pattern".to_owned(),
        Why::Excluded(source) => format!("taken back by {source}"),
        Why::Refused => "the kernel refuses this".to_owned(),
    }
}

fn excerpt(line: &Line, part: Part, label: &str) -> Evidence {
    let mark = line.key.start.min(line.value.start)..line.key.end.max(line.value.end);
    Evidence {
        source: line.source.clone(),
        part,
        excerpt: Some(Excerpt {
            text: line.text.clone(),
            mark,
            label: label.to_owned(),
        }),
    }
}
