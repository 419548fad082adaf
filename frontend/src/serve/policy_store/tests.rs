//! The store over real files. Nothing here waits for time to pass: the tests look when they want to.

use std::path::Path;
use std::time::SystemTime;

use policy_engine::check::{Action, Check, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::source::SourceOp;

use super::*;

const ALLOW: &str = "package docker\ndecision := {\"allow\": true}";
const DENY: &str = "package docker\ndecision := {\"allow\": false}";
const BROKEN: &str = "package docker\ndecision := {";

fn specs(paths: &[&Path]) -> Vec<PolicySpec> {
    let spec = |path: &&Path| PolicySpec { files: vec![path.display().to_string()], ..PolicySpec::default() };
    paths.iter().map(spec).collect()
}

fn open(paths: &[&Path]) -> Arc<PolicyStore> {
    PolicyStore::load(&specs(paths), false, &Fetcher::default(), &Metrics::new()).unwrap()
}

fn problems(specs: &[PolicySpec]) -> Vec<String> {
    let failure = PolicyStore::load(specs, false, &Fetcher::default(), &Metrics::new()).unwrap_err();
    failure.problems.iter().map(ToString::to_string).collect()
}

fn allows(policies: &PolicySet) -> bool {
    let (source, facts, env) = (SourceOp::new("local://context"), Facts::default(), Env::default());
    let check =
        Check { source: &source, platform: None, facts: &facts, env: &env, now: SystemTime::UNIX_EPOCH };
    match policies.check(&check).unwrap() {
        Outcome::Decided(decision) => decision.action == Action::Allow,
        Outcome::Needs(requests) => unreachable!("{requests:?}"),
    }
}

/// A folder with the files `(path, content)`.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    dir
}

#[test]
fn a_folder_holds_a_policy_per_file() {
    let lib = "package lib\nyes := true";
    let importing = "package docker\nimport data.lib.a\ndecision := {\"allow\": a.yes}";
    let dir = folder(&[
        ("2.rego", importing),
        ("1.rego", ALLOW),
        ("1_test.rego", BROKEN),
        ("notes.txt", BROKEN),
        ("lib/a.rego", lib),
    ]);
    let store = open(&[dir.path()]);
    let names: Vec<_> = store.current().policies.iter().map(|policy| policy.name().to_owned()).collect();
    let wanted = ["1.rego", "2.rego"].map(|name| dir.path().join(name).display().to_string());
    assert_eq!(names, wanted);
    assert!(allows(&store.current()));
}

#[test]
fn files_of_a_flag_form_one_policy_and_flags_add_up() {
    let dir = folder(&[
        ("a.rego", "package docker\ndecision := {\"allow\": yes}"),
        ("b.rego", "package docker\nimport data.c\nyes := c.yes"),
        ("c.rego", "package c\nyes := true"),
        ("deny.rego", DENY),
    ]);
    let file = |name: &str| dir.path().join(name).display().to_string();
    let both = PolicySpec { files: vec![file("a.rego"), file("b.rego")], ..PolicySpec::default() };
    let store =
        PolicyStore::load(std::slice::from_ref(&both), false, &Fetcher::default(), &Metrics::new()).unwrap();
    assert_eq!(store.current().policies.len(), 1);
    assert!(allows(&store.current()));
    let deny = format!("filename=cwd://{}", file("deny.rego")).parse().unwrap();
    let store = PolicyStore::load(&[both, deny], false, &Fetcher::default(), &Metrics::new()).unwrap();
    assert_eq!(store.current().policies.len(), 2);
    assert!(!allows(&store.current()));
    assert!(allows(&open(&[]).current()), "no policy, no rule");
}

