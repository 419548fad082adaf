//! Bundles of a signed world of our own: every form that is accepted, and everything that can be wrong with one, by
//! the step that finds it.

use std::time::Instant;

use data_encoding::BASE64;
use policy_engine::verify::{
    Artifact, ArtifactDigest, Bundle, BundleFailure, Expect, LogEntry, RootKind, Step, Trust, TrustRoot,
    VerifiedBundle,
};
use policy_signing::{
    BundleForm, BundleVersion, Content, Defect, Identity, Instance, KeyKind, Logged, Signer,
    TrustRootVersion, digest_of,
};
use serde_json::{Value, json};
use sigstore_types::DerPublicKey;

/// When everything is signed: the verifier refuses what comes from the future.
const NOW: u64 = 1_750_000_000;
/// The same as policies see it.
const SIGNED: &str = "2025-06-15T15:06:40Z";
const ARTIFACT: &[u8] = b"an artifact";

struct World {
    instance: Instance,
    trust: Trust,
}

/// An instance with all logs, of which all are demanded.
fn world() -> World {
    let instance = Instance::with_logs(b"bundles", "world.test", "world", NOW);
    let trust = trust(&[("world", RootKind::Sigstore, instance.trusted_root(TrustRootVersion::V01))]);
    World { instance, trust }
}

fn trust(roots: &[(&str, RootKind, Value)]) -> Trust {
    let root = |(name, kind, json): &(&str, RootKind, Value)| {
        TrustRoot::parse(name, *kind, json.to_string().as_bytes()).unwrap()
    };
    Trust::new(roots.iter().map(root).collect())
}

fn digest(bytes: &[u8]) -> Artifact<'static> {
    Artifact::Digest(digest_of(bytes).parse::<ArtifactDigest>().unwrap())
}

fn workflow() -> Signer {
    Signer::Keyless(Identity::workflow("world/builder", "world/app"))
}

impl World {
    fn sign(&mut self, form: &BundleForm, defect: Option<Defect>) -> Value {
        self.instance.bundle(ARTIFACT, form, &workflow(), defect)
    }

    fn verify(&self, bundle: &Value) -> Result<VerifiedBundle, BundleFailure> {
        self.trust.verify_bundle(bundle.to_string().as_bytes(), &digest(ARTIFACT), Expect::Anything)
    }

    #[track_caller]
    fn refuses(&self, bundle: &Value, step: Step, what: &str) {
        let failure = self.verify(bundle).expect_err(what);
        assert_eq!(failure.step, step, "{what}: {failure}");
    }
}

fn form(version: BundleVersion, statement: bool, logged: Logged, timestamp: bool) -> BundleForm {
    let form = if statement { BundleForm::github() } else { BundleForm::message() };
    BundleForm { version, logged, timestamp, ..form }
}

/// Every version with every log that its signature can be in.
fn forms() -> Vec<BundleForm> {
    let mut forms = Vec::new();
    for version in [BundleVersion::V01, BundleVersion::V02, BundleVersion::V03] {
        for (statement, logged) in
            [(true, Logged::Dsse), (true, Logged::Intoto), (false, Logged::HashedRekord)]
        {
            forms.push(form(version, statement, logged, false));
            forms.push(form(version, statement, logged, true));
        }
        if version != BundleVersion::V01 {
            for logged in [Logged::V2, Logged::V2Ecdsa] {
                forms.extend([true, false].map(|statement| form(version, statement, logged, true)));
            }
        }
    }
    forms
}

