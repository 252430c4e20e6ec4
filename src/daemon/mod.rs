//! The monitor: looks when something may have changed, and does what [`crate::monitor`] says.
//!
//! One thread waits for the kernel to tell of files, for systemd to tell of units, for questions over
//! D-Bus, and for its own clocks; what comes close together is looked at once. Whatever it lacks (the
//! bus, the journal, inotify, a file it may not write) it does without, says so, and tries again.

pub(crate) mod ask;
mod bus;
mod look;
pub(crate) mod service;
mod setter;
mod signals;
mod tell;

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
use crate::host::state::{self, State};
use crate::host::systemd_bus::BusError;
use crate::host::systemd_bus::manage::{self, Told};
use crate::host::watch::{Changes, Watch};
use crate::monitor::{JobEvent, Memory};
use crate::rke2::role::Role;
use bus::Bus;
use service::{Command, Shared};
use signals::Signals;
use tell::Teller;

/// After something has changed, so long nothing else must for a look.
const QUIET: Duration = Duration::from_millis(100);
/// It is looked after so long all the same.
const RESTLESS: Duration = Duration::from_millis(300);
/// Looks in a row because there was more to watch than before.
const REPEATS: u32 = 5;
/// Where the bus has its socket.
const BUS: &str = "/run/dbus";
/// Questions over D-Bus that may wait.
const QUESTIONS: usize = 64;
/// Events about jobs that are kept where systemd cannot be asked what a unit does now: the newest.
const MOST_EVENTS: usize = 256;

/// What can happen.
enum Event {
    Files(io::Result<Changes>),
    Bus(bus::Event),
    Asked(Command),
    Hangup,
    End,
    Watchdog,
    Connect,
    Look,
}

/// Something heard of a job.
struct Heard {
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
    bus: Bus,
    shared: Shared,
    asked: mpsc::Receiver<Command>,
    teller: Teller,
    signals: Signals,
    watchdog: Option<Duration>,
    /// When systemd is next told that we live.
    pet: Instant,
    /// Whether it is known when this userspace began.
    is_dated: bool,
    /// What is remembered of each unit.
    memories: BTreeMap<Role, Memory>,
    /// Since when this process runs, in microseconds since 1970.
    since: u64,
    /// When to look, at the latest.
    due: Instant,
    /// Since when something waits for that.
    restless: Option<Instant>,
    /// What the kernel told of since the last look.
    changed: BTreeSet<PathBuf>,
    /// Who waits for the next look.
    waiting: Vec<oneshot::Sender<()>>,
    /// Who wants a unit to be started with the next look.
    resumes: Vec<(String, oneshot::Sender<Result<(), String>>)>,
    /// Jobs of ours, by their object paths: what comes of them is no person's doing.
    jobs: BTreeSet<String>,
    /// What was heard of the units' jobs since the last look.
    heard: VecDeque<Heard>,
    /// Looks in a row because there was more to watch.
    repeats: u32,
    /// What the file of metrics last held, but for the time; and when it was written.
    metrics: (String, u64),
}

/// Runs the monitor until it is told to end.
pub(crate) fn run() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        let mut daemon = Daemon::new()?;
        daemon.live().await;
        Teller::notify(&[NotifyState::Stopping]);
        daemon.teller.end().await;
        Ok(())
    });
    runtime.shutdown_background();
    ended
}

impl Daemon {
    fn new() -> io::Result<Self> {
        let now = Instant::now();
        let (commands, asked) = mpsc::channel(QUESTIONS);
        let mut teller = Teller::new();
        let watch = match Watch::new() {
            Ok(watch) => Some(watch),
            Err(error) => {
                let text = format!("{error}; changes are noticed at the next look only");
                teller.trouble("inotify", Some(text));
                None
            }
        };
        Ok(Self {
            root: HostRoot::traced(),
            state: State::default(),
            configuration: Configuration::default(),
            watch,
            bus: Bus::new(),
            shared: Shared::new(commands),
            asked,
            teller,
            signals: Signals::new()?,
            watchdog: sd_notify::watchdog_enabled(),
            pet: now,
            is_dated: false,
            memories: BTreeMap::new(),
            since: state::now(),
            due: now,
            restless: None,
            changed: BTreeSet::new(),
            waiting: Vec::new(),
            resumes: Vec::new(),
            jobs: BTreeSet::new(),
            heard: VecDeque::new(),
            repeats: 0,
            metrics: (String::new(), 0),
        })
    }

    async fn live(&mut self) {
        // The first look is to be made with all there is to be known.
        self.bus.connect(&self.shared);
        let event = Event::Bus(self.bus.next().await);
        self.take(event).await;
        loop {
            match self.next().await {
                Event::End => return,
                event => self.take(event).await,
            }
        }
    }

