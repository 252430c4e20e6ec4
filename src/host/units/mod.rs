//! Finds a unit's files in systemd's directories, in systemd's order, and reads them.

mod environment;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::HostRoot;
use super::root::FileKind;
use crate::facts::ReadError;
use crate::facts::node::EnabledUnit;
use crate::go;
use crate::unit::envfile::Comments;
use crate::unit::load::{self, Install, UnitFile};
use crate::unit::specifier::Specifiers;
use crate::unit::{Enablement, Knowledge, LiveUnit, Load, UnitDefinition};

/// systemd's unit directories, highest precedence first (systemd.unit(5), "Unit File Load Path"), and how
/// they are searched.
const DIRECTORIES: [(&str, Search); 13] = [
    ("/etc/systemd/system.control", Search::List),
    ("/run/systemd/system.control", Search::List),
    ("/run/systemd/transient", Search::List),
    ("/run/systemd/generator.early", Search::List),
    ("/etc/systemd/system", Search::List),
    ("/etc/systemd/system.attached", Search::List),
    ("/run/systemd/system", Search::List),
    ("/run/systemd/system.attached", Search::List),
    ("/run/systemd/generator", Search::List),
    ("/usr/local/lib/systemd/system", Search::List),
    ("/usr/lib/systemd/system", Search::Probe),
    ("/lib/systemd/system", Search::Probe),
    ("/run/systemd/generator.late", Search::List),
];

/// The most links from one unit name to the next that systemd follows.
const MAX_ALIASES: usize = 8;

/// How a directory is searched. The vendor's directories are long, so names are tried, not listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Search {
    List,
    Probe,
}

struct Directory {
    path: &'static str,
    /// The names in the directory; `None` if it is not listed, and may contain any name.
    names: Option<BTreeSet<OsString>>,
}

impl Directory {
    fn may_have(&self, name: &str) -> bool {
        self.names
            .as_ref()
            .is_none_or(|names| names.contains(std::ffi::OsStr::new(name)))
    }

    /// Whether links in this directory last until the next boot.
    fn is_runtime(&self) -> bool {
        self.path.starts_with("/run/")
    }

    /// Whether links in this directory are the administrator's.
    fn is_configuration(&self) -> bool {
        matches!(
            self.path,
            "/etc/systemd/system" | "/etc/systemd/system.attached" | "/etc/systemd/system.control"
        )
    }
}

/// Reads a unit, such as `rke2-server.service`, from its files. Template instances are not found.
pub fn find(root: &HostRoot, unit: &str) -> UnitDefinition {
    let directories = directories(root);
    let search = UnitSearch {
        root,
        directories: &directories,
    };
    let mut definition = search.read(unit);
    definition.manager_environment =
        environment::manager_environment(root, &mut definition.problems);
    environment::read_files(root, &mut definition, Comments::Unknown);
    definition
}

/// The names in systemd's directories, read once.
pub(crate) struct UnitFiles(Vec<Directory>);

impl UnitFiles {
    /// Reads them.
    pub(crate) fn read(root: &HostRoot) -> Self {
        Self(directories(root))
    }

    /// Those of `units` that the next boot starts, each with its unit file.
    pub(crate) fn enabled(&self, root: &HostRoot, units: &[&'static str]) -> Vec<EnabledUnit> {
        let search = UnitSearch {
            root,
            directories: &self.0,
        };
        let enabled = |name: &'static str| {
            let unit = search.read(name);
            let file = unit.fragment.filter(|_| unit.enabled.at_boot())?;
            Some(EnabledUnit { name, file })
        };
        units.iter().filter_map(|name| enabled(name)).collect()
    }
}

/// Completes systemd's definition of a unit: positions come from `offline`, the same unit as read by
/// [`find`], and the contents of environment files are read.
pub fn complete(root: &HostRoot, live: &LiveUnit, offline: &UnitDefinition) -> UnitDefinition {
    let mut definition = live.definition(offline);
    let comments = Comments::of_systemd(live.systemd_major());
    environment::read_files(root, &mut definition, comments);
    definition
}

