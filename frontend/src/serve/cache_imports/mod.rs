//! Caches that a build imports. BuildKit never asks a policy about them, yet an imported layer can stand in
//! for the result of any `RUN` or `COPY`.
//!
//! A client can name them in these places, and [`from_solve`] and [`from_bridge_solve`] read all of them:
//! `Cache.Imports` and `Cache.ImportRefsDeprecated` of `Control.Solve`, `CacheImports` of `LLBBridge.Solve`,
//! and the frontend's options `cache-imports` (JSON) and `cache-from` (references, comma separated) in either.
//! What a frontend in a container of its own asks for never passes here; whether that frontend's image may be
//! used is for policies to say.

mod rule;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::buildkit::proto::{BridgeSolveView, SolveView};
pub use rule::{Mode, Pattern, PatternError, Rule, Verdict};

/// The type of caches that lie in a registry.
const REGISTRY: &str = "registry";

/// A cache that a build wants to import.
#[derive(Clone, PartialEq, Eq)]
pub struct CacheImport {
    /// `registry`, `local`, `gha`, `s3`, `azblob`, or whatever the client wrote.
    pub kind: String,
    /// The image reference of a registry cache, as the client wrote it.
    pub reference: Option<String>,
    /// All attributes, which may hold credentials.
    pub attrs: BTreeMap<String, String>,
    /// Why it can't be told what would be imported.
    pub malformed: Option<String>,
}

impl CacheImport {
    /// Its kind, and what it is called there: `registry:example.com/cache:main`.
    pub fn name(&self) -> String {
        match &self.reference {
            Some(reference) => format!("{}:{reference}", self.kind),
            None => self.kind.clone(),
        }
    }
}

impl fmt::Debug for CacheImport {
    /// Without the attributes' values: tokens and keys are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheImport")
            .field("kind", &self.kind)
            .field("reference", &self.reference)
            .field("attrs", &self.attrs.keys())
            .field("malformed", &self.malformed)
            .finish()
    }
}

impl CacheImport {
    fn new(kind: &str, attrs: impl IntoIterator<Item = (String, String)>) -> Self {
        let attrs: BTreeMap<_, _> = attrs.into_iter().collect();
        let reference = attrs.get("ref").filter(|_| kind == REGISTRY).cloned();
        Self { kind: kind.to_owned(), reference, attrs, malformed: None }
    }

    fn registry(reference: &str) -> Self {
        Self::new(REGISTRY, [("ref".to_owned(), reference.to_owned())])
    }

    fn malformed(reason: String) -> Self {
        Self { kind: String::new(), reference: None, attrs: BTreeMap::new(), malformed: Some(reason) }
    }
}

