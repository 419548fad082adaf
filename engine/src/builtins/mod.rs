//! Built-in functions of the language.
//!
//! These are the functions that buildx lets a policy call, and each answers what OPA v1 answers. They are
//! pure: the few that need the clock or randomness are marked by [`Kind`] and are up to the evaluator.
//!
//! Nothing in here may allocate without bound: whatever would exceed [`MAX_STRING`],
//! [`MAX_COLLECTION`] or another limit ends in [`BuiltinError::Limit`].

#![allow(
    clippy::unnecessary_wraps,
    clippy::format_push_string,
    reason = "all functions of the table have one type; text that is made rarely is made readably"
)]

mod aggregates;
mod arithmetic;
mod big_float;
mod calendar;
mod comparison;
mod encoding;
mod format_float;
mod glob;
mod globs_match;
mod json;
mod json_parser;
mod json_paths;
mod objects;
mod operands;
mod regex;
mod regex_syntax;
mod sets;
mod sprintf;
mod strings;
mod table;
mod template;
mod template_functions;
mod template_parser;
mod template_text;
mod term;
pub(crate) use term::{display as term_display, shown as term_text};
mod time;
mod time_layout;
mod time_parse;
mod types;
mod units;
mod versions;
mod yaml;
mod yaml_writer;

use regorus::Value;

pub use table::{TABLE, is_refused, lookup};

/// The longest string that a built-in makes, in bytes.
pub const MAX_STRING: usize = 16 << 20;
/// The largest array, set or object that a built-in makes, in elements.
pub const MAX_COLLECTION: usize = 1_000_000;

/// What a call answers; [`Value::Undefined`] when OPA's function yields nothing.
pub type Result<T = Value> = std::result::Result<T, BuiltinError>;

/// A built-in function.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Its name, with its namespace: `array.concat`, and `plus` for the operator `+`.
    pub name: &'static str,
    /// How many arguments it takes.
    pub arity: usize,
    /// The types its arguments may have, one for each. OPA refuses at compile time a call whose argument
    /// is known to have none of these.
    pub args: &'static [Types],
    /// The types that its answer may have.
    pub result: Types,
    /// Whether the evaluator has to help.
    pub kind: Kind,
    /// Calls it with [`Builtin::arity`] arguments.
    pub call: fn(&[Value]) -> Result,
}

/// What a built-in needs besides its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Pure,
    /// The time of the evaluation in nanoseconds since 1970: `time.now_ns`.
    NowNs,
    /// A random number, the same for the same arguments in one evaluation: `rand.intn`. See [`rand_intn`].
    RandIntn,
    /// A random UUID, the same for the same argument in one evaluation: `uuid.rfc4122`. See [`uuid_v4`].
    Uuid,
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuiltinError {
    /// An error in OPA's sense: the expression is undefined.
    #[error("{0}")]
    Failed(String),
    /// The call would exceed a limit, which the text names. The evaluation must end with an error.
    #[error("{0}")]
    Limit(String),
}

/// A set of types of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Types(u8);

impl Types {
    /// `null`
    pub const NULL: Self = Self(1);
    /// `true` and `false`
    pub const BOOLEAN: Self = Self(1 << 1);
    /// Numbers.
    pub const NUMBER: Self = Self(1 << 2);
    /// Strings.
    pub const STRING: Self = Self(1 << 3);
    /// Arrays.
    pub const ARRAY: Self = Self(1 << 4);
    /// Objects.
    pub const OBJECT: Self = Self(1 << 5);
    /// Sets.
    pub const SET: Self = Self(1 << 6);
    /// Every type.
    pub const ANY: Self = Self(0x7f);

    /// The types of both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other`'s types are in here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of the types, as OPA has them.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let names = ["null", "boolean", "number", "string", "array", "object", "set"];
        names.into_iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| name)
    }

    /// The type of `value`; nothing for undefined.
    pub const fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(_) => Self::NUMBER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
            Value::Set(_) => Self::SET,
            Value::Undefined => Self(0),
        }
    }
}

impl std::fmt::Display for Types {
    /// As OPA's errors write it: `string`, or `any<number, set>`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::ANY {
            return f.write_str("any");
        }
        let names: Vec<&str> = self.names().collect();
        match names.as_slice() {
            [one] => f.write_str(one),
            many => write!(f, "any<{}>", many.join(", ")),
        }
    }
}

/// A number as JSON writes it; a limit when it would take very many digits.
pub fn number(text: &str) -> Result {
    json_parser::parse(text)
}

/// OPA's order of values, which is not that of [`Value`]: sets come after objects.
pub fn compare(left: &Value, right: &Value) -> std::cmp::Ordering {
    comparison::compare(left, right)
}

/// `rand.intn(_, n)`: a number from 0 up to `n`, or down from `-n`, without it. `random` is any random number.
pub fn rand_intn(n: &Value, random: u64) -> Result {
    let n = operands::int(n, 2)?.unsigned_abs();
    Ok(Value::from(if n == 0 { 0 } else { random % n }))
}

/// `uuid.rfc4122(_)`: a random UUID (version 4) made of `random`.
pub fn uuid_v4(random: u128) -> Value {
    let bits = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    Value::from(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}
