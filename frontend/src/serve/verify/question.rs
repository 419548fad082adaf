//! What BuildKit asks, read once.

use policy_engine::metadata::Metadata;
use policy_engine::source::{Platform, Source, SourceOp};

use super::VerifyError;
use crate::buildkit::convert::{self, ConvertError};
use crate::buildkit::proto::pb;
use crate::buildkit::proto::policysession::CheckPolicyRequest;
use crate::redact;

/// A `CheckPolicyRequest`.
#[derive(Debug)]
pub(super) struct Question {
    /// The source as it came: it goes back as it is.
    pub(super) asked_source: pb::SourceOp,
    /// The platform as it came, or not.
    pub(super) asked_platform: Option<pb::Platform>,
    /// The source.
    pub(super) source: SourceOp,
    /// The platform that the policies see: only images are for one, and always.
    pub(super) platform: Option<Platform>,
    /// What BuildKit found out.
    pub(super) known: Option<Metadata>,
}

impl Question {
    /// Reads a request; images without a platform are for `default_platform`. A source that no policy can
    /// judge is an error here already.
    pub(super) fn read(
        request: CheckPolicyRequest,
        default_platform: &Platform,
    ) -> Result<Self, VerifyError> {
        let mut response = request.source.ok_or(ConvertError::NoSource)?;
        let asked_source = response.source.take().ok_or(ConvertError::NoSource)?;
        if asked_source.identifier.is_empty() {
            return Err(ConvertError::NoSource.into());
        }
        let source = convert::source_op(&asked_source);
        let parsed = Source::parse(&source).map_err(|error| VerifyError::Policy {
            source_shown: redact::source(&source),
            cause: policy_engine::input::InputError::from(error).into(),
        })?;
        let platform = match (&request.platform, parsed.needs_platform()) {
            (_, false) => None,
            (Some(platform), true) => Some(convert::platform(platform)?),
            (None, true) => Some(default_platform.clone()),
        };
        let known = convert::metadata(response)?;
        Ok(Self { asked_source, asked_platform: request.platform, source, platform, known })
    }

    /// The source, fit to be shown.
    pub(super) fn shown(&self) -> String {
        redact::source(&self.source)
    }
}

/// What a source is known to be: the digest of an image or of a body, or a commit id.
pub(super) fn digest_of(source: &SourceOp, known: Option<&Metadata>) -> Option<String> {
    let found = known.and_then(|known| {
        let git = known.git.as_ref().map(|git| match git.commit_checksum.as_str() {
            "" => &git.checksum,
            _ => &git.commit_checksum,
        });
        let image = known.image.as_ref().map(|image| &image.digest);
        image.or(git).or(known.http.as_ref().map(|http| &http.checksum)).filter(|digest| !digest.is_empty())
    });
    found.cloned().or_else(|| match Source::parse(source).ok()? {
        Source::Image(image) => image.reference.digest().map(str::to_owned),
        Source::OciLayout(layout) => layout.digest,
        _ => None,
    })
}