fn directories(root: &HostRoot) -> Vec<Directory> {
    let mut out = Vec::with_capacity(DIRECTORIES.len());
    for (path, search) in DIRECTORIES {
        let names = match search {
            // On most hosts, `/lib` is a link to `/usr/lib`.
            Search::Probe if path.starts_with("/lib/") && root.read_link("/lib").is_ok() => {
                continue;
            }
            Search::Probe => None,
            Search::List => match root.list(path) {
                Ok(names) => Some(names.into_iter().collect()),
                Err(_) => continue,
            },
        };
        out.push(Directory { path, names });
    }
    out
}

struct UnitSearch<'a> {
    root: &'a HostRoot,
    directories: &'a [Directory],
}

/// The unit file of a unit.
struct Fragment<'a> {
    path: String,
    directory: &'a Directory,
    /// The directory with a link of the unit's own name.
    linked: Option<&'a Directory>,
    /// Whether such a link leads to another unit directory, which systemd reports as `bad`.
    own_name: bool,
    content: Result<Vec<u8>, ReadError>,
}

/// What a name in a directory leads to.
enum FoundName {
    /// A unit file.
    File,
    /// A link to a unit file elsewhere, or to the null device.
    Linked(String),
    /// A link to a unit of this other name.
    Alias(String),
    /// A link to the same name in another unit directory, which is searched later.
    OwnName,
    Nothing,
}

