//! Registries that break, lie and stall.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::world::*;
use crate::resolve::image::document::{OCI_INDEX, OCI_MANIFEST};
use crate::resolve::image::{ImageError, ImageName, MAX_ATTESTATION, MAX_CONFIG, MAX_MANIFEST};
use crate::resolve::testing::{Reply, Server, impatient_options};
use crate::resolve::transport::TransportError;

/// Answers every request for a manifest with `reply`.
async fn always(reply: Reply) -> Server {
    Server::start(move |_| reply.clone()).await
}

fn manifest_reply(media_type: &str, body: impl Into<Vec<u8>>) -> Reply {
    Reply::new(200, body).header("content-type", media_type)
}

/// Fails `failures` times before it works.
async fn flaky(failures: usize, failure: Reply) -> Server {
    let (world, _) = World::attested();
    let asked = AtomicUsize::new(0);
    Server::start(move |request| {
        if asked.fetch_add(1, Ordering::Relaxed) < failures {
            failure.clone()
        } else {
            world.reply(&request.path)
        }
    })
    .await
}

#[tokio::test]
async fn statuses_are_told_apart() {
    for (status, expected) in [
        (404, "NotFound"),
        (401, "Unauthorized"),
        (403, "Unauthorized"),
        (429, "RateLimited"),
        (500, "Server"),
        (503, "Server"),
        (418, "UnexpectedStatus"),
        (204, "UnexpectedStatus"),
    ] {
        let server = always(Reply::new(status, "")).await;
        let error = ask(&server, &only_digest()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{status}: {error:?}");
        assert!(error.to_string().contains("team/app:1"), "{error}");
        let tries = if matches!(status, 429 | 500 | 503) { 3 } else { 1 };
        assert_eq!(server.requests().len(), tries, "{status}");
    }
}

#[tokio::test]
async fn errors_say_what_to_do() {
    let text = async |status: u16| {
        ask(&always(Reply::new(status, "")).await, &only_digest()).await.unwrap_err().to_string()
    };
    assert!(text(404).await.contains("image not found; check the name"));
    assert!(text(403).await.contains("docker login 127.0.0.1"));
    assert!(text(429).await.contains("try again later"));
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for failure in [
        Reply::new(500, ""),
        Reply::new(502, ""),
        Reply::new(429, "").header("retry-after", "0"),
        Reply::Close,
        Reply::Truncated {
            headers: vec![("content-type".into(), OCI_INDEX.into())],
            body: b"{".to_vec(),
            missing: 9,
        },
    ] {
        let server = flaky(2, failure.clone()).await;
        ask(&server, &only_digest()).await.unwrap_or_else(|error| panic!("{failure:?}: {error}"));
        assert_eq!(server.requests().len(), 3);
    }
}

#[tokio::test]
async fn a_long_retry_after_is_not_waited_for() {
    let server = flaky(1, Reply::new(429, "").header("retry-after", "3600")).await;
    let error = ask(&server, &only_digest()).await.unwrap_err();
    assert!(
        matches!(error, ImageError::RateLimited { retry_after: Some(wait), .. } if wait == Duration::from_hours(1)),
        "{error}"
    );
    assert!(error.to_string().contains("wait 3600 s"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn truncated_for_good() {
    let headers = vec![("content-type".into(), OCI_INDEX.into())];
    let server = always(Reply::Truncated { headers, body: b"{".to_vec(), missing: 9 }).await;
    let error = ask(&server, &only_digest()).await.unwrap_err();
    let is_interrupted =
        matches!(&error, ImageError::Transport { source: TransportError::Interrupted { .. }, .. });
    assert!(is_interrupted, "{error}");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn stalling_servers_time_out() {
    let headers = vec![("content-type".to_owned(), OCI_INDEX.to_owned())];
    for reply in [Reply::Silence, Reply::HeadersOnly { headers }] {
        let server = always(reply).await;
        let resolver = resolver_with(impatient_options());
        let error = resolver.resolve(&name(&server, "1"), Some(&amd64()), &only_digest()).await.unwrap_err();
        let is_timeout =
            matches!(&error, ImageError::Transport { source: TransportError::Timeout { .. }, .. });
        assert!(is_timeout, "{error}");
    }
}

#[tokio::test]
async fn manifests_have_a_size_limit() {
    let headers = vec![("content-type".to_owned(), OCI_INDEX.to_owned())];
    let big = vec![b' '; usize::try_from(MAX_MANIFEST.bytes).unwrap() + 1];
    for reply in [Reply::Endless { headers }, manifest_reply(OCI_INDEX, big)] {
        let error = ask(&always(reply).await, &only_digest()).await.unwrap_err();
        let is_limit =
            matches!(&error, ImageError::Transport { source: TransportError::LimitExceeded { .. }, .. });
        assert!(is_limit, "{error}");
        assert!(error.to_string().contains("4194304 bytes, the limit for an image manifest"), "{error}");
    }
}

/// An image with one thing changed in its manifest.
fn tampered(change: impl Fn(&mut World, &mut Value)) -> World {
    let mut world = World::default();
    let config = world.blob(CONFIG, r#"{"os":"linux"}"#);
    let mut document = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []});
    change(&mut world, &mut document);
    let manifest = world.manifest(OCI_MANIFEST, &document);
    world.tag("1", &manifest);
    world
}

#[tokio::test]
async fn announced_sizes_are_checked_before_anything_is_fetched() {
    let world = tampered(|_, manifest| manifest["config"]["size"] = json!(MAX_CONFIG.bytes + 1));
    let server = world.serve().await;
    let error = ask(&server, &config()).await.unwrap_err();
    assert!(matches!(error, ImageError::LimitExceeded { .. }), "{error}");
    assert!(error.to_string().contains("8388608 bytes"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn big_attestations_are_refused() {
    let mut world = World::default();
    let image = world.listed_image("linux/amd64");
    let annotations = json!({"in-toto.io/predicate-type": SLSA});
    let layer = with(world.blob(IN_TOTO, "x"), "annotations", annotations);
    let layer = with(layer, "size", json!(MAX_ATTESTATION.bytes + 1));
    let config = world.blob(CONFIG, "{}");
    let attestation =
        world.manifest(OCI_MANIFEST, &json!({"schemaVersion": 2, "config": config, "layers": [layer]}));
    let annotations = json!({
        "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest(&image),
    });
    let index = index(&[image, with(attestation, "annotations", annotations)]);
    let index = world.manifest(OCI_INDEX, &index);
    world.tag("1", &index);
    let server = world.serve().await;
    ask(&server, &chain()).await.unwrap();
    let error = ask(&server, &provenance()).await.unwrap_err();
    assert!(matches!(error, ImageError::LimitExceeded { .. }), "{error}");
}

#[tokio::test]
async fn wrong_sizes_and_digests() {
    let wrong_size = tampered(|_, manifest| manifest["config"]["size"] = json!(13));
    let error = ask(&wrong_size.serve().await, &config()).await.unwrap_err();
    assert!(matches!(error, ImageError::SizeMismatch { expected: 13, actual: 14, .. }), "{error}");

    let wrong_content = tampered(|world, manifest| {
        let config = path("blobs", digest(&manifest["config"]));
        world.0.insert(config, Reply::new(200, r#"{"os":"LINUX"}"#));
    });
    let error = ask(&wrong_content.serve().await, &config()).await.unwrap_err();
    assert!(matches!(error, ImageError::DigestMismatch { .. }), "{error}");

    let unknown = tampered(|_, manifest| manifest["config"]["digest"] = json!("md5:0123"));
    let error = ask(&unknown.serve().await, &config()).await.unwrap_err();
    assert!(matches!(error, ImageError::UnsupportedDigest { .. }), "{error}");
}

#[tokio::test]
async fn a_manifest_by_digest_must_have_it() {
    let (mut world, [_, image, _]) = World::attested();
    let size = usize::try_from(image["size"].as_u64().unwrap()).unwrap();
    let other = manifest_reply(OCI_MANIFEST, " ".repeat(size));
    world.0.insert(path("manifests", digest(&image)), other.header("docker-content-digest", digest(&image)));
    let server = world.serve().await;
    // As a child of the index, and named by digest.
    let error = ask(&server, &config()).await.unwrap_err();
    assert!(matches!(error, ImageError::DigestMismatch { .. }), "{error}");
    let name = ImageName::new(server.authority.as_str(), "team/app", None, Some(digest(&image).into()));
    let error = resolver().resolve(&name.unwrap(), Some(&amd64()), &only_digest()).await.unwrap_err();
    assert!(matches!(error, ImageError::DigestMismatch { .. }), "{error}");
}

#[tokio::test]
async fn index_and_registry_must_agree_on_the_type() {
    let (mut world, [_, image, _]) = World::attested();
    world.0.insert(path("manifests", digest(&image)), manifest_reply(OCI_INDEX, index(&[]).to_string()));
    let error = ask(&world.serve().await, &config()).await.unwrap_err();
    assert!(matches!(error, ImageError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn the_digest_header_is_not_trusted() {
    let (world, [index, ..]) = World::attested();
    let lie = format!("sha256:{}", "0".repeat(64));
    let body = world.reply(&path("manifests", "1")).header("docker-content-digest", lie);
    let metadata = ask(&always(body).await, &only_digest()).await.unwrap();
    assert_eq!(metadata.digest, digest(&index));
}

#[tokio::test]
async fn media_types_are_checked() {
    let document = index(&[]).to_string();
    for (media_type, body, expected) in [
        ("text/html", "<html>".to_owned(), "UnsupportedMediaType"),
        (
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            "{}".to_owned(),
            "UnsupportedMediaType",
        ),
        (OCI_MANIFEST, document.clone(), "Malformed"),
        (OCI_INDEX, "garbage".to_owned(), "Malformed"),
        (OCI_INDEX, "{}".to_owned(), "Malformed"),
        ("application/json", "{}".to_owned(), "UnsupportedMediaType"),
    ] {
        let error = ask(&always(manifest_reply(media_type, body)).await, &only_digest()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{media_type}: {error:?}");
    }
    for media_type in ["application/json", "application/vnd.oci.image.index.v1+json; charset=utf-8"] {
        ask(&always(manifest_reply(media_type, document.clone())).await, &only_digest()).await.unwrap();
    }
    let artifact = tampered(|_, manifest| manifest["config"]["mediaType"] = json!("application/x-helm"));
    let error = ask(&artifact.serve().await, &config()).await.unwrap_err();
    assert!(matches!(error, ImageError::UnsupportedMediaType { .. }), "{error}");
}

#[tokio::test]
async fn redirects_end() {
    let server =
        Server::start(|request| Reply::new(307, "").header("location", format!("{}x", request.path)));
    let server = server.await;
    let error = ask(&server, &only_digest()).await.unwrap_err();
    let is_limit =
        matches!(&error, ImageError::Transport { source: TransportError::TooManyRedirects { .. }, .. });
    assert!(is_limit, "{error}");
    assert_eq!(server.requests().len(), 11);
}

#[tokio::test]
async fn a_failure_is_shared_between_tasks() {
    let server = always(Reply::new(404, "")).await;
    let resolver = Arc::new(resolver());
    let ask = || {
        let (resolver, name) = (Arc::clone(&resolver), name(&server, "1"));
        tokio::spawn(async move { resolver.resolve(&name, Some(&amd64()), &only_digest()).await })
    };
    let (one, two) = tokio::join!(ask(), ask());
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_a_tag_names_is_not_fetched_again_by_its_digest() {
    let (world, [index, ..]) = World::attested();
    let server = world.serve().await;
    let resolver = resolver();
    let by_tag = resolver.resolve(&name(&server, "1"), Some(&amd64()), &config()).await.unwrap();
    let asked = server.requests().len();
    let tag_and_digest =
        ImageName::new(server.authority.as_str(), "team/app", Some("1".into()), Some(digest(&index).into()));
    let again = resolver.resolve(&tag_and_digest.unwrap(), Some(&amd64()), &config()).await.unwrap();
    assert_eq!(again, by_tag);
    assert_eq!(server.requests().len(), asked);
}

#[tokio::test]
async fn media_types_by_head() {
    let (mut world, [index, image, _]) = World::attested();
    let untold =
        Reply::new(200, r#"{"schemaVersion":2,"manifests":[]}"#).header("content-type", "text/plain");
    world.0.insert(path("manifests", "untold"), untold);
    let server = Server::start(move |request| match (request.method.as_str(), request.path.as_str()) {
        ("HEAD", path) if path.ends_with("/headless") => Reply::new(405, ""),
        ("GET", path) if path.ends_with("/headless") => world.reply(&path.replace("headless", "1")),
        (_, path) => world.reply(path),
    })
    .await;
    let resolver = resolver();
    let of = |tag: Option<&str>, digest: Option<&str>| {
        let (tag, digest) = (tag.map(str::to_owned), digest.map(str::to_owned));
        let name = ImageName::new(server.authority.as_str(), "team/app", tag, digest).unwrap();
        let resolver = &resolver;
        async move { resolver.media_type(&name).await }
    };
    assert_eq!(of(Some("1"), None).await.unwrap(), OCI_INDEX);
    assert_eq!(of(None, Some(digest(&index))).await.unwrap(), OCI_INDEX);
    assert_eq!(of(Some("1"), Some(digest(&image))).await.unwrap(), OCI_MANIFEST);
    assert!(server.requests().iter().all(|request| request.method == "HEAD"));
    assert_eq!(of(Some("headless"), None).await.unwrap(), OCI_INDEX);
    assert_eq!(of(Some("untold"), None).await.unwrap(), OCI_INDEX);
    assert!(matches!(of(Some("none"), None).await, Err(ImageError::NotFound { .. })));
}
