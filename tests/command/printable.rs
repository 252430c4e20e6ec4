//! Every command in every format, on a host whose every name and value contains terminal control characters,
//! characters that reorder text, and invisible ones.

use std::process::Command;

use super::host::{Host, run};

/// One of each kind: C0, DEL, C1, bidirectional controls, zero widths, separators, a byte order mark, a
/// soft hyphen, a filler, a variation selector, a tag. As YAML, JSON and TOML escape them.
const BAD: &str = "\u{1b}[31m\u{7}\u{7f}\u{9b}2J\u{85}\u{202e}\u{2066}\u{200b}\u{200d}\u{2028}\u{2029}\u{feff}\u{ad}\u{3164}\u{fe0f}\u{e0041}";

/// Characters that no output may contain.
fn is_bad(c: char) -> bool {
    (c.is_control() && c != '\n')
        || [
            0xad..=0xad,
            0x61c..=0x61c,
            0x180e..=0x180e,
            0x200b..=0x200f,
            0x2028..=0x202e,
            0x2060..=0x206f,
            0x3164..=0x3164,
            0xfe00..=0xfe0f,
            0xfeff..=0xfeff,
            0xfff9..=0xfffb,
            0xe0000..=0xe01ef,
        ]
        .iter()
        .any(|range: &std::ops::RangeInclusive<u32>| range.contains(&u32::from(c)))
}

fn clean(what: &str, text: &str) {
    let bad = text.chars().find(|c| is_bad(*c));
    assert_eq!(bad, None, "{what}:\n{}", text.escape_debug());
}

/// `text` inside a double-quoted scalar of YAML, or string of TOML.
fn yaml(text: &str) -> String {
    let escaped = text.chars().map(|c| format!("\\U{:08X}", u32::from(c)));
    escaped.collect::<Vec<_>>().concat()
}

/// A host with many findings, each of which contains [`BAD`].
fn host() -> Host {
    let host = Host::like("healthy-server");
    let y = yaml(BAD);
    host.file("/proc/sys/kernel/panic", format!("0{BAD}\n"));
    host.file("/proc/sys/vm/overcommit_memory", "0\n");
    host.file(
        "/etc/rancher/rke2/config.yaml",
        format!(
            "profile: \"cis{y}\"\n\"key{y}\": x\nnode-name: \"n{y}\"\nkubelet-arg: [\"config=/k{y}\", \"x{y}=y\"]\n\
             kube-apiserver-arg: [\"anonymous-auth=t{y}\", \"tls-min-version=x{y}\"]\naudit-policy-file: \"/p{y}\"\n"
        ),
    );
    host.file(
        &format!("/etc/rancher/rke2/config.yaml.d/a{BAD}.yaml"),
        format!("\"b{y}\": 1\n"),
    );
    host.file(
        &format!("/etc/sysctl.d/99{BAD}.conf"),
        format!("kernel.panic = 5{BAD}\nvm.{BAD} x\n"),
    );
    host.link("/etc/sysctl.d/98-link.conf", &format!("/x{BAD}"));
    host.file(
        "/var/lib/rancher/rke2/agent/logs/kubelet.log",
        format!("Error: unknown flag: --x{BAD}\n"),
    );
    host.file(
        "/etc/passwd",
        format!("root:x:0:0::/:/x\netcd:x:{BAD}:1::/:/x\n"),
    );
    host.file("/etc/group", "root:x:0:\n");
    host.file(
        "/etc/systemd/system/rke2-server.service.d/x.conf",
        format!("[Service]\nEnvironment=\"A{BAD}=b\" B={BAD}\nEnvironmentFile=/e{BAD}\nX-Nonsense{BAD}=1\n"),
    );
    host.file(
        &format!("/etc/systemd/system/rke2-server.service.d/y{BAD}.conf"),
        "[Service]\nX-Y=1\n",
    );
    host.file("/etc/os-release", format!("PRETTY_NAME=\"o{BAD}\"\n"));
    host.file("/proc/sys/kernel/osrelease", format!("6.1{BAD}\n"));
    host.file(
        "/etc/preflight-rke2/config.toml",
        format!("[[audit.waiver]]\ncontrol = \"apiserver.profiling\"\nreason = \"r{}\"\nexpires = \"2099-01-01\"\n",
            yaml(BAD)),
    );
    let data = "/var/lib/rancher/rke2";
    host.file(
        &format!("{data}/agent/pod-manifests/kube-apiserver.yaml"),
        format!("metadata: {{uid: x}}\nspec:\n  containers:\n  - name: kube-apiserver\n    args: [\"--profiling=t{y}\", \"--tls-cipher-suites={y}\"]\n"),
    );
    for name in ["kube-scheduler", "kube-controller-manager"] {
        host.file(
            &format!("{data}/agent/pod-manifests/{name}.yaml"),
            format!("a: [{BAD}\n"),
        );
    }
    host.file(&format!("{data}/server/tls/k{BAD}.key"), "x");
    host.file(&format!("{data}/server/tls/c{BAD}.crt"), "x");
    host.file(
        &format!("{data}/agent/etc/kubelet.conf.d/9{BAD}.conf"),
        format!("readOnlyPort: \"{y}\"\n"),
    );
    host
}

