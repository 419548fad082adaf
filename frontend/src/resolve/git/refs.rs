//! Which object does a name mean? BuildKit's rules (`resolveMetadataFromURL` in its git source), which are not
//! quite git's: a branch wins over a tag of the same name, and `HEAD` is no ref.

use super::GitError;

/// A ref as a server advertises it. Ids are lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AdvertisedRef {
    /// Full name: `refs/heads/main`.
    pub(super) name: String,
    /// The object it names: of an annotated tag the tag object.
    pub(super) id: String,
    /// For an annotated tag: the object behind it.
    pub(super) peeled: Option<String>,
}

/// The ref that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) name: String,
    pub(super) id: String,
    /// Only of a tag that was found under `refs/tags/` by its short or full name.
    pub(super) peeled: Option<String>,
}

/// The full names that `reference` can mean, in order of precedence: `refs/X`, the branch, the tag.
pub(super) fn candidates(reference: &str) -> [String; 3] {
    let full = |prefix: &str| format!("{prefix}{}", reference.strip_prefix(prefix).unwrap_or(reference));
    [full("refs/"), full("refs/heads/"), full("refs/tags/")]
}

/// Chooses what `reference` means among the refs that a server has.
pub(super) fn choose(reference: &str, refs: &[AdvertisedRef]) -> Option<Chosen> {
    let [partial, branch, tag] = candidates(reference);
    let find = |name: &str| refs.iter().find(|advertised| advertised.name == name);
    let plain =
        |found: &AdvertisedRef| Chosen { name: found.name.clone(), id: found.id.clone(), peeled: None };
    // A full name of a tag is looked up as a tag, after a branch of that odd name, so that it gets peeled.
    let partial = (partial != tag).then(|| find(&partial)).flatten();
    partial.or_else(|| find(&branch)).map(plain).or_else(|| {
        let found = find(&tag)?;
        Some(Chosen { peeled: found.peeled.clone(), ..plain(found) })
    })
}

/// Whether BuildKit takes `text` for an object id: 40 or 64 lower-case hex digits.
pub(super) fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Refuses what git itself would not take for a ref name (`git help check-ref-format`), or for an option.
pub(super) fn check_name(reference: &str) -> Result<(), GitError> {
    let bad = reference.starts_with('-')
        || reference.contains("..")
        || reference.contains("@{")
        || reference.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c));
    if bad { Err(GitError::InvalidRef { reference: reference.to_owned() }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{AdvertisedRef, candidates, check_name, choose, is_object_id};

    fn advertised() -> Vec<AdvertisedRef> {
        [
            ("refs/heads/main", "1", None),
            ("refs/heads/dup", "2", None),
            ("refs/heads/feature/main", "3", None),
            ("refs/tags/dup", "4", Some("5")),
            ("refs/tags/v1", "6", Some("7")),
            ("refs/tags/light", "8", None),
            ("refs/pull/1/head", "9", None),
            ("refs/odd", "a", None),
            ("refs/heads/odd", "b", None),
            ("refs/notes/tag", "c", Some("d")),
        ]
        .map(|(name, id, peeled)| AdvertisedRef {
            name: name.into(),
            id: id.into(),
            peeled: peeled.map(Into::into),
        })
        .to_vec()
    }

    #[test]
    fn names_mean_what_buildkit_says() {
        for (reference, name, id, peeled) in [
            ("main", "refs/heads/main", "1", None),
            ("heads/main", "refs/heads/main", "1", None),
            ("refs/heads/main", "refs/heads/main", "1", None),
            ("feature/main", "refs/heads/feature/main", "3", None),
            // The branch wins.
            ("dup", "refs/heads/dup", "2", None),
            ("refs/tags/dup", "refs/tags/dup", "4", Some("5")),
            ("v1", "refs/tags/v1", "6", Some("7")),
            ("refs/tags/v1", "refs/tags/v1", "6", Some("7")),
            // BuildKit doesn't peel here, until it has fetched the objects.
            ("tags/v1", "refs/tags/v1", "6", None),
            ("refs/notes/tag", "refs/notes/tag", "c", None),
            ("light", "refs/tags/light", "8", None),
            ("refs/pull/1/head", "refs/pull/1/head", "9", None),
            ("pull/1/head", "refs/pull/1/head", "9", None),
            // `refs/X` comes before the branch.
            ("odd", "refs/odd", "a", None),
        ] {
            let chosen = choose(reference, &advertised()).expect(reference);
            assert_eq!((chosen.name.as_str(), chosen.id.as_str()), (name, id), "{reference}");
            assert_eq!(chosen.peeled.as_deref(), peeled, "{reference}");
        }
        for reference in ["HEAD", "mai", "MAIN", "refs/heads", "refs/tags/main", "heads"] {
            assert_eq!(choose(reference, &advertised()), None, "{reference}");
        }
        assert_eq!(candidates("refs/tags/v1")[1], "refs/heads/refs/tags/v1");
    }

    #[test]
    fn object_ids_and_names() {
        assert!(is_object_id(&"a".repeat(40)) && is_object_id(&"0".repeat(64)));
        assert!(!is_object_id(&"A".repeat(40)) && !is_object_id(&"a".repeat(39)));
        for bad in ["-x", "a b", "v1^{}", "a..b", "a:b", "main@{1}", "a\nb"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert!(check_name("feature/ünï-1.2").is_ok());
    }
}
