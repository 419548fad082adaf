//! `verify_image_key`: images that somebody signed with a key of their own.

use policy_signing::{Part, Who, formats};

use crate::setup::Setup;

const BY_KEY: &str = "verify_image_key(input.image, \"cosign.pub\")";

#[test]
fn a_key_verifies_what_it_signed() {
    for (format, _, _) in formats().into_iter().filter(|(_, _, who)| *who == Who::Key) {
        let parts = [Part::Attestation, Part::Image, Part::Index];
        let names = parts.map(|part| format!("{format}-{}", part.name()));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let setup = Setup::of(&names);
        for (name, part) in names.iter().zip(parts) {
            setup.allows(name, BY_KEY);
            setup.denies(name, "verify_image_key(input.image, \"other.pub\")");
            let covers = |part: &str| {
                format!(
                    "some signature in {BY_KEY}\n\tsignature.subject == \"{part}\"\n\tnot signature.signer"
                )
            };
            setup.allows(name, &covers(part.name()));
            setup.denies(name, &covers(if part == Part::Image { "index" } else { "image" }));
        }
    }
}

#[test]
fn others_signatures_are_not_the_keys() {
    let setup = Setup::of(&["other-key", "unsigned", "cosign-bundle-index", "several"]);
    for name in ["other-key", "unsigned", "cosign-bundle-index"] {
        setup.denies(name, BY_KEY);
    }
    setup.allows("other-key", "verify_image_key(input.image, \"other.pub\")");
    setup.allows("several", &format!("count({BY_KEY}) == 1"));
    setup.denies("several", "verify_image_key(input.image, \"other.pub\")");
}

/// Who names a key needs not be told that a key is needed.
#[test]
fn another_key_is_the_only_reason() {
    for name in ["key-bundle-index", "key-tag-index"] {
        let setup = Setup::of(&[name]);
        let run = setup.eval(name, "verify_image_key(input.image, \"other.pub\")");
        let reasons: Vec<_> = run.stdout.lines().filter(|line| line.contains("not verified: ")).collect();
        let [reason] = reasons[..] else { panic!("{name}: {}", run.stdout) };
        assert!(reason.ends_with("signature: the signature was not made by this key"), "{reason}");
        let run = setup.eval(name, "input.image.signatures");
        assert!(
            run.stdout.contains("key-needed: it was signed with a key: of images, `verify_image_key`"),
            "{}",
            run.stdout
        );
    }
}

/// No trust root is needed for a key alone.
#[test]
fn a_key_needs_no_trust_root() {
    let setup = Setup::of(&["key-tag-unlogged-index"]);
    let run = setup.eval_with("key-tag-unlogged-index", BY_KEY, &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn what_is_no_key_is_an_error() {
    let setup = Setup::of(&["key-tag-index"]);
    setup.place.write("text.pub", "no key");
    for condition in [
        "verify_image_key(input.image, \"text.pub\")",
        "verify_image_key(input.image, \"missing.pub\")",
        "verify_image_key(input.image, \"cosign.key\")",
        "verify_image_key(input.image.labels, \"cosign.pub\")",
    ] {
        let run = setup.eval("key-tag-index", condition);
        assert_eq!(run.code, 3, "{condition}: {}{}", run.stdout, run.stderr);
    }
}
