//! Which program the unit starts: RKE2's own, or one that may run RKE2 with other arguments.

use std::os::unix::fs::PermissionsExt;

use super::host::Host;

/// The smallest Go program with build information that names RKE2's version.
fn go_program(version: &str) -> Vec<u8> {
    let modules = format!(
        "0123456789abcdefpath\tgithub.com/rancher/rke2\n\
         build\t-ldflags=\"-X github.com/k3s-io/k3s/pkg/version.Version={version}\"\n0123456789abcdef"
    );
    let mut out = b"\x7fELF\x02\x01\x01".to_vec();
    out.resize(64, 0);
    out[16] = 2;
    out[20] = 1;
    out[32] = 64; // program headers' offset, entry size, number
    out[54] = 56;
    out[56] = 1;
    out.extend([1, 0, 0, 0, 6, 0, 0, 0]); // loaded, writable
    for value in [0_u64, 0x1000, 0x1000, 4096, 4096, 16] {
        out.extend(value.to_le_bytes());
    }
    out.resize(128, 0);
    out.extend(b"\xff Go buildinf:\x08\x02");
    out.resize(160, 0);
    out.extend(b"\x08go1.24.6");
    out.push(u8::try_from(modules.len() & 0x7f).unwrap() | 0x80);
    out.push(u8::try_from(modules.len() >> 7).unwrap());
    out.extend(modules.as_bytes());
    out.resize(4096, 0);
    out
}

fn put(host: &Host, path: &str, content: impl AsRef<[u8]>) {
    host.file(path, content);
    std::fs::set_permissions(host.at(path), PermissionsExt::from_mode(0o755)).unwrap();
}

/// Each with the verdict on a host that RKE2 would refuse.
#[test]
fn rke2_is_known_by_its_build_information_or_by_its_exact_name() {
    let rke2 = || go_program("v1.34.1+rke2r1");
    let other = || {
        b"\x7fELF\x02\x01\x01"
            .iter()
            .copied()
            .chain([0; 200])
            .collect()
    };
    let script = || b"#!/bin/sh\nexec /usr/bin/rke2 \"$@\"\n".to_vec();
    let none = Vec::new;
    let (refused, open) = ("would-refuse", "undetermined");
    for (command, path, content, verdict, version) in [
        ("/usr/bin/rke2", "/usr/bin/rke2", rke2(), refused, "binary"),
        ("/usr/bin/rke2", "/usr/bin/rke2", script(), open, "assumed"),
        ("/usr/bin/rke2", "/usr/bin/rke2", none(), open, "assumed"),
        // The name suffices where RKE2's own program has the name of a release.
        (
            "/opt/rke2-v1.34.1",
            "/opt/rke2-v1.34.1",
            rke2(),
            refused,
            "binary",
        ),
        (
            "/opt/rke2-v1.34.1",
            "/opt/rke2-v1.34.1",
            other(),
            open,
            "assumed",
        ),
        ("/opt/rke2d", "/opt/rke2d", script(), open, "assumed"),
        ("/opt/rke2.sh", "/opt/rke2.sh", script(), open, "assumed"),
        (
            "/opt/k3s",
            "/opt/k3s",
            go_program("v1.34.1+k3s1"),
            open,
            "assumed",
        ),
        // Without a path, as systemd searches for it.
        ("rke2", "/usr/local/bin/rke2", rke2(), refused, "binary"),
        ("rke2", "/bin/rke2", rke2(), refused, "binary"),
        ("rke2", "/usr/sbin/rke2", script(), open, "assumed"),
        (
            "agent-runner",
            "/usr/bin/agent-runner",
            script(),
            open,
            "assumed",
        ),
    ] {
        let host = Host::like("rhel-minimal-cis");
        host.file(
            "/etc/systemd/system/rke2-server.service.d/10-site.conf",
            format!("[Service]\nExecStart=\nExecStart={command} server\n"),
        );
        put(&host, path, content);
        let (report, _) = host.json(&["check"]);
        let unit = &report["units"][0];
        let is = (&unit["verdict"], &unit["rke2_version_source"]);
        assert_eq!(
            is,
            (&verdict.into(), &version.into()),
            "{command} is {path}: {unit}"
        );
        if verdict == open {
            // The operator's option sets the release, not what the program does.
            let (report, status) = host.json(&["check", "--rke2-version", "v1.34.1+rke2r1"]);
            assert_eq!(
                (&report["units"][0]["verdict"], status),
                (&open.into(), 0),
                "{command}"
            );
            let summary = &report["units"][0]["findings"][0]["summary"];
            assert!(summary.as_str().unwrap().contains(path), "{summary}");
        }
    }
}

