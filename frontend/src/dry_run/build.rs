//! One build, from its options to its report. First its sources are found; they are decided once those of the other
//! builds are known too, for a build may be made of another one's result.

use std::sync::Arc;

use policy_engine::policy::PolicySet;
use policy_engine::source::Platform;

use super::decider::Decider;
use super::linked::Found;
use super::{Checked, DryRun, DryRunError, NamedBuild, all_at_once, policies};
use crate::build_options::BuildOptions;
use crate::context::{self, Context, Fetch, env_filename};
use crate::dockerfile::{self, Discovered, UsedSource, discover, remote_context};
use crate::lookup::ResolveJudged;
use crate::policy_files::Loaded;
use crate::redact;
use crate::report::build::{Build, CheckedSource, Dockerfile, PolicyInForce};

/// A build whose sources were found, or could not be.
pub(super) struct Prepared<R> {
    checked: Checked,
    found: Option<(Arc<Decider<R>>, Discovered)>,
}

impl<R> Prepared<R> {
    /// A build of which there is nothing to tell but why.
    pub(super) fn failed(name: Option<String>, error: DryRunError) -> Self {
        Checked::failed(name, error).into()
    }

    /// What was found.
    pub(super) fn found(&self) -> Option<Found<'_>> {
        let (_, Discovered { sources, targets, .. }) = self.found.as_ref()?;
        Some(Found { name: self.checked.build.name.as_deref(), sources, targets })
    }
}

impl<R> From<Checked> for Prepared<R> {
    fn from(checked: Checked) -> Self {
        Self { checked, found: None }
    }
}

/// Finds the sources of a build.
pub(super) async fn prepare<R: ResolveJudged + Fetch>(run: &DryRun<R>, build: NamedBuild) -> Prepared<R> {
    let NamedBuild { name, options, policies: own } = build;
    let remote = remote_context(&options).is_ok_and(|context| context.is_some());
    let waiting =
        remote.then(|| run.progress.wait_for(&format!("the context {}", redact::url(&options.context))));
    let opened = context::open(&options, &*run.resolver, &run.stdin).await.map_err(DryRunError::from);
    drop(waiting);
    let context = match opened {
        Ok(context) => context,
        Err(error) => return Prepared::failed(name, error),
    };
    let dockerfile = &context.dockerfile;
    let path = dockerfile.path.as_ref().map(|path| path.display().to_string());
    let dockerfile = Dockerfile::new(&dockerfile.name, path, &dockerfile.text);
    let platforms: Vec<_> = platforms(&options, &run.platform).iter().map(ToString::to_string).collect();
    let loaded = match policies::load(&run.policies, &own, &context) {
        Ok(loaded) => loaded,
        Err(error) => {
            let mut failed = Checked::failed(name, error);
            failed.build = Build { dockerfile: Some(dockerfile), platforms, ..failed.build };
            return failed.into();
        }
    };
    let Loaded { policies, warnings: policy_warnings, log_level, disabled } = loaded;
    let policies = Arc::new(policies);
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
    match find(run, &options, &context, policies, &mut checked).await {
        Ok(found) => Prepared { checked, found: Some(found) },
        Err(error) => checked.because(error).into(),
    }
}

/// Decides the sources of a build, and `linked`, those that it has by other builds; or fails with the name of one of
/// these of which nothing is known.
pub(super) async fn decide<R: ResolveJudged>(
    prepared: Prepared<R>,
    linked: Result<Vec<UsedSource>, String>,
) -> Checked {
    let Prepared { mut checked, found } = prepared;
    let Some((decider, Discovered { mut sources, .. })) = found else { return checked };
    match linked {
        Ok(linked) => sources.extend(linked),
        Err(target) => return checked.because(DryRunError::Target(target)),
    }
    match all(&decider, sources).await {
        Ok(sources) => checked.build.sources = sources,
        Err(error) => return checked.because(error),
    }
    checked
}

/// Finds what a build loads, and adds what is known of the build to `checked`.
async fn find<R: ResolveJudged + Fetch>(
    run: &DryRun<R>,
    options: &BuildOptions,
    context: &Context,
    policies: Arc<PolicySet>,
    checked: &mut Checked,
) -> Result<(Arc<Decider<R>>, Discovered), DryRunError> {
    let env = options.env(&env_filename(options));
    checked.build.caps = policies.caps(&env, run.now)?;
    let resolver = Arc::clone(&run.resolver);
    let decider = Arc::new(Decider::new(policies, env, run.now, resolver, Arc::clone(&run.progress)));
    let build = dockerfile::Build {
        dockerfile: &context.dockerfile.text,
        name: &context.dockerfile.name,
        origin: context.origin,
        own_dockerignore: context.own_dockerignore,
        context: context.main,
        options,
        build_platform: &run.platform,
    };
    let mut found = discover(&build, &*decider).await?;
    checked.warnings = std::mem::take(&mut found.warnings).into_iter().map(in_words).collect();
    Ok((decider, found))
}

/// Decides all sources at once, and tells of them in their order.
async fn all<R: ResolveJudged>(
    decider: &Arc<Decider<R>>,
    sources: Vec<UsedSource>,
) -> Result<Vec<CheckedSource>, DryRunError> {
    let checks = sources.into_iter().map(|source| {
        let decider = Arc::clone(decider);
        async move { decider.check(&source).await }
    });
    let entries: Option<Vec<_>> = all_at_once(checks).await.into_iter().collect();
    Ok(entries.ok_or(DryRunError::Aborted)?.concat())
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
