//! What is changed by hand, by the step that finds it.

use super::*;

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
    world.refuses(&at(CHAIN, json!([leaf])), Step::LogEntry, "the certificate of another signature");
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

/// Laxer readers than ours would take these for the same bundle.
#[test]
fn numbers_bodies_and_statements_are_written_in_one_way() {
    let mut world = world();
    let good = world.sign(&form(BundleVersion::V03, true, Logged::Dsse, false), None);
    let entry = "/verificationMaterial/tlogEntries/0";
    for field in ["logIndex", "integratedTime", "inclusionProof/logIndex", "inclusionProof/treeSize"] {
        let at = format!("{entry}/{field}");
        let number = good.pointer(&at).unwrap().as_str().unwrap().to_owned();
        for wrong in [format!("+{number}"), format!("0{number}"), format!(" {number}"), String::new()] {
            let mut bundle = good.clone();
            *bundle.pointer_mut(&at).unwrap() = json!(wrong);
            world.refuses(&bundle, Step::Bundle, &format!("{at} {wrong:?}"));
        }
        let mut bundle = good.clone();
        *bundle.pointer_mut(&at).unwrap() = json!(number.parse::<i64>().unwrap());
        world.verify(&bundle).expect("a number");
    }
    // The log vouches for the body alone, so the entry may not call it something else.
    let body = |change: &dyn Fn(&mut Value)| {
        let mut bundle = good.clone();
        let at = bundle.pointer_mut(&format!("{entry}/canonicalizedBody")).unwrap();
        let mut body: Value =
            serde_json::from_slice(&BASE64.decode(at.as_str().unwrap().as_bytes()).unwrap()).unwrap();
        change(&mut body);
        *at = json!(BASE64.encode(body.to_string().as_bytes()));
        Bundle::parse(bundle.to_string().as_bytes()).map(drop)
    };
    body(&|_| {}).expect("unchanged");
    let changes: [&dyn Fn(&mut Value); 4] = [
        &|body| body["kind"] = json!("rekord"),
        &|body| body["apiVersion"] = json!("0.0.2"),
        &|body| body["x"] = json!(1),
        &|body| drop(body.as_object_mut().unwrap().remove("kind")),
    ];
    for (n, change) in changes.iter().enumerate() {
        assert_eq!(body(*change).unwrap_err().step, Step::LogEntry, "change {n}");
    }
    // Whatever in the statement two readers could read as two things.
    let mut bundle = good.clone();
    let statement = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"p","predicate":{"a":[{"b":1,"b":2}]}}"#;
    bundle["dsseEnvelope"]["payload"] = json!(BASE64.encode(statement.as_bytes()));
    world.refuses(&bundle, Step::Statement, "a field twice");
}

/// A key may have been certified for two names; the entry is about one of them. (The promise, too, is of this body, so
/// only a log that took it in could have it: what names another certificate is found before any of that.)
#[test]
fn entries_of_statements_name_the_very_certificate() {
    let mut world = world();
    let good = world.sign(&form(BundleVersion::V03, true, Logged::Intoto, false), None);
    world.verify(&good).expect("unchanged");
    let mut bundle = good.clone();
    let at = bundle.pointer_mut("/verificationMaterial/tlogEntries/0/canonicalizedBody").unwrap();
    let mut body: Value =
        serde_json::from_slice(&BASE64.decode(at.as_str().unwrap().as_bytes()).unwrap()).unwrap();
    let other = world.sign(&form(BundleVersion::V03, true, Logged::Intoto, false), None);
    let other = other.pointer("/verificationMaterial/certificate/rawBytes").unwrap().as_str().unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{other}\n-----END CERTIFICATE-----\n");
    body["spec"]["content"]["envelope"]["signatures"][0]["publicKey"] = json!(BASE64.encode(pem.as_bytes()));
    *at = json!(BASE64.encode(body.to_string().as_bytes()));
    let failure = world.verify(&bundle).unwrap_err();
    assert_eq!(failure.step, Step::LogEntry, "{failure}");
    assert!(failure.message.contains("another certificate"), "{failure}");
}
