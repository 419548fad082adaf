//! Content digests: `algorithm:hex` (OCI image spec, descriptor.md, "Digests").

/// Why a string is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// Not `algorithm:encoded`, or the encoded part is no lower-case hex.
    #[error("invalid digest, it must look like sha256:<64 lower-case hex digits>")]
    Format,
    /// The hex part has the wrong length for its algorithm.
    #[error("invalid digest length, {algorithm} needs {expected} hex digits")]
    Length {
        /// The algorithm.
        algorithm: &'static str,
        /// How many digits it needs.
        expected: usize,
    },
    /// Not one of sha256, sha384, sha512.
    #[error("unsupported digest algorithm, use sha256, sha384 or sha512")]
    Algorithm,
}

/// Checks that `digest` is one of a known algorithm, of the right length, in lower-case hex.
pub fn validate(digest: &str) -> Result<(), DigestError> {
    let (algorithm, hex) = digest.split_once(':').ok_or(DigestError::Format)?;
    let (algorithm, expected) = match algorithm {
        "sha256" => ("sha256", 64),
        "sha384" => ("sha384", 96),
        "sha512" => ("sha512", 128),
        "" => return Err(DigestError::Format),
        _ => return Err(DigestError::Algorithm),
    };
    if hex.len() != expected {
        return Err(DigestError::Length { algorithm, expected });
    }
    if !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(DigestError::Format);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DigestError, validate};

    #[test]
    fn digests_are_strict() {
        let hex = "a1".repeat(32);
        assert_eq!(validate(&format!("sha256:{hex}")), Ok(()));
        assert_eq!(validate(&format!("sha512:{hex}{hex}")), Ok(()));
        assert_eq!(validate(&format!("sha256:{}", hex.to_uppercase())), Err(DigestError::Format));
        assert_eq!(validate(&format!("md5:{hex}")), Err(DigestError::Algorithm));
        assert_eq!(validate(&hex), Err(DigestError::Format));
        assert_eq!(
            validate("sha256:abc123..."),
            Err(DigestError::Length { algorithm: "sha256", expected: 64 })
        );
    }
}
