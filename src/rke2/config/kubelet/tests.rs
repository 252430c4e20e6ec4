use super::*;
use crate::rke2::Role;
use crate::rke2::config::{Argument, ConfigFiles, Invocation, resolve};
use crate::rke2::version::Version;

fn settings(main: &str, rules: &ParserRules) -> Settings {
    let mut files = ConfigFiles::none("/etc/rancher/rke2/config.yaml");
    files.main = Ok(main.as_bytes().to_vec());
    let invocation = Invocation {
        args: vec![Argument::new("server")],
        env: Vec::new(),
    };
    let settings = resolve(&invocation, &files, Role::Server, rules);
    assert_eq!(settings.fatal, None, "{main}");
    settings
}

fn file(name: &str, text: &str) -> ConfFile {
    ConfFile {
        name: name.to_owned(),
        path: format!("/d/{name}"),
        content: Ok(text.as_bytes().to_vec()),
    }
}

fn rules(minor: u32) -> ParserRules {
    ParserRules::of(&Version::new(minor, 5, 1))
}

const ON: &str = "protectKernelDefaults: true\n";
const OFF: &str = "protectKernelDefaults: false\n";

/// Feature gates are set by one flag and one field.
#[test]
fn what_may_set_feature_gates_is_known() {
    let rules = ParserRules::of(&Version::new(34, 1, 1));
    for (main, text, expected) in [
        ("", "maxPods: 1\n", false),
        ("", "# featureGates\nmaxPods: 1\n", false),
        ("", "featureGates: {A: true}\n", true),
        ("", "featuregates: {A: true}\n", true),
        ("", "a: [\n", true),
        ("kubelet-arg: max-pods=9", "", false),
        ("kubelet-arg: node-labels=feature-gates=1", "", false),
        ("kubelet-arg: feature-gates=A=true", "", true),
        ("kubelet-arg: feature_gates+=A=true", "", true),
        ("kubelet-arg: --feature-gates", "", true),
    ] {
        let files = KubeletFiles {
            conf_d: vec![file("a.conf", text)],
            ..KubeletFiles::default()
        };
        let found = kubelet(&settings(main, &rules), &rules, &files);
        assert_eq!(found.sets_gates, expected, "{main} {text}");
    }
}

#[test]
fn rke2_copies_what_two_arguments_name() {
    let rules = ParserRules::of(&Version::new(34, 1, 1));
    let of = |main: &str| -> Vec<(&str, String, String)> {
        let all = copied(&settings(main, &rules), &rules).into_iter();
        all.map(|copied| (copied.argument, copied.from, copied.to))
            .collect()
    };
    let conf_d = "/var/lib/rancher/rke2/agent/etc/kubelet.conf.d";
    let one = (
        "config",
        "/a".to_owned(),
        format!("{conf_d}/10-cli-config.conf"),
    );
    let other = (
        "config-dir",
        "/d".to_owned(),
        format!("{conf_d}/20-cli-config-dir"),
    );
    assert_eq!(
        of("kubelet-arg: [config-dir=/d, config=/b, --config=/a]"),
        [one.clone(), other]
    );
    assert_eq!(of("kubelet-arg: [config, /a, v=2]"), [one]);
    assert_eq!(of(&format!("kubelet-arg: config={conf_d}/x")), []);
    let empty = of("kubelet-arg: [config-dir=/d, config=]");
    assert_eq!(
        (empty[0].0, empty[0].1.as_str(), empty.len()),
        ("config", "", 1)
    );
    let older = ParserRules::of(&Version::new(31, 1, 1));
    let settings = settings("kubelet-arg: config=/a", &older);
    assert_eq!(copied(&settings, &older), []);
}

