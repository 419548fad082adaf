//! BuildKit's half of a conversation, and a resolver of our own that knows the same world.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use policy_engine::input::Env;
use policy_engine::metadata::{AttestationChain, ImageMetadata, Metadata, Request};
use policy_engine::policy::{LoadError, LoadOptions, Policy, PolicyFile, PolicyRoot, PolicySet};
use policy_engine::source::{ImageSource, Platform, SourceOp};

use crate::buildkit::proto::policysession::{Answer, CheckPolicyRequest};
use crate::buildkit::proto::{gateway, pb};
use crate::lookup::{Resolve, ResolveMediaType, describe_one};
use crate::resolve::image::OCI_INDEX;
use crate::serve::record::Record;
use crate::serve::verify::{Jurisdiction, Verifier, VerifierOptions, VerifyError};

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// All that there is to know, by identifier.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) sources: BTreeMap<String, Metadata>,
    /// Digests of the images that are an OCI index.
    pub(super) indexes: Vec<String>,
    /// What our own resolver can't look up: words of its requests.
    broken: Vec<&'static str>,
    /// What our own resolver was asked.
    pub(super) asked: Mutex<Vec<String>>,
    /// How many lookups are running, and how many were at a time.
    running: Mutex<(usize, usize)>,
}

impl World {
    /// A world whose requests with these words our own resolver can't answer.
    pub(super) fn without(broken: &[&'static str]) -> Self {
        Self { broken: broken.to_vec(), ..Self::default() }
    }

    /// The most lookups that ran at a time.
    pub(super) fn most_lookups(&self) -> usize {
        self.running.lock().unwrap().1
    }
}

#[derive(Debug, thiserror::Error)]
#[error("there is no {0}")]
pub(super) struct Missing(String);

impl World {
    /// Adds what a recording knows about a source.
    pub(super) fn learn(&mut self, source: &SourceOp, known: Metadata) {
        let all = self.sources.entry(source.identifier.clone()).or_default();
        if let Some(new) = known.image {
            let image = all.image.get_or_insert_default();
            image.digest = new.digest;
            image.config = new.config.or(image.config.take());
            image.signatures = new.signatures.or(image.signatures.take());
            if let Some(chain) = new.attestation_chain {
                self.indexes.push(chain.root.clone());
                let known = image.attestation_chain.get_or_insert_default();
                let blobs = std::mem::take(&mut known.blobs);
                *known = chain;
                known.blobs.extend(blobs);
            }
        }
        if let Some(new) = known.git {
            let git = all.git.get_or_insert_with(|| new.clone());
            git.commit_object = new.commit_object.or(git.commit_object.take());
            git.tag_object = new.tag_object.or(git.tag_object.take());
        }
        if let Some(new) = known.http {
            let http = all.http.get_or_insert_with(|| new.clone());
            http.keep(&new);
        }
    }

    /// What BuildKit answers; `None` where nothing was recorded. Dies as buildkitd 0.32.2 does.
    fn resolve(
        &self,
        request: &gateway::ResolveSourceMetaRequest,
    ) -> Option<gateway::ResolveSourceMetaResponse> {
        let source = request.source.as_ref().expect("buildkitd crashes without a source");
        let known = self.sources.get(&source.identifier)?;
        let image = known.image.as_ref().map(|image| {
            let asked = request.image.clone().unwrap_or_default();
            let wants_chain = asked.attestation_chain || !asked.resolve_attestations.is_empty();
            assert!(!wants_chain || self.indexes.contains(&image.digest), "buildkitd crashes: {source:?}");
            let chain = image.attestation_chain.clone().filter(|_| wants_chain).map(|mut chain| {
                chain.blobs.retain(|_, blob| {
                    let predicate = blob.descriptor.annotations.get("in-toto.io/predicate-type");
                    predicate.is_none_or(|predicate| asked.resolve_attestations.contains(predicate))
                });
                chain
            });
            let config = (!asked.no_config).then(|| image.config.clone().unwrap_or_else(|| b"{}"[..].into()));
            let digest = if asked.no_config && !wants_chain { String::new() } else { image.digest.clone() };
            ImageMetadata { digest, config, attestation_chain: chain, ..ImageMetadata::default() }
        });
        let git = known.git.clone().map(|mut git| {
            if !request.git.is_some_and(|git| git.return_object) {
                (git.commit_object, git.tag_object) = (None, None);
            }
            git
        });
        let http = known.http.clone().map(|mut http| {
            let asked = request.http.as_ref().and_then(|http| http.checksum_request.as_ref());
            let asked = asked.map(|asked| &*asked.suffix);
            http.checksum_responses.retain(|response| asked == Some(&*response.suffix));
            http
        });
        Some(response(source, &Metadata { image, git, http }))
    }
}

impl Resolve for World {
    type Error = Missing;

