#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::resolve::testing::{Reply, Server, fast_options, impatient_options};

const LIMIT: ByteLimit = ByteLimit { what: "a test", bytes: 10 };

fn transport() -> Transport {
    Transport::new(fast_options()).unwrap()
}

async fn body(transport: &Transport, url: &Url) -> Result<String, TransportError> {
    let response = transport.get(url, HeaderMap::new()).await?;
    let body = read_body(transport, response, LIMIT).await?;
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn reads_a_body_up_to_the_limit() {
    let server = Server::start(|request| match request.path.as_str() {
        "/fits" => Reply::new(200, "0123456789"),
        "/announced" => Reply::new(200, "0123456789a"),
        _ => Reply::Endless { headers: Vec::new() },
    })
    .await;
    let transport = transport();
    assert_eq!(body(&transport, &server.url("/fits")).await.unwrap(), "0123456789");
    for path in ["/announced", "/endless"] {
        let error = body(&transport, &server.url(path)).await.unwrap_err();
        assert!(matches!(error, TransportError::LimitExceeded { bytes: 10, .. }), "{error}");
        assert!(error.to_string().contains("10 bytes, the limit for a test"), "{error}");
    }
}

#[tokio::test]
async fn broken_answers_are_interrupted() {
    let server = Server::start(|request| match request.path.as_str() {
        "/close" => Reply::Close,
        _ => Reply::Truncated { headers: Vec::new(), body: b"01".to_vec(), missing: 1 },
    })
    .await;
    for path in ["/close", "/truncated"] {
        let error = body(&transport(), &server.url(path)).await.unwrap_err();
        assert!(matches!(error, TransportError::Interrupted { .. }), "{error}");
        assert_eq!(error.retry(), Retry::Backoff);
    }
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let server = Server::start(|request| match request.path.as_str() {
        "/silence" => Reply::Silence,
        _ => Reply::HeadersOnly { headers: Vec::new() },
    })
    .await;
    let transport = Transport::new(impatient_options()).unwrap();
    for path in ["/silence", "/headers"] {
        let error = body(&transport, &server.url(path)).await.unwrap_err();
        assert!(matches!(error, TransportError::Timeout { .. }), "{error}");
    }
}

#[tokio::test]
async fn no_server_is_no_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url =
        format!("http://user:secret@{}/x?token=secret", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = body(&transport(), &url).await.unwrap_err();
    assert!(matches!(error, TransportError::Connect { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn tls_with_a_plain_server_says_so() {
    let server = Server::start(|_| Reply::new(200, "x")).await;
    let url = format!("https://{}/", server.authority).parse().unwrap();
    let error = body(&transport(), &url).await.unwrap_err();
    assert!(matches!(error, TransportError::NotTls { .. }), "{error:?}");
}

#[tokio::test]
async fn redirects_are_left_to_the_caller() {
    let server = Server::start(|request| {
        let reply = Reply::new(307, "");
        match request.path.as_str() {
            "/relative" => reply.header("location", "/there?x=1"),
            "/file" => reply.header("location", "file:///etc/passwd"),
            "/none" => reply,
            _ => Reply::new(200, ""),
        }
    })
    .await;
    let transport = transport();
    let target = async |path: &str| {
        let url = server.url(path);
        let response = transport.get(&url, HeaderMap::new()).await.unwrap();
        transport.redirect_target(&url, &response)
    };
    assert_eq!(target("/relative").await.unwrap(), Some(server.url("/there?x=1")));
    assert_eq!(target("/").await.unwrap(), None);
    for path in ["/file", "/none"] {
        assert!(matches!(target(path).await, Err(TransportError::BadRedirect { .. })), "{path}");
    }
    assert_eq!(server.count("/there?x=1"), 0);
}

#[tokio::test]
async fn a_step_down_to_plain_http_is_refused() {
    let server =
        Server::start(|_| Reply::new(302, "").header("location", "http://plain.example:5000/blob")).await;
    let options = TransportOptions { plain_http: vec!["plain.example:5000".into()], ..fast_options() };
    let from = "https://registry.example/".parse().unwrap();
    for (transport, followed) in [(transport(), false), (Transport::new(options).unwrap(), true)] {
        let response = transport.get(&server.url("/"), HeaderMap::new()).await.unwrap();
        assert_eq!(transport.redirect_target(&from, &response).is_ok(), followed);
    }
}

#[tokio::test]
async fn retries_until_it_works_or_the_attempts_are_used_up() {
    let failure = TransportError::Interrupted { url: String::new(), detail: String::new() };
    let tries = AtomicUsize::new(0);
    let attempt = || async {
        match tries.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Err(failure.clone()),
            _ => Ok(()),
        }
    };
    assert_eq!(transport().retrying(attempt).await, Ok(()));
    assert_eq!(tries.load(Ordering::Relaxed), 3);

    let tries = AtomicUsize::new(0);
    let attempt = || async {
        tries.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>(failure.clone())
    };
    assert_eq!(transport().retrying(attempt).await, Err(failure.clone()));
    assert_eq!(tries.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_server_that_asks_for_too_much_patience_is_not_asked_again() {
    #[derive(Debug)]
    struct Busy;
    impl Retryable for Busy {
        fn retry(&self) -> Retry {
            Retry::After(Duration::from_hours(1))
        }
    }
    let tries = AtomicUsize::new(0);
    let attempt = || async {
        tries.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>(Busy)
    };
    transport().retrying(attempt).await.unwrap_err();
    assert_eq!(tries.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn retry_after_is_seconds_or_a_date() {
    let server = Server::start(|request| {
        let value = match request.path.as_str() {
            "/seconds" => "7",
            "/past" => "Wed, 21 Oct 2015 07:28:00 GMT",
            _ => "soon",
        };
        Reply::new(429, "").header("retry-after", value)
    })
    .await;
    let transport = transport();
    let value =
        async |path: &str| retry_after(&transport.get(&server.url(path), HeaderMap::new()).await.unwrap());
    assert_eq!(value("/seconds").await, Some(Duration::from_secs(7)));
    assert_eq!(value("/past").await, Some(Duration::ZERO));
    assert_eq!(value("/garbage").await, None);
}

#[test]
fn plain_http_is_for_loopback_and_named_hosts() {
    let options = TransportOptions {
        plain_http: vec!["plain.example".into(), "other.example:5000".into()],
        ..TransportOptions::default()
    };
    let transport = Transport::new(options).unwrap();
    for (authority, scheme) in [
        ("localhost:5000", "http"),
        ("127.1.2.3", "http"),
        ("[::1]:5000", "http"),
        ("plain.example:80", "http"),
        ("Plain.example:5000", "http"),
        ("other.example:5000", "http"),
        ("other.example", "https"),
        ("localhost.example", "https"),
        ("128.0.0.1", "https"),
        ("docker.io", "https"),
    ] {
        assert_eq!(transport.scheme_for(authority), scheme, "{authority}");
    }
}

#[test]
fn a_bad_ca_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    for content in [None, Some(""), Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let options = TransportOptions { extra_ca: vec![path.clone()], ..TransportOptions::default() };
        let error = Transport::new(options).unwrap_err();
        assert!(matches!(error, TransportError::CaFile { .. }), "{error}");
        assert!(error.to_string().contains("ca.pem"), "{error}");
    }
}

#[tokio::test]
async fn forms_are_posted() {
    let server = Server::start(|_| Reply::new(200, "")).await;
    let headers = HeaderMap::from_iter([(reqwest::header::ACCEPT, "a/b".parse().unwrap())]);
    transport().post_form(&server.url("/form"), headers, &[("a", "b c"), ("d", "&")]).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].method, "POST");
    assert_eq!(requests[0].body, "a=b+c&d=%26");
    assert_eq!(requests[0].headers["accept"], "a/b");
    assert!(requests[0].headers["user-agent"].starts_with("policy-check/"));
}
