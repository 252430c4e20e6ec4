//! The report for programs: `org.rke2.preflight.report/1`. Fields are only ever added.

use serde::Serialize;

use super::disk;
use crate::assessment::UnitReport;
use crate::document::UnitDocument;
use crate::facts::disk::DiskLatency;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    units: &'a [&'a UnitDocument],
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<disk::Document<'a>>,
}

/// The document, one line feed at its end. With `all`, satisfied and inapplicable findings too.
pub fn render<'a>(reports: impl IntoIterator<Item = &'a UnitReport>, all: bool) -> String {
    with_disk(reports, None, all)
}

/// The same, with the latency of etcd's disk where that was asked for.
pub(crate) fn with_disk<'a>(
    reports: impl IntoIterator<Item = &'a UnitReport>,
    disk: Option<&DiskLatency>,
    all: bool,
) -> String {
    let units: Vec<UnitDocument> = reports
        .into_iter()
        .map(|report| UnitDocument::new(report, all))
        .collect();
    document(&units.iter().collect::<Vec<_>>(), disk)
}

/// The document of these units, one line feed at its end.
pub(crate) fn render_units(units: &[&UnitDocument]) -> String {
    document(units, None)
}

fn document(units: &[&UnitDocument], disk: Option<&DiskLatency>) -> String {
    crate::text::json(&Document {
        schema: "org.rke2.preflight.report/1",
        units,
        disk: disk.map(disk::Document::from),
    })
}
