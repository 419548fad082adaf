use bytes::Bytes;

use super::{GitObject, GitObjectError, ObjectKind, Person, SignatureInfo};
use crate::testing::mutations;

fn parse(raw: &'static [u8]) -> GitObject {
    GitObject::parse(&Bytes::from_static(raw)).unwrap()
}

const PGP_COMMIT: &[u8] = include_bytes!("../../../fixtures/git/git-tag.commit");
const PGP_TAG: &[u8] = include_bytes!("../../../fixtures/git/git-tag.tag");
const SSH_COMMIT: &[u8] = include_bytes!("../../../fixtures/git/git-ssh.commit");
const SSH_TAG: &[u8] = include_bytes!("../../../fixtures/git/git-ssh.tag");
const SHA256_COMMIT: &[u8] = include_bytes!("../../../fixtures/git/git-256.commit");

#[test]
fn ids_are_verified() {
    for (raw, kind, id) in [
        (PGP_COMMIT, ObjectKind::Commit, "3b2a10bd91694311cbd6656ebe6d0efe0a0c7b16"),
        (PGP_TAG, ObjectKind::Tag, "e055d4503027a054dbf2fb8302bce4480b5e3db4"),
        (SSH_COMMIT, ObjectKind::Commit, "26e1b2995d2df335086e2dc68b8ad2a7be368051"),
        (SSH_TAG, ObjectKind::Tag, "dbd7c1f5421f6c900273f94d6fbedb57362aaa47"),
        (
            SHA256_COMMIT,
            ObjectKind::Commit,
            "2cb77d0e61d7670fb19a15acd324db539439115acb6758b74bb23df4aea231d6",
        ),
    ] {
        assert_eq!(parse(raw).verify(kind, id), Ok(()));
        let mut changed = raw.to_vec();
        changed.push(b'x');
        let changed = GitObject::parse(&changed.into()).unwrap();
        assert!(matches!(changed.verify(kind, id), Err(GitObjectError::Mismatch { .. })));
    }
    let tag = parse(PGP_TAG);
    assert!(matches!(tag.verify(ObjectKind::Commit, &"0".repeat(40)), Err(GitObjectError::Kind { .. })));
    assert!(matches!(tag.verify(ObjectKind::Tag, "e055d45"), Err(GitObjectError::Id(_))));
}

#[test]
fn a_commit_is_taken_apart() {
    let commit = parse(PGP_COMMIT);
    assert_eq!(commit.header("tree").as_deref(), Some("16dadeb8f0436c56bac347abb4e9550f9b81ab5e"));
    assert_eq!(commit.headers("parent").collect::<Vec<_>>(), ["f492fc4f1d6e10ee8e243eff39e317297ef9f2c5"]);
    assert_eq!(commit.message(), "gpg signed commit");
    let author = commit.person("author").unwrap();
    assert_eq!((author.name.as_str(), author.email.as_str()), ("World Dev", "signer@world.test"));
    assert_eq!(author.when.as_deref(), Some("2026-11-21T01:27:49Z"));
    // What is signed is the object without the header `gpgsig`.
    let raw = String::from_utf8(PGP_COMMIT.to_vec()).unwrap();
    let (before, rest) = raw.split_once("gpgsig ").unwrap();
    let (_, after) = rest.split_once("-----END PGP SIGNATURE-----\n").unwrap();
    assert_eq!(commit.signed_data, format!("{before}{after}").as_bytes());
}

#[test]
fn a_tag_is_taken_apart() {
    let tag = parse(PGP_TAG);
    assert_eq!(tag.header("object").as_deref(), Some("3b2a10bd91694311cbd6656ebe6d0efe0a0c7b16"));
    assert_eq!(tag.header("type").as_deref(), Some("commit"));
    assert_eq!(tag.message(), "signed tag v1.0.0");
    let end = PGP_TAG.windows(5).position(|w| w == b"-----").unwrap();
    assert_eq!(tag.signed_data, &PGP_TAG[..end]);
    assert!(tag.signature.starts_with(b"-----BEGIN PGP SIGNATURE-----"));
}