/// A copy that RKE2 makes of what `kubelet-arg` names stays when the argument goes.
#[test]
fn a_copy_of_an_argument_that_is_gone_is_open_where_it_decides() {
    const COPY: &str = "10-cli-config.conf";
    const IN_DIRECTORY: &str = "20-cli-config-dir/a.conf";
    let gone = |argument: &str, name: &str| {
        format!(
            "/d/{name} is a copy that an earlier `kubelet-arg: {argument}=` left, and whether RKE2 still gives it to \
             the kubelet is not known: remove it, or name its original again"
        )
    };
    let off = "failCgroupV1: false\n";
    let named = "kubelet-arg: config=/k";
    let directory = "kubelet-arg: config-dir=/e";
    for (minor, main, name, text, expected) in [
        (34, "", COPY, ON, Some("config")),
        (36, "", COPY, off, Some("config")),
        (34, "", IN_DIRECTORY, ON, Some("config-dir")),
        // It changes nothing, or is written anew, or is no copy.
        (34, "", COPY, OFF, None),
        (34, "profile: cis", COPY, ON, None),
        (34, named, COPY, ON, None),
        (34, "", "10-cli.conf", ON, None),
        (34, "", "20-cli-config-dir.conf", ON, None),
        // The directory is named, and this file is not in it any more.
        (34, directory, IN_DIRECTORY, ON, Some("config-dir")),
        // No directory of drop-ins.
        (31, "", COPY, ON, None),
    ] {
        let rules = rules(minor);
        let files = KubeletFiles {
            conf_d: vec![file(name, text)],
            config: (main == named).then(|| file("k", OFF)),
            ..KubeletFiles::default()
        };
        let found = kubelet(&settings(main, &rules), &rules, &files);
        let gaps: Vec<String> = found.gaps.iter().map(ToString::to_string).collect();
        let expected: Vec<String> = expected
            .iter()
            .map(|argument| gone(argument, name))
            .collect();
        assert_eq!(gaps, expected, "1.{minor} {main:?} {name} {text}");
    }
    // A file of the directory that is still there is copied anew.
    let rules = rules(34);
    let files = KubeletFiles {
        conf_d: vec![file(IN_DIRECTORY, ON)],
        config_dir: vec![file("a.conf", ON)],
        ..KubeletFiles::default()
    };
    let found = kubelet(&settings(directory, &rules), &rules, &files);
    assert_eq!(found.gaps, []);
}

#[test]
fn protect_kernel_defaults_ends_up_as_the_kubelet_has_it() {
    let args = |items: &str| format!("profile: cis\nkubelet-arg: [{items}]");
    for (main, old, new) in [
        (String::new(), false, false),
        ("profile: etcd".into(), false, false),
        ("profile: cis".into(), true, true),
        ("profile: cis-1.23".into(), true, true),
        ("protect-kernel-defaults: true".into(), true, true),
        ("kubelet-arg: protect-kernel-defaults".into(), true, true),
        (
            "kubelet-arg: protect-kernel-defaults=true".into(),
            true,
            true,
        ),
        (args("protect-kernel-defaults=false"), false, false),
        (args("--protect-kernel-defaults=0"), false, false),
        (args("protect_kernel_defaults=false"), false, false),
        (
            args("protect-kernel-defaults=false, protect-kernel-defaults=true"),
            true,
            true,
        ),
        // Put before RKE2's own, which then is the last.
        (args("protect-kernel-defaults-=false"), true, false),
        (args("protect-kernel-defaults+=false"), false, false),
        (args("max-pods=9"), true, true),
    ] {
        for (minor, expected) in [(30, old), (31, old), (32, new), (36, new)] {
            let rules = rules(minor);
            let found = kubelet(&settings(&main, &rules), &rules, &KubeletFiles::default());
            assert_eq!(
                found.protect_kernel_defaults.value, expected,
                "1.{minor}: {main}"
            );
            assert!(found.refusals.is_empty() && found.runs);
        }
    }
}

