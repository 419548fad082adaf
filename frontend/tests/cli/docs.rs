//! The documentation: generated pages are what the code says, and every link leads somewhere.

mod blocks;
mod builtin_examples;
mod builtins;
mod diagnostics;
mod links;
mod messages;
mod reference;

use std::path::{Path, PathBuf};

use crate::harness::Place;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// Compares a page with what it is generated as; `POLICY_CHECK_WRITE_DOCS=1` writes it anew.
fn assert_page(name: &str, wanted: &str) {
    let path = repository().join("docs").join(name);
    if std::env::var_os("POLICY_CHECK_WRITE_DOCS").is_some() {
        std::fs::write(&path, wanted).expect("the page can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        wanted == found,
        "docs/{name} is not what the code says: write it with \
         `POLICY_CHECK_WRITE_DOCS=1 cargo test -p policy-check --test cli docs`"
    );
}

#[test]
fn generated_pages_are_what_the_code_says() {
    assert_page("input.md", &reference::input());
    assert_page("builtins.md", &builtins::page());
    assert_page("diagnostics.md", &diagnostics::page(&repository()));
}

#[test]
fn every_code_of_lint_is_documented() {
    let page = std::fs::read_to_string(repository().join("docs/lint.md")).expect("docs/lint.md");
    let table: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(table, reference::codes(), "docs/lint.md: the table is not what the code says");
}

/// Policies and tests of a page by section: its first and second block of Rego.
fn recipes(page: &str) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(repository().join("docs").join(page)).expect("a page");
    let sections = text.split("\n## ").skip(1).map(str::to_owned).collect::<Vec<_>>();
    let block = |section: &str, at: usize| {
        section.split("```rego\n").nth(at).and_then(|rest| rest.split("```").next()).map(str::to_owned)
    };
    let recipe = |section: &String| {
        let title = section.lines().next().unwrap_or_default().to_owned();
        Some((title, block(section, 1)?, block(section, 2)?))
    };
    sections.iter().filter_map(recipe).collect()
}

#[test]
fn recipes_pass_their_tests_and_are_clean() {
    let recipes = recipes("cookbook.md");
    assert!(recipes.len() > 5, "the recipes are found");
    for (title, policy, tests) in recipes {
        let place = Place::with_policy(&policy);
        place.write("Dockerfile_test.rego", tests);
        for command in ["test", "lint"] {
            let run = place.run([command]).finish();
            assert_eq!(run.code, 0, "{title}: {command}: {}{}", run.stdout, run.stderr);
        }
    }
}

#[test]
fn the_policy_to_begin_with_passes_its_tests() {
    let page = std::fs::read_to_string(repository().join("docs/getting-started.md")).expect("a page");
    let blocks: Vec<&str> =
        page.split("```rego\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let place = Place::with_policy(blocks[0]);
    place.write("Dockerfile_test.rego", blocks[1]);
    assert_eq!(place.run(["test"]).finish().code, 0);
    assert_eq!(place.run(["lint"]).finish().code, 0);
}

/// Whole policies of the pages are clean as well, except that short ones don't say why they deny.
#[test]
fn policies_of_the_documentation_are_clean() {
    let mut count = 0;
    for entry in std::fs::read_dir(repository().join("docs")).expect("docs") {
        let path = entry.expect("a page").path();
        let page = std::fs::read_to_string(&path).unwrap_or_default();
        let blocks = page.split("```rego\n").skip(1).filter_map(|rest| rest.split("```").next());
        // Libraries of a company are not at hand.
        let is_policy = |block: &&str| {
            block.starts_with("package docker")
                && block.contains("decision :=")
                && !block.contains("import data.acme")
        };
        for block in blocks.filter(is_policy) {
            count += 1;
            let place = Place::with_policy(block);
            let root = repository().join("policies").display().to_string();
            let run = place.run(["lint", "--format", "github", "--policy-root", &root]).finish();
            let found: Vec<&str> =
                run.stdout.lines().filter(|line| !line.contains("title=deny-without-message::")).collect();
            assert!(
                found.is_empty() && run.code < 2,
                "{}: {block}\n{found:#?}{}",
                path.display(),
                run.stderr
            );
        }
    }
    assert!(count > 8, "{count} policies are found");
}

#[test]
fn every_link_leads_somewhere() {
    assert!(links::pages(&repository()).len() > 20, "the documentation is found");
    assert_eq!(links::broken(&repository()), Vec::<String>::new());
}

#[test]
fn every_page_is_in_the_index() {
    let folder = repository().join("docs");
    let index = std::fs::read_to_string(folder.join("README.md")).expect("an index");
    for page in folder.read_dir().expect("docs").flatten() {
        let name = page.file_name().to_string_lossy().into_owned();
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "docs/README.md: no {name}");
    }
}

/// Names of fields in the first JSON of a page below a heading.
fn json_fields(page: &str, heading: &str) -> Vec<String> {
    let text = std::fs::read_to_string(repository().join("docs").join(page)).expect("a page");
    let (_, section) = text.split_once(heading).expect("the heading");
    let block = section.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    let value: serde_json::Value = serde_json::from_str(block).expect("JSON");
    let mut fields = Vec::new();
    collect_fields(&value, &mut fields);
    fields
}

fn collect_fields(value: &serde_json::Value, fields: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(entries) => {
            for (name, value) in entries {
                // Attributes and capabilities have names of their own.
                fields.push(name.clone());
                if !["attrs", "caps"].contains(&name.as_str()) {
                    collect_fields(value, fields);
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_fields(item, fields)),
        _ => {}
    }
}

#[test]
fn fields_of_the_report_are_those_of_its_schema() {
    let schema = Place::new().run(["schema", "report"]).finish().stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("a schema");
    let mut known: Vec<String> = Vec::new();
    let definitions = schema["$defs"].as_object().into_iter().flat_map(|definitions| definitions.values());
    for definition in std::iter::once(&schema).chain(definitions) {
        let variants = definition["oneOf"].as_array().into_iter().flatten();
        for object in std::iter::once(definition).chain(variants) {
            known.extend(object["properties"].as_object().into_iter().flat_map(|all| all.keys().cloned()));
        }
    }
    let documented = json_fields("cli.md", "\n### JSON report of `dry-run`, version 1\n");
    for field in &documented {
        assert!(known.contains(field), "docs/cli.md: the report has no {field}");
    }
    for field in &known {
        assert!(documented.contains(field), "docs/cli.md: {field} is not shown");
    }
}
