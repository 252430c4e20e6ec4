//! Advice on a configuration that RKE2 accepts: values that are lost, settings that a later release refuses, data
//! that is moved away from RKE2.

use super::changes;
use super::components;
use super::config::{DEFAULT_CONFIG, Lost, Setting, SettingOrigin, SettingValue, Settings};
use super::role::Role;
use super::start::Advice;
use super::version::Version;
use crate::facts::Source;
use crate::finding::edit::{Change, Edit};
use crate::finding::{CheckId, Remedy};
use crate::text::{count, printable, shell_word};

/// More advice of one kind than this is no help.
const MAX_ADVICE: usize = 16;

/// Advice on these settings.
pub(crate) fn advice(settings: &Settings, version: &Version) -> Vec<Advice> {
    let mut all: Vec<Advice> = overridden(settings, version);
    all.truncate(MAX_ADVICE);
    all.extend(ingress_controller(settings, version));
    all.extend(etcd_data_dir(settings));
    all
}

/// Values of settings that something read later replaces, where a person can hardly have meant that.
fn overridden(settings: &Settings, version: &Version) -> Vec<Advice> {
    let mut all = Vec::new();
    for setting in &settings.values {
        for lost in &setting.overridden {
            let found = turned_off(setting, lost)
                .or_else(|| entries(setting, lost, version))
                .or_else(|| repeated(setting, lost));
            all.extend(found);
        }
    }
    all
}

/// Where the setting has its value from.
fn winner(setting: &Setting) -> &SettingOrigin {
    let first = setting.sources.first();
    first.unwrap_or(&SettingOrigin::Default)
}

/// What hardens the node, and is turned off.
fn turned_off(setting: &Setting, lost: &Lost) -> Option<Advice> {
    let text = |value: &SettingValue| value.to_string();
    let (before, now) = (text(&lost.value), text(&setting.value));
    let (before, is_off) = match setting.name {
        "profile" => {
            let is_weaker = now.is_empty() || (now == "etcd" && before.starts_with("cis"));
            (before.clone(), is_weaker && !before.is_empty())
        }
        "protect-kernel-defaults" => ("true".to_owned(), before == "true" && now == "false"),
        _ => return None,
    };
    if !is_off {
        return None;
    }
    let winner = winner(setting);
    let shown = if now.is_empty() {
        "nothing".to_owned()
    } else {
        printable(&now)
    };
    let not_hardened = if setting.name == "profile" && now.is_empty() {
        ": the node starts, and is not hardened"
    } else {
        ""
    };
    Some(Advice {
        check: CheckId::ConfigOverridden,
        subject: setting.name.to_owned(),
        summary: format!(
            "`{}: {}` ({}) does not count: {winner} sets it to {shown}{not_hardened}",
            setting.name,
            printable(&before),
            lost.origin,
        ),
        remedies: winner.remedies(setting.name, None, &Change::Set(before)),
        source: winner.source(),
    })
}

/// Entries of a list that are lost because another file, or the command line, has the list too.
fn entries(setting: &Setting, lost: &Lost, version: &Version) -> Option<Advice> {
    let SettingValue::List(now) = &setting.value else {
        return None;
    };
    let before = match &lost.value {
        SettingValue::List(items) => items.clone(),
        other => vec![other.to_string()],
    };
    let gone = before.iter().filter(|item| !now.contains(item)).count();
    let winner = winner(setting);
    // A selection is meant to be replaced; of a variable, RKE2 documents that it is.
    let is_added = setting.name.ends_with("-arg") || ADDED.contains(&setting.name);
    let is_file = |origin: &SettingOrigin| matches!(origin, SettingOrigin::File { .. });
    if gone == 0 || !is_added || !is_file(&lost.origin) || !is_file(winner) {
        return None;
    }
    let name = setting.name;
    let remedies = if changes::APPEND.includes(version) {
        winner.remedies(name, None, &Change::Rename(format!("{name}+")))
    } else {
        vec![Remedy::manual(format!(
            "put all entries of `{name}` into one file"
        ))]
    };
    Some(Advice {
        check: CheckId::ConfigOverridden,
        subject: name.to_owned(),
        summary: format!(
            "{} of `{name}` at {} {}: {winner} replaces the list",
            count(gone, "entry"),
            lost.origin,
            if gone == 1 {
                "does not count"
            } else {
                "do not count"
            },
        ),
        remedies,
        source: lost.origin.source(),
    })
}

