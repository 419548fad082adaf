//! What the daemon saw.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use http::HeaderMap;
use policy_check::buildkit::proto::policysession::{CheckPolicyRequest, CheckPolicyResponse};
use tonic::Status;

/// Everything that was asked, in order.
#[derive(Default)]
pub(crate) struct Record {
    calls: Mutex<Vec<Arc<Call>>>,
    checks: Mutex<Vec<Check>>,
    imports: Mutex<Vec<String>>,
}

/// One call of a client.
pub(crate) struct Call {
    /// `/service/method`.
    pub(crate) path: String,
    /// As they arrived.
    pub(crate) headers: HeaderMap,
    state: Mutex<CallState>,
}

#[derive(Default)]
struct CallState {
    body: Vec<u8>,
    half_closed: bool,
    cancelled: Option<h2::Reason>,
}

/// One `CheckPolicy` of the daemon and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// Position among all that were begun.
    pub(crate) number: u64,
    /// The build that loads the source.
    pub(crate) build: String,
    /// The policy session that was asked.
    pub(crate) session: String,
    pub(crate) request: CheckPolicyRequest,
    /// Missing while the answer is awaited, and for good if the wait was cancelled.
    pub(crate) answer: Option<Result<CheckPolicyResponse, Status>>,
}

impl Check {
    /// The identifier of the source that was asked about.
    pub(crate) fn identifier(&self) -> &str {
        let source = self.request.source.as_ref().and_then(|known| known.source.as_ref());
        source.map_or("", |source| &source.identifier)
    }
}

impl Call {
    fn new(parts: &http::request::Parts) -> Self {
        Self { path: parts.uri.path().to_owned(), headers: parts.headers.clone(), state: Mutex::default() }
    }

    /// The body so far. Tunnels keep nothing.
    pub(crate) fn body(&self) -> Vec<u8> {
        self.state().body.clone()
    }

    /// The first message.
    pub(crate) fn message<M: prost::Message + Default>(&self) -> M {
        let body = self.body();
        let message = crate::wire::unframe(&body).expect("the call has a complete message");
        M::decode(message).expect("the message decodes")
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether the client ended its side in the regular way.
    pub(crate) fn is_half_closed(&self) -> bool {
        self.state().half_closed
    }

    /// Why the client gave up, if it did.
    pub(crate) fn cancellation(&self) -> Option<h2::Reason> {
        self.state().cancelled
    }

    pub(crate) fn received(&self, data: &[u8]) {
        if self.path != super::SESSION {
            self.state().body.extend_from_slice(data);
        }
    }

    pub(crate) fn half_closed(&self) {
        self.state().half_closed = true;
    }

    /// A connection that ends counts as [`h2::Reason::CANCEL`].
    pub(crate) fn cancelled(&self, reason: Option<h2::Reason>) {
        let mut state = self.state();
        if reason != Some(h2::Reason::NO_ERROR) && state.cancelled.is_none() {
            state.cancelled = Some(reason.unwrap_or(h2::Reason::CANCEL));
        }
    }

    fn state(&self) -> MutexGuard<'_, CallState> {
        self.state.lock().expect("no test panics here")
    }
}

impl Record {
    pub(crate) fn begin(&self, parts: &http::request::Parts) -> Arc<Call> {
        let call = Arc::new(Call::new(parts));
        self.calls.lock().expect("no test panics here").push(call.clone());
        call
    }

    /// Calls of one path, oldest first; all with an empty path.
    pub(crate) fn calls(&self, path: &str) -> Vec<Arc<Call>> {
        let calls = self.calls.lock().expect("no test panics here");
        calls.iter().filter(|call| path.is_empty() || call.path == path).cloned().collect()
    }

    pub(crate) fn checks(&self) -> Vec<Check> {
        self.checks.lock().expect("no test panics here").clone()
    }

    pub(crate) fn check_begins(&self, build: &str, session: &str, request: &CheckPolicyRequest) -> u64 {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (build, session) = (build.to_owned(), session.to_owned());
        let check = Check { number, build, session, request: request.clone(), answer: None };
        self.checks.lock().expect("no test panics here").push(check);
        number
    }

    pub(crate) fn check_ends(&self, number: u64, answer: &Result<CheckPolicyResponse, Status>) {
        let mut checks = self.checks.lock().expect("no test panics here");
        if let Some(check) = checks.iter_mut().find(|check| check.number == number) {
            check.answer = Some(answer.clone());
        }
    }

    /// Caches that builds import, as `type:ref`.
    pub(crate) fn imports(&self) -> Vec<String> {
        self.imports.lock().expect("no test panics here").clone()
    }

    pub(crate) fn import(&self, import: String) {
        self.imports.lock().expect("no test panics here").push(import);
    }
}
