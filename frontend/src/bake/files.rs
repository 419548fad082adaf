//! Which files a definition consists of, and what kind each is.

use std::io::Read as _;
use std::path::Path;

use super::Environment;
use super::error::{BakeError, Position};
use super::options::is_remote;
use super::syntax::{self, Body};
use super::{compose, paths};

/// The largest file.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What is read, all that is there, when no file is named.
const DEFAULTS: [&str; 8] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
];

/// The files, read.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) compose: Vec<File>,
    pub(crate) hcl: Vec<Body>,
}

pub(crate) struct File {
    /// As it was named.
    pub(crate) name: String,
    pub(crate) text: String,
}

pub(crate) fn read(names: &[String], cwd: &Path, environment: &Environment) -> Result<Files, BakeError> {
    if environment.flag("BUILDX_BAKE_FILE_RELATIVE_PATHS") {
        return Err(BakeError::unresolved(
            &Position::default(),
            "`BUILDX_BAKE_FILE_RELATIVE_PATHS`",
            "paths that are relative to their file are not supported",
        ));
    }
    let variable = |name: &str| environment.variables.get(name).filter(|value| !value.is_empty());
    let mut names = names.to_vec();
    if names.is_empty()
        && let Some(list) = variable("BUILDX_BAKE_FILE")
    {
        let separator = variable("BUILDX_BAKE_PATH_SEPARATOR").map_or(":", String::as_str);
        names = list.split(separator).map(str::to_owned).collect();
    }
    let mut found = Vec::new();
    if names.is_empty() {
        for name in DEFAULTS {
            if let Some(file) = read_file(name, cwd, true)? {
                found.push(file);
            }
        }
        if found.is_empty() {
            return Err(BakeError::NoDefinition { directory: cwd.to_owned() });
        }
    }
    for name in &names {
        if is_remote(name) {
            return Err(BakeError::Remote(crate::redact::url(name)));
        }
        found.extend(read_file(name.strip_prefix("cwd://").unwrap_or(name), cwd, false)?);
    }
    let mut files = Files::default();
    for file in found {
        sort(file, cwd, environment, &mut files)?;
    }
    Ok(files)
}

fn read_file(name: &str, cwd: &Path, may_miss: bool) -> Result<Option<File>, BakeError> {
    let path = cwd.join(name);
    let failed = |source| BakeError::Read { path: path.clone(), source };
    let mut bytes = Vec::new();
    if name == "-" {
        std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = match std::fs::File::open(&path) {
            Err(error) if may_miss && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(failed)?,
        };
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    let at = Position { file: name.into(), ..Position::default() };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(BakeError::unresolved(&at, "the file", format!("it is larger than {MAX_BYTES} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| BakeError::invalid(&at, "the file is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok(Some(File { name: name.to_owned(), text }))
}

/// Reads a local file that a Compose file names.
pub(crate) fn read_named(path: &str, cwd: &Path) -> Result<File, BakeError> {
    let file = read_file(&paths::clean(path), cwd, false)?;
    file.ok_or_else(|| BakeError::Target(format!("there is no file `{path}`")))
}

/// Reads a local file if it is there.
pub(crate) fn read_optional(path: &str, cwd: &Path) -> Result<Option<File>, BakeError> {
    if cwd.join(path).is_dir() {
        return Ok(None);
    }
    read_file(path, cwd, true)
}

/// By its name's end, else by what it can be read as.
fn sort(file: File, cwd: &Path, environment: &Environment, files: &mut Files) -> Result<(), BakeError> {
    let lower = file.name.to_lowercase();
    // buildx takes these two as they are written.
    let extension = Path::new(&file.name).extension().and_then(std::ffi::OsStr::to_str);
    let (json, hcl) = (extension == Some("json"), extension == Some("hcl"));
    let ends = |endings: [&str; 2]| endings.iter().any(|ending| lower.ends_with(ending));
    if ends([".yaml", ".yml"]) {
        files.compose.push(file);
        return Ok(());
    }
    if json {
        files.hcl.push(syntax::parse_json(&file.name, &file.text)?);
        return Ok(());
    }
    if !ends([".json", ".hcl"]) && compose::is_compose(&file, cwd, environment) {
        files.compose.push(file);
        return Ok(());
    }
    match syntax::parse_native(&file.name, &file.text) {
        Ok(body) => files.hcl.push(body),
        Err(error) if hcl => return Err(error),
        Err(error) => files.hcl.push(syntax::parse_json(&file.name, &file.text).map_err(|_| error)?),
    }
    Ok(())
}
