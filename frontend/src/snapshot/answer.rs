//! What was answered, and finding it again.

use policy_engine::metadata::{AttestationChain, ImageMetadata, Metadata, Request};

use super::key::ChecksumWanted;
use super::{LookupKey, Snapshot, Wanted};

pub(super) const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where the source redirected to, in order, without credentials and queries.
    pub redirects: Vec<String>,
    /// What was found; an error is the message.
    pub result: Result<Metadata, String>,
}

/// What a snapshot says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// Where the source redirected to.
    pub redirects: &'a [String],
    /// No more of the metadata than was asked for; an error is the message.
    pub result: Result<Metadata, &'a str>,
}

impl Snapshot {
    /// The answer to `request`: to the very same question, or to one that includes it. What failed with less
    /// asked fails with more.
    pub fn find(&self, request: &Request) -> Option<Found<'_>> {
        let key = LookupKey::new(request);
        let lowest = LookupKey { wanted: Wanted::default(), ..key.clone() };
        let about = || {
            let same = |asked: &LookupKey| asked.source == key.source && asked.platform == key.platform;
            self.lookups.range(&lowest..).take_while(move |(asked, _)| same(asked))
        };
        let answer = self
            .lookups
            .get(&key)
            .or_else(|| {
                let good = |(asked, answer): &(&LookupKey, &Answer)| {
                    answer.result.is_ok() && asked.wanted.covers(&key.wanted)
                };
                about().find(good).map(|(_, answer)| answer)
            })
            .or_else(|| {
                let bad = |(asked, answer): &(&LookupKey, &Answer)| {
                    answer.result.is_err() && key.wanted.covers(&asked.wanted)
                };
                about().find(bad).map(|(_, answer)| answer)
            })?;
        let result = match &answer.result {
            Ok(metadata) => Ok(reduced(metadata, &key.wanted)),
            Err(message) => Err(message.as_str()),
        };
        Some(Found { redirects: &answer.redirects, result })
    }
}

/// What the registry, the repository or the server would have answered, had only this been asked.
fn reduced(metadata: &Metadata, wanted: &Wanted) -> Metadata {
    let mut metadata = metadata.clone();
    if let (Some(found), Some(wanted)) = (&mut metadata.image, &wanted.image) {
        if !wanted.config {
            found.config = None;
        }
        if wanted.attestation_chain || !wanted.attestations.is_empty() {
            if let Some(chain) = &mut found.attestation_chain {
                reduce_chain(chain, &wanted.attestations);
            }
        } else {
            found.attestation_chain = None;
        }
        if !wanted.signatures {
            found.signatures = None;
        }
    }
    if let (Some(found), Some(wanted)) = (&mut metadata.git, &wanted.git)
        && !wanted.objects
    {
        found.commit_object = None;
        found.tag_object = None;
    }
    if let (Some(found), Some(wanted)) = (&mut metadata.http, &wanted.http) {
        found.checksum_responses.retain(|response| {
            let request = response.request();
            request.is_some_and(|request| wanted.checksums.contains(&ChecksumWanted::from(&request)))
        });
        found.github_attestations.retain(|repository, _| wanted.github_attestations.contains(repository));
        found.unavailable.retain(|repository, _| wanted.github_attestations.contains(repository));
    }
    metadata
}

fn reduce_chain(chain: &mut AttestationChain, predicates: &[String]) {
    chain.blobs.retain(|_, blob| {
        let kind = blob.descriptor.annotations.get(PREDICATE_TYPE);
        kind.is_none_or(|kind| predicates.contains(kind))
    });
}

/// Whether nothing in `image` is there that `wanted` didn't ask for; else a file could answer what nobody asked.
pub(super) fn fits(image: &ImageMetadata, wanted: &Wanted) -> bool {
    let Some(wanted) = &wanted.image else { return false };
    let chain = wanted.attestation_chain || !wanted.attestations.is_empty();
    image.config.is_some() == wanted.config
        && image.attestation_chain.is_some() == chain
        && image.signatures.is_some() == wanted.signatures
}
