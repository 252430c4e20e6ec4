//! What is reserved of the machine, what of it evictions keep free, and the managers of topology, processors and
//! memory.
//!
//! Upstream: `cmd/kubelet/app/server.go` (`run`), `pkg/kubelet/eviction/helpers.go`,
//! `pkg/kubelet/cm/{container_manager_linux,node_container_manager_linux}.go`,
//! `pkg/kubelet/cm/{cpumanager,memorymanager,topologymanager}`; 1.24 to 1.37.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::context::{Run, Start};
use super::machine::Numbers;
use super::parts::Part;
use crate::go;
use crate::kubernetes::codec::number;
use crate::kubernetes::codec::quantity::{self, Amount, Format};
use crate::kubernetes::{Failure, Minor};

/// Since which minor resources that cannot be reserved are refused with the flag's name.
const RESERVED_WORDS: Minor = Minor(27);
/// Since which minor a reservation over the capacity is called so. Before, it is called an allocatable.
const RESERVATION_WORDS: Minor = Minor(30);
/// Since which minor levels of options of the topology manager are written small.
const SMALL_LEVELS: Minor = Minor(33);
/// The last minor in which a gate can turn a manager off.
const LAST_MANAGER_GATES: Minor = Minor(27);
/// The last minor in which a gate can turn the options of the processors' manager off.
const LAST_CPU_OPTIONS_GATE: Minor = Minor(32);
/// Since which minor the topology manager has options.
const TOPOLOGY_OPTIONS: Minor = Minor(26);
/// Since which minor the policy `BestEffort` of memory is known, for other systems.
const BEST_EFFORT: Minor = Minor(32);

/// Since which minor limited swap is refused with control groups of version 1.
const LIMITED_SWAP: Minor = Minor(30);
/// Since which minor the error about swap does not list it.
const SWAP_WORDS: Minor = Minor(31);

/// Signals of evictions: those of the file system of containers since 1.30.
const SIGNALS: [(&str, Minor); 9] = [
    ("allocatableMemory.available", Minor(0)),
    ("containerfs.available", Minor(30)),
    ("containerfs.inodesFree", Minor(30)),
    ("imagefs.available", Minor(0)),
    ("imagefs.inodesFree", Minor(0)),
    ("memory.available", Minor(0)),
    ("nodefs.available", Minor(0)),
    ("nodefs.inodesFree", Minor(0)),
    ("pid.available", Minor(0)),
];

