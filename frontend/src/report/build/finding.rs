//! What is wrong with a source, or with a build, in one sentence: for formats that have room for no more.

use super::{Build, BuildReport, CheckedSource, Place, Problem};
use crate::report::Conclusion;
use crate::report::human::NOT_VERIFIED;

/// Something that keeps a build from its sources.
pub(super) struct Finding<'a> {
    pub(super) build: &'a Build,
    /// The source; `None` where the build's sources could not be told.
    pub(super) source: Option<&'a CheckedSource>,
    /// What kind of finding it is: `denied/Dockerfile.rego`, `undecided/unresolvable-source`. What comes after the
    /// slash is the policy file that decided, or the code of the error.
    pub(super) rule: String,
}

impl BuildReport {
    /// What is wrong, build by build in the order of the Dockerfile.
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding<'_>> {
        self.builds.iter().flat_map(|build| {
            let error = build.error.iter().map(move |error| Finding {
                build,
                source: None,
                rule: format!("undecided/{}", error.code),
            });
            let bad = build.sources.iter().filter(|source| source.verdict != Conclusion::Allowed);
            error.chain(bad.map(move |source| Finding { build, source: Some(source), rule: source.rule() }))
        })
    }
}

impl CheckedSource {
    fn rule(&self) -> String {
        let word = self.verdict.word();
        let after = match (&self.error, &self.position) {
            (Some(error), _) => Some(error.code.as_str()),
            (None, Some(position)) => Some(position.file.as_str()),
            (None, None) => None,
        };
        after.map_or_else(|| word.to_owned(), |after| format!("{word}/{after}"))
    }

    /// The source, and for which platform.
    pub(super) fn title(&self) -> String {
        match &self.platform {
            Some(platform) => format!("{} ({platform})", self.source),
            None => self.source.clone(),
        }
    }
}

impl<'a> Finding<'a> {
    /// `policy denies docker-image://…`.
    pub(super) fn title(&self) -> String {
        match self.source {
            None => format!("the sources of {} are unknown", self.build.title()),
            Some(source) if source.verdict == Conclusion::Denied => {
                format!("policy denies {}", source.title())
            }
            Some(source) => format!("no decision about {}", source.title()),
        }
    }

    /// Where it is in the Dockerfile.
    pub(super) fn places(&self) -> &'a [Place] {
        match (self.source, &self.build.error) {
            (Some(source), _) => &source.places,
            (None, Some(error)) => error.place.as_slice(),
            (None, None) => &[],
        }
    }

    /// Why: the messages of the policy, signatures that don't count, or the error and what to do about it.
    pub(super) fn reasons(&self) -> Vec<String> {
        let of = |error: &Problem| {
            let help = error.help.iter().map(|help| format!("help: {help}"));
            std::iter::once(error.message.clone()).chain(help).collect::<Vec<_>>()
        };
        let error = self.source.map_or(&self.build.error, |source| &source.error);
        let messages = self.source.map(|source| source.messages.as_slice()).unwrap_or_default();
        let unverified = self.source.map(|source| source.verification.as_slice()).unwrap_or_default();
        let unverified = unverified.iter().map(|failure| format!("{NOT_VERIFIED} {failure}"));
        messages.iter().cloned().chain(unverified).chain(error.iter().flat_map(of)).collect()
    }
}
