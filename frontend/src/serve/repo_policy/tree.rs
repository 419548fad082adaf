//! Reading the files of a build through a build of the hook.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use policy_engine::policy::{FileError, PolicyRoot};
use policy_engine::source::SourceOp;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::OnceCell;

use super::location::{HTTP_FILE, Place};
use crate::buildkit::internal_build::{InternalBuild, InternalBuildError, RefId};
use crate::buildkit::llb;
use crate::buildkit::proto::pb;

/// How long the daemon may take to fetch a remote context, which the build needs anyway.
const FETCH: Duration = Duration::from_mins(5);
/// Bytes of files that are kept for the next check of the same build.
const KEPT: usize = 16 << 20;
/// How long a policy waits for a file: what is remote is fetched on the first read.
const READ: Duration = Duration::from_secs(FETCH.as_secs() + 30);

/// A tree of files, opened through a build of the hook.
#[derive(Debug)]
pub(super) enum Tree {
    /// A client's directory. Only the files that are asked for are transferred.
    Local { session: String, name: String },
    /// A result, solved when it is first needed.
    Whole { definition: pb::Definition, solved: OnceCell<RefId> },
    /// Nothing can be read from it.
    Nowhere,
}

impl Tree {
    pub(super) fn new(place: &Place) -> Self {
        let whole = |definition| Self::Whole { definition, solved: OnceCell::new() };
        match place.clone() {
            Place::Local { session, name } => Self::Local { session, name },
            Place::Git(source) => whole(llb::source(&source)),
            Place::Http(source) => whole(llb::unpacked(&source, HTTP_FILE)),
            Place::Input(definition) => whole(definition),
            Place::Upload => Self::Nowhere,
        }
    }

    /// A result that holds the files `paths`, as far as they exist. `None` when there is no such tree.
    pub(super) async fn open(
        &self,
        build: &InternalBuild,
        paths: &[&str],
    ) -> Result<Option<RefId>, InternalBuildError> {
        match self {
            Self::Nowhere => Ok(None),
            Self::Whole { definition, solved } => {
                let solve = || build.solve_within(definition.clone(), FETCH);
                Ok(Some(solved.get_or_try_init(solve).await?.clone()))
            }
            Self::Local { session, name } => {
                match build.solve(llb::source(&local(session, name, paths))).await {
                    Err(error) if error.is_missing_directory() => Ok(None),
                    solved => solved.map(Some),
                }
            }
        }
    }

