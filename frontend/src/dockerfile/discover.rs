//! From a build to its sources.

use std::sync::Arc;

use futures_util::future::{join3, try_join_all};
use policy_engine::source::{Platform, SourceOp};

use super::attestations::sbom_generator;
use super::build::{STDIN_ARCHIVE, is_http_url};
use super::found::{Found, place};
use super::instructions::Stages;
use super::named::{Named, layout};
use super::parse::{Dockerfile, LineRange, ParseError};
use super::stages::Conversion;
use super::syntax::Frontend;
use super::{
    Build, DockerfileError, DockerfileOrigin, Images, MainContext, Place, ResolvedImage, UsedSource,
    remote_context,
};

/// How many platforms a build may have.
const MAX_PLATFORMS: usize = 64;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovered {
    /// Every source that BuildKit would ask policy about, each with each platform once: first what the Dockerfile
    /// is read from and the context, then the frontend's image, then the others as they stand in the Dockerfile,
    /// and last the image that makes the SBOM.
    pub sources: Vec<UsedSource>,
    /// The targets of bake whose results the build is made of. BuildKit asks this build's policies about everything
    /// that they load, too.
    pub targets: Vec<UsedTarget>,
    /// What may make the build use other sources.
    pub warnings: Vec<Warning>,
}

/// A target of bake whose result another build uses (`target:NAME` in its named contexts).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedTarget {
    /// Its name.
    pub name: String,
    /// Where it is used.
    pub places: Vec<Place>,
}

/// Something of a build that can't be known without building.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands, unless on the command line.
    pub place: Option<Place>,
    /// What it is.
    pub message: String,
}

/// Finds the sources of a build. Images are resolved as far as the search needs their configs, many at once;
/// those that can't be resolved are among the sources all the same. Fails where BuildKit would refuse the Dockerfile
/// or the options.
pub async fn discover<I: Images>(build: &Build<'_>, images: &I) -> Result<Discovered, DockerfileError> {
    let file: Arc<str> = build.name.into();
    let search = Search { build, file: &file };
    search.run(images).await.map_err(|error| DockerfileError {
        file: build.name.to_owned(),
        line: error.lines.first,
        end_line: error.lines.last,
        message: crate::redact::url(&error.message),
    })
}

struct Search<'a> {
    build: &'a Build<'a>,
    file: &'a Arc<str>,
}

