//! Inputs far longer than fuzzing tries, each repeating a construct that a reader could parse slowly or
//! recursively: time must grow linearly with their length, and the stack must not grow.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that measures, and the fuzz targets that it shares"
)]

#[path = "fuzz/src/targets/mod.rs"]
mod targets;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// What grows with the square takes a minute at these lengths; what does not, a second or two on a
/// slow machine without optimization.
const PATIENCE: Duration = Duration::from_secs(20);

fn repeated(head: &str, count: u32, each: impl Fn(u32) -> String) -> String {
    let mut input = head.to_owned();
    for number in 0..count {
        input.push_str(&each(number));
    }
    input
}

/// A chain of mappings, each merging the one before, that only the last line decodes.
fn merges(count: u32) -> String {
    let mut input = "000\u{1e}m- x: &a0 {key: b}\n".to_owned();
    for number in 1..count {
        let before = number - 1;
        let _ = writeln!(input, "- x: &a{number} {{<<: *a{before}}}");
    }
    let _ = writeln!(input, "- <<: *a{}", count - 1);
    input
}

/// What an input repeats, its target, and the input.
type Hostile = (&'static str, &'static str, String);

fn configurations() -> Vec<Hostile> {
    vec![
        (
            "directives",
            "config",
            repeated("000\u{1e}m", 40_000, |n| format!("%TAG !a{n}! x\n")),
        ),
        (
            "no help",
            "config",
            repeated("000", 40_000, |_| "\u{1e}a-h=f".to_owned()),
        ),
        (
            "old no help",
            "config",
            repeated("B00\u{1e}mhelp:\n", 40_000, |_| "- false\n".to_owned()),
        ),
        ("merges", "config", merges(40_000)),
        (
            "lists",
            "config",
            repeated("000\u{1e}m", 100_000, |_| "[".to_owned()),
        ),
        (
            "dashes",
            "config",
            repeated("000\u{1e}m", 100_000, |_| "- ".to_owned()),
        ),
        (
            "keys",
            "config",
            repeated("000\u{1e}m", 40_000, |n| format!("k{n}: v\n")),
        ),
        (
            "appended",
            "config",
            repeated("000\u{1e}m", 40_000, |n| format!("node-label+: v{n}\n")),
        ),
        (
            "blank lines",
            "config",
            repeated("000\u{1e}mprofile: |", 300_000, |_| "\n ".to_owned()),
        ),
        (
            "folded",
            "config",
            repeated("000\u{1e}mprofile:", 100_000, |_| "\n a".to_owned()),
        ),
        (
            "mismatches",
            "config",
            repeated("000\u{1e}m", 40_000, |n| format!("- {n}\n")),
        ),
        (
            "drop-ins",
            "config",
            repeated("000", 5_000, |n| format!("\u{1e}dprofile: p{n}\n")),
        ),
    ]
}

fn hosts() -> Vec<Hostile> {
    vec![
        (
            "refused",
            "whole",
            repeated("0000\u{1e}mkubelet-arg:\n", 40_000, |n| {
                format!("- ---{n}\n")
            }),
        ),
        (
            "patterns",
            "sysctl_d",
            repeated("~\u{1e}1a.conf\n", 30_000, |n| {
                format!("kernel.p[a{n}]nic=x\n")
            }),
        ),
        (
            "exclusions",
            "sysctl_d",
            repeated("~\u{1e}1a.conf\n", 30_000, |n| {
                format!("-kernel.p[a{n}]nic\nkernel.p[a{n}]nic=1\n")
            }),
        ),
        (
            "files",
            "sysctl_d",
            repeated("~", 2_000, |n| {
                format!("\u{1e}1{n}.conf\nkernel.panic={n}\n")
            }),
        ),
        (
            "braces",
            "sysctl_d",
            repeated("~\u{1e}1a.conf\n", 20_000, |_| "{a,b*}".to_owned()) + "=1",
        ),
        (
            "continued",
            "units",
            repeated("0\u{1e}u[Service]\nExecStart=/a", 40_000, |_| {
                "\\\n b".to_owned()
            }),
        ),
        (
            "commands",
            "units",
            repeated(
                "0\u{1e}u[Service]\nType=oneshot\nExecStart=/a",
                40_000,
                |_| " ; /b".to_owned(),
            ),
        ),
        (
            "expanded",
            "units",
            repeated("0\u{1e}u[Service]\nExecStart=/a ", 100_000, |_| {
                "${".to_owned()
            }),
        ),
        (
            "variables",
            "units",
            repeated("0\u{1e}u[Service]\nExecStart=/a $A1 ${A2}\n", 30_000, |n| {
                format!("Environment=A{n}=b\nUnsetEnvironment=B{n}\n")
            }),
        ),
        (
            "environment files",
            "units",
            repeated(
                "0\u{1e}u[Service]\nExecStart=/a\nEnvironmentFile=/e\n\u{1e}e",
                40_000,
                |n| format!("A{n}=b\n"),
            ),
        ),
        (
            "rows",
            "accounts",
            repeated("@", 40_000, |n| format!("etcd:x:{n}x:1:::\n")),
        ),
        (
            "words",
            "cmdline",
            repeated("", 40_000, |n| format!("sysctl.kernel.panic=x{n} ")),
        ),
    ]
}

