//! When a request is worth another try, and when to make it.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use reqwest::Response;
use reqwest::header::RETRY_AFTER;

use super::Transport;

/// How often and how fast a request is tried again.
#[derive(Debug, Clone)]
pub struct RetryOptions {
    /// Tries in all, the first included.
    pub attempts: u32,
    /// Before the second try; doubles with every further one, and some of it is random.
    pub backoff: Duration,
    /// The longest wait between two tries. A server that asks for more (`Retry-After`) is not asked again.
    pub max_wait: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self { attempts: 4, backoff: Duration::from_millis(250), max_wait: Duration::from_secs(30) }
    }
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same would happen again.
    Never,
    /// After a while.
    Backoff,
    /// When the server said so (`Retry-After`).
    After(Duration),
}

impl Retry {
    /// After an HTTP status, with the `Retry-After` that came along (RFC 9110, section 10.2.3).
    pub fn after_status(status: u16, retry_after: Option<Duration>) -> Self {
        match (status, retry_after) {
            (429 | 503, Some(wait)) => Self::After(wait),
            (429 | 500 | 502 | 503 | 504, _) => Self::Backoff,
            _ => Self::Never,
        }
    }
}

/// An error that knows whether the next try may succeed.
pub trait Retryable {
    /// Whether to try again.
    fn retry(&self) -> Retry;
}

impl Transport {
    /// Runs `attempt` until it succeeds, fails for good, or [`RetryOptions::attempts`] is reached.
    pub async fn retrying<T, E, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, E>
    where
        E: Retryable,
        F: Future<Output = Result<T, E>>,
    {
        let options = &self.options().retry;
        let mut tries = 1;
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let wait = match error.retry() {
                Retry::Backoff => backoff(options, tries),
                Retry::After(wait) if wait <= options.max_wait => wait,
                Retry::Never | Retry::After(_) => return Err(error),
            };
            if tries >= options.attempts {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            tries += 1;
        }
    }
}

/// Exponential, between half and all of the step, so that clients don't come back in step.
fn backoff(options: &RetryOptions, tries: u32) -> Duration {
    let step = options.backoff.saturating_mul(2_u32.saturating_pow(tries - 1)).min(options.max_wait);
    let percent = 50 + u32::try_from(RandomState::new().hash_one(tries) % 51).unwrap_or(0);
    step.saturating_mul(percent) / 100
}

/// `Retry-After` of a response, as seconds or as a date (RFC 9110, section 10.2.3).
pub fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}
