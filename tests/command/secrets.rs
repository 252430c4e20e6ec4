//! No secret reaches any output, in any position and even in malformed files.

use super::host::Host;

const SECRET: &str = "CANARY5e7a";
const UNIT: &str = "/usr/lib/systemd/system/rke2-server.service";
const CONFIG: &str = "/etc/rancher/rke2/config.yaml";
const DROP_IN: &str = "/etc/rancher/rke2/config.yaml.d/50-rancher.yaml";
const ENVIRONMENT: &str = "/etc/sysconfig/rke2-server";

/// Commands that print much of the configuration come first, as many as `DETAILED`; the others print little.
const RUNS: &[&[&str]] = &[
    &["check", "--verbose"],
    &["check", "--all", "--format", "json"],
    &["config", "--all"],
    &["config", "--all", "--format", "json"],
    &["gate", "rke2-server.service"],
    &["check", "--role", "agent"],
    &["config"],
    &["sysctl"],
    &["sysctl", "--format", "json"],
    &["audit", "--show", "all"],
    &["audit", "--format", "json"],
    &["audit", "--format", "kube-bench"],
];
const DETAILED: usize = 5;

/// Writes the file, with `SECRET` in the place of `@`, on a host with many findings, and searches for
/// it in every output. Returns the lines that hold it, and what `config --all` prints.
fn leaks(path: &str, content: &str, runs: &[&[&str]]) -> (Vec<String>, String) {
    let host = Host::like("healthy-server");
    host.file("/proc/sys/kernel/panic", "0\n");
    host.file("/etc/passwd", "");
    host.file(CONFIG, "profile: cis\nprotect-kernel-defaults: false\n");
    host.file(path, content.replace('@', SECRET));
    let mut found = Vec::new();
    let mut settings = String::new();
    for args in runs {
        let ran = host.run(*args);
        // A part of it would be enough.
        let printed = [&ran.out, &ran.err].into_iter().flat_map(|t| t.lines());
        let lines = printed.filter(|line| line.contains(&SECRET[6..]));
        found.extend(lines.map(|line| format!("{content:?} in {path}: {args:?}: {line}\n")));
        if *args == ["config", "--all"] {
            assert_eq!(ran.status, 0, "{}", ran.err);
            settings = ran.out;
        }
    }
    (found, settings)
}

/// The same; the setting must be known, and shown as a secret.
fn known_and_hidden(path: &str, content: &str, setting: &str) {
    let (found, settings) = leaks(path, content, RUNS);
    assert!(found.is_empty(), "{}", found.concat());
    let row = settings.lines().find(|line| {
        let rest = line.strip_prefix(setting);
        rest.is_some_and(|rest| rest.starts_with(' '))
    });
    let hidden = row.is_some_and(|row| row.contains("<redacted>"));
    assert!(hidden, "{path}: {content}\n{settings}");
}

const SECRETS: [&str; 6] = [
    "token",
    "agent-token",
    "etcd-s3-secret-key",
    "etcd-s3-access-key",
    "etcd-s3-session-token",
    "datastore-endpoint",
];

/// What a secret is in, whole: its own value, or part of an address.
fn value(setting: &str) -> &str {
    match setting {
        "datastore-endpoint" => "mysql://rke2:@(db:3306)/rke2",
        _ => "@",
    }
}

#[test]
fn in_files() {
    for setting in SECRETS {
        let value = value(setting);
        known_and_hidden(
            CONFIG,
            &format!("profile: x\n{setting}: {value}\n"),
            setting,
        );
        known_and_hidden(DROP_IN, &format!("\"{setting}\" : '{value}'\n"), setting);
        let flow = format!(
            "{{\"{setting}\":\"{value}\",\"profile\":\"cis\",\"protect-kernel-defaults\":false,\"Profile\":1}}\n"
        );
        known_and_hidden(DROP_IN, &flow, setting);
    }
}

