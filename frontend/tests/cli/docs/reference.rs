//! Pages and tables that are made from the code.

#![allow(clippy::format_push_string, reason = "text that is made rarely is made readably")]

use policy_engine::input::{Group, lookups, schema};
use policy_engine::policy::lint::CODES;
use serde_json::{Map, Value};

pub(super) const MADE: &str =
    "<!-- Made by `POLICY_CHECK_WRITE_DOCS=1 cargo test -p policy-check --test cli docs`. -->\n\n";

/// The rows of the table in `docs/lint.md`.
pub(super) fn codes() -> Vec<String> {
    CODES
        .iter()
        .map(|code| format!("| `{}` | {} | {} |", code.code, cell(code.finds), cell(code.why)))
        .collect()
}

/// `docs/input.md`
pub(super) fn input() -> String {
    let schema = schema();
    let mut page = format!(
        "{MADE}# The input\n\nEvery property of `input`, as `policy-check schema input` has it. A property that is empty, \
         false or unknown is absent: write `not input.image.tag`, not `input.image.tag == \"\"`. Exactly one of \
         `image`, `git`, `http`, `local` and `ociLayout` is there.\n\nWhere \"looked up\" says something, reading the \
         property costs requests, which are made once for all properties with the same words, and only when a rule \
         reads one of them; all others are known from the source's name. What is below such a property came with \
         it.\n\n| looked up | what is asked for |\n|---|---|\n"
    );
    for group in GROUPS {
        page.push_str(&format!("| {} | {} |\n", cost(group), requests(group)));
    }
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    for (name, property) in &properties {
        let Some(definition) = definition(&schema, property) else { continue };
        section(&mut page, &format!("input.{name}"), definition, &[name]);
    }
    let definitions = schema["$defs"].as_object().cloned().unwrap_or_default();
    let tops: Vec<&str> = properties.values().filter_map(reference).collect();
    for (name, definition) in definitions.iter().filter(|(name, _)| !tops.contains(&name.as_str())) {
        let path: &[&str] = if name == "ImageProvenance" { &["image", "provenance"] } else { &[] };
        section(&mut page, name, definition, path);
    }
    page
}

/// `path` is where the object stands, where one of its properties has to be looked up.
fn section(page: &mut String, title: &str, definition: &Value, path: &[&str]) {
    page.push_str(&format!("\n## {title}\n"));
    if let Some(text) = definition["description"].as_str() {
        page.push_str(&format!("\n{}\n", one_line(text)));
    }
    if let Some(properties) = definition["properties"].as_object() {
        page.push_str("\n| property | type | | example | looked up |\n|---|---|---|---|---|\n");
        for (name, property) in properties {
            row(page, path, name, property);
        }
    }
    let values: Vec<String> = values(definition);
    if !values.is_empty() {
        page.push_str("\n| value | |\n|---|---|\n");
        values.iter().for_each(|value| page.push_str(value));
    }
}

fn row(page: &mut String, path: &[&str], name: &str, property: &Value) {
    let description = one_line(property["description"].as_str().unwrap_or_default());
    let found = path.split_first().and_then(|(document, above)| {
        let field = above.iter().copied().chain([name]).collect::<Vec<_>>().join(".");
        lookups().into_iter().find(|lookup| lookup.document == *document && lookup.field == field)
    });
    let by = found.map_or("", |lookup| cost(lookup.group));
    let example = match &property["examples"][0] {
        Value::Null => {
            assert!(kind(property).contains(['[', '(']) || name == "materials", "{name} has no example");
            String::new()
        }
        example => format!("`{}`", cell(&example.to_string())),
    };
    page.push_str(&format!(
        "| `{name}` | {} | {} | {example} | {by} |\n",
        kind(property),
        cell(&description)
    ));
}

const GROUPS: [Group; 7] = [
    Group::ImageConfig,
    Group::AttestationChain,
    Group::Provenance,
    Group::Signatures,
    Group::GitRef,
    Group::GitObjects,
    Group::HttpChecksum,
];

/// What a group is looked up with.
fn cost(group: Group) -> &'static str {
    match group {
        Group::ImageConfig | Group::ImageDigest => "the image's manifest and config",
        Group::AttestationChain => "the index and the attestation manifest",
        Group::Provenance => "the provenance attestation",
        Group::Signatures => "the signatures in the registry",
        Group::GitRef => "the remote's refs",
        Group::GitObjects => "the commit and tag objects",
        Group::HttpChecksum => "the whole file",
    }
}

/// What that means.
fn requests(group: Group) -> &'static str {
    match group {
        Group::ImageConfig | Group::ImageDigest => {
            "what the reference names, and below an index the platform's manifest; then the config. What is named is asked \
             for in each run, what lies below comes from the cache where it is there"
        }
        Group::AttestationChain => {
            "the same without the config, and the manifest that lists the attestations"
        }
        Group::Provenance => "that, and the attestation itself. Both are cached",
        Group::Signatures => {
            "what refers to the attestation manifest, the image and the index, and each signature among that. Not cached"
        }
        Group::GitRef => "the refs of that name. Nothing where the build names a commit by its full id",
        Group::GitObjects => "the refs, the commit and the tag. No files",
        Group::HttpChecksum => "all of it is downloaded, and nothing kept",
    }
}

fn values(definition: &Value) -> Vec<String> {
    let value = |choice: &Value| {
        let description = one_line(choice["description"].as_str().unwrap_or_default());
        choice["const"].as_str().map(|value| format!("| `{value}` | {} |\n", cell(&description)))
    };
    definition["oneOf"].as_array().into_iter().flatten().filter_map(value).collect()
}

fn reference(property: &Value) -> Option<&str> {
    property["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"))
}

fn definition<'s>(schema: &'s Value, property: &Value) -> Option<&'s Value> {
    schema["$defs"].get(reference(property)?)
}

fn kind(property: &Value) -> String {
    if let Some(name) = reference(property) {
        return format!("[{name}](#{})", anchor(name));
    }
    if let Some(choice) = property["allOf"].as_array().and_then(|all| all.first()) {
        return kind(choice);
    }
    let kind_of = |value: &Value| value["type"].as_str().unwrap_or("any").to_owned();
    let has = |key: &str| property.get(key).filter(|value| value.is_object());
    match (kind_of(property).as_str(), has("items"), has("additionalProperties")) {
        ("array", Some(items), _) => format!("array of {}", kind(items)),
        ("object", _, Some(values)) => format!("object of {}", kind(values)),
        (kind, ..) => kind.to_owned(),
    }
}

/// Documents have sections of their own: `input.image`.
fn anchor(name: &str) -> String {
    let schema = schema();
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    match properties.iter().find(|(_, property)| reference(property) == Some(name)) {
        Some((document, _)) => format!("input{}", document.to_ascii_lowercase()),
        None => name.to_ascii_lowercase(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
