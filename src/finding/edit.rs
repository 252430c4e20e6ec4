//! One change of the host: of an entry of a file, in the syntax of that file, so that a setting is corrected where it
//! stands; of a file as a whole; or of whether a unit starts at boot.

use serde::{Deserialize, Serialize};

use crate::facts::Source;
use crate::text::shell_word;

/// What is changed, and how a file writes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Syntax {
    /// A key of a configuration of RKE2 or of the kubelet: `profile: cis`.
    Yaml,
    /// A file named by `EnvironmentFile=`: `RKE2_CIS_PROFILE=cis`.
    EnvironmentFile,
    /// A unit or a drop-in of one: `Environment=RKE2_CIS_PROFILE=cis`.
    Environment,
    /// systemd's own configuration: `DefaultEnvironment=RKE2_CIS_PROFILE=cis`.
    DefaultEnvironment,
    /// The command line of a unit: `ExecStart=/usr/local/bin/rke2 server --profile=cis`.
    ExecStart,
    /// The kernel command line: `panic=10`. It is written by a boot loader, from a file of its own.
    KernelCommandLine,
    /// A line of a unit, a drop-in or an environment file, whatever it says.
    UnitFile,
    /// A file of `sysctl.d`: `kernel.panic = 10`.
    SysctlD,
    /// A parameter of the running kernel, below `/proc/sys`.
    ProcSys,
    /// A row of `/etc/passwd`, `/etc/group` and their like. Where only the primary group of a user is concerned, what stands
    /// there is the number of that group, and the new value the number of the group that has the user's name.
    Account,
    /// A file or directory as a whole.
    File,
    /// Whether systemd starts a unit at boot.
    UnitState,
    /// One that this version does not know.
    #[default]
    #[serde(other)]
    Other,
}

/// What becomes of the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It has this value.
    Set(String),
    /// It is removed.
    Remove,
    /// It is removed, unless the administrator knows what was meant.
    Correct,
    /// It has this name, and keeps its value.
    Rename(String),
    /// It has a value that only the administrator knows.
    Ask {
        /// What stands for the value in a report.
        example: &'static str,
        /// Where the value is found, as half a sentence; may be empty.
        hint: &'static str,
    },
    /// The file has this path.
    Move(String),
    /// A copy of the file has this path.
    Copy(String),
    /// The file has this mode.
    Mode(u32),
    /// The directory, and all below it, belongs to this user and this group.
    Owner(u32, u32),
    /// The unit starts at boot.
    Enable,
    /// The unit does not start at boot.
    Disable,
}

/// Who writes the file again, so that an edit of the file itself does not stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// No program: only the administrator changes the file.
    Administrator,
    /// Rancher, from the configuration of the cluster.
    Rancher,
    /// The installation of RKE2, at an upgrade.
    Package,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file, and the line of the entry. Without a line, an entry that is set is added to the file, which may be
    /// missing, and one that is removed is found by its name. Empty for the state of a unit.
    pub place: Source,
    /// How the file writes it.
    pub syntax: Syntax,
    /// The name of the entry: a key, a variable, a flag without dashes, an account, a unit. Empty for a file.
    pub name: String,
    /// What stands there, where only a part of the entry or of its line is concerned: an item of a list, or the
    /// words of a command line.
    pub old: Option<String>,
    /// What becomes of it.
    pub change: Change,
    /// Who writes the file again.
    pub keeper: Keeper,
}

impl Edit {
    /// A change of a file as a whole.
    pub(crate) fn file(path: impl Into<String>, change: Change) -> Self {
        Self {
            place: Source::file(path),
            syntax: Syntax::File,
            name: String::new(),
            old: None,
            change,
            keeper: Keeper::Administrator,
        }
    }

    /// Whether `unit` starts at boot.
    pub(crate) fn unit(unit: &str, change: Change) -> Self {
        Self {
            syntax: Syntax::UnitState,
            name: unit.to_owned(),
            ..Self::file("", change)
        }
    }

    /// The entry `name` of the file at `place`, which no program writes again.
    pub(crate) fn entry(place: Source, syntax: Syntax, name: &str, change: Change) -> Self {
        Self {
            place,
            syntax,
            name: name.to_owned(),
            old: None,
            change,
            keeper: Keeper::Administrator,
        }
    }

