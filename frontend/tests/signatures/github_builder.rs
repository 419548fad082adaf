//! Images that Docker's GitHub builder signed, served by `docker-registry` and verified under the embedded root.
//!
//! Of the images only the manifests of attestation and signature are there, third-party data outside the repository:
//! `POLICY_CHECK_VECTORS` names its folder. A registry takes no index of an image that it hasn't, so its storage is
//! written by hand.

use std::fs::{create_dir_all, read, write};
use std::io::Write;
use std::path::{Path, PathBuf};

use policy_signing::digest_of;
use policy_testbed::DockerRegistry;
use serde_json::{Value, json};

use crate::harness::Place;
use crate::setup::{policy, signatures};

const BUILDERS: [&str; 2] = [
    "https://github.com/docker/github-builder/.github/workflows/",
    "https://github.com/docker/github-builder-experimental/.github/workflows/",
];

/// One of the images: its attestation, and the signature on that.
struct Chain {
    number: &'static str,
    attestation: Vec<u8>,
    signature: Vec<u8>,
    bundle: Vec<u8>,
}

impl Chain {
    fn read(vectors: &Path, number: &'static str) -> Self {
        let file = |name: &str| read(vectors.join("github-builder").join(number).join(name)).expect("a file");
        Self {
            number,
            attestation: file("attestation-manifest.json"),
            signature: file("signature-manifest.json"),
            bundle: file("bundle.sigstore.json"),
        }
    }

    /// `builder/NUMBER` in the storage: an index of image and attestation, and the list of referrers under the tag
    /// that stands for it.
    fn lay_out(&self, storage: &Path) {
        let repository =
            Storage { root: storage.join("docker/registry/v2"), name: format!("builder/{}", self.number) };
        let parsed: Value = serde_json::from_slice(&self.attestation).expect("JSON");
        let mut image = parsed["subject"].clone();
        image["platform"] = json!({"os": "linux", "architecture": "amd64"});
        let mut attestation = descriptor(&self.attestation);
        attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        attestation["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": image["digest"],
        });
        repository.manifest(&index(&json!([image, attestation])), Some("1"));
        repository.manifest(&self.attestation, None);
        repository.manifest(&self.signature, None);
        repository.blob(&self.bundle);
        let mut referrer = descriptor(&self.signature);
        referrer["artifactType"] = "application/vnd.dev.sigstore.bundle.v0.3+json".into();
        let tag = digest_of(&self.attestation).replace(':', "-");
        repository.manifest(&index(&json!([referrer])), Some(&tag));
    }
}

fn descriptor(manifest: &[u8]) -> Value {
    json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest_of(manifest),
        "size": manifest.len(),
    })
}

fn index(manifests: &Value) -> Vec<u8> {
    let media_type = "application/vnd.oci.image.index.v1+json";
    json!({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}).to_string().into_bytes()
}

/// A repository in the registry's storage: content by digest, and a file for each use of it.
struct Storage {
    root: PathBuf,
    name: String,
}

impl Storage {
    fn manifest(&self, manifest: &[u8], tag: Option<&str>) {
        let digest = self.content(manifest);
        let path = digest.replace(':', "/");
        self.link(&format!("_manifests/revisions/{path}"), &digest);
        if let Some(tag) = tag {
            self.link(&format!("_manifests/tags/{tag}/current"), &digest);
            self.link(&format!("_manifests/tags/{tag}/index/{path}"), &digest);
        }
    }

    fn blob(&self, blob: &[u8]) {
        let digest = self.content(blob);
        self.link(&format!("_layers/{}", digest.replace(':', "/")), &digest);
    }

    fn content(&self, content: &[u8]) -> String {
        let digest = digest_of(content);
        let hex = digest.trim_start_matches("sha256:");
        let folder = self.root.join("blobs/sha256").join(&hex[..2]).join(hex);
        create_dir_all(&folder).expect("a folder");
        write(folder.join("data"), content).expect("a file");
        digest
    }

    fn link(&self, path: &str, digest: &str) {
        let folder = self.root.join("repositories").join(&self.name).join(path);
        create_dir_all(&folder).expect("a folder");
        write(folder.join("link"), digest).expect("a file");
    }
}

