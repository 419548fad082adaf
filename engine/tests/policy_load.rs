//! Policies that are refused, or remarked upon, when they are loaded: what is said, and where.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod harness;

use std::sync::Arc;

use harness::{IMAGE, MemoryRoot, decide, load, load_files, problem};
use policy_engine::check::Action;
use policy_engine::policy::{FileError, LoadOptions, Policy, PolicyFile, PolicyRoot};

#[test]
fn what_does_not_compile_is_refused_with_its_position() {
    for (rules, code, position, message) in [
        ("allow if {", "syntax-error", "p.rego:2:11", "the file ends"),
        ("allow if { input.x == }", "syntax-error", "p.rego:2:23", "unexpected `}`"),
        ("allow := ", "syntax-error", "p.rego:2:10", "the file ends"),
        ("a if b\nb if a", "recursion", "p.rego:3:6", "data.docker.a -> data.docker.b -> data.docker.a"),
        ("f(x) := f(x)", "recursion", "p.rego:2:9", "`data.docker.f` is recursive"),
        ("f(x) := g(x)\ng(x) := f(x)", "recursion", "p.rego:3:9", "f -> data.docker.g -> data.docker.f"),
        ("a := [x | some x in a]", "recursion", "p.rego:2:21", "`data.docker.a` is recursive"),
        ("a := data.docker[x] if some x in [\"b\"]\nb := 1", "recursion", "p.rego:2:6", "is recursive"),
        ("allow if nope(1)", "undefined-function", "p.rego:2:10", "undefined function `nope`"),
        ("allow if http.send({})", "refused-function", "p.rego:2:10", "`http.send` is not available"),
        ("allow if opa.runtime()", "refused-function", "p.rego:2:10", "`opa.runtime` is not available"),
        (
            "x := rego.metadata.chain()",
            "refused-function",
            "p.rego:2:6",
            "`rego.metadata.chain` is not available",
        ),
        ("x := rego.metadata.rule()", "refused-function", "p.rego:2:6", "not available"),
        ("x := rego.parse_module(\"a\", \"b\")", "refused-function", "p.rego:2:6", "not available"),
        ("allow if trace(\"x\")", "refused-function", "p.rego:2:10", "`trace` is not available"),
        ("allow if walk(input, [p, v])", "refused-function", "p.rego:2:10", "`walk` is not available"),
        ("x := net.lookup_ip_addr(\"h\")", "refused-function", "p.rego:2:6", "not available"),
        ("f := http.send if true\n", "unsafe-variable", "p.rego:2:6", "http"),
        ("allow if count(1, 2, 3)", "wrong-arity", "p.rego:2:10", "`count` takes 1 argument, not 3"),
        ("allow if x == 1", "unsafe-variable", "p.rego:2:10", "var x is unsafe"),
        ("a := 1\na contains 2", "conflicting-rules", "p.rego:3:1", "conflicting rules `data.docker.a`"),
        ("default a := 1\ndefault a := 2", "conflicting-rules", "p.rego:3:1", "more than one default"),
        ("allow if { x := 1; x := 2 }", "redeclared-variable", "p.rego:2:20", "var x declared above"),
    ] {
        let problem = problem(rules);
        assert_eq!((problem.code, &*problem.position.to_string()), (code, position), "{rules}: {problem:?}");
        assert!(problem.message.contains(message), "{rules}: {}", problem.message);
        assert!(!problem.message.ends_with('.'), "{}", problem.message);
    }
}

#[test]
fn all_problems_of_a_policy_are_told_in_order() {
    let error = load("a if nope(1)\nb if http.send({})\nc if c").unwrap_err();
    let codes: Vec<_> = error.problems.iter().map(|p| p.code).collect();
    assert_eq!(codes, ["undefined-function", "refused-function", "recursion"]);
    assert_eq!(error.to_string().lines().count(), 3);
}

#[test]
fn imports() {
    let main = "package docker\nimport data.lib.a\ndecision := {\"allow\": a.yes}";
    let load_with =
        |files: &[(&str, &str)]| load_files(&[("p.rego", main)], Some(MemoryRoot::new(files)), false);
    // The file takes the package of its import.
    let policy = load_with(&[("lib/a.rego", "package whatever\nyes := true")]).unwrap();
    assert_eq!(decide(&policy, IMAGE).unwrap().action, Action::Allow);
    for (files, code, position, message) in [
        (
            &[][..],
            "import-not-found",
            "p.rego:2:1",
            "import data.lib.a not found: there is no file `lib/a.rego` in the policy's root",
        ),
        (&[("lib/a.rego", "package a\nyes := ")][..], "syntax-error", "lib/a.rego:2:8", "the file ends"),
        (
            &[
                ("lib/a.rego", "package a\nimport data.lib.b\nyes := b.x"),
                ("lib/b.rego", "package b\nimport data.lib.a\nx := 1"),
            ],
            "import-cycle",
            "lib/b.rego:2:1",
            "files import each other in a cycle: lib/a.rego -> lib/b.rego -> lib/a.rego",
        ),
    ] {
        let problems = load_with(files).unwrap_err().problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!((problems[0].code, &*problems[0].position.to_string()), (code, position));
        assert!(problems[0].message.starts_with(message), "{}", problems[0].message);
    }
    let without_root = load_files(&[("p.rego", main)], None, false).unwrap_err();
    assert!(without_root.to_string().ends_with("this policy has no root to import from"), "{without_root}");
}

