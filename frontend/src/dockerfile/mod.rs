//! Which sources does a build use? Found from its Dockerfile and options, without a daemon, exactly as BuildKit
//! would ask policy about them.
//!
//! [`discover()`] is the way in. From the text outwards:
//!
//! - [`parse`]: text to instructions, and nothing else;
//! - `expand`: variables and quotes of a word;
//! - `instructions`: what instructions say, stages and their commands;
//! - `graph`, `stages`, `bases`, `steps`: stages of one target platform, what each begins with, needs and loads;
//! - `discover`: all platforms together, the contexts, the frontend's image, the SBOM's.
//!
//! A source is *looked up* when BuildKit asks a registry about it, and *loaded* when it is part of what is built.
//! Policy is asked at both times: about an image by its tag when it is looked up, and by tag and digest when it is
//! loaded; about everything else when it is loaded. So a file that only a stage adds that nothing is copied from is
//! no source of the build, while the image that the stage begins with may be one.

mod arguments;
mod attestations;
mod bases;
mod build;
mod discover;
mod environment;
mod epoch;
mod error;
mod expand;
mod found;
mod graph;
mod image_config;
mod instructions;
mod named;
pub mod parse;
mod stages;
mod steps;
mod syntax;
#[cfg(test)]
mod tests;
mod used;

pub use build::{Build, DockerfileOrigin, MainContext, STDIN_ARCHIVE, remote_context};
pub use discover::{Discovered, Warning, discover};
pub use error::DockerfileError;
pub use used::{BuildResult, Images, Place, ResolvedImage, UsedSource};
