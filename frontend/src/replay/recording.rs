//! One line of a recording.

use std::collections::{BTreeMap, BTreeSet};

use policy_engine::check::Action;
use policy_engine::input::Env;
use policy_engine::metadata::Metadata;
use policy_engine::policy::PolicyFile;
use policy_engine::source::{Platform, SourceOp};
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};
use serde_json::value::RawValue;

use super::answer::{Answer, Decided};
use super::message::{CheckRequest, DecisionResponse, MetaRequest, MetaResponse};

/// One recorded case.
pub(super) struct Recording {
    pub(super) name: String,
    /// `None` when the texts of the policies were not recorded.
    pub(super) files: Option<Vec<PolicyFile>>,
    /// The builds that the policies see; all must allow.
    pub(super) envs: Vec<Env>,
    pub(super) body: Body,
    /// What was looked up about other sources than the one in question.
    pub(super) materials: Vec<Known>,
    /// What must be answered last where that is deliberately not what was recorded.
    pub(super) ours: Option<Answer>,
    end: End,
}

/// What was recorded.
pub(super) enum Body {
    /// Every question and its answer; at least one.
    Conversation(Vec<Step>),
    /// Only all that there is to know.
    Completed(Box<Known>),
}

/// A question, and the answer to it.
pub(super) struct Step {
    pub(super) known: Known,
    pub(super) answer: Answer,
}

/// What a question tells the policy.
pub(super) struct Known {
    pub(super) source: SourceOp,
    pub(super) platform: Option<Platform>,
    /// `None` when nothing has been looked up.
    pub(super) metadata: Option<Metadata>,
}

impl From<CheckRequest> for Known {
    fn from(check: CheckRequest) -> Self {
        let (source, platform, metadata) = check.parts();
        Self { source, platform, metadata }
    }
}

impl Known {
    /// Signatures of an image whose chain is known are those in the chain, unless it says otherwise.
    fn signed_in_chain_only(&mut self) {
        if let Some(Metadata { image: Some(image), .. }) = &mut self.metadata
            && image.attestation_chain.is_some()
        {
            image.signatures.get_or_insert_default();
        }
    }

    /// The same question before anything was looked up.
    pub(super) fn unresolved(&self) -> Self {
        Self { source: self.source.clone(), platform: self.platform.clone(), metadata: None }
    }
}

