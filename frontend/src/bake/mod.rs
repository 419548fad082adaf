//! `docker-bake.hcl`, `docker-bake.json` and Compose files, as the builds that `docker buildx bake` makes of them.
//!
//! Nothing here talks: no network, no clock, no process environment. What a definition may see of these comes in with
//! [`Environment`]. [`load`] reads the files; evaluation is bounded in steps and depth.

mod attributes;
mod compose;
mod config;
mod definitions;
mod dependencies;
mod environment;
mod error;
mod eval;
mod files;
mod functions;
mod options;
mod overrides;
mod paths;
mod syntax;
mod target;
#[cfg(test)]
mod tests;
mod type_expr;
mod value;
mod variables;

use std::path::Path;

pub use environment::Environment;
pub use error::{BakeError, Position};

use crate::build_options::BuildOptions;
use crate::policy_spec::PolicySpec;

/// One build of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BakeTarget {
    /// The target's name, or that of the Compose service.
    pub name: String,
    /// What it builds. Paths are as `docker buildx build` takes them, from the working directory.
    pub options: BuildOptions,
    /// Its `policy`, in order, as `--policy` flags.
    pub policy: Vec<PolicySpec>,
    /// Whether it is only there because another target has it as `target:NAME` among its contexts.
    pub linked: bool,
}

/// What a definition comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bake {
    /// The builds, those before that others have as contexts.
    pub targets: Vec<BakeTarget>,
    /// What is odd, but stops nothing: blocks and attributes that bake does not know, a variable of Compose that is not
    /// set.
    pub warnings: Vec<String>,
}

/// The builds of `targets` (none is the target or group `default`), and those that they depend on.
///
/// `files` are paths from `cwd`; if there are none, those of `BUILDX_BAKE_FILE`, else those that bake looks for itself.
/// `overrides` are `--set` values as `target.args.NAME=value`; later ones come after those before.
///
/// # Errors
///
/// [`BakeError::is_usage`] tells a definition or a use of it that is wrong from one that cannot be resolved here.
pub fn load(
    files: &[String],
    cwd: &Path,
    environment: &Environment,
    targets: &[String],
    overrides: &[String],
) -> Result<Bake, BakeError> {
    let mut warnings = Vec::new();
    let resolved = config::resolve(files, cwd, environment, targets, overrides, &mut warnings)?;
    let targets = resolved
        .targets
        .iter()
        .map(|target| options::bake_target(target, environment))
        .collect::<Result<_, _>>()?;
    Ok(Bake { targets, warnings })
}
