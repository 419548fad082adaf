//! The stages of a build, and what they depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy_engine::source::Platform;

use super::environment::Environment;
use super::expand::{Rules, Unset};
use super::image_config::ImageConfig;
use super::instructions::{Command, Stage, Step};
use super::named::Named;
use super::parse::{LineRange, ParseError};

/// A stage, by its place in the graph.
pub(super) type StageId = usize;

/// A stage of the Dockerfile, or an image (or named context) that a command copies or mounts from, which is like a
/// stage without commands.
#[derive(Debug)]
pub(super) struct Node {
    /// Its name; empty where it has none.
    pub name: String,
    /// What it begins with: an image, or a stage where `base` is set.
    pub base_name: String,
    pub base: Option<StageId>,
    /// Of `FROM --platform`.
    pub platform: Option<Platform>,
    /// What replaces the stage.
    pub named: Option<Named>,
    pub lines: LineRange,
    pub text: Arc<str>,
    pub steps: Vec<LinkedStep>,
    /// Stages that its steps need.
    pub needs: BTreeMap<StageId, LineRange>,
    /// An image without a `FROM` of its own.
    pub is_image: bool,
    pub progress: Progress,
    /// Whether the triggers of its base have been taken over.
    pub has_triggers: bool,
    /// `ONBUILD` of its image.
    pub triggers: Vec<String>,
    /// `ENV` of its image, and its own.
    pub image_env: Environment,
    /// All variables, those of `ARG` too.
    pub env: Environment,
    /// What is loaded when the stage is built.
    pub loads: Vec<Load>,
    /// The arguments of its steps that say what the SBOM is made of.
    pub scan_args: BTreeMap<String, Option<String>>,
}

/// How far a stage has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// Nothing is known of it.
    New,
    /// Its image is known.
    Resolved,
    /// Its steps have been run, or must not run.
    Done,
}

/// A step, with the stages that it takes files from.
#[derive(Debug, Clone)]
pub(super) struct LinkedStep {
    pub step: Arc<Step>,
    /// For `COPY --from` one; for `RUN` one for each mount, whether it is used or not.
    pub from: Vec<StageId>,
}

/// Something that a stage is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    /// A source that was found.
    Source(usize),
    /// Another stage.
    Stage(StageId),
    /// The main context.
    Context,
}

/// All stages, those of the Dockerfile first.
#[derive(Debug)]
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    escape: char,
    by_name: BTreeMap<String, StageId>,
}

impl Node {
    pub(super) fn new(stage: &Stage, base_name: String) -> Self {
        Self {
            name: stage.name.clone(),
            base_name,
            base: None,
            platform: None,
            named: None,
            lines: stage.lines,
            text: stage.text.clone(),
            steps: Vec::new(),
            needs: BTreeMap::new(),
            is_image: false,
            progress: Progress::New,
            has_triggers: false,
            triggers: Vec::new(),
            image_env: Environment::default(),
            env: Environment::default(),
            loads: Vec::new(),
            scan_args: BTreeMap::new(),
        }
    }

    /// An image that `step` copies or mounts from.
    fn image(reference: &str, step: &Step) -> Self {
        let stage = Stage {
            name: String::new(),
            base: String::new(),
            platform: String::new(),
            lines: step.lines,
            text: step.text.clone(),
            steps: Vec::new(),
        };
        Self { is_image: true, ..Self::new(&stage, reference.to_owned()) }
    }

    /// Takes over the config of the image that it begins with.
    pub(super) fn begin_with(&mut self, config: ImageConfig) -> Result<(), String> {
        for variable in &config.env {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            self.image_env.set(name, value)?;
        }
        self.triggers = config.triggers;
        Ok(())
    }

    /// How the stage is called in errors.
    pub(super) fn title(&self) -> String {
        if self.name.is_empty() { self.base_name.clone() } else { self.name.clone() }
    }
}

impl Graph {
    /// No stages yet, of a Dockerfile with this escape character.
    pub(super) fn new(escape: char) -> Self {
        Self { nodes: Vec::new(), escape, by_name: BTreeMap::new() }
    }

    /// Adds a stage. A stage whose base has the name of an earlier one begins with that, unless a named context
    /// replaces it.
    pub(super) fn add(&mut self, mut node: Node) -> StageId {
        let id = self.nodes.len();
        if node.named.is_none() {
            node.base = self.by_name.get(&node.base_name).copied();
        }
        if !node.name.is_empty() {
            self.by_name.insert(node.name.to_lowercase(), id);
        }
        self.nodes.push(node);
        id
    }

    /// A stage by its name, in any case.
    pub(super) fn find(&self, name: &str) -> Option<StageId> {
        self.by_name.get(&name.to_lowercase()).copied()
    }

