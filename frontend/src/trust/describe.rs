//! What a trust root holds, for people and for programs.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sigstore_trust_root::{CertificateAuthority, TimestampAuthority, TrustedRoot};
use sigstore_types::TimeRange;

use crate::report::human::printable_name;

/// A root that is used no longer than this is told of.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A trust root, described.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    /// Its name.
    pub name: String,
    /// How it is doing.
    pub state: State,
    /// `embedded`, `cache` or `file`.
    pub source: &'static str,
    /// The file, where it lies in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `sha256:…` of the JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it can't be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What vouches for it, where it is published by TUF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tuf: Option<Voucher>,
    /// Who issues certificates.
    pub certificate_authorities: Vec<Part>,
    /// Transparency logs of signatures.
    pub transparency_logs: Vec<Part>,
    /// Transparency logs of certificates.
    pub certificate_logs: Vec<Part>,
    /// Who signs times.
    pub timestamp_authorities: Vec<Part>,
}

/// How a trust root is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is used.
    Fresh,
    /// It is used, for 30 days at most if it is not updated.
    ExpiresSoon,
    /// It isn't used until it is updated.
    Stale,
}

/// The TUF metadata that vouches for a trust root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Voucher {
    /// Version of the TUF root.
    pub root_version: u64,
    /// When the TUF root expires (RFC 3339).
    pub root_expires: Timestamp,
    /// Until when the trust root is used if it is not updated (RFC 3339).
    pub used_until: Timestamp,
}

/// One authority or log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Its subject, or the id of its key in base64.
    pub name: String,
    /// Its address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uri: String,
    /// Since when what it signs counts (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

impl State {
    /// Of a root that is used until then, at the time `now`.
    pub fn at(now: Timestamp, until: Timestamp) -> Self {
        if now > until {
            Self::Stale
        } else if until.duration_since(now) <= SOON {
            Self::ExpiresSoon
        } else {
            Self::Fresh
        }
    }
}

impl Described {
    /// A root without its parts.
    pub fn new(name: &str, state: State, source: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            state,
            source,
            path: None,
            version: None,
            problem: None,
            tuf: None,
            certificate_authorities: Vec::new(),
            transparency_logs: Vec::new(),
            certificate_logs: Vec::new(),
            timestamp_authorities: Vec::new(),
        }
    }

    /// Adds the digest of its JSON.
    #[must_use]
    pub fn with_version(self, version: String) -> Self {
        Self { version: Some(version), ..self }
    }

    /// Adds what is in it.
    #[must_use]
    pub fn with_parts(mut self, root: &TrustedRoot) -> Self {
        let log = |id: String, uri: &str, valid| part(id, uri, valid);
        self.certificate_authorities = root.certificate_authorities.iter().map(authority).collect();
        self.timestamp_authorities = root.timestamp_authorities.iter().map(timestamp_authority).collect();
        let logs = root.tlogs.iter();
        self.transparency_logs = logs
            .map(|tlog| log(tlog.log_id.key_id.to_string(), &tlog.base_url, tlog.public_key.valid_for))
            .collect();
        let logs = root.ctlogs.iter();
        self.certificate_logs = logs
            .map(|ctlog| log(ctlog.log_id.key_id.to_string(), &ctlog.base_url, ctlog.public_key.valid_for))
            .collect();
        self
    }

    /// A paragraph for people.
    pub fn human(&self) -> String {
        let state = match self.state {
            State::Fresh => "in use",
            State::ExpiresSoon => "in use, and expires soon: run `policy-check trust update`",
            State::Stale => "stale: run `policy-check trust update`",
        };
        format!("{}: {state}\n{}", self.name, self.details())
    }

    /// What is in it, for people.
    pub fn details(&self) -> String {
        let mut text = String::new();
        // Writing to a string can't fail, here and below.
        let mut line = |label: &str, value: &str| {
            let _ = writeln!(text, "  {label:<12}{}", printable_name(value));
        };
        line("source", self.path.as_deref().unwrap_or(self.source));
        if let Some(version) = &self.version {
            line("version", version);
        }
        if let Some(problem) = &self.problem {
            line("problem", problem);
        }
        if let Some(Voucher { root_version, root_expires, used_until }) = &self.tuf {
            line("TUF root", &format!("version {root_version}, expires {root_expires}"));
            line("used until", &used_until.to_string());
        }
        for (title, parts) in [
            ("certificate authorities", &self.certificate_authorities),
            ("transparency logs", &self.transparency_logs),
            ("certificate logs", &self.certificate_logs),
            ("timestamp authorities", &self.timestamp_authorities),
        ] {
            if !parts.is_empty() {
                let _ = writeln!(text, "  {title}");
            }
            for part in parts {
                let _ = writeln!(text, "    {}", printable_name(&part.human()));
            }
        }
        text
    }
}

impl Part {
    fn human(&self) -> String {
        let day = |time: &Timestamp| time.to_string().split('T').next().unwrap_or_default().to_owned();
        let mut words = vec![self.name.clone(), self.uri.clone()];
        words.extend(self.from.as_ref().map(|from| format!("from {}", day(from))));
        words.extend(self.to.as_ref().map(|to| format!("to {}", day(to))));
        words.retain(|word| !word.is_empty());
        words.join(" ")
    }
}

fn authority(authority: &CertificateAuthority) -> Part {
    let CertificateAuthority { subject, uri, valid_for, .. } = authority;
    part(subject_name(subject.common_name.as_deref(), subject.organization.as_deref()), uri, *valid_for)
}

fn timestamp_authority(authority: &TimestampAuthority) -> Part {
    let TimestampAuthority { subject, uri, valid_for, .. } = authority;
    let name = subject_name(subject.common_name.as_deref(), subject.organization.as_deref());
    part(name, uri.as_deref().unwrap_or_default(), *valid_for)
}

/// `CN=sigstore,O=sigstore.dev`.
fn subject_name(common_name: Option<&str>, organization: Option<&str>) -> String {
    let common_name = common_name.map(|name| format!("CN={name}"));
    let organization = organization.map(|name| format!("O={name}"));
    common_name.into_iter().chain(organization).collect::<Vec<_>>().join(",")
}

fn part(name: String, uri: &str, valid: Option<TimeRange>) -> Part {
    let (from, to) = (valid.map(|valid| valid.start), valid.and_then(|valid| valid.end));
    Part { name, uri: uri.to_owned(), from, to }
}
