//! A clock that is outside the time of the cluster's certificate authorities: part of the script of another boot, and its
//! expected results.

use crate::machine::Outcome;

/// The authority that the script copies: of 2020 to 2090.
pub(crate) const AUTHORITY: (&str, &str) = (
    "/srv/ca.crt",
    include_str!("../cases/certificates/2020-2090.pem"),
);

/// Runs on a machine that is right, without the monitor.
pub(crate) const SCRIPT: &str = r#"
systemctl stop rke2-server preflight-rke2
mkdir -p /var/lib/rancher/rke2/server/tls
cp /srv/ca.crt /var/lib/rancher/rke2/server/tls/server-ca.crt
# NAME TIME
clock() {
    date -s "$2"
    rec "clock-$1" preflight-rke2 check --role server
    timeout 60 systemctl start rke2-server
    systemctl is-active rke2-server >"/out/clock-$1-state"
    systemctl stop rke2-server
}
now=$(date +%s)
clock right "@$now"
clock early 2019-06-01
mkdir -p /etc/preflight-rke2/config.toml.d
printf '[gate]\nblock-on = ["start", "transient"]\n' >/etc/preflight-rke2/config.toml.d/strict.toml
clock strict 2019-06-01
rm /etc/preflight-rke2/config.toml.d/strict.toml
clock late 2095-01-01
clock again "@$now"
rm -r /var/lib/rancher/rke2/server/tls
"#;

/// Before that time RKE2 tries, because the clock is set sooner or later; after it, only new authorities help.
pub(crate) fn a_clock_before_the_authorities_is_reported_until_it_is_set(outcome: &Outcome) {
    let early = "error[host.clock]: the clock says 2019-06-01 ";
    let late = "error[host.certificate]: the cluster's certificate authority";
    for (name, status, says, starts) in [
        ("right", 0, "", true),
        ("early", 3, early, true),
        ("strict", 3, early, false),
        ("late", 3, late, false),
        ("again", 0, "", true),
    ] {
        let recorded = format!("clock-{name}");
        let said = outcome.text(&recorded);
        assert_eq!(outcome.status(&recorded), status, "{name}: {said}");
        outcome.has(&recorded, &[says]);
        let is_active = outcome.line(&format!("{recorded}-state")) == "active";
        assert_eq!(is_active, starts, "{name}: {said}");
    }
}
