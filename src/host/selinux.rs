//! Whether a policy of `SELinux` may keep systemd-sysctl from a file, which depends on the file's label.
//!
//! A file that was made in /tmp or in a home directory keeps its label when it is moved. The policy is not read;
//! that these types cannot be read by systemd-sysctl is what the reference policy has.

use std::path::Path;

use super::HostRoot;
use super::root::SAFE;

/// Types that a file has from where it was made.
const FOREIGN: [&str; 2] = ["user_tmp_t", "user_home_t"];
/// The longest label that is read.
const LONGEST: usize = 256;

/// The type of a file that systemd-sysctl may not be able to read at the next boot; `None` where nothing is known
/// that keeps it from it.
pub(crate) fn denied(root: &HostRoot, path: &str) -> Option<String> {
    let kind = kind(&label(root, path)?)?.to_owned();
    (FOREIGN.contains(&kind.as_str()) && is_enforced(root)).then_some(kind)
}

/// `user_tmp_t` of `unconfined_u:object_r:user_tmp_t:s0`.
fn kind(label: &str) -> Option<&str> {
    label.split(':').nth(2)
}

/// The label of a file, links followed.
fn label(root: &HostRoot, path: &str) -> Option<String> {
    let file = root.open_with(Path::new(path), SAFE).ok()?;
    let mut value = [0; LONGEST];
    let length = rustix::fs::fgetxattr(&file, c"security.selinux", &mut value).ok()?;
    let text = std::str::from_utf8(value.get(..length)?).ok()?;
    Some(text.trim_end_matches('\0').to_owned())
}

/// Whether the next boot enforces the policy: as configured, or else as it is now.
fn is_enforced(root: &HostRoot) -> bool {
    let configured = root.read("/etc/selinux/config").ok().and_then(|content| {
        let text = String::from_utf8_lossy(&content).into_owned();
        let mut lines = text.lines().rev();
        lines.find_map(|line| Some(line.trim().strip_prefix("SELINUX=")?.trim().to_lowercase()))
    });
    match configured {
        Some(mode) => mode == "enforcing",
        None => root
            .read("/sys/fs/selinux/enforce")
            .is_ok_and(|now| now.first() == Some(&b'1')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host;

    const ENFORCING: (&str, &str) = ("/etc/selinux/config", "SELINUX=enforcing\n");

    #[test]
    fn the_configuration_decides_and_else_the_present() {
        let of = |files: &[(&str, &str)]| is_enforced(&host(files).1);
        assert!(of(&[ENFORCING]));
        assert!(of(&[("/sys/fs/selinux/enforce", "1")]));
        assert!(!of(&[]));
        assert!(!of(&[
            (
                "/etc/selinux/config",
                "#SELINUX=enforcing\nSELINUX=permissive\n"
            ),
            ("/sys/fs/selinux/enforce", "1"),
        ]));
    }

    #[test]
    fn a_label_is_read_from_the_file() {
        let path = "/etc/sysctl.d/a.conf";
        let (dir, root) = host(&[ENFORCING, (path, "a=1")]);
        assert_eq!(kind("system_u:object_r:etc_t:s0"), Some("etc_t"));
        assert_eq!(kind("x"), None);
        assert_eq!(denied(&root, "/none"), None);
        for (label, denies) in [
            ("unconfined_u:object_r:user_tmp_t:s0\0", Some("user_tmp_t")),
            ("unconfined_u:object_r:user_home_t:s0", Some("user_home_t")),
            ("system_u:object_r:etc_t:s0\0", None),
        ] {
            let at = dir.path().join(path.trim_start_matches('/'));
            let flags = rustix::fs::XattrFlags::empty();
            let set = rustix::fs::setxattr(&at, c"security.selinux", label.as_bytes(), flags);
            // Only root may, and not on every file system.
            if set.is_ok() {
                assert_eq!(denied(&root, path).as_deref(), denies, "{label}");
            }
        }
    }
}
