use super::*;
use crate::facts::{Operation, ReadError};
use crate::rke2::version::Version;
use nix::libc;

const MAIN: &str = "/etc/rancher/rke2/config.yaml";

fn rules(minor: u32, patch: u32) -> ParserRules {
    ParserRules::of(&Version::new(minor, patch, 1))
}

fn newest() -> ParserRules {
    rules(36, 3)
}

fn missing(path: &str) -> ReadError {
    ReadError::Os {
        operation: Operation::Open,
        path: path.to_owned(),
        errno: libc::ENOENT,
    }
}

fn files(main: Option<&str>, drop_ins: &[(&str, &str)]) -> ConfigFiles {
    let mut files = ConfigFiles::none(MAIN);
    if let Some(text) = main {
        files.main = Ok(text.as_bytes().to_vec());
    }
    if !drop_ins.is_empty() {
        let drop_ins = drop_ins.iter().map(|(name, text)| DropIn {
            path: format!("{MAIN}.d/{name}"),
            is_directory: false,
            content: Ok(text.as_bytes().to_vec()),
        });
        files.drop_ins = Ok(drop_ins.collect());
    }
    files
}

fn invocation(args: &[&str], env: &[(&str, &str)]) -> Invocation {
    Invocation {
        args: args.iter().map(|arg| Argument::new(*arg)).collect(),
        env: env
            .iter()
            .map(|(name, value)| Variable::new(*name, *value))
            .collect(),
    }
}

fn server(main: &str, args: &[&str], env: &[(&str, &str)], rules: &ParserRules) -> Settings {
    let mut words = vec!["server"];
    words.extend(args);
    let invocation = invocation(&words, env);
    resolve(&invocation, &files(Some(main), &[]), Role::Server, rules)
}

fn fatal(settings: &Settings) -> &str {
    settings.fatal.as_ref().map_or("", |fatal| &fatal.message)
}

