#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::Write;
use std::process::Stdio;

use policy_engine::policy::{FileError, PolicyRoot};

use super::testing::{Repository, isolated_git};
use super::tests::{options, resolver, source};
use super::{GitError, GitResolver};
use crate::resolve::testing::Server;

const LIMIT: u64 = 4 << 20;

/// A repository with a history and, at `main` and the annotated tag `v1`, these files: a Dockerfile, two policies
/// that differ little, symlinks, a submodule and a file that is too large.
fn repository(format: &str) -> Repository {
    let repository = Repository::new(format);
    let store = |content: &[u8]| {
        let mut child = isolated_git()
            .args(["hash-object", "-w", "--stdin"])
            .current_dir(repository.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(content).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let policy: String = (0..400).map(|n| format!("# rule {}\n", n * n * 7919 % 10_007)).collect();
    let large: Vec<u8> = (0..=LIMIT).map(|n| (n % 251) as u8).collect();
    let commit = repository.id("trunk");
    for (mode, id, path) in [
        ("100644", store(b"FROM scratch\n"), "app/Dockerfile"),
        ("100644", store(policy.as_bytes()), "app/Dockerfile.rego"),
        ("100755", store(format!("{policy}# more\n").as_bytes()), "app/lib/more.rego"),
        ("120000", store(b"../app/lib/more.rego"), "app/up-and-down"),
        ("120000", store(b"lib/more.rego"), "app/link"),
        ("100644", store(&large), "large"),
        ("160000", commit, "module"),
    ] {
        repository.git(&["update-index", "--add", "--cacheinfo", &format!("{mode},{id},{path}")]);
    }
    let tree = repository.git(&["write-tree"]);
    let parent = repository.id("trunk");
    let commit = repository.git(&["commit-tree", "-m", "files", "-p", &parent, &tree]);
    repository.git(&["update-ref", "refs/heads/main", &commit]);
    repository.git(&["tag", "-a", "-m", "a tag", "v1", "main"]);
    // One policy is stored as a difference to the other.
    repository.git(&["repack", "-adfq", "--window=50"]);
    repository
}

async fn read(
    resolver: &GitResolver,
    remote: &str,
    reference: &str,
    subdir: &str,
    path: &str,
) -> Result<Vec<u8>, FileError> {
    resolver.files(&source(remote, reference), subdir).await.unwrap().read(path, LIMIT)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_both_hashes_with_and_without_filters() {
    for (format, filter) in [("sha1", "true"), ("sha256", "true"), ("sha1", "false")] {
        let repository = repository(format);
        repository.git(&["config", "uploadpack.allowFilter", filter]);
        repository.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        let server = Server::start(repository.answer()).await;
        let (resolver, url) = (resolver(options()), server.url("/r.git"));
        let commit = repository.id("main");
        for reference in ["main", "v1", &commit] {
            let dockerfile = read(&resolver, url.as_str(), reference, "", "app/Dockerfile").await;
            assert_eq!(dockerfile, Ok(b"FROM scratch\n".to_vec()), "{format} {filter} {reference}");
        }
        let policy = read(&resolver, url.as_str(), "main", "app", "Dockerfile.rego").await.unwrap();
        let more = read(&resolver, url.as_str(), "main", "app", "link").await.unwrap();
        assert_eq!(more, [&policy, &b"# more\n"[..]].concat());
        for (path, error) in [
            ("large", FileError::TooLarge(LIMIT)),
            ("module/Dockerfile", FileError::Other("it is in a submodule, which is not read".into())),
            ("app/nope", FileError::NotFound),
            ("app", FileError::Other("a folder, not a file".into())),
        ] {
            assert_eq!(read(&resolver, url.as_str(), "main", "", path).await, Err(error), "{path}");
        }
        // From the folder that is the context, no symlink leads up.
        let escaped = read(&resolver, url.as_str(), "main", "app", "up-and-down").await;
        assert_eq!(escaped, Err(FileError::Escapes));
        assert!(read(&resolver, url.as_str(), "main", "", "app/up-and-down").await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there() {
    let repository = repository("sha1");
    let server = Server::start(repository.answer()).await;
    let url = server.url("/r.git");
    for folder in ["nope", "app/Dockerfile", "module"] {
        let error = resolver(options()).files(&source(url.as_str(), "main"), folder).await.unwrap_err();
        assert!(matches!(error, GitError::NoFolder { .. }), "{folder}: {error}");
    }
}
