//! `policy-check init`: a policy to begin with.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::Exit;
use super::error::Error;
use super::output::Output;
use crate::report::human::printable_name;
use crate::starter::{self, BASELINE, STRICT, Starter, WITH_LIBRARY};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder with the Dockerfile, which is the build context, or a Dockerfile in it
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Which policy to begin with
    #[arg(long, value_name = "NAME", default_value = "baseline")]
    starter: Name,
    /// Write the library to `lib/` as well, for `import data.lib.…`
    #[arg(long)]
    library: bool,
    /// Replace files that are there already
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// Well-known registries, and nothing unencrypted
    Baseline,
    /// Listed repositories and files, everything by digest, commit or checksum
    Strict,
    /// Ranges of versions, by functions of the library, which it brings along
    Library,
}

impl Name {
    fn starter(self) -> Starter {
        match self {
            Self::Baseline => BASELINE,
            Self::Strict => STRICT,
            Self::Library => WITH_LIBRARY,
        }
    }
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let written = starter::write(args.starter.starter(), &args.path, args.library, args.force)?;
    let mut text = String::new();
    for file in &written {
        let state = if file.changed { "written" } else { "up to date" };
        // Writing to a string can't fail.
        let _ = writeln!(text, "{}: {state}", printable_name(&file.path.display().to_string()));
    }
    output.data(&text)?;
    output.note(&format!("edit the policy, {}", next_steps(&args.path)));
    Ok(Exit::Allowed)
}

/// The commands that test and try the policy of the Dockerfile, or of the folder, `at`.
fn next_steps(at: &Path) -> String {
    let quoted = |path: &Path| printable_name(&path.display().to_string());
    let (folder, file) = if at.is_dir() {
        (at, String::new())
    } else {
        let folder = at.parent().filter(|folder| !folder.as_os_str().is_empty());
        (folder.unwrap_or(Path::new(".")), format!("--file {} ", quoted(at)))
    };
    let folder = quoted(folder);
    format!(
        "run its tests with `policy-check test {folder}`, try it with `policy-check dry-run {file}{folder}`"
    )
}
