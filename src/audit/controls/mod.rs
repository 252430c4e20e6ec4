//! Every control, in the order of the benchmark. Numbers and how each counts are facts about the
//! published benchmarks and the scanners' profiles for RKE2 (rancher/security-scan 38bebe7,
//! rke2-docs 9477b7b); words are our own.

mod api_server;
mod components;
mod control_plane_files;
mod etcd;
mod guide;
mod node;
mod settings;

pub(super) use settings::{EVENT_QPS, PROTECT_KERNEL_DEFAULTS, SECCOMP_DEFAULT};

use super::benchmark::Benchmark;
use super::control::{Control, Criterion, Edition, FileSet, Limit};

/// Files that hold configuration or credentials.
const CLOSED: Limit = Limit {
    usual: 0o600,
    other: 0o644,
    in_benchmarks: &[Benchmark::V1_6, Benchmark::V1_23],
};
/// Certificates: public, but some benchmarks have them closed all the same.
const CERTIFICATES: Limit = Limit {
    usual: 0o644,
    other: 0o600,
    in_benchmarks: &[
        Benchmark::V1_24,
        Benchmark::V1_7,
        Benchmark::V1_8,
        Benchmark::V1_9,
        Benchmark::V1_10,
    ],
};
/// Private keys.
const KEYS: Limit = always(0o600);
/// A directory that only its owner may enter.
const DIRECTORY: Limit = always(0o700);
/// The kubelet's drop-ins.
const CONFIGURATION: FileSet = FileSet::Suffix("agent/etc/kubelet.conf.d", ".conf");

const fn always(usual: u32) -> Limit {
    Limit {
        usual,
        other: usual,
        in_benchmarks: &[],
    }
}

/// All controls that any benchmark has, and the guide's questions behind them.
pub fn all() -> impl Iterator<Item = &'static Control> {
    [
        control_plane_files::CONTROLS,
        api_server::CONTROLS,
        components::CONTROLS,
        etcd::CONTROLS,
        node::CONTROLS,
        guide::CONTROLS,
    ]
    .into_iter()
    .flatten()
}

/// The controls of `benchmark` by number, the guide's questions last.
pub fn of(benchmark: Benchmark) -> Vec<(&'static Control, Edition)> {
    asking(benchmark, |_| true)
}

/// Those of them whose criterion `wanted` accepts: cheap where there are few.
pub(crate) fn asking(
    benchmark: Benchmark,
    wanted: impl Fn(&Criterion) -> bool,
) -> Vec<(&'static Control, Edition)> {
    let mut controls: Vec<(&Control, Edition)> = all()
        .filter(|control| wanted(&control.criterion))
        .filter_map(|control| Some((control, control.edition(benchmark)?)))
        .collect();
    controls.sort_by_cached_key(|(control, edition)| (control.is_beyond(), numbers(edition.id)));
    controls
}

/// `1.2.10` as numbers, so that it sorts behind `1.2.9`.
pub(crate) fn numbers(id: &str) -> Vec<u32> {
    id.split('.').filter_map(|part| part.parse().ok()).collect()
}

/// Whether it is the key of a control, or its number in any benchmark.
pub(crate) fn is_known(name: &str) -> bool {
    all().any(|control| {
        control.key == name
            || Benchmark::ALL
                .iter()
                .filter_map(|benchmark| control.edition(*benchmark))
                .any(|edition| edition.id == name)
    })
}

/// Every key.
pub fn keys() -> Vec<&'static str> {
    all().map(|control| control.key).collect()
}

#[cfg(test)]
mod tests;