#[test]
fn a_program_without_a_path_is_the_first_that_can_be_run() {
    let host = Host::like("rhel-minimal-cis");
    let verdict = |path: &str| {
        let drop_in = format!("[Service]\n{path}ExecStart=\nExecStart=rke2 server\n");
        host.file(
            "/etc/systemd/system/rke2-server.service.d/10-site.conf",
            drop_in,
        );
        host.json(&["check"]).0["units"][0]["verdict"].clone()
    };
    put(&host, "/usr/bin/rke2", go_program("v1.34.1+rke2r1"));
    assert_eq!(verdict(""), "would-refuse");
    // Neither a directory nor a file that may not be run.
    host.file("/usr/local/bin/rke2", "#!/bin/sh\n");
    std::fs::set_permissions(
        host.at("/usr/local/bin/rke2"),
        PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    std::fs::create_dir_all(host.at("/usr/local/sbin/rke2")).unwrap();
    assert_eq!(verdict(""), "would-refuse");
    put(&host, "/srv/bin/rke2", "#!/bin/sh\n");
    assert_eq!(
        verdict("ExecSearchPath=/nowhere:/srv/bin\n"),
        "undetermined"
    );
    assert_eq!(
        verdict("ExecSearchPath=/srv/bin\nExecSearchPath=\n"),
        "would-refuse"
    );
    put(&host, "/usr/local/bin/rke2", "#!/bin/sh\n");
    assert_eq!(verdict(""), "undetermined");
    assert_eq!(verdict("ExecSearchPath=/usr/bin\n"), "would-refuse");
}

#[test]
fn a_program_that_cannot_be_read_may_be_another() {
    let host = Host::like("rhel-minimal-cis");
    put(&host, "/usr/bin/rke2", go_program("v1.34.1+rke2r1"));
    assert_eq!(
        host.json(&["check"]).0["units"][0]["verdict"],
        "would-refuse"
    );
    let mode = nix::sys::stat::Mode::from_bits_truncate(0o755);
    nix::unistd::mkfifo(&host.clear("/usr/bin/rke2"), mode).unwrap();
    let unit = host.json(&["check"]).0["units"][0].take();
    assert_eq!(unit["verdict"], "undetermined");
    let summary = unit["findings"][0]["summary"].as_str().unwrap();
    assert!(
        summary.contains("/usr/bin/rke2: not a regular file but a FIFO"),
        "{summary}"
    );
}

#[test]
fn relative_paths_begin_in_the_working_directory() {
    let host = Host::like("rhel-minimal-cis");
    let verdict = |directory: &str, words: &str| {
        let drop_in = format!(
            "[Service]\nWorkingDirectory={directory}\nExecStart=\nExecStart=/usr/bin/rke2 server {words}\n"
        );
        host.file(
            "/etc/systemd/system/rke2-server.service.d/10-site.conf",
            drop_in,
        );
        let (report, _) = host.json(&["check", "--rke2-version", "v1.34.1+rke2r1"]);
        report["units"][0]["verdict"].clone()
    };
    host.file("/srv/plain/c.yaml", "token: x\n");
    host.file("/c.yaml", "profile: cis\n");
    let words = "--config c.yaml";
    for (directory, expected) in [
        ("/srv/plain", "would-start"),
        ("-/srv/plain", "would-start"),
        ("/srv/../srv/./plain/", "would-start"),
        ("", "would-refuse"),
        ("/", "would-refuse"),
        // systemd reads no further in the drop-in, or ignores the directory that may be missing.
        ("srv/plain", "would-refuse"),
        ("-srv/plain", "would-refuse"),
        ("-/srv/none", "undetermined"),
        ("~", "undetermined"),
    ] {
        assert_eq!(verdict(directory, words), expected, "{directory}");
        // An absolute path is the same wherever RKE2 runs.
        assert_eq!(
            verdict(directory, "--config /c.yaml"),
            "would-refuse",
            "{directory}"
        );
    }
    let kubelet = "--config /srv/plain/c.yaml --kubelet-arg config=kubelet.yaml";
    host.file("/kubelet.yaml", "protectKernelDefaults: true\n");
    assert_eq!(verdict("/", kubelet), "would-refuse");
    assert_eq!(verdict("/srv/plain", kubelet), "undetermined");
}
