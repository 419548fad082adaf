//! Definitions of builds (LLB): a graph of operations, each named by the digest of its encoding.

use std::collections::BTreeMap;

use policy_engine::source::SourceOp;
use prost::Message;
use sha2::{Digest, Sha256};

use super::maps::{self, MapError};
use super::proto::pb;

/// What is wrong with a definition that a client sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// Not a message, or an operation in it isn't one.
    #[error("it is malformed: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// The daemon could understand an operation differently.
    #[error("it is malformed: {0}")]
    Map(#[from] MapError),
    /// An operation that is a build of its own or that this version doesn't know: what it loads can't be told.
    #[error("it has an operation of a kind whose sources cannot be told")]
    UnknownOp,
}

/// The definition that consists of `source` alone.
pub fn source(source: &SourceOp) -> pb::Definition {
    Graph::default().finish(&source_op(source))
}

/// The definition of a file system that holds what `file` of `source` unpacks to, or the file itself when
/// it is no archive.
pub fn unpacked(source: &SourceOp, file: &str) -> pb::Definition {
    let mut graph = Graph::default();
    let input = graph.add(&source_op(source));
    let copy = pb::FileActionCopy {
        src: format!("/{file}"),
        dest: "/".into(),
        mode: -1,
        attempt_unpack_docker_compatibility: true,
        timestamp: -1,
        ..pb::FileActionCopy::default()
    };
    let action = pb::FileAction {
        // Copied onto nothing: the first and only input is what is copied from.
        input: -1,
        secondary_input: 0,
        output: 0,
        action: Some(pb::file_action::Action::Copy(copy)),
    };
    graph.finish(&pb::Op {
        inputs: vec![input],
        op: Some(pb::op::Op::File(pb::FileOp { actions: vec![action] })),
        ..pb::Op::default()
    })
}

/// Every source that solving `definition` may load.
pub fn sources(definition: &pb::Definition) -> Result<Vec<SourceOp>, DefinitionError> {
    let mut found = Vec::new();
    for encoded in &definition.def {
        let op = pb::Op::decode(encoded.as_slice())?;
        maps::check(encoded, &maps::OP)?;
        match op.op {
            Some(pb::op::Op::Source(source)) => {
                found.push(SourceOp { identifier: source.identifier, attrs: source.attrs });
            }
            Some(pb::op::Op::Exec(_) | pb::op::Op::File(_) | pb::op::Op::Merge(_) | pb::op::Op::Diff(_)) => {}
            // The last operation of a definition only names its result.
            None if is_terminal(encoded, &op) => {}
            Some(pb::op::Op::Build(_)) | None => return Err(DefinitionError::UnknownOp),
        }
    }
    Ok(found)
}

/// Whether the operations (`pb.Op`, encoded) only load sources and arrange files: none runs a command, or does
/// what this version doesn't know.
pub fn only_files<'a>(ops: impl IntoIterator<Item = &'a [u8]>) -> bool {
    use pb::op::Op::{Diff, File, Merge, Source};
    ops.into_iter().all(|encoded| {
        pb::Op::decode(encoded).is_ok_and(|op| match &op.op {
            Some(Source(_) | File(_) | Merge(_) | Diff(_)) => true,
            Some(_) => false,
            None => is_terminal(encoded, &op),
        })
    })
}

/// Whether the operation is nothing but a reference to another one. Fields that this version doesn't know
/// would be lost in encoding it again.
fn is_terminal(encoded: &[u8], op: &pb::Op) -> bool {
    let reference = pb::Op { inputs: op.inputs.clone(), ..pb::Op::default() };
    op.inputs.len() == 1 && reference == *op && reference.encoded_len() == encoded.len()
}

fn source_op(source: &SourceOp) -> pb::Op {
    let SourceOp { identifier, attrs } = source.clone();
    pb::Op { op: Some(pb::op::Op::Source(pb::SourceOp { identifier, attrs })), ..pb::Op::default() }
}

/// Operations, encoded in the order in which they were added.
#[derive(Default)]
struct Graph {
    encoded: Vec<Vec<u8>>,
}

impl Graph {
    /// Adds an operation; what refers to its first output.
    fn add(&mut self, op: &pb::Op) -> pb::Input {
        let encoded = op.encode_to_vec();
        let digest = Sha256::digest(&encoded)
            .iter()
            .fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        self.encoded.push(encoded);
        pb::Input { digest, index: 0 }
    }

    /// Adds the last operation and the reference to it.
    fn finish(mut self, last: &pb::Op) -> pb::Definition {
        let result = self.add(last);
        self.add(&pb::Op { inputs: vec![result], ..pb::Op::default() });
        pb::Definition { def: self.encoded, metadata: BTreeMap::new(), source: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(encoded: &[u8]) -> String {
        Graph::default().add(&pb::Op::decode(encoded).unwrap()).digest
    }

    #[test]
    fn operations_refer_to_each_other_by_digest() {
        let http = SourceOp::new("https://example.com/context.tar");
        let definition = unpacked(&http, "context");
        let [source, file, last] = definition.def.as_slice() else { panic!("three operations") };
        assert_eq!(pb::Op::decode(file.as_slice()).unwrap().inputs[0].digest, digest_of(source));
        assert_eq!(pb::Op::decode(last.as_slice()).unwrap().inputs[0].digest, digest_of(file));
        assert_eq!(sources(&definition).unwrap(), [http]);
    }

    #[test]
    fn a_definition_whose_sources_cannot_be_told_is_refused() {
        let build = pb::Op { op: Some(pb::op::Op::Build(pb::BuildOp::default())), ..pb::Op::default() };
        let nested = Graph::default().finish(&build);
        assert_eq!(sources(&nested), Err(DefinitionError::UnknownOp));

        let mut malformed = source(&SourceOp::new("local://context"));
        malformed.def.push(vec![0xff]);
        assert!(matches!(sources(&malformed), Err(DefinitionError::Malformed(_))));

        // Field 8 is an operation that this version doesn't know.
        let mut unknown = source(&SourceOp::new("local://context"));
        if let Some(last) = unknown.def.last_mut() {
            last.extend([0x42, 0x00]);
        }
        assert_eq!(sources(&unknown), Err(DefinitionError::UnknownOp));
    }
}
