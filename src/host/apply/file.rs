//! Writes files below the root, through directory handles, so that nothing outside is written.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl, openat};
use nix::libc;
use nix::sys::stat::{Mode, SFlag, fchmod, fstatat, mkdirat};
use nix::unistd::{Gid, Uid};

use super::Failure;
use crate::finding::remedy::NewRow;
use crate::host::HostRoot;
use crate::host::atomic_file::{ReplaceStep, Replacement, Temporary};
use crate::host::root::MAX_FILE;

const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);
const OLD: OFlag = OFlag::O_NOFOLLOW
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// The part of a row that is read: name and id are its first fields.
const MAX_ROW: u64 = 4096;

fn raw(errno: Errno) -> i32 {
    std::io::Error::from(errno)
        .raw_os_error()
        .unwrap_or(libc::EIO)
}

fn io(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some(parts) => parts,
        None => ("/", path),
    }
}

/// Opens a directory. Creates it if only its parent exists.
fn directory(root: &HostRoot, path: &str) -> Result<File, Failure> {
    let open = |path: &str| root.open_with(Path::new(path), DIRECTORY);
    match open(path) {
        Err(libc::ENOENT) => {
            let (parent, name) = split(path);
            let fail = |errno: i32| Failure::os("making", path, errno);
            let above = open(parent).map_err(fail)?;
            mkdirat(above.as_fd(), name, Mode::from_bits_truncate(0o755))
                .map_err(|errno| fail(raw(errno)))?;
            let made = open(path).map_err(fail)?;
            // The umask may have cleared bits.
            fchmod(made.as_fd(), Mode::from_bits_truncate(0o755))
                .map_err(|errno| fail(raw(errno)))?;
            Ok(made)
        }
        other => other.map_err(|errno| Failure::os("opening", path, errno)),
    }
}

/// Opens the file if it is a regular one; `None` if it does not exist.
fn existing(
    directory: &File,
    name: &str,
    path: &str,
    flags: OFlag,
) -> Result<Option<File>, Failure> {
    let fail = |errno| Failure::os("opening", path, raw(errno));
    let status = match fstatat(directory.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Err(Errno::ENOENT) => return Ok(None),
        other => other.map_err(fail)?,
    };
    let what = match SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFREG => {
            let file = openat(directory.as_fd(), name, flags | OLD, Mode::empty()).map_err(fail)?;
            return Ok(Some(File::from(file)));
        }
        SFlag::S_IFLNK => nix::fcntl::readlinkat(directory.as_fd(), name).map_or_else(
            |_| "a link".to_owned(),
            |to| format!("a link to {}", to.to_string_lossy()),
        ),
        SFlag::S_IFDIR => "a directory".to_owned(),
        _ => "not a regular file".to_owned(),
    };
    Err(Failure::NotOurs {
        path: path.to_owned(),
        what,
    })
}

/// Replaces a file that must still contain `before`. Owner and mode are kept.
pub(super) fn replace(
    root: &HostRoot,
    path: &str,
    before: Option<&[u8]>,
    after: &[u8],
) -> Result<(), Failure> {
    let (parent, name) = split(path);
    let directory = directory(root, parent)?;
    // The lock ends when the directory is closed.
    directory.try_lock().map_err(|_| Failure::Busy {
        path: parent.to_owned(),
        why: "another program has locked it",
    })?;
    let old = existing(&directory, name, path, OFlag::O_RDONLY)?;
    let mut there = None;
    if let Some(file) = &old {
        let mut content = Vec::new();
        file.take(MAX_FILE)
            .read_to_end(&mut content)
            .map_err(|error| Failure::os("reading", path, raw(io(&error))))?;
        there = Some(content);
    }
    if there.as_deref() == Some(after) {
        return Ok(());
    }
    if there.as_deref() != before {
        return Err(Failure::Busy {
            path: path.to_owned(),
            why: "it has changed since it was read",
        });
    }
    let (mode, owner) = match &old {
        Some(old) => kept(old).map_err(|errno| Failure::os("reading", path, raw(errno)))?,
        None => (0o644, None),
    };
    // The temporary name is hidden and not named *.conf: nothing reads it after an interruption.
    let replacement = Replacement {
        name,
        content: after,
        mode,
        owner,
        temporary: Temporary::Locked,
        sync_directory: true,
    };
    replacement.put(directory.as_fd()).map_err(|error| {
        let temporary = format!("{parent}/{}", replacement.temporary_name());
        let (doing, at) = match error.step {
            ReplaceStep::Remove => ("removing", temporary.as_str()),
            ReplaceStep::Create => ("making", temporary.as_str()),
            ReplaceStep::Write => ("writing", temporary.as_str()),
            ReplaceStep::Permissions => ("setting owner and mode of", temporary.as_str()),
            ReplaceStep::Sync => ("syncing", temporary.as_str()),
            ReplaceStep::Rename => ("replacing", path),
            ReplaceStep::SyncDirectory => ("syncing", parent),
        };
        Failure::os(doing, at, raw(error.errno))
    })
}

/// Mode and owner of the old file.
fn kept(old: &File) -> Result<(u32, Option<(Uid, Gid)>), Errno> {
    let old = old.metadata().map_err(|error| io(&error))?;
    let owner = (Uid::from_raw(old.uid()), Gid::from_raw(old.gid()));
    Ok((old.mode() & 0o7777, Some(owner)))
}

