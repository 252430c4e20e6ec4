//! `org.rke2.Preflight1` on the system bus: what the monitor knows, as properties and signals, and
//! three questions. Anybody may read; only root may ask for a start.
//!
//! `docs/dbus/` holds the introspection data of both interfaces.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, mpsc, oneshot};
use zbus::message::Header;
use zbus::names::InterfaceName;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, ObjectPath, OwnedObjectPath, Variant, fdo, interface};

use crate::host::state::{ChangeMark, State};
use crate::host::systemd_bus::manage::label;

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

/// What is told of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitView {
    /// `rke2-server.service`.
    pub name: String,
    /// `server` or `agent`.
    pub role: String,
    /// The release that would run.
    pub rke2_version: String,
    /// How that is known.
    pub rke2_version_source: String,
    /// What it does: `running`, `down` and the like.
    pub phase: String,
    /// Would it start now?
    pub verdict: String,
    /// Would it after the next boot?
    pub next_boot_verdict: String,
    /// Who would refuse now: `rke2`, `kubelet`, or nothing.
    pub refused_by: String,
    /// The lines with which that would end.
    pub predicted: Vec<String>,
    /// Whether it is kept from starting.
    pub blocked: bool,
    /// Since when, in microseconds since 1970; 0 if it is not.
    pub blocked_since: u64,
    /// Why it is not started though it would run, or nothing.
    pub held: String,
    /// Whether it runs and would not start again.
    pub drifted: bool,
    /// How often it was started because the host had become right.
    pub resumes: u64,
    /// How often drift, or its end, was told.
    pub drift_transitions: u64,
    /// What is not as it should be.
    pub findings: Vec<Row>,
    /// The report of `check` about it, as JSON.
    pub report: String,
}

impl UnitView {
    /// Its object.
    pub fn path(&self) -> ObjectPath<'static> {
        unit_path(&self.name)
    }

    /// The properties that can change, by their names on the bus.
    fn properties(&self) -> [(&'static str, Variant<'_>); 14] {
        [
            ("Rke2Version", self.rke2_version.as_str().into()),
            (
                "Rke2VersionSource",
                self.rke2_version_source.as_str().into(),
            ),
            ("Phase", self.phase.as_str().into()),
            ("Verdict", self.verdict.as_str().into()),
            ("NextBootVerdict", self.next_boot_verdict.as_str().into()),
            ("RefusedBy", self.refused_by.as_str().into()),
            ("Predicted", self.predicted.clone().into()),
            ("Blocked", self.blocked.into()),
            ("BlockedSince", self.blocked_since.into()),
            ("Held", self.held.as_str().into()),
            ("Drifted", self.drifted.into()),
            ("Resumes", self.resumes.into()),
            ("DriftTransitions", self.drift_transitions.into()),
            ("Findings", self.findings.clone().into()),
        ]
    }
}

/// The object of a unit.
pub fn unit_path(unit: &str) -> ObjectPath<'static> {
    let path = format!("{PATH}/unit/{}", label(unit));
    ObjectPath::try_from(path).unwrap_or_else(|_| ObjectPath::from_static_str_unchecked(PATH))
}

