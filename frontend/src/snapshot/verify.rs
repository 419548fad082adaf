//! What digests can tell about a snapshot's answers.
//!
//! They tie content to its name, and an image's attestations and a git ref's objects to the digest or id that
//! the source has. They can't tell whether a tag had that digest, nor whether an image's config is the one that
//! its manifest names, for the manifest isn't kept: who can write a snapshot can say so.

use std::collections::{BTreeMap, BTreeSet};

use policy_engine::git_object::{GitObject, ObjectKind};
use policy_engine::metadata::{
    AttestationChain, Descriptor, GitMetadata, ImageMetadata, ImageSignatures, Metadata, SignatureManifest,
};
use policy_engine::source::{Source, digest::validate};
use policy_engine::verify::Subject;
use serde_json::Value;

use super::answer::{PREDICATE_TYPE, fits};
use super::{LookupKey, SnapshotError};
use crate::resolve::image::document::verify_digest;

const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

/// Checks that `content` has the digest `expected`.
pub(super) fn digest(expected: &str, content: &[u8]) -> Result<(), SnapshotError> {
    let digest =
        expected.parse().map_err(|_| SnapshotError::Malformed(format!("`{expected}` is no digest")))?;
    verify_digest("blob", &digest, content)
        .map_err(|_| SnapshotError::Altered(format!("blob {expected} does not have this digest")))
}

/// Checks that the answer is one to the question, and that its parts belong together.
pub(super) fn lookup(key: &LookupKey, found: &Metadata) -> Result<(), SnapshotError> {
    let altered = |detail: &str| SnapshotError::Altered(format!("`{}`: {detail}", key.source.identifier));
    let source = Source::parse(&key.source)
        .map_err(|error| SnapshotError::Malformed(format!("`{}`: {error}", key.source.identifier)))?;
    let expected = match (&source, found) {
        (Source::Image(image), Metadata { image: Some(found), git: None, http: None }) => {
            check_image(key, found).map_err(altered)?;
            image.reference.digest().map(|expected| expected == found.digest)
        }
        (Source::OciLayout(layout), Metadata { image: Some(found), git: None, http: None }) => {
            check_image(key, found).map_err(altered)?;
            layout.digest.as_ref().map(|expected| *expected == found.digest)
        }
        (Source::Git(git), Metadata { git: Some(found), image: None, http: None }) => {
            check_git(found).map_err(altered)?;
            let named = |id: &String| found.checksum.starts_with(id) || found.commit_checksum.starts_with(id);
            git.checksum.as_ref().map(named)
        }
        (Source::Http(_), Metadata { http: Some(found), image: None, git: None }) => {
            validate(&found.checksum).map_err(|_| altered("its checksum is no digest"))?;
            let wanted = key.wanted.http.iter().flat_map(|wanted| &wanted.github_attestations);
            if !found.github_attestations.keys().eq(wanted) {
                return Err(altered("its attestations are not those that were asked for"));
            }
            None
        }
        _ => return Err(altered("what was found is not about a source of its kind")),
    };
    match expected {
        Some(false) => Err(altered("the source names another digest than was found")),
        _ => Ok(()),
    }
}

fn check_image(key: &LookupKey, found: &ImageMetadata) -> Result<(), &'static str> {
    validate(&found.digest).map_err(|_| "its digest is malformed")?;
    if !fits(found, &key.wanted) {
        return Err("what was found is not what was asked for");
    }
    if let Some(chain) = &found.attestation_chain {
        let wanted = key.wanted.image.as_ref();
        check_chain(found, chain, wanted.map(|image| image.attestations.as_slice()).unwrap_or_default())?;
    }
    match &found.signatures {
        Some(signatures) => check_signatures(found, signatures),
        None => Ok(()),
    }
}

/// Everything in a chain must hang together: the root on the image's digest, each manifest in its place, and
/// each other blob on a manifest, as that describes it. And nothing must be missing: what isn't there would read
/// as an image without attestations.
fn check_chain(
    found: &ImageMetadata,
    chain: &AttestationChain,
    predicates: &[String],
) -> Result<(), &'static str> {
    if chain.root != found.digest {
        return Err("its attestations belong to another digest");
    }
    let manifest = |digest: &String| -> Result<Value, &'static str> {
        let blob = chain.blobs.get(digest).ok_or("a manifest of its attestations is missing")?;
        serde_json::from_slice(&blob.data).map_err(|_| "a manifest of its attestations is not JSON")
    };
    check_attestation_manifest(&manifest(&chain.root)?, chain)?;
    let mut manifests = vec![&chain.root];
    let mut layers = Vec::new();
    if !chain.attestation_manifest.is_empty() {
        manifests.push(&chain.attestation_manifest);
        for layer in entries(&manifest(&chain.attestation_manifest)?, "layers") {
            let wanted = annotation(layer, PREDICATE_TYPE)
                .is_some_and(|kind| predicates.iter().any(|wanted| wanted == kind));
            layers.push((wanted, layer.clone()));
        }
        for signature in &chain.signature_manifests {
            manifests.push(signature);
            layers.extend(entries(&manifest(signature)?, "layers").map(|layer| (true, layer.clone())));
        }
    }
    for (wanted, layer) in &layers {
        let digest = layer.get("digest").and_then(Value::as_str).unwrap_or_default();
        if *wanted && !chain.blobs.contains_key(digest) {
            return Err("an attestation or a signature is missing");
        }
    }
    for (digest, blob) in &chain.blobs {
        if blob.descriptor.size != blob.data.len() as u64 {
            return Err("a blob has not the size of its descriptor");
        }
        if manifests.contains(&digest) {
            continue;
        }
        let layer = layers.iter().find(|(_, layer)| has_digest(layer, digest));
        let (_, layer) = layer.ok_or("a blob belongs to none of its manifests")?;
        if !describes(layer, &blob.descriptor) {
            return Err("a blob is described otherwise than by its manifest");
        }
    }
    Ok(())
}

