//! The unit reader against a booted systemd, which has the last word.
//!
//! Needs root and the root file systems that `tests/lab/roots` makes.
#![cfg(feature = "lab")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the helpers of tests are test code"
)]

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use preflight_rke2::testing::host::{HostRoot, systemd_bus, units};
use preflight_rke2::testing::unit::environment::is_set_by_systemd;

#[path = "common/unit_differences.rs"]
mod unit_differences;

use unit_differences::differences;

/// Units, each with something that a reader may get wrong: file below the root, content; a
/// content that begins with `-> ` is a link.
const FILES: &[(&str, &str)] = &[
    (
        "/usr/local/lib/systemd/system/rke2-server.service",
        "[Unit]\nWants=network-online.target\n[Install]\nWantedBy=multi-user.target\n[Service]\nType=simple\nEnvironmentFile=-/etc/default/%N\nEnvironmentFile=-/etc/sysconfig/%N\nEnvironmentFile=-/usr/local/lib/systemd/system/%N.env\nExecStartPre=-/sbin/modprobe overlay\nExecStart=/lab/dump server\n",
    ),
    (
        "/usr/local/lib/systemd/system/rke2-server.env",
        "HOME=/root\nRKE2_DEBUG=\n",
    ),
    ("/etc/default/rke2-server", "RKE2_DEBUG=true\n"),
    (
        "/etc/systemd/system/multi-user.target.wants/lab-run.service",
        "-> ../lab-run.service",
    ),
    (
        "/etc/systemd/system/rke2-server.service.d/50-x.conf",
        "[Service]\nEnvironment=A=1 \"B=2 3\"\n",
    ),
    (
        "/usr/lib/systemd/system/rke2-server.service.d/50-x.conf",
        "[Service]\nEnvironment=A=shadowed\n",
    ),
    (
        "/etc/systemd/system/rke2-.service.d/60-y.conf",
        "[Service]\nEnvironment=PREFIX=%p UNIT=%n\n",
    ),
    (
        "/etc/systemd/system/rke2-server.service.d/70-z.conf",
        "-> /dev/null",
    ),
    (
        "/usr/lib/systemd/system/rke2-server.service.d/70-z.conf",
        "[Service]\nEnvironment=Z=masked\n",
    ),
    (
        "/etc/systemd/system/rke2-server.service.d/80-nowhere.conf",
        "-> /nowhere",
    ),
    (
        "/etc/systemd/system/rke2-server.service.d/.hidden.conf",
        "[Service]\nEnvironment=H=1\n",
    ),
    (
        "/etc/systemd/system.conf.d/lab.conf",
        "[Manager]\nDefaultEnvironment=\"M=from the manager\" N=%%\n",
    ),
    (
        "/etc/systemd/system/lab-words.service",
        "[Service]\nEnvironment=ONE=1 \"TWO=a 'b c' d\\\\\\\\e\" EMPTY= 'OPEN=x \"y z'\nExecStart=/lab//./dump 'single \"q\"' \"double 'q'\" a\"b c\"d '' \"\" \\x41\\102\\u00e9\\tT\\s $ONE $TWO ${TWO} $EMPTY ${EMPTY} $NONE x${NONE}y $$ONE $${ONE} ${ONE x$ONE a$ $OPEN 100%% %n %N %p %t %S %% %- ';' \\; \"\\;\" \\\n   continued \\\n# a comment within\n   ; comment too\n   last\n",
    ),
    (
        "/etc/systemd/system/lab-unknown-escape.service",
        "[Service]\nExecStart=/lab/dump \\d \\$x a\\ b\n",
    ),
    (
        "/etc/systemd/system/lab-literal.service",
        "[Service]\nEnvironment=A=1\nExecStart=-:@/lab/dump own-name $A ${A} $$\n",
    ),
    (
        "/etc/systemd/system/lab-crlf.service",
        "[Service]\r\nEnvironment=A=1\r\nExecStart=/lab/dump a\r\n",
    ),
    (
        "/etc/systemd/system/lab-environment.service",
        "[Service]\nEnvironment=A=1 1B=2 export-x=3 C=%n D='a b' =x E\nEnvironment=A=4 F=\\x41 'G=open\nEnvironment=H=5 \"I=\\q\" J=6\nEnvironment=\"K=tab\\there\" L=%H-%m-%b-%v-%l M=%i%I%j%J\nExecStart=/lab/dump\n",
    ),
    (
        "/etc/systemd/system/lab-reset.service",
        "[Service]\nEnvironment=A=1\nEnvironment=\nEnvironment=B=2\nEnvironmentFile=/lab/none\nEnvironmentFile=\nExecStart=/bin/false\nExecStart=\nExecStart=/lab/dump ok\nUnsetEnvironment=X\nUnsetEnvironment=\n",
    ),
    (
        "/etc/systemd/system/lab-files.service",
        "[Service]\nEnvironment=A=unit B=unit C=unit\nEnvironmentFile=/lab/env.d/*.env\nEnvironmentFile=-/lab/env.bad\nEnvironmentFile=-/lab/none\nEnvironmentFile=relative\nUnsetEnvironment=C D=drop E=keep\nExecStart=/lab/dump $WORDS ${A}\n",
    ),
    (
        "/lab/env.d/1.env",
        "A=one\nD=drop\nE=other\n# a comment\n; another\n  SPACED = a b \t\nQ1=\"x y\" \nQ2='x \\y'z\nQ3=\"x\\\"\\$\\q\\\\\"\nQ4=x\\yz\\\\\nQ5=a\\\nb\nQ6=\"a\\\nb\nc\"\nQ7=\"b\" c\nQ8=b \"c\"\nexport BAD=1\nno assignment\nEMPTY=\nCR=x\r\nWORDS=a 'b c' \\\"d\n",
    ),
    ("/lab/env.d/2.env", "A=two\nF='open\nmore\n"),
    ("/lab/env.d/3.txt", "A=three\n"),
    ("/lab/env.bad", "A=bad\nB=\u{1}\n"),
    (
        "/etc/systemd/system/lab-comment.service",
        "[Service]\nEnvironmentFile=/lab/comment.env\nExecStart=/lab/dump\n",
    ),
    ("/lab/comment.env", "# a comment \\\nA=1\nB=2\n"),
    (
        "/etc/systemd/system/lab-specifier.service",
        "[Service]\nEnvironment=A=%z B=%- C=%% D=1\nEnvironmentFile=-/lab/%z\nEnvironmentFile=-/lab/%N/%-\nUnsetEnvironment=%z D\nPassEnvironment=TERM 1X\nExecStart=/lab/dump\n",
    ),
    (
        "/etc/systemd/system/lab-bad-specifier.service",
        "[Service]\nExecStart=/lab/dump %z\n",
    ),
    (
        "/etc/systemd/system/lab-two.service",
        "[Service]\nExecStart=/lab/dump a\nExecStart=/lab/dump b\n",
    ),
    // Variables that systemd sets itself.
    (
        "/etc/systemd/system/lab-sets.service",
        "[Service]\nUser=root\nRuntimeDirectory=a b\nStateDirectory=a\nCacheDirectory=a\nLogsDirectory=a\nConfigurationDirectory=a\nLoadCredential=c:/etc/hostname\nFileDescriptorStoreMax=3\nPIDFile=/run/lab.pid\nStandardInput=null\nExecStart=/lab/dump\n",
    ),
    // Directives that are not followed, and what takes them back. Never started: of two commands none is
    // the service's own.
    (
        "/etc/systemd/system/lab-unseen.service",
        "[Service]\nType=oneshot\nUser=nobody\nGroup=nogroup\nRootDirectory=/srv\nPAMName=login\nPrivateUsers=yes\nPrivateTmp=yes\nProtectHome=tmpfs\nProcSubset=pid\nProtectProc=invisible\nProtectKernelTunables=yes\nMountAPIVFS=yes\nBindPaths=/a:/b -/c\nBindReadOnlyPaths=/a\nInaccessiblePaths=-/d +/e\nTemporaryFileSystem=/f:ro\nLoadCredential=a:/b\nSetCredential=a:b\nMountImages=/a.raw:/b\nExtensionImages=/a.raw\nExecStart=/lab/dump\nExecStart=/lab/dump\n",
    ),
    (
        "/etc/systemd/system/lab-unseen.service.d/a.conf",
        "[Service]\nUser=\nGroup=\nRootDirectory=\nPAMName=\nPrivateUsers=\nPrivateTmp=\nProtectHome=\nProcSubset=\nProtectProc=\nProtectKernelTunables=\nMountAPIVFS=\nBindPaths=\nBindReadOnlyPaths=\nInaccessiblePaths=\nTemporaryFileSystem=\nLoadCredential=\nSetCredential=\nMountImages=\nExtensionImages=\n",
    ),
    (
        "/etc/systemd/system/lab-seen.service",
        "[Service]\nType=oneshot\nUser=nobody\nUser=root\nGroup=0\nRootDirectory=/\nDynamicUser=yes\nDynamicUser=f\nPrivateUsers=Off\nPrivateTmp=n\nProtectHome=read-only\nProcSubset=pid\nProcSubset=all\nProtectProc=default\nProtectKernelTunables=no\nMountAPIVFS=yes\nMountAPIVFS=false\nExecStart=/lab/dump\nExecStart=/lab/dump\n",
    ),
    (
        "/etc/systemd/system/lab-directory.service",
        "[Service]\nType=oneshot\nWorkingDirectory=-/srv//./a/\nWorkingDirectory=-relative\nEnvironment=A=1\nExecStart=/lab/dump\nExecStart=/lab/dump\n",
    ),
    (
        "/etc/systemd/system/lab-directory.service.d/a.conf",
        "[Service]\nEnvironment=B=1\nWorkingDirectory=relative\nEnvironment=C=1\n",
    ),
    (
        "/etc/systemd/system/lab-no-directory.service",
        "[Service]\nWorkingDirectory=relative\nExecStart=/lab/dump\n",
    ),
    (
        "/etc/systemd/system/lab-beside.service",
        "[Service]\nType=oneshot\nWorkingDirectory=-/srv//a\nExecCondition=/lab/dump a\nExecStartPre=-/lab/dump b ; +/lab/dump c\nExecStartPre=:/lab/dump $A %n\nExecStartPost=/lab/dump d\nExecStart=/lab/dump\nExecStart=/lab/dump\n",
    ),
    (
        "/etc/systemd/system/lab-at-once.service",
        "[Service]\nWorkingDirectory=~\nExecStartPre=/lab/dump b\nExecStartPre=\nExecStartPost=/bin/true d\nExecReload=/lab/dump e\nExecStart=/lab/dump\n",
    ),
    (
        "/etc/systemd/system/lab-oneshot.service",
        "[Service]\nType=oneshot\nExecStart=/lab/dump a ; /lab/dump b\nExecStart=-/lab/dump c\n",
    ),
    (
        "/etc/systemd/system/lab-none.service",
        "[Service]\nEnvironment=A=1\n",
    ),
    (
        "/etc/systemd/system/lab-relative.service",
        "[Service]\nExecStart=lab/dump\n",
    ),
    (
        "/etc/systemd/system/lab-quotes.service",
        "[Service]\nExecStart=/lab/dump 'open\nEnvironment=A=1\n",
    ),
    (
        "/etc/systemd/system/lab-quotes-first.service",
        "[Service]\nExecStart='/lab/dump\nExecStart=/lab/dump\n",
    ),
    (
        "/etc/systemd/system/lab-header.service",
        "[Service]\nExecStart=/lab/dump\n[Broken\n",
    ),
    (
        "/etc/systemd/system/lab-drop.service",
        "[Service]\nExecStart=/lab/dump\n",
    ),
    (
        "/etc/systemd/system/lab-drop.service.d/a.conf",
        "[Service]\nEnvironment=A=1\nExecStart=relative/\nEnvironment=B=2\n",
    ),
    (
        "/etc/systemd/system/lab-drop.service.d/b.conf",
        "Environment=OUT=1\n[Service]\nEnvironment=C=3\nnonsense\n=x\n[Unknown]\nEnvironment=D=4\n[Service]\nEnvironment = E = 5\n[X\nEnvironment=F=6\n",
    ),
    ("/etc/systemd/system/lab-masked.service", "-> /dev/null"),
    ("/etc/systemd/system/lab-empty.service", ""),
    ("/run-later/lab-run-masked.service", "-> /dev/null"),
    (
        "/etc/systemd/system/lab-alias.service",
        "-> lab-drop.service",
    ),
    (
        "/etc/systemd/system/lab-alias.service.d/c.conf",
        "[Service]\nEnvironment=ALIAS=%n\n",
    ),
    (
        "/srv/lab-linked.service",
        "[Service]\nExecStart=/lab/dump %n\n",
    ),
    (
        "/etc/systemd/system/lab-linked.service",
        "-> /srv/lab-linked.service",
    ),
    (
        "/etc/systemd/system/lab-dangling.service",
        "-> /srv/none.service",
    ),
    (
        "/usr/lib/systemd/system/lab-own.service",
        "[Service]\nExecStart=/lab/dump\n[Install]\nWantedBy=multi-user.target\n",
    ),
    (
        "/etc/systemd/system/lab-own.service",
        "-> /usr/lib/systemd/system/lab-own.service",
    ),
    (
        "/usr/lib/systemd/system/lab-off.service",
        "[Service]\nExecStart=/lab/dump\n[Install]\nWantedBy=multi-user.target\n",
    ),
    (
        "/usr/lib/systemd/system/lab-a--b-c.service",
        "[Service]\nExecStart=/lab/dump\n",
    ),
    (
        "/etc/systemd/system/lab-.service.d/1.conf",
        "[Service]\nEnvironment=L1=%p\n",
    ),
    (
        "/etc/systemd/system/lab-a-.service.d/2.conf",
        "[Service]\nEnvironment=L2=%j\n",
    ),
    (
        "/etc/systemd/system/lab-a--.service.d/3.conf",
        "[Service]\nEnvironment=L3=%P\n",
    ),
    (
        "/etc/systemd/system/lab-a--b-.service.d/4.conf",
        "[Service]\nEnvironment=L4=1\n",
    ),
    (
        "/etc/systemd/system/service.d/0.conf",
        "[Service]\nEnvironment=EVERY=service\n",
    ),
    (
        "/etc/systemd/system/lab-run.service",
        "[Unit]\nAfter=dbus.service\n[Service]\nType=oneshot\nExecStart=/lab/run\n",
    ),
    (
        "/lab/run",
        "#!/bin/sh\n/lab/test --ignored --exact inside --nocapture >/lab/log 2>&1\nsystemctl poweroff --force --force\n",
    ),
    (
        "/lab/dump",
        "#!/bin/sh\n{ for a; do printf '%s\\0' \"$a\"; done; printf '\\1'; cat /proc/self/environ; } >/lab/out/last\n",
    ),
];

