//! Writing down one decision, so that it can be made again: by the same policy or by another.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use policy_engine::check::{Action, Decision};
use policy_engine::input::Env;
use policy_engine::metadata::{
    AttestationChain, Blob, Descriptor, ImageMetadata, ImageSignatures, Metadata, Request, SignatureManifest,
};
use policy_engine::source::{Platform, SourceOp};
use serde_json::{Map, Value, json};

use crate::redact;

/// Bytes of configs, objects and attestations that a case may hold. A bigger one is not written.
pub const MAX_CASE_BYTES: usize = 4 << 20;

/// A decision, and all that it was made from except the policies' texts.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The source. Credentials in it are not written.
    pub source: &'a SourceOp,
    /// The platform that the policies saw.
    pub platform: Option<&'a Platform>,
    /// What was known about the source.
    pub known: Option<&'a Metadata>,
    /// What was looked up about the materials of its provenance.
    pub materials: &'a [(Request, Metadata)],
    /// The builds that the policies saw; all must allow.
    pub envs: &'a [&'a Env],
    /// Name and digest of each policy.
    pub policies: &'a [(&'a str, &'a str)],
    /// What was decided.
    pub decision: &'a Decision,
}

/// The case as a recording (`docs/replay.md`) without policy files; `None` when it is over
/// [`MAX_CASE_BYTES`].
pub fn write(case: &Case<'_>) -> Option<Value> {
    let all = case.known.into_iter().chain(case.materials.iter().map(|(_, metadata)| metadata));
    if all.map(bytes_of).sum::<usize>() > MAX_CASE_BYTES {
        return None;
    }
    let source = shown(case.source);
    let mut document = json!({
        "name": source.identifier,
        "policies": case.policies.iter().map(|(name, digest)| json!({"name": name, "digest": digest})).collect::<Vec<_>>(),
        "identifier": source.identifier,
        "attrs": source.attrs,
        "arch": case.platform.map(|platform| &platform.architecture),
    });
    let mut envs: Vec<Value> = Vec::new();
    for env in case.envs.iter().map(|env| env_json(env)) {
        if !envs.contains(&env) {
            envs.push(env);
        }
    }
    match envs.as_mut_slice() {
        [only] => document["env"] = only.take(),
        _ => document["envs"] = envs.into(),
    }
    let end = match case.decision.action {
        Action::Allow => "ALLOW",
        Action::Deny => "DENY",
        Action::Convert => "CONVERT",
    };
    let mut decision = json!({"action": end});
    if case.decision.action == Action::Deny {
        let messages = case.decision.messages.iter().map(|message| json!({"message": message}));
        decision["denyMessages"] = messages.collect();
    }
    if let Some(update) = &case.decision.update {
        decision["update"] = json!(shown(update));
    }
    let check = check_json(&source, case.platform, case.known);
    let mut written = json!({
        "case": document,
        "steps": [{"check": check, "decision": decision}],
        "final": end,
    });
    if !case.materials.is_empty() {
        let materials = case.materials.iter().map(|(request, metadata)| {
            check_json(&request.source, request.platform.as_ref(), Some(metadata))
        });
        written["materials"] = materials.collect();
    }
    Some(written)
}

fn shown(source: &SourceOp) -> SourceOp {
    let attrs = source.attrs.iter().map(|(name, value)| (name.clone(), redact::url(value)));
    SourceOp { identifier: redact::source(source), attrs: attrs.collect() }
}

fn env_json(env: &Env) -> Value {
    let Env { args, labels, filename, target } = env;
    json!({"args": args, "labels": labels, "filename": filename, "target": target})
}

