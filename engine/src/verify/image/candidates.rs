//! The signatures of an image that are worth verifying: each layer of each manifest that is for it.

use super::super::failure::{Failure, Step, Subject};
use super::super::manifest::{Descriptor, Manifest, content};
use super::super::simplesigning;
use super::subjects::{Blobs, Subjects, Target, check_subject};
use crate::metadata::{AttestationChain, ImageSignatures};

/// Signatures of one image.
pub(super) const SIGNATURE_LIMIT: usize = 64;

/// One signature, not verified yet.
pub(super) struct Candidate<'a> {
    /// What of the image it is on.
    pub(super) subject: Subject,
    /// Digest of its manifest.
    pub(super) manifest: String,
    /// The manifest that it should be for.
    pub(super) target: Target,
    /// Its layer's descriptor.
    pub(super) layer: Descriptor,
    /// Its layer: a bundle, or a simple-signing payload.
    pub(super) data: &'a [u8],
    /// `bundle-v0.3`, `simplesigning-v1`…
    pub(super) format: &'static str,
}

/// A manifest with signatures: where it was found, and on what.
struct Found<'a> {
    covers: Subject,
    subject: &'a str,
    digest: &'a str,
    by_tag: bool,
}

/// Formats by the media type of a layer.
fn format(media_type: &str) -> Option<&'static str> {
    Some(match media_type {
        "application/vnd.dev.sigstore.bundle.v0.3+json"
        | "application/vnd.dev.sigstore.bundle+json;version=0.3" => "bundle-v0.3",
        "application/vnd.dev.sigstore.bundle.v0.2+json"
        | "application/vnd.dev.sigstore.bundle+json;version=0.2" => "bundle-v0.2",
        "application/vnd.dev.sigstore.bundle.v0.1+json"
        | "application/vnd.dev.sigstore.bundle+json;version=0.1" => "bundle-v0.1",
        simplesigning::MEDIA_TYPE => "simplesigning-v1",
        _ => return None,
    })
}

/// The candidates of `chain` and `signatures` in order, and what is wrong with those that are none. Too many of them are
/// not looked at: to look at some only would let whoever adds more choose which.
pub(super) fn candidates<'a>(
    chain: &'a AttestationChain,
    signatures: &'a ImageSignatures,
    subjects: &Subjects<'a>,
) -> Vec<Result<Candidate<'a>, Failure>> {
    let blobs: Blobs<'a> = [&signatures.blobs, &chain.blobs];
    let mut candidates = Vec::new();
    for found in manifests(chain, signatures) {
        let layers = subjects
            .target(found.covers, found.subject)
            .and_then(|target| layers(&found, &blobs, &target).map(|layers| (target, layers)));
        match layers {
            Ok((target, layers)) => {
                let layers = layers.into_iter().map(|layer| candidate(&found, &blobs, &target, layer));
                candidates.extend(layers.take(SIGNATURE_LIMIT + 1));
            }
            Err(failure) => candidates.push(Err(about(failure, &found, ""))),
        }
        if candidates.len() > SIGNATURE_LIMIT {
            let message = format!("more than {SIGNATURE_LIMIT} signatures: none of them is looked at");
            return vec![Err(Failure::new(Step::Limit, message))];
        }
    }
    candidates
}

fn candidate<'a>(
    found: &Found<'_>,
    blobs: &Blobs<'a>,
    target: &Target,
    layer: Descriptor,
) -> Result<Candidate<'a>, Failure> {
    let format = format(&layer.media_type).ok_or_else(|| {
        let message = format!("no signature that is known has the media type {:?}", layer.media_type);
        about(Failure::new(Step::Format, message), found, "")
    })?;
    let data = layer_content(blobs, &layer).map_err(|failure| about(failure, found, format))?;
    Ok(Candidate {
        subject: found.covers,
        manifest: found.digest.to_owned(),
        target: target.clone(),
        layer,
        data,
        format,
    })
}

/// The manifests with signatures, each once.
fn manifests<'a>(chain: &'a AttestationChain, signatures: &'a ImageSignatures) -> Vec<Found<'a>> {
    let in_chain = chain.signature_manifests.iter().map(|digest| Found {
        covers: Subject::Attestation,
        subject: &chain.attestation_manifest,
        digest,
        by_tag: false,
    });
    let others = signatures.manifests.iter().map(|manifest| Found {
        covers: manifest.covers,
        subject: &manifest.subject.digest,
        digest: &manifest.digest,
        by_tag: manifest.by_tag,
    });
    let mut manifests: Vec<Found<'a>> = Vec::new();
    for found in in_chain.chain(others) {
        let is_there = |other: &Found<'_>| (other.covers, other.digest) == (found.covers, found.digest);
        if !manifests.iter().any(is_there) {
            manifests.push(found);
        }
    }
    manifests
}

/// The layers of a signature's manifest, which must be for `target`.
fn layers(found: &Found<'_>, blobs: &Blobs<'_>, target: &Target) -> Result<Vec<Descriptor>, Failure> {
    let wrong = |message: String| Failure::new(Step::Manifest, message);
    let blob = content(blobs, found.digest).map_err(wrong)?;
    let manifest: Manifest =
        serde_json::from_slice(&blob.data).map_err(|error| wrong(format!("malformed manifest: {error}")))?;
    match &manifest.subject {
        Some(subject) => check_subject(subject, &target.descriptor)
            .map_err(|message| Failure::new(Step::Subject, format!("the signature's manifest {message}")))?,
        // What a tag leads to is bound to its subject by what was signed alone.
        None if found.by_tag => {}
        None => return Err(Failure::new(Step::Subject, "the signature's manifest has no subject")),
    }
    if manifest.layers.is_empty() {
        return Err(wrong("the signature's manifest has no layers".to_owned()));
    }
    let other = manifest.layers.iter().find(|layer| {
        layer.media_type != manifest.artifact_type
            && format(&layer.media_type).is_some_and(|f| f != "simplesigning-v1")
    });
    if let Some(layer) = other {
        let message = format!(
            "a manifest of the artifact type {:?} has a layer of the type {:?}",
            manifest.artifact_type, layer.media_type
        );
        return Err(wrong(message));
    }
    Ok(manifest.layers)
}

fn layer_content<'a>(blobs: &Blobs<'a>, layer: &Descriptor) -> Result<&'a [u8], Failure> {
    let blob = content(blobs, &layer.digest).map_err(|error| Failure::new(Step::Unavailable, error))?;
    if blob.data.len() as u64 == layer.size {
        Ok(&blob.data)
    } else {
        let message = format!("the layer {} has {} bytes, not {}", layer.digest, blob.data.len(), layer.size);
        Err(Failure::new(Step::Manifest, message))
    }
}

fn about(failure: Failure, found: &Found<'_>, format: &str) -> Failure {
    Failure {
        format: format.to_owned(),
        digest: found.digest.to_owned(),
        subject: Some(found.covers),
        ..failure
    }
}
