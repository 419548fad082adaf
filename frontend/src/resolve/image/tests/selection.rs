//! Which manifest is meant, what comes with it, and what is left alone.

use policy_engine::source::Platform;
use serde_json::{Value, json};

use super::world::*;
use crate::resolve::image::document::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use crate::resolve::image::{ImageError, ImageName, MAX_INDEX_DEPTH};
use crate::resolve::testing::Reply;

fn paths(server: &crate::resolve::testing::Server) -> Vec<String> {
    server.requests().into_iter().map(|request| request.path).collect()
}

#[tokio::test]
async fn only_what_is_wanted_is_fetched() {
    let (world, [index, amd64, attestation]) = World::attested();
    let expect = |wanted: &[String], found: Vec<String>| {
        let mut found = found;
        let mut wanted = wanted.to_vec();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted);
    };
    let root = path("manifests", "1");
    let image = path("manifests", digest(&amd64));

    let server = world.clone().serve().await;
    let metadata = ask(&server, &only_digest()).await.unwrap();
    assert_eq!(metadata.digest, digest(&index));
    assert_eq!((metadata.config, metadata.attestation_chain), (None, None));
    expect(std::slice::from_ref(&root), paths(&server));

    let server = world.clone().serve().await;
    let metadata = ask(&server, &config()).await.unwrap();
    let found: Value = serde_json::from_slice(&metadata.config.unwrap()).unwrap();
    assert_eq!(found["architecture"], "amd64");
    let fetched = paths(&server);
    assert_eq!(fetched.len(), 3, "{fetched:?}");
    assert_eq!(fetched[..2], [root.clone(), image]);

    let server = world.clone().serve().await;
    let chain = ask(&server, &chain()).await.unwrap().attestation_chain.unwrap();
    assert_eq!(chain.root, digest(&index));
    assert_eq!(chain.image_manifest, digest(&amd64));
    assert_eq!(chain.attestation_manifest, digest(&attestation));
    assert!(chain.signature_manifests.is_empty());
    let mut blobs = [digest(&index), digest(&attestation)];
    blobs.sort_unstable();
    assert_eq!(chain.blobs.keys().collect::<Vec<_>>(), blobs);
    let described = &chain.blobs[digest(&attestation)].descriptor;
    assert_eq!(described.annotations["vnd.docker.reference.type"], "attestation-manifest");
    let attestation_path = path("manifests", digest(&attestation));
    let api = path("referrers", digest(&attestation));
    let tag = path("manifests", &digest(&attestation).replace(':', "-"));
    expect(&[root, attestation_path, api, tag], paths(&server));
}

#[tokio::test]
async fn attestations_by_predicate_type() {
    let (world, _) = World::attested();
    let chain = ask(&world.serve().await, &provenance()).await.unwrap().attestation_chain.unwrap();
    let statements: Vec<_> =
        chain.blobs.values().filter(|blob| blob.descriptor.media_type == IN_TOTO).collect();
    assert_eq!(statements.len(), 1);
    assert_eq!(statements[0].descriptor.annotations["in-toto.io/predicate-type"], SLSA);
    assert!(String::from_utf8_lossy(&statements[0].data).contains(SLSA));
}

#[tokio::test]
async fn a_platform_without_attestation() {
    let (world, _) = World::attested();
    let server = world.serve().await;
    let arm64 = Platform { architecture: "arm64".into(), ..amd64() };
    let chain = resolver().resolve(&name(&server, "1"), Some(&arm64), &chain()).await.unwrap();
    assert_eq!(chain.attestation_chain.unwrap().attestation_manifest, "");
}

#[tokio::test]
async fn a_missing_platform_lists_the_others() {
    let (world, _) = World::attested();
    let server = world.serve().await;
    let s390x = Platform { architecture: "s390x".into(), ..amd64() };
    for wanted in [config(), chain()] {
        let error = resolver().resolve(&name(&server, "1"), Some(&s390x), &wanted).await.unwrap_err();
        assert!(matches!(error, ImageError::NoPlatform { .. }), "{error}");
        assert!(error.to_string().ends_with("linux/s390x; available: linux/amd64, linux/arm64"), "{error}");
    }
}

