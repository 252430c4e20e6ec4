//! A JSON tree into a Go type, as `encoding/json` and its fork `sigs.k8s.io/json` decode it.
//!
//! The fork differs in two ways: names are case-sensitive, and fields that are not known or there twice can be
//! reported. Both note the first value of a wrong type and go on; an error of a type's own decoder (durations,
//! quantities) ends it at once, and is what is reported.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::go;
use crate::kubernetes::Minor;
use crate::kubernetes::tables::{Certainty, Form, Schema, Type};

use super::tree::{Node, Place, Value};
use super::{duration, names, quantity};

/// Which of the two decoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// `encoding/json`: names that differ in case are the same.
    Standard,
    /// `sigs.k8s.io/json`.
    Kubernetes,
}

/// An error, and where the value is.
pub(super) type Mismatch = (String, Option<Place>);

/// What decoding found.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The value: names as the type has them, each once; what is `null` or not known is left out.
    pub(crate) value: Option<Node>,
    /// Why it cannot be decoded.
    pub(crate) error: Option<Mismatch>,
    /// What a strict decoder reports: fields that are not known or there twice.
    pub(crate) strict: Vec<Mismatch>,
    /// Whether an error rests on what is not read from that release: then nothing must be refused for it.
    pub(crate) is_inferred: bool,
}

/// Decodes a tree into a struct. `into` is what the struct has before: decoding changes what the tree has.
/// `package` is the Go package of the struct: `v1beta1`.
pub(crate) fn decode(
    minor: Minor,
    tree: &Node,
    schema: Schema,
    package: &str,
    flavour: Flavour,
    into: Option<&Node>,
) -> Outcome {
    let mut decoder = Decoder {
        minor,
        package,
        flavour,
        inferred: false,
        error: None,
        strict: Vec::new(),
        seen: HashSet::new(),
        structure: "",
        fields: Vec::new(),
        path: String::new(),
    };
    let form = Form::Struct(schema);
    let (value, error) = match decoder.value(tree, form, Name::Plain, into) {
        Ok(value) => (value, decoder.error.take()),
        Err(error) => (None, Some(error)),
    };
    Outcome {
        value,
        error,
        strict: decoder.strict,
        is_inferred: decoder.inferred || schema.certainty == Certainty::Inferred,
    }
}

/// As [`decode`], into a type of Go whose fields have no JSON names: errors name them as Go does.
pub(crate) fn decode_internal(minor: Minor, tree: &Node, schema: Schema, into: &Node) -> Outcome {
    let mut outcome = decode(minor, tree, schema, "config", Flavour::Standard, Some(into));
    if let Some((message, _)) = &mut outcome.error {
        *message = names::internal(message);
    }
    outcome
}

struct Decoder<'a> {
    minor: Minor,
    package: &'a str,
    flavour: Flavour,
    inferred: bool,
    error: Option<Mismatch>,
    strict: Vec<Mismatch>,
    seen: HashSet<String>,
    /// The struct that a field is being decoded of, and the names that lead to the field.
    structure: &'static str,
    fields: Vec<&'static str>,
    /// The same with indices and the keys of maps.
    path: String,
}

/// The Go type of a value where it has a name of its own.
#[derive(Clone, Copy)]
enum Name {
    Plain,
    Named(&'static str),
}

type Decoded = Result<Option<Node>, Mismatch>;

impl Decoder<'_> {
    fn value(&mut self, node: &Node, form: Form, name: Name, into: Option<&Node>) -> Decoded {
        match form {
            Form::Pointer(inner) => match node.value {
                Value::Null => Ok(None),
                _ => self.value(node, inner.form(), name, into),
            },
            Form::Bool => Ok(self.plain(node, "bool", name, into, |value| {
                matches!(value, Value::Bool(_))
            })),
            Form::String => Ok(self.plain(node, "string", name, into, |value| {
                matches!(value, Value::Text(_))
            })),
            Form::Int(bits) => Ok(
                self.number(node, &format!("int{bits}"), name, into, |text| {
                    fits(text, bits)
                }),
            ),
            Form::Uint(bits) => Ok(
                self.number(node, &format!("uint{bits}"), name, into, |text| {
                    fits_unsigned(text, bits)
                }),
            ),
            Form::Float(bits) => {
                Ok(
                    self.number(node, &format!("float{bits}"), name, into, |text| {
                        fits_float(text, bits)
                    }),
                )
            }
            Form::Bytes => Ok(self.bytes(node, into)),
            Form::Duration => self.duration(node),
            Form::TimeOrDuration => self.time_or_duration(node, into),
            Form::Time => self.time(node),
            Form::Quantity => Self::quantity(node),
            Form::IntOrString => self.int_or_string(node),
            Form::List(item) => self.list(node, item, name, into),
            Form::Map(item) => self.map(node, item, name, into),
            Form::Struct(schema) => self.structure(node, schema, into),
            Form::Raw => Ok(Some(node.clone())),
            Form::Other => {
                self.inferred = true;
                Ok(Some(node.clone()))
            }
        }
    }

