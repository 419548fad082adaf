//! The library's functions about signatures and its policies (`policies/`), asked about images in `docker-registry`
//! that somebody really signed, or not, or badly.

use std::path::Path;

use policy_signing::{BundleForm, Defect, Identity, Registry, Repository, Signer, digest_of};
use serde_json::{Value, json};

use crate::harness::Finished;
use crate::setup::{Setup, WORKFLOW};
use policy_testbed::DockerRegistry;

const ROOTS: [&str; 4] =
    ["--trust-root", "world=trusted_root.json", "--trust-root", "hub=trusted_root_github.json"];

/// A policy that allows where `function` of a module of the library holds, and says what `denial` says.
fn policy(module: &str, function: &str, denial: &str) -> String {
    format!(
        "package docker\n\nimport data.lib.{module}\n\ndefault allow := false\n\nallow if {function}\n\n\
         deny_msg contains {denial}\n\ndecision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
    )
}

/// Everything that is asked about images, in `docker-registry`.
struct Library {
    setup: Setup,
    /// Held while it is asked.
    _registry: DockerRegistry,
}

impl Library {
    /// The named images; none, aloud, where there is no `docker-registry`.
    fn of(names: &[&str]) -> Option<Self> {
        let registry = DockerRegistry::start()?;
        let setup = Setup::at(&registry.address, names);
        setup.place.bring_library();
        Some(Self { setup, _registry: registry })
    }

    fn eval(&self, name: &str) -> Finished {
        let image = format!("docker-image://{}", self.setup.reference(name));
        let all = ["eval", "--strict", "--platform", "linux/amd64", &image];
        self.setup.place.run(all.into_iter().chain(ROOTS)).finish()
    }

    /// Decides by the policy that is there, and holds the verdict to `reason`: none if it must be allowed.
    #[track_caller]
    fn decides(&self, name: &str, reason: Option<&str>) {
        let Finished { code, stdout, stderr } = self.eval(name);
        assert_eq!((code, stderr.as_str()), (i32::from(reason.is_some()), ""), "{name}: {stdout}");
        let said = reason.is_none_or(|reason| stdout.lines().any(|line| line.contains(reason)));
        assert!(said, "{name} is not denied because {reason:?}: {stdout}");
        let silent = reason.is_some() || !stdout.contains("\n  - ");
        assert!(silent, "{name} is allowed and denied: {stdout}");
    }

    /// Who signs which images, by a function of `lib.images.signatures` that takes an identity.
    fn asks_for(&self, module: &str, [function, denial]: [&str; 2], identity: &Value) {
        let call = |name: &str| format!("{module}.{name}(input.image, {identity})");
        self.setup
            .place
            .write("Dockerfile.rego", policy(&format!("images.{module}"), &call(function), &call(denial)));
    }

    /// One of the policies to use as they are, with its configuration.
    fn uses(&self, name: &str, configuration: &str, content: &Value) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../policies/{name}/{name}.rego"));
        self.setup.place.write("Dockerfile.rego", std::fs::read(path).expect("a policy"));
        self.setup.place.write(configuration, content.to_string());
    }
}

/// The workflow of the world, and what it signs for.
fn workflow() -> Value {
    json!({"trustRoot": "world", "signer": {
        "issuer": "https://token.actions.githubusercontent.com",
        "subjectAlternativeName": WORKFLOW,
        "sourceRepositoryURI": "https://github.com/world/app",
    }})
}

fn person() -> Value {
    json!({"trustRoot": "world", "signer": {
        "issuer": "https://accounts.world.test",
        "subjectAlternativeName": "dev@world.test",
    }})
}

/// The same identity with another value of a field.
fn with(mut identity: Value, pointer: &str, value: &str) -> Value {
    *identity.pointer_mut(pointer).expect("a field") = value.into();
    identity
}

const BY_WORKFLOW: [&str; 5] = [
    "cosign-bundle-attestation",
    "cosign-bundle-image",
    "cosign-bundle-index",
    "rekor-v2-index",
    "simple-tag-image",
];
const KEYLESS: [&str; 2] = ["keyless", "denial_keyless"];

