//! What a git ref is at this moment, told as BuildKit tells it, without cloning.
//!
//! gix speaks git's wire protocol over HTTP(S), TCP and pipes, for SHA-1 and SHA-256 repositories. Programs are
//! needed for `ssh` remotes (`ssh`), local repositories and credential helpers (`git`), and only then.

mod credentials;
mod error;
mod guard;
mod http;
mod object;
mod pack;
mod process;
mod refs;
mod remote;
mod session;
mod tree;

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use gix_hash::ObjectId;
use policy_engine::metadata::{GitMetadata, GitWanted};
use reqwest::header::HeaderValue;
use tokio::runtime::Handle;

pub use self::error::GitError;
use self::guard::Guard;
use self::object::{Object, Walk, walk_to_commit};
use self::refs::{Chosen, candidates, choose, is_object_id};
use self::remote::Remote;
use self::session::{Programs, Session};
use super::http::RedirectCheck;
use super::redact::Redacted;
use super::transport::Transport;
use crate::memory_tree::MemoryTree;

/// A git source, taken apart.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct GitSource {
    /// `https://…`, `http://…`, `ssh://…`, `git://…`, `user@host:path`; `file://…` if
    /// [`GitOptions::allow_file`]. Credentials in it are used, and never printed.
    pub remote: String,
    /// Branch, tag, full ref or commit id. Empty for the default branch.
    pub reference: String,
    /// Expected object or commit id (`git.checksum`), perhaps abbreviated; empty if nothing is expected.
    pub checksum: String,
    /// `git.keepgitdir`: then an annotated tag stands for itself, not for its commit.
    pub keep_git_dir: bool,
    /// `git.fetchbycommit`: the checksum decides, and the ref is a name for it only.
    pub fetch_by_commit: bool,
}

impl std::fmt::Debug for GitSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitSource")
            .field("remote", &Redacted(&self.remote).to_string())
            .field("reference", &self.reference)
            .field("checksum", &self.checksum)
            .finish_non_exhaustive()
    }
}

/// How git servers are reached, beside what [`Transport`] knows.
#[derive(Clone)]
pub struct GitOptions {
    /// Allow `file://` remotes.
    pub allow_file: bool,
    /// For one source, from connecting to the last object.
    pub timeout: Duration,
    /// The `git` program: for local repositories and credential helpers.
    pub git: PathBuf,
    /// A shell command to use in place of `ssh` (`GIT_SSH_COMMAND`).
    pub ssh_command: Option<String>,
    /// The `.netrc` file.
    pub netrc: Option<PathBuf>,
    /// `Authorization` header for HTTP remotes, sent to the remote's own host only.
    pub authorization: Option<HeaderValue>,
    /// Asked about each redirect.
    pub redirects: RedirectCheck,
}

impl Default for GitOptions {
    /// From the environment: `GIT_SSH_COMMAND`, `HOME`.
    fn default() -> Self {
        Self {
            allow_file: false,
            timeout: Duration::from_mins(2),
            git: PathBuf::from("git"),
            ssh_command: std::env::var("GIT_SSH_COMMAND").ok().filter(|command| !command.is_empty()),
            netrc: std::env::home_dir().map(|home| home.join(".netrc")),
            authorization: None,
            redirects: RedirectCheck::default(),
        }
    }
}

/// Resolves git sources.
#[derive(Clone)]
pub struct GitResolver {
    transport: Transport,
    options: GitOptions,
}

impl GitResolver {
    /// A resolver that reaches HTTP remotes by `transport`.
    pub fn new(transport: Transport, options: GitOptions) -> Self {
        Self { transport, options }
    }

    /// Finds out what `source` is now. Must be called on a tokio runtime with time and I/O enabled.
    ///
    /// A commit id is believed without asking the server, as BuildKit does, unless objects are wanted.
    pub async fn resolve(&self, source: &GitSource, wanted: &GitWanted) -> Result<GitMetadata, GitError> {
        let remote = self.remote(source)?;
        let known = known_without_asking(source)?;
        if let (Some(known), false) = (&known, wanted.objects) {
            return Ok(known.clone());
        }
        let objects = wanted.objects;
        self.ask(source, remote, known, move |guard, session, mut metadata| {
            if objects {
                add_objects(guard, session, &mut metadata)?;
            }
            Ok(metadata)
        })
        .await
    }

