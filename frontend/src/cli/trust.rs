//! `policy-check trust`: whom signatures are trusted to.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use policy_engine::verify::TrustError;
use serde_json::json;

use super::Exit;
use super::error::Error;
use super::lookup_args::ConnectionArgs;
use super::output::{Format, Output};
use super::trust_args::TrustArgs;
use crate::cache::default_dir;
use crate::lookup::block_on;
use crate::resolve::image::document::sha256;
use crate::trust::cache::TrustCache;
use crate::trust::chosen::{Network, refresh};
use crate::trust::describe::Described;
use crate::trust::file;
use crate::trust::instance::{INSTANCES, Instance};
use crate::trust::tuf::TufError;
use crate::trust::{Mirror, TrustOptions, mirrors_of_environment, repository, repository_url, timestamp};
use crate::whole_file;

/// How long an update may take that somebody asked for.
const LIMIT: Duration = Duration::from_mins(2);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Fetch what Sigstore and GitHub publish now, or write the trust root of another instance to a file
    Update(UpdateArgs),
    /// Print the trust roots in use: where they are from, until when they are used, and what is in them
    Show(ShowArgs),
    /// Check a `trusted_root.json`
    Verify(VerifyArgs),
}

#[derive(Debug, clap::Args)]
struct UpdateArgs {
    /// Which to update [default: all]
    #[arg(value_name = "NAME", value_parser = INSTANCES.map(|instance| instance.name))]
    names: Vec<String>,
    /// Mirror to fetch from, as in `sigstore=https://tuf.example/sigstore`
    #[arg(long, value_name = "NAME=URL")]
    mirror: Vec<Mirror>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    other: OtherArgs,
}

