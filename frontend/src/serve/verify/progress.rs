//! What BuildKit was asked for during a build. It keeps nothing between its questions, so this does.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use policy_engine::metadata::{HttpMetadata, Metadata, Wanted};
use policy_engine::source::{Platform, SourceOp};

use super::VerifyError;
use super::question::Question;

/// By source and platform.
#[derive(Default)]
pub(super) struct Progress {
    sources: Mutex<HashMap<(SourceOp, Option<Platform>), Asked>>,
}

#[derive(Default)]
struct Asked {
    /// How often BuildKit came without metadata: each time a conversation began. Several about the same
    /// source may be under way.
    conversations: usize,
    /// How often BuildKit was asked for these.
    wanted: HashMap<Wanted, usize>,
    /// What an image was when its attestations were asked for.
    digest: Option<String>,
    /// What a URL's body was last, with all digests over a suffix that came so far.
    body: Option<HttpMetadata>,
}

impl Progress {
    /// Takes notice of a question, and compares what came with what was expected.
    pub(super) fn begin(&self, question: &Question) -> Result<(), VerifyError> {
        self.with(question, |asked| {
            let Some(known) = &question.known else {
                asked.conversations += 1;
                return Ok(());
            };
            let Some(image) = &known.image else { return Ok(()) };
            let Some(chain) = &image.attestation_chain else { return Ok(()) };
            let expected = asked.digest.as_ref().unwrap_or(&image.digest);
            match [&chain.root, &image.digest].into_iter().find(|found| *found != expected) {
                None => Ok(()),
                Some(found) => Err(VerifyError::Moved {
                    source_shown: question.shown(),
                    expected: expected.clone(),
                    found: found.clone(),
                }),
            }
        })
    }

    /// What BuildKit found out, by this question and by earlier ones. Of the digests over a body and a suffix it
    /// delivers one at a time.
    pub(super) fn known(&self, question: &Question) -> Option<Metadata> {
        let mut known = question.known.clone()?;
        if let Some(http) = &mut known.http {
            self.with(question, |asked| {
                if let Some(before) = &asked.body {
                    http.keep(before);
                }
                asked.body = Some(http.clone());
            });
        }
        Some(known)
    }

    /// Takes notice of a request to BuildKit; `false` when it had that in the same conversation already.
    pub(super) fn ask(&self, question: &Question, wanted: &Wanted) -> bool {
        self.with(question, |asked| {
            let times = asked.wanted.entry(wanted.clone()).or_default();
            let is_new = *times < asked.conversations.max(1);
            *times += usize::from(is_new);
            is_new
        })
    }

    /// Remembers of which image the attestations are asked for.
    pub(super) fn expect(&self, question: &Question, digest: &str) {
        self.with(question, |asked| asked.digest = Some(digest.to_owned()));
    }

    fn with<T>(&self, question: &Question, act: impl FnOnce(&mut Asked) -> T) -> T {
        let key = (question.source.clone(), question.platform.clone());
        act(self.sources.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default())
    }
}
