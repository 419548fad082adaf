//! Syntax trees to a program: names are resolved, bodies ordered, and everything that OPA refuses at
//! compile time is refused here.
//!
//! Rules are lowered on demand, a rule's dependencies first. So what a rule may do ([`Traits`]) is known
//! when a body that refers to it is ordered, and a rule that is met again while it is being lowered is
//! recursive.

mod body;
mod call;
mod declare;
mod index;
mod refs;
mod scope;
mod term;
mod tree;
mod unify;

use std::collections::{HashMap, HashSet};

pub(crate) use call::own_functions;

use super::ast::{Loc, Module, Name, Rule as RuleAst, Term};
use super::ir::{Alternative, Clause, Expr, Program, Rule, RuleId, RuleKind, Traits};
pub(crate) use call::OWN;
use scope::Frame;
use tree::Definition;

/// Lowering may take this many steps for one policy, before it is refused as too complex.
const MAX_STEPS: usize = 5_000_000;

/// Something wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) loc: Loc,
    /// Stable, kebab-case.
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(loc: Loc, code: &'static str, message: impl Into<String>) -> Self {
        Self { loc, code, message: message.into() }
    }
}

type Result<T> = std::result::Result<T, Problem>;

/// A constant path from `input` that the policy reads, for checks against the schema.
#[derive(Debug, Clone)]
pub(crate) struct InputRef {
    pub(crate) loc: Loc,
    pub(crate) path: Vec<Name>,
}

/// An input path that the policy compares with a string constant.
#[derive(Debug, Clone)]
pub(crate) struct InputComparison {
    pub(crate) loc: Loc,
    pub(crate) path: Vec<Name>,
    pub(crate) with: Name,
}

/// A compiled policy and what was seen on the way.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    pub(crate) program: Program,
    pub(crate) input_refs: Vec<InputRef>,
    pub(crate) comparisons: Vec<InputComparison>,
    /// Some `with input as …` puts another document in the place of the input.
    pub(crate) replaces_input: bool,
}

/// Compiles modules without tests.
#[cfg(test)]
pub(crate) fn compile(modules: &[Module]) -> std::result::Result<Compiled, Vec<Problem>> {
    compile_tests(modules, &HashSet::new())
}

/// Compiles modules into one program, or says everything that is wrong. The modules `tests` (by index) hold
/// tests: their keyed rules tell which cases begin.
pub(crate) fn compile_tests(
    modules: &[Module],
    tests: &HashSet<usize>,
) -> std::result::Result<Compiled, Vec<Problem>> {
    let mut compiler = Compiler::new(modules)?;
    compiler.tests.clone_from(tests);
    for id in 0..compiler.definitions.len() {
        // Nothing is being lowered here, so this cannot be a recursion; other problems are collected.
        compiler.rule(id, Loc::default()).map_err(|problem| vec![problem])?;
    }
    compiler.finish()
}

/// How far a rule is.
enum State {
    Waiting,
    /// Being lowered: whoever refers to it now makes it recursive.
    Busy,
    Done(Box<Rule>),
    Failed,
}

struct Compiler<'m> {
    modules: &'m [Module],
    /// Import aliases of each module.
    imports: Vec<HashMap<Name, Vec<Name>>>,
    definitions: Vec<Definition<'m>>,
    states: Vec<State>,
    /// Rules being lowered, outermost first, to name a cycle.
    stack: Vec<RuleId>,
    /// Modules that hold tests.
    tests: HashSet<usize>,
    compiled: Compiled,
    steps: usize,
    problems: Vec<Problem>,
}

impl<'m> Compiler<'m> {
    fn new(modules: &'m [Module]) -> std::result::Result<Self, Vec<Problem>> {
        let imports = modules.iter().map(refs::imports).collect::<Result<Vec<_>>>().map_err(|p| vec![p])?;
        let (definitions, tree) = tree::build(modules)?;
        let states = definitions.iter().map(|_| State::Waiting).collect();
        let mut compiled = Compiled::default();
        compiled.program.tree = tree;
        Ok(Self {
            modules,
            imports,
            definitions,
            states,
            stack: Vec::new(),
            tests: HashSet::new(),
            compiled,
            steps: 0,
            problems: Vec::new(),
        })
    }

