//! Manifests and indexes: what they must look like before anything in them is believed.

use std::collections::HashMap;

use oci_spec::image::{
    Descriptor, Digest, DigestAlgorithm, ImageIndex, ImageManifest, ImageManifestBuilder, MediaType,
};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::error::ImageError;
use super::platform::ImagePlatform;

pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const EXPECTED: &str =
    "an OCI index or manifest, or a Docker manifest list or schema 2 manifest (schema 1 is long gone)";

/// `OCI` and Docker name the same two things differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Index,
    Manifest,
}

/// `None` for anything that is neither index nor manifest.
pub(crate) fn kind_of(media_type: &str) -> Option<Kind> {
    match media_type {
        OCI_INDEX | DOCKER_LIST => Some(Kind::Index),
        OCI_MANIFEST | DOCKER_MANIFEST => Some(Kind::Manifest),
        _ => None,
    }
}

/// A parsed document.
#[derive(Debug)]
pub(crate) enum Document {
    Index(Box<Index>),
    Manifest(Box<ImageManifest>),
}

/// An index with the platforms beside its manifests, in the same order.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) index: ImageIndex,
    pub(crate) platforms: Vec<Option<ImagePlatform>>,
}

impl Document {
    /// Parses `bytes`, and insists that they are what `media_type` says. `what` and `reference` are for messages.
    pub(crate) fn parse(
        reference: &str,
        what: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Self, ImageError> {
        let malformed = |detail: String| ImageError::Malformed {
            reference: reference.to_owned(),
            what: what.to_owned(),
            detail,
        };
        let unsupported = |media_type: &str| ImageError::UnsupportedMediaType {
            reference: reference.to_owned(),
            what: what.to_owned(),
            media_type: media_type.to_owned(),
            expected: EXPECTED,
        };
        let kind = kind_of(media_type).ok_or_else(|| unsupported(media_type))?;
        let json: Value = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        check_shape(&json, kind, media_type).map_err(malformed)?;
        match kind {
            Kind::Index => {
                let index = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
                let Platforms { manifests } =
                    serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
                let platforms = manifests.into_iter().map(|manifest| manifest.platform).collect();
                Ok(Self::Index(Box::new(Index { index, platforms })))
            }
            Kind::Manifest => {
                let manifest: Manifest =
                    serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
                let manifest = manifest.checked().map_err(|error| malformed(error.to_string()))?;
                Ok(Self::Manifest(Box::new(manifest)))
            }
        }
    }

    /// The media type of a document that came without a usable one: its own `mediaType`, else by its shape.
    pub(crate) fn media_type_of(bytes: &[u8]) -> Option<String> {
        let json: Value = serde_json::from_slice(bytes).ok()?;
        if let Some(media_type) = json.get("mediaType") {
            return media_type.as_str().map(str::to_owned);
        }
        match (json.get("manifests"), json.get("config")) {
            (Some(_), None) => Some(OCI_INDEX.to_owned()),
            (None, Some(_)) => Some(OCI_MANIFEST.to_owned()),
            _ => None,
        }
    }
}

/// A manifest as it may be written. BuildKit writes `null` for the layers of an image without any, which
/// `ImageManifest` doesn't take.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    media_type: Option<MediaType>,
    artifact_type: Option<MediaType>,
    config: Descriptor,
    layers: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<HashMap<String, String>>,
}

impl Manifest {
    fn checked(self) -> Result<ImageManifest, oci_spec::OciSpecError> {
        let Self { schema_version, media_type, artifact_type, config, layers, subject, annotations } = self;
        let mut manifest = ImageManifestBuilder::default()
            .schema_version(schema_version)
            .config(config)
            .layers(layers.unwrap_or_default())
            .build()?;
        manifest.set_media_type(media_type);
        manifest.set_artifact_type(artifact_type);
        manifest.set_subject(subject);
        manifest.set_annotations(annotations);
        Ok(manifest)
    }
}

#[derive(Deserialize)]
struct Platforms {
    manifests: Vec<WithPlatform>,
}

#[derive(Deserialize)]
struct WithPlatform {
    platform: Option<ImagePlatform>,
}

