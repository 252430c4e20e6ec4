//! The processes of RKE2's components: found by what runs them, not by their names.
//!
//! A process is a component's if its program has the component's name and what only root can give it:
//!
//! - The kubelet runs as root in the host's mount namespace, from the host's own file (device and
//!   inode), in the control group of an RKE2 unit, below slices of systemd's alone.
//! - The others run as root in RKE2's own static pods: started by a containerd shim of which the same
//!   is true as of the kubelet and which lies in RKE2's data directory, in the control group of the pod
//!   with the uid that the manifest gives. A pod from before its manifest was rewritten is known by
//!   the directory of its logs.
//!
//! Neither a path (another root or mount namespace has any) nor a component of a control group (a
//! service that is delegated one names its children) proves anything alone. Where more than one process
//! qualifies, or one that may be RKE2's lacks some of this, the component's process is not known.

mod proc_files;

use std::collections::BTreeMap;
use std::path::Path;

use crate::audit::flags::ComponentArg;
use crate::facts::{ReadError, Source};
use crate::host::HostRoot;
use crate::rke2::control_group::{in_rke2_unit, plain, pod_of};
use crate::rke2::layout::POD_LOGS;
use proc_files::{
    Executable, UP, base, command_line, gone, group, in_hosts_network, is_roots, parent, program,
    read,
};

/// No more processes are inspected; no kernel allows more by default.
const MAX_PROCESSES: usize = 1 << 22;

/// A component's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    /// Its id.
    pub(super) pid: u32,
    /// Its words, its program's name left out.
    pub(super) words: Vec<ComponentArg>,
}

/// A component to find: its program's name, and the uid of its static pod where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// `kube-apiserver`.
    pub(super) program: &'static str,
    /// The pod's uid, as its manifest has it.
    pub(super) pod: Option<String>,
    /// Whether it runs in a pod.
    pub(super) in_pod: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// By program's name, where there is one and no other.
    pub(super) processes: BTreeMap<&'static str, Process>,
    /// Why it is not known which process of that name is RKE2's.
    pub(super) problems: BTreeMap<&'static str, String>,
}

/// What is known of a process.
enum Whose {
    /// It is the component.
    Rke2s,
    /// It may be; what is lacking.
    Unclear(String),
    /// It is not, or no longer there.
    Another,
}

/// Finds the processes of `wanted`.
pub(super) fn find(root: &HostRoot, data_dir: &str, wanted: &[Wanted]) -> Found {
    let mut found = Found::default();
    let names = match root.list("/proc") {
        Ok(names) => names,
        Err(error) if error.is_absent() => return found,
        Err(error) => {
            let why = error.to_string();
            let problems = wanted.iter().map(|wanted| (wanted.program, why.clone()));
            found.problems.extend(problems);
            return found;
        }
    };
    let mut candidates: BTreeMap<&'static str, Vec<Process>> = BTreeMap::new();
    let numbers = names
        .iter()
        .filter_map(|name| name.to_str()?.parse::<u32>().ok());
    for pid in numbers.take(MAX_PROCESSES) {
        // Most processes end here, after one file.
        let Some(line) = command_line(root, pid) else {
            continue;
        };
        let Some((program, rest)) = line.split_first() else {
            continue;
        };
        let name = base(program);
        let Some(wanted) = wanted.iter().find(|wanted| wanted.program == name) else {
            continue;
        };
        match whose(root, pid, data_dir, wanted) {
            Ok(Whose::Rke2s) => {
                let source = Source::file(format!("/proc/{pid}/cmdline"));
                let words = rest.iter().map(|text| ComponentArg {
                    text: text.clone(),
                    source: source.clone(),
                });
                candidates.entry(wanted.program).or_default().push(Process {
                    pid,
                    words: words.collect(),
                });
            }
            Ok(Whose::Another) => {}
            Ok(Whose::Unclear(lacks)) => {
                let why = format!("process {pid} may be it, but {lacks}");
                found.problems.entry(wanted.program).or_insert(why);
            }
            Err(error) => {
                found.problems.insert(wanted.program, error.to_string());
            }
        }
    }
    for (program, processes) in candidates {
        match <[Process; 1]>::try_from(processes) {
            Ok([process]) => {
                // What only may be RKE2's is not, where there is one that is.
                found.problems.remove(program);
                found.processes.insert(program, process);
            }
            Err(several) => {
                let mut pids: Vec<u32> = several.iter().map(|process| process.pid).collect();
                pids.sort_unstable();
                let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
                let why = format!("several processes may be it: {}", pids.join(" and "));
                found.problems.insert(program, why);
            }
        }
    }
    found
}

