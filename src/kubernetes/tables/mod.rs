//! What each component accepts, by minor release: flags, feature gates and types of configuration files.
//!
//! `tests/kubernetes/tables` asks the components themselves and writes the text files beside this one. A minor is in
//! the tables, or nothing is known of it: see [`certainty`].
//!
//! ```text
//! flags/PROGRAM.txt   NAME MINORS KIND MARKS FIELD [SHORTHAND]
//! gates.txt           NAME MINORS STAGE MARKS PROGRAMS [NEEDED GATES]
//! kinds.txt           API-VERSION KIND MINORS TYPE PROGRAM
//! fields.txt          TYPE FIELD MINORS FORM
//! minors.txt          PROGRAM SUBJECT MINORS [INFERRED MINORS]
//! ```

mod rows;
mod schema;
mod value;

pub use schema::{Field, Form, Schema, Type, kinds, schema};
pub use value::ValueKind;

use rows::{Columns, Table, has, table};

use super::{Minor, NEWEST, OLDEST, Program};

const GATES: Table = table!("gates.txt");
const MINORS: Table = table!("minors.txt");

/// How sure a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Read from the component of that minor.
    Read,
    /// Filled in from the minors before and after, which agree. Never refuse what rests on it.
    Inferred,
}

/// What a table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Flags.
    Flags,
    /// Feature gates.
    Gates,
    /// Types of configuration files.
    Types,
}

/// A flag of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// Its name, with hyphens: `max-pods`.
    pub name: &'static str,
    /// Its letter: `v` can be given as `-v 2`.
    pub shorthand: Option<char>,
    /// What its value may be.
    pub kind: ValueKind,
    /// Whether it can be given without a value (`--protect-kernel-defaults`), and then takes none from the next
    /// argument.
    pub optional_value: bool,
    /// Whether the component logs that it is deprecated.
    pub deprecated: bool,
    /// Whether `--help` does not list it.
    pub hidden: bool,
    /// The field of `KubeletConfiguration` that a flag of the kubelet sets, `authentication.anonymous.enabled`.
    pub field: Option<&'static str>,
    /// Whether it was read from this minor.
    pub certainty: Certainty,
}

/// How far a feature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// `ALPHA`.
    Alpha,
    /// `BETA`.
    Beta,
    /// Generally available.
    Ga,
    /// `DEPRECATED`.
    Deprecated,
}

/// A feature gate that a component knows. `AllAlpha` and `AllBeta` are gates too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// Its name: `NodeSwap`.
    pub name: &'static str,
    /// Whether the feature is on where nothing sets it.
    pub default: bool,
    /// How far it is.
    pub stage: Stage,
    /// Whether it may only be set to its default.
    pub locked: bool,
    /// Whether it was read from this minor.
    pub certainty: Certainty,
    /// The gates that must be on where it is on, separated by spaces.
    needs: &'static str,
}

impl Gate {
    /// The gates that must be on where this one is on. Components check it since 1.35.
    pub fn needs(self) -> impl Iterator<Item = &'static str> {
        self.needs.split_ascii_whitespace()
    }
}

/// Whether the flags and gates of every component of a minor are in the tables. None is missing between the oldest and the
/// newest minor.
pub fn knows(minor: Minor) -> bool {
    (OLDEST..=NEWEST).contains(&minor)
}

/// How sure all of a table about a component of a minor is, also that something is not in it. `None`: nothing is known
/// of this minor.
pub fn certainty(program: Program, subject: Subject, minor: Minor) -> Option<Certainty> {
    let name = match subject {
        Subject::Flags => "flags",
        Subject::Gates => "gates",
        Subject::Types => "types",
    };
    let mut rows = MINORS.rows_of_two(program.as_str(), name);
    rows.find_map(|row| certainty_in(row, minor))
}

/// A row of minors: `kubelet flags 24,30,33 25-29`.
fn certainty_in(row: &'static str, minor: Minor) -> Option<Certainty> {
    let mut columns = Columns::of(row).skip(2);
    if has(columns.next()?, minor) {
        return Some(Certainty::Read);
    }
    has(columns.next()?, minor).then_some(Certainty::Inferred)
}

/// The flags of a component of a minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags {
    program: Program,
    minor: Minor,
    /// How sure they are, also that a flag is not there. `None`: nothing is known.
    pub certainty: Option<Certainty>,
}

impl Flags {
    /// Those of this component.
    pub fn of(program: Program, minor: Minor) -> Self {
        Self {
            program,
            minor,
            certainty: certainty(program, Subject::Flags, minor),
        }
    }

