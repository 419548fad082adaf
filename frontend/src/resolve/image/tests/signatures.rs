//! Signatures on the attestation manifest, the image and the index, as referrers and by tags.

use std::sync::Arc;

use policy_engine::metadata::{ImageMetadata, ImageSignatures, ImageWanted};
use policy_engine::verify::Subject;
use serde_json::{Value, json};

use super::world::*;
use crate::cache::Cache;
use crate::resolve::image::document::{OCI_INDEX, OCI_MANIFEST, sha256};
use crate::resolve::image::{ImageError, ImageName, MAX_ATTESTATION, MAX_REFERRERS, MAX_SIGNATURES};
use crate::resolve::testing::{Reply, Server};

const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

fn signatures() -> ImageWanted {
    ImageWanted { signatures: true, ..ImageWanted::default() }
}

async fn signatures_of(server: &Server) -> Result<ImageSignatures, ImageError> {
    ask(server, &signatures()).await.map(|image| image.signatures.unwrap())
}

/// A signature manifest in cosign's older form, as it stands under a tag: without a subject.
fn simple(world: &mut World, subject: &Value) -> Value {
    let payload = json!({"critical": {"image": {"docker-manifest-digest": digest(subject)}}}).to_string();
    let layer = with(
        world.blob(PAYLOAD, &payload),
        "annotations",
        json!({"dev.cosignproject.cosign/signature": "c2ln"}),
    );
    let config = world.blob(CONFIG, r#"{"rootfs":{}}"#);
    world.manifest(
        OCI_MANIFEST,
        &json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}),
    )
}

fn sig_tag(subject: &Value) -> String {
    format!("sha256-{}.sig", &digest(subject)[7..])
}

/// What is covered, by which manifest, and whether that was found by its tag.
fn found(signatures: &ImageSignatures) -> Vec<(Subject, &str, bool)> {
    signatures
        .manifests
        .iter()
        .map(|manifest| (manifest.covers, manifest.digest.as_str(), manifest.by_tag))
        .collect()
}

/// Every blob is what it is called, and each manifest's layers are there.
fn is_whole(signatures: &ImageSignatures) {
    for (digest, blob) in &signatures.blobs {
        assert_eq!(*digest, sha256(&blob.data));
        assert_eq!(blob.descriptor.digest, *digest);
        assert_eq!(blob.descriptor.size, blob.data.len() as u64);
    }
    for manifest in &signatures.manifests {
        let parsed: Value = serde_json::from_slice(&signatures.blobs[&manifest.digest].data).unwrap();
        for layer in parsed["layers"].as_array().unwrap() {
            assert!(signatures.blobs.contains_key(digest(layer)));
        }
        if manifest.covers == Subject::Attestation {
            assert!(signatures.blobs.contains_key(&manifest.subject.digest));
        }
    }
}

#[tokio::test]
async fn on_attestation_image_and_index() {
    let (mut world, [index, image, attestation]) = World::attested();
    let on_attestation = world.signature(&attestation, "one");
    let on_image = world.signature(&image, "two");
    let on_index = world.signature(&index, "three");
    world.referrers(&attestation, std::slice::from_ref(&on_attestation));
    world.referrers(&image, std::slice::from_ref(&on_image));
    world.referrers(&index, std::slice::from_ref(&on_index));
    let legacy: Vec<Value> = [&attestation, &image, &index]
        .into_iter()
        .map(|subject| {
            let manifest = simple(&mut world, subject);
            world.tag(&sig_tag(subject), &manifest);
            manifest
        })
        .collect();
    let server = world.serve().await;
    let signatures = signatures_of(&server).await.unwrap();
    assert_eq!(
        found(&signatures),
        [
            (Subject::Attestation, digest(&on_attestation), false),
            (Subject::Attestation, digest(&legacy[0]), true),
            (Subject::Image, digest(&on_image), false),
            (Subject::Image, digest(&legacy[1]), true),
            (Subject::Index, digest(&on_index), false),
            (Subject::Index, digest(&legacy[2]), true),
        ]
    );
    assert_eq!(signatures.unavailable, [""; 0]);
    is_whole(&signatures);
    let subjects: Vec<_> =
        signatures.manifests.iter().map(|manifest| manifest.subject.digest.as_str()).collect();
    let expected = [&attestation, &attestation, &image, &image, &index, &index].map(digest);
    assert_eq!(subjects, expected);
    assert_eq!(signatures.manifests[4].subject.media_type, OCI_INDEX);
    assert_eq!(signatures.manifests[4].subject.size, index["size"].as_u64().unwrap());
}

