//! Messages that pages explain are messages of the program.

use std::path::Path;

/// Shorter pieces of a message occur by chance.
const SHORTEST: usize = 10;

/// All sources in one text, as their messages are read: without backticks, and without the line breaks of literals.
fn sources(folder: &Path, text: &mut String) {
    for entry in folder.read_dir().expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = std::fs::read_to_string(&path).expect("Rust is text").replace('`', "");
            for line in file.lines() {
                match line.strip_suffix('\\') {
                    Some(continued) => text.push_str(continued.trim_start()),
                    None => text.extend([line.trim_start(), "\n"]),
                }
            }
        }
    }
}

/// Messages in the first column of a page's tables, below a heading, in the pieces between what varies.
fn messages(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, section) = page.split_once(heading).expect("the heading");
    let section = section.split("\n## ").next().unwrap_or_default();
    let cell =
        |line: &'_ str| line.strip_prefix("| `")?.split(" |").next()?.strip_suffix('`').map(str::to_owned);
    let cells = section.lines().filter_map(cell);
    let pieces = |cell: String| {
        let cell = cell.replace('`', "");
        cell.split(|c: char| c == '…' || c.is_ascii_digit())
            .map(|piece| piece.trim().to_owned())
            .filter(|piece| piece.contains(' ') && piece.len() >= SHORTEST)
            .collect()
    };
    cells.map(pieces).collect()
}

#[test]
fn explained_messages_are_messages() {
    let repository = super::repository();
    let mut text = String::new();
    sources(&repository.join("frontend/src"), &mut text);
    sources(&repository.join("engine/src"), &mut text);
    let mut seen = 0;
    for (page, heading) in [
        ("docs/serve.md", "\n## Troubleshooting\n"),
        ("docs/diagnostics.md", "\n## No decision about a source\n"),
    ] {
        let content = std::fs::read_to_string(repository.join(page)).expect("a page");
        for piece in messages(&content, heading).into_iter().flatten() {
            seen += 1;
            assert!(text.contains(&piece), "{page}: no message says {piece:?}");
        }
    }
    assert!(seen > 25, "the messages are found: {seen}");
}
