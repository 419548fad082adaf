//! in-toto statements, strictly.
//!
//! <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>

use std::fmt;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};

use super::BundleFailure;
use super::wire::Unique;
use crate::verify::{Artifact, ArtifactDigest, Step};
use sigstore_types::HashAlgorithm;

/// Payload type of a DSSE envelope that holds one.
pub(super) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const TYPES: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];
const SUBJECT_LIMIT: usize = 1024;
const DIGEST_LIMIT: usize = 32;

/// A statement, as far as it is looked at.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) predicate_type: String,
    /// Of all subjects, those by a hash that signatures use.
    digests: Vec<ArtifactDigest>,
}

impl Statement {
    pub(super) fn parse(payload: &[u8]) -> Result<Self, BundleFailure> {
        let failure = |message: String| BundleFailure::new(Step::Statement, message);
        let wire: Wire = serde_json::from_slice(payload)
            .map_err(|error| failure(format!("invalid statement: {error}")))?;
        if !TYPES.contains(&wire.type_.as_str()) {
            return Err(failure(format!("the statement is of type {:?}", shorten(&wire.type_))));
        }
        if wire.subject.len() > SUBJECT_LIMIT {
            let message = format!("the statement has more than {SUBJECT_LIMIT} subjects");
            return Err(BundleFailure::new(Step::Limit, message));
        }
        let mut digests = Vec::new();
        for subject in wire.subject {
            let Digests(entries) = subject.digest.unwrap_or_default();
            if entries.len() > DIGEST_LIMIT {
                let message = format!("a subject has more than {DIGEST_LIMIT} digests");
                return Err(BundleFailure::new(Step::Limit, message));
            }
            for (algorithm, hex) in entries {
                let bytes = HEXLOWER_PERMISSIVE.decode(hex.as_bytes());
                if bytes.is_err() {
                    return Err(failure(format!("the digest {:?} of a subject is not hex", shorten(&hex))));
                }
                // Other hashes may be there, and nothing is looked up by them.
                digests.extend(format!("{algorithm}:{}", hex.to_ascii_lowercase()).parse::<ArtifactDigest>());
            }
        }
        Ok(Self { predicate_type: wire.predicate_type, digests })
    }

    /// Whether it is about this artifact.
    pub(super) fn is_about(&self, artifact: &Artifact<'_>) -> bool {
        let algorithms = [HashAlgorithm::Sha2256, HashAlgorithm::Sha2384, HashAlgorithm::Sha2512];
        algorithms
            .into_iter()
            .filter(|algorithm| self.digests.iter().any(|d| d.is_by(*algorithm)))
            .any(|algorithm| artifact.digest(algorithm).is_some_and(|digest| self.digests.contains(&digest)))
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(200).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    #[serde(rename = "_type")]
    type_: String,
    subject: Vec<Subject>,
    predicate_type: String,
    #[serde(rename = "predicate")]
    _predicate: Option<Unique>,
}

/// `in_toto_attestation.v1.ResourceDescriptor`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    digest: Option<Digests>,
    #[serde(rename = "name")]
    _name: Option<IgnoredAny>,
    #[serde(rename = "uri")]
    _uri: Option<IgnoredAny>,
    #[serde(rename = "content")]
    _content: Option<IgnoredAny>,
    #[serde(rename = "downloadLocation")]
    _download_location: Option<IgnoredAny>,
    #[serde(rename = "mediaType")]
    _media_type: Option<IgnoredAny>,
    #[serde(rename = "annotations")]
    _annotations: Option<IgnoredAny>,
}

/// An object of strings in which no key is there twice.
#[derive(Default)]
struct Digests(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Digests {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DigestsVisitor)
    }
}

struct DigestsVisitor;

impl<'de> Visitor<'de> for DigestsVisitor {
    type Value = Digests;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of digests")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Digests, A::Error> {
        let mut entries: Vec<(String, String)> = Vec::new();
        while let Some((algorithm, digest)) = map.next_entry::<String, String>()? {
            if entries.iter().any(|(known, _)| *known == algorithm) {
                return Err(A::Error::custom("a digest is there twice"));
            }
            entries.push((algorithm, digest));
            if entries.len() > DIGEST_LIMIT {
                // One too many is enough to be refused.
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            }
        }
        Ok(Digests(entries))
    }
}