/// An option of a policy: its name, and the minors since which it is alpha, beta and stable.
type PolicyOption = (&'static str, [Option<Minor>; 3]);

const CPU_OPTIONS: [PolicyOption; 6] = [
    ("align-by-socket", [Some(Minor(25)), None, None]),
    (
        "distribute-cpus-across-cores",
        [Some(Minor(31)), None, None],
    ),
    (
        "distribute-cpus-across-numa",
        [Some(Minor(0)), Some(Minor(33)), None],
    ),
    ("full-pcpus-only", [None, Some(Minor(0)), Some(Minor(33))]),
    (
        "prefer-align-cpus-by-uncorecache",
        [Some(Minor(32)), Some(Minor(34)), Some(Minor(36))],
    ),
    (
        "strict-cpu-reservation",
        [Some(Minor(32)), Some(Minor(33)), Some(Minor(35))],
    ),
];
const TOPOLOGY_MANAGER_OPTIONS: [PolicyOption; 2] = [
    (
        "max-allowable-numa-nodes",
        [None, Some(Minor(31)), Some(Minor(35))],
    ),
    (
        "prefer-closest-numa-nodes",
        [Some(Minor(26)), Some(Minor(28)), Some(Minor(32))],
    ),
];
/// Options of the processors' manager that exclude each other, in the order in which they are checked.
const EXCLUSIVE: [[&str; 2]; 4] = [
    ["full-pcpus-only", "distribute-cpus-across-cores"],
    [
        "distribute-cpus-across-numa",
        "distribute-cpus-across-cores",
    ],
    [
        "prefer-align-cpus-by-uncorecache",
        "distribute-cpus-across-cores",
    ],
    [
        "prefer-align-cpus-by-uncorecache",
        "distribute-cpus-across-numa",
    ],
];
/// NUMA nodes that the topology manager takes at least.
const NUMA_NODES: i64 = 8;

/// Each check from the reserved processors to the manager of memory.
pub(super) const MANAGED: &[Part<Run>] = &[
    Part {
        run: processors,
        reads: &["reservedSystemCPUs"],
    },
    Part {
        run: reservations,
        reads: &[
            "kubeReserved",
            "systemReserved",
            "reservedSystemCPUs",
            "evictionHard",
            "qosReserved",
            "--experimental-allocatable-ignore-eviction",
        ],
    },
    Part {
        run: option_gates,
        reads: &[
            "cpuManagerPolicyOptions",
            "topologyManagerPolicyOptions",
            "featureGates.CPUManager",
            "featureGates.CPUManagerPolicyOptions",
            "featureGates.TopologyManager",
            "featureGates.TopologyManagerPolicyOptions",
        ],
    },
    Part {
        run: swap,
        reads: &[
            "failSwapOn",
            "memorySwap.swapBehavior",
            "featureGates.NodeSwap",
        ],
    },
    Part {
        run: managers,
        reads: &[
            "topologyManagerPolicy",
            "topologyManagerPolicyOptions",
            "cpuManagerPolicy",
            "cpuManagerPolicyOptions",
            "reservedSystemCPUs",
            "memoryManagerPolicy",
            "reservedMemory",
            "kubeReserved",
            "systemReserved",
            "evictionHard",
            "mergeDefaultEvictionSettings",
            "--experimental-allocatable-ignore-eviction",
            "featureGates.TopologyManager",
            "featureGates.TopologyManagerPolicyOptions",
            "featureGates.TopologyManagerPolicyAlphaOptions",
            "featureGates.TopologyManagerPolicyBetaOptions",
            "featureGates.CPUManager",
            "featureGates.CPUManagerPolicyOptions",
            "featureGates.CPUManagerPolicyAlphaOptions",
            "featureGates.CPUManagerPolicyBetaOptions",
            "featureGates.MemoryManager",
        ],
    },
];

/// That nothing is reserved that the machine does not have.
pub(super) const ALLOCATABLE: Part<Run> = Part {
    run: allocatable,
    reads: &[
        "kubeReserved",
        "systemReserved",
        "reservedSystemCPUs",
        "evictionHard",
        "mergeDefaultEvictionSettings",
        "--experimental-allocatable-ignore-eviction",
    ],
};

fn fail(start: &Start<'_>, error: &str, fields: &[&str]) -> Result<(), Failure> {
    Err(start.failure(format!("failed to run Kubelet: {error}"), fields))
}

/// `getReservedCPUs`. A list that cannot be read was refused with the configuration.
fn processors(start: &Start<'_>) -> Result<(), Failure> {
    let field = "reservedSystemCPUs";
    let text = start.text(field).unwrap_or("");
    let Some(reserved) = Numbers::parse(text).filter(|list| !list.is_empty()) else {
        return Ok(());
    };
    match (start.machine.cpus)() {
        Some(online) if !reserved.is_within(&online) => {
            let error = format!("reserved-cpus: {text} is not a subset of online-cpus: {online}");
            fail(start, &error, &[field])
        }
        _ => Ok(()),
    }
}

/// What is reserved, and the thresholds of hard evictions.
fn reservations(start: &Start<'_>) -> Result<(), Failure> {
    let minor = start.flags.minor();
    for (field, flag) in [
        ("kubeReserved", "kube-reserved"),
        ("systemReserved", "system-reserved"),
    ] {
        let replaces_cpu = start
            .text("reservedSystemCPUs")
            .is_some_and(|list| !list.is_empty());
        for (resource, amount) in start.pairs(field) {
            if replaces_cpu && resource == "cpu" {
                continue;
            }
            if let Some(error) = reservation_error(minor, resource, amount) {
                let error = if minor < RESERVED_WORDS {
                    error
                } else {
                    format!("--{flag} value failed to parse: {error}")
                };
                return fail(start, &error, &[field]);
            }
        }
    }
    if !ignores_evictions(start)
        && let Some(error) = thresholds_error(start, "evictionHard")
    {
        return fail(start, &error, &["evictionHard"]);
    }
    for (resource, amount) in start.pairs("qosReserved") {
        let error = if resource == "memory" {
            percentage_error(amount).map(|error| {
                if minor < RESERVED_WORDS {
                    return error;
                }
                let amount = go::quote(amount.as_bytes());
                format!("failed to parse percentage {amount} for \"memory\" resource: {error}")
            })
        } else {
            Some(format!(
                "cannot reserve {} resource",
                go::quote(resource.as_bytes())
            ))
        };
        if let Some(error) = error {
            let error = if minor < RESERVED_WORDS {
                error
            } else {
                format!("--qos-reserved value failed to parse: {error}")
            };
            return fail(start, &error, &["qosReserved"]);
        }
    }
    Ok(())
}

fn ignores_evictions(start: &Start<'_>) -> bool {
    start
        .flags
        .is_set("experimental-allocatable-ignore-eviction")
}

/// `parseResourceList`, of one resource.
fn reservation_error(minor: Minor, resource: &str, amount: &str) -> Option<String> {
    let quoted = go::quote(resource.as_bytes());
    if !["cpu", "memory", "ephemeral-storage", "pid"].contains(&resource) {
        return Some(format!("cannot reserve {quoted} resource"));
    }
    match quantity::parse(amount) {
        Err(error) if minor < RESERVED_WORDS => Some(error),
        Err(error) => Some(format!(
            "failed to parse quantity {} for {quoted} resource: {error}",
            go::quote(amount.as_bytes())
        )),
        Ok(quantity) if quantity.is_negative && !quantity.is_zero => Some(format!(
            "resource quantity for {quoted} cannot be negative: {amount}"
        )),
        Ok(_) => None,
    }
}

/// `parseThresholdStatements`.
pub(super) fn thresholds_error(start: &Start<'_>, field: &str) -> Option<String> {
    let minor = start.flags.minor();
    let mut pairs = start.pairs(field).into_iter();
    pairs.find_map(|(signal, amount)| threshold_error(minor, signal, amount))
}

/// Whether there is such a signal.
pub(super) fn is_signal(minor: Minor, signal: &str) -> bool {
    SIGNALS
        .iter()
        .any(|&(known, since)| known == signal && minor >= since)
}

/// Whether a threshold is one: `0%` and `100%` stand for none.
pub(super) fn is_threshold(amount: &str) -> bool {
    !matches!(amount, "0%" | "100%")
}

/// `parseThresholdStatement`.
fn threshold_error(minor: Minor, signal: &str, amount: &str) -> Option<String> {
    if !is_signal(minor, signal) {
        return Some(format!("unsupported eviction signal {signal}"));
    }
    if amount.ends_with('%') {
        if !is_threshold(amount) {
            return None;
        }
        return match number::parse_float(amount.trim_end_matches('%'), 32) {
            Err(error) => Some(error),
            Ok(percentage) if percentage < 0.0 => Some(format!(
                "eviction percentage threshold {signal} must be >= 0%: {amount}"
            )),
            Ok(percentage) if percentage > 100.0 => Some(format!(
                "eviction percentage threshold {signal} must be <= 100%: {amount}"
            )),
            Ok(_) => None,
        };
    }
    match quantity::parse(amount) {
        Err(error) => Some(error),
        Ok(quantity) if quantity.is_zero || quantity.is_negative => Some(format!(
            "eviction threshold {signal} must be positive: {amount}"
        )),
        Ok(_) => None,
    }
}

/// `parsePercentage` of the container manager.
fn percentage_error(text: &str) -> Option<String> {
    if !text.ends_with('%') {
        return Some(format!("percentage expected, got '{text}'"));
    }
    match number::parse_int(text.trim_end_matches('%'), 10, 64) {
        Err(_) => Some(format!("invalid number in percentage '{text}'")),
        Ok(0..=100) => None,
        Ok(_) => Some("percentage must be between 0 and 100".to_owned()),
    }
}

/// Options of managers that a gate turns off.
fn option_gates(start: &Start<'_>) -> Result<(), Failure> {
    let minor = start.flags.minor();
    let has_gate = |gate| minor > LAST_MANAGER_GATES || start.is_enabled(gate);
    let field = "cpuManagerPolicyOptions";
    let gate = "CPUManagerPolicyOptions";
    let options = start.pairs(field);
    if minor <= LAST_CPU_OPTIONS_GATE
        && !options.is_empty()
        && (minor > Minor(24) || has_gate("CPUManager"))
        && !start.is_enabled(gate)
    {
        let error = format!(
            "CPU Manager policy options {} require feature gates \"CPUManager\", \"{gate}\" enabled",
            map(&options)
        );
        return fail(start, &error, &[field, "featureGates"]);
    }
    let field = "topologyManagerPolicyOptions";
    let gate = "TopologyManagerPolicyOptions";
    let options = start.pairs(field);
    if minor >= TOPOLOGY_OPTIONS
        && !options.is_empty()
        && (minor > TOPOLOGY_OPTIONS || has_gate("TopologyManager"))
        && !start.is_enabled(gate)
    {
        let both = if minor == TOPOLOGY_OPTIONS {
            "\"TopologyManager\", "
        } else {
            ""
        };
        let error = format!(
            "topology manager policy options {} require feature gates {both}\"{gate}\" enabled",
            map(&options)
        );
        return fail(start, &error, &[field, "featureGates"]);
    }
    Ok(())
}

/// A map as Go prints it.
fn map(pairs: &BTreeMap<&str, &str>) -> String {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(key, value)| format!("{key}:{value}"))
        .collect();
    format!("map[{}]", pairs.join(" "))
}

