//! Logs of the kubelet and of static pods: the end of each. No log is watched for changes.

use std::path::Path;

use super::HostRoot;
use crate::rke2::layout::POD_LOGS;

/// Bytes that are read at the end of the kubelet's log. A stack of all goroutines can follow the reason.
const KUBELET_END: u64 = 256 << 10;
/// The same, of a container's log.
const CONTAINER_END: u64 = 64 << 10;
/// Names that are read of one directory.
const MOST_NAMES: usize = 10_000;
/// Attempts of a container whose logs are read: the newest.
const MOST_ATTEMPTS: usize = 3;
/// Pods of one name that are considered.
const MOST_PODS: usize = 16;

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    /// Its path, as the host names it.
    pub path: String,
    /// The last lines.
    pub content: Vec<u8>,
    /// When it was last written, in microseconds since 1970.
    pub written: u64,
}

/// The log of one attempt to run a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttemptLog {
    /// How often the container was restarted before.
    pub restarts: u32,
    /// The log.
    pub log: Log,
}

/// The log at one of these paths that was written last, unless that was before `since`, in microseconds since
/// 1970. If it was rotated a moment ago, what it begins with is in the file beside it.
pub(crate) fn kubelet(root: &HostRoot, paths: &[String], since: u64) -> Option<Log> {
    let written = |path: &&String| modified(root, path).filter(|written| *written >= since);
    let path = paths.iter().max_by_key(|path| written(path))?;
    written(&path)?;
    let mut log = end(root, path, KUBELET_END)?;
    let is_short = u64::try_from(log.content.len()).is_ok_and(|size| size < KUBELET_END / 4);
    if let Some(before) = rotated(root, path).filter(|_| is_short)
        && let Some(before) = end(root, &before, KUBELET_END).filter(|log| log.written >= since)
    {
        log.content.splice(0..0, before.content);
    }
    Some(log)
}

/// The newest file that a log was rotated to and that is not compressed yet: `kubelet-TIME.log`, where TIME is
/// `2026-11-28T11-30-00.000` (gopkg.in/natefinch/lumberjack.v2).
fn rotated(root: &HostRoot, path: &str) -> Option<String> {
    let (directory, name) = path.rsplit_once('/')?;
    let (stem, extension) = name.rsplit_once('.')?;
    let is_time = |text: &str| {
        let mut bytes = text.bytes();
        text.len() == 23 && bytes.all(|byte| byte.is_ascii_digit() || b"-T.".contains(&byte))
    };
    let names = root.list_logs(Path::new(directory), MOST_NAMES);
    let rotated = names.into_iter().filter(|name| {
        let rest = name
            .strip_prefix(stem)
            .and_then(|rest| rest.strip_prefix('-'));
        let time = rest.and_then(|rest| rest.strip_suffix(extension)?.strip_suffix('.'));
        time.is_some_and(is_time)
    });
    rotated.max().map(|name| format!("{directory}/{name}"))
}

/// The logs of the last attempts to run the container of a static pod, the newest first. Those that were last
/// written before `since` are left out.
pub(crate) fn static_pod(root: &HostRoot, program: &str, since: u64) -> Vec<AttemptLog> {
    let prefix = format!("kube-system_{program}-");
    let names = root.list_logs(Path::new(POD_LOGS), MOST_NAMES);
    let pods = names.iter().filter(|name| name.starts_with(&prefix));
    let directories = pods.map(|name| format!("{POD_LOGS}/{name}/{program}"));
    // A pod that was replaced leaves its directory for a while.
    let newest = directories
        .take(MOST_PODS)
        .filter_map(|directory| {
            let mut attempts = attempts(root, &directory);
            attempts.retain(|(_, written)| *written >= since);
            let newest = attempts.iter().map(|(_, written)| *written).max()?;
            Some((newest, directory, attempts))
        })
        .max();
    let Some((_, directory, attempts)) = newest else {
        return Vec::new();
    };
    let logs = attempts.into_iter().filter_map(|(restarts, _)| {
        let log = end(root, &format!("{directory}/{restarts}.log"), CONTAINER_END)?;
        Some(AttemptLog { restarts, log })
    });
    logs.collect()
}

/// The newest attempts in the directory of a container, the last one first, and when each was last written.
fn attempts(root: &HostRoot, directory: &str) -> Vec<(u32, u64)> {
    let names = root.list_logs(Path::new(directory), MOST_NAMES);
    let mut numbers: Vec<u32> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".log")?.parse().ok())
        .collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.dedup();
    let newest = numbers.into_iter().take(MOST_ATTEMPTS);
    newest
        .filter_map(|number| {
            let written = modified(root, &format!("{directory}/{number}.log"))?;
            Some((number, written))
        })
        .collect()
}

fn end(root: &HostRoot, path: &str, limit: u64) -> Option<Log> {
    let (content, status) = root.read_log_end(Path::new(path), limit)?;
    Some(Log {
        path: path.to_owned(),
        content,
        written: microseconds(status.modified),
    })
}

/// When a file was last written, in microseconds since 1970; `None` if that is not known.
pub(crate) fn modified(root: &HostRoot, path: &str) -> Option<u64> {
    let status = root.log_status(Path::new(path))?;
    Some(microseconds(status.modified))
}

fn microseconds((seconds, nanoseconds): (i64, i64)) -> u64 {
    let at = seconds
        .saturating_mul(1_000_000)
        .saturating_add(nanoseconds / 1000);
    u64::try_from(at).unwrap_or_default()
}
