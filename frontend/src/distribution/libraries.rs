//! `policy-libraries.json`: which libraries a policy imports, from where, and what they are held to.
//!
//! ```json
//! {"version": 1, "libraries": {
//!   "acme": {"from": "oci://ghcr.io/acme/policies:v1", "pin": "sha256:…", "files": "sha256:…"}
//! }}
//! ```
//!
//! `import data.acme.images` is then `images.rego` of that artifact. With `signedBy`, a library says who must have signed
//! what its pin stands for: see [`SignedBy`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use policy_engine::policy::{FileError, PolicyFile, PolicyRoot};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{DistributionError, Fetched, Fetcher, Held, Place, Signatory, SignedBy};

/// What the file is called, in the folder that a policy imports from.
pub const FILE_NAME: &str = "policy-libraries.json";
/// Its largest size in bytes.
const MAX_SIZE: u64 = 1 << 20;
/// Libraries of one policy.
const MAX_LIBRARIES: usize = 100;

/// The content of a `policy-libraries.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Libraries {
    version: u32,
    /// By the name that imports use.
    #[serde(deserialize_with = "each_once")]
    pub libraries: BTreeMap<String, Library>,
}

/// One library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Library {
    /// Where it lies: see [`Place`]. A folder is relative to the file, and lies below it.
    pub from: String,
    /// Who must have signed it.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<SignedBy>,
    /// Of a git repository the commit, of an artifact the digest of its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// Digest of its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<String>,
    /// Of a signed artifact the digest of the signature's manifest. It saves the way to the registry, and is believed
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// A name that is there twice would mean what stands last, and a reader may have seen the first.
fn each_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Library>, D::Error> {
    struct EachOnce;

    impl<'de> Visitor<'de> for EachOnce {
        type Value = BTreeMap<String, Library>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("libraries by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut libraries = BTreeMap::new();
            while let Some((name, library)) = map.next_entry::<String, Library>()? {
                if libraries.insert(name.clone(), library).is_some() {
                    return Err(A::Error::custom(format!("the library `{name}` is there twice")));
                }
            }
            Ok(libraries)
        }
    }

    deserializer.deserialize_map(EachOnce)
}

/// `null` is no way to say nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SignedBy>, D::Error> {
    SignedBy::deserialize(deserializer).map(Some)
}

impl Libraries {
    /// Reads the file. `path` is for messages.
    pub fn parse(path: &str, content: &[u8]) -> Result<Self, DistributionError> {
        let refused = |reason: String| DistributionError::Libraries { path: path.to_owned(), reason };
        let parsed: Self = serde_json::from_slice(content).map_err(|error| refused(error.to_string()))?;
        if parsed.version != 1 {
            return Err(refused(format!("version {} is not known, only 1", parsed.version)));
        }
        if parsed.libraries.len() > MAX_LIBRARIES {
            return Err(refused(format!("it names more than {MAX_LIBRARIES} libraries")));
        }
        for (name, library) in &parsed.libraries {
            if !is_name(name) {
                return Err(refused(format!("`{name}` is no name that an import could use")));
            }
            let place: Place = library.from.parse()?;
            let is_inside = |path: &str| {
                let mut parts = Path::new(path).components();
                parts.all(|part| matches!(part, std::path::Component::Normal(_)))
            };
            if let Place::Folder(folder) = &place
                && !is_inside(folder)
            {
                return Err(refused(format!("the folder `{folder}` of the library `{name}` lies outside")));
            }
            if let Some(flaw) = library.signed_by.as_ref().and_then(|signed_by| signed_by.flaw(&place)) {
                return Err(refused(format!("`signedBy` of the library `{name}`: {flaw}")));
            }
        }
        Ok(parsed)
    }

