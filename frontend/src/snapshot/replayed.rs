//! Git contexts whose files are taken down when they are read, or come from a snapshot.

use std::sync::Arc;

use policy_engine::source::SourceOp;

use super::key::without_credentials;
use super::{Recording, Snapshot};
use crate::memory_tree::{MemoryTree, Node, Nodes};

/// The tree, and what is read of it goes to `recording`.
pub(crate) fn recorded(tree: MemoryTree, source: &SourceOp, recording: &Arc<Recording>) -> MemoryTree {
    MemoryTree::new(Recorded { tree, source: source.clone(), recording: Arc::clone(recording) })
}

/// The context as a snapshot has it; `None` if it has none, an error is the message.
pub(crate) fn replayed(source: &SourceOp, snapshot: &Arc<Snapshot>) -> Option<Result<MemoryTree, String>> {
    let source = without_credentials(source);
    let found = snapshot.contexts.get(&source)?.as_ref();
    let tree = |_| MemoryTree::new(Replayed { source, snapshot: Arc::clone(snapshot) });
    Some(found.map(tree).map_err(Clone::clone))
}

struct Recorded {
    tree: MemoryTree,
    source: SourceOp,
    recording: Arc<Recording>,
}

impl Nodes for Recorded {
    fn node(&self, path: &[String]) -> Node {
        let node = self.tree.node(path);
        self.recording.context_file(&self.source, &path.join("/"), &node);
        node
    }
}

struct Replayed {
    source: SourceOp,
    snapshot: Arc<Snapshot>,
}

impl Nodes for Replayed {
    fn node(&self, path: &[String]) -> Node {
        let files = self.snapshot.contexts.get(&self.source).and_then(|files| files.as_ref().ok());
        let node = files.and_then(|files| files.get(&path.join("/")).cloned());
        node.unwrap_or(Node::Other(
            "the snapshot does not have it; capture it again with `--snapshot`".into(),
        ))
    }
}
