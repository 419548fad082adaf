#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use policy_engine::metadata::{GitMetadata, GitWanted};

use super::testing::{Repository, isolated_git};
use super::{GitError, GitOptions, GitResolver, GitSource};
use crate::resolve::http::{RedirectCheck, RedirectRefused};
use crate::resolve::testing::{Reply, Request, Server, fast_options, impatient_options};
use crate::resolve::transport::{Transport, TransportError};

pub(super) fn options() -> GitOptions {
    GitOptions {
        allow_file: true,
        netrc: None,
        // No helper of whoever runs the tests.
        git: PathBuf::from("/nonexistent/git"),
        ..GitOptions::default()
    }
}

pub(super) fn resolver(options: GitOptions) -> GitResolver {
    GitResolver::new(Transport::new(fast_options()).unwrap(), options)
}

fn file_resolver() -> GitResolver {
    resolver(GitOptions { git: PathBuf::from("git"), ..options() })
}

pub(super) fn source(remote: impl Into<String>, reference: &str) -> GitSource {
    GitSource { remote: remote.into(), reference: reference.into(), ..GitSource::default() }
}

const NAMES: GitWanted = GitWanted { objects: false };
const OBJECTS: GitWanted = GitWanted { objects: true };

/// What each ref of a [`Repository`] must resolve to, objects included.
fn expectations(repository: &Repository) -> Vec<(String, GitMetadata)> {
    let plain = |reference: &str, full: &str| {
        let metadata = GitMetadata {
            r#ref: full.to_owned(),
            checksum: repository.id(full),
            commit_object: Some(repository.object("commit", full).into()),
            ..GitMetadata::default()
        };
        (reference.to_owned(), metadata)
    };
    let annotated = |reference: &str, full: &str| {
        let metadata = GitMetadata {
            r#ref: full.to_owned(),
            checksum: repository.id(full),
            commit_checksum: repository.id(&format!("{full}^{{commit}}")),
            commit_object: Some(repository.object("commit", full).into()),
            tag_object: Some(repository.object("tag", full).into()),
        };
        (reference.to_owned(), metadata)
    };
    let commit = repository.id("refs/tags/light");
    let tag = repository.id("refs/tags/ann");
    vec![
        plain("", "refs/heads/trunk"),
        plain("trunk", "refs/heads/trunk"),
        plain("heads/trunk", "refs/heads/trunk"),
        plain("refs/heads/trunk", "refs/heads/trunk"),
        plain("dup", "refs/heads/dup"),
        plain("light", "refs/tags/light"),
        annotated("refs/tags/dup", "refs/tags/dup"),
        annotated("ann", "refs/tags/ann"),
        annotated("tags/ann", "refs/tags/ann"),
        annotated("nested", "refs/tags/nested"),
        (commit.clone(), GitMetadata { r#ref: commit, ..plain("", "refs/tags/light").1 }),
        (tag.clone(), GitMetadata { r#ref: tag, ..annotated("", "refs/tags/ann").1 }),
    ]
}

async fn check_all(resolver: &GitResolver, remote: &str, repository: &Repository) {
    for (reference, expected) in expectations(repository) {
        let found = resolver.resolve(&source(remote, &reference), &OBJECTS).await.unwrap();
        assert_eq!(found, expected, "{remote} {reference}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_refs_of_both_hashes_by_file() {
    for format in ["sha1", "sha256"] {
        let repository = Repository::new(format);
        check_all(&file_resolver(), &repository.file_url(), &repository).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_refs_of_both_hashes_by_http_with_and_without_filters() {
    for (format, filter) in [("sha1", "true"), ("sha256", "true"), ("sha1", "false"), ("sha256", "false")] {
        let repository = Repository::new(format);
        repository.git(&["config", "uploadpack.allowFilter", filter]);
        let server = Server::start(repository.answer()).await;
        // Without the git program.
        check_all(&resolver(options()), server.url("/some/repo.git").as_str(), &repository).await;
        let asked = server.requests().iter().any(|request| request.body.contains("filter tree:0"));
        assert_eq!(asked, filter == "true");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_know_only_the_old_protocol() {
    let repository = Repository::new("sha1");
    let backend = repository.answer();
    let server = Server::start(move |request| {
        let mut request = request.clone();
        request.headers.remove("git-protocol");
        backend(&request)
    })
    .await;
    let remote = server.url("/repo.git");
    for (reference, expected) in expectations(&repository) {
        // Old servers give out what a ref names, and nothing else.
        if reference != repository.id("refs/tags/light") {
            let found = resolver(options()).resolve(&source(remote.as_str(), &reference), &OBJECTS).await;
            assert_eq!(found.unwrap(), expected, "{reference}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_git_daemon() {
    let repository = Repository::new("sha1");
    let path = repository.path().to_owned();
    // One connection after the other to `git daemon --inetd`, which needs no port of its own.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let output = stream.try_clone().unwrap();
            let mut daemon = isolated_git()
                .args(["daemon", "--inetd", "--export-all"])
                .arg(format!("--base-path={}", path.parent().unwrap().display()))
                .stdin(Stdio::from(std::os::fd::OwnedFd::from(stream)))
                .stdout(Stdio::from(std::os::fd::OwnedFd::from(output)))
                .spawn()
                .unwrap();
            daemon.wait().unwrap();
        }
    });
    let name = repository.path().file_name().unwrap().to_str().unwrap();
    check_all(&resolver(options()), &format!("git://127.0.0.1:{port}/{name}"), &repository).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_ssh() {
    let repository = Repository::new("sha1");
    // Stands in for ssh: takes its arguments apart as the other side would, and runs the command here.
    let ssh = repository.path().join("ssh.sh");
    let script = "while [ \"$1\" != -- ]; do shift; done\n[ \"$2\" = git@host.example ] || exit 1\nexec sh -c \"$3\"\n";
    std::fs::write(&ssh, script).unwrap();
    let ssh_command = Some(format!("sh '{}'", ssh.display()));
    let resolver = resolver(GitOptions { ssh_command, ..options() });
    for remote in ["git@host.example:", "ssh://git@host.example:2222"] {
        check_all(&resolver, &format!("{remote}{}", repository.path().display()), &repository).await;
    }
    let error = resolver.resolve(&source("git@host.example:nowhere", ""), &NAMES).await.unwrap_err();
    assert!(matches!(&error, GitError::Program { detail, .. } if detail.contains("nowhere")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_only() {
    let repository = Repository::new("sha1");
    let server = Server::start(repository.answer()).await;
    let remote = server.url("/repo.git");
    let resolve = async |source: GitSource| resolver(options()).resolve(&source, &NAMES).await;
    let found = resolve(source(remote.as_str(), "nested")).await.unwrap();
    assert_eq!(found.checksum, repository.id("nested"));
    assert_eq!(found.commit_checksum, repository.id("nested^{commit}"));
    assert_eq!((found.commit_object, found.tag_object), (None, None));
    // Only a tag that is looked up as one is peeled.
    assert_eq!(resolve(source(remote.as_str(), "tags/ann")).await.unwrap().commit_checksum, "");
    let keep = GitSource { keep_git_dir: true, ..source(remote.as_str(), "ann") };
    assert_eq!(resolve(keep.clone()).await.unwrap().commit_checksum, "");
    let with_objects = resolver(options()).resolve(&keep, &OBJECTS).await.unwrap();
    assert_eq!(with_objects.commit_checksum, repository.id("ann^{commit}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_id_needs_no_server() {
    let id = "0123456789abcdef0123456789abcdef01234567";
    let by_id = source("https://host.invalid/repo.git", id);
    let found = resolver(options()).resolve(&by_id, &NAMES).await.unwrap();
    assert_eq!((found.r#ref.as_str(), found.checksum.as_str()), (id, id));
    for (reference, full) in [("main", "refs/heads/main"), ("refs/tags/v1", "refs/tags/v1"), ("", id)] {
        let by_checksum = GitSource {
            checksum: id.into(),
            fetch_by_commit: true,
            ..source("https://host.invalid/repo.git", reference)
        };
        let found = resolver(options()).resolve(&by_checksum, &NAMES).await.unwrap();
        assert_eq!((found.r#ref.as_str(), found.checksum.as_str()), (full, id));
    }
    let short = GitSource { checksum: "0123".into(), fetch_by_commit: true, ..by_id };
    let short = GitSource { reference: "main".into(), ..short };
    let error = resolver(options()).resolve(&short, &NAMES).await.unwrap_err();
    assert!(matches!(error, GitError::InvalidChecksum { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn expected_checksums() {
    let repository = Repository::new("sha1");
    let resolver = file_resolver();
    let tag = repository.id("ann");
    let commit = repository.id("ann^{commit}");
    for (checksum, fits) in
        [(&tag[..], true), (&tag[..7], true), (&commit[..], true), (&commit[..9], true), ("0000", false)]
    {
        let source = GitSource { checksum: checksum.into(), ..source(repository.file_url(), "ann") };
        match resolver.resolve(&source, &NAMES).await {
            Ok(_) => assert!(fits, "{checksum}"),
            Err(error) => {
                assert!(!fits && matches!(error, GitError::ChecksumMismatch { .. }), "{checksum}: {error}");
                assert!(error.to_string().contains(&tag) && error.to_string().contains(&commit), "{error}");
            }
        }
    }
    let by_id = GitSource { checksum: "ffff".into(), ..source(repository.file_url(), &commit) };
    let error = resolver.resolve(&by_id, &NAMES).await.unwrap_err();
    assert!(matches!(error, GitError::ChecksumMismatch { .. }), "{error}");
    let no_hex = GitSource { checksum: "main".into(), ..source(repository.file_url(), "ann") };
    let error = resolver.resolve(&no_hex, &NAMES).await.unwrap_err();
    assert!(matches!(error, GitError::InvalidChecksum { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there() {
    let repository = Repository::new("sha1");
    let resolver = file_resolver();
    let error = async |reference: &str| {
        resolver.resolve(&source(repository.file_url(), reference), &OBJECTS).await.unwrap_err()
    };
    for missing in ["nope", "HEAD", "trun", "refs/heads/light"] {
        let error = error(missing).await;
        assert!(matches!(error, GitError::RefNotFound { .. }), "{missing}: {error}");
        assert!(error.to_string().contains("git ls-remote"), "{error}");
    }
    for bad in ["--upload-pack=x", "a b", "ann^{}"] {
        let error = error(bad).await;
        assert!(matches!(error, GitError::InvalidRef { .. }), "{bad}: {error}");
    }
    // An id that the repository doesn't have, and one of another hash.
    let unknown = error(&"01".repeat(20)).await;
    assert!(unknown.to_string().contains("not our ref"), "{unknown:?}");
    assert!(matches!(error(&"ab".repeat(32)).await, GitError::ObjectMissing { .. }));
    // Objects that are no commits.
    assert!(matches!(error("tree").await, GitError::NotACommit { .. }));

    repository.git(&["update-ref", "--no-deref", "HEAD", &repository.id("trunk")]);
    assert!(matches!(error("").await, GitError::NoDefaultBranch { .. }));
    let empty = tempfile::tempdir().unwrap();
    isolated_git().args(["init", "-q", "--bare", "."]).current_dir(empty.path()).status().unwrap();
    let error = resolver.resolve(&source(format!("file://{}", empty.path().display()), ""), &NAMES).await;
    assert!(matches!(error, Err(GitError::NoDefaultBranch { .. })), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn local_repositories_only_when_allowed_and_with_git() {
    let repository = Repository::new("sha1");
    let local = source(repository.file_url(), "trunk");
    let error = resolver(GitOptions { allow_file: false, ..options() }).resolve(&local, &NAMES).await;
    assert!(matches!(error, Err(GitError::FileNotAllowed { .. })), "{error:?}");
    let error = resolver(options()).resolve(&local, &NAMES).await.unwrap_err();
    assert!(matches!(error, GitError::MissingProgram { .. }), "{error}");
    assert!(error.to_string().contains("/nonexistent/git"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lying_server() {
    let repository = Repository::new("sha1");
    let other = Repository::new("sha1");
    // The same names, other objects: another message gives other ids.
    let tree = other.git(&["hash-object", "-t", "tree", "-w", "--stdin"]);
    let evil = other.git(&["commit-tree", "-m", "evil", &tree]);
    let (honest, lying) = (repository.answer(), other.answer());
    let id = repository.id("trunk");
    // Asked for the commit, it sends another one's pack.
    let replaced = (id.clone(), evil.clone());
    let server = Server::start(move |request| {
        if !request.body.contains("command=fetch") {
            return honest(request);
        }
        let body = request.body.replace(&replaced.0, &replaced.1);
        lying(&Request { body, ..request.clone() })
    })
    .await;
    let error = resolver(options()).resolve(&source(server.url("/r").as_str(), "trunk"), &OBJECTS).await;
    assert!(
        matches!(&error, Err(GitError::ObjectMissing { id: missing, .. }) if *missing == id),
        "{error:?}"
    );

    // It lists a tag with another commit than the tag object has.
    let honest = repository.answer();
    let (from, to) = (repository.id("ann^{commit}"), repository.id("trunk"));
    let server = Server::start(move |request| match honest(request) {
        Reply::Answer { status, headers, body } if request.body.contains("command=ls-refs") => {
            let body =
                String::from_utf8(body).unwrap().replace(&format!("peeled:{from}"), &format!("peeled:{to}"));
            Reply::Answer { status, headers, body: body.into() }
        }
        reply => reply,
    })
    .await;
    let error = resolver(options()).resolve(&source(server.url("/r").as_str(), "ann"), &OBJECTS).await;
    assert!(matches!(error, Err(GitError::PeeledMismatch { .. })), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_used_and_not_printed() {
    let repository = Repository::new("sha1");
    let backend = repository.answer();
    let server = Server::start(move |request| {
        match request.headers.get("authorization").map(String::as_str) {
            // me:s3cret
            Some("Basic bWU6czNjcmV0" | "Bearer t0ken") => backend(request),
            _ => Reply::new(401, "").header("www-authenticate", "Basic realm=\"r\""),
        }
    })
    .await;
    let with = |user_info: &str| source(format!("http://{user_info}{}/r.git", server.authority), "trunk");
    let found = resolver(options()).resolve(&with("me:s3cret@"), &OBJECTS).await.unwrap();
    assert_eq!(found.checksum, repository.id("trunk"));

    let error = resolver(options()).resolve(&with("me:wr0ng@"), &NAMES).await.unwrap_err();
    assert!(matches!(error, GitError::Unauthorized { .. }), "{error}");
    assert!(!format!("{error} {error:?} {:?}", with("me:wr0ng@")).contains("wr0ng"), "{error:?}");

    let error = resolver(options()).resolve(&with(""), &NAMES).await.unwrap_err();
    assert!(matches!(error, GitError::Unauthorized { .. }), "{error}");
    assert!(error.to_string().contains("git is not installed"), "{error}");

    let directory = tempfile::tempdir().unwrap();
    let netrc = directory.path().join(".netrc");
    std::fs::write(&netrc, "machine 127.0.0.1 login me password s3cret\n").unwrap();
    let by_netrc = resolver(GitOptions { netrc: Some(netrc), ..options() });
    by_netrc.resolve(&with(""), &NAMES).await.unwrap();
    by_netrc.resolve(&with("me@"), &NAMES).await.unwrap();

    // A stand-in for git, so that no helper of whoever runs the tests is asked.
    let git = directory.path().join("git");
    let script = "#!/bin/sh\n[ \"$*\" = 'credential fill' ] || exit 1\ngrep -q '^host=127.0.0.1:' || exit 1\n\
        echo username=me\necho password=s3cret\n";
    std::fs::write(&git, script).unwrap();
    std::fs::set_permissions(&git, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let by_helper = resolver(GitOptions { git, ..options() });
    by_helper.resolve(&with(""), &NAMES).await.unwrap();

    let authorization = Some("Bearer t0ken".parse().unwrap());
    let by_header = resolver(GitOptions { authorization, ..options() });
    by_header.resolve(&with(""), &OBJECTS).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects() {
    let repository = Repository::new("sha1");
    let backend = repository.answer();
    let target = Server::start(move |request| backend(request)).await;
    let there = target.authority.clone();
    let server = Server::start(move |request| {
        let location = match request.path.split('/').nth(1) {
            Some("moved") => format!("http://{there}{}", request.path),
            Some("elsewhere") => format!("http://{there}/index.html"),
            _ => request.path.clone(),
        };
        match request.headers.get("authorization") {
            None => Reply::new(401, ""),
            Some(_) => Reply::new(302, "").header("location", location),
        }
    })
    .await;
    let moved = source(format!("http://me:s3cret@{}/moved/r.git", server.authority), "ann");
    let found = resolver(options()).resolve(&moved, &OBJECTS).await.unwrap();
    assert_eq!(found.checksum, repository.id("ann"));
    assert!(target.requests().len() >= 3, "the whole conversation is with the target");
    assert!(target.requests().iter().all(|request| !request.headers.contains_key("authorization")));

    let refuse = RedirectCheck::new(|target| Err(RedirectRefused::new(target, "not today")));
    let error = resolver(GitOptions { redirects: refuse, ..options() }).resolve(&moved, &NAMES).await;
    let error = error.unwrap_err();
    assert!(matches!(error, GitError::RedirectRefused { .. }), "{error}");
    assert!(error.to_string().contains("not today") && !error.to_string().contains("s3cret"), "{error}");

    let elsewhere = source(format!("http://me:s3cret@{}/elsewhere/r.git", server.authority), "");
    let error = resolver(options()).resolve(&elsewhere, &NAMES).await.unwrap_err();
    assert!(matches!(error, GitError::BadRedirect { .. } | GitError::Status { .. }), "{error}");

    let endless = source(format!("http://me:s3cret@{}/endless/r.git", server.authority), "");
    let error = resolver(options()).resolve(&endless, &NAMES).await.unwrap_err();
    assert!(
        matches!(error, GitError::Transport(TransportError::TooManyRedirects { limit: 10, .. })),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_servers() {
    let server = Server::start(|request| match request.path.split('/').nth(1) {
        Some("404") => Reply::new(404, ""),
        Some("403") => Reply::new(403, ""),
        Some("429") => Reply::new(429, "").header("retry-after", "3600"),
        Some("500") => Reply::new(500, ""),
        Some("html") => Reply::new(200, "<html>").header("content-type", "text/html"),
        Some("dumb") => Reply::new(200, "abc\trefs/heads/main\n").header("content-type", "text/plain"),
        Some("garbage") => {
            Reply::new(200, "zzzz").header("content-type", "application/x-git-upload-pack-advertisement")
        }
        Some("err") => Reply::new(200, "001cERR go away, \u{1b}[31mplease")
            .header("content-type", "application/x-git-upload-pack-advertisement"),
        Some("endless") => Reply::Endless { headers: Vec::new() }
            .header("content-type", "application/x-git-upload-pack-advertisement"),
        _ => Reply::Silence,
    })
    .await;
    let patient = resolver(options());
    let resolve = async |path: &str| {
        patient.resolve(&source(server.url(path).as_str(), "main"), &NAMES).await.unwrap_err()
    };
    for status in [404, 403, 429, 500] {
        let error = resolve(&format!("/{status}/r.git")).await;
        assert!(matches!(error, GitError::Status { status: got, .. } if got == status), "{status}: {error}");
    }
    assert_eq!(server.count("/429/r.git/info/refs?service=git-upload-pack"), 1, "an hour is too long");
    assert_eq!(server.count("/500/r.git/info/refs?service=git-upload-pack"), 3);
    for path in ["/html/r.git", "/dumb/r.git", "/garbage/r.git", "/err/r.git", "/endless/r.git"] {
        let error = resolve(path).await;
        assert!(matches!(error, GitError::Protocol { .. }), "{path}: {error}");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }

    let silent = source(server.url("/silent/r.git").as_str(), "main");
    let impatient = GitResolver::new(Transport::new(impatient_options()).unwrap(), options());
    let error = impatient.resolve(&silent, &NAMES).await.unwrap_err();
    assert!(matches!(error, GitError::Transport(TransportError::Timeout { .. })), "{error}");
    let hurried = resolver(GitOptions { timeout: Duration::from_millis(50), ..options() });
    let error = hurried.resolve(&silent, &NAMES).await.unwrap_err();
    assert!(matches!(error, GitError::Timeout { .. }), "{error}");
    let slow_ssh = GitOptions { ssh_command: Some("sleep 60 #".into()), ..options() };
    let hurried = resolver(GitOptions { timeout: Duration::from_millis(50), ..slow_ssh });
    let error = hurried.resolve(&source("git@host.example:r.git", ""), &NAMES).await.unwrap_err();
    assert!(matches!(error, GitError::Timeout { .. }), "{error}");
}
