//! Every system call of `gate` and `check` in turn.

use std::collections::BTreeSet;

use nix::errno::Errno;

use crate::host::Host;
use crate::rows;
use crate::tracer::{self, Call, End, Fault, Run, may_be_interrupted, may_fail, reads};

const GATE: &[&str] = &[
    "--rke2-version",
    "v1.34.1+rke2r1",
    "gate",
    "rke2-server.service",
];
const CHECK: &[&str] = &[
    "--rke2-version",
    "v1.34.1+rke2r1",
    "check",
    "--color",
    "never",
];

/// Runs a command once for each of its calls to which `fault` applies.
fn each_call(host: &Host, args: &[&str], fault: Fault, mut judge: impl FnMut(&Call, &Run)) {
    let command = host.command(args);
    let listed = tracer::run(&command, None).calls;
    assert!(listed.len() > 30, "{} calls", listed.len());
    // Every call of every fault takes minutes: that is for `PREFLIGHT_FAULTS=all`.
    let step = match fault {
        _ if std::env::var_os("PREFLIGHT_FAULTS").is_some() => 1,
        Fault::Fails(Errno::EIO) if args.contains(&"gate") => 1,
        Fault::Fails(Errno::ENOENT) if args.contains(&"gate") => 2,
        Fault::Short => 2,
        _ => 7,
    };
    let mut hits = 0;
    for (n, call) in listed.iter().enumerate() {
        let concerned = match fault {
            Fault::Short => reads(call),
            Fault::Fails(Errno::EINTR) => may_be_interrupted(call),
            Fault::Fails(_) => may_fail(call),
            Fault::KilledBefore | Fault::KilledAfter => true,
        };
        if !concerned || n % step != 0 {
            continue;
        }
        let run = tracer::run(&command, Some((n, fault)));
        let Some(hit) = &run.hit else { continue };
        hits += 1;
        let shown = || {
            format!(
                "{fault:?} at {hit:?}: {:?}\n{}{}",
                run.end, run.out, run.err
            )
        };
        assert_ne!(run.end, End::Hung, "{}", shown());
        assert_ne!(run.end, End::Exited(101), "{}", shown());
        assert!(!run.err.contains("panicked"), "{}", shown());
        judge(hit, &run);
    }
    assert!(hits > 2, "{fault:?}: {hits} calls hit");
}

/// A correct host, and one on which RKE2 would not start because of parameters and accounts.
fn hosts() -> (Host, Host) {
    (Host::like("healthy-server"), Host::like("rhel-minimal-cis"))
}

/// Compares the effects of a fault with its row in the table.
fn sweep(row: &str, fault: Fault) {
    assert_eq!(rows::outcome(row), "evaluated, or starts unchecked");
    let (right, wrong) = hosts();
    let mut wrongs = BTreeSet::new();
    each_call(&right, GATE, fault, |hit, run| {
        let excused = rows::excused(row, &hit.path) == Some("blocked");
        let blocked = run.end == End::Exited(3);
        if blocked && !excused {
            wrongs.insert(format!("blocked: {hit:?}\n  {}", run.err));
        }
        if run.end == End::Exited(1) && run.err.is_empty() {
            wrongs.insert(format!("not reported: {hit:?}"));
        }
    });
    each_call(&wrong, GATE, fault, |hit, run| {
        let excused = rows::excused(row, &hit.path) == Some("starts");
        let reported = !run.err.is_empty();
        let silent = match run.end {
            End::Exited(0) => true,
            End::Exited(status) => status != 3 && !reported,
            // The unit's ExecStopPost= reports it.
            End::Killed(_) | End::Hung => false,
        };
        if silent && !excused {
            wrongs.insert(format!("started: {hit:?}: {:?}", run.end));
        }
    });
    each_call(&right, CHECK, fault, |hit, run| {
        let excused = rows::excused(row, &hit.path) == Some("blocked");
        if run.end == End::Exited(3) && !excused {
            wrongs.insert(format!("check: refused: {hit:?}\n  {}", run.out));
        }
    });
    each_call(&wrong, CHECK, fault, |hit, run| {
        let excused = rows::excused(row, &hit.path) == Some("starts");
        // Of a host below a root, what is not known ends with 0, and is in the report.
        let silent = run.end == End::Exited(0)
            && !run.out.contains("cannot determine whether")
            // That nothing could be printed is nothing to print.
            && hit.number != nix::libc::SYS_write;
        if silent && !excused {
            wrongs.insert(format!("check: passed: {hit:?}\n  {}", run.out));
        }
    });
    assert!(
        wrongs.is_empty(),
        "{row}:\n{}",
        wrongs.into_iter().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn no_right() {
    sweep("EACCES", Fault::Fails(Errno::EACCES));
}

#[test]
fn a_failing_disk() {
    sweep("EIO", Fault::Fails(Errno::EIO));
}

#[test]
fn not_there() {
    sweep("ENOENT", Fault::Fails(Errno::ENOENT));
}

#[test]
fn no_memory() {
    sweep("ENOMEM", Fault::Fails(Errno::ENOMEM));
}

#[test]
fn no_descriptors() {
    sweep("EMFILE", Fault::Fails(Errno::EMFILE));
}

#[test]
fn interrupted() {
    sweep("EINTR", Fault::Fails(Errno::EINTR));
}

#[test]
fn short_reads() {
    sweep("short read", Fault::Short);
}

#[test]
fn killed_before() {
    sweep("SIGKILL before the call", Fault::KilledBefore);
}

#[test]
fn killed_after() {
    sweep("SIGKILL after the call", Fault::KilledAfter);
}
