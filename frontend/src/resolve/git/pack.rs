//! Picks objects out of a pack while it streams by (git's `gitformat-pack`).
//!
//! Git writes tags and commits before trees and blobs, so reading stops early when only those are wanted and a
//! server sends all.

use std::collections::HashMap;
use std::io::BufRead;
use std::rc::Rc;

use bytes::Bytes;
use gix_hash::ObjectId;
use gix_object::Kind;
use gix_pack::data::entry::Header;
use gix_pack::data::input::{BytesToEntriesIter, Entry, EntryDataMode, Mode};

use super::GitError;
use super::guard::Guard;
use super::object::{Object, Walk, walk_to_commit};

/// Largest commit or tag object. Real ones have a few kilobytes, with octopus merges and signatures.
pub(super) const MAX_OBJECT_BYTES: u64 = 4 << 20;

/// Largest file of a commit that is kept: no policy file, and no data of one, may be larger.
pub(super) const MAX_FILE_BYTES: u64 = 4 << 20;

/// Which objects of a pack are kept, and how much of all of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    /// Trees and blobs as well as commits and tags.
    files: bool,
    /// For messages.
    what: &'static str,
    /// Most that is kept, in bytes.
    limit: u64,
}

impl Kept {
    /// Commits and tags only. A server that sends history, too, may come near the limit.
    pub(super) const COMMITS: Self =
        Self { files: false, what: "all commits and tags in the pack", limit: 64 << 20 };
    /// All but files larger than [`MAX_FILE_BYTES`].
    pub(super) const FILES: Self = Self { files: true, what: "all files of the commit", limit: 256 << 20 };
}

/// Reads `pack`. Of commits and tags only until `wanted` and, if it is a tag, all up to its commit were seen.
/// Objects are keyed by the id that their bytes have, so a server can't pass off one for another.
pub(super) fn read_objects(
    guard: &Rc<Guard>,
    pack: impl BufRead,
    wanted: ObjectId,
    kept: Kept,
) -> Result<HashMap<ObjectId, Object>, GitError> {
    let hash = wanted.kind();
    // No check of the pack's own checksum: each object is checked by itself, and the rest may not be read.
    let entries = BytesToEntriesIter::new_from_header(pack, Mode::AsIs, EntryDataMode::Keep, hash)
        .map_err(|error| guard.explain(&error))?;
    let mut objects = HashMap::new();
    let mut by_offset = HashMap::new();
    let mut bytes = 0;
    for entry in entries {
        let entry = entry.map_err(|error| guard.explain(&error))?;
        let Some(object) = decode(guard, &entry, kept, &objects, &by_offset)? else { continue };
        bytes += object.data.len() as u64;
        if bytes > kept.limit {
            let Kept { what, limit, .. } = kept;
            return Err(GitError::TooLarge { remote: guard.remote.clone(), what, limit });
        }
        let id = object.id(hash)?;
        by_offset.insert(entry.pack_offset, id);
        objects.insert(id, object);
        if !kept.files && matches!(walk_to_commit(&guard.remote, wanted, &objects)?, Walk::Commit(_)) {
            break;
        }
    }
    Ok(objects)
}

/// The object of an entry, when it is to be kept. A difference to one that was not kept isn't either.
fn decode(
    guard: &Guard,
    entry: &Entry,
    kept: Kept,
    objects: &HashMap<ObjectId, Object>,
    by_offset: &HashMap<u64, ObjectId>,
) -> Result<Option<Object>, GitError> {
    let base = match entry.header {
        Header::Commit | Header::Tag => None,
        Header::Tree | Header::Blob if kept.files => None,
        Header::Tree | Header::Blob => return Ok(None),
        Header::RefDelta { base_id } => Some(base_id),
        Header::OfsDelta { base_distance } => {
            let offset = Header::verified_base_pack_offset(entry.pack_offset, base_distance);
            match offset.and_then(|offset| by_offset.get(&offset)) {
                Some(id) => Some(*id),
                None => return Ok(None),
            }
        }
    };
    let base = match base {
        None => None,
        Some(id) => match objects.get(&id) {
            Some(base) => Some(base),
            None => return Ok(None),
        },
    };
    let kind = match (base, entry.header) {
        (Some(base), _) => base.kind,
        (None, Header::Tag) => Kind::Tag,
        (None, Header::Tree) => Kind::Tree,
        (None, Header::Blob) => Kind::Blob,
        (None, _) => Kind::Commit,
    };
    let limit = if kind == Kind::Blob { MAX_FILE_BYTES } else { MAX_OBJECT_BYTES };
    let read = inflate(guard, entry, limit).and_then(|data| match base {
        None => Ok(data.into()),
        Some(base) => apply_delta(guard, &base.data, &data, limit),
    });
    match read {
        Ok(data) => Ok(Some(Object { kind, data })),
        Err(GitError::TooLarge { .. }) if kind == Kind::Blob => Ok(None),
        Err(error) => Err(error),
    }
}

