#![allow(clippy::unwrap_used, reason = "test code")]

mod signatures;

use std::time::Duration;

use policy_engine::metadata::{
    AttestationChain, Blob, ChecksumAlgorithm, ChecksumRequest, ChecksumResponse, Descriptor, GitMetadata,
    GitWanted, HttpMetadata, HttpWanted, ImageMetadata, ImageWanted, Metadata, Request, Wanted as Asked,
};
use policy_engine::source::{Platform, SourceOp};
use serde_json::{Value, json};

use super::*;
use crate::resolve::image::document::sha256;

const SLSA: &str = "https://slsa.dev/provenance/v1";
const SPDX: &str = "https://spdx.dev/Document";
const COMMIT: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@x> 1 +0000\n\
                      committer A <a@x> 1 +0000\n\nmessage\n";
const COMMIT_ID: &str = "192b9de335bcc4ecb6b40ce6e944f0710641c586";

fn image_request(config: bool, chain: bool, attestations: &[&str]) -> Request {
    let attestations = attestations.iter().map(|kind| (*kind).to_owned()).collect();
    Request {
        source: SourceOp::new("docker-image://docker.io/library/a:1"),
        platform: Some(Platform::new("linux", "amd64", "")),
        wanted: Asked {
            image: Some(ImageWanted {
                config,
                attestation_chain: chain,
                attestations,
                ..ImageWanted::default()
            }),
            ..Asked::default()
        },
    }
}

fn http_request(source: &str, checksums: &[ChecksumRequest]) -> Request {
    let http = HttpWanted { checksums: checksums.to_vec(), ..HttpWanted::default() };
    let wanted = Asked { http: Some(http), ..Asked::default() };
    Request { source: SourceOp::new(source), platform: None, wanted }
}

fn git_request(objects: bool) -> Request {
    let wanted = Asked { git: Some(GitWanted { objects }), ..Asked::default() };
    Request { source: SourceOp::new("git://h/r.git#main"), platform: None, wanted }
}

