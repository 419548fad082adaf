//! Named contexts: what `--build-context NAME=…` puts in the place of a stage or an image.

use std::collections::BTreeMap;

use policy_engine::source::reference::Reference;
use policy_engine::source::{ATTR_OCI_STORE, OciLayoutSource, Platform, Source, SourceOp, git_context};

use super::build::is_http_url;
use crate::build_options::{TARGET, context_name};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// `docker-image://scratch`.
    Nothing,
    /// `target:NAME`: the result of another target of bake.
    Target(String),
    /// `docker-image://…`: asked about by its tag only.
    Image(SourceOp),
    /// `oci-layout://…`.
    Layout {
        /// The layout as it is looked up: by its path.
        source: SourceOp,
        /// The image's name in the build; with the digest where the layout is given with one.
        name: Reference,
    },
    /// A git repository or a file, fetched when something of it is used.
    Remote(SourceOp),
    /// A folder of the client. It is asked about at once, for its `.dockerignore`.
    Local(SourceOp),
}

/// The named contexts of a build.
#[derive(Debug)]
pub(super) struct NamedContexts<'a>(pub &'a BTreeMap<String, String>);

impl NamedContexts<'_> {
    /// What stands in the place of the stage or image `name`: for this platform (`name::platform`), or for all.
    /// `None` where nothing does.
    pub(super) fn find(&self, name: &str, platform: &Platform) -> Result<Option<Named>, String> {
        let name = context_name(name)
            .map_err(|error| format!("{name:?} can't be the name of a context: {error}"))?;
        let for_platform = format!("{name}::{platform}");
        let found = [for_platform, name.clone()].into_iter().find_map(|key| self.0.get_key_value(&key));
        found.map(|(key, value)| named(&name, key, value)).transpose()
    }
}

/// What `value` of the context `key` is.
fn named(name: &str, key: &str, value: &str) -> Result<Named, String> {
    let wrong = |why: String| format!("named context {key:?}: {why}");
    if let Some(image) = value.strip_prefix("docker-image:") {
        let image = image.strip_prefix("//").unwrap_or(image);
        if image == "scratch" {
            return Ok(Named::Nothing);
        }
        let image = Reference::parse(image).map_err(|e| wrong(format!("{image:?}: {e}")))?.or_latest();
        return Ok(Named::Image(SourceOp::new(format!("docker-image://{image}"))));
    }
    if let Some(target) = value.strip_prefix(TARGET) {
        return Ok(Named::Target(target.to_owned()));
    }
    if value.starts_with("oci-layout://") {
        let mut source = SourceOp::new(value);
        source.attrs.insert(ATTR_OCI_STORE.to_owned(), value.to_owned());
        let Ok(Source::OciLayout(OciLayoutSource { name: path, digest, .. })) = Source::parse(&source) else {
            return Err(wrong(format!("{value:?} is no OCI layout, write oci-layout://PATH:TAG")));
        };
        source.attrs.insert(ATTR_OCI_STORE.to_owned(), path);
        let mut name = Reference::parse(name).map_err(|e| wrong(e.to_string()))?;
        if let Some(digest) = digest {
            name = name.with_digest(&digest).map_err(|e| wrong(e.to_string()))?;
        }
        return Ok(Named::Layout { source, name });
    }
    match git_context(value) {
        Ok(Some(git))
            if is_http_url(value) || value.starts_with("git") && value.contains(':') && !git.ambiguous =>
        {
            Ok(Named::Remote(git.source))
        }
        Ok(Some(_)) => Err(wrong(format!(
            "{:?} is not supported, write a URL that begins with https:// or git@",
            crate::redact::url(value)
        ))),
        Err(error) => Err(wrong(error.to_string())),
        Ok(None) if is_http_url(value) => Ok(Named::Remote(http(value, "context"))),
        Ok(None) => {
            let folder =
                if matches!(key, "context" | "dockerfile") { format!("_{key}") } else { key.to_owned() };
            Ok(Named::Local(SourceOp::new(format!("local://{folder}"))))
        }
    }
}

/// A layout as BuildKit asks about it once it is looked up: by the image's name in the build and the digest that it
/// has.
pub(super) fn layout(looked_up: SourceOp, name: Reference, digest: &str) -> SourceOp {
    match name.with_digest(digest) {
        Ok(name) => SourceOp { identifier: format!("oci-layout://{name}"), attrs: looked_up.attrs },
        Err(_) => looked_up,
    }
}

/// A file, which BuildKit stores under a name.
pub(super) fn http(url: &str, file: &str) -> SourceOp {
    let mut source = SourceOp::new(url);
    source.attrs.insert("http.filename".to_owned(), file.to_owned());
    source
}
