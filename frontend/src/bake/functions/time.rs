//! Dates and times.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, FixedOffset, SecondsFormat, TimeDelta, Timelike, Utc};

use super::FunctionError;
use super::arguments::{any, string, text, whole};
use crate::bake::Environment;
use crate::bake::value::Value;

type Result<T = Value> = std::result::Result<T, FunctionError>;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn parse(text: &str) -> Result<DateTime<FixedOffset>> {
    // Stricter than the library: `T` and `Z` only.
    if text.get(10..11) != Some("T") || text.contains('z') {
        return Err(format!("`{text}` is no timestamp of RFC 3339").into());
    }
    DateTime::parse_from_rfc3339(text)
        .map_err(|error| format!("`{text}` is no timestamp of RFC 3339: {error}").into())
}

fn rfc3339(time: &DateTime<FixedOffset>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn from_unix(arguments: &[Value], index: usize) -> Result<DateTime<FixedOffset>> {
    let seconds = whole(arguments, index)?;
    let time = DateTime::<Utc>::from_timestamp(seconds, 0).ok_or("the timestamp is out of range")?;
    Ok(time.fixed_offset())
}

pub(super) fn timestamp(_: &[Value], environment: &Environment) -> Result {
    string(rfc3339(&environment.now.fixed_offset()))
}

pub(super) fn timeadd(arguments: &[Value], _: &Environment) -> Result {
    let time = parse(text(arguments, 0))?;
    let nanoseconds = duration(text(arguments, 1))?;
    let sum =
        time.checked_add_signed(TimeDelta::nanoseconds(nanoseconds)).ok_or("the time is out of range")?;
    string(rfc3339(&sum))
}

/// Nanoseconds of a duration as `1h30m`, `-1.5s`, `300ms`.
fn duration(text: &str) -> Result<i64> {
    let invalid = || format!("`{text}` is no duration");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid().into());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|one: char| !one.is_ascii_digit() && one != '.').ok_or_else(invalid)?;
        let (number, after) = rest.split_at(end);
        let end = after.find(|one: char| one.is_ascii_digit() || one == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(invalid().into()),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || whole.len() > 18 || fraction.len() > 18 {
            return Err(invalid().into());
        }
        let digits = |text: &str| if text.is_empty() { Ok(0i128) } else { text.parse::<i128>() };
        let power = 10i128.pow(u32::try_from(fraction.len()).map_err(|_| invalid())?);
        let whole = digits(whole).map_err(|_| invalid())?;
        let fraction = digits(fraction).map_err(|_| invalid())?;
        total = total.saturating_add(whole * scale + fraction * scale / power);
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| invalid().into())
}

pub(super) fn formatdate(arguments: &[Value], _: &Environment) -> Result {
    string(write(text(arguments, 0), &parse(text(arguments, 1))?)?)
}

/// As `formatdate`, of a number of seconds too; the format `X` is that number.
pub(super) fn formattimestamp(arguments: &[Value], _: &Environment) -> Result {
    let time = match any(arguments, 1) {
        Value::String(text) => parse(&text)?,
        Value::Number(_) => from_unix(arguments, 1)?,
        _ => return Err("a timestamp as a string or a number is required".into()),
    };
    match text(arguments, 0) {
        "X" => string(time.timestamp().to_string()),
        format => string(write(format, &time)?),
    }
}

/// Runs of one letter are verbs, `'…'` is taken as it is.
fn write(format: &str, time: &DateTime<FixedOffset>) -> Result<String> {
    let mut output = String::new();
    let mut rest = format.chars().peekable();
    while let Some(first) = rest.next() {
        if first == '\'' {
            if rest.next_if_eq(&'\'').is_some() {
                output.push('\'');
                continue;
            }
            loop {
                match rest.next().ok_or("a `'` is missing in the format")? {
                    '\'' if rest.next_if_eq(&'\'').is_some() => output.push('\''),
                    '\'' => break,
                    other => output.push(other),
                }
            }
        } else if first.is_ascii_alphabetic() {
            let mut count = 1;
            while rest.next_if_eq(&first).is_some() {
                count += 1;
            }
            output.push_str(&verb(first, count, time)?);
        } else {
            output.push(first);
        }
    }
    Ok(output)
}

fn verb(letter: char, count: usize, time: &DateTime<FixedOffset>) -> Result<String> {
    let invalid = || format!("`{}` is no verb of a date's format", letter.to_string().repeat(count));
    let number = |value: u32| match count {
        1 => Ok(value.to_string()),
        2 => Ok(format!("{value:02}")),
        _ => Err(FunctionError::from(invalid())),
    };
    let name = |name: &str| match count {
        3 => Ok(name.chars().take(3).collect()),
        4 => Ok(name.to_owned()),
        _ => Err(FunctionError::from(invalid())),
    };
    let month = MONTHS.get(time.month0() as usize).copied().unwrap_or_default();
    let day = DAYS.get(time.weekday().num_days_from_sunday() as usize).copied().unwrap_or_default();
    let offset = time.offset().local_minus_utc() / 60;
    let (sign, hours, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60, offset.abs() % 60);
    match letter {
        'Y' if count == 2 => Ok(format!("{:02}", time.year() % 100)),
        'Y' if count == 4 => Ok(format!("{:04}", time.year())),
        'M' if count < 3 => number(time.month()),
        'M' => name(month),
        'D' => number(time.day()),
        'E' => name(day),
        'h' => number(time.hour()),
        'H' => number(time.hour12().1),
        'm' => number(time.minute()),
        's' => number(time.second()),
        'A' if count == 2 => Ok(if time.hour12().0 { "PM" } else { "AM" }.to_owned()),
        'a' if count == 2 => Ok(if time.hour12().0 { "pm" } else { "am" }.to_owned()),
        'Z' => match count {
            1 if offset == 0 => Ok("Z".to_owned()),
            3 if offset == 0 => Ok("UTC".to_owned()),
            1 | 5 => Ok(format!("{sign}{hours:02}:{minutes:02}")),
            3 | 4 => Ok(format!("{sign}{hours:02}{minutes:02}")),
            _ => Err(invalid().into()),
        },
        _ => Err(invalid().into()),
    }
}

pub(super) fn unixtimestampparse(arguments: &[Value], _: &Environment) -> Result {
    let time = from_unix(arguments, 0)?;
    let week = time.iso_week();
    let weekday = time.weekday().num_days_from_sunday();
    let name =
        |names: &[&str], index: u32| Value::string(names.get(index as usize).copied().unwrap_or_default());
    let number = |value: i64| Value::Number(value.into());
    let entries = [
        ("year", number(time.year().into())),
        ("year_day", number(time.ordinal().into())),
        ("day", number(time.day().into())),
        ("month", number(time.month().into())),
        ("month_name", name(&MONTHS, time.month0())),
        ("weekday", number(weekday.into())),
        ("weekday_name", name(&DAYS, weekday)),
        ("hour", number(time.hour().into())),
        ("minute", number(time.minute().into())),
        ("second", number(time.second().into())),
        ("rfc3339", Value::string(rfc3339(&time))),
        ("iso_year", number(week.year().into())),
        ("iso_week", number(week.week().into())),
    ];
    Ok(Value::object(
        entries.into_iter().map(|(name, value)| (name.into(), value)).collect::<BTreeMap<_, _>>(),
    ))
}