/// Swap, unless it may be on; and the behavior that control groups of version 1 do not have.
fn swap(start: &Start<'_>) -> Result<(), Failure> {
    let minor = start.flags.minor();
    let behavior = "memorySwap.swapBehavior";
    if minor >= LIMITED_SWAP
        && start.text(behavior) == Some("LimitedSwap")
        && start.is_enabled("NodeSwap")
        && (start.machine.has_cgroup_v1)() == Some(true)
    {
        let error =
            "swap feature is enabled and LimitedSwap but it is only supported with cgroupv2";
        return fail(start, error, &[behavior]);
    }
    let field = "failSwapOn";
    if start.is_on(field) != Some(true) {
        return Ok(());
    }
    let Some(swaps) = (start.machine.swaps)() else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(&swaps);
    // The first line is the table's head.
    let lines: Vec<&str> = text.trim().lines().collect();
    if lines.len() < 2 {
        return Ok(());
    }
    let error = if minor < SWAP_WORDS {
        format!(
            "running with swap on is not supported, please disable swap! or set --fail-swap-on flag to false. \
             /proc/swaps contained: [{}]",
            lines.join(" ")
        )
    } else {
        "running with swap on is not supported, please disable swap or set --fail-swap-on flag to false"
            .to_owned()
    };
    fail(start, &error, &[field])
}

