//! Kernel parameters: now as the component reads them, then as files will set them.

use nix::libc;

use super::{met, start};
use crate::facts::{
    HostFacts, KernelFact, NextBoot, NextBootCause, Persistence, Reading, TargetRoot, WriteAccess,
};
use crate::finding::{Component, Finding, Outcome, Prediction, Remedy, Stage};
use crate::requirements::{KubeletCheck, Requirement};
use crate::rke2::kernel::KernelParameter;
use crate::text::shell_word;

/// What the components make of the value that the kernel has.
struct Live {
    /// The components that require the value, or fail to read it.
    by: Vec<Component>,
    /// The value, where it can be read.
    actual: Option<String>,
    /// Why it cannot be read.
    error: Option<String>,
    predictions: Vec<Prediction>,
}

pub(super) fn finding(
    requirement: &Requirement,
    parameter: KernelParameter,
    rke2: Option<Stage>,
    kubelet: KubeletCheck,
    fact: &KernelFact,
    facts: &HostFacts,
) -> Finding {
    let image = facts.image;
    let live = live(parameter, rke2, kubelet, fact);
    let now = match &fact.live {
        _ if !live.predictions.is_empty() => Outcome::Violated,
        Reading::Unknown { .. } if requirement.applies => Outcome::Indeterminate,
        _ => met(requirement),
    };
    let applies = requirement.applies;
    let after = if applies {
        next_boot_outcome(parameter, &fact.next_boot)
    } else {
        now
    };
    let next = match &fact.next_boot {
        Reading::Known(next) if applies => Some(next),
        _ => None,
    };
    let by = live.by.clone();
    let is_overwritten = matches!(kubelet, KubeletCheck::Overwrites { .. }) && rke2.is_none();
    let finding = start(requirement, parameter.key, by, now, after)
        .of_image(image)
        .with_required(parameter.required.to_string())
        .with_actual(live.actual.clone())
        .with_next_boot(next.and_then(NextBoot::text).map(str::to_owned))
        .with_evidence(next.iter().flat_map(|next| next.evidence.iter().cloned()))
        .with_summary(summary(
            parameter,
            (now, after),
            &live,
            fact,
            is_overwritten,
            image,
        ));
    let is_wrong = matches!(
        finding.outcome(),
        Outcome::Violated | Outcome::Indeterminate
    );
    let mut notes = Vec::new();
    if is_wrong && !live.by.is_empty() {
        notes.push(if is_overwritten {
            "the kubelet sets it whenever it starts, because protect-kernel-defaults is not set"
                .to_owned()
        } else {
            format!(
                "required by {}: {}",
                super::names(&live.by),
                requirement.because.words
            )
        });
    }
    notes.extend(next.iter().flat_map(|next| next.notes.iter().cloned()));
    if applies {
        notes.extend(cause(now, after, fact));
    }
    let remedies = if !is_wrong {
        Vec::new()
    } else if live.actual.is_some()
        && now == Outcome::Violated
        && fact.write != WriteAccess::Allowed
    {
        vec![outside(parameter, fact.write)]
    } else {
        remedies(&finding, parameter, &fact.next_boot, &facts.remedy.root)
    };
    finding
        .with_notes(notes)
        .with_remedies(remedies)
        .with_predictions(live.predictions)
}

fn live(
    parameter: KernelParameter,
    rke2: Option<Stage>,
    kubelet: KubeletCheck,
    fact: &KernelFact,
) -> Live {
    let mut live = Live {
        by: Vec::new(),
        actual: None,
        error: None,
        predictions: Vec::new(),
    };
    if rke2.is_some() {
        live.by.push(Component::Rke2);
    }
    if kubelet == KubeletCheck::Value {
        live.by.push(Component::Kubelet);
    }
    let content = match &fact.live {
        Reading::Known(content) => content,
        Reading::Unknown { why } => {
            live.error = Some(why.clone());
            return live;
        }
    };
    match KernelParameter::as_kubelet(content).or_else(|_| parameter.as_rke2(content)) {
        Ok(value) => live.actual = Some(value.to_string()),
        Err(error) => live.error = Some(error),
    }
    if let Some(stage) = rke2 {
        live.predictions
            .extend(predict_rke2(parameter, stage, parameter.as_rke2(content)));
    }
    let reading = KernelParameter::as_kubelet(content);
    let by_kubelet = predict_kubelet(parameter, kubelet, reading, fact.write);
    if by_kubelet.is_some() && !live.by.contains(&Component::Kubelet) {
        live.by.push(Component::Kubelet);
    }
    live.predictions.extend(by_kubelet);
    live
}

