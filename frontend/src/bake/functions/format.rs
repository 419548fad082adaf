//! `format` and `formatlist`: verbs as `%-10s`, `%[2]d`, `%05.2f`, `%v`.

use std::fmt::Write as _;

use super::FunctionError;
use super::arguments::{string, text};
use super::encoding::to_json;
use super::strings::MAX_LENGTH;
use crate::bake::Environment;
use crate::bake::value::convert::convert;
use crate::bake::value::{Number, Type, Value};
use unicode_segmentation::UnicodeSegmentation;

/// The largest width and precision.
const MAX_WIDTH: usize = 64 * 1024;

type Result<T = Value> = std::result::Result<T, FunctionError>;

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag that a verb can have")]
struct Verb {
    sharp: bool,
    plus: bool,
    minus: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
    /// From 1.
    argument: usize,
    mode: char,
}

pub(super) fn format(arguments: &[Value], _: &Environment) -> Result {
    string(expand(text(arguments, 0), arguments.get(1..).unwrap_or_default())?)
}

/// Formats once for each element of the lists among the arguments, which must be equally long.
pub(super) fn formatlist(arguments: &[Value], _: &Environment) -> Result {
    let rest = arguments.get(1..).unwrap_or_default();
    let mut lengths: Vec<usize> = rest.iter().filter_map(Value::items).map(<[Value]>::len).collect();
    lengths.dedup();
    let count = match lengths.as_slice() {
        [] => 1,
        [only] => *only,
        _ => return Err("the lists are of different lengths".into()),
    };
    if text(arguments, 0).len().saturating_mul(count) > MAX_LENGTH {
        return Err(FunctionError::Unresolved(format!("it makes more than {MAX_LENGTH} bytes")));
    }
    let row = |index: usize| -> Result {
        let row: Vec<Value> = rest
            .iter()
            .map(|argument| match argument.items() {
                Some(items) => items.get(index).cloned().unwrap_or_else(Value::null),
                None => argument.clone(),
            })
            .collect();
        string(expand(text(arguments, 0), &row)?)
    };
    Ok(Value::list(Type::String, (0..count).map(row).collect::<Result<_>>()?))
}

fn expand(format: &str, arguments: &[Value]) -> Result<String> {
    let mut output = String::new();
    let mut rest = format.chars().peekable();
    let (mut next, mut highest, mut indexed) = (1, 0, false);
    while let Some(one) = rest.next() {
        if one != '%' {
            output.push(one);
            continue;
        }
        if rest.next_if_eq(&'%').is_some() {
            output.push('%');
            continue;
        }
        let mut verb = Verb { argument: next, ..Verb::default() };
        while let Some(flag) = rest.next_if(|one| "#+- 0".contains(*one)) {
            match flag {
                '#' => verb.sharp = true,
                '+' => verb.plus = true,
                '-' => verb.minus = true,
                ' ' => verb.space = true,
                _ => verb.zero = true,
            }
        }
        verb.width = digits(&mut rest)?;
        if rest.next_if_eq(&'.').is_some() {
            verb.precision = Some(digits(&mut rest)?.unwrap_or(0));
        }
        if rest.next_if_eq(&'[').is_some() {
            verb.argument =
                digits(&mut rest)?.filter(|&index| index > 0).ok_or("an index from 1 must follow `[`")?;
            rest.next_if_eq(&']').ok_or("`]` is missing in the format")?;
            indexed = true;
        }
        verb.mode = rest.next().ok_or("the format ends within a verb")?;
        next = verb.argument + 1;
        highest = highest.max(verb.argument);
        let argument = arguments.get(verb.argument - 1);
        let argument =
            argument.ok_or_else(|| format!("there is no argument {} for the format", verb.argument))?;
        output.push_str(&verb.render(argument)?);
        if output.len() > MAX_LENGTH {
            return Err(FunctionError::Unresolved(format!("it makes more than {MAX_LENGTH} bytes")));
        }
    }
    if !indexed && highest < arguments.len() {
        return Err(format!("the format uses {highest} arguments, but {} are given", arguments.len()).into());
    }
    Ok(output)
}

