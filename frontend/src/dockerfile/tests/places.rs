//! Places, order, and what is said of sources beside their names.

use std::collections::BTreeMap;

use super::*;

/// Images with configs by identifier; all have the digest `DIGEST`.
#[derive(Debug, Default)]
struct Registry {
    configs: BTreeMap<&'static str, &'static str>,
    pins: BTreeMap<&'static str, &'static str>,
}

const DIGEST: &str = "sha256:ec9a4bc148364510d17bb5b03ac632ab9a23b7a1318c050d28bb059304d6a7ab";
const LAYERS: &str = r#"{"rootfs":{"diff_ids":["sha256:0"]}}"#;

impl Images for Registry {
    async fn resolve(&self, source: &SourceOp, _: &Platform, _: &[Place]) -> Option<ResolvedImage> {
        let config = *self.configs.get(source.identifier.as_str())?;
        let pinned = self.pins.get(source.identifier.as_str()).map(|pin| SourceOp::new(*pin));
        let source = pinned.unwrap_or_else(|| source.clone());
        Some(ResolvedImage { source, digest: DIGEST.to_owned(), config: config.into() })
    }

    async fn target(&self, _: &str) -> Option<Arc<BuildResult>> {
        None
    }
}

async fn find(
    dockerfile: &str,
    options: &BuildOptions,
    images: &impl Images,
) -> Result<Discovered, DockerfileError> {
    let build = Build {
        dockerfile,
        name: "app/Dockerfile",
        origin: DockerfileOrigin::Client,
        own_dockerignore: false,
        context: MainContext::Local,
        options,
        build_platform: &Platform::new("linux", "amd64", ""),
    };
    discover(&build, images).await
}

/// Identifiers with their places.
fn listed(found: &Discovered) -> Vec<String> {
    let places = |used: &UsedSource| {
        used.places
            .iter()
            .map(|p| format!(" {}-{} {}", p.line, p.end_line, p.instruction))
            .collect::<String>()
    };
    found.sources.iter().map(|used| format!("{}{}", used.source.identifier, places(used))).collect()
}

#[tokio::test]
async fn sources_stand_in_the_order_of_the_dockerfile() {
    let options = BuildOptions {
        attests: [("sbom".to_owned(), Some(String::new()))].into(),
        platforms: vec![Platform::new("linux", "amd64", ""), Platform::new("linux", "arm64", "")],
        ..BuildOptions::default()
    };
    let dockerfile = "# syntax=docker/dockerfile:1\nFROM z AS a\nADD https://u:s3cret@h/f /\nFROM b\n\
        COPY \\\n  --from=a  / /\nRUN --mount=from=z,target=/m x\nCOPY --from=c / /\n";
    let found = find(dockerfile, &options, &Registry::default()).await.unwrap();
    let expected = [
        "local://dockerfile",
        "local://context",
        "docker-image://docker.io/docker/dockerfile:1 1-1 # syntax=docker/dockerfile:1",
        "docker-image://docker.io/library/z:latest 2-2 FROM z AS a 7-7 RUN --mount=from=z,target=/m x",
        "docker-image://docker.io/library/z:latest 2-2 FROM z AS a 7-7 RUN --mount=from=z,target=/m x",
        "https://u:s3cret@h/f 3-3 ADD https://***@h/f /",
        "docker-image://docker.io/library/b:latest 4-4 FROM b",
        "docker-image://docker.io/library/b:latest 4-4 FROM b",
        "docker-image://docker.io/library/c:latest 8-8 COPY --from=c / /",
        "docker-image://docker.io/library/c:latest 8-8 COPY --from=c / /",
        "docker-image://docker.io/docker/buildkit-syft-scanner:stable-1",
    ];
    assert_eq!(listed(&found), expected);
    let platforms: Vec<_> =
        found.sources[3..5].iter().map(|used| used.platform.clone().unwrap().format()).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    assert!(found.warnings.is_empty());
    assert_eq!(found.sources[3].places[0].to_string(), "app/Dockerfile:2");
}

#[tokio::test]
async fn images_are_loaded_by_digest_or_as_a_policy_pinned_them() {
    let registry = Registry {
        configs: [
            ("docker-image://docker.io/library/a:1", LAYERS),
            ("docker-image://docker.io/library/b:1", LAYERS),
            ("docker-image://docker.io/library/empty:1", "{}"),
        ]
        .into(),
        pins: [("docker-image://docker.io/library/b:1", "docker-image://mirror.io/b:2")].into(),
    };
    let dockerfile = "FROM a:1\nCOPY --from=b:1 / /\nCOPY --from=empty:1 / /\nCOPY --from=gone:1 / /\n\
        COPY --from=named / /\nRUN --mount=type=tmpfs,target=/t,from=a:1 x\n";
    let options = BuildOptions {
        build_contexts: [("named".to_owned(), "docker-image://b:1".to_owned())].into(),
        ..BuildOptions::default()
    };
    let found = find(dockerfile, &options, &registry).await.unwrap();
    let loaded: Vec<_> =
        found.sources[2..].iter().map(|used| used.loaded().map(|source| source.identifier)).collect();
    assert_eq!(
        loaded,
        [
            Some(format!("docker-image://docker.io/library/a:1@{DIGEST}")),
            Some(format!("docker-image://mirror.io/b:2@{DIGEST}")),
            None,
            None
        ]
    );
    let only_named = find("FROM named\n", &options, &registry).await.unwrap();
    assert_eq!(only_named.sources[2].loaded().unwrap().identifier, "docker-image://mirror.io/b:2");
    assert_eq!(only_named.sources[2].digest, None);
}

