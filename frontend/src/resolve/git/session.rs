//! One conversation with a git server, over whatever transport: list refs, fetch objects.

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use gix_hash::ObjectId;
use gix_protocol::fetch::{Arguments, Response};
use gix_protocol::handshake::Ref;
use gix_protocol::ls_refs::RefPrefixes;
use gix_protocol::{Handshake, LsRefsCommand};
use gix_transport::client::blocking_io::Transport;
use gix_transport::client::capabilities::Capability;
use gix_transport::client::git::ConnectMode;
use gix_transport::client::git::blocking_io::Connection;
use gix_transport::{Protocol, Service, client};
use gix_utils::progress::Discard;

use super::guard::{Guard, Guarded, Part};
use super::object::Object;
use super::pack::Kept;
use super::process::{Pipes, Process, git_command};
use super::refs::AdvertisedRef;
use super::{GitError, pack};

/// Most that is read of a list of refs.
pub(super) const REFS: Part = Part { what: "the list of refs", limit: 64 << 20 };

/// Most that is read of a pack. Servers that can filter send a few kilobytes, and of all others only the
/// beginning is read.
const PACK: Part = Part { what: "the pack with the commit", limit: 64 << 20 };

/// Most that is read of a pack with all files of a commit.
const FILES: Part = Part { what: "the pack with all files of the commit", limit: 512 << 20 };

/// An open conversation.
pub(super) struct Session {
    guard: Rc<Guard>,
    transport: Box<dyn Transport>,
    handshake: Handshake,
    process: Option<Process>,
}

/// The programs that some transports need.
pub(super) struct Programs {
    pub(super) git: PathBuf,
    /// `GIT_SSH_COMMAND` as git understands it: a shell command. Without it, `ssh`.
    pub(super) ssh_command: Option<String>,
}

impl Session {
    /// Over HTTP.
    pub(super) fn http(guard: Rc<Guard>, http: super::http::HttpRemote, url: &str) -> Result<Self, GitError> {
        let url = url.try_into().map_err(|error| guard.explain(&error))?;
        let transport = client::blocking_io::http::Transport::new_http(http, url, Protocol::V2, false);
        Self::greet(guard, Box::new(transport), None)
    }

    /// To a git daemon.
    pub(super) fn daemon(
        guard: Rc<Guard>,
        host: &str,
        port: u16,
        path: &str,
        connect: Duration,
        idle: Duration,
    ) -> Result<Self, GitError> {
        let failed = |detail: String| GitError::Connect { remote: guard.remote.clone(), detail };
        let mut last = "the name has no address".to_owned();
        let addresses = (host, port).to_socket_addrs().map_err(|error| failed(error.to_string()))?;
        for address in addresses {
            let left = guard.time_left().map_err(|_| guard.timeout())?;
            let socket = match TcpStream::connect_timeout(&address, connect.min(left)) {
                Ok(socket) => socket,
                Err(error) => {
                    last = error.to_string();
                    continue;
                }
            };
            let idle = Some(idle.min(left));
            socket
                .set_read_timeout(idle)
                .and_then(|()| socket.set_write_timeout(idle))
                .map_err(|error| failed(error.to_string()))?;
            let write = socket.try_clone().map_err(|error| failed(error.to_string()))?;
            let host = (host.to_owned(), (port != 9418).then_some(port));
            let transport = connection(&guard, socket, write, path, Some(host), ConnectMode::Daemon);
            return Self::greet(guard, transport, None);
        }
        Err(failed(last))
    }

    /// By ssh, as the user has it configured; never asks for a password.
    pub(super) fn ssh(
        guard: Rc<Guard>,
        programs: &Programs,
        user: Option<&str>,
        host: &str,
        port: Option<u16>,
        path: &str,
    ) -> Result<Self, GitError> {
        let mut command = match &programs.ssh_command {
            Some(shell) => {
                let mut command = Command::new("sh");
                command.args(["-c", &format!("{shell} \"$@\""), "ssh"]);
                command
            }
            None => Command::new("ssh"),
        };
        command.args(["-o", "BatchMode=yes", "-o", "SendEnv=GIT_PROTOCOL"]);
        if let Some(port) = port {
            command.args(["-p", &port.to_string()]);
        }
        let destination = user.map_or_else(|| host.to_owned(), |user| format!("{user}@{host}"));
        command.args(["--", &destination, &format!("git-upload-pack {}", quoted(path))]);
        command.env("GIT_PROTOCOL", "version=2");
        Self::process(guard, command, path)
    }

