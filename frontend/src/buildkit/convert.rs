//! Between BuildKit's messages and the engine's types. Messages come from a peer: whatever is in them, the
//! answer is a value or an error.

use policy_engine::check::{Action, Decision};
use policy_engine::metadata::{
    AttestationChain, Blob, ChecksumAlgorithm, ChecksumRequest, ChecksumResponse, Descriptor, GitMetadata,
    HttpMetadata, ImageMetadata, Metadata, Wanted,
};
use policy_engine::source::{Platform, SourceOp};

use super::proto::gateway::checksum_request::ChecksumAlgo;
use super::proto::policysession::{DecisionResponse, DenyMessage};
use super::proto::sourcepolicy::PolicyAction;
use super::proto::{gateway, pb};

/// A message that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// Without a source nothing can be decided.
    #[error("BuildKit's request names no source; update BuildKit")]
    NoSource,
    /// A platform needs an operating system and an architecture.
    #[error(
        "BuildKit's request names the platform {0:?}; it must have an operating system and an architecture"
    )]
    Platform(String),
    /// A blob of an attestation chain contradicts itself.
    #[error("blob {digest} of the attestation chain has {detail}; the answer can't be trusted")]
    Blob {
        /// Its digest.
        digest: String,
        /// What is wrong.
        detail: String,
    },
}

/// A source.
pub fn source_op(source: &pb::SourceOp) -> SourceOp {
    SourceOp { identifier: source.identifier.clone(), attrs: source.attrs.clone() }
}

/// A source, as BuildKit names it.
pub fn to_source_op(source: &SourceOp) -> pb::SourceOp {
    pb::SourceOp { identifier: source.identifier.clone(), attrs: source.attrs.clone() }
}

/// A platform, normalized; a policy sees neither version nor features of the operating system.
pub fn platform(platform: &pb::Platform) -> Result<Platform, ConvertError> {
    let pb::Platform { os, architecture, variant, .. } = platform;
    if os.is_empty() || architecture.is_empty() {
        return Err(ConvertError::Platform(format!("{os}/{architecture}")));
    }
    Ok(Platform::new(os, architecture, variant))
}

/// What a response tells; `None` when it tells nothing but the source. Protobuf doesn't tell empty bytes from
/// none: empty objects were not asked for.
pub fn metadata(response: gateway::ResolveSourceMetaResponse) -> Result<Option<Metadata>, ConvertError> {
    let metadata = Metadata {
        image: response.image.map(image).transpose()?,
        git: response.git.map(git),
        http: response.http.map(http),
    };
    // An image without even a digest is the answer to a request for nothing.
    let tells = metadata.git.is_some()
        || metadata.http.is_some()
        || metadata.image.as_ref().is_some_and(|image| *image != ImageMetadata::default());
    Ok(tells.then_some(metadata))
}

fn image(image: gateway::ResolveSourceImageResponse) -> Result<ImageMetadata, ConvertError> {
    Ok(ImageMetadata {
        digest: image.digest,
        config: (!image.config.is_empty()).then(|| image.config.into()),
        attestation_chain: image.attestation_chain.map(chain).transpose()?,
        ..ImageMetadata::default()
    })
}

fn chain(chain: gateway::AttestationChain) -> Result<AttestationChain, ConvertError> {
    let blobs = chain.blobs.into_iter().map(|(digest, it)| Ok((digest.clone(), blob(&digest, it)?)));
    Ok(AttestationChain {
        root: chain.root,
        image_manifest: chain.image_manifest,
        attestation_manifest: chain.attestation_manifest,
        signature_manifests: chain.signature_manifests,
        blobs: blobs.collect::<Result<_, _>>()?,
    })
}

fn blob(digest: &str, blob: gateway::Blob) -> Result<Blob, ConvertError> {
    let wrong = |detail: String| ConvertError::Blob { digest: digest.to_owned(), detail };
    let descriptor = blob.descriptor.ok_or_else(|| wrong("no descriptor".into()))?;
    if descriptor.digest != digest {
        return Err(wrong(format!("a descriptor for {}", descriptor.digest)));
    }
    let size = u64::try_from(descriptor.size).map_err(|_| wrong(format!("the size {}", descriptor.size)))?;
    let descriptor = Descriptor {
        media_type: descriptor.media_type,
        digest: descriptor.digest,
        size,
        annotations: descriptor.annotations.into_iter().collect(),
    };
    Ok(Blob { descriptor, data: blob.data.into() })
}

