//! Where a Dockerfile is, and what lies beside it.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use policy_engine::policy::{FileError, PolicyFile, PolicyRoot};

use super::{Context, ContextError, Fetch, Stdin};
use crate::build_options::BuildOptions;
use crate::dockerfile::{DockerfileOrigin, MainContext};
use crate::policy_files::{PolicyFileError, read_policy_file};
use crate::policy_root::DiskRoot;
use crate::redact;
use crate::resolve::transport::ByteLimit;

/// Largest Dockerfile.
pub const MAX_DOCKERFILE: ByteLimit = ByteLimit { what: "a Dockerfile", bytes: 4 << 20 };
/// Its name where nobody gives another.
const DEFAULT: &str = "Dockerfile";
/// What BuildKit takes in place of it.
const LOWER_CASE: &str = "dockerfile";

/// A Dockerfile, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// Its text. Bytes that aren't UTF-8 became U+FFFD.
    pub text: String,
    /// As it is shown to the user: `app/Dockerfile`, `-`.
    pub name: String,
    /// Its path, when it is a file of this machine.
    pub path: Option<PathBuf>,
}

/// A Dockerfile with what lies beside it.
pub(super) struct Opened {
    dockerfile: Dockerfile,
    policy: Option<PolicyFile>,
    own_dockerignore: bool,
}

impl Dockerfile {
    pub(super) fn new(name: &str, text: &[u8]) -> Self {
        Self { text: String::from_utf8_lossy(text).into_owned(), name: name.to_owned(), path: None }
    }

    /// With nothing beside it.
    pub(super) fn alone(self) -> Opened {
        Opened { dockerfile: self, policy: None, own_dockerignore: false }
    }
}

impl Opened {
    pub(super) fn with_context(
        self,
        main: MainContext,
        origin: DockerfileOrigin,
        files: Arc<dyn PolicyRoot>,
    ) -> Context {
        let Self { dockerfile, policy, own_dockerignore } = self;
        Context { dockerfile, origin, main, own_dockerignore, policy, files, archive: None, folder: None }
    }
}

/// `input.env.filename`: the last name of what `--file` says, as buildx takes it.
pub fn env_filename(options: &BuildOptions) -> String {
    let named = options.dockerfile.as_deref().unwrap_or_default().trim_end_matches('/');
    match named.rsplit('/').next() {
        Some(name) if !name.is_empty() && name != "." => name.to_owned(),
        _ => DEFAULT.to_owned(),
    }
}

/// The Dockerfile that the client brings along by itself: inline, from standard input or from a URL of its own.
pub(super) async fn brought<F: Fetch>(
    options: &BuildOptions,
    fetch: &F,
    stdin: &Stdin,
) -> Result<Option<Dockerfile>, ContextError> {
    if let Some(text) = &options.dockerfile_inline {
        return Ok(Some(Dockerfile::new("inline", text.as_bytes())));
    }
    match options.dockerfile.as_deref() {
        Some("-") => Ok(Some(Dockerfile::new("-", &stdin.dockerfile().await?))),
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            let shown = redact::url(url);
            let text = fetch.download(url, MAX_DOCKERFILE).await.map_err(|cause| ContextError::Fetch {
                what: "the Dockerfile",
                shown: shown.clone(),
                cause: cause.into(),
            })?;
            Ok(Some(Dockerfile::new(&shown, &text)))
        }
        _ => Ok(None),
    }
}

/// The Dockerfile on this machine: `--file` counts from the working directory, and without it the Dockerfile lies in
/// the context.
pub(super) fn in_folder(options: &BuildOptions) -> Result<Opened, ContextError> {
    let path = match &options.dockerfile {
        Some(path) => PathBuf::from(path),
        None => Path::new(&options.context).join(DEFAULT),
    };
    let unreadable = |path: &Path, cause| ContextError::Dockerfile { path: shown(path), cause };
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(unreadable(&path, FileError::Other("it names no file".to_owned())));
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let root =
        DiskRoot::open(folder).map_err(|error| unreadable(&path, FileError::Other(error.to_string())))?;
    let exists = |name: &str| folder.join(name).symlink_metadata().is_ok();
    let name = if name == DEFAULT && !exists(DEFAULT) && exists(LOWER_CASE) { LOWER_CASE } else { name };
    let path = path.with_file_name(name);
    let text = root.read(name, MAX_DOCKERFILE.bytes).map_err(|cause| unreadable(&path, cause))?;
    let policy = match read_policy_file(&clean(&path.with_file_name(format!("{name}.rego")))) {
        Ok(policy) => Some(policy),
        Err(PolicyFileError::Missing(_)) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Opened {
        own_dockerignore: exists(&format!("{name}.dockerignore")),
        dockerfile: Dockerfile { path: Some(clean(&path)), ..Dockerfile::new(&shown(&path), &text) },
        policy,
    })
}

/// The Dockerfile in a context of which only its files are known.
pub(super) fn in_files(options: &BuildOptions, files: &dyn PolicyRoot) -> Result<Opened, ContextError> {
    let path = rooted(options.dockerfile.as_deref().unwrap_or(DEFAULT));
    let path = if path.is_empty() { DEFAULT.to_owned() } else { path };
    let text = files.read(&path, MAX_DOCKERFILE.bytes).or_else(|cause| {
        let lower_case =
            path.strip_suffix(DEFAULT).filter(|folder| folder.is_empty() || folder.ends_with('/'));
        let lower_case = lower_case.map(|folder| format!("{folder}{LOWER_CASE}")).ok_or(cause.clone())?;
        files.read(&lower_case, MAX_DOCKERFILE.bytes).map_err(|_| cause)
    });
    let text = text.map_err(|cause| ContextError::Dockerfile { path: path.clone(), cause })?;
    let policy = crate::policy_files::read_in_root(files, &format!("{path}.rego"));
    let policy = match policy {
        Ok(policy) => Some(policy),
        Err(PolicyFileError::Missing(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let own_dockerignore = files.read(&format!("{path}.dockerignore"), u64::MAX).is_ok();
    Ok(Opened { dockerfile: Dockerfile::new(&path, &text), policy, own_dockerignore })
}

/// The path as seen from a root that `..` does not leave, relative to that root.
fn rooted(path: &str) -> String {
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => _ = names.pop(),
            name => names.push(name),
        }
    }
    names.join("/")
}

/// Without `./`.
pub(super) fn clean(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn shown(path: &Path) -> String {
    clean(path).display().to_string()
}