/// Whose process it is.
fn whose(root: &HostRoot, pid: u32, data_dir: &str, wanted: &Wanted) -> Result<Whose, ReadError> {
    let Some(exe) = gone(program(root, pid))? else {
        return Ok(Whose::Another);
    };
    if base(&exe.path) != wanted.program {
        return Ok(Whose::Another);
    }
    let Some(group) = gone(group(root, pid))? else {
        return Ok(Whose::Another);
    };
    if wanted.in_pod {
        return in_pod(root, pid, data_dir, wanted, &group);
    }
    let is_own = is_below(&exe.path, data_dir);
    match lacks(root, pid, &exe, &group)? {
        None => Ok(Whose::Rke2s),
        Some(Lack::Group) if is_own => Ok(Whose::Unclear(format!(
            "its control group {group} is not that of an RKE2 unit"
        ))),
        Some(Lack::MountNamespace) if in_rke2_unit(&group) => {
            Ok(Whose::Unclear("it has its own mount namespace".to_owned()))
        }
        // Another program of that name, or one with a root of its own.
        Some(_) => Ok(Whose::Another),
    }
}

/// What a process of RKE2's has and this one has not.
enum Lack {
    /// It runs as another than root, or from a file that is not the host's at that path.
    Trust,
    /// It sees other files than the host's.
    MountNamespace,
    /// It was not started by an RKE2 unit.
    Group,
}

fn lacks(
    root: &HostRoot,
    pid: u32,
    exe: &Executable,
    group: &str,
) -> Result<Option<Lack>, ReadError> {
    if gone(is_roots(root, pid))? != Some(true) {
        return Ok(Some(Lack::Trust));
    }
    if gone(root.read_link(format!("/proc/{pid}/ns/mnt")))?.is_none_or(|own| {
        root.read_link("/proc/1/ns/mnt")
            .is_ok_and(|hosts| own != hosts)
    }) {
        return Ok(Some(Lack::MountNamespace));
    }
    // One that was replaced on disk by an upgrade has no path to compare it by.
    if !exe.is_deleted {
        let runs = gone(root.stat_of_program(pid))?;
        let there = gone(root.stat(&exe.path))?;
        if runs.is_none() || runs.map(|s| s.identity) != there.map(|s| s.identity) {
            return Ok(Some(Lack::Trust));
        }
    }
    Ok((!in_rke2_unit(group)).then_some(Lack::Group))
}

fn in_pod(
    root: &HostRoot,
    pid: u32,
    data_dir: &str,
    wanted: &Wanted,
    group: &str,
) -> Result<Whose, ReadError> {
    let Some(status) = gone(read(root, pid, "stat"))? else {
        return Ok(Whose::Another);
    };
    let Some(parent) = parent(&status) else {
        return Ok(Whose::Another);
    };
    let (Some(exe), Some(parents)) = (
        gone(program(root, parent))?,
        gone(proc_files::group(root, parent))?,
    ) else {
        return Ok(Whose::Another);
    };
    let is_shim = is_below(&exe.path, data_dir) && base(&exe.path).starts_with("containerd-shim");
    if !is_shim || lacks(root, parent, &exe, &parents)?.is_some() {
        return Ok(Whose::Another);
    }
    if group.starts_with(UP) {
        return Ok(Whose::Unclear(
            "its control group is not visible from here: run this in the host's cgroup namespace"
                .to_owned(),
        ));
    }
    let Some(pod) = pod_of(group) else {
        return Ok(Whose::Another);
    };
    let by_manifest = wanted.pod.as_deref().map(plain).as_deref() == Some(plain(pod).as_str());
    if !by_manifest && !in_hosts_network(root, pid) {
        return Ok(Whose::Another);
    }
    if !by_manifest && !has_logs(root, wanted.program, pod) {
        return Ok(Whose::Unclear(format!(
            "neither its manifest nor a directory of {POD_LOGS} shows that its pod {pod} is RKE2's"
        )));
    }
    if gone(is_roots(root, pid))? != Some(true) {
        return Ok(Whose::Unclear("it does not run as root".to_owned()));
    }
    Ok(Whose::Rke2s)
}