fn predict_rke2(
    parameter: KernelParameter,
    stage: Stage,
    reading: Result<i64, String>,
) -> Option<Prediction> {
    let (line, hides_others) = match reading {
        Ok(value) if value == parameter.required => return None,
        Ok(value) => (parameter.rke2_mismatch(value), false),
        Err(line) => (line, true),
    };
    Some(Prediction {
        stage,
        line,
        hides_others,
    })
}

fn predict_kubelet(
    parameter: KernelParameter,
    check: KubeletCheck,
    reading: Result<i64, String>,
    write: WriteAccess,
) -> Option<Prediction> {
    let line = match (reading, check) {
        (_, KubeletCheck::Nothing) => return None,
        (Ok(value), _) if value == parameter.required => return None,
        (Ok(value), KubeletCheck::Value) => parameter.kubelet_mismatch(value),
        (Ok(_), KubeletCheck::Overwrites { in_user_namespace }) => {
            let errno = write_error(write, in_user_namespace)?;
            parameter.kubelet_write_failure(errno)
        }
        // Whatever its flag is, the kubelet exits where it cannot read one of the six.
        (Err(error), _) => error,
    };
    Some(Prediction {
        stage: Stage::KubeletTunables,
        line,
        hides_others: false,
    })
}

/// The error number for which the kubelet exits as it writes a parameter.
const fn write_error(write: WriteAccess, in_user_namespace: bool) -> Option<i32> {
    match write {
        WriteAccess::Allowed => None,
        WriteAccess::ReadOnly {
            in_user_namespace: true,
        }
        | WriteAccess::Denied
            if in_user_namespace =>
        {
            None
        }
        WriteAccess::ReadOnly { .. } => Some(libc::EROFS),
        WriteAccess::Denied => Some(libc::EACCES),
    }
}

fn next_boot_outcome(parameter: KernelParameter, fact: &Reading<NextBoot>) -> Outcome {
    match fact {
        Reading::Unknown { .. } => Outcome::Indeterminate,
        Reading::Known(next) => match next.number {
            Some(number) if number == parameter.required => Outcome::Satisfied,
            Some(_) => Outcome::Violated,
            None => Outcome::Indeterminate,
        },
    }
}

/// What the next boot does with the parameter, as a clause.
fn next_boot_clause(next: &Reading<NextBoot>) -> String {
    let next = match next {
        Reading::Known(next) => next,
        Reading::Unknown { why } => {
            return format!("its value after the next boot cannot be determined ({why})");
        }
    };
    match (&next.cause, next.number) {
        (NextBootCause::File(text), _) => format!("the next boot sets it to {text}"),
        (NextBootCause::Denied { path, label, .. }, _) => format!(
            "it is not known whether systemd-sysctl may read {path} at the next boot: SELinux has it as {label}"
        ),
        (NextBootCause::CommandLine, Some(number)) => {
            format!("the kernel command line sets it to {number} at the next boot")
        }
        (NextBootCause::Kernel, Some(number)) => {
            format!("no file sets it: the next boot sets {number}")
        }
        (_, None) => "no file sets it, and the kernel's default is not known".to_owned(),
    }
}

