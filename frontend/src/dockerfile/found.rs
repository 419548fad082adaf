//! The sources that were found, each with each platform once.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy_engine::source::{Platform, SourceOp};

use super::parse::LineRange;
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
            && !used.places.contains(&place)
        {
            used.places.push(place);
        }
        number
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut UsedSource> {
        self.sources.get_mut(number)
    }

    /// All of them in the order in which they were added, their places in that of the Dockerfile.
    pub(super) fn into_sources(self) -> Vec<UsedSource> {
        let mut sources = self.sources;
        sources.iter_mut().for_each(|used| used.places.sort());
        sources
    }

    /// Adds what another search found.
    pub(super) fn merge(&mut self, other: Vec<UsedSource>) {
        for used in other {
            let number = self.add(used.source, used.platform, None);
            let Some(known) = self.sources.get_mut(number) else { continue };
            known.digest = known.digest.take().or(used.digest);
            known.pinned = known.pinned.take().or(used.pinned);
            for place in used.places {
                if !known.places.contains(&place) {
                    known.places.push(place);
                }
            }
        }
    }
}

/// A place of the Dockerfile `file`.
pub(super) fn place(file: &Arc<str>, lines: LineRange, instruction: &str) -> Place {
    let words: Vec<_> = instruction.split_whitespace().collect();
    let instruction = crate::redact::url(&words.join(" ")).into();
    Place { file: file.clone(), line: lines.first, end_line: lines.last, instruction }
}