const ALL: &[&[&str]] = &[
    &["check"],
    &["check", "--verbose", "--color", "never"],
    &["check", "--all", "--format", "json"],
    &["check", "--format", "npd"],
    &["check", "--fail-on", "next-boot"],
    &["check", "--upgrade-to", "1.37"],
    &["check", "--upgrade-to", "1.37", "--all", "--format", "json"],
    &["config", "--all"],
    &["config", "--all", "--format", "json"],
    &["sysctl"],
    &["sysctl", "--format", "json"],
    &["gate", "rke2-server.service"],
    &["status"],
    &["status", "--format", "json"],
    &["audit", "--show", "all"],
    &["audit", "--verbose"],
    &["audit", "--show", "all", "--format", "json"],
    &["audit", "--show", "all", "--format", "sarif"],
    &["audit", "--show", "all", "--format", "kube-bench"],
    &["audit", "--show", "all", "--format", "junit"],
    &["audit", "--show", "all", "--format", "metrics"],
    &["audit", "--show", "all", "--format", "xccdf"],
    &["audit", "--show", "all", "--format", "html"],
    &["fix"],
    &["fix", "--output", "script"],
    &["fix", "--output", "sysctl.d"],
    &["fix", "--output", "sysusers.d"],
    &["fix", "--output", "butane"],
    &["fix", "--output", "cloud-init"],
    &["fix", "--output", "ansible"],
    &["fix", "--apply"],
];

/// Commands whose output contains what was read.
const DETAILED: &[&[&str]] = &[
    &["check", "--verbose", "--color", "never"],
    &["check", "--all", "--format", "json"],
    &["config", "--all"],
    &["config", "--all", "--format", "json"],
    &["sysctl"],
    &["sysctl", "--format", "json"],
    &["audit", "--show", "all"],
    &["audit", "--show", "all", "--format", "json"],
    &["audit", "--show", "all", "--format", "sarif"],
    &["audit", "--show", "all", "--format", "kube-bench"],
    &["audit", "--show", "all", "--format", "junit"],
    &["fix"],
    &["fix", "--output", "script"],
];

fn every(host: &Host, version: Option<&str>) {
    for args in ALL {
        let mut words: Vec<&str> = args.to_vec();
        words.extend(
            version
                .iter()
                .flat_map(|version| ["--rke2-version", version]),
        );
        let ran = host.run(&words);
        let what = format!("{args:?} {}", ran.status);
        assert!(!ran.err.contains("panicked"), "{what}: {}", ran.err);
        clean(&format!("{what} stdout"), &ran.out);
        clean(&format!("{what} stderr"), &ran.err);
        if args.contains(&"json") || args.contains(&"sarif") || args.contains(&"kube-bench") {
            let parsed = serde_json::from_str::<serde_json::Value>(&ran.out);
            assert!(parsed.is_ok() || ran.out.is_empty(), "{what}: {parsed:?}");
        }
        if args.contains(&"junit") && !ran.out.is_empty() {
            roxmltree::Document::parse(&ran.out).unwrap();
        }
    }
}

/// A new format must be run here: its commands are taken from the definition of the command line.
#[test]
fn every_format_is_run() {
    let program = preflight_rke2::testing::cli::command();
    for command in program.get_subcommands() {
        let name = command.get_name();
        for option in ["format", "output"] {
            let mut arguments = command.get_arguments();
            let Some(argument) = arguments.find(|argument| argument.get_id() == option) else {
                continue;
            };
            for value in argument.get_possible_values() {
                let value = value.get_name();
                let is_run = |args: &&[&str]| {
                    let named = args.contains(&value) && args.contains(&&*format!("--{option}"));
                    args.first() == Some(&name) && (named || value == "text")
                };
                assert!(
                    ALL.iter().any(is_run),
                    "{name} --{option} {value} is not in ALL"
                );
            }
        }
    }
}