    /// The files of the commit that `source` names now: the folder `subdir` of it (relative and clean; empty for all).
    /// Files larger than 4 MiB are known by name only, and of submodules nothing is. Must be called on a tokio
    /// runtime with time and I/O enabled.
    pub async fn files(&self, source: &GitSource, subdir: &str) -> Result<MemoryTree, GitError> {
        let (remote, subdir) = (self.remote(source)?, subdir.to_owned());
        self.ask(source, remote, known_without_asking(source)?, move |guard, session, metadata| {
            let id = object_id(guard, session, &metadata)?;
            tree::folder(&guard.remote, id, session.fetch_files(id)?, &subdir)
        })
        .await
    }

    /// The remote, if it may be asked.
    fn remote(&self, source: &GitSource) -> Result<Remote, GitError> {
        refs::check_name(&source.reference)?;
        let remote = Remote::parse(&source.remote)?;
        if let (Remote::File { .. }, false) = (&remote, self.options.allow_file) {
            return Err(GitError::FileNotAllowed { remote: Redacted(&source.remote).to_string() });
        }
        check_checksum(source)?;
        Ok(remote)
    }

    /// Opens a session, finds out what the ref means unless it is `known`, and goes on with `then`, on a thread that
    /// may block.
    async fn ask<T: Send + 'static>(
        &self,
        source: &GitSource,
        remote: Remote,
        known: Option<GitMetadata>,
        then: impl FnOnce(&Guard, &mut Session, GitMetadata) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        let (resolver, source, handle) = (self.clone(), source.clone(), Handle::current());
        let shown = Redacted(&source.remote).to_string();
        let task = tokio::task::spawn_blocking(move || {
            let shown = Redacted(&source.remote).to_string();
            let guard = Guard::new(shown, resolver.options.timeout, session::REFS);
            let mut session = resolver.open(handle, &guard, &remote)?;
            let metadata = match known {
                Some(known) => known,
                None => look_up(&guard, &mut session, &source)?,
            };
            then(&guard, &mut session, metadata)
        });
        task.await.unwrap_or_else(|_| Err(GitError::Aborted { remote: shown }))
    }

    fn open(&self, handle: Handle, guard: &Rc<Guard>, remote: &Remote) -> Result<Session, GitError> {
        let guard = Rc::clone(guard);
        let GitOptions { git, ssh_command, netrc, authorization, redirects, .. } = &self.options;
        let programs = Programs { git: git.clone(), ssh_command: ssh_command.clone() };
        match remote {
            Remote::Http { url, user, password } => {
                let sources = credentials::Sources {
                    user: user.clone(),
                    password: password.clone(),
                    netrc: netrc.clone(),
                    git: git.clone(),
                };
                let http = http::HttpRemote::new(
                    Rc::clone(&guard),
                    handle,
                    self.transport.clone(),
                    redirects.clone(),
                    url,
                    sources,
                    authorization.clone(),
                );
                Session::http(guard, http, url.as_str())
            }
            Remote::Git { host, port, path } => {
                let options = self.transport.options();
                Session::daemon(guard, host, *port, path, options.connect_timeout, options.idle_timeout)
            }
            Remote::Ssh { user, host, port, path } => {
                Session::ssh(guard, &programs, user.as_deref(), host, *port, path)
            }
            Remote::File { path } => Session::file(guard, &programs, path),
        }
    }
}

fn check_checksum(source: &GitSource) -> Result<(), GitError> {
    if source.checksum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(())
    } else {
        Err(GitError::InvalidChecksum { checksum: source.checksum.clone() })
    }
}

