//! The language means what OPA says: its recorded answers.

use regorus::Value;

use super::ast::Module;
use super::eval::{Answer, Evaluation, Host};
use super::ir::OwnBuiltin;

struct NoHost;

impl Host for NoHost {
    fn call(&self, _: OwnBuiltin, _: &[Value]) -> Answer {
        Answer::Error("not in these tests".to_owned())
    }
}

/// `data.docker.decision` of a policy, or why there is none.
fn decide(files: &[String], input: Value) -> Result<Value, String> {
    let modules: Vec<Module> = files
        .iter()
        .enumerate()
        .map(|(i, text)| super::parser::parse(text, u32::try_from(i).unwrap()).map_err(|e| e.message))
        .collect::<Result<_, _>>()?;
    let compiled = super::compile::compile(&modules)
        .map_err(|problems| problems.iter().map(|p| p.message.clone()).collect::<Vec<_>>().join("; "))?;
    let mut evaluation = Evaluation::new(&compiled.program, &NoHost, input, 1_700_000_000_000_000_000);
    match evaluation.value_at(&["docker", "decision"]).map_err(|f| f.message)? {
        Value::Undefined => Err("undefined".to_owned()),
        value => Ok(value),
    }
}

/// Cases in which this engine answers otherwise, on purpose.
const DIFFERENT: [(&str, &str); 0] = [];

#[test]
fn opa_agrees() {
    let recorded =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/rego.jsonl")).unwrap();
    let mut wrong = Vec::new();
    for line in recorded.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = case["case"]["name"].as_str().unwrap();
        let files: Vec<String> = case["case"]["files"]
            .as_object()
            .unwrap()
            .values()
            .map(|v| v.as_str().unwrap().to_owned())
            .collect();
        let step = case["steps"].as_array().unwrap().last().unwrap();
        let input = Value::from(serde_json::json!({
            "local": {"name": "context"},
            "env": case["case"]["env"],
        }));
        let ours = decide(&files, input);
        let ours_message = ours.as_ref().ok().map(|v| v["deny_msg"][0].clone());
        let agrees = match step["decision"]["denyMessages"][0]["message"].as_str() {
            Some(message) => ours_message.as_ref().is_some_and(|ours| {
                let ours = ours.as_string().map(ToString::to_string).unwrap_or_default();
                Value::from_json_str(&ours).ok() == Value::from_json_str(message).ok()
            }),
            None => ours.is_err(),
        };
        if !agrees && !DIFFERENT.iter().any(|(case, _)| *case == name) {
            wrong.push(format!("{name}: {} => {ours:?}, OPA {step}", files[0]));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}
