//! Asking and answering until a policy decides, in one small world.

use bytes::Bytes;
use policy_engine::check::{Action, Facts, Outcome};
use policy_engine::metadata::{
    AttestationChain, Blob, Descriptor, HttpMetadata, ImageMetadata, ImageSignatures, Metadata, Request,
};
use serde_json::json;

use super::{check, load, source};

const MATERIAL: &str = "docker-image://docker.io/library/base:1";
const FILE: &str = "https://example.com/file.tar";

/// What everything turns out to be: the image has the label `team: infra`, no user, and a provenance with
/// one image, whose label is `team: base`, and one file. Signatures can't be looked at.
pub fn metadata(request: &Request) -> Metadata {
    if request.source.identifier == FILE {
        let checksum = "sha256:".to_owned() + &"c".repeat(64);
        return Metadata {
            http: Some(HttpMetadata { checksum, checksum_responses: Vec::new(), ..HttpMetadata::default() }),
            ..Metadata::default()
        };
    }
    let is_root = request.source.identifier != MATERIAL;
    let wanted = request.wanted.image.clone().unwrap();
    let team = if is_root { "infra" } else { "base" };
    let config = json!({"created": "2026-01-02T03:04:05Z", "config": {"Labels": {"team": team}}});
    let chain = wanted.attestation_chain.then(|| {
        let mut chain = AttestationChain::default();
        if is_root {
            let annotations =
                [("in-toto.io/predicate-type".to_owned(), "https://slsa.dev/provenance/v0.2".to_owned())];
            let descriptor = Descriptor { annotations: annotations.into(), ..Descriptor::default() };
            let layer = json!({"digest": "sha256:provenance", "annotations": descriptor.annotations});
            let manifest = json!({"layers": [layer]}).to_string();
            let predicate = json!({
                "buildType": "t", "builder": {"id": "b"},
                "materials": [{"uri": "pkg:docker/base@1?platform=linux%2Famd64"}, {"uri": FILE}],
            });
            let statement = json!({"predicate": predicate}).to_string();
            chain.attestation_manifest.push_str("sha256:attestation");
            chain
                .blobs
                .insert("sha256:attestation".to_owned(), Blob { data: manifest.into(), ..Blob::default() });
            if !wanted.attestations.is_empty() {
                let blob = Blob { descriptor, data: statement.into() };
                chain.blobs.insert("sha256:provenance".to_owned(), blob);
            }
        }
        chain
    });
    let image = ImageMetadata {
        digest: "sha256:".to_owned() + &"a".repeat(64),
        config: wanted.config.then(|| Bytes::from(config.to_string())),
        attestation_chain: chain,
        signatures: wanted.signatures.then(|| ImageSignatures {
            unavailable: vec!["the referrers".to_owned()],
            ..ImageSignatures::default()
        }),
    };
    Metadata { image: Some(image), ..Metadata::default() }
}

/// `app:config+chain+provenance`
pub fn name(request: &Request) -> String {
    let mut groups = Vec::new();
    if let Some(image) = &request.wanted.image {
        groups.extend(image.config.then_some("config"));
        groups.extend(image.attestation_chain.then_some("chain"));
        groups.extend((!image.attestations.is_empty()).then_some("provenance"));
        groups.extend(image.signatures.then_some("signatures"));
    }
    groups.extend(request.wanted.git.as_ref().map(|git| if git.objects { "objects" } else { "ref" }));
    groups.extend(request.wanted.http.as_ref().map(|_| "checksum"));
    let source = request.source.identifier.rsplit('/').next().unwrap_or_default();
    format!("{source}:{}", groups.join("+"))
}

/// Everything that `rules` ask for, a round after the other, and the decision.
pub fn conversation(rules: &str, identifier: &str) -> (Vec<String>, Result<bool, String>) {
    let policy = load(rules).unwrap_or_else(|error| panic!("{error}\n{rules}"));
    let root = source(identifier);
    let mut facts = Facts::default();
    let mut rounds = Vec::new();
    loop {
        match check(&policy, &root, &facts) {
            Ok(Outcome::Needs(requests)) => {
                assert!(rounds.len() < 10, "{rounds:?}\n{rules}");
                let mut names: Vec<String> = requests.iter().map(name).collect();
                names.sort();
                rounds.push(names.join(" "));
                for request in requests {
                    let metadata = metadata(&request);
                    facts.insert(request.source, request.platform, metadata);
                }
            }
            Ok(Outcome::Decided(decision)) => return (rounds, Ok(decision.action != Action::Deny)),
            Err(error) => return (rounds, Err(error.to_string())),
        }
    }
}
