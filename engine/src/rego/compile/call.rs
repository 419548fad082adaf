//! Calls: which function a name means, and `with` replacements.

use regorus::Value;

use super::super::ast::{Loc, Name, Node, Term, With};
use super::super::ir::{Callee, Expr, OwnBuiltin, Replacement, RuleId, RuleKind, Stmt, Traits};
use super::scope::Frame;
use super::{Compiler, Problem, Result};
use crate::builtins::{self, Kind, Types};

/// One of the product's built-ins.
pub(crate) struct OwnFunction {
    pub(crate) name: &'static str,
    /// The types that its arguments should have, one for each; for OPA's tools.
    pub(crate) args: &'static [Types],
    /// The types that its answer may have.
    pub(crate) result: Types,
    callee: OwnBuiltin,
    may_ask: bool,
}

impl OwnFunction {
    const fn new(
        name: &'static str,
        args: &'static [Types],
        result: Types,
        callee: OwnBuiltin,
        may_ask: bool,
    ) -> Self {
        Self { name, args, result, callee, may_ask }
    }

    /// What calling it may do. Each can fail.
    fn traits(&self) -> Traits {
        Traits { may_ask: self.may_ask, may_fail: true }
    }

    fn named(name: &str) -> Option<&'static Self> {
        OWN.iter().find(|own| own.name == name)
    }
}

const ANY: Types = Types::ANY;
const BOOL: Types = Types::BOOLEAN;
const STR: Types = Types::STRING;

/// The product's built-ins.
#[rustfmt::skip]
pub(crate) static OWN: [OwnFunction; 9] = [
    OwnFunction::new("load_json", &[STR], ANY, OwnBuiltin::LoadJson, false),
    OwnFunction::new("pin_image", &[ANY, STR], BOOL, OwnBuiltin::PinImage, false),
    OwnFunction::new("verify_git_signature", &[ANY, STR], BOOL, OwnBuiltin::VerifyGitSignature, true),
    OwnFunction::new("verify_image_key", &[ANY, STR], ANY, OwnBuiltin::VerifyImageKey, true),
    OwnFunction::new("verify_git_signature_strict", &[ANY, STR], BOOL, OwnBuiltin::VerifyGitSignatureStrict, true),
    OwnFunction::new("verify_http_pgp_signature", &[ANY, STR, STR], BOOL, OwnBuiltin::VerifyHttpPgpSignature, true),
    OwnFunction::new("verify_http_pgp_signature_lenient", &[ANY, STR, STR], BOOL, OwnBuiltin::VerifyHttpPgpSignatureLenient, true),
    OwnFunction::new("artifact_attestation", &[ANY, STR], ANY, OwnBuiltin::ArtifactAttestation, true),
    OwnFunction::new("github_attestation", &[ANY, STR], ANY, OwnBuiltin::GithubAttestation, true),
];

/// Names of the functions that work on the source being checked.
pub(crate) fn own_functions() -> impl Iterator<Item = &'static str> {
    OWN.iter().map(|own| own.name)
}

