//! The processes of RKE2's components: found by who runs them, not by their names.
//!
//! A process is a component's if its program has the component's name and what only root can give it:
//!
//! - The kubelet runs as root in the host's mount name space, from the host's own file (device and
//!   inode), in the control group of an RKE2 unit, below slices of systemd's alone.
//! - The others run as root in RKE2's own static pods: started by a containerd shim of which the same
//!   is true as of the kubelet and which lies in RKE2's data folder, in the control group of the pod
//!   with the uid that the manifest gives. A pod from before its manifest was written anew is known by
//!   the folder of its logs.
//!
//! Neither a path (another root or mount name space has any) nor a component of a control group (who
//! is delegated one names its children) says anything by itself. Where more than one process
//! qualifies, or one that may be RKE2's lacks some of this, it cannot be told which is meant.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::super::HostRoot;
use crate::audit::flags::ComponentArg;
use crate::facts::{ReadError, Source};
use crate::rke2::role::Role;

/// More of a command line is not read; RKE2's are a few thousand bytes.
const MAX_LINE: u64 = 1 << 18;
/// More processes than any kernel allows by default are not looked at.
const MAX_PROCESSES: usize = 1 << 22;

/// A component's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    /// Its id.
    pub(super) pid: u32,
    /// Its words, its program's name left out.
    pub(super) words: Vec<ComponentArg>,
}

/// What to look for: a program's name, and the uid of its static pod where there is one.
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

/// Looks for the processes of `wanted`.
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

/// The words of a process; `None` where it has none (a kernel thread), or is gone.
fn command_line(root: &HostRoot, pid: u32) -> Option<Vec<String>> {
    let file = root.open_file(format!("/proc/{pid}/cmdline")).ok()?;
    let mut content = Vec::new();
    file.take(MAX_LINE).read_to_end(&mut content).ok()?;
    let text = content.strip_suffix(b"\0").unwrap_or(&content);
    if text.is_empty() {
        return None;
    }
    let words = text.split(|byte| *byte == 0);
    Some(
        words
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect(),
    )
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
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
            "its control group {group} is none of RKE2's units"
        ))),
        Some(Lack::MountNamespace) if in_rke2_unit(&group) => Ok(Whose::Unclear(
            "it has a mount name space of its own".to_owned(),
        )),
        // Somebody's program of that name, or one that only looks like RKE2's to itself.
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
        gone(self::group(root, parent))?,
    ) else {
        return Ok(Whose::Another);
    };
    let is_shim = is_below(&exe.path, data_dir) && base(&exe.path).starts_with("containerd-shim");
    if !is_shim || lacks(root, parent, &exe, &parents)?.is_some() {
        return Ok(Whose::Another);
    }
    if group.starts_with(UP) {
        return Ok(Whose::Unclear(
            "its control group cannot be seen from here: run this in the host's cgroup name space"
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
            "neither its manifest nor a folder of {LOGS} says that its pod {pod} is RKE2's"
        )));
    }
    if gone(is_roots(root, pid))? != Some(true) {
        return Ok(Whose::Unclear("it does not run as root".to_owned()));
    }
    Ok(Whose::Rke2s)
}

/// Where the kubelet keeps the logs of pods, in a folder `NAMESPACE_NAME_UID` each. Nobody but root
/// writes there, and nobody without a right to that name space has pods in it.
const LOGS: &str = "/var/log/pods";

/// Whether the kubelet keeps logs of a pod with this uid as one of RKE2's.
fn has_logs(root: &HostRoot, program: &str, pod: &str) -> bool {
    let before = format!("kube-system_{program}-");
    let names = root.list(LOGS).unwrap_or_default();
    names.iter().filter_map(|name| name.to_str()).any(|name| {
        let rest = name.strip_prefix(&before);
        let uid = rest.and_then(|rest| rest.rsplit_once('_'));
        uid.is_some_and(|(_, uid)| plain(uid) == plain(pod))
    })
}

