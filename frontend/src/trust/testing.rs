//! A TUF repository that tests write and sign with keys of their own: one key for everything, until it is rotated.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sigstore_crypto::KeyPair;

/// Its files by their paths, and what signs the next ones.
pub(crate) struct TufRepository {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    key: KeyPair,
    pub(crate) root_expires: String,
    pub(crate) timestamp_expires: String,
    root_version: u64,
    version: u64,
}

const FAR: &str = "2999-01-01T00:00:00Z";

impl TufRepository {
    /// A repository that publishes `target` as `trusted_root.json`. Nothing in it expires for long.
    pub(crate) fn new(target: &[u8]) -> Self {
        let mut repository = Self {
            files: BTreeMap::new(),
            key: key(),
            root_expires: FAR.to_owned(),
            timestamp_expires: FAR.to_owned(),
            root_version: 0,
            version: 0,
        };
        repository.publish_root(&[]);
        repository.publish(target);
        repository
    }

    /// The first root: the anchor of clients.
    pub(crate) fn anchor(&self) -> Vec<u8> {
        self.files["1.root.json"].clone()
    }

    /// Publishes a new version of everything but the root.
    pub(crate) fn publish(&mut self, target: &[u8]) {
        self.version += 1;
        let version = self.version;
        let hash = digest(target);
        let targets = json!({"trusted_root.json": {"length": target.len(), "hashes": {"sha256": hash}}});
        let targets = self.signed("targets", version, FAR, json!({"targets": targets}), &[]);
        let meta = json!({"targets.json": pin(&targets, version)});
        let snapshot = self.signed("snapshot", version, FAR, json!({"meta": meta}), &[]);
        let meta = json!({"snapshot.json": pin(&snapshot, version)});
        let expires = self.timestamp_expires.clone();
        let timestamp = self.signed("timestamp", version, &expires, json!({"meta": meta}), &[]);
        self.files.insert(format!("targets/{hash}.trusted_root.json"), target.to_vec());
        self.files.insert(format!("{version}.targets.json"), targets);
        self.files.insert(format!("{version}.snapshot.json"), snapshot);
        self.files.insert("timestamp.json".to_owned(), timestamp);
    }

    /// Publishes a new root, of the same key.
    pub(crate) fn renew_root(&mut self) {
        self.publish_root(&[]);
    }

    /// Replaces the key by another one. What the old one signed doesn't count any more.
    pub(crate) fn rotate(&mut self) {
        let old = std::mem::replace(&mut self.key, key());
        self.publish_root(&[&old]);
    }

    /// A new root whose key the old one doesn't vouch for.
    pub(crate) fn usurp(&mut self) {
        self.key = key();
        self.publish_root(&[]);
    }

    fn publish_root(&mut self, also: &[&KeyPair]) {
        self.root_version += 1;
        let (id, public) = public(&self.key);
        let role = json!({"keyids": [id], "threshold": 1});
        let body = json!({
            "consistent_snapshot": true,
            "keys": {id: public},
            "roles": {"root": role, "timestamp": role, "snapshot": role, "targets": role},
        });
        let (version, expires) = (self.root_version, self.root_expires.clone());
        let root = self.signed("root", version, &expires, body, also);
        self.files.insert(format!("{version}.root.json"), root);
    }

    fn signed(&self, role: &str, version: u64, expires: &str, mut body: Value, also: &[&KeyPair]) -> Vec<u8> {
        for (name, value) in [
            ("_type", json!(role)),
            ("spec_version", json!("1.0.0")),
            ("version", json!(version)),
            ("expires", json!(expires)),
        ] {
            body[name] = value;
        }
        let canonical = sigstore_tuf::canonical_json::to_canonical_bytes(&body).unwrap();
        let signature = |key: &&KeyPair| {
            let signature = key.sign(&canonical).unwrap();
            json!({"keyid": public(key).0, "sig": HEXLOWER.encode(signature.as_bytes())})
        };
        let signatures: Vec<Value> = [&self.key].iter().chain(also).map(signature).collect();
        json!({"signed": body, "signatures": signatures}).to_string().into_bytes()
    }
}

fn key() -> KeyPair {
    KeyPair::generate_ecdsa_p256().unwrap()
}

fn public(key: &KeyPair) -> (String, Value) {
    let pem = key.public_key_der().unwrap().to_pem();
    let public = json!({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": pem}});
    (digest(public.to_string().as_bytes()), public)
}

fn pin(metadata: &[u8], version: u64) -> Value {
    json!({"version": version, "length": metadata.len(), "hashes": {"sha256": digest(metadata)}})
}

fn digest(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}
