//! Standard input, which can be read only once.

use std::io::{Read, stdin};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::archive;
use super::{ContextError, MAX_DOCKERFILE};
use crate::memory_tree::MemoryTree;
use crate::policy_root::read_within;
use crate::resolve::image::document::hex;

/// Standard input, or what stands for it.
pub struct Stdin {
    reader: Mutex<Option<Box<dyn Read + Send>>>,
}

/// What a context on standard input is.
pub(super) enum Content {
    /// An archive with these files, and `sha256:…` of it.
    Archive { files: MemoryTree, digest: String },
    /// A Dockerfile.
    Text(Vec<u8>),
}

impl Stdin {
    /// That of this process.
    pub fn of_process() -> Self {
        Self::new(stdin())
    }

    /// `reader` in its place.
    pub fn new(reader: impl Read + Send + 'static) -> Self {
        Self { reader: Mutex::new(Some(Box::new(reader))) }
    }

    pub(super) async fn dockerfile(&self) -> Result<Vec<u8>, ContextError> {
        self.read(read_text).await
    }

    pub(super) async fn context(&self) -> Result<Content, ContextError> {
        self.read(|mut reader| {
            let mut head = Vec::new();
            reader.by_ref().take(archive::HEAD as u64).read_to_end(&mut head).map_err(ContextError::Stdin)?;
            let all = head.as_slice().chain(reader);
            match head.as_slice() {
                [] => Err(ContextError::EmptyStdin),
                head if archive::is_archive(head) => {
                    let shown = "standard input".to_owned();
                    read_archive(head, all).map_err(|cause| ContextError::Archive { shown, cause })
                }
                _ => read_text(all).map(Content::Text),
            }
        })
        .await
    }

    /// Reads on a thread that may wait.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(Box<dyn Read + Send>) -> Result<T, ContextError> + Send + 'static,
    ) -> Result<T, ContextError> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        let reader = reader.ok_or(ContextError::StdinTwice)?;
        let read = tokio::task::spawn_blocking(move || read(reader)).await;
        read.unwrap_or_else(|error| Err(ContextError::Stdin(std::io::Error::other(error))))
    }
}

/// BuildKit's checksum is over all bytes, whatever follows the archive's end.
fn read_archive(head: &[u8], all: impl Read) -> std::io::Result<Content> {
    let mut hashed = Hashed { inner: all, hash: Sha256::new() };
    let files = archive::unpack(head, &mut hashed)?;
    let rest = std::io::copy(&mut hashed.by_ref().take(archive::MAX_ARCHIVE + 1), &mut std::io::sink())?;
    if rest > archive::MAX_ARCHIVE {
        let limit = archive::MAX_ARCHIVE;
        return Err(std::io::Error::other(format!("more than {limit} bytes follow its end")));
    }
    Ok(Content::Archive { files, digest: format!("sha256:{}", hex(&hashed.hash.finalize())) })
}

/// Hashes what is read.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

fn read_text(reader: impl Read) -> Result<Vec<u8>, ContextError> {
    let read = read_within(reader, MAX_DOCKERFILE.bytes);
    read.map_err(|cause| ContextError::Dockerfile { path: "-".to_owned(), cause })
}
