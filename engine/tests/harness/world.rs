//! Worlds: what every source turns out to be once it is looked up. Two worlds may agree on a part of that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use policy_engine::check::Facts;
use policy_engine::input;
use policy_engine::metadata::{
    AttestationChain, Blob, Descriptor, GitMetadata, HttpMetadata, ImageMetadata, ImageSignatures,
    ImageWanted, Metadata, Wanted,
};
use policy_engine::provenance::{PREDICATE_TYPES, SLSA_V1, SLSA_V02};
use policy_engine::source::{Source, SourceOp};
use serde_json::{Value, json};
use sha1::Digest;

use super::rng::Rng;
use super::{env, platform};

/// What one look-up tells about a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Digest,
    Config,
    Chain,
    Provenance,
    Signatures,
    Git,
    Http,
}

/// What was looked up: identifiers and parts.
pub type Known = BTreeSet<(String, Part)>;

pub const DIGESTS: [&str; 2] = [
    "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
];
const IMAGES: [&[&str]; 2] = [
    &["pkg:docker/one@1?platform=linux%2Famd64", "pkg:docker/two@2?platform=linux%2Farm64"],
    &["pkg:docker/three@1", "pkg:docker/four@1?platform=linux%2Famd64"],
];
const OTHERS: [&str; 4] = [
    "https://example.com/r.git#main",
    "https://example.com/r.git#refs/tags/v1",
    "https://example.com/file.tar",
    "pkg:npm/unsupported",
];
const WORDS: [&str; 4] = ["infra", "app", "root", "1000"];