#[test]
fn every_form_is_accepted() {
    let mut world = world();
    for form in forms() {
        let bundle = world.sign(&form, None);
        let verified = world.verify(&bundle).unwrap_or_else(|failure| panic!("{form:?}: {failure}"));
        assert_eq!((verified.trust_root.as_str(), verified.root_kind), ("world", Some(RootKind::Sigstore)));
        let is_v2 = matches!(form.logged, Logged::V2 | Logged::V2Ecdsa);
        let kinds: Vec<_> = verified.timestamps.iter().map(|time| time.r#type.as_str()).collect();
        let expected: &[&str] = match (is_v2, form.timestamp) {
            (false, false) => &["Tlog"],
            (false, true) => &["Tlog", "TimestampAuthority"],
            (true, _) => &["TimestampAuthority"],
        };
        assert_eq!(kinds, expected, "{form:?}");
        assert!(verified.timestamps.iter().all(|time| time.timestamp == SIGNED), "{verified:?}");
        let signer = verified.signer.unwrap();
        assert_eq!(signer.certificate_issuer, world.instance.certificate_issuer());
        assert_eq!(signer.source_repository_uri, "https://github.com/world/app");
        let predicate_type = (form.content != Content::Message).then(|| policy_signing::SLSA_V1.to_owned());
        assert_eq!(verified.predicate_type, predicate_type);
    }
}

#[test]
fn every_defect_is_found_by_its_step() {
    let mut world = world();
    for form in forms() {
        let is_v2 = matches!(form.logged, Logged::V2 | Logged::V2Ecdsa);
        let has_proof = form.version != BundleVersion::V01;
        for defect in Defect::ALL {
            let step = match defect {
                Defect::OtherArtifact => Step::Artifact,
                Defect::BadSignature => Step::Signature,
                Defect::UntrustedAuthority => Step::CertificateChain,
                Defect::Expired | Defect::NotYetValid => Step::CertificateTime,
                Defect::NoSct | Defect::BadSct => Step::Sct,
                Defect::NoLogEntry
                | Defect::DuplicateLogEntry
                | Defect::OtherLogEntry
                | Defect::UnknownLog => Step::LogEntry,
                Defect::BadPromise if !is_v2 => Step::LogPromise,
                Defect::BadProof if has_proof => Step::LogProof,
                Defect::BadCheckpoint if has_proof => Step::Checkpoint,
                // Version 0.1 has nothing else.
                Defect::NoTimestamp if !has_proof => Step::LogEntry,
                Defect::NoTimestamp => Step::Timestamp,
                Defect::OtherTimestamp if is_v2 => Step::Timestamp,
                // What is not there can't be wrong, and a promise is time enough.
                Defect::BadPromise | Defect::BadProof | Defect::BadCheckpoint | Defect::OtherTimestamp => {
                    continue;
                }
            };
            let bundle = world.sign(&form, Some(defect));
            world.refuses(&bundle, step, &format!("{form:?} {defect:?}"));
        }
    }
}

/// Strings of a document, by JSON pointer.
fn strings(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| strings(item, &format!("{at}/{n}"), found));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| strings(field, &format!("{at}/{name}"), found));
        }
        _ => {}
    }
}

/// The same with one bit flipped, in the bytes where it is Base64.
fn flipped(text: &str, position: usize) -> String {
    match BASE64.decode(text.as_bytes()) {
        Ok(mut bytes) if text.len() > 20 => {
            let position = position % bytes.len();
            bytes[position] ^= 1;
            BASE64.encode(&bytes)
        }
        _ => {
            let mut bytes = text.as_bytes().to_vec();
            let position = position % bytes.len();
            bytes[position] ^= 1;
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    let mut world = world();
    // What nobody signed: Rekor v2 takes these from the checkpoint.
    let repeated = ["/inclusionProof/logIndex", "/inclusionProof/rootHash", "/inclusionProof/treeSize"];
    let forms = [
        form(BundleVersion::V01, true, Logged::Dsse, false),
        form(BundleVersion::V02, true, Logged::Intoto, true),
        form(BundleVersion::V03, false, Logged::HashedRekord, false),
        form(BundleVersion::V03, true, Logged::V2, true),
    ];
    for form in forms {
        let bundle = world.sign(&form, None);
        let is_v2 = form.logged == Logged::V2;
        let mut fields = Vec::new();
        strings(&bundle, "", &mut fields);
        for field in &fields {
            let text = bundle.pointer(field).and_then(Value::as_str).unwrap();
            let is_token = field.ends_with("/signedTimestamp");
            for position in (0..text.len()).step_by(text.len() / 12 + 1) {
                let mut mutant = bundle.clone();
                *mutant.pointer_mut(field).unwrap() = flipped(text, position).into();
                let verdict = world.verify(&mutant);
                if is_token {
                    // Passed over where a log tells the time; and not all of a token is signed.
                    let times = verdict.map(|verified| verified.timestamps).unwrap_or_default();
                    assert!(is_v2 || !times.is_empty(), "{field} at {position}");
                    assert!(
                        times.iter().all(|time| time.timestamp == SIGNED),
                        "{field} at {position}: {times:?}"
                    );
                } else if !(is_v2 && repeated.iter().any(|end| field.ends_with(end))) {
                    assert!(verdict.is_err(), "{form:?} {field} at {position}: {verdict:?}");
                }
            }
        }
    }
}

#[test]
fn a_missing_or_added_field_is_found() {
    let mut world = world();
    let bundle = world.sign(&BundleForm { timestamp: true, ..BundleForm::cosign() }, None);
    let mut objects = Vec::new();
    objects_of(&bundle, "", &mut objects);
    for at in &objects {
        let mut more = bundle.clone();
        more.pointer_mut(at).unwrap()["unknown"] = json!(1);
        world.refuses(&more, Step::Bundle, &format!("an unknown field in {at:?}"));
    }
    let text = bundle.to_string();
    for length in (0..text.len()).step_by(text.len() / 200) {
        let cut = &text.as_bytes()[..length];
        let failure = world.trust.verify_bundle(cut, &digest(ARTIFACT), Expect::Anything).unwrap_err();
        assert_eq!(failure.step, Step::Bundle);
    }
    // The same field twice, of which the second could be another one's.
    let twice = text.replacen("\"mediaType\"", "\"mediaType\":\"\",\"mediaType\"", 1);
    let failure =
        world.trust.verify_bundle(twice.as_bytes(), &digest(ARTIFACT), Expect::Anything).unwrap_err();
    assert_eq!(failure.step, Step::Bundle, "{failure}");
}

fn objects_of(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| objects_of(item, &format!("{at}/{n}"), found));
        }
        Value::Object(fields) => {
            found.push(at.to_owned());
            fields.iter().for_each(|(name, field)| objects_of(field, &format!("{at}/{name}"), found));
        }
        _ => {}
    }
}

