//! Signatures in registries: one with the referrers API, and a real one without. None of them verifies, for all that
//! is looked at here is that they are found.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::Place;
use crate::world::World;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// Denies, and says what it found.
const TELL: &str = "package docker\n\ndecision := {\"allow\": false, \"deny_msg\": messages}\n\n\
    messages contains sprintf(\"%s %s\", [found.subject, found.digest]) if some found in input.image.verification\n";

/// What a registry has: blobs by digest, manifests with their media types by tag or digest.
#[derive(Default)]
struct Content {
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, (String, Vec<u8>)>,
}

impl Content {
    fn blob(&mut self, media_type: &str, bytes: &str) -> Value {
        let digest = sha256(bytes.as_bytes());
        self.blobs.insert(digest.clone(), bytes.into());
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    fn manifest(&mut self, tag: Option<&str>, document: &Value) -> Value {
        let media_type = document["mediaType"].as_str().expect("a media type");
        let bytes = document.to_string().into_bytes();
        let digest = sha256(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
        for name in [Some(digest.as_str()), tag].into_iter().flatten() {
            self.manifests.insert(name.to_owned(), (media_type.to_owned(), bytes.clone()));
        }
        descriptor
    }

    /// `team/signed:1` for linux/amd64. Returns attestation manifest, image and index.
    fn signed() -> (Self, [Value; 3]) {
        let mut content = Self::default();
        let config = content.blob(
            "application/vnd.oci.image.config.v1+json",
            r#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}"#,
        );
        let image = image_manifest(&config, &[], &json!({}));
        let image = content.manifest(None, &image);
        let attestation = image_manifest(&config, &[], &json!({"subject": image}));
        let attestation = content.manifest(None, &attestation);
        let mut listed = [image.clone(), attestation.clone()];
        listed[0]["platform"] = json!({"os": "linux", "architecture": "amd64"});
        listed[1]["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        listed[1]["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": image["digest"],
        });
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed});
        let index = content.manifest(Some("1"), &index);
        (content, [attestation, image, index])
    }

    /// A bundle that is none on `subject`, as a list of referrers has it.
    fn signature(&mut self, subject: &Value) -> Value {
        let config = self.blob(EMPTY, "{}");
        let layer = self.blob(BUNDLE, &json!({"not": "a bundle", "for": subject["digest"]}).to_string());
        let manifest =
            image_manifest(&config, &[layer], &json!({"artifactType": BUNDLE, "subject": subject}));
        let mut listed = self.manifest(None, &manifest);
        listed["artifactType"] = BUNDLE.into();
        listed
    }

    /// A signature in cosign's older form under the tag that it has for `subject`.
    fn tagged(&mut self, subject: &Value) -> Value {
        let config = self.blob("application/vnd.oci.image.config.v1+json", "{\"rootfs\":{}}");
        let mut layer = self.blob(PAYLOAD, &json!({"critical": {"for": subject["digest"]}}).to_string());
        layer["annotations"] = json!({"dev.cosignproject.cosign/signature": "c2ln"});
        let manifest = image_manifest(&config, &[layer], &json!({}));
        self.manifest(Some(&format!("{}.sig", tag_of(subject))), &manifest)
    }
}

/// An image manifest with more fields.
fn image_manifest(config: &Value, layers: &[Value], more: &Value) -> Value {
    let mut manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
    for (name, value) in more.as_object().expect("an object") {
        manifest[name] = value.clone();
    }
    manifest
}

fn digest(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().expect("a digest")
}

fn tag_of(subject: &Value) -> String {
    digest(subject).replace(':', "-")
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string");
        text
    })
}

/// Serves `content` and lists of referrers on a loopback port, and notes the paths that it is asked for.
fn serve(content: Content, referrers: BTreeMap<String, Vec<Value>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            let Some(path) = request_path(&mut stream) else { continue };
            noted.lock().expect("no panics").push(path.clone());
            let (kind, id) = path.rsplit_once('/').expect("a path");
            let found = match kind.rsplit_once('/').expect("a path").1 {
                "blobs" => content.blobs.get(id).map(|blob| ("application/octet-stream", blob.clone())),
                "manifests" => content.manifests.get(id).map(|(kind, bytes)| (kind.as_str(), bytes.clone())),
                _ => referrers.get(id).map(|list| {
                    let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": list});
                    (INDEX, list.to_string().into_bytes())
                }),
            };
            let (status, (media_type, body)) =
                found.map_or((404, ("application/json", b"{}".to_vec())), |it| (200, it));
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let stream = stream.get_mut();
            // Who hangs up has what it needs.
            drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)));
        }
    });
    (address, asked)
}

fn request_path(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut first = String::new();
    stream.read_line(&mut first).ok()?;
    let mut line = String::new();
    while stream.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    first.split_whitespace().nth(1).map(str::to_owned)
}

/// Subject and digest of each signature that was looked at.
fn told(stdout: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
    let messages = report["denyMessages"].as_array().or(report["messages"].as_array());
    let messages = messages.unwrap_or_else(|| panic!("no messages: {report}"));
    let mut messages: Vec<_> = messages.iter().map(|it| it.as_str().expect("text").to_owned()).collect();
    messages.sort();
    messages
}

