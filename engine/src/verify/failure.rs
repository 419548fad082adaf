//! A signature that is there and doesn't verify.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// Characters of a message.
const MESSAGE_LIMIT: usize = 500;

/// What of an image a signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The attestation manifest that belongs to the image, and with it the image and its attestations.
    Attestation,
    /// The platform's image manifest.
    Image,
    /// The index: all its platforms and their attestations.
    Index,
}

/// The step of a verification that failed: a stable kebab-case code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Step {
    /// The registry did not deliver it.
    Unavailable,
    /// More or larger than is looked at.
    Limit,
    /// The signature's manifest is malformed.
    Manifest,
    /// The manifest is for another subject, or says a wrong size or media type.
    Subject,
    /// The attestation manifest does not belong to the image, or attests no provenance.
    Attestation,
    /// A format that is not known.
    Format,
    /// The bundle is malformed, or of a version that is not known.
    Bundle,
    /// The simple-signing payload is malformed, or for something else.
    Payload,
    /// The in-toto statement is malformed.
    Statement,
    /// The statement's predicate is not what was asked for.
    Predicate,
    /// What was signed is something else.
    Artifact,
    /// There is no trust root, or it is stale or malformed.
    TrustRoot,
    /// An entry of a transparency log is missing, malformed, there twice, or for something else.
    LogEntry,
    /// A log's promise of inclusion does not verify.
    LogPromise,
    /// A log's proof of inclusion does not verify.
    LogProof,
    /// A log's checkpoint does not verify.
    Checkpoint,
    /// No trusted time of signing.
    Timestamp,
    /// The certificate is malformed, or names nobody.
    Certificate,
    /// The certificate comes from no trusted authority, or is not for signing.
    CertificateChain,
    /// The certificate was not valid when it signed.
    CertificateTime,
    /// The certificate's entry in a certificate transparency log is missing or does not verify.
    Sct,
    /// There is no certificate: a key is needed to verify it.
    KeyNeeded,
    /// The key is another one, or of a kind that is not known.
    Key,
    /// The signature itself does not verify.
    Signature,
    /// There is no signature.
    Unsigned,
    /// The hash is too weak.
    Hash,
    /// The key had expired, or was not valid yet.
    KeyTime,
    /// The key was revoked.
    KeyRevoked,
    /// The key is not for signing, or too short.
    KeyUsage,
    /// The SSH signature is for another namespace.
    Namespace,
    /// The signer is none of those allowed.
    Principal,
}

/// Why a signature doesn't count.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What it is: `bundle-v0.3`, `simplesigning-v1`, `pgp`, `ssh`; empty where that could not be told.
    #[schemars(example = &"bundle-v0.3")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub format: String,
    /// `sha256:…` of the signature's manifest in the registry; empty for what lies elsewhere.
    #[schemars(example = &"sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// What of the image it would cover.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// The step that failed.
    pub step: Step,
    /// What is wrong, in words.
    #[schemars(example = &"it is in no log that the trust root knows")]
    pub message: String,
    /// Name of the trust root under which it came furthest; empty where none was needed.
    #[schemars(example = &"sigstore")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trust_root: String,
}

impl Failure {
    /// A failure of `step`, with nothing else said. Messages may quote what comes from outside: they are cut, and have
    /// no control characters.
    pub fn new(step: Step, message: impl AsRef<str>) -> Self {
        let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        Self {
            format: String::new(),
            digest: String::new(),
            subject: None,
            step,
            message: message.as_ref().chars().take(MESSAGE_LIMIT).map(plain).collect(),
            trust_root: String::new(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attestation => "attestation",
            Self::Image => "image",
            Self::Index => "index",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl fmt::Display for Failure {
    /// `bundle-v0.3 on the image (sha256:…) under the trust root sigstore: certificate-chain: …`, as far as it is
    /// known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = [
            (!self.format.is_empty()).then(|| self.format.clone()),
            self.subject.map(|subject| format!("on the {subject}")),
            (!self.digest.is_empty()).then(|| format!("({})", self.digest)),
            (!self.trust_root.is_empty()).then(|| format!("under the trust root {}", self.trust_root)),
        ];
        let about: Vec<_> = about.into_iter().flatten().collect();
        if !about.is_empty() {
            write!(f, "{}: ", about.join(" "))?;
        }
        write!(f, "{}: {}", self.step, self.message)
    }
}

/// The first success, or the failure of the latest step; `nothing` where nothing was tried.
pub(super) fn furthest(
    results: impl Iterator<Item = Result<(), Failure>>,
    nothing: impl FnOnce() -> Failure,
) -> Result<(), Failure> {
    let mut found: Option<Failure> = None;
    for result in results {
        match result {
            Ok(()) => return Ok(()),
            Err(failure) if found.as_ref().is_none_or(|found| found.step < failure.step) => {
                found = Some(failure);
            }
            Err(_) => {}
        }
    }
    Err(found.unwrap_or_else(nothing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_success_the_latest_step_counts() {
        let failed = |step: Step| Err(Failure::new(step, ""));
        let ended = |results: Vec<Result<(), Failure>>| {
            furthest(results.into_iter(), || Failure::new(Step::Unsigned, "")).map_err(|failure| failure.step)
        };
        assert_eq!(
            ended(vec![failed(Step::Key), failed(Step::Signature), failed(Step::Key)]),
            Err(Step::Signature)
        );
        assert_eq!(ended(vec![failed(Step::Key), Ok(())]), Ok(()));
        assert_eq!(ended(vec![]), Err(Step::Unsigned));
    }

    /// Each code stands in the table of `docs/signatures.md`, and the table has no others.
    #[test]
    fn codes_are_documented() {
        let page = include_str!("../../../docs/signatures.md");
        let (_, table) = page.split_once("| code | means | do |\n|---|---|---|\n").expect("a table of codes");
        let rows = table.lines().take_while(|line| line.starts_with("| `"));
        let mut documented: Vec<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
        let schema = schemars::schema_for!(Step).to_value();
        let mut codes: Vec<&str> = schema["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["const"].as_str())
            .collect();
        documented.sort_unstable();
        codes.sort_unstable();
        assert!(codes.len() > 20, "{codes:?}");
        assert_eq!(documented, codes);
    }
}
