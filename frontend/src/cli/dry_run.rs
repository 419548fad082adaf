//! `policy-check dry-run`: decide about every source of a build, before it is built.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;

use super::Exit;
use super::error::Error;
use super::ignored_flags::IgnoredFlags;
use super::lookup_args::LookupArgs;
use super::output::Output;
use super::subject::Subject;
use crate::context::Stdin;
use crate::distribution::{Fetcher, ListedPlace};
use crate::dry_run::{Checked, DryRun, PolicyOptions, Progress};
use crate::lookup::block_on;
use crate::policy_spec::{LogLevel, PolicySpec};
use crate::report::Conclusion;
use crate::report::build::{Build, BuildReport, Format, github, human};
use crate::report::human::Detail;
use crate::resolve::image::default_platform;

/// How often somebody who waits hears what for, and when first.
const PROGRESS: Duration = Duration::from_secs(2);
const FIRST_PROGRESS: Duration = Duration::from_secs(1);

const IGNORED: &str = "\
All other flags of `docker buildx build` are accepted and ignored: they make no difference for the sources of a build.";

/// The heading of flags that say where reports go.
const REPORTS: &str = "Reports";

#[derive(Debug, clap::Args)]
#[command(after_help = IGNORED)]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// How to report on standard output
    #[arg(long, value_name = "FORMAT", default_value = "human", help_heading = REPORTS)]
    format: Format,
    /// Write a report to a file as well: `FORMAT=FILE`, or a file whose ending tells its format
    #[arg(long, short, value_name = "FORMAT=FILE", help_heading = REPORTS)]
    output: Vec<Destination>,
    /// Report why: which statements failed and what they read, of sources that are not allowed; with `json`, of all
    #[arg(long, help_heading = REPORTS)]
    explain: bool,
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    lookups: LookupArgs,
    #[command(flatten)]
    ignored: IgnoredFlags,
}

/// Which policies are in force.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Policies")]
struct PolicyArgs {
    /// Further policy: a path in the context, or `filename=PATH,…` with reset=, disabled=, strict=, log-level=
    #[arg(long, value_name = "POLICY")]
    policy: Vec<PolicySpec>,
    /// Fail when no policy applies
    #[arg(long)]
    require_policy: bool,
    /// Folder that imports, data files and `filename=` are relative to [default: the build context]
    #[arg(long, value_name = "DIR")]
    policy_root: Option<PathBuf>,
    /// Refuse policies that there are warnings about
    #[arg(long)]
    strict: bool,
    /// Where libraries of remote contexts may come from, and all below: `oci://HOST/PATH`, `git::https://HOST/PATH`
    #[arg(long, value_name = "PLACE")]
    libraries_from: Vec<ListedPlace>,
}

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Destination {
    /// To a file.
    File(Format, PathBuf),
    /// Nowhere: an output of the build.
    OfBuild,
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        let formats = || Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names = || formats().map(|format| format.get_name().to_owned()).collect::<Vec<_>>().join(", ");
        if let Some((name, path)) = value.split_once('=') {
            // `type=local,dest=out`: what buildx calls an output.
            if matches!(name, "type" | "dest") {
                return Ok(Self::OfBuild);
            }
            let format = Format::from_str(name, false)
                .map_err(|_| format!("there is no report format `{name}`; there are {}", names()))?;
            return if path.is_empty() {
                Err("the file is missing".into())
            } else {
                Ok(Self::File(format, path.into()))
            };
        }
        let path = PathBuf::from(value);
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.and_then(Format::of_extension) {
            Some(format) => Ok(Self::File(format, path)),
            None => Err(format!("the format is missing: write `FORMAT={value}`; there are {}", names())),
        }
    }
}

impl PolicyArgs {
    fn options(&self, fetcher: Fetcher) -> PolicyOptions {
        PolicyOptions {
            specs: self.policy.clone(),
            root: self.policy_root.clone(),
            strict: self.strict,
            required: self.require_policy,
            fetcher,
            libraries_from: self.libraries_from.clone(),
        }
    }
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let builds = args.subject.builds(output)?;
    if !args.ignored.given.is_empty() {
        output.debug(&format!("ignored, as they change no source: --{}", args.ignored.given.join(", --")));
    }
    let lookups = args.lookups.begin()?;
    let log = output.clone();
    let progress = Progress::new(move |text| log.debug(text));
    let run = Arc::new(DryRun {
        resolver: Arc::new(lookups.resolver(None)),
        stdin: Stdin::of_process(),
        policies: args.policies.options(lookups.fetcher()),
        platform: default_platform(),
        trust: Arc::clone(&lookups.trust),
        now: lookups.now,
        explain: args.explain,
        progress: Arc::clone(&progress),
    });
    let checked = block_on(async {
        tokio::select! {
            checked = run.check(builds) => checked,
            () = tell(&progress, output) => Vec::new(),
        }
    })?;
    for build in &checked {
        remarks(build, output);
    }
    lookups.warn(output);
    let exit = report(args, checked, output)?;
    lookups.finish()?;
    Ok(exit)
}

