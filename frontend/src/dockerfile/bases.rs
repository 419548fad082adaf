//! What stages begin with: images, named contexts, layouts, and the results of other targets.

use std::collections::BTreeSet;

use policy_engine::source::reference::Reference;
use policy_engine::source::{Platform, SourceOp};

use super::found::place;
use super::graph::{Load, Progress, StageId};
use super::image_config::ImageConfig;
use super::named::{Named, NamedContexts, layout};
use super::parse::ParseError;
use super::stages::Conversion;
use super::used::built;
use super::{Place, ResolvedImage};

/// An image to look up for a stage.
pub(super) struct Lookup {
    pub stage: StageId,
    /// What the image is asked about as; for a layout, by its path.
    pub source: SourceOp,
    pub platform: Platform,
    pub place: Place,
    kind: Kind,
}

/// How an image is loaded once it is known.
enum Kind {
    /// By its digest.
    Image,
    /// As it was asked for: a named context.
    Named,
    /// A layout in a named context, whose name in the build this is.
    Layout(Reference),
}

impl Conversion<'_> {
    /// The named context in the place of a stage or an image; `scratch` and `context` can't be replaced.
    pub(super) fn named(&self, name: &str, platform: &Platform) -> Result<Option<Named>, String> {
        if ["scratch", "context"].iter().any(|fixed| name.eq_ignore_ascii_case(fixed)) {
            return Ok(None);
        }
        NamedContexts(&self.build.options.build_contexts).find(name, platform)
    }

    /// Checks what stages begin with. Gives the images that have to be looked up.
    pub(super) fn look_at_bases(&mut self, reachable: &BTreeSet<StageId>) -> Result<Vec<Lookup>, ParseError> {
        let mut lookups = Vec::new();
        for id in 0..self.graph.nodes.len() {
            let node = &self.graph.nodes[id];
            if node.base.is_some() || node.progress != Progress::New {
                continue;
            }
            let lines = node.lines;
            let lookup = self.look_at_base(id, reachable.contains(&id));
            lookups.extend(lookup.map_err(|message| ParseError { lines, message })?);
        }
        Ok(lookups)
    }

    fn look_at_base(&mut self, id: StageId, is_reachable: bool) -> Result<Option<Lookup>, String> {
        let node = &self.graph.nodes[id];
        let is_scratch = node.base_name == "scratch" && node.named.is_none();
        let reference = Reference::parse(&node.base_name)
            .map_err(|error| format!("{:?} is neither a stage nor an image: {error}", node.base_name))?
            .or_latest();
        let place = place(&self.file, node.lines, &node.text);
        let platform = node.platform.clone().unwrap_or_else(|| self.platform.clone());
        let (named, replaces_stage) = match &node.named {
            _ if is_scratch || !is_reachable => (None, false),
            Some(named) => (Some(named.clone()), true),
            None => (self.named(&reference.to_string(), &platform)?, false),
        };
        let node = &mut self.graph.nodes[id];
        if node.is_image || replaces_stage {
            node.progress = Progress::Done;
        } else if is_reachable {
            node.progress = Progress::Resolved;
        }
        if is_scratch || !is_reachable && !node.is_image {
            return Ok(None);
        }
        let image = SourceOp::new(format!("docker-image://{reference}"));
        if !is_reachable {
            // Only triggers can make it needed now. BuildKit then loads it by its tag, without looking it up before.
            let number = self.found.add(image, Some(platform), Some(place));
            self.graph.nodes[id].loads.push(Load::Source(number));
            return Ok(None);
        }
        let lookup = |source, kind| {
            Some(Lookup { stage: id, source, platform: platform.clone(), place: place.clone(), kind })
        };
        let load = match named {
            None => return Ok(lookup(image, Kind::Image)),
            Some(Named::Image(source)) => return Ok(lookup(source, Kind::Named)),
            Some(Named::Layout { source, name }) => return Ok(lookup(source, Kind::Layout(name))),
            Some(Named::Nothing) => return Ok(None),
            Some(Named::Target(name)) => {
                self.found_target(id, &name, &platform, &place)?;
                return Ok(None);
            }
            Some(Named::Remote(source)) => self.found.add(source, None, Some(place)),
            Some(Named::Local(source)) => {
                let number = self.found.add(source, None, Some(place));
                self.looked_up.insert(number);
                number
            }
        };
        self.graph.nodes[id].loads.push(Load::Source(load));
        Ok(None)
    }

    /// Notes what the result of another target is made of, and what its config brings.
    fn found_target(
        &mut self,
        stage: StageId,
        name: &str,
        platform: &Platform,
        place: &Place,
    ) -> Result<(), String> {
        let built = built(self.targets, name, platform)?;
        let numbers = self.found.add_built(built, Some(place));
        let node = &mut self.graph.nodes[stage];
        node.loads.extend(numbers.into_iter().map(Load::Source));
        node.begin_with(built.config.clone())
    }

    /// Notes an image that was looked up, and what its config brings.
    pub(super) fn found_image(&mut self, lookup: Lookup, image: Option<ResolvedImage>) -> Result<(), String> {
        let Lookup { stage, source, platform, place, kind } = lookup;
        let source = match (&kind, &image) {
            (Kind::Layout(name), Some(image)) => layout(source, name.clone(), &image.digest),
            // What was not found stays what was looked up: so whoever looked it up knows it again.
            _ => source,
        };
        let number = self.found.add(source.clone(), Some(platform), Some(place));
        self.looked_up.insert(number);
        let config = match &image {
            Some(image) => ImageConfig::parse(&image.config)?,
            None => ImageConfig::default(),
        };
        let is_loaded = !(matches!(kind, Kind::Image) && image.is_some() && config.is_empty);
        let node = &mut self.graph.nodes[stage];
        node.begin_with(config)?;
        if is_loaded {
            node.loads.push(Load::Source(number));
        }
        if let (Some(used), Some(image)) = (self.found.get_mut(number), image) {
            if !matches!(kind, Kind::Layout(_)) && image.source != source {
                used.pinned = Some(image.source);
            }
            if matches!(kind, Kind::Image) {
                used.digest = Some(image.digest);
            }
        }
        Ok(())
    }
}