/// All that can be looked up: from `seed`, but for the `kept` parts, which are those of world `of`.
pub struct World {
    pub seed: u64,
    pub of: u64,
    pub kept: Known,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self { seed, of: seed, kept: Known::new() }
    }

    /// Another world that agrees with `of` on what is known.
    pub fn agreeing(of: u64, known: &Known, seed: u64) -> Self {
        Self { seed, of, kept: known.clone() }
    }

    fn rng(&self, source: &SourceOp, part: Part) -> Rng {
        let kept = self.kept.contains(&(source.identifier.clone(), part));
        Rng::keyed((if kept { self.of } else { self.seed }, &source.identifier, part))
    }

    /// Answers a request; remembers in `known` what it told.
    pub fn metadata(&self, source: &SourceOp, wanted: &Wanted, known: &mut Known) -> Metadata {
        let mut tell = |part| {
            known.insert((source.identifier.clone(), part));
        };
        let mut metadata = Metadata::default();
        if let Some(wanted) = &wanted.image {
            tell(Part::Digest);
            for (told, part) in [(wanted.config, Part::Config), (wanted.attestation_chain, Part::Chain)] {
                if told {
                    tell(part);
                }
            }
            for (told, part) in
                [(!wanted.attestations.is_empty(), Part::Provenance), (wanted.signatures, Part::Signatures)]
            {
                if told {
                    tell(part);
                }
            }
            metadata.image = Some(self.image(source, wanted));
        }
        if let Some(wanted) = &wanted.git {
            tell(Part::Git);
            metadata.git = Some(self.git(source, wanted.objects));
        }
        if wanted.http.is_some() {
            tell(Part::Http);
            let checksum = self.rng(source, Part::Http).pick(&DIGESTS).to_owned();
            metadata.http =
                Some(HttpMetadata { checksum, checksum_responses: Vec::new(), ..HttpMetadata::default() });
        }
        metadata
    }

    fn image(&self, source: &SourceOp, wanted: &ImageWanted) -> ImageMetadata {
        let digest = match source.identifier.split_once('@') {
            Some((_, digest)) => digest.to_owned(),
            None => self.rng(source, Part::Digest).pick(&DIGESTS).to_owned(),
        };
        let config = wanted.config.then(|| config(&mut self.rng(source, Part::Config)).to_string().into());
        let chain = wanted.attestation_chain.then(|| {
            let mut chain = self.chain(source, !wanted.attestations.is_empty());
            chain.root.clone_from(&digest);
            chain
        });
        let signatures = wanted.signatures.then(|| self.signatures(source));
        ImageMetadata { digest, config, attestation_chain: chain, signatures }
    }

    /// None, or some that can't be looked at: to make one that verifies takes more than a test of logic needs.
    fn signatures(&self, source: &SourceOp) -> ImageSignatures {
        let mut rng = self.rng(source, Part::Signatures);
        let unavailable = (0..rng.below(3)).map(|_| rng.pick(&WORDS).to_owned()).collect();
        ImageSignatures { unavailable, ..ImageSignatures::default() }
    }

    fn chain(&self, source: &SourceOp, with_blobs: bool) -> AttestationChain {
        let mut rng = self.rng(source, Part::Chain);
        let mut chain = AttestationChain { image_manifest: "sha256:image".into(), ..Default::default() };
        if rng.chance(30) {
            return chain;
        }
        let predicate_type = if rng.chance(50) { SLSA_V1 } else { SLSA_V02 };
        let has_provenance = rng.chance(80);
        let annotations = BTreeMap::from([(
            "in-toto.io/predicate-type".to_owned(),
            if has_provenance { predicate_type } else { "https://spdx.dev/Document" }.to_owned(),
        )]);
        chain.attestation_manifest = "sha256:attestation".into();
        if rng.chance(8) {
            chain.signature_manifests.push("sha256:signature".into());
        }
        let layer = json!({"digest": "sha256:provenance", "annotations": annotations});
        let manifest = json!({"layers": [layer]}).to_string();
        let blob = Blob { data: manifest.into(), ..Blob::default() };
        chain.blobs.insert(chain.attestation_manifest.clone(), blob);
        if with_blobs && has_provenance {
            let mut rng = self.rng(source, Part::Provenance);
            let data = statement(&mut rng, source, predicate_type).to_string().into();
            let descriptor = Descriptor { annotations, ..Descriptor::default() };
            chain.blobs.insert("sha256:provenance".into(), Blob { descriptor, data });
        }
        chain
    }

    fn git(&self, source: &SourceOp, objects: bool) -> GitMetadata {
        let mut rng = self.rng(source, Part::Git);
        let named = match Source::parse(source) {
            Ok(Source::Git(git)) if git.reference.starts_with("refs/") => Some(git.reference),
            _ => None,
        };
        let r#ref = named.unwrap_or_else(|| rng.pick(&["refs/heads/main", "refs/tags/v1"]).to_owned());
        let person = format!("{} <a@example.com> 1700000000 +0000", rng.pick(&WORDS));
        let tree = "0123456789".repeat(4);
        let message = rng.pick(&WORDS);
        let commit = format!("tree {tree}\nauthor {person}\ncommitter {person}\n\n{message}\n");
        let commit_id = object_id("commit", &commit);
        let mut git = GitMetadata { checksum: commit_id.clone(), r#ref, ..GitMetadata::default() };
        let mut tag = None;
        if git.r#ref.starts_with("refs/tags/") && rng.chance(60) {
            let text = format!("object {commit_id}\ntype commit\ntag v1\ntagger {person}\n\n{message}\n");
            git.checksum = object_id("tag", &text);
            git.commit_checksum = commit_id;
            tag = Some(text);
        }
        if objects {
            git.commit_object = Some(commit.into());
            git.tag_object = tag.map(Into::into);
        }
        git
    }

    /// Everything about `source` and the materials of its provenance.
    pub fn facts(&self, source: &SourceOp) -> Facts {
        self.some_facts(source, &mut Known::new(), &mut |_| full())
    }

    /// What `wanted` chooses of each source, and of the materials that come to light.
    pub fn some_facts(
        &self,
        source: &SourceOp,
        known: &mut Known,
        wanted: &mut dyn FnMut(&SourceOp) -> Wanted,
    ) -> Facts {
        let mut facts = Facts::default();
        let mut asked = BTreeSet::new();
        loop {
            let built = input::build(
                source,
                platform(source).as_ref(),
                &facts,
                &env(),
                &policy_engine::verify::Trust::default(),
            )
            .unwrap_or_else(|error| panic!("{}: {error}", source.identifier));
            let mut news = false;
            for node in built.nodes {
                let key = (node.source.clone(), format!("{:?}", node.platform));
                if !node.unresolved.is_empty() && asked.insert(key) {
                    news = true;
                    let wanted = for_source(&node.source, wanted(&node.source));
                    let metadata = self.metadata(&node.source, &wanted, known);
                    facts.insert(node.source, node.platform, metadata);
                }
            }
            if !news {
                return facts;
            }
        }
    }
}