/// The managers of topology, processors and memory, which the container manager makes in this order.
fn managers(start: &Start<'_>) -> Result<(), Failure> {
    let has_gate = |gate| start.flags.minor() > LAST_MANAGER_GATES || start.is_enabled(gate);
    if has_gate("TopologyManager") {
        topology(start)?;
    }
    if has_gate("CPUManager") {
        cpu(start)?;
    }
    if has_gate("MemoryManager") {
        memory(start)?;
    }
    Ok(())
}

fn unknown(name: &str) -> String {
    format!("unknown policy: \"{name}\"")
}

fn topology(start: &Start<'_>) -> Result<(), Failure> {
    let policy = start.text("topologyManagerPolicy").unwrap_or("none");
    if policy == "none" {
        return Ok(());
    }
    let field = "topologyManagerPolicyOptions";
    if start.flags.minor() >= TOPOLOGY_OPTIONS {
        for (name, value) in start.pairs(field) {
            if let Some(error) = topology_option_error(start, name, value) {
                return fail(start, &error, &[field]);
            }
        }
    }
    if !["best-effort", "restricted", "single-numa-node"].contains(&policy) {
        return fail(start, &unknown(policy), &["topologyManagerPolicy"]);
    }
    Ok(())
}

fn topology_option_error(start: &Start<'_>, name: &str, value: &str) -> Option<String> {
    let quoted = go::quote(name.as_bytes());
    let minor = start.flags.minor();
    let Some(level) = level(minor, &TOPOLOGY_MANAGER_OPTIONS, name) else {
        return Some(format!("unknown Topology Manager Policy option: {quoted}"));
    };
    if let Some(gate) = level.gate()
        && !start
            .gates
            .is_enabled(&format!("TopologyManagerPolicy{gate}Options"))
    {
        return Some(if minor < SMALL_LEVELS {
            format!(
                "Topology Manager Policy {gate}-level Options not enabled, but option {quoted} provided"
            )
        } else {
            let gate = gate.to_lowercase();
            format!(
                "topology manager policy {gate}-level options not enabled, but option {quoted} provided"
            )
        });
    }
    if name == "prefer-closest-numa-nodes" {
        return switch_error(&quoted, value).err();
    }
    match number::atoi(value) {
        Err(error) => Some(format!(
            "unable to convert policy option to integer {quoted}: {error}"
        )),
        Ok(count) if count < NUMA_NODES => Some(format!(
            "the minimum value of {quoted} should not be less than {NUMA_NODES}"
        )),
        Ok(_) => None,
    }
}

