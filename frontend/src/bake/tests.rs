#![allow(clippy::unwrap_used)]

mod print;
mod robustness;
