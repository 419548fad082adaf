//! Places that an operator lists (`--libraries-from`): where libraries of builds may come from that others send.
//!
//! The list and what is held to it are read by one strict grammar, by whole components: a scheme, a host with or without
//! a port, and names. What it doesn't know (percent-encoding, `..`, users, queries) is in no list.

use std::str::FromStr;

use policy_engine::source::Source;
use url::Url;

use super::Place;

/// A host, or a folder of it, and all below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPlace {
    scheme: Scheme,
    /// Host and port, in lower case; of ssh with the user.
    authority: String,
    /// The names that paths begin with.
    path: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Oci,
    Https,
    Http,
    Ssh,
}

impl Scheme {
    fn prefix(self) -> &'static str {
        match self {
            Self::Oci => "oci://",
            Self::Https => "https://",
            Self::Http => "http://",
            Self::Ssh => "ssh://",
        }
    }
}

impl ListedPlace {
    /// Whether `place` is this one, or lies below it.
    pub fn covers(&self, place: &Place) -> bool {
        Self::of(place).is_some_and(|other| self.holds(&other))
    }

    /// Whether `url`, where a git server redirects to, is this place or lies below it.
    pub fn covers_url(&self, url: &Url) -> bool {
        let mut url = url.clone();
        // What is asked for there: `?service=git-upload-pack`.
        url.set_query(None);
        Self::of_url(url.as_str()).is_some_and(|other| self.holds(&other))
    }

    fn holds(&self, other: &Self) -> bool {
        (self.scheme, &self.authority) == (other.scheme, &other.authority)
            && other.path.starts_with(&self.path)
    }

    /// A place as the grammar has it.
    fn of(place: &Place) -> Option<Self> {
        match place {
            Place::Folder(_) => None,
            Place::Oci(image) => {
                Self::parse(Scheme::Oci, &format!("{}/{}", image.reference.host(), image.reference.path()))
            }
            Place::Git(source) => {
                let Ok(Source::Git(git)) = Source::parse(source) else { return None };
                // What is fetched, byte for byte, but for the ref and the folder.
                let remote = git.full_url.unwrap_or(git.url.remote);
                Self::of_url(remote.split('#').next().unwrap_or_default())
            }
        }
    }

    fn of_url(url: &str) -> Option<Self> {
        [Scheme::Https, Scheme::Http, Scheme::Ssh]
            .into_iter()
            .find_map(|scheme| Self::parse(scheme, url.strip_prefix(scheme.prefix())?))
    }

    fn parse(scheme: Scheme, rest: &str) -> Option<Self> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path: Vec<&str> = path.split('/').collect();
        // One slash may end it.
        let path = match path.split_last() {
            Some((&"", before)) => before,
            _ => &path,
        };
        if !is_authority(scheme, authority) || !path.iter().all(|name| is_name(name)) {
            return None;
        }
        let path = path.iter().map(|name| (*name).to_owned()).collect();
        Some(Self { scheme, authority: lower(authority), path })
    }
}

/// Hosts are the same in any case, users are not.
fn lower(authority: &str) -> String {
    match authority.split_once('@') {
        Some((user, host)) => format!("{user}@{}", host.to_ascii_lowercase()),
        None => authority.to_ascii_lowercase(),
    }
}

fn is_authority(scheme: Scheme, authority: &str) -> bool {
    let only = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let host = match authority.split_once('@') {
        Some((user, host)) if scheme == Scheme::Ssh && only(user, "-_") => host,
        Some(_) => return false,
        None => authority,
    };
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let is_port = |port: &str| (1..=5).contains(&port.len()) && port.chars().all(|c| c.is_ascii_digit());
    // A registry without a dot would be a name at Docker Hub.
    let is_host = scheme != Scheme::Oci || name.contains('.') || port.is_some() || name == "localhost";
    only(name, "-.") && !name.starts_with(['-', '.']) && port.is_none_or(is_port) && is_host
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name != "."
        && name != ".."
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+".contains(c))
}

impl FromStr for ListedPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let listed = match (text.strip_prefix("oci://"), text.strip_prefix("git::")) {
            (Some(rest), _) => Self::parse(Scheme::Oci, rest),
            (None, Some(url)) => Self::of_url(url),
            (None, None) => None,
        };
        listed.ok_or_else(|| {
            "a host and names are needed: `oci://ghcr.io/acme/`, `git::https://example.com/team/`".to_owned()
        })
    }
}

