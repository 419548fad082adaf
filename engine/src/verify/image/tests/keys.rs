//! Signatures by keys without a certificate.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _};
use data_encoding::BASE64;
use policy_signing::{BundleForm, Defect, Instance, Key, KeyKind, Logged, Signer};
use serde_json::{Value, json};

use super::world::*;
use crate::verify::image::{VerifiedImage, verify_with_key};
use crate::verify::key::{Hash, KeyError, PublicKey};
use crate::verify::manifest::sha256;
use crate::verify::{RootKind, Step, Subject, Trust};

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(der))
}

fn by_key(image: &Image, pem: &str, trust: &Trust) -> VerifiedImage {
    let key = PublicKey::from_pem(pem.as_bytes()).unwrap();
    verify_with_key(&image.chain, &image.signatures, &key, trust)
}

fn key(kind: KeyKind) -> Key {
    Key::seeded(kind, b"a2", "cosign")
}

/// A simple signature by any key, which is in no log.
fn signed(subject: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>) -> Layer {
    let payload = json!({"critical": {
        "identity": {"docker-reference": ""},
        "image": {"docker-manifest-digest": sha256(subject)},
        "type": "cosign container image signature",
    }, "optional": null});
    let data = payload.to_string().into_bytes();
    let annotation = ("dev.cosignproject.cosign/signature".to_owned(), BASE64.encode(&sign(&data)));
    Layer { media_type: SIMPLE, annotations: BTreeMap::from([annotation]), data }
}

/// A bundle v0.3 of a statement, signed by any key.
fn statement(subject: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>) -> Layer {
    let payload = json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://example.com/x",
        "subject": [{"name": "", "digest": {"sha256": &sha256(subject)[7..]}}], "predicate": {}});
    let payload = payload.to_string();
    let kind = "application/vnd.in-toto+json";
    let pae = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
    let bundle = json!({"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": "x"}},
        "dsseEnvelope": {"payload": BASE64.encode(payload.as_bytes()), "payloadType": kind,
            "signatures": [{"sig": BASE64.encode(&sign(pae.as_bytes())), "keyid": ""}]}});
    Layer::bundle(BUNDLE, &bundle)
}