/// Lists that files usually add to, beside the arguments of components.
const ADDED: &[&str] = &["tls-san", "node-label", "node-taint", "disable"];

/// A key that stands twice in one file, with two values.
fn repeated(setting: &Setting, lost: &Lost) -> Option<Advice> {
    let (
        SettingOrigin::File { path, line },
        SettingOrigin::File {
            path: other,
            line: counting,
        },
    ) = (&lost.origin, winner(setting))
    else {
        return None;
    };
    if path != other || lost.value.to_string() == setting.value.to_string() {
        return None;
    }
    let name = setting.name;
    Some(Advice {
        check: CheckId::ConfigOverridden,
        subject: name.to_owned(),
        summary: format!(
            "`{name}` stands twice in {path}: line {line} does not count, line {counting} does"
        ),
        remedies: lost.origin.remedies(name, None, &Change::Remove),
        source: lost.origin.source(),
    })
}

/// A variable that a later release refuses, and a controller that one no longer deploys alone.
fn ingress_controller(settings: &Settings, version: &Version) -> Vec<Advice> {
    const FLAG: &str = "ingress-controller";
    const OLD: &str = "RKE_INGRESS_CONTROLLER";
    let mut all = Vec::new();
    let Some(setting) = settings.get(FLAG).filter(|_| settings.role == Role::Server) else {
        return all;
    };
    let origins = setting.overridden.iter().map(|lost| &lost.origin);
    let old = setting
        .sources
        .iter()
        .chain(origins)
        .find(|origin| matches!(origin, SettingOrigin::Env { name, .. } if name == OLD));
    if let Some(old) = old.filter(|_| changes::INGRESS_VARIABLE.includes(version)) {
        all.push(Advice {
            check: CheckId::ConfigDeprecated,
            subject: OLD.to_owned(),
            summary: format!(
                "{old} is deprecated: RKE2 1.38 is announced to exit for it, and later releases to ignore it"
            ),
            remedies: old.remedies(FLAG, None, &Change::Rename("RKE2_INGRESS_CONTROLLER".to_owned())),
            source: old.source(),
        });
    }
    // A release before that cannot be upgraded to 1.37 at once.
    let is_near = version.minor >= 36;
    let items = settings.list(FLAG);
    if let ([(item, origin)], true) = (items.as_slice(), is_near)
        && item == "ingress-nginx"
    {
        all.push(Advice {
            check: CheckId::ConfigDeprecated,
            subject: FLAG.to_owned(),
            summary: "RKE2 1.37 does not take ingress-nginx as the only ingress controller: what it does with this \
                      setting is not known here"
                .to_owned(),
            remedies: vec![Remedy::manual(format!(
                "migrate to traefik: have both, traefik first, at {origin}, move the Ingress resources, then \
                 remove ingress-nginx"
            ))],
            source: origin.source(),
        });
    }
    all
}

/// Where `etcd-arg` moves etcd's data, and where that is written.
pub(crate) fn moved_etcd_data(settings: &Settings) -> Option<(String, String, SettingOrigin)> {
    let mut entries = settings.list("etcd-arg").into_iter().rev();
    entries.find_map(|(entry, origin)| {
        let body = entry.strip_prefix("--").unwrap_or(&entry);
        let path = body.strip_prefix("data-dir=")?.trim().to_owned();
        path.starts_with('/').then_some((path, entry, origin))
    })
}

fn etcd_data_dir(settings: &Settings) -> Option<Advice> {
    if !components::runs_etcd(settings) {
        return None;
    }
    let (path, entry, origin) = moved_etcd_data(settings)?;
    let own = format!("{}/server/db/etcd", settings.data_dir());
    if path.trim_end_matches('/') == own {
        return None;
    }
    let mut remedies = origin.remedies("etcd-arg", Some(&entry), &Change::Remove);
    if settings.profile().is_empty() {
        remedies.push(Remedy::manual(format!(
            "to have etcd's data on a disk of its own, mount that disk at {own}"
        )));
    } else {
        remedies.push(Remedy::Manual {
            summary: "until then, give the data to etcd while RKE2 is stopped".to_owned(),
            commands: vec![format!("chown -R etcd:etcd {}", shell_word(&path))],
        });
    }
    Some(Advice {
        check: CheckId::ConfigEtcdDataDir,
        subject: "etcd-arg data-dir".to_owned(),
        summary: format!(
            "{origin} moves etcd's data to {path}, which RKE2 does not follow: with a profile it gives only {own} to \
             the user etcd, and it resets and restores that directory"
        ),
        remedies,
        source: origin.source(),
    })
}

