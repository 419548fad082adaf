//! All groups and targets of a definition, and which of them a command means.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Environment;
use super::attributes::Field;
use super::error::{BakeError, Position};
use super::options::is_remote;
use super::overrides::Overrides;
use super::target::{Group, Target};
use super::{compose, definitions, files, paths};

/// What files that nest as deep as their parsers let them take in a build without optimizations, and as much again.
const STACK: usize = 32 * 1024 * 1024;
/// How many bytes all targets that a command means may take.
const MAX_SIZE: usize = 64 * 1024 * 1024;
/// How long a chain of `inherits` or of `target:` contexts may be.
const MAX_CHAIN: usize = 500;

/// Everything that the files say.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub(crate) groups: Vec<Group>,
    pub(crate) targets: Vec<Target>,
}

/// What a command comes to.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// Targets with all that they inherit, those that others have as contexts before these.
    pub(crate) targets: Vec<Target>,
}

/// Reads the files and resolves what is asked for.
pub(crate) fn resolve(
    names: &[String],
    cwd: &Path,
    environment: &Environment,
    targets: &[String],
    overrides: &[String],
    warnings: &mut Vec<String>,
) -> Result<Resolved, BakeError> {
    if let Some(remote) = targets.first().filter(|first| is_remote(first)) {
        return Err(BakeError::Remote(crate::redact::url(remote)));
    }
    let config = stacker::maybe_grow(STACK, STACK, || read_config(names, cwd, environment, warnings))?;
    let overrides = Overrides::read(overrides, &config, environment)?;
    let default = ["default".to_owned()];
    let wanted = if targets.is_empty() { &default[..] } else { targets };
    let mut resolved = config.select(wanted, &overrides)?;
    if let Some(epoch) = environment.variables.get("SOURCE_DATE_EPOCH").filter(|epoch| !epoch.is_empty()) {
        for target in &mut resolved.targets {
            target.default_argument("SOURCE_DATE_EPOCH", epoch);
        }
    }
    Ok(resolved)
}

fn read_config(
    names: &[String],
    cwd: &Path,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> Result<Config, BakeError> {
    let read = files::read(names, cwd, environment)?;
    let mut config = Config::default();
    if !read.compose.is_empty() {
        compose::load(&read.compose, cwd, environment, &mut config, warnings)?;
    }
    if !read.hcl.is_empty() {
        definitions::evaluate(read.hcl, environment, &mut config, warnings)?;
    }
    Ok(config)
}

impl Config {
    pub(crate) fn add_target(&mut self, target: Target) {
        match self.targets.iter_mut().find(|other| other.name == target.name) {
            Some(other) => other.merge(&target),
            None => self.targets.push(target),
        }
    }

    pub(crate) fn set_group(&mut self, group: Group) {
        match self.groups.iter_mut().find(|other| other.name == group.name) {
            Some(other) => *other = group,
            None => self.groups.push(group),
        }
    }

    /// The targets that `pattern` of an override fits.
    pub(crate) fn matching_targets(&self, pattern: &str) -> Result<Vec<&str>, BakeError> {
        let names = || self.targets.iter().map(|target| target.name.as_str());
        if let Some(exact) = names().find(|name| *name == pattern) {
            return Ok(vec![exact]);
        }
        let fits = |name: &&str| paths::matches(pattern, name).unwrap_or(false);
        let found: Vec<&str> = names().filter(fits).collect();
        if found.is_empty() {
            return Err(BakeError::Target(format!("no target fits `{pattern}` of an override")));
        }
        Ok(found)
    }

    fn select(&self, wanted: &[String], overrides: &Overrides) -> Result<Resolved, BakeError> {
        let mut resolver =
            Resolver { config: self, overrides, resolved: BTreeMap::new(), size: 0, order: Vec::new() };
        let mut chosen = BTreeSet::new();
        for pattern in wanted {
            // Compose allows a dot in a service's name, bake does not in a target's.
            for name in self.matching_names(&pattern.replace('.', "_"))? {
                chosen.extend(self.expand_group(&name, &mut BTreeMap::new(), 0)?);
            }
        }
        for name in &chosen {
            resolver.target(name)?;
        }
        for name in &chosen {
            resolver.link(name, &mut Vec::new())?;
        }
        Ok(resolver.finish())
    }

    fn matching_names(&self, pattern: &str) -> Result<Vec<String>, BakeError> {
        if !pattern.contains(['*', '?', '[', ']']) {
            return Ok(vec![pattern.to_owned()]);
        }
        let groups = self.groups.iter().map(|group| &group.name);
        let names = groups.chain(self.targets.iter().map(|target| &target.name));
        let found: Vec<String> =
            names.filter(|name| paths::matches(pattern, name) == Some(true)).cloned().collect();
        if found.is_empty() {
            return Err(BakeError::Target(format!("no target or group fits `{pattern}`")));
        }
        Ok(found)
    }

    /// The targets of a group and of the groups in it, or the target of that name.
    fn expand_group(
        &self,
        name: &str,
        visited: &mut BTreeMap<String, Vec<String>>,
        depth: usize,
    ) -> Result<Vec<String>, BakeError> {
        if let Some(known) = visited.get(name) {
            return Ok(known.clone());
        }
        let Some(group) = self.groups.iter().find(|group| group.name == name) else {
            return Ok(vec![name.to_owned()]);
        };
        if depth > MAX_CHAIN {
            let reason = format!("groups are in one another more than {MAX_CHAIN} levels deep");
            return Err(BakeError::unresolved(&Position::default(), format!("group `{name}`"), reason));
        }
        visited.insert(name.to_owned(), Vec::new());
        let mut targets: Vec<String> = Vec::new();
        for member in &group.targets {
            let inner = stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || {
                self.expand_group(member, visited, depth + 1)
            })?;
            // What a group has of itself, and an empty group, is taken for a target.
            let inner = if inner.is_empty() { vec![member.clone()] } else { inner };
            let new: Vec<String> = inner.into_iter().filter(|name| !targets.contains(name)).collect();
            targets.extend(new);
        }
        visited.insert(name.to_owned(), targets.clone());
        Ok(targets)
    }
}

