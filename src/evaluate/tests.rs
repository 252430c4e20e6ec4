//! Settings and facts in, findings out, as the two stages make them together.

use super::*;
use crate::facts::{
    AccountRow, Cgroup, KernelFact, Lookup, NextBoot, NextBootCause, Operation, ReadError, Reading,
    RejectReason, Rejected, RemedyFacts, Source, Table, WriteAccess,
};
use crate::finding::{Effect, Remedy, Stage};
use crate::requirements;
use crate::rke2::kernel::KERNEL_PARAMETERS;
use crate::rke2::role::Role;
use crate::rke2::start::{Advice, Provenance, Sourced, StartFailure, StartSettings, Unknown};
use crate::rke2::version::Version;

/// Set on a line of a file.
fn set<T>(value: T, line: u32) -> Sourced<T> {
    Sourced {
        value,
        origin: Provenance {
            label: String::new(),
            source: Some(Source::line("/c", line)),
            setting: Some(crate::rke2::config::SettingOrigin::File {
                path: "/c".to_owned(),
                line,
            }),
        },
    }
}

fn settings(minor: u32, role: Role, profile: &str) -> StartSettings {
    let mut settings = StartSettings::unconfigured(Version::new(minor, 3, 1), role);
    if !profile.is_empty() {
        settings.profile = set(profile.to_owned(), 1);
    }
    settings
}

fn found(line: u32, id: i64, gid: i64) -> Lookup {
    Lookup::Found { line, id, gid }
}

fn missing() -> Lookup {
    Lookup::Unknown {
        rejected: Vec::new(),
    }
}

/// A host that meets every requirement.
fn facts() -> HostFacts {
    let kernel = KERNEL_PARAMETERS.map(|parameter| KernelFact {
        live: Reading::Known(Ok(format!("{}\n", parameter.required).into_bytes())),
        write: WriteAccess::Allowed,
        next_boot: Reading::Known(NextBoot {
            cause: NextBootCause::File(parameter.required.to_string()),
            number: Some(parameter.required),
            evidence: Vec::new(),
            notes: Vec::new(),
            persistence: None,
        }),
    });
    HostFacts {
        kernel: kernel.to_vec(),
        user: Some(Ok(found(3, 5, 6))),
        group: Some(Ok(found(4, 6, 0))),
        account_elsewhere: Vec::new(),
        remedy: RemedyFacts::default(),
        cgroup: Reading::Known(Cgroup::V2),
        subordinate_ids: None,
        systemd: None,
        image: false,
    }
}

fn findings(settings: &StartSettings, facts: &HostFacts) -> Vec<Finding> {
    evaluate(&requirements::of(settings), facts)
}

/// The finding of that id.
fn one(settings: &StartSettings, facts: &HostFacts, id: CheckId) -> Finding {
    let all = findings(settings, facts);
    let of_id = all.into_iter().find(|finding| finding.id() == id);
    of_id.unwrap_or_else(|| panic!("no {id}"))
}

fn remedies(finding: &Finding) -> Vec<String> {
    let all = finding.remedies().iter();
    all.map(|r| [&[r.summary()][..], &r.commands()].concat().join(": "))
        .collect()
}

const USER: CheckId = CheckId::AccountEtcdUser;
const GROUP: CheckId = CheckId::AccountEtcdGroup;

