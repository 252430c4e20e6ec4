//! What RKE2 is and what it will run with: its version, and the rules that came with it.
//!
//! Pure: no file is read here.

pub mod build_info;
pub mod installed;
pub mod version;