    /// A file's content. `None` when there is no such file.
    pub(super) async fn read(
        &self,
        build: &InternalBuild,
        path: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, InternalBuildError> {
        match self.open(build, &[path]).await? {
            None => Ok(None),
            Some(opened) => read(build, &opened, path, limit).await,
        }
    }

    /// Whether there is such a file.
    pub(super) async fn has(&self, build: &InternalBuild, path: &str) -> Result<bool, InternalBuildError> {
        let Some(opened) = self.open(build, &[path]).await? else { return Ok(false) };
        match build.stat_file(&opened, path).await {
            Err(error) if error.is_missing_file() => Ok(false),
            found => found.map(|_| true),
        }
    }
}

/// A file of an opened tree. `None` when there is no such file.
pub(super) async fn read(
    build: &InternalBuild,
    opened: &RefId,
    path: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, InternalBuildError> {
    match build.read_file(opened, path, limit).await {
        Err(error) if error.is_missing_file() => Ok(None),
        read => read.map(Some),
    }
}

/// The source of some files of a client's directory.
fn local(session: &str, name: &str, paths: &[&str]) -> SourceOp {
    let attrs = [
        ("local.session", session.to_owned()),
        ("local.followpaths", serde_json::json!(paths).to_string()),
        // Not the hint of the build's own sources: the daemon would make it and the hook wait for each other.
        ("local.sharedkeyhint", format!("policy-check-{name}")),
        ("local.differ", "none".to_owned()),
    ];
    SourceOp {
        identifier: format!("local://{name}"),
        attrs: attrs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<BTreeMap<_, _>>(),
    }
}

/// A build's context as the root of its policy. Lasts as long as the policy; the hook's build ends with it.
pub(super) struct SessionRoot {
    /// Taken when dropped only.
    reader: Option<Arc<Reader>>,
    runtime: Handle,
    kept: Mutex<Kept>,
}

/// What a read needs on another thread.
struct Reader {
    build: InternalBuild,
    context: Arc<Tree>,
}

/// Files that were read.
#[derive(Default)]
struct Kept {
    files: HashMap<String, Result<Arc<[u8]>, FileError>>,
    bytes: usize,
}

impl SessionRoot {
    /// Must be called within a runtime, which does the reading later.
    pub(super) fn new(build: InternalBuild, context: Arc<Tree>) -> Self {
        Self {
            reader: Some(Arc::new(Reader { build, context })),
            runtime: Handle::current(),
            kept: Mutex::default(),
        }
    }

    /// Reads on the runtime, and blocks this thread until it is done. It must not be the only thread of a
    /// runtime.
    fn fetch(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let Some(reader) = self.reader.clone() else { return Err(FileError::NotFound) };
        let (sender, receiver) = sync_channel(1);
        let wanted = path.to_owned();
        self.runtime.spawn(async move {
            let read = reader.context.read(&reader.build, &wanted, limit).await;
            // Before the answer, as the root may be dropped right after it.
            drop(reader);
            // Nobody listens any more after a timeout.
            let _ = sender.send(read);
        });
        match may_block(|| receiver.recv_timeout(READ)) {
            Ok(Ok(Some(content))) => Ok(content),
            Ok(Ok(None)) => Err(FileError::NotFound),
            Ok(Err(InternalBuildError::TooLarge(limit))) => Err(FileError::TooLarge(limit)),
            Ok(Err(error)) => Err(FileError::Other(error.to_string())),
            Err(RecvTimeoutError::Timeout) => {
                Err(FileError::Other(format!("buildkitd did not deliver it within {} s", READ.as_secs())))
            }
            Err(RecvTimeoutError::Disconnected) => Err(FileError::Other("the hook is shutting down".into())),
        }
    }
}

/// Blocks this thread. A worker of a runtime hands its tasks over first, or the task that is waited for could
/// be among them.
fn may_block<T>(wait: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
        _ => wait(),
    }
}

impl PolicyRoot for SessionRoot {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let path = clean(path)?;
        if let Some(kept) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).files.get(&path) {
            let content = kept.clone()?;
            let too_large = content.len() as u64 > limit;
            return if too_large { Err(FileError::TooLarge(limit)) } else { Ok(content.to_vec()) };
        }
        let read = self.fetch(&path, limit);
        // The daemon's answer won't change while the build runs. Other failures may pass.
        let keep = match &read {
            Ok(content) => Ok(Arc::from(content.as_slice())),
            Err(FileError::NotFound) => Err(FileError::NotFound),
            Err(_) => return read,
        };
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).add(path, keep);
        read
    }
}

impl Kept {
    /// Keeps a file as long as there is room.
    fn add(&mut self, path: String, read: Result<Arc<[u8]>, FileError>) {
        let size = path.len() + read.as_ref().map_or(0, |content| content.len());
        if self.bytes + size <= KEPT && self.files.insert(path, read).is_none() {
            self.bytes += size;
        }
    }
}

impl Drop for SessionRoot {
    /// Ends the hook's build in good order; a build that is dropped shows as cancelled in the daemon's log.
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take().and_then(Arc::into_inner) {
            end(&self.runtime, reader.build);
        }
    }
}

/// Ends a build without waiting for it.
pub(super) fn end(runtime: &Handle, build: InternalBuild) {
    // Nothing is left to do when it fails: the daemon cancels what is dropped.
    runtime.spawn(async move {
        let _ = build.finish().await;
    });
}

/// The path relative to the root, without `.`; one that leads out is refused.
fn clean(path: &str) -> Result<String, FileError> {
    let parts: Vec<&str> = path.split('/').filter(|part| *part != ".").collect();
    let unclean = |part: &&str| part.is_empty() || *part == ".." || part.contains(['\0', '\\']);
    if parts.is_empty() || parts.iter().any(unclean) {
        return Err(FileError::Escapes);
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clean_relative_paths_are_asked_for() {
        assert_eq!(clean("a/b.rego").as_deref(), Ok("a/b.rego"));
        assert_eq!(clean("./a/./b").as_deref(), Ok("a/b"));
        for path in ["", ".", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "a\\b", "a\0"] {
            assert_eq!(clean(path), Err(FileError::Escapes), "{path:?}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut kept = Kept::default();
        let half: Arc<[u8]> = vec![0; KEPT / 2].into();
        for name in ["a", "b", "c"] {
            kept.add(name.into(), Ok(Arc::clone(&half)));
        }
        assert_eq!(kept.files.len(), 1);
        kept.add("d".into(), Err(FileError::NotFound));
        assert_eq!(kept.bytes, KEPT / 2 + 2);
    }

    #[test]
    fn local_sources_ask_for_exact_files() {
        let source = local("s1", "dockerfile", &["a \"b\".rego"]);
        assert_eq!(source.identifier, "local://dockerfile");
        assert_eq!(source.attrs["local.followpaths"], r#"["a \"b\".rego"]"#);
        assert_eq!(source.attrs["local.session"], "s1");
    }
}
