//! The manifests of an image that signatures are on, as the image's own index describes them.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;

use super::super::dhi;
use super::super::failure::{Failure, Step, Subject};
use super::super::manifest::{Descriptor, Index, Manifest, OCI_INDEX, OCI_MANIFEST, PREDICATE_TYPE, content};
use crate::metadata::{AttestationChain, Blob};
use crate::provenance::PREDICATE_TYPES;

/// Blobs by digest, of the chain and of the signatures.
pub(super) type Blobs<'a> = [&'a BTreeMap<String, Blob>; 2];

/// What of an image can be signed.
pub(super) struct Subjects<'a> {
    chain: &'a AttestationChain,
    blobs: Blobs<'a>,
    /// The root, if that is an index.
    index: Option<Descriptor>,
    /// The platform's image manifest.
    image: Descriptor,
    /// Whether the index says that it is one of Docker's hardened images.
    pub(super) is_dhi: bool,
}

/// A manifest that a signature may be on.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Media type, digest and size that a signature's manifest must name.
    pub(super) descriptor: Descriptor,
    /// Digests of the attestations that it lists; of an attestation manifest alone.
    pub(super) attestations: Rc<[String]>,
}

/// Media types that JSON documents of both kinds may say of themselves.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OwnType {
    #[serde(default)]
    media_type: String,
}

impl<'a> Subjects<'a> {
    /// Reads the root of `chain`.
    pub(super) fn read(chain: &'a AttestationChain, blobs: Blobs<'a>) -> Result<Self, Failure> {
        let wrong = |message: String| Failure::new(Step::Manifest, message);
        let root =
            content(&blobs, &chain.root).map_err(|error| wrong(format!("the image's root: {error}")))?;
        let descriptor = described(root, &chain.root);
        if chain.root == chain.image_manifest {
            return Ok(Self { chain, blobs, index: None, image: descriptor, is_dhi: false });
        }
        let index: Index = serde_json::from_slice(&root.data)
            .map_err(|error| wrong(format!("the image's index: {error}")))?;
        let image = index.manifests.iter().find(|manifest| manifest.digest == chain.image_manifest);
        let image = image
            .cloned()
            .ok_or_else(|| wrong(format!("the image's index does not list {}", chain.image_manifest)))?;
        Ok(Self { chain, blobs, index: Some(descriptor), image, is_dhi: dhi::is_dhi(&index) })
    }

    /// The manifest that a signature is on. `digest` is the attestation manifest that it was found on.
    pub(super) fn target(&self, covers: Subject, digest: &str) -> Result<Target, Failure> {
        let plain =
            |descriptor: &Descriptor| Target { descriptor: descriptor.clone(), attestations: Rc::default() };
        match covers {
            Subject::Image => Ok(plain(&self.image)),
            Subject::Index => self
                .index
                .as_ref()
                .map(plain)
                .ok_or_else(|| Failure::new(Step::Subject, "the image has no index that could be signed")),
            Subject::Attestation => self.attestation(digest),
        }
    }

    /// An attestation manifest, which must name the image as its subject and list provenance.
    fn attestation(&self, digest: &str) -> Result<Target, Failure> {
        let wrong = |message: String| Failure::new(Step::Attestation, message);
        match &self.index {
            Some(index) if index.media_type == OCI_INDEX => {}
            Some(index) => {
                return Err(wrong(format!("the image's index has the media type {:?}", index.media_type)));
            }
            None => return Err(wrong("the image has no index that could list attestations".to_owned())),
        }
        // Those of hardened images lie beside the index, and name the image themselves.
        if digest != self.chain.attestation_manifest && !self.is_dhi {
            return Err(wrong(format!("{digest} is not the image's attestation manifest")));
        }
        let blob =
            content(&self.blobs, digest).map_err(|error| wrong(format!("attestation manifest: {error}")))?;
        let manifest: Manifest = serde_json::from_slice(&blob.data)
            .map_err(|error| wrong(format!("attestation manifest {digest}: {error}")))?;
        let subject = manifest
            .subject
            .ok_or_else(|| wrong(format!("the attestation manifest {digest} has no subject")))?;
        check_subject(&subject, &self.image)
            .map_err(|message| wrong(format!("the attestation manifest {digest} {message}")))?;
        let is_provenance = |layer: &Descriptor| {
            layer
                .annotations
                .get(PREDICATE_TYPE)
                .is_some_and(|found| PREDICATE_TYPES.contains(&found.as_str()))
        };
        if !manifest.layers.iter().any(is_provenance) {
            return Err(wrong(format!("the attestation manifest {digest} lists no provenance")));
        }
        let descriptor = described(blob, digest);
        if ![OCI_MANIFEST, OCI_INDEX].contains(&descriptor.media_type.as_str()) {
            return Err(wrong(format!(
                "the attestation manifest has the media type {:?}",
                descriptor.media_type
            )));
        }
        let attestations = manifest.layers.into_iter().map(|layer| layer.digest).collect();
        Ok(Target { descriptor, attestations })
    }
}

/// Whether a `subject` is the manifest that it should be; an error says what else it names.
pub(super) fn check_subject(subject: &Descriptor, expected: &Descriptor) -> Result<(), String> {
    if subject.digest != expected.digest {
        return Err(format!("is for {:?}, not for {}", subject.digest, expected.digest));
    }
    if subject.media_type != expected.media_type {
        return Err(format!(
            "gives its subject the media type {:?}, not {:?}",
            subject.media_type, expected.media_type
        ));
    }
    if subject.size != expected.size {
        return Err(format!("gives its subject {} bytes, not {}", subject.size, expected.size));
    }
    Ok(())
}

/// What a blob is: its media type as its parent gives it, else as it says itself, and its real size.
fn described(blob: &Blob, digest: &str) -> Descriptor {
    let parent = Some(&blob.descriptor.media_type).filter(|media_type| !media_type.is_empty());
    let media_type = parent.cloned().unwrap_or_else(|| {
        serde_json::from_slice::<OwnType>(&blob.data).map(|own| own.media_type).unwrap_or_default()
    });
    let size = blob.data.len() as u64;
    Descriptor { media_type, digest: digest.to_owned(), size, annotations: BTreeMap::new() }
}
