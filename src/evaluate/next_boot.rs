//! Facts about the next boot, made from the resolution of the files of `sysctl.d`.

use crate::facts::{
    Evidence, Excerpt, NextBoot, NextBootCause, Part, Persistence, Reading, SysctlFile,
};
use crate::rke2::kernel::KernelParameter;
use crate::sysctl_d::kernel::WriteResult;
use crate::sysctl_d::{
    self, Assignment, Dialect, OverrideReason, Prevented, Resolution, SearchDirectory, SourceLine,
    Tree, Via, winning_name,
};

/// The facts about each of `parameters`, for which `resolution` was made, in this order.
///
/// `own` is the value that the kernel of this host was built with, where it is known.
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
                    .find(|p| p.kind == sysctl_d::SysctlProblemKind::Unreadable)
                    .map_or_else(|| "a file cannot be read".to_owned(), |p| p.summary.clone());
                Reading::Unknown { why }
            }
        })
        .collect()
}

/// Whether a parameter will not certainly have its value after the next boot, as far as files decide.
pub(crate) fn is_wrong(fact: &Reading<NextBoot>, parameter: &KernelParameter) -> bool {
    matches!(fact, Reading::Known(next) if next.number != Some(parameter.required))
}

/// Leaves open what a file sets whose label may keep systemd-sysctl from reading it: `denied` gives its type then.
pub(crate) fn deny(facts: &mut [Reading<NextBoot>], denied: impl Fn(&str) -> Option<String>) {
    for fact in facts {
        let Reading::Known(next) = fact else {
            continue;
        };
        let NextBootCause::File(text) = &next.cause else {
            continue;
        };
        let place = next.evidence.iter().find(|e| e.part == Part::Sets);
        let Some(path) = place.map(|evidence| evidence.source.path.clone()) else {
            continue;
        };
        if let Some(label) = denied(&path) {
            next.cause = NextBootCause::Denied {
                text: text.clone(),
                path,
                label,
            };
            next.number = None;
        }
    }
}

/// Adds to each wrong and required parameter how to persist it. `required` takes a position.
pub(crate) fn persist(
    facts: &mut [Reading<NextBoot>],
    parameters: &[KernelParameter],
    required: impl Fn(usize) -> bool,
    tree: &Tree,
    dialect: Dialect,
) {
    let wrong: Vec<(usize, KernelParameter)> = parameters
        .iter()
        .zip(facts.iter())
        .enumerate()
        .filter(|(index, (parameter, fact))| required(*index) && is_wrong(fact, parameter))
        .map(|(index, (parameter, _))| (index, *parameter))
        .collect();
    let wanted: Vec<KernelParameter> = wrong.iter().map(|(_, parameter)| *parameter).collect();
    let mut all = persistences(tree, &wanted, dialect).into_iter();
    for (index, _) in wrong {
        if let (Some(Reading::Known(fact)), Some(persistence)) = (facts.get_mut(index), all.next())
        {
            fact.persistence = Some(persistence);
        }
    }
}

/// How to persist each of `wanted`: one file for all that a file can set.
pub(crate) fn persistences(
    tree: &Tree,
    wanted: &[KernelParameter],
    dialect: Dialect,
) -> Vec<Persistence> {
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
                (None, Some(target)) => Persistence::File(target.clone()),
                (Some((_, why)), _) => Persistence::Prevented { why: why.clone() },
                (None, None) => Persistence::Prevented {
                    why: Prevented::NoName(parameter.key.to_owned()).to_string(),
                },
            }
        })
        .collect()
}

fn target(tree: &Tree, name: &str, exists: bool) -> SysctlFile {
    let etc = tree
        .directories
        .iter()
        .find(|d| d.location == SearchDirectory::Etc);
    let file = etc.and_then(|etc| etc.files.iter().find(|f| f.name == name.as_bytes()));
    SysctlFile {
        path: format!("{}/{name}", SearchDirectory::Etc.path()),
        exists,
        unended: file.is_some_and(|file| !matches!(file.bytes().last(), None | Some(b'\n'))),
        no_directory: etc.is_none(),
    }
}