#[tokio::test]
async fn signatures_by_referrers_api_in_pages() {
    let (mut world, [_, _, attestation]) = World::attested();
    let (one, two) = (world.signature(&attestation, "one"), world.signature(&attestation, "two"));
    let other = with(one.clone(), "artifactType", json!("application/spdx+json"));
    world.referrers(&attestation, &[other, one.clone()]);
    let api = path("referrers", digest(&attestation));
    let first = world.0[&api].clone().header("link", format!("<{api}?last=x>; rel=\"next\""));
    world.referrers(&attestation, std::slice::from_ref(&two));
    let second = world.0[&api].clone();
    world.0.insert(format!("{api}?last=x"), second);
    world.0.insert(api, first);
    let chain = ask(&world.serve().await, &chain()).await.unwrap().attestation_chain.unwrap();
    assert_eq!(chain.signature_manifests, [digest(&one), digest(&two)]);
    let bundles: Vec<_> = chain.blobs.values().filter(|blob| blob.descriptor.media_type == BUNDLE).collect();
    assert_eq!(bundles.len(), 2);
}

#[tokio::test]
async fn signatures_by_tag_where_the_api_is_missing() {
    let (mut world, [_, _, attestation]) = World::attested();
    // Cosign 3 lists the type of the empty config in such an index; older tools list none.
    let empty = with(
        world.signature(&attestation, "one"),
        "artifactType",
        json!("application/vnd.oci.empty.v1+json"),
    );
    let mut untyped = world.signature(&attestation, "two");
    untyped.as_object_mut().unwrap().remove("artifactType");
    let list = world.manifest(OCI_INDEX, &index(&[empty.clone(), untyped.clone()]));
    world.tag(&digest(&attestation).replace(':', "-"), &list);
    for status in [400, 404, 405, 406] {
        let mut world = world.clone();
        world.0.insert(path("referrers", digest(&attestation)), Reply::new(status, "{}"));
        let chain = ask(&world.serve().await, &chain()).await.unwrap().attestation_chain.unwrap();
        assert_eq!(chain.signature_manifests, [digest(&empty), digest(&untyped)], "{status}");
    }
}

/// Whoever tags an image so lists nothing; and GitLab answers with the subject itself.
#[tokio::test]
async fn what_a_tag_names_may_be_no_list_of_referrers() {
    let (mut world, [.., attestation]) = World::attested();
    let other = world.listed_image("linux/s390x");
    for found in [&other, &attestation] {
        let mut world = world.clone();
        world.tag(&digest(&attestation).replace(':', "-"), found);
        let chain = ask(&world.serve().await, &chain()).await.unwrap().attestation_chain.unwrap();
        assert_eq!(chain.signature_manifests, [""; 0]);
    }
}

