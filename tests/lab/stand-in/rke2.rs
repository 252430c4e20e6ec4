//! Stands where RKE2's program would. That is an ELF file, which is asked for its version where a
//! script would not be; all it does is hand over to the script `rke2.sh`.
#![expect(clippy::disallowed_types, reason = "it becomes another program")]

use std::os::unix::process::CommandExt;
use std::process::Command;

fn main() -> std::io::Result<()> {
    let mut script = Command::new("/usr/local/lib/rke2-stand-in");
    Err(script.args(std::env::args_os().skip(1)).exec())
}
