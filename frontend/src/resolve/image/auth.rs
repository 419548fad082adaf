//! Logging in to a registry: Basic, and bearer tokens from a token server
//! (<https://distribution.github.io/distribution/spec/auth/>).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Deserialize;
use url::Url;

use super::ImageName;
use super::challenge::{Challenge, challenges};
use super::client::TokenRequest;
use super::credentials::{Credential, CredentialOptions, CredentialStore, Secret};
use super::error::ImageError;
use crate::resolve::transport::{ByteLimit, Transport, read_body, redacted, retry_after};

/// The answer of a token server.
const MAX_TOKEN: ByteLimit = ByteLimit { what: "a token", bytes: 1 << 20 };
const CLIENT_ID: &str = "policy-check";

/// What a request wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Pull,
    /// Pulling is included.
    Push,
}

/// What was agreed with a registry for a repository.
#[derive(Debug, Clone)]
pub(super) struct Authorization {
    /// Marked as sensitive.
    pub(super) header: HeaderValue,
    /// What it was asked for.
    pub(super) access: Access,
    /// Counts up; tells an outdated one from a current one.
    generation: u64,
}

type Slot = Arc<tokio::sync::Mutex<Option<Authorization>>>;

/// Remembers authorizations by registry and repository: requests have the scope `pull`, and `push` once something is
/// pushed.
pub(super) struct Authenticator {
    credentials: CredentialStore,
    slots: Mutex<HashMap<(String, String), Slot>>,
}

impl Authenticator {
    pub(super) fn new(options: CredentialOptions) -> Self {
        Self { credentials: CredentialStore::new(options), slots: Mutex::default() }
    }

    /// What worked last, if anything did; waits for a login that is under way.
    pub(super) async fn current(&self, name: &ImageName) -> Option<Authorization> {
        self.slot(name).lock().await.clone()
    }

    /// Answers a 401 for a request that carried `used`. Concurrent requests log in once.
    pub(super) async fn log_in(
        &self,
        transport: &Transport,
        name: &ImageName,
        url: &Url,
        headers: &HeaderMap,
        used: Option<&Authorization>,
        access: Access,
    ) -> Result<Authorization, ImageError> {
        let slot = self.slot(name);
        let mut slot = slot.lock().await;
        let used = used.map_or(0, |used| used.generation);
        if let Some(current) = &*slot
            && current.generation > used
            && (access == Access::Pull || current.access == access)
        {
            return Ok(current.clone());
        }
        let header =
            Login { transport, name, url, access, credentials: &self.credentials }.authorize(headers).await?;
        let generation = used.max(slot.as_ref().map_or(0, |current| current.generation)) + 1;
        let authorization = Authorization { header, access, generation };
        *slot = Some(authorization.clone());
        Ok(authorization)
    }

    fn slot(&self, name: &ImageName) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry((name.registry.clone(), name.repository.clone())).or_default())
    }
}

/// One login.
struct Login<'a> {
    transport: &'a Transport,
    name: &'a ImageName,
    /// What was asked for when the registry wanted a login.
    url: &'a Url,
    access: Access,
    credentials: &'a CredentialStore,
}