    /// Notes that a value is of a wrong type.
    fn mismatch(&mut self, node: &Node, found: &str, wanted: &str) {
        let message = self.words(found, wanted);
        if self.error.is_none() {
            self.error = Some((message, node.place));
        }
    }

    /// `UnmarshalTypeError`.
    fn words(&self, found: &str, wanted: &str) -> String {
        if self.fields.is_empty() {
            return format!("json: cannot unmarshal {found} into Go value of type {wanted}");
        }
        let structure = names::of_struct(self.structure);
        let mut fields = self.fields.clone();
        if let Some(embedded) = names::of_embedded(self.minor, structure) {
            fields.insert(fields.len().saturating_sub(1), embedded);
        }
        format!(
            "json: cannot unmarshal {found} into Go struct field {structure}.{} of type {wanted}",
            fields.join(".")
        )
    }

    fn plain(
        &mut self,
        node: &Node,
        wanted: &str,
        name: Name,
        into: Option<&Node>,
        is_right: fn(&Value) -> bool,
    ) -> Option<Node> {
        match &node.value {
            Value::Null => into.cloned(),
            value if is_right(value) => Some(node.clone()),
            _ => {
                let wanted = match name {
                    Name::Plain => wanted,
                    Name::Named(name) => name,
                };
                self.mismatch(node, node.kind(), wanted);
                into.cloned()
            }
        }
    }

    fn number(
        &mut self,
        node: &Node,
        wanted: &str,
        name: Name,
        into: Option<&Node>,
        fits: impl Fn(&str) -> bool,
    ) -> Option<Node> {
        let wanted = match name {
            Name::Plain => wanted,
            Name::Named(name) => name,
        };
        match &node.value {
            Value::Null => into.cloned(),
            Value::Number(text) if fits(text) => Some(node.clone()),
            Value::Number(text) => {
                self.mismatch(node, &format!("number {text}"), wanted);
                into.cloned()
            }
            _ => {
                self.mismatch(node, node.kind(), wanted);
                into.cloned()
            }
        }
    }

    fn bytes(&mut self, node: &Node, into: Option<&Node>) -> Option<Node> {
        match &node.value {
            Value::Null => None,
            Value::Text(text) => {
                if let Some(at) = base64_error(text) {
                    if self.error.is_none() {
                        let words = format!("illegal base64 data at input byte {at}");
                        self.error = Some((words, node.place));
                    }
                    return into.cloned();
                }
                Some(node.clone())
            }
            Value::List(_) => {
                // An array of numbers is taken too.
                self.inferred = true;
                Some(node.clone())
            }
            _ => {
                self.mismatch(node, node.kind(), "[]uint8");
                into.cloned()
            }
        }
    }

