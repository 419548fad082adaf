//! What the instructions of a Dockerfile say, as far as it matters for its sources: stages and their commands.
//! Everything that BuildKit refuses before it builds is refused here too, nothing is expanded yet.

mod flags;
mod mount;
mod signal;
#[cfg(test)]
mod tests;
mod transfer;

use std::sync::Arc;

use super::parse::{Arguments, Dockerfile, Instruction, LineRange, ParseError};
use flags::{Flags, Kind};

pub(super) use mount::{Mount, MountKind};
pub(super) use signal::is_signal;
pub(super) use transfer::{Add, Copy, Transfer};

/// How many stages a Dockerfile may have.
const MAX_STAGES: usize = 1000;

/// The stages of a Dockerfile, at least one, and the global `ARG`s before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stages {
    pub global_args: Vec<(LineRange, Vec<Arg>)>,
    pub stages: Vec<Stage>,
}

/// `FROM`, and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stage {
    /// In lower case; empty where it has none.
    pub name: String,
    pub base: String,
    /// `--platform`; empty where it is not given.
    pub platform: String,
    pub lines: LineRange,
    /// The `FROM` as it is shown.
    pub text: Arc<str>,
    pub steps: Vec<Step>,
}

/// An instruction within a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub command: Command,
    pub lines: LineRange,
    /// As it is shown.
    pub text: Arc<str>,
}

/// What an instruction does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Add(Add),
    Copy(Copy),
    Run(Run),
    Env(Vec<(String, String)>),
    Arg(Vec<Arg>),
    /// The instruction for those who build on this stage.
    OnBuild(String),
    StopSignal(String),
    /// Others, with their words that are expanded.
    Other(Vec<String>),
}

/// `ARG name[=value]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arg {
    pub name: String,
    pub value: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub mounts: Vec<Mount>,
}

/// An instruction, read.
enum Read {
    Stage(Stage),
    Command(Command),
}

impl Stages {
    /// Reads the instructions of a Dockerfile.
    pub(super) fn read(dockerfile: &Dockerfile) -> Result<Self, ParseError> {
        let mut all = Self { global_args: Vec::new(), stages: Vec::new() };
        for instruction in &dockerfile.instructions {
            let lines = instruction.lines;
            let error = |message: String| ParseError { lines, message };
            match (read(instruction).map_err(error)?, all.stages.last_mut()) {
                (Read::Stage(stage), _) => all.stages.push(stage),
                (Read::Command(Command::Arg(args)), None) => all.global_args.push((lines, args)),
                (Read::Command(command), Some(stage)) => {
                    stage.steps.push(Step { command, lines, text: shown(instruction) });
                }
                (Read::Command(_), None) => {
                    return Err(error("there is no FROM before it".to_owned()));
                }
            }
            if all.stages.len() > MAX_STAGES {
                return Err(error(format!("there are more than {MAX_STAGES} stages, which is the limit")));
            }
        }
        if all.stages.is_empty() {
            let message = "it has no FROM, so there is nothing to build".to_owned();
            return Err(ParseError { lines: LineRange::default(), message });
        }
        Ok(all)
    }
}

impl Step {
    /// Reads an `ONBUILD` trigger of an image or a stage, which stands at `lines`.
    pub(super) fn trigger(text: &str, lines: LineRange) -> Result<Self, ParseError> {
        let error = |message: String| ParseError { lines, message };
        let parsed = Dockerfile::parse(text).map_err(|e| error(format!("ONBUILD trigger: {}", e.message)))?;
        let [instruction] = parsed.instructions.as_slice() else {
            return Err(error("an ONBUILD trigger must be a single instruction".to_owned()));
        };
        match read(instruction).map_err(|message| error(format!("ONBUILD trigger: {message}")))? {
            Read::Command(command) => Ok(Self { command, lines, text: shown(instruction) }),
            Read::Stage(_) => Err(error("FROM can't be an ONBUILD trigger".to_owned())),
        }
    }
}

/// An instruction as users see it: on one line, without credentials.
fn shown(instruction: &Instruction) -> Arc<str> {
    let words: Vec<_> = instruction.text.split_whitespace().collect();
    crate::redact::url(&words.join(" ")).into()
}

