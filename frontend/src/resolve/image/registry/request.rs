//! One request to a registry: login, redirects, retries, and what its status means.

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK};
use reqwest::{Response, StatusCode};
use url::Url;

use super::{ImageError, RegistryImage};
use crate::resolve::image::auth::Access;
use crate::resolve::link::next_page;
use crate::resolve::transport::{ByteLimit, TransportError, read_body, redacted, retry_after};

/// What of a document is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verb {
    Get,
    /// Nothing but its headers.
    Head,
}

/// A body with the media type it came with.
pub(super) struct Answer {
    /// Without parameters; empty when there was none.
    pub(super) media_type: String,
    pub(super) bytes: Bytes,
    /// Next page of a list.
    pub(super) next: Option<Url>,
}

impl RegistryImage<'_> {
    /// GET with login, redirects and retries; `what` is for messages.
    pub(super) async fn get(
        &self,
        url: &Url,
        accept: &HeaderValue,
        limit: ByteLimit,
        what: &str,
    ) -> Result<Answer, ImageError> {
        let transport = &self.resolver.transport;
        transport
            .retrying(|| async {
                // On the heap: its state is big, and part of the state of everything that waits for it.
                let response = Box::pin(self.send(Verb::Get, url, accept, what)).await?;
                let media_type = media_type(&response);
                let next = next_page(url, text(&response, &LINK));
                let bytes = read_body(transport, response, limit)
                    .await
                    .map_err(|source| self.transport_error(source))?;
                Ok(Answer { media_type, bytes, next })
            })
            .await
    }

    /// Sends the request, logs in when asked to, follows redirects; returns only a 200.
    pub(super) async fn send(
        &self,
        verb: Verb,
        url: &Url,
        accept: &HeaderValue,
        what: &str,
    ) -> Result<Response, ImageError> {
        let authenticator = &self.resolver.authenticator;
        let used = authenticator.current(&self.name).await;
        let response = self.follow(verb, url, accept, used.as_ref().map(|used| &used.header)).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !same_origin(response.url(), url) {
            return self.accept_status(response, what);
        }
        let transport = &self.resolver.transport;
        let granted = authenticator
            .log_in(transport, &self.name, url, response.headers(), used.as_ref(), Access::Pull)
            .await?;
        let response = self.follow(verb, url, accept, Some(&granted.header)).await?;
        self.accept_status(response, what)
    }

    /// Follows redirects. The authorization goes to the registry itself and nowhere else.
    async fn follow(
        &self,
        verb: Verb,
        start: &Url,
        accept: &HeaderValue,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, ImageError> {
        let transport = &self.resolver.transport;
        let mut url = start.clone();
        let mut trusted = true;
        for _ in 0..=transport.options().max_redirects {
            let mut headers = HeaderMap::from_iter([(ACCEPT, accept.clone())]);
            // Once away, a redirect back does not bring the credentials back.
            trusted = trusted && same_origin(&url, start);
            if let Some(authorization) = authorization
                && trusted
            {
                headers.insert(AUTHORIZATION, authorization.clone());
            }
            let response = match verb {
                Verb::Get => transport.get(&url, headers).await,
                Verb::Head => transport.head(&url, headers).await,
            };
            let response = response.map_err(|source| self.transport_error(source))?;
            match transport.redirect_target(&url, &response) {
                Ok(Some(target)) => url = target,
                Ok(None) => return Ok(response),
                Err(source) => return Err(self.transport_error(source)),
            }
        }
        let limit = transport.options().max_redirects;
        Err(self.transport_error(TransportError::TooManyRedirects { url: redacted(start), limit }))
    }

    pub(super) fn accept_status(&self, response: Response, what: &str) -> Result<Response, ImageError> {
        let reference = self.reference.clone();
        let registry = self.name.registry.clone();
        let url = redacted(response.url());
        let status = response.status();
        match status {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND => Err(ImageError::NotFound { reference, what: what.to_owned() }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let detail = format!("{url} answered {}", status.as_u16());
                Err(ImageError::Unauthorized { reference, registry, detail })
            }
            StatusCode::TOO_MANY_REQUESTS => {
                Err(ImageError::RateLimited { reference, registry, retry_after: retry_after(&response) })
            }
            status if status.is_server_error() => Err(ImageError::Server {
                reference,
                url,
                status: status.as_u16(),
                retry_after: retry_after(&response),
            }),
            status => Err(ImageError::UnexpectedStatus { reference, url, status: status.as_u16() }),
        }
    }

    pub(super) fn transport_error(&self, source: TransportError) -> ImageError {
        ImageError::Transport { reference: self.reference.clone(), source }
    }
}

pub(super) fn text<'r>(response: &'r Response, header: &HeaderName) -> &'r str {
    response.headers().get(header).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `Content-Type` without parameters.
pub(super) fn media_type(response: &Response) -> String {
    let media_type = text(response, &CONTENT_TYPE).split(';').next().unwrap_or_default();
    media_type.trim().to_ascii_lowercase()
}

/// Scheme, host and port.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// What servers send that don't know better.
pub(super) fn is_generic(media_type: &str) -> bool {
    matches!(media_type, "" | "application/json" | "application/octet-stream" | "text/plain")
}
