//! The root below which every host path is read.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::libc;

use crate::facts::{Operation, ReadError};

/// More than any file RKE2 or systemd reads at start; a file beyond it is reported, not read.
pub(crate) const MAX_FILE: u64 = 6 << 20;
/// Bytes of all files that are read whole, and of the names of folders, for one examination.
const MAX_BYTES: u64 = 8 << 20;
/// Pieces (see [`pieces`]) of one file: what is made of them takes many times their bytes.
const MAX_PIECES: u64 = 1 << 15;
/// Pieces of all files for one examination.
const MAX_ALL_PIECES: u64 = 1 << 17;
/// What a name in a folder counts for, in bytes: about what it takes to keep it.
const NAME: u64 = 64;
/// Files smaller than this are not looked through: their pieces are taken for a quarter of their bytes.
const SMALL: usize = 1024;

/// Flags of every open: never wait for a FIFO's other end, never adopt a terminal.
pub(super) const SAFE: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// A root directory: the host itself, or an image or fixture that stands for one.
///
/// Below any root but `/`, symbolic links resolve inside it (`openat2(2)`, `RESOLVE_IN_ROOT`), so
/// nothing outside is ever consulted.
#[derive(Debug)]
pub struct HostRoot {
    /// `None` is the running host.
    image: Option<OwnedFd>,
    path: PathBuf,
    trace: Option<RefCell<Trace>>,
    /// Calls that failed for what says nothing of their files.
    read_errors: RefCell<Vec<ReadError>>,
    /// Bytes read so far, and pieces.
    spent: Cell<(u64, u64)>,
}

/// Calls that are interrupted, or find a path being renamed, are made again so many times.
const ATTEMPTS: u32 = 16;
/// More failures than this say nothing new.
const MAX_ERRORS: usize = 8;

/// What was asked of a root: each path, and whether the names in it were.
pub(crate) type Trace = BTreeMap<PathBuf, bool>;

/// What `stat(2)` or `lstat(2)` says, as far as anybody here asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStatus {
    /// Regular file, directory, link, or another kind.
    pub kind: FileKind,
    /// Permission bits with set-id and sticky, `0o7777` at the most.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Device and inode: which file it is.
    pub identity: (u64, u64),
    /// Last change of content, seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
}

impl FileStatus {
    fn of(meta: &std::fs::Metadata) -> Self {
        Self {
            kind: kind_of(meta),
            mode: meta.mode() & 0o7777,
            uid: meta.uid(),
            gid: meta.gid(),
            size: meta.size(),
            identity: (meta.dev(), meta.ino()),
            modified: (meta.mtime(), meta.mtime_nsec()),
        }
    }
}

/// What a name in a directory stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link (only where links are not followed).
    Link,
    /// The null device: reads as empty, and is how files are masked.
    Null,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A block or character device other than the null device.
    Device,
}

impl HostRoot {
    /// The running host.
    pub fn live() -> Self {
        Self {
            image: None,
            path: PathBuf::from("/"),
            trace: None,
            read_errors: RefCell::default(),
            spent: Cell::default(),
        }
    }

    /// The running host, remembering every path that it is asked for, those that are not there too:
    /// what a verdict depends on, and so what is to be watched.
    pub fn traced() -> Self {
        Self {
            trace: Some(RefCell::default()),
            ..Self::live()
        }
    }

    /// What was asked for since the last call; nothing where it is not [`traced`](Self::traced).
    pub fn take_trace(&self) -> Trace {
        self.read_errors.take();
        self.spent.take();
        self.trace.as_ref().map(RefCell::take).unwrap_or_default()
    }

    /// Calls so far that failed for what says nothing of their files: descriptors or memory ran out, a
    /// disk failed, more was to be read than this program ever keeps. Whoever asked may have taken the file for one that is not there.
    pub fn read_errors(&self) -> Vec<ReadError> {
        self.read_errors.borrow().clone()
    }

    /// Remembers a failure, if it is one of those.
    pub(super) fn failed(&self, error: ReadError) -> ReadError {
        let mut read_errors = self.read_errors.borrow_mut();
        let says_nothing = error.is_passing() || error.is_beyond();
        if says_nothing && read_errors.len() < MAX_ERRORS && !read_errors.contains(&error) {
            read_errors.push(error.clone());
        }
        error
    }

    fn os_error(&self, operation: Operation, path: &Path, errno: i32) -> ReadError {
        self.failed(os_error(operation, path, errno))
    }

