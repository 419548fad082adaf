//! Whether two patterns of `regex.globs_match` have a string in common.
//!
//! The patterns are sequences of characters, `.` and `[..]`, each of which may be followed by `*` or `+`.

use std::collections::BTreeSet;

use super::operands::failed;
use super::{BuiltinError, Result};

/// The longest pattern, in tokens: the work grows with the product of both.
const MAX_TOKENS: usize = 500;

/// What a token matches.
enum Matcher {
    Character(char),
    Any,
    /// Ranges of characters.
    Set(Vec<(char, char)>),
}

struct Token {
    matcher: Matcher,
    /// May match nothing.
    optional: bool,
    /// May match more than one character.
    repeated: bool,
}

/// Whether some string, and not only the empty one, matches both patterns.
pub(super) fn intersect(left: &str, right: &str) -> Result<bool> {
    let (left, right) = (parse(left)?, parse(right)?);
    if left.is_empty() && right.is_empty() {
        return Ok(true);
    }
    // Pairs of positions that one and the same string can lead to, and whether that string has characters.
    let mut seen = BTreeSet::from([(0, 0, false)]);
    let mut open = vec![(0, 0, false)];
    while let Some((i, j, some)) = open.pop() {
        if i == left.len() && j == right.len() && some {
            return Ok(true);
        }
        let mut reach = |position| {
            if seen.insert(position) {
                open.push(position);
            }
        };
        let (l, r) = (left.get(i), right.get(j));
        if l.is_some_and(|token| token.optional) {
            reach((i + 1, j, some));
        }
        if r.is_some_and(|token| token.optional) {
            reach((i, j + 1, some));
        }
        if let (Some(l), Some(r)) = (l, r)
            && common(&l.matcher, &r.matcher)
        {
            for next_i in if l.repeated { i..=i + 1 } else { i + 1..=i + 1 } {
                for next_j in if r.repeated { j..=j + 1 } else { j + 1..=j + 1 } {
                    reach((next_i, next_j, true));
                }
            }
        }
    }
    Ok(false)
}

fn common(left: &Matcher, right: &Matcher) -> bool {
    match (left, right) {
        (Matcher::Any, _) | (_, Matcher::Any) => true,
        (Matcher::Character(left), Matcher::Character(right)) => left == right,
        (Matcher::Character(one), Matcher::Set(set)) | (Matcher::Set(set), Matcher::Character(one)) => {
            set.iter().any(|(low, high)| low <= one && one <= high)
        }
        (Matcher::Set(left), Matcher::Set(right)) => {
            left.iter().any(|(low, high)| right.iter().any(|(lower, upper)| low <= upper && lower <= high))
        }
    }
}

fn parse(pattern: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        let matcher = match character {
            '.' => Matcher::Any,
            '[' => Matcher::Set(parse_set(&mut rest)?),
            ']' => return failed("set-close ']' with no preceding '['"),
            '+' | '*' => return failed(format!("flag '{character}' must be preceded by a non-flag")),
            '\\' => Matcher::Character(escaped(&mut rest)?),
            other => Matcher::Character(other),
        };
        let flag = rest.as_str().chars().next().filter(|flag| matches!(flag, '*' | '+'));
        if flag.is_some() {
            rest.next();
        }
        tokens.push(Token { matcher, optional: flag == Some('*'), repeated: flag.is_some() });
        if tokens.len() > MAX_TOKENS {
            return Err(BuiltinError::Limit(format!(
                "a pattern of regex.globs_match exceeds the limit of {MAX_TOKENS} tokens"
            )));
        }
    }
    Ok(tokens)
}

fn escaped(rest: &mut std::str::Chars<'_>) -> Result<char> {
    match rest.next() {
        Some(character) => Ok(character),
        None => failed("the pattern ends with a \\ (escape) character"),
    }
}

fn parse_set(rest: &mut std::str::Chars<'_>) -> Result<Vec<(char, char)>> {
    let mut ranges: Vec<(char, char)> = Vec::new();
    // Whether the last character may begin a range.
    let mut open = false;
    loop {
        match rest.next() {
            None => return failed("found [ without matching ]"),
            Some(']') => return Ok(ranges),
            Some('-') => {
                let Some((low, _)) = ranges.pop().filter(|_| open) else {
                    return failed("range character '-' must be preceded by a Unicode character");
                };
                let high = match rest.next() {
                    Some('\\') => escaped(rest)?,
                    None | Some(']' | '-') => {
                        return failed("range character '-' must be followed by a Unicode character");
                    }
                    Some(high) => high,
                };
                if high < low {
                    return failed(format!("range is out of order: '{high}' comes before '{low}'"));
                }
                ranges.push((low, high));
                open = false;
            }
            Some(character) => {
                let character = if character == '\\' { escaped(rest)? } else { character };
                ranges.push((character, character));
                open = true;
            }
        }
    }
}
