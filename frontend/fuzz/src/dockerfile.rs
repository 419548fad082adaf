//! Dockerfiles, and the images that they begin with.

use std::sync::Arc;

use policy_check::build_options::BuildOptions;
use policy_check::dockerfile::parse::Dockerfile;
use policy_check::dockerfile::{
    Build, BuildResult, DockerfileOrigin, Images, MainContext, Place, ResolvedImage, discover,
};
use policy_engine::source::{Platform, SourceOp};

use crate::choice;

/// What is before the config of all images in the input.
const CONFIG: &[u8] = b"\0";

/// Images that all have the same config.
struct Same<'a>(&'a [u8]);

impl Images for Same<'_> {
    async fn resolve(&self, source: &SourceOp, _: &Platform, places: &[Place]) -> Option<ResolvedImage> {
        assert!(places.iter().all(|place| place.line <= place.end_line));
        let digest = format!("sha256:{}", "0".repeat(64));
        let config = self.0.to_vec().into();
        (!self.0.is_empty()).then(|| ResolvedImage { source: source.clone(), digest, config })
    }

    async fn target(&self, _: &str) -> Option<Arc<BuildResult>> {
        None
    }
}

/// A Dockerfile, and behind a NUL the config of its images: an error that says where, or sources with places in the
/// file, each once. What is read is read the same way again.
pub fn dockerfile(data: &[u8]) {
    let (choice, data) = choice(data);
    let at = data.windows(CONFIG.len()).position(|window| window == CONFIG).unwrap_or(data.len());
    let (text, config) = data.split_at(at);
    let text = String::from_utf8_lossy(text);
    let lines = u32::try_from(text.split('\n').count()).expect("a short text");

    if let Ok(parsed) = Dockerfile::parse(&text) {
        let mut last = 0;
        for instruction in &parsed.instructions {
            assert!(last < instruction.lines.first, "instructions don't overlap");
            assert!(instruction.lines.first <= instruction.lines.last && instruction.lines.last <= lines);
            last = instruction.lines.last;
        }
        assert_eq!(Dockerfile::parse(&text).as_ref(), Ok(&parsed));
    }

    let options = options(choice);
    let build = Build {
        dockerfile: &text,
        name: "Dockerfile",
        origin: DockerfileOrigin::Client,
        own_dockerignore: choice & 1 == 0,
        context: if choice & 2 == 0 { MainContext::Local } else { MainContext::Remote },
        options: &options,
        build_platform: &Platform::new("linux", "amd64", ""),
    };
    let images = Same(config.strip_prefix(CONFIG).unwrap_or_default());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    match runtime.block_on(discover(&build, &images)) {
        Err(error) => assert!(error.line <= error.end_line && error.end_line <= lines, "{error}"),
        Ok(found) => {
            let mut seen = std::collections::BTreeSet::new();
            for used in &found.sources {
                assert!(seen.insert((&used.source, &used.platform)), "each source once");
                assert!(used.loaded().is_none_or(|loaded| loaded != used.source));
                assert!(used.places.is_sorted() && used.places.iter().all(|place| place.end_line <= lines));
            }
        }
    }
}

/// Options that `choice` decides.
fn options(choice: u8) -> BuildOptions {
    let mut options =
        BuildOptions { context: "https://example.com/r.git#main".to_owned(), ..BuildOptions::default() };
    if choice & 4 != 0 {
        options.platforms =
            ["arm64", "amd64"].map(|architecture| Platform::new("linux", architecture, "")).into();
    }
    if choice & 8 != 0 {
        options.attests.insert("sbom".to_owned(), Some(String::new()));
    }
    if choice & 16 != 0 {
        let contexts = [
            ("a", "docker-image://b"),
            ("b", "https://example.com/f"),
            ("c", "folder"),
            ("d", "oci-layout://layout:1"),
            ("e", "target:other"),
        ];
        options.build_contexts = contexts.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    }
    if choice & 32 != 0 {
        options.build_args.insert("A".to_owned(), Some("${A}".to_owned()));
    }
    options
}