#[tokio::test]
async fn without_signatures_it_takes_seven_requests_and_ten_without_the_referrers_api() {
    let (mut world, subjects) = World::attested();
    let without_api = world.clone().serve().await;
    assert_eq!(signatures_of(&without_api).await.unwrap(), ImageSignatures::default());
    assert_eq!(without_api.requests().len(), 10);
    for subject in &subjects {
        world.referrers(subject, &[]);
    }
    let with_api = world.serve().await;
    assert_eq!(signatures_of(&with_api).await.unwrap(), ImageSignatures::default());
    assert_eq!(with_api.requests().len(), 7);
}

#[tokio::test]
async fn beside_chain_and_config_everything_is_asked_once() {
    let (mut world, [index, image, attestation]) = World::attested();
    let on_attestation = world.signature(&attestation, "one");
    world.referrers(&attestation, std::slice::from_ref(&on_attestation));
    world.referrers(&image, &[]);
    world.referrers(&index, &[]);
    let server = world.serve().await;
    let wanted =
        ImageWanted { config: true, attestation_chain: true, signatures: true, attestations: vec![] };
    let resolver = Arc::new(resolver());
    let ask = || {
        let (resolver, name, wanted) = (Arc::clone(&resolver), name(&server, "1"), wanted.clone());
        tokio::spawn(async move { resolver.resolve(&name, Some(&amd64()), &wanted).await.unwrap() })
    };
    let (one, two) = tokio::join!(ask(), ask());
    let (one, two): (ImageMetadata, ImageMetadata) = (one.unwrap(), two.unwrap());
    assert_eq!(one, two);
    let chain = one.attestation_chain.unwrap();
    assert_eq!(chain.signature_manifests, [digest(&on_attestation)]);
    assert_eq!(found(&one.signatures.unwrap()), [(Subject::Attestation, digest(&on_attestation), false)]);
    let mut asked: Vec<_> = server.requests().iter().map(|request| request.path.clone()).collect();
    asked.sort();
    let all = asked.len();
    asked.dedup();
    assert_eq!(asked.len(), all, "{asked:?}");
    // Index, image and its config; attestation manifest, signature and its layer; three lists and three tags.
    assert_eq!(all, 12);
}

