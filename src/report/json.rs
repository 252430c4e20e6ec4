//! The report for programs: `org.rke2.preflight.report/1`. Fields are only ever added.

use serde::Serialize;

use crate::assessment::UnitReport;
use crate::document::UnitDocument;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    units: &'a [&'a UnitDocument],
}

/// The document, one line feed at its end. With `all`, satisfied and inapplicable findings too.
pub fn render<'a>(reports: impl IntoIterator<Item = &'a UnitReport>, all: bool) -> String {
    let units: Vec<UnitDocument> = reports
        .into_iter()
        .map(|report| UnitDocument::new(report, all))
        .collect();
    render_units(&units.iter().collect::<Vec<_>>())
}

/// The document of these units, one line feed at its end.
pub(crate) fn render_units(units: &[&UnitDocument]) -> String {
    crate::text::json(&Document {
        schema: "org.rke2.preflight.report/1",
        units,
    })
}
