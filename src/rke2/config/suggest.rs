//! The flag that a misspelt key may have meant.

use crate::rke2::Role;
use crate::text;

use super::flags;
use super::rules::ParserRules;

/// The nearest flag `role` knows: the same but for case and `_`, else few letters away.
pub(super) fn nearest(role: Role, key: &str, rules: &ParserRules) -> Option<&'static str> {
    let names: Vec<&'static str> = flags::of(role, rules)
        .map(|flag| flag.name)
        .filter(|name| name.len() > 2)
        .collect();
    text::nearest(key.trim_start_matches('-'), &names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::version::Version;

    #[test]
    fn suggests_what_was_meant_and_nothing_else() {
        let newest = ParserRules::of(&Version::new(36, 3, 1));
        for (key, meant) in [
            ("Profile", Some("profile")),
            ("protect_kernel_defaults", Some("protect-kernel-defaults")),
            ("porfile", Some("profile")),
            ("kublet-arg", Some("kubelet-arg")),
            ("kubelet-args", Some("kubelet-arg")),
            ("foo", None),
            ("", None),
            ("x", None),
            ("flannel-backend", None),
            ("disable-etcds", Some("disable-etcd")),
        ] {
            assert_eq!(nearest(Role::Server, key, &newest), meant, "{key}");
        }
        assert_eq!(nearest(Role::Server, &"p".repeat(1 << 20), &newest), None);
    }
}