fn fact(key: &sysctl_d::KeyResolution, own: Option<i64>) -> NextBoot {
    let mut fact = NextBoot {
        cause: NextBootCause::Kernel,
        number: key.expected().map(i64::from),
        evidence: Vec::new(),
        notes: Vec::new(),
        persistence: None,
    };
    match &key.set {
        Some(set) => {
            fact.cause = NextBootCause::File(set.value.clone());
            if set.is_volatile() {
                fact.notes.push(format!(
                    "{} is deleted at the next boot, unless something writes it again",
                    set.line.source.path
                ));
            }
            fact.evidence
                .push(excerpt(&set.line, Part::Sets, &winner(set)));
            let other = |assignment: &Assignment| assignment.value != set.value;
            for lost in key.overrides.iter().filter(|o| other(&o.assignment)) {
                let label = loser(&lost.reason);
                fact.evidence
                    .push(excerpt(&lost.assignment.line, Part::Overridden, &label));
            }
        }
        None => unset(&mut fact, key, own),
    }
    for skipped in &key.skipped {
        fact.evidence.push(excerpt(
            &skipped.line,
            Part::Masks,
            &skipped.reason.to_string(),
        ));
    }
    if let Some(other) = &key.sysctl_system {
        fact.notes.push(match &other.set {
            Some(set) => format!(
                "`sysctl --system` would set {} ({}), the boot does not",
                set.value, set.line.source
            ),
            None => "`sysctl --system` would not set it, the boot does".to_owned(),
        });
    }
    fact
}

