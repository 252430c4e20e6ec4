//! What fixes a finding, as data: reports render it as a sentence and commands, `fix` carries it out.

use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use super::account::{NewAccount, Program, SYSUSERS_FILE};
use super::edit::{Change, Edit, EditDocument, Syntax};
use crate::facts::{AccountRow, AccountTool, Source, SysctlFile, TargetRoot, proc_sys};
use crate::text::shell_word;

/// A way to fix a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Set a kernel parameter of the running kernel.
    SetLive {
        /// The sysctl key.
        key: &'static str,
        /// Its required value.
        value: i64,
    },
    /// Set a kernel parameter at every boot.
    SysctlLine {
        /// The file that takes the line.
        file: SysctlFile,
        /// Where the file is.
        root: TargetRoot,
        /// The sysctl key.
        key: &'static str,
        /// Its required value.
        value: i64,
    },
    /// Create the account with programs of the running host.
    CreateAccount {
        /// What is created.
        account: NewAccount,
        /// The program that creates it.
        tool: AccountTool,
    },
    /// Create the account of an image, whose programs must not run here.
    AddRows {
        /// What is created.
        account: NewAccount,
        /// The rows, in the order in which they are written.
        rows: Vec<NewRow>,
        /// Where the files are.
        root: TargetRoot,
    },
    /// Copy a row to the file that RKE2 reads.
    CopyRow {
        /// The row, and where it is.
        row: AccountRow,
        /// Whether the last line of the file has no line feed.
        unended: bool,
        /// Where the file is.
        root: TargetRoot,
    },
    /// The remedy of the account's other half, reported before, creates this one too.
    CreatedAbove {
        /// The program in that remedy.
        program: &'static str,
    },
    /// Change an entry of a file where it stands.
    Edit(Edit),
    /// Several changes that belong together, in this order, or one of which there is more to say.
    Edits {
        /// When they are right, as half a sentence; may be empty.
        when: String,
        /// The changes.
        edits: Vec<Edit>,
        /// What follows of them, as half a sentence; may be empty.
        then: String,
    },
    /// An administrator has to decide, or to do it.
    Manual {
        /// What to do.
        summary: String,
        /// Commands, where they are known.
        commands: Vec<String>,
    },
}

/// A row to be added to an account file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRow {
    /// The file.
    pub path: &'static str,
    /// The row.
    pub row: String,
    /// Whether the file may be missing: nothing is added then. No program reads a shadow file for an
    /// account that the other files do not have.
    pub optional: bool,
    /// Whether the last line of the file has no line feed.
    pub unended: bool,
}

impl Remedy {
    /// A remedy without commands.
    pub(crate) fn manual(summary: impl Into<String>) -> Self {
        Self::Manual {
            summary: summary.into(),
            commands: Vec::new(),
        }
    }

    /// Whether `fix` leaves it to the administrator.
    pub(crate) const fn is_manual(&self) -> bool {
        matches!(
            self,
            Self::Manual { .. } | Self::Edit(_) | Self::Edits { .. }
        )
    }

    /// The changes that it consists of, in their order; none where a program or an administrator finds them.
    pub(crate) fn edits(&self) -> Vec<Edit> {
        let row = |path: &str, name: &str, row: &str| {
            let change = Change::Set(row.to_owned());
            Edit::entry(Source::file(path), Syntax::Account, name, change)
        };
        match self {
            Self::Edit(edit) => vec![edit.clone()],
            Self::Edits { edits, .. } => edits.clone(),
            Self::SetLive { key, value } => {
                let place = Source::file(proc_sys(key));
                let change = Change::Set(value.to_string());
                vec![Edit::entry(place, Syntax::ProcSys, key, change)]
            }
            Self::SysctlLine {
                file, key, value, ..
            } => {
                let place = Source::file(file.path.clone());
                let change = Change::Set(value.to_string());
                vec![Edit::entry(place, Syntax::SysctlD, key, change)]
            }
            Self::AddRows { rows, .. } => rows
                .iter()
                .filter(|new| !new.optional)
                .map(|new| row(new.path, ACCOUNT, &new.row))
                .collect(),
            Self::CopyRow { row: copied, .. } => {
                vec![row(copied.table.path(), ACCOUNT, &copied.row)]
            }
            Self::CreateAccount { .. } | Self::CreatedAbove { .. } | Self::Manual { .. } => {
                Vec::new()
            }
        }
    }

    /// The first of its changes and the others, as JSON holds them.
    pub(crate) fn documents(&self) -> (Option<EditDocument>, Vec<EditDocument>) {
        let mut edits = self.edits();
        let further = edits.split_off(edits.len().min(1));
        let documents = |edits: &[Edit]| edits.iter().map(EditDocument::from).collect::<Vec<_>>();
        (documents(&edits).pop(), documents(&further))
    }

    /// What it does, as half a sentence.
    pub fn summary(&self) -> String {
        let what = self.what();
        match self.link() {
            Some(link) => format!(
                "{what}: use `preflight-rke2 fix --apply`, {}",
                leads_out(link)
            ),
            None => what,
        }
    }

