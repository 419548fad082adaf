//! The Sigstore instances that are known without being told: what is embedded of each, and until when it holds.

use jiff::Timestamp;
use policy_engine::verify::RootKind;
use sigstore_trust_root::{SIGSTORE_GITHUB_TRUSTED_ROOT, SIGSTORE_PRODUCTION_TRUSTED_ROOT};

/// A Sigstore instance that publishes its trust root by TUF.
#[derive(Debug, Clone, Copy)]
pub struct Instance {
    /// As policies and reports call it.
    pub name: &'static str,
    /// Whose it is.
    pub kind: RootKind,
    /// Its TUF repository.
    pub url: &'static str,
    /// The TUF root that its repository's metadata is verified from (TUF 1.0, section 4.3).
    pub anchor: &'static [u8],
    /// The version of that TUF root.
    pub anchor_version: u64,
    /// When it expires.
    pub anchor_expires: Timestamp,
    /// Its `trusted_root.json` at the time of [`Instance::embedded_at`].
    pub embedded: &'static str,
    /// When the embedded copy was taken.
    pub embedded_at: Timestamp,
}

/// The release of the crate `sigstore-trust-root` that brings the embedded copies, 2026-10-23.
const EMBEDDED_AT: Timestamp = Timestamp::constant(1_792_713_600, 0);

/// Sigstore's public good instance.
pub const SIGSTORE: Instance = Instance {
    name: "sigstore",
    kind: RootKind::Sigstore,
    url: "https://tuf-repo-cdn.sigstore.dev",
    anchor: include_bytes!("anchors/sigstore.json"),
    anchor_version: 16,
    // 2027-04-22T19:27:31Z
    anchor_expires: Timestamp::constant(1_808_422_051, 0),
    embedded: SIGSTORE_PRODUCTION_TRUSTED_ROOT,
    embedded_at: EMBEDDED_AT,
};

/// GitHub's instance, for attestations of private repositories.
pub const GITHUB: Instance = Instance {
    name: "github",
    kind: RootKind::Github,
    url: "https://tuf-repo.github.com",
    anchor: include_bytes!("anchors/github.json"),
    anchor_version: 9,
    // 2027-01-28T20:18:53Z
    anchor_expires: Timestamp::constant(1_801_167_533, 0),
    embedded: SIGSTORE_GITHUB_TRUSTED_ROOT,
    embedded_at: EMBEDDED_AT,
};

/// Both, in the order in which signatures are tried under them.
pub const INSTANCES: [Instance; 2] = [SIGSTORE, GITHUB];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use sigstore_tuf::TrustedMetadataSet;

    use super::*;
    use crate::resolve::image::document::sha256;

    #[test]
    fn anchors_expire_when_they_say() {
        for instance in INSTANCES {
            let anchor = TrustedMetadataSet::from_root(instance.anchor).unwrap();
            assert_eq!(anchor.root().expires, instance.anchor_expires, "{}", instance.name);
            assert_eq!(anchor.root().version, instance.anchor_version, "{}", instance.name);
        }
    }

    /// Another release of the crate brings other copies: take along the `repository/tuf*_root.json` that belong to
    /// them, and the date.
    #[test]
    fn embedded_copies_are_those_of_the_anchors() {
        for (instance, digest) in [
            (SIGSTORE, "sha256:6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66"),
            (GITHUB, "sha256:484cdfe1a7c65479c5ba2a22193d1be90f0020db1997de696ab207434c62fbb7"),
        ] {
            assert_eq!(sha256(instance.embedded.as_bytes()), digest, "{}", instance.name);
        }
    }
}
