//! Picks commit and tag objects out of a pack while it streams by (git's `gitformat-pack`).
//!
//! Git writes tags and commits before trees and blobs, so reading stops early when a server sends all.

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

/// Reads `pack` until `wanted` and, if it is a tag, all up to its commit were seen. Objects are keyed by the
/// id that their bytes have, so a server can't pass off one for another.
pub(super) fn read_objects(
    guard: &Rc<Guard>,
    pack: impl BufRead,
    wanted: ObjectId,
) -> Result<HashMap<ObjectId, Object>, GitError> {
    let hash = wanted.kind();
    // No check of the pack's own checksum: each object is checked by itself, and the rest isn't read.
    let entries = BytesToEntriesIter::new_from_header(pack, Mode::AsIs, EntryDataMode::Keep, hash)
        .map_err(|error| guard.explain(&error))?;
    let mut objects = HashMap::new();
    let mut by_offset = HashMap::new();
    for entry in entries {
        let entry = entry.map_err(|error| guard.explain(&error))?;
        let Some(object) = decode(guard, &entry, &objects, &by_offset)? else { continue };
        let id = object.id(hash)?;
        by_offset.insert(entry.pack_offset, id);
        objects.insert(id, object);
        if matches!(walk_to_commit(&guard.remote, wanted, &objects)?, Walk::Commit(_)) {
            break;
        }
    }
    Ok(objects)
}

/// The object of an entry, when it is a commit or tag, or a difference to one that was seen before.
fn decode(
    guard: &Guard,
    entry: &Entry,
    objects: &HashMap<ObjectId, Object>,
    by_offset: &HashMap<u64, ObjectId>,
) -> Result<Option<Object>, GitError> {
    let base = match entry.header {
        Header::Commit | Header::Tag => None,
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
            // Then it builds on a tree or blob.
            None => return Ok(None),
        },
    };
    let data = inflate(guard, entry)?;
    Ok(Some(match base {
        None if entry.header == Header::Tag => Object { kind: Kind::Tag, data: data.into() },
        None => Object { kind: Kind::Commit, data: data.into() },
        Some(base) => Object { kind: base.kind, data: apply_delta(guard, &base.data, &data)? },
    }))
}

fn too_large(guard: &Guard) -> GitError {
    GitError::TooLarge {
        remote: guard.remote.clone(),
        what: "a commit or tag object",
        limit: MAX_OBJECT_BYTES,
    }
}

fn inflate(guard: &Guard, entry: &Entry) -> Result<Vec<u8>, GitError> {
    if entry.decompressed_size > MAX_OBJECT_BYTES {
        return Err(too_large(guard));
    }
    let size = usize::try_from(entry.decompressed_size).map_err(|_| too_large(guard))?;
    let mut data = vec![0; size];
    let compressed = entry.compressed.as_deref().unwrap_or_default();
    let (_, _, written) = gix_zlib::Inflate::default()
        .once(compressed, &mut data)
        .map_err(|_| guard.protocol("the pack is damaged: an object can't be decompressed"))?;
    data.truncate(written);
    Ok(data)
}

/// Applies a delta (`gitformat-pack`, section "Deltified representation").
fn apply_delta(guard: &Guard, base: &[u8], delta: &[u8]) -> Result<Bytes, GitError> {
    let damaged = || guard.protocol("the pack is damaged: a delta is malformed");
    let mut rest = delta;
    let base_size = delta_size(&mut rest).ok_or_else(damaged)?;
    let size = delta_size(&mut rest).ok_or_else(damaged)?;
    if size > MAX_OBJECT_BYTES {
        return Err(too_large(guard));
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
    use std::time::Duration;

    use super::super::guard::{Guard, Part};
    use super::apply_delta;

    #[test]
    fn deltas() {
        let guard = Guard::new("r".into(), Duration::from_secs(60), Part { what: "x", limit: 1 });
        let base = b"0123456789";
        // Copy 3 from 2, insert "ab", copy 1 from 0.
        let delta = [10, 6, 0x80 | 0x11, 2, 3, 2, b'a', b'b', 0x80 | 0x10, 1];
        assert_eq!(apply_delta(&guard, base, &delta).expect("a delta"), "234ab0".as_bytes());
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
            assert!(apply_delta(&guard, base, bad).is_err(), "{bad:?}");
        }
    }
}
