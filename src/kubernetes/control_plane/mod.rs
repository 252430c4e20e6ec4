//! What ends the API server, the controller manager, the scheduler, kube-proxy and the cloud controller
//! manager over their arguments and files.
//!
//! Written after `k8s.io/kubernetes` 1.24 to 1.37 and its staging modules; where releases differ, the first
//! minor is given. What a file or the machine decides that is not known here (certificates, ports that are in
//! use, CEL expressions) fails nothing.
//!
//! ```text
//! state          what is known of a file
//! options        the arguments, by flag, with defaults
//! errors         errors that a component collects, errors about fields
//! document       a configuration file, decoded, and its fields
//! logs, metrics, versions, serving, delegation, client, election
//!                options that components share
//! network        networks
//! url, regexp    Go's errors about URLs and regular expressions
//! api_server     kube-apiserver
//! controller_manager, scheduler, proxy
//!                kube-controller-manager, kube-scheduler, kube-proxy
//! ```

mod api_server;
mod client;
mod controller_manager;
mod delegation;
mod document;
mod election;
mod errors;
mod logs;
mod metrics;
mod network;
mod options;
mod proxy;
mod regexp;
mod scheduler;
mod serving;
mod state;
mod url;
mod versions;

use super::{Failure, Minor, Program, arguments};
use options::Options;
pub use state::FileState;
use state::Files;

/// The error that a component of the control plane exits with, if its arguments and files decide so.
///
/// `arguments` are without the name of the program. `files` is asked for paths that arguments and other files
/// name. Nothing is foreseen for the kubelet, which has a module of its own. Of the cloud controller manager, which
/// each cloud makes its own of, flags, values and gates alone are known.
pub fn judge(
    program: Program,
    minor: Minor,
    arguments: &[String],
    files: &Files<'_>,
) -> Option<Failure> {
    match read(program, minor, arguments, files) {
        Ok(failure) => failure,
        Err(failure) => Some(failure),
    }
}

fn read(
    program: Program,
    minor: Minor,
    arguments: &[String],
    files: &Files<'_>,
) -> Result<Option<Failure>, Failure> {
    let parsed = arguments::parse(program, minor, arguments)?;
    if program == Program::Proxy {
        return Ok(proxy::failure(minor, parsed, files));
    }
    let gates = arguments::component_gates(program, minor, &parsed)?;
    let options = Options::new(minor, parsed, gates);
    Ok(match program {
        Program::ApiServer => api_server::failure(&options, files),
        Program::ControllerManager => controller_manager::failure(&options, files),
        Program::Scheduler => scheduler::failure(&options, files),
        Program::Kubelet | Program::Proxy | Program::CloudControllerManager => None,
    })
}

/// Whether the API server of a release has an admission plugin of this name.
pub(crate) fn is_admission_plugin(minor: Minor, name: &str) -> bool {
    api_server::is_admission_plugin(minor, name)
}

/// Whether the controller manager of a release has a controller of this name.
pub(crate) fn is_controller(minor: Minor, name: &str) -> bool {
    controller_manager::is_known(minor, name)
}
