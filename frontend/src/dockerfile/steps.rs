//! What the instructions of a stage do: the variables they set, and what they load.

use policy_engine::source::{
    ATTR_GIT_CHECKSUM, GitUrl, GitUrlError, Source, SourceError, SourceOp, digest, git_context,
};

use crate::flag_values::parse_bool;

use super::build::is_http_url;
use super::expand::Variables;
use super::found::place;
use super::graph::{LinkedStep, Load, Progress, StageId};
use super::instructions::{Add, Arg, Command, Copy, MountKind, Run, Step, Transfer, is_signal};
use super::named::http;
use super::stages::Conversion;

/// Arguments that are not variables of the stage.
const NOT_VARIABLES: [&str; 2] = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

/// The attribute with the digest that a file must have.
const ATTR_HTTP_CHECKSUM: &str = "http.checksum";
/// The attribute that says to keep `.git`.
const ATTR_KEEP_GIT_DIR: &str = "git.keepgitdir";

impl Conversion<'_> {
    pub(super) fn run_step(&mut self, id: StageId, linked: &LinkedStep) -> Result<(), String> {
        match &linked.step.command {
            Command::Add(add) => self.add(id, &linked.step, add),
            Command::Copy(copy) => self.copy(id, copy, linked.from.first().copied()),
            Command::Run(run) => self.mounts(id, run, &linked.from),
            Command::Env(pairs) => self.set_env(id, pairs),
            Command::Arg(args) => args.iter().try_for_each(|arg| self.set_arg(id, arg)),
            Command::Other(words) => words.iter().try_for_each(|word| self.expand(id, word).map(drop)),
            Command::StopSignal(signal) => match self.expand(id, signal)? {
                signal if is_signal(&signal) => Ok(()),
                signal => Err(format!("{signal:?} is not a signal")),
            },
            Command::OnBuild(_) => Ok(()),
        }
    }

    /// A word, expanded with the variables that the stage has so far.
    fn expand(&self, id: StageId, word: &str) -> Result<String, String> {
        self.expander.word(word, &self.graph.nodes[id].env).map_err(|error| error.to_string())
    }

    fn set_env(&mut self, id: StageId, pairs: &[(String, String)]) -> Result<(), String> {
        // All are expanded before one is set.
        let expanded =
            pairs.iter().map(|(name, value)| Ok((self.expand(id, name)?, self.expand(id, value)?)));
        let expanded = expanded.collect::<Result<Vec<_>, String>>()?;
        let node = &mut self.graph.nodes[id];
        expanded.iter().try_for_each(|(name, value)| {
            node.env.set(name, value)?;
            node.image_env.set(name, value)
        })
    }

    fn set_arg(&mut self, id: StageId, arg: &Arg) -> Result<(), String> {
        let given = self.build.options.build_arg(&arg.name).map(str::to_owned);
        let value = match (given, &arg.value) {
            (Some(given), _) => Some(given),
            (None, Some(default)) => Some(self.expand(id, default)?),
            (None, None) => self.global.get(&arg.name).map(str::to_owned),
        };
        let node = &mut self.graph.nodes[id];
        if let Some(value) = value.as_deref().filter(|_| !NOT_VARIABLES.contains(&arg.name.as_str())) {
            node.env.set(&arg.name, value)?;
        }
        if NOT_VARIABLES.contains(&arg.name.as_str()) {
            node.scan_args.insert(arg.name.clone(), value);
        }
        Ok(())
    }

    /// The paths that are copied. Everything else is expanded for its mistakes only.
    fn sources(&self, id: StageId, transfer: &Transfer) -> Result<Vec<String>, String> {
        let [owner, mode] = &transfer.owner;
        for word in [owner, mode, &transfer.destination] {
            self.expand(id, word)?;
        }
        let sources = transfer.sources.iter().map(|word| self.expand(id, word)).collect::<Result<_, _>>()?;
        for document in &transfer.documents {
            let env = &self.graph.nodes[id].env;
            self.expander.document(document, env).map_err(|error| error.to_string())?;
        }
        Ok(sources)
    }

    fn copy(&mut self, id: StageId, copy: &Copy, from: Option<StageId>) -> Result<(), String> {
        let sources = self.sources(id, &copy.transfer)?;
        for source in &sources {
            if git(source)?.is_some() || is_http_url(source) {
                return Err(format!("COPY can't fetch {:?}, use ADD", crate::redact::url(source)));
            }
        }
        let load = match from {
            Some(from) => self.stage(from)?,
            None => Load::Context,
        };
        if !sources.is_empty() {
            self.graph.nodes[id].loads.push(load);
        }
        Ok(())
    }

    fn add(&mut self, id: StageId, step: &Step, add: &Add) -> Result<(), String> {
        let sources = self.sources(id, &add.transfer)?;
        let mut checksum = self.expand(id, &add.checksum)?;
        let mut keep_git_dir = add.keep_git_dir;
        let is_remote = |source: &str| Ok::<_, String>(is_http_url(source) || git(source)?.is_some());
        if !checksum.is_empty() {
            match sources.as_slice() {
                [only] if is_remote(only)? => {}
                [_] => {
                    return Err("--checksum is for files from URLs and for git repositories only".to_owned());
                }
                _ => return Err("--checksum is for a single source".to_owned()),
            }
        }
        for text in &sources {
            if text.contains(char::REPLACEMENT_CHARACTER) {
                return Err("ADD has a source that is not UTF-8".to_owned());
            }
            let Some(source) = remote(text, &mut keep_git_dir, &mut checksum)? else {
                self.graph.nodes[id].loads.push(Load::Context);
                continue;
            };
            let place = place(&self.file, step.lines, &step.text);
            let number = self.found.add(source, None, Some(place));
            self.graph.nodes[id].loads.push(Load::Source(number));
        }
        Ok(())
    }

    fn mounts(&mut self, id: StageId, run: &Run, from: &[StageId]) -> Result<(), String> {
        for (mount, &stage) in run.mounts.iter().zip(from) {
            let kind = mount.kind(|word| self.expand(id, word))?;
            let load = match (mount.from.as_str(), kind) {
                ("", MountKind::Bind) => Load::Context,
                ("", MountKind::Other) => continue,
                _ => self.stage(stage)?,
            };
            if kind != MountKind::Other {
                self.graph.nodes[id].loads.push(load);
            }
        }
        Ok(())
    }

    /// Another stage, which must have been built before.
    fn stage(&self, id: StageId) -> Result<Load, String> {
        let node = &self.graph.nodes[id];
        if node.progress == Progress::Done {
            return Ok(Load::Stage(id));
        }
        Err(format!("stage {:?} must stand before the one that takes something from it", node.title()))
    }
}

