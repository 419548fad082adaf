//! Lists that come in pages.

use url::Url;

/// The next page that a `Link` header (RFC 8288) names with `rel="next"`, on the same server only: it needs the same
/// authorization.
pub(super) fn next_page(url: &Url, link: &str) -> Option<Url> {
    let target = link.split(',').find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let parameter: String = parameter.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
            parameter.eq_ignore_ascii_case("rel=next")
        });
        is_next.then_some(target)
    })?;
    url.join(target).ok().filter(|target| target.origin() == url.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_pages() {
        let url = Url::parse("https://api.test/list?a=1").unwrap();
        for (link, expected) in [
            (r#"</list?a=2>; rel="next""#, Some("https://api.test/list?a=2")),
            (
                r#"<https://api.test/p>; rel="prev", <https://api.test/n>; rel="next""#,
                Some("https://api.test/n"),
            ),
            ("<n>; x=y; rel=next", Some("https://api.test/n")),
            (r#"<https://other.test/n>; rel="next""#, None),
            (r#"<http://api.test/n>; rel="next""#, None),
            (r#"<https://api.test:444/n>; rel="next""#, None),
            (r#"<https://api.test/p>; rel="prev""#, None),
            ("", None),
        ] {
            assert_eq!(next_page(&url, link).as_ref().map(Url::as_str), expected, "{link}");
        }
    }
}
