//! Signatures of real commits and tags, and of files behind URLs.
#![allow(clippy::unwrap_used, reason = "test code")]

use crate::harness::{Place, fixture};
use crate::world::World;

/// A folder with a policy that allows what `call` is true for, and the keys and signatures of the world.
fn place(call: &str) -> Place {
    let place = Place::with_policy(&format!(
        "package docker\n\ndefault allow := false\n\nallow if {call}\n\ndecision := {{\"allow\": allow}}\n"
    ));
    for file in [
        "signer.asc",
        "other.asc",
        "ssh.pub",
        "artifact.txt.asc",
        "artifact.txt.sig",
        "artifact.txt.sha1.asc",
    ] {
        place.write(file, std::fs::read(fixture("files").join(file)).unwrap());
    }
    let key = std::fs::read_to_string(fixture("files/ssh.pub")).unwrap();
    place.write("allowed_signers", format!("*@example.com namespaces=\"git\" {key}"));
    place.write("for_files", format!("*@example.com namespaces=\"file\" {key}"));
    place
}

/// The same with the library, and a policy that allows what `function` of one of its modules holds for, and says what
/// `denial` says.
fn place_with_library(module: &str, function: &str, denial: &str) -> Place {
    let place = place("false");
    place.bring_library();
    place.write(
        "Dockerfile.rego",
        format!(
            "package docker\n\nimport data.lib.{module}\n\ndefault allow := false\n\nallow if {function}\n\n\
             deny_msg contains {denial}\n\ndecision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
        ),
    );
    place
}

fn code(world: &World, call: &str, source: &str) -> (i32, String) {
    let place = place(call);
    let done = world.eval(&place, &[source]).finish();
    (done.code, format!("{}{}", done.stdout, done.stderr))
}

#[test]
fn commits_and_tags() {
    let Some(world) = World::running() else { return };
    let repository = "http://127.0.0.1:8088/git/repo.git";
    for (source, object, keys, expected) in [
        ("v1.0.0", "commit", "signer.asc", 0),
        ("v1.0.0", "tag", "signer.asc", 0),
        ("v1.0.0", "tag", "other.asc", 1),
        ("v1.0.0", "tag", "ssh.pub", 1),
        ("v1.1.0-ssh", "tag", "ssh.pub", 0),
        ("v1.1.0-ssh", "tag", "allowed_signers", 0),
        ("v1.1.0-ssh", "tag", "for_files", 1),
        ("light-1", "tag", "signer.asc", 1),
        ("main", "commit", "signer.asc", 1),
        ("gpgsigned", "commit", "signer.asc", 0),
        ("sshsigned", "commit", "allowed_signers", 0),
        ("v1.0.0", "tag", "none.asc", 3),
    ] {
        for function in ["verify_git_signature", "verify_git_signature_strict"] {
            let call = format!("{function}(input.git.{object}, \"{keys}\")");
            let (found, shown) = code(&world, &call, &format!("{repository}#{source}"));
            assert_eq!(found, expected, "{call} of {source}: {shown}");
        }
    }
}

#[test]
fn files() {
    let Some(world) = World::running() else { return };
    let url = "http://127.0.0.1:8088/files/artifact.txt";
    for (source, signature, keys, expected) in [
        (url, "artifact.txt.asc", "signer.asc", 0),
        (url, "artifact.txt.sig", "signer.asc", 0),
        (url, "artifact.txt.asc", "other.asc", 1),
        (url, "artifact.txt.sha1.asc", "signer.asc", 3),
        (url, "artifact.txt.asc", "ssh.pub", 3),
        ("http://127.0.0.1:8088/files/artifact.txt.sig", "artifact.txt.asc", "signer.asc", 1),
    ] {
        let call = format!("verify_http_pgp_signature(input.http, \"{signature}\", \"{keys}\")");
        let (found, shown) = code(&world, &call, source);
        assert_eq!(found, expected, "{call} of {source}: {shown}");
    }
}

/// What the library makes of them: who signed decides, and every denial names the keys.
#[test]
fn the_library_asks_who_signed_commits_and_tags() {
    let Some(world) = World::running() else { return };
    let all = ["commit", "tag", "tag_or_commit"];
    for (source, keys, allowed) in [
        ("v1.0.0", "signer.asc", &all[..]),
        ("v1.0.0", "other.asc", &[]),
        ("v1.0.0", "ssh.pub", &[]),
        ("v1.1.0-ssh", "ssh.pub", &all),
        ("v1.1.0-ssh", "allowed_signers", &all),
        ("v1.1.0-ssh", "for_files", &[]),
        ("light-1", "signer.asc", &[]),
        ("main", "signer.asc", &[]),
        ("gpgsigned", "signer.asc", &["commit", "tag_or_commit"]),
        ("gpgsigned", "other.asc", &[]),
        ("sshsigned", "allowed_signers", &["commit", "tag_or_commit"]),
        ("sshsigned", "signer.asc", &[]),
    ] {
        for function in all {
            let call = |name: &str| format!("signatures.{name}(input.git, \"{keys}\")");
            let place =
                place_with_library("git.signatures", &call(function), &call(&format!("denial_{function}")));
            let source = format!("http://127.0.0.1:8088/git/repo.git#{source}");
            let run = world.eval(&place, &["--strict", &source]).finish();
            let is_allowed = allowed.contains(&function);
            let shown = format!("{function} of {source} by {keys}: {}{}", run.stdout, run.stderr);
            assert_eq!(run.code, i32::from(!is_allowed), "{shown}");
            let names_keys = run.stdout.lines().any(|line| line.contains(&format!("by a key of {keys}")));
            assert_eq!(names_keys, !is_allowed, "{shown}");
        }
    }
}

#[test]
fn the_library_asks_who_signed_a_file() {
    let Some(world) = World::running() else { return };
    let url = "http://127.0.0.1:8088/files/artifact.txt";
    for (source, signature, keys, allowed) in [
        (url, "artifact.txt.asc", "signer.asc", true),
        (url, "artifact.txt.sig", "signer.asc", true),
        (url, "artifact.txt.asc", "other.asc", false),
        ("http://127.0.0.1:8088/files/artifact.txt.sig", "artifact.txt.asc", "signer.asc", false),
    ] {
        let call = |name: &str| format!("signatures.{name}(input.http, \"{signature}\", \"{keys}\")");
        let place = place_with_library("urls.signatures", &call("pgp"), &call("denial_pgp"));
        let run = world.eval(&place, &["--strict", source]).finish();
        let shown = format!("{signature} of {source} by {keys}: {}{}", run.stdout, run.stderr);
        assert_eq!(run.code, i32::from(!allowed), "{shown}");
        let said =
            run.stdout.contains(&format!("{signature} is no signature of this file by a key of {keys}"));
        assert_eq!(said, !allowed, "{shown}");
    }
}