/// What went while it was looked at is nothing.
fn gone<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.is_absent() || error.errno() == Some(nix::libc::ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(root: &HostRoot, pid: u32, what: &str) -> Result<String, ReadError> {
    let content = root.read(format!("/proc/{pid}/{what}"))?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}

/// The program that a process runs.
struct Executable {
    path: String,
    /// Whether its file is no longer there: replaced by an upgrade.
    is_deleted: bool,
}

fn program(root: &HostRoot, pid: u32) -> Result<Executable, ReadError> {
    let link = root.read_link(format!("/proc/{pid}/exe"))?;
    let text = link.to_string_lossy();
    let path = text.strip_suffix(" (deleted)");
    Ok(Executable {
        path: path.unwrap_or(&text).to_owned(),
        is_deleted: path.is_some(),
    })
}

/// Whether all uids of a process are root's: those of the name space that this program is in.
fn is_roots(root: &HostRoot, pid: u32) -> Result<bool, ReadError> {
    let status = read(root, pid, "status")?;
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    Ok(uids.is_some_and(|uids| {
        let mut uids = uids.split_ascii_whitespace();
        uids.clone().count() == 4 && uids.all(|uid| uid == "0")
    }))
}

/// The control group of a process in the hierarchy that systemd keeps.
fn group(root: &HostRoot, pid: u32) -> Result<String, ReadError> {
    let groups = read(root, pid, "cgroup")?;
    let first = read(root, 1, "cgroup")?;
    let (group, hosts) = of_systemd(&groups, &first);
    // A container sees others' groups from its own. From there, the group of the host's first process
    // has as many steps up as it takes to the top.
    if group.starts_with(UP) {
        let (steps, _) = up(hosts);
        if let (own, rest) = up(group)
            && own == steps
        {
            return Ok(rest.to_owned());
        }
    }
    Ok(group.to_owned())
}

/// A step from a control group to the one above.
const UP: &str = "/..";

/// How many steps up a path begins with, and what comes then.
fn up(path: &str) -> (usize, &str) {
    let mut rest = path;
    let mut steps = 0_usize;
    while let Some(after) = rest.strip_prefix(UP) {
        rest = after;
        steps = steps.saturating_add(1);
    }
    (steps, rest)
}

/// The groups of a process and of the host's first one in systemd's hierarchy. Beside hierarchies of the
/// first version that is one without a controller, where systemd itself has a scope then; in the second
/// version's a pod's process may still have the group of who started it.
fn of_systemd<'a>(groups: &'a str, first: &'a str) -> (&'a str, &'a str) {
    fn of<'a>(groups: &'a str, hierarchy: &str) -> Option<&'a str> {
        groups.lines().find_map(|line| {
            let (name, path) = line.split_once(':')?.1.split_once(':')?;
            (name == hierarchy).then_some(path)
        })
    }
    const NAMED: &str = "name=systemd";
    let by_name = of(first, NAMED).is_some_and(|path| path.ends_with("/init.scope"));
    let by_name = by_name || of(first, "").is_none();
    let pick = |groups| of(groups, if by_name { NAMED } else { "" }).unwrap_or_default();
    (pick(groups), pick(first))
}