/// A registry, and what one target of bake comes to.
struct WithTarget {
    registry: Registry,
    result: Arc<BuildResult>,
}

impl Images for WithTarget {
    async fn resolve(&self, source: &SourceOp, platform: &Platform, at: &[Place]) -> Option<ResolvedImage> {
        self.registry.resolve(source, platform, at).await
    }

    async fn target(&self, name: &str) -> Option<Arc<BuildResult>> {
        (name == "app").then(|| self.result.clone())
    }
}

#[tokio::test]
async fn results_of_other_targets_are_made_of_sources() {
    let app = "FROM a:1 AS unused\nADD https://h/unused /\nFROM b:2\nCOPY . /\nADD https://h/used /\n\
               ENV URL=https://h/env\nONBUILD COPY --from=trigger / /\n";
    let configs = [("docker-image://docker.io/library/b:2", LAYERS)].into();
    let registry = Registry { configs, ..Registry::default() };
    let result = find(app, &BuildOptions::default(), &registry).await.unwrap().result;
    let images = WithTarget { registry, result: Arc::new(result) };
    let options = |target: &str| BuildOptions {
        build_contexts: [("base".to_owned(), format!("target:{target}"))].into(),
        ..BuildOptions::default()
    };
    let found = find("FROM base\nADD $URL /\n", &options("app"), &images).await.unwrap();
    let expected = [
        "local://dockerfile",
        "local://context 1-1 FROM base",
        &format!("docker-image://docker.io/library/b:2@{DIGEST} 1-1 FROM base"),
        "https://h/used 1-1 FROM base",
        "docker-image://docker.io/library/trigger:latest 1-1 FROM base",
        "https://h/env 2-2 ADD $URL /",
    ];
    assert_eq!(listed(&found), expected);
    let unused = find("FROM scratch\n", &options("app"), &images).await.unwrap();
    assert_eq!(listed(&unused), ["local://dockerfile", "local://context"]);
    let error = find("FROM base\n", &options("other"), &images).await.unwrap_err();
    assert!(error.message.contains("`target:other`"), "{error}");
}

#[tokio::test]
async fn a_foreign_frontend_is_warned_about() {
    for (syntax, warns) in [
        ("docker/dockerfile:1.7-labs", false),
        ("docker.io/docker/dockerfile-upstream:master", false),
        ("ghcr.io/docker/dockerfile:1", true),
        ("docker/dockerfile2", true),
    ] {
        let dockerfile = format!("# syntax={syntax}\nFROM scratch\n");
        let found = find(&dockerfile, &BuildOptions::default(), &Registry::default()).await.unwrap();
        assert_eq!(found.warnings.len(), usize::from(warns), "{syntax}");
    }
}

#[tokio::test]
async fn errors_say_where() {
    let cases = [
        ("FROM a\nFOO\n", "app/Dockerfile:2: unknown instruction \"FOO\""),
        ("ARG A\n", "app/Dockerfile: it has no FROM, so there is nothing to build"),
        ("FROM a AS x\nCOPY --from=x / /\n", "app/Dockerfile:2: stage \"x\" needs itself"),
        ("FROM a AS x\nCOPY --from=y a b\nFROM x AS y\n", "app/Dockerfile:2: stage \"y\" must stand before"),
        (
            "FROM scratch\nADD https://u:s3cret@h/r.git?x=1 /\n",
            "app/Dockerfile:2: invalid git URL \"https://***@h/r.git?x=1\"",
        ),
        ("FROM b\n", "app/Dockerfile:1: ONBUILD trigger: unknown instruction \"FOO\""),
        ("FROM c\n", "app/Dockerfile:1: the image's config is malformed"),
    ];
    let registry = Registry {
        configs: [
            ("docker-image://docker.io/library/b:latest", r#"{"config":{"OnBuild":["FOO"]}}"#),
            ("docker-image://docker.io/library/c:latest", "{"),
        ]
        .into(),
        ..Registry::default()
    };
    for (dockerfile, message) in cases {
        let error = find(dockerfile, &BuildOptions::default(), &registry).await.unwrap_err().to_string();
        assert!(error.starts_with(message), "{dockerfile:?}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn options_that_name_nothing_are_errors() {
    let named = |value: &str| BuildOptions {
        build_contexts: [("base".to_owned(), value.to_owned())].into(),
        ..BuildOptions::default()
    };
    let cases = [
        (named("docker-image://UPPER"), "named context \"base\""),
        (named("oci-layout://"), "no OCI layout"),
        (named("ssh://git@h/r.git"), "not supported"),
        (named("github.com/a/b"), "not supported"),
        (BuildOptions { target: "x".into(), ..BuildOptions::default() }, "no stage \"x\" to build"),
        (
            BuildOptions {
                attests: [("sbom".to_owned(), Some("generator=A".to_owned()))].into(),
                ..BuildOptions::default()
            },
            "generator \"A\"",
        ),
        (
            BuildOptions {
                build_args: [("BUILDKIT_SYNTAX".to_owned(), Some(" ".to_owned()))].into(),
                ..BuildOptions::default()
            },
            "BUILDKIT_SYNTAX is empty",
        ),
        (
            BuildOptions {
                build_args: [("SOURCE_DATE_EPOCH".to_owned(), Some("soon".to_owned()))].into(),
                ..BuildOptions::default()
            },
            "SOURCE_DATE_EPOCH must be",
        ),
    ];
    for (options, message) in cases {
        let error = find("FROM base\n", &options, &Registry::default()).await.unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn the_search_can_be_moved_to_another_thread() {
    fn is_send(_: impl Send) {}
    let (options, registry) = (BuildOptions::default(), Registry::default());
    is_send(find("FROM a\n", &options, &registry));
}
