//! The cases of kube-controller-manager, kube-scheduler and kube-proxy, and their comparison.

use preflight_rke2::testing::kubernetes::arguments;
use preflight_rke2::testing::kubernetes::{Program, tables};

use super::recording::{Case, Recording};
use super::{is_random, is_same, minor};

/// Arguments that each of them is asked for.
const COMMON: &[&[&str]] = &[
    &[],
    &["--no-such-flag"],
    &["--no_such_flag=1"],
    &["--[{v 2}]=true"],
    &["--v=2"],
    &["--v=x"],
    &["-v=2"],
    &["-v", "x"],
    &["-v"],
    &["-x"],
    &["-\u{e9}"],
    &["x"],
    &["x", "y z"],
    &[""],
    &["--help"],
    &["-h"],
    &["--help=x"],
    &["--version"],
    &["--version=raw"],
    &["--version=x"],
    &["--version", "--no-such-flag"],
    &["---x"],
    &["--=x"],
    &["--vmodule=a"],
    &["--vmodule=a=1"],
    &["--vmodule=a=x"],
    &["--feature-gates=NoSuchGate=true"],
    &["--feature-gates=NodeSwap"],
    &["--feature-gates=NodeSwap=x"],
    &["--feature-gates=NodeSwap=true"],
    &["--feature-gates="],
    &["--feature-gates=kube:NodeSwap=true"],
    &["--feature-gates=kube:NoSuchGate=true"],
    &["--feature-gates=x:NodeSwap=true"],
    &[
        "--feature-gates=NodeSwap=true",
        "--feature-gates=kube:MemoryQoS=true",
    ],
    &["--feature-gates=CPUManager=false"],
    &["--feature-gates=CSIMigration=false"],
    &["--feature-gates=NodeSwap=true,NoSuchGate=false"],
    &["--feature-gates=DynamicResourceAllocation=false,DRAConsumableCapacity=true"],
    &[
        "--feature-gates=WatchList=true",
        "--feature-gates=NoSuchGate=true",
    ],
    &["--profiling=x"],
    &["--kubeconfig"],
    &["--log-flush-frequency=5"],
    &["--log-flush-frequency=1s"],
    &["--logging-format=yaml"],
    &["--show-hidden-metrics-for-version=1"],
    &["--log-json-info-buffer-size=x"],
    &["--kube-api-qps=x"],
    &["--kube-api-qps=0.5"],
    &["--kube-api-qps=1e39"],
    &["--kube-api-burst=1.5"],
    &["--kube-api-burst=0x10"],
    &["--kube-api-content-type=x", "--no-such-flag"],
    &["--master=x", "-y"],
    &["--logtostderr=true"],
    &["--alsologtostderr=x"],
];

const CONTROLLER_MANAGER: &[&[&str]] = &[
    &["--bind-address=x"],
    &["--bind-address="],
    &["--bind-address=127.0.0.1"],
    &["--bind-address=010.0.0.1"],
    &["--secure-port=x"],
    &["--secure-port=0"],
    &["--allocate-node-cidrs=x"],
    &["--node-eviction-rate=x"],
    &["--node-eviction-rate=0x1p-2"],
    &["--node-monitor-period=5"],
    &["--node-monitor-period=5s"],
    &["--controllers=\""],
    &["--controllers=*,-x"],
    &["--leader-elect=x"],
    &["--leader-elect=false"],
    &["--concurrent-deployment-syncs=2147483648"],
    &["--tls-sni-cert-key=a"],
    &["--tls-sni-cert-key=a,b:"],
    &["--tls-cipher-suites=\"a\"b"],
    &["--terminated-pod-gc-threshold=1_000"],
    &["--use-service-account-credentials"],
    &["--cluster-cidr"],
];

const SCHEDULER: &[&[&str]] = &[
    &["--bind-address=x"],
    &["--bind-address="],
    &["--secure-port=x"],
    &["--leader-elect=x"],
    &["--leader-elect=false"],
    &["--leader-elect-lease-duration=15"],
    &["--leader-elect-retry-period=-2s"],
    &["--config"],
    &["--tls-sni-cert-key=a"],
    &["--pod-max-in-unschedulable-pods-duration=x"],
    &["--contention-profiling=yes"],
    &["--authorization-always-allow-paths=a\"b"],
    &["--write-config-to"],
    &["--http2-max-streams-per-connection=x"],
];

const PROXY: &[&[&str]] = &[
    &["--bind-address=x"],
    &["--bind-address=010.0.0.1"],
    &["--healthz-bind-address=x"],
    &["--healthz-bind-address=127.0.0.1:x"],
    &["--healthz-bind-address=127.0.0.1:99999"],
    &["--healthz-bind-address=1.2.3.4:5:6"],
    &["--metrics-bind-address=[::1"],
    &["--conntrack-max-per-core=x"],
    &["--conntrack-tcp-timeout-established=5"],
    &["--iptables-masquerade-bit=32x"],
    &["--oom-score-adj=1.0"],
    &["--proxy-port-range=x"],
    &["--proxy-port-range=2-1"],
    &["--config-sync-period=x"],
    &["--cleanup=x"],
    &["--masquerade-all=2"],
    &["--nodeport-addresses=\"a"],
    &["--pod-bridge-interface"],
    &["--ipvs-exclude-cidrs=a\"b"],
    &["--ipvs-sync-period=1"],
];

pub(super) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for (program, own) in [
        ("kube-controller-manager", CONTROLLER_MANAGER),
        ("kube-scheduler", SCHEDULER),
        ("kube-proxy", PROXY),
    ] {
        for args in COMMON.iter().chain(own) {
            cases.push(Case::of(program, args));
        }
    }
    cases
}

/// Whether an error is one of the command line and its gates, and not of what comes behind them.
fn is_of_arguments(error: &str) -> bool {
    [
        "unknown flag",
        "unknown shorthand",
        "invalid argument",
        "bad flag syntax",
        "flag needs an argument",
        "feature gate",
        "does not take any arguments",
        "is enabled, but depends",
        "component not registered",
        "missing bool value",
        "invalid value of",
        "and exits",
    ]
    .iter()
    .any(|words| error.contains(words))
}

#[test]
fn components_read_their_arguments_as_they_do() {
    let mut wrong = Vec::new();
    let mut counts = std::collections::BTreeMap::<String, [usize; 2]>::new();
    for case in Recording::components().read() {
        let program = Program::ALL
            .into_iter()
            .find(|program| program.as_str() == case.program)
            .unwrap();
        for (text, expected) in &case.expect {
            let at = minor(text);
            if tables::certainty(program, tables::Subject::Flags, at).is_none() {
                continue;
            }
            let ours = arguments::parse(program, at, &case.command_line())
                .and_then(|parsed| arguments::component_gates(program, at, &parsed))
                .err()
                .map(|failure| failure.message);
            let theirs = expected.as_deref().filter(|error| is_of_arguments(error));
            let agrees = match (&ours, theirs) {
                (None, None) => true,
                (Some(ours), Some(theirs)) => is_same(ours, theirs) || is_random(ours, theirs),
                _ => false,
            };
            let counts = counts
                .entry(format!("{text} {}", case.program))
                .or_default();
            counts[0] += 1;
            counts[1] += usize::from(agrees);
            if !agrees {
                wrong.push(format!(
                    "{text} {} {:?}\n  ours   {ours:?}\n  theirs {expected:?}",
                    case.program, case.args
                ));
            }
        }
    }
    for (name, [all, agree]) in &counts {
        println!("{name}: {agree} of {all} agree");
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
