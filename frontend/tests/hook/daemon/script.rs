//! What a test wants the daemon to know and do.

use std::collections::BTreeMap;
use std::time::Duration;

use policy_check::buildkit::proto::{control, gateway, pb};

/// Files of a source, by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The daemon's world and manners. [`Script::default`] is a daemon like the real one, with nothing in its world.
#[derive(Clone)]
pub(crate) struct Script {
    /// Sources that a Dockerfile's target loads; the target is that of `LLBBridge.Solve`, as in BuildKit.
    pub(crate) targets: BTreeMap<String, Vec<pb::SourceOp>>,
    /// What resolving a source yields, by identifier (without a digest).
    pub(crate) metadata: BTreeMap<String, Metadata>,
    /// Files of sources that are not local, by identifier.
    pub(crate) trees: BTreeMap<String, Files>,
    /// What the daemon says it can do.
    pub(crate) capabilities: Vec<&'static str>,
    /// Its version. Another one can do other things.
    pub(crate) version: &'static str,
    /// How long calls of `LLBBridge` wait for their build.
    pub(crate) registration_window: Duration,
    /// Time between health checks of sessions.
    pub(crate) health_interval: Duration,
    /// Sent on each status stream before all else.
    pub(crate) status: Vec<control::StatusResponse>,
    /// `google.rpc.Status` bytes that a Dockerfile's solve ends with, after its sources were allowed.
    pub(crate) failure: Option<tonic::Status>,
    /// Returned by each solve that succeeds.
    pub(crate) exporter_response: BTreeMap<String, String>,
}

/// What is known of a source.
#[derive(Clone, Default)]
pub(crate) struct Metadata {
    /// The full answer; of it, only what is asked for is told.
    pub(crate) known: gateway::ResolveSourceMetaResponse,
    /// Whether the image's descriptor is an OCI index. BuildKit crashes resolving attestations of others.
    pub(crate) oci_index: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            targets: BTreeMap::new(),
            metadata: BTreeMap::new(),
            trees: BTreeMap::new(),
            capabilities: vec!["source.policy.session", "exec.meta.network.proxy"],
            version: "v0.32.2",
            registration_window: Duration::from_secs(3),
            health_interval: Duration::from_secs(5),
            status: Vec::new(),
            failure: None,
            exporter_response: BTreeMap::new(),
        }
    }
}

impl Script {
    /// A Dockerfile's default target loads these images, as `alpine` or with any scheme.
    pub(crate) fn loads(self, sources: &[&str]) -> Self {
        self.target("", sources)
    }

    /// A target loads these.
    pub(crate) fn target(mut self, target: &str, sources: &[&str]) -> Self {
        let sources = sources.iter().map(|source| source_op(source)).collect();
        self.targets.insert(target.to_owned(), sources);
        self
    }

    /// An image that is an OCI index.
    pub(crate) fn image(self, identifier: &str, digest: &str, config: &str) -> Self {
        self.image_of_kind(identifier, digest, config, true)
    }

    /// An image that is a single manifest.
    pub(crate) fn single_image(self, identifier: &str, digest: &str, config: &str) -> Self {
        self.image_of_kind(identifier, digest, config, false)
    }

    fn image_of_kind(mut self, identifier: &str, digest: &str, config: &str, oci_index: bool) -> Self {
        let image = gateway::ResolveSourceImageResponse {
            digest: digest.to_owned(),
            config: config.as_bytes().to_vec(),
            attestation_chain: Some(gateway::AttestationChain {
                root: digest.to_owned(),
                ..Default::default()
            }),
        };
        let known = gateway::ResolveSourceMetaResponse { image: Some(image), ..Default::default() };
        self.metadata.insert(source_op(identifier).identifier, Metadata { known, oci_index });
        self
    }

    /// A source that resolves to this.
    pub(crate) fn resolves(mut self, identifier: &str, known: gateway::ResolveSourceMetaResponse) -> Self {
        self.metadata.insert(identifier.to_owned(), Metadata { known, oci_index: false });
        self
    }

    /// A remote source that holds this file.
    pub(crate) fn file(mut self, identifier: &str, path: &str, data: &str) -> Self {
        let tree = self.trees.entry(identifier.to_owned()).or_default();
        tree.insert(path.to_owned(), data.as_bytes().to_vec());
        self
    }
}

/// A source without attributes, its identifier in BuildKit's normal form; no scheme means an image.
pub(crate) fn source_op(identifier: &str) -> pb::SourceOp {
    let identifier = if identifier.contains("://") {
        identifier.to_owned()
    } else {
        format!("docker-image://{identifier}")
    };
    pb::SourceOp { identifier: normal_identifier(&identifier), attrs: BTreeMap::new() }
}

/// Images get their registry, their namespace and a tag; others stay as they are.
pub(crate) fn normal_identifier(identifier: &str) -> String {
    let Some(name) = identifier.strip_prefix("docker-image://") else { return identifier.to_owned() };
    let first = name.split('/').next().unwrap_or_default();
    let has_registry = name.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    let name = match (has_registry, name.contains('/')) {
        (true, _) => name.to_owned(),
        (false, true) => format!("docker.io/{name}"),
        (false, false) => format!("docker.io/library/{name}"),
    };
    let last = name.rsplit('/').next().unwrap_or_default();
    let tag = if last.contains([':', '@']) { "" } else { ":latest" };
    format!("docker-image://{name}{tag}")
}
