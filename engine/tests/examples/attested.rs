//! The two examples on attestations of files, with bundles of a signed world of our own in place of the publisher's.

use std::sync::Arc;

use bytes::Bytes;
use policy_engine::check::{Check, Facts, Outcome};
use policy_engine::metadata::{HttpMetadata, Metadata};
use policy_engine::policy::{FileError, Policy, PolicyRoot};
use policy_engine::verify::{RootKind, Trust, TrustRoot};
use policy_signing::{BundleForm, Identity, Instance, Signer, TrustRootVersion, digest_of};

use crate::{cases, env, now, options, source, told};

const BODY: &[u8] = b"a program";
const SIGNED_AT: u64 = 1_795_000_000;

/// A policy's folder in which the bundle lies, too.
struct WithBundle(Arc<dyn PolicyRoot>, String);

impl PolicyRoot for WithBundle {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        if path == "cli.sigstore.json" { Ok(self.1.clone().into_bytes()) } else { self.0.read(path, limit) }
    }
}

/// What the case decides about the program at `url`, which `builder` attests to have made for `repository`.
fn decide(case: &str, url: &str, builder: &str, repository: &str, body: &[u8]) -> String {
    let mut instance = Instance::with_logs(b"examples", "sigstore.dev", "sigstore", SIGNED_AT);
    let root = instance.trusted_root(TrustRootVersion::V01).to_string();
    let trust = Trust::new(vec![TrustRoot::parse("sigstore", RootKind::Sigstore, root.as_bytes()).unwrap()]);
    let signer = Signer::Keyless(Identity::workflow(builder, repository));
    let bundle = instance.bundle(BODY, &BundleForm::github(), &signer, None).to_string();
    let case = cases().into_iter().find(|known| known["name"] == case).unwrap();
    let mut options = options(&case);
    options.root = options.root.map(|root| Arc::new(WithBundle(root, bundle.clone())) as Arc<dyn PolicyRoot>);
    let policy = Policy::load(&options).unwrap();
    let http = HttpMetadata {
        checksum: digest_of(body),
        github_attestations: [(repository.to_owned(), vec![Bytes::from(bundle)])].into(),
        ..HttpMetadata::default()
    };
    let source = source(url);
    let mut facts = Facts::default();
    facts.insert(source.clone(), None, Metadata { http: Some(http), ..Metadata::default() });
    let env = env(&serde_json::Value::Null);
    let check = Check { source: &source, platform: None, facts: &facts, env: &env, now: now() };
    match policy.check(&check, &trust).unwrap() {
        Outcome::Decided(decision) => told(&Ok(decision)),
        Outcome::Needs(requests) => panic!("{requests:?}"),
    }
}

#[test]
fn a_release_that_its_repository_attests() {
    const RELEASE: &str = "https://github.com/acme/cli/releases/download/v1/cli.tar.gz";
    let decide = |url, builder, body| decide("corpus/21", url, builder, "acme/cli", body);
    assert_eq!(decide(RELEASE, "acme/cli", BODY), "allow");
    assert_eq!(decide(RELEASE, "acme/cli", b"another program"), "deny");
    assert_eq!(decide(RELEASE, "docker/github-builder", BODY), "deny");
    assert_eq!(decide("https://downloads.acme.test/cli.tar.gz", "acme/cli", BODY), "deny");
}

#[test]
fn a_file_that_the_builder_attests() {
    const URL: &str = "https://downloads.acme.test/cli";
    let decide = |builder, repository, body| decide("corpus/22", URL, builder, repository, body);
    assert_eq!(decide("docker/github-builder", "acme/cli", BODY), "allow");
    assert_eq!(decide("docker/github-builder", "acme/cli", b"another program"), "deny");
    assert_eq!(decide("docker/github-builder", "acme/other", BODY), "deny");
    assert_eq!(decide("acme/cli", "acme/cli", BODY), "deny");
}
