//! Completion scripts.

use clap::Command;
use clap_complete::Shell;

/// The script with which a shell completes the command line of a program.
pub fn script(shell: Shell, program: &mut Command) -> String {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, program, &name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    if shell != Shell::Bash {
        return script;
    }
    // clap_complete up to 4.6.11 writes the hyphens of a program's name in two ways, so that nothing is completed behind a
    // subcommand: https://github.com/clap-rs/clap/issues/6421.
    let state = |hyphen: &str| format!("{}__subcmd__", name.replace('-', hyphen));
    script.replace(&state("__subcmd__"), &state("__"))
}