    /// The file's content.
    pub fn render(&self) -> String {
        // Strings and maps of them can always be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

impl Library {
    /// Where it lies, pinned if a pin is known. Folders are below `base`.
    pub fn place(&self, base: &Path) -> Result<Place, DistributionError> {
        match (self.from.parse()?, &self.pin) {
            (Place::Folder(folder), _) => Ok(Place::Folder(base.join(folder).display().to_string())),
            (place, Some(pin)) => place.pinned_to(pin),
            (place, None) => Ok(place),
        }
    }

    /// What is there now, signed by whom it must be. `root` is the folder of the file, for keys; that folder is `base`.
    /// Blocks.
    pub fn fetch(
        &self,
        name: &str,
        base: &Path,
        root: &dyn PolicyRoot,
        fetcher: &Fetcher,
    ) -> Result<Fetched, DistributionError> {
        let unheld = Self { files: None, ..self.clone() };
        unheld
            .get(base, root, |place, held| fetcher.fetch(place, held))
            .map_err(|error| error.of_library(name))
    }

    /// What it is pinned to, held to all that is said of it. A folder needs no pin: it is the policy's own. Blocks.
    pub fn pinned(
        &self,
        name: &str,
        base: &Path,
        root: &dyn PolicyRoot,
        fetcher: &Fetcher,
    ) -> Result<Fetched, DistributionError> {
        self.get(base, root, |place, held| fetcher.pinned(place, held))
            .map_err(|error| error.of_library(name))
    }

    fn get(
        &self,
        base: &Path,
        root: &dyn PolicyRoot,
        get: impl FnOnce(&Place, Held<'_>) -> Result<Fetched, DistributionError>,
    ) -> Result<Fetched, DistributionError> {
        let place = self.place(base)?;
        let signatory = self.signatory(&place, root)?;
        get(
            &place,
            Held {
                files: self.files.as_deref(),
                signatory: signatory.as_ref(),
                signature: self.signature.as_deref(),
                named: Some(&self.from.parse()?),
            },
        )
    }

    fn signatory(
        &self,
        place: &Place,
        root: &dyn PolicyRoot,
    ) -> Result<Option<Signatory>, DistributionError> {
        let load = |signed_by: &SignedBy| signed_by.load(place, |path, limit| root.read(path, limit));
        self.signed_by.as_ref().map(load).transpose()
    }

    /// The same library, held to what is there now.
    #[must_use]
    pub fn locked(&self, fetched: &Fetched) -> Self {
        Self {
            pin: fetched.place.pin(),
            files: Some(fetched.files.digest()),
            signature: fetched.signature.clone(),
            ..self.clone()
        }
    }

    /// The same library, held to nothing.
    #[must_use]
    pub fn unlocked(&self) -> Self {
        Self { pin: None, files: None, signature: None, ..self.clone() }
    }

    /// Whether all is said of it that a lock says.
    pub fn is_locked(&self) -> Result<bool, DistributionError> {
        let place: Place = self.from.parse()?;
        let is_signed =
            self.signed_by.is_none() || self.signature.is_some() || !matches!(place, Place::Oci(_));
        Ok(self.files.is_some() && is_signed && (self.pin.is_some() || !place.is_remote()))
    }
}

/// One segment of `data.…`: an identifier. The policy's own package isn't for others.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name != "docker"
}

/// The libraries that a policy with this root may import.
pub(super) fn read(root: &dyn PolicyRoot, folder: &Path) -> Result<Option<Libraries>, DistributionError> {
    let path = folder.join(FILE_NAME).display().to_string();
    match root.read(FILE_NAME, MAX_SIZE) {
        Ok(content) => Libraries::parse(&path, &content).map(Some),
        Err(FileError::NotFound) => Ok(None),
        Err(error) => Err(DistributionError::Libraries { path, reason: error.to_string() }),
    }
}

/// The policy that `name` names on another machine, with where it imports from. Where the `policy-libraries.json` of
/// `root` has the very same place, it is held to what is said there; a tag or a branch is fine then. Blocks.
pub fn remote_policy(
    name: &str,
    root: &dyn PolicyRoot,
    folder: &Path,
    fetcher: &Fetcher,
) -> Result<(Vec<PolicyFile>, Arc<dyn PolicyRoot>), DistributionError> {
    let place: Place = name.parse()?;
    let libraries = read(root, folder)?.map(|libraries| libraries.libraries).unwrap_or_default();
    let same =
        |(_, library): &(&String, &Library)| library.from.parse().is_ok_and(|from: Place| from == place);
    // Two may have one place: the one that says more counts.
    let held = libraries.iter().filter(same).max_by_key(|(_, library)| library.signed_by.is_some());
    let fetched = match held {
        Some((entry, library)) => library.pinned(entry, folder, root, fetcher)?,
        None => fetcher.pinned(&place, Held::default())?,
    };
    fetcher.policy(&fetched.place, &fetched.files)
}

#[cfg(test)]
mod tests;
