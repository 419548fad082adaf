//! Signatures in builds: BuildKit delivers those on the attestation manifest, the registry has the others.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use policy_check::buildkit::proto::gateway;
use policy_signing::{Named, Registry, SignatureManifest, World, digest_of};

use crate::builds::start;
use crate::client::*;
use crate::daemon::*;

/// A registry with these images of a signed world, the folder with its trust root, and a daemon that builds from the
/// first of them.
struct Signed {
    world: World,
    registry: Registry,
    folder: tempfile::TempDir,
}

impl Signed {
    fn of(names: &[&str]) -> Self {
        let registry = Registry::start(true).expect("a registry");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let mut world = World::new(b"hook", now - 60);
        for name in names {
            let named = world.image(name).expect("an image of the world").clone();
            world.push_image(registry.address(), &named).expect("the image is pushed");
        }
        let folder = tempfile::tempdir().expect("a folder");
        world.write(folder.path(), registry.address()).expect("the files are written");
        Self { world, registry, folder }
    }

    fn named(&self, name: &str) -> &Named {
        self.world.image(name).expect("an image of the world")
    }

    /// A daemon whose default target is built from this image. `in_chain` are the signatures that it delivers.
    fn script(&self, name: &str, in_chain: &[SignatureManifest]) -> Script {
        let named = self.named(name);
        let reference = named.reference(self.registry.address());
        let platform = &named.image.platforms[0];
        let attestation = platform.attestation.as_deref().expect("an attested image");
        let mut blobs: Vec<&[u8]> = vec![named.image.root(), attestation];
        blobs.extend(in_chain.iter().map(|signature| signature.manifest.as_slice()));
        blobs.extend(in_chain.iter().flat_map(SignatureManifest::blobs).map(Vec::as_slice));
        let blob = |content: &[u8]| {
            let json: serde_json::Value = serde_json::from_slice(content).unwrap_or_default();
            let descriptor = gateway::Descriptor {
                media_type: json["mediaType"].as_str().unwrap_or_default().to_owned(),
                digest: digest_of(content),
                size: i64::try_from(content.len()).expect("a size"),
                ..Default::default()
            };
            (digest_of(content), gateway::Blob { descriptor: Some(descriptor), data: content.to_vec() })
        };
        let chain = gateway::AttestationChain {
            root: named.digest(),
            image_manifest: digest_of(&platform.manifest),
            attestation_manifest: digest_of(attestation),
            signature_manifests: in_chain.iter().map(|signature| digest_of(&signature.manifest)).collect(),
            blobs: blobs.into_iter().map(blob).collect(),
        };
        let image = gateway::ResolveSourceImageResponse {
            digest: named.digest(),
            config: br#"{"os":"linux","architecture":"amd64"}"#.to_vec(),
            attestation_chain: Some(chain),
        };
        let known = gateway::ResolveSourceMetaResponse { image: Some(image), ..Default::default() };
        let mut script = Script::default().loads(&[&reference]);
        let identifier = source_op(&reference).identifier;
        script.metadata.insert(identifier, Metadata { known, oci_index: true });
        script
    }

    fn root(&self) -> String {
        format!("world={}", Path::join(self.folder.path(), "trusted_root.json").display())
    }
}

const POLICY: &str = r#"package docker

default allow := false

allow if not input.image

allow if {
	some signature in input.image.signatures
	signature.trustRoot == "world"
	signature.signer.sourceRepositoryURI == "https://github.com/world/app"
}

decision := {"allow": allow, "deny_msg": deny_msg}

deny_msg contains "not signed by us" if not allow
"#;

#[tokio::test]
async fn a_signature_in_the_registry_counts() {
    for name in ["cosign-bundle-index", "simple-tag-image", "cosign-bundle-attestation"] {
        let signed = Signed::of(&[name]);
        let script = signed.script(name, &[]);
        let (daemon, _hook, client) = start(script, POLICY, &["--trust-root", &signed.root()]).await;
        let outcome = client.build(Build::dockerfile()).await;
        assert!(outcome.solve.is_ok(), "{name}: {:?}", outcome.solve);
        assert_eq!(daemon.crashed(), None);
    }
}

#[tokio::test]
async fn a_signature_that_does_not_verify_denies_the_build() {
    for name in ["bad-expired", "unsigned"] {
        let signed = Signed::of(&[name]);
        let script = signed.script(name, &[]);
        let (daemon, _hook, client) = start(script, POLICY, &["--trust-root", &signed.root()]).await;
        let outcome = client.build(Build::dockerfile()).await;
        assert!(outcome.solve.is_err(), "{name} is built");
        assert!(outcome.deny_messages().iter().any(|message| message.contains("not signed by us")), "{name}");
        assert_eq!(daemon.crashed(), None);
    }
}

#[tokio::test]
async fn without_the_trust_root_nothing_is_signed() {
    let signed = Signed::of(&["cosign-bundle-index"]);
    let (_daemon, _hook, client) = start(signed.script("cosign-bundle-index", &[]), POLICY, &[]).await;
    assert!(client.build(Build::dockerfile()).await.solve.is_err());
}

/// What BuildKit delivers is enough, even if the registry withholds it.
#[tokio::test]
async fn a_signature_of_the_chain_counts() {
    let mut signed = Signed::of(&["unsigned"]);
    let named = signed.named("unsigned").clone();
    let platform = &named.image.platforms[0];
    let attestation = platform.attestation.clone().expect("an attested image");
    let plan = signed.named("cosign-bundle-attestation").plans[0].clone();
    let signature = signed.world.sign(&attestation, "registry.test/app", &plan);
    let script = signed.script("unsigned", &[signature]);
    let (daemon, _hook, client) = start(script, POLICY, &["--trust-root", &signed.root()]).await;
    let outcome = client.build(Build::dockerfile()).await;
    assert!(outcome.solve.is_ok(), "{:?}", outcome.solve);
    assert_eq!(daemon.crashed(), None);
}
