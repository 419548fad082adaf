//! Docker Hardened Images: which images they are, and the key that signs them.

use std::sync::LazyLock;

use super::key::PublicKey;
use super::manifest::Index;

/// Docker's public key for hardened images.
const KEY: &[u8] = b"-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKdROmntRJFBrOJOQF5ww6gDBJqGm
Fxa4333s1KsL9ISjtmRzGNih9lNRsqfRVjgFgJIdL6EQ9dohdanvn7r2cg==
-----END PUBLIC KEY-----
";
/// It signs since 2025-04-02T12:00:00Z (seconds since 1970).
const KEY_START: i64 = 1_743_595_200;

static DOCKER: LazyLock<Option<PublicKey>> =
    LazyLock::new(|| PublicKey::from_pem(KEY).ok().map(|key| key.valid_from(KEY_START)));

/// Docker's key for hardened images.
pub(super) fn key() -> Option<&'static PublicKey> {
    DOCKER.as_ref()
}

/// Whether an index says that it is one: each of its manifests has the id of its build, and the title begins with
/// `dhi/`. Anybody can write such an index; the key is what counts.
pub(super) fn is_dhi(index: &Index) -> bool {
    let has_build_id = |annotations: &std::collections::BTreeMap<String, String>| {
        annotations.get("com.docker.dhi.build.id").is_some_and(|id| !id.is_empty())
    };
    let title = index.annotations.get("org.opencontainers.image.title");
    title.is_some_and(|title| title.starts_with("dhi/"))
        && index.manifests.iter().all(|manifest| has_build_id(&manifest.annotations))
}
