//! Detects the version of programs that a real Go toolchain built and linked as RKE2 is, and runs them
//! where that is required.
//!
//! Needs Go and root (only a program that root owns is run).
#![cfg(feature = "lab")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that makes its own host"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use preflight_rke2::testing::host::HostRoot;
use preflight_rke2::testing::host::rke2_binary::{VersionCommand, detect, read_program};
use preflight_rke2::testing::rke2::build_info::BinaryKind;
use preflight_rke2::testing::rke2::installed::{Detection, VersionSource};

/// Prints what `rke2 --version` prints, and counts how often it runs.
const SOURCE: &str = r#"package main

import (
	"fmt"
	"os"

	"github.com/k3s-io/k3s/pkg/version"
)

var said = "rke2 version v1.21.3+rke2r1 (0a1b2c3d)"

func main() {
	if file := os.Args[0] + ".runs"; len(os.Args) == 2 && os.Args[1] == "--version" {
		runs, _ := os.ReadFile(file)
		os.WriteFile(file, append(runs, '.'), 0o600)
		fmt.Println(said)
		fmt.Println("go version go1.16.7", version.Version)
	}
}
"#;

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("main.go", SOURCE),
            (
                "go.mod",
                "module github.com/rancher/rke2\n\ngo 1.18\n\nrequire github.com/k3s-io/k3s v0.0.0\n\nreplace github.com/k3s-io/k3s => ./k3s\n",
            ),
            ("k3s/go.mod", "module github.com/k3s-io/k3s\n\ngo 1.18\n"),
            (
                "k3s/pkg/version/version.go",
                "package version\n\nvar (\n\tVersion = \"dev\"\n\tGitCommit = \"HEAD\"\n)\n",
            ),
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn build(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let output = Command::new("go")
            .args(["build", "-o", name])
            .args(arguments)
            .current_dir(self.dir.path())
            .env("GOFLAGS", "-mod=mod")
            .env("GO111MODULE", "on")
            .env(
                "GOCACHE",
                std::env::temp_dir().join("preflight-rke2-go-cache"),
            )
            .env("GOPROXY", "off")
            .env("CGO_ENABLED", "0")
            .output()
            .expect("this test builds a Go program: install Go (Debian: golang-go)");
        assert!(
            output.status.success(),
            "go build: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        self.path(name)
    }

    /// What is found out about a program that must not be run.
    fn detect(&self, program: &Path) -> Detection {
        detect(&HostRoot::live(), Some(program), &self.path("data"), None)
    }
}

fn assert_detected(detection: &Detection, version: &str) {
    let installed = detection.installed.as_ref().unwrap();
    assert_eq!(installed.version.to_string(), version);
    assert_eq!(installed.source, VersionSource::Binary);
    assert!(installed.go.as_ref().unwrap().starts_with("go1."));
    assert_eq!(detection.notes, []);
}

/// As RKE2's build script passes them: on several lines, with quotes within.
const FLAGS: &str = "-extldflags \"-static\" -w\n\
    \t-X github.com/k3s-io/k3s/pkg/version.GitCommit=0a1b2c3d\n\
    \t-X github.com/k3s-io/k3s/pkg/version.Version=v1.30.4+rke2r1\n";

#[test]
fn recognises_a_program_stripped_or_not() {
    let bench = Bench::new();
    for (name, flags) in [
        ("rke2", FLAGS),
        (
            "small",
            "-X github.com/k3s-io/k3s/pkg/version.Version=v1.30.4+rke2r1 -w -s",
        ),
    ] {
        let program = bench.build(name, &["-ldflags", flags]);
        assert_detected(&bench.detect(&program), "v1.30.4+rke2r1");

        let stripped = bench.path("stripped");
        let mut strip = Command::new("strip");
        strip
            .args(["--strip-all", "-o"])
            .arg(&stripped)
            .arg(&program);
        assert!(strip.status().unwrap().success());
        assert_detected(&bench.detect(&stripped), "v1.30.4+rke2r1");
    }
}

#[test]
fn recognises_other_layouts() {
    let bench = Bench::new();
    let program = bench.build("pie", &["-buildmode=pie", "-ldflags", FLAGS]);
    assert_detected(&bench.detect(&program), "v1.30.4+rke2r1");

    // Without its sections: their number, size and place are no more in the header.
    let mut content = std::fs::read(&program).unwrap();
    content[40..48].fill(0);
    content[58..64].fill(0);
    let bare = bench.path("bare");
    std::fs::write(&bare, content).unwrap();
    assert_detected(&bench.detect(&bare), "v1.30.4+rke2r1");
}

#[test]
fn a_program_without_recorded_flags_is_asked_once() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this test runs a program that must belong to root: run it as root"
    );
    let bench = Bench::new();
    let program = bench.build("rke2", &["-trimpath", "-ldflags", FLAGS]);
    let root = HostRoot::live();
    let BinaryKind::Go(info) = read_program(&root, &program).unwrap() else {
        panic!("not recognised as built by Go");
    };
    assert_eq!(info.rke2, None, "Go records no flags with -trimpath");

    let ask = VersionCommand {
        deadline: Duration::from_secs(20),
        cache: bench.path("cache"),
    };
    for _ in 0..3 {
        let detection = detect(&root, Some(&program), &bench.path("data"), Some(&ask));
        let installed = detection.installed.unwrap();
        assert_eq!(installed.version.to_string(), "v1.21.3+rke2r1");
        assert_eq!(installed.source, VersionSource::Command);
        assert_eq!(installed.go, Some(info.go.clone()));
    }
    assert_eq!(std::fs::read(bench.path("rke2.runs")).unwrap(), b".");

    // An upgrade is another file.
    let upgrade = "-X main.said=nonsense";
    bench.build("rke2", &["-trimpath", "-ldflags", upgrade]);
    let detection = detect(&root, Some(&program), &bench.path("data"), Some(&ask));
    assert_eq!(detection.installed, None);
    assert!(
        detection.notes[0]
            .to_string()
            .ends_with("--version: its output names no version")
    );
    assert_eq!(std::fs::read(bench.path("rke2.runs")).unwrap(), b"..");
}
