//! Which kind of signer made a signature: those that buildx knows.

use super::trust::RootKind;
use crate::input::Signer;

/// Issuer of the certificates of Sigstore's public good instance.
const SIGSTORE_ISSUER: &str = "CN=sigstore-intermediate,O=sigstore.dev";
/// Who says that a workflow on GitHub is that workflow.
const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
const GITHUB: &str = "https://github.com/";
const WORKFLOWS: &str = "/.github/workflows/";
/// Workflows that are Docker's GitHub builder.
const DOCKER_BUILDERS: [&str; 2] = [
    "https://github.com/docker/github-builder/.github/workflows/",
    "https://github.com/docker/github-builder-experimental/.github/workflows/",
];

/// Signed by Docker's GitHub builder.
const DOCKER_GITHUB_BUILDER: &str = "docker-github-builder";
/// Signed with Docker's key for hardened images.
pub(super) const DOCKER_HARDENED_IMAGE: &str = "docker-hardened-image";
/// Signed by a workflow of the repository itself.
const SELF_SIGNED_GITHUB_REPO: &str = "self-signed-github-repo";
/// Signed by anyone else with a certificate of Sigstore.
const SELF_SIGNED: &str = "self-signed";
/// Anything else.
pub(super) const UNTRUSTED: &str = "untrusted";

/// The kind of a signature with a certificate; the first that fits. A root other than Sigstore's may certify any name,
/// so whatever was verified under one is `untrusted`.
pub(super) fn kind(signer: &Signer, root: RootKind, format: &str, has_timestamps: bool) -> &'static str {
    if root != RootKind::Sigstore || signer.certificate_issuer != SIGSTORE_ISSUER {
        return UNTRUSTED;
    }
    let by_github = signer.issuer == GITHUB_ISSUER
        && signer.source_repository_uri.starts_with(GITHUB)
        && signer.runner_environment == "github-hosted";
    let workflows = [&signer.build_signer_uri, &signer.subject_alternative_name];
    let is_docker = |uri: &str| DOCKER_BUILDERS.iter().any(|prefix| uri.starts_with(prefix));
    let own = format!("{}{WORKFLOWS}", signer.source_repository_uri);
    if by_github && workflows.iter().all(|uri| is_docker(uri)) && has_timestamps && format == "bundle-v0.3" {
        DOCKER_GITHUB_BUILDER
    } else if by_github && workflows.iter().all(|uri| uri.starts_with(&own)) {
        SELF_SIGNED_GITHUB_REPO
    } else {
        SELF_SIGNED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILDER: &str =
        "https://github.com/docker/github-builder/.github/workflows/bake.yml@refs/heads/main";
    const REPOSITORY: &str = "https://github.com/org/app";

    fn signer(workflow: &str) -> Signer {
        Signer {
            certificate_issuer: SIGSTORE_ISSUER.into(),
            subject_alternative_name: workflow.into(),
            issuer: GITHUB_ISSUER.into(),
            build_signer_uri: workflow.into(),
            runner_environment: "github-hosted".into(),
            source_repository_uri: REPOSITORY.into(),
            ..Signer::default()
        }
    }

    fn kind_of(signer: &Signer) -> &'static str {
        kind(signer, RootKind::Sigstore, "bundle-v0.3", true)
    }

    #[test]
    fn the_builder_needs_all_its_marks() {
        let builder = signer(BUILDER);
        assert_eq!(kind_of(&builder), DOCKER_GITHUB_BUILDER);
        let experimental = signer(&BUILDER.replace("github-builder", "github-builder-experimental"));
        assert_eq!(kind_of(&experimental), DOCKER_GITHUB_BUILDER);
        assert_eq!(kind(&builder, RootKind::Sigstore, "bundle-v0.3", false), SELF_SIGNED);
        for format in ["simplesigning-v1", "bundle-v0.2", "bundle-v0.1", ""] {
            assert_eq!(kind(&builder, RootKind::Sigstore, format, true), SELF_SIGNED, "{format}");
        }
        let changes: [fn(&mut Signer); 6] = [
            |s| s.subject_alternative_name = "https://github.com/org/app/.github/workflows/a.yml".into(),
            |s| s.build_signer_uri = "https://github.com/docker/builder/.github/workflows/a.yml".into(),
            |s| s.issuer = "https://gitlab.com".into(),
            |s| s.runner_environment = "self-hosted".into(),
            |s| s.source_repository_uri = "https://example.com/org/app".into(),
            |s| s.build_signer_uri.clear(),
        ];
        for (n, change) in changes.iter().enumerate() {
            let mut other = builder.clone();
            change(&mut other);
            assert_eq!(kind_of(&other), SELF_SIGNED, "change {n}");
        }
    }

    #[test]
    fn a_repository_signs_by_its_own_workflows() {
        let own = signer("https://github.com/org/app/.github/workflows/a.yml@refs/tags/v1");
        assert_eq!(kind_of(&own), SELF_SIGNED_GITHUB_REPO);
        assert_eq!(kind(&own, RootKind::Sigstore, "simplesigning-v1", false), SELF_SIGNED_GITHUB_REPO);
        // A repository whose name begins alike is another one.
        assert_eq!(kind_of(&signer("https://github.com/org/app2/.github/workflows/a.yml")), SELF_SIGNED);
        let empty = Signer { source_repository_uri: String::new(), ..own.clone() };
        assert_eq!(kind_of(&empty), SELF_SIGNED);
        let hosted = Signer { runner_environment: "self-hosted".into(), ..own };
        assert_eq!(kind_of(&hosted), SELF_SIGNED);
    }

    #[test]
    fn other_roots_certify_no_kind() {
        for workflow in [BUILDER, "https://github.com/org/app/.github/workflows/a.yml"] {
            for root in [RootKind::Github, RootKind::Private] {
                assert_eq!(kind(&signer(workflow), root, "bundle-v0.3", true), UNTRUSTED);
            }
            let other = Signer { certificate_issuer: "CN=x,O=sigstore.dev".into(), ..signer(workflow) };
            assert_eq!(kind_of(&other), UNTRUSTED);
        }
    }
}
