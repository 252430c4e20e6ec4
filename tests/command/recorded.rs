//! Compares the recorded behaviour of the real components with what the command predicts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;
use serde_json::Value as Json;

use super::host::Host;

const NEWEST: &str = "v1.36.3+rke2r1";
const UNIT: &str = "/usr/lib/systemd/system/rke2-{role}.service";

/// Recorded cases. A lone `\udcXX` stands for the byte XX; JSON readers refuse those, so they are
/// read as the private-use characters `\ueeXX`.
fn cases(text: &str, at_least: usize) -> Vec<Json> {
    let cases: Vec<Json> = serde_json::from_str(&text.replace("\\udc", "\\uee")).unwrap();
    assert!(cases.len() >= at_least);
    cases
}

/// The bytes of a recorded text; `None` where there is none.
fn bytes(text: &Json) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for c in text.as_str()?.chars() {
        match u32::from(c) {
            code @ 0xee80..=0xeeff => bytes.push(code.to_le_bytes()[0]),
            _ => bytes.extend_from_slice(c.to_string().as_bytes()),
        }
    }
    Some(bytes)
}

/// Runs the cases, and shows all failures at once.
fn each(cases: &[Json], judge: impl Fn(&Json) -> Result<(), String> + Sync) {
    let half = cases.len().div_ceil(2);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let judge = &judge;
        let run = |part: &[Json]| -> Vec<String> {
            let judged = part.iter().map(|case| (case, judge(case)));
            judged
                .filter_map(|(case, result)| Some(format!("{case}\n  {}\n", result.err()?)))
                .collect()
        };
        let parts: Vec<_> = cases
            .chunks(half)
            .map(|part| scope.spawn(move || run(part)))
            .collect();
        parts.into_iter().flat_map(|p| p.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.concat());
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, expected: &T) -> Result<(), String> {
    if got == expected {
        return Ok(());
    }
    Err(format!("{what}: {got:?}, recorded {expected:?}"))
}

fn texts(list: &Json) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|item| item.as_str().unwrap())
        .collect()
}

/// The one unit of a report.
fn unit(report: &Json) -> &Json {
    assert_eq!(report["units"].as_array().unwrap().len(), 1);
    &report["units"][0]
}

/// The kernel parameters as RKE2 requires them, and a cgroup hierarchy that the kubelet accepts.
fn right_kernel(host: &Host) {
    for parameter in KERNEL_PARAMETERS {
        host.file(&parameter.path(), format!("{}\n", parameter.required));
    }
    host.file("/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n");
}

fn account_file(host: &Host, path: &str, content: &Json) {
    match bytes(content) {
        None => {}
        Some(content) if content == b"<dir>" => {
            std::fs::create_dir_all(host.at(path)).unwrap();
        }
        Some(content) => {
            host.file(path, content);
        }
    }
}

#[test]
fn accounts() {
    let cases = cases(include_str!("../cases/accounts.json"), 50);
    each(&cases, |case| {
        let host = Host::new();
        right_kernel(&host);
        host.file("/etc/rancher/rke2/config.yaml", "profile: cis\n");
        account_file(&host, "/etc/passwd", &case["passwd"]);
        account_file(&host, "/etc/group", &case["group"]);
        let args = [
            "check",
            "--role",
            "server",
            "--rke2-version",
            "v1.34.1+rke2r1",
        ];
        let (report, status) = host.json(&args);
        let unit = unit(&report);
        let expect = &case["expect"];
        let mut lines: Vec<&str> = ["user_error", "group_error"]
            .iter()
            .filter_map(|key| expect[key].as_str())
            .collect();
        let mut predicted = texts(&unit["predicted"]);
        lines.sort_unstable();
        predicted.sort_unstable();
        same("predicted", &predicted, &lines)?;
        same("status", &status, &if lines.is_empty() { 0 } else { 3 })
    });
}

#[test]
fn refusals() {
    let cases = cases(include_str!("../cases/gate.json"), 120);
    each(&cases, |case| {
        let host = Host::new();
        right_kernel(&host);
        for (key, content) in case["sysctl"].as_object().into_iter().flatten() {
            let parameter = KERNEL_PARAMETERS.iter().find(|p| p.key == key);
            let path = parameter.unwrap().path();
            match bytes(content) {
                None => drop(host.clear(&path)),
                Some(content) => host.file(&path, content),
            }
        }
        account_file(&host, "/etc/passwd", &case["passwd"]);
        account_file(&host, "/etc/group", &case["group"]);
        let role = case["role"].as_str().unwrap();
        let profile = case["profile"].as_str().unwrap();
        // Values from a file are trimmed, those from the environment are not.
        let (in_file, in_environment) = if profile.trim() == profile {
            (format!("profile: {profile:?}\n"), String::new())
        } else {
            (
                String::new(),
                format!("Environment=\"RKE2_CIS_PROFILE={profile}\"\n"),
            )
        };
        let flag = case["pkd"].as_bool();
        let flag = flag.map(|flag| format!("protect-kernel-defaults: {flag}\n"));
        host.file(
            "/etc/rancher/rke2/config.yaml",
            // What was recorded ends before an agent looks for its server.
            format!(
                "{in_file}{}server: https://192.0.2.1:9345\ntoken: t\n",
                flag.unwrap_or_default()
            ),
        );
        host.file(
            &UNIT.replace("{role}", role),
            format!("[Service]\n{in_environment}ExecStart=/usr/bin/rke2 {role}\n"),
        );
        let tag = case["tag"].as_str().unwrap();
        let (report, status) = host.json(&["check", "--rke2-version", tag]);
        let unit = unit(&report);
        let refused = case["expect"]["refused"].as_bool().unwrap();
        same("refused", &(unit["refused_by"] == "rke2"), &refused)?;
        if refused {
            let lines: BTreeSet<&str> = texts(&case["expect"]["lines"]).into_iter().collect();
            let predicted: BTreeSet<&str> = texts(&unit["predicted"]).into_iter().collect();
            same("predicted", &predicted, &lines)?;
            same("status", &status, &3)?;
            same("verdict", &unit["verdict"], &"would-refuse".into())?;
        }
        Ok(())
    });
}

