//! Whole processes side by side: what a check costs beyond the least it could, and a gate against
//! the shell script it replaces.
//!
//! ```text
//! packaging/build
//! cargo bench --bench side_by_side
//! cargo bench --bench side_by_side -- --healthy
//! cargo bench --bench side_by_side -- --root /srv/image --rounds 500
//! cargo bench --bench side_by_side -- --healthy --before /srv/before/preflight-rke2
//! cargo bench --bench side_by_side -- --run 'a=/bin/true' --run 'b=/bin/echo hello'
//! ```
//!
//! Rounds are interleaved and rotated, so that what else the machine does meets all alike. Times are
//! from before the process is made until it is reaped; CPU is what the kernel accounts for it.
//! Besides the ratio of medians there is the median of each round's ratio, which a slow drift of the
//! machine does not touch. Instructions and, among them, CPUIDs are counted one by one (`steps.c`):
//! they are the same on any day. Under a hypervisor a CPUID takes several microseconds, and glibc's
//! start some seventy of them, which is most of what any small program takes.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark makes, runs and times processes"
)]

use std::error::Error;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use nix::sys::resource::{Usage, UsageWho, getrusage};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Where a release for this machine is built to.
const PRODUCT: &str = "target/x86_64-unknown-linux-gnu/release/preflight-rke2";
/// How to build it.
const BUILD: &str = "packaging/build";
/// All the environment there is, as systemd gives it: glibc's start goes through each variable.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A server with the CIS profile, all as that asks for.
const HEALTHY: &[(&str, &str)] = &[
    ("proc/sys/vm/overcommit_memory", "1\n"),
    ("proc/sys/vm/panic_on_oom", "0\n"),
    ("proc/sys/kernel/panic", "10\n"),
    ("proc/sys/kernel/panic_on_oops", "1\n"),
    ("proc/sys/kernel/keys/root_maxkeys", "1000000\n"),
    ("proc/sys/kernel/keys/root_maxbytes", "25000000\n"),
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\netcd:x:998:998:etcd user:/home/etcd:/sbin/nologin\n",
    ),
    ("etc/group", "root:x:0:\netcd:x:998:\n"),
    ("sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n"),
    ("etc/rancher/rke2/config.yaml", "profile: cis\n"),
    (
        "etc/sysctl.d/60-rke2-cis.conf",
        "vm.panic_on_oom=0\nvm.overcommit_memory=1\nkernel.panic=10\nkernel.panic_on_oops=1\n",
    ),
    (
        "usr/local/lib/systemd/system/rke2-server.service",
        "[Unit]\nDescription=RKE2\n\n[Service]\nType=notify\nExecStart=/usr/local/bin/rke2 server\n",
    ),
];
/// Rounds that are run but not counted.
const WARM_UP: usize = 20;

/// Times whole processes side by side.
#[derive(Debug, Parser)]
#[command(name = "side_by_side")]
struct Options {
    /// Rounds that count.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// The product, built static.
    #[arg(long, value_name = "FILE")]
    product: Option<PathBuf>,
    /// Another build of the product: only the check and the gate of both are compared, on the same host.
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
    /// The host to check; the running one if not given.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Check a host made for it, on which RKE2 would start.
    #[arg(long, conflicts_with = "root")]
    healthy: bool,
    /// Arguments of the product for a check, split at spaces.
    #[arg(
        long,
        default_value = "check --role server",
        allow_hyphen_values = true
    )]
    check: String,
    /// Arguments of the product for the gate, split at spaces.
    #[arg(
        long,
        default_value = "gate rke2-server.service",
        allow_hyphen_values = true
    )]
    gate: String,
    /// Instead of all that: a name and a command, split at spaces. The first is what the others are
    /// compared with.
    #[arg(long, value_name = "NAME=COMMAND", value_parser = contender)]
    run: Vec<Contender>,
    /// Given by `cargo bench`, and not by `cargo test`, which has nothing to do here.
    #[arg(long, hide = true)]
    bench: bool,
}

/// One command of a comparison.
#[derive(Debug, Clone)]
struct Contender {
    name: String,
    program: OsString,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    /// Whether its instructions are counted: that takes minutes of what takes a tenth of a second.
    counted: bool,
}

impl Contender {
    fn new(name: &str, program: impl Into<OsString>) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            counted: true,
        }
    }

    fn with<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    fn run(&self) -> Outcome<Sample> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", SEARCH_PATH)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let before = cpu(&getrusage(UsageWho::RUSAGE_CHILDREN)?);
        let started = Instant::now();
        let status = command
            .spawn()
            .and_then(|mut child| child.wait())
            .map_err(|error| format!("{}: {error}", self.name))?;
        let wall = started.elapsed();
        let cpu = cpu(&getrusage(UsageWho::RUSAGE_CHILDREN)?) - before;
        let Some(status) = status.code() else {
            return Err(format!("{}: {status}", self.name).into());
        };
        Ok(Sample { wall, cpu, status })
    }
}

