//! Logging in, and what must not be sent where.

use tempfile::TempDir;

use super::world::*;
use crate::resolve::image::{Artifact, CredentialOptions, ImageError, ImageResolver, Layer};
use crate::resolve::testing::{Reply, Request, Server, fast_options};
use crate::resolve::transport::{Transport, TransportError};

const BASIC: &str = "Basic dXNlcjpwYXNz";

/// A resolver with one credential for `server`.
fn logged_in(server: &Server, entry: &str) -> (ImageResolver, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let config = format!(r#"{{"auths": {{"{}": {entry}}}}}"#, server.authority);
    std::fs::write(directory.path().join("config.json"), config).unwrap();
    let options = CredentialOptions {
        docker_config: Some(directory.path().to_owned()),
        ..CredentialOptions::default()
    };
    (ImageResolver::new(Transport::new(fast_options()).unwrap(), options), directory)
}

const PASSWORD: &str = r#"{"auth": "dXNlcjpwYXNz"}"#;

fn authorization(request: &Request) -> &str {
    request.headers.get("authorization").map_or("", String::as_str)
}

/// Wants `Bearer good`; its token server at `/token` gives that to whoever `may` have it.
async fn bearer_registry(may: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Server {
    let (world, _) = World::attested();
    Server::start(move |request| {
        if request.path.starts_with("/token") {
            return if may(request) {
                Reply::new(200, r#"{"token":"good","expires_in":60}"#)
            } else {
                Reply::new(401, "")
            };
        }
        if authorization(request) == "Bearer good" {
            return world.reply(&request.path);
        }
        let host = &request.headers["host"];
        Reply::new(401, "").header(
            "www-authenticate",
            format!(r#"Bearer realm="http://{host}/token",service="reg",scope="repository:team/app:pull""#),
        )
    })
    .await
}

#[tokio::test]
async fn anonymous_bearer_token_is_fetched_once() {
    let server = bearer_registry(|request| authorization(request).is_empty()).await;
    let resolver = resolver();
    let (name, platform, wanted) = (name(&server, "1"), amd64(), provenance());
    let ask = || resolver.resolve(&name, Some(&platform), &wanted);
    let (one, two) = tokio::join!(ask(), ask());
    assert_eq!(one.unwrap(), two.unwrap());
    let token = "/token?service=reg&scope=repository%3Ateam%2Fapp%3Apull";
    assert_eq!(server.count(token), 1);
    // One 401, and from then on the token goes along.
    let unauthorized = server.requests().iter().filter(|request| authorization(request).is_empty()).count();
    assert_eq!(unauthorized, 2);
}

#[tokio::test]
async fn bearer_token_for_a_password() {
    let server = bearer_registry(|request| authorization(request) == BASIC).await;
    let error = ask(&server, &only_digest()).await.unwrap_err();
    assert!(matches!(error, ImageError::Unauthorized { .. }), "{error}");
    assert!(error.to_string().contains("401 to no credentials"), "{error}");
    let (resolver, _directory) = logged_in(&server, PASSWORD);
    resolver.resolve(&name(&server, "1"), Some(&amd64()), &config()).await.unwrap();
    // The password is for the token server alone.
    let with_password: Vec<_> =
        server.requests().into_iter().filter(|request| authorization(request) == BASIC).collect();
    assert!(with_password.iter().all(|request| request.path.starts_with("/token")));
}

#[tokio::test]
async fn identity_tokens_are_posted() {
    let server = bearer_registry(|request| request.method == "POST").await;
    let (resolver, _directory) = logged_in(&server, r#"{"identitytoken": "refresh me"}"#);
    resolver.resolve(&name(&server, "1"), Some(&amd64()), &only_digest()).await.unwrap();
    let requests = server.requests();
    let post = requests.iter().find(|request| request.method == "POST").unwrap();
    assert_eq!(
        post.body,
        "grant_type=refresh_token&refresh_token=refresh+me&service=reg&scope=repository%3Ateam%2Fapp%3Apull\
         &client_id=policy-check"
    );
}

#[tokio::test]
async fn registry_tokens_are_sent_as_they_are() {
    let server = bearer_registry(|_| false).await;
    let (resolver, _directory) = logged_in(&server, r#"{"registrytoken": "good"}"#);
    resolver.resolve(&name(&server, "1"), Some(&amd64()), &only_digest()).await.unwrap();
}

#[tokio::test]
async fn an_expired_token_is_renewed() {
    let (world, _) = World::attested();
    let tokens = std::sync::atomic::AtomicUsize::new(0);
    // Each token is good for the next path only.
    let server = Server::start(move |request| {
        if request.path.starts_with("/token") {
            let number = tokens.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return Reply::new(200, format!(r#"{{"access_token":"t{number}"}}"#));
        }
        let wanted = if request.path.ends_with("/1") { "Bearer t0" } else { "Bearer t1" };
        if authorization(request) == wanted {
            return world.reply(&request.path);
        }
        let host = &request.headers["host"];
        Reply::new(401, "").header("www-authenticate", format!("Bearer realm=\"http://{host}/token\""))
    })
    .await;
    ask(&server, &config()).await.unwrap();
    let tokens = server.requests().iter().filter(|request| request.path.starts_with("/token")).count();
    assert_eq!(tokens, 2);
}

#[tokio::test]
async fn basic() {
    let (world, _) = World::attested();
    let server = Server::start(move |request| match authorization(request) {
        BASIC => world.reply(&request.path),
        _ => Reply::new(401, "").header("www-authenticate", "Basic realm=\"x\""),
    })
    .await;
    let error = ask(&server, &only_digest()).await.unwrap_err();
    assert!(error.to_string().contains("no credentials are stored"), "{error}");
    let (resolver, _directory) = logged_in(&server, PASSWORD);
    resolver.resolve(&name(&server, "1"), Some(&amd64()), &config()).await.unwrap();
    let (resolver, _directory) = logged_in(&server, r#"{"username": "user", "password": "secret"}"#);
    let error = resolver.resolve(&name(&server, "1"), Some(&amd64()), &config()).await.unwrap_err();
    assert!(matches!(error, ImageError::Unauthorized { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn demands_that_cannot_be_met() {
    for challenge in ["Negotiate", "Bearer", "Bearer realm=\"nonsense\"", "Bearer realm=\"ftp://x/\""] {
        let server = Server::start(move |_| Reply::new(401, "").header("www-authenticate", challenge)).await;
        let (resolver, _directory) = logged_in(&server, PASSWORD);
        let error = resolver.resolve(&name(&server, "1"), Some(&amd64()), &only_digest()).await.unwrap_err();
        assert!(matches!(error, ImageError::Unauthorized { .. } | ImageError::Login { .. }), "{error}");
    }
}

#[tokio::test]
async fn token_servers_that_misbehave() {
    for (reply, expected) in [
        (Reply::new(200, "garbage good"), "Login"),
        (Reply::new(200, "{}"), "Login"),
        (Reply::new(200, r#"{"token":""}"#), "Login"),
        (Reply::new(302, "").header("location", "http://127.0.0.1:1/"), "Login"),
        (Reply::new(429, ""), "RateLimited"),
        (Reply::new(503, ""), "Server"),
        (Reply::new(403, ""), "Unauthorized"),
        (Reply::Endless { headers: Vec::new() }, "Transport"),
    ] {
        let server = Server::start(move |request| {
            if request.path.starts_with("/token") {
                return reply.clone();
            }
            let host = &request.headers["host"];
            Reply::new(401, "").header("www-authenticate", format!("Bearer realm=\"http://{host}/token\""))
        })
        .await;
        let (resolver, _directory) = logged_in(&server, PASSWORD);
        let error = resolver.resolve(&name(&server, "1"), Some(&amd64()), &only_digest()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    }
}

#[tokio::test]
async fn authorization_does_not_follow_a_redirect() {
    let (world, [_, image, _]) = World::attested();
    let storage_world = world.clone();
    let storage = Server::start(move |request| storage_world.reply(&request.path)).await;
    let target = storage.authority.clone();
    let registry = Server::start(move |request| match authorization(request) {
        // Manifests here, blobs elsewhere, as with registries that store in a bucket.
        BASIC if request.path.contains("/blobs/") => {
            Reply::new(307, "").header("location", format!("http://{target}{}", request.path))
        }
        BASIC => world.reply(&request.path),
        _ => Reply::new(401, "").header("www-authenticate", "Basic"),
    })
    .await;
    let (resolver, _directory) = logged_in(&registry, PASSWORD);
    let metadata = resolver.resolve(&name(&registry, "1"), Some(&amd64()), &config()).await.unwrap();
    assert!(metadata.config.is_some());
    assert_eq!(registry.count(&path("manifests", digest(&image))), 1);
    let stored = storage.requests();
    assert_eq!(stored.len(), 1);
    assert_eq!(authorization(&stored[0]), "");
}

#[tokio::test]
async fn a_login_demand_of_a_redirect_target_is_not_answered() {
    let thief = Server::start(|_| Reply::new(401, "").header("www-authenticate", "Basic")).await;
    let target = thief.authority.clone();
    let registry =
        Server::start(move |_| Reply::new(302, "").header("location", format!("http://{target}/"))).await;
    let (resolver, _directory) = logged_in(&registry, PASSWORD);
    let error = resolver.resolve(&name(&registry, "1"), Some(&amd64()), &only_digest()).await.unwrap_err();
    assert!(matches!(error, ImageError::Unauthorized { .. }), "{error}");
    assert!(thief.requests().iter().all(|request| authorization(request).is_empty()));
}

#[tokio::test]
async fn authorization_does_not_come_back_either() {
    let (there, back) =
        (std::sync::OnceLock::new(), std::sync::Arc::new(std::sync::OnceLock::<String>::new()));
    let home = std::sync::Arc::clone(&back);
    let relay = Server::start(move |_| {
        let home = home.get().cloned().unwrap_or_default();
        Reply::new(302, "").header("location", format!("http://{home}/open"))
    })
    .await;
    there.set(relay.authority.clone()).unwrap();
    let registry = Server::start(move |request| match (request.path.as_str(), authorization(request)) {
        ("/open", _) => Reply::new(404, ""),
        (_, BASIC) => {
            let there = there.get().cloned().unwrap_or_default();
            Reply::new(302, "").header("location", format!("http://{there}/"))
        }
        _ => Reply::new(401, "").header("www-authenticate", "Basic"),
    })
    .await;
    back.set(registry.authority.clone()).unwrap();
    let (resolver, _directory) = logged_in(&registry, PASSWORD);
    let error = resolver.resolve(&name(&registry, "1"), Some(&amd64()), &only_digest()).await.unwrap_err();
    assert!(matches!(error, ImageError::NotFound { .. }), "{error}");
    let requests = registry.requests();
    let open = requests.iter().find(|request| request.path == "/open").unwrap();
    assert_eq!(authorization(open), "");
}

#[tokio::test]
async fn no_server_at_all() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    drop(listener);
    let name = crate::resolve::image::ImageName::new(authority, "team/app", None, None).unwrap();
    let error = resolver().resolve(&name, None, &only_digest()).await.unwrap_err();
    let is_connect = matches!(&error, ImageError::Transport { source: TransportError::Connect { .. }, .. });
    assert!(is_connect, "{error}");
}

/// Gives `Bearer pull` to anybody and `Bearer push` for the password and the scope `pull,push`. `says` is the scope that
/// its challenges name when something is to be pushed.
async fn pushable_registry(says: &'static str) -> Server {
    let blobs = std::sync::Mutex::new(std::collections::BTreeSet::new());
    Server::start(move |request| {
        let path = request.path.as_str();
        if let Some(query) = path.strip_prefix("/token") {
            return match (query.ends_with("Apull%2Cpush"), authorization(request)) {
                (true, BASIC) => Reply::new(200, r#"{"token":"push"}"#),
                (true, _) => Reply::new(401, ""),
                (false, _) => Reply::new(200, r#"{"token":"pull"}"#),
            };
        }
        let writes = request.method != "HEAD";
        let scope = if writes { says } else { "repository:team/app:pull" };
        match authorization(request) {
            "Bearer push" => {}
            "Bearer pull" if !writes => {}
            // As a registry that doesn't tell what else it wants.
            "Bearer pull" => return Reply::new(403, ""),
            _ => {
                let host = &request.headers["host"];
                let challenge =
                    format!(r#"Bearer realm="http://{host}/token",service="reg",scope="{scope}""#);
                return Reply::new(401, "").header("www-authenticate", challenge);
            }
        }
        let mut blobs = blobs.lock().unwrap();
        match (request.method.as_str(), path.split_once("digest=")) {
            ("HEAD", _) => Reply::new(if blobs.contains(path) { 200 } else { 404 }, ""),
            ("POST", _) => Reply::new(202, "").header("location", "/v2/team/app/blobs/uploads/1?state=a"),
            ("PUT", Some((_, digest))) => {
                blobs.insert(format!("/v2/team/app/blobs/{}", digest.replace("%3A", ":")));
                Reply::new(201, "")
            }
            _ => Reply::new(201, ""),
        }
    })
    .await
}

fn artifact() -> Artifact {
    let layer = |title: &str, text: &'static str| Layer {
        media_type: "text/plain".to_owned(),
        title: Some(title.to_owned()),
        content: bytes::Bytes::from_static(text.as_bytes()),
    };
    Artifact {
        config: Layer { title: None, ..layer("", "{}") },
        layers: vec![layer("a", "a"), layer("b", "b")],
    }
}

#[tokio::test]
async fn pushing_wants_a_token_for_it() {
    for says in ["repository:team/app:pull,push", "repository:team/app:pull", ""] {
        let server = pushable_registry(says).await;
        let (resolver, _directory) = logged_in(&server, PASSWORD);
        let pushed = resolver.push(&name(&server, "1"), &artifact()).await;
        assert!(pushed.unwrap_or_else(|error| panic!("{says}: {error}")).starts_with("sha256:"));
        let requests = server.requests();
        let tokens: Vec<_> =
            requests.iter().filter(|it| it.path.starts_with("/token")).map(|it| &*it.path).collect();
        let token = |actions: &str| format!("/token?service=reg&scope=repository%3Ateam%2Fapp%3A{actions}");
        assert_eq!(tokens, [token("pull"), token("pull%2Cpush")], "{says}");
        // The password is for the token server alone.
        let with_password = requests.iter().filter(|it| authorization(it) == BASIC);
        assert!(
            with_password.clone().count() == 2
                && with_password.clone().all(|it| it.path.starts_with("/token"))
        );
        assert!(requests.iter().all(|it| it.method == "HEAD" || authorization(it) != "Bearer pull"));
    }
}

#[tokio::test]
async fn who_may_not_push_is_told_without_credentials() {
    let server = pushable_registry("repository:team/app:pull,push").await;
    let (resolver, _directory) = logged_in(&server, r#"{"auth": "d3Jvbmc6czNjcmV0"}"#);
    let error = resolver.push(&name(&server, "1"), &artifact()).await.unwrap_err();
    assert!(matches!(error, ImageError::Unauthorized { .. }), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(
        ["s3cret", "d3Jvbmc6", "Bearer", "Basic"].iter().all(|secret| !shown.contains(secret)),
        "{shown}"
    );
    assert!(server.requests().iter().all(|it| it.method != "PUT"));
}
