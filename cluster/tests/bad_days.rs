//! API servers that answer badly: one clear line each, and the exit status.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::similar_names,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test runs programs and servers, and fails by panicking"
)]

#[path = "../../tests/common/schema.rs"]
mod schema;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

/// What a server says to a path; `None` closes the connection in the middle of an answer.
type Answers = fn(&str, usize) -> Option<(u16, &'static str, String)>;

/// A server on loopback that says what `answers` does, given the path and how often it was asked for.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let log = Arc::clone(&log);
                std::thread::spawn(move || serve(&stream.unwrap(), answers, &log));
            }
        });
        Self { port, asked }
    }

    fn times(&self, path: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|one| *one == path).count()
    }
}

fn serve(stream: &TcpStream, answers: Answers, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        let mut path = String::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if path.is_empty() {
                path = line.split(' ').nth(1).unwrap().to_owned();
            }
            if line == "\r\n" {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length]).unwrap();
        let before = {
            let mut log = log.lock().unwrap();
            let before = log.iter().filter(|one| **one == path).count();
            log.push(path.clone());
            before
        };
        let mut out = stream;
        let Some((status, headers, body)) = answers(&path, before) else {
            let _ = out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"items\":");
            return;
        };
        let answer = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        if out.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn version() -> (u16, &'static str, String) {
    (200, "", r#"{"gitVersion":"v1.36.3+rke2r1"}"#.to_owned())
}

fn status(code: u16, message: &str) -> (u16, &'static str, String) {
    let body = format!(r#"{{"kind":"Status","message":"{message}"}}"#);
    (code, "", body)
}

fn empty() -> (u16, &'static str, String) {
    (200, "", r#"{"metadata":{},"items":[]}"#.to_owned())
}

/// A kubeconfig in a directory that is removed at the end.
fn kubeconfig(server: &str, user: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: a, cluster: {{server: '{server}'}}}}]\n\
         users: [{{name: a, user: {{{user}}}}}]\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\ncurrent-context: a\n"
    );
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

fn run(kubeconfig: &PathBuf, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_preflight-rke2-cluster"))
        .args(arguments)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .env_clear()
        .output()
        .unwrap()
}

/// What `audit --format json` says against these answers, and what was complained about.
fn audit(answers: Answers, more: &[&str]) -> (Server, Option<i32>, serde_json::Value, String) {
    let server = Server::start(answers);
    let (_directory, path) = kubeconfig(&format!("http://127.0.0.1:{}", server.port), "token: x");
    let mut arguments = vec!["audit", "--format", "json"];
    arguments.extend(more);
    let output = run(&path, &arguments);
    let json = serde_json::from_slice(&output.stdout).unwrap_or(serde_json::Value::Null);
    let stderr = String::from_utf8(output.stderr).unwrap();
    if !json.is_null() {
        let text = include_str!("../../docs/schema/cluster-audit.schema.json");
        let mut wrong = Vec::new();
        let schema = serde_json::from_str(text).unwrap();
        schema::validate(&schema, &json, "", &mut wrong);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    (server, output.status.code(), json, stderr)
}

fn summary<'a>(json: &'a serde_json::Value, key: &str) -> (&'a str, &'a str) {
    let controls = json["controls"].as_array().unwrap();
    let control = controls
        .iter()
        .find(|control| control["key"] == key)
        .unwrap();
    (
        control["outcome"].as_str().unwrap(),
        control["summary"].as_str().unwrap(),
    )
}