/// The value of an option that is on or off.
fn switch_error(quoted: &str, value: &str) -> Result<bool, String> {
    number::parse_bool(value).map_err(|error| format!("bad value for option {quoted}: {error}"))
}

/// How mature an option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Alpha,
    Beta,
    Stable,
}

impl Level {
    /// The part of the gate's name that lets options of this level.
    const fn gate(self) -> Option<&'static str> {
        match self {
            Self::Alpha => Some("Alpha"),
            Self::Beta => Some("Beta"),
            Self::Stable => None,
        }
    }
}

fn level(minor: Minor, options: &[PolicyOption], name: &str) -> Option<Level> {
    let (_, since) = options.iter().find(|(known, _)| *known == name)?;
    let is_since = |since: Option<Minor>| since.is_some_and(|since| minor >= since);
    let [alpha, beta, stable] = since.map(is_since);
    if stable {
        Some(Level::Stable)
    } else if beta {
        Some(Level::Beta)
    } else if alpha {
        Some(Level::Alpha)
    } else {
        None
    }
}

fn cpu(start: &Start<'_>) -> Result<(), Failure> {
    let (field, options) = ("cpuManagerPolicy", "cpuManagerPolicyOptions");
    match start.text(field).unwrap_or("none") {
        "none" => {
            let given = start.pairs(options);
            if given.is_empty() {
                return Ok(());
            }
            let error = format!(
                "new none policy error: None policy: received unsupported options={}",
                map(&given)
            );
            fail(start, &error, &[options])
        }
        "static" => {
            let reserved = reservation(start, "cpu");
            if reserved.is_some_and(Amount::is_zero) {
                let error =
                    "[cpumanager] unable to determine reserved CPU resources for static policy";
                return fail(start, error, &[field]);
            }
            if let Err(error) = static_options(start) {
                let error = format!("new static policy error: {error}");
                return fail(start, &error, &[options]);
            }
            let online = (start.machine.cpus)().map(|online| online.len());
            let count = reserved.map(Amount::ceiling);
            if let (Some(online), Some(count)) = (online, count)
                && count > i128::from(online)
            {
                let error = format!(
                    "new static policy error: [cpumanager] unable to reserve the required amount of CPUs \
                     (size of  did not equal {count})"
                );
                return fail(start, &error, &["kubeReserved", "systemReserved"]);
            }
            Ok(())
        }
        name => fail(start, &unknown(name), &[field]),
    }
}

