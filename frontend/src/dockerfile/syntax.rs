//! The frontend's image: the program that reads the Dockerfile, where it isn't BuildKit's own.

use policy_engine::source::SourceOp;
use policy_engine::source::reference::Reference;

use super::Build;
use super::named::{Named, NamedContexts};
use super::parse::{LineRange, detect_syntax};

/// The repositories of Docker's own frontends, which read Dockerfiles as it is done here.
const KNOWN: [&str; 2] = ["docker/dockerfile", "docker/dockerfile-upstream"];

/// A frontend that a build asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frontend {
    /// As it is written.
    pub image: String,
    /// What it is loaded as.
    pub loaded: Named,
    /// Whether a named context stands in for it.
    pub is_replaced: bool,
    /// The directive; `None` for the build argument.
    pub lines: Option<LineRange>,
}

impl Frontend {
    /// The frontend that `build` asks for: with the build argument `BUILDKIT_SYNTAX`, else in its Dockerfile.
    pub(super) fn of(build: &Build<'_>) -> Result<Option<Self>, (LineRange, String)> {
        let (image, lines) = match build.options.build_arg("BUILDKIT_SYNTAX") {
            Some(argument) => match argument.trim().split(' ').next() {
                Some("") | None => {
                    let message = "the build argument BUILDKIT_SYNTAX is empty".to_owned();
                    return Err((LineRange::default(), message));
                }
                Some(image) => (image.to_owned(), None),
            },
            None => match detect_syntax(build.dockerfile) {
                Some(syntax) => (syntax.image, Some(syntax.lines)),
                None => return Ok(None),
            },
        };
        let at = lines.unwrap_or_default();
        let contexts = NamedContexts(&build.options.build_contexts);
        let named = contexts.find(&image, build.build_platform).map_err(|message| (at, message))?;
        let is_replaced = named.is_some();
        let loaded = match named {
            Some(named) => named,
            None => {
                let reference = Reference::parse(&image)
                    .map_err(|error| (at, format!("the frontend {image:?} is no image: {error}")))?;
                Named::Image(SourceOp::new(format!("docker-image://{}", reference.or_latest())))
            }
        };
        Ok(Some(Self { image, loaded, is_replaced, lines }))
    }

    /// Its image, where it is one that is looked up.
    pub(super) fn looked_up(&self) -> Option<&SourceOp> {
        match &self.loaded {
            Named::Image(source) | Named::Layout { source, .. } => Some(source),
            Named::Nothing | Named::Target(_) | Named::Remote(_) | Named::Local(_) => None,
        }
    }

    /// Whether it is one of Docker's own, as far as its name says.
    pub(super) fn is_known(&self) -> bool {
        !self.is_replaced
            && Reference::parse(&self.image)
                .is_ok_and(|image| KNOWN.contains(&image.familiar_name().as_str()))
    }
}
