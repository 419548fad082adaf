//! From files to a compiled policy.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::files::{self, SourceFile};
use super::suite::Documents;
use super::{
    Diagnostic, ErrorCode, FileError, LOAD_CODES, LoadError, LoadOptions, Policy, PolicyFile, PolicyRoot,
    advice, lint,
};
use crate::rego::ast::{Loc, Module, Name, Rule};
use crate::rego::compile::{self, InputRef, Problem};
use crate::rego::parser;

/// Bytes that a policy file may have.
const FILE_LIMIT: u64 = 4 << 20;
/// Files that one policy may consist of, imports included.
const FILE_COUNT_LIMIT: usize = 1_000;

/// Helper functions that every policy has, in package `docker`.
const HELPERS: &str = include_str!("../../../policies/builtin/helpers.rego");
pub(super) const HELPERS_NAME: &str = "builtin/helpers.rego";

/// A helper function.
pub(crate) struct Helper {
    pub(crate) arity: usize,
    /// It answers `true` or nothing.
    pub(crate) is_condition: bool,
}

/// The helper functions by name.
pub(crate) fn helpers() -> BTreeMap<String, Helper> {
    let rules = parser::parse(HELPERS, 0).map(|module| module.rules).unwrap_or_default();
    let helper = |rule: &Rule| {
        let is_condition = rule.alternatives.iter().all(|alternative| alternative.value.is_none());
        Some((rule.name.to_string(), Helper { arity: rule.args.as_ref()?.len(), is_condition }))
    };
    rules.iter().filter_map(helper).collect()
}

/// A policy and what it was made of.
pub(super) struct Loaded {
    pub(super) policy: Policy,
    pub(super) modules: Vec<Module>,
    /// Modules that hold tests, by index.
    pub(super) tests: HashSet<usize>,
    pub(super) input_refs: Vec<InputRef>,
}

pub(super) fn load(options: &LoadOptions) -> Result<Policy, LoadError> {
    load_with(options, &[], &Documents::default()).map(|loaded| loaded.policy)
}

/// Loads the files with their `tests`. What `documents` has need not be imported from a file.
pub(super) fn load_with(
    options: &LoadOptions,
    tests: &[PolicyFile],
    documents: &Documents,
) -> Result<Loaded, LoadError> {
    let mut loader = Loader {
        root: options.root.as_ref(),
        documents,
        files: Vec::new(),
        modules: Vec::new(),
        problems: Vec::new(),
        imported: HashSet::new(),
    };
    for file in &options.files {
        loader.parse(file.name.clone(), file.text.clone());
    }
    let tests = tests.iter().filter_map(|file| loader.parse(file.name.clone(), file.text.clone())).collect();
    loader.imports();
    loader.parse(HELPERS_NAME.to_owned(), HELPERS.to_owned());
    let Loader { files, modules, mut problems, .. } = loader;
    let compiled = if problems.is_empty() {
        compile::compile_tests(&modules, &tests).map_err(|found| problems = found)
    } else {
        Err(())
    };
    let Ok(compiled) = compiled else {
        problems.sort_by_key(|p| p.loc);
        return Err(LoadError {
            problems: problems.into_iter().map(|p| diagnostic(&files, &modules, p)).collect(),
        });
    };
    let mut warnings = lint::remarks(&compiled, &files);
    // The helpers are ours.
    warnings.retain(|w| w.position.file != HELPERS_NAME);
    if options.strict && !warnings.is_empty() {
        return Err(LoadError { problems: warnings });
    }
    let policy = Policy {
        digest: files::digest(&files),
        files,
        program: compiled.program,
        warnings,
        root: options.root.clone(),
        json: Mutex::new(HashMap::new()),
        files_read: Mutex::default(),
    };
    Ok(Loaded { policy, modules, tests, input_refs: compiled.input_refs })
}

fn diagnostic(files: &[SourceFile], modules: &[Module], problem: Problem) -> Diagnostic {
    debug_assert!(ErrorCode::find(&LOAD_CODES, problem.code).is_some(), "{} is in no table", problem.code);
    let position = files::position(files, problem.loc);
    let Loc { file, offset } = problem.loc;
    let text = files.get(file as usize).map_or("", SourceFile::text);
    Diagnostic {
        code: problem.code,
        message: problem.message,
        help: advice::on(problem.code, text, offset as usize, modules),
        line: files::line(files, &position).map(str::to_owned),
        position,
    }
}

struct Loader<'o> {
    root: Option<&'o Arc<dyn PolicyRoot>>,
    documents: &'o Documents,
    files: Vec<SourceFile>,
    modules: Vec<Module>,
    problems: Vec<Problem>,
    /// Packages whose files were asked for.
    imported: HashSet<Vec<Name>>,
}