/// A request for all there is.
pub fn full() -> Wanted {
    let attestations = PREDICATE_TYPES.iter().map(|t| (*t).to_owned()).collect();
    Wanted {
        image: Some(ImageWanted { config: true, attestation_chain: true, attestations, signatures: true }),
        git: Some(policy_engine::metadata::GitWanted { objects: true }),
        http: Some(policy_engine::metadata::HttpWanted::default()),
    }
}

/// A request for some of it.
pub fn some_of(rng: &mut Rng) -> Wanted {
    let mut wanted = full();
    if let Some(image) = &mut wanted.image {
        image.config = rng.chance(50);
        image.attestation_chain = rng.chance(60);
        if !image.attestation_chain || rng.chance(40) {
            image.attestations.clear();
        }
        image.signatures = image.attestation_chain && rng.chance(50);
    }
    if let Some(git) = &mut wanted.git {
        git.objects = rng.chance(40);
    }
    for (keep, drop) in [(rng.chance(70), 0), (rng.chance(60), 1), (rng.chance(40), 2)] {
        match (keep, drop) {
            (false, 0) => wanted.image = None,
            (false, 1) => wanted.git = None,
            (false, 2) => wanted.http = None,
            _ => {}
        }
    }
    wanted
}

fn for_source(source: &SourceOp, wanted: Wanted) -> Wanted {
    let kind = Source::parse(source);
    Wanted {
        image: wanted.image.filter(|_| matches!(kind, Ok(Source::Image(_) | Source::OciLayout(_)))),
        git: wanted.git.filter(|_| matches!(kind, Ok(Source::Git(_)))),
        http: wanted.http.filter(|_| matches!(kind, Ok(Source::Http(_)))),
    }
}

fn config(rng: &mut Rng) -> Value {
    let mut container = serde_json::Map::new();
    let mut labels = serde_json::Map::new();
    for name in ["team", "user", "infra"] {
        if rng.chance(50) {
            labels.insert(name.to_owned(), rng.pick(&WORDS).into());
        }
    }
    for (name, value) in [
        ("Labels", Value::from(labels)),
        ("User", rng.pick(&WORDS).into()),
        ("Env", json!([format!("A={}", rng.pick(&WORDS))])),
        ("Volumes", json!({"/data": {}})),
        ("WorkingDir", rng.pick(&["/work", "/"]).into()),
    ] {
        if rng.chance(65) {
            container.insert(name.to_owned(), value);
        }
    }
    json!({"created": "2026-01-02T03:04:05Z", "config": container})
}

fn statement(rng: &mut Rng, source: &SourceOp, predicate_type: &str) -> Value {
    let mut materials = Vec::new();
    let level = usize::from(source.identifier.contains("/one") || source.identifier.contains("/two"));
    let is_last = ["/three", "/four"].iter().any(|name| source.identifier.contains(name));
    for _ in 0..rng.below(4) {
        let uri = if rng.chance(60) && !is_last { rng.pick(IMAGES[level]) } else { rng.pick(&OTHERS) };
        let digest = if rng.chance(30) { json!({"sha256": rng.pick(&DIGESTS)[7..]}) } else { json!({}) };
        let digest = if uri.starts_with("pkg:docker") { digest } else { json!({}) };
        materials.push(json!({"uri": uri, "digest": digest}));
    }
    let arguments = json!({"frontend": "dockerfile.v0", "args": {"build-arg:team": rng.pick(&WORDS)}});
    let builder = json!({"id": rng.pick(&WORDS)});
    let predicate = if predicate_type == SLSA_V1 {
        json!({
            "buildDefinition": {
                "buildType": "t",
                "externalParameters": {"request": arguments, "configSource": {"path": "Dockerfile"}},
                "resolvedDependencies": materials,
            },
            "runDetails": {"builder": builder},
        })
    } else {
        let invocation = json!({"parameters": arguments, "configSource": {"entryPoint": "Dockerfile"}});
        json!({"buildType": "t", "builder": builder, "invocation": invocation, "materials": materials})
    };
    json!({"predicateType": predicate_type, "predicate": predicate})
}

fn object_id(kind: &str, content: &str) -> String {
    let mut hash = sha1::Sha1::new();
    hash.update(format!("{kind} {}\0{content}", content.len()));
    hash.finalize().iter().fold(String::new(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}
