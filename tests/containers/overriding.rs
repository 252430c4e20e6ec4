//! An operator can have RKE2 started although the host is wrong.

use crate::lab::Lab;
use crate::on;

/// A host that the kubelet alone would refuse: the stand-in for RKE2 stays up on it.
fn refused(suite: &str) -> Lab {
    Lab::new(suite)
        .config("protect-kernel-defaults: true\n")
        .kernel_defaults()
        .enable("rke2-server.service")
}

on!(a_word_on_the_kernel_command_line_leaves_the_gate_out: bullseye bookworm trixie);
fn a_word_on_the_kernel_command_line_leaves_the_gate_out(suite: &str) {
    let outcome = refused(suite)
        .kernel_argument("preflight_rke2=off")
        .script("rec state systemctl is-active rke2-server")
        .boot();
    assert_eq!(outcome.line("state"), "active");
    assert!(outcome.ours("rke2-server.service").is_empty());
}

on!(a_word_on_the_kernel_command_line_makes_it_a_report: bullseye bookworm trixie);
fn a_word_on_the_kernel_command_line_makes_it_a_report(suite: &str) {
    let outcome = refused(suite)
        .kernel_argument("preflight_rke2=report")
        .script(
            "rec state systemctl is-active rke2-server
            rec log journalctl --no-pager --unit=rke2-server --output=cat",
        )
        .boot();
    assert_eq!(outcome.line("state"), "active");
    outcome.has("log", &["overcommit_memory"]);
}

on!(a_setting_or_a_mask_lets_it_start: bullseye bookworm trixie);
fn a_setting_or_a_mask_lets_it_start(suite: &str) {
    let outcome = refused(suite)
        .script(
            r#"rec before systemctl is-active rke2-server
            sed -i 's/^#mode = .*/mode = "report"/' /etc/preflight-rke2/config.toml
            rec report systemctl start rke2-server
            rec log journalctl --no-pager --unit=rke2-server
            rec explained journalctl --no-pager -xu rke2-server
            systemctl stop rke2-server
            sed -i 's/^mode = .*/mode = "enforce"/' /etc/preflight-rke2/config.toml
            rec enforce systemctl start rke2-server

            systemctl mask preflight-rke2-gate@rke2-server.service
            rec mask systemctl start rke2-server
            systemctl stop rke2-server
            systemctl unmask preflight-rke2-gate@rke2-server.service

            mkdir -p /etc/systemd/system/rke2-server.service.d
            ln -s /dev/null /etc/systemd/system/rke2-server.service.d/50-preflight.conf
            systemctl daemon-reload
            rec drop-in systemctl start rke2-server"#,
        )
        .boot();
    assert_eq!(outcome.line("before"), "inactive");
    assert_eq!(outcome.status("report"), 0, "{}", outcome.text("report"));
    outcome.has("log", &["overcommit_memory"]);
    outcome.has("explained", &["starts although it would refuse"]);
    outcome.lacks("explained", &["@PREFLIGHT_"]);
    assert_eq!(outcome.status("enforce"), 1);
    for name in ["mask", "drop-in"] {
        assert_eq!(outcome.status(name), 0, "{}", outcome.text(name));
    }
}
