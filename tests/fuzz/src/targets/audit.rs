//! A node's files and command lines to every report of its audit.

use std::collections::BTreeMap;

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::audit::control::KubeComponent;
use preflight_rke2::testing::audit::facts::{
    ConfigDocument, EtcdAccount, InspectedFile, KubeletFacts, NodeFacts, Parts, Survey,
};
use preflight_rke2::testing::audit::flags::{ComponentArg, ComponentCommand, When};
use preflight_rke2::testing::audit::{
    Audit, Audited, ControlOutcome, controls, counts, cure, evaluate,
};
use preflight_rke2::testing::facts::Source;
use preflight_rke2::testing::report::audit::{
    html, json, junit, kube_bench, metrics, sarif, text, xccdf,
};
use preflight_rke2::testing::report::text::Style;
use preflight_rke2::testing::rke2::Role;
use preflight_rke2::testing::rke2::config::{ConfigFiles, Invocation, ParserRules, resolve};
use preflight_rke2::testing::rke2::installed::VersionSource;
use preflight_rke2::testing::rke2::start::Sourced;
use preflight_rke2::testing::rke2::version::Version;

use super::host::read;

fn text_of(part: &[u8]) -> String {
    String::from_utf8_lossy(part).into_owned()
}

fn line(when: When, words: Vec<ComponentArg>) -> ComponentCommand {
    ComponentCommand {
        when,
        source: Source::file("/m"),
        words,
    }
}

fn facts(data: &[u8], role: Role) -> NodeFacts {
    let parts: Vec<(u8, &[u8])> = super::lettered(data).collect();
    let words = |wanted: u8| -> Vec<ComponentArg> {
        let of = parts.iter().filter(|(letter, _)| *letter == wanted);
        of.map(|(_, part)| ComponentArg {
            text: text_of(part),
            source: Source::line("/m", 1),
        })
        .collect()
    };
    let paper = |wanted: u8, path: &str| match parts.iter().find(|(letter, _)| *letter == wanted) {
        Some((_, part)) => ConfigDocument::new(path, read(part, path)),
        None => ConfigDocument::Absent {
            path: path.to_owned(),
        },
    };
    let mut survey = Survey::default();
    for (_, part) in parts.iter().filter(|(letter, _)| *letter == b's') {
        let seen = InspectedFile {
            path: format!("/{}", text_of(part)),
            mode: u32::from(part.first().copied().unwrap_or_default()),
            uid: 0,
            gid: 0,
        };
        survey.count(seen, part.len() % 2 == 0);
    }
    if let Some((_, part)) = parts.iter().find(|(letter, _)| *letter == b'!') {
        survey.problem(text_of(part));
    }
    let server = role == Role::Server;
    NodeFacts {
        settings: resolve(
            &Invocation::of(role),
            &ConfigFiles::none("/etc/rancher/rke2/config.yaml"),
            role,
            &ParserRules::of(&Version::new(34, 1, 1)),
        ),
        profile: None,
        etcd_data_is_moved: false,
        role,
        version: Version::new(34, 1, 1),
        data_dir: "/d".to_owned(),
        parts: Parts {
            control_plane: server,
            api_server: server,
            controller_manager: server,
            scheduler: server,
            etcd: server,
            kubelet: true,
            kube_proxy: true,
        },
        account: EtcdAccount::default(),
        components: KubeComponent::ALL
            .into_iter()
            .map(|component| {
                (
                    component,
                    vec![
                        line(When::Running, words(b'a')),
                        line(When::Manifest, words(b'm')),
                    ],
                )
            })
            .collect(),
        entries: KubeComponent::ALL
            .into_iter()
            .map(|component| (component, words(b'e')))
            .collect(),
        problems: BTreeMap::new(),
        kubelet: KubeletFacts {
            lines: vec![line(When::Running, words(b'k'))],
            files: vec![paper(b'f', "/f"), paper(b'g', "/g")],
            next_files: vec![paper(b'g', "/g")],
            defaults: words(b'k'),
            problem: None,
        },
        etcd: paper(b'c', "/c"),
        etcd_pod: paper(b'o', "/o"),
        encryption: paper(b'n', "/n"),
        audit_policy: paper(b'p', "/p"),
        pod_security: paper(b'q', "/q"),
        surveys: controls::keys()
            .into_iter()
            .map(|key| (key, survey.clone()))
            .collect(),
    }
}

/// Nothing but lines of visible characters.
#[track_caller]
fn is_plain(text: &str) {
    let obeyed = text
        .chars()
        .find(|c| preflight_rke2::testing::text::is_unprintable(*c) && *c != '\n');
    assert_eq!(obeyed, None, "{text:?}");
}

pub(super) fn run(data: &[u8]) {
    let role = match super::switch(data, 0) % 2 {
        0 => Role::Server,
        _ => Role::Agent,
    };
    let column = usize::from(super::switch(data, 1)) % Benchmark::ALL.len();
    let benchmark = Benchmark::ALL.get(column).copied();
    let benchmark = benchmark.unwrap_or(Benchmark::V1_12);
    let facts = facts(data, role);
    let mut audited = evaluate::audit(&facts, benchmark);
    assert_eq!(audited, evaluate::audit(&facts, benchmark));
    let groups = cure::groups(&mut audited, &facts);
    let audit = Audit {
        node: String::from_utf8_lossy(data).into_owned(),
        at: 0,
        unit: role.unit(),
        role,
        version: facts.version.clone(),
        version_source: VersionSource::Option,
        profile: Sourced::default_value(String::new()),
        data_dir: facts.data_dir,
        choice: Benchmark::of(&facts.version),
        asked: true,
        unknown: Vec::new(),
        controls: audited,
        groups,
    };
    let all: Vec<&Audited> = audit.controls.iter().collect();
    let counts = counts(all.iter().copied());
    let fails = all
        .iter()
        .filter(|audited| audited.outcome == ControlOutcome::Fail);
    assert_eq!(fails.count(), counts.fail);
    for audited in &all {
        let unmet = matches!(audited.outcome, ControlOutcome::Fail | ControlOutcome::Warn);
        assert!(!unmet || !audited.result.remedies.is_empty(), "{audited:?}");
        assert!(!audited.result.summary.is_empty(), "{audited:?}");
    }
    let style = Style {
        color: false,
        width: 100,
        verbose: true,
    };
    is_plain(&text::render(&audit, &all, &all, style));
    is_plain(&junit::render(&audit, &all));
    is_plain(&xccdf::render(&audit, &all));
    let report = html::read(json::render(&audit, &all, &all).as_bytes());
    assert!(report.is_ok(), "{report:?}");
    let reports: Vec<_> = report.into_iter().collect();
    is_plain(&html::render(&reports));
    is_plain(&metrics::render(&audit, &all, &all));
    for document in [
        json::render(&audit, &all, &all),
        kube_bench::render(&audit, &all, None),
        sarif::render(&audit, &all),
    ] {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&document);
        assert!(parsed.is_ok(), "{document}");
    }
}
