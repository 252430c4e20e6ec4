//! What differs between two releases of RKE2, by the data that the tables are made from.
//! `tests/lab/release-changes` prints it.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that reads the environment and prints"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::rke2::changes;
use preflight_rke2::testing::rke2::version::Version;
use serde_json::Value as Json;

/// The two releases to compare.
const COMPARE: &str = "PREFLIGHT_COMPARE";

const COMPONENTS: [&str; 6] = [
    "kubelet",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "cloud-controller-manager",
];

/// Words for what names have.
type Properties = BTreeSet<&'static str>;

struct Data {
    profiles: Json,
    rke2_flags: Json,
    flags: Json,
    gates: Json,
    fields: Json,
    kinds: Json,
}

fn data() -> Data {
    let parse = |text| serde_json::from_str(text).unwrap();
    Data {
        profiles: parse(include_str!("cases/profiles.json")),
        rke2_flags: parse(include_str!("cases/rke2-flags.json")),
        flags: parse(include_str!("cases/kubernetes/tables/flags.json")),
        gates: parse(include_str!("cases/kubernetes/tables/gates.json")),
        fields: parse(include_str!("cases/kubernetes/tables/fields.json")),
        kinds: parse(include_str!("cases/kubernetes/tables/kinds.json")),
    }
}

/// A heading and what belongs to it; nothing where there is no difference.
struct Section(String, Vec<String>);

impl Section {
    fn push(&mut self, what: &str, names: &BTreeSet<String>) {
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.1.push(format!("{what}: {}", names.join(", ")));
        }
    }

    /// What was added and removed, and which properties names have got or lost.
    fn compare(
        &mut self,
        kind: &str,
        before: &BTreeMap<String, Properties>,
        after: &BTreeMap<String, Properties>,
    ) {
        let only = |a: &BTreeMap<String, Properties>, b: &BTreeMap<String, Properties>| {
            let only = a.keys().filter(|name| !b.contains_key(*name));
            only.cloned().collect::<BTreeSet<String>>()
        };
        self.push(&format!("{kind} removed"), &only(before, after));
        self.push(&format!("{kind} added"), &only(after, before));
        let mut changed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, then) in after {
            let Some(now) = before.get(name) else {
                continue;
            };
            for property in then.difference(now) {
                let names = changed.entry(format!("now {property}")).or_default();
                names.insert(name.clone());
            }
            for property in now.difference(then) {
                let names = changed.entry(format!("no longer {property}")).or_default();
                names.insert(name.clone());
            }
        }
        for (what, names) in changed {
            self.push(&format!("{kind} {what}"), &names);
        }
    }

    fn print(&self, out: &mut String) {
        if !self.1.is_empty() {
            writeln!(out, "{}", self.0).unwrap();
            for line in &self.1 {
                writeln!(out, "  {line}").unwrap();
            }
        }
    }
}

fn has_minor(row: &Json, minor: u32) -> bool {
    row["minors"].as_str().unwrap().split(',').any(|run| {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        (first.parse().unwrap()..=last.parse().unwrap()).contains(&minor)
    })
}

fn is_on(row: &Json, property: &str) -> bool {
    row[property].as_bool().unwrap_or(false)
}

/// The newest minor up to `minor` that a table was read from.
fn read_minor(table: &Json, minor: u32) -> Option<u32> {
    let rows = table.as_array().unwrap();
    (0..=minor)
        .rev()
        .find(|minor| rows.iter().any(|row| has_minor(row, *minor)))
}

/// The names of a table in a minor, with their properties.
fn names(
    table: &Json,
    minor: Option<u32>,
    name: impl Fn(&Json) -> Option<String>,
    properties: impl Fn(&Json) -> Properties,
) -> BTreeMap<String, Properties> {
    let rows = table.as_array().unwrap().iter();
    rows.filter(|row| minor.is_some_and(|minor| has_minor(row, minor)))
        .filter_map(|row| Some((name(row)?, properties(row))))
        .collect()
}

fn text(row: &Json, column: &str) -> String {
    row[column].as_str().unwrap().to_owned()
}

impl Data {
    fn position(&self, version: &Version) -> usize {
        let releases = self.rke2_flags["releases"].as_array().unwrap();
        let tag = version.to_string();
        let found = releases.iter().position(|release| *release == tag.as_str());
        found.unwrap_or_else(|| panic!("{tag} is not in tests/cases/rke2-flags.json"))
    }

