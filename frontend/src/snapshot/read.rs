//! From the file to what was found. Nothing in it is believed that a digest could show to be false.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use policy_engine::metadata::{
    self, Blob, ChecksumResponse, GitMetadata, HttpMetadata, ImageMetadata, ImageSignatures, Metadata,
};
use policy_engine::source::Platform;
use serde::Deserialize;

use super::document::{self, AttestationChain, Document, Git, Http, Image, Lookup, Signatures};
use super::{
    Answer, LookupKey, MAX_ENTRIES, MAX_SNAPSHOT, RecordedRoot, Snapshot, SnapshotError, VERSION, time,
    verify,
};
use crate::distribution::Files;
use crate::memory_tree::Node;

/// Reads and verifies.
pub(super) fn file(path: &Path) -> Result<Snapshot, SnapshotError> {
    let failed = |cause| SnapshotError::Read { path: path.to_owned(), cause };
    let mut text = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_SNAPSHOT + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_SNAPSHOT {
        return Err(SnapshotError::TooLarge { limit: format!("{MAX_SNAPSHOT} bytes") });
    }
    parse(&text)
}

/// What of a file is looked at before its version is known.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

pub(super) fn parse(text: &[u8]) -> Result<Snapshot, SnapshotError> {
    let malformed = |error: serde_json::Error| SnapshotError::Malformed(error.to_string());
    let Versioned { version } = serde_json::from_slice(text).map_err(malformed)?;
    if version != u64::from(VERSION) {
        return Err(SnapshotError::Version(version));
    }
    let document: Document = serde_json::from_slice(text).map_err(malformed)?;
    let Document { lookups, media_types, contexts, downloads, policies, trust, .. } = &document;
    let files = contexts.iter().flat_map(|context| &context.files).map(BTreeMap::len);
    let counts =
        [lookups.len(), media_types.len(), contexts.len(), downloads.len(), policies.len(), trust.len()];
    if counts.into_iter().chain(files).any(|count| count > MAX_ENTRIES) {
        return Err(SnapshotError::TooLarge { limit: format!("{MAX_ENTRIES} entries") });
    }
    let captured = time::parse(&document.captured)
        .ok_or_else(|| SnapshotError::Malformed("`captured` is no time".into()))?;
    let blobs = Blobs::decode(document.blobs)?;
    let mut snapshot = Snapshot {
        tool: document.tool,
        captured,
        lookups: BTreeMap::new(),
        media_types: BTreeMap::new(),
        contexts: BTreeMap::new(),
        downloads: BTreeMap::new(),
        policies: BTreeMap::new(),
        trust: Vec::new(),
    };
    for asked in document.lookups {
        let shown = asked.source.identifier.clone();
        let (key, answer) = lookup(asked, &blobs)?;
        insert(&mut snapshot.lookups, key, answer, &shown)?;
    }
    for kind in document.media_types {
        let answer = one_of(kind.media_type, kind.failed, &kind.image)?;
        insert(&mut snapshot.media_types, kind.image.clone(), answer, &kind.image)?;
    }
    for context in document.contexts {
        let shown = context.source.identifier.clone();
        let files = one_of(context.files, context.failed, &shown)?;
        let files = match files {
            Ok(files) => Ok(self::files(files, &blobs)?),
            Err(message) => Err(message),
        };
        insert(&mut snapshot.contexts, context.source.into(), files, &shown)?;
    }
    for download in document.downloads {
        let content = one_of(download.content, download.failed, &download.url)?;
        let content = match content {
            Ok(digest) => Ok(blobs.get(&digest)?),
            Err(message) => Err(message),
        };
        insert(&mut snapshot.downloads, download.url.clone(), content, &download.url)?;
    }
    for document::Policies { place, files } in document.policies {
        let mut read = Files::default();
        for (path, digest) in files {
            let malformed = |reason| SnapshotError::Malformed(format!("`{place}`: {reason}"));
            read.insert(&path, blobs.get(&digest)?).map_err(malformed)?;
        }
        insert(&mut snapshot.policies, place.clone(), read, &place)?;
    }
    for document::TrustRoot { name, kind, content, failed } in document.trust {
        let json = one_of(content, failed, &name)?.map(|digest| blobs.get(&digest));
        let json = json.map_or_else(|why| Ok(Err(why)), |json| json.map(Ok))?;
        if snapshot.trust.iter().any(|root| root.name == name) {
            return Err(SnapshotError::Malformed(format!("there are two trust roots named `{name}`")));
        }
        snapshot.trust.push(RecordedRoot { name, kind: kind.into(), json });
    }
    Ok(snapshot)
}

fn insert<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V, shown: &str) -> Result<(), SnapshotError> {
    match map.insert(key, value) {
        None => Ok(()),
        Some(_) => Err(SnapshotError::Malformed(format!("`{shown}` is answered twice"))),
    }
}

/// What was found, or why nothing was.
fn one_of<T>(
    found: Option<T>,
    failed: Option<String>,
    shown: &str,
) -> Result<Result<T, String>, SnapshotError> {
    match (found, failed) {
        (Some(found), None) => Ok(Ok(found)),
        (None, Some(message)) => Ok(Err(message)),
        _ => Err(SnapshotError::Malformed(format!("`{shown}` must be either found or failed"))),
    }
}

/// Content by digest, verified.
struct Blobs(BTreeMap<String, Bytes>);

impl Blobs {
    fn decode(encoded: BTreeMap<String, String>) -> Result<Self, SnapshotError> {
        let decode = |(digest, content): (String, String)| {
            let content = STANDARD.decode(content).map_err(|error| {
                SnapshotError::Malformed(format!("blob {digest} is not in base64: {error}"))
            })?;
            verify::digest(&digest, &content)?;
            Ok((digest, Bytes::from(content)))
        };
        Ok(Self(encoded.into_iter().map(decode).collect::<Result<_, _>>()?))
    }

