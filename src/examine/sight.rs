//! What RKE2 sees of the host that is not seen here: whatever of a unit changes its view, or the host
//! before RKE2 looks at it.

use std::path::{Component, Path, PathBuf};

use crate::host::HostRoot;
use crate::host::rke2_binary;
use crate::rke2::config::{ConfigFiles, Gap, KubeletFiles, KubeletPaths, reads_variable};
use crate::rke2::packaged;
use crate::unit::directive::{Cause, Extent, Influence};
use crate::unit::{Start, UnitDefinition};

/// Links followed on the way to one file.
const MOST_LINKS: usize = 40;

/// Paths that lead each process to files of its own, or that exist only while the unit runs.
const OWN: [&str; 6] = [
    "/proc",
    "/dev/fd",
    "/dev/stdin",
    "/dev/stdout",
    "/dev/stderr",
    "/run/credentials",
];

/// The files that RKE2 and its kubelet read to decide whether they start, besides `/proc/sys`.
pub(super) struct Seen<'a> {
    /// The program.
    pub(super) program: Option<&'a Path>,
    /// RKE2's configuration.
    pub(super) config: &'a ConfigFiles,
    /// Whether its path is written as a relative one.
    pub(super) is_relative: bool,
    /// The kubelet's configuration.
    pub(super) kubelet: &'a KubeletFiles,
    /// Where that is looked for.
    pub(super) paths: &'a KubeletPaths,
    /// RKE2's data directory.
    pub(super) data_dir: &'a str,
}

/// What of RKE2's start is not known because of its unit.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    /// What makes its settings, and everything that rests on them, unknown.
    pub(super) gaps: Vec<Gap>,
    /// What makes the kernel parameters unknown.
    pub(super) kernel: Option<String>,
}

/// The program that systemd would run: of one without a path, the first in the search path.
pub(super) fn program(root: &HostRoot, unit: &UnitDefinition, start: &Start) -> PathBuf {
    let program = Path::new(&start.program.text);
    if program.is_absolute() {
        return program.to_owned();
    }
    rke2_binary::search(root, &unit.search_path, program).unwrap_or_else(|| program.to_owned())
}

/// A path of RKE2's as the host names it: relative ones begin in the unit's working directory.
pub(super) fn below(directory: &str, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() {
        return path.to_owned();
    }
    Path::new("/")
        .join(directory.trim_start_matches('!'))
        .join(path)
}

/// Whether both leave the same unknown, wherever it is set.
pub(super) fn is_alike(a: &UnitDefinition, b: &UnitDefinition) -> bool {
    let (ours, theirs) = (influences(a), influences(b));
    let alike = ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| a.is_like(b));
    alike && a.search_path == b.search_path && a.working_directory == b.working_directory
}

/// Everything that may make RKE2 run otherwise, or see another host, than is found here.
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

/// What is not known of RKE2's start, given the files that were read for it.
pub(super) fn unseen(root: &HostRoot, unit: &UnitDefinition, seen: &Seen<'_>) -> Unseen {
    let mut out = Unseen::default();
    let mut hidden = Vec::new();
    for influence in influences(unit) {
        match &influence.extent {
            Extent::All => out.gaps.push(gap(&influence)),
            Extent::Kernel => out.kernel = Some(influence.to_string()),
            Extent::Paths(_) => hidden.push(influence),
        }
    }
    let own = |path: &str| OWN.iter().any(|own| Path::new(path).starts_with(own));
    for path in seen.named().filter(|path| own(path)) {
        let cause = Cause::OwnPath(path.clone());
        out.gaps.push(gap(&Influence::all(cause, None)));
    }
    for file in unit.environment_files.iter().filter(|f| own(&f.pattern)) {
        let cause = Cause::OwnPath(file.pattern.clone());
        out.gaps
            .push(gap(&Influence::all(cause, file.source.clone())));
    }
    if let Some(cause) = seen.relative(root, &unit.working_directory) {
        out.gaps
            .push(gap(&Influence::all(cause, unit.fragment.clone())));
    }
    if hidden.is_empty() {
        return out;
    }
    let paths = seen.paths();
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

impl Seen<'_> {
    /// The paths that the configuration names.
    fn named(&self) -> impl Iterator<Item = &String> {
        let kubelet = [&self.paths.config, &self.paths.config_dir];
        std::iter::once(&self.config.path)
            .chain(kubelet.into_iter().flatten())
            .filter(|path| !path.is_empty())
    }

    /// Every path that is read, those of directories and of the files in them.
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
        all.extend(self.named().map(PathBuf::from));
        all.extend(self.paths.conf_d.iter().map(PathBuf::from));
        let drop_ins = self.config.drop_ins.iter().flatten();
        all.extend(drop_ins.map(|file| PathBuf::from(&file.path)));
        let files = self.kubelet.conf_d.iter().chain(&self.kubelet.config_dir);
        let files = files.chain(&self.kubelet.config);
        all.extend(files.map(|file| PathBuf::from(&file.path)));
        all
    }

    /// A relative path whose directory is not known: that of the kubelet where the unit sets a working
    /// directory, and any where the working directory may be missing or is a home directory.
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

/// Every path on the way to `path`: each link that is followed, and what is at the end.
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
        if steps.len() > MOST_LINKS {
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

/// The names in a path, the last first.
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
