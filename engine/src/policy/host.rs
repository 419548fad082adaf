//! The built-in functions that work on the source being checked.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::SystemTime;

use regorus::Value;

use super::decide::Demands;
use super::{FileError, Policy};
use crate::input::{Group, Input, RawObjects, Signature};
use crate::rego::eval::{Answer, Host};
use crate::rego::ir::OwnBuiltin;
use crate::rego::unknown;
use crate::source::digest;
use crate::verify::key::{KEY_LIMIT, PublicKey};
use crate::verify::{self, Failure, Trust};

/// Bytes that a file read by `load_json` may have.
const JSON_LIMIT: u64 = 4 << 20;

/// What the built-ins may look at.
pub(super) struct SourceHost<'a> {
    pub(super) policy: &'a Policy,
    pub(super) input: &'a Input,
    /// The input as the policy sees it, unresolved fields included.
    pub(super) document: &'a Value,
    /// The bytes that signatures are over.
    pub(super) raw: &'a RawObjects,
    /// Whom signatures are trusted to.
    pub(super) trust: &'a Trust,
    /// The time of the check.
    pub(super) now: SystemTime,
    pub(super) demands: &'a Demands,
    /// Signatures that don't count, each once.
    pub(super) failures: RefCell<Vec<Failure>>,
    /// Manifests whose signatures a key verified.
    pub(super) by_key: RefCell<BTreeSet<String>>,
}

impl Host for SourceHost<'_> {
    fn call(&self, builtin: OwnBuiltin, args: &[Value]) -> Answer {
        match builtin {
            OwnBuiltin::LoadJson => Self::load_json(self.policy, &args[0]),
            OwnBuiltin::PinImage => self.pin_image(&args[0], &args[1]),
            OwnBuiltin::VerifyGitSignature => self.verify_git_signature(&args[0]),
            OwnBuiltin::VerifyImageKey => self.verify_image_key(&args[0], &args[1]),
            OwnBuiltin::VerifyHttpPgpSignature => {
                self.verify_http(&args[0], "verify_http_pgp_signature", false)
            }
            OwnBuiltin::ArtifactAttestation => self.verify_http(&args[0], "artifact_attestation", true),
            OwnBuiltin::GithubAttestation => self.verify_http(&args[0], "github_attestation", true),
            // The evaluator answers these itself.
            OwnBuiltin::NowNs | OwnBuiltin::RandIntn | OwnBuiltin::UuidRfc4122 => {
                Answer::Value(Value::Undefined)
            }
        }
    }
}

