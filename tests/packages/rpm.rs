//! What the RPM asks of a system, and what its scriptlets may do.

use crate::tools::{PACKAGES, built, out};

#[test]
fn they_require_a_shell_at_most() {
    for package in PACKAGES {
        requires_a_shell_at_most(package);
    }
    // It has no scripts.
    let cluster = built("preflight-rke2-cluster.rpm");
    let scripts = out("rpm --query --package --scripts \"$1\"", &[&cluster]);
    assert_eq!(scripts, "");
    let deb = built("preflight-rke2-cluster.deb");
    let control = out(
        "dpkg-deb --ctrl-tarfile \"$1\" | tar --list | sort",
        &[&deb],
    );
    assert_eq!(control, "./\n./control\n./md5sums\n");
}

fn requires_a_shell_at_most(package: &str) {
    let requires = out(
        "rpm --query --package --requires \"$1\"",
        &[&built(&format!("{package}.rpm"))],
    );
    let is_cluster = package.ends_with("-cluster");
    for line in requires.lines() {
        // What rpm itself must know: all of it is older than rpm 4.14 of EL 8.
        let of_rpm = [
            "rpmlib(CompressedFileNames)",
            "rpmlib(FileDigests)",
            "rpmlib(PayloadFilesHavePrefix)",
            "rpmlib(PayloadIsXz)",
        ];
        let name = line.split(' ').next().unwrap_or_default();
        assert!(
            of_rpm.contains(&name)
                || !is_cluster && ["/bin/sh", "config(preflight-rke2)"].contains(&name),
            "{line}"
        );
    }
}

#[test]
fn rke2s_uninstaller_would_not_take_it() {
    // It runs `yum remove "rke2-*"`.
    let name = out(
        "rpm --query --package --queryformat '%{NAME}' \"$1\"",
        &[&built("preflight-rke2.rpm")],
    );
    assert!(!name.starts_with("rke2-"), "{name}");
}

/// Every call to systemd's tools in a scriptlet or maintainer script.
fn calls(text: &str) -> Vec<&str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter(|line| line.contains("systemctl ") || line.contains("deb-systemd-invoke "))
        // Questions change nothing.
        .filter(|line| !line.contains("command -v") && !line.contains(" is-enabled "))
        .collect()
}

#[test]
fn no_script_touches_rke2_or_the_gate() {
    let rpm = out(
        "rpm --query --package --scripts \"$1\"",
        &[&built("preflight-rke2.rpm")],
    );
    let deb = ["postinst", "prerm", "postrm"]
        .map(|name| {
            out(
                &format!("dpkg-deb --info \"$1\" {name}"),
                &[&built("preflight-rke2.deb")],
            )
        })
        .concat();
    for scripts in [rpm, deb] {
        let calls = calls(&scripts);
        assert!(calls.len() >= 4, "{calls:?}");
        for call in calls {
            let about_all = call.contains("daemon-reload") || call.contains("reset-failed");
            let monitor = call.contains("preflight-rke2.service") || call.contains("\"$monitor\"");
            assert!(about_all || monitor, "{call}");
            // Whatever systemd answers, the package is installed.
            assert!(
                call.ends_with("|| true") || call.ends_with("|| :"),
                "{call}"
            );
        }
        for word in ["rke2-server", "rke2-agent", "gate@", "isolate"] {
            let said = scripts
                .lines()
                .find(|line| !line.trim_start().starts_with('#') && line.contains(word));
            assert_eq!(said, None);
        }
    }
}
