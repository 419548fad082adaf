#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::PathBuf;

use policy_engine::policy::FileError;
use tempfile::TempDir;

use super::*;
use crate::resolve::transport::ByteLimit;

/// Delivers one commit and one body, whatever the name.
struct Known {
    files: MemoryTree,
    body: Bytes,
}

#[derive(Debug, thiserror::Error)]
#[error("unreachable")]
struct Unreachable;

impl Fetch for Known {
    type Error = Unreachable;

    async fn git_files(&self, _source: &SourceOp) -> Result<MemoryTree, Unreachable> {
        Ok(self.files.clone())
    }

    async fn download(&self, url: &str, _limit: ByteLimit) -> Result<Bytes, Unreachable> {
        if url.contains("unreachable") { Err(Unreachable) } else { Ok(self.body.clone()) }
    }
}

fn known(body: impl Into<Bytes>) -> Known {
    let nodes = [
        ("Dockerfile", "FROM git"),
        ("app/dockerfile", "FROM lower"),
        ("Dockerfile.rego", "package docker"),
        ("pins.json", "{}"),
    ];
    let nodes: BTreeMap<_, _> =
        nodes.iter().map(|(path, text)| ((*path).to_owned(), Node::File(text.as_bytes().into()))).collect();
    Known { files: MemoryTree::new(nodes), body: body.into() }
}

