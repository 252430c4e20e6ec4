//! The account `etcd` that servers need: what is created, and with which programs.

/// The file that declares the account for `systemd-sysusers`.
pub(crate) const SYSUSERS_FILE: &str = "/etc/sysusers.d/rke2-etcd.conf";
/// What our declaration begins with. A file without it was written by another author.
pub(crate) const SYSUSERS_HEADER: &str =
    "# The account that RKE2 runs etcd as. Written by preflight-rke2 fix.";
const COMMENT: &str = "etcd user";
const SHELL: &str = "/sbin/nologin";

/// The account, or the half of it that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// Whether the group is created.
    pub group: bool,
    /// Whether the user is created.
    pub user: bool,
    /// The user's id; `None` leaves the choice to the program.
    pub uid: Option<u32>,
    /// The group's id; `None` leaves the choice to the program.
    pub gid: Option<u32>,
    /// Whether [`SYSUSERS_FILE`] declares the account in another author's words. It is used as it is.
    pub declared: bool,
}

/// A program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// Its name, looked up in the system's directories.
    pub name: &'static str,
    /// Its arguments.
    pub args: Vec<String>,
}

impl NewAccount {
    /// `the user and the group etcd`.
    pub(crate) const fn as_str(&self) -> &'static str {
        match (self.user, self.group) {
            (true, false) => "the user etcd",
            (false, true) => "the group etcd",
            _ => "the user and the group etcd",
        }
    }

    /// The lines of a `sysusers.d` file. Never `u!`: systemd before 257 refuses it.
    pub(crate) fn sysusers(&self) -> Vec<String> {
        let id = |id: Option<u32>| id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let mut lines = Vec::new();
        if self.group && (self.gid.is_some() || !self.user) {
            lines.push(format!("g etcd {}", id(self.gid)));
        }
        if self.user {
            let ids = match (self.uid, self.gid) {
                (Some(uid), Some(gid)) if uid != gid => format!("{uid}:{gid}"),
                (uid, _) => id(uid),
            };
            lines.push(format!("u etcd {ids} \"{COMMENT}\""));
        }
        lines
    }

    /// The call of `systemd-sysusers`.
    pub(crate) fn run_sysusers() -> Program {
        Program {
            name: "systemd-sysusers",
            args: vec![SYSUSERS_FILE.to_owned()],
        }
    }

    /// The calls of `groupadd` and `useradd`.
    pub(crate) fn shadow(&self) -> Vec<Program> {
        let mut programs = Vec::new();
        if self.group {
            // Equal ids unless the caller says otherwise, as systemd-sysusers does.
            let gid = self.gid.or(self.uid);
            programs.push(call("groupadd", &["-r"], ("-g", gid), &["etcd"]));
        }
        if self.user {
            let options = ["-r", "-M", "-s", SHELL, "-c", COMMENT];
            let names = ["-g", "etcd", "etcd"];
            programs.push(call("useradd", &options, ("-u", self.uid), &names));
        }
        programs
    }
}

/// A program with its arguments; the flag is left out where there is no id.
fn call(
    name: &'static str,
    options: &[&str],
    (flag, id): (&str, Option<u32>),
    rest: &[&str],
) -> Program {
    let owned = |args: &[&str]| args.iter().map(|&arg| arg.to_owned()).collect();
    let mut args: Vec<String> = owned(options);
    if let Some(id) = id {
        args.extend([flag.to_owned(), id.to_string()]);
    }
    let rest: Vec<String> = owned(rest);
    args.extend(rest);
    Program { name, args }
}

/// The content of [`SYSUSERS_FILE`].
pub(crate) fn sysusers_content(lines: &[String]) -> Vec<u8> {
    let mut content = format!("{SYSUSERS_HEADER}\n").into_bytes();
    for line in lines {
        content.extend_from_slice(line.as_bytes());
        content.push(b'\n');
    }
    content
}
