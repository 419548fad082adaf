//! Commit and tag objects: is this really the object of that id, and where does a tag lead?

use std::collections::HashMap;

use bytes::Bytes;
use gix_hash::ObjectId;
use gix_object::Kind;

use super::GitError;

/// Tags of tags, the outermost counted. Real ones have one level.
const MAX_TAG_DEPTH: usize = 16;

/// An object without git's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) data: Bytes,
}

impl Object {
    /// The id that these bytes have.
    pub(super) fn id(&self, hash: gix_hash::Kind) -> Result<ObjectId, GitError> {
        // Fails on a known attack on SHA-1 only.
        gix_object::compute_hash(hash, self.kind, &self.data).map_err(|_| GitError::ObjectMismatch {
            id: "(SHA-1 collision attack)".to_owned(),
            got: "nothing that can be trusted".to_owned(),
        })
    }

    /// Fails unless these bytes have the id that they were given out for.
    pub(super) fn verify(&self, id: &ObjectId) -> Result<(), GitError> {
        let got = self.id(id.kind())?;
        if got == *id {
            Ok(())
        } else {
            Err(GitError::ObjectMismatch { id: id.to_string(), got: got.to_string() })
        }
    }
}

/// Where a walk along tags has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// The commit at the end.
    Commit(ObjectId),
    /// The next object is not there.
    Missing(ObjectId),
}

/// Follows tags from `start` to the commit. Believes that `objects` have the ids they are stored under.
pub(super) fn walk_to_commit(
    remote: &str,
    start: ObjectId,
    objects: &HashMap<ObjectId, Object>,
) -> Result<Walk, GitError> {
    let mut id = start;
    for _ in 0..=MAX_TAG_DEPTH {
        let Some(object) = objects.get(&id) else { return Ok(Walk::Missing(id)) };
        match object.kind {
            Kind::Commit => return Ok(Walk::Commit(id)),
            Kind::Tag => id = tag_target(remote, &id, &object.data)?,
            kind => return Err(not_a_commit(remote, &start, kind)),
        }
    }
    Err(GitError::TagTooDeep { remote: remote.to_owned(), id: start.to_string(), limit: MAX_TAG_DEPTH })
}

/// What a tag object points to; an error for a tag of a tree or blob.
fn tag_target(remote: &str, id: &ObjectId, data: &[u8]) -> Result<ObjectId, GitError> {
    let bad = |reason| GitError::BadObject { remote: remote.to_owned(), id: id.to_string(), reason };
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut field = |name: &[u8]| lines.next().and_then(|line| line.strip_prefix(name));
    let target = field(b"object ").ok_or_else(|| bad("it has no object line"))?;
    let target = ObjectId::from_hex(target).map_err(|_| bad("its object line holds no id"))?;
    if target.kind() != id.kind() {
        return Err(bad("its object line holds an id of another hash"));
    }
    match field(b"type ").map(Kind::from_bytes) {
        Some(Ok(Kind::Commit | Kind::Tag)) => Ok(target),
        Some(Ok(kind)) => Err(not_a_commit(remote, id, kind)),
        _ => Err(bad("it has no type line")),
    }
}

fn not_a_commit(remote: &str, id: &ObjectId, kind: Kind) -> GitError {
    GitError::NotACommit { remote: remote.to_owned(), id: id.to_string(), kind: kind.to_string() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bytes::Bytes;
    use gix_hash::ObjectId;
    use gix_object::Kind;

    use super::{MAX_TAG_DEPTH, Object, Walk, walk_to_commit};
    use crate::resolve::git::GitError;

    const COMMIT: &[u8] = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <a@b> 0 +0000\n\
        committer a <a@b> 0 +0000\n\nm\n";

    fn add(objects: &mut HashMap<ObjectId, Object>, kind: Kind, data: Vec<u8>) -> ObjectId {
        let object = Object { kind, data: Bytes::from(data) };
        let id = object.id(gix_hash::Kind::Sha1).expect("an id");
        objects.insert(id, object);
        id
    }

    fn tag(target: ObjectId, kind: &str) -> Vec<u8> {
        format!("object {target}\ntype {kind}\ntag t\ntagger a <a@b> 0 +0000\n\nm\n").into_bytes()
    }

    #[test]
    fn the_wrong_bytes_are_an_error() {
        let object = Object { kind: Kind::Blob, data: Bytes::from_static(b"hello\n") };
        let id = ObjectId::from_hex(b"ce013625030ba8dba906f756967f9e9ca394464a").expect("an id");
        object.verify(&id).expect("git says so too");
        let lie = Object { data: Bytes::from_static(b"hell0\n"), ..object.clone() };
        assert!(matches!(lie.verify(&id), Err(GitError::ObjectMismatch { .. })));
        let other_kind = Object { kind: Kind::Commit, ..object };
        assert!(matches!(other_kind.verify(&id), Err(GitError::ObjectMismatch { .. })));
    }

    #[test]
    fn tags_are_followed_to_the_commit() {
        let mut objects = HashMap::new();
        let commit = add(&mut objects, Kind::Commit, COMMIT.to_vec());
        let inner = add(&mut objects, Kind::Tag, tag(commit, "commit"));
        let outer = add(&mut objects, Kind::Tag, tag(inner, "tag"));
        for start in [commit, inner, outer] {
            assert_eq!(walk_to_commit("r", start, &objects).expect("a walk"), Walk::Commit(commit));
        }
        objects.remove(&inner);
        assert_eq!(walk_to_commit("r", outer, &objects).expect("a walk"), Walk::Missing(inner));
    }

    #[test]
    fn bad_tags_are_errors() {
        let mut objects = HashMap::new();
        let commit = add(&mut objects, Kind::Commit, COMMIT.to_vec());
        let of_tree = add(&mut objects, Kind::Tag, tag(commit, "tree"));
        assert!(matches!(walk_to_commit("r", of_tree, &objects), Err(GitError::NotACommit { .. })));
        for data in ["", "object x\ntype commit\n", "type commit\n", &format!("object {commit}\n")] {
            let bad = add(&mut objects, Kind::Tag, data.as_bytes().to_vec());
            assert!(matches!(walk_to_commit("r", bad, &objects), Err(GitError::BadObject { .. })), "{data}");
        }
        let mut id = commit;
        let mut kind = "commit";
        for _ in 0..=MAX_TAG_DEPTH {
            id = add(&mut objects, Kind::Tag, tag(id, kind));
            kind = "tag";
        }
        assert!(matches!(walk_to_commit("r", id, &objects), Err(GitError::TagTooDeep { .. })));
    }
}
