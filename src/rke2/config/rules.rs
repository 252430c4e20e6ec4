//! How configuration parsing changed from release to release, as data.

use crate::rke2::changes;
use crate::rke2::releases;
use crate::rke2::version::Version;

/// What one release of RKE2 does with its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent rules, each with its own history"
)]
pub struct ParserRules {
    /// The release whose flags are defined, by its position among those of the table.
    pub(super) release: u16,
    /// `config.yaml.d` is read.
    pub drop_ins: bool,
    /// `key+` appends.
    pub append: bool,
    /// An unknown key is skipped, not fatal.
    pub skip_unknown: bool,
    /// A missing file is ignored even where it was named.
    pub missing_ignored: bool,
    /// `RKE2_DATA_DIR` counts.
    pub data_dir_variable: bool,
    /// urfave/cli v2: list items are trimmed, flags after a stray word do not count.
    pub cli_v2: bool,
    /// Errors of the command line begin with `Error: `.
    pub error_prefix: bool,
    /// `rke2 --debug server` works.
    pub global_debug: bool,
    /// `kubelet-arg` entries may begin with `--`.
    pub kubelet_dashes: bool,
    /// `kubelet-arg` knows `k+=v`, `k-=v` and repetition.
    pub kubelet_repeats: bool,
    /// The kubelet reads `kubelet.conf.d`.
    pub kubelet_conf_d: bool,
    /// The kubelet has `--fail-cgroupv1`.
    pub fail_cgroup_v1: bool,
    /// What that is unless set.
    pub fail_cgroup_v1_default: bool,
}

impl ParserRules {
    /// The rules of `version`.
    pub fn of(version: &Version) -> Self {
        Self {
            release: releases::position(version),
            drop_ins: changes::DROP_INS.includes(version),
            append: changes::APPEND.includes(version),
            skip_unknown: changes::SKIP_UNKNOWN.includes(version),
            missing_ignored: changes::MISSING_IGNORED.includes(version),
            data_dir_variable: changes::MISSING_IGNORED.includes(version),
            cli_v2: changes::CLI_V2.includes(version),
            error_prefix: changes::ERROR_PREFIX.includes(version),
            global_debug: !changes::NO_GLOBAL_DEBUG.includes(version),
            kubelet_dashes: changes::KUBELET_DASHES.includes(version),
            kubelet_repeats: changes::KUBELET_REPEATS.includes(version),
            kubelet_conf_d: changes::KUBELET_CONF_D.includes(version),
            fail_cgroup_v1: changes::FAIL_CGROUP_V1.includes(version),
            fail_cgroup_v1_default: changes::FAIL_CGROUP_V1_DEFAULT.includes(version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inclusive ranges of releases within one minor, as `(minor, first, last)`, by the number of
    /// the parser's generation: single file, drop-ins, append, unknown keys skipped.
    const GENERATIONS: &[(u32, u32, u32, u8)] = &[
        (18, 9, 20, 0),
        (19, 5, 16, 0),
        (20, 4, 5, 0),
        (20, 6, 6, 1),
        (20, 7, 12, 2),
        (20, 13, 15, 3),
        (21, 2, 6, 2),
        (21, 7, 14, 3),
        (22, 3, 3, 2),
        (22, 4, 17, 3),
    ];

    #[test]
    fn every_release_has_the_rules_of_its_range() {
        #[derive(serde::Deserialize)]
        struct Row {
            tag: String,
        }
        let table = include_str!("../../../tests/cases/profiles.json");
        let rows: Vec<Row> = serde_json::from_str(table).unwrap();
        assert_eq!(rows.len(), releases::count());
        for Row { tag } in rows {
            let version: Version = tag.parse().unwrap();
            let rules = ParserRules::of(&version);
            let (minor, patch) = (version.minor, version.patch);
            let generation = GENERATIONS
                .iter()
                .find(|range| range.0 == minor && (range.1..=range.2).contains(&patch))
                .map_or(3, |range| range.3);
            assert!(minor > 22 || GENERATIONS.iter().any(|r| r.0 == minor));
            assert_eq!(rules.drop_ins, generation >= 1, "{tag}");
            assert_eq!(rules.append, generation >= 2, "{tag}");
            assert_eq!(rules.skip_unknown, generation >= 3, "{tag}");
            let august_2024 = match minor {
                ..=26 => false,
                27 => patch == 16 && version.revision >= 2,
                28 => patch >= 13,
                29 => patch >= 8,
                30 => patch >= 4,
                _ => true,
            };
            assert_eq!(rules.missing_ignored, august_2024, "{tag}");
            assert_eq!(rules.data_dir_variable, august_2024, "{tag}");
            let v2 = minor >= 33 || (minor == 32 && patch >= 4) || (minor == 31 && patch >= 8);
            assert_eq!(rules.cli_v2, v2, "{tag}");
            let prefix = match minor {
                ..=30 => false,
                31 => patch >= 12,
                32 => patch >= 8,
                33 => patch >= 4,
                _ => true,
            };
            assert_eq!(rules.error_prefix, prefix, "{tag}");
            let debug = match minor {
                ..=23 => true,
                24 => patch <= 11,
                25 => patch <= 7,
                26 => patch <= 2,
                _ => false,
            };
            assert_eq!(rules.global_debug, debug, "{tag}");
            assert_eq!(rules.kubelet_conf_d, minor >= 32, "{tag}");
            assert_eq!(rules.fail_cgroup_v1, minor >= 31, "{tag}");
            assert_eq!(rules.fail_cgroup_v1_default, minor >= 35, "{tag}");
        }
    }
}
