//! The signatures of an image: which are there, which of them verify, and why the others don't.
//!
//! `candidates` lists them and checks that each is for this image, by the rules of `subjects`; here each is verified by
//! its format, with a certificate or with a key.

mod candidates;
mod subjects;

use std::rc::Rc;

use self::candidates::{Candidate, candidates};
use self::subjects::Subjects;
use super::bundle::VerifiedBundle;
use super::dhi;
use super::failure::{Failure, Step};
use super::key::{Hash, PublicKey};
use super::kind::{DOCKER_HARDENED_IMAGE, UNTRUSTED, kind};
use super::simplesigning::SimpleSignature;
use super::trust::{RootKind, Trust};
use super::{Artifact, ArtifactDigest, ArtifactDigestError, Bundle, Expect, LogEntry};
use crate::input::{Signature, Timestamp};
use crate::metadata::{AttestationChain, ImageSignatures};

/// What the signatures of an image come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VerifiedImage {
    /// Those that verify.
    pub signatures: Vec<Signature>,
    /// What is wrong with the others, and what could not be looked at.
    pub failures: Vec<Failure>,
    /// For each of the signatures the digests of the attestations that it covers: those that an attestation manifest
    /// lists.
    attestations: Vec<Rc<[String]>>,
}

impl VerifiedImage {
    /// The signatures that cover the attestation with this digest.
    pub fn signatures_of(&self, attestation: &str) -> Vec<Signature> {
        let both = self.signatures.iter().zip(&self.attestations);
        let covering = both.filter(|(_, attestations)| attestations.iter().any(|it| it == attestation));
        covering.map(|(signature, _)| signature.clone()).collect()
    }
}

/// Verifies the signatures with certificates, and those of Docker's hardened images. A signature by any other key fails
/// by [`Step::KeyNeeded`].
pub fn verify(chain: &AttestationChain, signatures: &ImageSignatures, trust: &Trust) -> VerifiedImage {
    verify_hardened(chain, signatures, trust, dhi::key())
}

/// As [`verify`], with the key that hardened images are signed with.
fn verify_hardened(
    chain: &AttestationChain,
    signatures: &ImageSignatures,
    trust: &Trust,
    hardening: Option<&PublicKey>,
) -> VerifiedImage {
    verify_each(chain, signatures, |candidate, is_dhi| {
        certified(candidate, hardening.filter(|_| is_dhi), trust)
    })
}

/// Verifies the signatures that `key` made. The failures are those of the signatures without certificate that it
/// didn't make, and of all that don't belong to the image.
pub fn verify_with_key(
    chain: &AttestationChain,
    signatures: &ImageSignatures,
    key: &PublicKey,
    trust: &Trust,
) -> VerifiedImage {
    verify_each(chain, signatures, |candidate, _| by_key(candidate, key, trust))
}

/// A signature of a candidate; `None` where it is nothing that was asked for.
type Verdict = Result<Option<Signature>, Failure>;

