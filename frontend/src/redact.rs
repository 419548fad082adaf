//! Makes sources and messages fit to be shown: without the credentials that URLs in them may carry.

use policy_engine::source::{Redacted, SourceOp};

/// The source's identifier.
pub fn source(source: &SourceOp) -> String {
    url(&source.identifier)
}

/// Any text that may hold URLs.
pub fn url(text: &str) -> String {
    Redacted(text).to_string()
}
