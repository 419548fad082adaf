//! Answers of a policy, recorded or given now, in the terms in which they are compared.

use std::collections::BTreeSet;
use std::fmt;

use policy_engine::check::{Action, Outcome};
use policy_engine::metadata::{Request, Wanted};
use policy_engine::policy::PolicyError;
use policy_engine::source::SourceOp;

use super::json_value;
use crate::redact;

/// What a policy answers to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It asks for metadata.
    Asks(BTreeSet<Group>),
    /// It decides.
    Decides(Decided),
    /// It fails.
    Fails(String),
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) action: Action,
    /// `None` where they are not to be compared.
    pub(super) messages: Option<BTreeSet<String>>,
    pub(super) update: Option<SourceOp>,
}

/// A group of metadata, which costs a fetch of its own, of one source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub(super) source: SourceOp,
    pub(super) kind: Kind,
}

/// What may be asked for. An image's digest comes along with everything and counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    ImageConfig,
    AttestationChain,
    Provenance,
    GitRef,
    GitObjects,
    HttpChecksum,
    HttpChecksumWithSuffix,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::ImageConfig => "image config",
            Self::AttestationChain => "attestation chain",
            Self::Provenance => "provenance",
            Self::GitRef => "git ref",
            Self::GitObjects => "git objects",
            Self::HttpChecksum => "http checksum",
            Self::HttpChecksumWithSuffix => "http checksum with suffix",
        }
    }
}

/// The groups that `wanted` names.
pub(super) fn groups<'a>(source: &'a SourceOp, wanted: &Wanted) -> impl Iterator<Item = Group> + use<'a> {
    let mut kinds = Vec::new();
    if let Some(image) = &wanted.image {
        kinds.extend(image.config.then_some(Kind::ImageConfig));
        // The peer knows those signatures that are in the chain.
        let chain = image.attestation_chain || image.signatures;
        kinds.extend(chain.then_some(Kind::AttestationChain));
        kinds.extend((!image.attestations.is_empty()).then_some(Kind::Provenance));
    }
    if let Some(git) = &wanted.git {
        kinds.push(Kind::GitRef);
        kinds.extend(git.objects.then_some(Kind::GitObjects));
    }
    if let Some(http) = &wanted.http {
        kinds.push(Kind::HttpChecksum);
        kinds.extend((!http.checksums.is_empty()).then_some(Kind::HttpChecksumWithSuffix));
    }
    kinds.into_iter().map(|kind| Group { source: source.clone(), kind })
}

impl Answer {
    /// What the engine answered.
    pub(super) fn given(outcome: Result<Outcome, PolicyError>) -> Self {
        match outcome {
            Ok(Outcome::Needs(requests)) => Self::Asks(
                requests.iter().flat_map(|Request { source, wanted, .. }| groups(source, wanted)).collect(),
            ),
            Ok(Outcome::Decided(decision)) => Self::Decides(Decided {
                action: decision.action,
                messages: Some(decision.messages.into_iter().collect()),
                update: decision.update,
            }),
            Err(error) => Self::Fails(error.to_string()),
        }
    }

    /// The name of the end that this answer is: `ALLOW`, `DENY`, `CONVERT`, `error` or `unresolved`.
    pub(super) fn end(&self) -> &'static str {
        match self {
            Self::Asks(_) => "unresolved",
            Self::Fails(_) => "error",
            Self::Decides(Decided { action: Action::Allow, .. }) => "ALLOW",
            Self::Decides(Decided { action: Action::Deny, .. }) => "DENY",
            Self::Decides(Decided { action: Action::Convert, .. }) => "CONVERT",
        }
    }
}

impl Decided {
    /// Whether `given` is this decision, where `self` was recorded.
    pub(super) fn agrees(&self, given: &Self) -> bool {
        self.action == given.action && self.update == given.update && self.messages_agree(given)
    }

    fn messages_agree(&self, given: &Self) -> bool {
        let (Some(recorded), Some(given)) = (&self.messages, &given.messages) else { return true };
        // An allowed source needs no explanation: BuildKit drops it, so it isn't recorded either.
        if self.action == Action::Allow {
            return true;
        }
        // buildx drops a `deny_msg` that is a string; with us it counts as one message.
        if self.action == Action::Deny && recorded.is_empty() && given.len() == 1 {
            return true;
        }
        let found_in = |message: &String, others: &BTreeSet<String>| {
            others.contains(message) || others.iter().any(|other| json_value::same(message, other))
        };
        recorded.iter().all(|message| found_in(message, given))
            && given.iter().all(|message| found_in(message, recorded))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asks(groups) if groups.is_empty() => f.write_str("asks for nothing but a digest"),
            Self::Asks(groups) => {
                let several =
                    groups.iter().any(|group| groups.iter().any(|other| other.source != group.source));
                f.write_str("asks for ")?;
                for (number, Group { source, kind }) in groups.iter().enumerate() {
                    f.write_str(if number > 0 { ", " } else { "" })?;
                    f.write_str(kind.words())?;
                    if several {
                        write!(f, " of {}", redact::source(source))?;
                    }
                }
                Ok(())
            }
            Self::Decides(Decided { messages, update, .. }) => {
                f.write_str(self.end())?;
                if let Some(messages) = messages.as_ref().filter(|messages| !messages.is_empty()) {
                    write!(f, " {messages:?}")?;
                }
                if let Some(update) = update {
                    write!(f, " to {}", redact::source(update))?;
                }
                Ok(())
            }
            Self::Fails(why) => write!(f, "error {why:?}"),
        }
    }
}
