//! What the gate does about a report: a pure function of the report, the configuration and the kernel
//! command line.

use crate::assessment::UnitReport;
use crate::configuration::{BlockOn, Configuration, Mode, OnError};
use crate::finding::{CheckId, Effect, Finding, Outcome};
use crate::verdict::Verdict;

/// The value of `preflight_rke2=` on the kernel command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Override {
    /// It is not set, or has an unknown value.
    None,
    /// `preflight_rke2=report`: log, never block.
    Report,
    /// `preflight_rke2=off`: check nothing.
    Off,
}

/// Whether the unit starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Start, and log at most advice.
    Start,
    /// Start although it would be refused, because the administrator allows it.
    StartAnyway {
        /// The setting that allows it, as a clause.
        because: String,
    },
    /// Start although it is not known whether it would be refused.
    StartUnchecked,
    /// Do not start.
    Block,
}

/// The decision of the gate, and the findings behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatePlan<'a> {
    /// Whether the unit starts.
    pub decision: Decision,
    /// The findings that block, or would.
    pub reasons: Vec<&'a Finding>,
    /// Other findings to log.
    pub advice: Vec<&'a Finding>,
}

/// Decides whether the unit of a report starts.
pub fn decide<'a>(
    report: &'a UnitReport,
    configuration: &Configuration,
    kernel: Override,
) -> GatePlan<'a> {
    let blocks = |finding: &Finding| {
        let on = |what| configuration.block_on.contains(&what);
        match finding.effect() {
            Effect::BlocksStart => {
                (finding.now() == Outcome::Violated && on(BlockOn::Start))
                    || (finding.next_boot_outcome() == Outcome::Violated && on(BlockOn::NextBoot))
            }
            Effect::Transient => finding.now() == Outcome::Violated && on(BlockOn::Transient),
            Effect::BlocksNextBoot => {
                finding.outcome() == Outcome::Violated && on(BlockOn::NextBoot)
            }
            Effect::BlocksControlPlane => {
                finding.outcome() == Outcome::Violated && on(BlockOn::ControlPlane)
            }
            Effect::FailsControl => finding.outcome() == Outcome::Violated && on(BlockOn::Control),
            Effect::Advice => false,
        }
    };
    let skipped = |finding: &Finding| configuration.skips(finding.id());
    let (reasons, mut advice): (Vec<&Finding>, Vec<&Finding>) =
        report.problems().partition(|finding| blocks(finding));
    advice.retain(|finding| is_logged(finding));
    let all_skipped = reasons.iter().all(|finding| skipped(finding));
    let unknown = report.verdict.now == Verdict::Undetermined
        && report
            .findings
            .iter()
            .any(|f| f.now() == Outcome::Indeterminate && !skipped(f));

    let decision = if kernel == Override::Off || (reasons.is_empty() && !unknown) {
        Decision::Start
    } else if reasons.is_empty() {
        match (configuration.on_error, configuration.mode, kernel) {
            (OnError::Block, Mode::Enforce, Override::None) => Decision::Block,
            _ => Decision::StartUnchecked,
        }
    } else if kernel == Override::Report {
        anyway("the kernel command line has preflight_rke2=report")
    } else if configuration.mode == Mode::Report {
        anyway("the configuration sets mode = \"report\"")
    } else if all_skipped {
        anyway("the configuration skips every check that fails")
    } else {
        Decision::Block
    };
    GatePlan {
        decision,
        reasons,
        advice,
    }
}

/// Whether advice is logged at a start: what keeps the unit down until it passes, what keeps the unit down after a reboot or the node from becoming ready,
/// what could not be determined, and that RKE2 silently ignores its configuration. Other advice is shown by `check` only, to keep
/// the journal of a unit that starts short.
fn is_logged(finding: &Finding) -> bool {
    match finding.effect() {
        Effect::BlocksStart
        | Effect::Transient
        | Effect::BlocksNextBoot
        | Effect::BlocksControlPlane => true,
        Effect::FailsControl => false,
        Effect::Advice => finding.id() == CheckId::ConfigDropped,
    }
}

fn anyway(because: &str) -> Decision {
    Decision::StartAnyway {
        because: because.to_owned(),
    }
}

