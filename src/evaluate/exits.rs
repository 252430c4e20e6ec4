//! Findings about components that have exited: what really happened, beside what is predicted. They decide
//! nothing.

use crate::facts::{ComponentExit, Evidence, Part, Source};
use crate::finding::{CheckId, Finding, Outcome};
use crate::text::{count, printable, time};

/// The finding of an exit.
pub(crate) fn finding(exit: &ComponentExit) -> Finding {
    let (check, name) = if exit.restarts.is_some() {
        (CheckId::PodExited, exit.component.as_str())
    } else {
        (CheckId::KubeletExited, "the kubelet")
    };
    let reason = printable(&exit.reason);
    let outcome = Outcome::Violated;
    Finding::new(check, &exit.component, Vec::new(), outcome, outcome)
        .with_actual(Some(reason.clone()))
        .with_summary(format!("{name} exited at {}: {reason}", time(exit.at)))
        .with_notes([format!("{}: {}", context(exit), exit.path)])
        .with_evidence([Evidence::place(Source::file(&exit.path), Part::Read)])
}

/// What becomes of it, and that the path of its log follows.
fn context(exit: &ComponentExit) -> String {
    match (exit.restarts, exit.is_retried) {
        (None, true) => "RKE2 starts it again every five seconds; its log".to_owned(),
        (None, false) => "that was in the last start of RKE2; its log".to_owned(),
        (Some(restarts), _) => {
            let times = count(usize::try_from(restarts).unwrap_or(usize::MAX), "time");
            format!("the kubelet has restarted it {times}; its log")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Effect;

    #[test]
    fn an_exit_is_described_and_decides_nothing() {
        let mut exit = ComponentExit {
            component: "kubelet".to_owned(),
            reason: "unknown flag: --x\u{1b}".to_owned(),
            at: 1_795_865_387_436_861,
            restarts: None,
            path: "/k.log".to_owned(),
            is_retried: true,
        };
        let kubelet = finding(&exit);
        assert_eq!(
            kubelet.summary(),
            "the kubelet exited at 2026-11-28T11:29:47Z: unknown flag: --x\\u{1b}"
        );
        assert_eq!(
            kubelet.notes(),
            ["RKE2 starts it again every five seconds; its log: /k.log"]
        );
        assert_eq!(kubelet.effect(), Effect::Advice);
        assert!(!kubelet.blocks());
        exit.is_retried = false;
        assert_eq!(
            finding(&exit).notes(),
            ["that was in the last start of RKE2; its log: /k.log"]
        );
        exit.component = "kube-apiserver".to_owned();
        exit.restarts = Some(1);
        let pod = finding(&exit);
        assert_eq!(
            (pod.id(), pod.subject()),
            (CheckId::PodExited, "kube-apiserver")
        );
        assert_eq!(
            pod.notes(),
            ["the kubelet has restarted it 1 time; its log: /k.log"]
        );
    }
}
