//! A change of one entry of a file, in the syntax of that file: how a setting is corrected where it stands.

use serde::{Deserialize, Serialize};

use crate::facts::Source;

/// How a file writes an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Syntax {
    /// A key of a configuration of RKE2: `profile: cis`.
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
    Rename(&'static str),
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
    /// The file, and the line of the entry. Without a line, the entry is added to the file, which may be missing.
    pub place: Source,
    /// How the file writes it.
    pub syntax: Syntax,
    /// The name of the entry: a key, a variable, a flag without dashes.
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
    /// The entry with its new value, as the file writes it; `None` where it is removed or only renamed.
    pub fn line(&self) -> Option<String> {
        let Change::Set(value) = &self.change else {
            return None;
        };
        let name = &self.name;
        // An item of a list stands alone.
        if self.old.is_some() && self.syntax == Syntax::Yaml {
            return Some(yaml_value(value));
        }
        Some(match self.syntax {
            Syntax::Yaml | Syntax::Other => format!("{name}: {}", yaml_value(value)),
            Syntax::EnvironmentFile | Syntax::KernelCommandLine => format!("{name}={value}"),
            Syntax::Environment => format!("Environment={}", quoted(&format!("{name}={value}"))),
            Syntax::DefaultEnvironment => {
                format!("DefaultEnvironment={}", quoted(&format!("{name}={value}")))
            }
            Syntax::ExecStart => quoted(&format!("--{name}={value}")),
        })
    }

    /// The change as half a sentence: `write … in …`.
    pub fn summary(&self) -> String {
        let place = self.shown_place();
        let what = match (&self.change, self.line()) {
            (Change::Set(_), Some(line)) => match (&self.old, self.syntax, self.keeper) {
                (_, _, Keeper::Rancher) => return self.in_rancher(&format!("set `{line}`")),
                (Some(old), _, _) => format!("write `{line}` in place of `{old}` {place}"),
                (None, ..) => format!("write `{line}` {place}"),
            },
            (Change::Rename(to), _) => {
                let to = format!("write `{to}` in place of `{}`", self.name);
                if self.keeper == Keeper::Rancher {
                    return self.in_rancher(&to);
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
        };
        let mut text = what;
        if self.keeper == Keeper::Package {
            text.push_str(" (an upgrade of RKE2 writes that file again: ");
            text.push_str(match self.syntax {
                Syntax::EnvironmentFile => "check it afterwards)",
                _ => "a drop-in made with `systemctl edit` stays)",
            });
        }
        text.push_str(match self.syntax {
            Syntax::Environment | Syntax::ExecStart => ", then run `systemctl daemon-reload`",
            Syntax::DefaultEnvironment => ", then run `systemctl daemon-reexec`",
            Syntax::KernelCommandLine => ", which the boot loader's configuration holds",
            Syntax::Yaml | Syntax::EnvironmentFile | Syntax::Other => "",
        });
        text
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
    let is_plain = !value.is_empty()
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte))
        && value.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && !value.starts_with('-');
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

/// An edit as JSON holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EditDocument {
    /// The file.
    pub path: String,
    /// The line of the entry, from 1; `None`: the entry is added to the file, which may be missing.
    pub line: Option<u32>,
    /// How the file writes an entry.
    pub syntax: Syntax,
    /// The name of the entry.
    pub name: String,
    /// What stands there, where only a part of the entry or of its line is concerned.
    pub old: Option<String>,
    /// `set`, `remove` or `rename`.
    pub action: String,
    /// The new value or name; `None` where the entry is removed.
    pub to: Option<String>,
}

impl From<&Edit> for EditDocument {
    fn from(edit: &Edit) -> Self {
        let (action, to) = match &edit.change {
            Change::Set(value) => ("set", Some(value.clone())),
            Change::Remove | Change::Correct => ("remove", None),
            Change::Rename(name) => ("rename", Some((*name).to_owned())),
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
                Change::Rename("profiles"),
                "write `profiles` in place of `profile`",
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
    fn a_value_is_quoted_where_the_file_requires_it() {
        for (value, yaml, word) in [
            ("cis", "cis", "--profile=cis"),
            ("a b", "\"a b\"", "\"--profile=a b\""),
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
