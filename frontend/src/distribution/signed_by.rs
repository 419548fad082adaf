//! Who must have signed a policy or a library, as `policy-libraries.json` and `--signed-by` say it.
//!
//! ```json
//! {"key": "keys/acme.pub"}
//! {"issuer": "https://token.actions.githubusercontent.com", "sourceRepositoryURI": "https://github.com/acme/policies"}
//! ```
//!
//! The names are those of an entry of `input.image.signatures`.

use std::str::FromStr;

use policy_engine::input::Signer;
use policy_engine::policy::FileError;
use policy_engine::verify::git::GitKeys;
use policy_engine::verify::pgp::PGP_FILE_LIMIT;
use policy_engine::verify::{KEY_LIMIT, PublicKey};
use serde::{Deserialize, Serialize};

use super::{DistributionError, Place};
use crate::policy_spec::csv_fields;

/// The trust root that a certificate must come from where none is named: under any other, names mean what its operator
/// says.
const TRUST_ROOT: &str = "sigstore";

/// Who must have signed: a key, or somebody with a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedBy {
    /// File with the public key: of an artifact a PEM `PUBLIC KEY`, of git OpenPGP or SSH keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Name of the trust root that the certificate must come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_alternative_name: Option<String>,
    #[serde(rename = "sourceRepositoryURI", skip_serializing_if = "Option::is_none")]
    source_repository_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_repository_ref: Option<String>,
    #[serde(rename = "buildSignerURI", skip_serializing_if = "Option::is_none")]
    build_signer_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runner_environment: Option<String>,
}

/// Who must have signed, with the key read.
#[derive(Debug, Clone)]
pub enum Signatory {
    /// A key of artifacts.
    Key {
        /// Its file.
        file: String,
        /// The key.
        key: Box<PublicKey>,
    },
    /// Keys of commits and tags.
    GitKeys {
        /// Their file.
        file: String,
        /// The keys.
        keys: Box<GitKeys>,
    },
    /// Whom a certificate names.
    Certificate {
        /// The trust root that it must come from.
        trust_root: String,
        /// What it must say, by the names of `signer`.
        names: Vec<(&'static str, String)>,
    },
}

impl SignedBy {
    /// What the certificate must say, by name.
    fn names(&self) -> Vec<(&'static str, String)> {
        let names = [
            ("issuer", &self.issuer),
            ("subjectAlternativeName", &self.subject_alternative_name),
            ("sourceRepositoryURI", &self.source_repository_uri),
            ("sourceRepositoryRef", &self.source_repository_ref),
            ("buildSignerURI", &self.build_signer_uri),
            ("runnerEnvironment", &self.runner_environment),
        ];
        names.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }

    /// Why this can't be demanded of what lies at `place`.
    pub(super) fn flaw(&self, place: &Place) -> Option<String> {
        let names = self.names();
        let who = [&self.subject_alternative_name, &self.source_repository_uri, &self.build_signer_uri];
        let why = match (place, &self.key) {
            (Place::Folder(_), _) => "nobody signs a folder: leave it out",
            (_, Some(_)) if !names.is_empty() || self.trust_root.is_some() => {
                "a `key` stands alone: it has no certificate"
            }
            (_, Some(key)) if key.is_empty() => "`key` is empty",
            (_, Some(_)) => return None,
            (Place::Git(_), None) => "git is signed with a key: name the file with `key`",
            (Place::Oci(_), None) if self.issuer.is_none() => {
                "either `key` is needed, or `issuer`: anybody may call themselves anything elsewhere"
            }
            (Place::Oci(_), None) if who.iter().all(|name| name.is_none()) => {
                "an `issuer` alone is everybody: add `subjectAlternativeName`, `sourceRepositoryURI` or `buildSignerURI`"
            }
            (Place::Oci(_), None) => {
                return names.into_iter().find_map(|(name, value)| flaw_of(name, &value));
            }
        };
        Some(why.to_owned())
    }

