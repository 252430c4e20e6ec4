//! What ends the API server, the controller manager, the scheduler, kube-proxy and the cloud controller
//! manager over their arguments and files.
//!
//! Written after `k8s.io/kubernetes` 1.24 to 1.37 and its staging modules; where releases differ, the first
//! minor is given. What a file or the machine decides that is not known here (certificates, ports that are in
//! use, CEL expressions) fails nothing.
//!
//! ```text
//! state         what is known of a file
//! options       the arguments, by flag, with defaults
//! errors        errors that a component collects, errors about fields
//! logs, metrics options that all components share
//! url, regexp   Go's errors about URLs and regular expressions
//! api_server    kube-apiserver
//! ```

mod api_server;
mod errors;
mod logs;
mod metrics;
mod options;
mod regexp;
mod state;
mod url;

use super::{Failure, Minor, Program, arguments};
use options::Options;
pub use state::FileState;
use state::Files;

/// The error that a component of the control plane exits with, if its arguments and files decide so.
///
/// `arguments` are without the name of the program. `files` is asked for paths that arguments and other files
/// name. Nothing is foreseen for the kubelet, which has a module of its own.
pub fn judge(
    program: Program,
    minor: Minor,
    arguments: &[String],
    files: &Files<'_>,
) -> Option<Failure> {
    let options = match read(program, minor, arguments) {
        Ok(options) => options,
        Err(failure) => return Some(failure),
    };
    match program {
        Program::ApiServer => api_server::failure(&options, files),
        _ => None,
    }
}

fn read(program: Program, minor: Minor, arguments: &[String]) -> Result<Options, Failure> {
    let parsed = arguments::parse(program, minor, arguments)?;
    let gates = arguments::component_gates(program, minor, &parsed)?;
    Ok(Options::new(minor, parsed, gates))
}
