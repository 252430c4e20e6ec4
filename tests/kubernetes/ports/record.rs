//! Asks the real programs, each in a network name space of its own.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;

use super::{Answer, Case, FILE, NODE};
use crate::kernel::{configuration, record as kernel};
use crate::lab::{self, Running};
use crate::recordings;

/// Programs that run at a time.
const WORKERS: usize = 3;

/// `$1` is the directory of the case, `$2` stands for `/proc/sys`, and the words in `HELD` are those of `hold`.
const SCRIPT: &str = r#"
set -e
cd "$1"
ip link set lo up
ip address add $NODE/32 dev lo
case $DIFFERS in
nonlocal) echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind ;;
"no loopback") ip address delete 127.0.0.1/8 dev lo ;;
esac
mount --bind "$2" /proc/sys
shift 2
if [ -n "$HELD" ]; then
    exec 3< <("$HOLD" $HELD)
    read -r -u 3 held
    [ "$held" = held ]
fi
cat /proc/net/tcp >tcp
cat /proc/net/tcp6 >tcp6
touch begun
exec nice "$@"
"#;

/// What `etcd --version` and the like call the release of a program that is not of a minor of Kubernetes.
fn release(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut words = text
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'));
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    let version = words.find(is_version).unwrap();
    version.split(['~', '-']).next().unwrap().to_owned()
}

/// Copies `/proc/sys`, with the kernel parameters that a kubelet wants: it would write them.
pub(crate) fn copy_parameters(to: &Path) {
    // Some of them can only be written.
    let _ = Command::new("cp")
        .args(["-r", "/proc/sys"])
        .arg(to)
        .stderr(Stdio::null())
        .status();
    for parameter in &KERNEL_PARAMETERS {
        let path = to.join(parameter.slashed());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{}\n", parameter.required)).unwrap();
    }
}

/// The directory of all cases, with certificates, and containerd for the kubelets.
struct Lab {
    directory: tempfile::TempDir,
    _containerd: kernel::Running,
}