impl std::fmt::Display for ListedPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let git = if self.scheme == Scheme::Oci { "" } else { "git::" };
        write!(f, "{git}{}{}/{}", self.scheme.prefix(), self.authority, self.path.join("/"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use super::*;

    fn covers(listed: &str, place: &str) -> bool {
        listed.parse::<ListedPlace>().unwrap().covers(&place.parse().unwrap())
    }

    #[test]
    fn whole_components() {
        for (listed, place) in [
            ("oci://ghcr.io/acme/", "oci://ghcr.io/acme/policies:v1"),
            ("oci://ghcr.io/acme", "oci://ghcr.io/acme/deep/policies:v1"),
            ("oci://GHCR.io/acme/policies/", "oci://ghcr.io/acme/policies"),
            ("oci://localhost:5000/", "oci://localhost:5000/a"),
            ("oci://docker.io/acme", "oci://acme/policies"),
            ("git::https://example.com/team/", "git::https://EXAMPLE.com/team/p.git#main:lib"),
            ("git::https://example.com:8443/team", "https://example.com:8443/team/p.git"),
            ("git::ssh://git@example.com/team", "git::ssh://git@example.com/team/p.git"),
        ] {
            assert!(covers(listed, place), "{listed} {place}");
        }
        for (listed, place) in [
            ("oci://ghcr.io/acme", "oci://ghcr.io/acme-evil/policies"),
            ("oci://ghcr.io/acme/policies", "oci://ghcr.io/acme"),
            ("oci://ghcr.io/acme", "oci://ghcr.io:8443/acme/policies"),
            ("oci://ghcr.io/acme", "oci://ghcr.io.evil.com/acme/policies"),
            ("oci://ghcr.io/acme", "oci://evil.com/ghcr.io/acme/policies"),
            ("oci://ghcr.io/acme", "git::https://ghcr.io/acme/policies.git"),
            ("oci://ghcr.io/acme", "ghcr.io/acme"),
            ("git::https://example.com/team", "git::http://example.com/team/p.git"),
            ("git::https://example.com/team", "git::https://example.com:444/team/p.git"),
            ("git::https://example.com/team", "git::https://user@example.com/team/p.git"),
            ("git::https://example.com/team", "git::https://user:pass@example.com/team/p.git"),
            ("git::https://example.com/team", "git::https://example.com@evil.com/team/p.git"),
            ("git::https://example.com/team", "git::https://example.com/team/../evil/p.git"),
            ("git::https://example.com/team", "git::https://example.com/team/%2e%2e/evil/p.git"),
            ("git::https://example.com/team", "git::https://example.com/team%2f../p.git"),
            ("git::https://example.com/team", "git::https://example.com/Team/p.git"),
            ("git::https://example.com/team", "git::https://example.com//team/p.git"),
            ("git::https://example.com/team", "git::https://example.com/team//p.git"),
            ("git::https://example.com/team", "git::https://example.com/team\\..\\p.git"),
            ("git::https://example.com/team", "git::https://example.com./team/p.git"),
            ("git::ssh://git@example.com/team", "git::git@example.com:team/p.git"),
            ("git::ssh://git@example.com/team", "git::ssh://root@example.com/team/p.git"),
        ] {
            let Ok(place) = place.parse::<Place>() else { continue };
            assert!(!listed.parse::<ListedPlace>().unwrap().covers(&place), "{listed} {place}");
        }
    }

    #[test]
    fn redirects() {
        let listed: ListedPlace = "git::https://example.com/team".parse().unwrap();
        let covers = |url: &str| listed.covers_url(&url.parse().unwrap());
        for url in [
            "https://example.com/team/p.git/info/refs?service=git-upload-pack",
            "https://EXAMPLE.com:443/team",
        ] {
            assert!(covers(url), "{url}");
        }
        for url in [
            "https://example.com/evil/p.git/info/refs?service=git-upload-pack",
            "https://example.com/team/../evil/p.git/info/refs",
            "https://example.com/team/%2e%2e/evil/info/refs",
            "https://example.com/team%2fp.git/info/refs",
            "https://user@example.com/team/p.git/info/refs",
            "https://example.com/team/p.git/info/refs#x",
            "http://example.com/team/p.git/info/refs",
            "https://169.254.169.254/team/p.git/info/refs",
        ] {
            assert!(!covers(url), "{url}");
        }
    }

    #[test]
    fn what_can_be_listed() {
        for text in [
            "",
            "ghcr.io/acme",
            "https://example.com/",
            "oci://",
            "oci://acme/policies",
            "oci://ghcr.io/acme/*",
            "oci://ghcr.io/acme/../x",
            "oci://ghcr.io//x",
            "oci://u@ghcr.io/x",
            "oci://ghcr.io/a:v1",
            "git::https://u:p@example.com/",
            "git::https://example.com/%41",
            "git::file:///srv",
            "git::example.com/x",
            "git::https://example.com:port/",
            "git::https://example.com/a?b",
            "git::https://example.com/a#b",
        ] {
            assert!(text.parse::<ListedPlace>().is_err(), "{text}");
        }
        assert_eq!("oci://GHCR.io/acme/".parse::<ListedPlace>().unwrap().to_string(), "oci://ghcr.io/acme");
    }
}
