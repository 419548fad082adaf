//! What refers to a manifest ("Listing Referrers" and "Referrers Tag Schema" of the OCI distribution specification 1.1).

use oci_spec::image::{Descriptor, Digest};
use policy_engine::provenance::PREDICATE_TYPES;
use reqwest::header::HeaderValue;

use super::request::{Answer, is_generic};
use super::{ImageError, MAX_MANIFEST, ReferrersWanted, RegistryImage};
use crate::resolve::image::chain::MAX_REFERRERS;
use crate::resolve::image::document::{Document, OCI_INDEX, sha256};

const ACCEPT_INDEX: HeaderValue = HeaderValue::from_static(OCI_INDEX);
const MAX_REFERRER_PAGES: usize = 16;

impl RegistryImage<'_> {
    pub(super) async fn fetch_referrers(
        &self,
        digest: &Digest,
        wanted: ReferrersWanted,
    ) -> Result<Vec<Descriptor>, ImageError> {
        let what = format!("referrers of {digest}");
        let mut url = self.url("referrers", digest.as_ref())?;
        if wanted == ReferrersWanted::Provenance {
            let mut query = url.query_pairs_mut();
            query.append_pair("artifactType", "application/vnd.in-toto+json");
            // Docker's own; others pass it over.
            for predicate_type in PREDICATE_TYPES {
                query.append_pair("predicateType", predicate_type);
            }
        }
        match self.get(&url, &ACCEPT_INDEX, MAX_MANIFEST, &what).await {
            Ok(first) => self.referrer_pages(digest, first).await,
            Err(error) if has_no_api(&error) => self.referrers_by_tag(digest).await,
            Err(error) => Err(error),
        }
    }

    /// Follows the `Link` headers of a list that comes in pieces.
    async fn referrer_pages(&self, digest: &Digest, first: Answer) -> Result<Vec<Descriptor>, ImageError> {
        let what = format!("referrers of {digest}");
        let mut referrers = self.referrer_list(&what, &first)?;
        let mut next = first.next;
        for _ in 0..MAX_REFERRER_PAGES {
            let Some(url) = next else { return Ok(referrers) };
            let page = self.get(&url, &ACCEPT_INDEX, MAX_MANIFEST, &what).await?;
            referrers.extend(self.referrer_list(&what, &page)?);
            if referrers.len() > MAX_REFERRERS {
                return Err(self.limit(format!("number of {what}"), MAX_REFERRERS.to_string()));
            }
            next = page.next;
        }
        Err(self.limit(what, format!("{MAX_REFERRER_PAGES} pages")))
    }

    /// Where a registry has no referrers API: an index under the tag `sha256-…`. By the specification there are no
    /// referrers where the tag is missing or names no index.
    async fn referrers_by_tag(&self, digest: &Digest) -> Result<Vec<Descriptor>, ImageError> {
        let what = format!("referrers of {digest}");
        let tag = digest.as_ref().replacen(':', "-", 1);
        match self.get(&self.url("manifests", &tag)?, &ACCEPT_INDEX, MAX_MANIFEST, &what).await {
            // GitLab takes such a tag for the digest, and answers with the subject itself.
            Ok(answer) if sha256(&answer.bytes) == digest.as_ref() => Ok(Vec::new()),
            Ok(answer) => Ok(self.listed(&what, &answer)?.unwrap_or_default()),
            Err(ImageError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn referrer_list(&self, what: &str, answer: &Answer) -> Result<Vec<Descriptor>, ImageError> {
        self.listed(what, answer)?.ok_or_else(|| ImageError::UnsupportedMediaType {
            reference: self.reference.clone(),
            what: what.to_owned(),
            media_type: answer.media_type.clone(),
            expected: "an OCI index",
        })
    }

    /// What an index lists; `None` where it is a manifest.
    fn listed(&self, what: &str, answer: &Answer) -> Result<Option<Vec<Descriptor>>, ImageError> {
        let media_type = if is_generic(&answer.media_type) { OCI_INDEX } else { &answer.media_type };
        match Document::parse(&self.reference, what, media_type, &answer.bytes)? {
            Document::Index(index) => Ok(Some(index.index.manifests().clone())),
            Document::Manifest(_) => Ok(None),
        }
    }
}

/// Whether the registry doesn't know the referrers API. The specification has 404 for that; Artifactory answers 406, and
/// other clients take 400 and 405 so as well. A registry that answers so can say as well that there are no referrers,
/// so nothing becomes trusted by it.
fn has_no_api(error: &ImageError) -> bool {
    matches!(
        error,
        ImageError::NotFound { .. } | ImageError::UnexpectedStatus { status: 400 | 405 | 406, .. }
    )
}
