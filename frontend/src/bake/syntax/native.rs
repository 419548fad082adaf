//! HCL's native syntax: the parser is that of `hcl-edit`, which bounds nesting itself.

use std::ops::Range;
use std::sync::Arc;

use hcl_edit::Span;
use hcl_edit::expr::{
    BinaryOperator, Expression, ForExpr, FuncCall, Object, ObjectKey, Traversal, TraversalOperator,
    UnaryOperator,
};
use hcl_edit::structure;

use super::{Attribute, Block, Body, EACH, Expr, ExprKind, For, MAX_DEPTH, Operator, Source, template};
use crate::bake::error::BakeError;
use crate::bake::value::{Number, Value};

pub(super) fn parse(source: &Source<'_>) -> Result<Body, BakeError> {
    let body = hcl_edit::parser::parse_body(source.text).map_err(|error| syntax_error(source, &error))?;
    convert_body(source, &body)
}

/// One expression.
pub(super) fn parse_expression(source: &Source<'_>) -> Result<Expr, BakeError> {
    let expression =
        hcl_edit::parser::parse_expr(source.text).map_err(|error| syntax_error(source, &error))?;
    convert(source, &expression, 0)
}

pub(super) fn syntax_error(source: &Source<'_>, error: &hcl_edit::parser::Error) -> BakeError {
    let offset = error.location().offset();
    // The parser's own limits.
    if error.message().contains("nested levels") || error.message().contains("chained binary operators") {
        return BakeError::unresolved(
            &source.position(offset),
            "this expression",
            error.message().to_owned(),
        );
    }
    source.invalid(offset, format!("this is not HCL: {}", error.message()))
}

fn convert_body(source: &Source<'_>, body: &structure::Body) -> Result<Body, BakeError> {
    let mut converted = Body::default();
    for structure in body {
        match structure {
            structure::Structure::Attribute(attribute) => converted.attributes.push(Attribute {
                name: attribute.key.as_str().into(),
                value: convert(source, &attribute.value, 0)?,
                at: source.position(start(attribute.span())),
            }),
            structure::Structure::Block(block) => converted.blocks.push(Block {
                kind: block.ident.as_str().into(),
                labels: block.labels.iter().map(|label| label.as_str().into()).collect(),
                body: convert_body(source, &block.body)?,
                at: source.position(start(block.span())),
            }),
        }
    }
    Ok(converted)
}

fn start(span: Option<Range<usize>>) -> usize {
    span.map_or(0, |span| span.start)
}

pub(super) fn convert(source: &Source<'_>, expression: &Expression, depth: usize) -> Result<Expr, BakeError> {
    let offset = start(expression.span());
    if depth > MAX_DEPTH {
        return Err(
            source.invalid(offset, format!("an expression is nested more than {MAX_DEPTH} levels deep"))
        );
    }
    let one = |inner: &Expression| convert(source, inner, depth + 1);
    let boxed = |inner: &Expression| one(inner).map(Box::new);
    let kind = match expression {
        Expression::Null(_) => ExprKind::Literal(Value::null()),
        Expression::Bool(value) => ExprKind::Literal(Value::Bool(*value.value())),
        Expression::Number(number) => {
            // The text, for a float would not be exact.
            let text =
                number.span().and_then(|span| source.text.get(span)).map(str::trim).unwrap_or_default();
            let number = text.parse::<Number>().or_else(|_| number.value().to_string().parse());
            ExprKind::Literal(Value::Number(
                number.map_err(|error| source.invalid(offset, error.to_string()))?,
            ))
        }
        Expression::String(text) => ExprKind::Literal(Value::string(text.value())),
        Expression::StringTemplate(parts) => {
            return template::quoted(source, parts, offset, depth + 1);
        }
        Expression::HeredocTemplate(heredoc) => {
            return template::heredoc(source, heredoc, expression.span(), depth + 1);
        }
        Expression::Array(array) => ExprKind::Tuple(array.iter().map(one).collect::<Result<_, _>>()?),
        Expression::Object(object) => convert_object(source, object, depth)?,
        Expression::Parenthesis(inner) => return one(inner.inner()),
        Expression::Variable(name) => ExprKind::Variable(name.as_str().into()),
        Expression::Conditional(conditional) => ExprKind::Conditional(
            boxed(&conditional.cond_expr)?,
            boxed(&conditional.true_expr)?,
            boxed(&conditional.false_expr)?,
        ),
        Expression::FuncCall(call) => convert_call(source, call, depth)?,
        Expression::Traversal(traversal) => return convert_traversal(source, traversal, offset, depth),
        Expression::UnaryOp(operation) => match operation.operator.value() {
            UnaryOperator::Neg => ExprKind::Negate(boxed(&operation.expr)?),
            UnaryOperator::Not => ExprKind::Not(boxed(&operation.expr)?),
        },
        Expression::BinaryOp(operation) => ExprKind::Binary(
            operator(*operation.operator.value()),
            boxed(&operation.lhs_expr)?,
            boxed(&operation.rhs_expr)?,
        ),
        Expression::ForExpr(inner) => ExprKind::For(Box::new(convert_for(source, inner, depth)?)),
    };
    Ok(Expr::new(kind, source.position(offset)))
}

