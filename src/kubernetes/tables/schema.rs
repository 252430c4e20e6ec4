//! The types of configuration files.

use super::rows::{Table, has, table};
use super::{Certainty, Subject, certainty};
use crate::kubernetes::{Minor, Program};

const KINDS: Table = table!("kinds.txt");
const FIELDS: Table = table!("fields.txt");

/// A struct of a configuration file. Inlined structs are part of it, as in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// Its Go type, with as much of its package as makes it unique: `LoggingConfiguration`,
    /// `kubelet/config/v1.CredentialProvider`.
    pub name: &'static str,
    /// Whether it was read from this minor.
    pub certainty: Certainty,
    minor: Minor,
}

/// A field of a struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its JSON name: `evictionHard`.
    pub name: &'static str,
    /// Its type.
    pub value: Type,
}

/// The type of a field, or of what a list or map holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Type {
    text: &'static str,
    minor: Minor,
    certainty: Certainty,
}

/// What a value of a type is in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A Boolean.
    Bool,
    /// A signed integer of so many bits.
    Int(u32),
    /// An unsigned integer of so many bits.
    Uint(u32),
    /// A floating point number of so many bits.
    Float(u32),
    /// A string, of a named type or not.
    String,
    /// `[]byte`: a string in base64.
    Bytes,
    /// `metav1.Duration`: a string that `time.ParseDuration` takes.
    Duration,
    /// `TimeOrMetaDuration` of the logs: such a string, or a number of nanoseconds.
    TimeOrDuration,
    /// `metav1.Time` or `MicroTime`: a string of RFC 3339.
    Time,
    /// `resource.Quantity`: a string or a number.
    Quantity,
    /// `intstr.IntOrString`.
    IntOrString,
    /// Any value: another decoder reads it, or none does.
    Raw,
    /// `null`, or a value of the type. Where it is absent the component may set a default.
    Pointer(Type),
    /// An array.
    List(Type),
    /// An object whose names the author chooses.
    Map(Type),
    /// An object with fields.
    Struct(Schema),
    /// A type that is not known here. Never refuse a value of it.
    Other,
}

/// The type of a configuration file that a component of this minor decodes: `kubelet.config.k8s.io/v1beta1` and
/// `KubeletConfiguration`. From the schemes that the components decode with, without internal types and those that
/// each group has (`ListOptions`).
pub fn schema(minor: Minor, api_version: &str, kind: &str) -> Option<Schema> {
    kinds(api_version, minor).find_map(|(name, schema)| (name == kind).then_some(schema))
}

/// The kinds of an API version that components of this minor decode, with their types.
pub fn kinds(api_version: &str, minor: Minor) -> impl Iterator<Item = (&'static str, Schema)> {
    KINDS.rows(api_version).filter_map(move |row| {
        let mut columns = row.split(' ').skip(1);
        let (kind, minors, name) = (columns.next()?, columns.next()?, columns.next()?);
        let program = Program::ALL
            .into_iter()
            .find(|program| Some(program.as_str()) == columns.clone().next())?;
        has(minors, minor).then_some((
            kind,
            Schema {
                name,
                certainty: certainty(program, Subject::Types, minor)?,
                minor,
            },
        ))
    })
}

impl Schema {
    /// A field by its JSON name. Names are case-sensitive.
    pub fn field(self, name: &str) -> Option<Field> {
        FIELDS
            .rows_of_two(self.name, name)
            .find_map(|row| self.read(row))
    }

    /// Its fields, sorted.
    pub fn fields(self) -> impl Iterator<Item = Field> {
        FIELDS.rows(self.name).filter_map(move |row| self.read(row))
    }

    fn read(self, row: &'static str) -> Option<Field> {
        let mut columns = row.split(' ').skip(1);
        let (name, minors, text) = (columns.next()?, columns.next()?, columns.next()?);
        has(minors, self.minor).then_some(Field {
            name,
            value: Type {
                text,
                minor: self.minor,
                certainty: self.certainty,
            },
        })
    }
}

impl Type {
    /// What a value of it is.
    pub fn form(self) -> Form {
        let of = |text| Self { text, ..self };
        if let Some(text) = self.text.strip_prefix('*') {
            return Form::Pointer(of(text));
        }
        if let Some(text) = self.text.strip_prefix("[]") {
            return Form::List(of(text));
        }
        if let Some(text) = self.text.strip_prefix("map[string]") {
            return Form::Map(of(text));
        }
        match self.text {
            "bool" => Form::Bool,
            "int" | "int64" => Form::Int(64),
            "int32" => Form::Int(32),
            "uint" | "uint64" => Form::Uint(64),
            "uint32" => Form::Uint(32),
            "float32" => Form::Float(32),
            "float64" => Form::Float(64),
            "string" => Form::String,
            "bytes" => Form::Bytes,
            "duration" => Form::Duration,
            "timeormetaduration" => Form::TimeOrDuration,
            "time" => Form::Time,
            "quantity" => Form::Quantity,
            "intorstring" => Form::IntOrString,
            "raw" => Form::Raw,
            // A struct's name has a capital letter after its package.
            name if name.contains(|letter: char| letter.is_ascii_uppercase()) => {
                Form::Struct(Schema {
                    name,
                    certainty: self.certainty,
                    minor: self.minor,
                })
            }
            _ => Form::Other,
        }
    }
}
