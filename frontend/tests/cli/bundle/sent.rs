//! Libraries of builds that others send.

use serde_json::json;

use super::{DockerRegistry, LIBRARY, POLICY, locked, names_library, place, prints, tar_gz};

#[test]
fn what_is_listed_counts() {
    let Some(registry) = DockerRegistry::start() else { return };
    let place = place();
    let reference = format!("oci://{}/acme/lib:v1", registry.address);
    prints(&place, &["bundle", "push", "lib", &reference]);
    names_library(&place, &reference);
    prints(&place, &["bundle", "lock"]);
    let libraries = json!({"version": 1, "libraries": {"acme": locked(&place)}}).to_string();
    let folder = json!({"version": 1, "libraries": {"acme": {"from": "shared"}}}).to_string();
    let policy = POLICY.replace("allow if input.local", "allow if input.http");
    let context = |libraries: &str| {
        tar_gz(&[
            ("Dockerfile", b"FROM scratch\n"),
            ("Dockerfile.rego", policy.as_bytes()),
            ("policy-libraries.json", libraries.as_bytes()),
            ("shared/images.rego", LIBRARY.as_bytes()),
        ])
    };
    let run = |libraries: &str, listed: &str| {
        let args = ["dry-run", "-", "--no-cache", "--libraries-from", listed];
        let run = place.run(args).stdin_bytes(context(libraries)).finish();
        (run.code, run.stdout + &run.stderr)
    };
    let (code, shown) = run(&libraries, &format!("oci://{}/acme/", registry.address));
    assert_eq!(code, 0, "{shown}");
    for listed in
        [format!("oci://{}/acm", registry.address), format!("oci://{}/acme/lib/v1", registry.address)]
    {
        let (code, shown) = run(&libraries, &listed);
        assert_eq!(code, 2, "{shown}");
        assert!(shown.contains("the library `acme`") && shown.contains("--libraries-from"), "{shown}");
    }
    let unlisted = place.run(["dry-run", "-"]).stdin_bytes(context(&libraries)).finish();
    assert_eq!(unlisted.code, 2, "not even from the cache");
    // One that lies in the context asks nobody.
    let own = place.run(["dry-run", "-"]).stdin_bytes(context(&folder)).finish();
    assert_eq!(own.code, 0, "{}{}", own.stdout, own.stderr);
    let bad = place.run(["dry-run", "-", "--libraries-from", "ghcr.io/acme"]).finish();
    assert!(bad.code == 2 && bad.stderr.contains("oci://ghcr.io/acme/"), "{}", bad.stderr);
}