impl UnitSearch<'_> {
    fn read(&self, unit: &str) -> UnitDefinition {
        let mut names = vec![unit.to_owned()];
        let Some(fragment) = self.fragment(&mut names) else {
            return UnitDefinition::not_found(unit, Knowledge::Files);
        };
        let name = names.last().cloned().unwrap_or_else(|| unit.to_owned());
        self.other_names(&mut names);
        let drop_ins = self.drop_ins(&name, &names);
        let mut specifiers = Specifiers::of_unit(&name);
        specifiers.set('y', fragment.path.clone());
        let parent = fragment.path.rsplit_once('/').map_or("", |(dir, _)| dir);
        specifiers.set('Y', parent);
        let file = UnitFile {
            path: fragment.path.clone(),
            content: fragment.content.clone(),
        };
        for file in std::iter::once(&file).chain(&drop_ins) {
            if let Ok(content) = &file.content {
                host_specifiers(self.root, content, &mut specifiers);
            }
        }
        let (mut definition, install) = load::load(&name, &specifiers, &file, &drop_ins);
        if matches!(&file.content, Ok(content) if content.is_empty()) {
            definition.load = Load::Masked;
            definition.problems.clear();
        }
        definition.enabled = self.enablement(&name, &fragment, &definition, &install);
        definition
    }

    /// Finds the unit file of the last of `names`. Aliases are followed and added to `names`.
    fn fragment(&self, names: &mut Vec<String>) -> Option<Fragment<'_>> {
        for _ in 0..MAX_ALIASES {
            let name = names.last()?.clone();
            let mut linked = None;
            let mut alias = None;
            for directory in self.directories.iter().filter(|d| d.may_have(&name)) {
                let path = format!("{}/{name}", directory.path);
                let (content, is_link) = match self.entry(directory, &name) {
                    FoundName::File => (self.root.read(&path), false),
                    // An image may lack the device; the link masks the unit nevertheless.
                    FoundName::Linked(target) if target == "/dev/null" => (Ok(Vec::new()), true),
                    FoundName::Linked(_) => (self.root.read(&path), true),
                    FoundName::Alias(target) => {
                        alias = Some(target);
                        break;
                    }
                    FoundName::OwnName => {
                        linked = linked.or(Some(directory));
                        continue;
                    }
                    FoundName::Nothing => continue,
                };
                if is_link && matches!(&content, Err(error) if error.is_absent()) {
                    return None;
                }
                return Some(Fragment {
                    path,
                    directory,
                    linked: if is_link { Some(directory) } else { linked },
                    own_name: linked.is_some(),
                    content,
                });
            }
            names.push(alias?);
        }
        None
    }

    fn entry(&self, directory: &Directory, name: &str) -> FoundName {
        let path = format!("{}/{name}", directory.path);
        match self.root.lstat(&path) {
            Err(error) if error.is_absent() => FoundName::Nothing,
            Ok(status) if status.kind != FileKind::Link => FoundName::File,
            // Reading it gives the error to report.
            Err(_) => FoundName::File,
            Ok(_) => {
                let Ok(target) = self.root.read_link(&path) else {
                    return FoundName::File;
                };
                let target = absolute(directory.path, &target.to_string_lossy());
                let inside = DIRECTORIES.iter().any(|(directory, _)| {
                    target
                        .strip_prefix(directory)
                        .is_some_and(|rest| rest.starts_with('/'))
                });
                let base = target.rsplit('/').next().unwrap_or_default();
                if !inside {
                    FoundName::Linked(target)
                } else if base == name {
                    FoundName::OwnName
                } else if suffix(base) == suffix(name) && !base.contains('@') {
                    FoundName::Alias(base.to_owned())
                } else {
                    FoundName::Nothing
                }
            }
        }
    }

    /// Adds further names that are links to the unit, if they have drop-ins.
    fn other_names(&self, names: &mut Vec<String>) {
        let mut found = Vec::new();
        for directory in self.directories {
            for link in directory.names.iter().flatten() {
                let Some(link) = link.to_str() else { continue };
                let drop_ins = format!("{link}.d");
                if suffix(link) == Some("service")
                    && !names.iter().chain(&found).any(|name| name == link)
                    && self
                        .directories
                        .iter()
                        .any(|d| d.names.is_some() && d.may_have(&drop_ins))
                    && let FoundName::Alias(target) = self.entry(directory, link)
                    && names.contains(&target)
                {
                    found.push(link.to_owned());
                }
            }
        }
        names.append(&mut found);
    }

    /// The drop-ins in the order of reading: by file name. Of several with the same file name, the one in
    /// the directory of highest precedence is used.
    fn drop_ins(&self, name: &str, names: &[String]) -> Vec<UnitFile> {
        let mut found: BTreeMap<OsString, String> = BTreeMap::new();
        let mut visit = |directory: &Directory, name: &str| {
            let name = format!("{name}.d");
            if directory.may_have(&name) {
                add_conf_files(self.root, &format!("{}/{name}", directory.path), &mut found);
            }
        };
        let others = names.iter().map(String::as_str).filter(|n| *n != name);
        for name in std::iter::once(name).chain(others) {
            let prefixes = prefixes(name);
            for directory in self.directories {
                visit(directory, name);
                for prefix in &prefixes {
                    visit(directory, prefix);
                }
            }
        }
        for directory in self.directories {
            visit(directory, suffix(name).unwrap_or("service"));
        }
        read_all(self.root, found)
    }

    fn enablement(
        &self,
        name: &str,
        fragment: &Fragment<'_>,
        definition: &UnitDefinition,
        install: &Install,
    ) -> Enablement {
        let directory = fragment.directory;
        if definition.load == Load::Masked {
            return if directory.is_runtime() {
                Enablement::MaskedRuntime
            } else {
                Enablement::Masked
            };
        }
        if directory.path.starts_with("/run/systemd/generator") {
            return Enablement::Generated;
        }
        if directory.path == "/run/systemd/transient" {
            return Enablement::Transient;
        }
        if install.broken || fragment.own_name {
            return Enablement::Bad;
        }
        let mut runtime = false;
        for directory in self.directories.iter().filter(|d| d.names.is_some()) {
            if self.has_link_to(directory, name, install) {
                if directory.is_configuration() {
                    return Enablement::Enabled;
                }
                runtime |= directory.is_runtime();
            }
        }
        match fragment.linked {
            _ if runtime => Enablement::EnabledRuntime,
            Some(directory) if directory.is_configuration() => Enablement::Linked,
            Some(directory) if directory.is_runtime() => Enablement::LinkedRuntime,
            _ if install.has_rules => Enablement::Disabled,
            _ if install.also => Enablement::Indirect,
            _ => Enablement::Static,
        }
    }

    /// Whether a link below `directory` makes another unit want `name`, or is an alias of `Alias=`.
    fn has_link_to(&self, directory: &Directory, name: &str, install: &Install) -> bool {
        let is_link = |path: &str| {
            let status = self.root.lstat(path);
            matches!(status, Ok(status) if status.kind == FileKind::Link)
        };
        let mut names = directory.names.iter().flatten().filter_map(|n| n.to_str());
        let pulled_in = names.any(|pulling| {
            matches!(suffix(pulling), Some("wants" | "requires" | "upholds"))
                && is_link(&format!("{}/{pulling}/{name}", directory.path))
        });
        pulled_in || install.aliases.iter().any(|alias| {
            directory.may_have(alias)
                && matches!(self.entry(directory, alias), FoundName::Alias(target) if target == name)
        })
    }
}

