//! A folder in memory: what an archive or a commit holds. Policies may read from it, and nothing else.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;

use bytes::Bytes;
use policy_engine::policy::{FileError, PolicyRoot};

/// Symlinks on the way to one file, as Linux counts them.
const MAX_LINKS: usize = 40;
/// Longest target of a symlink in bytes, as on Linux.
const MAX_TARGET: usize = 4096;

/// What is found at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A file.
    File(Bytes),
    /// A symlink, with its target.
    Link(Bytes),
    /// A folder.
    Folder,
    /// A file whose content was not kept, as it is larger than this limit in bytes.
    TooLarge(u64),
    /// Something that can't be read, in words.
    Other(Cow<'static, str>),
    /// Nothing.
    Missing,
}

/// Where the nodes of a folder are kept.
pub trait Nodes: Send + Sync {
    /// What is at a path, given by its names; follows no symlink.
    fn node(&self, path: &[String]) -> Node;

    /// The names in a folder, in any order; `None` where nobody can tell.
    fn names(&self, _folder: &[String]) -> Option<Vec<String>> {
        None
    }
}

impl Nodes for BTreeMap<String, Node> {
    /// Paths are keys with `/` between their names; folders need no keys of their own.
    fn node(&self, path: &[String]) -> Node {
        let path = path.join("/");
        if let Some(node) = self.get(&path) {
            return node.clone();
        }
        let below = format!("{path}/");
        match self.range(below.clone()..).next() {
            Some((first, _)) if first.starts_with(&below) => Node::Folder,
            _ => Node::Missing,
        }
    }
}

/// A folder in memory. Symlinks are followed inside of it only. Cheap to clone.
#[derive(Clone)]
pub struct MemoryTree {
    nodes: Arc<dyn Nodes>,
}

impl std::fmt::Debug for MemoryTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryTree")
    }
}

impl MemoryTree {
    /// The folder with these nodes.
    pub fn new(nodes: impl Nodes + 'static) -> Self {
        Self { nodes: Arc::new(nodes) }
    }

    /// A folder without anything in it.
    pub fn empty() -> Self {
        Self::new(BTreeMap::new())
    }

    /// What is at a path, given by its names; follows no symlink.
    pub(crate) fn node(&self, path: &[String]) -> Node {
        self.nodes.node(path)
    }

    /// The names in a folder, in any order; `None` where nobody can tell.
    pub(crate) fn names(&self, folder: &[String]) -> Option<Vec<String>> {
        self.nodes.names(folder)
    }

    fn find(&self, path: &str) -> Result<Bytes, FileError> {
        let mut ahead: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut at: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => match at.pop() {
                    Some(_) => continue,
                    None => return Err(FileError::Escapes),
                },
                _ => at.push(name),
            }
            match self.nodes.node(&at) {
                Node::Folder => {}
                Node::File(content) if ahead.iter().all(String::is_empty) => return Ok(content),
                Node::File(_) | Node::Missing => return Err(FileError::NotFound),
                Node::TooLarge(limit) => return Err(FileError::TooLarge(limit)),
                Node::Other(what) => return Err(FileError::Other(what.into_owned())),
                Node::Link(target) => {
                    links += 1;
                    at.pop();
                    ahead.extend(names(&target, links)?);
                }
            }
        }
        Err(FileError::Other("a folder, not a file".to_owned()))
    }
}

/// The names of a symlink's target, the last one first.
fn names(target: &[u8], links: usize) -> Result<Vec<String>, FileError> {
    let refused = |why: String| Err(FileError::Other(why));
    if links > MAX_LINKS {
        return refused(format!("more than {MAX_LINKS} symlinks lead to it"));
    }
    match std::str::from_utf8(target) {
        Ok(target) if target.starts_with('/') => Err(FileError::Escapes),
        Ok(target) if target.len() <= MAX_TARGET => Ok(target.rsplit('/').map(str::to_owned).collect()),
        Ok(_) => refused(format!("the target of a symlink is longer than {MAX_TARGET} bytes")),
        Err(_) => refused("the target of a symlink is not UTF-8".to_owned()),
    }
}

impl Nodes for MemoryTree {
    fn node(&self, path: &[String]) -> Node {
        self.nodes.node(path)
    }

    fn names(&self, folder: &[String]) -> Option<Vec<String>> {
        self.nodes.names(folder)
    }
}

impl PolicyRoot for MemoryTree {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if !Path::new(path).components().all(inside) {
            return Err(FileError::Escapes);
        }
        let content = self.find(path)?;
        if content.len() as u64 > limit {
            return Err(FileError::TooLarge(limit));
        }
        Ok(content.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(nodes: &[(&str, Node)]) -> MemoryTree {
        MemoryTree::new(
            nodes.iter().map(|(path, node)| ((*path).to_owned(), node.clone())).collect::<BTreeMap<_, _>>(),
        )
    }

    fn file(content: &'static str) -> Node {
        Node::File(Bytes::from_static(content.as_bytes()))
    }

    fn link(target: &'static str) -> Node {
        Node::Link(Bytes::from_static(target.as_bytes()))
    }

    #[test]
    fn reads_inside() {
        let tree = tree(&[
            ("a/b/file", file("x")),
            ("a/to-file", link("b/../b/file")),
            ("to-folder", link("./a")),
            ("chain", link("to-folder/to-file")),
        ]);
        for path in ["a/b/file", "./a/b/file", "a/to-file", "to-folder/b/file", "chain"] {
            assert_eq!(tree.read(path, 1), Ok(b"x".to_vec()), "{path}");
        }
        assert_eq!(tree.read("chain", 0), Err(FileError::TooLarge(0)));
        for path in ["a/c", "a/b/file/x", "nope"] {
            assert_eq!(tree.read(path, 1), Err(FileError::NotFound), "{path}");
        }
        assert_eq!(tree.read("a", 1), Err(FileError::Other("a folder, not a file".into())));
        assert_eq!(tree.read("", 1), Err(FileError::Other("a folder, not a file".into())));
    }

    #[test]
    fn nothing_leads_out() {
        let tree = tree(&[("up", link("../up")), ("absolute", link("/etc/passwd")), ("file", file(""))]);
        for path in ["up", "absolute", "../file", "a/../file", "/file"] {
            assert_eq!(tree.read(path, 1), Err(FileError::Escapes), "{path}");
        }
    }

    #[test]
    fn loops_end() {
        let tree = tree(&[("a", link("b")), ("b", link("a"))]);
        assert!(matches!(tree.read("a", 1), Err(FileError::Other(why)) if why.contains("40 symlinks")));
    }

    #[test]
    fn what_was_not_kept_is_an_error() {
        let tree = tree(&[("big", Node::TooLarge(4)), ("module", Node::Other("a submodule".into()))]);
        assert_eq!(tree.read("big", 9), Err(FileError::TooLarge(4)));
        assert_eq!(tree.read("module/file", 9), Err(FileError::Other("a submodule".into())));
    }
}