/// That the value is correct now, and what the next boot does with it.
fn not_persistent(parameter: KernelParameter, next: &Reading<NextBoot>) -> String {
    let correct = format!("{} is {} (correct)", parameter.key, parameter.required);
    match next {
        Reading::Known(NextBoot {
            cause: NextBootCause::Kernel,
            number,
            ..
        }) => match number {
            Some(number) => format!("{correct} but not persistent: the next boot sets {number}"),
            None => format!(
                "{correct} but not persistent: no file sets it, and the kernel's default is not known"
            ),
        },
        _ => format!("{correct}, but {}", next_boot_clause(next)),
    }
}

fn summary(
    parameter: KernelParameter,
    (now, after): (Outcome, Outcome),
    live: &Live,
    fact: &KernelFact,
    is_overwritten: bool,
    image: bool,
) -> String {
    let key = parameter.key;
    let required = parameter.required;
    let why = live.error.as_deref().unwrap_or("not read");
    match (now, after) {
        (Outcome::Violated, _) => match (&live.actual, &live.error) {
            (Some(actual), _) if actual != &required.to_string() => {
                match live.predictions.first() {
                    Some(first) if is_overwritten => format!(
                        "{key} is {actual}, and the kubelet cannot set {required}: {}",
                        first.line
                    ),
                    _ => format!("{key} is {actual}, must be {required}"),
                }
            }
            (_, Some(error)) => format!("{key} must be {required} and cannot be read: {error}"),
            (_, None) => match live.predictions.first() {
                Some(first) => format!(
                    "{key} must be {required}, but {} fails with: {}",
                    first.stage.component().name(),
                    first.line
                ),
                None => format!("{key} must be {required}"),
            },
        },
        (Outcome::Satisfied, Outcome::Satisfied) => format!("{key} is {required}"),
        (Outcome::Satisfied, _) => not_persistent(parameter, &fact.next_boot),
        // An image has no present: its next boot is all there is to check.
        (Outcome::Indeterminate, Outcome::Satisfied) if image => {
            format!("{key} will be {required}")
        }
        (Outcome::Indeterminate, Outcome::Satisfied) => {
            format!(
                "{key} must be {required}: the next boot sets it, but its current value cannot be \
                 determined ({why})"
            )
        }
        (Outcome::Indeterminate, Outcome::Indeterminate) if !image => {
            format!("{key} must be {required}, but its value cannot be determined ({why})")
        }
        (Outcome::Indeterminate, _) => format!(
            "{key} must be {required}, but {}",
            next_boot_clause(&fact.next_boot)
        ),
        (Outcome::NotApplicable, _) => format!("{key} is not required"),
    }
}

/// A note on what the summary leaves open: why the next boot brings another value.
fn cause(now: Outcome, after: Outcome, fact: &KernelFact) -> Option<String> {
    let cause = match &fact.next_boot {
        Reading::Known(next) => Some(&next.cause),
        Reading::Unknown { .. } => None,
    };
    match (now, after, cause) {
        // Both have a note or evidence of their own.
        (Outcome::Violated, _, Some(NextBootCause::File(_) | NextBootCause::CommandLine)) => None,
        (Outcome::Violated, _, _) => Some(next_boot_clause(&fact.next_boot)),
        (
            Outcome::Satisfied,
            Outcome::Violated,
            Some(NextBootCause::CommandLine | NextBootCause::Kernel),
        ) => Some(
            "it was set at run time: manually, or by a kubelet that ran without \
             protect-kernel-defaults"
                .to_owned(),
        ),
        _ => None,
    }
}

/// What to do where not even root can set the value here: it is that of a container's host.
fn outside(parameter: KernelParameter, write: WriteAccess) -> Remedy {
    let (key, value) = (parameter.key, parameter.required);
    Remedy::manual(match write {
        WriteAccess::Denied
        | WriteAccess::ReadOnly {
            in_user_namespace: true,
        } => format!(
            "set it on the host of this container, `sysctl -w {key}={value}`: in a user name space it cannot be set"
        ),
        WriteAccess::ReadOnly { .. } | WriteAccess::Allowed => format!(
            "set it on the host of this container, `sysctl -w {key}={value}`, or mount /proc/sys read-write"
        ),
    })
}

