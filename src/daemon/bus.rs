//! The connection to the system bus: made, kept, and made again after a failure.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use zbus::Connection;

use super::service::{self, Shared};
use crate::host::systemd_bus::manage::{self, SignalQueue, SystemdSignal, Userspace};
use crate::host::systemd_bus::{self, BusError};
use crate::monitor::LastStart;
use crate::rke2::role::Role;
use crate::unit::LiveUnit;

/// How long a connection attempt may take, and a query about one unit.
const PATIENCE: Duration = Duration::from_secs(2);
/// The first delay between two connection attempts, and the longest. It doubles each time.
const DELAYS: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(5)];

/// The result of a query about a unit.
#[derive(Debug)]
pub(super) enum QueryResult {
    /// systemd has the unit.
    Live(Box<LiveUnit>),
    /// systemd knows no such unit.
    NotFound,
    /// systemd cannot be asked.
    Unavailable,
}

/// An event on the bus, or of the connection to it.
pub(super) enum BusEvent {
    /// systemd has sent a signal.
    Signal(SystemdSignal),
    /// A connection attempt has ended.
    Attempted(Result<Session, BusError>),
}

/// A new connection, with the monitor's objects on it and subscribed to systemd's signals.
pub(super) struct Session {
    connection: Connection,
    signals: Arc<SignalQueue>,
    /// When this userspace began.
    pub(super) userspace: Userspace,
}

async fn open_session(shared: &Shared) -> Result<Session, BusError> {
    let connection = systemd_bus::connect().await?;
    let signals = Arc::new(SignalQueue::new(shared.change_counter()));
    manage::listen(
        &connection,
        &Role::ALL.map(Role::unit),
        Arc::clone(&signals),
    )
    .await?;
    let userspace = manage::userspace(&connection).await?;
    service::serve(&connection, shared)
        .await
        .map_err(|error| BusError::Other {
            reason: error.to_string(),
        })?;
    Ok(Session {
        connection,
        signals,
        userspace,
    })
}

/// The connection, or the next attempt at one.
pub(super) struct Bus {
    connection: Option<Connection>,
    signals: Arc<SignalQueue>,
    attempt: Option<JoinHandle<Result<Session, BusError>>>,
    retry: Option<Instant>,
    delay: Duration,
    /// Why there is no connection, or why the last call failed.
    pub(super) trouble: Option<String>,
    /// Whether the name was requested on this connection.
    name_requested: bool,
    /// Why the name could not be acquired, without which clients cannot reach the monitor.
    pub(super) name_trouble: Option<String>,
}

impl Bus {
    /// Not connected yet.
    pub(super) fn new() -> Self {
        Self {
            connection: None,
            signals: Arc::new(SignalQueue::new(Arc::default())),
            attempt: None,
            retry: None,
            delay: DELAYS[0],
            trouble: None,
            name_requested: false,
            name_trouble: None,
        }
    }

    /// When to try to connect; `None` while there is a connection, or an attempt at one.
    pub(super) const fn retry(&self) -> Option<Instant> {
        self.retry
    }

    pub(super) const fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// Begins to connect, in a task of its own: a bus that hangs must not delay an evaluation.
    /// [`next`](Self::next) returns the result.
    pub(super) fn connect(&mut self, shared: &Shared) {
        self.retry = None;
        let shared = shared.clone();
        self.attempt = Some(tokio::spawn(async move {
            let late = BusError::TimedOut { after: PATIENCE };
            timeout(PATIENCE, open_session(&shared))
                .await
                .unwrap_or(Err(late))
        }));
    }

    /// Waits for a signal of systemd, or for the end of a connection attempt. Cancel safe.
    pub(super) async fn next(&mut self) -> BusEvent {
        if let Some(attempt) = &mut self.attempt {
            let session = attempt.await.unwrap_or_else(|error| {
                let reason = error.to_string();
                Err(BusError::Other { reason })
            });
            self.attempt = None;
            return BusEvent::Attempted(session);
        }
        if self.connection.is_none() {
            std::future::pending::<()>().await;
        }
        BusEvent::Signal(self.signals.next().await)
    }

    /// The next signal that has arrived already, without waiting.
    pub(super) fn try_next(&self) -> Option<SystemdSignal> {
        self.signals.try_next()
    }

    /// Uses a new connection from now on.
    pub(super) fn adopt(&mut self, session: Session) {
        self.connection = Some(session.connection);
        self.signals = session.signals;
        self.name_requested = false;
        self.delay = DELAYS[0];
        self.trouble = None;
    }

    /// Requests the name on the bus, once per connection. To be called after the first evaluation is
    /// published.
    pub(super) async fn request_name(&mut self) {
        let Some(connection) = self.connection.as_ref().filter(|_| !self.name_requested) else {
            return;
        };
        self.name_trouble = match timeout(PATIENCE, service::request_name(connection)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the bus did not answer".to_owned()),
        };
        self.name_requested = true;
    }

    /// Ends the delay before the next attempt: the bus may be back.
    pub(super) fn retry_now(&mut self, now: Instant) {
        if self.retry.is_some() {
            self.retry = Some(now);
            self.delay = DELAYS[0];
        }
    }

    /// Drops the connection, and schedules an attempt at another.
    pub(super) fn disconnect(&mut self, why: &BusError, now: Instant) {
        self.connection = None;
        self.signals = Arc::new(SignalQueue::new(Arc::default()));
        self.retry = now.checked_add(self.delay);
        let [_, most] = DELAYS;
        self.delay = self.delay.saturating_mul(2).min(most);
        self.trouble = Some(why.to_string());
    }

    /// Queries systemd about a unit.
    pub(super) async fn query(&mut self, unit: &str, now: Instant) -> QueryResult {
        let Some(connection) = &self.connection else {
            return QueryResult::Unavailable;
        };
        let late = BusError::TimedOut { after: PATIENCE };
        let query = timeout(PATIENCE, systemd_bus::query(connection, unit));
        match query.await.unwrap_or(Err(late)) {
            Ok(live) => {
                self.trouble = None;
                QueryResult::Live(Box::new(live))
            }
            Err(BusError::NotFound { .. }) => QueryResult::NotFound,
            Err(error) => {
                self.record_error(&error, now);
                QueryResult::Unavailable
            }
        }
    }

    /// Queries systemd about the last start of a unit that is down.
    pub(super) async fn last_start(&mut self, unit: &str, now: Instant) -> Option<LastStart> {
        let connection = self.connection.as_ref()?;
        let late = BusError::TimedOut { after: PATIENCE };
        let query = timeout(PATIENCE, manage::last_start(connection, unit));
        match query.await.unwrap_or(Err(late)) {
            Ok(last) => Some(last),
            Err(BusError::NotFound { .. }) => None,
            Err(error) => {
                self.record_error(&error, now);
                None
            }
        }
    }

    /// Records a failed call. One that shows that the connection is unusable also ends the connection.
    pub(super) fn record_error(&mut self, error: &BusError, now: Instant) {
        match error {
            // A bus that does not answer would delay every evaluation.
            BusError::NoBus { .. } | BusError::Disconnected { .. } | BusError::TimedOut { .. } => {
                self.disconnect(error, now);
            }
            _ => self.trouble = Some(error.to_string()),
        }
    }
}
