//! The plans of system-upgrade-controller: their prepare steps, run as the controller's job would.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use super::host::{Host, Ran, run};
use super::yaml::documents;

const PLANS: &str = "packaging/monitoring/system-upgrade-controller/plan.yaml";
/// What Kubernetes puts into a command, and the shell into a script.
const VERSION: &str = "SYSTEM_UPGRADE_PLAN_LATEST_VERSION";

fn plan(name: &str) -> Json {
    let plans = documents(PLANS);
    let named = |plan: &Json| plan["metadata"]["name"] == name;
    plans.into_iter().find(named).unwrap()
}

/// The prepare step's command for this release, given as plans and channels give it.
fn prepare(plan: &Json, version: &str) -> (Vec<String>, String) {
    // `upgradeplan.MungeVersion`: an image's tag has no +.
    let munged = version.replace('+', "-");
    let words = plan["spec"]["prepare"]["command"].as_array().unwrap();
    let words = words
        .iter()
        .map(|word| {
            word.as_str()
                .unwrap()
                .replace(&format!("$({VERSION})"), &munged)
        })
        .collect();
    (words, munged)
}

/// A directory of programs that stand in for the image's: `chroot`, which enters this host, and the
/// upgrade script, which leaves a note that it has waited.
fn image(host: &Host, chroot: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let program = |name: &str, script: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    };
    let root = host.path().display();
    program(
        "chroot",
        format!("#!/bin/sh\n[ \"$1\" = /host ] || exit 99\nshift\nHOST='{root}'\n{chroot}\n"),
    );
    program(
        "upgrade.sh",
        format!(
            "#!/bin/sh\n[ \"$*\" = 'prepare server-plan' ] || exit 98\n\
             [ ! -e '{root}/servers-failed' ] || exit 96\necho waited >&2\n"
        ),
    );
    directory
}

fn run_prepare(name: &str, host: &Host, version: &str, chroot: &str) -> Ran {
    let image = image(host, chroot);
    let (words, munged) = prepare(&plan(name), version);
    // The image's path, in which the shell and chroot are searched.
    let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", image.path().display());
    let program = Path::new(&words[0]);
    let in_image = image.path().join(program);
    let mut command = Command::new(if in_image.exists() {
        &in_image
    } else {
        program
    });
    command
        .args(&words[1..])
        .env_clear()
        .env("PATH", path)
        .env(VERSION, munged);
    run(command)
}

/// Without a right to chroot: the same program with --root.
fn with_root_option(name: &str, host: &Host, version: &str) -> Ran {
    let program = env!("CARGO_BIN_EXE_preflight-rke2");
    let chroot = format!(
        "[ \"$1\" = /usr/bin/preflight-rke2 ] || exit 97\nshift\nexec '{program}' --root \"$HOST\" \"$@\""
    );
    run_prepare(name, host, version, &chroot)
}

const CASES: [(&str, &str, &str, i32, &str); 11] = [
    (
        "server-plan",
        "healthy-server",
        "v1.34.1+rke2r1",
        0,
        "would start",
    ),
    (
        "server-plan",
        "healthy-server",
        "v1.36.3+rke2r1",
        0,
        "would start",
    ),
    (
        "server-plan",
        "rhel-minimal-cis",
        "v1.34.1+rke2r1",
        3,
        "5 reasons",
    ),
    // Runs today, and would not after a reboot.
    (
        "server-plan",
        "stig-not-persisted",
        "v1.34.1+rke2r1",
        4,
        "not after the next boot",
    ),
    // Runs on this release, and the next refuses its profile.
    (
        "server-plan",
        "cis-1.23-on-1.28",
        "v1.28.15+rke2r1",
        0,
        "would start",
    ),
    (
        "server-plan",
        "cis-1.23-on-1.28",
        "v1.30.5+rke2r1",
        3,
        "cis-1.23",
    ),
    (
        "agent-plan",
        "healthy-agent",
        "v1.34.1-rc2+rke2r1",
        0,
        "would start",
    ),
    (
        "agent-plan",
        "cgroup-v1-on-1.36",
        "v1.34.1+rke2r1",
        0,
        "would start",
    ),
    (
        "agent-plan",
        "cgroup-v1-on-1.36",
        "v1.36.3+rke2r1",
        3,
        "cgroup",
    ),
    (
        "agent-plan",
        "cgroup-v1-on-1.36",
        "v1.37.1+rke2r1",
        3,
        "after an upgrade to v1.37.1+rke2r1 would not start",
    ),
    (
        "agent-plan",
        "flag-without-profile-agent",
        "v1.34.1+rke2r1",
        3,
        "would not start",
    ),
];

#[test]
fn no_node_is_drained_that_could_not_come_back() {
    for (name, host, version, status, told_of) in CASES {
        let ran = with_root_option(name, &Host::like(host), version);
        assert_eq!(
            ran.status, status,
            "{host} {version}: {}{}",
            ran.out, ran.err
        );
        assert!(ran.out.contains(told_of), "{host} {version}: {}", ran.out);
        let waits = name == "agent-plan";
        assert_eq!(ran.err == "waited\n", waits, "{}", ran.err);
    }
}

