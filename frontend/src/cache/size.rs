//! Sizes as people write them.

const UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// A string that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no size: write a whole number and a unit, such as 512MiB")]
pub struct SizeError(String);

/// Bytes from `512MiB`, `1GB`, `0`.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let (number, unit) = unit.unwrap_or((text, 1));
    let number: Option<u64> = number.trim_end().parse().ok();
    number.and_then(|number| number.checked_mul(unit)).ok_or_else(|| SizeError(text.to_owned()))
}

/// `12.3 MiB`.
pub fn show_size(bytes: u64) -> String {
    let (unit, size) = UNITS.iter().take(3).rev().find(|(_, size)| bytes >= *size).unwrap_or(&("B", 1));
    if *size == 1 {
        return format!("{bytes} B");
    }
    let tenths = u128::from(bytes) * 10 / u128::from(*size);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in
            [("0", 0), ("12", 12), ("1B", 1), ("2KiB", 2048), ("1 MB", 1_000_000), ("512MiB", 512 << 20)]
        {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "MiB", "-1", "1.5GiB", "1TB", "99999999999GiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (512 << 20, "512.0 MiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(show_size(bytes), text);
        }
    }
}
