//! `WWW-Authenticate` (RFC 9110, section 11.6.1): how a registry wants to be logged in to.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// One challenge; scheme and parameter names in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) scheme: String,
    pub(super) parameters: BTreeMap<String, String>,
}

/// All challenges of a response, in order. What can't be understood is left out.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(parse).collect()
}

/// `Scheme name=value, name="value", Scheme …`: a word without `=` behind it starts the next challenge.
fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
        if end == 0 {
            return challenges;
        }
        let (word, after) = rest.split_at(end);
        rest = after.trim_start();
        let Some(value) = rest.strip_prefix('=') else {
            challenges.push(Challenge { scheme: word.to_ascii_lowercase(), ..Challenge::default() });
            continue;
        };
        let Some((value, after)) = parameter_value(value.trim_start()) else { return challenges };
        rest = after;
        if let Some(challenge) = challenges.last_mut() {
            challenge.parameters.insert(word.to_ascii_lowercase(), value);
        }
    }
}

/// A token or a quoted string, and what follows it.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((position, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[position + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_registries_send() {
        for (header, expected) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
                "bearer realm=https://auth.docker.io/token scope=repository:a/b:pull,push service=registry.docker.io",
            ),
            (r#"Basic realm="Registry \"x\"""#, r#"basic realm=Registry "x""#),
            ("Negotiate, Basic realm=x", "negotiate; basic realm=x"),
            (r#"BEARER Realm = "r" , Service=s, basic"#, "bearer realm=r service=s; basic"),
            (r#"Bearer realm="unterminated"#, "bearer"),
            ("realm=x", ""),
            ("", ""),
            ("\"", ""),
        ] {
            let found: Vec<_> = parse(header)
                .iter()
                .map(|challenge| {
                    let mut text = challenge.scheme.clone();
                    for (name, value) in &challenge.parameters {
                        text.extend([" ", name, "=", value]);
                    }
                    text
                })
                .collect();
            assert_eq!(found.join("; "), expected, "{header}");
        }
    }
}
