//! `org.rke2.Preflight1` on the system bus: the monitor's status as methods, properties and signals. Any
//! user may read it; only root may request a start.
//!
//! `docs/dbus/` holds the introspection data of both interfaces.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, mpsc, oneshot};
use zbus::message::Header;
use zbus::names::InterfaceName;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, ObjectPath, OwnedObjectPath, Variant, fdo, interface};

use crate::document::{FindingDocument, UnitDocument};
use crate::finding::{Component, Outcome};
use crate::host::state::{ChangeMark, State};
use crate::host::systemd_bus::manage::label;
use crate::monitor::{Hold, NodeStatus, UnitStatus};
use crate::report::json;
use crate::text::printable;

/// The name on the bus.
pub(crate) const NAME: &str = "org.rke2.Preflight1";
/// The manager's object.
pub const PATH: &str = "/org/rke2/Preflight1";
/// The manager's interface.
pub const MANAGER: &str = "org.rke2.Preflight1.Manager";
/// A unit's interface.
pub const UNIT: &str = "org.rke2.Preflight1.Unit";

/// A finding in short: id, outcome, effect, subject, summary.
pub(crate) type Row = (String, String, String, String, String);

/// The `Findings` property of a unit.
fn rows(unit: &UnitStatus) -> Vec<Row> {
    let row = |finding: &FindingDocument| {
        (
            finding.id.clone(),
            finding.outcome.as_str().to_owned(),
            finding.effect.as_str().to_owned(),
            printable(&finding.subject),
            printable(&finding.summary),
        )
    };
    unit.report.findings.iter().map(row).collect()
}

/// The `RefusedBy` property: empty where no component would refuse.
fn refused_by(unit: &UnitStatus) -> &'static str {
    unit.report.refused_by.map_or("", Component::as_str)
}

/// The `Held` property: empty where the monitor does not hold the unit.
fn held(unit: &UnitStatus) -> &'static str {
    unit.held.map_or("", Hold::as_str)
}

/// The properties of a unit that can change, by their names on the bus.
fn properties(unit: &UnitStatus) -> [(&'static str, Variant<'_>); 14] {
    let report = &unit.report;
    [
        ("Rke2Version", report.rke2_version.as_str().into()),
        (
            "Rke2VersionSource",
            report.rke2_version_source.as_str().into(),
        ),
        ("Phase", unit.phase.as_str().into()),
        ("Verdict", report.verdict.as_str().into()),
        ("NextBootVerdict", report.next_boot_verdict.as_str().into()),
        ("RefusedBy", refused_by(unit).into()),
        ("Predicted", report.predicted.clone().into()),
        ("Blocked", unit.is_blocked().into()),
        (
            "BlockedSince",
            unit.blocked_since.unwrap_or_default().into(),
        ),
        ("Held", held(unit).into()),
        ("Drifted", unit.is_drifted().into()),
        ("Resumes", unit.resumes.into()),
        ("DriftTransitions", unit.drift_transitions.into()),
        ("Findings", rows(unit).into()),
    ]
}

/// The object of a unit.
pub fn unit_path(unit: &str) -> ObjectPath<'static> {
    let path = format!("{PATH}/unit/{}", label(unit));
    ObjectPath::try_from(path).unwrap_or_else(|_| ObjectPath::from_static_str_unchecked(PATH))
}

/// A request over the bus.
#[derive(Debug)]
pub enum Request {
    /// Evaluate the host, and answer when that is done.
    Check(oneshot::Sender<()>),
    /// Start a unit that would start, and answer with the result.
    Resume(String, oneshot::Sender<Result<(), String>>),
}

/// Callers that may wait for an evaluation at once. Further calls are refused: any user may call, and each
/// waiting call takes memory.
const MAX_WAITING: usize = 64;

/// What the objects share with the monitor.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The status of the last evaluation; `None` before the first.
    status: Arc<Mutex<Option<NodeStatus>>>,
    requests: mpsc::Sender<Request>,
    waiting: Arc<Semaphore>,
    /// Counts the changes that systemd and the kernel have reported.
    changes: Arc<AtomicU64>,
    /// The revision that the last evaluation has seen.
    evaluated: Arc<Mutex<Revision>>,
}

/// The revision of an evaluation's inputs: the number of reported changes, and the gate's files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Revision {
    changes: u64,
    blocks: [ChangeMark; 2],
}