const ENTRY: &str = "/verificationMaterial/tlogEntries/0";
const CHAIN: &str = "/verificationMaterial/x509CertificateChain/certificates";

/// The checks that sigstore-conformance has assets for which fail before they get there, and others by hand.
#[test]
fn mutations_reach_their_check() {
    let mut world = world();
    let v2 = form(BundleVersion::V02, true, Logged::Intoto, false);
    let bundle = world.sign(&v2, None);
    let edit = |edit: &dyn Fn(&mut Value)| {
        let mut bundle = bundle.clone();
        edit(&mut bundle);
        bundle
    };
    let at = |pointer: &'static str, value: Value| {
        edit(&|bundle| *bundle.pointer_mut(pointer).unwrap() = value.clone())
    };
    // bundle-empty-certificate-chain
    world.refuses(&at(CHAIN, json!([])), Step::Certificate, "an empty chain");
    // bundle-with-root-cert
    let root = world.instance.trusted_root(TrustRootVersion::V01);
    let certificates = root.pointer("/certificateAuthorities/0/certChain/certificates").unwrap();
    let with = |more: Vec<Value>| {
        edit(&|bundle| bundle.pointer_mut(CHAIN).unwrap().as_array_mut().unwrap().extend(more.clone()))
    };
    world.refuses(&with(certificates.as_array().unwrap().clone()), Step::Certificate, "a root in the chain");
    world.verify(&with(vec![certificates[0].clone()])).expect("an intermediate in the chain");
    let others = world.sign(&v2, None);
    let leaf = others.pointer(CHAIN).unwrap()[0].clone();
    world.refuses(&at(CHAIN, json!([leaf])), Step::Signature, "the certificate of another signature");
    world.refuses(&with(vec![leaf.clone(); 10]), Step::Limit, "too many certificates");
    // invalid-inclusion-proof
    let hashes = "/verificationMaterial/tlogEntries/0/inclusionProof/hashes";
    let hash = BASE64.encode(&[7; 32]);
    world.refuses(
        &edit(&|it| it.pointer_mut(hashes).unwrap()[0] = json!(hash)),
        Step::LogProof,
        "another hash",
    );
    world.refuses(&at(hashes, json!([])), Step::LogProof, "no hashes");
    let index = "/verificationMaterial/tlogEntries/0/inclusionProof/logIndex";
    world.refuses(&at(index, json!("0")), Step::LogProof, "another index");
    world.refuses(&at(index, json!("99999999")), Step::LogProof, "an index outside the tree");
    let root_hash = "/verificationMaterial/tlogEntries/0/inclusionProof/rootHash";
    world.refuses(&at(root_hash, json!(hash)), Step::Checkpoint, "another root");
    // intoto-log-entry-mismatch: a whole entry of another signature
    let entry = others.pointer(ENTRY).unwrap().clone();
    world.refuses(&at(ENTRY, entry), Step::LogEntry, "the log entry of another signature");
    let other_log = world.sign(&form(BundleVersion::V02, true, Logged::Dsse, false), None);
    let proof = other_log.pointer("/verificationMaterial/tlogEntries/0/inclusionProof").unwrap().clone();
    let proof_at = "/verificationMaterial/tlogEntries/0/inclusionProof";
    world.refuses(&at(proof_at, proof), Step::LogProof, "the proof of another entry");
    let promise_at = "/verificationMaterial/tlogEntries/0/inclusionPromise";
    let promise = other_log.pointer(promise_at).unwrap().clone();
    world.refuses(&at(promise_at, promise), Step::LogPromise, "the promise of another entry");
    let time = "/verificationMaterial/tlogEntries/0/integratedTime";
    world.refuses(&at(time, json!((NOW + 1).to_string())), Step::LogPromise, "another time than promised");
    // Swapped signatures, and an envelope with two of them.
    let signatures = "/dsseEnvelope/signatures";
    let other = others.pointer(signatures).unwrap().clone();
    world.refuses(&at(signatures, other.clone()), Step::Signature, "another's signature");
    let both = edit(&|it| it.pointer_mut(signatures).unwrap().as_array_mut().unwrap().push(other[0].clone()));
    world.refuses(&both, Step::Bundle, "two signatures");
    world.refuses(&at(signatures, json!([])), Step::Bundle, "no signature");
    let named = edit(&|it| it.pointer_mut(signatures).unwrap()[0]["keyid"] = json!("SHA256:other"));
    world.refuses(&named, Step::Key, "the id of another key");
    let payload_type = at("/dsseEnvelope/payloadType", json!("text/plain"));
    world.refuses(&payload_type, Step::Statement, "another type of payload");
    // Versions.
    let media_type = |text: &str| at("/mediaType", json!(text));
    let chain_in_3 = media_type("application/vnd.dev.sigstore.bundle.v0.3+json");
    world.refuses(&chain_in_3, Step::Bundle, "a chain in version 0.3");
    let unknown = media_type("application/vnd.dev.sigstore.bundle.v0.4+json");
    world.refuses(&unknown, Step::Bundle, "a version that is not known");
    let no_proof = edit(&|it| {
        it.pointer_mut(ENTRY).unwrap().as_object_mut().unwrap().remove("inclusionProof");
    });
    world.refuses(&no_proof, Step::LogEntry, "no proof in version 0.2");
    // A replay: right for another artifact.
    let json = bundle.to_string();
    let verdict = world.trust.verify_bundle(json.as_bytes(), &digest(b"another artifact"), Expect::Anything);
    assert_eq!(verdict.unwrap_err().step, Step::Artifact);
}