#[test]
fn every_command_prints_printable_characters_alone() {
    let host = host();
    // The output has characters to escape.
    for command in DETAILED {
        let mut words: Vec<&str> = command.to_vec();
        words.extend(["--rke2-version", "v1.34.1+rke2r1"]);
        let ran = host.run(&words);
        assert!(
            ran.out.contains("[31m"),
            "{command:?}: {}{}",
            ran.out,
            ran.err
        );
    }
    every(&host, Some("v1.34.1+rke2r1"));
    // With another release other findings come, with a profile that is right more of them.
    every(&host, Some("v1.24.1+rke2r1"));
    every(&host, None);
    host.file(
        "/etc/rancher/rke2/config.yaml",
        format!("profile: cis\ndata-dir: \"/d{}\"\n", yaml(BAD)),
    );
    every(&host, Some("v1.34.1+rke2r1"));
    host.file(
        "/etc/rancher/rke2/config.yaml",
        format!("profile: cis\n{BAD}: [\n"),
    );
    every(&host, Some("v1.34.1+rke2r1"));
    host.file(
        "/etc/preflight-rke2/config.toml",
        format!("[gate]\n\"m{BAD}\" = \"{BAD}\n"),
    );
    every(&host, Some("v1.34.1+rke2r1"));
}

/// Escaped, not replaced: who reads JSON gets the value that RKE2 reads.
#[test]
fn json_reads_back_as_the_value_that_was_there() {
    let host = host();
    let (document, _) = host.json(&["config", "--all", "--rke2-version", "v1.34.1+rke2r1"]);
    assert_eq!(
        document["settings"]["node-name"]["value"],
        format!("n{BAD}")
    );
    let ignored = document["ignored"].as_array().unwrap();
    assert!(
        ignored.iter().any(|key| key["key"] == format!("key{BAD}")),
        "{ignored:?}"
    );
}

/// A row that is copied is written as it is, by a script in which it is seen.
#[test]
fn a_script_is_printable_and_copies_the_row_as_it_is() {
    let host = Host::new();
    let row = format!("etcd:x:52:52:a{BAD}\\n%s '\"$(id)`id`:/:/x");
    host.file("/etc/rancher/rke2/config.yaml", "profile: cis\n");
    host.file("/etc/passwd", "root:x:0:0::/:/x\n");
    host.file("/usr/lib/passwd", format!("{row}\n"));
    host.file("/etc/group", "etcd:x:52:\n");
    let args = [
        "fix",
        "--role",
        "server",
        "--rke2-version",
        "v1.34.1+rke2r1",
    ];
    let plan = host.run(args);
    clean("the plan", &plan.out);
    let script = host.run(args.iter().chain(&["--output", "script"]));
    clean("the script", &script.out);
    host.file("/fix.sh", &script.out);
    let mut command = Command::new("/bin/sh");
    command.arg(host.at("/fix.sh"));
    let ran = run(command);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", script.out);
    let passwd = std::fs::read_to_string(host.at("/etc/passwd")).unwrap();
    assert_eq!(
        passwd,
        format!("root:x:0:0::/:/x\n{row}\n"),
        "{}",
        script.out
    );
    // Typed, the plan's command does the same.
    host.file("/etc/passwd", "root:x:0:0::/:/x\n");
    let commands: Vec<&str> = plan
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("   # "))
        .collect();
    let typed = commands
        .iter()
        .find(|line| line.contains("etcd:x"))
        .unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", typed]);
    assert_eq!(run(command).status, 0, "{typed}");
    let passwd = std::fs::read_to_string(host.at("/etc/passwd")).unwrap();
    assert_eq!(passwd, format!("root:x:0:0::/:/x\n{row}\n"), "{typed}");
}

/// A line of an error is not begun by a line feed in a name.
#[test]
fn a_name_does_not_begin_a_line() {
    let name = format!("x\n{BAD}preflight-rke2: all is well");
    for args in [
        vec!["--root", &name, "check"],
        vec!["--root", &name, "fix", "--output", "script"],
        vec!["check", "--unit", &name],
        vec!["check", "--format", &name],
        vec!["gate", &name],
        vec!["explain", &name],
        vec!["audit", "--control", &name],
        vec![&name],
    ] {
        let mut command = super::host::command();
        command.args(&args);
        let ran = run(command);
        assert_eq!(ran.status, 2, "{args:?}");
        clean("stderr", &ran.err);
        clean("stdout", &ran.out);
        let begun = ran
            .err
            .lines()
            .any(|line| line.contains("all is well") && !line.contains("x\\n"));
        assert!(!begun, "{}", ran.err);
    }
    // The same of names that are found below a root.
    let host = Host::like("healthy-server");
    host.file(
        "/etc/preflight-rke2/config.toml.d/x\nall is well.toml",
        "[nonsense",
    );
    for args in [&["audit"][..], &["gate", "rke2-server.service"], &["check"]] {
        let ran = host.run(args);
        let lines = [&ran.out, &ran.err]
            .into_iter()
            .flat_map(|text| text.lines());
        for line in lines {
            assert!(!line.starts_with("all is well"), "{line}");
        }
    }
}