/// An instance that this program doesn't know.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Another instance")]
struct OtherArgs {
    /// Its TUF repository
    #[arg(long, value_parser = repository_url, requires_all = ["root", "output"], conflicts_with_all = ["names", "mirror"])]
    url: Option<String>,
    /// A TUF root of that repository which is trusted: `root.json`
    #[arg(long, value_name = "FILE", requires = "url")]
    root: Option<PathBuf>,
    /// Where to write its `trusted_root.json`, for `--trust-root`
    #[arg(long, short, value_name = "FILE", requires = "url")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
struct VerifyArgs {
    /// A `trusted_root.json`
    file: PathBuf,
    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// Where updates are kept.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Cache")]
struct Place {
    /// Folder to keep updates in [default: `policy-check` in the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

impl Place {
    fn dir(&self) -> Option<PathBuf> {
        self.cache_dir.clone().or_else(default_dir)
    }
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    match &args.verb {
        Verb::Update(args) => match &args.other {
            OtherArgs { url: Some(url), root: Some(root), output: Some(path) } => {
                update_file(args, (url, root, path), output)
            }
            OtherArgs { .. } => update(args, output),
        },
        Verb::Show(args) => show(args, output),
        Verb::Verify(args) => verify(args, output),
    }
}

/// Updates all that were named, and tells which failed.
fn update(args: &UpdateArgs, output: &Output) -> Result<Exit, Error> {
    let dir = args.place.dir().ok_or(Error::NoCacheFolder)?;
    let mirrors = mirrors_of_environment()?.into_iter().chain(args.mirror.clone());
    let options = TrustOptions { cache: Some(dir), mirrors: mirrors.collect(), ..TrustOptions::default() };
    let is_named =
        |instance: &Instance| args.names.is_empty() || args.names.iter().any(|name| name == instance.name);
    let mut exit = Exit::Allowed;
    for instance in INSTANCES.into_iter().filter(is_named) {
        if let Err(error) = update_one(&instance, &options, args, output) {
            exit = error.exit();
            output.failure(&error);
        }
    }
    Ok(exit)
}

fn update_one(
    instance: &Instance,
    options: &TrustOptions,
    args: &UpdateArgs,
    output: &Output,
) -> Result<(), Error> {
    let (name, now) = (instance.name, SystemTime::now());
    let before = options.held(instance, now).ok().map(|held| held.json);
    let cache = options.cache.as_deref().map(TrustCache::new);
    let url = repository(instance, &options.mirrors);
    let content = fetch(name, instance.anchor, cache.as_ref(), &url, args, output)?;
    let state = if before.as_deref() == Some(&content) { "up to date" } else { "updated" };
    if !output.quiet() {
        output.data(&format!("{name}: {state}, {}\n", sha256(&content)))?;
    }
    Ok(())
}

/// Writes the trust root of an instance that this program doesn't know to a file.
fn update_file(
    args: &UpdateArgs,
    (url, root, path): (&str, &PathBuf, &PathBuf),
    output: &Output,
) -> Result<Exit, Error> {
    let anchor = file::read(root).map_err(|cause| Error::ReadFile { path: root.clone(), cause })?;
    let cache = args.place.dir().map(|dir| TrustCache::new(&dir));
    // Of another repository, or from another root, nothing may be taken over.
    let key = sha256(&[url.as_bytes(), b"\n", &anchor].concat());
    let name = format!("tuf-{}", key.trim_start_matches("sha256:").get(..16).unwrap_or_default());
    let content = fetch(&name, &anchor, cache.as_ref(), url, args, output)?;
    let before = file::read(path).ok();
    whole_file::write(path, &content).map_err(|cause| Error::WriteFile { path: path.clone(), cause })?;
    let state = if before.as_deref() == Some(&content) { "up to date" } else { "written" };
    if !output.quiet() {
        output.data(&format!("{}: {state}, {}\n", path.display(), sha256(&content)))?;
    }
    Ok(Exit::Allowed)
}

fn fetch(
    name: &str,
    anchor: &[u8],
    cache: Option<&TrustCache>,
    url: &str,
    args: &UpdateArgs,
    output: &Output,
) -> Result<Vec<u8>, Error> {
    output.note(&format!("asking {url}"));
    let network = Network { url: url.to_owned(), transport: args.connection.options(), limit: LIMIT };
    let now = timestamp(SystemTime::now());
    let failed = |error: TufError| Error::TrustUpdate { url: url.to_owned(), error };
    let (verified, problem) = block_on(refresh(name, anchor, cache, &network, now))?.map_err(failed)?;
    if let (Some(problem), Some(cache)) = (problem, cache) {
        output.warning(&format!("cannot keep the update in `{}`: {problem}", cache.dir().display()));
    }
    Ok(verified.content)
}

fn show(args: &ShowArgs, output: &Output) -> Result<Exit, Error> {
    let options = args.trust.options(args.place.dir(), None)?;
    // Says what is wrong with a file before anything is printed.
    options.load(None)?;
    let now = SystemTime::now();
    let published = INSTANCES.iter().map(|instance| options.describe(instance, now));
    let files = options.files.iter().map(file::describe).collect::<Result<Vec<_>, _>>()?;
    let roots: Vec<Described> = published.chain(files).collect();
    output.data(&match args.format {
        Format::Human => roots.iter().map(Described::human).collect::<Vec<_>>().join("\n"),
        Format::Json => serde_json::to_string_pretty(&json!({"version": 1, "roots": roots}))? + "\n",
    })?;
    Ok(Exit::Allowed)
}

fn verify(args: &VerifyArgs, output: &Output) -> Result<Exit, Error> {
    let path = args.file.display().to_string();
    let json = file::read(&args.file).map_err(|cause| Error::ReadFile { path: args.file.clone(), cause })?;
    let checked = file::check(&path, &json);
    let described = checked.as_ref().map(|root| file::described(&path, &path, &json, root));
    let reason = |error: &TrustError| match error {
        TrustError::Malformed { reason, .. } => reason.clone(),
        error => error.to_string(),
    };
    output.data(&match (args.format, described) {
        (Format::Human, Ok(root)) => format!("{path}: valid\n{}", root.details()),
        (Format::Human, Err(error)) => format!("{path}: no trust root: {}\n", reason(error)),
        (Format::Json, described) => {
            let (root, problem) =
                (described.as_ref().ok(), described.as_ref().err().map(|error| reason(error)));
            let report = json!({"version": 1, "valid": root.is_some(), "root": root, "problem": problem});
            serde_json::to_string_pretty(&report)? + "\n"
        }
    })?;
    Ok(if checked.is_ok() { Exit::Allowed } else { Exit::Denied })
}
