//! Variables: which name means which slot, and which slots are bound so far.

use std::cell::Cell;
use std::collections::HashMap;

use super::super::ast::Name;
use super::super::ir::{Slot, Traits};

/// The variables of one clause.
#[derive(Debug)]
pub(super) struct Frame {
    /// The module the clause stands in.
    pub(super) module: usize,
    scopes: Vec<Scope>,
    /// For each slot, whether a value is in it at this point of the body.
    bound: Vec<bool>,
    /// The bound slots in the order in which they were.
    order: Vec<Slot>,
    names: Vec<Name>,
    /// For each slot, whether anything refers to it.
    used: Vec<Cell<bool>>,
    /// Slots below this belong to an enclosing body: a closure or negation may read but not bind them.
    floor: Slot,
    /// Whether `_` may stand for a value to be found (not under `not`).
    wildcards: bool,
    /// What the statement being lowered may do, so far.
    pub(super) traits: Traits,
}

/// Names that one body introduces.
#[derive(Debug)]
struct Scope {
    names: HashMap<Name, Declared>,
    /// How far into the body names are looked up: what is declared later is not seen.
    position: usize,
}

#[derive(Debug, Clone, Copy)]
struct Declared {
    slot: Slot,
    /// From which position on the name means this variable.
    from: usize,
    /// By `:=`, `some`, `every` or as a parameter; other names become variables by being mentioned.
    explicit: bool,
}

/// What a failed attempt to lower something must not leave behind.
#[derive(Clone, Copy)]
pub(super) struct Snapshot {
    /// How many slots were bound.
    bound: usize,
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
            order: Vec::new(),
            names: Vec::new(),
            used: Vec::new(),
            floor: 0,
            wildcards: true,
            traits: Traits::default(),
        }
    }

    pub(super) fn enter(&mut self) {
        self.scopes.push(Scope { names: HashMap::new(), position: usize::MAX });
    }

    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    /// How many slots were ever needed.
    pub(super) fn slots(&self) -> usize {
        self.bound.len()
    }

    /// The names of all slots.
    pub(super) fn into_names(self) -> Vec<Name> {
        self.names
    }

    /// A slot without a name that source text could use: `name` begins with a NUL.
    pub(super) fn unnamed(&mut self) -> Slot {
        self.fresh("\0")
    }

    fn fresh(&mut self, name: &str) -> Slot {
        self.bound.push(false);
        self.names.push(Name::from(name));
        self.used.push(Cell::new(false));
        self.bound.len() - 1
    }

    /// A new variable in the innermost scope, which has the name everywhere in its body.
    pub(super) fn declare(&mut self, name: &Name) -> Slot {
        self.declare_as(name, 0, false)
    }

    /// A new variable in the innermost scope that is declared in so many words and has the name from a
    /// position in the body on.
    pub(super) fn declare_from(&mut self, name: &Name, from: usize) -> Slot {
        self.declare_as(name, from, true)
    }

    fn declare_as(&mut self, name: &Name, from: usize, explicit: bool) -> Slot {
        let slot = self.fresh(name);
        if let Some(scope) = self.scopes.last_mut() {
            scope.names.insert(name.clone(), Declared { slot, from, explicit });
        }
        slot
    }

    /// From here on, names are looked up as at `position` of the innermost scope's body.
    pub(super) fn move_to(&mut self, position: usize) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.position = position;
        }
    }

    /// Behind the value of a declaration: what it declares is seen.
    pub(super) fn see_declared(&mut self) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.position = scope.position.saturating_add(1);
        }
    }

    fn declared(&self, name: &str) -> Option<Declared> {
        self.scopes.iter().rev().find_map(|scope| {
            scope.names.get(name).copied().filter(|declared| declared.from <= scope.position)
        })
    }

    /// The variable of that name, for a reference to it.
    pub(super) fn lookup(&self, name: &str) -> Option<Slot> {
        let slot = self.declared(name)?.slot;
        self.used[slot].set(true);
        Some(slot)
    }

    /// Whether there is a variable of that name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.declared(name).is_some()
    }

    /// Whether a variable of that name was declared in so many words, so that it hides a function.
    pub(super) fn hides(&self, name: &str) -> bool {
        self.declared(name).is_some_and(|declared| declared.explicit)
    }

    pub(super) fn is_used(&self, slot: Slot) -> bool {
        self.used[slot].get()
    }

    /// Whether `name` is a parameter (they have the outermost scope).
    pub(super) fn is_argument(&self, name: &str) -> bool {
        self.scopes.len() == 2 && self.scopes[0].names.contains_key(name)
    }

    pub(super) fn in_innermost(&self, name: &str) -> bool {
        self.scopes.last().is_some_and(|scope| scope.names.contains_key(name))
    }

    pub(super) fn is_bound(&self, slot: Slot) -> bool {
        self.bound[slot]
    }

    pub(super) fn bind(&mut self, slot: Slot) {
        if !self.bound[slot] {
            self.bound[slot] = true;
            self.order.push(slot);
        }
    }

    pub(super) fn name(&self, slot: Slot) -> &Name {
        &self.names[slot]
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            bound: self.order.len(),
            depth: self.scopes.len(),
            floor: self.floor,
            wildcards: self.wildcards,
            traits: self.traits,
        }
    }

    /// Back to what was bound at `snapshot`. Slots made since stay allotted, unbound.
    pub(super) fn restore(&mut self, snapshot: Snapshot) {
        for slot in self.order.drain(snapshot.bound..) {
            self.bound[slot] = false;
        }
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
        self.order[snapshot.bound..].to_vec()
    }
}
