//! From a host to every report of it: the texts must be safe to show, and consistent.

use preflight_rke2::testing::assessment::{Examination, LastRun, Parameters, UnitReport};
use preflight_rke2::testing::configuration::{BlockOn, Configuration};
use preflight_rke2::testing::evaluate::{evaluate, next_boot};
use preflight_rke2::testing::facts::Machine;
use preflight_rke2::testing::facts::{
    AccountRow, Cgroup, HostFacts, KernelFact, NextBoot, ReadError, Reading, RemedyFacts, Source,
    Table, WriteAccess,
};
use preflight_rke2::testing::finding::{Effect, Finding, Outcome};
use preflight_rke2::testing::gate::plan::{Override, decide};
use preflight_rke2::testing::report::{journal, json, settings, sysctl, text};
use preflight_rke2::testing::requirements;
use preflight_rke2::testing::rke2::accounts::lookup;
use preflight_rke2::testing::rke2::config::{kubelet, resolve};
use preflight_rke2::testing::rke2::installed::VersionSource;
use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;
use preflight_rke2::testing::rke2::profile::ProfileRules;
use preflight_rke2::testing::rke2::start::StartSettings;
use preflight_rke2::testing::sysctl_d::{self, Dialect, Resolution};
use preflight_rke2::testing::verdict::{self, Verdict};

use super::host::{Host, keeps_secret, read};
use super::sysctl_d::{keys, tree};

type Live = Reading<Result<Vec<u8>, ReadError>>;

/// The host that the input describes, besides its configuration.
struct Around {
    live: Vec<Live>,
    resolution: Resolution,
    facts: HostFacts,
}

fn live(parts: &[(u8, &[u8])]) -> Vec<Live> {
    let mut given = parts.iter().filter(|(letter, _)| *letter == b'l');
    let read =
        |parameter: &preflight_rke2::testing::rke2::kernel::KernelParameter| match given.next() {
            None => Reading::Known(Ok(format!("{}\n", parameter.required).into_bytes())),
            Some((_, b"?")) => Reading::Unknown {
                why: "not asked".to_owned(),
            },
            Some((_, part)) => Reading::Known(read(part, &parameter.path())),
        };
    KERNEL_PARAMETERS.iter().map(read).collect()
}

fn around(data: &[u8], limit: Option<usize>) -> Around {
    let parts: Vec<(u8, &[u8])> = super::lettered(data).collect();
    let live = live(&parts);
    let tree = tree(parts.iter().copied());
    let resolution = sysctl_d::resolve(&tree, &keys(), Dialect::default());
    let nexts: Vec<Reading<NextBoot>> = next_boot::facts(&resolution, &KERNEL_PARAMETERS, |_| None);
    let kernel = live.iter().cloned().zip(nexts);
    let account = |wanted: u8, table: Table| {
        let (_, part) = parts.iter().find(|(letter, _)| *letter == wanted)?;
        let content = read(part, table.path());
        Some(content.map(|content| {
            lookup(&mut content.as_slice(), table, "etcd", limit).expect("memory can be read")
        }))
    };
    let (user, group) = (account(b'p', Table::Passwd), account(b'g', Table::Group));
    let write = match super::switch(data, 5) % 4 {
        0 => WriteAccess::ReadOnly {
            in_user_namespace: false,
        },
        1 => WriteAccess::Denied,
        _ => WriteAccess::Allowed,
    };
    let elsewhere = parts.iter().filter(|(letter, _)| *letter == b'w');
    let facts = HostFacts {
        subordinate_ids: None,
        systemd: None,
        image: super::switch(data, 4) % 2 == 1,
        kernel: kernel
            .map(|(live, next_boot)| KernelFact {
                live,
                write,
                next_boot,
            })
            .collect(),
        user,
        group,
        account_elsewhere: elsewhere
            .map(|(_, part)| AccountRow {
                table: Table::Passwd,
                source: Source::line(String::from_utf8_lossy(part), 1),
                row: String::from_utf8_lossy(part).into_owned(),
            })
            .collect(),
        remedy: RemedyFacts::default(),
        cgroup: match super::switch(data, 3) % 3 {
            0 => Reading::Known(Cgroup::V2),
            1 => Reading::Known(Cgroup::V1),
            _ => Reading::Unknown {
                why: "no hierarchy".to_owned(),
            },
        },
    };
    Around {
        live,
        resolution,
        facts,
    }
}

/// Nothing but lines of visible characters.
#[track_caller]
pub(super) fn is_plain(text: &str, line_feeds: bool) {
    let hides = |c: &char| match c {
        '\n' => !line_feeds,
        c => preflight_rke2::testing::text::is_unprintable(*c),
    };
    if let Some(found) = text.chars().find(hides) {
        panic!("{found:?} in {text:?}");
    }
    keeps_secret(text);
}

