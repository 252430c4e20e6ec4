//! Sends records to the journal, or to standard error where there is none.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tracing::{Dispatch, Level, Metadata, dispatcher};
use tracing_journald::PriorityMappings;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;

use crate::journal::{Priority, Record};

/// The module whose events are records. Events of other crates are not sent.
const TARGET: &str = module_path!();
/// journald's varlink socket.
const JOURNAL: &str = "/run/systemd/journal/io.systemd.journal";
/// How long journald may take to confirm that it has read the records.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sends all records, in order, and waits until journald has read them: it reads the properties of the
/// sending process, which must still exist then.
pub(crate) fn send(records: &[Record]) {
    if post(records) {
        synchronize();
    }
}

/// Sends all records, in order, for a process that keeps running. Returns false where there is no journal,
/// and they were printed to standard error.
pub(crate) fn post(records: &[Record]) -> bool {
    let layer = tracing_journald::layer().map(|layer| {
        layer
            .with_field_prefix(None)
            .with_syslog_identifier("preflight-rke2".to_owned())
            .with_priority_mappings(PriorityMappings {
                error: tracing_journald::Priority::Error,
                warn: tracing_journald::Priority::Warning,
                info: tracing_journald::Priority::Notice,
                debug: tracing_journald::Priority::Informational,
                trace: tracing_journald::Priority::Debug,
            })
    });
    let Ok(layer) = layer else {
        let mut out = std::io::stderr().lock();
        for record in records {
            // If this fails too, the records are lost.
            let _ = writeln!(out, "preflight-rke2: {}", record.message);
        }
        return false;
    };
    let ours = |meta: &Metadata<'_>| meta.target() == TARGET;
    let layer = layer.with_filter(tracing_subscriber::filter::filter_fn(ours));
    let dispatch = Dispatch::new(Registry::default().with(layer));
    dispatcher::with_default(&dispatch, || records.iter().for_each(emit));
    true
}

/// One record as one event. Field names are literals to `tracing`, so each kind has its macro call.
fn emit(record: &Record) {
    macro_rules! at {
        ($level:expr) => {{
            if let Some(finding) = &record.finding {
                tracing::event!(
                    target: TARGET,
                    $level,
                    message_id = record.message_id,
                    object_systemd_unit = record.unit.as_str(),
                    preflight_check = finding.check.as_str(),
                    preflight_effect = finding.effect.as_str(),
                    preflight_subject = finding.subject.as_str(),
                    preflight_required = finding.required.as_str(),
                    preflight_required_by = finding.required_by.as_str(),
                    preflight_actual = finding.actual.as_str(),
                    preflight_next_boot = finding.next_boot.as_str(),
                    preflight_file = finding.file.as_str(),
                    preflight_line = finding.line.as_str(),
                    preflight_predicted = finding.predicted.as_str(),
                    preflight_remedy = finding.remedy.as_str(),
                    message = record.message.as_str(),
                );
            } else {
                let summary = record.summary.as_ref();
                tracing::event!(
                    target: TARGET,
                    $level,
                    message_id = record.message_id,
                    object_systemd_unit = record.unit.as_str(),
                    preflight_reasons = summary.map(|s| s.reasons.as_str()),
                    preflight_remedy = summary.map(|s| s.remedy.as_str()),
                    preflight_setter = summary.map(|s| s.changed_by.as_str()),
                    message = record.message.as_str(),
                );
            }
        }};
    }
    match record.priority {
        Priority::Error => at!(Level::ERROR),
        Priority::Warning => at!(Level::WARN),
        Priority::Notice => at!(Level::INFO),
    }
}

/// `io.systemd.Journal.Synchronize` (systemd 243 and newer): returns when everything that was sent before is
/// stored. A failure is ignored.
fn synchronize() {
    let ask = || -> std::io::Result<()> {
        let mut journal = UnixStream::connect(JOURNAL)?;
        journal.set_read_timeout(Some(PATIENCE))?;
        journal.set_write_timeout(Some(PATIENCE))?;
        journal.write_all(b"{\"method\":\"io.systemd.Journal.Synchronize\"}\0")?;
        // Any answer suffices: a reply ends in a NUL, and an error is also an answer.
        let mut answer = [0; 256];
        journal.read(&mut answer).map(drop)
    };
    // Best effort: the records themselves are sent.
    drop(ask());
}