/// No file sets it: the command line of the kernel does, or it keeps its default.
fn unset(fact: &mut NextBoot, key: &sysctl_d::KeyResolution, own: Option<i64>) {
    for lost in &key.overrides {
        let label = loser(&lost.reason);
        fact.evidence
            .push(excerpt(&lost.assignment.line, Part::Overridden, &label));
    }
    if let Some(word) = &key.command_line {
        fact.cause = NextBootCause::CommandLine;
        fact.notes.push(format!(
            "no file sets it, but the kernel command line does: {}",
            word.text
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
        Via::Tuned => "TuneD's profile sets it after systemd-sysctl",
        Via::Reapplied => "sets it again: TuneD applies sysctl.d after its profile",
    };
    match &set.outcome {
        WriteResult::Refused(refusal) => format!("the kernel refuses this: {refusal}"),
        WriteResult::Value(number) if number.to_string() != set.value => {
            format!("{how}, as {number}")
        }
        _ => how.to_owned(),
    }
}

/// Why a line has no effect, for a label.
pub(crate) fn loser(why: &OverrideReason) -> String {
    match why {
        OverrideReason::Later => "overridden by a line that is read later".to_owned(),
        OverrideReason::Repeated => "repeated later".to_owned(),
        OverrideReason::Explicit => {
            "overridden: a line with the exact key takes precedence over a pattern".to_owned()
        }
        OverrideReason::Excluded(source) => format!("excluded by {source}"),
        OverrideReason::Refused => "the kernel refuses this".to_owned(),
    }
}

fn excerpt(line: &SourceLine, part: Part, label: &str) -> Evidence {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::kernel::KERNEL_PARAMETERS;
    use crate::sysctl_d::{Content, File};

    const PANIC: KernelParameter = KERNEL_PARAMETERS[2];
    const OOPS: KernelParameter = KERNEL_PARAMETERS[3];

    fn tree(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            let file = File::new(path, *text);
            match SearchDirectory::ALL
                .into_iter()
                .find(|place| path.starts_with(place.path()))
            {
                Some(place) => tree.add(place, file),
                None => tree.credential = Some(file),
            }
        }
        tree
    }

    /// The facts about `kernel.panic` and `kernel.panic_on_oops`, which the kernel starts with 7.
    fn read(tree: &Tree) -> Vec<Reading<NextBoot>> {
        let keys = [PANIC.key, OOPS.key];
        let resolution = sysctl_d::resolve(tree, &keys, Dialect::NEWEST);
        facts(&resolution, &[PANIC, OOPS], |_| Some(7))
    }

    fn panic_of(tree: &Tree) -> NextBoot {
        match read(tree).swap_remove(0) {
            Reading::Known(fact) => fact,
            Reading::Unknown { why } => panic!("{why}"),
        }
    }

    /// Where each piece of evidence is and what it says.
    fn labels(fact: &NextBoot) -> Vec<String> {
        let evidence = fact.evidence.iter();
        evidence
            .map(|one| {
                let label = &one.excerpt.as_ref().unwrap().label;
                format!("{}: {label}", one.source)
            })
            .collect()
    }

    #[test]
    fn the_line_that_stays_and_those_it_beats_are_evidence() {
        let fact = panic_of(&tree(&[
            ("/etc/sysctl.d/a.conf", "kernel.panic=1\n"),
            ("/etc/sysctl.d/b.conf", "kernel.panic=5\n"),
            ("/etc/sysctl.d/c.conf", "\nkernel.panic = 012\n"),
        ]));
        assert_eq!((fact.text(), fact.number), (Some("012"), Some(10)));
        assert_eq!(
            labels(&fact),
            [
                "/etc/sysctl.d/c.conf:2: sets it at the next boot, as 10",
                "/etc/sysctl.d/a.conf:1: overridden by a line that is read later",
                "/etc/sysctl.d/b.conf:1: overridden by a line that is read later",
            ]
        );
        // A line with the same value changes nothing.
        let same = panic_of(&tree(&[
            ("/etc/sysctl.d/a.conf", "kernel.panic=10\n"),
            ("/etc/sysctl.d/b.conf", "kernel.panic=10\n"),
        ]));
        assert_eq!(
            labels(&same),
            ["/etc/sysctl.d/b.conf:1: sets it at the next boot"]
        );
    }

    #[test]
    fn each_way_to_have_ones_say_has_its_words() {
        for (path, text, label) in [
            (
                "/etc/sysctl.d/a.conf",
                "kernel.pani?=10",
                "sets it at the next boot, by a pattern",
            ),
            (
                "/run/credentials/x",
                "kernel.panic=10",
                "sets it at the next boot, as a credential",
            ),
        ] {
            let fact = panic_of(&tree(&[(path, text)]));
            assert_eq!(labels(&fact), [format!("{path}:1: {label}")]);
        }
        let refused = panic_of(&tree(&[("/etc/sysctl.d/a.conf", "kernel.panic=ten")]));
        let [label] = &labels(&refused)[..] else {
            panic!("{refused:?}");
        };
        assert!(label.contains("the kernel refuses this"), "{label}");
        let place = crate::facts::Source::line("/f", 2);
        for (why, words) in [
            (
                OverrideReason::Later,
                "overridden by a line that is read later",
            ),
            (OverrideReason::Repeated, "repeated later"),
            (
                OverrideReason::Explicit,
                "overridden: a line with the exact key takes precedence over a pattern",
            ),
            (OverrideReason::Excluded(place), "excluded by /f:2"),
            (OverrideReason::Refused, "the kernel refuses this"),
        ] {
            assert_eq!(loser(&why), words);
        }
    }

    #[test]
    fn what_no_file_sets_keeps_its_own_value_or_the_command_lines() {
        let none = panic_of(&Tree::default());
        assert_eq!((none.text(), none.number), (None, Some(7)));
        assert_eq!(none.notes, [""; 0]);
        let by_command_line = panic_of(&Tree {
            command_line: Some(b"quiet panic=3\n".to_vec()),
            ..Tree::default()
        });
        assert_eq!(by_command_line.number, Some(3));
        assert_eq!(
            by_command_line.notes,
            ["no file sets it, but the kernel command line does: panic=3"]
        );
        let volatile = panic_of(&tree(&[("/run/sysctl.d/a.conf", "kernel.panic=10")]));
        assert_eq!(
            volatile.notes,
            ["/run/sysctl.d/a.conf is deleted at the next boot, unless something writes it again"]
        );
    }

    #[test]
    fn a_label_leaves_open_what_its_file_sets_and_nothing_else() {
        let mut facts = read(&tree(&[
            ("/etc/sysctl.d/a.conf", "kernel.panic=10"),
            ("/etc/sysctl.d/b.conf", "kernel.panic_on_oops=1"),
        ]));
        let tmp = |path: &str| path.ends_with("/a.conf").then(|| "user_tmp_t".to_owned());
        deny(&mut facts, tmp);
        let [Reading::Known(panic), Reading::Known(oops)] = &facts[..] else {
            panic!("{facts:?}");
        };
        assert_eq!((panic.number, oops.number), (None, Some(1)));
        let denied = NextBootCause::Denied {
            text: "10".to_owned(),
            path: "/etc/sysctl.d/a.conf".to_owned(),
            label: "user_tmp_t".to_owned(),
        };
        assert_eq!(panic.cause, denied);
    }

    #[test]
    fn a_file_that_cannot_be_read_leaves_all_unknown() {
        let mut unreadable = tree(&[("/etc/sysctl.d/a.conf", "kernel.panic=10")]);
        let mut file = File::new("/etc/sysctl.d/b.conf", "");
        file.content = Content::Unreadable(crate::facts::ReadError::Os {
            operation: crate::facts::Operation::Open,
            path: "/etc/sysctl.d/b.conf".to_owned(),
            errno: nix::libc::EACCES,
        });
        unreadable.add(SearchDirectory::Etc, file);
        for reading in read(&unreadable) {
            let Reading::Unknown { why } = &reading else {
                panic!("{reading:?}");
            };
            assert!(why.contains("/etc/sysctl.d/b.conf"), "{why}");
            assert!(!is_wrong(&reading, &PANIC));
        }
        let set = read(&tree(&[("/etc/sysctl.d/a.conf", "kernel.panic=10")]));
        assert!(!is_wrong(&set[0], &PANIC) && is_wrong(&set[1], &OOPS));
    }

    #[test]
    fn what_is_wrong_and_required_is_set_by_one_file() {
        let persisted = |files: &[(&str, &str)], required: fn(usize) -> bool| {
            let tree = tree(files);
            let mut facts = read(&tree);
            let parameters = [PANIC, OOPS];
            persist(&mut facts, &parameters, required, &tree, Dialect::NEWEST);
            let all = facts.into_iter().map(|fact| match fact {
                Reading::Known(fact) => match fact.persistence {
                    Some(Persistence::File(target)) => format!(
                        "{} {} {} {}",
                        target.path, target.exists, target.unended, target.no_directory
                    ),
                    Some(Persistence::Prevented { why }) => why,
                    None => String::new(),
                },
                Reading::Unknown { why } => panic!("{why}"),
            });
            all.collect::<Vec<_>>()
        };
        let [panic, oops] = &persisted(&[], |_| true)[..] else {
            panic!("not two");
        };
        assert_eq!(panic, oops);
        assert!(
            panic.starts_with("/etc/sysctl.d/") && panic.ends_with(" false false true"),
            "{panic}"
        );
        let good = ("/etc/sysctl.d/a.conf", "kernel.panic=10\n");
        let [panic, oops] = &persisted(&[good], |_| true)[..] else {
            panic!("not two");
        };
        assert_eq!(panic, "");
        assert!(oops.ends_with(" false"), "{oops}");
        assert_eq!(persisted(&[], |index| index == 1)[0], "");
        // No file can override a credential. The other parameters get a file all the same.
        let credential = ("/run/credentials/x", "kernel.panic=1");
        let [panic, oops] = &persisted(&[credential], |_| true)[..] else {
            panic!("not two");
        };
        assert!(panic.contains("the credential sysctl.extra"), "{panic}");
        assert!(oops.starts_with("/etc/sysctl.d/"), "{oops}");
    }

    #[test]
    fn a_file_that_is_there_is_added_to_behind_its_last_line() {
        for (text, unended) in [("", false), ("a=1\n", false), ("a=1", true)] {
            let tree = tree(&[
                ("/etc/sysctl.d/a.conf", "b=1"),
                ("/etc/sysctl.d/b.conf", text),
            ]);
            let target = target(&tree, "b.conf", true);
            assert_eq!(target.path, "/etc/sysctl.d/b.conf");
            assert_eq!((target.exists, target.unended), (true, unended), "{text:?}");
            assert!(!target.no_directory);
        }
    }
}
