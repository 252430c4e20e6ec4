//! Memory of the gate on a host made to exhaust it: never more than its limit. Files that are too large to
//! read are named, and are no reason to block.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::process::ExitStatusExt as _;

use nix::sys::resource::{UsageWho, getrusage};

use super::host::Host;

const UNIT: &str = "rke2-server.service";
/// Kilobytes, for anything.
const ALLOWED: i64 = 64 << 10;
const MANY: usize = 1_000_000;
const DROP_IN: &str = "/etc/systemd/system/rke2-server.service.d/x.conf";
const CONFIG: &str = "/etc/rancher/rke2/config.yaml";
const CONF_D: &str = "/var/lib/rancher/rke2/agent/etc/kubelet.conf.d";

/// Writes a file piece by piece, so that this process, whose memory counts until its child runs the
/// command, stays small.
fn write<T: Display>(host: &Host, path: &str, head: &str, pieces: impl Iterator<Item = T>) {
    let mut file = BufWriter::new(File::create(host.clear(path)).unwrap());
    file.write_all(head.as_bytes()).unwrap();
    for piece in pieces {
        write!(file, "{piece}").unwrap();
    }
    file.flush().unwrap();
}

fn keys(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("k{number}: v\n"))
}

fn same(text: &str, count: usize) -> impl Iterator<Item = &str> {
    std::iter::repeat_n(text, count)
}

type Put = fn(&Host);

