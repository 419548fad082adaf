//! What to do about a policy that doesn't load, where the message leaves that open.

use super::{ErrorCode, LOAD_CODES};
use crate::builtins;
use crate::input::paths::nearest;
use crate::rego::ast::{Import, Module};

/// Advice on a problem of this code at `offset` of a file's `text`. `modules` are those that could be parsed.
pub(super) fn on(code: &str, text: &str, offset: usize, modules: &[Module]) -> Option<String> {
    let rest = text.get(offset..).unwrap_or_default();
    let word: &str = &rest[..rest.find(|c: char| !is_part_of_name(c)).unwrap_or(rest.len())];
    let specific = match code {
        "syntax-error" => syntax(text, rest, word).map(str::to_owned),
        "undefined-function" => meant_function(word, modules).map(|name| did_you_mean(&name)),
        "unsafe-variable" => {
            meant_name(word.split('.').next().unwrap_or(word), modules).map(|name| did_you_mean(&name))
        }
        _ => None,
    };
    specific.or_else(|| ErrorCode::help(&LOAD_CODES, code).map(str::to_owned))
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.')
}

/// `rest` begins where the parser did not go on.
fn syntax(text: &str, rest: &str, word: &str) -> Option<&'static str> {
    Some(match rest.chars().next() {
        None if leaves_open(text) => "close what is open: a bracket, or a body's `}`",
        None => return None,
        Some('\'') => "write texts in double quotes, \"…\", or in backticks",
        Some('&') => "write statements that must both hold on lines of their own",
        Some('|') => "write another definition of the rule for what may hold instead",
        Some('!') => "write `not` before the statement",
        _ if matches!(word, "and" | "AND") => "write statements that must both hold on lines of their own",
        _ if matches!(word, "or" | "OR") => "write another definition of the rule for what may hold instead",
        _ => return None,
    })
}

/// Whether more brackets open than close, texts and comments included.
fn leaves_open(text: &str) -> bool {
    let count = |brackets: [char; 3]| text.matches(brackets).count();
    count(['{', '[', '(']) > count(['}', ']', ')'])
}

fn meant_name(word: &str, modules: &[Module]) -> Option<String> {
    let called = |import: &Import| import.alias.as_ref().or(import.path.last()).map(ToString::to_string);
    let names = modules.iter().flat_map(|module| {
        let rules = module.rules.iter().filter(|rule| rule.args.is_none()).map(|rule| rule.name.to_string());
        rules.chain(module.imports.iter().filter_map(called))
    });
    let names: Vec<String> = names.chain(["input".to_owned(), "data".to_owned()]).collect();
    nearest(word, names.iter().filter(|name| *name != word))
}

fn meant_function(word: &str, modules: &[Module]) -> Option<String> {
    let last = word.rsplit('.').next().unwrap_or(word);
    if builtins::lookup(last).is_some() {
        return Some(last.to_owned());
    }
    let functions = modules.iter().flat_map(|module| &module.rules).filter(|rule| rule.args.is_some());
    let functions: Vec<String> = functions.map(|rule| rule.name.to_string()).collect();
    // Those with short names stand for operators.
    let named = builtins::TABLE.iter().map(|builtin| builtin.name).filter(|name| name.len() > 3);
    let known: Vec<String> = named.map(str::to_owned).collect();
    nearest(word, functions.iter().chain(&known))
}

#[cfg(test)]
mod tests {
    use super::super::{LoadOptions, Policy, PolicyFile};

    #[test]
    fn advice() {
        for (rules, expected) in [
            ("allow if alowed\n\nallowed := true", Some("did you mean `allowed`?")),
            ("allow if inptu.local", Some("did you mean `input`?")),
            ("allow if nothing_like_it", Some("assign it with `:=`")),
            ("allow if string.startswith(\"a\", \"b\")", Some("did you mean `startswith`?")),
            ("allow if start_with(\"a\", \"b\")", Some("did you mean `startswith`?")),
            ("allow if is_our(1)\n\nis_ours(x) := x", Some("did you mean `is_ours`?")),
            ("allow if frobnicate(1)", Some("check the spelling")),
            ("allow if input.image.repo == 'alpine'", Some("double quotes")),
            ("allow if input.local && input.image", Some("lines of their own")),
            ("allow if input.local and input.image", Some("lines of their own")),
            ("allow if input.local || input.image", Some("another definition")),
            ("allow if !input.local", Some("write `not`")),
            ("allow if {\n\tinput.local\n", Some("close what is open")),
            ("allow if startswith(input.image.repo)", Some("docs/builtins.md")),
            ("default allow := false\n\ndefault allow := true", Some("one `default`")),
            ("allow if input.local }", None),
        ] {
            let file = PolicyFile { name: "p.rego".into(), text: format!("package docker\n\n{rules}\n") };
            let options = LoadOptions { files: vec![file], root: None, strict: false };
            let Err(error) = Policy::load(&options) else { panic!("{rules} loads") };
            let help = error.problems[0].help.as_deref();
            match expected {
                None => assert_eq!(help, None, "{rules}"),
                Some(part) => assert!(help.is_some_and(|help| help.contains(part)), "{rules}: {error:?}"),
            }
        }
    }
}