#[test]
fn files_are_merged_in_order_of_their_names() {
    let rules = rules(34);
    let cis = settings("profile: cis", &rules);
    let merged = |files: &[ConfFile]| {
        let files = KubeletFiles {
            conf_d: files.to_vec(),
            ..KubeletFiles::default()
        };
        let found = kubelet(&cis, &rules, &files);
        (
            found.protect_kernel_defaults.value,
            found.protect_kernel_defaults.origin,
        )
    };
    let at = |name: &str| SettingOrigin::File {
        path: format!("/d/{name}"),
        line: 1,
    };
    assert_eq!(merged(&[file("99.conf", OFF)]), (false, at("99.conf")));
    let order = [file("b.conf", ON), file("a.conf", OFF)];
    assert_eq!(merged(&order), (true, at("b.conf")));
    let inner = [file("a/z.conf", ON), file("a.conf", OFF)];
    assert_eq!(merged(&inner), (false, at("a.conf")));
    // RKE2 writes this one anew; what has another ending is not read.
    assert!(
        merged(&[
            file(KUBELET_DEFAULTS, OFF),
            file("x.yaml", OFF),
            file("x.conf", "a: b")
        ])
        .0
    );
    assert_eq!(
        merged(&[file("z.conf", "protectKernelDefaults: ~")]),
        (false, at("z.conf"))
    );
    let odd = KubeletFiles {
        conf_d: vec![
            file("a.conf", "protectKernelDefaults: 1"),
            file("b.conf", "["),
        ],
        ..KubeletFiles::default()
    };
    let found = kubelet(&cis, &rules, &odd);
    assert!(found.protect_kernel_defaults.value);
    assert_eq!(found.gaps.len(), 2);
}

#[test]
fn named_files_are_copied_or_read() {
    let main = "kubelet-arg: [config=/k.conf, config-dir=/k.d]";
    let files = KubeletFiles {
        config: Some(file("k.conf", ON)),
        config_dir: vec![file("5.conf", OFF)],
        ..KubeletFiles::default()
    };
    for (minor, expected) in [(31, true), (32, false)] {
        let rules = rules(minor);
        let settings = settings(main, &rules);
        let paths = kubelet_paths(&settings, &rules);
        assert_eq!(paths.config.as_deref(), Some("/k.conf"));
        assert_eq!(paths.conf_d.is_some(), minor >= 32);
        let found = kubelet(&settings, &rules, &files);
        assert_eq!(found.protect_kernel_defaults.value, expected);
    }
    // RKE2's flag beats the file up to 1.31.
    let old = rules(31);
    let cis = settings(&format!("profile: cis\n{main}"), &old);
    let off = KubeletFiles {
        config: Some(file("k.conf", OFF)),
        ..KubeletFiles::default()
    };
    assert!(kubelet(&cis, &old, &off).protect_kernel_defaults.value);
    let new = rules(34);
    let inside = "/var/lib/rancher/rke2/agent/etc/kubelet.conf.d/x.conf";
    let settings = settings(&format!("kubelet-arg: [config={inside}]"), &new);
    assert_eq!(kubelet_paths(&settings, &new).config, None);
}

#[test]
fn what_is_no_switch_is_refused_in_the_kubelets_words() {
    let rules = rules(36);
    let main = "kubelet-arg: [protect-kernel-defaults=yes, fail-cgroupv1=]";
    let found = kubelet(&settings(main, &rules), &rules, &KubeletFiles::default());
    let words: Vec<&str> = found.refusals.iter().map(|r| r.message.as_str()).collect();
    assert_eq!(
        words,
        [
            "invalid argument \"yes\" for \"--protect-kernel-defaults\" flag: \
             strconv.ParseBool: parsing \"yes\": invalid syntax",
            "invalid argument \"\" for \"--fail-cgroupv1\" flag: \
             strconv.ParseBool: parsing \"\": invalid syntax",
        ]
    );
    assert_eq!(found.refusals[0].source.as_ref().unwrap().line, Some(1));
}

