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

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "a test lays out a host"
    )]

    use super::*;
    use crate::rke2::config::Setting;
    use crate::rke2::role::Role;
    use std::time::{Duration, UNIX_EPOCH};

    const KUBELET: &str = "/var/lib/rancher/rke2/agent/logs/kubelet.log";
    /// 2026-11-28T10:00:00Z in seconds since 1970.
    const TEN: u64 = 1_795_860_000;

    struct Host(tempfile::TempDir);

    impl Host {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        /// A file that was last written so many seconds after ten.
        fn file(&self, path: &str, content: &str, after: u64) {
            let at = self.0.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(at.parent().unwrap()).unwrap();
            std::fs::write(&at, content).unwrap();
            let file = std::fs::File::options().write(true).open(&at).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(TEN + after))
                .unwrap();
        }

        /// The log of an attempt of the API server that exits, or runs.
        fn attempt(&self, number: u32, after: u64, text: &str) {
            let time = crate::text::time((TEN + after) * SECOND);
            let path = format!(
                "/var/log/pods/kube-system_kube-apiserver-n1_0123abc/kube-apiserver/{number}.log"
            );
            self.file(&path, &format!("{time} stderr F {text}\n"), after);
        }

        /// What is found at so many seconds after ten, each with the seconds after ten at which it exited.
        fn found(&self, run: LastRun, args: &[&str], after: u64) -> Vec<(String, String, u64)> {
            let root = HostRoot::open(self.0.path()).unwrap();
            let exits = exits(&root, &settings(args), run, (TEN + after) * SECOND);
            exits
                .into_iter()
                .map(|exit| {
                    let at = exit.at / SECOND - TEN;
                    (exit.component, exit.reason, at)
                })
                .collect()
        }

        fn reasons(&self, run: LastRun, after: u64) -> Vec<String> {
            let found = self.found(run, &[], after);
            found.into_iter().map(|(_, reason, _)| reason).collect()
        }
    }

    fn settings(args: &[&str]) -> Settings {
        let texts = |values: &[&str]| values.iter().map(|text| (*text).to_owned()).collect();
        let setting = |name, value| Setting {
            name,
            value,
            set: true,
            sources: args.iter().map(|_| SettingOrigin::Default).collect(),
            overridden: Vec::new(),
        };
        Settings {
            role: Role::Server,
            values: vec![
                setting("kubelet-arg", SettingValue::List(texts(args))),
                setting("token", SettingValue::Text("SECRET".to_owned())),
            ],
            fatal: None,
            ignored: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// Started so many seconds after ten.
    fn started(after: u64) -> LastRun {
        LastRun::Known {
            started: (TEN + after) * SECOND,
            is_up: true,
            restarts: 0,
        }
    }

    fn ended(after: u64) -> LastRun {
        LastRun::Known {
            started: (TEN + after) * SECOND,
            is_up: false,
            restarts: 0,
        }
    }

    fn klog(after: u64, reason: &str) -> String {
        let (minutes, seconds) = (after / 60, after % 60);
        format!(
            "E1128 10:{minutes:02}:{seconds:02}.000000    1 run.go:72] \"command failed\" err=\"{reason}\"\n"
        )
    }

    #[test]
    fn the_kubelets_exit_counts_if_it_is_of_this_start_and_recent() {
        let host = Host::new();
        host.file(KUBELET, &klog(100, "x"), 100);
        let x = || vec!["x".to_owned()];
        for (run, after, expected) in [
            (started(90), 101, x()),
            (started(90), 399, x()),
            // It runs, or hangs: RKE2 starts it again after five seconds.
            (started(90), 401, vec![]),
            // Of an earlier start.
            (started(101), 102, vec![]),
            (ended(90), 5000, x()),
            (ended(101), 5000, vec![]),
            // The clock was set back.
            (started(90), 50, vec![]),
            (LastRun::Unknown, 101, vec![]),
            (LastRun::Image, 5000, x()),
        ] {
            assert_eq!(host.reasons(run, after), expected, "{run:?} {after}");
        }
        let never = LastRun::Known {
            started: 0,
            is_up: false,
            restarts: 0,
        };
        assert_eq!(host.reasons(never, 101), [""; 0]);
    }

    #[test]
    fn a_later_line_shows_that_the_kubelet_runs() {
        let host = Host::new();
        let runs = "I1128 10:01:50.000000    1 plugin_manager.go:121] \"Starting Kubelet Plugin Manager\"\n";
        host.file(KUBELET, &format!("{}{runs}", klog(100, "x")), 110);
        assert_eq!(host.reasons(started(90), 111), [""; 0]);
        assert_eq!(host.reasons(LastRun::Image, 111), [""; 0]);
        host.file(KUBELET, &format!("{runs}{}", klog(120, "x")), 120);
        assert_eq!(host.reasons(started(90), 121), ["x"]);
    }

    #[test]
    fn a_reason_may_be_fixed_once_the_configuration_was_changed() {
        let host = Host::new();
        host.file(KUBELET, &klog(100, "x"), 100);
        host.file(DEFAULT_CONFIG, "", 99);
        assert_eq!(host.reasons(ended(90), 200), ["x"]);
        host.file(DEFAULT_CONFIG, "", 150);
        assert_eq!(host.reasons(ended(90), 200), [""; 0]);
        // RKE2 runs with the configuration that it has read.
        assert_eq!(host.reasons(started(90), 200), ["x"]);
    }

    #[test]
    fn the_log_is_where_kubelet_arg_moves_it() {
        let host = Host::new();
        host.file(KUBELET, &klog(10, "old"), 10);
        host.file("/var/log/kubelet.log", &klog(100, "SECRET, moved"), 100);
        let moved = ["v=2", "log-file=/var/log/kubelet.log"];
        let found = host.found(started(90), &moved, 101);
        let expected = ("kubelet".to_owned(), "<redacted>, moved".to_owned(), 100);
        assert_eq!(found, [expected]);
        assert_eq!(host.found(started(90), &["log-file=relative"], 101), []);
    }

    #[test]
    fn a_log_that_was_just_rotated_is_read_with_the_one_before() {
        let host = Host::new();
        let before = KUBELET.replace(".log", "-2026-11-28T10-01-40.500.log");
        host.file(&before, &klog(100, "x"), 100);
        let start = "I1128 10:01:42.000000    1 a.go:1] \"Kubelet version\"\n";
        host.file(KUBELET, start, 102);
        assert_eq!(host.reasons(started(90), 103), ["x"]);
        host.file(&before, &klog(100, "x"), 80);
        assert_eq!(host.reasons(started(90), 103), [""; 0]);
    }

    #[test]
    fn a_static_pod_counts_if_it_exits_again_and_again() {
        let fails = "Error: unknown flag: --x";
        let serves = "I1128 10:00:00.000000    1 a.go:1] Serving securely on [::]:6443";
        let found = |attempts: &[(u32, u64, &str)], after| {
            let host = Host::new();
            for (number, at, text) in attempts {
                host.attempt(*number, *at, text);
            }
            let other = (
                "/var/log/pods/kube-system_kube-apiserver-n1_older/kube-apiserver/9.log",
                5,
            );
            host.file(
                other.0,
                "2026-11-28T10:00:05Z stderr F Error: old\n",
                other.1,
            );
            host.reasons(started(90), after)
        };
        let loops = ["unknown flag: --x".to_owned()];
        assert_eq!(found(&[(3, 100, fails), (4, 160, fails)], 170), loops);
        // It waits for the next attempt, and older logs are removed.
        assert_eq!(found(&[(4, 160, fails)], 300), loops);
        // The attempt that runs now has not served yet.
        assert_eq!(
            found(&[(3, 100, fails), (4, 160, fails), (5, 200, "x")], 201),
            loops
        );
        for (attempts, after) in [
            (&[(0, 100, fails)][..], 300),
            (&[(4, 160, fails)], 170),
            (&[(3, 100, serves), (4, 160, fails)], 170),
            (&[(3, 100, fails), (4, 160, fails), (5, 200, serves)], 201),
            (&[(3, 100, fails), (4, 160, fails)], 800),
            (&[(3, 80, fails), (4, 160, fails)], 170),
            (&[(3, 70, fails), (4, 80, fails)], 170),
            (&[], 170),
        ] {
            assert_eq!(found(attempts, after), [""; 0], "{attempts:?} {after}");
        }
    }

    #[test]
    fn of_an_image_the_last_minutes_count() {
        let host = Host::new();
        let fails = "Error: unknown flag: --x";
        host.attempt(3, 100, fails);
        host.attempt(4, 160, fails);
        assert_eq!(host.reasons(LastRun::Image, 999), [""; 0], "never ran");
        host.file(KUBELET, "x\n", 200);
        assert_eq!(host.reasons(LastRun::Image, 999), ["unknown flag: --x"]);
        host.file(KUBELET, "x\n", 2000);
        assert_eq!(host.reasons(LastRun::Image, 9999), [""; 0]);
    }
}
