//! Signals of systemd about units, and starting and stopping a unit.

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
use zbus::{Connection, MatchRule, Message, MessageStream, fdo, message};

use super::{BusError, Properties, SERVICE, SYSTEMD, UNIT, UnitObject, manager, named, of_bus};
use crate::monitor::{LastStart, gate_end};

/// How long systemd may take to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// The sender of the bus's own signals. No client can use it: the bus sets the sender.
const BUS: &str = "org.freedesktop.DBus";
/// Reached once in each userspace, before any gate, and again after `systemctl soft-reboot`.
const SYSINIT: &str = "sysinit.target";

/// A signal of systemd, or a change of the connection to it.
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
    /// systemd has returned to the bus, so that a new subscription is needed.
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

/// A name as one element of an object path: other characters than letters and digits, and a digit at the
/// start, as `_` and two hexadecimal digits.
pub(crate) fn label(name: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        if byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit()) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "_{byte:02x}");
        }
    }
    out
}

/// Job signals that may wait. The newest are kept: they supersede older ones of the same unit.
const MOST_JOBS: usize = 256;

/// Signals that have arrived and are not processed yet. Its size is bounded: it holds one
/// [`SystemdSignal::Changed`] at most, and the newest `MOST_JOBS` job signals.
#[derive(Debug)]
pub(crate) struct SignalQueue {
    waiting: Mutex<VecDeque<SystemdSignal>>,
    ready: Notify,
    /// Incremented by every signal that arrives.
    arrived: Arc<AtomicU64>,
}

impl SignalQueue {
    /// An empty queue that increments `arrived` with every signal.
    pub(crate) fn new(arrived: Arc<AtomicU64>) -> Self {
        Self {
            waiting: Mutex::default(),
            ready: Notify::new(),
            arrived,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<SystemdSignal>> {
        // A thread that panicked has left a valid queue all the same.
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

    /// The next signal, if there is one.
    pub(crate) fn try_next(&self) -> Option<SystemdSignal> {
        self.waiting().pop_front()
    }

    /// Waits for the next signal. Cancel safe.
    pub(crate) async fn next(&self) -> SystemdSignal {
        loop {
            if let Some(signal) = self.try_next() {
                return signal;
            }
            self.ready.notified().await;
        }
    }
}

/// The senders whose signals are accepted. On a bus any user may send any signal to any connection, but not
/// under the unique name of another: the bus sets the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Senders {
    /// There is no bus: the only sender is the peer.
    Peer,
    /// The bus itself, and the connection that owns systemd's name; `None` while it has no owner.
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

/// Subscribes to systemd's signals about these units, and forwards them to the queue. Signals of other
/// senders are dropped. To be called within a runtime; the subscription ends with the connection.
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
        // Changes of the owner are signalled from here on.
        senders = Senders::Bus(owner(&bus).await?);
    }
    // Read without a pause: unread signals would delay the replies to calls.
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

/// When this userspace began: at boot, or at the last `systemctl soft-reboot`. systemd 257 and 262 set
/// `UserspaceTimestampMonotonic` again at a soft reboot and keep it over `daemon-reexec` (measured). Other
/// releases may differ; they reach sysinit.target again in any case.
pub(crate) async fn userspace(connection: &Connection) -> Result<Userspace, BusError> {
    let manager = manager(connection).await?;
    let sysinit = async {
        let object = UnitObject::new(connection, SYSINIT).await?;
        object.properties(UNIT).await
    };
    let (realtime, monotonic, sysinit) = tokio::join!(
        bounded(manager.userspace_timestamp()),
        bounded(manager.userspace_timestamp_monotonic()),
        bounded(sysinit)
    );
    let failed = |error| of_bus(error, SYSTEMD);
    let mut sysinit = sysinit??;
    let reached: u64 = sysinit.take_or_default("ActiveEnterTimestampMonotonic")?;
    let reached_at: u64 = sysinit.take_or_default("ActiveEnterTimestamp")?;
    Ok(Userspace {
        monotonic: monotonic?.map_err(failed)?.max(reached),
        realtime: realtime?.map_err(failed)?.max(reached_at),
    })
}

/// systemd's record of the last run of a unit that is down, and of the gate before it.
pub(crate) async fn last_start(connection: &Connection, unit: &str) -> Result<LastStart, BusError> {
    let gate = gate_of(unit);
    let (of_unit, of_gate) = tokio::join!(
        service_properties(connection, unit),
        service_properties(connection, &gate)
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

/// The properties of a service: those of any unit, and those of a service.
async fn service_properties(
    connection: &Connection,
    unit: &str,
) -> Result<(Properties, Properties), BusError> {
    let object = UnitObject::new(connection, unit).await?;
    let (of_unit, of_service) = tokio::join!(
        bounded(object.properties(UNIT)),
        bounded(object.properties(SERVICE))
    );
    Ok((of_unit??, of_service??))
}

/// Subscribes to signals. To be repeated when systemd has left the bus and returned.
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

/// Starts a unit, as `systemctl start` does. Returns the job's object path; the job itself can still fail.
pub(crate) async fn start(connection: &Connection, unit: &str) -> Result<String, BusError> {
    let manager = manager(connection).await?;
    let job = bounded(manager.start_unit(unit, "replace")).await?;
    job.map(|job| job.to_string())
        .map_err(|error| of_bus(error, unit))
}

/// Stops a unit, as `systemctl stop` does. Returns the job's object path.
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

/// The match rules of the subscription.
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
        // The receiver is gone.
        if Arc::strong_count(&to) == 1 {
            return;
        }
    }
    to.push(SystemdSignal::Disconnected);
}

/// The signal in a message, if systemd or the bus has sent it.
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
    fn the_match_rules_are_narrow() {
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
    fn only_signals_of_systemd_and_the_bus_are_accepted() {
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

        // Another connection cannot pose as systemd, nor its name as systemd's.
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

        // The bus reports that systemd leaves, and returns as another connection.
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
