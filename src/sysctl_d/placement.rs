//! The file in `/etc/sysctl.d` that makes a set of assignments win at the next boot.

use super::dialect::Dialect;
use super::resolution::Via;
use super::resolve::{files, resolve};
use super::tree::{Content, File, SearchDirectory, Tree};
use crate::facts::Source;

/// Candidates, in order of preference.
const NAMES: [&str; 4] = [
    "60-rke2-cis.conf",
    "99-rke2-cis.conf",
    "99-zz-rke2-cis.conf",
    "zz-rke2-cis.conf",
];

/// A name in `/etc/sysctl.d` whose lines win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The name within the directory.
    pub name: String,
    /// Whether a file of that name exists; its other lines must be kept.
    pub exists: bool,
}

/// Why no file can win.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Prevented {
    /// A credential is read after every file.
    #[error("{0}: the credential sysctl.extra is read after every file and sets {1}")]
    Credential(Source, String),
    /// `TuneD` applies its profile later.
    #[error("{0}: TuneD applies its profile after systemd-sysctl and sets {1}: change the profile")]
    Tuned(Source, String),
    /// `TuneD` applies a file again after everything else.
    #[error(
        "{0}: TuneD applies this file again after its profile, and it sets {1}: change it there"
    )]
    Reapplied(Source, String),
    /// Another file wins, whatever name is chosen.
    #[error(
        "no file name in /etc/sysctl.d wins for {0}: `preflight-rke2 sysctl` shows the file that sets it, change that one"
    )]
    NoName(String),
}

/// The name in `/etc/sysctl.d` under which lines that set each key to its number win over every other
/// file, credential and profile.
pub fn winning_name(
    tree: &Tree,
    wanted: &[(&str, i32)],
    dialect: Dialect,
) -> Result<Placement, Prevented> {
    let mut prevented = None;
    let last = last_name(tree, dialect);
    let names = NAMES.iter().map(|name| (*name).to_owned());
    for name in names.chain(last) {
        let there = tree
            .directories
            .iter()
            .filter(|directory| directory.location == SearchDirectory::Etc)
            .flat_map(|directory| &directory.files)
            .find(|file| file.name == name.as_bytes());
        if there.is_some_and(|file| !is_ours_to_write(file))
            || (there.is_none() && would_hide(tree, &name))
        {
            continue;
        }
        match loser(&with_file(tree, &name, wanted), wanted, dialect) {
            None => {
                return Ok(Placement {
                    name,
                    exists: there.is_some(),
                });
            }
            Some(why) => prevented = Some(why),
        }
    }
    Err(prevented.unwrap_or_else(|| Prevented::NoName(String::new())))
}

/// Whether a file of this name in `/etc` would replace one in another directory, with all of its lines.
fn would_hide(tree: &Tree, name: &str) -> bool {
    tree.directories
        .iter()
        .filter(|directory| directory.location != SearchDirectory::Etc)
        .flat_map(|directory| &directory.files)
        .any(|file| file.name == name.as_bytes())
}

/// A mask, a link or a directory was created on purpose.
fn is_ours_to_write(file: &File) -> bool {
    file.target.is_none() && matches!(&file.content, Content::Bytes(bytes) if !bytes.is_empty())
}

/// A name that sorts after every file that is read.
fn last_name(tree: &Tree, dialect: Dialect) -> Option<String> {
    let (read, _) = files(tree, dialect);
    let stem = read.last()?.name.strip_suffix(b".conf")?;
    let stem = std::str::from_utf8(stem).ok()?;
    // `_` sorts after the dot of `.conf`.
    let name = format!("{stem}_rke2-cis.conf");
    (name.len() <= 255).then_some(name)
}

fn with_file(tree: &Tree, name: &str, wanted: &[(&str, i32)]) -> Tree {
    let mut tree = tree.clone();
    let directories = tree.directories.iter_mut();
    let place = directories.filter(|directory| directory.location == SearchDirectory::Etc);
    let old = place
        .flat_map(|directory| directory.files.iter_mut())
        .find(|file| file.name == name.as_bytes());
    let mut lines = String::new();
    for (key, value) in wanted {
        lines.extend([*key, " = ", value.to_string().as_str(), "\n"]);
    }
    if let Some(File {
        content: Content::Bytes(bytes),
        ..
    }) = old
    {
        // Other lines stay; the new lines follow them.
        bytes.push(b'\n');
        bytes.extend_from_slice(lines.as_bytes());
    } else {
        let path = format!("{}/{name}", SearchDirectory::Etc.path());
        tree.add(SearchDirectory::Etc, File::new(&path, lines));
    }
    tree
}

/// The first key that is set to another number, and what sets it.
fn loser(tree: &Tree, wanted: &[(&str, i32)], dialect: Dialect) -> Option<Prevented> {
    let keys: Vec<&str> = wanted.iter().map(|(key, _)| *key).collect();
    let found = resolve(tree, &keys, dialect);
    for (next, (_, value)) in found.keys.into_iter().zip(wanted) {
        if next.value() == Some(*value) {
            continue;
        }
        return Some(match next.set {
            Some(set) => match set.via {
                Via::Credential => Prevented::Credential(set.line.source, next.key),
                Via::Tuned => Prevented::Tuned(set.line.source, next.key),
                Via::Reapplied => Prevented::Reapplied(set.line.source, next.key),
                Via::Explicit | Via::Pattern => Prevented::NoName(next.key),
            },
            None => Prevented::NoName(next.key),
        });
    }
    None
}
