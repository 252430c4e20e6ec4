//! Kernel parameters: now as the component reads them, then as files will set them.

use super::start;
use crate::facts::{Cure, KernelFact, NextBoot, Reading, Target};
use crate::finding::{Component, Effect, Finding, Outcome, Prediction, Remedy, Stage};
use crate::requirements::{KubeletCheck, Requirement};
use crate::rke2::kernel::KernelParameter;
use crate::text::shell_word;

pub(super) fn finding(
    requirement: &Requirement,
    parameter: KernelParameter,
    rke2: Option<Stage>,
    kubelet: KubeletCheck,
    fact: &KernelFact,
    image: bool,
) -> Finding {
    let mut by = Vec::new();
    if rke2.is_some() {
        by.push(Component::Rke2);
    }
    if kubelet == KubeletCheck::Value {
        by.push(Component::Kubelet);
    }
    let mut finding = start(requirement, parameter.key, by);
    finding.required = Some(parameter.required.to_string());

    let mut unreadable = None;
    match &fact.live {
        Reading::Unknown { why } => {
            if requirement.applies {
                finding.now = Outcome::Indeterminate;
                unreadable = Some(why.clone());
            }
        }
        Reading::Known(content) => {
            match KernelParameter::as_kubelet(content).or_else(|_| parameter.as_rke2(content)) {
                Ok(value) => finding.actual = Some(value.to_string()),
                Err(error) => unreadable = Some(error),
            }
            if let Some(stage) = rke2 {
                predict_rke2(&mut finding, parameter, stage, parameter.as_rke2(content));
            }
            predict_kubelet(
                &mut finding,
                parameter,
                kubelet,
                KernelParameter::as_kubelet(content),
            );
            if !finding.predictions.is_empty() {
                finding.now = Outcome::Violated;
            }
        }
    }
    if requirement.applies {
        next_boot(&mut finding, parameter, &fact.next_boot);
    } else {
        finding.then = finding.now;
    }
    conclude(
        &mut finding,
        parameter,
        unreadable.as_deref(),
        &fact.next_boot,
        image,
    );
    if finding.outcome == Outcome::Violated || finding.outcome == Outcome::Indeterminate {
        if !finding.required_by.is_empty() {
            finding.notes.insert(
                0,
                format!(
                    "demanded by {}: {}",
                    super::names(&finding.required_by),
                    requirement.because.words
                ),
            );
        }
        finding.remedies = remedies(&finding, parameter, &fact.next_boot);
    }
    finding
}

fn predict_rke2(
    finding: &mut Finding,
    parameter: KernelParameter,
    stage: Stage,
    reading: Result<i64, String>,
) {
    match reading {
        Ok(value) if value == parameter.required => {}
        Ok(value) => finding.predictions.push(Prediction {
            stage,
            line: parameter.rke2_mismatch(value),
            hides_others: false,
        }),
        Err(line) => finding.predictions.push(Prediction {
            stage,
            line,
            hides_others: true,
        }),
    }
}

fn predict_kubelet(
    finding: &mut Finding,
    parameter: KernelParameter,
    demand: KubeletCheck,
    reading: Result<i64, String>,
) {
    let line = match (reading, demand) {
        (Ok(value), KubeletCheck::Value) if value != parameter.required => {
            parameter.kubelet_mismatch(value)
        }
        (_, KubeletCheck::Nothing) | (Ok(_), _) => return,
        // Whatever the flag says, the kubelet ends where it cannot read one of the six.
        (Err(error), _) => error,
    };
    if !finding.required_by.contains(&Component::Kubelet) {
        finding.required_by.push(Component::Kubelet);
    }
    finding.predictions.push(Prediction {
        stage: Stage::KubeletTunables,
        line,
        hides_others: false,
    });
}

fn next_boot(finding: &mut Finding, parameter: KernelParameter, fact: &Reading<NextBoot>) {
    match fact {
        Reading::Unknown { .. } => finding.then = Outcome::Indeterminate,
        Reading::Known(next) => {
            finding.next_boot.clone_from(&next.text);
            finding.then = match next.number {
                Some(number) if number == parameter.required => Outcome::Satisfied,
                Some(_) => Outcome::Violated,
                None => Outcome::Indeterminate,
            };
            finding.evidence.extend(next.evidence.iter().cloned());
            finding.notes.extend(next.notes.iter().cloned());
        }
    }
}

