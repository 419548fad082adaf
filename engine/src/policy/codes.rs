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

impl ErrorCode {
    /// Of a table: the code, what it means, and what to do.
    pub const fn new(code: &'static str, means: &'static str, help: &'static str) -> Self {
        Self { code, means, help }
    }

    /// What a table has about a code: what isn't in one is not documented.
    pub fn find<'c>(table: &'c [Self], code: &str) -> Option<&'c Self> {
        table.iter().find(|known| known.code == code)
    }

    /// What to do about a code of a table, where its message leaves that open.
    pub fn help(table: &[Self], code: &str) -> Option<&'static str> {
        Self::find(table, code).map(|known| known.help).filter(|help| !help.is_empty())
    }
}

/// Codes of what keeps a policy from being loaded, sorted.
#[rustfmt::skip]
pub const LOAD_CODES: [ErrorCode; 25] = [
    ErrorCode::new("assignment-target", "something else than a variable stands before `:=`", ""),
    ErrorCode::new("conflicting-data", "a data file of tests has what a rule of the policy defines", ""),
    ErrorCode::new("conflicting-rules", "one name stands for different things: rules of two kinds, a rule and a package, two defaults", "define a name in one way alone: `x := …`, `x contains …` or `x(…) := …`, with one `default`"),
    ErrorCode::new("duplicate-import", "two imports have one name", ""),
    ErrorCode::new("function-as-value", "a function stands where a value is needed", ""),
    ErrorCode::new("import-cycle", "files import each other in a cycle", ""),
    ErrorCode::new("import-not-found", "the file that an import names isn't there", "imports are read from the policy's root: add the file or correct the path"),
    ErrorCode::new("import-unreadable", "the file that an import names can't be read, or its library can't be used", ""),
    ErrorCode::new("limit", "the policy is larger, more deeply nested or has more files than is read", ""),
    ErrorCode::new("misplaced-assignment", "`:=` stands inside an expression", ""),
    ErrorCode::new("not-a-function", "a rule that is no function is called", ""),
    ErrorCode::new("parameter", "a parameter is something else than a variable, a constant, or an array or object of these", ""),
    ErrorCode::new("partial-replacement", "`with` replaces a part of what a rule defines", ""),
    ErrorCode::new("recursion", "a rule refers to itself", "break the cycle: Rego evaluates no rule in terms of itself"),
    ErrorCode::new("redeclared-variable", "a variable is declared twice, or used before it is declared", ""),
    ErrorCode::new("refused-function", "OPA has this function, and build policies have not", "build policies decide from their input alone: they cannot reach the network or the host"),
    ErrorCode::new("shadowed-function", "a variable hides the function that is called", ""),
    ErrorCode::new("shadowed-root", "a variable is called `input` or `data`", ""),
    ErrorCode::new("syntax-error", "the text is no Rego v1", ""),
    ErrorCode::new("type-error", "a constant argument has a type that the function never takes, or a constant object has no such key", "see docs/builtins.md for what built-in functions take"),
    ErrorCode::new("undefined-function", "there is no function of this name", "check the spelling, or define the function or import it"),
    ErrorCode::new("unknown-import", "an import is of something else than `data.…`, `input.…`, `rego.v1` and `future.keywords`", ""),
    ErrorCode::new("unsafe-variable", "nothing gives a variable its value", "assign it with `:=`, or let `some … in` find it"),
    ErrorCode::new("unused-variable", "a declared variable is not used", ""),
    ErrorCode::new("wrong-arity", "a function is called with too many or too few arguments", "see docs/builtins.md for what built-in functions take"),
];

/// Codes of what ends an evaluation, sorted.
pub const EVALUATION_CODES: [ErrorCode; 4] = [
    ErrorCode::new(
        "builtin-error",
        "a function could not do its work: a file is missing or malformed, a digest is none, an argument is not the \
         input's own object",
        "correct the call, or guard it with a condition; `--explain` shows how it was reached",
    ),
    ErrorCode::new(
        "conflict",
        "a rule or function has two values, or an object one key twice",
        "let the conditions of the rule's definitions exclude each other, or use `else`",
    ),
    ErrorCode::new(
        "limit",
        "the evaluation takes more steps or memory than it may, or is nested too deeply",
        "make the rule cheaper: narrow what it goes through, or guard it with a condition first",
    ),
    ErrorCode::new(
        "unresolved",
        "a test depends on a property that nobody looked up",
        "put the property into the test's input, or capture the snapshot with it",
    ),
];