fn blob(text: &str, annotations: &[(&str, &str)]) -> Blob {
    let annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Blob {
        descriptor: Descriptor {
            media_type: "application/json".into(),
            digest: sha256(text.as_bytes()),
            size: text.len() as u64,
            annotations: annotations.collect(),
        },
        data: Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// An image with a config, a provenance and an SBOM.
fn image() -> Metadata {
    let provenance = blob("{\"provenance\":1}", &[("in-toto.io/predicate-type", SLSA)]);
    let sbom = blob("{\"sbom\":1}", &[("in-toto.io/predicate-type", SPDX)]);
    let layers = [&provenance, &sbom].map(|Blob { descriptor, .. }| {
        let Descriptor { media_type, digest, annotations, .. } = descriptor;
        json!({"mediaType": media_type, "digest": digest, "annotations": annotations})
    });
    let attestation = blob(&json!({"layers": layers}).to_string(), &[]);
    let image_manifest = sha256(b"manifest");
    let annotations = json!({
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": image_manifest,
    });
    let manifests = [
        json!({"digest": image_manifest}),
        json!({"digest": attestation.descriptor.digest, "annotations": annotations}),
    ];
    let root = blob(&json!({"manifests": manifests}).to_string(), &[]);
    let digest = root.descriptor.digest.clone();
    let chain = AttestationChain {
        root: digest.clone(),
        image_manifest,
        attestation_manifest: attestation.descriptor.digest.clone(),
        signature_manifests: Vec::new(),
        blobs: [root, attestation, provenance, sbom].map(|b| (b.descriptor.digest.clone(), b)).into(),
    };
    let config = Some(Bytes::from_static(b"{\"config\":{}}"));
    let image = ImageMetadata { digest, config, attestation_chain: Some(chain), ..ImageMetadata::default() };
    Metadata { image: Some(image), ..Metadata::default() }
}

fn http(checksum_responses: Vec<ChecksumResponse>) -> Metadata {
    let http = HttpMetadata { checksum: sha256(b"body"), checksum_responses, ..HttpMetadata::default() };
    Metadata { http: Some(http), ..Metadata::default() }
}

fn git() -> Metadata {
    let git = GitMetadata {
        r#ref: "refs/heads/main".into(),
        checksum: COMMIT_ID.into(),
        commit_object: Some(Bytes::from_static(COMMIT.as_bytes())),
        ..GitMetadata::default()
    };
    Metadata { git: Some(git), ..Metadata::default() }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(1_800_000_000_000_000_001)
}

fn suffixes() -> [ChecksumRequest; 2] {
    [
        ChecksumRequest { algorithm: ChecksumAlgorithm::Sha256, suffix: Bytes::from_static(b"t") },
        ChecksumRequest { algorithm: ChecksumAlgorithm::Sha512, suffix: Bytes::from_static(b"\0s") },
    ]
}

/// A bit of everything.
fn recording() -> Recording {
    let recording = Recording::new(now());
    recording.lookup(&image_request(true, true, &[SPDX, SLSA]), Vec::new(), Ok(&image()));
    let [one, two] = suffixes();
    let responses = vec![
        ChecksumResponse { digest: format!("sha256:{}", "1".repeat(64)), suffix: one.suffix.clone() },
        ChecksumResponse { digest: format!("sha512:{}", "0".repeat(128)), suffix: two.suffix.clone() },
    ];
    let redirects = vec!["https://other/x?***".to_owned()];
    let request = http_request("https://user:s3cret@h/a?x=1", &[one, two]);
    recording.lookup(&request, redirects, Ok(&http(responses)));
    let request = http_request("https://h/gone", &[]);
    recording.lookup(&request, Vec::new(), Err("https://u:s3cret@h/gone: the server answered 404".into()));
    recording.lookup(&git_request(true), Vec::new(), Ok(&git()));
    recording.media_type("docker.io/library/a:1", Ok("application/vnd.oci.image.index.v1+json"));
    recording.media_type("docker.io/library/b:1", Err("not found".into()));
    let mut context = SourceOp::new("git://u:s3cret@h/r.git");
    context.attrs.insert("git.fullurl".into(), "https://u:s3cret@h/r.git".into());
    recording.context(&context, Ok(()));
    for (path, node) in [
        ("Dockerfile", Node::File(Bytes::from_static(b"FROM a"))),
        ("link", Node::Link(Bytes::from_static(b"Dockerfile"))),
        ("sub", Node::Folder),
        ("big", Node::TooLarge(5)),
        ("module", Node::Other("a submodule".into())),
        (".dockerignore", Node::Missing),
    ] {
        recording.context_file(&context, path, &node);
    }
    recording.context(&SourceOp::new("git://h/gone.git"), Err("gone: https://u:s3cret@h".into()));
    recording.download("https://u:s3cret@h/context.tar", Ok(&Bytes::from_static(b"tar")));
    recording.download("https://h/gone.tar", Err("gone".into()));
    recording
}

fn text() -> String {
    write::text(&recording().finish().unwrap()).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let snapshot = recording().finish().unwrap();
    let text = write::text(&snapshot).unwrap();
    assert_eq!(read::parse(text.as_bytes()).unwrap(), snapshot);
    assert_eq!(write::text(&read::parse(text.as_bytes()).unwrap()).unwrap(), text);
    assert!(text.contains(r#""captured": "2027-01-15T08:00:00.000000001Z""#), "{text}");
}

#[test]
fn no_credentials_are_written() {
    let text = text();
    assert!(!text.contains("s3cret"), "{text}");
    assert!(text.contains("https://***@h/a?x=1"), "{text}");
    // The credentials of whoever decides again don't matter.
    let snapshot = read::parse(text.as_bytes()).unwrap();
    assert!(snapshot.find(&http_request("https://me:other@h/a?x=1", &[])).is_some());
    assert!(snapshot.find(&http_request("https://h/a?x=1", &[])).is_none());
}

#[test]
fn the_order_of_lookups_leaves_no_trace() {
    let requests = ["https://h/b", "https://h/a"].map(|source| http_request(source, &[]));
    let texts = [[0, 1], [1, 0]].map(|order| {
        let recording = Recording::new(now());
        for i in order {
            recording.lookup(&requests[i], Vec::new(), Ok(&http(Vec::new())));
        }
        write::text(&recording.finish().unwrap()).unwrap()
    });
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn less_than_was_recorded_is_answered() {
    let snapshot = recording().finish().unwrap();
    let found = |request: &Request| snapshot.find(request).map(|found| found.result.unwrap().image.unwrap());
    let all = image().image.unwrap();
    assert_eq!(found(&image_request(true, true, &[SLSA, SPDX])).unwrap(), all);
    assert_eq!(
        found(&image_request(false, false, &[])).unwrap(),
        ImageMetadata { digest: all.digest.clone(), ..ImageMetadata::default() }
    );
    // Attestations that nobody asked for aren't there, as they wouldn't be if the registry had been asked.
    let chain = found(&image_request(false, true, &[])).unwrap().attestation_chain.unwrap();
    assert_eq!(chain.blobs.len(), 2);
    let chain = found(&image_request(false, false, &[SLSA])).unwrap().attestation_chain.unwrap();
    assert_eq!(chain.blobs.len(), 3);
    assert!(found(&image_request(true, true, &["another"])).is_none());
    let mut other = image_request(true, true, &[]);
    other.platform = Some(Platform::new("linux", "arm64", ""));
    assert!(found(&other).is_none());

    let git = snapshot.find(&git_request(false)).unwrap().result.unwrap().git.unwrap();
    assert_eq!(git.commit_object, None);
    let find = |wanted: &[ChecksumRequest]| snapshot.find(&http_request("https://u:p@h/a?x=1", wanted));
    let http = find(&[]).unwrap();
    assert_eq!(http.redirects, ["https://other/x?***"]);
    assert_eq!(http.result.unwrap().http.unwrap().checksum_responses, []);
    for suffix in suffixes() {
        let http = find(std::slice::from_ref(&suffix)).unwrap().result.unwrap().http.unwrap();
        assert_eq!(http.checksum_responses.len(), 1);
        assert!(http.digest_over(&suffix).unwrap().starts_with(suffix.algorithm.name()));
    }
    let another = ChecksumRequest { algorithm: ChecksumAlgorithm::Sha256, suffix: Bytes::new() };
    assert!(find(&[another]).is_none());
}

#[test]
fn failures_are_answered() {
    let snapshot = recording().finish().unwrap();
    let found = |request: &Request| snapshot.find(request).map(|found| found.result.unwrap_err().to_owned());
    let message = "https://***@h/gone: the server answered 404";
    assert_eq!(found(&http_request("https://h/gone", &[])).unwrap(), message);
    let suffix = ChecksumRequest { algorithm: ChecksumAlgorithm::Sha256, suffix: Bytes::new() };
    assert_eq!(found(&http_request("https://h/gone", &[suffix])).unwrap(), message);

    // More failed: less may be there.
    let recording = Recording::new(now());
    recording.lookup(&image_request(true, false, &[]), Vec::new(), Err("no config".into()));
    let snapshot = recording.finish().unwrap();
    assert!(snapshot.find(&image_request(false, false, &[])).is_none());
    assert!(snapshot.find(&image_request(true, true, &[])).is_some());
}

#[test]
fn what_changes_meanwhile_is_no_snapshot() {
    let recording = recording();
    recording.media_type("docker.io/library/a:1", Ok("application/vnd.oci.image.index.v1+json"));
    assert!(recording.finish().is_ok());
    recording.media_type("docker.io/library/a:1", Ok("another"));
    let error = recording.finish().unwrap_err();
    assert_eq!(error.to_string(), "`docker.io/library/a:1` changed while it was recorded");
}

/// What is said to a snapshot that was changed by `change`.
fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut document: Value = serde_json::from_str(&text()).unwrap();
    change(&mut document);
    read::parse(document.to_string().as_bytes()).unwrap_err().to_string()
}

/// The answer about a source.
fn answer<'a>(document: &'a mut Value, source: &str) -> &'a mut Value {
    let lookups = document["lookups"].as_array_mut().unwrap();
    lookups
        .iter_mut()
        .find(|lookup| lookup["source"]["identifier"].as_str().unwrap().starts_with(source))
        .unwrap()
}

#[test]
fn altered_files_are_refused() {
    let altered = "the snapshot was altered or is damaged: ";
    let config = sha256(b"{\"config\":{}}");
    let message = refused(|file| file["blobs"][&config] = "e30=".into());
    assert_eq!(message, format!("{altered}blob {config} does not have this digest"));
    let message = refused(|file| drop(file["blobs"].as_object_mut().unwrap().remove(&config)));
    assert_eq!(message, format!("{altered}blob {config} is missing"));

    for (source, pointer, value, detail) in [
        ("docker-image", "/found/image/digest", json!(config), "its attestations belong to another digest"),
        (
            "docker-image",
            "/found/image/attestationChain/attestationManifest",
            json!(config),
            "its index names another attestation manifest",
        ),
        (
            "docker-image",
            "/found/image/attestationChain/blobs/0/size",
            json!(1),
            "a blob has not the size of its descriptor",
        ),
        ("docker-image", "/wanted/image/config", json!(false), "what was found is not what was asked for"),
        ("git", "/found/git/checksum", json!("0".repeat(40)), "a git object does not have its id"),
        ("https://***@h", "/found/http/checksum", json!("sha256:0"), "its checksum is no digest"),
        (
            "https://***@h",
            "/source/identifier",
            json!("local://context"),
            "what was found is not about a source of its kind",
        ),
        (
            "docker-image",
            "/source/identifier",
            json!(format!("docker-image://docker.io/library/a:1@{config}")),
            "the source names another digest than was found",
        ),
    ] {
        let message = refused(|file| *answer(file, source).pointer_mut(pointer).unwrap() = value);
        assert!(message.starts_with(altered) && message.ends_with(detail), "{pointer}: {message}");
    }
    let message = refused(|file| {
        let chain = answer(file, "docker-image").pointer_mut("/found/image/attestationChain/blobs").unwrap();
        let kinds = chain.as_array_mut().unwrap().iter_mut().filter_map(|blob| blob.get_mut("annotations"));
        kinds.for_each(|annotations| annotations["in-toto.io/predicate-type"] = SLSA.into());
    });
    assert!(message.ends_with("a blob is described otherwise than by its manifest"), "{message}");
    // What is taken away would read as an image without attestations.
    let message = refused(|file| {
        let chain = answer(file, "docker-image").pointer_mut("/found/image/attestationChain").unwrap();
        chain.as_object_mut().unwrap().remove("attestationManifest");
    });
    assert!(message.ends_with("its index names another attestation manifest"), "{message}");
    let message = refused(|file| {
        let chain = answer(file, "docker-image").pointer_mut("/found/image/attestationChain/blobs").unwrap();
        chain.as_array_mut().unwrap().retain(|blob| blob["annotations"]["in-toto.io/predicate-type"] != SLSA);
    });
    assert!(message.ends_with("an attestation or a signature is missing"), "{message}");
    let message = refused(|file| {
        let chain = answer(file, "docker-image").pointer_mut("/found/image/attestationChain/blobs").unwrap();
        let stranger = json!({"mediaType": "x", "digest": config, "size": 13});
        chain.as_array_mut().unwrap().push(stranger);
    });
    assert!(message.ends_with("a blob belongs to none of its manifests"), "{message}");
}

#[test]
fn what_is_no_snapshot_is_refused() {
    let text = |text: &str| read::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(text("").starts_with("this is no snapshot: "));
    assert!(text("{}").starts_with("this is no snapshot: missing field `version`"));
    assert_eq!(text(r#"{"version": 2}"#), "the snapshot has version 2, and this program reads version 1");
    assert!(refused(|file| file["more"] = 1.into()).contains("unknown field `more`"));
    assert!(refused(|file| answer(file, "git")["failed"] = "x".into()).contains("either found or failed"));
    assert!(refused(|file| file["blobs"]["sha256:0"] = "e30=".into()).contains("`sha256:0` is no digest"));
    assert_eq!(refused(|file| file["captured"] = "now".into()), "this is no snapshot: `captured` is no time");
    let twice = refused(|file| {
        let again = answer(file, "git").clone();
        file["lookups"].as_array_mut().unwrap().push(again);
    });
    assert_eq!(twice, "this is no snapshot: `git://h/r.git#main` is answered twice");
    assert!(text(&"[".repeat(100_000)).starts_with("this is no snapshot: "));
}

#[test]
fn the_schema_knows_every_field() {
    let schema = schema();
    assert_eq!(schema["$id"], "urn:policy-check:schema:snapshot:1");
    let document: Value = serde_json::from_str(&text()).unwrap();
    for field in document.as_object().unwrap().keys() {
        assert!(schema["properties"].get(field).is_some(), "{field}");
    }
}

#[test]
fn damaged_files_never_panic() {
    let text = text();
    for at in (0..text.len()).step_by(5) {
        for with in *b"\"0,}[\\" {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = with;
            drop(read::parse(&bytes));
        }
        drop(read::parse(&text.as_bytes()[..at]));
    }
}

#[test]
fn trust_roots_are_kept() {
    let root = |name: &str, kind, json: Result<&str, &str>| RecordedRoot {
        name: name.to_owned(),
        kind,
        json: json.map(|json| Bytes::copy_from_slice(json.as_bytes())).map_err(str::to_owned),
    };
    let recording = Recording::new(SystemTime::UNIX_EPOCH);
    recording.trust(vec![
        root("sigstore", RootKind::Sigstore, Ok("{}")),
        root("github", RootKind::Github, Err("it is stale")),
        root("acme", RootKind::Private, Ok("{}")),
    ]);
    let snapshot = recording.finish().unwrap();
    let text = write::text(&snapshot).unwrap();
    assert_eq!(read::parse(text.as_bytes()).unwrap(), snapshot);
    for (from, to) in
        [("acme", "github"), ("\"failed\": \"it is stale\"", "\"x\": 1"), ("\"private\"", "\"x\"")]
    {
        assert!(read::parse(text.replace(from, to).as_bytes()).is_err(), "{from}");
    }
}
