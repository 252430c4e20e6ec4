//! `check --format npd`, as node-problem-detector runs it, and its plugin's configuration.

use std::path::Path;

use serde_json::Value as Json;

use super::case::Case;
use super::host::{Host, Ran, command, hosts_dir, run};
use super::yaml::{documents, text};

const DIRECTORY: &str = "packaging/monitoring/npd";
/// What cuts a message that is longer.
const MAX_OUTPUT_LENGTH: usize = 80;

/// The configuration, having read it as node-problem-detector does (v0.8.6 and newer,
/// `pkg/custompluginmonitor/types/config.go`): what it refuses, and what it would pass over in silence, is a failure here.
fn configuration(name: &str) -> Json {
    const KNOWN: [(&str, &[&str]); 4] = [
        (
            "",
            &[
                "plugin",
                "pluginConfig",
                "source",
                "metricsReporting",
                "conditions",
                "rules",
            ],
        ),
        (
            "pluginConfig",
            &[
                "invoke_interval",
                "timeout",
                "max_output_length",
                "concurrency",
                "enable_message_change_based_condition_update",
                "skip_initial_status",
            ],
        ),
        ("conditions", &["type", "reason", "message"]),
        (
            "rules",
            &["type", "condition", "reason", "path", "args", "timeout"],
        ),
    ];
    let document: Json = serde_json::from_str(&text(&format!("{DIRECTORY}/{name}"))).unwrap();
    for (part, known) in KNOWN {
        let objects: Vec<&Json> = match part {
            "" => vec![&document],
            part => match document[part].as_array() {
                Some(items) => items.iter().collect(),
                None => vec![&document[part]],
            },
        };
        for object in objects {
            for key in object.as_object().unwrap().keys() {
                assert!(known.contains(&key.as_str()), "{name}: {part} {key}");
            }
        }
    }
    assert_eq!(document["plugin"], "custom");
    assert!(
        document["source"]
            .as_str()
            .is_some_and(|source| !source.is_empty())
    );
    let global = &document["pluginConfig"];
    assert_eq!(global["max_output_length"], MAX_OUTPUT_LENGTH);
    assert!(seconds(&global["timeout"]) < seconds(&global["invoke_interval"]));
    let conditions: Vec<&str> = document["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|condition| condition["type"].as_str().unwrap())
        .collect();
    for rule in document["rules"].as_array().unwrap() {
        assert_eq!(rule["type"], "permanent");
        // "Permanent problem … does not have preset default condition" ends node-problem-detector.
        assert!(conditions.contains(&rule["condition"].as_str().unwrap()));
        assert!(seconds(&rule["timeout"]) <= seconds(&global["timeout"]));
        // A condition's reason is one word in CamelCase.
        let reason = rule["reason"].as_str().unwrap();
        assert!(
            reason.chars().all(|c| c.is_ascii_alphanumeric()),
            "{reason}"
        );
    }
    document
}

/// A duration as Go reads it, of seconds alone.
fn seconds(value: &Json) -> u64 {
    value
        .as_str()
        .unwrap()
        .strip_suffix('s')
        .unwrap()
        .parse()
        .unwrap()
}

/// The words of the rule's command, and its program's path.
fn rule(document: &Json) -> (String, Vec<String>) {
    let rule = &document["rules"][0];
    let args = rule["args"].as_array().unwrap().iter();
    let args = args.map(|arg| arg.as_str().unwrap().to_owned()).collect();
    (rule["path"].as_str().unwrap().to_owned(), args)
}

/// One line of text within the limit, and nothing else.
fn message(ran: &Ran) -> &str {
    assert!(ran.out.len() <= MAX_OUTPUT_LENGTH, "{}", ran.out);
    let line = ran.out.strip_suffix('\n').unwrap();
    assert!(!line.is_empty() && !line.contains('\n'), "{line}");
    assert!(line.chars().all(|c| !c.is_control()), "{line}");
    assert_eq!(ran.err, "");
    line
}

fn check(host: &Host, more: &[&str]) -> Ran {
    host.run(["check", "--format", "npd"].iter().chain(more))
}

/// Hosts, and the message for each.
const SAID: [(&str, i32, &str); 10] = [
    (
        "healthy-server",
        0,
        "rke2-server would start now and after a reboot",
    ),
    (
        "healthy-agent",
        0,
        "rke2-agent would start now and after a reboot",
    ),
    (
        "etcd-in-users",
        0,
        "rke2-server would start now and after a reboot",
    ),
    (
        "rhel-minimal-cis",
        1,
        "rke2-server would not start: 5 reasons (vm.overcommit_memory, …)",
    ),
    (
        "etcd-without-group",
        1,
        "rke2-server would not start: 1 reason (group etcd)",
    ),
    (
        "written-not-applied",
        1,
        "rke2-server would not start now: 3 reasons (vm.overcommit_memory, …)",
    ),
    (
        "stig-not-persisted",
        1,
        "rke2-server would not survive a reboot: 2 reasons (vm.overcommit_memory, …)",
    ),
    (
        "broken-yaml",
        1,
        "rke2-server would not start: 1 reason (RKE2's configuration)",
    ),
    (
        "one-line-missing",
        2,
        "rke2-server might not survive a reboot: cannot determine (kernel.panic_on_oops)",
    ),
    // Not mounted, not seen: a node that runs has a /proc.
    (
        "image-hardened",
        2,
        "rke2-server cannot be evaluated: the host's /proc is not below --root",
    ),
];

/// The document shows these messages, and no others.
#[test]
fn the_document_says_so_too() {
    let docs = text("docs/fleet.md");
    let mut rows = 0;
    for line in docs.lines() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (Some(status @ ("0" | "1" | "2")), Some(shown)) = (cells.next(), cells.next()) else {
            continue;
        };
        let shown = shown.trim_matches('`');
        let said =
            |(_, code, line): &(&str, i32, &str)| code.to_string() == status && *line == shown;
        assert!(SAID.iter().any(said), "{line}");
        rows += 1;
    }
    assert!(rows >= 5);
}

