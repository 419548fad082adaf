//! Attestations of an image, and the signatures on them: what `BuildKit` calls the attestation chain.

use oci_spec::image::Descriptor;
use policy_engine::metadata::{AttestationChain, Blob};

use super::content::{
    Content, MAX_ATTESTATION, Root, Selection, check_announced, engine_descriptor, image_manifest,
};
use super::error::ImageError;
use super::signatures;

/// Manifests and blobs of one chain.
pub const MAX_CHAIN_BLOBS: usize = 256;
/// Manifests and blobs of one chain, together.
pub const MAX_CHAIN_BYTES: u64 = 128 << 20;
/// Referrers of one manifest that are looked at.
pub const MAX_REFERRERS: usize = 256;

const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";
const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

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
    let (manifest, (signatures, _)) =
        tokio::try_join!(image_manifest(content, attestation), signatures::referring(content, attestation))?;
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
pub(super) fn attestation_of(selection: &Selection) -> Option<&Descriptor> {
    let image = selection.image.digest().as_ref();
    selection.index.as_ref()?.index.manifests().iter().find(|manifest| {
        annotation(manifest, REFERENCE_TYPE) == Some("attestation-manifest")
            && annotation(manifest, REFERENCE_DIGEST) == Some(image)
    })
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
