//! Which paths the input has: looked up in its JSON Schema, so that there is no second list.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// Whether a path is part of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathCheck {
    /// The input has it.
    Known,
    /// It leads into a map whose keys anybody may choose: labels, arguments, query parameters.
    Open,
    /// The input cannot have it.
    Unknown {
        /// The first step that leads nowhere, from 0.
        at: usize,
        /// The field that was probably meant.
        nearest: Option<String>,
    },
}

static SCHEMA: LazyLock<Value> = LazyLock::new(super::schema);

/// Looks a path up, e.g. `["image", "labels", "team"]`. A step into an array is a number or `_`.
pub fn check(path: &[&str]) -> PathCheck {
    match find(path) {
        Ok((_, false)) => PathCheck::Known,
        Ok((_, true)) => PathCheck::Open,
        Err((at, nearest)) => PathCheck::Unknown { at, nearest },
    }
}

/// The JSON Schema type of what is at a path, such as `string`: where there is a property and it has one type.
/// Steps are those of [`check`].
pub fn type_at(path: &[&str]) -> Option<&'static str> {
    let schema = resolve(find(path).ok()?.0);
    let named = schema.get("type").and_then(Value::as_str);
    named.or_else(|| schema.get("properties").map(|_| "object"))
}

/// As [`type_at`], also of what may be `null` instead, such as a build argument without a value.
pub(crate) fn type_beside_null(path: &[&str]) -> Option<&'static str> {
    type_at(path).or_else(|| {
        let types = resolve(find(path).ok()?.0).get("type")?.as_array()?;
        let mut others = types.iter().filter_map(Value::as_str).filter(|name| *name != "null");
        others.next().filter(|_| others.next().is_none())
    })
}

/// The schema of a property, and whether its name is one that the source gives; or the step that is in no schema,
/// and what was perhaps meant.
fn find(path: &[&str]) -> Result<(&'static Value, bool), (usize, Option<String>)> {
    let mut schema = &*SCHEMA;
    let mut open = false;
    for (at, step) in path.iter().enumerate() {
        schema = resolve(schema);
        let fields = schema.get("properties").and_then(Value::as_object);
        let is_index = *step == "_" || (!step.is_empty() && step.bytes().all(|b| b.is_ascii_digit()));
        if let Some(field) = fields.and_then(|fields| fields.get(*step)) {
            schema = field;
        } else if let Some(any) = schema.get("additionalProperties").filter(|any| any.is_object()) {
            open = true;
            schema = any;
        } else if let Some(items) = schema.get("items").filter(|_| is_index) {
            schema = items;
        } else {
            let nearest = nearest(step, fields.into_iter().flat_map(Map::keys));
            return Err((at, nearest));
        }
    }
    Ok((schema, open))
}

/// The values that a property may have, where the schema lists them. Steps are those of [`check`].
pub(crate) fn values(path: &[&str]) -> Option<Vec<String>> {
    let mut schema = resolve(&SCHEMA);
    for step in path {
        let field = schema.get("properties").and_then(|fields| fields.get(*step));
        let items = schema.get("items").filter(|_| *step == "_");
        schema = resolve(field.or(items)?);
    }
    let listed = schema.get("enum").and_then(Value::as_array);
    let constants = schema.get("oneOf").and_then(Value::as_array);
    let values: Option<Vec<String>> = match (listed, constants) {
        (Some(values), _) => values.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        (_, Some(choices)) => {
            choices.iter().map(|choice| choice.get("const")?.as_str().map(str::to_owned)).collect()
        }
        _ => None,
    };
    values.filter(|values| !values.is_empty())
}

/// Follows references.
fn resolve(mut schema: &'static Value) -> &'static Value {
    let target = |schema: &'static Value| SCHEMA.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?);
    while let Some(next) = target(schema) {
        schema = next;
    }
    schema
}

/// The name that is nearest by edit distance, unless all are far off.
pub(crate) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let limit = (word.chars().count() / 3).max(1);
    names
        .map(|name| (distance(&word.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name.clone())
}

/// Edit distance with transpositions of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                rows[i][j] = i + j;
                continue;
            }
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::{PathCheck, check, type_at};

    #[test]
    fn properties_have_types() {
        for (path, expected) in [
            ("", Some("object")),
            ("image", Some("object")),
            ("image.labels", Some("object")),
            ("image.labels.any", Some("string")),
            ("image.env._", Some("string")),
            ("image.provenance.materials.0.git.tag", Some("object")),
            ("image.env", Some("array")),
            ("image.env.0", Some("string")),
            ("image.isCanonical", Some("boolean")),
            ("image.provenance.materials.0.image.tag", Some("string")),
            ("env.depth", Some("integer")),
            ("env.args.release", None),
            ("image.tagg", None),
        ] {
            let steps: Vec<_> = path.split('.').filter(|s| !s.is_empty()).collect();
            assert_eq!(type_at(&steps), expected, "{path}");
        }
    }

    #[test]
    fn known_paths() {
        for path in [
            "",
            "image",
            "image.hasProvenance",
            "image.provenance.materials.0.image.provenance.builderID",
            "image.provenance.materials._.git.commit.author.email",
            "git.tag.pgpSignature.keyID",
            "git.fullURL",
            "git.isSHA256",
            "image.signatures.0.signer.buildSignerURI",
            "image.signatures.0.trustRoot",
            "image.verification.0.step",
            "image.provenance.signatures.0.kind",
            "ociLayout.provenance.materials.0.image.verification.0.subject",
            "image.env.0",
            "env.depth",
            "ociLayout.workingDir",
            "ociLayout.provenance.materials.3.http.checksum",
            "image.createdTime",
            "local.name",
            "image.provenance.completeness.parameters",
            "env.capsRequest",
        ] {
            let steps: Vec<_> = path.split('.').filter(|s| !s.is_empty()).collect();
            assert_eq!(check(&steps), PathCheck::Known, "{path}");
        }
    }

    #[test]
    fn open_paths() {
        for path in [
            "image/labels/org.opencontainers.image.title",
            "env/args/release",
            "env/labels/x",
            "http/query/a",
            "http/query/a/0",
            "image/provenance/buildArgs/X",
            "image/provenance/configSource/digest/sha1",
        ] {
            assert_eq!(check(&path.split('/').collect::<Vec<_>>()), PathCheck::Open, "{path}");
        }
    }

    #[test]
    fn unknown_paths() {
        for (path, at, nearest) in [
            ("image.hasProvenanc", 1, Some("hasProvenance")),
            ("image.fullrepo", 1, Some("fullRepo")),
            ("image.repo.name", 2, None),
            ("imgae", 0, Some("image")),
            ("git.subdir", 1, Some("subDir")),
            ("git.commit.autor.email", 2, Some("author")),
            ("image.provenance.materials.image", 3, None),
            ("image.labels.a.b", 3, None),
            ("image.whatever", 1, None),
            ("http.query.a.b", 3, None),
            ("image.provenance.materials.0.image.labls", 5, Some("labels")),
        ] {
            let nearest = nearest.map(str::to_owned);
            assert_eq!(
                check(&path.split('.').collect::<Vec<_>>()),
                PathCheck::Unknown { at, nearest },
                "{path}"
            );
        }
    }
}