    /// The entry with its new value, as the file writes it; `None` where it is removed or only renamed.
    pub fn line(&self) -> Option<String> {
        let value = match &self.change {
            Change::Set(value) => value,
            Change::Ask { example, .. } => *example,
            _ => return None,
        };
        let name = &self.name;
        // An item of a list stands alone.
        if self.old.is_some() && self.syntax == Syntax::Yaml {
            return Some(yaml_value(value));
        }
        Some(match self.syntax {
            Syntax::Yaml | Syntax::Other => format!("{name}: {}", yaml_value(value)),
            Syntax::EnvironmentFile
            | Syntax::KernelCommandLine
            | Syntax::UnitFile
            | Syntax::ProcSys => {
                format!("{name}={value}")
            }
            Syntax::SysctlD => format!("{name} = {value}"),
            Syntax::Environment => format!("Environment={}", quoted(&format!("{name}={value}"))),
            Syntax::DefaultEnvironment => {
                format!("DefaultEnvironment={}", quoted(&format!("{name}={value}")))
            }
            Syntax::ExecStart => quoted(&format!("--{name}={value}")),
            Syntax::Account | Syntax::File | Syntax::UnitState => value.to_owned(),
        })
    }

    /// The change as half a sentence: `write … in …`.
    pub fn summary(&self) -> String {
        let what = match self.syntax {
            Syntax::File | Syntax::UnitState | Syntax::Account => return self.of_whole(),
            Syntax::UnitFile => format!("correct or remove the line {}", self.place),
            _ => self.of_entry(),
        };
        let mut text = what;
        if let Change::Ask { hint, .. } = &self.change
            && !hint.is_empty()
        {
            text = format!("{text} ({hint})");
        }
        if self.keeper == Keeper::Package {
            text.push_str(" (an upgrade of RKE2 writes that file again: ");
            text.push_str(match self.syntax {
                Syntax::EnvironmentFile => "check it afterwards)",
                _ => "a drop-in made with `systemctl edit` stays)",
            });
        }
        text.push_str(match self.syntax {
            Syntax::Environment | Syntax::ExecStart | Syntax::UnitFile => {
                ", then run `systemctl daemon-reload`"
            }
            Syntax::DefaultEnvironment => ", then run `systemctl daemon-reexec`",
            Syntax::KernelCommandLine => ", which the boot loader's configuration holds",
            _ => "",
        });
        text
    }

    /// The change of a file, an account or a unit.
    fn of_whole(&self) -> String {
        let (path, name) = (&self.place.path, &self.name);
        match (&self.change, self.syntax) {
            (Change::Move(to), _) => format!("rename {path} to {to}"),
            (Change::Copy(to), _) => format!("copy {path} to {to}"),
            (Change::Mode(mode), _) => format!("run `chmod {mode:o} {}`", shell_word(path)),
            (Change::Owner(user, group), _) => {
                format!("run `chown -R {user}:{group} {}`", shell_word(path))
            }
            (Change::Enable, _) => format!("enable {name}"),
            (Change::Disable, _) => format!("disable {name}"),
            (Change::Set(group), Syntax::Account) if self.old.is_some() => {
                format!("make the group {name} ({group}) the primary group of the user {name}")
            }
            (Change::Set(row), Syntax::Account) => format!("add `{row}` to {path}"),
            (_, Syntax::Account) => format!("remove the user {name}"),
            _ => format!("remove {path}"),
        }
    }

    /// A command that carries it out, where one does.
    pub(crate) fn command(&self) -> Option<String> {
        let name = shell_word(&self.name);
        match (&self.change, self.syntax) {
            (Change::Enable, _) => Some(format!("systemctl enable {name}")),
            (Change::Disable, _) => Some(format!("systemctl disable {name}")),
            (Change::Set(_), Syntax::Account) if self.old.is_some() => {
                Some(format!("usermod -g {name} {name}"))
            }
            (Change::Remove, Syntax::Account) => Some(format!("userdel {name}")),
            _ => None,
        }
    }

    fn of_entry(&self) -> String {
        let place = self.shown_place();
        match (&self.change, self.line()) {
            (_, Some(line)) => match (&self.old, self.keeper) {
                (Some(old), Keeper::Rancher) => self.in_rancher(&format!(
                    "write `{line}` in place of `{old}` of `{}`",
                    self.name
                )),
                (None, Keeper::Rancher) => self.in_rancher(&format!("set `{line}`")),
                (Some(old), _) => format!("write `{line}` in place of `{old}` {place}"),
                (None, _) => format!("write `{line}` {place}"),
            },
            (Change::Rename(to), _) => {
                let colon = if self.syntax == Syntax::Yaml { ":" } else { "" };
                let to = format!("write `{to}{colon}` in place of `{}{colon}`", self.name);
                if self.keeper == Keeper::Rancher {
                    return self.in_rancher(&to);
                }
                // The line may be that of an entry of the list.
                if self.is_appended() {
                    return format!("{to} in {}", self.place.path);
                }
                format!("{to} {place}")
            }
            (change, _) => {
                let (verb, from) = match change {
                    Change::Correct => ("correct or remove", "at"),
                    _ => ("remove", "from"),
                };
                let what = match (&self.old, self.syntax) {
                    (Some(old), Syntax::Yaml) => format!("{verb} `{old}` of `{}`", self.name),
                    (Some(old), _) => format!("{verb} `{old}`"),
                    (None, Syntax::ExecStart) => format!("{verb} `--{}`", self.name),
                    (None, _) => format!("{verb} `{}`", self.name),
                };
                if self.keeper == Keeper::Rancher {
                    return self.in_rancher(&what);
                }
                match self.syntax {
                    Syntax::KernelCommandLine => format!("{what} {place}"),
                    // A key without a value is an empty entry for RKE2.
                    Syntax::Yaml if self.old.is_some() => format!(
                        "{what} {from} {}, and the key with it if no other entry is left",
                        self.place
                    ),
                    _ => format!("{what} {from} {}", self.place),
                }
            }
        }
    }

