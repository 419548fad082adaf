//! An HTTP server for tests that behaves as badly as it is told to.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::transport::{RetryOptions, TransportOptions};

/// A request as the server saw it; header names in lower case.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A proper answer.
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// An answer that ends after `body`, `missing` bytes before its announced end.
    Truncated { headers: Vec<(String, String)>, body: Vec<u8>, missing: usize },
    /// An answer that never ends, chunked.
    Endless { headers: Vec<(String, String)> },
    /// Nothing at all, with the connection kept open.
    Silence,
    /// Headers, and then nothing.
    HeadersOnly { headers: Vec<(String, String)> },
    /// The connection is closed at once.
    Close,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        match &mut self {
            Self::Answer { headers, .. }
            | Self::Truncated { headers, .. }
            | Self::Endless { headers }
            | Self::HeadersOnly { headers } => headers.push((name.to_owned(), value.into())),
            Self::Silence | Self::Close => {}
        }
        self
    }
}

/// A server on a loopback port of its own; it ends with the test's runtime.
pub(crate) struct Server {
    /// `127.0.0.1:port`.
    pub(crate) authority: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) async fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (handler, log) = (Arc::new(handler), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, log) = (Arc::clone(&handler), Arc::clone(&log));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    while let Some(request) = read_request(&mut stream).await {
                        log.lock().unwrap().push(request.clone());
                        let only_head = request.method == "HEAD";
                        if !write_reply(stream.get_mut(), handler(&request), only_head).await {
                            return;
                        }
                    }
                    // As real servers do when they are spoken to in another protocol.
                    write_reply(stream.get_mut(), Reply::new(400, ""), false).await;
                });
            }
        });
        Self { authority, requests }
    }

    pub(crate) fn url(&self, path: &str) -> url::Url {
        format!("http://{}{path}", self.authority).parse().unwrap()
    }

    /// Everything it was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// How often `path` was asked for.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.requests().iter().filter(|request| request.path == path).count()
    }
}

/// Retries without waiting.
pub(crate) fn fast_options() -> TransportOptions {
    TransportOptions {
        retry: RetryOptions { attempts: 3, backoff: Duration::from_millis(1), ..RetryOptions::default() },
        ..TransportOptions::default()
    }
}

/// Timeouts short enough for a test that runs into them.
pub(crate) fn impatient_options() -> TransportOptions {
    TransportOptions { idle_timeout: Duration::from_millis(100), ..fast_options() }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { method, path, headers, body: String::from_utf8(body).unwrap() })
}

/// Whether the connection can take another request.
async fn write_reply(stream: &mut TcpStream, reply: Reply, only_head: bool) -> bool {
    let (status, mut headers, body, length, keep) = match reply {
        Reply::Answer { status, headers, body } => {
            let length = body.len();
            (status, headers, body, length, true)
        }
        Reply::Truncated { headers, body, missing } => {
            let length = body.len() + missing;
            (200, headers, body, length, false)
        }
        Reply::Endless { headers } => {
            let head = head(200, &headers) + "transfer-encoding: chunked\r\n\r\n";
            let chunk = format!("{:x}\r\n{}\r\n", 65536, " ".repeat(65536));
            let mut alive = stream.write_all(head.as_bytes()).await.is_ok();
            while alive {
                alive = stream.write_all(chunk.as_bytes()).await.is_ok();
            }
            return false;
        }
        Reply::HeadersOnly { headers } => {
            let head = head(200, &headers) + "content-length: 5\r\n\r\n";
            stream.write_all(head.as_bytes()).await.ok();
            std::future::pending().await
        }
        Reply::Silence => std::future::pending().await,
        Reply::Close => return false,
    };
    headers.push(("content-length".to_owned(), length.to_string()));
    let mut bytes = (head(status, &headers) + "\r\n").into_bytes();
    if !only_head {
        bytes.extend(body);
    }
    stream.write_all(&bytes).await.is_ok() && keep
}

fn head(status: u16, headers: &[(String, String)]) -> String {
    let mut head = format!("HTTP/1.1 {status} Status\r\n");
    for (name, value) in headers {
        head.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
    }
    head
}
