//! Values and types of HCL, as bake's evaluator has them: lists, sets and maps whose elements have one type, tuples
//! and objects whose elements each have their own.

pub(crate) mod convert;
pub(crate) mod number;
pub(crate) mod types;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use number::Number;
pub(crate) use types::Type;
use unicode_normalization::UnicodeNormalization as _;

/// One value. Cloning is cheap: what is large is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null(Type),
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    List(Type, Arc<Sequence>),
    /// Elements in order, none twice.
    Set(Type, Arc<Sequence>),
    Tuple(Arc<Sequence>),
    Map(Type, Arc<Mapping>),
    Object(Arc<Mapping>),
}

/// Elements, and how large they are in all.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Sequence {
    pub(crate) items: Vec<Value>,
    weight: u64,
}

/// Elements by name, and how large they are in all.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Mapping {
    pub(crate) entries: BTreeMap<Arc<str>, Value>,
    weight: u64,
}

impl Value {
    /// A string, in Unicode's normal form C.
    pub(crate) fn string(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        if text.is_ascii() {
            Self::String(text.into())
        } else {
            Self::String(text.nfc().collect::<String>().into())
        }
    }

    pub(crate) fn list(element: Type, items: Vec<Self>) -> Self {
        Self::List(element, Sequence::new(items))
    }

    pub(crate) fn set(element: Type, mut items: Vec<Self>) -> Self {
        items.sort_by(Self::order);
        items.dedup();
        Self::Set(element, Sequence::new(items))
    }

    pub(crate) fn tuple(items: Vec<Self>) -> Self {
        Self::Tuple(Sequence::new(items))
    }

    pub(crate) fn map(element: Type, entries: BTreeMap<Arc<str>, Self>) -> Self {
        Self::Map(element, Mapping::new(entries))
    }

    pub(crate) fn object(entries: BTreeMap<Arc<str>, Self>) -> Self {
        Self::Object(Mapping::new(entries))
    }

    /// A null of no particular type.
    pub(crate) fn null() -> Self {
        Self::Null(Type::Any)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null(_))
    }

    /// How large the value is: what walking it, or printing it, costs at most.
    pub(crate) fn weight(&self) -> u64 {
        match self {
            Self::Null(_) | Self::Bool(_) => 1,
            Self::Number(_) => 4,
            Self::String(text) => 1 + text.len() as u64 / 8,
            Self::List(_, sequence) | Self::Set(_, sequence) | Self::Tuple(sequence) => sequence.weight,
            Self::Map(_, mapping) | Self::Object(mapping) => mapping.weight,
        }
    }

    pub(crate) fn type_of(&self) -> Type {
        match self {
            Self::Null(null) => null.clone(),
            Self::Bool(_) => Type::Bool,
            Self::Number(_) => Type::Number,
            Self::String(_) => Type::String,
            Self::List(element, _) => Type::list(element.clone()),
            Self::Set(element, _) => Type::set(element.clone()),
            Self::Map(element, _) => Type::map(element.clone()),
            Self::Tuple(sequence) => Type::tuple(sequence.items.iter().map(Self::type_of).collect()),
            Self::Object(mapping) => Type::object(
                mapping.entries.iter().map(|(name, value)| (Arc::clone(name), value.type_of())).collect(),
            ),
        }
    }

    /// The elements of a list, set or tuple.
    pub(crate) fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(_, sequence) | Self::Set(_, sequence) | Self::Tuple(sequence) => Some(&sequence.items),
            _ => None,
        }
    }

    /// The elements of a map or object.
    pub(crate) fn entries(&self) -> Option<&BTreeMap<Arc<str>, Self>> {
        match self {
            Self::Map(_, mapping) | Self::Object(mapping) => Some(&mapping.entries),
            _ => None,
        }
    }

    /// The order of a set's elements.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Number(left), Self::Number(right)) => left.cmp(right),
            (Self::String(left), Self::String(right)) => left.cmp(right),
            (left, right) => match (left.items(), right.items()) {
                (Some(left), Some(right)) => order_all(left.iter(), right.iter()),
                _ => match (left.entries(), right.entries()) {
                    (Some(left), Some(right)) => {
                        left.keys().cmp(right.keys()).then_with(|| order_all(left.values(), right.values()))
                    }
                    _ => rank(self).cmp(&rank(other)),
                },
            },
        }
    }
}

fn order_all<'a>(left: impl Iterator<Item = &'a Value>, right: impl Iterator<Item = &'a Value>) -> Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        match (left.next(), right.next()) {
            (Some(one), Some(other)) => match one.order(other) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
            (None, None) => return Ordering::Equal,
            (one, _) => return if one.is_some() { Ordering::Greater } else { Ordering::Less },
        }
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null(_) => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::List(..) | Value::Set(..) | Value::Tuple(_) => 4,
        Value::Map(..) | Value::Object(_) => 5,
    }
}

impl Sequence {
    fn new(items: Vec<Value>) -> Arc<Self> {
        let weight = items.iter().fold(1u64, |sum, item| sum.saturating_add(item.weight()));
        Arc::new(Self { items, weight })
    }
}

impl Mapping {
    fn new(entries: BTreeMap<Arc<str>, Value>) -> Arc<Self> {
        let weight = entries.iter().fold(1u64, |sum, (name, value)| {
            sum.saturating_add(1 + name.len() as u64 / 8).saturating_add(value.weight())
        });
        Arc::new(Self { entries, weight })
    }
}