/// What can be made large, by whether RKE2's start depends on it.
const LARGE: &[(&str, bool, Put)] = &[
    ("keys of YAML", true, |host| {
        write(host, CONFIG, "profile: cis\n", keys(MANY));
    }),
    ("keys of YAML, just few enough", true, |host| {
        write(host, CONFIG, "profile: cis\n", keys(10_900));
    }),
    ("known keys of YAML", true, |host| {
        write(
            host,
            CONFIG,
            "profile: cis\n",
            same("node-label: a=b\n", 8000),
        );
    }),
    ("items of YAML", true, |host| {
        write(
            host,
            CONFIG,
            "profile: cis\nnode-label: [",
            same("a,", MANY),
        );
    }),
    ("items of YAML, just few enough", true, |host| {
        write(
            host,
            CONFIG,
            "profile: cis\nnode-label: [a",
            same(",a", 32_000).chain(["]\n"]),
        );
    }),
    ("a scalar of YAML", true, |host| {
        write(
            host,
            CONFIG,
            "profile: cis\nx: ",
            same(&"a".repeat(1 << 16), 960),
        );
    }),
    ("a scalar of YAML, just short enough", true, |host| {
        write(
            host,
            CONFIG,
            "profile: cis\nx: ",
            same(&"a".repeat(1 << 16), 95),
        );
    }),
    ("an escaped scalar of YAML", true, |host| {
        write(
            host,
            CONFIG,
            "profile: cis\nx: \"",
            same("\\x41", 2_000_000).chain(["\"\n"]),
        );
    }),
    ("a comment of YAML", true, |host| {
        write(host, CONFIG, "profile: cis\n", same("# abc\n", 10 << 20));
    }),
    ("aliases of YAML", true, |host| {
        let list = |n: usize| {
            format!(
                "a{n}: &a{n} [{}]\n",
                vec![format!("*a{}", n - 1); 9].join(", ")
            )
        };
        write(
            host,
            CONFIG,
            "profile: cis\na0: &a0 [x]\n",
            (1..4).map(list),
        );
    }),
    ("drop-ins of RKE2", true, |host| {
        for number in 0..2000 {
            write(host, &format!("{CONFIG}.d/{number:05}.yaml"), "", keys(500));
        }
    }),
    ("drop-ins of RKE2 that add up", true, |host| {
        for number in 0..20 {
            let path = format!("{CONFIG}.d/{number:05}.yaml");
            write(
                host,
                &path,
                "node-label+: [a",
                same(",a", 4000).chain(["]\n"]),
            );
        }
    }),
    ("small drop-ins of RKE2", true, |host| {
        for number in 0..30_000 {
            write(host, &format!("{CONFIG}.d/{number:05}.yaml"), "", keys(1));
        }
    }),
    ("keys of the kubelet's YAML", true, |host| {
        host.file(CONFIG, "profile: cis\nkubelet-arg: [config=/etc/k.yaml]\n");
        write(
            host,
            "/etc/k.yaml",
            "kind: KubeletConfiguration\n",
            keys(MANY),
        );
    }),
    ("drop-ins of the kubelet", true, |host| {
        for number in 0..1000 {
            let path = format!("{CONF_D}/{number:05}.conf");
            write(host, &path, "a: ", same("b", 60_000));
        }
    }),
    ("keys of the kubelet's drop-ins", true, |host| {
        for number in 0..1000 {
            write(host, &format!("{CONF_D}/{number:05}.conf"), "", keys(1000));
        }
    }),
    ("assignments of a unit", true, |host| {
        let line = |n| format!("Environment=K{n}=v\n");
        write(host, DROP_IN, "[Service]\n", (0..MANY).map(line));
    }),
    ("assignments of a unit, just few enough", true, |host| {
        let line = |n| format!("Environment=K{n}=v\n");
        write(host, DROP_IN, "[Service]\n", (0..10_000).map(line));
    }),
    ("a line of a unit", true, |host| {
        write(
            host,
            DROP_IN,
            "[Service]\nEnvironment=A=",
            same("x", 60 << 20),
        );
    }),
    ("words of a unit", true, |host| {
        write(
            host,
            DROP_IN,
            "[Service]\nExecStart=\nExecStart=/usr/bin/rke2 server",
            same(" a", MANY),
        );
    }),
    ("drop-ins of a unit", true, |host| {
        for number in 0..2000 {
            let path = DROP_IN.replace("x.conf", &format!("{number:05}.conf"));
            write(host, &path, "[Service]\n", same("#", 30_000));
        }
    }),
    ("variables of a file", true, |host| {
        host.file(DROP_IN, "[Service]\nEnvironmentFile=/etc/e\n");
        write(host, "/etc/e", "", (0..MANY).map(|n| format!("K{n}=v\n")));
    }),
    ("a variable of a file", true, |host| {
        host.file(DROP_IN, "[Service]\nEnvironmentFile=/etc/e\n");
        write(host, "/etc/e", "A=", same("x", 60 << 20));
    }),
    ("files of variables", true, |host| {
        host.file(DROP_IN, "[Service]\nEnvironmentFile=/etc/e/*\n");
        for number in 0..1000 {
            write(
                host,
                &format!("/etc/e/{number:05}"),
                "A=",
                same("x", 30_000),
            );
        }
    }),
    ("assignments of systemd's own", true, |host| {
        let line = |n| format!("DefaultEnvironment=K{n}=v\n");
        write(
            host,
            "/etc/systemd/system.conf",
            "[Manager]\n",
            (0..MANY).map(line),
        );
    }),
    ("a row of the accounts", false, |host| {
        let end = ["\netcd:x:5:5::/:/x\n"];
        write(host, "/etc/passwd", "", same("a", 60 << 20).chain(end));
    }),
    ("members of a group", false, |host| {
        write(
            host,
            "/etc/group",
            "etcd:x:5:",
            same("a,", 20 << 20).chain(["\n"]),
        );
    }),
    ("rows elsewhere", false, |host| {
        write(
            host,
            "/usr/lib/passwd",
            "",
            same("etcd:x:a:5::/:/x\n", 200_000),
        );
    }),
    ("keys of sysctl.d", false, |host| {
        write(
            host,
            "/etc/sysctl.d/x.conf",
            "",
            (0..MANY).map(|n| format!("net.a{n}=1\n")),
        );
    }),
    ("wildcards of sysctl.d, just few enough", false, |host| {
        write(
            host,
            "/etc/sysctl.d/x.conf",
            "",
            (0..16_000).map(|n| format!("net.*.a{n}=1\n")),
        );
    }),
    ("lines of sysctl.d that are none", false, |host| {
        write(host, "/etc/sysctl.d/x.conf", "", same("garbage\n", 32_000));
    }),
    ("files of sysctl.d", false, |host| {
        for number in 0..1000 {
            write(
                host,
                &format!("/etc/sysctl.d/{number:05}.conf"),
                "",
                same("#", 30_000),
            );
        }
    }),
    ("small files of sysctl.d", false, |host| {
        for number in 0..20_000 {
            host.file(
                &format!("/etc/sysctl.d/{number:05}.conf"),
                "kernel.panic=10\n",
            );
        }
    }),
    ("a value of sysctl.d", false, |host| {
        write(
            host,
            "/etc/sysctl.d/x.conf",
            "kernel.panic=",
            same("1", 60 << 20),
        );
    }),
    ("words of the kernel's command line", true, |host| {
        write(
            host,
            "/proc/cmdline",
            "",
            same("sysctl.kernel.panic=1 ", MANY),
        );
    }),
    ("items of our configuration", true, |host| {
        write(
            host,
            "/etc/preflight-rke2/config.toml",
            "[gate]\nskip=[",
            same("\"a\",", MANY).chain(["]\n"]),
        );
    }),
    (
        "items of our configuration, just few enough",
        true,
        |host| {
            write(
                host,
                "/etc/preflight-rke2/config.toml",
                "[gate]\nskip=[",
                same("\"a\",", 32_000).chain(["]\n"]),
            );
        },
    ),
    ("a parameter of the kernel", true, |host| {
        write(host, "/proc/sys/kernel/panic", "", same("1", 60 << 20));
    }),
    ("the name of the host", false, |host| {
        write(host, "/etc/hostname", "", same("x", 60 << 20));
    }),
    ("keys of a TuneD profile", false, |host| {
        host.file("/run/tuned/tuned.pid", "1\n");
        host.file("/etc/tuned/active_profile", "x\n");
        let line = |n| format!("net.a{n}=1\n");
        write(
            host,
            "/usr/lib/tuned/x/tuned.conf",
            "[sysctl]\n",
            (0..MANY).map(line),
        );
    }),
    ("the program of RKE2", false, |host| {
        let file = File::create(host.clear("/usr/bin/rke2")).unwrap();
        (&file).write_all(b"\x7fELF\x02\x01\x01").unwrap();
        file.set_len(1 << 30).unwrap();
    }),
];

