//! `verify_git_signature` and `verify_git_signature_strict`.

use std::time::UNIX_EPOCH;

use regorus::Value;

use super::host::{SourceHost, is_same};
use crate::input::Group;
use crate::rego::eval::Answer;
use crate::verify::git::{self, GitKeys};
use crate::verify::pgp::{PGP_FILE_LIMIT, Validity};

impl SourceHost<'_> {
    /// `verify_git_signature(input.git.commit, file)`: true when one of the file's keys signed the commit or tag.
    /// Undefined when not, as in buildx: another rule may allow it by other keys.
    pub(super) fn verify_git(&self, object: &Value, path: &Value, name: &str, validity: Validity) -> Answer {
        let Some(git) = &self.input.git else { return Answer::Value(Value::from(false)) };
        if git.commit.is_none() {
            return self.ask(Group::GitObjects, name);
        }
        let git = &self.document["git"];
        let object = match (is_same(object, &git["commit"]), is_same(object, &git["tag"])) {
            (Value::Bool(true), _) => &self.raw.commit,
            (_, Value::Bool(true)) => &self.raw.tag,
            (Value::Bool(false), Value::Bool(false)) => {
                return Answer::Error(format!(
                    "{name}: the first argument must be `input.git.commit` or `input.git.tag`"
                ));
            }
            (Value::Bool(_), unknown) | (unknown, _) => return Answer::Value(unknown),
        };
        let Some(object) = object else {
            return Answer::Error(format!("{name}: what it verifies could not be resolved"));
        };
        let (path, file) = match self.read_file(path, PGP_FILE_LIMIT) {
            Ok(read) => read,
            Err(reason) => return Answer::Error(format!("{name}: {reason}")),
        };
        let keys = match GitKeys::parse(&file) {
            Ok(keys) => keys,
            Err(error) => return Answer::Error(format!("{name}: cannot read the keys in `{path}`: {error}")),
        };
        match git::verify(object, &keys, self.now_seconds(), validity) {
            Ok(()) => Answer::Value(Value::from(true)),
            Err(failure) => {
                let message = format!(
                    "{name}: the {} does not verify with `{path}`: {}: {}",
                    object.kind.name(),
                    failure.step,
                    failure.message
                );
                self.note(failure);
                Answer::Undefined(message)
            }
        }
    }

    /// The time of the check, in seconds since 1970.
    pub(super) fn now_seconds(&self) -> i64 {
        let since = self.now.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }
}