    /// The same, without the reason for which it has no commands.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::SetLive { .. } => "set it now".to_owned(),
            Self::SysctlLine { .. } => "set it at every boot".to_owned(),
            Self::CreateAccount { account, .. } | Self::AddRows { account, .. } => {
                format!("create {}", account.as_str())
            }
            Self::CopyRow { row, .. } => format!(
                "copy the row of the {} etcd from {} to {}",
                row.table.as_str(),
                row.source,
                row.table.path()
            ),
            Self::CreatedAbove { program } => format!("created by the `{program}` command above"),
            Self::Edit(edit) => edit.summary(),
            Self::Edits { when, edits, then } => together(when, edits, then),
            Self::Manual { summary, .. } => summary.clone(),
        }
    }

    /// Commands to run as root, in this order; empty where an administrator has to decide.
    pub fn commands(&self) -> Vec<String> {
        if self.link().is_some() {
            return Vec::new();
        }
        match self {
            Self::SetLive { key, value } => vec![format!("sysctl -w {key}={value}")],
            Self::SysctlLine {
                file,
                root,
                key,
                value,
            } => add_lines(file, root, &[format!("{key} = {value}")]),
            Self::CreateAccount { account, tool } => create(account, *tool),
            Self::AddRows { rows, root, .. } => rows
                .iter()
                .filter(|row| !row.optional)
                .map(|row| append(row.path, &row.row, row.unended, root))
                .collect(),
            Self::CopyRow { row, unended, root } => {
                vec![append(row.table.path(), &row.row, *unended, root)]
            }
            Self::CreatedAbove { .. } => Vec::new(),
            Self::Edit(edit) => edit.command().into_iter().collect(),
            Self::Edits { edits, .. } => {
                let commands: Option<Vec<String>> = edits.iter().map(Edit::command).collect();
                commands.unwrap_or_default()
            }
            Self::Manual { commands, .. } => commands.clone(),
        }
    }

    /// A link by which its commands would leave the image.
    pub(crate) fn link(&self) -> Option<&str> {
        match self {
            Self::SysctlLine { file, root, .. } => root.link(&file.path),
            Self::AddRows { rows, root, .. } => rows.iter().find_map(|row| root.link(row.path)),
            Self::CopyRow { row, root, .. } => root.link(row.table.path()),
            _ => None,
        }
    }
}

/// The account that servers need.
const ACCOUNT: &str = "etcd";

/// Changes that belong together, as half a sentence.
fn together(when: &str, edits: &[Edit], then: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut modes: Vec<(u32, String)> = Vec::new();
    for edit in edits {
        match (&edit.change, modes.last_mut()) {
            // One command for all files that get the same mode.
            (Change::Mode(mode), Some((last, paths))) if last == mode => {
                paths.push(' ');
                paths.push_str(&shell_word(&edit.place.path));
            }
            (Change::Mode(mode), _) => modes.push((*mode, shell_word(&edit.place.path))),
            _ => parts.push(edit.summary()),
        }
    }
    let modes = modes.iter();
    parts.extend(modes.map(|(mode, paths)| format!("run `chmod {mode:o} {paths}`")));
    let mut text = parts.join(", and ");
    if !when.is_empty() {
        let goes_on = [":", " or", " and"].iter().any(|end| when.ends_with(end));
        let separator = if goes_on { " " } else { ", " };
        text = format!("{when}{separator}{text}");
    }
    if !then.is_empty() {
        text.push_str(then);
    }
    text
}

/// Why commands that go through `link` are not shown.
pub(crate) fn leads_out(link: &str) -> String {
    format!("because {link} is a link that a command would follow out of the image")
}

impl Serialize for Remedy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (first, further) = self.documents();
        let count = [first.is_some(), !further.is_empty()].map(usize::from);
        let count = count.into_iter().fold(2_usize, usize::saturating_add);
        let mut fields = serializer.serialize_struct("Remedy", count)?;
        fields.serialize_field("summary", &self.summary())?;
        fields.serialize_field("commands", &self.commands())?;
        if let Some(edit) = first {
            fields.serialize_field("edit", &edit)?;
        }
        if !further.is_empty() {
            fields.serialize_field("further_edits", &further)?;
        }
        fields.end()
    }
}

/// Commands that add `lines` at the end of the file.
pub(crate) fn add_lines(file: &SysctlFile, root: &TargetRoot, lines: &[String]) -> Vec<String> {
    let at = root.at(&file.path);
    let path = shell_word(&at);
    let mut commands = Vec::new();
    if file.no_directory {
        let directory = at.rsplit_once('/').map_or("/", |(parent, _)| parent);
        commands.push(format!("mkdir -p {}", shell_word(directory)));
    }
    let words: Vec<String> = lines.iter().map(|line| shell_word(line)).collect();
    commands.push(match (file.unended, words.as_slice()) {
        (false, [line]) => format!("echo {line} >> {path}"),
        (false, lines) => format!("printf '%s\\n' {} >> {path}", lines.join(" ")),
        (true, lines) => format!("printf '%s\\n' '' {} >> {path}", lines.join(" ")),
    });
    commands
}