    async fn take(&mut self, event: Event) {
        match event {
            Event::Files(Ok(changes)) => {
                if changes.paths.iter().any(|path| path.starts_with(BUS)) {
                    self.bus.hurry(Instant::now());
                }
                self.changed.extend(changes.paths);
                self.shared.told().fetch_add(1, Ordering::Relaxed);
                self.soon();
            }
            Event::Files(Err(error)) => {
                self.watch = None;
                let text = format!("{error}; changes are noticed at the next look only");
                self.teller.trouble("inotify", Some(text));
            }
            Event::Bus(bus::Event::Told(told)) => self.told(told, false).await,
            Event::Asked(Command::Check(reply)) => {
                self.waiting.push(reply);
                self.soon();
            }
            Event::Asked(Command::Resume(unit, reply)) => {
                self.resumes.push((unit, reply));
                self.soon();
            }
            Event::Hangup => {
                Teller::notify(&[NotifyState::Reloading]);
                self.look().await;
                Teller::notify(&[NotifyState::Ready]);
            }
            Event::End => {}
            Event::Watchdog => self.alive(),
            Event::Connect => self.bus.connect(&self.shared),
            Event::Bus(bus::Event::Attempted(Ok(made))) => {
                self.state.since(made.userspace);
                if !self.is_dated {
                    // What was read before that was known may be of another userspace.
                    self.memories.clear();
                    self.is_dated = true;
                }
                self.bus.take(made);
                // Nobody knows what was missed.
                self.soon();
            }
            Event::Bus(bus::Event::Attempted(Err(error))) => {
                self.bus.lose(&error, Instant::now());
                self.teller.trouble("D-Bus", self.bus.trouble.clone());
            }
            Event::Look => self.look().await,
        }
    }

    /// Waits for whatever happens first. Nothing is lost of what happens second.
    async fn next(&mut self) -> Event {
        let retry = self.bus.retry();
        let files = async {
            match &mut self.watch {
                Some(watch) => watch.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            signal = self.signals.next() => match signal {
                Signal::SIGHUP => Event::Hangup,
                _ => Event::End,
            },
            () = sleep_until(self.pet), if self.watchdog.is_some() => Event::Watchdog,
            () = sleep_until(retry.unwrap_or(self.due)), if retry.is_some() => Event::Connect,
            () = sleep_until(self.due) => Event::Look,
            event = self.bus.next() => Event::Bus(event),
            changes = files => Event::Files(changes),
            Some(command) = self.asked.recv() => Event::Asked(command),
        }
    }

    /// Something may have changed: a look once it has calmed down, or has not for long.
    fn soon(&mut self) {
        let now = Instant::now();
        let first = *self.restless.get_or_insert(now);
        self.due = (now + QUIET).min(first + RESTLESS);
    }

    /// Tells systemd that we live, where it is time. Called between the steps of everything that may
    /// take long.
    fn alive(&mut self) {
        let Some(after) = self.watchdog else {
            return;
        };
        let now = Instant::now();
        if now >= self.pet {
            Teller::notify(&[NotifyState::Watchdog]);
            self.pet = now + after / 2;
        }
    }

    async fn told(&mut self, told: Told, is_late: bool) {
        match told {
            Told::Changed => {}
            Told::Restarted => {
                if let Some(connection) = self.bus.connection().cloned()
                    && let Err(error) = manage::subscribe(&connection).await
                {
                    self.bus.failed(&error, Instant::now());
                }
            }
            Told::Disconnected => {
                let reason = "the bus closed it".to_owned();
                let error = BusError::Disconnected { reason };
                self.bus.lose(&error, Instant::now());
            }
            Told::JobNew { job, unit } => self.heard(&unit, JobEvent::New { job }, is_late),
            Told::JobRemoved { job, unit, result } => {
                let at = state::monotonic();
                self.heard(&unit, JobEvent::Removed { job, result, at }, is_late);
            }
        }
        self.soon();
    }

    /// Keeps what was heard of a job for the next look, which asks what the unit does now.
    fn heard(&mut self, unit: &str, event: JobEvent, is_late: bool) {
        if let Some(role) = Role::of_unit(unit) {
            if self.heard.len() >= MOST_EVENTS {
                self.heard.pop_front();
            }
            self.heard.push_back(Heard {
                role,
                event,
                is_late,
            });
        }
    }

    /// Watches what was read, and looks once more if that is more than before.
    fn follow(&mut self) {
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
                self.teller.trouble("inotify", trouble);
                more
            }
            None => false,
        };
        self.repeats = if more { self.repeats + 1 } else { 0 };
        if more && self.repeats < REPEATS {
            self.soon();
        }
    }
}

/// Writes what is remembered of a unit.
fn remember(state: &State, teller: &mut Teller, unit: &str, memory: &Memory) {
    let written = state.write_memory(unit, memory);
    teller.trouble("state", written.err().map(|error| error.to_string()));
}
