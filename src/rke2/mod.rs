//! What RKE2 is and what it will run with: its version, and the rules that came with it.
//!
//! Pure: no file is read here.

pub mod accounts;
pub mod build_info;
pub mod config;
pub mod installed;
pub mod kernel;
pub mod packaged;
pub mod profile;
pub mod releases;
pub mod role;
pub mod start;
mod table;
pub mod version;

pub use role::Role;
