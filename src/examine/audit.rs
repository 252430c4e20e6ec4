//! Audits the node of one unit: its settings first, then the facts that the controls are about.

use super::{Target, assess};
use crate::audit::benchmark::{Benchmark, Choice};
use crate::audit::waiver::{self, Day, Waiver};
use crate::audit::{Audit, cure, evaluate};
use crate::host::{HostRoot, audit};

/// Audits the node of one unit by the benchmark `requested`, or else by that of its release.
pub fn node(
    root: &HostRoot,
    target: &Target,
    requested: Option<Benchmark>,
    waivers: &[Waiver],
) -> Audit {
    // Advice on the start is none on the benchmark.
    let target = Target {
        advise: false,
        ..target.clone().without_node()
    };
    let examination = assess(root, &target);
    let report = examination.report;
    let choice = match requested {
        Some(benchmark) => Choice {
            benchmark,
            note: None,
        },
        None => Benchmark::of(&report.version),
    };
    let facts = audit::read(
        root,
        &report.version,
        &examination.settings,
        choice.benchmark,
    );
    let settings = &examination.settings;
    let fatal = settings.fatal.iter().map(|fatal| match &fatal.source {
        Some(source) => format!("{source}: {}", fatal.message),
        None => fatal.message.clone(),
    });
    let unknown = fatal
        .chain(settings.gaps.iter().map(ToString::to_string))
        .collect();
    let mut controls = evaluate::audit(&facts, choice.benchmark);
    let at = audit::now();
    waiver::apply(&mut controls, waivers, Day::of_epoch(at));
    let groups = cure::groups(&mut controls, &facts);
    Audit {
        node: audit::node_name(root, settings),
        at,
        unit: report.role.unit(),
        role: report.role,
        version: report.version,
        version_source: report.version_source,
        profile: report.profile,
        data_dir: facts.data_dir,
        choice,
        asked: requested.is_some(),
        unknown,
        controls,
        groups,
    }
}