    /// From a repository on this machine.
    pub(super) fn file(
        guard: Rc<Guard>,
        programs: &Programs,
        path: &std::path::Path,
    ) -> Result<Self, GitError> {
        let mut command = git_command(&programs.git);
        command.args(["upload-pack", "--"]).arg(path);
        command.env("GIT_PROTOCOL", "version=2").env("GIT_NO_LAZY_FETCH", "1");
        Self::process(guard, command, &path.to_string_lossy())
    }

    fn process(guard: Rc<Guard>, command: Command, path: &str) -> Result<Self, GitError> {
        let left = guard.time_left().map_err(|_| guard.timeout())?;
        let (process, Pipes { stdin, stdout }) = Process::spawn(&guard.remote, command, left)?;
        let transport = connection(&guard, stdout, stdin, path, None, ConnectMode::Process);
        Self::greet(guard, transport, Some(process))
    }

    fn greet(
        guard: Rc<Guard>,
        mut transport: Box<dyn Transport>,
        process: Option<Process>,
    ) -> Result<Self, GitError> {
        let nobody = |_| Ok(None);
        let mut progress = Discard;
        let greeting =
            gix_protocol::handshake(&mut transport, Service::UploadPack, nobody, Vec::new(), &mut progress);
        match greeting {
            Ok(handshake) => Ok(Self { guard, transport, handshake, process }),
            Err(error) => Err(explain(&guard, process, &error)),
        }
    }

    /// The hash that the server's object ids have.
    pub(super) fn hash(&self) -> Result<gix_hash::Kind, GitError> {
        let format = self.handshake.capabilities.capability("object-format");
        let format = format.as_ref().and_then(Capability::value).map(|value| value.to_vec());
        match format.as_deref() {
            None | Some(b"sha1") => Ok(gix_hash::Kind::Sha1),
            Some(b"sha256") => Ok(gix_hash::Kind::Sha256),
            Some(_) => Err(self.guard.protocol("the repository's object format is neither sha1 nor sha256")),
        }
    }

    /// The branch that `HEAD` stands for, without `refs/heads/`.
    pub(super) fn default_branch(&mut self) -> Result<String, GitError> {
        let head = self.list(&["HEAD".to_owned()])?.into_iter().find_map(|found| match found {
            Ref::Symbolic { full_ref_name, target, .. } if full_ref_name == "HEAD" => Some(target),
            _ => None,
        });
        let branch = head.and_then(|target| {
            let target = String::from_utf8(target.into()).ok()?;
            target.strip_prefix("refs/heads/").map(ToOwned::to_owned)
        });
        branch.ok_or_else(|| GitError::NoDefaultBranch { remote: self.guard.remote.clone() })
    }

    /// Refs whose names begin with one of `prefixes`, and perhaps others.
    pub(super) fn refs(&mut self, prefixes: &[String]) -> Result<Vec<AdvertisedRef>, GitError> {
        let named = |name: gix_transport::bstr::BString, id: ObjectId, peeled: Option<ObjectId>| {
            // BuildKit could not be asked for a name that isn't UTF-8.
            let name = String::from_utf8(name.into()).ok()?;
            Some(AdvertisedRef { name, id: id.to_string(), peeled: peeled.map(|id| id.to_string()) })
        };
        let refs = self.list(prefixes)?.into_iter().filter_map(|found| match found {
            Ref::Direct { full_ref_name, object } => named(full_ref_name, object, None),
            Ref::Peeled { full_ref_name, tag, object } => named(full_ref_name, tag, Some(object)),
            Ref::Symbolic { full_ref_name, tag, object, .. } => {
                named(full_ref_name, tag.unwrap_or(object), tag.map(|_| object))
            }
            Ref::Unborn { .. } => None,
        });
        Ok(refs.collect())
    }

    fn list(&mut self, prefixes: &[String]) -> Result<Vec<Ref>, GitError> {
        // Before protocol version 2, a server lists all refs right away.
        if let Some(refs) = &self.handshake.refs {
            return Ok(refs.clone());
        }
        self.guard.begin(REFS);
        let mut wanted = RefPrefixes::new();
        wanted.extend(prefixes.iter().map(|prefix| prefix.as_str().into()));
        let command = LsRefsCommand::new(Some(wanted), &self.handshake.capabilities, agent());
        let listed = command.invoke_blocking(&mut self.transport, &mut Discard, false);
        listed.map_err(|error| explain(&self.guard, self.process.take(), &error))
    }

