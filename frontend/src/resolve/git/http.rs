//! Git's smart HTTP over the shared client: gix asks for bytes, we care for redirects, credentials and limits.

use std::cell::RefCell;
use std::io::{self, BufRead, Cursor, Read, Write};
use std::rc::Rc;

use bytes::{Buf, Bytes};
use gix_transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Response, StatusCode};
use tokio::runtime::Handle;
use url::Url;

use super::GitError;
use super::credentials::Sources;
use super::guard::Guard;
use crate::resolve::http::RedirectCheck;
use crate::resolve::transport::{Transport, TransportError, redacted, retry_after};

/// An HTTP remote. Blocks on async requests, so it must not be used on an async thread.
pub(super) struct HttpRemote {
    shared: Rc<Shared>,
    /// Where `info/refs` redirected to.
    redirected: Option<String>,
}

struct Shared {
    guard: Rc<Guard>,
    handle: Handle,
    transport: Transport,
    check: RedirectCheck,
    sources: Sources,
    /// Scheme, host and port that credentials are for.
    origin: url::Origin,
    authorization: RefCell<Option<HeaderValue>>,
}

impl HttpRemote {
    /// `authorization` is sent with each request to the host of `url`, and makes us ask nobody else.
    pub(super) fn new(
        guard: Rc<Guard>,
        handle: Handle,
        transport: Transport,
        check: RedirectCheck,
        url: &Url,
        sources: Sources,
        authorization: Option<HeaderValue>,
    ) -> Self {
        let authorization = RefCell::new(authorization.map(|mut value| {
            value.set_sensitive(true);
            value
        }));
        let origin = url.origin();
        let shared = Rc::new(Shared { guard, handle, transport, check, sources, origin, authorization });
        Self { shared, redirected: None }
    }
}

impl Shared {
    /// Runs a request within the time that is left.
    fn wait<T>(&self, future: impl Future<Output = Result<T, GitError>>) -> io::Result<T> {
        let left = self.guard.time_left()?;
        match self.handle.block_on(async { tokio::time::timeout(left, future).await }) {
            Ok(result) => result.map_err(|error| self.guard.fail(error)),
            Err(_) => Err(self.guard.fail(self.guard.timeout())),
        }
    }

    /// One request, tried again where that is worth it, and again with credentials if it needs them.
    /// Redirects are returned.
    fn send(&self, url: &Url, headers: &HeaderMap, body: Option<&Bytes>) -> io::Result<Response> {
        let mut asked = self.authorization.borrow().is_some() || url.origin() != self.origin;
        loop {
            let response = self.wait(self.transport.retrying(async || {
                let response = self.request(url, headers, body).await?;
                match response.status() {
                    status if status.is_success() || status.is_redirection() => Ok(response),
                    StatusCode::UNAUTHORIZED => Ok(response),
                    status => Err(self.status_error(status, &response)),
                }
            }))?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            let unauthorized =
                |hint| self.guard.fail(GitError::Unauthorized { remote: self.guard.remote.clone(), hint });
            if asked {
                return Err(unauthorized(" and refuses the ones it got, or got none after a redirect"));
            }
            asked = true;
            let challenges: Vec<_> = response.headers().get_all(WWW_AUTHENTICATE).iter().collect();
            let challenges: Vec<_> = challenges
                .into_iter()
                .filter_map(|value| value.to_str().ok().map(ToOwned::to_owned))
                .collect();
            let found = self.sources.find(&self.guard, url, &challenges);
            let account = found.map_err(|error| self.guard.fail(error))?.map_err(unauthorized)?;
            let authorization = account.authorization().ok_or_else(|| unauthorized(""))?;
            *self.authorization.borrow_mut() = Some(authorization);
        }
    }

