//! Our own keys and objects (`fixtures/signatures/git`, made by its `make.py`), and those of third parties where
//! `POLICY_CHECK_VECTORS` says they are.

#![allow(clippy::print_stderr)]

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::*;
use crate::testing::mutations;
use crate::verify::Step::{
    Format, Hash, Key, KeyRevoked, KeyTime, KeyUsage, Limit, Namespace, Principal, Signature, Timestamp,
    Unsigned,
};
use crate::verify::pgp::PGP_FILE_LIMIT;

/// 2027-01-01.
const NOW: i64 = 1_798_761_600;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/signatures/git")
}

fn read(name: &str) -> Vec<u8> {
    let path = fixtures().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn object(name: &str) -> GitObject {
    GitObject::parse(&Bytes::from(read(&format!("objects/{name}")))).unwrap()
}

fn step(object: &GitObject, keys: &[u8], now: i64, validity: Validity) -> Option<Step> {
    verify(object, &GitKeys::parse(keys).unwrap(), now, validity).err().map(|failure| failure.step)
}

fn lenient(name: &str, keys: &[u8]) -> Option<Step> {
    step(&object(name), keys, NOW, Validity::WhenSigned)
}

#[test]
fn pgp_keys_and_what_refuses_them() {
    for (name, keys, lenient, strict) in [
        ("ed25519.commit", "ed25519", None, None),
        ("ed25519-sha256-header.commit", "ed25519", None, None),
        ("ed25519.tag", "ed25519", None, None),
        ("rsa.commit", "rsa", None, None),
        ("p256.commit", "p256", None, None),
        ("p384.commit", "p384", None, None),
        ("p521.commit", "p521", None, None),
        ("rsa-sha256.commit", "rsa", None, None),
        ("rsa-sha384.commit", "rsa", None, None),
        ("rsa-sha512.commit", "rsa", None, None),
        ("rsa-sha1.commit", "rsa", Some(Hash), Some(Hash)),
        ("rsa-sha224.commit", "rsa", Some(Hash), Some(Hash)),
        ("short.commit", "short", Some(KeyUsage), Some(KeyUsage)),
        ("dsa.commit", "dsa", Some(Key), Some(Key)),
        ("textmode.commit", "ed25519", Some(Format), Some(Format)),
        ("notation.commit", "ed25519", Some(Format), Some(Format)),
        ("future.commit", "ed25519", Some(Timestamp), Some(Timestamp)),
        ("signature-expired.commit", "ed25519", None, Some(Timestamp)),
        ("two-signers.commit", "ed25519", None, None),
        ("two-signers.commit", "p256", None, None),
        ("two-signers.commit", "rsa", Some(Key), Some(Key)),
        ("subkey.commit", "subkey", None, None),
        ("subkey.commit", "subkey-retired", None, Some(KeyRevoked)),
        ("subkey-compromised.commit", "subkey-compromised", Some(KeyRevoked), Some(KeyRevoked)),
        ("encryption-only.commit", "encryption-only", Some(KeyUsage), Some(KeyUsage)),
        ("expired.commit", "expired", None, Some(KeyTime)),
        ("late.commit", "late", Some(KeyTime), Some(KeyTime)),
        ("late.commit", "late-extended", None, Some(KeyTime)),
        ("revoked-compromised.commit", "revoked-compromised-before", None, None),
        ("revoked-compromised.commit", "revoked-compromised", Some(KeyRevoked), Some(KeyRevoked)),
        ("revoked-superseded.commit", "revoked-superseded-before", None, None),
        ("revoked-superseded.commit", "revoked-superseded", Some(KeyRevoked), Some(KeyRevoked)),
        ("uid-revoked.commit", "uid-revoked", None, None),
        ("ssh-ed25519.commit", "ed25519", Some(Key), Some(Key)),
        ("unsigned.commit", "ed25519", Some(Unsigned), Some(Unsigned)),
        ("unsigned.tag", "ed25519", Some(Unsigned), Some(Unsigned)),
    ] {
        let (object, keys) = (object(name), read(&format!("pgp/{keys}.asc")));
        assert_eq!(step(&object, &keys, NOW, Validity::WhenSigned), lenient, "{name}");
        assert_eq!(step(&object, &keys, NOW, Validity::Now), strict, "{name}, strictly");
    }
}

#[test]
fn key_files_may_hold_several_keys_and_words() {
    let all: Vec<u8> = ["rsa", "ed25519", "p256"]
        .iter()
        .flat_map(|name| [b"Key of a maintainer:\n".to_vec(), read(&format!("pgp/{name}.asc"))].concat())
        .collect();
    for name in ["rsa.commit", "ed25519.commit", "p256.commit"] {
        assert_eq!(lenient(name, &all), None, "{name}");
    }
    assert_eq!(lenient("ed25519.commit", &read("pgp/ed25519.gpg")), None);
    let windows = String::from_utf8(all).unwrap().replace('\n', "\r\n");
    assert_eq!(lenient("p256.commit", format!("\u{feff}{windows}").as_bytes()), None);
    let without_checksum: String =
        windows.lines().filter(|line| !line.starts_with('=')).map(|line| format!("{line}\n")).collect();
    assert_eq!(lenient("p256.commit", without_checksum.as_bytes()), None);
}

#[test]
fn a_revocation_may_stand_in_a_block_of_its_own() {
    let (key, certificate) =
        (read("pgp/revoked-compromised-before.asc"), read("pgp/revoked-compromised-certificate.asc"));
    for file in [[key.clone(), certificate.clone()].concat(), [certificate.clone(), key].concat()] {
        assert_eq!(lenient("revoked-compromised.commit", &file), Some(KeyRevoked));
    }
    // It revokes no other key.
    let other = [read("pgp/ed25519.asc"), certificate].concat();
    assert_eq!(lenient("ed25519.commit", &other), None);
}

#[test]
fn clocks_may_differ_a_little() {
    // It was signed on 2024-06-01 at noon.
    let (commit, keys, signed) = (object("ed25519.commit"), read("pgp/ed25519.asc"), 1_717_243_200);
    for (before, expected) in [(0, None), (300, None), (301, Some(Timestamp))] {
        assert_eq!(step(&commit, &keys, signed - before, Validity::WhenSigned), expected, "{before}");
    }
}

#[test]
fn ssh_keys_and_what_refuses_them() {
    for (name, keys, expected) in [
        ("ssh-ed25519.commit", "ed25519", None),
        ("ssh-sha256.commit", "ed25519", None),
        ("ssh-ed25519.tag", "ed25519", None),
        ("ssh-p256.commit", "p256", None),
        ("ssh-p384.commit", "p384", None),
        ("ssh-p521.commit", "p521", None),
        ("ssh-rsa.commit", "rsa", None),
        ("sk.commit", "sk", None),
        ("ssh-ed25519.commit", "rsa", Some(Key)),
        ("ssh-short.commit", "short", Some(KeyUsage)),
        ("ssh-namespace.commit", "ed25519", Some(Namespace)),
        ("ssh-certificate.commit", "ed25519", Some(Key)),
        ("ssh-certificate.commit", "ca", Some(Key)),
        ("ed25519.commit", "ed25519", Some(Key)),
    ] {
        let keys = read(&format!("ssh/{keys}.pub"));
        assert_eq!(lenient(name, &keys), expected, "{name}");
        // The same in the form of `allowed_signers`.
        let allowed = [b"ann@example.com namespaces=\"git\" ".to_vec(), keys].concat();
        assert_eq!(lenient(name, &allowed), expected, "{name}");
    }
}

#[test]
fn lines_of_ssh_keys() {
    let key = String::from_utf8(read("ssh/ed25519.pub")).unwrap();
    let (key, other) = (key.trim(), String::from_utf8(read("ssh/rsa.pub")).unwrap());
    let bare = key.rsplit_once(' ').unwrap().0;
    for (file, expected) in [
        (format!("# maintainers\n\n{other}{bare}\n"), None),
        (format!("restrict,command=\"echo \\\"hi there\\\", bye\" {key}"), None),
        (format!("ssh-dss AAAAB3NzaC1kc3M= old\n{key}\n"), None),
        (format!("* {key}"), None),
        (format!("ann@example.com {key}"), None),
        (format!("\"ann@example.com,*@example.org\" {key}"), None),
        (format!("ann@example.com namespaces=\"file,git\" {key}"), None),
        (format!("ann@example.com namespaces=\"file\" {key}"), Some(Namespace)),
        (format!("ann@example.com namespaces=\"*,!git\" {key}"), Some(Namespace)),
        (format!("ann@example.com namespaces=\"file\" {key}\nann@example.com {key}"), None),
        (format!("!ann@example.com {key}"), Some(Principal)),
        (format!("ann@example.com,!ann@example.com {key}"), Some(Principal)),
        (format!("ann@example.com,!bob@example.com {key}"), None),
        (format!("cert-authority {key}"), Some(Key)),
        (format!("*@example.com cert-authority {key}"), Some(Key)),
        (format!("*@example.com cert-authority,namespaces=\"git\" {key}"), Some(Key)),
        // It was signed on 2024-06-01 at noon, in UTC.
        (format!("a valid-after=\"20240601\" {key}"), None),
        (format!("a valid-after=\"20240601120000Z\" {key}"), None),
        (format!("a valid-after=\"20240601120001\" {key}"), Some(KeyTime)),
        (format!("a valid-before=\"202406011200\" {key}"), None),
        (format!("a valid-before=\"202406011159Z\" {key}"), Some(KeyTime)),
        (format!("a valid-after=\"20240101\",valid-before=\"20250101\" {key}"), None),
        (format!("expiry-time=\"20240101\" {key}"), Some(KeyTime)),
        (format!("expiry-time=\"20250101\" {key}"), None),
    ] {
        assert_eq!(lenient("ssh-ed25519.commit", file.as_bytes()), expected, "{file}");
    }
    let until = format!("a valid-before=\"20250101\" {key}");
    let commit = object("ssh-ed25519.commit");
    assert_eq!(step(&commit, until.as_bytes(), NOW, Validity::Now), Some(KeyTime));
    let from = format!("a valid-after=\"20250101\" {key}");
    assert_eq!(step(&commit, from.as_bytes(), NOW, Validity::Now), Some(KeyTime));
}

#[test]
fn files_that_are_no_keys() {
    let key = String::from_utf8(read("ssh/ed25519.pub")).unwrap();
    let pgp = String::from_utf8(read("pgp/ed25519.asc")).unwrap();
    let private = read("pgp/private.asc");
    let signature = read("http/rsa.asc");
    let files: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "neither a PGP nor an SSH public key"),
        (b"# nobody\n".to_vec(), "neither a PGP nor an SSH public key"),
        (b"ann@example.com\n".to_vec(), "line 1: there is no public key"),
        (b"\nssh-ed25519 AAAA\n".to_vec(), "line 2: the ssh-ed25519 key is malformed"),
        (b"ssh-ed25519 ***\n".to_vec(), "line 1: the ssh-ed25519 key is no base64"),
        (key.replace("ssh-ed25519", "ssh-rsa").into_bytes(), "the ssh-rsa key is malformed"),
        (format!("a b c {key}").into_bytes(), "no public key after principals and options"),
        (format!("a unknown=\"1\" {key}").into_bytes(), "the option `unknown=\"1\"` is not known"),
        (format!("a valid-after=\"soon\" {key}").into_bytes(), "`valid-after` must be YYYYMMDD"),
        (format!("namespaces=\"git\" {key}").into_bytes(), "principals must stand before the options"),
        (format!("\"a {key}").into_bytes(), "a quote is not closed"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n".to_vec(), "private key"),
        (vec![b' ', 0xff, 0xfe], "neither PGP public keys nor UTF-8 text"),
        (private, "private key"),
        (signature, "it holds a PGP SIGNATURE, not PGP public keys"),
        (pgp.replace("-----END PGP PUBLIC KEY BLOCK-----", "").into_bytes(), "line 1: this block has no end"),
        (pgp.replacen("\n\n", "\nComment\n\n", 1).into_bytes(), "line 2: there must be an empty line"),
        (pgp.replacen("\n\n", "\n\n!", 1).into_bytes(), "no base64"),
        (
            pgp.lines()
                .take(4)
                .chain(["-----END PGP PUBLIC KEY BLOCK-----"])
                .collect::<Vec<_>>()
                .join("\n")
                .into_bytes(),
            "cut off",
        ),
        (vec![0x99; 10], "malformed OpenPGP packet"),
        (vec![0x80; PGP_FILE_LIMIT + 1], "larger than the limit"),
    ];
    for (file, expected) in files {
        let error = GitKeys::parse(&file).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?}, not {expected:?}");
    }
}

