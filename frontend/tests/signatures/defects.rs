//! Signatures that don't count, each for one reason, and that this reason is told.

use policy_signing::Defect;

use crate::setup::{Setup, failed_steps, signatures};

/// The step at which each defect shows.
fn step(defect: Defect) -> &'static str {
    match defect {
        Defect::OtherArtifact => "artifact",
        Defect::BadSignature => "signature",
        Defect::UntrustedAuthority => "certificate-chain",
        Defect::Expired | Defect::NotYetValid => "certificate-time",
        Defect::NoSct | Defect::BadSct => "sct",
        Defect::NoLogEntry | Defect::DuplicateLogEntry | Defect::OtherLogEntry | Defect::UnknownLog => {
            "log-entry"
        }
        Defect::BadPromise => "log-promise",
        Defect::BadProof => "log-proof",
        Defect::BadCheckpoint => "checkpoint",
        Defect::NoTimestamp | Defect::OtherTimestamp => "timestamp",
    }
}

#[test]
fn no_defect_passes_and_each_is_told() {
    let names: Vec<String> = Defect::ALL.iter().map(|defect| format!("bad-{}", defect.name())).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let setup = Setup::of(&names);
    let mut wrong = Vec::new();
    for (name, defect) in names.iter().zip(Defect::ALL) {
        let image = setup.print(name);
        assert!(signatures(&image).is_empty(), "{name}: {image:#}");
        if failed_steps(&image) != [step(defect)] {
            wrong.push(format!("{name}: {:#}", image["verification"]));
        }
        let failure = &image["verification"][0];
        assert_eq!((&failure["format"], &failure["subject"]), (&"bundle-v0.3".into(), &"attestation".into()));
        assert!(failure["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{name}");
        setup.denies(name, "count(input.image.signatures) > 0");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_defect_of_a_simple_signature_passes() {
    let defects = Defect::OF_SIMPLE_SIGNATURES;
    let names: Vec<String> = defects.iter().map(|defect| format!("bad-simple-{}", defect.name())).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let setup = Setup::of(&names);
    let mut wrong = Vec::new();
    for (name, defect) in names.iter().zip(defects) {
        let image = setup.print(name);
        assert!(signatures(&image).is_empty(), "{name}: {image:#}");
        let expected = if defect == Defect::OtherArtifact { "payload" } else { step(defect) };
        if failed_steps(&image) != [expected] {
            wrong.push(format!("{name}: {:#}", image["verification"]));
        }
        setup.denies(name, "count(input.image.signatures) > 0");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_nobody_signed_is_no_failure() {
    let setup = Setup::of(&["unsigned"]);
    let image = setup.print("unsigned");
    assert_eq!((signatures(&image).len(), failed_steps(&image).len()), (0, 0), "{image:#}");
    setup.denies("unsigned", "count(input.image.signatures) > 0");
    setup.allows("unsigned", "input.image\n\tnot input.image.signatures[0]");
}

/// A policy can tell what is not signed from what is signed badly.
#[test]
fn a_policy_sees_why() {
    let setup = Setup::of(&["bad-expired", "unsigned"]);
    let condition = "some failure in input.image.verification\n\tfailure.step == \"certificate-time\"";
    setup.allows("bad-expired", condition);
    setup.denies("unsigned", condition);
}

/// What doesn't say what it attests may attest anything: a signature of it binds nothing. One of the index does.
#[test]
fn an_attestation_without_a_subject_is_not_bound() {
    let setup = Setup::of(&["old-attestation", "old-index"]);
    let image = setup.print("old-attestation");
    let told = (signatures(&image).len(), failed_steps(&image));
    assert_eq!(told, (0, vec!["attestation".to_owned()]), "{image:#}");
    let image = setup.print("old-index");
    assert_eq!((signatures(&image).len(), failed_steps(&image).len()), (1, 0), "{image:#}");
    setup.denies("old-attestation", "input.image.provenance.signatures");
}
