//! One signature of a commit: the key file is read and the signature verified, as for each round of a decision.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;
use std::path::Path;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use policy_engine::git_object::GitObject;
use policy_engine::verify::git::{GitKeys, verify};
use policy_engine::verify::pgp::Validity;

/// 2027-01-01.
const NOW: i64 = 1_798_761_600;

fn git_signatures(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/signatures/git");
    let read = |name: &str| std::fs::read(folder.join(name)).expect("a fixture");
    let mut group = criterion.benchmark_group("git signature");
    for (name, object, keys) in [
        ("PGP Ed25519", "objects/ed25519.commit", "pgp/ed25519.asc"),
        ("PGP Ed25519 subkey", "objects/subkey.commit", "pgp/subkey.asc"),
        ("PGP RSA 3072", "objects/rsa.commit", "pgp/rsa.asc"),
        ("PGP P-256", "objects/p256.commit", "pgp/p256.asc"),
        ("SSH Ed25519", "objects/ssh-ed25519.commit", "ssh/ed25519.pub"),
        ("SSH RSA 3072", "objects/ssh-rsa.commit", "ssh/rsa.pub"),
        ("SSH P-256", "objects/ssh-p256.commit", "ssh/p256.pub"),
    ] {
        let object = GitObject::parse(&Bytes::from(read(object))).expect("a fixture");
        let file = read(keys);
        group.bench_function(name, |b| {
            b.iter(|| {
                let keys = GitKeys::parse(black_box(&file)).expect("a fixture");
                verify(black_box(&object), &keys, NOW, Validity::WhenSigned).expect("it is signed");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, git_signatures);
criterion_main!(benches);
