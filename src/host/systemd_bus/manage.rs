//! Hearing of systemd what happens to units, and having it start and stop one.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_core::Stream as _;
use tokio::sync::Notify;
use zbus::match_rule::Builder;
use zbus::names::{BusName, UniqueName};
use zbus::proxy::CacheProperties;
use zbus::{Connection, MatchRule, Message, MessageStream, fdo, message};

use super::{BusError, Properties, SERVICE, SYSTEMD, UNIT, manager, named, of_bus};
use crate::monitor::{LastStart, gate_end};

/// How long systemd may take to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// The name under which the bus itself sends. No client can send under it: the bus fills in the sender.
const BUS: &str = "org.freedesktop.DBus";
/// Started or reached once in each userspace, before any gate: reached anew after `systemctl soft-reboot`.
const SYSINIT: &str = "sysinit.target";

/// What systemd tells by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SystemdSignal {
    /// A unit, or what systemd knows of unit files, has changed.
    Changed,
    /// A unit has a new job.
    JobNew {
        /// The job's object path.
        job: String,
        /// The unit.
        unit: String,
    },
    /// A job of a unit has ended.
    JobRemoved {
        /// The job's object path.
        job: String,
        /// The unit.
        unit: String,
        /// `done`, `dependency`, `canceled` and the like.
        result: String,
    },
    /// systemd has come back on the bus: it has to be subscribed to again.
    Restarted,
    /// The connection has ended.
    Disconnected,
}

/// The object path of a unit, as systemd escapes it (`bus_label_escape()`).
pub(crate) fn unit_path(unit: &str) -> String {
    let mut path = "/org/freedesktop/systemd1/unit/".to_owned();
    path.push_str(&label(unit));
    path
}

/// A name as one element of an object path: what is not a letter or digit as `_` and two hexadecimal
/// digits, and a digit in front likewise.
pub(crate) fn label(name: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        if byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit()) {
            out.push(char::from(byte));
        } else {
            // A string takes everything.
            let _ = write!(out, "_{byte:02x}");
        }
    }
    out
}

/// Events about jobs that may wait. The newest are kept: what they tell of a unit replaces what the
/// older ones told.
const MOST_JOBS: usize = 256;

/// What systemd has told and nobody has read yet. It does not grow without bound: any number of
/// [`SystemdSignal::Changed`] is kept as one, and of jobs the newest `MOST_JOBS`.
#[derive(Debug)]
pub(crate) struct SignalQueue {
    waiting: Mutex<VecDeque<SystemdSignal>>,
    ready: Notify,
    /// Counted up by everything that arrives.
    arrived: Arc<AtomicU64>,
}

impl SignalQueue {
    /// An empty one, which counts `arrived` up whenever something arrives.
    pub(crate) fn new(arrived: Arc<AtomicU64>) -> Self {
        Self {
            waiting: Mutex::default(),
            ready: Notify::new(),
            arrived,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<SystemdSignal>> {
        // What a thread that panicked has left is a whole queue all the same.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, signal: SystemdSignal) {
        let mut waiting = self.waiting();
        match signal {
            SystemdSignal::JobNew { .. } | SystemdSignal::JobRemoved { .. } => {
                if waiting.len() >= MOST_JOBS {
                    let is_job = |signal: &SystemdSignal| {
                        matches!(
                            signal,
                            SystemdSignal::JobNew { .. } | SystemdSignal::JobRemoved { .. }
                        )
                    };
                    if let Some(oldest) = waiting.iter().position(is_job) {
                        waiting.remove(oldest);
                    }
                }
                waiting.push_back(signal);
            }
            SystemdSignal::Changed | SystemdSignal::Restarted | SystemdSignal::Disconnected => {
                if !waiting.contains(&signal) {
                    waiting.push_back(signal);
                }
            }
        }
        drop(waiting);
        self.arrived.fetch_add(1, Ordering::Relaxed);
        self.ready.notify_one();
    }

    /// The next, if there is one.
    pub(crate) fn try_next(&self) -> Option<SystemdSignal> {
        self.waiting().pop_front()
    }

    /// Waits for the next. Nothing is lost if this is not waited for to the end.
    pub(crate) async fn next(&self) -> SystemdSignal {
        loop {
            if let Some(signal) = self.try_next() {
                return signal;
            }
            self.ready.notified().await;
        }
    }
}

/// Whose signals count. On a bus any user may send any signal to any connection, but not under
/// another's unique name: the bus fills in the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Senders {
    /// There is no bus in between, and nobody but the peer.
    Peer,
    /// The bus itself, and the connection that owns systemd's name; `None` while nobody does.
    Bus(Option<String>),
}

impl Senders {
    fn is_bus(&self, sender: Option<&str>) -> bool {
        match self {
            Self::Peer => true,
            Self::Bus(_) => sender == Some(BUS),
        }
    }

