#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;

fn files(of: &[(&str, &'static str)]) -> Result<Files, String> {
    let mut files = Files::default();
    of.iter().try_for_each(|(path, content)| files.insert(path, Bytes::from_static(content.as_bytes())))?;
    Ok(files)
}

fn archive(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        if *kind == EntryType::Symlink || *kind == EntryType::Link {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn same_files_same_digest() {
    let one = files(&[("a.rego", "package a"), ("b/c.json", "{}")]).unwrap();
    let other = files(&[("b/c.json", "{}"), ("./a.rego", "package a")]).unwrap();
    assert_eq!(one.digest(), other.digest());
    assert_eq!(Files::in_archive(&one.archive()).unwrap(), one);
    assert_ne!(files(&[("a.rego", "package a"), ("c.json", "{}")]).unwrap().digest(), one.digest());
    // A path that needs a header of its own.
    let long = format!("{}/a.rego", "x".repeat(200));
    let long = files(&[(&long, "package a")]).unwrap();
    assert_eq!(Files::in_archive(&long.archive()).unwrap(), long);
}

#[test]
fn paths_stay_inside() {
    for path in [
        "../a.rego",
        "a/../b.rego",
        "//a.rego",
        "a//b.rego",
        "a\\b.rego",
        "C:/a.rego",
        "a\n.rego",
        "",
        "/",
        ".",
    ] {
        assert!(files(&[(path, "")]).is_err(), "{path:?}");
    }
    for path in ["../../a.rego", "/../a.rego", "a/../../b.rego"] {
        assert!(Files::in_archive(&archive(&[(path, EntryType::Regular, b"")])).is_err(), "{path}");
    }
    let opa = Files::in_archive(&archive(&[("/a/b.rego", EntryType::Regular, b"package a.b")])).unwrap();
    assert_eq!(opa.iter().next().unwrap().0, "a/b.rego");
}

#[test]
fn neither_links_nor_devices() {
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Fifo] {
        let refused = Files::in_archive(&archive(&[("a.rego", kind, b"")])).unwrap_err();
        assert!(refused.contains("neither a file nor a folder"), "{refused}");
    }
}

#[test]
fn twice_is_an_error() {
    let twice = archive(&[("a.rego", EntryType::Regular, b"1"), ("/a.rego", EntryType::Regular, b"2")]);
    assert!(Files::in_archive(&twice).unwrap_err().contains("twice"));
}

#[test]
fn nothing_but_rego_data_and_keys() {
    let kept: Vec<&str> =
        ["a.rego", "b.json", "c/d.yaml", "e.yml", "cosign.pub", "keys/allowed_signers", "f.asc"].into();
    let dropped = ["a.wasm", "b.sh", "README.md", "rego", ".git/a.rego", ".a.rego", FILE_NAME, "c/.manifest"];
    assert!(kept.iter().all(|path| is_kept(path)));
    assert!(dropped.iter().all(|path| !is_kept(path)));
}

#[test]
fn limits() {
    let mut many = Files::default();
    let reason = (0..=MAX_FILES).find_map(|n| many.insert(&format!("{n}.json"), Bytes::new()).err());
    assert_eq!(reason.unwrap(), "it has more than 2000 files");
    let mut big = Files::default();
    let block = Bytes::from(vec![0; 4 << 20]);
    let reason = (0..=16).find_map(|n| big.insert(&format!("{n}.json"), block.clone()).err());
    assert_eq!(reason.unwrap(), "its files have more than 67108864 bytes");
    // What isn't kept is decompressed all the same, but not without end.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = Builder::new(&mut encoder);
    let mut header = Header::new_gnu();
    header.set_size(100 << 20);
    builder.append_data(&mut header, "bomb.bin", std::io::repeat(0).take(100 << 20)).unwrap();
    builder.finish().unwrap();
    drop(builder);
    let bomb = encoder.finish().unwrap();
    assert!(Files::in_archive(&bomb).unwrap_err().contains("larger than the limit"));
    let large = archive(&[("a.rego", EntryType::Regular, &vec![b' '; (4 << 20) + 1])]);
    assert!(Files::in_archive(&large).unwrap_err().contains("larger than the limit"));
}

#[test]
fn packages() {
    for (text, name) in [
        ("# c\n\npackage docker\n", Some("docker")),
        ("package  acme.images # x", Some("acme/images")),
        ("package acme[\"images\"]", Some("acme/images")),
        ("\u{feff}package docker\n", Some("docker")),
        ("package\ndocker\nx := 1", Some("docker")),
        ("package # c\n  docker\nx := ", Some("docker")),
        ("import x", None),
        ("", None),
    ] {
        assert_eq!(package(text).as_deref(), name, "{text}");
    }
}

/// A denial in a file that somebody saved with a byte order mark is no less one.
#[test]
fn no_part_of_a_policy_is_passed_over() {
    let policy = |text: &'static [u8]| {
        let mut files = Files::default();
        files.insert("a.rego", "package docker".into()).unwrap();
        files.insert("b.rego", Bytes::from_static(text)).unwrap();
        files.policy("p").map(|files| files.len())
    };
    assert_eq!(policy("\u{feff}package docker".as_bytes()), Ok(2));
    assert_eq!(policy(b"package\ndocker"), Ok(2));
    assert_eq!(policy(b"package acme"), Ok(1));
    assert!(policy(b"pakage docker").unwrap_err().contains("`b.rego` declares no package"));
    assert!(policy(b"package docker # \xff").unwrap_err().contains("`b.rego` is not UTF-8"));
}

#[cfg(unix)]
#[test]
fn folders() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("in");
    std::fs::create_dir_all(dir.join("a/.git")).unwrap();
    std::fs::write(dir.join("a/b.rego"), "package a.b").unwrap();
    std::fs::write(dir.join("a/.git/c.rego"), "").unwrap();
    let open = || Dir::open_ambient_dir(&dir, cap_std::ambient_authority()).unwrap();
    assert_eq!(Files::in_folder(&open()).unwrap().len(), 1);
    std::os::unix::fs::symlink("/etc", dir.join("etc")).unwrap();
    assert_eq!(Files::in_folder(&open()).unwrap().len(), 1, "folders behind links are passed over");
    std::os::unix::fs::symlink("a/b.rego", dir.join("link.rego")).unwrap();
    assert!(Files::in_folder(&open()).unwrap_err().contains("symlink"));
}
