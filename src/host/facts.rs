//! Reads the facts that requirements are about, and no more.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use nix::libc;

use super::HostRoot;
use super::apply::Programs;
use super::kernel_writes::KernelWrites;
use super::root::FileKind;
use crate::facts::{
    AccountFact, AccountRow, AccountSources, AccountTool, Cgroup, HostFacts, KernelFact, Lookup,
    NextBoot, Operation, ReadError, Reading, RemedyFacts, Source, Table, TargetRoot, WriteAccess,
};
use crate::finding::account::SYSUSERS_FILE;
use crate::requirements::{KubeletCheck, Requirement, RequirementKind};
use crate::rke2::kernel::{KERNEL_PARAMETERS, KernelParameter};
use crate::rke2::{accounts, subordinate_ids};
use crate::unit::SEARCH_PATH;

/// The account that RKE2 servers need.
const ACCOUNT: &str = "etcd";
/// Where distributions with a read-only root keep accounts that NSS reads and RKE2 does not.
const ELSEWHERE: [(Table, &str); 2] = [
    (Table::Passwd, "/usr/lib/passwd"),
    (Table::Group, "/usr/lib/group"),
];

/// Reads the facts of `requirements`. `next_boot` is what files set each kernel parameter to, by position in
/// [`KERNEL_PARAMETERS`]; `line_limit` is the longest account line that the release reads.
pub fn collect(
    root: &HostRoot,
    requirements: &[Requirement],
    next_boot: Vec<Reading<NextBoot>>,
    line_limit: Option<usize>,
) -> HostFacts {
    let is_required = |table: Table| {
        requirements.iter().any(|r| {
            r.applies && matches!(&r.kind, RequirementKind::Account { table: t, .. } if *t == table)
        })
    };
    let account = |table| {
        if is_required(table) {
            Some(look_up(root, table, table.path(), ACCOUNT, line_limit))
        } else {
            None
        }
    };
    let user = account(Table::Passwd);
    let group = account(Table::Group);
    let missing = |fact: &Option<AccountFact>| matches!(fact, Some(Ok(Lookup::Unknown { rejected })) if rejected.is_empty());
    let account_is_missing = missing(&user) || missing(&group);
    let account_elsewhere = if account_is_missing {
        elsewhere(root)
    } else {
        Vec::new()
    };
    let needs_line = |next: &Reading<NextBoot>| matches!(next, Reading::Known(next) if next.persistence.is_some());
    let mut remedy = RemedyFacts::default();
    if account_is_missing {
        remedy.accounts = account_sources(root);
    }
    if account_is_missing || next_boot.iter().any(needs_line) {
        remedy.root = target_root(root);
    }
    let is_cgroup_required = requirements
        .iter()
        .any(|r| r.applies && matches!(r.kind, RequirementKind::CgroupV2 { .. }));
    let are_ids_required = requirements
        .iter()
        .any(|r| r.applies && r.kind == RequirementKind::SubordinateIds);
    let is_overwritten = requirements.iter().any(|requirement| {
        matches!(
            requirement.kind,
            RequirementKind::Kernel {
                kubelet: KubeletCheck::Overwrites { .. },
                ..
            }
        )
    });
    HostFacts {
        kernel: kernel(root, next_boot, is_overwritten),
        subordinate_ids: if are_ids_required {
            subordinate_ids(root)
        } else {
            None
        },
        systemd: None,
        image: is_bare_image(root),
        user,
        group,
        account_elsewhere,
        cgroup: if is_cgroup_required {
            cgroup(root)
        } else {
            Reading::Unknown {
                why: "not required".to_owned(),
            }
        },
        remedy,
    }
}

/// `is_overwritten`: the kubelet writes a value that is not the required one.
fn kernel(
    root: &HostRoot,
    next_boot: Vec<Reading<NextBoot>>,
    is_overwritten: bool,
) -> Vec<KernelFact> {
    let mut next_boot = next_boot.into_iter();
    let mut writes: Option<KernelWrites> = None;
    live(root)
        .into_iter()
        .zip(&KERNEL_PARAMETERS)
        .map(|(live, parameter)| KernelFact {
            // The kubelet writes another value only: mounts are not read where all are right.
            write: if is_overwritten && is_other_value(&live, parameter) {
                let writes = writes.get_or_insert_with(|| KernelWrites::read(root));
                writes.access(&parameter.path())
            } else {
                WriteAccess::Allowed
            },
            live,
            next_boot: next_boot.next().unwrap_or_else(|| Reading::Unknown {
                why: "not required".to_owned(),
            }),
        })
        .collect()
}

