//! What the table records of a directive.

/// How a directive is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// Its effect is computed.
    Followed,
    /// Set to anything but its default, it changes what RKE2 sees in a way that is not computed.
    Untracked(Coverage, ValueForm),
    /// It changes nothing that RKE2 reads at start.
    Inert(Topic),
}

/// The subject of a directive that changes nothing RKE2 reads at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Resource accounting, and quotas.
    Accounting,
    /// The unit's control group, and the devices that it may use. The hierarchy does not change.
    Cgroup,
    /// Whether the unit is started at all.
    Condition,
    /// Text for the administrator.
    Description,
    /// File descriptors that the service inherits.
    Descriptors,
    /// Device nodes.
    Devices,
    /// Directories that are created for it, empty.
    Directories,
    /// Actions on failure or success.
    Failure,
    /// How an image is mounted that another directive sets.
    Images,
    /// Interprocess communication.
    Ipc,
    /// Its jobs.
    Job,
    /// How the journal treats its output.
    Journal,
    /// Resource limits of its processes.
    Limits,
    /// Another name.
    Name,
    /// The network.
    Network,
    /// Other units, and the order in which they start.
    Order,
    /// What happens when memory runs out.
    OutOfMemory,
    /// Notification of pressure.
    Pressure,
    /// What it may not write to, other than the kernel parameters. What it reads is the same.
    ReadOnly,
    /// Its share of the machine's resources.
    Resources,
    /// Its privileges. RKE2 may fail because it lacks one, but never starts because of it.
    Rights,
    /// CPU and I/O scheduling.
    Scheduling,
    /// Signals that it is sent.
    Signals,
    /// When it counts as started, and when it is stopped or restarted.
    State,
    /// Its terminal.
    Terminal,
    /// Variables that RKE2 does not read; command lines that use them are checked separately.
    Variables,
}

/// Which part of the host's view a directive may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Any file, variable, or privilege.
    All,
    /// `/proc`, which includes the kernel parameters.
    Kernel,
    /// Files below these directories.
    Below(DirectoryGroup),
    /// Files below the paths in its value.
    Named,
    /// Whether files below the paths in its value can be written: of what RKE2 needs, the kernel parameters.
    Writes,
}

/// Directories that a directive covers, whatever its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryGroup {
    /// Where services find their credentials.
    Credentials,
    /// Home directories.
    Home,
    /// Directories for temporary files.
    Temporary,
}

impl DirectoryGroup {
    pub(super) const fn directories(self) -> &'static [&'static str] {
        match self {
            Self::Credentials => &["/run/credentials"],
            Self::Home => &["/home", "/root", "/run/user"],
            Self::Temporary => &["/tmp", "/var/tmp"],
        }
    }
}

/// Values of a directive that change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeutralValues {
    /// Only an empty value.
    Nothing,
    /// systemd's spellings of "no".
    No,
    /// The same, and `read-only`, which leaves the contents of home directories as they are.
    ReadOnlyHome,
    /// The user or group as which RKE2 runs by default.
    Root,
    /// The root directory.
    RootDirectory,
    /// `all`.
    All,
    /// `default`.
    Default,
}

impl NeutralValues {
    /// Whether `value` is one of them.
    pub fn is(self, value: &str) -> bool {
        let values: &[&str] = match self {
            Self::Nothing => &[],
            Self::No => &["no", "n", "false", "f", "off", "0"],
            Self::ReadOnlyHome => &["no", "n", "false", "f", "off", "0", "read-only"],
            Self::Root => &["root", "0"],
            Self::RootDirectory => &["/"],
            Self::All => &["all"],
            Self::Default => &["default"],
        };
        values
            .iter()
            .any(|neutral| neutral.eq_ignore_ascii_case(value))
    }
}

/// A directive of the table. It contains no pointers: a position-independent program relocates each at
/// start, which would take the gate longer than reading the table.
#[derive(Debug, Clone, Copy)]
pub struct Directive {
    name: [u8; Self::MAX_NAME],
    length: u8,
    /// How it is treated.
    pub handling: Handling,
}

impl Directive {
    /// The length of the longest name.
    const MAX_NAME: usize = 36;

    pub(super) const fn new(name: &str, handling: Handling) -> Self {
        let mut bytes = [0; Self::MAX_NAME];
        let (start, _) = bytes.split_at_mut(name.len());
        start.copy_from_slice(name.as_bytes());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::as_conversions,
            reason = "it is at most MAX_NAME; TryFrom is not const"
        )]
        let length = name.len() as u8;
        Self {
            name: bytes,
            length,
            handling,
        }
    }

    /// The name, such as `ExecStart`.
    pub fn name(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.name
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }
}

/// How the values of a directive that is set several times combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueForm {
    /// A boolean or enumeration: the last value counts, and these values change nothing. An empty value is
    /// ignored or ends the file, depending on directive and release: it counts as a change.
    Flag(NeutralValues),
    /// The last value counts, an empty one resets it; these values change nothing.
    Text(NeutralValues),
    /// All values count, an empty one resets them.
    List,
}
