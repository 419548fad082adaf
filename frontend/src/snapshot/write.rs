//! From what was found to the file.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use policy_engine::metadata::{self, ChecksumResponse, HttpMetadata, ImageSignatures, Metadata};

use super::document::{
    AttestationChain, Context, Descriptor, Document, Download, File, Found, Git, Http, Image, Lookup,
    MediaType, Policies, SignatureManifest, Signatures, TrustRoot,
};
use super::key::ChecksumWanted;
use super::{Answer, LookupKey, MAX_ENTRIES, MAX_SNAPSHOT, Snapshot, SnapshotError, VERSION, time};
use crate::memory_tree::Node;
use crate::redact;
use crate::resolve::image::document::sha256;
use crate::whole_file;

/// Writes a file beside `path` and puts it in its place.
pub(super) fn file(snapshot: &Snapshot, path: &Path) -> Result<(), SnapshotError> {
    let text = text(snapshot)?;
    let failed = |cause| SnapshotError::Write { path: path.to_owned(), cause };
    whole_file::write(path, text.as_bytes()).map_err(failed)
}

/// The same snapshot always gives the same text.
pub(super) fn text(snapshot: &Snapshot) -> Result<String, SnapshotError> {
    let too_many = |limit: String| SnapshotError::TooLarge { limit };
    let Snapshot { lookups, media_types, contexts, downloads, policies, trust, .. } = snapshot;
    let files = contexts.values().flatten().map(BTreeMap::len);
    let counts =
        [lookups.len(), media_types.len(), contexts.len(), downloads.len(), policies.len(), trust.len()];
    if counts.into_iter().chain(files).any(|count| count > MAX_ENTRIES) {
        return Err(too_many(format!("{MAX_ENTRIES} entries")));
    }
    let mut blobs = Blobs::default();
    let document = Document {
        version: VERSION,
        tool: snapshot.tool.clone(),
        captured: time::format(snapshot.captured),
        lookups: snapshot.lookups.iter().map(|(key, answer)| lookup(key, answer, &mut blobs)).collect(),
        media_types: snapshot
            .media_types
            .iter()
            .map(|(image, kind)| MediaType {
                image: image.clone(),
                media_type: kind.as_ref().ok().cloned(),
                failed: kind.as_ref().err().cloned(),
            })
            .collect(),
        contexts: snapshot
            .contexts
            .iter()
            .map(|(source, files)| Context {
                source: source.into(),
                files: files.as_ref().ok().map(|files| self::files(files, &mut blobs)),
                failed: files.as_ref().err().cloned(),
            })
            .collect(),
        downloads: snapshot
            .downloads
            .iter()
            .map(|(url, content)| Download {
                url: url.clone(),
                content: content.as_ref().ok().map(|content| blobs.add(content)),
                failed: content.as_ref().err().cloned(),
            })
            .collect(),
        policies: policies
            .iter()
            .map(|(place, files)| Policies {
                place: place.clone(),
                files: files.iter().map(|(path, content)| (path.to_owned(), blobs.add(content))).collect(),
            })
            .collect(),
        trust: trust
            .iter()
            .map(|root| TrustRoot {
                name: root.name.clone(),
                kind: root.kind.into(),
                content: root.json.as_ref().ok().map(|json| blobs.add(json)),
                failed: root.json.as_ref().err().cloned(),
            })
            .collect(),
        blobs: blobs.0.into_iter().map(|(digest, content)| (digest, STANDARD.encode(content))).collect(),
    };
    let mut text = serde_json::to_string_pretty(&document)
        .map_err(|error| SnapshotError::Malformed(error.to_string()))?;
    text.push('\n');
    if text.len() as u64 > MAX_SNAPSHOT {
        return Err(too_many(format!("{MAX_SNAPSHOT} bytes")));
    }
    Ok(text)
}

/// Content by digest.
#[derive(Default)]
struct Blobs(BTreeMap<String, Bytes>);

impl Blobs {
    fn add(&mut self, content: &Bytes) -> String {
        self.named(sha256(content), content)
    }

    fn named(&mut self, digest: String, content: &Bytes) -> String {
        self.0.insert(digest.clone(), content.clone());
        digest
    }
}

