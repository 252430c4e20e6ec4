//! Every command that a report shows fixes the finding it is shown for.
//!
//! Commands that write files of the host are run as they are; all others need a complete root
//! file system.

use std::process::Command;

use serde_json::Value;

use super::host::{Host, hosts_dir, run};

fn hosts() -> Vec<Host> {
    let mut names: Vec<String> = std::fs::read_dir(hosts_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut hosts: Vec<Host> = names.iter().map(|name| Host::like(name)).collect();
    let bad = |path: &str, content: &str| {
        let host = Host::like("rhel-minimal-cis");
        host.file(path, content);
        host
    };
    let mask = Host::like("rhel-minimal-cis");
    mask.file("/dev/null", "");
    mask.link("/etc/sysctl.d/60-rke2-cis.conf", "/dev/null");
    hosts.extend([
        bad(
            "/etc/sysctl.d/60-rke2-cis.conf",
            "kernel.panic = 5\n# no end",
        ),
        bad(
            "/etc/sysctl.d/99-zz.conf",
            "vm.overcommit_memory=0\nkernel.panic=0",
        ),
        bad(
            "/usr/lib/sysctl.d/60-rke2-cis.conf",
            "vm.overcommit_memory=1\n",
        ),
        bad(
            "/etc/sysctl.d/zz $(exit 7) 'it'.conf",
            "kernel.panic_on_oops=0\n",
        ),
        bad(
            "/etc/sysctl.d/zzz.conf",
            "-kernel.panic\nvm/*=2\n-vm.panic_on_oom\n",
        ),
        mask,
    ]);
    hosts
}

fn findings(host: &Host) -> Vec<Value> {
    let common = [
        "check",
        "--rke2-version",
        "v1.34.1+rke2r1",
        "--format",
        "json",
    ];
    let mut ran = host.run(common);
    if ran.status == 1 && ran.out.is_empty() {
        ran = host.run(common.iter().chain(&["--role", "server"]));
    }
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let units = document["units"].as_array().unwrap().iter();
    units
        .flat_map(|unit| unit["findings"].as_array().unwrap().clone())
        .collect()
}

fn commands(remedy: &Value) -> Vec<String> {
    let commands = remedy["commands"].as_array().unwrap().iter();
    commands.map(|c| c.as_str().unwrap().to_owned()).collect()
}

/// Whether a command changes files of the host alone.
fn is_below(host: &Host, command: &str) -> bool {
    command.contains(host.path().to_str().unwrap())
}

#[test]
fn lines_for_the_next_boot_make_it_right() {
    let mut fixed = 0;
    for host in hosts() {
        // One after the other, so that each has to hold beside those before it.
        for finding in findings(&host) {
            for remedy in finding["remedies"].as_array().unwrap() {
                let commands = commands(remedy);
                let are_below = commands.iter().all(|command| is_below(&host, command));
                if commands.is_empty() || !are_below {
                    continue;
                }
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &commands.join(" && ")]);
                let ran = run(shell);
                assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{commands:?}");
                let still = findings(&host)
                    .into_iter()
                    .find(|f| f["id"] == finding["id"]);
                if let Some(still) = still {
                    assert_eq!(still["next_boot"], finding["required"], "{commands:?}");
                }
                fixed += 1;
            }
        }
    }
    assert!(fixed > 30, "{fixed}");
}
