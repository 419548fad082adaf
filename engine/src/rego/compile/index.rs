//! The index of a rule: which clauses can hold, by their comparisons of input paths with constants.

use std::collections::{BTreeMap, HashMap, HashSet};

use regorus::Value;

use super::super::ast::Name;
use super::super::ir::{Clause, Expr, Index, PathIndex, Stmt, StmtKind};

/// Below this many clauses, trying each is as quick.
const WORTHWHILE: usize = 3;

type Condition<'c> = (&'c [Value], Vec<&'c Name>);

/// Indexes `clauses` by the path that tells most of them apart.
pub(super) fn build(clauses: &[Clause]) -> Index {
    let mut index = Index::default();
    if clauses.len() < WORTHWHILE {
        index.always = (0..clauses.len()).collect();
        return index;
    }
    let conditions: Vec<Vec<Condition<'_>>> = clauses.iter().map(conditions).collect();
    let mut distinct: BTreeMap<&[Value], HashSet<&Name>> = BTreeMap::new();
    for (path, values) in conditions.iter().flatten() {
        distinct.entry(path).or_default().extend(values);
    }
    for (clause, conditions) in conditions.iter().enumerate() {
        let best = conditions.iter().max_by_key(|(path, _)| distinct.get(path).map_or(0, HashSet::len));
        let Some((path, values)) = best else {
            index.always.push(clause);
            continue;
        };
        let place = index.by_path.iter().position(|p| p.path == *path).unwrap_or_else(|| {
            let by_path = PathIndex { path: path.to_vec(), all: Vec::new(), by_value: HashMap::new() };
            index.by_path.push(by_path);
            index.by_path.len() - 1
        });
        let by_path = &mut index.by_path[place];
        by_path.all.push(clause);
        for value in values {
            let clauses = by_path.by_value.entry((*value).clone()).or_default();
            if clauses.last() != Some(&clause) {
                clauses.push(clause);
            }
        }
    }
    index
}

/// What must hold of the input for the clause to hold: of each path, one of some strings.
fn conditions(clause: &Clause) -> Vec<Condition<'_>> {
    // With an `else`, a first body that fails is not the end.
    let [alternative] = clause.alternatives.as_slice() else { return Vec::new() };
    let leading = alternative.body.iter().take_while(|stmt| {
        // Skipping a clause must not skip an error or what it prints.
        !stmt.traits.may_fail && !matches!(stmt.kind, StmtKind::Print(_))
    });
    // A path that has to be resolved first tells nothing apart until it is.
    leading.filter(|stmt| !stmt.traits.may_ask).filter_map(condition).collect()
}

impl Stmt {
    /// Whether it is a comparison of the input's `path` that the index knows.
    pub(crate) fn compares(&self, path: &[Value]) -> bool {
        condition(self).is_some_and(|(compared, _)| compared == path)
    }
}

fn condition(stmt: &Stmt) -> Option<Condition<'_>> {
    let StmtKind::Test(test) = &stmt.kind else { return None };
    match test {
        Expr::Equal { left, right, negated: false } => match (&**left, &**right) {
            (Expr::Input(_, path), Expr::Const(Value::String(value)))
            | (Expr::Const(Value::String(value)), Expr::Input(_, path)) => Some((path, vec![value])),
            _ => None,
        },
        Expr::Member { key: None, value, domain } => match (&**value, &**domain) {
            (Expr::Input(_, path), Expr::Const(Value::Array(items))) => {
                strings(items.iter()).map(|v| (path.as_slice(), v))
            }
            (Expr::Input(_, path), Expr::Const(Value::Set(items))) => {
                strings(items.iter()).map(|v| (path.as_slice(), v))
            }
            _ => None,
        },
        _ => None,
    }
}

fn strings<'v>(items: impl Iterator<Item = &'v Value>) -> Option<Vec<&'v Name>> {
    items
        .map(|item| match item {
            Value::String(text) => Some(text),
            _ => None,
        })
        .collect()
}
