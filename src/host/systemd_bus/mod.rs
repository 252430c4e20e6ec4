//! Queries to systemd over D-Bus: the definition of a unit, and what the unit does now.

pub(crate) mod jobs;
pub(crate) mod manage;

use std::collections::HashMap;
use std::thread::JoinHandle;
use std::time::Duration;

use zbus::names::InterfaceName;
use zbus::proxy::CacheProperties;
use zbus::{Connection, OwnedObjectPath, OwnedVariant, Variant, fdo, proxy};

use crate::unit::LiveUnit;
use crate::unit::directive::{self, Extent, ValueForm};
use crate::unit::live::LiveCommand;

/// Why systemd did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The bus cannot be reached.
    #[error(
        "the system bus cannot be reached ({reason}); is dbus.socket active, and /run/dbus/system_bus_socket there?"
    )]
    NoBus {
        /// What the connection failed with.
        reason: String,
    },
    /// The bus is there, systemd is not on it.
    #[error("systemd does not answer on the system bus: {reason}")]
    NoSystemd {
        /// What the bus said.
        reason: String,
    },
    /// There was no answer in time.
    #[error("systemd did not answer over D-Bus within {} ms", .after.as_millis())]
    TimedOut {
        /// How long it was waited for.
        after: Duration,
    },
    /// The job has ended meanwhile.
    #[error("systemd has no job {id} any more")]
    NoSuchJob {
        /// The job's number.
        id: u32,
    },
    /// systemd knows no such unit.
    #[error(
        "systemd knows no unit {unit}; if it has just been installed, run `systemctl daemon-reload`"
    )]
    NotFound {
        /// The unit of the query.
        unit: String,
    },
    /// The bus or systemd refuses the query.
    #[error("not allowed to ask systemd over D-Bus: {reason}; run as root")]
    Denied {
        /// The error of the bus or of systemd.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection to the system bus broke: {reason}")]
    Disconnected {
        /// What it broke with.
        reason: String,
    },
    /// Any other error.
    #[error("systemd could not be asked over D-Bus: {reason}")]
    Other {
        /// What went wrong.
        reason: String,
    },
}

#[proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;

    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;

    fn cancel_job(&self, id: u32) -> zbus::Result<()>;

    /// Number, unit, type, state, the job's object path, the unit's object path.
    fn list_jobs(
        &self,
    ) -> zbus::Result<
        Vec<(
            u32,
            String,
            String,
            String,
            OwnedObjectPath,
            OwnedObjectPath,
        )>,
    >;

    /// Makes systemd send signals at all.
    fn subscribe(&self) -> zbus::Result<()>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn environment(&self) -> zbus::Result<Vec<String>>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn version(&self) -> zbus::Result<String>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn userspace_timestamp(&self) -> zbus::Result<u64>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn userspace_timestamp_monotonic(&self) -> zbus::Result<u64>;
}

const UNIT: InterfaceName<'static> =
    InterfaceName::from_static_str_unchecked("org.freedesktop.systemd1.Unit");
const SERVICE: InterfaceName<'static> =
    InterfaceName::from_static_str_unchecked("org.freedesktop.systemd1.Service");
const SYSTEMD: &str = "org.freedesktop.systemd1";

/// Connects to the system bus.
pub(crate) async fn connect() -> Result<Connection, BusError> {
    Connection::system().await.map_err(|error| match error {
        zbus::Error::FDO(error) => of_fdo(*error),
        error => BusError::NoBus {
            reason: error.to_string(),
        },
    })
}

/// One unit: its definition and its state.
pub(crate) async fn query(connection: &Connection, unit: &str) -> Result<LiveUnit, BusError> {
    let manager = manager(connection).await?;
    let (live, inherited) = tokio::join!(load(connection, unit), inherited(&manager));
    let mut live = live?;
    inherited?.give(&mut live);
    Ok(live)
}

/// Queries several units at once, within `deadline`. Units that systemd does not know are left out. Not to be
/// called within a runtime.
pub fn ask(units: &[&str], deadline: Duration) -> Result<Vec<LiveUnit>, BusError> {
    run(deadline, async {
        let connection = connect().await?;
        query_all(&connection, units).await
    })
}

