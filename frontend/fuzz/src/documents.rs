//! What the daemon found out about sources: definitions, metadata, and the documents in it.

use bytes::Bytes;
use policy_check::buildkit::proto::{gateway, pb};
use policy_check::buildkit::{convert, llb};
use policy_check::resolve::github::{self, Attestation};
use policy_engine::check::Facts;
use policy_engine::git_object::{GitObject, ObjectKind};
use policy_engine::input::{self, Env};
use policy_engine::metadata::{AttestationChain, Blob, Descriptor, ImageMetadata, Metadata};
use policy_engine::provenance::{self, Material, Predicate};
use policy_engine::source::{Platform, SourceOp};
use policy_engine::verify::Trust;
use prost::Message;

/// The sources of a definition: all of them, or an error.
pub fn definition(data: &[u8]) {
    let Ok(definition) = pb::Definition::decode(data) else { return };
    let Ok(found) = llb::sources(&definition) else { return };
    let is_source = |op: &Vec<u8>| {
        let op = pb::Op::decode(op.as_slice()).expect("a malformed operation is an error");
        matches!(op.op, Some(pb::op::Op::Source(_)))
    };
    assert_eq!(definition.def.iter().filter(|op| is_source(op)).count(), found.len());
    for source in found {
        assert_eq!(llb::sources(&llb::source(&source)).as_deref(), Ok(&[source.clone()][..]));
    }
}

/// `ResolveSourceMetaResponse`: blobs are what they are called, or the whole answer is an error.
pub fn metadata(data: &[u8]) {
    let Ok(response) = gateway::ResolveSourceMetaResponse::decode(data) else { return };
    let Ok(Some(metadata)) = convert::metadata(response.clone()) else { return };
    if let Some(chain) = metadata.image.and_then(|image| image.attestation_chain) {
        for (digest, blob) in &chain.blobs {
            assert_eq!(*digest, blob.descriptor.digest);
        }
        let _found = provenance::find(&chain);
    }
    assert_eq!(metadata.git.is_some(), response.git.is_some());
    assert_eq!(metadata.http.is_some(), response.http.is_some());
}

/// A statement of provenance, in a chain and as what a policy sees.
pub fn attestations(data: &[u8]) {
    let digest = format!("sha256:{}", "a".repeat(64));
    for predicate_type in provenance::PREDICATE_TYPES {
        let descriptor = Descriptor {
            media_type: "application/vnd.in-toto+json".to_owned(),
            digest: digest.clone(),
            size: data.len() as u64,
            annotations: [("in-toto.io/predicate-type".to_owned(), predicate_type.to_owned())].into(),
        };
        let manifest = format!(r#"{{"layers":[{{"digest":"{digest}"}}]}}"#);
        let attestation = "sha256:attestation".to_owned();
        let blob = Blob { descriptor, data: Bytes::copy_from_slice(data) };
        let manifest = Blob { data: manifest.into(), ..Blob::default() };
        let mut chain = AttestationChain {
            attestation_manifest: attestation.clone(),
            blobs: [(digest.clone(), blob), (attestation, manifest)].into(),
            ..AttestationChain::default()
        };
        let predicate = Predicate::parse(data, predicate_type);
        // The image is one of those that it is about, as long as it is about any.
        let subjects = predicate.iter().flat_map(|predicate| predicate.subjects.iter().flatten());
        for (algorithm, hex) in subjects {
            chain.image_manifest = format!("{algorithm}:{hex}");
        }
        match provenance::find(&chain) {
            Ok(found) => {
                assert_eq!(found.predicate.is_some(), predicate.is_ok());
                assert!(predicate.is_ok() || !found.warnings.is_empty() || data.is_empty());
            }
            Err(_) => assert!(predicate.is_ok(), "it is bound to nothing, or to too much"),
        }
        for material in predicate.iter().flat_map(|predicate| &predicate.materials) {
            let _material = Material::parse(material);
        }
        image(None, Some(chain));
    }
}

/// A page of GitHub's list of attestations, and a bundle as GitHub stores it.
pub fn github(data: &[u8]) {
    if let Ok(found) = github::attestations(data) {
        for attestation in found {
            let Attestation::Inline(bundle) = attestation else { continue };
            let at = data.windows(bundle.len().max(1)).position(|part| *part == bundle[..]);
            assert!(at.is_some(), "a bundle that does not stand there");
        }
    }
    if let Ok(bundle) = github::decompress(data) {
        assert!(bundle.len() as u64 <= github::MAX_BUNDLE.bytes);
    }
}

/// A commit or a tag, with its people and its signature.
pub fn git_object(data: &[u8]) {
    let Ok(object) = GitObject::parse(&Bytes::copy_from_slice(data)) else { return };
    for header in ["author", "committer", "tagger"] {
        let _person = object.person(header);
    }
    let _message = object.message();
    let _signature = object.signature_info();
    for kind in [ObjectKind::Commit, ObjectKind::Tag] {
        assert!(object.verify(kind, &"0".repeat(40)).is_err(), "no object has this id");
        assert!(object.verify(kind, "").is_err());
    }
}

/// The config of an image.
pub fn image_config(data: &[u8]) {
    image(Some(Bytes::copy_from_slice(data)), None);
}

/// Builds the input of an image that BuildKit knows this about.
fn image(config: Option<Bytes>, attestation_chain: Option<AttestationChain>) {
    let source = SourceOp::new("docker-image://example.com/app:1");
    let platform = Platform::new("linux", "amd64", "");
    let digest = format!("sha256:{}", "b".repeat(64));
    let image = ImageMetadata { digest, config, attestation_chain, ..ImageMetadata::default() };
    let mut facts = Facts::default();
    let metadata = Metadata { image: Some(image), ..Metadata::default() };
    facts.insert(source.clone(), Some(platform.clone()), metadata);
    if let Ok(built) = input::build(&source, Some(&platform), &facts, &Env::default(), &Trust::default()) {
        let _value = built.input.to_value();
    }
}
