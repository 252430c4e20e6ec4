//! What really happened in the last start: why the kubelet exited, and static pods that exit again and again,
//! from their logs. A line of an earlier start is no reason now.
//!
//! Not a part of an assessment: the gate, which runs before the start, does not read logs.

use crate::assessment::{Examination, LastRun};
use crate::evaluate::exits::finding;
use crate::facts::ComponentExit;
use crate::host::logs::{self, AttemptLog, Log};
use crate::host::{HostRoot, state};
use crate::kubernetes::log::{self, LogEnd};
use crate::rke2::config::{DEFAULT_CONFIG, REDACTED, SettingOrigin, SettingValue, Settings};
use crate::rke2::layout;

/// Microseconds of a second.
const SECOND: u64 = 1_000_000;
/// RKE2 starts the kubelet again after 5 s: one that has not exited for this long runs.
const KUBELET_LOOP: u64 = 300 * SECOND;
/// The kubelet restarts a container after 5 minutes at the latest, and the container may run for a while.
const POD_LOOP: u64 = 600 * SECOND;
/// The kubelet waits this long between attempts only after several, and removes the logs of older attempts
/// once a minute.
const POD_WAITS: u64 = 60 * SECOND;
/// How far times of the same moment may differ: file systems keep times more coarsely than the clock.
const SLACK: u64 = 2 * SECOND;

/// Adds what happened in the last start to the report.
pub(crate) fn add(root: &HostRoot, examination: &mut Examination) {
    // Without a unit nothing was started.
    if examination.definition.is_none() {
        return;
    }
    let found = exits(
        root,
        &examination.settings,
        examination.last_run,
        state::now(),
    );
    let report = &mut examination.report;
    report.findings.extend(found.iter().map(finding));
    report.exits = found;
}

/// When things must have happened to be of the last start and recent.
#[derive(Debug, Clone, Copy)]
struct Window {
    /// The beginning of the last start.
    since: u64,
    /// The present; of an image, when it last ran.
    now: u64,
    /// Whether RKE2 runs, or ran then.
    is_up: bool,
}

impl Window {
    /// Whether `at` is of the last start, and at most `age` ago if RKE2 runs.
    const fn holds(&self, at: u64, age: u64) -> bool {
        let is_past = at <= self.now.saturating_add(SLACK);
        at >= self.since && is_past && (!self.is_up || self.now.saturating_sub(at) <= age)
    }
}

fn exits(root: &HostRoot, settings: &Settings, run: LastRun, now: u64) -> Vec<ComponentExit> {
    let since = match run {
        LastRun::Known { started: 0, .. } | LastRun::Unknown => return Vec::new(),
        LastRun::Known { started, .. } => started,
        LastRun::Image => 0,
    };
    let log = logs::kubelet(root, &kubelet_logs(settings), since);
    let window = match (run, &log) {
        (LastRun::Known { is_up, .. }, _) => Window { since, now, is_up },
        // It ran until the kubelet wrote its last line.
        (_, Some(log)) => Window {
            since,
            now: log.written,
            is_up: true,
        },
        (_, None) => return Vec::new(),
    };
    let mut found = Vec::new();
    let kubelet = log.and_then(|log| kubelet(&log, &window));
    let is_fixed =
        |exit: &ComponentExit| !window.is_up && is_changed_since(root, settings, exit.at);
    found.extend(kubelet.filter(|exit| !is_fixed(exit)));
    if window.is_up {
        let pods = layout::STATIC_PODS.iter();
        found.extend(pods.filter_map(|program| {
            // The log of an attempt that was ended long ago is not written any more.
            let since = since.max(window.now.saturating_sub(POD_LOOP.saturating_mul(2)));
            let attempts = logs::static_pod(root, program, since);
            static_pod(program, &attempts, &window)
        }));
    }
    for exit in &mut found {
        exit.reason = without_secrets(&exit.reason, settings);
        exit.is_retried &= run != LastRun::Image;
    }
    found
}

/// Where the kubelet's log can be. Releases differ in which `log-file` they use if there are several.
fn kubelet_logs(settings: &Settings) -> Vec<String> {
    let data_dir = layout::data_dir(settings.data_dir());
    let mut paths = vec![layout::kubelet_log(&data_dir)];
    for (text, _) in settings.kubelet_args() {
        let body = text.strip_prefix("--").unwrap_or(&text);
        if let Some((key, value)) = body.split_once('=')
            && matches!(key, "log-file" | "log_file")
            && value.starts_with('/')
        {
            paths.push(value.to_owned());
        }
    }
    paths
}

fn kubelet(log: &Log, window: &Window) -> Option<ComponentExit> {
    let end = log::read(&log.content);
    let at = end.exited_at(log.written)?;
    (!end.is_running && window.holds(at, KUBELET_LOOP)).then_some(ComponentExit {
        component: "kubelet".to_owned(),
        reason: end.exit?.reason,
        at,
        restarts: None,
        path: log.path.clone(),
        is_retried: window.is_up,
    })
}

/// The last exit of a static pod that exits again and again: two attempts of this start exited, or the kubelet
/// waits longer than after a first one.
fn static_pod(program: &str, attempts: &[AttemptLog], window: &Window) -> Option<ComponentExit> {
    let ends: Vec<LogEnd> = attempts
        .iter()
        .map(|attempt| log::read_container(&attempt.log.content))
        .collect();
    let newest = ends.first()?;
    if newest.is_running {
        return None;
    }
    let mut exited = attempts.iter().zip(&ends).filter_map(|(attempt, end)| {
        let at = end.exited_at(attempt.log.written)?;
        (at >= window.since).then_some((attempt, end, at))
    });
    let (attempt, end, at) = exited.next()?;
    let is_again = exited.next().is_some();
    let waits = newest.exit.is_some() && window.now.saturating_sub(at) >= POD_WAITS;
    let is_loop = attempt.restarts > 0 && (is_again || waits);
    (is_loop && window.holds(at, POD_LOOP)).then(|| ComponentExit {
        component: program.to_owned(),
        reason: end
            .exit
            .as_ref()
            .map(|exit| exit.reason.clone())
            .unwrap_or_default(),
        at,
        restarts: Some(attempt.restarts),
        path: attempt.log.path.clone(),
        is_retried: true,
    })
}

/// Whether a file that sets something of the configuration, or a drop-in of the kubelet, was changed since
/// then: the reason may be fixed.
fn is_changed_since(root: &HostRoot, settings: &Settings, at: u64) -> bool {
    let mut paths: Vec<&str> = settings
        .values
        .iter()
        .flat_map(|setting| &setting.sources)
        .filter_map(|origin| match origin {
            SettingOrigin::File { path, .. } => Some(path.as_str()),
            _ => None,
        })
        .collect();
    paths.sort_unstable();
    paths.dedup();
    let data_dir = layout::data_dir(settings.data_dir());
    let conf_d = layout::kubelet_conf_d(&data_dir);
    let drop_ins = format!("{DEFAULT_CONFIG}.d");
    let others = [DEFAULT_CONFIG, &drop_ins, &conf_d];
    let all = paths.into_iter().chain(others);
    all.filter_map(|path| logs::modified(root, path))
        .any(|changed| changed > at)
}

/// A reason without the secrets of RKE2's configuration.
fn without_secrets(reason: &str, settings: &Settings) -> String {
    let mut shown = reason.to_owned();
    for setting in settings.values.iter().filter(|setting| setting.is_secret()) {
        if let SettingValue::Text(secret) = &setting.value
            && !secret.is_empty()
        {
            shown = shown.replace(secret.as_str(), REDACTED);
        }
    }
    shown
}
