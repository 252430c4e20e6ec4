//! Bursts, silence, and how fast a change is reported. Tables are printed for docs/performance.md.

use std::io::Write as _;

use serde_json::Value;

use crate::lab::{Lab, field};
use crate::on;

const DRIFTED: &str = "6a0aafc776df442b90b1be0f1b0ce2fd";
const DRIFT_RESOLVED: &str = "14ee33e3e81446d886c197919c6c7f95";

fn from_environment(name: &str, otherwise: u32) -> u32 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(otherwise)
}

/// The entries about drift, in order.
fn transitions(journal: &[Value]) -> Vec<&Value> {
    journal
        .iter()
        .filter(|entry| [DRIFTED, DRIFT_RESOLVED].contains(&field(entry, "MESSAGE_ID")))
        .collect()
}

on!(a_thousand_flips_end_in_the_last_state: bookworm);
fn a_thousand_flips_end_in_the_last_state(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .script(
            "up rke2-server; up preflight-rke2
            RANDOM=20261124
            rss() { grep VmRSS /proc/$(show preflight-rke2 MainPID)/status | tr -dc 0-9; echo; }
            flip() {
                case $((RANDOM % 6)) in
                0) set_sysctl vm.overcommit_memory $((RANDOM % 2)) ;;
                1) set_sysctl kernel.panic $((RANDOM % 2 * 10)) ;;
                2) set_sysctl kernel.panic_on_oops $((RANDOM % 2)) ;;
                3) sed -i /^etcd:/d /etc/passwd ;;
                4) grep -q ^etcd: /etc/passwd || echo 'etcd:x:980:980::/:/usr/sbin/nologin' >>/etc/passwd ;;
                5) set_sysctl kernel.keys.root_maxkeys $((RANDOM % 2 * 999800 + 200)) ;;
                esac
            }
            begin=$(date +%s%3N)
            for n in $(seq 1000); do
                flip
                [ $n = 100 ] && rss >/out/early
                # Sixty milliseconds each, on the whole.
                late=$(( begin + n * 60 - $(date +%s%3N) ))
                [ $late -gt 0 ] && sleep 0.0$(printf %02d $((late > 59 ? 59 : late)))
            done
            echo $(( $(date +%s%3N) - begin )) >/out/took
            # The last event of the kernel may be read after the first check.
            look() { busctl call org.rke2.Preflight1 /org/rke2/Preflight1 org.rke2.Preflight1.Manager Check >/dev/null; }
            look; look
            rss >/out/late
            rec check preflight-rke2 check --unit rke2-server --format json
            rec status preflight-rke2 status --format json
            make_right
            look; look
            rec end preflight-rke2 status --format json
            rec pid show rke2-server NRestarts",
        )
        .boot();
    let json = |name: &str| -> Value { serde_json::from_str(&outcome.text(name)).expect("JSON") };
    let unit = |status: &Value| status["units"][0].clone();
    let (check, status, end) = (json("check"), json("status"), json("end"));
    assert_eq!(
        unit(&status)["report"],
        check["units"][0],
        "what the monitor knows is what there is"
    );
    assert_eq!(unit(&end)["drift"], Value::Array(Vec::new()));

    let journal = outcome.journal();
    let entries = transitions(&journal);
    let counted = unit(&end)["drift_transitions"].as_u64();
    assert_eq!(
        u64::try_from(entries.len()).ok(),
        counted,
        "each transition has its entry"
    );
    assert!(entries.len() > 20, "{} entries", entries.len());
    for pair in entries.windows(2) {
        let ids = [field(pair[0], "MESSAGE_ID"), field(pair[1], "MESSAGE_ID")];
        assert_ne!(
            ids,
            [DRIFT_RESOLVED, DRIFT_RESOLVED],
            "the end of no drift: {pair:?}"
        );
    }
    assert_eq!(
        field(entries.last().expect("one"), "MESSAGE_ID"),
        DRIFT_RESOLVED
    );
    let kilobytes = |name: &str| -> u32 { outcome.line(name).parse().expect("kilobytes") };
    let (early, late) = (kilobytes("early"), kilobytes("late"));
    assert!(
        late <= early + 512,
        "memory grew from {early} to {late} KiB"
    );
    assert_eq!(outcome.line("pid"), "0", "RKE2 never noticed");
}

