//! The tables of flags, feature gates and types: generated from `tests/cases/kubernetes/tables`, and compared with
//! all of it. `tests/kubernetes/tables` asks the components and writes both.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that reads the repository"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use preflight_rke2::testing::kubernetes::tables::{
    self, Certainty, Form, Stage, Subject, Type, ValueKind,
};
use preflight_rke2::testing::kubernetes::{Minor, Program};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/kubernetes/tables");
const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/kubernetes/tables");
/// With this variable the files are written, not compared.
const WRITE: &str = "PREFLIGHT_BLESS";
/// A directory with descriptions that replace what is recorded of these minors: MINOR/PROGRAM.json, or
/// MINOR/PROGRAM.gates.json and MINOR/PROGRAM.types.json.
const DESCRIPTIONS: &str = "PREFLIGHT_DESCRIPTIONS";
/// How much text the program may carry.
const LARGEST: usize = 150_000;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct FlagRow {
    #[serde(default)]
    program: String,
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    shorthand: String,
    value: String,
    #[serde(rename = "type")]
    type_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    default: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    no_option: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deprecated: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hidden: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    field: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct GateRow {
    name: String,
    stage: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    default: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    locked: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    needs: Vec<String>,
    /// The components that know it so.
    #[serde(default)]
    programs: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct KindRow {
    api_version: String,
    kind: String,
    #[serde(rename = "type")]
    type_name: String,
    /// The component that decodes it.
    #[serde(default)]
    program: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct FieldRow {
    #[serde(rename = "type")]
    type_name: String,
    field: String,
    form: String,
}

/// What `tests/kubernetes/programs/describe` prints of a component.
/// Those of `programs/light` print only gates or only types.
#[derive(Deserialize)]
struct Description {
    #[serde(default)]
    flags: Vec<FlagRow>,
    gates: Vec<GateRow>,
    #[serde(default)]
    kinds: Vec<KindRow>,
    #[serde(default)]
    types: BTreeMap<String, BTreeMap<String, String>>,
}

type Rows<Row> = BTreeMap<Row, BTreeSet<u32>>;

/// All that is recorded.
#[derive(Default, PartialEq, Eq)]
struct Data {
    flags: Rows<FlagRow>,
    gates: Rows<GateRow>,
    kinds: Rows<KindRow>,
    fields: Rows<FieldRow>,
}

#[derive(Serialize, Deserialize)]
struct Recorded<Row> {
    #[serde(flatten)]
    row: Row,
    minors: String,
}

fn minors_of(text: &str) -> BTreeSet<u32> {
    let runs = text.split(',').map(|run| {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        first.parse().unwrap()..=last.parse().unwrap()
    });
    runs.flatten().collect()
}

fn runs_of(minors: &BTreeSet<u32>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for minor in minors {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *minor => *last = *minor,
            _ => runs.push((*minor, *minor)),
        }
    }
    let runs = runs.iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    runs.collect::<Vec<_>>().join(",")
}

fn read_rows<Row: DeserializeOwned + Ord>(name: &str) -> Rows<Row> {
    let text = std::fs::read_to_string(format!("{DATA}/{name}.json")).unwrap_or("[]".to_owned());
    let rows: Vec<Recorded<Row>> = serde_json::from_str(&text).unwrap();
    let rows = rows.into_iter();
    rows.map(|recorded| (recorded.row, minors_of(&recorded.minors)))
        .collect()
}

/// One row a line, so that differences can be read.
fn written<Row: Serialize + Clone>(rows: &Rows<Row>) -> String {
    let lines = rows.iter().map(|(row, minors)| {
        let recorded = Recorded {
            row: row.clone(),
            minors: runs_of(minors),
        };
        serde_json::to_string(&recorded).unwrap()
    });
    format!("[\n{}\n]\n", lines.collect::<Vec<_>>().join(",\n"))
}

impl Data {
    fn recorded() -> Self {
        Self {
            flags: read_rows("flags"),
            gates: read_rows("gates"),
            kinds: read_rows("kinds"),
            fields: read_rows("fields"),
        }
    }

    /// The files of the data, by path.
    fn files(&self) -> BTreeMap<String, String> {
        let path = |name: &str| format!("{DATA}/{name}.json");
        BTreeMap::from([
            (path("flags"), written(&self.flags)),
            (path("gates"), written(&self.gates)),
            (path("kinds"), written(&self.kinds)),
            (path("fields"), written(&self.fields)),
        ])
    }

    /// Replaces what is recorded of each minor that the directory has descriptions of.
    fn replace(&mut self, descriptions: &Path) {
        for entry in std::fs::read_dir(descriptions).unwrap() {
            let directory = entry.unwrap().path();
            let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
            let minor = name.strip_prefix("1.").unwrap().parse().unwrap();
            self.forget(minor);
            for program in Program::ALL {
                let read = |end: &str| {
                    let path = directory.join(format!("{}{end}.json", program.as_str()));
                    let text = std::fs::read_to_string(&path)
                        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                    serde_json::from_str::<Description>(&text).unwrap()
                };
                let name = format!("{}.json", program.as_str());
                if directory.join(name).exists() {
                    self.add(minor, program, read(""));
                } else {
                    let (gates, types) = (read(".gates"), read(".types"));
                    let description = Description {
                        flags: Vec::new(),
                        gates: gates.gates,
                        ..types
                    };
                    self.add(minor, program, description);
                }
            }
        }
    }

    fn forget(&mut self, minor: u32) {
        fn forget<Row: Ord>(rows: &mut Rows<Row>, minor: u32) {
            rows.retain(|_, minors| {
                minors.remove(&minor);
                !minors.is_empty()
            });
        }
        forget(&mut self.flags, minor);
        forget(&mut self.gates, minor);
        forget(&mut self.kinds, minor);
        forget(&mut self.fields, minor);
    }

    fn add(&mut self, minor: u32, program: Program, description: Description) {
        let program = program.as_str().to_owned();
        for mut row in description.flags {
            row.program.clone_from(&program);
            self.flags.entry(row).or_default().insert(minor);
        }
        for row in description.gates {
            self.add_gate(minor, &program, row);
        }
        for mut row in description.kinds {
            row.program.clone_from(&program);
            self.kinds.entry(row).or_default().insert(minor);
        }
        for (type_name, fields) in description.types {
            for (field, form) in fields {
                let row = FieldRow {
                    type_name: type_name.clone(),
                    field,
                    form,
                };
                self.fields.entry(row).or_default().insert(minor);
            }
        }
    }

    /// A gate that several components know alike is one row.
    fn add_gate(&mut self, minor: u32, program: &str, mut row: GateRow) {
        let same = |known: &GateRow| {
            let mut known = known.clone();
            known.programs.clear();
            known == row
        };
        let known = self
            .gates
            .iter()
            .find(|(known, minors)| minors.contains(&minor) && same(known));
        if let Some((known, _)) = known {
            row = known.clone();
            let minors = self.gates.get_mut(&row).unwrap();
            minors.remove(&minor);
            if minors.is_empty() {
                self.gates.remove(&row);
            }
        }
        row.programs.push(program.to_owned());
        self.gates.entry(row).or_default().insert(minor);
    }

    /// The minors that something of a component was read from.
    fn read(&self, program: Program, subject: &str) -> BTreeSet<u32> {
        let name = program.as_str();
        let flags = self.flags.iter().filter(|(row, _)| row.program == name);
        let known = |row: &GateRow| row.programs.iter().any(|program| program == name);
        let gates = self.gates.iter().filter(|(row, _)| known(row));
        let kinds = self.kinds.iter().filter(|(row, _)| row.program == name);
        let minors: Vec<&BTreeSet<u32>> = match subject {
            "flags" => flags.map(|(_, minors)| minors).collect(),
            "gates" => gates.map(|(_, minors)| minors).collect(),
            "types" => kinds.map(|(_, minors)| minors).collect(),
            _ => panic!("{subject}"),
        };
        minors.into_iter().flatten().copied().collect()
    }

    /// The files of the tables, by path.
    fn tables(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let mut add = |name: String, mut rows: Vec<String>| {
            rows.sort_by(|a, b| columns(a).cmp(&columns(b)));
            let text: String = rows.iter().flat_map(|row| [row.as_str(), "\n"]).collect();
            files.insert(format!("{TABLES}/{name}.txt"), text);
        };
        for program in Program::ALL {
            let name = format!("flags/{}", program.as_str());
            add(name, self.flags_of(program));
        }
        add("gates".to_owned(), self.gates_table());
        let names = self.type_names();
        let mut kinds: Rows<(&str, &str, &str, &str)> = Rows::new();
        for (row, minors) in &self.kinds {
            let key = (
                &*row.api_version,
                &*row.kind,
                &*names[&row.type_name],
                &*row.program,
            );
            kinds.entry(key).or_default().extend(minors);
        }
        let kinds = kinds
            .iter()
            .map(|((api_version, kind, name, program), minors)| {
                format!("{api_version} {kind} {} {name} {program}", runs_of(minors))
            });
        add("kinds".to_owned(), kinds.collect());
        let mut fields: Rows<(&str, &str, String)> = Rows::new();
        for (row, minors) in &self.fields {
            let (prefix, inner) = parts(&row.form);
            let inner = names.get(inner).map_or(inner, String::as_str);
            let key = (
                &*names[&row.type_name],
                &*row.field,
                format!("{prefix}{inner}"),
            );
            fields.entry(key).or_default().extend(minors);
        }
        let fields = fields.iter().map(|((name, field, form), minors)| {
            format!("{name} {field} {} {form}", runs_of(minors))
        });
        add("fields".to_owned(), fields.collect());
        let mut minors = Vec::new();
        for program in Program::ALL {
            for subject in ["flags", "gates", "types"] {
                let read = self.read(program, subject);
                if read.is_empty() {
                    continue;
                }
                let mut row = format!("{} {subject} {}", program.as_str(), runs_of(&read));
                let inferred = self.inferred(program).into_iter();
                let inferred: BTreeSet<u32> = inferred.map(|(minor, _, _)| minor).collect();
                if subject == "flags" && !inferred.is_empty() {
                    write!(row, " {}", runs_of(&inferred)).unwrap();
                }
                minors.push(row);
            }
        }
        add("minors".to_owned(), minors);
        files
    }

    fn flags_of(&self, program: Program) -> Vec<String> {
        // Defaults are recorded, but not part of the table.
        let mut rows: BTreeMap<(String, String), BTreeSet<u32>> = BTreeMap::new();
        for (row, minors) in &self.flags {
            if row.program == program.as_str() {
                rows.entry((row.name.clone(), flag_columns(row)))
                    .or_default()
                    .extend(minors);
            }
        }
        for (minor, name, columns) in self.inferred_flags(program) {
            rows.entry((name, columns)).or_default().insert(minor);
        }
        let rows = rows.iter();
        rows.map(|((name, columns), minors)| format!("{name} {} {columns}", runs_of(minors)))
            .collect()
    }

    /// The flags of minors whose flags were not read, from the nearest that were, before and after: as these have
    /// them where they agree, and with values that are not checked where they do not.
    fn inferred_flags(&self, program: Program) -> Vec<(u32, String, String)> {
        let mut flags = Vec::new();
        for (minor, before, after) in self.inferred(program) {
            let of = |minor: u32| {
                let rows = self.flags.iter();
                rows.filter(move |(row, minors)| {
                    row.program == program.as_str() && minors.contains(&minor)
                })
                .map(|(row, _)| (row.name.clone(), flag_columns(row)))
                .collect::<BTreeMap<_, _>>()
            };
            let (mut before, after) = (of(before), of(after));
            for (name, columns) in after {
                let same = before.remove(&name).is_some_and(|other| other == columns);
                let columns = if same { columns } else { unsure(&columns) };
                flags.push((minor, name, columns));
            }
            let gone = before.into_iter();
            flags.extend(gone.map(|(name, columns)| (minor, name, unsure(&columns))));
        }
        flags
    }

    /// The minors of which only the gates of a component were read, with the nearest before and after whose flags were.
    fn inferred(&self, program: Program) -> Vec<(u32, u32, u32)> {
        let read = self.read(program, "flags");
        let missing = self.read(program, "gates").into_iter();
        missing
            .filter(|minor| !read.contains(minor))
            .filter_map(|minor| {
                let before = read.range(..minor).next_back()?;
                Some((minor, *before, *read.range(minor..).next()?))
            })
            .collect()
    }

    fn gates_table(&self) -> Vec<String> {
        let rows = self.gates.iter().map(|(row, minors)| {
            let stage = match row.stage.as_str() {
                "ALPHA" => "Alpha",
                "BETA" => "Beta",
                "GA" => "Ga",
                "DEPRECATED" => "Deprecated",
                stage => panic!("{stage}"),
            };
            let marks = marks(&[('+', row.default), ('=', row.locked)]);
            let known =
                |program: &Program| row.programs.iter().any(|name| name == program.as_str());
            let programs: String = Program::ALL.into_iter().filter(known).map(letter).collect();
            let mut text = format!(
                "{} {} {stage} {marks} {programs}",
                row.name,
                runs_of(minors)
            );
            for needed in &row.needs {
                write!(text, " {needed}").unwrap();
            }
            text
        });
        rows.collect()
    }

    /// The names of types in the tables: without their packages, and with as much of these as makes them unique where
    /// types of the same name differ.
    fn type_names(&self) -> BTreeMap<String, String> {
        let classes = self.classes();
        let of_name = |name: &str| {
            let same = classes.iter().filter(|(other, _)| last(other) == name);
            same.map(|(_, class)| *class).collect::<BTreeSet<_>>()
        };
        let ends = |name: &str, end: &str| {
            let rest = name.strip_suffix(end);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(['/', '.']))
        };
        let short = |name: &str| {
            if of_name(last(name)).len() == 1 {
                return last(name).to_owned();
            }
            let begins = name.rmatch_indices(['/', '.']).map(|(at, _)| at + 1);
            let mut candidates = begins.chain([0]).map(|at| &name[at..]);
            let unique = |end: &&str| classes.keys().filter(|other| ends(other, end)).count() == 1;
            candidates.find(unique).unwrap().to_owned()
        };
        let mut names = BTreeMap::new();
        let mut shown: BTreeMap<usize, String> = BTreeMap::new();
        for (name, class) in &classes {
            let short = shown.entry(*class).or_insert_with(|| short(name));
            names.insert(name.clone(), short.clone());
        }
        names
    }

    /// Types by classes: of a class are those of the same name that have the same fields in every minor that has both.
    /// Most versions of a configuration file do.
    fn classes(&self) -> BTreeMap<String, usize> {
        let mut types: BTreeMap<&str, BTreeMap<u32, Vec<&FieldRow>>> = BTreeMap::new();
        for name in self.kinds.keys().map(|row| row.type_name.as_str()) {
            types.entry(name).or_default();
        }
        for (row, minors) in &self.fields {
            for minor in minors {
                let fields = types.entry(&row.type_name).or_default();
                fields.entry(*minor).or_default().push(row);
            }
            let (_, inner) = parts(&row.form);
            if inner.contains('/') {
                types.entry(inner).or_default();
            }
        }
        let mut class: BTreeMap<&str, usize> = BTreeMap::new();
        let names: BTreeSet<&str> = types.keys().map(|name| last(name)).collect();
        for name in types.keys() {
            let at = names.iter().position(|other| *other == last(name));
            class.insert(name, at.unwrap());
        }
        loop {
            let form = |row: &FieldRow| {
                let (prefix, inner) = parts(&row.form);
                let inner = class.get(inner).map_or(inner.to_owned(), usize::to_string);
                (row.field.clone(), format!("{prefix}{inner}"))
            };
            let alike = |one: &str, other: &str| {
                let (one, other) = (&types[one], &types[other]);
                one.iter().all(|(minor, fields)| {
                    let Some(others) = other.get(minor) else {
                        return true;
                    };
                    fields
                        .iter()
                        .map(|row| form(row))
                        .eq(others.iter().map(|row| form(row)))
                })
            };
            let mut groups: Vec<(usize, Vec<&str>)> = Vec::new();
            for (name, at) in &class {
                let same = groups.iter_mut().find(|(class, members)| {
                    class == at && members.iter().all(|member| alike(member, name))
                });
                match same {
                    Some((_, members)) => members.push(name),
                    None => groups.push((*at, vec![name])),
                }
            }
            let before: BTreeSet<usize> = class.values().copied().collect();
            let split = groups.len() > before.len();
            let members = groups.into_iter().enumerate();
            class = members
                .flat_map(|(at, (_, members))| members.into_iter().map(move |name| (name, at)))
                .collect();
            if !split {
                let class = class.into_iter();
                return class.map(|(name, at)| (name.to_owned(), at)).collect();
            }
        }
    }
}

/// The name of a type without its package.
fn last(name: &str) -> &str {
    name.rsplit(['/', '.']).next().unwrap()
}

/// The prefix of a type, `*[]`, and the type within.
fn parts(form: &str) -> (&str, &str) {
    let mut inner = form;
    while let Some(rest) = ["*", "[]", "map[string]"]
        .into_iter()
        .find_map(|prefix| inner.strip_prefix(prefix))
    {
        inner = rest;
    }
    assert!(!inner.contains('['), "{form}");
    form.split_at(form.len() - inner.len())
}

/// What a table is sorted by: columns, not characters.
fn columns(row: &str) -> Vec<&str> {
    row.split(' ').collect()
}

fn marks(marks: &[(char, bool)]) -> String {
    let set: String = marks
        .iter()
        .filter(|(_, set)| *set)
        .map(|(mark, _)| *mark)
        .collect();
    if set.is_empty() { "-".to_owned() } else { set }
}

fn letter(program: Program) -> char {
    match program {
        Program::Kubelet => 'k',
        Program::ApiServer => 'a',
        Program::ControllerManager => 'm',
        Program::Scheduler => 's',
        Program::Proxy => 'p',
        Program::CloudControllerManager => 'c',
    }
}

/// The columns of a flag after its name and minors.
fn flag_columns(row: &FlagRow) -> String {
    let marks = marks(&[
        ('o', !row.no_option.is_empty()),
        ('d', row.deprecated),
        ('h', row.hidden),
    ]);
    let field = if row.field.is_empty() {
        "-"
    } else {
        &row.field
    };
    let mut text = format!("{} {marks} {field}", value_kind(row).as_str());
    if !row.shorthand.is_empty() {
        write!(text, " {}", row.shorthand).unwrap();
    }
    text
}

/// The columns of a flag that two minors do not have alike.
fn unsure(columns: &str) -> String {
    let (_, rest) = columns.split_once(' ').unwrap();
    format!("Other {rest}")
}

/// The kind of a flag's value by its Go type. What wraps another value parses like that.
fn value_kind(row: &FlagRow) -> ValueKind {
    let wrapped = row.value.strip_prefix("*flag.TrackerValue(");
    let value = wrapped
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(&row.value);
    match (value, row.type_name.as_str()) {
        ("*pflag.boolValue" | "*flag.BoolTrackerValue", "bool") => ValueKind::Bool,
        ("*pflag.intValue", "int") => ValueKind::Int,
        ("*pflag.int32Value", "int32") => ValueKind::Int32,
        ("*pflag.int64Value", "int64") => ValueKind::Int64,
        ("*pflag.uintValue", "uint") => ValueKind::Uint,
        ("*pflag.float32Value", "float32") => ValueKind::Float32,
        ("*pflag.float64Value", "float64") => ValueKind::Float64,
        ("*pflag.durationValue", "duration") => ValueKind::Duration,
        ("*pflag.flagValueWrapper", "duration") => ValueKind::GoDuration,
        ("*pflag.flagValueWrapper", "bool") => ValueKind::GoBool,
        ("*pflag.flagValueWrapper", "int") => ValueKind::GoInt,
        ("*pflag.flagValueWrapper", "int64") => ValueKind::GoInt64,
        ("*pflag.flagValueWrapper", "uint64") => ValueKind::GoUint64,
        ("*pflag.flagValueWrapper", "cidrs") => ValueKind::GceCidrs,
        ("*pflag.flagValueWrapper", "Level") => ValueKind::KlogLevel,
        ("*pflag.flagValueWrapper", "moduleSpec") => ValueKind::KlogModules,
        ("*pflag.flagValueWrapper", "severity") => ValueKind::KlogSeverity,
        ("*pflag.flagValueWrapper", "traceLocation") => ValueKind::KlogTrace,
        ("*pflag.stringValue" | "*pflag.flagValueWrapper", "string") => ValueKind::String,
        ("*pflag.stringSliceValue", "stringSlice") => ValueKind::StringSlice,
        ("*pflag.stringArrayValue", "stringArray") => ValueKind::StringArray,
        ("*pflag.int32SliceValue", "int32Slice") => ValueKind::Int32Slice,
        ("*pflag.stringToStringValue", "stringToString") => ValueKind::StringToString,
        ("*pflag.ipValue", "ip") => ValueKind::Ip,
        ("*flag.IPVar", "ip") => ValueKind::IpVar,
        ("*flag.IPPortVar", "ipport") => ValueKind::IpPort,
        ("*flag.MapStringString", _) => ValueKind::MapStringString,
        ("*flag.MapStringString NoSplit", _) => ValueKind::MapStringStringWhole,
        ("*flag.MapStringBool", _) => ValueKind::MapStringBool,
        ("*flag.ConfigurationMap", _) => ValueKind::ConfigurationMap,
        ("*flag.LangleSeparatedMapStringString", _) => ValueKind::LangleSeparatedMap,
        ("*flag.ColonSeparatedMultimapStringString", _) => ValueKind::ColonSeparatedMultimap,
        ("*featuregate.featureGate", _) => ValueKind::FeatureGate,
        ("*flag.NamedCertKeyArray", _) => ValueKind::NamedCertKeys,
        ("*flag.RegisterWithTaintsVar", _) => ValueKind::Taints,
        ("*flag.ReservedMemoryVar", _) => ValueKind::ReservedMemory,
        ("*net.PortRange", _) => ValueKind::PortRange,
        ("*config.LocalMode", _) => ValueKind::LocalMode,
        ("*config.ProxyMode", _) => ValueKind::ProxyMode,
        ("*resource.QuantityValue", _) => ValueKind::Quantity,
        ("*verflag.versionValue", _) => ValueKind::Version,
        ("flag.PortRangeVar", _) => ValueKind::PortRangeVar,
        ("v1.verbosityLevelPflag" | "*config.VerbosityLevel", _) => ValueKind::Verbosity,
        ("v1.vmoduleConfigurationPFlag" | "*config.VModuleConfiguration", _) => ValueKind::VModule,
        (value, name) => panic!("--{} is a {value} ({name})", row.name),
    }
}

#[test]
fn the_tables_are_made_from_the_data() {
    let mut data = Data::recorded();
    if let Some(descriptions) = std::env::var_os(DESCRIPTIONS) {
        data.replace(Path::new(&descriptions));
    }
    let mut files = data.files();
    let tables = data.tables();
    let size: usize = tables.values().map(String::len).sum();
    assert!(size < LARGEST, "{size} bytes");
    files.extend(tables);
    for (path, text) in files {
        if std::env::var_os(WRITE).is_some() {
            std::fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "{path} is not made from the data: PREFLIGHT_BLESS=1 writes it anew"
        );
    }
}

/// All minors of the data, with one before and one after them.
fn minors(data: &Data) -> Vec<Minor> {
    let read = Program::ALL
        .iter()
        .flat_map(|program| data.read(*program, "gates"));
    let read: BTreeSet<u32> = read.collect();
    let (first, last) = (read.first().unwrap(), read.last().unwrap());
    (first - 1..=last + 1).map(Minor).collect()
}

#[test]
fn each_flag_is_found_and_no_other() {
    let data = Data::recorded();
    let names: BTreeSet<&str> = data.flags.keys().map(|row| row.name.as_str()).collect();
    for program in Program::ALL {
        let read = data.read(program, "flags");
        for minor in minors(&data) {
            let sure = tables::certainty(program, Subject::Flags, minor) == Some(Certainty::Read);
            assert_eq!(sure, read.contains(&minor.0));
            if !sure {
                continue;
            }
            let mut known = BTreeMap::new();
            for (row, minors) in &data.flags {
                if row.program == program.as_str() && minors.contains(&minor.0) {
                    known.insert(row.name.as_str(), row);
                }
            }
            for name in &names {
                let flag = tables::flag(program, minor, name);
                assert_eq!(
                    flag.is_some(),
                    known.contains_key(name),
                    "{program:?} {minor:?} {name}"
                );
                let Some(flag) = flag else { continue };
                let row = known[name];
                assert_eq!(flag.name, *name);
                assert_eq!(flag.kind, value_kind(row));
                assert_eq!(flag.optional_value, !row.no_option.is_empty());
                assert_eq!((flag.deprecated, flag.hidden), (row.deprecated, row.hidden));
                assert_eq!(flag.field.unwrap_or_default(), row.field);
                assert_eq!(flag.shorthand, row.shorthand.chars().next());
                assert_eq!(flag.certainty, Certainty::Read);
                if let Some(letter) = flag.shorthand {
                    assert_eq!(
                        tables::Flags::of(program, minor).shorthand(letter),
                        Some(flag)
                    );
                }
            }
            let all: Vec<_> = tables::flags(program, minor)
                .map(|flag| flag.name)
                .collect();
            assert_eq!(all, known.into_keys().collect::<Vec<_>>());
        }
    }
}

/// Each minor is left out once. What its neighbours agree on is what its components had.
#[test]
fn flags_of_a_minor_that_was_not_read_are_those_of_its_neighbours() {
    for program in Program::ALL {
        let read = Data::recorded().read(program, "flags");
        assert_eq!(tables::flags(program, Minor(0)).next(), None);
        for missing in &read {
            let mut data = Data::recorded();
            let mut truth = BTreeMap::new();
            for (row, minors) in &mut data.flags {
                if minors.remove(missing) && row.program == program.as_str() {
                    truth.insert(row.name.clone(), flag_columns(row));
                }
            }
            let neighbours = (
                read.range(..missing).next_back(),
                read.range(missing + 1..).next(),
            );
            let mut of_missing = data.inferred(program);
            of_missing.retain(|(minor, _, _)| minor == missing);
            let (Some(before), Some(after)) = neighbours else {
                assert_eq!(of_missing, []);
                continue;
            };
            assert_eq!(of_missing, [(*missing, *before, *after)]);
            let mut inferred = data.inferred_flags(program);
            inferred.retain(|(minor, _, _)| minor == missing);
            let alike = inferred
                .iter()
                .filter(|(_, _, columns)| !columns.starts_with("Other "));
            assert!(alike.clone().count() > 20, "{program:?} 1.{missing}");
            for (_, name, columns) in alike {
                assert_eq!(
                    truth.get(name),
                    Some(columns),
                    "{program:?} 1.{missing} {name}"
                );
            }
        }
    }
}

#[test]
fn each_gate_is_found_and_no_other() {
    let data = Data::recorded();
    let names: BTreeSet<&str> = data.gates.keys().map(|row| row.name.as_str()).collect();
    for program in Program::ALL {
        for minor in minors(&data) {
            let mut known = BTreeMap::new();
            for (row, minors) in &data.gates {
                if row.programs.iter().any(|name| name == program.as_str())
                    && minors.contains(&minor.0)
                {
                    known.insert(row.name.as_str(), row);
                }
            }
            for name in &names {
                let gate = tables::gate(program, minor, name);
                assert_eq!(
                    gate.is_some(),
                    known.contains_key(name),
                    "{program:?} {minor:?} {name}"
                );
                let Some(gate) = gate else { continue };
                let row = known[name];
                let stage = match gate.stage {
                    Stage::Alpha => "ALPHA",
                    Stage::Beta => "BETA",
                    Stage::Ga => "GA",
                    Stage::Deprecated => "DEPRECATED",
                };
                assert_eq!((gate.name, stage), (*name, row.stage.as_str()));
                assert_eq!((gate.default, gate.locked), (row.default, row.locked));
                assert_eq!(gate.needs().collect::<Vec<_>>(), row.needs);
            }
            let all: Vec<_> = tables::gates(program, minor)
                .map(|gate| gate.name)
                .collect();
            assert_eq!(all, known.into_keys().collect::<Vec<_>>());
        }
    }
}

/// The form of a type as the data writes it, without packages.
fn written_form(value: Type) -> String {
    match value.form() {
        Form::Bool => "bool".to_owned(),
        Form::Int(bits) => format!("int{bits}"),
        Form::Uint(bits) => format!("uint{bits}"),
        Form::Float(bits) => format!("float{bits}"),
        Form::String => "string".to_owned(),
        Form::Bytes => "bytes".to_owned(),
        Form::Duration => "duration".to_owned(),
        Form::TimeOrDuration => "timeormetaduration".to_owned(),
        Form::Time => "time".to_owned(),
        Form::Quantity => "quantity".to_owned(),
        Form::IntOrString => "intorstring".to_owned(),
        Form::Raw => "raw".to_owned(),
        Form::Pointer(inner) => format!("*{}", written_form(inner)),
        Form::List(inner) => format!("[]{}", written_form(inner)),
        Form::Map(inner) => format!("map[string]{}", written_form(inner)),
        Form::Struct(schema) => last(schema.name).to_owned(),
        Form::Other => "other".to_owned(),
    }
}

#[test]
fn each_type_is_found_with_its_fields() {
    let data = Data::recorded();
    for minor in minors(&data) {
        for (row, minors) in &data.kinds {
            let schema = tables::schema(minor, &row.api_version, &row.kind);
            let same = |other: &KindRow| {
                (&other.api_version, &other.kind) == (&row.api_version, &row.kind)
            };
            let mut others = data.kinds.iter();
            let known = others.any(|(other, minors)| same(other) && minors.contains(&minor.0));
            assert_eq!(schema.is_some(), known, "{minor:?} {row:?}");
            let Some(schema) = schema.filter(|_| minors.contains(&minor.0)) else {
                continue;
            };
            let mut fields = BTreeMap::new();
            for (field, minors) in &data.fields {
                if field.type_name == row.type_name && minors.contains(&minor.0) {
                    let (prefix, inner) = parts(&field.form);
                    let inner = if inner.contains('/') {
                        last(inner)
                    } else {
                        inner
                    };
                    fields.insert(field.field.clone(), format!("{prefix}{inner}"));
                }
            }
            let mut found = BTreeMap::new();
            for field in schema.fields() {
                assert_eq!(schema.field(field.name), Some(field));
                let mut form = written_form(field.value);
                if field.value.form() == Form::Int(64) {
                    form = fields[field.name].clone();
                    assert!(["int", "int64"].contains(&form.as_str()));
                }
                found.insert(field.name.to_owned(), form);
            }
            assert_eq!(found, fields, "{minor:?} {row:?}");
        }
        assert_eq!(tables::schema(minor, "v1", "Pod"), None);
        assert_eq!(tables::schema(minor, "", ""), None);
    }
}

/// What the newest minor's components print of themselves, with everything compiled and without.
#[cfg(feature = "lab")]
#[expect(clippy::disallowed_types, reason = "a test that runs a script")]
#[test]
fn the_newest_minor_describes_itself_as_recorded() {
    let data = Data::recorded();
    let newest = minors(&data).iter().rev().nth(1).unwrap().0;
    let directory = tempfile::tempdir().unwrap();
    for light in [false, true] {
        let into = directory.path().join(light.to_string());
        std::fs::create_dir(&into).unwrap();
        let mut describe = std::process::Command::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/kubernetes/describe"
        ));
        describe.args(light.then_some("--light"));
        describe.arg(&into).arg(format!("1.{newest}"));
        assert!(describe.status().unwrap().success());
        let mut described = Data::recorded();
        described.replace(&into);
        assert!(described.gates == data.gates, "{light}");
        assert!(described.kinds == data.kinds, "{light}");
        assert!(described.fields == data.fields, "{light}");
        assert!(light || described.flags == data.flags);
    }
}