#[track_caller]
fn is_json(text: &str) {
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(text);
    assert!(parsed.is_ok(), "{text}");
    assert!(text.ends_with('\n'));
    is_plain(text, true);
}

/// The verdict follows from the findings, and they from each other.
fn agree(start: &StartSettings, report: &UnitReport) {
    let verdict = &report.verdict;
    let refuses = verdict.now == Verdict::WouldRefuse;
    assert_eq!(verdict.refused_by.is_some(), refuses, "{verdict:?}");
    assert_eq!(!verdict.predicted.is_empty(), refuses, "{verdict:?}");
    let fatal = |fatal: &preflight_rke2::testing::rke2::start::StartFailure| {
        fatal.component == preflight_rke2::testing::finding::Component::Rke2
    };
    if start.fatal.iter().any(fatal) {
        assert!(refuses);
    }
    for finding in &report.findings {
        assert!(!finding.summary().is_empty());
        let shown = preflight_rke2::testing::requirements::catalogue::CHECKS
            .iter()
            .any(|check| check.id == finding.id());
        assert!(shown, "{} is not explained", finding.id());
        if !finding.predictions().is_empty() {
            assert_eq!(finding.outcome(), Outcome::Violated, "{finding:?}");
            assert_eq!(finding.effect(), Effect::BlocksStart, "{finding:?}");
        }
    }
}

fn journal(report: &UnitReport) {
    let strict = Configuration {
        block_on: vec![BlockOn::Start, BlockOn::NextBoot, BlockOn::Control],
        ..Configuration::default()
    };
    for configuration in [Configuration::default(), strict] {
        for asked in [Override::None, Override::Report, Override::Off] {
            let plan = decide(report, &configuration, asked);
            for record in journal::records(&report.unit, &plan) {
                is_plain(&record.message, false);
                if let Some(field) = &record.finding {
                    for text in [
                        &field.check.to_string(),
                        &field.subject,
                        &field.required,
                        &field.required_by,
                        &field.actual,
                        &field.next_boot,
                        &field.file,
                        &field.line,
                        &field.predicted,
                    ] {
                        is_plain(text, false);
                    }
                    is_plain(&field.remedy, true);
                }
                if let Some(field) = &record.summary {
                    is_plain(&field.reasons, true);
                    is_plain(&field.remedy, true);
                }
            }
        }
    }
}

fn report(start: StartSettings, findings: Vec<Finding>) -> UnitReport {
    UnitReport {
        image: false,
        idle: false,
        unit: start.role.unit().to_owned(),
        role: start.role,
        version: start.version,
        version_source: VersionSource::Option,
        profile: start.profile,
        verdict: verdict::fold(&findings),
        findings,
        exits: Vec::new(),
    }
}

pub(super) fn run(data: &[u8]) {
    let host = Host::of(data);
    let settings = resolve(&host.invocation, &host.files, host.role, &host.rules);
    let kubelet = kubelet(&settings, &host.rules, &host.kubelet);
    let start = StartSettings::new(
        host.version.clone(),
        &settings,
        &kubelet,
        preflight_rke2::testing::rke2::start::ComponentFailures::default(),
    );
    let limit = ProfileRules::of(&start.version).account_line_limit;
    let around = around(data, limit);
    let mut requirements = requirements::of(&start);
    // An account that is not requested is not looked up.
    requirements.retain(|requirement| match &requirement.kind {
        requirements::RequirementKind::Account { table, .. } => match table {
            Table::Passwd => around.facts.user.is_some(),
            Table::Group => around.facts.group.is_some(),
        },
        _ => true,
    });
    let findings = evaluate(&requirements, &around.facts);
    let report = report(start.clone(), findings);
    agree(&start, &report);
    // Aliases can unfold to so many reasons that showing them is all that time goes to.
    if report.findings.len() > 2_000 {
        return;
    }
    journal(&report);

    let findings = report.findings.clone();
    let examination = Examination {
        definition: None,
        settings,
        requirements,
        facts: around.facts,
        report,
        last_run: LastRun::Unknown,
    };
    let reports = std::slice::from_ref(&examination.report);
    for verbose in [false, true] {
        let style = text::Style {
            color: false,
            width: 100,
            verbose,
        };
        is_plain(&text::render(reports, style, Machine::default), true);
        is_json(&json::render(reports, verbose));
        is_plain(&settings::text(&examination, verbose), true);
        is_json(&settings::json(&examination, verbose));
    }
    let parameters = Parameters {
        systemd: None,
        older: Vec::new(),
        live: around.live,
        resolution: around.resolution,
        kubelet_sets: super::switch(data, 5) % 2 == 1,
    };
    is_plain(&sysctl::text(&parameters, &findings), true);
    is_json(&sysctl::json(&parameters, &findings));
}