/// Tells what is waited for, for ever.
async fn tell(progress: &Progress, output: &Output) {
    tokio::time::sleep(FIRST_PROGRESS).await;
    loop {
        if let Some(line) = progress.line() {
            output.progress(&line);
        }
        tokio::time::sleep(PROGRESS).await;
    }
}

/// What is to be said beside the report.
fn remarks(checked: &Checked, output: &Output) {
    for warning in &checked.policy_warnings {
        output.policy_warning(warning);
    }
    let build = &checked.build;
    let of = build.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    for warning in &checked.warnings {
        output.warning(&format!("{of}{warning}"));
    }
    if checked.log_level >= LogLevel::Info {
        for print in build.sources.iter().flat_map(|source| &source.prints) {
            let (position, text) = (&print.position, &print.text);
            output.note(&format!("{}:{}:{}: {text}", position.file, position.line, position.column));
        }
    }
    if let Some(unjudged) = unjudged(build) {
        output.warning(&format!("{of}{unjudged}"));
    }
    if build.caps.get("exec.proxy").is_some_and(|wanted| *wanted) {
        let text = "the policy asks for `exec.proxy`: what RUN fetches is known only when it is built";
        output.note(&format!("{of}{text}"));
    }
}

fn unjudged(build: &Build) -> Option<String> {
    if build.disabled {
        return Some("no policy was evaluated: `--policy disabled=true` switches them off".to_owned());
    }
    let dockerfile = build.dockerfile.as_ref().filter(|_| build.is_without_policy())?;
    Some(format!("no policy applies to `{}`, so all its sources are allowed", dockerfile.name))
}

/// Prints and writes the reports, then says which builds could not be looked at.
fn report(args: &Args, checked: Vec<Checked>, output: &Output) -> Result<Exit, Error> {
    let (mut builds, mut errors) = (Vec::new(), Vec::new());
    for Checked { build, error, .. } in checked {
        if let Some(error) = error {
            let excerpt = human::error_excerpt(&build);
            errors.push((Error::Build { name: build.name.clone(), error }, excerpt));
        }
        builds.push(build);
    }
    let report = BuildReport::new(builds);
    let detail = Detail { symbols: output.symbols(), quiet: output.quiet(), explain: args.explain };
    // A single build that could not be looked at has nothing to show to people.
    if args.format != Format::Human || report.builds.iter().any(|build| build.error.is_none()) {
        output.data(&args.format.render(&report, detail)?)?;
    }
    for destination in &args.output {
        if let Destination::File(format, path) = destination {
            let detail = Detail { explain: args.explain, ..Detail::default() };
            let plain = anstream::adapter::strip_str(&format.render(&report, detail)?).to_string();
            std::fs::write(path, plain)
                .map_err(|cause| Error::Report { path: path.display().to_string(), cause })?;
        }
    }
    summary(args, &report)?;
    for (error, excerpt) in &errors {
        output.failure(error);
        output.excerpt(excerpt);
    }
    Ok(match report.verdict {
        Conclusion::Denied => Exit::Denied,
        _ if errors.iter().any(|(error, _)| error.exit() == Exit::Usage) => Exit::Usage,
        Conclusion::Undecided => Exit::Undecided,
        Conclusion::Allowed => Exit::Allowed,
    })
}

/// Adds to the summary of the job, where GitHub runs this and its format is wanted.
fn summary(args: &Args, report: &BuildReport) -> Result<(), Error> {
    let is_github = |destination: &Destination| matches!(destination, Destination::File(Format::Github, _));
    let path = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty());
    let Some(path) = path.map(PathBuf::from) else { return Ok(()) };
    if args.format != Format::Github && !args.output.iter().any(is_github) {
        return Ok(());
    }
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(github::summary(report).as_bytes()))
        .map_err(|cause| Error::Report { path: path.display().to_string(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations() {
        for (value, format, path) in [
            ("json=a/b.txt", Format::Json, "a/b.txt"),
            ("report.json", Format::Json, "report.json"),
            ("human=x", Format::Human, "x"),
        ] {
            assert_eq!(value.parse(), Ok(Destination::File(format, path.into())), "{value}");
        }
        for value in ["type=docker", "type=local,dest=out", "dest=out"] {
            assert_eq!(value.parse(), Ok(Destination::OfBuild), "{value}");
        }
        for value in ["out", "yaml=x", "json=", "report.yaml"] {
            assert!(value.parse::<Destination>().is_err(), "{value}");
        }
    }
}
