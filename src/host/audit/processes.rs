//! The processes of RKE2's components: found by who runs them, not by their names alone.
//!
//! A process is a component's if its program has the component's name and either RKE2 itself runs it
//! (its program lies in RKE2's data folder, or it is in the control group of an RKE2 unit) or the
//! process that runs it is such a one (containerd's shim) and it is in RKE2's own static pod: by its
//! control group, or, where the manifest has changed since, by being in the host's network. Another
//! cluster's components on the same host, also those in pods of this one, are not.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::super::HostRoot;
use crate::audit::flags::Word;
use crate::fact::{ReadError, Source};
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
    pub(super) words: Vec<Word>,
    /// When it started, in ticks after the boot.
    started: u64,
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
    /// By program's name, the youngest of its name.
    pub(super) processes: BTreeMap<&'static str, Process>,
    /// Why it is not known of a process of that name whether it is RKE2's.
    pub(super) problems: BTreeMap<&'static str, String>,
}

/// Looks for the processes of `wanted`.
pub(super) fn find(root: &HostRoot, data_dir: &str, wanted: &[Wanted]) -> Found {
    let mut found = Found::default();
    let Ok(names) = root.list("/proc") else {
        return found;
    };
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
        match is_rke2s(root, pid, data_dir, wanted) {
            Ok(Some(started)) => {
                let source = Source::file(format!("/proc/{pid}/cmdline"));
                let process = Process {
                    pid,
                    words: rest
                        .iter()
                        .map(|text| Word {
                            text: text.clone(),
                            source: source.clone(),
                        })
                        .collect(),
                    started,
                };
                let known = found.processes.get(wanted.program);
                if known.is_none_or(|known| known.started < started) {
                    found.processes.insert(wanted.program, process);
                }
            }
            Ok(None) => {}
            Err(error) => {
                found.problems.insert(wanted.program, error.to_string());
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

/// When the process started, if it is RKE2's.
fn is_rke2s(
    root: &HostRoot,
    pid: u32,
    data_dir: &str,
    wanted: &Wanted,
) -> Result<Option<u64>, ReadError> {
    let Some(exe) = gone(program(root, pid))? else {
        return Ok(None);
    };
    if base(&exe) != wanted.program {
        return Ok(None);
    }
    let (Some(status), Some(groups)) = (
        gone(read(root, pid, "stat"))?,
        gone(read(root, pid, "cgroup"))?,
    ) else {
        return Ok(None);
    };
    let Some((parent, started)) = parent_and_start(&status) else {
        return Ok(None);
    };
    let by_rke2 = is_below(&exe, data_dir) || in_rke2_unit(&groups);
    if by_rke2 {
        return Ok(Some(started));
    }
    if !wanted.in_pod {
        return Ok(None);
    }
    let shim = gone(program(root, parent))?.is_some_and(|exe| is_below(&exe, data_dir));
    let of_unit = gone(read(root, parent, "cgroup"))?.is_some_and(|groups| in_rke2_unit(&groups));
    let pod = wanted.pod.as_deref();
    let own = pod.is_some_and(|uid| is_own_pod(&groups, uid)) || in_hosts_network(root, pid);
    Ok(((shim || of_unit) && own).then_some(started))
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

/// The program a process runs; one that was replaced on disk by an upgrade is still that.
fn program(root: &HostRoot, pid: u32) -> Result<String, ReadError> {
    let link = root.read_link(format!("/proc/{pid}/exe"))?;
    let text = link.to_string_lossy().into_owned();
    Ok(text.strip_suffix(" (deleted)").unwrap_or(&text).to_owned())
}

/// The fourth and the twenty-second field of `proc_pid_stat(5)`; the second can hold anything.
fn parent_and_start(status: &str) -> Option<(u32, u64)> {
    let (_, rest) = status.rsplit_once(") ")?;
    let mut fields = rest.split_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some((parent, started))
}

fn is_below(program: &str, data_dir: &str) -> bool {
    Path::new(program).starts_with(data_dir)
}

/// Whether a process is in the control group of one of RKE2's units itself.
fn in_rke2_unit(groups: &str) -> bool {
    groups.lines().any(|line| {
        let path = line.splitn(3, ':').nth(2).unwrap_or_default();
        path.split('/')
            .any(|part| Role::ALL.into_iter().any(|role| part == role.unit()))
    })
}

/// Whether the control group is that of the pod with this uid.
fn is_own_pod(groups: &str, uid: &str) -> bool {
    // systemd's slices write `_` for `-`; the other driver keeps it.
    let names = [format!("pod{uid}"), format!("pod{}", uid.replace('-', "_"))];
    groups.split(['/', '\n']).any(|part| {
        let part = part.strip_suffix(".slice").unwrap_or(part);
        names.iter().any(|name| {
            let before = part.strip_suffix(name.as_str());
            before.is_some_and(|before| before.is_empty() || before.ends_with('-'))
        })
    })
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
    fn fields_of_stat_are_counted_from_the_last_parenthesis() {
        let line = "7 (a) b (c) S 3 7 7 0 -1 4194304 1 0 0 0 2 1 0 0 20 0 9 0 4711 1 2 3\n";
        assert_eq!(parent_and_start(line), Some((3, 4711)));
        assert_eq!(parent_and_start("7 (a"), None);
    }

    #[test]
    fn control_groups_name_their_pod() {
        let uid = "0a1b2c3d-1111-2222-3333-444455556666";
        for (groups, is_own) in [
            (
                "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_1111_2222_3333_444455556666.slice/cri-containerd-x.scope\n",
                true,
            ),
            (
                "0::/kubepods/burstable/pod0a1b2c3d-1111-2222-3333-444455556666/x\n",
                true,
            ),
            ("0::/kubepods.slice/kubepods-pod9.slice/x\n", false),
            ("0::/system.slice/x.service\n", false),
        ] {
            assert_eq!(is_own_pod(groups, uid), is_own, "{groups}");
        }
        assert!(in_rke2_unit(
            "1:cpu:/x\n0::/system.slice/rke2-server.service\n"
        ));
        assert!(!in_rke2_unit("0::/system.slice/my-rke2-server.service\n"));
    }

    /// On the running kernel: of two programs of one name, RKE2's own.
    #[test]
    fn of_real_processes_the_one_below_the_data_folder_is_found() {
        let data = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let start = |folder: &Path, flag: &str| {
            std::fs::create_dir_all(folder).unwrap();
            let program = folder.join("kubelet");
            std::fs::copy("/bin/sleep", &program).unwrap();
            std::process::Command::new(program)
                .args(["60", flag])
                .spawn()
                .unwrap()
        };
        let mut own = start(&data.path().join("data/v1/bin"), "1");
        let mut other = start(&elsewhere.path().join("bin"), "2");
        let wanted = Wanted {
            program: "kubelet",
            pod: None,
            in_pod: false,
        };
        let path = data.path().to_str().unwrap();
        // Until it runs its program, a process has that of its parent.
        let mut found = Found::default();
        for _ in 0..1000 {
            found = find(&HostRoot::live(), path, std::slice::from_ref(&wanted));
            if !found.processes.is_empty() {
                break;
            }
        }
        for process in [&mut own, &mut other] {
            process.kill().unwrap();
            process.wait().unwrap();
        }
        let process = &found.processes["kubelet"];
        assert_eq!(process.pid, own.id());
        let words: Vec<&str> = process
            .words
            .iter()
            .map(|word| word.text.as_str())
            .collect();
        assert_eq!(words, ["60", "1"]);
        assert!(
            process.started > 0 && found.problems.is_empty(),
            "{found:?}"
        );
    }
}
