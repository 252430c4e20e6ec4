//! Which inputs of a start cannot be determined: directives of a unit can give RKE2 another view of the host
//! than this process has, or change the host before RKE2 reads it.

use std::path::{Component, Path, PathBuf};

use crate::host::HostRoot;
use crate::host::rke2_binary;
use crate::rke2::config::{ConfigFiles, Gap, KubeletFiles, KubeletPaths, reads_variable};
use crate::rke2::packaged;
use crate::unit::directive::{Cause, Extent, Influence};
use crate::unit::{Start, UnitDefinition};

/// How many symbolic links are followed on the way to one file.
const MAX_LINKS: usize = 40;

/// Paths whose content differs by process, or that exist only while the unit runs.
const PROCESS_LOCAL: [&str; 6] = [
    "/proc",
    "/dev/fd",
    "/dev/stdin",
    "/dev/stdout",
    "/dev/stderr",
    "/run/credentials",
];

/// The files that RKE2 and its kubelet read to decide whether they start, besides `/proc/sys`.
pub(super) struct Inputs<'a> {
    /// The path of the program; `None` without an installed unit.
    pub(super) program: Option<&'a Path>,
    /// RKE2's configuration.
    pub(super) config: &'a ConfigFiles,
    /// Whether its path is written as a relative one.
    pub(super) is_relative: bool,
    /// The kubelet's configuration.
    pub(super) kubelet: &'a KubeletFiles,
    /// Where the kubelet searches for it.
    pub(super) paths: &'a KubeletPaths,
    /// What arguments and files of the kubelet name, as far as that decided something.
    pub(super) named: &'a [String],
    /// RKE2's data directory.
    pub(super) data_dir: &'a str,
}

/// What cannot be determined because of the unit.
#[derive(Debug, Default)]
pub(super) struct Undetermined {
    /// Why the settings, and everything that depends on them, cannot be determined.
    pub(super) gaps: Vec<Gap>,
    /// Why the kernel parameters cannot be determined.
    pub(super) kernel: Option<String>,
}

/// The program that systemd would run: a name without a path is searched for.
pub(super) fn program(root: &HostRoot, unit: &UnitDefinition, start: &Start) -> PathBuf {
    let program = Path::new(&start.program.text);
    if program.is_absolute() {
        return program.to_owned();
    }
    rke2_binary::search(root, &unit.search_path, program).unwrap_or_else(|| program.to_owned())
}

/// The absolute form of one of RKE2's paths; a relative one starts in the unit's working directory.
pub(super) fn absolute(directory: &str, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() {
        return path.to_owned();
    }
    Path::new("/")
        .join(directory.trim_start_matches('!'))
        .join(path)
}

/// Whether the same inputs cannot be determined with either definition, wherever that is set.
pub(super) fn is_alike(a: &UnitDefinition, b: &UnitDefinition) -> bool {
    let (ours, theirs) = (influences(a), influences(b));
    let alike = ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| a.is_like(b));
    alike && a.search_path == b.search_path && a.working_directory == b.working_directory
}

/// Everything that may make RKE2 run otherwise, or on another host, than this process finds.
fn influences(unit: &UnitDefinition) -> Vec<Influence> {
    let mut all = unit.influences();
    for other in &unit.auxiliary {
        let words = other.command.argv.iter();
        let words: Vec<&str> = words.map(|word| word.text.as_str()).collect();
        let plain = words.first() == Some(&other.command.path.as_str());
        if plain && packaged::is_packaged(&words) {
            continue;
        }
        let cause = Cause::Command {
            key: other.key,
            program: other.command.path.clone(),
        };
        all.push(Influence::all(cause, other.command.source.clone()));
    }
    for name in &unit.pass_environment {
        if reads_variable(name.as_bytes()) && !unit.sets(name) {
            let cause = Cause::Passed(name.clone());
            all.push(Influence::all(cause, unit.fragment.clone()));
        }
    }
    all
}