fn archive() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in [
        ("Dockerfile", "FROM archive"),
        ("Dockerfile.rego", "package docker"),
        ("Dockerfile.dockerignore", "*"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn options(context: &str, dockerfile: Option<&str>) -> BuildOptions {
    BuildOptions {
        context: context.into(),
        dockerfile: dockerfile.map(str::to_owned),
        ..BuildOptions::default()
    }
}

async fn opened(options: &BuildOptions, stdin: &[u8]) -> Result<Context, ContextError> {
    open(options, &known("FROM url"), &Stdin::new(std::io::Cursor::new(stdin.to_vec()))).await
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[tokio::test]
async fn a_folder_with_its_dockerfile() {
    let folder = folder(&[("Dockerfile", "FROM a"), ("Dockerfile.rego", "package docker"), ("data/x", "y")]);
    let path = folder.path().to_str().unwrap();
    let context = opened(&options(path, None), b"").await.unwrap();
    assert_eq!(context.dockerfile.text, "FROM a");
    assert_eq!(context.dockerfile.name, format!("{path}/Dockerfile"));
    assert_eq!(context.dockerfile.path, Some(folder.path().join("Dockerfile")));
    assert_eq!((context.main, context.origin), (MainContext::Local, DockerfileOrigin::Client));
    assert_eq!(context.policy.unwrap().name, format!("{path}/Dockerfile.rego"));
    assert_eq!(context.files.read("data/x", 1), Ok(b"y".to_vec()));
}

#[tokio::test]
async fn a_dockerfile_elsewhere_has_its_own_policy() {
    let context = folder(&[("Dockerfile.rego", "package docker"), ("x", "")]);
    let other = folder(&[
        ("b/App.Dockerfile", "FROM b"),
        ("b/App.Dockerfile.rego", "package docker"),
        ("b/App.Dockerfile.dockerignore", ""),
    ]);
    let file = other.path().join("b/App.Dockerfile");
    let options = options(context.path().to_str().unwrap(), file.to_str());
    let context = opened(&options, b"").await.unwrap();
    assert_eq!(context.dockerfile.text, "FROM b");
    assert!(context.own_dockerignore);
    assert!(context.policy.unwrap().name.ends_with("b/App.Dockerfile.rego"));
    assert!(context.files.read("x", 1).is_ok());
    assert_eq!(env_filename(&options), "App.Dockerfile");
}

#[tokio::test]
async fn lower_case_is_taken_where_there_is_no_other() {
    let folder = folder(&[("dockerfile", "FROM lower"), ("dockerfile.rego", "package docker")]);
    let context = opened(&options(folder.path().to_str().unwrap(), None), b"").await.unwrap();
    assert_eq!(context.dockerfile.text, "FROM lower");
    assert!(context.policy.unwrap().name.ends_with("/dockerfile.rego"));
    let context = opened(&options("https://h/r.git", Some("app/Dockerfile")), b"").await.unwrap();
    assert_eq!(context.dockerfile.text, "FROM lower");
}

#[tokio::test]
async fn what_the_client_brings_along() {
    let folder = folder(&[("Dockerfile", "FROM a"), ("Dockerfile.rego", "package docker")]);
    let path = folder.path().to_str().unwrap();
    for (context, file) in [(path, "-"), (path, "https://h/Dockerfile"), ("https://h/r.git", "-")] {
        let context = opened(&options(context, Some(file)), b"FROM stdin").await.unwrap();
        let text = if file == "-" { "FROM stdin" } else { "FROM url" };
        assert_eq!((context.dockerfile.text.as_str(), context.dockerfile.name.as_str()), (text, file));
        assert_eq!((context.origin, context.policy), (DockerfileOrigin::Client, None));
    }
    let inline = BuildOptions { dockerfile_inline: Some("FROM inline".into()), ..options(path, None) };
    assert_eq!(opened(&inline, b"").await.unwrap().dockerfile.text, "FROM inline");
}

#[tokio::test]
async fn standard_input_as_context() {
    let context = opened(&options("-", None), b"FROM stdin").await.unwrap();
    assert_eq!((context.dockerfile.text.as_str(), context.main), ("FROM stdin", MainContext::Local));
    assert_eq!(context.files.read("Dockerfile", 99), Err(FileError::NotFound));

    let context = opened(&options("-", None), &archive()).await.unwrap();
    assert_eq!((context.dockerfile.text.as_str(), context.main), ("FROM archive", MainContext::StdinArchive));
    assert_eq!(context.origin, DockerfileOrigin::Context);
    assert!(context.own_dockerignore && context.policy.is_some());

    for (file, stdin, expected) in [
        (None, &b""[..], "is empty"),
        (Some("-"), b"FROM a", "of one build"),
        (Some("x"), b"FROM a", "two Dockerfiles"),
    ] {
        let error = opened(&options("-", file), stdin).await.err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn remote_contexts_bring_their_policy() {
    let context = opened(&options("https://h/r.git#main", None), b"").await.unwrap();
    assert_eq!((context.dockerfile.text.as_str(), context.main), ("FROM git", MainContext::Remote));
    assert_eq!((context.origin, context.dockerfile.path), (DockerfileOrigin::Context, None));
    assert_eq!(context.policy.unwrap().name, "Dockerfile.rego");
    assert_eq!(context.files.read("pins.json", 9), Ok(b"{}".to_vec()));

    let archive = known(archive());
    let stdin = Stdin::new(std::io::empty());
    let context = open(&options("https://h/c.tgz", None), &archive, &stdin).await.unwrap();
    assert_eq!(context.dockerfile.text, "FROM archive");
    assert!(context.policy.is_some());

    let context = opened(&options("https://u:p@h/Dockerfile", None), b"").await.unwrap();
    assert_eq!(context.dockerfile.name, "https://***@h/Dockerfile");
    assert_eq!((context.dockerfile.text.as_str(), context.policy), ("FROM url", None));
}

#[tokio::test]
async fn a_local_dockerfile_for_a_remote_context() {
    let folder = folder(&[("Dockerfile", "FROM a"), ("Dockerfile.rego", "package docker")]);
    let file = folder.path().join("Dockerfile");
    let context = opened(&options("https://h/r.git", file.to_str()), b"").await.unwrap();
    assert_eq!((context.dockerfile.text.as_str(), context.origin), ("FROM a", DockerfileOrigin::Client));
    assert_eq!(PathBuf::from(context.policy.unwrap().name), folder.path().join("Dockerfile.rego"));
    assert!(context.files.read("pins.json", 9).is_ok());
}

#[tokio::test]
async fn what_is_not_there() {
    let folder = folder(&[("x", "")]);
    let path = folder.path().to_str().unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link")).unwrap();
    for (context, file, expected) in [
        ("nope", None, "no build context `nope`"),
        (path, None, "there is no such file"),
        (path, Some(format!("{path}/link")), "a symlink leads out"),
        (path, Some("nope/Dockerfile".to_owned()), "cannot read the Dockerfile `nope/Dockerfile`"),
        ("https://h/r.git?x=1", None, "malformed"),
        (
            "https://u:p@h/unreachable.tgz",
            None,
            "cannot fetch the build context `https://***@h/unreachable.tgz`",
        ),
        ("https://h/r.git", Some("sub/Dockerfile".to_owned()), "cannot read the Dockerfile `sub/Dockerfile`"),
    ] {
        let error = opened(&options(context, file.as_deref()), b"").await.err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn further_contexts_must_be_there() {
    let folder = folder(&[("Dockerfile", "FROM a")]);
    let path = folder.path().to_str().unwrap();
    let with = |value: &str| BuildOptions {
        build_contexts: [("base".to_owned(), value.to_owned())].into(),
        ..options(path, None)
    };
    for value in [
        "docker-image://a",
        "oci-layout://a:b",
        "target:x",
        "https://h/x",
        "https://h/x.git",
        "git@h:x",
        path,
    ] {
        assert!(opened(&with(value), b"").await.is_ok(), "{value}");
    }
    let error = opened(&with("./nope"), b"").await.err().unwrap().to_string();
    assert_eq!(error, "there is no build context `./nope`, which is named `base`");
}

#[test]
fn names_for_policies() {
    for (file, name) in [
        (None, "Dockerfile"),
        (Some("a/My.Dockerfile"), "My.Dockerfile"),
        (Some("-"), "-"),
        (Some("./"), "Dockerfile"),
        (Some("https://h/x/D"), "D"),
    ] {
        assert_eq!(env_filename(&options(".", file)), name);
    }
}
