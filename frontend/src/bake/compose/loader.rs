//! Reads Compose files with what they include and extend.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::interpolate::Variables;
use super::{document, dotenv, interpolate, merge};
use crate::bake::error::{BakeError, Position};
use crate::bake::files::{File, read_named, read_optional};
use crate::bake::paths;

/// How many files a definition may consist of, and how deep they may include and extend one another.
const MAX_FILES: usize = 500;
const MAX_DEPTH: usize = 64;

type Model = Map<String, Value>;

pub(super) struct Loader<'a> {
    cwd: &'a Path,
    home: Option<&'a str>,
    warnings: &'a mut Vec<String>,
    files: usize,
}

/// Where relative paths of files start, from the working directory, and what variables there are.
#[derive(Clone, Copy)]
struct Place<'a> {
    folder: &'a str,
    variables: &'a BTreeMap<String, String>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(cwd: &'a Path, home: Option<&'a str>, warnings: &'a mut Vec<String>) -> Self {
        Self { cwd, home, warnings, files: 0 }
    }

    /// What files say together, with paths from the working directory.
    pub(super) fn load(
        &mut self,
        files: &[&File],
        folder: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<Model, BakeError> {
        self.load_model(files, Place { folder, variables }, folder, &mut Vec::new())
    }

    fn load_model(
        &mut self,
        files: &[&File],
        place: Place<'_>,
        base: &str,
        included: &mut Vec<String>,
    ) -> Result<Model, BakeError> {
        let mut model = Model::new();
        for file in files {
            self.load_file(file, place, included, true, &mut model)?;
        }
        for (_, service) in services(&mut model) {
            if let Some(build) = service.get_mut("build").and_then(Value::as_object_mut) {
                build.entry("context").or_insert_with(|| Value::String(".".to_owned()));
            }
        }
        resolve_paths(&mut model, base, self.home);
        Ok(model)
    }

    fn load_file(
        &mut self,
        file: &File,
        place: Place<'_>,
        included: &mut Vec<String>,
        follow: bool,
        model: &mut Model,
    ) -> Result<(), BakeError> {
        let at = Position { file: file.name.as_str().into(), ..Position::default() };
        self.files += 1;
        if self.files > MAX_FILES {
            return Err(BakeError::unresolved(
                &at,
                "the file",
                format!("more than {MAX_FILES} files belong to it"),
            ));
        }
        for mut document in document::parse(&file.text, &at)? {
            let mut variables = Variables { known: place.variables, missed: Vec::new() };
            for (name, value) in &mut document.value {
                interpolate::value(value, &mut variables, name)
                    .map_err(|message| BakeError::invalid(&at, message))?;
            }
            for missed in variables.missed {
                let warning = format!("{at}: variable `{missed}` is not set: it is taken for an empty one");
                if !self.warnings.contains(&warning) {
                    self.warnings.push(warning);
                }
            }
            let mut value = prune(document.value);
            if follow {
                included.push(file.name.clone());
                self.include(&mut value, place, included, &document.resets, &at)?;
            }
            document::reset(model, &document.resets);
            if follow {
                self.extend_all(&mut value, place, &document.resets, file)?;
            }
            merge::mappings(model, value, &[]).map_err(|message| BakeError::invalid(&at, message))?;
            merge::canonical(model);
            if follow {
                included.pop();
            }
        }
        Ok(())
    }

    /// Adds what the files say that `include` names. What the including file says itself is laid over it.
    fn include(
        &mut self,
        model: &mut Model,
        place: Place<'_>,
        included: &mut Vec<String>,
        resets: &[Vec<String>],
        at: &Position,
    ) -> Result<(), BakeError> {
        let Some(includes) = model.shift_remove("include").filter(|value| !value.is_null()) else {
            return Ok(());
        };
        let Value::Array(includes) = includes else {
            return Err(BakeError::invalid(at, "`include` must be a list"));
        };
        if included.len() > MAX_DEPTH {
            let reason = format!("files include one another more than {MAX_DEPTH} levels deep");
            return Err(BakeError::unresolved(at, "`include`", reason));
        }
        for include in includes {
            let (names, folder, env_files) = match &include {
                Value::String(path) => (vec![path.clone()], None, Vec::new()),
                Value::Object(include) => (
                    texts(include.get("path")),
                    include
                        .get("project_directory")
                        .and_then(Value::as_str)
                        .filter(|folder| !folder.is_empty()),
                    texts(include.get("env_file")),
                ),
                _ => {
                    return Err(BakeError::invalid(
                        at,
                        "an `include` must be a path, or a mapping with `path`",
                    ));
                }
            };
            let mut files = Vec::new();
            for name in &names {
                check_local(name, at)?;
                files.push(read_named(&from(place.folder, name), self.cwd)?);
            }
            let Some(main) = files.first() else {
                return Err(BakeError::invalid(at, "an `include` needs a `path`"));
            };
            if included.contains(&main.name) {
                return Err(BakeError::invalid(at, format!("`{}` includes itself", main.name)));
            }
            let folder =
                folder.map_or_else(|| paths::directory(&main.name), |folder| from(place.folder, folder));
            let mut variables = place.variables.clone();
            if env_files.is_empty()
                && let Some(file) = read_optional(&from(&folder, ".env"), self.cwd)?
            {
                dotenv::add(&file, &mut variables)?;
            }
            for name in env_files.iter().filter(|name| *name != "/dev/null") {
                dotenv::add(&read_named(&from(place.folder, name), self.cwd)?, &mut variables)?;
            }
            let files: Vec<&File> = files.iter().collect();
            let inner = Place { folder: &folder, variables: &variables };
            let mut imported = stacker::maybe_grow(256 * 1024, 4 * 1024 * 1024, || {
                self.load_model(&files, inner, &folder, included)
            })?;
            for section in ["services", "secrets"] {
                import(&mut imported, model, section, resets)
                    .map_err(|message| BakeError::invalid(at, message))?;
            }
        }
        Ok(())
    }

    fn extend_all(
        &mut self,
        model: &mut Model,
        place: Place<'_>,
        resets: &[Vec<String>],
        file: &File,
    ) -> Result<(), BakeError> {
        let names: Vec<String> = services(model).map(|(name, _)| name.clone()).collect();
        let Some(Value::Object(services)) = model.get_mut("services") else { return Ok(()) };
        for name in names {
            self.extend(&name, services, place, resets, file, &mut Vec::new())?;
        }
        Ok(())
    }

    /// Replaces a service with what it extends and itself over that.
    fn extend(
        &mut self,
        name: &str,
        services: &mut Model,
        place: Place<'_>,
        resets: &[Vec<String>],
        file: &File,
        path: &mut Vec<(String, String)>,
    ) -> Result<(), BakeError> {
        let at = Position { file: file.name.as_str().into(), ..Position::default() };
        let invalid = |message: String| BakeError::invalid(&at, format!("service `{name}`: {message}"));
        let Some(service) = services.get(name).filter(|service| !service.is_null()) else { return Ok(()) };
        let Value::Object(service) = service else { return Err(invalid("it must be a mapping".to_owned())) };
        let Some(extends) = service.get("extends") else { return Ok(()) };
        let (base, other) = match extends {
            Value::String(base) => (base.clone(), None),
            Value::Object(extends) => {
                let base = extends.get("service").and_then(Value::as_str);
                let base = base.ok_or_else(|| invalid("`extends` needs a `service`".to_owned()))?;
                (base.to_owned(), extends.get("file").and_then(Value::as_str).map(str::to_owned))
            }
            _ => {
                return Err(invalid(
                    "`extends` must be a service's name, or a mapping with `service`".to_owned(),
                ));
            }
        };
        let mut own = service.clone();
        own.shift_remove("extends");
        let step = (other.clone().unwrap_or_else(|| file.name.clone()), name.to_owned());
        if path.contains(&step) || path.len() > MAX_DEPTH {
            return Err(invalid(format!("it extends itself, or others more than {MAX_DEPTH} levels deep")));
        }
        path.push(step);
        let mut loaded;
        let source: &mut Model = match &other {
            None => services,
            Some(named) => {
                check_local(named, &at)?;
                let named = read_named(&from(place.folder, named), self.cwd)?;
                let mut model = Model::new();
                self.load_file(&named, place, &mut Vec::new(), false, &mut model)?;
                resolve_paths(&mut model, &paths::directory(&named.name), self.home);
                loaded = match model.shift_remove("services") {
                    Some(Value::Object(services)) => services,
                    _ => return Err(invalid(format!("`{}` has no services to extend", named.name))),
                };
                &mut loaded
            }
        };
        if !source.contains_key(&base) {
            return Err(invalid(format!("there is no service `{base}` to extend")));
        }
        stacker::maybe_grow(256 * 1024, 4 * 1024 * 1024, || {
            self.extend(&base, source, place, resets, file, path)
        })?;
        let inherited = source.get(&base).cloned().unwrap_or_default();
        path.pop();
        if inherited.is_null() {
            services.insert(name.to_owned(), Value::Object(own));
            return Ok(());
        }
        let mut merged = Model::from_iter([(name.to_owned(), inherited)]);
        let mut section =
            Model::from_iter([("services".to_owned(), Value::Object(std::mem::take(&mut merged)))]);
        document::reset(&mut section, resets);
        if let Some(Value::Object(inner)) = section.get_mut("services") {
            merged = std::mem::take(inner);
        }
        let entry = merged.entry(name.to_owned()).or_insert_with(|| Value::Object(Model::new()));
        merge::merge(entry, Value::Object(own), &["services", name]).map_err(invalid)?;
        let merged = std::mem::take(entry);
        services.insert(name.to_owned(), merged);
        Ok(())
    }
}

