//! Global arguments: those that BuildKit defines by itself, and the `ARG`s before the first `FROM`.

use policy_engine::source::Platform;

use super::Build;
use super::environment::Environment;
use super::expand::Expander;
use super::instructions::Stages;
use super::parse::{LineRange, ParseError};

/// The global arguments of a build for one target platform.
pub(super) fn global(
    build: &Build<'_>,
    target: &Platform,
    stages: &Stages,
    expander: &Expander,
) -> Result<Environment, ParseError> {
    let mut global = Environment::default();
    for (name, value) in predefined(build, target, stages) {
        let value = build.options.build_arg(name).unwrap_or(&value);
        global.set(name, value).map_err(|message| ParseError { lines: LineRange::default(), message })?;
    }
    for (lines, args) in &stages.global_args {
        let error = |message: String| ParseError { lines: *lines, message };
        for arg in args {
            let value = match (build.options.build_arg(&arg.name), &arg.value) {
                (Some(given), _) => given.to_owned(),
                (None, Some(value)) => expander.word(value, &global).map_err(|e| error(e.to_string()))?,
                (None, None) => continue,
            };
            global.set(&arg.name, &value).map_err(error)?;
        }
    }
    Ok(global)
}

fn predefined(build: &Build<'_>, target: &Platform, stages: &Stages) -> [(&'static str, String); 11] {
    let last = || stages.stages.last().map(|stage| stage.name.clone());
    let stage = Some(build.options.target.clone()).filter(|name| !name.is_empty()).or_else(last);
    let builder = build.build_platform;
    [
        ("BUILDPLATFORM", builder.to_string()),
        ("BUILDOS", builder.os.clone()),
        ("BUILDOSVERSION", String::new()),
        ("BUILDARCH", builder.architecture.clone()),
        ("BUILDVARIANT", builder.variant.clone()),
        ("TARGETPLATFORM", target.to_string()),
        ("TARGETOS", target.os.clone()),
        ("TARGETOSVERSION", String::new()),
        ("TARGETARCH", target.architecture.clone()),
        ("TARGETVARIANT", target.variant.clone()),
        ("TARGETSTAGE", stage.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned())),
    ]
}