#[test]
fn each_host_has_its_message() {
    for (name, status, expected) in SAID {
        let ran = check(&Host::like(name), &["--rke2-version", "v1.34.1+rke2r1"]);
        assert_eq!((message(&ran), ran.status), (expected, status), "{name}");
    }
}

/// The status is the verdict's, on every host there is.
#[test]
fn the_status_follows_from_the_verdicts() {
    for entry in std::fs::read_dir(hosts_dir()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let case = Case::read(&name);
        let host = Host::like(&name);
        let args: Vec<&str> = case.args.iter().map(String::as_str).collect();
        let (report, _) = host.json(&[&["check"], &args[..]].concat());
        let ran = check(&host, &args);
        let line = message(&ran);
        let units = report["units"].as_array().unwrap();
        // In the fixture with both, the server is enabled and the agent idle.
        let unit = units
            .iter()
            .find(|u| u["role"] == "server")
            .unwrap_or(&units[0]);
        let verdicts = [&unit["verdict"], &unit["next_boot_verdict"]];
        let expected = if verdicts.iter().any(|v| *v == "would-refuse") {
            1
        } else if verdicts.iter().any(|v| *v == "undetermined") {
            2
        } else {
            0
        };
        assert_eq!(ran.status, expected, "{name}: {line}");
    }
}

/// Of two units, the one that is not enabled does not count, unless it is named.
#[test]
fn an_idle_unit_does_not_count() {
    let host = Host::like("tarball-both-units");
    let wanted = "etc/systemd/system/multi-user.target.wants";
    host.clear(&format!("{wanted}/rke2-server.service"));
    host.link(
        &format!("{wanted}/rke2-agent.service"),
        "/usr/local/lib/systemd/system/rke2-agent.service",
    );
    host.file(
        "/etc/rancher/rke2/config.yaml",
        "profile: cis\nserver: https://10.0.0.1:9345\ntoken: secret\n",
    );
    let agent = check(&host, &[]);
    assert_eq!(
        message(&agent),
        "rke2-agent would start now and after a reboot"
    );
    assert_eq!(agent.status, 0);
    let server = check(&host, &["--unit", "rke2-server"]);
    assert_eq!(
        (server.status, message(&server)),
        (
            1,
            "rke2-server would not start: 2 reasons (user etcd, group etcd)"
        )
    );
    // Both are enabled: the worse one is reported.
    host.link(
        &format!("{wanted}/rke2-server.service"),
        "/usr/local/lib/systemd/system/rke2-server.service",
    );
    assert_eq!(message(&check(&host, &[])), message(&server));
}

#[test]
fn failures_of_ours_are_said_where_they_are_read() {
    let nowhere = check(&Host::new(), &[]);
    assert_eq!(nowhere.status, 2);
    assert!(message(&nowhere).starts_with("no RKE2 unit is installed below /"));
    let mut wrong = command();
    wrong.args(["check", "--format", "npd", "--root", "/no/such/directory"]);
    let wrong = run(wrong);
    assert_eq!(wrong.status, 2);
    assert!(message(&wrong).starts_with("--root /no/such/directory: No such file"));
    let role = check(&Host::new(), &["--role", "agent"]);
    assert_eq!(role.status, 2, "{}", role.out);
    message(&role);
    // Wrong usage is a matter of who writes the configuration: standard error, and still 2.
    for args in [
        &["--all"][..],
        &["--fail-on", "next-boot"],
        &["--unit", "sshd"],
    ] {
        let usage = check(&Host::like("healthy-server"), args);
        assert_eq!((usage.status, usage.out.as_str()), (2, ""), "{args:?}");
        assert!(!usage.err.is_empty());
    }
}