fn operator(operator: BinaryOperator) -> Operator {
    match operator {
        BinaryOperator::Eq => Operator::Equal,
        BinaryOperator::NotEq => Operator::NotEqual,
        BinaryOperator::LessEq => Operator::LessOrEqual,
        BinaryOperator::GreaterEq => Operator::GreaterOrEqual,
        BinaryOperator::Less => Operator::Less,
        BinaryOperator::Greater => Operator::Greater,
        BinaryOperator::Plus => Operator::Add,
        BinaryOperator::Minus => Operator::Subtract,
        BinaryOperator::Mul => Operator::Multiply,
        BinaryOperator::Div => Operator::Divide,
        BinaryOperator::Mod => Operator::Modulo,
        BinaryOperator::And => Operator::And,
        BinaryOperator::Or => Operator::Or,
    }
}

fn convert_object(source: &Source<'_>, object: &Object, depth: usize) -> Result<ExprKind, BakeError> {
    let mut entries = Vec::new();
    for (key, value) in object {
        let key = match key {
            ObjectKey::Ident(name) => Expr::new(
                ExprKind::Literal(Value::string(name.as_str())),
                source.position(start(name.span())),
            ),
            ObjectKey::Expression(key) => convert(source, key, depth + 1)?,
        };
        entries.push((key, convert(source, value.expr(), depth + 1)?));
    }
    Ok(ExprKind::Object(entries))
}

fn convert_call(source: &Source<'_>, call: &FuncCall, depth: usize) -> Result<ExprKind, BakeError> {
    let namespace = call.name.namespace.iter().map(|part| format!("{}::", part.as_str())).collect::<String>();
    let arguments = call.args.iter().map(|argument| convert(source, argument, depth + 1));
    Ok(ExprKind::Call {
        name: format!("{namespace}{}", call.name.name.as_str()).into(),
        arguments: arguments.collect::<Result<_, _>>()?,
        expand: call.args.expand_final(),
    })
}

fn convert_for(source: &Source<'_>, expression: &ForExpr, depth: usize) -> Result<For, BakeError> {
    let one = |inner: &Expression| convert(source, inner, depth + 1);
    Ok(For {
        key_name: expression.intro.key_var.as_ref().map(|name| name.as_str().into()),
        value_name: expression.intro.value_var.as_str().into(),
        collection: one(&expression.intro.collection_expr)?,
        key: expression.key_expr.as_ref().map(one).transpose()?,
        value: one(&expression.value_expr)?,
        condition: expression.cond.as_ref().map(|condition| one(&condition.expr)).transpose()?,
        grouping: expression.grouping,
    })
}

/// `a.b[c].*.d`: each step takes what the steps before it made. What follows a splat is done for each element: after
/// `[*]` all that follows, after `.*` the attributes and numbers that follow it directly.
fn convert_traversal(
    source: &Source<'_>,
    traversal: &Traversal,
    offset: usize,
    depth: usize,
) -> Result<Expr, BakeError> {
    if traversal.operators.len() > MAX_DEPTH {
        return Err(source.invalid(offset, format!("a traversal has more than {MAX_DEPTH} steps")));
    }
    let mut operators = traversal.operators.iter().map(hcl_edit::Decorated::value).peekable();
    let first = convert(source, &traversal.expr, depth + 1)?;
    steps(source, first, &mut operators, |_| true, offset, depth + 1)
}

fn steps<'a>(
    source: &Source<'_>,
    first: Expr,
    operators: &mut std::iter::Peekable<impl Iterator<Item = &'a TraversalOperator>>,
    takes: fn(&TraversalOperator) -> bool,
    offset: usize,
    depth: usize,
) -> Result<Expr, BakeError> {
    let at = source.position(offset);
    if depth > MAX_DEPTH {
        return Err(
            source.invalid(offset, format!("an expression is nested more than {MAX_DEPTH} levels deep"))
        );
    }
    let mut current = first;
    while let Some(operator) = operators.peek().copied().filter(|operator| takes(operator)) {
        operators.next();
        let inner = Box::new(current);
        let each = || Expr::new(ExprKind::Variable(Arc::from(EACH)), at.clone());
        let kind = match operator {
            TraversalOperator::GetAttr(name) => ExprKind::Attribute(inner, name.as_str().into()),
            TraversalOperator::Index(key) => ExprKind::Index(inner, Box::new(convert(source, key, depth)?)),
            TraversalOperator::LegacyIndex(index) => {
                let index = i64::try_from(*index.value()).unwrap_or(i64::MAX);
                let key = Expr::new(ExprKind::Literal(Value::Number(Number::from(index))), at.clone());
                ExprKind::Index(inner, Box::new(key))
            }
            TraversalOperator::FullSplat(_) => {
                let rest = steps(source, each(), operators, |_| true, offset, depth + 1)?;
                ExprKind::Splat(inner, Box::new(rest))
            }
            TraversalOperator::AttrSplat(_) => {
                let plain = |operator: &TraversalOperator| {
                    matches!(operator, TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_))
                };
                let rest = steps(source, each(), operators, plain, offset, depth + 1)?;
                ExprKind::Splat(inner, Box::new(rest))
            }
        };
        current = Expr::new(kind, at.clone());
    }
    Ok(current)
}
