//! What the server tells whoever runs it, on standard error.

use std::io::Write;

use crate::redact;
use crate::report::human::printable;

/// Prints `text`, without the credentials that URLs in it carry. That nobody listens is no failure.
pub(crate) fn tell(text: &str) {
    let text = printable(&redact::url(text));
    let _unheard = writeln!(std::io::stderr().lock(), "policy-check: {text}");
}
