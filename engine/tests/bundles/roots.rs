//! Several trust roots, and what is remembered of them.

use super::*;

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

/// Such logs vouch for nothing, and what is in none of the others is still refused.
#[test]
fn logs_with_keys_of_an_unknown_type_are_passed_over() {
    let mut world = world();
    let bundle = world.sign(&BundleForm::github(), None);
    let root = world.instance.trusted_root(TrustRootVersion::V01);
    // SubjectPublicKeyInfo of an algorithm that nobody has: 1.2.3.4.
    let unknown = json!("MAwwBQYDKgMEAwMAAQI=");
    let verify = |change: &dyn Fn(&mut Value), kind| {
        let mut root = root.clone();
        change(&mut root);
        let trust = trust(&[("world", kind, root)]);
        trust.verify_bundle(bundle.to_string().as_bytes(), &digest(ARTIFACT), Expect::Anything)
    };
    for list in ["tlogs", "ctlogs"] {
        let another = |root: &mut Value| {
            let mut log = root[list][0].clone();
            log["publicKey"]["rawBytes"] = unknown.clone();
            log["logId"]["keyId"] = json!(BASE64.encode(&[7; 32]));
            root[list].as_array_mut().unwrap().push(log);
        };
        verify(&another, RootKind::Private).expect("the other logs are as good as before");
        let all = |root: &mut Value| {
            for log in root[list].as_array_mut().unwrap() {
                log["publicKey"]["rawBytes"] = unknown.clone();
            }
        };
        let step = if list == "tlogs" { Step::LogEntry } else { Step::Sct };
        assert_eq!(verify(&all, RootKind::Private).unwrap_err().step, step, "{list}");
    }
}