/// `NewStaticPolicyOptions` and `ValidateStaticPolicyOptions`.
fn static_options(start: &Start<'_>) -> Result<(), String> {
    let minor = start.flags.minor();
    let options = start.pairs("cpuManagerPolicyOptions");
    if minor <= LAST_CPU_OPTIONS_GATE && !start.is_enabled("CPUManagerPolicyOptions") {
        return Ok(());
    }
    let mut on = Vec::new();
    for (name, value) in options {
        let quoted = go::quote(name.as_bytes());
        let Some(level) = level(minor, &CPU_OPTIONS, name) else {
            return Err(format!("unknown CPU Manager Policy option: {quoted}"));
        };
        if let Some(gate) = level.gate()
            && !start.is_enabled(&format!("CPUManagerPolicy{gate}Options"))
        {
            return Err(format!(
                "CPU Manager Policy {gate}-level Options not enabled, but option {quoted} provided"
            ));
        }
        if switch_error(&quoted, value)? {
            on.push(name);
        }
    }
    for [one, other] in EXCLUSIVE {
        if on.contains(&one) && on.contains(&other) {
            return Err(format!(
                "static policy options {one} and {other} can not be used at the same time"
            ));
        }
    }
    if on.contains(&"align-by-socket")
        && start.text("topologyManagerPolicy") == Some("single-numa-node")
    {
        return Err(
            "Topolgy manager single-numa-node policy is incompatible with CPUManager align-by-socket policy \
             option"
                .to_owned(),
        );
    }
    Ok(())
}

fn memory(start: &Start<'_>) -> Result<(), Failure> {
    let field = "memoryManagerPolicy";
    match start.text(field).unwrap_or("None") {
        "None" => Ok(()),
        "Static" => match static_memory_error(start) {
            Some(error) => fail(start, &error, &["reservedMemory", field]),
            None => Ok(()),
        },
        "BestEffort" if start.flags.minor() >= BEST_EFFORT => {
            let error = "policy \"BestEffort\" is not available for platform \"linux\"";
            fail(start, error, &[field])
        }
        name => fail(start, &unknown(name), &[field]),
    }
}

/// What the static policy of memory requires: that each type of memory is reserved on NUMA nodes as it is on the
/// whole.
fn static_memory_error(start: &Start<'_>) -> Option<String> {
    let nodes = (start.machine.numa_nodes)();
    let mut of_nodes: BTreeMap<&str, Option<Amount>> = BTreeMap::new();
    let mut all_integers = true;
    let reserved = start.get("reservedMemory").and_then(Json::as_array);
    for item in reserved.into_iter().flatten() {
        let node = item.get("numaNode").and_then(Json::as_u64).unwrap_or(0);
        if nodes.as_ref().is_some_and(|nodes| !nodes.has(node)) {
            return Some(format!(
                "the reserved memory configuration references a NUMA node {node} that does not exist on this \
                 machine"
            ));
        }
        let limits = item.get("limits").and_then(Json::as_object);
        for (resource, amount) in limits.into_iter().flatten() {
            let amount = amount.as_str().and_then(Amount::read);
            all_integers &= amount.is_some_and(Amount::is_integer);
            let sum = of_nodes.entry(resource).or_insert(Some(Amount::ZERO));
            *sum = match (amount, *sum) {
                (Some(amount), Some(sum)) => amount.plus(sum),
                _ => None,
            };
        }
    }
    // A NUMA node that does not exist would be refused first.
    if nodes.is_none() && !of_nodes.is_empty() {
        return None;
    }
    of_nodes.entry("memory").or_insert(Some(Amount::ZERO));
    for (resource, of_nodes) in &of_nodes {
        let on_whole = if *resource == "memory" {
            reservation(start, "memory")?
        } else {
            Amount::ZERO
        };
        let of_nodes = (*of_nodes)?;
        if !of_nodes.is_same(on_whole) {
            return Some(format!(
                "the total amount \"{of_nodes}\" of type \"{resource}\" is not equal to the value \"{on_whole}\" \
                 determined by Node Allocatable feature"
            ));
        }
    }
    if !all_integers {
        return Some("could not covert a variable of type Quantity to int64".to_owned());
    }
    let is_none = of_nodes
        .get("memory")
        .is_some_and(|sum| sum.is_some_and(Amount::is_zero));
    is_none.then(|| "[memorymanager] you should specify the system reserved memory".to_owned())
}