#[tokio::test]
async fn broken_referrers_are_no_missing_referrers() {
    let (world, [_, _, attestation]) = World::attested();
    let api = path("referrers", digest(&attestation));
    for (reply, expected) in [
        (Reply::new(500, ""), "Server"),
        (Reply::new(403, ""), "Unauthorized"),
        (Reply::new(200, "<html>").header("content-type", "text/html"), "UnsupportedMediaType"),
        (Reply::new(200, "garbage").header("content-type", OCI_INDEX), "Malformed"),
    ] {
        let mut world = world.clone();
        world.0.insert(api.clone(), reply);
        let error = ask(&world.serve().await, &chain()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    }
}

#[tokio::test]
async fn single_manifests_have_a_chain_without_attestation() {
    for media_type in [OCI_MANIFEST, DOCKER_MANIFEST] {
        let mut world = World::default();
        let config = world.blob("application/vnd.docker.container.image.v1+json", "{}");
        let document = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": []});
        let manifest = world.manifest(media_type, &document);
        world.tag("1", &manifest);
        let server = world.serve().await;
        let wanted = policy_engine::metadata::ImageWanted { config: true, ..provenance() };
        let metadata = ask(&server, &wanted).await.unwrap();
        assert_eq!(metadata.digest, digest(&manifest));
        assert_eq!(metadata.config.unwrap(), "{}");
        let chain = metadata.attestation_chain.unwrap();
        assert_eq!(
            (chain.root.as_str(), chain.image_manifest.as_str()),
            (digest(&manifest), digest(&manifest))
        );
        assert_eq!(chain.attestation_manifest, "");
        // The manifest, its config, and nothing else.
        assert_eq!(paths(&server).len(), 2);
    }
}

#[tokio::test]
async fn docker_manifest_list() {
    let mut world = World::default();
    let image = world.listed_image("linux/amd64");
    let list = world.manifest(DOCKER_LIST, &with(index(&[image]), "mediaType", json!(DOCKER_LIST)));
    world.tag("1", &list);
    let metadata = ask(&world.serve().await, &config()).await.unwrap();
    assert_eq!(metadata.digest, digest(&list));
    assert!(metadata.config.is_some());
}

#[tokio::test]
async fn best_match_first_and_no_platform_last() {
    let mut world = World::default();
    let unnamed = world.image("linux/amd64");
    let variant = |image: Value, variant: &str| {
        with(image, "platform", json!({"os": "linux", "architecture": "amd64", "variant": variant}))
    };
    let images = ["v1", "v2", "v3"].map(|name| variant(world.image(&format!("linux/{name}")), name));
    let mut manifests = vec![unnamed.clone()];
    manifests.extend(images.iter().cloned());
    let index = world.manifest(OCI_INDEX, &index(&manifests));
    world.tag("1", &index);
    let server = world.serve().await;
    for (wanted, expected) in [("", &images[0]), ("v2", &images[1]), ("v4", &images[2])] {
        let platform = Platform { variant: wanted.into(), ..amd64() };
        let metadata = resolver().resolve(&name(&server, "1"), Some(&platform), &chain()).await.unwrap();
        assert_eq!(metadata.attestation_chain.unwrap().image_manifest, digest(expected), "{wanted}");
    }
}

#[tokio::test]
async fn without_platform_the_config_tells() {
    for platform in ["linux/amd64", "linux/s390x"] {
        let mut world = World::default();
        let image = world.image(platform);
        let index = world.manifest(OCI_INDEX, &index(std::slice::from_ref(&image)));
        world.tag("1", &index);
        let server = world.serve().await;
        for wanted in [chain(), config()] {
            let result = ask(&server, &wanted).await;
            if platform == "linux/amd64" {
                let chain = result.unwrap().attestation_chain;
                assert!(chain.is_none_or(|chain| chain.image_manifest == digest(&image)));
            } else {
                let error = result.unwrap_err();
                assert!(error.to_string().ends_with("available: linux/s390x"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn nested_indexes_have_a_limit() {
    for (depth, fits) in [(MAX_INDEX_DEPTH, true), (MAX_INDEX_DEPTH + 1, false)] {
        let mut world = World::default();
        let mut inner = world.listed_image("linux/amd64");
        for _ in 0..depth {
            inner = world.manifest(OCI_INDEX, &index(&[inner]));
        }
        world.tag("1", &inner);
        match ask(&world.serve().await, &config()).await {
            Ok(metadata) => assert!(fits && metadata.config.is_some()),
            Err(error) => {
                assert!(matches!(error, ImageError::LimitExceeded { .. }) && !fits, "{error}");
                assert!(error.to_string().contains("4 levels"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn by_digest() {
    let (world, [_, image, _]) = World::attested();
    let server = world.serve().await;
    let by = |digest: &str| {
        ImageName::new(server.authority.as_str(), "team/app", Some("moved".into()), Some(digest.into()))
            .unwrap()
    };
    let metadata = resolver().resolve(&by(digest(&image)), Some(&amd64()), &config()).await.unwrap();
    assert_eq!(metadata.digest, digest(&image));
    assert!(metadata.config.is_some());
    assert_eq!(server.count(&path("manifests", "moved")), 0);
}

#[tokio::test]
async fn everything_is_fetched_once() {
    let (mut world, [_, _, attestation]) = World::attested();
    let signature = world.signature(&attestation, "one");
    world.referrers(&attestation, &[signature]);
    let server = world.serve().await;
    let resolver = resolver();
    let wanted = policy_engine::metadata::ImageWanted { config: true, ..provenance() };
    let (name, platform) = (name(&server, "1"), amd64());
    let ask = || resolver.resolve(&name, Some(&platform), &wanted);
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    assert_eq!(one, two);
    assert_eq!(two, three);
    assert_eq!(one.unwrap(), ask().await.unwrap());
    let mut paths = paths(&server);
    let all = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), all, "{paths:?}");
}

#[tokio::test]
async fn names_that_are_none() {
    for (registry, repository, tag, digest) in [
        ("evil@host", "app", None, None),
        ("host/path", "app", None, None),
        ("", "app", None, None),
        ("host", "../app", None, None),
        ("host", "app//x", None, None),
        ("host", "app?x", None, None),
        ("host", "", None, None),
        ("host", "app", Some("a/b"), None),
        ("host", "app", Some(".."), None),
        ("host", "app", None, Some("sha256:abc")),
        ("host", "app", None, Some("latest")),
    ] {
        let result = ImageName::new(registry, repository, tag.map(str::to_owned), digest.map(str::to_owned));
        assert!(matches!(result, Err(ImageError::InvalidName { .. })), "{registry} {repository} {tag:?}");
    }
}
