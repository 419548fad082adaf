#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;

fn files(of: &[(&str, &'static str)]) -> Files {
    let mut files = Files::default();
    of.iter().for_each(|(path, content)| {
        files.insert(path, Bytes::from_static(content.as_bytes())).unwrap();
    });
    files
}

#[test]
fn there_and_back() {
    let given = files(&[("acme/images.rego", "package acme.images"), ("acme/data.json", "{}")]);
    for layout in [Layout::Opa, Layout::Conftest] {
        let artifact = pack(&given, layout).unwrap();
        assert_eq!(unpack(&artifact).unwrap(), given, "{layout:?}");
        assert_eq!(artifact.manifest(), pack(&given, layout).unwrap().manifest(), "same files, same bytes");
    }
    let keys = files(&[("cosign.pub", "")]);
    assert!(pack(&keys, Layout::Conftest).is_err());
    assert_eq!(unpack(&pack(&keys, Layout::Opa).unwrap()).unwrap(), keys);
}

#[test]
fn roots_hold() {
    let given = files(&[("x.rego", "package acme.images"), ("acme/data.json", "{}")]);
    for (manifest, holds) in [
        (r#"{"roots": [""]}"#, true),
        (r#"{"roots": ["acme"]}"#, true),
        (r#"{"roots": ["acme/"], "revision": "1", "metadata": {}}"#, true),
        (r#"{"revision": "1"}"#, true),
        (r#"{"roots": ["acme/images"]}"#, false),
        (r#"{"roots": ["ac"]}"#, false),
        (r#"{"roots": []}"#, false),
        ("{", false),
    ] {
        assert_eq!(check_roots(manifest.as_bytes(), &given).is_ok(), holds, "{manifest}");
    }
}
