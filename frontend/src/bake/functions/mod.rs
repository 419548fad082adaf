//! The functions that bake knows, under its names.

mod arguments;
mod cidr;
mod collections;
mod encoding;
mod format;
mod numbers;
mod semver;
mod sets;
mod strings;
mod time;

use std::fmt::Display;

use super::Environment;
use super::value::convert::convert;
use super::value::{Type, Value};

pub(crate) use collections::equal;
pub(crate) use encoding::from_json;

/// A call that fails.
#[derive(Debug)]
pub(crate) enum FunctionError {
    /// As it does in bake.
    Invalid(String),
    /// Here only.
    Unresolved(String),
}

impl<T: Display> From<T> for FunctionError {
    fn from(message: T) -> Self {
        Self::Invalid(message.to_string())
    }
}

/// What arguments are converted to before a call. Null is refused but where it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    Nullable,
    Bool,
    Number,
    Text,
    /// A list of strings.
    Texts,
    /// A list of elements of one type.
    List,
    /// A set of elements of one type.
    Set,
}

type Run = fn(&[Value], &Environment) -> Result<Value, FunctionError>;

/// A function, and what it takes: parameters, and one that may repeat.
pub(crate) struct Builtin {
    parameters: &'static [Kind],
    variadic: Option<Kind>,
    run: Run,
}

const fn fixed(parameters: &'static [Kind], run: Run) -> Builtin {
    Builtin { parameters, variadic: None, run }
}

const fn variadic(parameters: &'static [Kind], rest: Kind, run: Run) -> Builtin {
    Builtin { parameters, variadic: Some(rest), run }
}

/// The function of that name. `try`, `can` and `convert` are not among them: the evaluator does them itself, for their
/// arguments are not all evaluated.
pub(crate) fn find(name: &str) -> Option<Builtin> {
    use Kind::{Any, Bool, List, Nullable, Number, Set, Text, Texts};
    Some(match name {
        "absolute" => fixed(&[Number], numbers::absolute),
        "add" => fixed(&[Number, Number], numbers::add),
        "and" => fixed(&[Bool, Bool], numbers::and),
        "base64decode" => fixed(&[Text], encoding::base64decode),
        "base64encode" => fixed(&[Text], encoding::base64encode),
        "basename" => fixed(&[Text], strings::basename),
        "bcrypt" => variadic(&[Text], Number, encoding::bcrypt),
        "byteslen" => fixed(&[Any], encoding::bytes),
        "bytesslice" => fixed(&[Any, Number, Number], encoding::bytes),
        "ceil" => fixed(&[Number], numbers::ceil),
        "chomp" => fixed(&[Text], strings::chomp),
        "chunklist" => fixed(&[List, Number], collections::chunklist),
        "cidrhost" => fixed(&[Text, Number], cidr::host),
        "cidrnetmask" => fixed(&[Text], cidr::netmask),
        "cidrsubnet" => fixed(&[Text, Number, Number], cidr::subnet),
        "cidrsubnets" => variadic(&[Text], Number, cidr::subnets),
        "coalesce" => variadic(&[], Nullable, collections::coalesce),
        "coalescelist" => variadic(&[], Nullable, collections::coalescelist),
        "compact" => fixed(&[Texts], collections::compact),
        "concat" => variadic(&[], Any, collections::concat),
        "contains" => fixed(&[Any, Any], collections::contains),
        "csvdecode" => fixed(&[Text], encoding::csvdecode),
        "dirname" => fixed(&[Text], strings::dirname),
        "distinct" => fixed(&[List], collections::distinct),
        "divide" => fixed(&[Number, Number], numbers::divide),
        "element" => fixed(&[Any, Number], collections::element),
        "equal" => fixed(&[Nullable, Nullable], collections::equal_function),
        "flatten" => fixed(&[Any], collections::flatten),
        "floor" => fixed(&[Number], numbers::floor),
        "format" => variadic(&[Text], Nullable, format::format),
        "formatdate" => fixed(&[Text, Text], time::formatdate),
        "formatlist" => variadic(&[Text], Nullable, format::formatlist),
        "formattimestamp" => fixed(&[Text, Any], time::formattimestamp),
        "greaterthan" => fixed(&[Number, Number], numbers::greaterthan),
        "greaterthanorequalto" => fixed(&[Number, Number], numbers::greaterthanorequalto),
        "hasindex" => fixed(&[Any, Any], collections::hasindex),
        "homedir" => fixed(&[], strings::homedir),
        "indent" => fixed(&[Number, Text], strings::indent),
        "index" => fixed(&[Any, Any], collections::index),
        "indexof" => fixed(&[Any, Any], collections::indexof),
        "int" => fixed(&[Number], numbers::int),
        "join" => variadic(&[Text], Texts, strings::join),
        "jsondecode" => fixed(&[Text], encoding::jsondecode),
        "jsonencode" => fixed(&[Nullable], encoding::jsonencode),
        "keys" => fixed(&[Any], collections::keys),
        "length" => fixed(&[Any], collections::length),
        "lessthan" => fixed(&[Number, Number], numbers::lessthan),
        "lessthanorequalto" => fixed(&[Number, Number], numbers::lessthanorequalto),
        "log" => fixed(&[Number, Number], numbers::log),
        "lookup" => fixed(&[Any, Text, Any], collections::lookup),
        "lower" => fixed(&[Text], strings::lower),
        "max" => variadic(&[], Number, numbers::max),
        "md5" => fixed(&[Text], encoding::md5),
        "merge" => variadic(&[], Nullable, collections::merge),
        "min" => variadic(&[], Number, numbers::min),
        "modulo" => fixed(&[Number, Number], numbers::modulo),
        "multiply" => fixed(&[Number, Number], numbers::multiply),
        "negate" => fixed(&[Number], numbers::negate),
        "not" => fixed(&[Bool], numbers::not),
        "notequal" => fixed(&[Nullable, Nullable], collections::notequal_function),
        "or" => fixed(&[Bool, Bool], numbers::or),
        "parseint" => fixed(&[Any, Number], numbers::parseint),
        "pow" => fixed(&[Number, Number], numbers::pow),
        "range" => variadic(&[], Number, numbers::range),
        "regex" => fixed(&[Text, Text], strings::regex),
        "regex_replace" => fixed(&[Text, Text, Text], strings::regex_replace),
        "regexall" => fixed(&[Text, Text], strings::regexall),
        "replace" => fixed(&[Text, Text, Text], strings::replace),
        "reverse" => fixed(&[Text], strings::reverse),
        "reverselist" => fixed(&[Any], collections::reverselist),
        "rsadecrypt" => fixed(&[Text, Text], encoding::rsadecrypt),
        "sanitize" => fixed(&[Text], strings::sanitize),
        "semvercmp" => fixed(&[Text, Text], semver::semvercmp),
        "sethaselement" => fixed(&[Set, Any], sets::has_element),
        "setintersection" => variadic(&[Set], Set, sets::intersection),
        "setproduct" => variadic(&[], Any, sets::product),
        "setsubtract" => fixed(&[Set, Set], sets::subtract),
        "setsymmetricdifference" => variadic(&[Set], Set, sets::symmetric_difference),
        "setunion" => variadic(&[Set], Set, sets::union),
        "sha1" => fixed(&[Text], encoding::sha1),
        "sha256" => fixed(&[Text], encoding::sha256),
        "sha512" => fixed(&[Text], encoding::sha512),
        "signum" => fixed(&[Number], numbers::signum),
        "slice" => fixed(&[Any, Number, Number], collections::slice),
        "sort" => fixed(&[Texts], collections::sort),
        "split" => fixed(&[Text, Text], strings::split),
        "strlen" => fixed(&[Text], strings::strlen),
        "substr" => fixed(&[Text, Number, Number], strings::substr),
        "subtract" => fixed(&[Number, Number], numbers::subtract),
        "timeadd" => fixed(&[Text, Text], time::timeadd),
        "timestamp" => fixed(&[], time::timestamp),
        "title" => fixed(&[Text], strings::title),
        "trim" => fixed(&[Text, Text], strings::trim),
        "trimprefix" => fixed(&[Text, Text], strings::trimprefix),
        "trimspace" => fixed(&[Text], strings::trimspace),
        "trimsuffix" => fixed(&[Text, Text], strings::trimsuffix),
        "unixtimestampparse" => fixed(&[Number], time::unixtimestampparse),
        "upper" => fixed(&[Text], strings::upper),
        "urlencode" => fixed(&[Text], encoding::urlencode),
        "uuidv4" => fixed(&[], encoding::uuidv4),
        "uuidv5" => fixed(&[Text, Text], encoding::uuidv5),
        "values" => fixed(&[Any], collections::values),
        "zipmap" => fixed(&[Texts, Any], collections::zipmap),
        _ => return None,
    })
}

