#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::PathBuf;

use bytes::Bytes;

use super::*;
use crate::cache::Cache;
use crate::distribution::Files;
use crate::distribution::layout::{Layout, pack};
use crate::distribution::libraries::FILE_NAME;
use crate::memory_tree::{MemoryTree, Node};
use crate::resolve::image::document::sha256;

fn named(name: &str, from: &str) -> String {
    format!(r#"{{"version": 1, "libraries": {{"{name}": {{"from": "{from}"}}}}}}"#)
}

fn root(nodes: &[(&str, &'static str)]) -> Arc<dyn PolicyRoot> {
    let node = |(path, text): &(&str, &'static str)| {
        ((*path).to_owned(), Node::File(Bytes::from_static(text.as_bytes())))
    };
    Arc::new(MemoryTree::new(nodes.iter().map(node).collect::<BTreeMap<_, _>>()))
}

#[test]
fn names_of_libraries_are_theirs_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("lib/acme")).unwrap();
    std::fs::write(dir.path().join("lib/a.rego"), "library").unwrap();
    std::fs::write(dir.path().join("lib/acme/b.rego"), "below its name").unwrap();
    let json: &'static str = named("acme", "lib").leak();
    let files = [(FILE_NAME, json), ("acme/a.rego", "own"), ("acme/c.rego", "own"), ("x/a.rego", "own")];
    let over = LibraryRoot::over(root(&files), dir.path().to_owned(), &Fetcher::default()).unwrap();
    assert_eq!(over.read("acme/a.rego", 100).unwrap(), b"library");
    assert_eq!(over.read("./acme/a.rego", 100).unwrap(), b"library");
    assert_eq!(over.read("acme/b.rego", 100).unwrap(), b"below its name");
    assert_eq!(over.read("acme/c.rego", 100), Err(FileError::NotFound));
    assert_eq!(over.read("acme/../x/a.rego", 100), Err(FileError::Escapes));
    assert_eq!(over.read("x/a.rego", 100).unwrap(), b"own");
    // What was loaded once stays as it was.
    std::fs::write(dir.path().join("lib/a.rego"), "changed").unwrap();
    assert_eq!(over.read("acme/a.rego", 100).unwrap(), b"library");
}

#[test]
fn nothing_unpinned_is_asked_for() {
    // Nobody listens there: an attempt would say so.
    for from in ["oci://127.0.0.1:1/a/b:v1", "git::http://127.0.0.1:1/a.git#main"] {
        let json: &'static str = named("acme", from).leak();
        let over =
            LibraryRoot::over(root(&[(FILE_NAME, json)]), PathBuf::from("."), &Fetcher::default()).unwrap();
        let error = over.read("acme/a.rego", 100).unwrap_err().to_string();
        assert!(error.contains("is not pinned") && error.contains("policy-check bundle lock"), "{error}");
    }
}

fn listed(places: &[&str]) -> Vec<ListedPlace> {
    places.iter().map(|place| place.parse().unwrap()).collect()
}

/// Puts an artifact with one file into the cache; its pin and the digest of its files.
fn put(cache: &Cache, text: String) -> (String, String) {
    let mut files = Files::default();
    files.insert("a.rego", text.into()).unwrap();
    let artifact = pack(&files, Layout::Opa).unwrap();
    let manifest = artifact.manifest();
    cache.put(&sha256(&manifest), &manifest);
    artifact.layers.iter().for_each(|layer| cache.put(&sha256(&layer.content), &layer.content));
    (sha256(&manifest), files.digest())
}

/// `policy-libraries.json` with the libraries `l0`, `l1`… of `acme` at a registry that isn't there, and a cache that has
/// them of other builds.
fn cached(count: usize) -> (&'static str, Fetcher, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::new(dir.path(), 1 << 20));
    let of_builds = cache.apart(CACHE);
    let entries = (0..count).map(|number| {
        let (pin, files) = put(&of_builds, format!("package a # {number}"));
        let from = "oci://127.0.0.1:1/acme/p:v1";
        format!(r#""l{number}": {{"from": "{from}", "pin": "{pin}", "files": "{files}"}}"#)
    });
    let json = format!(r#"{{"version": 1, "libraries": {{{}}}}}"#, entries.collect::<Vec<_>>().join(","));
    (json.leak(), Fetcher { cache: Some(Arc::clone(&cache)), offline: true, ..Fetcher::default() }, dir)
}

#[test]
fn of_builds_that_were_sent_what_is_listed_counts() {
    let (json, fetcher, _dir) = cached(MAX_SENT + 1);
    let files = [(FILE_NAME, json), ("l0/a.rego", "own"), ("x/a.rego", "own")];
    for places in [&[][..], &["oci://127.0.0.1:1/acme-evil/"], &["oci://127.0.0.1:2/acme"]] {
        let sent = LibraryRoot::over_sent(root(&files), &listed(places), &fetcher);
        let error = sent.read("l0/a.rego", 100).unwrap_err().to_string();
        assert!(
            error.contains("oci://127.0.0.1:1/acme/p:v1") && error.contains("--libraries-from"),
            "{error}"
        );
        assert_eq!(sent.read("x/a.rego", 100).unwrap(), b"own");
    }
    let sent = LibraryRoot::over_sent(root(&files), &listed(&["oci://127.0.0.1:1/acme/"]), &fetcher);
    for number in 0..MAX_SENT {
        assert_eq!(
            sent.read(&format!("l{number}/a.rego"), 100).unwrap(),
            format!("package a # {number}").as_bytes()
        );
    }
    let error = sent.read(&format!("l{MAX_SENT}/a.rego"), 100).unwrap_err().to_string();
    assert!(error.contains("16 libraries"), "{error}");
    // A pin is needed all the same.
    let json: &'static str = named("acme", "oci://127.0.0.1:1/acme/p:v1").leak();
    let sent =
        LibraryRoot::over_sent(root(&[(FILE_NAME, json)]), &listed(&["oci://127.0.0.1:1/acme/"]), &fetcher);
    assert!(sent.read("acme/a.rego", 100).unwrap_err().to_string().contains("is not pinned"));
}

/// What the operator's own policies are made of is in the same cache, and no pin that a build names leads to it.
#[test]
fn builds_read_nothing_of_ours_in_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::new(dir.path(), 1 << 20));
    let (pin, digest) = put(&cache, "package a".to_owned());
    let mut files = Files::default();
    files.insert("a.rego", "package a".into()).unwrap();
    cache.put(&digest, &files.archive());
    let fetcher = Fetcher { cache: Some(cache), offline: true, ..Fetcher::default() };
    let git = "git::http://127.0.0.1:1/acme/p.git#main";
    for (from, pin) in [("oci://127.0.0.1:1/acme/p:v1", &*pin), (git, &"0".repeat(40))] {
        let json = format!(
            r#"{{"version": 1, "libraries": {{"acme": {{"from": "{from}", "pin": "{pin}", "files": "{digest}"}}}}}}"#
        );
        let files = [(FILE_NAME, &*json.leak())];
        let ours = LibraryRoot::over(root(&files), PathBuf::from("."), &fetcher).unwrap();
        assert_eq!(ours.read("acme/a.rego", 100).unwrap(), b"package a", "{from}");
        let places = listed(&["oci://127.0.0.1:1/acme", "git::http://127.0.0.1:1/acme"]);
        let sent = LibraryRoot::over_sent(root(&files), &places, &fetcher);
        let error = sent.read("acme/a.rego", 100).unwrap_err().to_string();
        assert!(error.contains("is not in the cache"), "{error}");
    }
}

/// `files` alone, which somebody changed in a lock, leads to nothing else that the cache happens to have.
#[test]
fn files_are_those_of_the_pin() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::new(dir.path(), 1 << 20));
    let ((pin, _), (_, other)) = (put(&cache, "package a".to_owned()), put(&cache, "package b".to_owned()));
    let mut files = Files::default();
    files.insert("a.rego", "package b".into()).unwrap();
    cache.put(&other, &files.archive());
    let json = format!(
        r#"{{"version": 1, "libraries": {{"acme": {{"from": "oci://127.0.0.1:1/acme/p:v1", "pin": "{pin}", "files": "{other}"}}}}}}"#
    );
    let fetcher = Fetcher { cache: Some(cache), offline: true, ..Fetcher::default() };
    let over = LibraryRoot::over(root(&[(FILE_NAME, json.leak())]), PathBuf::from("."), &fetcher).unwrap();
    let error = over.read("acme/a.rego", 100).unwrap_err().to_string();
    assert!(error.contains("has changed"), "{error}");
}

