//! Which processes are RKE2's, and what of a node's configuration is still to come.

use preflight_rke2::testing::audit::ControlOutcome;
use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::rke2::role::Role;

use crate::node::{Built, Care, DATA, Node, outcomes};

const OPEN: [&str; 3] = ["kube-apiserver", "--anonymous-auth=true", "--profiling"];

fn line(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn server() -> Node {
    Node::new(Benchmark::V1_12, Role::Server, Care::Full)
}

fn anonymous(node: &Node, built: &Built) -> (ControlOutcome, String) {
    let audit = built.audit(node, None, &[]);
    let audited = audit
        .controls
        .iter()
        .find(|a| a.control.key == "apiserver.anonymous-auth")
        .unwrap();
    (audited.outcome, audited.result.summary.clone())
}

type Add<'a> = &'a dyn Fn(&Built);

/// `ps -C` takes any process of that name.
#[test]
fn a_process_of_that_name_is_not_taken_for_rke2s() {
    let node = server();
    let bin = format!("{DATA}/data/v1.0.0-rke2r1-0123456789ab/bin");
    let shim = format!("{bin}/containerd-shim-runc-v2");
    let unit = "0::/system.slice/rke2-server.service\n";
    let others: [(&str, Add); 6] = [
        ("a user's own", &|built| {
            built.process(
                900,
                1,
                "/usr/bin/kube-apiserver",
                "0::/user.slice\n",
                &line(&OPEN),
            );
        }),
        ("another cluster's", &|built| {
            built.process(
                901,
                1,
                "/usr/bin/containerd-shim-runc-v2",
                "0::/system.slice/containerd.service\n",
                &line(&["x"]),
            );
            built.process(
                902,
                901,
                "/usr/local/bin/kube-apiserver",
                "0::/kubepods.slice/kubepods-pod1.slice/x.scope\n",
                &line(&OPEN),
            );
        }),
        ("in a pod of this one", &|built| {
            built.process(903, 1, &shim, unit, &line(&["x"]));
            built.process(904, 903, "/usr/local/bin/kube-apiserver", "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0a_b.slice/x.scope\n", &line(&OPEN));
        }),
        ("a pod whose id ends like it", &|built| {
            built.process(905, 1, &shim, unit, &line(&["x"]));
            built.process(
                906,
                905,
                "/usr/local/bin/kube-apiserver",
                "0::/kubepods.slice/kubepods-podx10123456789abcdef0123456789abcde.slice/x.scope\n",
                &line(&OPEN),
            );
        }),
        ("another program that calls itself so", &|built| {
            built.process(907, 100, "/usr/bin/perl", unit, &line(&OPEN));
        }),
        ("a shell with the name in its words", &|built| {
            built.process(
                908,
                100,
                "/bin/sh",
                unit,
                &line(&["sh", "-c", "kube-apiserver --anonymous-auth=true"]),
            );
        }),
    ];
    for (what, add) in others {
        let built = node.build();
        add(&built);
        let (outcome, summary) = anonymous(&node, &built);
        assert_eq!(outcome, ControlOutcome::Pass, "{what}: {summary}");
    }
}

#[test]
fn what_runs_counts_and_so_does_what_will() {
    // The manifest was fixed, but the pod was not restarted.
    let mut node = server();
    node.running = false;
    let built = node.build();
    let running = Node {
        running: true,
        ..server()
    };
    let mut stale = running.clone();
    stale
        .args("kube-apiserver")
        .push("--anonymous-auth=true".to_owned());
    let live = stale.build();
    let groups = std::fs::read_to_string(live.at("/proc/211/cgroup")).unwrap();
    let exe =
        format!("{DATA}/data/v1.0.0-rke2r1-0123456789ab/bin/containerd-shim-runc-v2 (deleted)");
    // An upgrade removed the shim's program; the process is still RKE2's.
    let unit = "0::/system.slice/rke2-server.service\n";
    let init = "/usr/lib/systemd/systemd";
    built.process(1, 0, init, "0::/init.scope\n", &line(&["init"]));
    built.process(210, 1, &exe, unit, &line(&["shim"]));
    built.process(
        211,
        210,
        "/usr/local/bin/kube-apiserver",
        &groups,
        &line(&OPEN),
    );
    let (outcome, summary) = anonymous(&node, &built);
    assert_eq!(outcome, ControlOutcome::Fail);
    assert!(
        summary.starts_with("kube-apiserver runs with --anonymous-auth=true"),
        "{summary}"
    );

    // The other way round: what the next start of the pod brings.
    let mut fixed = server();
    let built = fixed.build();
    fixed
        .args("kube-apiserver")
        .push("--anonymous-auth=true".to_owned());
    let path = format!("{DATA}/agent/pod-manifests/kube-apiserver.yaml");
    let worse = fixed.build();
    std::fs::copy(worse.at(&path), built.at(&path)).unwrap();
    let (outcome, summary) = anonymous(&fixed, &built);
    assert_eq!(outcome, ControlOutcome::Fail);
    assert!(
        summary.starts_with("the static pod of kube-apiserver has"),
        "{summary}"
    );

    // And what RKE2's next start brings.
    let mut node = server();
    node.config += "kube-apiserver-arg:\n  - anonymous-auth=true\n";
    let audit = node.audit();
    let audited = audit
        .controls
        .iter()
        .find(|a| a.control.key == "apiserver.anonymous-auth")
        .unwrap();
    assert_eq!(audited.outcome, ControlOutcome::Fail);
    assert!(
        audited
            .result
            .summary
            .starts_with("at RKE2's next start kube-apiserver has"),
        "{}",
        audited.result.summary
    );
    assert_eq!(
        audited.result.sources[0].path,
        "/etc/rancher/rke2/config.yaml"
    );
    assert!(audited.result.sources[0].line.is_some());
    assert!(
        audited.result.remedies[0]
            .summary()
            .contains("/etc/rancher/rke2/config.yaml:"),
        "{:?}",
        audited.result.remedies
    );
}

/// The manifest was rewritten, and the previous pod still runs: in the host's network, where pods
/// of others may be too, and known by the directory of its logs.
#[test]
fn a_pod_from_before_its_manifest_is_rke2s_still() {
    let node = server();
    let built = node.build();
    let groups =
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podffff.slice/x.scope\n";
    built.process(
        211,
        210,
        "/usr/local/bin/kube-apiserver",
        groups,
        &line(&OPEN),
    );
    assert_eq!(anonymous(&node, &built).0, ControlOutcome::Pass);
    for (pid, network) in [(1, "net:[1]"), (211, "net:[2]")] {
        let ns = built.at(&format!("/proc/{pid}/ns"));
        std::fs::create_dir_all(&ns).unwrap();
        std::os::unix::fs::symlink(network, ns.join("net")).unwrap();
    }
    assert_eq!(anonymous(&node, &built).0, ControlOutcome::Pass);
    let own = built.at("/proc/211/ns/net");
    std::fs::remove_file(&own).unwrap();
    std::os::unix::fs::symlink("net:[1]", own).unwrap();
    let (outcome, summary) = anonymous(&node, &built);
    assert_eq!(outcome, ControlOutcome::Error, "{summary}");
    assert!(summary.contains("process 211 may be it"), "{summary}");
    for (dir, outcome) in [
        ("default_kube-apiserver-x_ffff", ControlOutcome::Error),
        ("kube-system_kube-proxy-x_ffff", ControlOutcome::Error),
        ("kube-system_kube-apiserver-x_ff-ff", ControlOutcome::Fail),
    ] {
        std::fs::create_dir_all(built.at(&format!("/var/log/pods/{dir}"))).unwrap();
        assert_eq!(anonymous(&node, &built).0, outcome, "{dir}");
    }
}

/// What else than RKE2 could show of itself, one thing at a time: it is not taken for the kubelet, and
/// RKE2's own beside it still is.
#[test]
fn an_impostor_is_not_taken_for_the_kubelet() {
    let node = server();
    let own = format!("{DATA}/data/v1.0.0-rke2r1-0123456789ab/bin/kubelet");
    let unit = "0::/system.slice/rke2-server.service\n";
    let users = "0::/user.slice/user-1000.slice/user@1000.service/rke2-server.service\n";
    let pods = "0::/kubepods.slice/kubepods-pod9.slice/x.scope/rke2-server.service\n";
    let open = line(&["kubelet", "--anonymous-auth=true"]);
    let uid = |built: &Built, uid: &str| built.file("/proc/960/status", format!("Uid:\t{uid}\n"));
    let mount = |built: &Built| {
        let link = built.at("/proc/960/ns/mnt");
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("mnt:[2]", link).unwrap();
    };
    let cases: [(&str, &str, &str, Add); 7] = [
        ("another uid", &own, unit, &|b| {
            uid(b, "1000\t1000\t1000\t1000");
        }),
        ("an effective uid", &own, unit, &|b| uid(b, "0\t1000\t0\t0")),
        ("a user's group, another root", &own, users, &|b| {
            uid(b, "1000\t1000\t1000\t1000");
            mount(b);
        }),
        ("a pod's root with that path", &own, pods, &|b| mount(b)),
        ("a pod's group", "/usr/bin/kubelet", pods, &|_| {}),
        ("a user's group", "/usr/bin/kubelet", users, &|_| {}),
        ("no such file here", &own, unit, &|b| {
            let link = b.at("/proc/960/exe");
            std::fs::remove_file(&link).unwrap();
            std::os::unix::fs::symlink("/nowhere/kubelet", link).unwrap();
        }),
    ];
    for (what, exe, groups, change) in cases {
        let built = node.build();
        built.process(960, 100, exe, groups, &open);
        change(&built);
        let audit = built.audit(&node, None, &[]);
        assert_eq!(
            outcomes(&audit)["kubelet.anonymous"],
            ControlOutcome::Pass,
            "{what}"
        );
        // And nothing is made of it where RKE2's own does not run.
        std::fs::remove_dir_all(built.at("/proc/110")).unwrap();
        let audit = built.audit(&node, None, &[]);
        assert_eq!(
            outcomes(&audit)["kubelet.anonymous"],
            ControlOutcome::Pass,
            "{what}"
        );
    }
}

/// Of several that may be meant, none is taken: never the youngest, which another could start.
#[test]
fn of_several_candidates_none_is_taken() {
    let node = server();
    let closed = line(&["kubelet", "--anonymous-auth=false"]);
    let own = format!("{DATA}/data/v1.0.0-rke2r1-0123456789ab/bin/kubelet");
    let unit = "0::/system.slice/rke2-server.service\n";
    let result = |built: &Built| {
        let audit = built.audit(&node, None, &[]);
        let audited = audit
            .controls
            .iter()
            .find(|a| a.control.key == "kubelet.anonymous")
            .unwrap();
        (audited.outcome, audited.result.summary.clone())
    };
    for pid in [109, 961] {
        let built = node.build();
        built.process(pid, 100, &own, unit, &closed);
        let (outcome, summary) = result(&built);
        assert_eq!(outcome, ControlOutcome::Error, "{summary}");
        assert!(
            summary.contains("several processes may be it: 1"),
            "{summary}"
        );
        assert!(summary.contains(&pid.to_string()), "{summary}");
    }
    // One that may be it, and is not where RKE2's own would be.
    let built = node.build();
    std::fs::remove_dir_all(built.at("/proc/110")).unwrap();
    built.process(962, 100, &own, "0::/user.slice/x.scope\n", &closed);
    let (outcome, summary) = result(&built);
    assert_eq!(outcome, ControlOutcome::Error, "{summary}");
    assert!(summary.contains("process 962 may be it"), "{summary}");
    // A static pod twice.
    let built = node.build();
    let groups = std::fs::read_to_string(built.at("/proc/211/cgroup")).unwrap();
    let fine = line(&["kube-apiserver", "--anonymous-auth=false"]);
    built.process(212, 210, "/usr/local/bin/kube-apiserver", &groups, &fine);
    let (outcome, summary) = anonymous(&node, &built);
    assert_eq!(outcome, ControlOutcome::Error, "{summary}");
    assert!(summary.contains("211 and 212"), "{summary}");
}

/// A configuration that cannot be read is reported: the data directory it sets is not known.
#[test]
fn unknown_configuration_is_reported() {
    let mut node = server();
    node.config = "profile: [\n".to_owned();
    let audit = node.audit();
    assert_eq!(audit.unknown.len(), 1, "{:?}", audit.unknown);
    assert!(
        audit.unknown[0].contains("/etc/rancher/rke2/config.yaml"),
        "{:?}",
        audit.unknown
    );
    assert!(server().audit().unknown.is_empty());
}

/// A host on which RKE2 never started has no failure. What its configuration would open is reported.
#[test]
fn before_the_first_start() {
    let mut node = server();
    node.running = false;
    node.pods.clear();
    node.files.clear();
    node.modes.clear();
    node.owners.clear();
    node.conf_d.clear();
    let bad = |node: &Node| -> Vec<&'static str> {
        let outcomes = node.outcomes().into_iter();
        outcomes
            .filter(|(_, outcome)| {
                matches!(
                    outcome,
                    ControlOutcome::Fail | ControlOutcome::Warn | ControlOutcome::Error
                )
            })
            .map(|(key, _)| key)
            .collect()
    };
    assert_eq!(bad(&node), [""; 0]);
    node.config += "kube-apiserver-arg: [\"profiling=true\", \"tls-min-version=x\"]\n";
    assert_eq!(bad(&node), ["apiserver.profiling"]);
}

