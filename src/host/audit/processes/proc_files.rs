//! The files of a process below `/proc`.

use std::io::Read;

use crate::facts::ReadError;
use crate::host::HostRoot;

/// No more of a command line is read; those of RKE2 are a few thousand bytes.
const MAX_LINE: u64 = 1 << 18;

/// The words of a process; `None` where it has none (a kernel thread), or is gone.
pub(super) fn command_line(root: &HostRoot, pid: u32) -> Option<Vec<String>> {
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

pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `None` where the process is gone.
pub(super) fn gone<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.is_absent() || error.errno() == Some(nix::libc::ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn read(root: &HostRoot, pid: u32, what: &str) -> Result<String, ReadError> {
    let content = root.read(format!("/proc/{pid}/{what}"))?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}

/// The program that a process runs.
pub(super) struct Executable {
    /// Its path when it was started.
    pub(super) path: String,
    /// Whether its file is no longer there: replaced by an upgrade.
    pub(super) is_deleted: bool,
}

pub(super) fn program(root: &HostRoot, pid: u32) -> Result<Executable, ReadError> {
    let link = root.read_link(format!("/proc/{pid}/exe"))?;
    let text = link.to_string_lossy();
    let path = text.strip_suffix(" (deleted)");
    Ok(Executable {
        path: path.unwrap_or(&text).to_owned(),
        is_deleted: path.is_some(),
    })
}

/// Whether all uids of a process are root's: those of the name space that this program is in.
pub(super) fn is_roots(root: &HostRoot, pid: u32) -> Result<bool, ReadError> {
    let status = read(root, pid, "status")?;
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    Ok(uids.is_some_and(|uids| {
        let mut uids = uids.split_ascii_whitespace();
        uids.clone().count() == 4 && uids.all(|uid| uid == "0")
    }))
}

/// The control group of a process in the hierarchy that systemd keeps.
pub(super) fn group(root: &HostRoot, pid: u32) -> Result<String, ReadError> {
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
pub(super) const UP: &str = "/..";

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
pub(super) fn parent(status: &str) -> Option<u32> {
    let (_, rest) = status.rsplit_once(") ")?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

pub(super) fn in_hosts_network(root: &HostRoot, pid: u32) -> bool {
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
    fn the_group_is_read_from_the_hierarchy_that_systemd_uses() {
        let hybrid = "9:name=systemd:/a\n8:pids:/b\n0::/c\n";
        let first = "9:name=systemd:/init.scope\n0::/init.scope\n";
        assert_eq!(of_systemd(hybrid, first).0, "/a");
        // A hierarchy of that name that systemd does not use.
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
}
