//! The clients' sessions: passed through as they are, and opened only where the client's own policy must be
//! asked too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue};
use tokio::sync::watch;
use tonic::Status;

use super::connection::Connection;
use crate::buildkit::endpoint::Peer;
use crate::buildkit::forward::{self, Call};
use crate::buildkit::proto::policysession;
use crate::buildkit::service::{self, Channel};
use crate::buildkit::tunnel::Tunnel;
use crate::buildkit::{grpc, limits};

/// Id of a session, in the request that opens it.
pub const UUID: &str = "x-docker-expose-session-uuid";
/// A method that the session exposes; repeated.
pub const METHOD: &str = "x-docker-expose-session-grpc-method";

/// What the ids of the hook's own sessions begin with: no client gets one like that, neither while it is in use
/// nor afterwards.
pub const OWN: &str = "policy-check-";

/// How long a session may take to appear that a build names.
pub const APPEARS_WITHIN: Duration = Duration::from_secs(10);

/// The sessions of clients that are open through this hook.
#[derive(Default)]
pub struct Sessions {
    open: Mutex<HashMap<String, Session>>,
    changed: watch::Sender<()>,
}

struct Session {
    client: Peer,
    /// Its inside, where that was opened.
    channel: Option<Channel>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails when `id` names a session of another client, or of the hook: a build gets no files, secrets and
    /// logins of others. Ids of running builds' sessions are no secret: the build history shows some.
    pub fn may_use(&self, id: &str, client: &Peer) -> Result<(), Status> {
        let id = bare(id);
        if id.starts_with(OWN) || self.lock().get(id).is_some_and(|session| session.client != *client) {
            return Err(Status::permission_denied(
                "policy-check: a build names the session of another client",
            ));
        }
        Ok(())
    }

    /// Takes `id` for a client, unless somebody has it: the daemon would let a second session take over the
    /// first.
    fn take(self: &Arc<Self>, id: &str, client: &Peer) -> Result<Taken, Status> {
        let mut open = self.lock();
        if id.starts_with(OWN) || open.contains_key(id) {
            return Err(Status::already_exists(
                "policy-check: a session with this id is open: start the build again to get a new id",
            ));
        }
        open.insert(id.to_owned(), Session { client: client.clone(), channel: None });
        Ok(Taken { sessions: Arc::clone(self), id: id.to_owned() })
    }

    /// The inside of a client's session, to call its services. Waits for a session that is about to come.
    pub async fn channel(&self, id: &str) -> Result<Channel, Status> {
        let mut changed = self.changed.subscribe();
        let appeared = async {
            loop {
                changed.borrow_and_update();
                if let Some(channel) = self.opened(id) {
                    return channel;
                }
                // The sender lives as long as `self`.
                let _lives = changed.changed().await;
            }
        };
        tokio::time::timeout(APPEARS_WITHIN, appeared).await.map_err(|_| {
            Status::failed_precondition(
                "policy-check: the build names a policy session of the client that did not appear, or exposes no PolicyVerifier",
            )
        })
    }

    /// The inside of a client's session, if it was opened.
    pub fn opened(&self, id: &str) -> Option<Channel> {
        self.lock().get(bare(id))?.channel.clone()
    }
}

/// The id without what stands before its first colon, as the daemon looks it up.
fn bare(id: &str) -> &str {
    id.split_once(':').map(|(_, id)| id).filter(|id| !id.is_empty()).unwrap_or(id)
}

/// A client's hold on its id.
struct Taken {
    sessions: Arc<Sessions>,
    id: String,
}

impl Taken {
    fn opened(&self, channel: Channel) {
        if let Some(session) = self.sessions.lock().get_mut(&self.id) {
            session.channel = Some(channel);
        }
        self.sessions.changed.send_replace(());
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.id);
    }
}

/// Passes a client's `Control/Session` on, for as long as it lasts.
pub(super) async fn session(connection: &Connection, mut call: Call) {
    let Connection { guard, peer, uplink, .. } = connection;
    let _counted = guard.metrics.session_opened();
    let open_all = guard.options.client_credentials;
    let taken = match id(&call.head.headers).and_then(|id| guard.sessions.take(id, peer)) {
        Ok(taken) => taken,
        Err(status) => return grpc::refuse(&mut call.respond, &status),
    };
    let upstream = match uplink.sender().await {
        Ok(upstream) => upstream,
        Err(status) => return grpc::refuse(&mut call.respond, &status),
    };
    if exposes(&call.head.headers, policysession::CHECK_POLICY) || open_all && has_auth(&call.head.headers) {
        opened(&taken, call, upstream).await;
    } else {
        call.forward(upstream).await;
    }
}

/// The id that a session is opened with: exactly one, and not empty.
pub fn id(headers: &HeaderMap) -> Result<&str, Status> {
    let mut values = headers.get_all(UUID).iter();
    let id = values.next().map(HeaderValue::to_str);
    match (id, values.next()) {
        (Some(Ok(id)), None) if !id.is_empty() => Ok(id),
        _ => Err(Status::invalid_argument("policy-check: a session needs exactly one id")),
    }
}

/// Whether a session that is opened with these headers exposes `method`.
pub fn exposes(headers: &HeaderMap, method: &str) -> bool {
    let is_method = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(method.as_bytes());
    headers.get_all(METHOD).iter().any(is_method)
}

fn has_auth(headers: &HeaderMap) -> bool {
    exposes(headers, "/moby.filesync.v1.Auth/Credentials")
}

/// Ends both tunnels here, and passes on each call of the daemon inside.
async fn opened(taken: &Taken, call: Call, upstream: SendRequest<Bytes>) {
    let Call { head, body, mut respond } = call;
    let (response, sink) = match forward::open(&head, upstream, false).await {
        Ok(streams) => streams,
        Err(error) => return grpc::refuse(&mut respond, &forward::broken(&error)),
    };
    let Ok(client_sink) = respond.send_response(grpc::head(), false) else { return };
    let client = Tunnel::accepted(body, client_sink);
    let daemon = Tunnel::called(response, sink);
    let Ok((sender, connection)) = limits::client().handshake(client).await else { return };
    taken.opened(Channel(sender.clone()));
    let client_side = async { drop(connection.await) };
    tokio::select! {
        () = client_side => {}
        () = service::serve(daemon, move |call| call.forward(sender.clone())) => {}
    }
}
