//! A stand-in for RKE2's program. It is an ELF file, because scripts are not run for their version; it
//! only executes the script `rke2.sh`.
#![expect(clippy::disallowed_types, reason = "it executes another program")]

use std::os::unix::process::CommandExt;
use std::process::Command;

fn main() -> std::io::Result<()> {
    let mut script = Command::new("/usr/local/lib/rke2-stand-in");
    Err(script.args(std::env::args_os().skip(1)).exec())
}
