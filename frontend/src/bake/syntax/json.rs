//! HCL's JSON syntax (`docker-bake.json`): blocks are objects by label, strings are templates.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Attribute, Block, Body, Expr, ExprKind, MAX_DEPTH, Source, native, template};
use crate::bake::error::{BakeError, Position};
use crate::bake::value::{Number, Value};

/// What is a block at the top of a file.
const BLOCKS: [&str; 4] = ["group", "target", "variable", "function"];

pub(super) fn parse(source: &Source<'_>) -> Result<Body, BakeError> {
    let root: Raw<'_> = serde_json::from_str(source.text).map_err(|error| {
        let at = Position { file: Arc::clone(&source.name), line: error.line(), column: error.column() };
        BakeError::invalid(&at, format!("this is not JSON: {error}"))
    })?;
    let mut body = Body::default();
    add_members(source, &mut body, root.read(source)?, &BLOCKS)?;
    Ok(body)
}

/// A part of the text.
#[derive(Clone, Copy, Deserialize)]
#[serde(transparent)]
struct Raw<'a>(#[serde(borrow)] &'a RawValue);

/// The members of an object in their order, names that repeat included.
struct Members<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    members.push((Cow::Owned(name), map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

impl<'a> Raw<'a> {
    fn text(self) -> &'a str {
        self.0.get()
    }

    fn at(self, source: &Source<'_>) -> Position {
        // A raw value borrows from the text: the distance of their addresses is its offset.
        source.position((self.text().as_ptr() as usize).saturating_sub(source.text.as_ptr() as usize))
    }

    fn read<T: Deserialize<'a>>(self, source: &Source<'_>) -> Result<T, BakeError> {
        serde_json::from_str(self.text()).map_err(|error| {
            BakeError::invalid(&self.at(source), format!("this is not as it should be: {error}"))
        })
    }

    fn is_array(self) -> bool {
        self.text().starts_with('[')
    }

    /// An object, or the objects of an array: both may stand for a body.
    fn objects(self, source: &Source<'_>) -> Result<Vec<Members<'a>>, BakeError> {
        if self.is_array() {
            let items: Vec<Raw<'a>> = self.read(source)?;
            return items.into_iter().map(|item| item.read(source)).collect();
        }
        if self.text() == "null" {
            return Ok(Vec::new());
        }
        Ok(vec![self.read(source)?])
    }
}

fn add_members(
    source: &Source<'_>,
    body: &mut Body,
    members: Members<'_>,
    blocks: &[&str],
) -> Result<(), BakeError> {
    for (name, value) in members.0 {
        // A comment.
        if name == "//" {
            continue;
        }
        if blocks.contains(&&*name) {
            add_blocks(source, body, &name, value)?;
            continue;
        }
        if body.attribute(&name).is_some() {
            return Err(BakeError::invalid(&value.at(source), format!("`{name}` is there twice")));
        }
        body.attributes.push(Attribute {
            name: Arc::from(&*name),
            value: expression(source, value, 0)?,
            at: value.at(source),
        });
    }
    Ok(())
}

fn add_blocks(source: &Source<'_>, body: &mut Body, kind: &str, value: Raw<'_>) -> Result<(), BakeError> {
    if kind == "validation" {
        for members in value.objects(source)? {
            let mut inner = Body::default();
            add_members(source, &mut inner, members, &[])?;
            let block = Block { kind: kind.into(), labels: Vec::new(), body: inner, at: value.at(source) };
            body.blocks.push(block);
        }
        return Ok(());
    }
    for labelled in value.objects(source)? {
        for (label, content) in labelled.0 {
            for members in content.objects(source)? {
                let mut inner = Body::default();
                match kind {
                    "variable" => add_variable(source, &mut inner, members)?,
                    "function" => add_function(source, &mut inner, members)?,
                    _ => add_members(source, &mut inner, members, &[])?,
                }
                body.blocks.push(Block {
                    kind: kind.into(),
                    labels: vec![Arc::from(&*label)],
                    body: inner,
                    at: content.at(source),
                });
            }
        }
    }
    Ok(())
}

/// A variable's type is an expression in a string.
fn add_variable(source: &Source<'_>, body: &mut Body, members: Members<'_>) -> Result<(), BakeError> {
    let (types, rest): (Vec<_>, Vec<_>) = members.0.into_iter().partition(|(name, _)| name == "type");
    for (name, value) in types {
        body.attributes.push(static_attribute(source, &name, value)?);
    }
    add_members(source, body, Members(rest), &["validation"])
}

/// The parameters of a function are identifiers in strings.
fn add_function(source: &Source<'_>, body: &mut Body, members: Members<'_>) -> Result<(), BakeError> {
    let (names, rest): (Vec<_>, Vec<_>) =
        members.0.into_iter().partition(|(name, _)| name == "params" || name == "variadic_params");
    for (name, value) in names {
        body.attributes.push(static_attribute(source, &name, value)?);
    }
    add_members(source, body, Members(rest), &[])
}

fn static_attribute(source: &Source<'_>, name: &str, value: Raw<'_>) -> Result<Attribute, BakeError> {
    let at = value.at(source);
    let parse = |value: Raw<'_>| -> Result<Expr, BakeError> {
        if !value.text().starts_with('"') {
            return expression(source, value, 0);
        }
        let text: String = value.read(source)?;
        native::parse_expression(&Source::part(&text, value.at(source)))
    };
    let value = if value.is_array() {
        let items: Vec<Raw<'_>> = value.read(source)?;
        let items = items.into_iter().map(parse).collect::<Result<_, _>>()?;
        Expr::new(ExprKind::Tuple(items), at.clone())
    } else {
        parse(value)?
    };
    Ok(Attribute { name: name.into(), value, at })
}

fn expression(source: &Source<'_>, value: Raw<'_>, depth: usize) -> Result<Expr, BakeError> {
    let at = value.at(source);
    if depth > MAX_DEPTH {
        return Err(BakeError::invalid(&at, format!("a value is nested more than {MAX_DEPTH} levels deep")));
    }
    let kind = match value.text().as_bytes().first() {
        Some(b'"') => {
            let text: String = value.read(source)?;
            return template::parse(&Source::part(&text, at));
        }
        Some(b'[') => {
            let items: Vec<Raw<'_>> = value.read(source)?;
            ExprKind::Tuple(
                items
                    .into_iter()
                    .map(|item| expression(source, item, depth + 1))
                    .collect::<Result<_, _>>()?,
            )
        }
        Some(b'{') => {
            let members: Members<'_> = value.read(source)?;
            let entries = members.0.into_iter().map(|(name, value)| {
                let key = template::parse(&Source::part(&name, value.at(source)))?;
                Ok((key, expression(source, value, depth + 1)?))
            });
            ExprKind::Object(entries.collect::<Result<_, BakeError>>()?)
        }
        Some(b't') => ExprKind::Literal(Value::Bool(true)),
        Some(b'f') => ExprKind::Literal(Value::Bool(false)),
        Some(b'n') => ExprKind::Literal(Value::null()),
        _ => {
            let number = value.text().parse::<Number>();
            let number =
                number.map_err(|error| BakeError::invalid(&at, format!("`{}`: {error}", value.text())))?;
            ExprKind::Literal(Value::Number(number))
        }
    };
    Ok(Expr::new(kind, at))
}