fn append(file: &str, row: &str, unended: bool, root: &TargetRoot) -> String {
    format!(
        "printf '%s\\n' {}{} >> {}",
        if unended { "'' " } else { "" },
        shell_word(row),
        shell_word(&root.at(file))
    )
}

/// Commands that create the account.
fn create(account: &NewAccount, tool: AccountTool) -> Vec<String> {
    if tool != AccountTool::Sysusers {
        return account.shadow().iter().map(command).collect();
    }
    let mut commands = Vec::new();
    if !account.declared {
        let directory = SYSUSERS_FILE
            .rsplit_once('/')
            .map_or("/", |(parent, _)| parent);
        let lines: Vec<String> = account.sysusers().iter().map(|l| shell_word(l)).collect();
        commands.push(format!("mkdir -p {}", shell_word(directory)));
        commands.push(format!(
            "printf '%s\\n' {} > {}",
            lines.join(" "),
            shell_word(SYSUSERS_FILE)
        ));
    }
    commands.push(command(&NewAccount::run_sysusers()));
    commands
}

/// A program's call as a shell reads it.
pub(crate) fn command(program: &Program) -> String {
    let words = std::iter::once(program.name).chain(program.args.iter().map(String::as_str));
    words.map(shell_word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Source, Table};

    fn root(links: &[&str]) -> TargetRoot {
        TargetRoot {
            directory: "/mnt/an image".to_owned(),
            links: links.iter().map(|&link| link.to_owned()).collect(),
        }
    }

    #[test]
    fn lines_are_added_after_what_is_there() {
        let add = |unended, no_directory, root: &TargetRoot, lines: &[&str]| {
            let file = SysctlFile {
                path: "/etc/sysctl.d/a.conf".to_owned(),
                exists: true,
                unended,
                no_directory,
            };
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            add_lines(&file, root, &lines).join("\n")
        };
        let host = TargetRoot::default();
        assert_eq!(
            add(false, false, &host, &["a=1"]),
            "echo a=1 >> /etc/sysctl.d/a.conf"
        );
        assert_eq!(
            add(false, false, &host, &["a=1", "b=2"]),
            "printf '%s\\n' a=1 b=2 >> /etc/sysctl.d/a.conf"
        );
        assert_eq!(
            add(true, true, &host, &["a=1"]),
            "mkdir -p /etc/sysctl.d\nprintf '%s\\n' '' a=1 >> /etc/sysctl.d/a.conf"
        );
        assert_eq!(
            add(false, true, &root(&[]), &["a=1"]),
            "mkdir -p '/mnt/an image/etc/sysctl.d'\necho a=1 >> '/mnt/an image/etc/sysctl.d/a.conf'"
        );
    }

    #[test]
    fn commands_never_lead_out_of_an_image() {
        let copy = |links: &[&str]| Remedy::CopyRow {
            row: AccountRow {
                table: Table::Passwd,
                source: Source::line("/usr/lib/passwd", 2),
                row: "etcd:x:5:5::/:/x".to_owned(),
            },
            unended: false,
            root: root(links),
        };
        assert_eq!(
            copy(&["/etc/group"]).commands(),
            ["printf '%s\\n' etcd:x:5:5::/:/x >> '/mnt/an image/etc/passwd'"]
        );
        for link in ["/etc", "/etc/passwd"] {
            let remedy = copy(&[link]);
            assert_eq!(remedy.commands(), [""; 0]);
            assert!(remedy.summary().ends_with(&leads_out(link)));
        }
    }

    #[test]
    fn an_account_is_created_with_what_the_host_has() {
        let account = |declared| NewAccount {
            group: true,
            user: true,
            uid: None,
            gid: None,
            declared,
        };
        let commands = |tool, declared| {
            let account = account(declared);
            Remedy::CreateAccount { account, tool }.commands()
        };
        let shadow = [
            "groupadd -r etcd",
            "useradd -r -M -s /sbin/nologin -c 'etcd user' -g etcd etcd",
        ];
        assert_eq!(commands(AccountTool::Shadow, false), shadow);
        assert_eq!(commands(AccountTool::Missing, false), shadow);
        let run = "systemd-sysusers /etc/sysusers.d/rke2-etcd.conf";
        assert_eq!(
            commands(AccountTool::Sysusers, false),
            [
                "mkdir -p /etc/sysusers.d",
                "printf '%s\\n' 'u etcd - \"etcd user\"' > /etc/sysusers.d/rke2-etcd.conf",
                run,
            ]
        );
        assert_eq!(commands(AccountTool::Sysusers, true), [run]);
    }

    #[test]
    fn json_has_a_sentence_and_commands() {
        let remedy = Remedy::SetLive {
            key: "kernel.panic",
            value: 10,
        };
        assert_eq!(
            serde_json::to_value(&remedy).unwrap(),
            serde_json::json!({
                "summary": "set it now",
                "commands": ["sysctl -w kernel.panic=10"],
                "edit": {
                    "path": "/proc/sys/kernel/panic",
                    "line": null,
                    "syntax": "proc-sys",
                    "name": "kernel.panic",
                    "old": null,
                    "action": "set",
                    "to": "10",
                },
            })
        );
    }
}