#[test]
fn each_role_and_release_is_held_to_its_own() {
    const RKE2: [CheckId; 4] = [
        CheckId::SysctlOvercommitMemory,
        CheckId::SysctlPanicOnOom,
        CheckId::SysctlPanic,
        CheckId::SysctlPanicOnOops,
    ];
    const KUBELET: [CheckId; 2] = [CheckId::SysctlRootMaxkeys, CheckId::SysctlRootMaxbytes];
    const PKD: CheckId = CheckId::ProfileProtectKernelDefaults;
    const PROFILE: CheckId = CheckId::ProfileValue;
    const CGROUP: CheckId = CheckId::CgroupV1;
    let cis = [&[PROFILE][..], &RKE2, &KUBELET, &[PKD]].concat();
    let with = |more: &[CheckId]| [&cis[..], more].concat();
    for (minor, role, profile, held) in [
        (36, Role::Server, "cis", with(&[USER, GROUP, CGROUP])),
        (36, Role::Agent, "cis", with(&[CGROUP])),
        (34, Role::Agent, "cis", with(&[])),
        (36, Role::Server, "etcd", vec![PROFILE, USER, GROUP, CGROUP]),
        (36, Role::Server, "", vec![CGROUP]),
        (30, Role::Server, "", vec![]),
        (36, Role::Server, "no", vec![PROFILE, CGROUP]),
    ] {
        let settings = settings(minor, role, profile);
        let all = requirements::of(&settings);
        // Of subordinate ids there is a finding only where they are refused.
        let applying = all.iter().filter(|requirement| {
            requirement.applies && requirement.id != CheckId::KubeletSubordinateIds
        });
        let ids: Vec<CheckId> = applying.map(|requirement| requirement.id).collect();
        assert_eq!(ids, held, "1.{minor} {role} {profile}");
        let asked = all.iter().any(|requirement| requirement.id == CGROUP);
        assert_eq!(asked, minor >= 31);
        // Findings follow them, one each.
        let findings = findings(&settings, &facts());
        assert_eq!(findings.len(), all.len());
        for (finding, requirement) in findings.iter().zip(&all) {
            let applies = finding.outcome() != Outcome::NotApplicable;
            if finding.id() != CheckId::KubeletSubordinateIds {
                assert_eq!(applies, requirement.applies, "{}", finding.id());
            }
        }
    }
    let mut without_kubelet = settings(36, Role::Server, "cis");
    without_kubelet.kubelet_runs = false;
    let keys = one(&without_kubelet, &facts(), CheckId::SysctlRootMaxkeys);
    assert_eq!(keys.outcome(), Outcome::NotApplicable);
    let cgroup = one(&without_kubelet, &facts(), CheckId::CgroupV1);
    assert_eq!(cgroup.outcome(), Outcome::NotApplicable);
}

#[test]
fn a_kernel_parameter_is_required_by_what_makes_it_so() {
    let because = |change: fn(&mut StartSettings), profile: &str| {
        let mut settings = settings(36, Role::Agent, profile);
        change(&mut settings);
        let all = requirements::of(&settings);
        let keys = all
            .into_iter()
            .find(|r| r.id == CheckId::SysctlRootMaxkeys)
            .unwrap();
        (keys.applies, keys.because.words)
    };
    let profile = "profile cis (/c:1)".to_owned();
    let flag = "protect-kernel-defaults (/c:2)".to_owned();
    assert_eq!(because(|_| {}, "cis"), (true, profile.clone()));
    assert_eq!(
        because(|s| s.kubelet_protect = Some(set(true, 1)), "cis"),
        (true, profile)
    );
    assert_eq!(
        because(|s| s.kubelet_protect = Some(set(true, 2)), "cis"),
        (true, flag.clone())
    );
    assert_eq!(
        because(|s| s.kubelet_protect = Some(set(false, 2)), "cis"),
        (false, flag.clone())
    );
    assert_eq!(
        because(|s| s.protect_kernel_defaults = Some(set(true, 2)), ""),
        (true, flag)
    );
    let none = "no profile".to_owned();
    assert_eq!(
        because(|s| s.protect_kernel_defaults = Some(set(false, 2)), ""),
        (false, none)
    );
}