struct Resolver<'a> {
    config: &'a Config,
    overrides: &'a Overrides,
    resolved: BTreeMap<String, Target>,
    /// How many bytes they take.
    size: usize,
    /// Names, those before that others have as contexts.
    order: Vec<String>,
}

impl Resolver<'_> {
    /// Resolves a target with what it inherits and its overrides.
    fn target(&mut self, name: &str) -> Result<(), BakeError> {
        if self.resolved.contains_key(name) {
            return Ok(());
        }
        let mut target = self
            .inherit(name, &mut BTreeMap::new(), 0)?
            .ok_or_else(|| BakeError::Target(format!("target `{name}` inherits from itself")))?;
        target.fields.remove("inherits");
        target.fields.entry("context").or_insert_with(|| Field::Text(".".to_owned()));
        if target.text("dockerfile").is_none_or(str::is_empty) {
            target.fields.insert("dockerfile", Field::Text("Dockerfile".to_owned()));
        }
        self.size = self.size.saturating_add(target.size());
        if self.size > MAX_SIZE {
            let reason = format!("the targets that are chosen come to more than {MAX_SIZE} bytes");
            return Err(BakeError::unresolved(&target.at, format!("target `{name}`"), reason));
        }
        self.resolved.insert(name.to_owned(), target);
        Ok(())
    }

    /// A target over those that it inherits from; `None` for one that is being put together already.
    fn inherit(
        &self,
        name: &str,
        visited: &mut BTreeMap<String, Option<Target>>,
        depth: usize,
    ) -> Result<Option<Target>, BakeError> {
        if let Some(known) = visited.get(name) {
            return Ok(known.clone());
        }
        visited.insert(name.to_owned(), None);
        let own = self.config.targets.iter().find(|target| target.name == name);
        let own =
            own.ok_or_else(|| BakeError::Target(format!("there is no target or group named `{name}`")))?;
        if depth > MAX_CHAIN {
            let reason = format!("targets inherit from one another more than {MAX_CHAIN} levels deep");
            return Err(BakeError::unresolved(&own.at, format!("target `{name}`"), reason));
        }
        let mut target = Target { name: name.to_owned(), at: own.at.clone(), ..Target::default() };
        for parent in own.texts("inherits") {
            let inherited = stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || {
                self.inherit(parent, visited, depth + 1)
            })?;
            if let Some(inherited) = inherited {
                target.merge(&inherited);
            }
        }
        target.merge(own);
        self.overrides.apply(&mut target)?;
        target.normalize();
        visited.insert(name.to_owned(), Some(target.clone()));
        Ok(Some(target))
    }

    /// Resolves the targets that `name` has as contexts, and gives them their place before it.
    fn link(&mut self, name: &str, path: &mut Vec<String>) -> Result<(), BakeError> {
        if self.order.iter().any(|known| known == name) {
            return Ok(());
        }
        let (links, platforms, at) = match self.resolved.get(name) {
            Some(target) => (
                target.linked_names().map(str::to_owned).collect::<Vec<_>>(),
                target.texts("platforms").to_vec(),
                target.at.clone(),
            ),
            None => return Ok(()),
        };
        if path.len() > MAX_CHAIN {
            let reason = format!("targets are contexts of one another more than {MAX_CHAIN} levels deep");
            return Err(BakeError::unresolved(&at, format!("target `{name}`"), reason));
        }
        path.push(name.to_owned());
        for link in links {
            if link == name {
                return Err(BakeError::invalid(&at, format!("target `{name}` has itself as a context")));
            }
            if path.contains(&link) {
                let message = format!("targets `{link}` and `{name}` have each other as contexts");
                return Err(BakeError::invalid(&at, message));
            }
            if !self.resolved.contains_key(&link) {
                self.target(&link)?;
                if let Some(target) = self.resolved.get_mut(&link) {
                    target.linked = true;
                }
            }
            stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || self.link(&link, path))?;
            let other = self.resolved.get(&link).map(|target| target.texts("platforms")).unwrap_or_default();
            if platforms.len() > 1 && other.len() > 1 && platforms.iter().any(|one| !other.contains(one)) {
                let message =
                    format!("target `{name}` is for platforms that its context `target:{link}` is not for");
                return Err(BakeError::invalid(&at, message));
            }
        }
        path.pop();
        self.order.push(name.to_owned());
        Ok(())
    }

    fn finish(mut self) -> Resolved {
        let targets = self.order.iter().filter_map(|name| self.resolved.remove(name)).collect();
        Resolved { targets }
    }
}
