//! Patterns of OpenSSH (`ssh_config`, PATTERNS): `*` and `?`, in lists with commas, where `!` denies.

/// Whether a list of patterns matches `name`: one pattern does, and none that denies it.
pub(super) fn matches_list(name: &str, list: &str) -> bool {
    let mut found = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(denied) if matches(name.as_bytes(), denied.as_bytes()) => return false,
            Some(_) => {}
            None => found |= matches(name.as_bytes(), pattern.as_bytes()),
        }
    }
    found
}

/// The entries of a list that don't deny.
pub(super) fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|name| !name.is_empty() && !name.starts_with('!'))
}

/// Goes back to the last `*` only, so it takes at most the product of both lengths.
fn matches(name: &[u8], pattern: &[u8]) -> bool {
    let (mut n, mut p) = (0, 0);
    let mut star = None;
    while let Some(&byte) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((n, p));
                p += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted == byte => {
                n += 1;
                p += 1;
            }
            _ => {
                let Some((from, at)) = star else { return false };
                star = Some((from + 1, at));
                (n, p) = (from + 1, at + 1);
            }
        }
    }
    pattern.iter().skip(p).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        for (name, list, expected) in [
            ("git", "git", true),
            ("git", "file,g?t", true),
            ("git", "*", true),
            ("git", "g*", true),
            ("git", "*,!git", false),
            ("git", "!git,*", false),
            ("git", "!gi", false),
            ("git", "", false),
            ("", "", true),
            ("git", "g*x", false),
            ("abcabd", "*abd", true),
            ("abcabd", "a*c*d", true),
            ("abcabd", "a*c*e", false),
            ("a", "a?", false),
        ] {
            assert_eq!(matches_list(name, list), expected, "{name} {list}");
        }
    }

    #[test]
    fn long_patterns_end() {
        let (name, pattern) = ("a".repeat(2_000), "*a".repeat(1_000) + "b");
        assert!(!matches_list(&name, &pattern));
    }
}