fn read(instruction: &Instruction) -> Result<Read, String> {
    let keyword = instruction.keyword.to_ascii_uppercase();
    let args = instruction.arguments.flat();
    let at_least_one = || match args.as_slice() {
        [] => Err(format!("{keyword} needs at least one argument")),
        _ => Ok(()),
    };
    let exactly_one = || match args.as_slice() {
        [_] => Ok(()),
        _ => Err(format!("{keyword} needs exactly one argument")),
    };
    let flags = |known: &[(&'static str, Kind)]| Flags::read(&instruction.flags, known);
    let words = || args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>();
    Ok(Read::Command(match keyword.as_str() {
        "FROM" => return from(instruction, &args).map(Read::Stage),
        "ADD" => Command::Add(Add::read(instruction, &args)?),
        "COPY" => Command::Copy(Copy::read(instruction, &args)?),
        "RUN" => run(instruction)?,
        "ENV" | "LABEL" => {
            flags(&[])?;
            let pairs = pairs(&keyword, &instruction.arguments)?;
            if keyword == "ENV" {
                Command::Env(pairs)
            } else {
                Command::Other(pairs.into_iter().flat_map(|(name, value)| [name, value]).collect())
            }
        }
        "ARG" => {
            at_least_one()?;
            Command::Arg(args.iter().map(|arg| Arg::read(arg)).collect::<Result<_, _>>()?)
        }
        "ONBUILD" => {
            at_least_one()?;
            flags(&[])?;
            Command::OnBuild(on_build(instruction)?)
        }
        "WORKDIR" | "USER" => {
            exactly_one()?;
            flags(&[])?;
            Command::Other(words())
        }
        "VOLUME" => {
            at_least_one()?;
            flags(&[])?;
            if args.iter().any(|volume| volume.trim().is_empty()) {
                return Err("VOLUME needs a path that is not empty".to_owned());
            }
            Command::Other(args.iter().map(|volume| volume.trim().to_owned()).collect())
        }
        "EXPOSE" => {
            at_least_one()?;
            flags(&[])?;
            Command::Other(words())
        }
        "STOPSIGNAL" => {
            exactly_one()?;
            Command::StopSignal(args.concat())
        }
        "MAINTAINER" => {
            exactly_one()?;
            flags(&[])?;
            Command::Other(Vec::new())
        }
        "CMD" | "ENTRYPOINT" => {
            flags(&[])?;
            Command::Other(Vec::new())
        }
        "SHELL" => {
            flags(&[])?;
            at_least_one()?;
            if !matches!(instruction.arguments, Arguments::Json(_)) {
                return Err("SHELL needs a JSON array of arguments".to_owned());
            }
            Command::Other(Vec::new())
        }
        "HEALTHCHECK" => {
            at_least_one()?;
            health_check(instruction, &args)?;
            Command::Other(Vec::new())
        }
        _ => return Err(format!("unknown instruction {:?}", instruction.keyword)),
    }))
}

fn from(instruction: &Instruction, args: &[&str]) -> Result<Stage, String> {
    let (base, name) = match args {
        [base] => (*base, String::new()),
        [base, word, name] if word.eq_ignore_ascii_case("as") => (*base, name.to_lowercase()),
        _ => return Err("FROM needs an image, or an image, AS and a name".to_owned()),
    };
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if args.len() == 3 && !(name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(known)) {
        let rule = "it must begin with a letter, and have letters, digits, `-`, `_` and `.` only";
        return Err(format!("{name:?} is not a valid name of a stage: {rule}"));
    }
    let flags = Flags::read(&instruction.flags, &[("platform", Kind::Text)])?;
    Ok(Stage {
        name,
        base: base.to_owned(),
        platform: flags.text("platform"),
        lines: instruction.lines,
        text: shown(instruction),
        steps: Vec::new(),
    })
}

fn run(instruction: &Instruction) -> Result<Command, String> {
    let flags = Flags::read(
        &instruction.flags,
        &[("mount", Kind::Texts), ("network", Kind::Text), ("security", Kind::Text), ("device", Kind::Texts)],
    )?;
    for (flag, known) in
        [("network", &["", "default", "none", "host"][..]), ("security", &["", "sandbox", "insecure"])]
    {
        let value = flags.text(flag);
        if !known.contains(&value.as_str()) {
            return Err(format!("{value:?} is not a valid value of --{flag}, use one of{}", known.join(" ")));
        }
    }
    let mounts = flags.texts("mount").iter().map(|mount| Mount::read(mount)).collect::<Result<_, _>>()?;
    Ok(Command::Run(Run { mounts }))
}

/// The trigger's text, with its here-documents.
fn on_build(instruction: &Instruction) -> Result<String, String> {
    if let Arguments::Instruction(trigger) = &instruction.arguments {
        match trigger.keyword.to_ascii_uppercase().as_str() {
            "ONBUILD" => return Err("ONBUILD can't be an ONBUILD trigger".to_owned()),
            keyword @ ("MAINTAINER" | "FROM") => {
                return Err(format!("{keyword} can't be an ONBUILD trigger"));
            }
            _ => {}
        }
    }
    let keyword = instruction.keyword.len();
    let mut text = instruction.text.get(keyword..).unwrap_or_default().trim_start().to_owned();
    for document in &instruction.here_documents {
        text = format!("{text}\n{}{}", document.text, document.name);
    }
    Ok(text)
}

fn health_check(instruction: &Instruction, args: &[&str]) -> Result<(), String> {
    let (kind, command) = args.split_first().map_or(("", &[][..]), |(kind, command)| (*kind, command));
    if kind.eq_ignore_ascii_case("none") {
        return match command {
            [] => Ok(()),
            _ => Err("HEALTHCHECK NONE takes no arguments".to_owned()),
        };
    }
    Flags::read(
        &instruction.flags,
        &["interval", "timeout", "start-period", "start-interval", "retries"].map(|name| (name, Kind::Text)),
    )?;
    match command {
        _ if !kind.eq_ignore_ascii_case("cmd") => {
            Err(format!("{kind:?} is not a type of HEALTHCHECK, use CMD or NONE"))
        }
        [] => Err("HEALTHCHECK CMD needs a command".to_owned()),
        _ => Ok(()),
    }
}

fn pairs(keyword: &str, arguments: &Arguments) -> Result<Vec<(String, String)>, String> {
    match arguments {
        Arguments::Pairs(pairs) if pairs.iter().any(|(name, _)| name.is_empty()) => {
            Err(format!("a name of {keyword} can't be empty"))
        }
        Arguments::Pairs(pairs) if !pairs.is_empty() => Ok(pairs.clone()),
        _ => Err(format!("{keyword} needs at least one argument")),
    }
}

impl Arg {
    fn read(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() && value.is_some() {
            return Err("a name of ARG can't be empty".to_owned());
        }
        Ok(Self { name: name.to_owned(), value })
    }
}