impl Lab {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        lab::make_certificates(&directory.path().join("pki"));
        copy_parameters(&directory.path().join("sys"));
        let containerd = kernel::containerd(directory.path());
        Self {
            directory,
            _containerd: containerd,
        }
    }

    fn command_line(&self, case: &Case, release: &str, run: &Path) -> Vec<String> {
        let (here, shared) = (run.display(), self.directory.path().display());
        let mut all = match case.program.as_str() {
            "kubelet" => {
                let minor: u32 = release.trim_start_matches("1.").parse().unwrap();
                let kept = kernel::SETTINGS.lines().filter(|line| {
                    !line.starts_with("healthzPort:") && !line.starts_with("address:")
                });
                let mut lines: String = kept.map(|line| format!("{line}\n")).collect();
                if case.port != 10248 {
                    let _ = writeln!(lines, "address: \"{}\"", case.listen);
                }
                if minor >= 31 {
                    lines += "failCgroupV1: false\n";
                }
                fs::write(run.join("config.yaml"), configuration(&lines)).unwrap();
                vec![
                    lab::program(release, "kubelet").display().to_string(),
                    "--v=2".to_owned(),
                    "--cgroups-per-qos=false".to_owned(),
                    "--enforce-node-allocatable=".to_owned(),
                    "--hostname-override=node".to_owned(),
                    format!("--container-runtime-endpoint=unix://{shared}/cri.sock"),
                    format!("--kubeconfig={shared}/pki/kubeconfig"),
                    format!("--root-dir={here}/root"),
                    format!("--cert-dir={here}/pki"),
                    format!("--config={here}/config.yaml"),
                ]
            }
            "etcd" => {
                let url = |address: &str, port: u16| format!("http://{address}:{port}");
                let both = |port| format!("{},{}", url("127.0.0.1", port), url(&case.listen, port));
                let peer = url(&case.listen, 2380);
                vec![
                    lab::directory().join("etcd/bin/etcd").display().to_string(),
                    "--unsafe-no-fsync".to_owned(),
                    format!("--data-dir={here}/data"),
                    format!("--listen-client-urls={}", both(2379)),
                    format!("--listen-peer-urls={}", both(2380)),
                    format!("--listen-metrics-urls={}", url("127.0.0.1", 2381)),
                    format!("--advertise-client-urls={}", url(&case.listen, 2379)),
                    format!("--initial-advertise-peer-urls={peer}"),
                    format!("--initial-cluster=default={peer}"),
                ]
            }
            "containerd" => {
                let config = format!(
                    "version = 2\nroot = \"{here}/root\"\nstate = \"{here}/state\"\n\
                     [grpc]\naddress = \"{here}/containerd.sock\"\n\
                     [plugins.\"io.containerd.grpc.v1.cri\"]\n\
                     stream_server_address = \"{}\"\nstream_server_port = \"{}\"\n",
                    case.listen, case.port
                );
                fs::write(run.join("config.toml"), config).unwrap();
                vec![
                    kernel::lab()
                        .join("containerd/usr/bin/containerd")
                        .display()
                        .to_string(),
                    format!("--config={here}/config.toml"),
                ]
            }
            program => {
                let mut all = vec![
                    lab::program(release, program).display().to_string(),
                    format!("--bind-address={}", case.listen),
                    format!("--secure-port={}", case.port),
                    format!("--tls-cert-file={shared}/pki/server.crt"),
                    format!("--tls-private-key-file={shared}/pki/server.key"),
                ];
                if program == "kube-apiserver" {
                    all.extend([
                        "--etcd-servers=http://127.0.0.1:1".to_owned(),
                        format!("--advertise-address={NODE}"),
                        "--endpoint-reconciler-type=none".to_owned(),
                        format!("--client-ca-file={shared}/pki/ca.crt"),
                        "--service-account-issuer=https://kubernetes.default.svc.cluster.local"
                            .to_owned(),
                        format!("--service-account-key-file={shared}/pki/sa.pub"),
                        format!("--service-account-signing-key-file={shared}/pki/sa.key"),
                        "--service-cluster-ip-range=10.43.0.0/16".to_owned(),
                        "--authorization-mode=Node,RBAC".to_owned(),
                    ]);
                } else {
                    all.push(format!("--kubeconfig={shared}/pki/kubeconfig"));
                }
                all
            }
        };
        all.extend(case.args.iter().map(|arg| format!("--{arg}")));
        all
    }

    /// What the program of that release does, and the sockets that it meets: `/proc/net/tcp` and `/proc/net/tcp6`.
    fn ask(&self, case: &Case, release: &str) -> (Answer, [Vec<String>; 2]) {
        let run = tempfile::tempdir_in(self.directory.path()).unwrap();
        let log = run.path().join("log");
        let output = fs::File::create(&log).unwrap();
        let held = case.holder.iter().cloned().chain([case.port.to_string()]);
        let held = if case.holder.is_empty() {
            String::new()
        } else {
            held.collect::<Vec<_>>().join(" ")
        };
        let mut running = Running(
            Command::new("unshare")
                .args(["--net", "--mount", "bash", "-c", SCRIPT, "ports"])
                .arg(run.path())
                .arg(self.directory.path().join("sys"))
                .args(self.command_line(case, release, run.path()))
                .env("NODE", NODE)
                .env("DIFFERS", &case.node)
                .env("HELD", held)
                .env(
                    "HOLD",
                    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kubernetes/hold"),
                )
                .env_remove("KUBERNETES_MASTER")
                .stdin(Stdio::null())
                .stdout(output.try_clone().unwrap())
                .stderr(output)
                .spawn()
                .unwrap(),
        );
        let begun = Instant::now();
        let read = || String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
        let table = |name: &str| rows(&fs::read_to_string(run.path().join(name)).unwrap());
        let answer = loop {
            let ended = running.0.try_wait().unwrap();
            let text = read();
            if let Some(status) = ended {
                let line = said(&text).unwrap_or_else(|| panic!("{case:?}: {status}\n{text}"));
                break Answer {
                    ends: true,
                    line: Some(line),
                };
            }
            if run.path().join("begun").exists() && goes_on(case, running.0.id(), &text) {
                let line = (case.port == 10248)
                    .then(|| text.lines().find(|line| line.contains(HEALTHZ)).map(plain))
                    .flatten();
                break Answer { ends: false, line };
            }
            assert!(
                begun.elapsed() < kernel::PATIENCE,
                "{case:?} {release}: neither\n{text}"
            );
            sleep(Duration::from_millis(20));
        };
        let here = run.path().display().to_string();
        let answer = Answer {
            line: answer.line.map(|line| line.replace(&here, "/case")),
            ..answer
        };
        (answer, [table("tcp"), table("tcp6")])
    }
}