    fn is_systemd(&self, sender: Option<&str>) -> bool {
        match self {
            Self::Peer => true,
            Self::Bus(owner) => owner.is_some() && owner.as_deref() == sender,
        }
    }
}

/// Has systemd tell of these units, and passes on what it tells; what others send is dropped. To be
/// called from within a runtime; what was asked for ends with the connection.
pub(crate) async fn listen(
    connection: &Connection,
    units: &[&str],
    to: Arc<SignalQueue>,
) -> Result<(), BusError> {
    let stream = MessageStream::from(connection);
    let mut senders = Senders::Peer;
    if connection.is_bus() {
        let bus = fdo::DBusProxy::new(connection)
            .await
            .map_err(|error| of_bus(error, SYSTEMD))?;
        for rule in rules(units).map_err(|error| of_bus(error, SYSTEMD))? {
            bus.add_match_rule(rule)
                .await
                .map_err(|error| of_bus(zbus::Error::from(error), SYSTEMD))?;
        }
        // Changes of the owner are heard from here on.
        senders = Senders::Bus(owner(&bus).await?);
    }
    // Read without a pause: what nobody reads would hold up the answers to questions.
    tokio::spawn(forward(stream, senders, to));
    subscribe(connection).await
}

/// The connection that owns systemd's name.
async fn owner(bus: &fdo::DBusProxy<'_>) -> Result<Option<String>, BusError> {
    let name = BusName::from_static_str(SYSTEMD).map_err(|error| of_bus(error, SYSTEMD))?;
    match bounded(bus.get_name_owner(name)).await? {
        Ok(owner) => Ok(Some(owner.to_string())),
        Err(fdo::Error::NameHasNoOwner(_)) => Ok(None),
        Err(error) => Err(named(error, SYSTEMD)),
    }
}

/// When this userspace began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Userspace {
    /// In microseconds of the monotonic clock.
    pub monotonic: u64,
    /// In microseconds since 1970, as the clock was then.
    pub realtime: u64,
}

/// When this userspace began: at boot, or at the last `systemctl soft-reboot`. systemd 257 and 262 take
/// `UserspaceTimestampMonotonic` anew at a soft reboot and keep it over `daemon-reexec` (measured). That
/// the releases between do so too is not relied on: they reach sysinit.target anew in any case.
pub(crate) async fn userspace(connection: &Connection) -> Result<Userspace, BusError> {
    let manager = manager(connection).await?;
    let (realtime, monotonic, sysinit) = tokio::join!(
        bounded(manager.userspace_timestamp()),
        bounded(manager.userspace_timestamp_monotonic()),
        properties(connection, SYSINIT, false)
    );
    let failed = |error| of_bus(error, SYSTEMD);
    let (mut sysinit, _) = sysinit?;
    let reached: u64 = sysinit.take_or_default("ActiveEnterTimestampMonotonic")?;
    let reached_at: u64 = sysinit.take_or_default("ActiveEnterTimestamp")?;
    Ok(Userspace {
        monotonic: monotonic?.map_err(failed)?.max(reached),
        realtime: realtime?.map_err(failed)?.max(reached_at),
    })
}

