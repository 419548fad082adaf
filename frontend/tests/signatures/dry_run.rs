//! Whole builds from signed images, without a daemon.

use crate::harness::Finished;
use crate::setup::{Setup, policy};

const RULE: &str = "some signature in input.image.signatures\n\t\
                    signature.signer.sourceRepositoryURI == \"https://github.com/world/app\"";

fn dry_run(setup: &Setup, from: &[&str]) -> Finished {
    let lines: Vec<String> =
        from.iter().map(|name| format!("FROM {} AS a{}\n", setup.reference(name), name.len())).collect();
    let last = from.last().map(|name| name.len()).unwrap_or_default();
    let copies: Vec<String> = from.iter().map(|name| format!("COPY --from=a{} / /\n", name.len())).collect();
    let dockerfile = format!("{}FROM a{last}\n{}", lines.concat(), copies.concat());
    setup.place.write("Dockerfile", dockerfile);
    setup.place.write("Dockerfile.rego", policy(RULE));
    let args = ["dry-run", "--platform", "linux/amd64", "--trust-root", "world=trusted_root.json", "."];
    setup.place.run(args).finish()
}

#[test]
fn a_build_from_signed_images_is_allowed() {
    let setup = Setup::of(&["cosign-bundle-index", "simple-tag-image"]);
    let run = dry_run(&setup, &["cosign-bundle-index", "simple-tag-image"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_build_from_one_that_is_not_is_denied() {
    let setup = Setup::of(&["cosign-bundle-index", "unsigned", "bad-expired"]);
    for bad in ["unsigned", "bad-expired"] {
        let run = dry_run(&setup, &["cosign-bundle-index", bad]);
        assert_eq!(run.code, 1, "{bad}: {}{}", run.stdout, run.stderr);
    }
}