#[test]
fn every_problem_is_told() {
    let dir = folder(&[("bad.rego", BROKEN), ("good.rego", ALLOW), ("worse.rego", "not rego")]);
    let empty = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing.rego");
    let told = problems(&specs(&[dir.path(), empty.path(), &missing]));
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[0].contains("bad.rego:2:"), "{told:?}");
    assert!(told[1].contains("worse.rego:1:"), "{told:?}");
    assert_eq!(told[2], format!("there is no policy in the folder `{}`", empty.path().display()));
    assert_eq!(told[3], format!("there is no policy `{}`", missing.display()));
}

#[test]
fn nothing_switches_the_servers_policies_off() {
    let dir = folder(&[("a.rego", DENY)]);
    let file = dir.path().join("a.rego").display().to_string();
    for option in ["disabled=true", "reset=true", "strict=false"] {
        let spec = format!("filename={file},{option}").parse().unwrap();
        let told = problems(&[spec]);
        assert_eq!(
            told,
            [format!("`--policy {option}` has no meaning for a server: its policies always hold")]
        );
    }
    let mixed = PolicySpec { files: vec![file, dir.path().display().to_string()], ..PolicySpec::default() };
    let told = problems(&[mixed]);
    assert!(told[0].contains("is named together with other files"), "{told:?}");
    let told = problems(&[PolicySpec::default()]);
    assert_eq!(told, ["`--policy` names neither a file nor a folder"]);
}

#[test]
fn changes_come_into_force_when_they_settle() {
    let dir = folder(&[("a.rego", ALLOW)]);
    let store = open(&[dir.path()]);
    let began_with = store.current();
    assert_eq!(store.poll(), Reload::Unchanged);
    std::fs::write(dir.path().join("a.rego"), &DENY[..20]).unwrap();
    assert_eq!(store.poll(), Reload::Settling);
    std::fs::write(dir.path().join("a.rego"), DENY).unwrap();
    assert_eq!(store.poll(), Reload::Settling, "it has changed once more");
    assert!(allows(&store.current()));
    assert_eq!(store.poll(), Reload::Loaded);
    assert!(!allows(&store.current()));
    assert!(allows(&began_with), "who began with the old set keeps it");
    assert_ne!(ids(&store.current()), ids(&began_with));
    assert_eq!(store.poll(), Reload::Unchanged);
}

#[test]
fn files_come_and_go() {
    let dir = folder(&[("a.rego", ALLOW)]);
    let store = open(&[dir.path()]);
    std::fs::write(dir.path().join("b.rego"), DENY).unwrap();
    assert_eq!((store.poll(), store.poll()), (Reload::Settling, Reload::Loaded));
    assert!(!allows(&store.current()));
    std::fs::remove_file(dir.path().join("b.rego")).unwrap();
    assert_eq!((store.poll(), store.poll()), (Reload::Settling, Reload::Loaded));
    assert!(allows(&store.current()));
    std::fs::remove_file(dir.path().join("a.rego")).unwrap();
    assert_eq!((store.poll(), store.poll()), (Reload::Settling, Reload::Failed));
    assert!(allows(&store.current()), "an emptied folder changes nothing");
}

#[test]
fn what_does_not_load_leaves_the_old_set() {
    let dir = folder(&[("a.rego", DENY)]);
    let metrics = Metrics::new();
    let store = PolicyStore::load(&specs(&[dir.path()]), false, &Fetcher::default(), &metrics).unwrap();
    std::fs::write(dir.path().join("a.rego"), BROKEN).unwrap();
    assert_eq!((store.poll(), store.poll()), (Reload::Settling, Reload::Failed));
    assert!(!allows(&store.current()));
    assert!(problems(&specs(&[dir.path()]))[0].contains("a.rego:2:"));
    assert!(metrics.render().contains("policy_check_policy_loads_total{result=\"failed\"} 1\n"));
    assert_eq!(store.poll(), Reload::Unchanged, "it is told once");
    std::fs::write(dir.path().join("a.rego"), ALLOW).unwrap();
    assert_eq!((store.poll(), store.poll()), (Reload::Settling, Reload::Loaded));
    assert!(allows(&store.current()));
    assert!(metrics.render().contains("policy_check_policy_loads_total{result=\"failed\"} 1\n"));
}

