//! `input.env` of a build, from the options of its frontend.

use std::collections::BTreeMap;

use policy_engine::input::Env;

/// The Dockerfile's name when the options have none.
pub(super) const DEFAULT_FILENAME: &str = "Dockerfile";

/// The environment that a policy sees, from the options that BuildKit acts on (`FrontendOpt` of
/// `LLBBridge.Solve`, or `FrontendAttrs` of a `Control.Solve` that names a frontend).
///
/// As buildx fills it, but for what the options don't tell: a Dockerfile from standard input is called
/// `Dockerfile`, and proxy settings that buildx took from the client's configuration are arguments like any
/// other.
pub fn build_env(options: &BTreeMap<String, String>) -> Env {
    let of = |prefix| {
        options.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?.to_owned(), value)))
    };
    Env {
        args: of("build-arg:").map(|(name, value)| (name, Some(value.clone()))).collect(),
        labels: of("label:").map(|(name, value)| (name, value.clone())).collect(),
        filename: filename(options),
        target: options.get("target").cloned().unwrap_or_default(),
    }
}

/// Base name of the Dockerfile.
fn filename(options: &BTreeMap<String, String>) -> String {
    let path = options.get("filename").map_or("", String::as_str);
    let base = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if matches!(base, "" | ".") { DEFAULT_FILENAME.to_owned() } else { base.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn options_become_the_environment() {
        let env = build_env(&options(&[
            ("build-arg:VERSION", "1"),
            ("build-arg:EMPTY", ""),
            ("label:org.example.x", "y"),
            ("target", "release"),
            ("filename", "app.Dockerfile"),
            ("context:base", "docker-image://alpine"),
        ]));
        let args = [("EMPTY".to_owned(), Some(String::new())), ("VERSION".to_owned(), Some("1".to_owned()))];
        assert_eq!(env.args, BTreeMap::from(args));
        assert_eq!(env.labels, options(&[("org.example.x", "y")]));
        assert_eq!((&*env.target, &*env.filename), ("release", "app.Dockerfile"));
    }

    #[test]
    fn the_file_name_is_a_base_name() {
        for (given, name) in
            [("", "Dockerfile"), ("sub/My.Dockerfile", "My.Dockerfile"), ("./", "Dockerfile"), ("a/b/", "b")]
        {
            assert_eq!(build_env(&options(&[("filename", given)])).filename, name);
        }
        assert_eq!(build_env(&BTreeMap::new()).filename, "Dockerfile");
    }
}