/// `object` with another signature.
fn with_signature(object: &GitObject, signature: Vec<u8>) -> GitObject {
    let mut object = object.clone();
    object.signature = signature;
    object
}

#[test]
fn a_signature_is_for_one_object() {
    for (name, other, keys) in [
        ("ed25519.commit", "ed25519.tag", "pgp/ed25519.asc"),
        ("rsa.commit", "ed25519.tag", "pgp/rsa.asc"),
        ("ssh-ed25519.commit", "ssh-ed25519.tag", "ssh/ed25519.pub"),
        ("ssh-rsa.commit", "ed25519.tag", "ssh/rsa.pub"),
    ] {
        let keys = read(keys);
        let swapped = with_signature(&object(other), object(name).signature);
        assert_eq!(step(&swapped, &keys, NOW, Validity::WhenSigned), Some(Signature), "{name}");
        let whole = object(name);
        for at in (0..whole.signed_data.len()).step_by(9) {
            let mut changed = whole.clone();
            changed.signed_data[at] ^= 1;
            // A time in an SSH signature is that of the object; here no line asks for it.
            assert_eq!(step(&changed, &keys, NOW, Validity::WhenSigned), Some(Signature), "{name} at {at}");
        }
        let mut longer = whole;
        longer.signed_data.push(b'\n');
        assert_eq!(step(&longer, &keys, NOW, Validity::WhenSigned), Some(Signature), "{name}");
    }
}

