//! What asks the real programs: where they are, what they are given, and how their logs are read.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The directory that stands for the one that a case runs in.
pub(crate) const DIRECTORY: &str = "/case";

/// The cluster that a program is to talk to: nothing listens there.
pub(crate) const KUBECONFIG: &str = "apiVersion: v1
kind: Config
clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1', insecure-skip-tls-verify: true}}]
users: [{name: a, user: {token: a}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
current-context: a
";

const CERTIFICATES: &str = "
for name in ca other server; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=$name -keyout $name.key -out $name.crt
done
openssl genrsa -out sa.key 2048
openssl rsa -in sa.key -pubout -out sa.pub
";

/// Where `tests/kubernetes/build` writes programs.
pub(crate) fn directory() -> PathBuf {
    std::env::var_os("PREFLIGHT_LAB")
        .map_or_else(|| PathBuf::from("/var/cache/preflight-lab"), PathBuf::from)
        .join("kubernetes")
}

/// A component of a minor.
pub(crate) fn program(minor: &str, name: &str) -> PathBuf {
    directory().join(minor).join("bin").join(name)
}

/// Makes certificates, keys and a kubeconfig.
pub(crate) fn make_certificates(directory: &Path) {
    std::fs::create_dir(directory).unwrap();
    let made = Command::new("bash")
        .args(["-ec", CERTIFICATES])
        .current_dir(directory)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success(), "openssl");
    std::fs::write(directory.join("kubeconfig"), KUBECONFIG).unwrap();
}

/// A child that does not outlive its owner.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The error that a log ends with.
pub(crate) fn error(log: &str) -> Option<String> {
    let failed = "\"command failed\" err=";
    if let Some(at) = log.rfind(failed) {
        return value(&log[at + failed.len()..]);
    }
    if let Some(line) = log
        .lines()
        .rev()
        .find(|line| line.starts_with('{') && line.contains("command failed"))
    {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        return Some(value["err"].as_str()?.to_owned());
    }
    if let Some(line) = log.lines().find(|line| is_fatal(line)) {
        return Some(line.split_once("] ")?.1.to_owned());
    }
    if let Some(line) = log.lines().find(|line| line.starts_with("panic: ")) {
        return Some(line.to_owned());
    }
    log.lines()
        .find_map(|line| line.strip_prefix("Error: "))
        .map(str::to_owned)
}

/// The value of a key of a log line: a Go string, or lines that begin with a tab.
fn value(text: &str) -> Option<String> {
    if let Some(lines) = text.strip_prefix("<\n") {
        let lines: Vec<&str> = lines
            .lines()
            .take_while(|line| line.starts_with('\t'))
            .map(|line| &line[1..])
            .collect();
        return Some(lines.join("\n"));
    }
    let line = text.lines().next()?;
    Some(unquoted(line.strip_prefix('"')?.strip_suffix('"')?))
}

fn is_fatal(line: &str) -> bool {
    line.starts_with('F') && line.len() > 5 && line[1..5].bytes().all(|byte| byte.is_ascii_digit())
}

/// A Go string literal without its quotes.
fn unquoted(text: &str) -> String {
    let json = format!(
        "\"{}\"",
        text.replace("\\x", "\\u00").replace("\\a", "\\u0007")
    );
    serde_json::from_str(&json).unwrap_or_else(|_| text.to_owned())
}
