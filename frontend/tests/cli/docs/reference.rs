//! Pages and tables that are made from the code.

#![allow(clippy::format_push_string, reason = "text that is made rarely is made readably")]

use policy_engine::builtins::{Kind, TABLE};
use policy_engine::input::{Group, lookups, schema};
use policy_engine::policy::lint::CODES;
use serde_json::{Map, Value};

const MADE: &str =
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
         property costs a request, which is made once for all properties with the same words; all others are known from \
         the source's name.\n"
    );
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    for (name, property) in &properties {
        let Some(definition) = definition(&schema, property) else { continue };
        section(&mut page, &format!("input.{name}"), definition, name);
    }
    let definitions = schema["$defs"].as_object().cloned().unwrap_or_default();
    let tops: Vec<&str> = properties.values().filter_map(reference).collect();
    for (name, definition) in definitions.iter().filter(|(name, _)| !tops.contains(&name.as_str())) {
        section(&mut page, name, definition, "");
    }
    page
}

fn section(page: &mut String, title: &str, definition: &Value, document: &str) {
    page.push_str(&format!("\n## {title}\n"));
    if let Some(text) = definition["description"].as_str() {
        page.push_str(&format!("\n{}\n", one_line(text)));
    }
    if let Some(properties) = definition["properties"].as_object() {
        page.push_str("\n| property | type | | looked up |\n|---|---|---|---|\n");
        for (name, property) in properties {
            row(page, document, name, property);
        }
    }
    let values: Vec<String> = values(definition);
    if !values.is_empty() {
        page.push_str("\n| value | |\n|---|---|\n");
        values.iter().for_each(|value| page.push_str(value));
    }
}

fn row(page: &mut String, document: &str, name: &str, property: &Value) {
    let description = one_line(property["description"].as_str().unwrap_or_default());
    let found = lookups().into_iter().find(|lookup| lookup.document == document && lookup.field == name);
    let by = match found {
        Some(lookup) => cost(lookup.group),
        None if name == "signed" => cost(Group::Signatures),
        None => "",
    };
    page.push_str(&format!("| `{name}` | {} | {} | {by} |\n", kind(property), cell(&description)));
}

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

/// `docs/builtins.md`
pub(super) fn builtins() -> String {
    let mut page = format!(
        "{MADE}# Built-in functions\n\nEvery function that a policy may call. They answer what OPA's functions of the same \
         name answer, which [OPA's manual](https://www.openpolicyagent.org/docs/policy-reference/builtins) describes; \
         the types of arguments are as OPA checks them.\n\nThe functions of build policies (`load_json`, `pin_image`, \
         `verify_…`, …) are in [policies.md](policies.md#functions). What is missing here and known to OPA (`http.send`, \
         `opa.runtime`, `crypto.*`, `io.jwt.*`, `net.*`, `graph.*`, `walk`, …) is refused when a policy is loaded.\n"
    );
    let mut families: Vec<&str> = TABLE.iter().map(|builtin| family_of(builtin.name)).collect();
    families.sort_unstable();
    families.dedup();
    for family in families.into_iter().filter(|family| *family != "internal") {
        let title = if family.is_empty() { "Without a namespace" } else { family };
        page.push_str(&format!("\n## {title}\n\n| function | |\n|---|---|\n"));
        for builtin in TABLE.iter().filter(|builtin| family_of(builtin.name) == family) {
            let types: Vec<String> = builtin.args.iter().map(ToString::to_string).collect();
            let note = match builtin.kind {
                Kind::Pure => operator(builtin.name),
                Kind::NowNs => "the time of the check",
                Kind::RandIntn | Kind::Uuid => "the same for the same arguments in one check",
            };
            page.push_str(&format!("| `{}({})` | {} |\n", builtin.name, types.join(", "), cell(note)));
        }
    }
    page
}

fn family_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(family, _)| family)
}

/// The operator that stands for a function.
fn operator(name: &str) -> &'static str {
    match name {
        "plus" => "`+`",
        "minus" => "`-`",
        "mul" => "`*`",
        "div" => "`/`",
        "rem" => "`%`",
        "and" => "`&`",
        "or" => "`|`",
        "eq" => "`=`",
        "equal" => "`==`",
        "neq" => "`!=`",
        "lt" => "`<`",
        "lte" => "`<=`",
        "gt" => "`>`",
        "gte" => "`>=`",
        _ => "",
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
