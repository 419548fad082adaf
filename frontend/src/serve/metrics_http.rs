//! `GET /metrics` and `GET /healthz` over HTTP/1.1, for those who watch the server.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::metrics::Metrics;

/// Connections at once; more wait.
const MAX_CONNECTIONS: usize = 32;
/// How long a request's head may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// After this a connection ends, idle or not.
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(5);
/// How long to wait after `accept` failed, mostly because there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Says whether the server is well, or what is wrong.
pub type Health = dyn Fn() -> Result<(), String> + Send + Sync;

/// Serves until the future is dropped.
pub async fn serve(listener: TcpListener, metrics: Metrics, health: Arc<Health>) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Dropped with this future, which ends every connection.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let (metrics, health) = (metrics.clone(), Arc::clone(&health));
        connections.spawn(async move {
            let _permit = permit;
            // A peer that is slow or hangs up is its own problem.
            let _ended = tokio::time::timeout(CONNECTION_TIMEOUT, connection(stream, metrics, health)).await;
        });
    }
}

async fn connection(stream: TcpStream, metrics: Metrics, health: Arc<Health>) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), &metrics, &*health);
        async move { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn answer(method: &Method, path: &str, metrics: &Metrics, health: &Health) -> Response<Full<Bytes>> {
    const PLAIN: &str = "text/plain; charset=utf-8";
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let (status, content_type, body) = match path {
        "/metrics" | "/healthz" if !matches!(*method, Method::GET | Method::HEAD) => {
            (StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET and HEAD\n".to_owned())
        }
        "/metrics" => (StatusCode::OK, OPEN_METRICS, metrics.render()),
        "/healthz" => match health() {
            Ok(()) => (StatusCode::OK, PLAIN, "ok\n".to_owned()),
            Err(problem) => (StatusCode::SERVICE_UNAVAILABLE, PLAIN, problem + "\n"),
        },
        _ => (StatusCode::NOT_FOUND, PLAIN, "there are /metrics and /healthz\n".to_owned()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn ask(address: std::net::SocketAddr, line: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("{line} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn serves_metrics_and_health() {
        let metrics = Metrics::new();
        metrics.refused("test");
        let well = Arc::new(AtomicBool::new(true));
        let health = {
            let well = Arc::clone(&well);
            move || if well.load(Ordering::Relaxed) { Ok(()) } else { Err("the log is full".to_owned()) }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, metrics, Arc::new(health)));

        let answer = ask(address, "GET /metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0"), "{answer}");
        assert!(answer.contains("policy_check_refused_calls_total{reason=\"test\"} 1\n"), "{answer}");
        assert!(answer.ends_with("# EOF\n"), "{answer}");
        assert!(ask(address, "GET /healthz").await.ends_with("\r\n\r\nok\n"));
        well.store(false, Ordering::Relaxed);
        let answer = ask(address, "GET /healthz").await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\nthe log is full\n"), "{answer}");
        let answer = ask(address, "POST /metrics").await;
        assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET, HEAD"), "{answer}");
        for path in ["/", "/metrics/", "/debug"] {
            assert!(ask(address, &format!("GET {path}")).await.starts_with("HTTP/1.1 404 "), "{path}");
        }
        server.abort();
    }
}