/// A path in a folder; from the working directory if there is none.
fn from(folder: &str, path: &str) -> String {
    if folder.is_empty() { paths::clean(path) } else { paths::join(folder, path) }
}

fn check_local(path: &str, at: &Position) -> Result<(), BakeError> {
    if path.contains("://") || path.starts_with("git@") || path.starts_with("oci:") {
        return Err(BakeError::unresolved(
            at,
            format!("`{path}`"),
            "Compose files are only read from local folders",
        ));
    }
    Ok(())
}

/// What builds depend on.
fn prune(mut model: Model) -> Model {
    model.retain(|name, _| matches!(name.as_str(), "services" | "secrets" | "include"));
    let services = model.get_mut("services").and_then(Value::as_object_mut);
    for service in services.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        let kept = ["image", "build", "environment", "env_file", "extends"];
        service.retain(|name, _| kept.contains(&name.as_str()));
    }
    model
}

fn services(model: &mut Model) -> impl Iterator<Item = (&String, &mut Value)> {
    model.get_mut("services").and_then(Value::as_object_mut).into_iter().flatten()
}

/// One text or several.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn import(
    imported: &mut Model,
    model: &mut Model,
    section: &str,
    resets: &[Vec<String>],
) -> Result<(), String> {
    document::reset(imported, resets);
    let Some(Value::Object(entries)) = imported.shift_remove(section) else { return Ok(()) };
    let known = model.entry(section).or_insert_with(|| Value::Object(Model::new()));
    let Value::Object(known) = known else { return Err(format!("`{section}` must be a mapping")) };
    for (name, mut value) in entries {
        if let Some(own) = known.shift_remove(&name) {
            merge::merge(&mut value, own, &[section, &name])?;
        }
        known.insert(name, value);
    }
    Ok(())
}