/// What systemd remembers of the last run of the gate before a unit that is down, and of the unit.
pub(crate) async fn last_start(connection: &Connection, unit: &str) -> Result<LastStart, BusError> {
    let gate = gate_of(unit);
    let (of_unit, of_gate) = tokio::join!(
        properties(connection, unit, true),
        properties(connection, &gate, true)
    );
    let (mut unit, mut service) = of_unit?;
    let (mut gate, mut gate_service) = of_gate?;
    let active_state: String = gate.take("ActiveState")?;
    Ok(LastStart {
        gate_began: gate.take_or_default("InactiveExitTimestampMonotonic")?,
        gate_began_at: gate.take_or_default("InactiveExitTimestamp")?,
        gate_ended: gate.take_or_default("InactiveEnterTimestampMonotonic")?,
        gate: gate_end(
            &active_state,
            gate_service.take_or_default("ExecMainCode")?,
            gate_service.take_or_default("ExecMainStatus")?,
        ),
        down_since: unit.take_or_default("InactiveEnterTimestampMonotonic")?,
        main_started: service.take_or_default("ExecMainStartTimestampMonotonic")?,
    })
}

/// The gate's unit before a unit.
pub(crate) fn gate_of(unit: &str) -> String {
    let instance = unit.strip_suffix(".service").unwrap_or(unit);
    format!("preflight-rke2-gate@{instance}.service")
}

/// The properties of a unit, and where it is a service those of a service.
async fn properties(
    connection: &Connection,
    unit: &str,
    is_service: bool,
) -> Result<(Properties, Properties), BusError> {
    let proxy = fdo::PropertiesProxy::builder(connection)
        .destination(SYSTEMD)
        .path(unit_path(unit))
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .map_err(|error| of_bus(error, unit))?;
    let of_service = async {
        if is_service {
            bounded(proxy.get_all(SERVICE)).await.map(Some)
        } else {
            Ok(None)
        }
    };
    let (of_unit, of_service) = tokio::join!(bounded(proxy.get_all(UNIT)), of_service);
    let of_unit = of_unit?.map_err(|error| named(error, unit))?;
    let of_service = match of_service? {
        Some(all) => all.map_err(|error| named(error, unit))?,
        None => std::collections::HashMap::new(),
    };
    Ok((Properties(of_unit), Properties(of_service)))
}

/// Asks systemd for signals. To be done again where it has left the bus and come back.
pub(crate) async fn subscribe(connection: &Connection) -> Result<(), BusError> {
    let manager = manager(connection).await?;
    match bounded(manager.subscribe()).await? {
        Ok(()) => Ok(()),
        Err(zbus::Error::MethodError(name, ..))
            if name.as_str() == "org.freedesktop.systemd1.AlreadySubscribed" =>
        {
            Ok(())
        }
        Err(error) => Err(of_bus(error, SYSTEMD)),
    }
}

/// Starts a unit, as `systemctl start` does; the job's object path. That the job was taken on says
/// nothing of how it will end.
pub(crate) async fn start(connection: &Connection, unit: &str) -> Result<String, BusError> {
    let manager = manager(connection).await?;
    let job = bounded(manager.start_unit(unit, "replace")).await?;
    job.map(|job| job.to_string())
        .map_err(|error| of_bus(error, unit))
}

/// Stops a unit, as `systemctl stop` does; the job's object path.
pub(crate) async fn stop(connection: &Connection, unit: &str) -> Result<String, BusError> {
    let manager = manager(connection).await?;
    let job = bounded(manager.stop_unit(unit, "replace")).await?;
    job.map(|job| job.to_string())
        .map_err(|error| of_bus(error, unit))
}