#[test]
fn in_the_environment_and_in_arguments() {
    for (setting, variable) in [
        ("token", "RKE2_TOKEN"),
        ("agent-token", "RKE2_AGENT_TOKEN"),
        ("datastore-endpoint", "RKE2_DATASTORE_ENDPOINT"),
    ] {
        let value = value(setting);
        let start = "ExecStart=/usr/bin/rke2 server\n";
        let unit = format!("[Service]\nEnvironment=\"{variable}={value}\"\n{start}");
        known_and_hidden(UNIT, &unit, setting);
        known_and_hidden(ENVIRONMENT, &format!("{variable}={value}\n"), setting);
        let manager = format!("[Manager]\nDefaultEnvironment=\"{variable}={value}\"\n");
        known_and_hidden("/etc/systemd/system.conf", &manager, setting);
    }
    for setting in SECRETS {
        let value = value(setting);
        for words in [
            format!("--{setting} \"{value}\""),
            format!("\"-{setting}={value}\""),
        ] {
            let unit = format!("[Service]\nExecStart=/usr/bin/rke2 server {words}\n");
            known_and_hidden(UNIT, &unit, setting);
        }
    }
    let unit = "[Service]\nEnvironment=T=@\nExecStart=/usr/bin/rke2 server --token $T\n";
    known_and_hidden(UNIT, unit, "token");
    known_and_hidden(
        UNIT,
        "[Service]\nExecStart=/usr/bin/rke2 server -t @\n",
        "token",
    );
    known_and_hidden("/proc/cmdline", "systemd.setenv=RKE2_TOKEN=@\n", "token");
}

/// Malformed, misspelt or mistyped settings can make a message quote the value.
#[test]
fn in_what_is_broken() {
    let mut found = Vec::new();
    for content in [
        "tokn: @\n",
        "Token: @\n",
        "agent_token: @\n",
        "token: \"@\n",
        "token: '@' x\n",
        "token: [@\n",
        "token: [@, b]\n",
        "token: {@: x}\n",
        "token: {a: @}\n",
        "token: @: x\n",
        "token: *@\n",
        "token: !!@ x\n",
        "token: !@ x\n",
        "token: |@\n",
        "token: %@\n",
        "token: `@\n",
        "token: \"\\@\"\n",
        "token:@\n",
        "token @\n",
        "\ttoken: @\n",
        "token: x\n\t@\n",
        "token: x\n @\n",
        "- token: @\n",
        "@\n",
        "%@\n",
        "--- @\n",
        "token: @\ntoken: @\n",
        "token: &a @\nagent-token: *a\nprofile: *b\n",
        "{\"token\":\"@\",\"profile\"\n",
        "{\"token\":\"@\" \"profile\":\"cis\"}\n",
        "{\"token\":\"@\",\"tokn\":\"@\",\"protect-kernel-defaults\":\"x\"}\n",
        "token: \u{0}@\n",
        "token+: @\n",
        "token: 2001-@\n",
    ] {
        found.extend(leaks(CONFIG, content, &RUNS[..DETAILED]).0);
    }
    for content in [
        "[Service]\nExecStart=/usr/bin/rke2 server --tokn @\n",
        "[Service]\nExecStart=/usr/bin/rke2 server --tokn=@\n",
        "[Service]\nExecStart=/usr/bin/rke2 server --token \"@\n",
        "[Service]\nExecStart=/usr/bin/rke2 server --profile cis @ --token\n",
        "[Service]\nExecStart=/bin/sh -c 'exec /usr/bin/rke2 server --token @'\n",
        "[Service]\nExecStart=/usr/bin/rke2 --token @\n",
        "[Service]\nExecStart=/usr/bin/rke2 --token @ server\n",
        "[Service]\nExecStart=/usr/bin/rke2 server --token \\@\n",
        "[Service]\nExecStart=/usr/bin/rke2 server --token %!@\n",
        "[Service]\nEnvironment=\"RKE2_TOKEN=@\nExecStart=/usr/bin/rke2 server\n",
        "[Service]\nEnvironment=RKE2_TOKEN=%!@\nExecStart=/usr/bin/rke2 server\n",
        "[Service]\nEnvironment=RKE2-TOKEN=@ @\nExecStart=/usr/bin/rke2 server\n",
        "[Service]\nEnviroment=RKE2_TOKEN=@\nExecStart=/usr/bin/rke2 server\n",
        "[Service]\nRKE2_TOKEN @\nExecStart=/usr/bin/rke2 server\n",
        "RKE2_TOKEN=@\n[Service]\nExecStart=/usr/bin/rke2 server\n",
        "[Service\nEnvironment=RKE2_TOKEN=@\n",
    ] {
        found.extend(leaks(UNIT, content, &RUNS[..DETAILED]).0);
    }
    for content in [
        "RKE2_TOKEN=\"@\n",
        "RKE2_TOKEN @\n",
        "export RKE2_TOKEN=@\n",
        "RKE2-TOKEN=@\n",
        "@\n",
        "OTHER=@\n",
        "RKE2_TOKEN='@' x\\\n",
        "RKE2_TOKEN=@\u{0}\n",
    ] {
        found.extend(leaks(ENVIRONMENT, content, &RUNS[..DETAILED]).0);
    }
    assert!(found.is_empty(), "{}", found.concat());
}

