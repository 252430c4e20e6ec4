//! The table of flags by release: generated from `tests/cases/rke2-flags.json`, and compared with all of it.
//!
//! `tests/lab/flag-table` regenerates `src/rke2/table.rs` after the data has changed.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that reads the repository"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use preflight_rke2::testing::rke2::Role;
use preflight_rke2::testing::rke2::config::{
    Argument, ConfigFiles, IgnoredReason, Invocation, ParserRules, SettingValue, Variable, resolve,
};
use preflight_rke2::testing::rke2::version::Version;

/// The generated file.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rke2/table.rs");
/// With this variable the file is written, not compared.
const WRITE: &str = "PREFLIGHT_BLESS";

type Runs = Vec<(String, String)>;

#[derive(serde::Deserialize)]
struct Data {
    #[serde(rename = "about")]
    _about: String,
    releases: Vec<String>,
    /// Those whose sources were not read.
    extrapolated: Vec<String>,
    server: BTreeMap<String, BTreeMap<String, Runs>>,
    agent: BTreeMap<String, BTreeMap<String, Runs>>,
}

fn data() -> Data {
    serde_json::from_str(include_str!("cases/rke2-flags.json")).unwrap()
}

impl Data {
    fn position(&self, tag: &str) -> usize {
        let found = self.releases.iter().position(|release| release == tag);
        found.unwrap_or_else(|| panic!("{tag}"))
    }

    fn flags(&self, role: Role) -> &BTreeMap<String, BTreeMap<String, Runs>> {
        match role {
            Role::Server => &self.server,
            Role::Agent => &self.agent,
        }
    }

    /// The forms of a flag in one release, RKE2's own first.
    fn forms<'a>(&'a self, role: Role, flag: &str, at: usize) -> Vec<&'a str> {
        let Some(row) = self.flags(role).get(flag) else {
            return Vec::new();
        };
        let has = |runs: &Runs| {
            runs.iter()
                .any(|(first, last)| (self.position(first)..=self.position(last)).contains(&at))
        };
        row.iter()
            .filter(|(_, runs)| has(runs))
            .map(|(form, _)| form.as_str())
            .collect()
    }
}

/// `own:String hidden RKE2_A,RKE2_B`: the type, and the variables.
fn own(form: &str) -> Option<(&str, Vec<&str>)> {
    let mut words = form.strip_prefix("own:")?.split(' ');
    let kind = words.next().unwrap();
    let variables = words.find(|word| *word != "hidden").unwrap();
    Some((kind, variables.split(',').collect()))
}

fn rust(form: &str) -> String {
    match form {
        "shown" | "hidden" => "Form::Passed".to_owned(),
        "dropped" => "Form::Dropped".to_owned(),
        own_form => {
            let (kind, variables) = own(own_form).unwrap_or_else(|| panic!("{own_form}"));
            let kind = match kind {
                "String" => "Text",
                "StringSlice" => "List",
                "Bool" => "Bool",
                other => panic!("{other}"),
            };
            let list: Vec<String> = variables.iter().map(|name| format!("{name:?}")).collect();
            format!("Form::Own(FlagKind::{kind}, &[{}])", list.join(", "))
        }
    }
}

fn push_releases(out: &mut String, tags: &[String]) {
    for tag in tags {
        let version: Version = tag.parse().unwrap();
        let (minor, patch, revision) = (version.minor, version.patch, version.revision);
        writeln!(out, "    ({minor}, {patch}, {revision}),").unwrap();
    }
    out.push_str("];\n");
}

fn generated(data: &Data) -> String {
    let mut out = String::from(
        "//! Releases of RKE2, and the flags of each.\n//!\n\
         //! Made by `tests/lab/flag-table` from `tests/cases/rke2-flags.json`: change that.\n\n\
         use super::flag_history::{FlagKind, Form, Row, Run};\n\n\
         /// Every release that has rules, in the order of their numbers: minor, patch, revision.\n\
         #[rustfmt::skip]\n",
    );
    writeln!(
        out,
        "pub(super) const RELEASES: [(u32, u32, u32); {}] = [",
        data.releases.len()
    )
    .unwrap();
    push_releases(&mut out, &data.releases);
    writeln!(
        out,
        "\n/// Those of [`RELEASES`] whose sources were not read: their rules are extrapolated.\n\
         #[rustfmt::skip]\npub(super) const EXTRAPOLATED: [(u32, u32, u32); {}] = [",
        data.extrapolated.len()
    )
    .unwrap();
    push_releases(&mut out, &data.extrapolated);
    for role in Role::ALL {
        let name = role.as_str().to_ascii_uppercase();
        writeln!(
            out,
            "\n/// The flags of `rke2 {role}`, by name; runs are positions in [`RELEASES`], both ends included.\n\
             #[rustfmt::skip]\npub(super) const {name}: &[Row] = &["
        )
        .unwrap();
        for (flag, row) in data.flags(role) {
            // Passed on, shown or hidden, is the same to the parser.
            let mut runs: Vec<(String, usize, usize)> = Vec::new();
            for (form, pairs) in row {
                for (first, last) in pairs {
                    runs.push((rust(form), data.position(first), data.position(last)));
                }
            }
            let order = |form: &str| match form {
                "Form::Dropped" => 2,
                "Form::Passed" => 1,
                _ => 0,
            };
            runs.sort_by_key(|(form, first, _)| (order(form), *first));
            runs.dedup_by(|next, before| {
                let joins = next.0 == before.0 && next.1 == before.2 + 1;
                if joins {
                    before.2 = next.2;
                }
                joins
            });
            writeln!(out, "    Row {{ name: {flag:?}, runs: &[").unwrap();
            for (form, first, last) in runs {
                writeln!(
                    out,
                    "        Run {{ first: {first}, last: {last}, form: {form} }},"
                )
                .unwrap();
            }
            out.push_str("    ] },\n");
        }
        out.push_str("];\n");
    }
    out
}

