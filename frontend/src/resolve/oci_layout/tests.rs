#![allow(clippy::unwrap_used, reason = "test code")]

use policy_engine::verify::Subject;
use serde_json::{Value, json};

use super::*;
use crate::resolve::image::document::{OCI_MANIFEST, sha256};

const SLSA: &str = "https://slsa.dev/provenance/v1";

/// A layout in a folder of its own.
struct Folder {
    directory: tempfile::TempDir,
    entries: Vec<Value>,
}

impl Folder {
    fn new() -> Self {
        let folder = Self { directory: tempfile::tempdir().unwrap(), entries: Vec::new() };
        std::fs::create_dir_all(folder.directory.path().join("blobs/sha256")).unwrap();
        folder.write("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        folder.write("index.json", &json!({"schemaVersion": 2, "manifests": []}).to_string());
        folder
    }

    fn write(&self, path: &str, content: &str) {
        std::fs::write(self.directory.path().join(path), content).unwrap();
    }

    fn blob(&self, media_type: &str, content: &str) -> Value {
        let digest = sha256(content.as_bytes());
        self.write(&format!("blobs/{}", digest.replace(':', "/")), content);
        json!({"mediaType": media_type, "digest": digest, "size": content.len()})
    }

    fn manifest(&self, mut document: Value) -> Value {
        document["schemaVersion"] = json!(2);
        let media_type = if document.get("manifests").is_some() { OCI_INDEX } else { OCI_MANIFEST };
        document["mediaType"] = json!(media_type);
        self.blob(media_type, &document.to_string())
    }

    fn image(&self, config: &str) -> Value {
        let config = self.blob("application/vnd.oci.image.config.v1+json", config);
        self.manifest(json!({"config": config, "layers": []}))
    }

    fn list(&mut self, mut entry: Value, annotation: &str, name: &str) {
        entry["annotations"] = json!({annotation: name});
        self.entries.push(entry);
        self.write("index.json", &json!({"schemaVersion": 2, "manifests": self.entries}).to_string());
    }

    fn name(&self, tag: Option<&str>, digest: Option<&str>) -> LayoutName {
        LayoutName {
            path: self.directory.path().to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        }
    }

    async fn config(&self, tag: Option<&str>, digest: Option<&str>) -> Result<String, ImageError> {
        let wanted = ImageWanted { config: true, ..ImageWanted::default() };
        let metadata = resolve(&self.name(tag, digest), None, &wanted).await?;
        Ok(String::from_utf8(metadata.config.unwrap().to_vec()).unwrap())
    }
}

#[tokio::test]
async fn by_name() {
    let mut folder = Folder::new();
    let one = folder.image(r#"{"n":1}"#);
    folder.list(one.clone(), REF_NAME, "one");
    assert_eq!(folder.config(Some("any"), None).await.unwrap(), r#"{"n":1}"#);
    folder.list(folder.image(r#"{"n":2}"#), REF_NAME, "latest");
    folder.list(folder.image(r#"{"n":3}"#), CONTAINERD_NAME, "docker.io/library/x:1");
    for (tag, expected) in [("one", 1), ("latest", 2), ("docker.io/library/x:1", 3)] {
        assert_eq!(folder.config(Some(tag), None).await.unwrap(), format!(r#"{{"n":{expected}}}"#));
    }
    assert_eq!(folder.config(None, None).await.unwrap(), r#"{"n":2}"#);
    assert_eq!(folder.config(Some("latest"), one["digest"].as_str()).await.unwrap(), r#"{"n":1}"#);
    let error = folder.config(Some("none"), None).await.unwrap_err();
    assert!(matches!(error, ImageError::NotFound { .. }), "{error}");
    let missing = format!("sha256:{}", "0".repeat(64));
    let error = folder.config(None, Some(&missing)).await.unwrap_err();
    assert!(matches!(error, ImageError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn attestations_and_signatures() {
    let mut folder = Folder::new();
    let mut image = folder.image("{}");
    let platform = default_platform();
    image["platform"] =
        json!({"os": platform.os, "architecture": platform.architecture, "variant": platform.variant});
    let mut statement = folder.blob("application/vnd.in-toto+json", "{}");
    statement["annotations"] = json!({"in-toto.io/predicate-type": SLSA});
    let config = folder.blob("application/vnd.oci.image.config.v1+json", "{}");
    let mut attestation = folder.manifest(json!({"config": config, "layers": [statement], "subject": image}));
    attestation["annotations"] = json!({
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": image["digest"],
    });
    let signature = |content: &str, subject: &Value| {
        let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
        let layer = folder.blob(bundle, content);
        folder.manifest(
            json!({"artifactType": bundle, "config": config, "layers": [layer], "subject": subject}),
        )
    };
    let (listed, tagged, other) =
        (signature("one", &attestation), signature("two", &attestation), signature("three", &image));
    let legacy = signature("four", &json!(null));
    let index = folder.manifest(json!({"manifests": [image, attestation]}));
    let fallback = folder.manifest(json!({"manifests": [tagged]}));
    folder.list(index.clone(), REF_NAME, "latest");
    folder.list(listed.clone(), "x", "signature");
    folder.list(other.clone(), "x", "on the image");
    let tag = format!("{}.sig", index["digest"].as_str().unwrap().replace(':', "-"));
    folder.list(legacy.clone(), REF_NAME, &tag);
    folder.list(fallback, REF_NAME, &attestation["digest"].as_str().unwrap().replace(':', "-"));
    let wanted = ImageWanted { attestations: vec![SLSA.into()], ..ImageWanted::default() };
    let metadata = resolve(&folder.name(None, None), None, &wanted).await.unwrap();
    assert_eq!(json!(metadata.digest), index["digest"]);
    let chain = metadata.attestation_chain.unwrap();
    assert_eq!(json!(chain.attestation_manifest), attestation["digest"]);
    assert_eq!(json!(chain.signature_manifests), json!([tagged["digest"], listed["digest"]]));
    // Index, attestation manifest, two signatures with a layer each, provenance.
    assert_eq!(chain.blobs.len(), 7);
    assert_eq!(metadata.signatures, None);

    let wanted = ImageWanted { signatures: true, ..ImageWanted::default() };
    let metadata = resolve(&folder.name(None, None), None, &wanted).await.unwrap();
    assert_eq!(metadata.attestation_chain, None);
    let signatures = metadata.signatures.unwrap();
    let found: Vec<_> = signatures
        .manifests
        .iter()
        .map(|manifest| {
            (manifest.covers, json!(manifest.digest), json!(manifest.subject.digest), manifest.by_tag)
        })
        .collect();
    let expected = [
        (Subject::Attestation, &tagged, &attestation, false),
        (Subject::Attestation, &listed, &attestation, false),
        (Subject::Image, &other, &image, false),
        (Subject::Index, &legacy, &index, true),
    ];
    let expected = expected.map(|(covers, manifest, subject, by_tag)| {
        (covers, manifest["digest"].clone(), subject["digest"].clone(), by_tag)
    });
    assert_eq!(found, expected);
    // Four manifests with a layer each, and the attestation manifest.
    assert_eq!(signatures.blobs.len(), 9);
    assert_eq!(signatures.unavailable, [""; 0]);
}

#[tokio::test]
async fn damaged_content() {
    let folder = Folder::new();
    let image = folder.image(r#"{"n":1}"#);
    let digest = image["digest"].as_str().unwrap();
    let path = format!("blobs/{}", digest.replace(':', "/"));
    folder.write(&path, "{}");
    let error = folder.config(None, Some(digest)).await.unwrap_err();
    assert!(matches!(error, ImageError::DigestMismatch { .. }), "{error}");

    let mut folder = Folder::new();
    let mut image = folder.image("{}");
    image["size"] = json!(1);
    folder.list(image, REF_NAME, "latest");
    let error = folder.config(None, None).await.unwrap_err();
    assert!(matches!(error, ImageError::SizeMismatch { .. }), "{error}");
}

#[tokio::test]
async fn digests_do_not_lead_out_of_the_layout() {
    let folder = Folder::new();
    for digest in ["sha256:../../../etc/passwd", "../x:y", "x:y", "md5+..:0123"] {
        let error = folder.config(None, Some(digest)).await.unwrap_err();
        let is_refused =
            matches!(error, ImageError::InvalidName { .. } | ImageError::UnsupportedDigest { .. });
        assert!(is_refused, "{digest}: {error}");
    }
}

#[tokio::test]
async fn what_is_no_layout_is_named() {
    for (file, content) in [
        ("oci-layout", None),
        ("oci-layout", Some("garbage".to_owned())),
        ("oci-layout", Some(r#"{"imageLayoutVersion":"2.0.0"}"#.to_owned())),
        ("index.json", None),
    ] {
        let folder = Folder::new();
        let path = folder.directory.path().join(file);
        match content {
            Some(content) => std::fs::write(path, content).unwrap(),
            None => std::fs::remove_file(path).unwrap(),
        }
        let error = folder.config(None, None).await.unwrap_err();
        assert!(matches!(error, ImageError::Layout { .. }), "{error}");
        assert!(error.to_string().contains(file), "{error}");
    }
    let folder = Folder::new();
    folder.write("index.json", "garbage");
    let error = folder.config(None, None).await.unwrap_err();
    assert!(matches!(error, ImageError::Malformed { .. }), "{error}");
    folder.write("index.json", &" ".repeat(usize::try_from(MAX_MANIFEST.bytes).unwrap() + 1));
    let error = folder.config(None, None).await.unwrap_err();
    assert!(matches!(error, ImageError::LimitExceeded { .. }), "{error}");
    std::fs::remove_file(folder.directory.path().join("index.json")).unwrap();
    std::fs::create_dir(folder.directory.path().join("index.json")).unwrap();
    let error = folder.config(None, None).await.unwrap_err();
    assert!(error.to_string().contains("no regular file"), "{error}");
}
