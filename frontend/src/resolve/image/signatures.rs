//! Signatures of an image, wherever they lie: on its attestation manifest, on the platform's manifest and on the
//! index, as referrers (OCI distribution spec, "Listing referrers") and by the tags that cosign wrote before those.
//!
//! What is listed and can't be read is told, and is no failure: a registry can withhold signatures anyway, so those
//! that are missing only ever lose trust.

use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oci_spec::image::{Descriptor, ImageManifest};
use policy_engine::metadata::{Blob, ImageSignatures, SignatureManifest};
use policy_engine::verify::Subject;

use super::chain::{MAX_CHAIN_BLOBS, MAX_CHAIN_BYTES, MAX_REFERRERS, attestation_of};
use super::content::{
    Content, MAX_ATTESTATION, ReferrersWanted, Root, Selection, check_announced, engine_descriptor,
    image_manifest,
};
use super::document::{Document, Kind, OCI_INDEX, OCI_MANIFEST, kind_of};
use super::error::ImageError;

/// Signature manifests of one image.
pub const MAX_SIGNATURES: usize = 64;
/// Requests for one image that are under way at a time.
const CONCURRENT: usize = 8;

const COSIGN_SIGNATURE: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
const COSIGN_PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";
const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

/// How a signature is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// A Sigstore bundle.
    Bundle,
    /// cosign's older form: a payload, with the signature in annotations.
    Simple,
}

/// A signature manifest, before it is read.
struct Candidate<'a, C> {
    content: &'a C,
    covers: Subject,
    subject: &'a Descriptor,
    manifest: Descriptor,
    by_tag: bool,
}

/// Collects the signatures of the selected image.
pub(super) async fn fetch<C: Content>(
    content: &C,
    root: &Root,
    selection: &Selection,
) -> Result<ImageSignatures, ImageError> {
    let hardened_home = is_hardened(content, root)?.then(|| content.attestation_home());
    let attestation = match &hardened_home {
        Some(home) => hardened_attestation(home, &selection.image).await?,
        None => attestation_of(selection).cloned(),
    };
    let attestation_home = hardened_home.as_ref().unwrap_or(content);
    let index = (root.descriptor.digest() != selection.image.digest()).then_some(&root.descriptor);
    let (on_attestation, on_image, on_index) = tokio::try_join!(
        candidates(attestation_home, Subject::Attestation, attestation.as_ref()),
        candidates(content, Subject::Image, Some(&selection.image)),
        candidates(content, Subject::Index, index),
    )?;
    let mut signatures = ImageSignatures::default();
    let mut all = Vec::new();
    for (found, unavailable) in [on_attestation, on_image, on_index] {
        all.extend(found);
        signatures.unavailable.extend(unavailable);
    }
    if all.len() > MAX_SIGNATURES {
        return Err(ImageError::LimitExceeded {
            reference: content.reference().to_owned(),
            what: "number of signature manifests".to_owned(),
            limit: MAX_SIGNATURES.to_string(),
        });
    }
    read(content.reference(), all, &mut signatures).await?;
    if let Some(attestation) = &attestation
        && signatures.manifests.iter().any(|manifest| manifest.covers == Subject::Attestation)
    {
        let data = attestation_home.manifest(attestation).await?;
        let descriptor = engine_descriptor(attestation);
        signatures.blobs.insert(attestation.digest().to_string(), Blob { descriptor, data });
    }
    Ok(signatures)
}

/// Reads the manifests and their layers.
async fn read<C: Content>(
    reference: &str,
    candidates: Vec<Candidate<'_, C>>,
    signatures: &mut ImageSignatures,
) -> Result<(), ImageError> {
    let manifests = all_of(candidates.iter().map(|Candidate { content, manifest, .. }| async move {
        let read =
            async { Ok((content.manifest(manifest).await?, image_manifest(*content, manifest).await?)) };
        passable(manifest, read.await)
    }))
    .await?;
    let mut layers: Vec<(&C, Descriptor)> = Vec::new();
    for (candidate, read) in candidates.iter().zip(manifests) {
        let Candidate { content, covers, subject, manifest, by_tag } = candidate;
        let (data, parsed) = match read {
            Ok(read) => read,
            Err(why) => {
                signatures.unavailable.push(why);
                continue;
            }
        };
        let digest = manifest.digest().to_string();
        signatures.manifests.push(SignatureManifest {
            covers: *covers,
            subject: engine_descriptor(subject),
            digest: digest.clone(),
            by_tag: *by_tag,
        });
        signatures.blobs.insert(digest, Blob { descriptor: engine_descriptor(manifest), data });
        for layer in parsed.layers() {
            match passable(layer, check_announced(reference, layer, MAX_ATTESTATION))? {
                Ok(()) if layers.iter().all(|(_, known)| known.digest() != layer.digest()) => {
                    layers.push((content, layer.clone()));
                }
                Ok(()) => {}
                Err(why) => signatures.unavailable.push(why),
            }
        }
    }
    check_total(reference, signatures, &layers)?;
    let blobs =
        all_of(layers.iter().map(|(content, layer)| async move {
            passable(layer, content.blob(layer, MAX_ATTESTATION).await)
        }))
        .await?;
    for ((_, layer), read) in layers.iter().zip(blobs) {
        match read {
            Ok(data) => {
                let descriptor = engine_descriptor(layer);
                signatures.blobs.insert(layer.digest().to_string(), Blob { descriptor, data });
            }
            Err(why) => signatures.unavailable.push(why),
        }
    }
    Ok(())
}

