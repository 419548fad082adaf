//! The command lines of the documentation are command lines.

use std::path::Path;

use clap::Parser;

use super::Cli;

/// `policy-check …` of a page's consoles, each with the line it stands on.
fn commands(page: &str) -> Vec<(usize, String)> {
    let mut commands = Vec::new();
    let mut lines = page.lines().enumerate();
    let mut console = false;
    while let Some((at, line)) = lines.next() {
        if line.starts_with("```") {
            console = line == "```console";
        }
        let prompt = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# "));
        let Some(mut command) = prompt.filter(|_| console).map(str::to_owned) else { continue };
        while let Some(part) = command.strip_suffix('\\') {
            command = format!("{part}{}", lines.next().map_or("", |(_, line)| line).trim_start());
        }
        commands.extend(command.split("&&").map(|command| (at + 1, command.trim().to_owned())));
    }
    commands.retain(|(_, command)| command.starts_with("policy-check "));
    commands
}

/// What the shell would hand over: no remark, no pipe, no quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in command.split_whitespace() {
        if matches!(word, "#" | ">" | "|" | "&" | "…") {
            break;
        }
        words.push(word.replace('"', ""));
    }
    words
}

#[test]
fn documented_commands_are_understood() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = repository.join("docs").read_dir().expect("docs").flatten().map(|entry| entry.path());
    let pages = docs
        .chain(["README.md", "policies/README.md", "fixtures/README.md"].map(|page| repository.join(page)));
    let mut seen = 0;
    for path in pages {
        let page = std::fs::read_to_string(&path).expect("a page");
        for (line, command) in commands(&page) {
            seen += 1;
            if let Err(error) = Cli::try_parse_from(words(&command)) {
                panic!("{}:{line}: {command}\n{error}", path.display());
            }
        }
    }
    assert!(seen > 40, "the commands are found: {seen}");
}

#[test]
fn commands_are_found_in_consoles() {
    let page = "```console\n$ policy-check lint && policy-check eval \\\n    x # y\nnote: z\n```\n$ policy-check none\n";
    let found: Vec<_> = commands(page).into_iter().map(|(line, command)| (line, words(&command))).collect();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(found, [(2, words(&["policy-check", "lint"])), (2, words(&["policy-check", "eval", "x"]))]);
}