/// Whether the kubelet keeps logs of a pod with this uid as one of RKE2's.
fn has_logs(root: &HostRoot, program: &str, pod: &str) -> bool {
    let before = format!("kube-system_{program}-");
    let names = root.list(POD_LOGS).unwrap_or_default();
    names.iter().filter_map(|name| name.to_str()).any(|name| {
        let rest = name.strip_prefix(&before);
        let uid = rest.and_then(|rest| rest.rsplit_once('_'));
        uid.is_some_and(|(_, uid)| plain(uid) == plain(pod))
    })
}

fn is_below(program: &str, data_dir: &str) -> bool {
    Path::new(program).starts_with(data_dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts a program that sleeps from its own directory, after `prepare`, and waits until it runs it.
    fn start(program: &Path, words: &[&str], prepare: &[&str]) -> std::process::Child {
        let mut command = std::process::Command::new(prepare.first().map_or(program, Path::new));
        if let Some(rest) = prepare.get(1..) {
            command.args(rest).arg(program);
        }
        let child = command.args(words).spawn().unwrap();
        // The kernel gives a process its new name before its new words.
        let line = format!("/proc/{}/cmdline", child.id());
        let name = program.to_str().unwrap().as_bytes();
        while !std::fs::read(&line).unwrap().starts_with(name) {
            std::thread::yield_now();
        }
        child
    }

    /// On the running kernel: none of these runs in RKE2's unit here, so none is taken; and only of one
    /// that is root's, from the host's own file, is it said that it may be RKE2's.
    #[test]
    fn of_real_processes_only_the_hosts_own_may_be_rke2s() {
        if !nix::unistd::geteuid().is_root() {
            // Another's program cannot be started, and of PID 1 nothing is shown.
            return;
        }
        let data = tempfile::tempdir().unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(data.path(), open).unwrap();
        let bin = data.path().join("data/v1/bin");
        let other = data.path().join("other");
        for directory in [&bin, &other] {
            std::fs::create_dir_all(directory).unwrap();
            std::fs::copy("/bin/sleep", directory.join("kubelet")).unwrap();
        }
        let (own, fake) = (bin.join("kubelet"), other.join("kubelet"));
        let wanted = Wanted {
            program: "kubelet",
            pod: None,
            in_pod: false,
        };
        let path = bin.to_str().unwrap();
        let found = || find(&HostRoot::live(), path, std::slice::from_ref(&wanted));
        let unprivileged = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ];
        let script = format!(
            "mount --bind {} \"$0\" && exec \"$0\" \"$@\"",
            fake.display()
        );
        let mounted = [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            &script,
        ];
        let cases: [(&Path, &[&str], bool); 4] = [
            (&own, &[], true),
            (&fake, &[], false),
            (&own, &unprivileged, false),
            // A root of its own in which another file has that path.
            (&own, &mounted, false),
        ];
        for (program, prepare, may_be) in cases {
            let mut child = start(program, &["600"], prepare);
            let found = found();
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(
                found.processes.is_empty(),
                "{program:?} {prepare:?}: {found:?}"
            );
            let problem = found.problems.get("kubelet").cloned().unwrap_or_default();
            let expected = format!("process {} may be it", child.id());
            assert_eq!(
                problem.starts_with(&expected),
                may_be,
                "{prepare:?}: {problem}"
            );
            assert_eq!(problem.is_empty(), !may_be, "{prepare:?}: {problem}");
        }
    }

    /// The file a process runs is compared with what is there now at its path, not the path with itself.
    #[test]
    fn the_file_that_a_process_runs_is_known_by_its_inode() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("kubelet");
        std::fs::copy("/bin/sleep", &program).unwrap();
        let mut child = start(&program, &["600"], &[]);
        let root = HostRoot::live();
        let runs = root.stat_of_program(child.id());
        let same = root.stat(&program).unwrap().identity;
        std::fs::rename(&program, directory.path().join("was")).unwrap();
        std::fs::copy("/bin/sleep", &program).unwrap();
        let after = root.stat_of_program(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(runs.unwrap().identity, same);
        assert_eq!(after.unwrap().identity, same);
        assert_ne!(root.stat(&program).unwrap().identity, same);
    }
}