impl Search<'_> {
    async fn run<I: Images>(&self, images: &I) -> Result<Discovered, ParseError> {
        let build = self.build;
        let whole = |message: String| ParseError { lines: LineRange::default(), message };
        let mut warnings = Vec::new();
        let frontend = Frontend::of(build).map_err(|(lines, message)| ParseError { lines, message })?;
        let scanner = sbom_generator(build.options).map_err(whole)?;
        let dockerfile = Dockerfile::parse(build.dockerfile)?;
        let stages = Stages::read(&dockerfile)?;

        let platforms = self.platforms().map_err(whole)?;
        let searches = platforms.iter().map(|platform| async {
            let conversion = Conversion::new(build, self.file, platform, dockerfile.escape, &stages)?;
            conversion.run(&stages, images, scanner.is_some()).await
        });
        let frontend_place = frontend.as_ref().and_then(|frontend| Some(self.place(frontend.lines?)));
        let (searched, frontend_image, scanner_image) = join3(
            try_join_all(searches),
            self.resolve(frontend.as_ref().and_then(Frontend::looked_up), frontend_place.as_slice(), images),
            self.resolve(scanner.as_ref(), &[], images),
        )
        .await;
        let mut in_dockerfile = Found::default();
        let mut uses_context = false;
        for (found, context) in searched? {
            in_dockerfile.merge(found.into_sources());
            uses_context |= context;
        }

        let mut found = Found::default();
        self.add_context(&mut found, uses_context).map_err(whole)?;
        if let Some(frontend) = frontend {
            self.add_frontend(&mut found, &frontend, frontend_place.clone(), frontend_image);
            if !frontend.is_known() {
                let message = format!(
                    "the frontend `{}` reads the Dockerfile, and may load other sources than docker/dockerfile",
                    crate::redact::url(&frontend.image)
                );
                warnings.push(Warning { place: frontend_place, message });
            }
        }
        let mut in_dockerfile = in_dockerfile.into_sources();
        in_dockerfile.sort_by(|a, b| a.places.first().cmp(&b.places.first()));
        found.merge(in_dockerfile);
        if let Some(scanner) = scanner {
            let number = found.add(scanner.clone(), Some(build.build_platform.clone()), None);
            let pinned = scanner_image.map(|image| image.source).filter(|source| *source != scanner);
            if let Some(used) = found.get_mut(number) {
                used.pinned = used.pinned.take().or(pinned);
            }
        }
        let (sources, targets) = found.split();
        Ok(Discovered { sources, targets, warnings })
    }

    /// The target platforms, each once.
    fn platforms(&self) -> Result<Vec<Platform>, String> {
        let mut platforms = self.build.options.platforms.clone();
        if platforms.is_empty() {
            platforms.push(self.build.build_platform.clone());
        }
        let mut seen = std::collections::BTreeSet::new();
        platforms.retain(|platform| seen.insert(platform.clone()));
        if platforms.len() > MAX_PLATFORMS {
            return Err(format!("the build has more than {MAX_PLATFORMS} platforms, which is the limit"));
        }
        Ok(platforms)
    }

    /// What the Dockerfile is read from, and the main context where it is loaded.
    fn add_context(&self, found: &mut Found, is_used: bool) -> Result<(), String> {
        let build = self.build;
        if build.origin == DockerfileOrigin::Client {
            found.add(SourceOp::new("local://dockerfile"), None, None);
        }
        let holds_dockerfile = build.origin == DockerfileOrigin::Context;
        match build.context {
            MainContext::Local if is_used || holds_dockerfile || !build.own_dockerignore => {
                found.add(SourceOp::new("local://context"), None, None);
            }
            MainContext::Local => {}
            MainContext::StdinArchive => {
                found.add(super::named::http(STDIN_ARCHIVE, "context"), None, None);
            }
            MainContext::Remote => {
                let source = remote_context(build.options).map_err(|error| error.to_string())?;
                let source = source.ok_or("the context is no URL")?;
                // A file is looked into to see whether it is an archive.
                if is_used || holds_dockerfile || is_http_url(&source.identifier) {
                    found.add(source, None, None);
                }
            }
        }
        Ok(())
    }

    /// An image that is loaded for the builder's platform, if there is one.
    async fn resolve<I: Images>(
        &self,
        source: Option<&SourceOp>,
        places: &[Place],
        images: &I,
    ) -> Option<ResolvedImage> {
        images.resolve(source?, self.build.build_platform, places).await
    }

    fn add_frontend(
        &self,
        found: &mut Found,
        frontend: &Frontend,
        place: Option<Place>,
        image: Option<ResolvedImage>,
    ) {
        let platform = self.build.build_platform;
        let source = match &frontend.loaded {
            Named::Nothing => return,
            Named::Target(name) => {
                if let Some(place) = place {
                    found.add_target(name, place);
                }
                return;
            }
            Named::Remote(source) | Named::Local(source) => {
                found.add(source.clone(), None, place);
                return;
            }
            Named::Image(source) | Named::Layout { source, .. } => source,
        };
        let shown = match &frontend.loaded {
            Named::Layout { source, name } => {
                layout(source.clone(), name.clone(), image.as_ref().map(|image| &*image.digest))
            }
            _ => source.clone(),
        };
        let number = found.add(shown, Some(platform.clone()), place);
        let (Some(used), Some(image)) = (found.get_mut(number), image) else { return };
        if matches!(frontend.loaded, Named::Image(_)) {
            used.pinned = Some(image.source).filter(|image| image != source);
            used.digest = Some(image.digest).filter(|_| !frontend.is_replaced);
        }
    }

    /// The place of the directive that asks for a frontend.
    fn place(&self, lines: LineRange) -> Place {
        let line = self.build.dockerfile.lines().nth(lines.first.saturating_sub(1) as usize);
        let line = line.unwrap_or_default().trim_start_matches('\u{feff}').trim();
        place(self.file, lines, &crate::redact::url(line).into())
    }
}
