//! Fetching remote contexts.

use bytes::Bytes;
use policy_engine::source::SourceOp;

use crate::memory_tree::MemoryTree;
use crate::resolve::transport::ByteLimit;
use crate::resolve::{ResolveError, Resolver};

/// Largest context behind a URL.
pub const MAX_DOWNLOAD: ByteLimit = ByteLimit { what: "a build context", bytes: 256 << 20 };

/// Fetches what contexts are made of. No policy is asked: it lies in there.
pub trait Fetch: Send + Sync + 'static {
    /// Why something could not be fetched.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The files of the commit that a `git://` source names now, of its folder if it names one.
    fn git_files(&self, source: &SourceOp) -> impl Future<Output = Result<MemoryTree, Self::Error>> + Send;

    /// What an http(s) URL delivers now.
    fn download(
        &self,
        url: &str,
        limit: ByteLimit,
    ) -> impl Future<Output = Result<Bytes, Self::Error>> + Send;
}

impl Fetch for Resolver {
    type Error = ResolveError;

    async fn git_files(&self, source: &SourceOp) -> Result<MemoryTree, ResolveError> {
        Resolver::git_files(self, source).await
    }

    async fn download(&self, url: &str, limit: ByteLimit) -> Result<Bytes, ResolveError> {
        Resolver::download(self, url, limit).await
    }
}
