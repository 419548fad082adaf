//! Types of HCL, and the one type that several can become.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::convert::convertible;

/// The type of a value, or a constraint on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Type {
    /// Any type: of a null without one, and in constraints.
    #[default]
    Any,
    Bool,
    Number,
    String,
    List(Arc<Type>),
    Set(Arc<Type>),
    Map(Arc<Type>),
    Tuple(Arc<[Type]>),
    /// Attributes by name.
    Object(Arc<BTreeMap<Arc<str>, Type>>),
    /// A constraint on objects: attributes, and those that may be missing.
    OptionalObject(Arc<BTreeMap<Arc<str>, Type>>, Arc<[Arc<str>]>),
}

impl Type {
    pub(crate) fn list(element: Self) -> Self {
        Self::List(Arc::new(element))
    }

    pub(crate) fn set(element: Self) -> Self {
        Self::Set(Arc::new(element))
    }

    pub(crate) fn map(element: Self) -> Self {
        Self::Map(Arc::new(element))
    }

    pub(crate) fn tuple(elements: Vec<Self>) -> Self {
        Self::Tuple(elements.into())
    }

    pub(crate) fn object(attributes: BTreeMap<Arc<str>, Self>) -> Self {
        Self::Object(Arc::new(attributes))
    }

    /// The type without attributes that may be missing.
    pub(crate) fn strict(&self) -> Self {
        match self {
            Self::List(element) => Self::list(element.strict()),
            Self::Set(element) => Self::set(element.strict()),
            Self::Map(element) => Self::map(element.strict()),
            Self::Tuple(elements) => Self::tuple(elements.iter().map(Self::strict).collect()),
            Self::Object(attributes) | Self::OptionalObject(attributes, _) => {
                Self::object(attributes.iter().map(|(name, one)| (Arc::clone(name), one.strict())).collect())
            }
            primitive => primitive.clone(),
        }
    }

    pub(crate) fn is_primitive(&self) -> bool {
        matches!(self, Self::Bool | Self::Number | Self::String)
    }

    /// The type that values of all of `types` can be converted to; `None` if there is none.
    pub(crate) fn unify(types: &[Self]) -> Option<Self> {
        let (first, rest) = types.split_first()?;
        if rest.iter().all(|other| other == first) {
            return Some(first.clone());
        }
        let known: Vec<&Self> = types.iter().filter(|one| **one != Self::Any).collect();
        let any = known.len() < types.len();
        let all = |test: fn(&Self) -> bool| known.iter().all(|one| test(one));
        let some = |test: fn(&Self) -> bool| known.iter().any(|one| test(one));
        let list = |one: &Self| matches!(one, Self::List(_));
        let set = |one: &Self| matches!(one, Self::Set(_));
        let map = |one: &Self| matches!(one, Self::Map(_));
        let tuple = |one: &Self| matches!(one, Self::Tuple(_));
        let object = |one: &Self| matches!(one, Self::Object(_));
        if all(map) || (some(map) && all(|one| matches!(one, Self::Map(_) | Self::Object(_)))) {
            return elements_as_one(&known, any).map(Self::map);
        }
        if all(list) || (some(list) && all(|one| matches!(one, Self::List(_) | Self::Tuple(_)))) {
            return elements_as_one(&known, any).map(Self::list);
        }
        if all(set) {
            return elements_as_one(&known, any).map(Self::set);
        }
        if all(object) {
            return same_attributes(&known).or_else(|| elements_as_one(&known, any).map(Self::map));
        }
        if all(tuple) {
            return same_length(&known).or_else(|| elements_as_one(&known, any).map(Self::list));
        }
        if any {
            return None;
        }
        // Primitives: the most general of those that are there. Otherwise what all others can become.
        let mut candidates = types.to_vec();
        candidates.sort_by_key(|one| match one {
            Self::String => 0,
            Self::Set(_) => 2,
            Self::List(_) | Self::Map(_) => 1,
            _ => 3,
        });
        candidates
            .into_iter()
            .find(|wanted| types.iter().all(|one| one == wanted || convertible(one, wanted)))
    }
}

/// The one type of all elements of collections.
fn elements_as_one(collections: &[&Type], any: bool) -> Option<Type> {
    let mut elements = Vec::new();
    for collection in collections {
        match collection {
            Type::List(element) | Type::Set(element) | Type::Map(element) => {
                elements.push((**element).clone());
            }
            Type::Tuple(types) => elements.extend(types.iter().cloned()),
            Type::Object(attributes) => elements.extend(attributes.values().cloned()),
            _ => return None,
        }
    }
    elements.dedup();
    if elements.len() > 1 && elements.contains(&Type::Any) {
        elements.retain(|one| *one != Type::Any);
    }
    if elements.is_empty() || any && elements.iter().all(|one| *one == Type::Any) {
        return Some(Type::Any);
    }
    Type::unify(&elements)
}

fn same_attributes(objects: &[&Type]) -> Option<Type> {
    let attributes: Vec<_> = objects
        .iter()
        .map(|object| match object {
            Type::Object(attributes) => Some(attributes),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let (first, rest) = attributes.split_first()?;
    if rest.iter().any(|other| !other.keys().eq(first.keys())) {
        return None;
    }
    let unified = first.keys().map(|name| {
        let types: Vec<Type> = attributes.iter().filter_map(|one| one.get(name).cloned()).collect();
        Some((Arc::clone(name), unify_known(types)?))
    });
    unified.collect::<Option<_>>().map(Type::object)
}

fn same_length(tuples: &[&Type]) -> Option<Type> {
    let elements: Vec<_> = tuples
        .iter()
        .map(|tuple| match tuple {
            Type::Tuple(elements) => Some(elements),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let (first, rest) = elements.split_first()?;
    if rest.iter().any(|other| other.len() != first.len()) {
        return None;
    }
    let unified = (0..first.len())
        .map(|index| unify_known(elements.iter().filter_map(|one| one.get(index).cloned()).collect()));
    unified.collect::<Option<Vec<_>>>().map(Type::tuple)
}

/// The one type of all that is not `Any`.
fn unify_known(types: Vec<Type>) -> Option<Type> {
    let known: Vec<Type> = types.into_iter().filter(|one| *one != Type::Any).collect();
    if known.is_empty() { Some(Type::Any) } else { Type::unify(&known) }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("any"),
            Self::Bool => formatter.write_str("bool"),
            Self::Number => formatter.write_str("number"),
            Self::String => formatter.write_str("string"),
            Self::List(element) => write!(formatter, "list({element})"),
            Self::Set(element) => write!(formatter, "set({element})"),
            Self::Map(element) => write!(formatter, "map({element})"),
            Self::Tuple(_) => formatter.write_str("tuple"),
            Self::Object(_) | Self::OptionalObject(..) => formatter.write_str("object"),
        }
    }
}
