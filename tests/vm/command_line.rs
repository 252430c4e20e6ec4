//! What the kernel command line and competing files leave in the kernel, and what is foretold.

use crate::machine::Machine;
use crate::report::{foretells_this_boot, ids, server, verdicts};

#[test]
fn values_of_the_command_line_are_foretold_and_off_lets_it_start() {
    let outcome = Machine::new("profile: cis\n")
        .etcd()
        .kernel_arguments(
            "sysctl.vm.overcommit_memory=1 panic=10 oops=panic \
             sysctl.kernel.keys.root_maxkeys=200 preflight_rke2=off",
        )
        .script("rec state systemctl is-active rke2-server")
        .boot();
    foretells_this_boot(&outcome, &["vm.panic_on_oom", "kernel.keys.root_maxbytes"]);
    // The kubelet would end, which only its own unit's stand-in could show.
    verdicts(&outcome, "report", "would-refuse", "would-refuse");
    assert_eq!(outcome.line("state"), "active");
    assert!(outcome.ours("rke2-server.service").is_empty());
}

#[test]
fn competing_files_leave_what_is_foretold_and_report_lets_it_start() {
    let outcome = Machine::new("protect-kernel-defaults: true\n")
        .kernel_arguments("sysctl.kernel.panic=10 panic=3 preflight_rke2=report")
        // Later by name, whatever the folder.
        .file("/usr/lib/sysctl.d/90-vendor.conf", "vm.overcommit_memory = 2\nkernel/panic_on_oops=0\n")
        .file("/etc/sysctl.d/60-rke2-cis.conf", "vm.overcommit_memory=1\nkernel.panic=10\nkernel.panic_on_oops=1\n")
        // Hidden by its namesake.
        .file("/usr/lib/sysctl.d/99-hidden.conf", "vm.overcommit_memory=0\n")
        .file("/etc/sysctl.d/99-hidden.conf", "# nothing\n")
        // Last for its key in one file, as the kernel reads numbers.
        .file(
            "/run/sysctl.d/95-run.conf",
            "-kernel.panic_on_oops = 0x1\nkernel.keys.root_maxkeys=200\nkernel.keys.root_maxkeys = 0x1f4\n",
        )
        // A pattern leaves alone what is named elsewhere or left out.
        .file(
            "/etc/sysctl.d/97-pattern.conf",
            "kernel.keys.root_max* = 20000\n-kernel.keys.root_maxkeys\nvm.panic_on_oo? = 1\n",
        )
        .script(
            "rec state systemctl is-active rke2-server
            rec log journalctl --no-pager --unit=rke2-server",
        )
        .boot();
    foretells_this_boot(&outcome, &[]);
    verdicts(&outcome, "report", "would-refuse", "would-refuse");
    let wrong = ids(&server(&outcome, "report"), "blocks-start");
    assert!(
        wrong.contains(&"sysctl.vm.overcommit_memory".to_owned()),
        "{wrong:?}"
    );
    outcome.has("log", &["overcommit_memory", "90-vendor.conf"]);
    assert_eq!(outcome.line("state"), "active");
}