    /// The flags that `rke2 ROLE` takes.
    fn rke2_flags(&self, role: &str, version: &Version) -> BTreeMap<String, Properties> {
        let at = self.position(version);
        let is_in = |run: &Json| {
            let end = |index: usize| self.position(&run[index].as_str().unwrap().parse().unwrap());
            (end(0)..=end(1)).contains(&at)
        };
        let mut flags = BTreeMap::new();
        for (name, forms) in self.rke2_flags[role].as_object().unwrap() {
            let forms = forms.as_object().unwrap().iter();
            let forms = forms.filter(|(form, runs)| {
                *form != "dropped" && runs.as_array().unwrap().iter().any(is_in)
            });
            for (form, _) in forms {
                let mut properties = Properties::new();
                if form == "hidden" || form.contains(" hidden") {
                    properties.insert("hidden");
                }
                flags.insert(name.clone(), properties);
            }
        }
        flags
    }

    /// Whether a release has extrapolated rules.
    fn is_extrapolated(&self, version: &Version) -> bool {
        let tag = version.to_string();
        let extrapolated = self.rke2_flags["extrapolated"].as_array().unwrap();
        extrapolated.iter().any(|release| *release == tag.as_str())
    }

    fn profile_rules(&self, version: &Version) -> BTreeMap<String, String> {
        let tag = version.to_string();
        let rows = self.profiles.as_array().unwrap();
        let row = rows.iter().find(|row| row["tag"] == tag.as_str());
        let row = row.unwrap_or_else(|| panic!("{tag} is not in tests/cases/profiles.json"));
        let columns = row.as_object().unwrap().iter();
        columns
            .filter(|(name, _)| !matches!(name.as_str(), "tag" | "extrapolated"))
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect()
    }

    fn changes(&self, before: &Version, after: &Version) -> String {
        let shown = |version: &Version| {
            if self.is_extrapolated(version) {
                format!("{version} (extrapolated)")
            } else {
                version.to_string()
            }
        };
        let mut out = format!("{} to {}\n", shown(before), shown(after));

        let mut rke2 = Section("RKE2".to_owned(), Vec::new());
        for role in ["server", "agent"] {
            rke2.compare(
                &format!("flags of {role}"),
                &self.rke2_flags(role, before),
                &self.rke2_flags(role, after),
            );
        }
        let (old, new) = (self.profile_rules(before), self.profile_rules(after));
        for (name, value) in &new {
            if old.get(name) != Some(value) {
                let old = old.get(name).map_or("nothing", String::as_str);
                rke2.1
                    .push(format!("profile: {name} from {old} to {value}"));
            }
        }
        for (name, about) in changes::between(before, after) {
            rke2.1.push(format!("{name}: {about}"));
        }
        let benchmark = |version| Benchmark::of(version).benchmark.name();
        if benchmark(before) != benchmark(after) {
            let (old, new) = (benchmark(before), benchmark(after));
            rke2.1.push(format!("CIS benchmark: from {old} to {new}"));
        }
        rke2.print(&mut out);

        for component in COMPONENTS {
            self.component(component, before.minor, after.minor, &mut out);
        }
        if out.lines().count() == 1 {
            out.push_str("no difference\n");
        }
        out
    }

    fn component(&self, component: &str, before: u32, after: u32, out: &mut String) {
        let mut section = Section(component.to_owned(), Vec::new());
        let named = |row: &Json| (row["program"] == component).then(|| text(row, "name"));
        let deprecated = |row: &Json| {
            let words = ["deprecated", "hidden"].into_iter();
            words.filter(|word| is_on(row, word)).collect()
        };
        let (old, new) = minors(&self.flags, before, after);
        section.compare(
            &kind("flags", (old, before), (new, after)),
            &names(&self.flags, old, named, deprecated),
            &names(&self.flags, new, named, deprecated),
        );

        let gate = |row: &Json| {
            let programs = row["programs"].as_array().unwrap();
            let is_its = programs.iter().any(|program| program == component);
            is_its.then(|| text(row, "name"))
        };
        let state = |row: &Json| {
            let mut state = Properties::new();
            if is_on(row, "default") {
                state.insert("on");
            }
            if is_on(row, "locked") {
                state.insert("locked");
            }
            state
        };
        let (old, new) = minors(&self.gates, before, after);
        section.compare(
            &kind("gates", (old, before), (new, after)),
            &names(&self.gates, old, gate, state),
            &names(&self.gates, new, gate, state),
        );

        let kinds = self.kinds.as_array().unwrap().iter();
        let kinds: BTreeMap<String, String> = kinds
            .filter(|row| row["program"] == component)
            .map(|row| {
                let name = format!("{} {}", text(row, "api_version"), text(row, "kind"));
                (name, text(row, "type"))
            })
            .collect();
        let of_component = |row: &Json| {
            let name = format!("{} {}", text(row, "api_version"), text(row, "kind"));
            (row["program"] == component).then_some(name)
        };
        let none = |_: &Json| Properties::new();
        let (old, new) = minors(&self.kinds, before, after);
        let (old_kinds, new_kinds) = (
            names(&self.kinds, old, of_component, none),
            names(&self.kinds, new, of_component, none),
        );
        section.compare(
            &kind("kinds", (old, before), (new, after)),
            &old_kinds,
            &new_kinds,
        );
        for (name, type_name) in kinds {
            if !old_kinds.contains_key(&name) || !new_kinds.contains_key(&name) {
                continue;
            }
            let field =
                |row: &Json| (row["type"] == type_name.as_str()).then(|| text(row, "field"));
            section.compare(
                &kind(&format!("fields of {name}"), (old, before), (new, after)),
                &names(&self.fields, old, field, none),
                &names(&self.fields, new, field, none),
            );
        }
        section.print(out);
    }
}