fn too_large(guard: &Guard, limit: u64) -> GitError {
    GitError::TooLarge { remote: guard.remote.clone(), what: "an object in the pack", limit }
}

fn inflate(guard: &Guard, entry: &Entry, limit: u64) -> Result<Vec<u8>, GitError> {
    if entry.decompressed_size > limit {
        return Err(too_large(guard, limit));
    }
    let size = usize::try_from(entry.decompressed_size).map_err(|_| too_large(guard, limit))?;
    let mut data = vec![0; size];
    let compressed = entry.compressed.as_deref().unwrap_or_default();
    let (_, _, written) = gix_zlib::Inflate::default()
        .once(compressed, &mut data)
        .map_err(|_| guard.protocol("the pack is damaged: an object can't be decompressed"))?;
    data.truncate(written);
    Ok(data)
}

/// Applies a delta (`gitformat-pack`, section "Deltified representation").
fn apply_delta(guard: &Guard, base: &[u8], delta: &[u8], limit: u64) -> Result<Bytes, GitError> {
    let damaged = || guard.protocol("the pack is damaged: a delta is malformed");
    let mut rest = delta;
    let base_size = delta_size(&mut rest).ok_or_else(damaged)?;
    let size = delta_size(&mut rest).ok_or_else(damaged)?;
    if size > limit {
        return Err(too_large(guard, limit));
    }
    if base_size != base.len() as u64 {
        return Err(damaged());
    }
    let mut result = Vec::new();
    while let Some(command) = next(&mut rest) {
        let piece = if command & 0x80 == 0 {
            let (piece, after) = rest.split_at_checked(usize::from(command)).ok_or_else(damaged)?;
            rest = after;
            piece
        } else {
            let range = copy_range(command, &mut rest).ok_or_else(damaged)?;
            base.get(range).ok_or_else(damaged)?
        };
        if command == 0 || (result.len() + piece.len()) as u64 > size {
            return Err(damaged());
        }
        result.extend_from_slice(piece);
    }
    if result.len() as u64 == size { Ok(result.into()) } else { Err(damaged()) }
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

/// Seven bits a byte, the lowest first.
fn delta_size(rest: &mut &[u8]) -> Option<u64> {
    let mut size = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = next(rest)?;
        size |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
    None
}

/// Which bytes of the base a copy command means.
fn copy_range(command: u8, rest: &mut &[u8]) -> Option<std::ops::Range<usize>> {
    let mut number = |bits: std::ops::Range<u8>| {
        let mut value = 0_usize;
        for (position, bit) in bits.enumerate() {
            if command & (1 << bit) != 0 {
                value |= usize::from(next(rest)?) << (8 * position);
            }
        }
        Some(value)
    };
    let start = number(0..4)?;
    let length = match number(4..7)? {
        0 => 0x1_0000,
        length => length,
    };
    Some(start..start.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;
    use std::process::Stdio;
    use std::rc::Rc;
    use std::time::Duration;

    use gix_hash::ObjectId;

    use super::super::GitError;
    use super::super::guard::{Guard, Part};
    use super::super::testing::isolated_git;
    use super::{Kept, MAX_OBJECT_BYTES, apply_delta, read_objects};

    fn guard() -> Rc<Guard> {
        Guard::new("r".into(), Duration::from_mins(1), Part { what: "x", limit: 1 })
    }

    /// Runs git in `directory` and returns its output and messages.
    fn git(directory: &Path, arguments: &[&str], input: &[u8]) -> (Vec<u8>, String) {
        let mut child = isolated_git()
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("git is installed");
        child.stdin.take().expect("a pipe").write_all(input).expect("git reads its input");
        let output = child.wait_with_output().expect("git ends");
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "git {arguments:?}: {messages}");
        (output.stdout, messages)
    }

    fn line(directory: &Path, arguments: &[&str], input: &[u8]) -> String {
        String::from_utf8_lossy(&git(directory, arguments, input).0).trim().to_owned()
    }

    /// A commit of an incompressible file, and two long tags that differ little, one of the other.
    /// Returns the outer tag and the pack of all.
    fn repository(directory: &Path) -> (ObjectId, Vec<u8>) {
        git(directory, &["init", "-q", "--bare", "."], b"");
        let noise: Vec<u8> = (0_u32..50_000)
            .flat_map(|n| n.wrapping_mul(n).wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        let blob = line(directory, &["hash-object", "-w", "--stdin"], &noise);
        let tree = line(directory, &["mktree"], format!("100644 blob {blob}\tnoise\n").as_bytes());
        let commit = line(directory, &["commit-tree", "-m", "c", &tree], b"");
        let lines: Vec<_> = (0..200).map(|n| format!("line {}\n", n * n * 7919 % 10_007)).collect();
        let text = lines.concat();
        git(directory, &["tag", "-a", "-m", &format!("{text}inner"), "inner", &commit], b"");
        git(directory, &["tag", "-a", "-m", &format!("{text}outer"), "outer", "inner"], b"");
        let (inner, outer) =
            (line(directory, &["rev-parse", "inner"], b""), line(directory, &["rev-parse", "outer"], b""));
        let all = [&outer, &inner, &commit, &tree, &blob].map(|id| format!("{id}\n")).concat();
        let (pack, messages) = git(
            directory,
            &["pack-objects", "--stdout", "--progress", "--delta-base-offset"],
            all.as_bytes(),
        );
        assert!(messages.contains("delta 1"), "one tag is stored as a delta: {messages}");
        (ObjectId::from_hex(outer.as_bytes()).expect("an id"), pack)
    }

    #[test]
    fn tags_and_commit_are_found_at_the_beginning_of_a_pack() {
        let directory = tempfile::tempdir().expect("a directory");
        let (outer, pack) = repository(directory.path());
        // The file, most of the pack by far, never gets read.
        let beginning = &pack[..pack.len() / 10];
        let objects = read_objects(&guard(), beginning, outer, Kept::COMMITS).expect("all is there");
        assert_eq!(objects.len(), 3);
        for (id, object) in &objects {
            object.verify(id).expect("the right bytes");
        }

        // Something else is wanted than is there: all is read, and nothing is made up.
        let other = ObjectId::null(gix_hash::Kind::Sha1);
        assert!(
            !read_objects(&guard(), &pack[..], other, Kept::COMMITS)
                .expect("a good pack")
                .contains_key(&other)
        );
        let error = read_objects(&guard(), beginning, other, Kept::COMMITS).expect_err("cut off");
        assert!(matches!(error, GitError::Protocol { .. }), "{error}");
        for damaged in
            [&b""[..], b"PACK", b"JUNKJUNKJUNKJUNK", &[b"PACK\0\0\0\x02\0\0\0\x01", &[0xff; 40][..]].concat()]
        {
            read_objects(&guard(), damaged, outer, Kept::COMMITS).expect_err("no pack");
        }
    }

    #[test]
    fn a_huge_commit_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        git(directory.path(), &["init", "-q", "--bare", "."], b"");
        let tree = line(directory.path(), &["mktree"], b"");
        let message = vec![b'x'; usize::try_from(MAX_OBJECT_BYTES).expect("it fits")];
        let commit = line(directory.path(), &["commit-tree", "-F", "-", &tree], &message);
        let (pack, _) =
            git(directory.path(), &["pack-objects", "--stdout"], format!("{commit}\n").as_bytes());
        let id = ObjectId::from_hex(commit.as_bytes()).expect("an id");
        let error = read_objects(&guard(), &pack[..], id, Kept::COMMITS).expect_err("too large");
        assert!(matches!(error, GitError::TooLarge { limit: MAX_OBJECT_BYTES, .. }), "{error}");
    }

    #[test]
    fn deltas() {
        let guard = guard();
        let base = b"0123456789";
        // Copy 3 from 2, insert "ab", copy 1 from 0.
        let delta = [10, 6, 0x80 | 0x11, 2, 3, 2, b'a', b'b', 0x80 | 0x10, 1];
        assert_eq!(
            apply_delta(&guard, base, &delta, MAX_OBJECT_BYTES).expect("a delta"),
            "234ab0".as_bytes()
        );
        for bad in [
            &[][..],
            &[9, 0],
            &[10, 1],
            &[10, 1, 0],
            &[10, 1, 5, b'a'],
            &[10, 1, 0x91, 9, 2],
            &[10, 1, 0x91, 9],
            &[10, 1, 2, b'a', b'b'],
            &[10, 0xff, 0xff, 0xff, 0xff, 0x7f],
            &[0xff; 12],
        ] {
            assert!(apply_delta(&guard, base, bad, MAX_OBJECT_BYTES).is_err(), "{bad:?}");
        }
    }
}
