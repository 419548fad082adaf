//! Inputs built from recorded metadata (`fixtures/input`, `fixtures/git`, `fixtures/provenance`).

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

use std::collections::BTreeMap;

use bytes::Bytes;
use data_encoding::BASE64;
use policy_engine::check::Facts;
use policy_engine::input::{self, Built, Env, Group, InputError, PathSegment, build, to_print_json, wanted};
use policy_engine::metadata::{
    AttestationChain, Blob, Descriptor, GitMetadata, HttpMetadata, ImageMetadata, ImageSignatures, Metadata,
};
use policy_engine::provenance::{SLSA_V1, SLSA_V02};
use policy_engine::source::{Platform, SourceOp, parse_cli};
use serde_json::{Value, json};

const BASE: &str = "docker-image://localhost:5000/library/base:1.0";
const DIGEST: &str = "sha256:ec9a4bc148364510d17bb5b03ac632ab9a23b7a1318c050d28bb059304d6a7ab";

fn amd64() -> Platform {
    Platform::parse("linux/amd64").unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn bytes(value: &Value) -> Option<Bytes> {
    value.as_str().map(|text| BASE64.decode(text.as_bytes()).unwrap().into())
}

/// Metadata in the JSON form of BuildKit's `ResolveSourceMetaResponse`.
fn metadata(response: &Value) -> Metadata {
    let image = response.get("Image").map(|image| ImageMetadata {
        digest: text(&image["Digest"]),
        config: bytes(&image["Config"]),
        attestation_chain: image.get("AttestationChain").map(chain),
        ..ImageMetadata::default()
    });
    let git = response.get("Git").map(|git| GitMetadata {
        r#ref: text(&git["Ref"]),
        checksum: text(&git["Checksum"]),
        commit_checksum: text(&git["CommitChecksum"]),
        commit_object: bytes(&git["CommitObject"]),
        tag_object: bytes(&git["TagObject"]),
    });
    let http = response.get("HTTP").map(|http| HttpMetadata {
        checksum: text(&http["Checksum"]),
        checksum_responses: Vec::new(),
        ..HttpMetadata::default()
    });
    Metadata { image, git, http }
}

fn chain(chain: &Value) -> AttestationChain {
    let blobs = chain["Blobs"].as_object().unwrap().iter().map(|(digest, blob)| {
        let descriptor = &blob["descriptor"];
        let annotations = descriptor["annotations"].as_object().into_iter().flatten();
        let descriptor = Descriptor {
            media_type: text(&descriptor["mediaType"]),
            digest: digest.clone(),
            size: text(&descriptor["size"]).parse().unwrap(),
            annotations: annotations.map(|(k, v)| (k.clone(), text(v))).collect(),
        };
        (digest.clone(), Blob { descriptor, data: bytes(&blob["data"]).unwrap() })
    });
    AttestationChain {
        root: text(&chain["Root"]),
        image_manifest: text(&chain["ImageManifest"]),
        attestation_manifest: text(&chain["AttestationManifest"]),
        signature_manifests: Vec::new(),
        blobs: blobs.collect(),
    }
}

fn base_metadata() -> Metadata {
    metadata(&serde_json::from_str(include_str!("../../fixtures/input/base.json")).unwrap())
}

/// An image whose chain holds one provenance.
fn with_provenance(predicate_type: &str, statement: &Value) -> Metadata {
    let annotation = ("in-toto.io/predicate-type".to_owned(), predicate_type.to_owned());
    let descriptor = Descriptor { annotations: BTreeMap::from([annotation]), ..Descriptor::default() };
    let layer = json!({"digest": "sha256:prov", "annotations": descriptor.annotations});
    let manifest = Blob { data: json!({"layers": [layer]}).to_string().into(), ..Blob::default() };
    let blob = Blob { descriptor, data: statement.to_string().into() };
    let chain = AttestationChain {
        attestation_manifest: "sha256:att".into(),
        blobs: BTreeMap::from([("sha256:prov".to_owned(), blob), ("sha256:att".to_owned(), manifest)]),
        ..AttestationChain::default()
    };
    image(ImageMetadata { attestation_chain: Some(chain), ..ImageMetadata::default() })
}

fn image(metadata: ImageMetadata) -> Metadata {
    Metadata { image: Some(metadata), ..Metadata::default() }
}

fn git(metadata: GitMetadata) -> Metadata {
    Metadata { git: Some(metadata), ..Metadata::default() }
}

fn build_with(source: &SourceOp, known: Metadata) -> Result<Built, InputError> {
    let mut facts = Facts::default();
    facts.insert(source.clone(), Some(amd64()), known);
    build(source, Some(&amd64()), &facts, &Env::default(), &policy_engine::verify::Trust::default())
}

fn unresolved(built: &Built) -> Vec<String> {
    let mut fields: Vec<_> =
        built.nodes.iter().flat_map(|node| &node.unresolved).map(ToString::to_string).collect();
    fields.sort();
    fields
}

#[test]
fn printed_inputs_are_those_of_buildx() {
    let mut compared = 0;
    for line in include_str!("../../fixtures/input/print.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let built = parse_cli(case["arg"].as_str().unwrap())
            .map_err(InputError::from)
            .and_then(|cli| build_with(&cli.source, metadata(&case["metadata"])));
        if case["rc"] != 0 {
            assert!(built.is_err(), "{case}");
            continue;
        }
        assert_eq!(
            to_print_json(&built.unwrap().input) + "\n",
            case["out"].as_str().unwrap(),
            "{}",
            case["name"]
        );
        compared += 1;
    }
    assert_eq!(compared, 10);
}

#[test]
fn an_image_nobody_looked_at_leaves_its_content_open() {
    let source = SourceOp::new(BASE);
    let built = build(
        &source,
        Some(&amd64()),
        &Facts::default(),
        &Env::default(),
        &policy_engine::verify::Trust::default(),
    )
    .unwrap();
    let fields = [
        "image.checksum",
        "image.createdTime",
        "image.env",
        "image.hasProvenance",
        "image.labels",
        "image.provenance",
        "image.signatures",
        "image.user",
        "image.verification",
        "image.volumes",
        "image.workingDir",
    ];
    assert_eq!(unresolved(&built), fields);
    let pinned = source.with_digest(DIGEST).unwrap();
    let built = build(
        &pinned,
        Some(&amd64()),
        &Facts::default(),
        &Env::default(),
        &policy_engine::verify::Trust::default(),
    )
    .unwrap();
    assert_eq!(unresolved(&built), fields[1..]);
    assert!(matches!(
        build(&source, None, &Facts::default(), &Env::default(), &policy_engine::verify::Trust::default()),
        Err(InputError::NoPlatform { .. })
    ));
}

#[test]
fn a_resolved_image_shows_its_content() {
    let built = build_with(&SourceOp::new(BASE), base_metadata()).unwrap();
    let image = serde_json::to_value(&built.input).unwrap()["image"].clone();
    assert_eq!(image["checksum"], DIGEST);
    assert_eq!(image["createdTime"], "2026-11-21T01:27:03Z");
    assert_eq!(image["volumes"], json!(["/cache", "/data"]));
    assert_eq!(image["labels"], json!({"org.opencontainers.image.title": "base", "team": "infra"}));
    assert_eq!((&image["user"], &image["workingDir"]), (&json!("1000:1000"), &json!("/work")));
    assert_eq!(image["hasProvenance"], true);
    assert_eq!(image["provenance"]["buildArgs"], json!({"MYARG": "x"}));
    assert_eq!(image["provenance"]["rawArgs"], json!({"build-arg:MYARG": "x"}));
    assert_eq!(image["provenance"]["completeness"], json!({"parameters": true, "materials": false}));
    assert_eq!(unresolved(&built), SIGNATURES);
    let mut known = base_metadata();
    known.image.as_mut().unwrap().signatures = Some(ImageSignatures::default());
    let built = build_with(&SourceOp::new(BASE), known).unwrap();
    assert_eq!(built.nodes[0].unresolved, []);
    let content = built.input.image.unwrap().content;
    assert!(content.signatures.is_empty() && content.verification.is_empty());
}

/// What the signatures of an image with a known provenance tell.
const SIGNATURES: [&str; 3] = ["image.provenance.signatures", "image.signatures", "image.verification"];

#[test]
fn signatures_stay_open_until_they_are_looked_up() {
    let mut known = base_metadata();
    let chain = known.image.as_mut().unwrap().attestation_chain.as_mut().unwrap();
    chain.signature_manifests.push("sha256:sig".into());
    let built = build_with(&SourceOp::new(BASE), known.clone()).unwrap();
    assert_eq!(unresolved(&built), SIGNATURES);
    let group = |field: &policy_engine::input::Unresolved| field.group;
    assert!(built.nodes[0].unresolved.iter().map(group).all(|group| group == Group::Signatures));
    let image = wanted([Group::Signatures], known.image.is_some().then_some(&known)).image.unwrap();
    assert!(image.config && image.attestation_chain && image.signatures);

    known.image.as_mut().unwrap().signatures =
        Some(ImageSignatures { unavailable: vec!["the tag".into()], ..ImageSignatures::default() });
    let built = build_with(&SourceOp::new(BASE), known.clone()).unwrap();
    assert_eq!(unresolved(&built), Vec::<String>::new());
    let verification = serde_json::to_value(&built.input).unwrap()["image"]["verification"].clone();
    assert_eq!(verification[0], json!({"step": "unavailable", "message": "the tag"}));
    assert_eq!(
        (&verification[1]["step"], &verification[1]["subject"], &verification[1]["digest"]),
        (&json!("manifest"), &json!("attestation"), &json!("sha256:sig"))
    );
    assert!(wanted(std::iter::empty::<Group>(), Some(&known)).image.unwrap().signatures);
}

#[test]
fn provenance_of_something_else_is_an_error() {
    let bound = |subject: &Value, image: &str, listed: &str| {
        let mut statement = v02(&json!([]));
        statement["subject"] = subject.clone();
        let mut known = with_provenance(SLSA_V02, &statement);
        let chain = known.image.as_mut().unwrap().attestation_chain.as_mut().unwrap();
        chain.image_manifest = format!("sha256:{image}");
        chain.root = "sha256:cc".into();
        let manifest = chain.blobs.get_mut("sha256:att").unwrap();
        manifest.data = String::from_utf8_lossy(&manifest.data).replace("sha256:prov", listed).into();
        build_with(&SourceOp::new(BASE), known)
    };
    let subject = json!([{"name": "a", "digest": {"sha256": "bb"}}, {"name": "b", "digest": {"sha1": "1", "sha256": "aa"}}]);
    assert!(bound(&subject, "aa", "sha256:prov").unwrap().input.image.unwrap().content.provenance.is_some());
    assert!(bound(&json!([{"digest": {"sha256": "cc"}}]), "aa", "sha256:prov").is_ok(), "the index");
    // BuildKit names no subject in an image without a name.
    for subject in [json!([]), json!(null)] {
        assert!(bound(&subject, "aa", "sha256:prov").is_ok());
    }
    let many = json!(vec![json!({"digest": {"sha256": "aa"}}); 1025]);
    for (subject, image, listed, expected) in [
        (&subject, "dd", "sha256:prov", "none of its subjects is sha256:dd"),
        (&json!([{"digest": {"sha512": "aa"}}]), "aa", "sha256:prov", "none of its subjects is sha256:aa"),
        (&json!([{"name": "a"}]), "aa", "sha256:prov", "none of its subjects is sha256:aa"),
        (&subject, "aa", "sha256:other", "is none of the attestations that \"sha256:att\" lists"),
        (&many, "aa", "sha256:prov", "more than 1024 subjects"),
    ] {
        let error = bound(subject, image, listed).unwrap_err();
        assert!(matches!(error, InputError::Provenance { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn provenance_that_was_not_fetched_is_not_absent() {
    let mut known = base_metadata();
    let chain = known.image.as_mut().unwrap().attestation_chain.as_mut().unwrap();
    chain.blobs.retain(|_, blob| !blob.descriptor.annotations.contains_key("in-toto.io/predicate-type"));
    let built = build_with(&SourceOp::new(BASE), known.clone()).unwrap();
    assert_eq!(unresolved(&built), ["image.provenance", "image.signatures", "image.verification"]);
    assert!(built.input.image.unwrap().content.has_provenance);

    let chain = known.image.as_mut().unwrap().attestation_chain.as_mut().unwrap();
    chain.attestation_manifest.clear();
    let built = build_with(&SourceOp::new(BASE), known).unwrap();
    assert_eq!(unresolved(&built), ["image.signatures", "image.verification"]);
    assert!(!built.input.image.unwrap().content.has_provenance);
}

#[test]
fn wrong_metadata_is_an_error() {
    let pinned = SourceOp::new(BASE).with_digest(DIGEST).unwrap();
    let other = image(ImageMetadata { digest: DIGEST.replace("ec9a", "0000"), ..ImageMetadata::default() });
    assert!(matches!(build_with(&pinned, other), Err(InputError::Digest { .. })));
    let config = image(ImageMetadata { config: Some("[]".into()), ..ImageMetadata::default() });
    assert!(matches!(build_with(&pinned, config), Err(InputError::Config { .. })));
}

fn ssh_tag() -> GitMetadata {
    GitMetadata {
        r#ref: "refs/tags/v1.1.0-ssh".into(),
        checksum: "dbd7c1f5421f6c900273f94d6fbedb57362aaa47".into(),
        commit_checksum: "26e1b2995d2df335086e2dc68b8ad2a7be368051".into(),
        commit_object: Some(Bytes::from_static(include_bytes!("../../fixtures/git/git-ssh.commit"))),
        tag_object: Some(Bytes::from_static(include_bytes!("../../fixtures/git/git-ssh.tag"))),
    }
}

#[test]
fn a_git_ref_is_open_until_it_is_resolved() {
    let fields = |identifier: &str| {
        unresolved(
            &build(
                &SourceOp::new(identifier),
                None,
                &Facts::default(),
                &Env::default(),
                &policy_engine::verify::Trust::default(),
            )
            .unwrap(),
        )
        .join(" ")
    };
    let ids = "git.checksum git.commit git.commitChecksum git.isAnnotatedTag git.isSHA256";
    assert_eq!(fields("git://h/r.git#v1"), format!("git.branch {ids} git.ref git.tag git.tagName"));
    assert_eq!(fields("git://h/r.git"), format!("git.branch {ids} git.ref git.tag git.tagName"));
    assert_eq!(fields("git://h/r.git#refs/heads/main"), format!("{ids} git.tag"));
    assert_eq!(fields("git://h/r.git#3b2a10bd91694311cbd6656ebe6d0efe0a0c7b16"), "git.commit git.tag");
}

#[test]
fn a_resolved_tag_shows_its_objects() {
    let source = SourceOp::new("git://127.0.0.1:8088/git/repo.git#v1.1.0-ssh:sub/dir");
    let built = build_with(&source, git(ssh_tag())).unwrap();
    assert_eq!(unresolved(&built), Vec::<String>::new());
    let git_document = serde_json::to_value(&built.input).unwrap()["git"].clone();
    assert_eq!(git_document["isAnnotatedTag"], true);
    assert_eq!(git_document["subDir"], "sub/dir");
    assert_eq!(git_document["tagName"], "v1.1.0-ssh");
    assert_eq!(git_document["tag"]["tagger"]["when"], "2026-11-21T01:27:49Z");
    let signature = json!({"version": 1, "pubKey": "SHA256:4RCxvBH0g92+MriY8UIKjqodz8QfcPnD9nveHFJ1nnc"});
    assert_eq!(git_document["tag"]["sshSignature"], signature);
    assert_eq!(git_document["commit"]["sshSignature"], signature);
    assert!(built.raw.commit.is_some() && built.raw.tag.is_some());

    let without = GitMetadata { commit_object: None, tag_object: None, ..ssh_tag() };
    assert_eq!(unresolved(&build_with(&source, git(without)).unwrap()), ["git.commit", "git.tag"]);
    let without = GitMetadata { tag_object: None, ..ssh_tag() };
    assert_eq!(unresolved(&build_with(&source, git(without)).unwrap()), ["git.tag"]);
}

#[test]
fn a_server_that_lies_about_objects_is_caught() {
    let source = SourceOp::new("git://h/r.git#v1.1.0-ssh");
    let lies = [
        GitMetadata { commit_object: ssh_tag().tag_object, ..ssh_tag() },
        GitMetadata { tag_object: ssh_tag().commit_object, ..ssh_tag() },
        GitMetadata { commit_checksum: "3b2a10bd91694311cbd6656ebe6d0efe0a0c7b16".into(), ..ssh_tag() },
        GitMetadata { commit_object: Some("x".into()), ..ssh_tag() },
        GitMetadata { checksum: "26e1b29".into(), commit_checksum: String::new(), ..ssh_tag() },
    ];
    for lie in lies {
        let error = build_with(&source, git(lie.clone())).unwrap_err();
        assert!(matches!(error, InputError::GitObject { .. }), "{lie:?}: {error}");
    }
    let commit = SourceOp::new("git://h/r.git#3b2a10bd91694311cbd6656ebe6d0efe0a0c7b16");
    assert!(matches!(build_with(&commit, git(ssh_tag())), Err(InputError::Commit { .. })));
}

fn v02(materials: &Value) -> Value {
    json!({"predicateType": SLSA_V02, "predicate": {
        "buildType": "https://mobyproject.org/buildkit@v1", "builder": {"id": "b"},
        "invocation": {"configSource": {"uri": "u", "digest": {"sha1": "1"}, "entryPoint": "Dockerfile"},
            "parameters": {"frontend": "f", "args": {"build-arg:A": "1", "target": "t", "build-arg:": "x"}}},
        "metadata": {"buildInvocationID": "i", "buildStartedOn": "2026-01-02T05:04:05.6+02:00",
            "completeness": {"parameters": true, "environment": true, "materials": false},
            "reproducible": true, "https://mobyproject.org/buildkit@v1#hermetic": true},
        "materials": materials}})
}

#[test]
fn provenance_v02() {
    let built = build_with(&SourceOp::new(BASE), with_provenance(SLSA_V02, &v02(&json!(null)))).unwrap();
    assert_eq!(
        serde_json::to_value(built.input.image.unwrap().content.provenance).unwrap(),
        json!({
            "predicateType": SLSA_V02, "buildType": "https://mobyproject.org/buildkit@v1", "builderID": "b",
            "invocationID": "i", "startedOn": "2026-01-02T03:04:05Z",
            "configSource": {"uri": "u", "digest": {"sha1": "1"}, "path": "Dockerfile"}, "frontend": "f",
            "buildArgs": {"A": "1"}, "rawArgs": {"build-arg:": "x", "build-arg:A": "1", "target": "t"},
            "reproducible": true, "hermetic": true,
            "completeness": {"parameters": true, "environment": true, "materials": false},
        })
    );
}

#[test]
fn unreadable_provenance_is_none_with_a_warning() {
    for statement in
        [json!({}), json!({"predicate": {}}), json!({"predicateType": "x", "predicate": {}}), json!(1)]
    {
        let built = build_with(&SourceOp::new(BASE), with_provenance(SLSA_V1, &statement)).unwrap();
        let content = built.input.image.unwrap().content;
        assert!(content.provenance.is_none() && content.has_provenance, "{statement}");
        assert_eq!(built.warnings.len(), 1, "{statement}");
    }
}

#[test]
fn v1_comes_before_v02_and_bad_blobs_are_passed_over() {
    let mut known = with_provenance(SLSA_V02, &v02(&json!([])));
    let more = base_metadata().image.unwrap().attestation_chain.unwrap();
    let chain = known.image.as_mut().unwrap().attestation_chain.as_mut().unwrap();
    chain.image_manifest.clone_from(&more.image_manifest);
    chain.blobs.extend(more.blobs);
    let layers: Vec<_> =
        chain.blobs.keys().chain([&"sha256:0".to_owned()]).map(|d| json!({"digest": d})).collect();
    chain.blobs.get_mut("sha256:att").unwrap().data = json!({"layers": layers}).to_string().into();
    let blobs = &mut chain.blobs;
    let mut bad = blobs["sha256:prov"].clone();
    bad.descriptor.annotations.insert("in-toto.io/predicate-type".into(), SLSA_V1.into());
    bad.data = "{".into();
    blobs.insert("sha256:0".into(), bad);
    let built = build_with(&SourceOp::new(BASE), known).unwrap();
    let provenance = built.input.image.unwrap().content.provenance.unwrap();
    assert_eq!(provenance.predicate_type, SLSA_V1);
    assert_eq!(built.warnings.len(), 1);
}

#[test]
fn materials_are_inputs_of_their_own() {
    let hex = DIGEST.strip_prefix("sha256:").unwrap();
    let materials = json!([
        {"uri": "pkg:npm/left-pad"},
        {"uri": "pkg:docker/localhost%3A5000/library/base@1.0?platform=linux%2Farm64", "digest": {"sha256": hex}},
        {"uri": "https://user:s3cret@h/f"},
        {"uri": "https://h/r.git#main"},
    ]);
    let child = SourceOp::new("docker-image://localhost:5000/app/child:1.0");
    let mut facts = Facts::default();
    facts.insert(child.clone(), Some(amd64()), with_provenance(SLSA_V02, &v02(&materials)));
    let arm64 = Platform::parse("linux/arm64").unwrap();
    let mut base = base_metadata();
    base.image.as_mut().unwrap().signatures = Some(ImageSignatures::default());
    facts.insert(SourceOp::new(format!("{BASE}@{DIGEST}")), Some(arm64.clone()), base);
    let env = Env { target: "release".into(), ..Env::default() };
    let built =
        build(&child, Some(&amd64()), &facts, &env, &policy_engine::verify::Trust::default()).unwrap();

    assert_eq!(
        built.warnings,
        [
            "skipping provenance material \"pkg:npm/left-pad\": unsupported material, it is neither an image, nor a git repository, nor a URL"
        ]
    );
    let input = serde_json::to_value(&built.input).unwrap();
    let materials = &input["image"]["provenance"]["materials"];
    assert_eq!(materials.as_array().unwrap().len(), 3);
    assert_eq!(materials[0]["env"], json!({"target": "release", "depth": 1}));
    assert_eq!(materials[0]["image"]["platform"], "linux/arm64");
    assert_eq!(materials[0]["image"]["labels"]["team"], "infra");
    assert_eq!(materials[1]["http"]["host"], "h");
    assert_eq!(materials[2]["git"]["fullURL"], "https://h/r.git#main");

    // The child, the base and its own materials, the URL, the repository.
    let paths: Vec<_> = built.nodes.iter().map(|node| node.path.len()).collect();
    assert_eq!(paths.first(), Some(&0));
    let fields = |index| {
        [
            PathSegment::Field("image"),
            PathSegment::Field("provenance"),
            PathSegment::Field("materials"),
            PathSegment::Index(index),
        ]
    };
    let base = built.nodes.iter().find(|node| node.path == fields(0)).unwrap();
    assert_eq!((base.platform.as_ref(), base.unresolved.len()), (Some(&arm64), 0));
    let git = built.nodes.iter().find(|node| node.path == fields(2)).unwrap();
    assert_eq!((git.platform.as_ref(), git.source.identifier.as_str()), (None, "git://h/r.git#main"));
    assert!(!git.unresolved.is_empty());
}

#[test]
fn cycles_end_in_an_empty_input_and_depth_is_limited() {
    let source = SourceOp::new("docker-image://h.io/a:1");
    let cycle = v02(&json!([{"uri": "pkg:docker/h.io/a@1?platform=linux%2Famd64"}]));
    let built = build_with(&source, with_provenance(SLSA_V02, &cycle)).unwrap();
    let input = serde_json::to_value(&built.input).unwrap();
    assert_eq!(input["image"]["provenance"]["materials"], json!([{"env": {"depth": 1}}]));
    assert_eq!(built.nodes.len(), 1);

    let chain_of = |length: usize| {
        let mut facts = Facts::default();
        for n in 0..length {
            let next = v02(&json!([{"uri": format!("pkg:docker/h.io/a@{}", n + 1)}]));
            let op = SourceOp::new(format!("docker-image://h.io/a:{n}"));
            facts.insert(op, Some(amd64()), with_provenance(SLSA_V02, &next));
        }
        build(
            &SourceOp::new("docker-image://h.io/a:0"),
            Some(&amd64()),
            &facts,
            &Env::default(),
            &policy_engine::verify::Trust::default(),
        )
    };
    assert_eq!(chain_of(24).unwrap().nodes.len(), 25);
    assert_eq!(chain_of(25).unwrap_err(), InputError::TooDeep);
}

#[test]
fn many_materials_are_limited() {
    // Each image has ten times the next one: 10^5 sources from six facts.
    let mut facts = Facts::default();
    for n in 0..6 {
        let uri = json!({"uri": format!("pkg:docker/h.io/a@{}", n + 1)});
        let op = SourceOp::new(format!("docker-image://h.io/a:{n}"));
        facts.insert(op, Some(amd64()), with_provenance(SLSA_V02, &v02(&json!(vec![uri; 10]))));
    }
    let source = SourceOp::new("docker-image://h.io/a:0");
    let error =
        build(&source, Some(&amd64()), &facts, &Env::default(), &policy_engine::verify::Trust::default())
            .unwrap_err();
    assert_eq!(error, InputError::TooMany);
}

#[test]
fn an_oci_layout_has_a_document_of_its_own() {
    let source = layout("oci-layout:///srv/layout:1.0");
    let built = build_with(&source, base_metadata()).unwrap();
    let input = serde_json::to_value(&built.input).unwrap();
    let layout = &input["ociLayout"];
    assert_eq!((&layout["name"], &layout["tag"]), (&json!("/srv/layout"), &json!("1.0")));
    assert_eq!(layout["labels"]["team"], "infra");
    assert_eq!(layout["provenance"]["frontend"], "dockerfile.v0");
    assert!(input.get("image").is_none());
    let built = build(
        &source,
        Some(&amd64()),
        &Facts::default(),
        &Env::default(),
        &policy_engine::verify::Trust::default(),
    )
    .unwrap();
    assert!(unresolved(&built).contains(&"ociLayout.labels".to_owned()));
}

#[test]
fn requests_ask_again_for_what_is_known() {
    let mut known = base_metadata();
    let image = wanted([Group::AttestationChain], None).image.unwrap();
    assert!(image.attestation_chain && !image.config && image.attestations.is_empty());
    let image = wanted([Group::ImageDigest], None).image.unwrap();
    assert!(image.config && !image.attestation_chain);
    let image = wanted([Group::Provenance], None).image.unwrap();
    assert_eq!(
        (image.attestation_chain, image.attestations.as_slice()),
        (true, [SLSA_V02.to_owned(), SLSA_V1.to_owned()].as_slice())
    );
    let image = wanted::<Group>([], Some(&known)).image.unwrap();
    assert!(image.config && image.attestation_chain && image.attestations.len() == 2);
    known.image.as_mut().unwrap().attestation_chain = None;
    let image = wanted([Group::AttestationChain], Some(&known)).image.unwrap();
    assert!(image.config && image.attestation_chain && image.attestations.is_empty());

    assert!(!wanted([Group::GitRef], None).git.unwrap().objects);
    assert!(wanted([Group::GitRef], Some(&git(ssh_tag()))).git.unwrap().objects);
    assert!(wanted([Group::HttpChecksum], None).http.unwrap().checksums.is_empty());
}

/// A source that may be an OCI layout: those say which store they are in.
fn layout(identifier: &str) -> SourceOp {
    let attrs = [("oci.store".to_owned(), "store".to_owned())].into();
    SourceOp { identifier: identifier.to_owned(), attrs }
}

#[test]
fn the_value_is_the_json() {
    let env = Env {
        args: BTreeMap::from([("A".to_owned(), None), ("B".to_owned(), Some("1".to_owned()))]),
        filename: "Dockerfile".into(),
        ..Env::default()
    };
    let mut facts = Facts::default();
    let source = SourceOp::new(BASE);
    facts.insert(source.clone(), Some(amd64()), base_metadata());
    let built =
        build(&source, Some(&amd64()), &facts, &env, &policy_engine::verify::Trust::default()).unwrap();
    let json = serde_json::to_value(&built.input).unwrap();
    assert_eq!(json["env"], json!({"args": {"A": null, "B": "1"}, "filename": "Dockerfile", "depth": 0}));
    assert_eq!(built.input.to_value(), regorus::Value::from(json));
    for (identifier, known) in [
        ("git://h/r.git#v1.1.0-ssh", git(ssh_tag())),
        ("https://h/f?a=1", metadata(&json!({"HTTP": {"Checksum": "sha256:1"}}))),
        ("oci-layout://a:1", base_metadata()),
        ("local://context", Metadata::default()),
    ] {
        let built = build_with(&layout(identifier), known).unwrap();
        let json = serde_json::to_value(&built.input).unwrap();
        assert_eq!(built.input.to_value(), regorus::Value::from(json), "{identifier}");
    }
    let caps = serde_json::to_value(input::Input::caps_request(&env)).unwrap();
    assert_eq!(caps["env"]["capsRequest"], true);
}

#[test]
fn printed_strings_are_escaped_as_go_does() {
    let source = SourceOp::new("local://<a>&\u{2028}\u{7f}\u{1}\"");
    let built =
        build(&source, None, &Facts::default(), &Env::default(), &policy_engine::verify::Trust::default())
            .unwrap();
    let escaped = r#""name": "\u003ca\u003e\u0026\u2028"#;
    let printed = to_print_json(&built.input);
    assert!(printed.contains(escaped), "{printed}");
    assert!(printed.contains("\u{7f}\\u0001\\\""), "{printed}");
    let empty = to_print_json(&input::Input::default());
    assert_eq!(empty, "{}");
}

#[test]
fn schemas_are_of_the_draft_and_complete() {
    let schema = input::schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let properties = schema["properties"].as_object().unwrap();
    let names: Vec<_> = properties.keys().map(String::as_str).collect();
    assert_eq!(names, ["env", "local", "image", "http", "git", "ociLayout"]);
    assert!(schema["$defs"]["Image"]["properties"]["labels"]["description"].is_string());
    assert_eq!(schema.get("required"), None);
    let decision = input::decision_schema();
    let messages = &decision["$defs"]["DenyMessages"]["anyOf"];
    assert_eq!((&messages[0]["type"], &messages[1]["type"]), (&json!("array"), &json!("string")));
    assert_eq!(decision["properties"]["allow"]["type"], "boolean");
    assert_eq!(decision.get("required"), None);
    let image = &schema["$defs"]["ImageProvenance"]["properties"];
    assert_eq!(image["hermetic"]["type"], "boolean");
    assert_eq!(image["completeness"]["$ref"], "#/$defs/Completeness");
    let value = &schema["$defs"]["NodeEnv"]["properties"]["args"]["additionalProperties"]["type"];
    assert_eq!(value, &json!(["string", "null"]));
}