/// A file of configuration that RKE2 does not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnreadFile {
    /// Its path.
    pub path: String,
    /// Why it is not read.
    pub why: Unread,
}

/// Why a file is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unread {
    /// RKE2 reads this file, of another name, which is missing or not.
    Name {
        /// The file that it reads.
        read: String,
        /// Whether that one is missing.
        is_missing: bool,
    },
    /// Its name does not end in `.yaml` or `.yml`.
    Extension,
    /// The release reads no drop-ins.
    DropIns,
    /// Another file is named, by `--config` or by a variable.
    Named(String),
}

/// Advice on a file that RKE2 does not read.
pub(crate) fn unread(file: &UnreadFile, version: &Version) -> Advice {
    let path = &file.path;
    let moved = |to: &str| Remedy::Edit(Edit::file(path, Change::Move(to.to_owned())));
    let removed = |first: String| Remedy::Edits {
        when: first,
        edits: vec![Edit::file(path, Change::Remove)],
        then: String::new(),
    };
    let keep = |read: &str| removed(format!("write the keys that are to count in {read}, and"));
    let (summary, remedies) = match &file.why {
        Unread::Name { read, is_missing } => (
            format!(
                "RKE2 does not read {path}, it reads {read}{}",
                if *is_missing {
                    ", which is missing"
                } else {
                    ""
                }
            ),
            vec![if *is_missing { moved(read) } else { keep(read) }],
        ),
        Unread::Extension => (
            format!("RKE2 does not read {path}: of this directory it reads *.yaml and *.yml"),
            vec![
                Remedy::Edits {
                    when: "if RKE2 is to read it".to_owned(),
                    edits: vec![Edit::file(path, Change::Move(format!("{path}.yaml")))],
                    then: String::new(),
                },
                removed("if not".to_owned()),
            ],
        ),
        Unread::DropIns => (
            format!(
                "RKE2 {version} does not read {path}: it reads config.yaml.d since {}",
                changes::DROP_INS
            ),
            vec![keep(DEFAULT_CONFIG)],
        ),
        Unread::Named(other) => (
            format!("RKE2 does not read {path}: it is started with the configuration {other}"),
            vec![keep(other)],
        ),
    };
    Advice {
        check: CheckId::ConfigUnread,
        subject: path.clone(),
        summary,
        remedies,
        source: Some(Source::file(path.clone())),
    }
}

