//! What a bundle must be of.

use super::*;

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
