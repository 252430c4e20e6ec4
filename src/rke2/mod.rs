//! What RKE2 is and what it will run with: its version, and the rules that came with it.
//!
//! Pure: no file is read here.

pub mod config;
pub mod role;
pub mod version;

pub use role::Role;