/// As a service of the node runs it: the host at /, seen by the program itself.
#[cfg(feature = "lab")]
#[test]
fn the_plugin_runs_at_the_root_of_a_host() {
    let (path, args) = rule(&configuration("preflight-rke2.json"));
    for (name, status) in [
        ("healthy-server", 0),
        ("stig-not-persisted", 1),
        ("one-line-missing", 2),
    ] {
        let host = Host::like(name);
        super::upgrade::install(&host);
        let mut chroot = std::process::Command::new("/usr/sbin/chroot");
        chroot.arg(host.path()).arg(&path).args(&args);
        let ran = run(chroot);
        message(&ran);
        assert_eq!(ran.status, status, "{name}: {}", ran.out);
    }
}

/// Names from a host's files are cut between characters, and cannot forge a line.
#[test]
fn hostile_names_stay_within_the_line() {
    let host = Host::like("healthy-server");
    for value in [
        "ä".repeat(90),
        "\u{1f980}".repeat(60),
        "\u{202e}x\u{0}".repeat(20),
    ] {
        host.file(
            "/etc/rancher/rke2/config.yaml",
            format!("profile: cis\n\"{value}-arg\": \"\\n\"\nkubelet-arg: [\"{value}=x\"]\n"),
        );
        message(&check(&host, &[]));
        host.file(
            "/etc/rancher/rke2/config.yaml",
            format!("profile: \"{value}\"\n"),
        );
        let ran = check(&host, &[]);
        message(&ran);
    }
}

#[test]
fn the_plugin_runs_on_the_host() {
    let (path, args) = rule(&configuration("preflight-rke2.json"));
    assert_eq!(path, "/usr/bin/preflight-rke2");
    for (name, status) in [
        ("healthy-server", 0),
        ("stig-not-persisted", 1),
        ("one-line-missing", 2),
    ] {
        // The host itself stands below --root here; nothing else is added to the rule's own words.
        let host = Host::like(name);
        let ran = host.run(
            args.iter()
                .map(String::as_str)
                .chain(["--rke2-version", "v1.34.1+rke2r1"]),
        );
        message(&ran);
        assert_eq!(ran.status, status, "{name}");
    }
}

#[test]
fn the_plugin_runs_in_a_pod() {
    let on_host = configuration("preflight-rke2.json");
    let mut in_pod = configuration("preflight-rke2-daemonset.json");
    let (program, args) = rule(&in_pod);
    let patch = documents(&format!("{DIRECTORY}/daemonset-patch.yaml")).remove(0);
    let pod = &patch["spec"]["template"]["spec"];
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let mount = |name: &str| mounts.iter().find(|m| m["name"] == name).unwrap();
    let volume = |name: &str| {
        let volumes = pod["volumes"].as_array().unwrap();
        volumes.iter().find(|v| v["name"] == name).unwrap()
    };
    // The host's root, and the program below it.
    assert_eq!(volume("host-root")["hostPath"]["path"], "/");
    let root = mount("host-root")["mountPath"].as_str().unwrap();
    assert_eq!(mount("host-root")["readOnly"], true);
    assert_eq!(
        Path::new(&program),
        Path::new(root).join("usr/bin/preflight-rke2")
    );
    // The configuration at the path that node-problem-detector is given.
    let directory = mount("preflight-rke2-npd")["mountPath"].as_str().unwrap();
    let option = format!("--config.custom-plugin-monitor={directory}/preflight-rke2.json");
    let command = pod["containers"][0]["command"].as_array().unwrap();
    assert!(command.contains(&Json::String(option)));
    // Run for real, with the mount where the test can make one.
    for (name, status) in [
        ("healthy-agent", 0),
        ("kernel-panic-60", 1),
        ("image-without-proc", 1),
        ("image-hardened", 2),
    ] {
        let host = Host::like(name);
        let mut ours = super::host::command();
        let here = host.path().to_str().unwrap();
        ours.args(args.iter().map(|arg| if arg == root { here } else { arg }));
        let ran = run(ours);
        message(&ran);
        assert_eq!(ran.status, status, "{name}: {}", ran.out);
    }
    assert!(args.contains(&root.to_owned()));
    // But for where the program and the host are, the two are one.
    in_pod["rules"][0]["path"] = on_host["rules"][0]["path"].clone();
    in_pod["rules"][0]["args"] = on_host["rules"][0]["args"].clone();
    assert_eq!(in_pod, on_host);
}
