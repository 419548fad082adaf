//! What comes into a build with the results of others (`target:NAME` among the named contexts of a bake target).
//! BuildKit asks the policies of the build that uses a result about everything that it is made of.

use std::collections::HashSet;

use crate::dockerfile::{UsedSource, UsedTarget};

/// What was found of a build.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) sources: &'a [UsedSource],
    pub(super) targets: &'a [UsedTarget],
}

/// The sources that `build` has by the results of other builds, theirs included, and not by itself. They are asked
/// about as they are loaded: images by digest. Fails with the name of a target of which nothing is known.
pub(super) fn linked(build: Found<'_>, others: &[Found<'_>]) -> Result<Vec<UsedSource>, String> {
    let key = |used: &UsedSource| (used.source.clone(), used.platform.clone());
    let mut known: HashSet<_> = build.sources.iter().flat_map(|own| [key(own), key(&asked(own))]).collect();
    let mut linked = Vec::new();
    for target in build.targets {
        let mut seen = HashSet::from([target.name.as_str()]);
        let mut names = vec![target.name.as_str()];
        while let Some(name) = names.pop() {
            let other = others.iter().find(|other| other.name == Some(name)).ok_or(name)?;
            for source in other.sources {
                let source = UsedSource { places: target.places.clone(), ..asked(source) };
                if known.insert(key(&source)) {
                    linked.push(source);
                }
            }
            names.extend(
                other.targets.iter().map(|target| target.name.as_str()).filter(|name| seen.insert(name)),
            );
        }
    }
    Ok(linked)
}

/// A source as it is loaded.
fn asked(used: &UsedSource) -> UsedSource {
    let source = used.loaded().unwrap_or_else(|| used.source.clone());
    UsedSource { source, digest: None, pinned: None, ..used.clone() }
}
