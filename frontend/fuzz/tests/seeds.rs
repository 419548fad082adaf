//! Writes the corpus anew, from recorded conversations and from messages of every kind:
//! `cargo test -p policy-check-fuzz --test seeds -- --ignored`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use policy_check::buildkit::proto::policysession::CheckPolicyRequest;
use policy_check::buildkit::proto::{control, gateway, pb};
use policy_check::buildkit::{grpc, llb};
use policy_engine::source::SourceOp;
use policy_signing::{BundleForm, Identity, Instance, Key, KeyKind, Signer};
use prost::Message;
use serde_json::{Value, json};

/// Largest committed input, in bytes.
const MAX_SEED: usize = 16 << 10;

fn write(target: &str, name: &str, data: &[u8]) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join(name), data).unwrap();
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap_or_default()).unwrap()
}

fn strings<T: FromIterator<(String, String)>>(value: &Value) -> T {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
}

fn some(value: &Value) -> Option<&Value> {
    Some(value).filter(|value| !value.is_null())
}

/// A question as it was recorded.
fn question(check: &Value) -> CheckPolicyRequest {
    let source = &check["Source"];
    let op = |op: &Value| pb::SourceOp { identifier: text(&op["identifier"]), attrs: strings(&op["attrs"]) };
    let response = gateway::ResolveSourceMetaResponse {
        source: Some(op(&source["Source"])),
        image: some(&source["Image"]).map(|image| gateway::ResolveSourceImageResponse {
            digest: text(&image["Digest"]),
            config: bytes(&image["Config"]),
            attestation_chain: some(&image["AttestationChain"]).map(chain),
        }),
        git: some(&source["Git"]).map(|git| gateway::ResolveSourceGitResponse {
            checksum: text(&git["Checksum"]),
            r#ref: text(&git["Ref"]),
            commit_checksum: text(&git["CommitChecksum"]),
            commit_object: bytes(&git["CommitObject"]),
            tag_object: bytes(&git["TagObject"]),
        }),
        http: some(&source["HTTP"]).map(|http| gateway::ResolveSourceHttpResponse {
            checksum: text(&http["Checksum"]),
            filename: text(&http["Filename"]),
            checksum_response: some(&http["ChecksumResponse"]).map(|it| gateway::ChecksumResponse {
                digest: text(&it["Digest"]),
                suffix: bytes(&it["Suffix"]),
            }),
            ..gateway::ResolveSourceHttpResponse::default()
        }),
    };
    let platform = some(&check["Platform"]).map(|platform| pb::Platform {
        os: text(&platform["OS"]),
        architecture: text(&platform["Architecture"]),
        ..pb::Platform::default()
    });
    CheckPolicyRequest { platform, source: Some(response), ..CheckPolicyRequest::default() }
}

fn chain(chain: &Value) -> gateway::AttestationChain {
    let blob = |blob: &Value| gateway::Blob {
        descriptor: Some(gateway::Descriptor {
            media_type: text(&blob["descriptor"]["mediaType"]),
            digest: text(&blob["descriptor"]["digest"]),
            size: text(&blob["descriptor"]["size"]).parse().unwrap(),
            annotations: strings(&blob["descriptor"]["annotations"]),
        }),
        data: bytes(&blob["data"]),
    };
    let blobs = chain["Blobs"].as_object().into_iter().flatten();
    gateway::AttestationChain {
        root: text(&chain["Root"]),
        image_manifest: text(&chain["ImageManifest"]),
        attestation_manifest: text(&chain["AttestationManifest"]),
        signature_manifests: Vec::new(),
        blobs: blobs.map(|(digest, it)| (digest.clone(), blob(it))).collect(),
    }
}

/// Which kinds of fields a value has.
fn shape(value: &Value) -> BTreeSet<String> {
    let Value::Object(fields) = value else { return BTreeSet::new() };
    fields
        .iter()
        .flat_map(|(name, value)| {
            let name = if name.contains(':') { "*" } else { name }.to_owned();
            let inner = shape(value).into_iter().map(|inner| format!("{name}.{inner}")).collect::<Vec<_>>();
            std::iter::once(name).chain(inner)
        })
        .collect()
}

