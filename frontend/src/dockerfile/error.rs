//! What can be wrong with a Dockerfile, or with the options it is built with.

/// Why the sources of a build can't be found: BuildKit would refuse the build as well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", LineSuffix(*.line))]
pub struct DockerfileError {
    /// The Dockerfile, as it is shown to the user.
    pub file: String,
    /// First line of the instruction that is wrong, from 1; 0 where it is no single one.
    pub line: u32,
    /// Its last line.
    pub end_line: u32,
    /// What is wrong, without the place.
    pub message: String,
}

struct LineSuffix(u32);

impl std::fmt::Display for LineSuffix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, ":{}", self.0) }
    }
}
