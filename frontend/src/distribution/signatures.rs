//! Whether a policy or a library was signed by whom it must be.
//!
//! An artifact's signatures are looked up at its registry, as those of images. The one that counts is kept in the cache
//! by its digest, which the lock tells: it is verified again each time, wherever it comes from.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use policy_engine::git_object::GitObject;
use policy_engine::metadata::{
    AttestationChain, Blob, Descriptor, GitMetadata, GitWanted, ImageSignatures, ImageWanted, Request,
    SignatureManifest, Wanted,
};
use policy_engine::source::{ImageSource, SourceOp};
use policy_engine::verify::git::{self, GitKeys};
use policy_engine::verify::image::{self, VerifiedImage};
use policy_engine::verify::pgp::Validity;
use policy_engine::verify::{Failure, Subject, Trust};

use super::fetch::off_thread;
use super::{DistributionError, Place, Signatory};
use crate::cache::Cache;
use crate::lookup::Resolve;
use crate::resolve::Resolver;
use crate::resolve::image::Artifact;

/// Layers of a signature's manifest.
const MAX_LAYERS: usize = 64;
/// Failed signatures that a message tells of.
const SHOWN: usize = 5;

/// Holds an artifact, which its digest names, to its signatory; the digest of the signature's manifest. `known` is
/// that of one that counted before.
pub(super) async fn of_artifact(
    image: &ImageSource,
    signatory: &Signatory,
    known: Option<&str>,
    trust: &Trust,
    cache: Option<&Arc<Cache>>,
    resolver: Option<&Resolver>,
) -> Result<String, DistributionError> {
    let place = || Place::Oci(image.clone()).to_string();
    if let (Some(cache), Some(known), Some(pin)) = (cache, known, image.reference.digest()) {
        let (known, pin) = (known.to_owned(), pin.to_owned());
        let kept = off_thread(cache, move |cache| kept(cache, &pin, &known)).await.flatten();
        if let Some(digest) = kept.and_then(|(chain, found)| verified(signatory, &chain, &found, trust).ok())
        {
            return Ok(digest);
        }
    }
    let Some(resolver) = resolver else { return Err(DistributionError::Offline(place())) };
    let wanted = ImageWanted { attestation_chain: true, signatures: true, ..ImageWanted::default() };
    let request = Request {
        source: SourceOp::new(format!("docker-image://{}", image.reference)),
        platform: None,
        wanted: Wanted { image: Some(wanted), ..Wanted::default() },
    };
    let found = resolver.resolve(&request).await;
    let found =
        found.map_err(|error| DistributionError::Signatures { place: place(), error: Box::new(error) })?;
    let found = found.image.unwrap_or_default();
    let (chain, signatures) =
        (found.attestation_chain.unwrap_or_default(), found.signatures.unwrap_or_default());
    let unsigned =
        |reason| DistributionError::Unsigned { place: place(), signatory: signatory.to_string(), reason };
    // The lookup's own digest is the root of all that is verified.
    if image.reference.digest() != Some(chain.root.as_str()) {
        return Err(unsigned(format!("the registry has signatures of {} there", chain.root)));
    }
    let digest = verified(signatory, &chain, &signatures, trust).map_err(unsigned)?;
    if let Some(cache) = cache {
        let counts = digest.clone();
        off_thread(cache, move |cache| keep(cache, &signatures, &counts)).await;
    }
    Ok(digest)
}

/// The digest of the first signature's manifest that counts, or why there is none.
fn verified(
    signatory: &Signatory,
    chain: &AttestationChain,
    signatures: &ImageSignatures,
    trust: &Trust,
) -> Result<String, String> {
    let verified = match signatory {
        Signatory::Key { key, .. } => image::verify_with_key(chain, signatures, key, trust),
        Signatory::Certificate { .. } => image::verify(chain, signatures, trust),
        Signatory::GitKeys { .. } => VerifiedImage::default(),
    };
    let counts = verified.signatures.iter().find(|signature| match signatory {
        Signatory::Key { .. } => true,
        _ => signature.signer.as_ref().is_some_and(|signer| signatory.is(signer, &signature.trust_root)),
    });
    if let Some(signature) = counts {
        return Ok(signature.digest.clone());
    }
    let others = verified.signatures.iter().filter_map(|signature| {
        let signer = signature.signer.as_ref()?;
        let (name, issuer, root) = (&signer.subject_alternative_name, &signer.issuer, &signature.trust_root);
        Some(format!("{name:?} signed it (issuer {issuer:?}, trust root `{root}`)"))
    });
    let failures = verified.failures.iter().map(shown);
    let reasons: Vec<String> = others.chain(failures).collect();
    Err(match reasons.as_slice() {
        [] if signatures.manifests.is_empty() => "it has no signature".to_owned(),
        [] => "no signature of it was made with a key".to_owned(),
        reasons => {
            let further = reasons.len().saturating_sub(SHOWN);
            let further = if further > 0 { format!("; and {further} more") } else { String::new() };
            reasons.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ") + &further
        }
    })
}

fn shown(failure: &Failure) -> String {
    format!("{}: {}", failure.step, failure.message)
}