/// Which of `inputs` cannot be determined because of `unit`.
pub(super) fn undetermined(
    root: &HostRoot,
    unit: &UnitDefinition,
    inputs: &Inputs<'_>,
) -> Undetermined {
    let mut out = Undetermined::default();
    let mut hidden = Vec::new();
    for influence in influences(unit) {
        match &influence.extent {
            Extent::All => out.gaps.push(gap(&influence)),
            Extent::Kernel => out.kernel = Some(influence.to_string()),
            Extent::Paths(_) => hidden.push(influence),
        }
    }
    let is_local = |path: &str| {
        PROCESS_LOCAL
            .iter()
            .any(|local| Path::new(path).starts_with(local))
    };
    for path in inputs.configured().filter(|path| is_local(path)) {
        let cause = Cause::OwnPath(path.clone());
        out.gaps.push(gap(&Influence::all(cause, None)));
    }
    let files = unit.environment_files.iter();
    for file in files.filter(|file| is_local(&file.pattern)) {
        let cause = Cause::OwnPath(file.pattern.clone());
        out.gaps
            .push(gap(&Influence::all(cause, file.source.clone())));
    }
    if let Some(cause) = inputs.relative(root, &unit.working_directory) {
        out.gaps
            .push(gap(&Influence::all(cause, unit.fragment.clone())));
    }
    if hidden.is_empty() {
        return out;
    }
    let paths = inputs.paths();
    let steps: Vec<PathBuf> = paths.iter().flat_map(|path| steps(root, path)).collect();
    for influence in hidden {
        let Extent::Paths(covered) = &influence.extent else {
            continue;
        };
        let covers = |path: &Path| {
            covered
                .iter()
                .any(|covered| path.starts_with(covered) || Path::new(covered).starts_with(path))
        };
        if steps.iter().any(|step| covers(step)) {
            out.gaps.push(gap(&influence));
        } else if covers(Path::new("/proc/sys")) {
            out.kernel = Some(influence.to_string());
        }
    }
    out
}

fn gap(influence: &Influence) -> Gap {
    Gap::Unseen {
        reason: influence.cause.to_string(),
        source: influence.source.clone(),
    }
}

impl Inputs<'_> {
    /// The paths that the configuration names.
    fn configured(&self) -> impl Iterator<Item = &String> {
        let kubelet = [&self.paths.config, &self.paths.config_dir];
        std::iter::once(&self.config.path)
            .chain(kubelet.into_iter().flatten())
            .filter(|path| !path.is_empty())
    }

    /// Every path that is read: directories, and the files in them.
    fn paths(&self) -> Vec<PathBuf> {
        let config = Path::new(&self.config.path);
        let mut drop_ins = config.to_owned().into_os_string();
        drop_ins.push(".d");
        let mut all: Vec<PathBuf> = ["/etc/passwd", "/etc/group", "/sys/fs/cgroup", self.data_dir]
            .into_iter()
            .map(PathBuf::from)
            .collect();
        all.push(drop_ins.into());
        all.extend(self.program.map(Path::to_owned));
        all.extend(self.configured().map(PathBuf::from));
        all.extend(self.named.iter().map(PathBuf::from));
        all.extend(self.paths.conf_d.iter().map(PathBuf::from));
        let drop_ins = self.config.drop_ins.iter().flatten();
        all.extend(drop_ins.map(|file| PathBuf::from(&file.path)));
        let files = self.kubelet.conf_d.iter().chain(&self.kubelet.config_dir);
        let files = files.chain(&self.kubelet.config);
        all.extend(files.map(|file| PathBuf::from(&file.path)));
        all
    }

    /// A relative path whose directory cannot be determined: one of the kubelet's where the unit sets a working
    /// directory; any path where the working directory may be missing or is a home directory.
    fn relative(&self, root: &HostRoot, directory: &str) -> Option<Cause> {
        let is_plain = matches!(directory, "" | "/" | "!/");
        let kubelet = [
            &self.paths.conf_d,
            &self.paths.config,
            &self.paths.config_dir,
        ];
        let relative = |path: &&String| !path.is_empty() && !path.starts_with('/');
        let kubelet = kubelet.into_iter().flatten().find(relative);
        if let Some(path) = kubelet.filter(|_| !is_plain) {
            return Some(Cause::Relative(path.clone()));
        }
        let missing = directory
            .strip_prefix('!')
            .is_some_and(|path| root.stat(path).is_err());
        let unknown = !is_plain && (missing || directory.ends_with('~'));
        (self.is_relative && unknown).then(|| Cause::Relative(self.config.path.clone()))
    }
}

/// Each symbolic link on the way to `path`, and the path at the end.
fn steps(root: &HostRoot, path: &Path) -> Vec<PathBuf> {
    let mut steps = Vec::new();
    let mut here = PathBuf::from("/");
    let mut left: Vec<PathBuf> = parts(path);
    while let Some(part) = left.pop() {
        if part.as_os_str() == ".." {
            here.pop();
            continue;
        }
        here.push(&part);
        if steps.len() > MAX_LINKS {
            continue;
        }
        if let Ok(target) = root.read_link(&here) {
            steps.push(here.clone());
            if target.is_absolute() {
                here = PathBuf::from("/");
            } else {
                here.pop();
            }
            left.extend(parts(&target));
        }
    }
    steps.push(here);
    steps
}

/// The components of a path in reverse order.
fn parts(path: &Path) -> Vec<PathBuf> {
    path.components()
        .rev()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(PathBuf::from(name)),
            Component::ParentDir => Some(PathBuf::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}