#[test]
fn a_missing_account_is_created_by_what_fits_the_rest() {
    let settings = settings(36, Role::Server, "cis");
    let report = |user: Lookup, group: Lookup, id: CheckId| {
        let facts = HostFacts {
            user: Some(Ok(user)),
            group: Some(Ok(group)),
            ..facts()
        };
        let finding = one(&settings, &facts, id);
        assert_eq!(finding.outcome(), Outcome::Violated);
        let lines = finding.predictions().iter().map(|p| p.line.clone());
        (lines.collect::<Vec<_>>(), remedies(&finding))
    };
    for (user, group, id, line, remedy) in [
        (
            missing(),
            missing(),
            USER,
            "missing required: user: unknown user etcd",
            "create the user and the group etcd: groupadd -r etcd: \
             useradd -r -M -s /sbin/nologin -c 'etcd user' -g etcd etcd",
        ),
        (
            missing(),
            missing(),
            GROUP,
            "missing required: group: unknown group etcd",
            "created by the `groupadd` command above",
        ),
        (
            missing(),
            found(1, 6, 0),
            USER,
            "missing required: user: unknown user etcd",
            "create the user etcd: \
             useradd -r -M -s /sbin/nologin -c 'etcd user' -g etcd etcd",
        ),
        (
            found(1, 5, 6),
            missing(),
            GROUP,
            "missing required: group: unknown group etcd",
            "create the group etcd: groupadd -r -g 6 etcd",
        ),
        (
            Lookup::TooLong { line: 2 },
            found(1, 6, 0),
            USER,
            "missing required: bufio.Scanner: token too long",
            "fix or remove that line of /etc/passwd",
        ),
    ] {
        assert_eq!(
            report(user, group, id),
            (vec![line.to_owned()], vec![remedy.to_owned()])
        );
    }
    let elsewhere = HostFacts {
        user: Some(Ok(missing())),
        account_elsewhere: vec![AccountRow {
            table: Table::Passwd,
            source: Source::line("/usr/lib/passwd", 2),
            row: "etcd:x:5:6::/:/x".to_owned(),
        }],
        ..facts()
    };
    let finding = one(&settings, &elsewhere, USER);
    assert_eq!(
        remedies(&finding),
        [
            "copy the row of the user etcd from /usr/lib/passwd:2 to /etc/passwd: \
          printf '%s\\n' etcd:x:5:6::/:/x >> /etc/passwd"
        ]
    );
    assert_eq!(
        finding.notes(),
        [
            "required by RKE2: profile cis (/c:1)",
            "/usr/lib/passwd:2 has it, but RKE2 reads only /etc/passwd",
        ]
    );
}

#[test]
fn rows_that_rke2_skips_are_reported_with_the_reason() {
    let why = |why: RejectReason| {
        let rejected = vec![Rejected { line: 7, why }];
        let facts = HostFacts {
            user: Some(Ok(Lookup::Unknown { rejected })),
            ..facts()
        };
        let finding = one(&settings(36, Role::Server, "cis"), &facts, USER);
        assert_eq!(
            remedies(&finding),
            ["fix or remove that line of /etc/passwd"]
        );
        finding.notes()[1].clone()
    };
    let skipped = "/etc/passwd:7 has a row for it that RKE2 skips: ";
    for (reason, words) in [
        (
            RejectReason::Fields {
                found: 3,
                needed: 7,
            },
            "3 fields where 7 are needed",
        ),
        (
            RejectReason::Number {
                text: "\"a\"".into(),
            },
            "\"a\" is not a number",
        ),
        (
            RejectReason::ByteOrderMark,
            "a byte order mark precedes the name",
        ),
    ] {
        assert_eq!(why(reason), format!("{skipped}{words}"));
    }
}

#[test]
fn an_account_file_that_cannot_be_read_is_a_reason_only_where_rke2_fails_too() {
    let read = |errno| {
        let error = ReadError::Os {
            operation: Operation::Open,
            path: "/etc/passwd".to_owned(),
            errno,
        };
        let facts = HostFacts {
            user: Some(Err(error)),
            ..facts()
        };
        one(&settings(36, Role::Server, "cis"), &facts, USER)
    };
    let gone = read(nix::libc::ENOENT);
    assert_eq!(gone.outcome(), Outcome::Violated);
    assert_eq!(remedies(&gone), ["restore /etc/passwd"]);
    let denied = read(nix::libc::EACCES);
    assert_eq!(
        (denied.outcome(), denied.now(), denied.next_boot_outcome()),
        (
            Outcome::Indeterminate,
            Outcome::Indeterminate,
            Outcome::Indeterminate
        )
    );
    assert!(denied.predictions().is_empty());
    let unasked = HostFacts {
        user: None,
        ..facts()
    };
    let settings = settings(36, Role::Server, "cis");
    assert_eq!(
        one(&settings, &unasked, USER).outcome(),
        Outcome::Indeterminate
    );
}