    async fn request(
        &self,
        url: &Url,
        headers: &HeaderMap,
        body: Option<&Bytes>,
    ) -> Result<Response, GitError> {
        let mut headers = headers.clone();
        // Credentials go to the host that they are for, and nowhere else.
        if let Some(value) = &*self.authorization.borrow()
            && url.origin() == self.origin
        {
            headers.insert(AUTHORIZATION, value.clone());
        }
        Ok(match body {
            None => self.transport.get(url, headers).await?,
            Some(body) => self.transport.post(url, headers, body.clone()).await?,
        })
    }

    fn status_error(&self, status: StatusCode, response: &Response) -> GitError {
        let advice = match status {
            StatusCode::FORBIDDEN => "check that these credentials may read the repository",
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                "check the URL; a private repository may also need credentials"
            }
            StatusCode::TOO_MANY_REQUESTS => "wait a while, or use credentials with a higher rate limit",
            status if status.is_server_error() => "try again later",
            _ => "check the URL",
        };
        GitError::Status {
            remote: self.guard.remote.clone(),
            status: status.as_u16(),
            advice,
            retry_after: retry_after(response),
        }
    }

    /// Follows the redirects of the first request, as git does.
    fn get_following(&self, mut url: Url, headers: &HeaderMap) -> io::Result<(Url, Response)> {
        let fail = |error: GitError| self.guard.fail(error);
        let limit = self.transport.options().max_redirects;
        let first = redacted(&url);
        for _ in 0..=limit {
            let response = self.send(&url, headers, None)?;
            let target =
                self.transport.redirect_target(&url, &response).map_err(|error| fail(error.into()))?;
            let Some(target) = target else {
                if response.status().is_redirection() {
                    return Err(fail(self.status_error(response.status(), &response)));
                }
                return Ok((url, response));
            };
            self.check.ask(&target).map_err(|refused| {
                fail(GitError::RedirectRefused { remote: self.guard.remote.clone(), refused })
            })?;
            url = target;
        }
        Err(fail(TransportError::TooManyRedirects { url: first, limit }.into()))
    }

    fn bad_redirect(&self, target: &Url) -> io::Error {
        self.guard.fail(GitError::BadRedirect { remote: self.guard.remote.clone(), target: redacted(target) })
    }
}

impl Http for HttpRemote {
    type Headers = Headers;
    type ResponseBody = Body;
    type PostBody = PostBody;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix_error::Result<GetResponse<Headers, Body>> {
        let tail = url.strip_prefix(base_url).unwrap_or(url);
        let start = parse_url(url).map_err(gix_error::Error::from_error)?;
        let (effective, response) = self
            .shared
            .get_following(start.clone(), &parse_headers(headers))
            .map_err(gix_error::Error::from_error)?;
        if effective != start {
            let base = effective.as_str().strip_suffix(tail);
            let base =
                base.ok_or_else(|| gix_error::Error::from_error(self.shared.bad_redirect(&effective)))?;
            self.redirected = Some(base.to_owned());
        }
        let headers = Headers::Known(Cursor::new(header_lines(&response)));
        let answer = Answer::Open(Box::new(response));
        let exchange = Rc::new(RefCell::new(Exchange { shared: Rc::clone(&self.shared), answer }));
        Ok(GetResponse { headers, body: Body { exchange, chunk: Bytes::new() } })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix_error::Result<PostResponse<Headers, Body, PostBody>> {
        let url = parse_url(url).map_err(gix_error::Error::from_error)?;
        let answer = Answer::Waiting { url, headers: parse_headers(headers), body: Vec::new() };
        let exchange = Rc::new(RefCell::new(Exchange { shared: Rc::clone(&self.shared), answer }));
        Ok(PostResponse {
            post_body: PostBody(Rc::clone(&exchange)),
            headers: Headers::Later(Rc::clone(&exchange)),
            body: Body { exchange, chunk: Bytes::new() },
        })
    }

    fn configure(&mut self, _config: &dyn std::any::Any) -> gix_error::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.redirected.clone()
    }
}