/// An answer within [`PATIENCE`].
async fn bounded<T>(answer: impl Future<Output = T>) -> Result<T, BusError> {
    tokio::time::timeout(PATIENCE, answer)
        .await
        .map_err(|_| BusError::TimedOut { after: PATIENCE })
}

/// What the bus is to pass on to us.
fn rules<'a>(units: &[&'a str]) -> zbus::Result<Vec<MatchRule<'a>>> {
    let of_systemd = || {
        let signals = MatchRule::builder().msg_type(message::Type::Signal);
        signals.sender(SYSTEMD)
    };
    let of_manager = |member| {
        let of_manager = of_systemd().interface("org.freedesktop.systemd1.Manager");
        of_manager.member(member)
    };
    let mut rules = vec![
        of_manager("Reloading"),
        of_manager("UnitFilesChanged"),
        MatchRule::builder()
            .msg_type(message::Type::Signal)
            .sender("org.freedesktop.DBus")
            .member("NameOwnerChanged")
            .arg(0, SYSTEMD),
    ];
    for unit in units {
        rules.push(of_manager("JobNew").arg(2, *unit));
        rules.push(of_manager("JobRemoved").arg(2, *unit));
        let properties = of_systemd().interface("org.freedesktop.DBus.Properties");
        rules.push(properties.path(unit_path(unit)));
    }
    rules.into_iter().map(Builder::build).collect()
}

async fn forward(mut stream: MessageStream, mut senders: Senders, to: Arc<SignalQueue>) {
    while let Some(message) = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
        let signal = message
            .ok()
            .and_then(|message| signal_of(&message, &mut senders));
        if let Some(signal) = signal {
            to.push(signal);
        }
        // Nobody is left to listen.
        if Arc::strong_count(&to) == 1 {
            return;
        }
    }
    to.push(SystemdSignal::Disconnected);
}

