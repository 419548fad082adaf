//! `SOURCE_DATE_EPOCH` that is no number: BuildKit then takes the time of a source, which it asks about for that.

use policy_engine::source::SourceOp;

use super::environment::Environment;
use super::expand::Variables;
use super::instructions::{Add, Command, Stage, Stages, Step};
use super::named::{Named, NamedContexts};
use super::parse::{LineRange, ParseError};
use super::stages::Conversion;
use super::steps;

const ARGUMENT: &str = "SOURCE_DATE_EPOCH";

/// What the time is taken from.
pub(super) enum Epoch<'a> {
    /// The main context.
    Context,
    /// A source; its step where it stands in a stage.
    Source(SourceOp, Option<&'a Step>),
}

impl Conversion<'_> {
    /// What the time of the build is taken from, where it isn't given as a number.
    pub(super) fn epoch<'s>(&self, stages: &'s Stages) -> Result<Option<Epoch<'s>>, ParseError> {
        let error = |message: String| ParseError { lines: LineRange::default(), message };
        let given = self.build.options.build_arg(ARGUMENT).or_else(|| self.global.get(ARGUMENT));
        let Some(value) = given.filter(|value| !value.is_empty() && value.parse::<i64>().is_err()) else {
            return Ok(None);
        };
        if value == "context" {
            return Ok(Some(Epoch::Context));
        }
        let contexts = NamedContexts(&self.build.options.build_contexts);
        match contexts.find(value, self.build.build_platform).map_err(error)? {
            None => {}
            Some(Named::Nothing | Named::Target(_)) => return Ok(None),
            Some(
                Named::Image(source)
                | Named::Layout { source, .. }
                | Named::Remote(source)
                | Named::Local(source),
            ) => return Ok(Some(Epoch::Source(source, None))),
        }
        let stage = stages.stages.iter().find(|stage| stage.name.eq_ignore_ascii_case(value));
        let Some(stage) = stage.filter(|stage| !stage.name.is_empty()) else {
            let known = "a number, `context`, a named context or a stage";
            return Err(error(format!("{ARGUMENT} must be {known}, not {value:?}")));
        };
        let found = self.of_stage(stage).map_err(|message| ParseError { lines: stage.lines, message })?;
        Ok(Some(Epoch::Source(found.0, Some(found.1))))
    }

    /// The only source of a stage that has nothing else.
    fn of_stage<'s>(&self, stage: &'s Stage) -> Result<(SourceOp, &'s Step), String> {
        let only = || format!("a stage for {ARGUMENT} must be FROM scratch with a single ADD of a URL");
        let expand = |word: &str, env: &Environment| self.expander.word(word, env).map_err(|e| e.to_string());
        if expand(&stage.base, &self.global)? != "scratch" {
            return Err(only());
        }
        let mut env = self.global.clone();
        let mut found = None;
        for step in &stage.steps {
            match &step.command {
                Command::Arg(args) => {
                    for arg in args {
                        let value = match (self.build.options.build_arg(&arg.name), &arg.value) {
                            (Some(given), _) => given.to_owned(),
                            (None, Some(default)) => expand(default, &env)?,
                            (None, None) => continue,
                        };
                        env.set(&arg.name, &value)?;
                    }
                }
                Command::Add(Add { transfer, keep_git_dir, checksum }) if found.is_none() => {
                    let [source] = transfer.sources.as_slice() else { return Err(only()) };
                    let (source, mut checksum) = (expand(source, &env)?, expand(checksum, &env)?);
                    let source = steps::remote(&source, &mut keep_git_dir.clone(), &mut checksum)?;
                    found = Some((source.ok_or_else(only)?, step));
                }
                _ => return Err(only()),
            }
        }
        found.ok_or_else(only)
    }
}
