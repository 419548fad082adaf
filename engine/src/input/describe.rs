//! One source and what is known about it, as a document and a list of unresolved fields.

use super::build::InputError;
use super::config::ImageConfig;
use super::unresolved as fields;
use super::{Actor, Commit, Git, Group, Http, Image, ImageContent, ImagePlatform, Input, Local, OciLayout};
use super::{PgpSignature, Signature, SshSignature, Tag, Unresolved};
use crate::git_object::{GitObject, GitObjectError, ObjectKind, SignatureInfo};
use crate::metadata::{
    AttestationChain, GitMetadata, HttpMetadata, ImageMetadata, ImageSignatures, Metadata,
};
use crate::provenance::{self, Predicate};
use crate::source::{
    GitSource, HttpSource, ImageSource, OciLayoutSource, Platform, Redacted, Source, SourceOp,
};
use crate::verify::{self, Trust};

/// Bytes that built-in functions verify.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawObjects {
    /// The commit object of a git source.
    pub commit: Option<GitObject>,
    /// The tag object of a git source.
    pub tag: Option<GitObject>,
    /// What is known about a URL.
    pub http: Option<HttpMetadata>,
    /// The attestations and signatures of an image, once it was asked for both.
    pub signatures: Option<(AttestationChain, ImageSignatures)>,
}

/// A source as a document.
#[derive(Debug, Default)]
pub(super) struct Described {
    /// Without environment and provenance.
    pub(super) input: Input,
    /// The fields that nobody has looked up.
    pub(super) unresolved: Vec<Unresolved>,
    /// The provenance of an image.
    pub(super) predicate: Option<Predicate>,
    /// The signatures that cover that.
    pub(super) vouching: Vec<Signature>,
    /// Provenance that could not be read.
    pub(super) warnings: Vec<String>,
    /// Bytes to verify.
    pub(super) raw: RawObjects,
}

impl Described {
    fn leave(&mut self, document: &'static str, group: Group, fields: &[&'static str]) {
        self.unresolved.extend(fields.iter().map(|field| Unresolved { document, field, group }));
    }
}

pub(super) fn describe(
    op: &SourceOp,
    source: &Source,
    platform: Option<&Platform>,
    known: Option<&Metadata>,
    trust: &Trust,
) -> Result<Described, InputError> {
    let name = || Redacted(&op.identifier).to_string();
    match source {
        Source::Local(local) => {
            let local = Some(Local { name: local.name.clone() });
            Ok(Described { input: Input { local, ..Input::default() }, ..Described::default() })
        }
        Source::Http(http) => Ok(describe_http(http, known.and_then(|known| known.http.as_ref()))),
        Source::Git(git) => describe_git(&name(), git, known.and_then(|known| known.git.as_ref())),
        Source::Image(image) => {
            let platform = platform.ok_or_else(|| InputError::NoPlatform { source_name: name() })?;
            let mut described = Described::default();
            let known = known.and_then(|known| known.image.as_ref());
            let content = content(&mut described, "image", &name(), image.reference.digest(), known, trust)?;
            described.input.image = Some(Box::new(image_document(image, platform, content)));
            Ok(described)
        }
        Source::OciLayout(layout) => {
            let platform = platform.ok_or_else(|| InputError::NoPlatform { source_name: name() })?;
            let mut described = Described::default();
            let known = known.and_then(|known| known.image.as_ref());
            let content =
                content(&mut described, "ociLayout", &name(), layout.digest.as_deref(), known, trust)?;
            described.input.oci_layout = Some(Box::new(layout_document(layout, platform, content)));
            Ok(described)
        }
    }
}

fn describe_http(source: &HttpSource, known: Option<&HttpMetadata>) -> Described {
    let mut described = Described::default();
    let checksum = known.map_or_else(String::new, |known| known.checksum.clone());
    if checksum.is_empty() {
        described.leave("http", Group::HttpChecksum, fields::HTTP_CHECKSUM);
    }
    described.raw.http = known.cloned();
    described.input.http = Some(Http {
        url: source.url.clone(),
        schema: source.schema.clone(),
        host: source.host.clone(),
        path: source.path.clone(),
        query: source.query.clone(),
        has_auth: source.has_auth,
        checksum,
    });
    described
}

fn image_document(source: &ImageSource, platform: &Platform, content: ImageContent) -> Image {
    let reference = &source.reference;
    Image {
        r#ref: reference.to_string(),
        host: reference.host().to_owned(),
        repo: reference.familiar_name(),
        full_repo: reference.name(),
        tag: reference.tag().unwrap_or_default().to_owned(),
        platform: image_platform(platform),
        is_canonical: reference.digest().is_some(),
        content,
    }
}