/// Changes of a signature's bytes never make another signature that verifies, and never panic.
#[test]
fn changed_signatures_are_refused() {
    for (name, keys) in [
        ("ed25519.commit", "pgp/ed25519.asc"),
        ("p256.commit", "pgp/p256.asc"),
        ("ssh-ed25519.commit", "ssh/ed25519.pub"),
        ("ssh-p256.commit", "ssh/p256.pub"),
        ("sk.commit", "ssh/sk.pub"),
    ] {
        let (whole, keys) = (object(name), GitKeys::parse(&read(keys)).unwrap());
        let (begin, blob, end) = dearmored(&whole.signature);
        let mut steps = std::collections::BTreeSet::new();
        for at in 0..blob.len() {
            let mut flipped = blob.clone();
            flipped[at] ^= 0x81;
            let changed = with_signature(&whole, armored(&begin, &flipped, &end));
            match verify(&changed, &keys, NOW, Validity::WhenSigned) {
                // The part that is not hashed only says who signed: nothing depends on it.
                Ok(()) => assert!(is_unhashed(name, &blob, at), "{name} at {at} of {}", blob.len()),
                Err(failure) => drop(steps.insert(failure.step)),
            }
            let cut = with_signature(&whole, armored(&begin, &blob[..at], &end));
            let failure = verify(&cut, &keys, NOW, Validity::WhenSigned).unwrap_err();
            assert!(matches!(failure.step, Format | Unsigned), "{name} cut at {at}: {failure}");
        }
        assert!(steps.contains(&Signature) && steps.contains(&Format), "{name}: {steps:?}");
    }
}

