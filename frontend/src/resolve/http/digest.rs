//! The digests of one body, computed while it streams by.

use std::fmt::Write as _;
use std::io;

use policy_engine::metadata::{ChecksumAlgorithm, ChecksumRequest, ChecksumResponse, HttpMetadata};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Hashes a body once, or twice if the suffix wants another hash.
pub(super) struct BodyDigest {
    body: Sha256,
    other: Option<Other>,
    length: u64,
    limit: u64,
}

enum Other {
    Sha384(Sha384),
    Sha512(Sha512),
}

/// The body is longer than `limit`.
#[derive(Debug, thiserror::Error)]
#[error("the body is too long")]
pub(super) struct TooLong;

impl BodyDigest {
    /// For a body of at most `limit` bytes.
    pub(super) fn new(request: Option<&ChecksumRequest>, limit: u64) -> Self {
        let other = match request.map(|request| request.algorithm) {
            None | Some(ChecksumAlgorithm::Sha256) => None,
            Some(ChecksumAlgorithm::Sha384) => Some(Other::Sha384(Sha384::new())),
            Some(ChecksumAlgorithm::Sha512) => Some(Other::Sha512(Sha512::new())),
        };
        Self { body: Sha256::new(), other, length: 0, limit }
    }

    /// The next piece of the body.
    pub(super) fn update(&mut self, piece: &[u8]) -> Result<(), TooLong> {
        self.length = self.length.saturating_add(piece.len() as u64);
        if self.length > self.limit {
            return Err(TooLong);
        }
        self.body.update(piece);
        match &mut self.other {
            Some(Other::Sha384(hash)) => hash.update(piece),
            Some(Other::Sha512(hash)) => hash.update(piece),
            None => {}
        }
        Ok(())
    }

    /// The answer to `request`, which must be the one that this was made with.
    pub(super) fn finish(self, request: Option<&ChecksumRequest>) -> HttpMetadata {
        let checksum_response = request.map(|request| {
            let digest = match self.other {
                Some(Other::Sha384(hash)) => named("sha384", &hash.chain_update(&request.suffix).finalize()),
                Some(Other::Sha512(hash)) => named("sha512", &hash.chain_update(&request.suffix).finalize()),
                None => named("sha256", &self.body.clone().chain_update(&request.suffix).finalize()),
            };
            ChecksumResponse { digest, suffix: request.suffix.clone() }
        });
        HttpMetadata {
            checksum: named("sha256", &self.body.finalize()),
            checksum_response,
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
        for (algorithm, expected) in [
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
        ] {
            let request = ChecksumRequest { algorithm, suffix: Bytes::from_static(b"def") };
            let mut digest = BodyDigest::new(Some(&request), 3);
            for piece in ["a", "bc"] {
                digest.update(piece.as_bytes()).expect("within the limit");
            }
            let metadata = digest.finish(Some(&request));
            assert_eq!(metadata.checksum, abc);
            let response = metadata.checksum_response.expect("it was asked for");
            assert_eq!((response.digest.as_str(), &response.suffix[..]), (expected, &b"def"[..]));
        }
        let mut digest = BodyDigest::new(None, 3);
        digest.update(b"abcd").expect_err("over the limit");
    }
}
