//! Recordings for the tests of others.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

use policy_engine::input::Env;
use policy_engine::metadata::Metadata;
use policy_engine::policy::PolicyFile;
use policy_engine::source::{Platform, SourceOp};

use super::recording::{Body, Recording};

/// A recorded conversation.
pub(crate) struct Conversation {
    pub(crate) name: String,
    pub(crate) files: Vec<PolicyFile>,
    pub(crate) env: Env,
    pub(crate) steps: Vec<Question>,
    /// `ALLOW`, `DENY`, `CONVERT`, `error` or `unresolved`.
    pub(crate) end: &'static str,
}

/// What BuildKit asked.
pub(crate) struct Question {
    pub(crate) source: SourceOp,
    pub(crate) platform: Option<Platform>,
    pub(crate) metadata: Option<Metadata>,
}

/// All conversations in a file.
pub(crate) fn recordings(path: &Path) -> Vec<Conversation> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| Recording::parse(line).unwrap().unwrap()).map(conversation).collect()
}

fn conversation(recording: Recording) -> Conversation {
    let end = recording.end();
    let Recording { name, files, mut envs, body, .. } = recording;
    let Body::Conversation(steps) = body else { panic!("{name} has no steps") };
    let steps = steps.into_iter().map(|step| {
        let super::recording::Known { source, platform, metadata } = step.known;
        Question { source, platform, metadata }
    });
    Conversation { name, files: files.unwrap(), env: envs.remove(0), steps: steps.collect(), end }
}
