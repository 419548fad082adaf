//! One build, from its options to its report.

use std::sync::Arc;

use policy_engine::policy::PolicySet;
use policy_engine::source::Platform;
use tokio::task::JoinSet;

use super::decider::Decider;
use super::{Checked, DryRun, DryRunError, NamedBuild, policies};
use crate::build_options::BuildOptions;
use crate::build_results::{BuildResults, ResultSlot};
use crate::context::{self, Context, Fetch, env_filename};
use crate::dockerfile::{self, UsedSource, discover, remote_context};
use crate::lookup::ResolveJudged;
use crate::policy_files::Loaded;
use crate::redact;
use crate::report::build::{Build, CheckedSource, Dockerfile, PolicyInForce};

/// Looks at one build.
pub(super) async fn check<R: ResolveJudged + Fetch>(
    run: &DryRun<R>,
    build: NamedBuild,
    results: Arc<BuildResults>,
    own: ResultSlot,
) -> Checked {
    let NamedBuild { name, options, policies: further } = build;
    let remote = remote_context(&options).is_ok_and(|context| context.is_some());
    let waiting =
        remote.then(|| run.progress.wait_for(&format!("the context {}", redact::url(&options.context))));
    let opened = context::open(&options, &*run.resolver, &run.stdin).await.map_err(DryRunError::from);
    drop(waiting);
    let context = match opened {
        Ok(context) => context,
        Err(error) => return Checked::failed(name, error),
    };
    let dockerfile = &context.dockerfile;
    let path = dockerfile.path.as_ref().map(|path| path.display().to_string());
    let dockerfile = Dockerfile::new(&dockerfile.name, path, &dockerfile.text);
    let platforms: Vec<_> = platforms(&options, &run.platform).iter().map(ToString::to_string).collect();
    let loaded = match policies::load(&run.policies, &further, &context) {
        Ok(loaded) => loaded,
        Err(error) => {
            let mut failed = Checked::failed(name, error);
            failed.build = Build { dockerfile: Some(dockerfile), platforms, ..failed.build };
            return failed;
        }
    };
    let Loaded { policies, warnings: policy_warnings, log_level, disabled } = loaded;
    let policies = Arc::new(PolicySet { trust: Arc::clone(&run.trust), ..policies });
    let mut checked = Checked {
        build: Build {
            name,
            dockerfile: Some(dockerfile),
            platforms,
            policies: PolicyInForce::all(&policies),
            disabled,
            ..Build::default()
        },
        policy_warnings,
        warnings: Vec::new(),
        log_level,
        error: None,
    };
    if let Err(error) = decide(run, &options, &context, policies, (results, own), &mut checked).await {
        checked.build.error = Some(error.problem(checked.build.dockerfile.as_ref()));
        checked.error = Some(error);
    }
    checked
}

/// Finds the sources and decides them, and adds both to `checked`.
async fn decide<R: ResolveJudged + Fetch>(
    run: &DryRun<R>,
    options: &BuildOptions,
    context: &Context,
    policies: Arc<PolicySet>,
    (results, own): (Arc<BuildResults>, ResultSlot),
    checked: &mut Checked,
) -> Result<(), DryRunError> {
    for target in options.targets() {
        if results.has_failed(target).await {
            return Err(DryRunError::Target(target.to_owned()));
        }
    }
    let env = options.env(&env_filename(options));
    checked.build.caps = policies.caps(&env, run.now)?;
    let resolver = Arc::clone(&run.resolver);
    let decider = Decider::new(policies, env, run.now, resolver, Arc::clone(&run.progress), results);
    let decider = Arc::new(decider.with_archive(context.archive.clone()).explaining(run.explain));
    let build = context.build(options, &run.platform);
    let found = discover(&build, &*decider).await?;
    own.set(found.result);
    checked.warnings = found.warnings.into_iter().map(in_words).collect();
    checked.build.sources = all(&decider, found.sources).await?;
    Ok(())
}

/// Decides all sources at once, and tells of them in their order.
async fn all<R: ResolveJudged>(
    decider: &Arc<Decider<R>>,
    sources: Vec<UsedSource>,
) -> Result<Vec<CheckedSource>, DryRunError> {
    let mut entries: Vec<Vec<CheckedSource>> = vec![Vec::new(); sources.len()];
    let mut tasks = JoinSet::new();
    for (position, source) in sources.into_iter().enumerate() {
        let decider = Arc::clone(decider);
        tasks.spawn(async move { (position, decider.check(&source).await) });
    }
    while let Some(done) = tasks.join_next().await {
        let (position, found) = done.map_err(|_| DryRunError::Aborted)?;
        if let Some(slot) = entries.get_mut(position) {
            *slot = found;
        }
    }
    Ok(entries.concat())
}

/// The platforms of a build: the builder's, unless it names some.
fn platforms<'a>(options: &'a BuildOptions, builder: &'a Platform) -> &'a [Platform] {
    if options.platforms.is_empty() { std::slice::from_ref(builder) } else { &options.platforms }
}

fn in_words(warning: dockerfile::Warning) -> String {
    match warning.place {
        Some(place) => format!("{place}: {}", warning.message),
        None => warning.message,
    }
}