fn layout_document(source: &OciLayoutSource, platform: &Platform, content: ImageContent) -> OciLayout {
    OciLayout {
        r#ref: source.reference.clone(),
        name: source.name.clone(),
        tag: source.tag.clone().unwrap_or_default(),
        platform: image_platform(platform),
        is_canonical: source.digest.is_some(),
        content,
    }
}

fn image_platform(platform: &Platform) -> ImagePlatform {
    ImagePlatform {
        platform: platform.format(),
        os: platform.os.clone(),
        arch: platform.architecture.clone(),
        variant: platform.variant.clone(),
    }
}

/// What an image says of itself. `digest` is the one in the reference.
fn content(
    described: &mut Described,
    document: &'static str,
    name: &str,
    digest: Option<&str>,
    known: Option<&ImageMetadata>,
    trust: &Trust,
) -> Result<ImageContent, InputError> {
    let mut content =
        ImageContent { checksum: digest.unwrap_or_default().to_owned(), ..ImageContent::default() };
    if let Some(found) = known.map(|known| &known.digest).filter(|found| !found.is_empty()) {
        if digest.is_some_and(|digest| digest != found) {
            return Err(InputError::Digest { source_name: name.to_owned(), found: found.clone() });
        }
        content.checksum.clone_from(found);
    }
    if content.checksum.is_empty() {
        described.leave(document, Group::ImageDigest, fields::IMAGE_DIGEST);
    }
    if let Some(config) = known.and_then(|known| known.config.as_ref()) {
        let config = ImageConfig::parse(config).map_err(|error| InputError::Config {
            source_name: name.to_owned(),
            reason: error.to_string(),
        })?;
        content.created_time = config.created.unwrap_or_default();
        content.env = config.container.env;
        content.labels = config.container.labels;
        content.user = config.container.user;
        content.volumes = config.container.volumes.into_iter().collect();
        content.working_dir = config.container.working_dir;
    } else {
        described.leave(document, Group::ImageConfig, fields::IMAGE_CONFIG);
    }
    let Some(chain) = known.and_then(|known| known.attestation_chain.as_ref()) else {
        described.leave(document, Group::AttestationChain, fields::IMAGE_CHAIN);
        described.leave(document, Group::Provenance, fields::IMAGE_PROVENANCE);
        described.leave(document, Group::Signatures, fields::IMAGE_SIGNATURES);
        return Ok(content);
    };
    let found = provenance::find(chain)
        .map_err(|error| InputError::Provenance { source_name: name.to_owned(), error })?;
    content.has_provenance = !chain.attestation_manifest.is_empty() || found.predicate.is_some();
    if found.unread {
        described.leave(document, Group::Provenance, fields::IMAGE_PROVENANCE);
    }
    if let Some(signatures) = known.and_then(|known| known.signatures.as_ref()) {
        let verified = verify::image::verify(chain, signatures, trust);
        described.raw.signatures = Some((chain.clone(), signatures.clone()));
        described.vouching = verified.signatures_of(&found.digest);
        content.signatures = verified.signatures;
        content.verification = verified.failures;
    } else {
        described.leave(document, Group::Signatures, fields::IMAGE_SIGNATURES);
        if found.predicate.is_some() {
            described.leave(document, Group::Signatures, fields::IMAGE_PROVENANCE_SIGNATURES);
        }
    }
    described.warnings = found.warnings.into_iter().map(|warning| format!("{name}: {warning}")).collect();
    described.predicate = found.predicate;
    Ok(content)
}

fn describe_git(
    name: &str,
    source: &GitSource,
    known: Option<&GitMetadata>,
) -> Result<Described, InputError> {
    let mut described = Described::default();
    let mut git = Git {
        schema: source.url.schema.clone(),
        host: source.url.host.clone(),
        remote: source.url.remote.clone(),
        full_url: source.full_url.clone().unwrap_or_default(),
        tag_name: source.tag_name().unwrap_or_default().to_owned(),
        branch: source.branch().unwrap_or_default().to_owned(),
        subdir: source.subdir.clone(),
        is_commit_ref: source.is_commit(),
        ..Git::default()
    };
    match known.filter(|known| !known.checksum.is_empty()) {
        Some(known) => resolved_git(&mut described, &mut git, name, source, known)?,
        None => unresolved_git(&mut described, &mut git, source),
    }
    git.is_sha256 = git.checksum.len() == 64;
    described.input.git = Some(Box::new(git));
    Ok(described)
}

