//! The documentation: generated pages are what the code says, and every link leads somewhere.

mod links;
mod reference;

use std::path::{Path, PathBuf};

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
    assert_page("builtins.md", &reference::builtins());
}

#[test]
fn every_code_of_lint_is_documented() {
    let page = std::fs::read_to_string(repository().join("docs/lint.md")).expect("docs/lint.md");
    let table: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(table, reference::codes(), "docs/lint.md: the table is not what the code says");
}

#[test]
fn every_link_leads_somewhere() {
    assert_eq!(links::broken(&repository()), Vec::<String>::new());
}