#[test]
fn redirects_lead_to_nothing_that_is_not_listed() {
    use std::io::{Read as _, Write as _};
    let bind = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (server, other) = (bind(), bind());
    let (from, to) = (server.local_addr().unwrap(), other.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{to}/team/a.git/info/refs\r\nContent-Length: 0\r\n\r\n"
    );
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            let _request = stream.read(&mut [0; 4096]);
            let _written = stream.write_all(answer.as_bytes());
        }
    });
    let pin = "0".repeat(40);
    let json: &'static str = format!(
        r#"{{"version": 1, "libraries": {{"acme": {{"from": "git::http://{from}/team/a.git#main", "pin": "{pin}"}}}}}}"#
    )
    .leak();
    let places = listed(&[&format!("git::http://{from}/team/")]);
    let sent = LibraryRoot::over_sent(root(&[(FILE_NAME, json)]), &places, &Fetcher::default());
    let error = sent.read("acme/a.rego", 100).unwrap_err().to_string();
    assert!(error.contains("leads out of the list of `--libraries-from`"), "{error}");
    other.set_nonblocking(true).unwrap();
    assert_eq!(other.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn folders_of_a_build_need_no_list() {
    let json: &'static str = named("acme", "shared/lib").leak();
    let files = [
        (FILE_NAME, json),
        ("shared/lib/a.rego", "library"),
        ("shared/lib/acme/b.rego", "below"),
        ("acme/c.rego", "own"),
        ("secret.rego", "own"),
    ];
    let sent = LibraryRoot::over_sent(root(&files), &[], &Fetcher::default());
    assert_eq!(sent.read("acme/a.rego", 100).unwrap(), b"library");
    assert_eq!(sent.read("acme/b.rego", 100).unwrap(), b"below");
    assert_eq!(sent.read("acme/c.rego", 100), Err(FileError::NotFound));
    assert_eq!(sent.read("acme/../../secret.rego", 100), Err(FileError::Escapes));
    let sent =
        LibraryRoot::over_sent(root(&[(FILE_NAME, "{"), ("x/a.rego", "own")]), &[], &Fetcher::default());
    assert!(sent.read("x/a.rego", 100).unwrap_err().to_string().contains(FILE_NAME));
    assert!(
        LibraryRoot::over_sent(root(&[("x/a.rego", "own")]), &[], &Fetcher::default())
            .read("x/a.rego", 9)
            .is_ok()
    );
}

#[test]
fn nobody_waits_for_ever() {
    // Takes connections, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let fetcher = Fetcher { timeout: Some(Duration::from_millis(200)), ..Fetcher::default() };
    for from in [format!("oci://{address}/a/b:v1"), format!("git::http://{address}/a.git#main")] {
        let error = fetcher.fetch(&from.parse().unwrap(), crate::distribution::Held::default()).unwrap_err();
        assert!(error.to_string().contains("was not fetched within") && error.is_unreachable(), "{error}");
    }
}

#[test]
fn packages_are_what_files_declare() {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("images.rego", "package acme.images\na := 1"),
        ("more/b.rego", "# more\npackage images\nb := 1"),
        ("acme/c.rego", "package acme.images\nc := 1"),
        ("acme/other.rego", "package acme.other\nd := 1"),
        ("images_test.rego", "package acme.images\nt := 1"),
        ("deep.rego", "package acme.images.deep\ne := 1"),
        ("near.rego", "package acme.imagesx\nf := 1"),
    ] {
        let path = dir.path().join("lib").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let json: &'static str = named("acme", "lib").leak();
    let over =
        LibraryRoot::over(root(&[(FILE_NAME, json)]), dir.path().to_owned(), &Fetcher::default()).unwrap();
    let names =
        |path: &str| over.package(path).unwrap().into_iter().map(|file| file.name).collect::<Vec<_>>();
    // Beside the file that the path leads to.
    assert_eq!(names("acme/images"), ["acme/more/b.rego", "acme/acme/c.rego"]);
    assert_eq!(names("acme/images/deep"), ["acme/deep.rego"]);
    assert_eq!(names("acme/other"), [""; 0]);
    assert_eq!(names("acme/none"), [""; 0]);
    // Of the policy's own folder the path counts.
    assert_eq!(names("images"), [""; 0]);
    assert_eq!(names("x/images"), [""; 0]);
    let sent = LibraryRoot::over_sent(
        root(&[(FILE_NAME, json), ("lib/b.rego", "package images")]),
        &[],
        &Fetcher::default(),
    );
    assert_eq!(sent.package("acme/images").unwrap(), []);
}