    fn get(&self, digest: &str) -> Result<Bytes, SnapshotError> {
        let missing = || SnapshotError::Altered(format!("blob {digest} is missing"));
        self.0.get(digest).cloned().ok_or_else(missing)
    }
}

fn files(
    files: BTreeMap<String, document::File>,
    blobs: &Blobs,
) -> Result<BTreeMap<String, Node>, SnapshotError> {
    let node = |file| {
        Ok(match file {
            document::File::File { content } => Node::File(blobs.get(&content)?),
            document::File::Link { target } => Node::Link(blobs.get(&target)?),
            document::File::Folder {} => Node::Folder,
            document::File::TooLarge { limit } => Node::TooLarge(limit),
            document::File::Unreadable { why } => Node::Other(why.into()),
            document::File::Missing {} => Node::Missing,
        })
    };
    files.into_iter().map(|(path, file)| Ok((path, node(file)?))).collect()
}

fn lookup(asked: Lookup, blobs: &Blobs) -> Result<(LookupKey, Answer), SnapshotError> {
    let shown = asked.source.identifier.clone();
    let platform = asked.platform.as_deref().map(Platform::parse).transpose();
    let platform = platform.map_err(|error| SnapshotError::Malformed(error.to_string()))?;
    let key = LookupKey { source: asked.source.into(), platform, wanted: asked.wanted };
    let result = match one_of(asked.found, asked.failed, &shown)? {
        Err(message) => Err(message),
        Ok(found) => {
            let metadata = Metadata {
                image: found.image.map(|image| self::image(image, blobs)).transpose()?,
                git: found.git.map(|git| self::git(git, blobs)).transpose()?,
                http: found.http.map(|http| self::http(http, &key, blobs)).transpose()?,
            };
            verify::lookup(&key, &metadata)?;
            Ok(metadata)
        }
    };
    Ok((key, Answer { redirects: asked.redirects, result }))
}

fn image(image: Image, blobs: &Blobs) -> Result<ImageMetadata, SnapshotError> {
    Ok(ImageMetadata {
        digest: image.digest,
        config: image.config.map(|digest| blobs.get(&digest)).transpose()?,
        attestation_chain: image
            .attestation_chain
            .map(|chain| attestation_chain(chain, blobs))
            .transpose()?,
        signatures: image.signatures.map(|signatures| self::signatures(signatures, blobs)).transpose()?,
    })
}

fn attestation_chain(
    chain: AttestationChain,
    blobs: &Blobs,
) -> Result<metadata::AttestationChain, SnapshotError> {
    Ok(metadata::AttestationChain {
        root: chain.root,
        image_manifest: chain.image_manifest,
        attestation_manifest: chain.attestation_manifest,
        signature_manifests: chain.signature_manifests,
        blobs: described(chain.blobs, blobs)?,
    })
}

fn signatures(signatures: Signatures, blobs: &Blobs) -> Result<ImageSignatures, SnapshotError> {
    let manifest = |manifest: document::SignatureManifest| metadata::SignatureManifest {
        covers: manifest.covers.into(),
        subject: descriptor(manifest.subject),
        digest: manifest.digest,
        by_tag: manifest.by_tag,
    };
    Ok(ImageSignatures {
        manifests: signatures.manifests.into_iter().map(manifest).collect(),
        blobs: described(signatures.blobs, blobs)?,
        unavailable: signatures.unavailable,
    })
}

fn described(
    descriptors: Vec<document::Descriptor>,
    blobs: &Blobs,
) -> Result<BTreeMap<String, Blob>, SnapshotError> {
    let mut found = BTreeMap::new();
    for described in descriptors {
        let (data, shown) = (blobs.get(&described.digest)?, described.digest.clone());
        insert(&mut found, shown.clone(), Blob { descriptor: descriptor(described), data }, &shown)?;
    }
    Ok(found)
}

fn descriptor(descriptor: document::Descriptor) -> metadata::Descriptor {
    let document::Descriptor { media_type, digest, size, annotations } = descriptor;
    metadata::Descriptor { media_type, digest, size, annotations }
}

fn git(git: Git, blobs: &Blobs) -> Result<GitMetadata, SnapshotError> {
    Ok(GitMetadata {
        r#ref: git.r#ref,
        checksum: git.checksum,
        commit_checksum: git.commit_checksum,
        commit_object: git.commit_object.map(|digest| blobs.get(&digest)).transpose()?,
        tag_object: git.tag_object.map(|digest| blobs.get(&digest)).transpose()?,
    })
}

fn http(http: Http, key: &LookupKey, blobs: &Blobs) -> Result<HttpMetadata, SnapshotError> {
    // The suffixes are those of the question.
    let suffixes = key.wanted.http.iter().flat_map(|wanted| &wanted.checksums).map(|it| &it.suffix);
    let responses = http.checksums_with_suffix.into_iter().zip(suffixes).map(|(digest, suffix)| {
        ChecksumResponse { digest, suffix: STANDARD.decode(suffix).unwrap_or_default().into() }
    });
    let bundles = |(repository, digests): (String, Vec<String>)| {
        let bundles = digests.iter().map(|digest| blobs.get(digest)).collect::<Result<_, _>>()?;
        Ok::<_, SnapshotError>((repository, bundles))
    };
    Ok(HttpMetadata {
        checksum: http.checksum,
        checksum_responses: responses.collect(),
        github_attestations: http.github_attestations.into_iter().map(bundles).collect::<Result<_, _>>()?,
        unavailable: http.unavailable,
    })
}
