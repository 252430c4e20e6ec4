//! What really happened in the last start of a host below `--root`: its logs, hostile ones among them.

use std::os::unix::fs::symlink;

use super::host::Host;

const KUBELET: &str = "/var/lib/rancher/rke2/agent/logs/kubelet.log";
const API_SERVER: &str = "/var/log/pods/kube-system_kube-apiserver-node1_0123abc/kube-apiserver";
const FLAG: &str = "E1128 12:04:55.468159   17377 run.go:72] \"command failed\" err=\"failed to parse kubelet flag: unknown flag: --x\"\n";

/// A host that would start, with this log of the kubelet.
fn host(log: &[u8]) -> Host {
    let host = Host::like("healthy-server");
    host.file(KUBELET, log);
    host.set_modified(KUBELET, "2026-11-28T11:04:57Z");
    host
}

/// What `check` finds to have exited: component, reason, and microseconds since 1970. Nothing else changes.
fn exits(host: &Host) -> Vec<(String, String, u64)> {
    let (document, status) = host.json(&["check"]);
    assert_eq!(status, 0);
    let unit = &document["units"][0];
    assert_eq!(unit["verdict"], "would-start");
    let none = Vec::new();
    let exits = unit["exits"].as_array().unwrap_or(&none);
    let findings = unit["findings"].as_array().unwrap().iter();
    let of_exits = findings.filter(|finding| finding["id"].as_str().unwrap().ends_with(".exited"));
    assert_eq!(of_exits.count(), exits.len());
    exits
        .iter()
        .map(|exit| {
            let text = |name: &str| exit[name].as_str().unwrap().to_owned();
            (
                text("component"),
                text("reason"),
                exit["at"].as_u64().unwrap(),
            )
        })
        .collect()
}

fn reasons(host: &Host) -> Vec<String> {
    exits(host)
        .into_iter()
        .map(|(_, reason, _)| reason)
        .collect()
}

#[test]
fn the_kubelets_reason_is_quoted() {
    let host = host(FLAG.as_bytes());
    let reason = "failed to parse kubelet flag: unknown flag: --x".to_owned();
    // The zone of the host is an hour ahead.
    let at = 1_795_863_895_468_159;
    assert_eq!(exits(&host), [("kubelet".to_owned(), reason, at)]);
    let ran = host.run(["check"]);
    let expected = "warning[kubelet.exited]: the kubelet exited at 2026-11-28T11:04:55Z: failed to parse kubelet flag: unknown flag: --x\n";
    assert!(ran.out.contains(expected), "{}", ran.out);
    assert!(
        ran.out.starts_with("rke2-server.service would start\n"),
        "{}",
        ran.out
    );
    let without_unit = host.run(["check", "--role", "server"]);
    assert!(!without_unit.out.contains("exited"), "{}", without_unit.out);
}

/// The gate runs before the start: what its log ends with is of another start.
#[test]
fn the_gate_does_not_read_logs() {
    let host = host(FLAG.as_bytes());
    let ran = host.run(["gate", "rke2-server.service"]);
    assert_eq!(
        (ran.status, ran.out.as_str(), ran.err.as_str()),
        (0, "", "")
    );
}

#[test]
fn a_static_pod_that_exits_again_and_again_is_quoted() {
    let host = host(b"I1128 12:04:57.468159   17377 a.go:1] x\n");
    for (number, time) in [
        (6, "2026-11-28T11:02:00.1Z"),
        (7, "2026-11-28T12:04:00.5+01:00"),
    ] {
        let path = format!("{API_SERVER}/{number}.log");
        let line = format!(
            "{time} stderr F E1128 12:04:00.468159   1 run.go:72] \"command failed\" err=\"bad file\"\n"
        );
        host.file(&path, line);
        host.set_modified(&path, "2026-11-28T11:04:00Z");
    }
    let at = 1_795_863_840_500_000;
    let expected = ("kube-apiserver".to_owned(), "bad file".to_owned(), at);
    assert_eq!(exits(&host), [expected]);
    let ran = host.run(["check"]);
    assert!(
        ran.out.contains(
            "warning[pod.exited]: kube-apiserver exited at 2026-11-28T11:04:00Z: bad file\n"
        ),
        "{}",
        ran.out
    );
    // It serves now.
    let path = format!("{API_SERVER}/8.log");
    host.file(
        &path,
        "2026-11-28T11:04:50Z stderr F I1128 12:04:50.468159   1 a.go:1] Serving securely on x\n",
    );
    host.set_modified(&path, "2026-11-28T11:04:50Z");
    assert_eq!(exits(&host), []);
}

