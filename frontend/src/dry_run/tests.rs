#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeSet;
use std::sync::Mutex;

use policy_engine::input::Env;
use policy_engine::metadata::{ImageMetadata, Metadata, Request};
use policy_engine::policy::{LoadOptions, Policy, PolicyFile, PolicySet};
use policy_engine::source::SourceOp;

use super::decider::Decider;
use super::*;
use crate::dockerfile::{Images, UsedSource};
use crate::lookup::{Resolve, describe_one};
use crate::report::Conclusion;
use crate::report::build::CheckedSource;
use crate::resolve::Judge;

const ALPINE: &str = "docker-image://docker.io/library/alpine:3";
const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
const ALLOW: &str = "decision := {\"allow\": true}";

/// A registry in which some images are missing, and what it was asked.
#[derive(Clone, Default)]
struct Registry {
    missing: BTreeSet<&'static str>,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug, thiserror::Error)]
#[error("there is no such image")]
struct Missing;

impl Resolve for Registry {
    type Error = Missing;

    async fn resolve(&self, request: &Request) -> Result<Metadata, Missing> {
        self.asked.lock().unwrap().push(describe_one(request));
        if self.missing.contains(request.source.identifier.as_str()) {
            return Err(Missing);
        }
        let image = ImageMetadata {
            digest: DIGEST.into(),
            config: Some("{\"os\":\"linux\",\"config\":{\"Labels\":{\"team\":\"a\"}}}".into()),
            attestation_chain: None,
            ..ImageMetadata::default()
        };
        Ok(Metadata { image: Some(image), ..Metadata::default() })
    }

    fn denial(_error: &Missing) -> Option<&[String]> {
        None
    }
}

impl ResolveJudged for Registry {
    fn judged_by(&self, _judge: Judge) -> Self {
        self.clone()
    }
}

/// What one policy and a registry make of an image that a build starts from: the entries of the report, the image
/// that is used, and what the registry was asked.
async fn check(rego: &str, missing: &[&'static str]) -> (Vec<CheckedSource>, Option<String>, Vec<String>) {
    let file = PolicyFile { name: "p.rego".into(), text: format!("package docker\n{rego}") };
    let policy = Policy::load(&LoadOptions { files: vec![file], root: None, strict: false }).unwrap();
    let registry = Registry { missing: missing.iter().copied().collect(), ..Registry::default() };
    let decider = Decider::new(
        Arc::new(PolicySet { policies: vec![Arc::new(policy)], ..PolicySet::default() }),
        Env::default(),
        SystemTime::UNIX_EPOCH,
        Arc::new(registry.clone()),
        Progress::new(|_| {}),
        Arc::default(),
    );
    let platform = Platform::new("linux", "amd64", "");
    let source = SourceOp::new(ALPINE);
    let image = decider.resolve(&source, &platform, &[]).await;
    let pinned = image.as_ref().map(|image| image.source.clone()).filter(|used| *used != source);
    let used = UsedSource {
        source,
        platform: Some(platform),
        digest: image.as_ref().map(|image| image.digest.clone()),
        pinned,
        places: Vec::new(),
    };
    let entries = decider.check(&used).await;
    let asked = std::mem::take(&mut *registry.asked.lock().unwrap());
    (entries, image.map(|image| image.source.identifier), asked)
}

#[tokio::test]
async fn one_entry_where_tag_and_digest_agree() {
    let (entries, image, asked) = check(ALLOW, &[]).await;
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((entry.source.as_str(), entry.verdict), (ALPINE, Conclusion::Allowed));
    assert_eq!(entry.digest.as_deref(), Some(DIGEST));
    assert_eq!(image.as_deref(), Some(ALPINE));
    assert_eq!(asked, [format!("{ALPINE} (digest, image config)")]);
}

#[tokio::test]
async fn two_entries_where_they_differ() {
    let rego = "allow if not input.image.isCanonical\ndefault allow := false\ndecision := {\"allow\": allow}";
    let (entries, _, _) = check(rego, &[]).await;
    let [tag, digest] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((tag.source.as_str(), tag.verdict), (ALPINE, Conclusion::Allowed));
    assert_eq!((digest.source.clone(), digest.verdict), (format!("{ALPINE}@{DIGEST}"), Conclusion::Denied));
}

#[tokio::test]
async fn a_pin_replaces_the_image() {
    let rego = format!("pinned if pin_image(input.image, \"{DIGEST}\")\ndecision := {{\"allow\": pinned}}");
    let (entries, image, asked) = check(&rego, &[]).await;
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    let pinned = format!("{ALPINE}@{DIGEST}");
    assert_eq!(entry.pin.as_ref().unwrap().identifier, pinned);
    assert_eq!(image, Some(pinned.clone()));
    assert_eq!(asked, [format!("{pinned} (digest, image config)")]);
}

#[tokio::test]
async fn a_pin_that_cannot_be_loaded_is_told() {
    const PINNED: &str = "docker-image://docker.io/library/alpine:3@sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let rego = format!("pinned if pin_image(input.image, \"{DIGEST}\")\ndecision := {{\"allow\": pinned}}");
    let (entries, image, _) = check(&rego, &[PINNED]).await;
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((entry.source.as_str(), entry.verdict), (ALPINE, Conclusion::Undecided));
    assert_eq!(entry.pin.as_ref().unwrap().identifier, PINNED);
    assert_eq!(image, None);
}

#[tokio::test]
async fn a_denied_image_is_looked_up_for_what_it_brings_along() {
    let (entries, image, _) = check("decision := {\"allow\": false}", &[]).await;
    assert_eq!(entries[0].verdict, Conclusion::Denied);
    assert!(image.is_some());
}

#[tokio::test]
async fn what_cannot_be_loaded_is_undecided_unless_it_is_denied() {
    let (entries, image, _) = check(ALLOW, &[ALPINE]).await;
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    let error = entry.error.as_ref().unwrap();
    assert_eq!((entry.verdict, error.code.as_str()), (Conclusion::Undecided, "unresolvable-source"));
    assert!(error.message.contains("there is no such image"), "{}", error.message);
    assert_eq!(image, None);

    let (entries, _, _) = check("decision := {\"allow\": false}", &[ALPINE]).await;
    assert_eq!(entries[0].verdict, Conclusion::Denied);
    let labels =
        "default allow := false\nallow if input.image.labels.team == \"a\"\ndecision := {\"allow\": allow}";
    assert_eq!(check(labels, &[ALPINE]).await.0[0].verdict, Conclusion::Undecided);
    assert_eq!(check(labels, &[]).await.0[0].verdict, Conclusion::Allowed);
}