/// Whether a byte of a v4 signature packet lies in its unhashed subpackets or their length.
fn is_unhashed(name: &str, packet: &[u8], at: usize) -> bool {
    if name.contains("ssh") || name.contains("sk") {
        return false;
    }
    let length = |at: usize| usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
    // A header of two bytes, four more, and the hashed subpackets after their length.
    let hashed_end = 2 + 4 + 2 + length(6);
    (hashed_end..hashed_end + 2 + length(hashed_end)).contains(&at)
}

fn dearmored(armor: &[u8]) -> (String, Vec<u8>, String) {
    let text = std::str::from_utf8(armor).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let (begin, end) = (lines[0].to_owned(), (*lines.last().unwrap()).to_owned());
    let body: String =
        lines[1..lines.len() - 1].iter().filter(|line| !line.starts_with('=')).copied().collect();
    (begin, data_encoding::BASE64.decode(body.as_bytes()).unwrap(), end)
}

fn armored(begin: &str, blob: &[u8], end: &str) -> Vec<u8> {
    let blank = if begin.contains("PGP") { "\n" } else { "" };
    format!("{begin}\n{blank}{}\n{end}\n", data_encoding::BASE64.encode(blob)).into_bytes()
}

#[test]
fn signatures_that_are_none() {
    let whole = object("ed25519.commit");
    let keys = read("pgp/ed25519.asc");
    let (begin, blob, end) = dearmored(&whole.signature);
    let ssh = object("ssh-ed25519.commit").signature;
    let many: Vec<u8> = std::iter::repeat_n(&blob[..], 17).flatten().copied().collect();
    for (signature, expected) in [
        (b"-----BEGIN PKCS7-----\n".to_vec(), Format),
        (b"-----BEGIN PGP SIGNATURE-----".to_vec(), Format),
        (armored(&begin, b"", &end), Format),
        (armored(&begin, &[0xb4, 1, b'x'], &end), Format),
        (armored(&begin, &[&blob[..], &[0x88]].concat(), &end), Format),
        (armored(&begin, &many, &end), Limit),
        (vec![b'-'; PGP_FILE_LIMIT + 1], Limit),
        ([whole.signature.clone(), read("pgp/ed25519.asc")].concat(), Format),
        (ssh, Key),
    ] {
        let changed = with_signature(&whole, signature);
        assert_eq!(step(&changed, &keys, NOW, Validity::WhenSigned), Some(expected));
    }
    // Packets of other kinds are passed over: a marker, and one of a kind that nobody knows.
    let marker = [&[0xca, 3, b'P', b'G', b'P'], &blob[..], &[0xfc, 2, 0, 0]].concat();
    let changed = with_signature(&whole, armored(&begin, &marker, &end));
    assert_eq!(step(&changed, &keys, NOW, Validity::WhenSigned), None);
}

