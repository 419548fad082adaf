//! `policy-check cache`: what is kept from one run to the next.

use super::Exit;
use super::cache_args::CachePlace;
use super::error::Error;
use super::output::Output;
use crate::cache::{Cache, Usage, show_size};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Print where it is and how much is in it
    Info(CachePlace),
    /// Remove what was not used for longest, until it is no bigger than `--cache-size`
    Prune(CachePlace),
    /// Remove everything
    Clear(CachePlace),
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let (Verb::Info(place) | Verb::Prune(place) | Verb::Clear(place)) = &args.verb;
    let cache = place.cache().ok_or(Error::NoCacheFolder)?;
    let failed = |cause| Error::Cache { path: cache.dir().to_owned(), cause };
    match &args.verb {
        Verb::Info(_) => {
            let usage = cache.usage().map_err(failed)?;
            let path = cache.dir().display();
            let limit = show_size(place.limit());
            output.data(&format!(
                "folder   {path}\nentries  {}\nsize     {} of {limit}\n",
                usage.entries,
                show_size(usage.bytes)
            ))?;
        }
        Verb::Prune(_) => removed(cache.prune(place.limit()).map_err(failed)?, &cache, output)?,
        Verb::Clear(_) => removed(cache.clear().map_err(failed)?, &cache, output)?,
    }
    Ok(Exit::Allowed)
}

fn removed(usage: Usage, cache: &Cache, output: &Output) -> Result<(), Error> {
    let Usage { entries, bytes } = usage;
    let noun = if entries == 1 { "entry" } else { "entries" };
    let path = cache.dir().display();
    Ok(output.data(&format!("removed {entries} {noun}, {}, from {path}\n", show_size(bytes)))?)
}
