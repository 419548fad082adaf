//! From the stages of a Dockerfile to what they are made of, for one target platform.
//!
//! The order is BuildKit's: all stages are read and linked, the images of those that the target needs are resolved,
//! their `ONBUILD` triggers become steps (which may need further stages, so this repeats), and only then the steps
//! run, which finds what they add.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use policy_engine::source::Platform;

use super::environment::Environment;
use super::epoch::Epoch;
use super::expand::{Expander, Variables};
use super::found::{Found, place};
use super::graph::{Graph, Load, Node, Progress, StageId};
use super::instructions::{Command, Stage, Stages, Step};
use super::parse::{LineRange, ParseError};
use super::used::{Built, Targets};
use super::{Build, Images, arguments};

/// How many images are resolved at the same time, at most. Who resolves them may have a bound of its own.
const CONCURRENT: usize = 256;
/// How often triggers may bring in images whose triggers bring in more.
const MAX_ROUNDS: usize = 16;
/// How much text all triggers that are taken over may have together, in bytes.
const MAX_TRIGGER_TEXT: usize = 1 << 20;
/// The variable that every image has.
const PATH: (&str, &str) = ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");

/// The stages of a build for one target platform.
pub(super) struct Conversion<'a> {
    pub build: &'a Build<'a>,
    /// The Dockerfile's name.
    pub file: Arc<str>,
    /// The target platform, which is the builder's where none is given.
    pub platform: &'a Platform,
    pub expander: Expander,
    pub global: Environment,
    pub graph: Graph,
    pub found: Found,
    /// The sources that are asked about whether they are loaded or not.
    pub looked_up: BTreeSet<usize>,
    /// How much text the triggers had that were taken over.
    trigger_text: usize,
    pub targets: &'a Targets,
}

/// What a build is for one platform.
pub(super) struct Converted {
    /// What BuildKit asks about, without the main context.
    pub asked: Found,
    /// Whether the main context is asked about for what the Dockerfile says.
    pub uses_context: bool,
    /// What it comes to, without the main context.
    pub built: Built,
    /// Whether that is made of the main context, too.
    pub is_built_of_context: bool,
}

impl<'a> Conversion<'a> {
    pub(super) fn new(
        build: &'a Build<'a>,
        file: &Arc<str>,
        platform: &'a Platform,
        escape: char,
        stages: &Stages,
        targets: &'a Targets,
    ) -> Result<Self, ParseError> {
        let expander = Expander::new(escape);
        let global = arguments::global(build, platform, stages, &expander)?;
        let (graph, found, file) = (Graph::new(escape), Found::default(), file.clone());
        let (looked_up, trigger_text) = (BTreeSet::new(), 0);
        Ok(Self { build, file, platform, expander, global, graph, found, looked_up, trigger_text, targets })
    }

    /// Finds the sources of the stage that is built.
    pub(super) async fn run<I: Images>(
        mut self,
        stages: &Stages,
        images: &I,
        with_sbom: bool,
    ) -> Result<Converted, ParseError> {
        let epoch = self.epoch(stages)?;
        let target = self.add_stages(stages)?;
        let reachable = self.resolve(target, images).await?;
        self.run_steps(&reachable)?;
        let mut built = vec![target];
        let mut context = false;
        if with_sbom {
            built.extend(reachable.iter().filter(|id| self.is_scanned(**id, "BUILDKIT_SBOM_SCAN_STAGE")));
            context = self.is_scanned(target, "BUILDKIT_SBOM_SCAN_CONTEXT");
        }
        let (own, is_built_of_context) = self.graph.loaded(&[target]);
        let result = Built { sources: self.found.loaded(&own), config: self.graph.config(target) };
        let (loaded, uses_context) = self.graph.loaded(&built);
        context |= uses_context || matches!(epoch, Some(Epoch::Context));
        let (file, builder) = (self.file.clone(), self.build.build_platform);
        let mut asked = self.only(&loaded);
        if let Some(Epoch::Source(source, step)) = epoch {
            let is_image = ["docker-image://", "oci-layout://"]
                .iter()
                .any(|scheme| source.identifier.starts_with(scheme));
            let place = step.map(|step| place(&file, step.lines, &step.text));
            asked.add(source, is_image.then(|| builder.clone()), place);
        }
        Ok(Converted { asked, uses_context: context, built: result, is_built_of_context })
    }

    /// Adds all stages to the graph. Gives the one that is built.
    fn add_stages(&mut self, stages: &Stages) -> Result<StageId, ParseError> {
        for stage in &stages.stages {
            let node = self.node(stage).map_err(|message| ParseError { lines: stage.lines, message })?;
            self.graph.add(node);
        }
        let target = &self.build.options.target;
        let target_id = match target.as_str() {
            "" => stages.stages.len() - 1,
            name => self.graph.find(name).ok_or_else(|| ParseError {
                lines: LineRange::default(),
                message: format!("there is no stage {target:?} to build"),
            })?,
        };
        for (id, stage) in stages.stages.iter().enumerate() {
            for step in &stage.steps {
                let step = self.graph.link(id, step.clone())?;
                self.graph.nodes[id].steps.push(step);
            }
        }
        self.graph.check_circles()?;
        Ok(target_id)
    }

    fn node(&self, stage: &Stage) -> Result<Node, String> {
        let expand = |word: &str| self.expander.word(word, &self.global).map_err(|error| error.to_string());
        let base = expand(&stage.base)?;
        if base.is_empty() {
            return Err(format!(
                "the image {:?} of FROM is empty once its arguments are expanded",
                stage.base
            ));
        }
        let mut node = Node::new(stage, base);
        if !stage.platform.is_empty() {
            let platform = expand(&stage.platform)?;
            if platform.is_empty() {
                return Err(format!(
                    "the platform {:?} is empty once its arguments are expanded",
                    stage.platform
                ));
            }
            node.platform = Some(Platform::parse(&platform).map_err(|error| error.to_string())?);
        }
        if !stage.name.is_empty() {
            node.named = self.named(&stage.name, node.platform.as_ref().unwrap_or(self.platform))?;
        }
        Ok(node)
    }

