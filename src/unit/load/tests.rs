use super::*;
use crate::unit::{EnvironmentContent, envfile};

fn file(path: &str, text: &str) -> UnitFile {
    UnitFile {
        path: path.to_owned(),
        content: Ok(text.as_bytes().to_vec()),
    }
}

fn unit(fragment: &str, drop_ins: &[&str]) -> UnitDefinition {
    let name = "rke2-server.service";
    let drop_ins: Vec<UnitFile> = drop_ins
        .iter()
        .enumerate()
        .map(|(index, text)| file(&format!("/d/{index}.conf"), text))
        .collect();
    load(
        name,
        &Specifiers::of_unit(name),
        &file("/u", fragment),
        &drop_ins,
    )
    .0
}

fn environment(unit: &UnitDefinition) -> Vec<String> {
    unit.environment
        .iter()
        .map(|v| format!("{} {}={}", v.source.as_ref().unwrap(), v.name, v.value))
        .collect()
}

fn argv(unit: &UnitDefinition) -> Vec<String> {
    unit.exec_start
        .iter()
        .flat_map(|command| &command.argv)
        .map(|word| format!("{} {}", word.source.as_ref().unwrap(), word.text))
        .collect()
}

#[test]
fn drop_ins_add_and_reset() {
    let unit = unit(
        "[Service]\nEnvironment=A=1 \"B=2 3\" \\\n C=4\nEnvironmentFile=-/etc/default/%N\nExecStart=/bin/rke2 server\n",
        &[
            "[Service]\nExecStart=\nExecStart=/bin/rke2 server \\\n --debug\n",
            "[Service]\nEnvironment=B=5\nEnvironmentFile=/etc/x\n",
        ],
    );
    assert_eq!(unit.load, Load::Loaded);
    assert_eq!(
        environment(&unit),
        ["/u:2 A=1", "/d/1.conf:2 B=5", "/u:3 C=4"]
    );
    assert_eq!(
        argv(&unit),
        [
            "/d/0.conf:3 /bin/rke2",
            "/d/0.conf:3 server",
            "/d/0.conf:4 --debug"
        ]
    );
    let files: Vec<_> = unit
        .environment_files
        .iter()
        .map(|file| (file.pattern.as_str(), file.optional))
        .collect();
    assert_eq!(
        files,
        [("/etc/default/rke2-server", true), ("/etc/x", false)]
    );
}

#[test]
fn empty_assignments_reset_each_list() {
    let unit = unit(
        "[Service]\nExecStart=/bin/a\nEnvironment=A=1\nEnvironmentFile=/x\nUnsetEnvironment=B\nPassEnvironment=C\n",
        &["[Service]\nEnvironment=\nEnvironmentFile=\nUnsetEnvironment=\nPassEnvironment=\n"],
    );
    assert!(unit.environment.is_empty() && unit.environment_files.is_empty());
    assert!(unit.unset_environment.is_empty() && unit.pass_environment.is_empty());
}

#[test]
fn what_systemd_refuses() {
    let refused: &[(&str, &[&str], Load, &str)] = &[
        ("[Service]\n", &[], Load::BadSetting, "/u: no ExecStart="),
        (
            "[Service]\nExecStart=/bin/a\n",
            &["[Service]\nExecStart=/bin/b\n"],
            Load::BadSetting,
            "/d/0.conf:2: a second ExecStart=",
        ),
        (
            "[Service]\nExecStart=bin/a\nExecStart=/bin/a\n",
            &[],
            Load::BadSetting,
            "/u:2: ExecStart= names a program neither",
        ),
        (
            "[Service\nExecStart=/bin/a\n",
            &[],
            Load::Error,
            "/u:1: this line is a broken section",
        ),
    ];
    for (fragment, drop_ins, load, problem) in refused {
        let unit = unit(fragment, drop_ins);
        assert_eq!(unit.load, *load, "{fragment}");
        let problems: Vec<String> = unit.problems.iter().map(ToString::to_string).collect();
        assert!(problems.concat().starts_with(problem), "{problems:?}");
    }
}

