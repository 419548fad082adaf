//! Cosign's simple signing: a payload that names a manifest, as a layer, and the signature in the layer's annotations
//! (cosign, `specs/SIGNATURE_SPEC.md`). It verifies as a Sigstore bundle v0.1 over the payload.

use std::collections::BTreeMap;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::failure::{Failure, Step};
use super::key::Hash;

/// The payload's media type.
pub(super) const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Bytes of a payload, or of one annotation.
const LIMIT: usize = 1 << 20;

/// What the payload must say that it is.
const PAYLOAD_TYPE: &str = "cosign container image signature";

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const LOG_ENTRY: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// A simple signature: the payload is for the manifest that it was found on; nothing else is verified yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SimpleSignature {
    /// The image that the signer named (`critical.identity.docker-reference`). Nobody compares it with anything.
    pub(super) docker_reference: String,
    /// Over the payload's bytes.
    pub(super) signature: Vec<u8>,
    /// DER of the signer's certificate; a signature by a key has none.
    pub(super) certificate: Option<Vec<u8>>,
    /// Its entry in a transparency log (`dev.sigstore.rekor.v1.TransparencyLogEntry`, JSON).
    log_entry: Option<Value>,
    /// An RFC 3161 token, base64.
    timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    #[serde(default)]
    identity: Option<Identity>,
    image: Image,
    r#type: String,
}

#[derive(Default, Deserialize)]
struct Identity {
    #[serde(default, rename = "docker-reference")]
    docker_reference: Option<String>,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    docker_manifest_digest: String,
}

impl SimpleSignature {
    /// Reads a signature of the manifest with the digest `subject`. `annotations` are those of the payload's
    /// descriptor.
    pub(super) fn parse(
        payload: &[u8],
        annotations: &BTreeMap<String, String>,
        subject: &str,
    ) -> Result<Self, Failure> {
        if payload.len() > LIMIT || annotations.values().any(|value| value.len() > LIMIT) {
            let message = format!("the payload or an annotation is larger than {LIMIT} bytes");
            return Err(Failure::new(Step::Limit, message));
        }
        let wrong = |message: String| Failure::new(Step::Payload, message);
        let Payload { critical } =
            serde_json::from_slice(payload).map_err(|error| wrong(format!("malformed payload: {error}")))?;
        if critical.r#type != PAYLOAD_TYPE {
            return Err(wrong(format!(
                "the payload has the type {:?}, not {PAYLOAD_TYPE:?}",
                critical.r#type
            )));
        }
        let signed = &critical.image.docker_manifest_digest;
        if signed != subject {
            return Err(wrong(format!("the payload is for the manifest {signed:?}, not for {subject}")));
        }
        let annotation = |name: &str| annotations.get(name).filter(|value| !value.is_empty());
        let signature = annotation(SIGNATURE)
            .ok_or_else(|| Failure::new(Step::Signature, format!("there is no annotation `{SIGNATURE}`")))?;
        let signature = BASE64.decode(signature.as_bytes()).map_err(|error| {
            Failure::new(Step::Signature, format!("the annotation `{SIGNATURE}` is no base64: {error}"))
        })?;
        Ok(Self {
            docker_reference: critical.identity.and_then(|i| i.docker_reference).unwrap_or_default(),
            signature,
            certificate: annotation(CERTIFICATE).map(|pem| certificate(pem)).transpose()?,
            log_entry: annotation(LOG_ENTRY).map(|json| log_entry(json)).transpose()?,
            timestamp: annotation(TIMESTAMP).map(|json| timestamp(json)).transpose()?,
        })
    }

    /// Whether it comes with an entry in a transparency log.
    pub(super) fn has_log_entry(&self) -> bool {
        self.log_entry.is_some()
    }

    /// The same signature as a Sigstore bundle v0.1 (JSON), of an artifact that is the payload.
    pub(super) fn to_bundle(&self, payload: &[u8], hash: Hash) -> String {
        let mut material = match &self.certificate {
            Some(der) => {
                json!({"x509CertificateChain": {"certificates": [{"rawBytes": BASE64.encode(der)}]}})
            }
            None => json!({"publicKey": {"hint": ""}}),
        };
        if let Some(entry) = &self.log_entry {
            material["tlogEntries"] = json!([entry]);
        }
        if let Some(token) = &self.timestamp {
            material["timestampVerificationData"] =
                json!({"rfc3161Timestamps": [{"signedTimestamp": token}]});
        }
        let (algorithm, digest) = match hash {
            Hash::Sha256 => ("SHA2_256", BASE64.encode(&Sha256::digest(payload))),
            Hash::Sha384 => ("SHA2_384", BASE64.encode(&Sha384::digest(payload))),
            Hash::Sha512 => ("SHA2_512", BASE64.encode(&Sha512::digest(payload))),
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
            "verificationMaterial": material,
            "messageSignature": {
                "messageDigest": {"algorithm": algorithm, "digest": digest},
                "signature": BASE64.encode(&self.signature),
            },
        })
        .to_string()
    }
}

