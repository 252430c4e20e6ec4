//! What RKE2 is and what it will run with: its version, and the rules that came with it.
//!
//! Pure: no file is read here.

pub(crate) mod accounts;
pub(crate) mod build_info;
pub(crate) mod changes;
pub(crate) mod components;
pub(crate) mod config;
pub(crate) mod config_advice;
pub(crate) mod control_group;
mod flag_history;
pub(crate) mod installed;
pub(crate) mod kernel;
pub(crate) mod kubelet_defaults;
pub(crate) mod layout;
pub(crate) mod node;
pub(crate) mod own_refusals;
pub(crate) mod packaged;
pub(crate) mod profile;
pub(crate) mod refusals;
pub(crate) mod releases;
pub(crate) mod role;
pub(crate) mod start;
pub(crate) mod subordinate_ids;
mod table;
pub(crate) mod version;

pub use role::Role;