/// `data-dir.other-role`: a file shows that the data directory was one of the other role.
pub(crate) fn other_role(role: Role, evidence: &str, data_dir: &str) -> Advice {
    let (was, effect) = match role {
        Role::Server => (
            Role::Agent,
            "a server started here does not take over what the agent was: without `server` it makes a new cluster",
        ),
        Role::Agent => (
            Role::Server,
            "an agent started here leaves the server's etcd member and certificates behind",
        ),
    };
    let (unit, other) = (role.unit(), was.unit());
    Advice {
        check: CheckId::DataDirOtherRole,
        subject: data_dir.to_owned(),
        summary: format!("{data_dir} is that of a node that ran as {was} ({evidence}): {effect}"),
        remedies: vec![
            Remedy::Edits {
                when: format!("if the node is to stay {}", was.with_article()),
                edits: vec![
                    Edit::unit(unit, Change::Disable),
                    Edit::unit(other, Change::Enable),
                ],
                then: String::new(),
            },
            Remedy::manual(format!(
                "to make it {}, remove the node from its cluster, run rke2-uninstall.sh and install it anew",
                role.with_article()
            )),
        ],
        source: Some(Source::file(evidence)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Operation, ReadError};
    use crate::rke2::config::{self, ConfigFiles, DropIn, Invocation, ParserRules, Variable};

    fn found(main: &str, drop_ins: &[(&str, &str)], variables: &[(&str, &str)]) -> Vec<Advice> {
        let version = Version::new(36, 3, 1);
        let mut files = ConfigFiles::none("/c.yaml");
        files.main = match main {
            "" => Err(ReadError::Os {
                operation: Operation::Stat,
                path: "/c.yaml".to_owned(),
                errno: nix::libc::ENOENT,
            }),
            text => Ok(text.as_bytes().to_vec()),
        };
        let drop_ins = drop_ins.iter().map(|(name, text)| DropIn {
            path: format!("/c.yaml.d/{name}"),
            is_directory: false,
            content: Ok(text.as_bytes().to_vec()),
        });
        files.drop_ins = Ok(drop_ins.collect());
        let mut invocation = Invocation::of(Role::Server);
        invocation.env = variables
            .iter()
            .map(|(name, value)| Variable::new(*name, *value))
            .collect();
        let rules = ParserRules::of(&version);
        let settings = config::resolve(&invocation, &files, Role::Server, &rules);
        advice(&settings, &version)
    }

    fn summaries(main: &str, drop_ins: &[(&str, &str)]) -> Vec<String> {
        let found = found(main, drop_ins, &[]).into_iter();
        found.map(|advice| advice.summary).collect()
    }

    #[test]
    fn a_profile_that_is_turned_off_names_both_places() {
        assert_eq!(
            summaries(
                "profile: cis\n",
                &[("50-rancher.yaml", "{\"profile\": \"\"}")]
            ),
            [
                "`profile: cis` (/c.yaml:1) does not count: /c.yaml.d/50-rancher.yaml:1 sets it to nothing: the node \
                 starts, and is not hardened"
            ]
        );
        assert_eq!(
            summaries("profile: cis\n", &[("a.yaml", "profile: etcd")]),
            ["`profile: cis` (/c.yaml:1) does not count: /c.yaml.d/a.yaml:1 sets it to etcd"]
        );
        // A profile that replaces another one is what drop-ins are for.
        assert_eq!(
            summaries("profile: cis-1.23\n", &[("a.yaml", "profile: cis")]),
            [""; 0]
        );
        let found = found("profile: \"\"", &[], &[("RKE2_CIS_PROFILE", "cis")]);
        assert_eq!(found[0].check, CheckId::ConfigOverridden);
        assert!(found[0].summary.contains("RKE2_CIS_PROFILE"), "{found:?}");
    }

    #[test]
    fn entries_of_a_list_that_another_file_replaces_are_counted() {
        let main = "kubelet-arg: [a=1, b=2]\ntoken: t\n";
        assert_eq!(
            summaries(main, &[("a.yaml", "kubelet-arg: [a=1]")]),
            [
                "1 entry of `kubelet-arg` at /c.yaml:1 does not count: /c.yaml.d/a.yaml:1 replaces the list"
            ]
        );
        for added in ["kubelet-arg+: [c=3]", "kubelet-arg: [a=1, b=2, c=3]"] {
            assert_eq!(summaries(main, &[("a.yaml", added)]), [""; 0], "{added}");
        }
        assert_eq!(
            summaries("cni: canal", &[("a.yaml", "cni: calico")]),
            [""; 0]
        );
    }

    #[test]
    fn a_key_that_stands_twice_in_a_file_is_named() {
        assert_eq!(
            summaries(
                "node-name: a\ntoken: secret1\nnode-name: b\ntoken: secret2\n",
                &[]
            ),
            [
                "`token` stands twice in /c.yaml: line 2 does not count, line 4 does",
                "`node-name` stands twice in /c.yaml: line 1 does not count, line 3 does",
            ]
        );
        assert_eq!(summaries("node-name: a\nnode-name: a\n", &[]), [""; 0]);
        assert_eq!(
            summaries("node-name: a\n", &[("a.yaml", "node-name: b")]),
            [""; 0]
        );
    }

    #[test]
    fn what_a_later_release_refuses_is_announced() {
        let found = found("", &[], &[("RKE_INGRESS_CONTROLLER", "ingress-nginx")]);
        let subjects: Vec<&str> = found.iter().map(|advice| advice.subject.as_str()).collect();
        assert_eq!(subjects, ["RKE_INGRESS_CONTROLLER", "ingress-controller"]);
        assert_eq!(
            summaries("ingress-controller: [traefik, ingress-nginx]", &[]),
            [""; 0]
        );
    }

    #[test]
    fn moved_data_of_etcd_is_named() {
        let found = summaries(
            "etcd-arg: [quota-backend-bytes=1, data-dir=/data/etcd]",
            &[],
        );
        assert!(found[0].starts_with("/c.yaml:1 moves etcd's data to /data/etcd"));
        for fine in [
            "etcd-arg: [data-dir=/var/lib/rancher/rke2/server/db/etcd]",
            "etcd-arg: [data-dir=/d]\ndisable-etcd: true",
            "etcd-arg: [data-dir=/d]\ndatastore-endpoint: mysql://x",
        ] {
            assert_eq!(summaries(fine, &[]), [""; 0], "{fine}");
        }
    }
}
