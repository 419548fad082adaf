//! The language: Rego v1 as OPA means it, evaluated over what is known so far.
//!
//! `lexer` and `parser` turn text into an `ast`; `compile` resolves names, checks what OPA checks at
//! compile time, orders each body so that variables are bound before they are used, and lowers it to an
//! `ir`; `eval` runs that. Values are those of the regorus crate.
//!
//! What sets this evaluator apart is the third truth value: reading a property that nobody has resolved
//! yet is *unknown* (see [`unknown`]), and whatever depends on it is unknown too. A decision that comes
//! out known therefore cannot depend on anything hidden.

pub(crate) mod ast;
pub(crate) mod compile;
pub(crate) mod eval;
pub(crate) mod ir;
pub(crate) mod lexer;
pub(crate) mod parser;
pub(crate) mod unknown;

pub(crate) use compile::OWN;

#[cfg(test)]
mod evaluate;
#[cfg(test)]
mod language_tests;
#[cfg(test)]
mod robustness_tests;
#[cfg(test)]
mod semantics_tests;
