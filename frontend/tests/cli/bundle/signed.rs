//! Libraries and policies that must be signed, by whom a signed world of our own says.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use policy_signing::{BundleForm, Defect, Form, Part, Plan, Repository, TrustRootVersion, Who, World};
use serde_json::{Value, json};

use super::{ALLOW, DockerRegistry, LIBRARY, locked, place, prints, says, sha256};
use crate::harness::Place;

const ROOT: [&str; 2] = ["--trust-root", "world=trusted_root.json"];

/// A registry, a signed world, and a folder with a library in `lib`, keys in `keys` and a trust root.
struct Signed {
    registry: DockerRegistry,
    world: World,
    place: Place,
}

impl Signed {
    fn start() -> Option<Self> {
        let registry = DockerRegistry::start()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let world = World::new(registry.address.as_bytes(), now - 60);
        let place = place();
        place.write("keys/acme.pub", world.key().public_pem());
        place.write("keys/other.pub", world.other_key().public_pem());
        let root = world.instance.trusted_root(TrustRootVersion::V01);
        place.write("trusted_root.json", root.to_string());
        Some(Self { registry, world, place })
    }

    /// Pushes the library as it is now; its reference with the tag.
    fn push(&self, tag: &str) -> String {
        let reference = format!("oci://{}/acme/lib:{tag}", self.registry.address);
        prints(&self.place, &["bundle", "push", "lib", &reference]);
        reference
    }

    /// Signs what was pushed.
    fn sign(&mut self, reference: &str, form: Form, who: Who, defect: Option<Defect>) {
        let pulled = prints(&self.place, &["bundle", "verify", "--no-cache", reference]);
        let digest = pulled.split_once('@').expect("a digest").1.split_once(": ").expect("a digest").0;
        let manifest = std::fs::read(self.registry.blob(digest)).expect("a manifest");
        let repository = Repository::new(&self.registry.address, "acme/lib");
        let plan = Plan { part: Part::Image, form, who, defect };
        let signature = self.world.sign(&manifest, &repository.reference(), &plan);
        signature.push(&repository).expect("a signature");
    }

    fn names(&self, from: &str, signed_by: &Value) {
        let libraries = json!({"version": 1, "libraries": {"acme": {"from": from, "signedBy": signed_by}}});
        self.place.write("policy-libraries.json", libraries.to_string());
    }

    /// Writes something else into the library's entry.
    fn edit(&self, field: &str, value: Value) {
        let text = std::fs::read(self.place.path().join("policy-libraries.json")).expect("a file");
        let mut file: Value = serde_json::from_slice(&text).expect("JSON");
        file["libraries"]["acme"][field] = value;
        self.place.write("policy-libraries.json", file.to_string());
    }

    fn prints(&self, args: &[&str]) -> String {
        prints(&self.place, &[args, &ROOT].concat())
    }

    fn says(&self, args: &[&str], code: i32) -> String {
        says(&self.place, &[args, &ROOT].concat(), code)
    }
}

fn bundle() -> Form {
    Form::Bundle(BundleForm::cosign())
}

fn by_key() -> Value {
    json!({"key": "keys/acme.pub"})
}

fn by_workflow() -> Value {
    json!({
        "trustRoot": "world",
        "issuer": "https://token.actions.githubusercontent.com",
        "sourceRepositoryURI": "https://github.com/world/app",
    })
}

#[test]
fn by_keys_and_workflows() {
    for (form, who, signed_by) in [
        (bundle(), Who::Key, by_key()),
        (Form::SimpleByTag, Who::Key, by_key()),
        (Form::SimpleUnlogged, Who::Key, by_key()),
        (bundle(), Who::Workflow, by_workflow()),
        (Form::SimpleByTag, Who::Workflow, by_workflow()),
    ] {
        let Some(mut signed) = Signed::start() else { return };
        let reference = signed.push("v1");
        signed.names(&reference, &signed_by);
        let unsigned = signed.says(&["bundle", "lock"], 2);
        for part in ["the library `acme`", "is not signed by", "it has no signature", "before you know why"] {
            assert!(unsigned.contains(part), "{part}: {unsigned}");
        }
        assert_eq!(locked(&signed.place)["pin"], Value::Null);
        signed.sign(&reference, form.clone(), who, None);
        assert!(signed.prints(&["bundle", "lock"]).starts_with("acme: pinned, sha256:"), "{form:?}");
        assert!(locked(&signed.place)["signature"].as_str().expect("a digest").starts_with("sha256:"));
        assert_eq!(signed.prints(&["bundle", "lock"]), "acme: pinned already\n");
        for args in [&["eval", "."][..], &["eval", "--no-cache", "."], &["bundle", "verify", "."]] {
            signed.prints(args);
        }
        if form != Form::SimpleUnlogged {
            continue;
        }
        // The signature that the lock names is in the cache.
        let address = signed.registry.address.clone();
        drop(std::mem::replace(&mut signed.registry, DockerRegistry::start().expect("another one")));
        signed.prints(&["eval", "."]);
        let gone = signed.says(&["eval", "--no-cache", "."], 2);
        assert!(gone.contains(&address), "{gone}");
        signed.edit("signature", Value::Null);
        let gone = signed.says(&["eval", "."], 2);
        assert!(gone.contains("cannot look up the signatures"), "{gone}");
    }
}