#[test]
fn a_keyless_identity() {
    let others = ["cosign-bundle-person-index", "github-private-index", "key-bundle-index", "unsigned"];
    let names: Vec<&str> = BY_WORKFLOW.into_iter().chain(others).chain(["several"]).collect();
    let Some(library) = Library::of(&names) else { return };
    let nobody = Some("no signature of {");
    library.asks_for("signatures", KEYLESS, &workflow());
    for name in BY_WORKFLOW.into_iter().chain(["several"]) {
        library.decides(name, None);
    }
    for name in others {
        library.decides(name, nobody);
    }
    library.asks_for("signatures", KEYLESS, &person());
    library.decides("cosign-bundle-person-index", None);
    library.decides("several", None);
    library.decides("cosign-bundle-index", nobody);
    library.asks_for("signatures", KEYLESS, &with(workflow(), "/trustRoot", "hub"));
    library.decides("github-private-index", None);
    library.decides("cosign-bundle-index", nobody);
    for (field, value) in [
        ("/trustRoot", "sigstore"),
        ("/signer/issuer", "https://token.actions.example"),
        ("/signer/sourceRepositoryURI", "https://github.com/world/other"),
        (
            "/signer/subjectAlternativeName",
            "https://github.com/evil/builder/.github/workflows/build.yml@refs/heads/main",
        ),
    ] {
        library.asks_for("signatures", KEYLESS, &with(workflow(), field, value));
        library.decides("cosign-bundle-index", nobody);
    }
}

/// What is wrong with a signature in each of its parts. `defects` has all there is.
const BAD: [&str; 8] = [
    "bad-other-artifact",
    "bad-bad-signature",
    "bad-untrusted-authority",
    "bad-expired",
    "bad-no-sct",
    "bad-unknown-log",
    "bad-simple-other-artifact",
    "bad-simple-bad-signature",
];

/// Whatever is wrong with a signature: it counts nowhere.
#[test]
fn defects() {
    let Some(library) = Library::of(&BAD) else { return };
    let identity = workflow();
    library.setup.place.write(
        "Dockerfile.rego",
        format!(
            "package docker\n\nimport data.lib.images.provenance\nimport data.lib.images.signatures\n\n\
             default allow := false\n\nallow if signatures.keyless(input.image, {identity})\n\n\
             allow if provenance.signed(input.image)\n\nallow if provenance.signed_by(input.image, {identity})\n\n\
             deny_msg contains message if some message in signatures.failures(input.image)\n\n\
             decision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
        ),
    );
    let images = BAD.iter().map(|name| format!("COPY --from={} / /\n", library.setup.reference(name)));
    library.setup.place.write("Dockerfile", format!("FROM scratch\n{}", images.collect::<String>()));
    let run = library.setup.place.run(["dry-run", "--platform", "linux/amd64", "."].into_iter().chain(ROOTS));
    let Finished { code, stdout, stderr } = run.finish();
    assert_eq!(code, 1, "{stdout}{stderr}");
    for name in BAD {
        let reference = library.setup.reference(name);
        let denied = stdout.contains(&format!("denied docker-image://{reference}"));
        let told = stdout.contains(&format!("  - {reference}: a signature doesn't verify: "));
        assert!(denied && told, "{name}: {stdout}");
        assert!(!stdout.contains(&format!("allowed docker-image://{reference}")), "{name}: {stdout}");
    }
}

/// Anybody can run an authority that certifies the same names: only Sigstore's own counts for Docker's builder, for
/// workflows of GitHub and for hardened images. Real ones of these are asked for in `github_builder`.
#[test]
fn a_private_authority_vouches_for_nobody_of_renown() {
    let Some(library) = Library::of(&["cosign-bundle-attestation", "unsigned"]) else { return };
    for (function, denial, reason) in [
        ("github_builder", "denial_github_builder", "no signature of Docker's GitHub builder for world/app"),
        (
            "github_workflow",
            "denial_github_workflow",
            "no signature of a workflow of https://github.com/world/app",
        ),
    ] {
        library.asks_for("signatures", [function, denial], &json!("world/app"));
        library.decides("cosign-bundle-attestation", Some(reason));
        library.decides("unsigned", Some(reason));
    }
    let hardened = policy(
        "images.signatures",
        "signatures.hardened(input.image)",
        "signatures.denial_hardened(input.image)",
    );
    library.setup.place.write("Dockerfile.rego", hardened);
    library.decides("cosign-bundle-attestation", Some("no signature of a Docker Hardened Image"));
}

#[test]
fn a_key() {
    let signed = ["key-bundle-attestation", "key-bundle-image", "key-tag-index", "key-tag-unlogged-index"];
    let others = ["other-key", "cosign-bundle-index", "unsigned"];
    let names: Vec<&str> = signed.into_iter().chain(others).chain(["several"]).collect();
    let Some(library) = Library::of(&names) else { return };
    library.asks_for("keys", ["signed", "denial"], &json!("cosign.pub"));
    for name in signed.into_iter().chain(["several"]) {
        library.decides(name, None);
    }
    for name in others {
        library.decides(name, Some("no signature of the key cosign.pub"));
    }
    library.asks_for("keys", ["signed", "denial"], &json!("other.pub"));
    library.decides("other-key", None);
    library.decides("key-tag-index", Some("no signature of the key other.pub"));
}