/// Runs a few of them at a time, and returns what they found in their order.
async fn all_of<'a, T: Send + 'a>(
    lookups: impl Iterator<Item = impl Future<Output = Result<T, ImageError>> + Send + 'a>,
) -> Result<Vec<T>, ImageError> {
    // As objects: the compiler can't see of closures that borrow that they may move between threads.
    let lookups: Vec<BoxFuture<'a, Result<T, ImageError>>> =
        lookups.map(|lookup| Box::pin(lookup) as BoxFuture<'a, _>).collect();
    stream::iter(lookups).buffered(CONCURRENT).try_collect().await
}

/// Sizes are those that descriptors announce, and nothing is read that has another.
fn check_total<C>(
    reference: &str,
    signatures: &ImageSignatures,
    layers: &[(&C, Descriptor)],
) -> Result<(), ImageError> {
    let exceeded = |limit: String| ImageError::LimitExceeded {
        reference: reference.to_owned(),
        what: "signatures, together".to_owned(),
        limit,
    };
    if signatures.blobs.len() + layers.len() > MAX_CHAIN_BLOBS {
        return Err(exceeded(format!("{MAX_CHAIN_BLOBS} blobs")));
    }
    let manifests = signatures.blobs.values().map(|blob| blob.data.len() as u64);
    let total = manifests.chain(layers.iter().map(|(_, layer)| layer.size())).fold(0, u64::saturating_add);
    if total > MAX_CHAIN_BYTES {
        return Err(exceeded(format!("{MAX_CHAIN_BYTES} bytes")));
    }
    Ok(())
}

/// Manifests that sign `subject`: bundles before cosign's older form, else in the registry's order; those that are
/// found by tag last. And what is listed there but can't be read.
async fn candidates<'a, C: Content>(
    content: &'a C,
    covers: Subject,
    subject: Option<&'a Descriptor>,
) -> Result<(Vec<Candidate<'a, C>>, Vec<String>), ImageError> {
    let Some(subject) = subject else { return Ok((Vec::new(), Vec::new())) };
    let tag = format!("{}.sig", subject.digest().as_ref().replacen(':', "-", 1));
    let ((referring, mut unavailable), tagged) =
        tokio::try_join!(referring(content, subject), content.tagged(&tag))?;
    let candidate = |manifest: Descriptor, by_tag| Candidate { content, covers, subject, manifest, by_tag };
    let mut found: Vec<_> = referring.into_iter().map(|manifest| candidate(manifest, false)).collect();
    if let Some(tagged) = tagged
        && found.iter().all(|known| known.manifest.digest() != tagged.descriptor.digest())
    {
        match passable(&tagged.descriptor, parse_signature(content, &tagged))? {
            Ok(Some(_)) => found.push(candidate(tagged.descriptor.clone(), true)),
            Ok(None) => {}
            Err(why) => unavailable.push(why),
        }
    }
    Ok((found, unavailable))
}

/// Referrers of `subject` that are signatures: bundles before cosign's older form, else in the registry's order. And
/// what is listed but can't be read.
pub(super) async fn referring(
    content: &impl Content,
    subject: &Descriptor,
) -> Result<(Vec<Descriptor>, Vec<String>), ImageError> {
    let referrers = content.referrers(subject.digest(), ReferrersWanted::All).await?;
    check_count(content, subject, referrers.len())?;
    let forms = all_of(
        referrers.iter().map(|referrer| async move { passable(referrer, form_of(content, referrer).await) }),
    )
    .await?;
    let (mut found, mut unavailable) = (Vec::new(), Vec::new());
    for (referrer, form) in referrers.iter().zip(forms) {
        match form {
            Ok(Some(form)) => found.push((form, referrer.clone())),
            Ok(None) => {}
            Err(why) => unavailable.push(why),
        }
    }
    found.sort_by_key(|(form, _)| *form);
    Ok((found.into_iter().map(|(_, referrer)| referrer).collect(), unavailable))
}

fn check_count(content: &impl Content, subject: &Descriptor, count: usize) -> Result<(), ImageError> {
    if count <= MAX_REFERRERS {
        return Ok(());
    }
    Err(ImageError::LimitExceeded {
        reference: content.reference().to_owned(),
        what: format!("number of referrers of {}", subject.digest()),
        limit: MAX_REFERRERS.to_string(),
    })
}

