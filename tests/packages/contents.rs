//! What the packages hold is what the manifest lists, neither more nor less, with the modes and
//! marks it gives. The manifest is read here a second time, so that packaging/install is checked too.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::tools::{PACKAGES, answer, built, out, repository};

/// One line of the manifest, patterns expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    kind: String,
    mode: u32,
    source: String,
}

/// The manifest of a package for one kind of package: what is installed, by destination.
fn manifest(package: &str, wanted: &str) -> BTreeMap<String, Row> {
    let file = package.replace("preflight-rke2", "packaging/manifest");
    let text = fs::read_to_string(repository().join(file)).expect("the manifest");
    let mut rows = BTreeMap::new();
    for line in text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [kind, mode, whom, source, to] = words[..] else {
            panic!("not five words: {line}");
        };
        assert!(
            ["program", "file", "config", "doc", "licence", "dir"].contains(&kind),
            "{line}"
        );
        assert!(
            whom.split(',')
                .all(|w| ["all", "deb", "rpm", "make"].contains(&w)),
            "{line}"
        );
        if !whom.split(',').any(|w| w == "all" || w == wanted) {
            continue;
        }
        for source in expand(source) {
            let to = if to.ends_with('/') {
                to.to_owned() + source.rsplit('/').next().expect("a name")
            } else {
                to.to_owned()
            };
            let row = Row {
                kind: kind.to_owned(),
                mode: u32::from_str_radix(mode, 8).expect("a mode"),
                source,
            };
            assert!(rows.insert(to, row).is_none(), "twice: {line}");
        }
    }
    assert!(rows.len() >= 10, "{rows:?}");
    rows
}

/// The files that a pattern with one `*` in its name matches.
fn expand(source: &str) -> Vec<String> {
    let Some((before, after)) = source.split_once('*') else {
        return vec![source.to_owned()];
    };
    let (dir, prefix) = before.rsplit_once('/').expect("a directory");
    let mut found: Vec<String> = fs::read_dir(repository().join(dir))
        .expect("a directory of the repository")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().into_string().expect("a name"))
        .filter(|name| name.starts_with(prefix) && name.ends_with(after))
        .map(|name| format!("{dir}/{name}"))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{source} matches nothing");
    found
}

/// Fails unless `root` holds what `rows` say, byte for byte, and nothing else.
fn holds(root: &Path, rows: &BTreeMap<String, Row>) {
    let mut found = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(&dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            let to = format!("/{}", path.strip_prefix(root).expect("below").display());
            let kind = fs::symlink_metadata(&path).expect("metadata");
            assert!(kind.is_dir() || kind.is_file(), "{to} is neither");
            if kind.is_dir() {
                let inside = format!("{to}/");
                assert!(
                    rows.contains_key(&to) || rows.keys().any(|row| row.starts_with(&inside)),
                    "{to} is for nothing"
                );
                left.push(path.clone());
            }
            let Some(row) = rows.get(&to) else {
                assert!(kind.is_dir(), "{to} is not in the manifest");
                assert_eq!(kind.permissions().mode() & 0o7777, 0o755, "{to}");
                continue;
            };
            assert_eq!(kind.permissions().mode() & 0o7777, row.mode, "{to}");
            assert_eq!(kind.is_dir(), row.kind == "dir", "{to}");
            if row.kind != "dir" && row.kind != "program" {
                let holds = if path.extension().is_some_and(|end| end == "gz") {
                    answer("gzip -dc \"$1\"", &[&path]).stdout
                } else {
                    fs::read(&path).expect("a file")
                };
                let source = repository().join(&row.source);
                assert!(
                    holds == fs::read(&source).expect("a source"),
                    "{to} is not {}: run tests/lab/package again",
                    row.source
                );
            }
            found.push(to);
        }
    }
    found.sort();
    let listed: Vec<&String> = rows.keys().collect();
    assert_eq!(found.iter().collect::<Vec<_>>(), listed);
}

fn configs(rows: &BTreeMap<String, Row>) -> Vec<&str> {
    rows.iter()
        .filter(|(_, row)| row.kind == "config")
        .map(|(to, _)| to.as_str())
        .collect()
}

#[test]
fn the_debs_hold_their_manifests() {
    for package in PACKAGES {
        the_deb_holds_its_manifest(package);
    }
}

fn the_deb_holds_its_manifest(package: &str) {
    let rows = manifest(package, "deb");
    let deb = built(&format!("{package}.deb"));
    let dir = tempfile::tempdir().expect("a directory");
    out("dpkg-deb --extract \"$1\" \"$2\"", &[&deb, dir.path()]);
    holds(dir.path(), &rows);
    let listing = out("dpkg-deb --contents \"$1\"", &[&deb]);
    for line in listing.lines() {
        assert_eq!(line.split_whitespace().nth(1), Some("root/root"), "{line}");
    }
    let conffiles = out(
        "dpkg-deb --ctrl-tarfile \"$1\" | tar --extract --to-stdout --wildcards './conffile*' 2>/dev/null || true",
        &[&deb],
    );
    assert_eq!(conffiles.lines().collect::<Vec<_>>(), configs(&rows));
    // A static program: nothing is depended on.
    assert_eq!(out("dpkg-deb --field \"$1\" Depends", &[&deb]).trim(), "");
    out(
        "dpkg-deb --control \"$1\" \"$2\"/DEBIAN && cd \"$2\" && md5sum --quiet --check DEBIAN/md5sums",
        &[&deb, dir.path()],
    );
}