/// The first certificate of a PEM text.
fn certificate(pem: &str) -> Result<Vec<u8>, Failure> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let body = pem.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(body, _)| body);
    let wrong =
        || Failure::new(Step::Certificate, format!("the annotation `{CERTIFICATE}` is no PEM certificate"));
    let base64: String = body.ok_or_else(wrong)?.split_ascii_whitespace().collect();
    BASE64.decode(base64.as_bytes()).map_err(|_| wrong())
}

/// An entry as Sigstore's bundles have it, from either of the two forms that cosign wrote.
fn log_entry(annotation: &str) -> Result<Value, Failure> {
    let wrong = |what: &str| Failure::new(Step::LogEntry, format!("the annotation `{LOG_ENTRY}` {what}"));
    let json: Value =
        serde_json::from_str(annotation).map_err(|error| wrong(&format!("is malformed: {error}")))?;
    let nested = &json["content"]["verificationMaterial"]["tlogEntries"][0];
    let is_filled = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let set = &nested["inclusionPromise"]["signedEntryTimestamp"];
    let (body, promise, index, time, log) = if is_filled(&nested["canonicalizedBody"]) && is_filled(set) {
        let log = nested["logId"]["keyId"].clone();
        (&nested["canonicalizedBody"], set, &nested["logIndex"], &nested["integratedTime"], log)
    } else {
        // Of the older form some fields may stand in two places; the outer one counts.
        let payload = &json["Payload"];
        let field = |name: &str| if json[name].is_null() { &payload[name] } else { &json[name] };
        (
            &payload["body"],
            &json["SignedEntryTimestamp"],
            field("logIndex"),
            field("integratedTime"),
            field("logID").clone(),
        )
    };
    if !is_filled(body) || !is_filled(promise) {
        return Err(wrong("has no body or no promise of the log"));
    }
    let log = log.as_str().and_then(|hex| HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok());
    let log = log.ok_or_else(|| wrong("names no log: its id must be hexadecimal"))?;
    let index = integer(index).ok_or_else(|| wrong("has no index"))?;
    let time = integer(time).ok_or_else(|| wrong("has no time"))?;
    Ok(json!({
        "logIndex": index.to_string(),
        "logId": {"keyId": BASE64.encode(&log)},
        "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
        "integratedTime": time.to_string(),
        "inclusionPromise": {"signedEntryTimestamp": promise},
        "canonicalizedBody": body,
    }))
}

/// A number, or its decimal digits.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// `{"SignedRFC3161Timestamp": base64}`.
fn timestamp(annotation: &str) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Token {
        #[serde(rename = "SignedRFC3161Timestamp")]
        token: String,
    }
    serde_json::from_str(annotation).map(|Token { token }| token).map_err(|error| {
        Failure::new(Step::Timestamp, format!("the annotation `{TIMESTAMP}` is malformed: {error}"))
    })
}