/// A list that is refused makes the controls that need it an error, with the right that is missing, and no others.
#[test]
fn a_right_that_is_missing_is_named() {
    let (_, code, json, stderr) = audit(
        |path, _| {
            Some(match path {
                "/version" => version(),
                path if path.starts_with("/apis/networking") => status(403, "no"),
                _ => empty(),
            })
        },
        &[],
    );
    assert_eq!(code, Some(1), "{stderr}");
    let (outcome, summary) = summary(&json, "network.policies");
    assert_eq!(outcome, "error");
    assert!(
        summary.contains(
            "networkpolicies.networking.k8s.io: this user needs the right to list \
             networkpolicies.networking.k8s.io in all namespaces (403)"
        ),
        "{summary}"
    );
    // The lists once, and no line for each control; the others are empty here.
    let lines = stderr.lines().filter(|line| line.contains("(403)"));
    assert_eq!(lines.count(), 1, "{stderr}");
}

/// Lists without anything, as a server gives them that filters by rights, are not the lists of a cluster.
#[test]
fn empty_lists_do_not_pass() {
    let (_, code, json, _) = audit(
        |path, _| {
            Some(if path == "/version" {
                version()
            } else {
                empty()
            })
        },
        &[],
    );
    assert_eq!(code, Some(1));
    let (outcome, summary) = summary(&json, "accounts.default");
    assert_eq!(outcome, "error");
    assert!(summary.contains("kube-system/default"), "{summary}");
}

#[test]
fn a_list_that_expires_is_not_taken_for_whole() {
    let (server, code, json, _) = audit(
        |path, _| {
            Some(match path {
                "/version" => version(),
                "/api/v1/pods?limit=200" => (
                    200,
                    "",
                    r#"{"metadata":{"continue":"t/1"},"items":[]}"#.to_owned(),
                ),
                "/api/v1/pods?limit=200&continue=t%2F1" => status(410, "expired"),
                _ => empty(),
            })
        },
        &[],
    );
    assert_eq!(code, Some(1));
    assert_eq!(server.times("/api/v1/pods?limit=200&continue=t%2F1"), 1);
    let (outcome, summary) = summary(&json, "pods.privileged");
    assert_eq!(outcome, "error");
    assert!(
        summary.contains("expired before its end was read (410)"),
        "{summary}"
    );
}

#[test]
fn a_server_without_time_is_asked_again() {
    let (server, _, json, _) = audit(
        |path, before| {
            Some(match (path, before) {
                ("/version", _) => version(),
                ("/api/v1/nodes?limit=200", 0..=1) => (429, "Retry-After: 0\r\n", String::new()),
                _ => empty(),
            })
        },
        &[],
    );
    assert_eq!(server.times("/api/v1/nodes?limit=200"), 3);
    assert_eq!(json["kubernetes_version"], "v1.36.3+rke2r1");
    let (server, code, _, stderr) =
        audit(|_, _| Some((429, "Retry-After: 0\r\n", String::new())), &[]);
    assert_eq!((code, server.times("/version")), (Some(1), 6));
    assert_eq!(
        stderr,
        "preflight-rke2-cluster: the API server has no time for this user (429), also after 5 repeats\n"
    );
}