fn contender(text: &str) -> Result<Contender, String> {
    let (name, command) = text.split_once('=').ok_or("write it NAME=COMMAND")?;
    let mut words = command.split_whitespace();
    let program = words.next().ok_or("write it NAME=COMMAND")?;
    Ok(Contender::new(name, program).with(words))
}

/// One run of one command.
#[derive(Debug, Clone, Copy)]
struct Sample {
    wall: Duration,
    /// Seconds in user and kernel mode.
    cpu: f64,
    status: i32,
}

fn cpu(usage: &Usage) -> f64 {
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| {
            let seconds = Duration::from_secs(time.tv_sec().try_into().unwrap_or_default());
            let rest = Duration::from_micros(time.tv_usec().try_into().unwrap_or_default());
            (seconds + rest).as_secs_f64()
        })
        .sum()
}

/// Counts instructions and CPUIDs of a process; dashes where that cannot be done.
struct Steps {
    program: Option<PathBuf>,
}

impl Steps {
    fn new(out: &Path) -> Self {
        let program = out.join("steps");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/steps.c");
        let mut command = Command::new("cc");
        command.args(["-O2", "-o"]).arg(&program).arg(source);
        Self {
            program: compile(&mut command).is_ok().then_some(program),
        }
    }

    fn count(&self, contender: &Contender) -> String {
        let counted = contender.counted.then(|| self.run(&[], contender));
        counted
            .flatten()
            .as_deref()
            .and_then(|text| text.split_once(' '))
            .map_or_else(
                || "- | -".to_owned(),
                |(steps, cpuid)| format!("{steps} | {cpuid}"),
            )
    }

    /// The most memory that its first process had resident, in KiB.
    fn peak(&self, contender: &Contender) -> String {
        self.run(&["--peak"], contender)
            .unwrap_or_else(|| "-".to_owned())
    }

    fn run(&self, options: &[&str], contender: &Contender) -> Option<String> {
        let mut command = Command::new(self.program.as_ref()?);
        command
            .args(options)
            .arg(&contender.program)
            .args(&contender.arguments)
            .env_clear()
            .env("PATH", SEARCH_PATH)
            .envs(
                contender
                    .variables
                    .iter()
                    .map(|(name, value)| (name, value)),
            );
        let output = command.output().ok().filter(|out| out.status.success())?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.trim().to_owned())
    }
}

/// The value below which `part` of ten lie.
fn quantile(values: impl Iterator<Item = f64>, part: usize) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = values.len() * part / 10;
    values
        .get(at)
        .or(values.last())
        .copied()
        .unwrap_or(f64::NAN)
}

/// All samples of one command, in the order of rounds.
struct Series<'a> {
    contender: &'a Contender,
    samples: Vec<Sample>,
}

impl Series<'_> {
    fn walls(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().map(|sample| sample.wall.as_secs_f64())
    }

    fn row(&self, reference: &Self, steps: &Steps) -> String {
        let median = quantile(self.walls(), 5);
        let pairs = self
            .walls()
            .zip(reference.walls())
            .map(|(own, its)| own / its);
        let status = self.samples.first().map_or(0, |sample| sample.status);
        let (counted, peak) = (steps.count(self.contender), steps.peak(self.contender));
        format!(
            "| {} | {:.3} | {:.3} | {:.3} | {:.2} | {:.2} | {counted} | {peak} | {status} |",
            self.contender.name,
            median * 1e3,
            quantile(self.walls(), 9) * 1e3,
            quantile(self.samples.iter().map(|sample| sample.cpu), 5) * 1e3,
            median / quantile(reference.walls(), 5),
            quantile(pairs, 5),
        )
    }
}

/// Runs the commands in turns and gives their table.
fn compare(title: &str, contenders: &[Contender], rounds: usize, steps: &Steps) -> Outcome<String> {
    let mut all: Vec<Series<'_>> = contenders
        .iter()
        .map(|contender| Series {
            contender,
            samples: Vec::with_capacity(rounds),
        })
        .collect();
    for round in 0..WARM_UP + rounds {
        // Each is first, second and last as often as the others.
        let (later, first) = all.split_at_mut(round % contenders.len());
        for series in first.iter_mut().chain(later) {
            let sample = series.contender.run()?;
            if round >= WARM_UP {
                series.samples.push(sample);
            }
        }
    }
    let mut table = format!(
        "### {title}\n\n\
         | process | median ms | p90 ms | CPU ms | ratio of medians | median ratio | instructions | CPUID | peak KiB | status |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
    );
    let [reference, ..] = &all[..] else {
        return Err("nothing to compare".into());
    };
    for series in &all {
        let first = series.samples.first().map(|sample| sample.status);
        if series
            .samples
            .iter()
            .any(|sample| Some(sample.status) != first)
        {
            return Err(format!("{}: ends now so, now so", series.contender.name).into());
        }
        table.push_str(&series.row(reference, steps));
        table.push('\n');
    }
    Ok(table)
}

/// Runs a compiler.
fn compile(command: &mut Command) -> Outcome<()> {
    let output = command
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(())
}

