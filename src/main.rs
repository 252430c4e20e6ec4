//! The command. Everything it does is in the library.

fn main() -> std::process::ExitCode {
    preflight_rke2::cli::run(std::env::args_os())
}
