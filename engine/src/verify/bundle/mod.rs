//! Sigstore bundles, versions 0.1 to 0.3: a signature with all that is needed to verify it offline.
//!
//! The cryptography, certificate chains, logs' proofs and their agreement with the bundle are those of the crate
//! `sigstore-verify`. Around it stands what it leaves open:
//!
//! - `form`: the JSON is read strictly, sizes are bounded, the versions' rules hold, and the bundle is about the
//!   artifact. None of this needs a trust root.
//! - `logs`: entries of unknown logs are passed over, as are those whose promise does not verify. A checkpoint must
//!   be the entry's own log's.
//! - `timestamps`: timestamps that no authority made are passed over.
//! - `keyless` and `key` demand what must be left after that, hand the rest to the crate, and tell its errors
//!   apart (`steps`).
//!
//! Format: <https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto>.

mod envelope;
mod failure;
mod form;
mod key;
mod keyless;
mod logs;
mod statement;
mod steps;
mod timestamps;
mod wire;

pub use failure::BundleFailure;
pub use form::{BUNDLE_LIMIT, Bundle, BundleVersion};
pub use key::LogEntry;

use sigstore_types::DerPublicKey;

use super::cache::Key;
use super::kind::{UNTRUSTED, kind};
use super::{Artifact, RootKind, Step, Trust, TrustRoot};
use crate::input::{Signature, Signer, Timestamp};

/// What a bundle must be, besides verifying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expect {
    /// Nothing else.
    Anything,
    /// An in-toto statement of SLSA provenance, v0.2 or v1.
    SlsaProvenance,
}

/// Predicate types of SLSA provenance.
const SLSA_PROVENANCE: [&str; 2] = ["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"];

/// A bundle that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBundle {
    /// Name of the trust root; empty for a key's signature that nothing else vouches for.
    pub trust_root: String,
    /// Whose that root is.
    pub root_kind: Option<RootKind>,
    /// Version of the bundle.
    pub version: BundleVersion,
    /// Who signed, from the certificate; `None` for a key.
    pub signer: Option<Signer>,
    /// Trusted times of signing: those of logs (`Tlog`) first, then those of timestamp authorities
    /// (`TimestampAuthority`). One of each log and authority.
    pub timestamps: Vec<Timestamp>,
    /// Of the in-toto statement; `None` for the signature of a message.
    pub predicate_type: Option<String>,
}

impl VerifiedBundle {
    /// As policies see the signature of something that is no image.
    pub fn into_signature(self) -> Signature {
        let format = self.version.format();
        let kind = match (&self.signer, self.root_kind) {
            (Some(signer), Some(root)) => kind(signer, root, format, !self.timestamps.is_empty()),
            _ => UNTRUSTED,
        };
        Signature {
            kind: kind.to_owned(),
            r#type: format.to_owned(),
            trust_root: self.trust_root,
            predicate_type: self.predicate_type.unwrap_or_default(),
            timestamps: self.timestamps,
            signer: self.signer,
            ..Signature::default()
        }
    }
}

impl Trust {
    /// Verifies a bundle (JSON) of this artifact that was signed with a certificate: under the first root that it
    /// verifies under. The failure is that of the root under which it came furthest; a root that has the certificate's
    /// issuer counts before others, which may demand less.
    pub fn verify_bundle(
        &self,
        json: &[u8],
        artifact: &Artifact<'_>,
        expect: Expect,
    ) -> Result<VerifiedBundle, BundleFailure> {
        self.verify(&Bundle::parse(json)?, artifact, expect)
    }

    /// As [`verify_bundle`](Self::verify_bundle), of a bundle that was read already.
    pub fn verify(
        &self,
        bundle: &Bundle,
        artifact: &Artifact<'_>,
        expect: Expect,
    ) -> Result<VerifiedBundle, BundleFailure> {
        bundle.check(artifact, expect)?;
        let mut furthest: Option<((bool, Step), BundleFailure)> = None;
        for root in self.roots() {
            let failure = match self.verify_under(bundle, artifact, expect, root) {
                Ok(verified) => return Ok(verified),
                Err(failure) => failure,
            };
            let reached = (keyless::has_issuer(bundle, root), failure.step);
            if furthest.as_ref().is_none_or(|(known, _)| *known < reached) {
                furthest = Some((reached, failure));
            }
        }
        Err(furthest.map_or_else(
            || BundleFailure::new(Step::TrustRoot, "there is no trust root to verify it under"),
            |(_, failure)| failure,
        ))
    }

