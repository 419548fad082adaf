//! Which policies are in force: from flags to files on disk to compiled policies.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use policy_engine::policy::{
    Diagnostic, FileError, LoadError, LoadOptions, Policy, PolicyFile, PolicyRoot, PolicySet,
};

use crate::distribution::libraries::remote_policy;
use crate::distribution::{DistributionError, Fetcher, LibraryRoot, Place};
use crate::policy_root::{DiskRoot, read_within};
use crate::policy_spec::{LogLevel, PolicySpec};

/// Largest policy file, in bytes.
pub const MAX_POLICY_FILE: u64 = 4 << 20;

/// How the policies to use were named on the command line.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// `--file`: the Dockerfile whose policy lies beside it, a `.rego` file, or `-` for standard input.
    /// `None` is `Dockerfile`, whose policy need not be there when others are named.
    pub file: Option<String>,
    /// `--policy`, in order.
    pub specs: Vec<PolicySpec>,
    /// `--policy-root`: where imports, data files and `filename=` are looked up. `None` is the working directory.
    pub root: Option<PathBuf>,
    /// `--strict`: warnings about a policy refuse it.
    pub strict: bool,
    /// Gets policies and libraries that lie elsewhere.
    pub fetcher: Fetcher,
}

/// One policy: its files, and where it imports and reads from.
pub type PolicySource = (Vec<PolicyFile>, Arc<dyn PolicyRoot>);

/// The policies in force.
pub struct Loaded {
    /// In the order they are asked.
    pub policies: PolicySet,
    /// What was found when loading them.
    pub warnings: Vec<Diagnostic>,
    /// How much of what they say is shown.
    pub log_level: LogLevel,
    /// `disabled=true` was given: nothing is evaluated.
    pub disabled: bool,
}

/// Why the policies could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFileError {
    /// There is no such file.
    #[error("there is no policy `{0}`")]
    Missing(String),
    /// There is no such file in the build's context.
    #[error("there is no policy `{0}` in the build context")]
    NotInContext(String),
    /// A file could not be read.
    #[error("cannot read policy `{path}`: {cause}")]
    Read {
        /// As it was looked for.
        path: String,
        /// Why.
        cause: FileError,
    },
    /// A file isn't text.
    #[error("policy `{0}` is not UTF-8 text")]
    NotText(String),
    /// The root could not be opened.
    #[error("cannot open the policy's root `{path}`: {cause}")]
    Root {
        /// The folder.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// No policy is left to ask.
    #[error("no policy to evaluate")]
    NoPolicy,
    /// `disabled=true` beside other options.
    #[error("`--policy disabled=true` cannot be combined with other policy options")]
    DisabledCombined,
    /// Rego that doesn't load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A policy or a library from elsewhere that can't be used.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// A policy from elsewhere in a flag that names further files.
    #[error("`{0}` is a whole policy, and cannot be named together with other files")]
    Together(String),
}

impl PolicyFileError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Missing(path) => {
                Some(format!("create `{path}`, or name another policy with `--file` or `--policy`"))
            }
            Self::NotInContext(path) => Some(format!(
                "`filename=` is looked up in the context; `cwd://{path}` is in the working directory"
            )),
            Self::NoPolicy => Some("name one with `--file` or `--policy filename=PATH`".into()),
            Self::Distribution(error) => error.help(),
            Self::Together(_) => Some("give it a `--policy` flag of its own".into()),
            Self::Root { .. } => Some("name a folder that exists with `--policy-root`".into()),
            _ => None,
        }
    }
}

impl Selection {
    /// `input.env.filename`: base name of the Dockerfile.
    pub fn dockerfile_name(&self) -> String {
        let file = self.file.as_deref().unwrap_or("Dockerfile");
        if file == "-" {
            return "stdin".into();
        }
        let name = Path::new(file).file_name().map_or(file.into(), |name| name.to_string_lossy());
        name.strip_suffix(".rego").unwrap_or(&name).to_owned()
    }

    /// Reads and compiles the policies, and fails when there is none.
    pub fn load(&self) -> Result<Loaded, PolicyFileError> {
        if disabled(&self.specs)? {
            return Ok(Loaded::disabled());
        }
        let folder = self.root_path();
        let root = LibraryRoot::over(open_root(folder)?, folder.to_owned(), &self.fetcher)?;
        let mut sets = Vec::new();
        if !self.specs.iter().any(|spec| spec.reset) {
            sets.extend(self.beside_dockerfile()?.map(|file| (vec![file], Arc::clone(&root))));
        }
        for spec in named(&self.specs) {
            sets.push(match remote(spec)? {
                Some(place) => remote_policy(place, &*root, folder, &self.fetcher)?,
                None => {
                    let files = spec.files.iter().map(|name| self.named(name)).collect::<Result<_, _>>()?;
                    (files, Arc::clone(&root))
                }
            });
        }
        if sets.is_empty() {
            return Err(PolicyFileError::NoPolicy);
        }
        Loaded::compile(sets, self.strict, &self.specs)
    }

    fn root_path(&self) -> &Path {
        self.root.as_deref().unwrap_or(Path::new("."))
    }