    fn finish(self) -> std::result::Result<Compiled, Vec<Problem>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let mut compiled = self.compiled;
        compiled.program.rules = self
            .states
            .into_iter()
            .filter_map(|state| match state {
                State::Done(rule) => Some(*rule),
                _ => None,
            })
            .collect();
        Ok(compiled)
    }

    /// Lowers rule `id` unless that is done, and says what it may do. `loc` is where it is referred to.
    /// Fails if the rule is recursive.
    fn rule(&mut self, id: RuleId, loc: Loc) -> Result<Traits> {
        match &self.states[id] {
            State::Done(rule) => return Ok(rule.traits),
            // Its problem has been reported.
            State::Failed => return Ok(Traits::default()),
            State::Busy => return Err(self.recursion(id, loc)),
            State::Waiting => {}
        }
        self.states[id] = State::Busy;
        self.stack.push(id);
        let lowered = stacker::maybe_grow(256 * 1024, 4 * 1024 * 1024, || self.lower_rule(id));
        self.stack.pop();
        match lowered {
            Ok(rule) => {
                let traits = rule.traits;
                self.states[id] = State::Done(Box::new(rule));
                Ok(traits)
            }
            // One rule's problem is not that of the rules that refer to it.
            Err(problem) => {
                self.states[id] = State::Failed;
                self.problems.push(problem);
                Ok(Traits::default())
            }
        }
    }

    fn recursion(&self, id: RuleId, loc: Loc) -> Problem {
        let start = self.stack.iter().position(|r| *r == id).unwrap_or(0);
        let cycle: Vec<String> =
            self.stack[start..].iter().chain([&id]).map(|r| self.definitions[*r].name()).collect();
        let message = format!("rule `{}` is recursive: {}", self.definitions[id].name(), cycle.join(" -> "));
        Problem::new(loc, "recursion", message)
    }

    fn lower_rule(&mut self, id: RuleId) -> Result<Rule> {
        let definition = self.definitions[id].clone();
        let mut clauses = Vec::new();
        let mut traits = Traits::default();
        let mut default = None;
        for part in &definition.parts {
            let (clause, clause_traits) = self.clause(part.module, part.rule, &part.keys)?;
            traits.add(clause_traits);
            if part.rule.is_default {
                default = Some(clause);
            } else {
                clauses.push(clause);
            }
        }
        let constant = constant_value(definition.kind, &clauses);
        // Different clauses may give different values, and two elements of an object the same key.
        traits.may_fail |= match definition.kind {
            RuleKind::Set => false,
            RuleKind::Object => true,
            RuleKind::Complete | RuleKind::Function(_) => constant.is_none() && !single_valued(&clauses),
        };
        Ok(Rule {
            loc: definition.loc,
            path: definition.path.clone(),
            kind: definition.kind,
            index: index::build(&clauses),
            constant,
            clauses,
            default,
            traits,
        })
    }

    fn clause(&mut self, module: usize, rule: &'m RuleAst, keys: &[Term]) -> Result<(Clause, Traits)> {
        let mut frame = Frame::new(module);
        let mut args = Vec::new();
        frame.enter();
        for term in rule.args.iter().flatten() {
            args.push(self.parameter(&mut frame, term)?);
        }
        let mut alternatives = Vec::new();
        let mut traits = frame.traits;
        for alternative in &rule.alternatives {
            frame.enter();
            let value = match (&rule.element, &alternative.value) {
                (Some(term), _) | (None, Some(term)) => term.clone(),
                (None, None) => Term::new(alternative.loc, super::ast::Node::Scalar(true.into())),
            };
            let heads: Vec<&Term> = keys.iter().chain([&value]).collect();
            let lowered = self.body(&mut frame, &alternative.body, &heads)?;
            traits.add(lowered.traits);
            frame.leave();
            let mut heads = lowered.heads;
            let value = heads.pop().unwrap_or(Expr::Const(true.into()));
            let mut body = lowered.stmts;
            if self.tests.contains(&module) && !heads.is_empty() {
                body::mark_case(alternative.loc, &mut body, &heads);
            }
            alternatives.push(Alternative {
                loc: alternative.loc,
                body,
                keys: heads,
                value,
                is_element: rule.element.is_some() && !keys.is_empty(),
            });
        }
        Ok((Clause { args, names: frame.into_names(), alternatives }, traits))
    }

    /// Counts work, so that a policy made to be slow to compile is refused.
    fn step(&mut self, loc: Loc) -> Result<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            let message = format!("this policy takes more than {MAX_STEPS} steps to compile: simplify it");
            return Err(Problem::new(loc, "limit", message));
        }
        Ok(())
    }
}

/// The value of a rule that can only have one: `allow := true if …`, however often.
fn constant_value(kind: RuleKind, clauses: &[Clause]) -> Option<regorus::Value> {
    if !matches!(kind, RuleKind::Complete | RuleKind::Function(_)) {
        return None;
    }
    let mut constant = None;
    for clause in clauses {
        let [Alternative { value: Expr::Const(value), .. }] = clause.alternatives.as_slice() else {
            return None;
        };
        if *constant.get_or_insert(value) != value {
            return None;
        }
    }
    constant.cloned()
}

/// Whether there is but one clause, whose body has one solution at most.
fn single_valued(clauses: &[Clause]) -> bool {
    fn one_solution(stmts: &[super::ir::Stmt]) -> bool {
        stmts.iter().all(|stmt| match &stmt.kind {
            super::ir::StmtKind::Scan { .. } => false,
            super::ir::StmtKind::With { body, .. } => one_solution(body),
            _ => true,
        })
    }
    match clauses {
        [] => true,
        [clause] => clause.alternatives.iter().all(|a| one_solution(&a.body)),
        _ => false,
    }
}