/// Whether bake has a function of that name of its own.
pub(crate) fn is_builtin(name: &str) -> bool {
    matches!(name, "try" | "can" | "convert") || find(name).is_some()
}

/// Calls a function with arguments that may have any type.
pub(crate) fn call(
    builtin: &Builtin,
    arguments: &[Value],
    environment: &Environment,
) -> Result<Value, FunctionError> {
    let wanted = builtin.parameters.len();
    if arguments.len() < wanted || (arguments.len() > wanted && builtin.variadic.is_none()) {
        return Err(format!("it takes {wanted} arguments, but {} are given", arguments.len()).into());
    }
    let kinds =
        builtin.parameters.iter().copied().chain(std::iter::repeat(builtin.variadic.unwrap_or(Kind::Any)));
    let converted = arguments.iter().zip(kinds).enumerate().map(|(index, (argument, kind))| {
        prepare(argument, kind).map_err(|message| format!("argument {}: {message}", index + 1))
    });
    let converted = converted.collect::<Result<Vec<_>, _>>()?;
    (builtin.run)(&converted, environment)
}

fn prepare(argument: &Value, kind: Kind) -> Result<Value, String> {
    let wanted = match kind {
        Kind::Nullable => return Ok(argument.clone()),
        Kind::Any => Type::Any,
        Kind::Bool => Type::Bool,
        Kind::Number => Type::Number,
        Kind::Text => Type::String,
        Kind::Texts => Type::list(Type::String),
        Kind::List => Type::list(Type::Any),
        Kind::Set => Type::set(Type::Any),
    };
    let converted = convert(argument, &wanted).map_err(|error| error.to_string())?;
    if converted.is_null() { Err("it must not be null".to_owned()) } else { Ok(converted) }
}
