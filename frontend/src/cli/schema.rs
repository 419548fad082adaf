//! `policy-check schema`.

use clap::ValueEnum;
use policy_engine::capabilities;
use policy_engine::input::{decision_schema, example, opa_schema, schema};

use super::Exit;
use super::error::Error;
use super::output::Output;
use crate::policy_test::report::json as test_report;
use crate::report::build::json as report;
use crate::snapshot;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which document
    #[arg(default_value = "input")]
    document: Document,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Document {
    /// What a policy reads as `input`
    Input,
    /// The same for `opa check`, which cannot take what holds itself: materials of materials end
    OpaInput,
    /// What a policy answers as `data.docker.decision`
    Decision,
    /// What `--snapshot` writes
    Snapshot,
    /// What `dry-run` reports with `--format json`
    Report,
    /// What `test` reports with `--format json`
    TestReport,
    /// No schema, but an input with every property, for editors that complete from `input.json`
    Example,
    /// No schema, but OPA's capabilities file: the functions that a policy may call, for `opa` and Regal
    Capabilities,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<Exit, Error> {
    let schema = match args.document {
        Document::Input => schema(),
        Document::OpaInput => opa_schema(),
        Document::Decision => decision_schema(),
        Document::Snapshot => snapshot::schema(),
        Document::Report => report::schema(),
        Document::TestReport => test_report::schema(),
        Document::Example => example(),
        Document::Capabilities => capabilities(),
    };
    output.data(&(serde_json::to_string_pretty(&schema)? + "\n"))?;
    Ok(Exit::Allowed)
}
