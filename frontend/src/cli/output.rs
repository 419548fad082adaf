//! The only place that prints. Data goes to standard output, everything said about it to standard error.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use policy_engine::policy::Diagnostic;

use super::error::Error;
use super::{Color, Global};
use crate::policy_spec::LogLevel;
use crate::redact;
use crate::report::human::printable;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default().bold();
const HELP: Style = AnsiColor::Green.on_default().bold();

/// How a command reports, where that is all it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// For programs
    Json,
}

/// Both streams, and how much is said on them.
#[derive(Debug, Clone)]
pub(super) struct Output {
    color: Color,
    level: LogLevel,
}

impl Output {
    pub(super) fn new(global: &Global) -> Self {
        let level = match (global.quiet, global.verbose) {
            (true, _) => LogLevel::Error,
            (_, true) => LogLevel::Debug,
            _ => LogLevel::Info,
        };
        Self { color: global.color, level }
    }

    /// Whether only what went wrong is printed.
    pub(super) fn quiet(&self) -> bool {
        self.level <= LogLevel::Error
    }

    /// Whether standard output takes symbols beside words.
    pub(super) fn symbols(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => io::stdout().is_terminal(),
        }
    }

    /// The result of a command. A reader who hangs up has seen enough; the exit code still tells.
    pub(super) fn data(&self, text: &str) -> io::Result<()> {
        let mut stdout = AutoStream::new(io::stdout().lock(), self.choice(&io::stdout()));
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// An empty screen, where there is one.
    pub(super) fn clear(&self) {
        if self.color != Color::Never && io::stdout().is_terminal() {
            let mut stdout = io::stdout().lock();
            // Without it, the next report stands below the one before.
            let _lost = stdout.write_all(b"\x1b[2J\x1b[H").and_then(|()| stdout.flush());
        }
    }

    /// Why a command failed.
    pub(super) fn failure(&self, error: &Error) {
        let problems = error.problems();
        for problem in problems {
            self.diagnostic(ERROR, "error", problem);
        }
        if problems.is_empty() {
            self.say(LogLevel::Error, ERROR, "error", &error.to_string());
        }
        if let Some(help) = error.help() {
            self.say(LogLevel::Error, HELP, "help", &help);
        }
    }

    /// Lines that go with a failure, fit to be shown.
    pub(super) fn excerpt(&self, lines: &str) {
        let mut stderr = AutoStream::new(io::stderr().lock(), self.choice(&io::stderr()));
        // There is nobody left to tell when standard error cannot be written.
        let _lost = stderr.write_all(lines.as_bytes());
    }

    /// A remark about a policy.
    pub(super) fn policy_warning(&self, warning: &Diagnostic) {
        if self.level >= LogLevel::Warn {
            self.diagnostic(WARNING, "warning", warning);
        }
    }

    /// Something the user should know.
    pub(super) fn warning(&self, text: &str) {
        self.say(LogLevel::Warn, WARNING, "warning", text);
    }

    /// Something the user may want to know.
    pub(super) fn note(&self, text: &str) {
        self.say(LogLevel::Info, NOTE, "note", text);
    }

    /// A step on the way, for `-v`.
    pub(super) fn debug(&self, text: &str) {
        self.say(LogLevel::Debug, NOTE, "debug", text);
    }

    /// What takes so long; of interest only to somebody who waits at a terminal.
    pub(super) fn progress(&self, text: &str) {
        if io::stderr().is_terminal() {
            self.note(text);
        }
    }

    fn diagnostic(&self, style: Style, kind: &str, problem: &Diagnostic) {
        let kind = format!("{kind}[{}]", problem.code);
        self.say(LogLevel::Error, style, &kind, &format!("{}: {}", problem.position, problem.message));
        if let Some(help) = &problem.help {
            self.say(LogLevel::Error, HELP, "help", help);
        }
    }

    fn say(&self, level: LogLevel, style: Style, kind: &str, text: &str) {
        if level > self.level {
            return;
        }
        let mut stderr = AutoStream::new(io::stderr().lock(), self.choice(&io::stderr()));
        let text = printable(&redact::url(text));
        // There is nobody left to tell when standard error cannot be written.
        let _lost = writeln!(stderr, "{style}{kind}{style:#}: {text}");
    }

    fn choice(&self, stream: &impl anstream::stream::RawStream) -> ColorChoice {
        match self.color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            Color::Auto => AutoStream::choice(stream),
        }
    }
}