/// One and the same bytes must not be an index to us and a manifest to whoever runs the build: a document
/// says what it is only once, and has only the fields of that.
fn check_shape(json: &Value, kind: Kind, media_type: &str) -> Result<(), String> {
    let Some(fields) = json.as_object() else { return Err("it is no JSON object".to_owned()) };
    check_spelling(json)?;
    if let Some(own) = fields.get("mediaType")
        && own != media_type
    {
        return Err(format!("it calls itself {own}, but was announced as {media_type:?}"));
    }
    let foreign: &[_] = match kind {
        Kind::Index => &["config", "layers", "fsLayers"],
        Kind::Manifest => &["manifests", "fsLayers"],
    };
    match foreign.iter().find(|name| fields.contains_key(**name)) {
        Some(name) => Err(format!("{media_type:?} must not have the field {name:?}")),
        None => Ok(()),
    }
}

/// Go matches field names without regard to case, the last one wins; JSON does not. A document that has
/// `Manifests` means one thing here and another in the daemon, so it is refused.
fn check_spelling(json: &Value) -> Result<(), String> {
    const NAMES: [&str; 20] = [
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "fsLayers",
        "manifests",
        "subject",
        "annotations",
        "digest",
        "size",
        "urls",
        "data",
        "platform",
        "architecture",
        "os",
        "os.version",
        "os.features",
        "variant",
        "features",
    ];
    match json {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            // `ſ` and `K` (Kelvin) fold to `s` and `k` in Go.
            let folded = name.replace('ſ', "s").replace('\u{212a}', "k");
            match NAMES.iter().find(|known| known.eq_ignore_ascii_case(&folded)) {
                Some(known) if known != name => Err(format!("field {name:?} must be spelt {known:?}")),
                Some(&"annotations" | &"data") => Ok(()),
                _ => check_spelling(value),
            }
        }),
        Value::Array(items) => items.iter().try_for_each(check_spelling),
        _ => Ok(()),
    }
}

/// Checks length and digest of what a descriptor led to.
pub(crate) fn verify(reference: &str, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), ImageError> {
    if bytes.len() as u64 != descriptor.size() {
        return Err(ImageError::SizeMismatch {
            reference: reference.to_owned(),
            digest: descriptor.digest().to_string(),
            expected: descriptor.size(),
            actual: bytes.len() as u64,
        });
    }
    verify_digest(reference, descriptor.digest(), bytes)
}

/// Checks the digest alone, where nobody said how long the content is.
pub(crate) fn verify_digest(reference: &str, expected: &Digest, bytes: &[u8]) -> Result<(), ImageError> {
    let actual = match expected.algorithm() {
        DigestAlgorithm::Sha256 => sha256(bytes),
        DigestAlgorithm::Sha384 => format!("sha384:{}", hex(&Sha384::digest(bytes))),
        DigestAlgorithm::Sha512 => format!("sha512:{}", hex(&Sha512::digest(bytes))),
        _ => return Err(unsupported_digest(reference, expected)),
    };
    if actual == expected.as_ref() {
        return Ok(());
    }
    Err(ImageError::DigestMismatch {
        reference: reference.to_owned(),
        expected: expected.to_string(),
        actual,
    })
}

/// Whether [`verify_digest`] will be able to do its work; such digests are hexadecimal and safe in paths.
pub(crate) fn check_algorithm(reference: &str, digest: &Digest) -> Result<(), ImageError> {
    match digest.algorithm() {
        DigestAlgorithm::Sha256 | DigestAlgorithm::Sha384 | DigestAlgorithm::Sha512 => Ok(()),
        _ => Err(unsupported_digest(reference, digest)),
    }
}

fn unsupported_digest(reference: &str, digest: &Digest) -> ImageError {
    ImageError::UnsupportedDigest { reference: reference.to_owned(), digest: digest.to_string() }
}