fn conclude(
    finding: &mut Finding,
    parameter: KernelParameter,
    unreadable: Option<&str>,
    next: &Reading<NextBoot>,
    image: bool,
) {
    let key = parameter.key;
    let required = parameter.required;
    let then = match (&finding.next_boot, next) {
        (Some(text), _) => format!("the next boot sets it to {text}"),
        (
            None,
            Reading::Known(NextBoot {
                number: Some(number),
                ..
            }),
        ) => format!("no file sets it, so the next boot leaves {number}"),
        (None, Reading::Known(_)) => {
            "no file sets it, and what the kernel starts with is not known".to_owned()
        }
        (None, Reading::Unknown { why }) => {
            format!("what the next boot brings is not known ({why})")
        }
    };
    let why = unreadable.unwrap_or("not read");
    // One that nobody demands is here because it cannot even be read.
    let demanded = finding.outcome != Outcome::NotApplicable;
    match (finding.now, finding.then) {
        (Outcome::Violated, _) => {
            finding.outcome = Outcome::Violated;
            finding.summary = match (&finding.actual, unreadable) {
                (Some(actual), _) if actual != &required.to_string() => {
                    format!("{key} is {actual}, must be {required}")
                }
                (_, Some(error)) => format!("{key} must be {required}, but: {error}"),
                (_, None) => match finding.predictions.first() {
                    Some(first) => format!("{key} must be {required}, but: {}", first.line),
                    None => format!("{key} must be {required}"),
                },
            };
            // Where the kernel command line sets it, that has been said.
            let said = finding.notes.iter().any(|note| note.starts_with("no file"));
            if finding.next_boot.is_none() && demanded && !said {
                finding.notes.push(then);
            }
        }
        (Outcome::Satisfied, Outcome::Satisfied) => {
            finding.summary = format!("{key} is {required}");
        }
        (Outcome::Satisfied, after) => {
            finding.outcome = after;
            finding.effect = Effect::BlocksNextBoot;
            finding.summary = format!("{key} is {required} now, as it must be, but {then}");
            if finding.next_boot.is_none() && after == Outcome::Violated {
                finding.notes.push(
                    "a kubelet that ran without protect-kernel-defaults may have written it, or \
                     somebody by hand"
                        .to_owned(),
                );
            }
        }
        (Outcome::Indeterminate, Outcome::Violated) => {
            finding.outcome = Outcome::Violated;
            finding.effect = Effect::BlocksNextBoot;
            finding.summary = format!("{key} must be {required}, but {then}");
        }
        // An image has no present: what it will be is all there is to ask.
        (Outcome::Indeterminate, Outcome::Satisfied) if image => {
            finding.outcome = Outcome::Satisfied;
            finding.summary = format!("{key} will be {required}");
        }
        (Outcome::Indeterminate, after) if image => {
            finding.outcome = after;
            finding.effect = Effect::BlocksNextBoot;
            finding.summary = format!("{key} must be {required}, but {then}");
        }
        (Outcome::Indeterminate, Outcome::Satisfied) => {
            finding.outcome = Outcome::Indeterminate;
            finding.summary = format!(
                "{key} must be {required}, and will be; what it is now is not known ({why})"
            );
        }
        (Outcome::Indeterminate, _) => {
            finding.outcome = Outcome::Indeterminate;
            finding.summary = format!("{key} must be {required}; what it is is not known ({why})");
        }
        (Outcome::NotApplicable, _) => finding.summary = format!("{key} is not demanded"),
    }
}

fn remedies(
    finding: &Finding,
    parameter: KernelParameter,
    next_boot: &Reading<NextBoot>,
) -> Vec<Remedy> {
    let (key, required) = (parameter.key, parameter.required);
    let mut remedies = Vec::new();
    if finding.actual.is_none() && finding.now == Outcome::Violated {
        return vec![Remedy {
            summary: format!(
                "{} cannot be read: check that the kernel has it and that /proc/sys is whole",
                parameter.path()
            ),
            commands: Vec::new(),
        }];
    }
    if finding.then != Outcome::Satisfied {
        remedies.push(for_every_boot(parameter, next_boot));
    }
    if finding.now == Outcome::Violated {
        remedies.push(Remedy {
            summary: "now".to_owned(),
            commands: vec![format!("sysctl -w {key}={required}")],
        });
    }
    remedies
}