/// One request and its answer. A POST is sent when the first byte of the answer is asked for.
pub(super) struct Exchange {
    shared: Rc<Shared>,
    answer: Answer,
}

enum Answer {
    Waiting { url: Url, headers: HeaderMap, body: Vec<u8> },
    Open(Box<Response>),
    Ended,
}

impl Exchange {
    /// Sends a waiting request and returns its header lines.
    fn send(&mut self) -> io::Result<Vec<u8>> {
        let Answer::Waiting { url, headers, body } = std::mem::replace(&mut self.answer, Answer::Ended)
        else {
            return Ok(Vec::new());
        };
        let response = self.shared.send(&url, &headers, Some(&body.into()))?;
        if response.status().is_redirection() {
            // Git, too, follows redirects only from `info/refs`.
            let target = self.shared.transport.redirect_target(&url, &response).ok().flatten();
            return Err(self.shared.bad_redirect(&target.unwrap_or(url)));
        }
        let lines = header_lines(&response);
        self.answer = Answer::Open(Box::new(response));
        Ok(lines)
    }

    /// The next piece of the body; empty at its end.
    fn next(&mut self) -> io::Result<Bytes> {
        if matches!(self.answer, Answer::Waiting { .. }) {
            self.send()?;
        }
        let Answer::Open(response) = &mut self.answer else { return Ok(Bytes::new()) };
        let url = response.url().clone();
        let shared = Rc::clone(&self.shared);
        loop {
            let next = shared.wait(async {
                response.chunk().await.map_err(|error| GitError::from(shared.transport.error(&url, error)))
            })?;
            match next {
                // Says nothing about the end (HTTP/2).
                Some(chunk) if chunk.is_empty() => {}
                Some(chunk) => {
                    shared.guard.count(chunk.len())?;
                    return Ok(chunk);
                }
                None => break,
            }
        }
        self.answer = Answer::Ended;
        Ok(Bytes::new())
    }
}

/// Collects what is to be posted.
pub(super) struct PostBody(Rc<RefCell<Exchange>>);

impl Write for PostBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0.borrow_mut().answer {
            Answer::Waiting { body, .. } => {
                body.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            Answer::Open(_) | Answer::Ended => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Header lines of an answer.
pub(super) enum Headers {
    Known(Cursor<Vec<u8>>),
    Later(Rc<RefCell<Exchange>>),
}

impl Headers {
    fn known(&mut self) -> io::Result<&mut Cursor<Vec<u8>>> {
        if let Self::Later(exchange) = self {
            let lines = exchange.borrow_mut().send()?;
            *self = Self::Known(Cursor::new(lines));
        }
        match self {
            Self::Known(lines) => Ok(lines),
            Self::Later(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Read for Headers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.known()?.read(buffer)
    }
}

impl BufRead for Headers {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.known()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Self::Known(lines) = self {
            lines.consume(amount);
        }
    }
}

/// The body of an answer, as it comes in.
pub(super) struct Body {
    exchange: Rc<RefCell<Exchange>>,
    chunk: Bytes,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.chunk.is_empty() {
            self.chunk = self.exchange.borrow_mut().next()?;
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, amount: usize) {
        self.chunk.advance(amount.min(self.chunk.len()));
    }
}

fn parse_url(url: &str) -> io::Result<Url> {
    Url::parse(url).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not a URL"))
}

/// gix gives us `Name: value` lines. Its user agent (`git/…`) stays: some servers look for it.
fn parse_headers(lines: impl IntoIterator<Item = impl AsRef<str>>) -> HeaderMap {
    let parse = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        let value = HeaderValue::from_str(value.trim()).ok()?;
        Some((name, value))
    };
    lines.into_iter().filter_map(|line| parse(line.as_ref())).collect()
}

fn header_lines(response: &Response) -> Vec<u8> {
    let mut lines = Vec::new();
    for (name, value) in response.headers() {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value.as_bytes());
        lines.push(b'\n');
    }
    lines
}