    fn io_error(&self, operation: Operation, path: &Path, error: &io::Error) -> ReadError {
        self.failed(io_error(operation, path, error))
    }

    /// The host below `path`; `/` is the running host.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.canonicalize()? == Path::new("/") {
            return Ok(Self::live());
        }
        let dir = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_DIRECTORY | libc::O_CLOEXEC)
            .open(path)?;
        Ok(Self {
            image: Some(dir.into()),
            path: path.to_owned(),
            trace: None,
            read_errors: RefCell::default(),
            spent: Cell::default(),
        })
    }

    /// Whether this is the running host, not an image of one.
    pub const fn is_live(&self) -> bool {
        self.image.is_none()
    }

    /// The root directory, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens for reading, or with `O_PATH`; the error is its number.
    pub(super) fn open_with(&self, path: &Path, flags: OFlag) -> Result<File, i32> {
        if let Some(trace) = &self.trace {
            let listing = flags.contains(OFlag::O_DIRECTORY);
            *trace.borrow_mut().entry(path.to_owned()).or_default() |= listing;
        }
        match &self.image {
            None => OpenOptions::new()
                .read(true)
                .custom_flags(flags.bits())
                .open(path)
                .map_err(|error| error.raw_os_error().unwrap_or(libc::EIO)),
            Some(dir) => {
                let how = OpenHow::new()
                    .flags(flags)
                    .resolve(ResolveFlag::RESOLVE_IN_ROOT);
                let mut attempts = 1..ATTEMPTS;
                loop {
                    match openat2(dir.as_fd(), path, how) {
                        Ok(fd) => return Ok(File::from(fd)),
                        Err(Errno::EINTR | Errno::EAGAIN) if attempts.next().is_some() => {}
                        Err(errno) => return Err(number(errno)),
                    }
                }
            }
        }
    }

    /// Opens a regular file for streaming. The null device counts as one (it reads as empty).
    pub fn open_file(&self, path: impl AsRef<Path>) -> Result<File, ReadError> {
        self.open_known(path.as_ref()).map(|(file, _)| file)
    }

    /// Opens a regular file for reading, without waiting, and tells what it is.
    pub(super) fn open_known(&self, path: &Path) -> Result<(File, FileStatus), ReadError> {
        if !self.is_live() {
            // To open a device can be enough to have it act (a watchdog starts, a tape rewinds), and
            // images are made by others.
            let looked_at = self
                .open_with(path, OFlag::O_PATH | OFlag::O_CLOEXEC)
                .map_err(|errno| self.os_error(Operation::Open, path, errno))?
                .metadata()
                .map_err(|error| self.io_error(Operation::Stat, path, &error))?;
            if kind_of(&looked_at) == FileKind::Device {
                return Err(not_regular(path, "device"));
            }
        }
        let file = self
            .open_with(path, SAFE)
            .map_err(|errno| self.os_error(Operation::Open, path, errno))?;
        let meta = file
            .metadata()
            .map_err(|error| self.io_error(Operation::Stat, path, &error))?;
        let status = FileStatus::of(&meta);
        match status.kind {
            FileKind::File | FileKind::Null => Ok((file, status)),
            // What reading it says, in the words of who reads it.
            FileKind::Directory => Err(self.os_error(Operation::Read, path, libc::EISDIR)),
            FileKind::Link => Err(self.os_error(Operation::Open, path, libc::ELOOP)),
            FileKind::Fifo => Err(not_regular(path, "FIFO")),
            FileKind::Socket => Err(not_regular(path, "socket")),
            FileKind::Device => Err(not_regular(path, "device")),
        }
    }

    /// The whole content of a regular file of at most 6 MiB.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>, ReadError> {
        self.read_known(path).map(|(content, _)| content)
    }

    /// The content, as [`read`](Self::read) has it, and what the very file was that it was read from.
    pub fn read_known(&self, path: impl AsRef<Path>) -> Result<(Vec<u8>, FileStatus), ReadError> {
        let path = path.as_ref();
        let (content, status) = self.read_up_to(path, MAX_FILE)?;
        let read = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let pieces = pieces(&content);
        let (bytes, all) = self.spent.get();
        let (bytes, all) = (bytes.saturating_add(read), all.saturating_add(pieces));
        let beyond = [
            (pieces, MAX_PIECES, "words and lines"),
            (bytes, MAX_BYTES, "bytes with what was read before"),
            (
                all,
                MAX_ALL_PIECES,
                "words and lines with what was read before",
            ),
        ];
        if let Some((_, limit, unit)) = beyond.into_iter().find(|(has, limit, _)| has > limit) {
            return Err(self.too_large(path, limit, unit));
        }
        self.spent.set((bytes, all));
        Ok((content, status))
    }

    /// The whole content of a file, which may be as large as no configuration is: an account file.
    pub(super) fn read_large(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        self.read_up_to(path, 64 << 20).map(|(content, _)| content)
    }

    fn read_up_to(&self, path: &Path, limit: u64) -> Result<(Vec<u8>, FileStatus), ReadError> {
        let (file, status) = self.open_known(path)?;
        let (spent, _) = self.spent.get();
        if limit <= MAX_FILE && spent.saturating_add(status.size) > MAX_BYTES {
            return Err(self.too_large(path, MAX_BYTES, "bytes with what was read before"));
        }
        // One read for what there is, and one for the end.
        let room = usize::try_from(status.size.min(limit)).unwrap_or(0);
        let mut content = Vec::with_capacity(room.saturating_add(64));
        let read = file
            .take(limit.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|error| self.io_error(Operation::Read, path, &error))?;
        if u64::try_from(read).unwrap_or(u64::MAX) > limit {
            return Err(self.too_large(path, limit, "bytes"));
        }
        Ok((content, status))
    }

    fn too_large(&self, path: &Path, limit: u64, unit: &'static str) -> ReadError {
        self.failed(ReadError::TooLarge {
            path: display(path),
            limit,
            unit,
        })
    }

    /// The names in a directory, in no order.
    pub fn list(&self, path: impl AsRef<Path>) -> Result<Vec<OsString>, ReadError> {
        let path = path.as_ref();
        let fd: OwnedFd = self
            .open_with(path, SAFE | OFlag::O_DIRECTORY)
            .map_err(|errno| self.os_error(Operation::Open, path, errno))?
            .into();
        let mut dir = nix::dir::Dir::from_fd(fd)
            .map_err(|errno| self.os_error(Operation::Open, path, number(errno)))?;
        let mut names = Vec::new();
        for entry in dir.iter() {
            let entry =
                entry.map_err(|errno| self.os_error(Operation::Read, path, number(errno)))?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let (bytes, pieces) = self.spent.get();
            let bytes = bytes.saturating_add(NAME);
            if bytes > MAX_BYTES {
                return Err(self.too_large(path, MAX_BYTES, "bytes with what was read before"));
            }
            self.spent.set((bytes, pieces));
            names.push(OsString::from_vec(name.to_vec()));
        }
        Ok(names)
    }

    /// What `path` leads to, links followed.
    pub fn stat(&self, path: impl AsRef<Path>) -> Result<FileStatus, ReadError> {
        self.status(path.as_ref(), OFlag::O_PATH | OFlag::O_CLOEXEC)
    }

    /// What `path` itself is; a link is a link.
    pub fn lstat(&self, path: impl AsRef<Path>) -> Result<FileStatus, ReadError> {
        self.status(
            path.as_ref(),
            OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW,
        )
    }

    /// What the program of a process is. Where `/proc` is the kernel's own, that very file, whatever its
    /// name leads to; in an image, what the link leads to.
    pub(super) fn stat_of_program(&self, pid: u32) -> Result<FileStatus, ReadError> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let path = folder.join("exe");
        let fail = |errno| self.os_error(Operation::Stat, &path, errno);
        let process = self
            .open_with(
                &folder,
                OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            )
            .map_err(fail)?;
        let kernels = nix::sys::statfs::fstatfs(&process)
            .is_ok_and(|of| of.filesystem_type() == nix::sys::statfs::PROC_SUPER_MAGIC);
        if !kernels {
            return self.stat(path);
        }
        let program = openat(
            process.as_fd(),
            "exe",
            OFlag::O_PATH | OFlag::O_CLOEXEC,
            nix::sys::stat::Mode::empty(),
        );
        let meta = program
            .map(File::from)
            .map_err(number)
            .and_then(|file| {
                let meta = file.metadata();
                meta.map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))
            })
            .map_err(fail)?;
        Ok(FileStatus::of(&meta))
    }

    fn status(&self, path: &Path, flags: OFlag) -> Result<FileStatus, ReadError> {
        let meta = self
            .open_with(path, flags)
            .map_err(|errno| self.os_error(Operation::Stat, path, errno))?
            .metadata()
            .map_err(|error| self.io_error(Operation::Stat, path, &error))?;
        Ok(FileStatus::of(&meta))
    }

    /// Where the link at `path` points, as it is written there.
    pub fn read_link(&self, path: impl AsRef<Path>) -> Result<PathBuf, ReadError> {
        let path = path.as_ref();
        let link = self
            .open_with(path, OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW)
            .map_err(|errno| self.os_error(Operation::Open, path, errno))?;
        nix::fcntl::readlinkat(link.as_fd(), "")
            .map(PathBuf::from)
            .map_err(|errno| self.os_error(Operation::Read, path, number(errno)))
    }
}

