//! Timestamps of timestamp authorities (RFC 3161).

use jiff::Timestamp;
use sigstore_types::{Bundle, Rfc3161Timestamp, SignatureBytes, SignatureContent};

use super::BundleFailure;
use crate::input;
use crate::verify::Step;
use crate::verify::certificate::Certificate;
use crate::verify::material::Material;

/// What the timestamps of a bundle come to.
pub(super) struct Timestamps {
    /// Those that a known authority made of this signature.
    pub(super) kept: Vec<Rfc3161Timestamp>,
    /// Their times, with the authority's URI; one of each authority.
    pub(super) times: Vec<(Timestamp, String)>,
    /// Why the last of the others was passed over.
    pub(super) passed_over: Option<String>,
}

pub(super) fn check(bundle: &Bundle, material: &Material) -> Timestamps {
    let mut checked = Timestamps { kept: Vec::new(), times: Vec::new(), passed_over: None };
    let Some(signature) = signature(bundle) else { return checked };
    for token in &bundle.verification_material.timestamp_verification_data.rfc3161_timestamps {
        let mut made = None;
        for authority in &material.timestamp_authorities {
            let time = sigstore_tsa::verify_timestamp_for_authority(
                &token.signed_timestamp,
                signature,
                &authority.authority,
            );
            match time {
                Ok(time) => {
                    made = Some((time, &authority.uri));
                    break;
                }
                Err(error) => checked.passed_over = Some(error.to_string()),
            }
        }
        let Some((time, uri)) = made else { continue };
        // A second one of the same authority says nothing more.
        if !checked.times.iter().any(|(_, known)| known == uri) {
            checked.times.push((time, uri.clone()));
            checked.kept.push(token.clone());
        }
    }
    checked
}

/// All trusted times of a signature, as policies see them.
pub(super) fn all(
    logs: &[(Timestamp, String)],
    authorities: &[(Timestamp, String)],
) -> Vec<input::Timestamp> {
    let of = |kind: &'static str| {
        move |(time, uri): &(Timestamp, String)| input::Timestamp {
            r#type: kind.to_owned(),
            uri: uri.clone(),
            timestamp: time.to_string(),
        }
    };
    logs.iter().map(of("Tlog")).chain(authorities.iter().map(of("TimestampAuthority"))).collect()
}

/// The certificate must have been valid at each trusted time.
pub(super) fn check_certificate<'t>(
    certificate: &Certificate,
    mut times: impl Iterator<Item = &'t (Timestamp, String)>,
) -> Result<(), BundleFailure> {
    match times.find(|(time, _)| !certificate.is_valid_at(*time)) {
        None => Ok(()),
        Some((time, _)) => Err(BundleFailure::new(
            Step::CertificateTime,
            format!("the certificate was not valid when it signed, at {time}"),
        )),
    }
}

fn signature(bundle: &Bundle) -> Option<&SignatureBytes> {
    match &bundle.content {
        SignatureContent::MessageSignature(message) => Some(&message.signature),
        SignatureContent::DsseEnvelope(envelope) => Some(&envelope.signature.sig),
        _ => None,
    }
}
