//! Measures the gate in a booted container, where it queries systemd over D-Bus, against a shell script
//! that checks less. Prints a table; asserts nothing about time.

use std::io::Write as _;

use crate::lab::Lab;

#[test]
fn of_the_gate_beside_a_shell_script() {
    let outcome = Lab::new("bookworm")
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .script(
            r"cat >/tmp/shell.sh <<'END'
for key in vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops \
    kernel.keys.root_maxkeys kernel.keys.root_maxbytes; do sysctl -n $key; done
getent passwd etcd
getent group etcd
END
            one() { preflight-rke2 gate rke2-server.service; }
            two() { sh /tmp/shell.sh >/dev/null; }
            three() { DBUS_SYSTEM_BUS_ADDRESS=unix:path=/none preflight-rke2 gate rke2-server.service; }
            one && two && three && for _ in $(seq 100); do
                a=$EPOCHREALTIME; one
                b=$EPOCHREALTIME; two
                c=$EPOCHREALTIME; three
                d=$EPOCHREALTIME
                echo $((${b/./} - ${a/./})) $((${c/./} - ${b/./})) $((${d/./} - ${c/./}))
            done >/out/times",
        )
        .boot();
    let mut columns: [Vec<f64>; 3] = Default::default();
    for line in outcome.text("times").lines() {
        for (column, word) in columns.iter_mut().zip(line.split(' ')) {
            column.push(word.parse().expect("microseconds"));
        }
    }
    assert_eq!(columns[0].len(), 100, "the gate or the script failed");
    let [gate, shell, files] = columns.map(|mut column| {
        column.sort_by(f64::total_cmp);
        column[column.len() / 2] / 1000.0
    });
    let table = format!(
        "| in a booted container, healthy host | median ms | ratio |\n|---|---:|---:|\n\
         | six `sysctl -n`, two `getent` | {shell:.2} | 1.00 |\n\
         | `preflight-rke2 gate`, systemd asked over D-Bus | {gate:.2} | {:.2} |\n\
         | the gate with no bus to ask, from files | {files:.2} | {:.2} |\n",
        gate / shell,
        files / shell
    );
    std::io::stdout()
        .write_all(table.as_bytes())
        .expect("print the table");
}