/// The form of a referrer; `None` when it is no signature at all. Where the registry can't tell, because it lists
/// the type of an empty config (cosign 3 writes such indexes), the manifest is asked.
async fn form_of(content: &impl Content, referrer: &Descriptor) -> Result<Option<Form>, ImageError> {
    if referrer.media_type().as_ref() != OCI_MANIFEST {
        return Ok(None);
    }
    match referrer.artifact_type().as_ref().map(AsRef::as_ref) {
        None
        | Some("" | "application/vnd.oci.empty.v1+json" | "application/vnd.oci.image.config.v1+json") => {
            Ok(form_of_manifest(&image_manifest(content, referrer).await?))
        }
        Some(artifact_type) => Ok(form_of_type(artifact_type)),
    }
}

/// What a tag names, where it is a signature.
fn parse_signature(content: &impl Content, tagged: &Root) -> Result<Option<Form>, ImageError> {
    let media_type = tagged.descriptor.media_type().as_ref();
    let what = format!("manifest {}", tagged.descriptor.digest());
    match Document::parse(content.reference(), &what, media_type, &tagged.bytes)? {
        Document::Manifest(manifest) => Ok(form_of_manifest(&manifest)),
        Document::Index(_) => Ok(None),
    }
}

fn form_of_manifest(manifest: &ImageManifest) -> Option<Form> {
    let by_type =
        manifest.artifact_type().as_ref().and_then(|artifact_type| form_of_type(artifact_type.as_ref()));
    by_type.or_else(|| manifest.layers().iter().find_map(|layer| form_of_type(layer.media_type().as_ref())))
}

/// Bundles have named themselves in two ways: with the version as a parameter, and as a part of the name.
fn form_of_type(media_type: &str) -> Option<Form> {
    let bundle = media_type.strip_prefix("application/vnd.dev.sigstore.bundle");
    let is_version = |version: &str| {
        version
            .strip_prefix("0.")
            .is_some_and(|minor| !minor.is_empty() && minor.chars().all(|c| c.is_ascii_digit() || c == '.'))
    };
    match (media_type, bundle) {
        (COSIGN_SIGNATURE | COSIGN_PAYLOAD, _) => Some(Form::Simple),
        (_, Some(rest)) => {
            let named = rest.strip_prefix(".v").and_then(|rest| rest.strip_suffix("+json"));
            let parameter =
                || rest.strip_prefix("+json;").and_then(|rest| rest.trim().strip_prefix("version="));
            named.or_else(parameter).filter(|version| is_version(version)).map(|_| Form::Bundle)
        }
        _ => None,
    }
}

/// Whether an image is one of Docker's Hardened Images: its index says so. That is a claim, which their signatures
/// prove.
fn is_hardened(content: &impl Content, root: &Root) -> Result<bool, ImageError> {
    let media_type = root.descriptor.media_type().as_ref();
    if media_type != OCI_INDEX {
        return Ok(false);
    }
    let what = format!("manifest {}", root.descriptor.digest());
    let Document::Index(index) = Document::parse(content.reference(), &what, media_type, &root.bytes)? else {
        return Ok(false);
    };
    let title = index.index.annotations().as_ref().and_then(|all| all.get("org.opencontainers.image.title"));
    let manifests = index.index.manifests();
    let is_built = |manifest: &Descriptor| {
        annotation(manifest, "com.docker.dhi.build.id").is_some_and(|build| !build.is_empty())
    };
    Ok(title.is_some_and(|title| title.starts_with("dhi/"))
        && !manifests.is_empty()
        && manifests.iter().all(is_built))
}

/// The attestation manifest with the provenance of a Docker Hardened Image: a referrer of the image, not an entry of
/// its index.
async fn hardened_attestation(
    home: &impl Content,
    image: &Descriptor,
) -> Result<Option<Descriptor>, ImageError> {
    let referrers = home.referrers(image.digest(), ReferrersWanted::Provenance).await?;
    check_count(home, image, referrers.len())?;
    let is_provenance = |referrer: &&Descriptor| {
        kind_of(referrer.media_type().as_ref()) == Some(Kind::Manifest)
            && referrer.artifact_type().as_ref().is_some_and(|found| found.as_ref() == IN_TOTO)
            && annotation(referrer, PREDICATE_TYPE)
                .is_some_and(|found| policy_engine::provenance::PREDICATE_TYPES.contains(&found))
    };
    Ok(referrers.iter().find(is_provenance).cloned())
}

fn annotation<'a>(descriptor: &'a Descriptor, key: &str) -> Option<&'a str> {
    descriptor.annotations().as_ref()?.get(key).map(String::as_str)
}

/// What is wrong with one signature is told, in words that name it; what is wrong with the registry is an error.
fn passable<T>(
    descriptor: &Descriptor,
    read: Result<T, ImageError>,
) -> Result<Result<T, String>, ImageError> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(
            error @ (ImageError::NotFound { .. }
            | ImageError::Malformed { .. }
            | ImageError::UnsupportedMediaType { .. }
            | ImageError::UnsupportedDigest { .. }
            | ImageError::SizeMismatch { .. }
            | ImageError::LimitExceeded { .. }),
        ) => Ok(Err(format!("signature {}: {error}", descriptor.digest()))),
        Err(error) => Err(error),
    }
}