#[test]
fn imports_and_data_are_watched() {
    let main = "package docker\nimport data.lib.a\n\
                decision := {\"allow\": load_json(\"data.json\").allow == a.yes}";
    let dir = folder(&[
        ("main.rego", main),
        ("lib/a.rego", "package a\nyes := true"),
        ("data.json", "{\"allow\": true}"),
    ]);
    let store = open(&[&dir.path().join("main.rego")]);
    assert!(allows(&store.current()));
    assert_eq!(store.poll(), Reload::Unchanged);
    std::fs::write(dir.path().join("data.json"), "{\"allow\": false}").unwrap();
    assert_eq!((store.poll(), store.poll()), (Reload::Settling, Reload::Loaded));
    assert!(!allows(&store.current()));
    std::fs::write(dir.path().join("lib/a.rego"), "package a\nyes := false").unwrap();
    assert_eq!((store.poll(), store.poll()), (Reload::Settling, Reload::Loaded));
    assert!(allows(&store.current()));
}

#[test]
fn a_swapped_folder_is_noticed() {
    // As Kubernetes mounts a ConfigMap: files are links through `..data`, which is replaced.
    let dir = folder(&[("one/a.rego", ALLOW), ("two/a.rego", DENY)]);
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, dir.path().join(name)).unwrap();
    link("one", "..data");
    link("..data/a.rego", "a.rego");
    let store = open(&[dir.path()]);
    assert!(allows(&store.current()));
    link("two", "..new");
    std::fs::rename(dir.path().join("..new"), dir.path().join("..data")).unwrap();
    assert_eq!((store.poll(), store.poll()), (Reload::Settling, Reload::Loaded));
    assert!(!allows(&store.current()));
}

#[test]
fn a_named_pipe_is_no_policy() {
    let dir = folder(&[("a.rego", ALLOW)]);
    let pipe = dir.path().join("b.rego");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let told = problems(&specs(&[dir.path()]));
    assert_eq!(told, [format!("cannot read policy `{}`: not a regular file", pipe.display())]);
}

#[test]
fn strict_refuses_warnings() {
    let dir = folder(&[("a.rego", "package docker\ndecision := {\"allow\": input.image.hasProvenanc}")]);
    let store = open(&[dir.path()]);
    assert_eq!(store.warnings().len(), 1);
    let failure =
        PolicyStore::load(&specs(&[dir.path()]), true, &Fetcher::default(), &Metrics::new()).unwrap_err();
    assert_eq!(failure.problems[0].diagnostics(), store.warnings());
}

#[tokio::test]
async fn reloads_when_told() {
    let dir = folder(&[("a.rego", ALLOW)]);
    let store = open(&[dir.path()]);
    std::fs::write(dir.path().join("a.rego"), DENY).unwrap();
    assert_eq!(store.reload().await, Reload::Loaded);
    assert!(!allows(&store.current()));
    assert_eq!(store.poll(), Reload::Unchanged);
}

#[tokio::test]
async fn watching_brings_changes_into_force() {
    let dir = folder(&[("a.rego", ALLOW)]);
    let store = open(&[dir.path()]);
    std::fs::write(dir.path().join("a.rego"), DENY).unwrap();
    tokio::select! {
        () = Arc::clone(&store).watch(Duration::from_millis(1)) => unreachable!("runs until dropped"),
        () = async { while allows(&store.current()) { tokio::task::yield_now().await; } } => {}
    }
}

#[tokio::test]
async fn trust_outlives_a_reload() {
    let dir = folder(&[("a.rego", ALLOW)]);
    let store = open(&[dir.path()]);
    let trust: Arc<Trust> = Arc::default();
    store.set_trust(Arc::clone(&trust));
    assert!(Arc::ptr_eq(&store.current().trust, &trust));
    std::fs::write(dir.path().join("a.rego"), DENY).unwrap();
    assert_eq!(store.reload().await, Reload::Loaded);
    assert!(Arc::ptr_eq(&store.current().trust, &trust) && !allows(&store.current()));
}