fn verify_each(
    chain: &AttestationChain,
    signatures: &ImageSignatures,
    verify: impl Fn(&Candidate<'_>, bool) -> Verdict,
) -> VerifiedImage {
    let mut verified = VerifiedImage::default();
    let unavailable = signatures.unavailable.iter();
    verified.failures.extend(unavailable.map(|what| Failure::new(Step::Unavailable, what.as_str())));
    if signatures.manifests.is_empty() && chain.signature_manifests.is_empty() {
        return verified;
    }
    let subjects = match Subjects::read(chain, [&signatures.blobs, &chain.blobs]) {
        Ok(subjects) => subjects,
        Err(failure) => {
            verified.failures.push(failure);
            return verified;
        }
    };
    for candidate in candidates(chain, signatures, &subjects) {
        let candidate = match candidate {
            Ok(candidate) => candidate,
            Err(failure) => {
                verified.failures.push(failure);
                continue;
            }
        };
        match verify(&candidate, subjects.is_dhi) {
            Ok(None) => {}
            Ok(Some(signature)) => {
                verified.attestations.push(candidate.target.attestations);
                verified.signatures.push(Signature {
                    r#type: candidate.format.to_owned(),
                    subject: Some(candidate.subject),
                    digest: candidate.manifest,
                    ..signature
                });
            }
            Err(failure) => verified.failures.push(Failure {
                format: candidate.format.to_owned(),
                digest: candidate.manifest,
                subject: Some(candidate.subject),
                ..failure
            }),
        }
    }
    verified
}

/// A signature with a certificate, or of Docker's key for hardened images.
fn certified(candidate: &Candidate<'_>, hardening: Option<&PublicKey>, trust: &Trust) -> Verdict {
    let signed = Signed::parse(candidate)?;
    if let Some(key) = hardening
        && !signed.has_certificate()
    {
        return hardened(&signed, candidate, key, trust).map(Some);
    }
    let verified = match &signed {
        Signed::Bundle(bundle) => trust.verify(bundle, &artifact(candidate)?, Expect::Anything)?,
        Signed::Simple(_) if !signed.has_certificate() => {
            let message = "it was signed with a key: of images, `verify_image_key` verifies such signatures";
            return Err(Failure::new(Step::KeyNeeded, message));
        }
        Signed::Simple(simple) => {
            let bundle = as_bundle(simple, candidate, Hash::Sha256)?;
            trust.verify(&bundle, &Artifact::Blob(candidate.data), Expect::Anything)?
        }
    };
    let kind = match (&verified.signer, verified.root_kind) {
        (Some(signer), Some(root)) => kind(signer, root, candidate.format, !verified.timestamps.is_empty()),
        _ => UNTRUSTED,
    };
    Ok(Some(Signature { kind: kind.to_owned(), ..signature(&signed, verified) }))
}

/// A signature of Docker's key for hardened images. Sigstore's own root must know the log, if it is in one.
fn hardened(
    signed: &Signed,
    candidate: &Candidate<'_>,
    key: &PublicKey,
    trust: &Trust,
) -> Result<Signature, Failure> {
    let sigstore = trust.roots().iter().filter(|root| root.kind() == RootKind::Sigstore).cloned();
    let sigstore = trust.with_roots(sigstore.collect());
    let log = if signed.has_log_entry() { LogEntry::Required } else { LogEntry::Optional };
    let verified = verified_by(key, signed, candidate, log, &sigstore)?;
    let signature = signature(signed, verified);
    let kind = if signature.docker_reference.is_empty() { UNTRUSTED } else { DOCKER_HARDENED_IMAGE };
    Ok(Signature { kind: kind.to_owned(), is_dhi: true, ..signature })
}

/// A signature of a key; those with certificates are not of any.
fn by_key(candidate: &Candidate<'_>, key: &PublicKey, trust: &Trust) -> Verdict {
    let signed = Signed::parse(candidate)?;
    if signed.has_certificate() {
        return Ok(None);
    }
    let verified = verified_by(key, &signed, candidate, LogEntry::Optional, trust)?;
    Ok(Some(Signature { kind: UNTRUSTED.to_owned(), ..signature(&signed, verified) }))
}

fn verified_by(
    key: &PublicKey,
    signed: &Signed,
    candidate: &Candidate<'_>,
    log: LogEntry,
    trust: &Trust,
) -> Result<VerifiedBundle, Failure> {
    let verified = match signed {
        Signed::Bundle(bundle) => {
            trust.verify_with_key(bundle, &artifact(candidate)?, key.der(), Expect::Anything, log)?
        }
        Signed::Simple(simple) => {
            let hash = key.signed_with(candidate.data, &simple.signature);
            let hash =
                hash.ok_or_else(|| Failure::new(Step::Signature, "the signature was not made by this key"))?;
            let (bundle, payload) = (as_bundle(simple, candidate, hash)?, Artifact::Blob(candidate.data));
            trust.verify_with_key(&bundle, &payload, key.der(), Expect::Anything, log)?
        }
    };
    let was_in_use = |time: &&Timestamp| {
        let time = time.timestamp.parse::<jiff::Timestamp>();
        time.is_ok_and(|time| key.start().is_none_or(|start| start <= time.as_second()))
    };
    match verified.timestamps.iter().find(|time| !was_in_use(time)) {
        None => Ok(verified),
        Some(time) => {
            let message = format!("the key was not in use when it signed, at {}", time.timestamp);
            Err(Failure::new(Step::KeyTime, message))
        }
    }
}

/// A candidate, read by its format.
enum Signed {
    Bundle(Box<Bundle>),
    Simple(SimpleSignature),
}

impl Signed {
    fn parse(candidate: &Candidate<'_>) -> Result<Self, Failure> {
        if candidate.format == "simplesigning-v1" {
            let (payload, layer) = (candidate.data, &candidate.layer);
            let subject = &candidate.target.descriptor.digest;
            return SimpleSignature::parse(payload, &layer.annotations, subject).map(Self::Simple);
        }
        Ok(Self::Bundle(Box::new(Bundle::parse(candidate.data)?)))
    }

    fn has_certificate(&self) -> bool {
        match self {
            Self::Bundle(bundle) => bundle.has_certificate(),
            Self::Simple(simple) => simple.certificate.is_some(),
        }
    }

    fn has_log_entry(&self) -> bool {
        match self {
            Self::Bundle(bundle) => bundle.has_log_entries(),
            Self::Simple(simple) => simple.has_log_entry(),
        }
    }
}

/// A simple signature as a bundle.
fn as_bundle(simple: &SimpleSignature, candidate: &Candidate<'_>, hash: Hash) -> Result<Bundle, Failure> {
    Ok(Bundle::parse(simple.to_bundle(candidate.data, hash).as_bytes())?)
}

/// What a bundle must be of: the manifest that the signature is on.
fn artifact(candidate: &Candidate<'_>) -> Result<Artifact<'static>, Failure> {
    let digest = &candidate.target.descriptor.digest;
    let digest: ArtifactDigest = digest
        .parse()
        .map_err(|error: ArtifactDigestError| Failure::new(Step::Artifact, error.to_string()))?;
    Ok(digest.into())
}

/// A verified signature as policies see it, but for what the candidate says.
fn signature(signed: &Signed, verified: VerifiedBundle) -> Signature {
    let docker_reference = match signed {
        Signed::Bundle(_) => String::new(),
        Signed::Simple(simple) => simple.docker_reference.clone(),
    };
    Signature {
        trust_root: verified.trust_root,
        predicate_type: verified.predicate_type.unwrap_or_default(),
        timestamps: verified.timestamps,
        signer: verified.signer,
        docker_reference,
        ..Signature::default()
    }
}

#[cfg(test)]
mod tests;