/// The least a check could cost, in C.
fn floor(benches: &Path, out: &Path) -> Outcome<PathBuf> {
    let program = out.join("floor");
    let mut command = Command::new("cc");
    command.args(["-O2", "-static", "-o"]).arg(&program);
    compile(command.arg(benches.join("floor.c")))?;
    Ok(program)
}

/// A Rust program that does nothing, linked as the product is.
fn empty(out: &Path) -> Outcome<PathBuf> {
    let (source, program) = (out.join("empty.rs"), out.join("empty"));
    std::fs::write(&source, "fn main() {}\n")?;
    let mut command = Command::new("rustc");
    command.args(["-O", "--edition=2024", "--target=x86_64-unknown-linux-gnu"]);
    for option in [
        "target-feature=+crt-static",
        "panic=abort",
        "lto=fat",
        "codegen-units=1",
        "strip=symbols",
    ] {
        command.args(["-C", option]);
    }
    compile(command.arg("-o").arg(&program).arg(source))?;
    Ok(program)
}

/// Writes [`HEALTHY`] below `out`.
fn healthy(out: &Path) -> Outcome<PathBuf> {
    let root = out.join("healthy");
    for (path, content) in HEALTHY {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().ok_or("no directory")?)?;
        std::fs::write(path, content)?;
    }
    Ok(root)
}

/// A program of the search path.
fn in_path(name: &str) -> Option<PathBuf> {
    SEARCH_PATH
        .split(':')
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.is_file())
}

/// The program as an installer writes it: what a linker wrote through a mapping lies in smaller pages of the
/// page cache, which take longer to map.
fn installed(program: &Path, out: &Path) -> Outcome<PathBuf> {
    let dir = out.join("installed");
    std::fs::create_dir_all(&dir)?;
    let to = dir.join(program.file_name().ok_or("a program has a name")?);
    std::fs::copy(program, &to)?;
    Ok(to)
}

fn standard(options: &Options, out: &Path, steps: &Steps) -> Outcome<Vec<String>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let product = options
        .product
        .clone()
        .unwrap_or_else(|| here.join(PRODUCT));
    if !product.is_file() {
        let product = product.display();
        return Err(format!("{product}: not there; build it: {BUILD}").into());
    }
    let product = installed(&product, out)?;
    let benches = here.join("benches");
    let root = if options.healthy {
        Some(healthy(out)?)
    } else {
        options.root.clone()
    };
    if let Some(before) = &options.before {
        let builds = [
            ("before", installed(before, &out.join("before"))?),
            ("now", product),
        ];
        let of_both = |arguments: &str| {
            builds.clone().map(|(build, program)| {
                let root = root
                    .iter()
                    .flat_map(|root| [OsString::from("--root"), root.into()]);
                Contender::new(&format!("{build}: {arguments}"), program)
                    .with(arguments.split_whitespace())
                    .with(root)
            })
        };
        return [("The check", &options.check), ("The gate", &options.gate)]
            .into_iter()
            .map(|(title, arguments)| compare(title, &of_both(arguments), options.rounds, steps))
            .collect();
    }
    let floor = Contender::new("floor (C)", installed(&floor(&benches, out)?, out)?).with(&root);
    let empty = Contender::new("empty (Rust)", installed(&empty(out)?, out)?);
    let product = |arguments: &str| {
        let root = root
            .iter()
            .flat_map(|root| [OsString::from("--root"), root.into()]);
        Contender::new(&format!("preflight-rke2 {arguments}"), &product)
            .with(arguments.split_whitespace())
            .with(root)
    };
    let shell = Contender::new("shell script", benches.join("shell.sh"));
    let mut tables = vec![
        compare(
            "A check against the least it could cost",
            &[floor, empty, product(&options.check)],
            options.rounds,
            steps,
        )?,
        compare(
            "The gate against a shell script",
            &[shell.clone(), product(&options.gate)],
            options.rounds,
            steps,
        )?,
    ];
    // Only where it is installed and there is a separate host root to evaluate.
    if let (Some(oscap), Some(root)) = (in_path("oscap"), &root) {
        let mut oscap = Contender::new("oscap oval eval", oscap)
            .with(["oval", "eval"])
            .with([benches.join("openscap/host.oval.xml")]);
        oscap.counted = false;
        oscap
            .variables
            .push(("OSCAP_PROBE_ROOT", root.canonicalize()?.into()));
        tables.push(compare(
            "Against OpenSCAP, asked the same",
            &[
                oscap,
                shell,
                product(&options.check),
                product(&options.gate),
            ],
            // A hundred times as slow as the others.
            options.rounds.div_ceil(10),
            steps,
        )?);
    }
    Ok(tables)
}

fn main() -> Outcome<ExitCode> {
    let options = Options::parse();
    if !options.bench {
        return Ok(ExitCode::SUCCESS);
    }
    let out = tempfile::tempdir()?;
    let steps = Steps::new(out.path());
    let tables = if options.run.is_empty() {
        standard(&options, out.path(), &steps)?
    } else {
        vec![compare(
            "Side by side",
            &options.run,
            options.rounds,
            &steps,
        )?]
    };
    writeln!(std::io::stdout().lock(), "{}", tables.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}