#[tokio::test]
async fn an_image_without_an_index() {
    let mut world = World::default();
    let image = world.image("linux/amd64");
    world.tag("1", &image);
    let on_image = world.signature(&image, "one");
    world.referrers(&image, std::slice::from_ref(&on_image));
    let server = world.serve().await;
    let signatures = signatures_of(&server).await.unwrap();
    assert_eq!(found(&signatures), [(Subject::Image, digest(&on_image), false)]);
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn by_digest_where_no_tag_names_the_image() {
    let (mut world, [index, image, _]) = World::attested();
    world.0.remove(&path("manifests", "1"));
    let on_index = world.signature(&index, "one");
    world.referrers(&index, std::slice::from_ref(&on_index));
    let legacy = simple(&mut world, &image);
    world.tag(&sig_tag(&image), &legacy);
    let server = world.serve().await;
    let name =
        ImageName::new(server.authority.as_str(), "team/app", None, Some(digest(&index).into())).unwrap();
    let image = resolver().resolve(&name, Some(&amd64()), &signatures()).await.unwrap();
    let expected = [(Subject::Image, digest(&legacy), true), (Subject::Index, digest(&on_index), false)];
    assert_eq!(found(&image.signatures.unwrap()), expected);
}

#[tokio::test]
async fn forms_of_signatures() {
    let (mut world, [index, ..]) = World::attested();
    let list = [
        ("application/vnd.dev.sigstore.bundle.v0.1+json", true),
        ("application/vnd.dev.sigstore.bundle.v0.3.2+json", true),
        ("application/vnd.dev.sigstore.bundle+json;version=0.2", true),
        ("application/vnd.dev.sigstore.bundle+json; version=0.3", true),
        ("application/vnd.dev.cosign.artifact.sig.v1+json", true),
        ("application/vnd.dev.sigstore.bundle.v1.0+json", false),
        ("application/vnd.dev.sigstore.bundle.v0.+json", false),
        ("application/vnd.dev.sigstore.bundle+json", false),
        ("application/spdx+json", false),
        ("application/vnd.in-toto+json", false),
    ];
    let referrers: Vec<Value> = list
        .iter()
        .enumerate()
        .map(|(number, (kind, _))| {
            with(world.signature(&index, &format!("bundle {number}")), "artifactType", json!(kind))
        })
        .collect();
    world.referrers(&index, &referrers);
    let server = world.serve().await;
    let signatures = signatures_of(&server).await.unwrap();
    let expected: Vec<_> =
        referrers.iter().zip(list).filter(|(_, (_, kept))| *kept).map(|(it, _)| digest(it)).collect();
    assert_eq!(found(&signatures).iter().map(|(_, digest, _)| *digest).collect::<Vec<_>>(), expected);
}

/// As GitLab does it, which takes the tag for the digest: an index's images are no referrers of it.
#[tokio::test]
async fn an_index_under_its_own_tag_lists_no_referrers() {
    let (mut world, [index, ..]) = World::attested();
    let tag = digest(&index).replace(':', "-");
    world.tag(&tag, &index);
    let server = world.serve().await;
    let signatures = signatures_of(&server).await.unwrap();
    assert_eq!(signatures, ImageSignatures::default());
    // None of them was looked at.
    assert_eq!(server.requests().len(), 10);
}

/// cosign 3 on a registry without the referrers API: the fallback tag lists the type of the empty config.
#[tokio::test]
async fn where_the_list_does_not_tell_the_manifest_does() {
    let (mut world, [index, ..]) = World::attested();
    let bundle = with(world.signature(&index, "one"), "artifactType", json!(EMPTY));
    let config = world.blob(EMPTY, "{}");
    let layer = world.blob("application/spdx+json", "sbom");
    let sbom = world.manifest(
        OCI_MANIFEST,
        &json!({"schemaVersion": 2, "artifactType": "application/spdx+json", "config": config, "layers": [layer]}),
    );
    let list = world.manifest(OCI_INDEX, &super::world::index(&[sbom, bundle.clone()]));
    world.tag(&format!("sha256-{}", &digest(&index)[7..]), &list);
    let signatures = signatures_of(&world.serve().await).await.unwrap();
    assert_eq!(found(&signatures), [(Subject::Index, digest(&bundle), false)]);
    is_whole(&signatures);
}

#[tokio::test]
async fn a_manifest_with_referrer_and_tag_counts_once() {
    let (mut world, [index, ..]) = World::attested();
    let manifest = world.signature(&index, "one");
    world.referrers(&index, std::slice::from_ref(&manifest));
    world.tag(&sig_tag(&index), &manifest);
    let signatures = signatures_of(&world.serve().await).await.unwrap();
    assert_eq!(found(&signatures), [(Subject::Index, digest(&manifest), false)]);
}

#[tokio::test]
async fn a_registry_that_fails_is_an_error() {
    let (world, [index, image, _]) = World::attested();
    let broken = [
        (path("referrers", digest(&index)), Reply::new(403, ""), "Unauthorized"),
        (path("referrers", digest(&image)), Reply::new(500, ""), "Server"),
        (path("manifests", &sig_tag(&image)), Reply::new(403, ""), "Unauthorized"),
        (path("manifests", &sig_tag(&index)), Reply::Close, "Transport"),
    ];
    for (path, reply, expected) in broken {
        let mut world = world.clone();
        world.0.insert(path, reply);
        let error = signatures_of(&world.serve().await).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_listed_and_cannot_be_read_is_told() {
    let (mut world, [index, ..]) = World::attested();
    let gone = world.signature(&index, "gone");
    world.0.remove(&path("manifests", digest(&gone)));
    let layer_gone = world.signature(&index, "layer gone");
    world.0.remove(&path("blobs", &sha256(b"layer gone")));
    let malformed =
        with(world.manifest(OCI_MANIFEST, &json!({"schemaVersion": 2})), "artifactType", json!(BUNDLE));
    let config = world.blob(EMPTY, "{}");
    let huge = with(world.blob(BUNDLE, "huge"), "size", json!(MAX_ATTESTATION.bytes + 1));
    let huge = json!({"schemaVersion": 2, "artifactType": BUNDLE, "config": config, "layers": [huge]});
    let huge = with(world.manifest(OCI_MANIFEST, &huge), "artifactType", json!(BUNDLE));
    let good = world.signature(&index, "good");
    world.referrers(
        &index,
        &[gone.clone(), layer_gone.clone(), malformed.clone(), huge.clone(), good.clone()],
    );
    let signatures = signatures_of(&world.serve().await).await.unwrap();
    let kept: Vec<_> = found(&signatures).into_iter().map(|(_, digest, _)| digest).collect();
    assert_eq!(kept, [digest(&layer_gone), digest(&huge), digest(&good)]);
    let unavailable = signatures.unavailable;
    assert_eq!(unavailable.len(), 4);
    for (digest, words) in [
        (digest(&gone), "not found"),
        (&*sha256(b"layer gone"), "not found"),
        (digest(&malformed), "malformed"),
        (&*sha256(b"huge"), "over the limit"),
    ] {
        assert!(
            unavailable.iter().any(|told| told.contains(digest) && told.contains(words)),
            "{unavailable:?}"
        );
    }
}

#[tokio::test]
async fn content_with_another_digest_is_an_error() {
    let (mut world, [index, ..]) = World::attested();
    let signature = world.signature(&index, "bundle");
    world.referrers(&index, std::slice::from_ref(&signature));
    world.0.insert(path("blobs", &sha256(b"bundle")), Reply::new(200, "BUNDLE"));
    let error = signatures_of(&world.serve().await).await.unwrap_err();
    assert!(matches!(error, ImageError::DigestMismatch { .. }), "{error}");
}

#[tokio::test]
async fn there_are_limits() {
    let (mut world, [index, image, _]) = World::attested();
    let many = |world: &mut World, subject: &Value, count: usize| {
        let all: Vec<_> = (0..count).map(|number| world.signature(subject, &format!("{number}"))).collect();
        world.referrers(subject, &all);
    };
    many(&mut world, &image, MAX_SIGNATURES);
    assert_eq!(signatures_of(&world.clone().serve().await).await.unwrap().manifests.len(), MAX_SIGNATURES);
    many(&mut world, &index, 1);
    let error = signatures_of(&world.clone().serve().await).await.unwrap_err();
    assert!(error.to_string().contains("number of signature manifests is over the limit of 64"), "{error}");
    let other = with(image.clone(), "artifactType", json!("application/spdx+json"));
    world.referrers(&index, &vec![other; MAX_REFERRERS + 1]);
    let error = signatures_of(&world.serve().await).await.unwrap_err();
    assert!(error.to_string().contains("number of referrers of"), "{error}");
}

#[tokio::test]
async fn a_second_run_asks_only_for_lists_and_tags() {
    let (mut world, [index, image, attestation]) = World::attested();
    let on_attestation = world.signature(&attestation, "one");
    world.referrers(&attestation, std::slice::from_ref(&on_attestation));
    world.referrers(&image, &[]);
    let legacy = simple(&mut world, &index);
    world.tag(&sig_tag(&index), &legacy);
    world.referrers(&index, &[]);
    let server = world.serve().await;
    let dir = tempfile::tempdir().unwrap();
    let run = async || {
        let resolver = resolver().with_cache(Some(Arc::new(Cache::new(dir.path(), 1 << 20))));
        resolver.resolve(&name(&server, "1"), Some(&amd64()), &signatures()).await.unwrap()
    };
    let first = run().await;
    let before = server.requests().len();
    assert_eq!(run().await, first);
    let mut asked: Vec<_> = server.requests()[before..].iter().map(|request| request.path.clone()).collect();
    asked.sort();
    let mut expected = vec![path("manifests", "1")];
    for subject in [&index, &image, &attestation] {
        expected.extend([path("referrers", digest(subject)), path("manifests", &sig_tag(subject))]);
    }
    expected.sort();
    assert_eq!(asked, expected);
}

/// A Docker Hardened Image: two platforms, built with ids, and its attestation in another registry.
fn hardened() -> (World, World, [Value; 3]) {
    let mut world = World::default();
    let built =
        |descriptor, id: &str| with(descriptor, "annotations", json!({"com.docker.dhi.build.id": id}));
    let amd64 = built(world.listed_image("linux/amd64"), "1");
    let arm64 = built(world.listed_image("linux/arm64"), "2");
    let mut document = index(&[amd64.clone(), arm64]);
    document["annotations"] = json!({"org.opencontainers.image.title": "dhi/python"});
    let index = world.manifest(OCI_INDEX, &document);
    world.tag("1", &index);
    let mut scout = World::default();
    let attestation = scout.attestation(&amd64);
    let sbom = with(scout.attestation(&index), "artifactType", json!(IN_TOTO));
    let sbom = with(sbom, "annotations", json!({"in-toto.io/predicate-type": "https://spdx.dev/Document"}));
    let listed = with(attestation, "artifactType", json!(IN_TOTO));
    let listed = with(listed, "annotations", json!({"in-toto.io/predicate-type": SLSA}));
    let query = "?artifactType=application%2Fvnd.in-toto%2Bjson\
                 &predicateType=https%3A%2F%2Fslsa.dev%2Fprovenance%2Fv0.2\
                 &predicateType=https%3A%2F%2Fslsa.dev%2Fprovenance%2Fv1";
    let reply = Reply::new(200, super::world::index(&[sbom, listed.clone()]).to_string())
        .header("content-type", OCI_INDEX);
    scout.0.insert(path("referrers", digest(&amd64)) + query, reply);
    let signature = simple(&mut scout, &listed);
    let signature = with(signature, "artifactType", json!("application/vnd.dev.cosign.artifact.sig.v1+json"));
    scout.referrers(&listed, std::slice::from_ref(&signature));
    (world, scout, [amd64, listed, signature])
}

#[tokio::test]
async fn attestations_of_hardened_images_lie_elsewhere() {
    let (mut world, scout, [image, attestation, signature]) = hardened();
    let on_image = world.signature(&image, "one");
    world.referrers(&image, std::slice::from_ref(&on_image));
    let (hub, scout) = (world.serve().await, scout.serve().await);
    let resolver = resolver().with_attestation_host(&hub.authority, &scout.authority);
    let found_image = resolver.resolve(&name(&hub, "1"), Some(&amd64()), &signatures()).await.unwrap();
    let signatures = found_image.signatures.unwrap();
    let expected =
        [(Subject::Attestation, digest(&signature), false), (Subject::Image, digest(&on_image), false)];
    assert_eq!(found(&signatures), expected);
    assert_eq!(signatures.manifests[0].subject.digest, digest(&attestation));
    is_whole(&signatures);
    assert!(scout.requests().iter().all(|request| !request.path.ends_with("/manifests/1")));
    // Its list, the attestation's list, tag and manifest, the signature and its payload.
    assert_eq!(scout.requests().len(), 6);
}

#[tokio::test]
async fn hardened_images_of_other_registries_have_them_beside() {
    let (mut world, scout, [_, _, signature]) = hardened();
    world.0.extend(scout.0);
    let signatures = signatures_of(&world.serve().await).await.unwrap();
    assert_eq!(found(&signatures), [(Subject::Attestation, digest(&signature), false)]);
}

#[tokio::test]
async fn what_makes_no_hardened_image() {
    for change in [
        |index: &mut Value| index["annotations"]["org.opencontainers.image.title"] = json!("mydhi/python"),
        |index: &mut Value| index["manifests"][1]["annotations"]["com.docker.dhi.build.id"] = json!(""),
        |index: &mut Value| index["manifests"][1]["annotations"] = json!({}),
    ] {
        let (mut world, scout, _) = hardened();
        let Reply::Answer { body, .. } = world.reply(&path("manifests", "1")) else { unreachable!() };
        let mut document: Value = serde_json::from_slice(&body).unwrap();
        change(&mut document);
        let index = world.manifest(OCI_INDEX, &document);
        world.tag("1", &index);
        world.0.extend(scout.0);
        assert_eq!(signatures_of(&world.serve().await).await.unwrap(), ImageSignatures::default());
    }
}
