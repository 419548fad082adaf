//! Times in files of OpenSSH (`ssh-keygen`, ALLOWED SIGNERS).

use chrono::NaiveDateTime;

/// `YYYYMMDD` or `YYYYMMDDHHMM[SS]`, in seconds since 1970. They are in UTC, whether a `Z` says so or not: a policy
/// decides the same wherever it runs.
pub(super) fn parse(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('Z').or_else(|| text.strip_suffix("UTC")).unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let rest = match digits.len() {
        8 => "000000",
        12 => "00",
        14 => "",
        _ => return None,
    };
    let time = NaiveDateTime::parse_from_str(&format!("{digits}{rest}"), "%Y%m%d%H%M%S").ok()?;
    Some(time.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        for (text, expected) in [
            ("19700102", Some(86_400)),
            ("19700102Z", Some(86_400)),
            ("197001020001", Some(86_460)),
            ("19700102000001UTC", Some(86_401)),
            ("20240229", Some(1_709_164_800)),
            ("20230229", None),
            ("1970010200", None),
            ("+9700102", None),
            ("", None),
            ("20240101T", None),
            ("always", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