impl Login<'_> {
    async fn authorize(&self, headers: &HeaderMap) -> Result<HeaderValue, ImageError> {
        let challenges = challenges(headers);
        let by_scheme = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        let mut credential = self.credentials.get(&self.name.registry).await?;
        if credential.is_none()
            && let Some(client) = self.credentials.client()
        {
            if let Some(challenge) = by_scheme("bearer")
                && let Some(token) = client.token(self.token_request(challenge)?).await
            {
                return self.header(&format!("Bearer {}", token.0));
            }
            credential = client.login(self.host()).await.and_then(client_credential);
        }
        if let Some(challenge) = by_scheme("bearer") {
            if let Some(Credential::Registry(token)) = &credential {
                return self.header(&format!("Bearer {}", token.0));
            }
            let token = self.token(challenge, credential.as_ref()).await?;
            return self.header(&format!("Bearer {token}"));
        }
        match (by_scheme("basic"), credential) {
            (Some(_), Some(Credential::Basic(user, password))) => self.header(&basic(&user, &password.0)),
            (Some(_), Some(_)) => {
                Err(self.denied("it wants a password, and only a token is stored".to_owned()))
            }
            (Some(_), None) => Err(self.denied("no credentials are stored for it".to_owned())),
            (None, _) => Err(self.denied("it offers no login that is known (Bearer, Basic)".to_owned())),
        }
    }

    /// An access token: by GET, with Basic credentials if there are any, or by POST for an identity token.
    async fn token(
        &self,
        challenge: &Challenge,
        credential: Option<&Credential>,
    ) -> Result<String, ImageError> {
        let realm = self.realm(challenge)?;
        let service = challenge.parameters.get("service").map_or("", String::as_str);
        let scope = self.scope(challenge);
        self.transport
            .retrying(|| async {
                let response = match credential {
                    Some(Credential::Identity(token)) => {
                        let form = [
                            ("grant_type", "refresh_token"),
                            ("refresh_token", &token.0),
                            ("service", service),
                            ("scope", &scope),
                            ("client_id", CLIENT_ID),
                        ];
                        self.transport.post_form(&realm, HeaderMap::new(), &form).await
                    }
                    other => {
                        let mut url = realm.clone();
                        let mut headers = HeaderMap::new();
                        if !service.is_empty() {
                            url.query_pairs_mut().append_pair("service", service);
                        }
                        // A scope is a list with blanks between; each goes into a parameter of its own.
                        for scope in scope.split(' ').filter(|scope| !scope.is_empty()) {
                            url.query_pairs_mut().append_pair("scope", scope);
                        }
                        if let Some(Credential::Basic(user, password)) = other {
                            headers.insert(AUTHORIZATION, self.header(&basic(user, &password.0))?);
                        }
                        self.transport.get(&url, headers).await
                    }
                };
                self.read_token(&realm, response.map_err(|source| self.transport_error(source))?, credential)
                    .await
            })
            .await
    }

    fn scope(&self, challenge: &Challenge) -> String {
        let repository = &self.name.repository;
        match (self.access, challenge.parameters.get("scope")) {
            // Some registries (ghcr.io) name `pull` whatever was asked for.
            (Access::Push, _) => format!("repository:{repository}:pull,push"),
            (Access::Pull, Some(scope)) if !scope.is_empty() => scope.clone(),
            (Access::Pull, _) => format!("repository:{repository}:pull"),
        }
    }

    /// The challenge, as a client is told of it. Its token server must be as good as for credentials of ours.
    fn token_request(&self, challenge: &Challenge) -> Result<TokenRequest, ImageError> {
        Ok(TokenRequest {
            host: self.host(),
            realm: self.realm(challenge)?.to_string(),
            service: challenge.parameters.get("service").cloned().unwrap_or_default(),
            scopes: self.scope(challenge).split(' ').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
        })
    }

    /// The registry as it is spoken to.
    fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    async fn read_token(
        &self,
        realm: &Url,
        response: reqwest::Response,
        credential: Option<&Credential>,
    ) -> Result<String, ImageError> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
        }
        let status = response.status();
        match status {
            StatusCode::OK => {}
            StatusCode::TOO_MANY_REQUESTS => {
                return Err(ImageError::RateLimited {
                    reference: self.name.to_string(),
                    registry: self.name.registry.clone(),
                    retry_after: retry_after(&response),
                });
            }
            status if status.is_server_error() => {
                return Err(ImageError::Server {
                    reference: self.name.to_string(),
                    url: redacted(realm),
                    status: status.as_u16(),
                    retry_after: retry_after(&response),
                });
            }
            status if status.is_redirection() => {
                return Err(self.impossible("its token server redirects, where credentials must not follow"));
            }
            status => {
                let with = if credential.is_some() { "the stored credentials" } else { "no credentials" };
                return Err(self.denied(format!("its token server answered {} to {with}", status.as_u16())));
            }
        }
        let body = read_body(self.transport, response, MAX_TOKEN)
            .await
            .map_err(|source| self.transport_error(source))?;
        // Serde's message could quote the token.
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| self.impossible("its token server's answer is not the expected JSON"))?;
        [answer.token, answer.access_token]
            .into_iter()
            .flatten()
            .find(|token| !token.is_empty())
            .ok_or_else(|| self.impossible("its token server's answer holds no token"))
    }

    /// The token server; credentials go there, so it must not be weaker than the registry itself.
    fn realm(&self, challenge: &Challenge) -> Result<Url, ImageError> {
        let realm = challenge.parameters.get("realm").map_or("", String::as_str);
        let realm: Url =
            realm.parse().map_err(|_| self.impossible("its token server's address is not a URL"))?;
        match realm.scheme() {
            "https" => Ok(realm),
            "http" if self.url.scheme() == "http" || self.transport.may_be_plain_http(&realm) => Ok(realm),
            _ => Err(self.impossible("its token server is not reached by HTTPS")),
        }
    }

    fn header(&self, value: &str) -> Result<HeaderValue, ImageError> {
        let mut header = HeaderValue::from_str(value)
            .map_err(|_| self.impossible("the credentials or the token can't be sent in a header"))?;
        header.set_sensitive(true);
        Ok(header)
    }

    fn denied(&self, detail: String) -> ImageError {
        ImageError::Unauthorized {
            reference: self.name.to_string(),
            registry: self.name.registry.clone(),
            detail,
        }
    }

    fn impossible(&self, detail: &str) -> ImageError {
        ImageError::Login {
            reference: self.name.to_string(),
            registry: self.name.registry.clone(),
            detail: detail.to_owned(),
        }
    }

    fn transport_error(&self, source: crate::resolve::transport::TransportError) -> ImageError {
        ImageError::Transport { reference: self.name.to_string(), source }
    }
}

/// BuildKit's clients leave the user's name empty for a refresh token.
fn client_credential((user, secret): (String, String)) -> Option<Credential> {
    let secret = Secret(secret);
    match (user.is_empty(), secret.0.is_empty()) {
        (_, true) => None,
        (true, false) => Some(Credential::Identity(secret)),
        (false, false) => Some(Credential::of_user(user, secret)),
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
