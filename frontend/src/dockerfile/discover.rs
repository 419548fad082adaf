//! From a build to its sources.

use std::collections::BTreeSet;
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
use super::used::{Targets, built};
use super::{
    Build, BuildResult, DockerfileError, DockerfileOrigin, Images, MainContext, Place, ResolvedImage,
    UsedSource, remote_context,
};
use crate::build_options::TARGET;

/// How many platforms a build may have.
const MAX_PLATFORMS: usize = 64;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovered {
    /// Every source that BuildKit would ask policy about, each with each platform once: first what the Dockerfile
    /// is read from and the context, then the frontend's image, then the others as they stand in the Dockerfile,
    /// and last the image that makes the SBOM.
    pub sources: Vec<UsedSource>,
    /// What the build comes to, for others that use it.
    pub result: BuildResult,
    /// What may make the build use other sources.
    pub warnings: Vec<Warning>,
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
        let targets = self.targets(images).await.map_err(whole)?;
        let searches = platforms.iter().map(|platform| async {
            let conversion =
                Conversion::new(build, self.file, platform, dockerfile.escape, &stages, &targets)?;
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
        let mut result = BuildResult::default();
        let context = self.context().map_err(whole)?;
        for (platform, converted) in platforms.iter().zip(searched?) {
            in_dockerfile.merge(converted.asked.into_sources());
            uses_context |= converted.uses_context;
            let mut built = converted.built;
            built.sources.extend(converted.is_built_of_context.then(|| (context.clone(), None)));
            result.built.push((platform.clone(), built));
        }

        let mut found = Found::default();
        self.add_context(&mut found, context, uses_context);
        if let Some(frontend) = frontend {
            self.add_frontend(&mut found, &frontend, frontend_place.clone(), frontend_image, &targets)
                .map_err(whole)?;
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
        Ok(Discovered { sources: found.into_sources(), result, warnings })
    }

    /// The target platforms, each once.
    fn platforms(&self) -> Result<Vec<Platform>, String> {
        let mut platforms = self.build.options.platforms.clone();
        if platforms.is_empty() {
            platforms.push(self.build.build_platform.clone());
        }
        let mut seen = BTreeSet::new();
        platforms.retain(|platform| seen.insert(platform.clone()));
        if platforms.len() > MAX_PLATFORMS {
            return Err(format!("the build has more than {MAX_PLATFORMS} platforms, which is the limit"));
        }
        Ok(platforms)
    }

    /// The results of bake's targets that the build has among its contexts. It needs all of them, whether it uses them
    /// or not.
    async fn targets<I: Images>(&self, images: &I) -> Result<Targets, String> {
        let names: BTreeSet<_> = self.build.options.targets().collect();
        let results = try_join_all(names.into_iter().map(|name| async move {
            let result = images.target(name).await;
            let result = result.ok_or_else(|| {
                format!(
                    "the context `{TARGET}{name}` is not known: no such target is built, or its sources could not be found"
                )
            })?;
            Ok::<_, String>((name.to_owned(), result))
        }));
        Ok(results.await?.into_iter().collect())
    }

    /// The main context as a source.
    fn context(&self) -> Result<SourceOp, String> {
        Ok(match self.build.context {
            MainContext::Local => SourceOp::new("local://context"),
            MainContext::StdinArchive => super::named::http(STDIN_ARCHIVE, "context"),
            MainContext::Remote => {
                let source = remote_context(self.build.options).map_err(|error| error.to_string())?;
                source.ok_or("the context is no URL")?
            }
        })
    }

    /// What the Dockerfile is read from, and the main context where it is loaded.
    fn add_context(&self, found: &mut Found, context: SourceOp, is_used: bool) {
        let build = self.build;
        if build.origin == DockerfileOrigin::Client {
            found.add(SourceOp::new("local://dockerfile"), None, None);
        }
        let holds_dockerfile = build.origin == DockerfileOrigin::Context;
        let is_read = match build.context {
            MainContext::Local => !build.own_dockerignore,
            MainContext::StdinArchive => true,
            // A file is looked into to see whether it is an archive.
            MainContext::Remote => is_http_url(&context.identifier),
        };
        if is_used || holds_dockerfile || is_read {
            found.add(context, None, None);
        }
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
        targets: &Targets,
    ) -> Result<(), String> {
        let platform = self.build.build_platform;
        let source = match &frontend.loaded {
            Named::Nothing => return Ok(()),
            Named::Target(name) => {
                found.add_built(built(targets, name, platform)?, place.as_ref());
                return Ok(());
            }
            Named::Remote(source) | Named::Local(source) => {
                found.add(source.clone(), None, place);
                return Ok(());
            }
            Named::Image(source) | Named::Layout { source, .. } => source,
        };
        let shown = match (&frontend.loaded, &image) {
            (Named::Layout { source, name }, Some(image)) => {
                layout(source.clone(), name.clone(), &image.digest)
            }
            _ => source.clone(),
        };
        let number = found.add(shown, Some(platform.clone()), place);
        let (Some(used), Some(image)) = (found.get_mut(number), image) else { return Ok(()) };
        if matches!(frontend.loaded, Named::Image(_)) {
            used.pinned = Some(image.source).filter(|image| image != source);
            used.digest = Some(image.digest).filter(|_| !frontend.is_replaced);
        }
        Ok(())
    }

    /// The place of the directive that asks for a frontend.
    fn place(&self, lines: LineRange) -> Place {
        let line = self.build.dockerfile.lines().nth(lines.first.saturating_sub(1) as usize);
        let line = line.unwrap_or_default().trim_start_matches('\u{feff}').trim();
        place(self.file, lines, &crate::redact::url(line).into())
    }
}
