//! The monitor: evaluates the host when something may have changed, and carries out what
//! [`crate::monitor`] decides.
//!
//! One thread waits for file events of the kernel, for signals of systemd, for requests over D-Bus, and for
//! its own timers. Events that follow each other closely lead to one evaluation. If something fails (the
//! bus, the journal, inotify, writing a file), the monitor logs that, works without it, and tries again.

mod blame;
mod bus;
pub(crate) mod client;
mod notifier;
mod reconcile;
pub(crate) mod service;
mod signals;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::sys::signal::Signal;
use sd_notify::NotifyState;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::configuration::Configuration;
use crate::host::HostRoot;
use crate::host::mount_events::MountEvents;
use crate::host::state::{self, State};
use crate::host::systemd_bus::BusError;
use crate::host::systemd_bus::manage::{self, SystemdSignal};
use crate::host::watch::{Changes, Watch};
use crate::monitor::{JobEvent, PersistedState};
use crate::rke2::role::Role;
use bus::{Bus, BusEvent};
use notifier::Notifier;
use service::{Request, Shared};
use signals::Signals;

/// An evaluation begins when nothing has changed for this long.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// The longest that continuous changes postpone an evaluation.
const MAX_DEBOUNCE: Duration = Duration::from_millis(300);
/// Evaluations in a row that may follow because an evaluation read more files than were watched.
const MAX_REPEATS: u32 = 5;
/// The directory of the bus's socket.
const BUS: &str = "/run/dbus";
/// D-Bus requests that may wait.
const MAX_REQUESTS: usize = 64;
/// Job events that are kept while systemd cannot be asked what a unit does: the newest.
const MAX_EVENTS: usize = 256;

/// An event that the monitor handles.
enum Event {
    Files(io::Result<Changes>),
    Mounts(io::Result<()>),
    Bus(BusEvent),
    Request(Request),
    Hangup,
    End,
    Watchdog,
    Connect,
    Reconcile,
}

/// A job event that no evaluation has processed yet.
struct PendingJobEvent {
    role: Role,
    event: JobEvent,
    /// Whether it was read after systemd had been asked what the unit does. It may be newer than the
    /// answer.
    is_late: bool,
}

/// The monitor.
struct Daemon {
    root: HostRoot,
    state: State,
    configuration: Configuration,
    watch: Option<Watch>,
    /// Reports changes of mounts, while a unit is blocked.
    mounts: Option<MountEvents>,
    bus: Bus,
    shared: Shared,
    requests: mpsc::Receiver<Request>,
    notifier: Notifier,
    signals: Signals,
    /// `WATCHDOG_USEC=`, if systemd expects notifications.
    watchdog: Option<Duration>,
    /// When the watchdog is next notified.
    next_watchdog: Instant,
    /// Whether it is known when this userspace began.
    is_dated: bool,
    /// The persisted state of each unit.
    persisted: BTreeMap<Role, PersistedState>,
    /// Since when this process runs, in microseconds since 1970.
    since: u64,
    /// When the next evaluation begins, at the latest.
    due: Instant,
    /// When the first change that waits for an evaluation occurred.
    debounce_since: Option<Instant>,
    /// Paths for which the kernel has reported a change since the last evaluation.
    changed: BTreeSet<PathBuf>,
    /// D-Bus callers that wait for the next evaluation.
    waiting: Vec<oneshot::Sender<()>>,
    /// D-Bus callers that requested a start, by the unit's name.
    resumes: Vec<(String, oneshot::Sender<Result<(), String>>)>,
    /// Jobs that the monitor requested, by their object paths: they are no manual starts or stops.
    own_jobs: BTreeSet<String>,
    /// Job events since the last evaluation.
    job_events: VecDeque<PendingJobEvent>,
    /// Evaluations in a row that followed because there was more to watch.
    repeats: u32,
    /// The content of the metrics file except the time, and when it was written.
    metrics: (String, u64),
}

/// Runs the monitor until a signal ends it.
pub(crate) fn run() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        let mut daemon = Daemon::new()?;
        daemon.run().await;
        Notifier::notify(&[NotifyState::Stopping]);
        daemon.notifier.close().await;
        Ok(())
    });
    runtime.shutdown_background();
    ended
}

