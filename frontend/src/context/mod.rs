//! Build contexts: from the options of a build to its Dockerfile, the policy beside it and the files that policies
//! may read. Everything is taken from where buildx and BuildKit take it.
//!
//! What is remote is held in memory and never written to disk.

mod archive;
mod dockerfile;
mod error;
mod fetch;
mod stdin;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use policy_engine::policy::{PolicyFile, PolicyRoot};
use policy_engine::source::{Platform, SourceOp, git_context};

use crate::build_options::BuildOptions;
use crate::dockerfile::{Build, DockerfileOrigin, MainContext, remote_context};
use crate::memory_tree::{MemoryTree, Node};
use crate::policy_root::DiskRoot;
use crate::redact;

pub use dockerfile::{Dockerfile, MAX_DOCKERFILE, env_filename};
pub use error::ContextError;
pub use fetch::{Fetch, MAX_DOWNLOAD};
pub use stdin::Stdin;

/// What BuildKit calls the file that a URL of a context leads to.
const HTTP_FILE: &str = "context";

/// A context, opened.
pub struct Context {
    /// The Dockerfile.
    pub dockerfile: Dockerfile,
    /// Where BuildKit reads the Dockerfile from.
    pub origin: DockerfileOrigin,
    /// What the context is.
    pub main: MainContext,
    /// Whether `<Dockerfile>.dockerignore` lies beside the Dockerfile.
    pub own_dockerignore: bool,
    /// The policy beside the Dockerfile, where there is one.
    pub policy: Option<PolicyFile>,
    /// The context's files, which policies import and read.
    pub files: Arc<dyn PolicyRoot>,
    /// `sha256:…` of the archive on standard input, when the context is one.
    pub archive: Option<String>,
    /// The context's folder, when it is one of this machine.
    pub folder: Option<PathBuf>,
}

impl Context {
    /// The build that searches it for sources, on a builder of this platform.
    pub(crate) fn build<'a>(&'a self, options: &'a BuildOptions, build_platform: &'a Platform) -> Build<'a> {
        Build {
            dockerfile: &self.dockerfile.text,
            name: &self.dockerfile.name,
            origin: self.origin,
            own_dockerignore: self.own_dockerignore,
            context: self.main,
            options,
            build_platform,
        }
    }
}

/// Opens the context of a build: reads its Dockerfile and the policy beside it. Must be called on a tokio runtime.
pub async fn open<F: Fetch>(
    options: &BuildOptions,
    fetch: &F,
    stdin: &Stdin,
) -> Result<Context, ContextError> {
    check_named(options)?;
    if options.context == "-" {
        return on_stdin(options, fetch, stdin).await;
    }
    if Path::new(&options.context).is_dir() {
        let files = DiskRoot::open(Path::new(&options.context))
            .map_err(|cause| ContextError::Folder { path: options.context.clone(), cause })?;
        let opened = match dockerfile::brought(options, fetch, stdin).await? {
            Some(dockerfile) => dockerfile.alone(),
            None => dockerfile::in_folder(options)?,
        };
        let context = opened.with_context(MainContext::Local, DockerfileOrigin::Client, Arc::new(files));
        return Ok(Context { folder: Some(dockerfile::clean(Path::new(&options.context))), ..context });
    }
    match remote_context(options)? {
        Some(source) => remote(options, &source, fetch, stdin).await,
        None => Err(ContextError::NoContext { context: redact::url(&options.context) }),
    }
}

/// A further context that is none of the kinds with a URL is a folder.
fn check_named(options: &BuildOptions) -> Result<(), ContextError> {
    const SCHEMES: &[&str] = &["docker-image://", "oci-layout://", "target:", "http://", "https://"];
    for (name, value) in &options.build_contexts {
        let is_url = SCHEMES.iter().any(|scheme| value.starts_with(scheme)) || git_context(value)?.is_some();
        if !is_url && !Path::new(value).is_dir() {
            return Err(ContextError::NoNamedContext { name: name.clone(), context: redact::url(value) });
        }
    }
    Ok(())
}

/// The context `-`: an archive, or the Dockerfile of a build without files.
async fn on_stdin<F: Fetch>(
    options: &BuildOptions,
    fetch: &F,
    stdin: &Stdin,
) -> Result<Context, ContextError> {
    if options.dockerfile.as_deref() == Some("-") {
        return Err(ContextError::StdinTwice);
    }
    match stdin.context().await? {
        stdin::Content::Archive { files, digest } => {
            let brought = dockerfile::brought(options, fetch, stdin).await?;
            let context = in_files(options, files, MainContext::StdinArchive, brought)?;
            Ok(Context { archive: Some(digest), ..context })
        }
        stdin::Content::Text(_) if options.dockerfile.is_some() => Err(ContextError::TwoDockerfiles),
        stdin::Content::Text(text) => {
            let (main, files) = (MainContext::Local, Arc::new(MemoryTree::empty()));
            Ok(Dockerfile::new("-", &text).alone().with_context(main, DockerfileOrigin::Client, files))
        }
    }
}

/// A git repository, or what a URL delivers: an archive or a Dockerfile.
async fn remote<F: Fetch>(
    options: &BuildOptions,
    source: &SourceOp,
    fetch: &F,
    stdin: &Stdin,
) -> Result<Context, ContextError> {
    let brought = dockerfile::brought(options, fetch, stdin).await?;
    let failed = |cause: F::Error| ContextError::Fetch {
        what: "the build context",
        shown: redact::url(&options.context),
        cause: cause.into(),
    };
    let main = MainContext::Remote;
    if source.identifier.starts_with("git://") {
        let files = fetch.git_files(source).await.map_err(failed)?;
        return in_files(options, files, main, brought);
    }
    let body = fetch.download(&options.context, MAX_DOWNLOAD).await.map_err(failed)?;
    if archive::is_archive(&body[..archive::HEAD.min(body.len())]) {
        let files = archive::unpack(&body, &body[..])
            .map_err(|cause| ContextError::Archive { shown: redact::url(&options.context), cause })?;
        return in_files(options, files, main, brought);
    }
    let files = single_file(body.clone());
    Ok(match brought {
        Some(dockerfile) => dockerfile.alone().with_context(main, DockerfileOrigin::Client, files),
        None => {
            let dockerfile = Dockerfile::new(&redact::url(&options.context), &body);
            dockerfile.alone().with_context(main, DockerfileOrigin::Context, files)
        }
    })
}

/// A context whose files are in memory. The Dockerfile is one of them, unless the client `brought` it.
fn in_files(
    options: &BuildOptions,
    files: MemoryTree,
    main: MainContext,
    brought: Option<Dockerfile>,
) -> Result<Context, ContextError> {
    if let Some(dockerfile) = brought {
        return Ok(dockerfile.alone().with_context(main, DockerfileOrigin::Client, Arc::new(files)));
    }
    if options.dockerfile.as_deref().is_some_and(|path| Path::new(path).is_absolute()) {
        let opened = dockerfile::in_folder(options)?;
        return Ok(opened.with_context(main, DockerfileOrigin::Client, Arc::new(files)));
    }
    let opened = dockerfile::in_files(options, &files)?;
    Ok(opened.with_context(main, DockerfileOrigin::Context, Arc::new(files)))
}

fn single_file(content: Bytes) -> Arc<MemoryTree> {
    let nodes: BTreeMap<_, _> = [(HTTP_FILE.to_owned(), Node::File(content))].into();
    Arc::new(MemoryTree::new(nodes))
}

#[cfg(test)]
mod tests;
