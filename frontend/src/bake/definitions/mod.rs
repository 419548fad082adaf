//! The variables, functions and blocks of all HCL files together, evaluated in the order in which they need one another.

mod blocks;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::Environment;
use super::attributes::{Field, GROUP, Specification, TARGET};
use super::config::Config;
use super::dependencies;
use super::error::{BakeError, Position};
use super::eval::{Evaluator, Scope, UserFunction};
use super::functions;
use super::syntax::{Attribute, Block, Body, Expr, ExprKind};
use super::value::{Type, Value};
use super::variables::{Override, Variable};

/// How deep definitions may need one another.
const MAX_DEPTH: usize = 500;

/// Evaluates the files and lays what comes out over `config`.
pub(crate) fn evaluate(
    files: Vec<Body>,
    environment: &Environment,
    config: &mut Config,
    warnings: &mut Vec<String>,
) -> Result<(), BakeError> {
    let mut definitions = Definitions::collect(files, environment, warnings)?;
    definitions.resolve_variables()?;
    for name in definitions.function_blocks.keys().cloned().collect::<Vec<_>>() {
        let at = definitions.function_blocks.get(&name).map(|block| block.at.clone()).unwrap_or_default();
        definitions.resolve_function(&name).map_err(|failure| failure.at(&at))?;
    }
    definitions.resolve_blocks(config, warnings)
}

/// Why something that an expression refers to has no value.
enum Failure {
    /// There is no such thing. The expression may do without it.
    Undefined(String),
    Error(BakeError),
}

impl From<BakeError> for Failure {
    fn from(error: BakeError) -> Self {
        Self::Error(error)
    }
}

impl Failure {
    fn at(self, at: &Position) -> BakeError {
        match self {
            Self::Undefined(message) => BakeError::invalid(at, message),
            Self::Error(error) => error,
        }
    }
}

/// A block, and which of the targets that it makes.
type InstanceKey = (usize, usize);
/// `target` or `group`, and a name.
type BlockName = (Arc<str>, Arc<str>);
/// Names of a matrix and their values.
type MatrixVariables = Vec<(Arc<str>, Value)>;

struct Definitions<'a> {
    evaluator: Evaluator<'a>,
    builtins: BTreeMap<Arc<str>, String>,
    variables: BTreeMap<Arc<str>, Rc<Variable>>,
    /// Values at the top of files, which variables may be as well.
    attributes: BTreeMap<Arc<str>, Rc<Attribute>>,
    function_blocks: BTreeMap<Arc<str>, Rc<Block>>,
    blocks: Vec<BlockState>,
    /// Blocks by kind and name; `None` until names are known.
    names: Option<BTreeMap<BlockName, Vec<usize>>>,
    /// What was begun, by the block and instance that needed it. What is begun again needs itself.
    begun: BTreeSet<(Option<InstanceKey>, Arc<str>)>,
    begun_functions: BTreeSet<Arc<str>>,
    depth: usize,
}

/// A `target` or `group` block.
struct BlockState {
    block: Rc<Block>,
    specifications: &'static [Specification],
    /// One, or one for each element of the matrix; empty until they are known.
    instances: Vec<Instance>,
}

#[derive(Default)]
struct Instance {
    /// The matrix's variables; empty without one.
    variables: Rc<MatrixVariables>,
    name: Arc<str>,
    fields: BTreeMap<&'static str, Field>,
    done: BTreeSet<&'static str>,
    begun: BTreeSet<&'static str>,
}

/// The matrix variables that hold where something is evaluated, and whose they are.
#[derive(Clone, Default)]
struct Place {
    instance: Option<InstanceKey>,
    variables: Rc<MatrixVariables>,
}

impl<'a> Definitions<'a> {
    fn collect(
        files: Vec<Body>,
        environment: &'a Environment,
        warnings: &mut Vec<String>,
    ) -> Result<Self, BakeError> {
        let mut definitions = Self {
            evaluator: Evaluator::new(environment),
            builtins: BTreeMap::from([
                (Arc::from("BAKE_CMD_CONTEXT"), "cwd://".to_owned()),
                (Arc::from("BAKE_LOCAL_PLATFORM"), environment.local_platform.clone()),
            ]),
            variables: BTreeMap::new(),
            attributes: BTreeMap::new(),
            function_blocks: BTreeMap::new(),
            blocks: Vec::new(),
            names: None,
            begun: BTreeSet::new(),
            begun_functions: BTreeSet::new(),
            depth: 0,
        };
        for body in files {
            for block in body.blocks {
                definitions.collect_block(block, warnings)?;
            }
            for attribute in body.attributes {
                if !definitions.is_reserved(&attribute.name) {
                    definitions.attributes.insert(Arc::clone(&attribute.name), Rc::new(attribute));
                }
            }
        }
        for (name, value) in &definitions.builtins {
            definitions.evaluator.variables.insert(Arc::clone(name), Value::string(value));
        }
        Ok(definitions)
    }

    fn is_reserved(&self, name: &str) -> bool {
        name == "target" || name == "group" || self.builtins.contains_key(name)
    }

