//! Images for tests, as a registry serves them.

use std::collections::BTreeMap;

use policy_engine::metadata::{ImageMetadata, ImageWanted};
use policy_engine::source::Platform;
use serde_json::{Value, json};

use crate::resolve::image::document::{OCI_INDEX, OCI_MANIFEST, sha256};
use crate::resolve::image::{CredentialOptions, ImageError, ImageName, ImageResolver};
use crate::resolve::testing::{Reply, Server, fast_options};
use crate::resolve::transport::{Transport, TransportOptions};

pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const IN_TOTO: &str = "application/vnd.in-toto+json";
pub(crate) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
pub(crate) const SLSA: &str = "https://slsa.dev/provenance/v1";
const SPDX: &str = "https://spdx.dev/Document";

/// Replies by path, for the repository `team/app`.
#[derive(Debug, Clone, Default)]
pub(crate) struct World(pub(crate) BTreeMap<String, Reply>);

pub(crate) fn path(kind: &str, id: &str) -> String {
    format!("/v2/team/app/{kind}/{id}")
}

pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(bytes), "size": bytes.len()})
}

pub(crate) fn digest(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().unwrap()
}

/// `descriptor` with one more field.
pub(crate) fn with(mut descriptor: Value, field: &str, value: Value) -> Value {
    descriptor[field] = value;
    descriptor
}

pub(crate) fn index(manifests: &[Value]) -> Value {
    json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests})
}

impl World {
    pub(crate) fn blob(&mut self, media_type: &str, bytes: &str) -> Value {
        let descriptor = descriptor(media_type, bytes.as_bytes());
        let reply = Reply::new(200, bytes).header("content-type", "application/octet-stream");
        self.0.insert(path("blobs", digest(&descriptor)), reply);
        descriptor
    }

    pub(crate) fn manifest(&mut self, media_type: &str, document: &Value) -> Value {
        let bytes = document.to_string();
        let descriptor = descriptor(media_type, bytes.as_bytes());
        let reply = Reply::new(200, bytes).header("content-type", media_type);
        self.0.insert(path("manifests", digest(&descriptor)), reply);
        descriptor
    }

    pub(crate) fn tag(&mut self, tag: &str, descriptor: &Value) {
        let reply = self.0[&path("manifests", digest(descriptor))].clone();
        self.0.insert(path("manifests", tag), reply);
    }

    /// An image manifest with a config that names the platform.
    pub(crate) fn image(&mut self, platform: &str) -> Value {
        let (os, architecture) = platform.split_once('/').unwrap();
        let config = json!({"os": os, "architecture": architecture, "config": {"Env": ["A=1"]}}).to_string();
        let config = self.blob(CONFIG, &config);
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []});
        self.manifest(OCI_MANIFEST, &manifest)
    }

    /// The same, as an index lists it.
    pub(crate) fn listed_image(&mut self, platform: &str) -> Value {
        let (os, architecture) = platform.split_once('/').unwrap();
        with(self.image(platform), "platform", json!({"os": os, "architecture": architecture}))
    }

    /// An attestation manifest with provenance and SBOM for `image`, as an index lists it.
    pub(crate) fn attestation(&mut self, image: &Value) -> Value {
        let layers: Vec<_> = [SLSA, SPDX]
            .iter()
            .map(|predicate| {
                let statement = json!({"predicateType": predicate, "subject": [digest(image)]}).to_string();
                let annotations = json!({"in-toto.io/predicate-type": predicate});
                with(self.blob(IN_TOTO, &statement), "annotations", annotations)
            })
            .collect();
        let config = self.blob(CONFIG, "{}");
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers, "subject": image});
        let annotations = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": digest(image),
        });
        let attestation = with(self.manifest(OCI_MANIFEST, &manifest), "annotations", annotations);
        with(attestation, "platform", json!({"os": "unknown", "architecture": "unknown"}))
    }

    /// A signature manifest on `subject`, as the referrers API lists it.
    pub(crate) fn signature(&mut self, subject: &Value, bundle: &str) -> Value {
        let layer = self.blob(BUNDLE, bundle);
        let config = self.blob("application/vnd.oci.empty.v1+json", "{}");
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": BUNDLE,
            "config": config, "layers": [layer], "subject": subject,
        });
        with(self.manifest(OCI_MANIFEST, &manifest), "artifactType", json!(BUNDLE))
    }

    /// `team/app:1`, for amd64 with attestations and for arm64 without. Returns index, amd64 image and attestation.
    pub(crate) fn attested() -> (Self, [Value; 3]) {
        let mut world = Self::default();
        let amd64 = world.listed_image("linux/amd64");
        let arm64 = world.listed_image("linux/arm64");
        let attestation = world.attestation(&amd64);
        let index = world.manifest(OCI_INDEX, &index(&[amd64.clone(), arm64, attestation.clone()]));
        world.tag("1", &index);
        (world, [index, amd64, attestation])
    }

    pub(crate) fn referrers(&mut self, subject: &Value, referrers: &[Value]) {
        let reply = Reply::new(200, index(referrers).to_string()).header("content-type", OCI_INDEX);
        self.0.insert(path("referrers", digest(subject)), reply);
    }

    pub(crate) async fn serve(self) -> Server {
        Server::start(move |request| self.reply(&request.path)).await
    }

    pub(crate) fn reply(&self, path: &str) -> Reply {
        self.0.get(path).cloned().unwrap_or_else(|| Reply::new(404, "{}"))
    }
}

pub(crate) fn amd64() -> Platform {
    Platform { os: "linux".into(), architecture: "amd64".into(), variant: String::new() }
}

pub(crate) fn only_digest() -> ImageWanted {
    ImageWanted::default()
}

pub(crate) fn config() -> ImageWanted {
    ImageWanted { config: true, ..ImageWanted::default() }
}

pub(crate) fn chain() -> ImageWanted {
    ImageWanted { attestation_chain: true, ..ImageWanted::default() }
}

pub(crate) fn provenance() -> ImageWanted {
    ImageWanted { attestations: vec![SLSA.into()], ..ImageWanted::default() }
}

pub(crate) fn name(server: &Server, tag: &str) -> ImageName {
    ImageName::new(server.authority.as_str(), "team/app", Some(tag.into()), None).unwrap()
}

pub(crate) fn resolver_with(options: TransportOptions) -> ImageResolver {
    ImageResolver::new(Transport::new(options).unwrap(), CredentialOptions::default())
}

pub(crate) fn resolver() -> ImageResolver {
    resolver_with(fast_options())
}

/// Asks a fresh resolver about `team/app:1` on `linux/amd64`.
pub(crate) async fn ask(server: &Server, wanted: &ImageWanted) -> Result<ImageMetadata, ImageError> {
    resolver().resolve(&name(server, "1"), Some(&amd64()), wanted).await
}
