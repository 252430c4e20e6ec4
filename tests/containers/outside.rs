//! Acts on the processes of a container from outside it, where their PIDs differ. The script in the
//! container and the test outside exchange messages through files in /out.

use std::fs;
use std::os::linux::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

/// Functions with which the script waits for the test and sends to it.
pub(crate) const SCRIPT: &str = r#"
tell() { echo "$2" >"/out/$1.part"; mv "/out/$1.part" "/out/$1"; }
heard() { until [ -e "/out/$1" ]; do sleep 0.01; done; cat "/out/$1"; rm "/out/$1"; }
"#;

/// How long to wait for a message: after that the script has ended.
const PATIENCE: Duration = Duration::from_mins(1);

/// Sends a text to the script under this name.
pub(crate) fn send(out: &Path, name: &str, text: &str) {
    let part = out.join(format!("{name}.part"));
    fs::write(&part, text).expect("write a file");
    fs::rename(part, out.join(name)).expect("rename a file");
}

/// Waits for what the script sends under this name.
pub(crate) fn receive(out: &Path, name: &str) -> String {
    let begun = Instant::now();
    let path = out.join(name);
    while !path.exists() {
        assert!(
            begun.elapsed() < PATIENCE,
            "the script does not send {name}"
        );
        sleep(Duration::from_millis(2));
    }
    let text = fs::read_to_string(&path).expect("read a file");
    fs::remove_file(path).expect("remove a file");
    text.trim().to_owned()
}

/// The process that has this PID in the container.
pub(crate) fn process(out: &Path, number: &str) -> Pid {
    let same = |dir: &Path| {
        let identity = |path: &Path| {
            let meta = fs::metadata(path).ok()?;
            Some((meta.st_dev(), meta.st_ino()))
        };
        identity(&dir.join("root/out")) == identity(out)
    };
    fs::read_dir("/proc")
        .expect("list /proc")
        .find_map(|entry| {
            let dir = entry.ok()?.path();
            let pid = dir.file_name()?.to_str()?.parse().ok()?;
            let status = fs::read_to_string(dir.join("status")).ok()?;
            let mut lines = status.lines();
            // One PID for each namespace, the innermost last.
            let numbers: Vec<_> = lines
                .find(|line| line.starts_with("NSpid:"))?
                .split_whitespace()
                .collect();
            (numbers.len() > 2 && numbers.last() == Some(&number) && same(&dir))
                .then(|| Pid::from_raw(pid))
        })
        .unwrap_or_else(|| panic!("the container has no process {number}"))
}
