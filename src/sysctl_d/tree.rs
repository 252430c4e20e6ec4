//! The files that can set a kernel parameter, as plain data.

use crate::facts::ReadError;

/// Everything that can set a parameter at the next boot. `host::sysctl_d` reads it.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// The `sysctl.d` directories that exist, in any order.
    pub directories: Vec<Directory>,
    /// `/etc/sysctl.conf`: `sysctl --system` and `TuneD` read it, `systemd-sysctl` does not.
    pub sysctl_conf: Option<File>,
    /// The credential `sysctl.extra` of `systemd-sysctl.service`.
    pub credential: Option<File>,
    /// The kernel command line, if it is known.
    pub command_line: Option<Vec<u8>>,
    /// What `TuneD` does after `systemd-sysctl`, if it is enabled or running.
    pub tuned: Option<Tuned>,
}

/// `TuneD` as it will run at the next boot.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// The profiles of the active one's chain; an included profile comes before the one that includes it.
    pub profiles: Vec<File>,
    /// Whether it applies the files of `/run` and `/etc` again after its profile (`reapply_sysctl`).
    pub reapply: bool,
}

/// One `sysctl.d` directory.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Which of the directories it is.
    pub location: SearchDirectory,
    /// The files in it, in any order.
    pub files: Vec<File>,
}

/// A `sysctl.d` directory. A lesser one takes precedence over a greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SearchDirectory {
    /// `/etc/sysctl.d`, the administrator's.
    Etc,
    /// `/run/sysctl.d`, which does not survive a reboot.
    Run,
    /// `/usr/local/lib/sysctl.d`.
    UsrLocalLib,
    /// `/usr/lib/sysctl.d`, the vendor's.
    UsrLib,
    /// `/lib/sysctl.d`, if `/lib` is not `/usr/lib`.
    Lib,
}

impl SearchDirectory {
    /// All directories, highest precedence first.
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

/// A name in a directory, and the file that it leads to.
#[derive(Debug, Clone)]
pub struct File {
    /// The name within the directory, which determines the order.
    pub name: Vec<u8>,
    /// The path on the host.
    pub path: String,
    /// The target, if it is a link, as an absolute path where that is known.
    pub target: Option<String>,
    /// The content, or why there is none.
    pub content: Content,
}

/// The result of reading a file.
#[derive(Debug, Clone)]
pub enum Content {
    /// The bytes of a file. The null device has none.
    Bytes(Vec<u8>),
    /// A link whose target does not exist.
    Dangling,
    /// A directory.
    Directory,
    /// Another kind of file, or one that cannot be read.
    Unreadable(ReadError),
}

impl File {
    /// A file with this content.
    pub fn new(path: &str, content: impl Into<Vec<u8>>) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        Self {
            name: name.as_bytes().to_vec(),
            path: path.to_owned(),
            target: None,
            content: Content::Bytes(content.into()),
        }
    }

    /// The bytes of the file; empty if there are none.
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Bytes(bytes) => bytes,
            Content::Dangling | Content::Directory | Content::Unreadable(_) => &[],
        }
    }

    /// Whether `systemd-sysctl` reads files with this name.
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
