//! The options of one build: what `docker buildx build` takes, as far as it makes a difference for the sources
//! that the build loads. Flags, bake targets and Compose services all become this.

use std::collections::BTreeMap;

use policy_engine::input::Env;
use policy_engine::source::Platform;
use policy_engine::source::reference::{Reference, ReferenceError};

/// What stands before the name of a bake target among the contexts of a build.
pub(crate) const TARGET: &str = "target:";

/// One build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildOptions {
    /// The context: a folder, a git or http(s) URL, or `-` for an archive or a Dockerfile on standard input.
    pub context: String,
    /// `--file`: a path from the working directory (for a remote context, within it), `-` for standard input, or an
    /// http(s) URL. `None` is `Dockerfile` in the context.
    pub dockerfile: Option<String>,
    /// The Dockerfile's text, where the build brings it along (bake's `dockerfile-inline`).
    pub dockerfile_inline: Option<String>,
    /// `--target`; empty is the last stage.
    pub target: String,
    /// `--platform`; empty is that of the builder.
    pub platforms: Vec<Platform>,
    /// `--build-arg`. `None` is an argument without a value, which BuildKit is not told of.
    pub build_args: BTreeMap<String, Option<String>>,
    /// `--label`.
    pub labels: BTreeMap<String, String>,
    /// `--build-context`: a folder, `docker-image://…`, `oci-layout://…`, `target:NAME` (bake), a git or http(s) URL, by
    /// name ([`context_name`]).
    pub build_contexts: BTreeMap<String, String>,
    /// `--attest type=NAME,…` and its short forms `--sbom` and `--provenance`: the parameters by name, without
    /// `type=`; `None` where it is switched off.
    pub attests: BTreeMap<String, Option<String>>,
}

impl BuildOptions {
    /// The value of a build argument that has one.
    pub fn build_arg(&self, name: &str) -> Option<&str> {
        self.build_args.get(name)?.as_deref()
    }

    /// The bake targets whose results it has among its contexts (`target:NAME`).
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.build_contexts.values().filter_map(|context| context.strip_prefix(TARGET))
    }

    /// `input.env` of this build, whose Dockerfile has the base name `dockerfile`.
    pub fn env(&self, dockerfile: &str) -> Env {
        Env {
            args: self.build_args.clone(),
            labels: self.labels.clone(),
            filename: dockerfile.to_owned(),
            target: self.target.clone(),
        }
    }
}

/// The name of a context, as buildx makes it of what is given: the familiar name of an image, without `latest`.
/// `docker.io/library/alpine:latest` is `alpine`.
pub fn context_name(given: &str) -> Result<String, ReferenceError> {
    let reference = Reference::parse(given)?;
    let mut name = reference.familiar_name();
    if let Some(tag) = reference.tag().filter(|tag| *tag != "latest" || reference.digest().is_some()) {
        name.extend([":", tag]);
    }
    if let Some(digest) = reference.digest() {
        name.extend(["@", digest]);
    }
    Ok(name)
}