fn expected(found: &[(&str, &Value)]) -> Vec<String> {
    let mut all: Vec<_> = found.iter().map(|(subject, it)| format!("{subject} {}", digest(it))).collect();
    all.sort();
    all
}

#[test]
fn a_registry_with_the_referrers_api() {
    let (mut content, subjects) = Content::signed();
    let signatures = subjects.clone().map(|subject| content.signature(&subject));
    let tagged = content.tagged(&subjects[1]);
    let referrers = subjects.iter().zip(&signatures);
    let referrers = referrers.map(|(subject, it)| (digest(subject).to_owned(), vec![it.clone()])).collect();
    let (address, asked) = serve(content, referrers);
    let place = Place::with_policy(TELL);
    let source = format!("docker-image://{address}/team/signed:1");
    let eval = |more: &[&str]| {
        let fixed = ["eval", "--platform", "linux/amd64", "--format", "json", "--no-cache", &source];
        place.run(fixed.into_iter().chain(more.iter().copied())).finish()
    };
    let online = eval(&["--snapshot", "s.json"]);
    let [on_attestation, on_image, on_index] = &signatures;
    let found =
        [("attestation", on_attestation), ("image", on_image), ("image", &tagged), ("index", on_index)];
    assert_eq!(told(&online.stdout), expected(&found), "{}", online.stderr);
    let requests = asked.lock().expect("no panics").len();
    // The index, three lists and three tags; the attestation manifest; three signatures with a layer each, and the
    // payload of the one that its tag names.
    assert_eq!(requests, 15, "{asked:?}");
    let offline = eval(&["--offline", "s.json"]);
    assert_eq!((offline.code, &offline.stdout), (online.code, &online.stdout), "{}", offline.stderr);
    assert_eq!(asked.lock().expect("no panics").len(), requests);

    let text = std::fs::read_to_string(place.path().join("s.json")).expect("a snapshot");
    let blob = serde_json::from_str::<Value>(&text).expect("JSON")["blobs"][digest(on_index)].clone();
    place.write("s.json", text.replace(blob.as_str().expect("base64"), "e30="));
    let altered = eval(&["--offline", "s.json"]);
    assert_eq!(altered.code, 2, "{}", altered.stdout);
    assert!(altered.stderr.contains("altered or is damaged"), "{}", altered.stderr);
}

/// Pushes to a real registry by the OCI distribution spec.
fn push(registry: &str, repository: &str, content: &Content) {
    for (digest, bytes) in &content.blobs {
        let (status, head) = send(registry, "POST", &format!("/v2/{repository}/blobs/uploads/"), "", b"");
        assert_eq!(status, 202, "{head}");
        let header = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("location").then(|| value.trim().to_owned())
        });
        let location = header.expect("a location");
        let path = &location[location.find("/v2/").expect("a path")..];
        let path = format!("{path}{}digest={digest}", if path.contains('?') { '&' } else { '?' });
        let (status, head) = send(registry, "PUT", &path, "application/octet-stream", bytes);
        assert_eq!(status, 201, "{head}");
    }
    // Indexes after what they list.
    let mut manifests: Vec<_> = content.manifests.iter().collect();
    manifests.sort_by_key(|(_, (media_type, _))| media_type == INDEX);
    for (name, (media_type, bytes)) in manifests {
        let (status, head) =
            send(registry, "PUT", &format!("/v2/{repository}/manifests/{name}"), media_type, bytes);
        assert_eq!(status, 201, "{name}: {head}");
    }
}

fn send(address: &str, method: &str, path: &str, media_type: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("the registry");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (answer.split_whitespace().nth(1).and_then(|it| it.parse().ok()).expect("a status"), answer)
}

/// What cosign 3 writes where there is no referrers API: an index under a tag, whose entries have the type of an empty
/// config.
#[test]
fn a_real_registry_without_the_api() {
    let Some(world) = World::running() else { return };
    let (mut content, subjects) = Content::signed();
    let mut signatures = subjects.clone().map(|subject| content.signature(&subject));
    for (subject, signature) in subjects.iter().zip(&mut signatures) {
        signature["artifactType"] = EMPTY.into();
        let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [signature]});
        content.manifest(Some(&tag_of(subject)), &list);
    }
    let tagged = content.tagged(&subjects[2]);
    let repository = format!("signed/{}", std::process::id());
    push(world.registry(), &repository, &content);
    let place = Place::with_policy(TELL);
    let [on_attestation, on_image, on_index] = &signatures;
    let found =
        [("attestation", on_attestation), ("image", on_image), ("index", on_index), ("index", &tagged)];
    // By its tag, and by its digest, as it is named in a copy.
    for reference in [":1".to_owned(), format!("@{}", digest(&subjects[2]))] {
        let source = format!("docker-image://localhost:5000/{repository}{reference}");
        let run = world.eval(&place, &["--format", "json", &source]).finish();
        assert_eq!(told(&run.stdout), expected(&found), "{}", run.stderr);
    }
}
