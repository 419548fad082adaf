//! Which sources does a build use? Found from its Dockerfile and options, without a daemon, exactly as BuildKit
//! would ask policy about them.

mod build;
mod discover;
mod error;
mod used;

pub use build::{Build, DockerfileOrigin, MainContext, STDIN_ARCHIVE, remote_context};
pub use discover::{Discovered, Warning, discover};
pub use error::DockerfileError;
pub use used::{Images, Place, ResolvedImage, UsedSource};