impl SourceHost<'_> {
    /// `load_json(file)`: the file's content. Read once, for the policy's life.
    pub(super) fn load_json(policy: &Policy, path: &Value) -> Answer {
        let Value::String(path) = path else {
            return Answer::Error(format!("load_json: the path must be a string, not {path}"));
        };
        let mut known = policy.json.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(value) = known.get(&**path) {
            return Answer::Value(value.clone());
        }
        match Self::read_json(policy, path) {
            Ok(value) => {
                known.insert(path.to_string(), value.clone());
                Answer::Value(value)
            }
            Err(reason) => Answer::Error(format!("load_json: cannot load `{path}`: {reason}")),
        }
    }

    /// A file of the policy's root.
    fn read(policy: &Policy, path: &str, limit: u64) -> Result<Vec<u8>, String> {
        let root = policy.root.as_ref().ok_or("this policy has no root to read files from")?;
        root.read(path, limit).map_err(|error: FileError| error.to_string())
    }

    fn read_json(policy: &Policy, path: &str) -> Result<Value, String> {
        let bytes = Self::read(policy, path, JSON_LIMIT)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
        Value::from_json_str(text).map_err(|error| {
            let first_line = error.to_string();
            format!("invalid JSON: {}", first_line.lines().next().unwrap_or("it cannot be parsed"))
        })
    }

    /// `pin_image(input.image, digest)`: true, and the image is replaced by the one with this digest.
    fn pin_image(&self, image: &Value, wanted: &Value) -> Answer {
        if self.input.image.is_none() {
            return Answer::Value(Value::from(false));
        }
        match is_same(image, &self.document["image"]) {
            Value::Bool(true) => {}
            Value::Bool(false) => {
                return Answer::Error("pin_image: the first argument must be `input.image`".to_owned());
            }
            unknown => return Answer::Value(unknown),
        }
        let Value::String(wanted) = wanted else {
            return Answer::Error(format!("pin_image: the digest must be a string, not {wanted}"));
        };
        if let Err(error) = digest::validate(wanted) {
            return Answer::Error(format!("pin_image: invalid digest {wanted:?}: {error}"));
        }
        Answer::Pin(wanted.to_string())
    }

    /// `verify_image_key(input.image, file)`: the signatures that the key in the file made; undefined if there are none.
    fn verify_image_key(&self, image: &Value, file: &Value) -> Answer {
        if self.input.image_content().is_none() {
            return Answer::Value(Value::Undefined);
        }
        let (image_part, layout_part) = (&self.document["image"], &self.document["ociLayout"]);
        let part = if self.input.image.is_some() { image_part } else { layout_part };
        match is_same(image, part) {
            Value::Bool(true) => {}
            Value::Bool(false) => {
                return Answer::Error(
                    "verify_image_key: the first argument must be `input.image`".to_owned(),
                );
            }
            unknown => return Answer::Value(unknown),
        }
        let Value::String(file) = file else {
            return Answer::Error(format!("verify_image_key: the key's file must be a string, not {file}"));
        };
        let key = match Self::read(self.policy, file, KEY_LIMIT).map(|bytes| PublicKey::from_pem(&bytes)) {
            Ok(Ok(key)) => key,
            Ok(Err(error)) => {
                return Answer::Error(format!("verify_image_key: `{file}` is no public key: {error}"));
            }
            Err(reason) => {
                return Answer::Error(format!("verify_image_key: cannot read `{file}`: {reason}"));
            }
        };
        let Some((chain, signatures)) = &self.raw.signatures else {
            return self.ask(Group::Signatures, "verify_image_key");
        };
        let verified = verify::image::verify_with_key(chain, signatures, &key, self.trust);
        if verified.signatures.is_empty() {
            verified.failures.into_iter().for_each(|failure| self.note(failure));
            return Answer::Value(Value::Undefined);
        }
        self.by_key.borrow_mut().extend(verified.signatures.iter().map(|signature| signature.digest.clone()));
        Answer::Value(Signature::to_value(&verified.signatures))
    }

    fn verify_git_signature(&self, object: &Value) -> Answer {
        let Some(git) = &self.input.git else { return Answer::Value(Value::from(false)) };
        if git.commit.is_none() {
            return self.ask(Group::GitObjects, "verify_git_signature");
        }
        let git = &self.document["git"];
        match (is_same(object, &git["commit"]), is_same(object, &git["tag"])) {
            (Value::Bool(true), _) | (_, Value::Bool(true)) => unsupported("verify_git_signature"),
            (Value::Bool(false), Value::Bool(false)) => {
                let message =
                    "verify_git_signature: the first argument must be `input.git.commit` or `input.git.tag`";
                Answer::Error(message.to_owned())
            }
            (Value::Bool(_), unknown) | (unknown, _) => Answer::Value(unknown),
        }
    }

    fn verify_http(&self, object: &Value, name: &str, needs_checksum: bool) -> Answer {
        let Some(http) = &self.input.http else {
            // buildx: false for the one that answers a boolean, nothing for those that answer a signature.
            let answer = if needs_checksum { Value::Undefined } else { Value::from(false) };
            return Answer::Value(answer);
        };
        match is_same(object, &self.document["http"]) {
            Value::Bool(true) => {}
            Value::Bool(false) => {
                return Answer::Error(format!("{name}: the first argument must be `input.http`"));
            }
            unknown => return Answer::Value(unknown),
        }
        if needs_checksum && http.checksum.is_empty() {
            return self.ask(Group::HttpChecksum, name);
        }
        unsupported(name)
    }

    /// Notes that a signature doesn't count.
    fn note(&self, failure: Failure) {
        let mut failures = self.failures.borrow_mut();
        if !failures.contains(&failure) {
            failures.push(failure);
        }
    }

    fn ask(&self, group: Group, name: &str) -> Answer {
        match self.demands.of_root(group) {
            Some(unknown) => Answer::Value(unknown),
            None => Answer::Error(format!("{name}: what it verifies could not be resolved")),
        }
    }
}

/// Whether an argument is this part of the input: a boolean, or unknown. Unresolved, it is still itself.
fn is_same(argument: &Value, part: &Value) -> Value {
    if argument == part { Value::from(true) } else { unknown::equal(argument, part) }
}

fn unsupported(name: &str) -> Answer {
    Answer::Error(format!("{name}: this version of policy-check cannot verify signatures yet"))
}
