//! Which caches may be imported.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use policy_engine::source::reference::{Reference, ReferenceError};
use policy_engine::source::{ImageSource, SourceOp};

use super::{CacheImport, REGISTRY};

/// `--cache-imports`: what becomes of a cache that no `--allow-cache-import` names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// It may not be imported.
    #[default]
    Deny,
    /// It may be imported.
    Allow,
    /// The policies are asked, as about an image with the cache's reference. Only registries have such
    /// references: caches of other types may not be imported.
    Policy,
}

/// `--allow-cache-import`: a repository without tag (`registry.example.com/cache/app`), all below a prefix
/// (`registry.example.com/cache/*`), or every cache of a type that isn't a registry (`type=gha`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// A repository, by its full name.
    Repository(String),
    /// Every repository whose full name starts with this, which ends in `/`.
    Below(String),
    /// Every cache of this type.
    Type(String),
}

/// What is wrong with a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// `type=registry`, `type=` or `*`, which say too much.
    #[error("{0:?} names every registry: name a repository, or use `--cache-imports allow`")]
    TooWide(String),
    /// A tag or digest, which could be had under another one.
    #[error("{0:?} has a tag or digest: name the repository without")]
    Tagged(String),
    /// A `*` elsewhere than at the end, after a `/`.
    #[error("{0:?}: a `*` may only stand at the end, after a `/`")]
    Wildcard(String),
    /// No repository.
    #[error("{pattern:?} is no repository: {cause}")]
    Reference {
        /// As given.
        pattern: String,
        /// Why.
        cause: ReferenceError,
    },
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(pattern: &str) -> Result<Self, PatternError> {
        if let Some(kind) = pattern.strip_prefix("type=") {
            return match kind {
                "" | REGISTRY | "*" => Err(PatternError::TooWide(pattern.to_owned())),
                kind => Ok(Self::Type(kind.to_owned())),
            };
        }
        if pattern == "*" || pattern == "/*" {
            return Err(PatternError::TooWide(pattern.to_owned()));
        }
        let stem = pattern.strip_suffix("/*");
        if stem.unwrap_or(pattern).contains('*') {
            return Err(PatternError::Wildcard(pattern.to_owned()));
        }
        let parse = |text: &str| {
            Reference::parse(text)
                .map_err(|cause| PatternError::Reference { pattern: pattern.to_owned(), cause })
        };
        match stem {
            None => {
                let reference = parse(pattern)?;
                if reference.tag().is_some() || reference.digest().is_some() {
                    return Err(PatternError::Tagged(pattern.to_owned()));
                }
                Ok(Self::Repository(reference.name()))
            }
            // Two parts more, as a name of one part is taken for one of Docker Hub's own images.
            Some(stem) => {
                let name = parse(&format!("{stem}/x/x"))?.name();
                Ok(Self::Below(name.strip_suffix("x/x").unwrap_or(&name).to_owned()))
            }
        }
    }
}

impl Pattern {
    fn matches_repository(&self, name: &str) -> bool {
        match self {
            Self::Repository(allowed) => allowed == name,
            Self::Below(prefix) => name.starts_with(prefix.as_str()),
            Self::Type(_) => false,
        }
    }
}

/// What becomes of the caches that builds import.
#[derive(Debug, Clone, Default)]
pub struct Rule {
    /// `--cache-imports`.
    pub mode: Mode,
    /// Each `--allow-cache-import`.
    pub allowed: Vec<Pattern>,
}

/// Whether a cache may be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// It may not, and the build is denied with this message.
    Denied(String),
    /// It may if the policies allow this image. A pin by them is a denial: nobody can make BuildKit import
    /// something else than the client asked for.
    AskPolicy(SourceOp),
}

impl Rule {
    /// Judges one import. What can't be told is denied in every mode.
    ///
    /// Only [`Mode::Allow`] lets a registry without verified TLS (`insecure`) pass: who stands between could
    /// deliver any cache under an allowed name.
    pub fn judge(&self, import: &CacheImport) -> Verdict {
        if let Some(reason) = &import.malformed {
            return Verdict::Denied(format!("cache imports cannot be read: {reason}"));
        }
        if import.kind != REGISTRY {
            return self.judge_type(&import.kind);
        }
        let written = import.reference.as_deref().unwrap_or_default();
        let reference = match ImageSource::parse(written) {
            Ok(image) => image.reference.or_latest(),
            Err(error) => return Verdict::Denied(format!("cache import: {error}")),
        };
        if self.mode == Mode::Allow {
            return Verdict::Allowed;
        }
        if import.attrs.get("insecure").is_some_and(|value| !is_false(value)) {
            return Verdict::Denied(format!(
                "cache import {reference} is insecure: import it from a registry with TLS, without `insecure`"
            ));
        }
        let name = reference.name();
        if self.allowed.iter().any(|pattern| pattern.matches_repository(&name)) {
            return Verdict::Allowed;
        }
        match self.mode {
            Mode::Policy => Verdict::AskPolicy(SourceOp::new(format!("docker-image://{reference}"))),
            Mode::Deny | Mode::Allow => denied(&format!("from {reference}"), &name),
        }
    }

