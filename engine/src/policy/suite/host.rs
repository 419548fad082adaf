//! The built-in functions that work on a source, where there is a mocked input instead.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use regorus::Value;

use super::super::Policy;
use super::super::host::SourceHost;
use crate::rego::eval::{Answer, Host};
use crate::rego::ir::OwnBuiltin;
use crate::source::digest;

/// Answers for mocked inputs. Whatever verifies a signature verifies none: a mock has no bytes to verify.
pub(super) struct TestHost<'a> {
    pub(super) policy: &'a Policy,
    /// What takes the place of mocked inputs.
    pub(super) inputs: &'a BTreeMap<Value, Value>,
    /// Functions that would have verified something.
    pub(super) unverified: RefCell<BTreeSet<&'static str>>,
}

impl Host for TestHost<'_> {
    fn call(&self, builtin: OwnBuiltin, args: &[Value]) -> Answer {
        self.call_with(&Value::Undefined, builtin, args)
    }

    fn call_with(&self, input: &Value, builtin: OwnBuiltin, args: &[Value]) -> Answer {
        let name = match builtin {
            OwnBuiltin::LoadJson => {
                return SourceHost::load_json(self.policy, args.first().unwrap_or(&Value::Undefined));
            }
            OwnBuiltin::PinImage => return pin_image(input, args),
            // The evaluator answers these itself.
            OwnBuiltin::NowNs | OwnBuiltin::RandIntn | OwnBuiltin::UuidRfc4122 => {
                return Answer::Value(Value::Undefined);
            }
            OwnBuiltin::VerifyGitSignature => "verify_git_signature",
            OwnBuiltin::VerifyGitSignatureStrict => "verify_git_signature_strict",
            OwnBuiltin::VerifyImageKey => "verify_image_key",
            OwnBuiltin::VerifyHttpPgpSignature => "verify_http_pgp_signature",
            OwnBuiltin::VerifyHttpPgpSignatureLenient => "verify_http_pgp_signature_lenient",
            OwnBuiltin::ArtifactAttestation => "artifact_attestation",
            OwnBuiltin::GithubAttestation => "github_attestation",
        };
        self.unverified.borrow_mut().insert(name);
        let answer = match builtin {
            OwnBuiltin::VerifyHttpPgpSignature | OwnBuiltin::VerifyHttpPgpSignatureLenient => {
                Value::from(false)
            }
            _ => Value::Undefined,
        };
        Answer::Value(answer)
    }

    fn mocked(&self, input: Value) -> Value {
        self.inputs.get(&input).cloned().unwrap_or(input)
    }
}

/// As for a real source: true for the image that is checked, and an error for anything else.
fn pin_image(input: &Value, args: &[Value]) -> Answer {
    let [image, wanted] = args else { return Answer::Value(Value::Undefined) };
    if matches!(input["image"], Value::Undefined) {
        return Answer::Value(Value::from(false));
    }
    if *image != input["image"] {
        return Answer::Error("pin_image: the first argument must be `input.image`".to_owned());
    }
    let Value::String(wanted) = wanted else {
        return Answer::Error(format!("pin_image: the digest must be a string, not {wanted}"));
    };
    match digest::validate(wanted) {
        Ok(()) => Answer::Value(Value::from(true)),
        Err(error) => Answer::Error(format!("pin_image: invalid digest {wanted:?}: {error}")),
    }
}
