//! Moments in time zones.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{OffsetName, Tz};

/// Nanoseconds in a second.
pub(super) const SECOND: i64 = 1_000_000_000;
/// Seconds in a day.
const DAY: i64 = 86_400;

/// A time of the Gregorian calendar. Months and days count from 1; a year may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
}

impl Civil {
    /// The time that is `seconds` after 1970.
    pub(super) fn from_seconds(seconds: i64) -> Self {
        // Years begin in March here, so that the leap day is the last one. Eras are 400 years.
        let (days, rest) = (seconds.div_euclid(DAY) + 719_468, seconds.rem_euclid(DAY));
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    /// Seconds since 1970. Months, days and the rest may be out of their range, and carry over.
    pub(super) fn seconds(self) -> i64 {
        let months = self.month - 1;
        let (year, month) = (self.year + months.div_euclid(12), months.rem_euclid(12) + 1);
        let year = year - i64::from(month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let from_march = (month + 9) % 12;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * from_march + 2) / 5;
        let days = era * 146_097 + of_era - 719_468 + self.day - 1;
        days * DAY + self.hour * 3600 + self.minute * 60 + self.second
    }

    /// The day of the week, from Sunday as 0.
    pub(super) fn weekday(self) -> usize {
        usize::try_from((self.seconds().div_euclid(DAY) + 4).rem_euclid(7)).unwrap_or(0)
    }

    /// The day of the year, from 1.
    pub(super) fn year_day(self) -> i64 {
        let first = Self { month: 1, day: 1, ..self };
        (self.seconds() - first.seconds()) / DAY + 1
    }
}

/// How many days a month has.
pub(super) fn days_in(year: i64, month: i64) -> i64 {
    let first = Civil { year, month, day: 1, hour: 0, minute: 0, second: 0 };
    (Civil { month: month + 1, ..first }.seconds() - first.seconds()) / DAY
}

/// A moment in a time zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Nanoseconds since 1970.
    pub nanos: i64,
    pub zone: Tz,
}

impl Moment {
    /// How far the zone's clocks are ahead, in seconds, and its name at that moment.
    pub(super) fn offset(self) -> (i64, String) {
        zone_offset(self.zone, self.nanos.div_euclid(SECOND))
    }

    /// What the zone's clocks show.
    pub(super) fn civil(self) -> Civil {
        Civil::from_seconds(self.nanos.div_euclid(SECOND) + self.offset().0)
    }

    pub(super) fn subsecond(self) -> i64 {
        self.nanos.rem_euclid(SECOND)
    }
}

fn zone_offset(zone: Tz, seconds: i64) -> (i64, String) {
    let Some(utc) = DateTime::from_timestamp(seconds, 0) else { return (0, String::from("UTC")) };
    let offset = zone.offset_from_utc_datetime(&utc.naive_utc());
    let name = offset.abbreviation().unwrap_or_default().to_owned();
    (i64::from(offset.fix().local_minus_utc()), name)
}

/// Seconds since 1970 when the zone's clocks show `civil`. Of two such moments the first one is meant by
/// clocks set back; where clocks were set forward, the time after it.
pub(super) fn seconds_in(zone: Tz, civil: Civil) -> i64 {
    let local = civil.seconds();
    let (guess, _) = zone_offset(zone, local);
    if guess == 0 {
        return local;
    }
    local - zone_offset(zone, local - guess).0
}