fn nodes() -> Vec<Hostile> {
    let socket = |n| {
        format!(
            "  {n}: 00000000:280A 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 {n} 1\n"
        )
    };
    let mount = |n| format!("{n} 1 8:{n} / /var/lib/a{n}\\040b rw - ext4 /dev/x{n} rw\n");
    let many = |head: &str, count, each: &dyn Fn(u32) -> String| repeated(head, count, each);
    vec![
        (
            "sockets",
            "node_network",
            many("A0\u{1e}t\n", 10_000, &socket),
        ),
        ("mounts", "node_network", many("A0\u{1e}m", 10_000, &mount)),
        (
            "routes",
            "node_network",
            many("A0\u{1e}r\n", 10_000, &|n| {
                format!("eth{n}\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n")
            }),
        ),
        (
            "addresses",
            "node_network",
            many("A0\u{1e}f", 10_000, &|n| {
                format!("  |-- 10.1.{}.{}\n     /32 host LOCAL\n", n / 250, n % 250)
            }),
        ),
        (
            "mirrors",
            "node_state",
            many("A0\u{1e}rmirrors: ", 100_000, &|_| "[".to_owned()),
        ),
        (
            "registries",
            "node_state",
            many("A0\u{1e}rconfigs:\n", 20_000, &|n| {
                format!("  a{n}: {{auth: {{username: u}}}}\n")
            }),
        ),
        (
            "certificates",
            "node_state",
            many("A0\u{1e}s", 20_000, &|_| {
                "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n".to_owned()
            }),
        ),
        (
            "checkpoint",
            "node_state",
            many("A0\u{1e}c", 100_000, &|_| "{\"a\":".to_owned()),
        ),
        (
            "modules",
            "node_advice",
            many("A0\u{1e}k6.1.0\n\u{1e}d", 20_000, &|n| {
                format!("kernel/a{n}.ko: kernel/b{n}.ko\n")
            }),
        ),
        (
            "aliases",
            "node_advice",
            many("A0\u{1e}k6.1.0\n\u{1e}b", 20_000, &|n| {
                format!("install a{n} \\\n /bin/true\nblacklist b{n}\n")
            }),
        ),
        (
            "unmanaged",
            "node_advice",
            many("A0\u{1e}n[keyfile]\nunmanaged-devices=", 20_000, &|n| {
                format!("interface-name:a{n}*;")
            }),
        ),
    ]
}

#[test]
fn long_files_of_a_node_take_no_time() {
    measure(nodes());
}

#[test]
fn long_configurations_take_no_time() {
    measure(configurations());
}

#[test]
fn long_files_of_a_host_take_no_time() {
    measure(hosts());
}

fn measure(inputs: Vec<Hostile>) {
    let mut slow = Vec::new();
    for (name, target, input) in inputs {
        let run = targets::find(target).expect("a target");
        let began = Instant::now();
        run(input.as_bytes());
        let took = began.elapsed();
        eprintln!("{name}: {took:?} for {} bytes", input.len());
        if took > PATIENCE {
            slow.push(name);
        }
    }
    assert!(slow.is_empty(), "too slow: {slow:?}");
}
