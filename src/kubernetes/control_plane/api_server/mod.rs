//! What ends the API server.
//!
//! ```text
//! completion      options are completed: service addresses, keys of service accounts
//! validation      options are checked together, and all errors reported
//!   addresses, generic, etcd, authentication, authorization, audit, admission, apis
//! configuration   options are applied, in order: the first error counts
//! files           what it reads
//! ```

mod addresses;
mod admission;
mod apis;
mod audit;
mod authentication;
mod authorization;
mod completion;
mod configuration;
mod etcd;
mod files;
mod generic;
mod validation;

use super::logs;
use super::options::Options;
use super::state::Files;
pub(super) use admission::is_plugin as is_admission_plugin;

use crate::kubernetes::Failure;

/// The error that it exits with.
pub(super) fn failure(options: &Options, files: &Files<'_>) -> Option<Failure> {
    logs::failure(options)
        .or_else(|| completion::failure(options, files))
        .or_else(|| validation::failure(options, files))
        .or_else(|| configuration::failure(options, files))
}
