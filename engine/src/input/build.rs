//! From a source and what is known about it to the input, and to what is still unresolved.

use super::describe::{self, Described, RawObjects};
use super::{Completeness, ConfigSource, Env, ImageProvenance, Input, NodeEnv, Unresolved};
use crate::check::Facts;
use crate::git_object::GitObjectError;
use crate::metadata::Metadata;
use crate::provenance::{BindingError, Material, Predicate, RawMaterial};
use crate::source::{Platform, Redacted, Source, SourceError, SourceOp};
use crate::verify::Trust;

/// How deep materials may nest; the source of the build has depth 0.
pub const MATERIALS_DEPTH_LIMIT: u32 = 24;
/// How many sources one input may hold, materials of materials included.
pub const NODE_LIMIT: usize = 10_000;

/// An input, and what it leaves open.
#[derive(Debug, Clone)]
pub struct Built {
    /// What the policy sees.
    pub input: Input,
    /// Every source in it, the source of the check first, then its materials, depth first. A material
    /// that closes a cycle is empty and none of these.
    pub nodes: Vec<Node>,
    /// Materials that were skipped and provenance that could not be read.
    pub warnings: Vec<String>,
    /// The bytes that built-in functions verify, of the source of the check.
    pub raw: RawObjects,
}

/// A source within an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The source.
    pub source: SourceOp,
    /// The platform to ask for.
    pub platform: Option<Platform>,
    /// Where its document is in the input; empty for the source of the check.
    pub path: Vec<PathSegment>,
    /// The fields that nobody has looked up yet.
    pub unresolved: Vec<Unresolved>,
}

/// A step of a path into an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathSegment {
    /// Into a field.
    Field(&'static str),
    /// Into an array.
    Index(usize),
}

/// A source that cannot be shown to a policy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The source is malformed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An image is loaded for a platform.
    #[error("image source {source_name} needs a platform, none was given")]
    NoPlatform {
        /// The source.
        source_name: String,
    },
    /// The image config is malformed.
    #[error("invalid image config of {source_name}: {reason}")]
    Config {
        /// The source.
        source_name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The resolved digest is not the one in the reference.
    #[error("{source_name} resolved to the digest {found}")]
    Digest {
        /// The source.
        source_name: String,
        /// What it resolved to.
        found: String,
    },
    /// A git object is malformed, or not the one that the server named.
    #[error("invalid git object of {source_name}: {error}")]
    GitObject {
        /// The source.
        source_name: String,
        /// What is wrong with it.
        #[source]
        error: GitObjectError,
    },
    /// The ref resolved to something else than the commit that was asked for.
    #[error("{source_name} resolved to the object {found}")]
    Commit {
        /// The source.
        source_name: String,
        /// What it resolved to.
        found: String,
    },
    /// The tag object belongs to another commit.
    #[error("tag object of {source_name} is for commit {found}, not for {expected}")]
    TagTarget {
        /// The source.
        source_name: String,
        /// The commit that the server named.
        expected: String,
        /// The commit that the tag names.
        found: String,
    },
    /// The provenance is not the image's.
    #[error("{source_name}: {error}")]
    Provenance {
        /// The source.
        source_name: String,
        /// What is wrong with it.
        #[source]
        error: BindingError,
    },
    /// Materials nest too deep.
    #[error("provenance materials exceed the depth limit of {MATERIALS_DEPTH_LIMIT}")]
    TooDeep,
    /// Too many materials.
    #[error("provenance materials exceed the limit of {NODE_LIMIT} sources")]
    TooMany,
    /// A material cannot be shown.
    #[error("provenance material {uri:?}: {error}")]
    Material {
        /// The material.
        uri: String,
        /// What is wrong with it.
        #[source]
        error: Box<InputError>,
    },
}

/// Builds the input for a source. What `facts` does not know is unresolved; what it knows is checked
/// (image configs, git objects against their ids) and an error when it is wrong.
pub fn build(
    source: &SourceOp,
    platform: Option<&Platform>,
    facts: &Facts,
    env: &Env,
    trust: &Trust,
) -> Result<Built, InputError> {
    let mut walk = Walk {
        facts,
        env,
        trust,
        nodes: Vec::new(),
        warnings: Vec::new(),
        ancestors: Vec::new(),
        path: Vec::new(),
    };
    let root = walk.describe(source, platform, facts.get(source, platform))?;
    let raw = root.raw.clone();
    let input = walk.node(source, platform, root)?;
    Ok(Built { input, nodes: walk.nodes, warnings: walk.warnings, raw })
}

/// The walk through a source and its materials.
struct Walk<'a> {
    facts: &'a Facts,
    env: &'a Env,
    trust: &'a Trust,
    nodes: Vec<Node>,
    warnings: Vec<String>,
    /// The sources on the way here, each with its platform.
    ancestors: Vec<(SourceOp, Option<Platform>)>,
    path: Vec<PathSegment>,
}

