//! Trust roots in files: `--trust-root [NAME=]FILE`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use policy_engine::verify::{RootKind, TRUST_ROOT_LIMIT, TrustError, TrustRoot};
use sigstore_trust_root::TrustedRoot;

use super::describe::{Described, State};
use super::instance::INSTANCES;
use crate::resolve::image::document::sha256;

/// Characters of a name.
const MAX_NAME: usize = 64;
/// Media types of a `trusted_root.json` (Sigstore protobuf specs, `dev.sigstore.trustroot.v1.TrustedRoot`).
const MEDIA_TYPES: [&str; 3] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

/// A file with a trust root, and what policies and reports call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootFile {
    /// `[a-z0-9-]+`.
    pub name: String,
    /// A `trusted_root.json`.
    pub path: PathBuf,
}

/// A trust root that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootFileError {
    /// The file can't be read.
    #[error("cannot read the trust root `{path}`: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// The file is no trust root.
    #[error("`{path}`: {error}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: TrustError,
    },
    /// Two roots of one name.
    #[error("there are two trust roots named `{0}`")]
    Twice(String),
}

impl RootFileError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Read { .. } => None,
            Self::Malformed { .. } => Some(
                "a `trusted_root.json` is needed, such as `policy-check trust update --url` writes".into(),
            ),
            Self::Twice(_) => Some("name them with `--trust-root NAME=FILE`".into()),
        }
    }
}

impl FromStr for RootFile {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        let (name, path) = match value.split_once('=') {
            Some((name, path)) => (name.to_owned(), PathBuf::from(path)),
            None => {
                let path = PathBuf::from(value);
                let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
                (name.unwrap_or_default(), path)
            }
        };
        if path.as_os_str().is_empty() {
            return Err("the file is missing".to_owned());
        }
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(allowed) {
            return Err(format!(
                "`{name}` is no name for a trust root: up to {MAX_NAME} of a-z, 0-9 and `-` are; write `NAME=FILE`"
            ));
        }
        if INSTANCES.iter().any(|instance| instance.name == name) {
            return Err(format!("the name `{name}` is taken; write `NAME=FILE` with another one"));
        }
        Ok(Self { name, path })
    }
}

impl RootFile {
    /// Reads and checks it.
    pub fn load(&self) -> Result<TrustRoot, RootFileError> {
        let json =
            read(&self.path).map_err(|cause| RootFileError::Read { path: self.path.clone(), cause })?;
        let malformed = |error| RootFileError::Malformed { path: self.path.clone(), error };
        check(&self.name, &json).map_err(malformed)?;
        TrustRoot::parse(&self.name, RootKind::Private, &json).map_err(malformed)
    }
}

/// A file that was named, described.
pub fn describe(file: &RootFile) -> Result<Described, RootFileError> {
    let RootFile { name, path } = file;
    let json = read(path).map_err(|cause| RootFileError::Read { path: path.clone(), cause })?;
    let root = check(name, &json).map_err(|error| RootFileError::Malformed { path: path.clone(), error })?;
    Ok(described(name, &path.display().to_string(), &json, &root))
}

/// The trust root `root`, which `json` in the file `path` holds.
pub fn described(name: &str, path: &str, json: &[u8], root: &TrustedRoot) -> Described {
    let described = Described { path: Some(path.to_owned()), ..Described::new(name, State::Fresh, "file") };
    described.with_version(sha256(json)).with_parts(root)
}

/// One byte more than a trust root may have is read at most.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut json = Vec::new();
    File::open(path)?.take(TRUST_ROOT_LIMIT as u64 + 1).read_to_end(&mut json)?;
    Ok(json)
}

/// Reads a trust root, and refuses one that nothing can be verified with: a wrong file, most likely.
pub fn check(name: &str, json: &[u8]) -> Result<TrustedRoot, TrustError> {
    // Size, structure and keys.
    TrustRoot::parse(name, RootKind::Private, json)?;
    let malformed = |reason: String| TrustError::Malformed { name: name.to_owned(), reason };
    let root = std::str::from_utf8(json).map_err(|error| malformed(error.to_string()))?;
    let root = TrustedRoot::from_json(root).map_err(|error| malformed(error.to_string()))?;
    if !MEDIA_TYPES.contains(&root.media_type.as_str()) {
        return Err(malformed(format!("its media type is `{}`", root.media_type)));
    }
    if root.certificate_authorities.is_empty() {
        return Err(malformed("it has no certificate authority".to_owned()));
    }
    if root.tlogs.is_empty() && root.timestamp_authorities.is_empty() {
        return Err(malformed(
            "it has neither a transparency log nor a timestamp authority, so no signature has a trusted time"
                .to_owned(),
        ));
    }
    let chains = root.certificate_authorities.iter().map(|ca| &ca.cert_chain);
    let mut chains = chains.chain(root.timestamp_authorities.iter().map(|tsa| &tsa.cert_chain));
    if chains.any(|chain| chain.certificates.is_empty()) {
        return Err(malformed("an authority has no certificate".to_owned()));
    }
    Ok(root)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use super::*;
    use crate::trust::instance::{GITHUB, SIGSTORE};

    #[test]
    fn names() {
        let root = |name: &str, path: &str| RootFile { name: name.to_owned(), path: path.into() };
        for (value, name, path) in [
            ("roots/acme.json", "acme", "roots/acme.json"),
            ("acme-2=trusted_root.json", "acme-2", "trusted_root.json"),
            ("a=b=c", "a", "b=c"),
        ] {
            assert_eq!(value.parse(), Ok(root(name, path)), "{value}");
        }
        let long = format!("{}=x", "a".repeat(65));
        for value in
            ["trusted_root.json", "sigstore.json", "github=x", "A=x", "a.b=x", "=x", "a=", "", &long, "a b=x"]
        {
            assert!(value.parse::<RootFile>().is_err(), "{value}");
        }
    }

    #[test]
    fn wrong_files_are_refused() {
        for instance in [SIGSTORE, GITHUB] {
            check("x", instance.embedded.as_bytes()).unwrap();
        }
        let without = |fields: &[&str]| {
            let mut root: serde_json::Value = serde_json::from_str(SIGSTORE.embedded).unwrap();
            for field in fields {
                root.as_object_mut().unwrap().remove(*field);
            }
            check("x", root.to_string().as_bytes()).unwrap_err().to_string()
        };
        assert!(without(&["mediaType"]).contains("mediaType"));
        assert!(without(&["certificateAuthorities"]).contains("no certificate authority"));
        assert!(without(&["tlogs", "timestampAuthorities"]).contains("neither a transparency log"));
        for json in ["{}", "[]", "", "\u{0}", "{\"mediaType\": \"x\"}"] {
            assert!(check("x", json.as_bytes()).is_err(), "{json}");
        }
        assert!(check("x", b"\xff").is_err());
    }
}
