//! GitHub's API, played by a server that is told what to say.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::{GithubError, GithubOptions, GithubResolver, MAX_ATTESTATIONS, MAX_BUNDLE, MAX_PAGES};
use crate::resolve::testing::{Reply, Server, fast_options};
use crate::resolve::transport::Transport;

const DIGEST: &str = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
const TOKEN: &str = "ghp_secret";
const LIST: &str = "/repos/octo/app/attestations/\
    sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\
    ?per_page=100&predicate_type=https%3A%2F%2Fslsa.dev%2Fprovenance%2Fv1";

fn resolver(api: impl Into<String>, token: Option<&str>) -> GithubResolver {
    let options = GithubOptions { api: api.into(), token: token.map(str::to_owned) };
    GithubResolver::new(Transport::new(fast_options()).unwrap(), options)
}

/// Replies by path; anything else is not there.
async fn serve(replies: impl IntoIterator<Item = (&str, Reply)>) -> Server {
    let replies: BTreeMap<String, Reply> =
        replies.into_iter().map(|(path, reply)| (path.to_owned(), reply)).collect();
    Server::start(move |request| {
        replies.get(&request.path).cloned().unwrap_or_else(|| Reply::new(404, r#"{"message":"Not Found"}"#))
    })
    .await
}

async fn ask(server: &Server) -> Result<Vec<String>, GithubError> {
    let found = resolver(format!("http://{}", server.authority), Some(TOKEN))
        .attestations("octo/app", DIGEST)
        .await?;
    Ok(found.into_iter().map(|bundle| String::from_utf8(bundle.to_vec()).unwrap()).collect())
}

/// Answers the list, whatever it is.
async fn answer(reply: Reply) -> Result<Vec<String>, GithubError> {
    ask(&serve([(LIST, reply)]).await).await
}

fn page(body: &str) -> Reply {
    Reply::new(200, body).header("content-type", "application/json; charset=utf-8")
}

fn snappy(text: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(text).unwrap()
}

#[tokio::test]
async fn bundles_in_the_list_come_byte_for_byte() {
    let body = r#"{"attestations":[{"bundle":{"b":1.0, "a":"\u0041"},"repository_id":7},{"bundle": {}}]}"#;
    let server = serve([(LIST, page(body))]).await;
    assert_eq!(ask(&server).await.unwrap(), [r#"{"b":1.0, "a":"\u0041"}"#, "{}"]);
    let request = &server.requests()[0];
    assert_eq!(request.headers["accept"], "application/vnd.github+json");
    assert_eq!(request.headers["x-github-api-version"], "2022-11-28");
    assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
    assert!(request.headers["user-agent"].starts_with("policy-check/"));
}

#[tokio::test]
async fn nothing_is_no_error() {
    assert_eq!(answer(Reply::new(404, "{}")).await.unwrap(), [""; 0]);
    assert_eq!(answer(page(r#"{"attestations":[]}"#)).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn bundles_elsewhere_get_no_token() {
    let big = "x".repeat(1 << 20);
    let storage = serve([
        ("/plain?sig=secret", Reply::new(200, "plain")),
        ("/one.json.sn?sig=secret", Reply::new(200, snappy(b"one"))),
        ("/typed", Reply::new(200, snappy(big.as_bytes())).header("content-type", "application/x-snappy")),
    ])
    .await;
    let urls =
        ["/plain?sig=secret", "/one.json.sn?sig=secret", "/typed"].map(|path| storage.url(path).to_string());
    let body = json!({"attestations": [
        {"bundle": null, "bundle_url": urls[0]}, {"bundle_url": urls[1]}, {"bundle": {"in": "list"}, "bundle_url": "x"},
        {"bundle_url": urls[2]},
    ]});
    let api = serve([(LIST, page(&body.to_string()))]).await;
    assert_eq!(ask(&api).await.unwrap(), ["plain", "one", r#"{"in":"list"}"#, &big]);
    assert_eq!(storage.requests().len(), 3);
    assert!(storage.requests().iter().all(|request| !request.headers.contains_key("authorization")));
}

#[tokio::test]
async fn pages() {
    let first = page(r#"{"attestations":[{"bundle":1}]}"#)
        .header("link", r#"</list?after=x>; rel="next", </list?before=y>; rel="prev""#);
    let second = page(r#"{"attestations":[{"bundle":2}]}"#).header("link", r#"</list>; rel="prev""#);
    let server = serve([(LIST, first), ("/list?after=x", second)]).await;
    assert_eq!(ask(&server).await.unwrap(), ["1", "2"]);
    assert_eq!(server.requests()[1].headers["authorization"], format!("Bearer {TOKEN}"));

    // The next page of another host is none of GitHub's.
    let other = serve([]).await;
    let lured = page(r#"{"attestations":[]}"#).header("link", format!(r#"<{}>; rel="next""#, other.url("/")));
    assert_eq!(answer(lured).await.unwrap(), [""; 0]);
    assert_eq!(other.requests().len(), 0);

    let endless =
        Server::start(|_| page(r#"{"attestations":[]}"#).header("link", r#"</more>; rel="next""#)).await;
    let error = ask(&endless).await.unwrap_err();
    assert!(error.to_string().contains("over the limit of 16 pages"), "{error}");
    assert_eq!(endless.requests().len(), MAX_PAGES);
    let many =
        format!(r#"{{"attestations":[{}]}}"#, vec![r#"{"bundle":{}}"#; MAX_ATTESTATIONS + 1].join(","));
    let error = answer(page(&many)).await.unwrap_err();
    assert!(error.to_string().contains("attestations is over the limit of 256"), "{error}");
}

#[tokio::test]
async fn a_renamed_repository() {
    let moved = Reply::new(301, "").header("location", "/repositories/7/attestations");
    let server =
        serve([(LIST, moved), ("/repositories/7/attestations", page(r#"{"attestations":[{"bundle":7}]}"#))])
            .await;
    assert_eq!(ask(&server).await.unwrap(), ["7"]);
    assert_eq!(server.requests()[1].headers["authorization"], format!("Bearer {TOKEN}"));

    let other = serve([("/", page(r#"{"attestations":[]}"#))]).await;
    answer(Reply::new(302, "").header("location", other.url("/"))).await.unwrap();
    assert!(!other.requests()[0].headers.contains_key("authorization"));

    // Nor do its further pages.
    let first = page(r#"{"attestations":[]}"#).header("link", r#"</2>; rel="next""#);
    let other = serve([("/", first), ("/2", page(r#"{"attestations":[]}"#))]).await;
    answer(Reply::new(302, "").header("location", other.url("/"))).await.unwrap();
    let requests = other.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|request| !request.headers.contains_key("authorization")));
}

#[tokio::test]
async fn rate_limits_say_what_to_do() {
    let limited = |status| Reply::new(status, "{}").header("x-ratelimit-remaining", "0");
    let reset = limited(403).header("x-ratelimit-reset", "1764115200");
    let error = answer(reset.clone()).await.unwrap_err().to_string();
    assert!(
        error.contains("limits the rate of requests (until 2025-11-26T00:00:00Z); try again later"),
        "{error}"
    );
    let server = serve([(LIST, reset)]).await;
    let anonymous = resolver(format!("http://{}", server.authority), None);
    let error = anonymous.attestations("octo/app", DIGEST).await.unwrap_err();
    assert!(error.to_string().contains("set a token in GITHUB_TOKEN"), "{error}");
    assert!(!server.requests()[0].headers.contains_key("authorization"));
    assert_eq!(server.requests().len(), 1);
    let error = answer(Reply::new(429, "").header("retry-after", "3600")).await.unwrap_err();
    assert!(error.to_string().contains("(it asks to wait 3600 s)"), "{error}");
}

#[tokio::test]
async fn other_statuses() {
    for (status, words) in [
        (401, "is not valid"),
        (403, "give a token in GITHUB_TOKEN"),
        (500, "try again later"),
        (418, "check GITHUB_API_URL"),
    ] {
        let error = answer(Reply::new(status, "{}")).await.unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(&status.to_string()), "{error}");
        assert!(!error.contains(TOKEN) && !error.contains("per_page"), "{error}");
    }
}

#[tokio::test]
async fn malformed_answers() {
    for (body, words) in [
        ("<html>", "malformed"),
        ("{}", "missing field `attestations`"),
        (r#"{"attestations":[{}]}"#, "neither `bundle` nor `bundle_url`"),
        (r#"{"attestations":[{"bundle_url":"no url"}]}"#, "is no URL"),
        (r#"{"attestations":[{"bundle_url":"ftp://h/x"}]}"#, "is not of HTTPS"),
        (r#"{"attestations":[{"bundle_url":"http://storage.test/x"}]}"#, "is not of HTTPS"),
    ] {
        let error = answer(page(body)).await.unwrap_err().to_string();
        assert!(error.contains(words), "{body}: {error}");
    }
}

#[tokio::test]
async fn bundles_have_a_size_limit() {
    let limit = usize::try_from(MAX_BUNDLE.bytes).unwrap();
    let body = format!(r#"{{"attestations":[{{"bundle":"{}"}}]}}"#, "x".repeat(limit));
    let error = answer(page(&body)).await.unwrap_err();
    assert!(matches!(error, GithubError::LimitExceeded { .. }), "{error}");
    // A length that the compressed bytes announce, and one that they have.
    let bomb = snappy(&vec![0; limit + 1]);
    for (stored, words) in [
        (bomb, "is over the limit of 8388608"),
        (b"\xff\xff\xff\xff\x0f".to_vec(), "is over the limit of 8388608"),
        (b"\x05\x00x".to_vec(), "malformed"),
        (Vec::new(), "malformed"),
        (vec![b'x'; limit + 1], "8388608 bytes, the limit for an attestation bundle"),
    ] {
        let storage = serve([("/b.json.sn", Reply::new(200, stored))]).await;
        let body = json!({"attestations": [{"bundle_url": storage.url("/b.json.sn").as_str()}]}).to_string();
        let error = answer(page(&body)).await.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[tokio::test]
async fn names_that_are_none() {
    let server = serve([]).await;
    let resolver = resolver(format!("http://{}/api/v3/", server.authority), None);
    for repository in [
        "",
        "octo",
        "octo/",
        "/app",
        "octo/app/x",
        "../app",
        "octo/..",
        "octo/.",
        "octo/a b",
        "octo/a%2fb",
        "ö/a",
        "o/a?b",
    ] {
        let error = resolver.attestations(repository, DIGEST).await.unwrap_err();
        assert!(matches!(error, GithubError::Repository { .. }), "{repository}: {error}");
    }
    for digest in ["", "sha256:00", "sha512:00", &DIGEST.to_uppercase(), &format!("{DIGEST}0")] {
        let error = resolver.attestations("octo/app", digest).await.unwrap_err();
        assert!(matches!(error, GithubError::Digest { .. }), "{digest}: {error}");
    }
    assert_eq!(server.requests().len(), 0);
    resolver.attestations("Octo-1_x/a.b-c_d", DIGEST).await.unwrap();
    let expected = format!("/api/v3/repos/Octo-1_x/a.b-c_d/attestations/{DIGEST}?");
    assert!(server.requests()[0].path.starts_with(&expected), "{}", server.requests()[0].path);
}

#[tokio::test]
async fn the_api_is_reached_by_https() {
    for api in ["http://github.example", "ftp://github.example", "github.example", "https://"] {
        let error = resolver(api, Some(TOKEN)).attestations("octo/app", DIGEST).await.unwrap_err();
        assert!(matches!(error, GithubError::Api { .. }), "{api}: {error}");
    }
    let error =
        resolver("https://u:secret@h", Some("a\nb")).attestations("octo/app", DIGEST).await.unwrap_err();
    assert_eq!(error, GithubError::Token);
    let options = GithubOptions { api: String::new(), token: Some(TOKEN.into()) };
    assert!(!format!("{options:?}").contains(TOKEN));
}

#[tokio::test]
async fn the_same_is_asked_once() {
    let server = serve([(LIST, page(r#"{"attestations":[{"bundle":1}]}"#))]).await;
    let resolver = Arc::new(resolver(format!("http://{}", server.authority), None));
    let ask = || {
        let resolver = Arc::clone(&resolver);
        tokio::spawn(async move { resolver.attestations("octo/app", DIGEST).await })
    };
    let (one, two) = tokio::join!(ask(), ask());
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(server.requests().len(), 1);
}
