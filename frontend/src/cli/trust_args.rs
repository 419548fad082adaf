//! `--trust-root`.

use std::path::PathBuf;

use super::error::Error;
use crate::resolve::transport::TransportOptions;
use crate::trust::file::RootFile;
use crate::trust::{TrustOptions, mirrors_of_environment};

/// Whom signatures are trusted to, beside Sigstore's public good instance and GitHub's.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Trust")]
pub(super) struct TrustArgs {
    /// Trust signatures under this `trusted_root.json`, too [default name: that of the file]
    #[arg(long, value_name = "[NAME=]FILE")]
    trust_root: Vec<RootFile>,
}

impl TrustArgs {
    /// Where trust roots come from: kept in `cache`, and fetched over `network` where one is stale.
    pub(super) fn options(
        &self,
        cache: Option<PathBuf>,
        network: Option<TransportOptions>,
    ) -> Result<TrustOptions, Error> {
        let mirrors = mirrors_of_environment()?;
        Ok(TrustOptions { files: self.trust_root.clone(), cache, network, mirrors })
    }
}