#[test]
fn ssh_signatures_of_other_forms() {
    let string = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let whole = object("ssh-rsa.commit");
    let keys = read("ssh/rsa.pub");
    let (begin, blob, end) = dearmored(&whole.signature);
    let decoded = crate::git_object::SshSignatureBlob::decode(&whole.signature).unwrap();
    let parts = decoded.parts().unwrap();
    let raw_signature = parts.signature[4 + b"rsa-sha2-512".len()..].to_vec();
    let build = |version: u32, namespace: &[u8], reserved: &[u8], hash: &[u8], algorithm: &[u8]| {
        let signature = [string(algorithm), raw_signature.clone()].concat();
        [
            b"SSHSIG".to_vec(),
            version.to_be_bytes().to_vec(),
            string(parts.key),
            string(namespace),
            string(reserved),
            string(hash),
            string(&signature),
        ]
        .concat()
    };
    for (changed, expected) in [
        (build(1, b"git", b"", b"sha512", b"rsa-sha2-512"), None),
        (build(1, b"git", b"", b"sha512", b"ssh-rsa"), Some(Hash)),
        (build(1, b"git", b"", b"sha1", b"rsa-sha2-512"), Some(Hash)),
        (build(1, b"git", b"", b"sha256", b"rsa-sha2-512"), Some(Signature)),
        (build(1, b"git", b"", b"sha512", b"rsa-sha2-256"), Some(Signature)),
        (build(1, b"git", b"x", b"sha512", b"rsa-sha2-512"), Some(Format)),
        (build(1, b"gitx", b"", b"sha512", b"rsa-sha2-512"), Some(Namespace)),
        (build(0, b"git", b"", b"sha512", b"rsa-sha2-512"), Some(Format)),
        (build(2, b"git", b"", b"sha512", b"rsa-sha2-512"), Some(Format)),
        ([&blob[..], b"x"].concat(), Some(Format)),
    ] {
        let changed = with_signature(&whole, armored(&begin, &changed, &end));
        assert_eq!(step(&changed, &keys, NOW, Validity::WhenSigned), expected);
    }
}