    /// The string of a type with a decoder of its own, which has to be one. `null` leaves it empty.
    fn own_text<'n>(&self, node: &'n Node) -> Result<&'n str, Mismatch> {
        match &node.value {
            Value::Text(text) => Ok(text),
            Value::Null => Ok(""),
            _ => Err((self.words(node.kind(), "string"), node.place)),
        }
    }

    fn duration(&self, node: &Node) -> Decoded {
        let text = self.own_text(node)?;
        duration::parse(text).map_err(|words| (words, node.place))?;
        Ok(Some(node.clone()))
    }

    fn time_or_duration(&self, node: &Node, into: Option<&Node>) -> Decoded {
        match &node.value {
            Value::Text(_) => self.duration(node),
            Value::Null => Ok(into.cloned()),
            Value::Number(text) if fits(text, 64) => Ok(Some(node.clone())),
            value => {
                let found = match value {
                    Value::Number(text) => format!("number {text}"),
                    _ => node.kind().to_owned(),
                };
                let json = go::quote(node.to_json().to_string().as_bytes());
                let words = format!(
                    "invalid duration {json}: json: cannot unmarshal {found} into Go value of type time.Duration"
                );
                Err((words, node.place))
            }
        }
    }

    fn time(&mut self, node: &Node) -> Decoded {
        if node.value == Value::Null {
            return Ok(None);
        }
        let text = self.own_text(node)?;
        if !is_time(text) {
            let quoted = go::quote(text.as_bytes());
            // The words go on with what exactly does not fit.
            let words = format!("parsing time {quoted} as \"2006-01-02T15:04:05Z07:00\"");
            return Err((words, node.place));
        }
        Ok(Some(node.clone()))
    }

    /// A number becomes a text, as Go writes quantities.
    fn quantity(node: &Node) -> Decoded {
        let text = match &node.value {
            Value::Null => return Ok(None),
            Value::Number(text) | Value::Text(text) => text.trim(),
            // Its text is not a quantity.
            Value::Bool(_) | Value::List(_) | Value::Map(_) => "?",
        };
        quantity::parse(text).map_err(|words| (words, node.place))?;
        Ok(Some(Node {
            value: Value::Text(text.to_owned()),
            place: node.place,
        }))
    }

    fn int_or_string(&self, node: &Node) -> Decoded {
        match &node.value {
            Value::Text(_) => Ok(Some(node.clone())),
            Value::Null => Ok(None),
            Value::Number(text) if fits(text, 32) => Ok(Some(node.clone())),
            Value::Number(text) => {
                Err((self.words(&format!("number {text}"), "int32"), node.place))
            }
            _ => Err((self.words(node.kind(), "int32"), node.place)),
        }
    }

    fn list(&mut self, node: &Node, item: Type, name: Name, into: Option<&Node>) -> Decoded {
        let items = match &node.value {
            Value::Null => return Ok(None),
            Value::List(items) => items,
            _ => {
                let wanted = self.go_type(Form::List(item), name);
                self.mismatch(node, node.kind(), &wanted);
                return Ok(into.cloned());
            }
        };
        let before = match into.map(|into| &into.value) {
            Some(Value::List(before)) => before.as_slice(),
            _ => &[],
        };
        let length = self.path.len();
        let mut out = Vec::with_capacity(items.len());
        for (index, found) in items.iter().enumerate() {
            let _ = write!(self.path, "[{index}]");
            // Go decodes into the elements that the list had.
            let value = self.value(found, item.form(), Name::Plain, before.get(index))?;
            self.path.truncate(length);
            out.push(value.unwrap_or(Node {
                value: Value::Null,
                place: found.place,
            }));
        }
        Ok(Some(Node {
            value: Value::List(out),
            place: node.place,
        }))
    }

    fn map(&mut self, node: &Node, item: Type, name: Name, into: Option<&Node>) -> Decoded {
        let entries = match &node.value {
            Value::Null => return Ok(None),
            Value::Map(entries) => entries,
            _ => {
                let wanted = self.go_type(Form::Map(item), name);
                self.mismatch(node, node.kind(), &wanted);
                return Ok(into.cloned());
            }
        };
        let mut out = into.cloned().unwrap_or(Node {
            value: Value::Map(Vec::new()),
            place: node.place,
        });
        let length = self.path.len();
        let mut seen = HashSet::new();
        for (key, found) in entries {
            if !seen.insert(key) {
                self.report("duplicate field", key, found.place);
            }
            self.push(key);
            let value = self.value(found, item.form(), Name::Plain, None)?;
            self.path.truncate(length);
            let value = value.unwrap_or(Node {
                value: Value::Null,
                place: found.place,
            });
            out.set(key, value);
        }
        Ok(Some(out))
    }

    fn structure(&mut self, node: &Node, schema: Schema, into: Option<&Node>) -> Decoded {
        let entries = match &node.value {
            Value::Null => return Ok(into.cloned()),
            Value::Map(entries) => entries,
            _ => {
                let wanted = self.go_type(Form::Struct(schema), Name::Plain);
                self.mismatch(node, node.kind(), &wanted);
                return Ok(into.cloned());
            }
        };
        let mut out = into.cloned().unwrap_or(Node {
            value: Value::Map(Vec::new()),
            place: node.place,
        });
        let outer = (self.structure, self.fields.len(), self.path.len());
        let mut seen = HashSet::new();
        for (key, found) in entries {
            let field = schema.field(key).or_else(|| match self.flavour {
                Flavour::Kubernetes => None,
                Flavour::Standard => schema
                    .fields()
                    .find(|field| field.name.eq_ignore_ascii_case(key)),
            });
            let Some(field) = field else {
                self.report("unknown field", key, found.place);
                continue;
            };
            if !seen.insert(field.name) {
                self.report("duplicate field", field.name, found.place);
            }
            self.structure = schema.name;
            self.fields.push(field.name);
            self.push(field.name);
            let name = names::of_field(self.minor, schema.name, field.name)
                .map_or(Name::Plain, Name::Named);
            let before = out.get(field.name).cloned();
            let value = self.value(found, field.value.form(), name, before.as_ref())?;
            self.structure = outer.0;
            self.fields.truncate(outer.1);
            self.path.truncate(outer.2);
            match value {
                Some(mut value) => {
                    // A value is where its name is.
                    value.place = found.place.or(value.place);
                    out.set(field.name, value);
                }
                None => out.remove(field.name),
            }
        }
        Ok(Some(out))
    }

    fn push(&mut self, key: &str) {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(key);
    }

    /// Notes what a strict decoder reports, each once and not more than 100.
    fn report(&mut self, what: &str, key: &str, place: Option<Place>) {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        let words = format!("{what} {}", go::quote(path.as_bytes()));
        if self.strict.len() < 100 && self.seen.insert(words.clone()) {
            self.strict.push((words, place));
        }
    }

    /// The name of a Go type.
    fn go_type(&self, form: Form, name: Name) -> String {
        if let Name::Named(name) = name {
            return name.to_owned();
        }
        match form {
            Form::Pointer(inner) => format!("*{}", self.go_type(inner.form(), Name::Plain)),
            Form::Bool => "bool".to_owned(),
            Form::String => "string".to_owned(),
            Form::Int(bits) => format!("int{bits}"),
            Form::Uint(bits) => format!("uint{bits}"),
            Form::Float(bits) => format!("float{bits}"),
            Form::Bytes => "[]uint8".to_owned(),
            Form::Duration => "v1.Duration".to_owned(),
            Form::TimeOrDuration => "v1.TimeOrMetaDuration".to_owned(),
            Form::Time => "v1.Time".to_owned(),
            Form::Quantity => "resource.Quantity".to_owned(),
            Form::IntOrString => "intstr.IntOrString".to_owned(),
            Form::List(item) => format!("[]{}", self.go_type(item.form(), Name::Plain)),
            Form::Map(item) => {
                format!("map[string]{}", self.go_type(item.form(), Name::Plain))
            }
            Form::Struct(schema) => names::with_package(schema.name, self.package),
            Form::Raw | Form::Other => "interface {}".to_owned(),
        }
    }
}

