//! The size of etcd's database. At its quota etcd takes no more writes, and RKE2, which writes as it starts, ends.
//!
//! Source: etcd `server/storage/quota.go` (`DefaultQuotaBytes`, 2 GiB; a negative quota is none), rancher/rke2#11087.

use super::{Node, NodeProblem, Start};
use crate::facts::{EtcdDatabase, Evidence, Part, Source};
use crate::finding::{CheckId, Remedy};

/// The setting with etcd's arguments.
const ARGUMENTS: &str = "etcd-arg";
const QUOTA: &str = "quota-backend-bytes";
const DEFAULT: u64 = 2 << 30;
/// Above this share of the quota it is time to act.
const PERCENT: u64 = 90;

/// The database of the node's own etcd. `None` where it has none yet.
pub(super) fn database(start: &Start<'_>, node: &dyn Node) -> Option<EtcdDatabase> {
    if !start.has_etcd() || start.entries(ARGUMENTS, "data-dir").next().is_some() {
        return None;
    }
    let path = format!("{}/server/db/etcd/member/snap/db", start.data_dir());
    let bytes = node.file_size(&path)?;
    Some(EtcdDatabase {
        path,
        bytes,
        quota: quota(start),
    })
}

fn quota(start: &Start<'_>) -> Option<u64> {
    match start.entries(ARGUMENTS, QUOTA).next_back() {
        None => Some(DEFAULT),
        Some(text) => match text.trim().parse::<i64>().ok()? {
            0 => Some(DEFAULT),
            bytes => u64::try_from(bytes).ok(),
        },
    }
}

/// A database that is near its quota.
pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    if !node.advises() {
        return None;
    }
    let database = database(start, node)?;
    let quota = database.quota?;
    if database.bytes < (quota / 100).saturating_mul(PERCENT) {
        return None;
    }
    let mib = |bytes: u64| bytes >> 20;
    Some(NodeProblem {
        required: Some(format!("less than {PERCENT} % of {} MiB", mib(quota))),
        actual: Some(format!("{} MiB", mib(database.bytes))),
        notes: vec![
            "at the quota etcd raises the alarm NOSPACE and takes no more writes, and RKE2, which writes at its start, \
             ends again and again"
                .to_owned(),
        ],
        evidence: vec![Evidence::place(Source::file(&database.path), Part::Read)],
        remedies: vec![
            Remedy::manual(
                "compact and defragment etcd while it still takes writes (`etcdctl compact`, `etcdctl defrag`), on each \
                 server in turn",
            ),
            Remedy::manual(format!(
                "or raise the quota on all servers: `etcd-arg: [{QUOTA}=BYTES]` in RKE2's configuration, at most 8 GiB"
            )),
        ],
        ..NodeProblem::advice(
            CheckId::HostEtcdQuota,
            "etcd's database",
            format!(
                "etcd's database has {} MiB, and its quota is {} MiB",
                mib(database.bytes),
                mib(quota)
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::node::tests::of;
    use crate::rke2::role::Role;
    use crate::rke2::version::Version;

    struct Database {
        bytes: Option<u64>,
        advises: bool,
    }

    impl Node for Database {
        fn advises(&self) -> bool {
            self.advises
        }

        fn file_size(&self, path: &str) -> Option<u64> {
            assert_eq!(path, "/var/lib/rancher/rke2/server/db/etcd/member/snap/db");
            self.bytes
        }
    }

    fn with<T>(config: &str, then: impl FnOnce(&Start<'_>) -> T) -> T {
        of(Role::Server, &Version::new(34, 1, 1), config, then)
    }

    #[test]
    fn the_quota_is_the_argument_or_the_default() {
        for (config, quota) in [
            ("", Some(DEFAULT)),
            ("etcd-arg: [quota-backend-bytes=0]", Some(DEFAULT)),
            (
                "etcd-arg: [quota-backend-bytes=1, --quota-backend-bytes=4294967296]",
                Some(4 << 30),
            ),
            ("etcd-arg: [quota-backend-bytes=-1]", None),
            ("etcd-arg: [quota-backend-bytes]", None),
            ("etcd-arg: [quota-backend-bytes=2G]", None),
            ("etcd-arg: [quota-backend-bytes=99999999999999999999]", None),
        ] {
            let node = Database {
                bytes: Some(7),
                advises: true,
            };
            let found = with(config, |start| database(start, &node)).unwrap();
            assert_eq!((found.bytes, found.quota), (7, quota), "{config}");
        }
    }

    #[test]
    fn it_is_told_in_time() {
        let found = |config: &str, bytes, advises| {
            let node = Database { bytes, advises };
            with(config, |start| problem(start, &node)).map(|problem| problem.summary)
        };
        let large = Some(1900 << 20);
        assert_eq!(found("", Some(1800 << 20), true), None);
        assert_eq!(
            found("", large, true).unwrap(),
            "etcd's database has 1900 MiB, and its quota is 2048 MiB"
        );
        assert_eq!(found("", large, false), None, "the gate does not ask");
        assert_eq!(found("", None, true), None, "before the first start");
        for config in [
            "etcd-arg: [quota-backend-bytes=-1]",
            "etcd-arg: [quota-backend-bytes=4294967296]",
            "etcd-arg: [data-dir=/x]",
            "disable-etcd: true",
        ] {
            assert_eq!(found(config, large, true), None, "{config}");
        }
    }
}