/// A subkey that is not bound, or does not say itself that it belongs to its key, signs nothing.
#[test]
fn subkeys_must_be_bound_both_ways() {
    use ::pgp::composed::{Deserializable as _, SignedPublicKey};
    let text = String::from_utf8(read("pgp/subkey.asc")).unwrap();
    let (mut key, _) = SignedPublicKey::from_string(&text).unwrap();
    let armor = |key: &SignedPublicKey| key.to_armored_bytes(None.into()).unwrap();
    assert_eq!(lenient("subkey.commit", &armor(&key)), None);

    let stolen = key.public_subkeys.clone();
    let text = String::from_utf8(read("pgp/ed25519.asc")).unwrap();
    let (mut other, _) = SignedPublicKey::from_string(&text).unwrap();
    other.public_subkeys = stolen;
    assert_eq!(lenient("subkey.commit", &armor(&other)), Some(KeyUsage));

    let binding = &mut key.public_subkeys[0].signatures[0];
    let back =
        |it: &::pgp::packet::Subpacket| matches!(it.data, ::pgp::packet::SubpacketData::EmbeddedSignature(_));
    let at = binding.config().unwrap().unhashed_subpackets().position(back).unwrap();
    binding.unhashed_subpacket_remove(at).unwrap();
    assert_eq!(lenient("subkey.commit", &armor(&key)), Some(KeyUsage));

    // No self-signature: nobody says what the key is for.
    let text = String::from_utf8(read("pgp/ed25519.asc")).unwrap();
    let (mut bare, _) = SignedPublicKey::from_string(&text).unwrap();
    bare.details.users.clear();
    assert_eq!(lenient("ed25519.commit", &armor(&bare)), Some(KeyUsage));
}

/// Keys and signatures of version 6, and Ed25519 in its newer form, which `gpg` does not make.
#[test]
fn keys_of_newer_forms() {
    use ::pgp::composed::{DetachedSignature, KeyType, SecretKeyParamsBuilder};
    use ::pgp::crypto::hash::HashAlgorithm;
    use ::pgp::types::{KeyVersion, Password};
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    for version in [KeyVersion::V4, KeyVersion::V6] {
        for can_sign in [true, false] {
            let mut params = SecretKeyParamsBuilder::default();
            params.version(version).key_type(KeyType::Ed25519).can_certify(true).can_sign(can_sign);
            let params = params.primary_user_id("Ann <ann@example.com>".into()).build().unwrap();
            let key = params.generate(rand::thread_rng()).unwrap();
            let unsigned = object("unsigned.commit");
            let (password, hash) = (Password::empty(), HashAlgorithm::Sha512);
            let content = unsigned.raw.as_ref();
            let made = DetachedSignature::sign_binary_data(
                rand::thread_rng(),
                &key.primary_key,
                &password,
                hash,
                content,
            );
            let signature = made.unwrap().to_armored_bytes(None.into()).unwrap();
            let keys = key.to_public_key().to_armored_bytes(None.into()).unwrap();
            let mut signed = with_signature(&unsigned, signature);
            signed.signed_data = content.to_vec();
            let expected = (!can_sign).then_some(KeyUsage);
            assert_eq!(step(&signed, &keys, now, Validity::Now), expected, "{version:?} {can_sign}");
            // A salt comes before the content: no digest that BuildKit computes is of use.
            let signatures = pgp::Signatures::parse(&signed.signature).unwrap();
            let request = signatures.iter().next().unwrap().checksum_request();
            assert_eq!(
                request.map_err(|failure| failure.step).err(),
                (version == KeyVersion::V6).then_some(Format)
            );
            signed.signed_data.push(b'\n');
            assert_eq!(step(&signed, &keys, now, Validity::Now), Some(Signature), "{version:?}");
        }
    }
}

