//! `sprintf`: Go's formatting, of what OPA makes of its arguments: numbers, and strings for all else.

use std::borrow::Cow;

use num_bigint::BigInt;
use regorus::Value;

use super::big_float::value_int;
use super::operands::{array, check_string, string};
use super::{Result, format_float, term};

/// The widest field and the most digits that Go formats with.
const MAX_WIDTH: i64 = 1_000_000;

/// An argument, as the Go type that OPA makes of it.
pub(super) enum Arg<'a> {
    Int(i64),
    BigInt(BigInt),
    Float(f64),
    /// Only templates have these; OPA makes strings of booleans.
    Bool(bool),
    Text(Cow<'a, str>),
}

impl<'a> Arg<'a> {
    fn new(value: &'a Value) -> Result<Self> {
        Ok(match value {
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Number(number) => match (number.as_i64(), value_int(value), number.as_f64()) {
                (Some(int), ..) => Self::Int(int),
                (_, Some(int), _) => Self::BigInt(int),
                (.., float) => Self::Float(float.unwrap_or_default()),
            },
            other => Self::Text(Cow::Owned(term::to_string(other)?)),
        })
    }

    fn go_type(&self) -> &'static str {
        match self {
            Self::Int(_) => "int",
            Self::BigInt(_) => "*big.Int",
            Self::Float(_) => "float64",
            Self::Bool(_) => "bool",
            Self::Text(_) => "string",
        }
    }

    fn plain(&self) -> String {
        match self {
            Self::Int(int) => int.to_string(),
            Self::BigInt(int) => int.to_string(),
            Self::Float(float) => format_float::format(*float, 'g', None, false),
            Self::Bool(flag) => flag.to_string(),
            Self::Text(text) => text.to_string(),
        }
    }
}