    /// Resolves the images of all stages that `target` needs, those that triggers bring in too. Gives these stages.
    async fn resolve<I: Images>(
        &mut self,
        target: StageId,
        images: &I,
    ) -> Result<BTreeSet<StageId>, ParseError> {
        for _ in 0..MAX_ROUNDS {
            let reachable = self.graph.reachable(target);
            let lookups = self.look_at_bases(&reachable)?;
            let futures: Vec<_> = lookups
                .iter()
                .map(|l| images.resolve(&l.source, &l.platform, std::slice::from_ref(&l.place)))
                .collect();
            let results: Vec<_> = stream::iter(futures).buffered(CONCURRENT).collect().await;
            for (lookup, result) in lookups.into_iter().zip(results) {
                let lines = self.graph.nodes[lookup.stage].lines;
                self.found_image(lookup, result).map_err(|message| ParseError { lines, message })?;
            }
            if !self.add_triggers(&reachable)? {
                return Ok(reachable);
            }
        }
        let message = format!("ONBUILD triggers bring in images more than {MAX_ROUNDS} times in a row");
        Err(ParseError { lines: LineRange::default(), message })
    }

    /// Puts the triggers of bases before the steps of stages. Gives whether these need stages that were not known
    /// to be needed.
    fn add_triggers(&mut self, reachable: &BTreeSet<StageId>) -> Result<bool, ParseError> {
        let mut has_new = false;
        for &id in reachable {
            let node = &mut self.graph.nodes[id];
            let mut triggers = std::mem::take(&mut node.triggers);
            let lines = node.lines;
            if let (Some(base), false) = (node.base, std::mem::replace(&mut node.has_triggers, true)) {
                let steps = self.graph.nodes[base].steps.iter();
                triggers.extend(steps.filter_map(|linked| match &linked.step.command {
                    Command::OnBuild(trigger) => Some(trigger.clone()),
                    _ => None,
                }));
            }
            let mut steps = Vec::new();
            for trigger in &triggers {
                self.trigger_text += trigger.len();
                if self.trigger_text > MAX_TRIGGER_TEXT {
                    let message =
                        format!("ONBUILD triggers have more than {MAX_TRIGGER_TEXT} bytes together");
                    return Err(ParseError { lines, message });
                }
                let mut step = Step::trigger(trigger, lines)?;
                // It stands where the stage begins, and is shown so.
                step.text = self.graph.nodes[id].text.clone();
                let step = self.graph.link(id, step)?;
                has_new |= !step.from.is_empty();
                steps.push(step);
            }
            self.graph.nodes[id].steps.splice(0..0, steps);
        }
        Ok(has_new)
    }

    /// Runs the steps of the stages that are needed.
    fn run_steps(&mut self, reachable: &BTreeSet<StageId>) -> Result<(), ParseError> {
        for id in 0..self.graph.nodes.len() {
            if !reachable.contains(&id) || self.graph.nodes[id].progress == Progress::Done {
                continue;
            }
            let lines = self.graph.nodes[id].lines;
            self.begin(id).map_err(|message| ParseError { lines, message })?;
            let steps = self.graph.nodes[id].steps.clone();
            for linked in &steps {
                let lines = linked.step.lines;
                self.run_step(id, linked).map_err(|message| ParseError { lines, message })?;
            }
        }
        Ok(())
    }

    /// Takes over what a stage begins with.
    fn begin(&mut self, id: StageId) -> Result<(), String> {
        let base = self.graph.nodes[id].base;
        let inherited = base.map(|base| {
            let base = &self.graph.nodes[base];
            (base.env.clone(), base.image_env.clone(), base.scan_args.clone())
        });
        let node = &mut self.graph.nodes[id];
        node.progress = Progress::Done;
        if let Some((env, image_env, scan_args)) = inherited {
            (node.env, node.image_env, node.scan_args) = (env, image_env, scan_args);
            node.loads.extend(base.map(Load::Stage));
        }
        if node.image_env.get(PATH.0).is_none() {
            node.image_env.set(PATH.0, PATH.1)?;
        }
        let image_env = node.image_env.clone();
        node.env.extend(&image_env)
    }

    /// Whether an argument switches on that the scanner of the SBOM looks at a stage too: `true`, or stages.
    fn is_scanned(&self, id: StageId, argument: &str) -> bool {
        let node = &self.graph.nodes[id];
        let given = node.scan_args.get(argument).and_then(Option::as_deref);
        let Some(value) = given.or_else(|| self.global.get(argument)) else {
            return false;
        };
        let name = if node.name.is_empty() { format!("stage-{id}") } else { node.name.clone() };
        crate::flag_values::parse_bool(value).unwrap_or_else(|| value.split(',').any(|stage| stage == name))
    }

    /// What BuildKit asks about: what is looked up, and what is loaded.
    fn only(self, loaded: &BTreeSet<usize>) -> Found {
        let mut asked = Found::default();
        let mut sources: Vec<_> = self.found.into_sources().into_iter().enumerate().collect();
        sources.retain(|(number, _)| loaded.contains(number) || self.looked_up.contains(number));
        for (number, used) in &mut sources {
            used.digest = used.digest.take().filter(|_| loaded.contains(number));
        }
        asked.merge(sources.into_iter().map(|(_, used)| used).collect());
        asked
    }
}
