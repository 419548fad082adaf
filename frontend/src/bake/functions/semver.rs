//! `semvercmp`: whether a version fits constraints as `>= 1.2, < 2 || ~3.1 || 4.x`.

use std::cmp::Ordering;

use super::FunctionError;
use super::arguments::text;
use crate::bake::Environment;
use crate::bake::value::Value;

type Result<T = Value> = std::result::Result<T, FunctionError>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    prerelease: String,
}

/// A version of which parts may be missing or wild.
struct Partial {
    version: Version,
    any_minor: bool,
    any_patch: bool,
    /// Whether anything is.
    any: bool,
}

pub(super) fn semvercmp(arguments: &[Value], _: &Environment) -> Result {
    let parsed = partial(text(arguments, 0))
        .filter(|parsed| !text(arguments, 0).contains(['x', 'X', '*']) || !parsed.any);
    let version = parsed.ok_or_else(|| format!("`{}` is no version", text(arguments, 0)))?.version;
    let constraints = text(arguments, 1);
    let mut fits = false;
    for alternative in constraints.split("||") {
        fits |= fits_all(&version, alternative).ok_or_else(|| format!("`{constraints}` is no constraint"))?;
    }
    Ok(Value::Bool(fits))
}

fn partial(text: &str) -> Option<Partial> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, _build) = text.split_once('+').unwrap_or((text, ""));
    let (numbers, prerelease) = text.split_once('-').unwrap_or((text, ""));
    let wild = |part: &str| matches!(part, "x" | "X" | "*");
    let mut parts = [None; 3];
    for (count, part) in numbers.split('.').enumerate() {
        let slot = parts.get_mut(count)?;
        if !wild(part) {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            *slot = Some(part.parse().ok()?);
        }
    }
    if text.ends_with('-') || prerelease.split('.').any(|part| part.is_empty() && !prerelease.is_empty()) {
        return None;
    }
    if !prerelease.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-') {
        return None;
    }
    let [major, minor, patch] = parts;
    // After a part that may be anything, all may.
    let minor = major.and(minor);
    let patch = minor.and(patch);
    Some(Partial {
        version: Version {
            major: major.unwrap_or(0),
            minor: minor.unwrap_or(0),
            patch: patch.unwrap_or(0),
            prerelease: prerelease.to_owned(),
        },
        any_minor: minor.is_none(),
        any_patch: patch.is_none(),
        any: patch.is_none(),
    })
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| compare_prereleases(&self.prerelease, &other.prerelease))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Semantic Versioning 2.0.0, section 11: numbers before words, none at all last.
fn compare_prereleases(one: &str, other: &str) -> Ordering {
    match (one.is_empty(), other.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let order = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(other)) => match (one.parse::<u64>(), other.parse::<u64>()) {
                (Ok(one), Ok(other)) => one.cmp(&other),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => one.cmp(other),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Whether a version fits all constraints that commas or spaces separate; `None` for a malformed one.
fn fits_all(version: &Version, constraints: &str) -> Option<bool> {
    let tokens = constraints.replace(',', " ");
    let mut tokens = tokens.split_whitespace().peekable();
    tokens.peek()?;
    let mut fits = true;
    while let Some(token) = tokens.next() {
        let end = token.find(|one: char| !"=!<>~^".contains(one)).unwrap_or(token.len());
        let (operator, rest) = token.split_at(end);
        let rest = if rest.is_empty() { tokens.next()? } else { rest };
        // `1.2 - 3.4` is a range.
        if operator.is_empty() && tokens.next_if_eq(&"-").is_some() {
            let (low, high) = (partial(rest)?, partial(tokens.next()?)?);
            fits &= fits_one(version, ">=", &low)? && fits_one(version, "<=", &high)?;
            continue;
        }
        fits &= fits_one(version, operator, &partial(rest)?)?;
    }
    Some(fits)
}

fn fits_one(version: &Version, operator: &str, wanted: &Partial) -> Option<bool> {
    let limit = &wanted.version;
    let order = version.cmp(limit);
    // A prerelease fits only what names one.
    let hidden = !version.prerelease.is_empty() && limit.prerelease.is_empty();
    let tilde = order != Ordering::Less
        && (wanted.any_minor && limit.major == 0 && wanted_is_any(wanted)
            || version.major == limit.major && (version.minor == limit.minor || wanted.any_minor));
    let fits = match operator {
        "" | "=" if wanted.any => tilde,
        "" | "=" => order == Ordering::Equal,
        "!=" => {
            version.major != limit.major
                || version.minor != limit.minor && !wanted.any_minor
                || !wanted.any_minor && version.patch != limit.patch && !wanted.any_patch
                || !wanted.any && order != Ordering::Equal
        }
        ">" if wanted.any => {
            version.major > limit.major
                || version.major == limit.major && !wanted.any_minor && version.minor > limit.minor
        }
        ">" => order == Ordering::Greater,
        "<" => order == Ordering::Less,
        ">=" | "=>" => order != Ordering::Less,
        "<=" | "=<" if wanted.any => {
            version.major < limit.major
                || version.major == limit.major && (version.minor <= limit.minor || wanted.any_minor)
        }
        "<=" | "=<" => order != Ordering::Greater,
        "~" | "~>" => tilde,
        "^" => order != Ordering::Less && caret(version, wanted),
        _ => return None,
    };
    Some(fits && !hidden)
}

/// Whether the constraint is `*`, or of major version 0 with nothing else said, which is taken for it.
fn wanted_is_any(wanted: &Partial) -> bool {
    wanted.any_minor && wanted.any_patch && wanted.version.major == 0
}

/// The leftmost part that is not zero is the same.
fn caret(version: &Version, wanted: &Partial) -> bool {
    let limit = &wanted.version;
    if limit.major > 0 || wanted.any_minor {
        return version.major == limit.major;
    }
    if version.major > limit.major {
        return false;
    }
    if limit.minor > 0 || wanted.any_patch {
        return version.minor == limit.minor;
    }
    version.minor == limit.minor && version.patch == limit.patch
}