fn suffix(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, suffix)| suffix)
}

/// The prefixes of a unit's name with drop-ins, longest first: `rke2-.service` for `rke2-server.service`.
fn prefixes(name: &str) -> Vec<String> {
    let Some((stem, suffix)) = name.rsplit_once('.') else {
        return Vec::new();
    };
    let (stem, _instance) = stem.split_once('@').unwrap_or((stem, ""));
    let mut out = Vec::new();
    let mut rest = stem;
    loop {
        // A dash at the end belongs to the prefix before it.
        rest = rest.strip_suffix('-').unwrap_or(rest);
        let Some((shorter, _)) = rest.rsplit_once('-').filter(|(name, _)| !name.is_empty()) else {
            return out;
        };
        rest = rest.get(..=shorter.len()).unwrap_or_default();
        out.push(format!("{rest}.{suffix}"));
    }
}

/// The target of a link in `directory` as an absolute path without `.` and `..`.
fn absolute(directory: &str, target: &str) -> String {
    let base = if target.starts_with('/') {
        ""
    } else {
        directory
    };
    go::join(base, target)
}

/// Adds the `*.conf` files of a directory. A name that is in `found` already is not replaced.
fn add_conf_files(root: &HostRoot, directory: &str, found: &mut BTreeMap<OsString, String>) {
    for name in root.list(directory).unwrap_or_default() {
        let bytes = name.as_bytes();
        if bytes.ends_with(b".conf") && !bytes.starts_with(b".") {
            // A name that is not UTF-8 cannot be opened by this path, and is reported as unreadable.
            let path = format!("{directory}/{}", name.to_string_lossy());
            found.entry(name).or_insert(path);
        }
    }
}

fn read_all(root: &HostRoot, found: BTreeMap<OsString, String>) -> Vec<UnitFile> {
    found
        .into_values()
        .map(|path| UnitFile {
            content: root.read(&path),
            path,
        })
        .collect()
}

/// Sets the specifiers whose values are read from the host, if `content` may use them.
fn host_specifiers(root: &HostRoot, content: &[u8], specifiers: &mut Specifiers) {
    let used = |letter: u8| content.windows(2).any(|pair| pair == [b'%', letter]);
    if !content.contains(&b'%') {
        return;
    }
    let read = |path: &str| {
        let text = String::from_utf8(root.read(path).ok()?).ok()?;
        let text = text.trim_ascii().to_owned();
        (!text.is_empty()).then_some(text)
    };
    if (used(b'H') || used(b'l'))
        && let Some(name) = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname"))
    {
        specifiers.set('l', name.split('.').next().unwrap_or_default());
        specifiers.set('H', name);
    }
    for (letter, path) in [
        ('m', "/etc/machine-id"),
        ('b', "/proc/sys/kernel/random/boot_id"),
        ('v', "/proc/sys/kernel/osrelease"),
    ] {
        if u8::try_from(letter).is_ok_and(used)
            && let Some(value) = read(path)
        {
            let value = if letter == 'b' {
                value.replace('-', "")
            } else {
                value
            };
            specifiers.set(letter, value);
        }
    }
}
