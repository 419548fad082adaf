//! What is kept from one run to the next, and what is asked again all the same.

use std::sync::Arc;

use super::world::*;
use crate::cache::Cache;
use crate::resolve::image::{ImageError, ImageName};
use crate::resolve::testing::{Reply, Server};

fn everything() -> policy_engine::metadata::ImageWanted {
    policy_engine::metadata::ImageWanted {
        config: true,
        attestation_chain: true,
        attestations: vec![SLSA.into()],
        ..policy_engine::metadata::ImageWanted::default()
    }
}

/// A run of its own, with a cache in `dir`.
async fn run(
    server: &Server,
    dir: &tempfile::TempDir,
) -> Result<policy_engine::metadata::ImageMetadata, ImageError> {
    let cache = Arc::new(Cache::new(dir.path(), 1 << 20));
    let resolver = resolver().with_cache(Some(Arc::clone(&cache)));
    let found = resolver.resolve(&name(server, "1"), Some(&amd64()), &everything()).await;
    assert_eq!(cache.problem(), None);
    found
}

#[tokio::test]
async fn a_second_run_asks_only_for_what_may_change() {
    let (world, [_, _, attestation]) = World::attested();
    let server = world.serve().await;
    let dir = tempfile::tempdir().unwrap();
    let first = run(&server, &dir).await.unwrap();
    let before = server.requests().len();
    assert!(before >= 5, "{before}");
    assert_eq!(run(&server, &dir).await.unwrap(), first);
    let asked: Vec<_> = server.requests()[before..].iter().map(|request| request.path.clone()).collect();
    let tagged = format!("/v2/team/app/manifests/sha256-{}", &digest(&attestation)[7..]);
    assert_eq!(asked, [path("manifests", "1"), path("referrers", digest(&attestation)), tagged]);
}

#[tokio::test]
async fn damaged_content_is_fetched_again() {
    let (world, [_, image, _]) = World::attested();
    let server = world.serve().await;
    let dir = tempfile::tempdir().unwrap();
    let first = run(&server, &dir).await.unwrap();
    let hex = &digest(&image)[7..];
    let file = dir.path().join(format!("v1/blobs/sha256/{}/{hex}", &hex[..2]));
    std::fs::write(&file, "damage").unwrap();
    let before = server.requests().len();
    assert_eq!(run(&server, &dir).await.unwrap(), first);
    let again = path("manifests", digest(&image));
    assert_eq!(server.requests()[before..].iter().filter(|request| request.path == again).count(), 1);
    assert_ne!(std::fs::read(&file).unwrap(), b"damage");
}

/// All of an image is in the cache; whether it may be read is for its registry to say, even by digest.
#[tokio::test]
async fn the_cache_opens_no_doors() {
    let (world, [index, ..]) = World::attested();
    let open = world.clone().serve().await;
    let dir = tempfile::tempdir().unwrap();
    run(&open, &dir).await.unwrap();
    for (status, expected) in [(403, "Unauthorized"), (404, "NotFound")] {
        let closed = Server::start(move |_| Reply::new(status, "{}")).await;
        let cache = Some(Arc::new(Cache::new(dir.path(), 1 << 20)));
        let pinned =
            ImageName::new(closed.authority.as_str(), "team/app", None, Some(digest(&index).to_owned()))
                .unwrap();
        let resolver = resolver().with_cache(cache);
        let error = resolver.resolve(&pinned, Some(&amd64()), &everything()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    }
}
