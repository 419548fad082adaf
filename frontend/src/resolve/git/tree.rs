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
        Some((EntryKind::Tree, id)) => id,
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
    /// What the path names, without following symlinks.
    fn find(&self, path: &[String]) -> Option<(EntryKind, ObjectId)> {
        let mut found = (EntryKind::Tree, self.root);
        for name in path {
            if found.0 != EntryKind::Tree {
                // What lies in a submodule isn't known; in anything else nothing lies.
                return (found.0 == EntryKind::Commit).then_some(found);
            }
            let tree = self.objects.get(&found.1).filter(|object| object.kind == Kind::Tree)?;
            let mut entries = TreeRefIter::from_bytes(&tree.data, self.root.kind()).map_while(Result::ok);
            let entry = entries.find(|entry| entry.filename == name.as_str())?;
            found = (entry.mode.kind(), entry.oid.to_owned());
        }
        Some(found)
    }
}

impl Nodes for Tree {
    fn node(&self, path: &[String]) -> Node {
        let content = |id| self.objects.get(&id).map(|object| object.data.clone());
        match self.find(path) {
            None => Node::Missing,
            Some((EntryKind::Tree, _)) => Node::Folder,
            Some((EntryKind::Commit, _)) => Node::Other("it is in a submodule, which is not read".into()),
            // All other objects were sent.
            Some((EntryKind::Blob | EntryKind::BlobExecutable, id)) => {
                content(id).map_or(Node::TooLarge(MAX_FILE_BYTES), Node::File)
            }
            Some((EntryKind::Link, id)) => content(id).map_or(Node::TooLarge(MAX_FILE_BYTES), Node::Link),
        }
    }
}
