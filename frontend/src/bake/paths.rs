//! Slash-separated paths, by their text alone.

/// The shortest path that means the same: without `.`, `//` and what `..` undoes; `.` if nothing is left.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".to_owned(),
        (false, rest) => rest,
    }
}

/// `path` as seen from `base`.
pub(crate) fn join(base: &str, path: &str) -> String {
    if path.starts_with('/') { clean(path) } else { clean(&format!("{base}/{path}")) }
}

/// The last part; `.` of an empty path.
pub(crate) fn base_name(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        _ if path.is_empty() => ".",
        Some(last) if !last.is_empty() => last,
        _ => "/",
    }
}

/// All but the last part.
pub(crate) fn directory(path: &str) -> String {
    match path.rfind('/') {
        Some(index) => clean(path.get(..=index).unwrap_or_default()),
        None => ".".to_owned(),
    }
}

/// Whether a name fits a pattern of `*`, `?`, `[…]` and `\`; `None` for a malformed one. `*` and `?` stop at slashes.
pub(crate) fn matches(pattern: &str, name: &str) -> Option<bool> {
    let pattern: Vec<char> = pattern.chars().collect();
    let tokens = tokens(&pattern)?;
    let name: Vec<char> = name.chars().collect();
    // Positions in the name that the tokens so far can have come to.
    let mut reached = vec![false; name.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for token in &tokens {
        let mut next = vec![false; name.len() + 1];
        for position in 0..=name.len() {
            if !reached.get(position).copied().unwrap_or(false) {
                continue;
            }
            let found = name.get(position).copied();
            match token {
                Token::Any => {
                    let end = name
                        .iter()
                        .skip(position)
                        .position(|&one| one == '/')
                        .map_or(name.len(), |at| position + at);
                    next.iter_mut().take(end + 1).skip(position).for_each(|one| *one = true);
                }
                Token::One(negated, ranges) => {
                    let within = |one: char| ranges.iter().any(|&(low, high)| low <= one && one <= high);
                    if found.is_some_and(|one| one != '/' && within(one) != *negated)
                        && let Some(one) = next.get_mut(position + 1)
                    {
                        *one = true;
                    }
                }
                Token::Literal(literal) => {
                    if found == Some(*literal)
                        && let Some(one) = next.get_mut(position + 1)
                    {
                        *one = true;
                    }
                }
            }
        }
        reached = next;
    }
    reached.last().copied()
}

enum Token {
    Any,
    /// Not one of, or one of, these ranges.
    One(bool, Vec<(char, char)>),
    Literal(char),
}

fn tokens(pattern: &[char]) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = pattern.iter().copied().peekable();
    while let Some(next) = rest.next() {
        tokens.push(match next {
            '*' => Token::Any,
            '?' => Token::One(true, Vec::new()),
            '\\' => Token::Literal(rest.next()?),
            '[' => {
                let negated = rest.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while ranges.is_empty() || rest.peek() != Some(&']') {
                    let mut one = || match rest.next()? {
                        '\\' => rest.next(),
                        '-' | ']' => None,
                        one => Some(one),
                    };
                    let low = one()?;
                    let high = if rest.next_if_eq(&'-').is_some() {
                        match rest.next()? {
                            '\\' => rest.next()?,
                            '-' | ']' => return None,
                            one => one,
                        }
                    } else {
                        low
                    };
                    ranges.push((low, high));
                }
                rest.next();
                Token::One(negated, ranges)
            }
            literal => Token::Literal(literal),
        });
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, cleaned) in [
            ("", "."),
            ("./a//b/../c/", "a/c"),
            ("../a", "../a"),
            ("/../a", "/a"),
            ("a/..", "."),
            ("../..", "../.."),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
        assert_eq!(join("a/b", "../c"), "a/c");
        for (path, base, parent) in
            [("a/b", "b", "a"), ("a/b/", "b", "a/b"), ("b", "b", "."), ("/", "/", "/"), ("", ".", ".")]
        {
            assert_eq!((base_name(path), &*directory(path)), (base, parent), "{path}");
        }
    }

    #[test]
    fn patterns() {
        assert_eq!(matches("app-*", "app-web"), Some(true));
        assert_eq!(matches("app-?", "app-web"), Some(false));
        assert_eq!(matches("[a-c]pp*", "app"), Some(true));
        assert_eq!(matches("[^a]pp", "app"), Some(false));
        assert_eq!(matches("*", ""), Some(true));
        assert_eq!(matches("[a", "a"), None);
        assert_eq!(matches("a\\*", "a*"), Some(true));
    }
}
