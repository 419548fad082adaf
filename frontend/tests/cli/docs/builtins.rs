//! `docs/builtins.md`: every function with an example, whose result the engine tells.

#![allow(clippy::format_push_string, reason = "text that is made rarely is made readably")]

use std::time::SystemTime;

use policy_engine::builtins::{Builtin, Kind, TABLE};
use policy_engine::check::{Check, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::policy::{LoadOptions, Policy, PolicyFile, PolicySet};
use policy_engine::source::SourceOp;

use super::builtin_examples::{BUILD, EXAMPLES};
use super::reference::{MADE, cell};

/// Parts of template strings have functions that nobody calls by name.
const INTERNAL: &str = "internal";

/// The page.
pub(super) fn page() -> String {
    let mut page = format!(
        "{MADE}# Built-in functions\n\nEvery function that a policy may call. What is missing here and known to OPA \
         (`http.send`, `opa.runtime`, `crypto.*`, `io.jwt.*`, `net.*`, `graph.*`, `walk`, …) is refused when a policy is \
         loaded.\n\n## Of build policies\n\nThese work on the source that is asked about; the first argument of most must \
         be the input's own object. Files lie in the policy's root. Where \"looked up\" says something, a call costs a \
         request, as [reading a property](input.md) does.\n\n| function | | example | looked up |\n|---|---|---|---|\n"
    );
    for build in BUILD {
        let (does, example) = (cell(build.does), cell(build.example));
        page.push_str(&format!("| `{}` | {does} | `{example}` | {} |\n", build.function, build.looked_up));
    }
    page.push_str(
        "\nWhat they verify, and what their files may hold, is in [signatures.md](signatures.md#functions) and \
         [signatures-git.md](signatures-git.md); what is unlike buildx in [policies.md](policies.md#where-we-differ-on-purpose).\n\n\
         All others answer what OPA's functions of the same name answer, which [OPA's manual]\
         (https://www.openpolicyagent.org/docs/policy-reference/builtins) describes; the types of arguments are as OPA \
         checks them. They cost nothing.\n",
    );
    let results = results();
    let mut families: Vec<&str> = TABLE.iter().map(|builtin| family_of(builtin.name)).collect();
    families.sort_unstable();
    families.dedup();
    for family in families.into_iter().filter(|family| *family != INTERNAL) {
        let title = if family.is_empty() { "Without a namespace" } else { family };
        page.push_str(&format!("\n## {title}\n\n| function | | example |\n|---|---|---|\n"));
        for builtin in TABLE.iter().filter(|builtin| family_of(builtin.name) == family) {
            page.push_str(&row(builtin, &results));
        }
    }
    page
}

fn row(builtin: &Builtin, results: &[String]) -> String {
    let types: Vec<String> = builtin.args.iter().map(ToString::to_string).collect();
    let at = EXAMPLES.iter().position(|(name, _)| *name == builtin.name);
    let at = at.unwrap_or_else(|| panic!("{} has no example in builtin_examples.rs", builtin.name));
    let operator = builtin.operator().map(|operator| format!("`{operator}`")).unwrap_or_default();
    let (note, result) = match builtin.kind {
        Kind::Pure => (operator.as_str(), format!(" is `{}`", cell(&results[at]))),
        Kind::NowNs => ("the time of the check", String::new()),
        Kind::RandIntn | Kind::Uuid => ("the same for the same arguments in one check", String::new()),
    };
    let example = cell(EXAMPLES[at].1);
    format!("| `{}({})` | {} | `{example}`{result} |\n", builtin.name, types.join(", "), cell(note))
}

/// What the engine answers to each example, as Rego writes it.
fn results() -> Vec<String> {
    let prints: Vec<String> = EXAMPLES.iter().map(|(_, example)| format!("\tprint([{example}])")).collect();
    let text =
        format!("package docker\n\ndecision := {{\"allow\": true}} if {{\n{}\n}}\n", prints.join("\n"));
    let files = vec![PolicyFile { name: "examples.rego".to_owned(), text }];
    let policy = Policy::load(&LoadOptions { files, root: None, strict: true });
    let policies = PolicySet {
        policies: vec![policy.unwrap_or_else(|error| panic!("{error}")).into()],
        ..PolicySet::default()
    };
    let source = SourceOp::new("local://context");
    let (facts, env, now) = (Facts::default(), Env::default(), SystemTime::now());
    let check = Check { source: &source, platform: None, facts: &facts, env: &env, now };
    let outcome = policies.check(&check).unwrap_or_else(|error| panic!("{error}"));
    let Outcome::Decided(decision) = outcome else { panic!("examples ask for nothing") };
    let shown = decision.prints.into_iter().map(|print| {
        let inner = print.text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        inner.unwrap_or_else(|| panic!("{}: {}", print.position, print.text)).to_owned()
    });
    let results: Vec<String> = shown.collect();
    assert_eq!(results.len(), EXAMPLES.len(), "each example prints its result");
    results
}

fn family_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(family, _)| family)
}

#[test]
fn own_functions_are_documented() {
    for function in policy_engine::policy::own_functions() {
        let found = BUILD.iter().any(|build| build.function.split('(').next() == Some(function));
        assert!(found, "{function} is not in builtin_examples.rs");
    }
}
