//! The commands that RKE2's own units run before RKE2, by its packages and tarballs since 1.18.
//!
//! - `modprobe br_netfilter` and `modprobe overlay`, in every release.
//! - The question whether `nm-cloud-setup.service` is enabled, 1.21.2 to 1.34.2.
//! - The condition that the unit of the other role is not active, since 1.32.13, 1.33.9, 1.34.5 and
//!   1.35.2.
//!
//! None of them changes what RKE2 checks: they load a module, or only ask.

/// Where distributions have `modprobe`; RKE2's units name the first.
const MODPROBE: [&str; 4] = [
    "/sbin/modprobe",
    "/usr/sbin/modprobe",
    "/bin/modprobe",
    "/usr/bin/modprobe",
];
const MODULES: [&str; 2] = ["br_netfilter", "overlay"];
const NM_CLOUD_SETUP: &str = "! /usr/bin/systemctl is-enabled --quiet nm-cloud-setup.service";

/// Whether a command with these words is one of those that RKE2's units have. Its first word is the
/// program.
pub(crate) fn is_packaged(words: &[&str]) -> bool {
    match words {
        [program, module] => MODPROBE.contains(program) && MODULES.contains(module),
        ["/bin/sh", "-xc", _] => asks_for_nm_cloud_setup(words),
        ["/bin/sh", "-c", script] => ["agent", "server"]
            .iter()
            .any(|role| is_condition(script, role)),
        _ => false,
    }
}

/// Whether a command with these words is the one that fails where `nm-cloud-setup.service` is enabled.
pub(crate) fn asks_for_nm_cloud_setup(words: &[&str]) -> bool {
    let ["/bin/sh", "-xc", script] = words else {
        return false;
    };
    script.strip_suffix(" 2>/dev/null").unwrap_or(script) == NM_CLOUD_SETUP
}

/// Whether `script` ends with an error, and a message, where the unit of `role` is active. The message
/// differs by release.
fn is_condition(script: &str, role: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || " :.,!-".contains(c);
    script
        .strip_prefix("if systemctl is-active --quiet rke2-")
        .and_then(|rest| rest.strip_prefix(role))
        .and_then(|rest| rest.strip_prefix(".service; then echo \""))
        .and_then(|rest| rest.strip_suffix("\"; exit 1; fi"))
        .is_some_and(|message| message.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_of_rke2s_units_are_known_and_no_others() {
        let active = |end: &str| {
            format!(
                "if systemctl is-active --quiet rke2-agent.service; then echo \"Error: rke2-agent is \
                 running!\"; exit 1; {end}"
            )
        };
        let quiet = format!("{NM_CLOUD_SETUP} 2>/dev/null");
        let more = format!("{NM_CLOUD_SETUP}; sysctl -w kernel.panic=10");
        for (words, packaged) in [
            (&["/sbin/modprobe", "br_netfilter"][..], true),
            (&["/usr/sbin/modprobe", "overlay"], true),
            (&["/bin/sh", "-xc", NM_CLOUD_SETUP], true),
            (&["/bin/sh", "-xc", &quiet], true),
            (&["/bin/sh", "-c", &active("fi")], true),
            (&["/sbin/modprobe", "zfs"], false),
            (&["/sbin/modprobe", "-a", "overlay"], false),
            (&["/opt/modprobe", "overlay"], false),
            (&["/bin/sh", "-xc", &more], false),
            (&["/bin/sh", "-c", NM_CLOUD_SETUP], false),
            (
                &["/bin/sh", "-c", &active("fi; sysctl -w kernel.panic=10")],
                false,
            ),
            (
                &[
                    "/bin/sh",
                    "-c",
                    "if systemctl is-active --quiet rke2-agent.service; then echo \"$(prep)\"; exit 1; fi",
                ],
                false,
            ),
            (&["/usr/local/bin/node-prep"], false),
            (&[], false),
        ] {
            assert_eq!(is_packaged(words), packaged, "{words:?}");
        }
    }
}
