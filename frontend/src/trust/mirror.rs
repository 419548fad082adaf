//! Mirrors of TUF repositories, for networks that don't reach these.

use std::str::FromStr;

use url::Url;

use super::instance::{INSTANCES, Instance};

/// Names mirrors, as in `sigstore=https://tuf.example/sigstore,github=https://tuf.example/github`.
pub const MIRRORS: &str = "POLICY_CHECK_TUF_MIRRORS";

/// A mirror of an instance's repository. It can't make up anything: what it delivers is verified all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The instance.
    pub name: String,
    /// The repository.
    pub url: String,
}

/// What is wrong with mirrors, or with the URL of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// It names no instance, or no URL.
    #[error("`NAME=URL` is needed")]
    Form,
    /// There is no such instance, or it has no repository.
    #[error("`{0}` has no repository; there are `sigstore` and `github`")]
    Instance(String),
    /// The URL is none of a repository.
    #[error("an http or https URL without a query is needed")]
    Url,
    /// The variable is not UTF-8.
    #[error("`{MIRRORS}` is no text")]
    NotText,
    /// A mirror that the environment names.
    #[error("`{MIRRORS}`: {0}")]
    Environment(Box<Self>),
}

impl FromStr for Mirror {
    type Err = MirrorError;

    fn from_str(value: &str) -> Result<Self, MirrorError> {
        let (name, url) = value.split_once('=').ok_or(MirrorError::Form)?;
        if !INSTANCES.iter().any(|instance| instance.name == name) {
            return Err(MirrorError::Instance(name.to_owned()));
        }
        Ok(Self { name: name.to_owned(), url: repository_url(url)? })
    }
}

/// A URL that a TUF repository can have.
pub fn repository_url(url: &str) -> Result<String, MirrorError> {
    match Url::parse(url) {
        Ok(parsed) if matches!(parsed.scheme(), "https" | "http") && parsed.query().is_none() => {
            Ok(url.to_owned())
        }
        _ => Err(MirrorError::Url),
    }
}

/// The mirrors that the environment names.
pub fn mirrors_of_environment() -> Result<Vec<Mirror>, MirrorError> {
    let Some(value) = std::env::var_os(MIRRORS).filter(|value| !value.is_empty()) else {
        return Ok(Vec::new());
    };
    let value = value.into_string().map_err(|_| MirrorError::NotText)?;
    value
        .split(',')
        .map(|mirror| mirror.trim().parse().map_err(|why| MirrorError::Environment(Box::new(why))))
        .collect()
}

/// Where `instance` is fetched: of several mirrors the last one counts.
pub fn repository(instance: &Instance, mirrors: &[Mirror]) -> String {
    let mirror = mirrors.iter().rev().find(|mirror| mirror.name == instance.name);
    mirror.map_or_else(|| instance.url.to_owned(), |mirror| mirror.url.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use super::*;
    use crate::trust::instance::{GITHUB, SIGSTORE};

    #[test]
    fn the_last_mirror_counts() {
        let mirrors: Vec<Mirror> = ["sigstore=https://a.test/x", "sigstore=https://b.test"]
            .map(|mirror| mirror.parse().unwrap())
            .into();
        assert_eq!(repository(&SIGSTORE, &mirrors), "https://b.test");
        assert_eq!(repository(&GITHUB, &mirrors), GITHUB.url);
        for (bad, why) in [
            ("sigstore", MirrorError::Form),
            ("acme=https://a.test", MirrorError::Instance("acme".into())),
            ("github=ftp://a.test", MirrorError::Url),
            ("github=https://a.test?x", MirrorError::Url),
            ("github=", MirrorError::Url),
        ] {
            assert_eq!(bad.parse::<Mirror>(), Err(why), "{bad}");
        }
    }
}