#[test]
fn the_table_is_made_from_the_data() {
    let expected = generated(&data());
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(TABLE, &expected).unwrap();
    }
    let table = std::fs::read_to_string(TABLE).unwrap();
    assert!(
        table == expected,
        "{TABLE} is not what tests/lab/flag-table makes of tests/cases/rke2-flags.json"
    );
}

fn resolved(
    role: Role,
    tag: &str,
    words: &[&str],
    config: &str,
    env: Vec<Variable>,
) -> preflight_rke2::testing::rke2::config::Settings {
    let args = std::iter::once(role.as_str()).chain(words.iter().copied());
    let invocation = Invocation {
        args: args.map(Argument::new).collect(),
        env,
    };
    let files = ConfigFiles {
        main: Ok(config.as_bytes().to_vec()),
        ..ConfigFiles::none("/etc/rancher/rke2/config.yaml")
    };
    let rules = ParserRules::of(&tag.parse().unwrap());
    resolve(&invocation, &files, role, &rules)
}

fn is_defined(forms: &[&str]) -> bool {
    forms.iter().any(|form| *form != "dropped")
}

/// Every release, every flag: defined or not, and of RKE2's own the type and the variables.
#[test]
fn every_release_defines_the_flags_of_the_data() {
    let data = data();
    assert_eq!(data.releases.len(), 319);
    for (at, tag) in data.releases.iter().enumerate() {
        for role in Role::ALL {
            let mut variables: BTreeMap<&str, &str> = BTreeMap::new();
            for flag in data.flags(role).keys() {
                for form in data.forms(role, flag, at) {
                    for variable in own(form).map(|(_, all)| all).unwrap_or_default() {
                        variables.insert(variable, flag);
                    }
                }
            }
            let env = |(name, _): (&&str, &&str)| Variable::new(*name, "1");
            let settings = resolved(role, tag, &[], "", variables.iter().map(env).collect());
            assert_eq!(settings.fatal, None, "{tag} {role}");
            for flag in data.flags(role).keys() {
                let forms = data.forms(role, flag, at);
                let setting = settings.get(flag);
                assert_eq!(
                    setting.is_some(),
                    is_defined(&forms),
                    "{tag} {role} {flag} {forms:?}"
                );
                let own = forms.iter().find_map(|form| own(form));
                if let (Some(setting), Some((kind, own))) = (setting, own) {
                    let matches = match kind {
                        "String" => matches!(setting.value, SettingValue::Text(_)),
                        "StringSlice" => matches!(setting.value, SettingValue::List(_)),
                        _ => matches!(setting.value, SettingValue::Bool(true)),
                    };
                    assert!(matches, "{tag} {role} {flag} {setting:?}");
                    let source = setting.sources[0].to_string();
                    assert_eq!(source, format!("environment variable {}", own[0]), "{tag}");
                }
            }
            let known = |name: &str| is_defined(&data.forms(role, name, at));
            let values = settings.values.iter();
            let more: Vec<&str> = values.map(|s| s.name).filter(|name| !known(name)).collect();
            assert_eq!(more, Vec::<&str>::new(), "{tag} {role}");
        }
    }
}

/// At each change: on the command line a flag that is not defined ends RKE2, in a file its key is skipped, or
/// ends RKE2 too where the release does not skip.
#[test]
fn each_flag_is_refused_up_to_its_release_and_taken_from_there() {
    let data = data();
    let mut changes = 0;
    for role in Role::ALL {
        for (flag, row) in data.flags(role) {
            let ends = row
                .values()
                .flatten()
                .flat_map(|(first, last)| [data.position(first), data.position(last)]);
            let mut at: Vec<usize> = ends
                .flat_map(|at| [at.saturating_sub(1), at, at + 1])
                .filter(|at| *at < data.releases.len())
                .collect();
            at.sort_unstable();
            at.dedup();
            for at in at {
                let tag = &data.releases[at];
                let defined = is_defined(&data.forms(role, flag, at));
                let word = format!("--{flag}=1");
                let given = resolved(role, tag, &[&word], "", Vec::new());
                let undefined = format!("flag provided but not defined: -{flag}");
                let message = given.fatal.map(|fatal| fatal.message);
                let says = message.is_some_and(|message| message.ends_with(&undefined));
                assert_eq!(says, !defined, "{tag} {role} {flag}");

                let written = resolved(role, tag, &[], &format!("{flag}: 1\n"), Vec::new());
                let skipped = written
                    .ignored
                    .iter()
                    .any(|ignored| ignored.reason == IgnoredReason::UnknownFlag);
                let skips = ParserRules::of(&tag.parse().unwrap()).skip_unknown;
                let message = written.fatal.map(|fatal| fatal.message);
                let says = message.is_some_and(|message| message.ends_with(&undefined));
                assert_eq!(skipped, !defined && skips, "{tag} {role} {flag}");
                assert_eq!(says, !defined && !skips, "{tag} {role} {flag}");
                changes += 1;
            }
        }
    }
    assert!(changes > 1000, "{changes}");
}
