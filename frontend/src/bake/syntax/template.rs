//! Templates: `"a${b}"`, here-documents, and the strings of JSON.

use std::ops::Range;
use std::vec::IntoIter;

use hcl_edit::Span;
use hcl_edit::template::{
    Directive, Element, ForDirective, HeredocTemplate, IfDirective, StringTemplate, Template,
};

use super::literals::{self, Lines};
use super::native::{convert as convert_expression, syntax_error};
use super::{Expr, ExprKind, For, MAX_DEPTH, Source};
use crate::bake::error::BakeError;
use crate::bake::value::Value;

/// Reads a template that is a text of its own.
pub(super) fn parse(source: &Source<'_>) -> Result<Expr, BakeError> {
    let template =
        hcl_edit::parser::parse_template(source.text).map_err(|error| syntax_error(source, &error))?;
    let texts = literals::of(template.iter(), Lines::Each, false);
    convert(source, template.iter(), texts, 0, 0)
}

/// `"…"`.
pub(super) fn quoted(
    source: &Source<'_>,
    template: &StringTemplate,
    offset: usize,
    depth: usize,
) -> Result<Expr, BakeError> {
    let texts = literals::of(template.iter(), Lines::Whole, false);
    convert(source, template.iter(), texts, offset, depth)
}

/// `<<EOT` and `<<-EOT`. The parser has taken the indentation from the latter, but not in directives: so it is read
/// once more.
pub(super) fn heredoc(
    source: &Source<'_>,
    heredoc: &HeredocTemplate,
    span: Option<Range<usize>>,
    depth: usize,
) -> Result<Expr, BakeError> {
    let span = span.unwrap_or_default();
    let whole = source.text.get(span.clone()).unwrap_or_default();
    if !whole.starts_with("<<-") {
        let texts = literals::of(heredoc.template.iter(), Lines::Each, false);
        return convert(source, heredoc.template.iter(), texts, span.start, depth);
    }
    let start = whole.find('\n').map_or(whole.len(), |index| index + 1);
    let end = whole.rfind('\n').map_or(whole.len(), |index| index + 1).max(start);
    let body = source.within(span.start + start..span.start + end);
    let template =
        hcl_edit::parser::parse_template(body.text).map_err(|error| syntax_error(&body, &error))?;
    let texts = literals::of(template.iter(), Lines::Each, true);
    convert(&body, template.iter(), texts, 0, depth)
}

fn convert<'a>(
    source: &Source<'_>,
    elements: impl Iterator<Item = &'a Element>,
    texts: Vec<String>,
    offset: usize,
    depth: usize,
) -> Result<Expr, BakeError> {
    let elements: Vec<&Element> = elements.collect();
    // A template that is one expression is that expression, whatever its type.
    if let [Element::Interpolation(only)] = elements.as_slice() {
        return convert_expression(source, &only.expr, depth + 1);
    }
    let parts = convert_parts(source, &elements, &mut texts.into_iter(), depth)?;
    let kind = match parts.as_slice() {
        [] => ExprKind::Literal(Value::string("")),
        [Expr { kind: ExprKind::Literal(only @ Value::String(_)), .. }] => ExprKind::Literal(only.clone()),
        _ => ExprKind::Template(parts),
    };
    Ok(Expr::new(kind, source.position(offset)))
}

/// The elements of a template; `texts` are those of its literals.
fn convert_parts(
    source: &Source<'_>,
    elements: &[&Element],
    texts: &mut IntoIter<String>,
    depth: usize,
) -> Result<Vec<Expr>, BakeError> {
    let mut parts = Vec::with_capacity(elements.len());
    for element in elements {
        let offset = element.span().map_or(0, |span| span.start);
        if depth > MAX_DEPTH {
            return Err(
                source.invalid(offset, format!("a template is nested more than {MAX_DEPTH} levels deep"))
            );
        }
        let kind = match element {
            Element::Literal(_) => ExprKind::Literal(Value::string(texts.next().unwrap_or_default())),
            Element::Interpolation(interpolation) => {
                parts.push(convert_expression(source, &interpolation.expr, depth + 1)?);
                continue;
            }
            Element::Directive(directive) => match &**directive {
                Directive::If(directive) => convert_if(source, directive, texts, depth, offset)?,
                Directive::For(directive) => convert_for(source, directive, texts, depth, offset)?,
            },
        };
        parts.push(Expr::new(kind, source.position(offset)));
    }
    Ok(parts)
}

fn nested(
    source: &Source<'_>,
    template: &Template,
    texts: &mut IntoIter<String>,
    depth: usize,
    offset: usize,
) -> Result<Expr, BakeError> {
    let elements: Vec<&Element> = template.iter().collect();
    let parts = convert_parts(source, &elements, texts, depth + 1)?;
    Ok(Expr::new(ExprKind::Template(parts), source.position(offset)))
}

fn convert_if(
    source: &Source<'_>,
    directive: &IfDirective,
    texts: &mut IntoIter<String>,
    depth: usize,
    offset: usize,
) -> Result<ExprKind, BakeError> {
    let condition = convert_expression(source, &directive.if_expr.cond_expr, depth + 1)?;
    let then = nested(source, &directive.if_expr.template, texts, depth, offset)?;
    let otherwise = match &directive.else_expr {
        Some(other) => nested(source, &other.template, texts, depth, offset)?,
        None => Expr::new(ExprKind::Literal(Value::string("")), source.position(offset)),
    };
    Ok(ExprKind::Conditional(Box::new(condition), Box::new(then), Box::new(otherwise)))
}

fn convert_for(
    source: &Source<'_>,
    directive: &ForDirective,
    texts: &mut IntoIter<String>,
    depth: usize,
    offset: usize,
) -> Result<ExprKind, BakeError> {
    let opening = &directive.for_expr;
    let body = For {
        key_name: opening.key_var.as_ref().map(|name| name.as_str().into()),
        value_name: opening.value_var.as_str().into(),
        collection: convert_expression(source, &opening.collection_expr, depth + 1)?,
        key: None,
        value: nested(source, &opening.template, texts, depth, offset)?,
        condition: None,
        grouping: false,
    };
    Ok(ExprKind::Joined(Box::new(Expr::new(ExprKind::For(Box::new(body)), source.position(offset)))))
}