#[test]
fn times_of_timestamp_authorities_must_be_theirs() {
    let mut world = world();
    let bundle = world.sign(&form(BundleVersion::V03, true, Logged::V2, true), None);
    let root = world.instance.trusted_root(TrustRootVersion::V01);
    let under = |start: &str, end: Option<&str>| {
        let mut root = root.clone();
        root["timestampAuthorities"][0]["validFor"] = json!({ "start": start, "end": end });
        let trust = trust(&[("world", RootKind::Sigstore, root)]);
        trust.verify_bundle(bundle.to_string().as_bytes(), &digest(ARTIFACT), Expect::Anything)
    };
    under("2025-06-15T15:06:40Z", Some("2025-06-15T15:06:40Z")).expect("both ends are included");
    // rekor2-timestamp-with-incorrect-time
    for (start, end) in
        [("2025-01-01T00:00:00Z", Some("2025-06-15T15:06:39Z")), ("2025-06-15T15:06:41Z", None)]
    {
        assert_eq!(under(start, end).unwrap_err().step, Step::Timestamp);
    }
    // A token that fails is passed over if there is another one.
    let others = world.sign(&form(BundleVersion::V03, true, Logged::V2, true), None);
    let tokens = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
    let other = others.pointer(tokens).unwrap()[0].clone();
    let mut more = bundle.clone();
    more.pointer_mut(tokens).unwrap().as_array_mut().unwrap().insert(0, other.clone());
    assert_eq!(world.verify(&more).unwrap().timestamps.len(), 1);
    *more.pointer_mut(tokens).unwrap() = json!([other]);
    world.refuses(&more, Step::Timestamp, "the timestamp of another signature");
    // Two of the same authority are one.
    let own = bundle.pointer(tokens).unwrap()[0].clone();
    *more.pointer_mut(tokens).unwrap() = json!([own, own]);
    assert_eq!(world.verify(&more).unwrap().timestamps.len(), 1);
    *more.pointer_mut(tokens).unwrap() = vec![own; 33].into();
    world.refuses(&more, Step::Limit, "too many timestamps");
}