#[test]
fn a_fault_in_a_drop_in_ends_the_drop_in_only() {
    let unit = unit(
        "[Service]\nExecStart=/bin/a\n",
        &[
            "[Service]\nEnvironment=A=1\n[Broken\nEnvironment=B=2\n",
            "[Service]\nEnvironment=C=3\nExecStart=/bin/\nEnvironment=D=4\n",
        ],
    );
    assert_eq!(unit.load, Load::Loaded);
    assert_eq!(environment(&unit), ["/d/0.conf:2 A=1", "/d/1.conf:2 C=3"]);
    assert_eq!(unit.problems.len(), 2);
}

#[test]
fn invalid_environment_is_reported_without_its_value() {
    let unit = unit(
        "[Service]\nExecStart=/bin/a %H\nEnvironment=A=1 export-x=secret B=%n C=%H 'D=secret\nEnvironmentFile=relative\nPassEnvironment=E\n",
        &[],
    );
    assert_eq!(
        environment(&unit),
        ["/u:3 A=1", "/u:3 B=rke2-server.service", "/u:3 C=%H"]
    );
    let problems: Vec<String> = unit.problems.iter().map(ToString::to_string).collect();
    let expected = [
        "/u:2: ExecStart= uses %H",
        "/u:3: \"export-x\" is not a valid",
        "/u:3: Environment= uses %H",
        "/u:3: Environment= has unbalanced quotes",
        "/u:4: EnvironmentFile= takes an absolute path",
        "/u:5: PassEnvironment=E passes",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem}");
        assert!(!problem.contains("secret"), "{problem}");
    }
}

#[test]
fn files_beat_the_unit_and_unset_beats_all() {
    let mut unit = unit(
        "[Service]\nEnvironment=A=1 B=1 \"OPTS=--debug --x\"\nEnvironmentFile=/x\nUnsetEnvironment=C D=5\nExecStart=/bin/rke2 server $OPTS --b=${B}\n",
        &[],
    );
    let text = b"B=2\nC=3\nD=4\n";
    let variables = envfile::parse("/x", text, envfile::Comments::Unknown, &mut Vec::new());
    unit.environment_files[0].files.push(EnvironmentContent {
        path: "/x".to_owned(),
        variables,
    });
    let start = unit.command().unwrap();
    assert_eq!(start.program.text, "/bin/rke2");
    let args: Vec<_> = start.args.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(args, ["server", "--debug", "--x", "--b=2"]);
    assert_eq!(start.args[1].source, Some(Source::line("/u", 2)));
    let names: Vec<_> = start
        .environment
        .iter()
        .map(|v| format!("{}={} {}", v.name, v.value, v.source.as_ref().unwrap()))
        .collect();
    assert_eq!(
        names,
        ["A=1 /u:2", "B=2 /x:1", "OPTS=--debug --x /u:2", "D=4 /x:3"]
    );
}

#[test]
fn default_environment_of_the_manager() {
    let files = [
        file(
            "/etc/systemd/system.conf",
            "[Manager]\n#DefaultEnvironment=X=1\nDefaultEnvironment=A=1 B=2\n",
        ),
        file(
            "/etc/systemd/system.conf.d/a.conf",
            "[Manager]\nDefaultEnvironment=B=3\n[Other]\nDefaultEnvironment=C=1\n",
        ),
    ];
    let variables = default_environment(&files, &mut Vec::new()).into_vec();
    let all: Vec<_> = variables
        .iter()
        .map(|v| format!("{}={} {}", v.name, v.value, v.source.as_ref().unwrap()))
        .collect();
    assert_eq!(
        all,
        [
            "A=1 /etc/systemd/system.conf:3",
            "B=3 /etc/systemd/system.conf.d/a.conf:2"
        ]
    );
}