#[test]
fn by_nobody_else() {
    let Some(mut signed) = Signed::start() else { return };
    let mut reference = |tag: &str, form: Form, who, defect| {
        signed.place.write("lib/images.rego", format!("# {tag}\n{LIBRARY}"));
        let reference = signed.push(tag);
        signed.sign(&reference, form, who, defect);
        reference
    };
    let other_key = reference("other-key", Form::SimpleByTag, Who::OtherKey, None);
    let key = reference("key", bundle(), Who::Key, None);
    let person = reference("person", bundle(), Who::Person, None);
    let workflow = reference("workflow", bundle(), Who::Workflow, None);
    let elsewhere = reference("elsewhere", bundle(), Who::Workflow, Some(Defect::OtherArtifact));
    let forged = reference("forged", bundle(), Who::Workflow, Some(Defect::UntrustedAuthority));
    let root_missing = {
        let mut by = by_workflow();
        by.as_object_mut().expect("an object").remove("trustRoot");
        by
    };
    let mut other_repository = by_workflow();
    other_repository["sourceRepositoryURI"] = "https://github.com/world".into();
    for (from, signed_by, reason) in [
        (&other_key, by_key(), "signature: the signature was not made by this key"),
        (&workflow, by_key(), "no signature of it was made with a key"),
        (&key, by_workflow(), "key-needed"),
        (&person, by_workflow(), "\"dev@world.test\" signed it"),
        (&elsewhere, by_workflow(), "artifact: "),
        (&forged, by_workflow(), "certificate-chain: "),
        (&workflow, other_repository, "signed it (issuer"),
        // A root of one's own may not speak for Sigstore's.
        (&workflow, root_missing, "trust root `world`"),
        (&key, json!({"key": "keys/none.pub"}), "cannot read the key `keys/none.pub`"),
        (&key, json!({"key": "../acme.pub"}), "leads out of"),
        (&key, json!({"key": "trusted_root.json"}), "is no public key"),
        (&key, json!({}), "either `key` is needed"),
        (&key, Value::Null, "null"),
        (&"lib".to_owned(), by_key(), "nobody signs a folder"),
    ] {
        signed.names(from, &signed_by);
        for args in [&["bundle", "lock"][..], &["bundle", "lock", "--update"]] {
            let refused = signed.says(args, 2);
            assert!(refused.contains(reason), "{from} {signed_by}: {refused}");
        }
        assert_eq!(locked(&signed.place).get("pin"), None);
    }
    // A root that isn't named is none that counts.
    signed.names(&workflow, &by_workflow());
    assert!(says(&signed.place, &["bundle", "lock"], 2).contains("is not signed by"));
    signed.prints(&["bundle", "lock"]);
}

/// Whoever may change the lock, but not who must have signed, has no way to other files: not even if they are in the
/// cache, and have been pulled by their digest before.
#[test]
fn locks_lead_to_what_is_signed_alone() {
    let Some(mut signed) = Signed::start() else { return };
    let reference = signed.push("v1");
    signed.sign(&reference, bundle(), Who::Key, None);
    signed.names(&reference, &by_key());
    signed.prints(&["bundle", "lock"]);
    signed.prints(&["eval", "."]);
    let good = locked(&signed.place);
    // Another library, unsigned and cached in every way.
    signed.place.write("lib/images.rego", LIBRARY.replace("acme/", "evil/"));
    let evil = signed.push("evil");
    let others = json!({"version": 1, "libraries": {"acme": {"from": evil}}});
    signed.place.write("policy-libraries.json", others.to_string());
    signed.prints(&["bundle", "lock"]);
    assert_eq!(says(&signed.place, &["eval", "."], 0), says(&signed.place, &["eval", "."], 0));
    let bad = locked(&signed.place);
    let entry = |pin: &Value, files: &Value| {
        let mut entry = good.clone();
        (entry["pin"], entry["files"]) = (pin.clone(), files.clone());
        let libraries = json!({"version": 1, "libraries": {"acme": entry}});
        signed.place.write("policy-libraries.json", libraries.to_string());
    };
    for offline in [false, true] {
        entry(&good["pin"], &good["files"]);
        signed.prints(&["eval", "."]);
        entry(&bad["pin"], &bad["files"]);
        let refused = signed.says(&["eval", "."], 2);
        let expected = if offline { "cannot look up the signatures" } else { "is not signed by" };
        assert!(refused.contains(expected), "{refused}");
        // The signed pin with other files, and the other way round.
        entry(&good["pin"], &bad["files"]);
        assert!(signed.says(&["eval", "."], 2).contains("has changed"));
        entry(&bad["pin"], &good["files"]);
        assert!(signed.says(&["eval", "."], 2).contains(expected));
        drop(std::mem::replace(&mut signed.registry, DockerRegistry::start().expect("another one")));
    }
    // The tag moves to something that nobody signed.
    let reference = signed.push("v1");
    signed.sign(&reference, bundle(), Who::OtherKey, None);
    signed.names(&reference, &by_key());
    assert!(signed.says(&["bundle", "lock", "--update"], 2).contains("is not signed by"));
}