/// Makes relative contexts and files start from the working directory.
fn resolve_paths(model: &mut Model, base: &str, home: Option<&str>) {
    let absolute = |value: &mut Value| {
        if let Value::String(path) = value
            && !path.is_empty()
        {
            let expanded = match (path.strip_prefix('~'), home) {
                (Some(rest), Some(home)) => format!("{home}{rest}"),
                _ => path.clone(),
            };
            // An absolute path stays as it is written.
            *path = if expanded.starts_with('/') { expanded } else { from(base, &expanded) };
        }
    };
    let context = |value: &mut Value| {
        let remote = value.as_str().is_none_or(|text| {
            let prefixes = ["service:", "github.com/", "git@"];
            text.contains("://") || prefixes.iter().any(|prefix| text.starts_with(prefix))
        });
        if !remote {
            absolute(value);
        }
    };
    for (_, service) in services(model) {
        if let Some(build) = service.get_mut("build").and_then(Value::as_object_mut) {
            if let Some(value) = build.get_mut("context") {
                context(value);
            }
            match build.get_mut("additional_contexts") {
                Some(Value::Object(contexts)) => contexts.values_mut().for_each(context),
                Some(Value::Array(contexts)) => {
                    let pairs = contexts.iter().filter_map(Value::as_str).map(|text| {
                        let Some((name, value)) = text.split_once('=') else { return text.to_owned() };
                        let mut value = Value::String(value.to_owned());
                        context(&mut value);
                        format!("{name}={}", value.as_str().unwrap_or_default())
                    });
                    *contexts = pairs.map(Value::String).collect();
                }
                _ => {}
            }
        }
        let extended = service.get_mut("extends").and_then(|extends| extends.get_mut("file"));
        extended.into_iter().for_each(absolute);
        match service.get_mut("env_file") {
            Some(value @ Value::String(_)) => absolute(value),
            Some(Value::Array(files)) => files.iter_mut().for_each(|file| match file {
                Value::Object(file) => file.get_mut("path").into_iter().for_each(absolute),
                file => absolute(file),
            }),
            _ => {}
        }
    }
}