/// A word quoted in systemd's syntax for `ExecStart=` or `Environment=`.
fn quoted(word: &str) -> String {
    let mut out = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '%' => out.push_str("%%"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// As [`quoted`], where systemd would put variables in place of their names too.
fn argument(word: &str) -> String {
    quoted(word).replace('$', "$$")
}

fn configured(host: &Host, case: &Json) {
    let dir = "/etc/rancher/rke2";
    std::fs::create_dir_all(host.at(dir)).unwrap();
    for (name, content) in case["files"].as_object().unwrap() {
        let path = format!("{dir}/{name}");
        match content {
            Json::Null => std::fs::create_dir_all(host.at(&path)).unwrap(),
            Json::Object(link) => host.link(&path, link["symlink"].as_str().unwrap()),
            text => {
                // The recorded parser had no type for RKE2's boolean flags.
                let text = text.as_str().unwrap().replace("selinux:", "selinuxx:");
                host.file(&path, bytes(&text.into()).unwrap());
            }
        }
    }
    let role = case["role"].as_str().unwrap();
    let mut unit = "[Service]\n".to_owned();
    for (name, value) in case["env"].as_object().unwrap() {
        let assignment = format!("{name}={}", value.as_str().unwrap());
        writeln!(unit, "Environment={}", quoted(&assignment)).unwrap();
    }
    write!(unit, "ExecStart=/usr/bin/rke2 {role}").unwrap();
    for word in texts(&case["args"]) {
        write!(unit, " {}", argument(word)).unwrap();
    }
    unit.push('\n');
    host.file(&UNIT.replace("{role}", role), unit);
}

#[test]
fn settings() {
    let cases = cases(include_str!("../cases/config.json"), 122);
    each(&cases, |case| {
        let host = Host::new();
        configured(&host, case);
        let (document, status) = host.json(&["config", "--all", "--rke2-version", NEWEST]);
        same("status", &status, &0)?;
        let (expect, settings) = (&case["expect"], &document["settings"]);
        let found = document["fatal"]["message"].as_str();
        if let Some(fatal) = expect["fatal"].as_str() {
            let found = found.ok_or_else(|| format!("not fatal, recorded {fatal}"))?;
            if fatal.starts_with("yaml: ") {
                // The wording of syntax errors may differ; where they are may not be missing.
                same("fatal", &found.starts_with("yaml: "), &true)?;
                same("line", &document["fatal"]["source"]["line"].is_u64(), &true)?;
            } else {
                let found = found.strip_prefix("Error: ").unwrap_or(found);
                same("fatal", &found, &fatal)?;
            }
            return Ok(());
        }
        same("fatal", &found, &None)?;
        for (name, value, set) in [
            ("profile", "profile", Some("profile_set")),
            (
                "protect-kernel-defaults",
                "protect_kernel_defaults",
                Some("protect_kernel_defaults_set"),
            ),
            ("kubelet-arg", "kubelet_arg", None),
            ("data-dir", "data_dir", None),
        ] {
            same(name, &settings[name]["value"], &expect[value])?;
            if let Some(set) = set {
                same(name, &settings[name]["set"], &expect[set])?;
            }
        }
        let mut unknown: Vec<&str> = Vec::new();
        for key in texts(&expect["unknown"]) {
            // The recorded parser knew few flags.
            let known = key == "disable-etcd" && case["role"] == "server";
            let key = if key == "selinux" { "selinuxx" } else { key };
            if !known && !unknown.contains(&key) {
                unknown.push(key);
            }
        }
        let ignored: Vec<&str> = document["ignored"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|ignored| ignored["reason"] == "unknown-flag")
            .map(|ignored| ignored["key"].as_str().unwrap())
            // The record has no keys of one letter: it searched for two dashes.
            .filter(|key| key.len() != 1)
            .collect();
        same("ignored", &ignored, &unknown)
    });
}

#[test]
fn next_boot() {
    let cases = cases(include_str!("../cases/sysctl.json"), 120);
    each(&cases, |case| {
        let host = Host::new();
        // Stands for the null device.
        host.file("/dev/null", "");
        for (path, content) in case["files"].as_object().unwrap() {
            match content {
                Json::Null => std::fs::create_dir_all(host.at(path)).unwrap(),
                Json::Object(link) => host.link(path, link["symlink"].as_str().unwrap()),
                text => host.file(path, bytes(text).unwrap()),
            }
        }
        let (document, status) = host.json(&["sysctl"]);
        same("status", &status, &0)?;
        let expect = &case["expect"];
        same("rc", &document["systemd_sysctl_status"], &expect["rc"])?;
        let found: BTreeMap<&str, Option<String>> = document["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| {
                let number = &key["next_boot"]["number"];
                let number = number.as_i64().map(|number| number.to_string());
                (key["key"].as_str().unwrap(), number)
            })
            .collect();
        for (key, value) in expect["next_boot"].as_object().unwrap() {
            let value = value.as_str().map(str::to_owned);
            same(key, &found[key.as_str()], &value)?;
        }
        Ok(())
    });
}
