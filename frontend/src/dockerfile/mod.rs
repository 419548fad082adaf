//! Which sources does a build use? Found from its Dockerfile and options, without a daemon, exactly as BuildKit
//! would ask policy about them.

mod used;

pub use used::{Images, Place, ResolvedImage, UsedSource};
