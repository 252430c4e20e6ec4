//! What becomes of a kubelet that is started with a command line.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::kubernetes::arguments::Value;
use crate::kubernetes::feature_gates;
use crate::kubernetes::{Cause, Failure, Minor};

use super::configuration::{self, Directory, Error, File, GateRefusal, Gates, Inputs, Loaded};
use super::context::Start;
use super::flags::KubeletFlags;
use super::machine::Machine;
use super::parts::{self, OwnFields, Paths};
use super::start;
use super::validation::{self, Host};

/// What becomes of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It goes on, with this configuration and these feature gates, as far as its inputs decide.
    GoesOn(Box<(Loaded, feature_gates::Gates)>),
    /// It exits.
    Exits(Failure),
    /// That cannot be known, and why.
    Unknown(String),
}

/// Works out what becomes of a kubelet, up to where it calls the container runtime, and behind that where the runtime
/// answers. `arguments` are without the program's name.
pub fn outcome(minor: Minor, arguments: &[String], machine: &Machine<'_>) -> Outcome {
    match checked(minor, arguments, machine) {
        Ok(both) => Outcome::GoesOn(Box::new(both)),
        Err(Error::Failure(failure)) => Outcome::Exits(failure),
        Err(Error::Unknown(why)) => Outcome::Unknown(why),
    }
}

fn checked(
    minor: Minor,
    arguments: &[String],
    machine: &Machine<'_>,
) -> Result<(Loaded, feature_gates::Gates), Error> {
    let flags = KubeletFlags::parse(minor, arguments).map_err(Error::Failure)?;
    let path = flags.text("config").filter(|path| !path.is_empty());
    let content = path.map(|path| (path, (machine.read)(path)));
    let directory = flags.text("config-dir").filter(|path| !path.is_empty());
    let found = directory.map(|path| (path, contents(path, machine)));
    let files: Vec<File<'_>> = match &found {
        Some((_, Ok(files))) => files
            .iter()
            .map(|(path, content)| file(path, content))
            .collect(),
        _ => Vec::new(),
    };
    let set_flags = |configuration: &mut Json| flags.apply_to(configuration);
    let positions = |field: &str| flags.positions_of_field(field);
    let inputs = Inputs {
        config: content.as_ref().map(|(path, content)| file(path, content)),
        config_dir: found.as_ref().map(|(path, found)| {
            let directory = match found {
                Ok(_) => Directory::Files(&files),
                Err(error) => Directory::Unreadable(error),
            };
            (*path, directory)
        }),
        has_drop_in_variable: machine.has_drop_in_variable,
        set_flags: &set_flags,
        positions: &positions,
        gates: flags.gates(),
    };
    let loaded = configuration::load(minor, &inputs)?;
    let json = loaded.value.to_json();
    let origin = |field: &str| loaded.cause(field, &inputs);
    let gates = check(&flags, &json, &loaded, &inputs, machine, &origin).map_err(Error::Failure)?;
    Ok((loaded, gates))
}

/// The feature gates of a kubelet that starts, as far as its inputs decide. `is_users` tells which arguments a
/// user set; all others are RKE2's. `own` gives the fields of the configuration that RKE2 sets besides; there is no
/// file but RKE2's. The kubelet takes what RKE2 gives it alone, so that only those checks are asked that read
/// something of what a user set.
///
/// `None`: that is not known from these checks alone; [`outcome`] asks all of them.
pub fn takes(
    minor: Minor,
    arguments: &[String],
    is_users: &dyn Fn(usize) -> bool,
    own: &OwnFields<'_>,
    machine: &Machine<'_>,
) -> Option<feature_gates::Gates> {
    // 1.24 checks logging among the fields.
    if minor < Minor(25) {
        return None;
    }
    let flags = KubeletFlags::parse(minor, arguments).ok()?;
    let set = set_by(&flags, is_users)?;
    let mut fields = Paths::default();
    let of_fields = validation::select(&set, &mut fields);
    let of_start = start::select(&set, &mut fields);
    let gates = flags.gates();
    let (loaded, json) = configuration::load_some(minor, &fields, own, &flags);
    let inputs = Inputs {
        config: None,
        config_dir: None,
        has_drop_in_variable: false,
        set_flags: &|_| {},
        positions: &|_| Vec::new(),
        gates,
    };
    let host = Host {
        has_cgroup_v1: machine.has_cgroup_v1,
        logging: &[],
    };
    if !validation::passes(
        minor,
        &loaded,
        &inputs,
        &flags.requested_gates(),
        host,
        &of_fields,
    ) {
        return None;
    }
    let start = Start {
        flags: &flags,
        configuration: &json,
        gates,
        machine,
        origin: &|_| Cause::Arguments(Vec::new()),
    };
    of_start.passes(&start).then(|| gates.clone())
}