#[test]
fn signatures_say_who_made_them() {
    let pgp = SignatureInfo::Pgp { version: 4, key_id: Some(0x62d8_02c3_fd5f_47c1) };
    assert_eq!(parse(PGP_COMMIT).signature_info(), Some(pgp.clone()));
    assert_eq!(parse(PGP_TAG).signature_info(), Some(pgp));
    let fingerprint = "SHA256:4RCxvBH0g92+MriY8UIKjqodz8QfcPnD9nveHFJ1nnc".to_owned();
    let ssh = SignatureInfo::Ssh { version: 1, fingerprint };
    assert_eq!(parse(SSH_COMMIT).signature_info(), Some(ssh.clone()));
    assert_eq!(parse(SSH_TAG).signature_info(), Some(ssh));
    assert_eq!(parse(SHA256_COMMIT).signature_info(), None);
}

#[test]
fn malformed_signatures_are_none() {
    let tag = parse(PGP_TAG);
    for armored in [
        &tag.signature[..60],
        b"-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----".as_slice(),
        b"-----BEGIN PGP SIGNATURE-----\niQHGBAABCgAw\n-----END PGP SIGNATURE-----",
        b"-----BEGIN PGP SIGNATURE-----\n\n!!!!\n-----END PGP SIGNATURE-----",
        b"-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----",
        b"-----BEGIN SSH SIGNATURE-----\nU1NIU0lH",
        b"-----BEGIN SIGNED MESSAGE-----\nMIIE\n-----END SIGNED MESSAGE-----",
    ] {
        assert_eq!(SignatureInfo::parse(armored), None);
    }
}

#[test]
fn required_headers() {
    for (raw, missing) in [
        (b"".as_slice(), "tree"),
        (b"tree a\nauthor b\n\nm", "committer"),
        (b"object a\ntype commit\ntag x\n\ntagger in the message", "tagger"),
    ] {
        let error = GitObject::parse(&Bytes::from_static(raw)).unwrap_err();
        assert!(
            matches!(error, GitObjectError::MissingHeader { header, .. } if header == missing),
            "{error}"
        );
    }
}

#[test]
fn people() {
    let person = |name: &str, email: &str, when: Option<&str>| {
        Ok(Person { name: name.into(), email: email.into(), when: when.map(str::to_owned) })
    };
    for (value, expected) in [
        ("A B <a@b> 0 +0000", person("A B", "a@b", Some("1970-01-01T00:00:00Z"))),
        ("A <x> B <a@b> 1700000000 -0730", person("A <x> B", "a@b", Some("2023-11-14T14:43:20-07:30"))),
        ("A <a@b>", person("A", "a@b", None)),
        ("<> 1 x", person("", "", None)),
        ("A <a@b> 1 +01", person("A", "a@b", None)),
        ("A <a@b> one +0100", person("A", "a@b", None)),
        ("A > a@b <", person("A > a@b <", "", None)),
        ("nobody", person("nobody", "", None)),
        ("A <a@b> 1 +9900", Err(GitObjectError::Time("1 +9900".into()))),
        ("A <a@b> 999999999999 +0000", Err(GitObjectError::Time("999999999999 +0000".into()))),
        ("A <a@b> 9223372036854775807 +0000", Err(GitObjectError::Time("9223372036854775807 +0000".into()))),
    ] {
        assert_eq!(Person::parse(value), expected, "{value}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_shown_as_go_does() {
    let raw = Bytes::from_static(b"tree a\nauthor \xff\xfe <b> 0 +0000\ncommitter c\n\n\xe4\n");
    let commit = GitObject::parse(&raw).unwrap();
    assert_eq!(commit.person("author").unwrap().name, "\u{fffd}\u{fffd}");
    assert_eq!(commit.message(), "\u{fffd}");
}

#[test]
fn arbitrary_bytes_never_panic() {
    for seed in [PGP_COMMIT, PGP_TAG, SSH_COMMIT, SSH_TAG] {
        mutations(seed, 2000, |bytes| {
            if let Ok(object) = GitObject::parse(&Bytes::copy_from_slice(bytes)) {
                let _ = object.signature_info();
                let _ = object.person("author").or_else(|_| object.person("tagger"));
                let _ = object.message();
            }
        });
        let parsed = GitObject::parse(&Bytes::copy_from_slice(seed)).unwrap();
        mutations(&super::armor::decode_pgp(&parsed.signature).unwrap_or_default(), 2000, |bytes| {
            let _ = super::openpgp::parse(bytes);
        });
        mutations(&super::armor::decode_ssh(&parsed.signature).unwrap_or_default(), 2000, |bytes| {
            let _ = super::sshsig::parse(&super::sshsig::SshSignatureBlob::from_bytes(bytes));
        });
    }
}