    /// Whether the change has the list add to what other files say of it.
    fn is_appended(&self) -> bool {
        matches!(&self.change, Change::Rename(to) if to.strip_suffix('+') == Some(&self.name))
    }

    fn in_rancher(&self, what: &str) -> String {
        format!(
            "{what} in the configuration of the cluster in Rancher, which writes {} again",
            self.place.path
        )
    }

    fn shown_place(&self) -> String {
        match (self.syntax, self.place.line) {
            (Syntax::KernelCommandLine, _) => "on the kernel command line".to_owned(),
            _ => format!("in {}", self.place),
        }
    }
}

/// `value` as a scalar of YAML that is read as this text.
fn yaml_value(value: &str) -> String {
    // The colon of an address: a number with colons is one in base 60.
    let (scheme, rest) = value.split_once("://").unwrap_or(("", value));
    let is_address = !scheme.is_empty() && !rest.ends_with(':');
    let is_plain = !value.is_empty()
        && value.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || b"-._/=".contains(&byte) || (is_address && byte == b':')
        })
        && value.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && !value.starts_with(['-', '=']);
    if is_plain {
        value.to_owned()
    } else {
        // A JSON text is a scalar of YAML.
        serde_json::Value::from(value).to_string()
    }
}

/// An assignment as systemd reads one word.
fn quoted(word: &str) -> String {
    let is_plain = word
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._/=,:+@".contains(&byte));
    if is_plain {
        return word.to_owned();
    }
    let escaped = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    format!("\"{escaped}\"")
}

/// A change as JSON holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EditDocument {
    /// The file; empty for the state of a unit.
    pub path: String,
    /// The line of the entry, from 1; the key of a list may stand above it. `None`: an entry that is set is added to the
    /// file, which may be missing; one that is removed is found by its name.
    pub line: Option<u32>,
    /// What is changed, and how a file writes it.
    pub syntax: Syntax,
    /// The name of the entry or the unit; empty for a file.
    pub name: String,
    /// What stands there, where only a part of the entry or of its line is concerned.
    pub old: Option<String>,
    /// `set`, `remove`, `rename`; of a file also `move`, `copy`, `mode` and `owner`; of a unit `enable` and `disable`.
    pub action: String,
    /// The new value, name, path, mode or owner; `None` where the entry is removed, or only the administrator knows the
    /// value that is set.
    pub to: Option<String>,
}