/// The paths of what a user's arguments set. `None` where they name a file of the configuration, set gates by their
/// stage, or are not known.
fn set_by(flags: &KubeletFlags, is_users: &dyn Fn(usize) -> bool) -> Option<Paths<'static>> {
    let mut set = Paths::default();
    for parsed in flags.parsed() {
        if !is_users(parsed.position) {
            continue;
        }
        let field = parsed.flag?.field;
        match (&parsed.value, field) {
            (Value::Switches(switches), _) => {
                for (name, _) in switches {
                    if matches!(name.as_str(), "AllAlpha" | "AllBeta") {
                        return None;
                    }
                    set.add(parts::gate(name));
                }
            }
            (_, Some(fields)) => fields.split(' ').for_each(|field| set.add(field)),
            (_, None) if matches!(parsed.name.as_str(), "config" | "config-dir") => return None,
            (_, None) => set.add(format!("--{}", parsed.name)),
        }
    }
    Some(set)
}

/// The checks behind the files, in their order. Gives the feature gates.
fn check(
    flags: &KubeletFlags,
    json: &Json,
    loaded: &Loaded,
    inputs: &Inputs<'_>,
    machine: &Machine<'_>,
    origin: &dyn Fn(&str) -> Cause,
) -> Result<feature_gates::Gates, Failure> {
    let minor = flags.minor();
    let gates = start::gates(flags, json, origin)?;
    let start = Start {
        flags,
        configuration: json,
        gates: &gates,
        machine,
        origin,
    };
    start::logging(&start)?;
    let logging = if minor == Minor(24) {
        start::logging_errors(&start)
    } else {
        Vec::new()
    };
    let host = Host {
        has_cgroup_v1: machine.has_cgroup_v1,
        logging: &logging,
    };
    validation::validate(minor, loaded, inputs, host)?;
    start::flush(&start)?;
    start::before_runtime(&start)?;
    if machine.runtime_answers {
        start::after_runtime(&start)?;
    }
    Ok(gates)
}

type Content = Result<Vec<u8>, String>;

fn contents(directory: &str, machine: &Machine<'_>) -> Result<Vec<(String, Content)>, String> {
    let paths = (machine.walk)(directory)?;
    Ok(paths
        .into_iter()
        .map(|path| {
            let content = (machine.read)(&path);
            (path, content)
        })
        .collect())
}

fn file<'a>(path: &'a str, content: &'a Content) -> File<'a> {
    File {
        path,
        content: content.as_deref().map_err(String::as_str),
    }
}

impl Gates for feature_gates::Gates {
    fn refusal(&self, more: &BTreeMap<String, bool>) -> Option<GateRefusal> {
        if self.has_all(more) {
            return None;
        }
        let refusal = self.clone().set(more).err()?;
        Some(GateRefusal {
            message: refusal.message(),
            rests_on_names: refusal.rests_on_names,
            gates: refusal.gates,
        })
    }

    fn is_enabled(&self, more: &BTreeMap<String, bool>, name: &str) -> bool {
        if self.has_all(more) {
            return Self::is_enabled(self, name);
        }
        let mut gates = self.clone();
        match gates.set(more) {
            Ok(()) => gates.is_enabled(name),
            Err(_) => Self::is_enabled(self, name),
        }
    }
}
