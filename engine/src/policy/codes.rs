//! Codes of what keeps a policy from being loaded, and from deciding.

/// What a code says.
#[derive(Debug, Clone, Copy)]
pub struct ErrorCode {
    /// Stable, kebab-case.
    pub code: &'static str,
    /// What it means, as a sentence without its period.
    pub means: &'static str,
    /// What to do about it; empty where the message says that.
    pub help: &'static str,
}

const fn code(code: &'static str, means: &'static str, help: &'static str) -> ErrorCode {
    ErrorCode { code, means, help }
}

/// Codes of what keeps a policy from being loaded, sorted.
#[rustfmt::skip]
pub const LOAD_CODES: [ErrorCode; 25] = [
    code("assignment-target", "something else than a variable stands before `:=`", ""),
    code("conflicting-data", "a data file of tests has what a rule of the policy defines", ""),
    code("conflicting-rules", "one name stands for different things: rules of two kinds, a rule and a package, two defaults", "define a name in one way alone: `x := …`, `x contains …` or `x(…) := …`, with one `default`"),
    code("duplicate-import", "two imports have one name", ""),
    code("function-as-value", "a function stands where a value is needed", ""),
    code("import-cycle", "files import each other in a cycle", ""),
    code("import-not-found", "the file that an import names isn't there", "imports are read from the policy's root: add the file or correct the path"),
    code("import-unreadable", "the file that an import names can't be read, or its library can't be used", ""),
    code("limit", "the policy is larger, more deeply nested or has more files than is read", ""),
    code("misplaced-assignment", "`:=` stands inside an expression", ""),
    code("not-a-function", "a rule that is no function is called", ""),
    code("parameter", "a parameter is something else than a variable, a constant, or an array or object of these", ""),
    code("partial-replacement", "`with` replaces a part of what a rule defines", ""),
    code("recursion", "a rule refers to itself", "break the cycle: Rego evaluates no rule in terms of itself"),
    code("redeclared-variable", "a variable is declared twice, or used before it is declared", ""),
    code("refused-function", "OPA has this function, and build policies have not", "build policies decide from their input alone: they cannot reach the network or the host"),
    code("shadowed-function", "a variable hides the function that is called", ""),
    code("shadowed-root", "a variable is called `input` or `data`", ""),
    code("syntax-error", "the text is no Rego v1", ""),
    code("type-error", "a constant argument has a type that the function never takes, or a constant object has no such key", "see docs/builtins.md for what built-in functions take"),
    code("undefined-function", "there is no function of this name", "check the spelling, or define the function or import it"),
    code("unknown-import", "an import is of something else than `data.…`, `input.…`, `rego.v1` and `future.keywords`", ""),
    code("unsafe-variable", "nothing gives a variable its value", "assign it with `:=`, or let `some … in` find it"),
    code("unused-variable", "a declared variable is not used", ""),
    code("wrong-arity", "a function is called with too many or too few arguments", "see docs/builtins.md for what built-in functions take"),
];

/// Codes of what ends an evaluation, sorted.
pub const EVALUATION_CODES: [ErrorCode; 4] = [
    code(
        "builtin-error",
        "a function could not do its work: a file is missing or malformed, a digest is none, an argument is not the \
         input's own object",
        "correct the call, or guard it with a condition; `--explain` shows how it was reached",
    ),
    code(
        "conflict",
        "a rule or function has two values, or an object one key twice",
        "let the conditions of the rule's definitions exclude each other, or use `else`",
    ),
    code(
        "limit",
        "the evaluation takes more steps or memory than it may, or is nested too deeply",
        "make the rule cheaper: narrow what it goes through, or guard it with a condition first",
    ),
    code(
        "unresolved",
        "a test depends on a property that nobody looked up",
        "put the property into the test's input, or capture the snapshot with it",
    ),
];

/// What to do about a problem of this code, where its message leaves that open.
pub(super) fn load_help(code: &str) -> Option<&'static str> {
    find(&LOAD_CODES, code).map(|known| known.help).filter(|help| !help.is_empty())
}

/// What to do about an evaluation that ended with this code.
pub fn evaluation_help(code: &str) -> Option<&'static str> {
    find(&EVALUATION_CODES, code).map(|known| known.help)
}

/// Whether it is in the table: what isn't is not documented.
pub(super) fn is_known(codes: &[ErrorCode], code: &str) -> bool {
    find(codes, code).is_some()
}

fn find<'c>(codes: &'c [ErrorCode], code: &str) -> Option<&'c ErrorCode> {
    codes.iter().find(|known| known.code == code)
}
