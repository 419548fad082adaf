//! Whatever a file holds: no panic, and no end that does not come.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::print::environment;
use crate::bake::{Bake, BakeError, load};

fn bake(name: &str, text: &str) -> Result<Bake, BakeError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    load(&[name.to_owned()], folder.path(), &environment(&BTreeMap::new()), &[], &[])
}

fn hcl(text: &str) -> Result<Bake, BakeError> {
    bake("docker-bake.hcl", text)
}

/// What is unresolvable, and says so.
fn unresolved(text: &str) -> String {
    let error = hcl(text).unwrap_err();
    assert!(!error.is_usage(), "{error}");
    error.to_string()
}

#[test]
fn bounds_are_named() {
    let doubling: String = (0..60)
        .map(|level| {
            format!("function \"f{}\" {{\n params = [x]\n result = f{level}(concat(x, x))\n}}\n", level + 1)
        })
        .collect();
    let text = format!(
        "function \"f0\" {{\n params = [x]\n result = x\n}}\n{doubling}target \"default\" {{ args = {{ A = jsonencode(f60([1])) }} }}\n"
    );
    assert!(unresolved(&text).contains("steps"), "{}", unresolved(&text));
    let nested: String = (0..60).map(|level| format!("v{} = [v{level}, v{level}]\n", level + 1)).collect();
    assert!(
        unresolved(&format!("v0 = [1]\n{nested}target \"default\" {{ args = {{ A = jsonencode(v60) }} }}\n"))
            .contains("steps")
    );
    let chain: String = (0..5000).map(|level| format!("v{} = v{level}\n", level + 1)).collect();
    assert!(
        unresolved(&format!("v0 = \"x\"\n{chain}target \"default\" {{ args = {{ A = v5000 }} }}\n"))
            .contains("levels deep")
    );
    let inherits: String = (0..5000)
        .map(|level| format!("target \"t{}\" {{ inherits = [\"t{level}\"] }}\n", level + 1))
        .collect();
    let text = format!("target \"t0\" {{}}\n{inherits}group \"default\" {{ targets = [\"t5000\"] }}\n");
    assert!(unresolved(&text).contains("inherit"));
    let linked: String = (0..5000)
        .map(|level| format!("target \"t{}\" {{ contexts = {{ a = \"target:t{level}\" }} }}\n", level + 1))
        .collect();
    let text = format!("target \"t0\" {{}}\n{linked}group \"default\" {{ targets = [\"t5000\"] }}\n");
    assert!(unresolved(&text).contains("contexts"));
    let groups: String =
        (0..5000).map(|level| format!("group \"g{}\" {{ targets = [\"g{level}\"] }}\n", level + 1)).collect();
    let text = format!("target \"g0\" {{}}\n{groups}group \"default\" {{ targets = [\"g5000\"] }}\n");
    assert!(unresolved(&text).contains("groups"));
    let wide = "target \"default\" { args = { A = format(join(\"\", [for x in range(1000) : \"%65000s\"]), range(1000)...) } }\n";
    assert!(unresolved(wide).contains("bytes"));
    let joined =
        "s = format(\"%60000s\", \"x\")\nl = range(1000)\ntarget \"default\" { args = { A = join(s, l) } }\n";
    assert!(unresolved(joined).contains("bytes"));
    let base: String =
        (0..1000).map(|number| format!("    A{number} = \"{}\"\n", "x".repeat(1000))).collect();
    let text = format!(
        "target \"base\" {{\n  args = {{\n{base}  }}\n}}\ntarget \"default\" {{\n name = \"t${{n}}\"\n inherits = [\"base\"]\n matrix = {{ n = range(1000) }}\n}}\n"
    );
    assert!(unresolved(&text).contains("bytes"));
    let aliases =
        format!("x-a: &a {}\nx-b: [{}]\nservices: {{}}\n", "x".repeat(1_000_000), "*a, ".repeat(10_000));
    let error = bake("compose.yaml", &aliases).unwrap_err();
    assert!(!error.is_usage(), "{error}");
    for (open, close) in [("[", "]"), ("1 + ", "")] {
        let text =
            format!("target \"default\" {{ args = {{ A = {}1{} }} }}\n", open.repeat(150), close.repeat(150));
        assert!(unresolved(&text).contains("at most"));
    }
    let matrix =
        "target \"default\" {\n name = \"t${a}${b}\"\n matrix = { a = range(1000), b = range(1000) }\n}\n";
    assert!(unresolved(matrix).contains("matrix"));
}