fn files(nodes: &BTreeMap<String, Node>, blobs: &mut Blobs) -> BTreeMap<String, File> {
    let mut file = |node: &Node| match node {
        Node::File(content) => File::File { content: blobs.add(content) },
        Node::Link(target) => File::Link { target: blobs.add(target) },
        Node::Folder => File::Folder {},
        Node::TooLarge(limit) => File::TooLarge { limit: *limit },
        Node::Other(why) => File::Unreadable { why: why.to_string() },
        Node::Missing => File::Missing {},
    };
    nodes.iter().map(|(path, node)| (path.clone(), file(node))).collect()
}

fn lookup(key: &LookupKey, answer: &Answer, blobs: &mut Blobs) -> Lookup {
    Lookup {
        source: (&key.source).into(),
        platform: key.platform.as_ref().map(ToString::to_string),
        wanted: key.wanted.clone(),
        redirects: answer.redirects.clone(),
        found: answer.result.as_ref().ok().map(|metadata| found(metadata, key, blobs)),
        failed: answer.result.as_ref().err().cloned(),
    }
}

fn found(metadata: &Metadata, key: &LookupKey, blobs: &mut Blobs) -> Found {
    Found {
        image: metadata.image.as_ref().map(|image| Image {
            digest: image.digest.clone(),
            config: image.config.as_ref().map(|config| blobs.add(config)),
            attestation_chain: image.attestation_chain.as_ref().map(|chain| attestation_chain(chain, blobs)),
            signatures: image.signatures.as_ref().map(|found| signatures(found, blobs)),
        }),
        git: metadata.git.as_ref().map(|git| Git {
            r#ref: git.r#ref.clone(),
            checksum: git.checksum.clone(),
            commit_checksum: git.commit_checksum.clone(),
            commit_object: git.commit_object.as_ref().map(|object| blobs.add(object)),
            tag_object: git.tag_object.as_ref().map(|object| blobs.add(object)),
        }),
        http: metadata.http.as_ref().map(|http| Http {
            checksum: http.checksum.clone(),
            checksums_with_suffix: checksums(http, key),
            github_attestations: http
                .github_attestations
                .iter()
                .map(|(repository, found)| {
                    (repository.clone(), found.iter().map(|bundle| blobs.add(bundle)).collect())
                })
                .collect(),
            unavailable: http
                .unavailable
                .iter()
                .map(|(repository, why)| (repository.clone(), redact::url(why)))
                .collect(),
        }),
    }
}

/// The digests over a suffix, in the order in which they were asked for.
fn checksums(http: &HttpMetadata, key: &LookupKey) -> Vec<String> {
    let asked = key.wanted.http.iter().flat_map(|wanted| &wanted.checksums);
    let answer = |wanted: &ChecksumWanted| {
        let answers = |it: &&ChecksumResponse| {
            it.request().is_some_and(|request| ChecksumWanted::from(&request) == *wanted)
        };
        http.checksum_responses.iter().find(answers).map(|it| it.digest.clone())
    };
    asked.map_while(answer).collect()
}

fn attestation_chain(chain: &metadata::AttestationChain, blobs: &mut Blobs) -> AttestationChain {
    AttestationChain {
        root: chain.root.clone(),
        image_manifest: chain.image_manifest.clone(),
        attestation_manifest: chain.attestation_manifest.clone(),
        signature_manifests: chain.signature_manifests.clone(),
        blobs: described(&chain.blobs, blobs),
    }
}

fn signatures(signatures: &ImageSignatures, blobs: &mut Blobs) -> Signatures {
    let manifest = |manifest: &metadata::SignatureManifest| SignatureManifest {
        covers: manifest.covers.into(),
        subject: descriptor(&manifest.subject),
        digest: manifest.digest.clone(),
        by_tag: manifest.by_tag,
    };
    Signatures {
        manifests: signatures.manifests.iter().map(manifest).collect(),
        blobs: described(&signatures.blobs, blobs),
        unavailable: signatures.unavailable.iter().map(|why| redact::url(why)).collect(),
    }
}

fn described(found: &BTreeMap<String, metadata::Blob>, blobs: &mut Blobs) -> Vec<Descriptor> {
    let described = |(digest, blob): (&String, &metadata::Blob)| {
        blobs.named(digest.clone(), &blob.data);
        descriptor(&blob.descriptor)
    };
    found.iter().map(described).collect()
}

fn descriptor(descriptor: &metadata::Descriptor) -> Descriptor {
    let metadata::Descriptor { media_type, digest, size, annotations } = descriptor.clone();
    Descriptor { media_type, digest, size, annotations }
}
