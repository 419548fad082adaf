//! Archives as contexts: which bytes BuildKit takes for one, and what is in it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Read, Result};
use std::path::Component;

use bytes::Bytes;
use tar::{Archive, Entry, EntryType};

use crate::memory_tree::{MemoryTree, Node};

/// Bytes at the beginning that tell an archive.
pub(super) const HEAD: usize = BLOCK;
/// Largest file that is kept: no policy file, and no data of one, may be larger.
const MAX_FILE: u64 = 4 << 20;
/// Most that is kept of all files and their names, in bytes. What comes later is known by name only.
const MAX_KEPT: u64 = 256 << 20;
/// Longest archive, decompressed.
pub(super) const MAX_ARCHIVE: u64 = 10 << 30;
/// Files, folders and links of one archive.
const MAX_ENTRIES: usize = 1_000_000;
/// Length of a header (POSIX `pax`, "ustar Interchange Format").
const BLOCK: usize = 512;
/// Where a header's checksum stands.
const CHECKSUM: std::ops::Range<usize> = 148..156;

const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];
const BZIP2: &[u8] = b"BZh";
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];

/// Whether BuildKit takes what begins with `head` for an archive, and not for a Dockerfile: it is compressed with
/// gzip, bzip2 or xz, or it is a tar archive.
pub(super) fn is_archive(head: &[u8]) -> bool {
    [GZIP, BZIP2, XZ].iter().any(|magic| head.starts_with(magic)) || is_tar(head)
}

/// The checksum adds up the header's bytes, its own counted as blanks. Some old writers took them for signed.
fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.get(..BLOCK) else { return false };
    let stated = header.get(CHECKSUM).and_then(|digits| std::str::from_utf8(digits).ok());
    let stated = stated.map(|digits| digits.trim_matches(['\0', ' ']));
    let Some(stated) = stated.and_then(|digits| i64::from_str_radix(digits, 8).ok()) else { return false };
    let counted = |at: usize, byte: u8| if CHECKSUM.contains(&at) { b' ' } else { byte };
    let bytes = || header.iter().enumerate().map(|(at, byte)| counted(at, *byte));
    let unsigned: i64 = bytes().map(i64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    stated == unsigned || stated == signed
}

/// What an archive holds; `head` is its beginning, which is read from `archive` again.
pub(super) fn unpack<'a>(head: &[u8], archive: impl Read + 'a) -> Result<MemoryTree> {
    let plain: Box<dyn Read + 'a> = if head.starts_with(GZIP) {
        Box::new(flate2::read::MultiGzDecoder::new(archive))
    } else if head.starts_with(BZIP2) {
        Box::new(bzip2::read::MultiBzDecoder::new(archive))
    } else if head.starts_with(XZ) {
        Box::new(lzma_rust2::XzReader::new(archive, true))
    } else {
        Box::new(archive)
    };
    untar(Limited { inner: plain, left: MAX_ARCHIVE })
}

fn untar(archive: impl Read) -> Result<MemoryTree> {
    let mut nodes = BTreeMap::new();
    let mut left = MAX_KEPT;
    for (count, entry) in Archive::new(archive).entries()?.enumerate() {
        if count >= MAX_ENTRIES {
            return Err(std::io::Error::other(format!("it has more than {MAX_ENTRIES} entries")));
        }
        let mut entry = entry?;
        // Nobody could ask for a name that isn't UTF-8.
        let Some(path) = path(&entry)? else { continue };
        let node = node(&mut entry, &nodes, left)?;
        let kept = match &node {
            Node::File(content) | Node::Link(content) => content.len() as u64,
            _ => 0,
        };
        left = left.saturating_sub(kept.saturating_add(path.len() as u64));
        nodes.insert(path, node);
    }
    Ok(MemoryTree::new(nodes))
}

/// The entry's path, relative and clean. `None` for the root, and for a name that is not UTF-8.
fn path(entry: &Entry<'_, impl Read>) -> Result<Option<String>> {
    let mut names = Vec::new();
    for part in entry.path()?.components() {
        match part {
            Component::Normal(name) => match name.to_str() {
                Some(name) => names.push(name.to_owned()),
                None => return Ok(None),
            },
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                return Err(std::io::Error::other(format!("the entry {path:?} leads out of it")));
            }
        }
    }
    Ok((!names.is_empty()).then(|| names.join("/")))
}

fn node(entry: &mut Entry<'_, impl Read>, nodes: &BTreeMap<String, Node>, left: u64) -> Result<Node> {
    let target = entry.link_name_bytes().map(Cow::into_owned);
    Ok(match (entry.header().entry_type(), target) {
        (EntryType::Directory, _) => Node::Folder,
        (EntryType::Symlink, Some(target)) => Node::Link(target.into()),
        // A hard link names an entry that came before.
        (EntryType::Link, Some(target)) => {
            let target = String::from_utf8_lossy(&target).into_owned();
            let target = target.trim_start_matches("./").trim_start_matches('/');
            nodes.get(target).cloned().unwrap_or(Node::Missing)
        }
        (EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse, _) => match entry.size() {
            size if size > MAX_FILE => Node::TooLarge(MAX_FILE),
            size if size > left => Node::Other(
                "it was not kept: the archive's files exceed the limit of 256 MiB before it".into(),
            ),
            _ => {
                let mut content = Vec::new();
                entry.take(MAX_FILE).read_to_end(&mut content)?;
                Node::File(Bytes::from(content))
            }
        },
        _ => Node::Other("not a regular file".into()),
    })
}

/// A reader that fails at a limit.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            std::io::Error::other(format!("it is longer than {MAX_ARCHIVE} bytes, decompressed"))
        })?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
