//! Truncated files: empty, half, or one byte shorter.

use crate::host::{Host, run};
use crate::rows;

/// Files that decide whether RKE2 starts, so that a truncated one may be a reason to block.
const DECIDES: [&str; 5] = [
    "/etc/passwd",
    "/etc/group",
    "/proc/sys/",
    "/etc/rancher/",
    "/usr/lib/systemd/system/rke2-server.service",
];

fn files(host: &Host) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![host.path().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                let path = path.strip_prefix(host.path()).unwrap();
                found.push(format!("/{}", path.to_str().unwrap()));
            }
        }
    }
    found
}

#[test]
fn files_cut_short() {
    assert_eq!(
        rows::outcome("a file cut short"),
        "evaluated, or starts unchecked"
    );
    for (case, whole) in [("healthy-server", 0), ("rhel-minimal-cis", 3)] {
        let host = Host::like(case);
        let gate = [
            "--rke2-version",
            "v1.34.1+rke2r1",
            "gate",
            "rke2-server.service",
        ];
        assert_eq!(run(host.command(gate)).status, whole);
        let files = files(&host);
        assert!(files.len() > 10);
        for path in files {
            let content = std::fs::read(host.at(&path)).unwrap();
            for length in [0, content.len() / 2, content.len().saturating_sub(1)] {
                host.file(&path, &content[..length]);
                let ran = run(host.command(gate));
                let shown = format!(
                    "{case}: {path} of {length} bytes: {}\n{}",
                    ran.status, ran.err
                );
                assert!([0, 1, 3].contains(&ran.status), "{shown}");
                if !DECIDES.iter().any(|start| path.starts_with(start)) {
                    assert_eq!(ran.status, whole, "{shown}");
                }
            }
            host.file(&path, content);
        }
    }
}
