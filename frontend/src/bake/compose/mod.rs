//! Compose files: a target for each service with a `build` section, named as the service, and the group `default` of all.
//!
//! What is done, and in which order, follows the Compose Specification as buildx reads it: interpolation, `include`,
//! `!reset` and `!override`, `extends`, merging, defaults, relative paths. Only what builds depend on is looked at.

mod check;
mod document;
mod dotenv;
mod interpolate;
mod legacy;
mod loader;
mod merge;
mod service;

use std::collections::BTreeMap;
use std::path::Path;

use super::Environment;
use super::config::Config;
use super::error::{BakeError, Position};
use super::files::{File, read_optional};
use super::target::Group;
use loader::Loader;

/// Whether a file of which only the content tells can be read as a Compose file.
pub(crate) fn is_compose(file: &File, cwd: &Path, environment: &Environment) -> bool {
    let readable = |variables: BTreeMap<String, String>| {
        let place = Place { cwd, home: environment.home.as_deref(), variables: &variables };
        read(&[file], place, &mut Vec::new(), false)
    };
    variables(cwd, environment).and_then(readable).is_ok()
}

/// Lays what the files say over `config`.
pub(crate) fn load(
    files: &[File],
    cwd: &Path,
    environment: &Environment,
    config: &mut Config,
    warnings: &mut Vec<String>,
) -> Result<(), BakeError> {
    let variables = variables(cwd, environment)?;
    let place = Place { cwd, home: environment.home.as_deref(), variables: &variables };
    // Each file must be one on its own.
    if files.len() > 1 {
        for file in files {
            read(&[file], place, &mut Vec::new(), false)?;
        }
    }
    let all: Vec<&File> = files.iter().collect();
    let project = read(&all, place, warnings, true)?;
    if project.services.is_empty() {
        return Ok(());
    }
    let mut group = Group { name: "default".to_owned(), targets: Vec::new() };
    for (name, service) in &project.services {
        if let Some(target) = service::target(name, service, &project, &variables)? {
            group.targets.push(target.name.clone());
            config.add_target(target);
        }
    }
    config.groups.push(group);
    Ok(())
}

/// What several files say together.
struct Project {
    at: Position,
    services: BTreeMap<String, serde_json::Value>,
    secrets: serde_json::Map<String, serde_json::Value>,
    cwd: std::path::PathBuf,
}

/// What files see of the world.
#[derive(Clone, Copy)]
struct Place<'a> {
    cwd: &'a Path,
    home: Option<&'a str>,
    variables: &'a BTreeMap<String, String>,
}

fn read(
    files: &[&File],
    place: Place<'_>,
    warnings: &mut Vec<String>,
    consistent: bool,
) -> Result<Project, BakeError> {
    let name = files.first().map(|file| file.name.as_str()).unwrap_or_default();
    let at = Position { file: name.into(), ..Position::default() };
    let mut loader = Loader::new(place.cwd, place.home, warnings);
    let model = loader.load(files, "", place.variables)?;
    let section =
        |name: &str| model.get(name).and_then(serde_json::Value::as_object).cloned().unwrap_or_default();
    if !model.contains_key("services") && !model.contains_key("secrets") {
        return Err(BakeError::invalid(&at, "the Compose file has no services"));
    }
    if model.get("services").is_some_and(|services| !services.is_object()) {
        return Err(BakeError::invalid(&at, "`services` must be a mapping"));
    }
    let services = section("services").into_iter().collect();
    let project = Project { at, services, secrets: section("secrets"), cwd: place.cwd.to_owned() };
    check::shape(&project)?;
    if consistent {
        check::consistency(&project)?;
    }
    Ok(project)
}

/// Environment variables, and those of `.env` in the working directory that are not set.
fn variables(cwd: &Path, environment: &Environment) -> Result<BTreeMap<String, String>, BakeError> {
    let mut variables =
        if environment.lookup_disabled() { BTreeMap::new() } else { environment.variables.clone() };
    if let Some(file) = read_optional(".env", cwd)? {
        dotenv::add(&file, &mut variables)?;
    }
    let project = variables.entry("COMPOSE_PROJECT_NAME".to_owned()).or_default();
    if project.is_empty() {
        "bake".clone_into(project);
    }
    Ok(variables)
}
