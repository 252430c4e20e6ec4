//! What each check of a start rests on, and the failures that it makes.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::flags::KubeletFlags;
use super::machine::{Machine, Presence};
use super::parts::{self, note};
use crate::kubernetes::codec::duration;
use crate::kubernetes::feature_gates::Gates;
use crate::kubernetes::{Cause, Failure};

/// A check of a start.
pub(super) type Run = fn(&Start<'_>) -> Result<(), Failure>;

/// What the checks need.
pub struct Start<'a> {
    /// The flags.
    pub flags: &'a KubeletFlags,
    /// The configuration of files and flags, with or without defaults.
    pub configuration: &'a Json,
    /// The feature gates of files and flags.
    pub gates: &'a Gates,
    /// The machine, as the kubelet sees it.
    pub machine: &'a Machine<'a>,
    /// What set a field of the configuration that no flag sets: a file.
    pub origin: &'a dyn Fn(&str) -> Cause,
}

impl Start<'_> {
    pub(super) fn is_enabled(&self, gate: &str) -> bool {
        note(&parts::gate(gate));
        self.gates.is_enabled(gate)
    }

    pub(super) fn get(&self, path: &str) -> Option<&Json> {
        note(path);
        let found = path
            .split('.')
            .try_fold(self.configuration, |at, name| at.get(name))?;
        (!found.is_null()).then_some(found)
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?.as_str()
    }

    pub(super) fn is_on(&self, path: &str) -> Option<bool> {
        self.get(path)?.as_bool()
    }

    /// A duration: text, or nanoseconds.
    pub(super) fn nanoseconds(&self, path: &str) -> Option<i64> {
        match self.get(path)? {
            Json::String(text) => duration::parse(text).ok(),
            value => value.as_i64(),
        }
    }

    /// The pairs of a map of texts, by key.
    pub(super) fn pairs(&self, path: &str) -> BTreeMap<&str, &str> {
        let object = self.get(path).and_then(Json::as_object);
        let pairs = object.into_iter().flatten();
        pairs
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
            .collect()
    }

    pub(super) fn is_missing(&self, path: &str) -> bool {
        path.starts_with('/') && (self.machine.presence)(path) == Presence::Missing
    }

    /// The flags of klog (up to 1.25) that are set to another value than their default.
    pub(super) fn changed_klog_flags(&self) -> Vec<&'static str> {
        const DEFAULTS: [(&str, &str); 11] = [
            ("add-dir-header", "false"),
            ("alsologtostderr", "false"),
            ("log-backtrace-at", ""),
            ("log-dir", ""),
            ("log-file", ""),
            ("log-file-max-size", "1800"),
            ("logtostderr", "true"),
            ("one-output", "false"),
            ("skip-headers", "false"),
            ("skip-log-headers", "false"),
            ("stderrthreshold", "2"),
        ];
        let changed = |&(name, default): &(&'static str, &str)| {
            let value = self.flags.value_text(name)?;
            (value != default).then_some(name)
        };
        DEFAULTS.iter().filter_map(changed).collect()
    }

    /// A failure over fields: of the flags that set them, or of their file.
    pub(super) fn failure(&self, message: String, fields: &[&str]) -> Failure {
        let positions: Vec<_> = fields
            .iter()
            .flat_map(|field| self.flags.positions_of_field(field))
            .collect();
        let cause = match fields.first() {
            Some(field) if positions.is_empty() => (self.origin)(field),
            _ => Cause::Arguments(positions),
        };
        Failure {
            message,
            cause,
            rests_on_names: false,
        }
    }

    pub(super) fn flag_failure(&self, message: String, flags: &[&str]) -> Failure {
        let positions = flags.iter().flat_map(|flag| self.flags.positions(flag));
        Failure {
            message,
            cause: Cause::Arguments(positions.collect()),
            rests_on_names: false,
        }
    }
}
