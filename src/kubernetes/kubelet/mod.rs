//! What ends the kubelet, in the order in which it checks (`cmd/kubelet/app/server.go`).
//!
//! | step | here |
//! |---|---|
//! | its command line, feature gates of flags, node labels | [`flags::KubeletFlags::parse`] |
//! | the files behind `--config` and `--config-dir` | [`configuration::load`] |
//! | flags over files, feature gates of both | [`flags::KubeletFlags::apply_to`], [`start::gates`] |
//! | logging (since 1.25 before, in 1.24 after the next step) | [`start::logging`] |
//! | the configuration | [`validation::validate`] |
//! | what it opens and builds before it calls the container runtime | [`start::before_runtime`] |
//! | what follows once the runtime has answered | [`start::after_runtime`] |
//! | in it: what is reserved, and who manages it | [`resources`] |
//! | in it: the kubelet itself is created | [`creation`] |
//!
//! [`outcome::outcome`] goes through all of them. [`outcome::takes`] asks only the checks that read something of what
//! a user's arguments set, which costs a tenth. What the kubelet finds on its machine is [`machine::Machine`].

pub(crate) mod configuration;
pub(crate) mod context;
mod creation;
pub(crate) mod flags;
pub(crate) mod machine;
pub(crate) mod outcome;
mod parts;
mod resources;
pub(crate) mod start;
pub(crate) mod validation;