#[test]
fn etcds_own_group_is_the_users_first() {
    let settings = settings(36, Role::Server, "cis");
    let group = |gid| {
        let facts = HostFacts {
            user: Some(Ok(found(3, 5, gid))),
            ..facts()
        };
        let all = findings(&settings, &facts);
        let of_group = all.into_iter();
        of_group
            .filter(|finding| finding.id() == CheckId::AccountEtcdPrimaryGroup)
            .map(|finding| finding.summary().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(group(6), [""; 0]);
    assert_eq!(
        group(100),
        ["the user etcd has primary group 100, not the group etcd (6)"]
    );
}

#[test]
fn a_profile_is_judged_by_this_release_and_by_the_newest() {
    let judged = |minor, profile: &str| {
        let settings = settings(minor, Role::Server, profile);
        let all = findings(&settings, &facts());
        let finding = all.iter().find(|f| f.subject() == "profile");
        let finding = finding.unwrap();
        let lines = finding.predictions().len();
        (finding.id(), finding.outcome(), lines, remedies(finding))
    };
    let value = || CheckId::ProfileValue;
    assert_eq!(
        judged(36, "cis"),
        (value(), Outcome::Satisfied, 0, Vec::new())
    );
    assert_eq!(
        judged(36, ""),
        (value(), Outcome::NotApplicable, 0, Vec::new())
    );
    for (minor, profile) in [(36, "cis-1.23"), (36, "CIS")] {
        assert_eq!(
            judged(minor, profile),
            (
                value(),
                Outcome::Violated,
                1,
                vec!["write `profile: cis` in /c:1".to_owned()]
            )
        );
    }
    for (minor, profile, remedy) in [
        (28, "cis-1.23", "write `profile: cis` in /c:1"),
        (
            24,
            "cis-1.6",
            "when upgrading to 1.25.15 or newer, write `profile: cis` in /c:1",
        ),
    ] {
        assert_eq!(
            judged(minor, profile),
            (
                CheckId::ProfileDeprecated,
                Outcome::Violated,
                0,
                vec![remedy.to_owned()]
            )
        );
    }
}

#[test]
fn a_profile_allows_no_flag_that_is_false() {
    let id = CheckId::ProfileProtectKernelDefaults;
    for (profile, flag, outcome, lines) in [
        (
            "cis",
            Some(false),
            Outcome::Violated,
            &["--protect-kernel-defaults must be true when using --profile=cis"][..],
        ),
        ("cis", Some(true), Outcome::Satisfied, &[]),
        ("cis", None, Outcome::Satisfied, &[]),
        ("", Some(false), Outcome::NotApplicable, &[]),
    ] {
        let mut settings = settings(36, Role::Server, profile);
        settings.protect_kernel_defaults = flag.map(|value| set(value, 2));
        let finding = one(&settings, &facts(), id);
        assert_eq!(finding.outcome(), outcome);
        let predicted: Vec<&str> = finding
            .predictions()
            .iter()
            .map(|p| p.line.as_str())
            .collect();
        assert_eq!(predicted, lines);
        let remedy = (outcome == Outcome::Violated)
            .then(|| "remove `protect-kernel-defaults` from /c:2".to_owned());
        assert_eq!(remedies(&finding), Vec::from_iter(remedy));
    }
}

#[test]
fn cgroup_v1_is_judged_where_the_kubelet_refuses_it() {
    use Outcome::{Indeterminate, NotApplicable, Satisfied, Violated};
    let unknown = || Reading::Unknown {
        why: "w".to_owned(),
    };
    for (minor, fails, cgroup, image, outcomes) in [
        (36, None, Reading::Known(Cgroup::V2), false, [Satisfied; 3]),
        (36, None, Reading::Known(Cgroup::V1), false, [Violated; 3]),
        (
            36,
            Some(false),
            Reading::Known(Cgroup::V1),
            false,
            [NotApplicable; 3],
        ),
        (
            34,
            None,
            Reading::Known(Cgroup::V1),
            false,
            [NotApplicable; 3],
        ),
        (
            34,
            Some(true),
            Reading::Known(Cgroup::V1),
            false,
            [Violated; 3],
        ),
        (36, None, unknown(), false, [Indeterminate; 3]),
        (
            36,
            None,
            unknown(),
            true,
            [NotApplicable, Indeterminate, NotApplicable],
        ),
    ] {
        let mut settings = settings(minor, Role::Server, "");
        settings.kubelet_fail_cgroup_v1 = fails.map(|value| set(value, 2));
        let facts = HostFacts {
            cgroup,
            image,
            ..facts()
        };
        let finding = one(&settings, &facts, CheckId::CgroupV1);
        let is = [
            finding.outcome(),
            finding.now(),
            finding.next_boot_outcome(),
        ];
        assert_eq!(is, outcomes, "1.{minor} {fails:?}");
        let maintenance = finding.predictions().iter();
        let maintenance = maintenance.filter(|p| p.line.ends_with("maintenance mode"));
        assert_eq!(
            maintenance.count(),
            usize::from(minor == 34 && fails == Some(true))
        );
    }
}

#[test]
fn what_the_configuration_decides_by_itself_comes_first() {
    let mut settings = settings(36, Role::Server, "cis");
    let fatal = |check, component, line| StartFailure {
        ground: crate::rke2::config::Ground::Settled,
        check,
        component,
        stage: match component {
            Component::Kubelet => Stage::KubeletConfiguration,
            _ => Stage::Configuration,
        },
        remedies: Vec::new(),
        message: "words".to_owned(),
        subject: "subject".to_owned(),
        source: line,
    };
    let at = Some(Source::line("/c", 3));
    settings.fatal = vec![
        fatal(CheckId::ConfigParse, Component::Rke2, at.clone()),
        fatal(CheckId::ConfigFlag, Component::Kubelet, None),
    ];
    settings.unknown = vec![Unknown {
        summary: "not known".to_owned(),
        source: at.clone(),
    }];
    settings.advice = vec![Advice {
        check: CheckId::ConfigIgnored,
        subject: "foo".to_owned(),
        summary: "is ignored".to_owned(),
        remedies: vec![Remedy::manual("remove it")],
        source: at,
    }];
    let all = findings(&settings, &facts());
    let texts = |finding: &Finding| (finding.summary().to_owned(), remedies(finding).join(""));
    assert_eq!(
        texts(&all[0]),
        (
            "/c:3: words".to_owned(),
            "fix /c:3: it must be YAML, indented with spaces, with `key: value` at the top level"
                .to_owned()
        )
    );
    assert_eq!(all[0].required_by(), [Component::Rke2]);
    assert_eq!(
        texts(&all[1]),
        (
            "words".to_owned(),
            "fix subject: the value must be of the flag's type; for a boolean flag, true or false \
             without quotes"
                .to_owned()
        )
    );
    assert_eq!(all[1].required_by(), [Component::Kubelet]);
    assert_eq!(all[2].id(), CheckId::ConfigUnreadable);
    assert_eq!(all[2].outcome(), Outcome::Indeterminate);
    assert_eq!(texts(&all[2]).0, "not known");
    let last = all.last().unwrap();
    assert_eq!(last.effect(), Effect::Advice);
    assert_eq!(
        texts(last),
        ("is ignored".to_owned(), "remove it".to_owned())
    );
    assert_eq!(names(&[]), "");
    assert_eq!(
        names(&[Component::Rke2, Component::Kubelet]),
        "RKE2 and the kubelet"
    );
}
