//! Policies and sources that the benches measure: an allowlist, a policy of the size that buildx ships,
//! one of 500 rules, and an image with 50 materials.
#![forbid(unsafe_code)]

use std::fmt::Write;
use std::time::SystemTime;

use policy_engine::check::{Check, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::metadata::{
    AttestationChain, Blob, Descriptor, ImageMetadata, ImageSignatures, Metadata, Request,
};
use policy_engine::policy::{LoadOptions, Policy, PolicyFile};
use policy_engine::source::{Platform, SourceOp};
use policy_engine::verify::Trust;

/// Lets four repositories pass.
pub const ALLOWLIST: &str = include_str!("../policies/allowlist.rego");
/// As large as buildx's own default policy, and of its shape.
pub const MANAGED: &str = include_str!("../policies/managed.rego");
/// Looks at every material of an image's provenance.
pub const MATERIALS: &str = include_str!("../policies/materials.rego");

/// The digest that every made-up thing has.
const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const ATTESTATION: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// `rules` rules, each for a repository of its own with a condition on its labels.
pub fn many_rules(rules: usize) -> String {
    let mut text = String::from("package docker\n\ndefault allow := false\n\n");
    for rule in 0..rules {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "allow if {{\n\tinput.image.host == \"docker.io\"\n\tinput.image.fullRepo == \"docker.io/team{}/app{rule}\"\n\tstartswith(input.image.tag, \"v{}.\")\n\tnot input.image.labels[\"deprecated\"]\n}}\n\n",
            rule % 10,
            rule % 7,
        );
    }
    text.push_str("decision := {\"allow\": allow}\n");
    text
}

/// Loads a policy of one file.
///
/// # Panics
/// If it does not load: these are the benches' own policies.
pub fn load(text: &str) -> Policy {
    let files = vec![PolicyFile { name: "bench.rego".to_owned(), text: text.to_owned() }];
    match Policy::load(&LoadOptions { files, root: None, strict: true }) {
        Ok(policy) => policy,
        Err(error) => panic!("{error}"),
    }
}

/// A source with everything that is known about it.
pub struct Scene {
    /// The image.
    pub source: SourceOp,
    /// For `linux/amd64`.
    pub platform: Platform,
    /// All of its metadata.
    pub known: Metadata,
    /// Nothing yet.
    pub unknown: Facts,
    /// All of it.
    pub facts: Facts,
    /// An ordinary build.
    pub env: Env,
}

impl Scene {
    /// An image with a config and provenance of `materials` materials.
    pub fn image(reference: &str, materials: usize) -> Self {
        let source = SourceOp::new(format!("docker-image://{reference}"));
        let platform = Platform::new("linux", "amd64", "");
        let config = br#"{"architecture":"amd64","os":"linux","created":"2026-01-02T03:04:05Z",
            "config":{"User":"1000","Env":["PATH=/usr/bin:/bin"],"Labels":{"team":"infra"},"WorkingDir":"/work"}}"#;
        let image = ImageMetadata {
            digest: DIGEST.to_owned(),
            config: Some(config.to_vec().into()),
            attestation_chain: Some(chain(materials)),
            signatures: Some(ImageSignatures::default()),
        };
        let known = Metadata { image: Some(image), ..Metadata::default() };
        let mut facts = Facts::default();
        facts.insert(source.clone(), Some(platform.clone()), known.clone());
        let env = Env { filename: "Dockerfile".to_owned(), ..Env::default() };
        Self { source, platform, known, unknown: Facts::default(), facts, env }
    }

    /// One check with everything known.
    ///
    /// # Panics
    /// If the policy fails or still asks.
    pub fn check(&self, policy: &Policy) -> Outcome {
        match policy.check(&self.with(&self.facts), &Trust::default()) {
            Ok(outcome @ Outcome::Decided(_)) => outcome,
            other => panic!("no decision: {other:?}"),
        }
    }

    /// From nothing known to the decision: asked, answered from memory, asked again.
    ///
    /// # Panics
    /// If the policy fails, or goes on asking.
    pub fn full_cycle(&self, policy: &Policy) -> Outcome {
        let mut facts = self.unknown.clone();
        for _ in 0..10 {
            match policy.check(&self.with(&facts), &Trust::default()) {
                Ok(Outcome::Needs(requests)) => {
                    for Request { source, platform, .. } in requests {
                        let known =
                            if source == self.source { self.known.clone() } else { Metadata::default() };
                        facts.insert(source, platform, known);
                    }
                }
                Ok(outcome) => return outcome,
                Err(error) => panic!("no decision: {error}"),
            }
        }
        panic!("the policy goes on asking")
    }

    fn with<'a>(&'a self, facts: &'a Facts) -> Check<'a> {
        Check {
            source: &self.source,
            platform: Some(&self.platform),
            facts,
            env: &self.env,
            now: SystemTime::UNIX_EPOCH,
        }
    }
}

