//! `fix`: what it plans, what it does to a host below `--root`, and what it does not change.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use super::host::{Host, Ran, run};

const VERSION: [&str; 2] = ["--rke2-version", "v1.34.1+rke2r1"];
const USUAL: &str = "/etc/sysctl.d/60-rke2-cis.conf";
const ETCD_USER: &str = "etcd:x:52034:52034:etcd user:/:/sbin/nologin\n";
const ROOT_USER: &str = "root:x:0:0:root:/root:/bin/bash\n";

/// A server with profile cis and nothing right but the account.
fn server() -> Host {
    let host = Host::new();
    host.file("/etc/rancher/rke2/config.yaml", "profile: cis\n");
    host.file("/etc/passwd", format!("{ROOT_USER}{ETCD_USER}"));
    host.file("/etc/group", "root:x:0:\netcd:x:52034:\n");
    host.file("/etc/sysctl.d/10-mine.conf", "vm.swappiness = 1\n");
    host
}

fn fix(host: &Host, args: &[&str]) -> Ran {
    let all = ["fix", "--role", "server"].iter().chain(&VERSION);
    host.run(all.chain(args))
}

fn read(host: &Host, path: &str) -> String {
    std::fs::read_to_string(host.at(path)).unwrap()
}

/// Every file below the root with its content, inode and mode.
fn everything(host: &Host) -> Vec<(std::path::PathBuf, Vec<u8>, u64, u32)> {
    let mut all = Vec::new();
    let mut dirs = vec![host.path().to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            if meta.is_dir() {
                dirs.push(path);
            } else {
                let content = std::fs::read(&path).unwrap_or_default();
                all.push((path, content, meta.ino(), meta.mode()));
            }
        }
    }
    all.sort();
    all
}