impl Loader<'_> {
    /// Parses a file; its index if that went well.
    fn parse(&mut self, name: String, text: String) -> Option<usize> {
        let index = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        let too_large = text.len() as u64 > FILE_LIMIT;
        self.files.push(SourceFile::new(name, text));
        let loc = Loc { file: index, offset: 0 };
        if too_large {
            self.problems.push(Problem::new(
                loc,
                "limit",
                format!("larger than the limit of {FILE_LIMIT} bytes"),
            ));
            return None;
        }
        match parser::parse(self.files[index as usize].text(), index) {
            Ok(module) => {
                self.modules.push(module);
                Some(self.modules.len() - 1)
            }
            Err(error) => {
                self.problems.push(Problem::new(error.loc, "syntax-error", error.message));
                None
            }
        }
    }

    /// Loads `a/b.rego` for each `import data.a.b`, and what that imports.
    fn imports(&mut self) {
        for module in 0..self.modules.len() {
            self.imports_of(module, &mut Vec::new());
        }
    }

    /// `path` are the packages being loaded, outermost first, to find a cycle.
    fn imports_of(&mut self, module: usize, path: &mut Vec<Vec<Name>>) {
        let wanted: Vec<(Loc, Vec<Name>)> = self.modules[module]
            .imports
            .iter()
            .filter(|import| &*import.path[0] == "data" && import.path.len() > 1)
            .map(|import| (import.loc, import.path[1..].to_vec()))
            .collect();
        for (loc, package) in wanted {
            if path.contains(&package) {
                let cycle: Vec<String> = path.iter().chain([&package]).map(|p| file_name(p)).collect();
                let message = format!("files import each other in a cycle: {}", cycle.join(" -> "));
                self.problems.push(Problem::new(loc, "import-cycle", message));
            } else if !self.is_loaded(&package) {
                let imported = self.import(loc, &package);
                path.push(package);
                for module in imported {
                    self.imports_of(module, path);
                }
                path.pop();
            }
        }
    }

    /// Whether some file is of this package, or there is nothing that could be.
    fn is_loaded(&self, package: &[Name]) -> bool {
        self.imported.contains(package)
            || self.documents.has(package)
            || self.modules.iter().any(|module| module.package == package)
    }

    /// Whether an import of it needs no file: some file is of a package inside it, or has it as a rule. One that is
    /// there counts all the same, or its rules would be missing because of what else is imported.
    fn is_covered(&self, package: &[Name]) -> bool {
        self.modules.iter().any(|module| {
            module.package.starts_with(package)
                || package.split_last().is_some_and(|(rule, parent)| {
                    module.package == parent && module.rules.iter().any(|r| r.name == *rule)
                })
        })
    }

    /// Loads the file of a package, and those that belong to it where the root knows more; the modules.
    fn import(&mut self, loc: Loc, package: &[Name]) -> Vec<usize> {
        let files = match self.files_of(package) {
            Ok(files) => files,
            Err((code, reason)) => {
                let message = format!("import data.{} {reason}", package.join("."));
                self.problems.push(Problem::new(loc, code, message));
                return Vec::new();
            }
        };
        self.imported.insert(package.to_vec());
        let mut imported = Vec::new();
        for file in files {
            if self.files.len() >= FILE_COUNT_LIMIT {
                let message = format!("a policy may consist of {FILE_COUNT_LIMIT} files at most");
                self.problems.push(Problem::new(loc, "limit", message));
                break;
            }
            let Some(module) = self.parse(file.name, file.text) else { continue };
            // It takes the package of its import, whatever it calls itself.
            self.modules[module].package = package.to_vec();
            imported.push(module);
        }
        imported
    }

    /// The files of a package, at least one where the import needs it; else the code of the problem, and what is said
    /// behind the import.
    fn files_of(&self, package: &[Name]) -> Result<Vec<PolicyFile>, (&'static str, String)> {
        let name = file_name(package);
        let missing = |reason: String| ("import-not-found", format!("not found: {reason}"));
        let unreadable = |reason: String| ("import-unreadable", format!("cannot be loaded: {reason}"));
        let Some(root) = self.root else {
            let nowhere = missing("this policy has no root to import from".to_owned());
            return if self.is_covered(package) { Ok(Vec::new()) } else { Err(nowhere) };
        };
        let failed = |error: FileError| unreadable(format!("cannot read `{name}`: {error}"));
        let mut files = match root.read(&name, FILE_LIMIT) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes)
                    .map_err(|_| unreadable(format!("`{name}` is not UTF-8 text")))?;
                vec![PolicyFile { name: root.shown(&name), text }]
            }
            Err(FileError::NotFound) => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        files.extend(root.package(&package.join("/")).map_err(failed)?);
        if files.is_empty() && !self.is_covered(package) {
            return Err(missing(format!("there is no file `{name}` in the policy's root")));
        }
        Ok(files)
    }
}

fn file_name(package: &[Name]) -> String {
    format!("{}.rego", package.join("/"))
}