/// Every unit of [`FILES`].
fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = FILES
        .iter()
        .filter_map(|(path, _)| path.rsplit('/').next())
        .filter(|name| {
            name.strip_suffix(".service")
                .is_some_and(|stem| stem != "lab-run" && stem != "lab-run-masked")
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Pieces that units are made of by chance: what a reader splits at, unquotes, expands or refuses, and
/// what it does not.
const PIECES: &[&str] = &[
    "a",
    "B1",
    "=",
    "A=1",
    "B=",
    "\"",
    "'",
    "\\",
    "\\\n",
    " ",
    "  ",
    "\t",
    "$A",
    "${A}",
    "$$",
    "%n",
    "%%",
    "%p",
    "%z",
    ";",
    "#",
    "\\x41",
    "\\t",
    "\\q",
    "é",
    "-",
    "/",
    ":",
    "\"a b\"",
    "'c d'",
    "A=\"x y\"",
    "\n",
    "\n#c\n",
    "*",
];
/// What begins a line.
const STARTS: &[&str] = &[
    "Environment=",
    "Environment=",
    "Environment=",
    "EnvironmentFile=",
    "EnvironmentFile=-/lab/",
    "UnsetEnvironment=",
    "PassEnvironment=",
    "ExecStart=/lab/dump ",
    "ExecStart=-/lab/dump ",
    "ExecStart=:/lab/dump ",
    "ExecStart=",
    "Type=oneshot\nExecStart=/lab/dump ",
    "Type=oneshot\n",
    "ExecStartPre=/lab/dump ",
    "ExecStop=-",
    "ExecReload=",
    "RemainAfterExit=yes\nExecStop=/lab/dump ",
    "Restart=always\n",
    "Type=dbus\n",
    "[Unit]\n",
    "[Service]\n",
    "",
    " Environment=",
];

/// So many units made by chance, the same for one seed: `PREFLIGHT_UNITS` and `PREFLIGHT_SEED`.
fn by_chance() -> Vec<(String, String)> {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    // xorshift64*: no more chance is needed.
    let mut state = number("PREFLIGHT_SEED", 1).max(1);
    let mut below = move |bound: usize| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let word = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(word).unwrap() % bound
    };
    (0..number("PREFLIGHT_UNITS", 100))
        .map(|index| {
            let mut text = "[Service]\n".to_owned();
            for _ in 0..=below(6) {
                text += STARTS[below(STARTS.len())];
                for _ in 0..below(8) {
                    text += PIECES[below(PIECES.len())];
                }
                text.push('\n');
            }
            (format!("chance{index}.service"), text)
        })
        .collect()
}

/// This test program itself runs in there, so only with a glibc as new as that it was built with.
#[test]
fn systemd_252_agrees() {
    agrees("bookworm");
}

#[test]
fn systemd_257_agrees() {
    agrees("trixie");
}

fn agrees(suite: &str) {
    let lab = std::env::var("PREFLIGHT_LAB").unwrap_or_else(|_| "/var/cache/preflight-lab".into());
    let lab = format!("{lab}/{suite}");
    assert!(
        Path::new(&lab).is_dir(),
        "{lab} is missing: run tests/lab/roots as root"
    );
    let root = tempfile::tempdir().unwrap();
    let copied = Command::new("cp")
        .args(["-a", "--reflink=auto", &format!("{lab}/."), "."])
        .current_dir(root.path())
        .status();
    assert!(copied.unwrap().success());
    for (path, content) in FILES {
        write(root.path(), path, content);
    }
    let mut names = String::new();
    for (name, content) in by_chance() {
        write(
            root.path(),
            &format!("/etc/systemd/system/{name}"),
            &content,
        );
        names += &name;
        names.push('\n');
    }
    write(root.path(), "/lab/chance", &names);
    std::fs::create_dir(root.path().join("lab/out")).unwrap();
    std::fs::copy(
        std::env::current_exe().unwrap(),
        root.path().join("lab/test"),
    )
    .unwrap();
    Command::new("chmod")
        .args(["755", "lab/run", "lab/dump", "."])
        .current_dir(root.path())
        .status()
        .unwrap();
    let booted = Command::new("timeout")
        .args(["120", "systemd-nspawn"])
        .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
        .args([
            "--quiet",
            "--boot",
            "--register=no",
            "--keep-unit",
            "--console=pipe",
            "-D",
        ])
        .arg(root.path())
        .output()
        .unwrap();
    let log = std::fs::read_to_string(root.path().join("lab/log")).unwrap_or_default();
    let console = String::from_utf8_lossy(&booted.stdout);
    assert!(
        log.contains("test result: ok. 1 passed"),
        "{log}\n{console}"
    );
}

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path.strip_prefix('/').unwrap());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    match content.strip_prefix("-> ") {
        Some(target) => symlink(target, path).unwrap(),
        None => std::fs::write(path, content).unwrap(),
    }
}