    /// Reads the key, if there is one, by `read` (its path, and how large it may be).
    pub fn load(
        &self,
        place: &Place,
        read: impl FnOnce(&str, u64) -> Result<Vec<u8>, FileError>,
    ) -> Result<Signatory, DistributionError> {
        let refused = |reason| DistributionError::Signatory { place: place.to_string(), reason };
        if let Some(flaw) = self.flaw(place) {
            return Err(refused(flaw));
        }
        let Some(file) = self.key.clone() else {
            let trust_root = self.trust_root.clone().unwrap_or_else(|| TRUST_ROOT.to_owned());
            return Ok(Signatory::Certificate { trust_root, names: self.names() });
        };
        let limit = if matches!(place, Place::Git(_)) { PGP_FILE_LIMIT } else { KEY_LIMIT };
        let content = read(&file, limit as u64)
            .map_err(|error| refused(format!("cannot read the key `{file}`: {error}")))?;
        if matches!(place, Place::Git(_)) {
            let keys = GitKeys::parse(&content);
            let keys = keys.map_err(|error| refused(format!("cannot read the keys in `{file}`: {error}")))?;
            return Ok(Signatory::GitKeys { file, keys: Box::new(keys) });
        }
        let key = PublicKey::from_pem(&content);
        let key = key.map_err(|error| refused(format!("`{file}` is no public key: {error}")))?;
        Ok(Signatory::Key { file, key: Box::new(key) })
    }
}

/// `--signed-by`: `key=FILE`, or `issuer=…,subjectAlternativeName=…`.
impl FromStr for SignedBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut named = serde_json::Map::new();
        for field in csv_fields(text).map_err(|error| error.to_string())? {
            let (name, value) = field.split_once('=').ok_or_else(|| format!("`{field}` is no NAME=VALUE"))?;
            if named.insert(name.to_owned(), value.into()).is_some() {
                return Err(format!("`{name}` is there twice"));
            }
        }
        serde_json::from_value(named.into()).map_err(|error| error.to_string())
    }
}

/// Why a value can't be demanded. One star at the end stands for any rest, after `/` or `@` only: `…/acme*` would be
/// `acme-evil` as well. Where it is about who signed, a host and a name stand before it: `https://github.com/*` and
/// `release@*` would be everybody.
fn flaw_of(name: &str, value: &str) -> Option<String> {
    let (before, stars) =
        value.split_once('*').map_or((value, None), |(before, after)| (before, Some(after)));
    let is_sound = match stars {
        None => !value.is_empty(),
        Some(after) => after.is_empty() && before.ends_with(['/', '@']) && name != "issuer",
    };
    let is_who = matches!(name, "subjectAlternativeName" | "sourceRepositoryURI" | "buildSignerURI");
    let path = |url: &'_ str| Some(url.split_once("://")?.1.split_once('/')?.1.len());
    if is_sound && stars.is_some() && is_who && path(before).is_none_or(|len| len == 0) {
        return Some(format!("`{name}`: {value:?} is everybody: a host and a name stand before a `*`"));
    }
    (!is_sound).then(|| {
        format!(
            "`{name}`: {value:?} is no name; of others than the issuer, one `*` may end it, after `/` or `@`"
        )
    })
}

/// Whether `value` is what `wanted` demands.
fn fits(wanted: &str, value: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(before) => value.strip_prefix(before).is_some_and(|rest| !rest.is_empty()),
        None => wanted == value,
    }
}

impl Signatory {
    /// Whether the certificate of `signer`, which verified under `trust_root`, says what is demanded.
    pub(super) fn is(&self, signer: &Signer, trust_root: &str) -> bool {
        let Self::Certificate { trust_root: wanted_root, names } = self else { return false };
        let said = |name| match name {
            "issuer" => Some(&signer.issuer),
            "subjectAlternativeName" => Some(&signer.subject_alternative_name),
            "sourceRepositoryURI" => Some(&signer.source_repository_uri),
            "sourceRepositoryRef" => Some(&signer.source_repository_ref),
            "buildSignerURI" => Some(&signer.build_signer_uri),
            "runnerEnvironment" => Some(&signer.runner_environment),
            _ => None,
        };
        wanted_root == trust_root
            && names.iter().all(|(name, wanted)| said(name).is_some_and(|said| fits(wanted, said)))
    }
}

impl std::fmt::Display for Signatory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key { file, .. } | Self::GitKeys { file, .. } => write!(f, "the key in `{file}`"),
            Self::Certificate { trust_root, names } => {
                let names: Vec<String> =
                    names.iter().map(|(name, value)| format!("{name} {value:?}")).collect();
                write!(f, "{} (trust root `{trust_root}`)", names.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests;
