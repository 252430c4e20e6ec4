//! Asking the monitor over D-Bus what it knows.

use std::time::Duration;

use zbus::proxy::{CacheProperties, MethodFlags};
use zbus::{Connection, Proxy};

use super::service::{MANAGER, NAME, PATH};
use crate::host::systemd_bus::{self, BusError};

/// What the monitor's `GetStatus` says, in `deadline` altogether; or why it cannot be asked. A monitor
/// that does not run is not started for it. Not to be called from within a runtime.
pub fn status(deadline: Duration) -> Result<String, String> {
    let answer = systemd_bus::run(deadline, async {
        let connection = systemd_bus::connect().await?;
        Ok(ask(&connection).await)
    });
    match answer {
        Ok(answer) => answer.map_err(|error| {
            let text = error.to_string();
            let absent = ["ServiceUnknown", "NameHasNoOwner"];
            if absent.iter().any(|name| text.contains(name)) {
                "it does not run".to_owned()
            } else {
                text
            }
        }),
        Err(BusError::TimedOut { .. }) => Err("it does not answer".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

async fn ask(connection: &Connection) -> zbus::Result<String> {
    let proxy: Proxy<'_> = zbus::proxy::Builder::new(connection)
        .destination(NAME)
        .path(PATH)
        .interface(MANAGER)
        .cache_properties(CacheProperties::No)
        .build()
        .await?;
    let answer: Option<String> = proxy
        .call_with_flags("GetStatus", MethodFlags::NO_AUTO_START, &())
        .await?;
    Ok(answer.unwrap_or_default())
}
