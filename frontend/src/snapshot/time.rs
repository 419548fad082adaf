//! Times as RFC 3339, in UTC and nanoseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};

/// A time that no snapshot is taken at (before 1970, or out of the calendar) becomes the epoch.
pub(super) fn format(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    DateTime::from_timestamp(seconds, since.subsec_nanos())
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// `None` for what is no time, or one before 1970.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    let since = Duration::new(u64::try_from(time.timestamp()).ok()?, time.timestamp_subsec_nanos());
    UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use super::*;

    #[test]
    fn nanoseconds_are_kept() {
        let time = UNIX_EPOCH + Duration::new(1_764_102_872, 123_456_789);
        let text = format(time);
        assert_eq!(text, "2025-11-25T20:34:32.123456789Z");
        assert_eq!(parse(&text), Some(time));
        assert_eq!(parse("1969-12-31T23:59:59Z"), None);
        assert_eq!(parse("yesterday"), None);
        // A leap second has more than 10⁹ nanoseconds.
        assert!(parse("2016-12-31T23:59:60.5Z").is_some());
    }
}