/// What needs no server: a commit id, or a checksum that decides.
fn known_without_asking(source: &GitSource) -> Result<Option<GitMetadata>, GitError> {
    let GitSource { reference, checksum, .. } = source;
    if is_object_id(reference) {
        expect(source, reference, None)?;
        return Ok(Some(GitMetadata {
            r#ref: reference.clone(),
            checksum: reference.clone(),
            ..Default::default()
        }));
    }
    if !source.fetch_by_commit {
        return Ok(None);
    }
    if !is_object_id(checksum) {
        return Err(GitError::InvalidChecksum { checksum: checksum.clone() });
    }
    let name = match reference.as_str() {
        "" => checksum.clone(),
        full if full.starts_with("refs/") => full.to_owned(),
        branch => format!("refs/heads/{branch}"),
    };
    Ok(Some(GitMetadata { r#ref: name, checksum: checksum.clone(), ..Default::default() }))
}

/// The expected checksum may be that of a tag or of its commit, and may be abbreviated.
fn expect(source: &GitSource, id: &str, peeled: Option<&str>) -> Result<(), GitError> {
    let expected = source.checksum.as_str();
    if id.starts_with(expected) || peeled.is_some_and(|peeled| peeled.starts_with(expected)) {
        return Ok(());
    }
    Err(GitError::ChecksumMismatch {
        remote: Redacted(&source.remote).to_string(),
        reference: source.reference.clone(),
        expected: expected.to_owned(),
        got: peeled.map_or_else(|| id.to_owned(), |peeled| format!("{id} or {peeled}")),
    })
}

/// Asks the server what the ref means.
fn look_up(guard: &Guard, session: &mut Session, source: &GitSource) -> Result<GitMetadata, GitError> {
    let reference = match source.reference.as_str() {
        "" => session.default_branch()?,
        named => named.to_owned(),
    };
    refs::check_name(&reference)?;
    let advertised = session.refs(&candidates(&reference))?;
    let Chosen { name, id, peeled } = choose(&reference, &advertised).ok_or_else(|| {
        GitError::RefNotFound { remote: guard.remote.clone(), reference: reference.clone() }
    })?;
    expect(source, &id, peeled.as_deref())?;
    let commit_checksum = peeled.filter(|_| !source.keep_git_dir).unwrap_or_default();
    Ok(GitMetadata { r#ref: name, checksum: id, commit_checksum, ..Default::default() })
}

fn missing(guard: &Guard, id: &str) -> GitError {
    GitError::ObjectMissing { remote: guard.remote.clone(), id: id.to_owned() }
}

/// The id of the object that a ref names.
fn object_id(guard: &Guard, session: &Session, metadata: &GitMetadata) -> Result<ObjectId, GitError> {
    let id = &metadata.checksum;
    match ObjectId::from_hex(id.as_bytes()) {
        Ok(parsed) if parsed.kind() == session.hash()? => Ok(parsed),
        _ => Err(missing(guard, id)),
    }
}

/// Fetches commit and tag objects, and corrects `commit_checksum` by what they say.
fn add_objects(guard: &Guard, session: &mut Session, metadata: &mut GitMetadata) -> Result<(), GitError> {
    let missing = |id: &str| missing(guard, id);
    let id = object_id(guard, session, metadata)?;
    let objects: HashMap<ObjectId, Object> = session.fetch(id)?;
    let commit = match walk_to_commit(&guard.remote, id, &objects)? {
        Walk::Commit(commit) => commit,
        Walk::Missing(id) => return Err(missing(&id.to_string())),
    };
    let data = |id: &ObjectId| -> Result<Bytes, GitError> {
        let object = objects.get(id).ok_or_else(|| missing(&id.to_string()))?;
        object.verify(id)?;
        Ok(object.data.clone())
    };
    metadata.commit_object = Some(data(&commit)?);
    if commit == id {
        metadata.commit_checksum.clear();
        return Ok(());
    }
    let actual = commit.to_string();
    if !metadata.commit_checksum.is_empty() && metadata.commit_checksum != actual {
        let (id, claimed) = (id.to_string(), metadata.commit_checksum.clone());
        return Err(GitError::PeeledMismatch { remote: guard.remote.clone(), id, claimed, actual });
    }
    metadata.commit_checksum = actual;
    metadata.tag_object = Some(data(&id)?);
    Ok(())
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_files;
