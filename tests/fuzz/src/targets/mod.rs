//! What is done with one input, by target. An input is bytes; those that have parts are split at
//! the ASCII record separator, which no reader gives a meaning to.
//!
//! Compiled into the fuzzer, and into the test that replays inputs which once found something.

mod accounts;
mod audit;
mod cmdline;
mod config;
mod elf;
mod host;
mod kubelet_conf;
mod kubernetes;
pub(crate) mod node;
mod settings_toml;
mod sysctl_d;
mod units;
mod whole;

/// Does with an input all that a target checks; panics over what must not be.
pub(crate) type Run = fn(&[u8]);

/// Every target, by name.
pub(crate) const TARGETS: [(&str, Run); 17] = [
    ("accounts", accounts::run),
    ("audit", audit::run),
    ("cmdline", cmdline::run),
    ("config", config::run),
    ("elf", elf::run),
    ("kubelet_conf", kubelet_conf::run),
    ("kubernetes_command_line", kubernetes::command_line),
    ("kubernetes_file", kubernetes::file),
    ("kubernetes_kubelet", kubernetes::kubelet),
    ("kubernetes_log", kubernetes::log),
    ("node_advice", node::advice),
    ("node_network", node::network),
    ("node_state", node::state),
    ("settings_toml", settings_toml::run),
    ("sysctl_d", sysctl_d::run),
    ("units", units::run),
    ("whole", whole::run),
];

/// The target of that name.
pub(crate) fn find(name: &str) -> Option<Run> {
    let mut targets = TARGETS.into_iter();
    targets
        .find(|(target, _)| *target == name)
        .map(|(_, run)| run)
}

/// Separates the parts of an input.
const SEPARATOR: u8 = 0x1e;

/// The parts of an input.
fn parts(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.split(|byte| *byte == SEPARATOR)
}

/// The parts after the first one, each with the letter that it begins with.
fn lettered(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    parts(data)
        .skip(1)
        .filter_map(|part| part.split_first())
        .map(|(letter, rest)| (*letter, rest))
}

/// The byte of the first part at `index`, 0 where there is none.
fn switch(data: &[u8], index: usize) -> u8 {
    let head = parts(data).next().unwrap_or_default();
    head.get(index).copied().unwrap_or_default()
}
