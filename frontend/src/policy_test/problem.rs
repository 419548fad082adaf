//! What keeps one policy's tests from being run, and not those of others: as remarks about a file.

use policy_engine::check::Position;
use policy_engine::policy::Diagnostic;

use super::TestError;
use crate::policy_files::PolicyFileError;

/// A policy or test file that can't be read.
pub(super) fn unreadable(error: &PolicyFileError) -> Diagnostic {
    let (file, message) = match error {
        PolicyFileError::Missing(file) => (file.as_str(), "there is no such file".to_owned()),
        PolicyFileError::Read { path, cause } => (path.as_str(), format!("cannot read it: {cause}")),
        PolicyFileError::NotText(file) => (file.as_str(), "it is not UTF-8 text".to_owned()),
        other => ("", other.to_string()),
    };
    about("unreadable-file", file, message, error.help().filter(|_| file.is_empty()))
}

/// A data file or snapshot that can't be used; `None` for other errors.
pub(super) fn unusable(error: &TestError) -> Option<Diagnostic> {
    match error {
        TestError::Data { path, reason } => Some(about("unusable-data", path, reason.clone(), error.help())),
        TestError::Snapshot { path, error: cause } => {
            Some(about("unusable-data", path, cause.to_string(), error.help()))
        }
        _ => None,
    }
}

fn about(code: &'static str, file: &str, message: String, help: Option<String>) -> Diagnostic {
    let position = Position { file: file.to_owned(), line: 1, column: 1 };
    Diagnostic { code, position, message, help, line: None }
}
