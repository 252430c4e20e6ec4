//! The memory of the program, while it runs.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What a command prints, by way of the file `out`, and the most memory that it had, in kB. The kernel's count at its end
/// would be that of this process, whose memory it shares until it runs.
pub(crate) fn measured(command: &mut Command, out: &Path) -> (Vec<u8>, u64) {
    let file = File::create(out).unwrap();
    let mut child = command.stdout(file).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = now.unwrap_or(0).max(peak);
        std::thread::sleep(Duration::from_millis(2));
    }
    (std::fs::read(out).unwrap(), peak)
}