/// `GetNodeAllocatableReservation`: what is kept from pods. `None`: that is not known.
fn reservation(start: &Start<'_>, resource: &str) -> Option<Amount> {
    if resource == "cpu" {
        let list = start.text("reservedSystemCPUs").unwrap_or("");
        if !list.is_empty() {
            return Some(Amount::integer(
                Numbers::parse(list)?.len(),
                Format::Decimal,
            ));
        }
    }
    let mut sum = Amount::ZERO;
    for field in ["systemReserved", "kubeReserved"] {
        if let Some(amount) = start.pairs(field).get(resource) {
            sum = sum.plus(Amount::read(amount)?)?;
        }
    }
    if resource == "memory" {
        sum = sum.plus(eviction(start)?)?;
    }
    Some(sum)
}

/// The memory that a hard eviction keeps free.
fn eviction(start: &Start<'_>) -> Option<Amount> {
    if ignores_evictions(start) {
        return Some(Amount::ZERO);
    }
    let merges = start.is_on("mergeDefaultEvictionSettings") == Some(true);
    let threshold = match start.get("evictionHard") {
        None => "100Mi",
        Some(_) => match start.pairs("evictionHard").get("memory.available") {
            Some(amount) => amount,
            None if merges => return None,
            None => return Some(Amount::ZERO),
        },
    };
    if !is_threshold(threshold) {
        return Some(Amount::ZERO);
    }
    let Some(percentage) = threshold.strip_suffix('%') else {
        return Amount::read(threshold);
    };
    let percentage = number::parse_float(percentage, 32).ok()?;
    part((start.machine.memory)()?, percentage)
}

/// A part of the memory, in the precision of upstream: 32 bits for the percentage, 64 for the product.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "Go's conversions, of numbers that are neither negative nor too large"
)]
fn part(memory: u64, percentage: f64) -> Option<Amount> {
    if !(0.0..=100.0).contains(&percentage) {
        return None;
    }
    let factor = percentage as f32 / 100.0;
    let part = memory as f64 * f64::from(factor);
    Some(Amount::integer(part as u64, Format::Binary))
}

/// `validateNodeAllocatable`: nothing is reserved that the machine does not have. The file system's size, of
/// which `ephemeral-storage` can be reserved, is not compared.
fn allocatable(start: &Start<'_>) -> Result<(), Failure> {
    let cpus = || {
        let count = (start.machine.cpus)()?.len();
        Some(Amount::integer(count, Format::Decimal))
    };
    let memory = || {
        let bytes = (start.machine.memory)()?;
        Some(Amount::integer(bytes, Format::Binary))
    };
    let capacities: [(&str, &dyn Fn() -> Option<Amount>); 2] =
        [("cpu", &cpus), ("memory", &memory)];
    let mut errors = Vec::new();
    for (resource, capacity) in capacities {
        // The machine is not asked where nothing is configured.
        let Some(reserved) = reservation(start, resource).filter(|amount| !amount.is_zero()) else {
            continue;
        };
        let Some(capacity) = capacity().filter(|capacity| reserved.exceeds(*capacity)) else {
            continue;
        };
        errors.push(if start.flags.minor() < RESERVATION_WORDS {
            format!("Resource \"{resource}\" has an allocatable of {reserved}, capacity of {capacity}")
        } else {
            format!(
                "Resource \"{resource}\" has a reservation of {reserved} but capacity of {capacity}. Expected \
                 capacity >= reservation."
            )
        });
    }
    if errors.is_empty() {
        return Ok(());
    }
    let message = format!(
        "invalid Node Allocatable configuration. {}",
        errors.join(" ")
    );
    let fields = ["kubeReserved", "systemReserved", "evictionHard"];
    let set: Vec<&str> = fields
        .into_iter()
        .filter(|field| start.get(field).is_some())
        .collect();
    Err(start.failure(message, &set))
}
