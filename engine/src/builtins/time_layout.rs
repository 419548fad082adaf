//! Go's layouts of times: the reference time Mon Jan 2 15:04:05 MST 2006, written as a time shall be.

use super::Result;
use super::calendar::Moment;
use super::operands::check_string;

pub(super) use super::time_parse::parse;

pub(super) const MONTHS: [&str; 12] = [
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
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A part of a layout that stands for a part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    Zone,
    Offset {
        /// Whether UTC is written as `Z`.
        z: bool,
        colons: bool,
        minutes: bool,
        seconds: bool,
    },
    Fraction {
        digits: usize,
        /// Whether zeros at the end are dropped.
        trim: bool,
        separator: char,
    },
}

/// The first part in `layout`: the text before it, the part, and what follows.
pub(super) fn next_part(layout: &str) -> Option<(&str, Part, &str)> {
    layout.char_indices().find_map(|(offset, _)| {
        let (length, part) = part_at(&layout[offset..])?;
        Some((&layout[..offset], part, &layout[offset + length..]))
    })
}

fn part_at(layout: &str) -> Option<(usize, Part)> {
    const TABLE: [(&str, Part); 33] = [
        ("January", Part::LongMonth),
        ("Monday", Part::LongWeekday),
        ("MST", Part::Zone),
        ("01", Part::ZeroMonth),
        ("02", Part::ZeroDay),
        ("03", Part::ZeroHour12),
        ("04", Part::ZeroMinute),
        ("05", Part::ZeroSecond),
        ("06", Part::Year),
        ("002", Part::ZeroYearDay),
        ("15", Part::Hour),
        ("1", Part::NumMonth),
        ("2006", Part::LongYear),
        ("2", Part::Day),
        ("_2", Part::UnderDay),
        ("__2", Part::UnderYearDay),
        ("3", Part::Hour12),
        ("4", Part::Minute),
        ("5", Part::Second),
        ("PM", Part::UpperPm),
        ("pm", Part::LowerPm),
        ("-070000", offset(false, false, true, true)),
        ("-07:00:00", offset(false, true, true, true)),
        ("-0700", offset(false, false, true, false)),
        ("-07:00", offset(false, true, true, false)),
        ("-07", offset(false, false, false, false)),
        ("Z070000", offset(true, false, true, true)),
        ("Z07:00:00", offset(true, true, true, true)),
        ("Z0700", offset(true, false, true, false)),
        ("Z07:00", offset(true, true, true, false)),
        ("Z07", offset(true, false, false, false)),
        ("Jan", Part::Month),
        ("Mon", Part::Weekday),
    ];
    if let Some(rest) = layout.strip_prefix(['.', ',']) {
        let digit = rest.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
        let digits = rest.chars().take_while(|other| *other == digit).count();
        let ends = !rest[digits..].starts_with(|next: char| next.is_ascii_digit());
        let separator = if layout.starts_with(',') { ',' } else { '.' };
        return ends.then_some((digits + 1, Part::Fraction { digits, trim: digit == '9', separator }));
    }
    // In `_2006` the bar is text.
    if layout.starts_with("_2006") {
        return None;
    }
    let (text, part) = TABLE.into_iter().find(|(text, _)| layout.starts_with(text))?;
    let after = &layout[text.len()..];
    let word = matches!(part, Part::Month | Part::Weekday);
    let goes_on = word && after.starts_with(|next: char| next.is_ascii_lowercase());
    (!goes_on).then_some((text.len(), part))
}

#[expect(clippy::fn_params_excessive_bools, reason = "they are the fields")]
const fn offset(z: bool, colons: bool, minutes: bool, seconds: bool) -> Part {
    Part::Offset { z, colons, minutes, seconds }
}

/// Writes a moment by a layout.
pub(super) fn format(layout: &str, moment: Moment) -> Result<String> {
    let (civil, (ahead, zone)) = (moment.civil(), moment.offset());
    let hour12 = (civil.hour + 11) % 12 + 1;
    let month = usize::try_from(civil.month - 1).unwrap_or(0) % 12;
    let mut out = String::new();
    let mut rest = layout;
    while let Some((before, part, after)) = next_part(rest) {
        out.push_str(before);
        rest = after;
        match part {
            Part::LongMonth => out.push_str(MONTHS[month]),
            Part::Month => out.push_str(&MONTHS[month][..3]),
            Part::NumMonth => out.push_str(&civil.month.to_string()),
            Part::ZeroMonth => out.push_str(&format!("{:02}", civil.month)),
            Part::LongWeekday => out.push_str(DAYS[civil.weekday()]),
            Part::Weekday => out.push_str(&DAYS[civil.weekday()][..3]),
            Part::Day => out.push_str(&civil.day.to_string()),
            Part::UnderDay => out.push_str(&format!("{:2}", civil.day)),
            Part::ZeroDay => out.push_str(&format!("{:02}", civil.day)),
            Part::UnderYearDay => out.push_str(&format!("{:3}", civil.year_day())),
            Part::ZeroYearDay => out.push_str(&format!("{:03}", civil.year_day())),
            Part::Hour => out.push_str(&format!("{:02}", civil.hour)),
            Part::Hour12 => out.push_str(&hour12.to_string()),
            Part::ZeroHour12 => out.push_str(&format!("{hour12:02}")),
            Part::Minute => out.push_str(&civil.minute.to_string()),
            Part::ZeroMinute => out.push_str(&format!("{:02}", civil.minute)),
            Part::Second => out.push_str(&civil.second.to_string()),
            Part::ZeroSecond => out.push_str(&format!("{:02}", civil.second)),
            Part::LongYear => out.push_str(&format!("{:04}", civil.year)),
            Part::Year => out.push_str(&format!("{:02}", civil.year.max(0) % 100)),
            Part::UpperPm => out.push_str(if civil.hour >= 12 { "PM" } else { "AM" }),
            Part::LowerPm => out.push_str(if civil.hour >= 12 { "pm" } else { "am" }),
            Part::Zone => out.push_str(&zone),
            Part::Offset { z: true, .. } if ahead == 0 => out.push('Z'),
            Part::Offset { colons, minutes, seconds, .. } => {
                let colon = if colons { ":" } else { "" };
                let distance = ahead.abs();
                out.push_str(&format!("{}{:02}", if ahead < 0 { '-' } else { '+' }, distance / 3600));
                if minutes {
                    out.push_str(&format!("{colon}{:02}", distance / 60 % 60));
                }
                if seconds {
                    out.push_str(&format!("{colon}{:02}", distance % 60));
                }
            }
            Part::Fraction { digits, trim, separator } => {
                let all = format!("{:0<digits$}", format!("{:09}", moment.subsecond()));
                let kept = if trim { all[..digits].trim_end_matches('0') } else { &all[..digits] };
                if !kept.is_empty() {
                    out.push(separator);
                    out.push_str(kept);
                }
            }
        }
        check_string(out.len())?;
    }
    out.push_str(rest);
    check_string(out.len())?;
    Ok(out)
}