fn recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/transcripts.jsonl");
    let recordings = std::fs::read_to_string(path).unwrap();
    let (mut shapes, mut objects) = (BTreeSet::new(), BTreeSet::new());
    for line in recordings.lines() {
        let recording: Value = serde_json::from_str(line).unwrap();
        let case = text(&recording["case"]["name"]).replace('/', "-");
        for (at, step) in recording["steps"].as_array().unwrap().iter().enumerate() {
            let name = format!("{case}-{at}");
            let check = &step["check"];
            let identifier = text(&check["Source"]["Source"]["identifier"]);
            write_source(check, &identifier, &mut objects);
            let scheme = identifier.split("://").next().unwrap().to_owned();
            let question = question(check);
            let encoded = question.encode_to_vec();
            if encoded.len() <= MAX_SEED && shapes.insert((scheme, shape(check))) {
                write("check_policy", &name, &encoded);
                write("metadata", &name, &question.source.clone().unwrap().encode_to_vec());
                write_documents(&name, &question);
            }
        }
    }
}

fn write_source(check: &Value, identifier: &str, sources: &mut BTreeSet<String>) {
    if sources.len() < 24 && sources.insert(identifier.to_owned()) {
        let attrs: BTreeMap<String, String> = strings(&check["Source"]["Source"]["attrs"]);
        let lines: String = attrs.iter().map(|(key, value)| format!("\n{key}={value}")).collect();
        let name = format!("recorded-{}", sources.len());
        write("source", &name, format!("{identifier}{lines}").as_bytes());
    }
}

fn write_documents(name: &str, question: &CheckPolicyRequest) {
    let known = question.source.clone().unwrap();
    if let Some(git) = known.git {
        for (kind, object) in [("commit", git.commit_object), ("tag", git.tag_object)] {
            if !object.is_empty() {
                write("git_object", &format!("{name}-{kind}"), &object);
            }
        }
    }
    let Some(image) = known.image else { return };
    if !image.config.is_empty() {
        write("image_config", name, &image.config);
    }
    let blobs = image.attestation_chain.into_iter().flat_map(|chain| chain.blobs.into_values());
    for (at, blob) in blobs.filter(|blob| blob.data.starts_with(b"{\"_type\"")).enumerate() {
        write("attestations", &format!("{name}-{at}"), &blob.data);
    }
}

