//! The subordinate ids of a user `kubelet`, from which a kubelet with user name spaces takes those of pods.
//!
//! kubernetes `pkg/kubelet/kubelet_pods.go`, `getKubeletMappings`, 1.33 to 1.37: where the user exists, the kubelet
//! runs `getsubids` for it, and exits unless that lists one range, the same for users and groups.

/// The user.
pub(crate) const USER: &str = "kubelet";
/// The program that lists its ids.
pub(crate) const PROGRAM: &str = "getsubids";

/// The kubelet's error, with what it is about.
fn error(reason: &str) -> String {
    format!(
        "failed to run Kubelet: failed to create kubelet: create user namespace manager: kubelet mappings: {reason}"
    )
}

/// The kubelet's error where the program is missing.
pub(crate) fn missing_program() -> String {
    error("exec: \"getsubids\": executable file not found in $PATH")
}

/// The kubelet's error for the content of `/etc/subuid` (`users`) and `/etc/subgid` (`groups`); none where it would
/// start, or where the content is not plain enough to be sure. `uid` is the user's.
pub(crate) fn refusal(users: &str, groups: &str, uid: i64) -> Option<String> {
    let uids = listed(users, uid)?;
    let gids = listed(groups, uid)?;
    if uids.is_empty() {
        return Some(error(
            "error retrieving additional uids for user \"kubelet\": exit status 1",
        ));
    }
    if gids.is_empty() {
        return Some(error(
            "error retrieving additional gids for user \"kubelet\"",
        ));
    }
    if uids != gids {
        return Some(error("mismatched subuids and subgids for user \"kubelet\""));
    }
    if uids.len() == 1 {
        return None;
    }
    let lines = uids.iter().enumerate();
    let lines: Vec<String> = lines
        .map(|(at, (first, count))| format!("{at}: kubelet {first} {count}\\n"))
        .collect();
    let lines = lines.concat();
    Some(error(&format!(
        "error parsing line \"{lines}\": it must contain only one line"
    )))
}

/// The ranges of the user, in order; `None` where a line of its may be read in another way.
fn listed(content: &str, uid: i64) -> Option<Vec<(u64, u64)>> {
    let number = |field: &str| {
        let is_plain = !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| field.parse().ok()).flatten()
    };
    let mut ranges = Vec::new();
    for line in content.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [owner, first, count] = fields.as_slice() else {
            if line.contains(USER) {
                return None;
            }
            continue;
        };
        // A line may name the user by its id.
        if *owner == uid.to_string() || (owner.contains(USER) && *owner != USER) {
            return None;
        }
        if *owner == USER {
            ranges.push((number(first)?, number(count)?));
        }
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_for_users_and_groups_is_right() {
        let right = "root:1:2\nkubelet:65536:7208960\n";
        let ends = |reason: &str| Some(error(reason));
        for (users, groups, expected) in [
            (right, right, None),
            (
                "root:1:2\n",
                right,
                ends("error retrieving additional uids for user \"kubelet\": exit status 1"),
            ),
            (
                "",
                "",
                ends("error retrieving additional uids for user \"kubelet\": exit status 1"),
            ),
            (
                right,
                "",
                ends("error retrieving additional gids for user \"kubelet\""),
            ),
            (
                right,
                "kubelet:65536:65536\n",
                ends("mismatched subuids and subgids for user \"kubelet\""),
            ),
            (
                "kubelet:1:2\nkubelet:3:4\n",
                "kubelet:1:2\nkubelet:3:4\n",
                ends(
                    "error parsing line \"0: kubelet 1 2\\n1: kubelet 3 4\\n\": it must contain only one line",
                ),
            ),
            // Not plain enough to be sure.
            ("990:1:2\n", right, None),
            ("kubelet:1\n", right, None),
            ("kubelet:0x1:2\n", right, None),
            (" kubelet:1:2\n", right, None),
            ("kubelet:1:99999999999999999999999\n", right, None),
        ] {
            assert_eq!(refusal(users, groups, 990), expected, "{users}{groups}");
        }
    }
}