/// A full ref says what it is, and a commit id needs no look-up.
fn unresolved_git(described: &mut Described, git: &mut Git, source: &GitSource) {
    if source.is_commit() || source.tag_name().is_some() || source.branch().is_some() {
        git.r#ref.clone_from(&source.reference);
    } else {
        described.leave("git", Group::GitRef, fields::GIT_REF);
    }
    if source.is_commit() {
        git.checksum.clone_from(&source.reference);
        git.commit_checksum.clone_from(&source.reference);
    } else {
        described.leave("git", Group::GitRef, fields::GIT_IDS);
    }
    described.leave("git", Group::GitObjects, fields::GIT_TAG);
    described.leave("git", Group::GitObjects, fields::GIT_COMMIT);
}

fn resolved_git(
    described: &mut Described,
    git: &mut Git,
    name: &str,
    source: &GitSource,
    known: &GitMetadata,
) -> Result<(), InputError> {
    git.r#ref.clone_from(&known.r#ref);
    if let Some(tag) = known.r#ref.strip_prefix("refs/tags/") {
        tag.clone_into(&mut git.tag_name);
    }
    if let Some(branch) = known.r#ref.strip_prefix("refs/heads/") {
        branch.clone_into(&mut git.branch);
    }
    git.checksum.clone_from(&known.checksum);
    let commit_id = if known.commit_checksum.is_empty() { &known.checksum } else { &known.commit_checksum };
    git.commit_checksum.clone_from(commit_id);
    git.is_annotated_tag = git.checksum != git.commit_checksum;
    if source.is_commit() && source.reference != git.checksum && source.reference != git.commit_checksum {
        return Err(InputError::Commit { source_name: name.to_owned(), found: git.checksum.clone() });
    }
    let Some(raw) = &known.commit_object else {
        described.leave("git", Group::GitObjects, fields::GIT_TAG);
        described.leave("git", Group::GitObjects, fields::GIT_COMMIT);
        return Ok(());
    };
    let bad_object = |error| InputError::GitObject { source_name: name.to_owned(), error };
    let commit = verified(raw, ObjectKind::Commit, &git.commit_checksum).map_err(bad_object)?;
    git.commit = Some(Commit::from_object(&commit).map_err(bad_object)?);
    described.raw.commit = Some(commit);
    if let Some(raw) = &known.tag_object {
        let object = verified(raw, ObjectKind::Tag, &git.checksum).map_err(bad_object)?;
        let tag = Tag::from_object(&object).map_err(bad_object)?;
        if tag.r#type == "commit" && tag.object != git.commit_checksum {
            let (expected, found) = (git.commit_checksum.clone(), tag.object);
            return Err(InputError::TagTarget { source_name: name.to_owned(), expected, found });
        }
        git.tag = Some(tag);
        described.raw.tag = Some(object);
    } else if git.is_annotated_tag {
        described.leave("git", Group::GitObjects, fields::GIT_TAG);
    }
    Ok(())
}

fn verified(raw: &bytes::Bytes, kind: ObjectKind, id: &str) -> Result<GitObject, GitObjectError> {
    let object = GitObject::parse(raw)?;
    object.verify(kind, id)?;
    Ok(object)
}

impl Commit {
    fn from_object(object: &GitObject) -> Result<Self, GitObjectError> {
        let (pgp_signature, ssh_signature) = signatures(object);
        Ok(Self {
            tree: object.header("tree").unwrap_or_default(),
            parents: object.headers("parent").collect(),
            author: actor(object, "author")?,
            committer: actor(object, "committer")?,
            message: object.message(),
            pgp_signature,
            ssh_signature,
        })
    }
}

impl Tag {
    fn from_object(object: &GitObject) -> Result<Self, GitObjectError> {
        let (pgp_signature, ssh_signature) = signatures(object);
        Ok(Self {
            object: object.header("object").unwrap_or_default(),
            r#type: object.header("type").unwrap_or_default(),
            tag: object.header("tag").unwrap_or_default(),
            tagger: actor(object, "tagger")?,
            message: object.message(),
            pgp_signature,
            ssh_signature,
        })
    }
}

fn actor(object: &GitObject, header: &str) -> Result<Actor, GitObjectError> {
    let person = object.person(header)?;
    Ok(Actor { name: person.name, email: person.email, when: person.when.unwrap_or_default() })
}

fn signatures(object: &GitObject) -> (Option<PgpSignature>, Option<SshSignature>) {
    match object.signature_info() {
        None => (None, None),
        Some(SignatureInfo::Pgp { version, key_id }) => {
            let key_id = key_id.map_or_else(String::new, |id| format!("{id:016x}"));
            (Some(PgpSignature { version, key_id }), None)
        }
        Some(SignatureInfo::Ssh { version, fingerprint }) => {
            (None, Some(SshSignature { version, pub_key: fingerprint }))
        }
    }
}
