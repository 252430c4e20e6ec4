//! Hosts as fixtures; programs and answers have their tests beside their readers.

use std::os::unix::fs::symlink;

use super::*;

struct Host {
    dir: tempfile::TempDir,
    root: HostRoot,
}

/// A 64-bit program with nothing but build information: one segment, no sections.
fn program(version: Option<&str>) -> Vec<u8> {
    let flags = version.map_or_else(String::new, |version| {
        format!("build\t-ldflags=-X=github.com/k3s-io/k3s/pkg/version.Version={version}\n")
    });
    let modules = format!("{:<16}path\trke2\n{flags}{:>16}", "", "");
    let mut out = b"\x7fELF\x02\x01\x01".to_vec();
    out.resize(64, 0);
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

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = HostRoot::open(dir.path()).unwrap();
        Self { dir, root }
    }

    fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.dir.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn link(self, path: &str, target: &str) -> Self {
        let path = self.dir.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
        self
    }

    fn detect(&self, binary: Option<&str>) -> Detection {
        let ask = VersionCommand::default();
        let data_dir = Path::new("/var/lib/rancher/rke2");
        detect(&self.root, binary.map(Path::new), data_dir, Some(&ask))
    }
}

fn detected(detection: &Detection) -> (String, VersionSource, String) {
    let installed = detection.installed.as_ref().unwrap();
    (
        installed.version.to_string(),
        installed.source,
        installed.evidence.as_ref().unwrap().to_string(),
    )
}

const DATA: &str = "/var/lib/rancher/rke2/data/v1.33.2-rke2r1-0123456789ab/bin";

#[test]
fn the_program_of_the_unit_tells() {
    let host = Host::new()
        .with("/srv/rke2", program(Some("v1.34.1+rke2r1")))
        .with("/usr/local/bin/rke2", program(Some("v1.32.1+rke2r1")))
        .link("/var/lib/rancher/rke2/bin", DATA);
    for (binary, version, path) in [
        (Some("/srv/rke2"), "v1.34.1+rke2r1", "/srv/rke2"),
        (None, "v1.32.1+rke2r1", "/usr/local/bin/rke2"),
    ] {
        let detection = host.detect(binary);
        let expected = (version.to_owned(), VersionSource::Binary, path.to_owned());
        assert_eq!(detected(&detection), expected);
        assert_eq!(detection.notes, []);
        let go = detection.installed.unwrap().go;
        assert_eq!(go.as_deref(), Some("go1.24.6"));
    }
}

#[test]
fn a_program_without_a_path_is_found_where_systemd_searches() {
    use std::os::unix::fs::PermissionsExt;

    let host = Host::new()
        .with("/usr/local/sbin/rke2", program(Some("v1.31.1+rke2r1")))
        .with("/usr/local/bin/rke2/x", "")
        .with("/usr/sbin/other", program(Some("v1.30.1+rke2r1")))
        .with("/usr/bin/rke2", program(Some("v1.34.1+rke2r1")));
    let executable = |path: &str| {
        let path = host.dir.path().join(path);
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    };
    executable("usr/bin/rke2");
    // The first is not executable, the second a directory.
    let expected = (
        "v1.34.1+rke2r1".to_owned(),
        VersionSource::Binary,
        "/usr/bin/rke2".to_owned(),
    );
    assert_eq!(detected(&host.detect(Some("rke2"))), expected);
    executable("usr/local/sbin/rke2");
    assert_eq!(detected(&host.detect(Some("rke2"))).0, "v1.31.1+rke2r1");
    for name in ["bin/rke2", "./rke2", "other", "none", ""] {
        let detection = host.detect(Some(name));
        assert_eq!(detection.installed, None, "{name}");
        let [Note::NotAbsolute { path }] = &detection.notes[..] else {
            panic!("{name}: {:?}", detection.notes);
        };
        assert_eq!(path, name);
    }
}

#[test]
fn every_place_of_an_installer_is_looked_at() {
    for place in PLACES {
        let host = Host::new().with(place, program(Some("v1.34.1+rke2r1")));
        assert_eq!(detected(&host.detect(None)).2, *place);
    }
    // A file where a directory of an installer would be is as good as nothing.
    let detection = Host::new().with("/opt/rke2", "").detect(None);
    assert_eq!(detection.installed, None);
    assert_eq!(
        detection.notes[0].to_string(),
        "no rke2 program found in /usr/local/bin/rke2, /opt/rke2/bin/rke2, /usr/bin/rke2"
    );
}

