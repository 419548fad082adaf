//! For programs: the report as it is.

use schemars::generate::SchemaSettings;

use super::BuildReport;

/// The report as one JSON document, ending in a newline.
pub fn render(report: &BuildReport) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

/// The JSON Schema (draft 2020-12) of the report.
pub fn schema() -> serde_json::Value {
    // What is left out where it says nothing is not required.
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<BuildReport>()
        .into()
}
