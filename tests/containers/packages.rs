//! Packages are installed, upgraded and removed on a running system: RKE2 is never touched, and is gated
//! from its next start on, as long as the package is installed.

use crate::lab::Lab;
use crate::on;
use crate::outcome::Outcome;

/// How each kind of package is handled. `old` and `new` put a version there, whichever was before.
const DEB: &str = "
old() { dpkg --install /packages/older.deb; }
new() { dpkg --install /packages/preflight-rke2.deb; }
gone() { dpkg --remove preflight-rke2; }
clean() { dpkg --purge preflight-rke2; }
version() { dpkg-query --show --showformat '${Version}' preflight-rke2; }
changed() { dpkg --verify preflight-rke2; }
";
const RPM: &str = "
rpm() { /packages/rpm-tool/rpm \"$@\" 2> >(grep -v '^rpm: ' >&2); }
old() { rpm --nodeps --upgrade --oldpackage /packages/older.rpm; }
new() { rpm --nodeps --upgrade /packages/preflight-rke2.rpm; }
gone() { rpm --erase preflight-rke2; }
clean() { rm -r /etc/preflight-rke2 /var/lib/rpm; }
version() { rpm --query --queryformat '%{VERSION}' preflight-rke2; }
changed() { rpm --verify --nodeps preflight-rke2; }
";

/// Each `step` records the server's PID before and after, and what was printed in between.
const SCRIPT: &str = r#"
gate=preflight-rke2-gate@rke2-server.service
pid() { show rke2-server MainPID; }
step() { rec "before-$1" pid; rec "$1" "${@:2}"; rec "after-$1" pid; }

step install old
rec installed version
rec enabled systemctl is-enabled preflight-rke2
rec started systemctl is-active preflight-rke2
systemctl start preflight-rke2
rec monitor-before show preflight-rke2 MainPID
echo '# mine' >>/etc/preflight-rke2/config.toml
step upgrade new
rec upgraded version
rec monitor-after show preflight-rke2 MainPID
systemctl disable --now preflight-rke2
step downgrade old
rec downgraded version
step up-again new
rec stays-disabled systemctl is-enabled preflight-rke2
rec stays-stopped systemctl is-active preflight-rke2
systemctl enable --now preflight-rke2
rec mine tail -n 1 /etc/preflight-rke2/config.toml
step stop systemctl stop $gate
step restart systemctl restart $gate
step try systemctl try-restart 'preflight-rke2*'

set_sysctl kernel.panic 0
rec blocked systemctl restart rke2-server
eventually systemctl is-failed --quiet $gate
rec failed systemctl --failed --plain --no-legend
step while-blocked-old old
step while-blocked-new new
rec still systemctl is-active rke2-server
step while-blocked-gone gone
rec monitor-gone systemctl is-active preflight-rke2
rec forgotten systemctl --failed --plain --no-legend
rec let-go systemctl start rke2-server
set_sysctl kernel.panic 10
systemctl restart rke2-server
step anew new
rec gated systemctl restart rke2-server
rec active systemctl is-active rke2-server

# What rke2-uninstall.sh does to files, where RKE2 came as a tarball.
systemctl stop rke2-server
systemctl disable rke2-server
find /usr/local/lib/systemd/system -name 'rke2-*.service' -type f -delete
find /usr/local/lib/systemd/system -name 'rke2-*.env' -type f -delete
find /usr/lib/systemd/system -name 'rke2-*.service' -type f -delete
find /etc/systemd/system -name 'rke2-*.service' -delete
rm -rf /etc/rancher/rke2 /var/lib/rancher/rke2 /usr/local/share/rke2 /usr/local/bin/rke2
systemctl daemon-reload
systemctl reset-failed 'rke2-*'
rec intact changed
rec without-rke2 preflight-rke2 check
rec quiet systemctl --failed --plain --no-legend
rec verify systemd-analyze verify --man=no preflight-rke2.service multi-user.target
rec idle systemctl is-active preflight-rke2

step remove gone
# Drop-ins there are the lab's own.
rec links find /etc/systemd -lname '*preflight*' -o -name 'preflight-rke2*' -not -name '*.d'
rec clean clean
rec needs systemctl show rke2-server --property=Requires,Wants,After
rec catalog journalctl --list-catalog
rec rest find / -xdev -path '*preflight*' -not -path '/proc/*' -not -path '/packages/*' -not -path '/install.deb' -not -path '/etc/systemd/system/*.d*'
"#;

fn come_and_go(suite: &str, tool: &str) -> Outcome {
    Lab::new(suite)
        .config("profile: cis\n")
        .not_installed()
        .enable("rke2-server.service")
        .script(&[tool, SCRIPT].concat())
        .boot()
}

fn judge(outcome: &Outcome) {
    let same = |step: &str| {
        let (before, after) = (
            outcome.line(&format!("before-{step}")),
            outcome.line(&format!("after-{step}")),
        );
        assert_eq!(before, after, "{step} touched RKE2");
        before
    };
    for step in ["install", "upgrade", "downgrade", "up-again", "anew"] {
        assert_eq!(outcome.status(step), 0, "{step}: {}", outcome.text(step));
        assert_ne!(same(step), "0", "{step}: RKE2 did not run");
    }
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(outcome.line("installed"), "0.0.1");
    assert_eq!(outcome.line("upgraded"), version);
    assert_eq!(outcome.line("downgraded"), "0.0.1");
    assert_eq!(outcome.line("mine"), "# mine", "configuration was lost");
    for step in ["stop", "restart", "try"] {
        assert_ne!(same(step), "0", "{step}: RKE2 did not run");
    }

    // The monitor alone is enabled, and restarted if it ran and by nothing else.
    assert_eq!(outcome.line("enabled"), "enabled");
    let (before, after) = (
        outcome.line("monitor-before"),
        outcome.line("monitor-after"),
    );
    assert!(before != "0" && after != "0", "the monitor did not run");
    assert_ne!(before, after, "the monitor runs on with the old program");
    assert_eq!(outcome.line("stays-disabled"), "disabled");
    assert_eq!(outcome.line("stays-stopped"), "inactive");
    assert_ne!(outcome.line("monitor-gone"), "active");

    assert_eq!(outcome.status("blocked"), 1, "it gates the next start");
    outcome.has("failed", &["preflight-rke2-gate@rke2-server.service"]);
    for step in [
        "while-blocked-old",
        "while-blocked-new",
        "while-blocked-gone",
    ] {
        assert_eq!(outcome.status(step), 0, "{step}: {}", outcome.text(step));
        assert_eq!(same(step), "0", "{step} started RKE2");
    }
    assert_ne!(outcome.line("still"), "active");
    outcome.lacks("forgotten", &["preflight"]);
    // Without the package RKE2 is not gated: it was started, with any result.
    outcome.lacks("let-go", &["canceled"]);
    assert_eq!(outcome.status("gated"), 0, "{}", outcome.text("gated"));
    assert_eq!(outcome.line("active"), "active");

    // RKE2's uninstaller leaves all of it, and it does no harm without RKE2.
    for line in outcome.text("intact").lines() {
        assert!(line.ends_with("/etc/preflight-rke2/config.toml"), "{line}");
    }
    outcome.lacks("without-rke2", &["error"]);
    outcome.lacks("quiet", &["preflight"]);
    outcome.lacks("verify", &["preflight"]);
    assert_eq!(outcome.line("idle"), "active", "the monitor waits");

    assert_eq!(outcome.status("remove"), 0, "{}", outcome.text("remove"));
    assert_eq!(outcome.line("links"), "");
    outcome.lacks("needs", &["preflight"]);
    outcome.lacks("catalog", &["preflight"]);
    assert_eq!(outcome.line("rest"), "", "something is left");
}

on!(a_deb_comes_changes_and_goes_beside_rke2: bullseye bookworm trixie);
fn a_deb_comes_changes_and_goes_beside_rke2(suite: &str) {
    let outcome = come_and_go(suite, DEB);
    judge(&outcome);
    assert_eq!(outcome.line("started"), "active");
}

on!(an_rpm_comes_changes_and_goes_beside_rke2: bookworm trixie);
fn an_rpm_comes_changes_and_goes_beside_rke2(suite: &str) {
    let outcome = come_and_go(suite, RPM);
    judge(&outcome);
    // RPMs start nothing: RKE2's next start does, or a boot.
    assert_eq!(outcome.line("started"), "inactive");
}

on!(an_image_built_with_the_rpm_is_gated_at_its_first_boot: bookworm);
fn an_image_built_with_the_rpm_is_gated_at_its_first_boot(suite: &str) {
    let outcome = Lab::new(suite)
        .with_rpm()
        .config("profile: cis\n")
        .sysctl("kernel.panic", "0")
        .enable("rke2-server.service")
        .script(
            "rec state systemctl show rke2-server --property=ActiveState,NRestarts
            rec monitor systemctl is-active preflight-rke2
            rec explained journalctl --no-pager -xu rke2-server
            set_sysctl kernel.panic 10
            rec start systemctl start rke2-server",
        )
        .boot();
    outcome.has("state", &["ActiveState=inactive", "NRestarts=0"]);
    outcome.has("explained", &["kernel.panic is 0, must be 10", "Subject:"]);
    assert_eq!(outcome.line("monitor"), "active");
    assert_eq!(outcome.status("start"), 0, "{}", outcome.text("start"));
}
