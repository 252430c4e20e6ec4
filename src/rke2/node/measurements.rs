//! What the monitor measures of a node beside its findings.

use super::mounts::{kubelet_dir, space};
use super::{Node, Start, advice, etcd_database, expiry};
use crate::facts::{Measurements, Room};

/// Measures what changes by time alone.
pub(crate) fn measure(start: &Start<'_>, node: &dyn Node) -> Measurements {
    let mut directories = vec![("data-dir", start.data_dir())];
    if !start.settings.is_on("disable-agent") {
        directories.extend(kubelet_dir(start).map(|path| ("kubelet", path)));
    }
    let room = |(directory, path): (&'static str, String)| {
        let (_, space) = space(node, &path)?;
        Some(Room {
            directory,
            bytes: space.bytes,
            available: space.available,
            inodes: space.inodes,
            free_inodes: space.free_inodes,
        })
    };
    Measurements {
        certificates: expiry::certificates(start, node),
        file_systems: directories.into_iter().filter_map(room).collect(),
        etcd: etcd_database::database(start, node),
        has_time_sync: advice::has_time_sync(node),
    }
}
