//! Policies to begin with, and the library that policies import, as they are written to a user's folder.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::whole_file;

#[cfg(test)]
mod tests;

/// A file of the library: its path below the folder that policies import from, and its text.
macro_rules! library {
    ($path:literal) => {
        (concat!("lib/", $path), include_str!(concat!("../../../policies/lib/", $path)))
    };
}

/// Everything that `import data.lib.…` finds. Sorted.
const LIBRARY: &[(&str, &str)] = &[
    library!("environments/stages.rego"),
    library!("git/refs.rego"),
    library!("git/remotes.rego"),
    library!("git/signatures.rego"),
    library!("images/age.rego"),
    library!("images/config.rego"),
    library!("images/digests.rego"),
    library!("images/immutable.rego"),
    library!("images/keys.rego"),
    library!("images/managed.rego"),
    library!("images/materials.rego"),
    library!("images/platforms.rego"),
    library!("images/provenance.rego"),
    library!("images/registries.rego"),
    library!("images/repositories.rego"),
    library!("images/signatures.rego"),
    library!("images/tags.rego"),
    library!("images/versions.rego"),
    library!("locals/contexts.rego"),
    library!("locks/lockfile.rego"),
    library!("urls/checksums.rego"),
    library!("urls/hosts.rego"),
    library!("urls/signatures.rego"),
];

/// A policy with its tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Starter {
    /// `Dockerfile.rego`.
    pub policy: &'static str,
    /// `Dockerfile_test.rego`.
    pub tests: &'static str,
    /// Whether the policy imports the library.
    pub imports_library: bool,
}

/// Well-known registries, and nothing unencrypted.
pub const BASELINE: Starter = Starter {
    policy: include_str!("../../../policies/starter/baseline/Dockerfile.rego"),
    tests: include_str!("../../../policies/starter/baseline/Dockerfile_test.rego"),
    imports_library: false,
};

/// Lists of repositories and files, everything by digest.
pub const STRICT: Starter = Starter {
    policy: include_str!("../../../policies/starter/strict/Dockerfile.rego"),
    tests: include_str!("../../../policies/starter/strict/Dockerfile_test.rego"),
    imports_library: false,
};

/// Ranges of versions, by functions of the library.
pub const WITH_LIBRARY: Starter = Starter {
    policy: include_str!("../../../policies/starter/library/Dockerfile.rego"),
    tests: include_str!("../../../policies/starter/library/Dockerfile_test.rego"),
    imports_library: true,
};

/// Why a starter could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StarterError {
    /// The folder isn't there, or is none.
    #[error("there is no folder `{}` to write a policy to", .0.display())]
    NoFolder(PathBuf),
    /// What was named is a policy already, and not a Dockerfile.
    #[error("`{}` is a policy, not a Dockerfile", .0.display())]
    NotADockerfile(PathBuf),
    /// These files are there already, with other content. Nothing was written.
    #[error("there is already {}", list(.0))]
    Exists(Vec<PathBuf>),
    /// A file could not be read or written.
    #[error("cannot write `{}`: {cause}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
}

/// What happened to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Which.
    pub path: PathBuf,
    /// Whether it was written; else it had this content already.
    pub changed: bool,
}

/// Writes a starter beside the Dockerfile `at`, or that of the folder `at`, and the library to `lib/` in that
/// folder where it is imported or `with_library`. Files that are there with other content are replaced only with
/// `force`: without it, nothing is written then.
pub fn write(
    starter: Starter,
    at: &Path,
    with_library: bool,
    force: bool,
) -> Result<Vec<Written>, StarterError> {
    let (folder, name) = place(at)?;
    let mut files = vec![
        (folder.join(format!("{name}.rego")), starter.policy),
        (folder.join(format!("{name}_test.rego")), starter.tests),
    ];
    if starter.imports_library || with_library {
        files.extend(LIBRARY.iter().map(|(path, text)| (folder.join(path), *text)));
    }
    let mut written = Vec::new();
    let mut others = Vec::new();
    for (path, text) in &files {
        match std::fs::read(path) {
            Ok(content) if content == text.as_bytes() => {
                written.push(Written { path: path.clone(), changed: false });
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                written.push(Written { path: path.clone(), changed: true });
            }
            Ok(_) => {
                others.push(path.clone());
                written.push(Written { path: path.clone(), changed: true });
            }
            Err(cause) => return Err(StarterError::Write { path: path.clone(), cause }),
        }
    }
    if !force && !others.is_empty() {
        return Err(StarterError::Exists(others));
    }
    for ((path, text), file) in files.iter().zip(&written) {
        if file.changed {
            save(path, text, force).map_err(|cause| StarterError::Write { path: path.clone(), cause })?;
        }
    }
    Ok(written)
}

/// The folder, and the Dockerfile's name in it. BuildKit takes `dockerfile` where there is no `Dockerfile`.
fn place(at: &Path) -> Result<(PathBuf, String), StarterError> {
    if at.is_dir() {
        let lower = !at.join("Dockerfile").exists() && at.join("dockerfile").exists();
        // Said as a user would: `Dockerfile.rego`, not `./Dockerfile.rego`.
        let folder = if at == Path::new(".") { PathBuf::new() } else { at.to_owned() };
        return Ok((folder, if lower { "dockerfile" } else { "Dockerfile" }.to_owned()));
    }
    let Some(folder) = at.parent() else { return Err(StarterError::NoFolder(at.to_owned())) };
    if at.extension().is_some_and(|extension| extension == "rego") {
        return Err(StarterError::NotADockerfile(at.to_owned()));
    }
    match at.file_name().and_then(|name| name.to_str()) {
        Some(name) if at.is_file() => Ok((folder.to_owned(), name.to_owned())),
        _ => Err(StarterError::NoFolder(at.to_owned())),
    }
}

/// Without `force`, a file that came to be in the meantime stays.
fn save(path: &Path, text: &str, force: bool) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if force {
        return whole_file::write(path, text.as_bytes());
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