impl Recording {
    /// Reads a recording, or the one in a line of a decision log; `None` for a line of a log that has none.
    pub(super) fn parse(line: &str) -> serde_json::Result<Option<Self>> {
        let outer: Outer<'_> = serde_json::from_str(line)?;
        match (outer.case, outer.replay) {
            (Some(_), _) => Self::read(line).map(Some),
            (None, Some(replay)) => Self::read(replay.get()).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn read(text: &str) -> serde_json::Result<Self> {
        let Line { case, steps, resolved, materials, end, ours } = serde_json::from_str(text)?;
        let body = match resolved {
            Some(resolved) => Body::Completed(Box::new(Known {
                source: SourceOp { identifier: case.identifier, attrs: case.attrs.unwrap_or_default() },
                platform: Some(Platform::new("linux", case.arch.as_deref().unwrap_or("amd64"), "")),
                metadata: resolved.metadata(),
            })),
            None if steps.is_empty() => {
                return Err(serde_json::Error::custom("neither `steps` nor `resolved`"));
            }
            None => Body::Conversation(steps.into_iter().map(Step::try_from).collect::<Result<_, _>>()?),
        };
        let envs = match (case.env, case.envs) {
            (Some(env), None) => vec![env],
            (None, Some(envs)) if !envs.is_empty() => envs,
            _ => return Err(serde_json::Error::custom("a case has one of `env` and `envs`")),
        };
        let files = |files: BTreeMap<String, String>| {
            files.into_iter().map(|(name, text)| PolicyFile { name, text }).collect()
        };
        let mut recording = Self {
            name: case.name,
            files: case.files.map(files),
            envs: envs.into_iter().map(EnvJson::env).collect(),
            body,
            materials: materials.into_iter().map(Known::from).collect(),
            end: ours.as_ref().map_or(end, Ours::end),
            ours: ours.map(Ours::answer),
        };
        // Where the policies' texts are, the peer was asked, which knows the signatures in the chain and no others.
        if recording.files.is_some() {
            recording.every_known().for_each(Known::signed_in_chain_only);
        }
        Ok(recording)
    }

    fn every_known(&mut self) -> impl Iterator<Item = &mut Known> {
        let (steps, completed) = match &mut self.body {
            Body::Conversation(steps) => (Some(steps), None),
            Body::Completed(known) => (None, Some(&mut **known)),
        };
        let steps = steps.into_iter().flatten().map(|step| &mut step.known);
        steps.chain(completed).chain(&mut self.materials)
    }

    /// How it must end, as [`Answer::end`] names it.
    pub(super) fn end(&self) -> &'static str {
        match self.end {
            End::Allow => "ALLOW",
            End::Deny => "DENY",
            End::Convert => "CONVERT",
            End::Error => "error",
            End::Unresolved => "unresolved",
        }
    }
}

/// Any line, without what is in it.
#[derive(Deserialize)]
struct Outer<'a> {
    case: Option<IgnoredAny>,
    #[serde(borrow)]
    replay: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Line {
    case: Case,
    #[serde(default)]
    steps: Vec<StepJson>,
    resolved: Option<MetaResponse>,
    #[serde(default)]
    materials: Vec<CheckRequest>,
    #[serde(rename = "final")]
    end: End,
    ours: Option<Ours>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    files: Option<BTreeMap<String, String>>,
    env: Option<EnvJson>,
    envs: Option<Vec<EnvJson>>,
    identifier: String,
    attrs: Option<BTreeMap<String, String>>,
    arch: Option<String>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct EnvJson {
    args: BTreeMap<String, Option<String>>,
    labels: BTreeMap<String, String>,
    filename: String,
    target: String,
}

impl EnvJson {
    fn env(self) -> Env {
        let Self { args, labels, filename, target } = self;
        Env { args, labels, filename, target }
    }
}

#[derive(Clone, Copy, Deserialize)]
enum End {
    #[serde(rename = "ALLOW")]
    Allow,
    #[serde(rename = "DENY")]
    Deny,
    #[serde(rename = "CONVERT")]
    Convert,
    #[serde(rename = "error")]
    Error,
    #[serde(rename = "unresolved")]
    Unresolved,
}

/// A deliberate difference: how it ends, and with which messages where those count.
#[derive(Deserialize)]
#[serde(untagged)]
enum Ours {
    End(End),
    Decision {
        #[serde(rename = "final")]
        end: End,
        messages: BTreeSet<String>,
    },
}

impl Ours {
    fn end(&self) -> End {
        match self {
            Self::End(end) | Self::Decision { end, .. } => *end,
        }
    }

    fn answer(self) -> Answer {
        let end = self.end();
        let messages = match self {
            Self::End(_) => None,
            Self::Decision { messages, .. } => Some(messages),
        };
        let decides = |action| Answer::Decides(Decided { action, messages, update: None });
        match end {
            End::Allow => decides(Action::Allow),
            End::Deny => decides(Action::Deny),
            End::Convert => decides(Action::Convert),
            End::Error => Answer::Fails(String::new()),
            End::Unresolved => Answer::Asks(BTreeSet::new()),
        }
    }
}

#[derive(Deserialize)]
struct StepJson {
    check: CheckRequest,
    request: Option<MetaRequest>,
    decision: Option<DecisionResponse>,
    error: Option<String>,
}

impl TryFrom<StepJson> for Step {
    type Error = serde_json::Error;

    fn try_from(step: StepJson) -> serde_json::Result<Self> {
        let answer = match (step.request, step.decision, step.error) {
            (Some(request), None, None) => request.answer(),
            (None, Some(decision), None) => decision.answer(),
            (None, None, Some(error)) => Answer::Fails(error),
            _ => {
                return Err(serde_json::Error::custom("a step has one of `request`, `decision` and `error`"));
            }
        };
        Ok(Self { known: step.check.into(), answer })
    }
}
