//! `time.*`

use chrono_tz::Tz;
use regorus::Value;

use super::calendar::{Civil, Moment, SECOND, days_in, seconds_in};
use super::operands::{failed, int, string, wrong_type};
use super::{Result, time_layout};

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The layouts that have names.
fn named_layout(name: &str) -> &str {
    match name {
        "ANSIC" => "Mon Jan _2 15:04:05 2006",
        "UnixDate" => "Mon Jan _2 15:04:05 MST 2006",
        "RubyDate" => "Mon Jan 02 15:04:05 -0700 2006",
        "RFC822" => "02 Jan 06 15:04 MST",
        "RFC822Z" => "02 Jan 06 15:04 -0700",
        "RFC850" => "Monday, 02-Jan-06 15:04:05 MST",
        "RFC1123" => "Mon, 02 Jan 2006 15:04:05 MST",
        "RFC1123Z" => "Mon, 02 Jan 2006 15:04:05 -0700",
        "RFC3339" => "2006-01-02T15:04:05Z07:00",
        "RFC3339Nano" | "" => "2006-01-02T15:04:05.999999999Z07:00",
        layout => layout,
    }
}

/// A moment: nanoseconds, or an array of these, a zone, and a layout.
fn moment(value: &Value) -> Result<(Moment, &str)> {
    let expected = "either number (ns) or [number (ns), string (tz)]";
    let (nanos, zone, layout) = match value {
        Value::Number(_) => (value, "", ""),
        Value::Array(parts) => {
            let text =
                |index: usize| parts.get(index).map_or(Ok(""), |part| string(part, 1).map(AsRef::as_ref));
            match parts.first() {
                Some(nanos) => (nanos, text(1)?, text(2)?),
                None => return wrong_type(1, expected, value),
            }
        }
        other => return wrong_type(1, expected, other),
    };
    let nanos = match nanos {
        Value::Number(number) => number.as_i64(),
        other => return wrong_type(1, "number", other),
    };
    let Some(nanos) = nanos else { return failed("timestamp too big") };
    // The zone of this machine is nothing that a decision may depend on: it is UTC.
    let zone = match zone {
        "" | "UTC" | "Local" => Tz::UTC,
        name => match name.parse() {
            Ok(zone) => zone,
            Err(_) => return failed(format!("unknown time zone {name}")),
        },
    };
    Ok((Moment { nanos, zone }, layout))
}

/// Nanoseconds since 1970, if they fit into 64 bits.
pub(super) fn nanos(seconds: i64, subsecond: i64) -> Result {
    match i64::try_from(i128::from(seconds) * i128::from(SECOND) + i128::from(subsecond)).ok() {
        Some(nanos) => Ok(Value::from(nanos)),
        None => failed("time outside of valid range"),
    }
}

fn numbers(numbers: &[i64]) -> Value {
    Value::from(numbers.iter().copied().map(Value::from).collect::<Vec<_>>())
}

/// `time.date`
pub(super) fn date(args: &[Value]) -> Result {
    let civil = moment(&args[0])?.0.civil();
    Ok(numbers(&[civil.year, civil.month, civil.day]))
}

/// `time.clock`
pub(super) fn clock(args: &[Value]) -> Result {
    let civil = moment(&args[0])?.0.civil();
    Ok(numbers(&[civil.hour, civil.minute, civil.second]))
}

/// `time.weekday`
pub(super) fn weekday(args: &[Value]) -> Result {
    Ok(Value::from(WEEKDAYS[moment(&args[0])?.0.civil().weekday()]))
}

/// `time.format`
pub(super) fn format(args: &[Value]) -> Result {
    let (moment, layout) = moment(&args[0])?;
    Ok(Value::from(time_layout::format(named_layout(layout), moment)?))
}

/// `time.parse_ns`
pub(super) fn parse_ns(args: &[Value]) -> Result {
    let (layout, text) = (string(&args[0], 1)?, string(&args[1], 2)?);
    let layout = if layout.is_empty() { "" } else { named_layout(layout) };
    time_layout::parse(layout, text)
}

/// `time.parse_rfc3339_ns`
pub(super) fn parse_rfc3339_ns(args: &[Value]) -> Result {
    time_layout::parse(named_layout("RFC3339"), string(&args[0], 1)?)
}

/// `time.parse_duration_ns`
pub(super) fn parse_duration_ns(args: &[Value]) -> Result {
    let text = string(&args[0], 1)?;
    match duration(text) {
        Some(nanos) => Ok(Value::from(nanos)),
        None => failed(format!("time: invalid duration {text:?}")),
    }
}

/// Go's durations: `1h15m30.918s`.
fn duration(text: &str) -> Option<i64> {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    let mut total: u64 = 0;
    loop {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let unit: u32 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" | "h" => 0,
            _ => return None,
        };
        let unit = match (unit, rest[number.len()..].starts_with('m')) {
            (0, true) => 60 * 1_000_000_000,
            (0, false) => 3600 * 1_000_000_000,
            (unit, _) => u64::from(unit),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        // Beyond 18 digits nothing changes.
        let digits = &fraction[..fraction.len().min(18)];
        let fraction = match digits.parse::<u64>() {
            Ok(value) => u64::try_from(
                u128::from(value) * u128::from(unit) / 10u128.pow(u32::try_from(digits.len()).ok()?),
            )
            .ok()?,
            Err(_) => 0,
        };
        total = total.checked_add(whole.checked_mul(unit)?.checked_add(fraction)?)?;
        if total > 1 << 63 {
            return None;
        }
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    if text.starts_with('-') { 0i64.checked_sub_unsigned(total) } else { i64::try_from(total).ok() }
}

/// `time.add_date`
pub(super) fn add_date(args: &[Value]) -> Result {
    let moment = moment(&args[0])?.0;
    let (years, months, days) = (int(&args[1], 2)?, int(&args[2], 3)?, int(&args[3], 4)?);
    // More than all the time there is, and far from overflow.
    if [years, months, days].iter().any(|count| count.unsigned_abs() > 1_000_000) {
        return failed("time outside of valid range");
    }
    let civil = moment.civil();
    let (year, month, day) = (civil.year + years, civil.month + months, civil.day + days);
    nanos(seconds_in(moment.zone, Civil { year, month, day, ..civil }), moment.subsecond())
}

/// `time.diff`
/// years, months, days, hours, minutes and seconds, as the clocks of the first one's zone show them
pub(super) fn diff(args: &[Value]) -> Result {
    let (first, second) = (moment(&args[0])?.0, moment(&args[1])?.0);
    let second = Moment { zone: first.zone, ..second };
    let (first, second) = if first.nanos > second.nanos { (second, first) } else { (first, second) };
    let (from, to) = (first.civil(), second.civil());
    let mut parts = [
        to.year - from.year,
        to.month - from.month,
        to.day - from.day,
        to.hour - from.hour,
        to.minute - from.minute,
        to.second - from.second,
    ];
    // What is missing in a part is borrowed from the next greater one.
    let sizes = [0, 12, days_in(from.year, from.month), 24, 60, 60];
    for part in (1..parts.len()).rev() {
        if parts[part] < 0 {
            parts[part] += sizes[part];
            parts[part - 1] -= 1;
        }
    }
    Ok(numbers(&parts))
}