#[test]
fn provenance_that_is_signed() {
    let names =
        ["cosign-bundle-attestation", "cosign-bundle-person-attestation", "cosign-bundle-image", "unsigned"];
    let Some(library) = Library::of(&names) else { return };
    let signed = policy(
        "images.provenance",
        "provenance.signed(input.image)",
        "provenance.denial_signed(input.image)",
    );
    library.setup.place.write("Dockerfile.rego", signed);
    library.decides("cosign-bundle-attestation", None);
    library.decides("cosign-bundle-person-attestation", None);
    for name in ["cosign-bundle-image", "unsigned"] {
        library.decides(name, Some("no signature that verifies covers its provenance"));
    }
    library.asks_for("provenance", ["signed_by", "denial_signed_by"], &workflow());
    library.decides("cosign-bundle-attestation", None);
    for name in ["cosign-bundle-person-attestation", "cosign-bundle-image", "unsigned"] {
        library.decides(name, Some("its provenance is not signed by {"));
    }
}

#[test]
fn policies_to_use_as_they_are() {
    let names =
        ["cosign-bundle-attestation", "cosign-bundle-person-attestation", "key-tag-index", "unsigned"];
    let Some(library) = Library::of(&names) else { return };
    let below = format!("{}/signed/", library.setup.registry());
    library.uses("signed-images", "signers.json", &json!({&below: workflow()}));
    library.decides("cosign-bundle-attestation", None);
    for name in ["cosign-bundle-person-attestation", "key-tag-index", "unsigned"] {
        library.decides(name, Some("no signature of {"));
    }
    library.uses("signed-images", "signers.json", &json!({"docker.io/": workflow()}));
    library.decides("cosign-bundle-attestation", Some("signers.json doesn't say who signs"));
    library.uses("signed-by-key", "keys.json", &json!({&below: "cosign.pub"}));
    library.decides("key-tag-index", None);
    library.decides("unsigned", Some("no signature of the key cosign.pub"));
    let demands = json!({"sources": ["https://github.com/world/app"], "signedBy": workflow()});
    library.uses("built-from", "built-from.json", &json!({&below: demands}));
    library.decides("cosign-bundle-attestation", None);
    library.decides("cosign-bundle-person-attestation", Some("its provenance is not signed by {"));
    library.decides("unsigned", Some("its provenance is not signed by {"));
}

/// A file behind a URL, and a bundle that attests it: the file is a blob of the registry.
#[test]
fn a_file_with_a_bundle() {
    let setup = Setup::of(&[]);
    setup.place.bring_library();
    let Setup { mut world, place, .. } = setup;
    let registry = Registry::start(true).expect("a registry");
    let repository = Repository::new(registry.address(), "files");
    for content in ["a file", "another file"] {
        repository.push_blob(content.as_bytes()).expect("it is pushed");
    }
    let url = |content: &str| {
        format!("http://{}/v2/files/blobs/{}", registry.address(), digest_of(content.as_bytes()))
    };
    let mut write = |name: &str, repository: &str, defect: Option<Defect>| {
        let signer = Signer::Keyless(Identity::workflow("world/builder", repository));
        let bundle = world.instance.bundle(b"a file", &BundleForm::github(), &signer, defect);
        place.write(name, bundle.to_string());
    };
    write("good.json", "world/app", None);
    write("other.json", "world/other", None);
    write("bad.json", "world/app", Some(Defect::BadSignature));
    for (content, bundle, allowed) in [
        ("a file", "good.json", true),
        ("another file", "good.json", false),
        ("a file", "other.json", false),
        ("a file", "bad.json", false),
    ] {
        let call = |function: &str| format!("signatures.{function}(input.http, \"{bundle}\", \"world/app\")");
        place.write("Dockerfile.rego", policy("urls.signatures", &call("bundle"), &call("denial_bundle")));
        let url = url(content);
        let run = place.run(["eval", "--strict", &url].into_iter().chain(ROOTS)).finish();
        assert_eq!(run.code, i32::from(!allowed), "{bundle}: {}{}", run.stdout, run.stderr);
        let said =
            run.stdout.contains(&format!("{bundle} doesn't attest it for https://github.com/world/app"));
        assert_eq!(said, !allowed, "{bundle}: {}", run.stdout);
    }
}
