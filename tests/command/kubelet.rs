//! What RKE2 and the kubelet make of the files that arguments name, of taints, and of feature gates.

use super::host::Host;

const DROP_IN: &str = "/etc/rancher/rke2/config.yaml.d/90-site.yaml";
const CONF_D: &str = "/var/lib/rancher/rke2/agent/etc/kubelet.conf.d";
/// The files of kubelet-arg lie beside this one.
const NEIGHBOR: &str = "/etc/pki/neighbor.crt";

/// Verdict, component that refuses, and lines, of a server of this release with these lines of configuration.
fn checked(host: &Host, version: &str, lines: &str) -> (String, String, Vec<String>) {
    host.file(DROP_IN, lines);
    let (document, _) = host.json(&["check", "--rke2-version", version]);
    let unit = &document["units"][0];
    let text = |name: &str| unit[name].as_str().unwrap_or_default().to_owned();
    let lines = unit["predicted"].as_array().unwrap().iter();
    (
        text("verdict"),
        text("refused_by"),
        lines
            .map(|line| line.as_str().unwrap().to_owned())
            .collect(),
    )
}

fn host() -> Host {
    let host = Host::like("healthy-server");
    host.file(NEIGHBOR, "x");
    host
}

#[test]
fn a_file_that_is_missing_ends_what_reads_it() {
    let copy = |argument: &str, to: &str, why: &str| {
        format!(
            "copy {argument} \"/etc/pki/none\" into managed drop-in dir \"{CONF_D}/{to}\": {why}"
        )
    };
    let to = "10-cli-config.conf";
    let opens = format!(
        "copying /etc/pki/none to {CONF_D}/{to}: open /etc/pki/none: no such file or directory"
    );
    let cases = [
        (
            "v1.33.1+rke2r1",
            "[config=/etc/pki/none]",
            "rke2",
            copy("config", to, &opens),
        ),
        (
            "v1.33.1+rke2r1",
            "[config-dir=/etc/pki/none]",
            "rke2",
            copy("config-dir", "20-cli-config-dir", "lstat /etc/pki/none: no such file or directory"),
        ),
        (
            "v1.33.1+rke2r1",
            "[config=]",
            "rke2",
            "value required for kubelet-arg --config".to_owned(),
        ),
        (
            "v1.33.1+rke2r1",
            "[tls-cert-file=/etc/pki/none]",
            "kubelet",
            "failed to run Kubelet: failed to create kubelet: failed to initialize file based certificate manager: \
             unable to set up dynamic certificate manager for kubelet server cert files: open /etc/pki/none: no such \
             file or directory"
                .to_owned(),
        ),
        (
            "v1.30.1+rke2r1",
            "[client-ca-file=/etc/pki/none]",
            "kubelet",
            "failed to construct kubelet dependencies: unable to load client CA file /etc/pki/none: open \
             /etc/pki/none: no such file or directory"
                .to_owned(),
        ),
        (
            "v1.30.1+rke2r1",
            "[kubeconfig=/etc/pki/none]",
            "kubelet",
            "failed to run Kubelet: invalid kubeconfig: stat /etc/pki/none: no such file or directory".to_owned(),
        ),
        (
            "v1.30.1+rke2r1",
            "[image-credential-provider-bin-dir=/etc/pki/none]",
            "kubelet",
            "plugin binary directory /etc/pki/none did not exist".to_owned(),
        ),
    ];
    for (version, arguments, by, line) in cases {
        let host = host();
        let lines = format!("kubelet-arg: {arguments}\n");
        let (verdict, refused_by, predicted) = checked(&host, version, &lines);
        assert_eq!(
            (verdict.as_str(), refused_by.as_str()),
            ("would-refuse", by),
            "{version} {arguments}: {predicted:?}"
        );
        assert_eq!(predicted, [line]);
        // What may still come, and what is there, is no reason.
        for path in ["/run/none", "/etc/pki-not-made/none", NEIGHBOR] {
            let lines = lines.replace("/etc/pki/none", path);
            if arguments.contains("/etc/pki/none") {
                let (verdict, _, predicted) = checked(&host, version, &lines);
                assert!(
                    verdict != "would-refuse" || path == NEIGHBOR,
                    "{lines} {predicted:?}"
                );
                assert!(
                    !predicted.iter().any(|line| line.contains("no such file")),
                    "{predicted:?}"
                );
            }
        }
    }
}

#[test]
fn taints_are_read_by_rke2_since_it_writes_them() {
    let wrong = "node-taint: [a=b:NoSchedule, c=d:Never]\n";
    let error = "invalid taint effect: Never, unsupported taint effect";
    let refused = |by: &str, line: String| ("would-refuse".to_owned(), by.to_owned(), vec![line]);
    let (host, other) = (host(), host());
    assert_eq!(
        checked(&host, "v1.33.1+rke2r1", wrong),
        refused("rke2", format!("failed to parse node taints: {error}"))
    );
    let (verdict, by, lines) = checked(&other, "v1.30.1+rke2r1", wrong);
    assert_eq!((verdict.as_str(), by.as_str()), ("would-refuse", "kubelet"));
    assert!(lines[0].ends_with(error), "{lines:?}");
    let right = "node-taint: [a=b:NoSchedule, a=b:NoExecute]\n";
    for version in ["v1.33.1+rke2r1", "v1.30.1+rke2r1"] {
        assert_eq!(checked(&host, version, right).0, "would-start");
    }
}

/// A gate counts by its value, and what only looks like one does not.
#[test]
fn subordinate_ids_are_required_by_the_effective_gate() {
    for (arguments, is_refused) in [
        ("[max-pods=9]", true),
        ("[node-labels=UserNamespacesSupport=x]", true),
        ("[feature-gates=UserNamespacesSupport=true]", true),
        ("[feature-gates=AllBeta=true]", true),
        ("[feature-gates=UserNamespacesSupport=false]", false),
        ("[feature-gates=AllBeta=false]", false),
    ] {
        let host = host();
        host.file(
            "/etc/passwd",
            "root:x:0:0::/:/bin/sh\nkubelet:x:900:900::/:/bin/false\netcd:x:52034:52034::/:/bin/false\n",
        );
        let lines = format!("kubelet-arg: {arguments}\n");
        let (_, _, predicted) = checked(&host, "v1.33.1+rke2r1", &lines);
        let has = predicted.iter().any(|line| line.contains("getsubids"));
        assert_eq!(has, is_refused, "{arguments}: {predicted:?}");
    }
}
