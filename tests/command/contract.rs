//! What scripts, packages and people rely on: statuses, options, streams.

use std::io::Read as _;
use std::process::Stdio;

use super::host::{Host, command, run};

const COMMANDS: [&str; 7] = [
    "audit",
    "check",
    "gate",
    "config",
    "sysctl",
    "explain",
    "completions",
];
const SERVER: &str = "rke2-server.service";

fn on(host: &Host, args: &[&str]) -> i32 {
    host.run(args).status
}

fn alone(args: &[&str]) -> super::host::Ran {
    let mut command = command();
    command.args(args);
    run(command)
}

#[test]
fn statuses() {
    let right = Host::like("healthy-server");
    let wrong = Host::like("written-not-applied");
    let later = Host::like("stig-not-persisted");
    let control = Host::like("etcd-in-users");
    let image = Host::like("image-hardened");
    for (host, args, status) in [
        (&right, &["check"][..], 0),
        (&right, &["check", "--unit", SERVER], 0),
        (&right, &["check", "--unit", "rke2-server"], 0),
        (&right, &["check", "--role", "agent"], 0),
        (
            &right,
            &["check", "--fail-on", "next-boot", "--fail-on", "control"],
            0,
        ),
        (&right, &["check", "--unit", "rke2-agent.service"], 1),
        (&right, &["config", "--unit", "rke2-agent.service"], 1),
        (&right, &["sysctl", "--unit", "rke2-agent.service"], 1),
        (&right, &["check", "--unit", "sshd.service"], 2),
        (&right, &["check", "--role", "etcd"], 2),
        (&right, &["check", "--role", "server", "--unit", SERVER], 2),
        (&right, &["check", "--rke2-version", "1.x"], 2),
        (&right, &["check", "--fail-on", "start"], 2),
        (&right, &["check", "--no-such-option"], 2),
        (&right, &["check", "extra"], 2),
        (&right, &["no-such-command"], 2),
        (&right, &[], 2),
        (&right, &["gate"], 2),
        (&right, &["gate", "sshd.service"], 2),
        (&right, &["gate", SERVER], 0),
        (&right, &["explain", "no.such.check"], 2),
        (&right, &["completions", "tcl"], 2),
        (&right, &["config"], 0),
        (&right, &["sysctl"], 0),
        (&wrong, &["check"], 3),
        (&wrong, &["check", "--fail-on", "next-boot"], 3),
        (&wrong, &["gate", SERVER], 3),
        (&wrong, &["config"], 0),
        (&wrong, &["sysctl"], 0),
        (&later, &["check"], 0),
        (&later, &["check", "--fail-on", "control"], 0),
        (&later, &["check", "--fail-on", "next-boot"], 4),
        (&later, &["gate", SERVER], 0),
        (&control, &["check"], 0),
        (&control, &["check", "--fail-on", "next-boot"], 0),
        (&control, &["check", "--fail-on", "control"], 4),
        (&control, &["gate", SERVER], 0),
        (&image, &["check"], 0),
    ] {
        assert_eq!(on(host, args), status, "{args:?}");
    }
    let (report, _) = image.json(&["check", "--rke2-version", "v1.34.1+rke2r1"]);
    assert_eq!(report["units"][0]["verdict"], "undetermined");
    assert_eq!(report["units"][0]["next_boot_verdict"], "would-start");
    let nowhere = Host::new();
    for args in [&["check"][..], &["config"]] {
        let ran = nowhere.run(args);
        assert_eq!(ran.status, 1, "{args:?}");
        assert!(ran.err.contains("--role"), "{args:?}\n{}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
    assert_eq!(on(&nowhere, &["sysctl"]), 0);
    for command in ["check", "config", "sysctl"] {
        let ran = alone(&["--root", "/no/such/directory", command]);
        assert_eq!(ran.status, 2, "{command}");
        assert!(ran.err.contains("/no/such/directory"), "{}", ran.err);
    }
    // The gate blocks only with status 3; an internal error must not prevent that.
    assert_ne!(
        alone(&["--root", "/no/such/directory", "gate", SERVER]).status,
        3
    );
}

#[test]
fn the_gate_says_nothing_where_all_is_well() {
    let ran = Host::like("healthy-server").run(["gate", SERVER]);
    assert_eq!(
        (ran.status, ran.out, ran.err),
        (0, String::new(), String::new())
    );
}

#[test]
fn one_line_where_all_is_well() {
    for (host, line) in [
        ("healthy-server", "rke2-server.service would start\n"),
        ("healthy-agent", "rke2-agent.service would start\n"),
    ] {
        let ran = Host::like(host).run(["check", "--rke2-version", "v1.34.1+rke2r1"]);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), (line, ""), "{host}");
    }
}

