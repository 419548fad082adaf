//! `verify_http_pgp_signature` and `verify_http_pgp_signature_lenient`.

use data_encoding::HEXLOWER_PERMISSIVE;
use regorus::Value;

use super::host::{SourceHost, is_same};
use crate::input::Demand;
use crate::rego::eval::Answer;
use crate::rego::unknown;
use crate::verify::Failure;
use crate::verify::pgp::{Keyring, PGP_FILE_LIMIT, Signature, Signatures, Validity};

/// What came of one signature.
enum Verdict {
    Verified,
    Failed(Failure),
    /// It is over a digest that nobody has looked up.
    Unknown(Value),
}

impl SourceHost<'_> {
    /// `verify_http_pgp_signature(input.http, signature file, key file)`: whether a signature of the file is over
    /// what the URL delivers and by one of the keys. Asks for the digest that the signature is over.
    pub(super) fn verify_http_pgp(&self, args: &[Value], name: &str, validity: Validity) -> Answer {
        if self.input.http.is_none() {
            return Answer::Value(Value::from(false));
        }
        match is_same(&args[0], &self.document["http"]) {
            Value::Bool(true) => {}
            Value::Bool(false) => {
                return Answer::Error(format!("{name}: the first argument must be `input.http`"));
            }
            unknown => return Answer::Value(unknown),
        }
        match self.verify_files(&args[1], &args[2], validity) {
            Ok(value) => Answer::Value(value),
            Err(reason) => Answer::Error(format!("{name}: {reason}")),
        }
    }

    fn verify_files(&self, signature: &Value, key: &Value, validity: Validity) -> Result<Value, String> {
        let (path, file) = self.read_file(signature, PGP_FILE_LIMIT)?;
        let signatures = Signatures::parse(&file)
            .map_err(|error| format!("cannot read the signature in `{path}`: {error}"))?;
        let (key_path, file) = self.read_file(key, PGP_FILE_LIMIT)?;
        let keyring = Keyring::parse(&file)
            .map_err(|error| format!("cannot read the keys in `{key_path}`: {error}"))?;
        // With none that a digest can tell about, the file is of no use.
        if signatures.iter().all(|signature| signature.checksum_request().is_err())
            && let Some(Err(failure)) = signatures.iter().map(Signature::checksum_request).next()
        {
            return Err(format!("the signature in `{path}`: {}", failure.message));
        }
        let mut failures = Vec::new();
        let mut needed = None;
        for signature in signatures.iter() {
            match self.verify_one(signature, &keyring, validity)? {
                Verdict::Verified => return Ok(Value::from(true)),
                Verdict::Failed(failure) => failures.push(failure),
                Verdict::Unknown(value) => unknown::add(&mut needed, &value),
            }
        }
        if let Some(needed) = needed {
            return Ok(needed);
        }
        failures.into_iter().for_each(|failure| self.note(failure));
        Ok(Value::from(false))
    }

    /// An error is about what was delivered, not about the signature.
    fn verify_one(
        &self,
        signature: &Signature,
        keyring: &Keyring,
        validity: Validity,
    ) -> Result<Verdict, String> {
        let now = self.now_seconds();
        let request = match signature
            .check_before(keyring, now, validity)
            .and_then(|()| signature.checksum_request())
        {
            Ok(request) => request,
            Err(failure) => return Ok(Verdict::Failed(failure)),
        };
        let known = self.raw.http.as_ref().and_then(|http| http.digest_over(&request));
        let Some(known) = known else {
            return Ok(Verdict::Unknown(self.demands.make(Demand::Checksum(request))));
        };
        let hex = known.split_once(':').map(|(_, hex)| hex).unwrap_or_default();
        let digest = HEXLOWER_PERMISSIVE
            .decode(hex.as_bytes())
            .ok()
            .filter(|digest| digest.len() == request.algorithm.length())
            .ok_or_else(|| format!("the digest {known:?} that was delivered is malformed"))?;
        Ok(match signature.verify(&digest, keyring, now, validity) {
            Ok(()) => Verdict::Verified,
            Err(failure) => Verdict::Failed(failure),
        })
    }
}
