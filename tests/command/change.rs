//! Carries out what a remedy says of itself in JSON, on the files of a host.

use std::os::unix::fs::{PermissionsExt, chown};

use serde_json::Value;

use super::host::Host;

/// The changes that a remedy consists of.
pub(crate) fn edits(remedy: &Value) -> Vec<Value> {
    let further = remedy["further_edits"].as_array();
    let all = std::iter::once(&remedy["edit"]).chain(further.into_iter().flatten());
    all.filter(|edit| edit.is_object()).cloned().collect()
}

/// What an administrator knows.
const KNOWN: [(&str, &str); 4] = [
    ("token", "K10c0ffee::server:fixture"),
    ("server", "https://rke2.example.org:9345"),
    ("RKE2_TOKEN", "K10c0ffee::server:fixture"),
    ("RKE2_URL", "https://rke2.example.org:9345"),
];

/// Carries out one change.
pub(crate) fn apply(host: &Host, edit: &Value) {
    let field = |name: &str| edit[name].as_str();
    let (path, name) = (field("path").unwrap(), field("name").unwrap());
    let (syntax, action) = (field("syntax").unwrap(), field("action").unwrap());
    let known = KNOWN.iter().find(|(key, _)| *key == name);
    let to = match action {
        "set" => field("to").or(known.map(|(_, value)| *value)),
        _ => field("to"),
    };
    match syntax {
        "file" => return whole(host, path, action, to),
        "unit-state" => return unit_state(host, name, action),
        "account" => return account(host, edit),
        "proc-sys" => return host.file(path, format!("{}\n", to.unwrap())),
        "kernel-command-line" => return command_line(host, path, name, to),
        _ => {}
    }
    let written = std::fs::read_to_string(host.at(path)).unwrap_or_default();
    if edit["line"].is_null() {
        let value = to.unwrap();
        let added = match (syntax, action) {
            ("yaml", "set") => format!("{name}: {}", Value::from(value)),
            ("sysctl-d", "set") => format!("{name} = {value}"),
            other => panic!("{other:?}"),
        };
        let separator = if written.is_empty() || written.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        host.file(path, format!("{written}{separator}{added}\n"));
        return;
    }
    line(host, edit, &written, to);
}

/// A change of a line.
fn line(host: &Host, edit: &Value, written: &str, to: Option<&str>) {
    let field = |name: &str| edit[name].as_str().unwrap();
    let (path, name, action) = (field("path"), field("name"), field("action"));
    let old = edit["old"].as_str();
    let mut lines: Vec<String> = written.lines().map(str::to_owned).collect();
    let mut at = usize::try_from(edit["line"].as_u64().unwrap()).unwrap() - 1;
    if action == "rename" {
        // The key of a list stands above its items.
        while !lines[at].contains(name) {
            at -= 1;
        }
    }
    let before = lines[at].clone();
    let after: Option<String> = match (field("syntax"), action) {
        // A document of JSON on one line.
        ("yaml", _) if before.starts_with('{') => {
            let mut document: Value = serde_json::from_str(&before).unwrap();
            let map = document.as_object_mut().unwrap();
            match (action, old, to) {
                ("rename", _, Some(to)) => {
                    let value = map.remove(name).unwrap();
                    map.insert(to.to_owned(), value);
                }
                (_, None, None) => drop(map.remove(name).unwrap()),
                (_, None, Some(to)) => drop(map.insert(name.to_owned(), to.into())),
                (_, Some(old), to) => {
                    let items = map[name].as_array_mut().unwrap();
                    let position = items.iter().position(|item| item == old).unwrap();
                    items.remove(position);
                    items.extend(to.map(Value::from));
                    // A list that is left empty goes with its key.
                    if items.is_empty() {
                        map.remove(name);
                    }
                }
            }
            Some(document.to_string())
        }
        (_, "rename") => Some(before.replacen(name, to.unwrap(), 1)),
        ("yaml", "set") if old.is_some() => {
            assert_eq!(before, format!("- {}", old.unwrap()));
            Some(format!("- {}", to.unwrap()))
        }
        ("yaml", "set") => Some(format!("{name}: {}", to.unwrap())),
        ("exec-start", "set") => {
            Some(before.replacen(old.unwrap(), &format!("--{name}={}", to.unwrap()), 1))
        }
        ("exec-start", "remove") => Some(before.replacen(old.unwrap(), "", 1)),
        (syntax, "set") => {
            let prefix = match syntax {
                "environment" => "Environment=",
                "default-environment" => "DefaultEnvironment=",
                _ => "",
            };
            assert!(before.starts_with(&format!("{prefix}{name}=")), "{before}");
            Some(format!("{prefix}{name}={}", to.unwrap()))
        }
        (_, "remove") => None,
        other => panic!("{other:?}"),
    };
    // The entry is the one named.
    assert!(before.contains(old.unwrap_or(name)), "{edit}: {before}");
    if let Some(after) = after {
        lines[at] = after;
    } else {
        lines.remove(at);
        // A list that is left empty goes with its key.
        let is_last = lines.get(at).is_none_or(|next| !next.starts_with('-'));
        if old.is_some() && is_last && lines[at - 1] == format!("{name}:") {
            lines.remove(at - 1);
        }
    }
    host.file(path, lines.join("\n") + "\n");
}