impl Walk<'_> {
    fn depth(&self) -> u32 {
        u32::try_from(self.ancestors.len()).unwrap_or(u32::MAX)
    }

    fn describe(
        &mut self,
        op: &SourceOp,
        platform: Option<&Platform>,
        known: Option<&Metadata>,
    ) -> Result<Described, InputError> {
        if self.depth() > MATERIALS_DEPTH_LIMIT {
            return Err(InputError::TooDeep);
        }
        if self.nodes.len() >= NODE_LIMIT {
            return Err(InputError::TooMany);
        }
        describe::describe(op, &Source::parse(op)?, platform, known, self.trust)
    }

    /// Takes a described source into the input, its materials after it.
    fn node(
        &mut self,
        source: &SourceOp,
        platform: Option<&Platform>,
        described: Described,
    ) -> Result<Input, InputError> {
        let Described { mut input, unresolved, predicate, vouching, warnings, raw: _ } = described;
        let key = (source.clone(), platform.cloned());
        let env = NodeEnv::new(self.env, self.depth());
        if predicate.is_some() && self.ancestors.contains(&key) {
            return Ok(Input { env, ..Input::default() });
        }
        self.warnings.extend(warnings);
        self.nodes.push(Node {
            source: key.0.clone(),
            platform: platform.cloned(),
            path: self.path.clone(),
            unresolved,
        });
        input.env = env;
        let document = if input.oci_layout.is_some() { "ociLayout" } else { "image" };
        if let (Some(predicate), Some(content)) = (predicate, input.image_content_mut()) {
            let (mut provenance, materials) = from_predicate(predicate);
            let fields = [document, "provenance", "materials"].map(PathSegment::Field);
            self.path.extend(fields);
            self.ancestors.push(key);
            provenance.signatures = vouching;
            provenance.materials = self.materials(&materials, platform)?;
            self.ancestors.pop();
            self.path.truncate(self.path.len() - fields.len());
            content.provenance = Some(provenance);
        }
        Ok(input)
    }

    fn materials(
        &mut self,
        raw: &[RawMaterial],
        platform: Option<&Platform>,
    ) -> Result<Vec<Input>, InputError> {
        let mut inputs = Vec::with_capacity(raw.len());
        for raw in raw {
            let material = match Material::parse(raw) {
                Ok(material) => material,
                Err(error) => {
                    self.warnings.push(Material::warning(raw, &error));
                    continue;
                }
            };
            self.path.push(PathSegment::Index(inputs.len()));
            let input = self.material(material, platform).map_err(|error| match error {
                limit @ (InputError::TooDeep | InputError::TooMany) => limit,
                error => InputError::Material { uri: Redacted(&raw.uri).to_string(), error: Box::new(error) },
            })?;
            self.path.pop();
            inputs.push(input);
        }
        Ok(inputs)
    }

    /// A material is for its own platform, else for that of the image it went into.
    fn material(&mut self, material: Material, platform: Option<&Platform>) -> Result<Input, InputError> {
        let Material { source, platform: own } = material;
        let is_image = source.identifier.starts_with("docker-image://");
        let platform = if is_image { own.or_else(|| platform.cloned()) } else { None };
        let known = self.facts.get(&source, platform.as_ref());
        let described = self.describe(&source, platform.as_ref(), known)?;
        self.node(&source, platform.as_ref(), described)
    }
}

/// The document of a provenance, and its materials.
fn from_predicate(predicate: Predicate) -> (ImageProvenance, Vec<RawMaterial>) {
    let build_args = predicate
        .args
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("build-arg:")?, value)))
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    let metadata = predicate.metadata;
    let completeness = metadata.as_ref().map(|m| Completeness {
        parameters: Some(m.parameters_complete),
        environment: m.environment_complete,
        materials: Some(m.materials_complete),
    });
    let reproducible = metadata.as_ref().map(|m| m.reproducible);
    let hermetic = metadata.as_ref().map(|m| m.hermetic);
    let metadata = metadata.unwrap_or_default();
    let provenance = ImageProvenance {
        predicate_type: predicate.predicate_type.to_owned(),
        signatures: Vec::new(),
        build_type: predicate.build_type,
        builder_id: predicate.builder_id,
        invocation_id: metadata.invocation_id,
        started_on: metadata.started_on,
        finished_on: metadata.finished_on,
        config_source: Some(ConfigSource {
            uri: predicate.config_uri,
            digest: predicate.config_digest,
            path: predicate.config_path,
        }),
        frontend: predicate.frontend,
        build_args,
        raw_args: predicate.args,
        reproducible,
        hermetic,
        completeness,
        materials: Vec::new(),
    };
    (provenance, predicate.materials)
}