fn git(git: gateway::ResolveSourceGitResponse) -> GitMetadata {
    let object = |bytes: Vec<u8>| (!bytes.is_empty()).then(|| bytes.into());
    GitMetadata {
        r#ref: git.r#ref,
        checksum: git.checksum,
        commit_checksum: git.commit_checksum,
        commit_object: object(git.commit_object),
        tag_object: object(git.tag_object),
    }
}

fn http(http: gateway::ResolveSourceHttpResponse) -> HttpMetadata {
    let response =
        |it: gateway::ChecksumResponse| ChecksumResponse { digest: it.digest, suffix: it.suffix.into() };
    HttpMetadata {
        checksum: http.checksum,
        checksum_responses: http.checksum_response.map(response).into_iter().collect(),
        ..HttpMetadata::default()
    }
}

/// A request to BuildKit. `source` and `platform` are to be those that BuildKit asked about: without a source
/// its daemon crashes, with another one it refuses, and without the platform it takes its own. Of several digests over
/// a suffix only the first is asked for.
pub fn meta_request(
    source: pb::SourceOp,
    platform: Option<pb::Platform>,
    wanted: &Wanted,
) -> gateway::ResolveSourceMetaRequest {
    gateway::ResolveSourceMetaRequest {
        source: Some(source),
        platform,
        image: wanted.image.as_ref().map(|image| {
            let wants_chain = image.attestation_chain || !image.attestations.is_empty();
            gateway::ResolveSourceImageRequest {
                // Without config and chain, the answer has no digest either.
                no_config: wants_chain && !image.config,
                attestation_chain: wants_chain,
                resolve_attestations: image.attestations.clone(),
            }
        }),
        git: wanted.git.as_ref().map(|git| gateway::ResolveSourceGitRequest { return_object: git.objects }),
        http: wanted.http.as_ref().map(|http| gateway::ResolveSourceHttpRequest {
            checksum_request: http.checksums.first().map(checksum_request),
        }),
        ..gateway::ResolveSourceMetaRequest::default()
    }
}

fn checksum_request(request: &ChecksumRequest) -> gateway::ChecksumRequest {
    let algo = match request.algorithm {
        ChecksumAlgorithm::Sha256 => ChecksumAlgo::Sha256,
        ChecksumAlgorithm::Sha384 => ChecksumAlgo::Sha384,
        ChecksumAlgorithm::Sha512 => ChecksumAlgo::Sha512,
    };
    gateway::ChecksumRequest { algo: algo.into(), suffix: request.suffix.to_vec() }
}

/// A decision, with `messages` for whoever builds.
pub fn decision(decision: &Decision, messages: Vec<String>) -> DecisionResponse {
    let action = match decision.action {
        Action::Allow => PolicyAction::Allow,
        Action::Deny => PolicyAction::Deny,
        Action::Convert => PolicyAction::Convert,
    };
    DecisionResponse {
        action: action.into(),
        deny_messages: messages.into_iter().map(|message| DenyMessage { message }).collect(),
        update: decision.update.as_ref().map(to_source_op),
    }
}

#[cfg(test)]
mod tests {
    use policy_engine::metadata::{GitWanted, HttpWanted, ImageWanted};
    use prost::Message as _;

    use super::*;

    fn blob_of(digest: &str, size: i64) -> gateway::Blob {
        let descriptor = gateway::Descriptor { digest: digest.into(), size, ..Default::default() };
        gateway::Blob { descriptor: Some(descriptor), data: b"x".to_vec() }
    }

