//! What the tests of policies share: policies from text, roots in memory, and checks.

#![allow(dead_code, unreachable_pub, reason = "every test uses a part of it")]

pub mod conversation;
pub mod expressions;
pub mod policies;
pub mod rng;
pub mod signed;
pub mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use policy_engine::check::{Check, Decision, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::policy::{
    Diagnostic, FileError, LoadError, LoadOptions, Policy, PolicyError, PolicyFile, PolicyRoot,
};
use policy_engine::source::{Platform, Source, SourceOp};
use policy_engine::verify::Trust;

/// An image with most to look up.
pub const IMAGE: &str = "docker-image://docker.io/library/app:1";

/// Files in memory, by path.
#[derive(Default)]
pub struct MemoryRoot(pub BTreeMap<String, Vec<u8>>);

impl MemoryRoot {
    pub fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect())
    }
}

impl PolicyRoot for MemoryRoot {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(FileError::Escapes);
        }
        let file = self.0.get(path).ok_or(FileError::NotFound)?;
        if file.len() as u64 > limit { Err(FileError::TooLarge(limit)) } else { Ok(file.clone()) }
    }
}

/// A policy of several files, with files that it may import or read.
pub fn load_files(
    files: &[(&str, &str)],
    root: Option<MemoryRoot>,
    strict: bool,
) -> Result<Policy, LoadError> {
    Policy::load(&LoadOptions {
        files: files
            .iter()
            .map(|(name, text)| PolicyFile { name: (*name).to_owned(), text: (*text).to_owned() })
            .collect(),
        root: root.map(|root| Arc::new(root) as Arc<dyn PolicyRoot>),
        strict,
    })
}

/// A policy of one file, `p.rego`, with `package docker` put before it on a line of its own.
pub fn load(rules: &str) -> Result<Policy, LoadError> {
    load_files(&[("p.rego", &format!("package docker\n{rules}"))], Some(MemoryRoot::default()), false)
}

/// The one problem of a policy that cannot be loaded.
pub fn problem(rules: &str) -> Diagnostic {
    match load(rules) {
        Ok(_) => panic!("this policy should not load:\n{rules}"),
        Err(LoadError { mut problems, .. }) => {
            assert_eq!(problems.len(), 1, "{problems:?}");
            problems.remove(0)
        }
    }
}

pub fn amd64() -> Platform {
    Platform::new("linux", "amd64", "")
}

/// The platform that `source` is wanted for.
pub fn platform(source: &SourceOp) -> Option<Platform> {
    Source::parse(source).is_ok_and(|source| source.needs_platform()).then(amd64)
}

/// A source by its identifier; OCI layouts with the store that they need.
pub fn source(identifier: &str) -> SourceOp {
    let mut source = SourceOp::new(identifier);
    if identifier.starts_with("oci-layout://") {
        source.attrs.insert("oci.store".to_owned(), "store".to_owned());
    }
    source
}

pub fn env() -> Env {
    Env {
        args: BTreeMap::from([("team".to_owned(), Some("infra".to_owned()))]),
        filename: "Dockerfile".to_owned(),
        ..Env::default()
    }
}

/// Asks `policy` about `source`.
pub fn check(policy: &Policy, source: &SourceOp, facts: &Facts) -> Result<Outcome, PolicyError> {
    ask(&|check| policy.check(check, &Trust::default()), source, facts)
}

/// What `policy` decides while nothing has been looked up.
pub fn decide(policy: &Policy, identifier: &str) -> Result<Decision, PolicyError> {
    match check(policy, &source(identifier), &Facts::default())? {
        Outcome::Decided(decision) => Ok(decision),
        Outcome::Needs(requests) => panic!("{requests:?}"),
    }
}

/// Puts a question to a policy or a set of them.
pub fn ask(
    policy: &dyn Fn(&Check<'_>) -> Result<Outcome, PolicyError>,
    source: &SourceOp,
    facts: &Facts,
) -> Result<Outcome, PolicyError> {
    policy(&Check {
        source,
        platform: platform(source).as_ref(),
        facts,
        env: &env(),
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000),
    })
}