    /// A flag by its name. Names have hyphens: the components read `max_pods` as `max-pods`.
    pub fn get(self, name: &str) -> Option<Flag> {
        let mut rows = flags_of(self.program).rows(name);
        rows.find_map(|row| self.read(row))
    }

    /// A flag by its letter.
    pub fn shorthand(self, letter: char) -> Option<Flag> {
        self.all().find(|flag| flag.shorthand == Some(letter))
    }

    /// All of them, sorted by name.
    pub fn all(self) -> impl Iterator<Item = Flag> {
        let rows = flags_of(self.program).all();
        rows.filter_map(move |row| self.read(row))
    }

    /// A row of flags: `help 24-37 Bool o - h`. A mark is a letter: `o` optional value, `d` deprecated, `h` hidden.
    fn read(self, row: &'static str) -> Option<Flag> {
        let mut columns = Columns::of(row);
        let (name, minors) = (columns.next()?, columns.next()?);
        if !has(minors, self.minor) {
            return None;
        }
        let (kind, marks, field) = (columns.next()?, columns.next()?, columns.next()?);
        Some(Flag {
            name,
            shorthand: columns.next().and_then(|letter| letter.chars().next()),
            kind: ValueKind::parse(kind),
            optional_value: marks.contains('o'),
            deprecated: marks.contains('d'),
            hidden: marks.contains('h'),
            field: (field != "-").then_some(field),
            certainty: self.certainty?,
        })
    }
}

/// A flag of a component by its name: [`Flags::get`].
pub fn flag(program: Program, minor: Minor, name: &str) -> Option<Flag> {
    Flags::of(program, minor).get(name)
}

/// All flags of a component: [`Flags::all`].
pub fn flags(program: Program, minor: Minor) -> impl Iterator<Item = Flag> {
    Flags::of(program, minor).all()
}

/// A feature gate that a component knows.
pub fn gate(program: Program, minor: Minor, name: &str) -> Option<Gate> {
    let certainty = certainty(program, Subject::Gates, minor)?;
    GATES
        .rows(name)
        .find_map(|row| read_gate(program, minor, certainty, row))
}

/// All feature gates that a component knows, sorted by name.
pub fn gates(program: Program, minor: Minor) -> impl Iterator<Item = Gate> {
    let certainty = certainty(program, Subject::Gates, minor);
    GATES
        .all()
        .filter_map(move |row| read_gate(program, minor, certainty?, row))
}

const fn flags_of(program: Program) -> Table {
    match program {
        Program::Kubelet => table!("flags/kubelet.txt"),
        Program::ApiServer => table!("flags/kube-apiserver.txt"),
        Program::ControllerManager => table!("flags/kube-controller-manager.txt"),
        Program::Scheduler => table!("flags/kube-scheduler.txt"),
        Program::Proxy => table!("flags/kube-proxy.txt"),
        Program::CloudControllerManager => table!("flags/cloud-controller-manager.txt"),
    }
}

/// A row of gates: `NodeSwap 30-33 Beta + kamspc`. Marks: `+` on by default, `=` locked to the default. Programs are
/// letters of [`letter`].
fn read_gate(
    program: Program,
    minor: Minor,
    certainty: Certainty,
    row: &'static str,
) -> Option<Gate> {
    let mut columns = Columns::of(row);
    let (name, minors) = (columns.next()?, columns.next()?);
    if !has(minors, minor) {
        return None;
    }
    let (stage, marks, programs) = (columns.next()?, columns.next()?, columns.next()?);
    if !programs.contains(letter(program)) {
        return None;
    }
    Some(Gate {
        name,
        default: marks.contains('+'),
        stage: match stage {
            "Alpha" => Stage::Alpha,
            "Beta" => Stage::Beta,
            "Deprecated" => Stage::Deprecated,
            _ => Stage::Ga,
        },
        locked: marks.contains('='),
        certainty,
        needs: columns.rest(),
    })
}

/// The letter of a component in the table of gates.
const fn letter(program: Program) -> char {
    match program {
        Program::Kubelet => 'k',
        Program::ApiServer => 'a',
        Program::ControllerManager => 'm',
        Program::Scheduler => 's',
        Program::Proxy => 'p',
        Program::CloudControllerManager => 'c',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minor_is_missing_between_the_oldest_and_the_newest() {
        for number in 0..60 {
            let minor = Minor(number);
            let mut rows = MINORS.all().filter(|row| !row.contains(" types "));
            let has_all = rows.all(|row| certainty_in(row, minor).is_some());
            assert_eq!(knows(minor), has_all, "{number}");
        }
    }
}
