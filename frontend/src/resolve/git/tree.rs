//! The files of a commit, in memory.

use std::collections::HashMap;

use gix_hash::ObjectId;
use gix_object::tree::EntryKind;
use gix_object::{CommitRefIter, Kind, TreeRefIter};

use super::GitError;
use super::object::{Object, Walk, walk_to_commit};
use super::pack::MAX_FILE_BYTES;
use crate::memory_tree::{MemoryTree, Node, Nodes};

/// The folder `subdir` (relative and clean; empty for all) of the commit that `id` leads to.
pub(super) fn folder(
    remote: &str,
    id: ObjectId,
    objects: HashMap<ObjectId, Object>,
    subdir: &str,
) -> Result<MemoryTree, GitError> {
    let missing = |id: &ObjectId| GitError::ObjectMissing { remote: remote.to_owned(), id: id.to_string() };
    let commit = match walk_to_commit(remote, id, &objects)? {
        Walk::Commit(commit) => commit,
        Walk::Missing(id) => return Err(missing(&id)),
    };
    let data = &objects.get(&commit).ok_or_else(|| missing(&commit))?.data;
    let root = CommitRefIter::from_bytes(data, commit.kind()).tree_id().map_err(|_| GitError::BadObject {
        remote: remote.to_owned(),
        id: commit.to_string(),
        reason: "it names no tree",
    })?;
    let mut tree = Tree { root, objects };
    tree.objects.get(&root).ok_or_else(|| missing(&root))?;
    let names: Vec<String> = subdir.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    tree.root = match tree.find(&names) {
        Ok(Some((EntryKind::Tree, id))) => id,
        _ => {
            return Err(GitError::NoFolder {
                remote: remote.to_owned(),
                commit: commit.to_string(),
                folder: subdir.to_owned(),
            });
        }
    };
    Ok(MemoryTree::new(tree))
}

struct Tree {
    root: ObjectId,
    objects: HashMap<ObjectId, Object>,
}

impl Tree {
    /// What the path names, without following symlinks. Fails where the server sent no sound tree: what may lie in
    /// there must not read as missing.
    fn find(&self, path: &[String]) -> Result<Option<(EntryKind, ObjectId)>, &'static str> {
        let mut found = (EntryKind::Tree, self.root);
        for name in path {
            if found.0 != EntryKind::Tree {
                // What lies in a submodule isn't known; in anything else nothing lies.
                return Ok((found.0 == EntryKind::Commit).then_some(found));
            }
            let tree = self.objects.get(&found.1).filter(|object| object.kind == Kind::Tree);
            let tree = tree.ok_or("the server did not send its folder")?;
            let mut inside = None;
            for entry in TreeRefIter::from_bytes(&tree.data, self.root.kind()) {
                let entry = entry.map_err(|_| "its folder is malformed")?;
                if entry.filename == name.as_str() {
                    inside = inside.or(Some((entry.mode.kind(), entry.oid.to_owned())));
                }
            }
            match inside {
                Some(inside) => found = inside,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }
}

impl Nodes for Tree {
    fn node(&self, path: &[String]) -> Node {
        let content = |id| self.objects.get(&id).map(|object| object.data.clone());
        match self.find(path) {
            Err(why) => Node::Other(why.into()),
            Ok(None) => Node::Missing,
            Ok(Some((EntryKind::Tree, _))) => Node::Folder,
            Ok(Some((EntryKind::Commit, _))) => Node::Other("it is in a submodule, which is not read".into()),
            // All other objects were sent.
            Ok(Some((EntryKind::Blob | EntryKind::BlobExecutable, id))) => {
                content(id).map_or(Node::TooLarge(MAX_FILE_BYTES), Node::File)
            }
            Ok(Some((EntryKind::Link, id))) => content(id).map_or(Node::TooLarge(MAX_FILE_BYTES), Node::Link),
        }
    }

    fn names(&self, folder: &[String]) -> Option<Vec<String>> {
        let Ok(Some((EntryKind::Tree, id))) = self.find(folder) else { return None };
        let tree = self.objects.get(&id).filter(|object| object.kind == Kind::Tree)?;
        // A name that isn't UTF-8 is none that a policy could ask for.
        let name = |name: &[u8]| String::from_utf8(name.to_vec()).ok();
        let entries: Result<Vec<_>, _> = TreeRefIter::from_bytes(&tree.data, self.root.kind()).collect();
        Some(entries.ok()?.into_iter().filter_map(|entry| name(entry.filename)).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use policy_engine::policy::{FileError, PolicyRoot};

    use super::*;

    fn object(kind: Kind, data: impl Into<Vec<u8>>) -> (ObjectId, Object) {
        let object = Object { kind, data: data.into().into() };
        (object.id(gix_hash::Kind::Sha1).unwrap(), object)
    }

    /// A commit of a tree with these bytes.
    fn commit_of(tree: Vec<u8>) -> MemoryTree {
        let tree = object(Kind::Tree, tree);
        let commit = format!("tree {}\nauthor a <a@b> 0 +0000\ncommitter a <a@b> 0 +0000\n\nm\n", tree.0);
        let commit = object(Kind::Commit, commit);
        let id = commit.0;
        folder("r", id, HashMap::from([tree, commit]), "").unwrap()
    }

    #[test]
    fn what_is_unsound_does_not_read_as_missing() {
        let entry = |mode: &str, name: &str| [format!("{mode} {name}\0").as_bytes(), &[7; 20]].concat();
        let sound = [entry("100644", "a"), entry("40000", "folder")].concat();
        let tree = commit_of(sound.clone());
        assert_eq!(tree.read("nope", 9), Err(FileError::NotFound));
        assert_eq!(tree.read("a", 9), Err(FileError::TooLarge(MAX_FILE_BYTES)));
        let unsent = Err(FileError::Other("the server did not send its folder".into()));
        assert_eq!(tree.read("folder/Dockerfile.rego", 9), unsent);
        let malformed = Err(FileError::Other("its folder is malformed".into()));
        assert_eq!(commit_of([sound, b"100644 cut".to_vec()].concat()).read("nope", 9), malformed);
    }
}