/// How many pieces a file consists of: an upper bound for its lines, words, keys and values, in any of
/// the formats that are read here.
fn pieces(content: &[u8]) -> u64 {
    let separates = |byte: u8| {
        u8::from(matches!(
            byte,
            b'\n' | b'\r' | b'\t' | b' ' | b'\0' | b',' | b':' | b'=' | b'[' | b'{' | b'-' | b'&'
        ))
    };
    if content.len() < SMALL {
        return u64::try_from(content.len() / 4).unwrap_or(u64::MAX);
    }
    content.iter().map(|byte| u64::from(separates(*byte))).sum()
}

/// The error number of an [`Errno`].
fn number(errno: Errno) -> i32 {
    io::Error::from(errno).raw_os_error().unwrap_or(libc::EIO)
}

fn kind_of(meta: &std::fs::Metadata) -> FileKind {
    let kind = meta.file_type();
    if kind.is_file() {
        FileKind::File
    } else if kind.is_dir() {
        FileKind::Directory
    } else if kind.is_symlink() {
        FileKind::Link
    } else if kind.is_fifo() {
        FileKind::Fifo
    } else if kind.is_socket() {
        FileKind::Socket
    } else if kind.is_char_device() && meta.rdev() == libc::makedev(1, 3) {
        FileKind::Null
    } else {
        FileKind::Device
    }
}

