//! Reading times by Go's layouts.

use super::Result;
use super::calendar::{Civil, days_in};
use super::operands::failed;
use super::time::nanos;
use super::time_layout::{DAYS, MONTHS, Part, next_part};

/// What has been read of a time.
struct Reader<'a> {
    rest: &'a str,
    civil: Civil,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    pm: Option<bool>,
    nanos: i64,
    /// How far the time's zone is ahead of UTC, in seconds.
    ahead: i64,
}

/// Reads a time: nanoseconds since 1970. Without a zone it is UTC.
pub(super) fn parse(layout: &str, text: &str) -> Result {
    match read(layout, text) {
        Some((seconds, subsecond)) => nanos(seconds, subsecond),
        None => failed(format!("parsing time {text:?} as {layout:?}: cannot parse it")),
    }
}

fn read(layout: &str, text: &str) -> Option<(i64, i64)> {
    let mut reader = Reader {
        rest: text,
        civil: Civil { year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0 },
        month: None,
        day: None,
        year_day: None,
        pm: None,
        nanos: 0,
        ahead: 0,
    };
    let mut layout = layout;
    while let Some((before, part, after)) = next_part(layout) {
        reader.skip(before)?;
        reader.part(part, after)?;
        layout = after;
    }
    reader.skip(layout)?;
    if !reader.rest.is_empty() {
        return None;
    }
    reader.finish()
}

