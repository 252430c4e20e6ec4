//! systemd's job queue: reads it and cancels jobs. Over D-Bus; where the bus does not answer, with
//! `systemctl`, which connects to PID 1 through systemd's private socket.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use zbus::Connection;

use super::{BusError, SYSTEMD, UNIT, UnitObject, connect, manage, manager, of_bus};
use crate::gate::job_queue;
use crate::host::rke2_binary::command;
use crate::unit::job::{self, Job, UnitState};

/// How long one query may take, over the bus and again with `systemctl`. If neither answers, the gate still
/// has time to log that within its 20 s.
const PATIENCE: Duration = Duration::from_secs(4);
/// The most that `systemctl` may print: the queue of a boot holds some hundred jobs.
const MAX_OUTPUT: usize = 1 << 20;

/// The jobs that concern a unit, and what they wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queue {
    /// The state of the unit.
    pub state: UnitState,
    /// All jobs.
    pub jobs: Vec<Job>,
    /// `After=` of the queued units that it has to wait for.
    pub after: BTreeMap<String, Vec<String>>,
}

/// Access to the queue. A bus that has failed to answer once is not asked again: the gate has no time to
/// spare for it.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// The error of the bus, once it has failed.
    failed: Option<BusError>,
}

impl Access {
    /// Whether the bus has answered every query.
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

    /// The jobs that concern `unit`, whose gate is `gate`.
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
            // Each query can find further units to wait for.
            while let Some(name) = unasked(unit, gate, &state, &jobs, &after) {
                let found = self::state(&connection, &name).await?;
                after.insert(name, found.after);
            }
            Ok(Queue { state, jobs, after })
        };
        self.ask(over_bus, || with_systemctl(unit, gate))
    }

    /// Cancels the job. The unit keeps its state.
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

    /// Stops the unit, which ends an automatic restart. Returns the stop job's object path; `None` where
    /// `systemctl` had to be used, which does not print it.
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
    let object = UnitObject::new(connection, unit).await?;
    let mut all = object.properties(UNIT).await?;
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
        let found = state(&name)?;
        after.insert(name, found.after);
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