/// All that is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// When it was last looked, in microseconds since 1970.
    pub evaluated: u64,
    /// By name.
    pub units: BTreeMap<String, UnitView>,
    /// `check --format json`.
    pub report: String,
    /// `status --format json`.
    pub status: String,
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
    view: Arc<Mutex<View>>,
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
            view: Arc::default(),
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

    fn view(&self) -> MutexGuard<'_, View> {
        // Nobody panics with it; if one did, what it left is whole all the same.
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the place of what was told before, which is returned.
    pub fn replace(&self, view: View) -> View {
        std::mem::replace(&mut *self.view(), view)
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
    /// The report of `check`, as JSON, as of the last look.
    fn get_report(&self) -> String {
        self.0.view().report.clone()
    }

    /// What the monitor knows, as JSON. Where something was told since the last look, such as that the
    /// gate has blocked a unit, it looks first.
    async fn get_status(&self) -> String {
        if self.0.is_outdated() {
            // Where too many ask already, what is known is better than nothing.
            drop(self.0.ask(Request::Check).await);
        }
        self.0.view().status.clone()
    }

    /// Looks again; the report, as JSON.
    async fn check(&self) -> fdo::Result<String> {
        self.0.ask(Request::Check).await?;
        Ok(self.get_report())
    }

    /// The object of a unit, by its name.
    fn get_unit(&self, name: &str) -> fdo::Result<OwnedObjectPath> {
        match self.0.view().units.get(name) {
            Some(unit) => Ok(unit.path().into()),
            None => Err(fdo::Error::UnknownObject(format!(
                "no RKE2 unit {} is installed",
                crate::text::printable(name)
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
        let view = self.0.view();
        view.units.values().map(|unit| unit.path().into()).collect()
    }

    /// When it was last looked, in microseconds since 1970. No signal: that would be one for every
    /// look.
    #[zbus(property(emits_changed_signal = "false"))]
    fn last_evaluation(&self) -> u64 {
        self.0.view().evaluated
    }
}

/// A unit's object.
struct Unit {
    name: String,
    shared: Shared,
}

impl Unit {
    fn get<T>(&self, what: impl FnOnce(&UnitView) -> T) -> fdo::Result<T> {
        let view = self.shared.view();
        let gone = || fdo::Error::UnknownObject(format!("{} is not installed", self.name));
        view.units.get(&self.name).map(what).ok_or_else(gone)
    }
}

#[interface(name = "org.rke2.Preflight1.Unit", introspection_docs = false)]
impl Unit {
    /// The report of `check` about this unit, as JSON.
    fn get_report(&self) -> fdo::Result<String> {
        self.get(|unit| unit.report.clone())
    }

    /// Starts the unit if it would run, also where the monitor would not by itself. For root.
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
        self.get(|unit| unit.name.clone())
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn role(&self) -> fdo::Result<String> {
        self.get(|unit| unit.role.clone())
    }

    #[zbus(property)]
    fn rke2_version(&self) -> fdo::Result<String> {
        self.get(|unit| unit.rke2_version.clone())
    }

    #[zbus(property)]
    fn rke2_version_source(&self) -> fdo::Result<String> {
        self.get(|unit| unit.rke2_version_source.clone())
    }

    #[zbus(property)]
    fn phase(&self) -> fdo::Result<String> {
        self.get(|unit| unit.phase.clone())
    }

    #[zbus(property)]
    fn verdict(&self) -> fdo::Result<String> {
        self.get(|unit| unit.verdict.clone())
    }

    #[zbus(property)]
    fn next_boot_verdict(&self) -> fdo::Result<String> {
        self.get(|unit| unit.next_boot_verdict.clone())
    }

    #[zbus(property)]
    fn refused_by(&self) -> fdo::Result<String> {
        self.get(|unit| unit.refused_by.clone())
    }

    #[zbus(property)]
    fn predicted(&self) -> fdo::Result<Vec<String>> {
        self.get(|unit| unit.predicted.clone())
    }

    #[zbus(property)]
    fn blocked(&self) -> fdo::Result<bool> {
        self.get(|unit| unit.blocked)
    }

    #[zbus(property)]
    fn blocked_since(&self) -> fdo::Result<u64> {
        self.get(|unit| unit.blocked_since)
    }

    #[zbus(property)]
    fn held(&self) -> fdo::Result<String> {
        self.get(|unit| unit.held.clone())
    }

    #[zbus(property)]
    fn drifted(&self) -> fdo::Result<bool> {
        self.get(|unit| unit.drifted)
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
        self.get(|unit| unit.findings.clone())
    }

    /// The unit is kept from starting, for these checks.
    #[zbus(signal, name = "Blocked")]
    async fn was_blocked(emitter: &SignalEmitter<'_>, checks: &[String]) -> zbus::Result<()>;

    /// Nothing keeps it from starting any more, now and after the next boot.
    #[zbus(signal, name = "Cleared")]
    async fn was_cleared(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;

    /// It runs, and would not start again, for these checks.
    #[zbus(signal, name = "Drifted")]
    async fn has_drifted(emitter: &SignalEmitter<'_>, checks: &[String]) -> zbus::Result<()>;
}

/// The policy of the bus says so too; where it is another one, this holds.
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

/// Puts the manager's object on a connection.
pub async fn serve(connection: &Connection, shared: &Shared) -> zbus::Result<()> {
    let objects = connection.object_server();
    objects.at(PATH, Manager(shared.clone())).await?;
    Ok(())
}

/// Requests the name on the bus. Clients call from then on, so an evaluation must have been published.
pub(crate) async fn request_name(connection: &Connection) -> zbus::Result<()> {
    connection.request_name(NAME).await
}

/// Makes `new` what is told, and tells what differs from before.
pub async fn publish(connection: &Connection, shared: &Shared, new: View) -> zbus::Result<()> {
    let objects = connection.object_server();
    let old = shared.replace(new.clone());
    let same_units = old.units.keys().eq(new.units.keys());
    for unit in new.units.values() {
        let object = Unit {
            name: unit.name.clone(),
            shared: shared.clone(),
        };
        // Nothing happens where it is there already.
        objects.at(unit.path(), object).await?;
    }
    for unit in old.units.values() {
        if !new.units.contains_key(&unit.name) {
            objects.remove::<Unit, _>(unit.path()).await?;
        }
    }
    if !same_units {
        let paths: Vec<OwnedObjectPath> = new.units.values().map(|u| u.path().into()).collect();
        let emitter = SignalEmitter::new(connection, PATH)?;
        let changed = HashMap::from([("Units", Variant::from(paths))]);
        changes(&emitter, MANAGER, changed).await?;
    }
    let nothing = UnitView::default();
    for unit in new.units.values() {
        let before = old.units.get(&unit.name).unwrap_or(&nothing);
        let were: HashMap<&str, Variant<'_>> = before.properties().into();
        let changed: HashMap<&str, Variant<'_>> = unit
            .properties()
            .into_iter()
            .filter(|(name, value)| were.get(name) != Some(value))
            .collect();
        if !changed.is_empty() {
            let emitter = SignalEmitter::new(connection, unit.path())?;
            changes(&emitter, UNIT, changed).await?;
        }
        events(connection, before, unit).await?;
    }
    Ok(())
}

async fn changes(
    emitter: &SignalEmitter<'_>,
    interface: &'static str,
    changed: HashMap<&str, Variant<'_>>,
) -> zbus::Result<()> {
    let interface = InterfaceName::from_static_str_unchecked(interface);
    fdo::Properties::properties_changed(emitter, interface, changed, (&[][..]).into()).await
}

/// The signals for those who wait for just that.
async fn events(connection: &Connection, old: &UnitView, new: &UnitView) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(connection, new.path())?;
    let checks = || -> Vec<String> {
        let deciding = new.findings.iter().filter(|(_, outcome, effect, ..)| {
            outcome == "violated" && effect.starts_with("blocks-")
        });
        deciding.map(|(id, ..)| id.clone()).collect()
    };
    let again = new.blocked && new.blocked_since != old.blocked_since;
    if again {
        Unit::was_blocked(&emitter, &checks()).await?;
    }
    if new.drifted && !old.drifted {
        Unit::has_drifted(&emitter, &checks()).await?;
    }
    let was_bad = old.blocked || old.drifted;
    if was_bad && !new.blocked && !new.drifted {
        Unit::was_cleared(&emitter).await?;
    }
    Ok(())
}