/// An agent, too, that runs today and would not after a reboot; and none before the servers.
#[test]
fn agents_come_back_too_and_come_last() {
    let host = Host::like("healthy-agent");
    host.clear("/etc/sysctl.d/60-rke2-cis.conf");
    let ran = with_root_option("agent-plan", &host, "v1.34.1+rke2r1");
    assert_eq!(ran.status, 4, "{}", ran.out);
    host.file("/servers-failed", "");
    let ran = with_root_option("agent-plan", &host, "v1.34.1+rke2r1");
    assert_eq!((ran.status, ran.out.as_str()), (96, ""));
}

/// If it is not known that the node would start again, the step fails.
#[test]
fn what_is_not_known_is_not_drained() {
    let bare = Host::new();
    assert_ne!(
        with_root_option("server-plan", &bare, "v1.34.1+rke2r1").status,
        0
    );
    let healthy = Host::like("healthy-server");
    assert_ne!(
        with_root_option("agent-plan", &healthy, "v1.34.1+rke2r1").status,
        0
    );
    assert_eq!(
        with_root_option("server-plan", &healthy, "not-a-version").status,
        2
    );
    // A minor version that this preflight-rke2 has no rules of.
    let ran = with_root_option("server-plan", &healthy, "v1.99.0+rke2r1");
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    // Without the package, or without the privilege: chroot's message.
    assert_eq!(
        run_prepare("server-plan", &healthy, "v1.34.1+rke2r1", "exit 127").status,
        127
    );
    assert_eq!(
        run_prepare("agent-plan", &healthy, "v1.34.1+rke2r1", "exit 125").status,
        125
    );
    // A variable that the controller does not set is left as it stands.
    let (words, _) = prepare(&plan("server-plan"), "$(X)");
    assert!(words.contains(&"--upgrade-to=$(X)".to_owned()));
}

/// The fields are those of the controller's own type, and each plan judges its own nodes' unit.
#[test]
fn plans_are_plans() {
    const SPEC: [&str; 10] = [
        "concurrency",
        "version",
        "nodeSelector",
        "tolerations",
        "serviceAccountName",
        "cordon",
        "drain",
        "prepare",
        "upgrade",
        "channel",
    ];
    const CONTAINER: [&str; 7] = [
        "image",
        "command",
        "args",
        "envs",
        "envFrom",
        "volumes",
        "securityContext",
    ];
    let plans = documents(PLANS);
    assert_eq!(plans.len(), 2);
    for plan in plans {
        let name = plan["metadata"]["name"].as_str().unwrap();
        assert_eq!(plan["apiVersion"], "upgrade.cattle.io/v1");
        assert_eq!(plan["kind"], "Plan");
        for key in plan["spec"].as_object().unwrap().keys() {
            assert!(SPEC.contains(&key.as_str()), "{name}: {key}");
        }
        for step in ["prepare", "upgrade"] {
            for key in plan["spec"][step].as_object().unwrap().keys() {
                assert!(CONTAINER.contains(&key.as_str()), "{name}: {key}");
            }
        }
        let version = plan["spec"]["version"].as_str().unwrap();
        version
            .parse::<preflight_rke2::testing::rke2::version::Version>()
            .unwrap();
        let (words, _) = prepare(&plan, version);
        let unit = format!(
            "--unit=rke2-{}.service",
            name.strip_suffix("-plan").unwrap()
        );
        assert!(words.join(" ").contains(&unit), "{words:?}");
    }
}

/// Puts the program where the package does, with the libraries that this build, unlike the packaged
/// one, requires.
#[cfg(feature = "lab")]
pub(crate) fn install(host: &Host) {
    let program = env!("CARGO_BIN_EXE_preflight-rke2");
    let copy = |from: &str, to: &str| {
        host.file(to, std::fs::read(from).unwrap());
        std::fs::set_permissions(host.at(to), PermissionsExt::from_mode(0o755)).unwrap();
    };
    copy(program, "/usr/bin/preflight-rke2");
    let libraries = Command::new("ldd").arg(program).output().unwrap();
    let libraries = String::from_utf8(libraries.stdout).unwrap();
    for word in libraries.split_whitespace() {
        if word.starts_with('/') {
            copy(word, word);
        }
    }
}

/// In a separate root, as in the pod: the program finds the host at /, by itself.
#[cfg(feature = "lab")]
#[test]
fn in_a_real_chroot() {
    for (name, like, version, status, told_of) in CASES {
        let host = Host::like(like);
        install(&host);
        let chroot = "exec /usr/sbin/chroot \"$HOST\" \"$@\"";
        let ran = run_prepare(name, &host, version, chroot);
        assert_eq!(
            ran.status, status,
            "{like} {version}: {}{}",
            ran.out, ran.err
        );
        assert!(ran.out.contains(told_of), "{like} {version}: {}", ran.out);
    }
}