    fn collect_block(&mut self, block: Block, warnings: &mut Vec<String>) -> Result<(), BakeError> {
        let specifications: &'static [Specification] = match &*block.kind {
            "variable" | "function" => &[],
            "target" => &TARGET,
            "group" => &GROUP,
            kind => {
                warnings.push(format!("{}: bake knows no block `{kind}`: it is ignored", block.at));
                return Ok(());
            }
        };
        let [label] = block.labels.as_slice() else {
            let message = format!("a `{}` has one name, but here are {}", block.kind, block.labels.len());
            return Err(BakeError::invalid(&block.at, message));
        };
        let label = Arc::clone(label);
        if !specifications.is_empty() {
            self.blocks.push(BlockState { block: Rc::new(block), specifications, instances: Vec::new() });
            return Ok(());
        }
        if &*block.kind == "variable" {
            self.check_description(&block)?;
            let variable = Variable::read(&block)?;
            if !self.is_reserved(&label) {
                self.variables.insert(label, Rc::new(variable));
            }
            return Ok(());
        }
        let known =
            |attribute: &&Attribute| !matches!(&*attribute.name, "params" | "variadic_params" | "result");
        if let Some(unknown) = block.body.attributes.iter().find(known) {
            let message = format!("a function has no attribute `{}`", unknown.name);
            return Err(BakeError::invalid(&unknown.at, message));
        }
        if let Some(inner) = block.body.blocks.first() {
            return Err(BakeError::invalid(&inner.at, "a function has no blocks"));
        }
        if !self.is_reserved(&label) {
            self.function_blocks.insert(label, Rc::new(block));
        }
        Ok(())
    }

    /// A description must be a constant.
    fn check_description(&self, block: &Block) -> Result<(), BakeError> {
        if let Some(attribute) = block.body.attribute("description") {
            let constants = Evaluator::new(self.evaluator.environment);
            let value = constants.eval(&attribute.value, &Scope::default())?;
            constants.convert(&value, &Type::String, &attribute.at)?;
        }
        Ok(())
    }

    /// Runs `inner` one level deeper.
    fn deeper<T>(
        &mut self,
        what: &str,
        inner: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.depth >= MAX_DEPTH {
            return Err(Failure::Error(BakeError::unresolved(
                &Position::default(),
                format!("`{what}`"),
                format!("definitions need one another more than {MAX_DEPTH} levels deep"),
            )));
        }
        self.depth += 1;
        let result = stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || inner(self));
        self.depth -= 1;
        result
    }

    /// Makes sure that what an expression refers to is known.
    fn load(
        &mut self,
        expr: &Expr,
        place: &Place,
        bound: &BTreeSet<Arc<str>>,
        may_miss: bool,
    ) -> Result<(), BakeError> {
        let needed = dependencies::of(expr, bound);
        for name in &needed.functions {
            match self.resolve_function(name) {
                Err(Failure::Undefined(_)) if may_miss => {}
                result => result.map_err(|failure| failure.at(&expr.at))?,
            }
        }
        for reference in &needed.variables {
            let is_block = matches!(&*reference.name, "target" | "group") && self.names.is_some();
            let result = if is_block {
                self.resolve_reference(&reference.name, &reference.path, &expr.at)
            } else {
                self.resolve_value(&reference.name, place)
            };
            match result {
                Err(Failure::Undefined(_)) if may_miss => {}
                result => result.map_err(|failure| failure.at(&expr.at))?,
            }
        }
        Ok(())
    }

    /// `target.app.args`: evaluates that attribute of the blocks of that name.
    fn resolve_reference(
        &mut self,
        kind: &Arc<str>,
        path: &[Option<Arc<str>>],
        at: &Position,
    ) -> Result<(), Failure> {
        let Some(Some(name)) = path.first() else {
            return Err(
                BakeError::invalid(at, format!("`{kind}` is only to be read as `{kind}.NAME`")).into()
            );
        };
        let blocks =
            self.names.as_ref().and_then(|names| names.get(&(Arc::clone(kind), Arc::clone(name)))).cloned();
        let blocks = blocks.unwrap_or_default();
        for index in &blocks {
            let wanted = path.get(1).cloned().flatten();
            self.deeper(&format!("{kind}.{name}"), |this| this.resolve_block(*index, wanted.as_deref()))?;
        }
        self.publish(&blocks, name);
        Ok(())
    }

    fn resolve_function(&mut self, name: &Arc<str>) -> Result<(), Failure> {
        if functions::is_builtin(name) || self.evaluator.functions.contains_key(name) {
            return Ok(());
        }
        let Some(block) = self.function_blocks.get(name).cloned() else {
            return Err(Failure::Undefined(format!("there is no function named `{name}`")));
        };
        if !self.begun_functions.insert(Arc::clone(name)) {
            return Err(BakeError::invalid(&block.at, format!("function `{name}` calls itself")).into());
        }
        let needed = |attribute: &str| {
            let missing = || BakeError::invalid(&block.at, format!("function `{name}` needs `{attribute}`"));
            block.body.attribute(attribute).ok_or_else(missing)
        };
        let (result, parameters) = (needed("result")?, needed("params")?);
        let keyword = |expr: &Expr| {
            let missing = || BakeError::invalid(&expr.at, "a parameter must be an identifier");
            expr.keyword().cloned().ok_or_else(missing)
        };
        let ExprKind::Tuple(list) = &parameters.value.kind else {
            return Err(
                BakeError::invalid(&parameters.at, "the parameters must be a list of identifiers").into()
            );
        };
        let parameters = list.iter().map(keyword).collect::<Result<Vec<_>, _>>()?;
        let variadic = block.body.attribute("variadic_params").map(|one| keyword(&one.value)).transpose()?;
        let bound = parameters.iter().cloned().chain(variadic.clone()).collect();
        self.deeper(name, |this| Ok(this.load(&result.value, &Place::default(), &bound, false)?))?;
        let function = UserFunction { parameters, variadic, result: result.value.clone() };
        self.evaluator.functions.insert(Arc::clone(name), Arc::new(function));
        Ok(())
    }

    fn resolve_value(&mut self, name: &Arc<str>, place: &Place) -> Result<(), Failure> {
        let known =
            self.evaluator.variables.contains_key(name) || place.variables.iter().any(|(one, _)| one == name);
        if known {
            return Ok(());
        }
        let attribute = self.attributes.get(name).cloned();
        let variable = self.variables.get(name).cloned();
        if !self.begun.insert((place.instance, Arc::clone(name))) {
            let at = attribute.map(|one| one.at.clone()).or_else(|| variable.map(|one| one.at.clone()));
            let message = format!("variable `{name}` needs its own value");
            return Err(BakeError::invalid(&at.unwrap_or_default(), message).into());
        }
        let (default, place, variable) = match (attribute, variable) {
            (Some(attribute), variable) => (Some(attribute.value.clone()), place.clone(), variable),
            (None, Some(variable)) => {
                (variable.default.as_ref().map(|one| one.value.clone()), Place::default(), Some(variable))
            }
            (None, None) => return Err(Failure::Undefined(format!("there is no variable named `{name}`"))),
        };
        let from_variable = !self.attributes.contains_key(name);
        let constraint =
            variable.as_ref().filter(|_| from_variable).and_then(|variable| variable.constraint.clone());
        let given = self.override_of(name, constraint.is_some());
        let mut value = match &default {
            None if given.is_none() => match &constraint {
                Some(wanted) => Value::Null(wanted.clone()),
                None => Value::string(""),
            },
            None => Value::null(),
            Some(expr) => {
                let loaded = self.deeper(name, |this| Ok(this.load(expr, &place, &BTreeSet::new(), true)?));
                loaded?;
                let value = self.evaluator.eval(expr, &Scope::new(&place.variables))?;
                match &constraint {
                    Some(wanted) => self.evaluator.convert(&value, wanted, &expr.at)?,
                    None => value,
                }
            }
        };
        if let (Some((text, json)), Some(variable)) = (given, &variable) {
            let given = Override { text: &text, json };
            value = variable.overridden(name, &value, &given, &self.evaluator)?;
        }
        self.evaluator.variables.insert(Arc::clone(name), value);
        Ok(())
    }

    /// What the environment has for a variable, and whether as JSON: `NAME`, or `NAME_JSON` first where a type is said.
    fn override_of(&self, name: &str, favor_json: bool) -> Option<(String, bool)> {
        let environment = self.evaluator.environment;
        let plain = environment.lookup(name);
        let json_name = format!("{name}_JSON");
        if plain.is_none() || favor_json {
            let taken = self.variables.contains_key(&*json_name) || self.builtins.contains_key(&*json_name);
            if !taken && let Some(json) = environment.lookup(&json_name) {
                return Some((json.to_owned(), true));
            }
        }
        plain.map(|text| (text.to_owned(), false))
    }

    fn resolve_variables(&mut self) -> Result<(), BakeError> {
        let variables: Vec<_> =
            self.variables.iter().map(|(name, one)| (Arc::clone(name), Rc::clone(one))).collect();
        for (name, variable) in &variables {
            self.resolve_value(name, &Place::default()).map_err(|failure| failure.at(&variable.at))?;
        }
        for (name, variable) in &variables {
            for validation in &variable.validations {
                let condition = self.evaluator.eval(&validation.condition, &Scope::default())?;
                if self.evaluator.boolean(&condition, &validation.condition.at)? {
                    continue;
                }
                let message = match &validation.message {
                    Some(message) => self.evaluator.eval(message, &Scope::default())?,
                    None => Value::null(),
                };
                let message = match message {
                    Value::String(text) => text.to_string(),
                    _ => "no message is given".to_owned(),
                };
                let message = format!("variable `{name}` has a value that is not valid: {message}");
                return Err(BakeError::invalid(&validation.condition.at, message));
            }
        }
        Ok(())
    }
}
