//! The built-in functions that work on the source being checked.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::SystemTime;

use bytes::Bytes;
use regorus::Value;

use super::decide::Demands;
use super::{FileError, Policy};
use crate::input::{Group, Input, RawObjects};
use crate::rego::eval::{Answer, Host};
use crate::rego::ir::OwnBuiltin;
use crate::rego::unknown;
use crate::source::digest;
use crate::verify::pgp::Validity;
use crate::verify::{Failure, Trust};

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
            OwnBuiltin::VerifyGitSignature => {
                self.verify_git(&args[0], &args[1], "verify_git_signature", Validity::WhenSigned)
            }
            OwnBuiltin::VerifyImageKey => self.verify_image_key(&args[0], &args[1]),
            OwnBuiltin::VerifyGitSignatureStrict => {
                self.verify_git(&args[0], &args[1], "verify_git_signature_strict", Validity::Now)
            }
            OwnBuiltin::VerifyHttpPgpSignature => {
                self.verify_http_pgp(args, "verify_http_pgp_signature", Validity::Now)
            }
            OwnBuiltin::VerifyHttpPgpSignatureLenient => {
                self.verify_http_pgp(args, "verify_http_pgp_signature_lenient", Validity::WhenSigned)
            }
            OwnBuiltin::ArtifactAttestation => self.artifact_attestation(&args[0], &args[1]),
            OwnBuiltin::GithubAttestation => self.github_attestation(&args[0], &args[1]),
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

    fn read_json(policy: &Policy, path: &str) -> Result<Value, String> {
        let root = policy.root.as_ref().ok_or("this policy has no root to read files from")?;
        let bytes = root.read(path, JSON_LIMIT).map_err(|error: FileError| error.to_string())?;
        let text = std::str::from_utf8(&bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
        Value::from_json_str(text).map_err(|error| {
            let first_line = error.to_string();
            format!("invalid JSON: {}", first_line.lines().next().unwrap_or("it cannot be parsed"))
        })
    }

    /// The name and the bytes of a file of the policy, of at most `limit` bytes. Read once, for the policy's life: a
    /// decision takes several rounds, and all must see the same.
    pub(super) fn read_file(&self, path: &Value, limit: usize) -> Result<(String, Bytes), String> {
        let Value::String(path) = path else {
            return Err(format!("the name of a file must be a string, not {path}"));
        };
        let mut known = self.policy.files_read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let bytes = match known.get(&**path) {
            Some(bytes) => bytes.clone(),
            None => {
                let root = self.policy.root.as_ref().ok_or("this policy has no root to read files from")?;
                let read = root.read(path, limit as u64);
                let bytes = Bytes::from(read.map_err(|error| format!("cannot read `{path}`: {error}"))?);
                known.insert(path.to_string(), bytes.clone());
                bytes
            }
        };
        // It may have been read with a higher limit.
        if bytes.len() > limit {
            return Err(format!("cannot read `{path}`: {}", FileError::TooLarge(limit as u64)));
        }
        Ok((path.to_string(), bytes))
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

    /// Notes that a signature doesn't count.
    pub(super) fn note(&self, failure: Failure) {
        let mut failures = self.failures.borrow_mut();
        if !failures.contains(&failure) {
            failures.push(failure);
        }
    }

    pub(super) fn ask(&self, group: Group, name: &str) -> Answer {
        match self.demands.of_root(group) {
            Some(unknown) => Answer::Value(unknown),
            None => Answer::Error(format!("{name}: what it verifies could not be resolved")),
        }
    }
}

/// Whether an argument is this part of the input: a boolean, or unknown. Unresolved, it is still itself.
pub(super) fn is_same(argument: &Value, part: &Value) -> Value {
    if argument == part { Value::from(true) } else { unknown::equal(argument, part) }
}
