//! One resolver, several questions about one source.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;
use std::time::SystemTime;

use policy_engine::metadata::{HttpMetadata, HttpWanted, ImageWanted, Metadata, Request, Wanted};
use policy_engine::source::{Platform, SourceOp};

use super::{ResolveError, Resolver};
use crate::lookup::Resolve as _;
use crate::resolve::Origin;
use crate::resolve::github::GithubOptions;
use crate::resolve::image::document::sha256;
use crate::resolve::image::tests::world::{World, digest};
use crate::resolve::testing::{Reply, Server, fast_options};
use crate::snapshot::{Recording, Snapshot};

const BUNDLE: &str = r#"{"mediaType": "x", "n":1.0}"#;
const TOKEN: &str = "ghp_secret";

/// A file, and GitHub's list of what `octo/app` attests about it.
async fn servers() -> (Server, Server) {
    let files = Server::start(|_| Reply::new(200, "body")).await;
    let list = format!("/repos/octo/app/attestations/{}?", sha256(b"body"));
    let github = Server::start(move |request| {
        if request.path.starts_with(&list) {
            Reply::new(200, format!(r#"{{"attestations":[{{"bundle":{BUNDLE}}}]}}"#))
        } else if request.path.contains("limited") {
            Reply::new(403, "{}").header("x-ratelimit-remaining", "0")
        } else {
            Reply::new(404, "{}")
        }
    })
    .await;
    (files, github)
}

fn resolver(github: &Server) -> Resolver {
    let api = format!("http://{}", github.authority);
    Resolver::new(fast_options(), None).with_github(GithubOptions { api, token: Some(TOKEN.into()) })
}

fn request(files: &Server, repositories: &[&str]) -> Request {
    let github_attestations = repositories.iter().map(|&repository| repository.into()).collect();
    let http = HttpWanted { github_attestations, ..HttpWanted::default() };
    Request {
        source: SourceOp::new(files.url("/tool").as_str()),
        platform: None,
        wanted: Wanted { http: Some(http), ..Wanted::default() },
    }
}

async fn ask(resolver: &Resolver, request: &Request) -> Result<HttpMetadata, ResolveError> {
    resolver.resolve(request).await.map(|found| found.http.unwrap())
}

#[tokio::test]
async fn a_body_is_downloaded_once_whoever_attests_it() {
    let (files, github) = servers().await;
    let resolver = resolver(&github);
    let plain = ask(&resolver, &request(&files, &[])).await.unwrap();
    assert_eq!(plain.checksum, sha256(b"body"));
    let attested = ask(&resolver, &request(&files, &["octo/app", "octo/none"])).await.unwrap();
    assert_eq!(attested.checksum, plain.checksum);
    assert_eq!(attested.github_attestations["octo/app"], [BUNDLE]);
    assert_eq!(attested.github_attestations["octo/none"], [""; 0]);
    ask(&resolver, &request(&files, &["octo/app"])).await.unwrap();
    assert_eq!((files.requests().len(), github.requests().len()), (1, 2));
    assert!(files.requests().iter().all(|request| !request.headers.contains_key("authorization")));
    assert!(github.requests().iter().all(|request| request.headers["authorization"].ends_with(TOKEN)));
    let error = ask(&resolver, &request(&files, &["octo/limited"])).await.unwrap_err().to_string();
    assert!(error.contains("GitHub limits the rate of requests; try again later"), "{error}");
}

/// A checksum that the build names is believed, as BuildKit does: only GitHub is asked.
#[tokio::test]
async fn a_named_checksum_needs_no_body() {
    let (files, github) = servers().await;
    let mut request = request(&files, &["octo/app"]);
    request.source.attrs.insert("http.checksum".into(), sha256(b"body"));
    let found = ask(&resolver(&github), &request).await.unwrap();
    assert_eq!(found.github_attestations["octo/app"], [BUNDLE]);
    assert_eq!((files.requests().len(), github.requests().len()), (0, 1));
}

/// Records what `resolver` answers to `requests`, writes it, reads it, and answers from that.
async fn replayed(resolver: Resolver, requests: &[Request]) -> (Vec<Metadata>, Vec<Metadata>, String) {
    let recording = Arc::new(Recording::new(SystemTime::UNIX_EPOCH));
    let resolver = resolver.with_origin(Origin::Recorded(Arc::clone(&recording)));
    let mut online = Vec::new();
    for request in requests {
        online.push(resolver.resolve(request).await.unwrap());
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.json");
    recording.finish().unwrap().save(&file).unwrap();
    let snapshot = Arc::new(Snapshot::load(&file).unwrap());
    let offline = Resolver::new(fast_options(), None).with_origin(Origin::Offline(snapshot));
    let mut again = Vec::new();
    for request in requests {
        again.push(offline.resolve(request).await.unwrap());
    }
    (online, again, std::fs::read_to_string(file).unwrap())
}

#[tokio::test]
async fn attestations_offline() {
    let (files, github) = servers().await;
    let requests = [request(&files, &[]), request(&files, &["octo/app", "octo/none"])];
    let (online, offline, text) = replayed(resolver(&github), &requests).await;
    assert_eq!(online, offline);
    assert!(!text.contains(TOKEN), "{text}");
}

#[tokio::test]
async fn signatures_offline() {
    let (mut world, [index, image, attestation]) = World::attested();
    for subject in [&index, &image, &attestation] {
        let signature = world.signature(subject, &format!("on {}", digest(subject)));
        world.referrers(subject, &[signature]);
    }
    let server = world.serve().await;
    let request = |chain| Request {
        source: SourceOp::new(format!("docker-image://{}/team/app:1", server.authority)),
        platform: Some(Platform::new("linux", "amd64", "")),
        wanted: Wanted {
            image: Some(ImageWanted { attestation_chain: chain, signatures: true, ..ImageWanted::default() }),
            ..Wanted::default()
        },
    };
    let (online, offline, _) =
        replayed(Resolver::new(fast_options(), None), &[request(true), request(false)]).await;
    assert_eq!(online, offline);
    assert_eq!(online[0].image.as_ref().unwrap().signatures.as_ref().unwrap().manifests.len(), 3);
}
