//! `policy-check eval`: decide about one source.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use policy_engine::check::Print;
use policy_engine::input::{Env, to_print_json};
use policy_engine::metadata::Request;
use policy_engine::policy::{Explanation, PolicySet};
use policy_engine::source::{Platform, SourceOp};

use super::Exit;
use super::error::Error;
use super::lookup_args::{LookupArgs, Lookups};
use super::output::{Format, Output};
use crate::decide::{DecideError, Observer, Question, Verdict, decide};
use crate::distribution::Fetcher;
use crate::inspect::{InspectError, inspect};
use crate::lookup::{LookupError, block_on, describe};
use crate::policy_files::{Loaded, Selection};
use crate::policy_spec::{LogLevel, PolicySpec};
use crate::redact;
use crate::report::explanation::Round;
use crate::report::human::Detail;
use crate::report::{Conclusion, Report, human, json};
use crate::resolve::Judge;
use crate::resolve::image::default_platform;
use crate::source_arg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Image (`docker-image://REF`), layout (`oci-layout://PATH[:TAG][@DIGEST]`), git or http(s) URL, or a path
    source: String,
    /// Properties to look up for `--print`, such as `image.labels`
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', requires = "print")]
    fields: Vec<String>,
    /// Print the input that a policy would see, and decide nothing
    #[arg(long, conflicts_with_all = ["explain", "format"])]
    print: bool,
    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Report which rules held, and what was asked for and why
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    build: BuildArgs,
    #[command(flatten)]
    lookups: LookupArgs,
}

/// Which policies are in force.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Policies")]
pub(super) struct PolicyArgs {
    /// Dockerfile whose policy to use (`.rego` is appended), a `.rego` file, or `-` for standard input
    /// [default: Dockerfile]
    #[arg(long, short, value_name = "FILE", alias = "filename")]
    file: Option<String>,
    /// Further policy: a path, or `filename=PATH,…` with reset=, disabled=, strict=, log-level=
    #[arg(long, value_name = "POLICY")]
    policy: Vec<PolicySpec>,
    /// Folder that imports, data files and `filename=` are relative to [default: the working directory]
    #[arg(long, value_name = "DIR")]
    policy_root: Option<PathBuf>,
    /// Refuse policies that there are warnings about
    #[arg(long)]
    strict: bool,
}

/// The build that the source is checked for.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Build")]
struct BuildArgs {
    /// Platform of the build [default: this machine's, on Linux]
    #[arg(long, value_name = "PLATFORM", value_parser = Platform::parse)]
    platform: Option<Platform>,
    /// Build argument, `KEY=VALUE` or `KEY` to take it from the environment
    #[arg(long, value_name = "KEY=VALUE")]
    build_arg: Vec<String>,
    /// Label that the build sets
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// Target stage
    #[arg(long, value_name = "STAGE", default_value = "", hide_default_value = true)]
    target: String,
}

impl PolicyArgs {
    fn selection(&self, fetcher: Fetcher) -> Selection {
        Selection {
            file: self.file.clone(),
            specs: self.policy.clone(),
            root: self.policy_root.clone(),
            strict: self.strict,
            fetcher,
        }
    }
}

impl BuildArgs {
    fn env(&self, dockerfile: String) -> Env {
        let argument = |argument: &String| match argument.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (argument.clone(), std::env::var(argument).ok()),
        };
        let label = |label: &String| {
            let (key, value) = label.split_once('=').unwrap_or((label, ""));
            (key.to_owned(), value.to_owned())
        };
        Env {
            args: self.build_arg.iter().map(argument).collect(),
            labels: self.label.iter().map(label).collect::<BTreeMap<_, _>>(),
            filename: dockerfile,
            target: self.target.clone(),
        }
    }

    fn platform(&self) -> Platform {
        self.platform.clone().unwrap_or_else(default_platform)
    }
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<Exit, Error> {
    let source = source_arg::parse(&args.source)?;
    let platform = args.build.platform();
    if args.print {
        return print(args, &source, &platform, output);
    }
    let lookups = args.lookups.begin()?;
    let selection = args.policies.selection(lookups.fetcher());
    let env = args.build.env(selection.dockerfile_name());
    let loaded = selection.load()?;
    for warning in &loaded.warnings {
        output.policy_warning(warning);
    }
    if loaded.disabled {
        output.warning("no policy was evaluated: `--policy disabled=true` switches them off");
    }
    evaluate(args, &source, &platform, &env, loaded, &lookups, output)
}

