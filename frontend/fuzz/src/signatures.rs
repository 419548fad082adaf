//! Signatures of git objects and URLs, and the files with keys that policies verify them with.

use bytes::Bytes;
use policy_engine::git_object::GitObject;
use policy_engine::verify::Step;
use policy_engine::verify::git::{self, GitKeys};
use policy_engine::verify::pgp::{Keyring, Signatures, Validity};

/// 2027-01-01.
const NOW: i64 = 1_798_761_600;
/// Keys whose private halves are gone, and objects that they signed.
const PGP_KEY: &[u8] = include_bytes!("../../../fixtures/signatures/git/pgp/ed25519.asc");
const SSH_KEY: &[u8] = include_bytes!("../../../fixtures/signatures/git/ssh/ed25519.pub");
const PGP_COMMIT: &[u8] = include_bytes!("../../../fixtures/signatures/git/objects/ed25519.commit");
const SSH_COMMIT: &[u8] = include_bytes!("../../../fixtures/signatures/git/objects/ssh-ed25519.commit");

fn object(raw: &'static [u8]) -> GitObject {
    GitObject::parse(&Bytes::from_static(raw)).expect("a fixture")
}

/// A signature, armored or not: nothing that is not a signature of this commit by this key verifies.
pub fn signature(data: &[u8]) {
    for (raw, key) in [(PGP_COMMIT, PGP_KEY), (SSH_COMMIT, SSH_KEY)] {
        let mut object = object(raw);
        let keys = GitKeys::parse(key).expect("a fixture");
        let own = object.signature_info();
        data.clone_into(&mut object.signature);
        if git::verify(&object, &keys, NOW, Validity::Now).is_ok() {
            // Only whom it names may differ in what is not hashed.
            assert_eq!(object.signature_format().is_some(), own.is_some(), "no signature verifies");
        }
        // Never over anything else.
        object.signed_data.push(b'.');
        assert!(git::verify(&object, &keys, NOW, Validity::WhenSigned).is_err());
    }
    if let Ok(signatures) = Signatures::parse(data) {
        for signature in signatures.iter() {
            if let Ok(request) = signature.checksum_request() {
                // Version, kind, algorithms, a length, and the trailer's six.
                assert!(request.suffix.len() >= 12 && request.suffix.starts_with(&[4]));
            }
        }
    }
}

/// A file of OpenPGP keys: what verifies with it names a key in it.
pub fn keyring(data: &[u8]) {
    if Keyring::parse(data).is_err() {
        return;
    }
    let keys = GitKeys::Pgp(Keyring::parse(data).expect("it was read before"));
    let mut object = object(PGP_COMMIT);
    for validity in [Validity::WhenSigned, Validity::Now] {
        let _verified = git::verify(&object, &keys, NOW, validity);
    }
    object.signed_data.push(b'.');
    assert!(git::verify(&object, &keys, NOW, Validity::WhenSigned).is_err());
}

/// A file of SSH keys or allowed signers.
pub fn allowed_signers(data: &[u8]) {
    let Ok(keys) = GitKeys::parse(data) else { return };
    let mut object = object(SSH_COMMIT);
    if let Err(failure) = git::verify(&object, &keys, NOW, Validity::Now) {
        assert!(failure.step != Step::Signature, "the signature itself is good");
    }
    object.signed_data.push(b'.');
    assert!(git::verify(&object, &keys, NOW, Validity::WhenSigned).is_err());
}
