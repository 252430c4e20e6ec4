//! Writing files: whole or not at all, through handles of directories below the root.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl, openat, renameat};
use nix::libc;
use nix::sys::stat::{Mode, SFlag, fchmod, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, unlinkat};

use super::Failure;
use crate::finding::remedy::NewRow;
use crate::host::HostRoot;
use crate::host::root::MAX_FILE;

/// A call that changes a file, about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// A directory is made.
    MakeDirectory,
    /// The new file is made, under another name.
    Create,
    /// Its content is written.
    Write,
    /// It is given the owner and mode of the old one.
    Own,
    /// It is brought to the disk.
    Sync,
    /// It takes the place of the old one.
    Rename,
    /// The directory is brought to the disk.
    SyncDirectory,
    /// A row is written at the end of a file.
    Append,
}

/// Asked before each call; an error stands for the call's own.
pub(crate) type Hook<'h> = dyn FnMut(Point) -> Result<(), Errno> + 'h;

const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);
const NEW: OFlag = OFlag::O_WRONLY
    .union(OFlag::O_CREAT)
    .union(OFlag::O_EXCL)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);
const OLD: OFlag = OFlag::O_NOFOLLOW
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// Of a row as much is looked at: name and id are its first fields.
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

/// Opens a directory, and makes it if its parent is there.
fn directory(root: &HostRoot, path: &str, hook: &mut Hook<'_>) -> Result<File, Failure> {
    let open = |path: &str| root.open_with(Path::new(path), DIRECTORY);
    match open(path) {
        Err(libc::ENOENT) => {
            let (parent, name) = split(path);
            let fail = |errno: i32| Failure::os("making", path, errno);
            let above = open(parent).map_err(fail)?;
            hook(Point::MakeDirectory)
                .and_then(|()| mkdirat(above.as_fd(), name, Mode::from_bits_truncate(0o755)))
                .map_err(|errno| fail(raw(errno)))?;
            let made = open(path).map_err(fail)?;
            // Whatever the umask took.
            fchmod(made.as_fd(), Mode::from_bits_truncate(0o755))
                .map_err(|errno| fail(raw(errno)))?;
            Ok(made)
        }
        other => other.map_err(|errno| Failure::os("opening", path, errno)),
    }
}

/// The file that is there, if it is one.
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
        _ => "no regular file".to_owned(),
    };
    Err(Failure::NotOurs {
        path: path.to_owned(),
        what,
    })
}

/// Puts `after` in the place of the file, which must hold `before` still. Owner and mode stay.
pub(super) fn replace(
    root: &HostRoot,
    path: &str,
    before: Option<&[u8]>,
    after: &[u8],
    hook: &mut Hook<'_>,
) -> Result<(), Failure> {
    let (parent, name) = split(path);
    let directory = directory(root, parent, hook)?;
    // Closing it ends the lock.
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
    // Hidden and not named *.conf: nobody reads it if we are interrupted, and the next run begins
    // anew.
    let new = format!(".{name}.preflight-new");
    let shown = format!("{parent}/{new}");
    match unlinkat(directory.as_fd(), new.as_str(), UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(errno) => return Err(Failure::os("removing", &shown, raw(errno))),
    }
    hook(Point::Create)
        .and_then(|()| {
            openat(
                directory.as_fd(),
                new.as_str(),
                NEW,
                Mode::from_bits_truncate(0o600),
            )
        })
        .map_err(|errno| Failure::os("making", &shown, raw(errno)))
        .and_then(|file| fill(&File::from(file), old.as_ref(), after, &shown, hook))
        .and_then(|()| {
            hook(Point::Rename)
                .and_then(|()| renameat(directory.as_fd(), new.as_str(), directory.as_fd(), name))
                .map_err(|errno| Failure::os("replacing", path, raw(errno)))
        })
        .inspect_err(|_| {
            // It is of no use any more; where even that fails, the next run removes it.
            let _ = unlinkat(directory.as_fd(), new.as_str(), UnlinkatFlags::NoRemoveDir);
        })?;
    hook(Point::SyncDirectory)
        .and_then(|()| directory.sync_all().map_err(|error| io(&error)))
        .map_err(|errno| Failure::os("syncing", parent, raw(errno)))
}