#[test]
fn entries_of_unknown_logs_and_broken_promises_are_passed_over() {
    let mut world = world();
    let entries = "/verificationMaterial/tlogEntries";
    let dsse = form(BundleVersion::V03, true, Logged::Dsse, false);
    let good = world.sign(&dsse, None);
    for (defect, kept) in
        [(Defect::UnknownLog, true), (Defect::BadPromise, true), (Defect::BadCheckpoint, false)]
    {
        let bad = world.sign(&dsse, Some(defect)).pointer(entries).unwrap()[0].clone();
        let mut both = good.clone();
        both.pointer_mut(entries).unwrap().as_array_mut().unwrap().insert(0, bad);
        assert_eq!(world.verify(&both).is_ok(), kept, "{defect:?}");
    }
    let mut many = good.clone();
    *many.pointer_mut(entries).unwrap() = vec![good.pointer(entries).unwrap()[0].clone(); 33].into();
    world.refuses(&many, Step::Limit, "too many entries");
}

#[test]
fn a_checkpoint_is_its_own_logs() {
    let mut world = world();
    // The tree of another known log, which holds the same entry.
    let bundle = world.sign(&form(BundleVersion::V03, true, Logged::V2, true), None);
    let other = world.sign(&form(BundleVersion::V03, true, Logged::V2Ecdsa, true), None);
    let id = "/verificationMaterial/tlogEntries/0/logId";
    let mut moved = bundle.clone();
    *moved.pointer_mut(id).unwrap() = other.pointer(id).unwrap().clone();
    world.refuses(&moved, Step::Checkpoint, "the id of another log");
    let envelope = "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope";
    let text = bundle.pointer(envelope).and_then(Value::as_str).unwrap();
    let with = |text: String| {
        let mut bundle = bundle.clone();
        *bundle.pointer_mut(envelope).unwrap() = text.into();
        bundle
    };
    // Witnesses may sign as well.
    let witness = format!("\u{2014} witness.test {}\n", BASE64.encode(&[1; 68]));
    world.verify(&with(format!("{text}{witness}"))).expect("a witness");
    let many = format!("{text}{}", witness.repeat(32));
    world.refuses(&with(many), Step::Limit, "too many signatures on a checkpoint");
    let (note, _) = text.split_once("\n\n").unwrap();
    world.refuses(&with(format!("{note}\n\n{witness}")), Step::Checkpoint, "a witness alone");
    // Of Rekor v1 all signatures are the log's.
    let v1 = world.sign(&form(BundleVersion::V03, true, Logged::Dsse, false), None);
    let text = v1.pointer(envelope).and_then(Value::as_str).unwrap();
    let mut cosigned = v1.clone();
    *cosigned.pointer_mut(envelope).unwrap() = format!("{text}{witness}").into();
    world.refuses(&cosigned, Step::Checkpoint, "a witness of Rekor v1");
}

