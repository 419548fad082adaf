//! Variables of a stage.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expand::Variables;

/// How many variables a stage may have.
const MAX_VARIABLES: usize = 2000;

/// Variables by name. Cheap to clone: stages share them until they set their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Environment(Arc<BTreeMap<Arc<str>, Arc<str>>>);

impl Environment {
    /// Sets a variable. Fails when there are too many.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if self.get(name) == Some(value) {
            return Ok(());
        }
        if self.0.len() >= MAX_VARIABLES && !self.0.contains_key(name) {
            return Err(format!("there are more than {MAX_VARIABLES} variables, which is the limit"));
        }
        Arc::make_mut(&mut self.0).insert(name.into(), value.into());
        Ok(())
    }

    /// All of them as `NAME=value`.
    pub(super) fn pairs(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, value)| format!("{name}={value}"))
    }

    /// Sets all variables of another environment.
    pub(super) fn extend(&mut self, other: &Self) -> Result<(), String> {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ok(());
        }
        other.0.iter().try_for_each(|(name, value)| self.set(name, value))
    }
}

impl Variables for Environment {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref)
    }
}