/// `strconv.ParseInt` in base 10, in so many bits.
fn fits(text: &str, bits: u32) -> bool {
    let Ok(value) = text.parse::<i64>() else {
        return false;
    };
    let shift = 64u32.saturating_sub(bits);
    value << shift >> shift == value
}

fn fits_unsigned(text: &str, bits: u32) -> bool {
    let Ok(value) = text.parse::<u64>() else {
        return false;
    };
    let shift = 64u32.saturating_sub(bits);
    value << shift >> shift == value
}

fn fits_float(text: &str, bits: u32) -> bool {
    if bits == 32 {
        return text.parse::<f32>().is_ok_and(f32::is_finite);
    }
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether a text is of RFC 3339, as far as its shape goes.
fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else {
        return false;
    };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches('0'),
        None => rest,
    };
    matches!(rest, "Z" | "+00:00" | "-00:00")
}

/// Where `base64.StdEncoding` stops, if it does. Line breaks do not count.
fn base64_error(text: &str) -> Option<usize> {
    let is_digit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let mut count = 0usize;
    let mut padding = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\r' | b'\n' => {}
            b'=' if count % 4 >= 2 && padding < 2 => padding = padding.saturating_add(1),
            byte if is_digit(byte) && padding == 0 => count = count.saturating_add(1),
            _ => return Some(at),
        }
    }
    let whole = count.saturating_add(padding).is_multiple_of(4);
    (!whole).then_some(text.len())
}
