//! For programs: the report as it is.

use super::Report;

/// The report as one JSON document, ending in a newline.
pub fn render(report: &Report) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

/// The JSON Schema (draft 2020-12) of the report.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Report).into()
}