    fn verify_under(
        &self,
        bundle: &Bundle,
        artifact: &Artifact<'_>,
        expect: Expect,
        root: &TrustRoot,
    ) -> Result<VerifiedBundle, BundleFailure> {
        let material = keyless::material(bundle, root)?;
        let under = [root.name(), root.kind().name(), root.version()];
        let key = cache_key("keyless", bundle, artifact, expect, &under);
        if let Some(verified) = self.cache().get(key) {
            return self.in_the_past(verified);
        }
        let verified = keyless::verify(bundle, artifact, root, material)?;
        self.cache().insert(key, verified.clone());
        self.in_the_past(verified)
    }

    /// Verifies a bundle of this artifact that was signed with a key (SPKI, DER), without a certificate. Log entries
    /// and timestamps are not demanded, unless `log` says so; but an entry of a log that a root knows must verify.
    pub fn verify_with_key(
        &self,
        bundle: &Bundle,
        artifact: &Artifact<'_>,
        key: &DerPublicKey,
        expect: Expect,
        log: LogEntry,
    ) -> Result<VerifiedBundle, BundleFailure> {
        bundle.check(artifact, expect)?;
        let key_hash = sigstore_crypto::sha256(key.as_bytes()).to_hex();
        let log_name = if log == LogEntry::Required { "required" } else { "optional" };
        let mut with = vec![key_hash.as_str(), log_name];
        for root in self.roots() {
            with.extend([root.name(), root.kind().name(), root.version()]);
        }
        let cache_key = cache_key("key", bundle, artifact, expect, &with);
        if let Some(verified) = self.cache().get(cache_key) {
            return self.in_the_past(verified);
        }
        let verified = key::verify(bundle, artifact, key, log, self.roots())?;
        self.cache().insert(cache_key, verified.clone());
        self.in_the_past(verified)
    }

    /// A bundle that was signed before the time of the check. The verifier compares with the clock, which a decision
    /// that is made again must not depend on.
    fn in_the_past(&self, verified: VerifiedBundle) -> Result<VerifiedBundle, BundleFailure> {
        let is_later = |time: &&Timestamp| {
            time.timestamp.parse().map_or(true, |time: jiff::Timestamp| self.is_in_future(time))
        };
        match verified.timestamps.iter().find(is_later) {
            None => Ok(verified),
            Some(time) => {
                let message = format!("it was signed at {}, after the time of this check", time.timestamp);
                let failure = BundleFailure::new(Step::Timestamp, message);
                Err(failure.under(&verified.trust_root).of(verified.version))
            }
        }
    }
}

/// Verifies a bundle of this artifact that was signed with a certificate, under one root.
pub fn verify(
    bundle: &Bundle,
    artifact: &Artifact<'_>,
    root: &TrustRoot,
    expect: Expect,
) -> Result<VerifiedBundle, BundleFailure> {
    bundle.check(artifact, expect)?;
    keyless::verify(bundle, artifact, root, keyless::material(bundle, root)?)
}

fn cache_key(how: &str, bundle: &Bundle, artifact: &Artifact<'_>, expect: Expect, with: &[&str]) -> Key {
    let artifact = match artifact {
        Artifact::Digest(digest) => digest.to_string(),
        Artifact::Blob(bytes) => format!("blob:{}", sigstore_crypto::sha256(bytes).to_hex()),
    };
    let expect = if expect == Expect::SlsaProvenance { "slsa" } else { "any" };
    let mut parts = vec![how.as_bytes(), bundle.hash(), artifact.as_bytes(), expect.as_bytes()];
    parts.extend(with.iter().map(|part| part.as_bytes()));
    Key::new(&parts)
}