impl Daemon {
    fn new() -> io::Result<Self> {
        let now = Instant::now();
        let (sender, requests) = mpsc::channel(MAX_REQUESTS);
        let mut notifier = Notifier::new();
        let watch = match Watch::new() {
            Ok(watch) => Some(watch),
            Err(error) => {
                let text =
                    format!("{error}; changes are detected only at the next periodic evaluation");
                notifier.set_trouble("inotify", Some(text));
                None
            }
        };
        Ok(Self {
            root: HostRoot::traced(),
            state: State::default(),
            configuration: Configuration::default(),
            watch,
            mounts: None,
            bus: Bus::new(),
            shared: Shared::new(sender),
            requests,
            notifier,
            signals: Signals::new()?,
            watchdog: sd_notify::watchdog_enabled(),
            next_watchdog: now,
            is_dated: false,
            persisted: BTreeMap::new(),
            since: state::now(),
            due: now,
            debounce_since: None,
            changed: BTreeSet::new(),
            waiting: Vec::new(),
            resumes: Vec::new(),
            own_jobs: BTreeSet::new(),
            job_events: VecDeque::new(),
            repeats: 0,
            metrics: (String::new(), 0),
        })
    }

    async fn run(&mut self) {
        // The first evaluation waits for the bus.
        self.bus.connect(&self.shared);
        let event = Event::Bus(self.bus.next().await);
        self.handle(event).await;
        loop {
            match self.next().await {
                Event::End => return,
                event => self.handle(event).await,
            }
        }
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Files(Ok(changes)) => {
                if changes.paths.iter().any(|path| path.starts_with(BUS)) {
                    self.bus.retry_now(Instant::now());
                }
                self.changed.extend(changes.paths);
                self.shared.change_counter().fetch_add(1, Ordering::Relaxed);
                self.schedule();
            }
            Event::Files(Err(error)) => {
                self.watch = None;
                let text =
                    format!("{error}; changes are detected only at the next periodic evaluation");
                self.notifier.set_trouble("inotify", Some(text));
            }
            Event::Mounts(Ok(())) => {
                self.shared.change_counter().fetch_add(1, Ordering::Relaxed);
                self.schedule();
            }
            Event::Mounts(Err(error)) => {
                self.mounts = None;
                self.notifier.set_trouble("mounts", Some(error.to_string()));
            }
            Event::Bus(BusEvent::Signal(signal)) => self.handle_signal(signal, false).await,
            Event::Request(Request::Check(reply)) => {
                self.waiting.push(reply);
                self.schedule();
            }
            Event::Request(Request::Resume(unit, reply)) => {
                self.resumes.push((unit, reply));
                self.schedule();
            }
            Event::Hangup => {
                Notifier::notify(&[NotifyState::Reloading]);
                self.reconcile().await;
                Notifier::notify(&[NotifyState::Ready]);
            }
            Event::End => {}
            Event::Watchdog => self.notify_watchdog(),
            Event::Connect => self.bus.connect(&self.shared),
            Event::Bus(BusEvent::Attempted(Ok(session))) => {
                self.state.since(session.userspace);
                if !self.is_dated {
                    // State read before that was known may be of another userspace.
                    self.persisted.clear();
                    self.is_dated = true;
                }
                self.bus.adopt(session);
                // Signals before this connection were missed.
                self.schedule();
            }
            Event::Bus(BusEvent::Attempted(Err(error))) => {
                self.bus.disconnect(&error, Instant::now());
                self.notifier.set_trouble("D-Bus", self.bus.trouble.clone());
            }
            Event::Reconcile => self.reconcile().await,
        }
    }

    /// Waits for the next event. The events that occur meanwhile are not lost.
    async fn next(&mut self) -> Event {
        let retry = self.bus.retry();
        let files = async {
            match &mut self.watch {
                Some(watch) => watch.changed().await,
                None => std::future::pending().await,
            }
        };
        let mounts = async {
            match &mut self.mounts {
                Some(mounts) => mounts.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            signal = self.signals.next() => match signal {
                Signal::SIGHUP => Event::Hangup,
                _ => Event::End,
            },
            () = sleep_until(self.next_watchdog), if self.watchdog.is_some() => Event::Watchdog,
            () = sleep_until(retry.unwrap_or(self.due)), if retry.is_some() => Event::Connect,
            () = sleep_until(self.due) => Event::Reconcile,
            event = self.bus.next() => Event::Bus(event),
            changes = files => Event::Files(changes),
            changed = mounts => Event::Mounts(changed),
            Some(request) = self.requests.recv() => Event::Request(request),
        }
    }

    /// Schedules an evaluation after a change.
    fn schedule(&mut self) {
        let now = Instant::now();
        let first = *self.debounce_since.get_or_insert(now);
        self.due = (now + DEBOUNCE).min(first + MAX_DEBOUNCE);
    }

    /// Notifies systemd's watchdog if it is time. To be called between the steps of everything that may
    /// take long.
    fn notify_watchdog(&mut self) {
        let Some(after) = self.watchdog else {
            return;
        };
        let now = Instant::now();
        if now >= self.next_watchdog {
            Notifier::notify(&[NotifyState::Watchdog]);
            self.next_watchdog = now + after / 2;
        }
    }

    async fn handle_signal(&mut self, signal: SystemdSignal, is_late: bool) {
        match signal {
            SystemdSignal::Changed => {}
            SystemdSignal::Restarted => {
                if let Some(connection) = self.bus.connection().cloned()
                    && let Err(error) = manage::subscribe(&connection).await
                {
                    self.bus.record_error(&error, Instant::now());
                }
            }
            SystemdSignal::Disconnected => {
                let reason = "the bus closed it".to_owned();
                let error = BusError::Disconnected { reason };
                self.bus.disconnect(&error, Instant::now());
            }
            SystemdSignal::JobNew { job, unit } => {
                self.queue_job_event(&unit, JobEvent::New { job }, is_late);
            }
            SystemdSignal::JobRemoved { job, unit, result } => {
                let at = state::monotonic();
                self.queue_job_event(&unit, JobEvent::Removed { job, result, at }, is_late);
            }
        }
        self.schedule();
    }

    /// Keeps a job event for the next evaluation, which asks systemd what the unit does now.
    fn queue_job_event(&mut self, unit: &str, event: JobEvent, is_late: bool) {
        if let Some(role) = Role::of_unit(unit) {
            if self.job_events.len() >= MAX_EVENTS {
                self.job_events.pop_front();
            }
            self.job_events.push_back(PendingJobEvent {
                role,
                event,
                is_late,
            });
        }
    }

    /// Watches the mounts while a unit is blocked, which a change of one may release. While RKE2 runs, each pod makes
    /// some, and none of them matters before the next periodic evaluation.
    fn watch_mounts(&mut self, is_blocked: bool) {
        if !is_blocked {
            self.mounts = None;
            self.notifier.set_trouble("mounts", None);
        } else if self.mounts.is_none() {
            let trouble = match MountEvents::new() {
                Ok(mounts) => {
                    self.mounts = Some(mounts);
                    // What changed before this was not reported.
                    self.schedule();
                    None
                }
                Err(error) => Some(format!(
                    "{error}; changes of mounts are detected only at the next periodic evaluation"
                )),
            };
            self.notifier.set_trouble("mounts", trouble);
        }
    }

    /// Watches the files that were read, and evaluates once more if they are more than before: what changed in
    /// the meantime was not reported.
    fn watch_read_files(&mut self) {
        let trace = self.root.take_trace();
        let blocks = self.state.blocks();
        let more = match &mut self.watch {
            Some(watch) => {
                let more = watch.follow(
                    &trace,
                    &[&blocks, Path::new(BUS)],
                    Path::new(state::DIRECTORY),
                );
                let trouble = watch.trouble().map(str::to_owned);
                self.notifier.set_trouble("inotify", trouble);
                more
            }
            None => false,
        };
        self.repeats = if more { self.repeats + 1 } else { 0 };
        if more && self.repeats < MAX_REPEATS {
            self.schedule();
        }
    }
}

/// Writes the persisted state of a unit.
fn persist(state: &State, notifier: &mut Notifier, unit: &str, persisted: &PersistedState) {
    let written = state.write_persisted(unit, persisted);
    notifier.set_trouble("state", written.err().map(|error| error.to_string()));
}
