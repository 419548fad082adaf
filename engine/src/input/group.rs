//! Which properties come together when they are fetched.

use crate::metadata::{
    ChecksumRequest, ChecksumResponse, GitWanted, HttpWanted, ImageWanted, Metadata, Wanted,
};
use crate::provenance::PREDICATE_TYPES;

/// Properties that one fetch resolves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// What the image config has: `createdTime`, `env`, `labels`, `user`, `volumes`, `workingDir`.
    ImageConfig,
    /// `checksum` of an image.
    ImageDigest,
    /// `hasProvenance`.
    AttestationChain,
    /// `provenance`.
    Provenance,
    /// `signatures`, `verification` and `provenance.signatures`.
    Signatures,
    /// Full ref and object ids of a git source.
    GitRef,
    /// `commit` and `tag` of a git source.
    GitObjects,
    /// `checksum` of a URL.
    HttpChecksum,
}

/// What a policy may need to know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Demand {
    /// Properties of the input.
    Group(Group),
    /// A digest over the body of a URL and a suffix.
    Checksum(ChecksumRequest),
    /// The attestations that a GitHub repository (`owner/repo`) has of the body of a URL.
    GithubAttestation(String),
}

impl From<Group> for Demand {
    fn from(group: Group) -> Self {
        Self::Group(group)
    }
}

/// What to fetch for `demands`. What is known already is asked for again, for an answer replaces the
/// former one.
pub fn wanted<D: Into<Demand>>(demands: impl IntoIterator<Item = D>, known: Option<&Metadata>) -> Wanted {
    let mut wanted = known.map(again).unwrap_or_default();
    for demand in demands {
        let group = match demand.into() {
            Demand::Group(group) => group,
            Demand::Checksum(request) => {
                let http = HttpWanted { checksums: vec![request], ..HttpWanted::default() };
                wanted.add(Wanted { http: Some(http), ..Wanted::default() });
                continue;
            }
            Demand::GithubAttestation(repository) => {
                let http = HttpWanted { github_attestations: vec![repository], ..HttpWanted::default() };
                wanted.add(Wanted { http: Some(http), ..Wanted::default() });
                continue;
            }
        };
        match group {
            // The digest comes with anything; asked for alone it comes with the config, as in buildx.
            Group::ImageConfig | Group::ImageDigest => image(&mut wanted).config = true,
            Group::AttestationChain => image(&mut wanted).attestation_chain = true,
            Group::Signatures => {
                image(&mut wanted).attestation_chain = true;
                image(&mut wanted).signatures = true;
            }
            Group::Provenance => want_provenance(image(&mut wanted)),
            Group::GitRef => git(&mut wanted).objects |= false,
            Group::GitObjects => git(&mut wanted).objects = true,
            Group::HttpChecksum => drop(wanted.http.get_or_insert_default()),
        }
    }
    wanted
}

fn image(wanted: &mut Wanted) -> &mut ImageWanted {
    wanted.image.get_or_insert_default()
}

fn git(wanted: &mut Wanted) -> &mut GitWanted {
    wanted.git.get_or_insert_default()
}

fn want_provenance(image: &mut ImageWanted) {
    image.attestation_chain = true;
    image.attestations = PREDICATE_TYPES.iter().map(|t| (*t).to_owned()).collect();
}

/// The request whose answer `known` is.
fn again(known: &Metadata) -> Wanted {
    let image = known.image.as_ref().map(|metadata| {
        let mut wanted = ImageWanted { config: metadata.config.is_some(), ..ImageWanted::default() };
        if let Some(chain) = &metadata.attestation_chain {
            wanted.attestation_chain = true;
            wanted.signatures = metadata.signatures.is_some();
            if crate::provenance::blobs(chain).next().is_some() {
                want_provenance(&mut wanted);
            }
        }
        wanted
    });
    let git = known.git.as_ref().map(|git| GitWanted { objects: git.commit_object.is_some() });
    let http = known.http.as_ref().map(|http| HttpWanted {
        checksums: http.checksum_responses.iter().filter_map(ChecksumResponse::request).collect(),
        github_attestations: http.github_attestations.keys().cloned().collect(),
    });
    Wanted { image, git, http }
}
