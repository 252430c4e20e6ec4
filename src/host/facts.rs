//! Reads what requirements ask of the host, and no more.

use std::io::BufReader;

use nix::libc;

use super::HostRoot;
use crate::fact::{
    AccountFact, Cgroup, HostFacts, KernelFact, NextBoot, Operation, ReadError, Reading, Source,
};
use crate::requirements::{Demand, Requirement};
use crate::rke2::accounts::{self, Lookup, Table};
use crate::rke2::kernel::KERNEL_PARAMETERS;

/// The account that RKE2 servers need.
const ACCOUNT: &str = "etcd";
/// Where distributions with a read-only root keep accounts that NSS sees and RKE2 does not.
const ELSEWHERE: [(Table, &str); 2] = [
    (Table::Passwd, "/usr/lib/passwd"),
    (Table::Group, "/usr/lib/group"),
];

/// Reads what `requirements` ask. `next_boot` says what files will make of each kernel parameter, by
/// position in [`KERNEL_PARAMETERS`]; `line_limit` is the longest account line this RKE2 reads.
pub fn collect(
    root: &HostRoot,
    requirements: &[Requirement],
    next_boot: Vec<Reading<NextBoot>>,
    line_limit: Option<usize>,
) -> HostFacts {
    let asked = |table: Table| {
        requirements.iter().any(|r| {
            r.applies && matches!(&r.demand, Demand::Account { table: t, .. } if *t == table)
        })
    };
    let account = |table| asked(table).then(|| look_up(root, table, table.path(), line_limit));
    let user = account(Table::Passwd);
    let group = account(Table::Group);
    let missing = |fact: &Option<AccountFact>| matches!(fact, Some(Ok(Lookup::Unknown { rejected })) if rejected.is_empty());
    let account_elsewhere = if missing(&user) || missing(&group) {
        elsewhere(root)
    } else {
        Vec::new()
    };
    let cgroup_asked = requirements
        .iter()
        .any(|r| r.applies && matches!(r.demand, Demand::CgroupV2 { .. }));
    HostFacts {
        kernel: kernel(root, next_boot),
        image: is_bare_image(root),
        user,
        group,
        account_elsewhere,
        cgroup: if cgroup_asked {
            cgroup(root)
        } else {
            Reading::Unknown {
                why: "nobody asks".to_owned(),
            }
        },
    }
}

fn kernel(root: &HostRoot, next_boot: Vec<Reading<NextBoot>>) -> Vec<KernelFact> {
    let mut next_boot = next_boot.into_iter();
    live(root)
        .into_iter()
        .map(|live| KernelFact {
            live,
            next_boot: next_boot.next().unwrap_or_else(|| Reading::Unknown {
                why: "not asked".to_owned(),
            }),
        })
        .collect()
}

/// An image as it lies on disk; a container's or a captured host's root has a `/proc`.
fn is_bare_image(root: &HostRoot) -> bool {
    !root.is_live() && root.stat("/proc/sys").is_err()
}

/// The content of each parameter's file, by position in [`KERNEL_PARAMETERS`].
pub fn live(root: &HostRoot) -> Vec<Reading<Result<Vec<u8>, ReadError>>> {
    let bare = is_bare_image(root);
    KERNEL_PARAMETERS
        .iter()
        .map(|parameter| {
            if bare {
                return Reading::Unknown {
                    why: "there is no /proc/sys below this root".to_owned(),
                };
            }
            match root.read(parameter.path()) {
                // RKE2 would wait on a FIFO, has rights that we may lack, and need not meet what
                // passes: no answer of ours is its answer.
                Err(error) if error.is_ours() => Reading::Unknown {
                    why: error.to_string(),
                },
                content => Reading::Known(content),
            }
        })
        .collect()
}

fn look_up(root: &HostRoot, table: Table, path: &str, limit: Option<usize>) -> AccountFact {
    let file = root.open_file(path)?;
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    accounts::lookup(&mut reader, table, ACCOUNT, limit).map_err(|error| {
        root.failed(ReadError::Os {
            operation: Operation::Read,
            path: path.to_owned(),
            errno: error.raw_os_error().unwrap_or(libc::EIO),
        })
    })
}

fn elsewhere(root: &HostRoot) -> Vec<(Table, Source)> {
    ELSEWHERE
        .into_iter()
        .filter_map(|(table, path)| match look_up(root, table, path, None) {
            Ok(Lookup::Found { line, .. }) => Some((table, Source::line(path, line))),
            _ => None,
        })
        .collect()
}

/// Which cgroup hierarchy is mounted: the root of the unified one, and only that, has
/// `cgroup.controllers`. (The kubelet asks `statfs` for the file system's type, which says the same.)
fn cgroup(root: &HostRoot) -> Reading<Cgroup> {
    const LEGACY: [&str; 5] = ["memory", "cpu", "pids", "systemd", "unified"];
    if root.stat("/sys/fs/cgroup/cgroup.controllers").is_ok() {
        return Reading::Known(Cgroup::V2);
    }
    let legacy = |name: &&str| root.stat(format!("/sys/fs/cgroup/{name}")).is_ok();
    if LEGACY.iter().any(legacy) {
        return Reading::Known(Cgroup::V1);
    }
    Reading::Unknown {
        why: "no hierarchy is mounted on /sys/fs/cgroup".to_owned(),
    }
}