/// A query that runs in a thread of its own while the caller reads files: most of its time is the round trip.
#[derive(Debug)]
pub(crate) struct PendingQuery {
    unit: String,
    deadline: Duration,
    thread: Option<JoinHandle<Result<Vec<LiveUnit>, BusError>>>,
}

impl PendingQuery {
    /// Begins to query one unit.
    #[expect(
        clippy::disallowed_methods,
        reason = "the caller reads files meanwhile"
    )]
    pub(crate) fn begin(unit: &str, deadline: Duration) -> Self {
        let name = unit.to_owned();
        let thread = std::thread::Builder::new()
            .spawn(move || ask(&[&name], deadline))
            .ok();
        Self {
            unit: unit.to_owned(),
            deadline,
            thread,
        }
    }

    /// Waits for the answer. If no thread could be created, the query is made now.
    pub(crate) fn answer(self) -> Result<Vec<LiveUnit>, BusError> {
        match self.thread.map(JoinHandle::join) {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => ask(&[&self.unit], self.deadline),
        }
    }
}

/// Runs `work` to its end, or to the deadline, in a runtime of its own.
pub(crate) fn run<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, BusError>>,
) -> Result<T, BusError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| BusError::Other {
            reason: error.to_string(),
        })?;
    let result = runtime.block_on(async {
        tokio::time::timeout(deadline, work)
            .await
            .unwrap_or(Err(BusError::TimedOut { after: deadline }))
    });
    runtime.shutdown_background();
    result
}