/// An attestation manifest with SLSA v1 provenance, and no signatures.
fn chain(materials: usize) -> AttestationChain {
    let dependencies: Vec<String> = (0..materials)
        .map(|n| match n % 3 {
            0 => format!(
                r#"{{"uri":"pkg:docker/library/base{n}@1.{n}?platform=linux%2Famd64","digest":{{"sha256":"{}"}}}}"#,
                &DIGEST[7..]
            ),
            1 => format!(r#"{{"uri":"https://github.com/acme/repo{n}.git#main","digest":{{"sha1":"{n:040}"}}}}"#),
            _ => format!(r#"{{"uri":"https://github.com/acme/files/{n}.tar","digest":{{"sha256":"{}"}}}}"#, &DIGEST[7..]),
        })
        .collect();
    let statement = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1","predicate":{{
        "buildDefinition":{{"buildType":"https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
        "externalParameters":{{"configSource":{{"path":"Dockerfile"}},"request":{{"frontend":"dockerfile.v0","args":{{}}}}}},
        "resolvedDependencies":[{}]}},"runDetails":{{"builder":{{"id":"https://example.com/builder"}},
        "metadata":{{"invocationID":"x","buildkit_completeness":{{"request":true,"resolvedDependencies":true}}}}}}}}}}"#,
        dependencies.join(",")
    );
    let blob = Blob {
        descriptor: Descriptor {
            media_type: "application/vnd.in-toto+json".to_owned(),
            digest: DIGEST.to_owned(),
            size: statement.len() as u64,
            annotations: [(
                "in-toto.io/predicate-type".to_owned(),
                "https://slsa.dev/provenance/v1".to_owned(),
            )]
            .into(),
        },
        data: statement.into(),
    };
    let manifest = format!(
        r#"{{"layers":[{{"digest":"{DIGEST}","annotations":{{"in-toto.io/predicate-type":"https://slsa.dev/provenance/v1"}}}}]}}"#
    );
    let manifest = Blob { data: manifest.into(), ..Blob::default() };
    AttestationChain {
        root: DIGEST.to_owned(),
        image_manifest: DIGEST.to_owned(),
        attestation_manifest: ATTESTATION.to_owned(),
        signature_manifests: Vec::new(),
        blobs: [(DIGEST.to_owned(), blob), (ATTESTATION.to_owned(), manifest)].into(),
    }
}

/// A number from the environment.
pub fn number(name: &str, default: usize) -> Result<usize, String> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|error| format!("{name}={text}: {error}")),
        Err(_) => Ok(default),
    }
}

#[cfg(test)]
mod tests {
    use policy_engine::check::Action;

    use super::*;

    fn action(outcome: &Outcome) -> Action {
        match outcome {
            Outcome::Decided(decision) => decision.action,
            Outcome::Needs(_) => panic!("undecided"),
        }
    }

    #[test]
    fn the_scenes_are_decided_as_the_policies_say() {
        let alpine = Scene::image("docker.io/library/alpine:3.21", 0);
        assert_eq!(action(&alpine.full_cycle(&load(ALLOWLIST))), Action::Allow);
        assert_eq!(action(&alpine.full_cycle(&load(MANAGED))), Action::Allow);
        let managed = Scene::image("docker.io/acme/frontend:latest", 0);
        assert_eq!(action(&managed.full_cycle(&load(MANAGED))), Action::Deny);
        let app = Scene::image("docker.io/team3/app123:v4.2", 0);
        assert_eq!(action(&app.full_cycle(&load(&many_rules(500)))), Action::Allow);
        let materials = Scene::image("docker.io/library/alpine:3.21", 50);
        assert_eq!(action(&materials.full_cycle(&load(MATERIALS))), Action::Allow);
    }
}
