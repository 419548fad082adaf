#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use super::*;
use crate::resolve::image::document::sha256;

struct Place {
    dir: tempfile::TempDir,
    cache: Cache,
}

fn place(limit: u64) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(&dir.path().join("cache"), limit);
    Place { dir, cache }
}

fn content(text: &str) -> (String, Bytes) {
    (sha256(text.as_bytes()), Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn parts_are_apart() {
    let place = place(1 << 20);
    let part = place.cache.apart("sent");
    let (digest, other) = (place.put("one"), content("two"));
    part.put(&other.0, &other.1);
    assert!(place.cache.get(&digest).is_some() && part.get(&digest).is_none());
    assert!(place.cache.get(&other.0).is_none() && part.get(&other.0).is_some());
    // It is one cache to whoever looks after it.
    assert_eq!(place.cache.usage().unwrap().entries, 2);
    assert_eq!(place.cache.prune(0).unwrap().entries, 2);
    assert!(part.get(&other.0).is_none());
}

impl Place {
    fn put(&self, text: &str) -> String {
        let (digest, bytes) = content(text);
        self.cache.put(&digest, &bytes);
        digest
    }

    fn file(&self, digest: &str) -> PathBuf {
        self.dir.path().join("cache/v1").join(path_of(digest).unwrap())
    }
}

/// Makes a file one that was used `hours` ago.
fn age(path: &Path, hours: u64) {
    let then = SystemTime::now() - Duration::from_hours(hours);
    File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
}

#[test]
fn what_is_put_is_got() {
    let place = place(1000);
    assert_eq!(place.cache.get(&content("a").0), None);
    assert!(!place.dir.path().join("cache").exists(), "nothing was written, so there is nothing");
    let digest = place.put("a");
    assert_eq!(place.cache.get(&digest).unwrap(), "a");
    assert_eq!(place.cache.usage().unwrap(), Usage { entries: 1, bytes: 1 });
    assert_eq!(place.put("a"), digest);
    assert_eq!(place.cache.usage().unwrap(), Usage { entries: 1, bytes: 1 });
    // Another process finds it.
    assert_eq!(Cache::new(place.cache.dir(), 1000).get(&digest).unwrap(), "a");
    assert_eq!(place.cache.problem(), None);
}

#[test]
fn only_digests_are_paths() {
    let place = place(1000);
    for digest in ["", "sha256:", "sha256:../../x", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:ABC"] {
        place.cache.put(digest, &Bytes::from_static(b"x"));
        assert_eq!(place.cache.get(digest), None);
    }
    assert!(!place.dir.path().join("cache").exists());
}

#[test]
fn damaged_entries_go() {
    let place = place(1000);
    let digest = place.put("sound");
    for damage in ["", "other", "sound and more"] {
        fs::write(place.file(&digest), damage).unwrap();
        assert_eq!(place.cache.get(&digest), None);
        assert!(!place.file(&digest).exists());
        place.put("sound");
    }
    assert_eq!(place.cache.problem(), None);
}

#[test]
fn the_least_recently_used_goes_first() {
    let place = place(30);
    let [old, used, new] = ["old entry1", "used entry", "new entry1"].map(|text| place.put(text));
    age(&place.file(&old), 3);
    age(&place.file(&used), 4);
    age(&place.file(&new), 2);
    assert!(place.cache.get(&used).is_some());
    let more = place.put("one more..");
    assert_eq!(place.cache.usage().unwrap(), Usage { entries: 2, bytes: 20 });
    assert!(place.cache.get(&old).is_none() && place.cache.get(&new).is_none());
    assert!(place.cache.get(&used).is_some() && place.cache.get(&more).is_some());
    // What can't fit drives nothing out.
    let big = place.put(&"x".repeat(31));
    assert!(place.cache.get(&big).is_none());
    assert_eq!(place.cache.usage().unwrap().entries, 2);
}

#[test]
fn prune_and_clear() {
    let place = place(1000);
    place.put("1234");
    place.put("5678");
    let temporary = place.dir.path().join("cache/v1/tmp");
    let stranger = temporary.join("killed");
    fs::write(&stranger, "half").unwrap();
    assert_eq!(place.cache.prune(1000).unwrap(), Usage::default());
    assert!(stranger.exists(), "somebody may still write it");
    age(&stranger, 2);
    assert_eq!(place.cache.prune(7).unwrap(), Usage { entries: 1, bytes: 4 });
    assert!(!stranger.exists());
    assert_eq!(place.cache.clear().unwrap(), Usage { entries: 1, bytes: 4 });
    assert_eq!(place.cache.clear().unwrap(), Usage::default());
    assert_eq!(place.cache.usage().unwrap(), Usage::default());
}

#[test]
fn a_cache_that_cannot_be_written_remembers_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let cache = Cache::new(&file, 1000);
    let (digest, bytes) = content("a");
    cache.put(&digest, &bytes);
    assert_eq!(cache.get(&digest), None);
    let problem = cache.problem().unwrap();
    assert!(problem.starts_with(&format!("cannot write the cache `{}`: ", file.display())), "{problem}");
}

#[cfg(unix)]
#[test]
fn files_are_the_users_own() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = place(1000);
    let digest = place.put("private");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.file(&digest)), 0o600);
    assert_eq!(mode(&place.dir.path().join("cache")), 0o700);
}

#[test]
fn many_writers_and_readers() {
    let place = place(200);
    let texts: Vec<_> = (0..40).map(|i| format!("entry {i:03}")).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (texts, dir) = (&texts, place.cache.dir());
            scope.spawn(move || {
                // Each as a process of its own would have it.
                let cache = Cache::new(dir, 200);
                for text in texts.iter().cycle().skip(thread * 7).take(120) {
                    let (digest, bytes) = content(text);
                    if let Some(found) = cache.get(&digest) {
                        assert_eq!(found, bytes);
                    } else {
                        cache.put(&digest, &bytes);
                    }
                }
                assert_eq!(cache.problem(), None);
            });
        }
    });
    place.cache.prune(200).unwrap();
    assert!(place.cache.usage().unwrap().bytes <= 200);
}
