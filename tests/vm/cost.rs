//! Measures the time from power-on to RKE2: with the package on a right host and on a wrong one, and
//! without it, in one run. `tests/lab/boot-cost` shows the table of what the gate adds to a boot.
//! Times of an emulated machine on a busy host are not reliable, so none is asserted.

use crate::machine::{Machine, Outcome};

/// What is written of a boot, in milliseconds since the kernel started.
const MOMENTS: [(&str, &str); 4] = [
    ("gate starts", "gate_start"),
    ("gate ends", "gate_end"),
    ("rke2-server is active", "server"),
    ("the boot is done", "done"),
];

const LOOK: &str = "
rec state systemctl is-active rke2-server
rec server systemctl show rke2-server --property=ActiveEnterTimestampMonotonic --value
rec gate_start systemctl show preflight-rke2-gate@rke2-server --property=ExecMainStartTimestampMonotonic --value
rec gate_end systemctl show preflight-rke2-gate@rke2-server --property=ExecMainExitTimestampMonotonic --value
rec done systemctl show multi-user.target --property=ActiveEnterTimestampMonotonic --value
for _ in $(seq 100); do systemctl is-system-running | grep -q starting || break; sleep 0.1; done
rec chain systemd-analyze critical-chain rke2-server.service --no-pager
";

fn machine(panic: u8) -> Machine {
    Machine::new("profile: cis\n")
        .etcd()
        .file(
            "/etc/sysctl.d/60-rke2-cis.conf",
            &format!("vm.overcommit_memory=1\nkernel.panic={panic}\nkernel.panic_on_oops=1\n"),
        )
        .script(LOOK)
}

fn moment(outcome: &Outcome, name: &str) -> f64 {
    outcome.line(name).parse::<f64>().expect("microseconds") / 1000.0
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// So many boots of each kind, from `PREFLIGHT_BOOTS`.
fn boots() -> usize {
    std::env::var("PREFLIGHT_BOOTS").map_or(1, |text| text.parse().expect("PREFLIGHT_BOOTS"))
}

#[test]
fn what_the_gate_adds_to_a_boot() {
    let mut with = Vec::new();
    let mut without = Vec::new();
    let mut wrong = Vec::new();
    for _ in 0..boots().max(1) {
        with.push(machine(10).boot());
        without.push(machine(10).not_installed().boot());
        wrong.push(machine(60).boot());
    }
    println!("| ms since the kernel started | with | without | with, wrong host |");
    println!("|---|---:|---:|---:|");
    for (title, name) in MOMENTS {
        let of = |outcomes: &[Outcome]| {
            let all: Vec<_> = outcomes
                .iter()
                .map(|outcome| moment(outcome, name))
                .collect();
            all
        };
        println!(
            "| {title} | {:.0} | {:.0} | {:.0} |",
            median(of(&with)),
            median(of(&without)),
            median(of(&wrong))
        );
    }
    for outcome in &with {
        println!("\n{}", outcome.text("chain"));
    }
    for outcome in with.iter().chain(&without) {
        assert_eq!(outcome.line("state"), "active");
    }
    // A host that is wrong boots to its end without RKE2.
    for outcome in &wrong {
        assert_eq!(outcome.line("state"), "inactive");
        assert!(moment(outcome, "done") > 0.0);
    }
    for outcome in &with {
        // The gate itself is in no chain: it is over when RKE2 starts, and was never active.
        outcome.has("chain", &["rke2-server.service"]);
        assert!(moment(outcome, "gate_end") <= moment(outcome, "server"));
        assert!(moment(outcome, "gate_end") > 0.0, "the gate was not asked");
    }
}