/// Signatures are on what the image is made of, each manifest and layer is there or told to be missing, and nothing
/// else is. Whether they verify is asked again each time.
fn check_signatures(found: &ImageMetadata, signatures: &ImageSignatures) -> Result<(), &'static str> {
    let is_told = |digest: &str| signatures.unavailable.iter().any(|told| told.contains(digest));
    let mut manifests = BTreeSet::new();
    let mut layers = Vec::new();
    for manifest in &signatures.manifests {
        check_subject(found, manifest)?;
        let blob = signatures.blobs.get(&manifest.digest).ok_or("a signature's manifest is missing")?;
        let parsed: Value =
            serde_json::from_slice(&blob.data).map_err(|_| "a signature's manifest is not JSON")?;
        layers.extend(entries(&parsed, "layers").cloned());
        manifests.insert(manifest.digest.as_str());
        if manifest.covers == Subject::Attestation {
            let subject = &manifest.subject;
            match signatures.blobs.get(&subject.digest) {
                Some(signed) if signed.descriptor == *subject => manifests.insert(&subject.digest),
                _ => return Err("an attestation manifest that is signed is missing"),
            };
        }
    }
    for layer in &layers {
        let digest = layer.get("digest").and_then(Value::as_str).unwrap_or_default();
        if !signatures.blobs.contains_key(digest) && !is_told(digest) {
            return Err("a signature is missing");
        }
    }
    for (digest, blob) in &signatures.blobs {
        if blob.descriptor.size != blob.data.len() as u64 {
            return Err("a signature has not the size of its descriptor");
        }
        if manifests.contains(digest.as_str()) {
            continue;
        }
        // Manifests may describe one and the same layer in several ways.
        if !layers.iter().any(|layer| has_digest(layer, digest) && describes(layer, &blob.descriptor)) {
            return Err("a blob belongs to none of the signatures as it is described");
        }
    }
    Ok(())
}

/// The attestation manifest of a Docker Hardened Image is in no chain: its own subject tells, which is verified with
/// the signature.
fn check_subject(found: &ImageMetadata, manifest: &SignatureManifest) -> Result<(), &'static str> {
    let subject = manifest.subject.digest.as_str();
    let chain = found.attestation_chain.as_ref();
    let right = match manifest.covers {
        Subject::Index => subject == found.digest,
        Subject::Image => chain.is_none_or(|chain| chain.image_manifest == subject),
        Subject::Attestation => chain.is_none_or(|chain| {
            chain.attestation_manifest.is_empty() || chain.attestation_manifest == subject
        }),
    };
    if right { Ok(()) } else { Err("a signature is on something else than the image") }
}

/// The attestation manifest is the one that the index names for the image. In nested indexes the one between
/// isn't kept, so nothing can be told.
fn check_attestation_manifest(root: &Value, chain: &AttestationChain) -> Result<(), &'static str> {
    if !entries(root, "manifests").any(|entry| has_digest(entry, &chain.image_manifest)) {
        return Ok(());
    }
    let named = entries(root, "manifests").find(|entry| {
        annotation(entry, REFERENCE_TYPE) == Some("attestation-manifest")
            && annotation(entry, REFERENCE_DIGEST) == Some(&chain.image_manifest)
    });
    let right = match named {
        Some(entry) => has_digest(entry, &chain.attestation_manifest),
        None => chain.attestation_manifest.is_empty(),
    };
    if right { Ok(()) } else { Err("its index names another attestation manifest") }
}

fn entries<'a>(manifest: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    manifest.get(list).and_then(Value::as_array).into_iter().flatten()
}

fn has_digest(entry: &Value, digest: &str) -> bool {
    entry.get("digest").and_then(Value::as_str) == Some(digest)
}

fn annotation<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    entry.get("annotations")?.get(key)?.as_str()
}

fn describes(entry: &Value, descriptor: &Descriptor) -> bool {
    let annotations = entry.get("annotations").and_then(Value::as_object);
    let annotations = annotations.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
    let described = descriptor.annotations.iter().map(|(key, value)| (key.as_str(), Some(value.as_str())));
    entry.get("mediaType").and_then(Value::as_str) == Some(&descriptor.media_type)
        && annotations.collect::<BTreeMap<_, _>>() == described.collect()
}

fn check_git(found: &GitMetadata) -> Result<(), &'static str> {
    let commit = if found.commit_checksum.is_empty() { &found.checksum } else { &found.commit_checksum };
    for (kind, object, id) in [
        (ObjectKind::Commit, &found.commit_object, commit),
        (ObjectKind::Tag, &found.tag_object, &found.checksum),
    ] {
        let Some(object) = object else { continue };
        let object = GitObject::parse(object).map_err(|_| "a git object is malformed")?;
        object.verify(kind, id).map_err(|_| "a git object does not have its id")?;
    }
    Ok(())
}
