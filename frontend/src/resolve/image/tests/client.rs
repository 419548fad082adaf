//! Credentials of the client of a build.

use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::world::*;
use crate::resolve::image::{
    BoxFuture, ClientCredentials, ClientToken, CredentialOptions, ImageError, ImageResolver, TokenRequest,
};
use crate::resolve::testing::{Reply, Server, fast_options};
use crate::resolve::transport::Transport;

const BASIC: &str = "Basic dXNlcjpwYXNz";

/// A client with a token, a login, both or nothing; remembers what it was asked.
#[derive(Default)]
struct Client {
    token: Option<&'static str>,
    login: Option<(&'static str, &'static str)>,
    asked: Mutex<Vec<String>>,
}

impl ClientCredentials for Client {
    fn token(&self, request: TokenRequest) -> BoxFuture<'_, Option<ClientToken>> {
        let TokenRequest { host, realm, service, scopes } = request;
        self.asked.lock().unwrap().push(format!("token {host} {realm} {service} {}", scopes.join(",")));
        Box::pin(async { self.token.map(|token| ClientToken(token.into())) })
    }

    fn login(&self, host: String) -> BoxFuture<'_, Option<(String, String)>> {
        self.asked.lock().unwrap().push(format!("login {host}"));
        Box::pin(async { self.login.map(|(user, secret)| (user.into(), secret.into())) })
    }
}

fn resolver_of(client: &Arc<Client>, config: &str) -> (ImageResolver, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("config.json"), config).unwrap();
    let options = CredentialOptions {
        docker_config: Some(directory.path().to_owned()),
        client: Some(Arc::clone(client) as Arc<dyn ClientCredentials>),
        ..CredentialOptions::default()
    };
    assert!(!format!("{options:?}").contains("good"));
    (ImageResolver::new(Transport::new(fast_options()).unwrap(), options), directory)
}

/// Lets in who has `Bearer good`, and hands that out for a password or a refresh token.
async fn bearer_registry() -> Server {
    let (world, _) = World::attested();
    Server::start(move |request| {
        let authorization = request.headers.get("authorization").map_or("", String::as_str);
        if request.path.starts_with("/token") {
            let refreshes = request.method == "POST" && request.body.contains("refresh_token=refresh");
            return match authorization {
                BASIC => Reply::new(200, r#"{"token":"good"}"#),
                _ if refreshes => Reply::new(200, r#"{"token":"good"}"#),
                _ => Reply::new(401, ""),
            };
        }
        if authorization == "Bearer good" {
            return world.reply(&request.path);
        }
        let host = &request.headers["host"];
        Reply::new(401, "").header(
            "www-authenticate",
            format!(
                r#"Bearer realm="http://{host}/token",service="reg",scope="repository:team/app:pull a:b:c""#
            ),
        )
    })
    .await
}

async fn resolve(client: &Arc<Client>, server: &Server, config: &str) -> Result<(), ImageError> {
    let (resolver, _directory) = resolver_of(client, config);
    resolver.resolve(&name(server, "1"), Some(&amd64()), &only_digest()).await.map(|_| ())
}

#[tokio::test]
async fn a_token_first_then_a_login() {
    let server = bearer_registry().await;
    let host = &server.authority;
    let token = format!("token {host} http://{host}/token reg repository:team/app:pull,a:b:c");
    let login = format!("login {host}");

    let client = Arc::new(Client { token: Some("good"), ..Client::default() });
    resolve(&client, &server, "{}").await.unwrap();
    assert_eq!(*client.asked.lock().unwrap(), std::slice::from_ref(&token));
    assert!(!server.requests().iter().any(|request| request.path.starts_with("/token")));

    for login_of in [("user", "pass"), ("", "refresh"), ("<token>", "refresh")] {
        let client = Arc::new(Client { login: Some(login_of), ..Client::default() });
        resolve(&client, &server, "{}").await.unwrap();
        assert_eq!(*client.asked.lock().unwrap(), [token.clone(), login.clone()]);
    }

    let nothing = Arc::new(Client::default());
    let error = resolve(&nothing, &server, "{}").await.unwrap_err();
    assert!(matches!(error, ImageError::Unauthorized { .. }), "{error}");
    let wrong = Arc::new(Client { token: Some("s3cret"), ..Client::default() });
    let error = resolve(&wrong, &server, "{}").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn our_own_configuration_goes_first() {
    let server = bearer_registry().await;
    let client = Arc::new(Client { token: Some("bad"), ..Client::default() });
    let config = format!(r#"{{"auths": {{"{}": {{"auth": "dXNlcjpwYXNz"}}}}}}"#, server.authority);
    resolve(&client, &server, &config).await.unwrap();
    assert_eq!(*client.asked.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_login_for_basic() {
    let (world, _) = World::attested();
    let server = Server::start(move |request| {
        if request.headers.get("authorization").is_some_and(|it| it == BASIC) {
            return world.reply(&request.path);
        }
        Reply::new(401, "").header("www-authenticate", "Basic realm=\"x\"")
    })
    .await;
    let client = Arc::new(Client { token: Some("bad"), login: Some(("user", "pass")), ..Client::default() });
    resolve(&client, &server, "{}").await.unwrap();
    assert_eq!(*client.asked.lock().unwrap(), [format!("login {}", server.authority)]);
}

#[tokio::test]
async fn nothing_is_asked_for_a_token_server_that_is_no_good() {
    let server = Server::start(|_| {
        Reply::new(401, "").header("www-authenticate", "Bearer realm=\"ftp://evil.example/\"")
    })
    .await;
    let client = Arc::new(Client { token: Some("good"), login: Some(("user", "pass")), ..Client::default() });
    let error = resolve(&client, &server, "{}").await.unwrap_err();
    assert!(matches!(error, ImageError::Login { .. }), "{error}");
    assert_eq!(*client.asked.lock().unwrap(), [""; 0]);
}