/// Flags, width and precision of one verb.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are Go's five flags")]
pub(super) struct Spec {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// `sprintf`
pub(super) fn sprintf(args: &[Value]) -> Result {
    let format = string(&args[0], 1)?;
    let values = array(&args[1], 2)?;
    let values: Vec<Arg<'_>> = values.iter().map(Arg::new).collect::<Result<_>>()?;
    Ok(Value::from(format_all(format, &values)?))
}

/// Formats `values` by the Go format `format`.
pub(super) fn format_all(format: &str, values: &[Arg<'_>]) -> Result<String> {
    let mut out = String::new();
    let mut rest = format;
    let mut next = Next { index: 0, reordered: false, good: true };
    while let Some(percent) = rest.find('%') {
        out.push_str(&rest[..percent]);
        rest = &rest[percent + 1..];
        next.good = true;
        let mut after_index = false;
        let spec = parse_spec(&mut rest, &mut out, &mut next, &mut after_index, values);
        let Some(verb) = rest.chars().next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        rest = &rest[verb.len_utf8()..];
        if verb == '%' {
            out.push('%');
        } else if !next.good {
            out.extend(["%!", verb.encode_utf8(&mut [0; 4]), "(BADINDEX)"]);
        } else if let Some(arg) = values.get(next.index) {
            next.index += 1;
            write_arg(&mut out, arg, verb, &spec)?;
        } else {
            out.extend(["%!", verb.encode_utf8(&mut [0; 4]), "(MISSING)"]);
        }
        check_string(out.len())?;
    }
    out.push_str(rest);
    if !next.reordered && next.index < values.len() {
        let extra: Vec<String> =
            values[next.index..].iter().map(|arg| format!("{}={}", arg.go_type(), arg.plain())).collect();
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    check_string(out.len())?;
    Ok(out)
}

/// Which argument comes next.
struct Next {
    index: usize,
    reordered: bool,
    good: bool,
}

/// Reads what stands between `%` and the verb.
fn parse_spec(
    rest: &mut &str,
    out: &mut String,
    next: &mut Next,
    after_index: &mut bool,
    values: &[Arg<'_>],
) -> Spec {
    let mut spec = Spec::default();
    loop {
        match rest.as_bytes().first() {
            Some(b'+') => spec.plus = true,
            Some(b'-') => spec.minus = true,
            Some(b'#') => spec.sharp = true,
            Some(b' ') => spec.space = true,
            Some(b'0') => spec.zero = true,
            _ => break,
        }
        *rest = &rest[1..];
    }
    parse_index(rest, next, after_index, values.len());
    if let Some(star) = rest.strip_prefix('*') {
        *rest = star;
        match take_int(next, values) {
            Some(width) => {
                spec.minus |= width < 0;
                spec.width = usize::try_from(width.unsigned_abs()).ok();
            }
            None => out.push_str("%!(BADWIDTH)"),
        }
        *after_index = false;
    } else {
        spec.width = parse_number(rest);
        if spec.width.is_some() && *after_index {
            next.good = false;
        }
    }
    if let Some(dot) = rest.strip_prefix('.') {
        *rest = dot;
        if *after_index {
            next.good = false;
        }
        parse_index(rest, next, after_index, values.len());
        if let Some(star) = rest.strip_prefix('*') {
            *rest = star;
            match take_int(next, values) {
                Some(precision) if precision >= 0 => spec.precision = usize::try_from(precision).ok(),
                _ => out.push_str("%!(BADPREC)"),
            }
            *after_index = false;
        } else {
            spec.precision = Some(parse_number(rest).unwrap_or(0));
        }
    }
    if !*after_index {
        parse_index(rest, next, after_index, values.len());
    }
    if spec.minus {
        spec.zero = false;
    }
    spec
}

/// `[n]`: the argument to take next.
fn parse_index(rest: &mut &str, next: &mut Next, after_index: &mut bool, count: usize) {
    let Some(inner) = rest.strip_prefix('[') else { return };
    next.reordered = true;
    let Some((digits, after)) = inner.split_once(']') else {
        next.good = false;
        *rest = inner;
        return;
    };
    *rest = after;
    match digits.parse::<usize>() {
        Ok(index) if index >= 1 && index <= count && digits.bytes().all(|b| b.is_ascii_digit()) => {
            next.index = index - 1;
            *after_index = true;
        }
        _ => next.good = false,
    }
}

/// The argument for a `*`.
fn take_int(next: &mut Next, values: &[Arg<'_>]) -> Option<i64> {
    let value = values.get(next.index)?;
    next.index += 1;
    match value {
        Arg::Int(int) if int.abs() <= MAX_WIDTH => Some(*int),
        _ => None,
    }
}

/// Digits; those that write more than [`MAX_WIDTH`] count as none.
fn parse_number(rest: &mut &str) -> Option<usize> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = rest[..digits].parse::<i64>().ok().filter(|number| *number <= MAX_WIDTH);
    *rest = &rest[digits..];
    number.and_then(|number| usize::try_from(number).ok())
}

fn write_arg(out: &mut String, arg: &Arg<'_>, verb: char, spec: &Spec) -> Result<()> {
    match (verb, arg) {
        ('T', _) => pad(out, arg.go_type(), &Spec { zero: false, ..*spec }),
        ('v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X', Arg::Int(int)) => {
            write_int(out, &BigInt::from(*int), verb, spec);
        }
        ('v' | 's' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X', Arg::BigInt(int)) => write_int(out, int, verb, spec),
        ('c' | 'q' | 'U', Arg::Int(int)) => write_char(out, *int, verb, spec),
        ('v' | 'g' | 'G' | 'e' | 'E' | 'f' | 'F' | 'x' | 'X' | 'b', Arg::Float(float)) => {
            write_float(out, *float, verb, spec);
        }
        ('v' | 't', Arg::Bool(flag)) => pad(out, if *flag { "true" } else { "false" }, spec),
        ('v' | 's' | 'q' | 'x' | 'X', Arg::Text(text)) => write_text(out, text, verb, spec)?,
        _ => out.push_str(&format!("%!{verb}({}={})", arg.go_type(), arg.plain())),
    }
    Ok(())
}

/// Appends `text` in a field as wide as `spec` says.
fn pad(out: &mut String, text: &str, spec: &Spec) {
    let missing = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
    if spec.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else {
        out.extend(std::iter::repeat_n(if spec.zero { '0' } else { ' ' }, missing));
        out.push_str(text);
    }
}

fn write_int(out: &mut String, int: &BigInt, verb: char, spec: &Spec) {
    let (radix, prefix) = match verb {
        'b' => (2, "0b"),
        'o' => (8, "0"),
        'O' => (8, "0o"),
        'x' => (16, "0x"),
        'X' => (16, "0X"),
        _ => (10, ""),
    };
    let mut digits = int.magnitude().to_str_radix(radix);
    if verb == 'X' {
        digits.make_ascii_uppercase();
    }
    let sign = sign(int.sign() == num_bigint::Sign::Minus, spec);
    if spec.precision == Some(0) && digits == "0" {
        return pad(out, "", &Spec { zero: false, ..*spec });
    }
    let wanted = match (spec.precision, spec.width) {
        (Some(precision), _) => precision,
        (None, Some(width)) if spec.zero => width.saturating_sub(sign.len()),
        _ => 0,
    };
    let zeros = "0".repeat(wanted.saturating_sub(digits.len()));
    let prefix = if spec.sharp || verb == 'O' { prefix } else { "" };
    let prefix = if prefix == "0" && (zeros + &digits).starts_with('0') { "" } else { prefix };
    let zeros = "0".repeat(wanted.saturating_sub(digits.len()));
    pad(out, &format!("{sign}{prefix}{zeros}{digits}"), &Spec { zero: false, ..*spec });
}

fn sign(negative: bool, spec: &Spec) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    }
}

/// `%c`, `%q` and `%U` of a number: the character it is the code of.
fn write_char(out: &mut String, code: i64, verb: char, spec: &Spec) {
    let character = u32::try_from(code).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
    let mut text = String::new();
    match verb {
        'U' => {
            let digits = spec.precision.unwrap_or(4).max(4);
            text = format!("U+{code:0digits$X}");
            if spec.sharp && u32::try_from(code).ok().and_then(char::from_u32).is_some() {
                text.extend([" '", character.encode_utf8(&mut [0; 4]), "'"]);
            }
        }
        'c' => text.push(character),
        _ => {
            text.push('\'');
            term::push_escaped(&mut text, character, '\'', spec.plus);
            text.push('\'');
        }
    }
    pad(out, &text, &Spec { zero: spec.zero && verb != 'U', ..*spec });
}

fn write_float(out: &mut String, float: f64, verb: char, spec: &Spec) {
    let go_verb = if verb == 'v' { 'g' } else { verb };
    let default = if matches!(go_verb, 'e' | 'E' | 'f' | 'F') { Some(6) } else { None };
    let digits = format_float::format(float.abs(), go_verb, spec.precision.or(default), spec.sharp);
    let sign = sign(float.is_sign_negative(), spec);
    let zeros = match spec.width {
        Some(width) if spec.zero => "0".repeat(width.saturating_sub(sign.len() + digits.len())),
        _ => String::new(),
    };
    pad(out, &format!("{sign}{zeros}{digits}"), &Spec { zero: false, ..*spec });
}

fn write_text(out: &mut String, text: &str, verb: char, spec: &Spec) -> Result<()> {
    let cut: Cow<'_, str> = match spec.precision {
        Some(precision) if !matches!(verb, 'x' | 'X') => text.chars().take(precision).collect(),
        _ => Cow::Borrowed(text),
    };
    match verb {
        'q' => {
            let mut quoted = String::new();
            if spec.sharp
                && !cut
                    .contains(|c: char| c == '`' || c == '\u{feff}' || (c < ' ' && c != '\t') || c == '\x7f')
            {
                quoted.extend(["`", &cut, "`"]);
            } else {
                quoted.push('"');
                for character in cut.chars() {
                    term::push_escaped(&mut quoted, character, '"', spec.plus);
                }
                quoted.push('"');
            }
            pad(out, &quoted, spec);
        }
        'x' | 'X' => {
            check_string(text.len().saturating_mul(5))?;
            let bytes = &text.as_bytes()[..text.len().min(spec.precision.unwrap_or(usize::MAX))];
            let prefix = match (spec.sharp, verb) {
                (true, 'x') => "0x",
                (true, _) => "0X",
                _ => "",
            };
            let mut hex = String::new();
            for (index, byte) in bytes.iter().enumerate() {
                if spec.space && index > 0 {
                    hex.push(' ');
                }
                if index == 0 || spec.space {
                    hex.push_str(prefix);
                }
                hex.push_str(&if verb == 'x' { format!("{byte:02x}") } else { format!("{byte:02X}") });
            }
            pad(out, &hex, spec);
        }
        'v' if spec.sharp => {
            let mut quoted = String::new();
            term::quote(&mut quoted, &cut);
            pad(out, &quoted, spec);
        }
        _ => pad(out, &cut, spec),
    }
    Ok(())
}