    async fn resolve(&self, request: &Request) -> Result<Metadata, Missing> {
        self.asked.lock().unwrap().push(describe_one(request));
        {
            let (running, most) = &mut *self.running.lock().unwrap();
            *running += 1;
            *most = (*most).max(*running);
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.running.lock().unwrap().0 -= 1;
        let identifier = &request.source.identifier;
        let digest = identifier.rsplit_once('@').map(|(_, digest)| digest);
        let by_digest = |known: &&Metadata| known.image.as_ref().map(|image| &*image.digest) == digest;
        let found = self.sources.get(identifier).or_else(|| self.sources.values().find(by_digest));
        let mut found = found.cloned().ok_or_else(|| Missing(identifier.clone()))?;
        if let Some(image) = &mut found.image
            && !self.indexes.contains(&image.digest)
        {
            let root = image.digest.clone();
            let chain =
                AttestationChain { image_manifest: root.clone(), root, ..AttestationChain::default() };
            image.attestation_chain = Some(chain);
        }
        if let Some(why) = self.broken.iter().find(|why| describe_one(request).contains(**why)) {
            return Err(Missing((*why).to_owned()));
        }
        Ok(found)
    }

    fn denial(_: &Missing) -> Option<&[String]> {
        None
    }
}

impl ResolveMediaType for World {
    async fn media_type(&self, image: &ImageSource) -> Result<String, Missing> {
        let digest = image.reference.digest().expect("a digest: tags move").to_owned();
        self.asked.lock().unwrap().push(format!("media type of {}", image.reference));
        Ok(if self.indexes.contains(&digest) { OCI_INDEX } else { MANIFEST }.to_owned())
    }
}

/// `ResolveSourceMetaResponse` with what is known.
pub(super) fn response(source: &pb::SourceOp, known: &Metadata) -> gateway::ResolveSourceMetaResponse {
    let bytes = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map(|it| it.to_vec()).unwrap_or_default();
    let blob = |blob: &policy_engine::metadata::Blob| gateway::Blob {
        descriptor: Some(gateway::Descriptor {
            media_type: blob.descriptor.media_type.clone(),
            digest: blob.descriptor.digest.clone(),
            size: i64::try_from(blob.descriptor.size).unwrap(),
            annotations: blob.descriptor.annotations.clone().into_iter().collect(),
        }),
        data: blob.data.to_vec(),
    };
    gateway::ResolveSourceMetaResponse {
        source: Some(source.clone()),
        image: known.image.as_ref().map(|image| gateway::ResolveSourceImageResponse {
            digest: image.digest.clone(),
            config: bytes(&image.config),
            attestation_chain: image.attestation_chain.as_ref().map(|chain| gateway::AttestationChain {
                root: chain.root.clone(),
                image_manifest: chain.image_manifest.clone(),
                attestation_manifest: chain.attestation_manifest.clone(),
                signature_manifests: chain.signature_manifests.clone(),
                blobs: chain.blobs.iter().map(|(digest, it)| (digest.clone(), blob(it))).collect(),
            }),
        }),
        git: known.git.as_ref().map(|git| gateway::ResolveSourceGitResponse {
            checksum: git.checksum.clone(),
            r#ref: git.r#ref.clone(),
            commit_checksum: git.commit_checksum.clone(),
            commit_object: bytes(&git.commit_object),
            tag_object: bytes(&git.tag_object),
        }),
        http: known.http.as_ref().map(|http| gateway::ResolveSourceHttpResponse {
            checksum: http.checksum.clone(),
            checksum_response: http.checksum_responses.first().map(|it| gateway::ChecksumResponse {
                digest: it.digest.clone(),
                suffix: it.suffix.to_vec(),
            }),
            ..Default::default()
        }),
    }
}

pub(super) fn question(source: &SourceOp, platform: impl Into<Option<pb::Platform>>) -> CheckPolicyRequest {
    let platform = platform.into();
    let source = pb::SourceOp { identifier: source.identifier.clone(), attrs: source.attrs.clone() };
    let source = response(&source, &Metadata::default());
    CheckPolicyRequest { platform, source: Some(source), ..CheckPolicyRequest::default() }
}

pub(super) fn amd64() -> pb::Platform {
    platform(&Platform::new("linux", "amd64", ""))
}

pub(super) fn platform(platform: &Platform) -> pb::Platform {
    let Platform { os, architecture, variant } = platform.clone();
    pb::Platform { os, architecture, variant, ..pb::Platform::default() }
}

pub(super) fn policy(
    files: Vec<PolicyFile>,
    root: Option<Arc<dyn PolicyRoot>>,
) -> Result<Arc<PolicySet>, LoadError> {
    let policy = Policy::load(&LoadOptions { files, root, strict: false })?;
    Ok(Arc::new(PolicySet { policies: vec![Arc::new(policy)], ..PolicySet::default() }))
}

/// A build under a policy of these rules.
pub(super) fn jurisdiction(name: &str, rules: &str) -> Arc<Jurisdiction> {
    let file = PolicyFile { name: name.into(), text: format!("package docker\n{rules}") };
    Arc::new(Jurisdiction {
        policies: policy(vec![file], None).unwrap(),
        env: Env::default(),
        reads_from_client: false,
    })
}

pub(super) fn verifier(world: &Arc<World>) -> Verifier<World> {
    let options = VerifierOptions { record_cases: true, ..VerifierOptions::default() };
    Verifier::new(Arc::clone(world), options)
}

/// How a conversation ended.
pub(super) struct End {
    pub(super) answer: Result<Answer, VerifyError>,
    pub(super) record: Record,
    /// What BuildKit was asked for on the way.
    pub(super) requests: Vec<gateway::ResolveSourceMetaRequest>,
}

/// Plays BuildKit: asks, delivers what it is asked for, asks again. Ends at a decision, an error, or a request
/// for what this world doesn't know.
pub(super) async fn converse(
    verifier: &Verifier<World>,
    world: &World,
    jurisdictions: &[Arc<Jurisdiction>],
    mut question: CheckPolicyRequest,
) -> End {
    let mut requests = Vec::new();
    let asked = question.source.clone().unwrap().source;
    loop {
        let (answer, record) = verifier.check(jurisdictions, question.clone()).await;
        let Ok(Answer::Request(request)) = &answer else { return End { answer, record, requests } };
        assert_eq!(request.source, asked);
        assert_eq!(request.platform, question.platform);
        requests.push(request.clone());
        assert!(requests.len() < 10, "too many policy requests");
        match world.resolve(request) {
            Some(response) => question.source = Some(response),
            None => return End { answer, record, requests },
        }
    }
}
