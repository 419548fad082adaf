//! `artifact_attestation` and `github_attestation`.

use regorus::Value;
use serde_json::value::RawValue;

use super::host::{SourceHost, is_same};
use crate::input::{Demand, Group, Signature};
use crate::rego::eval::Answer;
use crate::verify::bundle::BUNDLE_LIMIT;
use crate::verify::{Artifact, ArtifactDigest, Bundle, BundleFailure, Expect, Failure, Step};

/// Bundles of one file, or of one repository's attestations of a file.
const BUNDLES_LIMIT: usize = 64;

impl SourceHost<'_> {
    /// `artifact_attestation(input.http, file)`: the signature of the SLSA provenance in the file, of what the URL
    /// delivers; undefined if it does not verify. The file holds a Sigstore bundle, or several one after the other, as
    /// `gh attestation download` writes them: then the first that verifies.
    pub(super) fn artifact_attestation(&self, http: &Value, file: &Value) -> Answer {
        const NAME: &str = "artifact_attestation";
        if let Some(answer) = self.is_no_url(http, NAME) {
            return answer;
        }
        let bundles = self.read_file(file, BUNDLE_LIMIT).and_then(|(path, bytes)| {
            parse_all(&bytes).map_err(|reason| format!("cannot read the bundle in `{path}`: {reason}"))
        });
        let bundles = match bundles {
            Ok(bundles) => bundles,
            Err(reason) => return Answer::Error(format!("{NAME}: {reason}")),
        };
        match self.checksum(NAME) {
            Ok(artifact) => Answer::Value(self.first_verified(bundles.into_iter(), &artifact)),
            Err(answer) => answer,
        }
    }

    /// `github_attestation(input.http, "owner/repo")`: the signature of the first SLSA provenance that the repository
    /// has of what the URL delivers, and that verifies; undefined if none does. Asks for them.
    pub(super) fn github_attestation(&self, http: &Value, repository: &Value) -> Answer {
        const NAME: &str = "github_attestation";
        if let Some(answer) = self.is_no_url(http, NAME) {
            return answer;
        }
        let repository = match repository {
            Value::String(name) if is_repository(name) => name.to_string(),
            other => {
                let message = format!("{NAME}: the repository must be a string \"owner/repo\", not {other}");
                return Answer::Error(message);
            }
        };
        let artifact = match self.checksum(NAME) {
            Ok(artifact) => artifact,
            Err(answer) => return answer,
        };
        let known = self.raw.http.as_ref();
        let Some(bundles) = known.and_then(|known| known.github_attestations.get(&repository)) else {
            return Answer::Value(self.demands.make(Demand::GithubAttestation(repository)));
        };
        if let Some(reason) = known.and_then(|known| known.unavailable.get(&repository)) {
            // What could not be asked is not known to be missing.
            self.note(Failure::new(Step::Unavailable, reason.as_str()));
        } else if bundles.is_empty() {
            let message = format!(
                "{repository} has no attestation of it at GitHub; those of a private repository need a token that may \
                 read them"
            );
            self.note(Failure::new(Step::Unsigned, message));
        }
        if bundles.len() > BUNDLES_LIMIT {
            let message = format!("{repository} has more than {BUNDLES_LIMIT} attestations of it at GitHub");
            self.note(Failure::new(Step::Limit, message));
            return Answer::Value(Value::Undefined);
        }
        let bundles = bundles.iter().map(|json| Bundle::parse(json));
        Answer::Value(self.first_verified(bundles, &artifact))
    }

    /// The answer where there is no URL, or another one is meant.
    fn is_no_url(&self, http: &Value, name: &str) -> Option<Answer> {
        if self.input.http.is_none() {
            return Some(Answer::Value(Value::Undefined));
        }
        match is_same(http, &self.document["http"]) {
            Value::Bool(true) => None,
            Value::Bool(false) => {
                Some(Answer::Error(format!("{name}: the first argument must be `input.http`")))
            }
            unknown => Some(Answer::Value(unknown)),
        }
    }

    /// The digest of what the URL delivers; else what to answer.
    fn checksum(&self, name: &str) -> Result<Artifact<'static>, Answer> {
        let checksum = self.input.http.as_ref().map(|http| http.checksum.as_str()).unwrap_or_default();
        if checksum.is_empty() {
            return Err(self.ask(Group::HttpChecksum, name));
        }
        let digest = checksum.parse::<ArtifactDigest>();
        digest.map(Artifact::Digest).map_err(|error| Answer::Error(format!("{name}: {error}")))
    }

    /// The first signature that verifies. If none does, what is wrong with each is noted.
    fn first_verified(
        &self,
        bundles: impl Iterator<Item = Result<Bundle, BundleFailure>>,
        artifact: &Artifact<'_>,
    ) -> Value {
        let mut failures = Vec::new();
        for bundle in bundles {
            let verdict =
                bundle.and_then(|bundle| self.trust.verify(&bundle, artifact, Expect::SlsaProvenance));
            match verdict {
                Ok(verified) => return Signature::to_value(&[verified.into_signature()])[0].clone(),
                Err(failure) => failures.push(failure),
            }
        }
        failures.into_iter().for_each(|failure| self.note(failure.into()));
        Value::Undefined
    }
}

/// Bundles one after the other, with or without line breaks between them. What is none is an error; one that breaks the
/// format's rules may be among them, as one that does not verify.
fn parse_all(bytes: &[u8]) -> Result<Vec<Result<Bundle, BundleFailure>>, String> {
    let mut bundles = Vec::new();
    for json in serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>() {
        if bundles.len() == BUNDLES_LIMIT {
            return Err(format!("there are more than {BUNDLES_LIMIT}"));
        }
        let json = json.map_err(|error| format!("invalid JSON: {error}"))?;
        let bundle = Bundle::parse(json.get().as_bytes());
        match bundle {
            Err(failure) if failure.step == Step::Bundle => return Err(failure.message),
            bundle => bundles.push(bundle),
        }
    }
    if bundles.is_empty() { Err("there is none".to_owned()) } else { Ok(bundles) }
}

/// Whether it is `owner/repo`, in the characters that GitHub allows.
fn is_repository(name: &str) -> bool {
    let is_name = |part: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        !part.is_empty() && part.len() <= 100 && part != "." && part != ".." && part.bytes().all(allowed)
    };
    name.split_once('/').is_some_and(|(owner, repository)| is_name(owner) && is_name(repository))
}
