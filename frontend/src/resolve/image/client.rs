//! Credentials that somebody else has: the client of a build, through its session.

use std::fmt;
use std::pin::Pin;

/// A future on the heap, as a trait object needs it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a client can do about a registry's demand for a login, where our own configuration has nothing for
/// that registry. Nothing that it answers is stored, printed, or sent anywhere but to the registry that it
/// was asked for and that registry's token server.
pub trait ClientCredentials: Send + Sync {
    /// A token for exactly this demand (`moby.filesync.v1.Auth/FetchToken`); `None` when the client has none,
    /// or doesn't know how. Asked first.
    fn token(&self, request: TokenRequest) -> BoxFuture<'_, Option<ClientToken>>;

    /// User name and password for a registry (`moby.filesync.v1.Auth/Credentials`); `None` when the client
    /// has none. With an empty user name or `<token>`, the password is an OAuth2 refresh token.
    fn login(&self, host: String) -> BoxFuture<'_, Option<(String, String)>>;
}

/// What a registry wants a token for: a `Bearer` challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The registry, as it is spoken to: `registry-1.docker.io`, `ghcr.io`, `localhost:5000`.
    pub host: String,
    /// Its token server: a URL.
    pub realm: String,
    /// The registry's name for itself there; may be empty.
    pub service: String,
    /// E.g. `repository:library/alpine:pull`.
    pub scopes: Vec<String>,
}

/// A bearer token of a client.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientToken(pub String);

impl fmt::Debug for ClientToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
