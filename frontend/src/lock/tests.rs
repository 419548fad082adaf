#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::SystemTime;

use bytes::Bytes;
use policy_engine::input::Env;
use policy_engine::metadata::{GitMetadata, HttpMetadata, ImageMetadata, Metadata, Request};
use policy_engine::policy::{LoadOptions, Policy, PolicyFile, PolicyRoot, PolicySet};
use policy_engine::source::{Platform, SourceOp};
use std::sync::Arc;

use super::*;
use crate::decide::{DecideError, Observer, Question, Verdict, decide};
use crate::lookup::{Resolve, block_on};
use crate::memory_tree::{MemoryTree, Node};

const POLICY: &str = include_str!("../../../policies/lock/lock.rego");
const LIBRARY: &str = include_str!("../../../policies/lib/locks/lockfile.rego");

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn lock() -> Lock {
    let mut lock = Lock::default();
    lock.images.insert("docker.io/library/alpine:3.22".into(), digest('1'));
    lock.git.insert("https://example.com/r.git#refs/heads/main".into(), "3".repeat(40));
    lock.http.insert("https://example.com/a".into(), digest('1'));
    lock
}

#[test]
fn what_is_saved_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("Dockerfile.lock.json");
    assert_eq!(Lock::load(&path).unwrap(), Lock::default());
    lock().save(&path).unwrap();
    assert_eq!(Lock::load(&path).unwrap(), lock());
    let text = std::fs::read_to_string(&path).unwrap();
    lock().save(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    insta::assert_snapshot!(text, @r#"
    {
      "version": 1,
      "images": {
        "docker.io/library/alpine:3.22": "sha256:1111111111111111111111111111111111111111111111111111111111111111"
      },
      "git": {
        "https://example.com/r.git#refs/heads/main": "3333333333333333333333333333333333333333"
      },
      "http": {
        "https://example.com/a": "sha256:1111111111111111111111111111111111111111111111111111111111111111"
      }
    }
    "#);
}

#[test]
fn what_is_no_lock_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let empty = "\"images\":{},\"git\":{},\"http\":{}}";
    for (text, detail) in [
        (String::new(), "EOF while parsing"),
        ("{\"version\":1}".into(), "missing field `images`"),
        (format!("{{\"version\":2,{empty}"), "it has version 2"),
        (format!("{{\"version\":1,\"more\":1,{empty}"), "unknown field `more`"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Lock::load(&path).unwrap_err();
        assert!(error.to_string().contains(detail), "{error}");
        assert!(error.is_usage() && error.help().is_some());
    }
    assert!(Lock::load(dir.path()).is_err());
}

#[test]
fn changes_are_told_by_kind_and_name() {
    let mut now = lock();
    now.images.insert("docker.io/library/alpine:3.22".into(), digest('2'));
    now.images.insert("a:1".into(), digest('4'));
    now.http.clear();
    let told: Vec<_> =
        lock().changes(&now).into_iter().map(|change| (change.name, change.was, change.is)).collect();
    let expected = [
        ("a:1".to_owned(), None, Some(digest('4'))),
        ("docker.io/library/alpine:3.22".to_owned(), Some(digest('1')), Some(digest('2'))),
        ("https://example.com/a".to_owned(), Some(digest('1')), None),
    ];
    assert_eq!(told, expected);
    assert!(lock().changes(&lock()).is_empty());
}

#[test]
fn a_source_is_one_thing() {
    let mut merged = lock();
    merged.merge(lock()).unwrap();
    assert_eq!(merged, lock());
    let mut other = Lock::default();
    other.http.insert("https://example.com/a".into(), digest('2'));
    assert!(matches!(merged.merge(other), Err(LockError::Changed(_))));
}

/// The policy, with the locks of [`lock`] beside it unless there are `others`.
fn policy(text: String, others: Option<&str>) -> PolicySet {
    let written = serde_json::to_string(&lock()).unwrap();
    let content = Bytes::from(others.unwrap_or(&written).to_owned());
    let library = Bytes::from_static(LIBRARY.as_bytes());
    let files = [("Dockerfile.lock.json", content), ("lib/locks/lockfile.rego", library)];
    let files: BTreeMap<_, _> = files.map(|(name, content)| (name.to_owned(), Node::File(content))).into();
    let root: Arc<dyn PolicyRoot> = Arc::new(MemoryTree::new(files));
    let files = vec![PolicyFile { name: "lock.rego".into(), text }];
    // There is nothing to be warned of.
    let policy = Policy::load(&LoadOptions { files, root: Some(root), strict: true }).unwrap();
    PolicySet { policies: vec![Arc::new(policy)], ..PolicySet::default() }
}

/// A world in which everything has one digest, or one commit.
struct World(char);

impl Resolve for World {
    type Error = std::convert::Infallible;

    async fn resolve(&self, request: &Request) -> Result<Metadata, Self::Error> {
        let image = ImageMetadata { digest: digest(self.0), ..ImageMetadata::default() };
        let git = GitMetadata {
            r#ref: "refs/heads/main".into(),
            checksum: self.0.to_string().repeat(40),
            ..GitMetadata::default()
        };
        let http = HttpMetadata {
            checksum: digest(self.0),
            checksum_responses: Vec::new(),
            ..HttpMetadata::default()
        };
        Ok(Metadata {
            image: request.wanted.image.as_ref().map(|_| image),
            git: request.wanted.git.as_ref().map(|_| git),
            http: request.wanted.http.as_ref().map(|_| http),
        })
    }

    fn denial(_: &Self::Error) -> Option<&[String]> {
        None
    }
}

struct Unheard;

impl Observer for Unheard {
    fn asked(&mut self, _round: usize, _requests: &[Request]) {}
    fn slow(&mut self, _requests: &[Request]) {}
}

fn asked(policies: &PolicySet, source: &str, world: char) -> Result<Verdict, DecideError> {
    let mut source = SourceOp::new(source);
    if source.identifier.starts_with("git://") {
        source.attrs.insert("git.fullurl".into(), "https://example.com/r.git".into());
    }
    if source.identifier.starts_with("oci-layout://") {
        source.attrs.insert("oci.store".into(), "store".into());
    }
    let (env, platform) =
        (Env { filename: "Dockerfile".into(), ..Env::default() }, Platform::new("linux", "amd64", ""));
    let now = SystemTime::UNIX_EPOCH;
    let question = Question { policies, source: &source, platform: Some(&platform), env: &env, now };
    block_on(decide(question, &Arc::new(World(world)), &mut Unheard)).unwrap()
}

const ALPINE: &str = "docker-image://docker.io/library/alpine:3.22";

#[test]
fn what_is_locked_is_allowed() {
    let policies = policy(POLICY.into(), None);
    let allowed = |source: &str, world: char| {
        let verdict = asked(&policies, source, world).unwrap();
        assert_eq!(verdict.decision.messages, [""; 0], "{source}");
        assert!(verdict.allowed(), "{source}");
    };
    allowed(ALPINE, '1');
    // As it is asked about when it is loaded.
    allowed(&format!("{ALPINE}@{}", digest('1')), '1');
    allowed("git://example.com/r.git#main", '3');
    allowed("https://example.com/a", '1');
    allowed("local://context", '1');
}

/// What a layout is called changes from build to build, so its digest must do.
#[test]
fn layouts_are_known_by_their_digest() {
    let mut lock = lock();
    lock.images.insert("oci-layout://layouts/base:1".into(), digest('5'));
    let policies = policy(POLICY.into(), Some(&serde_json::to_string(&lock).unwrap()));
    assert!(asked(&policies, "oci-layout://another:1", '5').unwrap().allowed());
    // Locked, but as an image of a registry.
    assert!(!asked(&policies, "oci-layout://layouts/base:1", '1').unwrap().allowed());
}

#[test]
fn what_moved_is_denied() {
    let policies = policy(POLICY.into(), None);
    for (source, was, is) in [
        (ALPINE, digest('1'), digest('2')),
        ("git://example.com/r.git#main", "3".repeat(40), "2".repeat(40)),
        ("https://example.com/a", digest('1'), digest('2')),
    ] {
        let verdict = asked(&policies, source, '2').unwrap();
        assert!(!verdict.allowed(), "{source}");
        let expected = format!("was locked as {was} and is {is} now: run `policy-check lock` if it may be");
        let messages = &verdict.decision.messages;
        assert!(messages.len() == 1 && messages[0].ends_with(&expected), "{messages:?}");
    }
    let other = format!("{ALPINE}@{}", digest('2'));
    assert!(!asked(&policies, &other, '2').unwrap().allowed());
}

#[test]
fn what_is_not_locked_is_denied() {
    let policies = policy(POLICY.into(), None);
    for source in [
        "docker-image://docker.io/library/golang:1",
        "docker-image://example.com/library/alpine:3.22",
        "https://example.com/b",
        "git://example.com/r.git#main:sub",
    ] {
        let verdict = asked(&policies, source, '1').unwrap();
        assert!(!verdict.allowed(), "{source}");
    }
    // Nothing is locked by a lock of another version, or by what is no lock.
    let other = policy(POLICY.into(), Some("{\"version\":2,\"images\":{}}"));
    assert!(!asked(&other, ALPINE, '1').unwrap().allowed());
    let broken = policy(POLICY.into(), Some("{"));
    assert!(asked(&broken, ALPINE, '1').is_err());
    assert!(asked(&broken, "local://context", '1').unwrap().allowed());
    assert_eq!(
        broken
            .caps(&Env { filename: "Dockerfile".into(), ..Env::default() }, SystemTime::UNIX_EPOCH)
            .unwrap(),
        BTreeMap::new()
    );
}
