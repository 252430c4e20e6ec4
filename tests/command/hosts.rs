//! Hosts kept as folders below `tests/hosts`, and what is said of each.
//!
//! A folder holds `case.toml`, the host's files below `root`, and beside them what is expected;
//! a new folder is a new case. `cargo insta review` shows and accepts what changed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::host::{Host, folders};

/// `case.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Case {
    #[serde(skip)]
    folder: String,
    /// What it is a case of, for who reads the folder.
    #[serde(rename = "about")]
    _about: String,
    /// The host that this one is but for its own files.
    over: Option<String>,
    /// What that host has and this one has not.
    #[serde(default)]
    without: Vec<String>,
    /// Symbolic links, by path: repositories keep them badly.
    #[serde(default)]
    links: BTreeMap<String, String>,
    /// Options of every command.
    #[serde(default)]
    args: Vec<String>,
    /// What `check` ends with.
    #[serde(default)]
    status: i32,
    /// Commands whose text is expected too.
    #[serde(default)]
    also: Vec<String>,
}

impl Case {
    /// Reads the case of that folder.
    pub(crate) fn read(folder: &str) -> Self {
        let path = folders().join(folder).join("case.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let case: Self = toml::from_str(&text).unwrap_or_else(|e| panic!("{folder}: {e}"));
        Self {
            folder: folder.to_owned(),
            ..case
        }
    }

    /// Lays the host out.
    pub(crate) fn build(&self, host: &Host) {
        if let Some(over) = &self.over {
            Self::read(over).build(host);
        }
        for path in &self.without {
            assert!(host.at(path).symlink_metadata().is_ok(), "{path}");
            host.clear(path);
        }
        let root = self.path().join("root");
        if root.exists() {
            host.copy(&root, "");
        }
        for (path, to) in &self.links {
            host.link(path, to);
        }
    }

    fn path(&self) -> PathBuf {
        folders().join(&self.folder)
    }

    fn expect(&self, what: &str, text: &str) {
        let mut settings = insta::Settings::new();
        settings.set_snapshot_path(self.path());
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(what, text));
    }

    fn run(&self) {
        let host = Host::new();
        self.build(&host);
        let with = |command: &'static str, more: &'static [&str]| {
            let given = self.args.iter().map(String::as_str);
            let mut args = vec![command, "--color", "never"];
            args.extend(given.chain(more.iter().copied()));
            host.run(args)
        };
        let name = &self.folder;
        let text = with("check", &[]);
        assert_eq!(text.err, "", "{name}");
        assert_eq!(text.status, self.status, "{name}\n{}", text.out);
        self.expect("expected.txt", &text.out);
        let json = with("check", &["--format", "json"]);
        assert_eq!(json.err, "", "{name}");
        assert_eq!(json.status, self.status, "{name}");
        self.expect("expected.json", &json.out);
        for command in &self.also {
            let ran = match command.as_str() {
                "config" => with("config", &[]),
                "sysctl" => with("sysctl", &[]),
                "verbose" => with("check", &["--verbose"]),
                other => panic!("{name}: also = {other}"),
            };
            assert_eq!(ran.err, "", "{name}");
            self.expect(&format!("{command}.txt"), &ran.out);
        }
    }
}

#[test]
fn each_is_told_as_expected() {
    let mut names: Vec<String> = std::fs::read_dir(folders())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(!names.is_empty());
    // All of them before it fails, so that one look shows everything that changed.
    let failed: Vec<&String> = names
        .iter()
        .filter(|name| {
            let run = || Case::read(name).run();
            std::panic::catch_unwind(run).is_err()
        })
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}