fn minors(table: &Json, before: u32, after: u32) -> (Option<u32>, Option<u32>) {
    (read_minor(table, before), read_minor(table, after))
}

/// `flags`, with the minors that were read where they are not those of the releases.
fn kind(what: &str, old: (Option<u32>, u32), new: (Option<u32>, u32)) -> String {
    let read = |(read, asked): (Option<u32>, u32)| match read {
        Some(minor) if minor == asked => None,
        Some(minor) => Some(format!("1.{minor} for 1.{asked}")),
        None => Some(format!("nothing for 1.{asked}")),
    };
    let read: Vec<String> = [read(old), read(new)].into_iter().flatten().collect();
    if read.is_empty() {
        what.to_owned()
    } else {
        format!("{what} (read: {})", read.join(", "))
    }
}

fn changes(before: &str, after: &str) -> String {
    data().changes(&before.parse().unwrap(), &after.parse().unwrap())
}

/// Prints the differences of the releases in [`COMPARE`]; without it, those of the newest minor.
#[test]
fn the_releases_that_are_named() {
    let named = std::env::var(COMPARE);
    let named = named.as_deref().unwrap_or("v1.36.3+rke2r1 v1.37.1+rke2r1");
    let (before, after) = named.split_once(' ').unwrap();
    let found = changes(before, after);
    assert!(found.starts_with(before), "{found}");
    println!("\n{found}");
}

#[test]
fn a_release_does_not_differ_from_itself() {
    for release in ["v1.18.9+rke2r1", "v1.30.14+rke2r4", "v1.37.1+rke2r1"] {
        let found = changes(release, release);
        assert_eq!(found.lines().last(), Some("no difference"), "{found}");
    }
}

#[test]
fn differences_are_those_of_the_data() {
    for (before, after, lines) in [
        (
            "v1.29.15+rke2r1",
            "v1.30.14+rke2r4",
            &[
                "  profile: accepted from [\"cis\",\"cis-1.23\"] to [\"cis\",\"etcd\"]",
                "  CIS_1_23_REFUSED: With `cis-1.23`, RKE2 exits after the host checks: #5781.",
            ][..],
        ),
        (
            "v1.30.14+rke2r4",
            "v1.33.13+rke2r2",
            &[
                "  flags of server added: etcd-s3-retention, helm-controller-arg, prime",
                "  CIS benchmark: from 1.11 to 1.12",
                "kubelet",
                "  flags removed: iptables-drop-bit, iptables-masquerade-bit, keep-terminated-pod-volumes",
                "AppArmor, AppArmorFields, CPUManager",
                "  gates now locked: ",
                "  fields of kubelet.config.k8s.io/v1beta1 KubeletConfiguration added: ",
            ],
        ),
        (
            "v1.34.12+rke2r1",
            "v1.35.9+rke2r1",
            &[
                "v1.34.12+rke2r1 (extrapolated) to v1.35.9+rke2r1 (extrapolated)",
                "  FAIL_CGROUP_V1_DEFAULT: ",
                "  CIS benchmark: from 1.12 to 2.0",
            ],
        ),
        (
            "v1.36.3+rke2r1",
            "v1.37.1+rke2r1",
            &["  flags of server added: write-kubeconfig-name"],
        ),
    ] {
        let found = changes(before, after);
        for line in lines {
            assert!(found.contains(line), "{line}\n{found}");
        }
    }
}
