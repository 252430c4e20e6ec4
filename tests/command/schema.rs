//! The output for programs, validated against the schemas in `docs/schema`.

use serde_json::Value as Json;

use super::host::{Host, hosts_dir};
use super::validate::validate;

fn schema(name: &str) -> Json {
    let dir = hosts_dir().join("../../docs/schema");
    let path = dir.join(format!("{name}.schema.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

const DOCUMENTS: [(&str, &[&str]); 9] = [
    ("report", &["check"]),
    ("report", &["check", "--all", "--role", "agent"]),
    ("report", &["check", "--all"]),
    ("report", &["check", "--role", "server", "--measure-disk"]),
    ("report", &["check", "--upgrade-to", "1.37"]),
    ("config", &["config", "--all"]),
    ("sysctl", &["sysctl"]),
    ("audit", &["audit"]),
    (
        "audit",
        &["audit", "--role", "agent", "--benchmark", "1.23"],
    ),
];

fn valid(name: &str, host: &Host) {
    for (document, args) in DOCUMENTS {
        let mut wrong = Vec::new();
        let (value, _) = host.json(args);
        validate(&schema(document), &value, document, &mut wrong);
        assert!(wrong.is_empty(), "{name}: {args:?}\n{}", wrong.join("\n"));
    }
}

#[test]
fn every_document_is_as_described() {
    for host in std::fs::read_dir(hosts_dir()).unwrap() {
        let name = host.unwrap().file_name().into_string().unwrap();
        valid(&name, &Host::like(&name));
    }
    // What the hosts kept as directories have none of.
    let host = Host::like("healthy-server");
    host.file("/proc/cmdline", "ro sysctl.kernel.panic=9 panic=5\n");
    host.file(
        "/etc/sysctl.d/99-x.conf",
        "kernel.panic\n-kernel.panic = 1\nno assignment\n",
    );
    host.file("/etc/rancher/rke2/config.yaml", "server: [a, b]\nx: 1\n");
    std::fs::create_dir(host.clear("/etc/passwd")).unwrap();
    valid("odd", &host);
    host.file(
        "/usr/lib/systemd/system/rke2-server.service",
        "[Service]\nEnvironment=RKE2_TOKEN=x RKE2_DEBUG=1\nExecStart=/usr/bin/rke2 server --profile cis --tls-san a\n",
    );
    valid("arguments", &host);
}

/// The status of the monitor and the block file of the gate, made of the result of a check.
#[test]
fn the_status_is_as_described() {
    use preflight_rke2::testing::document::UnitDocument;
    use preflight_rke2::testing::facts::Measurements;
    use preflight_rke2::testing::gate::block::{Block, Reason, SCHEMA};
    use preflight_rke2::testing::monitor::status::SCHEMA as STATUS;
    use preflight_rke2::testing::monitor::{Hold, MonitorStatus, NodeStatus, Phase, UnitStatus};

    let (report, _) = Host::like("rhel-minimal-cis").json(&["check"]);
    let report: UnitDocument = serde_json::from_value(report["units"][0].clone()).unwrap();
    let phases = [
        Phase::Running,
        Phase::Starting,
        Phase::Retrying,
        Phase::Stranded,
        Phase::Stopping,
        Phase::Down,
        Phase::Unknown,
    ];
    let holds = [
        Hold::ResumeOff,
        Hold::Stopped,
        Hold::Disabled,
        Hold::NotLoadable,
        Hold::Rival,
        Hold::SameCause,
    ];
    let held = holds.map(Some).into_iter().chain([None]);
    let units = phases
        .into_iter()
        .zip(held)
        .map(|(phase, held)| UnitStatus {
            unit: "rke2-server.service".to_owned(),
            phase,
            enabled: true,
            idle: false,
            blocked_since: held.map(|_| 1_764_000_000_000_000),
            held,
            drift: vec!["account.etcd.user".to_owned()],
            drift_transitions: 3,
            resumes: 1,
            resumed_at: Some(1_764_000_000_000_000),
            report: report.clone(),
            profile: String::new(),
            measured: Measurements::default(),
        });
    let status = NodeStatus {
        schema: STATUS.to_owned(),
        monitor: MonitorStatus {
            version: "0.1.0".to_owned(),
            since: 1_764_000_000_000_000,
            evaluated: 1_764_000_000_000_000,
            mode: "report".to_owned(),
            resume: true,
            troubles: vec!["D-Bus: none".to_owned()],
        },
        units: units.collect(),
    };
    let block = Block {
        schema: SCHEMA.to_owned(),
        unit: "rke2-agent.service".to_owned(),
        since: 1_764_000_000_000_000,
        enabled: false,
        stop_job: Some("/org/freedesktop/systemd1/job/7".to_owned()),
        reasons: vec![Reason {
            check: "account.etcd.user".to_owned(),
            subject: "user etcd".to_owned(),
            summary: "there is none".to_owned(),
        }],
    };
    let status: Json = serde_json::from_str(&status.json()).unwrap();
    for (name, value) in [
        ("status", status),
        ("block", serde_json::to_value(block).unwrap()),
    ] {
        let mut wrong = Vec::new();
        validate(&schema(name), &value, name, &mut wrong);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn what_is_not_as_described_is_found() {
    let (mut report, _) = Host::like("rhel-minimal-cis").json(&["check"]);
    let found = |report: &Json| {
        let mut wrong = Vec::new();
        validate(&schema("report"), report, "", &mut wrong);
        wrong
    };
    assert_eq!(found(&report), [""; 0]);
    let unit = &mut report["units"][0];
    unit["verdict"] = "perhaps".into();
    unit["rke2_version"] = "1.34".into();
    unit["findings"][0]["line"] = 1.into();
    unit["findings"][0]["sources"][0]["line"] = 0.into();
    unit["findings"][0].as_object_mut().unwrap().remove("id");
    unit["findings"][1]["id"] = "Upper".into();
    unit["predicted"] = Json::Null;
    assert_eq!(found(&report).len(), 7, "{:?}", found(&report));
}
