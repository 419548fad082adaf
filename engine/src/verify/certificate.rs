//! A signing certificate: who is named, and for how long.
//!
//! Fulcio's extensions: <https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sigstore_types::{DerCertificate, DerPublicKey};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Tag, Tagged};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::input::Signer;

/// Fulcio's extensions.
const FULCIO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");
/// A user's name in an `otherName`, for those that are neither URI nor address.
const FULCIO_OTHER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");

/// What is read of a signing certificate.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    pub(super) public_key: DerPublicKey,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// Whom it names.
    pub(super) signer: Signer,
}

impl Certificate {
    /// Reads an X.509 certificate (RFC 5280). The error says what is wrong with it.
    pub(super) fn parse(der: &DerCertificate) -> Result<Self, String> {
        let info = sigstore_crypto::parse_certificate_info(der).map_err(|error| error.to_string())?;
        let certificate =
            x509_cert::Certificate::from_der(der.as_bytes()).map_err(|error| error.to_string())?;
        let body = certificate.tbs_certificate;
        let extensions = body.extensions.unwrap_or_default();
        let mut seen = BTreeSet::new();
        if let Some(twice) = extensions.iter().find(|extension| !seen.insert(extension.extn_id)) {
            return Err(format!("the extension {} is there twice", twice.extn_id));
        }
        let mut signer = Signer {
            // RFC 4514 writes names from their end.
            certificate_issuer: body.issuer.to_string(),
            subject_alternative_name: alternative_name(&extensions)?,
            ..Signer::default()
        };
        for extension in &extensions {
            read_extension(&mut signer, extension)?;
        }
        Ok(Self {
            public_key: info.public_key,
            not_before: info.not_before,
            not_after: info.not_after,
            signer,
        })
    }

    /// Whether it is valid at this time, both ends included.
    pub(super) fn is_valid_at(&self, time: Timestamp) -> bool {
        self.not_before <= time && time <= self.not_after
    }
}

/// Whether a certificate names itself as its issuer. One that can't be read is no authority's either.
pub(super) fn is_root(der: &DerCertificate) -> bool {
    x509_cert::Certificate::from_der(der.as_bytes())
        .map_or(true, |certificate| certificate.tbs_certificate.issuer == certificate.tbs_certificate.subject)
}

/// The first URI; without one the first address; without one Fulcio's `otherName`.
fn alternative_name(extensions: &[Extension]) -> Result<String, String> {
    use x509_cert::der::oid::AssociatedOid;

    let none = || "it has no subject alternative name".to_owned();
    let extension = extensions.iter().find(|e| e.extn_id == SubjectAltName::OID).ok_or_else(none)?;
    let malformed =
        |error: x509_cert::der::Error| format!("its subject alternative name is malformed: {error}");
    let names = SubjectAltName::from_der(extension.extn_value.as_bytes()).map_err(malformed)?.0;
    let uri = names.iter().find_map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()),
        _ => None,
    });
    let address = || {
        names.iter().find_map(|name| match name {
            GeneralName::Rfc822Name(address) => Some(address.to_string()),
            _ => None,
        })
    };
    if let Some(name) = uri.or_else(address).filter(|name| !name.is_empty()) {
        return Ok(name);
    }
    let other = names.iter().find_map(|name| match name {
        GeneralName::OtherName(other) if other.type_id == FULCIO_OTHER_NAME => Some(&other.value),
        _ => None,
    });
    let other = other.ok_or_else(none)?;
    match (other.tag(), std::str::from_utf8(other.value())) {
        (Tag::Utf8String, Ok(name)) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err("its subject alternative name is no UTF-8 string".to_owned()),
    }
}

fn read_extension(signer: &mut Signer, extension: &Extension) -> Result<(), String> {
    let Some(number) = fulcio_number(extension.extn_id) else { return Ok(()) };
    let field = match number {
        // In two forms, of which the last one counts.
        1 | 8 => &mut signer.issuer,
        9 => &mut signer.build_signer_uri,
        10 => &mut signer.build_signer_digest,
        11 => &mut signer.runner_environment,
        12 => &mut signer.source_repository_uri,
        13 => &mut signer.source_repository_digest,
        14 => &mut signer.source_repository_ref,
        15 => &mut signer.source_repository_identifier,
        16 => &mut signer.source_repository_owner_uri,
        17 => &mut signer.source_repository_owner_identifier,
        18 => &mut signer.build_config_uri,
        19 => &mut signer.build_config_digest,
        20 => &mut signer.build_trigger,
        21 => &mut signer.run_invocation_uri,
        22 => &mut signer.source_repository_visibility_at_signing,
        _ => return Ok(()),
    };
    let value = extension.extn_value.as_bytes();
    let text = if number == 1 { std::str::from_utf8(value).ok() } else { der_string(value) };
    let text = text.ok_or_else(|| format!("its extension {} is no string", extension.extn_id))?;
    text.clone_into(field);
    Ok(())
}

/// The last number of an identifier right below Fulcio's.
fn fulcio_number(oid: ObjectIdentifier) -> Option<u32> {
    (oid.parent()? == FULCIO).then(|| oid.arcs().last())?
}

/// A string in DER, with nothing behind it.
fn der_string(der: &[u8]) -> Option<&str> {
    let any = AnyRef::from_der(der).ok()?;
    let is_string = matches!(any.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
    is_string.then(|| std::str::from_utf8(any.value()).ok())?
}