/// What a message tells, if it is a signal of systemd's or of the bus.
fn signal_of(message: &Message, senders: &mut Senders) -> Option<SystemdSignal> {
    if message.message_type() != message::Type::Signal {
        return None;
    }
    let header = message.header();
    let sender = header.sender().map(UniqueName::as_str);
    let member = header.member()?.as_str();
    if member == "NameOwnerChanged" {
        if !senders.is_bus(sender) {
            return None;
        }
        let (name, _, owner): (String, String, String) = message.body().deserialize().ok()?;
        if name != SYSTEMD {
            return None;
        }
        let has_come = !owner.is_empty();
        if let Senders::Bus(systemd) = senders {
            *systemd = has_come.then_some(owner);
        }
        return has_come.then_some(SystemdSignal::Restarted);
    }
    if !senders.is_systemd(sender) {
        return None;
    }
    match member {
        "JobNew" => {
            let (_, job, unit): (u32, zbus::OwnedObjectPath, String) =
                message.body().deserialize().ok()?;
            let job = job.to_string();
            Some(SystemdSignal::JobNew { job, unit })
        }
        "JobRemoved" => {
            let (_, job, unit, result): (u32, zbus::OwnedObjectPath, String, String) =
                message.body().deserialize().ok()?;
            Some(SystemdSignal::JobRemoved {
                job: job.to_string(),
                unit,
                result,
            })
        }
        "PropertiesChanged" | "Reloading" | "UnitFilesChanged" => Some(SystemdSignal::Changed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_has_its_path() {
        assert_eq!(
            unit_path("rke2-server.service"),
            "/org/freedesktop/systemd1/unit/rke2_2dserver_2eservice"
        );
        assert_eq!(label("2a"), "_32a");
        assert_eq!(label("ä"), "_c3_a4");
    }

    #[test]
    fn the_bus_is_asked_for_no_more_than_is_needed() {
        let rules = rules(&["rke2-server.service"]).unwrap();
        let texts: Vec<String> = rules.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 6);
        for rule in &texts[3..5] {
            assert!(rule.contains("arg2='rke2-server.service'"), "{texts:?}");
        }
        assert!(texts[5].contains("rke2_2dserver_2eservice"), "{texts:?}");
    }

    const MANAGER: &str = "org.freedesktop.systemd1.Manager";

    fn signal<B: serde::Serialize + zbus::Type>(
        sender: &'static str,
        interface: &'static str,
        member: &'static str,
        body: &B,
    ) -> Message {
        Message::signal("/org/freedesktop/systemd1", interface, member)
            .sender(UniqueName::from_static_str_unchecked(sender))
            .build(body)
            .unwrap()
    }

    fn removed(sender: &'static str) -> Message {
        let job = zbus::ObjectPath::from_static_str_unchecked("/org/freedesktop/systemd1/job/7");
        let body = (7_u32, job, "rke2-server.service", "done");
        signal(sender, MANAGER, "JobRemoved", &body)
    }

    fn moved(sender: &'static str, name: &str, to: &str) -> Message {
        signal(sender, BUS, "NameOwnerChanged", &(name, "", to))
    }

    #[test]
    fn only_systemd_and_the_bus_are_believed() {
        let mut senders = Senders::Bus(Some(":1.0".to_owned()));
        assert!(signal_of(&removed(":1.0"), &mut senders).is_some());
        for other in [":1.00", ":1.7", BUS] {
            assert_eq!(signal_of(&removed(other), &mut senders), None, "{other}");
        }
        let reload = |sender| signal(sender, MANAGER, "Reloading", &(true));
        assert_eq!(
            signal_of(&reload(":1.0"), &mut senders),
            Some(SystemdSignal::Changed)
        );
        assert_eq!(signal_of(&reload(":1.7"), &mut senders), None);

        // Another cannot make itself systemd, nor a name of its own pass for systemd's.
        assert_eq!(
            signal_of(&moved(":1.7", SYSTEMD, ":1.7"), &mut senders),
            None
        );
        assert_eq!(
            signal_of(&moved(":1.0", SYSTEMD, ":1.7"), &mut senders),
            None
        );
        assert_eq!(
            signal_of(&moved(BUS, "org.example", ":1.7"), &mut senders),
            None
        );
        assert_eq!(signal_of(&removed(":1.7"), &mut senders), None);

        // The bus can: systemd leaves, and comes back as another connection.
        assert_eq!(signal_of(&moved(BUS, SYSTEMD, ""), &mut senders), None);
        assert_eq!(senders, Senders::Bus(None));
        assert_eq!(signal_of(&removed(":1.0"), &mut senders), None);
        let back = signal_of(&moved(BUS, SYSTEMD, ":1.9"), &mut senders);
        assert_eq!(back, Some(SystemdSignal::Restarted));
        assert_eq!(signal_of(&removed(":1.0"), &mut senders), None);
        assert!(signal_of(&removed(":1.9"), &mut senders).is_some());
    }

    #[test]
    fn a_queue_does_not_grow_without_bound() {
        let arrived = Arc::new(AtomicU64::new(0));
        let queue = SignalQueue::new(Arc::clone(&arrived));
        for _ in 0..100_000 {
            queue.push(SystemdSignal::Changed);
            queue.push(SystemdSignal::Restarted);
        }
        for number in 0..100_000_u32 {
            queue.push(SystemdSignal::JobNew {
                job: number.to_string(),
                unit: String::new(),
            });
        }
        assert_eq!(arrived.load(Ordering::Relaxed), 300_000);
        let mut jobs = Vec::new();
        let mut others = 0;
        while let Some(signal) = queue.try_next() {
            match signal {
                SystemdSignal::JobNew { job, .. } => jobs.push(job),
                _ => others += 1,
            }
        }
        assert_eq!(others, 2);
        assert!((MOST_JOBS - 2..=MOST_JOBS).contains(&jobs.len()));
        assert_eq!(jobs.last().unwrap(), "99999", "the newest are kept");
    }
}
