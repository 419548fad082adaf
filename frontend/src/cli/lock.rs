//! `policy-check lock`: writes what a build's sources are now.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::join_all;

use super::Exit;
use super::error::Error;
use super::lookup_args::LookupArgs;
use super::output::Output;
use super::subject::Subject;
use crate::build_results::BuildResults;
use crate::context::Stdin;
use crate::lock::{Change, Collected, Lock, LockError, collect};
use crate::lookup::block_on;
use crate::redact;
use crate::report::human::printable_name;
use crate::resolve::image::default_platform;

/// The heading of flags that are about the lock itself.
const LOCK: &str = "Lock";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Write nothing, and fail if the lock is not what the sources are now
    #[arg(long, help_heading = LOCK)]
    check: bool,
    /// File to write [default: the Dockerfile's name with `.lock.json`, beside it]
    #[arg(long, short, value_name = "FILE", help_heading = LOCK)]
    output: Option<PathBuf>,
    #[command(flatten)]
    lookups: LookupArgs,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let builds = args.subject.builds(output)?;
    let lookups = args.lookups.begin()?;
    let resolver = Arc::new(lookups.resolver(None));
    let (stdin, platform) = (Stdin::of_process(), default_platform());
    let (results, slots) = BuildResults::of(builds.iter().map(|build| build.name.as_deref()));
    let collected = builds
        .iter()
        .zip(slots)
        .map(|(build, own)| collect(&build.options, &resolver, &stdin, &platform, &results, own));
    let collected = block_on(join_all(collected))?;
    lookups.warn(output);
    lookups.finish()?;
    // All were looked at; the first failure in their order is the one reported.
    let collected = collected.into_iter().collect::<Result<Vec<_>, _>>()?;
    for warning in collected.iter().flat_map(|build| &build.warnings) {
        output.warning(warning);
    }
    let mut exit = Exit::Allowed;
    for (path, lock) in files(args, collected)? {
        let changes = Lock::load(&path)?.changes(&lock);
        let state = match (changes.is_empty(), args.check) {
            (false, true) => {
                exit = Exit::Denied;
                "stale"
            }
            (true, true) => "up to date",
            (true, false) if path.exists() => "up to date",
            (_, false) => {
                lock.save(&path)?;
                "written"
            }
        };
        output.data(&told(&path, state, &lock, &changes))?;
    }
    Ok(exit)
}

/// Which locks go to which files: one beside each Dockerfile, or all into the one that was named.
fn files(args: &Args, builds: Vec<Collected>) -> Result<BTreeMap<PathBuf, Lock>, LockError> {
    let mut files: BTreeMap<PathBuf, Lock> = BTreeMap::new();
    for Collected { lock, dockerfile, path, .. } in builds {
        let path = match (&args.output, path) {
            (Some(output), _) => output.clone(),
            (None, Some(path)) => beside(&path),
            (None, None) => return Err(LockError::NoPlace(dockerfile)),
        };
        files.entry(path).or_default().merge(lock)?;
    }
    Ok(files)
}

/// `app/Dockerfile` → `app/Dockerfile.lock.json`.
fn beside(dockerfile: &Path) -> PathBuf {
    let mut name = dockerfile.as_os_str().to_owned();
    name.push(".lock.json");
    name.into()
}

/// The file with how it differs: a line for what it said, a line for what it says.
fn told(path: &Path, state: &str, lock: &Lock, changes: &[Change]) -> String {
    let count = lock.count();
    let noun = if count == 1 { "source" } else { "sources" };
    let mut text = format!("{}: {state}, {count} {noun}\n", printable_name(&path.display().to_string()));
    for Change { name, was, is } in changes {
        for (mark, value) in [('-', was), ('+', is)] {
            if let Some(value) = value {
                // Writing to a string can't fail.
                let _ =
                    writeln!(text, "{mark} {} {}", printable_name(&redact::url(name)), printable_name(value));
            }
        }
    }
    text
}