    fn with_blob(digest: &str, blob: gateway::Blob) -> Result<Option<Metadata>, ConvertError> {
        let chain =
            gateway::AttestationChain { blobs: [(digest.to_owned(), blob)].into(), ..Default::default() };
        let image =
            gateway::ResolveSourceImageResponse { attestation_chain: Some(chain), ..Default::default() };
        metadata(gateway::ResolveSourceMetaResponse { image: Some(image), ..Default::default() })
    }

    #[test]
    fn what_was_not_asked_for_is_not_there() {
        let response = gateway::ResolveSourceMetaResponse::default();
        assert_eq!(metadata(response.clone()), Ok(None));
        let image = Some(gateway::ResolveSourceImageResponse::default());
        let empty = gateway::ResolveSourceMetaResponse { image, ..response };
        assert_eq!(metadata(empty), Ok(None));
        let git = gateway::ResolveSourceGitResponse { checksum: "a".into(), ..Default::default() };
        let git = gateway::ResolveSourceMetaResponse { git: Some(git), ..Default::default() };
        let found = metadata(git).unwrap().unwrap().git.unwrap();
        assert_eq!((found.commit_object, found.tag_object), (None, None));
    }

    #[test]
    fn blobs_that_contradict_themselves() {
        let found = with_blob("sha256:a", blob_of("sha256:a", 1)).unwrap().unwrap().image.unwrap();
        assert_eq!(found.attestation_chain.unwrap().blobs["sha256:a"].descriptor.size, 1);
        for blob in [blob_of("sha256:b", 1), blob_of("sha256:a", -1), gateway::Blob::default()] {
            assert!(matches!(with_blob("sha256:a", blob), Err(ConvertError::Blob { .. })));
        }
    }

    #[test]
    fn platforms_are_normalized_and_whole() {
        let of = |os: &str, architecture: &str| pb::Platform {
            os: os.into(),
            architecture: architecture.into(),
            ..Default::default()
        };
        let found = platform(&of("Linux", "x86_64")).unwrap();
        assert_eq!(found, Platform::new("linux", "amd64", ""));
        let again = pb::Platform { variant: "v3".into(), ..of(&found.os, &found.architecture) };
        assert_eq!(platform(&again), Ok(Platform::new("linux", "amd64", "v3")));
        for (os, architecture) in [("", "amd64"), ("linux", ""), ("", "")] {
            assert!(platform(&of(os, architecture)).is_err());
        }
    }

    #[test]
    fn requests_always_have_their_source() {
        let source =
            pb::SourceOp { identifier: "git://h/r".into(), attrs: [("a".into(), "b".into())].into() };
        let wanted = [
            Wanted::default(),
            Wanted { image: Some(ImageWanted::default()), ..Wanted::default() },
            Wanted { git: Some(GitWanted { objects: true }), ..Wanted::default() },
            Wanted { http: Some(HttpWanted::default()), ..Wanted::default() },
        ];
        for wanted in wanted {
            let request = meta_request(source.clone(), None, &wanted);
            assert_eq!(request.source.as_ref(), Some(&source));
            assert!(request.image.is_none_or(|image| !image.no_config));
        }
        let chain = ImageWanted { attestations: vec!["t".into()], ..ImageWanted::default() };
        let request = meta_request(source, None, &Wanted { image: Some(chain), ..Wanted::default() });
        let image = request.image.unwrap();
        assert!(image.no_config && image.attestation_chain && image.resolve_attestations == ["t"]);
    }

    #[test]
    fn arbitrary_bytes_never_panic() {
        let blob = blob_of("sha256:a", 1);
        let chain =
            gateway::AttestationChain { blobs: [("sha256:a".to_owned(), blob)].into(), ..Default::default() };
        let image = gateway::ResolveSourceImageResponse {
            digest: "sha256:b".into(),
            config: b"{}".to_vec(),
            attestation_chain: Some(chain),
        };
        let response = gateway::ResolveSourceMetaResponse { image: Some(image), ..Default::default() };
        let bytes = response.encode_to_vec();
        for at in 0..bytes.len() {
            for flip in [1, 0x10, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= flip;
                if let Ok(response) = gateway::ResolveSourceMetaResponse::decode(bytes.as_slice()) {
                    drop(metadata(response));
                }
            }
        }
    }
}
