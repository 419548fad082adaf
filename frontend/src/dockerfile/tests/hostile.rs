//! Dockerfiles and images made to take long: all come to an end, and soon.

use std::time::{Duration, Instant};

use super::*;

/// Far more than any of them takes, also on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Images with triggers that need further images, without an end.
struct Endless;

impl Images for Endless {
    async fn resolve(&self, source: &SourceOp, _: &Platform, _: &[Place]) -> Option<ResolvedImage> {
        let next = source.identifier.trim_start_matches("docker-image://docker.io/library/");
        let next = next.trim_end_matches(":latest");
        let trigger = format!("COPY --from={next}x / /");
        let config = serde_json::json!({"config": {"OnBuild": [trigger]}, "rootfs": {"diff_ids": ["a"]}});
        let digest = format!("sha256:{}", "0".repeat(64));
        Some(ResolvedImage { source: source.clone(), digest, config: config.to_string().into() })
    }

    async fn target(&self, _: &str) -> Option<Arc<BuildResult>> {
        None
    }
}

async fn find(dockerfile: &str) -> Result<Discovered, DockerfileError> {
    let build = Build {
        dockerfile,
        name: "Dockerfile",
        origin: DockerfileOrigin::Client,
        own_dockerignore: false,
        context: MainContext::Local,
        options: &BuildOptions::default(),
        build_platform: &Platform::new("linux", "amd64", ""),
    };
    discover(&build, &Endless).await
}

#[tokio::test]
async fn what_grows_is_bounded() {
    let doubling: String = (1..64).map(|n| format!("ARG a{n}=${{a{0}:-x}}${{a{0}:-x}}\n", n - 1)).collect();
    let repeated = "ARG a=".to_owned()
        + &"y".repeat(60_000)
        + "\nARG b=$a$a$a$a$a$a$a$a\n"
        + &"ARG c=$b\n".repeat(2000)
        + "FROM scratch\n";
    let replaced =
        "ARG a=".to_owned() + &"y".repeat(30_000) + "\nARG b=${a//?/" + &"z".repeat(30_000) + "}\nFROM x\n";
    let wild = "ARG a=".to_owned()
        + &"y".repeat(30_000)
        + "\nARG b=${a//"
        + &"*?".repeat(10_000)
        + "/z}\nFROM scratch\n";
    let variables: String = (0..3000).map(|n| format!("ENV v{n}=1\n")).collect();
    let triggers = "FROM scratch AS a\n".to_owned()
        + &"ONBUILD COPY a b\n".repeat(9000)
        + &(0..100).map(|n| format!("FROM a AS b{n}\n")).collect::<String>()
        + "FROM scratch\n"
        + &(0..100).map(|n| format!("COPY --from=b{n} / /\n")).collect::<String>();
    let nested = "FROM ".to_owned() + &"${a:-".repeat(5000) + &"}".repeat(5000);
    for (dockerfile, limit) in [
        (doubling + "FROM $a63\n", "longer than"),
        (repeated, "together"),
        (replaced, "longer than"),
        (wild, ""),
        ("FROM scratch\n".to_owned() + &variables, "2000 variables"),
        (nested, "deeper than 64"),
        ("FROM a\n".to_owned(), "16 times"),
        (triggers, "1048576 bytes together"),
    ] {
        let started = Instant::now();
        let result = find(&dockerfile).await;
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
        if !limit.is_empty() {
            let error = result.unwrap_err().message;
            assert!(error.contains(limit), "{limit}: {error}");
        }
    }
}

#[tokio::test]
async fn what_is_long_is_read_soon() {
    let stages = "FROM scratch AS s0\n".to_owned()
        + &(1..1000)
            .map(|n| format!("FROM s{} AS s{n}\nENV v{n}=1\nCOPY --from=s0 / /\n", n - 1))
            .collect::<String>();
    let mounts =
        "FROM scratch\n".to_owned() + &format!("RUN {}x\n", "--mount=target=/m ".repeat(3000)).repeat(15);
    let circles: String = (0..900)
        .map(|n| {
            let needed: String =
                (0..20).map(|m| format!("COPY --from=s{} / /\n", (n + m + 1) % 900)).collect();
            format!("FROM scratch AS s{n}\n{needed}")
        })
        .collect();
    let quotes = "FROM scratch\nENV a=".to_owned() + &"\"'".repeat(30_000);
    let blanks = "FROM scratch\nRUN a \\\n".to_owned() + &"\\\n".repeat(400_000);
    for dockerfile in [stages, mounts, circles, quotes, blanks] {
        let started = Instant::now();
        let _ = find(&dockerfile).await;
        assert!(
            started.elapsed() < SOON,
            "{:?} {}",
            started.elapsed(),
            dockerfile.get(..40).unwrap_or_default()
        );
    }
}