#[test]
fn cgroup_v1_fails_since_it_does() {
    for (minor, main, value, refused) in [
        (30, "", false, false),
        (30, "kubelet-arg: fail-cgroupv1=false", false, true),
        (31, "", false, false),
        (34, "kubelet-arg: fail-cgroupv1", true, false),
        (35, "", true, false),
        (36, "kubelet-arg: fail-cgroupv1=false", false, false),
    ] {
        let rules = rules(minor);
        let found = kubelet(&settings(main, &rules), &rules, &KubeletFiles::default());
        assert_eq!(found.fail_cgroup_v1.value, value, "1.{minor} {main}");
        assert_eq!(!found.refusals.is_empty(), refused, "1.{minor} {main}");
    }
    let rules = rules(36);
    let files = KubeletFiles {
        conf_d: vec![file("50.conf", "failCgroupV1: false")],
        ..KubeletFiles::default()
    };
    let found = kubelet(&settings("", &rules), &rules, &files);
    assert!(!found.fail_cgroup_v1.value);
}

#[test]
fn a_server_without_agent_has_no_kubelet() {
    let rules = rules(36);
    let found = kubelet(
        &settings("disable-agent: true", &rules),
        &rules,
        &KubeletFiles::default(),
    );
    assert!(!found.runs);
}

#[test]
fn dashes_before_a_flag_are_taken_off_since_they_are() {
    let main = "profile: cis\nkubelet-arg: --protect-kernel-defaults=0";
    for (patch, value, refusals) in [
        (
            1,
            true,
            &["bad flag syntax: ----protect-kernel-defaults=0"][..],
        ),
        (2, false, &[]),
    ] {
        let rules = ParserRules::of(&Version::new(20, 9, patch));
        let found = kubelet(&settings(main, &rules), &rules, &KubeletFiles::default());
        let words: Vec<&str> = found.refusals.iter().map(|r| r.message.as_str()).collect();
        assert_eq!(words, refusals);
        assert_eq!(found.protect_kernel_defaults.value, value);
    }
}

#[test]
fn a_flag_that_is_repeated_is_passed_twice_since_it_is() {
    let main = "kubelet-arg: [protect-kernel-defaults=yes, protect-kernel-defaults=true]";
    for (patch, refusals) in [(12, 0), (13, 1)] {
        let rules = ParserRules::of(&Version::new(20, patch, 1));
        let found = kubelet(&settings(main, &rules), &rules, &KubeletFiles::default());
        assert!(found.protect_kernel_defaults.value);
        assert_eq!(found.refusals.len(), refusals, "1.20.{patch}");
    }
}

#[test]
fn a_bare_name_swallows_the_entry_behind_it_where_files_are_looked_for() {
    let old = rules(31);
    let new = rules(32);
    let main = "kubelet-arg: [config, /k.conf, config-dir, /k.d]";
    let paths = kubelet_paths(&settings(main, &new), &new);
    assert_eq!(paths.config.as_deref(), Some("/k.conf"));
    assert_eq!(paths.config_dir.as_deref(), Some("/k.d"));
    let paths = kubelet_paths(&settings(main, &old), &old);
    assert_eq!((paths.config, paths.config_dir), (None, None));
    // Of another name the entry is lost.
    let main = "profile: cis\nkubelet-arg: [x, protect-kernel-defaults=false]";
    for (rules, value) in [(old, false), (new, true)] {
        let found = kubelet(&settings(main, &rules), &rules, &KubeletFiles::default());
        assert_eq!(found.protect_kernel_defaults.value, value);
    }
}

#[test]
fn the_names_of_files_reach_the_kubelet_as_flags_up_to_1_31() {
    let main = "kubelet-arg: [config=/k.conf, config-dir=/k.d, max-pods=9]";
    for (minor, passed) in [
        (31, &["config", "config-dir", "max-pods"][..]),
        (32, &["max-pods"]),
    ] {
        let rules = rules(minor);
        let settings = settings(main, &rules);
        let (flags, _) = arguments(&settings, &rules);
        let keys: Vec<&str> = flags.iter().map(|arg| arg.key).collect();
        assert_eq!(keys, passed);
    }
}

#[test]
fn the_content_of_a_file_is_not_printed() {
    let shown = format!("{:?}", file("a.conf", "secret"));
    assert!(
        shown.contains("/d/a.conf") && shown.contains("Ok(6)") && !shown.contains("secret"),
        "{shown}"
    );
}
