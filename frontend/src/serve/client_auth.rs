//! The registry credentials of a build's client: asked for in its session, where that was opened.

use std::sync::Arc;
use std::time::Duration;

use super::sessions::Sessions;
use crate::buildkit::proto::filesync::v1::auth_client::AuthClient;
use crate::buildkit::proto::filesync::v1::{CredentialsRequest, FetchTokenRequest};
use crate::buildkit::service::{Channel, ORIGIN};
use crate::resolve::image::{BoxFuture, ClientCredentials, ClientToken, TokenRequest};

/// How long a client may take: it may have to ask a person, but a build can't wait for ever.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// By this name clients tell token servers who asks.
const CLIENT_ID: &str = "policy-check";

/// `moby.filesync.v1.Auth` of one session.
pub struct ClientAuth {
    sessions: Arc<Sessions>,
    session: String,
}

impl ClientAuth {
    /// Of the client's session with this id.
    pub fn new(sessions: Arc<Sessions>, session: String) -> Self {
        Self { sessions, session }
    }

    fn client(&self) -> Option<AuthClient<Channel>> {
        let channel = self.sessions.opened(&self.session)?;
        Some(AuthClient::with_origin(channel, http::Uri::from_static(ORIGIN)))
    }
}

/// What a client doesn't know, or doesn't tell in time, it doesn't have: then we ask without.
impl ClientCredentials for ClientAuth {
    fn token(&self, request: TokenRequest) -> BoxFuture<'_, Option<ClientToken>> {
        Box::pin(async move {
            let mut client = self.client()?;
            let request = FetchTokenRequest {
                client_id: CLIENT_ID.to_owned(),
                host: request.host,
                realm: request.realm,
                service: request.service,
                scopes: request.scopes,
            };
            let answer =
                tokio::time::timeout(ANSWERS_WITHIN, client.fetch_token(request)).await.ok()?.ok()?;
            let token = answer.into_inner().token;
            (!token.is_empty()).then_some(ClientToken(token))
        })
    }

    fn login(&self, host: String) -> BoxFuture<'_, Option<(String, String)>> {
        Box::pin(async move {
            let mut client = self.client()?;
            let request = CredentialsRequest { host };
            let answer =
                tokio::time::timeout(ANSWERS_WITHIN, client.credentials(request)).await.ok()?.ok()?;
            let answer = answer.into_inner();
            (!answer.secret.is_empty()).then_some((answer.username, answer.secret))
        })
    }
}