#[test]
fn a_package_is_imported_whatever_else_is() {
    let inside = [
        ("lib/a.rego", "package a\ndenied if true"),
        ("lib/a/deep.rego", "package deep\nok if true"),
        ("lib/b.rego", "package b\nimport data.lib.a.deep\nok if deep.ok"),
    ];
    for imports in [
        "import data.lib.a\nimport data.lib.a.deep",
        "import data.lib.a.deep\nimport data.lib.a",
        "import data.lib.b\nimport data.lib.a",
    ] {
        let text =
            format!("package docker\n{imports}\ndecision := {{\"allow\": allow}}\nallow if not a.denied");
        let text = format!("{text}\ndefault allow := false");
        let policy = load_files(&[("p.rego", &text)], Some(MemoryRoot::new(&inside)), false).unwrap();
        assert_eq!(decide(&policy, IMAGE).unwrap().action, Action::Deny, "{imports}");
    }
    // What has files inside of it, or is a rule, needs none of its own.
    let text = "package docker\nimport data.lib.a.deep\nimport data.lib.a\nimport data.lib.a.deep.ok\n\
                decision := {\"allow\": a.deep.ok}";
    let policy = load_files(&[("p.rego", text)], Some(MemoryRoot::new(&inside[1..2])), false).unwrap();
    assert_eq!(decide(&policy, IMAGE).unwrap().action, Action::Allow);
}

/// Knows a package by what its files declare.
struct Packages;

impl PolicyRoot for Packages {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        MemoryRoot::new(&[("lib/b.rego", "package b\nyes := true")]).read(path, limit)
    }

    fn package(&self, path: &str) -> Result<Vec<PolicyFile>, FileError> {
        let file = |name: &str, text: &str| PolicyFile { name: name.to_owned(), text: text.to_owned() };
        match path {
            "lib/a" => Ok(vec![
                file("x/one.rego", "package lib.a\nimport data.lib.b\nyes if b.yes"),
                file("x/two.rego", "package lib.a\nyes if also\nalso := false"),
            ]),
            "lib/b" => Ok(vec![file("x/three.rego", "package lib.b\nyes := no\nno := false")]),
            _ => Err(FileError::Other("unreadable".to_owned())),
        }
    }
}

#[test]
fn packages_of_several_files() {
    let load = |imported: &str| {
        let text =
            format!("package docker\nimport data.lib.{imported} as it\ndecision := {{\"allow\": it.yes}}");
        let files = vec![PolicyFile { name: "p.rego".to_owned(), text }];
        Policy::load(&LoadOptions { files, root: Some(Arc::new(Packages)), strict: false })
    };
    // The file of the path and another one that contradicts it: nothing is passed over.
    let conflict = decide(&load("a").unwrap(), IMAGE).unwrap_err().to_string();
    assert!(
        conflict.contains("b.yes") || conflict.contains("conflict") || conflict.contains("several"),
        "{conflict}"
    );
    let unreadable = &load("c").unwrap_err().problems[0];
    assert_eq!(
        (unreadable.code, &*unreadable.message, &unreadable.help),
        (
            "import-unreadable",
            "import data.lib.c cannot be loaded: cannot read `lib/c.rego`: unreadable",
            &None
        )
    );
}

#[test]
fn what_can_never_be_meant_is_remarked() {
    for (rules, code, position, message, help) in [
        (
            "allow if not input.image.hasProvenanc",
            "unknown-property",
            "p.rego:2:14",
            "`input.image.hasProvenanc` does not exist: `input.image` has no `hasProvenanc`",
            Some("did you mean `input.image.hasProvenance`?"),
        ),
        (
            "allow if input.image.repo.name == \"x\"",
            "unknown-property",
            "p.rego:2:10",
            "`input.image.repo.name` does not exist: `input.image.repo` has no `name`",
            None,
        ),
        (
            "allow if input.imgae.repo",
            "unknown-property",
            "p.rego:2:10",
            "`input.imgae.repo` does not exist: `input` has no `imgae`",
            Some("did you mean `input.image`?"),
        ),
        (
            "allow if input.image.repo == \"library/alpine\"",
            "never-true",
            "p.rego:2:27",
            "`input.image.repo` never equals \"library/alpine\": official images have no `library/` in `repo`",
            Some("write \"alpine\", or compare `input.image.fullRepo` with \"docker.io/library/alpine\""),
        ),
        (
            "allow if input.git.subDir == \"\"",
            "never-true",
            "p.rego:2:27",
            "`input.git.subDir` never equals \"\": an empty property is absent",
            Some("write `not input.git.subDir`"),
        ),
        (
            "allow if \".\" == input.local.name",
            "never-true",
            "p.rego:2:14",
            "`input.local.name` never equals \".\": it is the name of a build context, not a path",
            Some("write \"context\" or \"dockerfile\", or the name of a named context"),
        ),
    ] {
        let policy = load(rules).unwrap();
        let [warning] = policy.warnings() else { panic!("{rules}: {:?}", policy.warnings()) };
        assert_eq!((warning.code, &*warning.position.to_string()), (code, position), "{rules}");
        assert_eq!((&*warning.message, warning.help.as_deref()), (message, help));
        let text = format!("package docker\n{rules}");
        let strict = load_files(&[("p.rego", &text)], None, true).unwrap_err();
        assert_eq!(strict.problems, std::slice::from_ref(warning));
    }
    let good =
        "package docker\nallow if input.image.labels.anything == \"\"\nallow if input.env.args.x == \"\"";
    assert_eq!(load_files(&[("p.rego", good)], None, true).unwrap().warnings(), []);
}