/// Whether the kubelet reads another value than the required one.
fn is_other_value(live: &Reading<Result<Vec<u8>, ReadError>>, parameter: &KernelParameter) -> bool {
    match live {
        Reading::Known(content) => {
            KernelParameter::as_kubelet(content).is_ok_and(|value| value != parameter.required)
        }
        Reading::Unknown { .. } => false,
    }
}

/// An image on disk; the root of a container or of a captured host has a `/proc`.
fn is_bare_image(root: &HostRoot) -> bool {
    !root.is_live() && root.stat("/proc/sys").is_err()
}

/// The content of each parameter's file, by position in [`KERNEL_PARAMETERS`].
pub(crate) fn live(root: &HostRoot) -> Vec<Reading<Result<Vec<u8>, ReadError>>> {
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
                // RKE2 would wait on a FIFO, may have permissions that this process lacks, and may not hit a
                // temporary failure: its result is not known.
                Err(error) if error.is_ours() => Reading::Unknown {
                    why: error.to_string(),
                },
                content => Reading::Known(content),
            }
        })
        .collect()
}

/// How much of a large account file is read at a time.
const BUFFER: usize = 64 * 1024;

fn look_up(
    root: &HostRoot,
    table: Table,
    path: &str,
    name: &str,
    limit: Option<usize>,
) -> AccountFact {
    let (file, status) = root.open_known(Path::new(path))?;
    let size = usize::try_from(status.size).unwrap_or(BUFFER);
    let mut reader = BufReader::with_capacity(size.clamp(512, BUFFER), file);
    accounts::lookup(&mut reader, table, name, limit).map_err(|error| {
        root.failed(ReadError::Os {
            operation: Operation::Read,
            path: path.to_owned(),
            errno: error.raw_os_error().unwrap_or(libc::EIO),
        })
    })
}

/// Whether a text is anywhere in a file.
fn mentions(root: &HostRoot, path: &str, text: &str) -> Result<bool, ReadError> {
    let file = root.open_known(Path::new(path))?.0;
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let mut seen: Vec<u8> = Vec::new();
    loop {
        let Ok(chunk) = reader.fill_buf() else {
            // The look-up reads it again, and reports the error.
            return Ok(true);
        };
        if chunk.is_empty() {
            return Ok(false);
        }
        seen.extend_from_slice(chunk);
        let length = chunk.len();
        reader.consume(length);
        let found = match std::str::from_utf8(&seen) {
            Ok(seen) => seen.contains(text),
            Err(_) => seen.windows(text.len()).any(|part| part == text.as_bytes()),
        };
        if found {
            return Ok(true);
        }
        // The text can begin at the end of this chunk.
        seen.drain(..seen.len().saturating_sub(text.len()));
    }
}

/// The kubelet's error about the subordinate ids of a user `kubelet`. The content of the files decides where
/// nothing names another source of them.
fn subordinate_ids(root: &HostRoot) -> Option<String> {
    let table = Table::Passwd;
    // Hardly a host has this user, and to look for a text takes less than to read rows.
    if !mentions(root, table.path(), subordinate_ids::USER).unwrap_or(true) {
        return None;
    }
    let user = look_up(root, table, table.path(), subordinate_ids::USER, None);
    let Ok(Lookup::Found { id, .. }) = user else {
        return None;
    };
    let program = |directory: &str| {
        root.stat(format!("{directory}/{}", subordinate_ids::PROGRAM))
            .is_ok()
    };
    // RKE2 puts a directory of its own before these, without this program.
    if !SEARCH_PATH.iter().any(|directory| program(directory)) {
        return Some(subordinate_ids::missing_program());
    }
    let text = |path: &str| match root.read(path) {
        Ok(content) => String::from_utf8(content).ok(),
        Err(error) if error.is_absent() => Some(String::new()),
        Err(_) => None,
    };
    if text("/etc/nsswitch.conf")?.contains("subid") {
        return None;
    }
    subordinate_ids::refusal(&text("/etc/subuid")?, &text("/etc/subgid")?, id)
}

fn elsewhere(root: &HostRoot) -> Vec<AccountRow> {
    ELSEWHERE
        .into_iter()
        .filter_map(
            |(table, path)| match look_up(root, table, path, ACCOUNT, None) {
                Ok(Lookup::Found { line, .. }) => row(root, table, Source::line(path, line)),
                _ => None,
            },
        )
        .collect()
}

