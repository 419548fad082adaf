//! `policy-check test`: run the tests of policies.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use clap::ValueEnum;
use policy_engine::policy::suite::Coverage;

use super::Exit;
use super::error::Error;
use super::lookup_args::{LookupArgs, Lookups};
use super::output::Output;
use crate::distribution::Fetcher;
use crate::lookup::block_on;
use crate::policy_files::PolicyFileError;
use crate::policy_test::report::{Report, coverage, human, json, junit};
use crate::policy_test::{
    LoadedSuite, Outcome, Selection, TestError, discover, load, run_resolved, untested, watch,
};
use crate::report::human::Detail;
use crate::resolve::image::default_platform;
use crate::{policy_test, whole_file};

/// The heading of flags that say what is reported.
const REPORTS: &str = "Reports";

const EXIT_CODES: &str = "\
Exit codes:
  0  every test passed
  1  a test failed or ended in an error, or coverage is below `--min-coverage`
  2  bad usage, no tests found, or a policy that doesn't load";

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Args {
    /// Test files (`*_test.rego`), and folders to search for them
    #[arg(value_name = "PATH", default_value = ".", hide_default_value = true)]
    paths: Vec<PathBuf>,
    /// Run only tests and cases with this in their names
    #[arg(long, value_name = "TEXT")]
    run: Option<String>,
    /// Run again whenever a file changes
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    reports: ReportArgs,
    #[command(flatten)]
    resolve: ResolveArgs,
    #[command(flatten)]
    lookups: LookupArgs,
}

/// Which policies are tested.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Policies")]
struct PolicyArgs {
    /// Dockerfile whose policy all tests are for (`.rego` is appended), or a `.rego` file
    /// [default: the policy beside each test file]
    #[arg(long, short, value_name = "FILE", alias = "file")]
    filename: Option<String>,
    /// Folder that imports and data files are relative to [default: the policy's, then those above it]
    #[arg(long, value_name = "DIR")]
    policy_root: Option<PathBuf>,
    /// Refuse policies that there are warnings about
    #[arg(long)]
    strict: bool,
}

/// What is reported.
#[derive(Debug, clap::Args)]
struct ReportArgs {
    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "human", help_heading = REPORTS)]
    format: Format,
    /// Report which rules held and failed in each test
    #[arg(long, help_heading = REPORTS)]
    explain: bool,
    /// Report which lines and rules were reached: `human`, `json:FILE` or `lcov:FILE`
    #[arg(
        long,
        value_name = "FORMAT[:FILE]",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "human",
        help_heading = REPORTS
    )]
    coverage: Vec<CoverageTo>,
    /// Fail when less than this much of the rules held in some test
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100), help_heading = REPORTS)]
    min_coverage: Option<u32>,
}

/// Whether anything is looked up.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Lookups")]
struct ResolveArgs {
    /// Look up what mocked inputs leave open of the sources that they name
    #[arg(long)]
    resolve: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For programs
    Json,
    /// For CI servers
    Junit,
}

/// Where coverage is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
enum CoverageTo {
    /// Below the tests, or in their report.
    Report,
    /// In a file of ours.
    Json(PathBuf),
    /// In a file of LCOV's.
    Lcov(PathBuf),
}

impl FromStr for CoverageTo {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        match value.split_once(':').map_or((value, ""), |parts| parts) {
            ("human", "") => Ok(Self::Report),
            ("json", file) if !file.is_empty() => Ok(Self::Json(file.into())),
            ("lcov", file) if !file.is_empty() => Ok(Self::Lcov(file.into())),
            (format @ ("json" | "lcov"), _) => Err(format!("the file is missing: write `{format}:FILE`")),
            ("human", _) => Err("`human` goes to standard output, not to a file".into()),
            (other, _) => Err(format!("there is no format `{other}`; there are human, json:FILE, lcov:FILE")),
        }
    }
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let mut selection = Selection {
        paths: args.paths.clone(),
        policy: args.policies.filename.clone(),
        root: args.policies.policy_root.clone(),
        run: args.run.clone(),
        strict: args.policies.strict,
        fetcher: Fetcher::default(),
    };
    if !args.watch {
        return once(args, &mut selection, output).0;
    }
    loop {
        output.clear();
        let (before, began) = (watch::stamps(&selection, &[]), SystemTime::now());
        let (ended, suites) = once(args, &mut selection, output);
        if let Err(error) = ended {
            output.failure(&error);
        }
        let seen = watch::seen(&selection, &suites, &before, began);
        output.note("waiting for changes; Ctrl-C ends");
        watch::changed(&selection, &suites, &seen);
    }
}