    /// A step of stage `id`, linked to the stages that it needs. Images that it needs are added.
    pub(super) fn link(&mut self, id: StageId, step: Step) -> Result<LinkedStep, ParseError> {
        let from = match &step.command {
            Command::Copy(copy) if !copy.from.is_empty() => {
                let from = self.copied_from(&copy.from, &step);
                vec![from.map_err(|message| ParseError { lines: step.lines, message })?]
            }
            Command::Run(run) => {
                let mounted =
                    |from: &str| if from.is_empty() { "scratch".to_owned() } else { from.to_owned() };
                let names: Vec<_> = run.mounts.iter().map(|mount| mounted(&mount.from)).collect();
                let found: Vec<_> = names.iter().map(|name| self.find(name)).collect();
                let images = names.iter().zip(found);
                images
                    .map(|(name, found)| found.unwrap_or_else(|| self.add(Node::image(name, &step))))
                    .collect()
            }
            _ => Vec::new(),
        };
        if let Some(node) = self.nodes.get_mut(id) {
            node.needs.extend(from.iter().map(|&needed| (needed, step.lines)));
        }
        Ok(LinkedStep { step: Arc::new(step), from })
    }

    fn copied_from(&mut self, from: &str, step: &Step) -> Result<StageId, String> {
        let plain = Rules::new(self.escape).word(from, &Unset);
        if plain.map_err(|error| error.to_string())? != from {
            let instead = "name a stage with FROM, where global arguments are expanded";
            return Err(format!("variables are not expanded in --from: {instead}"));
        }
        if let Ok(index) = from.parse::<i64>() {
            let id = usize::try_from(index).ok().filter(|id| *id < self.nodes.len());
            return id.ok_or_else(|| format!("there is no stage {index}"));
        }
        Ok(self.find(from).unwrap_or_else(|| self.add(Node::image(from, step))))
    }

    /// Fails where stages need each other.
    pub(super) fn check_circles(&self) -> Result<(), ParseError> {
        let mut visited = BTreeSet::new();
        for start in 0..self.nodes.len() {
            // The path to the stage that is looked at, with what each still needs.
            let mut path: Vec<(StageId, Vec<StageId>)> = Vec::new();
            let mut on_path = BTreeSet::new();
            if visited.insert(start) {
                on_path.insert(start);
                path.push((start, self.needs(start)));
            }
            while let Some((id, needs)) = path.last_mut() {
                let id = *id;
                let Some(needed) = needs.pop() else {
                    on_path.remove(&id);
                    path.pop();
                    continue;
                };
                if on_path.contains(&needed) {
                    let lines = self.nodes.get(id).and_then(|node| node.needs.get(&needed).copied());
                    let name = self.nodes.get(needed).map(Node::title).unwrap_or_default();
                    let message = format!("stage {name:?} needs itself");
                    return Err(ParseError { lines: lines.unwrap_or_default(), message });
                }
                if visited.insert(needed) {
                    on_path.insert(needed);
                    path.push((needed, self.needs(needed)));
                }
            }
        }
        Ok(())
    }

    fn needs(&self, id: StageId) -> Vec<StageId> {
        self.nodes.get(id).map(|node| node.needs.keys().copied().collect()).unwrap_or_default()
    }

    /// The stages that `target` needs in any way, itself too.
    pub(super) fn reachable(&self, target: StageId) -> BTreeSet<StageId> {
        let mut reachable = BTreeSet::new();
        let mut open = vec![target];
        while let Some(id) = open.pop() {
            if reachable.insert(id)
                && let Some(node) = self.nodes.get(id)
            {
                open.extend(node.base);
                open.extend(node.needs.keys());
            }
        }
        reachable
    }

    /// The config of the image that stage `id` comes to.
    pub(super) fn config(&self, id: StageId) -> ImageConfig {
        let Some(node) = self.nodes.get(id) else { return ImageConfig::default() };
        let triggers = node.steps.iter().filter_map(|linked| match &linked.step.command {
            Command::OnBuild(trigger) => Some(trigger.clone()),
            _ => None,
        });
        ImageConfig { env: node.image_env.pairs().collect(), triggers: triggers.collect(), is_empty: false }
    }

    /// What is loaded to build the stages `targets`: the sources, and whether the main context is among them.
    pub(super) fn loaded(&self, targets: &[StageId]) -> (BTreeSet<usize>, bool) {
        let (mut sources, mut context) = (BTreeSet::new(), false);
        let mut visited = BTreeSet::new();
        let mut open = targets.to_vec();
        while let Some(id) = open.pop() {
            let node = self.nodes.get(id).filter(|_| visited.insert(id));
            for load in node.iter().flat_map(|node| &node.loads) {
                match load {
                    Load::Source(source) => drop(sources.insert(*source)),
                    Load::Stage(id) => open.push(*id),
                    Load::Context => context = true,
                }
            }
        }
        (sources, context)
    }
}