#[test]
fn what_is_not_reproducible_or_not_there_is_named() {
    for (call, reason) in [("bcrypt(\"x\")", "every run"), ("rsadecrypt(\"x\", \"y\")", "not supported")] {
        let text = format!("target \"default\" {{\n  args = {{\n    A = try({call}, \"x\")\n  }}\n}}\n");
        let error = unresolved(&text);
        assert!(error.starts_with("docker-bake.hcl:3:"), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn usage_errors_say_where() {
    for (text, at) in [
        (
            "target \"default\" {\n  args = { A = nope }\n}\n",
            "docker-bake.hcl:2:16: there is no variable named `nope`",
        ),
        ("target \"default\" {\n  args = {\n", "docker-bake.hcl:"),
        (
            "variable \"A\" { default = B }\nvariable \"B\" { default = A }\ntarget \"default\" {}\n",
            "docker-bake.hcl:1:1: variable `A` needs its own value",
        ),
        ("target \"default\" { inherits = [\"x\"] }\n", "there is no target or group named `x`"),
        (
            "target \"default\" { args = { A = jsonencode(range(0, 1e12)) } }\n",
            "docker-bake.hcl:1:44: `range`: more than 1024 numbers",
        ),
        (
            "target \"default\" {\n  args = { A = <<-E\n    x\n    ${nope}\n  E\n  }\n}\n",
            "docker-bake.hcl:4:7: there is no variable",
        ),
    ] {
        let error = hcl(text).unwrap_err();
        assert!(error.is_usage(), "{error}");
        assert!(error.to_string().starts_with(at), "{error}");
    }
    let error =
        bake("docker-bake.json", "{\n \"target\": {\"default\": {\n  \"args\": {\"A\": \"${nope}\"}}}}")
            .unwrap_err();
    assert!(error.to_string().starts_with("docker-bake.json:3:17: "), "{error}");
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [
        ("[", "]"),
        ("{ a = ", "}"),
        ("(", ")"),
        ("!", ""),
        ("\"${", "}\""),
        ("true ? 1 : ", ""),
        ("upper(", ")"),
        ("1 + ", ""),
    ] {
        let text = format!(
            "target \"default\" {{ args = {{ A = {}1{} }} }}\n",
            open.repeat(20_000),
            close.repeat(20_000)
        );
        assert!(hcl(&text).is_err(), "{open}");
    }
    assert!(
        bake("docker-bake.json", &format!("{{\"a\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000)))
            .is_err()
    );
    assert!(
        bake("docker-bake.json", &format!("{{\"a\":{}1{}}}", "{\"b\":".repeat(20_000), "}".repeat(20_000)))
            .is_err()
    );
    assert!(
        bake("compose.yaml", &format!("services: {}1{}\n", "[".repeat(20_000), "]".repeat(20_000))).is_err()
    );
    let aliases: String =
        (1..30).map(|level| format!("a{level}: &a{level} [*a{}, *a{}]\n", level - 1, level - 1)).collect();
    assert!(bake("compose.yaml", &format!("a0: &a0 [x]\n{aliases}services: {{}}\n")).is_err());
}

#[derive(Deserialize)]
struct Case {
    files: BTreeMap<String, String>,
}

/// A small generator of numbers, the same at each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit.max(1) as u64)).unwrap()
    }
}

#[test]
fn mutated_files_never_panic() {
    let recorded = include_str!("../../../../fixtures/bake/print.jsonl");
    let snippets = [
        "${",
        "}",
        "\"",
        "[",
        "]",
        "{",
        "(",
        "...",
        "*",
        "<<-EOT\n",
        "\n",
        "null",
        "-",
        "1e999",
        "é",
        "$",
        "%{for x in y}",
        ": ",
        "&a ",
        "*a",
        "!reset ",
    ];
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(&BTreeMap::new());
    let mut slowest = Duration::ZERO;
    for line in recorded.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        for (name, text) in &case.files {
            for _ in 0..6 {
                let mut chars: Vec<char> = text.chars().collect();
                for _ in 0..=numbers.below(3) {
                    let at = numbers.below(chars.len() + 1);
                    let snippet = snippets.get(numbers.below(snippets.len())).unwrap();
                    match numbers.below(4) {
                        0 => chars.truncate(at),
                        1 => drop(chars.drain(at..(at + numbers.below(8)).min(chars.len()).max(at))),
                        2 => drop(chars.splice(at..at, snippet.chars())),
                        _ => {
                            let from = numbers.below(at + 1);
                            let part: Vec<char> = chars.get(from..at).unwrap().to_vec();
                            chars.splice(at..at, part);
                        }
                    }
                }
                let name = std::path::Path::new(name).file_name().unwrap().to_str().unwrap();
                let name = if name.starts_with('.') { "compose.yaml" } else { name };
                fs::write(folder.path().join(name), chars.iter().collect::<String>()).unwrap();
                let start = Instant::now();
                let _ = load(&[name.to_owned()], folder.path(), &environment, &["*".to_owned()], &[]);
                slowest = slowest.max(start.elapsed());
            }
        }
    }
    assert!(slowest < Duration::from_secs(20), "{slowest:?}");
}