#[test]
fn the_gate_stays_small_on_anything() {
    for (what, start, put) in LARGE {
        let host = Host::like("healthy-server");
        put(&host);
        for args in [
            &["--rke2-version", "v1.34.1+rke2r1", "gate", UNIT][..],
            &["--rke2-version", "v1.34.1+rke2r1", "check"],
        ] {
            let ran = host.command(args).output().unwrap();
            let (out, err) = (String::from_utf8(ran.stdout), String::from_utf8(ran.stderr));
            let (out, err) = (out.unwrap(), err.unwrap());
            // Of the largest child so far.
            let memory = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
            let shown: String = out.chars().chain(err.chars()).take(4000).collect();
            assert!(memory < ALLOWED, "{what}: {args:?}: {memory} kB");
            // A host that is right, and larger than what is read.
            // On a busy machine the gate may not be ready in its time, and then lets RKE2 start.
            if ran.status.signal() == Some(nix::libc::SIGALRM) {
                continue;
            }
            let status = ran.status.code().unwrap_or(-1);
            assert!(
                (0..3).contains(&status),
                "{what}: {args:?}: {status}\n{shown}"
            );
            if !start && args.contains(&"gate") {
                assert_eq!(status, 0, "{what}: {args:?}\n{shown}");
            }
        }
    }
}

/// What is not read is reported: which file, and why.
#[test]
fn what_is_too_large_is_named() {
    for (path, why) in [
        (CONFIG, "larger than 32768 words and lines"),
        (DROP_IN, "larger than 32768 words and lines"),
    ] {
        let host = Host::like("healthy-server");
        // Without this file it would be refused.
        host.file("/proc/sys/kernel/panic", "0\n");
        let line = if path == CONFIG {
            "a: b\n"
        } else {
            "Environment=A=b\n"
        };
        let head = if path == CONFIG {
            "profile: cis\n"
        } else {
            "[Service]\n"
        };
        write(&host, path, head, same(line, 30_000));
        let ran = host.run(["--rke2-version", "v1.34.1+rke2r1", "gate", UNIT]);
        assert_ne!(ran.status, 3, "{}", ran.err);
        assert!(ran.err.contains("starts unchecked"), "{}", ran.err);
        assert!(ran.err.contains(&format!("{path}: {why}")), "{}", ran.err);
    }
}