    /// The policy that belongs to the Dockerfile. It may be missing only when nobody named it and other
    /// policies are in force.
    fn beside_dockerfile(&self) -> Result<Option<PolicyFile>, PolicyFileError> {
        let file = self.file.as_deref().unwrap_or("Dockerfile");
        if file == "-" {
            let read = read_within(std::io::stdin().lock(), MAX_POLICY_FILE);
            return text("stdin".into(), read).map(Some);
        }
        let name = if has_rego_suffix(file) { file.to_owned() } else { format!("{file}.rego") };
        let optional = self.file.is_none() && self.specs.iter().any(|spec| !spec.files.is_empty());
        match read_file(Path::new(&name)) {
            Err(FileError::NotFound) if optional => Ok(None),
            read => text(name, read).map(Some),
        }
    }

    /// A file of `--policy filename=`: relative to the root, or to the working directory with `cwd://`.
    fn named(&self, name: &str) -> Result<PolicyFile, PolicyFileError> {
        let path = match name.strip_prefix("cwd://") {
            Some(path) => PathBuf::from(path),
            None if self.root.is_some() => self.root_path().join(name),
            None => PathBuf::from(name),
        };
        text(path.display().to_string(), read_file(&path))
    }
}

impl Loaded {
    /// Nothing is evaluated.
    pub fn disabled() -> Self {
        let (policies, warnings) = (PolicySet::default(), Vec::new());
        Self { policies, warnings, log_level: LogLevel::Info, disabled: true }
    }

    /// Compiles these policies; `specs` says how much is shown of what they print.
    pub fn compile(
        sets: Vec<PolicySource>,
        strict: bool,
        specs: &[PolicySpec],
    ) -> Result<Self, PolicyFileError> {
        let mut policies = PolicySet::default();
        for (files, root) in sets {
            let options = LoadOptions { files, root: Some(root), strict };
            policies.policies.push(Arc::new(Policy::load(&options)?));
        }
        let warnings = policies.policies.iter().flat_map(|policy| policy.warnings()).cloned().collect();
        let log_level = specs.iter().filter_map(|spec| spec.log_level).next_back();
        Ok(Self { policies, warnings, log_level: log_level.unwrap_or(LogLevel::Info), disabled: false })
    }
}

/// Whether `--policy disabled=true` switches policies off, which it does on its own only.
pub fn disabled(specs: &[PolicySpec]) -> Result<bool, PolicyFileError> {
    let alone = PolicySpec { disabled: true, ..PolicySpec::default() };
    match specs {
        [only] if *only == alone => Ok(true),
        specs if specs.iter().any(|spec| spec.disabled) => Err(PolicyFileError::DisabledCombined),
        _ => Ok(false),
    }
}

/// The flags that name files and are in force: those from the last `reset=true` on.
pub fn named(specs: &[PolicySpec]) -> impl Iterator<Item = &PolicySpec> {
    let first = specs.iter().rposition(|spec| spec.reset).unwrap_or(0);
    specs.iter().skip(first).filter(|spec| !spec.files.is_empty())
}

/// The place on another machine that a flag names, which is a whole policy.
pub fn remote(spec: &PolicySpec) -> Result<Option<&str>, PolicyFileError> {
    match spec.files.iter().find(|name| Place::names_remote(name)) {
        Some(place) if spec.files.len() > 1 => Err(PolicyFileError::Together(crate::redact::url(place))),
        place => Ok(place.map(String::as_str)),
    }
}

fn has_rego_suffix(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "rego")
}

/// Opens the folder that a policy may read from.
pub fn open_root(path: &Path) -> Result<Arc<dyn PolicyRoot>, PolicyFileError> {
    let root = DiskRoot::open(path)
        .map_err(|cause| PolicyFileError::Root { path: path.display().to_string(), cause })?;
    Ok(Arc::new(root))
}

/// Reads a policy file that the user named, so it may lie anywhere.
pub fn read_policy_file(path: &Path) -> Result<PolicyFile, PolicyFileError> {
    text(path.display().to_string(), read_file(path))
}

/// Reads a policy file inside of a root.
pub fn read_in_root(root: &dyn PolicyRoot, path: &str) -> Result<PolicyFile, PolicyFileError> {
    text(path.to_owned(), root.read(path, MAX_POLICY_FILE))
}

fn read_file(path: &Path) -> Result<Vec<u8>, FileError> {
    read_named(path, MAX_POLICY_FILE)
}

/// Reads a file of at most `limit` bytes that the user named, so it may lie anywhere.
pub fn read_named(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let other = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => FileError::NotFound,
        _ => FileError::Other(error.to_string()),
    };
    if std::fs::metadata(path).map_err(other)?.is_dir() {
        return Err(FileError::Other("a folder, not a file".into()));
    }
    let file = std::fs::File::open(path).map_err(other)?;
    read_within(file, limit)
}

fn text(name: String, read: Result<Vec<u8>, FileError>) -> Result<PolicyFile, PolicyFileError> {
    let content = match read {
        Ok(content) => content,
        Err(FileError::NotFound) => return Err(PolicyFileError::Missing(name)),
        Err(cause) => return Err(PolicyFileError::Read { path: name, cause }),
    };
    match String::from_utf8(content) {
        Ok(text) => Ok(PolicyFile { name, text }),
        Err(_) => Err(PolicyFileError::NotText(name)),
    }
}
