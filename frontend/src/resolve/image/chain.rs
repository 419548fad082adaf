//! Attestations of an image, and the signatures on them: what `BuildKit` calls the attestation chain.

use oci_spec::image::{Descriptor, Digest};
use policy_engine::metadata::{AttestationChain, Blob};

use super::content::{
    Content, MAX_ATTESTATION, Root, Selection, check_announced, engine_descriptor, image_manifest,
};
use super::document::OCI_MANIFEST;
use super::error::ImageError;

/// Manifests and blobs of one chain.
pub const MAX_CHAIN_BLOBS: usize = 256;
/// Manifests and blobs of one chain, together.
pub const MAX_CHAIN_BYTES: u64 = 128 << 20;
/// Referrers that are looked at.
pub const MAX_REFERRERS: usize = 256;

const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";
const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";
const SIGSTORE_BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const COSIGN_SIGNATURE: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
const COSIGN_PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// Collects the chain of the selected image: the root, the attestation manifest, the signature manifests that
/// refer to it with their layers, and the attestations whose predicate type is in `predicates`.
pub(crate) async fn fetch(
    content: &impl Content,
    root: &Root,
    selection: &Selection,
    predicates: &[String],
) -> Result<AttestationChain, ImageError> {
    let mut chain = AttestationChain {
        root: root.descriptor.digest().to_string(),
        image_manifest: selection.image.digest().to_string(),
        ..AttestationChain::default()
    };
    add(content, &mut chain, &root.descriptor, root.bytes.clone())?;
    let Some(attestation) = attestation_of(selection) else { return Ok(chain) };
    chain.attestation_manifest = attestation.digest().to_string();
    let (manifest, signatures) =
        tokio::try_join!(image_manifest(content, attestation), signatures_of(content, attestation.digest()))?;
    add(content, &mut chain, attestation, content.manifest(attestation).await?)?;
    for signature in &signatures {
        chain.signature_manifests.push(signature.digest().to_string());
        add(content, &mut chain, signature, content.manifest(signature).await?)?;
        for layer in image_manifest(content, signature).await?.layers() {
            add_blob(content, &mut chain, layer).await?;
        }
    }
    let is_wanted = |layer: &&Descriptor| {
        annotation(layer, PREDICATE_TYPE).is_some_and(|found| predicates.iter().any(|wanted| wanted == found))
    };
    for layer in manifest.layers().iter().filter(is_wanted) {
        add_blob(content, &mut chain, layer).await?;
    }
    Ok(chain)
}

/// The first manifest of the index that says it attests the image.
fn attestation_of(selection: &Selection) -> Option<&Descriptor> {
    let image = selection.image.digest().as_ref();
    selection.index.as_ref()?.index.manifests().iter().find(|manifest| {
        annotation(manifest, REFERENCE_TYPE) == Some("attestation-manifest")
            && annotation(manifest, REFERENCE_DIGEST) == Some(image)
    })
}

/// Manifests with signatures on `attestation`: bundles before cosign's older form, else in the registry's order.
async fn signatures_of(content: &impl Content, attestation: &Digest) -> Result<Vec<Descriptor>, ImageError> {
    let referrers = content.referrers(attestation).await?;
    if referrers.len() > MAX_REFERRERS {
        return Err(ImageError::LimitExceeded {
            reference: content.reference().to_owned(),
            what: format!("number of referrers of {attestation}"),
            limit: MAX_REFERRERS.to_string(),
        });
    }
    let mut signatures = Vec::new();
    for referrer in referrers.iter() {
        if let Some(is_bundle) = signature_form(content, referrer).await? {
            signatures.push((!is_bundle, referrer.clone()));
        }
    }
    signatures.sort_by_key(|(other, _)| *other);
    Ok(signatures.into_iter().map(|(_, referrer)| referrer).collect())
}

/// Whether a referrer is a bundle; `None` when it is no signature at all. Where the registry can't tell,
/// because it lists the type of an empty config (cosign 3 writes such indexes), the manifest is asked.
async fn signature_form(content: &impl Content, referrer: &Descriptor) -> Result<Option<bool>, ImageError> {
    let form = |media_type: &str| match media_type {
        SIGSTORE_BUNDLE => Some(true),
        COSIGN_SIGNATURE | COSIGN_PAYLOAD => Some(false),
        _ => None,
    };
    if referrer.media_type().as_ref() != OCI_MANIFEST {
        return Ok(None);
    }
    match referrer.artifact_type().as_ref().map(AsRef::as_ref) {
        None
        | Some("" | "application/vnd.oci.empty.v1+json" | "application/vnd.oci.image.config.v1+json") => {}
        Some(artifact_type) => return Ok(form(artifact_type)),
    }
    let manifest = image_manifest(content, referrer).await?;
    let by_type = manifest.artifact_type().as_ref().and_then(|artifact_type| form(artifact_type.as_ref()));
    let by_layer = || manifest.layers().first().and_then(|layer| form(layer.media_type().as_ref()));
    Ok(by_type.or_else(by_layer))
}

async fn add_blob(
    content: &impl Content,
    chain: &mut AttestationChain,
    descriptor: &Descriptor,
) -> Result<(), ImageError> {
    if chain.blobs.contains_key(descriptor.digest().as_ref()) {
        return Ok(());
    }
    check_announced(content.reference(), descriptor, MAX_ATTESTATION)?;
    check_total(content, chain, descriptor)?;
    let data = content.blob(descriptor, MAX_ATTESTATION).await?;
    add(content, chain, descriptor, data)
}

fn add(
    content: &impl Content,
    chain: &mut AttestationChain,
    descriptor: &Descriptor,
    data: bytes::Bytes,
) -> Result<(), ImageError> {
    check_total(content, chain, descriptor)?;
    chain
        .blobs
        .insert(descriptor.digest().to_string(), Blob { descriptor: engine_descriptor(descriptor), data });
    Ok(())
}

fn check_total(
    content: &impl Content,
    chain: &AttestationChain,
    next: &Descriptor,
) -> Result<(), ImageError> {
    let exceeded = |limit: String| ImageError::LimitExceeded {
        reference: content.reference().to_owned(),
        what: "attestations and signatures, together".to_owned(),
        limit,
    };
    if chain.blobs.len() >= MAX_CHAIN_BLOBS {
        return Err(exceeded(format!("{MAX_CHAIN_BLOBS} blobs")));
    }
    let total: u64 = chain.blobs.values().map(|blob| blob.data.len() as u64).sum();
    if total.saturating_add(next.size()) > MAX_CHAIN_BYTES {
        return Err(exceeded(format!("{MAX_CHAIN_BYTES} bytes")));
    }
    Ok(())
}

fn annotation<'a>(descriptor: &'a Descriptor, key: &str) -> Option<&'a str> {
    descriptor.annotations().as_ref()?.get(key).map(String::as_str)
}