/// Runs in the containers that [`agrees`] boots.
#[test]
#[ignore = "runs inside the containers that the other tests boot"]
fn inside() {
    let root = HostRoot::live();
    let mut wrong = String::new();
    for name in names() {
        let begin = std::time::Instant::now();
        let offline = units::find(&root, name);
        let found = begin.elapsed();
        let begin = std::time::Instant::now();
        let live = systemd_bus::ask(&[name], Duration::from_secs(5)).unwrap();
        println!("{name}: found in {found:?}, asked in {:?}", begin.elapsed());
        let Some(live) = live.first() else {
            if offline.load.as_str() != "not-found" {
                writeln!(wrong, "{name}: systemd does not find it").unwrap();
            }
            continue;
        };
        let told = units::complete(&root, live, &offline);
        for difference in differences(&offline, &told) {
            writeln!(wrong, "{name}: {difference}").unwrap();
        }
        for problem in &offline.problems {
            println!("    {problem}");
        }
        if live.load_state == "loaded" && offline.exec_start.len() == 1 {
            runs_as_told(&told, &mut wrong);
        }
    }
    let chance = std::fs::read_to_string("/lab/chance").unwrap();
    let mut found = 0;
    for name in chance.lines() {
        let offline = units::find(&root, name);
        let live = systemd_bus::ask(&[name], Duration::from_secs(5)).unwrap();
        let differ = match live.first() {
            Some(live) => differences(&offline, &units::complete(&root, live, &offline)),
            None => vec![format!(
                "not found by systemd, {} here",
                offline.load.as_str()
            )],
        };
        found += usize::from(!live.is_empty());
        if !differ.is_empty() {
            let text = std::fs::read_to_string(format!("/etc/systemd/system/{name}")).unwrap();
            writeln!(wrong, "{name}: {}\n{text:?}", differ.join("; ")).unwrap();
        }
    }
    assert!(found > 0, "systemd knows none of the units made by chance");
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Starts the unit, and compares what its program gets with what was said it would.
fn runs_as_told(unit: &preflight_rke2::testing::unit::UnitDefinition, wrong: &mut String) {
    // Of another name `systemctl start --wait` does not see the end.
    let name = &unit.name;
    let out = "/lab/out/last";
    let _ = std::fs::remove_file(out);
    let started = Command::new("timeout")
        .args(["10", "systemctl", "start", "--wait", name])
        .status();
    let got = std::fs::read(out).unwrap_or_default();
    let start = unit.command().unwrap();
    let mut expected: Vec<String> = start.args.iter().map(|word| word.text.clone()).collect();
    let mut parts = got.splitn(2, |&c| c == 1);
    let strings = |part: Option<&[u8]>| -> Vec<String> {
        let text = String::from_utf8_lossy(part.unwrap_or_default()).into_owned();
        text.split_terminator('\0').map(str::to_owned).collect()
    };
    let args = strings(parts.next());
    if got.is_empty() {
        writeln!(wrong, "{name}: did not run: {started:?}").unwrap();
    } else if args != expected {
        writeln!(wrong, "{name}: got {args:?}, not {expected:?}").unwrap();
    }
    let environment = strings(parts.next());
    expected = start
        .environment
        .iter()
        .map(|v| format!("{}={}", v.name, v.value))
        .collect();
    // What systemd adds for each service, and the shell for itself.
    let shell = ["PWD", "_", "OLDPWD", "SHLVL"];
    let added = |name: &str| shell.contains(&name) || is_set_by_systemd(name);
    for pair in &expected {
        if !environment.contains(pair) {
            writeln!(
                wrong,
                "{name}: {pair:?} is not in the environment {environment:?}"
            )
            .unwrap();
        }
    }
    for pair in &environment {
        let variable = pair.split('=').next().unwrap();
        if !expected.contains(pair) && !added(variable) {
            writeln!(wrong, "{name}: {pair:?} is in the environment as well").unwrap();
        }
    }
}