/// Runs the tests; also returns what was loaded.
fn once(args: &Args, selection: &mut Selection, output: &Output) -> (Result<Exit, Error>, Vec<LoadedSuite>) {
    let lookups = match args.lookups.begin() {
        Ok(lookups) => lookups,
        Err(error) => return (Err(error), Vec::new()),
    };
    selection.fetcher = lookups.fetcher();
    match discover(selection).and_then(|groups| load(groups, selection)) {
        Ok(suites) => (test(args, selection, &suites, &lookups, output), suites),
        Err(error) => (Err(error.into()), Vec::new()),
    }
}

fn test(
    args: &Args,
    selection: &Selection,
    suites: &[LoadedSuite],
    lookups: &Lookups,
    output: &Output,
) -> Result<Exit, Error> {
    for suite in suites {
        match &suite.suite {
            Ok(suite) => suite.policy().warnings().iter().for_each(|warning| output.policy_warning(warning)),
            Err(error) => output.failure(&Error::Policy(PolicyFileError::Load(error.clone()))),
        }
    }
    let outcomes = if args.resolve.resolve {
        let (resolver, platform) = (Arc::new(lookups.resolver(None)), default_platform());
        let running = run_resolved(suites, lookups.now, &lookups.trust, &resolver, &platform);
        let outcomes = block_on(running).map_err(TestError::Lookup)?;
        lookups.warn(output);
        lookups.finish()?;
        outcomes
    } else {
        policy_test::run(suites, SystemTime::now())
    };
    let all_load = suites.iter().all(|suite| suite.suite.is_ok());
    let none_ran = outcomes.iter().flatten().all(|run| run.cases.is_empty());
    if all_load && none_ran && suites.iter().all(|suite| suite.skipped().next().is_none()) {
        return Err(TestError::NoTests.into());
    }
    let wanted = !args.reports.coverage.is_empty() || args.reports.min_coverage.is_some();
    let coverage = if wanted { Some(reached(suites, &outcomes, selection, output)?) } else { None };
    let report = Report::new(suites, &outcomes, coverage);
    for test in report.suites.iter().flat_map(|suite| &suite.tests) {
        let at = format!("{}:{}: {}", test.position.file, test.position.line, test.name);
        test.warnings.iter().for_each(|warning| output.warning(&format!("{at}: {warning}")));
    }
    output.data(&rendered(&report, args, output)?)?;
    let enough = covered(&report, args, output)?;
    Ok(match report.summary {
        summary if summary.not_loaded > 0 => Exit::Usage,
        summary if summary.failed + summary.errors > 0 || !enough => Exit::Denied,
        _ => Exit::Allowed,
    })
}

/// What the tests reached, each file once, with the policies that no test loads.
fn reached(
    suites: &[LoadedSuite],
    outcomes: &[Outcome],
    selection: &Selection,
    output: &Output,
) -> Result<Coverage, TestError> {
    let mut all = Coverage::default();
    for (loaded, runs) in suites.iter().zip(outcomes) {
        let Ok(suite) = &loaded.suite else { continue };
        let mut coverage = suite.coverage();
        runs.iter().filter(|run| !run.cases.is_empty()).for_each(|run| suite.count(run, &mut coverage));
        all.add(coverage);
    }
    for loaded in untested(selection, suites)? {
        match &loaded.suite {
            Ok(suite) => all.add(suite.coverage()),
            Err(_) => output.warning(&format!("{}: no test loads it, nor does it load alone", loaded.name)),
        }
    }
    Ok(all)
}

fn rendered(report: &Report, args: &Args, output: &Output) -> Result<String, Error> {
    let reports = &args.reports;
    Ok(match reports.format {
        Format::Json => json::render(report)?,
        Format::Junit => junit::render(report)?,
        Format::Human => {
            let detail =
                Detail { symbols: output.symbols(), explain: reports.explain, quiet: output.quiet() };
            let shown = report.coverage.as_ref().filter(|_| reports.coverage.contains(&CoverageTo::Report));
            human::render(report, detail) + &shown.map(coverage::human).unwrap_or_default()
        }
    })
}

/// Writes what is wanted of the coverage; whether there is enough of it.
fn covered(report: &Report, args: &Args, output: &Output) -> Result<bool, Error> {
    let Some(counted) = &report.coverage else { return Ok(true) };
    for to in &args.reports.coverage {
        let (path, text) = match to {
            CoverageTo::Report => continue,
            CoverageTo::Json(path) => (path, coverage::json(counted)?),
            CoverageTo::Lcov(path) => (path, coverage::lcov(counted)),
        };
        let failed = |cause| Error::Report { path: path.display().to_string(), cause };
        whole_file::write(path, text.as_bytes()).map_err(failed)?;
    }
    let least = args.reports.min_coverage.unwrap_or(0);
    let enough = counted.rules.reaches(least);
    if !enough {
        output.failure(&TestError::Coverage { share: counted.rules, least }.into());
    }
    Ok(enough)
}