fn check(name: &str, public: &str, sign: impl Fn(&[u8]) -> Vec<u8>) {
    let mut image = Image::new();
    let layers = [signed(&image.manifest, &sign), signed(b"another", &sign)];
    image.tag(Subject::Image, &layers);
    let layer = statement(&image.index, &sign);
    image.add(Subject::Index, &[layer]);
    let verified = by_key(&image, public, &Trust::default());
    let formats: Vec<_> =
        verified.signatures.iter().map(|s| (s.r#type.as_str(), s.subject.unwrap())).collect();
    let expected = [("simplesigning-v1", Subject::Image), ("bundle-v0.3", Subject::Index)];
    assert_eq!(formats, expected, "{name}: {:?}", verified.failures);
    assert_eq!(verified.failures.iter().map(|f| f.step).collect::<Vec<_>>(), [Step::Payload], "{name}");
    let signature = &verified.signatures[1];
    assert!(signature.signer.is_none() && signature.trust_root.is_empty() && signature.timestamps.is_empty());
    assert_eq!(
        (signature.kind.as_str(), signature.predicate_type.as_str()),
        ("untrusted", "https://example.com/x")
    );
    // Another key of a common kind.
    let other = by_key(&image, &Key::seeded(KeyKind::P256, b"other", "").public_pem(), &Trust::default());
    assert_eq!(other.signatures, [], "{name}");
    let steps: Vec<_> = other.failures.iter().map(|failure| failure.step).collect();
    assert_eq!(steps, [Step::Signature, Step::Payload, Step::Signature], "{name}");
}

#[test]
fn keys_of_all_kinds() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519] {
        check(&format!("{kind:?}"), &key(kind).public_pem(), |message| key(kind).sign(message));
    }
    let random = SystemRandom::new();
    let algorithms: [(&str, &'static EcdsaSigningAlgorithm); 2] = [
        ("P-521 with SHA-256", &signature::ECDSA_P521_SHA256_ASN1_SIGNING),
        ("P-521 with SHA-512", &signature::ECDSA_P521_SHA512_ASN1_SIGNING),
    ];
    for (name, algorithm) in algorithms {
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        check(name, &pem(public.as_ref()), |message| pair.sign(&random, message).unwrap().as_ref().to_vec());
    }
    let rsa = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let public: PublicKeyX509Der<'_> = rsa.public_key().as_der().unwrap();
    check("RSA", &pem(public.as_ref()), |message| {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
        signature
    });
}

/// Made with `openssl dgst -sha256 -sign`, and with `-sha512`, which nobody signs with such a key.
#[test]
fn older_versions_of_cosign_hash_with_sha256() {
    let key = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE0Cwr841iHVKJAwAY7vQV3dBksqLgWf1I
iacLruVpOh+Q6zBWCz7ItTPjLSbk05m2xHnjUr1u5Mg9et9aqEfFkQXrGakp/YUI
hpyGQcTLQ4YjbyDJqD8j4yTjttjbf3ah
-----END PUBLIC KEY-----
";
    let key = PublicKey::from_pem(key.as_bytes()).unwrap();
    for (signature, hash) in [
        (
            "MGUCMQDbrqgGtLf5prMDE6/ZliUlios2h7zMWXUges3jWlBMzvvcGyYi0DQZig52s+KfhRkCMA2cEVhqwrI/pt1web4ZwbnKAKaaH/EhnWSyElyH2Zb2BAHPCL/iMWBElJ/4eO0YWw==",
            Some(Hash::Sha256),
        ),
        (
            "MGYCMQCuX6JjuhC2bggBPpFul9mZQakCTdiTWKyeuTWN3hD01O/QcKu3JfWcGVz/l/vuUYACMQC2OO3QtN7u9x/KgR6CVNefoCbEKSGppiob0bsCkdkSaZASi93ckbKvmHc98ARxxlE=",
            None,
        ),
    ] {
        assert_eq!(key.signed_with(b"message", &BASE64.decode(signature.as_bytes()).unwrap()), hash);
    }
}

#[test]
fn files_that_are_no_keys() {
    let private = key(KeyKind::P256).private_pem();
    for (file, error) in [
        (&b""[..], KeyError::Pem),
        (b"\xff", KeyError::Pem),
        (private.as_bytes(), KeyError::Pem),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", KeyError::Unknown),
    ] {
        assert_eq!(PublicKey::from_pem(file).unwrap_err(), error);
    }
    // RSA of 1024 bits.
    let weak = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCqGKukO1De7zhZj6+H0qtjTkVxwTCpvKe4eCZ0
FPqri0cb2JZfXJ/DgYSF6vUpwmJG8wVQZKjeGcjDOL5UlsuusFncCzWBQ7RKNUSesmQRMSGkVb1/
3j+skZ6UtW+5u09lHNsj6tQ51s1SPrCBkedbNf0Tp0GbMJDyR4e9T04ZZwIDAQAB
-----END PUBLIC KEY-----
";
    assert_eq!(PublicKey::from_pem(weak.as_bytes()).unwrap_err(), KeyError::Unknown);
}

#[test]
fn certificates_are_not_of_any_key() {
    let mut instance = public();
    let trust = trust(&instance, "sigstore", RootKind::Sigstore);
    let mut image = Image::new();
    let layer = cosign(&mut instance, &image.manifest, &builder());
    image.add(Subject::Image, &[layer]);
    let verified = by_key(&image, &key(KeyKind::P256).public_pem(), &trust);
    assert_eq!((verified.signatures, verified.failures), (vec![], vec![]));
}

fn logged(instance: &mut Instance, image: &Image, defect: Option<Defect>) -> [Layer; 2] {
    let signer = || Signer::Key(key(KeyKind::P256));
    let form = BundleForm { logged: Logged::Dsse, timestamp: false, ..BundleForm::cosign() };
    let bundle = instance.bundle(&image.manifest, &form, &signer(), defect);
    let simple = instance.simple_signature(&image.manifest, REFERENCE, &Value::Null, &signer(), true, defect);
    [Layer::bundle(BUNDLE, &bundle), Layer::simple(simple)]
}

#[test]
fn a_log_entry_is_not_demanded_and_must_verify() {
    let mut instance = public();
    let trust = trust(&instance, "sigstore", RootKind::Sigstore);
    let public_key = key(KeyKind::P256).public_pem();
    for (defect, counts) in [
        (None, true),
        (Some(Defect::NoLogEntry), true),
        (Some(Defect::UnknownLog), true),
        (Some(Defect::OtherLogEntry), false),
        (Some(Defect::BadPromise), false),
        (Some(Defect::BadSignature), false),
        (Some(Defect::OtherArtifact), false),
    ] {
        let mut image = Image::new();
        let [bundle, simple] = logged(&mut instance, &image, defect);
        image.add(Subject::Image, &[bundle]);
        image.add(Subject::Image, &[simple]);
        let verified = by_key(&image, &public_key, &trust);
        assert_eq!(
            verified.signatures.len(),
            if counts { 2 } else { 0 },
            "{defect:?} {:?}",
            verified.failures
        );
        if defect.is_none() {
            for signature in &verified.signatures {
                assert_eq!(
                    (signature.trust_root.as_str(), signature.timestamps[0].r#type.as_str()),
                    ("sigstore", "Tlog")
                );
            }
        }
    }
}
