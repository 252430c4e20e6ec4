//! All requirements in the formats of provisioning tools, whatever this host has already.

use std::fmt::Write as _;

use super::file::with_parameters;
use super::plan::{Host, Unit};
use crate::evaluate::RequestedIds;
use crate::evaluate::next_boot::persistences;
use crate::facts::Persistence;
use crate::finding::account::{NewAccount, sysusers_content};
use crate::finding::remedy::command;
use crate::requirements::RequirementKind;
use crate::rke2::kernel::KernelParameter;
use crate::text::is_unprintable;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A file for `/etc/sysctl.d`.
    SysctlD,
    /// A file for `/etc/sysusers.d`.
    SysusersD,
    /// Butane, for hosts that Ignition sets up.
    Butane,
    /// cloud-init's user data.
    CloudInit,
    /// A list of Ansible tasks.
    Ansible,
}

/// What units require of any host like this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    /// The file to write.
    pub path: String,
    /// The parameters.
    pub parameters: Vec<KernelParameter>,
    /// The account, where a unit requires it.
    pub accounts: Option<NewAccount>,
    /// Why a file cannot set a parameter.
    pub problems: Vec<String>,
}

/// Collects what `units` require.
pub(crate) fn declared(units: &[Unit<'_>], host: &Host, ids: RequestedIds) -> Declared {
    let mut parameters: Vec<KernelParameter> = Vec::new();
    let mut account = false;
    let requirements = units.iter().flat_map(|unit| unit.requirements);
    for requirement in requirements.filter(|r| r.applies) {
        match requirement.kind {
            RequirementKind::Kernel { parameter, .. } if !parameters.contains(&parameter) => {
                parameters.push(parameter);
            }
            RequirementKind::Account { .. } => account = true,
            _ => {}
        }
    }
    let mut path = None;
    let mut problems = Vec::new();
    for persistence in persistences(&host.tree, &parameters, host.dialect) {
        match persistence {
            Persistence::File(target) => path = Some(target.path),
            Persistence::Prevented { why } if !problems.contains(&why) => problems.push(why),
            Persistence::Prevented { .. } => {}
        }
    }
    Declared {
        path: path.unwrap_or_else(|| super::collect::USUAL_FILE.to_owned()),
        parameters,
        accounts: account.then_some(NewAccount {
            group: true,
            user: true,
            uid: ids.uid,
            gid: ids.gid,
            declared: false,
        }),
        problems,
    }
}

/// The requirements in the format `form`.
pub(crate) fn render(declared: &Declared, form: Form) -> String {
    match form {
        Form::SysctlD => declared.sysctl(),
        Form::SysusersD => match &declared.accounts {
            Some(accounts) => text(&sysusers_content(&accounts.sysusers())),
            None => "# No account is required.\n".to_owned(),
        },
        Form::Butane => declared.butane(),
        Form::CloudInit => declared.cloud_init(),
        Form::Ansible => declared.ansible(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A YAML scalar that is always a string, in printable characters.
fn quoted(text: &str) -> String {
    if !text.chars().any(is_unprintable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_unprintable(c) => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A block scalar's lines.
fn block(out: &mut String, indent: usize, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "{:indent$}{line}", "");
    }
}

impl Declared {
    fn sysctl(&self) -> String {
        text(&with_parameters(None, &self.parameters))
    }

    fn butane(&self) -> String {
        let mut out = String::from("variant: fcos\nversion: 1.5.0\n");
        if !self.parameters.is_empty() {
            let _ = write!(
                out,
                "storage:\n  files:\n    - path: {}\n      mode: 0644\n      overwrite: true\n      \
                 contents:\n        inline: |\n",
                quoted(&self.path)
            );
            block(&mut out, 10, &self.sysctl());
        }
        // Ignition writes these to /etc/passwd and /etc/group, which is where RKE2 looks; what
        // systemd-sysusers declares could come to stand in /usr/lib only.
        if let Some(accounts) = &self.accounts {
            out.push_str("passwd:\n  groups:\n    - name: etcd\n      system: true\n");
            if let Some(gid) = accounts.gid.or(accounts.uid) {
                let _ = writeln!(out, "      gid: {gid}");
            }
            out.push_str("  users:\n    - name: etcd\n      system: true\n");
            if let Some(uid) = accounts.uid {
                let _ = writeln!(out, "      uid: {uid}");
            }
            out.push_str(
                "      gecos: etcd user\n      primary_group: etcd\n      no_user_group: true\n      \
                 no_create_home: true\n      shell: /sbin/nologin\n",
            );
        }
        out
    }

    fn cloud_init(&self) -> String {
        let mut out = String::from("#cloud-config\n");
        if !self.parameters.is_empty() {
            let _ = write!(
                out,
                "write_files:\n  - path: {}\n    owner: root:root\n    permissions: '0644'\n    \
                 content: |\n",
                quoted(&self.path)
            );
            block(&mut out, 6, &self.sysctl());
        }
        if self.parameters.is_empty() && self.accounts.is_none() {
            out.push_str("# Nothing is required.\n");
            return out;
        }
        // bootcmd comes early at every boot, before the network is up and so before RKE2; each line
        // does nothing where it is done.
        out.push_str("bootcmd:\n");
        for parameter in &self.parameters {
            let line = format!("echo {} > {}", parameter.required, parameter.path());
            let _ = writeln!(out, "  - {}", quoted(&line));
        }
        for program in self.accounts.iter().flat_map(NewAccount::shadow) {
            let file = match program.name {
                "groupadd" => "/etc/group",
                _ => "/etc/passwd",
            };
            let line = format!("grep -q '^etcd:' {file} || {}", command(&program));
            let _ = writeln!(out, "  - {}", quoted(&line));
        }
        out
    }

    fn ansible(&self) -> String {
        let mut out = String::from("---\n");
        if self.parameters.is_empty() && self.accounts.is_none() {
            out.push_str("[]\n");
            return out;
        }
        for parameter in &self.parameters {
            // No reload: on a node that runs, nothing but these keys is to change.
            let _ = write!(
                out,
                "- name: {name}\n  become: true\n  ansible.posix.sysctl:\n    name: {key}\n    \
                 value: '{value}'\n    sysctl_file: {file}\n    sysctl_set: true\n    reload: false\n    \
                 state: present\n",
                name = quoted(&format!("{} as RKE2 requires", parameter.key)),
                key = parameter.key,
                value = parameter.required,
                file = quoted(&self.path),
            );
        }
        if let Some(accounts) = &self.accounts {
            out.push_str(
                "- name: 'the group etcd as RKE2 requires'\n  become: true\n  \
                 ansible.builtin.group:\n    name: etcd\n    system: true\n",
            );
            if let Some(gid) = accounts.gid.or(accounts.uid) {
                let _ = writeln!(out, "    gid: {gid}");
            }
            out.push_str(
                "- name: 'the user etcd as RKE2 requires'\n  become: true\n  \
                 ansible.builtin.user:\n    name: etcd\n    group: etcd\n    comment: etcd user\n    \
                 shell: /sbin/nologin\n    create_home: false\n    system: true\n",
            );
            if let Some(uid) = accounts.uid {
                let _ = writeln!(out, "    uid: {uid}");
            }
        }
        out
    }
}
