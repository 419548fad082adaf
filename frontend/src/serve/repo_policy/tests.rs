use std::collections::BTreeMap;

use policy_engine::policy::FileError;
use tonic::Status;

use super::*;
use crate::buildkit::testing::Daemon;
use crate::cache::Cache;
use crate::distribution::Files;
use crate::distribution::layout::{Layout, pack};
use crate::resolve::image::document::sha256;

const POLICY: &str = "package docker\nimport data.lib.local\ndefault allow := false\nallow if local.ok\ndecision := {\"allow\": allow}\n";
const LIBRARY: &str = "package local\nok if input.local\n";
const GIT: &str = "git://example.com/r.git#main";

async fn allow(source: SourceOp) -> Result<SourceOp, String> {
    Ok(source)
}

async fn never(source: SourceOp) -> Result<SourceOp, String> {
    panic!("{source:?} is the client's own")
}

fn locate(options: &[(&str, &str)]) -> Location {
    let options: BTreeMap<_, _> =
        options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Location::of(&options, &BTreeMap::new(), "s1").unwrap()
}

fn count(log: &[String], start: &str) -> usize {
    log.iter().filter(|line| line.starts_with(start)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_local_policy_lies_beside_the_dockerfile_and_imports_from_the_context() {
    let (daemon, channel) = Daemon::start(&[
        ("s1/local://dockerfile", &[("My.Dockerfile.rego", POLICY)]),
        ("s2/local://context", &[("lib/local.rego", LIBRARY)]),
    ])
    .await;
    let loader = RepoPolicyLoader::new(channel, true);
    let location = locate(&[("filename", "My.Dockerfile"), ("local-sessionid:context", "s2")]);
    let policy = loader.load(&location, "s1", never).await.unwrap();
    assert_eq!(
        daemon.log(),
        [
            "start s1",
            "solve s1/local://dockerfile My.Dockerfile.rego",
            "open My.Dockerfile.rego",
            "solve s2/local://context policy-libraries.json",
            "open policy-libraries.json",
            "solve s2/local://context lib/local.rego",
            "open lib/local.rego",
        ]
    );
    assert!(policy.is_some());
    drop(policy);
    daemon.until("end").await;
}

#[tokio::test]
async fn no_file_no_directory_and_an_upload_are_no_policy() {
    let (daemon, channel) = Daemon::start(&[("s1/local://dockerfile", &[("Dockerfile", "")])]).await;
    let loader = RepoPolicyLoader::new(channel, false);
    assert!(loader.load(&locate(&[]), "s1", never).await.unwrap().is_none());
    daemon.until("end").await;
    let elsewhere = locate(&[("dockerfilekey", "other")]);
    assert!(loader.load(&elsewhere, "s1", never).await.unwrap().is_none());

    let before = daemon.log().len();
    let upload = locate(&[("context", "http://buildkit-session/abc")]);
    assert!(loader.load(&upload, "s1", never).await.unwrap().is_none());
    assert_eq!(count(&daemon.log()[before..], "start"), 0);
}

#[tokio::test]
async fn a_lower_case_dockerfile_has_a_lower_case_policy() {
    let policy = "package docker\ndecision := {\"allow\": true}\n";
    let (_daemon, channel) = Daemon::start(&[
        ("s1/local://dockerfile", &[("dockerfile", ""), ("dockerfile.rego", policy)]),
        ("s2/local://dockerfile", &[("Dockerfile", ""), ("dockerfile.rego", policy)]),
    ])
    .await;
    let loader = RepoPolicyLoader::new(channel, false);
    assert!(loader.load(&locate(&[]), "s1", never).await.unwrap().is_some());
    let other = locate(&[("local-sessionid:dockerfile", "s2")]);
    assert!(loader.load(&other, "s1", never).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_remote_context_is_judged_and_fetched_once() {
    let (daemon, channel) =
        Daemon::start(&[(GIT, &[("sub/Dockerfile.rego", POLICY), ("lib/local.rego", LIBRARY)])]).await;
    let loader = RepoPolicyLoader::new(channel, true);
    let location =
        locate(&[("context", "https://u:s3cret@example.com/r.git#main"), ("filename", "sub/Dockerfile")]);
    assert!(loader.load(&location, "s1", allow).await.unwrap().is_some());
    assert_eq!(count(&daemon.log(), "solve"), 1);

    let before = daemon.log().len();
    let deny = |source: SourceOp| async move {
        assert_eq!(source.attrs["git.fullurl"], "https://u:s3cret@example.com/r.git");
        Err::<SourceOp, _>("only internal repositories".to_owned())
    };
    let error = loader.load(&location, "s1", deny).await.unwrap_err();
    assert!(
        matches!(&error, RepoPolicyError::Denied { reason, .. } if reason == "only internal repositories")
    );
    assert!(error.to_string().contains(GIT) && !error.to_string().contains("s3cret"), "{error}");
    assert_eq!(daemon.log().len(), before, "nothing is fetched");
}

#[tokio::test]
async fn a_remote_context_is_read_as_it_is_pinned() {
    let policy = "package docker\ndecision := {\"allow\": true}\n";
    let (_daemon, channel) =
        Daemon::start(&[(GIT, &[]), ("git://example.com/r.git#v1", &[("Dockerfile.rego", policy)])]).await;
    let loader = RepoPolicyLoader::new(channel, true);
    let location = locate(&[("context", "https://example.com/r.git#main")]);
    assert!(loader.load(&location, "s1", allow).await.unwrap().is_none());
    let pin = async |source: SourceOp| {
        Ok(SourceOp { identifier: "git://example.com/r.git#v1".into(), attrs: source.attrs })
    };
    assert!(loader.load(&location, "s1", pin).await.unwrap().is_some());
}

#[tokio::test]
async fn a_url_is_unpacked_and_its_policy_read() {
    let policy = "package docker\ndecision := {\"allow\": true}\n";
    let url = "https://example.com/c.tgz";
    let (_daemon, channel) = Daemon::start(&[(url, &[("Dockerfile.rego", policy)])]).await;
    let loader = RepoPolicyLoader::new(channel, false);
    assert!(loader.load(&locate(&[("context", url)]), "s1", allow).await.unwrap().is_some());
}

#[tokio::test]
async fn what_cannot_be_read_or_does_not_load_is_an_error() {
    let (daemon, channel) = Daemon::start(&[
        ("s1/local://dockerfile", &[("a.rego", POLICY), ("b.rego", "package docker\nallow if {\n")]),
        ("s1/local://context", &[]),
    ])
    .await;
    let loader = RepoPolicyLoader::new(channel, false);
    let load = async |name| loader.load(&locate(&[("filename", name)]), "s1", never).await.map(|_| ());
    let error = load("a").await.unwrap_err();
    assert!(error.to_string().contains("there is no file `lib/local.rego`"), "{error}");
    let error = load("b").await.unwrap_err();
    assert!(matches!(&error, RepoPolicyError::Load { path, .. } if path == "b.rego"), "{error}");
    daemon.refuse(Status::unavailable("shutting down"));
    let error = load("a").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot read the build's policy `a.rego`: solving: shutting down");
    assert!(!error.help().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn files_are_read_once_from_whatever_thread_asks() {
    let (daemon, channel) = Daemon::start(&[("s1/local://context", &[("data.json", "{}")])]).await;
    let build = InternalBuild::start(channel, "s1").unwrap();
    let root = Arc::new(SessionRoot::new(build, Arc::new(Tree::new(&locate(&[]).context))));
    // Here on a worker, the only one.
    let on_worker = Arc::clone(&root);
    let read = tokio::spawn(async move { on_worker.read("./data.json", 10) }).await.unwrap();
    assert_eq!(read.as_deref(), Ok(b"{}".as_slice()));
    let blocking = tokio::task::spawn_blocking(move || {
        assert_eq!(root.read("data.json", 1), Err(FileError::TooLarge(1)));
        assert_eq!(root.read("nope.json", 1), Err(FileError::NotFound));
        assert_eq!(root.read("nope.json", 1), Err(FileError::NotFound));
        assert_eq!(root.read("../data.json", 1), Err(FileError::Escapes));
    });
    blocking.await.unwrap();
    assert_eq!(count(&daemon.log(), "solve"), 2);
    daemon.until("end").await;
}

/// What the context's `policy-libraries.json` names is read from the context, or from where the operator lists it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn libraries_come_from_the_context_or_a_listed_place() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::new(dir.path(), 1 << 20));
    let mut files = Files::default();
    files.insert("local.rego", LIBRARY.into()).unwrap();
    let artifact = pack(&files, Layout::Opa).unwrap();
    let (manifest, digest, of_builds) = (artifact.manifest(), files.digest(), cache.apart("sent"));
    let pin = sha256(&manifest);
    of_builds.put(&pin, &manifest);
    artifact.layers.iter().for_each(|layer| of_builds.put(&sha256(&layer.content), &layer.content));
    let pinned = format!(
        r#"{{"version": 1, "libraries": {{"lib": {{"from": "oci://127.0.0.1:1/acme/lib:v1", "pin": "{pin}", "files": "{digest}"}}}}}}"#
    );
    let folder = r#"{"version": 1, "libraries": {"lib": {"from": "shared"}}}"#;
    let (_daemon, channel) = Daemon::start(&[
        ("s1/local://dockerfile", &[("a.rego", POLICY)]),
        ("s1/local://context", &[("policy-libraries.json", pinned.leak())]),
        ("s2/local://context", &[("policy-libraries.json", folder), ("shared/local.rego", LIBRARY)]),
    ])
    .await;
    let fetcher = Fetcher { cache: Some(cache), offline: true, ..Fetcher::default() };
    let load = async |listed: &[&str], context: &str| {
        let listed: Vec<ListedPlace> = listed.iter().map(|place| place.parse().unwrap()).collect();
        let loader = RepoPolicyLoader::new(channel.clone(), true).with_libraries(&listed, fetcher.clone());
        let location = locate(&[("filename", "a"), ("local-sessionid:context", context)]);
        loader.load(&location, "s1", never).await.map(|policy| policy.is_some())
    };
    assert!(load(&["oci://127.0.0.1:1/acme/"], "s1").await.unwrap());
    assert!(load(&[], "s2").await.unwrap());
    for listed in [&[][..], &["oci://127.0.0.1:1/ac"]] {
        let error = load(listed, "s1").await.unwrap_err().to_string();
        assert!(error.contains("may not take libraries") && error.contains("--libraries-from"), "{error}");
    }
}
