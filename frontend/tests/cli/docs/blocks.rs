//! Rego in the documentation: all of it loads.

use std::path::Path;

use crate::harness::{Place, fixture};

/// Blocks of Rego of a page that stand at the beginning of a line, with the line that each begins at.
fn blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (at, line) in page.lines().enumerate() {
        if !inside && line == "```rego" {
            inside = true;
            blocks.push((at + 2, String::new()));
        } else if line == "```" {
            inside = false;
        } else if let (true, Some((_, text))) = (inside, blocks.last_mut()) {
            text.push_str(line);
            text.push('\n');
        }
    }
    blocks
}

/// A block that is no whole policy is a part of one.
fn whole(block: &str) -> String {
    let package =
        if block.lines().any(|line| line.starts_with("package ")) { "" } else { "package docker\n\n" };
    let defines = |rule: &str| block.lines().any(|line| line.starts_with(rule));
    let allow = if defines("allow") || defines("default allow") { "" } else { "\ndefault allow := false\n" };
    let decision = if defines("decision") { "" } else { "\ndecision := {\"allow\": allow}\n" };
    format!("{package}{block}{allow}{decision}")
}

/// Pages that show tests have them in blocks of their own.
fn is_test(block: &str) -> bool {
    block.lines().any(|line| line.starts_with("test_"))
}

fn pages(repository: &Path) -> Vec<std::path::PathBuf> {
    let docs = repository.join("docs").read_dir().expect("docs");
    let mut pages: Vec<_> = docs.flatten().map(|entry| entry.path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.extend(["README.md", "policies/README.md"].map(|page| repository.join(page)));
    pages.sort();
    pages
}

#[test]
fn every_block_of_rego_loads() {
    let repository = super::repository();
    let mut seen = 0;
    for path in pages(&repository) {
        let page = std::fs::read_to_string(&path).expect("a page");
        // Tests are of the policy that was shown last.
        let mut policy = String::new();
        for (line, block) in blocks(&page) {
            seen += 1;
            let place = Place::new();
            place.write("Dockerfile", "FROM scratch\n");
            // What the pages import.
            if block.contains("data.lib") {
                copy(&fixture("../policies/lib"), &place.path().join("lib"));
            }
            place.write("acme/images.rego", "package images\n");
            if is_test(&block) {
                place.write("Dockerfile_test.rego", with_package(&block));
            } else {
                policy = block;
            }
            place.write("Dockerfile.rego", whole(&policy));
            let run = place.run(["lint", "--format", "json", "."]).finish();
            let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("a report");
            let wrong: Vec<&serde_json::Value> = findings(&report).collect();
            assert!(wrong.is_empty(), "{}:{line}: {wrong:?}\n{}", path.display(), run.stderr);
        }
    }
    assert!(seen > 25, "the blocks are found");
}

fn with_package(block: &str) -> String {
    let package = if block.contains("package ") { "" } else { "package docker\n\n" };
    format!("{package}{block}")
}

/// What a page must not show: a policy that doesn't load, or properties that no input has.
fn findings(report: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    let errors = report["errors"].as_array().into_iter().flatten();
    let never = |finding: &&serde_json::Value| {
        ["unknown-property", "never-true", "unknown-value"]
            .contains(&finding["code"].as_str().unwrap_or_default())
    };
    errors.chain(report["findings"].as_array().into_iter().flatten().filter(never))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in from.read_dir().expect("a folder").flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).expect("a file");
        }
    }
}