/// `CheckPolicyRequest`.
fn check_json(source: &SourceOp, platform: Option<&Platform>, known: Option<&Metadata>) -> Value {
    let mut response = json!({"Source": source});
    if let Some(Metadata { image, git, http }) = known {
        if let Some(image) = image {
            response["Image"] = image_json(image);
        }
        if let Some(git) = git {
            response["Git"] = json!({
                "Ref": git.r#ref,
                "Checksum": git.checksum,
                "CommitChecksum": git.commit_checksum,
                "CommitObject": git.commit_object.as_deref().map(|bytes| STANDARD.encode(bytes)),
                "TagObject": git.tag_object.as_deref().map(|bytes| STANDARD.encode(bytes)),
            });
        }
        if let Some(http) = http {
            let mut responses = http.checksum_responses.iter().map(
                |response| json!({"Digest": response.digest, "Suffix": STANDARD.encode(&response.suffix)}),
            );
            response["HTTP"] = json!({"Checksum": http.checksum, "ChecksumResponse": responses.next()});
            if http.checksum_responses.len() > 1 {
                response["HTTP"]["ChecksumResponses"] = responses.collect();
            }
            if !http.github_attestations.is_empty() {
                let bundles = |found: &Vec<_>| found.iter().map(|bundle| STANDARD.encode(bundle)).collect();
                let found = &http.github_attestations;
                let found: BTreeMap<_, Vec<_>> =
                    found.iter().map(|(name, found)| (name, bundles(found))).collect();
                response["HTTP"]["GithubAttestations"] = json!(found);
            }
            if !http.unavailable.is_empty() {
                response["HTTP"]["Unavailable"] = json!(http.unavailable);
            }
        }
    }
    let mut check = json!({"Source": response});
    if let Some(Platform { os, architecture, variant }) = platform {
        check["Platform"] = json!({"OS": os, "Architecture": architecture, "Variant": variant});
    }
    check
}

fn image_json(image: &ImageMetadata) -> Value {
    json!({
        "Digest": image.digest,
        "Config": image.config.as_deref().map(|bytes| STANDARD.encode(bytes)),
        "AttestationChain": image.attestation_chain.as_ref().map(chain_json),
        "Signatures": image.signatures.as_ref().map(signatures_json),
    })
}

fn signatures_json(signatures: &ImageSignatures) -> Value {
    let manifest = |manifest: &SignatureManifest| {
        json!({
            "Covers": manifest.covers,
            "Subject": descriptor_json(&manifest.subject),
            "Digest": manifest.digest,
            "ByTag": manifest.by_tag,
        })
    };
    json!({
        "Manifests": signatures.manifests.iter().map(manifest).collect::<Vec<_>>(),
        "Blobs": blobs_json(&signatures.blobs),
        "Unavailable": signatures.unavailable,
    })
}

fn chain_json(chain: &AttestationChain) -> Value {
    json!({
        "Root": chain.root,
        "ImageManifest": chain.image_manifest,
        "AttestationManifest": chain.attestation_manifest,
        "SignatureManifests": chain.signature_manifests,
        "Blobs": blobs_json(&chain.blobs),
    })
}

fn blobs_json(blobs: &BTreeMap<String, Blob>) -> Map<String, Value> {
    let blob = |blob: &Blob| json!({"descriptor": descriptor_json(&blob.descriptor), "data": STANDARD.encode(&blob.data)});
    blobs.iter().map(|(digest, it)| (digest.clone(), blob(it))).collect()
}

fn descriptor_json(descriptor: &Descriptor) -> Value {
    json!({
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size.to_string(),
        "annotations": descriptor.annotations,
    })
}

fn bytes_of(metadata: &Metadata) -> usize {
    let of_blobs = |blobs: &BTreeMap<String, Blob>| blobs.values().map(|blob| blob.data.len()).sum::<usize>();
    let image = metadata.image.as_ref().map_or(0, |image| {
        image.config.as_ref().map_or(0, bytes::Bytes::len)
            + image.attestation_chain.as_ref().map_or(0, |chain| of_blobs(&chain.blobs))
            + image.signatures.as_ref().map_or(0, |signatures| of_blobs(&signatures.blobs))
    });
    let git = metadata.git.as_ref().map_or(0, |git| {
        [&git.commit_object, &git.tag_object].into_iter().flatten().map(bytes::Bytes::len).sum::<usize>()
    });
    let http = metadata
        .http
        .as_ref()
        .map_or(0, |http| http.github_attestations.values().flatten().map(bytes::Bytes::len).sum::<usize>());
    image + git + http
}