/// Reads `preflight_rke2=` from a kernel command line. The last one counts.
pub fn kernel_override(command_line: &[u8]) -> Override {
    // The common case, which this search finds faster.
    if std::str::from_utf8(command_line).is_ok_and(|line| !line.contains("preflight_rke2=")) {
        return Override::None;
    }
    command_line
        .split(u8::is_ascii_whitespace)
        .filter_map(|word| word.strip_prefix(b"preflight_rke2="))
        .fold(Override::None, |_, value| match value {
            b"off" => Override::Off,
            b"report" => Override::Report,
            _ => Override::None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::role::Role;
    use crate::rke2::start::Sourced;
    use crate::rke2::version::Version;
    use crate::verdict;

    fn bare(id: CheckId, now: Outcome, next_boot: Outcome) -> Finding {
        Finding::new(id, "", Vec::new(), now, next_boot)
    }

    fn report(findings: Vec<Finding>) -> UnitReport {
        UnitReport {
            unit: Role::Server.unit().to_owned(),
            role: Role::Server,
            version: Version::new(36, 3, 1),
            version_source: crate::rke2::installed::VersionSource::Assumed,
            profile: Sourced::default_value(String::new()),
            verdict: verdict::fold(&findings),
            findings,
            exits: Vec::new(),
            image: false,
            idle: false,
        }
    }

    use Outcome::{Indeterminate, Satisfied, Violated};

    fn decision(
        findings: Vec<Finding>,
        change: impl FnOnce(&mut Configuration),
        kernel: Override,
    ) -> Decision {
        let mut configuration = Configuration::default();
        change(&mut configuration);
        decide(&report(findings), &configuration, kernel).decision
    }

    #[test]
    fn blocks_exactly_what_would_be_refused_now() {
        let wrong = || bare(CheckId::SysctlPanic, Violated, Violated);
        let later = || bare(CheckId::SysctlPanicOnOom, Satisfied, Violated);
        let unknown = || bare(CheckId::CgroupV1, Indeterminate, Indeterminate);
        let control = || bare(CheckId::ControlArgument, Violated, Violated);
        let advice = || bare(CheckId::UnitProblem, Violated, Violated);
        let default = |findings| decision(findings, |_| (), Override::None);
        assert_eq!(default(vec![]), Decision::Start);
        assert_eq!(default(vec![wrong()]), Decision::Block);
        assert_eq!(default(vec![later(), control(), advice()]), Decision::Start);
        assert_eq!(default(vec![unknown()]), Decision::StartUnchecked);
        assert_eq!(default(vec![unknown(), wrong()]), Decision::Block);
    }

    #[test]
    fn what_can_pass_blocks_only_on_request() {
        let route = || bare(CheckId::HostRoute, Violated, Satisfied).transient(true);
        let wrong = || bare(CheckId::SysctlPanic, Violated, Violated);
        let asked = |c: &mut Configuration| c.block_on.push(BlockOn::Transient);
        let report = report(vec![route()]);
        assert_eq!(report.verdict.now, Verdict::WouldRefuse);
        assert_eq!(report.verdict.next_boot, Verdict::WouldStart);
        let plan = decide(&report, &Configuration::default(), Override::None);
        assert_eq!((plan.decision, plan.reasons.len()), (Decision::Start, 0));
        assert_eq!(plan.advice.len(), 1);
        let ways = |findings| decision(findings, asked, Override::None);
        assert_eq!(ways(vec![route()]), Decision::Block);
        let both = decision(vec![route(), wrong()], |_| (), Override::None);
        assert_eq!(both, Decision::Block);
    }

    #[test]
    fn every_way_out_lets_it_go() {
        let wrong = || vec![bare(CheckId::SysctlPanic, Violated, Violated)];
        let anyway = |d| matches!(d, Decision::StartAnyway { .. });
        assert!(anyway(decision(wrong(), |_| (), Override::Report)));
        assert!(anyway(decision(
            wrong(),
            |c| c.mode = Mode::Report,
            Override::None
        )));
        assert!(anyway(decision(
            wrong(),
            |c| c.skip = vec!["sysctl.kernel.panic".into()],
            Override::None
        )));
        assert_eq!(
            decision(
                wrong(),
                |c| c.skip = vec!["cgroup.v1".into()],
                Override::None
            ),
            Decision::Block
        );
        assert_eq!(decision(wrong(), |_| (), Override::Off), Decision::Start);
        assert_eq!(
            decision(wrong(), |c| c.block_on = vec![], Override::None),
            Decision::Start
        );
    }

    #[test]
    fn an_operator_may_ask_for_more() {
        let later = || vec![bare(CheckId::SysctlPanicOnOom, Satisfied, Violated)];
        let control = || vec![bare(CheckId::ControlArgument, Violated, Violated)];
        let unknown = || vec![bare(CheckId::CgroupV1, Indeterminate, Violated)];
        let next = |c: &mut Configuration| c.block_on.push(BlockOn::NextBoot);
        let controls = |c: &mut Configuration| c.block_on.push(BlockOn::Control);
        let block = |c: &mut Configuration| c.on_error = OnError::Block;
        assert_eq!(decision(later(), next, Override::None), Decision::Block);
        assert_eq!(
            decision(control(), controls, Override::None),
            Decision::Block
        );
        assert_eq!(decision(unknown(), block, Override::None), Decision::Block);
        assert_eq!(
            decision(unknown(), block, Override::Report),
            Decision::StartUnchecked
        );
    }

    #[test]
    fn the_kernel_command_line_is_read_as_words() {
        assert_eq!(
            kernel_override(b"quiet preflight_rke2=off\n"),
            Override::Off
        );
        assert_eq!(
            kernel_override(b"preflight_rke2=off preflight_rke2=report"),
            Override::Report
        );
        assert_eq!(
            kernel_override(b"xpreflight_rke2=off preflight_rke2"),
            Override::None
        );
        assert_eq!(kernel_override(b"preflight_rke2=OFF \xff"), Override::None);
    }
}
