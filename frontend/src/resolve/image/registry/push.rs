//! The pushing half of the OCI distribution specification 1.1, for what fits in memory.

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::request::{Verb, same_origin, text};
use super::{ACCEPT_ANY, ImageError, RegistryImage};
use crate::resolve::image::auth::Access;

impl RegistryImage<'_> {
    /// Uploads a blob in one piece, unless the repository has it ("Pushing blobs": POST, then PUT).
    pub(in super::super) async fn upload(&self, digest: &str, content: &Bytes) -> Result<(), ImageError> {
        let what = format!("blob {digest}");
        match Box::pin(self.send(Verb::Head, &self.url("blobs", digest)?, &ACCEPT_ANY, &what)).await {
            Ok(_) => return Ok(()),
            Err(ImageError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let start = self.url("blobs", "uploads/")?;
        let response =
            self.write(Method::POST, &start, None, Bytes::new(), StatusCode::ACCEPTED, "upload").await?;
        let mut target = start.join(text(&response, &LOCATION)).map_err(|_| self.malformed_location())?;
        // Where the content goes is the registry's to say, but not in the clear if we came by HTTPS.
        if start.scheme() == "https" && target.scheme() != "https" {
            return Err(self.malformed_location());
        }
        target.query_pairs_mut().append_pair("digest", digest);
        let octets = HeaderValue::from_static("application/octet-stream");
        self.write(Method::PUT, &target, Some(octets), content.clone(), StatusCode::CREATED, &what).await?;
        Ok(())
    }

    /// Uploads the manifest under the image's tag, or its digest.
    pub(in super::super) async fn put_manifest(
        &self,
        media_type: &'static str,
        content: &Bytes,
    ) -> Result<(), ImageError> {
        let url = self.url("manifests", self.id())?;
        let media_type = HeaderValue::from_static(media_type);
        self.write(Method::PUT, &url, Some(media_type), content.clone(), StatusCode::CREATED, "manifest")
            .await?;
        Ok(())
    }

    /// One request with a body; logs in when asked to. Nothing is tried again: that is for who pushes to decide.
    async fn write(
        &self,
        method: Method,
        url: &Url,
        content_type: Option<HeaderValue>,
        body: Bytes,
        wanted: StatusCode,
        what: &str,
    ) -> Result<Response, ImageError> {
        let (transport, authenticator) = (&self.resolver.transport, &self.resolver.authenticator);
        let home = self.url("blobs", "uploads/")?;
        let at_home = same_origin(url, &home);
        let send = |authorization: Option<HeaderValue>| {
            let mut headers = HeaderMap::new();
            if let Some(content_type) = content_type.clone() {
                headers.insert(CONTENT_TYPE, content_type);
            }
            if let Some(authorization) = authorization.filter(|_| at_home) {
                headers.insert(AUTHORIZATION, authorization);
            }
            transport.send(method.clone(), url, headers, body.clone())
        };
        let used = authenticator.current(&self.name).await;
        // One for pulling alone would be refused, by some registries without saying what else they want.
        let may_push = used.as_ref().filter(|used| used.access == Access::Push);
        let response = send(may_push.map(|used| used.header.clone())).await;
        let mut response = response.map_err(|source| self.transport_error(source))?;
        if response.status() == StatusCode::UNAUTHORIZED && at_home {
            let granted = authenticator
                .log_in(transport, &self.name, url, response.headers(), used.as_ref(), Access::Push)
                .await?;
            response = send(Some(granted.header)).await.map_err(|source| self.transport_error(source))?;
        }
        if response.status() == wanted {
            return Ok(response);
        }
        match self.accept_status(response, what) {
            // 200 where something else was due.
            Ok(response) => Err(ImageError::UnexpectedStatus {
                reference: self.reference.clone(),
                url: crate::resolve::transport::redacted(url),
                status: response.status().as_u16(),
            }),
            Err(error) => Err(error),
        }
    }

    fn malformed_location(&self) -> ImageError {
        ImageError::Malformed {
            reference: self.reference.clone(),
            what: "upload".to_owned(),
            detail: "the registry does not say where to upload to".to_owned(),
        }
    }
}
