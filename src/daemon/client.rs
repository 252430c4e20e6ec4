//! A client of the monitor's D-Bus interface, for the `status` command; and, where the monitor does not run,
//! the blocks that the gate has written.

use std::time::Duration;

use zbus::proxy::{CacheProperties, MethodFlags};
use zbus::{Connection, Proxy};

use super::service::{MANAGER, NAME, PATH};
use crate::gate::block::Block;
use crate::host::state::State;
use crate::host::systemd_bus::{self, BusError, manage};
use crate::monitor::Phase;
use crate::rke2::role::Role;

/// The JSON that the monitor's `GetStatus` returns within `deadline`, or why there is none. A monitor that
/// does not run is not started. Not to be called within a runtime.
pub(crate) fn status(deadline: Duration) -> Result<String, String> {
    let answer = systemd_bus::run(deadline, async {
        let connection = systemd_bus::connect().await?;
        Ok(get_status(&connection).await)
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

/// The units that the gate blocks, from the files that it wrote, within `deadline`. A unit that runs is not
/// blocked; where systemd does not answer, the file counts. Not to be called within a runtime.
pub(crate) fn blocks(deadline: Duration) -> Vec<Block> {
    let mut state = State::default();
    let is_blocked = |state: &State, role: &Role| state.read_block(role.unit()).is_some();
    if !Role::ALL.iter().any(|role| is_blocked(&state, role)) {
        return Vec::new();
    }
    let answer = systemd_bus::run(deadline, async {
        let connection = systemd_bus::connect().await?;
        let userspace = manage::userspace(&connection).await?;
        let mut up = Vec::new();
        for role in Role::ALL {
            match systemd_bus::query(&connection, role.unit()).await {
                Ok(live) if Phase::of(&live) == Phase::Running => up.push(role),
                Ok(_) | Err(BusError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((userspace, up))
    });
    let mut up = Vec::new();
    if let Ok((userspace, running)) = answer {
        state.since(userspace);
        up = running;
    }
    Role::ALL
        .iter()
        .filter(|role| !up.contains(role))
        .filter_map(|role| state.read_block(role.unit()))
        .collect()
}

async fn get_status(connection: &Connection) -> zbus::Result<String> {
    let proxy: Proxy<'_> = zbus::proxy::Builder::new(connection)
        .destination(NAME)
        .path(PATH)
        .interface(MANAGER)
        .cache_properties(CacheProperties::No)
        .build()
        .await?;
    let status: Option<String> = proxy
        .call_with_flags("GetStatus", MethodFlags::NO_AUTO_START, &())
        .await?;
    Ok(status.unwrap_or_default())
}
