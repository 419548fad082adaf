//! tmp
use crate::buildkit::proto::*;
use policy_engine::source::SourceOp;
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
#[allow(missing_docs)]
pub enum Mode {
    #[default]
    Deny,
    Allow,
    Policy,
}
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct Rule;
#[allow(missing_docs)]
pub struct CacheImport;
#[allow(missing_docs)]
pub enum Verdict {
    Allowed,
    Denied(String),
    AskPolicy(SourceOp),
}
#[allow(missing_docs)]
pub fn from_solve(_: &SolveView) -> Vec<CacheImport> {
    vec![]
}
#[allow(missing_docs)]
pub fn from_bridge_solve(_: &BridgeSolveView) -> Vec<CacheImport> {
    vec![]
}
#[allow(missing_docs)]
impl Rule {
    pub fn new(_: Mode, _: Vec<String>) -> Self {
        Self
    }
    pub fn judge(&self, _: &CacheImport) -> Verdict {
        Verdict::Allowed
    }
}
