//! Repositories for tests, made and served by the installed git.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::resolve::testing::{Reply, Request};

/// A bare repository made by the installed git.
pub(super) struct Repository {
    directory: TempDir,
}

impl Repository {
    /// Branches `trunk` (the default) and `dup`; tags `dup`, `light`, `ann` and `nested`.
    pub(super) fn new(object_format: &str) -> Self {
        let repository = Self { directory: tempfile::tempdir().unwrap() };
        repository.git(&["init", "-q", "--bare", "-b", "trunk", "--object-format", object_format, "."]);
        let tree = repository.git(&["hash-object", "-t", "tree", "-w", "--stdin"]);
        let first = repository.git(&["commit-tree", "-m", "first", &tree]);
        let second = repository.git(&["commit-tree", "-m", "second", "-p", &first, &tree]);
        let third = repository.git(&["commit-tree", "-m", "third", "-p", &second, &tree]);
        for (name, id) in [("heads/trunk", &third), ("heads/dup", &second), ("tags/light", &first)] {
            repository.git(&["update-ref", &format!("refs/{name}"), id]);
        }
        repository.git(&["tag", "-a", "-m", "annotated", "ann", &second]);
        repository.git(&["tag", "-a", "-m", "a tag of a tag", "nested", "ann"]);
        repository.git(&["tag", "-a", "-m", "like the branch", "dup", &first]);
        repository.git(&["tag", "-a", "-m", "of a tree", "tree", &tree]);
        repository
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        let output = isolated_git()
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .output()
            .expect("git is installed");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(super) fn id(&self, revision: &str) -> String {
        self.git(&["rev-parse", revision])
    }

    /// The raw object, as `git cat-file` prints it.
    pub(super) fn object(&self, kind: &str, revision: &str) -> Vec<u8> {
        let output =
            isolated_git().args(["cat-file", kind, revision]).current_dir(self.path()).output().unwrap();
        output.stdout
    }

    pub(super) fn file_url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Serves this repository at any path by `git http-backend`.
    pub(super) fn answer(&self) -> impl Fn(&Request) -> Reply + Send + Sync + use<> {
        let path = self.path().to_owned();
        move |request| http_backend(&path, request)
    }
}

pub(super) fn isolated_git() -> Command {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "Tester").env(format!("GIT_{role}_EMAIL"), "t@example.com");
    }
    git
}

/// Runs git's own CGI program.
fn http_backend(repository: &Path, request: &Request) -> Reply {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let tail = path.find("/info/refs").or_else(|| path.find("/git-upload-pack")).unwrap_or(0);
    let header = |name: &str| request.headers.get(name).cloned().unwrap_or_default();
    let mut child = isolated_git()
        .arg("http-backend")
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_TRANSLATED", format!("{}{}", repository.display(), &path[tail..]))
        .env("PATH_INFO", &path[tail..])
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", header("content-type"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(request.body.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(output[..end].to_vec()).unwrap();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")?.get(..3)?.parse().ok());
    let mut reply = Reply::new(status.unwrap_or(200), &output[end + 4..]);
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        if name != "Status" {
            reply = reply.header(name, value);
        }
    }
    reply
}
