//! Logs and timestamp authorities: what is passed over, and what is refused.

use super::*;

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

/// A decision that is made again says the same, whatever the clock shows, and whatever was verified meanwhile.
#[test]
fn what_was_signed_after_the_check_does_not_count() {
    let mut world = world();
    for form in [BundleForm::github(), form(BundleVersion::V03, true, Logged::V2, true)] {
        let bundle = world.sign(&form, None);
        world.verify(&bundle).expect("by the clock");
        let at = |seconds| {
            let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            world.trust.as_of(now).verify_bundle(
                bundle.to_string().as_bytes(),
                &digest(ARTIFACT),
                Expect::Anything,
            )
        };
        at(NOW).expect("at the same second");
        let failure = at(NOW - 1).unwrap_err();
        assert_eq!((failure.step, failure.trust_root.as_str()), (Step::Timestamp, "world"));
    }
}