fn fill(
    mut file: &File,
    old: Option<&File>,
    content: &[u8],
    path: &str,
    hook: &mut Hook<'_>,
) -> Result<(), Failure> {
    hook(Point::Write)
        .and_then(|()| file.write_all(content).map_err(|error| io(&error)))
        .map_err(|errno| Failure::os("writing", path, raw(errno)))?;
    hook(Point::Own)
        .and_then(|()| own(file, old))
        .map_err(|errno| Failure::os("setting owner and mode of", path, raw(errno)))?;
    hook(Point::Sync)
        .and_then(|()| file.sync_all().map_err(|error| io(&error)))
        .map_err(|errno| Failure::os("syncing", path, raw(errno)))
}

fn own(file: &File, old: Option<&File>) -> Result<(), Errno> {
    let mut mode = 0o644;
    if let Some(old) = old {
        let (old, new) = (
            old.metadata().map_err(|error| io(&error))?,
            file.metadata().map_err(|error| io(&error))?,
        );
        mode = old.mode() & 0o7777;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            fchown(
                file.as_fd(),
                Some(Uid::from_raw(old.uid())),
                Some(Gid::from_raw(old.gid())),
            )?;
        }
    }
    fchmod(file.as_fd(), Mode::from_bits_truncate(mode))
}

/// Writes `row` at the end of an account file.
pub(super) fn append(
    root: &HostRoot,
    path: &str,
    row: &str,
    hook: &mut Hook<'_>,
) -> Result<(), Failure> {
    let (parent, name) = split(path);
    let directory = directory(root, parent, hook)?;
    let lock = lock_accounts(&directory, parent)?;
    let Some(file) = existing(&directory, name, path, OFlag::O_RDWR | OFlag::O_APPEND)? else {
        return Err(Failure::os("opening", path, libc::ENOENT));
    };
    append_to(&file, path, row, hook)?;
    drop(lock);
    Ok(())
}

/// Writes new rows at the end of an image's account files, all under one lock.
pub(super) fn add_rows(
    root: &HostRoot,
    rows: &[NewRow],
    hook: &mut Hook<'_>,
) -> Result<(), Failure> {
    const FOLDER: &str = "/etc";
    let directory = directory(root, FOLDER, hook)?;
    let lock = lock_accounts(&directory, FOLDER)?;
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
            // ManualStep by a run that was interrupted.
            Some(Clash::Name) if *optional => {}
            Some(_) => return Err(busy),
            // Images that share a file (`cp -al`) do not share the account.
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
                replace(root, path, Some(&before), &after, hook)?;
            }
            None => append_to(&file, path, row, hook)?,
        }
    }
    drop(lock);
    Ok(())
}

/// What a new row has in common with one that is there.
enum Clash {
    Name,
    Id,
}

/// Looks for a row with the name of `row`, or, where the third field is one, with its id.
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
        // As much as any id can stand in; the rest of a longer line is skipped.
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

/// Writes `row` at the end of the file. In place, so that owner, mode and security label stay; by one
/// call, taken back if it came to less.
fn append_to(file: &File, path: &str, row: &str, hook: &mut Hook<'_>) -> Result<(), Failure> {
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
    hook(Point::Append).map_err(fail("writing"))?;
    let mut writer = file;
    match writer.write(&text) {
        Ok(written) if written == text.len() => {}
        result => {
            let errno = result.map_or_else(|error| io(&error), |_| Errno::ENOSPC);
            // Rows of half a name would be worse than none.
            return match file.set_len(length) {
                Ok(()) => Err(fail("writing")(errno)),
                Err(error) => Err(fail("taking back what was written of a row in")(io(&error))),
            };
        }
    }
    hook(Point::Sync)
        .and_then(|()| file.sync_all().map_err(|error| io(&error)))
        .map_err(fail("syncing"))
}

/// The lock that `useradd` and its like take.
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