impl Shared {
    /// Nothing is published yet. Requests go to `requests`.
    pub fn new(requests: mpsc::Sender<Request>) -> Self {
        Self {
            status: Arc::default(),
            requests,
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            changes: Arc::default(),
            evaluated: Arc::default(),
        }
    }

    /// The counter to increment when systemd or the kernel reports a change.
    pub fn change_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.changes)
    }

    /// The present revision of the inputs.
    pub fn revision(&self) -> Revision {
        Revision {
            changes: self.changes.load(Ordering::Relaxed),
            blocks: State::default().marks(),
        }
    }

    /// Records the revision at which the published evaluation began.
    pub fn set_evaluated(&self, revision: Revision) {
        *self
            .evaluated
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = revision;
    }

    /// Whether something has changed since the published evaluation began: a reported change, or a block
    /// that the gate has written or removed.
    fn is_outdated(&self) -> bool {
        let evaluated = *self
            .evaluated
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        evaluated != self.revision()
    }

    /// Whether a component of a unit had exited in the published evaluation: it may run by now, and logs are
    /// not watched.
    fn has_exits(&self) -> bool {
        let status = self.status();
        let mut units = status.iter().flat_map(|status| &status.units);
        units.any(|unit| !unit.report.exits.is_empty())
    }

    fn status(&self) -> MutexGuard<'_, Option<NodeStatus>> {
        // A thread that panicked has left a whole value all the same.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes a status, and returns the one before.
    pub fn replace(&self, status: NodeStatus) -> Option<NodeStatus> {
        self.status().replace(status)
    }

    /// Reads from the published status of a unit; `None` where there is none.
    fn read_unit<T>(&self, name: &str, read: impl FnOnce(&UnitStatus) -> T) -> Option<T> {
        let status = self.status();
        let unit = status.as_ref()?.units.iter().find(|unit| unit.unit == name);
        unit.map(read)
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> fdo::Result<T> {
        let gone = || fdo::Error::Failed("the monitor is ending".to_owned());
        let many =
            || fdo::Error::LimitsExceeded("too many calls are waiting; try again".to_owned());
        let _permit = self.waiting.try_acquire().map_err(|_| many())?;
        let (reply, answer) = oneshot::channel();
        match self.requests.try_send(request(reply)) {
            Ok(()) => answer.await.map_err(|_| gone()),
            Err(mpsc::error::TrySendError::Full(_)) => Err(many()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(gone()),
        }
    }
}

/// The manager's object.
struct Manager(Shared);

#[expect(clippy::unused_self, reason = "D-Bus properties are methods")]
#[interface(name = "org.rke2.Preflight1.Manager", introspection_docs = false)]
impl Manager {
    /// The report of `check` as JSON, as of the last evaluation.
    fn get_report(&self) -> String {
        let status = self.0.status();
        let Some(status) = status.as_ref() else {
            return String::new();
        };
        let units: Vec<&UnitDocument> = status.units.iter().map(|unit| &unit.report).collect();
        json::render_units(&units)
    }

    /// The status as JSON. If something has changed since the last evaluation, such as a block that the gate
    /// has written, the monitor evaluates first.
    async fn get_status(&self) -> String {
        if self.0.is_outdated() || self.0.has_exits() {
            // If too many callers wait already, the last status is returned.
            drop(self.0.ask(Request::Check).await);
        }
        self.0
            .status()
            .as_ref()
            .map(NodeStatus::json)
            .unwrap_or_default()
    }

    /// Evaluates the host, and returns the report as JSON.
    async fn check(&self) -> fdo::Result<String> {
        self.0.ask(Request::Check).await?;
        Ok(self.get_report())
    }

    /// The object of a unit, by the unit's name.
    fn get_unit(&self, name: &str) -> fdo::Result<OwnedObjectPath> {
        match self.0.read_unit(name, |unit| unit_path(&unit.unit)) {
            Some(path) => Ok(path.into()),
            None => Err(fdo::Error::UnknownObject(format!(
                "no RKE2 unit {} is installed",
                printable(name)
            ))),
        }
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// The newest release of RKE2 whose rules are known.
    #[zbus(property(emits_changed_signal = "const"))]
    fn rules(&self) -> String {
        crate::rke2::releases::newest().to_string()
    }

    /// The objects of all units.
    #[zbus(property)]
    fn units(&self) -> Vec<OwnedObjectPath> {
        let status = self.0.status();
        status.as_ref().map(object_paths).unwrap_or_default()
    }

    /// When the last evaluation ended, in microseconds since 1970. Without a signal, which would be one for
    /// every evaluation.
    #[zbus(property(emits_changed_signal = "false"))]
    fn last_evaluation(&self) -> u64 {
        let status = self.0.status();
        status
            .as_ref()
            .map(|status| status.monitor.evaluated)
            .unwrap_or_default()
    }
}

/// A unit's object.
struct Unit {
    name: String,
    shared: Shared,
}

impl Unit {
    fn get<T>(&self, read: impl FnOnce(&UnitStatus) -> T) -> fdo::Result<T> {
        let gone = || fdo::Error::UnknownObject(format!("{} is not installed", self.name));
        self.shared.read_unit(&self.name, read).ok_or_else(gone)
    }
}

#[interface(name = "org.rke2.Preflight1.Unit", introspection_docs = false)]
impl Unit {
    /// The report of `check` about this unit as JSON.
    fn get_report(&self) -> fdo::Result<String> {
        self.get(|unit| json::render_units(&[&unit.report]))
    }

    /// Starts the unit if it would start, even where the monitor holds it. For root.
    async fn resume(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> fdo::Result<()> {
        only_root(connection, &header).await?;
        let name = self.name.clone();
        let answer = self
            .shared
            .ask(|reply| Request::Resume(name, reply))
            .await?;
        answer.map_err(fdo::Error::Failed)
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn name(&self) -> fdo::Result<String> {
        self.get(|unit| unit.unit.clone())
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn role(&self) -> fdo::Result<String> {
        self.get(|unit| unit.report.role.clone())
    }

    #[zbus(property)]
    fn rke2_version(&self) -> fdo::Result<String> {
        self.get(|unit| unit.report.rke2_version.clone())
    }

    #[zbus(property)]
    fn rke2_version_source(&self) -> fdo::Result<String> {
        self.get(|unit| unit.report.rke2_version_source.clone())
    }

    #[zbus(property)]
    fn phase(&self) -> fdo::Result<String> {
        self.get(|unit| unit.phase.as_str().to_owned())
    }

    #[zbus(property)]
    fn verdict(&self) -> fdo::Result<String> {
        self.get(|unit| unit.report.verdict.as_str().to_owned())
    }

    #[zbus(property)]
    fn next_boot_verdict(&self) -> fdo::Result<String> {
        self.get(|unit| unit.report.next_boot_verdict.as_str().to_owned())
    }

    #[zbus(property)]
    fn refused_by(&self) -> fdo::Result<String> {
        self.get(|unit| refused_by(unit).to_owned())
    }

    #[zbus(property)]
    fn predicted(&self) -> fdo::Result<Vec<String>> {
        self.get(|unit| unit.report.predicted.clone())
    }

    #[zbus(property)]
    fn blocked(&self) -> fdo::Result<bool> {
        self.get(UnitStatus::is_blocked)
    }

    #[zbus(property)]
    fn blocked_since(&self) -> fdo::Result<u64> {
        self.get(|unit| unit.blocked_since.unwrap_or_default())
    }

    #[zbus(property)]
    fn held(&self) -> fdo::Result<String> {
        self.get(|unit| held(unit).to_owned())
    }

    #[zbus(property)]
    fn drifted(&self) -> fdo::Result<bool> {
        self.get(UnitStatus::is_drifted)
    }

    #[zbus(property)]
    fn resumes(&self) -> fdo::Result<u64> {
        self.get(|unit| unit.resumes)
    }

    #[zbus(property)]
    fn drift_transitions(&self) -> fdo::Result<u64> {
        self.get(|unit| unit.drift_transitions)
    }

    #[zbus(property)]
    fn findings(&self) -> fdo::Result<Vec<Row>> {
        self.get(rows)
    }

    /// The unit is blocked, for these checks.
    #[zbus(signal, name = "Blocked")]
    async fn was_blocked(emitter: &SignalEmitter<'_>, checks: &[String]) -> zbus::Result<()>;

    /// The unit is no longer blocked or drifted: it would start, now and after the next boot.
    #[zbus(signal, name = "Cleared")]
    async fn was_cleared(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;

    /// The unit runs and would not start again, for these checks.
    #[zbus(signal, name = "Drifted")]
    async fn has_drifted(emitter: &SignalEmitter<'_>, checks: &[String]) -> zbus::Result<()>;
}

/// Refuses callers other than root. The bus's policy does too, but an administrator can replace that.
async fn only_root(connection: &Connection, header: &Header<'_>) -> fdo::Result<()> {
    let refused = || fdo::Error::AccessDenied("only root may start a unit".to_owned());
    let sender = header.sender().ok_or_else(refused)?;
    let bus = fdo::DBusProxy::new(connection).await?;
    match bus
        .get_connection_unix_user(sender.to_owned().into())
        .await?
    {
        0 => Ok(()),
        _ => Err(refused()),
    }
}

/// Serves the manager's object on a connection.
pub async fn serve(connection: &Connection, shared: &Shared) -> zbus::Result<()> {
    let objects = connection.object_server();
    objects.at(PATH, Manager(shared.clone())).await?;
    Ok(())
}

/// Requests the name on the bus. Clients call from then on, so an evaluation must have been published.
pub(crate) async fn request_name(connection: &Connection) -> zbus::Result<()> {
    connection.request_name(NAME).await
}

/// Publishes a status, and sends signals for what differs from the one before.
pub async fn publish(
    connection: &Connection,
    shared: &Shared,
    new: NodeStatus,
) -> zbus::Result<()> {
    let objects = connection.object_server();
    let old = shared.replace(new.clone()).unwrap_or_default();
    for unit in &new.units {
        let object = Unit {
            name: unit.unit.clone(),
            shared: shared.clone(),
        };
        // Does nothing where the object is served already.
        objects.at(unit_path(&unit.unit), object).await?;
    }
    for unit in &old.units {
        if unit_of(&new, &unit.unit).is_none() {
            objects.remove::<Unit, _>(unit_path(&unit.unit)).await?;
        }
    }
    let paths = object_paths(&new);
    if object_paths(&old) != paths {
        let emitter = SignalEmitter::new(connection, PATH)?;
        let changed = HashMap::from([("Units", Variant::from(paths))]);
        send_changes(&emitter, MANAGER, changed).await?;
    }
    let nothing = UnitStatus::default();
    for unit in &new.units {
        let before = unit_of(&old, &unit.unit);
        let properties_before: HashMap<&str, Variant<'_>> = before
            .map(|unit| properties(unit).into())
            .unwrap_or_default();
        let changed: HashMap<&str, Variant<'_>> = properties(unit)
            .into_iter()
            .filter(|(name, value)| properties_before.get(name) != Some(value))
            .collect();
        if !changed.is_empty() {
            let emitter = SignalEmitter::new(connection, unit_path(&unit.unit))?;
            send_changes(&emitter, UNIT, changed).await?;
        }
        send_events(connection, before.unwrap_or(&nothing), unit).await?;
    }
    Ok(())
}

fn unit_of<'a>(status: &'a NodeStatus, name: &str) -> Option<&'a UnitStatus> {
    status.units.iter().find(|unit| unit.unit == name)
}

/// The objects of all units.
fn object_paths(status: &NodeStatus) -> Vec<OwnedObjectPath> {
    let units = status.units.iter();
    units.map(|unit| unit_path(&unit.unit).into()).collect()
}

async fn send_changes(
    emitter: &SignalEmitter<'_>,
    interface: &'static str,
    changed: HashMap<&str, Variant<'_>>,
) -> zbus::Result<()> {
    let interface = InterfaceName::from_static_str_unchecked(interface);
    fdo::Properties::properties_changed(emitter, interface, changed, (&[][..]).into()).await
}

/// Sends the signals for transitions, so that a client need not compare properties.
async fn send_events(
    connection: &Connection,
    old: &UnitStatus,
    new: &UnitStatus,
) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(connection, unit_path(&new.unit))?;
    let checks = || -> Vec<String> {
        let deciding = new.report.deciding();
        let violated = deciding.filter(|finding| finding.outcome == Outcome::Violated);
        violated.map(|finding| finding.id.clone()).collect()
    };
    if new.is_blocked() && new.blocked_since != old.blocked_since {
        Unit::was_blocked(&emitter, &checks()).await?;
    }
    if new.is_drifted() && !old.is_drifted() {
        Unit::has_drifted(&emitter, &checks()).await?;
    }
    let was_bad = old.is_blocked() || old.is_drifted();
    if was_bad && !new.is_blocked() && !new.is_drifted() {
        Unit::was_cleared(&emitter).await?;
    }
    Ok(())
}