/// The fourth field of `proc_pid_stat(5)`; the second can hold anything.
fn parent(status: &str) -> Option<u32> {
    let (_, rest) = status.rsplit_once(") ")?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn is_below(program: &str, data_dir: &str) -> bool {
    Path::new(program).starts_with(data_dir)
}

/// Whether a control group is that of one of RKE2's units, or below it. Above the unit there are
/// slices alone, which systemd makes; what a service or scope is delegated lies below that.
fn in_rke2_unit(group: &str) -> bool {
    let mut parts = group.split('/').filter(|part| !part.is_empty());
    let unit = parts.find(|part| part.strip_suffix(".slice").is_none());
    unit.is_some_and(|unit| Role::ALL.into_iter().any(|role| unit == role.unit()))
}

/// The uid of the pod whose control group this is, or is below. Groups that a pod makes for itself
/// lie deeper.
fn pod_of(group: &str) -> Option<&str> {
    const CLASSES: [&str; 3] = ["burstable", "besteffort", "guaranteed"];
    let mut parts = group.split('/').filter(|part| !part.is_empty());
    let by_systemd = match parts.next()? {
        "kubepods.slice" => true,
        "kubepods" => false,
        _ => return None,
    };
    let mut before = "kubepods-".to_owned();
    let mut part = parts.next()?;
    for class in CLASSES {
        if by_systemd && part == format!("kubepods-{class}.slice") {
            before = format!("kubepods-{class}-");
            part = parts.next()?;
        } else if !by_systemd && part == class {
            part = parts.next()?;
        }
    }
    let part = if by_systemd {
        part.strip_suffix(".slice")?.strip_prefix(&before)?
    } else {
        part
    };
    part.strip_prefix("pod")
}

/// A uid without what the drivers of control groups write in different ways.
fn plain(uid: &str) -> String {
    uid.replace(['-', '_'], "")
}

fn in_hosts_network(root: &HostRoot, pid: u32) -> bool {
    let network = |pid: u32| root.read_link(format!("/proc/{pid}/ns/net")).ok();
    match (network(pid), network(1)) {
        (Some(own), Some(hosts)) => own == hosts,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_after_the_last_parenthesis() {
        let line = "7 (a) b (c) S 3 7 7 0 -1 4194304 1 0 0 0 2 1 0 0 20 0 9 0 4711 1 2 3\n";
        assert_eq!(parent(line), Some(3));
        assert_eq!(parent("7 (a"), None);
    }

    #[test]
    fn control_groups_name_their_pod() {
        let uid = "0a1b2c3d111122223333444455556666";
        for (group, expected) in [
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_1111_2222_3333_444455556666.slice/cri-containerd-x.scope",
                Some(uid),
            ),
            (
                "/kubepods.slice/kubepods-pod0a1b2c3d_1111_2222_3333_444455556666.slice/x.scope",
                Some(uid),
            ),
            (
                "/kubepods/burstable/pod0a1b2c3d-1111-2222-3333-444455556666/x",
                Some(uid),
            ),
            ("/kubepods/pod0a1b2c3d111122223333444455556666", Some(uid)),
            // What a pod, or a user, made for itself.
            (
                "/kubepods.slice/kubepods-pod9.slice/x.scope/kubepods-pod0a1b2c3d111122223333444455556666.slice",
                Some("9"),
            ),
            (
                "/kubepods/pod9/x/pod0a1b2c3d111122223333444455556666",
                Some("9"),
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/kubepods.slice/kubepods-pod0a.slice",
                None,
            ),
            ("/system.slice/x.service", None),
            ("/kubepods.slice/x-pod0a.slice", None),
            ("", None),
        ] {
            assert_eq!(pod_of(group).map(plain).as_deref(), expected, "{group}");
        }
    }

    #[test]
    fn only_slices_lie_above_rke2s_unit() {
        for (group, is_own) in [
            ("/system.slice/rke2-server.service", true),
            ("/system.slice/rke2-agent.service/kubelet", true),
            ("/kube.slice/kube-node.slice/rke2-server.service", true),
            ("/system.slice/my-rke2-server.service", false),
            (
                "/user.slice/user-1000.slice/user@1000.service/rke2-server.service",
                false,
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/system.slice/rke2-server.service",
                false,
            ),
            ("/kubepods/pod9/rke2-server.service", false),
            (
                "/machine.slice/x.scope/system.slice/rke2-server.service",
                false,
            ),
            ("/../rke2-server.service", false),
            ("", false),
        ] {
            assert_eq!(in_rke2_unit(group), is_own, "{group}");
        }
        let hybrid = "9:name=systemd:/a\n8:pids:/b\n0::/c\n";
        let first = "9:name=systemd:/init.scope\n0::/init.scope\n";
        assert_eq!(of_systemd(hybrid, first).0, "/a");
        // Somebody mounted a hierarchy of that name, and systemd does not use it.
        assert_eq!(
            of_systemd(hybrid, "9:name=systemd:/\n0::/init.scope\n").0,
            "/c"
        );
        let old = "9:name=systemd:/../../init.scope\n";
        assert_eq!(of_systemd(hybrid, old), ("/a", "/../../init.scope"));
        assert_eq!(
            of_systemd("1:cpu:/x\n0::/c:d\n", "0::/init.scope\n").0,
            "/c:d"
        );
        assert_eq!(of_systemd("", ""), ("", ""));
    }

    /// Starts a program that sleeps from a folder of its own, after `prepare`, and waits until it runs it.
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
        for folder in [&bin, &other] {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::copy("/bin/sleep", folder.join("kubelet")).unwrap();
        }
        let (own, fake) = (bin.join("kubelet"), other.join("kubelet"));
        let wanted = Wanted {
            program: "kubelet",
            pod: None,
            in_pod: false,
        };
        let path = bin.to_str().unwrap();
        let found = || find(&HostRoot::live(), path, std::slice::from_ref(&wanted));
        let nobody = [
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
            (&own, &nobody, false),
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
            let told = found.problems.get("kubelet").cloned().unwrap_or_default();
            let expected = format!("process {} may be it", child.id());
            assert_eq!(told.starts_with(&expected), may_be, "{prepare:?}: {told}");
            assert_eq!(told.is_empty(), !may_be, "{prepare:?}: {told}");
        }
    }

    /// The file a process runs is compared with what is there now at its path, not the path with itself.
    #[test]
    fn the_file_that_a_process_runs_is_known_by_its_inode() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("kubelet");
        std::fs::copy("/bin/sleep", &program).unwrap();
        let mut child = start(&program, &["600"], &[]);
        let root = HostRoot::live();
        let runs = root.stat_of_program(child.id());
        let same = root.stat(&program).unwrap().identity;
        std::fs::rename(&program, folder.path().join("was")).unwrap();
        std::fs::copy("/bin/sleep", &program).unwrap();
        let after = root.stat_of_program(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(runs.unwrap().identity, same);
        assert_eq!(after.unwrap().identity, same);
        assert_ne!(root.stat(&program).unwrap().identity, same);
    }
}
