//! Cache imports, which BuildKit never asks a policy about.

use std::collections::HashMap;

use policy_check::buildkit::proto::{control, gateway};

use crate::builds::{alpine, start};
use crate::client::*;
use crate::hook::ALLOW;

/// Allows one cache and everything that is no image.
const ONE_CACHE: &str = r#"package docker

default allow := false

allow if not input.image

allow if input.image.repo in {"alpine", "cache.example/ok", "ok"}

decision := {"allow": allow}
"#;

/// A build for each place where a cache can be named.
fn builds(image: &str) -> Vec<(&'static str, Build)> {
    let attrs = HashMap::from([("ref".to_owned(), image.to_owned())]);
    let entry = control::CacheOptionsEntry { r#type: "registry".to_owned(), attrs: attrs.clone() };
    let with_cache = |cache: control::CacheOptions| {
        let mut build = Build::dockerfile();
        build.solve.cache = Some(cache);
        build.bridge = None;
        build.solve.frontend = "dockerfile.v0".to_owned();
        build
    };
    let imports = control::CacheOptions { imports: vec![entry], ..Default::default() };
    let deprecated =
        control::CacheOptions { import_refs_deprecated: vec![image.to_owned()], ..Default::default() };
    let mut bridged = Build::dockerfile();
    let entry = gateway::CacheOptionsEntry { r#type: "registry".to_owned(), attrs };
    bridged.bridge.as_mut().expect("a Dockerfile's build has one").cache_imports.push(entry);
    let json = serde_json::json!([{"Type": "registry", "Attrs": {"ref": image}}]).to_string();
    let mut alone = Build::dockerfile().option("cache-from", image);
    alone.bridge = None;
    alone.solve.frontend = "dockerfile.v0".to_owned();
    vec![
        ("Control.Solve's imports", with_cache(imports)),
        ("Control.Solve's deprecated imports", with_cache(deprecated)),
        ("LLBBridge.Solve's imports", bridged),
        ("the option cache-from", Build::dockerfile().bridge_option("cache-from", image)),
        ("the option cache-imports", Build::dockerfile().bridge_option("cache-imports", &json)),
        ("an option of a frontend that the daemon runs", alone),
    ]
}

#[tokio::test]
async fn they_are_denied_wherever_they_are_named() {
    for args in [&[][..], &["--cache-imports", "deny"]] {
        let (daemon, _hook, client) = start(alpine(), ALLOW, args).await;
        client.build(Build::dockerfile()).await.solve.expect("a build without a cache passes");
        for (place, build) in builds("cache.example/evil:1") {
            let outcome = client.build(build).await;
            assert!(outcome.solve.is_err(), "{place}");
            let message = format!("{:?}", outcome.error());
            assert!(message.contains("cache"), "{place}: the error says what is wrong: {message}");
        }
        assert!(daemon.imports().is_empty(), "{:?}", daemon.imports());
    }
}

#[tokio::test]
async fn all_types_of_cache_are_denied() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    for kind in ["local", "gha", "s3", "azblob", "inline", "nobody-knows"] {
        let mut build = Build::dockerfile();
        let attrs = HashMap::from([("src".to_owned(), "x".to_owned())]);
        let entry = gateway::CacheOptionsEntry { r#type: kind.to_owned(), attrs };
        build.bridge.as_mut().expect("a Dockerfile's build has one").cache_imports.push(entry);
        assert!(client.build(build).await.solve.is_err(), "{kind}");
    }
    assert!(daemon.imports().is_empty(), "{:?}", daemon.imports());
}

#[tokio::test]
async fn they_pass_where_they_are_allowed() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &["--cache-imports", "allow"]).await;
    let builds = builds("cache.example/any:1");
    let count = builds.len();
    for (place, build) in builds {
        client.build(build).await.solve.unwrap_or_else(|error| panic!("{place}: {error:?}"));
    }
    assert_eq!(daemon.imports(), vec!["registry:cache.example/any:1"; count]);
}

#[tokio::test]
async fn the_policy_decides_if_it_is_to() {
    let (daemon, _hook, client) = start(alpine(), ONE_CACHE, &["--cache-imports", "policy"]).await;
    for (place, build) in builds("cache.example/evil:1") {
        assert!(client.build(build).await.solve.is_err(), "{place}");
    }
    assert!(daemon.imports().is_empty(), "{:?}", daemon.imports());
    for (place, build) in builds("cache.example/ok:1") {
        client.build(build).await.solve.unwrap_or_else(|error| panic!("{place}: {error:?}"));
    }
    assert!(daemon.imports().iter().all(|import| import == "registry:cache.example/ok:1"));
}

#[tokio::test]
async fn exports_are_nobodys_business() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let mut build = Build::dockerfile();
    let attrs = HashMap::from([("ref".to_owned(), "cache.example/own:1".to_owned())]);
    let entry = control::CacheOptionsEntry { r#type: "registry".to_owned(), attrs };
    build.solve.cache = Some(control::CacheOptions { exports: vec![entry], ..Default::default() });
    client.build(build).await.solve.expect("nothing is imported");
}

/// It would run in a container, and import what it likes.
#[tokio::test]
async fn a_frontend_of_the_clients_own_is_none() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let gateway = |name: &str, value: &str| {
        let mut build = Build::dockerfile().option("source", "mine").option(name, value);
        build.bridge.as_mut().expect("a Dockerfile's build has one").frontend = "gateway.v0".to_owned();
        build
    };
    for name in ["context:mine", "context:mine::linux/amd64", "context:docker.io/library/mine:latest"] {
        let outcome = client.build(gateway(name, "local:context")).await;
        assert!(outcome.error().message().contains("cache"), "{name}: {:?}", outcome.error());
    }
    let syntax =
        Build::dockerfile().option("build-arg:BUILDKIT_SYNTAX", "mine").option("context:mine", "input:x");
    assert!(client.build(syntax).await.solve.is_err());
    let other = gateway("context:other", "local:context").option("source", "alpine");
    client.build(other).await.solve.expect("it takes no frontend's place");
}

#[tokio::test]
async fn policies_see_the_build_that_imports_them() {
    let policy = "package docker\n\ndefault allow := false\n\nallow if input.env.target == \"release\"\n\n\
                  decision := {\"allow\": allow}\n";
    let script = alpine().target("release", &["alpine"]);
    let (_daemon, _hook, client) = start(script, policy, &["--cache-imports", "policy"]).await;
    let build =
        |target: &str| Build::dockerfile().option("target", target).option("cache-from", "cache.example/a");
    client.build(build("release")).await.solve.expect("the policy allows it for this target");
    assert!(client.build(build("")).await.solve.is_err());
}
