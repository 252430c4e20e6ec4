//! The command. Everything it does is in the library.

fn main() -> std::process::ExitCode {
    preflight_rke2::run(std::env::args_os())
}