impl Compiler<'_> {
    pub(super) fn call(
        &mut self,
        frame: &mut Frame,
        out: &mut Vec<Stmt>,
        loc: Loc,
        path: &[Name],
        args: &[Term],
    ) -> Result<Expr> {
        let (callee, arity) = self.callee(frame, loc, path)?;
        if args.len() != arity {
            let message = format!(
                "`{}` takes {arity} argument{}, not {}",
                path.join("."),
                if arity == 1 { "" } else { "s" },
                args.len()
            );
            return Err(Problem::new(loc, "wrong-arity", message));
        }
        let args = self.exprs(frame, out, args)?;
        if let Callee::Builtin(builtin) = callee {
            check_argument_types(loc, builtin, &args)?;
        }
        Ok(Expr::Call(loc, callee, args))
    }

    /// What a called name means, and how many parameters that has.
    fn callee(&mut self, frame: &mut Frame, loc: Loc, path: &[Name]) -> Result<(Callee, usize)> {
        if frame.hides(&path[0]) {
            let message = format!("called function {} shadowed by a variable", path[0]);
            return Err(Problem::new(loc, "shadowed-function", message));
        }
        if let Some(rule) = self.local_function(frame, path) {
            let RuleKind::Function(arity) = self.definitions[rule].kind else {
                let name = self.definitions[rule].name();
                return Err(Problem::new(loc, "not-a-function", format!("`{name}` is not a function")));
            };
            frame.traits.add(self.rule(rule, loc)?);
            return Ok((Callee::Rule(rule), arity));
        }
        let name = path.join(".");
        if let Some(own) = OwnFunction::named(&name) {
            frame.traits.add(own.traits());
            return Ok((Callee::Own(own.callee), own.args.len()));
        }
        if let Some(builtin) = builtins::lookup(&name) {
            let callee = match builtin.kind {
                Kind::Pure => Callee::Builtin(builtin),
                Kind::NowNs => Callee::Own(OwnBuiltin::NowNs),
                Kind::RandIntn => Callee::Own(OwnBuiltin::RandIntn),
                Kind::Uuid => Callee::Own(OwnBuiltin::UuidRfc4122),
            };
            return Ok((callee, builtin.arity));
        }
        if builtins::is_refused(&name) {
            let message = format!("`{name}` is not available to build policies");
            return Err(Problem::new(loc, "refused-function", message));
        }
        Err(Problem::new(loc, "undefined-function", format!("undefined function `{name}`")))
    }

    /// The rule of the policy that a called name means, if it means one.
    pub(super) fn local_function(&self, frame: &Frame, path: &[Name]) -> Option<RuleId> {
        let mut full = self.global(frame, &path[0])?;
        full.extend(path[1..].iter().cloned());
        if &*full[0] == "data" { self.rule_at(&full[1..]) } else { None }
    }

    /// A call with one argument more than parameters: the call proper, and what its result must fit.
    pub(super) fn call_with_output<'t>(
        &mut self,
        frame: &mut Frame,
        term: &Term,
        path: &[Name],
        args: &'t [Term],
    ) -> Result<Option<(Term, &'t Term)>> {
        if matches!(&*path[0], "internal.member_2" | "internal.member_3") {
            return Ok(None);
        }
        let before = frame.traits;
        let arity = self.callee(frame, term.loc, path)?.1;
        frame.traits = before;
        let Some((output, inputs)) = args.split_last() else { return Ok(None) };
        if inputs.len() != arity {
            return Ok(None);
        }
        let call = Term::new(term.loc, Node::Call(path.to_vec(), inputs.to_vec()));
        Ok(Some((call, output)))
    }

    /// One `with target as value`.
    pub(super) fn replacement(
        &mut self,
        frame: &mut Frame,
        out: &mut Vec<Stmt>,
        with: &With,
    ) -> Result<Replacement> {
        let mut path = self.global(frame, &with.target[0]).unwrap_or_else(|| vec![with.target[0].clone()]);
        path.extend(with.target[1..].iter().cloned());
        if &*path[0] == "input" {
            let value = self.expr(frame, out, &with.value)?;
            let path: Vec<Value> = path[1..].iter().map(|n| Value::String(n.clone())).collect();
            self.compiled.replaces_input |= path.is_empty();
            return Ok(Replacement::Input { path, value });
        }
        let is_function = match self.rule_at(&path[1..]) {
            Some(rule) if &*path[0] == "data" => {
                matches!(self.definitions[rule].kind, RuleKind::Function(_))
            }
            _ => &*path[0] != "data",
        };
        if !is_function {
            if self.rule_above(&path[1..]) {
                let message = "`with` cannot replace a part of what a rule defines: replace the whole rule";
                return Err(Problem::new(with.loc, "partial-replacement", message));
            }
            let value = self.expr(frame, out, &with.value)?;
            return Ok(Replacement::Data { path: path[1..].to_vec(), value });
        }
        let (function, arity) = self.callee(frame, with.loc, &with.target)?;
        if let Some((by, by_arity)) = self.named_function(frame, &with.value)? {
            if arity != by_arity {
                let message =
                    format!("a function with {by_arity} parameters cannot replace one with {arity}");
                return Err(Problem::new(with.loc, "wrong-arity", message));
            }
            return Ok(Replacement::FunctionByFunction { function, by });
        }
        let value = self.expr(frame, out, &with.value)?;
        Ok(Replacement::FunctionByValue { function, value })
    }

    /// The function that a term names without calling it.
    fn named_function(&mut self, frame: &mut Frame, term: &Term) -> Result<Option<(Callee, usize)>> {
        let Some(path) = constant_path(term) else { return Ok(None) };
        if frame.knows(&path[0]) {
            return Ok(None);
        }
        let names_function = match self.local_function(frame, &path) {
            Some(rule) => matches!(self.definitions[rule].kind, RuleKind::Function(_)),
            None => self.names_builtin(frame, term),
        };
        if names_function { self.callee(frame, term.loc, &path).map(Some) } else { Ok(None) }
    }

    /// Whether a term names a built-in without calling it.
    pub(super) fn names_builtin(&self, frame: &Frame, term: &Term) -> bool {
        let Some(path) = constant_path(term) else { return false };
        if frame.knows(&path[0]) || self.global(frame, &path[0]).is_some() {
            return false;
        }
        let name = path.join(".");
        builtins::lookup(&name).is_some() || OwnFunction::named(&name).is_some()
    }
}

/// `a.b["c"]` as a path.
fn constant_path(term: &Term) -> Option<Vec<Name>> {
    match &term.node {
        Node::Var(name) => Some(vec![name.clone()]),
        Node::Ref(head, keys) => {
            let mut path = constant_path(head)?;
            for key in keys {
                path.push(Name::from(key.as_string()?));
            }
            Some(path)
        }
        _ => None,
    }
}

/// A constant argument of a type that the built-in never takes is a mistake, not a case to be undefined.
fn check_argument_types(loc: Loc, builtin: &'static builtins::Builtin, args: &[Expr]) -> Result<()> {
    for (index, (arg, types)) in args.iter().zip(builtin.args).enumerate() {
        let known = match arg {
            Expr::Const(value) => value.clone(),
            Expr::Array(_) => Value::new_array(),
            Expr::Object(..) => Value::new_object(),
            Expr::Set(_) => Value::new_set(),
            _ => continue,
        };
        if !types.contains(Types::of(&known)) {
            let message =
                format!("argument {} of `{}` cannot be {}", index + 1, builtin.name, Types::of(&known));
            return Err(Problem::new(loc, "type-error", message));
        }
    }
    Ok(())
}