fn display(path: &Path) -> String {
    // A path can be an address where one was given for a file.
    crate::text::without_userinfo(&path.to_string_lossy()).into_owned()
}

fn os_error(operation: Operation, path: &Path, errno: i32) -> ReadError {
    ReadError::Os {
        operation,
        path: display(path),
        errno,
    }
}

fn io_error(operation: Operation, path: &Path, error: &io::Error) -> ReadError {
    os_error(operation, path, error.raw_os_error().unwrap_or(libc::EIO))
}

fn not_regular(path: &Path, kind: &'static str) -> ReadError {
    ReadError::NotRegular {
        path: display(path),
        kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn image() -> (tempfile::TempDir, HostRoot) {
        let dir = tempfile::tempdir().unwrap();
        let root = HostRoot::open(dir.path()).unwrap();
        (dir, root)
    }

    #[test]
    fn absolute_links_resolve_inside_the_root() {
        let (dir, root) = image();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        std::fs::write(dir.path().join("etc/real"), "inside").unwrap();
        symlink("/etc/real", dir.path().join("etc/link")).unwrap();
        symlink("../../../../etc/real", dir.path().join("etc/up")).unwrap();
        assert_eq!(root.read("/etc/link").unwrap(), b"inside");
        assert_eq!(root.read("/etc/up").unwrap(), b"inside");
        assert_eq!(root.read_link("/etc/link").unwrap(), Path::new("/etc/real"));
        assert_eq!(root.lstat("/etc/link").unwrap().kind, FileKind::Link);
        assert_eq!(root.stat("/etc/link").unwrap().kind, FileKind::File);
    }

    #[test]
    fn a_link_out_of_the_root_finds_nothing_outside() {
        let (dir, root) = image();
        symlink("/etc/passwd", dir.path().join("passwd")).unwrap();
        let error = root.read("/passwd").unwrap_err();
        assert!(error.is_absent(), "{error}");
        assert_eq!(error.to_string(), "open /passwd: no such file or directory");
    }

    #[test]
    fn what_is_not_a_file_is_named_and_never_waited_for() {
        let (dir, root) = image();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        std::fs::create_dir(dir.path().join("dir")).unwrap();
        symlink("loop", dir.path().join("loop")).unwrap();
        assert_eq!(
            root.read("/fifo").unwrap_err().to_string(),
            "/fifo: not a regular file but a FIFO"
        );
        assert_eq!(
            root.read("/dir").unwrap_err().to_string(),
            "read /dir: is a directory"
        );
        assert_eq!(
            root.read("/loop").unwrap_err().to_string(),
            "open /loop: too many levels of symbolic links"
        );
        assert!(root.read("/socket").is_err());
    }

    #[test]
    fn the_null_device_reads_as_empty() {
        assert_eq!(HostRoot::live().read("/dev/null").unwrap(), b"");
        assert_eq!(
            HostRoot::live().stat("/dev/null").unwrap().kind,
            FileKind::Null
        );
    }

    #[test]
    fn a_traced_root_tells_what_was_asked_of_it() {
        let root = HostRoot::traced();
        let _ = root.read("/etc/passwd");
        let _ = root.read("/none/such");
        let _ = root.list("/etc");
        let expected = [
            ("/etc", true),
            ("/etc/passwd", false),
            ("/none/such", false),
        ];
        let expected: Trace = expected.map(|(path, listed)| (path.into(), listed)).into();
        assert_eq!(root.take_trace(), expected);
        assert_eq!(root.take_trace(), Trace::new());
    }

    #[test]
    fn lists_names_without_the_dots() {
        let (dir, root) = image();
        std::fs::write(dir.path().join(".hidden"), "").unwrap();
        assert_eq!(root.list("/").unwrap(), [".hidden"]);
        assert!(root.list("/none").unwrap_err().is_absent());
    }

    #[test]
    fn a_root_is_a_directory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(HostRoot::open(file.path()).is_err());
        assert!(HostRoot::open(Path::new("/")).unwrap().is_live());
    }

    #[test]
    fn a_file_of_the_largest_size_is_read_and_a_larger_one_is_not() {
        let (dir, root) = image();
        let path = dir.path().join("f");
        let full = usize::try_from(MAX_FILE).unwrap();
        std::fs::write(&path, vec![b'x'; full]).unwrap();
        assert_eq!(root.read("/f").unwrap().len(), full);
        assert_eq!(root.read_errors(), []);
        std::fs::write(&path, vec![b'x'; full + 1]).unwrap();
        let root = HostRoot::open(dir.path()).unwrap();
        let error = root.read("/f").unwrap_err();
        assert_eq!(error.to_string(), "/f: larger than 6291456 bytes");
        // Whoever asked may take it for nothing: it is remembered.
        assert_eq!(root.read_errors(), [error]);
        assert_eq!(root.read_large(Path::new("/f")).unwrap().len(), full + 1);
    }

    #[test]
    fn files_are_read_up_to_so_many_bytes_and_pieces_in_all() {
        let (dir, root) = image();
        let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
        write("half", "x".repeat(3 << 20));
        assert!(root.read("/half").is_ok());
        assert!(root.read("/half").is_ok());
        let error = root.read("/half").unwrap_err().to_string();
        assert_eq!(
            error,
            "/half: larger than 8388608 bytes with what was read before"
        );
        // What there is room for is read.
        write("small", "x".to_owned());
        assert!(root.read("/small").is_ok());

        let root = HostRoot::open(dir.path()).unwrap();
        write("many", "k: v\n".repeat(30_000));
        let error = root.read("/many").unwrap_err().to_string();
        assert_eq!(error, "/many: larger than 32768 words and lines");
        write("some", "k: v\n".repeat(10_000));
        for _ in 0..4 {
            assert!(root.read("/some").is_ok());
        }
        let error = root.read("/some").unwrap_err().to_string();
        assert!(
            error.ends_with("131072 words and lines with what was read before"),
            "{error}"
        );

        let root = HostRoot::open(dir.path()).unwrap();
        write("names", String::new());
        std::fs::create_dir(dir.path().join("d")).unwrap();
        for number in 0..1000 {
            std::fs::write(dir.path().join(format!("d/{number}")), "").unwrap();
        }
        let lists = (0..300).take_while(|_| root.list("/d").is_ok()).count();
        assert_eq!(lists, 131);
    }

    #[test]
    fn what_a_file_is_is_told_without_opening_it() {
        let (dir, root) = image();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        assert_eq!(root.stat("/socket").unwrap().kind, FileKind::Socket);
        assert_eq!(root.lstat("/socket").unwrap().kind, FileKind::Socket);
        assert_eq!(root.stat("/").unwrap().kind, FileKind::Directory);
        let live = HostRoot::live();
        assert_eq!(live.stat("/dev/zero").unwrap().kind, FileKind::Device);
        let path = dir.path().join("f");
        std::fs::write(&path, "abc").unwrap();
        for mode in [0o640, 0o4711] {
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(&path, permissions).unwrap();
            let status = root.stat("/f").unwrap();
            assert_eq!((status.mode, status.size), (mode, 3));
        }
    }
}