impl Reader<'_> {
    /// Passes over the layout's text; a blank in it stands for any number of blanks.
    fn skip(&mut self, text: &str) -> Option<()> {
        let mut text = text;
        while let Some(first) = text.chars().next() {
            if first == ' ' {
                if !self.rest.is_empty() && !self.rest.starts_with(' ') {
                    return None;
                }
                text = text.trim_start_matches(' ');
                self.rest = self.rest.trim_start_matches(' ');
            } else {
                self.rest = self.rest.strip_prefix(first)?;
                text = &text[first.len_utf8()..];
            }
        }
        Some(())
    }

    /// `count` digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        digits.parse().ok()
    }

    /// Two digits, or one unless `fixed`.
    fn number(&mut self, fixed: bool) -> Option<i64> {
        if fixed { self.digits(2) } else { self.digits(2).or_else(|| self.digits(1)) }
    }

    /// The number of the name that comes next, in any case.
    fn name(&mut self, names: &[&str], length: Option<usize>) -> Option<usize> {
        names.iter().position(|name| {
            let name = &name[..length.unwrap_or(name.len())];
            match self.rest.split_at_checked(name.len()) {
                Some((first, rest)) if first.eq_ignore_ascii_case(name) => {
                    self.rest = rest;
                    true
                }
                _ => false,
            }
        })
    }

    fn part(&mut self, part: Part, layout: &str) -> Option<()> {
        let within = |value: Option<i64>, most: i64| value.filter(|value| *value <= most);
        match part {
            Part::LongMonth => self.month = Some(i64::try_from(self.name(&MONTHS, None)?).ok()? + 1),
            Part::Month => self.month = Some(i64::try_from(self.name(&MONTHS, Some(3))?).ok()? + 1),
            Part::NumMonth | Part::ZeroMonth => {
                let month = within(self.number(part == Part::ZeroMonth), 12)?;
                self.month = Some(month).filter(|month| *month > 0);
                self.month?;
            }
            Part::LongWeekday => _ = self.name(&DAYS, None)?,
            Part::Weekday => _ = self.name(&DAYS, Some(3))?,
            Part::Day | Part::UnderDay | Part::ZeroDay => {
                if part == Part::UnderDay {
                    self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
                }
                self.day = Some(self.number(part == Part::ZeroDay)?);
            }
            Part::UnderYearDay | Part::ZeroYearDay => {
                let blanks = self.rest.bytes().take(2).take_while(|byte| *byte == b' ').count();
                let blanks = if part == Part::UnderYearDay { blanks } else { 0 };
                self.rest = &self.rest[blanks..];
                self.year_day = Some(self.digits(3 - blanks)?);
            }
            Part::Hour => self.civil.hour = within(self.number(false), 23)?,
            Part::Hour12 | Part::ZeroHour12 => {
                self.civil.hour = within(self.number(part == Part::ZeroHour12), 12)?;
            }
            Part::Minute | Part::ZeroMinute => {
                self.civil.minute = within(self.number(part == Part::ZeroMinute), 59)?;
            }
            Part::Second | Part::ZeroSecond => {
                self.civil.second = within(self.number(part == Part::ZeroSecond), 59)?;
                // A fraction may follow though the layout has none.
                if !matches!(next_part(layout), Some(("", Part::Fraction { .. }, _))) {
                    self.fraction();
                }
            }
            Part::LongYear => self.civil.year = self.digits(4)?,
            Part::Year => {
                let year = self.digits(2)?;
                self.civil.year = if year >= 69 { 1900 + year } else { 2000 + year };
            }
            Part::UpperPm | Part::LowerPm => {
                let (am, pm) = if part == Part::UpperPm { ("AM", "PM") } else { ("am", "pm") };
                let after_noon = self.rest.strip_prefix(pm);
                self.pm = Some(after_noon.is_some());
                self.rest = after_noon.or_else(|| self.rest.strip_prefix(am))?;
            }
            Part::Zone => self.zone()?,
            Part::Offset { z: true, .. } if self.rest.starts_with('Z') => self.rest = &self.rest[1..],
            Part::Offset { colons, minutes, seconds, .. } => self.offset(colons, minutes, seconds)?,
            Part::Fraction { digits, trim: false, .. } => {
                self.rest = self.rest.strip_prefix(['.', ','])?;
                let text = self.rest.get(..digits)?;
                self.digits_only(text)?;
                self.rest = &self.rest[digits..];
                self.nanos = nanoseconds(text)?;
            }
            Part::Fraction { .. } => self.fraction(),
        }
        Some(())
    }

    #[expect(clippy::unused_self, reason = "reads as a step of the reader")]
    fn digits_only(&self, text: &str) -> Option<()> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then_some(())
    }

    /// A fraction of a second, if there is one.
    fn fraction(&mut self) {
        let Some(rest) = self.rest.strip_prefix(['.', ',']) else { return };
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        if let Some(nanos) = nanoseconds(&rest[..count]) {
            self.nanos = nanos;
            self.rest = &rest[count..];
        }
    }

    fn offset(&mut self, colons: bool, minutes: bool, seconds: bool) -> Option<()> {
        let negative = self.rest.starts_with('-');
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let mut parts = [self.digits(2)?, 0, 0];
        for (part, wanted) in parts[1..].iter_mut().zip([minutes, seconds]) {
            if wanted {
                if colons {
                    self.rest = self.rest.strip_prefix(':')?;
                }
                *part = self.digits(2)?;
            }
        }
        if parts[0] > 24 || parts[1] >= 60 || parts[2] >= 60 {
            return None;
        }
        let ahead = parts[0] * 3600 + parts[1] * 60 + parts[2];
        self.ahead = if negative { -ahead } else { ahead };
        Some(())
    }

    /// A zone's abbreviation. Which one it is nobody can tell: it counts as UTC, but for `GMT+2`.
    fn zone(&mut self) -> Option<()> {
        let capitals = self.rest.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
        let rest = self.rest;
        let length = match capitals {
            _ if rest.starts_with("UTC") => 3,
            _ if rest.starts_with("ChST") || rest.starts_with("MeST") => 4,
            _ if rest.starts_with("GMT") => {
                let (hours, length) = signed_hours(&rest[3..]).unwrap_or((0, 0));
                self.ahead = hours * 3600;
                3 + length
            }
            0 => signed_hours(rest)?.1,
            3 => 3,
            4 if rest[..4].ends_with('T') || rest.starts_with("WITA") => 4,
            5 if rest[..5].ends_with('T') => 5,
            _ => return None,
        };
        self.rest = &rest[length..];
        Some(())
    }

    fn finish(mut self) -> Option<(i64, i64)> {
        match self.pm {
            Some(true) if self.civil.hour < 12 => self.civil.hour += 12,
            Some(false) if self.civil.hour == 12 => self.civil.hour = 0,
            _ => {}
        }
        if let Some(year_day) = self.year_day {
            let first = Civil { month: 1, day: year_day, ..self.civil };
            let date = Civil::from_seconds(first.seconds());
            let agrees = |given: Option<i64>, found: i64| given.is_none_or(|given| given == found);
            if year_day < 1
                || date.year != self.civil.year
                || !agrees(self.month, date.month)
                || !agrees(self.day, date.day)
            {
                return None;
            }
            (self.month, self.day) = (Some(date.month), Some(date.day));
        }
        self.civil.month = self.month.unwrap_or(1);
        self.civil.day = self.day.unwrap_or(1);
        if self.civil.day < 1 || self.civil.day > days_in(self.civil.year, self.civil.month) {
            return None;
        }
        Some((self.civil.seconds() - self.ahead, self.nanos))
    }
}

/// `+3` or `-11`, and its length.
fn signed_hours(text: &str) -> Option<(i64, usize)> {
    let digits = text.strip_prefix(['+', '-'])?;
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let hours: i64 = digits[..count].parse().ok().filter(|hours| *hours <= 23)?;
    Some((if text.starts_with('-') { -hours } else { hours }, count + 1))
}

/// The digits behind the point of a second; those past the ninth are dropped.
fn nanoseconds(digits: &str) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    format!("{:0<9}", &digits[..digits.len().min(9)]).parse().ok()
}
