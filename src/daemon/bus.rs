//! The connection to the system bus: made, kept, and made again.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use zbus::Connection;

use super::service::{self, Shared};
use crate::host::systemd_bus::manage::{self, Told};
use crate::host::systemd_bus::{self, BusError};
use crate::rke2::role::Role;
use crate::unit::LiveUnit;

/// How long the bus may take to take us on, and systemd to tell of a unit.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two tries to connect: this at first, twice as long each time, up to the other.
const DELAYS: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(5)];

/// What systemd says of a unit.
#[derive(Debug)]
pub(super) enum Answer {
    /// This.
    Live(Box<LiveUnit>),
    /// It knows no such unit.
    NotThere,
    /// It says nothing.
    None,
}

/// The connection, or when to try for one.
pub(super) struct Bus {
    connection: Option<Connection>,
    told: mpsc::UnboundedReceiver<Told>,
    retry: Option<Instant>,
    delay: Duration,
    /// Why there is no connection.
    pub(super) trouble: Option<String>,
    /// Why nobody can ask us.
    pub(super) unnamed: Option<String>,
}

impl Bus {
    /// None yet, and to be tried at once.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            connection: None,
            told: mpsc::unbounded_channel().1,
            retry: Some(now),
            delay: DELAYS[0],
            trouble: None,
            unnamed: None,
        }
    }

    /// When to try to connect; `None` while there is a connection.
    pub(super) const fn retry(&self) -> Option<Instant> {
        self.retry
    }

    pub(super) const fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// Tries to connect.
    pub(super) async fn connect(&mut self, shared: &Shared, now: Instant) {
        let late = BusError::TimedOut { after: PATIENCE };
        let made = timeout(PATIENCE, Self::attempt())
            .await
            .unwrap_or(Err(late));
        match made {
            Ok((connection, told)) => {
                let served = timeout(PATIENCE, service::serve(&connection, shared)).await;
                self.unnamed = match served {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(error.to_string()),
                    Err(_) => Some("the bus did not answer".to_owned()),
                };
                self.connection = Some(connection);
                self.told = told;
                self.retry = None;
                self.delay = DELAYS[0];
                self.trouble = None;
            }
            Err(error) => self.lose(&error, now),
        }
    }

    async fn attempt() -> Result<(Connection, mpsc::UnboundedReceiver<Told>), BusError> {
        let connection = systemd_bus::connect().await?;
        let (to, told) = mpsc::unbounded_channel();
        manage::listen(&connection, &Role::ALL.map(Role::unit), to).await?;
        Ok((connection, told))
    }

    /// There is no connection any more, or none could be made.
    pub(super) fn lose(&mut self, why: &BusError, now: Instant) {
        self.connection = None;
        self.told = mpsc::unbounded_channel().1;
        self.retry = now.checked_add(self.delay);
        let [_, most] = DELAYS;
        self.delay = self.delay.saturating_mul(2).min(most);
        self.trouble = Some(why.to_string());
    }

    /// Waits for systemd to tell something; without a connection, for ever.
    pub(super) async fn told(&mut self) -> Told {
        if self.connection.is_none() {
            std::future::pending::<()>().await;
        }
        self.told.recv().await.unwrap_or(Told::Disconnected)
    }

    /// Asks systemd of a unit.
    pub(super) async fn query(&mut self, unit: &str, now: Instant) -> Answer {
        let Some(connection) = &self.connection else {
            return Answer::None;
        };
        let late = BusError::TimedOut { after: PATIENCE };
        let asked = timeout(PATIENCE, systemd_bus::query(connection, unit));
        match asked.await.unwrap_or(Err(late)) {
            Ok(live) => {
                self.trouble = None;
                Answer::Live(Box::new(live))
            }
            Err(BusError::NotFound { .. }) => Answer::NotThere,
            Err(error) => {
                self.failed(&error, now);
                Answer::None
            }
        }
    }

    /// What an error says of the connection.
    pub(super) fn failed(&mut self, error: &BusError, now: Instant) {
        match error {
            // One that does not answer would hold up every look.
            BusError::NoBus { .. } | BusError::Disconnected { .. } | BusError::TimedOut { .. } => {
                self.lose(error, now);
            }
            _ => self.trouble = Some(error.to_string()),
        }
    }
}
