//! Trees of `sysctl.d` files: the winning value is in a file, and comments have no effect.

use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;
use preflight_rke2::testing::sysctl_d::{
    Content, Dialect, File, Resolution, SearchDirectory, Tree, Tuned, resolve, winning_name,
};

use super::host;

/// The keys that are asked for.
pub(super) fn keys() -> Vec<&'static str> {
    KERNEL_PARAMETERS.iter().map(|p| p.key).collect()
}

/// Parts: a letter for the place, the file's name on the first line, then its content.
pub(super) fn tree<'a>(parts: impl Iterator<Item = (u8, &'a [u8])>) -> Tree {
    let mut tree = Tree::default();
    let mut profiles = Vec::new();
    for (letter, part) in parts {
        let place = match letter {
            b'1' => SearchDirectory::Etc,
            b'2' => SearchDirectory::Run,
            b'3' => SearchDirectory::UsrLocalLib,
            b'4' => SearchDirectory::UsrLib,
            b'5' => SearchDirectory::Lib,
            b'6' => {
                tree.sysctl_conf = Some(File::new("/etc/sysctl.conf", part));
                continue;
            }
            b'7' => {
                tree.credential = Some(File::new("/run/credentials/x/sysctl.extra", part));
                continue;
            }
            b'8' => {
                tree.command_line = Some(part.to_vec());
                continue;
            }
            b'9' => {
                profiles.push(File::new("/etc/tuned/x/tuned.conf", part));
                continue;
            }
            _ => continue,
        };
        let mut lines = part.splitn(2, |byte| *byte == b'\n');
        let name = lines.next().unwrap_or_default();
        let content = lines.next();
        let (target, name) = match name.strip_prefix(b"@") {
            Some(name) => (Some("/etc/sysctl.conf".to_owned()), name),
            None => (None, name),
        };
        let path = format!("{}/{}", place.path(), String::from_utf8_lossy(name));
        let file = File {
            name: name.to_vec(),
            target,
            content: match content {
                Some(content) => Content::Bytes(content.to_vec()),
                None => host::content(name, &path),
            },
            path,
        };
        let twice = |dir: &preflight_rke2::testing::sysctl_d::Directory| {
            dir.location == place && dir.files.iter().any(|other| other.name == file.name)
        };
        // A directory holds a name once.
        if !name.contains(&b'/') && !name.is_empty() && !tree.directories.iter().any(twice) {
            tree.add(place, file);
        }
    }
    if !profiles.is_empty() {
        tree.tuned = Some(Tuned {
            reapply: profiles.len() % 2 == 0,
            profiles,
        });
    }
    tree
}

fn files(tree: &Tree) -> impl Iterator<Item = &File> {
    let tuned = tree.tuned.iter().flat_map(|tuned| &tuned.profiles);
    let listed = tree.directories.iter().flat_map(|dir| &dir.files);
    let single = tree.sysctl_conf.iter().chain(&tree.credential);
    listed.chain(single).chain(tuned)
}

fn bounded(tree: &Tree, found: &Resolution) {
    let lines: usize = files(tree)
        .map(|file| {
            file.bytes()
                .split(|b| matches!(b, b'\n' | b'\r' | 0))
                .count()
        })
        .sum();
    for next in &found.keys {
        assert!(next.overrides.len() <= lines.saturating_mul(2));
        assert!(next.skipped.len() <= lines);
        for line in next
            .set
            .iter()
            .chain(next.overrides.iter().map(|lost| &lost.assignment))
            .map(|assignment| &assignment.line)
            .chain(next.skipped.iter().map(|skipped| &skipped.line))
        {
            assert!(files(tree).any(|file| file.path == line.source.path));
            assert!(line.text.get(line.key.clone()).is_some());
            assert!(line.text.get(line.value.clone()).is_some());
        }
        if let Some(set) = &next.set {
            assert!(!set.outcome.is_refused());
        }
    }
    assert!(found.problems.len() <= 200);
}

pub(super) fn run(data: &[u8]) {
    let dialect = Dialect::of(u16::from(super::switch(data, 0)).saturating_add(200));
    let mut tree = tree(super::lettered(data));
    let keys = keys();
    let found = resolve(&tree, &keys, dialect);
    assert_eq!(found, resolve(&tree, &keys, dialect));
    bounded(&tree, &found);

    let wanted: Vec<(&str, i32)> = keys.iter().map(|key| (*key, 1)).collect();
    if let Ok(place) = winning_name(&tree, &wanted, dialect) {
        let lines: String = keys.iter().flat_map(|key| [key, "=1\n"]).collect();
        let mut more = tree.clone();
        let etc = more
            .directories
            .iter_mut()
            .find(|dir| dir.location == SearchDirectory::Etc);
        let old = etc.and_then(|dir| {
            let mut files = dir.files.iter_mut();
            files.find(|file| file.name == place.name.as_bytes())
        });
        assert_eq!(old.is_some(), place.exists);
        match old {
            Some(file) => {
                file.content = Content::Bytes([file.bytes(), b"\n", lines.as_bytes()].concat());
            }
            None => more.add(
                SearchDirectory::Etc,
                File::new(&format!("/etc/sysctl.d/{}", place.name), lines),
            ),
        }
        for next in resolve(&more, &keys, dialect).keys {
            assert_eq!(next.value(), Some(1), "{}: {place:?}", next.key);
        }
    }

    for file in tree.directories.iter_mut().flat_map(|dir| &mut dir.files) {
        if let Content::Bytes(bytes) = &mut file.content
            && !bytes.is_empty()
        {
            bytes.extend_from_slice(b"\n# a comment, with kernel.panic = 7\n");
        }
    }
    assert_eq!(found, resolve(&tree, &keys, dialect));
}