/// Appends `row` to an account file.
pub(super) fn append(root: &HostRoot, path: &str, row: &str) -> Result<(), Failure> {
    let (parent, name) = split(path);
    let directory = directory(root, parent)?;
    let lock = lock_accounts(&directory, parent)?;
    let Some(file) = existing(&directory, name, path, OFlag::O_RDWR | OFlag::O_APPEND)? else {
        return Err(Failure::os("opening", path, libc::ENOENT));
    };
    append_to(&file, path, row)?;
    drop(lock);
    Ok(())
}

/// Appends rows to an image's account files, all under one lock.
pub(super) fn add_rows(root: &HostRoot, rows: &[NewRow]) -> Result<(), Failure> {
    const PARENT: &str = "/etc";
    let directory = directory(root, PARENT)?;
    let lock = lock_accounts(&directory, PARENT)?;
    for NewRow {
        path,
        row,
        optional,
        ..
    } in rows
    {
        let (_, name) = split(path);
        let Some(file) = existing(&directory, name, path, OFlag::O_RDWR | OFlag::O_APPEND)? else {
            if *optional {
                continue;
            }
            return Err(Failure::os("opening", path, libc::ENOENT));
        };
        let busy = Failure::Busy {
            path: (*path).to_owned(),
            why: "it has changed since it was read",
        };
        match clash(&file, path, row, *optional)? {
            // An interrupted run has added it.
            Some(Clash::Name) if *optional => {}
            Some(_) => return Err(busy),
            // Images that share a file (`cp -al`) must not share the account.
            None if file.metadata().is_ok_and(|meta| meta.nlink() > 1) => {
                let mut before = Vec::new();
                let mut reader = &file;
                reader
                    .read_to_end(&mut before)
                    .map_err(|error| Failure::os("reading", path, raw(io(&error))))?;
                let mut after = before.clone();
                if !matches!(after.last(), None | Some(b'\n')) {
                    after.push(b'\n');
                }
                after.extend_from_slice(row.as_bytes());
                after.push(b'\n');
                replace(root, path, Some(&before), &after)?;
            }
            None => append_to(&file, path, row)?,
        }
    }
    drop(lock);
    Ok(())
}

/// The field that a new row has in common with an existing one.
enum Clash {
    Name,
    Id,
}

/// Searches for a row with the name of `row` or, if the file has ids in its third field, with its id.
fn clash(mut file: &File, path: &str, row: &str, no_ids: bool) -> Result<Option<Clash>, Failure> {
    let fail = |error: &std::io::Error| Failure::os("reading", path, raw(io(error)));
    let field = |row: &[u8], at| {
        let field = row.split(|byte| *byte == b':').nth(at);
        field.unwrap_or_default().to_vec()
    };
    let (name, id) = (field(row.as_bytes(), 0), field(row.as_bytes(), 2));
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        // The name and id are within this length; the rest of a longer line is skipped.
        let read = (&mut reader)
            .take(MAX_ROW)
            .read_until(b'\n', &mut line)
            .map_err(|error| fail(&error))?;
        if read == 0 {
            return file.rewind().map(|()| None).map_err(|error| fail(&error));
        }
        if !line.ends_with(b"\n") {
            reader.skip_until(b'\n').map_err(|error| fail(&error))?;
        }
        let there = line.strip_suffix(b"\n").unwrap_or(&line);
        if field(there, 0) == name {
            return Ok(Some(Clash::Name));
        }
        if !no_ids && field(there, 2) == id {
            return Ok(Some(Clash::Id));
        }
    }
}

/// Appends `row` to the file in place, so that owner, mode and security label are kept, with one call. A
/// partial write is undone.
fn append_to(file: &File, path: &str, row: &str) -> Result<(), Failure> {
    let fail = |doing| move |errno: Errno| Failure::os(doing, path, raw(errno));
    let length = file
        .metadata()
        .map_err(|error| fail("reading")(io(&error)))?
        .len();
    let mut last = [b'\n'];
    if length > 0 {
        file.read_exact_at(&mut last, length.saturating_sub(1))
            .map_err(|error| fail("reading")(io(&error)))?;
    }
    let mut text = Vec::new();
    if last != [b'\n'] {
        text.push(b'\n');
    }
    text.extend_from_slice(row.as_bytes());
    text.push(b'\n');
    let mut writer = file;
    match writer.write(&text) {
        Ok(written) if written == text.len() => {}
        result => {
            let errno = result.map_or_else(|error| io(&error), |_| Errno::ENOSPC);
            // A partial row would be worse than none.
            return match file.set_len(length) {
                Ok(()) => Err(fail("writing")(errno)),
                Err(error) => Err(fail("taking back what was written of a row in")(io(&error))),
            };
        }
    }
    file.sync_all().map_err(|error| fail("syncing")(io(&error)))
}

/// Takes the lock of `useradd` and similar programs.
fn lock_accounts(directory: &File, parent: &str) -> Result<File, Failure> {
    let path = format!("{parent}/.pwd.lock");
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OLD;
    let file = openat(
        directory.as_fd(),
        ".pwd.lock",
        flags,
        Mode::from_bits_truncate(0o600),
    )
    .map(File::from)
    .map_err(|errno| Failure::os("opening", &path, raw(errno)))?;
    let whole = libc::flock {
        l_type: libc::F_WRLCK.try_into().unwrap_or(1),
        l_whence: libc::SEEK_SET.try_into().unwrap_or(0),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(file.as_fd(), FcntlArg::F_SETLK(&whole)) {
        Ok(_) => Ok(file),
        Err(_) => Err(Failure::Busy {
            path,
            why: "another program is changing accounts",
        }),
    }
}
