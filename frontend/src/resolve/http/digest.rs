//! The digests of one body, computed while it streams by.

use std::fmt::Write as _;
use std::io;

use policy_engine::metadata::{ChecksumAlgorithm, ChecksumRequest, ChecksumResponse, HttpMetadata};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Hashes a body once, and once more for each other hash that a suffix wants.
pub(super) struct BodyDigest {
    body: Sha256,
    sha384: Option<Sha384>,
    sha512: Option<Sha512>,
    length: u64,
    limit: u64,
}

/// The body is longer than `limit`.
#[derive(Debug, thiserror::Error)]
#[error("the body is too long")]
pub(super) struct TooLong;

impl BodyDigest {
    /// For a body of at most `limit` bytes.
    pub(super) fn new(requests: &[ChecksumRequest], limit: u64) -> Self {
        let wants = |algorithm| requests.iter().any(|request| request.algorithm == algorithm);
        Self {
            body: Sha256::new(),
            sha384: wants(ChecksumAlgorithm::Sha384).then(Sha384::new),
            sha512: wants(ChecksumAlgorithm::Sha512).then(Sha512::new),
            length: 0,
            limit,
        }
    }

    /// The next piece of the body.
    pub(super) fn update(&mut self, piece: &[u8]) -> Result<(), TooLong> {
        self.length = self.length.saturating_add(piece.len() as u64);
        if self.length > self.limit {
            return Err(TooLong);
        }
        self.body.update(piece);
        if let Some(hash) = &mut self.sha384 {
            hash.update(piece);
        }
        if let Some(hash) = &mut self.sha512 {
            hash.update(piece);
        }
        Ok(())
    }

    /// The answer to `requests`, which must be those that this was made with.
    pub(super) fn finish(self, requests: &[ChecksumRequest]) -> HttpMetadata {
        let response = |request: &ChecksumRequest| {
            let name = request.algorithm.name();
            let digest = match request.algorithm {
                ChecksumAlgorithm::Sha256 => suffixed(name, Some(&self.body), request),
                ChecksumAlgorithm::Sha384 => suffixed(name, self.sha384.as_ref(), request),
                ChecksumAlgorithm::Sha512 => suffixed(name, self.sha512.as_ref(), request),
            }?;
            Some(ChecksumResponse { digest, suffix: request.suffix.clone() })
        };
        HttpMetadata {
            checksum_responses: requests.iter().filter_map(response).collect(),
            checksum: named("sha256", &self.body.finalize()),
            ..HttpMetadata::default()
        }
    }
}

/// So that a decoder can write into it.
impl io::Write for BodyDigest {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.update(piece).map_err(io::Error::other)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn suffixed<H: Digest + Clone>(name: &str, hash: Option<&H>, request: &ChecksumRequest) -> Option<String> {
    Some(named(name, &hash?.clone().chain_update(&request.suffix).finalize()))
}

/// `alg:hex`
fn named(algorithm: &str, digest: &[u8]) -> String {
    let mut text = format!("{algorithm}:");
    for byte in digest {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use policy_engine::metadata::{ChecksumAlgorithm, ChecksumRequest};

    use super::BodyDigest;

    #[test]
    fn known_digests() {
        // By coreutils: printf abc | sha256sum, printf abcdef | sha…sum.
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let expected = [
            (
                ChecksumAlgorithm::Sha256,
                "sha256:bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721",
            ),
            (
                ChecksumAlgorithm::Sha384,
                "sha384:c6a4c65b227e7387b9c3e839d44869c4cfca3ef583dea64117859b808c1e3d8ae689e1e314eeef52a6ffe22681aa11f5",
            ),
            (
                ChecksumAlgorithm::Sha512,
                "sha512:e32ef19623e8ed9d267f657a81944b3d07adbb768518068e88435745564e8d4150a0a703be2a7d88b61e3d390c2bb97e2d4c311fdc69d6b1267f05f59aa920e7",
            ),
        ];
        let request =
            |algorithm: ChecksumAlgorithm| ChecksumRequest { algorithm, suffix: Bytes::from_static(b"def") };
        let requests = expected.map(|(algorithm, _)| request(algorithm));
        for wanted in [&requests[..], &requests[..1], &requests[1..2], &requests[2..], &[]] {
            let mut digest = BodyDigest::new(wanted, 3);
            for piece in ["a", "bc"] {
                digest.update(piece.as_bytes()).expect("within the limit");
            }
            let metadata = digest.finish(wanted);
            assert_eq!(metadata.checksum, abc);
            assert_eq!(metadata.checksum_responses.len(), wanted.len());
            for (algorithm, expected) in expected {
                let request = request(algorithm);
                let known = wanted.contains(&request).then_some(expected);
                assert_eq!(metadata.digest_over(&request), known);
            }
        }
        let mut digest = BodyDigest::new(&[], 3);
        digest.update(b"abcd").expect_err("over the limit");
    }
}