fn for_every_boot(parameter: KernelParameter, next_boot: &Reading<NextBoot>) -> Remedy {
    let line = parameter.line();
    let by_hand = |summary: String| Remedy {
        summary,
        commands: Vec::new(),
    };
    match next_boot {
        Reading::Unknown { why } => by_hand(format!(
            "whether it survives the next boot is not known ({why}): ask again as root"
        )),
        Reading::Known(NextBoot {
            cure: Some(Cure::File(target)),
            ..
        }) => Remedy {
            summary: "for every boot".to_owned(),
            commands: add_lines(target, &[line]),
        },
        Reading::Known(NextBoot {
            cure: Some(Cure::Person { why }),
            ..
        }) => by_hand(format!("for every boot: {why}")),
        Reading::Known(NextBoot { cure: None, .. }) => by_hand(format!(
            "for every boot: `{line}` in a file of /etc/sysctl.d that is read after all others"
        )),
    }
}

/// What to type so that `lines` stand at the end of the file.
pub(crate) fn add_lines(target: &Target, lines: &[String]) -> Vec<String> {
    let path = shell_word(&target.path);
    let mut commands = Vec::new();
    if target.no_directory {
        let directory = target
            .path
            .rsplit_once('/')
            .map_or("/", |(parent, _)| parent);
        commands.push(format!("mkdir -p {}", shell_word(directory)));
    }
    let words: Vec<String> = lines.iter().map(|line| shell_word(line)).collect();
    commands.push(match (target.unended, words.as_slice()) {
        (false, [line]) => format!("echo {line} >> {path}"),
        (false, lines) => format!("printf '%s\\n' {} >> {path}", lines.join(" ")),
        (true, lines) => format!("printf '%s\\n' '' {} >> {path}", lines.join(" ")),
    });
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Operation, ReadError};
    use crate::finding::Outcome::{Indeterminate, NotApplicable, Satisfied, Violated};
    use crate::requirements::{Because, RequirementKind};
    use crate::rke2::kernel::KERNEL_PARAMETERS;

    const PANIC: KernelParameter = KERNEL_PARAMETERS[2];

    fn live(text: &str) -> Reading<Result<Vec<u8>, ReadError>> {
        Reading::Known(Ok(text.as_bytes().to_vec()))
    }

    fn unknown<T>(why: &str) -> Reading<T> {
        Reading::Unknown {
            why: why.to_owned(),
        }
    }

    /// What files set it to, and what that is.
    fn next(text: Option<&str>, number: Option<i64>) -> Reading<NextBoot> {
        Reading::Known(NextBoot {
            text: text.map(str::to_owned),
            number,
            evidence: Vec::new(),
            notes: Vec::new(),
            cure: Some(Cure::Person {
                why: "by hand".to_owned(),
            }),
        })
    }

    fn found(
        rke2: Option<Stage>,
        kubelet: KubeletCheck,
        live: Reading<Result<Vec<u8>, ReadError>>,
        next_boot: Reading<NextBoot>,
        image: bool,
    ) -> Finding {
        let requirement = Requirement {
            id: "x".to_owned(),
            applies: rke2.is_some() || kubelet == KubeletCheck::Value,
            because: Because {
                words: "profile cis".to_owned(),
                source: None,
            },
            kind: RequirementKind::Kernel {
                index: 2,
                parameter: PANIC,
                rke2,
                kubelet,
            },
        };
        let fact = KernelFact { live, next_boot };
        finding(&requirement, PANIC, rke2, kubelet, &fact, image)
    }

    fn demanded(
        live: Reading<Result<Vec<u8>, ReadError>>,
        next_boot: Reading<NextBoot>,
        image: bool,
    ) -> Finding {
        let stage = Some(Stage::KernelParameters);
        found(stage, KubeletCheck::Value, live, next_boot, image)
    }

    #[test]
    fn now_and_the_next_boot_are_judged_apart() {
        use Effect::{BlocksNextBoot, BlocksStart};
        for (live, next, image, outcomes, effect, summary) in [
            (
                live("10\n"),
                next(Some("10"), Some(10)),
                false,
                [Satisfied, Satisfied, Satisfied],
                BlocksStart,
                "kernel.panic is 10",
            ),
            (
                live("0\n"),
                next(Some("10"), Some(10)),
                false,
                [Violated, Violated, Satisfied],
                BlocksStart,
                "kernel.panic is 0, must be 10",
            ),
            (
                live("10\n"),
                next(None, Some(0)),
                false,
                [Violated, Satisfied, Violated],
                BlocksNextBoot,
                "kernel.panic is 10 now, as it must be, but no file sets it, so the next boot leaves 0",
            ),
            (
                live("10\n"),
                next(Some("0"), Some(0)),
                false,
                [Violated, Satisfied, Violated],
                BlocksNextBoot,
                "kernel.panic is 10 now, as it must be, but the next boot sets it to 0",
            ),
            (
                live("10\n"),
                next(None, None),
                false,
                [Indeterminate, Satisfied, Indeterminate],
                BlocksNextBoot,
                "kernel.panic is 10 now, as it must be, but no file sets it, and what the kernel \
                 starts with is not known",
            ),
            (
                unknown("w"),
                next(None, Some(0)),
                false,
                [Violated, Indeterminate, Violated],
                BlocksNextBoot,
                "kernel.panic must be 10, but no file sets it, so the next boot leaves 0",
            ),
            (
                unknown("w"),
                next(Some("10"), Some(10)),
                false,
                [Indeterminate, Indeterminate, Satisfied],
                BlocksStart,
                "kernel.panic must be 10, and will be; what it is now is not known (w)",
            ),
            (
                unknown("w"),
                unknown("v"),
                false,
                [Indeterminate, Indeterminate, Indeterminate],
                BlocksStart,
                "kernel.panic must be 10; what it is is not known (w)",
            ),
            // An image has no present.
            (
                unknown("w"),
                next(Some("10"), Some(10)),
                true,
                [Satisfied, Indeterminate, Satisfied],
                BlocksStart,
                "kernel.panic will be 10",
            ),
            (
                unknown("w"),
                unknown("v"),
                true,
                [Indeterminate, Indeterminate, Indeterminate],
                BlocksNextBoot,
                "kernel.panic must be 10, but what the next boot brings is not known (v)",
            ),
        ] {
            let found = demanded(live, next, image);
            assert_eq!(found.summary, summary);
            let is = [found.outcome, found.now, found.then];
            assert_eq!((is, found.effect), (outcomes, effect), "{summary}");
        }
    }

    #[test]
    fn both_components_end_in_their_own_words() {
        let found = demanded(live("0\n"), next(Some("10"), Some(10)), false);
        let lines: Vec<&str> = found.predictions.iter().map(|p| p.line.as_str()).collect();
        assert_eq!(
            lines,
            [
                "invalid kernel parameter value kernel.panic=0 - expected 10",
                "invalid kernel flag: kernel/panic, expected value: 10, actual value: 0",
            ]
        );
        assert_eq!(found.required_by, [Component::Rke2, Component::Kubelet]);
        assert_eq!(found.actual.as_deref(), Some("0"));
        assert_eq!(found.required.as_deref(), Some("10"));
        assert_eq!(
            found.notes,
            ["demanded by RKE2 and the kubelet: profile cis"]
        );
        let good = demanded(live("10\n"), next(Some("10"), Some(10)), false);
        assert!(good.predictions.is_empty() && good.notes.is_empty() && good.remedies.is_empty());
    }

    #[test]
    fn what_cannot_be_read_as_rke2_reads_it_hides_its_other_words() {
        let found = demanded(live("10"), next(Some("10"), Some(10)), false);
        let [only] = found.predictions.as_slice() else {
            panic!("{found:?}");
        };
        assert!(only.hides_others);
        assert_eq!(
            found.summary,
            "kernel.panic must be 10, but: invalid contents: kernel/panic"
        );
    }

    #[test]
    fn a_kubelet_without_the_flag_ends_only_where_it_cannot_read() {
        let kubelet = |content, demand| {
            let next = next(Some("0"), Some(0));
            found(None, demand, content, next, false)
        };
        let readable = kubelet(live("0\n"), KubeletCheck::Readable);
        assert_eq!(readable.outcome, NotApplicable);
        assert_eq!(readable.summary, "kernel.panic is not demanded");
        assert_eq!(
            (readable.now, readable.then),
            (NotApplicable, NotApplicable)
        );
        assert!(readable.predictions.is_empty() && readable.required_by.is_empty());
        let broken = kubelet(live("x\n"), KubeletCheck::Readable);
        assert_eq!(broken.outcome, Violated);
        assert_eq!(broken.required_by, [Component::Kubelet]);
        assert_eq!(broken.predictions[0].stage, Stage::KubeletTunables);
        assert!(!broken.predictions[0].hides_others);
        let none = kubelet(live("x\n"), KubeletCheck::Nothing);
        assert_eq!(
            (none.outcome, none.predictions),
            (NotApplicable, Vec::new())
        );
        assert_eq!(
            kubelet(unknown("w"), KubeletCheck::Nothing).outcome,
            NotApplicable
        );
    }

    #[test]
    fn remedies_are_for_what_is_wrong() {
        let remedies = |live, next| {
            let found = demanded(live, next, false);
            let told = found.remedies.into_iter();
            told.map(|r| format!("{}: {}", r.summary, r.commands.join("; ")))
                .collect::<Vec<_>>()
        };
        let now = "now: sysctl -w kernel.panic=10".to_owned();
        let boot = "for every boot: by hand: ".to_owned();
        assert_eq!(
            remedies(live("0\n"), next(Some("10"), Some(10))),
            [now.as_str()]
        );
        assert_eq!(
            remedies(live("0\n"), next(None, Some(0))),
            [boot.as_str(), &now]
        );
        assert_eq!(remedies(live("10\n"), next(None, Some(0))), [boot.as_str()]);
        let missing = ReadError::Os {
            operation: Operation::Open,
            path: PANIC.path(),
            errno: nix::libc::ENOENT,
        };
        assert_eq!(
            remedies(Reading::Known(Err(missing)), next(None, Some(0))),
            [
                "/proc/sys/kernel/panic cannot be read: check that the kernel has it and that \
              /proc/sys is whole: "
            ]
        );
    }

    #[test]
    fn what_the_next_boot_leaves_is_noted_once() {
        let leaves = "no file sets it, so the next boot leaves 0";
        let written = "a kubelet that ran without protect-kernel-defaults may have written it, or \
                       somebody by hand";
        let notes = |live, next| demanded(live, next, false).notes.split_off(1);
        assert_eq!(notes(live("0\n"), next(None, Some(0))), [leaves]);
        assert_eq!(notes(live("0\n"), next(Some("0"), Some(0))), [""; 0]);
        assert_eq!(notes(live("10\n"), next(None, Some(0))), [written]);
        assert_eq!(notes(live("10\n"), next(Some("0"), Some(0))), [""; 0]);
        assert_eq!(notes(live("10\n"), next(None, None)), [""; 0]);
        let said = "no file sets it; the kernel command line does: x";
        let mut by_command_line = next(None, Some(0));
        if let Reading::Known(next) = &mut by_command_line {
            next.notes.push(said.to_owned());
        }
        assert_eq!(notes(live("0\n"), by_command_line), [said]);
    }

    #[test]
    fn lines_are_added_behind_what_is_there() {
        let add = |unended, no_directory, lines: &[&str]| {
            let target = Target {
                path: "/etc/sysctl.d/a.conf".to_owned(),
                exists: true,
                unended,
                no_directory,
            };
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            add_lines(&target, &lines).join("\n")
        };
        assert_eq!(
            add(false, false, &["a=1"]),
            "echo a=1 >> /etc/sysctl.d/a.conf"
        );
        assert_eq!(
            add(false, false, &["a=1", "b=2"]),
            "printf '%s\\n' a=1 b=2 >> /etc/sysctl.d/a.conf"
        );
        assert_eq!(
            add(true, true, &["a=1"]),
            "mkdir -p /etc/sysctl.d\nprintf '%s\\n' '' a=1 >> /etc/sysctl.d/a.conf"
        );
    }
}