on!(idle_it_does_nothing: bookworm);
fn idle_it_does_nothing(suite: &str) {
    let seconds = from_environment("PREFLIGHT_IDLE_SECONDS", 35);
    let outcome = Lab::new(suite)
        .longer(seconds)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .script(&format!(
            "up rke2-server; up preflight-rke2
            sleep 3
            pid=$(show preflight-rke2 MainPID)
            look() {{
                cat /proc/$pid/stat | cut -d' ' -f14,15
                cat /proc/$pid/task/*/status | grep ^voluntary | tr -dc '0-9\\n' | paste -sd+ | sed 's/^/0+/' | (read sum; echo $((sum)))
            }}
            # The measurement must not measure itself: neither costs the monitor anything.
            look >/out/before
            sleep {seconds}
            look >/out/after
            grep -E 'VmRSS|VmHWM|Threads' /proc/$pid/status >/out/memory
            rec alive systemctl is-active preflight-rke2
            rec ticks getconf CLK_TCK"
        ))
        .boot();
    assert_eq!(outcome.line("alive"), "active");
    let numbers = |name: &str| -> Vec<u32> {
        outcome
            .text(name)
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect()
    };
    let (before, after) = (numbers("before"), numbers("after"));
    let switches = after[2] - before[2];
    let ticks = (after[0] + after[1]) - (before[0] + before[1]);
    let per_second = numbers("ticks")[0];
    let memory = numbers("memory");
    let table = format!(
        "| idle for {seconds} s | |\n|---|---:|\n| processor time | {} ms |\n\
         | voluntary context switches | {switches} |\n| resident memory | {} KiB |\n",
        ticks * 1000 / per_second,
        memory[1]
    );
    std::io::stdout()
        .write_all(table.as_bytes())
        .expect("print the table");
    // One per watchdog notification, one per evaluation, one for each reading of logs after the start of RKE2,
    // and room for a few others.
    let readings = (seconds / 20 + 1).ilog2() + 1;
    let expected = seconds / 30 + seconds / 300 + 1 + readings;
    assert!(
        switches <= 4 * expected + 8,
        "{switches} switches in {seconds} s"
    );
    assert!(memory.iter().all(|kib| *kib <= 10240), "{memory:?} KiB");
}

on!(a_change_is_reported_at_once: bookworm);
fn a_change_is_reported_at_once(suite: &str) {
    let changes = from_environment("PREFLIGHT_CHANGES", 20);
    let outcome = Lab::new(suite)
        .longer(changes)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .script(&format!(
            "up rke2-server; up preflight-rke2
            sleep 1
            for n in $(seq {changes}); do
                value=$((n % 2 ? 0 : 10))
                now=$EPOCHREALTIME
                echo $value >/proc/sys/kernel/panic
                echo ${{now/./}} >>/out/changes
                # Changes that come closer together are reported as one.
                sleep 0.7
            done
            sleep 1"
        ))
        .boot();
    let journal = outcome.journal();
    let entries = transitions(&journal);
    let text = outcome.text("changes");
    let made: Vec<u64> = text
        .lines()
        .map(|line| line.parse().expect("a time"))
        .collect();
    assert_eq!(made.len(), entries.len(), "each change is reported");
    let mut took: Vec<u64> = made
        .iter()
        .zip(&entries)
        .map(|(made, entry)| {
            let at = field(entry, "_SOURCE_REALTIME_TIMESTAMP");
            let at: u64 = at.parse().expect("the time of an entry");
            at.checked_sub(*made).expect("reported after it was made")
        })
        .collect();
    took.sort_unstable();
    let milliseconds = |at: usize| f64::from(u32::try_from(took[at]).expect("soon")) / 1000.0;
    let table = format!(
        "| from a change to its journal entry, {changes} changes | ms |\n|---|---:|\n\
         | median | {:.0} |\n| maximum | {:.0} |\n",
        milliseconds(took.len() / 2),
        milliseconds(took.len() - 1)
    );
    std::io::stdout()
        .write_all(table.as_bytes())
        .expect("print the table");
}
