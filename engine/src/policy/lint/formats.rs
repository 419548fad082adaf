//! Texts that a property never has, for its format excludes them: names without host, short digests, URLs for hosts.

use super::reads::{comparisons, within};
use super::values::{names, shown};
use super::{Finding, Subject};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (module, rule) in subject.rules() {
        let aliases = subject.aliases(module, rule);
        for comparison in comparisons(rule, &aliases).iter().filter(|comparison| !comparison.negated) {
            let path = names(within(&comparison.path));
            let impossible =
                comparison.values.iter().find_map(|value| Some((*value, impossible(&path, value)?)));
            if let Some((value, (why, help))) = impossible {
                let message = format!("`{}` is never {value:?}: {why}", shown(&comparison.path));
                findings.push(Finding::new("unknown-value", comparison.term.loc, message, help));
            }
        }
    }
    findings
}

/// Why a property never has this value, and what to write instead.
fn impossible(path: &[&str], value: &str) -> Option<(String, String)> {
    if value.is_empty() {
        return None;
    }
    match path {
        ["image" | "http" | "git", "host"] if value.contains('/') => {
            let host = value.split("//").last().unwrap_or(value).split('/').next().unwrap_or(value);
            Some(("it is a host alone".to_owned(), format!("write {host:?}")))
        }
        ["image", "host"]
            if matches!(value, "index.docker.io" | "registry.hub.docker.com" | "hub.docker.com") =>
        {
            Some(("Docker Hub is \"docker.io\"".to_owned(), "write \"docker.io\"".to_owned()))
        }
        ["image", "fullRepo"] => full_repository(value),
        ["image", "ref"] => reference(value),
        ["image", "repo"] if has_tag(value) || value.contains('@') => {
            let name = without_tag(value);
            Some((
                "it has neither tag nor digest".to_owned(),
                format!("write {name:?}, and compare `input.image.tag`"),
            ))
        }
        ["image" | "ociLayout" | "http", "checksum"] => digest(value),
        ["image" | "ociLayout", "platform"] if !value.contains('/') => Some((
            "it is system and architecture, `linux/amd64`".to_owned(),
            "compare `input.image.os` or `input.image.arch`".to_owned(),
        )),
        ["git", "checksum" | "commitChecksum"] if !is_commit(value) => Some((
            "it is a whole commit id of 40 or 64 hexadecimal digits".to_owned(),
            "write all of it, or compare `input.git.tagName`".to_owned(),
        )),
        ["git", "tagName" | "branch"] if value.starts_with("refs/") => Some((
            "it is a short name".to_owned(),
            format!("write {:?}, or compare `input.git.ref`", value.rsplit('/').next().unwrap_or(value)),
        )),
        [.., "signatures", "_", "signer", field] => signer(field, value),
        _ => None,
    }
}

/// Why a property never begins with this text, and what to write instead.
pub(super) fn impossible_prefix(path: &[&str], prefix: &str) -> Option<(String, String)> {
    match path {
        ["image", "repo"] if prefix.starts_with("library/") || prefix.starts_with("docker.io/") => Some((
            "images of Docker Hub have neither host nor `library/` in `repo`".to_owned(),
            "ask for `input.image.fullRepo`, which begins with \"docker.io/library/\"".to_owned(),
        )),
        ["image" | "http" | "git", "host"] if prefix.contains('/') => {
            Some(("it is a host alone".to_owned(), "ask for the host without scheme and path".to_owned()))
        }
        ["git", "ref"] if !"refs/".starts_with(prefix) && !prefix.starts_with("refs/") && !is_hex(prefix) => {
            Some((
                "it is a full ref or a commit id".to_owned(),
                format!("write \"refs/tags/{prefix}\", or ask for `input.git.tagName`"),
            ))
        }
        ["git", "tagName" | "branch"] if prefix.starts_with("refs/") => {
            Some(("it is a short name".to_owned(), "ask for `input.git.ref`".to_owned()))
        }
        _ => None,
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn full_repository(value: &str) -> Option<(String, String)> {
    if value.contains('@') || has_tag(value) {
        let name = without_tag(value);
        return Some((
            "it has neither tag nor digest".to_owned(),
            format!("write {name:?}, and compare `input.image.tag` or `input.image.checksum`"),
        ));
    }
    named(value)
}

fn reference(value: &str) -> Option<(String, String)> {
    named(value).or_else(|| {
        let is_bare = !value.contains('@') && !has_tag(value);
        is_bare.then(|| {
            (
                "it has a tag or a digest".to_owned(),
                format!("write {:?}, or compare `input.image.fullRepo`", format!("{value}:latest")),
            )
        })
    })
}

/// Why this is not the full name of an image.
fn named(value: &str) -> Option<(String, String)> {
    let (host, rest) = value.split_once('/').unwrap_or(("", value));
    if !(host.contains(['.', ':']) || host == "localhost") {
        let whole =
            if host.is_empty() { format!("docker.io/library/{rest}") } else { format!("docker.io/{value}") };
        return Some(("it begins with the host".to_owned(), format!("write {whole:?}")));
    }
    (host == "docker.io" && !rest.contains('/')).then(|| {
        (
            "official images are below `library/`".to_owned(),
            format!("write {:?}", format!("docker.io/library/{rest}")),
        )
    })
}

/// Whether something follows the name of a repository.
fn has_tag(value: &str) -> bool {
    let name = value.split('@').next().unwrap_or(value);
    // A colon before a slash is that of a port.
    name.rsplit('/').next().is_some_and(|last| last.contains(':')) && (name.contains('/') || !is_host(name))
}

fn is_host(name: &str) -> bool {
    name.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        && name.contains('.')
}

fn without_tag(value: &str) -> &str {
    let name = value.split('@').next().unwrap_or(value);
    let start = name.rfind('/').map_or(0, |at| at + 1);
    name[start..].find(':').map_or(name, |at| &name[..start + at])
}

fn digest(value: &str) -> Option<(String, String)> {
    let is_hex =
        |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    match value.split_once(':') {
        None if is_hex(value, 64) => Some((
            "a digest names its algorithm".to_owned(),
            format!("write {:?}", format!("sha256:{value}")),
        )),
        Some(("sha256", hex)) if is_hex(hex, 64) => None,
        Some(("sha384" | "sha512", _)) => None,
        Some(("sha256", _)) => Some((
            "a digest has 64 hexadecimal digits".to_owned(),
            "write all of it; `policy-check lock` tells the digests of a build".to_owned(),
        )),
        _ => Some((
            "a digest is `sha256:` and 64 hexadecimal digits".to_owned(),
            "write the whole digest".to_owned(),
        )),
    }
}

fn is_commit(value: &str) -> bool {
    matches!(value.len(), 40 | 64) && value.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What Fulcio writes into certificates.
fn signer(field: &str, value: &str) -> Option<(String, String)> {
    match field {
        "issuer"
        | "sourceRepositoryURI"
        | "sourceRepositoryOwnerURI"
        | "buildSignerURI"
        | "buildConfigURI"
        | "runInvocationURI"
            if !value.contains("://") =>
        {
            let example = if field == "issuer" {
                format!("https://{value}")
            } else {
                format!("https://github.com/{value}")
            };
            Some(("it is a URL".to_owned(), format!("write the whole URL, e.g. {example:?}")))
        }
        "sourceRepositoryRef" if !value.starts_with("refs/") => Some((
            "it is a full ref".to_owned(),
            format!("write \"refs/heads/{value}\" or \"refs/tags/{value}\""),
        )),
        _ => None,
    }
}