/// The row at `source`, where it is text.
fn row(root: &HostRoot, table: Table, source: Source) -> Option<AccountRow> {
    let line = usize::try_from(source.line?).ok()?;
    let content = root.read_large(Path::new(&source.path)).ok()?;
    let mut rows = content.split(|byte| *byte == b'\n');
    let row = std::str::from_utf8(rows.nth(line.saturating_sub(1))?).ok()?;
    Some(AccountRow {
        table,
        row: row.trim().to_owned(),
        source,
    })
}

/// What decides how the account is created.
fn account_sources(root: &HostRoot) -> AccountSources {
    let tool = if root.is_live() {
        account_tool(&Programs::default())
    } else {
        AccountTool::Missing
    };
    AccountSources {
        tool,
        passwd: account_file(root, Table::Passwd, root.is_live()),
        group: account_file(root, Table::Group, root.is_live()),
        // A file that exists and cannot be read is not ours.
        declared: match root.read(SYSUSERS_FILE) {
            Ok(content) => Some(content),
            Err(error) if error.is_absent() => None,
            Err(_) => Some(Vec::new()),
        },
        login_defs: if root.is_live() {
            None
        } else {
            Some(root.read("/etc/login.defs").unwrap_or_default())
        },
    }
}

/// The account file of `table`. On the running host a program creates the account and reads the file itself,
/// and the gate has 64 MiB of memory: of a large file, only the last byte is read there, which shows whether
/// the last line has its line feed.
fn account_file(root: &HostRoot, table: Table, is_live: bool) -> Vec<u8> {
    const LARGE: u64 = 4 << 20;
    let path = Path::new(table.path());
    if is_live
        && let Ok((file, status)) = root.open_known(path)
        && status.size > LARGE
    {
        let mut last = [b'\n'];
        return match file.read_exact_at(&mut last, status.size.saturating_sub(1)) {
            Ok(()) => last.to_vec(),
            Err(_) => Vec::new(),
        };
    }
    // A file that cannot be read is an error of the root, for which `fix` changes nothing.
    root.read_large(path).unwrap_or_default()
}

fn account_tool(programs: &Programs) -> AccountTool {
    let has = |name| programs.find(name).is_some();
    if has("systemd-sysusers") {
        AccountTool::Sysusers
    } else if has("useradd") && has("groupadd") {
        AccountTool::Shadow
    } else {
        AccountTool::Missing
    }
}

/// Where remedies change files.
fn target_root(root: &HostRoot) -> TargetRoot {
    /// All that remedies write to.
    const WRITTEN: [&str; 7] = [
        "/etc",
        "/etc/sysctl.d",
        "/etc/passwd",
        "/etc/group",
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/.pwd.lock",
    ];
    if root.is_live() {
        return TargetRoot::default();
    }
    let directory = root.path().to_string_lossy();
    let is_link = |path: &&str| {
        root.lstat(path)
            .is_ok_and(|there| there.kind == FileKind::Link)
    };
    TargetRoot {
        directory: directory.trim_end_matches('/').to_owned(),
        links: WRITTEN
            .into_iter()
            .filter(is_link)
            .map(str::to_owned)
            .collect(),
    }
}

