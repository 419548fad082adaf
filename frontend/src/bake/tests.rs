#![allow(clippy::unwrap_used)]

mod options;
mod print;
mod robustness;
