#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use policy_engine::metadata::{ChecksumAlgorithm, ChecksumRequest, HttpMetadata, HttpWanted};

use super::{HttpError, HttpOptions, HttpResolver, HttpSource, RedirectCheck, RedirectRefused};
use crate::resolve::testing::{Reply, Server, fast_options, impatient_options};
use crate::resolve::transport::{Transport, TransportError};

/// `printf 'hello\n' | sha256sum`
const HELLO: &str = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
/// `printf 'hello\nworld' | sha512sum`
const HELLO_WORLD: &str = "sha512:c95a099794a5ef71b75704a263bec3c1f6d5d5c21f8942b82e45897321c2afb5\
    eaa564549503869d9246ee9c912f899f052a3911733a00432dd71a77e7bae7a0";

fn resolver(options: HttpOptions) -> HttpResolver {
    HttpResolver::new(Transport::new(fast_options()).unwrap(), options)
}

fn source(url: impl Into<String>) -> HttpSource {
    HttpSource { url: url.into(), ..HttpSource::default() }
}

fn plain() -> HttpWanted {
    HttpWanted::default()
}

fn with_suffix(algorithm: ChecksumAlgorithm, suffix: impl Into<Bytes>) -> HttpWanted {
    HttpWanted {
        checksums: vec![ChecksumRequest { algorithm, suffix: suffix.into() }],
        ..HttpWanted::default()
    }
}