/// The source that `text` names in an `ADD` with these flags; `None` for a path.
pub(super) fn remote(
    text: &str,
    keep_git_dir: &mut Option<bool>,
    checksum: &mut String,
) -> Result<Option<SourceOp>, String> {
    if let Some(source) = git(text)? {
        return with_flags(text, source, keep_git_dir, checksum).map(Some);
    }
    if is_http_url(text) { file(text, checksum).map(Some) } else { Ok(None) }
}

/// The git repository that a source of `ADD` or `COPY` names. A malformed URL is none.
fn git(source: &str) -> Result<Option<SourceOp>, String> {
    match git_context(source) {
        Ok(git) => Ok(git.filter(|git| !git.ambiguous).map(|git| git.source)),
        Err(error @ SourceError::Git { error: GitUrlError::Query(_), .. }) => Err(error.to_string()),
        Err(_) => Ok(None),
    }
}

/// A git repository with what `ADD` says beside its URL, which may not contradict it. What a URL says holds for the
/// sources behind it too, as BuildKit has it.
fn with_flags(
    url: &str,
    mut source: SourceOp,
    keep_git_dir: &mut Option<bool>,
    checksum: &mut String,
) -> Result<SourceOp, String> {
    // Files of an `ADD` have the time of the build whatever the URL says.
    source.attrs.remove("git.mtime");
    if let Some(of_url) = keeps_git_dir(url) {
        if keep_git_dir.is_some_and(|of_flag| of_flag != of_url) {
            return Err("--keep-git-dir and the URL contradict each other".to_owned());
        }
        *keep_git_dir = Some(of_url);
    }
    if *keep_git_dir == Some(true) {
        source.attrs.insert(ATTR_KEEP_GIT_DIR.to_owned(), "true".to_owned());
    }
    match source.attrs.get(ATTR_GIT_CHECKSUM) {
        Some(of_url) if !checksum.is_empty() && of_url != checksum => {
            return Err(format!("--checksum is {checksum:?}, but the URL says {of_url:?}"));
        }
        Some(of_url) => of_url.clone_into(checksum),
        None if checksum.is_empty() => {}
        None => drop(source.attrs.insert(ATTR_GIT_CHECKSUM.to_owned(), checksum.clone())),
    }
    Ok(source)
}

/// What the query of a git URL says of `.git`, if anything; without a value it stays.
fn keeps_git_dir(url: &str) -> Option<bool> {
    let query = GitUrl::parse(url).ok()?.query;
    let value = query.get("keep-git-dir")?.first()?;
    if value.is_empty() { Some(true) } else { parse_bool(value) }
}

/// A file from a URL.
fn file(url: &str, checksum: &str) -> Result<SourceOp, String> {
    let path = match Source::parse(&SourceOp::new(url)) {
        Ok(Source::Http(http)) => http.path,
        _ => String::new(),
    };
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("__unnamed__");
    let mut source = http(url, name);
    if !checksum.is_empty() {
        digest::validate(checksum).map_err(|error| format!("--checksum {checksum:?}: {error}"))?;
        source.attrs.insert(ATTR_HTTP_CHECKSUM.to_owned(), checksum.to_owned());
    }
    Ok(source)
}
