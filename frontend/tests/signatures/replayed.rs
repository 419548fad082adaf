//! Good signatures of one image beside another: whoever can push can put them there.

use policy_signing::{
    BUILDER, BundleForm, Identity, Instance, Repository, SOURCE, SignatureManifest, Signer, World,
};

use crate::setup::{Setup, failed_steps, signatures};

/// Signs the index of `name` as its plan says, and what `beside` makes of the signature goes beside `unsigned`.
fn moved(setup: &mut Setup, name: &str, beside: impl Fn(&mut World, &[u8], &[u8]) -> SignatureManifest) {
    let [theirs, victim] = [name, "unsigned"].map(|name| setup.named(name).image.root().to_vec());
    let signature = beside(&mut setup.world, &theirs, &victim);
    let repository = Repository::new(setup.registry(), "signed/unsigned");
    signature.push(&repository).expect("the signature is pushed");
}

#[test]
fn a_bundle_of_another_image_does_not_count() {
    let mut setup = Setup::of(&["unsigned"]);
    moved(&mut setup, "cosign-bundle-index", |world, theirs, victim| {
        let signer = Signer::Keyless(Identity::workflow(BUILDER, SOURCE));
        let bundle = world.instance.bundle(theirs, &BundleForm::cosign(), &signer, None);
        SignatureManifest::bundle(&bundle, &Instance::subject(victim), world.instance.now())
    });
    let image = setup.print("unsigned");
    assert_eq!(
        (signatures(&image).len(), failed_steps(&image)),
        (0, vec!["artifact".to_owned()]),
        "{image:#}"
    );
}

#[test]
fn a_simple_signature_of_another_image_does_not_count() {
    let mut setup = Setup::of(&["unsigned"]);
    moved(&mut setup, "simple-tag-index", |world, theirs, victim| {
        let plan = world.image("simple-tag-index").expect("an image").plans[0].clone();
        let mut signature = world.sign(theirs, "registry.test/app", &plan);
        let tag = policy_signing::digest_of(victim).replace(':', "-") + ".sig";
        signature.tag = Some(tag);
        signature
    });
    let image = setup.print("unsigned");
    assert_eq!(
        (signatures(&image).len(), failed_steps(&image)),
        (0, vec!["payload".to_owned()]),
        "{image:#}"
    );
    setup.denies("unsigned", "count(input.image.signatures) > 0");
}