/// `sha256:…` of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// In hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing to a string can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn descriptor(more: &str) -> String {
        format!(r#"{{"mediaType":"{OCI_MANIFEST}","digest":"{DIGEST}","size":0{more}}}"#)
    }

    fn index(manifest: &str) -> String {
        format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{manifest}]}}"#)
    }

    fn manifest(more: &str) -> String {
        format!(r#"{{"schemaVersion":2,"config":{},"layers":[]{more}}}"#, descriptor(""))
    }

    fn parse(media_type: &str, json: &str) -> Result<Document, ImageError> {
        Document::parse("image", "manifest x", media_type, json.as_bytes())
    }

    #[test]
    fn indexes_and_manifests() {
        let platform = r#","platform":{"os":"linux","architecture":"arm","os.features":["x"]}"#;
        let Document::Index(found) = parse(OCI_INDEX, &index(&descriptor(platform))).unwrap() else {
            panic!("no index")
        };
        assert_eq!(found.index.manifests().len(), 1);
        assert_eq!(found.platforms[0].as_ref().unwrap().to_string(), "linux/arm");
        let list = index("").replace(OCI_INDEX, DOCKER_LIST);
        assert!(matches!(parse(DOCKER_LIST, &list), Ok(Document::Index(_))));
        for media_type in [OCI_MANIFEST, DOCKER_MANIFEST] {
            assert!(matches!(parse(media_type, &manifest("")), Ok(Document::Manifest(_))));
        }
        let Ok(Document::Manifest(empty)) = parse(OCI_MANIFEST, &manifest("").replace("[]", "null")) else {
            panic!("no manifest")
        };
        assert!(empty.layers().is_empty());
    }

    #[test]
    fn what_is_ambiguous_or_garbage_is_malformed() {
        for (media_type, json) in [
            (OCI_INDEX, "garbage".to_owned()),
            (OCI_INDEX, "[]".to_owned()),
            (OCI_INDEX, "{}".to_owned()),
            (OCI_INDEX, index("null")),
            (OCI_INDEX, index(&descriptor("").replace("sha256:e3", "sha256:../"))),
            (OCI_INDEX, index(&descriptor("").replace(":0", ":-1"))),
            (OCI_INDEX, manifest("")),
            (OCI_INDEX, index("").replace('}', r#","layers":[]}"#)),
            (DOCKER_LIST, index("")),
            (OCI_MANIFEST, index("")),
            (OCI_MANIFEST, manifest(r#","manifests":[]"#)),
            (OCI_MANIFEST, manifest(r#","fsLayers":[]"#)),
            (OCI_MANIFEST, manifest(r#","mediaType":"x""#)),
            (OCI_MANIFEST, manifest(r#","layers":[]"#)),
            (OCI_MANIFEST, manifest("").replace("[]", "null").replace('}', r#","layers":[]}"#)),
            (OCI_MANIFEST, manifest(r#","Layers":[]"#)),
            (OCI_MANIFEST, manifest(r#","layerſ":[]"#)),
            (OCI_INDEX, index(&descriptor(r#","Platform":{}"#))),
            (OCI_INDEX, index(&descriptor(r#","platform":{"OS":"linux","architecture":"arm"}"#))),
        ] {
            let error = parse(media_type, &json).unwrap_err();
            assert!(matches!(error, ImageError::Malformed { .. }), "{json}: {error}");
        }
        for media_type in ["application/vnd.docker.distribution.manifest.v1+prettyjws", "text/html", ""] {
            let error = parse(media_type, &manifest("")).unwrap_err();
            assert!(matches!(error, ImageError::UnsupportedMediaType { .. }), "{error}");
        }
        // Whatever annotations are called, they are their owner's.
        parse(OCI_MANIFEST, &manifest(r#","annotations":{"Layers":"x","OS":"y"}"#)).unwrap();
    }

    #[test]
    fn digests_are_verified() {
        let check = |digest: &str, bytes: &[u8]| verify_digest("image", &digest.parse().unwrap(), bytes);
        check(DIGEST, b"").unwrap();
        check(&format!("sha384:{}", hex(&Sha384::digest(b"x"))), b"x").unwrap();
        check(&format!("sha512:{}", hex(&Sha512::digest(b"x"))), b"x").unwrap();
        assert!(matches!(check(DIGEST, b"x"), Err(ImageError::DigestMismatch { .. })));
        assert!(matches!(check("md5:abc", b"x"), Err(ImageError::UnsupportedDigest { .. })));
        let descriptor: Descriptor = serde_json::from_str(&descriptor("")).unwrap();
        verify("image", &descriptor, b"").unwrap();
        assert!(matches!(verify("image", &descriptor, b"x"), Err(ImageError::SizeMismatch { .. })));
    }

    #[test]
    fn media_type_by_shape() {
        assert_eq!(Document::media_type_of(index("").as_bytes()).unwrap(), OCI_INDEX);
        assert_eq!(Document::media_type_of(manifest("").as_bytes()).unwrap(), OCI_MANIFEST);
        assert_eq!(Document::media_type_of(br#"{"mediaType":1}"#), None);
        assert_eq!(Document::media_type_of(b"<html>"), None);
    }
}
