#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPWSN/Z1xnR8oj/H/bo50l+9IpW4G
QJUGajZptdh4Btn6gymriNS6YwupKUVwA+C6/beYwSZDY83dPWcG1DfnXA==
-----END PUBLIC KEY-----
";

fn oci() -> Place {
    "oci://ghcr.io/acme/policies:v1".parse().unwrap()
}

fn load(text: &str, place: &Place) -> Result<Signatory, DistributionError> {
    text.parse::<SignedBy>().unwrap().load(place, |_, _| Ok(KEY.into()))
}

#[test]
fn what_may_be_demanded() {
    let git: Place = "git::https://example.com/p.git#main".parse().unwrap();
    assert!(matches!(load("key=a.pub", &oci()), Ok(Signatory::Key { .. })));
    for (text, place, reason) in [
        ("key=a.pub", &Place::Folder("lib".to_owned()), "nobody signs a folder"),
        ("key=a.pub", &git, "cannot read the keys in `a.pub`"),
        ("key=", &oci(), "is empty"),
        ("key=a.pub,issuer=x", &oci(), "stands alone"),
        ("key=a.pub,trustRoot=x", &oci(), "stands alone"),
        ("issuer=x,subjectAlternativeName=y", &git, "git is signed with a key"),
        ("subjectAlternativeName=y", &oci(), "or `issuer`"),
        ("trustRoot=x", &oci(), "or `issuer`"),
        ("issuer=x", &oci(), "everybody"),
        ("issuer=x,runnerEnvironment=github-hosted", &oci(), "everybody"),
        ("issuer=x,subjectAlternativeName=", &oci(), "is no name"),
        ("issuer=x,subjectAlternativeName=*", &oci(), "is no name"),
        ("issuer=https://*,subjectAlternativeName=y", &oci(), "is no name"),
        ("issuer=x,sourceRepositoryURI=https://github.com/acme*", &oci(), "is no name"),
        ("issuer=x,sourceRepositoryURI=https://github.com/*/policies", &oci(), "is no name"),
        ("issuer=x,sourceRepositoryURI=https://github.com/**", &oci(), "is no name"),
        ("issuer=x,sourceRepositoryURI=https://github.com/*", &oci(), "is everybody"),
        ("issuer=x,sourceRepositoryURI=https://*", &oci(), "is everybody"),
        ("issuer=x,buildSignerURI=/*", &oci(), "is everybody"),
        ("issuer=x,subjectAlternativeName=release@*", &oci(), "is everybody"),
        ("issuer=x,subjectAlternativeName=https://x@*", &oci(), "is everybody"),
    ] {
        let error = load(text, place).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    for text in ["", "key", "key=a,key=b", "subject=x", "signer=x"] {
        assert!(text.parse::<SignedBy>().is_err(), "{text}");
    }
    let unreadable = SignedBy { key: Some("../a.pub".to_owned()), ..SignedBy::default() };
    let error = unreadable.load(&oci(), |_, _| Err(FileError::Escapes)).unwrap_err().to_string();
    assert!(error.contains("../a.pub") && error.contains("leads out"), "{error}");
}

#[test]
fn certificates() {
    let signer = Signer {
        issuer: ISSUER.to_owned(),
        subject_alternative_name: "https://github.com/acme/policies/.github/workflows/r.yml@refs/tags/v1"
            .to_owned(),
        source_repository_uri: "https://github.com/acme/policies".to_owned(),
        ..Signer::default()
    };
    let is =
        |text: &str, root: &str| load(&format!("issuer={ISSUER},{text}"), &oci()).unwrap().is(&signer, root);
    let workflow = "subjectAlternativeName=https://github.com/acme/policies/.github/workflows/r.yml@";
    assert!(is("sourceRepositoryURI=https://github.com/acme/policies", "sigstore"));
    assert!(is("sourceRepositoryURI=https://github.com/acme/*", "sigstore"));
    assert!(is(&format!("{workflow}refs/tags/v1"), "sigstore"));
    assert!(is(&format!("{workflow}*"), "sigstore"));
    assert!(is(&format!("{workflow}refs/tags/*,trustRoot=own"), "own"));
    // Another root may certify what it likes.
    assert!(!is("sourceRepositoryURI=https://github.com/acme/policies", "own"));
    assert!(!is("sourceRepositoryURI=https://github.com/acme/policies,trustRoot=own", "sigstore"));
    assert!(!is("sourceRepositoryURI=https://github.com/acme", "sigstore"));
    assert!(!is("sourceRepositoryURI=https://github.com/acme/policies/*", "sigstore"));
    assert!(!is(&format!("{workflow}refs/tags/v"), "sigstore"));
    // What a certificate doesn't say is not what is demanded.
    assert!(!is(
        "sourceRepositoryURI=https://github.com/acme/policies,runnerEnvironment=github-hosted",
        "sigstore"
    ));
    assert!(!load("key=a.pub", &oci()).unwrap().is(&signer, "sigstore"));
}
