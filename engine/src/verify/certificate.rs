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
    pub(super) der: DerCertificate,
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
            der: der.clone(),
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

/// Whom a certificate is for, written as [`Signer::certificate_issuer`]; `None` if it can't be read.
pub(super) fn subject(der: &DerCertificate) -> Option<String> {
    let certificate = x509_cert::Certificate::from_der(der.as_bytes()).ok()?;
    Some(certificate.tbs_certificate.subject.to_string())
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

#[cfg(test)]
mod tests {
    use x509_cert::der::asn1::OctetString;

    use super::*;

    /// A DER element.
    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        [&[tag, length], content].concat()
    }

    fn extension(oid: &str, value: Vec<u8>) -> Extension {
        Extension {
            extn_id: ObjectIdentifier::new(oid).unwrap(),
            critical: false,
            extn_value: OctetString::new(value).unwrap(),
        }
    }

    fn fulcio(number: u32, value: &[u8]) -> Extension {
        extension(&format!("1.3.6.1.4.1.57264.1.{number}"), value.to_vec())
    }

    fn names(names: &[Vec<u8>]) -> Result<String, String> {
        alternative_name(&[extension("2.5.29.17", element(0x30, &names.concat()))])
    }

    fn other_name(oid_end: u8, value: &[u8]) -> Vec<u8> {
        let oid = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, oid_end];
        element(0xa0, &[element(0x06, &oid), element(0xa0, value)].concat())
    }

    #[test]
    fn one_name_counts() {
        let (uri, address) = (element(0x86, b"https://a"), element(0x81, b"a@b"));
        let other = other_name(7, &element(0x0c, b"me!b"));
        assert_eq!(names(&[address.clone(), uri, other.clone()]).unwrap(), "https://a");
        assert_eq!(names(&[other.clone(), address]).unwrap(), "a@b");
        assert_eq!(names(std::slice::from_ref(&other)).unwrap(), "me!b");
        assert!(names(&[other_name(7, &element(0x13, b"me!b"))]).is_err(), "another type of string");
        assert!(names(&[other_name(6, &element(0x0c, b"me!b"))]).is_err(), "another kind of name");
        assert!(names(&[element(0x82, b"example.com")]).is_err(), "a host");
        assert!(names(&[element(0x86, b"")]).is_err() && names(&[]).is_err());
        assert!(alternative_name(&[]).is_err());
        assert!(alternative_name(&[extension("2.5.29.17", vec![0x30, 0, 0])]).is_err(), "more behind it");
    }

    #[test]
    fn claims_are_strings() {
        let read = |extensions: &[Extension]| {
            let mut signer = Signer::default();
            extensions
                .iter()
                .try_for_each(|extension| read_extension(&mut signer, extension))
                .map(|()| signer)
        };
        let text = |text: &[u8]| element(0x0c, text);
        // The older form is no DER; of both the last one counts.
        assert_eq!(read(&[fulcio(8, &text(b"new")), fulcio(1, b"old")]).unwrap().issuer, "old");
        assert_eq!(read(&[fulcio(1, b"old"), fulcio(8, &text(b"new"))]).unwrap().issuer, "new");
        let signer = read(&[fulcio(9, &text(b"w")), fulcio(22, &element(0x13, b"public"))]).unwrap();
        assert_eq!(
            (signer.build_signer_uri.as_str(), signer.source_repository_visibility_at_signing.as_str()),
            ("w", "public")
        );
        for wrong in
            [&b"raw"[..], &[0x0c, 1, b'a', 0], &[0x0c, 2, b'a'], &[0x04, 1, b'a'], &[0x0c, 1, 0xff], b""]
        {
            assert!(read(&[fulcio(9, wrong)]).is_err(), "{wrong:?}");
        }
        assert!(read(&[fulcio(1, &[0xff])]).is_err());
        // Others are none of these.
        assert_eq!(
            read(&[fulcio(7, b"raw"), fulcio(23, b"raw"), extension("1.3.6.1.4.1.57264.2.9", vec![])]),
            Ok(Signer::default())
        );
    }
}
