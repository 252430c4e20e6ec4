//! Packages come and go below a root where nothing runs: an image build, a chroot, a host without
//! systemd. As root, with the roots of `tests/lab/roots`.

use std::path::{Path, PathBuf};

use crate::tools::{answer, repository};

/// What is done below `$root`, a view of a Debian 12 that is thrown away after; `rpm` works on it.
const PRELUDE: &str = r#"
lower=$1 packages=$2 work=$3
mount -t tmpfs lab "$work"
mkdir "$work/upper" "$work/work" "$work/root"
root=$work/root
mount -t overlay overlay "$root" -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/work"
mkdir "$root/packages"
cp "$packages"/*.deb "$root/packages"
# Debian's rpm would rather have its user take another tool.
rpm() { command rpm --root "$root" --dbpath /var/lib/rpm "$@" 2> >(grep -v '^rpm: \| saved as ' >&2); }
left() { find "$root" -xdev -path '*preflight*' ! -path "$root/packages/*" ! -path '*/dpkg/info/*' -printf '%P\n'; }
known() { grep -c 'org.rke2\|preflight-rke2' "$root/var/lib/systemd/catalog/database" || true; }
kept() { grep -c '# mine' "$root/etc/preflight-rke2/config.toml"; }
without_systemd() { rm "$root"/usr/bin/systemctl "$root"/usr/bin/journalctl "$root"/usr/bin/busctl "$root"/usr/bin/deb-systemd-*
    : >"$root/var/lib/dpkg/triggers/File"; }
monitor() { ls "$root/etc/systemd/system/multi-user.target.wants" | grep preflight; }
say() { echo "$1: ${*:2}"; }
"#;

fn lab() -> PathBuf {
    std::env::var_os("PREFLIGHT_LAB")
        .map_or_else(|| PathBuf::from("/var/cache/preflight-lab"), PathBuf::from)
}

/// Runs the script and returns its output, without dpkg's notes about a link and shared directories.
/// Fails unless it succeeds with an empty standard error.
fn below_a_root(script: &str) -> String {
    below("bookworm", script)
}

/// The same below the root of a suite of Debian.
fn below(suite: &str, script: &str) -> String {
    let lower = lab().join(suite);
    assert!(lower.is_dir(), "run tests/lab/roots as root");
    let work = tempfile::tempdir().expect("a directory");
    let body = format!("{PRELUDE}{script}");
    let arguments: [&Path; 3] = [&lower, &repository().join("target/debian"), work.path()];
    let mut quoted = body.replace('\'', "'\\''");
    quoted = format!(
        "unshare --mount --propagation private bash -euo pipefail -c '{quoted}' bash \"$@\""
    );
    let output = answer(&quoted, &arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    let error: String = error
        .lines()
        .filter(|line| !line.starts_with("Created symlink "))
        .filter(|line| !line.ends_with(" not empty so not removed"))
        .collect();
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(
        output.status.success() && error.is_empty(),
        "{said}\n{error}"
    );
    said
}

#[test]
fn an_rpm_comes_changes_and_goes() {
    let said = below_a_root(
        r#"
        rpm --nodeps --install "$packages/older.rpm"
        say installed "$(rpm --query preflight-rke2)"
        say catalog "$(known)"
        say runs "$(chroot "$root" preflight-rke2 --version)"
        say enabled "$(monitor)"
        say verified "$(rpm --verify --nodeps preflight-rke2)"
        echo '# mine' >>"$root/etc/preflight-rke2/config.toml"
        echo 'mode = "report"' >"$root/etc/preflight-rke2/config.toml.d/mine.toml"
        rpm --nodeps --upgrade "$packages/preflight-rke2.rpm"
        say upgraded "$(rpm --query preflight-rke2)" "$(kept)"
        rpm --nodeps --upgrade --oldpackage "$packages/older.rpm"
        say downgraded "$(rpm --query preflight-rke2)" "$(kept)"
        rpm --erase preflight-rke2
        say catalog "$(known)"
        say left $(left | sort)
        say dirs "$(ls -d "$root"/usr/lib/systemd/system/rke2-*.d 2>/dev/null)"
        "#,
    );
    let lines: Vec<&str> = said.lines().collect();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(lines[0], "installed: preflight-rke2-0.0.1-1.x86_64");
    assert_ne!(lines[1], "catalog: 0", "{said}");
    assert_eq!(lines[2], format!("runs: preflight-rke2 {version}"));
    assert_eq!(lines[3], "enabled: preflight-rke2.service");
    assert_eq!(lines[4], "verified: ", "{said}");
    assert_eq!(
        lines[5],
        format!("upgraded: preflight-rke2-{version}-1.x86_64 1")
    );
    assert_eq!(lines[6], "downgraded: preflight-rke2-0.0.1-1.x86_64 1");
    assert_eq!(lines[7], "catalog: 0", "{said}");
    // The operator's own, and nothing of ours.
    assert_eq!(
        lines[8],
        "left: etc/preflight-rke2 etc/preflight-rke2/config.toml.d \
         etc/preflight-rke2/config.toml.d/mine.toml etc/preflight-rke2/config.toml.rpmsave"
    );
    assert_eq!(lines[9], "dirs: ");
}

#[test]
fn a_deb_comes_changes_and_goes() {
    let said = below_a_root(
        r#"
        dpkg() { chroot "$root" dpkg "$@" >/dev/null; }
        version() { chroot "$root" dpkg-query --show --showformat '${Version}' preflight-rke2; }
        dpkg --install /packages/older.deb
        say installed "$(version)"
        say catalog "$(known)"
        say enabled "$(monitor)"
        echo '# mine' >>"$root/etc/preflight-rke2/config.toml"
        dpkg --install /packages/preflight-rke2.deb
        say upgraded "$(version)" "$(kept)"
        chroot "$root" dpkg --install /packages/older.deb >/dev/null 2>&1
        say downgraded "$(version)" "$(kept)"
        dpkg --remove preflight-rke2
        say removed "$(kept)" "$(known)"
        dpkg --purge preflight-rke2
        say left "$(left)"
        say dirs "$(ls -d "$root"/usr/lib/systemd/system/rke2-*.d 2>/dev/null)"
        "#,
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "installed: 0.0.1");
    assert_ne!(lines[1], "catalog: 0", "{said}");
    assert_eq!(lines[2], "enabled: preflight-rke2.service");
    assert_eq!(
        lines[3],
        format!("upgraded: {} 1", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(lines[4], "downgraded: 0.0.1 1");
    assert_eq!(lines[5], "removed: 1 0");
    assert_eq!(lines[6], "left: ", "a purge leaves nothing");
    assert_eq!(lines[7], "dirs: ");
}

#[test]
fn both_come_and_go_where_there_is_no_systemd() {
    let said = below_a_root(
        r#"
        without_systemd
        rpm --nodeps --install "$packages/older.rpm"
        rpm --nodeps --upgrade "$packages/preflight-rke2.rpm"
        rpm --erase preflight-rke2
        chroot "$root" dpkg --install /packages/preflight-rke2.deb >/dev/null
        chroot "$root" dpkg --purge preflight-rke2 >/dev/null
        say left "$(left)"
        "#,
    );
    assert_eq!(said, "left: \n");
}

/// The kubeconfig of a cluster that is not there.
const NO_CLUSTER: &str = r#"
        kubeconfig() { printf '%s\n' 'apiVersion: v1' 'kind: Config' 'clusters: [{name: a, cluster: {server: "https://'"$1"':1", certificate-authority: /ca.pem}}]' \
            'users: [{name: a, user: {token: x}}]' 'contexts: [{name: a, context: {cluster: a, user: a}}]' 'current-context: a' \
            >"$root/kubeconfig"; }
        asks() { kubeconfig "$1"; chroot "$root" preflight-rke2-cluster check --kubeconfig /kubeconfig 2>&1 || echo "status $?"; }
        cp tests/cases/certificates/2020-2090.pem "$root/ca.pem"
        works() {
            say help "$(chroot "$root" preflight-rke2-cluster --help | head -n 1)"
            echo '127.0.0.1 api.example' >>"$root/etc/hosts"
            say named $(asks api.example)
            say unknown $(asks other.example)
            say none $(chroot "$root" env -u KUBECONFIG HOME=/nowhere preflight-rke2-cluster check 2>&1 || echo "status $?")
        }
"#;

/// What it says of itself, of a name in the host's own table, of another, and without a kubeconfig.
fn works(lines: &[&str]) {
    assert_eq!(
        lines[0],
        "help: Audits the cluster half of the CIS benchmarks for RKE2: roles, service accounts, pods, network policies."
    );
    assert_eq!(
        lines[1],
        "named: preflight-rke2-cluster: cannot reach https://api.example:1: Connection refused (os error 111) status 1"
    );
    assert_eq!(
        lines[2],
        "unknown: preflight-rke2-cluster: cannot reach https://other.example:1: no address of other.example is known status 1"
    );
    assert!(
        lines[3].starts_with("none: preflight-rke2-cluster: no kubeconfig: ")
            && lines[3].ends_with(" status 1"),
        "{}",
        lines[3]
    );
}

#[test]
fn the_program_for_clusters_comes_and_goes_on_its_own() {
    let script = format!(
        r#"{NO_CLUSTER}
        chroot "$root" dpkg --install /packages/preflight-rke2-cluster.deb >/dev/null
        works
        chroot "$root" dpkg --purge preflight-rke2-cluster >/dev/null
        say left "$(left)"
        rpm --nodeps --install "$packages/preflight-rke2-cluster.rpm"
        say verified "$(rpm --verify --nodeps preflight-rke2-cluster)"
        works
        rpm --erase preflight-rke2-cluster
        say left "$(left)"
        "#
    );
    for suite in ["bullseye", "bookworm", "trixie", "sid"] {
        let said = below(suite, &script);
        let lines: Vec<&str> = said.lines().collect();
        works(&lines[..4]);
        assert_eq!(lines[4..6], ["left: ", "verified: "], "{suite}: {said}");
        works(&lines[6..10]);
        assert_eq!(lines[10], "left: ", "{suite}: {said}");
    }
}

#[test]
fn both_packages_are_installed_side_by_side() {
    let said = below_a_root(
        r#"
        chroot "$root" dpkg --install /packages/preflight-rke2.deb /packages/preflight-rke2-cluster.deb >/dev/null
        chroot "$root" dpkg --purge preflight-rke2-cluster >/dev/null
        say runs "$(chroot "$root" preflight-rke2 --version)"
        chroot "$root" dpkg --purge preflight-rke2 >/dev/null
        rpm --nodeps --install "$packages/preflight-rke2.rpm" "$packages/preflight-rke2-cluster.rpm"
        rpm --erase preflight-rke2
        say runs "$(chroot "$root" preflight-rke2-cluster --version)"
        say verified "$(rpm --verify --nodeps preflight-rke2-cluster)"
        rpm --erase preflight-rke2-cluster
        say left "$(left)"
        "#,
    );
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            format!("runs: preflight-rke2 {version}"),
            format!("runs: preflight-rke2-cluster {version}"),
            "verified: ".to_owned(),
            "left: ".to_owned(),
        ]
    );
}
