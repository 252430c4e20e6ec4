//! The files that can decide a kernel parameter, as plain data.

use crate::facts::ReadError;

/// Everything that has a word at the next boot. `host::sysctl_d` reads it.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// The `sysctl.d` directories that exist, in any order.
    pub directories: Vec<Directory>,
    /// `/etc/sysctl.conf`: `sysctl --system` and `TuneD` read it, `systemd-sysctl` does not.
    pub sysctl_conf: Option<File>,
    /// The credential `sysctl.extra` of `systemd-sysctl.service`.
    pub credential: Option<File>,
    /// The kernel command line, where it is known.
    pub command_line: Option<Vec<u8>>,
    /// What `TuneD` will do after `systemd-sysctl`, where it is enabled or runs.
    pub tuned: Option<Tuned>,
}

/// `TuneD` as it will run at the next boot.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// The profiles of the active one's chain, those that are included before those that include.
    pub profiles: Vec<File>,
    /// Whether it applies the files of `/run` and `/etc` once more after its profile.
    pub reapply: bool,
}

/// One `sysctl.d` directory.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Which of them.
    pub location: SearchDirectory,
    /// The files in it, in any order.
    pub files: Vec<File>,
}

/// Where a `sysctl.d` directory is; what is less takes precedence over what is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SearchDirectory {
    /// `/etc/sysctl.d`, the administrator's.
    Etc,
    /// `/run/sysctl.d`, gone with a reboot.
    Run,
    /// `/usr/local/lib/sysctl.d`.
    UsrLocalLib,
    /// `/usr/lib/sysctl.d`, the vendor's.
    UsrLib,
    /// `/lib/sysctl.d`, where `/lib` is not `/usr/lib`.
    Lib,
}

impl SearchDirectory {
    /// All of them, highest precedence first.
    pub const ALL: [Self; 5] = [
        Self::Etc,
        Self::Run,
        Self::UsrLocalLib,
        Self::UsrLib,
        Self::Lib,
    ];

    /// The directory's path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Etc => "/etc/sysctl.d",
            Self::Run => "/run/sysctl.d",
            Self::UsrLocalLib => "/usr/local/lib/sysctl.d",
            Self::UsrLib => "/usr/lib/sysctl.d",
            Self::Lib => "/lib/sysctl.d",
        }
    }
}

/// A name in a directory, and what stands behind it.
#[derive(Debug, Clone)]
pub struct File {
    /// The name within the directory; it is what decides the order.
    pub name: Vec<u8>,
    /// The path, as the host names it.
    pub path: String,
    /// Where it points, if it is a link, as an absolute path where that is known.
    pub target: Option<String>,
    /// What it holds.
    pub content: Content,
}

/// What reading a file gave.
#[derive(Debug, Clone)]
pub enum Content {
    /// Its bytes. The null device holds none.
    Bytes(Vec<u8>),
    /// Nothing is there: a link that leads nowhere.
    Dangling,
    /// A directory.
    Directory,
    /// Something else is there, or it cannot be read.
    Unreadable(ReadError),
}

impl File {
    /// A file with this content, mainly for tests.
    pub fn new(path: &str, content: impl Into<Vec<u8>>) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        Self {
            name: name.as_bytes().to_vec(),
            path: path.to_owned(),
            target: None,
            content: Content::Bytes(content.into()),
        }
    }

    /// The bytes it holds, none where it holds nothing.
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Bytes(bytes) => bytes,
            Content::Dangling | Content::Directory | Content::Unreadable(_) => &[],
        }
    }

    /// Whether the name is one that `systemd-sysctl` looks at.
    pub fn is_named_right(&self) -> bool {
        self.name.ends_with(b".conf") && !self.is_hidden()
    }

    /// Whether the name begins with a dot.
    pub fn is_hidden(&self) -> bool {
        self.name.starts_with(b".")
    }
}

impl Tree {
    /// Adds a file to one of the directories.
    pub fn add(&mut self, location: SearchDirectory, file: File) {
        match self
            .directories
            .iter_mut()
            .find(|dir| dir.location == location)
        {
            Some(directory) => directory.files.push(file),
            None => self.directories.push(Directory {
                location,
                files: vec![file],
            }),
        }
    }
}