#[test]
fn arbitrary_key_files_never_panic() {
    let commit = object("ed25519.commit");
    let (ssh, pgp) = (object("ssh-ed25519.commit"), read("pgp/ed25519.gpg"));
    mutations(&pgp, 1000, |bytes| {
        if let Ok(keys) = GitKeys::parse(bytes) {
            let _ = verify(&commit, &keys, NOW, Validity::Now);
        }
    });
    let line = [&b"a,!b namespaces=\"git\",valid-after=\"20240101\" "[..], &read("ssh/ed25519.pub")].concat();
    mutations(&line, 1000, |bytes| {
        if let Ok(keys) = GitKeys::parse(bytes) {
            let _ = verify(&ssh, &keys, NOW, Validity::Now);
        }
    });
    for (object, keys) in [(&commit, read("pgp/ed25519.asc")), (&ssh, read("ssh/ed25519.pub"))] {
        let keys = GitKeys::parse(&keys).unwrap();
        mutations(&object.signature, 1000, |bytes| {
            let _ = verify(&with_signature(object, bytes.to_vec()), &keys, NOW, Validity::Now);
        });
    }
}

fn vectors() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("POLICY_CHECK_VECTORS") else {
        eprintln!("skipped: POLICY_CHECK_VECTORS is not set");
        return None;
    };
    Some(PathBuf::from(folder).join("git"))
}

#[test]
fn third_party_vectors() {
    let Some(folder) = vectors() else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    for (name, keys) in [
        ("commit_pgp_e.raw", "e.pub.asc"),
        ("commit_pgp_p.raw", "p.pub.asc"),
        ("commit_pgp_r.raw", "r.pub.asc"),
        ("tag_pgp_r.raw", "r.pub.asc"),
        ("commit_ssh_ed.raw", "ssh_ed.pub"),
        ("commit_ssh_p256.raw", "ssh_p256.pub"),
        ("commit_ssh_rsa.raw", "ssh_rsa.pub"),
        ("tag_ssh_ed.raw", "ssh_ed.pub"),
    ] {
        let object = GitObject::parse(&Bytes::from(read(name))).unwrap();
        assert_eq!(object.signature_info().is_some(), object.signature_format().is_some(), "{name}");
        for file in ["e.pub.asc", "p.pub.asc", "r.pub.asc", "ssh_ed.pub", "ssh_p256.pub", "ssh_rsa.pub"] {
            let expected = (file != keys).then_some(Key);
            assert_eq!(step(&object, &read(file), NOW, Validity::WhenSigned), expected, "{name} {file}");
        }
    }
    // Detached signatures over a payload that is not there.
    let keyring = |name: &str| pgp::Keyring::parse(&read(name)).unwrap();
    let verify = |name: &str, keys: &str| {
        let signatures = pgp::Signatures::parse(&read(name)).unwrap();
        signatures.verify(b"", &keyring(keys), NOW, Validity::Now).unwrap_err().step
    };
    for keys in ["e.pub.asc", "p.pub.asc", "r.pub.asc"] {
        assert_eq!(verify("sha1.sig.asc", keys), Hash);
        assert!(matches!(verify("payload.sig.asc", keys), Key | Signature));
    }
}
