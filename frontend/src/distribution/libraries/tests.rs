#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;

fn parse(text: &str) -> Result<Libraries, DistributionError> {
    Libraries::parse("policy-libraries.json", text.as_bytes())
}

fn named(name: &str, from: &str) -> String {
    format!(r#"{{"version": 1, "libraries": {{"{name}": {{"from": "{from}"}}}}}}"#)
}

#[test]
fn what_the_file_may_say() {
    assert!(parse(&named("acme", "lib/acme")).is_ok());
    for name in ["docker", "a.b", "a/b", "", "1a", ".."] {
        assert!(parse(&named(name, "lib")).is_err(), "{name}");
    }
    for from in ["../lib", "/etc", "./lib/../..", "."] {
        assert!(parse(&named("acme", from)).is_err(), "{from}");
    }
    assert!(parse(r#"{"version": 2, "libraries": {}}"#).is_err());
    assert!(parse(r#"{"version": 1, "libraries": {}, "more": 1}"#).is_err());
    let twice =
        r#"{"version": 1, "libraries": {"a": {"from": "x", "signedBy": {"key": "k"}}, "a": {"from": "x"}}}"#;
    for twice in [twice, r#"{"version": 1, "libraries": {"a": {"from": "x"}, "a": {"from": "y"}}}"#] {
        assert!(parse(twice).is_err());
    }
    assert!(
        parse(r#"{"version": 1, "libraries": {"a": {"from": "oci://x.y/z", "signedBy": null}}}"#).is_err()
    );
    let pinned = named("acme", "oci://ghcr.io/acme/p:v1");
    let again = parse(&pinned).unwrap().render();
    assert_eq!(parse(&again).unwrap(), parse(&pinned).unwrap());
}