#[test]
fn the_password_of_a_proxy_is_not_shown() {
    let content = "HTTPS_PROXY=http://user:@@proxy.example.org:3128\nNO_PROXY=@.example.org\n";
    let (found, _) = leaks(ENVIRONMENT, content, RUNS);
    assert!(found.is_empty(), "{}", found.concat());
    // The variable is read: the node's own address is reported.
    let host = Host::like("fresh-with-five-faults");
    host.file(
        UNIT,
        "[Service]\nExecStart=/usr/bin/rke2 server\nEnvironmentFile=/etc/sysconfig/rke2-server\n",
    );
    host.file(ENVIRONMENT, content.replace('@', SECRET));
    let ran = host.run(["check", "--verbose", "--unit", "rke2-server"]);
    assert!(ran.out.contains("host.proxy"), "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains(&SECRET[6..]), "{}", ran.out);
}

/// What a server keeps of its token, and files that hold passwords.
#[test]
fn in_the_state_of_a_server() {
    let mut found = Vec::new();
    let data = "/var/lib/rancher/rke2/server";
    for (path, content) in [
        (format!("{data}/token"), "K10ab::server:@\n"),
        (format!("{data}/cred/passwd"), "@\n"),
        (
            format!("{data}/cred/passwd"),
            "@,server,server,rke2:server\nx\n",
        ),
        (
            format!("{data}/tls/server-ca.crt"),
            "-----BEGIN CERTIFICATE-----\n@\n",
        ),
        (
            format!("{data}/tls/dynamic-cert.json"),
            "{\"data\":{\"tls.key\":\"@\"}}",
        ),
        (format!("{data}/tls/dynamic-cert.json"), "@"),
    ] {
        found.extend(leaks(&path, content, &RUNS[..DETAILED]).0);
    }
    for content in [
        "configs: {a: {auth: {username: [], password: @}}}\n",
        "configs: {a: {auth: @}}\n",
        "configs: {a: {auth: {password: [@]}}}\n",
        "configs: {a: {auth: {password: \"@}}}\n",
        "configs: {a: {auth: {password: *@}}}\n",
        "configs: {a: {auth: {password: \"\\@\"}}}\n",
        "@\n",
    ] {
        found.extend(
            leaks(
                "/etc/rancher/rke2/registries.yaml",
                content,
                &RUNS[..DETAILED],
            )
            .0,
        );
    }
    assert!(found.is_empty(), "{}", found.concat());
}
