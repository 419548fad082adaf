//! The sources that were found, each with each platform once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy_engine::source::{Platform, SourceOp};

use super::parse::LineRange;
use super::used::Built;
use super::{Place, UsedSource};

/// The sources of a build, while they are searched for.
#[derive(Debug, Default)]
pub(super) struct Found {
    sources: Vec<UsedSource>,
    index: BTreeMap<(SourceOp, Option<Platform>), usize>,
}

impl Found {
    /// Adds a source, or only the place where it is known already. Gives its number.
    pub(super) fn add(
        &mut self,
        source: SourceOp,
        platform: Option<Platform>,
        place: Option<Place>,
    ) -> usize {
        let sources = &mut self.sources;
        let number = *self.index.entry((source, platform)).or_insert_with_key(|(source, platform)| {
            let (source, platform) = (source.clone(), platform.clone());
            sources.push(UsedSource { source, platform, digest: None, pinned: None, places: Vec::new() });
            sources.len() - 1
        });
        if let (Some(place), Some(used)) = (place, sources.get_mut(number))
            && used.places.last() != Some(&place)
        {
            used.places.push(place);
        }
        number
    }

    /// Adds what the result of another target of bake is made of. Gives the numbers.
    pub(super) fn add_built(&mut self, built: &Built, place: Option<&Place>) -> Vec<usize> {
        let sources = built.sources.iter();
        sources.map(|(source, platform)| self.add(source.clone(), platform.clone(), place.cloned())).collect()
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut UsedSource> {
        self.sources.get_mut(number)
    }

    /// Some of them, as BuildKit asks about them when they are loaded.
    pub(super) fn loaded(&self, numbers: &BTreeSet<usize>) -> Vec<(SourceOp, Option<Platform>)> {
        let sources = numbers.iter().filter_map(|number| self.sources.get(*number));
        sources
            .map(|used| (used.loaded().unwrap_or_else(|| used.source.clone()), used.platform.clone()))
            .collect()
    }

    /// All of them in the order in which they were added, their places in that of the Dockerfile.
    pub(super) fn into_sources(self) -> Vec<UsedSource> {
        let mut sources = self.sources;
        for used in &mut sources {
            used.places.sort();
            used.places.dedup();
        }
        sources
    }

    /// Adds what another search found.
    pub(super) fn merge(&mut self, other: Vec<UsedSource>) {
        for used in other {
            let number = self.add(used.source, used.platform, None);
            let Some(known) = self.sources.get_mut(number) else { continue };
            known.digest = known.digest.take().or(used.digest);
            known.pinned = known.pinned.take().or(used.pinned);
            known.places.extend(used.places);
        }
    }
}

/// A place of the Dockerfile `file`.
pub(super) fn place(file: &Arc<str>, lines: LineRange, instruction: &Arc<str>) -> Place {
    let (file, instruction) = (file.clone(), instruction.clone());
    Place { file, line: lines.first, end_line: lines.last, instruction }
}