async fn query_all(connection: &Connection, units: &[&str]) -> Result<Vec<LiveUnit>, BusError> {
    let manager = manager(connection).await?;
    let all = async {
        let mut out = Vec::with_capacity(units.len());
        for unit in units {
            match load(connection, unit).await {
                Ok(live) => out.push(live),
                Err(BusError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(out)
    };
    // Queried at once: most of the time is the round trip.
    let (all, inherited) = tokio::join!(all, inherited(&manager));
    let mut all = all?;
    if !all.is_empty() {
        let inherited = inherited?;
        for live in &mut all {
            inherited.give(live);
        }
    }
    Ok(all)
}

async fn manager(connection: &Connection) -> Result<ManagerProxy<'static>, BusError> {
    ManagerProxy::builder(connection)
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .map_err(|error| of_bus(error, SYSTEMD))
}

/// Properties of the manager that apply to every unit.
struct Inherited {
    environment: Vec<String>,
    version: String,
}

impl Inherited {
    fn give(&self, unit: &mut LiveUnit) {
        unit.manager_environment.clone_from(&self.environment);
        unit.systemd_version.clone_from(&self.version);
    }
}

async fn inherited(manager: &ManagerProxy<'_>) -> Result<Inherited, BusError> {
    let failed = |error| of_bus(error, SYSTEMD);
    let (environment, version) = tokio::join!(manager.environment(), manager.version());
    Ok(Inherited {
        environment: environment.map_err(failed)?,
        version: version.map_err(failed)?,
    })
}

/// Reads a unit. systemd loads a unit when a property of its object is read, so that `LoadUnit`, one more
/// round trip, is not needed.
async fn load(connection: &Connection, unit: &str) -> Result<LiveUnit, BusError> {
    let object = UnitObject::new(connection, unit).await?;
    let (of_unit, of_service) = tokio::join!(object.properties(UNIT), object.properties(SERVICE));
    let mut of_unit = of_unit?;
    let load_state: String = of_unit.take("LoadState")?;
    if load_state == "not-found" {
        return Err(BusError::NotFound {
            unit: unit.to_owned(),
        });
    }
    let mut of_service = of_service?;
    let job: (u32, OwnedObjectPath) = of_unit.take("Job")?;
    let influences = influences(&of_service);
    let unreported = directive::untracked().map(|(name, ..)| name);
    let unreported = unreported.filter(|name| !of_service.0.contains_key(*name));
    let unreported = unreported.collect();
    Ok(LiveUnit {
        id: of_unit.take("Id")?,
        names: of_unit.take("Names")?,
        load_state,
        active_state: of_unit.take("ActiveState")?,
        sub_state: of_unit.take("SubState")?,
        unit_file_state: of_unit.take("UnitFileState")?,
        fragment_path: of_unit.take("FragmentPath")?,
        drop_in_paths: of_unit.take("DropInPaths")?,
        need_daemon_reload: of_unit.take("NeedDaemonReload")?,
        job: job.0,
        exec_start: commands(&mut of_service, "ExecStart")?,
        auxiliary: auxiliary_commands(&mut of_service)?,
        search_path: of_service.take_or_default("ExecSearchPath")?,
        working_directory: of_service.take_or_default("WorkingDirectory")?,
        influences,
        unreported,
        environment: of_service.take("Environment")?,
        environment_files: of_service.take("EnvironmentFiles")?,
        unset_environment: of_service.take_or_default("UnsetEnvironment")?,
        pass_environment: of_service.take_or_default("PassEnvironment")?,
        main_pid: of_service.take("MainPID")?,
        restarts: of_service.take_or_default("NRestarts")?,
        entered_active: of_unit.take_or_default("ActiveEnterTimestampMonotonic")?,
        main_started_at: of_service.take_or_default("ExecMainStartTimestamp")?,
        result: of_service.take("Result")?,
        manager_environment: Vec::new(),
        systemd_version: String::new(),
    })
}

/// The object of a unit, for reading its properties.
struct UnitObject<'a> {
    proxy: fdo::PropertiesProxy<'static>,
    unit: &'a str,
}

impl<'a> UnitObject<'a> {
    async fn new(connection: &Connection, unit: &'a str) -> Result<Self, BusError> {
        let proxy = fdo::PropertiesProxy::builder(connection)
            .destination(SYSTEMD)
            .path(manage::unit_path(unit))
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .map_err(|error| of_bus(error, unit))?;
        Ok(Self { proxy, unit })
    }

    /// All properties of one interface.
    async fn properties(&self, interface: InterfaceName<'_>) -> Result<Properties, BusError> {
        let all = self.proxy.get_all(interface).await;
        all.map(Properties).map_err(|error| named(error, self.unit))
    }
}

/// The properties of an interface, as `GetAll` returns them.
struct Properties(HashMap<String, OwnedVariant>);

impl Properties {
    fn take<T>(&mut self, name: &str) -> Result<T, BusError>
    where
        T: TryFrom<Variant<'static>>,
    {
        let value = self.0.remove(name).ok_or_else(|| BusError::Other {
            reason: format!("systemd's answer has no property {name}"),
        })?;
        T::try_from(Variant::from(value)).map_err(|_| BusError::Other {
            reason: format!("the property {name} in systemd's answer is of another type"),
        })
    }

    /// A property that is text.
    fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name).map(|value| &**value) {
            Some(Variant::Str(text)) => Some(text.as_str()),
            _ => None,
        }
    }

    /// For properties that older versions of systemd do not have.
    fn take_or_default<T>(&mut self, name: &str) -> Result<T, BusError>
    where
        T: TryFrom<Variant<'static>> + Default,
    {
        if self.0.contains_key(name) {
            self.take(name)
        } else {
            Ok(T::default())
        }
    }
}

/// Path, arguments, flags or whether a failure is ignored, then times, process and status of the last run.
type Exec<T> = (String, Vec<String>, T, u64, u64, u64, u64, u32, i32, i32);

fn commands(service: &mut Properties, key: &str) -> Result<Vec<LiveCommand>, BusError> {
    // Only the newer property (systemd 243) has the prefixes `:` and `|`.
    let newer = format!("{key}Ex");
    if service.0.contains_key(&newer) {
        let commands: Vec<Exec<Vec<String>>> = service.take(&newer)?;
        return Ok(commands
            .into_iter()
            .map(|(path, argv, flags, ..)| {
                let has = |flag: &str| flags.iter().any(|set| set == flag);
                LiveCommand {
                    path,
                    argv,
                    ignore_failure: has("ignore-failure"),
                    no_env_expand: has("no-env-expand"),
                    via_shell: has("via-shell"),
                }
            })
            .collect());
    }
    let commands: Vec<Exec<bool>> = service.take(key)?;
    Ok(commands
        .into_iter()
        .map(|(path, argv, ignore_failure, ..)| LiveCommand {
            path,
            argv,
            ignore_failure,
            no_env_expand: false,
            via_shell: false,
        })
        .collect())
}