    /// Fetches the object `id`, and for a tag all up to its commit, but neither trees nor history if the
    /// server can leave them out.
    pub(super) fn fetch(&mut self, id: ObjectId) -> Result<HashMap<ObjectId, Object>, GitError> {
        self.objects(id, PACK, "tree:0", Kept::COMMITS)
    }

    /// Fetches the object `id`, and for a tag all up to its commit, with the commit's folders and files but without
    /// history if the server can leave that out. Files larger than [`pack::MAX_FILE_BYTES`] are missing.
    pub(super) fn fetch_files(&mut self, id: ObjectId) -> Result<HashMap<ObjectId, Object>, GitError> {
        let filter = format!("blob:limit={}", pack::MAX_FILE_BYTES + 1);
        self.objects(id, FILES, &filter, Kept::FILES)
    }

    fn objects(
        &mut self,
        id: ObjectId,
        part: Part,
        filter: &str,
        kept: Kept,
    ) -> Result<HashMap<ObjectId, Object>, GitError> {
        self.guard.begin(part);
        let guard = Rc::clone(&self.guard);
        let read = match self.request(id, filter) {
            Ok(mut reader) => pack::read_objects(&guard, &mut reader, id, kept),
            Err(error) => Err(guard.explain(&*error)),
        };
        read.map_err(|error| prefer_program(&guard, self.process.take(), error))
    }

    /// Sends the request and returns the pack stream.
    fn request(
        &mut self,
        id: ObjectId,
        filter: &str,
    ) -> Result<impl std::io::BufRead, Box<dyn std::error::Error + Send + Sync>> {
        let version = self.handshake.server_protocol_version;
        let mut features =
            gix_protocol::Command::Fetch.default_features(version, &self.handshake.capabilities);
        Response::check_required_features(version, &features)?;
        if version != Protocol::V2 && id.kind() == gix_hash::Kind::Sha256 {
            features.push(("object-format", Some("sha256".to_owned())));
        }
        features.push(agent());
        let sideband_all = features.iter().any(|(name, _)| *name == "sideband-all");
        let mut arguments = Arguments::new(version, features, false);
        if arguments.can_use_filter() {
            arguments.filter(filter);
        }
        if arguments.can_use_deepen() {
            arguments.deepen(1);
        }
        arguments.want(id);
        let mut reader = arguments.send(&mut self.transport, true)?;
        let handler = |guard: Rc<Guard>| {
            Box::new(move |is_error: bool, text: &[u8]| {
                if is_error {
                    let text = String::from_utf8_lossy(text);
                    guard.fail(guard.protocol(&format!("the server says: {text}")));
                }
                ControlFlow::Continue(())
            })
        };
        if sideband_all {
            reader.set_progress_handler(Some(handler(Rc::clone(&self.guard))));
        }
        let response = Response::from_line_reader(version, &mut reader, true, false)?;
        if !response.has_pack() {
            return Err("the server sent no pack".into());
        }
        if !sideband_all {
            reader.set_progress_handler(Some(handler(Rc::clone(&self.guard))));
        }
        Ok(reader)
    }
}

fn agent() -> (&'static str, Option<String>) {
    ("agent", Some(gix_protocol::agent(concat!("policy-check/", env!("CARGO_PKG_VERSION")))))
}

fn connection(
    guard: &Rc<Guard>,
    read: impl Read + 'static,
    write: impl Write + 'static,
    path: &str,
    host: Option<(String, Option<u16>)>,
    mode: ConnectMode,
) -> Box<dyn Transport> {
    let read = BufReader::new(Guarded { inner: read, guard: Rc::clone(guard) });
    Box::new(Connection::new(read, write, Protocol::V2, path, host, mode, false))
}

/// The typed error behind `said`.
fn explain(guard: &Guard, process: Option<Process>, said: &dyn std::error::Error) -> GitError {
    prefer_program(guard, process, guard.explain(said))
}

/// A program's own message is better than that its pipe broke.
fn prefer_program(guard: &Guard, process: Option<Process>, error: GitError) -> GitError {
    match (error, process) {
        (GitError::Protocol { .. }, Some(process)) => process.failure(&guard.remote),
        (error, _) => error,
    }
}

/// Quotes for the shell on the other side of ssh, as git does.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''").replace('!', "'\\!'"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn paths_are_quoted_for_a_shell() {
        assert_eq!(super::quoted("/a b/$(id)"), "'/a b/$(id)'");
        assert_eq!(super::quoted("a'b!"), "'a'\\''b'\\!''");
    }
}
