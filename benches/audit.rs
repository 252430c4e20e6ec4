//! The audit of a node of real size against the same questions asked as scanners ask them: for each
//! control a shell that runs `stat`, or `ps` and `grep`, or `cat`.
//!
//! ```text
//! packaging/build
//! cargo bench --bench audit          # as root: the node's files belong to several users
//! ```
//!
//! The node is a server hardened in everything, with 400 processes, 300 certificates and keys and the
//! addresses of 110 pods, below a separate root. `ps` has no option for another root: it lists the
//! processes of this machine, of which a node has more, so that the comparison favours the shell.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    dead_code,
    reason = "a benchmark makes, runs and times processes, on a node that tests make too"
)]

#[path = "../tests/audit/node.rs"]
mod node;

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use node::{Built, Care, DATA, Node};
use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::audit::control::{Criterion, FileSet};
use preflight_rke2::testing::audit::controls;
use preflight_rke2::testing::rke2::role::Role;

/// Where a release for this machine is built to.
const PRODUCT: &str = "target/x86_64-unknown-linux-gnu/release/preflight-rke2";
/// Whose audit may take no longer, on a machine of this class.
const BOUND: Duration = Duration::from_millis(100);

/// Times audits side by side.
#[derive(Debug, Parser)]
struct Options {
    /// Rounds that count.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// The product, built static.
    #[arg(long, value_name = "FILE")]
    product: Option<PathBuf>,
    /// Given by `cargo bench`, and not by `cargo test`, which has nothing to do here.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A server of real size.
fn server() -> (Node, Built) {
    let mut node = Node::new(Benchmark::V1_12, Role::Server, Care::Full);
    for number in 0..150 {
        for end in ["crt", "key"] {
            let path = format!("{DATA}/server/tls/more-{number}.{end}");
            node.files.insert(path, "x\n".repeat(500));
        }
    }
    for number in 0..110 {
        let path = format!("/var/lib/cni/networks/k8s-pod-network/10.42.0.{number}");
        node.files.insert(path, "x\n".to_owned());
    }
    let built = node.build();
    for pid in 10_000..10_400 {
        let line = [
            "/usr/bin/program".to_owned(),
            format!("--number={pid}"),
            "x".repeat(300),
        ];
        built.process(
            pid,
            1,
            "/usr/bin/program",
            "0::/system.slice/x.service\n",
            &line,
        );
    }
    (node, built)
}

/// The command that a scanner has for a control; none for what it leaves to people.
fn scanner(criterion: Criterion, root: &Path) -> Option<String> {
    let at = |path: &str| format!("{}{DATA}/{path}", root.display());
    let files = |place: FileSet, what: &str| match place {
        FileSet::File(path) | FileSet::Directory(path) => {
            let path = at(path);
            format!("if test -e {path}; then stat -c {what} {path}; fi")
        }
        FileSet::Suffix(dir, ending) => {
            format!("stat -c '%n {what}' {}/*{ending}", at(dir))
        }
        FileSet::Tree(dir) => format!("stat -c {what} {}", at(dir)),
        FileSet::Cni => format!(
            "find {0}/etc/cni/net.d {0}/var/lib/cni/networks -mindepth 1 -type f 2>/dev/null | xargs --no-run-if-empty stat -c {what}",
            root.display()
        ),
    };
    match criterion {
        Criterion::Mode(place, _) => Some(files(place, "permissions=%a")),
        Criterion::Owner(place, _) => Some(files(place, "%U:%G")),
        Criterion::Flag(component, _) => Some(format!(
            "/bin/ps -ef | grep {} | grep -v grep",
            component.program()
        )),
        Criterion::Kubelet(_) => Some(format!(
            "/bin/ps -fC kubelet; cat {}",
            at("agent/etc/kubelet.conf.d/00-rke2-defaults.conf")
        )),
        Criterion::Etcd(_) => Some(format!(
            "grep -A 5 security {}",
            at("server/db/etcd/config")
        )),
        Criterion::Encryption => Some(format!(
            "/bin/ps -ef | grep kube-apiserver | grep -v grep; grep aescbc {}",
            at("server/cred/encryption-config.json")
        )),
        Criterion::AuditPolicy
        | Criterion::EtcdPodUser
        | Criterion::PodSecurity
        | Criterion::PodSecurityExemptions
        | Criterion::ByHand(_)
        | Criterion::Absent(_) => None,
    }
}

fn quiet(command: &mut Command) -> Result<(), Box<dyn Error>> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status()?;
    Ok(())
}

fn quantile(times: &mut [Duration], tenths: usize) -> Duration {
    times.sort();
    times[(times.len() * tenths / 10).min(times.len() - 1)]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    if !options.bench {
        return Ok(ExitCode::SUCCESS);
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let product = options.product.unwrap_or_else(|| here.join(PRODUCT));
    if !product.is_file() {
        let product = product.display();
        return Err(format!("{product}: not there; build it: packaging/build").into());
    }
    let (node, built) = server();
    let questions: Vec<String> = controls::of(Benchmark::V1_12)
        .into_iter()
        .filter(|(control, _)| !control.is_beyond())
        .filter_map(|(control, _)| scanner(control.criterion, built.path()))
        .collect();
    let version = node.version.to_string();
    let (mut shell, mut ours) = (Vec::new(), Vec::new());
    for round in 0..options.rounds + 2 {
        let started = Instant::now();
        for question in &questions {
            quiet(Command::new("/bin/sh").arg("-c").arg(question))?;
        }
        let by_shell = started.elapsed();
        let started = Instant::now();
        quiet(
            Command::new(&product)
                .arg("--root")
                .arg(built.path())
                .args(["audit", "--role", "server", "--rke2-version", &version]),
        )?;
        let by_us = started.elapsed();
        // The first two warm up.
        if round >= 2 {
            shell.push(by_shell);
            ours.push(by_us);
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "| asked by | median ms | p90 ms | ratio |")?;
    writeln!(out, "|---|---:|---:|---:|")?;
    let (reference, median) = (quantile(&mut shell, 5), quantile(&mut ours, 5));
    for (name, times) in [
        (
            format!("{} shell commands, as scanners do", questions.len()),
            &mut shell,
        ),
        ("`preflight-rke2 audit`".to_owned(), &mut ours),
    ] {
        let middle = quantile(times, 5);
        let ratio = milliseconds(middle) / milliseconds(reference);
        writeln!(
            out,
            "| {name} | {:.2} | {:.2} | {ratio:.4} |",
            milliseconds(middle),
            milliseconds(quantile(times, 9)),
        )?;
    }
    if median > BOUND {
        return Err(format!("the audit took {median:?}, more than {BOUND:?}").into());
    }
    Ok(ExitCode::SUCCESS)
}
