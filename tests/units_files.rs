//! RKE2's units as its installers leave them, read from a root directory.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "the helpers of tests are test code"
)]

use preflight_rke2::testing::facts::Source;
use preflight_rke2::testing::host::{HostRoot, units};
use preflight_rke2::testing::unit::directive::Extent;
use preflight_rke2::testing::unit::live::LiveCommand;
use preflight_rke2::testing::unit::{
    Enablement, Knowledge, LiveUnit, Load, UnitDefinition, VariableOrigin,
};

#[path = "common/unit_differences.rs"]
mod unit_differences;

use unit_differences::differences;

/// A host that is being laid out.
struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn link(self, path: &str, target: &str) -> Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
        self
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path.strip_prefix('/').unwrap())
    }

    fn root(&self) -> HostRoot {
        HostRoot::open(self.0.path()).unwrap()
    }

    fn find(&self, unit: &str) -> UnitDefinition {
        units::find(&self.root(), unit)
    }
}

/// A unit of recent RKE2 releases, its program and environment file below `prefix`.
fn rke2(role: &str, prefix: &str) -> String {
    format!(
        "[Unit]
Description=Rancher Kubernetes Engine v2 ({role})
Wants=network-online.target
After=network-online.target

[Install]
WantedBy=multi-user.target

[Service]
Type=notify
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/etc/sysconfig/%N
EnvironmentFile=-{prefix}/lib/systemd/system/%N.env
KillMode=process
Delegate=yes
TimeoutStartSec=0
Restart=always
RestartSec=5s
ExecStartPre=-/sbin/modprobe br_netfilter
ExecStartPre=-/sbin/modprobe overlay
ExecStart={prefix}/bin/rke2 {role}
"
    )
}

const SERVER: &str = "rke2-server.service";
const VENDOR: &str = "/usr/lib/systemd/system/rke2-server.service";
const ETC: &str = "/etc/systemd/system/rke2-server.service";
const RUN: &str = "/run/systemd/system/rke2-server.service";

fn args(unit: &UnitDefinition) -> Vec<String> {
    let start = unit.command().unwrap();
    let words = std::iter::once(&start.program).chain(&start.args);
    words
        .map(|word| format!("{} {}", word.source.as_ref().unwrap(), word.text))
        .collect()
}

fn environment(unit: &UnitDefinition) -> Vec<String> {
    let start = unit.command().unwrap();
    start
        .environment
        .iter()
        .map(|v| format!("{} {}={}", v.source.as_ref().unwrap(), v.name, v.value))
        .collect()
}

