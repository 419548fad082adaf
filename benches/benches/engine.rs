//! Loading and checking, everything known and through the full demand cycle.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use policy_benches::{ALLOWLIST, MANAGED, MATERIALS, Scene, load, many_rules};

fn engine(criterion: &mut Criterion) {
    let plain = Scene::image("docker.io/library/alpine:3.21", 0);
    let managed = Scene::image("docker.io/acme/frontend:latest", 0);
    let last = Scene::image("docker.io/team9/app499:v2.0", 0);
    let materials = Scene::image("docker.io/library/alpine:3.21", 50);
    let cases = [
        ("allowlist", ALLOWLIST.to_owned(), &plain),
        ("default size, unmanaged image", MANAGED.to_owned(), &plain),
        ("default size, managed image", MANAGED.to_owned(), &managed),
        ("500 rules", many_rules(500), &last),
        ("500 rules, none for this image", many_rules(500), &plain),
        ("50 materials", MATERIALS.to_owned(), &materials),
    ];
    for (name, text, scene) in &cases {
        let policy = load(text);
        let mut group = criterion.benchmark_group(*name);
        group.bench_function("load", |b| b.iter(|| load(black_box(text))));
        group.bench_function("check", |b| b.iter(|| scene.check(black_box(&policy))));
        group.bench_function("full cycle", |b| b.iter(|| scene.full_cycle(black_box(&policy))));
        group.finish();
    }
}

criterion_group!(benches, engine);
criterion_main!(benches);
