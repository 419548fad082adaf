//! Resolving sources by the script.

use std::sync::Arc;

use policy_check::buildkit::proto::{gateway, pb};

use super::State;
use super::failure::Failure;

/// What is known of `source`, as far as `request` asks for it.
pub(crate) async fn resolve(
    state: &Arc<State>,
    source: &pb::SourceOp,
    request: &gateway::ResolveSourceMetaRequest,
) -> Result<gateway::ResolveSourceMetaResponse, Failure> {
    let script = state.script();
    let tag = source.identifier.split('@').next().unwrap_or_default();
    let found = script.metadata.get(&source.identifier).or_else(|| script.metadata.get(tag));
    let is_image = source.identifier.starts_with("docker-image://");
    let mut known = match found {
        Some(found) => found.clone(),
        None if is_image => {
            return Err(Failure::new(format!("{}: not found", &tag["docker-image://".len()..])));
        }
        None => super::Metadata::default(),
    };
    let ask = request.image.clone().unwrap_or_default();
    let attestations = ask.attestation_chain || !ask.resolve_attestations.is_empty();
    if is_image && attestations && !known.oci_index {
        return state.crash("attestations of an image that is no OCI index").await;
    }
    if let Some(image) = &mut known.known.image {
        if !attestations {
            image.attestation_chain = None;
        }
        if ask.no_config {
            image.config.clear();
        }
        if ask.no_config && !attestations {
            image.digest.clear();
        }
    }
    if let Some(git) = &mut known.known.git
        && !request.git.is_some_and(|git| git.return_object)
    {
        git.commit_object.clear();
        git.tag_object.clear();
    }
    if let Some(http) = &mut known.known.http {
        let wanted = request.http.as_ref().and_then(|http| http.checksum_request.as_ref());
        http.checksum_response = http.checksum_response.take().filter(|_| wanted.is_some());
    }
    known.known.source = Some(source.clone());
    Ok(known.known)
}
