//! A target as the options of a build.

use std::collections::BTreeMap;

use policy_engine::source::Platform;

use super::BakeTarget;
use super::Environment;
use super::attributes::{Entry, attest_disabled, policy_record};
use super::error::BakeError;
use super::paths;
use super::target::Target;
use crate::build_options::BuildOptions;
use crate::flag_values;

pub(crate) fn bake_target(target: &Target, environment: &Environment) -> Result<BakeTarget, BakeError> {
    let invalid =
        |message: String| BakeError::invalid(&target.at, format!("target `{}`: {message}", target.name));
    let given = target.text("context").unwrap_or(".");
    let dockerfile = target.text("dockerfile").unwrap_or("Dockerfile");
    for (name, value) in [("context", given), ("dockerfile", dockerfile)] {
        if value == "-" {
            return Err(invalid(format!("bake takes no {name} from standard input")));
        }
    }
    let context = context(given);
    let dockerfile = match dockerfile.strip_prefix("cwd://") {
        Some(local) => paths::clean(local),
        None if is_remote(&context) => paths::clean(dockerfile),
        None => paths::join(&context, &paths::clean(dockerfile)),
    };
    let mut platforms = Vec::new();
    for text in target.texts("platforms").iter().flat_map(|text| text.split(',')) {
        let text = if text == "local" { &environment.local_platform } else { text };
        platforms.push(Platform::parse(text.trim()).map_err(|error| invalid(error.to_string()))?);
    }
    let policy = target.entries("policy").iter().map(policy_record);
    let text = |(name, value): (&String, &Option<String>)| value.clone().map(|value| (name.clone(), value));
    Ok(BakeTarget {
        name: target.name.clone(),
        options: BuildOptions {
            context,
            dockerfile: Some(dockerfile),
            dockerfile_inline: target.text("dockerfile-inline").map(str::to_owned),
            target: target.text("target").unwrap_or_default().to_owned(),
            platforms,
            build_args: target
                .map("args")
                .filter_map(text)
                .map(|(name, value)| (name, Some(value)))
                .collect(),
            labels: target.map("labels").filter_map(text).collect(),
            build_contexts: target
                .map("contexts")
                .filter_map(text)
                .map(|(name, value)| {
                    let local = value.strip_prefix("cwd://").map(paths::clean);
                    (name, local.unwrap_or(value))
                })
                .collect(),
            attests: attests(target.entries("attest")).map_err(invalid)?,
        },
        policy: policy.collect::<Result<_, _>>().map_err(invalid)?,
        linked: target.linked,
    })
}

/// A context as a build takes it: cleaned, and from the working directory.
pub(crate) fn context(given: &str) -> String {
    match given.strip_prefix("cwd://") {
        Some(local) => paths::clean(local),
        None if is_remote(given) => given.to_owned(),
        None => paths::clean(given),
    }
}

/// Whether a context, or a bake definition, lies elsewhere: what Docker takes for an archive's or repository's URL.
pub(crate) fn is_remote(text: &str) -> bool {
    let schemes = ["http://", "https://", "git://", "ssh://"];
    schemes.iter().any(|scheme| text.starts_with(scheme))
        || text.starts_with("github.com/")
        || text.split_once('@').is_some_and(|(user, rest)| {
            !user.is_empty() && !user.contains(['/', ':', ' ']) && rest.contains(':')
        })
}

/// Parameters by type, without the type; of two of one type the first holds.
fn attests(entries: &[Entry]) -> Result<BTreeMap<String, Option<String>>, String> {
    let mut attests = BTreeMap::new();
    for entry in entries {
        let kind = entry.get("type").cloned().unwrap_or_default();
        let parameters = if attest_disabled(entry)? {
            None
        } else {
            let rest = entry.iter().filter(|(name, _)| !matches!(name.as_str(), "type" | "disabled"));
            let fields: Vec<String> = rest.map(|(name, value)| format!("{name}={value}")).collect();
            Some(flag_values::record(fields.iter().map(String::as_str)))
        };
        attests.entry(kind).or_insert(parameters);
    }
    Ok(attests)
}