fn list(settings: &Settings, name: &str) -> Vec<String> {
    match &settings.get(name).unwrap().value {
        SettingValue::List(items) => items.clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn words_on_the_command_line_are_read_as_go_reads_them() {
    for (args, expected) in [
        (&["--nope"][..], "flag provided but not defined: -nope"),
        (&["-nope=1"], "flag provided but not defined: -nope"),
        (&["--profile"], "flag needs an argument: -profile"),
        (&["---profile=cis"], "bad flag syntax: ---profile=cis"),
        (&["--=x"], "bad flag syntax: --=x"),
        (&["-=x"], "bad flag syntax: -=x"),
        (
            &["--debug=maybe"],
            "invalid boolean value \"maybe\" for -debug: parse error",
        ),
        (
            &["--selinux="],
            "invalid boolean value \"\" for -selinux: parse error",
        ),
        (
            &["--v", "x"],
            "invalid value \"x\" for flag -v: parse error",
        ),
        (
            &["--lb-server-port=99999999999999999999"],
            "invalid value \"99999999999999999999\" for flag -lb-server-port: value out of range",
        ),
        (
            &["--etcd-s3-timeout=5"],
            "invalid value \"5\" for flag -etcd-s3-timeout: parse error",
        ),
        (
            &["-d", "/a", "--data-dir=/b"],
            "Cannot use two forms of the same flag: d data-dir",
        ),
        (
            &["--flannel-backend=none"],
            "flag provided but not defined: -flannel-backend",
        ),
        (&["--selinux", "true", "--nope"], ""),
        (&["--", "--nope"], ""),
        (&["-", "--nope"], ""),
        (&["--v=0x10", "--etcd-s3-timeout", "1h2.5m"], ""),
        (&["--profile", "--nope"], ""),
        (&["-profile=cis", "-debug"], ""),
    ] {
        let found = server("", args, &[], &rules(34, 0));
        assert_eq!(fatal(&found), expected, "{args:?}");
        let found = server("", args, &[], &newest());
        let prefix = if expected.is_empty() { "" } else { "Error: " };
        assert_eq!(fatal(&found), format!("{prefix}{expected}"), "{args:?}");
    }
}

#[test]
fn configuration_keys_are_arguments() {
    let newest = newest();
    for (main, profile) in [
        ("profile=cis: x", "cis=x"),
        ("profile: cis", "cis"),
        ("<<: {profile: cis}", ""),
        ("profile: [cis, ~]", ""),
        ("profile: []", ""),
    ] {
        let found = server(main, &[], &[], &newest);
        assert_eq!(found.fatal, None, "{main}");
        assert_eq!(found.profile(), profile, "{main}");
    }
    let found = server("-profile: cis", &[], &[], &newest);
    assert_eq!(fatal(&found), "Error: bad flag syntax: ---profile=cis");
    let found = server("d: /a\ndata-dir: /b", &[], &[], &newest);
    assert_eq!(
        fatal(&found),
        "Error: Cannot use two forms of the same flag: d data-dir"
    );
    assert_eq!(server("d: /a", &[], &[], &newest).data_dir(), "/a");
    let found = server("protect-kernel-defaults: 2", &[], &[], &newest);
    let fatal = found.fatal.unwrap();
    assert_eq!(fatal.source, Some(crate::facts::Source::line(MAIN, 1)));
}

#[test]
fn what_is_ignored_is_said_with_what_was_meant() {
    let main = "a: 1\nProfile: cis\nprotect_kernel_defaults: true\ndisable-etcd: true\n";
    let agent = invocation(&["agent"], &[]);
    let found = resolve(&agent, &files(Some(main), &[]), Role::Server, &newest());
    assert_eq!(found.role, Role::Agent);
    let ignored: Vec<_> = found
        .ignored
        .iter()
        .map(|i| (i.key.as_str(), i.did_you_mean, i.source.clone()))
        .collect();
    let line = |n| Some(crate::facts::Source::line(MAIN, n));
    assert_eq!(
        ignored,
        [
            ("a", None, line(1)),
            ("Profile", Some("profile"), line(2)),
            (
                "protect_kernel_defaults",
                Some("protect-kernel-defaults"),
                line(3)
            ),
            ("disable-etcd", None, line(4)),
        ]
    );
    // Older releases fail with the first.
    let old = server("Profile: cis", &[], &[], &rules(21, 6));
    assert_eq!(fatal(&old), "flag provided but not defined: -Profile");
    // The check goes by the first word: a flag before the role disarms it.
    let debug = invocation(&["--debug", "server"], &[]);
    let files = files(Some("foo: 1"), &[]);
    let found = resolve(&debug, &files, Role::Server, &rules(24, 11));
    assert_eq!(fatal(&found), "flag provided but not defined: -foo");
    let found = resolve(&debug, &files, Role::Server, &newest());
    assert_eq!(
        fatal(&found),
        "Error: flag provided but not defined: -debug"
    );
}

#[test]
fn a_missing_file_takes_the_whole_configuration_with_it() {
    let mut dangling = files(Some("profile: cis"), &[("a.yaml", "debug: true")]);
    if let Ok(drop_ins) = &mut dangling.drop_ins {
        let path = format!("{MAIN}.d/z.yaml");
        drop_ins.push(DropIn {
            content: Err(missing(&path)),
            path,
            is_directory: false,
        });
    }
    let plain = invocation(&["server"], &[]);
    for rules in [newest(), rules(25, 0)] {
        let found = resolve(&plain, &dangling, Role::Server, &rules);
        assert_eq!((found.profile(), fatal(&found)), ("", ""));
        assert_eq!(found.ignored.len(), 1);
        assert_eq!(found.ignored[0].key, MAIN);
        assert_eq!(found.ignored[0].reason, IgnoredReason::MissingFile);
        let source = found.ignored[0].source.clone().unwrap();
        assert_eq!(source.path, format!("{MAIN}.d/z.yaml"));
    }
    // Where it is named, it depends on the release.
    let named = invocation(&["server", "--config", "/x.yaml"], &[]);
    let absent = ConfigFiles::none("/x.yaml");
    let found = resolve(&named, &absent, Role::Server, &rules(29, 7));
    assert_eq!(fatal(&found), "stat /x.yaml: no such file or directory");
    let found = resolve(&named, &absent, Role::Server, &rules(29, 8));
    assert_eq!((fatal(&found), found.ignored.len()), ("", 1));
    let found = resolve(&named, &absent, Role::Server, &rules(20, 5));
    assert_eq!(fatal(&found), "open /x.yaml: no such file or directory");
    let found = resolve(&plain, &ConfigFiles::none(MAIN), Role::Server, &newest());
    assert!(found.ignored.is_empty() && found.fatal.is_none());
}

#[test]
fn what_cannot_be_read_is_fatal_or_unknown() {
    let mut found = files(Some("profile: cis"), &[]);
    let error = |errno| ReadError::Os {
        operation: Operation::Read,
        path: MAIN.to_owned(),
        errno,
    };
    found.main = Err(error(libc::EISDIR));
    let plain = invocation(&["server"], &[]);
    let settings = resolve(&plain, &found, Role::Server, &newest());
    assert_eq!(fatal(&settings), format!("read {MAIN}: is a directory"));
    found.main = Err(error(libc::EACCES));
    let settings = resolve(&plain, &found, Role::Server, &newest());
    assert_eq!(settings.fatal, None);
    assert_eq!(settings.gaps, [Gap::Unreadable(error(libc::EACCES))]);
    let url = "https://example.org/config.yaml";
    let remote = invocation(&["server", "-c", url], &[]);
    let settings = resolve(
        &remote,
        &ConfigFiles::none(url),
        Role::Server,
        &rules(20, 5),
    );
    assert_eq!(settings.gaps, [Gap::Remote(url.to_owned())]);
    let wrapper = invocation(&["--whatever"], &[]);
    let settings = resolve(
        &wrapper,
        &files(Some("profile: cis"), &[]),
        Role::Server,
        &newest(),
    );
    assert_eq!(
        (settings.profile(), settings.gaps.as_slice()),
        ("cis", &[Gap::NoRole][..])
    );
}

#[test]
fn old_parsers_know_less() {
    let both = files(Some("profile: cis"), &[("a.yaml", "profile: etcd")]);
    let plain = invocation(&["server"], &[]);
    for (rules, profile) in [(rules(20, 5), "cis"), (rules(20, 6), "etcd")] {
        assert_eq!(
            resolve(&plain, &both, Role::Server, &rules).profile(),
            profile
        );
    }
    let plus = "kubelet-arg: a\nkubelet-arg+: b";
    let found = server(plus, &[], &[], &rules(20, 6));
    assert_eq!(
        fatal(&found),
        "flag provided but not defined: -kubelet-arg+"
    );
    let found = server(plus, &[], &[], &rules(20, 7));
    assert_eq!(list(&found, "kubelet-arg"), ["a", "b"]);
    let found = server("kubelet-arg: a\nkubelet-arg: b", &[], &[], &rules(20, 5));
    assert_eq!(list(&found, "kubelet-arg"), ["a", "b"]);
    let found = server("", &[], &[("RKE2_DATA_DIR", "/x")], &rules(29, 7));
    assert_eq!(found.data_dir(), "/var/lib/rancher/rke2");
    // A stray word ends the flags since urfave/cli v2.
    for (rules, profile) in [(rules(33, 0), ""), (rules(31, 7), "cis")] {
        let found = server("", &["stray", "--profile", "cis"], &[], &rules);
        assert_eq!(found.profile(), profile);
    }
    for (rules, items) in [(rules(33, 0), "a"), (rules(31, 7), " a ")] {
        let found = server("", &["--kubelet-arg", " a "], &[], &rules);
        assert_eq!(list(&found, "kubelet-arg"), [items]);
    }
}

#[test]
fn the_environment_comes_last() {
    let newest = newest();
    let found = server("cni: x", &[], &[("RKE2_CNI", "y")], &newest);
    assert_eq!(list(&found, "cni"), ["x"]);
    assert_eq!(found.get("cni").unwrap().overridden.len(), 1);
    let old = rules(31, 0);
    let found = server("cni: x", &[], &[("RKE2_CNI", "y, z")], &old);
    assert_eq!(list(&found, "cni"), ["x"]);
    let found = server("", &[], &[("RKE2_CNI", "y, z")], &old);
    assert_eq!(list(&found, "cni"), ["y", "z"]);
    let found = server("", &[], &[("RKE2_CNI", "y, z")], &newest);
    assert_eq!(list(&found, "cni"), ["y, z"]);
    let found = server(
        "",
        &[],
        &[("RKE2_CIS_PROFILE", "a"), ("RKE2_CIS_PROFILE", "b")],
        &newest,
    );
    assert_eq!(found.profile(), "b");
    assert_eq!(found.profile_source().kind(), "env");
    let found = server("", &[], &[("RKE2_DEBUG", "")], &newest);
    assert!(found.get("debug").unwrap().value == SettingValue::Bool(false));
    assert!(found.get("debug").unwrap().set);
    for (rules, words) in [
        (
            rules(36, 0),
            "Error: could not parse \"x\" as bool value from environment variable \"RKE2_SELINUX\" \
             for flag selinux: strconv.ParseBool: parsing \"x\": invalid syntax",
        ),
        (
            rules(28, 0),
            "could not parse x as bool value for flag selinux: \
             strconv.ParseBool: parsing \"x\": invalid syntax",
        ),
    ] {
        let found = server("", &[], &[("RKE2_SELINUX", "x")], &rules);
        assert_eq!(fatal(&found), words);
    }
}

#[test]
fn the_configuration_is_found_where_rke2_looks() {
    for (args, env, path) in [
        (&["server"][..], &[][..], DEFAULT_CONFIG),
        (&["server", "-c", "/a", "--config=/b"], &[], "/a"),
        (&["server", "--token", "--config=/b"], &[], "/b"),
        (&["server", "--config"], &[], ""),
        (&["server", "-config=/a"], &[], DEFAULT_CONFIG),
        (&["server", "-c", "/a"], &[("RKE2_CONFIG_FILE", "/e")], "/e"),
        (&["server", "-c=/a"], &[("RKE2_CONFIG_FILE", "")], "/a"),
    ] {
        let found = config_path(&invocation(args, env));
        assert_eq!(found.path.to_str(), Some(path), "{args:?}");
    }
    let none = resolve(
        &invocation(&["server", "--config="], &[]),
        &files(Some("profile: cis"), &[]),
        Role::Server,
        &newest(),
    );
    assert_eq!(none.profile(), "");
}

#[test]
fn secrets_are_never_shown() {
    const SECRET: &str = "K10hunter2";
    let main = format!(
        "token: {SECRET}\netcd-s3-secret-key: {SECRET}\nkube-proxy-extra-env: [P={SECRET}]"
    );
    let agent_token = format!("--agent-token={SECRET}");
    let invocation = invocation(
        &["server", &agent_token, "--vpn-auth", SECRET, "-t", SECRET],
        &[("RKE2_DATASTORE_ENDPOINT", SECRET)],
    );
    let files = files(Some(&main), &[]);
    let settings = resolve(&invocation, &files, Role::Server, &newest());
    let debug = format!("{settings:?} {invocation:?} {files:?}");
    assert!(!debug.contains(SECRET), "{debug}");
    let words = [
        "server",
        "-t",
        SECRET,
        &agent_token,
        SECRET,
        "--token",
        SECRET,
    ];
    let args = words.iter().map(|word| Argument::new(*word)).collect();
    let found = resolve(
        &Invocation {
            args,
            ..Invocation::default()
        },
        &ConfigFiles::none(MAIN),
        Role::Server,
        &newest(),
    );
    assert!(!format!("{found:?}").contains(SECRET), "{found:?}");
    let token = found.get("token").unwrap();
    assert_eq!(token.display_value().to_string(), REDACTED);
    assert_eq!(token.value.to_string(), SECRET);
    let broken = server(&format!("-token: {SECRET}"), &[], &[], &newest());
    assert!(!format!("{broken:?}").contains(SECRET), "{broken:?}");
}

#[test]
fn every_flag_is_listed_and_known_by_its_source() {
    let found = server(
        "profile: cis",
        &["--kubelet-arg", "a", "-d=/x"],
        &[],
        &newest(),
    );
    assert!(found.values.len() > 100);
    assert_eq!(found.profile_source().to_string(), format!("{MAIN}:1"));
    let args = found.kubelet_args();
    assert_eq!(args[0].0, "a");
    assert_eq!(args[0].1.to_string(), "argument --kubelet-arg a");
    let dir = found.get("data-dir").unwrap();
    assert_eq!(dir.sources[0].to_string(), "argument -d=/x");
    let domain = found.get("cluster-domain").unwrap();
    assert_eq!((domain.set, domain.sources.len()), (false, 0));
}

#[test]
fn help_and_version_end_rke2_unless_they_are_switched_off() {
    for (args, expected) in [
        (&["server", "--help"][..], "rke2 prints its help and ends"),
        (&["server", "-h=true"], "rke2 prints its help and ends"),
        (&["server", "--help=false"], ""),
        (
            &["server", "--help=0", "--nope"],
            "flag provided but not defined: -nope",
        ),
        (
            &["server", "-h=maybe"],
            "invalid boolean value \"maybe\" for -h: parse error",
        ),
        (
            &["--version=", "server"],
            "invalid boolean value \"\" for -version: parse error",
        ),
        (
            &["-v", "server"],
            "rke2 prints its help or version and ends",
        ),
        (
            &["--version=1", "server"],
            "rke2 prints its help or version and ends",
        ),
        (
            &["--help", "server"],
            "rke2 prints its help or version and ends",
        ),
        (&["--help=false", "-v=0", "server"], ""),
        (
            &["--version=false", "--nope", "server"],
            "flag provided but not defined: -nope",
        ),
    ] {
        let none = ConfigFiles::none(MAIN);
        let found = resolve(&invocation(args, &[]), &none, Role::Server, &rules(34, 0));
        assert_eq!(fatal(&found), expected, "{args:?}");
    }
}

#[test]
fn one_form_of_a_flag_may_stand_more_than_once() {
    let newest = newest();
    let found = server("", &["-d", "/a", "-d", "/b"], &[], &newest);
    assert_eq!((fatal(&found), found.data_dir()), ("", "/b"));
    let args = ["--profile=a", "--profile=b", "-d", "/c"];
    let found = server("", &args, &[], &newest);
    assert_eq!((fatal(&found), found.profile()), ("", "b"));
}

#[test]
fn an_empty_variable_is_a_number_to_the_newer_library_only() {
    let port = |value: &str, rules: &ParserRules| {
        server("", &[], &[("RKE2_LB_SERVER_PORT", value)], rules)
    };
    let found = port("", &newest());
    let setting = found.get("lb-server-port").unwrap();
    assert!(setting.value == SettingValue::Number(6444) && setting.set);
    assert_eq!(
        fatal(&port("", &rules(28, 0))),
        "could not parse  as int value for flag lb-server-port: \
         strconv.ParseInt: parsing \"\": invalid syntax"
    );
    for rules in [newest(), rules(28, 0)] {
        let found = port("0x10", &rules);
        assert!(found.get("lb-server-port").unwrap().value == SettingValue::Number(16));
        assert!(fatal(&port("x", &rules)).contains("parsing \"x\": invalid syntax"));
    }
}

#[test]
fn what_ends_rke2_leaves_the_defaults() {
    let found = server("profile: cis\ndebug: maybe", &[], &[], &newest());
    assert!(found.fatal.is_some());
    assert!(found.values.len() > 100);
    assert_eq!(found.profile(), "");
    assert_eq!(found.data_dir(), "/var/lib/rancher/rke2");
    let list = found.get("kubelet-arg").unwrap();
    assert!(list.value == SettingValue::List(Vec::new()) && !list.set);
    assert_eq!(list.sources, [], "one for each item");
    assert_eq!(found.get("v").unwrap().sources, [], "nothing set it");
}

#[test]
fn nothing_is_appended_where_nothing_stands() {
    for (main, items) in [
        ("kubelet-arg: ~", &["b"][..]),
        ("kubelet-arg: ''", &["", "b"]),
        ("kubelet-arg: 5", &["5", "b"]),
        ("kubelet-arg: [a, c]", &["a", "c", "b"]),
    ] {
        let files = files(Some(main), &[("a.yaml", "kubelet-arg+: b")]);
        let plain = invocation(&["server"], &[]);
        let found = resolve(&plain, &files, Role::Server, &newest());
        assert_eq!(list(&found, "kubelet-arg"), items, "{main}");
    }
}

#[test]
fn drop_ins_are_read_by_their_ending_and_listed_or_unknown() {
    let plain = invocation(&["server"], &[]);
    for (name, profile) in [
        ("a.yaml", "cis"),
        ("a.YML", "cis"),
        (".yaml", "cis"),
        ("a.conf", ""),
        ("a.yaml~", ""),
        ("yml", ""),
    ] {
        let found = resolve(
            &plain,
            &files(Some("debug: true"), &[(name, "profile: cis")]),
            Role::Server,
            &newest(),
        );
        assert_eq!(found.profile(), profile, "{name}");
    }
    let denied = ReadError::Os {
        operation: Operation::Open,
        path: format!("{MAIN}.d"),
        errno: libc::EACCES,
    };
    let mut unlisted = files(Some("profile: cis"), &[]);
    unlisted.drop_ins = Err(denied.clone());
    let found = resolve(&plain, &unlisted, Role::Server, &newest());
    assert_eq!(found.profile(), "cis");
    assert_eq!(found.gaps, [Gap::Unreadable(denied)]);
    // A main file that is missing is made up for by drop-ins.
    let found = resolve(
        &plain,
        &files(None, &[("a.yaml", "profile: cis")]),
        Role::Server,
        &newest(),
    );
    assert_eq!((found.profile(), found.ignored.len()), ("cis", 0));
}

#[test]
fn yaml_errors_do_not_quote_the_file() {
    for (main, message) in [
        (
            "token: !!int K10hunter2",
            "yaml: cannot decode !!str `<redacted>` as a !!int",
        ),
        (
            "token: *K10hunter2",
            "yaml: unknown anchor '<redacted>' referenced",
        ),
        (
            "token: !!int ''",
            "yaml: cannot decode !!null `` as a !!int",
        ),
    ] {
        assert_eq!(fatal(&server(main, &[], &[], &newest())), message);
    }
}

#[test]
fn no_more_advice_is_given_than_for_64_keys() {
    let keys: Vec<String> = (0..70).map(|n| format!("disable-etcd{n}: 1\n")).collect();
    let found = server(&keys.concat(), &[], &[], &newest());
    let advised = found.ignored.iter().filter(|i| i.did_you_mean.is_some());
    assert_eq!((found.ignored.len(), advised.count()), (70, 64));
}

#[test]
fn what_is_printed_while_debugging_names_all_but_the_secrets() {
    let mut files = files(Some("token: K10"), &[("a.yaml", "token: K10hunter2")]);
    if let Ok(drop_ins) = &mut files.drop_ins {
        drop_ins[0].is_directory = true;
    }
    for (shown, parts) in [
        (
            format!("{files:?}"),
            &[MAIN, "Ok(10)", "a.yaml", "is_directory: true", "Ok(17)"][..],
        ),
        (
            format!("{:?}", Argument::new("--profile=cis")),
            &["--profile=cis"],
        ),
        (
            format!("{:?}", Argument::new("--token=K10hunter2")),
            &["token=<redacted>"],
        ),
        (
            format!("{:?}", Variable::new("RKE2_TOKEN", "K10hunter2")),
            &["RKE2_TOKEN=<redacted>"],
        ),
        (
            format!(
                "{:?}",
                server("profile: cis", &[], &[], &newest()).get("profile")
            ),
            &["name: \"profile\"", "value: cis", "set: true", "line: 1"],
        ),
    ] {
        for part in parts {
            assert!(shown.contains(part), "{shown}");
        }
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_secret_is_shown_as_being_there_and_no_more() {
    let env = "kube-apiserver-extra-env: [A=b, C=d]\ntoken: ''\nagent-token: x\nprofile: cis\n\
               tls-san: ['http://u:p@h/']\nv: 3";
    let found = server(env, &[], &[], &newest());
    for (name, secret, shown) in [
        ("kube-apiserver-extra-env", true, "<redacted>, <redacted>"),
        ("token", true, ""),
        ("agent-token", true, "<redacted>"),
        ("profile", false, "cis"),
        ("v", false, "3"),
        ("debug", false, "false"),
    ] {
        let setting = found.get(name).unwrap();
        assert_eq!(setting.is_secret(), secret, "{name}");
        assert_eq!(setting.display_value().to_string(), shown, "{name}");
    }
    let names = found.get("tls-san").unwrap().display_value().to_string();
    assert!(!names.contains("u:p"), "{names}");
}

#[test]
fn what_is_not_known_is_said() {
    let gaps = [
        Gap::Unreadable(missing("/f")),
        Gap::Remote("https://h/c".into()),
        Gap::NoRole,
        Gap::OtherProgram("/bin/sh".into()),
        Gap::Malformed {
            source: crate::facts::Source::line("/f", 2),
            reason: "why".into(),
        },
    ];
    assert_eq!(
        gaps.map(|gap| gap.to_string()),
        [
            "cannot read what RKE2 reads: open /f: no such file or directory",
            "RKE2 fetches its configuration from https://h/c",
            "the command line names neither server nor agent",
            "the unit runs /bin/sh, which is not RKE2's own program: with which arguments RKE2 starts is not known",
            "/f:2: not a kubelet configuration: why",
        ]
    );
}

#[test]
fn the_shipped_unit_names_its_role_and_nothing_else() {
    for role in Role::ALL {
        let invocation = Invocation::of(role);
        assert_eq!(invocation.args, [Argument::new(role.as_str())]);
        assert_eq!(invocation.role(), Some(role));
        assert_eq!(invocation.env, []);
    }
}

mod laws {
    use super::*;
    use proptest::prelude::*;

    fn item() -> impl Strategy<Value = String> {
        "[b-m]{1,4}=[0-9]{1,3}"
    }

    fn yaml(key: &str, items: &[String]) -> String {
        format!("{key}: {}\n", serde_json::json!(items))
    }

    proptest! {
        #[test]
        fn appending_keeps_order(parts in prop::collection::vec(prop::collection::vec(item(), 0..4), 1..5)) {
            let texts: Vec<String> = parts.iter().map(|items| yaml("kubelet-arg+", items)).collect();
            let names: Vec<String> = (0..parts.len()).map(|n| format!("{n}.yaml")).collect();
            let drop_ins: Vec<(&str, &str)> =
                names.iter().zip(&texts).map(|(n, t)| (n.as_str(), t.as_str())).collect();
            let found = resolve(&invocation(&["server"], &[]), &files(None, &drop_ins), Role::Server, &newest());
            prop_assert_eq!(list(&found, "kubelet-arg"), parts.concat());
        }

        #[test]
        fn the_last_file_wins_and_the_command_line_beats_it(values in prop::collection::vec("[b-m]{1,8}", 1..5), last in prop::option::of("[b-m]{1,8}")) {
            let texts: Vec<String> = values.iter().map(|v| format!("profile: {v}")).collect();
            let drop_ins: Vec<(&str, &str)> = texts.iter().map(|t| ("x.yaml", t.as_str())).collect();
            let mut words = vec!["server"];
            if let Some(last) = &last {
                words.extend(["--profile", last]);
            }
            let found = resolve(&invocation(&words, &[("RKE2_CIS_PROFILE", "env")]), &files(None, &drop_ins), Role::Server, &newest());
            prop_assert_eq!(found.profile(), last.as_ref().or(values.last()).unwrap());
        }

        #[test]
        fn saying_it_twice_changes_nothing(main in "[a-c\\n: -]{0,20}", profile in "[ -~]{0,8}") {
            let main = format!("{main}\nprofile: {}\n", serde_json::json!(profile));
            let once = resolve(&invocation(&["server"], &[]), &files(Some(&main), &[]), Role::Server, &newest());
            let twice = resolve(&invocation(&["server"], &[]), &files(Some(&main), &[("a.yaml", &main)]), Role::Server, &newest());
            prop_assert_eq!(once.profile(), twice.profile());
            prop_assert_eq!(once.fatal.is_some(), twice.fatal.is_some());
        }

        #[test]
        fn nothing_panics(
            main in prop::collection::vec(any::<u8>(), 0..80),
            args in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..6),
            value in prop::collection::vec(any::<u8>(), 0..12),
            minor in 18u32..37,
        ) {
            let mut files = ConfigFiles::none(MAIN);
            files.main = Ok(main);
            let mut words = vec![Argument::new("agent")];
            words.extend(args.into_iter().map(Argument::new));
            let env = vec![
                Variable::new("RKE2_SELINUX", value.clone()),
                Variable::new("RKE2_LB_SERVER_PORT", value),
            ];
            let found = resolve(&Invocation { args: words, env }, &files, Role::Agent, &rules(minor, 5));
            prop_assert_eq!(found.role, Role::Agent);
            let _ = kubelet(&found, &rules(minor, 5), &KubeletFiles::default());
        }
    }
}

#[test]
fn only_what_rke2_reads_tells_two_starts_apart() {
    let start = |words: &[&str], variables: &[(&str, &str)]| Invocation {
        args: words.iter().map(|word| Argument::new(*word)).collect(),
        env: variables
            .iter()
            .map(|(name, value)| Variable::new(*name, *value))
            .collect(),
    };
    let plain = start(&["server"], &[("RKE2_CIS_PROFILE", "cis")]);
    for (other, same) in [
        (
            start(
                &["server"],
                &[("LANG", "C"), ("RKE2_CIS_PROFILE", "cis"), ("PATH", "/bin")],
            ),
            true,
        ),
        (start(&["server"], &[("RKE2_CIS_PROFILE", "etcd")]), false),
        (start(&["server"], &[]), false),
        (
            start(
                &["server"],
                &[("RKE2_CIS_PROFILE", "cis"), ("RKE2_CONFIG_FILE", "/x")],
            ),
            false,
        ),
        (
            start(
                &["server"],
                &[("RKE2_CIS_PROFILE", "cis"), ("AWS_ACCESS_KEY_ID", "x")],
            ),
            false,
        ),
        (
            start(&["server", "--debug"], &[("RKE2_CIS_PROFILE", "cis")]),
            false,
        ),
    ] {
        assert_eq!(plain.means_the_same_as(&other), same, "{other:?}");
        assert_eq!(other.means_the_same_as(&plain), same, "{other:?}");
    }
}