#[test]
fn the_data_directory_gives_the_release_the_program_does_not() {
    let host = Host::new()
        .with(
            "/bin/script",
            "#!/bin/sh\nexec /usr/local/bin/rke2 \"$@\"\n",
        )
        .with("/bin/old", program(None))
        .with("/bin/odd", program(Some("nightly")))
        .with(
            "/bin/other",
            "\x7fELF\x02\x01\x01".to_owned() + &"\0".repeat(200),
        )
        .link("/bin/loop", "loop")
        .link("/var/lib/rancher/rke2/bin", DATA);
    for (binary, note) in [
        ("/bin/script", "/bin/script: not an ELF program"),
        (
            "/bin/old",
            "/bin/old: holds no build information that names RKE2's version",
        ),
        (
            "/bin/other",
            "/bin/other: holds no build information that names RKE2's version",
        ),
        ("/bin/odd", "/bin/odd: has \"nightly\""),
        ("/bin/none", "open /bin/none: no such file or directory"),
        (
            "/bin/loop",
            "open /bin/loop: too many levels of symbolic links",
        ),
        ("/bin", "read /bin: is a directory"),
        ("rke2", "rke2: not an absolute path"),
    ] {
        let detection = host.detect(Some(binary));
        let expected = (
            "v1.33.2+rke2r1".to_owned(),
            VersionSource::DataDir,
            "/var/lib/rancher/rke2/bin".to_owned(),
        );
        assert_eq!(detected(&detection), expected, "{binary}");
        let [said] = &detection.notes[..] else {
            panic!("{binary}: {:?}", detection.notes);
        };
        assert!(said.to_string().starts_with(note), "{said}");
    }
}

#[test]
fn a_data_directory_without_a_release_is_silent() {
    for target in [
        "/var/lib/rancher/rke2/data/0123456789ab/bin",
        "/",
        "..",
        "bin",
    ] {
        let host = Host::new().link("/var/lib/rancher/rke2/bin", target);
        let detection = host.detect(None);
        assert_eq!(detection.installed, None, "{target}");
        assert_eq!(detection.notes, [Note::NoProgram { places: PLACES }]);
    }
    let host = Host::new().with("/var/lib/rancher/rke2/bin/kubectl", "");
    assert_eq!(
        host.detect(None).notes,
        [Note::NoProgram { places: PLACES }]
    );
}

#[test]
fn only_what_is_roots_alone_is_run() {
    let good = FileStatus {
        kind: FileKind::File,
        mode: 0o755,
        uid: 0,
        gid: 0,
        size: 1,
        identity: (1, 1),
        modified: (0, 0),
    };
    assert_eq!(distrust(&good), None);
    for bad in [
        FileStatus { uid: 1000, ..good },
        FileStatus {
            mode: 0o775,
            ..good
        },
        FileStatus {
            mode: 0o757,
            ..good
        },
        FileStatus {
            mode: 0o644,
            ..good
        },
        FileStatus {
            kind: FileKind::Directory,
            ..good
        },
    ] {
        assert!(distrust(&bad).is_some(), "{bad:?}");
    }
}

#[test]
fn a_sparse_giant_is_read_in_a_few_places() {
    let host = Host::new().with("/bin/rke2", program(Some("v1.34.1+rke2r1")));
    let path = host.dir.path().join("bin/rke2");
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(
        detected(&host.detect(Some("/bin/rke2"))).0,
        "v1.34.1+rke2r1"
    );
}

#[test]
fn an_unreadable_data_directory_is_reported() {
    let host = Host::new().link("/var/lib/rancher", "rancher");
    let notes = host.detect(None).notes;
    let said: Vec<String> = notes.iter().map(ToString::to_string).collect();
    let [_, loops] = &said[..] else {
        panic!("{said:?}");
    };
    assert_eq!(
        loops,
        "open /var/lib/rancher/rke2/bin: too many levels of symbolic links"
    );
}

#[test]
fn a_program_ends_where_its_file_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    std::fs::write(&path, "0123456789").unwrap();
    let file = File::open(&path).unwrap();
    let pread = Pread {
        file: &file,
        path: &path,
    };
    let mut buffer = [0; 4];
    for (offset, read) in [(0, 4), (8, 2), (10, 0), (u64::MAX - 2, 0), (1 << 63, 0)] {
        assert_eq!(pread.read_at(offset, &mut buffer), Ok(read), "{offset}");
    }
    assert_eq!(pread.read_at(8, &mut [0; 2]), Ok(2));
    let directory = File::open(dir.path()).unwrap();
    let pread = Pread {
        file: &directory,
        path: dir.path(),
    };
    let error = pread.read_at(0, &mut buffer).unwrap_err();
    assert_eq!(error.errno(), Some(libc::EISDIR));
}

#[test]
fn a_program_of_roots_is_asked_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rke2");
    // Written by another process: one that this starts meanwhile would keep it from being run.
    let mut shell = std::process::Command::new("/bin/sh");
    let script = "printf '#!/bin/sh\\necho >> %s/asked\\necho rke2 version v1.21.3+rke2r1\\n' \"$1\" \
                  > \"$1/rke2\" && chmod 755 \"$1/rke2\"";
    shell.args(["-c", script, "sh"]).arg(dir.path());
    let long = Duration::from_secs(20);
    command::run(shell, long, 4096).unwrap();
    let ask = VersionCommand {
        deadline: long,
        cache: dir.path().join("cache"),
    };
    let answers = [(); 2].map(|()| answer(&HostRoot::live(), &path, &ask));
    if !nix::unistd::geteuid().is_root() {
        assert!(matches!(&answers[0], Err(Note::NotTrusted { .. })));
        return;
    }
    let version = "v1.21.3+rke2r1".to_owned();
    assert_eq!(answers, [Ok(version.clone()), Ok(version)]);
    assert_eq!(std::fs::read(dir.path().join("asked")).unwrap(), b"\n");
}