#[test]
fn what_dockers_github_builder_signed_is_of_its_kind() {
    let Some(vectors) = std::env::var_os("POLICY_CHECK_VECTORS").map(PathBuf::from) else {
        writeln!(std::io::stderr(), "skipped: POLICY_CHECK_VECTORS is not set").expect("standard error");
        return;
    };
    let chains = ["1", "2", "3"].map(|number| Chain::read(&vectors, number));
    let lay_out = |storage: &Path| chains.iter().for_each(|chain| chain.lay_out(storage));
    let Some(registry) = DockerRegistry::start_with(lay_out) else { return };
    let place = Place::new();
    for chain in &chains {
        let source = format!("docker-image://{}/builder/{}:1", registry.address, chain.number);
        let fields = "image.signatures,image.verification";
        let run =
            place.run(["eval", "--platform", "linux/amd64", "--print", "--fields", fields, &source]).finish();
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        let input: Value = serde_json::from_str(&run.stdout).expect("JSON");
        let image = &input["image"];
        assert_eq!(image["verification"], Value::Null, "{image:#}");
        let [signature] = &signatures(image)[..] else { panic!("{image:#}") };
        for (field, value) in [
            ("kind", "docker-github-builder"),
            ("type", "bundle-v0.3"),
            ("subject", "attestation"),
            ("trustRoot", "sigstore"),
            ("digest", &digest_of(&chain.signature)),
            ("predicateType", "https://sigstore.dev/cosign/sign/v1"),
        ] {
            assert_eq!(signature[field], value, "{field}: {signature:#}");
        }
        assert_eq!((&signature["dockerReference"], &signature["isDHI"]), (&Value::Null, &Value::Null));
        let signer = &signature["signer"];
        let said = |field: &str| signer[field].as_str().unwrap_or_default().to_owned();
        assert_eq!(said("certificateIssuer"), "CN=sigstore-intermediate,O=sigstore.dev");
        assert_eq!(said("issuer"), "https://token.actions.githubusercontent.com");
        assert_eq!(said("runnerEnvironment"), "github-hosted");
        for field in ["subjectAlternativeName", "buildSignerURI"] {
            assert!(BUILDERS.iter().any(|builder| said(field).starts_with(builder)), "{field}: {signer:#}");
        }
        let repository = said("sourceRepositoryURI");
        let repository = repository.strip_prefix("https://github.com/").expect("a repository of GitHub");
        assert!(
            said("runInvocationURI").starts_with(&format!("https://github.com/{repository}/actions/runs/"))
        );
        assert_eq!((said("sourceRepositoryDigest").len(), said("buildSignerDigest").len()), (40, 40));
        let times = signature["timestamps"].as_array().expect("times");
        assert!(
            times.iter().any(|time| time["type"] == "Tlog" && time["uri"] == "https://rekor.sigstore.dev")
        );

        let decided = |repository: &str| {
            place.write(
                "Dockerfile.rego",
                policy(&format!("docker_github_builder(input.image, \"{repository}\")")),
            );
            place.run(["eval", "--platform", "linux/amd64", &source]).finish().code
        };
        assert_eq!((decided(repository), decided("docker/other")), (0, 1), "{repository}");

        place.bring_library();
        let by_library = |call: &str| {
            let import = "\n\nimport data.lib.images.signatures\n\ndefault";
            place.write("Dockerfile.rego", policy(call).replacen("\n\ndefault", import, 1));
            place.run(["eval", "--strict", "--platform", "linux/amd64", &source]).finish().code
        };
        for function in ["github_builder", "github_workflow"] {
            let call = |repository: &str| format!("signatures.{function}(input.image, \"{repository}\")");
            let codes = (by_library(&call(repository)), by_library(&call("docker/other")));
            assert_eq!(codes, (0, 1), "{function}: {repository}");
        }
        let reference = said("sourceRepositoryRef");
        if let Some(tag) = reference.strip_prefix("refs/tags/") {
            let call = |tag: &str| {
                format!("signatures.github_builder_tag(input.image, \"{repository}\", \"{tag}\")")
            };
            assert_eq!((by_library(&call(tag)), by_library(&call("none"))), (0, 1), "{reference}");
        }
        let call = "signatures.hardened(input.image)";
        assert_eq!(by_library(call), 1, "{call}");
    }
}