    /// Why a frontend may not run that the client brings itself, in place of an image: policies cannot judge it,
    /// and it may import any cache without asking here.
    ///
    /// Named contexts take the place of frontend images as of any others. What a Dockerfile names in its first
    /// line isn't known here: only the `gateway.v0` frontend can be turned off, in buildkitd's own configuration.
    pub fn denies_frontend(&self, frontend: &str, options: &BTreeMap<String, String>) -> Option<String> {
        let image = match frontend {
            "gateway.v0" => options.get("source"),
            _ => options.get("build-arg:BUILDKIT_SYNTAX"),
        };
        let image = image?.split_ascii_whitespace().next()?;
        let names = |key: &str| {
            let name = key.strip_prefix("context:")?;
            let name = name.split_once("::").map_or(name, |(name, _)| name);
            Some(name == image || same_image(name, image))
        };
        let is_own = |(key, value): (&String, &String)| {
            names(key).unwrap_or_default() && !value.starts_with("docker-image://")
        };
        if self.mode == Mode::Allow || !options.iter().any(is_own) {
            return None;
        }
        Some(format!(
            "the frontend {image} is replaced by a context of the client's own, which could import any cache: use the image, or ask the operator for `--cache-imports allow`"
        ))
    }

    fn judge_type(&self, kind: &str) -> Verdict {
        let named = self.allowed.iter().any(|pattern| matches!(pattern, Pattern::Type(name) if name == kind));
        if named || self.mode == Mode::Allow {
            return Verdict::Allowed;
        }
        denied(&format!("of type {kind:?}"), &format!("type={kind}"))
    }
}

fn denied(what: &str, pattern: &str) -> Verdict {
    Verdict::Denied(format!(
        "cache import {what} is not allowed: build without it, or ask the operator for `--allow-cache-import {pattern}`"
    ))
}

/// Whether two names mean the same image.
fn same_image(one: &str, other: &str) -> bool {
    let full = |name: &str| Some(Reference::parse(name).ok()?.or_latest().to_string());
    full(one).is_some_and(|one| full(other) == Some(one))
}

/// What Go reads as false.
fn is_false(text: &str) -> bool {
    matches!(text, "0" | "f" | "F" | "false" | "FALSE" | "False")
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(name) => f.write_str(name),
            Self::Below(prefix) => write!(f, "{prefix}*"),
            Self::Type(kind) => write!(f, "type={kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(mode: Mode, allowed: &[&str]) -> Rule {
        Rule { mode, allowed: allowed.iter().map(|pattern| pattern.parse().unwrap()).collect() }
    }

    fn is_denied(rule: &Rule, import: &CacheImport) -> bool {
        matches!(rule.judge(import), Verdict::Denied(_))
    }

    #[test]
    fn patterns() {
        for (pattern, full) in [
            ("example.com/cache/app", "example.com/cache/app"),
            ("app", "docker.io/library/app"),
            ("example.com/cache/*", "example.com/cache/*"),
            ("localhost:5000/*", "localhost:5000/*"),
            ("docker.io/*", "docker.io/*"),
            ("org/*", "docker.io/org/*"),
            ("type=gha", "type=gha"),
        ] {
            assert_eq!(pattern.parse::<Pattern>().unwrap().to_string(), full);
        }
        for pattern in ["*", "/*", "type=", "type=registry", "a:1", "a*", "*/a", "a/B", "", "a//*"] {
            assert!(pattern.parse::<Pattern>().is_err(), "{pattern}");
        }
    }

    #[test]
    fn nothing_but_what_is_named_is_allowed_by_default() {
        let rule = rule(Mode::default(), &["example.com/cache/*", "org/app", "type=gha"]);
        for reference in ["example.com/cache/a:1", "example.com/cache/b/c", "org/app:x", "docker.io/org/app"]
        {
            assert_eq!(rule.judge(&CacheImport::registry(reference)), Verdict::Allowed, "{reference}");
        }
        for reference in
            ["example.com/cache:1", "example.com/cachet/a", "example.com:443/cache/a", "org/app2", "", "A"]
        {
            assert!(is_denied(&rule, &CacheImport::registry(reference)), "{reference}");
        }
        assert_eq!(rule.judge(&CacheImport::new("gha", [])), Verdict::Allowed);
        for kind in ["local", "s3", "GHA", "Registry", ""] {
            assert!(is_denied(&rule, &CacheImport::new(kind, [])), "{kind}");
        }
        let Verdict::Denied(message) = rule.judge(&CacheImport::registry("other")) else { panic!("denied") };
        assert!(message.contains("--allow-cache-import docker.io/library/other"), "{message}");
    }

    #[test]
    fn policies_are_asked_about_registries_only() {
        let rule = rule(Mode::Policy, &["example.com/cache/*"]);
        assert_eq!(
            rule.judge(&CacheImport::registry("org/app")),
            Verdict::AskPolicy(SourceOp::new("docker-image://docker.io/org/app:latest"))
        );
        assert_eq!(rule.judge(&CacheImport::registry("example.com/cache/a")), Verdict::Allowed);
        assert!(is_denied(&rule, &CacheImport::new("local", [])));
    }

    #[test]
    fn insecure_registries_pass_only_where_everything_does() {
        let import = |insecure: &str| {
            let attrs = [("ref", "example.com/cache/a"), ("insecure", insecure)];
            CacheImport::new("registry", attrs.map(|(key, value)| (key.to_owned(), value.to_owned())))
        };
        for mode in [Mode::Deny, Mode::Policy] {
            let rule = rule(mode, &["example.com/cache/*"]);
            assert!(is_denied(&rule, &import("true")) && is_denied(&rule, &import("")));
            assert_eq!(rule.judge(&import("false")), Verdict::Allowed);
        }
        assert_eq!(rule(Mode::Allow, &[]).judge(&import("true")), Verdict::Allowed);
    }

    #[test]
    fn what_cannot_be_told_is_denied_in_every_mode() {
        for mode in [Mode::Deny, Mode::Allow, Mode::Policy] {
            assert!(is_denied(&rule(mode, &[]), &CacheImport::malformed("x".into())));
            assert!(is_denied(&rule(mode, &[]), &CacheImport::registry("A b")));
        }
        assert_eq!(rule(Mode::Allow, &[]).judge(&CacheImport::new("s3", [])), Verdict::Allowed);
    }
}