fn problems(unit: &UnitDefinition) -> Vec<String> {
    unit.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_tarball_below_usr_local() {
    let dir = "/usr/local/lib/systemd/system";
    let fragment = format!("{dir}/{SERVER}");
    let host = Host::new()
        .file(&fragment, rke2("server", "/usr/local"))
        .file(
            &format!("{dir}/rke2-agent.service"),
            rke2("agent", "/usr/local"),
        )
        .file(&format!("{dir}/rke2-server.env"), "HOME=/root\n")
        .link(
            &format!("/etc/systemd/system/multi-user.target.wants/{SERVER}"),
            &fragment,
        );
    let server = host.find(SERVER);
    assert_eq!(server.load, Load::Loaded);
    assert_eq!(server.knowledge, Knowledge::Files);
    assert_eq!(server.fragment, Some(Source::file(&fragment)));
    assert_eq!(server.enabled, Enablement::Enabled);
    assert_eq!(
        args(&server),
        [
            format!("{fragment}:21 /usr/local/bin/rke2"),
            format!("{fragment}:21 server")
        ]
    );
    assert_eq!(
        environment(&server),
        [format!("{dir}/rke2-server.env:1 HOME=/root")]
    );
    assert_eq!(problems(&server), [""; 0]);
    let agent = host.find("rke2-agent.service");
    assert_eq!(agent.enabled, Enablement::Disabled);
    assert_eq!(agent.command().unwrap().args[0].text, "agent");
    assert!(agent.command().unwrap().environment.is_empty());
}

#[test]
fn the_tarball_below_opt_with_its_units_moved() {
    let vars = "/opt/rke2/lib/systemd/system/rke2-server.env";
    let host = Host::new()
        .file(ETC, rke2("server", "/opt/rke2"))
        .file(vars, "HOME=/root\nRKE2_CIS_PROFILE=cis\n")
        .file("/etc/default/rke2-server", "RKE2_CIS_PROFILE=etcd\n");
    let server = host.find(SERVER);
    assert_eq!(server.enabled, Enablement::Disabled);
    assert_eq!(server.command().unwrap().program.text, "/opt/rke2/bin/rke2");
    assert_eq!(
        environment(&server),
        [
            format!("{vars}:2 RKE2_CIS_PROFILE=cis"),
            format!("{vars}:1 HOME=/root")
        ]
    );
}

#[test]
fn the_rpm_with_drop_ins_from_everywhere() {
    let host = Host::new()
        .file(VENDOR, rke2("server", "/usr"))
        .file(
            "/etc/sysconfig/rke2-server",
            "HOME=/root\nRKE2_SELINUX=true\n",
        )
        .file(
            &format!("{VENDOR}.d/50-x.conf"),
            "[Service]\nEnvironment=X=vendor\n",
        )
        .file(
            "/etc/systemd/system/rke2-.service.d/50-x.conf",
            "[Service]\nEnvironment=X=prefix\n",
        )
        .file(
            &format!("{RUN}.d/90-exec.conf"),
            "[Service]\nExecStart=\nExecStart=/usr/bin/rke2 server --profile=cis\n",
        )
        .file(
            "/etc/systemd/system/service.d/10-all.conf",
            "[Service]\nEnvironment=X=all Y=all\n",
        )
        .link(&format!("{ETC}.d/20-off.conf"), "/dev/null")
        .file(
            &format!("{VENDOR}.d/20-off.conf"),
            "[Service]\nEnvironment=OFF=1\n",
        )
        .file(&format!("{ETC}.d/README"), "[Service]\nEnvironment=R=1\n")
        .file(&format!("{ETC}.d/.x.conf"), "[Service]\nEnvironment=R=1\n")
        .file(
            "/etc/systemd/system.conf.d/env.conf",
            "[Manager]\nDefaultEnvironment=Z=manager Y=manager\n",
        )
        .file(
            "/proc/cmdline",
            "quiet systemd.setenv=Z=kernel root=/dev/sda\n",
        );
    let server = host.find(SERVER);
    assert_eq!(
        server.drop_ins,
        [
            "/etc/systemd/system/service.d/10-all.conf",
            "/etc/systemd/system/rke2-server.service.d/20-off.conf",
            "/etc/systemd/system/rke2-.service.d/50-x.conf",
            "/run/systemd/system/rke2-server.service.d/90-exec.conf",
        ]
    );
    assert_eq!(
        args(&server),
        ["/usr/bin/rke2", "server", "--profile=cis"]
            .map(|word| format!("{RUN}.d/90-exec.conf:3 {word}"))
    );
    assert_eq!(
        environment(&server),
        [
            "/proc/cmdline:1 Z=kernel",
            "/etc/systemd/system/service.d/10-all.conf:2 Y=all",
            "/etc/systemd/system/rke2-.service.d/50-x.conf:2 X=prefix",
            "/etc/sysconfig/rke2-server:1 HOME=/root",
            "/etc/sysconfig/rke2-server:2 RKE2_SELINUX=true",
        ]
    );
    let environment = server.command().unwrap().environment;
    let origins: Vec<VariableOrigin> = environment.iter().map(|v| v.origin).collect();
    assert_eq!(
        origins,
        [
            VariableOrigin::Manager,
            VariableOrigin::Unit,
            VariableOrigin::Unit,
            VariableOrigin::File,
            VariableOrigin::File
        ]
    );
}

/// Hosts, each with whether its unit is loaded and enabled.
fn are_found_as<const N: usize>(cases: [(Host, &str); N]) {
    for (index, (host, expected)) in cases.into_iter().enumerate() {
        let unit = host.find(SERVER);
        let state = format!("{} {}", unit.load.as_str(), unit.enabled.as_str());
        assert_eq!(state, expected, "case {index}");
    }
}

#[test]
fn masked_linked_and_missing() {
    let unit = rke2("server", "/usr");
    let host = || Host::new().file(VENDOR, &unit);
    let wants = |dir: &str| format!("{dir}/multi-user.target.wants/{SERVER}");
    let cases = [
        (host().link(ETC, "/dev/null"), "masked masked"),
        (host().file(ETC, ""), "masked masked"),
        (host().file(RUN, ""), "masked masked-runtime"),
        (host().link(ETC, VENDOR), "loaded bad"),
        (
            host().link(ETC, "../../../usr/lib/systemd/system/rke2-server.service"),
            "loaded bad",
        ),
        (
            Host::new()
                .file("/srv/u.service", &unit)
                .link(ETC, "/srv/u.service"),
            "loaded linked",
        ),
        (
            Host::new().link(ETC, "/srv/none.service"),
            "not-found not-found",
        ),
        (Host::new(), "not-found not-found"),
        (
            Host::new()
                .link(ETC, "a.service")
                .link("/etc/systemd/system/a.service", SERVER),
            "not-found not-found",
        ),
        (
            host().link(&wants("/run/systemd/system"), VENDOR),
            "loaded enabled-runtime",
        ),
        (
            host().link(&wants("/usr/local/lib/systemd/system"), VENDOR),
            "loaded disabled",
        ),
        (
            host().link(&wants("/etc/systemd/system"), VENDOR),
            "loaded enabled",
        ),
        (
            host().file(&wants("/etc/systemd/system"), ""),
            "loaded disabled",
        ),
        (
            Host::new().file(VENDOR, "[Service]\nExecStart=/bin/a\n"),
            "loaded static",
        ),
        (
            Host::new().file("/run/systemd/generator/rke2-server.service", &unit),
            "loaded generated",
        ),
        (Host::new().file(&format!("{VENDOR}/x"), ""), "error bad"),
        (
            Host::new()
                .file("/srv/u.service", &unit)
                .link(RUN, "/srv/u.service"),
            "loaded linked-runtime",
        ),
        (
            Host::new().file("/srv/u.service", &unit).link(
                "/usr/local/lib/systemd/system/rke2-server.service",
                "/srv/u.service",
            ),
            "loaded disabled",
        ),
        (
            Host::new().file(
                VENDOR,
                "[Service]\nExecStart=/bin/a\n[Install]\nAlso=a.service\n",
            ),
            "loaded indirect",
        ),
    ];
    are_found_as(cases);
}

#[test]
fn links_are_aliases_only_where_systemd_accepts_them() {
    let unit = rke2("server", "/usr");
    let host = || Host::new().file(VENDOR, &unit);
    let cases = [
        // A link to a unit of another kind, or to a template, is no other name.
        (
            host().link(ETC, "/usr/lib/systemd/system/rke2-server.socket"),
            "loaded disabled",
        ),
        (
            host().link(ETC, "/usr/lib/systemd/system/rke2@.service"),
            "loaded disabled",
        ),
        // A name that the unit claims and another unit has.
        (
            Host::new()
                .file(
                    VENDOR,
                    "[Service]\nExecStart=/bin/a\n[Install]\nAlias=kube.service\n",
                )
                .file("/etc/systemd/system/kube.service", &unit),
            "loaded disabled",
        ),
        // `/lib` is `/usr/lib`, or a separate directory.
        (host().link("/lib", "usr/lib"), "loaded disabled"),
        (
            Host::new().file("/lib/systemd/system/rke2-server.service", &unit),
            "loaded disabled",
        ),
    ];
    are_found_as(cases);
}

#[test]
fn another_name_brings_its_drop_ins() {
    let host = Host::new()
        .file(
            VENDOR,
            "[Service]\nExecStart=/bin/a\n[Install]\nAlias=kube.service\n",
        )
        .link("/etc/systemd/system/kube.service", VENDOR)
        .file(
            "/etc/systemd/system/kube.service.d/a.conf",
            "[Service]\nEnvironment=A=%n\n",
        );
    for name in [SERVER, "kube.service"] {
        let unit = host.find(name);
        assert_eq!(unit.name, SERVER);
        assert_eq!(unit.drop_ins, ["/etc/systemd/system/kube.service.d/a.conf"]);
        assert_eq!(unit.environment[0].value, SERVER);
        assert_eq!(unit.enabled, Enablement::Enabled);
    }
}

#[test]
fn environment_files_by_wildcard_and_their_faults() {
    let host = Host::new()
        .file(
            VENDOR,
            "[Service]
ExecStart=/bin/a
EnvironmentFile=/etc/rke2.d/*.env
EnvironmentFile=-/etc/none/*
EnvironmentFile=/etc/needed
EnvironmentFile=-/etc/bad
EnvironmentFile=/etc/no[n]e
",
        )
        .file("/etc/rke2.d/2.env", "A=2\n")
        .file("/etc/rke2.d/1.env", "A=1\nB=1\n")
        .file("/etc/rke2.d/3.txt", "A=3\n")
        .file("/etc/bad", b"A=secret\nB=\xff\n");
    let unit = host.find(SERVER);
    assert_eq!(
        environment(&unit),
        ["/etc/rke2.d/2.env:1 A=2", "/etc/rke2.d/1.env:2 B=1"]
    );
    let needed = "has no \"-\" before it, so the unit cannot start without it";
    assert_eq!(
        problems(&unit),
        [
            format!(
                "{VENDOR}:5: EnvironmentFile=/etc/needed {needed}: open /etc/needed: no such file or directory"
            ),
            format!(
                "{VENDOR}:6: /etc/bad:2: not UTF-8, so systemd refuses the whole file; the unit starts without it"
            ),
            format!("{VENDOR}:7: EnvironmentFile=/etc/no[n]e {needed}: no such file"),
        ]
    );
}

#[test]
fn the_host_fills_in_its_specifiers() {
    let host = Host::new()
        .file(
            VENDOR,
            "[Service]\nExecStart=/bin/rke2 server --node-name=%l %H %m %b %v %y %o\n",
        )
        .file("/proc/sys/kernel/hostname", "node1.example.org\n")
        .file("/etc/machine-id", "0123\n")
        .file("/proc/sys/kernel/random/boot_id", "ab-cd\n");
    let unit = host.find(SERVER);
    let start = unit.command().unwrap();
    let words: Vec<&str> = start.args.iter().map(|word| word.text.as_str()).collect();
    let expected = "server --node-name=node1 node1.example.org 0123 abcd %v";
    assert_eq!(words.join(" "), format!("{expected} {VENDOR} %o"));
    assert_eq!(unit.problems.len(), 2);
}

#[test]
fn either_name_of_the_host_is_looked_up() {
    for (word, expected) in [("%H", "node1.example.org"), ("%l", "node1"), ("%%H", "%H")] {
        let host = Host::new()
            .file(VENDOR, format!("[Service]\nExecStart=/bin/a {word}\n"))
            .file("/etc/hostname", "node1.example.org\n");
        let unit = host.find(SERVER);
        assert_eq!(unit.command().unwrap().args[0].text, expected, "{word}");
    }
}

/// What systemd would say of the same unit.
fn live() -> LiveUnit {
    let optional = |path: &str| (path.to_owned(), true);
    LiveUnit {
        id: SERVER.to_owned(),
        load_state: "loaded".to_owned(),
        unit_file_state: "disabled".to_owned(),
        fragment_path: format!("/lib/systemd/system/{SERVER}"),
        exec_start: vec![LiveCommand {
            path: "/usr/bin/rke2".to_owned(),
            argv: vec!["/usr/bin/rke2".to_owned(), "server".to_owned()],
            ..LiveCommand::default()
        }],
        auxiliary: ["br_netfilter", "overlay"]
            .map(|module| {
                let command = LiveCommand {
                    path: "/sbin/modprobe".to_owned(),
                    argv: vec!["/sbin/modprobe".to_owned(), module.to_owned()],
                    ignore_failure: true,
                    ..LiveCommand::default()
                };
                ("ExecStartPre", command)
            })
            .to_vec(),
        environment_files: vec![
            optional("/etc/default/rke2-server"),
            optional("/etc/sysconfig/rke2-server"),
            optional("/usr/lib/systemd/system/rke2-server.env"),
        ],
        manager_environment: vec!["PATH=/bin".to_owned()],
        systemd_version: "252.39-1".to_owned(),
        ..LiveUnit::default()
    }
}

#[test]
fn systemd_and_the_files_agree() {
    let host = Host::new()
        .file(VENDOR, rke2("server", "/usr"))
        .file("/etc/sysconfig/rke2-server", "HOME=/root\n# old \\\nA=1\n");
    let offline = host.find(SERVER);
    let loaded = units::complete(&host.root(), &live(), &offline);
    assert_eq!(differences(&offline, &loaded), [""; 0]);
    assert_eq!(loaded.knowledge, Knowledge::Bus);
    assert_eq!(args(&loaded)[1], args(&offline)[1]);
    // systemd 252 takes the line after the comment for a comment; the files do not show which.
    assert_eq!(problems(&loaded), [""; 0]);
    assert_eq!(offline.problems.len(), 1);
    let names = |unit: &UnitDefinition| {
        let environment = unit.command().unwrap().environment;
        environment.into_iter().map(|v| v.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&loaded), ["PATH", "HOME"]);
    assert_eq!(names(&offline), ["HOME", "A"]);
}

#[test]
fn systemds_values_win_over_the_files() {
    let host = Host::new().file(VENDOR, rke2("server", "/usr")).file(
        &format!("{ETC}.d/a.conf"),
        "[Service]\nEnvironment=RKE2_TOKEN=secret A=1\n",
    );
    let offline = host.find(SERVER);
    let mut systemd = live();
    systemd.need_daemon_reload = true;
    systemd.exec_start[0].argv.push("--token=secret".to_owned());
    systemd.environment = vec!["A=2".to_owned(), "B=3".to_owned()];
    systemd.environment_files.pop();
    let loaded = units::complete(&host.root(), &systemd, &offline);
    // A word that is in no file has the position of the unit.
    assert_eq!(
        args(&loaded)[2],
        format!("/lib/systemd/system/{SERVER} --token=secret")
    );
    let files = "-/etc/default/rke2-server -/etc/sysconfig/rke2-server";
    assert_eq!(
        differences(&offline, &loaded),
        [
            format!("drop-ins: the files say \"{ETC}.d/a.conf\", systemd says \"\""),
            format!(
                "EnvironmentFile=: the files say \"{files} -/usr/lib/systemd/system/rke2-server.env\", systemd says \"{files}\""
            ),
            format!("{VENDOR}:21: ExecStart= differs from word 2 on in systemd"),
            "Environment=A has another value in systemd".to_owned(),
            "Environment=B is in systemd only".to_owned(),
            "Environment=RKE2_TOKEN is in the files only".to_owned(),
        ]
    );
}

#[test]
fn the_loaded_unit_counts_not_the_changed_files() {
    let all = |unit: &UnitDefinition| -> Vec<String> {
        unit.influences().iter().map(ToString::to_string).collect()
    };
    let drop_in = format!("{ETC}.d/a.conf");
    let host = Host::new().file(VENDOR, rke2("server", "/usr")).file(
        &drop_in,
        "[Service]\nUser=rke2\nRootDirectory=/srv\nHostView=1\nExecStartPre=/srv/prep\n\
         WorkingDirectory=-/srv\nExecSearchPath=/srv/bin\n",
    );
    let offline = host.find(SERVER);
    let ends = |texts: Vec<String>| -> Vec<String> {
        let first = |text: &String| text.split_once('=').unwrap().0.to_owned();
        texts.iter().map(first).collect()
    };
    assert_eq!(
        ends(all(&offline)),
        [
            format!("{drop_in}:3: RootDirectory"),
            format!("{drop_in}:2: User"),
            format!("{drop_in}:4: HostView"),
        ]
    );
    assert_eq!(offline.search_path, ["/srv/bin"]);
    assert_eq!(offline.working_directory, "!/srv");
    assert_eq!(offline.auxiliary.len(), 3);
    // The loaded unit has neither a root directory nor a user, but PAM. systemd reports nothing of a
    // directive that only a newer release may know.
    let mut systemd = live();
    systemd.need_daemon_reload = true;
    systemd.influences = vec![("PAMName", Extent::All)];
    let loaded = units::complete(&host.root(), &systemd, &offline);
    assert_eq!(
        ends(all(&loaded)),
        [
            format!("/lib/systemd/system/{SERVER}: PAMName"),
            format!("{drop_in}:4: HostView"),
        ]
    );
    assert_eq!(
        (loaded.auxiliary.len(), loaded.working_directory.as_str()),
        (2, "")
    );
    let differ = differences(&offline, &loaded);
    for text in [
        "ExecStartPre=: 3 in the files, 2 in systemd",
        "ExecSearchPath=: the files say \"/srv/bin\", systemd says \"\"",
        "WorkingDirectory=: the files say \"!/srv\", systemd says \"\"",
        "PAMName= is set in systemd only",
        "RootDirectory= is set in the files only",
        "User= is set in the files only",
    ] {
        assert!(
            differ.iter().any(|line| line == text),
            "{text}: {differ:#?}"
        );
    }
    // For directives that this release does not report, the files count.
    systemd.unreported = vec!["User"];
    let loaded = units::complete(&host.root(), &systemd, &offline);
    assert!(
        all(&loaded).contains(&all(&offline)[1]),
        "{:?}",
        all(&loaded)
    );
    // Where both agree, positions come from the files.
    systemd.influences = vec![("RootDirectory", Extent::All), ("User", Extent::All)];
    let loaded = units::complete(&host.root(), &systemd, &offline);
    assert_eq!(all(&loaded), all(&offline));
}

#[test]
fn unknown_influences_are_reported() {
    let drop_in = format!("{ETC}.d/a.conf");
    for (lines, expected) in [
        ("Environment=A=b", None),
        ("Environment=A=%n", None),
        ("ExecStart=\nExecStart=/usr/bin/rke2 server $A ${B}", None),
        (
            "Environment=HOME=/srv\nExecStart=\nExecStart=/usr/bin/rke2 ${HOME}",
            None,
        ),
        ("PassEnvironment=A", None),
        ("ExecStart=\nExecStart=:/usr/bin/rke2 $HOME", None),
        ("ExecStart=\nExecStart=/usr/bin/rke2 $$HOME", None),
        (
            "ExecStart=\nExecStart=/usr/bin/rke2 x${HOME}",
            Some("uses $HOME"),
        ),
        (
            "ExecStart=\nExecStart=/usr/bin/rke2 $LOGS_DIRECTORY",
            Some("uses $LOGS_DIRECTORY"),
        ),
        (
            "PassEnvironment=A\nExecStart=\nExecStart=/usr/bin/rke2 $A",
            Some("uses $A"),
        ),
        (
            "PassEnvironment=A\nEnvironment=A=b\nExecStart=\nExecStart=/usr/bin/rke2 $A",
            None,
        ),
        ("Environment=A=%q", Some("Environment= uses %q")),
        (
            "WorkingDirectory=/srv/%q",
            Some("WorkingDirectory= uses %q"),
        ),
        (
            "ExecStart=\nExecStart=|rke2 server",
            Some("runs the command in a shell"),
        ),
        (
            "Type=oneshot\nRestart=no\nExecStart=/usr/bin/rke2 server",
            Some("more than one ExecStart="),
        ),
        ("EnvironmentFile=-/etc/comment", Some("before 254 reads it")),
        (
            "EnvironmentFile=-/etc/fifo",
            Some("not a regular file but a FIFO"),
        ),
        ("EnvironmentFile=-/etc/none", None),
    ] {
        let host = Host::new()
            .file(VENDOR, rke2("server", "/usr"))
            .file("/etc/comment", "# a \\\nA=b\n")
            .file(&drop_in, format!("[Service]\n{lines}\n"));
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
        nix::unistd::mkfifo(&host.path("/etc/fifo"), mode).unwrap();
        let found = host.find(SERVER);
        let found: Vec<String> = found.influences().iter().map(ToString::to_string).collect();
        match (expected, found.as_slice()) {
            (None, []) => {}
            (Some(part), [only]) => assert!(only.contains(part), "{lines}: {only}"),
            _ => panic!("{lines}: {found:?}"),
        }
    }
    // Commands that run after RKE2 is ready change nothing that it has read.
    for (kind, known) in [
        ("Type=notify", 2),
        ("Type=notify-reload", 2),
        ("Type=exec", 3),
        ("Type=simple", 3),
        ("Type=idle", 3),
        ("Type=forking", 2),
    ] {
        let host = Host::new().file(VENDOR, rke2("server", "/usr")).file(
            &drop_in,
            format!("[Service]\n{kind}\nExecStartPost=/srv/x\n"),
        );
        assert_eq!(host.find(SERVER).auxiliary.len(), known, "{kind}");
    }
}

#[test]
fn hostile_hosts_are_survived() {
    let host = Host::new()
        .file(VENDOR, rke2("server", "/usr"))
        .link("/etc/default/rke2-server", "rke2-server")
        .file("/etc/sysconfig/rke2-server/not-a-file", "")
        .file(&format!("{ETC}.d"), "not a directory")
        .link(&format!("{RUN}.d/x.conf"), "/nowhere");
    let fifo = format!("{RUN}.d/y.conf");
    let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
    nix::unistd::mkfifo(&host.path(&fifo), mode).unwrap();
    let found = host.find(SERVER);
    assert_eq!(found.load, Load::Loaded);
    assert_eq!(
        problems(&found),
        [
            format!("{fifo}: not a regular file but a FIFO"),
            format!(
                "{VENDOR}:11: open /etc/default/rke2-server: too many levels of symbolic links; the unit starts without it"
            ),
            format!(
                "{VENDOR}:12: read /etc/sysconfig/rke2-server: is a directory; the unit starts without it"
            ),
        ]
    );
}