#[test]
fn whole_policies_and_flags() {
    let Some(mut signed) = Signed::start() else { return };
    signed.place.write("lib/docker.rego", ALLOW);
    let reference = signed.push("v1");
    signed.sign(&reference, bundle(), Who::Key, None);
    let policy = |args: &[&str]| [&["eval", "--policy", &reference], args, &["."]].concat().join("\n");
    let run = |code| says(&signed.place, &policy(&[]).split('\n').collect::<Vec<_>>(), code);
    signed.names(&reference, &by_key());
    signed.prints(&["bundle", "lock"]);
    run(0);
    signed.edit("signedBy", json!({"key": "keys/other.pub"}));
    assert!(run(2).contains("is not signed by the key in `keys/other.pub`"));
    // By its digest, where the entry says the very same.
    let pinned = format!("{reference}@{}", locked(&signed.place)["pin"].as_str().expect("a digest"));
    signed.names(&pinned, &json!({"key": "keys/other.pub"}));
    let by_digest = says(&signed.place, &["eval", "--policy", &pinned, "."], 2);
    assert!(by_digest.contains("is not signed by"), "{by_digest}");
    // On the command line.
    for verb in [&["bundle", "verify", &reference][..], &["bundle", "pull", &reference, "-o", "out"]] {
        let with = |by: &'static str| [verb, &["--signed-by", by]].concat();
        assert!(signed.says(&with("key=keys/other.pub"), 2).contains("is not signed by"));
        assert!(signed.says(&with("issuer=https://x,subjectAlternativeName=y"), 2).contains("key-needed"));
        assert!(!signed.place.path().join("out").exists());
        signed.prints(&with("key=keys/acme.pub"));
    }
    assert!(
        signed.says(&["bundle", "verify", "lib", "--signed-by", "key=keys/acme.pub"], 2).contains("folder")
    );
}

/// A snapshot has what was read, so that neither a network nor a cache is needed, and holds it to the same.
#[test]
fn in_snapshots() {
    let Some(mut signed) = Signed::start() else { return };
    let reference = signed.push("v1");
    signed.sign(&reference, bundle(), Who::Workflow, None);
    signed.names(&reference, &by_workflow());
    signed.prints(&["bundle", "lock"]);
    let lock = std::fs::read(signed.place.path().join("policy-libraries.json")).expect("a file");
    signed.place.write("app/Dockerfile", "FROM scratch\n");
    let dry_run = ["dry-run", "app", "--policy", "filename=cwd://Dockerfile.rego", "--policy-root", "."];
    // One that is in the cache already is recorded as well.
    signed.prints(&["eval", "--snapshot", "eval.json", "."]);
    signed.prints(&[&dry_run[..], &["--snapshot", "dry-run.json"]].concat());
    drop(std::mem::replace(&mut signed.registry, DockerRegistry::start().expect("another one")));
    let offline = ["eval", "--no-cache", "--offline", "eval.json", "."];
    signed.prints(&offline);
    // The trust roots are recorded, too.
    prints(&signed.place, &offline);
    signed.prints(&[&dry_run[..], &["--no-cache", "--offline", "dry-run.json"]].concat());
    signed.edit("signedBy", json!({"key": "keys/acme.pub"}));
    assert!(signed.says(&offline, 2).contains("is not signed by the key in `keys/acme.pub`"));
    signed.place.write("policy-libraries.json", &lock);
    signed.edit("files", format!("sha256:{}", "0".repeat(64)).into());
    assert!(signed.says(&offline, 2).contains("has changed"));
    signed.place.write("policy-libraries.json", &lock);
    signed.edit("files", Value::Null);
    assert!(signed.says(&offline, 2).contains("only if the lock has their digest"));
    signed.place.write("policy-libraries.json", &lock);
    signed.edit("pin", format!("sha256:{}", "0".repeat(64)).into());
    assert!(signed.says(&offline, 2).contains("`--offline` asks nobody"));
    signed.place.write("policy-libraries.json", &lock);
    let file = std::fs::read_to_string(signed.place.path().join("eval.json")).expect("a snapshot");
    let mut snapshot: Value = serde_json::from_str(&file).expect("JSON");
    snapshot["policies"][0]["files"]["../images.rego"] = sha256(LIBRARY.as_bytes()).into();
    signed.place.write("eval.json", snapshot.to_string());
    assert!(signed.says(&offline, 2).contains("is no snapshot"));
}

