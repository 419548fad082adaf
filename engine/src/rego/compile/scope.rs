//! Variables: which name means which slot, and which slots are bound so far.

use std::collections::HashMap;

use super::super::ast::Name;
use super::super::ir::{Slot, Traits};

/// The variables of one clause.
#[derive(Debug)]
pub(super) struct Frame {
    /// The module the clause stands in.
    pub(super) module: usize,
    scopes: Vec<HashMap<Name, Slot>>,
    /// For each slot, whether a value is in it at this point of the body.
    bound: Vec<bool>,
    names: Vec<Name>,
    /// Slots below this belong to an enclosing body: a closure or negation may read but not bind them.
    floor: Slot,
    /// Whether `_` may stand for a value to be found (not under `not`).
    wildcards: bool,
    /// What the statement being lowered may do, so far.
    pub(super) traits: Traits,
}

/// What a failed attempt to lower something must not leave behind.
pub(super) struct Snapshot {
    bound: Vec<bool>,
    depth: usize,
    floor: Slot,
    wildcards: bool,
    traits: Traits,
}

impl Frame {
    pub(super) fn new(module: usize) -> Self {
        Self {
            module,
            scopes: Vec::new(),
            bound: Vec::new(),
            names: Vec::new(),
            floor: 0,
            wildcards: true,
            traits: Traits::default(),
        }
    }

    pub(super) fn enter(&mut self) {
        self.scopes.push(HashMap::new());
    }

    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    /// How many slots were ever needed.
    pub(super) fn slots(&self) -> usize {
        self.bound.len()
    }

    /// A slot without a name that source text could use.
    pub(super) fn fresh(&mut self, name: &str) -> Slot {
        self.bound.push(false);
        self.names.push(Name::from(name));
        self.bound.len() - 1
    }

    /// A new variable in the innermost scope.
    pub(super) fn declare(&mut self, name: &Name) -> Slot {
        let slot = self.fresh(name);
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.clone(), slot);
        }
        slot
    }

    pub(super) fn lookup(&self, name: &str) -> Option<Slot> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name).copied())
    }

    /// Whether `name` is a parameter (they have the outermost scope).
    pub(super) fn is_argument(&self, name: &str) -> bool {
        self.scopes.len() == 2 && self.scopes[0].contains_key(name)
    }

    pub(super) fn in_innermost(&self, name: &str) -> bool {
        self.scopes.last().is_some_and(|scope| scope.contains_key(name))
    }

    pub(super) fn is_bound(&self, slot: Slot) -> bool {
        self.bound[slot]
    }

    pub(super) fn bind(&mut self, slot: Slot) {
        self.bound[slot] = true;
    }

    pub(super) fn name(&self, slot: Slot) -> &Name {
        &self.names[slot]
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            bound: self.bound.clone(),
            depth: self.scopes.len(),
            floor: self.floor,
            wildcards: self.wildcards,
            traits: self.traits,
        }
    }

    /// Back to what was bound at `snapshot`. Slots made since stay allotted, unbound.
    pub(super) fn restore(&mut self, snapshot: Snapshot) {
        let len = self.bound.len();
        self.bound = snapshot.bound;
        self.bound.resize(len, false);
        self.scopes.truncate(snapshot.depth);
        self.floor = snapshot.floor;
        self.wildcards = snapshot.wildcards;
        self.traits = snapshot.traits;
    }

    /// Runs `lower` in a closure: a scope of its own that cannot bind what is outside.
    pub(super) fn closure<T>(&mut self, lower: impl FnOnce(&mut Self) -> T) -> T {
        let (floor, wildcards) = (self.floor, self.wildcards);
        self.floor = self.slots();
        self.wildcards = true;
        self.enter();
        let lowered = lower(self);
        self.leave();
        (self.floor, self.wildcards) = (floor, wildcards);
        lowered
    }

    /// Runs `lower` under `not`: nothing outside can be bound, and `_` has nothing to stand for.
    pub(super) fn negated<T>(&mut self, lower: impl FnOnce(&mut Self) -> T) -> T {
        let (floor, wildcards) = (self.floor, self.wildcards);
        self.floor = self.slots();
        self.wildcards = false;
        let lowered = lower(self);
        (self.floor, self.wildcards) = (floor, wildcards);
        lowered
    }

    /// Whether this place may give the slot its value.
    pub(super) fn can_bind(&self, slot: Slot) -> bool {
        !self.bound[slot] && slot >= self.floor
    }

    pub(super) fn wildcards_allowed(&self) -> bool {
        self.wildcards
    }

    /// Slots bound now that were not at `snapshot`.
    pub(super) fn bound_since(&self, snapshot: &Snapshot) -> Vec<Slot> {
        (0..self.bound.len())
            .filter(|slot| self.bound[*slot] && !snapshot.bound.get(*slot).copied().unwrap_or(false))
            .collect()
    }
}