/// Does to a host what a remedy's command does to this one.
fn type_in(host: &Host, command: &str) {
    let append = |path: &str, text: &str| {
        use std::io::Write as _;
        // Made where it is missing. An absolute link would lead out of the host, onto this one.
        let at = host.at(path);
        let link = at.read_link();
        assert!(!link.is_ok_and(|to| to.is_absolute()), "{command}");
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        let mut options = std::fs::OpenOptions::new();
        let file = options.append(true).create(true).open(at);
        file.unwrap().write_all(text.as_bytes()).unwrap();
    };
    let user = |group: u32| {
        append(
            "/etc/passwd",
            &format!("etcd:x:52:{group}::/:/sbin/nologin\n"),
        );
    };
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[..] {
        ["echo", .., ">>", path] => {
            let line = command.split('\'').nth(1).unwrap();
            append(path, &format!("{line}\n"));
        }
        // An empty line first, behind a file that ends within a line.
        ["printf", r"'%s\n'", "''", .., ">>", path] => {
            let line = command.split('\'').nth(5).unwrap();
            append(path, &format!("\n{line}\n"));
        }
        ["sysctl", "-w", assignment] => {
            let (key, value) = assignment.split_once('=').unwrap();
            let path = format!("/proc/sys/{}", key.replace('.', "/"));
            host.file(&path, format!("{value}\n"));
        }
        ["getent", "passwd", "etcd", ">>", path] => append(path, "etcd:x:52:52::/:/x\n"),
        ["getent", "group", "etcd", ">>", path] => append(path, "etcd:x:52:\n"),
        // Of two that make both, the second fails, which does no harm.
        ["useradd", .., "-U", "etcd"] => {
            let passwd = std::fs::read_to_string(host.at("/etc/passwd")).unwrap();
            if !passwd.contains("\netcd:") {
                user(52);
                append("/etc/group", "etcd:x:52:\n");
            }
        }
        ["useradd", .., "-g", "etcd", "etcd"] => user(52),
        ["groupadd", "-r", "etcd"] => append("/etc/group", "etcd:x:52:\n"),
        ["usermod", "-g", "etcd", "etcd"] => {
            let group = std::fs::read_to_string(host.at("/etc/group")).unwrap();
            let row = group.lines().find(|row| row.starts_with("etcd:")).unwrap();
            let gid = row.split(':').nth(2).unwrap();
            let passwd = std::fs::read_to_string(host.at("/etc/passwd")).unwrap();
            let rows = passwd.lines().map(|row| {
                let mut fields: Vec<&str> = row.split(':').collect();
                if fields[0] == "etcd" {
                    fields[3] = gid;
                }
                fields.join(":") + "\n"
            });
            host.file("/etc/passwd", rows.collect::<String>());
        }
        _ => panic!("{command}"),
    }
}

#[test]
fn each_remedy_that_can_be_typed_cures() {
    let (mut wrong, mut typed) = (Vec::new(), 0);
    for folder in std::fs::read_dir(folders()).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        let case = Case::read(&name);
        let host = Host::new();
        case.build(&host);
        let mut args = vec!["check"];
        args.extend(case.args.iter().map(String::as_str));
        let (report, _) = host.json(&args);
        let units = report["units"].as_array().unwrap();
        let mut cured = Vec::new();
        for finding in units.iter().flat_map(|u| u["findings"].as_array().unwrap()) {
            let remedies = finding["remedies"].as_array().unwrap().iter();
            let commands: Vec<&str> = remedies
                .flat_map(|remedy| remedy["commands"].as_array().unwrap())
                .map(|command| command.as_str().unwrap())
                .collect();
            if commands.is_empty() {
                continue;
            }
            for command in &commands {
                type_in(&host, command);
            }
            typed += commands.len();
            cured.push((finding["id"].clone(), commands.join("; ")));
        }
        let (after, _) = host.json(&args);
        let units = after["units"].as_array().unwrap();
        for finding in units.iter().flat_map(|u| u["findings"].as_array().unwrap()) {
            let typed = cured.iter().find(|(id, _)| *id == finding["id"]);
            // Without /proc nothing can be known, nor cured, of now.
            if let Some((id, commands)) = typed
                && finding["outcome"] == "violated"
            {
                wrong.push(format!(
                    "{name}: {id}: {commands}: {}\n",
                    finding["summary"]
                ));
            }
        }
    }
    assert!(typed > 50, "{typed}");
    assert!(wrong.is_empty(), "{}", wrong.concat());
}
