//! Whom we trust: the system's certificate authorities, and those that are named.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::error::{TransportError, chain};

/// Client side of TLS 1.2 and 1.3 with ring.
pub(super) fn client_config(extra_ca: &[PathBuf]) -> Result<ClientConfig, TransportError> {
    let mut roots = RootCertStore::empty();
    // The system's store may hold certificates that can't be parsed: they just aren't trusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        // As in a container image without ca-certificates.
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for path in extra_ca {
        add_ca_file(&mut roots, path)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TransportError::Client { detail: chain(&error) })?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn add_ca_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TransportError> {
    let refuse = |detail: String| TransportError::CaFile { path: path.to_owned(), detail };
    let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
        roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
        found = true;
    }
    if found { Ok(()) } else { Err(refuse("no certificate in it".to_owned())) }
}