async fn resolve(server: &Server, path: &str) -> Result<HttpMetadata, HttpError> {
    resolver(HttpOptions::default()).resolve(&source(server.url(path)), &plain()).await
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn digests() {
    let server = Server::start(|_| Reply::new(200, "hello\n")).await;
    let found = resolve(&server, "/f?x=1#there").await.unwrap();
    assert_eq!(
        found,
        HttpMetadata { checksum: HELLO.into(), checksum_responses: Vec::new(), ..HttpMetadata::default() }
    );
    assert_eq!(server.requests()[0].path, "/f?x=1");

    let wanted = with_suffix(ChecksumAlgorithm::Sha512, "world");
    let found = resolver(HttpOptions::default()).resolve(&source(server.url("/f")), &wanted).await.unwrap();
    assert_eq!(found.checksum, HELLO);
    let response = &found.checksum_responses[0];
    assert_eq!((response.digest.as_str(), &response.suffix[..]), (HELLO_WORLD, &b"world"[..]));

    let long = with_suffix(ChecksumAlgorithm::Sha256, vec![0; 4097]);
    let error = resolver(HttpOptions::default()).resolve(&source(server.url("/f")), &long).await;
    assert!(matches!(error, Err(HttpError::SuffixTooLong { limit: 4096, .. })), "{error:?}");
}

#[tokio::test]
async fn an_expected_digest_is_believed_until_the_body_is_needed() {
    let server = Server::start(|_| Reply::new(200, "hello\n")).await;
    let resolver = resolver(HttpOptions::default());
    for (expected, right) in [(HELLO, true), ("sha256:00", false)] {
        let pinned = HttpSource { checksum: Some(expected.into()), ..source(server.url("/f")) };
        let before = server.count("/f");
        let found = resolver.resolve(&pinned, &plain()).await.unwrap();
        assert_eq!((found.checksum.as_str(), server.count("/f")), (expected, before));
        let found = resolver.resolve(&pinned, &with_suffix(ChecksumAlgorithm::Sha256, "")).await;
        match found {
            Ok(found) => assert!(right && found.checksum_responses[0].digest == HELLO),
            Err(error) => assert!(!right && matches!(error, HttpError::ChecksumMismatch { .. }), "{error}"),
        }
    }
}

#[tokio::test]
async fn gzip_is_undone_as_buildkit_does() {
    let server = Server::start(|request| {
        let packed = [gzip(b"hel"), gzip(b"lo\n")].concat();
        match request.path.as_str() {
            "/gzip" => Reply::new(200, packed).header("content-encoding", "gzip"),
            "/cut" => Reply::new(200, &packed[..packed.len() - 9]).header("content-encoding", "gzip"),
            "/no" => Reply::new(200, "hello\n").header("content-encoding", "GZIP"),
            "/empty" => Reply::new(200, "").header("content-encoding", "gzip"),
            // Not ours to undo.
            "/other" => Reply::new(200, "hello\n").header("content-encoding", "br"),
            _ => Reply::new(200, gzip(&vec![0; 1 << 20])).header("content-encoding", "gzip"),
        }
    })
    .await;
    assert_eq!(resolve(&server, "/gzip").await.unwrap().checksum, HELLO);
    assert_eq!(resolve(&server, "/other").await.unwrap().checksum, HELLO);
    let nothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(resolve(&server, "/empty").await.unwrap().checksum, nothing);
    for path in ["/cut", "/no"] {
        let error = resolve(&server, path).await.unwrap_err();
        assert!(matches!(error, HttpError::Encoding { .. }), "{path}: {error}");
    }
    assert_eq!(server.requests()[0].headers["accept-encoding"], "gzip");
    // The limit is on what comes out.
    let small = resolver(HttpOptions { max_body: 1 << 19, ..HttpOptions::default() });
    let error = small.resolve(&source(server.url("/bomb")), &plain()).await.unwrap_err();
    assert!(matches!(error, HttpError::Transport(TransportError::LimitExceeded { .. })), "{error}");
}

#[tokio::test]
async fn headers_are_sent() {
    let server = Server::start(|_| Reply::new(200, "")).await;
    let full = HttpSource {
        accept: Some("text/plain".into()),
        user_agent: Some("mine/1".into()),
        authorization: Some("Bearer s3cret".parse().unwrap()),
        ..source(server.url("/"))
    };
    assert!(!format!("{full:?}").contains("s3cret"));
    resolver(HttpOptions::default()).resolve(&full, &plain()).await.unwrap();
    let headers = &server.requests()[0].headers;
    assert_eq!(headers["accept"], "text/plain");
    assert_eq!(headers["user-agent"], "mine/1");
    assert_eq!(headers["authorization"], "Bearer s3cret");
    let bad = HttpSource { accept: Some("a\nb".into()), ..full };
    let error = resolver(HttpOptions::default()).resolve(&bad, &plain()).await.unwrap_err();
    assert!(matches!(error, HttpError::InvalidHeader { header: "Accept", .. }), "{error}");
}

#[tokio::test]
async fn redirects() {
    let target = Server::start(|_| Reply::new(200, "hello\n")).await;
    let there = target.url("/f").to_string();
    let server = Server::start(move |request| match request.path.as_str() {
        "/cross" => Reply::new(302, "").header("location", there.clone()),
        "/local" => Reply::new(307, "").header("location", "f"),
        "/endless" => Reply::new(301, "").header("location", "/endless"),
        "/file" => Reply::new(301, "").header("location", "file:///etc/passwd"),
        _ => Reply::new(200, "hello\n"),
    })
    .await;
    let with_auth = |path: &str| HttpSource {
        authorization: Some("Bearer s3cret".parse().unwrap()),
        ..source(server.url(path))
    };
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let redirects = RedirectCheck::new(move |target| {
        log.lock().unwrap().push(target.to_string());
        Ok(())
    });
    let open = resolver(HttpOptions { redirects, ..HttpOptions::default() });
    for path in ["/cross", "/local"] {
        assert_eq!(open.resolve(&with_auth(path), &plain()).await.unwrap().checksum, HELLO);
    }
    assert_eq!(*asked.lock().unwrap(), [target.url("/f").to_string(), server.url("/f").to_string()]);
    assert!(!target.requests()[0].headers.contains_key("authorization"), "never to another host");
    assert!(server.requests().iter().all(|request| request.headers["authorization"] == "Bearer s3cret"));

    let error = open.resolve(&with_auth("/endless"), &plain()).await.unwrap_err();
    let too_many = |error: &HttpError| {
        matches!(error, HttpError::Transport(TransportError::TooManyRedirects { limit: 10, .. }))
    };
    assert!(too_many(&error), "{error}");
    assert_eq!(server.count("/endless"), 11);
    let error = open.resolve(&with_auth("/file"), &plain()).await.unwrap_err();
    assert!(matches!(error, HttpError::Transport(TransportError::BadRedirect { .. })), "{error}");

    let redirects = RedirectCheck::new(|target| Err(RedirectRefused::new(target, "not in the policy")));
    let closed = resolver(HttpOptions { redirects, ..HttpOptions::default() });
    let before = target.requests().len();
    let error = closed.resolve(&with_auth("/cross"), &plain()).await.unwrap_err();
    assert!(matches!(error, HttpError::RedirectRefused { .. }), "{error}");
    assert!(error.to_string().contains("not in the policy"), "{error}");
    assert_eq!(target.requests().len(), before, "it was not asked");
}

#[tokio::test]
async fn error_statuses() {
    let server = Server::start(|request| {
        let status = request.path[1..4].parse().unwrap();
        match request.path.as_str() {
            "/429/soon" => Reply::new(status, "").header("retry-after", "0"),
            "/429/late" => Reply::new(status, "").header("retry-after", "7200"),
            _ => Reply::new(status, ""),
        }
    })
    .await;
    for (path, asked) in [
        ("/401", 1),
        ("/403", 1),
        ("/404", 1),
        ("/418", 1),
        ("/304", 1),
        ("/429/soon", 3),
        ("/429/late", 1),
        ("/429", 3),
        ("/500", 3),
        ("/503", 3),
    ] {
        let error = resolve(&server, path).await.unwrap_err();
        let expected: u16 = path[1..4].parse().unwrap();
        assert!(matches!(error, HttpError::Status { status, .. } if status == expected), "{path}: {error}");
        assert_eq!(server.count(path), asked, "{path}");
    }
}

#[tokio::test]
async fn a_failure_that_passes_is_not_seen() {
    let tries = Mutex::new(0);
    let server = Server::start(move |_| {
        let mut tries = tries.lock().unwrap();
        *tries += 1;
        match *tries {
            1 => Reply::new(503, "busy").header("retry-after", "0"),
            2 => Reply::Truncated { headers: Vec::new(), body: b"hel".to_vec(), missing: 3 },
            _ => Reply::new(200, "hello\n"),
        }
    })
    .await;
    assert_eq!(resolve(&server, "/").await.unwrap().checksum, HELLO);
}

#[tokio::test]
async fn bad_bodies() {
    let server = Server::start(|request| match request.path.as_str() {
        "/truncated" => Reply::Truncated { headers: Vec::new(), body: b"hello\n".to_vec(), missing: 1 },
        "/endless" => Reply::Endless { headers: Vec::new() },
        "/silence" => Reply::Silence,
        "/slow" => Reply::HeadersOnly { headers: Vec::new() },
        _ => Reply::new(200, "0123456789a"),
    })
    .await;
    let options = || HttpOptions { max_body: 10, ..HttpOptions::default() };
    let patient = resolver(options());
    let impatient = HttpResolver::new(Transport::new(impatient_options()).unwrap(), options());
    for path in ["/truncated", "/endless", "/silence", "/slow", "/long"] {
        let resolver = if matches!(path, "/silence" | "/slow") { &impatient } else { &patient };
        let error = resolver.resolve(&source(server.url(path)), &plain()).await.unwrap_err();
        let HttpError::Transport(error) = error else { panic!("{path}: {error}") };
        let fits = match path {
            "/truncated" => matches!(error, TransportError::Interrupted { .. }),
            "/silence" | "/slow" => matches!(error, TransportError::Timeout { .. }),
            _ => matches!(error, TransportError::LimitExceeded { bytes: 10, .. }),
        };
        assert!(fits, "{path}: {error}");
    }
}

#[tokio::test]
async fn bad_urls_and_secrets() {
    let resolver = resolver(HttpOptions::default());
    for url in
        ["ftp://example.com/f", "file:///etc/passwd", "example.com/f", "https://", "https://me:s3cret@/f"]
    {
        let error = resolver.resolve(&source(url), &plain()).await.unwrap_err();
        assert!(matches!(error, HttpError::InvalidUrl { .. }), "{url}: {error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    // Credentials in a URL are used, and not shown.
    let server = Server::start(|request| match request.headers.get("authorization").map(String::as_str) {
        Some("Basic bWU6czNjcmV0") => Reply::new(200, "hello\n"),
        _ => Reply::new(401, ""),
    })
    .await;
    let url = |user_info: &str| format!("http://{user_info}@{}/f?token=s3cret", server.authority);
    assert_eq!(resolver.resolve(&source(url("me:s3cret")), &plain()).await.unwrap().checksum, HELLO);
    let error = resolver.resolve(&source(url("me:wrong-s3cret")), &plain()).await.unwrap_err();
    assert!(matches!(error, HttpError::Status { status: 401, .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
}
