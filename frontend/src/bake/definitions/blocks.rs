//! `target` and `group` blocks: their names, their matrices, their attributes.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::{Definitions, Failure, Instance, MatrixVariables, Place};
use crate::bake::attributes::Specification;
use crate::bake::config::Config;
use crate::bake::error::{BakeError, Position};
use crate::bake::eval::Scope;
use crate::bake::syntax::{Attribute, Block};
use crate::bake::target::{Group, Target};
use crate::bake::value::Value;

/// How many targets a matrix may make.
const MAX_MATRIX: usize = 10_000;

impl Definitions<'_> {
    pub(super) fn resolve_blocks(
        &mut self,
        config: &mut Config,
        warnings: &mut Vec<String>,
    ) -> Result<(), BakeError> {
        self.names = Some(BTreeMap::new());
        let mut names = BTreeMap::new();
        let mut renamed: BTreeMap<(Arc<str>, Arc<str>), Vec<String>> = BTreeMap::new();
        for index in 0..self.blocks.len() {
            let Some(state) = self.blocks.get(index) else { continue };
            let (kind, label) = (Arc::clone(&state.block.kind), label(&state.block));
            for name in self.resolve_names(index)? {
                names.entry((Arc::clone(&kind), Arc::clone(&name))).or_insert_with(Vec::new).push(index);
                renamed.entry((Arc::clone(&kind), Arc::clone(&label))).or_default().push(name.to_string());
            }
        }
        self.names = Some(names);
        for index in 0..self.blocks.len() {
            let at = self.blocks.get(index).map(|state| state.block.at.clone()).unwrap_or_default();
            self.deeper("a block", |this| this.resolve_block(index, None))
                .map_err(|failure| failure.at(&at))?;
            self.add_block(index, config, warnings);
        }
        for (name, attribute) in self.attributes.clone() {
            self.resolve_value(&name, &Place::default()).map_err(|failure| failure.at(&attribute.at))?;
        }
        // A target whose matrix made others of it is the group of these.
        for ((_, label), mut names) in renamed {
            names.dedup();
            if names.iter().any(|name| **name != *label) {
                config.groups.push(Group { name: label.to_string(), targets: names });
            }
        }
        Ok(())
    }

    fn add_block(&self, index: usize, config: &mut Config, warnings: &mut Vec<String>) {
        let Some(state) = self.blocks.get(index) else { return };
        let block = &state.block;
        for attribute in &block.body.attributes {
            let known = state.specifications.iter().any(|one| one.name == &*attribute.name)
                || (&*block.kind == "target" && matches!(&*attribute.name, "name" | "matrix"));
            if !known {
                let message = format!("bake knows no attribute `{}` of a {}", attribute.name, block.kind);
                warnings.push(format!("{}: {message}: it is ignored", attribute.at));
            }
        }
        for instance in &state.instances {
            let target = Target {
                name: instance.name.to_string(),
                at: block.at.clone(),
                fields: instance.fields.clone(),
                linked: false,
            };
            if &*block.kind == "target" {
                config.add_target(target);
            } else {
                config.set_group(Group {
                    name: target.name.clone(),
                    targets: target.texts("targets").to_vec(),
                });
            }
        }
    }

    /// The names of the targets that a block makes: one, or those that its `name` says for each element of its matrix.
    fn resolve_names(&mut self, index: usize) -> Result<Vec<Arc<str>>, BakeError> {
        let Some(block) = self.blocks.get(index).map(|state| Rc::clone(&state.block)) else {
            return Ok(Vec::new());
        };
        let label = label(&block);
        check_name(&label, &block.at)?;
        let (name, matrix) = (block.body.attribute("name"), block.body.attribute("matrix"));
        if &*block.kind == "group"
            && let Some(attribute) = name.or(matrix)
        {
            let message = format!("a group cannot have `{}`", attribute.name);
            return Err(BakeError::invalid(&attribute.at, message));
        }
        if let (Some(name), None) = (name, matrix) {
            return Err(BakeError::invalid(&name.at, "`name` needs a `matrix`"));
        }
        let combinations = match matrix {
            Some(matrix) => self.matrix(matrix)?,
            None => vec![Vec::new()],
        };
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut instances = Vec::new();
        for (number, variables) in combinations.into_iter().enumerate() {
            let variables = Rc::new(variables);
            let name = match name {
                Some(attribute) => {
                    let place = Place { instance: Some((index, number)), variables: Rc::clone(&variables) };
                    self.load(&attribute.value, &place, &BTreeSet::new(), true)?;
                    let value = self.evaluator.eval(&attribute.value, &Scope::new(&variables))?;
                    let name = self.evaluator.text(&value, &attribute.at)?;
                    check_name(&name, &attribute.at)?;
                    name
                }
                None => Arc::clone(&label),
            };
            if names.contains(&name) {
                return Err(BakeError::invalid(
                    &block.at,
                    format!("the matrix makes two targets named `{name}`"),
                ));
            }
            names.push(Arc::clone(&name));
            instances.push(Instance { variables, name, ..Instance::default() });
        }
        if let Some(state) = self.blocks.get_mut(index) {
            state.instances = instances;
        }
        Ok(names)
    }

    /// The combinations of a matrix's values.
    fn matrix(&mut self, matrix: &Attribute) -> Result<Vec<MatrixVariables>, BakeError> {
        self.load(&matrix.value, &Place::default(), &BTreeSet::new(), true)?;
        let value = self.evaluator.eval(&matrix.value, &Scope::default())?;
        let entries =
            value.entries().ok_or_else(|| BakeError::invalid(&matrix.at, "a matrix must be a map"))?;
        let mut combinations = vec![Vec::new()];
        for (name, values) in entries {
            let values: Vec<Value> = match (values.items(), values.entries()) {
                (Some(items), _) => items.to_vec(),
                (None, Some(entries)) => entries.values().cloned().collect(),
                _ => {
                    let message = format!("`{name}` of the matrix must be a list");
                    return Err(BakeError::invalid(&matrix.at, message));
                }
            };
            if combinations.len().saturating_mul(values.len()) > MAX_MATRIX {
                let reason = format!("it makes more than {MAX_MATRIX} targets");
                return Err(BakeError::unresolved(&matrix.at, "the matrix", reason));
            }
            let with = |combination: &MatrixVariables| {
                let combination = combination.clone();
                let add = |value: &Value| {
                    combination.iter().cloned().chain([(Arc::clone(name), value.clone())]).collect::<Vec<_>>()
                };
                values.iter().map(add).collect::<Vec<_>>()
            };
            combinations = combinations.iter().flat_map(with).collect();
        }
        Ok(combinations)
    }

    /// Evaluates a block's attribute `wanted`, or all that are not yet known.
    pub(super) fn resolve_block(&mut self, index: usize, wanted: Option<&str>) -> Result<(), Failure> {
        let Some(state) = self.blocks.get(index) else { return Ok(()) };
        let (block, specifications, count) =
            (Rc::clone(&state.block), state.specifications, state.instances.len());
        for number in 0..count {
            let Some(instance) = self.instance(index, number) else { continue };
            let name = Arc::clone(&instance.name);
            let place = Place {
                instance: (!instance.variables.is_empty()).then_some((index, number)),
                variables: Rc::clone(&instance.variables),
            };
            let mut pending: Vec<&'static Specification> = specifications.iter().collect();
            if let Some(wanted) = wanted {
                pending.retain(|one| one.name == wanted);
                if pending.iter().all(|one| instance.done.contains(one.name)) && !pending.is_empty() {
                    return Ok(());
                }
                for one in &pending {
                    if !instance.begun.insert(one.name) {
                        let message = format!("`{}.{name}.{}` needs its own value", block.kind, one.name);
                        return Err(BakeError::invalid(&block.at, message).into());
                    }
                }
            }
            pending.retain(|one| !instance.done.contains(one.name));
            let present =
                |one: &&'static Specification| block.body.attribute(one.name).map(|given| (*one, given));
            let given: Vec<_> = pending.iter().filter_map(present).collect();
            if &*block.kind == "group" && pending.iter().any(|one| one.name == "targets") {
                block
                    .body
                    .attribute("targets")
                    .ok_or_else(|| BakeError::invalid(&block.at, "a group needs `targets`"))?;
            }
            for (_, attribute) in &given {
                self.load(&attribute.value, &place, &BTreeSet::new(), true)?;
            }
            for (specification, attribute) in given {
                let value = self.evaluator.eval(&attribute.value, &Scope::new(&place.variables))?;
                let field = specification.kind.read_value(&value, &self.evaluator, &attribute.value.at)?;
                if let Some(instance) = self.instance(index, number) {
                    instance.done.insert(specification.name);
                    if let Some(field) = field {
                        instance.fields.insert(specification.name, field);
                    }
                }
            }
            if let Some(instance) = self.instance(index, number).filter(|_| wanted.is_some()) {
                instance.done.extend(pending.iter().map(|one| one.name));
            }
        }
        Ok(())
    }

    fn instance(&mut self, index: usize, number: usize) -> Option<&mut Instance> {
        self.blocks.get_mut(index)?.instances.get_mut(number)
    }

    /// Makes what is known of the blocks of a name the value of `target.NAME`: of several, the last one's.
    pub(super) fn publish(&mut self, blocks: &[usize], name: &Arc<str>) {
        for state in blocks.iter().filter_map(|index| self.blocks.get(*index)) {
            let Some(instance) = state.instances.iter().find(|instance| instance.name == *name) else {
                continue;
            };
            let mut object: BTreeMap<Arc<str>, Value> = state
                .specifications
                .iter()
                .map(|one| (Arc::from(one.name), one.kind.to_value(instance.fields.get(one.name))))
                .collect();
            object.insert(Arc::from("name"), Value::String(Arc::clone(name)));
            let kind = Arc::clone(&state.block.kind);
            let known = self.evaluator.variables.get(&kind).and_then(Value::entries);
            let mut all = known.cloned().unwrap_or_default();
            all.insert(Arc::clone(name), Value::object(object));
            self.evaluator.variables.insert(kind, Value::object(all));
        }
    }
}

fn label(block: &Block) -> Arc<str> {
    block.labels.first().cloned().unwrap_or_default()
}

fn check_name(name: &str, at: &Position) -> Result<(), BakeError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || !name.bytes().all(allowed) {
        let message = format!("the name `{name}` has characters other than letters, digits, `_` and `-`");
        return Err(BakeError::invalid(at, message));
    }
    Ok(())
}
