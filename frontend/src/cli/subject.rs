//! What a command looks at: the build of one context, or the builds of bake and Compose files.

use std::path::Path;

use super::build_flags::{BuildFlags, FlagError};
use super::error::Error;
use super::output::Output;
use crate::bake::{self, BakeTarget, Environment};
use crate::dry_run::NamedBuild;

#[derive(Debug, clap::Args)]
pub(super) struct Subject {
    /// Build context: a folder, a git URL, the URL of an archive or a Dockerfile, or `-` for standard input; with
    /// `--bake` or `--compose`, the targets or services
    #[arg(value_name = "CONTEXT")]
    names: Vec<String>,
    #[command(flatten)]
    build: BuildFlags,
    #[command(flatten)]
    definition: Definition,
}

/// Files that say what is built.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Several builds")]
struct Definition {
    /// Look at the targets of this bake file; `.` stands for the files that bake looks for itself
    #[arg(long, value_name = "FILE", group = "definition", conflicts_with_all = OF_ONE_BUILD)]
    bake: Vec<String>,
    /// Look at the services of this Compose file that are built
    #[arg(long, value_name = "FILE", group = "definition", conflicts_with_all = OF_ONE_BUILD)]
    compose: Vec<String>,
    /// Override a value of a target, as in `app.args.VERSION=1` or `*.platform=linux/arm64`
    #[arg(long, value_name = "TARGET.KEY=VALUE", requires = "definition")]
    set: Vec<String>,
    /// Set a variable of the definition
    #[arg(long, value_name = "NAME=VALUE", requires = "definition")]
    var: Vec<String>,
}

/// Flags that a definition leaves no room for: `--set` says for which target they hold.
const OF_ONE_BUILD: [&str; 9] =
    ["file", "build_arg", "build_context", "label", "platform", "target", "attest", "sbom", "provenance"];

impl Subject {
    /// The builds, in the order in which they are built.
    pub(super) fn builds(&self, output: &Output) -> Result<Vec<NamedBuild>, Error> {
        if !self.definition.is_empty() {
            return self.definition.builds(&self.names, output);
        }
        let context = match self.names.as_slice() {
            [context] if !context.is_empty() => context,
            [] | [_] => return Err(FlagError::NoContext.into()),
            _ => return Err(FlagError::Contexts.into()),
        };
        Ok(vec![NamedBuild { options: self.build.options(context)?, ..NamedBuild::default() }])
    }
}

impl Definition {
    fn is_empty(&self) -> bool {
        self.bake.is_empty() && self.compose.is_empty()
    }

    fn builds(&self, targets: &[String], output: &Output) -> Result<Vec<NamedBuild>, Error> {
        let files: Vec<String> =
            self.compose.iter().chain(&self.bake).filter(|file| *file != ".").cloned().collect();
        let bake = bake::load(&files, Path::new("."), &self.environment()?, targets, &self.set)?;
        for warning in &bake.warnings {
            output.warning(warning);
        }
        if bake.targets.is_empty() {
            output.warning("the definition builds nothing, so nothing was looked at");
        }
        let named = |target: BakeTarget| NamedBuild {
            name: Some(target.name),
            options: target.options,
            policies: target.policy,
        };
        Ok(bake.targets.into_iter().map(named).collect())
    }

    fn environment(&self) -> Result<Environment, Error> {
        let mut environment = Environment::of_process().map_err(std::io::Error::other)?;
        for given in &self.var {
            let (name, value) = given
                .split_once('=')
                .ok_or_else(|| FlagError::value("var", given, "NAME=VALUE is needed"))?;
            environment.variables.insert(name.to_owned(), value.to_owned());
        }
        Ok(environment)
    }
}
