//! Slash-separated paths, cleaned lexically as Go's `path.Clean` does it.

/// The shortest rooted path that means the same as `/` followed by `path`: no `.`, no `..`, no
/// empty segments, no slash at the end.
pub(crate) fn join_root(path: &str) -> String {
    let mut out = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                out.pop();
            }
            _ => out.push(segment),
        }
    }
    format!("/{}", out.join("/"))
}

/// Like [`join_root`], but a path that names a directory (`/`, `/.` or `/..` at its end) keeps its
/// slash, as RFC 3986 section 5.2.4 has it. An empty path stays empty.
pub(super) fn normalize(path: &str) -> String {
    if path.is_empty() {
        return String::new();
    }
    let directory = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
    let mut out = join_root(path);
    if directory && !out.ends_with('/') {
        out.push('/');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{join_root, normalize};

    #[test]
    fn paths_are_cleaned() {
        for (path, cleaned) in [
            ("", ""),
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("/a/../b", "/b"),
            ("/a/./b", "/a/b"),
            ("/../../b", "/b"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("//a//b", "/a/b"),
            ("/..", "/"),
            ("/a/...", "/a/..."),
        ] {
            assert_eq!(normalize(path), cleaned, "{path}");
        }
        assert_eq!(join_root("a/../../b/"), "/b");
        assert_eq!(join_root(""), "/");
    }
}
