//! `verify_image_key`.

use regorus::Value;

use super::host::{SourceHost, is_same};
use crate::input::{Group, Signature};
use crate::rego::eval::Answer;
use crate::verify::{KEY_LIMIT, PublicKey, image};

const NAME: &str = "verify_image_key";

impl SourceHost<'_> {
    /// `verify_image_key(input.image, file)`: the signatures that the key in the file made. Undefined when it made
    /// none: another rule may allow the image by another key.
    pub(super) fn verify_image_key(&self, image: &Value, file: &Value) -> Answer {
        if self.input.image_content().is_none() {
            return Answer::Value(Value::Undefined);
        }
        let document = if self.input.image.is_some() { "image" } else { "ociLayout" };
        match is_same(image, &self.document[document]) {
            Value::Bool(true) => {}
            Value::Bool(false) => {
                return Answer::Error(format!("{NAME}: the first argument must be `input.{document}`"));
            }
            unknown => return Answer::Value(unknown),
        }
        let (file, bytes) = match self.read_file(file, KEY_LIMIT) {
            Ok(read) => read,
            Err(reason) => return Answer::Error(format!("{NAME}: {reason}")),
        };
        let key = match PublicKey::from_pem(&bytes) {
            Ok(key) => key,
            Err(error) => return Answer::Error(format!("{NAME}: `{file}` is no public key: {error}")),
        };
        let Some((chain, signatures)) = &self.raw.signatures else {
            return self.ask(Group::Signatures, NAME);
        };
        let verified = image::verify_with_key(chain, signatures, &key, self.trust);
        if verified.signatures.is_empty() {
            verified.failures.into_iter().for_each(|failure| self.note(failure));
            return Answer::Undefined(format!("{NAME}: no signature of the image verifies with `{file}`"));
        }
        self.by_key.borrow_mut().extend(verified.signatures.iter().map(|signature| signature.digest.clone()));
        Answer::Value(Signature::to_value(&verified.signatures))
    }
}