#[test]
fn hostile_logs_do_no_harm() {
    let flag = FLAG.as_bytes();
    let huge = vec![b'x'; 3 << 20];
    let binary: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let expected = ["failed to parse kubelet flag: unknown flag: --x"];
    for (log, expected) in [
        (Vec::new(), &[][..]),
        (huge.clone(), &[]),
        (binary.clone(), &[]),
        ([&huge, b"\n".as_slice(), flag].concat(), &expected),
        ([&binary, b"\n".as_slice(), flag].concat(), &expected),
        // Only the end is read.
        ([flag, &huge, b"\n"].concat(), &[]),
        (flag[..flag.len() - 1].to_vec(), &expected),
        (b"\n".repeat(1 << 20), &[]),
        ([b"\t\n".repeat(1 << 17), flag.to_vec()].concat(), &expected),
    ] {
        let size = log.len();
        assert_eq!(reasons(&host(&log)), expected, "{size} bytes");
    }
    let long = format!("panic: {}\n", "\u{202e}\u{1b}[2J".repeat(100_000));
    let ran = host(long.as_bytes()).run(["check"]);
    assert!(ran.out.len() < 10_000, "{}", ran.out.len());
    assert!(!ran.out.contains(['\u{202e}', '\u{1b}']), "{}", ran.out);
}

#[test]
fn only_logs_of_the_host_are_read() {
    let outside = Host::new();
    outside.file("/kubelet.log", FLAG);
    let host = Host::like("healthy-server");
    symlink(outside.at("/kubelet.log"), host.clear(KUBELET)).unwrap();
    assert_eq!(exits(&host), []);
    nix::unistd::mkfifo(&host.clear(KUBELET), nix::sys::stat::Mode::S_IRUSR).unwrap();
    assert_eq!(exits(&host), []);
    std::fs::create_dir(host.clear(KUBELET)).unwrap();
    assert_eq!(exits(&host), []);
    // A link within the host is followed.
    host.file("/srv/kubelet.log", FLAG);
    host.link(KUBELET, "/srv/kubelet.log");
    // Else it would depend on the time of day whether the exit seems old.
    host.set_modified("/srv/kubelet.log", "2026-11-28T12:05:00Z");
    assert_eq!(exits(&host).len(), 1);
    // A container whose log is no number, and a pod without containers.
    host.file(&format!("{API_SERVER}/x.log"), FLAG);
    host.file("/var/log/pods/kube-system_etcd-node1_0", "");
    host.file(&format!("{API_SERVER}/99999999999999999999.log"), FLAG);
    assert_eq!(exits(&host).len(), 1);
}

/// Times of no calendar, of a copied file, of the future.
#[test]
fn any_time_is_shown() {
    for (log, written) in [
        (FLAG.replace("1128", "0230"), "1970-01-01T00:00:00Z"),
        (FLAG.replace("1128", "1231"), "2526-01-01T00:00:00Z"),
        (FLAG.replace("12:04:55", "23:59:60"), "2026-06-01T00:00:00Z"),
        ("{\"ts\":-1,\"msg\":\"command failed\",\"err\":\"failed to parse kubelet flag: unknown flag: --x\"}\n".to_owned(), "2026-06-01T00:00:00Z"),
    ] {
        let host = host(log.as_bytes());
        host.set_modified(KUBELET, written);
        let expected = ["failed to parse kubelet flag: unknown flag: --x"];
        assert_eq!(reasons(&host), expected, "{log}{written}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let log = "E1128 12:04:55.468159   17377 run.go:72] \"command failed\" err=\"dial https://u:CANARY1@h: CANARY2\"\n";
    let host = host(log.as_bytes());
    host.file(
        "/etc/rancher/rke2/config.yaml",
        "profile: cis\ntoken: CANARY2\n",
    );
    for args in [
        &["check"][..],
        &["check", "--format", "json"],
        &["check", "--verbose"],
    ] {
        let ran = host.run(args);
        assert!(ran.out.contains("<redacted>@h: <redacted>"), "{}", ran.out);
        assert!(!ran.out.contains("CANARY"), "{}", ran.out);
    }
}
