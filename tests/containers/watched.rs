//! Every input of a verdict is watched, whether it exists yet or not.

use crate::lab::Lab;
use crate::on;

/// A change that makes RKE2 unable to start again, and how it is undone.
const CHANGES: [(&str, &str); 9] = [
    (
        "set_sysctl vm.panic_on_oom 1",
        "set_sysctl vm.panic_on_oom 0",
    ),
    // As useradd and userdel do.
    (
        "sed /^etcd:/d /etc/passwd >/etc/passwd+ && mv /etc/passwd+ /etc/passwd",
        "(cat /etc/passwd; echo etcd:x:980:980::/:/usr/sbin/nologin) >/etc/passwd+ && mv /etc/passwd+ /etc/passwd",
    ),
    (
        "sed -i /^etcd:/d /etc/group",
        "echo etcd:x:980: >>/etc/group",
    ),
    (
        "echo 'profile: cis-1.5' >/etc/rancher/rke2/config.yaml",
        "echo 'profile: cis' >/etc/rancher/rke2/config.yaml",
    ),
    (
        "mkdir -p /etc/rancher/rke2/config.yaml.d; echo 'profile: none' >/etc/rancher/rke2/config.yaml.d/9.yaml",
        "rm -r /etc/rancher/rke2/config.yaml.d",
    ),
    // An environment file that the unit names and that was not there.
    (
        "mkdir -p /etc/default; echo RKE2_DEBUG=maybe >/etc/default/rke2-server",
        "rm /etc/default/rke2-server",
    ),
    // For the next boot.
    (
        "echo kernel.panic=5 >/etc/sysctl.d/99-z.conf",
        "rm /etc/sysctl.d/99-z.conf",
    ),
    (
        "mkdir -p /run/sysctl.d; ln -s /dev/null /run/sysctl.d/60-rke2-cis.conf; ln -sf /dev/null /etc/sysctl.d/60-rke2-cis.conf",
        "rm /run/sysctl.d/60-rke2-cis.conf /etc/sysctl.d/60-rke2-cis.conf; cp /root/cis.conf /etc/sysctl.d/60-rke2-cis.conf",
    ),
    // systemd itself signals this one.
    (
        "mkdir -p /etc/systemd/system/rke2-server.service.d; printf '[Service]\\nEnvironment=RKE2_PROFILE=cis-9\\nExecStart=\\nExecStart=/usr/local/bin/rke2 server --profile cis-9\\n' >/etc/systemd/system/rke2-server.service.d/x.conf; systemctl daemon-reload",
        "rm /etc/systemd/system/rke2-server.service.d/x.conf; systemctl daemon-reload",
    ),
];

on!(what_a_verdict_depends_on_is_watched: bullseye bookworm trixie);
fn what_a_verdict_depends_on_is_watched(suite: &str) {
    let mut script = String::from(
        "drift() { preflight-rke2 status --format json | grep -A1 '\"drift\":' | head -n 2 | tr -d ' \\n'; }
        is_drifted() { ! preflight-rke2 status --format json | grep -m 1 '\"drift\":' | grep -q '\\[\\]'; }
        is_fine() { preflight-rke2 status --format json | grep -m 1 '\"drift\":' | grep -q '\\[\\]'; }
        cp /etc/sysctl.d/60-rke2-cis.conf /root/cis.conf
        up rke2-server; up preflight-rke2
        eventually is_fine
        ",
    );
    script.extend(CHANGES.iter().enumerate().map(|(case, (change, back))| {
        format!(
            "{change}
            eventually is_drifted
            rec drift{case} drift
            {back}
            eventually is_fine
            rec fine{case} drift
            "
        )
    }));
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .script(&script)
        .boot();
    for (case, (change, _)) in CHANGES.iter().enumerate() {
        outcome.has(&format!("drift{case}"), &["\"drift\":[\""]);
        let fine = outcome.text(&format!("fine{case}"));
        assert!(fine.contains("\"drift\":[]"), "{change}: {fine}");
    }
    outcome.lacks("log", &["never: "]);
}