/// The signature `known` of the artifact `pin`, as it was kept. It need not be one, nor be for this artifact: who asks
/// verifies it.
fn kept(cache: &Cache, pin: &str, known: &str) -> Option<(AttestationChain, ImageSignatures)> {
    let (root, root_type) = Artifact::cached_manifest(cache, pin)?;
    let (manifest, media_type) = Artifact::cached_manifest(cache, known)?;
    let described = |digest: &str, media_type: &str, data: &Bytes| Descriptor {
        media_type: media_type.to_owned(),
        digest: digest.to_owned(),
        size: data.len() as u64,
        ..Descriptor::default()
    };
    let subject = described(pin, &root_type, &root);
    let mut signatures = ImageSignatures::default();
    let layers: BTreeSet<String> = Artifact::layers_of(&manifest)?.into_iter().collect();
    if layers.len() > MAX_LAYERS {
        return None;
    }
    for digest in layers {
        let data = cache.get(&digest)?;
        signatures.blobs.insert(digest.clone(), Blob { descriptor: described(&digest, "", &data), data });
    }
    let descriptor = described(known, &media_type, &manifest);
    signatures.blobs.insert(known.to_owned(), Blob { descriptor, data: manifest });
    signatures.manifests.push(SignatureManifest {
        covers: Subject::Image,
        subject: subject.clone(),
        digest: known.to_owned(),
        // It may name no subject itself: then what was signed must.
        by_tag: true,
    });
    let mut chain =
        AttestationChain { root: pin.to_owned(), image_manifest: pin.to_owned(), ..Default::default() };
    chain.blobs.insert(pin.to_owned(), Blob { descriptor: subject, data: root });
    Some((chain, signatures))
}

/// Keeps the signature with this digest.
fn keep(cache: &Cache, signatures: &ImageSignatures, digest: &str) {
    let Some(manifest) = signatures.blobs.get(digest) else { return };
    cache.put(digest, &manifest.data);
    for layer in Artifact::layers_of(&manifest.data).unwrap_or_default() {
        if let Some(blob) = signatures.blobs.get(&layer) {
            cache.put(&layer, &blob.data);
        }
    }
}

/// Holds a commit to its signatory: it is signed itself, or `named`, the place as it was named before it was pinned,
/// is a signed tag that leads to it.
pub(super) async fn of_commit(
    place: &Place,
    named: Option<&Place>,
    signatory: &Signatory,
    resolver: &Resolver,
) -> Result<(), DistributionError> {
    let unsigned = |reason| DistributionError::Unsigned {
        place: place.to_string(),
        signatory: signatory.to_string(),
        reason,
    };
    let Signatory::GitKeys { keys, .. } = signatory else {
        return Err(unsigned("git is signed with a key".to_owned()));
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let commit = objects(place, resolver).await?;
    // By its own id that of the object was verified.
    if place.pin().as_ref() != Some(&commit.checksum) {
        return Err(unsigned(format!("the repository has {} there", commit.checksum)));
    }
    let why = match commit_signed(&commit, keys, now) {
        Ok(()) => return Ok(()),
        Err(why) => why,
    };
    let Some(named @ Place::Git(_)) = named.filter(|named| named.pin().is_none()) else {
        return Err(unsigned(why));
    };
    match tag_signed(&objects(named, resolver).await?, place, keys, now) {
        Some(Ok(())) => Ok(()),
        Some(Err(of_tag)) => Err(unsigned(format!("{why}; {of_tag}"))),
        None => Err(unsigned(why)),
    }
}

fn commit_signed(found: &GitMetadata, keys: &GitKeys, now: i64) -> Result<(), String> {
    let commit = found.commit_object.as_ref().ok_or("the repository did not deliver the commit")?;
    let commit = GitObject::parse(commit).map_err(|error| error.to_string())?;
    git::verify(&commit, keys, now, Validity::WhenSigned).map_err(|failure| shown(&failure))
}

/// Whether what was found is an annotated tag with a signature, of this name, that leads to the commit of `place`; `None`
/// where it is no tag.
fn tag_signed(found: &GitMetadata, place: &Place, keys: &GitKeys, now: i64) -> Option<Result<(), String>> {
    let tag = match GitObject::parse(found.tag_object.as_ref()?) {
        Ok(tag) => tag,
        Err(error) => return Some(Err(error.to_string())),
    };
    let name = found.r#ref.strip_prefix("refs/tags/");
    if place.pin().as_ref() != Some(&found.commit_checksum) {
        return Some(Err(format!("{:?} leads to {} now", found.r#ref, found.commit_checksum)));
    }
    // Who has the repository could give an old tag a new name.
    if name.is_none() || tag.header("tag").as_deref() != name {
        return Some(Err(format!("{:?} is a tag that was made with another name", found.r#ref)));
    }
    Some(git::verify(&tag, keys, now, Validity::WhenSigned).map_err(|failure| shown(&failure)))
}

async fn objects(place: &Place, resolver: &Resolver) -> Result<GitMetadata, DistributionError> {
    let Place::Git(source) = place else { return Ok(GitMetadata::default()) };
    let wanted = Wanted { git: Some(GitWanted { objects: true }), ..Wanted::default() };
    let found = resolver.resolve(&Request { source: source.clone(), platform: None, wanted }).await;
    let failed = |error| DistributionError::Signatures { place: place.to_string(), error: Box::new(error) };
    Ok(found.map_err(failed)?.git.unwrap_or_default())
}
