//! For tests: policies run without a host.

use regorus::Value;

use super::eval::{Answer, Evaluation, Host};
use super::ir::OwnBuiltin;

struct NoHost;

impl Host for NoHost {
    fn call(&self, _: OwnBuiltin, _: &[Value]) -> Answer {
        Answer::Error("not in these tests".to_owned())
    }
}

/// Why there is no value: a problem's or failure's code, or `syntax`; and its message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// `data.docker.decision` of a policy's files, `Undefined` included.
pub(super) fn decision(files: &[&str], input: Value) -> Result<Value, Refusal> {
    let mut modules = Vec::new();
    for (index, text) in files.iter().enumerate() {
        let module = super::parser::parse(text, u32::try_from(index).unwrap());
        modules.push(module.map_err(|e| Refusal { code: "syntax", message: e.message })?);
    }
    let compiled = super::compile::compile(&modules).map_err(|problems| {
        let first = problems.into_iter().next().unwrap();
        Refusal { code: first.code, message: first.message }
    })?;
    let mut evaluation = Evaluation::new(&compiled.program, &NoHost, input, 1_700_000_000_000_000_000);
    evaluation
        .value_at(&["docker", "decision"])
        .map_err(|failure| Refusal { code: failure.code, message: failure.message })
}

/// What a test expects of a policy.
pub(super) enum Expected {
    /// The decision, as JSON; sets as sorted arrays.
    Value(&'static str),
    /// No value, and no error.
    Undefined,
    /// An error of this code.
    Error(&'static str),
}

/// Checks policies (without their `package docker`) that read `input`; says all that differ.
pub(super) fn check(input: &str, cases: &[(&str, Expected)]) {
    let input = Value::from_json_str(input).unwrap();
    let mut wrong = Vec::new();
    for (policy, expected) in cases {
        let got = decision(&[&format!("package docker\n\n{policy}\n")], input.clone());
        let right = match (&got, expected) {
            (Ok(Value::Undefined), Expected::Undefined) => true,
            (Ok(value), Expected::Value(json)) if *value != Value::Undefined => {
                let shown =
                    (crate::builtins::lookup("json.marshal").unwrap().call)(std::slice::from_ref(value));
                shown.unwrap().as_string().unwrap().as_ref() == *json
            }
            (Err(refusal), Expected::Error(code)) => refusal.code == *code,
            _ => false,
        };
        if !right {
            wrong.push(format!("{policy}\n  => {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} policies differ:\n{}", wrong.len(), wrong.join("\n"));
}