#[test]
fn the_rpms_hold_their_manifests() {
    for package in PACKAGES {
        the_rpm_holds_its_manifest(package);
    }
}

fn the_rpm_holds_its_manifest(package: &str) {
    let rows = manifest(package, "rpm");
    let rpm = built(&format!("{package}.rpm"));
    let dir = tempfile::tempdir().expect("a directory");
    out(
        "cd \"$2\" && rpm2cpio \"$1\" | cpio --quiet --extract --make-directories --preserve-modification-time",
        &[&rpm, dir.path()],
    );
    // Directories of others that its files are in are made by cpio.
    holds(dir.path(), &rows);
    let listing = out(
        "rpm --query --package --queryformat \
         '[%{FILENAMES} %{FILEMODES:octal} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEFLAGS:fflags}|\\n]' \"$1\"",
        &[&rpm],
    );
    let mut listed = Vec::new();
    for line in listing.lines() {
        let words: Vec<&str> = line.trim_end_matches('|').split(' ').collect();
        let row = rows
            .get(words[0])
            .unwrap_or_else(|| panic!("{line} is not in the manifest"));
        let flags = match row.kind.as_str() {
            "config" => "cn",
            "doc" => "d",
            "licence" => "l",
            // Manuals and documents below /usr/share/doc are marked by rpm itself.
            _ => "",
        };
        assert_eq!(words[3], flags, "{line}");
        assert_eq!(words[2], "root:root", "{line}");
        let mode = u32::from_str_radix(words[1], 8).expect("a mode");
        assert_eq!(mode & 0o7777, row.mode, "{line}");
        assert_eq!(mode & 0o40000 != 0, row.kind == "dir", "{line}");
        listed.push(words[0]);
    }
    // The RPM owns the files of the manifest, and directories too: no other package owns those of RKE2's drop-ins.
    assert_eq!(listed, rows.keys().collect::<Vec<_>>());
}

/// A link of an installed document leads to an installed one; the licence is the package's own.
fn links_lead_somewhere(dir: &Path) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            links_lead_somewhere(&path);
        } else if path.extension().is_some_and(|end| end == "md") {
            let text = fs::read_to_string(&path).expect("a document");
            for part in text.split("](").skip(1) {
                let (link, _) = part.split_once(')').expect("the end of a link");
                let file = link.split('#').next().expect("a first part");
                assert!(
                    link.contains("://")
                        || ["", "LICENSE"].contains(&file)
                        || dir.join(file).exists(),
                    "{}: {link}",
                    path.display()
                );
            }
        }
    }
}

/// The program of a deb or an RPM, as `to`.
fn program(package: &str, end: &str, to: &Path) {
    let unpack = match end {
        "deb" => "dpkg-deb --fsys-tarfile \"$1\" | tar --extract --to-stdout",
        _ => "rpm2cpio \"$1\" | cpio --quiet --extract --to-stdout",
    };
    out(
        &format!("{unpack} ./usr/bin/{package} >\"$2\""),
        &[&built(&format!("{package}.{end}")), to],
    );
}

#[test]
fn make_installs_the_manifests() {
    for package in PACKAGES {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("program");
        program(package, "deb", &file);
        let tree = dir.path().join("tree");
        out(
            &format!(
                "export PREFLIGHT_PROGRAM=$1 PREFLIGHT_CLUSTER_PROGRAM=$1
                make --silent install PACKAGE={package} DESTDIR=\"$2\""
            ),
            &[&file, &tree],
        );
        holds(&tree, &manifest(package, "make"));
        links_lead_somewhere(&tree.join("usr/share/doc").join(package));
        assert!(
            fs::read(tree.join("usr/bin").join(package)).expect("the program")
                == fs::read(&file).expect("the program")
        );
    }
}

#[test]
fn the_packages_hold_one_static_program() {
    for package in PACKAGES {
        let dir = tempfile::tempdir().expect("a directory");
        let programs = ["deb", "rpm"].map(|end| {
            let to = dir.path().join(end);
            program(package, end, &to);
            to
        });
        let [deb, rpm] = programs.each_ref().map(|path| fs::read(path).expect("it"));
        assert!(deb == rpm && deb.starts_with(b"\x7fELF"));
        let headers = out(
            "readelf --program-headers --dynamic \"$1\"",
            &[&programs[0]],
        );
        for word in ["INTERP", "(NEEDED)"] {
            assert!(!headers.contains(word), "{headers}");
        }
        // It is the same bytes wherever it is built.
        let here = format!("{}/", env!("CARGO_MANIFEST_DIR"));
        assert!(!String::from_utf8_lossy(&deb).contains(&here));
    }
}
