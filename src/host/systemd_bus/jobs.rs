//! systemd's job queue: what is in it, and taking a job out of it. Over D-Bus; where the bus does not
//! answer, with `systemctl`, which talks to PID 1 through systemd's private socket.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use zbus::proxy::CacheProperties;
use zbus::{Connection, fdo};

use super::{BusError, Properties, SYSTEMD, UNIT, connect, manage, manager, named, of_bus};
use crate::gate::job_queue;
use crate::host::rke2_binary::command;
use crate::unit::job::{self, Job, UnitState};

/// How long one question may take, over the bus and again with `systemctl`. A question that neither answers
/// leaves the gate time to log that, within the 20 s that it has.
const PATIENCE: Duration = Duration::from_secs(4);
/// Most that `systemctl` may print: the queue of a boot holds some hundred jobs.
const MAX_OUTPUT: usize = 1 << 20;

/// What systemd has queued for a unit, and what that waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queue {
    /// The state of the unit.
    pub state: UnitState,
    /// All jobs.
    pub jobs: Vec<Job>,
    /// `After=` of the queued units that it has to wait for.
    pub after: BTreeMap<String, Vec<String>>,
}

/// Access to the queue. A bus that has once not answered is not asked again: the time that a gate has is
/// for what does.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// What the bus failed with.
    failed: Option<BusError>,
}

impl Access {
    /// Whether the bus has answered whenever it was asked.
    pub(crate) const fn has_bus(&self) -> bool {
        self.failed.is_none()
    }

    /// Asks over the bus, else with `systemctl`.
    fn ask<T>(
        &mut self,
        over_bus: impl Future<Output = Result<T, BusError>>,
        with_systemctl: impl FnOnce() -> Result<T, BusError>,
    ) -> Result<T, BusError> {
        let error = match self.failed.take() {
            Some(error) => error,
            None => match super::run(PATIENCE, over_bus) {
                // It has answered.
                answer @ (Ok(_) | Err(BusError::NoSuchJob { .. } | BusError::NotFound { .. })) => {
                    return answer;
                }
                Err(error) => error,
            },
        };
        let answer = with_systemctl().map_err(|other| BusError::Other {
            reason: format!("{error}; {other}"),
        });
        self.failed = Some(error);
        answer
    }

    /// The queue as far as it concerns `unit`, whose gate is `gate`.
    pub(crate) fn queue(&mut self, unit: &str, gate: &str) -> Result<Queue, BusError> {
        let over_bus = async {
            let connection = connect().await?;
            let manager = manager(&connection).await?;
            let listed = manager.list_jobs().await;
            let jobs: Vec<Job> = listed
                .map_err(|error| of_bus(error, SYSTEMD))?
                .into_iter()
                .map(|(id, unit, kind, ..)| Job { id, unit, kind })
                .collect();
            let state = state(&connection, unit).await?;
            let mut after = BTreeMap::new();
            // Each round finds what the units of the round before wait for.
            while let Some(name) = unasked(unit, gate, &state, &jobs, &after) {
                let asked = self::state(&connection, &name).await?;
                after.insert(name, asked.after);
            }
            Ok(Queue { state, jobs, after })
        };
        self.ask(over_bus, || with_systemctl(unit, gate))
    }

    /// Takes the job out of the queue; the unit stays as it is.
    pub(crate) fn cancel(&mut self, id: u32) -> Result<(), BusError> {
        let over_bus = async {
            let connection = connect().await?;
            match manager(&connection).await?.cancel_job(id).await {
                Err(zbus::Error::MethodError(name, ..))
                    if name.as_str() == "org.freedesktop.systemd1.NoSuchJob" =>
                {
                    Err(BusError::NoSuchJob { id })
                }
                answer => answer.map_err(|error| of_bus(error, SYSTEMD)),
            }
        };
        self.ask(over_bus, || {
            systemctl(&["cancel", &id.to_string()]).map(drop)
        })
    }

    /// Has systemd stop the unit, and with that end an automatic restart. The stop job's object path;
    /// `None` where `systemctl` had to be used, which does not tell it.
    pub(crate) fn stop(&mut self, unit: &str) -> Result<Option<String>, BusError> {
        let over_bus = async {
            let connection = connect().await?;
            manage::stop(&connection, unit).await.map(Some)
        };
        self.ask(over_bus, || {
            systemctl(&["--no-block", "stop", "--", unit]).map(|_| None)
        })
    }
}

/// The next unit whose `After=` is needed and not known yet.
fn unasked(
    unit: &str,
    gate: &str,
    state: &UnitState,
    jobs: &[Job],
    after: &BTreeMap<String, Vec<String>>,
) -> Option<String> {
    job_queue::preceding(unit, gate, &state.after, jobs, after)
        .into_iter()
        .find(|name| !after.contains_key(name))
}

async fn state(connection: &Connection, unit: &str) -> Result<UnitState, BusError> {
    let properties = fdo::PropertiesProxy::builder(connection)
        .destination(SYSTEMD)
        .path(manage::unit_path(unit))
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .map_err(|error| of_bus(error, unit))?;
    let all = properties.get_all(UNIT).await;
    let mut all = Properties(all.map_err(|error| named(error, unit))?);
    Ok(UnitState {
        active: all.take("ActiveState")?,
        sub: all.take("SubState")?,
        after: all.take("After")?,
    })
}

fn with_systemctl(unit: &str, gate: &str) -> Result<Queue, BusError> {
    let list = systemctl(&["list-jobs", "--plain", "--no-legend", "--full"])?;
    let jobs = job::parse_list(&list);
    let state = |unit: &str| {
        let properties = "--property=ActiveState,SubState,After";
        systemctl(&["show", properties, "--", unit]).map(|text| job::parse_state(&text))
    };
    let of_unit = state(unit)?;
    let mut after = BTreeMap::new();
    while let Some(name) = unasked(unit, gate, &of_unit, &jobs, &after) {
        let asked = state(&name)?;
        after.insert(name, asked.after);
    }
    Ok(Queue {
        state: of_unit,
        jobs,
        after,
    })
}

fn systemctl(arguments: &[&str]) -> Result<String, BusError> {
    let mut command = Command::new("systemctl");
    command.args(["--no-pager", "--no-ask-password"]);
    command.args(arguments);
    command::run(command, PATIENCE, MAX_OUTPUT)
        .map(|output| String::from_utf8_lossy(&output).into_owned())
        .map_err(|failure| BusError::Other {
            reason: format!("systemctl {}: {failure}", arguments.join(" ")),
        })
}