fn digits(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Option<usize>> {
    let mut value = None;
    while let Some(digit) = rest.peek().and_then(|one| one.to_digit(10)) {
        rest.next();
        let next = value.unwrap_or(0usize) * 10 + digit as usize;
        if next > MAX_WIDTH {
            return Err(FunctionError::Unresolved(format!(
                "the format has a width of more than {MAX_WIDTH}"
            )));
        }
        value = Some(next);
    }
    Ok(value)
}

impl Verb {
    fn render(&self, argument: &Value) -> Result<String> {
        if self.mode != 'v' && argument.is_null() {
            return Err("null cannot be formatted".into());
        }
        match self.mode {
            'v' => Ok(self.pad(match argument {
                Value::String(text) if !self.sharp => text.to_string(),
                Value::Number(number) if !self.sharp => shortest(number),
                value => to_json(value)?,
            })),
            't' => Ok(if convert(argument, &Type::Bool)? == Value::Bool(true) { "true" } else { "false" }
                .to_owned()),
            's' | 'q' => {
                let Value::String(text) = convert(argument, &Type::String)? else {
                    return Err("a string is required".into());
                };
                let text = match self.precision {
                    Some(precision) if precision > 0 => text.graphemes(true).take(precision).collect(),
                    _ => text.to_string(),
                };
                Ok(self.pad(if self.mode == 's' { text } else { to_json(&Value::string(text))? }))
            }
            'b' | 'd' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'g' | 'G' => {
                let Value::Number(number) = convert(argument, &Type::Number)? else {
                    return Err("a number is required".into());
                };
                self.number(&number)
            }
            mode => Err(format!("`%{mode}` is no verb").into()),
        }
    }

    fn pad(&self, text: String) -> String {
        let width = self.width.unwrap_or(0);
        let missing = width.saturating_sub(text.graphemes(true).count());
        let padding = if self.zero { "0" } else { " " }.repeat(missing);
        if self.minus { text + &padding } else { padding + &text }
    }

    fn number(&self, number: &Number) -> Result<String> {
        let negative = number.sign() == num_bigint::Sign::Minus;
        let positive = if negative { number.negate() } else { number.clone() };
        let unsigned = match self.mode {
            'b' | 'd' | 'o' | 'x' | 'X' => {
                let whole = positive.whole().ok_or("a whole number is required")?;
                let (radix, prefix) = match self.mode {
                    'b' => (2, "0b"),
                    'o' => (8, "0"),
                    'x' => (16, "0x"),
                    'X' => (16, "0X"),
                    _ => (10, ""),
                };
                let digits = whole.to_str_radix(radix);
                let digits = if self.mode == 'X' { digits.to_uppercase() } else { digits };
                let digits = format!("{digits:0>width$}", width = self.precision.unwrap_or(0));
                if self.sharp { format!("{prefix}{digits}") } else { digits }
            }
            'f' => fixed(&positive, self.precision.unwrap_or(6))?,
            'g' | 'G' if self.precision.is_none() => shortest(&positive),
            mode => {
                let upper = mode.is_ascii_uppercase();
                let text = scientific(positive.to_f64(), mode.to_ascii_lowercase(), self.precision)?;
                if upper { text.to_uppercase() } else { text }
            }
        };
        let sign = match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let width = self.width.unwrap_or(0).saturating_sub(sign.len());
        Ok(if self.minus {
            let mut text = format!("{sign}{unsigned}");
            let _ = write!(text, "{:1$}", "", (width + sign.len()).saturating_sub(text.len()));
            text
        } else if self.zero {
            format!("{sign}{unsigned:0>width$}")
        } else {
            format!("{:>width$}", format!("{sign}{unsigned}"), width = width + sign.len())
        })
    }
}

/// Fixed notation, rounded half to even.
fn fixed(number: &Number, precision: usize) -> Result<String> {
    let scale = u32::try_from(precision).map_err(|_| "the precision is too large")?;
    let power: Number = format!("1e{scale}").parse()?;
    let scaled = number.multiply(&power)?;
    let floor = scaled.floor();
    let rest = scaled.subtract(&floor)?;
    let half: Number = "0.5".parse()?;
    let odd = !floor.modulo(&Number::from(2))?.is_zero();
    let rounded = if rest > half || (rest == half && odd) { floor.add(&Number::from(1))? } else { floor };
    let digits = format!("{:0>width$}", rounded.to_string(), width = precision + 1);
    let (whole, fraction) = digits.split_at(digits.len() - precision);
    Ok(if precision == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

/// The shortest decimal; with an exponent below 1e-4 and from 1e21.
fn shortest(number: &Number) -> String {
    let plain = number.to_string();
    let digits = plain.trim_start_matches('-');
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let exponent = if whole == "0" {
        let zeros = fraction.len() - fraction.trim_start_matches('0').len();
        -i64::try_from(zeros + 1).unwrap_or(0)
    } else {
        i64::try_from(whole.len()).unwrap_or(0) - 1
    };
    if number.is_zero() || (-4..21).contains(&exponent) {
        return plain;
    }
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    let (first, rest) = significant.split_at(1.min(significant.len()));
    let sign = if plain.starts_with('-') { "-" } else { "" };
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// `%e`, and `%g` with a precision.
fn scientific(value: f64, mode: char, precision: Option<usize>) -> Result<String> {
    if !value.is_finite() {
        return Err("the number is too large for this format".into());
    }
    let precision = precision.unwrap_or(6).min(1000);
    let exponent_form = |digits: usize| {
        let text = format!("{value:.digits$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        (mantissa.to_owned(), exponent)
    };
    let sign = |exponent: i32| if exponent < 0 { '-' } else { '+' };
    if mode == 'e' {
        let (mantissa, exponent) = exponent_form(precision);
        return Ok(format!("{mantissa}e{}{:02}", sign(exponent), exponent.abs()));
    }
    let precision = precision.max(1);
    let (mantissa, exponent) = exponent_form(precision - 1);
    let trim = |text: String| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    let limit = i32::try_from(precision).unwrap_or(i32::MAX);
    if (-4..limit).contains(&exponent) {
        let decimals = usize::try_from(limit - 1 - exponent).unwrap_or(0);
        return Ok(trim(format!("{value:.decimals$}")));
    }
    Ok(format!("{}e{}{:02}", trim(mantissa), sign(exponent), exponent.abs()))
}