impl From<&Edit> for EditDocument {
    fn from(edit: &Edit) -> Self {
        let (action, to) = match &edit.change {
            Change::Set(value) => ("set", Some(value.clone())),
            Change::Remove | Change::Correct => ("remove", None),
            Change::Rename(name) => ("rename", Some(name.clone())),
            Change::Ask { .. } => ("set", None),
            Change::Move(path) => ("move", Some(path.clone())),
            Change::Copy(path) => ("copy", Some(path.clone())),
            Change::Mode(mode) => ("mode", Some(format!("{mode:o}"))),
            Change::Owner(user, group) => ("owner", Some(format!("{user}:{group}"))),
            Change::Enable => ("enable", None),
            Change::Disable => ("disable", None),
        };
        Self {
            path: edit.place.path.clone(),
            line: edit.place.line,
            syntax: edit.syntax,
            name: edit.name.clone(),
            old: edit.old.clone(),
            action: action.to_owned(),
            to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(syntax: Syntax, change: Change, keeper: Keeper) -> Edit {
        let name = match syntax {
            Syntax::Yaml | Syntax::ExecStart => "profile",
            Syntax::KernelCommandLine => "panic",
            _ => "RKE2_CIS_PROFILE",
        };
        Edit {
            place: Source::line("/f", 3),
            syntax,
            name: name.to_owned(),
            old: None,
            change,
            keeper,
        }
    }

    #[test]
    fn each_file_has_its_own_line() {
        let set = |syntax| {
            let change = Change::Set("cis".to_owned());
            edit(syntax, change, Keeper::Administrator).summary()
        };
        assert_eq!(set(Syntax::Yaml), "write `profile: cis` in /f:3");
        assert_eq!(
            set(Syntax::EnvironmentFile),
            "write `RKE2_CIS_PROFILE=cis` in /f:3"
        );
        assert_eq!(
            set(Syntax::Environment),
            "write `Environment=RKE2_CIS_PROFILE=cis` in /f:3, then run `systemctl daemon-reload`"
        );
        assert_eq!(
            set(Syntax::ExecStart),
            "write `--profile=cis` in /f:3, then run `systemctl daemon-reload`"
        );
        assert_eq!(
            set(Syntax::KernelCommandLine),
            "write `panic=cis` on the kernel command line, which the boot loader's configuration holds"
        );
    }

    #[test]
    fn a_file_that_is_written_again_names_its_writer() {
        let rancher = |change| edit(Syntax::Yaml, change, Keeper::Rancher).summary();
        for (change, begins) in [
            (Change::Set("cis".to_owned()), "set `profile: cis`"),
            (Change::Remove, "remove `profile`"),
            (
                Change::Rename("profiles".to_owned()),
                "write `profiles:` in place of `profile:`",
            ),
        ] {
            assert_eq!(
                rancher(change),
                format!(
                    "{begins} in the configuration of the cluster in Rancher, which writes /f again"
                )
            );
        }
        let package = edit(Syntax::ExecStart, Change::Remove, Keeper::Package);
        assert_eq!(
            package.summary(),
            "remove `--profile` from /f:3 (an upgrade of RKE2 writes that file again: a drop-in made \
             with `systemctl edit` stays), then run `systemctl daemon-reload`"
        );
    }

    #[test]
    fn files_accounts_and_units_are_changed_as_a_whole() {
        let row = |old: Option<&str>, change| Edit {
            old: old.map(str::to_owned),
            ..Edit::entry(Source::file("/p"), Syntax::Account, "etcd", change)
        };
        let set = |text: &str| Change::Set(text.to_owned());
        for (edit, summary, command) in [
            (
                Edit::file("/a b", Change::Mode(0o600)),
                "run `chmod 600 '/a b'`",
                None,
            ),
            (
                Edit::file("/a", Change::Owner(52, 53)),
                "run `chown -R 52:53 /a`",
                None,
            ),
            (
                Edit::file("/a", Change::Move("/b".to_owned())),
                "rename /a to /b",
                None,
            ),
            (
                Edit::file("/a", Change::Copy("/b".to_owned())),
                "copy /a to /b",
                None,
            ),
            (Edit::file("/a", Change::Remove), "remove /a", None),
            (
                Edit::unit("u.service", Change::Disable),
                "disable u.service",
                Some("systemctl disable u.service"),
            ),
            (
                Edit::unit("u.service", Change::Enable),
                "enable u.service",
                Some("systemctl enable u.service"),
            ),
            (
                row(Some("100"), set("52")),
                "make the group etcd (52) the primary group of the user etcd",
                Some("usermod -g etcd etcd"),
            ),
            (row(None, set("etcd:x:52:")), "add `etcd:x:52:` to /p", None),
            (
                row(None, Change::Remove),
                "remove the user etcd",
                Some("userdel etcd"),
            ),
        ] {
            assert_eq!(edit.summary(), summary);
            assert_eq!(edit.command().as_deref(), command, "{summary}");
        }
    }

    #[test]
    fn a_list_that_is_to_add_is_named_by_its_file() {
        let change = Change::Rename("profile+".to_owned());
        assert_eq!(
            edit(Syntax::Yaml, change, Keeper::Administrator).summary(),
            "write `profile+:` in place of `profile:` in /f"
        );
    }

    #[test]
    fn a_value_is_quoted_where_the_file_requires_it() {
        for (value, yaml, word) in [
            ("cis", "cis", "--profile=cis"),
            ("a b", "\"a b\"", "\"--profile=a b\""),
            ("max-pods=9", "max-pods=9", "--profile=max-pods=9"),
            (
                "https://x:9345",
                "https://x:9345",
                "--profile=https://x:9345",
            ),
            ("12:30", "\"12:30\"", "--profile=12:30"),
            ("", "\"\"", "--profile="),
            ("multus,canal", "\"multus,canal\"", "--profile=multus,canal"),
        ] {
            let change = Change::Set(value.to_owned());
            let line = |syntax| {
                let edit = edit(syntax, change.clone(), Keeper::Administrator);
                edit.line().unwrap()
            };
            assert_eq!(line(Syntax::Yaml), format!("profile: {yaml}"));
            assert_eq!(line(Syntax::ExecStart), word);
        }
    }
}