#[test]
fn what_ends_everything_is_one_line() {
    let unauthorized: Answers = |_, _| Some(status(401, "Unauthorized"));
    let gone: Answers = |path, _| (path == "/version").then(version);
    let other: Answers = |_, _| Some((200, "", "<html>".to_owned()));
    let broken: Answers = |_, _| Some(status(500, "etcd"));
    for (answers, message) in [
        (unauthorized, "does not know this user (401)"),
        (gone, "cannot reach http://127.0.0.1:"),
        (other, "is not one of Kubernetes"),
        (broken, "answered with 500: etcd"),
    ] {
        let (_, code, json, stderr) = audit(answers, &[]);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(json.is_null());
        assert!(stderr.contains(message), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn nobody_listens_or_nobody_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (_directory, path) = kubeconfig(&format!("http://127.0.0.1:{port}"), "token: x");
    let silent = run(&path, &["check", "--timeout", "1"]);
    assert_eq!(
        String::from_utf8_lossy(&silent.stderr),
        format!("preflight-rke2-cluster: http://127.0.0.1:{port} did not answer within 1 s\n")
    );
    drop(listener);
    let refused = run(&path, &["check"]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(
        stderr.starts_with(&format!(
            "preflight-rke2-cluster: cannot reach http://127.0.0.1:{port}: "
        )) && stderr.contains("refused"),
        "{stderr}"
    );
    for output in [silent, refused] {
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
    }
}

/// The host's own `getent` looks up names, and each of its addresses is tried.
#[test]
fn names_are_those_of_the_host() {
    let server = Server::start(|path, _| {
        Some(if path == "/version" {
            version()
        } else {
            empty()
        })
    });
    let check = |name: &str, script: Option<&str>| {
        let (directory, path) = kubeconfig(&format!("http://{name}:{}", server.port), "token: x");
        let mut command = Command::new(env!("CARGO_BIN_EXE_preflight-rke2-cluster"));
        command.args(["audit", "--control", "rbac.secrets", "--kubeconfig"]);
        command.arg(path).env_clear();
        if let Some(script) = script {
            let getent = directory.path().join("getent");
            std::fs::write(&getent, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&getent, std::fs::Permissions::from_mode(0o755)).unwrap();
            command.env("PATH", directory.path());
        }
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    let answered = "API server v1.36.3+rke2r1";
    let found = check("localhost", None);
    assert!(found.contains(answered), "{found}");
    // No socket listens at the first address.
    let found = check(
        "api.example",
        Some(
            "[ \"$*\" = 'ahosts api.example' ] && echo '127.0.0.9 STREAM api.example' && echo '127.0.0.1 STREAM'",
        ),
    );
    assert!(found.contains(answered), "{found}");
    for (name, script, why) in [
        (
            "api.example",
            "exit 2",
            "no address of api.example is known",
        ),
        ("-h", "echo 127.0.0.1 STREAM", "no address of -h is known"),
    ] {
        let url = format!("http://{name}:{}", server.port);
        assert_eq!(
            check(name, Some(script)),
            format!("preflight-rke2-cluster: cannot reach {url}: {why}\n")
        );
    }
    let (directory, path) = kubeconfig("http://api.example:1", "token: x");
    let mut command = Command::new(env!("CARGO_BIN_EXE_preflight-rke2-cluster"));
    command.args(["check", "--kubeconfig"]).arg(path);
    let absent = command.env_clear().env("PATH", directory.path()).output();
    let stderr = String::from_utf8(absent.unwrap().stderr).unwrap();
    let why = "api.example cannot be looked up, because getent cannot be run: ";
    assert!(stderr.contains(why), "{stderr}");
}

/// A plugin's output may be a token, also where it fails.
#[test]
fn a_plugin_that_fails_does_not_tell_its_output() {
    let (_directory, path) = kubeconfig(
        "http://127.0.0.1:1",
        "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, \
         args: [-c, 'echo s3cret; echo no login >&2; exit 7']}",
    );
    let output = run(&path, &["check"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("no login"), "{stderr}");
    assert!(!stderr.contains("s3cret"), "{stderr}");
}

#[test]
fn a_kubeconfig_that_leads_nowhere_is_named() {
    let absent = run(&PathBuf::from("/absent/kubeconfig"), &["check"]);
    assert_eq!(absent.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&absent.stderr);
    assert!(stderr.contains("/absent/kubeconfig: "), "{stderr}");
    let (_directory, path) = kubeconfig("http://127.0.0.1:1", "token: x");
    let context = run(&path, &["check", "--context", "other"]);
    let stderr = String::from_utf8_lossy(&context.stderr);
    assert!(stderr.contains("other"), "{stderr}");
    assert_eq!(context.status.code(), Some(1));
}

/// The lists of a plan: two accounts to change.
fn lists(path: &str) -> Option<(u16, &'static str, String)> {
    let items = match path {
        "/version" => return Some(version()),
        "/api/v1/namespaces?limit=200" => {
            r#"{"metadata":{"name":"default"}},{"metadata":{"name":"kube-system"}},{"metadata":{"name":"web"}}"#
        }
        "/api/v1/nodes?limit=200" => r#"{"metadata":{"name":"s1"}}"#,
        "/api/v1/serviceaccounts?limit=200" => {
            r#"{"metadata":{"name":"default","namespace":"kube-system"}},{"metadata":{"name":"default","namespace":"web"}}"#
        }
        "/api/v1/pods?limit=200" => r#"{"metadata":{"name":"a","namespace":"kube-system"}}"#,
        "/apis/batch/v1/jobs?limit=200"
        | "/apis/networking.k8s.io/v1/networkpolicies?limit=200" => "",
        _ => return None,
    };
    Some((200, "", format!(r#"{{"metadata":{{}},"items":[{items}]}}"#)))
}

const TRIAL: &str =
    "/api/v1/namespaces/web/serviceaccounts/default?fieldManager=preflight-rke2-cluster&dryRun=All";
const CHANGE: &str =
    "/api/v1/namespaces/web/serviceaccounts/default?fieldManager=preflight-rke2-cluster";

/// What `fix --apply` of the namespace web says: exit status, standard output and error.
fn fix(answers: Answers) -> (Server, Option<i32>, String, String) {
    let server = Server::start(answers);
    let (_directory, path) = kubeconfig(&format!("http://127.0.0.1:{}", server.port), "token: x");
    let output = run(&path, &["fix", "--apply", "--namespace", "web"]);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code();
    (server, code, text(output.stdout), text(output.stderr))
}

#[test]
fn a_plan_of_half_of_the_lists_changes_nothing() {
    let (server, code, out, err) = fix(|path, _| match path {
        "/api/v1/pods?limit=200" => Some(status(410, "expired")),
        TRIAL | CHANGE => Some((200, "", "{}".to_owned())),
        path => lists(path),
    });
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert_eq!(
        err,
        "preflight-rke2-cluster: pods: the list expired before its end was read (410): run it again\n"
    );
    assert_eq!((server.times(TRIAL), server.times(CHANGE)), (0, 0));
}

#[test]
fn a_change_that_the_trial_refuses_is_not_sent() {
    let (server, code, out, err) = fix(|path, _| match path {
        TRIAL => Some(status(400, "admission webhook does not support dry run")),
        path => lists(path),
    });
    assert_eq!((code, out.as_str()), (Some(1), "done: nothing\n"));
    assert_eq!(
        err,
        "preflight-rke2-cluster: account default of web: the API server answered with 400: admission webhook does not \
         support dry run\n"
    );
    assert_eq!((server.times(TRIAL), server.times(CHANGE)), (1, 0));
    let (server, code, _, err) = fix(|path, _| match path {
        TRIAL => Some(status(401, "Unauthorized")),
        path => lists(path),
    });
    assert_eq!(code, Some(1));
    assert!(
        err.starts_with("preflight-rke2-cluster: nothing is changed: the API server does not know"),
        "{err}"
    );
    assert_eq!(server.times(CHANGE), 0);
}

#[test]
fn a_server_that_goes_away_in_between_is_said() {
    let (_, code, _, err) = fix(|path, _| match path {
        TRIAL => Some((200, "", "{}".to_owned())),
        CHANGE => None,
        path => lists(path),
    });
    assert_eq!(code, Some(1));
    assert!(
        err.contains("cannot reach http://127.0.0.1:") && err.contains("some may have been made"),
        "{err}"
    );
    // One that has no time is asked again.
    let (server, code, out, _) = fix(|path, before| match (path, before) {
        (CHANGE, 0) => Some((429, "Retry-After: 0\r\n", String::new())),
        (TRIAL | CHANGE, _) => Some((200, "", "{}".to_owned())),
        (path, _) => lists(path),
    });
    assert_eq!((code, out.as_str()), (Some(0), "done: 1 service account\n"));
    assert_eq!(server.times(CHANGE), 2);
}