/// Which cgroup hierarchy is mounted: the root of the unified one, and only that, has
/// `cgroup.controllers`. (The kubelet asks `statfs` for the file system's type, which says the same.)
pub(crate) fn cgroup(root: &HostRoot) -> Reading<Cgroup> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{CheckId, Stage};
    use crate::host::fixture::host;
    use crate::requirements::Because;

    fn required(kind: RequirementKind, applies: bool) -> Requirement {
        Requirement {
            id: CheckId::SysctlPanic,
            applies,
            because: Because {
                words: String::new(),
                source: None,
            },
            kind,
        }
    }

    fn account(table: Table, applies: bool) -> Requirement {
        let kind = RequirementKind::Account {
            table,
            stage: Stage::KernelParameters,
            separator: ": ",
        };
        required(kind, applies)
    }

    fn collected(root: &HostRoot, requirements: &[Requirement]) -> HostFacts {
        collect(root, requirements, Vec::new(), None)
    }

    #[test]
    fn of_a_large_account_file_a_running_host_needs_the_end() {
        let row = "user:x:1000:1000::/:/bin/sh\n";
        let large = row.repeat((5 << 20) / row.len());
        let (_dir, root) = host(&[("/etc/passwd", large.trim_end()), ("/etc/group", &large)]);
        assert_eq!(account_file(&root, Table::Passwd, true), b"h");
        assert_eq!(account_file(&root, Table::Group, true), b"\n");
        let whole = account_file(&root, Table::Passwd, false);
        assert_eq!(whole.len(), large.len() - 1);
        let (_dir, small) = host(&[("/etc/passwd", row)]);
        assert_eq!(account_file(&small, Table::Passwd, true), row.as_bytes());
        assert_eq!(account_file(&small, Table::Group, true), b"");
    }

    #[test]
    fn nothing_is_read_that_is_not_required() {
        let (_dir, root) = host(&[
            ("/etc/passwd", "etcd:x:5:6::/:/x\n"),
            ("/etc/group", "etcd:x:6:\n"),
            ("/sys/fs/cgroup/cgroup.controllers", ""),
        ]);
        let cgroup = |applies| {
            required(
                RequirementKind::CgroupV2 {
                    words: "",
                    otherwise: Vec::new(),
                },
                applies,
            )
        };
        let facts_if = |applies| {
            let facts = collected(
                &root,
                &[
                    account(Table::Passwd, applies),
                    account(Table::Group, applies),
                    cgroup(applies),
                ],
            );
            let found = |fact: Option<AccountFact>| fact.map(|fact| fact.unwrap());
            (found(facts.user), found(facts.group), facts.cgroup)
        };
        let user = Lookup::Found {
            line: 1,
            id: 5,
            gid: 6,
        };
        let (found, group, hierarchy) = facts_if(true);
        assert_eq!(found, Some(user.clone()));
        assert!(matches!(group, Some(Lookup::Found { id: 6, .. })));
        assert_eq!(hierarchy, Reading::Known(Cgroup::V2));
        let (found, group, hierarchy) = facts_if(false);
        assert_eq!((found, group), (None, None));
        assert!(matches!(hierarchy, Reading::Unknown { .. }));
        let facts = collected(&root, &[account(Table::Passwd, true), cgroup(false)]);
        assert_eq!(facts.user, Some(Ok(user)));
        assert_eq!(facts.group, None);
        assert!(matches!(facts.cgroup, Reading::Unknown { .. }));
    }

    #[test]
    fn an_account_is_looked_for_elsewhere_where_rke2_finds_none() {
        let elsewhere = [
            ("/usr/lib/passwd", "root:x:0:0::/:/x\netcd:x:5:6::/:/x\n"),
            ("/usr/lib/group", "root:x:0:\n"),
        ];
        let ask = [account(Table::Passwd, true), account(Table::Group, true)];
        for (passwd, group, places) in [
            ("", "", &["/usr/lib/passwd:2"][..]),
            ("etcd:x:5:6::/:/x\n", "", &["/usr/lib/passwd:2"]),
            ("etcd:x:5:6::/:/x\n", "etcd:x:6:\n", &[]),
            // A row that Go skips is reported instead.
            ("etcd:x\n", "etcd:x:6:\n", &[]),
        ] {
            let own = [("/etc/passwd", passwd), ("/etc/group", group)];
            let (_dir, root) = host(&[own, elsewhere].concat());
            let facts = collected(&root, &ask);
            let found = facts.account_elsewhere.iter();
            let found: Vec<_> = found.map(|row| row.source.to_string()).collect();
            assert_eq!(found, places, "{passwd}{group}");
        }
    }

    #[test]
    fn an_image_without_proc_has_no_present() {
        let (_dir, bare) = host(&[]);
        assert!(collected(&bare, &[]).image);
        for reading in live(&bare) {
            assert!(matches!(reading, Reading::Unknown { .. }));
        }
        let (dir, captured) = host(&[("/proc/sys/vm/overcommit_memory", "1\n")]);
        let fifo = dir.path().join("proc/sys/vm/panic_on_oom");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        let facts = collected(&captured, &[]);
        assert!(!facts.image);
        assert_eq!(facts.kernel.len(), KERNEL_PARAMETERS.len());
        let mut readings = live(&captured).into_iter();
        assert_eq!(
            readings.next().unwrap(),
            Reading::Known(Ok(b"1\n".to_vec()))
        );
        // RKE2 would wait on the FIFO: its result is not known.
        assert!(matches!(readings.next().unwrap(), Reading::Unknown { .. }));
        for missing in readings {
            let Reading::Known(Err(error)) = missing else {
                panic!("{missing:?}");
            };
            assert!(error.is_absent());
        }
        assert!(!is_bare_image(&HostRoot::live()));
    }
}