/// Runs git in a folder, signing with the SSH key `key`.
fn git(folder: &Path, key: &Path, args: &[&str]) -> String {
    let key = format!("user.signingkey={}", key.display());
    let fixed = ["-c", "user.name=t", "-c", "user.email=t@world.test", "-c", "gpg.format=ssh", "-c", &key];
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(fixed).args(args).env("HOME", folder);
    let output = command.output().expect("git");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

#[test]
fn commits_and_tags() {
    if crate::world::World::running().is_none() {
        return;
    }
    let dir = PathBuf::from(std::env::var_os("POLICY_CHECK_WORLD").expect("it runs"));
    let world = policy_testbed::World::from_env().expect("it runs");
    let place = place();
    let repository = place.path().join("lib");
    for name in ["acme", "other"] {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(place.path().join(name));
        assert!(keygen.status().expect("ssh-keygen").success());
    }
    let (acme, other) = (place.path().join("acme"), place.path().join("other"));
    git(&repository, &acme, &["init", "-q", "-b", "main"]);
    let commit = |text: &str, how: &[&str], key: &Path| {
        place.write("lib/images.rego", format!("# {text}\n{LIBRARY}"));
        git(&repository, key, &["add", "--all"]);
        git(&repository, key, &[&["commit", "-q", "-m", text], how].concat());
        git(&repository, key, &["rev-parse", "HEAD"])
    };
    let old = commit("old", &["--no-gpg-sign"], &acme);
    git(&repository, &acme, &["tag", "-s", "-m", "old", "v0"]);
    // The signed tag under another name.
    git(&repository, &acme, &["update-ref", "refs/tags/v9", "refs/tags/v0"]);
    let signed = commit("signed", &["-S"], &acme);
    git(&repository, &acme, &["branch", "signed"]);
    commit("unsigned", &["--no-gpg-sign"], &acme);
    git(&repository, &acme, &["tag", "-s", "-m", "one", "v1"]);
    git(&repository, &other, &["tag", "-s", "-m", "two", "v2"]);
    git(&repository, &acme, &["tag", "light"]);
    commit("other", &["-S"], &other);
    let bare = dir.join("git/policy-library-signed.git");
    drop(std::fs::remove_dir_all(&bare));
    git(place.path(), &acme, &["clone", "-q", "--bare", "lib", bare.to_str().expect("UTF-8")]);
    let names = |reference: &str| {
        let from = format!("git::http://{}/git/policy-library-signed.git#{reference}", world.http);
        let library = json!({"from": from, "signedBy": {"key": "acme.pub"}});
        let libraries = json!({"version": 1, "libraries": {"acme": library}});
        place.write("policy-libraries.json", libraries.to_string());
    };
    for reference in ["signed", &signed, "v1", "v0"] {
        names(reference);
        prints(&place, &["bundle", "lock"]);
        prints(&place, &["eval", "."]);
    }
    for (reference, reason) in [
        ("main", "key: "),
        ("light", "unsigned: the commit is not signed"),
        ("v2", "unsigned: the commit is not signed; key: "),
        ("v9", "was made with another name"),
        (&old, "unsigned: the commit is not signed"),
    ] {
        names(reference);
        let refused = says(&place, &["bundle", "lock"], 2);
        assert!(refused.contains("is not signed by the key in `acme.pub`"), "{refused}");
        assert!(refused.contains(reason), "{reference}: {refused}");
    }
    // The files of another commit, which are in the cache by their digest.
    names("main");
    let file = place.path().join("policy-libraries.json");
    let text =
        std::fs::read_to_string(&file).expect("a file").replace("\"signedBy\":{\"key\":\"acme.pub\"},", "");
    place.write("policy-libraries.json", text.replace(",\"signedBy\":{\"key\":\"acme.pub\"}", ""));
    prints(&place, &["bundle", "lock"]);
    let evil = locked(&place);
    names("signed");
    prints(&place, &["bundle", "lock"]);
    let text = std::fs::read_to_string(&file).expect("a file");
    let files = locked(&place)["files"].as_str().expect("a digest").to_owned();
    place.write("policy-libraries.json", text.replace(&files, evil["files"].as_str().expect("a digest")));
    assert!(says(&place, &["eval", "."], 2).contains("has changed"));
    assert_ne!(sha256(files.as_bytes()), files);
}