/// The caches that a `Control.Solve` imports, each once.
pub fn from_solve(solve: &SolveView) -> Vec<CacheImport> {
    let mut found = Vec::new();
    if let Some(cache) = &solve.cache {
        found.extend(cache.imports.iter().map(|entry| CacheImport::new(&entry.r#type, entry.attrs.clone())));
        found.extend(cache.import_refs_deprecated.iter().map(|reference| CacheImport::registry(reference)));
    }
    from_options(&solve.frontend_attrs, &mut found);
    each_once(found)
}

/// The caches that an `LLBBridge.Solve` imports, each once.
pub fn from_bridge_solve(solve: &BridgeSolveView) -> Vec<CacheImport> {
    let entries = solve.cache_imports.iter();
    let mut found = entries.map(|entry| CacheImport::new(&entry.r#type, entry.attrs.clone())).collect();
    from_options(&solve.frontend_opt, &mut found);
    each_once(found)
}

/// The caches that a frontend imports by its options.
fn from_options(options: &BTreeMap<String, String>, found: &mut Vec<CacheImport>) {
    if let Some(json) = options.get("cache-imports").filter(|json| !json.is_empty()) {
        match serde_json::from_str::<Option<Vec<Entry>>>(json) {
            Ok(entries) => {
                let entries = entries.unwrap_or_default().into_iter();
                found.extend(entries.map(|entry| CacheImport::new(&entry.kind, entry.attrs)));
            }
            // Only where: the error's text may repeat a token.
            Err(error) => found.push(CacheImport::malformed(format!(
                "option `cache-imports` is not an array of {{\"Type\", \"Attrs\"}} at line {}, column {}",
                error.line(),
                error.column()
            ))),
        }
    }
    if let Some(references) = options.get("cache-from").filter(|references| !references.is_empty()) {
        found.extend(references.split(',').map(CacheImport::registry));
    }
}

fn each_once(imports: Vec<CacheImport>) -> Vec<CacheImport> {
    let mut once: Vec<CacheImport> = Vec::with_capacity(imports.len());
    for import in imports {
        if !once.contains(&import) {
            once.push(import);
        }
    }
    once
}

/// An element of the option `cache-imports`.
struct Entry {
    kind: String,
    attrs: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

/// Reads an entry so that it can mean one thing only. Go takes keys in any case, the last of two types and
/// both of two sets of attributes; two of anything are refused here.
struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with Type and Attrs")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let (mut kind, mut attrs) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            let again = if key.eq_ignore_ascii_case("type") {
                kind.replace(map.next_value::<Option<String>>()?.unwrap_or_default()).is_some()
            } else if key.eq_ignore_ascii_case("attrs") {
                attrs.replace(map.next_value::<Option<_>>()?.unwrap_or_default()).is_some()
            } else {
                return Err(A::Error::custom("a key other than Type and Attrs"));
            };
            if again {
                return Err(A::Error::custom("Type or Attrs is given twice"));
            }
        }
        Ok(Entry { kind: kind.unwrap_or_default(), attrs: attrs.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::buildkit::proto::{control, gateway};

    fn options(key: &str, value: &str) -> BTreeMap<String, String> {
        [(key.to_owned(), value.to_owned())].into()
    }

    fn attrs(of: &[(&str, &str)]) -> HashMap<String, String> {
        of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn shown(imports: &[CacheImport]) -> Vec<(&str, Option<&str>)> {
        imports.iter().map(|import| (import.kind.as_str(), import.reference.as_deref())).collect()
    }

    #[test]
    fn every_place_of_a_solve_is_read() {
        let mut frontend_attrs = options("cache-from", "example.com/a:1,example.com/d");
        frontend_attrs.insert(
            "cache-imports".into(),
            r#"[{"Type":"gha","Attrs":{"scope":"x"}},{"type":"registry","attrs":{"ref":"e"}},{"Type":"s3"}]"#
                .into(),
        );
        let solve = SolveView {
            cache: Some(control::CacheOptions {
                imports: vec![control::CacheOptionsEntry {
                    r#type: "registry".into(),
                    attrs: attrs(&[("ref", "example.com/a:1")]),
                }],
                import_refs_deprecated: vec!["example.com/b".into()],
                ..control::CacheOptions::default()
            }),
            frontend_attrs,
            ..SolveView::default()
        };
        assert_eq!(
            shown(&from_solve(&solve)),
            [
                ("registry", Some("example.com/a:1")),
                ("registry", Some("example.com/b")),
                ("gha", None),
                ("registry", Some("e")),
                ("s3", None),
                ("registry", Some("example.com/d")),
            ]
        );
        assert_eq!(from_solve(&SolveView::default()), []);
    }

    #[test]
    fn every_place_of_a_bridge_solve_is_read() {
        let entry = gateway::CacheOptionsEntry { r#type: "local".into(), attrs: attrs(&[("src", "x")]) };
        let solve = BridgeSolveView {
            cache_imports: vec![entry],
            frontend_opt: options("cache-from", "example.com/a,"),
            ..BridgeSolveView::default()
        };
        assert_eq!(
            shown(&from_bridge_solve(&solve)),
            [("local", None), ("registry", Some("example.com/a")), ("registry", Some(""))]
        );
    }

    #[test]
    fn json_that_can_mean_several_things_is_malformed_and_not_repeated() {
        for json in [
            "{}",
            "[null]",
            "[1]",
            r#"[{"Type":"registry"}"#,
            r#"[{"Type":"registry","type":"local"}]"#,
            r#"[{"Attrs":{"ref":"a"},"attrs":{"ref":"s3cret"}}]"#,
            r#"[{"Type":"gha","Attrs":{"token":7}}]"#,
            r#"[{"Attrſ":{"token":"s3cret"}}]"#,
            r#"[{"Type":"gha","Attrs":"s3cret"}] x"#,
        ] {
            let solve =
                BridgeSolveView { frontend_opt: options("cache-imports", json), ..Default::default() };
            let [import] = from_bridge_solve(&solve).try_into().unwrap();
            let reason = import.malformed.unwrap();
            assert!(reason.contains("cache-imports") && !reason.contains("s3cret"), "{reason}");
        }
        for json in ["", "null", "[]"] {
            let solve =
                BridgeSolveView { frontend_opt: options("cache-imports", json), ..Default::default() };
            assert_eq!(from_bridge_solve(&solve), []);
        }
    }

    #[test]
    fn tokens_do_not_show() {
        let import = CacheImport::new("gha", attrs(&[("token", "s3cret")]));
        let shown = format!("{import:?}");
        assert!(shown.contains("token") && !shown.contains("s3cret"), "{shown}");
    }
}
