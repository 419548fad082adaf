//! What is remembered of one answer to `CheckPolicy`: for the log, the metrics and the build's progress.

use std::time::Duration;

use policy_engine::check::{Position, Print};
use policy_engine::source::{Platform, SourceOp};
use policy_engine::verify::Failure;

use crate::buildkit::convert;
use crate::buildkit::proto::policysession::Answer;
use crate::buildkit::proto::sourcepolicy::PolicyAction;

/// One answer to BuildKit.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The source, as BuildKit asked about it.
    pub source: SourceOp,
    /// The platform, where BuildKit named one.
    pub platform: Option<Platform>,
    /// `sha256:…` of an image or body, or a commit id; where it is known.
    pub digest: Option<String>,
    /// The policies in force.
    pub policies: Vec<PolicyId>,
    /// How it ended.
    pub verdict: Verdict,
    /// `deny_msg` of the policies, or the error.
    pub messages: Vec<String>,
    /// Which rule decided.
    pub position: Option<Position>,
    /// What the source was pinned to.
    pub pin: Option<SourceOp>,
    /// What `print` said.
    pub prints: Vec<Print>,
    /// Signatures that were looked at and don't count.
    pub failures: Vec<Failure>,
    /// Time spent on this answer, lookups included.
    pub elapsed: Duration,
    /// The check as `policy-check replay` reads it; `None` when it can't be decided again.
    pub case: Option<serde_json::Value>,
}

impl Record {
    /// A question that has no answer yet.
    pub fn new(source: SourceOp, platform: Option<Platform>) -> Self {
        Self {
            source,
            platform,
            digest: None,
            policies: Vec::new(),
            verdict: Verdict::Error,
            messages: Vec::new(),
            position: None,
            pin: None,
            prints: Vec::new(),
            failures: Vec::new(),
            elapsed: Duration::ZERO,
            case: None,
        }
    }

    /// An answer that no policy was asked for.
    pub fn refused(
        source: SourceOp,
        platform: Option<Platform>,
        answer: &Result<Answer, tonic::Status>,
    ) -> Self {
        let mut record = Self::new(source, platform);
        record.set_answer(answer);
        record
    }

    /// The client's own policy had the last word.
    pub fn decided_by_client(&mut self, answer: &Result<Answer, tonic::Status>) {
        self.position = None;
        self.pin = None;
        // It can't be decided again without that policy.
        self.case = None;
        self.policies = vec![PolicyId { name: "the client's own policy".to_owned(), digest: String::new() }];
        self.set_answer(answer);
    }

    fn set_answer(&mut self, answer: &Result<Answer, tonic::Status>) {
        match answer {
            Err(status) => {
                self.verdict = Verdict::Error;
                self.messages = vec![status.message().to_owned()];
            }
            Ok(Answer::Request(_)) => self.verdict = Verdict::Ask,
            Ok(Answer::Decision(decision)) => {
                self.verdict = match PolicyAction::try_from(decision.action) {
                    Ok(PolicyAction::Allow) => Verdict::Allow,
                    Ok(PolicyAction::Convert) => Verdict::Convert,
                    Ok(PolicyAction::Deny) | Err(_) => Verdict::Deny,
                };
                self.messages = decision.deny_messages.iter().map(|deny| deny.message.clone()).collect();
                self.pin = decision.update.as_ref().map(convert::source_op);
            }
        }
    }
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// The source may be used.
    Allow,
    /// It may not.
    Deny,
    /// It may be used as pinned, and is asked about again.
    Convert,
    /// Nothing is decided: BuildKit was asked for more, and will ask again.
    Ask,
    /// There is no decision; the source may not be used.
    Error,
}

impl Verdict {
    /// In one word, as logs and metrics show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Convert => "convert",
            Self::Ask => "ask",
            Self::Error => "error",
        }
    }
}

/// A policy, and its exact content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyId {
    /// Name of its first file, as messages show it.
    pub name: String,
    /// `sha256:…` over its files.
    pub digest: String,
}
