//! Hearing of systemd what happens to units, and having it start and stop one.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream as _;
use tokio::sync::mpsc::UnboundedSender;
use zbus::match_rule::Builder;
use zbus::{Connection, MatchRule, Message, MessageStream, fdo, message};

use super::{BusError, SYSTEMD, manager, of_bus};

/// How long systemd may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What systemd tells by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A unit, or what systemd knows of unit files, has changed.
    Changed,
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
pub fn unit_path(unit: &str) -> String {
    let mut path = "/org/freedesktop/systemd1/unit/".to_owned();
    path.push_str(&label(unit));
    path
}

/// A name as one element of an object path: what is not a letter or digit as `_` and two hexadecimal
/// digits, and a digit in front likewise.
pub fn label(name: &str) -> String {
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

/// Has systemd tell of these units, and passes on what it tells. To be called from within a runtime;
/// what was asked for ends with the connection.
pub async fn listen(
    connection: &Connection,
    units: &[&str],
    to: UnboundedSender<Told>,
) -> Result<(), BusError> {
    let stream = MessageStream::from(connection);
    if connection.is_bus() {
        let bus = fdo::DBusProxy::new(connection)
            .await
            .map_err(|error| of_bus(error, SYSTEMD))?;
        for rule in rules(units).map_err(|error| of_bus(error, SYSTEMD))? {
            bus.add_match_rule(rule)
                .await
                .map_err(|error| of_bus(zbus::Error::from(error), SYSTEMD))?;
        }
    }
    // Read without a pause: what nobody reads would hold up the answers to questions.
    tokio::spawn(forward(stream, to));
    subscribe(connection).await
}

/// Asks systemd for signals. To be done again where it has left the bus and come back.
pub async fn subscribe(connection: &Connection) -> Result<(), BusError> {
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
pub async fn start(connection: &Connection, unit: &str) -> Result<String, BusError> {
    let manager = manager(connection).await?;
    let job = bounded(manager.start_unit(unit, "replace")).await?;
    job.map(|job| job.to_string())
        .map_err(|error| of_bus(error, unit))
}

/// Stops a unit, as `systemctl stop` does; the job's object path.
pub async fn stop(connection: &Connection, unit: &str) -> Result<String, BusError> {
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
        rules.push(of_manager("JobRemoved").arg(2, *unit));
        let properties = of_systemd().interface("org.freedesktop.DBus.Properties");
        rules.push(properties.path(unit_path(unit)));
    }
    rules.into_iter().map(Builder::build).collect()
}

async fn forward(mut stream: MessageStream, to: UnboundedSender<Told>) {
    while let Some(message) = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
        let told = message.ok().and_then(|message| told(&message));
        // Nobody is left to listen.
        if told.is_some_and(|told| to.send(told).is_err()) {
            return;
        }
    }
    let _ = to.send(Told::Disconnected);
}

fn told(message: &Message) -> Option<Told> {
    let header = message.header();
    if header.message_type() != message::Type::Signal {
        return None;
    }
    match header.member()?.as_str() {
        "JobRemoved" => {
            let (_, job, unit, result): (u32, zbus::OwnedObjectPath, String, String) =
                message.body().deserialize().ok()?;
            Some(Told::JobRemoved {
                job: job.to_string(),
                unit,
                result,
            })
        }
        "PropertiesChanged" | "Reloading" | "UnitFilesChanged" => Some(Told::Changed),
        "NameOwnerChanged" => {
            let (_, _, owner): (String, String, String) = message.body().deserialize().ok()?;
            (!owner.is_empty()).then_some(Told::Restarted)
        }
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
        assert_eq!(texts.len(), 5);
        assert!(texts[3].contains("arg2='rke2-server.service'"), "{texts:?}");
        assert!(texts[4].contains("rke2_2dserver_2eservice"), "{texts:?}");
    }
}