/// A kubelet of another cluster on the same host.
#[test]
fn another_kubelet_is_not_rke2s() {
    let node = server();
    let built = node.build();
    let open = line(&["/usr/bin/kubelet", "--anonymous-auth=true"]);
    built.process(
        950,
        1,
        "/usr/bin/kubelet",
        "0::/system.slice/kubelet.service\n",
        &open,
    );
    let audit = built.audit(&node, None, &[]);
    assert_eq!(outcomes(&audit)["kubelet.anonymous"], ControlOutcome::Pass);
    // RKE2's own with another program (kubelet-path).
    std::fs::remove_dir_all(built.at("/proc/110")).unwrap();
    built.process(
        951,
        100,
        "/opt/kubelet",
        "0::/system.slice/rke2-server.service\n",
        &line(&["kubelet", "--anonymous-auth=true"]),
    );
    let link = built.at("/proc/951/exe");
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/opt/bin/kubelet", link).unwrap();
    built.file("/opt/bin/kubelet", "a program");
    let audit = built.audit(&node, None, &[]);
    assert_eq!(outcomes(&audit)["kubelet.anonymous"], ControlOutcome::Fail);
}

/// A drop-in, or a flag, that undoes the profile.
#[test]
fn a_drop_in_undoes_what_the_profile_asks_for() {
    let mut node = server();
    node.conf_d.insert(
        "99-site.conf".to_owned(),
        "protectKernelDefaults: false\n".to_owned(),
    );
    let audit = node.audit();
    let audited = audit
        .controls
        .iter()
        .find(|a| a.control.key == "guide.protect-kernel-defaults")
        .unwrap();
    assert_eq!(audited.outcome, ControlOutcome::Warn);
    assert_eq!(
        audited.result.sources[0].path,
        format!("{DATA}/agent/etc/kubelet.conf.d/99-site.conf")
    );
    assert_eq!(audited.result.sources[0].line, Some(1));
}