/// `--print`: the input instead of a decision. Wording of the remarks as in buildx.
fn print(args: &Args, source: &SourceOp, platform: &Platform, output: &Output) -> Result<Exit, Error> {
    let lookups = args.lookups.begin()?;
    let resolver = Arc::new(lookups.resolver(None));
    let slow = |requests: &[Request]| output.progress(&format!("still looking up {}", describe(requests)));
    let inspecting = inspect(source, Some(platform), &args.fields, &lookups.trust, &resolver, slow);
    let inspection = block_on(inspecting).map_err(LookupError::from).map_err(InspectError::from)?;
    lookups.warn(output);
    lookups.finish()?;
    let inspection = inspection?;
    for warning in &inspection.warnings {
        output.warning(warning);
    }
    if !inspection.invalid.is_empty() {
        output.warning(&format!("invalid fields: {}", inspection.invalid.join(", ")));
    }
    if !inspection.unresolved.is_empty() {
        output.note(&format!("unresolved fields: {}", inspection.unresolved.join(", ")));
    }
    output.data(&(redact::url(&to_print_json(&inspection.input)) + "\n"))?;
    Ok(Exit::Allowed)
}

fn evaluate(
    args: &Args,
    source: &SourceOp,
    platform: &Platform,
    env: &Env,
    loaded: Loaded,
    lookups: &Lookups,
    output: &Output,
) -> Result<Exit, Error> {
    let policies = PolicySet { trust: Arc::clone(&lookups.trust), ..loaded.policies };
    let (policies, now) = (Arc::new(policies), lookups.now);
    let judge = Judge {
        policies: Arc::clone(&policies),
        source: source.clone(),
        platform: Some(platform.clone()),
        env: env.clone(),
        now,
    };
    let resolver = Arc::new(lookups.resolver(Some(judge)));
    let question = Question { policies: &policies, source, platform: Some(platform), env, now };
    let mut log = Log { output, explain: args.explain, rounds: Vec::new() };
    let result = block_on(decide(question, &resolver, &mut log));
    let result = result.map_err(LookupError::from).map_err(DecideError::from).flatten();
    let rounds = log.rounds;
    lookups.warn(output);
    if let Ok(Verdict { decision, .. }) = &result {
        prints(&decision.prints, loaded.log_level, output);
        for warning in &decision.warnings {
            output.warning(warning);
        }
    }
    let report = Report {
        source,
        platform: Some(platform),
        result: result.as_ref(),
        rounds: &rounds,
        disabled: loaded.disabled,
    };
    let conclusion = report.conclusion();
    match args.format {
        Format::Json => output.data(&json::render(&report, args.explain)?)?,
        Format::Human if output.quiet() && conclusion == Conclusion::Allowed => {}
        Format::Human => {
            let detail = Detail { symbols: output.symbols(), explain: args.explain, ..Detail::default() };
            output.data(&human::render(&report, detail))?;
        }
    }
    lookups.finish()?;
    Ok(match conclusion {
        Conclusion::Allowed => Exit::Allowed,
        Conclusion::Denied => Exit::Denied,
        Conclusion::Undecided => Exit::Undecided,
    })
}

fn prints(prints: &[Print], level: LogLevel, output: &Output) {
    if level >= LogLevel::Info {
        for print in prints {
            output.note(&format!("{}: {}", print.position, print.text));
        }
    }
}

/// Tells the user what is asked for, and remembers it for the report.
struct Log<'a> {
    output: &'a Output,
    explain: bool,
    rounds: Vec<Round>,
}

impl Observer for Log<'_> {
    fn wants_explanation(&self) -> bool {
        self.explain
    }

    fn explained(&mut self, explanations: Vec<Explanation>) {
        self.rounds.push(Round::new(&explanations));
    }

    fn asked(&mut self, round: usize, requests: &[Request]) {
        self.output.debug(&format!("round {round}: looking up {}", describe(requests)));
        if let Some(round) = self.rounds.last_mut() {
            round.looked_up(requests);
        }
    }

    fn slow(&mut self, requests: &[Request]) {
        self.output.progress(&format!("still looking up {}", describe(requests)));
    }
}