/// A change of a file or directory.
fn whole(host: &Host, path: &str, action: &str, to: Option<&str>) {
    let (at, to) = (host.at(path), to.unwrap_or_default());
    match action {
        "remove" => std::fs::remove_file(at).unwrap(),
        "move" => {
            assert!(host.at(to).symlink_metadata().is_err(), "{to} is there");
            std::fs::rename(at, host.at(to)).unwrap();
        }
        "copy" => drop(std::fs::copy(at, host.at(to)).unwrap()),
        "mode" => {
            let mode = u32::from_str_radix(to, 8).unwrap();
            std::fs::set_permissions(at, PermissionsExt::from_mode(mode)).unwrap();
        }
        "owner" => {
            let (user, group) = to.split_once(':').unwrap();
            let (user, group) = (user.parse().unwrap(), group.parse().unwrap());
            own(&at, user, group);
        }
        other => panic!("{other}"),
    }
}

fn own(at: &std::path::Path, user: u32, group: u32) {
    chown(at, Some(user), Some(group)).unwrap();
    if at.is_dir() {
        for entry in std::fs::read_dir(at).unwrap() {
            own(&entry.unwrap().path(), user, group);
        }
    }
}

/// What `systemctl enable` and `disable` do for a unit that `multi-user.target` wants.
fn unit_state(host: &Host, name: &str, action: &str) {
    let link = format!("/etc/systemd/system/multi-user.target.wants/{name}");
    if action == "disable" {
        std::fs::remove_file(host.at(&link)).unwrap();
        return;
    }
    assert_eq!(action, "enable");
    let directories = ["/etc", "/usr/local/lib", "/usr/lib"];
    let mut units = directories
        .map(|directory| format!("{directory}/systemd/system/{name}"))
        .into_iter();
    let unit = units.find(|unit| host.at(unit).exists()).unwrap();
    host.link(&link, &unit);
}

/// What `useradd`, `usermod -g`, `userdel` and an editor do.
fn account(host: &Host, edit: &Value) {
    let field = |name: &str| edit[name].as_str();
    let (path, name) = (field("path").unwrap(), field("name").unwrap());
    let written = std::fs::read_to_string(host.at(path)).unwrap();
    let is_it = |row: &str| row.split(':').next() == Some(name);
    let rows: Vec<String> = match (field("action").unwrap(), field("old"), field("to")) {
        ("set", None, Some(row)) => written.lines().chain([row]).map(str::to_owned).collect(),
        ("set", Some(old), Some(group)) => written
            .lines()
            .map(|row| {
                let mut fields: Vec<&str> = row.split(':').collect();
                if is_it(row) {
                    assert_eq!(fields[3], old);
                    fields[3] = group;
                }
                fields.join(":")
            })
            .collect(),
        ("remove", None, None) => {
            let kept = written.lines().filter(|row| !is_it(row));
            kept.map(str::to_owned).collect()
        }
        other => panic!("{other:?}"),
    };
    host.file(path, rows.join("\n") + "\n");
}

/// What the boot loader passes at the next boot, and that boot as far as systemd and the kernel mount control groups.
fn command_line(host: &Host, path: &str, name: &str, to: Option<&str>) {
    let written = std::fs::read_to_string(host.at(path)).unwrap_or_default();
    let is_other = |word: &&str| word.split('=').next() != Some(name);
    let mut words: Vec<String> = written
        .split_whitespace()
        .filter(is_other)
        .map(str::to_owned)
        .collect();
    words.extend(to.map(|value| format!("{name}={value}")));
    if words
        .iter()
        .any(|word| word == "systemd.unified_cgroup_hierarchy=1")
    {
        host.file("/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n");
    }
    host.file(path, words.join(" ") + "\n");
}