#[test]
fn help_and_version() {
    let help = alone(&["--help"]);
    assert_eq!((help.status, help.err.as_str()), (0, ""));
    for command in COMMANDS {
        assert!(help.out.contains(&format!("\n  {command}")), "{command}");
        let page = alone(&[command, "--help"]);
        assert_eq!((page.status, page.err.as_str()), (0, ""), "{command}");
        assert!(page.out.contains("Usage: "), "{command}");
        assert!(page.out.contains("--root <DIR>"), "{command}");
    }
    let version = alone(&["--version"]);
    let expected = format!("preflight-rke2 {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((version.status, version.out), (0, expected));
    let wrong = alone(&["chekc"]);
    assert_eq!((wrong.status, wrong.out.as_str()), (2, ""));
    assert!(wrong.err.contains("check"), "{}", wrong.err);
}

#[test]
fn every_check_is_explained() {
    let list = alone(&["explain"]);
    assert_eq!(list.status, 0);
    let ids: Vec<&str> = list
        .out
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(ids.len() > 10);
    for id in &ids {
        let page = alone(&["explain", id]);
        assert_eq!((page.status, page.err.as_str()), (0, ""), "{id}");
        assert!(page.out.starts_with(&format!("{id}: ")), "{id}");
        assert!(page.out.contains("Fix: "), "{id}");
    }
    // Every id that a report names is accepted as an argument.
    for host in std::fs::read_dir(super::host::hosts_dir()).unwrap() {
        let name = host.unwrap().file_name().into_string().unwrap();
        let (report, _) = Host::like(&name).json(&["check", "--all"]);
        for unit in report["units"].as_array().unwrap() {
            for finding in unit["findings"].as_array().unwrap() {
                let id = finding["id"].as_str().unwrap();
                assert!(ids.contains(&id), "{name}: {id}");
            }
        }
    }
    let near = alone(&["explain", "sysctl.kernel.panik"]);
    assert!(near.err.contains("sysctl.kernel.panic"), "{}", near.err);
}

#[test]
fn completions() {
    for shell in ["bash", "zsh", "fish", "elvish"] {
        let script = alone(&["completions", shell]);
        assert_eq!((script.status, script.err.as_str()), (0, ""), "{shell}");
        for command in COMMANDS {
            assert!(script.out.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let host = Host::like("rhel-minimal-cis");
    for args in [
        &["check", "--rke2-version", "v1.34.1+rke2r1"][..],
        &[
            "check",
            "--rke2-version",
            "v1.34.1+rke2r1",
            "--format",
            "json",
        ],
        &["config"],
        &["sysctl"],
    ] {
        let mut child = host
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        let stderr = child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut err).unwrap();
        assert_eq!(err, "", "{args:?}");
        let expected = i32::from(args[0] == "check") * 3;
        assert_eq!(child.wait().unwrap().code(), Some(expected), "{args:?}");
    }
}

#[test]
fn colour_is_asked_for_or_left_out() {
    let host = Host::like("rhel-minimal-cis");
    let colored = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = host.command(args);
        command.envs(variables.iter().copied());
        run(command).out.contains('\u{1b}')
    };
    // Standard output is no terminal here.
    assert!(!colored(&["check"], &[]));
    assert!(!colored(&["check", "--color", "never"], &[]));
    assert!(!colored(
        &["check"],
        &[("NO_COLOR", "1"), ("TERM", "xterm-256color")]
    ));
    assert!(colored(&["check", "--color", "always"], &[]));
    assert!(colored(
        &["check", "--color", "always"],
        &[("NO_COLOR", "1")]
    ));
    assert!(!colored(
        &["check", "--color", "always", "--format", "json"],
        &[]
    ));
    // Colours change nothing but colours.
    let plain = host.run(["check"]).out;
    let painted = host.run(["check", "--color", "always"]).out;
    let mut stripped = String::new();
    let mut rest = painted.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}

/// Every line but those that quote a file or a command fits a narrow terminal, and nothing is lost.
#[test]
fn the_width_of_the_terminal_does_not_change_the_findings() {
    let host = Host::like("overridden-by-sysctl-conf");
    for columns in ["40", "80", "200", "x", ""] {
        let mut command = host.command(["check"]);
        command.env("COLUMNS", columns);
        let ran = run(command);
        assert_eq!(ran.status, 3, "{columns}");
        for part in [
            "vm.overcommit_memory is 2, must be 1",
            "/etc/sysctl.d/99-sysctl.conf:3",
            "sysctl -w vm.overcommit_memory=1",
        ] {
            assert!(ran.out.contains(part), "{columns}: {part}\n{}", ran.out);
        }
    }
}