/// Documents of signed images, in a world of our own.
fn signed_images() {
    let mut instance = Instance::with_logs(b"fuzz", "sigstore.dev", "sigstore", 1_790_000_000);
    let key = || Key::seeded(KeyKind::P256, b"fuzz", "key");
    let keyless = Signer::Keyless(Identity::workflow("docker/github-builder", "org/app"));
    for (name, signer) in [("keyless", keyless), ("key", Signer::Key(key()))] {
        for (form, of) in [(BundleForm::cosign(), "statement"), (BundleForm::message(), "message")] {
            let bundle = instance.bundle(b"manifest", &form, &signer, None).to_string();
            write("image_signature", &format!("bundle-{of}-{name}"), bundle.as_bytes());
        }
        let simple =
            instance.simple_signature(b"manifest", "example.com/app", &Value::Null, &signer, true, None);
        write("image_signature", &format!("payload-{name}"), &simple.payload);
        for (annotation, value) in simple.annotations {
            let annotation = annotation.rsplit('/').next().unwrap();
            write("image_signature", &format!("{annotation}-{name}"), value.as_bytes());
        }
    }
    write("image_signature", "key.pub", key().public_pem().as_bytes());
    let descriptor = |media_type: &str| {
        let digest = format!("sha256:{}", "b".repeat(64));
        json!({"mediaType": media_type, "digest": digest, "size": 1,
            "annotations": {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1", "com.docker.dhi.build.id": "1"}})
    };
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let index = json!({"mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [descriptor(manifest)],
        "annotations": {"org.opencontainers.image.title": "dhi/app"}});
    write("image_signature", "index", index.to_string().as_bytes());
    let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let signature = json!({"mediaType": manifest, "artifactType": bundle, "layers": [descriptor(bundle)],
        "subject": descriptor(manifest)});
    write("image_signature", "manifest", signature.to_string().as_bytes());
}

fn pairs<T: FromIterator<(String, String)>>(of: &[(&str, &str)]) -> T {
    of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn solves() {
    let definition = llb::unpacked(&SourceOp::new("https://example.com/context.tar"), "context");
    write("definition", "unpacked", &definition.encode_to_vec());
    let git = llb::source(&SourceOp::new("git://example.com/r.git#main"));
    write("definition", "source", &git.encode_to_vec());
    let build = pb::Op { op: Some(pb::op::Op::Build(pb::BuildOp::default())), ..pb::Op::default() };
    let nested = pb::Definition { def: vec![build.encode_to_vec()], ..pb::Definition::default() };
    write("definition", "nested", &nested.encode_to_vec());

    let options = [
        ("filename", "sub/Dockerfile"),
        ("context", "https://example.com/r.git#main:sub"),
        ("build-arg:VERSION", "1"),
        ("cache-from", "example.com/cache/app"),
    ];
    let attrs = [("ref", "example.com/cache/app"), ("insecure", "true")];
    let solve = control::SolveRequest {
        r#ref: "build-1".into(),
        definition: Some(git.clone()),
        exporter_deprecated: "image".into(),
        session: "session-1".into(),
        frontend: "dockerfile.v0".into(),
        frontend_attrs: pairs(&options),
        cache: Some(control::CacheOptions {
            import_refs_deprecated: vec!["example.com/cache/a".into()],
            imports: vec![control::CacheOptionsEntry { r#type: "registry".into(), attrs: pairs(&attrs) }],
            ..control::CacheOptions::default()
        }),
        entitlements: vec!["network.host".into()],
        frontend_inputs: [("context".into(), definition.clone()), ("dockerfile".into(), git.clone())].into(),
        internal: true,
        exporters: vec![control::Exporter { r#type: "local".into(), attrs: pairs(&[("dest", "out")]) }],
        enable_session_exporter: true,
        source_policy_session: "the-clients-own".into(),
        ..control::SolveRequest::default()
    };
    write("solve", "everything", &solve.encode_to_vec());
    let client = control::SolveRequest {
        r#ref: "build-2".into(),
        session: "session-2".into(),
        frontend_attrs: pairs(&options[..1]),
        ..control::SolveRequest::default()
    };
    write("solve", "by-the-client", &client.encode_to_vec());
    // A cache that prost takes for an entry of `FrontendAttrs`, as the map's key says varint.
    let cache = field(8, &solve.cache.clone().unwrap().encode_to_vec());
    let mut hidden = vec![0x38];
    prost::encoding::encode_varint(cache.len() as u64, &mut hidden);
    write("solve", "hidden-in-a-map", &[hidden, cache].concat());
    // A definition in two parts, which some decoders put together.
    let (key, value) = (b"\x0a\x07context".to_vec(), |part: &pb::Definition| field(2, &part.encode_to_vec()));
    let entry = [key, value(&definition), value(&git)].concat();
    write("solve", "input-in-two-parts", &field(10, &entry));
    write("bridge_solve", "input-in-two-parts", &field(13, &entry));

    let bridge = gateway::SolveRequest {
        definition: Some(git.clone()),
        frontend: "dockerfile.v0".into(),
        frontend_opt: pairs(&options),
        cache_imports: vec![gateway::CacheOptionsEntry { r#type: "registry".into(), attrs: pairs(&attrs) }],
        frontend_inputs: [("context".into(), definition)].into(),
        ..gateway::SolveRequest::default()
    };
    write("bridge_solve", "everything", &bridge.encode_to_vec());
    let plain = gateway::SolveRequest { definition: Some(git), ..gateway::SolveRequest::default() };
    write("bridge_solve", "definition", &plain.encode_to_vec());
}

/// A field of bytes.
fn field(number: u32, value: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    prost::encoding::bytes::encode(number, &value.to_vec(), &mut field);
    field
}

fn streams() {
    let message = |data: &[u8]| field(1, data);
    let frames = [
        grpc::frame(&[&message(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]),
        grpc::frame(&[]),
        grpc::frame(&[&message(b"\0\0\0\x04\0\0\0\0\0")]),
        grpc::frame(&[&message(&[7; 300])]),
    ]
    .concat();
    for seed in [1, 2, 3, 250] {
        let data = [&[seed], frames.as_slice()].concat();
        write("grpc_frames", &format!("cut-{seed}"), &data);
        write("session_tunnel", &format!("cut-{seed}"), &data);
    }
    let compressed = [&[1, 1, 0, 0, 0, 3][..], b"abc"].concat();
    write("session_tunnel", "compressed", &compressed);
    let too_large = [&[1, 0, 1, 0, 0, 1][..], b"abc"].concat();
    write("session_tunnel", "too-large", &too_large);

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&control::StatusRequest { r#ref: "build-1".into() }.encode_to_vec()).unwrap();
    let packed = gzip.finish().unwrap();
    let mut frame = grpc::frame(&[&packed]).to_vec();
    frame[0] = 1;
    write("grpc_message", "gzip", &[&[2], frame.as_slice()].concat());
    write("grpc_message", "gzip-not-announced", &[&[3], frame.as_slice()].concat());
    write("grpc_message", "plain", &[&[3], &grpc::frame(&[b"hello"])[..]].concat());
    write("grpc_message", "empty", &[&[3], &grpc::frame(&[])[..]].concat());
}

fn texts() {
    for (target, name, text) in [
        ("address", "unix", "unix:///run/buildkit/buildkitd.sock"),
        ("address", "tcp", "tcp://localhost:1234"),
        ("address", "ipv6", "tcp://[::1]:1234"),
        (
            "cache_imports",
            "json",
            "0[{\"Type\":\"registry\",\"Attrs\":{\"ref\":\"example.com/cache/a:1\"}},{\"type\":\"gha\",\"attrs\":{\"token\":\"t\"}}]",
        ),
        ("cache_imports", "json-twice", "0[{\"Type\":\"registry\",\"type\":\"local\"}]"),
        (
            "cache_imports",
            "references",
            "1example.com/cache/a:1,example.com/other,app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        ("cache_imports", "pattern", "1example.com/cache/*"),
        ("cache_imports", "pattern-type", "1type=gha"),
        ("location", "local", "filename=../sub/./My.Dockerfile\nlocal-sessionid:context=s2\ntarget=release"),
        (
            "location",
            "git",
            "context=https://user:secret@example.com/r.git?ref=main&subdir=a#x\nfilename=Dockerfile\nbuild-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR=1",
        ),
        ("location", "ssh", "context=git@example.com:o/r.git#main:sub"),
        ("location", "http", "context=https://example.com/c.tgz\ndockerfilekey=dockerfile"),
        ("location", "upload", "contextkey=other\nother=http://buildkit-session/abc"),
        (
            "session_headers",
            "session",
            "x-docker-expose-session-uuid: abc\nx-docker-expose-session-grpc-method: /some.Service/Method\nx-docker-expose-session-grpc-method: /moby.filesync.v1.Auth/Credentials\nx-docker-expose-session-sharedkey: ",
        ),
        ("session_headers", "two-ids", "x-docker-expose-session-uuid: a\nx-docker-expose-session-uuid: b"),
        (
            "source",
            "image-digest",
            "docker-image://docker.io/library/alpine:3@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        (
            "source",
            "git",
            "git://github.com/org/repo.git#refs/heads/main:sub\ngit.fullurl=https://user:secret@github.com/org/repo.git\ngit.keepgitdir=true",
        ),
        (
            "source",
            "https",
            "https://user:secret@example.com/a%20b?x=1#f\nhttp.checksum=sha256:aa\nhttp.filename=x",
        ),
    ] {
        write(target, name, text.as_bytes());
    }
}

fn signatures() {
    for (target, name, data) in policy_check_fuzz::bundle_seeds() {
        write(target, name, &data);
    }
}

#[test]
#[ignore = "writes the corpus"]
fn write_seeds() {
    recorded();
    signed_images();
    solves();
    streams();
    texts();
    signatures();
}
