//! Hosts whose version of systemd is not known: a parameter that is right after the next boot of one version and
//! wrong after that of another is unknown.

use super::next_boot::is_wrong;
use crate::facts::{NextBoot, Reading};
use crate::rke2::kernel::KernelParameter;

/// Makes each of `facts`, which hold for the newest systemd, unknown where one of `others` differs: the facts of
/// another version each.
pub(crate) fn leave_open(
    facts: &mut [Reading<NextBoot>],
    others: &[(u16, Vec<Reading<NextBoot>>)],
    parameters: &[KernelParameter],
) {
    for (index, (fact, parameter)) in facts.iter_mut().zip(parameters).enumerate() {
        let Reading::Known(newest) = &*fact else {
            continue;
        };
        let differs = others.iter().find_map(|(version, facts)| {
            let other = facts.get(index)?;
            let is_other = is_wrong(other, parameter) != is_wrong(fact, parameter);
            match other {
                Reading::Known(other) if is_other => Some((version, other)),
                _ => None,
            }
        });
        if let Some((version, other)) = differs {
            let why = format!(
                "the version of systemd is not known: the newest leaves {}, systemd {version} leaves {}",
                left(newest),
                left(other)
            );
            *fact = Reading::Unknown { why };
        }
    }
}

fn left(next_boot: &NextBoot) -> String {
    next_boot.number.map_or_else(
        || "the kernel's default".to_owned(),
        |number| number.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::NextBootCause;
    use crate::rke2::kernel::KERNEL_PARAMETERS;

    const PANIC: KernelParameter = KERNEL_PARAMETERS[2];

    fn known(number: Option<i64>) -> Reading<NextBoot> {
        Reading::Known(NextBoot {
            cause: NextBootCause::Kernel,
            number,
            evidence: Vec::new(),
            notes: Vec::new(),
            persistence: None,
        })
    }

    fn after(newest: Reading<NextBoot>, other: Reading<NextBoot>) -> Reading<NextBoot> {
        let mut facts = [newest];
        leave_open(&mut facts, &[(242, vec![other])], &[PANIC]);
        let [fact] = facts;
        fact
    }

    #[test]
    fn only_what_another_version_leaves_right_or_wrong_is_open() {
        let (right, wrong) = (known(Some(10)), known(Some(0)));
        for (newest, other, why) in [
            (&right, &wrong, "the newest leaves 10, systemd 242 leaves 0"),
            (&wrong, &right, "the newest leaves 0, systemd 242 leaves 10"),
            (
                &right,
                &known(None),
                "the newest leaves 10, systemd 242 leaves the kernel's default",
            ),
        ] {
            let Reading::Unknown { why: open } = after(newest.clone(), other.clone()) else {
                panic!("{newest:?} {other:?}");
            };
            assert_eq!(open, format!("the version of systemd is not known: {why}"));
        }
        let unreadable = Reading::Unknown {
            why: "x".to_owned(),
        };
        for (newest, other) in [
            (&right, &right),
            (&wrong, &known(Some(7))),
            (&wrong, &known(None)),
            (&unreadable, &right),
        ] {
            assert_eq!(after(newest.clone(), other.clone()), *newest);
        }
    }
}
