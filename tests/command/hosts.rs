//! Hosts kept as directories below `tests/hosts`, and what is reported of each.
//!
//! A directory holds `case.toml`, the host's files below `root`, and beside them what is expected;
//! a new directory is a new case. `cargo insta review` shows and accepts what changed.

use super::case::Case;
use super::host::{Host, hosts_dir};

impl Case {
    fn expect(&self, host: &Host, what: &str, text: &str) {
        // Commands name the host's directory, which is another one each time.
        let text = text.replace(host.path().to_str().unwrap(), "");
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
        let name = &self.dir;
        let text = with("check", &[]);
        assert_eq!(text.err, "", "{name}");
        assert_eq!(text.status, self.status, "{name}\n{}", text.out);
        self.expect(&host, "expected.txt", &text.out);
        let json = with("check", &["--format", "json"]);
        assert_eq!(json.err, "", "{name}");
        assert_eq!(json.status, self.status, "{name}");
        self.expect(&host, "expected.json", &json.out);
        for command in &self.also {
            let ran = match command.as_str() {
                "config" => with("config", &[]),
                "sysctl" => with("sysctl", &[]),
                "verbose" => with("check", &["--verbose"]),
                other => panic!("{name}: also = {other}"),
            };
            assert_eq!(ran.err, "", "{name}");
            self.expect(&host, &format!("{command}.txt"), &ran.out);
        }
    }
}

#[test]
fn each_host_gives_its_snapshot() {
    let mut names: Vec<String> = std::fs::read_dir(hosts_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(!names.is_empty());
    // All of them before it fails, so that one run shows everything that changed.
    let failed: Vec<&String> = names
        .iter()
        .filter(|name| {
            let run = || Case::read(name).run();
            std::panic::catch_unwind(run).is_err()
        })
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}
