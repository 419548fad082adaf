#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::Write;

use policy_engine::policy::{FileError, PolicyRoot};
use tar::{Builder, EntryType, Header};

use super::*;

fn entry(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header
}

fn add(archive: &mut Builder<Vec<u8>>, path: &str, content: &[u8]) {
    archive.append_data(&mut entry(EntryType::Regular, content.len() as u64), path, content).unwrap();
}

fn sample() -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    archive.append_data(&mut entry(EntryType::Directory, 0), "./", &b""[..]).unwrap();
    add(&mut archive, "./Dockerfile", b"FROM scratch\n");
    add(&mut archive, "lib/a.rego", b"package a\n");
    archive.append_link(&mut entry(EntryType::Symlink, 0), "link", "lib/a.rego").unwrap();
    archive.append_link(&mut entry(EntryType::Link, 0), "hard", "lib/a.rego").unwrap();
    archive.append_link(&mut entry(EntryType::Symlink, 0), "out", "../etc/passwd").unwrap();
    archive.append_data(&mut entry(EntryType::Fifo, 0), "pipe", &b""[..]).unwrap();
    add(&mut archive, "big", &vec![0; usize::try_from(MAX_FILE).unwrap() + 1]);
    archive.into_inner().unwrap()
}

fn check(archive: &[u8]) {
    assert!(is_archive(&archive[..HEAD.min(archive.len())]));
    let tree = unpack(archive, archive).unwrap();
    assert_eq!(tree.read("Dockerfile", 99), Ok(b"FROM scratch\n".to_vec()));
    for path in ["lib/a.rego", "link", "hard"] {
        assert_eq!(tree.read(path, 99), Ok(b"package a\n".to_vec()), "{path}");
    }
    assert_eq!(tree.read("out", 99), Err(FileError::Escapes));
    assert_eq!(tree.read("pipe", 99), Err(FileError::Other("not a regular file".into())));
    assert_eq!(tree.read("big", 99), Err(FileError::TooLarge(MAX_FILE)));
    assert_eq!(tree.read("nope", 99), Err(FileError::NotFound));
}

#[test]
fn plain_and_compressed() {
    let plain = sample();
    check(&plain);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    check(&gzip.finish().unwrap());
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&plain).unwrap();
    check(&bzip2.finish().unwrap());
    check(include_bytes!("sample.tar.xz"));
}

#[test]
fn a_dockerfile_is_no_archive() {
    let long = "RUN true\n".repeat(100);
    for text in ["", "FROM scratch\n", &long, &"\0".repeat(1024)] {
        assert!(!is_archive(text.as_bytes()), "{text:?}");
    }
}

/// Whatever is wrong with an archive, it is an error and no panic.
#[test]
fn damaged_archives() {
    let mut archive = Builder::new(Vec::new());
    add(&mut archive, "Dockerfile", b"FROM scratch\n");
    archive.append_link(&mut entry(EntryType::Symlink, 0), "link", "lib/a.rego").unwrap();
    add(&mut archive, &"long/".repeat(60), b"x");
    let plain = archive.into_inner().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&plain).unwrap();
    let samples =
        [plain, gzip.finish().unwrap(), bzip2.finish().unwrap(), include_bytes!("sample.tar.xz").to_vec()];
    let mut random = 1_u32;
    for sample in samples {
        let times = if sample.starts_with(XZ) { 20 } else { 400 };
        for _ in 0..times {
            let mut damaged = sample.clone();
            for _ in 0..3 {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = random as usize % damaged.len();
                damaged[at] = (random >> 24) as u8;
            }
            if let Ok(tree) = unpack(&sample, &damaged[..]) {
                let _any = (tree.read("Dockerfile", 99), tree.read("link", 99));
            }
        }
    }
}

#[test]
fn what_leads_out_or_is_damaged_is_an_error() {
    let mut header = entry(EntryType::Regular, 0);
    let name = b"../Dockerfile";
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    let archive = [header.as_bytes(), &[0; 1024][..]].concat();
    assert!(unpack(&archive, &archive[..]).unwrap_err().to_string().contains("leads out"));

    let sample = sample();
    assert!(unpack(&sample, &sample[..HEAD + 3]).is_err(), "cut off");
    for magic in [GZIP, BZIP2, XZ] {
        assert!(unpack(magic, magic).is_err(), "no more than the beginning");
    }
}