const ACME: &str = "package acme.images\ntrusted := true";
const IMPORTING: &str = "package docker\nimport data.acme.images\ndecision := {\"allow\": images.trusted}";

#[test]
fn libraries_of_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &str| std::fs::write(dir.path().join(path), content).unwrap();
    std::fs::create_dir(dir.path().join("lib")).unwrap();
    write("docker.rego", IMPORTING);
    write("lib/images.rego", ACME);
    let failed = problems(&specs(&[dir.path()]));
    assert!(failed[0].contains("acme/images.rego"), "{failed:?}");
    write("policy-libraries.json", r#"{"version": 1, "libraries": {"acme": {"from": "lib"}}}"#);
    let store = open(&[dir.path()]);
    assert!(allows(&store.current()));
    // Other libraries are other policies; a lock that doesn't hold leaves the old ones in force.
    let files = format!("sha256:{}", "0".repeat(64));
    let lock = format!(r#"{{"version": 1, "libraries": {{"acme": {{"from": "lib", "files": "{files}"}}}}}}"#);
    write("policy-libraries.json", &lock);
    assert_eq!(settled(&store), Reload::Failed);
    assert!(problems(&specs(&[dir.path()]))[0].contains("has changed"));
    assert!(allows(&store.current()));
    write("lib/images.rego", &ACME.replace("true", "false"));
    write("policy-libraries.json", r#"{"version": 1, "libraries": {"acme": {"from": "lib"}}}"#);
    assert_eq!(settled(&store), Reload::Loaded);
    assert!(!allows(&store.current()));
}

/// The second look at what has changed.
fn settled(store: &PolicyStore) -> Reload {
    assert_eq!(store.poll(), Reload::Settling);
    store.poll()
}

#[test]
fn policies_elsewhere_must_be_pinned_and_there() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let (tag, pinned) = ("oci://127.0.0.1:1/acme/p:v1", format!("oci://127.0.0.1:1/acme/p@{digest}"));
    let spec = |files: &[&str]| PolicySpec {
        files: files.iter().map(|file| (*file).to_owned()).collect(),
        ..PolicySpec::default()
    };
    assert!(problems(&[spec(&[tag])])[0].contains("is not pinned"));
    assert!(problems(&[spec(&[&pinned])])[0].starts_with("cannot fetch `oci://127.0.0.1:1/acme/p@"));
    assert!(problems(&[spec(&[&pinned, "a.rego"])])[0].contains("whole policy"));
}

/// From the cache: what is there by its digest is asked of nobody.
#[test]
fn policies_elsewhere_come_into_force() {
    use crate::cache::Cache;
    use crate::distribution::Files;
    use crate::distribution::layout::{Layout, pack};
    use crate::resolve::image::document::sha256;
    let dir = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::new(dir.path(), 1 << 20));
    let mut files = Files::default();
    files.insert("main.rego", DENY.into()).unwrap();
    let artifact = pack(&files, Layout::Opa).unwrap();
    let digest = sha256(&artifact.manifest());
    cache.put(&digest, &artifact.manifest());
    artifact.layers.iter().for_each(|layer| cache.put(&sha256(&layer.content), &layer.content));
    let fetcher = Fetcher { cache: Some(cache), offline: true, ..Fetcher::default() };
    let place = format!("oci://127.0.0.1:1/acme/p@{digest}");
    let spec = PolicySpec { files: vec![place.clone()], ..PolicySpec::default() };
    let store = PolicyStore::load(&[spec], false, &fetcher, &Metrics::new()).unwrap();
    assert!(!allows(&store.current()));
    assert_eq!(store.current().policies[0].name(), format!("{place}//main.rego"));
}
