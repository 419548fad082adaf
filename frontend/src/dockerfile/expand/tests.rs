use std::collections::BTreeMap;

use super::{ExpandError, Expander, Quotes, Rules, Unset, Variables};

impl Variables for BTreeMap<&str, &str> {
    fn get(&self, name: &str) -> Option<&str> {
        BTreeMap::get(self, name).copied()
    }
}

fn variables() -> BTreeMap<&'static str, &'static str> {
    [("x", "abc"), ("empty", ""), ("path", "/usr/local/lib/a.tar.gz"), ("dots", "a.b.c"), ("X1_y", "1")]
        .into()
}

#[test]
fn words_are_expanded() {
    for (word, expected) in [
        ("plain", "plain"),
        ("$x", "abc"),
        ("${x}d", "abcd"),
        ("$xd", ""),
        ("$X1_y!", "1!"),
        ("a$", "a$"),
        ("$1a", "a"),
        (r"\$x", "$x"),
        (r"a\ b\", "a b"),
        ("'$x'", "$x"),
        (r#""$x\"\n""#, r#"abc"\n"#),
        ("${no:-d}", "d"),
        ("${no-d}", "d"),
        ("${empty:-d}", "d"),
        ("${empty-d}", ""),
        ("${x:+y}", "y"),
        ("${x+y}${no+y}${empty:+y}", "y"),
        ("${no:-${x}-$x}", "abc-abc"),
        ("${no:-'a}b'}", "a}b"),
        (r"${no:-a\}b}", "a}b"),
        ("${x:?no}", "abc"),
        ("${empty?no}", ""),
        ("${path#*/}", "usr/local/lib/a.tar.gz"),
        ("${path##*/}", "a.tar.gz"),
        ("${path%.*}", "/usr/local/lib/a.tar"),
        ("${path%%.*}", "/usr/local/lib/a"),
        ("${dots/./-}", "a-b.c"),
        ("${dots//./-}", "a-b-c"),
        ("${dots//?/x}", "xxxxx"),
        (r"${path/\/usr/}", "/local/lib/a.tar.gz"),
        (r"${no#\*}", ""),
        ("<<", "<<"),
        ("a b", "a b"),
        ("", ""),
    ] {
        assert_eq!(Rules::new('\\').word(word, &variables()), Ok(expected.to_owned()), "{word}");
    }
    assert_eq!(Rules::new('`').word(r"C:\a`$x`", &variables()), Ok(r"C:\a$x".to_owned()));
}

#[test]
fn mistakes_are_errors() {
    for (word, message) in [
        ("${x", "missing `}`"),
        ("${", "missing `}`"),
        ("${}", "bad substitution"),
        ("${{x}}", "bad substitution"),
        ("${:-x}", "bad substitution"),
        ("${x:-y", "missing `}`"),
        ("${x/a}", "missing `/`"),
        ("${x/a/b", "missing `}`"),
        ("${x:#a}", "unsupported modifier `:#`"),
        ("${x!a}", "unsupported modifier `!`"),
        ("'a", "single quote"),
        ("\"a", "double quote"),
        ("${no:?say it}", "no: say it"),
        ("${no?}", "no: is not allowed to be unset"),
        ("${empty:?}", "empty: is not allowed to be empty"),
        (r"${x#\a}", r"invalid escape `\a`"),
    ] {
        let error = Rules::new('\\').word(word, &variables()).unwrap_err().to_string();
        assert!(error.contains(message), "{word}: {error}");
    }
}

#[test]
fn lines_are_split() {
    let rules = Rules { quotes: Quotes::Kept, raw_escapes: true, keep_unset: true, ..Rules::new('\\') };
    for (line, words) in [
        ("a  b\tc", &["a", "b", "c"][..]),
        ("a 'b c' \"d e\"", &["a", "'b c'", "\"d e\""]),
        (r"a\ b", &[r"a\ b"]),
        ("cat <<  EOF >x", &["cat", "<<  EOF", ">x"]),
        ("$a ${b:-c d}", &["$a", "${b:-c", "d}"]),
        ("", &[]),
    ] {
        assert_eq!(rules.words(line, &Unset).unwrap(), words, "{line}");
    }
}

#[test]
fn growth_is_bounded() {
    let deep = "${x:-".repeat(1000) + &"}".repeat(1000);
    assert_eq!(Rules::new('\\').word(&deep, &Unset), Err(ExpandError::TooDeep));
    let long = "y".repeat(600_000);
    let variables: BTreeMap<&str, &str> = [("x", long.as_str())].into();
    assert_eq!(Rules::new('\\').word("$x$x$x", &variables), Err(ExpandError::TooLong));
    let expander = Expander::new('\\');
    let results: Vec<_> = (0..200).map(|_| expander.word("$x", &variables)).collect();
    assert_eq!(results.last(), Some(&Err(ExpandError::TooMuch)));
}