/// The verdict for the next boot.
fn next_boot(host: &Host) -> String {
    let all = ["check", "--role", "server"].iter().chain(&VERSION);
    let args: Vec<&str> = all.copied().collect();
    let (document, _) = host.json(&args);
    document["units"][0]["next_boot_verdict"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Applies the fix: it succeeds, the next boot is right, and a second run changes nothing.
fn fixes(host: &Host) -> Ran {
    assert_eq!(next_boot(host), "would-refuse");
    let ran = fix(host, &["--apply"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert_ne!(next_boot(host), "would-refuse", "{}", ran.out);
    let before = everything(host);
    let again = fix(host, &["--apply"]);
    assert_eq!(again.status, 0, "{}", again.err);
    assert!(again.out.starts_with("nothing to do\n"), "{}", again.out);
    assert_eq!(everything(host), before);
    assert!(!fix(host, &[]).out.contains("To fix it"));
    ran
}

#[test]
fn the_plan_changes_nothing_and_says_how_to_carry_it_out() {
    let host = server();
    let before = everything(&host);
    let ran = fix(&host, &[]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    for part in [
        "would not start: 2 reasons",
        "1. create /etc/sysctl.d/60-rke2-cis.conf",
        "because: kernel.panic must be 10, but no file sets it",
        "--apply",
        "RKE2's own configuration",
    ] {
        assert!(ran.out.contains(part), "{part}\n{}", ran.out);
    }
    for output in [
        "script",
        "sysctl.d",
        "sysusers.d",
        "butane",
        "cloud-init",
        "ansible",
    ] {
        assert_eq!(fix(&host, &["--output", output]).status, 0);
    }
    assert_eq!(everything(&host), before);
}

#[test]
fn a_file_is_written_where_none_was() {
    let host = server();
    fixes(&host);
    let text = read(&host, USUAL);
    assert!(text.contains("\nkernel.panic = 10\n"), "{text}");
    let mode = host.at(USUAL).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);

    // Also the directory, regardless of the umask.
    let host = server();
    std::fs::remove_dir_all(host.at("/etc/sysctl.d")).unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "umask 077; exec \"$@\"", "sh"]);
    command.arg(env!("CARGO_BIN_EXE_preflight-rke2"));
    command.arg("--root").arg(host.path());
    command
        .args(["fix", "--apply", "--role", "server"])
        .args(VERSION);
    assert_eq!(run(command).status, 0);
    for (path, mode) in [("/etc/sysctl.d", 0o755), (USUAL, 0o644)] {
        let found = host.at(path).metadata().unwrap().permissions().mode();
        assert_eq!(found & 0o7777, mode, "{path}");
    }
}

#[test]
fn the_lines_and_the_mode_of_a_file_that_is_there_stay() {
    let host = server();
    host.file(
        USUAL,
        b"# caf\xe9\nvm.dirty_ratio=5\nkernel.panic = 60\n# end",
    );
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(host.at(USUAL), mode).unwrap();
    fixes(&host);
    let after = std::fs::read(host.at(USUAL)).unwrap();
    assert!(after.starts_with(b"# caf\xe9\nvm.dirty_ratio=5\n# end\nvm.overcommit_memory = 1\n"));
    assert_eq!(host.at(USUAL).metadata().unwrap().mode() & 0o7777, 0o640);
}

#[test]
fn a_later_file_is_beaten_by_order_and_named() {
    for name in [
        "99-zz.conf",
        "99-sysctl.conf",
        "zzz.conf",
        "~.conf",
        "z$(id) 'x'.conf",
    ] {
        let host = server();
        let path = format!("/etc/sysctl.d/{name}");
        host.file(&path, "vm.overcommit_memory=0\n");
        let plan = fix(&host, &[]).out;
        assert!(plan.contains(&format!("{path}:1: stays")), "{plan}");
        fixes(&host);
        assert_eq!(read(&host, &path), "vm.overcommit_memory=0\n");
    }
}

#[test]
fn masks_and_links_stay_and_are_named() {
    for to in ["/dev/null", "/elsewhere", "../sysctl.conf"] {
        let host = server();
        host.file("/dev/null", "");
        host.link(USUAL, to);
        host.file("/etc/sysctl.conf", "vm.swappiness=2\n");
        let plan = fix(&host, &[]).out;
        assert!(plan.contains(&format!("{USUAL}: is a link to ")), "{plan}");
        fixes(&host);
        assert_eq!(host.at(USUAL).read_link().unwrap().to_str(), Some(to));
        assert_eq!(read(&host, "/etc/sysctl.conf"), "vm.swappiness=2\n");
    }
    let host = server();
    host.file(USUAL, "");
    fixes(&host);
    assert_eq!(read(&host, USUAL), "");
}

#[test]
fn a_vendor_file_of_the_usual_name_is_not_hidden() {
    let host = server();
    host.file(
        "/usr/lib/sysctl.d/60-rke2-cis.conf",
        "vm.overcommit_memory=1\nkernel.panic=5\nvm.max_map_count=262144\n",
    );
    fixes(&host);
    assert!(!host.at(USUAL).exists());
}

#[test]
fn what_comes_after_every_file_is_left_to_the_administrator() {
    let host = server();
    let credential = "/run/credentials/systemd-sysctl.service/sysctl.extra";
    host.file(credential, "vm.overcommit_memory = 0\n");
    let ran = fix(&host, &["--apply"]);
    assert_eq!(ran.status, 3);
    assert!(ran.out.contains(credential), "{}", ran.out);
    assert!(read(&host, USUAL).contains("kernel.panic = 10"));
    assert!(!read(&host, USUAL).contains("overcommit"));
    let again = fix(&host, &["--apply"]);
    assert_eq!(again.status, 3);
    assert!(again.out.starts_with("nothing to do\n"), "{}", again.out);
}

#[test]
fn the_configuration_is_left_to_the_administrator() {
    let host = server();
    let config = "/etc/rancher/rke2/config.yaml";
    host.file(config, "# ours\nprofile: cis-1.23\n");
    let ran = fix(&host, &["--apply"]);
    assert_eq!(ran.status, 3);
    assert!(ran.out.contains(&format!("{config}:2")), "{}", ran.out);
    assert_eq!(read(&host, config), "# ours\nprofile: cis-1.23\n");
}

#[test]
fn links_are_followed_inside_the_root_only() {
    let outside = tempfile::tempdir().unwrap();
    let host = server();
    std::fs::remove_dir_all(host.at("/etc/sysctl.d")).unwrap();
    host.link("/etc/sysctl.d", outside.path().to_str().unwrap());
    let ran = fix(&host, &["--apply"]);
    assert_eq!(ran.status, 1, "{}", ran.out);
    assert!(ran.err.contains("/etc/sysctl.d"), "{}", ran.err);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    std::fs::create_dir_all(host.at(outside.path().to_str().unwrap())).unwrap();
    fixes(&host);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_row_from_where_rke2_does_not_search_is_copied() {
    let host = server();
    host.file("/etc/passwd", ROOT_USER);
    host.file("/etc/group", "root:x:0:");
    host.file("/usr/lib/passwd", format!("x:x:1:1::/:/\n{ETCD_USER}"));
    host.file("/usr/lib/group", "etcd:x:52034:\n");
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(host.at("/etc/passwd"), mode).unwrap();
    let inode = host.at("/etc/passwd").metadata().unwrap().ino();
    fixes(&host);
    assert_eq!(
        read(&host, "/etc/passwd"),
        format!("{ROOT_USER}{ETCD_USER}")
    );
    assert_eq!(read(&host, "/etc/group"), "root:x:0:\netcd:x:52034:\n");
    let meta = host.at("/etc/passwd").metadata().unwrap();
    assert_eq!((meta.ino(), meta.mode() & 0o7777), (inode, 0o600));
}

#[test]
fn accounts_that_are_there_are_not_changed() {
    // Another primary group: RKE2 starts, a control fails, an administrator decides.
    let host = server();
    let passwd = "etcd:x:52034:100::/:/x\n";
    host.file("/etc/passwd", passwd);
    let ran = fixes(&host);
    assert!(ran.out.contains("usermod -g etcd etcd"), "{}", ran.out);
    assert_eq!(read(&host, "/etc/passwd"), passwd);

    // A row that RKE2 skips.
    host.file("/etc/passwd", "etcd:x:a:5::/:/x\n");
    let ran = fix(&host, &["--apply"]);
    assert_eq!(ran.status, 3);
    assert!(ran.out.contains("fix or remove that line"), "{}", ran.out);
    assert_eq!(read(&host, "/etc/passwd"), "etcd:x:a:5::/:/x\n");
}

#[test]
fn ids_that_cannot_be_are_refused_before_anything_is_done() {
    let none = format!("{ROOT_USER}web:x:7:7::/:/\n");
    for (passwd, args, words) in [
        (ETCD_USER, ["--uid", "5"], "with id 52034, not 5"),
        (ETCD_USER, ["--gid", "5"], "with id 52034, not 5"),
        (
            none.as_str(),
            ["--uid", "7"],
            "/etc/passwd has given id 7 to web",
        ),
    ] {
        let host = server();
        host.file("/etc/passwd", passwd);
        let before = everything(&host);
        let ran = fix(&host, &["--apply", args[0], args[1]]);
        assert_eq!(ran.status, 1, "{}", ran.out);
        assert!(ran.err.contains(words), "{}", ran.err);
        assert_eq!(everything(&host), before);
    }
    for id in ["0", "4294967294", "4294967295", "-1", "x"] {
        assert_eq!(fix(&server(), &["--uid", id]).status, 2, "{id}");
    }
}

#[test]
fn a_full_disk_leaves_files_as_they_were() {
    let host = server();
    host.file("/etc/passwd", ROOT_USER.trim_end());
    host.file("/usr/lib/passwd", ETCD_USER);
    host.file(USUAL, "kernel.panic = 60\n");
    host.file("/etc/.pwd.lock", "");
    let before = everything(&host);
    // No file may grow: every write fails.
    let mut command = Command::new("/bin/sh");
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$@\"";
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_preflight-rke2")]);
    command.arg("--root").arg(host.path());
    command
        .args(["fix", "--apply", "--role", "server"])
        .args(VERSION);
    let ran = run(command);
    assert_eq!(ran.status, 1, "{}", ran.out);
    assert!(
        ran.out
            .contains("FAILED: extend /etc/sysctl.d/60-rke2-cis.conf"),
        "{}",
        ran.out
    );
    for path in [
        "/etc/sysctl.d/.60-rke2-cis.conf.preflight-new",
        "/etc/passwd",
    ] {
        assert!(
            ran.err.contains(&format!("writing {path}: file too large")),
            "{}",
            ran.err
        );
    }
    assert_eq!(everything(&host), before);
    // With free space again, the next run completes the fix.
    fixes(&host);
}

#[test]
fn what_stands_in_the_way_is_named() {
    for (path, words) in [
        ("/etc/sysctl.d", "/etc/sysctl.d: not a directory"),
        (
            "/etc/sysctl.d/.60-rke2-cis.conf.preflight-new/x",
            "is a directory",
        ),
    ] {
        let host = server();
        host.file(path, "x");
        let ran = fix(&host, &["--apply"]);
        assert_eq!(ran.status, 1, "{}", ran.out);
        assert!(ran.err.contains(words), "{}", ran.err);
        assert!(ran.out.contains("FAILED: create"), "{}", ran.out);
    }
    // The leftover of an interrupted run does not prevent the next one.
    let host = server();
    host.file("/etc/sysctl.d/.60-rke2-cis.conf.preflight-new", "vm.ov");
    fixes(&host);
}

#[test]
fn the_script_does_the_same_and_nothing_twice() {
    for file in [None, Some("kernel.panic = 60\n# no end of line")] {
        let host = server();
        host.file("/etc/group", "root:x:0:");
        host.file("/usr/lib/group", "etcd:x:52034:\n");
        if let Some(text) = file {
            host.file(USUAL, text);
        }
        let script = fix(&host, &["--output", "script"]).out;
        let at = host.at("/fix.sh");
        std::fs::write(&at, &script).unwrap();
        let sh = |args: &[&str]| {
            let mut command = Command::new("/bin/sh");
            command.args(args).arg(&at);
            let ran = run(command);
            assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{script}");
        };
        sh(&["-n"]);
        assert_eq!(next_boot(&host), "would-refuse");
        sh(&[]);
        assert_ne!(next_boot(&host), "would-refuse", "{script}");
        assert!(file.is_none_or(|text| read(&host, USUAL).starts_with(text)));
        let before = everything(&host);
        sh(&[]);
        assert_eq!(everything(&host), before);
    }
}

#[test]
fn declarations_are_whole_and_well_formed() {
    let host = server();
    let output = |form: &str| {
        let ran = fix(
            &host,
            &["--output", form, "--uid", "52034", "--gid", "52034"],
        );
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{form}");
        ran.out
    };
    for form in ["butane", "cloud-init", "ansible"] {
        let text = output(form);
        for event in saphyr_parser::Parser::new_from_str(&text) {
            assert!(event.is_ok(), "{event:?}\n{text}");
        }
        assert!(text.contains("52034") && text.contains("etcd"), "{text}");
        assert!(
            text.contains(USUAL) && text.contains("kernel.panic"),
            "{text}"
        );
    }
    assert!(output("cloud-init").starts_with("#cloud-config\n"));
    let sysusers = output("sysusers.d");
    assert!(
        sysusers.ends_with("\nu etcd 52034 \"etcd user\"\n"),
        "{sysusers}"
    );
    host.file(USUAL, output("sysctl.d"));
    assert_ne!(next_boot(&host), "would-refuse");
    // What is right already is declared all the same.
    assert_eq!(output("sysctl.d"), read(&host, USUAL));
}