fn remedies(
    finding: &Finding,
    parameter: KernelParameter,
    next_boot: &Reading<NextBoot>,
    root: &TargetRoot,
) -> Vec<Remedy> {
    let (key, value) = (parameter.key, parameter.required);
    let unreadable = finding.actual().is_none() && finding.now() == Outcome::Violated;
    let mut remedies = Vec::new();
    if unreadable {
        remedies.push(Remedy::manual(format!(
            "{} cannot be read: check that the kernel has it and that /proc/sys is complete",
            parameter.path()
        )));
    }
    if finding.next_boot_outcome() != Outcome::Satisfied {
        let remedy = every_boot(parameter, next_boot, root);
        if !unreadable || !remedy.is_manual() {
            remedies.push(remedy);
        }
    }
    if finding.now() == Outcome::Violated && !unreadable {
        remedies.push(Remedy::SetLive { key, value });
    }
    remedies
}

fn every_boot(
    parameter: KernelParameter,
    next_boot: &Reading<NextBoot>,
    root: &TargetRoot,
) -> Remedy {
    let next = match next_boot {
        Reading::Known(next) => next,
        Reading::Unknown { why } => {
            return Remedy::manual(format!(
                "run this command as root on the host itself: the value after the next boot cannot be determined ({why})"
            ));
        }
    };
    if let NextBootCause::Denied { path, .. } = &next.cause {
        return Remedy::Manual {
            summary: format!("give {path} the label of its directory"),
            commands: if root.directory.is_empty() {
                vec![format!("restorecon -v {}", shell_word(path))]
            } else {
                Vec::new()
            },
        };
    }
    match &next.persistence {
        Some(Persistence::File(file)) => Remedy::SysctlLine {
            file: file.clone(),
            root: root.clone(),
            key: parameter.key,
            value: parameter.required,
        },
        Some(Persistence::Prevented { why }) => {
            Remedy::manual(format!("no file can set it at every boot: {why}"))
        }
        None => Remedy::manual(format!(
            "add `{}` to a file of /etc/sysctl.d that is read after all others",
            parameter.line()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Operation, ReadError, RemedyFacts};
    use crate::finding::Effect;
    use crate::finding::Outcome::{Indeterminate, NotApplicable, Satisfied, Violated};
    use crate::requirements::{Because, RequirementKind};
    use crate::rke2::kernel::KERNEL_PARAMETERS;

    const PANIC: KernelParameter = KERNEL_PARAMETERS[2];
    const OVERWRITES: KubeletCheck = KubeletCheck::Overwrites {
        in_user_namespace: false,
    };

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
            cause: text.map_or(NextBootCause::Kernel, |text| {
                NextBootCause::File(text.to_owned())
            }),
            number,
            evidence: Vec::new(),
            notes: Vec::new(),
            persistence: Some(Persistence::Prevented {
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
        let write = WriteAccess::Allowed;
        found_with(rke2, kubelet, (live, write), next_boot, image)
    }

    /// The same, where the kubelet may not be able to write it.
    fn found_with(
        rke2: Option<Stage>,
        kubelet: KubeletCheck,
        (live, write): (Reading<Result<Vec<u8>, ReadError>>, WriteAccess),
        next_boot: Reading<NextBoot>,
        image: bool,
    ) -> Finding {
        let requirement = Requirement {
            id: PANIC.check,
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
        let fact = KernelFact {
            live,
            write,
            next_boot,
        };
        let facts = HostFacts {
            kernel: Vec::new(),
            user: None,
            group: None,
            account_elsewhere: Vec::new(),
            cgroup: Reading::Unknown { why: String::new() },
            image,
            subordinate_ids: None,
            systemd: None,
            remedy: RemedyFacts::default(),
        };
        finding(&requirement, PANIC, rke2, kubelet, &fact, &facts)
    }

    fn required(
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
                "kernel.panic is 10 (correct) but not persistent: the next boot sets 0",
            ),
            (
                live("10\n"),
                next(Some("0"), Some(0)),
                false,
                [Violated, Satisfied, Violated],
                BlocksNextBoot,
                "kernel.panic is 10 (correct), but the next boot sets it to 0",
            ),
            (
                live("10\n"),
                next(None, None),
                false,
                [Indeterminate, Satisfied, Indeterminate],
                BlocksNextBoot,
                "kernel.panic is 10 (correct) but not persistent: no file sets it, and the kernel's \
                 default is not known",
            ),
            (
                unknown("w"),
                next(None, Some(0)),
                false,
                [Violated, Indeterminate, Violated],
                BlocksNextBoot,
                "kernel.panic must be 10, but no file sets it: the next boot sets 0",
            ),
            (
                unknown("w"),
                next(Some("10"), Some(10)),
                false,
                [Indeterminate, Indeterminate, Satisfied],
                BlocksStart,
                "kernel.panic must be 10: the next boot sets it, but its current value cannot be \
                 determined (w)",
            ),
            (
                unknown("w"),
                unknown("v"),
                false,
                [Indeterminate, Indeterminate, Indeterminate],
                BlocksStart,
                "kernel.panic must be 10, but its value cannot be determined (w)",
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
                "kernel.panic must be 10, but its value after the next boot cannot be determined (v)",
            ),
        ] {
            let found = required(live, next, image);
            assert_eq!(found.summary(), summary);
            let is = [found.outcome(), found.now(), found.next_boot_outcome()];
            assert_eq!((is, found.effect()), (outcomes, effect), "{summary}");
        }
    }

    #[test]
    fn both_components_end_in_their_own_words() {
        let found = required(live("0\n"), next(Some("10"), Some(10)), false);
        let lines: Vec<&str> = found
            .predictions()
            .iter()
            .map(|p| p.line.as_str())
            .collect();
        assert_eq!(
            lines,
            [
                "invalid kernel parameter value kernel.panic=0 - expected 10",
                "invalid kernel flag: kernel/panic, expected value: 10, actual value: 0",
            ]
        );
        assert_eq!(found.required_by(), [Component::Rke2, Component::Kubelet]);
        assert_eq!(found.actual(), Some("0"));
        assert_eq!(found.required(), Some("10"));
        assert_eq!(
            found.notes(),
            ["required by RKE2 and the kubelet: profile cis"]
        );
        let good = required(live("10\n"), next(Some("10"), Some(10)), false);
        assert!(
            good.predictions().is_empty() && good.notes().is_empty() && good.remedies().is_empty()
        );
    }

    #[test]
    fn what_cannot_be_read_as_rke2_reads_it_hides_its_other_words() {
        let found = required(live("10"), next(Some("10"), Some(10)), false);
        let [only] = found.predictions() else {
            panic!("{found:?}");
        };
        assert!(only.hides_others);
        assert_eq!(
            found.summary(),
            "kernel.panic must be 10, but RKE2 fails with: invalid contents: kernel/panic"
        );
    }

    #[test]
    fn a_kubelet_without_the_flag_ends_only_where_it_cannot_read() {
        let kubelet = |content, check| {
            let next = next(Some("0"), Some(0));
            found(None, check, content, next, false)
        };
        let readable = kubelet(live("0\n"), OVERWRITES);
        assert_eq!(readable.outcome(), NotApplicable);
        assert_eq!(readable.summary(), "kernel.panic is not required");
        assert_eq!(
            (readable.now(), readable.next_boot_outcome()),
            (NotApplicable, NotApplicable)
        );
        assert!(readable.predictions().is_empty() && readable.required_by().is_empty());
        let broken = kubelet(live("x\n"), OVERWRITES);
        assert_eq!(broken.outcome(), Violated);
        assert_eq!(broken.required_by(), [Component::Kubelet]);
        assert_eq!(broken.predictions()[0].stage, Stage::KubeletTunables);
        assert!(!broken.predictions()[0].hides_others);
        let none = kubelet(live("x\n"), KubeletCheck::Nothing);
        assert_eq!(
            (none.outcome(), none.predictions()),
            (NotApplicable, &[][..])
        );
        assert_eq!(
            kubelet(unknown("w"), KubeletCheck::Nothing).outcome(),
            NotApplicable
        );
    }

    #[test]
    fn a_kubelet_without_the_flag_ends_where_it_cannot_write() {
        let read_only = |in_user_namespace| WriteAccess::ReadOnly { in_user_namespace };
        let overwrites = |in_user_namespace| KubeletCheck::Overwrites { in_user_namespace };
        let open = "open /proc/sys/kernel/panic: ";
        let mismatch = "invalid kernel flag: kernel/panic, expected value: 10, actual value: 0";
        for (content, check, write, line) in [
            (
                "0\n",
                OVERWRITES,
                read_only(false),
                Some("read-only file system"),
            ),
            (
                "0\n",
                OVERWRITES,
                read_only(true),
                Some("read-only file system"),
            ),
            (
                "0\n",
                OVERWRITES,
                WriteAccess::Denied,
                Some("permission denied"),
            ),
            ("10\n", OVERWRITES, read_only(false), None),
            ("0\n", overwrites(true), read_only(true), None),
            ("0\n", overwrites(true), WriteAccess::Denied, None),
            (
                "0\n",
                overwrites(true),
                read_only(false),
                Some("read-only file system"),
            ),
            ("0\n", KubeletCheck::Nothing, read_only(false), None),
            ("0\n", KubeletCheck::Value, read_only(false), Some(mismatch)),
        ] {
            let next = next(Some("0"), Some(0));
            let finding = found_with(None, check, (live(content), write), next, false);
            let lines = finding.predictions().iter().map(|said| said.line.as_str());
            let expected = line.map(|line| {
                if line == mismatch {
                    line.to_owned()
                } else {
                    format!("{open}{line}")
                }
            });
            assert_eq!(
                lines.collect::<Vec<_>>(),
                Vec::from_iter(expected.as_deref())
            );
            assert_eq!(finding.blocks(), line.is_some(), "{check:?} {write:?}");
            // No command for this host can help.
            assert!(finding.remedies().iter().all(Remedy::is_manual));
            let remedy = finding.remedies().first().map(Remedy::summary);
            let elsewhere =
                remedy.is_some_and(|text| text.contains("on the host of this container"));
            assert_eq!(elsewhere, line.is_some());
        }
    }

    #[test]
    fn remedies_are_for_what_is_wrong() {
        let remedies = |live, next| {
            let found = required(live, next, false);
            let remedies = found.remedies().iter();
            remedies
                .map(|r| format!("{}: {}", r.summary(), r.commands().join("; ")))
                .collect::<Vec<_>>()
        };
        let now = "set it now: sysctl -w kernel.panic=10".to_owned();
        let boot = "no file can set it at every boot: by hand: ".to_owned();
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
              /proc/sys is complete: "
            ]
        );
    }

    #[test]
    fn what_the_next_boot_leaves_is_noted_once() {
        let leaves = "no file sets it: the next boot sets 0";
        let written = "it was set at run time: manually, or by a kubelet that ran without \
                       protect-kernel-defaults";
        let notes = |live, next| required(live, next, false).notes()[1..].to_vec();
        assert_eq!(notes(live("0\n"), next(None, Some(0))), [leaves]);
        assert_eq!(notes(live("0\n"), next(Some("0"), Some(0))), [""; 0]);
        assert_eq!(notes(live("10\n"), next(None, Some(0))), [written]);
        assert_eq!(notes(live("10\n"), next(Some("0"), Some(0))), [""; 0]);
        assert_eq!(notes(live("10\n"), next(None, None)), [""; 0]);
        let said = "no file sets it; the kernel command line does: x";
        let mut by_command_line = next(None, Some(0));
        if let Reading::Known(next) = &mut by_command_line {
            next.cause = NextBootCause::CommandLine;
            next.notes.push(said.to_owned());
        }
        assert_eq!(notes(live("0\n"), by_command_line), [said]);
    }
}
