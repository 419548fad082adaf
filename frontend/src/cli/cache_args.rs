//! `--cache-dir`, `--cache-size`, `--no-cache`.

use std::path::PathBuf;
use std::sync::Arc;

use super::output::Output;
use crate::cache::{Cache, DEFAULT_SIZE, default_dir, parse_size};

/// What is kept from one run to the next.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Cache")]
pub(super) struct CacheArgs {
    #[command(flatten)]
    place: CachePlace,
    /// Keep nothing, and use nothing that was kept
    // buildx has a flag of this name for its own cache, which takes `=false`.
    #[arg(
        long,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "BOOL"
    )]
    no_cache: bool,
}

/// Where it is kept, and how much of it.
#[derive(Debug, clap::Args)]
pub(super) struct CachePlace {
    /// Folder to keep manifests and attestations in [default: `policy-check` in the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// How much to keep, such as 1GiB [default: 512MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    cache_size: Option<u64>,
}

impl CachePlace {
    /// The cache; `None` where there is no folder for it.
    pub(super) fn cache(&self) -> Option<Cache> {
        let dir = self.cache_dir.clone().or_else(default_dir)?;
        Some(Cache::new(&dir, self.limit()))
    }

    /// Bytes.
    pub(super) fn limit(&self) -> u64 {
        self.cache_size.unwrap_or(DEFAULT_SIZE)
    }
}

impl CacheArgs {
    /// The cache, unless none is wanted.
    pub(super) fn cache(&self) -> Option<Arc<Cache>> {
        if self.no_cache { None } else { self.place.cache().map(Arc::new) }
    }
}

/// Says what went wrong with the cache: no reason for a command to fail.
pub(super) fn warn(cache: Option<&Arc<Cache>>, output: &Output) {
    if let Some(problem) = cache.and_then(|cache| cache.problem()) {
        output.warning(&format!("{problem}; `--no-cache` does without"));
    }
}
