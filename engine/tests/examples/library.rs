//! What the library makes a policy look up, among the sources of the examples.

use std::path::Path;
use std::sync::Arc;

use policy_engine::policy::{LoadOptions, Policy, PolicyFile};

use crate::world::World;
use crate::{Folder, decide_and_tell, told};

/// A policy with the library, as a team writes it.
fn with_library(rules: &str) -> Policy {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let text = format!(
        "package docker\n\nimport data.lib.images.materials\nimport data.lib.images.provenance\n\
         import data.lib.images.repositories\n\ndefault allow := false\n\n{rules}\n\n\
         decision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
    );
    let files = vec![PolicyFile { name: "Dockerfile.rego".to_owned(), text }];
    Policy::load(&LoadOptions { files, root: Some(Arc::new(Folder(policies))), strict: true }).unwrap()
}

#[test]
fn the_library_looks_up_what_it_reads() {
    const BUILT: &str = "docker-image://docker.io/acme/built:main";
    const ALPINE: &str = "docker-image://docker.io/library/alpine:3.22";
    let world = World::read();
    let ask = |rules: &str, source: &str| {
        let mut asked = Vec::new();
        let policy = with_library(rules);
        let decided = decide_and_tell(&policy, &serde_json::json!({"source": source}), &world, &mut asked);
        (told(&decided), decided.unwrap().messages, asked)
    };
    let rules = "allow if {\n\trepositories.allowed(input.image, {\"docker.io/acme/built\"})\n\t\
                 provenance.complete(input.image)\n}\n\n\
                 deny_msg contains repositories.denial(input.image, {\"docker.io/acme/built\"})\n";
    // Another repository costs nothing.
    let (decision, messages, asked) = ask(rules, "docker-image://docker.io/library/busybox:1.37");
    assert_eq!((decision.as_str(), messages.len(), asked.len()), ("deny", 1, 0), "{messages:?} {asked:?}");
    assert_eq!(ask(rules, BUILT), ("allow".to_owned(), vec![], vec![BUILT.to_owned()]));

    // One level down names what went into the image; two ask that for its own.
    let places = "{\"repositories\": {\"docker.io/library/alpine\"}}";
    let down = |depth: u8, places: &str| {
        let rules = format!(
            "allow if materials.allowed(input.image, {depth}, {places})\n\n\
             deny_msg contains materials.denial(input.image, {depth}, {places})\n"
        );
        ask(&rules, BUILT)
    };
    assert_eq!(down(1, places), ("allow".to_owned(), vec![], vec![BUILT.to_owned()]));
    let (decision, messages, asked) = down(2, places);
    assert_eq!((decision.as_str(), messages), ("allow", vec![]));
    assert!(asked.len() == 2 && asked[1].starts_with(ALPINE), "{asked:?}");
    let (decision, messages, _) = down(1, "{\"repositories\": {\"docker.io/library/golang\"}}");
    assert_eq!(decision, "deny");
    let start =
        "docker.io/acme/built:main: not all that it was built from is allowed: docker.io/library/alpine:3.22";
    assert!(messages.len() == 1 && messages[0].starts_with(start), "{messages:?}");
}