#[test]
fn statements_are_read_strictly() {
    let world = world();
    let signed = |statement: &str| {
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": { "publicKey": { "hint": "" } },
            "dsseEnvelope": {
                "payload": BASE64.encode(statement.as_bytes()),
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{ "sig": "AAAA" }],
            },
        })
    };
    let hex = digest_of(ARTIFACT);
    let hex = hex.strip_prefix("sha256:").unwrap();
    let subject = format!(r#"{{"name":"a","digest":{{"sha256":"{hex}"}}}}"#);
    let statement = |subjects: &str, rest: &str| {
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{subjects}],"predicateType":"p"{rest}}}"#
        )
    };
    let many = |count: usize| vec![subject.as_str(); count].join(",");
    let digests = |count: usize| (0..count).map(|n| format!(r#""x{n}":"00""#)).collect::<Vec<_>>().join(",");
    // A key is needed: so far they are right.
    for right in [
        statement(&subject, ""),
        statement(&subject, r#","predicate":{"a":1}"#),
        statement(&many(1024), ""),
        statement(&format!("{subject},{{\"uri\":\"u\",\"digest\":{{{}}}}}", digests(32)), ""),
        statement(&subject.replace(hex, &hex.to_uppercase()), ""),
        statement(&subject, "").replace("Statement/v1", "Statement/v0.1"),
    ] {
        world.refuses(&signed(&right), Step::KeyNeeded, &right[..right.len().min(200)]);
    }
    for (wrong, step) in [
        (statement(&subject, r#","unknown":1"#), Step::Statement),
        (statement(&subject.replace("\"name\"", "\"unknown\""), ""), Step::Statement),
        (statement(&subject, r#","predicateType":"q""#), Step::Statement),
        (statement(&format!(r#"{{"digest":{{"sha256":"{hex}","sha256":"00"}}}}"#), ""), Step::Statement),
        (statement(&format!(r#"{subject},{{"digest":{{"dirHash":"h1:x"}}}}"#), ""), Step::Statement),
        (statement(&subject, "").replace("Statement/v1", "Statement/v2"), Step::Statement),
        (statement(&many(1025), ""), Step::Limit),
        (statement(&format!("{{\"digest\":{{{}}}}}", digests(33)), ""), Step::Limit),
        (statement("", ""), Step::Artifact),
        (statement(r#"{"name":"a"}"#, ""), Step::Artifact),
        (statement(&subject.replace(hex, &hex[..62]), ""), Step::Artifact),
        ("[]".to_owned(), Step::Statement),
        ("[".repeat(200), Step::Statement),
    ] {
        world.refuses(&signed(&wrong), step, &wrong[..wrong.len().min(200)]);
    }
}

#[test]
fn slsa_provenance_is_demanded_where_it_is_expected() {
    let mut world = world();
    let verify = |world: &World, bundle: &Value| {
        let json = bundle.to_string();
        world.trust.verify_bundle(json.as_bytes(), &digest(ARTIFACT), Expect::SlsaProvenance)
    };
    let provenance = world.sign(&BundleForm::github(), None);
    verify(&world, &provenance).unwrap();
    for form in [BundleForm::cosign(), BundleForm::message()] {
        let bundle = world.sign(&form, None);
        assert_eq!(verify(&world, &bundle).unwrap_err().step, Step::Predicate);
    }
}

#[test]
fn the_failure_is_that_of_the_root_where_it_came_furthest() {
    let mut world = world();
    let github = Instance::without_logs(b"github", "github.test", "github", NOW);
    let own = world.instance.trusted_root(TrustRootVersion::V01);
    let roots = [
        ("github", RootKind::Github, github.trusted_root(TrustRootVersion::V01)),
        ("own", RootKind::Private, own),
    ];
    world.trust = trust(&roots);
    let good = world.sign(&BundleForm::cosign(), None);
    assert_eq!(world.verify(&good).unwrap().trust_root, "own");
    for (defect, step) in [(Defect::BadPromise, Step::LogPromise), (Defect::BadSct, Step::Sct)] {
        let bundle = world.sign(&BundleForm::github(), Some(defect));
        let failure = world.verify(&bundle).unwrap_err();
        assert_eq!((failure.step, failure.trust_root.as_str()), (step, "own"));
    }
    // Nobody's: the first root gives its name.
    let mut strangers = Instance::with_logs(b"strangers", "strangers.test", "strangers", NOW);
    let bundle = strangers.bundle(ARTIFACT, &BundleForm::github(), &workflow(), None);
    let failure = world.verify(&bundle).unwrap_err();
    assert_eq!((failure.step, failure.trust_root.as_str()), (Step::LogEntry, "github"));
    world.trust = Trust::default();
    world.refuses(&good, Step::TrustRoot, "no root");
    world.trust = Trust::new(vec![TrustRoot::unusable("own", RootKind::Private, "it is stale")]);
    let failure = world.verify(&good).unwrap_err();
    assert!(failure.message.contains("it is stale"), "{failure}");
}

/// What a root demands follows from what it has; the public instance has all.
#[test]
fn roots_without_logs_demand_none() {
    let mut github = Instance::without_logs(b"github", "github.test", "github", NOW);
    let form = BundleForm { logged: Logged::No, timestamp: true, ..BundleForm::github() };
    let root = github.trusted_root(TrustRootVersion::V02);
    let verify = |bundle: &Value, kind| {
        let trust = trust(&[("github", kind, root.clone())]);
        trust.verify_bundle(bundle.to_string().as_bytes(), &digest(ARTIFACT), Expect::SlsaProvenance)
    };
    let bundle = github.bundle(ARTIFACT, &form, &workflow(), None);
    assert_eq!(verify(&bundle, RootKind::Github).unwrap().timestamps.len(), 1);
    assert_eq!(verify(&bundle, RootKind::Sigstore).unwrap_err().step, Step::LogEntry);
    for (defect, step) in [
        (Defect::NoTimestamp, Step::Timestamp),
        (Defect::OtherTimestamp, Step::Timestamp),
        (Defect::UntrustedAuthority, Step::CertificateChain),
        (Defect::Expired, Step::CertificateTime),
        (Defect::BadSignature, Step::Signature),
    ] {
        let bundle = github.bundle(ARTIFACT, &form, &workflow(), Some(defect));
        assert_eq!(verify(&bundle, RootKind::Github).unwrap_err().step, step, "{defect:?}");
    }
}

#[test]
fn keys_verify_without_a_certificate() {
    let mut world = world();
    let public = |name: &str, world: &World, kind| DerPublicKey::new(world.instance.key(kind, name).spki());
    let verify = |world: &World, bundle: &Value, key: &DerPublicKey, log| {
        let bundle = Bundle::parse(bundle.to_string().as_bytes())?;
        // By the bytes: signatures of Ed25519 keys can't be verified by the digest.
        world.trust.verify_with_key(&bundle, &Artifact::Blob(ARTIFACT), key, Expect::Anything, log)
    };
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519] {
        let (own, other) = (public("own", &world, kind), public("other", &world, kind));
        let signer = Signer::Key(world.instance.key(kind, "own"));
        for statement in [true, false] {
            let form = form(BundleVersion::V03, statement, Logged::No, false);
            let mut bundle = world.instance.bundle(ARTIFACT, &form, &signer, None);
            if !statement && kind == KeyKind::P384 {
                // It signs a SHA-384 of the artifact, and the bundle names its SHA-256.
                assert_eq!(
                    verify(&world, &bundle, &own, LogEntry::Optional).unwrap_err().step,
                    Step::Signature
                );
                continue;
            }
            let verified = verify(&world, &bundle, &own, LogEntry::Optional).unwrap();
            assert_eq!((verified.trust_root.as_str(), verified.signer, verified.root_kind), ("", None, None));
            let failure = verify(&world, &bundle, &own, LogEntry::Required).unwrap_err();
            assert_eq!(failure.step, Step::LogEntry);
            // managed-key-wrong-key
            let failure = verify(&world, &bundle, &other, LogEntry::Optional).unwrap_err();
            assert_eq!(failure.step, Step::Signature, "{failure}");
            world.refuses(&bundle, Step::KeyNeeded, "no key");
            if statement {
                let wrong = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
                bundle["dsseEnvelope"]["signatures"][0]["keyid"] = json!(wrong);
                assert_eq!(verify(&world, &bundle, &own, LogEntry::Optional).unwrap_err().step, Step::Key);
                bundle["dsseEnvelope"]["signatures"][0]["keyid"] = json!(fingerprint(&world, kind));
                verify(&world, &bundle, &own, LogEntry::Optional).expect("its own key id");
            }
        }
    }
    let signer = || Signer::Key(world_key());
    let own = DerPublicKey::new(world_key().spki());
    for (logged, statement) in [(Logged::HashedRekord, false), (Logged::Dsse, true), (Logged::V2, true)] {
        let form = form(BundleVersion::V03, statement, logged, true);
        let bundle = world.instance.bundle(ARTIFACT, &form, &signer(), None);
        let verified = verify(&world, &bundle, &own, LogEntry::Required).unwrap();
        assert_eq!(verified.trust_root, "world");
        for (defect, step) in [
            (Defect::BadPromise, Step::LogPromise),
            (Defect::BadProof, Step::LogProof),
            (Defect::BadCheckpoint, Step::Checkpoint),
            (Defect::OtherLogEntry, Step::LogEntry),
        ] {
            if logged == Logged::V2 && defect == Defect::BadPromise {
                continue;
            }
            let bundle = world.instance.bundle(ARTIFACT, &form, &signer(), Some(defect));
            let failure = verify(&world, &bundle, &own, LogEntry::Optional).unwrap_err();
            assert_eq!(failure.step, step, "{logged:?} {defect:?}: {failure}");
        }
        let bundle = world.instance.bundle(ARTIFACT, &form, &signer(), Some(Defect::UnknownLog));
        verify(&world, &bundle, &own, LogEntry::Optional).expect("of a log that nobody knows");
        assert_eq!(verify(&world, &bundle, &own, LogEntry::Required).unwrap_err().step, Step::LogEntry);
    }
    let keyless = world.sign(&BundleForm::cosign(), None);
    assert_eq!(verify(&world, &keyless, &own, LogEntry::Optional).unwrap_err().step, Step::Key);
}

fn world_key() -> policy_signing::Key {
    policy_signing::Key::seeded(KeyKind::P256, b"bundles", "logged")
}

/// As OpenSSH writes it.
fn fingerprint(world: &World, kind: KeyKind) -> String {
    use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData};

    let spki = world.instance.key(kind, "own").spki();
    let point = |length: usize| &spki[spki.len() - length..];
    let key = match kind {
        KeyKind::P256 => KeyData::Ecdsa(EcdsaPublicKey::from_sec1_bytes(point(65)).unwrap()),
        KeyKind::P384 => KeyData::Ecdsa(EcdsaPublicKey::from_sec1_bytes(point(97)).unwrap()),
        KeyKind::Ed25519 => KeyData::Ed25519(Ed25519PublicKey(point(32).try_into().unwrap())),
    };
    key.fingerprint(ssh_key::HashAlg::Sha256).to_string()
}

#[test]
fn results_are_remembered_for_the_same_question_only() {
    let mut world = world();
    let bundle = world.sign(&BundleForm::cosign(), None).to_string();
    let verify = |trust: &Trust, artifact: &[u8], expect| {
        trust.verify_bundle(bundle.as_bytes(), &digest(artifact), expect).is_ok()
    };
    let time = |trust: &Trust| {
        let start = Instant::now();
        assert!(verify(trust, ARTIFACT, Expect::Anything));
        start.elapsed()
    };
    let first = time(&world.trust);
    let again = (0..5).map(|_| time(&world.trust.clone())).min().unwrap();
    assert!(again < first, "{again:?} after {first:?}");
    assert!(!verify(&world.trust, b"another", Expect::Anything));
    assert!(!verify(&world.trust, ARTIFACT, Expect::SlsaProvenance));
    // Other roots share the memory, and not the trust.
    let strangers = Instance::with_logs(b"strangers", "world.test", "world", NOW);
    let others = trust(&[("world", RootKind::Sigstore, strangers.trusted_root(TrustRootVersion::V01))]);
    assert!(!verify(&world.trust.with_roots(others.roots().to_vec()), ARTIFACT, Expect::Anything));
}

/// A root without logs demands none, so a bundle comes further under it before it fails. That says nothing about a
/// bundle of another root.
#[test]
fn the_failure_told_is_that_of_the_issuers_root() {
    let mut world = world();
    let github = Instance::without_logs(b"bundles", "github.test", "fulcio", NOW);
    let roots = [
        ("github", RootKind::Github, github.trusted_root(TrustRootVersion::V01)),
        ("world", RootKind::Private, world.instance.trusted_root(TrustRootVersion::V01)),
    ];
    let form = form(BundleVersion::V03, true, Logged::Dsse, true);
    for roots in [roots.clone(), {
        let [a, b] = roots;
        [b, a]
    }] {
        world.trust = trust(&roots);
        let bundle = world.sign(&form, Some(Defect::NoLogEntry));
        let failure = world.verify(&bundle).unwrap_err();
        assert_eq!((failure.trust_root.as_str(), failure.step), ("world", Step::LogEntry), "{failure}");
    }
}