/// Whether the program runs with its port, or without it.
fn goes_on(case: &Case, process: u32, log: &str) -> bool {
    let listening = |port| count(process, port);
    let held = usize::from(!case.holder.is_empty() && !case.has("bound"));
    match case.program.as_str() {
        "etcd" => log.contains("ready to serve client requests"),
        "kubelet" if case.port == 10248 => {
            log.contains(kernel::STARTED) && (listening(10248) > held || log.contains(HEALTHZ))
        }
        "kubelet" => log.contains(kernel::STARTED) && listening(case.port) > held,
        _ => listening(case.port) > held,
    }
}

/// What a kubelet logs that cannot listen where it is asked for its health.
const HEALTHZ: &str = "Failed to start healthz server";

/// How many sockets listen on the port in the name space of the process.
pub(crate) fn count(process: u32, port: u16) -> usize {
    let port = format!(":{port:04X} ");
    let rows = ["tcp", "tcp6"].map(|table| {
        let text = fs::read_to_string(format!("/proc/{process}/net/{table}"));
        let rows = text.unwrap_or_default();
        let on_port = rows
            .lines()
            .filter(|row| row.contains(&port) && row.contains(" 0A "));
        on_port.count()
    });
    rows.iter().sum()
}

/// Rows of a table up to the inode, which is 1.
fn rows(table: &str) -> Vec<String> {
    let rows = table.lines().skip(1).map(|row| {
        let fields: Vec<&str> = row.split_ascii_whitespace().take(9).collect();
        format!("{} 1", fields.join(" "))
    });
    rows.collect()
}

/// A line of a log without its time and place.
fn plain(line: &str) -> String {
    let rest = line.split_once("] ").map_or(line, |(_, rest)| rest);
    rest.to_owned()
}

/// What a program said last before it ended.
pub(crate) fn said(log: &str) -> Option<String> {
    if let Some(fatal) = log
        .lines()
        .rev()
        .find(|line| line.contains("\"level\":\"fatal\""))
    {
        let (_, message) = fatal.split_once(",\"msg\":")?;
        let message = message.split(",\"stacktrace\":").next()?;
        return Some(format!("\"msg\":{message}"));
    }
    if let Some(fatal) = log.lines().rev().find(|line| line.contains("level=fatal")) {
        return Some(format!("level=fatal{}", fatal.split_once("level=fatal")?.1));
    }
    if let Some(error) = lab::error(log) {
        return Some(error);
    }
    let is_error = |line: &&str| line.starts_with(['E', 'F']) && line.contains("err=");
    let errors = || log.lines().rev().filter(is_error);
    // Others log until the program has ended.
    let listening = errors().find(|line| line.contains(": bind: "));
    let error = listening.or_else(|| errors().next()).map(plain);
    // Old controller managers print it as it is.
    error.or_else(|| Some(log.lines().last()?.to_owned()))
}

/// Asks the kubelets and the other components of the minors that `RECORD` names, and etcd and containerd; with
/// `PREFLIGHT_RECORD_MISSING`, only of the cases that they are not recorded of.
#[test]
#[ignore = "asks the real programs, as root: tests/kubernetes/record"]
fn record_ports() {
    let minors = std::env::var("RECORD").unwrap_or_default();
    let known: Vec<Case> = recordings::read(FILE);
    let mut cases = super::all();
    for case in &mut cases {
        if let Some(before) = known.iter().find(|before| before.is_like(case)) {
            case.clone_from(before);
        }
    }
    let etcd = release(&lab::directory().join("etcd/bin/etcd"));
    let lab = Lab::start();
    let containerd = release(&kernel::lab().join("containerd/usr/bin/containerd"));
    let mut asked: Vec<(usize, String)> = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        match case.program.as_str() {
            "etcd" => asked.push((at, etcd.clone())),
            "containerd" => asked.push((at, containerd.clone())),
            program => {
                let minors = minors.split_whitespace();
                let built = minors.filter(|minor| lab::program(minor, program).exists());
                asked.extend(built.map(|minor| (at, minor.to_owned())));
            }
        }
    }
    if std::env::var_os("PREFLIGHT_RECORD_MISSING").is_some() {
        asked.retain(|(at, release)| !cases[*at].expect.contains_key(release));
    }
    let next = AtomicUsize::new(0);
    let answered = Mutex::new(cases.clone());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((at, release)) = asked.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (answer, [tcp, tcp6]) = lab.ask(&cases[*at], release);
                    let mut answered = answered.lock().unwrap();
                    let case = &mut answered[*at];
                    case.expect.insert(release.clone(), answer);
                    (case.tcp, case.tcp6) = (tcp, tcp6);
                    recordings::write(FILE, answered.iter());
                }
            });
        }
    });
}
