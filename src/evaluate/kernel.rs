//! Kernel parameters: now as the component reads them, then as files will set them.

use super::start;
use crate::fact::{Cure, KernelFact, NextBoot, Reading, Target};
use crate::finding::{Component, Effect, Finding, Outcome, Prediction, Remedy, Stage};
use crate::requirements::{KubeletDemand, Requirement};
use crate::rke2::kernel::KernelParameter;
use crate::text::shell_word;

pub(super) fn finding(
    requirement: &Requirement,
    parameter: KernelParameter,
    rke2: Option<Stage>,
    kubelet: KubeletDemand,
    fact: &KernelFact,
    image: bool,
) -> Finding {
    let mut by = Vec::new();
    if rke2.is_some() {
        by.push(Component::Rke2);
    }
    if kubelet == KubeletDemand::Value {
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
            match parameter
                .as_kubelet(content)
                .or_else(|_| parameter.as_rke2(content))
            {
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
                parameter.as_kubelet(content),
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
    demand: KubeletDemand,
    reading: Result<i64, String>,
) {
    let line = match (reading, demand) {
        (Ok(value), KubeletDemand::Value) if value != parameter.required => {
            parameter.kubelet_mismatch(value)
        }
        (_, KubeletDemand::Nothing) | (Ok(_), _) => return,
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
pub fn add_lines(target: &Target, lines: &[String]) -> Vec<String> {
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
