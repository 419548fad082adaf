//! What the hook looks up itself, with the registry credentials of the build's client.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::builds::{DIGEST, start};
use crate::client::*;
use crate::daemon::*;

/// Asks for the attestations, for which the hook has to know whether the image is an index.
const PROVENANCE: &str = "package docker\n\ndefault allow := false\n\nallow if input.local\n\n\
                          allow if not input.image.hasProvenance\n\ndecision := {\"allow\": allow}\n";

/// `user:secret`, as Basic authentication sends it.
const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

/// A registry with one index, for those who log in. Tells its address, and with what it was asked.
async fn registry() -> (String, Arc<Mutex<Vec<(Method, bool)>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = format!("localhost:{}", listener.local_addr().expect("an address").port());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let record = Arc::clone(&record);
            let answer = service_fn(move |request| {
                let answered = answer(&request, &record);
                async move { Ok::<_, Infallible>(answered) }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), answer));
        }
    });
    (host, asked)
}

fn answer(request: &Request<Incoming>, record: &Mutex<Vec<(Method, bool)>>) -> Response<String> {
    let knows = request.headers().get("authorization").is_some_and(|header| header == BASIC);
    record.lock().expect("no test panics here").push((request.method().clone(), knows));
    let response = Response::builder();
    let response = if knows {
        response
            .header("content-type", "application/vnd.oci.image.index.v1+json")
            .header("docker-content-digest", DIGEST)
    } else {
        response.status(StatusCode::UNAUTHORIZED).header("www-authenticate", "Basic realm=\"private\"")
    };
    response.body(String::new()).expect("a response")
}

/// Builds from an image of `registry`, with what the client knows of logins there.
async fn build(host: &str, logins: &[(&str, &str)], args: &[&str]) -> Outcome {
    let image = format!("{host}/private/app:1");
    let script = Script::default().loads(&[&image]).image(&image, DIGEST, "{}");
    let (_daemon, _hook, client) = start(script, PROVENANCE, args).await;
    let files = [("Dockerfile", "FROM it")];
    let mut exposed = Exposed::default().folder("dockerfile", &files).folder("context", &files);
    for (user, secret) in logins {
        exposed.logins.insert(host.to_owned(), ((*user).to_owned(), (*secret).to_owned()));
    }
    client.build(Build::of(exposed)).await
}

#[tokio::test]
async fn a_clients_login_opens_its_registry_where_that_is_wanted() {
    let (host, asked) = registry().await;
    let outcome = build(&host, &[("user", "secret")], &["--client-credentials"]).await;
    outcome.solve.expect("the registry told that it is an index");
    assert!(asked.lock().expect("no test panics here").contains(&(Method::HEAD, true)));
}

#[tokio::test]
async fn without_the_clients_login_nothing_is_decided() {
    let (host, asked) = registry().await;
    for (logins, args) in [
        // Nobody said that the client's may be used.
        (&[("user", "secret")][..], &[][..]),
        // The client has none, or a wrong one.
        (&[], &["--client-credentials"]),
        (&[("user", "wrong")], &["--client-credentials"]),
    ] {
        let status = build(&host, logins, args).await.solve.expect_err("the registry tells nothing");
        assert!(status.message().contains(&host), "{status:?}");
        assert!(!status.message().contains("wrong"), "{status:?}");
    }
    assert!(asked.lock().expect("no test panics here").iter().all(|(_, knows)| !knows));
}