/// The commands that run before the service's program, and, where systemd does not wait for the service to
/// be ready, those that run while it starts.
fn auxiliary_commands(
    service: &mut Properties,
) -> Result<Vec<(&'static str, LiveCommand)>, BusError> {
    let at_once = matches!(
        service.text("Type"),
        Some("simple" | "exec" | "idle") | None
    );
    let mut out = Vec::new();
    for (key, runs) in [
        ("ExecCondition", true),
        ("ExecStartPre", true),
        ("ExecStartPost", at_once),
    ] {
        // systemd 239 has no `ExecCondition`.
        if runs && service.0.contains_key(key) {
            out.extend(commands(service, key)?.into_iter().map(|c| (key, c)));
        }
    }
    Ok(out)
}

/// The directives with an effect on the service's view of the host that is not evaluated, if they differ
/// from their default. A property of an unexpected type counts as set.
fn influences(service: &Properties) -> Vec<(&'static str, Extent)> {
    directive::untracked()
        .filter_map(|(name, reach, takes)| {
            let value = service.0.get(name)?;
            (!is_default(value, takes)).then(|| {
                let paths = || paths(value, name);
                (name, directive::extent(reach, paths))
            })
        })
        .collect()
}

fn is_default(value: &Variant<'_>, takes: ValueForm) -> bool {
    match value {
        Variant::Bool(set) => !set,
        Variant::Str(text) => {
            let is_unset = match takes {
                ValueForm::Flag(unset) | ValueForm::Text(unset) => unset.is(text.as_str()),
                ValueForm::List => false,
            };
            text.is_empty() || is_unset
        }
        Variant::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The paths in the unit's view that a list of paths covers; `None` where that is not known.
fn paths(value: &Variant<'_>, name: &str) -> Option<Vec<String>> {
    let Variant::Array(items) = value else {
        return None;
    };
    let text = |value: &Variant<'_>| match value {
        Variant::Str(text) => Some(text.as_str().to_owned()),
        _ => None,
    };
    items
        .iter()
        .map(|item| match item {
            // The prefixes `-` (may be missing) and `+` (below the root directory of the unit).
            Variant::Str(path) => Some(path.trim_start_matches(['-', '+']).to_owned()),
            Variant::Structure(fields) => {
                // The second field of a bind mount is the mount point.
                let at = usize::from(name.starts_with("Bind"));
                text(fields.fields().get(at)?)
            }
            _ => None,
        })
        .collect()
}

/// Converts an error of a query about `unit`.
fn of_bus(error: zbus::Error, unit: &str) -> BusError {
    match error {
        zbus::Error::FDO(error) => named(*error, unit),
        zbus::Error::MethodError(name, message, _)
            if name.as_str() == "org.freedesktop.systemd1.NoSuchUnit" =>
        {
            drop(message);
            BusError::NotFound {
                unit: unit.to_owned(),
            }
        }
        zbus::Error::MethodError(name, message, _) => BusError::Other {
            reason: match message {
                Some(message) => format!("{name}: {message}"),
                None => name.to_string(),
            },
        },
        zbus::Error::InputOutput(error) => BusError::Disconnected {
            reason: error.to_string(),
        },
        zbus::Error::Connection(error, _) => BusError::NoBus {
            reason: error.to_string(),
        },
        error => BusError::Other {
            reason: error.to_string(),
        },
    }
}

fn named(error: fdo::Error, unit: &str) -> BusError {
    match error {
        fdo::Error::ZBus(error) => of_bus(error, unit),
        // The unit was unloaded between two queries.
        fdo::Error::UnknownObject(_) => BusError::NotFound {
            unit: unit.to_owned(),
        },
        error => of_fdo(error),
    }
}

fn of_fdo(error: fdo::Error) -> BusError {
    use fdo::Error as E;
    match error {
        E::AccessDenied(reason) | E::AuthFailed(reason) => BusError::Denied { reason },
        E::ServiceUnknown(reason)
        | E::NameHasNoOwner(reason)
        | E::NoReply(reason)
        | E::SpawnServiceNotFound(reason) => BusError::NoSystemd { reason },
        E::NoServer(reason) | E::BadAddress(reason) => BusError::NoBus { reason },
        E::Disconnected(reason) => BusError::Disconnected { reason },
        error => BusError::Other {
            reason: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
