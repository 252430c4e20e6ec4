//! The connection to the system bus: made, kept, and made again.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use zbus::Connection;

use super::service::{self, Shared};
use crate::host::systemd_bus::manage::{self, Inbox, Told, Userspace};
use crate::host::systemd_bus::{self, BusError};
use crate::monitor::LastStart;
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

/// What happens on the bus, or to it.
pub(super) enum Event {
    /// systemd tells something.
    Told(Told),
    /// An attempt to connect has ended.
    Attempted(Result<Made, BusError>),
}

/// A connection, fresh.
pub(super) struct Made {
    connection: Connection,
    told: Arc<Inbox>,
    /// When this userspace began.
    pub(super) userspace: Userspace,
}

async fn made(shared: &Shared) -> Result<Made, BusError> {
    let connection = systemd_bus::connect().await?;
    let told = Arc::new(Inbox::new(shared.told()));
    manage::listen(&connection, &Role::ALL.map(Role::unit), Arc::clone(&told)).await?;
    let userspace = manage::userspace(&connection).await?;
    service::serve(&connection, shared)
        .await
        .map_err(|error| BusError::Other {
            reason: error.to_string(),
        })?;
    Ok(Made {
        connection,
        told,
        userspace,
    })
}

/// The connection, or when to try for one.
pub(super) struct Bus {
    connection: Option<Connection>,
    told: Arc<Inbox>,
    attempt: Option<JoinHandle<Result<Made, BusError>>>,
    retry: Option<Instant>,
    delay: Duration,
    /// Why there is no connection.
    pub(super) trouble: Option<String>,
    /// Whether the name has been asked for.
    named: bool,
    /// Why nobody can ask us.
    pub(super) unnamed: Option<String>,
}

impl Bus {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            connection: None,
            told: Arc::new(Inbox::new(Arc::default())),
            attempt: None,
            retry: None,
            delay: DELAYS[0],
            trouble: None,
            named: false,
            unnamed: None,
        }
    }

    /// When to try to connect; `None` while there is a connection, or an attempt at one.
    pub(super) const fn retry(&self) -> Option<Instant> {
        self.retry
    }

    pub(super) const fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// Begins to connect. What comes of it is [`next`](Self::next): a bus that hangs holds
    /// up nobody.
    pub(super) fn connect(&mut self, shared: &Shared) {
        self.retry = None;
        let shared = shared.clone();
        self.attempt = Some(tokio::spawn(async move {
            let late = BusError::TimedOut { after: PATIENCE };
            timeout(PATIENCE, made(&shared)).await.unwrap_or(Err(late))
        }));
    }

    /// Waits for what systemd tells, or for what comes of an attempt to connect. Nothing is lost if this
    /// is not waited for to the end.
    pub(super) async fn next(&mut self) -> Event {
        if let Some(attempt) = &mut self.attempt {
            let made = attempt.await.unwrap_or_else(|error| {
                let reason = error.to_string();
                Err(BusError::Other { reason })
            });
            self.attempt = None;
            return Event::Attempted(made);
        }
        if self.connection.is_none() {
            std::future::pending::<()>().await;
        }
        Event::Told(self.told.next().await)
    }

    /// What systemd has told already, without waiting.
    pub(super) fn ready(&self) -> Option<Told> {
        self.told.try_next()
    }

    /// Takes up what an attempt has made.
    pub(super) fn take(&mut self, made: Made) {
        self.connection = Some(made.connection);
        self.told = made.told;
        self.named = false;
        self.delay = DELAYS[0];
        self.trouble = None;
    }

    /// Asks for the name on the bus, once there is something to tell.
    pub(super) async fn own(&mut self) {
        let Some(connection) = self.connection.as_ref().filter(|_| !self.named) else {
            return;
        };
        self.unnamed = match timeout(PATIENCE, service::own(connection)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the bus did not answer".to_owned()),
        };
        self.named = true;
    }

    /// The bus may be back: no need to wait any longer.
    pub(super) fn hurry(&mut self, now: Instant) {
        if self.retry.is_some() {
            self.retry = Some(now);
            self.delay = DELAYS[0];
        }
    }

    /// There is no connection any more, or none could be made.
    pub(super) fn lose(&mut self, why: &BusError, now: Instant) {
        self.connection = None;
        self.told = Arc::new(Inbox::new(Arc::default()));
        self.retry = now.checked_add(self.delay);
        let [_, most] = DELAYS;
        self.delay = self.delay.saturating_mul(2).min(most);
        self.trouble = Some(why.to_string());
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

    /// Asks systemd of the last start of a unit that is down.
    pub(super) async fn last_start(&mut self, unit: &str, now: Instant) -> Option<LastStart> {
        let connection = self.connection.as_ref()?;
        let late = BusError::TimedOut { after: PATIENCE };
        let asked = timeout(PATIENCE, manage::last_start(connection, unit));
        match asked.await.unwrap_or(Err(late)) {
            Ok(last) => Some(last),
            Err(BusError::NotFound { .. }) => None,
            Err(error) => {
                self.failed(&error, now);
                None
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
