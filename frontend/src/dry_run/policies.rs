//! Which policies are in force for a build: those that buildx would load.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use policy_engine::policy::{PolicyFile, PolicyRoot};

use super::DryRunError;
use crate::context::Context;
use crate::distribution::libraries::remote_policy;
use crate::distribution::{Fetcher, LibraryRoot, ListedPlace};
use crate::dockerfile::DockerfileOrigin;
use crate::memory_tree::MemoryTree;
use crate::policy_files::{
    Loaded, PolicyFileError, disabled, named, open_root, read_in_root, read_policy_file, remote,
};
use crate::policy_spec::PolicySpec;

/// How the policies to use were named on the command line.
#[derive(Debug, Clone, Default)]
pub struct PolicyOptions {
    /// `--policy`, in order.
    pub specs: Vec<PolicySpec>,
    /// `--policy-root`: where imports, data files and `filename=` are looked up. `None` is the build's context.
    pub root: Option<PathBuf>,
    /// `--strict`: warnings about a policy refuse it.
    pub strict: bool,
    /// `--require-policy`: that no policy applies is an error.
    pub required: bool,
    /// Gets policies and libraries that lie elsewhere.
    pub fetcher: Fetcher,
    /// `--libraries-from`: where libraries of remote contexts may come from.
    pub libraries_from: Vec<ListedPlace>,
}

/// Loads what is in force for a build with this context, and with policies of its own. There may be none, unless one
/// is required.
pub(super) fn load(
    options: &PolicyOptions,
    own: &[PolicySpec],
    context: &Context,
) -> Result<Loaded, DryRunError> {
    let specs = [options.specs.as_slice(), own].concat();
    let missing = || DryRunError::NoPolicy {
        dockerfile: context.dockerfile.name.clone(),
        is_file: context.dockerfile.path.is_some() || context.origin == DockerfileOrigin::Context,
    };
    if disabled(&specs)? {
        return if options.required { Err(missing()) } else { Ok(Loaded::disabled()) };
    }
    let root = match &options.root {
        Some(path) => open_root(path)?,
        None => Arc::clone(&context.files),
    };
    let folder = options.root.as_deref().or(context.folder.as_deref());
    let root = match folder {
        Some(folder) => LibraryRoot::over(root, folder.to_owned(), &options.fetcher)
            .map_err(PolicyFileError::Distribution)?,
        None => LibraryRoot::over_sent(root, &options.libraries_from, &options.fetcher),
    };
    let mut sets = Vec::new();
    if !specs.iter().any(|spec| spec.reset) {
        sets.extend(context.policy.clone().map(|file| (vec![file], Arc::clone(&root))));
    }
    for spec in named(&specs) {
        sets.push(match remote(spec)? {
            Some(place) => {
                let (locks, folder): (&dyn PolicyRoot, _) = match folder {
                    Some(folder) => (&*root, folder),
                    None => (&MemoryTree::empty(), Path::new("")),
                };
                remote_policy(place, locks, folder, &options.fetcher)
                    .map_err(PolicyFileError::Distribution)?
            }
            None => {
                let files = spec.files.iter().map(|name| read(name, options.root.as_deref(), context));
                (files.collect::<Result<_, _>>()?, Arc::clone(&root))
            }
        });
    }
    let strict = specs.iter().filter_map(|spec| spec.strict).next_back().unwrap_or_default();
    if sets.is_empty() && (options.required || strict) {
        return Err(missing());
    }
    Ok(Loaded::compile(sets, options.strict, &specs)?)
}

/// A file of `--policy filename=`: relative to the root or the context, or with `cwd://` to the working directory.
fn read(name: &str, root: Option<&Path>, context: &Context) -> Result<PolicyFile, PolicyFileError> {
    if let Some(path) = name.strip_prefix("cwd://") {
        return read_policy_file(Path::new(path));
    }
    if Path::new(name).is_absolute() {
        return read_policy_file(Path::new(name));
    }
    if let Some(root) = root {
        return read_policy_file(&root.join(name));
    }
    match read_in_root(&*context.files, name) {
        Ok(file) => Ok(PolicyFile { name: shown(name, context), ..file }),
        Err(PolicyFileError::Missing(_)) => Err(PolicyFileError::NotInContext(name.to_owned())),
        Err(error) => Err(error),
    }
}

fn shown(name: &str, context: &Context) -> String {
    match &context.folder {
        Some(folder) => folder.join(name).display().to_string(),
        None => name.to_owned(),
    }
}
