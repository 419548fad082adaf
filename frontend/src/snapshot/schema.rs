//! The format as a JSON Schema.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::document::Document;

/// JSON Schema (draft 2020-12) of a snapshot.
pub fn schema() -> Value {
    let mut schema: Schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Document>();
    schema.insert("$id".to_owned(), "urn:policy-check:schema:snapshot:1".into());
    schema.into()
}
