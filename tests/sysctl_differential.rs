//! The real `systemd-sysctl` against the prediction, on random trees.
//!
//! Runs as root, in a separate mount namespace, below an overlay of a root directory that holds
//! a systemd (`PREFLIGHT_ROOT_247`, `_252`, `_257`, or `bullseye`, `bookworm`, `trixie` below
//! `PREFLIGHT_LAB`). `/proc/sys` is a tree of plain files there, so no parameter of this machine
//! is written. How the kernel parses a value is tested by the recorded cases and by
//! `the_kernel_reads_numbers_as_predicted`, which writes in a separate network namespace.
#![cfg(feature = "lab")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests build the host they read, and run the real program"
)]

#[path = "sysctl_differential/random.rs"]
mod random;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use preflight_rke2::testing::host::{HostRoot, sysctl_d};
use preflight_rke2::testing::sysctl_d::{
    Content, Dialect, File, OverrideReason, Resolution, SysctlProblemKind, Tree, kernel, resolve,
};
use random::{Node, Random, Set};

const KEYS: [&str; 6] = [
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
];

/// What a parameter holds before `systemd-sysctl` runs.
const UNTOUCHED: &str = "untouched";

/// Runs every set of files below `$2` in an overlay of root `$1`; `out` gets the outcome.
const DRIVER: &str = r#"
set -eu
root=$1 work=$2
mount --make-rprivate /
mkdir "$work/overlay"
mount -t tmpfs tmpfs "$work/overlay"
cd "$work/overlay"
mkdir up tmp merged
mount -t overlay overlay -o "lowerdir=$root,upperdir=up,workdir=tmp" merged
mount -t proc proc merged/proc
mount -t tmpfs tmpfs merged/proc/sys
mount -t tmpfs tmpfs merged/run
mkdir -p merged/proc/sys/kernel/keys merged/proc/sys/vm merged/dev merged/creds
[ -e merged/dev/null ] || mknod merged/dev/null c 1 3
program=$PROGRAM
[ -e "merged${program%% *}" ] || program=${program#/usr}
rm -rf merged/etc/sysctl.conf
for set in "$work"/sets/*; do
    for directory in etc run usr/local/lib usr/lib lib; do
        rm -rf "merged/$directory/sysctl.d"
    done
    rm -rf merged/etc/sysctl.conf merged/creds/sysctl.extra
    (cd "$set/files" && find . -mindepth 1 -type d) | while read -r directory; do
        mkdir -p "merged/$directory"
    done
    (cd "$set/files" && find . ! -type d -print0) |
        (cd "$set/files" && xargs -0 -r cp -a --parents -t "$work/overlay/merged")
    credentials=
    if [ -e "$set/credential" ]; then
        cp "$set/credential" merged/creds/sysctl.extra
        credentials=CREDENTIALS_DIRECTORY=/creds
    fi
    for key in $KEYS; do echo "$UNTOUCHED" > "merged/proc/sys/$key"; done
    status=0
    env $credentials SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console \
        timeout 20 chroot merged $program > "$set/log" 2>&1 || status=$?
    echo "$status" > "$set/out"
    for key in $KEYS; do head -n 1 "merged/proc/sys/$key" >> "$set/out"; done
done
"#;

fn lab(version: u16, suite: &str) -> PathBuf {
    let name = format!("PREFLIGHT_ROOT_{version}");
    let root = std::env::var_os(&name).map_or_else(
        || {
            let lab = std::env::var_os("PREFLIGHT_LAB");
            PathBuf::from(lab.unwrap_or_else(|| "/var/cache/preflight-lab".into())).join(suite)
        },
        PathBuf::from,
    );
    let program = ["usr/lib", "lib"].map(|lib| root.join(lib).join("systemd/systemd-sysctl"));
    assert!(
        program.iter().any(|program| program.exists()),
        "no systemd-sysctl below {}: set {name} to a root directory with systemd {version}",
        root.display()
    );
    root
}

fn number(name: &str, default: impl FnOnce() -> u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap(),
        Err(_) => default(),
    }
}

fn seed() -> u64 {
    let now = || {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        since.as_secs() ^ u64::from(since.subsec_nanos())
    };
    let seed = number("PREFLIGHT_SEED", now);
    eprintln!("PREFLIGHT_SEED={seed}");
    seed
}

fn must_be_root() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this test mounts and changes roots: run it as root"
    );
}

fn build(set: &Set, at: &Path) {
    let files = at.join("files");
    std::fs::create_dir_all(&files).unwrap();
    for (path, node) in &set.files {
        let path = files.join(std::ffi::OsStr::from_bytes(path));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match node {
            Node::Directory => std::fs::create_dir(&path).unwrap(),
            Node::Bytes(bytes) => std::fs::write(&path, bytes).unwrap(),
            Node::Link(to) => symlink(to, &path).unwrap(),
        }
    }
    if let Some(credential) = &set.credential {
        std::fs::write(at.join("credential"), credential).unwrap();
    }
}

/// The tree that the host collector sees, and the credential that only the service is given.
fn tree(set: &Set, at: &Path, split_usr: bool) -> Tree {
    let files = at.join("files");
    if !split_usr {
        std::fs::create_dir_all(files.join("usr/lib")).unwrap();
        symlink("usr/lib", files.join("lib")).unwrap();
    }
    std::fs::create_dir_all(files.join("dev")).unwrap();
    std::fs::write(files.join("dev/null"), "").unwrap();
    let mut tree = sysctl_d::collect(&HostRoot::open(&files).unwrap());
    tree.credential = set.credential.as_ref().map(|bytes| File {
        content: Content::Bytes(bytes.clone()),
        ..File::new("/creds/sysctl.extra", "")
    });
    tree
}

/// The text that is written last, where the files accept everything as plain files do. Several,
/// where an old systemd follows `..` and so writes the same file under two names.
fn written(found: &Resolution, key: &str, is_followed: bool) -> Vec<String> {
    let next = found.keys.iter().find(|next| next.key == key).unwrap();
    let refused = next
        .overrides
        .iter()
        .filter(|over| over.reason == OverrideReason::Refused);
    let mut words: Vec<_> = next
        .set
        .iter()
        .chain(refused.rev().map(|over| &over.assignment))
        .map(|word| word.value.clone())
        .collect();
    if words.is_empty() {
        words.push(UNTOUCHED.to_owned());
    }
    words.truncate(if is_followed { words.len() } else { 1 });
    words
}

/// The number that `sysctl --system` leaves.
fn theirs(found: &Resolution, key: &str) -> Option<i32> {
    let next = found.keys.iter().find(|next| next.key == key).unwrap();
    let set = match &next.sysctl_system {
        Some(other) => other.set.as_ref(),
        None => next.set.as_ref(),
    };
    set.and_then(|word| word.outcome.value())
}

const SYSTEMD_SYSCTL: &str = "/usr/lib/systemd/systemd-sysctl";
const SYSCTL_SYSTEM: &str = "/usr/sbin/sysctl --system";

fn compare(version: u16, suite: &str, program: &str) {
    must_be_root();
    let root = lab(version, suite);
    let split_usr = !std::fs::symlink_metadata(root.join("lib"))
        .unwrap()
        .is_symlink();
    let count = number("PREFLIGHT_CASES", || 300);
    let mut random = Random::new(seed(), program == SYSCTL_SYSTEM);
    let work = tempfile::tempdir().unwrap();
    let sets: Vec<(Set, PathBuf)> = (0..count)
        .map(|index| {
            let set = Set::new(
                &mut random,
                split_usr,
                version >= 252 && program == SYSTEMD_SYSCTL,
            );
            let at = work.path().join("sets").join(format!("{index:06}"));
            build(&set, &at);
            (set, at)
        })
        .collect();
    let paths = KEYS.map(|key| key.replace('.', "/")).join(" ");
    let status = Command::new("unshare")
        .args(["-m", "sh", "-c", DRIVER, "driver"])
        .args([&root, work.path()])
        .env("KEYS", paths)
        .env("PROGRAM", program)
        .env("UNTOUCHED", UNTOUCHED)
        .status()
        .unwrap();
    assert!(status.success(), "the driver failed: {status}");
    let mut wrong = Vec::new();
    for (set, at) in &sets {
        let out = std::fs::read(at.join("out")).unwrap();
        let mut lines = out
            .split(|&byte| byte == b'\n')
            .map(String::from_utf8_lossy);
        let rc = lines.next().unwrap().into_owned();
        let found = resolve(&tree(set, at, split_usr), &KEYS, Dialect::of(version));
        let fails =
            |kind| kind != SysctlProblemKind::Refused && kind != SysctlProblemKind::Misspelt;
        let predicted = found
            .problems
            .iter()
            .any(|problem| problem.fails && fails(problem.kind));
        let is_systemd = program == SYSTEMD_SYSCTL;
        let mut differs = (is_systemd && rc != u8::from(predicted).to_string())
            .then(|| format!("exit status: {rc}, predicted {predicted}"))
            .into_iter()
            .collect::<Vec<_>>();
        for key in KEYS {
            let real = lines.next().unwrap();
            let ours = written(&found, key, version < 248 && set.has_parent());
            let path = key.replace('.', "/");
            let is_right = if !is_systemd && set.has_parent() {
                // It follows `..`; that is not worth predicting.
                true
            } else if is_systemd {
                ours.iter().any(|ours| *ours == real)
            } else {
                theirs(&found, key) == kernel::write(path.as_bytes(), real.as_bytes()).value()
            };
            if !is_right {
                differs.push(format!("{key}: {real:?}, predicted {ours:?}"));
            }
        }
        if !differs.is_empty() {
            let log = std::fs::read(at.join("log")).unwrap();
            wrong.push(format!(
                "{}\n{set:?}\n{}",
                differs.join("\n"),
                String::from_utf8_lossy(&log)
            ));
        }
    }
    let first: Vec<_> = wrong.iter().take(3).cloned().collect();
    assert!(
        wrong.is_empty(),
        "{} of {count} differ; the first:\n{}",
        wrong.len(),
        first.join("\n----\n")
    );
}

#[test]
fn systemd_247_does_as_predicted() {
    compare(247, "bullseye", SYSTEMD_SYSCTL);
}

#[test]
fn systemd_252_does_as_predicted() {
    compare(252, "bookworm", SYSTEMD_SYSCTL);
}

#[test]
fn systemd_257_does_as_predicted() {
    compare(257, "trixie", SYSTEMD_SYSCTL);
}

/// Writes each text to a parameter, and notes what it holds then.
const SCRIPT: &str = r#"
    cd "$1"
    tag=/proc/sys/net/ipv4/conf/lo/tag
    for text in *.in; do
        echo 77 > $tag
        if cat "$text" > $tag 2> /dev/null; then cat $tag; else echo refused; fi > "$text.out"
    done"#;

#[test]
fn sysctl_system_does_as_predicted() {
    compare(257, "trixie", SYSCTL_SYSTEM);
}

/// `net.ipv4.conf.lo.tag` is a plain integer like `kernel.panic`, and each network namespace has
/// its own.
#[test]
fn the_kernel_reads_numbers_as_predicted() {
    must_be_root();
    let mut random = Random::new(seed(), false);
    let work = tempfile::tempdir().unwrap();
    let texts: Vec<Vec<u8>> = (0..number("PREFLIGHT_CASES", || 300))
        .map(|_| random.number_text())
        .collect();
    for (index, text) in texts.iter().enumerate() {
        let line = [text.as_slice(), b"\n"].concat();
        std::fs::write(work.path().join(format!("{index}.in")), line).unwrap();
    }
    let status = Command::new("unshare")
        .args(["-n", "sh", "-c", SCRIPT, "script"])
        .arg(work.path())
        .status()
        .unwrap();
    assert!(status.success(), "the script failed: {status}");
    for (index, text) in texts.iter().enumerate() {
        let out = work.path().join(format!("{index}.in.out"));
        let real = std::fs::read_to_string(out).unwrap();
        let ours = kernel::write(b"kernel/panic", text)
            .value()
            .map_or_else(|| "refused".to_owned(), |value| value.to_string());
        assert_eq!(real.trim_end(), ours, "{:?}", String::from_utf8_lossy(text));
    }
}
