//! Policies made to be hard end in a clear error, or in a result: never in a crash, nor after a long time.

use regorus::Value;

use super::evaluate::{Refusal, decision};

fn run(policy: &str) -> Result<Value, Refusal> {
    let input = Value::from_json_str("{\"x\": \"p\"}").unwrap();
    decision(&[&format!("package docker\n\n{policy}\n")], input)
}

/// The code of the error that the policy ends in.
fn code(policy: &str) -> &'static str {
    run(policy).expect_err("an error").code
}

/// `count` rules, each made of the one before.
fn chain(count: usize, first: &str, next: impl Fn(&str) -> String) -> String {
    let mut rules = vec![format!("p0 := {first}")];
    for i in 1..=count {
        rules.push(format!("p{i} := {}", next(&format!("p{}", i - 1))));
    }
    rules.join("\n")
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn deep_text_is_refused() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("{", "}"), ("f(", ")"), ("{x | x := ", "}"), ("$\"{", "}\"")]
    {
        let policy = format!("decision := {}\nf(x) := x", nested(open, "1", close, 5_000));
        assert_eq!(code(&policy), "syntax", "{open}");
    }
    assert_eq!(code(&format!("decision := 1{}", " + 1".repeat(100_000))), "syntax");
    assert_eq!(code(&format!("decision := 1{}", " in 1".repeat(100_000))), "syntax");
    assert_eq!(code(&format!("a{} := 1", ".b".repeat(100_000))), "syntax");
    assert_eq!(code(&format!("decision if input with input{} as 1", ".b".repeat(100_000))), "syntax");
    assert_eq!(code(&format!("decision := {}", "{".repeat(100_000))), "syntax");
}

#[test]
fn what_is_allowed_to_be_deep_runs() {
    assert_eq!(run(&format!("decision := 1{}", " + 1".repeat(900))), Ok(Value::from(901)));
    assert_eq!(
        run(&format!("decision := {}\nf(_, y) := y", nested("f(1, ", "1", ")", 100))),
        Ok(Value::from(1))
    );
    assert_eq!(run(&format!("{}\ndecision := p1500", chain(1_500, "1", str::to_owned))), Ok(Value::from(1)));
    assert_eq!(code(&format!("{}\ndecision := p3000", chain(3_000, "1", str::to_owned))), "limit");
    let everies = (0..60).map(|i| format!("every x{i} in [1] {{ x{i} == 1; ")).collect::<Vec<_>>().concat();
    assert_eq!(run(&format!("decision if {{ {everies} true {} }}", "}".repeat(60))), Ok(Value::from(true)));
}

#[test]
fn nested_closures_do_not_multiply_the_work_of_compiling() {
    let policy = format!("decision := {}", nested("[y | y := input.image.labels; z := ", "1", "]", 60));
    assert!(run(&policy).is_ok());
    assert_eq!(code(&format!("decision if {}", nested("{x | ", "1", "}", 60))), "unsafe-variable");
    let elses = (0..20_000).map(|i| format!(" else := {i} if false")).collect::<Vec<_>>().concat();
    assert_eq!(run(&format!("decision := 0 if false{elses}")), Ok(Value::Undefined));
    let many = (0..10_000).map(|i| format!("x{i} := {i}\n")).collect::<Vec<_>>().concat();
    assert_eq!(run(&format!("decision if {{\n{many}}}")), Ok(Value::from(true)));
}

#[test]
fn values_stay_small_and_shallow() {
    let wrap = format!("f(x) := {}\ng(x) := {}", nested("[", "x", "]", 100), nested("f(", "x", ")", 100));
    assert_eq!(code(&format!("{wrap}\ndecision := g(1)")), "limit");
    assert_eq!(code(&format!("{}\ndecision := p600", chain(600, "1", |p| format!("[{p}]")))), "limit");
    for make in ["[P, P]", "{\"a\": P, \"b\": P}"] {
        let doubling = chain(60, "[1, 2]", |p| make.replace('P', p));
        assert_eq!(code(&format!("{doubling}\ndecision := p60")), "limit", "{make}");
    }
    let patched = chain(12, "{\"a\": 1}", |p| {
        let depth = 1 << (p[1..].parse::<u32>().unwrap());
        format!(
            "json.patch({p}, [{{\"op\": \"add\", \"path\": \"{}\", \"value\": {p}}}])",
            "/a".repeat(depth)
        )
    });
    assert_eq!(code(&format!("{patched}\ndecision := p12")), "limit");
    let text = chain(60, "\"aaaaaaaa\"", |p| format!("concat(\"\", [{p}, {p}])"));
    assert_eq!(code(&format!("{text}\ndecision := p60")), "limit");
    let number = chain(40, "999999999", |p| format!("{p} * {p}"));
    assert_eq!(code(&format!("{number}\ndecision := p40")), "limit");
    assert_eq!(code("decision := 1e999999999"), "syntax");
    assert_eq!(code("decision := -1e999999999"), "syntax");
}

#[test]
fn long_work_is_cut_off() {
    assert_eq!(code("decision := sum(numbers.range(1, 20000000))"), "limit");
    // Few steps, but each of them goes through much.
    let long = "long := concat(\"\", [\"0123456789\" | some _ in numbers.range(1, 100000)])";
    let many = "some _ in numbers.range(1, 100000)";
    assert_eq!(code(&format!("{long}\ndecision := count([1 | {many}; contains(long, \"x\")])")), "limit");
    let list = "list := numbers.range(1, 100000)";
    assert_eq!(code(&format!("{list}\ndecision := count([1 | {many}; 0 in list])")), "limit");
    assert_eq!(
        code(&format!("{list}\ndecision := count([1 | {many}; list == numbers.range(1, 9)])")),
        "limit"
    );
}

#[test]
fn recursion_is_named() {
    assert_eq!(code("f(x) := g(x)\ng(x) := f(x)\ndecision := f(1)"), "recursion");
    assert_eq!(code("decision := data.docker[x] if x := \"decision\""), "recursion");
    assert_eq!(code("p := data.docker[input.x]\ndecision := p"), "recursion");
    let refusal = run("a := b\nb := a\ndecision := a").unwrap_err();
    assert_eq!(
        refusal.message,
        "rule `data.docker.a` is recursive: data.docker.a -> data.docker.b -> data.docker.a"
    );
}
