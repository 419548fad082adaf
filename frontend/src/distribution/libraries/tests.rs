#![allow(clippy::unwrap_used, reason = "test code")]

use bytes::Bytes;

use super::*;
use crate::memory_tree::Node;

fn parse(text: &str) -> Result<Libraries, DistributionError> {
    Libraries::parse("policy-libraries.json", text.as_bytes())
}

fn named(name: &str, from: &str) -> String {
    format!(r#"{{"version": 1, "libraries": {{"{name}": {{"from": "{from}"}}}}}}"#)
}

#[test]
fn what_the_file_may_say() {
    assert!(parse(&named("acme", "lib/acme")).is_ok());
    for name in ["docker", "a.b", "a/b", "", "1a", ".."] {
        assert!(parse(&named(name, "lib")).is_err(), "{name}");
    }
    for from in ["../lib", "/etc", "./lib/../..", "."] {
        assert!(parse(&named("acme", from)).is_err(), "{from}");
    }
    assert!(parse(r#"{"version": 2, "libraries": {}}"#).is_err());
    assert!(parse(r#"{"version": 1, "libraries": {}, "more": 1}"#).is_err());
    let pinned = named("acme", "oci://ghcr.io/acme/p:v1");
    let again = parse(&pinned).unwrap().render();
    assert_eq!(parse(&again).unwrap(), parse(&pinned).unwrap());
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
