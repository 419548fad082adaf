//! Which fields may have to be looked up first: the one list of them.

use std::fmt;
use std::sync::Arc;

use super::Group;

/// A field that nobody has looked up yet: it is absent from the input, which says nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unresolved {
    /// The document within the node: `image`, `git`, `http`, `ociLayout`.
    pub document: &'static str,
    /// The field of the document: `labels`, or of an object in it: `provenance.signatures`.
    pub field: &'static str,
    /// What to fetch for it.
    pub group: Group,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.document, self.field)
    }
}

/// Of an image, wherever it lies: the digest.
pub(super) const IMAGE_DIGEST: &[&str] = &["checksum"];
/// Of an image: what its config has.
pub(super) const IMAGE_CONFIG: &[&str] = &["createdTime", "env", "labels", "user", "volumes", "workingDir"];
/// Of an image: what its attestation manifest tells.
pub(super) const IMAGE_CHAIN: &[&str] = &["hasProvenance"];
/// Of an image: what its attestations tell.
pub(super) const IMAGE_PROVENANCE: &[&str] = &["provenance"];
/// Of an image: what its signatures tell.
pub(super) const IMAGE_SIGNATURES: &[&str] = &["signatures", "verification"];
/// Of an image whose provenance is known: what its signatures tell of that.
pub(super) const IMAGE_PROVENANCE_SIGNATURES: &[&str] = &["provenance.signatures"];
/// Of a git source whose ref is not a full one.
pub(super) const GIT_REF: &[&str] = &["tagName", "branch", "ref"];
/// Of a git source that is no commit id.
pub(super) const GIT_IDS: &[&str] = &["checksum", "isAnnotatedTag", "commitChecksum", "isSHA256"];
/// Of a git source: the tag object.
pub(super) const GIT_TAG: &[&str] = &["tag"];
/// Of a git source: the commit object.
pub(super) const GIT_COMMIT: &[&str] = &["commit"];
/// Of a URL.
pub(super) const HTTP_CHECKSUM: &[&str] = &["checksum"];

const IMAGE: &[&[&str]] = &[IMAGE_DIGEST, IMAGE_CONFIG, IMAGE_CHAIN, IMAGE_PROVENANCE, IMAGE_SIGNATURES];
/// Fields of objects, by their own name.
const NESTED: &[&[&str]] = &[&["signatures"]];
const GIT: &[&[&str]] = &[GIT_REF, GIT_IDS, GIT_TAG, GIT_COMMIT];
const HTTP: &[&[&str]] = &[HTTP_CHECKSUM];

/// Every property that may have to be looked up first, by document, and what it is looked up with.
pub fn lookups() -> Vec<Unresolved> {
    let of = |document, group, fields: &'static [&'static str]| {
        fields.iter().map(move |field| Unresolved { document, field, group })
    };
    let image = |document| {
        let config = of(document, Group::ImageConfig, IMAGE_CONFIG);
        let digest = of(document, Group::ImageDigest, IMAGE_DIGEST).chain(config);
        let chain = of(document, Group::AttestationChain, IMAGE_CHAIN);
        let provenance = of(document, Group::Provenance, IMAGE_PROVENANCE);
        let signatures = of(document, Group::Signatures, IMAGE_SIGNATURES);
        let signed = of(document, Group::Signatures, IMAGE_PROVENANCE_SIGNATURES);
        digest.chain(chain).chain(provenance).chain(signatures).chain(signed)
    };
    let git = of("git", Group::GitRef, GIT_REF).chain(of("git", Group::GitRef, GIT_IDS));
    let objects = of("git", Group::GitObjects, GIT_TAG).chain(of("git", Group::GitObjects, GIT_COMMIT));
    let http = of("http", Group::HttpChecksum, HTTP_CHECKSUM);
    image("image").chain(image("ociLayout")).chain(git).chain(objects).chain(http).collect()
}

fn has(fields: &[&[&str]], name: &str) -> bool {
    fields.iter().any(|fields| fields.contains(&name))
}

/// Whether a field of this name may have to be resolved first, in whatever it is. `ref` is left out:
/// of an image it is always known, and it is read often.
pub(crate) fn may_be_unresolved_name(name: &str) -> bool {
    name != "ref" && [IMAGE, NESTED, GIT, HTTP].iter().any(|fields| has(fields, name))
}

/// Whether reading this path below `input` may have to resolve something first.
pub(crate) fn may_be_unresolved(path: &[Arc<str>]) -> bool {
    match path {
        [] => true,
        [document, field, ..] => match &**document {
            "image" | "ociLayout" => has(IMAGE, field),
            "git" => has(GIT, field),
            "http" => has(HTTP, field),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{may_be_unresolved, may_be_unresolved_name};

    #[test]
    fn fields_that_need_a_look() {
        for (path, expected) in [
            ("image.labels.team", true),
            ("image.tag", false),
            ("image.ref", false),
            ("git.ref", true),
            ("git.tag.tagger", true),
            ("ociLayout.signatures", true),
            ("image.verification", true),
            ("image.provenance.signatures", true),
            ("http.checksum", true),
            ("http.url", false),
            ("env.labels", false),
            ("image", false),
        ] {
            let path: Vec<_> = path.split('.').map(Into::into).collect();
            assert_eq!(may_be_unresolved(&path), expected, "{path:?}");
        }
        assert!(may_be_unresolved(&[]));
        assert!(may_be_unresolved_name("labels") && may_be_unresolved_name("tag"));
        assert!(may_be_unresolved_name("signatures") && may_be_unresolved_name("verification"));
        let nested = super::IMAGE_PROVENANCE_SIGNATURES
            .iter()
            .map(|field| field.rsplit('.').next().unwrap_or_default());
        assert!(nested.clone().all(may_be_unresolved_name), "{:?}", nested.collect::<Vec<_>>());
        assert!(!may_be_unresolved_name("ref") && !may_be_unresolved_name("repo"));
    }
}
