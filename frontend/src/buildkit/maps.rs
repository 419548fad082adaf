//! Maps in messages that are passed on, held to one meaning.
//!
//! Decoders differ about malformed maps. prost reads an entry whatever the wire type of its key says, where
//! others skip a value of that type: then one sees fields in bytes that the other takes for an entry's. Of an
//! entry with two values, some take the last, and some merge both. Nobody writes such maps but to be
//! understood in two ways, so they are refused.

use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Where a message has maps.
pub struct Shape {
    /// Fields that are maps, and what their values have inside.
    maps: &'static [(u32, Option<&'static Shape>)],
    /// Fields that are messages with maps inside.
    messages: &'static [(u32, &'static Shape)],
}

/// `CacheOptionsEntry`, of both services.
const CACHE_ENTRY: Shape = Shape { maps: &[(2, None)], messages: &[] };
/// `CacheOptions`.
const CACHE: Shape = Shape { maps: &[(3, None)], messages: &[(4, &CACHE_ENTRY), (5, &CACHE_ENTRY)] };
/// `pb.Definition`.
const DEFINITION: Shape = Shape { maps: &[(2, None)], messages: &[] };
/// `pb.SourceOp`.
const SOURCE: Shape = Shape { maps: &[(2, None)], messages: &[] };

/// `pb.Op`, as far as it names sources.
pub const OP: Shape = Shape { maps: &[], messages: &[(3, &SOURCE)] };
/// What [`SolveView`](super::proto::SolveView) views.
pub const SOLVE: Shape = Shape {
    maps: &[(4, None), (7, None), (10, Some(&DEFINITION))],
    messages: &[(2, &DEFINITION), (8, &CACHE)],
};
/// What [`BridgeSolveView`](super::proto::BridgeSolveView) views.
pub const BRIDGE_SOLVE: Shape =
    Shape { maps: &[(3, None), (13, Some(&DEFINITION))], messages: &[(1, &DEFINITION), (12, &CACHE_ENTRY)] };

/// Why a message is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// It is no message.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// A map that isn't written as one.
    #[error("field {0} is a map, but is not written as one")]
    NoMap(u32),
    /// An entry with more than one key or value.
    #[error("field {0} is a map, and an entry of it has two keys or two values")]
    Ambiguous(u32),
}

/// Fails unless all maps that `shape` knows of mean the same to every decoder.
pub fn check(message: &[u8], shape: &Shape) -> Result<(), MapError> {
    for_each_field(message, |number, content| {
        if let Some((_, value)) = shape.maps.iter().find(|(map, _)| *map == number) {
            return check_entry(content.ok_or(MapError::NoMap(number))?, number, *value);
        }
        match (shape.messages.iter().find(|(message, _)| *message == number), content) {
            (Some((_, inner)), Some(content)) => check(content, inner),
            _ => Ok(()),
        }
    })
}

fn check_entry(entry: &[u8], map: u32, value: Option<&Shape>) -> Result<(), MapError> {
    let (mut keys, mut values) = (0, 0);
    for_each_field(entry, |number, content| {
        match number {
            1 => keys += 1,
            2 => values += 1,
            _ => {}
        }
        if keys > 1 || values > 1 {
            return Err(MapError::Ambiguous(map));
        }
        match (number, value, content) {
            (2, Some(shape), Some(content)) => check(content, shape),
            _ => Ok(()),
        }
    })
}

/// Calls `act` with each field's number, and its content when it has a length.
fn for_each_field(
    mut message: &[u8],
    mut act: impl FnMut(u32, Option<&[u8]>) -> Result<(), MapError>,
) -> Result<(), MapError> {
    while !message.is_empty() {
        let (number, wire_type) = decode_key(&mut message)?;
        if wire_type == WireType::LengthDelimited {
            let mut rest = message;
            let length = usize::try_from(decode_varint(&mut rest)?).unwrap_or(usize::MAX);
            let content = rest.get(..length);
            // What is cut off is an error that prost has a name for.
            skip_field(wire_type, number, &mut message, DecodeContext::default())?;
            act(number, content)?;
        } else {
            skip_field(wire_type, number, &mut message, DecodeContext::default())?;
            act(number, None)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost::encoding::{bytes, encode_key, encode_varint, string};

    use super::*;
    use crate::buildkit::proto::{BridgeSolveView, ReadError, SolveView, control, pb};

    fn field(number: u32, content: &[u8]) -> Vec<u8> {
        let mut field = Vec::new();
        bytes::encode(number, &content.to_vec(), &mut field);
        field
    }

    fn entry(of: &[(u32, &str)]) -> Vec<u8> {
        let mut entry = Vec::new();
        of.iter().for_each(|(number, text)| string::encode(*number, &(*text).to_owned(), &mut entry));
        entry
    }

    /// A decoder that goes by wire types sees the hidden field, prost an entry of a map.
    fn hidden(map: u32, field: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        encode_key(map, WireType::Varint, &mut message);
        encode_varint(field.len() as u64, &mut message);
        [message, field.to_vec()].concat()
    }

    #[test]
    fn nothing_hides_in_a_map() {
        let import = control::CacheOptions {
            import_refs_deprecated: vec!["example.com/cache".into()],
            ..control::CacheOptions::default()
        };
        let import = field(8, &import.encode_to_vec());
        // This is why: prost sees no cache here.
        assert_eq!(SolveView::decode(hidden(7, &import).as_slice()).unwrap().cache, None);
        for map in [4, 7, 10] {
            let error = SolveView::read(&hidden(map, &import).into()).unwrap_err();
            assert_eq!(error, ReadError::Map(MapError::NoMap(map)));
        }
        let frontend = field(2, b"dockerfile.v0");
        for map in [3, 13] {
            let error = BridgeSolveView::read(&hidden(map, &frontend).into()).unwrap_err();
            assert_eq!(error, ReadError::Map(MapError::NoMap(map)));
        }
        let deep = field(8, &field(5, &hidden(2, &field(1, b"registry"))));
        assert_eq!(check(&deep, &SOLVE), Err(MapError::NoMap(2)));
        let deep = field(13, &[entry(&[(1, "context")]), field(2, &hidden(2, &field(1, b"op")))].concat());
        assert_eq!(check(&deep, &BRIDGE_SOLVE), Err(MapError::NoMap(2)));
        let source = pb::SourceOp { identifier: "docker-image://alpine".into(), ..pb::SourceOp::default() };
        let source = [source.encode_to_vec(), hidden(2, &field(1, b"docker-image://other"))].concat();
        assert_eq!(check(&field(3, &source), &OP), Err(MapError::NoMap(2)));
    }

    #[test]
    fn entries_have_one_key_and_one_value() {
        for (of, is_one) in [
            (&[(1, "k"), (2, "v")][..], true),
            (&[(2, "v"), (1, "k")], true),
            (&[], true),
            (&[(1, "k"), (1, "k")], false),
            (&[(1, "k"), (2, "v"), (2, "v")], false),
        ] {
            let expected = if is_one { Ok(()) } else { Err(MapError::Ambiguous(7)) };
            assert_eq!(check(&field(7, &entry(of)), &SOLVE), expected, "{of:?}");
        }
        assert!(matches!(check(b"\x3a\x7fx", &SOLVE), Err(MapError::Malformed(_))));
    }
}
