//! The version of the installed systemd, whose `systemd-sysctl` reads `sysctl.d` at the next boot.

use std::ffi::OsStr;
use std::path::Path;

use super::HostRoot;

/// Where distributions install systemd's shared library. Its name ends in the version.
const DIRECTORIES: [&str; 5] = [
    "/usr/lib/systemd",
    "/usr/lib64/systemd",
    "/usr/lib/x86_64-linux-gnu/systemd",
    "/usr/lib/aarch64-linux-gnu/systemd",
    "/lib/systemd",
];

/// The version of systemd by the name of its shared library, such as `libsystemd-shared-252.so`; `None` where
/// there is none, or libraries of several versions.
pub(crate) fn read(root: &HostRoot) -> Option<u16> {
    let mut found = None;
    for directory in DIRECTORIES {
        // Mostly `/lib` is `/usr/lib`.
        if directory.starts_with("/lib/") && root.read_link(Path::new("/lib")).is_ok() {
            continue;
        }
        let Ok(names) = root.list(directory) else {
            continue;
        };
        for version in names.iter().filter_map(|name| version(name)) {
            if found.is_some_and(|found| found != version) {
                return None;
            }
            found = Some(version);
        }
    }
    found
}

/// The version in the name of the library: 257 of `libsystemd-shared-257.9-1.el10.so`.
fn version(name: &OsStr) -> Option<u16> {
    let rest = name.to_str()?.strip_prefix("libsystemd-shared-")?;
    let rest = rest.strip_suffix(".so")?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    let (digits, suffix) = rest.split_at(end.unwrap_or(rest.len()));
    let is_version = suffix.is_empty() || suffix.starts_with(['.', '-', '~', '+']);
    if is_version {
        digits.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host;

    #[test]
    fn the_library_names_the_version() {
        for (name, expected) in [
            ("libsystemd-shared-239.so", Some(239)),
            ("libsystemd-shared-252.so", Some(252)),
            ("libsystemd-shared-257.9-1.el10.so", Some(257)),
            ("libsystemd-shared-254.10+suse.84.so", Some(254)),
            ("libsystemd-shared-258~rc1.so", Some(258)),
            ("libsystemd-shared-252.so.debug", None),
            ("libsystemd-shared-.so", None),
            ("libsystemd-shared-99999999.so", None),
            ("libsystemd-shared-25x.so", None),
            ("libsystemd-core-252.so", None),
        ] {
            assert_eq!(version(OsStr::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn one_version_is_found_where_distributions_install_it() {
        let read = |files: &[&str]| {
            let files: Vec<(&str, &str)> = files.iter().map(|file| (*file, "")).collect();
            super::read(&host(&files).1)
        };
        for directory in DIRECTORIES {
            let library = format!("{directory}/libsystemd-shared-245.so");
            assert_eq!(read(&[&library]), Some(245), "{directory}");
        }
        let debian = "/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so";
        assert_eq!(read(&[debian, "/usr/lib/systemd/systemd"]), Some(252));
        let other = "/usr/lib/systemd/libsystemd-shared-249.so";
        assert_eq!(read(&[debian, other]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn a_merged_lib_is_read_once() {
        let library = ("/usr/lib/systemd/libsystemd-shared-249.so", "");
        let (_dir, root) = host(&[library, ("/lib", "-> usr/lib")]);
        assert_eq!(read(&root), Some(249));
    }
}
